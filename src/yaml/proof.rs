//! Proof of the edits of a document, in debug builds and so in all tests: the output is read again, and its data must be
//! the input's with the changes in it, nothing more and nothing less. The edits are not looked at, only what they lead to.
//!
//! A text inside a scalar is proved twice: by its own rendering, and as the value of the scalar here.

use std::collections::HashMap;

use super::change::{Change, Value};
use super::line;
use super::scalar;
use super::splice::{self, Edit};
use super::tape::{Document, Kind, NodeId};

/// Panics where the edits do not lead from the document to what the changes ask for. The message has places and no
/// values, since those may be secret.
#[expect(clippy::panic, reason = "a wrong edit must not go unnoticed in a test")]
pub(super) fn check(before: &Document<'_>, changes: &[Change], edits: &[Edit]) {
    if let Err(mismatch) = prove(before, changes, edits) {
        panic!("an edit gives other data than intended: {mismatch}");
    }
}

fn prove(before: &Document<'_>, changes: &[Change], edits: &[Edit]) -> Result<(), String> {
    let output = splice::apply(before.src(), edits).map_err(|error| error.to_string())?;
    let after = Document::parse(&output).map_err(|error| {
        format!("the output cannot be read: line {}: {error}", line_number(&output, error.at))
    })?;
    let mut proof = Proof {
        before,
        after: &after,
        wanted: wanted(changes),
        counterparts: HashMap::new(),
        aliases: Vec::new(),
        pending: Vec::new(),
    };
    proof.run()
}

/// What changes ask of a node.
#[derive(Default)]
struct Wanted<'c> {
    /// It becomes this.
    value: Option<&'c Value>,
    /// It is a scalar with the first value and becomes one with the second.
    text: Option<(&'c str, &'c str)>,
    /// It moves to this key.
    key: Option<&'c str>,
    /// It gains these entries.
    entries: Vec<(&'c str, &'c Value)>,
    /// It gains these items, last.
    items: &'c [Value],
}

fn wanted(changes: &[Change]) -> HashMap<NodeId, Wanted<'_>> {
    let mut all: HashMap<NodeId, Wanted<'_>> = HashMap::new();
    for change in changes {
        match change {
            Change::Insert { mapping, key, value, .. } => {
                all.entry(*mapping).or_default().entries.push((key, value));
            }
            Change::Fill { at, value } | Change::Replace { at, value, .. } => {
                all.entry(at.node).or_default().value = Some(value);
            }
            Change::Append { sequence, items } => all.entry(*sequence).or_default().items = items,
            Change::Within { at, from, text, .. } => {
                all.entry(at.node).or_default().text = Some((from, text));
            }
            Change::Swap { at, key, value } => {
                let wanted = all.entry(at.node).or_default();
                (wanted.key, wanted.value) = (Some(key.as_str()), Some(value));
            }
        }
    }
    all
}

/// A node of the output and what it has to be.
enum Claim<'c> {
    /// What this node of the input is, with its changes.
    Kept(NodeId, NodeId),
    /// A new value.
    New(&'c Value, NodeId),
}

struct Proof<'c, 'd, 's> {
    before: &'d Document<'s>,
    after: &'d Document<'d>,
    wanted: HashMap<NodeId, Wanted<'c>>,
    /// Nodes of the input and what they are in the output.
    counterparts: HashMap<NodeId, NodeId>,
    /// Aliases of the input and what they are in the output.
    aliases: Vec<(NodeId, NodeId)>,
    pending: Vec<Claim<'c>>,
}

impl<'c> Proof<'c, '_, '_> {
    fn run(&mut self) -> Result<(), String> {
        let (roots, others) = (&self.before.tape.roots, &self.after.tape.roots);
        if roots.len() != others.len() {
            return Err(format!("{} documents became {}", roots.len(), others.len()));
        }
        self.pending.extend(roots.iter().zip(others).map(|(a, b)| Claim::Kept(*a, *b)));
        while let Some(claim) = self.pending.pop() {
            match claim {
                Claim::Kept(old, new) => self.kept(old, new)?,
                Claim::New(value, new) => self.new_value(value, new)?,
            }
        }
        for (old, new) in &self.aliases {
            let target = self.before.alias_target(*old).and_then(|target| self.counterparts.get(&target));
            if target.copied() != self.after.alias_target(*new) {
                return Err(self.said(*new, "this alias stands for another node"));
            }
        }
        Ok(())
    }

    fn kept(&mut self, old: NodeId, new: NodeId) -> Result<(), String> {
        self.counterparts.insert(old, new);
        let (before, after) = (self.before, self.after);
        let (value, text) = self.wanted.get(&old).map_or((None, None), |wanted| (wanted.value, wanted.text));
        if before.has_properties(old) != after.has_properties(new) || before.tag(old) != after.tag(new) {
            return Err(self.said(new, "its anchor or tag came or went"));
        }
        if let Some(value) = value {
            self.pending.push(Claim::New(value, new));
            return Ok(());
        }
        let kind = before.kind(old);
        let same_kind = if kind.is_mapping() || kind.is_sequence() {
            kind == after.kind(new)
        } else {
            (kind.is_scalar() && after.kind(new).is_scalar()) || kind == after.kind(new)
        };
        if !same_kind {
            return Err(self.said(new, "it is of another kind than in the input"));
        }
        match kind {
            _ if kind.is_mapping() => self.entries(old, new),
            _ if kind.is_sequence() => self.items(old, new),
            Kind::Alias => {
                self.aliases.push((old, new));
                Ok(())
            }
            _ => match text {
                Some((from, _)) if before.string(old).is_none_or(|found| found != from) => {
                    Err(self.said(new, "its text was edited as if it were another one"))
                }
                Some((_, text)) if after.string(new).is_some_and(|found| found == text) => Ok(()),
                None if self.is_same_scalar(old, new) => Ok(()),
                _ => Err(self.said(new, "it has another value than intended")),
            },
        }
    }

    /// Equal in value and, but for the header of a block scalar, byte by byte.
    fn is_same_scalar(&self, old: NodeId, new: NodeId) -> bool {
        let (before, after) = (self.before, self.after);
        before.kind(old) == after.kind(new)
            && match before.kind(old) {
                Kind::Literal | Kind::Folded => before.string(old) == after.string(new),
                _ => before.text(old) == after.text(new),
            }
    }

    /// Every entry is there in order, at its key or the one it moves to; the others are the new ones.
    fn entries(&mut self, old: NodeId, new: NodeId) -> Result<(), String> {
        let (before, after) = (self.before, self.after);
        let mut kept = before.entries(old).peekable();
        let mut gained = self.wanted.get(&old).map(|wanted| wanted.entries.clone()).unwrap_or_default();
        for (key, value) in after.entries(new) {
            if let Some((old_key, old_value)) = kept.peek().copied()
                && self.is_key_of(old_key, old_value, key)
            {
                kept.next();
                if self.moved_to(old_value).is_none() {
                    self.pending.push(Claim::Kept(old_key, key));
                }
                self.pending.push(Claim::Kept(old_value, value));
            } else if let Some(i) = gained.iter().position(|(name, _)| after.is(key, name)) {
                let (_, wanted) = gained.remove(i);
                self.pending.push(Claim::New(wanted, value));
            } else {
                return Err(self.said(key, "this key was not asked for, or moved"));
            }
        }
        if kept.next().is_some() {
            return Err(self.said(new, "a key of this mapping is lost"));
        }
        if gained.is_empty() { Ok(()) } else { Err(self.said(new, "a new key of this mapping is missing")) }
    }

    fn moved_to(&self, value: NodeId) -> Option<&'c str> {
        self.wanted.get(&value).and_then(|wanted| wanted.key)
    }

    fn is_key_of(&self, old_key: NodeId, old_value: NodeId, new_key: NodeId) -> bool {
        match self.moved_to(old_value) {
            Some(name) => self.after.is(new_key, name),
            None if self.before.kind(old_key).is_scalar() => self.is_same_scalar(old_key, new_key),
            None => self.before.kind(old_key) == self.after.kind(new_key),
        }
    }

    fn items(&mut self, old: NodeId, new: NodeId) -> Result<(), String> {
        let gained = self.wanted.get(&old).map_or(&[][..], |wanted| wanted.items);
        let mut kept = self.before.children(old);
        let mut gained = gained.iter();
        for item in self.after.children(new) {
            self.pending.push(match (kept.next(), gained.as_slice().first()) {
                (Some(old), _) => Claim::Kept(old, item),
                (None, Some(value)) => {
                    gained.next();
                    Claim::New(value, item)
                }
                (None, None) => return Err(self.said(item, "this item was not asked for")),
            });
        }
        if kept.next().is_some() || gained.next().is_some() {
            return Err(self.said(new, "an item of this sequence is missing"));
        }
        Ok(())
    }

    fn new_value(&mut self, value: &'c Value, new: NodeId) -> Result<(), String> {
        let after = self.after;
        let kind = after.kind(new);
        match value {
            Value::Map(entries) if kind.is_mapping() => {
                let mut found = after.entries(new);
                for (name, value) in entries {
                    match found.next() {
                        Some((key, node)) if after.is(key, name) => {
                            self.pending.push(Claim::New(value, node))
                        }
                        _ => return Err(self.said(new, "this new mapping has other keys than intended")),
                    }
                }
                if found.next().is_some() {
                    return Err(self.said(new, "this new mapping has more keys than intended"));
                }
            }
            Value::List(items) if kind.is_sequence() => {
                let found: Vec<NodeId> = after.children(new).collect();
                if found.len() != items.len() {
                    return Err(self.said(new, "this new sequence has another length than intended"));
                }
                self.pending.extend(items.iter().zip(found).map(|(item, node)| Claim::New(item, node)));
            }
            Value::Text(text) | Value::Lines(text) if self.is_string(new, text) => {}
            Value::Raw(text) if kind == Kind::Plain && after.text(new) == text => {}
            _ => return Err(self.said(new, "this is not the new value")),
        }
        Ok(())
    }

    /// Whether a node is this string for every reader. A literal has no last line break where the text has none.
    fn is_string(&self, node: NodeId, text: &str) -> bool {
        let (after, kind) = (self.after, self.after.kind(node));
        let Some(found) = after.string(node) else { return false };
        let same =
            found == text || (!self.before.src().ends_with('\n') && text.strip_suffix('\n') == Some(&*found));
        same && kind.is_scalar() && (kind != Kind::Plain || !scalar::is_other_type(text))
    }

    fn said(&self, node: NodeId, what: &str) -> String {
        let start = self.after.start(node);
        let column = start - line::start(self.after.src(), start) + 1;
        format!("line {}, column {column} of the output: {what}", line_number(self.after.src(), start))
    }
}

fn line_number(text: &str, at: usize) -> usize {
    let head = text.as_bytes().get(..at).unwrap_or_default();
    memchr::memchr_iter(b'\n', head).count() + 1
}

#[cfg(test)]
mod tests {
    use super::super::{Changes, Place};
    use super::*;

    /// What is said of an output that edits other than the rendered ones lead to.
    fn said(
        text: &str,
        change: impl Fn(&mut Changes, &Document<'_>),
        edits: &[(usize, usize, &str)],
    ) -> String {
        let doc = Document::parse(text).unwrap();
        let mut changes = Changes::default();
        change(&mut changes, &doc);
        let edits: Vec<Edit> = edits
            .iter()
            .map(|(start, end, text)| Edit { start: *start, end: *end, text: (*text).to_owned() })
            .collect();
        prove(&doc, changes.all(), &edits).err().unwrap_or_default()
    }

    fn set(path: &'static str, value: &'static str) -> impl Fn(&mut Changes, &Document<'_>) {
        move |changes, doc| {
            let root = doc.roots().next().unwrap();
            let path: Vec<_> = path.split('.').map(|key| (key, Place::Last)).collect();
            changes.set(doc, root, &path, Value::Text(value.to_owned())).unwrap();
        }
    }

    #[test]
    fn wrong_edits_are_noticed() {
        let text = "a: &x 1\nb:\n  c: |\n    x\nd: *x\n";
        for (path, edits, want) in [
            ("b.n", &[(23, 23, "\n  n: v")][..], ""),
            ("b.n", &[(23, 23, "\nn: v")], "this key was not asked for"),
            ("b.n", &[(23, 23, "\n  n: 1")], "this is not the new value"),
            ("b.n", &[(23, 23, "\n    n: v")], "a new key of this mapping is missing"),
            ("b.n", &[], "a new key of this mapping is missing"),
            ("b.n", &[(16, 17, "|-"), (23, 23, "\n  n: v")], "another value"),
            ("b.n", &[(3, 6, ""), (23, 23, "\n  n: v")], "cannot be read"),
            ("b.n", &[(23, 23, "\n  n: v\n  n: v")], "this key was not asked for"),
            ("b.n", &[(23, 23, "\n  n: v"), (24, 30, "")], "a key of this mapping is lost"),
        ] {
            let found = said(text, set(path, "v"), edits);
            assert!(
                if want.is_empty() { found.is_empty() } else { found.contains(want) },
                "{edits:?}: {found}"
            );
        }
    }

    #[test]
    fn a_new_string_that_readers_take_for_something_else_is_noticed() {
        for (value, written, good) in [("on", "on", false), ("on", "\"on\"", true), ("1", "1", false)] {
            let found = said("a: x\n", set("a", value), &[(3, 4, written)]);
            assert_eq!(found.is_empty(), good, "{written}: {found}");
        }
    }
}
