//! Lines for people, by sections.

use std::io::{self, Write};

use super::{count, link};
use crate::gate::text;
use crate::verify::{Report, Row, Verdict};

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut section = "";
    for row in &report.rows {
        let Some(link) = link(row.link) else { continue };
        if section != link.section {
            if !section.is_empty() {
                writeln!(out)?;
            }
            section = link.section;
            writeln!(out, "{section}\n{}", "-".repeat(section.chars().count()))?;
        }
        line(out, link.title, row)?;
    }
    writeln!(out)?;
    report.remarks.iter().try_for_each(|remark| writeln!(out, "{}", text!("- {}", remark)))?;
    for trace in &report.traces {
        writeln!(out, "{}", text!("- to find the trace in the console, search for {}", trace))?;
    }
    let [fine, failed, unknown] =
        [Verdict::Fine, Verdict::Failed, Verdict::Unknown].map(|verdict| count(report, verdict));
    writeln!(out, "{fine} proven, {failed} broken, {unknown} unknown")
}

fn line(out: &mut dyn Write, title: &str, row: &Row) -> io::Result<()> {
    let (sign, id) = match row.verdict {
        Verdict::Fine => ("✔", String::new()),
        Verdict::Failed => ("✖", format!(" [{}]", row.link)),
        Verdict::Unknown => ("?", String::new()),
    };
    writeln!(out, "{}", text!("{} {}: {}{}", sign, title, row.message, id))?;
    if row.hint.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", text!("    {}", row.hint))
}
