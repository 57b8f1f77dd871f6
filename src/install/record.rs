//! What an installation did, kept in the cluster so that it can be undone. It lies in `kube-system`, where it survives the
//! deletion of DataKit's namespace, and holds no token.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::apply::{self, Failure};
use crate::kubectl::Kubectl;

/// The ConfigMap's name.
const NAME: &str = "meshobs-record";

/// Its namespace.
const NAMESPACE: &str = "kube-system";

/// An object by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// As kubectl takes it: `kind.group`, or `kind` of the core group.
    pub kind: String,
    /// Empty for what belongs to the cluster as a whole.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid when it was created: another object of the same name is another's. Empty where it was about to be created
    /// and nobody saw it since.
    pub uid: String,
}

impl Reference {
    /// Whether both name the same object.
    #[must_use]
    pub fn is_named_like(&self, other: &Self) -> bool {
        (&self.kind, &self.namespace, &self.name) == (&other.kind, &other.namespace, &other.name)
    }
}

/// A value that was changed in an object that was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// As kubectl takes it.
    pub kind: String,
    /// Empty for what belongs to the cluster as a whole.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The path of the value, its keys.
    pub path: Vec<String>,
    /// What it was; none where it was not there.
    pub before: Option<String>,
    /// What was written.
    pub after: String,
}

/// All that was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What was created, in order.
    pub created: Vec<Reference>,
    /// What was changed, in order.
    pub changed: Vec<Change>,
    /// The resourceVersion it was read or written with: who writes another one in between is noticed.
    #[serde(skip)]
    version: String,
}

fn version_of(object: &Value) -> String {
    object.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Record {
    /// Reads the record of the cluster; an empty one where there is none.
    ///
    /// # Errors
    /// kubectl refuses, or the record cannot be read.
    pub fn load(kubectl: &Kubectl) -> Result<Self, Failure> {
        let args = ["get", "configmap", NAME, "-n", NAMESPACE, "--ignore-not-found", "-o", "json"];
        let text = apply::plain(kubectl, &args)?;
        let Ok(object) = serde_json::from_str::<Value>(&text) else { return Ok(Self::default()) };
        let record = object.pointer("/data/record").and_then(Value::as_str).unwrap_or_default();
        let mut read: Self = serde_json::from_str(record).map_err(|error| Failure {
            message: format!("ConfigMap {NAME} in {NAMESPACE} cannot be read: {error}"),
            conflict: false,
        })?;
        read.version = version_of(&object);
        Ok(read)
    }

    /// Writes it to the cluster.
    ///
    /// # Errors
    /// kubectl refuses, or somebody else wrote it since: another installation is running.
    pub fn save(&mut self, kubectl: &Kubectl) -> Result<(), Failure> {
        let text = serde_json::to_string(self).unwrap_or_default();
        let mut object = serde_json::json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/managed-by": "meshobs"}},
            "data": {"record": text},
        });
        let verb = if self.version.is_empty() { "create" } else { "replace" };
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
            && !self.version.is_empty()
        {
            metadata.insert("resourceVersion".to_owned(), Value::from(self.version.as_str()));
        }
        let written = apply::write(kubectl, verb, &object.to_string()).map_err(|failure| {
            let signs = ["AlreadyExists", "Conflict", "NotFound", "has been modified"];
            if !signs.iter().any(|sign| failure.message.contains(sign)) {
                return failure;
            }
            let message = format!(
                "another meshobs wrote ConfigMap {NAME} in {NAMESPACE} meanwhile, so another installation is running; \
                 run this again when that has ended"
            );
            Failure { message, conflict: false }
        })?;
        self.version =
            serde_json::from_str::<Value>(&written).map(|object| version_of(&object)).unwrap_or_default();
        Ok(())
    }

    /// Takes it out of the cluster.
    ///
    /// # Errors
    /// kubectl refuses.
    pub fn delete(kubectl: &Kubectl) -> Result<(), Failure> {
        apply::plain(kubectl, &["delete", "configmap", NAME, "-n", NAMESPACE, "--ignore-not-found"])
            .map(|_| ())
    }

    /// Notes an object that was created.
    pub fn create(&mut self, reference: Reference) {
        let same = |known: &Reference| {
            (&known.kind, &known.namespace, &known.name)
                == (&reference.kind, &reference.namespace, &reference.name)
        };
        self.created.retain(|known| !same(known));
        self.created.push(reference);
    }

    /// Notes a value that was changed; what it was at first stays.
    pub fn change(&mut self, change: Change) {
        let same = |known: &&mut Change| {
            (&known.kind, &known.namespace, &known.name, &known.path)
                == (&change.kind, &change.namespace, &change.name, &change.path)
        };
        match self.changed.iter_mut().find(same) {
            Some(known) => known.after = change.after,
            None => self.changed.push(change),
        }
    }

    /// Whether nothing was done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.changed.is_empty()
    }
}
