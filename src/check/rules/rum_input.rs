//! DataKit takes what browsers send.

use super::logs_input::is_cut;
use super::{Check, rum_page};
use crate::check::Outcome;
use crate::facts::datakit::{RUM_INPUT, RUM_WITHOUT_INPUT, before};
use crate::mesh::Mesh;

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
            Some(true) => outcome.looked(CHECK.id),
            None => {
                let message = "whether the input `rum` runs is not in view";
                outcome.unknown(CHECK.id, datakit.object, place, message);
            }
            // A list that is cut wrongly is told once.
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
