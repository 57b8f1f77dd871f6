//! DataKit: there, ready, told where to upload to, and told what to collect.

use super::workload_ready::why_not_ready as waiting;
use crate::check::Outcome;
use crate::facts::datakit::{ENV_CONF, ENV_DISCOVERY, ENV_LISTEN, WITHOUT_ANNOTATION};
use crate::facts::istio;
use crate::kube::{Field, Object};
use crate::manifest::datakit::{CONF_D, ENV_DATAWAY};
use crate::mesh::{Datakit, Mesh};
use crate::rule::datakit::conf;
use crate::rule::datakit::dataway::{self, State};

/// A file that DataKit reads: its mount, its name, and its text where that is known.
struct ConfFile<'i> {
    mount: Field<'i>,
    name: String,
    text: Option<String>,
}

pub(super) fn datakit(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        one(mesh, datakit, outcome);
    }
    if !mesh.datakits.is_empty() {
        outcome.looked("datakit-missing");
    } else if mesh.inventory.live {
        outcome.missing(
            "datakit-missing",
            "DataKit",
            "no DaemonSet in the cluster runs DataKit",
            "meshobs init datakit --token | kubectl apply -f -",
        );
    }
}

fn one(mesh: &Mesh<'_>, datakit: &Datakit<'_>, outcome: &mut Outcome) {
    let object = datakit.object;
    if mesh.inventory.live {
        outcome.looked("datakit-ready");
        let count = |key| object.at(&["status", key]).number().unwrap_or(0);
        let (ready, wanted) = (count("numberReady"), count("desiredNumberScheduled"));
        if wanted == 0 || ready < wanted {
            let message = format!("ready on {ready} of {wanted} nodes{}", waiting(mesh, object));
            let hint = "kubectl describe the pods that are not";
            outcome.fail("datakit-ready", object, object.at(&["status"]), message, hint);
        }
    }
    token(datakit, outcome);
    outcome.looked("datakit-listen");
    let listen = datakit.env_text(ENV_LISTEN);
    if listen.is_empty() || listen.starts_with("localhost") || listen.starts_with("127.") {
        outcome.fail(
            "datakit-listen",
            object,
            datakit.container.get("env"),
            "DataKit listens on localhost only, so no sidecar reaches it",
            "set ENV_HTTP_LISTEN to 0.0.0.0:9529",
        );
    }
    outcome.looked("datakit-version");
    if datakit.version() == Some(WITHOUT_ANNOTATION) {
        outcome.warn(
            "datakit-version",
            object,
            datakit.image(),
            "DataKit 1.63.0 ignores the annotation datakit/prom.instances",
            "take 1.63.1 or later",
        );
    }
    let before = outcome.findings.len();
    let files = files(mesh, datakit, outcome);
    // Where a file is told to be lost, what is in it is not told to be missing, too.
    let lost = outcome.findings.len() > before;
    collectors(datakit, &files, lost, outcome);
}

fn token(datakit: &Datakit<'_>, outcome: &mut Outcome) {
    outcome.looked("datakit-token");
    let hint = "meshobs init datakit --token --from FILE";
    let Some(var) = datakit.env(ENV_DATAWAY) else {
        let place = datakit.container.get("env");
        outcome.fail("datakit-token", datakit.object, place, "no ENV_DATAWAY, so nothing is uploaded", hint);
        return;
    };
    if var.get("valueFrom").is_set() {
        return;
    }
    let message = match dataway::state(&var.get("value").text()) {
        State::Filled => return,
        State::Empty | State::NoToken => "ENV_DATAWAY still has a placeholder, so nothing is uploaded",
        State::Broken => "ENV_DATAWAY is no absolute URL, so DataKit never opens its port",
    };
    outcome.fail("datakit-token", datakit.object, var.get("value"), message, hint);
}

/// The files that are mounted where DataKit reads its configuration; tells mounts without a key, keys without a mount, and
/// files that cannot be read.
fn files<'i>(mesh: &Mesh<'i>, datakit: &Datakit<'i>, outcome: &mut Outcome) -> Vec<ConfFile<'i>> {
    let object = datakit.object;
    let mut found = Vec::new();
    let mut maps: Vec<(&Object, Vec<String>, bool)> = Vec::new();
    for mount in datakit.container.get("volumeMounts").items() {
        let path = mount.get("mountPath").text();
        let sub_path = mount.get("subPath");
        let mut volumes = datakit.template.at(&["spec", "volumes"]).items();
        let volume = volumes.find(|volume| volume.get("name").is(&mount.get("name").text()));
        let source = volume.map(|volume| volume.get("configMap")).filter(|source| source.is_set());
        let Some(source) = source.filter(|_| path.starts_with(CONF_D)) else { continue };
        let map_name = source.get("name").text();
        let map = mesh.inventory.get("", "ConfigMap", object.namespace(), &map_name);
        let file = sub_path.text();
        let item = source.get("items").items().find(|item| item.get("path").is(&file));
        let key = item.map_or_else(|| file.clone(), |item| item.get("key").text());
        if file.is_empty() {
            if let Some(map) = map {
                maps.push((map, Vec::new(), true));
                for (name, value) in map.at(&["data"]).entries() {
                    let text = Some(value.text().into_owned());
                    found.push(ConfFile { mount, name: name.into_owned(), text });
                }
            } else {
                found.push(ConfFile { mount, name: path.into_owned(), text: None });
            }
            continue;
        }
        outcome.looked("datakit-mount");
        let content = map.map(|map| map.at(&["data"]).get(&key));
        let picked = item.is_some() || source.get("items").items().next().is_none();
        let there = match (map, content) {
            (Some(map), Some(content)) => content.exists() || map.at(&["binaryData"]).get(&key).exists(),
            _ => !mesh.inventory.live,
        };
        if let Some(map) = map.filter(|_| there) {
            match maps.iter_mut().find(|(known, ..)| std::ptr::eq(*known, map)) {
                Some((_, keys, _)) => keys.push(key.clone().into_owned()),
                None => maps.push((map, vec![key.clone().into_owned()], false)),
            }
        }
        if !there || !picked {
            outcome.fail(
                "datakit-mount",
                object,
                sub_path,
                format!("{path} mounts `{file}`, which ConfigMap `{map_name}` does not give: it becomes an empty folder"),
                "add the key to the ConfigMap, or remove the mount",
            );
            continue;
        }
        let text = content.filter(|content| content.exists()).map(|content| content.text().into_owned());
        found.push(ConfFile { mount, name: file.into_owned(), text });
    }
    for (map, keys, whole) in maps {
        unmounted(map, &keys, whole, outcome);
    }
    found
}

fn unmounted(map: &Object, keys: &[String], whole: bool, outcome: &mut Outcome) {
    outcome.looked("datakit-unmounted");
    for (key, value) in map.at(&["data"]).entries().filter(|(key, _)| key.ends_with(".conf")) {
        if !whole && !keys.iter().any(|known| *known == key) {
            outcome.warn(
                "datakit-unmounted",
                map,
                value,
                format!("`{key}` is mounted nowhere, so DataKit never reads it"),
                "mount it below /usr/local/datakit/conf.d",
            );
        }
    }
}

fn collectors(datakit: &Datakit<'_>, files: &[ConfFile<'_>], lost: bool, outcome: &mut Outcome) {
    let object = datakit.object;
    let mut blocks = conf::inputs(&datakit.env_text(ENV_CONF));
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
                let what = error.message().lines().next().unwrap_or_default();
                outcome.fail(
                    "datakit-conf",
                    object,
                    file.mount,
                    format!("`{}` is not valid TOML ({what}), so DataKit drops it", file.name),
                    "mend the text in the ConfigMap",
                );
            }
        }
    }
    zipkin(datakit, &blocks, unknown, outcome);
    let istiod = blocks.iter().any(|(name, block)| match name.as_str() {
        "prom" => {
            let port = format!(":{}", istio::ISTIOD_PORT);
            conf::urls(block).iter().any(|url| url.contains(istio::ISTIOD) && url.contains(&port))
        }
        "kubernetesprometheus" => conf::scrapes(block, istio::ISTIOD_PORT, istio::NAMESPACE),
        _ => false,
    });
    if !unknown || istiod {
        outcome.looked("datakit-istiod");
    }
    if !istiod && !unknown && datakit.env_text(ENV_DISCOVERY) != "true" {
        let place = datakit.container.get("env");
        outcome.warn("datakit-istiod", object, place, "nothing collects istiod's metrics", ADDS);
    }
}

const ADDS: &str = "meshobs patch --only datakit adds it";

/// Whether an input takes spans.
fn zipkin(datakit: &Datakit<'_>, blocks: &[(String, toml::Table)], unknown: bool, outcome: &mut Outcome) {
    let place = datakit.container.get("env");
    let enabled = datakit.enabled_inputs();
    let zipkin = conf::zipkin_input(datakit.version());
    let configured =
        blocks.iter().any(|(name, _)| name == zipkin) || enabled.iter().any(|name| name == zipkin);
    let off = enabled.iter().any(|name| name.strip_prefix('-') == Some(zipkin));
    if !unknown || configured || off {
        outcome.looked("datakit-zipkin");
    }
    if off {
        let message = format!("`-{zipkin}` among the enabled inputs switches spans off");
        outcome.fail("datakit-zipkin", datakit.object, place, message, "remove it from the list");
    } else if !configured && !unknown {
        let other = blocks.iter().any(|(name, _)| name == "zipkin" || name == "traceZipkin");
        let message = if other {
            format!("this DataKit calls the input `{zipkin}`, and its configuration is for another name")
        } else {
            "no input `zipkin`, so Envoy's spans are refused".to_owned()
        };
        outcome.fail("datakit-zipkin", datakit.object, place, message, ADDS);
    }
}
