//! Objects of a cluster by name: those that manifests name, and those that are there. Reads only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failure;
use super::apply::{self, plain};
use crate::cluster::{ErrorKind, Kubectl};
use crate::kube::{Item, items};
use crate::rule::LABEL;
use crate::yaml::{Document, DocumentReader};

/// An object by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

    /// The object as it is in the cluster, if it is.
    ///
    /// # Errors
    /// kubectl refuses.
    pub fn get(&self, kubectl: &Kubectl) -> Result<Option<Value>, Failure> {
        let unknown = |failure: &Failure| failure.kind == ErrorKind::NoSuchKind;
        match self.get_as(kubectl, &self.kind) {
            Err(failure) if unknown(&failure) => {}
            read => return read,
        }
        // The server may have dropped this version of the kind, and kept the object.
        let (kind, group) = self.kind_and_group();
        match self.get_as(kubectl, &format!("{kind}.{group}")) {
            // A kind that the cluster does not know has no objects.
            Err(failure) if unknown(&failure) => Ok(None),
            read => read,
        }
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

/// How many objects are asked for at once.
const AT_ONCE: usize = 100;

/// Those of some objects that are in the cluster.
///
/// # Errors
/// kubectl refuses.
pub(super) fn read(kubectl: &Kubectl, wanted: &[Reference]) -> Result<Vec<Value>, Failure> {
    let mut of_namespace: BTreeMap<&str, Vec<&Reference>> = BTreeMap::new();
    for reference in wanted {
        of_namespace.entry(&reference.namespace).or_default().push(reference);
    }
    let mut found = Vec::new();
    for (namespace, wanted) in of_namespace {
        for some in wanted.chunks(AT_ONCE) {
            match read_at_once(kubectl, namespace, some) {
                Ok(read) => found.extend(read),
                // A kind that the cluster does not know must not hide the others.
                Err(_) => {
                    for reference in some {
                        found.extend(reference.get(kubectl)?);
                    }
                }
            }
        }
    }
    Ok(found)
}

fn read_at_once(kubectl: &Kubectl, namespace: &str, wanted: &[&Reference]) -> Result<Vec<Value>, Failure> {
    let mut args = vec!["get", "--ignore-not-found", "--show-managed-fields=true", "-o", "json"];
    if !namespace.is_empty() {
        args.extend(["-n", namespace]);
    }
    let names: Vec<String> =
        wanted.iter().map(|reference| format!("{}/{}", reference.kind, reference.name)).collect();
    args.push("--");
    args.extend(names.iter().map(String::as_str));
    let answer: Value = serde_json::from_str(&plain(kubectl, &args)?).unwrap_or_default();
    Ok(match answer.get("items").and_then(Value::as_array) {
        Some(items) => items.clone(),
        None if answer.is_object() => vec![answer],
        None => Vec::new(),
    })
}

/// The objects that manifests describe.
#[must_use]
pub fn references(manifests: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut documents = DocumentReader::with_size_hint(manifests.as_bytes(), manifests.len());
    while let Ok(Some(chunk)) = documents.next_document() {
        let Ok(doc) = Document::parse(chunk.text) else { continue };
        for item in doc.roots().flat_map(|root| items(&doc, root)) {
            let Item::Resource(resource) = item else { continue };
            let group = resource.group();
            let kind = if group.is_empty() {
                resource.kind.clone()
            } else {
                let version = resource.api_version.rsplit('/').next().unwrap_or_default();
                format!("{}.{version}.{group}", resource.kind)
            };
            let namespace = resource.namespace.clone().unwrap_or_default();
            found.push(Reference { kind, namespace, name: resource.name.clone(), uid: String::new() });
        }
    }
    found
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
