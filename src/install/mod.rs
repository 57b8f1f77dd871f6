//! Installing into a cluster and undoing it: steps that are compared with the cluster, applied, recorded, waited for. What
//! the steps hold is made elsewhere; nothing here knows what observability needs.

mod apply;
mod delete;
mod difference;
mod inventory;
mod object;
mod rebuild;
mod record;
mod restore;
mod undo;

use serde_json::Value;

use crate::cluster::{Istioctl, Kubectl};
use crate::facts::istio;
use crate::rule::LABEL;

pub use crate::cluster::Error as Failure;
pub use apply::{Compared, compare, patch, plain, preview};
pub use object::{Reference, existing, references};
pub use rebuild::{Rebuilt, rebuild};
pub use record::Record;
pub use restore::ValueChange;
pub use undo::{Undo, Undoer, together};

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name, for progress.
    pub name: &'static str,
    /// What it does, for people.
    pub title: String,
    /// What is done.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Applies manifests.
    Apply(String),
    /// Applies definitions of kinds, and waits until the server knows them.
    Define(String),
    /// Changes a value of an object that is there.
    Change(Box<Change>),
    /// Edits objects that are there.
    Edit(Box<Edit>),
    /// Installs Istio by istioctl, with settings laid over its profile.
    Istio(Istioctl, Option<String>),
}

/// A change of one value in an object that is there. Nothing else of it is touched, not even who manages it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub object: Reference,
    /// Its resourceVersion as it was read: a change since is noticed.
    pub version: String,
    /// The keys that lead to the value.
    pub path: Vec<String>,
    /// What it is.
    pub before: Option<String>,
    /// What it is to be.
    pub after: String,
    /// The object as it was read, as people read it.
    pub old: String,
    /// The object as it is to be, likewise.
    pub new: String,
}

/// An edit of objects that others made: what they are to be, as text for people and as data for the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// The objects as they were read.
    pub old: String,
    /// The objects as they are to be.
    pub new: String,
    /// The objects of the old text.
    pub before: Vec<Value>,
    /// The objects of the new text; those that are new, too.
    pub after: Vec<Value>,
}

/// What came of a step.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// What kubectl said.
    pub lines: Vec<String>,
}

/// How a step compares with the cluster.
///
/// # Errors
/// kubectl refuses.
pub fn plan(kubectl: &Kubectl, step: &Step, force: bool) -> Result<Compared, Failure> {
    match &step.action {
        Action::Apply(text) | Action::Define(text) => compare(kubectl, text, force),
        Action::Change(change) if change.before.as_ref() == Some(&change.after) => Ok(Compared::Same),
        Action::Change(change) => Ok(Compared::Differs(text_difference(&change.old, &change.new))),
        Action::Edit(edit) if edit.old == edit.new => Ok(Compared::Same),
        Action::Edit(edit) => Ok(Compared::Differs(text_difference(&edit.old, &edit.new))),
        Action::Istio(..) => Ok(Compared::New),
    }
}

fn text_difference(old: &str, new: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    crate::secret::mask(&diff.unified_diff().context_radius(3).to_string())
}

/// Does a step. What it creates and changes is recorded before it is done: whatever happens to this program or to kubectl,
/// nothing of it is forgotten.
///
/// # Errors
/// kubectl or istioctl refuses.
pub fn execute(kubectl: &Kubectl, step: &Step, force: bool, record: &mut Record) -> Result<Done, Failure> {
    match &step.action {
        Action::Apply(text) => apply_recorded(kubectl, text, force, record),
        Action::Define(text) => {
            let done = apply_recorded(kubectl, text, force, record)?;
            for definition in references(text) {
                let name = format!("crd/{}", definition.name);
                kubectl.wait(&["wait", "--for", "condition=established", "--", &name], &mut |_| ())?;
            }
            Ok(done)
        }
        Action::Change(change) => change_recorded(kubectl, change, record),
        Action::Edit(edit) => edit_recorded(kubectl, edit, record),
        Action::Istio(istioctl, settings) => {
            let namespace = Reference {
                kind: "Namespace".to_owned(),
                name: istio::NAMESPACE.to_owned(),
                ..Reference::default()
            };
            let there = namespace.get(kubectl)?.is_some();
            record.istio = Some(istioctl.version.to_string());
            record.save(kubectl)?;
            let lines = istioctl.install(kubectl, settings.as_deref());
            if !there && let Some(found) = namespace.get(kubectl)? {
                // By the label, too, it is told from a namespace of others.
                let label = format!("{LABEL}=true");
                let args = ["label", "namespace", &namespace.name, &label, "--field-manager", apply::MANAGER];
                plain(kubectl, &args)?;
                record.create(Reference::of(&found));
            }
            Ok(Done { lines: lines? })
        }
    }
}

fn apply_recorded(kubectl: &Kubectl, text: &str, force: bool, record: &mut Record) -> Result<Done, Failure> {
    let before = existing(kubectl, text)?;
    let was =
        |reference: &Reference| before.iter().find(|object| Reference::of(object).is_named_like(reference));
    for reference in references(text) {
        if was(&reference).is_none() {
            record.create(reference);
        }
    }
    if !before.is_empty() {
        for object in apply::preview(kubectl, text, force)? {
            note_changes(record, was(&Reference::of(&object)), &object);
        }
    }
    record.save(kubectl)?;
    let lines = apply::apply(kubectl, text, force)?;
    for object in existing(kubectl, text)? {
        let there = Reference::of(&object);
        match was(&there) {
            Some(old) if object::uid(old) == there.uid && !record.has_created(&there) => {
                note_changes(record, Some(old), &object);
            }
            _ => record.create(there),
        }
    }
    Ok(Done { lines })
}

/// Notes what changed in an object that others made.
fn note_changes(record: &mut Record, old: Option<&Value>, new: &Value) {
    let Some(old) = old else { return };
    let reference = Reference::of(old);
    if !record.has_created(&reference) {
        record.change(reference, restore::changes(old, new));
    }
}

fn change_recorded(kubectl: &Kubectl, change: &Change, record: &mut Record) -> Result<Done, Failure> {
    if change.before.as_ref() == Some(&change.after) {
        return Ok(Done::default());
    }
    let Some(old) = change.object.get(kubectl)? else {
        return Err(Failure::new(format!("{} is gone", change.object.title())));
    };
    if !record.has_created(&Reference::of(&old)) {
        let value = ValueChange {
            path: change.path.clone(),
            before: change.before.clone().map(Value::from),
            after: Some(Value::from(change.after.as_str())),
            digest: None,
            lost: false,
        };
        record.change(Reference::of(&old), vec![value]);
        record.save(kubectl)?;
    }
    let lines = patch(kubectl, change)?;
    Ok(Done { lines })
}

/// An object with the label of what is installed.
fn labelled(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    let labels = metadata.map(|metadata| metadata.entry("labels").or_insert_with(|| serde_json::json!({})));
    if let Some(labels) = labels.and_then(Value::as_object_mut) {
        labels.insert(LABEL.to_owned(), Value::from("true"));
    }
    object
}

fn edit_recorded(kubectl: &Kubectl, edit: &Edit, record: &mut Record) -> Result<Done, Failure> {
    let mut lines = Vec::new();
    for object in &edit.after {
        let reference = Reference::of(object);
        let old = edit.before.iter().find(|old| Reference::of(old).is_named_like(&reference));
        if old == Some(object) {
            continue;
        }
        let Some(old) = old else {
            record.create(reference.clone());
            record.save(kubectl)?;
            let written = apply::write(kubectl, "create", &labelled(object).to_string())?;
            record.create(Reference::of(&serde_json::from_str(&written).unwrap_or_default()));
            lines.push(format!("{} created", reference.title()));
            continue;
        };
        note_changes(record, Some(old), object);
        record.save(kubectl)?;
        // As the server has it then, with what it adds by itself.
        let written = apply::rewrite(kubectl, old, object)?;
        note_changes(record, Some(old), &written);
        lines.push(format!("{} edited", reference.title()));
    }
    Ok(Done { lines })
}
