//! Lines for people: of a cluster by sections, of files by place.

use std::collections::HashSet;
use std::io::{self, Write};

use super::{Style, judged, plural, section};
use crate::check::{Fact, Finding, Level, Outcome, Unknown, Verdict};
use crate::gate::{Text, text};
use crate::kube::Spot;

pub(super) fn write(out: &mut dyn Write, outcome: &Outcome, style: Style) -> io::Result<()> {
    if style.live {
        sections(out, outcome)?;
        writeln!(out)?;
    } else {
        outcome.findings.iter().try_for_each(|finding| at_its_place(out, finding))?;
    }
    if style.verbose {
        if !style.live {
            fine(out, outcome)?;
        }
        unknown(out, outcome)?;
    }
    outcome.remarks.iter().try_for_each(|remark| writeln!(out, "{}", text!("- {}", remark)))?;
    summary(out, outcome, style)
}

/// Writes what differs between two looks: findings that are resolved, and those that are new.
/// Returns whether anything does.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn changes(out: &mut dyn Write, before: &Outcome, now: &Outcome) -> io::Result<bool> {
    type Key<'f> = (&'f str, &'f str, &'f str);
    fn key(finding: &Finding) -> Key<'_> {
        (finding.id, &finding.subject, &finding.message)
    }
    let earlier: HashSet<Key<'_>> = before.findings.iter().map(key).collect();
    let later: HashSet<Key<'_>> = now.findings.iter().map(key).collect();
    let mut changed = false;
    for finding in before.findings.iter().filter(|finding| !later.contains(&key(finding))) {
        changed = true;
        let Finding { id, subject, message, .. } = finding;
        writeln!(out, "{}", text!("resolved: {}: {} [{}]", subject, message, id))?;
    }
    for finding in now.findings.iter().filter(|finding| !earlier.contains(&key(finding))) {
        changed = true;
        at_its_place(out, finding)?;
    }
    Ok(changed)
}

fn place(spot: Option<&Spot>) -> Text {
    spot.map_or_else(Text::default, |spot| text!("{}:{}:{}: ", spot.path, spot.line, spot.column))
}

fn at_its_place(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let Finding { id, subject, message, level, spot, .. } = finding;
    let row = text!("{}{} {}: {} [{}]", place(spot.as_ref()), mark(*level), subject, message, id);
    writeln!(out, "{row}")?;
    below(out, finding)
}

/// What follows from a finding, and what to do about it.
fn below(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    for consequence in &finding.consequences {
        writeln!(out, "{}", text!("    because of this: {}", consequence))?;
    }
    writeln!(out, "{}", text!("    {} (see `meshobs explain {}`)", finding.hint, finding.id))
}

fn mark(level: Level) -> &'static str {
    match level {
        Level::Failure => "✖",
        Level::Warning => "!",
    }
}

/// A line a check, by sections, with its findings below.
fn sections(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    let mut section = "";
    for (check, verdict) in judged(outcome) {
        if section != check.section {
            if !section.is_empty() {
                writeln!(out)?;
            }
            section = check.section;
            writeln!(out, "{section}")?;
            writeln!(out, "{}", "-".repeat(section.chars().count()))?;
            if section == "cluster" {
                facts(out, outcome)?;
            }
        }
        let found: Vec<_> = outcome.findings.iter().filter(|finding| finding.id == check.id).collect();
        let worst = found.iter().map(|finding| finding.level).max();
        let sign = worst.map_or(if verdict == Verdict::Unknown { "?" } else { "✔" }, mark);
        let unknown = outcome.unknowns.iter().filter(|unknown| unknown.id == check.id).count();
        let note = if unknown > 0 { text!(" ({} unknown)", unknown) } else { Text::default() };
        writeln!(out, "{}", text!("{} {}{}", sign, check.title, note))?;
        for finding in found {
            writeln!(out, "{}", text!("    {}: {}", finding.subject, finding.message))?;
            below(out, finding)?;
        }
    }
    Ok(())
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

/// The checks of files without a finding.
fn fine(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    for (check, _) in judged(outcome).filter(|(_, verdict)| *verdict == Verdict::Fine) {
        writeln!(out, "{}", text!("✔ {}: {} [{}]", check.section, check.title, check.id))?;
    }
    Ok(())
}

/// What could not be judged.
fn unknown(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    for Unknown { id, subject, message, spot } in &outcome.unknowns {
        let section = section(id).unwrap_or_default();
        let place = place(spot.as_ref());
        writeln!(out, "{}", text!("{}? {}: {}: {} [{}]", place, section, subject, message, id))?;
    }
    Ok(())
}

fn summary(out: &mut dyn Write, outcome: &Outcome, style: Style) -> io::Result<()> {
    let count = |level| outcome.findings.iter().filter(|finding| finding.level == level).count();
    let (failures, warnings) = (count(Level::Failure), count(Level::Warning));
    let rest = match outcome.unknowns.len() {
        0 => String::new(),
        some if style.verbose => format!(", {some} unknown"),
        some => format!(", {some} unknown (list with -v)"),
    };
    match (failures, warnings) {
        (0, 0) if outcome.checked.is_empty() && !rest.is_empty() => {
            writeln!(out, "? nothing could be judged{rest}")
        }
        (0, 0) => writeln!(out, "✔ nothing found{rest}"),
        _ => writeln!(out, "{}, {}{rest}", plural(failures, "failure"), plural(warnings, "warning")),
    }
}
