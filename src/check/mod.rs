//! What keeps a mesh from being observable: rules over objects of files or of a cluster. Reads only.
//!
//! A rule has an id, a section, and a page in `docs/checks/`. Files are judged by what is in them: what they do not say is
//! not held against them, since other files may. In a cluster what is not there is missing.

mod describe;
mod effect;
mod map;
mod outcome;
mod pages;
mod report;
mod rules;
mod select;
mod together;

pub use crate::page::Snippet as PageSnippet;
pub(crate) use describe::{Subject, describe};
pub use map::MapFormat;
pub(crate) use map::draw;
pub(crate) use outcome::Verdict;
pub use outcome::{Fact, Finding, Level, Outcome, Unknown};
pub(crate) use pages::{explain, list};
pub use report::Format;
pub(crate) use report::{Style, changes, write};
pub(crate) use rules::{CATALOG, Check};
pub(crate) use select::{Ignore, ignore, keep_sections, known_id, known_section};
pub(crate) use together::{run_together, with_cluster};

use crate::kube::{Inventory, Object, ObjectProblem, Problem, ProblemKind, Spot};
use crate::mesh::Mesh;

/// Why a workload's pods wait, for a message; empty where nobody knows.
pub(crate) fn cause(inventory: &Inventory, kind: &str, namespace: &str, name: &str) -> String {
    let is = |object: &&Object| {
        object.name() == name && object.namespace() == namespace && object.kind().to_lowercase() == kind
    };
    let mesh = Mesh::of(inventory);
    inventory.workloads().find(is).map(|workload| rules::waiting(&mesh, workload)).unwrap_or_default()
}

/// What reading has shown, as findings.
fn found_in_reading(problem: Problem) -> Finding {
    let (id, subject, message, hint) = match problem.kind {
        ProblemKind::Unreadable(text) => {
            // A message has its remedy behind the last `;`.
            let (what, hint) = text.rsplit_once("; ").unwrap_or((&text, "mend the file"));
            ("yaml", problem.spot.path.clone(), what.to_owned(), hint.to_owned())
        }
        ProblemKind::Object(lack, title) => {
            let (message, hint) = match lack {
                ObjectProblem::NoApiVersion => {
                    ("no apiVersion, so the cluster refuses it", "add the apiVersion of its kind")
                }
                ObjectProblem::NoKind => ("no kind, so the cluster refuses it", "add its kind"),
            };
            ("api-version", title, message.to_owned(), hint.to_owned())
        }
    };
    let spot = Some(problem.spot);
    Finding { id, level: Level::Failure, subject, message, hint, spot, consequences: Vec::new() }
}

/// Runs all rules. `problems` are those of reading.
pub(crate) fn run(inventory: &Inventory, problems: Vec<Problem>) -> Outcome {
    let findings = problems.into_iter().map(found_in_reading).collect();
    let mut outcome = Outcome { findings, ..Outcome::default() };
    if !inventory.live {
        outcome.checked.extend(["yaml", "api-version"]);
    }
    let mesh = Mesh::of(inventory);
    for check in CATALOG {
        (check.run)(&mesh, &mut outcome);
    }
    let order = |id: &str| CATALOG.iter().position(|check| check.id == id);
    let place = |spot: &Option<Spot>| spot.as_ref().map(|spot| (spot.path.clone(), spot.line, spot.column));
    if inventory.live {
        outcome.findings.sort_by_key(|finding| order(finding.id));
        outcome.unknowns.sort_by_key(|unknown| order(unknown.id));
    } else {
        outcome.findings.sort_by_cached_key(|finding| place(&finding.spot));
        outcome.unknowns.sort_by_cached_key(|unknown| place(&unknown.spot));
    }
    outcome
}
