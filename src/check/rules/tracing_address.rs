//! Istio has an address to send spans to, of a shape that Envoy takes.

use super::Check;
use super::spans::{self, Group};
use crate::check::Outcome;
use crate::facts::istio::{self, HOST_IP, SINCE_HOST_IP};
use crate::mesh::Mesh;
use crate::mesh::route::host_and_port;
use crate::mesh::tracing::{Blind, Decider, Off, Spans};

pub(super) const CHECK: Check =
    Check { id: "tracing-address", section: "tracing", title: "Istio sends spans somewhere", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    // Of files only what they say can be judged: without DataKit among them nobody knows where it is.
    if mesh.datakits.is_empty() && !mesh.inventory.live {
        return;
    }
    let groups = spans::groups(mesh);
    spans::looked(outcome, CHECK.id, &groups);
    for group in &groups {
        match &group.decision.spans {
            Spans::Bootstrap { address, from } => shape(mesh, group, address, *from, outcome),
            Spans::Off { cause, from } if spans::off_check(cause) == CHECK.id => {
                off(mesh, group, cause, *from, outcome)
            }
            Spans::Unknown { reason, from } => {
                let message = match reason {
                    // The finding about it says so.
                    Blind::Refused => {
                        spans::is_consequence(group, outcome);
                        continue;
                    }
                    Blind::Elsewhere => "the control plane and its mesh configuration are not in view",
                    Blind::Version => {
                        "Istio's version is not in view: before 1.22 spans go to zipkin.istio-system:9411 by default, later nowhere"
                    }
                    Blind::Age => {
                        "two Telemetries hold for this namespace; the older one wins, and files have no age"
                    }
                };
                outcome.unknown(CHECK.id, from.object, from.field, message);
            }
            Spans::Provider { .. } | Spans::Off { .. } => {}
        }
    }
}

fn shape(mesh: &Mesh<'_>, group: &Group<'_, '_>, address: &str, from: Decider<'_>, outcome: &mut Outcome) {
    let plane = group.decision.plane;
    let message = match host_and_port(address) {
        Some((HOST_IP, _)) if plane.version.is_some_and(|version| version < SINCE_HOST_IP) => {
            format!(
                "Istio before {SINCE_HOST_IP} refuses the address `{address}`: it does not know {HOST_IP}"
            )
        }
        Some((HOST_IP, _)) if has_ipv6_nodes(mesh) => format!(
            "`{address}` becomes an IPv6 address without brackets on these nodes, which Envoy refuses; use DataKit's Service"
        ),
        Some(_) => return,
        None => format!("`{address}` is not HOST:PORT{}, so Envoy sends no spans", why_not(address)),
    };
    let finding = outcome.fail(CHECK.id, from.object, from.field, message, remedy(mesh, group, from));
    group.follow_up(finding);
}

fn why_not(address: &str) -> &'static str {
    if address.contains("://") {
        " (it has a scheme)"
    } else if address.contains('/') {
        " (it has a path)"
    } else if address.contains("HOST_IP") || address.contains('$') {
        " (the only variable is $(HOST_IP))"
    } else if address.matches(':').count() > 1 {
        " (an IPv6 address needs brackets)"
    } else if !address.contains(':') {
        " (the port is missing)"
    } else {
        ""
    }
}

/// Whether the first address of a node, which is the one that pods are told, is one of IPv6.
fn has_ipv6_nodes(mesh: &Mesh<'_>) -> bool {
    mesh.inventory.of("", "Node").any(|node| {
        let mut addresses = node.at(&["status", "addresses"]).items();
        let internal = addresses.find(|address| address.get("type").is("InternalIP"));
        internal.is_some_and(|address| address.get("address").text().contains(':'))
    })
}

/// The value is a workload's own or the mesh's.
fn remedy(mesh: &Mesh<'_>, group: &Group<'_, '_>, from: Decider<'_>) -> String {
    if std::ptr::eq(from.object, group.decision.plane.object) {
        spans::set_address(mesh, group.decision.plane)
    } else {
        format!(
            "remove `tracing` from the annotation {}, or add zipkin.address to it",
            istio::PROXY_CONFIG_ANNOTATION
        )
    }
}

fn off(mesh: &Mesh<'_>, group: &Group<'_, '_>, cause: &Off, from: Decider<'_>, outcome: &mut Outcome) {
    let plane = group.decision.plane;
    if matches!(cause, Off::NoAddress | Off::Erased) && spans::is_consequence(group, outcome) {
        return;
    }
    let message = match cause {
        Off::NoAddress => {
            "no address for spans, so nothing is traced (Istio 1.22 and later have none by default)".to_owned()
        }
        Off::Erased => {
            "this `tracing` has no zipkin.address and replaces the whole block below it, so there is no address for spans"
                .to_owned()
        }
        Off::OtherTracer(name) => format!("traces go to `{name}`, not to DataKit"),
        Off::Tls(mode) => {
            format!("tracing.tlsSettings.mode is {mode}, and DataKit takes spans in plain text: every connection fails")
        }
        _ => return,
    };
    let hint = match cause {
        Off::Tls(_) => "remove tracing.tlsSettings, or set its mode to DISABLE".to_owned(),
        Off::OtherTracer(name) => {
            format!("remove `{name}`, then: {}", spans::set_address(mesh, plane))
        }
        _ => remedy(mesh, group, from),
    };
    let finding = outcome.fail(CHECK.id, from.object, from.field, message, hint);
    group.follow_up(finding);
}
