//! What is to change, in terms of nodes: collected from all who want something, merged, rendered once.

use std::collections::HashMap;
use std::fmt;

use super::query::{At, Duplicate};
use super::render;
use super::splice::Edit;
use super::tape::{Document, Kind, NodeId};

/// A value to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string on one line.
    Text(String),
    /// A string of several lines: a literal where the style allows one.
    Lines(String),
    /// A number or another scalar that is not a string, as it is to be written.
    Raw(String),
    /// A mapping.
    Map(Vec<(String, Value)>),
    /// A sequence.
    List(Vec<Value>),
}

/// Where a new entry goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before all others.
    First,
    /// Behind the first of these keys that is there, else last.
    After(&'static [&'static str]),
    /// Behind all others.
    Last,
}

/// Why a change cannot be made without changing more than was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// An alias or a merge key leads here.
    Shared,
    /// An alias elsewhere stands for this node or one around it.
    Aliased,
    /// A mapping is needed and something else is there.
    NotMapping {
        /// The key whose value it is.
        key: String,
        /// What was found.
        found: &'static str,
    },
    /// A scalar is needed and something else is there.
    NotScalar {
        /// The key whose value it is.
        key: String,
        /// What was found.
        found: &'static str,
    },
    /// A sequence is needed and something else is there.
    NotSequence {
        /// The key whose value it is.
        key: String,
        /// What was found.
        found: &'static str,
    },
    /// A merge key may already bring the key.
    Merged {
        /// The key to be added.
        key: String,
    },
    /// A key on the way stands twice.
    Duplicate {
        /// The key.
        key: String,
        /// Where it stands first.
        first: usize,
    },
    /// `? key`, `[key: value]`, or another layout that has no place for a new entry.
    Layout,
    /// A line that ends in a carriage return alone.
    LoneCr,
    /// Something that has to be there is not.
    Absent {
        /// What.
        what: String,
    },
    /// An empty value with an anchor or a tag.
    Properties,
    /// A blank line with a tab in it, which readers of YAML 1.1 refuse behind what would be written.
    TabLine,
}

/// A change that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Offset of what stands in the way.
    pub at: usize,
    /// Why.
    pub kind: RefusalKind,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            RefusalKind::Shared => {
                f.write_str("this alias or merge key shares what has to be edited; write the value out here")
            }
            RefusalKind::Aliased => f.write_str(
                "this anchor is used by an alias, so that an edit here would change that place too; \
                 write the value out there",
            ),
            RefusalKind::NotMapping { key, found } => {
                write!(f, "`{key}` is {found}, expected a mapping")
            }
            RefusalKind::NotSequence { key, found } => {
                write!(f, "`{key}` is {found}, expected a sequence")
            }
            RefusalKind::NotScalar { key, found } => {
                write!(f, "`{key}` is {found}, expected a string")
            }
            RefusalKind::Absent { what } => write!(f, "there is no {what}; add it"),
            RefusalKind::Merged { key } => {
                write!(f, "this merge key brings `{key}`; write it out where it is merged in")
            }
            RefusalKind::Duplicate { key, .. } => {
                write!(f, "`{key}` stands twice in this mapping; remove one of the two")
            }
            RefusalKind::Layout => f.write_str(
                "there is no place for a new entry in this layout; write the mapping in block style",
            ),
            RefusalKind::LoneCr => f.write_str(
                "this line ends in a carriage return alone, which cannot be edited safely; \
                 convert the line breaks to LF or CRLF",
            ),
            RefusalKind::TabLine => f.write_str(
                "this blank line has a tab in it, which some readers refuse behind the value to be written above; \
                 empty the line",
            ),
            RefusalKind::Properties => {
                f.write_str("this empty value has an anchor or a tag; write the value out")
            }
        }
    }
}

/// One change.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// A new entry in a mapping that is not empty.
    Insert { mapping: NodeId, place: Place, key: String, value: Value },
    /// A value for a key that has none (or `{}`, or an empty string).
    Fill { at: At, value: Value },
    /// New items behind the last one of a sequence that is not empty.
    Append { sequence: NodeId, items: Vec<Value> },
    /// Edits that are ready, of a text inside a scalar.
    Ready(Vec<Edit>),
    /// Another value for a scalar; `note` is a comment line to be put above it.
    Replace { at: At, value: Value, note: Option<String> },
    /// Another key and value in place of an entry.
    Swap { at: At, key: String, value: Value },
}

/// The changes to one document.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    changes: Vec<Change>,
    /// The changes that create something, by the node they do it at.
    created: HashMap<NodeId, Vec<usize>>,
}

impl Changes {
    /// Whether nothing is to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Sets the value at the end of a path, creating what is missing on the way and replacing what is there.
    ///
    /// # Errors
    /// The change would alter other places, or the document has no place for it.
    pub fn set(
        &mut self,
        doc: &Document<'_>,
        root: At,
        path: &[(&str, Place)],
        value: Value,
    ) -> Result<(), Refusal> {
        let mut at = root;
        for (i, (key, place)) in path.iter().enumerate() {
            let rest = path.get(i + 1..).unwrap_or_default();
            match doc.kind(at.node) {
                kind if kind.is_mapping() => {}
                kind => {
                    let name = at.key.map_or("", |key| doc.text(key)).to_owned();
                    let kind = RefusalKind::NotMapping { key: name, found: kind.noun() };
                    return Err(Refusal { at: doc.start(at.node), kind });
                }
            }
            let Some(found) = doc.get(at, key) else {
                guard(doc, at)?;
                return self.insert(doc, at.node, key, *place, nest(rest, value));
            };
            let empty_flow =
                doc.kind(found.node) == Kind::FlowMapping && doc.entries(found.node).next().is_none();
            if rest.is_empty() {
                return self.replace(doc, found, value, None);
            }
            if doc.is_null(found.node) || empty_flow {
                guard(doc, found)?;
                self.fill(doc, found, nest(rest, value))?;
                return Ok(());
            }
            at = found;
        }
        Ok(())
    }

    /// Replaces a scalar, with a comment line above it if a note is given.
    ///
    /// # Errors
    /// The change would alter other places, or there is no scalar.
    pub fn replace(
        &mut self,
        doc: &Document<'_>,
        at: At,
        value: Value,
        note: Option<String>,
    ) -> Result<(), Refusal> {
        guard(doc, at)?;
        if doc.kind(at.node) == Kind::Null {
            return self.fill(doc, at, value);
        }
        let tagged_null = doc.is_null(at.node) && doc.has_properties(at.node);
        if tagged_null || (doc.kind(at.node) == Kind::Plain && doc.text(at.node).is_empty()) {
            return Err(Refusal { at: doc.start(at.node), kind: RefusalKind::Properties });
        }
        if !doc.kind(at.node).is_scalar() {
            let key = at.key.map_or("", |key| doc.text(key)).to_owned();
            let found = doc.kind(at.node).noun();
            let kind = RefusalKind::NotScalar { key, found };
            return Err(Refusal { at: doc.start(at.node), kind });
        }
        self.changes.push(Change::Replace { at, value, note });
        Ok(())
    }

    /// Puts another key and value in place of an entry, as `valueFrom` for `value`.
    ///
    /// # Errors
    /// The change would alter other places, or the layout has no place for it.
    pub fn swap(&mut self, doc: &Document<'_>, at: At, key: &str, value: Value) -> Result<(), Refusal> {
        guard(doc, at)?;
        if doc.has_properties(at.node) {
            return Err(Refusal { at: doc.start(at.node), kind: RefusalKind::Properties });
        }
        self.changes.push(Change::Swap { at, key: key.to_owned(), value });
        Ok(())
    }

    /// Adds an item behind the last one of a sequence; an empty one, or a null, is filled.
    ///
    /// # Errors
    /// The change would alter other places, or there is no sequence.
    pub fn append(&mut self, doc: &Document<'_>, at: At, item: Value) -> Result<(), Refusal> {
        guard(doc, at)?;
        let empty = doc.items(at).next().is_none();
        if doc.is_null(at.node) || (empty && doc.kind(at.node) == Kind::FlowSequence) {
            return self.fill(doc, at, Value::List(vec![item]));
        }
        if !doc.kind(at.node).is_sequence() {
            let key = at.key.map_or("", |key| doc.text(key)).to_owned();
            let kind = RefusalKind::NotSequence { key, found: doc.kind(at.node).noun() };
            return Err(Refusal { at: doc.start(at.node), kind });
        }
        for i in self.created.get(&at.node).into_iter().flatten() {
            if let Some(Change::Append { items, .. }) = self.changes.get_mut(*i) {
                items.push(item);
                return Ok(());
            }
        }
        self.created.entry(at.node).or_default().push(self.changes.len());
        self.changes.push(Change::Append { sequence: at.node, items: vec![item] });
        Ok(())
    }

    /// Takes over edits of the text inside a scalar.
    ///
    /// # Errors
    /// The change would alter other places.
    pub fn within(&mut self, doc: &Document<'_>, at: At, edits: Vec<Edit>) -> Result<(), Refusal> {
        guard(doc, at)?;
        self.changes.push(Change::Ready(edits));
        Ok(())
    }

    /// Turns the changes into edits of the text, in order.
    ///
    /// # Errors
    /// A layout that has no place for the change.
    pub fn render(&self, doc: &Document<'_>) -> Result<Vec<Edit>, Refusal> {
        if self.changes.is_empty() { Ok(Vec::new()) } else { render::edits(doc, &self.changes) }
    }

    fn insert(
        &mut self,
        doc: &Document<'_>,
        mapping: NodeId,
        key: &str,
        place: Place,
        value: Value,
    ) -> Result<(), Refusal> {
        if let Some(merge) = doc.merge_key(mapping) {
            let mapping = At { node: mapping, key: None, parent: None, shared: None };
            if doc.get(mapping, key).is_some() {
                let kind = RefusalKind::Merged { key: key.to_owned() };
                return Err(Refusal { at: doc.start(merge), kind });
            }
        }
        for i in self.created.get(&mapping).into_iter().flatten() {
            if let Some(Change::Insert { key: known, value: pending, .. }) = self.changes.get_mut(*i)
                && known == key
            {
                merge(pending, value);
                return Ok(());
            }
        }
        self.created.entry(mapping).or_default().push(self.changes.len());
        self.changes.push(Change::Insert { mapping, place, key: key.to_owned(), value });
        Ok(())
    }

    fn fill(&mut self, doc: &Document<'_>, at: At, value: Value) -> Result<(), Refusal> {
        if doc.has_properties(at.node) {
            return Err(Refusal { at: doc.start(at.node), kind: RefusalKind::Properties });
        }
        for i in self.created.get(&at.node).into_iter().flatten() {
            if let Some(Change::Fill { value: pending, .. }) = self.changes.get_mut(*i) {
                merge(pending, value);
                return Ok(());
            }
        }
        self.created.entry(at.node).or_default().push(self.changes.len());
        self.changes.push(Change::Fill { at, value });
        Ok(())
    }
}

/// Wraps a value in the mappings that a path still needs.
fn nest(path: &[(&str, Place)], value: Value) -> Value {
    path.iter().rev().fold(value, |value, (key, _)| Value::Map(vec![((*key).to_owned(), value)]))
}

/// Adds the entries of one pending value to another; of two scalars the later one stays.
fn merge(pending: &mut Value, value: Value) {
    match (pending, value) {
        (Value::Map(entries), Value::Map(more)) => {
            for (key, value) in more {
                match entries.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, known)) => merge(known, value),
                    None => entries.push((key, value)),
                }
            }
        }
        (Value::List(items), Value::List(more)) => items.extend(more),
        (pending, value) => *pending = value,
    }
}

/// Refuses what would change more than the place it is made at.
fn guard(doc: &Document<'_>, at: At) -> Result<(), Refusal> {
    if let Some(shared) = at.shared {
        return Err(Refusal { at: doc.start(shared), kind: RefusalKind::Shared });
    }
    if let Some(at) = doc.aliased_around(at.node) {
        return Err(Refusal { at, kind: RefusalKind::Aliased });
    }
    if let Some(at) = doc.lone_cr() {
        return Err(Refusal { at, kind: RefusalKind::LoneCr });
    }
    match doc.duplicate_around(at.node) {
        Some(duplicate) => Err(Refusal::duplicate(doc, &duplicate)),
        None => Ok(()),
    }
}

impl Refusal {
    /// The refusal to edit below a key that stands twice.
    #[must_use]
    pub fn duplicate(doc: &Document<'_>, duplicate: &Duplicate) -> Self {
        let key = doc.string(duplicate.second).unwrap_or_default().into_owned();
        let kind = RefusalKind::Duplicate { key, first: doc.start(duplicate.first) };
        Self { at: doc.start(duplicate.second), kind }
    }
}
