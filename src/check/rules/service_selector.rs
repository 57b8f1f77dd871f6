//! Selectors of Services fit pods.

use std::collections::HashSet;

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::kube::{Object, Selector};
use crate::mesh::Mesh;
use crate::mesh::hosts::Host;
use crate::mesh::services::{Labels, is_given_later, selects};
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "service-selector", section: "routing", title: "every Service of the mesh has pods", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let homes = meshed_namespaces(mesh);
    let labels = Labels::of(mesh.inventory);
    let routed: HashSet<*const Object> = mesh
        .routes
        .destinations
        .iter()
        .filter_map(|destination| match destination.target {
            Host::Service(service) => Some(std::ptr::from_ref(service)),
            _ => None,
        })
        .collect();
    let services = mesh.inventory.of("", "Service");
    for service in services.filter(|service| selects(service) && homes.contains(service.namespace())) {
        if mesh.behind.service(service).is_none_or(|behind| behind.objects.is_empty()) {
            let is_routed = routed.contains(&std::ptr::from_ref(service));
            judge(mesh, &labels, service, is_routed, outcome);
        } else {
            outcome.looked(CHECK.id);
        }
    }
}

/// Namespaces with an application of the mesh.
pub(super) fn meshed_namespaces<'i>(mesh: &Mesh<'i>) -> HashSet<&'i str> {
    let members = mesh.injection.members.iter();
    let meshed = members.filter(|member| member.is_meshed() || member.has_sidecar());
    meshed.map(|member| member.workload.object.namespace()).collect()
}

fn judge<'i>(
    mesh: &Mesh<'i>,
    labels: &Labels<'i>,
    service: &'i Object,
    is_routed: bool,
    outcome: &mut Outcome,
) {
    let namespace = service.namespace();
    let field = service.at(&["spec", "selector"]);
    let pairs: Vec<(String, String)> =
        field.entries().map(|(key, value)| (key.into_owned(), value.text().into_owned())).collect();
    let written: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let message = |note: &str| {
        format!(
            "no pod in `{namespace}` has {}{note}: it has no endpoints, and requests to it fail with 503",
            written.join(", ")
        )
    };
    let is_made = pairs.iter().any(|(key, _)| is_given_later(key));
    let correction = misspelt(labels, service, &pairs).or_else(|| by_name(labels, service, &pairs));
    let correction = correction.filter(|_| mesh.inventory.live || !is_made);
    if let Some((edits, pods)) = correction {
        let note = format!("; the pods of {} nearly do", pods.title());
        let hint = hint(mesh.inventory.live, service, &edits);
        outcome.fail(CHECK.id, service, field, message(&note), hint);
    } else if is_routed && mesh.inventory.live {
        let hint = "set `spec.selector` to labels of the pods it is for, or deploy them".to_owned();
        outcome.fail(CHECK.id, service, field, message(""), hint);
    } else if !mesh.inventory.live {
        outcome.unknown(
            CHECK.id,
            service,
            field,
            format!("the pods with {} are not in view", written.join(", ")),
        );
    }
}

/// One label whose value is nearly that of pods, while the others fit.
fn misspelt<'i>(
    labels: &Labels<'i>,
    service: &'i Object,
    pairs: &[(String, String)],
) -> Option<(Vec<Edit>, &'i Object)> {
    let namespace = service.namespace();
    pairs.iter().find_map(|(key, value)| {
        if labels.with(namespace, key, value).is_some() {
            return None;
        }
        let own_name = labels.with(namespace, key, service.name()).map(|_| service.name());
        let right = own_name.or_else(|| nearest(value, labels.values(namespace, key)))?;
        let pods = labels.with(namespace, key, right)?;
        let edit = Edit::set("replace", &["spec", "selector", key], right);
        let corrected =
            pairs.iter().map(|(name, value)| (name, if name == key { right } else { value.as_str() }));
        fits(pods, corrected).then_some((vec![edit], pods))
    })
}

fn fits<'p>(pods: &Object, mut pairs: impl Iterator<Item = (&'p String, &'p str)>) -> bool {
    let template = pods.pod_templates().next();
    template.is_some_and(|template| {
        pairs.all(|(key, value)| template.at(&["metadata", "labels"]).get(key).is(value))
    })
}

/// Keys that name an application.
const APP_KEYS: &[&str] = &["app", "app.kubernetes.io/name", "k8s-app"];

/// Pods that are called as the Service is.
fn by_name<'i>(
    labels: &Labels<'i>,
    service: &'i Object,
    pairs: &[(String, String)],
) -> Option<(Vec<Edit>, &'i Object)> {
    let namespace = service.namespace();
    let (key, pods) =
        APP_KEYS.iter().find_map(|key| Some((*key, labels.with(namespace, key, service.name())?)))?;
    let template = pods.pod_templates().next()?;
    let own = template.at(&["metadata", "labels"]);
    let mut selector = serde_json::Map::new();
    selector.insert(key.to_owned(), service.name().into());
    for (name, value) in pairs.iter().filter(|(name, value)| own.get(name).is(value)) {
        selector.insert(name.clone(), value.clone().into());
    }
    // What this would be anyway was found to fit nothing.
    let whole = Selector::of_map(service.at(&["spec", "selector"]));
    (!whole.fits(own)).then(|| (vec![Edit::set("replace", &["spec", "selector"], selector)], pods))
}
