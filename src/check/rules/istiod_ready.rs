//! istiod: there, and ready.

use super::Check;
use super::command::kubectl;
use super::workload_ready::why_not_ready;
use crate::check::Outcome;
use crate::facts::istio;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::injection::Decision;

pub(super) const CHECK: Check = Check { id: "istiod-ready", section: "Istio", title: "istiod is ready", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let istiods: Vec<&Object> = istiods(mesh).collect();
    if !mesh.inventory.live {
        // Files tell no more than how many pods are wanted.
        let none = istiods.iter().filter(|istiod| istiod.at(&["spec", "replicas"]).number() == Some(0));
        none.for_each(|istiod| one(mesh, istiod, istiods.len(), outcome));
        return;
    }
    for istiod in &istiods {
        one(mesh, istiod, istiods.len(), outcome);
    }
    if !istiods.is_empty() {
        return;
    }
    if is_elsewhere(mesh) {
        outcome.out_of_view(CHECK.id, "Istio", "the control plane runs outside this cluster");
    } else if mesh.inventory.may_miss("apps", "deployments") {
        outcome.out_of_view(CHECK.id, "Istio", "Deployments cannot be listed");
    } else {
        let message = "no istiod in the cluster, so no pod gets a sidecar or a configuration";
        outcome.missing(CHECK.id, "Istio", message, "istioctl install");
    }
}

pub(super) fn istiods<'m>(mesh: &'m Mesh<'_>) -> impl Iterator<Item = &'m Object> {
    mesh.inventory.of("apps", "Deployment").filter(|object| object.label("app") == istio::ISTIOD)
}

pub(super) fn is_ready(deployment: &Object) -> bool {
    deployment.at(&["status", "readyReplicas"]).number().unwrap_or(0) > 0
}

fn revision(object: &Object) -> String {
    let label = object.label(istio::REVISION_LABEL);
    if label.is_empty() { istio::DEFAULT_REVISION.to_owned() } else { label.into_owned() }
}

fn one(mesh: &Mesh<'_>, istiod: &Object, count: usize, outcome: &mut Outcome) {
    let replicas = istiod.at(&["spec", "replicas"]);
    let revision = revision(istiod);
    if is_ready(istiod) {
        return outcome.looked(CHECK.id);
    }
    if replicas.number() == Some(0) && count > 1 && !is_used(mesh, &revision) {
        // The one before an upgrade.
        return;
    }
    let finding = if replicas.number() == Some(0) {
        let hint = kubectl("scale --replicas=1", istiod);
        outcome.fail(CHECK.id, istiod, replicas, "scaled to 0 replicas, so no pod gets a sidecar", hint)
    } else {
        let message = format!("no pod is ready{}", why_not_ready(mesh, istiod));
        outcome.fail(CHECK.id, istiod, istiod.at(&["status"]), message, kubectl("describe", istiod))
    };
    for refused in super::injection::refused(mesh) {
        finding.leads_to(format!("no pod of {} can be made", refused.title()));
    }
}

/// Whether a workload gets its sidecar from a revision.
fn is_used(mesh: &Mesh<'_>, wanted: &str) -> bool {
    mesh.injection.members.iter().any(|member| match member.decision {
        Decision::Injected(Some(number)) => {
            mesh.injection.webhooks.get(number).is_some_and(|webhook| revision(webhook.object) == wanted)
        }
        _ => false,
    })
}

/// Whether istiod runs somewhere else: its webhooks call a URL, its Service has no selector, or Google manages it.
pub(super) fn is_elsewhere(mesh: &Mesh<'_>) -> bool {
    let mut urls = mesh.injection.webhooks.iter();
    let mut services = mesh
        .inventory
        .of("", "Service")
        .filter(|service| service.name() == istio::ISTIOD || service.name().starts_with("istiod-"));
    let mut maps = mesh.inventory.of("", "ConfigMap");
    urls.any(|webhook| webhook.entry.at(&["clientConfig", "url"]).is_set())
        || services.any(|service| !service.at(&["spec", "selector"]).is_set())
        || maps.any(|map| map.name().starts_with("istio-asm-managed"))
}
