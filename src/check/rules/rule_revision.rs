//! Rules with the label of a revision are read by that revision only.

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::facts::istio;
use crate::mesh::Mesh;
use crate::mesh::control_plane::istiods;

pub(super) const CHECK: Check = Check {
    id: "rule-revision",
    section: "routing",
    title: "every rule is read by a revision that runs",
    run,
};

const KINDS: &[&str] = &["VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "Sidecar"];

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let names: Vec<&str> = mesh.tracing.planes.iter().map(|plane| plane.revision.as_str()).collect();
    let Some(first) = names.first() else { return };
    for rule in KINDS.iter().flat_map(|kind| mesh.inventory.of("networking.istio.io", kind)) {
        let label = rule.label(istio::REVISION_LABEL);
        if label.is_empty() {
            continue;
        }
        let field = rule.at(&["metadata", "labels", istio::REVISION_LABEL]);
        if mesh.reads(rule) {
            outcome.looked(CHECK.id);
        } else if mesh.inventory.may_miss("apps", "deployments") || is_elsewhere(mesh, &label) {
            outcome.unknown(CHECK.id, rule, field, format!("istiod of revision `{label}` is not in view"));
        } else {
            let message = format!(
                "only revision `{label}` reads this, and none runs (there is: {}); tags do not count here",
                names.join(", ")
            );
            let edit = Edit::set("replace", &["metadata", "labels", istio::REVISION_LABEL], *first);
            outcome.fail(CHECK.id, rule, field, message, hint(mesh.inventory.live, rule, &[edit]));
        }
    }
}

/// Whether the control plane of a revision is outside of this cluster, or its mesh configuration out of view: its webhook is
/// there, or its istiod.
fn is_elsewhere(mesh: &Mesh<'_>, revision: &str) -> bool {
    let hooks = mesh.inventory.of("admissionregistration.k8s.io", "MutatingWebhookConfiguration");
    let mut signs = hooks.chain(istiods(mesh.inventory));
    signs.any(|object| object.label(istio::REVISION_LABEL) == revision)
}
