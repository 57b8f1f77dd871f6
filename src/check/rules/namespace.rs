//! Istio itself, and the namespaces that applications live in.

use std::collections::BTreeSet;

use super::super::Outcome;
use super::super::world::{Object, World, at, list, text};
use super::datakit::waiting;
use crate::gate::{operand, text as gated};
use crate::rule::ANNOTATION;

/// Ports of a sidecar that serve metrics: merged with the application's, and Envoy's own.
const SIDECAR_PORTS: &[&str] = &[":15020", ":15090"];

/// Whether pods in a namespace get a sidecar, or need none.
pub(super) fn is_labelled(namespace: &Object) -> bool {
    let label = |name| namespace.text(&["metadata", "labels", name]);
    label("istio-injection") == "enabled"
        || (!label("istio.io/rev").is_empty() && label("istio-injection") != "disabled")
        || label("istio.io/dataplane-mode") == "ambient"
}

/// Whether a pod template, or a pod, has a sidecar of its own.
pub(super) fn has_sidecar(spec: &serde_json::Value) -> bool {
    let all = ["containers", "initContainers"].into_iter().flat_map(|key| list(at(spec, &[key])));
    all.into_iter().any(|container| text(at(container, &["name"])) == "istio-proxy")
}

/// Whether the scrape annotation of a pod template is about its sidecar: applications may have others of their own.
pub(super) fn scrapes_sidecar(pod: &serde_json::Value) -> bool {
    let annotation = text(at(pod, &["metadata", "annotations", ANNOTATION]));
    SIDECAR_PORTS.iter().any(|port| annotation.contains(port))
}

pub(super) fn istio(world: &World, outcome: &mut Outcome) {
    if !world.live {
        return;
    }
    let label = |object: &Object| text(at(&object.value, &["metadata", "labels", "app"]));
    let mut found = false;
    for deployment in world.of("apps", "Deployment") {
        let app = label(deployment);
        let id = match app.as_str() {
            "istiod" => "istiod-ready",
            "istio-ingressgateway" | "istio-egressgateway" => "gateway-ready",
            _ => continue,
        };
        found |= id == "istiod-ready";
        outcome.looked(id);
        let ready = deployment.at(&["status", "readyReplicas"]).as_u64().unwrap_or(0);
        if ready == 0 {
            let why = waiting(world, deployment);
            outcome.fail(
                id,
                deployment,
                &["status"],
                format!("no pod is ready{why}"),
                "kubectl describe its pods",
            );
        }
    }
    if !found {
        outcome.missing("istiod-ready", "Istio", "no istiod in the cluster", "istioctl install");
    }
}

pub(super) fn namespaces(world: &World, outcome: &mut Outcome) {
    let mut homes: BTreeSet<&str> = BTreeSet::new();
    for (workload, template) in world.applications() {
        let spec = at(workload.at(template), &["spec"]);
        if !has_sidecar(spec) {
            homes.insert(workload.home());
        }
    }
    let label =
        |name: &str| world.of("", "Namespace").find(|namespace| namespace.name == name).map(is_labelled);
    let labelled: Vec<_> = world.of("", "Namespace").filter(|namespace| is_labelled(namespace)).collect();
    if world.live {
        live(world, &homes, outcome);
        return;
    }
    for home in &homes {
        match label(home) {
            Some(false) => {
                outcome.looked("namespace-injection");
                let namespace = world.of("", "Namespace").find(|namespace| namespace.name == *home);
                if let Some(namespace) = namespace {
                    outcome.fail(
                        "namespace-injection",
                        namespace,
                        &["metadata"],
                        "no injection label, so its pods get no sidecar",
                        hint(home),
                    );
                }
            }
            Some(true) => outcome.looked("namespace-injection"),
            None => {}
        }
    }
    for namespace in labelled {
        outcome.looked("namespace-label");
        let bare = homes.iter().find(|home| label(home) != Some(true));
        if !homes.contains(namespace.name.as_str())
            && let Some(bare) = bare
        {
            outcome.fail(
                "namespace-label",
                namespace,
                &["metadata", "labels"],
                format!("the injection label is here, and the workloads are in `{bare}`"),
                hint(bare),
            );
        }
    }
}

/// The command that puts the label on a namespace.
fn hint(namespace: &str) -> String {
    gated!("meshobs init namespace {} | kubectl apply -f -, then restart its workloads", operand(namespace))
        .into_string()
}

/// Of a cluster's namespaces only those are the mesh's that say so, or whose workloads do.
fn live(world: &World, homes: &BTreeSet<&str>, outcome: &mut Outcome) {
    let labelled = |name: &str| world.of("", "Namespace").any(|ns| ns.name == name && is_labelled(ns));
    let mut meshed = BTreeSet::new();
    for (workload, template) in world.applications() {
        let pod = workload.at(template);
        let annotated = scrapes_sidecar(pod);
        if annotated || has_sidecar(at(pod, &["spec"])) || labelled(workload.home()) {
            meshed.insert(workload.home());
        }
    }
    for name in &meshed {
        outcome.looked("namespace-injection");
        let namespace = world.of("", "Namespace").find(|namespace| namespace.name == *name);
        let Some(namespace) = namespace.filter(|namespace| !is_labelled(namespace)) else { continue };
        let message = "no injection label, so new pods here get no sidecar";
        if homes.contains(name) {
            outcome.fail("namespace-injection", namespace, &["metadata"], message, hint(name));
        } else {
            // Their sidecars are their own.
            outcome.warn("namespace-injection", namespace, &["metadata"], message, hint(name));
        }
    }
    if meshed.is_empty()
        && let Some(first) = homes.iter().next()
    {
        // Which of them the application's is, nobody can know; one finding says it.
        let names = homes.iter().copied().collect::<Vec<_>>().join(", ");
        let message = format!("none of the namespaces with workloads ({names}) has the injection label");
        outcome.missing("namespace-injection", "namespaces", message, hint(first));
    }
}
