//! Taking out what an edit put in: entries and items with the lines or commas that came with them, values with an older
//! text in their place. The inverse of `render`, as far as the text tells; where it allows several originals each is a
//! variant, and callers find out which one an edit would turn into the same text again.

use std::collections::BTreeMap;

use super::line;
use super::query::At;
use super::scalar::{self, Quote};
use super::splice::{self, Edit};
use super::tape::{Document, Kind, NodeId};

/// How many originals are tried for an entry or item: see [`Removals::render`].
const WAYS: usize = 4;

/// One way to take something out.
#[derive(Clone, Debug)]
pub enum Removal {
    /// An entry (by its value) or an item, and the collections below `root` that it leaves empty.
    Take {
        /// The value or item.
        at: At,
        /// The collection that stays, however empty it is.
        root: NodeId,
    },
    /// An older value of a scalar.
    Restore {
        /// The scalar.
        at: At,
        /// The older value.
        old: Old,
        /// The comment line above that goes with it, without `#`.
        note: Option<String>,
    },
    /// Something inside the text of a scalar.
    Within {
        /// The scalar.
        at: At,
        /// Its value.
        text: String,
        /// What to take out of that text, as a document of its own.
        removals: Removals,
    },
    /// The document as a whole, with the mark in front of it.
    Document,
}

/// An older value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Old {
    /// As it was written, quotes included.
    Written(String),
    /// Its value, to be written in the quotes of today's.
    Value(String),
}

/// What may be taken out of a document: each with the ways to do it, the likeliest first.
#[derive(Clone, Debug, Default)]
pub struct Removals {
    list: Vec<Vec<Removal>>,
}

/// One of [`Removals`] and which of its variants.
pub type Pick = (usize, usize);

impl Removals {
    /// Adds something that may be taken out in these ways.
    pub fn push(&mut self, ways: Vec<Removal>) {
        self.list.push(ways);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many variants one has.
    #[must_use]
    pub fn variants(&self, index: usize) -> usize {
        self.list.get(index).map_or(0, |ways| ways.iter().map(Removal::variants).sum())
    }

    /// The edits that take out what is picked, each by one of its variants: what is left empty goes too; or the outermost of
    /// it stays as an empty value; or the innermost does; or a comma goes from the other side. Nothing where the text is laid
    /// out as no edit lays it out.
    #[must_use]
    pub fn render(&self, doc: &Document<'_>, picks: &[Pick]) -> Option<Vec<Edit>> {
        let mut edits = Vec::new();
        let mut emptied = Emptied { doc, collections: BTreeMap::new() };
        for (index, variant) in picks {
            let (removal, variant) = self.way(*index, *variant)?;
            match removal {
                Removal::Take { at, root } => emptied.take(*at, *root, variant)?,
                Removal::Restore { at, old, note } => restore(doc, *at, old, note.as_deref(), &mut edits)?,
                Removal::Within { at, text, removals } => {
                    let inner = Document::parse(text).ok()?;
                    let all: Vec<_> = (0..removals.len()).map(|index| (index, variant)).collect();
                    let inside = removals.render(&inner, &all)?;
                    edits.extend(doc.carry_back(*at, text, &inside).ok()?.0);
                }
                Removal::Document => {
                    edits.push(Edit { start: 0, end: doc.src().len(), text: String::new() });
                }
            }
        }
        emptied.edits(&mut edits)?;
        without_contained(&mut edits);
        splice::order(&mut edits).ok()?;
        Some(edits)
    }

    /// The way that a variant belongs to, and which variant of that way it is; beyond the last one it is the last one.
    fn way(&self, index: usize, mut variant: usize) -> Option<(&Removal, usize)> {
        let ways = self.list.get(index)?;
        for way in ways {
            let count = way.variants();
            if variant < count {
                return Some((way, variant));
            }
            variant -= count;
        }
        ways.last().map(|way| (way, way.variants().saturating_sub(1)))
    }
}

impl Removal {
    fn variants(&self) -> usize {
        match self {
            Self::Take { .. } => WAYS,
            Self::Restore { .. } | Self::Document => 1,
            Self::Within { removals, .. } => {
                (0..removals.len()).map(|index| removals.variants(index)).max().unwrap_or(0)
            }
        }
    }
}

/// Drops what lies inside of a larger removal.
fn without_contained(edits: &mut Vec<Edit>) {
    edits.sort_by(|a, b| a.start.cmp(&b.start).then(b.end.cmp(&a.end)));
    let mut end = 0;
    edits.retain(|edit| {
        let contained = edit.end <= end && edit.start < end;
        end = end.max(edit.end);
        !contained
    });
}

/// Puts an older value in place of a scalar, and takes out the comment line that kept it.
fn restore(doc: &Document<'_>, at: At, old: &Old, note: Option<&str>, edits: &mut Vec<Edit>) -> Option<()> {
    let in_flow = at.parent.is_some_and(|parent| doc.kind(parent).is_flow());
    let quote = match doc.kind(at.node) {
        Kind::DoubleQuoted => Quote::Double,
        Kind::SingleQuoted => Quote::Single,
        Kind::Plain => Quote::Plain,
        _ => return None,
    };
    let text = match old {
        Old::Written(text) => text.clone(),
        Old::Value(value) => scalar::write(value, quote, in_flow),
    };
    edits.push(Edit { start: doc.start(at.node), end: doc.end(at.node), text });
    let Some(note) = note else { return Some(()) };
    let (start, end) = doc.note_above(at)?;
    let written = doc.slice(start, end).trim_end_matches(['\n', '\r']);
    if written.trim_start_matches([' ', '\t']).strip_prefix('#') != Some(note) {
        return None;
    }
    edits.push(Edit { start, end, text: String::new() });
    Some(())
}

impl Document<'_> {
    /// The comment that stands on a line of its own directly above the line of an entry, without `#`.
    #[must_use]
    pub fn comment_above(&self, at: At) -> Option<&str> {
        let (start, end) = self.note_above(at)?;
        self.slice(start, end).trim().strip_prefix('#')
    }

    /// The line above that of an entry, where it is a comment: from its start to the start of the next one.
    fn note_above(&self, at: At) -> Option<(usize, usize)> {
        let end = self.line_start(self.start(at.key?));
        let start = self.line_start(end.checked_sub(1)?);
        matches!(line::idle(self.src(), start), Some(line::Idle::Comment { .. })).then_some((start, end))
    }
}

/// What is taken out of one collection.
#[derive(Default)]
struct Taken {
    /// The values or items.
    children: Vec<NodeId>,
    variant: usize,
    /// The collection that stays.
    root: Option<NodeId>,
}

/// Collections that things are taken out of, the outer ones first.
struct Emptied<'d, 's> {
    doc: &'d Document<'s>,
    collections: BTreeMap<NodeId, Taken>,
}

/// A child of a collection: where its text starts (the dash of an item in block style) and ends, and its value.
#[derive(Clone, Copy)]
struct Child {
    value: NodeId,
    start: usize,
    end: usize,
}

impl Emptied<'_, '_> {
    fn take(&mut self, at: At, root: NodeId, variant: usize) -> Option<()> {
        if at.shared.is_some() || self.doc.aliased_around(at.node).is_some() {
            return None;
        }
        let taken = self.collections.entry(at.parent?).or_default();
        taken.children.push(at.node);
        taken.variant = taken.variant.max(variant);
        taken.root = Some(root);
        Some(())
    }

    /// All edits: of inner collections first, since what they leave empty may go with them.
    fn edits(mut self, edits: &mut Vec<Edit>) -> Option<()> {
        while let Some((collection, taken)) = self.collections.pop_last() {
            let children = self.children(collection)?;
            let all = children.len() == children.iter().filter(|c| taken.children.contains(&c.value)).count();
            if all && self.climb(collection, &taken).is_some() {
                continue;
            }
            if all && self.doc.kind(collection).is_flow() {
                let (start, end) = (self.doc.start(collection) + 1, self.doc.end(collection).checked_sub(1)?);
                edits.push(Edit { start, end, text: String::new() });
                continue;
            }
            if self.doc.kind(collection).is_flow() {
                for run in runs(&children, &taken.children) {
                    self.flow(collection, &children, run, taken.variant, edits)?;
                }
                continue;
            }
            for child in children.iter().filter(|child| taken.children.contains(&child.value)) {
                edits.push(self.lines(child.start, child.end)?);
            }
        }
        Some(())
    }

    /// Hands a collection that is left empty on to the one that it is in; nothing where it stays.
    fn climb(&mut self, collection: NodeId, taken: &Taken) -> Option<()> {
        let parent = self.doc.parent(collection)?;
        if taken.root == Some(collection) || taken.variant == 2 {
            return None;
        }
        let above = self.collections.get(&parent).map_or(0, |taken| taken.children.len());
        let outermost = taken.root == Some(parent) || self.children(parent)?.len() > above + 1;
        if taken.variant == 1 && outermost {
            return None;
        }
        let entry = self.collections.entry(parent).or_default();
        entry.children.push(collection);
        entry.variant = entry.variant.max(taken.variant);
        entry.root = taken.root;
        Some(())
    }

    fn children(&self, collection: NodeId) -> Option<Vec<Child>> {
        let doc = self.doc;
        if doc.kind(collection).is_mapping() {
            let entries = doc.entries(collection);
            let child =
                |(key, value)| Child { value, start: doc.start(key), end: doc.end(value).max(doc.end(key)) };
            return Some(entries.map(child).collect());
        }
        let block = doc.kind(collection) == Kind::BlockSequence;
        let mut found = Vec::new();
        let mut before = doc.start(collection);
        for item in doc.children(collection) {
            let start = doc.start(item);
            let dash = before + doc.slice(before, start).rfind('-').unwrap_or(0);
            found.push(Child { value: item, start: if block { dash } else { start }, end: doc.end(item) });
            before = doc.end(item);
        }
        Some(found)
    }

    /// The lines of something, with the break in front of them.
    fn lines(&self, start: usize, end: usize) -> Option<Edit> {
        let src = self.doc.src();
        let first = self.doc.line_start(start);
        if line::skip_blanks(src, first) != start || !line::rest_is_blank(src, end) {
            return None;
        }
        let end = line::end(src, end);
        let from = match first.checked_sub(1) {
            None => return Some(Edit { start: 0, end: line::next(src, end), text: String::new() }),
            Some(at) => line::end(src, self.doc.line_start(at)),
        };
        Some(Edit { start: from, end, text: String::new() })
    }

    /// Elements of a flow collection that others are left of.
    fn flow(
        &self,
        collection: NodeId,
        children: &[Child],
        run: &[Child],
        variant: usize,
        edits: &mut Vec<Edit>,
    ) -> Option<()> {
        let (doc, src) = (self.doc, self.doc.src());
        let (first, last) = (run.first()?, run.last()?);
        let before = children.iter().take_while(|child| child.value != first.value).last();
        let behind = children.iter().skip_while(|child| child.value != last.value).nth(1);
        let mut drop = |start: usize, end: usize| edits.push(Edit { start, end, text: String::new() });
        let line_start = doc.line_start(first.start);
        let own_line =
            line_start > doc.start(collection) && line::skip_blanks(src, line_start) == first.start;
        let above = || line::end(src, doc.line_start(line_start.saturating_sub(1)));
        let comma = src.as_bytes().get(last.end) == Some(&b',');
        match (before, behind) {
            _ if own_line && comma => drop(above(), last.end + 1),
            (Some(before), _) if own_line => {
                if src.as_bytes().get(before.end) == Some(&b',') && above() > before.end {
                    drop(before.end, before.end + 1);
                    drop(above(), last.end);
                } else {
                    drop(before.end, last.end);
                }
            }
            (Some(before), None) => drop(before.end, last.end),
            (Some(before), Some(_)) if variant != 3 => drop(before.end, last.end),
            // What follows the comma may be an anchor or a tag.
            (_, Some(_)) if comma => drop(first.start, line::skip_blanks(src, last.end + 1)),
            _ => return None,
        }
        Some(())
    }
}

/// Children that are taken out, those beside each other together.
fn runs<'c>(children: &'c [Child], taken: &[NodeId]) -> Vec<&'c [Child]> {
    let is_taken = |child: &Child| taken.contains(&child.value);
    let groups = children.chunk_by(|a, b| is_taken(a) && is_taken(b));
    groups.filter(|group| group.first().is_some_and(is_taken)).collect()
}
