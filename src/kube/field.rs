//! A value of an object, as it was reached: what it says as a cluster would take it, and where it stands.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::yaml::{At, Document, Kind, NodeId};

/// How deep plain data may be nested; what is deeper reads as null.
const DEPTH: usize = 64;

/// A value, or the lack of one: asking a missing value for more gives missing values, and all of them have a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    doc: &'a Document<'a>,
    at: Option<At>,
    /// The last node on the way that exists: where something missing belongs.
    near: NodeId,
}

impl<'a> Field<'a> {
    /// A value of a document that is no object.
    pub(crate) fn new(doc: &'a Document<'a>, at: At) -> Self {
        Self { doc, at: Some(at), near: at.key.unwrap_or(at.node) }
    }

    fn step(self, at: Option<At>) -> Self {
        let near = at.map_or(self.near, |at| at.key.unwrap_or(at.node));
        Self { at, near, ..self }
    }

    /// The value of a key, aliases and merge keys resolved.
    pub(crate) fn get(self, key: &str) -> Self {
        self.step(self.at.and_then(|at| self.doc.get(at, key)))
    }

    /// The item of a sequence, from 0.
    pub(crate) fn item(self, number: usize) -> Self {
        self.step(self.at.and_then(|at| self.doc.items(at).nth(number)))
    }

    /// The value at the end of a path; in a sequence a number names an item.
    pub(crate) fn at(self, path: &[&str]) -> Self {
        path.iter().fold(self, |field, key| match key.parse() {
            Ok(number) if field.is_sequence() => field.item(number),
            _ => field.get(key),
        })
    }

    /// The items of a sequence; none where there is no sequence.
    pub(crate) fn items(self) -> impl Iterator<Item = Self> + 'a {
        let items = self.at.into_iter().flat_map(move |at| self.doc.items(at));
        items.map(move |at| self.step(Some(at)))
    }

    /// The entries of a mapping, those of its merge keys too; none where there is no mapping.
    pub(crate) fn entries(self) -> impl Iterator<Item = (Cow<'a, str>, Self)> + 'a {
        let keys = self.at.map(|at| keys(self.doc, at, 0)).unwrap_or_default();
        keys.into_iter().map(move |key| {
            let value = self.get(&key);
            (key, value)
        })
    }

    fn kind(self) -> Option<Kind> {
        self.at.map(|at| self.doc.kind(at.node))
    }

    /// Whether there is anything, and be it null.
    pub(crate) fn exists(self) -> bool {
        self.at.is_some()
    }

    /// Whether there is a value that is not null.
    pub(crate) fn is_set(self) -> bool {
        self.at.is_some_and(|at| !self.doc.is_null(at.node))
    }

    pub(crate) fn is_sequence(self) -> bool {
        self.kind().is_some_and(Kind::is_sequence)
    }

    /// A scalar as it is read, whatever its type; nothing where there is none or null.
    pub(crate) fn scalar(self) -> Option<Cow<'a, str>> {
        let at = self.at?;
        if self.doc.is_null(at.node) { None } else { self.doc.string(at.node) }
    }

    /// A scalar as it is read; empty where there is none.
    pub(crate) fn text(self) -> Cow<'a, str> {
        self.scalar().unwrap_or_default()
    }

    /// Whether this scalar's text is exactly that.
    pub(crate) fn is(self, text: &str) -> bool {
        self.scalar().is_some_and(|found| found == text)
    }

    /// Whether a string stands here: in quotes, as a block, or plain and nothing else.
    pub(crate) fn is_string(self) -> bool {
        let Some(at) = self.at else { return false };
        match self.doc.kind(at.node) {
            Kind::Plain => matches!(plain(self.doc, at.node), Value::String(_)),
            kind => kind.is_scalar(),
        }
    }

    /// An unsigned whole number.
    pub(crate) fn number(self) -> Option<u64> {
        let at = self.at.filter(|at| self.doc.kind(at.node) == Kind::Plain)?;
        self.doc.text(at.node).parse().ok()
    }

    /// A truth value, as the readers of YAML 1.1 in Kubernetes take it.
    pub(crate) fn truth(self) -> Option<bool> {
        let at = self.at.filter(|at| self.doc.kind(at.node) == Kind::Plain)?;
        match self.doc.text(at.node) {
            "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
            "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
            _ => None,
        }
    }

    pub(crate) fn is_true(self) -> bool {
        self.truth() == Some(true)
    }

    /// Offset in the document of its key (or of an item itself); of what is missing, of the nearest thing around it.
    pub(crate) fn offset(self) -> usize {
        self.doc.start(self.near)
    }

    /// Where it stands in its document, for an edit.
    pub(crate) fn place(self) -> Option<At> {
        self.at
    }

    /// All of it as plain data, aliases and merge keys resolved.
    pub(crate) fn json(self) -> Value {
        self.at.map_or(Value::Null, |at| convert(self.doc, at, 0))
    }
}

fn convert(doc: &Document<'_>, node: At, depth: usize) -> Value {
    if depth > DEPTH {
        return Value::Null;
    }
    match doc.kind(node.node) {
        kind if kind.is_mapping() => {
            let entries = keys(doc, node, 0).into_iter().filter_map(|key| {
                let value = convert(doc, doc.get(node, &key)?, depth + 1);
                Some((key.into_owned(), value))
            });
            Value::Object(entries.collect::<Map<_, _>>())
        }
        kind if kind.is_sequence() => {
            Value::Array(doc.items(node).map(|item| convert(doc, item, depth + 1)).collect())
        }
        Kind::Plain => plain(doc, node.node),
        Kind::Null => Value::Null,
        _ => doc.string(node.node).map_or(Value::Null, |text| Value::String(text.into_owned())),
    }
}

/// The keys of a mapping, those of its merge keys too.
fn keys<'a>(doc: &'a Document<'a>, mapping: At, depth: usize) -> Vec<Cow<'a, str>> {
    const MERGES: usize = 4;
    let mut found = Vec::new();
    for (key, _) in doc.entries(mapping.node) {
        let Some(name) = doc.string(key) else { continue };
        if name != "<<" {
            found.push(name);
        } else if depth < MERGES
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

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document<'static> {
        Document::owned(text.to_owned()).unwrap()
    }

    #[test]
    fn values_are_read_as_a_cluster_reads_them() {
        let doc =
            document("a: {b: [x, 'y'], n: 9411, s: '9411', t: yes, z: ~}\nc: &c {k: 1}\nd: {<<: *c, e: 2}\n");
        let root = Field::new(&doc, doc.roots().next().unwrap());
        let a = root.get("a");
        assert_eq!(a.at(&["b", "1"]).text(), "y");
        assert_eq!(a.get("n").number(), Some(9411));
        assert_eq!(a.get("s").number(), None);
        assert!(a.get("s").is_string() && !a.get("n").is_string());
        assert!(a.get("t").is_true());
        assert!(a.get("z").exists() && !a.get("z").is_set() && !a.get("y").exists());
        let d: Vec<_> =
            root.get("d").entries().map(|(key, value)| format!("{key}={}", value.text())).collect();
        assert_eq!(d, ["k=1", "e=2"]);
        assert_eq!(root.get("d").json(), serde_json::json!({"k": 1, "e": 2}));
    }

    #[test]
    fn what_is_missing_has_the_place_of_what_is_around_it() {
        let doc = document("a:\n  b:\n    c: 1\n");
        let root = Field::new(&doc, doc.roots().next().unwrap());
        assert_eq!(root.at(&["a", "b", "x", "y"]).offset(), 5);
        assert_eq!(root.at(&["a", "b", "c"]).offset(), 12);
    }
}
