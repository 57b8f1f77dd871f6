//! Something scrapes every sidecar.

use std::borrow::Cow;

use super::scrape_instance::Faulty;
use super::{Check, scraping as shared};
use crate::check::Outcome;
use crate::facts::datakit::SCRAPE_ANNOTATION;
use crate::facts::istio;
use crate::facts::scrape::Aim;
use crate::kube::{Field, Object};
use crate::mesh::scrape::{Annotation, Discovery, Kind, Rules, Scraped};
use crate::mesh::{Mesh, Workload};

pub(super) const CHECK: Check =
    Check { id: "annotation", section: "workloads", title: "DataKit scrapes every sidecar", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let sidecars = || mesh.scraping.proxies.iter().filter(|scraped| scraped.proxy.kind == Kind::Sidecar);
    let is_annotated = |scraped: &&Scraped<'_>| scraped.annotation.as_ref().is_some_and(Annotation::scrapes);
    let habit = sidecars().filter(is_annotated).count();
    let faulty = super::scrape_instance::faulty(mesh);
    let not_merged: Vec<_> = sidecars().filter(|scraped| is_left_by_merge(mesh, scraped)).collect();
    if habit == 0 && not_merged.len() > 1 {
        merge_is_off(mesh, not_merged.len(), outcome);
    }
    for scraped in sidecars() {
        if scraped.is_scraped() {
            outcome.looked(CHECK.id);
            partly(mesh, scraped, outcome);
        } else if istio::ENDING_KINDS.contains(&scraped.proxy.workload.object.kind()) {
            outcome.looked(CHECK.id);
        } else if !(is_told_elsewhere(mesh, scraped, habit, &faulty)
            || is_unknown(mesh, scraped, habit, outcome))
        {
            let is_of_merge = habit == 0 && not_merged.len() > 1 && is_left_by_merge(mesh, scraped);
            if !is_of_merge {
                missing(mesh, scraped, habit, outcome);
            }
        }
    }
}

/// Whether another check tells why it is not scraped.
fn is_told_elsewhere(
    mesh: &Mesh<'_>,
    scraped: &Scraped<'_>,
    habit: usize,
    faulty: &[Faulty<'_, '_>],
) -> bool {
    if super::annotation_place::is_misplaced(scraped.proxy.workload.object) {
        return true;
    }
    if let Some(annotation) = &scraped.annotation {
        // Not by itself: then its text, its addresses, or DataKit are wrong.
        return !annotation.is_of_application();
    }
    let rules = &mesh.scraping.rules;
    let is_off = |rules: &Rules<'_>| {
        rules.is_lost
            || matches!(
                rules.discovery,
                Discovery::Value(..) | Discovery::NoInput(..) | Discovery::Misspelt(..)
            )
    };
    habit == 0 && (rules.iter().any(is_off) || faulty.iter().any(|one| one.is_cause(scraped)))
}

/// Whether that cannot be known; says so.
fn is_unknown(mesh: &Mesh<'_>, scraped: &Scraped<'_>, habit: usize, outcome: &mut Outcome) -> bool {
    let object = scraped.proxy.workload.object;
    let field = scraped.proxy.workload.annotation(SCRAPE_ANNOTATION);
    if let Some(monitor) = scraped.monitor {
        let message =
            format!("Prometheus scrapes it by {}; whether DataKit gets that is not in view", monitor.title());
        outcome.unknown(CHECK.id, object, field, message);
        return true;
    }
    if habit > 0 {
        return false;
    }
    for rules in &mesh.scraping.rules {
        let unseen = rules.unseen.as_ref().map(|(_, what)| what.clone());
        let unseen = unseen.or_else(|| match rules.discovery {
            Discovery::Unknown => Some("a variable of its environment".to_owned()),
            _ => None,
        });
        let remote = || rules.takes_remote_write.then(|| "what Prometheus forwards to it".to_owned());
        if let Some(what) = unseen.or_else(remote) {
            let message =
                format!("whether DataKit collects from its sidecar depends on {what}, which is not in view");
            outcome.unknown(CHECK.id, object, field, message);
            return true;
        }
    }
    false
}

/// Nothing scrapes it.
fn missing(mesh: &Mesh<'_>, scraped: &Scraped<'_>, habit: usize, outcome: &mut Outcome) {
    let workload = scraped.proxy.workload;
    let field = workload.annotation(SCRAPE_ANNOTATION);
    let url = scraped.proxy.served.url(mesh.scraping.ipv6);
    if let Some(annotation) = scraped.annotation.as_ref().filter(|one| one.is_of_application()) {
        let port = annotation.aims.iter().find_map(|(.., aim)| match aim {
            Aim::Application(port) => Some(*port),
            _ => None,
        });
        let message = format!(
            "nothing scrapes its sidecar: the annotation {SCRAPE_ANNOTATION} names the application's port {} only",
            port.unwrap_or_default()
        );
        let hint = shared::in_place(&format!("add a block [[inputs.prom]] with url = \"{url}\""));
        outcome.fail(CHECK.id, workload.object, field, message, hint);
        return;
    }
    if let Some((key, field)) = misnamed(&scraped.proxy.workload) {
        let message = format!(
            "nothing scrapes its sidecar: its pods have the annotation `{key}`, which DataKit does not know; `{SCRAPE_ANNOTATION}` was \
             meant"
        );
        let hint = format!("call it {SCRAPE_ANNOTATION}");
        outcome.fail(CHECK.id, workload.object, field, message, hint);
        return;
    }
    if let Some(policy) = scraped.policy {
        let message = format!(
            "nothing scrapes its sidecar: its pods are older than {}, which adds the annotation {SCRAPE_ANNOTATION} to new ones",
            policy.title()
        );
        outcome.fail(CHECK.id, workload.object, field, message, renew(workload.object));
        return;
    }
    let way = if habit == 0 {
        mesh.scraping.rules.iter().find_map(|rules| other_way(rules, scraped))
    } else {
        None
    };
    let (message, hint) = way.unwrap_or_else(|| {
        let message = format!(
            "nothing scrapes its sidecar: its pods have no annotation {SCRAPE_ANNOTATION}, and no other way reaches them"
        );
        (message, shared::patch(mesh, &scraped.proxy, false))
    });
    outcome.fail(CHECK.id, workload.object, field, message, hint);
}

/// An annotation with the text of a scrape annotation and another name.
fn misnamed<'i>(workload: &Workload<'i>) -> Option<(Cow<'i, str>, Field<'i>)> {
    let mut annotations = workload.template.at(&["metadata", "annotations"]).entries();
    annotations.find(|(key, field)| key != SCRAPE_ANNOTATION && field.text().contains("inputs.prom]"))
}

/// Why the way that this mesh uses instead of annotations leaves a workload out, and the remedy.
fn other_way(rules: &Rules<'_>, scraped: &Scraped<'_>) -> Option<(String, String)> {
    let namespace = scraped.proxy.namespace();
    if let Some(instance) = rules.instances.iter().find(|instance| instance.is_for_proxies()) {
        let listed =
            instance.namespaces.is_empty() || instance.namespaces.iter().any(|name| name == namespace);
        let (why, hint) = if listed {
            let selector = &instance.selector;
            (
                format!("its pods do not have what the selector `{selector}` asks for"),
                format!(
                    "give its pods the labels of `{selector}`, or widen the selector in `{}`",
                    instance.file
                ),
            )
        } else {
            (
                format!("namespace `{namespace}` is not among its namespaces"),
                format!("add \"{namespace}\" to the namespaces of the instance in `{}`", instance.file),
            )
        };
        let message = format!(
            "nothing scrapes its sidecar: the instance of kubernetesprometheus in `{}` leaves it out, {why}",
            instance.file
        );
        return Some((message, hint));
    }
    let Discovery::On(..) = rules.discovery else { return None };
    let workload = scraped.proxy.workload;
    let own = |name| workload.annotation(name).is("false");
    let (why, hint) = if own(istio::MERGE_METRICS) {
        ("is \"false\"", format!("remove the annotation {} from its pod template", istio::MERGE_METRICS))
    } else if own(istio::PROMETHEUS_SCRAPE) {
        let hint = format!("remove the annotation {} from its pod template", istio::PROMETHEUS_SCRAPE);
        ("is left out by its own annotations", hint)
    } else {
        let annotations = format!(
            "{}: \"true\", {}: \"{}\", {}: {}",
            istio::PROMETHEUS_SCRAPE,
            istio::PROMETHEUS_PORT,
            scraped.proxy.served.ports.first().copied().unwrap_or_default(),
            istio::PROMETHEUS_PATH,
            istio::SIDECAR_PATH
        );
        ("is not set", format!("add the annotations {annotations} to its pod template"))
    };
    let name = if own(istio::MERGE_METRICS) { istio::MERGE_METRICS } else { istio::PROMETHEUS_SCRAPE };
    let message = format!(
        "nothing scrapes its sidecar: DataKit discovers pods by prometheus.io annotations, and {name} of its pods {why}"
    );
    Some((message, hint))
}

/// Whether discovery is on and leaves it out since the mesh does not merge metrics.
fn is_left_by_merge(mesh: &Mesh<'_>, scraped: &Scraped<'_>) -> bool {
    let scraping = &mesh.scraping;
    scraping.settings.merge_off
        && !scraped.is_scraped()
        && scraped.annotation.is_none()
        && scraping.rules.iter().any(|rules| matches!(rules.discovery, Discovery::On(..)))
}

fn merge_is_off(mesh: &Mesh<'_>, count: usize, outcome: &mut Outcome) {
    let Some((map, field)) = mesh.scraping.settings.place() else { return };
    let message = "enablePrometheusMerge is false, so Istio does not give pods the prometheus.io annotations that DataKit \
                   discovers them by";
    let hint = "set enablePrometheusMerge: true in the mesh configuration, then restart the workloads";
    let finding = outcome.fail(CHECK.id, map, field, message, hint);
    finding.leads_to(shared::workloads(count, "is not scraped", "are not scraped"));
}

/// Only some of the running pods have the annotation, and the template has none.
fn partly(mesh: &Mesh<'_>, scraped: &Scraped<'_>, outcome: &mut Outcome) {
    let Some((with, of)) = scraped.only_on_pods.filter(|(with, of)| with < of) else { return };
    let is_other = |ways: &Vec<_>| ways.iter().any(|way| *way != crate::mesh::scrape::Way::Annotation);
    if scraped.ways.iter().any(is_other) {
        return;
    }
    let object = scraped.proxy.workload.object;
    let field = scraped.proxy.workload.annotation(SCRAPE_ANNOTATION);
    if let Some(policy) = scraped.policy {
        let message = format!(
            "{with} of {of} pods have the annotation {SCRAPE_ANNOTATION}; the others are older than {}, which adds it, and are not \
             scraped",
            policy.title()
        );
        outcome.fail(CHECK.id, object, field, message, renew(object));
        return;
    }
    let message = format!(
        "{with} of {of} pods have the annotation {SCRAPE_ANNOTATION}; the pod template has none, so the others are not scraped"
    );
    outcome.fail(CHECK.id, object, field, message, shared::patch(mesh, &scraped.proxy, false));
}

/// How the pods of a workload are made anew.
fn renew(object: &Object) -> String {
    match object.kind() {
        "Deployment" | "StatefulSet" | "DaemonSet" => shared::restart(object),
        "Pod" => "delete the pod and create it again".to_owned(),
        _ => "delete its pods, so that it makes new ones".to_owned(),
    }
}
