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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::kube::Spot;

    /// A failure with a consequence, a warning, an unknown result, and checks that are fine.
    fn outcome() -> Outcome {
        let spot = |line| Some(Spot { path: "a.yaml".to_owned(), line, column: 3 });
        let finding = |id, level, line| Finding {
            id,
            level,
            subject: "deployment/a in prod".to_owned(),
            message: "is <wrong>".to_owned(),
            hint: "mend it".to_owned(),
            spot: spot(line),
            consequences: Vec::new(),
        };
        let mut failure = finding("annotation", Level::Failure, 7);
        failure.leads_to("6 workloads send no metrics");
        let mut outcome = Outcome {
            findings: vec![failure, finding("logs-input", Level::Warning, 9)],
            ..Outcome::default()
        };
        for id in ["yaml", "annotation", "logs-input"] {
            outcome.looked(id);
        }
        outcome.out_of_view("tracing-path", "service/zipkin", "10.0.0.1 is outside of the cluster");
        outcome
    }

    fn style(format: Format, live: bool, verbose: bool) -> Style {
        Style { format, live, verbose, fail_on: Level::Failure }
    }

    fn written(outcome: &Outcome, style: Style) -> String {
        let mut out = Vec::new();
        write(&mut out, outcome, style).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn people_see_what_failed_what_is_unknown_and_what_is_fine() {
        let text = written(&outcome(), style(Format::Human, true, false));
        assert!(text.contains("? what Istio sends ends at DataKit (1 unknown)\n"), "{text}");
        assert!(
            text.contains("    because of this: 6 workloads send no metrics\n    mend it (see "),
            "{text}"
        );
        assert!(text.ends_with("1 failure, 1 warning, 1 unknown (list with -v)\n"), "{text}");
        let text = written(&outcome(), style(Format::Human, false, true));
        assert!(text.contains("✔ files: every file is YAML [yaml]\n"), "{text}");
        assert!(
            text.contains("? tracing: service/zipkin: 10.0.0.1 is outside of the cluster [tracing-path]\n"),
            "{text}"
        );
        assert!(!text.contains("✔ tracing"), "{text}");
    }

    #[test]
    fn what_is_only_unknown_is_never_fine() {
        let mut outcome = Outcome::default();
        outcome.out_of_view("tracing-path", "Istio", "not in view");
        let text = written(&outcome, style(Format::Human, false, false));
        assert_eq!(text, "? nothing could be judged, 1 unknown (list with -v)\n");
        let text = written(&outcome, style(Format::Human, true, true));
        assert!(!text.contains("✔ what"), "{text}");
    }

    #[test]
    fn json_has_a_verdict_for_each_check() {
        let value: Value =
            serde_json::from_str(&written(&outcome(), style(Format::Json, false, false))).unwrap();
        let verdicts: Vec<_> =
            value["checks"].as_array().unwrap().iter().map(|check| &check["verdict"]).collect();
        assert_eq!(verdicts, ["fine", "unknown", "failed", "failed"]);
        assert_eq!(value["unknown"][0]["id"], "tracing-path");
        assert_eq!(value["findings"][0]["consequences"][0], "6 workloads send no metrics");
        assert_eq!(value["ok"], false);
    }

    #[test]
    fn a_warning_fails_the_run_where_that_is_asked_for() {
        let mut outcome = outcome();
        outcome.findings.remove(0);
        assert!(!outcome.fails_on(Level::Failure) && outcome.fails_on(Level::Warning));
        let style = Style { fail_on: Level::Warning, ..style(Format::Junit, false, false) };
        assert!(written(&outcome, style).contains("<failure type=\"warning\""));
        let style = Style { fail_on: Level::Failure, ..style };
        assert!(!written(&outcome, style).contains("<failure"));
    }

    #[test]
    fn sarif_has_the_pages_of_its_rules_and_open_results() {
        let value: Value =
            serde_json::from_str(&written(&outcome(), style(Format::Sarif, false, false))).unwrap();
        let run = &value["runs"][0];
        let rules: Vec<_> =
            run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
        assert_eq!(rules, ["tracing-path", "annotation", "logs-input"]);
        for rule in run["tool"]["driver"]["rules"].as_array().unwrap() {
            assert!(rule["help"]["markdown"].as_str().unwrap().starts_with("# "));
            assert!(rule["helpUri"].as_str().is_none_or(|address| address.starts_with("https://")));
        }
        assert_eq!(
            (&run["results"][2]["kind"], &run["results"][2]["level"]),
            (&"open".into(), &"none".into())
        );
        assert!(
            run["results"][0]["message"]["text"].as_str().unwrap().contains("Because of this: 6 workloads")
        );
    }

    #[test]
    fn gitlab_knows_a_finding_again_when_its_line_moves() {
        let fingerprints = |outcome: &Outcome| -> Vec<Value> {
            let text = written(outcome, style(Format::Gitlab, false, false));
            let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
            assert_eq!(entries[2]["severity"], "info");
            entries.iter().map(|entry| entry["fingerprint"].clone()).collect()
        };
        let (mut moved, outcome) = (outcome(), outcome());
        for finding in &mut moved.findings {
            finding.spot.as_mut().unwrap().line += 100;
        }
        let found = fingerprints(&outcome);
        assert_eq!(found, fingerprints(&moved));
        assert!(found[0] != found[1] && found[1] != found[2]);
    }

    #[test]
    fn junit_has_a_case_for_each_check_and_object() {
        let text = written(&outcome(), style(Format::Junit, false, false));
        for part in [
            "tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"1\"",
            "<testcase classname=\"meshobs.files\" name=\"yaml\"/>",
            "name=\"annotation: deployment/a in prod\" file=\"a.yaml\" line=\"7\">",
            "<failure type=\"failure\" message=\"is &lt;wrong&gt;\">",
            "<skipped message=\"unknown: 10.0.0.1 is outside of the cluster\"/>",
            "<system-out>deployment/a in prod: is &lt;wrong&gt;. mend it</system-out>",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn github_lists_the_unknown_only_where_asked() {
        let text = written(&outcome(), style(Format::Github, false, false));
        assert!(text.contains("::notice title=meshobs::1 check result unknown"), "{text}");
        let text = written(&outcome(), style(Format::Github, false, true));
        assert!(text.contains("::notice title=meshobs tracing-path::service/zipkin: unknown: "), "{text}");
    }

    #[test]
    fn changes_are_what_is_resolved_and_what_is_new() {
        let (before, mut now) = (outcome(), outcome());
        now.findings.remove(1);
        now.findings[0].message = "is worse".to_owned();
        let mut out = Vec::new();
        assert!(changes(&mut out, &before, &now).unwrap());
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("resolved: deployment/a in prod: is <wrong>").count(), 2, "{text}");
        assert!(text.contains("a.yaml:7:3: ✖ deployment/a in prod: is worse [annotation]\n"), "{text}");
        assert!(!changes(&mut Vec::new(), &now, &now).unwrap());
    }
}
