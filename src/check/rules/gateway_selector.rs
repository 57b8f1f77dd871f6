//! Gateways select pods that run a proxy.

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::mesh::Mesh;
use crate::mesh::gateways::Gateway;
use crate::spelling::nearest;

pub(super) const CHECK: Check = Check {
    id: "gateway-selector",
    section: "routing",
    title: "every Gateway selects the pods of a gateway",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for gateway in &mesh.routes.gateways.all {
        // Without a selector it is for every gateway.
        if mesh.reads(gateway.object) && !gateway.selector.is_empty() {
            judge(mesh, gateway, outcome);
        }
    }
}

fn judge(mesh: &Mesh<'_>, gateway: &Gateway<'_>, outcome: &mut Outcome) {
    if !gateway.pods.is_empty() {
        outcome.looked(CHECK.id);
        return;
    }
    let field = gateway.object.at(&["spec", "selector"]);
    let labels = gateway.selector.labels();
    let written: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let written = written.join(", ");
    let live = mesh.inventory.live;
    let correction = labels.iter().find_map(|(key, value)| {
        let values = mesh.routes.gateways.values(key);
        let is_gateway = |found: &&String| found.contains("gateway") && *found != value;
        // In files other gateways than those in view may be meant.
        let other = || values.iter().find(is_gateway).filter(|_| live).map(String::as_str);
        let near = nearest(value, values.iter().map(String::as_str)).or_else(other)?;
        Some((key, near))
    });
    match correction {
        Some((key, near)) => {
            let message =
                format!("no pod has {written}; gateway pods have {key}={near}: no gateway opens its ports");
            let edit = Edit::set("replace", &["spec", "selector", key], near);
            outcome.fail(CHECK.id, gateway.object, field, message, hint(live, gateway.object, &[edit]));
        }
        None if live => {
            let message = format!("no pod has {written}: no gateway opens its ports");
            let hint =
                "set `spec.selector` to labels of the gateway's pods (`kubectl get pods -A --show-labels`)";
            outcome.fail(CHECK.id, gateway.object, field, message, hint);
        }
        None => {
            outcome.unknown(
                CHECK.id,
                gateway.object,
                field,
                format!("the gateway's pods ({written}) are not in view"),
            );
        }
    }
}
