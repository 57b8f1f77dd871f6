//! The gate: every change passes here before it is collected, whichever way it came. It asks whether the change can be
//! made at its place at all; whether the layout has room for its text is seen when it is written.

use super::change::{Change, Refusal, RefusalKind, Value};
use super::query::At;
use super::tape::{Document, Kind, NodeId};

/// Refuses a change that would alter more than its own place, or that readers would not all see there.
pub(super) fn admit(doc: &Document<'_>, at: At, change: &Change) -> Result<(), Refusal> {
    text(doc)?;
    unshared(doc, at)?;
    if let Some(duplicate) = doc.duplicate_around(at.node) {
        return Err(Refusal::duplicate(doc, &duplicate));
    }
    keys(doc, at, change)?;
    properties(doc, at, change)?;
    kinds(doc, at, change)
}

/// The document as a whole: its line breaks, and whether its merge keys could be followed.
fn text(doc: &Document<'_>) -> Result<(), Refusal> {
    if let Some(at) = doc.lone_cr() {
        return Err(Refusal { at, kind: RefusalKind::LoneCr });
    }
    doc.refuse_misread()?;
    merges(doc)
}

/// Refuses a document whose merge keys lead to more mappings than are searched.
pub(super) fn merges(doc: &Document<'_>) -> Result<(), Refusal> {
    match doc.merge_overrun() {
        Some(at) => Err(Refusal { at, kind: RefusalKind::MergeLimit }),
        None => Ok(()),
    }
}

/// The node is written at this one place and stands for nothing elsewhere.
fn unshared(doc: &Document<'_>, at: At) -> Result<(), Refusal> {
    if let Some(shared) = at.shared {
        return Err(Refusal { at: doc.start(shared), kind: RefusalKind::Shared });
    }
    match doc.aliased_around(at.node) {
        Some(at) => Err(Refusal { at, kind: RefusalKind::Aliased }),
        None => Ok(()),
    }
}

/// No key is written `? key` where an entry, or the value of one, is to be written.
fn keys(doc: &Document<'_>, at: At, change: &Change) -> Result<(), Refusal> {
    let explicit = match (change, at.parent) {
        (Change::Insert { .. }, _) => doc.explicit_key(at.node, None),
        (_, Some(parent)) if at.key.is_some() => doc.explicit_key(parent, at.key),
        _ => None,
    };
    match explicit {
        Some(key) => Err(Refusal { at: doc.start(key), kind: RefusalKind::ExplicitKey }),
        None => Ok(()),
    }
}

/// An anchor or a tag still says the truth of what is written behind it.
fn properties(doc: &Document<'_>, at: At, change: &Change) -> Result<(), Refusal> {
    let string = match change {
        Change::Insert { .. } | Change::Append { .. } => return Ok(()),
        Change::Fill { .. } | Change::Swap { .. } => false,
        Change::Replace { value, .. } => matches!(value, Value::Text(_) | Value::Lines(_)),
        Change::Within { .. } => true,
    };
    // `&anchor` and `!!str` in front of a string that is not empty.
    let fits = string
        && doc.tag(at.node).is_none_or(|tag| matches!(tag, "!" | "!!str"))
        && !doc.is_null(at.node)
        && !doc.text(at.node).is_empty();
    if doc.has_properties(at.node) && !fits {
        return Err(Refusal { at: doc.start(at.node), kind: RefusalKind::Properties });
    }
    Ok(())
}

/// The node is one that the change is for.
fn kinds(doc: &Document<'_>, at: At, change: &Change) -> Result<(), Refusal> {
    let kind = doc.kind(at.node);
    let refusal = |kind: RefusalKind| Err(Refusal { at: doc.start(at.node), kind });
    let key = || at.key.map_or("", |key| doc.text(key)).to_owned();
    match change {
        Change::Insert { .. } if !kind.is_mapping() => {
            refusal(RefusalKind::NotMapping { key: key(), found: kind.noun() })
        }
        Change::Append { .. } if !kind.is_sequence() => {
            refusal(RefusalKind::NotSequence { key: key(), found: kind.noun() })
        }
        Change::Replace { .. } | Change::Within { .. } if !kind.is_scalar() => {
            refusal(RefusalKind::NotScalar { key: key(), found: kind.noun() })
        }
        Change::Within { .. } => doc.refuse_breaks_in(at.node),
        // An empty item of a sequence has no colon to write behind.
        Change::Fill { .. } if at.key.is_none() && kind == Kind::Null => refusal(RefusalKind::Layout),
        _ => Ok(()),
    }
}

impl Document<'_> {
    /// The first key of a mapping that is written `? key`, or the one key asked for if it is.
    fn explicit_key(&self, mapping: NodeId, only: Option<NodeId>) -> Option<NodeId> {
        let mut before = self.start(mapping);
        for (key, value) in self.entries(mapping) {
            let asked = only.is_none_or(|only| only == key);
            if asked && has_question_mark(self.slice(before, self.start(key))) {
                return Some(key);
            }
            before = self.end(value).max(self.end(key));
        }
        None
    }
}

/// Whether `?` stands in the gap before a key, among blanks, comments, properties and commas.
fn has_question_mark(gap: &str) -> bool {
    gap.lines().any(|row| {
        let words = row.split([' ', '\t', ',', '{', '[']);
        let mut words = words.take_while(|word| !word.starts_with('#')).filter(|word| !word.is_empty());
        words.any(|word| word == "?")
    })
}
