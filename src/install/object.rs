//! Objects of a cluster by name: those that manifests name, and those that are there. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failure;
use super::apply::{self, plain};
use super::manifests::references;
use crate::cluster::{ErrorKind, Kubectl};
use crate::rule::LABEL;

/// An object by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// As kubectl takes it: `kind.version.group`, or `kind` of the core group.
    pub kind: String,
    /// Empty for what belongs to the cluster as a whole.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid: another object of the same name is another's. Empty where it was about to be created and nobody saw it
    /// since.
    pub uid: String,
}

impl Reference {
    /// The object that a manifest or the server's JSON describes.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let kind = text(object, "/kind");
        let kind = match text(object, "/apiVersion").split_once('/') {
            Some((group, version)) => format!("{kind}.{version}.{group}"),
            None => kind.to_owned(),
        };
        Self {
            kind,
            namespace: text(object, "/metadata/namespace").to_owned(),
            name: text(object, "/metadata/name").to_owned(),
            uid: uid(object).to_owned(),
        }
    }

    /// Whether both name the same object.
    #[must_use]
    pub fn is_named_like(&self, other: &Self) -> bool {
        (&self.kind, &self.namespace, &self.name) == (&other.kind, &other.namespace, &other.name)
    }

    /// Kind and group, without the version.
    pub(super) fn kind_and_group(&self) -> (&str, &str) {
        let mut parts = self.kind.splitn(3, '.');
        (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default())
    }

    pub(super) fn is_namespace(&self) -> bool {
        self.kind_and_group() == ("Namespace", "")
    }

    /// Whether it can name an object at all: nothing in it is an option of kubectl's, or a path.
    pub(super) fn is_valid(&self) -> bool {
        let kind = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        let named = |name: &str| !name.contains(|c: char| c.is_control() || c == '/' || c == '%');
        self.kind.starts_with(|c: char| c.is_ascii_alphabetic())
            && self.kind.chars().all(kind)
            && !self.name.is_empty()
            && named(&self.name)
            && named(&self.namespace)
    }

    /// For people.
    #[must_use]
    pub fn title(&self) -> String {
        let kind = self.kind.split('.').next().unwrap_or(&self.kind).to_lowercase();
        if self.namespace.is_empty() {
            format!("{kind}/{}", self.name)
        } else {
            format!("{kind}/{} in {}", self.name, self.namespace)
        }
    }

    /// How kubectl is told the object, behind all other arguments: nothing of it can be taken for an option.
    pub(super) fn operands(&self) -> Vec<&str> {
        let namespace =
            if self.namespace.is_empty() { &[][..] } else { &["-n", self.namespace.as_str()][..] };
        [namespace, &["--", self.kind.as_str(), self.name.as_str()]].concat()
    }

    /// A manifest that says no more than which object it is.
    fn manifest(&self) -> String {
        let (kind, group) = self.kind_and_group();
        let version = self.kind.split('.').nth(1).unwrap_or("v1");
        let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let mut metadata = serde_json::json!({"name": self.name});
        if !self.namespace.is_empty()
            && let Some(metadata) = metadata.as_object_mut()
        {
            metadata.insert("namespace".to_owned(), Value::from(self.namespace.as_str()));
        }
        serde_json::json!({"apiVersion": api_version, "kind": kind, "metadata": metadata}).to_string()
    }

    /// The object as it is in the cluster, if it is.
    ///
    /// # Errors
    /// kubectl refuses.
    pub fn get(&self, kubectl: &Kubectl) -> Result<Option<Value>, Failure> {
        Ok(read(kubectl, std::slice::from_ref(self))?.into_iter().next())
    }

    fn get_as(&self, kubectl: &Kubectl, kind: &str) -> Result<Option<Value>, Failure> {
        let mut args = vec!["get", "--ignore-not-found", "--show-managed-fields=true", "-o", "json"];
        if !self.namespace.is_empty() {
            args.extend(["-n", self.namespace.as_str()]);
        }
        args.extend(["--", kind, &self.name]);
        Ok(serde_json::from_str(&plain(kubectl, &args)?).ok())
    }
}

/// Those of some objects that are in the cluster, by one call: kubectl looks kinds up once for all objects of a file, and
/// once for each that is named by its arguments.
///
/// # Errors
/// kubectl refuses.
pub fn read(kubectl: &Kubectl, wanted: &[Reference]) -> Result<Vec<Value>, Failure> {
    let (mut found, result) = read_at_once(kubectl, wanted.iter());
    match result {
        Ok(()) => {}
        // A kind that the cluster does not know must not hide the others.
        Err(failure) if failure.kind == ErrorKind::NoSuchKind => {
            let there: BTreeSet<Name> = found.iter().map(|object| Name::of(&Reference::of(object))).collect();
            let mut of_kind: BTreeMap<&str, Vec<&Reference>> = BTreeMap::new();
            for reference in wanted.iter().filter(|reference| !there.contains(&Name::of(reference))) {
                of_kind.entry(&reference.kind).or_default().push(reference);
            }
            for missing in of_kind.into_values() {
                found.extend(read_kind(kubectl, &missing)?);
            }
        }
        Err(failure) => return Err(failure),
    }
    Ok(found)
}

/// Those of some objects that are not in the cluster; another one of the name is not the object.
///
/// # Errors
/// kubectl refuses.
pub fn gone(kubectl: &Kubectl, known: &[Reference]) -> Result<Vec<Reference>, Failure> {
    let there = Index::of(read(kubectl, known)?);
    let is_there = |what: &&Reference| {
        there.get(what).is_some_and(|object| what.uid.is_empty() || uid(object) == what.uid)
    };
    Ok(known.iter().filter(|what| !is_there(what)).cloned().collect())
}

/// Those of some objects of one kind that are in the cluster, which may not know it.
fn read_kind(kubectl: &Kubectl, wanted: &[&Reference]) -> Result<Vec<Value>, Failure> {
    let unknown = |failure: &Failure| failure.kind == ErrorKind::NoSuchKind;
    let (found, result) = read_at_once(kubectl, wanted.iter().copied());
    match result {
        Ok(()) => return Ok(found),
        Err(failure) if unknown(&failure) => {}
        Err(failure) => return Err(failure),
    }
    // The server may have dropped this version of the kind, and kept the objects.
    let mut found = Vec::new();
    for reference in wanted {
        let (kind, group) = reference.kind_and_group();
        match reference.get_as(kubectl, &format!("{kind}.{group}")) {
            Ok(object) => found.extend(object),
            // A kind that the cluster does not know has no objects.
            Err(failure) if unknown(&failure) => break,
            Err(failure) => return Err(failure),
        }
    }
    Ok(found)
}

/// What kubectl finds of some objects, also where it fails over others of them.
fn read_at_once<'r>(
    kubectl: &Kubectl,
    wanted: impl Iterator<Item = &'r Reference>,
) -> (Vec<Value>, Result<(), Failure>) {
    // What can name no object is not there.
    let names: String = wanted
        .filter(|reference| reference.is_valid())
        .map(|reference| reference.manifest() + "\n")
        .collect();
    if names.is_empty() {
        return (Vec::new(), Ok(()));
    }
    let args = ["get", "--ignore-not-found", "--show-managed-fields=true", "-o", "json", "-f", "-"];
    let (text, result) = kubectl.gather(&args, &names);
    (apply::objects(&text), result)
}

/// What tells an object from others, whatever the version of its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    kind: String,
    group: String,
    namespace: String,
    name: String,
}

impl Name {
    pub(super) fn of(what: &Reference) -> Self {
        let (kind, group) = what.kind_and_group();
        let (kind, group) = (kind.to_owned(), group.to_owned());
        Self { kind, group, namespace: what.namespace.clone(), name: what.name.clone() }
    }
}

/// Objects by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Index(BTreeMap<Name, Value>);

impl Index {
    pub(super) fn of(objects: impl IntoIterator<Item = Value>) -> Self {
        let mut index = Self::default();
        objects.into_iter().for_each(|object| index.add(object));
        index
    }

    pub(super) fn add(&mut self, object: Value) {
        self.0.insert(Name::of(&Reference::of(&object)), object);
    }

    /// The object that a manifest names. What belongs to the cluster as a whole has no namespace, whatever its manifest says.
    pub(super) fn get(&self, what: &Reference) -> Option<&Value> {
        let of_cluster = || Name { namespace: String::new(), ..Name::of(what) };
        self.0.get(&Name::of(what)).or_else(|| self.0.get(&of_cluster()))
    }

    /// Takes that object out.
    pub(super) fn take(&mut self, what: &Reference) -> Option<Value> {
        let of_cluster = Name { namespace: String::new(), ..Name::of(what) };
        self.0.remove(&Name::of(what)).or_else(|| self.0.remove(&of_cluster))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.values()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which objects they are, and as of when.
    pub(super) fn versions(&self) -> Vec<(&Name, &str, &str)> {
        self.0
            .iter()
            .map(|(name, object)| (name, uid(object), text(object, "/metadata/resourceVersion")))
            .collect()
    }
}

/// The objects of manifests that are in the cluster.
///
/// # Errors
/// kubectl refuses.
pub fn existing(kubectl: &Kubectl, manifests: &str) -> Result<Vec<Value>, Failure> {
    read(kubectl, &references(manifests))
}

/// A string in an object; empty where there is none.
#[must_use]
pub fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The uid of an object.
#[must_use]
pub fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Managers that write to objects of everybody: Kubernetes' own.
const CONTROLLERS: &[&str] = &["kube-controller-manager", "kubelet", "kube-scheduler", "kube-apiserver"];

/// Whether an object itself says that an installation made it: by the label, or since nobody else wrote to it.
#[must_use]
pub fn is_made(object: &Value) -> bool {
    let label = object.pointer("/metadata/labels").and_then(|labels| labels.get(LABEL));
    label.is_some() || (is_managed(object) && other_managers(object).is_empty())
}

/// Whether our manager wrote to an object.
pub(super) fn is_managed(object: &Value) -> bool {
    managers(object).any(|entry| text(entry, "/manager") == apply::MANAGER)
}

/// Whether an object with the label was created by our manager, and not only changed: what our manager wrote last is as old as
/// the object. That nobody else wrote to it proves nothing: kubectl hands the fields of client-side apply over to who applies
/// server-side.
pub(super) fn is_created(object: &Value) -> bool {
    let created = text(object, "/metadata/creationTimestamp");
    let at_once = |entry: &Value| {
        text(entry, "/manager") == apply::MANAGER && !created.is_empty() && text(entry, "/time") == created
    };
    managers(object).any(at_once)
}

/// Whether an object that was not there came with what our manager applied, and nobody else created it in between. Right
/// after that nobody else can have written to it; later, controllers may have.
pub(super) fn is_ours(object: &Value, right_after: bool) -> bool {
    let alone = managers(object).all(|entry| text(entry, "/manager") == apply::MANAGER);
    alone || (!right_after && is_created(object))
}

/// The managers of an object other than ours and Kubernetes' own; those that only tell its status do not count.
pub(super) fn other_managers(object: &Value) -> Vec<&str> {
    let counts = |entry: &&Value| {
        let manager = text(entry, "/manager");
        let fields = entry.get("fieldsV1").and_then(Value::as_object);
        let status = fields.is_some_and(|fields| fields.keys().all(|key| key == "f:status"));
        manager != apply::MANAGER
            && !CONTROLLERS.contains(&manager)
            && !status
            && text(entry, "/subresource").is_empty()
    };
    managers(object).filter(counts).map(|entry| text(entry, "/manager")).collect()
}

fn managers(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten()
}
