//! Logs: whether DataKit collects the output of containers, and can read what pods say about theirs.

use super::super::Outcome;
use super::super::world::{World, at, text};
use crate::survey::input_names;

/// What pods say about their logs.
const ANNOTATION: &str = "datakit/logs";

pub(super) fn logs(world: &World, outcome: &mut Outcome) {
    for datakit in world.datakits() {
        outcome.looked("logs-input");
        let inputs = ["ENV_DEFAULT_ENABLED_INPUTS", "ENV_ENABLE_INPUTS"].map(|name| datakit.env_text(name));
        let inputs = inputs.iter().find(|list| !list.is_empty()).map_or("", String::as_str);
        let number = datakit.container.to_string();
        if !input_names(inputs).iter().any(|name| name == "container") {
            outcome.warn(
                "logs-input",
                datakit.object,
                &datakit.path(&number, &["env"]),
                "`container` is not among the enabled inputs: no logs are collected, and annotations on pods are not read",
                "add it to ENV_DEFAULT_ENABLED_INPUTS",
            );
        }
    }
    for object in &world.objects {
        let Some(template) = object.template() else { continue };
        let value = at(object.at(template), &["metadata", "annotations", ANNOTATION]);
        if value.is_null() {
            continue;
        }
        outcome.looked("logs-json");
        let read: Result<Vec<serde_json::Value>, _> = serde_json::from_str(&text(value));
        if let Err(error) = read {
            let place = [template, &["metadata", "annotations", ANNOTATION]].concat();
            outcome.fail(
                "logs-json",
                object,
                &place,
                format!("{ANNOTATION} is no JSON list ({error}), so DataKit ignores it"),
                "write it as [{\"disable\": false}] or the like",
            );
        }
    }
}
