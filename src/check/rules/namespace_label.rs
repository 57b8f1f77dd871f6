//! In files: the injection label on a namespace without workloads, while the workloads are in another one.

use std::collections::BTreeSet;

use super::Check;
use crate::check::Outcome;
use crate::facts::istio;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::injection::{Decision, Outside};

pub(super) const CHECK: Check = Check {
    id: "namespace-label",
    section: "namespaces",
    title: "the injection label is on the right namespace",
    run,
};

fn is_labelled(namespace: &Object) -> bool {
    namespace.label(istio::INJECTION_LABEL) == "enabled" || !namespace.label(istio::REVISION_LABEL).is_empty()
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if mesh.inventory.live {
        return;
    }
    let members = &mesh.injection.members;
    let homes: BTreeSet<&str> = members.iter().map(|member| member.workload.object.namespace()).collect();
    // Where the namespace itself is in view, namespace-injection judges it.
    let unasked = |decision: &Decision<'_>| {
        matches!(decision, Decision::Unknown | Decision::Outside(Outside::NotAsked))
    };
    let known: BTreeSet<&str> = mesh.inventory.of("", "Namespace").map(Object::name).collect();
    let bare = members
        .iter()
        .find(|member| unasked(&member.decision) && !known.contains(member.workload.object.namespace()));
    for namespace in mesh.inventory.of("", "Namespace").filter(|namespace| is_labelled(namespace)) {
        outcome.looked(CHECK.id);
        let Some(bare) = bare.filter(|_| !homes.contains(namespace.name())) else { continue };
        let bare = bare.workload.object.namespace();
        let labels = namespace.at(&["metadata", "labels"]);
        let message = format!("the injection label is here, and the workloads are in `{bare}`");
        let hint =
            format!("put the label on namespace `{bare}`, or the workloads into `{}`", namespace.name());
        outcome.fail(CHECK.id, namespace, labels, message, hint);
    }
}
