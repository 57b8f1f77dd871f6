//! Commands in hints, with the names of objects as a shell takes them.

use crate::gate::word;
use crate::kube::Object;

/// `kubectl VERB -n NAMESPACE KIND/NAME`.
pub(super) fn kubectl(verb: &str, object: &Object) -> String {
    format!("kubectl {verb} -n {} {}", word(object.namespace()), word(&object.reference()))
}

/// `kubectl VERB KIND/NAME`, of an object without a namespace.
pub(super) fn kubectl_global(verb: &str, object: &Object) -> String {
    format!("kubectl {verb} {}", word(&object.reference()))
}

/// What makes new pods of all workloads of a namespace.
pub(super) fn restart_all(namespace: &str) -> String {
    format!("kubectl rollout restart -n {} deployment,statefulset,daemonset", word(namespace))
}

/// What sets labels of a namespace; a key with `-` behind it is taken away.
pub(super) fn label(namespace: &str, labels: &[&str]) -> String {
    let labels: Vec<_> = labels.iter().map(|label| word(label)).collect();
    format!("kubectl label --overwrite namespace {} {}", word(namespace), labels.join(" "))
}
