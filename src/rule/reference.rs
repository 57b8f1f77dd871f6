//! References that a move out of the namespace `default` breaks: reported with their place, never edited.

use super::{Note, Target};
use crate::yaml::{At, Document, NodeId};

const OLD: &str = "default";

/// Keys whose value (or items) name a namespace, wherever they stand below `spec`, `subjects` or `webhooks`.
const NAMESPACE_KEYS: &[&str] = &[
    "namespace",
    "sourceNamespace",
    "namespaces",
    "notNamespaces",
    "matchNames",
    "exportTo",
    "kubernetes.io/metadata.name",
];

/// Finds what still points to `default` once the resources are in `namespace`.
pub(super) fn collect(target: &Target<'_>, namespace: &str, notes: &mut Vec<Note>) {
    let Target { doc, resource, .. } = *target;
    if namespace == OLD {
        return;
    }
    let first = notes.len();
    if resource.kind == "ClusterRoleBinding" && resource.group() == "rbac.authorization.k8s.io" {
        subjects_without_namespace(doc, resource.at, namespace, notes);
    }
    if memchr::memmem::find(doc.text(resource.at.node).as_bytes(), OLD.as_bytes()).is_some() {
        for (key, value) in doc.entries(resource.at.node) {
            if !doc.is(key, "metadata") {
                names(doc, value, namespace, notes);
            }
        }
        let qualified = resource.group().ends_with("istio.io");
        for scalar in doc.scalars(resource.at.node) {
            hosts(doc, scalar, namespace, qualified, notes);
        }
    }
    if let Some(found) = notes.get_mut(first..) {
        found.sort_by_key(|note| note.at);
    }
}

fn subjects_without_namespace(doc: &Document<'_>, binding: At, namespace: &str, notes: &mut Vec<Note>) {
    let Some(subjects) = doc.get(binding, "subjects") else {
        return;
    };
    for subject in doc.items(subjects) {
        let account = doc.str_at(subject, "kind").is_some_and(|kind| kind == "ServiceAccount");
        if account && doc.str_at(subject, "namespace").is_none_or(|name| name.is_empty()) {
            let name = doc.str_at(subject, "name").unwrap_or_default();
            let message = format!(
                "subject ServiceAccount `{name}` has no namespace, which the server refuses here; \
                 write `namespace: {namespace}` if it moves along"
            );
            notes.push(Note { at: doc.start(subject.node), message });
        }
    }
}

/// Values of keys that name a namespace.
fn names(doc: &Document<'_>, below: NodeId, namespace: &str, notes: &mut Vec<Note>) {
    let mut note = |id: NodeId, key: NodeId| {
        let key = doc.string(key).unwrap_or_default();
        let message = format!("`{key}` names `{OLD}`; write `{namespace}` if what it means moves along");
        notes.push(Note { at: doc.start(id), message });
    };
    for mapping in doc.mappings(below) {
        for (key, value) in doc.entries(mapping) {
            if !NAMESPACE_KEYS.iter().any(|name| doc.is(key, name)) {
                continue;
            }
            if doc.is(value, OLD) {
                note(value, key);
            }
            let list = At { node: value, key: None, parent: None, shared: None };
            for item in doc.items(list) {
                if doc.is(item.node, OLD) {
                    note(item.node, key);
                }
            }
        }
    }
}

/// Host names and principals of services in `default`, inside any string; `default/name` as a whole string where
/// Istio reads that as a namespace and a name.
fn hosts(doc: &Document<'_>, scalar: NodeId, namespace: &str, qualified: bool, notes: &mut Vec<Note>) {
    let text = doc.text(scalar);
    if !text.contains(OLD) {
        return;
    }
    let start = doc.start(scalar);
    let mut note = |offset: usize, word: &str, instead: String| {
        let message = format!("`{word}` still points to `{OLD}`; write `{instead}` if that moves along");
        notes.push(Note { at: start + offset, message });
    };
    let value = text.trim_matches(['"', '\'']);
    let lead = text.len() - text.trim_start_matches(['"', '\'']).len();
    if let Some(name) = value.strip_prefix("default/")
        && qualified
        && !name.contains(['\n', ' '])
    {
        note(lead, value, format!("{namespace}/{name}"));
        return;
    }
    let outside = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '*'));
    let mut at = 0;
    for word in text.split(outside) {
        let parts: Vec<&str> = word.split('.').collect();
        // The API server's Service is always in `default`.
        if let [service, OLD, rest @ ..] = parts.as_slice()
            && !matches!(*service, "" | "kubernetes")
        {
            let before = text.get(..at).unwrap_or("");
            let after = text.get(at + word.len()..).unwrap_or("");
            let whole = word.len() == value.len()
                || before.ends_with("//")
                || (word.len() + 1 < value.len() && at == lead && after.starts_with(':'));
            if rest.first() == Some(&"svc") || (rest.is_empty() && whole) {
                let mut instead = vec![*service, namespace];
                instead.extend_from_slice(rest);
                note(at, word, instead.join("."));
            }
        }
        at += word.len();
        at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    }
    for (pattern, new) in [
        ("/ns/default/sa/", format!("/ns/{namespace}/sa/")),
        ("system:serviceaccount:default:", format!("system:serviceaccount:{namespace}:")),
        ("system:serviceaccounts:default", format!("system:serviceaccounts:{namespace}")),
    ] {
        if let Some(found) = text.find(pattern) {
            note(found, pattern, new);
        }
    }
}
