//! What can be told of a plan before anything is done: what the server could not judge, which rights are missing, and what
//! `check` would find in what comes of it. Reads only.

use anyhow::bail;

use crate::check::{self, Level};
use crate::cluster::Kubectl;
use crate::gate::{Text, say};
use crate::install::{Action, Planned, Record, Step, missing_rights};
use crate::kube::{Inventory, read_text};

/// Tells it.
///
/// # Errors
/// Something is missing without which a step would fail.
pub(super) fn foresee(
    kubectl: &Kubectl,
    (steps, planned): (&[Step], &[Planned]),
    world: &Inventory,
    record: &Record,
) -> anyhow::Result<()> {
    findings(steps, planned, world);
    unjudged(planned);
    match missing_rights(kubectl, (steps, planned), record) {
        Ok(missing) if missing.is_empty() => Ok(()),
        Ok(missing) => bail!(
            "you may not do all of this:\n  {}\nnothing was done; `kubectl{} auth can-i VERB RESOURCE -n NAMESPACE` tells when \
             you may",
            missing.join("\n  "),
            kubectl.flags()
        ),
        Err(error) => {
            say!("note: unknown whether you may do all of this: {}", error.to_string());
            Ok(())
        }
    }
}

/// What the server could not judge.
fn unjudged(planned: &[Planned]) {
    let objects: Vec<_> = planned.iter().flat_map(|planned| &planned.unjudged).collect();
    if let Some(first) = objects.first() {
        say!(
            "note: the server can judge {} of these objects only once their namespace or kind is there, such as {}",
            objects.len().to_string(),
            first.title()
        );
    }
}

/// What `check` would find that it does not find now.
fn findings(steps: &[Step], planned: &[Planned], world: &Inventory) {
    let (files, problems) = read_text("plan", &outcome_of(steps, planned));
    let all = check::with_cluster(&files, world);
    let outcome = check::run_together(&all, world, problems);
    for finding in &outcome.findings {
        let mark = if finding.level == Level::Failure { "✖" } else { "!" };
        say!("{} {}: {}", mark, finding.subject, Text::block(&finding.message));
        say!("    {}", Text::block(&finding.hint));
    }
}

/// The manifests of what steps make of their objects.
fn outcome_of(steps: &[Step], planned: &[Planned]) -> String {
    let texts =
        steps.iter().zip(planned).filter(|(_, planned)| !planned.is_in_place()).filter_map(|(step, _)| {
            Some(match &step.action {
                Action::Apply(text) | Action::Define(text) => text.as_str(),
                Action::Change(change) => change.new.as_str(),
                Action::Edit(edit) => edit.new.as_str(),
                Action::Istio(..) => return None,
            })
        });
    let mut all = String::new();
    for text in texts {
        all.push_str(if all.is_empty() { "" } else { "---\n" });
        all.push_str(text);
        all.push_str(if text.ends_with('\n') { "" } else { "\n" });
    }
    all
}
