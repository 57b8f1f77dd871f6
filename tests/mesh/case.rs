//! A case: a healthy base, what is changed in it, and what is to be found then.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{folder, simulate};

/// How a mesh is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// Its manifests.
    Files,
    /// The cluster that they make.
    Cluster,
}

impl View {
    pub fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Cluster => "cluster",
        }
    }
}

/// A finding that a case expects.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    id: String,
    subject: Option<String>,
    #[serde(default)]
    says: Vec<String>,
    level: Option<String>,
}

impl Expected {
    /// Whether a finding of a report is this one.
    pub fn fits(&self, finding: &Value) -> bool {
        let text = format!("{}\n{}\n{}", finding["message"], finding["hint"], finding["consequences"]);
        finding["id"] == self.id.as_str()
            && self.subject.as_ref().is_none_or(|subject| finding["subject"] == subject.as_str())
            && self.level.as_ref().is_none_or(|level| finding["level"] == level.as_str())
            && self.says.iter().all(|part| {
                // As it stands in JSON.
                let part = Value::from(part.as_str()).to_string();
                text.contains(part.trim_matches('"'))
            })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {} that says {:?}", self.id, self.subject.as_deref().unwrap_or("anything"), self.says)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Expect {
    Same(Vec<Expected>),
    Each { files: Vec<Expected>, cluster: Vec<Expected> },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Key {
    Number(usize),
    Name(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replace {
    path: Vec<Key>,
    old: String,
    new: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    path: Vec<Key>,
    value: Value,
}

/// One change.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    /// `kind/name in namespace`; `*` in the name means any text, and all that fit are changed.
    object: Option<String>,
    /// A JSON merge patch.
    merge: Option<Value>,
    /// Text inside of a string.
    replace: Option<Replace>,
    /// A value at a path.
    set: Option<Set>,
    /// A path that is taken away.
    remove: Option<Vec<Key>>,
    /// An object that is taken away.
    delete: Option<String>,
    /// Documents that are put in.
    add: Option<String>,
}

fn both() -> Vec<View> {
    vec![View::Files, View::Cluster]
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    base: String,
    #[serde(rename = "view", default = "both")]
    pub views: Vec<View>,
    #[serde(default)]
    change: Vec<Change>,
    /// Says that `live` follows; nothing else.
    #[serde(rename = "after")]
    _after: Option<String>,
    /// Changes of what the cluster made of the manifests.
    #[serde(default)]
    live: Vec<Change>,
    expect: Expect,
    #[serde(default)]
    pub unknown: Vec<String>,
    /// Kinds (`resource.group`) that the cluster does not let us list.
    #[serde(default)]
    pub forbidden: Vec<String>,
}

/// Objects by the file they are in; those of `cluster/` are in the cluster only.
type Manifests = BTreeMap<String, Vec<Value>>;

const ADDED: &str = "zz-added.yaml";
const CLUSTER: &str = "cluster/";

impl Case {
    pub fn read(text: &str) -> Result<Self, String> {
        serde_yaml::from_str(text).map_err(|error| format!("the case cannot be read: {error}"))
    }

    pub fn expected(&self, view: View) -> &[Expected] {
        match (&self.expect, view) {
            (Expect::Same(expected), _)
            | (Expect::Each { files: expected, .. }, View::Files)
            | (Expect::Each { cluster: expected, .. }, View::Cluster) => expected,
        }
    }

    fn changed(&self) -> Result<Manifests, String> {
        let mut manifests = base(&self.base)?;
        for change in &self.change {
            if let Some(text) = &change.add {
                manifests.entry(ADDED.to_owned()).or_default().extend(documents(text)?);
                continue;
            }
            let counts: Result<Vec<usize>, String> =
                manifests.values_mut().map(|objects| change.apply(objects)).collect();
            change.took_place(counts?.into_iter().sum())?;
        }
        Ok(manifests)
    }

    /// The manifests, by file.
    pub fn manifests(&self) -> Result<Manifests, String> {
        let mut manifests = self.changed()?;
        manifests.retain(|name, objects| !name.starts_with(CLUSTER) && !objects.is_empty());
        Ok(manifests)
    }

    /// The objects of the cluster.
    pub fn live(&self) -> Result<Vec<Value>, String> {
        let mut objects = simulate::cluster(self.changed()?.into_values().flatten().collect());
        for change in &self.live {
            if let Some(text) = &change.add {
                objects.extend(documents(text)?);
                continue;
            }
            change.took_place(change.apply(&mut objects)?)?;
        }
        Ok(objects)
    }
}

fn documents(text: &str) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let value = Value::deserialize(document).map_err(|error| format!("{error} in\n{text}"))?;
        if !value.is_null() {
            found.push(value);
        }
    }
    Ok(found)
}

/// The manifests of a base, read once.
fn base(name: &str) -> Result<Manifests, String> {
    static READ: LazyLock<Mutex<BTreeMap<String, Manifests>>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().map_err(|error| error.to_string())?;
    if let Some(found) = read.get(name) {
        return Ok(found.clone());
    }
    let folder = folder().join(format!("base-{name}"));
    let mut manifests = Manifests::new();
    for (inside, prefix) in [(folder.clone(), ""), (folder.join("cluster"), CLUSTER)] {
        read_folder(&inside, prefix, &mut manifests)?;
    }
    read.insert(name.to_owned(), manifests.clone());
    Ok(manifests)
}

fn read_folder(folder: &Path, prefix: &str, manifests: &mut Manifests) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        manifests.insert(format!("{prefix}{name}"), documents(&fs::read_to_string(&path).unwrap())?);
    }
    Ok(())
}

/// Whether a text fits a pattern with `*`.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && fits(after, &rest[at..]))
        }),
    }
}

/// Whether an object is meant by `kind/name in namespace`.
fn is_meant(reference: &str, object: &Value) -> bool {
    let (title, namespace) = match reference.split_once(" in ") {
        Some((title, namespace)) => (title, Some(namespace)),
        None => (reference, None),
    };
    let Some((kind, name)) = title.split_once('/') else { return false };
    let text = |path: &str| object.pointer(path).and_then(Value::as_str);
    text("/kind").is_some_and(|found| found.eq_ignore_ascii_case(kind))
        && text("/metadata/name").is_some_and(|found| fits(name, found))
        && namespace.is_none_or(|namespace| text("/metadata/namespace").unwrap_or("default") == namespace)
}

impl Change {
    /// Changes what is meant; returns how many objects that were.
    fn apply(&self, objects: &mut Vec<Value>) -> Result<usize, String> {
        if let Some(reference) = &self.delete {
            let before = objects.len();
            objects.retain(|object| !is_meant(reference, object));
            return Ok(before - objects.len());
        }
        let reference = self.object.as_ref().ok_or("a change without `object`, `delete` or `add`")?;
        let mut count = 0;
        for object in objects.iter_mut().filter(|object| is_meant(reference, object)) {
            count += 1;
            self.edit(object).map_err(|why| format!("{reference}: {why}"))?;
        }
        Ok(count)
    }

    fn edit(&self, object: &mut Value) -> Result<(), String> {
        if let Some(patch) = &self.merge {
            merge(object, patch);
        }
        if let Some(Replace { path, old, new }) = &self.replace {
            let place = walk(object, path, false)?;
            let text = place.as_str().ok_or("`replace` wants a string")?;
            if !text.contains(old.as_str()) {
                return Err(format!("`{old}` does not occur in\n{text}"));
            }
            *place = Value::from(text.replace(old.as_str(), new));
        }
        if let Some(Set { path, value }) = &self.set {
            *walk(object, path, true)? = value.clone();
        }
        if let Some(path) = &self.remove {
            let (last, path) = path.split_last().ok_or("`remove` without a path")?;
            let place = walk(object, path, false)?;
            walk(place, std::slice::from_ref(last), false)?;
            match (place, last) {
                (Value::Object(map), Key::Name(name)) => drop(map.remove(name)),
                (Value::Array(items), key) => {
                    let at = position(items, key).ok_or("`remove`: no such item")?;
                    items.remove(at);
                }
                _ => return Err("`remove`: no such key".to_owned()),
            }
        }
        Ok(())
    }

    fn took_place(&self, count: usize) -> Result<(), String> {
        let name = self.object.as_ref().or(self.delete.as_ref());
        if count == 0 { Err(format!("no object is {name:?}")) } else { Ok(()) }
    }
}

/// An item by its number, or by a value, as in `name=datakit`.
fn position(items: &[Value], key: &Key) -> Option<usize> {
    match key {
        Key::Number(at) => Some(*at),
        Key::Name(name) => {
            let (key, value) = name.split_once('=')?;
            items.iter().position(|item| item[key] == value)
        }
    }
}

fn walk<'v>(value: &'v mut Value, path: &[Key], make: bool) -> Result<&'v mut Value, String> {
    let mut place = value;
    for key in path {
        if make && place.is_null() && matches!(key, Key::Name(_)) {
            *place = Value::Object(Map::new());
        }
        let missing = || format!("nothing at {key:?}");
        place = match place {
            Value::Object(map) => {
                let Key::Name(name) = key else { return Err(missing()) };
                if make {
                    map.entry(name.clone()).or_insert(Value::Null);
                }
                map.get_mut(name).ok_or_else(missing)?
            }
            Value::Array(items) => {
                let at = position(items, key).ok_or_else(missing)?;
                if make && at == items.len() {
                    items.push(Value::Null);
                }
                items.get_mut(at).ok_or_else(missing)?
            }
            _ => return Err(missing()),
        };
    }
    Ok(place)
}

/// RFC 7386.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let map = value.as_object_mut().unwrap();
    for (key, patch) in patch {
        if patch.is_null() {
            map.remove(key);
        } else {
            merge(map.entry(key.clone()).or_insert(Value::Null), patch);
        }
    }
}
