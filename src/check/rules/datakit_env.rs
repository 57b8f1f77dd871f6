//! Variables of DataKit have the names that it reads.

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::{ENV_DATAWAY, ENV_DISCOVERY, ENV_LISTEN, ENV_NODE};
use crate::mesh::Mesh;

pub(super) const CHECK: Check =
    Check { id: "datakit-env", section: "DataKit", title: "DataKit knows the names of its variables", run };

/// Variables whose absence has a check of its own.
const ELSEWHERE: [&str; 4] = [ENV_DATAWAY, ENV_DISCOVERY, ENV_LISTEN, ENV_NODE];

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        if datakit.container.get("env").exists() {
            outcome.looked(CHECK.id);
        }
        for (written, meant) in datakit.misspelt_variables() {
            let Some(var) = datakit.variables.get(written).filter(|_| !ELSEWHERE.contains(&meant)) else {
                continue;
            };
            let message = format!("DataKit reads no variable `{written}`, so `{meant}` is not set");
            let hint = format!("write `{meant}` instead of `{written}`");
            outcome.fail(CHECK.id, var.object, var.field, message, hint);
        }
    }
}
