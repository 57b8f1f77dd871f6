//! The address for spans leads to the port of a DataKit.

use super::Check;
use super::spans::{self, Group};
use crate::check::{Finding, Outcome};
use crate::facts::datakit::ENV_LISTEN;
use crate::facts::datakit::PORT;
use crate::facts::istio::{PROVIDER_PATH, SPANS_PATH};
use crate::gate::command;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::route::{Break, NotOnNode, Outside, Way};
use crate::mesh::tracing::{Decider, Spans};

pub(super) const CHECK: Check =
    Check { id: "tracing-path", section: "tracing", title: "what Istio sends ends at DataKit", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if mesh.datakits.is_empty() && !mesh.inventory.live {
        return;
    }
    for group in &spans::groups(mesh) {
        let Some((from, address, way)) = spans::way(mesh, group) else { continue };
        if let Spans::Provider { provider, .. } = &group.decision.spans
            && provider.zipkin.is_none()
        {
            other_protocol(mesh, group, &provider.kind, from, &way, outcome);
            continue;
        }
        if !provider_path(group, outcome) {
            judge(mesh, group, from, &address, way, outcome);
        }
    }
}

/// Reports a provider's path that DataKit does not take.
fn provider_path(group: &Group<'_, '_>, outcome: &mut Outcome) -> bool {
    let Spans::Provider { provider, .. } = &group.decision.spans else { return false };
    let path = provider.endpoint().and_then(|endpoint| endpoint.path.as_deref()).unwrap_or_default();
    let plane = group.decision.plane;
    if path.is_empty() || path == SPANS_PATH || plane.version.is_some_and(|version| version < PROVIDER_PATH) {
        return false;
    }
    let name = provider.name.as_deref().unwrap_or_default();
    let message =
        format!("provider `{name}` posts spans to `{path}`, and DataKit takes them on {SPANS_PATH}");
    let hint = format!("remove `path` from the provider, or set it to {SPANS_PATH}");
    let finding = outcome.fail(CHECK.id, plane.object, plane.field, message, hint);
    group.follow_up(finding);
    true
}

/// Spans that are not Zipkin's: DataKit takes them where it has the input, others may hand them on.
fn other_protocol(
    mesh: &Mesh<'_>,
    group: &Group<'_, '_>,
    kind: &str,
    from: Decider<'_>,
    way: &Way<'_>,
    outcome: &mut Outcome,
) {
    let datakit = match way {
        Way::Datakit(object) => mesh.datakits.iter().find(|datakit| std::ptr::eq(datakit.object, *object)),
        Way::Broken(Break::WrongTarget { .. }) => mesh.datakits.first(),
        Way::Elsewhere(object) if hands_on(mesh, object) => {
            outcome.looked(CHECK.id);
            return;
        }
        _ => None,
    };
    if datakit.is_some_and(|datakit| datakit.enabled_inputs().iter().any(|input| input == kind)) {
        outcome.looked(CHECK.id);
        return;
    }
    if let Some(datakit) = datakit.filter(|datakit| datakit.runs(kind) == Some(false)) {
        let message = format!(
            "spans go to DataKit as `{kind}`, and no input `{kind}` runs there: they are refused; DataKit takes Envoy's as `zipkin`"
        );
        let hint = format!(
            "make the provider a `zipkin` one with port {PORT}, or add `{kind}` to {}",
            datakit.inputs_variable()
        );
        let finding = outcome.fail(CHECK.id, from.object, from.field, message, hint);
        group.follow_up(finding);
        return;
    }
    let message = match way {
        Way::Elsewhere(object) => {
            format!("spans go to {}; whether it hands them on to DataKit is not in view", object.title())
        }
        _ => format!("spans go out as `{kind}`; whether DataKit takes them is not in view"),
    };
    outcome.unknown(CHECK.id, from.object, from.field, message);
}

/// Whether a collector's configuration names a Service of DataKit.
fn hands_on(mesh: &Mesh<'_>, collector: &Object) -> bool {
    let specs = collector.pod_templates().map(|template| template.get("spec"));
    let volumes = specs.flat_map(|spec| spec.get("volumes").items());
    let mut names = volumes.map(|volume| volume.at(&["configMap", "name"]).text());
    let targets: Vec<String> = mesh
        .inventory
        .of("", "Service")
        .filter(|service| {
            mesh.datakits.iter().any(|datakit| datakit.object.namespace() == service.namespace())
        })
        .map(|service| format!("{}.{}", service.name(), service.namespace()))
        .collect();
    names.any(|name| {
        let map = mesh.inventory.get("", "ConfigMap", collector.namespace(), &name);
        map.is_some_and(|map| {
            let mut texts = map.at(&["data"]).entries();
            texts.any(|(_, text)| targets.iter().any(|target| text.text().contains(target.as_str())))
        })
    })
}

/// Whether a workload is a collector, which may hand spans on; what stores them itself is none.
fn is_collector(object: &Object) -> bool {
    let images = object.pod_templates().flat_map(|template| template.at(&["spec", "containers"]).items());
    let images: Vec<String> = images.map(|container| container.get("image").text().to_lowercase()).collect();
    let any = |words: &[&str]| images.iter().any(|image| words.iter().any(|word| image.contains(word)));
    !any(&["jaeger", "zipkin", "tempo"])
        && any(&["otel", "opentelemetry", "collector", "vector", "alloy", "fluent", "skywalking"])
}

fn judge(
    mesh: &Mesh<'_>,
    group: &Group<'_, '_>,
    from: Decider<'_>,
    address: &str,
    way: Way<'_>,
    outcome: &mut Outcome,
) {
    let (at, why, hint) = match way {
        Way::Datakit(_) => return outcome.looked(CHECK.id),
        // That there is no DataKit, or none as a DaemonSet, is one cause.
        Way::Broken(_) | Way::Elsewhere(_) if missing_datakit(outcome).is_some() => {
            if let Some(finding) = missing_datakit(outcome) {
                group.follow_up(finding);
            }
            return;
        }
        Way::Elsewhere(object) if hands_on(mesh, object) => return outcome.looked(CHECK.id),
        Way::Elsewhere(object) if is_collector(object) => {
            let message =
                format!("spans go to {}; whether it hands them on to DataKit is not in view", object.title());
            return outcome.unknown(CHECK.id, from.object, from.field, message);
        }
        Way::Elsewhere(object) => {
            let why = format!("they go to {}, not to DataKit", object.title());
            (from, why, spans::set_address(mesh, group.decision.plane))
        }
        Way::Outside(outside) => {
            let message = match outside {
                Outside::Address => {
                    format!("spans go to {address}, an IP address: what listens there is not in view")
                }
                Outside::Name(name) => format!("spans go to {name}, a name outside of the cluster"),
                Outside::OwnEndpoints(service) => {
                    format!("spans go to {service}, which has no selector: its endpoints are set by hand")
                }
                Outside::Files => format!("spans go to {address}: its Service is not among the files"),
            };
            return outcome.unknown(CHECK.id, from.object, from.field, message);
        }
        Way::Broken(link) => match explain(mesh, group, from, &link) {
            Some(explained) => explained,
            None => return,
        },
    };
    let message = format!("spans go to {address}, which does not end at DataKit: {why}");
    // Several addresses may go the same way.
    let spot = at.object.spot(at.field.offset());
    let mut known =
        outcome.findings.iter_mut().filter(|finding| finding.id == CHECK.id && finding.hint == hint);
    if let Some(known) = known.find(|finding| finding.subject == at.object.title() && finding.spot == spot) {
        return group.follow_up(known);
    }
    let finding = outcome.fail(CHECK.id, at.object, at.field, message, hint);
    group.follow_up(finding);
}

/// The finding that no DataKit is there.
fn missing_datakit(outcome: &mut Outcome) -> Option<&mut Finding> {
    outcome.findings.iter_mut().find(|finding| finding.id == "datakit-missing")
}

const LISTEN: &str = "set ENV_HTTP_LISTEN to 0.0.0.0:9529";

fn listens_elsewhere(port: u64) -> String {
    format!("DataKit listens on port {port}, not on its usual {PORT}")
}

/// The variable of a DataKit that says where it listens.
fn variable<'i>(mesh: &Mesh<'i>, object: &'i Object) -> Decider<'i> {
    let datakit = mesh.datakits.iter().find(|datakit| std::ptr::eq(datakit.object, object));
    let variable = datakit.and_then(|datakit| datakit.env(ENV_LISTEN)).map(|variable| variable.get("value"));
    Decider { object, field: variable.unwrap_or_else(|| object.at(&["spec", "template", "spec"])) }
}

/// Where a link is broken, why, and what mends it; nothing for what another check reports.
fn explain<'i>(
    mesh: &Mesh<'i>,
    group: &Group<'i, '_>,
    from: Decider<'i>,
    link: &Break<'i>,
) -> Option<(Decider<'i>, String, String)> {
    let plane = group.decision.plane;
    let by_provider = matches!(group.decision.spans, Spans::Provider { .. });
    let at = |object: &'i Object, path: &[&str]| Decider { object, field: object.at(path) };
    Some(match link {
        Break::NoService { .. } | Break::NoPort { .. } if by_provider => return None,
        Break::NoPort { alias: Some(_), .. } => return None,
        Break::NoService { host, name, namespace, nearest, alias } => {
            let place = alias.map_or(from, |alias| at(alias, &["spec", "externalName"]));
            let is_there =
                nearest.is_some_and(|found| found.name() == name && found.namespace() == namespace);
            let why = if is_there {
                format!("`{host}` is no name of a Service")
            } else {
                format!("there is no Service `{name}` in namespace `{namespace}`")
            };
            let hint = match (nearest, alias) {
                (Some(right), Some(_)) => format!("set spec.externalName to {}", spans::full_name(right)),
                (Some(right), None) => format!("write `{}` instead of `{host}`", spans::full_name(right)),
                (None, _)
                    if plane
                        .version
                        .is_none_or(|version| version < crate::facts::istio::NO_DEFAULT_TRACING) =>
                {
                    spans::init_services(mesh, Some(plane))
                }
                (None, _) => spans::set_address(mesh, plane),
            };
            (place, why, hint)
        }
        Break::NotFull { alias, host, full } => {
            let why = format!(
                "`{host}` is not a full name, and the target of an ExternalName gets no search domains"
            );
            (at(alias, &["spec", "externalName"]), why, format!("set spec.externalName to {full}"))
        }
        Break::NoName { alias, host } => {
            let why = format!("`{host}` is no DNS name: an alias has neither a scheme nor a port");
            let hint = spans::init_services(mesh, Some(plane));
            (at(alias, &["spec", "externalName"]), why, hint)
        }
        Break::NoSelector { service } => {
            let why = format!("Service `{}` has no selector, and nothing gives it endpoints", service.name());
            let hint = if service.at(&["spec", "externalName"]).is_set() {
                "set spec.type to ExternalName".to_owned()
            } else {
                spans::init_services(mesh, Some(plane))
            };
            (at(service, &["spec"]), why, hint)
        }
        Break::Loop { alias } => {
            let hint = spans::init_services(mesh, Some(plane));
            (at(alias, &["spec", "externalName"]), "the alias leads back to itself".to_owned(), hint)
        }
        Break::NoPort { service, port, .. } => {
            let mut ports = service.at(&["spec", "ports"]).items();
            let there = ports.next().map(|entry| entry.get("port").text().into_owned()).unwrap_or_default();
            let why = format!("Service `{}` has no port {port}, it has {there}", service.name());
            (
                at(service, &["spec", "ports"]),
                why,
                format!("add port {port} to the Service, or use its port {there} in the address"),
            )
        }
        Break::Protocol { service, entry, port } => {
            let why = format!(
                "port {port} of Service `{}` is {}, and spans come by TCP",
                service.name(),
                entry.get("protocol").text()
            );
            (Decider { object: service, field: entry.get("protocol") }, why, "set protocol to TCP".to_owned())
        }
        Break::NoPods { service, datakit } => {
            let place = at(service, &["spec", "selector"]);
            let right = datakit
                .and_then(|object| mesh.datakits.iter().find(|found| std::ptr::eq(found.object, object)));
            let (why, hint) = match right {
                Some(right) if right.object.namespace() != service.namespace() => (
                    format!(
                        "Service `{}` selects no pods: it is in namespace `{}`, and DataKit in `{}`",
                        service.name(),
                        service.namespace(),
                        right.object.namespace()
                    ),
                    spans::init_services(mesh, Some(plane)),
                ),
                Some(right) => (
                    format!(
                        "Service `{}` selects no pods of DataKit, which have {}",
                        service.name(),
                        right.selector()
                    ),
                    format!("set spec.selector to {}", right.selector().replace('=', ": ")),
                ),
                None => (
                    format!("Service `{}` selects no pods of DataKit", service.name()),
                    "install DataKit: meshobs init datakit --token".to_owned(),
                ),
            };
            (place, why, hint)
        }
        Break::NoNamedPort { service, entry, datakit } => {
            let name = entry.get("targetPort").text();
            let why = format!(
                "targetPort `{name}` of Service `{}` is no port of {}",
                service.name(),
                datakit.title()
            );
            (
                Decider { object: service, field: entry.get("targetPort") },
                why,
                "set targetPort to 9529".to_owned(),
            )
        }
        Break::WrongTarget { target, listens, datakit, .. } if *target == u64::from(PORT) => {
            (variable(mesh, datakit), listens_elsewhere(*listens), LISTEN.to_owned())
        }
        Break::WrongTarget { service, target, listens, .. }
            if service.at(&["spec", "clusterIP"]).is("None") =>
        {
            let why = format!(
                "Service `{}` is headless, so its port {target} is not mapped, and DataKit listens on {listens}",
                service.name()
            );
            (from, why, format!("use port {listens} in the address"))
        }
        Break::WrongTarget { service, entry, target, listens, .. } => {
            let why = format!(
                "Service `{}` sends port {} to {target}, and DataKit listens on {listens}",
                service.name(),
                entry.get("port").text()
            );
            (
                Decider { object: service, field: entry.get("targetPort") },
                why,
                format!("set targetPort to {listens}"),
            )
        }
        Break::NoEndpoints { service } => {
            let why = format!(
                "Service `{}` has no ready endpoints, although DataKit's pods are ready",
                service.name()
            );
            let hint = command!("kubectl describe endpoints {} -n {}", service.name(), service.namespace());
            (at(service, &["spec", "selector"]), why, hint)
        }
        Break::NotOnNode { datakit, port, reason } => {
            let place = at(datakit, &["spec", "template", "spec"]);
            match reason {
                NotOnNode::NoHostPort => (
                    place,
                    format!(
                        "DataKit has no port {port} on the node: it has neither hostNetwork nor that hostPort"
                    ),
                    "set hostNetwork: true for DataKit, or a hostPort".to_owned(),
                ),
                NotOnNode::Port(listens) if *port == u64::from(PORT) => {
                    (variable(mesh, datakit), listens_elsewhere(*listens), LISTEN.to_owned())
                }
                NotOnNode::Port(listens) => (
                    from,
                    format!("DataKit has no port {port} on the node, it listens on {listens}"),
                    format!("write `$(HOST_IP):{listens}`"),
                ),
            }
        }
        // Reported on its own.
        Break::NoDatakit => return None,
    })
}
