//! No filter of DataKit's drops all of the mesh's spans or metrics before they are uploaded.

use serde_json::Value as Json;

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::{ENV_FILTERS, matches_all};
use crate::mesh::Mesh;

pub(super) const CHECK: Check =
    Check { id: "datakit-filter", section: "DataKit", title: "no filter drops the mesh's data", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        let Some(var) = datakit.variables.get(ENV_FILTERS) else { continue };
        let text = datakit.env_text(ENV_FILTERS);
        if text.is_empty() {
            continue;
        }
        let Ok(Json::Object(filters)) = serde_json::from_str::<Json>(text) else {
            outcome.looked(CHECK.id);
            let message = format!("{ENV_FILTERS} is no JSON object, so DataKit applies none of its filters");
            outcome.warn(CHECK.id, var.object, var.field, message, "write it as {\"tracing\": [\"{ … }\"]}");
            continue;
        };
        outcome.looked(CHECK.id);
        for (category, source, data) in
            [("tracing", "zipkin", "every span"), ("metric", "istio_prom", "every metric of the mesh")]
        {
            let rules =
                filters.get(category).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
            if let Some(rule) = rules.into_iter().find(|rule| drops_all(rule, source)) {
                let message = format!("{ENV_FILTERS} has `{rule}` for {category}, which drops {data}");
                outcome.fail(
                    CHECK.id,
                    var.object,
                    var.field,
                    message,
                    format!("remove `{rule}` from {ENV_FILTERS}"),
                );
            }
        }
    }
}

/// Whether a rule matches everything that a source sends. One of several conditions is not looked into.
fn drops_all(rule: &str, source: &str) -> bool {
    let rule = rule.trim().trim_start_matches('{').trim_end_matches('}').trim();
    let lower = rule.to_lowercase();
    if lower.contains(" and ") || lower.contains("&&") {
        return false;
    }
    lower.split(" or ").flat_map(|part| part.split("||")).any(|condition| {
        let condition = condition.trim().trim_matches(['(', ')']).trim();
        let compact: String = condition.chars().filter(|c| !c.is_whitespace()).collect();
        if matches!(compact.as_str(), "true" | "1=1" | "1==1") {
            return true;
        }
        let field = condition.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        let rest = condition.strip_prefix(field).unwrap_or_default().trim_start();
        let values: Vec<&str> = rest.split(['\'', '"']).skip(1).step_by(2).collect();
        let names_it = matches!(field, "source" | "measurement") && values.contains(&source);
        let equal = rest.starts_with('=') || rest.starts_with("in ") || rest.starts_with("in[");
        let regex = rest.starts_with("match") || rest.starts_with("re ") || rest.starts_with("re[");
        (equal && names_it) || (regex && values.iter().any(|value| matches_all(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::drops_all;

    #[test]
    fn rules_that_drop_everything_are_told_from_others() {
        for all in [
            "{ source = 'zipkin' }",
            "{ source in ['ddtrace', 'zipkin'] }",
            "{ service match ['.*'] }",
            "{ 1 = 1 }",
            "{ resource = '/health' or source = 'zipkin' }",
        ] {
            assert!(drops_all(all, "zipkin"), "{all}");
        }
        for some in [
            "{ source = 'zipkin' and resource = '/health' }",
            "{ source = 'ddtrace' }",
            "{ service = 'zipkin' }",
            "{ source != 'zipkin' }",
        ] {
            assert!(!drops_all(some, "zipkin"), "{some}");
        }
    }
}
