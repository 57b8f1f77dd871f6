//! DataKit can read scrape annotations: TOML, blocks, keys and types, everything in its own table.

use super::{Check, scraping as shared};
use crate::check::Outcome;
use crate::facts::datakit::METRIC_TYPES;
use crate::facts::scrape::Fault;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::scrape::Annotation;

pub(super) const CHECK: Check =
    Check { id: "annotation-toml", section: "workloads", title: "scrape annotations can be read", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for scraped in shared::annotated(mesh) {
        let Some(annotation) = &scraped.annotation else { continue };
        outcome.looked(CHECK.id);
        let object = scraped.proxy.workload.object;
        misplaced(object, annotation, outcome);
        for fault in told(&annotation.reading.faults) {
            let url = scraped.proxy.served.url(mesh.scraping.ipv6);
            let message = fault.to_string();
            let hint = hint(fault, &url).unwrap_or_else(|| shared::patch(mesh, &scraped.proxy, true));
            if fault.loses_data() {
                outcome.fail(CHECK.id, object, annotation.field, message, hint);
            } else {
                outcome.warn(CHECK.id, object, annotation.field, message, hint);
            }
        }
        let is_misplaced = behind_tags(&annotation.reading.faults).contains(&"measurement_name");
        if !is_misplaced && annotation.blocks().iter().any(|block| block.lacks_name) {
            unnamed(object, annotation, outcome);
        }
    }
}

const TAGS: &str = "[inputs.prom.tags]";

/// Settings behind the tags, as they are written.
fn behind_tags(faults: &[Fault]) -> Vec<&str> {
    let keys = faults.iter().filter_map(|fault| match fault {
        Fault::Misplaced { key, behind } if *behind == TAGS => Some(key.as_str()),
        _ => None,
    });
    keys.collect()
}

/// The faults that have a finding of their own: not what is wrong only since settings are among the tags, and of words that
/// are no types the first.
fn told(faults: &[Fault]) -> impl Iterator<Item = &Fault> {
    let several = behind_tags(faults).len() > 1;
    let is_misplaced = !behind_tags(faults).is_empty();
    let mut types = 0;
    faults.iter().filter(move |fault| match fault {
        Fault::Misplaced { behind, .. } => !(several && *behind == TAGS),
        Fault::Type { key, .. } => !(is_misplaced && key == "tags"),
        Fault::UnknownType { .. } => {
            types += 1;
            types == 1
        }
        _ => true,
    })
}

/// Several settings behind the tags: one line is in the wrong place, and all below it.
fn misplaced(object: &Object, annotation: &Annotation<'_>, outcome: &mut Outcome) {
    let keys = behind_tags(&annotation.reading.faults);
    if keys.len() < 2 {
        return;
    }
    let all = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    let message = format!("{all} are below {TAGS}, so they are tags, and not settings");
    let hint = shared::in_place(&format!("move {TAGS} and its tags below {all}"));
    outcome.fail(CHECK.id, object, annotation.field, message, hint);
}

fn unnamed(object: &Object, annotation: &Annotation<'_>, outcome: &mut Outcome) {
    let message = "the annotation has no measurement_name, so DataKit cuts names at the first `_`: istio_requests_total becomes \
                   field requests_total of measurement istio, where dashboards do not look";
    let hint = shared::in_place("add measurement_name = \"istio_prom\"");
    outcome.warn(CHECK.id, object, annotation.field, message, hint);
}

/// The edit that mends it; nothing where only a new text does.
fn hint(fault: &Fault, url: &str) -> Option<String> {
    let edit = match fault {
        Fault::Single => "write [[inputs.prom]] instead of [inputs.prom]".to_owned(),
        Fault::NoBlock(Some(other)) => format!("write [[inputs.prom]] instead of [[{other}]]"),
        Fault::Refused { key, meant: None } => format!("remove `{key}`"),
        Fault::Refused { key, meant: Some(meant) } | Fault::Ignored { key, meant } => {
            format!("write `{meant}` instead of `{key}`")
        }
        Fault::Misplaced { key, behind: "" } => format!("move `{key}` below [[inputs.prom]]"),
        Fault::Misplaced { key, behind } => format!("move `{key}` above {behind}"),
        Fault::UnknownType { word, meant: Some(meant) } => format!("write \"{meant}\" instead of \"{word}\""),
        Fault::UnknownType { meant: None, .. } => {
            format!("write some of {} in metric_types", METRIC_TYPES.join(", "))
        }
        Fault::Nanoseconds(number) => format!("write interval = \"{number}s\""),
        Fault::Type { key, value, .. } if key == "interval" => {
            let number = value.trim_matches(['"', '\'']);
            let number =
                if number.chars().all(|c| c.is_ascii_digit()) && !number.is_empty() { number } else { "30" };
            format!("write interval = \"{number}s\"")
        }
        Fault::Type { key, value, want: "a list of strings" } if value.starts_with('"') => {
            format!("write {key} = [{value}]")
        }
        Fault::Type { key, want, .. } => format!("write {key} as {want}"),
        Fault::NoUrl => format!("add url = \"{url}\" to the block"),
        Fault::UrlTwice(_) => "remove urls".to_owned(),
        Fault::Unrendered { part, meant: Some(meant), .. } => format!("write {meant} instead of {part}"),
        Fault::Unrendered { part, meant: None, .. } => format!("write the value that `{part}` stands for"),
        Fault::NotToml { .. } | Fault::NoBlock(None) => return None,
    };
    Some(shared::in_place(&edit))
}
