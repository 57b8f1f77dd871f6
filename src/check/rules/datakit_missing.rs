//! DataKit runs on the nodes: as a DaemonSet, not as anything else.

use super::Check;
use crate::check::Outcome;
use crate::mesh::Mesh;

pub(super) const CHECK: Check =
    Check { id: "datakit-missing", section: "DataKit", title: "DataKit is there", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if !mesh.datakits.is_empty() {
        return outcome.looked(CHECK.id);
    }
    if let Some(object) = mesh.other_datakits.first() {
        let message = format!(
            "DataKit runs as a {}, so nodes without one of its pods are unobserved: pods are scraped, and their output \
             collected, by the DataKit of their own node only; it has to be a DaemonSet",
            object.kind()
        );
        let hint = if mesh.inventory.live {
            "meshobs init datakit --token | kubectl apply -f -"
        } else {
            "meshobs init datakit --token > datakit.yaml"
        };
        outcome.fail(CHECK.id, object, object.at(&["kind"]), message, hint);
    } else if mesh.inventory.may_miss("apps", "daemonsets") {
        if mesh.inventory.objects().iter().any(|object| object.group().ends_with("istio.io")) {
            outcome.out_of_view(CHECK.id, "DataKit", "the input has no DataKit");
        }
    } else {
        outcome.missing(
            CHECK.id,
            "DataKit",
            "no DaemonSet in the cluster runs DataKit",
            "meshobs init datakit --token | kubectl apply -f -",
        );
    }
}
