//! Ports of Gateways are reached by the Service of the gateway's pods.

use std::collections::HashMap;

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::kube::{Object, Selector};
use crate::mesh::Mesh;
use crate::mesh::gateways::{Gateway, Server};
use crate::mesh::services::{container_ports, ports, selects, target_number};

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
    let declared = container_ports(template);
    let on_node = template.at(&["spec", "hostNetwork"]).is_true();
    let host_ports = || {
        let containers = template.at(&["spec", "containers"]).items();
        containers
            .flat_map(|container| container.get("ports").items())
            .filter_map(|port| port.get("hostPort").number())
    };
    if in_front.is_empty() && !on_node && host_ports().next().is_none() {
        return unreached(mesh, pods, outcome);
    }
    if in_front.is_empty() || on_node {
        return;
    }
    for (number, server) in gateway.servers().enumerate() {
        let Some(port) = server.port() else { continue };
        let all = || in_front.iter().flat_map(|service| ports(service));
        // A port that is none of the Service's is opened as it is, and may be what another leads to.
        let reached = all()
            .any(|found| found.number() == Some(port) || target_number(&found, &declared) == Some(port))
            || host_ports().any(|found| found == port);
        outcome.looked(CHECK.id);
        if !reached {
            report(mesh, gateway, &server, (number, port), in_front, outcome);
        }
    }
}

/// Pods of a gateway that no Service leads to.
fn unreached(mesh: &Mesh<'_>, pods: &Object, outcome: &mut Outcome) {
    let home = pods.namespace();
    let mut beside =
        mesh.inventory.of("", "Service").filter(|service| service.namespace() == home).peekable();
    // Files may leave the Services of a namespace out.
    if beside.peek().is_none() && mesh.inventory.may_miss("", "services") {
        return;
    }
    let subject = mesh.inventory.get("", "Service", home, pods.name()).filter(|service| selects(service));
    let (object, field) = match subject {
        Some(service) => (service, service.at(&["spec", "selector"])),
        None => (pods, pods.at(&["metadata"])),
    };
    if outcome.findings.iter().any(|finding| finding.subject == object.title()) {
        return;
    }
    let labels = pods.at(&["spec", "template", "metadata", "labels"]);
    let labels: Vec<(String, String)> = ["app", "istio"]
        .into_iter()
        .filter(|key| labels.get(key).is_set())
        .map(|key| (key.to_owned(), labels.get(key).text().into_owned()))
        .collect();
    let (message, hint) = if subject.is_some() {
        let written: Vec<String> =
            field.entries().map(|(key, value)| format!("{key}={}", value.text())).collect();
        let right: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let message = format!(
            "it selects {}, and the gateway's pods have {}: nobody reaches them from outside",
            written.join(", "),
            right.join(", ")
        );
        let map: serde_json::Map<String, serde_json::Value> =
            labels.into_iter().map(|(key, value)| (key, value.into())).collect();
        (message, hint(mesh.inventory.live, object, &[Edit::set("replace", &["spec", "selector"], map)]))
    } else {
        let message = "Gateways open their ports on its pods, and no Service leads there: nobody reaches them from outside";
        (
            message.to_owned(),
            "install the gateway again as it was installed: that puts its Service back".to_owned(),
        )
    };
    outcome.fail(CHECK.id, object, field, message, hint);
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
