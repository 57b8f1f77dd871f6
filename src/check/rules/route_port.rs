//! Destinations of routes name ports that their Services have.

use std::collections::HashSet;

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::hosts::Host;
use crate::mesh::routes::Destination;
use crate::mesh::services::{Target, ports};

pub(super) const CHECK: Check =
    Check { id: "route-port", section: "routing", title: "every port of a route is one of its Service", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut told = HashSet::new();
    for destination in &mesh.routes.destinations {
        let rule = (destination.rule.namespace(), destination.rule.name());
        if told.insert((rule, destination.host.clone(), destination.port())) {
            judge(mesh, destination, outcome);
        }
    }
}

fn judge<'i>(mesh: &Mesh<'i>, destination: &Destination<'i>, outcome: &mut Outcome) {
    let (owner, numbers) = match &destination.target {
        // An alias has no ports of its own that count.
        Host::Service(service) if !service.at(&["spec", "type"]).is("ExternalName") => {
            (*service, service_ports(service))
        }
        Host::Entry(entry) => {
            let ports = entry.at(&["spec", "ports"]).items();
            (*entry, ports.filter_map(|port| port.get("number").number()).collect())
        }
        _ => return,
    };
    let Some(first) = numbers.first() else { return };
    outcome.looked(CHECK.id);
    let list = numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let Some(port) = destination.port() else {
        if numbers.len() > 1 && !guesses(mesh, destination.rule, &numbers) {
            let message = format!(
                "no port is named, {} has several ({list}), and none of them is the Gateway's: requests fail with 503",
                owner.title()
            );
            let edit = Edit::of_destination(destination, &["port"], serde_json::json!({"number": first}));
            let hint = hint(mesh.inventory.live, destination.rule, &[edit]);
            outcome.fail(CHECK.id, destination.rule, destination.field, message, hint);
        }
        return;
    };
    if numbers.contains(&port) {
        return;
    }
    let behind = behind(owner, port);
    let right = behind.unwrap_or(*first);
    let why =
        if behind.is_some() { format!("; {port} is the pod's port behind {right}") } else { String::new() };
    let message =
        format!("{} has no port {port} (it has {list}){why}: requests fail with 503", owner.title());
    let all = mesh.routes.destinations_of(destination.rule).iter();
    let same = all.filter(|other| other.host == destination.host && other.port() == Some(port));
    let edits: Vec<Edit> =
        same.map(|other| Edit::of_destination(other, &["port", "number"], right)).collect();
    let hint = hint(mesh.inventory.live, destination.rule, &edits);
    outcome.fail(CHECK.id, destination.rule, destination.field.at(&["port", "number"]), message, hint);
}

/// The TCP ports of a Service.
fn service_ports(service: &Object) -> Vec<u64> {
    ports(service).filter(|port| port.transport() == "TCP").filter_map(|port| port.number()).collect()
}

/// The Service's port that leads to a pod's port.
fn behind(owner: &Object, number: u64) -> Option<u64> {
    ports(owner).find(|port| port.target() == Target::Number(number)).and_then(|port| port.number())
}

/// Whether Istio finds the port by itself: sidecars take the one that was called; a gateway takes its own.
fn guesses(mesh: &Mesh<'_>, rule: &Object, numbers: &[u64]) -> bool {
    let Some(rule) = mesh.routes.virtual_service(rule) else { return true };
    if rule.gateways.is_empty() {
        return true;
    }
    let gateways = rule.gateways.iter().map(|(_, home, name)| mesh.routes.gateways.get(home, name));
    let mut servers = gateways.map(|gateway| gateway.map(|found| found.servers().collect::<Vec<_>>()));
    // A Gateway that is not in view may have any port.
    servers.any(|servers| {
        servers.is_none_or(|servers| {
            servers.iter().any(|server| server.port().is_none_or(|port| numbers.contains(&port)))
        })
    })
}
