//! Every Telemetry about tracing is read by Istio and holds for some workload.

use super::Check;
use crate::check::Outcome;
use crate::facts::istio::{self, REVISION_LABEL, TELEMETRY_KEYS, TELEMETRY_TRACING_KEYS, TELEMETRY_V1};
use crate::kube::{Field, Object, Selector};
use crate::mesh::Mesh;
use crate::mesh::registry::selects_any;
use crate::spelling::nearest;

pub(super) const CHECK: Check = Check {
    id: "tracing-telemetry",
    section: "tracing",
    title: "every Telemetry about tracing is in effect",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for telemetry in mesh.tracing.telemetries() {
        if keys(telemetry, outcome) {
            continue;
        }
        if !telemetry.at(&["spec", "tracing"]).is_set() {
            continue;
        }
        outcome.looked(CHECK.id);
        let _ = revision(mesh, telemetry, outcome)
            || version(mesh, telemetry, outcome)
            || selector(mesh, telemetry, outcome)
            || hidden(mesh, telemetry, outcome)
            || percentage(telemetry, outcome)
            || elsewhere(mesh, telemetry, outcome);
    }
}

/// Keys that Istio does not know.
fn keys(telemetry: &Object, outcome: &mut Outcome) -> bool {
    let spec = telemetry.at(&["spec"]);
    let mut wrong = misspelt(spec, TELEMETRY_KEYS);
    wrong.extend(spec.get("tracing").items().flat_map(|entry| misspelt(entry, TELEMETRY_TRACING_KEYS)));
    for (key, right, field) in &wrong {
        let message = format!("Istio has no key `{key}` in a Telemetry");
        outcome.fail(CHECK.id, telemetry, *field, message, format!("write `{right}` instead of `{key}`"));
    }
    !wrong.is_empty()
}

fn misspelt<'i>(mapping: Field<'i>, known: &[&'static str]) -> Vec<(String, &'static str, Field<'i>)> {
    let unknown = mapping.entries().filter(|(key, _)| !known.contains(&&**key));
    unknown
        .filter_map(|(key, field)| Some((key.to_string(), nearest(&key, known.iter().copied())?, field)))
        .collect()
}

/// One with the label of a revision is read by that alone.
fn revision(mesh: &Mesh<'_>, telemetry: &Object, outcome: &mut Outcome) -> bool {
    let planes = &mesh.tracing.planes;
    if planes.is_empty() || planes.iter().any(|plane| plane.reads(telemetry)) {
        return false;
    }
    let label = telemetry.label(REVISION_LABEL);
    let known: Vec<&str> = planes.iter().map(|plane| plane.revision.as_str()).collect();
    let message = format!(
        "label {REVISION_LABEL} is `{label}`, and no control plane has that revision (there is {}): nobody reads this Telemetry",
        known.join(", ")
    );
    let field = telemetry.at(&["metadata", "labels", REVISION_LABEL]);
    outcome.fail(
        CHECK.id,
        telemetry,
        field,
        message,
        format!("remove the label {REVISION_LABEL}, or name the revision"),
    );
    true
}

/// A version of the API that this Istio does not serve.
fn version(mesh: &Mesh<'_>, telemetry: &Object, outcome: &mut Outcome) -> bool {
    let oldest = mesh.tracing.planes.iter().filter_map(|plane| plane.version).min();
    let Some(oldest) = oldest.filter(|oldest| *oldest < TELEMETRY_V1 || *oldest < istio::TELEMETRY) else {
        return false;
    };
    if mesh.inventory.live || telemetry.api_version() != "telemetry.istio.io/v1" {
        return false;
    }
    let message =
        format!("Istio {oldest} does not serve telemetry.istio.io/v1, which came with {TELEMETRY_V1}");
    let hint = "write apiVersion: telemetry.istio.io/v1alpha1";
    outcome.fail(CHECK.id, telemetry, telemetry.at(&["apiVersion"]), message, hint);
    true
}

/// A selector that fits no pods.
fn selector(mesh: &Mesh<'_>, telemetry: &Object, outcome: &mut Outcome) -> bool {
    let field = telemetry.at(&["spec", "selector"]);
    let selector = Selector::of(field);
    let home = telemetry.namespace();
    if selector.is_empty() || selects_any(mesh.inventory, home, &selector) {
        return false;
    }
    let mut here = mesh.inventory.workloads().filter(|object| object.namespace() == home).peekable();
    if here.peek().is_none() && !mesh.inventory.live {
        return false;
    }
    let labels: Vec<String> = selector.labels().iter().map(|(key, value)| format!("{key}={value}")).collect();
    let values = here.flat_map(|object| object.pod_templates()).flat_map(|template| {
        selector.labels().iter().filter_map(move |(key, value)| {
            let found = template.at(&["metadata", "labels", key]).text();
            (!found.is_empty() && *found != **value).then(|| (key.clone(), found.into_owned()))
        })
    });
    let values: Vec<(String, String)> = values.collect();
    let wanted = selector.labels().iter().map(|(_, value)| value.as_str());
    let right =
        wanted.filter_map(|value| nearest(value, values.iter().map(|(_, found)| found.as_str()))).next();
    let root = mesh.tracing.planes.iter().any(|plane| plane.root_namespace() == home);
    let reach =
        if root { " (in the root namespace, too, a selector reaches its own pods alone)" } else { "" };
    let message = format!("its selector {} fits no pods in namespace `{home}`{reach}", labels.join(","));
    let hint = match right {
        Some(right) => format!("write the label's value as `{right}`"),
        None if root => "move the Telemetry to the namespace of the workload".to_owned(),
        None => "correct the selector, or delete the Telemetry".to_owned(),
    };
    outcome.fail(CHECK.id, telemetry, field, message, hint);
    true
}

/// One that an older one of the namespace takes the place of.
fn hidden(mesh: &Mesh<'_>, telemetry: &Object, outcome: &mut Outcome) -> bool {
    let wide = mesh.tracing.planes.iter().find_map(|plane| mesh.tracing.hidden_by(telemetry, plane));
    let Some(older) = wide else { return false };
    let message = format!(
        "{} holds for this namespace and is older: Istio reads the oldest Telemetry without a selector alone",
        older.title()
    );
    let hint = "merge the two Telemetries into one, or give this one a selector";
    outcome.fail(CHECK.id, telemetry, telemetry.at(&["spec", "tracing"]), message, hint);
    true
}

/// A share that is no number.
fn percentage(telemetry: &Object, outcome: &mut Outcome) -> bool {
    let entries = telemetry.at(&["spec", "tracing"]).items();
    let fields = entries.map(|entry| entry.get("randomSamplingPercentage")).filter(|field| field.is_set());
    let wrong = fields.filter(|field| {
        let number: Option<f64> = field.text().parse().ok();
        field.is_string() || number.is_none_or(|number| !(0.0..=100.0).contains(&number))
    });
    let wrong: Vec<_> = wrong.collect();
    for field in &wrong {
        let message = format!(
            "randomSamplingPercentage is `{}`, and a number from 0 to 100 is needed: the cluster refuses it",
            field.text()
        );
        outcome.fail(CHECK.id, telemetry, *field, message, "write it as a number, such as 1 or 100");
    }
    !wrong.is_empty()
}

/// One that is meant for the whole mesh, and is not in the root namespace.
fn elsewhere(mesh: &Mesh<'_>, telemetry: &Object, outcome: &mut Outcome) -> bool {
    let home = telemetry.namespace();
    let [plane] = mesh.tracing.planes.as_slice() else { return false };
    let root = plane.root_namespace();
    let selects =
        telemetry.at(&["spec", "selector"]).is_set() || telemetry.at(&["spec", "targetRefs"]).is_set();
    let others = mesh
        .tracing
        .telemetries()
        .any(|other| other.namespace() == root && other.at(&["spec", "tracing"]).is_set());
    let is_used = mesh.applications.iter().any(|workload| workload.object.namespace() == home);
    if home == root || selects || others || is_used || mesh.applications.is_empty() {
        return false;
    }
    let message = format!(
        "it holds for namespace `{home}` alone, which has no applications: the root namespace of this mesh is `{root}`"
    );
    let field = telemetry.at(&["metadata", "namespace"]);
    outcome.fail(CHECK.id, telemetry, field, message, format!("set its namespace to {root}"));
    true
}
