//! DataKit takes data of the page's application.

use super::Check;
use super::rum_snippet::pages;
use crate::check::Outcome;
use crate::facts::datakit::{ENV_RUM_APP_IDS, PUBLIC_APIS, before};
use crate::mesh::Mesh;

pub(super) const CHECK: Check =
    Check { id: "rum-app-id", section: "RUM", title: "DataKit takes data of the page's application", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let inits = pages(mesh).into_iter().filter_map(|(.., monitoring)| monitoring.init.as_ref());
    let ids: Vec<&str> =
        inits.filter_map(|init| init.text("applicationId")).filter(|id| !id.is_empty()).collect();
    for datakit in &mesh.datakits {
        let list = datakit.env_text(ENV_RUM_APP_IDS);
        let Some(var) = datakit.variables.get(ENV_RUM_APP_IDS) else { continue };
        if datakit.variables.is_unknown(ENV_RUM_APP_IDS) {
            outcome.unknown(CHECK.id, var.object, var.field, format!("{ENV_RUM_APP_IDS} is not in view"));
            continue;
        }
        if list.is_empty() || before(datakit.version(), PUBLIC_APIS) {
            continue;
        }
        let known: Vec<&str> = list.split(',').map(str::trim).collect();
        for id in &ids {
            outcome.looked(CHECK.id);
            if !known.contains(id) {
                let message = format!(
                    "{ENV_RUM_APP_IDS} is `{list}`, so DataKit answers 400 to the page's application `{id}`"
                );
                outcome.fail(
                    CHECK.id,
                    var.object,
                    var.field,
                    message,
                    format!("add `{id}` to {ENV_RUM_APP_IDS}"),
                );
            }
        }
    }
}
