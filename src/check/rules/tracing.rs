//! Whether what Istio sends ends at DataKit: the mesh configuration, or a Telemetry and its provider; then names, Services
//! and ports as a pod's resolver and kube-proxy would take them.

use serde_json::Value;

use super::super::Outcome;
use super::super::world::{Object, World, at, list, text, value};
use crate::manifest::Version;
use crate::manifest::datakit::PORT;
use crate::yaml::Document;

/// Since this version nothing is traced unless it is configured.
const NO_DEFAULT: Version = Version::new(1, 22, 0);

pub(super) fn tracing(world: &World, outcome: &mut Outcome) {
    alias(world, outcome);
    // Of files only what they say can be judged: without DataKit among them nobody knows where it is.
    if !world.live && world.datakits().next().is_none() {
        return;
    }
    for map in world.of("", "ConfigMap").filter(|map| is_mesh(map)) {
        mesh(world, map, outcome);
    }
}

/// Whether a ConfigMap is one that istiod reads.
fn is_mesh(map: &Object) -> bool {
    (map.name == "istio" || map.name.starts_with("istio-")) && map.at(&["data", "mesh"]).is_string()
}

/// The mesh configuration's text as data.
fn mesh_config(map: &Object) -> Value {
    let text = map.text(&["data", "mesh"]);
    Document::parse(&text).ok().and_then(|doc| Some(value(&doc, doc.roots().next()?))).unwrap_or(Value::Null)
}

fn mesh(world: &World, map: &Object, outcome: &mut Outcome) {
    let config = mesh_config(map);
    let home = map.home();
    let place: &[&str] = &["data", "mesh"];
    let telemetry = world.of("telemetry.istio.io", "Telemetry").find(|telemetry| {
        telemetry.home() == home
            && list(telemetry.at(&["spec", "tracing", "0", "providers"])).next().is_some()
    });
    outcome.looked("tracing-address");
    let (host, port, object, place): (String, u64, &Object, &[&str]) = if let Some(telemetry) = telemetry {
        outcome.looked("tracing-provider");
        let name = telemetry.text(&["spec", "tracing", "0", "providers", "0", "name"]);
        let provider =
            list(at(&config, &["extensionProviders"])).find(|entry| text(at(entry, &["name"])) == name);
        let Some(zipkin) = provider.and_then(|provider| provider.get("zipkin")) else {
            return outcome.fail(
                "tracing-provider",
                telemetry,
                &["spec", "tracing", "0", "providers"],
                format!("no Zipkin provider `{name}` in ConfigMap `{}`, so tracing is off", map.name),
                "meshobs patch --only tracing --tracing-mode telemetry adds it",
            );
        };
        let service = text(at(zipkin, &["service"]));
        let host = service.rsplit('/').next().unwrap_or_default().to_owned();
        (host, at(zipkin, &["port"]).as_u64().unwrap_or(0), map, place)
    } else {
        let tracing = at(&config, &["defaultConfig", "tracing"]);
        let flat = text(at(&config, &["defaultConfig", "zipkinAddress"]));
        let mut address = text(at(tracing, &["zipkin", "address"]));
        if address.is_empty() {
            address = flat;
        }
        let other = ["lightstep", "datadog", "stackdriver", "openCensusAgent"];
        if let Some(other) = other.iter().find(|name| tracing.get(**name).is_some()) {
            let message = format!("traces go to `{other}`, not to DataKit");
            return outcome.fail(
                "tracing-address",
                map,
                place,
                message,
                "meshobs init tracing --help tells the ways",
            );
        }
        if address.is_empty() {
            let labels = ["operator.istio.io/version", "app.kubernetes.io/version"];
            let version =
                labels.iter().find_map(|label| Version::parse(&map.text(&["metadata", "labels", label])));
            if version.is_none_or(|version| version >= NO_DEFAULT) {
                return outcome.fail(
                    "tracing-address",
                    map,
                    place,
                    "no address for spans, so nothing is traced (Istio 1.22 and later have none by default)",
                    "meshobs init tracing --detect",
                );
            }
            address = format!("zipkin.{home}:9411");
        }
        match address.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?))) {
            Some((host, port)) => (host, port, map, place),
            None => {
                let message = format!("`{address}` is no host and port, so Envoy sends nothing");
                return outcome.fail("tracing-address", map, place, message, "write it as HOST:PORT");
            }
        }
    };
    outcome.looked("tracing-path");
    if let Err(broken) = leads_to_datakit(world, &host, port) {
        let message = format!("spans go to {host}:{port}, which does not end at DataKit: {}", broken.why);
        match broken.at {
            Some((object, path)) => {
                let path: Vec<_> = path.iter().map(String::as_str).collect();
                outcome.fail(
                    "tracing-path",
                    object,
                    &path,
                    message,
                    "meshobs init tracing prints what is needed",
                );
            }
            None => outcome.fail(
                "tracing-path",
                object,
                place,
                message,
                "meshobs init tracing prints what is needed",
            ),
        }
    }
}

/// The link that is broken.
struct Broken<'w> {
    /// What is wrong.
    why: String,
    /// Where: an object and a path in it.
    at: Option<(&'w Object, Vec<String>)>,
}

fn broken<'w>(why: impl Into<String>, at: Option<(&'w Object, &[&str])>) -> Broken<'w> {
    let at = at.map(|(object, path)| (object, path.iter().map(|key| (*key).to_owned()).collect()));
    Broken { why: why.into(), at }
}

/// Whether an address leads to the port of a DataKit.
///
/// # Errors
/// The link that is broken.
fn leads_to_datakit<'w>(world: &'w World, host: &str, port: u64) -> Result<(), Broken<'w>> {
    follow(world, host, port, 0)
}

/// How many aliases may stand behind each other.
const ALIASES: usize = 8;

fn follow<'w>(world: &'w World, host: &str, port: u64, depth: usize) -> Result<(), Broken<'w>> {
    if host == "$(HOST_IP)" {
        let Some(datakit) = world.datakits().next() else {
            return Err(broken("no DataKit on the nodes", None));
        };
        let own = datakit.object.at(&["spec", "template", "spec", "hostNetwork"]).as_bool() == Some(true);
        let claimed = list(at(datakit.value(), &["ports"]))
            .any(|entry| at(entry, &["hostPort"]).as_u64() == Some(port));
        if port == u64::from(PORT) && (own || claimed) {
            return Ok(());
        }
        let path = ["spec", "template", "spec"];
        return Err(broken(format!("DataKit has no port {port} on the node"), Some((datakit.object, &path))));
    }
    if host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[') {
        return Err(broken("an address outside of what can be checked", None));
    }
    let mut labels = host.split('.');
    let (name, namespace) = (labels.next().unwrap_or_default(), labels.next().unwrap_or("default"));
    let Some(service) = world.get("", "Service", namespace, name) else {
        return Err(broken(format!("there is no Service `{name}` in namespace `{namespace}`"), None));
    };
    if service.text(&["spec", "type"]) == "ExternalName" {
        // An alias: another name, the same port.
        let target = service.text(&["spec", "externalName"]);
        if depth >= ALIASES {
            return Err(broken("the alias leads to itself", Some((service, &["spec", "externalName"]))));
        }
        return follow(world, target.trim_end_matches('.'), port, depth + 1);
    }
    let entry =
        list(service.at(&["spec", "ports"])).find(|entry| at(entry, &["port"]).as_u64() == Some(port));
    let Some(entry) = entry else {
        return Err(broken(
            format!("Service `{name}` has no port {port}"),
            Some((service, &["spec", "ports"])),
        ));
    };
    let selector = service.at(&["spec", "selector"]).as_object();
    let datakit = world.datakits().find(|datakit| {
        let labels = datakit.object.at(&["spec", "template", "metadata", "labels"]);
        datakit.object.home() == service.home()
            && selector.is_some_and(|selector| {
                !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
            })
    });
    let Some(datakit) = datakit else {
        let why = format!("Service `{name}` selects no pods of DataKit");
        return Err(broken(why, Some((service, &["spec", "selector"]))));
    };
    let target = at(entry, &["targetPort"]);
    let named = || {
        let ports = list(at(datakit.value(), &["ports"]));
        let found = ports.into_iter().find(|port| at(port, &["name"]) == target);
        found.and_then(|port| at(port, &["containerPort"]).as_u64())
    };
    let number = target.as_u64().or_else(named).or_else(|| target.is_null().then_some(port));
    if number != Some(u64::from(PORT)) {
        let why = format!("Service `{name}` sends port {port} to {}, not to {PORT}", text(target));
        return Err(broken(why, Some((service, &["spec", "ports"]))));
    }
    Ok(())
}

/// The guide's alias: it keeps the port 9411, so the Service behind it has to have that.
fn alias(world: &World, outcome: &mut Outcome) {
    let aliases = world
        .of("", "Service")
        .filter(|service| service.name == "zipkin" && service.text(&["spec", "type"]) == "ExternalName");
    for service in aliases {
        outcome.looked("tracing-port");
        let target = service.text(&["spec", "externalName"]);
        let mut labels = target.split('.');
        let (name, namespace) = (labels.next().unwrap_or_default(), labels.next().unwrap_or("default"));
        let ports = world.get("", "Service", namespace, name).map(|service| {
            list(service.at(&["spec", "ports"]))
                .filter_map(|entry| at(entry, &["port"]).as_u64())
                .collect::<Vec<_>>()
        });
        let wrong = match &ports {
            Some(ports) => !ports.contains(&9411),
            // DataKit's own Service has its own port alone.
            None => name == "datakit-service",
        };
        if wrong {
            outcome.fail(
                "tracing-port",
                service,
                &["spec", "externalName"],
                format!("this alias keeps port 9411, and `{target}` has none: spans end nowhere"),
                "meshobs init tracing --mode external-name prints the Service that maps 9411 to 9529",
            );
        }
    }
}
