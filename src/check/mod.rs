//! What keeps a mesh from being observable: rules over objects of files or of a cluster. Reads only.
//!
//! A rule has an id, a section, and a page in `docs/checks/`. Files are judged by what is in them: what they do not say is
//! not held against them, since other files may. In a cluster what is not there is missing.

mod live;
mod map;
mod report;
mod rules;

pub use crate::page::Snippet as PageSnippet;
pub use map::MapFormat;
pub(crate) use map::draw;
pub use report::{Format, write};
pub use rules::{CATALOG, RuleInfo};

use crate::kube::{Inventory, Object, ObjectProblem, Problem, ProblemKind, Spot};
use crate::mesh::Mesh;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something to know.
    Warning,
    /// Something is not observable.
    Failure,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub id: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it is about, as `kind/name`.
    pub subject: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// Where, in a file.
    pub(crate) spot: Option<Spot>,
}

/// Something to know of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// `kubernetes`, `istio`, `datakit`, `nodes`.
    pub name: &'static str,
    /// A version, or a number.
    pub value: String,
}

/// What came of a check.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What was found, in the order of the rules.
    pub findings: Vec<Finding>,
    /// The ids of the rules that had something to look at.
    pub checked: Vec<&'static str>,
    /// What the cluster is.
    pub facts: Vec<Fact>,
    /// What is not set up and does not have to be.
    pub remarks: Vec<String>,
}

impl Outcome {
    /// Whether something is not observable.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Failure)
    }
}

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
    Finding { id, level: Level::Failure, subject, message, hint, spot: Some(problem.spot) }
}

/// Runs all rules. `problems` are those of reading.
pub(crate) fn run(inventory: &Inventory, problems: Vec<Problem>) -> Outcome {
    let findings = problems.into_iter().map(found_in_reading).collect();
    let mut outcome = Outcome { findings, ..Outcome::default() };
    if !inventory.live {
        outcome.checked.extend(["yaml", "api-version"]);
    }
    let mesh = Mesh::of(inventory);
    for rule in rules::ALL {
        rule(&mesh, &mut outcome);
    }
    let order = |id: &str| CATALOG.iter().position(|rule| rule.id == id);
    let place =
        |finding: &Finding| finding.spot.as_ref().map(|spot| (spot.path.clone(), spot.line, spot.column));
    if inventory.live {
        outcome.findings.sort_by_key(|finding| order(finding.id));
    } else {
        outcome.findings.sort_by_cached_key(place);
    }
    outcome
}
