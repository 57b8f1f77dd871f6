//! Workloads of the mesh: their pods can be made, have a node, and are ready.

use super::Check;
use super::command::kubectl;
use crate::check::Outcome;
use crate::facts::istio;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::injection::Member;
use crate::mesh::pods::{is_ready, is_starting, trouble};

pub(super) const CHECK: Check =
    Check { id: "workload-ready", section: "workloads", title: "every workload is ready", run };

/// How much of a message of the API server is told.
const LONGEST: usize = 240;

/// Why a workload's pods are not ready, for a message, with a blank in front; empty where nobody knows.
pub(in crate::check) fn why_not_ready(mesh: &Mesh<'_>, workload: &Object) -> String {
    if let Some(message) = mesh.pods.refusal(workload) {
        return format!(" (no pod can be made: {})", shortened(&message));
    }
    let Some(workload) =
        mesh.inventory.get(workload.group(), workload.kind(), workload.namespace(), workload.name())
    else {
        return String::new();
    };
    let pods = mesh.pods.running(mesh.inventory, workload);
    let first = pods.iter().find_map(|pod| Some((pod, trouble(pod)?)));
    first.map_or_else(String::new, |(pod, trouble)| {
        format!(" ({}: {})", pod.name(), shortened(&trouble.to_string()))
    })
}

fn shortened(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    line.chars().take(LONGEST).chain(['…']).collect()
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if !mesh.inventory.live {
        return;
    }
    for member in mesh.injection.members.iter().filter(|member| member.is_meshed()) {
        one(mesh, member, outcome);
    }
}

/// How many pods are wanted and how many are ready; nothing for what does not run all the time.
fn counts(member: &Member<'_>) -> Option<(u64, u64)> {
    let workload = member.workload.object;
    let status = |key: &str| workload.at(&["status", key]).number().unwrap_or(0);
    match workload.kind() {
        "DaemonSet" => Some((status("desiredNumberScheduled"), status("numberReady"))),
        "Deployment" | "StatefulSet" | "ReplicaSet" | "Rollout" | "CloneSet" | "ReplicationController" => {
            Some((workload.at(&["spec", "replicas"]).number().unwrap_or(1), status("readyReplicas")))
        }
        // One that has ended is none of those that are running.
        "Pod" if !workload.is_controlled() => {
            let ready = member.pods.iter().filter(|pod| is_ready(pod)).count();
            Some((u64::try_from(member.pods.len()).ok()?, u64::try_from(ready).ok()?))
        }
        _ => None,
    }
}

fn one(mesh: &Mesh<'_>, member: &Member<'_>, outcome: &mut Outcome) {
    let workload = member.workload.object;
    let Some((wanted, ready)) = counts(member) else { return };
    outcome.looked(CHECK.id);
    let is_of_sidecar = |pod: &&Object| trouble(pod).is_some_and(|trouble| trouble.is_of_sidecar());
    let is_of_injector =
        || mesh.pods.refusal(workload).is_some_and(|message| message.contains(istio::INJECTOR_WEBHOOK));
    let unready = || member.pods.iter().copied().filter(|pod| !is_ready(pod));
    if unready().next().is_some()
        && unready().all(|pod| is_starting(workload, pod))
        && mesh.pods.refusal(workload).is_none()
    {
        return;
    }
    // Those are told by their own checks.
    if ready >= wanted || member.pods.iter().copied().any(|pod| is_of_sidecar(&pod)) || is_of_injector() {
        return;
    }
    let message = format!("{ready} of {wanted} pods are ready{}", why_not_ready(mesh, workload));
    outcome.fail(CHECK.id, workload, workload.at(&["status"]), message, kubectl("describe", workload));
}
