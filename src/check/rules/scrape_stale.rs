//! Running pods have the scrape annotation of their template.

use super::command::kubectl;
use super::{Check, scraping as shared};
use crate::check::Outcome;
use crate::facts::datakit::SCRAPE_ANNOTATION;
use crate::gate::word;
use crate::mesh::Mesh;
use crate::mesh::scrape::{Annotation, Kind, Scraped, Way};

pub(super) const CHECK: Check = Check {
    id: "scrape-stale",
    section: "workloads",
    title: "running pods have the scrape annotation of their template",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if !mesh.inventory.live {
        return;
    }
    for scraped in shared::annotated(mesh) {
        if scraped.only_on_pods.is_some() || scraped.proxy.kind == Kind::Bare {
            continue;
        }
        outcome.looked(CHECK.id);
        // What the template says is judged first.
        if scraped.annotation.as_ref().is_some_and(Annotation::scrapes) && !scraped.stale.pods.is_empty() {
            one(scraped, outcome);
        }
    }
}

fn one(scraped: &Scraped<'_>, outcome: &mut Outcome) {
    let object = scraped.proxy.workload.object;
    let stale = &scraped.stale;
    let names: Vec<_> = stale.pods.iter().take(3).map(|pod| pod.name()).collect();
    let names = names.join(", ");
    let field = scraped.proxy.workload.annotation(SCRAPE_ANNOTATION);
    let on_delete = object.at(&["spec", "updateStrategy", "type"]).is("OnDelete");
    let hint = if on_delete || object.kind() == "Job" {
        let pods: Vec<_> = stale.pods.iter().map(|pod| word(pod.name())).collect();
        format!("kubectl delete pod -n {} {}", word(object.namespace()), pods.join(" "))
    } else if object.at(&["spec", "paused"]).is_true() {
        kubectl("rollout resume", object)
    } else {
        shared::restart(object)
    };
    let is_scraped_otherwise = scraped.ways.iter().flatten().any(|way| *way != Way::Annotation);
    if stale.lost > 0 && !is_scraped_otherwise {
        let message = format!(
            "{} of {} running pods ({names}) are older than the annotation {SCRAPE_ANNOTATION} of the pod template, so DataKit \
             does not scrape them",
            stale.lost, stale.of
        );
        outcome.fail(CHECK.id, object, field, message, hint);
    } else {
        let message = format!(
            "{} of {} running pods ({names}) have another annotation {SCRAPE_ANNOTATION} than the pod template",
            stale.pods.len(),
            stale.of
        );
        outcome.warn(CHECK.id, object, field, message, hint);
    }
}
