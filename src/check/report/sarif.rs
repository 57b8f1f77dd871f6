//! SARIF 2.1, for code scanning: the rules that have results, with their pages, and the results.

use serde_json::{Value, json};

use super::sentence;
use crate::check::{CATALOG, Check, Finding, Level, Outcome, Unknown, pages};
use crate::gate;
use crate::kube::Spot;

pub(super) fn document(outcome: &Outcome) -> Value {
    let has_result = |check: &&Check| {
        outcome.findings.iter().any(|finding| finding.id == check.id)
            || outcome.unknowns.iter().any(|unknown| unknown.id == check.id)
    };
    let rules: Vec<Value> = CATALOG.iter().filter(has_result).map(rule).collect();
    let found = outcome.findings.iter().map(failed);
    let results: Vec<Value> = found.chain(outcome.unknowns.iter().map(open)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "meshobs", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": results,
        }],
    })
}

/// The page goes in whole: it may have no address.
fn rule(check: &Check) -> Value {
    let page = pages::page(check.id).unwrap_or_default();
    let mut rule = json!({
        "id": check.id,
        "shortDescription": {"text": check.title},
        "help": {"text": pages::plain(page).to_string(), "markdown": page},
    });
    if let (Some(address), Some(fields)) = (pages::address(check.id), rule.as_object_mut()) {
        fields.insert("helpUri".to_owned(), address.into());
    }
    rule
}

fn failed(finding: &Finding) -> Value {
    let level = match finding.level {
        Level::Failure => "error",
        Level::Warning => "warning",
    };
    json!({
        "ruleId": finding.id,
        "level": level,
        "message": {"text": sentence(finding)},
        "locations": locations(finding.spot.as_ref()),
    })
}

/// `open` is SARIF's word for what could not be judged; its level then has to be `none`.
fn open(unknown: &Unknown) -> Value {
    json!({
        "ruleId": unknown.id,
        "kind": "open",
        "level": "none",
        "message": {"text": format!("{}: unknown: {}", unknown.subject, unknown.message)},
        "locations": locations(unknown.spot.as_ref()),
    })
}

fn locations(spot: Option<&Spot>) -> Value {
    let place = |spot: &Spot| {
        json!({"physicalLocation": {
            "artifactLocation": {"uri": gate::uri(&spot.path)},
            "region": {"startLine": spot.line, "startColumn": spot.column},
        }})
    };
    Value::Array(spot.map(place).into_iter().collect())
}
