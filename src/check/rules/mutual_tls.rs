//! What DestinationRules and PeerAuthentications say of mutual TLS between workloads goes together.

use std::collections::HashMap;

use super::Check;
use super::peer_authentication::{policies, strict};
use crate::check::Outcome;
use crate::kube::{Object, Selector};
use crate::mesh::Mesh;
use crate::mesh::hosts::Host;
use crate::mesh::injection::Member;

pub(super) const CHECK: Check = Check {
    id: "mutual-tls",
    section: "network",
    title: "clients speak mutual TLS where it is demanded, and there alone",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let policies = policies(mesh);
    let mut members: HashMap<&str, Vec<&Member<'_>>> = HashMap::new();
    for member in &mesh.injection.members {
        members.entry(member.workload.object.namespace()).or_default().push(member);
    }
    for rule in mesh.inventory.of("networking.istio.io", "DestinationRule").filter(|rule| mesh.reads(rule)) {
        let mode = rule.at(&["spec", "trafficPolicy", "tls", "mode"]).text();
        let host = rule.text(&["spec", "host"]);
        if !matches!(&*mode, "DISABLE" | "ISTIO_MUTUAL" | "MUTUAL") {
            continue;
        }
        let Host::Service(service) = mesh.routes.hosts.resolve(&host, rule.namespace()) else { continue };
        let selector = Selector::of_map(service.at(&["spec", "selector"]));
        let behind = members.get(service.namespace()).into_iter().flatten();
        let behind: Vec<_> =
            behind.filter(|member| !selector.is_empty() && selector.fits(member.workload.labels())).collect();
        let Some(first) = behind.first() else { continue };
        outcome.looked(CHECK.id);
        if mode == "DISABLE" {
            plain(mesh, (rule, service), first, &policies, outcome);
        } else if behind.iter().all(|member| is_bare(mesh, member)) {
            encrypted((rule, service), first, &mode, outcome);
        }
    }
}

/// Whether it is known that the pods have no sidecar.
fn is_bare(mesh: &Mesh<'_>, member: &Member<'_>) -> bool {
    !member.has_sidecar() && !member.is_meshed() && (!mesh.inventory.live || !member.has_proxies())
}

/// Clients speak plain text to what demands mutual TLS.
fn plain(
    mesh: &Mesh<'_>,
    (rule, service): (&Object, &Object),
    member: &Member<'_>,
    policies: &HashMap<&str, Vec<&Object>>,
    outcome: &mut Outcome,
) {
    let port = service.at(&["spec", "ports", "0", "targetPort"]).number();
    let port = port.or_else(|| service.at(&["spec", "ports", "0", "port"]).number()).unwrap_or(0);
    let root = mesh.root_namespace();
    let Some(policy) = strict(policies, root, &member.workload, port).filter(|_| member.has_sidecar()) else {
        return;
    };
    let message = format!(
        "tls mode DISABLE makes proxies speak plain text to {}, and {} demands mutual TLS there (STRICT): requests fail with 503",
        service.title(),
        policy.title()
    );
    let hint =
        "remove `spec.trafficPolicy.tls`: Istio uses mutual TLS by itself where the other side has a sidecar";
    outcome.fail(CHECK.id, rule, rule.at(&["spec", "trafficPolicy", "tls", "mode"]), message, hint);
}

/// Clients speak mutual TLS to pods that have no sidecar.
fn encrypted((rule, service): (&Object, &Object), member: &Member<'_>, mode: &str, outcome: &mut Outcome) {
    let message = format!(
        "tls mode {mode} holds for {}, and {} has no sidecar that takes mutual TLS: requests fail with 503",
        service.title(),
        member.workload.object.title()
    );
    let hint = "set `spec.trafficPolicy.tls.mode` to DISABLE, or give the workload a sidecar";
    outcome.fail(CHECK.id, rule, rule.at(&["spec", "trafficPolicy", "tls", "mode"]), message, hint);
}
