//! Istio itself, and the namespaces that applications live in.

use std::collections::{BTreeSet, HashMap};

use super::workload::waiting;
use crate::check::Outcome;
use crate::facts::datakit::SCRAPE_ANNOTATION;
use crate::facts::istio;
use crate::gate::{operand, text};
use crate::kube::{Field, Object};
use crate::mesh::Mesh;

/// Whether pods in a namespace get a sidecar, or need none.
pub(super) fn is_labelled(namespace: &Object) -> bool {
    namespace.label(istio::INJECTION_LABEL) == "enabled"
        || (!namespace.label(istio::REVISION_LABEL).is_empty()
            && namespace.label(istio::INJECTION_LABEL) != "disabled")
        || namespace.label(istio::DATAPLANE_LABEL) == "ambient"
}

/// Whether a pod's spec has a sidecar of its own.
pub(super) fn has_sidecar(spec: Field<'_>) -> bool {
    let mut all = ["containers", "initContainers"].into_iter().flat_map(|key| spec.get(key).items());
    all.any(|container| container.get("name").is(istio::PROXY_CONTAINER))
}

/// Whether the scrape annotation of a pod template is about its sidecar: applications may have others of their own.
pub(super) fn scrapes_sidecar(template: Field<'_>) -> bool {
    let annotation = template.at(&["metadata", "annotations", SCRAPE_ANNOTATION]).text();
    [istio::SIDECAR_PORT, istio::ENVOY_PORT].iter().any(|port| annotation.contains(&format!(":{port}")))
}

pub(super) fn istio(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if !mesh.inventory.live {
        return;
    }
    let mut found = false;
    for deployment in mesh.inventory.of("apps", "Deployment") {
        let id = match &*deployment.label("app") {
            istio::ISTIOD => "istiod-ready",
            "istio-ingressgateway" | "istio-egressgateway" => "gateway-ready",
            _ => continue,
        };
        found |= id == "istiod-ready";
        outcome.looked(id);
        if deployment.at(&["status", "readyReplicas"]).number().unwrap_or(0) == 0 {
            let why = waiting(mesh, deployment);
            let message = format!("no pod is ready{why}");
            outcome.fail(id, deployment, deployment.at(&["status"]), message, "kubectl describe its pods");
        }
    }
    if !found {
        outcome.missing("istiod-ready", "Istio", "no istiod in the cluster", "istioctl install");
    }
}

pub(super) fn namespaces(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let bare = mesh.applications.iter().filter(|workload| !has_sidecar(workload.spec()));
    let homes: BTreeSet<&str> = bare.map(|workload| workload.object.namespace()).collect();
    let known: HashMap<&str, &Object> =
        mesh.inventory.of("", "Namespace").map(|namespace| (namespace.name(), namespace)).collect();
    if mesh.inventory.live {
        live(mesh, &homes, &known, outcome);
    } else {
        files(mesh, &homes, &known, outcome);
    }
}

fn files(mesh: &Mesh<'_>, homes: &BTreeSet<&str>, known: &HashMap<&str, &Object>, outcome: &mut Outcome) {
    for home in homes {
        let Some(namespace) = known.get(home) else { continue };
        outcome.looked("namespace-injection");
        if !is_labelled(namespace) {
            let message = "no injection label, so its pods get no sidecar";
            outcome.fail("namespace-injection", namespace, namespace.at(&["metadata"]), message, hint(home));
        }
    }
    let bare = homes.iter().find(|home| !known.get(*home).is_some_and(|namespace| is_labelled(namespace)));
    for namespace in mesh.inventory.of("", "Namespace").filter(|namespace| is_labelled(namespace)) {
        outcome.looked("namespace-label");
        if let Some(bare) = bare.filter(|_| !homes.contains(namespace.name())) {
            outcome.fail(
                "namespace-label",
                namespace,
                namespace.at(&["metadata", "labels"]),
                format!("the injection label is here, and the workloads are in `{bare}`"),
                hint(bare),
            );
        }
    }
}

/// The command that puts the label on a namespace.
fn hint(namespace: &str) -> String {
    text!("meshobs init namespace {} | kubectl apply -f -, then restart its workloads", operand(namespace))
        .into_string()
}

/// Of a cluster's namespaces only those are the mesh's that say so, or whose workloads do.
fn live(mesh: &Mesh<'_>, homes: &BTreeSet<&str>, known: &HashMap<&str, &Object>, outcome: &mut Outcome) {
    let labelled = |name: &str| known.get(name).is_some_and(|namespace| is_labelled(namespace));
    let of_mesh = mesh.applications.iter().filter(|workload| {
        scrapes_sidecar(workload.template)
            || has_sidecar(workload.spec())
            || labelled(workload.object.namespace())
    });
    let meshed: BTreeSet<&str> = of_mesh.map(|workload| workload.object.namespace()).collect();
    for name in &meshed {
        outcome.looked("namespace-injection");
        let Some(namespace) = known.get(name).filter(|namespace| !is_labelled(namespace)) else { continue };
        let message = "no injection label, so new pods here get no sidecar";
        let place = namespace.at(&["metadata"]);
        if homes.contains(name) {
            outcome.fail("namespace-injection", namespace, place, message, hint(name));
        } else {
            // Their sidecars are their own.
            outcome.warn("namespace-injection", namespace, place, message, hint(name));
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
