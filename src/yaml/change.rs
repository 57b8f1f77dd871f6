//! What is to change, in terms of nodes: collected from all who want something, merged, rendered once.

use std::collections::HashMap;
use std::fmt;

use super::gate;
#[cfg(debug_assertions)]
use super::proof;
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
    /// A key on the way stands twice.
    Duplicate {
        /// The key.
        key: String,
        /// Where it stands first.
        first: usize,
    },
    /// `[key: value]`, or another layout that has no place for a new entry.
    Layout,
    /// A line that ends in a carriage return alone.
    LoneCr,
    /// Something that has to be there is not.
    Absent {
        /// What.
        what: String,
    },
    /// An anchor or a tag that would not fit the new value.
    Properties,
    /// A key written `? key`.
    ExplicitKey,
    /// U+0085, U+2028 or U+2029, at which some readers begin a new line with other content.
    UnicodeBreak,
    /// A comma right behind a tag, which some readers take for a part of the tag.
    GluedComma,
    /// Merge keys that lead to more mappings than are searched.
    MergeLimit,
    /// A text in a style in which its lines are not lines of the document.
    Nested {
        /// The key whose value it is.
        key: String,
    },
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
                f.write_str("this value has an anchor or a tag that would not fit a new value; remove it")
            }
            RefusalKind::ExplicitKey => f.write_str(
                "this key is written `? key`, and an edit beside it is not safe; write it as `key: value`",
            ),
            RefusalKind::UnicodeBreak => f.write_str(
                "this character (U+0085, U+2028 or U+2029) is a line break for kubectl, which reads what follows \
                 as content of its own; replace it with a normal line break or a space",
            ),
            RefusalKind::GluedComma => {
                f.write_str("kubectl reads this comma as part of the tag before it; put a space before the comma")
            }
            RefusalKind::MergeLimit => f.write_str(
                "the merge keys of this document lead to too many mappings to be searched; write the values out",
            ),
            RefusalKind::Nested { key } => write!(
                f,
                "the text of `{key}` is in a style that joins lines, so it cannot be edited without rewriting it; \
                 write it as a literal: `{key}: |`"
            ),
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
    /// Edits of a text inside a scalar: carried back to the document, the text they were made for and the one they lead to.
    // Only the proof of debug builds reads the texts.
    #[cfg_attr(not(debug_assertions), allow(dead_code))]
    Within { at: At, edits: Vec<Edit>, from: String, text: String },
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

    #[cfg(test)]
    pub(super) fn all(&self) -> &[Change] {
        &self.changes
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
                return self.insert(doc, at, key, *place, nest(rest, value));
            };
            let empty_flow =
                doc.kind(found.node) == Kind::FlowMapping && doc.entries(found.node).next().is_none();
            if rest.is_empty() {
                return self.replace(doc, found, value, None);
            }
            if doc.is_null(found.node) || empty_flow {
                return self.add(doc, found, Change::Fill { at: found, value: nest(rest, value) });
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
        let null = doc.kind(at.node) == Kind::Null;
        let change = if null { Change::Fill { at, value } } else { Change::Replace { at, value, note } };
        self.add(doc, at, change)
    }

    /// Puts another key and value in place of an entry, as `valueFrom` for `value`.
    ///
    /// # Errors
    /// The change would alter other places, or the layout has no place for it.
    pub fn swap(&mut self, doc: &Document<'_>, at: At, key: &str, value: Value) -> Result<(), Refusal> {
        self.add(doc, at, Change::Swap { at, key: key.to_owned(), value })
    }

    /// Adds an item behind the last one of a sequence; an empty one, or a null, is filled.
    ///
    /// # Errors
    /// The change would alter other places, or there is no sequence.
    pub fn append(&mut self, doc: &Document<'_>, at: At, item: Value) -> Result<(), Refusal> {
        let empty = doc.items(at).next().is_none();
        let fills = doc.is_null(at.node) || (empty && doc.kind(at.node) == Kind::FlowSequence);
        let items = vec![item];
        let change = if fills {
            Change::Fill { at, value: Value::List(items) }
        } else {
            Change::Append { sequence: at.node, items }
        };
        self.add(doc, at, change)
    }

    /// Takes over edits of the text inside a scalar. The text must be the scalar's value, its last line break included.
    ///
    /// # Errors
    /// The change would alter other places, or the scalar is written in a way that cannot be edited in part.
    pub fn within(&mut self, doc: &Document<'_>, at: At, text: &str, edits: &[Edit]) -> Result<(), Refusal> {
        let from = text.to_owned();
        gate::admit(doc, at, &Change::Within { at, edits: Vec::new(), from, text: String::new() })?;
        let (edits, new) = doc.carry_back(at, text, edits)?;
        self.add(doc, at, Change::Within { at, edits, from: text.to_owned(), text: new })
    }

    /// Turns the changes into edits of the text, in order.
    ///
    /// # Errors
    /// A layout that has no place for the change.
    pub fn render(&self, doc: &Document<'_>) -> Result<Vec<Edit>, Refusal> {
        gate::merges(doc)?;
        if self.changes.is_empty() {
            return Ok(Vec::new());
        }
        let edits = render::edits(doc, &self.changes)?;
        #[cfg(debug_assertions)]
        proof::check(doc, &self.changes, &edits);
        Ok(edits)
    }

    fn insert(
        &mut self,
        doc: &Document<'_>,
        at: At,
        key: &str,
        place: Place,
        value: Value,
    ) -> Result<(), Refusal> {
        let mapping = at.node;
        self.add(doc, at, Change::Insert { mapping, place, key: key.to_owned(), value })
    }

    /// Collects a change that the gate lets through. What creates something where another change does already becomes
    /// part of that one.
    fn add(&mut self, doc: &Document<'_>, at: At, change: Change) -> Result<(), Refusal> {
        gate::admit(doc, at, &change)?;
        let mut change = change;
        for i in self.created.get(&at.node).into_iter().flatten() {
            let Some(pending) = self.changes.get_mut(*i) else { continue };
            match pending.absorb(change) {
                Ok(()) => return Ok(()),
                Err(other) => change = other,
            }
        }
        if change.creates() {
            self.created.entry(at.node).or_default().push(self.changes.len());
        }
        self.changes.push(change);
        Ok(())
    }
}

impl Change {
    fn creates(&self) -> bool {
        matches!(self, Self::Insert { .. } | Self::Fill { .. } | Self::Append { .. })
    }

    /// Takes in another change at the same node that creates the same thing, or gives it back.
    fn absorb(&mut self, other: Self) -> Result<(), Self> {
        match (self, other) {
            (Self::Insert { key, value, .. }, Self::Insert { key: same, value: more, .. })
                if *key == same =>
            {
                merge(value, more);
            }
            (Self::Fill { value, .. }, Self::Fill { value: more, .. }) => merge(value, more),
            (Self::Append { items, .. }, Self::Append { items: more, .. }) => items.extend(more),
            (_, other) => return Err(other),
        }
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

impl Refusal {
    /// The refusal to edit below a key that stands twice.
    #[must_use]
    pub fn duplicate(doc: &Document<'_>, duplicate: &Duplicate) -> Self {
        let key = doc.string(duplicate.second).unwrap_or_default().into_owned();
        let kind = RefusalKind::Duplicate { key, first: doc.start(duplicate.first) };
        Self { at: doc.start(duplicate.second), kind }
    }
}
