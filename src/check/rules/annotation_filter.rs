//! Scrape annotations let through what dashboards are made of.

use std::collections::HashMap;

use super::{Check, scraping as shared};
use crate::check::Outcome;
use crate::facts::scrape::{Drop, drops};
use crate::mesh::Mesh;
use crate::mesh::scrape::{Annotation, Kind};

pub(super) const CHECK: Check = Check {
    id: "annotation-filter",
    section: "workloads",
    title: "scrape annotations let requests and latencies through",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    // Most workloads of a mesh have the same lists.
    let mut judged: HashMap<Vec<[&[String]; 3]>, Vec<Drop>> = HashMap::new();
    for scraped in shared::annotated(mesh) {
        let annotation = scraped.annotation.as_ref().filter(|one| Annotation::scrapes(one));
        let Some(annotation) = annotation.filter(|_| scraped.proxy.kind != Kind::Istiod) else { continue };
        outcome.looked(CHECK.id);
        let object = scraped.proxy.workload.object;
        let blocks = annotation.blocks();
        let lists =
            blocks.iter().map(|block| [&*block.types, &*block.filter, &*block.filter_ignore]).collect();
        for drop in judged.entry(lists).or_insert_with(|| drops(&blocks)) {
            let (message, edit) = words(drop);
            let hint = shared::in_place(&edit);
            // Leaving a type out may be meant.
            if matches!(drop, Drop::Type("histogram", _)) {
                outcome.warn(CHECK.id, object, annotation.field, message, hint);
            } else {
                outcome.fail(CHECK.id, object, annotation.field, message, hint);
            }
        }
    }
}

/// What is lost, and the edit that mends it.
fn words(drop: &Drop) -> (String, String) {
    match drop {
        Drop::Type(kind, family) => {
            (format!("metric_types leaves out {kind}s, so {family} is lost"), format!("add \"{kind}\" to metric_types"))
        }
        Drop::Suffix(pattern, right) => (
            format!(
                "metric_name_filter has `{pattern}`, which matches nothing: it is matched against families, and the family is \
                 `{right}`"
            ),
            format!("write \"{right}\" instead of \"{pattern}\""),
        ),
        Drop::Broken(pattern, why) => {
            (format!("`{pattern}` is no regular expression ({why})"), format!("correct `{pattern}`"))
        }
        Drop::Misspelt(pattern, right) => (
            format!("metric_name_filter has `{pattern}`, which matches nothing; `{right}` was meant"),
            format!("write \"{right}\" instead of \"{pattern}\""),
        ),
        Drop::Nothing => (
            "metric_name_filter matches none of istio_requests_total, istio_request_duration_milliseconds and istio_tcp_*, so \
             no metric of the mesh arrives"
                .to_owned(),
            "add \"istio_requests_total\" and \"istio_request_duration_milliseconds\" to metric_name_filter".to_owned(),
        ),
        Drop::Ignored(pattern, family) => (
            format!("metric_name_filter_ignore has `{pattern}`, which drops {family}"),
            format!("remove \"{pattern}\" from metric_name_filter_ignore"),
        ),
    }
}
