//! Scrape annotations are where DataKit looks: on pods, so on their templates.

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::SCRAPE_ANNOTATION;
use crate::kube::{Field, Object};
use crate::mesh::Mesh;
use crate::mesh::scrape::Kind;

pub(super) const CHECK: Check = Check {
    id: "annotation-place",
    section: "workloads",
    title: "scrape annotations are on pod templates",
    run,
};

/// The annotation beside the template: on the workload, or on the Jobs of a CronJob.
fn beside(object: &Object) -> Option<Field<'_>> {
    let own = object.annotation(SCRAPE_ANNOTATION);
    let of_jobs = object.at(&["spec", "jobTemplate", "metadata", "annotations", SCRAPE_ANNOTATION]);
    [own, of_jobs].into_iter().find(|field| !field.text().trim().is_empty() && object.kind() != "Pod")
}

/// Whether the annotation is beside the template, and not on it.
pub(super) fn is_misplaced(object: &Object) -> bool {
    let mut templates = object.pod_templates();
    beside(object).is_some()
        && !templates.any(|template| template.at(&["metadata", "annotations", SCRAPE_ANNOTATION]).is_set())
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for scraped in &mesh.scraping.proxies {
        let object = scraped.proxy.workload.object;
        let Some(field) = beside(object).filter(|_| scraped.proxy.kind != Kind::Bare) else { continue };
        if !is_misplaced(object) || (scraped.is_scraped() && scraped.annotation.is_none()) {
            continue;
        }
        let kind = object.kind();
        let message = format!(
            "the annotation {SCRAPE_ANNOTATION} is on the {kind} itself; DataKit looks at pods, which get the annotations of the \
             pod template only"
        );
        let place = if kind == "CronJob" { "spec.jobTemplate.spec.template" } else { "spec.template" };
        let hint = format!("move it to {place}.metadata.annotations");
        outcome.fail(CHECK.id, object, field, message, hint);
    }
    if mesh.scraping.proxies.iter().any(|scraped| scraped.annotation.is_some()) {
        outcome.looked(CHECK.id);
    }
}
