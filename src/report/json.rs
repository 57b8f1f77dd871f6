//! The report for programs: one JSON document on stderr, whatever happened.
//!
//! `version` grows when a field changes its meaning or goes away; new fields may come at any time.

use std::io::{self, BufRead as _, BufReader, Read, Write};

use serde::Serialize;

use super::{Overview, Summary};
use crate::diagnostic::Diagnostics;
use crate::gate;

/// Version of the format.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Error {
    path: String,
    line: Option<u64>,
    column: Option<usize>,
    message: String,
}

/// Adds a record to the spool: its list's name, a blank, its JSON, on one line.
pub(super) fn record(out: &mut dyn Write, list: &str, value: &impl Serialize) -> io::Result<()> {
    write!(out, "{list} ")?;
    write_value(out, value)?;
    writeln!(out)
}

/// Writes a value on one line, with nothing in it that could drive a terminal.
fn write_value(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    out.write_all(gate::json(&serde_json::to_string(value)?).as_bytes())
}

/// Writes the document: the records of each list, then the counts.
pub(super) fn finish<S: Read + io::Seek>(
    out: &mut dyn Write,
    spool: &mut S,
    overview: &Overview,
    summary: &Summary,
    written: &[String],
) -> io::Result<()> {
    write!(out, "{{\"version\":{VERSION}")?;
    for (list, name) in [("resource", "resources"), ("warning", "warnings"), ("ignored", "ignored")] {
        write!(out, ",\"{name}\":[")?;
        spool.seek(io::SeekFrom::Start(0))?;
        let mut lines = BufReader::new(&mut *spool);
        let mut line = String::new();
        let mut first = true;
        while lines.read_line(&mut line)? > 0 {
            if let Some(json) = line.strip_prefix(list).and_then(|rest| rest.strip_prefix(' ')) {
                if !first {
                    write!(out, ",")?;
                }
                first = false;
                write!(out, "{}", json.trim_end())?;
            }
            line.clear();
        }
        write!(out, "]")?;
    }
    for (name, names) in
        [("left_out", &overview.left_out), ("passed", &overview.passed), ("notes", &overview.notes)]
    {
        write!(out, ",\"{name}\":")?;
        write_value(out, names)?;
    }
    write!(out, ",\"written\":")?;
    write_value(out, &written)?;
    write!(out, ",\"summary\":")?;
    write_value(out, summary)?;
    writeln!(out, ",\"errors\":[]}}")
}

pub(super) fn errors(out: &mut dyn Write, errors: &Diagnostics) -> io::Result<()> {
    let errors: Vec<_> = errors
        .0
        .iter()
        .map(|error| Error {
            path: error.path.clone(),
            line: error.position.map(|(line, _)| line),
            column: error.position.map(|(_, column)| column),
            message: error.message.clone(),
        })
        .collect();
    write!(out, "{{\"version\":{VERSION},\"errors\":")?;
    write_value(out, &errors)?;
    writeln!(out, "}}")
}
