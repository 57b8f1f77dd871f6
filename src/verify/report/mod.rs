//! Reports of `verify`, one file a format. Each has the three verdicts.

mod human;
mod json;
mod junit;

use std::io::{self, Write};

use super::{LINKS, Link, Report, Verdict};
use crate::gate;

/// How the links are reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for people
    #[default]
    Human,
    /// One JSON document
    Json,
    /// JUnit XML, a test case for each link
    Junit,
}

/// Writes what came of a run.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn write(out: &mut dyn Write, report: &Report, format: Format) -> io::Result<()> {
    match format {
        Format::Human => human::write(out, report),
        Format::Json => writeln!(out, "{}", gate::json(&format!("{:#}", json::document(report)))),
        Format::Junit => junit::write(out, report),
    }
}

fn link(id: &str) -> Option<&'static Link> {
    LINKS.iter().find(|link| link.id == id)
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fine => "fine",
        Verdict::Failed => "failed",
        Verdict::Unknown => "unknown",
    }
}

fn count(report: &Report, verdict: Verdict) -> usize {
    report.rows.iter().filter(|row| row.verdict == verdict).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{DATAKIT, INPUTS, Row, UPLOADS};

    fn report() -> Report {
        let mut report = Report { traces: vec!["4bf9".to_owned()], ..Report::default() };
        report.remarks.push("<skipped>".to_owned());
        report.add(
            [
                Row::failed(UPLOADS, "lost: post ?token=abc\u{1b}", "do & this"),
                Row::fine(DATAKIT, "up"),
                Row::unknown(INPUTS, "not told", ""),
            ],
            &[],
        );
        report
    }

    fn written(format: Format) -> String {
        let mut out = Vec::new();
        write(&mut out, &report(), format).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn people_get_links_in_order_with_evidence() {
        assert_eq!(
            written(Format::Human),
            "DataKit\n-------\n✔ DataKit answers: up\n? its inputs run: not told\n\
             ✖ the dataway takes what DataKit uploads: lost: post ?token=****\\u{1b} [uploads]\n    do & this\n\n\
             - <skipped>\n- to find the trace in the console, search for 4bf9\n1 proven, 1 broken, 1 unknown\n"
        );
    }

    #[test]
    fn programs_get_the_same() {
        let json: serde_json::Value = serde_json::from_str(&written(Format::Json)).unwrap();
        assert_eq!(json["ok"], false);
        assert_eq!(json["links"][2]["verdict"], "failed");
        assert_eq!(json["links"][2]["message"], "lost: post ?token=****\u{1b}");
        assert_eq!(json["traces"][0], "4bf9");
        let junit = written(Format::Junit);
        for part in ["tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\"", "do &amp; this", "token=****"] {
            assert!(junit.contains(part), "{part}\n{junit}");
        }
        assert!(!junit.contains('\u{1b}') && !junit.contains("token=abc"), "{junit}");
    }

    #[test]
    fn links_that_are_skipped_are_in_no_report() {
        let mut report = Report::default();
        report.add([Row::fine(DATAKIT, "up"), Row::failed(INPUTS, "x", "y")], &[INPUTS]);
        assert!(!report.has(Verdict::Failed) && report.rows.len() == 1);
    }
}
