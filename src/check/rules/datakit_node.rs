//! DataKit knows the node that it runs on.

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::{ENV_NODE, ENV_NODE_OLD};
use crate::mesh::{Datakit, Mesh};
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "datakit-node", section: "DataKit", title: "DataKit knows its node", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        one(datakit, outcome);
    }
}

fn one(datakit: &Datakit<'_>, outcome: &mut Outcome) {
    let env = datakit.container.get("env");
    if [ENV_NODE, ENV_NODE_OLD].iter().any(|name| datakit.variables.get(name).is_some()) {
        return outcome.looked(CHECK.id);
    }
    if let Some((field, what)) = datakit.variables.unseen.first() {
        let message = format!("{ENV_NODE} may come from {what}, which is not in view");
        return outcome.unknown(CHECK.id, datakit.object, *field, message);
    }
    // Without the input that asks for it nothing is lost.
    if !datakit.enabled_inputs().iter().any(|name| name == "container") {
        return;
    }
    // A manifest of which only a part is shown has no such variables at all.
    let mut variables = env.items();
    let is_whole = variables.any(|variable| variable.at(&["valueFrom", "fieldRef"]).is_set());
    if !is_whole {
        return;
    }
    let name = ENV_NODE;
    let (place, hint) = match nearest(name, datakit.variables.names()) {
        Some(wrong) => (
            datakit.env(wrong).map_or(env, |item| item.get("name")),
            format!("rename the variable `{wrong}` to {name}"),
        ),
        None => (
            env,
            format!("add {{name: {name}, valueFrom: {{fieldRef: {{fieldPath: spec.nodeName}}}}}} to its env"),
        ),
    };
    let message =
        format!("no {name}, so DataKit does not know its node and collects nothing of the pods there");
    outcome.fail(CHECK.id, datakit.object, place, message, hint).leads_to("annotated pods are not scraped");
}
