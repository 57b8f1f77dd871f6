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
use crate::facts;
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

/// The form that this program writes. The first one had no number, and no applications.
const VERSION: u64 = 2;

/// What was done for one purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Deeds {
    /// What was created, in order.
    created: Vec<Reference>,
    /// What was changed, in order.
    changed: Vec<Changed>,
}

/// All that was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its form.
    version: u64,
    /// What was done for all of the mesh: DataKit, tracing, gateways.
    mesh: Deeds,
    /// What was done for each application, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    apps: BTreeMap<String, Deeds>,
    /// Istio's version, where istioctl installed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub istio: Option<String>,
    /// The resourceVersion it was read or written with: who writes another one in between is noticed.
    #[serde(skip)]
    read_as: String,
    /// What the cluster has of it: the same is not written again.
    #[serde(skip)]
    written: String,
}

/// The form without applications.
#[derive(Deserialize)]
struct First {
    #[serde(flatten)]
    deeds: Deeds,
    #[serde(default)]
    istio: Option<String>,
}

impl From<First> for Record {
    fn from(first: First) -> Self {
        let mut record = Self { istio: first.istio, ..Self::default() };
        record.create_somewhere(first.deeds.created);
        for changed in first.deeds.changed {
            let app = if changed.object.is_namespace() { changed.object.name.clone() } else { String::new() };
            record.deeds(&app).changed.push(changed);
        }
        record
    }
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
        let mut read = Self::read(record)?;
        let changed = read.changed().map(|changed| &changed.object);
        if let Some(odd) = read.created().chain(changed).find(|reference| !reference.is_valid()) {
            return Err(format!("`{}` `{}` names no object", odd.kind, odd.name));
        }
        read.read_as = version_of(object);
        record.clone_into(&mut read.written);
        Ok(read)
    }

    /// Reads any form of it.
    fn read(record: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(record).map_err(|error| error.to_string())?;
        let version = value.get("version").map(|version| version.as_u64().unwrap_or(u64::MAX));
        let read = match version {
            None => serde_json::from_str::<First>(record).map(Self::from),
            Some(VERSION) => serde_json::from_str(record),
            Some(_) => return Err("a newer meshobs wrote it; use that one".to_owned()),
        };
        read.map_err(|error| error.to_string())
    }

    /// Writes it to the cluster, unless that has it like this.
    ///
    /// # Errors
    /// kubectl refuses, or somebody else wrote it since: another installation is running.
    pub fn save(&mut self, kubectl: &Kubectl) -> Result<(), Failure> {
        self.version = VERSION;
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
        let verb = if self.read_as.is_empty() { "create" } else { "replace" };
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
            && !self.read_as.is_empty()
        {
            metadata.insert("resourceVersion".to_owned(), Value::from(self.read_as.as_str()));
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
        self.read_as =
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
        if self.read_as.is_empty() { vec![("create", object("")), update] } else { vec![update] }
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
        let values =
            self.all_mut().flat_map(|deeds| &mut deeds.changed).flat_map(|changed| &mut changed.values);
        match values.max_by_key(length).filter(|value| value.before.is_some()) {
            Some(value) => {
                value.before = None;
                value.lost = true;
                true
            }
            None => false,
        }
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Deeds> {
        std::iter::once(&mut self.mesh).chain(self.apps.values_mut())
    }

    /// What was done for an application; for the mesh where it has no name.
    fn deeds(&mut self, app: &str) -> &mut Deeds {
        if app.is_empty() { &mut self.mesh } else { self.apps.entry(app.to_owned()).or_default() }
    }

    /// What was created, in order; for the mesh first.
    pub fn created(&self) -> impl DoubleEndedIterator<Item = &Reference> {
        self.mesh.created.iter().chain(self.apps.values().flat_map(|deeds| &deeds.created))
    }

    /// What was changed, in order; for the mesh first.
    pub fn changed(&self) -> impl DoubleEndedIterator<Item = &Changed> {
        self.mesh.changed.iter().chain(self.apps.values().flat_map(|deeds| &deeds.changed))
    }

    /// The names of the applications.
    pub fn apps(&self) -> impl Iterator<Item = &str> {
        self.apps.keys().map(String::as_str)
    }

    /// What was done for one application and for nothing else; for the mesh where it has no name.
    #[must_use]
    pub fn only(&self, app: &str) -> Self {
        let mut part = Self::default();
        if app.is_empty() {
            (part.mesh, part.istio) = (self.mesh.clone(), self.istio.clone());
        } else if let Some(deeds) = self.apps.get(app) {
            part.apps.insert(app.to_owned(), deeds.clone());
        }
        part
    }

    /// All but what was done for one application.
    #[must_use]
    pub fn without(&self, app: &str) -> Self {
        let mut rest = self.clone();
        rest.apps.remove(app);
        rest
    }

    /// Forgets what was done for an application, but for namespaces: what others still use may go with them.
    pub fn forget_app(&mut self, app: &str) {
        if let Some(deeds) = self.apps.get_mut(app) {
            deeds.created.retain(Reference::is_namespace);
            deeds.changed.retain(|changed| changed.object.is_namespace());
        }
        self.drop_empty();
    }

    fn drop_empty(&mut self) {
        self.apps.retain(|_, deeds| !deeds.created.is_empty() || !deeds.changed.is_empty());
    }

    /// The first object in a namespace that was created or changed.
    pub(super) fn first_in(&self, namespace: &str) -> Option<&Reference> {
        let changed = self.changed().map(|changed| &changed.object);
        self.created().chain(changed).find(|what| what.namespace == namespace)
    }

    /// Notes objects that were created for an application, in order. What can name none was not.
    pub fn create(&mut self, app: &str, references: impl IntoIterator<Item = Reference>) {
        let new: Vec<Reference> = references.into_iter().filter(Reference::is_valid).collect();
        if new.is_empty() {
            return;
        }
        let names: BTreeSet<Name> = new.iter().map(Name::of).collect();
        self.all_mut().for_each(|deeds| deeds.created.retain(|known| !names.contains(&Name::of(known))));
        self.deeds(app).created.extend(new);
    }

    /// Notes objects that were created for nobody knows what. An application is taken for that of its namespace; DataKit's
    /// own, Istio's and what has none are of the mesh.
    pub fn create_somewhere(&mut self, references: Vec<Reference>) {
        let is_datakits = |what: &&Reference| what.kind == "Service" && what.name == facts::datakit::SERVICE;
        let datakit: BTreeSet<String> =
            references.iter().filter(is_datakits).map(|what| what.namespace.clone()).collect();
        let is_of_mesh = |namespace: &str| {
            datakit.contains(namespace) || [facts::istio::NAMESPACE, NAMESPACE].contains(&namespace)
        };
        for reference in references {
            let home = if reference.is_namespace() { &reference.name } else { &reference.namespace };
            let app = if is_of_mesh(home) { String::new() } else { home.clone() };
            self.deeds(&app).created.push(reference);
        }
    }

    /// Notes that an object was not created after all.
    pub(super) fn forget(&mut self, reference: &Reference) {
        let name = Name::of(reference);
        self.all_mut().for_each(|deeds| deeds.created.retain(|known| Name::of(known) != name));
    }

    /// Forgets what was undone.
    pub fn undone(&mut self, done: &[Undo]) {
        let deleted = |what: &Undo| match what {
            Undo::Delete(done) => Some((Name::of(done), done.uid.clone())),
            _ => None,
        };
        let deleted: BTreeSet<(Name, String)> = done.iter().filter_map(deleted).collect();
        let restored =
            |known: &Changed| done.iter().any(|what| matches!(what, Undo::Restore(done, _) if done == known));
        for deeds in self.all_mut() {
            deeds.created.retain(|known| !deleted.contains(&(Name::of(known), known.uid.clone())));
            deeds.changed.retain(|known| !restored(known));
        }
        if done.iter().any(|what| matches!(what, Undo::Istio(_))) {
            self.istio = None;
        }
        self.drop_empty();
    }

    /// Which objects were created by an installation.
    pub(super) fn made(&self) -> Made {
        Made(self.created().map(|known| (Name::of(known), known.uid.clone())).collect())
    }

    /// Notes values that were changed for an application; what they were at first stays.
    pub fn change(&mut self, app: &str, object: Reference, values: Vec<ValueChange>) {
        if values.is_empty() {
            return;
        }
        let mut all = self.all_mut().flat_map(|deeds| &mut deeds.changed);
        let Some(known) = all.find(|known| known.object == object) else {
            drop(all);
            self.deeds(app).changed.push(Changed { object, values });
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
        self.created().next().is_none() && self.changed().next().is_none() && self.istio.is_none()
    }
}

/// The objects that installations created.
pub(super) struct Made(BTreeMap<Name, String>);

impl Made {
    /// Whether one of this name is among them.
    pub(super) fn knows(&self, reference: &Reference) -> bool {
        self.0.contains_key(&Name::of(reference))
    }

    /// Whether this one is among them, and no other one of its name.
    pub(super) fn has(&self, reference: &Reference) -> bool {
        self.0.get(&Name::of(reference)).is_some_and(|uid| uid.is_empty() || *uid == reference.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(kind: &str, namespace: &str, name: &str) -> Reference {
        let of = str::to_owned;
        Reference { kind: of(kind), namespace: of(namespace), name: of(name), uid: of("u") }
    }

    /// As the first form was written.
    const FIRST: &str = r#"{"created": [
        {"kind": "Namespace", "namespace": "", "name": "datakit", "uid": "u"},
        {"kind": "Service", "namespace": "datakit", "name": "datakit-service", "uid": "u"},
        {"kind": "Service", "namespace": "istio-system", "name": "zipkin", "uid": "u"},
        {"kind": "Namespace", "namespace": "", "name": "prod", "uid": "u"},
        {"kind": "Service", "namespace": "prod", "name": "ratings", "uid": "u"}],
        "changed": [{"object": {"kind": "Namespace", "namespace": "", "name": "two", "uid": "u"}, "values": []}],
        "istio": "1.11.2"}"#;

    #[test]
    fn the_first_form_is_read_and_nothing_of_it_is_lost() {
        let record = Record::read(FIRST).unwrap();
        assert_eq!(record.apps().collect::<Vec<_>>(), ["prod", "two"]);
        assert_eq!(record.istio.as_deref(), Some("1.11.2"));
        assert_eq!((record.created().count(), record.changed().count()), (5, 1));
        let mesh = record.only("");
        let names: Vec<&str> = mesh.created().map(|what| what.name.as_str()).collect();
        assert_eq!(names, ["datakit", "datakit-service", "zipkin"]);
        let names: Vec<String> = record.only("prod").created().map(Reference::title).collect();
        assert_eq!(names, ["namespace/prod", "service/ratings in prod"]);
        // The form of today is not taken for that one.
        let text = serde_json::to_string(&Record { version: VERSION, ..record.clone() }).unwrap();
        assert!(serde_json::from_str::<First>(&text).is_err());
        assert_eq!(Record { version: 0, ..Record::read(&text).unwrap() }, record);
        assert!(Record::read(r#"{"version": 3, "mesh": {}}"#).unwrap_err().contains("newer meshobs"));
    }

    #[test]
    fn an_object_is_of_one_application_at_a_time() {
        let mut record = Record::default();
        record.create("one", [named("Service", "n", "a"), named("Service", "n", "b")]);
        record.create("two", [named("Service", "n", "a")]);
        let titles = |app: &str| record.only(app).created().map(Reference::title).collect::<Vec<_>>();
        assert_eq!(
            (titles("one"), titles("two")),
            (vec!["service/b in n".to_owned()], vec!["service/a in n".to_owned()])
        );
        let rest = record.without("one");
        assert_eq!(rest.first_in("n").map(Reference::title), Some("service/a in n".to_owned()));
        assert!(rest.first_in("m").is_none() && !rest.is_empty());
        record.undone(&[Undo::Delete(named("Service", "n", "a")), Undo::Delete(named("Service", "n", "b"))]);
        assert!(record.is_empty());
    }
}
