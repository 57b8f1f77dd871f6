//! JUnit XML: a test case for each check and object that has a finding or is unknown, and one for each check that is fine.

use std::collections::HashMap;
use std::io::{self, Write};

use super::{Style, judged, level_name, section, sentence};
use crate::check::{Finding, Outcome, Unknown, Verdict};
use crate::gate;
use crate::kube::Spot;

/// A test case: what a check says of one object.
struct Case<'o> {
    id: &'static str,
    subject: &'o str,
    findings: Vec<&'o Finding>,
    unknowns: Vec<&'o Unknown>,
}

pub(super) fn write(out: &mut dyn Write, outcome: &Outcome, style: Style) -> io::Result<()> {
    let cases = cases(outcome);
    let fails = |case: &&Case<'_>| case.findings.iter().any(|finding| finding.level >= style.fail_on);
    let failures = cases.iter().filter(fails).count();
    let skipped = cases.iter().filter(|case| case.is_skipped()).count();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    let counts =
        format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"", cases.len());
    writeln!(out, "<testsuites name=\"meshobs check\" {counts}>")?;
    writeln!(out, "  <testsuite name=\"meshobs check\" {counts}>")?;
    cases.iter().try_for_each(|case| case.write(out, style))?;
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn cases(outcome: &Outcome) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (check, verdict) in judged(outcome) {
        let id = check.id;
        if verdict == Verdict::Fine {
            cases.push(Case { id, subject: "", findings: Vec::new(), unknowns: Vec::new() });
        }
        let found = outcome.findings.iter().filter(|finding| finding.id == id);
        let unknown = outcome.unknowns.iter().filter(|unknown| unknown.id == id);
        let mut numbers = HashMap::new();
        let subjects = found.clone().map(|finding| finding.subject.as_str());
        for subject in subjects.chain(unknown.clone().map(|unknown| unknown.subject.as_str())) {
            numbers.entry(subject).or_insert_with(|| {
                cases.push(Case { id, subject, findings: Vec::new(), unknowns: Vec::new() });
                cases.len() - 1
            });
        }
        let number = |subject: &str| numbers.get(subject).copied().unwrap_or(usize::MAX);
        for finding in found {
            let case = cases.get_mut(number(&finding.subject));
            case.into_iter().for_each(|case| case.findings.push(finding));
        }
        for unknown in unknown {
            let case = cases.get_mut(number(&unknown.subject));
            case.into_iter().for_each(|case| case.unknowns.push(unknown));
        }
    }
    cases
}

impl Case<'_> {
    fn is_skipped(&self) -> bool {
        self.findings.is_empty() && !self.unknowns.is_empty()
    }

    fn write(&self, out: &mut dyn Write, style: Style) -> io::Result<()> {
        let name = if self.subject.is_empty() {
            self.id.to_owned()
        } else {
            format!("{}: {}", self.id, self.subject)
        };
        let found = self.findings.iter().find_map(|finding| finding.spot.as_ref());
        let spot = found.or_else(|| self.unknowns.iter().find_map(|unknown| unknown.spot.as_ref()));
        let place = spot.map_or_else(String::new, |Spot { path, line, .. }| {
            format!(" file=\"{}\" line=\"{line}\"", gate::html(path))
        });
        let class = format!("meshobs.{}", section(self.id).unwrap_or_default());
        let head = format!(
            "    <testcase classname=\"{}\" name=\"{}\"{place}",
            gate::html(&class),
            gate::html(&name)
        );
        if self.findings.is_empty() && self.unknowns.is_empty() {
            return writeln!(out, "{head}/>");
        }
        writeln!(out, "{head}>")?;
        self.write_findings(out, style)?;
        if self.is_skipped() {
            let messages: Vec<_> = self.unknowns.iter().map(|unknown| unknown.message.as_str()).collect();
            writeln!(out, "      <skipped message=\"unknown: {}\"/>", gate::html(&messages.join("; ")))?;
        }
        writeln!(out, "    </testcase>")
    }

    /// JUnit takes one failure a case; what does not fail the run is its output.
    fn write_findings(&self, out: &mut dyn Write, style: Style) -> io::Result<()> {
        let (failures, others): (Vec<&Finding>, Vec<&Finding>) =
            self.findings.iter().partition(|finding| finding.level >= style.fail_on);
        let text = |findings: &[&Finding]| {
            let rows: Vec<_> = findings.iter().map(|finding| gate::html(&sentence(finding))).collect();
            rows.join("\n")
        };
        if let Some(first) = failures.first() {
            let (kind, message) = (level_name(first.level), gate::html(&first.message));
            writeln!(
                out,
                "      <failure type=\"{kind}\" message=\"{message}\">{}</failure>",
                text(&failures)
            )?;
        }
        if !others.is_empty() {
            writeln!(out, "      <system-out>{}</system-out>", text(&others))?;
        }
        Ok(())
    }
}
