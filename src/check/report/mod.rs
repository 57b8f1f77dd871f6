//! Reports of a check, one file a format. Each has the three verdicts: failed, unknown, fine.

mod github;
mod gitlab;
mod human;
mod json;
mod junit;
mod sarif;

use std::io::{self, Write};

use super::{CATALOG, Check, Finding, Level, Outcome, Verdict};
use crate::gate;

pub(crate) use human::changes;
pub(super) use json::{finding as finding_record, unknown as unknown_record};

/// How a check is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for people
    #[default]
    Human,
    /// One JSON document
    Json,
    /// SARIF 2.1, for code scanning (files only)
    Sarif,
    /// Annotations of GitHub Actions (files only)
    Github,
    /// Code quality report of GitLab (files only)
    Gitlab,
    /// JUnit XML, a test case for each check and object
    Junit,
}

impl Format {
    /// Whether each finding needs a place in a file.
    #[must_use]
    pub fn needs_files(self) -> bool {
        matches!(self, Self::Sarif | Self::Github | Self::Gitlab)
    }
}

/// What is reported, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) format: Format,
    /// By sections, as a cluster is reported; else by place.
    pub(crate) live: bool,
    /// List what is unknown, and of files what is fine.
    pub(crate) verbose: bool,
    /// The least level that is a failure of the run.
    pub(crate) fail_on: Level,
}

impl Style {
    /// Lines for people about a cluster.
    pub(crate) const CLUSTER: Self =
        Self { format: Format::Human, live: true, verbose: false, fail_on: Level::Failure };
}

/// Writes what came of a check.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn write(out: &mut dyn Write, outcome: &Outcome, style: Style) -> io::Result<()> {
    match style.format {
        Format::Human => human::write(out, outcome, style),
        Format::Json => write_json(out, &json::document(outcome, style)),
        Format::Sarif => write_json(out, &sarif::document(outcome)),
        Format::Github => github::write(out, outcome, style),
        Format::Gitlab => write_json(out, &gitlab::document(outcome)),
        Format::Junit => junit::write(out, outcome, style),
    }
}

fn write_json(out: &mut dyn Write, document: &serde_json::Value) -> io::Result<()> {
    writeln!(out, "{}", gate::json(&format!("{document:#}")))
}

fn check(id: &str) -> Option<&'static Check> {
    CATALOG.iter().find(|check| check.id == id)
}

fn section(id: &str) -> Option<&'static str> {
    check(id).map(|check| check.section)
}

/// The checks that had something to judge, with their verdicts, in the order of reports.
fn judged(outcome: &Outcome) -> impl Iterator<Item = (&'static Check, Verdict)> {
    CATALOG.iter().filter_map(|check| Some((check, outcome.verdict(check.id)?)))
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Failed => "failed",
        Verdict::Unknown => "unknown",
        Verdict::Fine => "fine",
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Failure => "failure",
        Level::Warning => "warning",
    }
}

/// A finding on one line, for formats that have one text a finding.
fn sentence(finding: &Finding) -> String {
    let Finding { subject, message, hint, consequences, .. } = finding;
    let because = match consequences.as_slice() {
        [] => String::new(),
        some => format!(" Because of this: {}.", some.join("; ")),
    };
    format!("{subject}: {message}. {hint}{}{because}", if because.is_empty() { "" } else { "." })
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
