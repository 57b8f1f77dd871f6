//! One workload in words: what is in effect for it, what decides that, and what was found about it.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::effect::{Aspect, Effects, State};
use super::report::{finding_record, unknown_record};
use super::{Finding, Level, Outcome, Unknown};
use crate::gate::{self, text};
use crate::kube::{Inventory, Object};
use crate::mesh::{Mesh, Workload};

/// Kinds with pods, and what kubectl calls them too.
const KINDS: &[(&str, &[&str])] = &[
    ("deployment", &["deployments", "deploy"]),
    ("statefulset", &["statefulsets", "sts"]),
    ("daemonset", &["daemonsets", "ds"]),
    ("replicaset", &["replicasets", "rs"]),
    ("replicationcontroller", &["replicationcontrollers", "rc"]),
    ("job", &["jobs"]),
    ("cronjob", &["cronjobs", "cj"]),
    ("pod", &["pods", "po"]),
    ("rollout", &["rollouts"]),
];

/// A workload as the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    kind: &'static str,
    name: String,
    namespace: Option<String>,
}

impl Subject {
    /// Reads `KIND/NAME`; nothing where the text is something else.
    pub(crate) fn parse(text: &str, namespace: Option<&str>) -> Option<Self> {
        let (kind, name) = text.split_once('/')?;
        let kind = kind.to_lowercase();
        let (kind, _) = KINDS.iter().find(|(long, others)| *long == kind || others.contains(&&*kind))?;
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
        is_name.then(|| Self { kind, name: name.to_owned(), namespace: namespace.map(str::to_owned) })
    }

    /// The one object of that name.
    ///
    /// # Errors
    /// There is none, or there are several.
    fn find<'i>(&self, inventory: &'i Inventory) -> Result<&'i Object, String> {
        let is_it = |object: &&Object| {
            object.name() == self.name
                && object.kind().eq_ignore_ascii_case(self.kind)
                && self.namespace.as_deref().is_none_or(|namespace| namespace == object.namespace())
        };
        let found: Vec<&Object> = inventory.workloads().filter(is_it).collect();
        let name = format!("{}/{}", self.kind, self.name);
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(match &self.namespace {
                Some(namespace) => format!("workload {name} not found in namespace {namespace}"),
                None => format!("workload {name} not found"),
            }),
            many => {
                let names: Vec<_> = many.iter().map(|object| object.namespace()).collect();
                Err(format!("{name} exists in several namespaces ({}); choose with -n", names.join(", ")))
            }
        }
    }
}

/// Everything about one workload.
struct Description<'o> {
    title: String,
    aspects: Vec<Aspect>,
    findings: Vec<&'o Finding>,
    unknowns: Vec<&'o Unknown>,
}

/// Describes workloads, as lines for people or as JSON.
///
/// # Errors
/// One is not there. `Ok` holds what is to be printed.
pub(crate) fn describe(
    inventory: &Inventory,
    outcome: &Outcome,
    subjects: &[Subject],
    as_json: bool,
) -> Result<Vec<u8>, String> {
    let mesh = Mesh::of(inventory);
    let effects = Effects::of(&mesh, outcome);
    let mut described = Vec::new();
    for subject in subjects {
        let object = subject.find(inventory)?;
        let aspects = object
            .pod_templates()
            .flat_map(|template| effects.aspects(&Workload { object, template }))
            .collect();
        let title = object.title();
        described.push(Description {
            findings: outcome.findings.iter().filter(|finding| finding.subject == title).collect(),
            unknowns: outcome.unknowns.iter().filter(|unknown| unknown.subject == title).collect(),
            title,
            aspects,
        });
    }
    let mut out = Vec::new();
    let written = if as_json {
        let records: Vec<Value> = described.iter().map(Description::record).collect();
        writeln!(out, "{}", gate::json(&format!("{:#}", json!({"workloads": records}))))
    } else {
        described.iter().enumerate().try_for_each(|(i, one)| {
            if i > 0 {
                writeln!(out)?;
            }
            one.write(&mut out)
        })
    };
    written.map_err(|error| error.to_string())?;
    Ok(out)
}

fn state_name(state: State) -> &'static str {
    match state {
        State::On => "yes",
        State::Off => "no",
        State::Unknown => "unknown",
    }
}

impl Description<'_> {
    fn record(&self) -> Value {
        let aspects = self.aspects.iter().map(|aspect| {
            json!({
                "aspect": aspect.name,
                "state": state_name(aspect.state),
                "answer": aspect.answer,
                "decided_by": aspect.decided_by,
            })
        });
        json!({
            "subject": self.title,
            "aspects": aspects.collect::<Vec<_>>(),
            "findings": self.findings.iter().map(|finding| finding_record(finding)).collect::<Vec<_>>(),
            "unknown": self.unknowns.iter().map(|unknown| unknown_record(unknown)).collect::<Vec<_>>(),
        })
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", text!("{}", self.title))?;
        for Aspect { name, state, answer, decided_by } in &self.aspects {
            let mark = match state {
                State::On => "✔",
                State::Off => "-",
                State::Unknown => "?",
            };
            let name = format!("{name}:");
            writeln!(out, "{}", text!("  {} {} {}", mark, format!("{name:9}"), answer))?;
            for by in decided_by {
                writeln!(out, "{}", text!("              decided by {}", by))?;
            }
        }
        for Finding { id, level, message, hint, consequences, .. } in &self.findings {
            let mark = if *level == Level::Failure { "✖" } else { "!" };
            writeln!(out, "{}", text!("  {} {} [{}]", mark, message, id))?;
            for consequence in consequences {
                writeln!(out, "{}", text!("      because of this: {}", consequence))?;
            }
            writeln!(out, "{}", text!("      {} (see `meshobs explain {}`)", hint, id))?;
        }
        for Unknown { id, message, .. } in &self.unknowns {
            writeln!(out, "{}", text!("  ? {} [{}]", message, id))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_are_named_as_kubectl_takes_them() {
        let kind = |text: &str| Subject::parse(text, None).map(|subject| subject.kind);
        assert_eq!(kind("deploy/a-v1"), Some("deployment"));
        assert_eq!(kind("StatefulSet/a.b"), Some("statefulset"));
        assert_eq!(kind("manifests/a"), None);
        assert_eq!(kind("deployment/"), None);
        assert_eq!(kind("deployment/a/b"), None);
    }
}
