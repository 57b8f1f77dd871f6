//! DataKit runs on the nodes: as a DaemonSet, not as anything else.

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::PORT;
use crate::kube::Object;
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
    } else if let Some(map) = mesh.inventory.of("", "ConfigMap").find(|map| is_left(mesh, map)) {
        let message = format!(
            "the files have DataKit's configuration and its Service in namespace `{}`, and no DaemonSet that runs it",
            map.namespace()
        );
        let hint = "meshobs init datakit --token > datakit.yaml";
        outcome.fail(CHECK.id, map, map.at(&["metadata", "name"]), message, hint);
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

/// Whether a ConfigMap of files is what is left of a DataKit: it has inputs, and beside it are a Service with a selector that
/// leads to DataKit's port, and a ServiceAccount, and no workload at all.
fn is_left(mesh: &Mesh<'_>, map: &Object) -> bool {
    let inventory = mesh.inventory;
    let is_beside = |other: &&Object| other.namespace() == map.namespace();
    let mut texts = map.at(&["data"]).entries();
    let mut services = inventory.of("", "Service").filter(is_beside);
    !inventory.live
        && texts.any(|(_, text)| text.text().contains("[[inputs."))
        && inventory.of("", "ServiceAccount").any(|account| is_beside(&account))
        && !inventory.workloads().any(|workload| is_beside(&workload))
        && services.any(|service| {
            let mut ports = service.at(&["spec", "ports"]).items();
            service.at(&["spec", "selector"]).entries().next().is_some()
                && ports.any(|entry| {
                    ["port", "targetPort"].iter().any(|key| entry.get(key).number() == Some(PORT.into()))
                })
        })
}
