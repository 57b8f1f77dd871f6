//! Commands in hints, with the names of objects as a shell takes them.

use std::borrow::Cow;

use crate::kube::Object;

/// A word as a shell takes it; quotes are left out where they would change nothing.
fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:=@,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        shell_words::quote(text)
    }
}

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
