//! What keeps a mesh from being observable: rules over objects of files or of a cluster. Reads only.
//!
//! A rule has an id, a section, and a page in `docs/checks/`. Files are judged by what is in them: what they do not say is
//! not held against them, since other files may. In a cluster what is not there is missing.

mod live;
mod map;
mod read;
mod report;
mod rules;
mod world;

pub use crate::page::Snippet as PageSnippet;
pub use map::{MapFormat, draw};
pub use read::{read, read_text};
pub use report::{Format, write};
pub use rules::{CATALOG, RuleInfo};
pub use world::{Object, Spot, World};

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
    pub spot: Option<Spot>,
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
#[must_use]
pub fn cause(world: &World, kind: &str, namespace: &str, name: &str) -> String {
    let is = |object: &&Object| {
        object.kind.to_lowercase() == kind && object.home() == namespace && object.name == name
    };
    world.objects.iter().find(is).map(|workload| rules::waiting(world, workload)).unwrap_or_default()
}

/// Runs all rules. `before` are findings of reading.
#[must_use]
pub fn run(world: &World, before: Vec<Finding>) -> Outcome {
    let mut outcome = Outcome { findings: before, ..Outcome::default() };
    if !world.live {
        outcome.checked.extend(["yaml", "api-version"]);
    }
    for rule in rules::ALL {
        rule(world, &mut outcome);
    }
    let order = |id: &str| CATALOG.iter().position(|rule| rule.id == id);
    outcome.findings.sort_by(|a, b| {
        let place =
            |finding: &Finding| finding.spot.as_ref().map(|spot| (spot.path.clone(), spot.line, spot.column));
        if world.live { order(a.id).cmp(&order(b.id)) } else { place(a).cmp(&place(b)) }
    });
    outcome
}
