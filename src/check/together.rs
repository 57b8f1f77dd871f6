//! Files judged together with what a cluster has already: what is said is about the files, or caused by them.

use std::collections::HashSet;

use super::{Outcome, run};
use crate::kube::{Inventory, Object, Problem};

/// The files' objects, and those of the cluster that the files do not replace: same kind, namespace and name.
///
/// What controllers make (Pods, ReplicaSets) is left out: it follows from what is applied.
pub(crate) fn with_cluster(files: &Inventory, cluster: &Inventory) -> Inventory {
    let mut all = Inventory::default();
    files.objects().iter().for_each(|object| all.add(object.clone()));
    for object in cluster.objects().iter().filter(|object| !is_made_by_a_controller(object)) {
        if files.get(object.group(), object.kind(), object.namespace(), object.name()).is_none() {
            all.add(object.clone());
        }
    }
    all
}

fn is_made_by_a_controller(object: &Object) -> bool {
    let mut owners = object.at(&["metadata", "ownerReferences"]).items();
    owners.any(|owner| owner.get("controller").is_true())
}

/// Judges files with the cluster. Left are findings at a place in the files, and those that the cluster alone does not have.
pub(crate) fn run_together(all: &Inventory, cluster: &Inventory, problems: Vec<Problem>) -> Outcome {
    let mut outcome = run(all, problems);
    let before = run(&with_cluster(&Inventory::default(), cluster), Vec::new());
    let found = before.findings.iter().map(|found| (found.id, &*found.subject, &*found.message));
    let unknown = before.unknowns.iter().map(|found| (found.id, &*found.subject, &*found.message));
    let known: HashSet<(&str, &str, &str)> = found.chain(unknown).collect();
    outcome.hide(|id, subject, message, is_placed| !is_placed && known.contains(&(id, subject, message)));
    outcome
}
