//! DataKit lets the pages of the mesh send to it.

use super::Check;
use super::rum_snippet::pages;
use crate::check::Outcome;
use crate::facts::datakit::ENV_CORS;
use crate::mesh::hosts::overlap;
use crate::mesh::{Datakit, Mesh};

pub(super) const CHECK: Check =
    Check { id: "rum-origin", section: "RUM", title: "DataKit takes data of the page's origin", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut homes: Vec<&str> = pages(mesh).into_iter().map(|(map, ..)| map.namespace()).collect();
    homes.dedup();
    if homes.is_empty() {
        return;
    }
    let hosts = outside(mesh, &homes);
    for datakit in &mesh.datakits {
        one(datakit, hosts.as_deref(), outcome);
    }
}

/// The hosts by which gateways serve these namespaces; nothing where one of them takes every host, or none is in view.
fn outside(mesh: &Mesh<'_>, homes: &[&str]) -> Option<Vec<String>> {
    let rules = mesh.routes.virtual_services.iter();
    let rules = rules.filter(|rule| !rule.gateways.is_empty() && homes.contains(&rule.object.namespace()));
    let hosts = rules.flat_map(|rule| rule.object.at(&["spec", "hosts"]).items());
    let hosts: Vec<String> = hosts.map(|host| host.text().to_lowercase()).collect();
    (!hosts.is_empty() && !hosts.iter().any(|host| host == "*")).then_some(hosts)
}

fn one(datakit: &Datakit<'_>, hosts: Option<&[String]>, outcome: &mut Outcome) {
    let Some(var) = datakit.variables.get(ENV_CORS) else { return };
    let list = datakit.env_text(ENV_CORS);
    let origins: Vec<&str> = list.split(',').map(str::trim).filter(|origin| !origin.is_empty()).collect();
    if !datakit.variables.is_unknown(ENV_CORS) && (origins.is_empty() || origins.contains(&"*")) {
        return outcome.looked(CHECK.id);
    }
    let Some(hosts) = hosts.filter(|_| !datakit.variables.is_unknown(ENV_CORS)) else {
        let message = format!("whether {ENV_CORS} lists the page's origin is not in view");
        return outcome.unknown(CHECK.id, var.object, var.field, message);
    };
    outcome.looked(CHECK.id);
    let allowed = |host: &String| origins.iter().any(|origin| overlap(host_of(origin), host));
    if let Some(host) = hosts.iter().find(|_| !hosts.iter().any(allowed)) {
        let message = format!("{ENV_CORS} is `{list}`, so browsers send nothing from pages of `{host}`");
        let hint = format!("add the page's origin, as https://{host}, to {ENV_CORS}");
        outcome.fail(CHECK.id, var.object, var.field, message, hint);
    }
}

/// The host of `SCHEME://HOST[:PORT]`.
fn host_of(origin: &str) -> &str {
    let rest = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    rest.split([':', '/']).next().unwrap_or_default()
}
