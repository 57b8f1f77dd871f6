//! The objects that are checked, from files or from a cluster, as plain data; and where in a file a value stands.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::diagnostic::locate;
use crate::manifest::{ImageRef, Item, items};
use crate::yaml::{At, Document, Kind, NodeId};

/// Where an object comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The input, as the user named it.
    pub path: Arc<str>,
    /// The text of its document.
    pub text: Arc<str>,
    /// Lines in front of that.
    pub line: u64,
    /// Its number among the items of the document.
    pub item: usize,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The input, as the user named it.
    pub path: String,
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: usize,
}

/// An object.
#[derive(Clone, Debug)]
pub struct Object {
    /// As written.
    pub api_version: String,
    /// As written.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`; empty where it says none.
    pub namespace: String,
    /// All of it.
    pub value: Value,
    /// Where it comes from; none for one of a cluster.
    pub origin: Option<Origin>,
}

/// What a path leads to, or null.
#[must_use]
pub fn at<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(value, |value, key| match value {
        Value::Array(items) => key.parse::<usize>().ok().and_then(|i| items.get(i)).unwrap_or(&Value::Null),
        value => value.get(key).unwrap_or(&Value::Null),
    })
}

/// The items of a list; nothing where there is none.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A string, or what a number would be as one; empty where there is neither.
#[must_use]
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}

impl Object {
    /// Takes an object over from a cluster's JSON.
    #[must_use]
    pub fn of_json(value: Value) -> Self {
        let get = |path: &[&str]| text(at(&value, path));
        Self {
            api_version: get(&["apiVersion"]),
            kind: get(&["kind"]),
            name: get(&["metadata", "name"]),
            namespace: get(&["metadata", "namespace"]),
            origin: None,
            value,
        }
    }

    /// The API group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// What a path leads to, or null.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> &Value {
        at(&self.value, path)
    }

    /// The text at a path; empty where there is none.
    #[must_use]
    pub fn text(&self, path: &[&str]) -> String {
        text(self.at(path))
    }

    /// `kind/name`, in its namespace.
    #[must_use]
    pub fn title(&self) -> String {
        let name = format!("{}/{}", self.kind.to_lowercase(), self.name);
        if self.namespace.is_empty() { name } else { format!("{name} in {}", self.namespace) }
    }

    /// The namespace that it is applied to.
    #[must_use]
    pub fn home(&self) -> &str {
        if self.namespace.is_empty() { "default" } else { &self.namespace }
    }

    /// The path of the pod template, if it is a workload.
    #[must_use]
    pub fn template(&self) -> Option<&'static [&'static str]> {
        let path: &[&str] = match (self.group(), self.kind.as_str()) {
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet")
            | ("batch", "Job")
            | ("argoproj.io", "Rollout") => &["spec", "template"],
            ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template"],
            _ => return None,
        };
        self.at(path).get("spec").is_some().then_some(path)
    }

    /// Where a value stands, or the nearest thing around it.
    #[must_use]
    pub fn spot(&self, path: &[&str]) -> Option<Spot> {
        let origin = self.origin.as_ref()?;
        let doc = Document::parse(&origin.text).ok()?;
        let item = doc.roots().flat_map(|root| items(&doc, root)).nth(origin.item)?;
        let (Item::Resource(resource) | Item::ClientSide(resource) | Item::NoApiVersion(resource)) = item
        else {
            return None;
        };
        let mut found = resource.at;
        for key in path {
            let next = match key.parse::<usize>() {
                Ok(number) if doc.kind(found.node).is_sequence() => doc.items(found).nth(number),
                _ => doc.get(found, key),
            };
            match next {
                Some(next) => found = next,
                None => break,
            }
        }
        let place = found.key.map_or(found.node, |key| key);
        let (line, column, _) = locate(doc.src(), doc.start(place));
        Some(Spot { path: origin.path.to_string(), line: origin.line + line, column })
    }
}

/// All objects.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// In order.
    pub objects: Vec<Object>,
    /// Whether they are a cluster's: what is not among them is not there.
    pub live: bool,
    /// The version of a cluster's API server, if it tells one.
    pub kubernetes: Option<String>,
}

impl World {
    /// The objects of a kind.
    pub fn of<'w>(&'w self, group: &'w str, kind: &'w str) -> impl Iterator<Item = &'w Object> {
        self.objects.iter().filter(move |object| object.kind == kind && object.group() == group)
    }

    /// An object by kind, namespace and name.
    #[must_use]
    pub fn get(&self, group: &str, kind: &str, namespace: &str, name: &str) -> Option<&Object> {
        self.objects.iter().find(|object| {
            object.kind == kind
                && object.group() == group
                && object.name == name
                && object.home() == namespace
        })
    }

    /// DataKit's DaemonSets.
    pub fn datakits(&self) -> impl Iterator<Item = Datakit<'_>> {
        self.of("apps", "DaemonSet").filter_map(Datakit::of)
    }

    /// The workloads of applications: not those of Kubernetes, Istio and DataKit themselves.
    pub fn applications(&self) -> impl Iterator<Item = (&Object, &'static [&'static str])> {
        const OWN: &[&str] = &["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];
        let found = self.objects.iter().filter_map(|object| Some((object, object.template()?)));
        found.filter(|(object, _)| {
            let mesh = self.of("apps", "Deployment").any(|other| {
                other.home() == object.home()
                    && text(at(&other.value, &["metadata", "labels", "app"])) == "istiod"
            });
            !OWN.contains(&object.home())
                && !mesh
                && object.home() != "istio-system"
                && Datakit::of(object).is_none()
        })
    }
}

/// A DaemonSet that runs DataKit.
#[derive(Clone, Copy, Debug)]
pub struct Datakit<'w> {
    /// The DaemonSet.
    pub object: &'w Object,
    /// The number of its container.
    pub container: usize,
}

impl<'w> Datakit<'w> {
    fn of(object: &'w Object) -> Option<Self> {
        if object.kind != "DaemonSet" {
            return None;
        }
        let containers = object.at(&["spec", "template", "spec", "containers"]);
        let container = list(containers).position(|container| {
            let image = text(at(container, &["image"]));
            let named = ImageRef::parse(&image).repository.rsplit('/').next() == Some("datakit");
            named || list(at(container, &["env"])).any(|var| text(at(var, &["name"])) == "ENV_DATAWAY")
        })?;
        Some(Self { object, container })
    }

    /// Its container.
    #[must_use]
    pub fn value(&self) -> &'w Value {
        let containers = at(&self.object.value, &["spec", "template", "spec", "containers"]);
        containers.get(self.container).unwrap_or(&Value::Null)
    }

    /// The number and the value of a variable.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<(usize, &'w Value)> {
        let list = at(self.value(), &["env"]).as_array()?;
        list.iter().enumerate().rev().find(|(_, var)| text(at(var, &["name"])) == name)
    }

    /// The text of a variable.
    #[must_use]
    pub fn env_text(&self, name: &str) -> String {
        self.env(name).map(|(_, var)| text(at(var, &["value"]))).unwrap_or_default()
    }

    /// The path of something in the container.
    #[must_use]
    pub fn path<'p>(&self, number: &'p str, rest: &[&'p str]) -> Vec<&'p str> {
        [&["spec", "template", "spec", "containers", number], rest].concat()
    }
}

/// A document's node as plain data, aliases and merge keys resolved.
#[must_use]
pub fn value(doc: &Document<'_>, node: At) -> Value {
    convert(doc, node, 0)
}

/// How deep data may be nested.
const DEPTH: usize = 64;

fn convert(doc: &Document<'_>, node: At, depth: usize) -> Value {
    if depth > DEPTH {
        return Value::Null;
    }
    match doc.kind(node.node) {
        kind if kind.is_mapping() => {
            let keys: Vec<String> = keys(doc, node, 0);
            let entries = keys.into_iter().filter_map(|key| {
                let value = convert(doc, doc.get(node, &key)?, depth + 1);
                Some((key, value))
            });
            Value::Object(entries.collect::<Map<_, _>>())
        }
        kind if kind.is_sequence() => {
            Value::Array(doc.items(node).map(|item| convert(doc, item, depth + 1)).collect())
        }
        Kind::Plain => plain(doc, node.node),
        _ => doc.string(node.node).map_or(Value::Null, |text| Value::String(text.into_owned())),
    }
}

/// The keys of a mapping, those of its merge keys too.
fn keys(doc: &Document<'_>, mapping: At, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    for (key, _) in doc.entries(mapping.node) {
        let Some(name) = doc.string(key) else { continue };
        if name != "<<" {
            found.push(name.into_owned());
        } else if depth < 4
            && let Some(merged) = doc.get(mapping, "<<")
        {
            let sources: Vec<At> =
                if doc.kind(merged.node).is_sequence() { doc.items(merged).collect() } else { vec![merged] };
            found.extend(sources.into_iter().flat_map(|source| keys(doc, source, depth + 1)));
        }
    }
    found
}

fn plain(doc: &Document<'_>, node: NodeId) -> Value {
    if doc.is_null(node) {
        return Value::Null;
    }
    let text = doc.string(node).unwrap_or_default();
    match &*text {
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), _) => Value::from(number),
            (_, Ok(number)) if text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => {
                Value::from(number)
            }
            _ => Value::String(text.to_owned()),
        },
    }
}
