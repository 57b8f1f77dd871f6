//! DataKit: there, ready, told where to upload to, and told what to collect.

use super::super::Outcome;
use super::super::world::{Datakit, Object, World, at, list, text};
use crate::manifest::datakit::CONF_D;
use crate::manifest::{ImageRef, Version};
use crate::rule::datakit::conf;
use crate::rule::datakit::dataway::{self, State};
use crate::survey::input_names;

/// A file that DataKit reads: its mount's number, its name, and its text where that is known.
struct ConfFile {
    mount: usize,
    name: String,
    text: Option<String>,
}

pub(super) fn datakit(world: &World, outcome: &mut Outcome) {
    let mut any = false;
    for datakit in world.datakits() {
        any = true;
        one(world, &datakit, outcome);
    }
    if !any && world.live {
        outcome.missing(
            "datakit-missing",
            "DataKit",
            "no DaemonSet in the cluster runs DataKit",
            "meshobs init datakit --token | kubectl apply -f -",
        );
    } else if any {
        outcome.looked("datakit-missing");
    }
}

fn one(world: &World, datakit: &Datakit<'_>, outcome: &mut Outcome) {
    let number = datakit.container.to_string();
    let object = datakit.object;
    if world.live {
        outcome.looked("datakit-ready");
        let count = |key| object.at(&["status", key]).as_u64().unwrap_or(0);
        let (ready, wanted) = (count("numberReady"), count("desiredNumberScheduled"));
        if wanted == 0 || ready < wanted {
            let why = waiting(world, object);
            outcome.fail(
                "datakit-ready",
                object,
                &["status"],
                format!("ready on {ready} of {wanted} nodes{why}"),
                "kubectl describe the pods that are not",
            );
        }
    }
    token(datakit, &number, outcome);
    outcome.looked("datakit-listen");
    let listen = datakit.env_text("ENV_HTTP_LISTEN");
    if listen.is_empty() || listen.starts_with("localhost") || listen.starts_with("127.") {
        outcome.fail(
            "datakit-listen",
            object,
            &datakit.path(&number, &["env"]),
            "DataKit listens on localhost only, so no sidecar reaches it",
            "set ENV_HTTP_LISTEN to 0.0.0.0:9529",
        );
    }
    let image = text(at(datakit.value(), &["image"]));
    let version = ImageRef::parse(&image).tag.and_then(Version::parse);
    outcome.looked("datakit-version");
    if version == Some(Version::new(1, 63, 0)) {
        outcome.warn(
            "datakit-version",
            object,
            &datakit.path(&number, &["image"]),
            "DataKit 1.63.0 ignores the annotation datakit/prom.instances",
            "take 1.63.1 or later",
        );
    }
    let before = outcome.findings.len();
    let files = files(world, datakit, &number, outcome);
    // Where a file is told to be lost, what is in it is not told to be missing, too.
    let lost = outcome.findings.len() > before;
    collectors(datakit, &number, version, &files, lost, outcome);
}

fn token(datakit: &Datakit<'_>, number: &str, outcome: &mut Outcome) {
    outcome.looked("datakit-token");
    let hint = "meshobs init datakit --token --from FILE";
    let Some((i, var)) = datakit.env("ENV_DATAWAY") else {
        let path = datakit.path(number, &["env"]);
        return outcome.fail(
            "datakit-token",
            datakit.object,
            &path,
            "no ENV_DATAWAY, so nothing is uploaded",
            hint,
        );
    };
    if var.get("valueFrom").is_some_and(|from| !from.is_null()) {
        return;
    }
    let message = match dataway::state(&text(at(var, &["value"]))) {
        State::Filled => return,
        State::Empty | State::NoToken => "ENV_DATAWAY still has a placeholder, so nothing is uploaded",
        State::Broken => "ENV_DATAWAY is no absolute URL, so DataKit never opens its port",
    };
    let item = i.to_string();
    let path = datakit.path(number, &["env", &item, "value"]);
    outcome.fail("datakit-token", datakit.object, &path, message, hint);
}

/// The files that are mounted where DataKit reads its configuration; tells mounts without a key, keys without a mount, and
/// files that cannot be read.
fn files(world: &World, datakit: &Datakit<'_>, number: &str, outcome: &mut Outcome) -> Vec<ConfFile> {
    let object = datakit.object;
    let spec = object.at(&["spec", "template", "spec"]);
    let mut found = Vec::new();
    let mut maps: Vec<(&Object, Vec<String>, bool)> = Vec::new();
    for (i, mount) in list(at(datakit.value(), &["volumeMounts"])).enumerate() {
        let path = text(at(mount, &["mountPath"]));
        let name = text(at(mount, &["name"]));
        let sub_path = text(at(mount, &["subPath"]));
        let volume = list(at(spec, &["volumes"])).find(|volume| text(at(volume, &["name"])) == name);
        let Some(source) =
            volume.and_then(|volume| volume.get("configMap")).filter(|_| path.starts_with(CONF_D))
        else {
            continue;
        };
        let map_name = text(at(source, &["name"]));
        let map = world.get("", "ConfigMap", object.home(), &map_name);
        let items: Vec<_> = list(at(source, &["items"])).collect();
        let key = items.iter().find(|item| text(at(item, &["path"])) == sub_path);
        let key = key.map_or_else(|| sub_path.clone(), |item| text(at(item, &["key"])));
        if sub_path.is_empty() {
            if let Some(map) = map {
                maps.push((map, Vec::new(), true));
                for (name, value) in map.at(&["data"]).as_object().into_iter().flatten() {
                    found.push(ConfFile { mount: i, name: name.clone(), text: Some(text(value)) });
                }
            } else {
                found.push(ConfFile { mount: i, name: path, text: None });
            }
            continue;
        }
        outcome.looked("datakit-mount");
        let content = map.map(|map| map.at(&["data"]).get(&key));
        let picked = items.is_empty() || items.iter().any(|item| text(at(item, &["path"])) == sub_path);
        let there = match (map, content) {
            (Some(map), Some(None)) => map.at(&["binaryData"]).get(&key).is_some(),
            (Some(_), _) => true,
            (None, _) => !world.live,
        };
        if let Some(map) = map.filter(|_| there) {
            match maps.iter_mut().find(|(known, ..)| std::ptr::eq(*known, map)) {
                Some((_, keys, _)) => keys.push(key.clone()),
                None => maps.push((map, vec![key.clone()], false)),
            }
        }
        if !there || !picked {
            let item = i.to_string();
            let place = datakit.path(number, &["volumeMounts", &item, "subPath"]);
            outcome.fail(
                "datakit-mount",
                object,
                &place,
                format!("{path} mounts `{sub_path}`, which ConfigMap `{map_name}` does not give: it becomes an empty folder"),
                "add the key to the ConfigMap, or remove the mount",
            );
            continue;
        }
        found.push(ConfFile { mount: i, name: sub_path, text: content.flatten().map(text) });
    }
    for (map, keys, whole) in maps {
        outcome.looked("datakit-unmounted");
        let data = map.at(&["data"]).as_object();
        for key in data.into_iter().flat_map(|data| data.keys()).filter(|key| key.ends_with(".conf")) {
            if !whole && !keys.contains(key) {
                outcome.warn(
                    "datakit-unmounted",
                    map,
                    &["data", key],
                    format!("`{key}` is mounted nowhere, so DataKit never reads it"),
                    "mount it below /usr/local/datakit/conf.d",
                );
            }
        }
    }
    found
}

fn collectors(
    datakit: &Datakit<'_>,
    number: &str,
    version: Option<Version>,
    files: &[ConfFile],
    lost: bool,
    outcome: &mut Outcome,
) {
    let object = datakit.object;
    let mut blocks = conf::inputs(&datakit.env_text("ENV_DATAKIT_INPUTS"));
    let mut unknown = lost;
    for file in files {
        let Some(text) = &file.text else {
            unknown = true;
            continue;
        };
        outcome.looked("datakit-conf");
        match text.parse::<toml::Table>() {
            Ok(_) => blocks.extend(conf::inputs(text)),
            Err(error) => {
                unknown = true;
                let item = file.mount.to_string();
                let place = datakit.path(number, &["volumeMounts", &item]);
                let what = error.message().lines().next().unwrap_or_default();
                outcome.fail(
                    "datakit-conf",
                    object,
                    &place,
                    format!("`{}` is not valid TOML ({what}), so DataKit drops it", file.name),
                    "mend the text in the ConfigMap",
                );
            }
        }
    }
    let env = datakit.path(number, &["env"]);
    let enabled = ["ENV_DEFAULT_ENABLED_INPUTS", "ENV_ENABLE_INPUTS"].map(|name| datakit.env_text(name));
    let enabled = input_names(enabled.iter().find(|list| !list.is_empty()).map_or("", String::as_str));
    let zipkin = conf::zipkin_input(version);
    let configured =
        blocks.iter().any(|(name, _)| name == zipkin) || enabled.iter().any(|name| name == zipkin);
    let off = enabled.iter().any(|name| name.strip_prefix('-') == Some(zipkin));
    if !unknown || configured || off {
        outcome.looked("datakit-zipkin");
    }
    let hint = "meshobs patch --only datakit adds it";
    if off {
        let message = format!("`-{zipkin}` among the enabled inputs switches spans off");
        outcome.fail("datakit-zipkin", object, &env, message, "remove it from the list");
    } else if !configured && !unknown {
        let other = blocks.iter().any(|(name, _)| name == "zipkin" || name == "traceZipkin");
        let message = if other {
            format!("this DataKit calls the input `{zipkin}`, and its configuration is for another name")
        } else {
            "no input `zipkin`, so Envoy's spans are refused".to_owned()
        };
        outcome.fail("datakit-zipkin", object, &env, message, hint);
    }
    let istiod = blocks.iter().any(|(name, block)| match name.as_str() {
        "prom" => conf::urls(block).iter().any(|url| url.contains("istiod") && url.contains(":15014")),
        "kubernetesprometheus" => conf::scrapes(block, "15014", "istio-system"),
        _ => false,
    });
    let discovers =
        datakit.env_text("ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_POD_ANNOTATIONS");
    if !unknown || istiod {
        outcome.looked("datakit-istiod");
    }
    if !istiod && !unknown && discovers != "true" {
        outcome.warn("datakit-istiod", object, &env, "nothing collects istiod's metrics", hint);
    }
}

/// Why pods of a workload wait, for a message.
pub(in crate::check) fn waiting(world: &World, workload: &Object) -> String {
    let selector = workload.at(&["spec", "selector", "matchLabels"]).as_object();
    let pods = world.of("", "Pod").filter(|pod| {
        pod.home() == workload.home()
            && selector.is_some_and(|labels| {
                labels.iter().all(|(key, value)| pod.at(&["metadata", "labels"]).get(key) == Some(value))
            })
    });
    for pod in pods {
        for status in list(pod.at(&["status", "containerStatuses"])) {
            let reason = text(at(status, &["state", "waiting", "reason"]));
            if !reason.is_empty() {
                return format!(" ({}: {reason})", pod.name);
            }
        }
    }
    String::new()
}
