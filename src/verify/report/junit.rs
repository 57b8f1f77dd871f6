//! JUnit XML: a test case for each row. What is unknown is skipped.

use std::io::{self, Write};

use super::{count, link};
use crate::gate::html;
use crate::verify::{Report, Row, Verdict};

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\"",
        report.rows.len(),
        count(report, Verdict::Failed),
        count(report, Verdict::Unknown)
    );
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"meshobs verify\" {counts}>")?;
    writeln!(out, "  <testsuite name=\"meshobs verify\" {counts}>")?;
    report.rows.iter().try_for_each(|row| case(out, row))?;
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn case(out: &mut dyn Write, row: &Row) -> io::Result<()> {
    let (section, title) = link(row.link).map_or(("", ""), |link| (link.section, link.title));
    let class = format!("meshobs.{}", section.replace(' ', "-"));
    let name = format!("{}: {title}", row.link);
    let message = html(&row.message);
    writeln!(out, "    <testcase classname=\"{}\" name=\"{}\">", html(&class), html(&name))?;
    match row.verdict {
        Verdict::Fine => writeln!(out, "      <system-out>{message}</system-out>")?,
        Verdict::Failed => writeln!(
            out,
            "      <failure type=\"failure\" message=\"{message}\">{}</failure>",
            html(&row.hint)
        )?,
        Verdict::Unknown => writeln!(out, "      <skipped message=\"unknown: {message}\"/>")?,
    }
    writeln!(out, "    </testcase>")
}
