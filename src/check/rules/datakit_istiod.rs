//! DataKit collects istiod's metrics: by an address that leads to istiod, by kubernetesprometheus, or by discovery.

use toml::Table;

use super::istiod_ready::is_elsewhere;
use super::{Check, datakit as shared};
use crate::check::Outcome;
use crate::facts::datakit::{ENV_DISCOVERY, SCRAPE_ANNOTATION};
use crate::facts::istio;
use crate::facts::scrape::unrendered;
use crate::kube::Object;
use crate::mesh::{ConfFile, Datakit, Mesh, istiod_services, target};
use crate::rule::datakit::conf;
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "datakit-istiod", section: "DataKit", title: "DataKit collects istiod's metrics", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        one(mesh, datakit, outcome);
    }
}

/// Whether a block is about istiod, however wrong it is.
fn speaks_of_istiod(table: &Table) -> bool {
    let text = table.to_string();
    text.contains(istio::ISTIOD) || text.contains(istio::ISTIOD_PORT)
}

fn one(mesh: &Mesh<'_>, datakit: &Datakit<'_>, outcome: &mut Outcome) {
    let mut found = false;
    if !datakit.switches_off("prom") {
        for (file, table) in datakit.conf.blocks("prom").filter(|(_, table)| speaks_of_istiod(table)) {
            found = true;
            outcome.looked(CHECK.id);
            for url in conf::urls(table) {
                address(CHECK.id, mesh, datakit, file, url, outcome);
            }
        }
    }
    let newer = datakit.conf.blocks("kubernetesprometheus").any(|(_, table)| {
        conf::scrapes(table, istio::ISTIOD_PORT, istio::NAMESPACE) || speaks_of_istiod(table)
    });
    let annotated = || {
        let istiods = mesh.inventory.of("apps", "Deployment").filter(|o| o.label("app") == istio::ISTIOD);
        let mut templates = istiods.flat_map(Object::pod_templates);
        templates.any(|template| template.at(&["metadata", "annotations", SCRAPE_ANNOTATION]).is_set())
    };
    if found || newer || datakit.env_text(ENV_DISCOVERY) == "true" || annotated() {
        return outcome.looked(CHECK.id);
    }
    if datakit.conf.has_lost("istiod") {
        return;
    }
    let others = mesh.datakits.iter().filter(|other| !std::ptr::eq(other.object, datakit.object));
    let by_another = |other: &Datakit<'_>| {
        let mut blocks =
            ["prom", "kubernetesprometheus"].into_iter().flat_map(|input| other.conf.blocks(input));
        blocks.any(|(_, table)| speaks_of_istiod(table))
    };
    if others.into_iter().any(by_another) {
        return outcome.looked(CHECK.id);
    }
    if datakit.conf.blocks("prom").next().is_some() && datakit.switches_off("prom") {
        let place = datakit.container.get("env");
        let message =
            "`-prom` among the enabled inputs switches the input off, so istiod's metrics are not collected";
        outcome.fail(CHECK.id, datakit.object, place, message, "remove `-prom` from the list of inputs");
        return;
    }
    let place = datakit.container.get("env");
    if let Some((field, what)) = datakit.conf.unseen.first() {
        let message = format!("whether istiod is collected from depends on {what}, which is not in view");
        return outcome.unknown(CHECK.id, datakit.object, *field, message);
    }
    let is_outside = mesh.inventory.live || is_elsewhere(mesh);
    if is_outside && istiod_services(mesh.inventory).next().is_none() {
        return outcome.unknown(CHECK.id, datakit.object, place, "the cluster has no istiod of its own");
    }
    outcome.warn(
        CHECK.id,
        datakit.object,
        place,
        "nothing collects istiod's metrics",
        shared::patch(datakit, ""),
    );
}

/// Whether an address leads to the metrics of istiod or of a gateway: an existing Service, its port, path and scheme.
pub(super) fn address(
    id: &'static str,
    mesh: &Mesh<'_>,
    datakit: &Datakit<'_>,
    file: &ConfFile<'_>,
    url: &str,
    outcome: &mut Outcome,
) {
    let mut fail = |message: String, right: String| {
        let message = format!("`{}` scrapes {url}, {message}", file.name);
        outcome.fail(id, file.object, file.field, message, right);
    };
    // Variables of the environment are filled in by DataKit.
    let open = unrendered(url).filter(|(part, _)| part.starts_with("{{") || part.starts_with('<'));
    if let Some((part, _)) = open {
        let right = format!("write the value that `{part}` stands for");
        return fail(format!("with `{part}` that nothing has filled in"), right);
    }
    if url.contains("$IP") {
        let right =
            "write the name of a Service, as http://istiod.istio-system.svc.cluster.local:15014/metrics";
        return fail("and `$IP` is replaced in annotations of pods only".to_owned(), right.to_owned());
    }
    let Some(target) = target(url) else {
        return fail("which is no address".to_owned(), "write it as http://HOST:PORT/PATH".to_owned());
    };
    let path = match target.port.to_string().as_str() {
        istio::ISTIOD_PORT => "/metrics",
        istio::SIDECAR_PORT | istio::ENVOY_PORT => istio::SIDECAR_PATH,
        _ if url.contains(istio::ISTIOD) => "/metrics",
        _ => istio::SIDECAR_PATH,
    };
    let port = if path == "/metrics" { istio::ISTIOD_PORT } else { istio::SIDECAR_PORT };
    let right = |host: &str, port: &str| format!("write url = \"http://{host}:{port}{path}\"");
    let Some(name) = target.service(datakit.object.namespace()) else {
        outcome.unknown(id, file.object, file.field, format!("{url} is outside of the cluster"));
        return;
    };
    let inside = |service: &str, namespace: &str| format!("{service}.{namespace}.svc.cluster.local");
    if name.rest != "svc.cluster.local" && nearest(name.rest, ["svc.cluster.local"]).is_some() {
        let host = inside(name.service, name.namespace);
        return fail(format!("and `{}` is no domain of the cluster", name.rest), right(&host, port));
    }
    let Some(service) = mesh.inventory.get("", "Service", name.namespace, name.service) else {
        let candidate = candidate(mesh, name.service);
        let host = candidate.map(|service| inside(service.name(), service.namespace()));
        if host.is_none() && mesh.inventory.may_miss("", "services") {
            outcome.unknown(id, file.object, file.field, format!("the Service of {url} is not in view"));
            return;
        }
        let hint = host.map_or_else(
            || {
                if path == "/metrics" {
                    "write the Service of istiod, see `kubectl get services -A -l app=istiod`".to_owned()
                } else {
                    "meshobs init gateway-metrics | kubectl apply -f -".to_owned()
                }
            },
            |host| right(&host, port),
        );
        return fail(format!("and namespace `{}` has no Service `{}`", name.namespace, name.service), hint);
    };
    let host = target.host.as_str();
    let mut ports = service.at(&["spec", "ports"]).items();
    if !ports.any(|entry| entry.get("port").number() == Some(target.port)) {
        return fail(
            format!("and {} has no port {}; metrics are on {port}", service.title(), target.port),
            right(host, port),
        );
    }
    let expected = target.port.to_string();
    if ![istio::ISTIOD_PORT, istio::SIDECAR_PORT, istio::ENVOY_PORT].contains(&expected.as_str()) {
        // A port with another number may lead to the right one.
        let own = |entry: &crate::kube::Field<'_>| entry.get("port").number() == Some(target.port);
        let entry = service.at(&["spec", "ports"]).items().find(own);
        let target_port = entry.map(|entry| entry.get("targetPort"));
        let leads =
            target_port.is_some_and(|field| field.is(port) || (field.is_set() && field.number().is_none()));
        if !leads && url.contains(istio::ISTIOD) {
            return fail(
                format!("and port {} of istiod has no metrics; they are on {port}", target.port),
                right(host, port),
            );
        }
        return;
    }
    if target.scheme != "http" {
        return fail(
            format!("and port {} speaks http, not {}", target.port, target.scheme),
            right(host, &expected),
        );
    }
    let also = target.port.to_string() == istio::SIDECAR_PORT && target.path == "/metrics";
    if target.path != path && !also {
        let shown = if target.path.is_empty() { "/" } else { &target.path };
        fail(format!("and the path {shown} has no metrics; they are on {path}"), right(host, &expected));
    }
}

/// The Service that was most likely meant.
fn candidate<'i>(mesh: &Mesh<'i>, wrong: &str) -> Option<&'i Object> {
    let all = || mesh.inventory.of("", "Service");
    all().find(|service| service.name() == wrong).or_else(|| {
        if wrong.contains(istio::ISTIOD) {
            return istiod_services(mesh.inventory).next();
        }
        let near = nearest(wrong, all().map(Object::name))?;
        let near = all().find(|service| service.name() == near);
        near.or_else(|| {
            istiod_services(mesh.inventory).next().filter(|_| nearest(wrong, ["istiod"]).is_some())
        })
    })
}
