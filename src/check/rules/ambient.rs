//! Ambient mode: pods that are meant to be in the mesh are taken in by the node's agent.

use std::collections::BTreeMap;

use super::Check;
use crate::check::Outcome;
use crate::facts::istio;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::injection::{Decision, Member};

pub(super) const CHECK: Check = Check {
    id: "ambient",
    section: "workloads",
    title: "ambient mode takes in the pods that ask for it",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if !mesh.inventory.live {
        return;
    }
    let is_captured = |pod: &&&Object| pod.annotation(istio::REDIRECTION_ANNOTATION).is("enabled");
    let mut homes: BTreeMap<&str, Vec<&Member<'_>>> = BTreeMap::new();
    let members = mesh.injection.members.iter().filter(|member| matches!(member.decision, Decision::Ambient));
    for member in members.filter(|member| !member.pods.is_empty() && !member.has_proxies()) {
        outcome.looked(CHECK.id);
        if member.pods.iter().filter(is_captured).count() < member.pods.len() {
            homes.entry(member.workload.object.namespace()).or_default().push(member);
        }
    }
    for (namespace, members) in homes {
        let home = mesh.inventory.get_global("", "Namespace", namespace);
        let Some(subject) = home.or_else(|| members.first().map(|member| member.workload.object)) else {
            continue;
        };
        let message = format!(
            "{}: ambient, and pods of {} are not taken in (no annotation {}): {}",
            istio::DATAPLANE_LABEL,
            members.iter().map(|member| member.workload.object.reference()).collect::<Vec<_>>().join(", "),
            istio::REDIRECTION_ANNOTATION,
            agents(mesh)
        );
        let hint = "see with `kubectl get daemonset -A` that ztunnel and istio-cni-node are ready on the pods' nodes, then create the pods anew";
        outcome.fail(CHECK.id, subject, subject.at(&["metadata", "labels"]), message, hint);
    }
}

/// What is known of the agents that take pods in.
fn agents(mesh: &Mesh<'_>) -> &'static str {
    let named = |name: &str| mesh.inventory.of("apps", "DaemonSet").find(|set| set.name() == name);
    let is_ready = |set: &Object| {
        let count = |key| set.at(&["status", key]).number().unwrap_or(0);
        count("numberReady") >= count("desiredNumberScheduled")
    };
    match (named("ztunnel"), named("istio-cni-node")) {
        (None, _) => "no DaemonSet ztunnel in the cluster",
        (_, None) => "no DaemonSet istio-cni-node in the cluster",
        (Some(set), _) if !is_ready(set) => "ztunnel is not ready on every node",
        (_, Some(set)) if !is_ready(set) => "istio-cni-node is not ready on every node",
        _ => "they were made before the agent ran, or the agent refused them",
    }
}
