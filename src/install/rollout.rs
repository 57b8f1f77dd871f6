//! Whether a workload has rolled out, by its own status: as `kubectl rollout status` judges it.

use serde_json::Value;

use super::object::text;

/// Whether a Deployment, DaemonSet or StatefulSet has certainly rolled out: its controller has seen it as it is, and all
/// pods are new and available. What is not certain is for kubectl to watch.
#[must_use]
pub fn has_rolled_out(workload: &Value) -> bool {
    let number = |pointer: &str| workload.pointer(pointer).and_then(Value::as_u64);
    let status = |key: &str| number(&format!("/status/{key}")).unwrap_or_default();
    let seen =
        number("/metadata/generation").is_some_and(|generation| status("observedGeneration") >= generation);
    let wanted = number("/spec/replicas").unwrap_or(1);
    let strategy = |name: &str| text(workload, "/spec/updateStrategy/type") == name;
    let all_there = match text(workload, "/kind") {
        "Deployment" => {
            let updated = status("updatedReplicas");
            updated >= wanted && status("replicas") <= updated && status("availableReplicas") >= updated
        }
        "DaemonSet" if strategy("RollingUpdate") => {
            let wanted = status("desiredNumberScheduled");
            status("updatedNumberScheduled") >= wanted && status("numberAvailable") >= wanted
        }
        "StatefulSet" if strategy("RollingUpdate") => {
            let revision = |key: &str| text(workload, &format!("/status/{key}"));
            let partition = number("/spec/updateStrategy/rollingUpdate/partition").unwrap_or_default();
            status("readyReplicas") >= wanted
                && partition == 0
                && revision("updateRevision") == revision("currentRevision")
        }
        _ => false,
    };
    seen && all_there
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::has_rolled_out;

    fn deployment(generation: u64, status: Value) -> Value {
        json!({"kind": "Deployment", "metadata": {"generation": generation}, "spec": {"replicas": 2}, "status": status})
    }

    #[test]
    fn only_what_is_seen_new_and_available_has_rolled_out() {
        let done =
            json!({"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
        assert!(has_rolled_out(&deployment(3, done.clone())));
        assert!(!has_rolled_out(&deployment(4, done.clone())));
        assert!(!has_rolled_out(&deployment(3, json!({}))));
        for (key, value) in [("replicas", 3), ("updatedReplicas", 1), ("availableReplicas", 1)] {
            let mut status = done.clone();
            status[key] = json!(value);
            assert!(!has_rolled_out(&deployment(3, status)), "{key}");
        }
        let daemon = |strategy: &str, available: u64| {
            json!({
                "kind": "DaemonSet", "metadata": {"generation": 1}, "spec": {"updateStrategy": {"type": strategy}},
                "status": {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": available},
            })
        };
        assert!(has_rolled_out(&daemon("RollingUpdate", 2)) && !has_rolled_out(&daemon("RollingUpdate", 1)));
        assert!(!has_rolled_out(&daemon("OnDelete", 2)));
        let set = |revision: &str| {
            json!({
                "kind": "StatefulSet", "metadata": {"generation": 1},
                "spec": {"replicas": 1, "updateStrategy": {"type": "RollingUpdate"}},
                "status": {"observedGeneration": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": revision},
            })
        };
        assert!(has_rolled_out(&set("a")) && !has_rolled_out(&set("b")));
    }
}
