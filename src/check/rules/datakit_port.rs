//! One DataKit a node, and nothing else on its port.

use std::collections::HashMap;

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::{Listening, PORT};
use crate::gate::command;
use crate::kube::{Field, Object};
use crate::mesh::{Datakit, Mesh};

pub(super) const CHECK: Check = Check {
    id: "datakit-port",
    section: "DataKit",
    title: "one DataKit a node, with its port to itself",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if !mesh.datakits.is_empty() {
        outcome.looked(CHECK.id);
    }
    doubled(mesh, outcome);
    for datakit in &mesh.datakits {
        claimed(mesh, datakit, outcome);
    }
}

/// The port that a DataKit takes on its node; nothing where it takes none, or that is not in view.
fn port(datakit: &Datakit<'_>) -> Option<u64> {
    let claims =
        |port: u64| datakit.container.get("ports").items().any(|p| p.get("hostPort").number() == Some(port));
    match datakit.listening()? {
        Listening::All(port) if datakit.on_host_network() || claims(port.into()) => Some(port.into()),
        _ => claims(PORT.into()).then_some(PORT.into()),
    }
}

/// Whether a pod may be anywhere.
fn is_everywhere(datakit: &Datakit<'_>) -> bool {
    let spec = datakit.spec();
    spec.get("nodeSelector").entries().next().is_none() && !spec.get("affinity").get("nodeAffinity").is_set()
}

fn doubled(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut nodes: HashMap<String, usize> = HashMap::new();
    for (number, datakit) in mesh.datakits.iter().enumerate() {
        let pods = datakit.pods(mesh.inventory);
        let mut other = None;
        for node in
            pods.iter().map(|pod| pod.text(&["spec", "nodeName"]).into_owned()).filter(|n| !n.is_empty())
        {
            other = other.or_else(|| nodes.get(&node).copied().filter(|seen| *seen != number));
            nodes.entry(node).or_insert(number);
        }
        let before = mesh.datakits.get(..number).unwrap_or_default();
        let same_name = |one: &Datakit<'_>| {
            (one.object.name(), one.object.namespace()) == (datakit.object.name(), datakit.object.namespace())
        };
        let planned = before.iter().find(|one| {
            pods.is_empty()
                && !same_name(one)
                && is_everywhere(one)
                && is_everywhere(datakit)
                && port(one).is_some()
                && port(one) == port(datakit)
        });
        let found = other.and_then(|number| mesh.datakits.get(number)).or(planned);
        if let Some(one) = found {
            let message = format!(
                "it runs on the same nodes as {}: pods are scraped, and their output collected, twice{}",
                one.object.title(),
                if port(one).is_some() && port(one) == port(datakit) {
                    ", and both want the same port"
                } else {
                    ""
                }
            );
            let hint = if mesh.inventory.live {
                command!("kubectl delete -n {} {}", datakit.object.namespace(), datakit.object.reference())
            } else {
                "remove one of the two DaemonSets".to_owned()
            };
            outcome.fail(CHECK.id, datakit.object, datakit.spec(), message, hint);
        }
    }
}

/// Another pod that takes DataKit's port on the node.
fn claimed(mesh: &Mesh<'_>, datakit: &Datakit<'_>, outcome: &mut Outcome) {
    let Some(port) = port(datakit) else { return };
    let is_datakit = |object: &Object| mesh.datakits.iter().any(|one| std::ptr::eq(one.object, object));
    for object in mesh.inventory.workloads() {
        let made = object.at(&["metadata", "ownerReferences"]).items().next().is_some();
        if is_datakit(object) || made {
            continue;
        }
        let claim = object.pod_templates().find_map(|template| claim(template.get("spec"), port));
        if let Some(field) = claim {
            let message = format!(
                "it claims port {port} on its node, which {} needs: one of the two cannot start there",
                datakit.object.title()
            );
            outcome.fail(
                CHECK.id,
                object,
                field,
                message,
                format!("remove hostPort {port}, or give it another number"),
            );
        }
    }
}

fn claim(spec: Field<'_>, port: u64) -> Option<Field<'_>> {
    let host = spec.get("hostNetwork").is_true();
    let ports = spec.get("containers").items().flat_map(|container| container.get("ports").items());
    ports.into_iter().find_map(|entry| {
        let udp = entry.get("protocol").is("UDP");
        let key = if host { "containerPort" } else { "hostPort" };
        let field = entry.get(key);
        (field.number() == Some(port) && !udp).then_some(field)
    })
}
