//! Installing into a cluster and undoing it: steps that are compared with the cluster, applied, recorded, waited for. What
//! the steps hold is made elsewhere; nothing here knows what observability needs.

mod apply;
mod record;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kubectl::Kubectl;
use crate::manifest::{Item, items};
use crate::yaml::{Document, DocumentReader};

pub use apply::{Applied, Compared, Failure, apply, compare, patch, plain};
pub use record::{Change, Record, Reference};

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
    /// Changes a value of an object that is there.
    Change {
        /// The object as it was read.
        old: String,
        /// The object as it is to be.
        new: String,
        /// What changes.
        change: Change,
        /// The object's resourceVersion as it was read.
        version: String,
    },
}

/// What came of a step.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// What kubectl said.
    pub lines: Vec<String>,
    /// Whether it had to be applied on the client's side.
    pub client_side: bool,
}

/// How a step compares with the cluster.
///
/// # Errors
/// kubectl refuses.
pub fn plan(kubectl: &Kubectl, step: &Step, force: bool) -> Result<Compared, Failure> {
    match &step.action {
        Action::Apply(text) => compare(kubectl, text, force),
        Action::Change { old, new, .. } if old == new => Ok(Compared::Same),
        Action::Change { old, new, .. } => {
            let diff = similar::TextDiff::from_lines(old.as_str(), new.as_str());
            let text = diff.unified_diff().context_radius(3).to_string();
            Ok(Compared::Differs(crate::secret::mask(&text)))
        }
    }
}

/// Does a step and notes what it created and changed.
///
/// # Errors
/// kubectl refuses.
pub fn execute(kubectl: &Kubectl, step: &Step, force: bool, record: &mut Record) -> Result<Done, Failure> {
    match &step.action {
        Action::Apply(text) => {
            let before = existing(kubectl, text)?;
            // Noted first: whatever happens to this program or to kubectl, nothing that is created is forgotten.
            for (kind, namespace, name) in names(text) {
                let known = |object: &Value| {
                    let there = reference(object);
                    (&there.kind, &there.namespace, &there.name) == (&kind, &namespace, &name)
                };
                if !before.iter().any(known) {
                    record.create(Reference { kind, namespace, name, uid: String::new() });
                }
            }
            record.save(kubectl)?;
            let done = apply(kubectl, text, force, false)?;
            let after = existing(kubectl, text)?;
            let known: BTreeSet<_> = before.iter().map(|object| uid(object).to_owned()).collect();
            for object in &after {
                let there = reference(object);
                let noted =
                    record.created.iter().any(|what| what.uid.is_empty() && what.is_named_like(&there));
                if noted || !known.contains(uid(object)) {
                    record.create(there);
                }
            }
            Ok(Done { lines: done.lines, client_side: done.client_side })
        }
        Action::Change { old, new, .. } if old == new => Ok(Done::default()),
        Action::Change { change, version, .. } => {
            let lines = patch(kubectl, change, Some(&change.after), version)?;
            record.change(change.clone());
            Ok(Done { lines, client_side: false })
        }
    }
}

/// The objects of manifests that are in the cluster.
fn existing(kubectl: &Kubectl, text: &str) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    // One call an object: a kind that the cluster does not know yet must not hide the others.
    for (kind, namespace, name) in names(text) {
        let mut args = vec!["get", kind.as_str(), name.as_str(), "--ignore-not-found", "-o", "json"];
        if !namespace.is_empty() {
            args.extend(["-n", namespace.as_str()]);
        }
        let text = plain(kubectl, &args)?;
        if let Ok(value) = serde_json::from_str(&text) {
            found.push(value);
        }
    }
    Ok(found)
}

/// Kind (with its group), namespace and name of every object.
#[must_use]
pub fn names(text: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut documents = DocumentReader::with_size_hint(text.as_bytes(), text.len());
    while let Ok(Some(chunk)) = documents.next_document() {
        let Ok(doc) = Document::parse(chunk.text) else { continue };
        for item in doc.roots().flat_map(|root| items(&doc, root)) {
            if let Item::Resource(resource) = item {
                let group = resource.group();
                let kind = if group.is_empty() {
                    resource.kind.clone()
                } else {
                    let version = resource.api_version.rsplit('/').next().unwrap_or_default();
                    format!("{}.{version}.{group}", resource.kind)
                };
                found.push((kind, resource.namespace.clone().unwrap_or_default(), resource.name.clone()));
            }
        }
    }
    found
}

fn text<'v>(object: &'v Value, path: &str) -> &'v str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// Whether our manager applied an object.
fn is_managed(object: &Value) -> bool {
    let fields = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    fields.into_iter().flatten().any(|entry| text(entry, "/manager") == apply::MANAGER)
}

fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

fn reference(object: &Value) -> Reference {
    let kind = text(object, "/kind");
    let kind = match text(object, "/apiVersion").split_once('/') {
        Some((group, version)) => format!("{kind}.{version}.{group}"),
        None => kind.to_owned(),
    };
    Reference {
        kind,
        namespace: text(object, "/metadata/namespace").to_owned(),
        name: text(object, "/metadata/name").to_owned(),
        uid: uid(object).to_owned(),
    }
}

/// What undoing one entry of a record comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// Delete an object that was created.
    Delete(Reference),
    /// Put a value back.
    Restore(Change),
    /// Leave it, and why.
    Keep(String),
}

impl Undo {
    /// For people.
    #[must_use]
    pub fn title(&self) -> String {
        let named = |kind: &str, namespace: &str, name: &str| {
            let kind = kind.split('.').next().unwrap_or(kind).to_lowercase();
            if namespace.is_empty() {
                format!("{kind}/{name}")
            } else {
                format!("{kind}/{name} in {namespace}")
            }
        };
        match self {
            Self::Delete(what) => format!("delete {}", named(&what.kind, &what.namespace, &what.name)),
            Self::Restore(change) => {
                format!(
                    "restore {} of {}",
                    change.path.join("."),
                    named(&change.kind, &change.namespace, &change.name)
                )
            }
            Self::Keep(why) => format!("keep {why}"),
        }
    }
}

/// What undoing a record comes to, in order: the last first, namespaces at the end.
///
/// # Errors
/// kubectl refuses.
pub fn undo_plan(kubectl: &Kubectl, record: &Record) -> Result<Vec<Undo>, Failure> {
    let mut plan = Vec::new();
    for change in record.changed.iter().rev() {
        plan.push(match current(kubectl, change)? {
            None => Undo::Keep(format!("{}: it is gone", change.name)),
            Some((_, now)) if now.as_deref() == Some(change.after.as_str()) => Undo::Restore(change.clone()),
            Some(_) => Undo::Keep(format!(
                "{} of {}: somebody changed it meanwhile",
                change.path.join("."),
                change.name
            )),
        });
    }
    let is_namespace = |what: &&Reference| what.kind == "Namespace";
    let objects = record.created.iter().rev().filter(|what| !is_namespace(what));
    let namespaces = record.created.iter().rev().filter(is_namespace);
    for what in objects.chain(namespaces) {
        let Some(now) = get(kubectl, &what.kind, &what.namespace, &what.name)? else { continue };
        // One that was noted and never seen again is ours where our manager applied it.
        let ours = if what.uid.is_empty() { is_managed(&now) } else { uid(&now) == what.uid };
        if !ours {
            plan.push(Undo::Keep(format!("{}: it is another one of that name", what.name)));
            continue;
        }
        let others = if what.kind == "Namespace" { others(kubectl, &what.name, record)? } else { Vec::new() };
        match others.first() {
            Some(first) => {
                plan.push(Undo::Keep(format!("namespace {}: others' objects are in it ({first})", what.name)))
            }
            None => plan.push(Undo::Delete(what.clone())),
        }
    }
    Ok(plan)
}

fn get(kubectl: &Kubectl, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>, Failure> {
    let mut args = vec!["get", kind, name, "--ignore-not-found", "--show-managed-fields=true", "-o", "json"];
    if !namespace.is_empty() {
        args.extend(["-n", namespace]);
    }
    Ok(serde_json::from_str(&plain(kubectl, &args)?).ok())
}

/// The object of a change, and the value in it.
fn current(kubectl: &Kubectl, change: &Change) -> Result<Option<(Value, Option<String>)>, Failure> {
    let object = get(kubectl, &change.kind, &change.namespace, &change.name)?;
    Ok(object.map(|object| {
        let value = change.path.iter().try_fold(&object, |value, key| value.get(key));
        let value = value.and_then(Value::as_str).map(str::to_owned);
        (object, value)
    }))
}

/// Objects of a namespace that are neither of the record nor made by Kubernetes itself.
fn others(kubectl: &Kubectl, namespace: &str, record: &Record) -> Result<Vec<String>, Failure> {
    const KINDS: &str = "deployments,daemonsets,statefulsets,jobs,cronjobs,pods,services,configmaps,secrets,\
                         serviceaccounts,persistentvolumeclaims,roles,rolebindings,ingresses";
    let text_of = plain(kubectl, &["get", KINDS, "-n", namespace, "-o", "json"])?;
    let value: Value = serde_json::from_str(&text_of).unwrap_or_default();
    let ours: BTreeSet<&str> = record.created.iter().map(|what| what.uid.as_str()).collect();
    let noted = |object: &Value| {
        let there = reference(object);
        record
            .created
            .iter()
            .any(|what| what.uid.is_empty() && what.kind == there.kind && what.name == there.name)
    };
    let all = value.get("items").and_then(Value::as_array).into_iter().flatten();
    let found = all.filter(|object| {
        let name = text(object, "/metadata/name");
        let own = matches!(
            (text(object, "/kind"), name),
            ("ServiceAccount", "default") | ("ConfigMap", "kube-root-ca.crt" | "istio-ca-root-cert")
        );
        let token = text(object, "/type") == "kubernetes.io/service-account-token";
        let owned = object.pointer("/metadata/ownerReferences").is_some();
        !own && !token && !owned && !ours.contains(uid(object)) && !noted(object)
    });
    Ok(found
        .map(|object| format!("{}/{}", text(object, "/kind").to_lowercase(), text(object, "/metadata/name")))
        .collect())
}

/// Undoes one entry, and waits until what is deleted is gone.
///
/// # Errors
/// kubectl refuses.
pub fn undo(kubectl: &Kubectl, what: &Undo) -> Result<(), Failure> {
    match what {
        Undo::Keep(_) => Ok(()),
        Undo::Delete(what) => {
            let mut args =
                vec!["delete", what.kind.as_str(), what.name.as_str(), "--ignore-not-found", "--wait=true"];
            if !what.namespace.is_empty() {
                args.extend(["-n", what.namespace.as_str()]);
            }
            plain(kubectl, &args).map(|_| ())
        }
        Undo::Restore(change) => {
            let Some((object, now)) = current(kubectl, change)? else { return Ok(()) };
            if now.as_deref() != Some(change.after.as_str()) {
                return Ok(());
            }
            let version = text(&object, "/metadata/resourceVersion");
            patch(kubectl, change, change.before.as_deref(), version).map(|_| ())
        }
    }
}
