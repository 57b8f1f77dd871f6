//! DataKit can read what pods say about their output: a list of objects, with keys and types that it knows, where it looks.

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::{LOGS_ANNOTATION, LOGS_VARIABLE, logs_container};
use crate::facts::istio;
use crate::facts::logs::{LogFault, faults};
use crate::kube::{Field, Object};
use crate::mesh::Mesh;
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "logs-json", section: "logs", title: "log annotations can be read", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for object in mesh.inventory.workloads() {
        // What a controller made is judged by its maker: ReplicaSets of before keep what was wrong before.
        if mesh.inventory.live && object.is_controlled() {
            continue;
        }
        for template in object.pod_templates() {
            for (name, field) in template.at(&["metadata", "annotations"]).entries() {
                if &*name == LOGS_ANNOTATION || logs_container(&name).is_some() {
                    judge(object, &name, field, outcome);
                    container(object, template, &name, field, outcome);
                } else if name.starts_with("datakit/") && nearest(&name, [LOGS_ANNOTATION]).is_some() {
                    let message = format!(
                        "DataKit knows no annotation `{name}`, so it takes the output as if there were none; `{LOGS_ANNOTATION}` was meant"
                    );
                    outcome.fail(CHECK.id, object, field, message, format!("call it {LOGS_ANNOTATION}"));
                }
            }
            for container in template.at(&["spec", "containers"]).items() {
                let mut variables = container.get("env").items();
                if let Some(variable) = variables.find(|variable| variable.get("name").is(LOGS_VARIABLE)) {
                    judge(object, LOGS_VARIABLE, variable.get("value"), outcome);
                }
            }
        }
        beside(object, outcome);
    }
}

fn judge(object: &Object, name: &str, field: Field<'_>, outcome: &mut Outcome) {
    let text = field.text();
    if text.trim().is_empty() {
        return;
    }
    outcome.looked(CHECK.id);
    for fault in faults(&text) {
        let (message, hint, is_lost) = words(name, &fault);
        if is_lost {
            outcome.fail(CHECK.id, object, field, message, hint);
        } else {
            outcome.warn(CHECK.id, object, field, message, hint);
        }
    }
}

/// What is wrong, the edit that mends it, and whether output is lost by it.
fn words(name: &str, fault: &LogFault) -> (String, String, bool) {
    const LIKE: &str = "write it as a list of objects: [{\"source\": \"reviews\"}]";
    match fault {
        LogFault::NotJson(why) => (
            format!("{name} is not valid JSON ({why}), so DataKit collects nothing of its containers"),
            LIKE.to_owned(),
            true,
        ),
        LogFault::NotList(what) => (
            format!(
                "{name} is {what}, and has to be a list of objects, so DataKit collects nothing of its containers"
            ),
            LIKE.to_owned(),
            true,
        ),
        LogFault::Type(key, want) => (
            format!(
                "{key} in {name} has to be {want}, so DataKit refuses the text and collects nothing of its containers"
            ),
            format!("write {key} as {want}"),
            true,
        ),
        LogFault::Ignored(key, meant) => (
            format!("{name} has the key `{key}`, which DataKit ignores; `{meant}` was meant"),
            format!("write `{meant}` instead of `{key}`"),
            false,
        ),
        LogFault::Unrendered(key, part) => (
            format!("{key} in {name} has `{part}`, which nothing replaces"),
            format!("write the value that `{part}` stands for"),
            false,
        ),
        LogFault::NoPath => (
            format!("a rule in {name} has type \"file\" and no path, so DataKit skips it"),
            "add \"path\" with the file in the container".to_owned(),
            true,
        ),
        LogFault::Double(path) => (
            format!(
                "{name} has two rules for {path}, so DataKit refuses the text and collects nothing of its containers"
            ),
            "remove one of the two rules".to_owned(),
            true,
        ),
        LogFault::Expression(text, why) => (
            format!("multiline_match `{text}` in {name} is no regular expression ({why})"),
            "correct multiline_match; a backslash in JSON is written twice".to_owned(),
            false,
        ),
    }
}

/// An annotation for one container names one that the pod has.
fn container(object: &Object, template: Field<'_>, name: &str, field: Field<'_>, outcome: &mut Outcome) {
    let Some(wanted) = logs_container(name) else { return };
    let lists = ["containers", "initContainers"];
    let names = lists.iter().flat_map(|list| template.at(&["spec", list]).items());
    let names: Vec<_> = names.map(|container| container.get("name").text().into_owned()).collect();
    if wanted == istio::PROXY_CONTAINER || names.iter().any(|known| known == wanted) {
        return;
    }
    let right =
        nearest(wanted, names.iter().map(String::as_str)).or_else(|| names.first().map(String::as_str));
    let right = right.unwrap_or_default();
    let message =
        format!("the annotation {name} is about a container `{wanted}`, which the pod does not have");
    outcome.warn(CHECK.id, object, field, message, format!("call it datakit/{right}.logs"));
}

/// An annotation on the workload itself reaches no pod.
fn beside(object: &Object, outcome: &mut Outcome) {
    if object.kind() == "Pod" {
        return;
    }
    for (name, field) in object.at(&["metadata", "annotations"]).entries() {
        if &*name != LOGS_ANNOTATION && logs_container(&name).is_none() {
            continue;
        }
        let mut templates = object.pod_templates();
        if templates.any(|template| template.at(&["metadata", "annotations"]).get(&name).is_set()) {
            continue;
        }
        let message = format!(
            "the annotation {name} is on the {} itself; DataKit looks at pods, which get the annotations of the pod template only",
            object.kind()
        );
        outcome.fail(CHECK.id, object, field, message, "move it to spec.template.metadata.annotations");
    }
}
