//! What of an object of a cluster is kept: a large cluster has more text about its pods than anybody asks for.

use serde_json::{Map, Value};

/// Parts of a Pod that repeat its template or say nothing of how it fares.
const OF_POD: &[&str] =
    &["volumes", "tolerations", "affinity", "topologySpreadConstraints", "imagePullSecrets"];

/// Parts of a Pod's container, likewise.
const OF_CONTAINER: &[&str] = &[
    "env",
    "envFrom",
    "volumeMounts",
    "resources",
    "securityContext",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "imagePullPolicy",
];

/// What kubectl notes of what it applied: the whole object once more, and perhaps a secret.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The text of an object without what is never asked for, and without blanks; nothing where it is no JSON object.
pub(super) fn slim(json: &[u8]) -> Option<String> {
    let mut object: Map<String, Value> = serde_json::from_slice(json).ok()?;
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
    }
    if object.get("kind").is_some_and(|kind| kind == "Pod")
        && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
    {
        OF_POD.iter().for_each(|key| drop(spec.remove(*key)));
        for containers in ["containers", "initContainers"] {
            let containers = spec.get_mut(containers).and_then(Value::as_array_mut).into_iter().flatten();
            for container in containers.filter_map(Value::as_object_mut) {
                OF_CONTAINER.iter().for_each(|key| drop(container.remove(*key)));
            }
        }
    }
    serde_json::to_string(&object).ok()
}

#[cfg(test)]
mod tests {
    use super::slim;

    #[test]
    fn labels_that_are_called_like_a_part_stay() {
        let pod = r#"{"kind": "Pod", "metadata": {"labels": {"env": "prod"}, "managedFields": [1]},
            "spec": {"volumes": [], "containers": [{"name": "c", "env": []}]}, "status": {"phase": "Running"}}"#;
        let kept = slim(pod.as_bytes()).unwrap();
        assert_eq!(
            kept,
            r#"{"kind":"Pod","metadata":{"labels":{"env":"prod"}},"spec":{"containers":[{"name":"c"}]},"status":{"phase":"Running"}}"#
        );
        let map = r#"{"kind":"ConfigMap","data":{"volumes":"x"}}"#;
        assert_eq!(slim(map.as_bytes()).as_deref(), Some(r#"{"data":{"volumes":"x"},"kind":"ConfigMap"}"#));
        assert_eq!(slim(b"[1]"), None);
    }
}
