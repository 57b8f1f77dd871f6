//! What browsers trace joins the traces of the mesh.

use super::Check;
use super::rum_snippet::pages;
use crate::check::Outcome;
use crate::facts::rum::{JOINING, TRACE_TYPE, TRACING_LISTS};
use crate::kube::{Field, Object};
use crate::mesh::Mesh;
use crate::page::settings::{Init, Value};

pub(super) const CHECK: Check =
    Check { id: "rum-tracing", section: "RUM", title: "traces of browsers join those of the mesh", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for (map, field, monitoring) in pages(mesh) {
        let Some(init) = monitoring.init.as_ref().filter(|init| init.is_read()) else {
            continue;
        };
        outcome.looked(CHECK.id);
        let list = TRACING_LISTS.iter().find_map(|name| init.get(name));
        let is_listed = list.is_some_and(|value| *value != Value::List(true));
        let kind = init.get("traceType");
        let joins = match kind {
            Some(Value::Text(kind)) => JOINING.contains(&kind.as_str()),
            Some(_) => true,
            None => false,
        };
        if is_listed && joins {
            rate(map, field, init, outcome);
            continue;
        }
        let (message, hint) = if is_listed {
            let kind = init.text("traceType").unwrap_or("ddtrace");
            (
                format!(
                    "traceType is `{kind}`, whose headers Istio does not go on with, so traces of browsers stay apart"
                ),
                format!("write traceType: \"{TRACE_TYPE}\""),
            )
        } else {
            (
                "allowedTracingUrls lists nothing, so requests of browsers carry no trace headers and their traces stay apart"
                    .to_owned(),
                format!("write traceType: \"{TRACE_TYPE}\" and allowedTracingUrls: [window.location.origin]"),
            )
        };
        outcome.warn(CHECK.id, map, field, message, hint);
    }
}

/// Whether any request is traced.
fn rate(map: &Object, field: Field<'_>, init: &Init, outcome: &mut Outcome) {
    let rate = init.get("tracingSampleRate");
    if matches!(rate, Some(Value::Number(rate) | Value::Text(rate)) if rate.parse::<f64>() == Ok(0.0)) {
        let message = "tracingSampleRate is 0, so no request of a browser is traced";
        outcome.warn(CHECK.id, map, field, message, "write tracingSampleRate: 100");
    }
}
