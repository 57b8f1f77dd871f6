//! In files that are judged with a cluster, or hold what one has: objects in a namespace that nobody makes.

use std::collections::BTreeSet;

use super::Check;
use crate::check::Outcome;
use crate::facts::istio;
use crate::gate::word;
use crate::kube::Object;
use crate::mesh::Mesh;

pub(super) const CHECK: Check =
    Check { id: "namespace-missing", section: "namespaces", title: "every namespace is there", run };

/// The one that every cluster has: where it is in view, all of them are.
const ALWAYS_THERE: &str = "kube-system";

/// Kinds that are always of a namespace.
fn is_namespaced(object: &Object) -> bool {
    let core =
        ["Service", "ConfigMap", "ServiceAccount"].contains(&object.kind()) && object.group().is_empty();
    core || object.pod_templates().next().is_some()
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let inventory = mesh.inventory;
    if inventory.live || inventory.get_global("", "Namespace", ALWAYS_THERE).is_none() {
        return;
    }
    let known: BTreeSet<&str> = inventory.of("", "Namespace").map(Object::name).collect();
    let mut told = BTreeSet::new();
    outcome.looked(CHECK.id);
    for object in inventory.objects().iter().filter(|object| is_namespaced(object)) {
        let Some(name) = object.stated_namespace().filter(|name| !known.contains(name)) else { continue };
        if !told.insert(name) {
            continue;
        }
        let message = format!("namespace `{name}` is not there, so this is refused");
        let injects = name != istio::NAMESPACE
            && !istio::NEVER_INJECTED.contains(&name)
            && mesh.datakits.iter().all(|datakit| datakit.object.namespace() != name);
        let hint = if !injects {
            format!("create it: `kubectl create namespace {}`", word(name))
        } else {
            format!("create it with injection: `meshobs init namespace {} | kubectl apply -f -`", word(name))
        };
        outcome.fail(CHECK.id, object, object.at(&["metadata", "namespace"]), message, hint);
    }
}
