//! Ports of Services lead to ports of their pods.

use std::collections::HashMap;

use super::Check;
use super::edit::{Edit, hint};
use super::service_selector::meshed_namespaces;
use crate::check::Outcome;
use crate::facts::protocol::OF_PROXY;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::services::{
    Alike, ContainerPort, Port, Target, alike, container_ports, ports, selects, target_number,
};
use crate::spelling::nearest;

pub(super) const CHECK: Check = Check {
    id: "service-port",
    section: "routing",
    title: "every port of a Service leads to one of its pods",
    run,
};

/// Workloads behind a Service, by the ports that they declare.
type Workloads<'a, 'i> = &'a [Alike<'i, Vec<ContainerPort>>];

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut known = HashMap::new();
    let homes = meshed_namespaces(mesh);
    let services = mesh.inventory.of("", "Service");
    for service in services.filter(|service| selects(service) && homes.contains(service.namespace())) {
        let Some(behind) = mesh.behind.service(service) else { continue };
        let workloads = known.entry(std::ptr::from_ref(behind)).or_insert_with(|| {
            let own = behind.templates().filter(|(object, _)| !object.is_controlled());
            alike(own.map(|(object, template)| (object, container_ports(template))))
        });
        if workloads.is_empty() {
            continue;
        }
        outcome.looked(CHECK.id);
        for (number, port) in ports(service).enumerate() {
            named(mesh, service, (number, &port), workloads, outcome);
            transport(mesh, service, (number, &port), workloads, outcome);
        }
        undeclared(mesh, service, workloads, outcome);
    }
}

/// A name has to be one of a container's ports.
fn named(
    mesh: &Mesh<'_>,
    service: &Object,
    (number, port): (usize, &Port<'_>),
    workloads: Workloads<'_, '_>,
    outcome: &mut Outcome,
) {
    let Target::Name(name) = port.target() else { return };
    let lacking = workloads.iter().filter(|pods| target_number(port, &pods.facts).is_none());
    let lacking: Vec<&Alike<'_, _>> = lacking.collect();
    let Some(Alike { object: first, facts: declared, .. }) = lacking.first() else { return };
    let count: usize = lacking.iter().map(|pods| pods.count).sum();
    let who = if count == 1 { first.title() } else { format!("{} and {} more", first.title(), count - 1) };
    let names: Vec<&str> =
        declared.iter().map(|port| port.name.as_str()).filter(|name| !name.is_empty()).collect();
    let other_transport = declared.iter().find(|found| found.name == name);
    let message = match other_transport {
        Some(found) => format!(
            "targetPort `{name}` is a {} port of {who}, and this port is {}: it has no endpoints there, and requests fail with 503",
            found.transport,
            port.transport()
        ),
        None => format!(
            "targetPort `{name}` is the name of no container port of {who} (named: {}): it has no endpoints there, and requests fail with 503",
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        ),
    };
    let path = ["spec", "ports", &number.to_string(), "targetPort"];
    let all = lacking.len() == workloads.len();
    let edit = match (nearest(&name, names.iter().copied()), declared.first()) {
        (Some(near), _) if all => Some(Edit::set("replace", &path, near)),
        (None, Some(only)) if all && declared.len() == 1 => Some(Edit::set("replace", &path, only.number)),
        _ => None,
    };
    let hint = match edit {
        Some(edit) => hint(mesh.inventory.live, service, &[edit]),
        None => format!("name a container port of {} `{name}`", first.title()),
    };
    outcome.fail(CHECK.id, service, port.field.get("targetPort"), message, hint);
}

/// A port for UDP, where all pods declare theirs for TCP.
fn transport(
    mesh: &Mesh<'_>,
    service: &Object,
    (number, port): (usize, &Port<'_>),
    workloads: Workloads<'_, '_>,
    outcome: &mut Outcome,
) {
    let Target::Number(target) = port.target() else { return };
    let transport = port.transport();
    let differs = |pods: &Alike<'_, Vec<ContainerPort>>| {
        let mut same = pods.facts.iter().filter(|found| found.number == target).peekable();
        same.peek().is_some() && same.all(|found| found.transport == "TCP")
    };
    if transport != "UDP" || !workloads.iter().all(differs) {
        return;
    }
    let message = format!(
        "port {target} is {transport} here and TCP in its pods: it has no TCP port, and requests to it fail"
    );
    let edit = Edit::set("replace", &["spec", "ports", &number.to_string(), "protocol"], "TCP");
    let hint = hint(mesh.inventory.live, service, &[edit]);
    outcome.fail(CHECK.id, service, port.field.get("protocol"), message, hint);
}

/// Ports that containers declare are no more than a note, so a number that is none of them is only suspicious: where no port
/// of the Service leads to one, and every workload declares some.
fn undeclared(mesh: &Mesh<'_>, service: &Object, workloads: Workloads<'_, '_>, outcome: &mut Outcome) {
    let all: Vec<Port<'_>> = ports(service).collect();
    let number = |port: &Port<'_>| match port.target() {
        Target::Number(number) if !OF_PROXY.contains(&number) && port.transport() == "TCP" => Some(number),
        _ => None,
    };
    let Some(targets) = all.iter().map(number).collect::<Option<Vec<u64>>>() else { return };
    let of_own = |pods: &Alike<'_, Vec<ContainerPort>>| {
        let numbers = pods.facts.iter().map(|port| port.number);
        numbers.filter(|number| !OF_PROXY.contains(number)).collect()
    };
    let declared: Vec<Vec<u64>> = workloads.iter().map(of_own).collect();
    let (Some(first), Some(Alike { object, .. })) =
        (declared.first().and_then(|ports| ports.first()), workloads.first())
    else {
        return;
    };
    let meets = |ports: &Vec<u64>| ports.is_empty() || ports.iter().any(|port| targets.contains(port));
    let (Some(target), false) = (targets.first(), declared.iter().any(meets)) else { return };
    let numbers = declared.first().into_iter().flatten().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let message = format!(
        "it leads to port {target} of its pods, and {} declares {numbers}: unless a container listens on {target}, requests fail with 503",
        object.title()
    );
    let edit = Edit::set("add", &["spec", "ports", "0", "targetPort"], *first);
    let field = all.first().map_or(service.at(&["spec", "ports"]), |port| port.field.get("targetPort"));
    outcome.warn(CHECK.id, service, field, message, hint(mesh.inventory.live, service, &[edit]));
}
