//! The code quality report of GitLab (a subset of Code Climate's): <https://docs.gitlab.com/ci/testing/code_quality/>.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::sentence;
use crate::check::{Level, Outcome};
use crate::kube::Spot;

pub(super) fn document(outcome: &Outcome) -> Value {
    let mut seen = HashMap::new();
    let mut entry = |id: &str, subject: &str, spot: Option<&Spot>, severity: &str, text: String| {
        // GitLab wants a path and a line: what has no place in a file stands for the whole input.
        let (path, line) = spot.map_or((".", 1), |spot| (spot.path.as_str(), spot.line));
        let key = format!("{id}\n{path}\n{subject}");
        let count: &mut usize = seen.entry(key.clone()).or_default();
        *count += 1;
        json!({
            "description": text,
            "check_name": id,
            "fingerprint": fingerprint(&key, *count),
            "severity": severity,
            "location": {"path": path, "lines": {"begin": line}},
        })
    };
    let mut entries = Vec::new();
    for finding in &outcome.findings {
        let severity = match finding.level {
            Level::Failure => "major",
            Level::Warning => "minor",
        };
        entries.push(entry(finding.id, &finding.subject, finding.spot.as_ref(), severity, sentence(finding)));
    }
    for unknown in &outcome.unknowns {
        let text = format!("{}: unknown: {}", unknown.subject, unknown.message);
        entries.push(entry(unknown.id, &unknown.subject, unknown.spot.as_ref(), "info", text));
    }
    Value::Array(entries)
}

/// Tells a finding from others, wherever its lines move to: check, file, object, and which of several.
fn fingerprint(key: &str, count: usize) -> String {
    let digest = Sha256::digest(format!("{key}\n{count}"));
    digest.iter().take(16).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
