//! Doing steps. What they create and change is recorded before it is done: whatever happens to this program or to kubectl,
//! nothing of it is forgotten.

use serde_json::Value;

use super::object::{self, Index, Reference};
use super::plan::{Planned, Seen};
use super::record::{Made, Record};
use super::restore::{self, ValueChange};
use super::{Action, Change, Edit, Failure, Step, apply, manifests};
use crate::cluster::{Istioctl, Kubectl};
use crate::facts::istio;
use crate::rule::LABEL;

/// What came of a step.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// What was done to which object, for people.
    pub lines: Vec<String>,
}

/// A record, and for which application a step writes to it.
struct Notes<'r> {
    record: &'r mut Record,
    app: &'r str,
    /// What was created before this step.
    made: Made,
}

/// Does a step as it was planned. The record says what is about to be done when it is done; what came of it, such as the
/// uids of new objects, is in the record that is returned to the caller, and in the cluster with its next
/// [`Record::save`].
///
/// # Errors
/// kubectl or istioctl refuses.
pub fn execute(
    kubectl: &Kubectl,
    (step, planned): (&Step, &Planned),
    force: bool,
    record: &mut Record,
) -> Result<Done, Failure> {
    let made = record.made();
    let mut notes = Notes { record, app: &step.app, made };
    match &step.action {
        Action::Apply(text) => apply_recorded(kubectl, text, &planned.seen, force, &mut notes),
        Action::Define(text) => {
            let done = apply_recorded(kubectl, text, &planned.seen, force, &mut notes)?;
            established(kubectl, text)?;
            Ok(done)
        }
        Action::Change(change) => change_recorded(kubectl, change, &mut notes),
        Action::Edit(edit) => edit_recorded(kubectl, edit, &mut notes),
        Action::Istio(istioctl, settings) => {
            istio_recorded(kubectl, istioctl, settings.as_deref(), &mut notes)
        }
    }
}

impl Notes<'_> {
    fn create(&mut self, references: impl IntoIterator<Item = Reference>) {
        self.record.create(self.app, references);
    }

    /// Notes what changed in an object that others made.
    fn changes(&mut self, old: Option<&Value>, new: &Value) {
        let Some(old) = old else { return };
        let reference = Reference::of(old);
        if !self.made.has(&reference) {
            self.record.change(self.app, reference, restore::changes(old, new));
        }
    }

    fn save(&mut self, kubectl: &Kubectl) -> Result<(), Failure> {
        self.record.save(kubectl)
    }
}

fn apply_recorded(
    kubectl: &Kubectl,
    text: &str,
    seen: &Seen,
    force: bool,
    notes: &mut Notes<'_>,
) -> Result<Done, Failure> {
    let references = manifests::references(text);
    // An earlier step may have created some of them.
    let may_be_there = !seen.before.is_empty() || references.iter().any(|what| notes.made.knows(what));
    let fresh = if may_be_there { look_again(kubectl, text, &references, seen, force)? } else { None };
    let seen = fresh.as_ref().unwrap_or(seen);
    for after in &seen.after {
        notes.changes(seen.before.get(&Reference::of(after)), after);
    }
    notes.create(references.iter().filter(|what| seen.before.get(what).is_none()).cloned());
    notes.save(kubectl)?;
    match apply::apply(kubectl, text, force) {
        Ok(objects) => Ok(Done { lines: note_applied(notes, &seen.before, &objects) }),
        Err(failure) => {
            // Some of it may have been applied. Where nobody can look, it is recorded as about to be.
            let there = object::read(kubectl, &references).unwrap_or_default();
            let new = there.iter().filter(|object| seen.before.get(&Reference::of(object)).is_none());
            notes.create(new.filter(|object| object::is_ours(object, false)).map(Reference::of));
            Err(failure)
        }
    }
}

/// What is there of a step's objects right before it is done: others may have changed them since it was planned. Nothing
/// where it is the same.
fn look_again(
    kubectl: &Kubectl,
    text: &str,
    references: &[Reference],
    seen: &Seen,
    force: bool,
) -> Result<Option<Seen>, Failure> {
    let before = Index::of(object::read(kubectl, references)?);
    // What could not be judged when it was planned can be by now.
    let is_judged = before.iter().count() == seen.after.len();
    if is_judged && before.versions() == seen.before.versions() {
        return Ok(None);
    }
    Ok(Some(Seen { before, after: apply::preview(kubectl, text, force)? }))
}

/// Notes what applying manifests made of objects; what was done to each, for people. What was not there before and has
/// another writer than us was created by somebody else in between.
fn note_applied(notes: &mut Notes<'_>, before: &Index, objects: &[Value]) -> Vec<String> {
    let (mut lines, mut created) = (Vec::new(), Vec::new());
    for object in objects {
        let there = Reference::of(object);
        let title = there.title();
        match before.get(&there).filter(|old| object::uid(old) == there.uid) {
            Some(old) => {
                notes.changes(Some(old), object);
                lines.push(format!("{title} {}", if differs(old, object) { "changed" } else { "unchanged" }));
            }
            None if object::is_ours(object, true) => {
                lines.push(format!("{title} created"));
                created.push(there);
            }
            None => {
                notes.record.forget(&there);
                lines.push(format!(
                    "{title} changed: somebody else created it at this moment, so uninstall leaves it"
                ));
            }
        }
    }
    notes.create(created);
    lines
}

/// Whether the server wrote to an object.
fn differs(old: &Value, new: &Value) -> bool {
    let version = |object: &Value| object::text(object, "/metadata/resourceVersion").to_owned();
    version(old) != version(new)
}

/// Waits until the server knows the kinds that definitions bring.
fn established(kubectl: &Kubectl, definitions: &str) -> Result<(), Failure> {
    let names: Vec<String> =
        manifests::references(definitions).iter().map(|what| format!("crd/{}", what.name)).collect();
    let mut args = vec!["wait", "--for", "condition=established", "--"];
    args.extend(names.iter().map(String::as_str));
    kubectl.wait(&args, &mut |_| ())
}

fn change_recorded(kubectl: &Kubectl, change: &Change, notes: &mut Notes<'_>) -> Result<Done, Failure> {
    if change.before.as_ref() == Some(&change.after) {
        return Ok(Done::default());
    }
    let Some(old) = change.object.get(kubectl)? else {
        return Err(Failure::new(format!("{} is gone", change.object.title())));
    };
    if !notes.made.has(&Reference::of(&old)) {
        let value = ValueChange {
            path: change.path.clone(),
            before: change.before.clone().map(Value::from),
            after: Some(Value::from(change.after.as_str())),
            digest: None,
            lost: false,
        };
        notes.record.change(notes.app, Reference::of(&old), vec![value]);
        notes.save(kubectl)?;
    }
    let lines = apply::patch(kubectl, change)?;
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

fn edit_recorded(kubectl: &Kubectl, edit: &Edit, notes: &mut Notes<'_>) -> Result<Done, Failure> {
    let before = Index::of(edit.before.iter().cloned());
    let differs = |object: &&Value| before.get(&Reference::of(object)) != Some(*object);
    let (there, new): (Vec<&Value>, Vec<&Value>) =
        edit.after.iter().filter(differs).partition(|object| before.get(&Reference::of(object)).is_some());
    for object in &there {
        notes.changes(before.get(&Reference::of(object)), object);
    }
    notes.create(new.iter().map(|object| Reference::of(object)));
    notes.save(kubectl)?;
    let mut lines = Vec::new();
    for object in edit.after.iter().filter(differs) {
        let reference = Reference::of(object);
        let Some(old) = before.get(&reference) else {
            let written = apply::write(kubectl, "create", &labelled(object).to_string())?;
            notes.create([Reference::of(&serde_json::from_str(&written).unwrap_or_default())]);
            lines.push(format!("{} created", reference.title()));
            continue;
        };
        // As the server has it then, with what it adds by itself.
        let written = apply::rewrite(kubectl, old, object)?;
        notes.changes(Some(old), &written);
        lines.push(format!("{} edited", reference.title()));
    }
    Ok(Done { lines })
}

fn istio_recorded(
    kubectl: &Kubectl,
    istioctl: &Istioctl,
    settings: Option<&str>,
    notes: &mut Notes<'_>,
) -> Result<Done, Failure> {
    let namespace =
        Reference { kind: "Namespace".to_owned(), name: istio::NAMESPACE.to_owned(), ..Reference::default() };
    let there = namespace.get(kubectl)?.is_some();
    notes.record.istio = Some(istioctl.version.to_string());
    notes.save(kubectl)?;
    let lines = istioctl.install(kubectl, settings);
    if !there && let Some(found) = namespace.get(kubectl)? {
        // By the label, too, it is told from a namespace of others.
        let label = format!("{LABEL}=true");
        let args = ["label", "namespace", &namespace.name, &label, "--field-manager", apply::MANAGER];
        apply::plain(kubectl, &args)?;
        notes.create([Reference::of(&found)]);
    }
    Ok(Done { lines: lines? })
}
