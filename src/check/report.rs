//! What is said of a check: for people, as JSON, as SARIF 2.1, or as annotations of GitHub's.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::{CATALOG, Check, Fact, Finding, Level, Outcome, Unknown};
use crate::gate::{self, Text, text};

/// Where the page of a rule is.
const PAGES: &str = "docs/checks";

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
}

/// Writes what came of a check.
///
/// # Errors
/// `out` cannot be written.
pub fn write(out: &mut dyn Write, outcome: &Outcome, format: Format, live: bool) -> io::Result<()> {
    match format {
        Format::Human if live => sections(out, outcome),
        Format::Human => lines(out, outcome),
        Format::Json => json_lines(out, &document(outcome)),
        Format::Sarif => json_lines(out, &sarif(outcome)),
        Format::Github => github(out, outcome),
    }
}

fn json_lines(out: &mut dyn Write, document: &Value) -> io::Result<()> {
    writeln!(out, "{}", gate::json(&format!("{document:#}")))
}

fn page(rule: &str) -> String {
    format!("{PAGES}/{rule}.md")
}

fn rule(id: &str) -> Option<&'static Check> {
    CATALOG.iter().find(|rule| rule.id == id)
}

/// Findings of files, by their places.
fn lines(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    for finding in &outcome.findings {
        let place = finding
            .spot
            .as_ref()
            .map_or_else(Text::default, |spot| text!("{}:{}:{}: ", spot.path, spot.line, spot.column));
        let Finding { id, subject, message, hint, level, .. } = finding;
        writeln!(out, "{}", text!("{}{} {}: {} [{}]", place, mark(*level), subject, message, id))?;
        writeln!(out, "{}", text!("    {} (see {})", hint, page(id)))?;
    }
    remarks(out, outcome)?;
    summary(out, outcome)
}

fn remarks(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    outcome.remarks.iter().try_for_each(|remark| writeln!(out, "{}", text!("- {}", remark)))
}

fn facts(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    let shown = |fact: &Fact| match fact.name {
        "nodes" => format!("{} node{}", fact.value, if fact.value == "1" { "" } else { "s" }),
        "kubernetes" => format!("Kubernetes {}", fact.value),
        "istio" => format!("Istio {}", fact.value),
        _ => format!("DataKit {}", fact.value),
    };
    writeln!(out, "{}", text!("- {}", outcome.facts.iter().map(shown).collect::<Vec<_>>().join(", ")))
}

fn mark(level: Level) -> &'static str {
    match level {
        Level::Failure => "✖",
        Level::Warning => "!",
    }
}

fn summary(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    let count = |level| outcome.findings.iter().filter(|finding| finding.level == level).count();
    let (failures, warnings) = (count(Level::Failure), count(Level::Warning));
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match (failures, warnings) {
        (0, 0) => writeln!(out, "✔ nothing found"),
        _ => writeln!(out, "{}, {}", plural(failures, "failure"), plural(warnings, "warning")),
    }
}

/// A line a rule, by sections, with its findings below.
fn sections(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    let mut section = "";
    let shown = |rule: &&Check| {
        outcome.checked.contains(&rule.id) || outcome.findings.iter().any(|finding| finding.id == rule.id)
    };
    for rule in CATALOG.iter().filter(shown) {
        if section != rule.section {
            if !section.is_empty() {
                writeln!(out)?;
            }
            section = rule.section;
            writeln!(out, "{section}")?;
            writeln!(out, "{}", "-".repeat(section.chars().count()))?;
            if section == "cluster" {
                facts(out, outcome)?;
            }
        }
        let found: Vec<_> = outcome.findings.iter().filter(|finding| finding.id == rule.id).collect();
        let worst = found.iter().map(|finding| finding.level).max();
        writeln!(out, "{} {}", worst.map_or("✔", mark), rule.title)?;
        for finding in found {
            writeln!(out, "{}", text!("    {}: {}", finding.subject, finding.message))?;
            writeln!(out, "{}", text!("    {} (see {})", finding.hint, page(rule.id)))?;
        }
    }
    writeln!(out)?;
    remarks(out, outcome)?;
    summary(out, outcome)
}

fn record(finding: &Finding) -> Value {
    let spot = finding.spot.as_ref();
    json!({
        "id": finding.id,
        "section": rule(finding.id).map(|rule| rule.section),
        "level": level(finding.level),
        "subject": finding.subject,
        "message": finding.message,
        "hint": finding.hint,
        "consequences": finding.consequences,
        "page": page(finding.id),
        "path": spot.map(|spot| &spot.path),
        "line": spot.map(|spot| spot.line),
        "column": spot.map(|spot| spot.column),
    })
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Failure => "failure",
        Level::Warning => "warning",
    }
}

fn document(outcome: &Outcome) -> Value {
    json!({
        "ok": !outcome.failed(),
        "cluster": outcome.facts.iter().map(|fact| (fact.name, &fact.value)).collect::<BTreeMap<_, _>>(),
        "checked": outcome.checked,
        "findings": outcome.findings.iter().map(record).collect::<Vec<_>>(),
        "unknown": outcome.unknowns.iter().map(unknown).collect::<Vec<_>>(),
        "remarks": outcome.remarks,
    })
}

fn unknown(unknown: &Unknown) -> Value {
    let spot = unknown.spot.as_ref();
    json!({
        "id": unknown.id,
        "section": rule(unknown.id).map(|rule| rule.section),
        "subject": unknown.subject,
        "message": unknown.message,
        "path": spot.map(|spot| &spot.path),
        "line": spot.map(|spot| spot.line),
        "column": spot.map(|spot| spot.column),
    })
}

fn sarif(outcome: &Outcome) -> Value {
    let rules = CATALOG.iter().map(
        |rule| json!({"id": rule.id, "shortDescription": {"text": rule.title}, "helpUri": page(rule.id)}),
    );
    let results = outcome.findings.iter().map(|finding| {
        let location = finding.spot.as_ref().map(|spot| {
            json!([{"physicalLocation": {
                "artifactLocation": {"uri": gate::uri(&spot.path)},
                "region": {"startLine": spot.line, "startColumn": spot.column},
            }}])
        });
        json!({
            "ruleId": finding.id,
            "level": match finding.level { Level::Failure => "error", Level::Warning => "warning" },
            "message": {"text": format!("{}: {}. {}", finding.subject, finding.message, finding.hint)},
            "locations": location.unwrap_or_else(|| json!([])),
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "meshobs", "version": env!("CARGO_PKG_VERSION"), "rules": rules.collect::<Vec<_>>()}},
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

/// Commands that GitHub Actions turns into annotations.
fn github(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    for finding in &outcome.findings {
        let command = match finding.level {
            Level::Failure => "error",
            Level::Warning => "warning",
        };
        let place = finding.spot.as_ref().map_or_else(String::new, |spot| {
            format!("file={},line={},col={},", gate::annotation_property(&spot.path), spot.line, spot.column)
        });
        let text = format!("{}: {}. {}", finding.subject, finding.message, finding.hint);
        writeln!(out, "::{command} {place}title=meshobs {}::{}", finding.id, gate::annotation_data(&text))?;
    }
    Ok(())
}
