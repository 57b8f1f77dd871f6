//! Subsets that are routed to have pods.

use std::collections::HashSet;

use super::Check;
use super::edit::{Edit, hint};
use super::subset::home;
use crate::check::Outcome;
use crate::kube::{Field, Object, Selector};
use crate::mesh::Mesh;
use crate::mesh::destination_rules::Subset;
use crate::mesh::hosts::Host;
use crate::mesh::services::is_given_later;
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "subset-pods", section: "routing", title: "every subset that is routed to has pods", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut told = HashSet::new();
    for destination in &mesh.routes.destinations {
        let name = destination.subset();
        let Host::Service(service) = destination.target else { continue };
        let Some((home, full)) = home(mesh, destination).filter(|_| !name.is_empty()) else { continue };
        for client in mesh.routes.clients(destination) {
            let Subset::Defined { rule, subset } = mesh.routes.rules.subset(&client, &home, &full, &name)
            else {
                continue;
            };
            if told.insert((std::ptr::from_ref(rule), name.clone())) {
                judge(mesh, (rule, subset), service, destination.rule, outcome);
            }
        }
    }
}

fn judge<'i>(
    mesh: &Mesh<'i>,
    (rule, subset): (&'i Object, Field<'i>),
    service: &'i Object,
    route: &Object,
    outcome: &mut Outcome,
) {
    // No pods at all is told of the Service.
    let Some(behind) = mesh.behind.service(service).filter(|behind| !behind.objects.is_empty()) else {
        return;
    };
    outcome.looked(CHECK.id);
    let labels = subset.get("labels");
    let selector = Selector::of_map(labels);
    let templates: Vec<Field<'i>> = behind.templates().map(|(_, template)| template).collect();
    let fits = |template: &Field<'i>| selector.fits(template.at(&["metadata", "labels"]));
    if templates.iter().any(fits) {
        return;
    }
    if !mesh.inventory.live && labels.entries().any(|(key, _)| is_given_later(&key)) {
        let message = "it chooses pods by a label that they get when they are made";
        return outcome.unknown(CHECK.id, rule, labels, message);
    }
    let name = subset.get("name").text();
    let wanted: Vec<String> =
        labels.entries().map(|(key, value)| format!("{key}={}", value.text())).collect();
    let message = format!(
        "subset `{name}` wants pods with {}, and no pod of {} has them; {} sends requests there: they fail with 503",
        wanted.join(", "),
        service.title(),
        route.title()
    );
    let mut hints = labels.entries().filter_map(|(key, value)| {
        let values = || templates.iter().map(|template| template.at(&["metadata", "labels", &key]));
        if values().any(|found| found.is(&value.text())) {
            return None;
        }
        let all: Vec<String> = values().filter_map(|found| Some(found.scalar()?.into_owned())).collect();
        let by_name = all.iter().map(String::as_str).find(|found| *found == name);
        let right = by_name.or_else(|| nearest(&value.text(), all.iter().map(String::as_str)))?.to_owned();
        let number = rule.at(&["spec", "subsets"]).items().position(|found| found.get("name").is(&name))?;
        let path = ["spec", "subsets", &number.to_string(), "labels", &key];
        Some(hint(mesh.inventory.live, rule, &[Edit::set("replace", &path, right)]))
    });
    let hint = hints.next().unwrap_or_else(|| {
        format!(
            "change the labels of subset `{name}` to those of pods of {}, or route elsewhere",
            service.title()
        )
    });
    outcome.fail(CHECK.id, rule, labels, message, hint);
}
