//! DataKit takes what browsers send.

use super::logs_input::is_cut;
use super::{Check, rum_page};
use crate::check::Outcome;
use crate::facts::datakit::{ENV_PUBLIC_APIS, RUM_INPUT, RUM_PATH, RUM_WITHOUT_INPUT, before, is_public};
use crate::mesh::{Datakit, Mesh};

pub(super) const CHECK: Check =
    Check { id: "rum-input", section: "RUM", title: "DataKit takes what browsers send", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if !rum_page::is_configured(mesh) {
        return;
    }
    for datakit in &mesh.datakits {
        // Before, it is built in.
        if before(datakit.version(), RUM_INPUT) {
            outcome.looked(CHECK.id);
            continue;
        }
        let variable = datakit.inputs_variable();
        let place = datakit.variables.get(variable).map(|var| var.field);
        let place = place.unwrap_or_else(|| datakit.container.get("env"));
        match datakit.runs("rum") {
            Some(true) => {
                outcome.looked(CHECK.id);
                public(datakit, outcome);
            }
            None => {
                let message = "whether the input `rum` runs is not in view";
                outcome.unknown(CHECK.id, datakit.object, place, message);
            }
            // A list that is cut wrongly is told once.
            Some(false) if datakit.lists_inputs_in_vain() => {}
            Some(false) if ["rum", "container"].iter().all(|name| is_cut(datakit, name)) => {}
            Some(false) => {
                let switched = datakit.switches_off("rum");
                let how = if switched {
                    format!("`-rum` in {variable} switches the input off")
                } else {
                    "`rum` is not among the enabled inputs".to_owned()
                };
                let hint = if switched {
                    format!("remove `-rum` from {variable}")
                } else {
                    super::datakit::patch(datakit, "--enable-inputs rum")
                };
                if before(datakit.version(), RUM_WITHOUT_INPUT) {
                    let message = format!("{how}, so DataKit answers browsers 400 and takes nothing");
                    outcome.fail(CHECK.id, datakit.object, place, message, hint);
                } else {
                    let message = format!(
                        "{how}, so session replays are refused and the addresses of browsers are missing"
                    );
                    outcome.warn(CHECK.id, datakit.object, place, message, hint);
                }
            }
        }
    }
}

/// Whether browsers may call the input.
fn public(datakit: &Datakit<'_>, outcome: &mut Outcome) {
    let Some(var) = datakit.variables.get(ENV_PUBLIC_APIS) else { return };
    let list = datakit.env_text(ENV_PUBLIC_APIS);
    if is_public(datakit.version(), list, RUM_PATH) != Some(false) || list.contains(RUM_PATH) {
        return;
    }
    let message = format!(
        "{ENV_PUBLIC_APIS} is `{list}`, so this DataKit refuses what browsers post to {RUM_PATH} (403)"
    );
    outcome.fail(CHECK.id, var.object, var.field, message, format!("add {RUM_PATH} to {ENV_PUBLIC_APIS}"));
}
