//! What an installation did, kept in the cluster so that it can be undone. It lies in `kube-system`, where it survives the
//! deletion of DataKit's namespace, and holds no token.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failure;
use super::apply;
use super::object::{Name, Reference, text};
use super::restore::ValueChange;
use super::undo::Undo;
use crate::cluster::{ErrorKind, Kubectl};
use crate::rule::LABEL;

/// The ConfigMap's name.
pub(super) const NAME: &str = "meshobs-record";

/// Its namespace.
const NAMESPACE: &str = "kube-system";

/// What a ConfigMap may hold, in bytes, less what it says besides.
const LIMIT: usize = 1_000_000;

/// What was changed in an object that was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The object.
    pub object: Reference,
    /// The values, in order.
    pub values: Vec<ValueChange>,
}

/// All that was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What was created, in order.
    pub created: Vec<Reference>,
    /// What was changed, in order.
    pub changed: Vec<Changed>,
    /// Istio's version, where istioctl installed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub istio: Option<String>,
    /// The resourceVersion it was read or written with: who writes another one in between is noticed.
    #[serde(skip)]
    version: String,
    /// What the cluster has of it: the same is not written again.
    #[serde(skip)]
    written: String,
}

/// What to do about a record that cannot be read.
fn unreadable(kubectl: &Kubectl, why: &str) -> String {
    let cluster = kubectl.flags();
    let what = format!("configmap {NAME} -n {NAMESPACE}");
    format!(
        "the record of what is installed, configmap/{NAME} in {NAMESPACE}, cannot be read: {why}\n\
         restore it from a backup, or keep a copy and delete it:\n  \
         kubectl{cluster} get {what} -o yaml > {NAME}.yaml\n  \
         kubectl{cluster} delete {what}\n\
         without it `meshobs uninstall` finds what was created by the label {LABEL}; values that were changed in objects of \
         others stay as they are"
    )
}

fn version_of(object: &Value) -> String {
    text(object, "/metadata/resourceVersion").to_owned()
}

impl Record {
    /// Reads the record of the cluster; an empty one where there is none.
    ///
    /// # Errors
    /// kubectl refuses, or the record cannot be read.
    pub fn load(kubectl: &Kubectl) -> Result<Self, Failure> {
        let args = ["get", "-n", NAMESPACE, "--ignore-not-found", "-o", "json", "--", "configmap", NAME];
        let found = apply::plain(kubectl, &args)?;
        if found.trim().is_empty() {
            return Ok(Self::default());
        }
        let read = serde_json::from_str(&found).map_err(|error| error.to_string());
        read.and_then(|object| Self::parse(&object)).map_err(|why| Failure::new(unreadable(kubectl, &why)))
    }

    fn parse(object: &Value) -> Result<Self, String> {
        let record =
            object.pointer("/data/record").and_then(Value::as_str).ok_or("no key `record` in its data")?;
        let mut read: Self = serde_json::from_str(record).map_err(|error| error.to_string())?;
        let changed = read.changed.iter().map(|changed| &changed.object);
        if let Some(odd) = read.created.iter().chain(changed).find(|reference| !reference.is_valid()) {
            return Err(format!("`{}` `{}` names no object", odd.kind, odd.name));
        }
        read.version = version_of(object);
        record.clone_into(&mut read.written);
        Ok(read)
    }

    /// Writes it to the cluster, unless that has it like this.
    ///
    /// # Errors
    /// kubectl refuses, or somebody else wrote it since: another installation is running.
    pub fn save(&mut self, kubectl: &Kubectl) -> Result<(), Failure> {
        let mut text = serde_json::to_string(self).unwrap_or_default();
        while text.len() > LIMIT && self.forget_longest() {
            text = serde_json::to_string(self).unwrap_or_default();
        }
        if text == self.written {
            return Ok(());
        }
        let mut object = serde_json::json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/managed-by": "meshobs"}},
            "data": {"record": &text},
        });
        let verb = if self.version.is_empty() { "create" } else { "replace" };
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
            && !self.version.is_empty()
        {
            metadata.insert("resourceVersion".to_owned(), Value::from(self.version.as_str()));
        }
        let written = apply::write(kubectl, verb, &object.to_string()).map_err(|failure| {
            if !failure.is(&[ErrorKind::AlreadyExists, ErrorKind::Conflict, ErrorKind::NotFound]) {
                return failure;
            }
            Failure::new(format!(
                "another meshobs wrote ConfigMap {NAME} in {NAMESPACE} meanwhile, so another installation is running; \
                 run this again when that has ended"
            ))
        })?;
        self.written = text;
        self.version =
            serde_json::from_str::<Value>(&written).map(|object| version_of(&object)).unwrap_or_default();
        Ok(())
    }

    /// What writing it does to which object: it is created by a request without a name.
    pub(super) fn writes(&self) -> Vec<(&'static str, Reference)> {
        let object = |name: &str| Reference {
            kind: "ConfigMap".to_owned(),
            namespace: NAMESPACE.to_owned(),
            name: name.to_owned(),
            uid: String::new(),
        };
        let update = ("update", object(NAME));
        if self.version.is_empty() { vec![("create", object("")), update] } else { vec![update] }
    }

    /// Takes it out of the cluster.
    ///
    /// # Errors
    /// kubectl refuses.
    pub fn delete(kubectl: &Kubectl) -> Result<(), Failure> {
        apply::plain(kubectl, &["delete", "configmap", NAME, "-n", NAMESPACE, "--ignore-not-found"])
            .map(|_| ())
    }

    /// Drops the longest text that could be put back, so that the record fits.
    fn forget_longest(&mut self) -> bool {
        let length =
            |value: &&mut ValueChange| value.before.as_ref().map_or(0, |text| text.to_string().len());
        let values = self.changed.iter_mut().flat_map(|changed| &mut changed.values);
        match values.max_by_key(length).filter(|value| value.before.is_some()) {
            Some(value) => {
                value.before = None;
                value.lost = true;
                true
            }
            None => false,
        }
    }

    /// Notes objects that were created, in order. What can name none was not.
    pub fn create(&mut self, references: impl IntoIterator<Item = Reference>) {
        let new: Vec<Reference> = references.into_iter().filter(Reference::is_valid).collect();
        let names: BTreeSet<Name> = new.iter().map(Name::of).collect();
        self.created.retain(|known| !names.contains(&Name::of(known)));
        self.created.extend(new);
    }

    /// Notes that an object was not created after all.
    pub(super) fn forget(&mut self, reference: &Reference) {
        let name = Name::of(reference);
        self.created.retain(|known| Name::of(known) != name);
    }

    /// Forgets what was undone.
    pub fn undone(&mut self, done: &[Undo]) {
        let deleted = |what: &Undo| match what {
            Undo::Delete(done) => Some((Name::of(done), done.uid.clone())),
            _ => None,
        };
        let deleted: BTreeSet<(Name, String)> = done.iter().filter_map(deleted).collect();
        self.created.retain(|known| !deleted.contains(&(Name::of(known), known.uid.clone())));
        let restored =
            |known: &Changed| done.iter().any(|what| matches!(what, Undo::Restore(done, _) if done == known));
        self.changed.retain(|known| !restored(known));
        if done.iter().any(|what| matches!(what, Undo::Istio(_))) {
            self.istio = None;
        }
    }

    /// Which objects were created by an installation.
    pub(super) fn made(&self) -> Made {
        Made(self.created.iter().map(|known| (Name::of(known), known.uid.clone())).collect())
    }

    /// Notes values that were changed; what they were at first stays.
    pub fn change(&mut self, object: Reference, values: Vec<ValueChange>) {
        if values.is_empty() {
            return;
        }
        let Some(known) = self.changed.iter_mut().find(|known| known.object == object) else {
            self.changed.push(Changed { object, values });
            return;
        };
        for value in values {
            match known.values.iter_mut().find(|old| old.path == value.path) {
                Some(old) => (old.after, old.digest) = (value.after, value.digest),
                None => known.values.push(value),
            }
        }
    }

    /// Whether nothing was done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.changed.is_empty() && self.istio.is_none()
    }
}

/// The objects that installations created.
pub(super) struct Made(BTreeMap<Name, String>);

impl Made {
    /// Whether this one is among them, and no other one of its name.
    pub(super) fn has(&self, reference: &Reference) -> bool {
        self.0.get(&Name::of(reference)).is_some_and(|uid| uid.is_empty() || *uid == reference.uid)
    }
}
