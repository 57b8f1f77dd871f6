//! Configuration that is written where DataKit does not read it.

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::{CONF_D, CONF_IN_ENV, ENV_CONF};
use crate::mesh::{Loss, Mesh};

pub(super) const CHECK: Check = Check {
    id: "datakit-unmounted",
    section: "DataKit",
    title: "every file of the ConfigMap is mounted",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        if !datakit.conf.files.is_empty() {
            outcome.looked(CHECK.id);
        }
        for lost in &datakit.conf.lost {
            let path = &lost.path;
            let name = path.rsplit('/').next().unwrap_or_default();
            let stem =
                name.split_once(".conf").or_else(|| name.rsplit_once('.')).map_or(name, |(stem, _)| stem);
            let (message, hint) = match &lost.why {
                Loss::NotConf => (
                    format!("{path} does not end in `.conf`, so DataKit does not read it"),
                    format!("mount it as {CONF_D}/{stem}/{stem}.conf"),
                ),
                Loss::Outside => (
                    format!("{path} is outside of {CONF_D}, where DataKit does not look for configuration"),
                    format!("mount it as {CONF_D}/{stem}/{stem}.conf"),
                ),
                Loss::Unmounted => (
                    format!("`{name}` is mounted nowhere, so DataKit does not read it"),
                    format!("mount it as {CONF_D}/{stem}/{stem}.conf (subPath: {name})"),
                ),
                Loss::TooOld => (
                    format!("{ENV_CONF} is read by DataKit {CONF_IN_ENV} and later only; this one is older"),
                    format!(
                        "move the text of {ENV_CONF} to a key of the ConfigMap and mount it below {CONF_D}"
                    ),
                ),
                _ => continue,
            };
            let finding = if lost.why == Loss::Unmounted && !super::datakit::is_needed(datakit, lost) {
                outcome.warn(CHECK.id, lost.object, lost.field, message, hint)
            } else {
                outcome.fail(CHECK.id, lost.object, lost.field, message, hint)
            };
            super::datakit::consequences(datakit, lost, finding);
        }
    }
}
