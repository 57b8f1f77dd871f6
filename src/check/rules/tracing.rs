//! Whether what Istio sends ends at DataKit: the mesh configuration, or a Telemetry and its provider; then names, Services
//! and ports as a pod's resolver and kube-proxy would take them.

use crate::check::Outcome;
use crate::facts::datakit::PORT;
use crate::facts::istio::{NO_DEFAULT_TRACING, OTHER_TRACERS, ZIPKIN_PORT, default_zipkin_address};
use crate::kube::{Field, Object, Selector};
use crate::manifest::Version;
use crate::mesh::Mesh;
use crate::yaml::Document;

const REMEDY: &str = "meshobs init tracing prints what is needed";

pub(super) fn tracing(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    alias(mesh, outcome);
    // Of files only what they say can be judged: without DataKit among them nobody knows where it is.
    if !mesh.inventory.live && mesh.datakits.is_empty() {
        return;
    }
    for map in mesh.inventory.of("", "ConfigMap").filter(|map| is_mesh(map)) {
        let place = map.at(&["data", "mesh"]);
        let Some((host, port)) = destination(mesh, map, outcome) else { continue };
        outcome.looked("tracing-path");
        if let Err(broken) = follow(mesh, &host, port) {
            let message = format!("spans go to {host}:{port}, which does not end at DataKit: {}", broken.why);
            let (object, place) = broken.at.unwrap_or((map, place));
            outcome.fail("tracing-path", object, place, message, REMEDY);
        }
    }
}

/// Whether a ConfigMap is one that istiod reads.
fn is_mesh(map: &Object) -> bool {
    (map.name() == "istio" || map.name().starts_with("istio-")) && map.at(&["data", "mesh"]).is_string()
}

/// Where the sidecars of a mesh send their spans.
fn destination(mesh: &Mesh<'_>, map: &Object, outcome: &mut Outcome) -> Option<(String, u64)> {
    // A text without a value, or that is no YAML, says nothing.
    let text = map.text(&["data", "mesh"]).into_owned();
    let doc = Document::owned(text).ok().filter(|doc| doc.roots().next().is_some());
    let config = doc.as_ref().and_then(Field::root);
    outcome.looked("tracing-address");
    let telemetry = mesh.inventory.of("telemetry.istio.io", "Telemetry").find(|telemetry| {
        telemetry.namespace() == map.namespace()
            && telemetry.at(&["spec", "tracing", "0", "providers"]).items().next().is_some()
    });
    match telemetry {
        Some(telemetry) => provider(map, config, telemetry, outcome),
        None => bootstrap(map, config, outcome),
    }
}

/// What a Telemetry's provider says.
fn provider(
    map: &Object,
    config: Option<Field<'_>>,
    telemetry: &Object,
    outcome: &mut Outcome,
) -> Option<(String, u64)> {
    outcome.looked("tracing-provider");
    let place = telemetry.at(&["spec", "tracing", "0", "providers"]);
    let name = place.at(&["0", "name"]).text();
    let mut providers = config.into_iter().flat_map(|config| config.get("extensionProviders").items());
    let zipkin = providers.find(|entry| entry.get("name").is(&name)).map(|entry| entry.get("zipkin"));
    let Some(zipkin) = zipkin.filter(|zipkin| zipkin.exists()) else {
        outcome.fail(
            "tracing-provider",
            telemetry,
            place,
            format!("no Zipkin provider `{name}` in ConfigMap `{}`, so tracing is off", map.name()),
            "meshobs patch --only tracing --tracing-mode telemetry adds it",
        );
        return None;
    };
    let service = zipkin.get("service").text();
    let host = service.rsplit('/').next().unwrap_or_default().to_owned();
    Some((host, zipkin.get("port").number().unwrap_or(0)))
}

/// What the proxies' own configuration says.
fn bootstrap(map: &Object, config: Option<Field<'_>>, outcome: &mut Outcome) -> Option<(String, u64)> {
    let place = map.at(&["data", "mesh"]);
    let defaults = config.map(|config| config.get("defaultConfig"));
    let text = |path: &[&str]| defaults.map(|defaults| defaults.at(path).text()).unwrap_or_default();
    let mut address = text(&["tracing", "zipkin", "address"]).into_owned();
    if address.is_empty() {
        address = text(&["zipkinAddress"]).into_owned();
    }
    let other = |name: &&&str| defaults.is_some_and(|defaults| defaults.at(&["tracing", name]).exists());
    if let Some(other) = OTHER_TRACERS.iter().find(other) {
        let message = format!("traces go to `{other}`, not to DataKit");
        outcome.fail("tracing-address", map, place, message, "meshobs init tracing --help tells the ways");
        return None;
    }
    if address.is_empty() {
        let labels = ["operator.istio.io/version", "app.kubernetes.io/version"];
        let version = labels.iter().find_map(|label| Version::parse(&map.label(label)));
        if version.is_none_or(|version| version >= NO_DEFAULT_TRACING) {
            outcome.fail(
                "tracing-address",
                map,
                place,
                "no address for spans, so nothing is traced (Istio 1.22 and later have none by default)",
                "meshobs init tracing --detect",
            );
            return None;
        }
        address = default_zipkin_address(map.namespace());
    }
    let parts = address.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    if parts.is_none() {
        let message = format!("`{address}` is no host and port, so Envoy sends nothing");
        outcome.fail("tracing-address", map, place, message, "write it as HOST:PORT");
    }
    parts
}

/// The link that is broken.
struct Broken<'i> {
    /// What is wrong.
    why: String,
    /// Where.
    at: Option<(&'i Object, Field<'i>)>,
}

fn broken<'i>(why: impl Into<String>, at: Option<(&'i Object, Field<'i>)>) -> Broken<'i> {
    Broken { why: why.into(), at }
}

/// How many aliases may stand behind each other.
const ALIASES: usize = 8;

/// Whether an address leads to the port of a DataKit.
///
/// # Errors
/// The link that is broken.
fn follow<'i>(mesh: &Mesh<'i>, host: &str, port: u64) -> Result<(), Broken<'i>> {
    if host == "$(HOST_IP)" {
        return on_the_node(mesh, port);
    }
    let mut host = host.to_owned();
    for depth in 0.. {
        if host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[') {
            return Err(broken("an address outside of what can be checked", None));
        }
        let (name, namespace) = name_and_namespace(&host);
        let Some(service) = mesh.inventory.get("", "Service", namespace, name) else {
            return Err(broken(format!("there is no Service `{name}` in namespace `{namespace}`"), None));
        };
        if service.text(&["spec", "type"]) != "ExternalName" {
            return behind(mesh, service, port);
        }
        // An alias: another name, the same port.
        let target = service.at(&["spec", "externalName"]);
        if depth >= ALIASES {
            return Err(broken("the alias leads to itself", Some((service, target))));
        }
        host = target.text().trim_end_matches('.').to_owned();
    }
    Ok(())
}

/// Whether the DataKit of a pod's own node has a port.
fn on_the_node<'i>(mesh: &Mesh<'i>, port: u64) -> Result<(), Broken<'i>> {
    let Some(datakit) = mesh.datakits.first() else {
        return Err(broken("no DataKit on the nodes", None));
    };
    let spec = datakit.template.get("spec");
    let mut ports = datakit.container.get("ports").items();
    let claimed = ports.any(|entry| entry.get("hostPort").number() == Some(port));
    if port == u64::from(PORT) && (spec.get("hostNetwork").is_true() || claimed) {
        return Ok(());
    }
    Err(broken(format!("DataKit has no port {port} on the node"), Some((datakit.object, spec))))
}

fn name_and_namespace(host: &str) -> (&str, &str) {
    let mut labels = host.split('.');
    (labels.next().unwrap_or_default(), labels.next().unwrap_or("default"))
}

/// Whether a Service leads to the port of a DataKit.
fn behind<'i>(mesh: &Mesh<'i>, service: &'i Object, port: u64) -> Result<(), Broken<'i>> {
    let name = service.name();
    let ports = service.at(&["spec", "ports"]);
    let Some(entry) = ports.items().find(|entry| entry.get("port").number() == Some(port)) else {
        return Err(broken(format!("Service `{name}` has no port {port}"), Some((service, ports))));
    };
    let field = service.at(&["spec", "selector"]);
    let selector = Selector::of_map(field);
    let datakit = mesh.datakits.iter().find(|datakit| {
        datakit.object.namespace() == service.namespace()
            && !selector.is_empty()
            && selector.fits(datakit.template.at(&["metadata", "labels"]))
    });
    let Some(datakit) = datakit else {
        return Err(broken(format!("Service `{name}` selects no pods of DataKit"), Some((service, field))));
    };
    let target = entry.get("targetPort");
    let named = || {
        let mut ports = datakit.container.get("ports").items();
        ports.find(|port| port.get("name").is(&target.text()))?.get("containerPort").number()
    };
    let number = target.number().or_else(named).or_else(|| (!target.is_set()).then_some(port));
    if number != Some(u64::from(PORT)) {
        let why = format!("Service `{name}` sends port {port} to {}, not to {PORT}", target.text());
        return Err(broken(why, Some((service, ports))));
    }
    Ok(())
}

/// The guide's alias: it keeps the port 9411, so the Service behind it has to have that.
fn alias(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let services = mesh.inventory.of("", "Service").filter(|service| service.name() == "zipkin");
    for service in services.filter(|service| service.at(&["spec", "type"]).is("ExternalName")) {
        outcome.looked("tracing-port");
        let target = service.at(&["spec", "externalName"]);
        let host = target.text();
        let (name, namespace) = name_and_namespace(&host);
        let wrong = match mesh.inventory.get("", "Service", namespace, name) {
            Some(service) => {
                let mut ports = service.at(&["spec", "ports"]).items();
                !ports.any(|entry| entry.get("port").number() == Some(ZIPKIN_PORT.into()))
            }
            // DataKit's own Service has its own port alone.
            None => name == "datakit-service",
        };
        if wrong {
            outcome.fail(
                "tracing-port",
                service,
                target,
                format!("this alias keeps port 9411, and `{host}` has none: spans end nowhere"),
                "meshobs init tracing --mode external-name prints the Service that maps 9411 to 9529",
            );
        }
    }
}
