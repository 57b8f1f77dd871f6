//! The report for people: `deployment/details-v1: namespace, metrics`.

use std::io::{self, Write};

use crate::gate::{Text, text};

use super::{Entry, Overview, Remark, Skipped, Summary};

/// So many names stand on a line that does not list all.
const FOLDED: usize = 5;

pub(super) fn heading(out: &mut dyn Write, path: &str) -> io::Result<()> {
    writeln!(out, "{}", text!("{}:", path))
}

pub(super) fn entry(out: &mut dyn Write, entry: &Entry) -> io::Result<()> {
    writeln!(out, "{}", text!("{}: {}", entry.resource, outcome(entry)))?;
    entry.notes.iter().try_for_each(|note| remark(out, "  warning: ", note))
}

/// What was done to a resource, and what not.
fn outcome(entry: &Entry) -> Text {
    let rule = |skip: &Skipped| skip.rule.map_or(String::new(), |rule| format!("{rule} "));
    match (entry.patched.as_slice(), entry.skipped.as_slice()) {
        ([], []) => text!("unchanged"),
        ([], [only]) => text!("skipped ({})", only.reason),
        (patched, skipped) => {
            let mut all = text!("{}", patched.join(", "));
            for (i, skip) in skipped.iter().enumerate() {
                let gap = if i == 0 && patched.is_empty() { "" } else { "; " };
                all = text!("{}{}{}skipped ({})", all, gap, rule(skip), skip.reason);
            }
            all
        }
    }
}

pub(super) fn remark(out: &mut dyn Write, lead: &str, remark: &Remark) -> io::Result<()> {
    let Remark { path, line, column, message, .. } = remark;
    writeln!(out, "{}", text!("{}{}:{}:{}: {}", lead, path, line, column, message))
}

/// What is said of the run as a whole: notes, and what is no object.
pub(super) fn overview(out: &mut dyn Write, overview: &Overview, all: bool) -> io::Result<()> {
    let shown = if all { usize::MAX } else { FOLDED };
    overview.notes.iter().try_for_each(|note| writeln!(out, "{}", text!("{}", note)))?;
    if !overview.left_out.is_empty() {
        let names = folded(&overview.left_out, shown);
        writeln!(out, "{}", text!("left out of the stream, not Kubernetes objects: {}", names))?;
    }
    if !overview.passed.is_empty() {
        let names = folded(&overview.passed, shown);
        writeln!(out, "{}", text!("passed through, not Kubernetes objects: {}", names))?;
    }
    Ok(())
}

/// The first of some names, and how many more there are.
fn folded(names: &[String], shown: usize) -> Text {
    let first = names.get(..shown.min(names.len())).unwrap_or_default();
    let list = first.iter().map(|name| text!("{}", name).into_string()).collect::<Vec<_>>().join(", ");
    match names.len() - first.len() {
        0 => text!("{}", list),
        more => text!("{} and {} more (-v lists them)", list, more),
    }
}

pub(super) fn summary(
    out: &mut dyn Write,
    summary: &Summary,
    (dry, verb): (bool, &str),
    written: usize,
) -> io::Result<()> {
    let plural = |count: u64, word: &str| {
        if count == 1 { format!("{count} {word}") } else { format!("{count} {word}s") }
    };
    write!(
        out,
        "{} in {}: {} {}{verb}, {} unchanged, {} skipped",
        plural(summary.resources, "resource"),
        plural(summary.files, "file"),
        summary.patched,
        if dry { "would be " } else { "" },
        summary.unchanged,
        summary.skipped,
    )?;
    if summary.warnings > 0 {
        write!(out, ", {}", plural(summary.warnings, "warning"))?;
    }
    if written > 0 {
        write!(out, "; wrote {}", plural(written as u64, "file"))?;
    }
    writeln!(out)
}
