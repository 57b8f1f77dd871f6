//! One JSON document. Keys are only ever added.

use serde_json::{Value, json};

use super::{link, verdict_name};
use crate::verify::{Report, Row, Verdict};

pub(super) fn document(report: &Report) -> Value {
    json!({
        "ok": !report.has(Verdict::Failed),
        "links": report.rows.iter().map(row).collect::<Vec<_>>(),
        "traces": report.traces,
        "remarks": report.remarks,
    })
}

fn row(row: &Row) -> Value {
    let link = link(row.link);
    json!({
        "id": row.link,
        "section": link.map(|link| link.section),
        "title": link.map(|link| link.title),
        "verdict": verdict_name(row.verdict),
        "message": row.message,
        "hint": row.hint,
    })
}
