//! Ports of Gateways are reached by the Service of the gateway's pods.

use std::collections::HashMap;

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::kube::{Object, Selector};
use crate::mesh::Mesh;
use crate::mesh::gateways::{Gateway, Server};
use crate::mesh::services::{ports, selects, target_number};

pub(super) const CHECK: Check = Check {
    id: "gateway-port",
    section: "routing",
    title: "every port of a Gateway is one of its Service",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut services: HashMap<&str, Vec<&Object>> = HashMap::new();
    for service in mesh.inventory.of("", "Service").filter(|service| selects(service)) {
        services.entry(service.namespace()).or_default().push(service);
    }
    // Many Gateways are for the same pods.
    let mut in_front: HashMap<*const Object, Vec<&Object>> = HashMap::new();
    for gateway in &mesh.routes.gateways.all {
        let Some(pods) = gateway.pods.first() else { continue };
        let found = in_front.entry(std::ptr::from_ref(*pods)).or_insert_with(|| {
            let beside = services.get(pods.namespace()).map(Vec::as_slice).unwrap_or_default();
            beside.iter().filter(|service| leads_to(service, pods)).copied().collect()
        });
        judge(mesh, gateway, pods, found, outcome);
    }
}

/// Whether a Service selects pods of a workload in its namespace.
fn leads_to(service: &Object, pods: &Object) -> bool {
    let selector = Selector::of_map(service.at(&["spec", "selector"]));
    pods.pod_templates().any(|template| selector.fits(template.at(&["metadata", "labels"])))
}

fn judge<'i>(
    mesh: &Mesh<'i>,
    gateway: &Gateway<'i>,
    pods: &'i Object,
    in_front: &[&'i Object],
    outcome: &mut Outcome,
) {
    let Some(template) = pods.pod_templates().next() else { return };
    let on_node = template.at(&["spec", "hostNetwork"]).is_true();
    let host_ports = || {
        let containers = template.at(&["spec", "containers"]).items();
        containers
            .flat_map(|container| container.get("ports").items())
            .filter_map(|port| port.get("hostPort").number())
    };
    if in_front.is_empty() || on_node {
        return;
    }
    for (number, server) in gateway.servers().enumerate() {
        let Some(port) = server.port() else { continue };
        let all = || in_front.iter().flat_map(|service| ports(service));
        // A port that is none of the Service's is opened as it is, and may be what another leads to.
        let reached = all()
            .any(|found| found.number() == Some(port) || target_number(&found, template) == Some(port))
            || host_ports().any(|found| found == port);
        outcome.looked(CHECK.id);
        if !reached {
            report(mesh, gateway, &server, (number, port), in_front, outcome);
        }
    }
}

fn report(
    mesh: &Mesh<'_>,
    gateway: &Gateway<'_>,
    server: &Server<'_>,
    (number, port): (usize, u64),
    in_front: &[&Object],
    outcome: &mut Outcome,
) {
    let Some(service) = in_front.first() else { return };
    let is_tls = matches!(&*server.protocol(), "HTTPS" | "TLS");
    let numbers: Vec<u64> = ports(service).filter_map(|port| port.number()).collect();
    let usual = if is_tls { 443 } else { 80 };
    let right = numbers.iter().find(|number| **number == usual).or_else(|| numbers.first());
    let list = numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let message =
        format!("port {port} is none of {} ({list}), so nobody reaches it from outside", service.title());
    let path = ["spec", "servers", &number.to_string(), "port", "number"];
    let edit = Edit::set("replace", &path, right.copied().unwrap_or(usual));
    let hint = hint(mesh.inventory.live, gateway.object, &[edit]);
    outcome.fail(CHECK.id, gateway.object, server.field.at(&["port", "number"]), message, hint);
}
