//! Every file that is mounted as configuration comes from a key of a ConfigMap in DataKit's own namespace.

use super::Check;
use crate::check::{Finding, Outcome};
use crate::mesh::{Datakit, Loss, Lost, Mesh, meant_key};
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "datakit-mount", section: "DataKit", title: "every mounted file is in its ConfigMap", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        if !datakit.conf.files.is_empty() {
            outcome.looked(CHECK.id);
        }
        for (field, what) in &datakit.conf.unseen {
            outcome.unknown(
                CHECK.id,
                datakit.object,
                *field,
                format!("configuration comes from {what}, which is not in view"),
            );
        }
        for lost in &datakit.conf.lost {
            one(mesh, datakit, lost, outcome);
        }
    }
}

fn one(mesh: &Mesh<'_>, datakit: &Datakit<'_>, lost: &Lost<'_>, outcome: &mut Outcome) {
    let path = &lost.path;
    let namespace = datakit.object.namespace();
    let (message, hint) = match &lost.why {
        Loss::NoVolume(name) => {
            let volumes: Vec<String> =
                datakit.spec().get("volumes").items().map(|v| v.get("name").text().into_owned()).collect();
            let near = nearest(name, volumes.iter().map(String::as_str));
            let hint = near.map_or_else(
                || format!("add a volume `{name}` to the pod template, or remove the mount"),
                |near| format!("write `{near}` instead of `{name}`"),
            );
            (format!("{path} mounts the volume `{name}`, which the pod does not have"), hint)
        }
        Loss::NoMap { map, elsewhere: Some(other) } => (
            format!(
                "the volume for {path} comes from ConfigMap `{map}`, which is in namespace `{other}`; a pod mounts those of \
                 its own namespace `{namespace}` only"
            ),
            format!("move ConfigMap `{map}` to namespace `{namespace}`"),
        ),
        Loss::NoMap { map, elsewhere: None } => {
            let maps = mesh.inventory.of("", "ConfigMap").filter(|other| other.namespace() == namespace);
            let near = nearest(map, maps.map(|other| other.name()));
            let hint = near.map_or_else(
                || super::datakit::patch_live(datakit, ""),
                |near| format!("write `{near}` instead of `{map}` in the volume"),
            );
            (
                format!(
                    "the volume for {path} comes from ConfigMap `{map}`, which does not exist: DataKit's pods cannot start"
                ),
                hint,
            )
        }
        Loss::NoKey { map, key } => {
            let object = mesh.inventory.get("", "ConfigMap", namespace, map);
            let keys: Vec<String> = object
                .map(|object| object.at(&["data"]).entries().map(|(key, _)| key.into_owned()).collect())
                .unwrap_or_default();
            let near = meant_key(key, keys.iter().map(String::as_str));
            let hint = near.map_or_else(
                || format!("add the key `{key}` to ConfigMap `{map}`, or remove the mount"),
                |near| format!("write `{near}` instead of `{key}`"),
            );
            let near = near.map(|near| format!(" (it has `{near}`)")).unwrap_or_default();
            (
                format!(
                    "{path} mounts `{key}`, which ConfigMap `{map}` does not have{near}: it becomes an empty directory"
                ),
                hint,
            )
        }
        Loss::NotPicked { map, file } => (
            format!(
                "{path} mounts `{file}`, which the list `items` of the volume does not pick from ConfigMap `{map}`: it becomes \
                 an empty directory"
            ),
            format!("add {{key: {file}, path: {file}}} to the volume's `items`"),
        ),
        _ => return,
    };
    // Several mounts of one volume that is missing have one cause.
    if let Loss::NoVolume(name) = &lost.why
        && let Some(finding) = volume_finding(datakit, name, outcome)
    {
        finding.leads_to(format!("{path} is not there either"));
        return super::datakit::consequences(datakit, lost, finding);
    }
    let finding = outcome.fail(CHECK.id, lost.object, lost.field, message, hint);
    super::datakit::consequences(datakit, lost, finding);
}

/// The finding that a volume is missing.
fn volume_finding<'o>(
    datakit: &Datakit<'_>,
    name: &str,
    outcome: &'o mut Outcome,
) -> Option<&'o mut Finding> {
    let (subject, part) = (datakit.object.title(), format!("mounts the volume `{name}`"));
    let is_it = |finding: &&mut Finding| {
        finding.id == CHECK.id && finding.subject == subject && finding.message.contains(&part)
    };
    outcome.findings.iter_mut().find(is_it)
}
