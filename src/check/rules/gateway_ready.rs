//! Istio's gateways, and those that istiod makes for the Gateway API: ready.

use super::Check;
use super::command::kubectl;
use super::workload_ready::why_not_ready;
use crate::check::Outcome;
use crate::kube::Object;
use crate::mesh::Mesh;

pub(super) const CHECK: Check =
    Check { id: "gateway-ready", section: "Istio", title: "the gateways are ready", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if !mesh.inventory.live {
        return;
    }
    for gateway in mesh.inventory.of("apps", "Deployment").filter(|object| is_gateway(object)) {
        if gateway.at(&["spec", "replicas"]).number() == Some(0) {
            continue;
        }
        outcome.looked(CHECK.id);
        if !super::istiod_ready::is_ready(gateway) {
            let message = format!("no pod is ready{}", why_not_ready(mesh, gateway));
            outcome.fail(CHECK.id, gateway, gateway.at(&["status"]), message, kubectl("describe", gateway));
        }
    }
}

/// Whether pods of a Deployment are proxies and nothing else.
pub(super) fn is_gateway(deployment: &Object) -> bool {
    let template = deployment.at(&["spec", "template"]);
    let annotations = template.at(&["metadata", "annotations"]);
    let labels = template.at(&["metadata", "labels"]);
    let app = deployment.label("app");
    matches!(&*app, "istio-ingressgateway" | "istio-egressgateway")
        || annotations.get("inject.istio.io/templates").is("gateway")
        || ["gateway.networking.k8s.io/gateway-name", "istio.io/gateway-name"]
            .iter()
            .any(|label| labels.get(label).exists())
}
