//! Objects of a cluster by name: those that manifests name, and those that are there. Reads only.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failure;
use super::apply::{self, plain};
use crate::cluster::{ErrorKind, Kubectl};
use crate::manifest::{Item, items};
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

    /// The object as it is in the cluster, if it is.
    ///
    /// # Errors
    /// kubectl refuses.
    pub fn get(&self, kubectl: &Kubectl) -> Result<Option<Value>, Failure> {
        let mut args = vec!["get", self.kind.as_str(), self.name.as_str(), "--ignore-not-found"];
        args.extend(["--show-managed-fields=true", "-o", "json"]);
        if !self.namespace.is_empty() {
            args.extend(["-n", self.namespace.as_str()]);
        }
        match plain(kubectl, &args) {
            Ok(text) => Ok(serde_json::from_str(&text).ok()),
            // A kind that the cluster does not know has no objects.
            Err(failure) if failure.kind == ErrorKind::NoSuchKind => Ok(None),
            Err(failure) => Err(failure),
        }
    }
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
    match apply::live(kubectl, manifests) {
        Err(failure) if failure.kind == ErrorKind::NoSuchKind => {}
        found => return found,
    }
    let mut found = Vec::new();
    // One call an object: a kind that the cluster does not know yet must not hide the others.
    for reference in references(manifests) {
        found.extend(reference.get(kubectl)?);
    }
    Ok(found)
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

/// Whether our manager applied an object.
#[must_use]
pub fn is_managed(object: &Value) -> bool {
    let fields = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    fields.into_iter().flatten().any(|entry| text(entry, "/manager") == apply::MANAGER)
}
