//! Workloads: which kinds hold pod templates, and where.

use super::resource::Resource;
use crate::yaml::{At, Document};

/// A pod template in a workload, or a bare Pod.
#[derive(Clone, Copy, Debug)]
pub struct PodTemplate {
    /// The mapping that holds `metadata` and `spec`.
    pub at: At,
    /// The `spec` with the containers.
    pub spec: At,
}

/// A step on the way to a pod template.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The value of a key.
    Key(&'static str),
    /// Every item of a sequence.
    Each,
}

use Step::{Each, Key};

const SPEC_TEMPLATE: &[Step] = &[Key("spec"), Key("template")];

/// The places of the pod templates of a kind; none for kinds that have none.
fn places(group: &str, kind: &str) -> &'static [&'static [Step]] {
    match (group, kind) {
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("extensions", "Deployment" | "DaemonSet" | "ReplicaSet")
        | ("", "ReplicationController" | "DeploymentConfig")
        | ("batch", "Job")
        | ("argoproj.io", "Rollout")
        | ("apps.openshift.io", "DeploymentConfig")
        | ("apps.kruise.io", "CloneSet" | "StatefulSet" | "DaemonSet" | "BroadcastJob")
        | ("serving.knative.dev", "Service" | "Configuration") => &[SPEC_TEMPLATE],
        ("batch", "CronJob") => &[&[Key("spec"), Key("jobTemplate"), Key("spec"), Key("template")]],
        ("", "Pod") => &[&[]],
        ("", "PodTemplate") => &[&[Key("template")]],
        ("apps.kruise.io", "AdvancedCronJob") => &[
            &[Key("spec"), Key("template"), Key("jobTemplate"), Key("spec"), Key("template")],
            &[Key("spec"), Key("template"), Key("broadcastJobTemplate"), Key("spec"), Key("template")],
        ],
        ("apps.kruise.io", "UnitedDeployment") => &[
            &[Key("spec"), Key("template"), Key("statefulSetTemplate"), Key("spec"), Key("template")],
            &[Key("spec"), Key("template"), Key("advancedStatefulSetTemplate"), Key("spec"), Key("template")],
            &[Key("spec"), Key("template"), Key("cloneSetTemplate"), Key("spec"), Key("template")],
            &[Key("spec"), Key("template"), Key("deploymentTemplate"), Key("spec"), Key("template")],
        ],
        ("keda.sh", "ScaledJob") => &[&[Key("spec"), Key("jobTargetRef"), Key("template")]],
        ("jobset.x-k8s.io", "JobSet") => {
            &[&[Key("spec"), Key("replicatedJobs"), Each, Key("template"), Key("spec"), Key("template")]]
        }
        ("argoproj.io", "Experiment") => &[&[Key("spec"), Key("templates"), Each, Key("template")]],
        _ => &[],
    }
}

/// The pod templates of a resource; nothing for kinds that have none. A template counts only where it has
/// containers: Certificates and others have a `spec.template` too.
#[must_use]
pub fn pod_templates(doc: &Document<'_>, resource: &Resource) -> Option<Vec<PodTemplate>> {
    let places = places(resource.group(), &resource.kind);
    if places.is_empty() {
        return None;
    }
    let mut found = Vec::new();
    for steps in places {
        walk(doc, resource.at, steps, &mut found);
    }
    Some(found)
}

fn walk(doc: &Document<'_>, at: At, steps: &[Step], found: &mut Vec<PodTemplate>) {
    match steps.split_first() {
        Some((Key(key), rest)) => {
            if let Some(next) = doc.get(at, key) {
                walk(doc, next, rest, found);
            }
        }
        Some((Each, rest)) => {
            for item in doc.items(at) {
                walk(doc, item, rest, found);
            }
        }
        None => {
            if let Some(spec) = doc.get(at, "spec")
                && doc.get(spec, "containers").is_some_and(|c| doc.kind(c.node).is_sequence())
            {
                found.push(PodTemplate { at, spec });
            }
        }
    }
}
