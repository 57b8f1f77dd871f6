//! Logs: whether DataKit collects the output of containers, and can read what pods say about theirs.

use crate::check::Outcome;
use crate::facts::datakit::LOGS_ANNOTATION;
use crate::kube::Object;
use crate::mesh::Mesh;

pub(super) fn logs(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        outcome.looked("logs-input");
        if !datakit.enabled_inputs().iter().any(|name| name == "container") {
            outcome.warn(
                "logs-input",
                datakit.object,
                datakit.container.get("env"),
                "`container` is not among the enabled inputs: no logs are collected, and annotations on pods are not read",
                "add it to ENV_DEFAULT_ENABLED_INPUTS",
            );
        }
    }
    // What a controller made is judged by its maker: ReplicaSets of before keep what was wrong before.
    let is_made = |object: &&Object| mesh.inventory.live && object.is_controlled();
    for object in mesh.inventory.workloads().filter(|object| !is_made(object)) {
        for template in object.pod_templates() {
            let value = template.at(&["metadata", "annotations", LOGS_ANNOTATION]);
            if !value.is_set() {
                continue;
            }
            outcome.looked("logs-json");
            let read: Result<Vec<serde_json::Value>, _> = serde_json::from_str(&value.text());
            if let Err(error) = read {
                outcome.fail(
                    "logs-json",
                    object,
                    value,
                    format!("{LOGS_ANNOTATION} is no JSON list ({error}), so DataKit ignores it"),
                    "write it as [{\"disable\": false}] or the like",
                );
            }
        }
    }
}
