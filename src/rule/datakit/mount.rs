//! The mounts of DataKit's files: a subPath each, never one without its key, and the volume they come from.

use super::super::{Outcome, Target};
use super::wiring::{Fate, Wire, Wiring};
use crate::facts::datakit::{CONF_D, CONF_VOLUME};
use crate::mesh::daemon::{ConfVolume, Daemon, Mount};
use crate::yaml::{Changes, Place, Refusal, Value};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn entry(key: &str, value: Value) -> (String, Value) {
    (key.to_owned(), value)
}

/// Adds what is missing for the files that are, or will be, in the ConfigMap; says whether there is a volume for them.
///
/// # Errors
/// The change would alter other places.
pub fn mount(
    target: &Target<'_>,
    daemon: &Daemon<'_>,
    wiring: &Wiring,
    changes: &mut Changes,
    outcome: &mut Outcome,
) -> Result<bool, Refusal> {
    let has_key = |wire: &&Wire| matches!(wire.fate, Fate::Add | Fate::There | Fate::Differs);
    let wires: Vec<_> = wiring.wires.iter().filter(has_key).collect();
    if wires.is_empty() {
        return Ok(true);
    }
    let volume = match daemon.conf_volume() {
        Some(volume) => volume,
        None if daemon.has_volume(CONF_VOLUME) => {
            let at = target.doc.start(daemon.template.spec.node);
            let reason = format!("volume `{CONF_VOLUME}` comes from no ConfigMap; rename it");
            outcome.skip(at, true, reason);
            return Ok(false);
        }
        None => add_volume(target, daemon, changes, outcome)?,
    };
    let mounts = daemon.mounts();
    for wire in wires {
        let Some(file) = pick(target, &volume, wire.conf.key, changes, outcome)? else { continue };
        one(target, daemon, wire, &volume, &file, &mounts, changes, outcome)?;
    }
    Ok(true)
}

fn add_volume(
    target: &Target<'_>,
    daemon: &Daemon<'_>,
    changes: &mut Changes,
    outcome: &mut Outcome,
) -> Result<ConfVolume, Refusal> {
    let doc = target.doc;
    let source = Value::Map(vec![entry("name", text(CONF_VOLUME))]);
    let item = Value::Map(vec![entry("configMap", source), entry("name", text(CONF_VOLUME))]);
    match doc.get(daemon.template.spec, "volumes") {
        Some(list) => changes.append(doc, list, item)?,
        None => {
            let path = [("volumes", Place::Last)];
            target.set(changes, daemon.template.spec, &path, Value::List(vec![item]))?;
        }
    }
    outcome.patched = true;
    Ok(ConfVolume { name: CONF_VOLUME.to_owned(), config_map: CONF_VOLUME.to_owned(), items: None })
}

/// The file that a key is in the volume. Where the volume picks keys, the key is added to them: else its mount would
/// become an empty folder.
fn pick(
    target: &Target<'_>,
    volume: &ConfVolume,
    key: &str,
    changes: &mut Changes,
    outcome: &mut Outcome,
) -> Result<Option<String>, Refusal> {
    let Some((list, items)) = &volume.items else { return Ok(Some(key.to_owned())) };
    if let Some((_, path)) = items.iter().find(|(known, _)| known == key) {
        return Ok(Some(path.clone()));
    }
    if let Some((other, _)) = items.iter().find(|(_, path)| path == key) {
        let reason = format!("the volume has the key `{other}` where {key} would be; rename that");
        outcome.skip(target.doc.start(list.node), true, reason);
        return Ok(None);
    }
    let item = Value::Map(vec![entry("key", text(key)), entry("path", text(key))]);
    changes.append(target.doc, *list, item)?;
    outcome.patched = true;
    Ok(Some(key.to_owned()))
}

#[allow(clippy::too_many_arguments)]
fn one(
    target: &Target<'_>,
    daemon: &Daemon<'_>,
    wire: &Wire,
    volume: &ConfVolume,
    file: &str,
    mounts: &[Mount],
    changes: &mut Changes,
    outcome: &mut Outcome,
) -> Result<(), Refusal> {
    let doc = target.doc;
    let ours = |mount: &&Mount| mount.volume == volume.name;
    let path = wire.conf.path.as_str();
    if let Some(there) = mounts.iter().find(|mount| mount.path.trim_end_matches('/') == path) {
        if ours(&there) && there.sub_path.as_deref() == Some(file) {
            return Ok(());
        }
        if !target.overwrite {
            let reason = format!("another mount at {path} kept, see --overwrite");
            outcome.skip(doc.start(there.item.node), false, reason);
            return Ok(());
        }
        if !ours(&there) {
            target.set(changes, there.item, &[("name", Place::Last)], text(&volume.name))?;
        }
        if there.sub_path.as_deref() != Some(file) {
            target.set(changes, there.item, &[("subPath", Place::Last)], text(file))?;
        }
        outcome.patched = true;
        return Ok(());
    }
    // Folder and file names mean nothing to DataKit, so any place below its folder will do.
    let read = |mount: &&Mount| mount.path.starts_with(CONF_D) && mount.path.ends_with(".conf");
    let elsewhere = mounts.iter().filter(ours).any(|mount| match &mount.sub_path {
        Some(sub_path) => sub_path == file && read(&mount),
        None => mount.path.starts_with(CONF_D),
    });
    let fixed = wire.conf.input == "kubernetesprometheus";
    if elsewhere && !fixed {
        return Ok(());
    }
    let item = Value::Map(vec![
        entry("mountPath", text(path)),
        entry("name", text(&volume.name)),
        entry("subPath", text(file)),
    ]);
    match doc.get(daemon.container, "volumeMounts") {
        Some(list) => changes.append(doc, list, item)?,
        None => {
            let path = [("volumeMounts", Place::Last)];
            target.set(changes, daemon.container, &path, Value::List(vec![item]))?;
        }
    }
    outcome.patched = true;
    Ok(())
}
