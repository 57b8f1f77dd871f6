//! Waypoints that namespaces and Services use: there, and with an address.

use super::Check;
use crate::check::Outcome;
use crate::facts::istio;
use crate::kube::Object;
use crate::mesh::Mesh;

const GROUP: &str = "gateway.networking.k8s.io";

pub(super) const CHECK: Check =
    Check { id: "waypoint", section: "workloads", title: "every waypoint that is used is there", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if !mesh.inventory.live || mesh.inventory.may_miss(GROUP, "gateways") {
        return;
    }
    let users = mesh.inventory.of("", "Namespace").chain(mesh.inventory.of("", "Service"));
    for user in users {
        let name = user.label(istio::WAYPOINT_LABEL);
        if !name.is_empty() && name != "none" {
            one(mesh, user, &name, outcome);
        }
    }
}

fn one(mesh: &Mesh<'_>, user: &Object, name: &str, outcome: &mut Outcome) {
    outcome.looked(CHECK.id);
    let place = user.at(&["metadata", "labels", istio::WAYPOINT_LABEL]);
    let own = if user.kind() == "Namespace" { user.name() } else { user.namespace() };
    let stated = user.label("istio.io/use-waypoint-namespace");
    let namespace = if stated.is_empty() { own } else { &stated };
    let Some(gateway) = mesh.inventory.get(GROUP, "Gateway", namespace, name) else {
        let message = format!(
            "it uses waypoint `{name}`, and namespace `{namespace}` has no Gateway of that name, so there are no HTTP metrics and spans"
        );
        let hint = format!(
            "istioctl waypoint apply -n {} --name {}",
            crate::gate::word(namespace),
            crate::gate::word(name)
        );
        outcome.fail(CHECK.id, user, place, message, hint);
        return;
    };
    if gateway.at(&["status", "addresses"]).items().next().is_none() {
        let message = format!(
            "the waypoint `{name}` has no address yet (status.addresses is empty), so nothing goes through it"
        );
        let hint = format!(
            "kubectl describe -n {} gateway.{GROUP}/{}",
            crate::gate::word(namespace),
            crate::gate::word(name)
        );
        outcome.fail(CHECK.id, gateway, gateway.at(&["status"]), message, hint);
    }
}
