//! One JSON document. Keys are only ever added.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Style, judged, level_name, section, verdict_name};
use crate::check::{Finding, Outcome, Unknown, pages};

pub(super) fn document(outcome: &Outcome, style: Style) -> Value {
    let checks = judged(outcome).map(|(check, verdict)| {
        json!({
            "id": check.id,
            "section": check.section,
            "title": check.title,
            "verdict": verdict_name(verdict),
        })
    });
    json!({
        "ok": !outcome.fails_on(style.fail_on),
        "cluster": outcome.facts.iter().map(|fact| (fact.name, &fact.value)).collect::<BTreeMap<_, _>>(),
        "checked": outcome.checked,
        "checks": checks.collect::<Vec<_>>(),
        "findings": outcome.findings.iter().map(finding).collect::<Vec<_>>(),
        "unknown": outcome.unknowns.iter().map(unknown).collect::<Vec<_>>(),
        "remarks": outcome.remarks,
    })
}

/// A finding as JSON.
pub(in crate::check) fn finding(finding: &Finding) -> Value {
    let spot = finding.spot.as_ref();
    json!({
        "id": finding.id,
        "section": section(finding.id),
        "level": level_name(finding.level),
        "subject": finding.subject,
        "message": finding.message,
        "hint": finding.hint,
        "consequences": finding.consequences,
        "page": pages::path(finding.id),
        "path": spot.map(|spot| &spot.path),
        "line": spot.map(|spot| spot.line),
        "column": spot.map(|spot| spot.column),
    })
}

/// Something unknown as JSON.
pub(in crate::check) fn unknown(unknown: &Unknown) -> Value {
    let spot = unknown.spot.as_ref();
    json!({
        "id": unknown.id,
        "subject": unknown.subject,
        "message": unknown.message,
        "path": spot.map(|spot| &spot.path),
        "line": spot.map(|spot| spot.line),
        "column": spot.map(|spot| spot.column),
    })
}
