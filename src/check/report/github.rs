//! Commands that GitHub Actions turns into annotations.

use std::io::{self, Write};

use super::{Style, plural, sentence};
use crate::check::{Level, Outcome};
use crate::gate;
use crate::kube::Spot;

pub(super) fn write(out: &mut dyn Write, outcome: &Outcome, style: Style) -> io::Result<()> {
    for finding in &outcome.findings {
        let command = match finding.level {
            Level::Failure => "error",
            Level::Warning => "warning",
        };
        command_line(out, command, finding.spot.as_ref(), finding.id, &sentence(finding))?;
    }
    if !style.verbose {
        // GitHub shows few notices a step, so they are not spent on what nobody asked for.
        let count = outcome.unknowns.len();
        return match count {
            0 => Ok(()),
            _ => writeln!(
                out,
                "::notice title=meshobs::{} unknown (list with -v)",
                plural(count, "check result")
            ),
        };
    }
    for unknown in &outcome.unknowns {
        let text = format!("{}: unknown: {}", unknown.subject, unknown.message);
        command_line(out, "notice", unknown.spot.as_ref(), unknown.id, &text)?;
    }
    Ok(())
}

fn command_line(
    out: &mut dyn Write,
    command: &str,
    spot: Option<&Spot>,
    id: &str,
    text: &str,
) -> io::Result<()> {
    let place = spot.map_or_else(String::new, |spot| {
        format!("file={},line={},col={},", gate::annotation_property(&spot.path), spot.line, spot.column)
    });
    writeln!(out, "::{command} {place}title=meshobs {id}::{}", gate::annotation_data(text))
}
