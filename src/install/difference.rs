//! The difference between an object as it is in the cluster and as an apply would leave them, for people. It is made in
//! memory: no manifest goes to a file.

use serde_json::Value;

use super::Reference;
use super::object::text;
use super::restore::SERVERS;
use crate::{secret, yaml};

/// Where `kubectl apply` notes what was applied: all of it once more.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// The difference as a unified diff in YAML, without tokens, Secrets' values and what the server keeps for itself. Empty
/// where there is none.
pub(super) fn between(old: Option<&Value>, new: &Value) -> String {
    let title = Reference::of(new).title();
    let mut old = old.map(shown);
    let mut new = shown(new);
    if old.as_ref() == Some(&new) {
        return String::new();
    }
    if text(&new, "/kind") == "Secret" {
        hide(old.as_mut(), &mut new);
    }
    let old = old.as_ref().map(manifest).unwrap_or_default();
    let new = manifest(&new);
    let diff = similar::TextDiff::from_lines(&old, &new);
    let lines = diff.unified_diff().context_radius(CONTEXT).to_string();
    secret::mask(&format!("--- {title}\n+++ {title}\n{lines}"))
}

/// An object without what the server and kubectl keep for themselves.
fn shown(object: &Value) -> Value {
    let mut object = object.clone();
    for path in SERVERS.iter().copied().chain([&["metadata", "annotations", LAST_APPLIED][..]]) {
        let Some((last, parents)) = path.split_last() else { continue };
        let parent = parents.iter().try_fold(&mut object, |value, key| value.get_mut(key));
        if let Some(map) = parent.and_then(Value::as_object_mut) {
            map.remove(*last);
        }
    }
    // Nothing is left of annotations that were all of these.
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|_, value| value.as_object().is_none_or(|map| !map.is_empty()));
    }
    object
}

/// Replaces the values of a Secret; one that changes is seen to.
fn hide(old: Option<&mut Value>, new: &mut Value) {
    let mut nothing = Value::Null;
    let old = old.unwrap_or(&mut nothing);
    for key in ["data", "stringData"] {
        let before = old.get(key).cloned().unwrap_or_default();
        let after = new.get(key).cloned().unwrap_or_default();
        for (side, other, mark) in
            [(&mut *old, &after, "**** (before)"), (&mut *new, &before, "**** (after)")]
        {
            let values = side.get_mut(key).and_then(Value::as_object_mut);
            for (name, value) in values.into_iter().flatten() {
                let same = other.get(name) == Some(&*value);
                *value = Value::from(if same { "****" } else { mark });
            }
        }
    }
}

/// An object in YAML.
fn manifest(object: &Value) -> String {
    match written(object) {
        yaml::Value::Map(entries) => yaml::document(&entries, "\n"),
        _ => String::new(),
    }
}

/// The value for the writer. The JSON parser limits the depth of what comes here.
fn written(value: &Value) -> yaml::Value {
    match value {
        Value::Object(map) if !map.is_empty() => {
            yaml::Value::Map(map.iter().map(|(key, value)| (key.clone(), written(value))).collect())
        }
        Value::Array(items) if !items.is_empty() => yaml::Value::List(items.iter().map(written).collect()),
        Value::String(text) if text.contains('\n') => yaml::Value::Lines(text.clone()),
        Value::String(text) => yaml::Value::Text(text.clone()),
        other => yaml::Value::Raw(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::between;

    #[test]
    fn what_the_server_adds_is_no_difference() {
        let live = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}, "status": {"x": 1},
            "metadata": {
                "name": "x", "namespace": "prod", "resourceVersion": "1", "generation": 2, "managedFields": [{}],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            },
        });
        let mut dry = live.clone();
        dry["metadata"] = json!({"name": "x", "namespace": "prod", "resourceVersion": "2"});
        dry["status"] = json!(null);
        assert_eq!(between(Some(&live), &dry), "");
        dry["data"]["a"] = json!("1\n2\n");
        dry["data"]["list"] = json!([{"a": 1, "b": {}}]);
        let shown = between(Some(&live), &dry);
        let wanted = "--- configmap/x in prod\n+++ configmap/x in prod\n";
        assert!(shown.starts_with(wanted), "{shown}");
        assert!(
            shown.contains("-  a: b\n+  a: |\n+    1\n+    2\n+  list:\n+  - a: 1\n+    b: {}\n"),
            "{shown}"
        );
        assert!(!shown.contains("resourceVersion") && !shown.contains("status"), "{shown}");
    }

    #[test]
    fn no_secret_is_shown() {
        let token = format!("https://x?token=tkn_{}", "0123456789abcdef0123456789abcdef");
        let map =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": token}});
        let shown = between(None, &map);
        assert!(shown.contains("+  a: https://x?token=tkn_****"), "{shown}");
        let secret = |a: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": {"a": a, "b": "same"}});
        let shown = between(Some(&secret("b25l")), &secret("dHdv"));
        assert!(
            shown.contains("-  a: '**** (before)'") || shown.contains("-  a: \"**** (before)\""),
            "{shown}"
        );
        assert!(!["b25l", "dHdv", "same"].iter().any(|value| shown.contains(value)), "{shown}");
    }
}
