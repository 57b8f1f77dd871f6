//! The provider that a Telemetry names exists, traces, and names a Service that istiod knows.

use super::Check;
use super::spans::{self, Group};
use crate::check::Outcome;
use crate::facts::istio::TLS_MODE_LABEL;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::config::Endpoint;
use crate::mesh::registry::{Obstacle, Sidecars, hides, obstacle};
use crate::mesh::route::{Break, Way};
use crate::mesh::tracing::{Decider, Off, Spans};
use crate::rule::PROVIDER;

pub(super) const CHECK: Check = Check {
    id: "tracing-provider",
    section: "tracing",
    title: "the Telemetry's provider is configured",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let groups = spans::groups(mesh);
    for group in &groups {
        match &group.decision.spans {
            Spans::Off { cause, from } if spans::off_check(cause) == CHECK.id => {
                off(mesh, group, cause, *from, outcome)
            }
            Spans::Provider { provider, .. } => {
                let name = provider.name.as_deref().unwrap_or_default();
                if let Some(endpoint) = provider.endpoint() {
                    service(mesh, group, name, endpoint, outcome);
                }
            }
            _ => {}
        }
    }
}

fn off(mesh: &Mesh<'_>, group: &Group<'_, '_>, cause: &Off, from: Decider<'_>, outcome: &mut Outcome) {
    let plane = group.decision.plane;
    let may_follow = matches!(cause, Off::NoProvider | Off::UnknownProvider { .. } | Off::NoTracer { .. });
    if may_follow && spans::is_consequence(group, outcome) {
        return;
    }
    let map = plane.object.title();
    let add = spans::patch_mesh(mesh, plane, &["--tracing-mode", "telemetry"]);
    let (message, hint) = match cause {
        Off::UnknownProvider { name, nearest: Some(right) } => (
            format!(
                "no provider `{name}` in extensionProviders of {map}, so tracing is off; there is `{right}`"
            ),
            format!("write `{right}` instead of `{name}`"),
        ),
        Off::UnknownProvider { name, nearest: None } if name == PROVIDER => {
            (format!("no provider `{name}` in extensionProviders of {map}, so tracing is off"), add)
        }
        Off::UnknownProvider { name, nearest: None } => (
            format!("no provider `{name}` in extensionProviders of {map}, so tracing is off"),
            format!("name the provider `{PROVIDER}` here, and: {add}"),
        ),
        Off::NoTracer { name, kind } => (
            format!("provider `{name}` is of kind `{kind}`, which does not trace, so tracing is off"),
            format!("name a zipkin provider, such as `{PROVIDER}`: {add}"),
        ),
        Off::NoProvider => (
            "this Telemetry names no provider, and defaultProviders.tracing is empty, so tracing is off"
                .to_owned(),
            format!("add `providers: [{{name: {PROVIDER}}}]` to the entry, and: {add}"),
        ),
        Off::BadHostHeader(version) => (
            format!(
                "Istio {version} sends the spans of a provider with a Host header that DataKit refuses (mended in 1.11.6 and 1.12.2)"
            ),
            format!("delete the Telemetry, and: {}", spans::set_address(mesh, plane)),
        ),
        _ => return,
    };
    let finding = outcome.fail(CHECK.id, from.object, from.field, message, hint);
    group.follow_up(finding);
}

fn service(mesh: &Mesh<'_>, group: &Group<'_, '_>, name: &str, endpoint: &Endpoint, outcome: &mut Outcome) {
    let decision = &group.decision;
    let (plane, from) = (decision.plane, decision.proxy.namespace);
    let at = plane.decider();
    let stated = endpoint.service.as_deref().unwrap_or_default();
    outcome.looked(CHECK.id);
    if stated.is_empty() && spans::is_consequence(group, outcome) {
        return;
    }
    if hidden(mesh, group, name, stated, outcome) {
        return;
    }
    let mut fail = |at: Decider<'_>, message: String, hint: String| {
        let finding = outcome.fail(CHECK.id, at.object, at.field, message, hint);
        group.follow_up(finding);
    };
    if stated.is_empty() {
        let message = format!("provider `{name}` names no service, so tracing is off");
        return fail(at, message, "add the service and port of DataKit to the provider".to_owned());
    }
    match obstacle(mesh.inventory, &mesh.routes, plane, from, stated) {
        Some(Obstacle::ShortName(full)) => {
            let full = full.unwrap_or_else(|| spans::datakit_service(mesh).0);
            let message = format!(
                "provider `{name}` names the service `{stated}`, and istiod knows full names only, so tracing is off"
            );
            fail(at, message, format!("write `{full}` instead of `{stated}`"));
        }
        Some(Obstacle::ServiceEntry(entry)) => {
            // A name outside of the cluster is unknown already.
            if !matches!(spans::way(mesh, group), Some((_, _, Way::Outside(_)))) {
                let message = format!(
                    "spans go to `{stated}`, a host of {}: what is behind it is not in view",
                    entry.title()
                );
                outcome.unknown("tracing-path", at.object, at.field, message);
            }
        }
        Some(Obstacle::Alias(service)) => {
            let message = format!(
                "provider `{name}` names {}, an ExternalName alias, which has no cluster in Envoy from Istio 1.21 on",
                service.title()
            );
            let (host, port) = spans::datakit_service(mesh);
            fail(at, message, format!("set the provider's service to {host} and its port to {port}"));
        }
        Some(Obstacle::ExportedByDefault(to)) => {
            let message = format!(
                "defaultServiceExportTo is `{to}`, so Services are known in no other namespace and provider `{name}` has no \
                 cluster in namespace {from}"
            );
            let hint =
                format!("set the annotation networking.istio.io/exportTo of the Service `{stated}` to `*`");
            fail(at, message, hint);
        }
        Some(Obstacle::ExportTo { service, field }) => {
            let message = format!(
                "the Service is exported to `{}` only, so provider `{name}` has no cluster in namespace {from}",
                field.text()
            );
            fail(
                Decider { object: service, field },
                message,
                "set networking.istio.io/exportTo to `*`".to_owned(),
            );
        }
        Some(Obstacle::Undiscovered { namespace }) => {
            let message = format!(
                "discoverySelectors leave namespace `{namespace}` out, so istiod does not know `{stated}` and tracing is off"
            );
            fail(
                at,
                message,
                format!("label namespace {namespace} as discoverySelectors demand, or add it to them"),
            );
        }
        Some(Obstacle::TlsLabel { object, field }) => {
            let message = format!(
                "label {TLS_MODE_LABEL}: istio says that a sidecar takes mutual TLS, and DataKit has none: every connection for spans fails"
            );
            let hint =
                format!("remove the label {TLS_MODE_LABEL} from the pod template of {}", object.reference());
            fail(Decider { object, field }, message, hint);
        }
        Some(Obstacle::Tls { rule, field, mode }) => {
            let message = format!(
                "tls mode {mode} holds for `{stated}`, and DataKit has no sidecar: every connection for spans fails"
            );
            fail(
                Decider { object: rule, field },
                message,
                format!("add a DestinationRule for `{stated}` with tls mode DISABLE"),
            );
        }
        None => broken(mesh, group, name, stated, outcome),
    }
}

/// The registry has no such Service or port.
fn broken(mesh: &Mesh<'_>, group: &Group<'_, '_>, name: &str, stated: &str, outcome: &mut Outcome) {
    let at = group.decision.plane.decider();
    let Some((_, _, Way::Broken(link))) = spans::way(mesh, group) else { return };
    let (message, hint) = match link {
        Break::NoService { nearest, .. } => {
            let message = format!(
                "provider `{name}` names the service `{stated}`, which does not exist, so tracing is off"
            );
            let hint = match nearest {
                Some(service) => format!("write `{}` instead of `{stated}`", spans::full_name(service)),
                None => spans::patch_mesh(
                    mesh,
                    group.decision.plane,
                    &["--tracing-mode", "telemetry", "--overwrite"],
                ),
            };
            (message, hint)
        }
        Break::NoPort { service, port, .. } => {
            let ports: Vec<String> = service
                .at(&["spec", "ports"])
                .items()
                .map(|entry| entry.get("port").text().into_owned())
                .collect();
            let ports = ports.join(", ");
            let message = format!(
                "provider `{name}` names port {port} of {}, which has port {ports}: spans are lost",
                service.title()
            );
            (message, format!("write port {ports} instead of {port}"))
        }
        _ => return,
    };
    let finding = outcome.fail(CHECK.id, at.object, at.field, message, hint);
    group.follow_up(finding);
}

/// Sidecars that hide the provider's Service from some proxies; whether from all of them.
fn hidden(mesh: &Mesh<'_>, group: &Group<'_, '_>, name: &str, stated: &str, outcome: &mut Outcome) -> bool {
    let sidecars = Sidecars::of(mesh.inventory);
    let host = stated.rsplit('/').next().unwrap_or(stated);
    let Some((_, home)) = mesh.routes.hosts.split(host).filter(|_| !sidecars.is_empty()) else {
        return false;
    };
    let plane = group.decision.plane;
    let mut found: Vec<(&Object, Vec<&Object>)> = Vec::new();
    for member in &group.members {
        let labels = member.pod_templates().next().map(|template| template.at(&["metadata", "labels"]));
        let from = member.namespace();
        let sidecar = sidecars.holding(Some(plane), from, labels);
        let Some(sidecar) = sidecar.filter(|sidecar| hides(sidecar, from, host, home)) else { continue };
        match found.iter_mut().find(|(known, _)| std::ptr::eq(*known, sidecar)) {
            Some((_, members)) => members.push(member),
            None => found.push((sidecar, vec![member])),
        }
    }
    let count: usize = found.iter().map(|(_, members)| members.len()).sum();
    for (sidecar, members) in found {
        let message =
            format!("this Sidecar hides `{stated}` from the proxies, so provider `{name}` has no cluster");
        let hint = format!("add `{home}/{host}` to the hosts of its egress");
        let finding = outcome.fail(CHECK.id, sidecar, sidecar.at(&["spec", "egress"]), message, hint);
        match members.as_slice() {
            [one] => finding.leads_to(format!("{} sends no spans", one.title())),
            all => finding.leads_to(format!("{} workloads send no spans", all.len())),
        }
    }
    count > 0 && count == group.members.len()
}
