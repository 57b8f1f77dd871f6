//! What a check says: findings, what it cannot know, and what it has evidence for.

use std::collections::HashSet;

use serde::Deserialize;

use crate::kube::{Field, Object, Spot};

/// How bad it is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing; nothing is lost by it.
    Warning,
    /// Something is not observable, or data is lost.
    Failure,
}

/// Something that is not as it should be: one cause, with its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check's id.
    pub id: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it is about, as `kind/name in namespace`.
    pub subject: String,
    /// What is wrong: the value that is wrong, and the one that is right.
    pub message: String,
    /// What to do: a command that can be pasted, or one sentence.
    pub hint: String,
    /// Where, in a file.
    pub(crate) spot: Option<Spot>,
    /// What follows from it, and is not told on its own.
    pub consequences: Vec<String>,
}

/// Something that cannot be judged from what is in view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The check's id.
    pub id: &'static str,
    /// What it is about.
    pub subject: String,
    /// What is not in view, and why.
    pub message: String,
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

/// What is known of a check after all objects were judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has findings.
    Failed,
    /// Nothing it judges is in view.
    Unknown,
    /// It had evidence, and no finding.
    Fine,
}

/// What came of a check.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What was found, in the order of the checks.
    pub findings: Vec<Finding>,
    /// What could not be judged, in the order of the checks.
    pub unknowns: Vec<Unknown>,
    /// The ids of the checks that had something to judge, and judged it.
    pub checked: Vec<&'static str>,
    /// What the cluster is.
    pub facts: Vec<Fact>,
    /// What is not set up and does not have to be.
    pub remarks: Vec<String>,
}

impl Finding {
    /// Notes something that follows from it.
    pub(super) fn leads_to(&mut self, consequence: impl Into<String>) {
        self.consequences.push(consequence.into());
    }
}

impl Outcome {
    /// Whether something is not observable.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Failure)
    }

    /// Whether a finding is at least this bad.
    pub(crate) fn fails_on(&self, level: Level) -> bool {
        self.findings.iter().any(|finding| finding.level >= level)
    }

    /// The verdict of a check; nothing where there was nothing to judge.
    pub(crate) fn verdict(&self, id: &str) -> Option<Verdict> {
        if self.findings.iter().any(|finding| finding.id == id) {
            Some(Verdict::Failed)
        } else if self.checked.contains(&id) {
            Some(Verdict::Fine)
        } else {
            self.unknowns.iter().any(|unknown| unknown.id == id).then_some(Verdict::Unknown)
        }
    }

    /// Takes out findings and unknowns by id, subject, message and whether they have a place. A check that loses all its
    /// findings counts as not judged: nobody can say that it is fine.
    pub(super) fn hide(&mut self, mut is_hidden: impl FnMut(&'static str, &str, &str, bool) -> bool) {
        let mut hidden = HashSet::new();
        let mut keeps = |id, subject: &str, message: &str, placed| {
            let hide = is_hidden(id, subject, message, placed);
            if hide {
                hidden.insert(id);
            }
            !hide
        };
        self.findings.retain(|found| keeps(found.id, &found.subject, &found.message, found.spot.is_some()));
        self.unknowns.retain(|found| keeps(found.id, &found.subject, &found.message, found.spot.is_some()));
        let left: HashSet<&str> = self.findings.iter().map(|finding| finding.id).collect();
        self.checked.retain(|id| !hidden.contains(id) || left.contains(id));
    }

    /// Says that a check had evidence to judge by: without a finding it gets its ✔.
    pub(super) fn looked(&mut self, id: &'static str) {
        if !self.checked.contains(&id) {
            self.checked.push(id);
        }
    }

    fn add(&mut self, finding: Finding) -> &mut Finding {
        self.looked(finding.id);
        self.findings.push_mut(finding)
    }

    fn add_at(
        &mut self,
        id: &'static str,
        level: Level,
        object: &Object,
        field: Field<'_>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> &mut Finding {
        self.add(Finding {
            id,
            level,
            subject: object.title(),
            message: message.into(),
            hint: hint.into(),
            spot: object.spot(field.offset()),
            consequences: Vec::new(),
        })
    }

    /// A failure at a value of an object.
    pub(super) fn fail(
        &mut self,
        id: &'static str,
        object: &Object,
        field: Field<'_>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> &mut Finding {
        self.add_at(id, Level::Failure, object, field, message, hint)
    }

    /// A warning at a value of an object.
    pub(super) fn warn(
        &mut self,
        id: &'static str,
        object: &Object,
        field: Field<'_>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> &mut Finding {
        self.add_at(id, Level::Warning, object, field, message, hint)
    }

    /// A failure about what is not there.
    pub(super) fn missing(
        &mut self,
        id: &'static str,
        subject: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> &mut Finding {
        self.add(Finding {
            id,
            level: Level::Failure,
            subject: subject.to_owned(),
            message: message.into(),
            hint: hint.into(),
            spot: None,
            consequences: Vec::new(),
        })
    }

    /// Says that a value of an object cannot be judged; it is neither fine nor wrong.
    pub(super) fn unknown(
        &mut self,
        id: &'static str,
        object: &Object,
        field: Field<'_>,
        message: impl Into<String>,
    ) {
        let (subject, spot) = (object.title(), object.spot(field.offset()));
        self.unknowns.push(Unknown { id, subject, message: message.into(), spot });
    }

    /// Says that something that is not in view cannot be judged.
    pub(super) fn out_of_view(&mut self, id: &'static str, subject: &str, message: impl Into<String>) {
        let (subject, message) = (subject.to_owned(), message.into());
        self.unknowns.push(Unknown { id, subject, message, spot: None });
    }
}
