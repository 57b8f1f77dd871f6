//! Finding nodes: entries by key, through aliases and merge keys, and keys that stand twice.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering::Relaxed;

use super::subtree::Subtrees;
use super::tape::{Document, Kind, NodeId};

/// A node as it was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The node; never an alias.
    pub node: NodeId,
    /// The key it is the value of.
    pub key: Option<NodeId>,
    /// The mapping or sequence it was found in.
    pub parent: Option<NodeId>,
    /// The alias or merge key on the way to it: an edit here would change other places too.
    pub shared: Option<NodeId>,
}

/// A key that stands twice in one mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The mapping.
    pub mapping: NodeId,
    /// The key where it stands first.
    pub first: NodeId,
    /// The key where it stands again.
    pub second: NodeId,
}

/// What a mapping's own entries say of a key.
enum Look {
    /// Its value.
    Found(At),
    /// It is not there, and nothing is merged in.
    Absent,
    /// It is not there, but this (a mapping, or a sequence of them) is merged in.
    Merged(At),
}

/// Merge steps (nodes of the mappings searched by way of merge keys) that every document may take.
const FREE_MERGE_STEPS: u64 = 1 << 24;

/// Merge steps that a document may take more for each of its nodes, so that the time grows no faster than the text.
const MERGE_STEPS_PER_NODE: u64 = 128;

impl Document<'_> {
    /// The roots of the documents in this text.
    pub fn roots(&self) -> impl Iterator<Item = At> + '_ {
        self.tape.roots.iter().map(|node| At { node: *node, key: None, parent: None, shared: None })
    }

    /// The ids of a collection's children, one level down.
    pub(super) fn children(&self, parent: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let node = self.node(parent);
        let collection = node.kind.is_mapping() || node.kind.is_sequence();
        let end = if collection { node.next } else { 0 };
        let mut next = parent.0 + 1;
        std::iter::from_fn(move || {
            if next >= end {
                return None;
            }
            let id = NodeId(next);
            next = self.node(id).next;
            Some(id)
        })
    }

    /// The entries of a mapping as they stand there; aliases are not followed.
    pub fn entries(&self, mapping: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let mut children =
            self.kind(mapping).is_mapping().then(|| self.children(mapping)).into_iter().flatten();
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The items of a sequence.
    pub fn items(&self, at: At) -> impl Iterator<Item = At> + '_ {
        let sequence = self.kind(at.node).is_sequence();
        let children = sequence.then(|| self.children(at.node)).into_iter().flatten();
        children
            .map(move |node| self.follow(At { node, key: None, parent: Some(at.node), shared: at.shared }))
    }

    /// Every mapping below a node, itself included, in order.
    pub fn mappings(&self, root: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        (root.0..self.node(root).next).map(NodeId).filter(|id| self.kind(*id).is_mapping())
    }

    /// Every scalar below a node, in order, with its place on the tape.
    pub fn scalars(&self, root: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        (root.0..self.node(root).next).map(NodeId).filter(|id| self.kind(*id).is_scalar())
    }

    /// The value of a key, also where an alias or a merge key brings it.
    #[must_use]
    pub fn get(&self, at: At, key: &str) -> Option<At> {
        match self.look_in(at, key) {
            Look::Found(found) => Some(found),
            Look::Absent => None,
            Look::Merged(sources) => self.get_merged(at, sources, key),
        }
    }

    /// The value at the end of a path of keys.
    #[must_use]
    pub fn path(&self, at: At, keys: &[&str]) -> Option<At> {
        keys.iter().try_fold(at, |at, key| self.get(at, key))
    }

    /// Looks for a key among a mapping's own entries.
    fn look_in(&self, at: At, key: &str) -> Look {
        let mut merge = None;
        for (name, value) in self.entries(at.node) {
            if self.is(name, key) {
                let found = At { node: value, key: Some(name), parent: Some(at.node), shared: at.shared };
                return Look::Found(self.follow(found));
            }
            if self.is_merge(name) {
                merge = Some((name, value));
            }
        }
        let Some((name, value)) = merge else { return Look::Absent };
        Look::Merged(self.follow(At {
            node: value,
            key: Some(name),
            parent: Some(at.node),
            shared: Some(at.shared.unwrap_or(name)),
        }))
    }

    /// Looks for a key in what a merge key brings: its sources in order, each with what it merges itself before the
    /// next. A mapping is searched once, however many ways lead to it.
    fn get_merged(&self, at: At, sources: At, key: &str) -> Option<At> {
        let mut seen = HashSet::from([at.node]);
        let mut pending = Vec::new();
        self.push_sources(&mut pending, sources);
        while let Some(source) = pending.pop() {
            if !seen.insert(source.node) {
                continue;
            }
            let node = self.node(source.node);
            if !self.take_merge_steps(source.node, node.next.saturating_sub(source.node.0)) {
                return None;
            }
            match self.look_in(source, key) {
                Look::Found(found) => return Some(found),
                Look::Absent => {}
                Look::Merged(sources) => self.push_sources(&mut pending, sources),
            }
        }
        None
    }

    /// Puts the sources of a merge key on a stack, the first one on top.
    fn push_sources(&self, pending: &mut Vec<At>, sources: At) {
        let first = pending.len();
        if self.kind(sources.node).is_sequence() {
            pending.extend(self.items(sources));
            pending.get_mut(first..).unwrap_or_default().reverse();
        } else {
            pending.push(sources);
        }
    }

    /// Counts the search of a merged mapping; false where the limit of the document is reached.
    fn take_merge_steps(&self, mapping: NodeId, nodes: u32) -> bool {
        let limit = FREE_MERGE_STEPS + MERGE_STEPS_PER_NODE * self.tape.nodes.len() as u64;
        let steps = self.merge_steps.load(Relaxed) + u64::from(nodes);
        self.merge_steps.store(steps.min(limit), Relaxed);
        let within = steps < limit;
        if !within {
            self.merge_overrun.get_or_init(|| mapping);
        }
        within
    }

    /// Where a search by merge keys was given up: what was said of the document since may be wrong.
    pub(super) fn merge_overrun(&self) -> Option<usize> {
        self.merge_overrun.get().map(|mapping| self.start(*mapping))
    }

    fn is_merge(&self, key: NodeId) -> bool {
        self.kind(key) == Kind::Plain && self.text(key) == "<<"
    }

    /// Replaces an alias by what it stands for.
    fn follow(&self, at: At) -> At {
        if self.kind(at.node) != Kind::Alias {
            return at;
        }
        match self.alias_target(at.node) {
            Some(node) => At { node, shared: Some(at.shared.unwrap_or(at.node)), ..at },
            None => at,
        }
    }

    /// The node that an alias stands for.
    pub(super) fn alias_target(&self, alias: NodeId) -> Option<NodeId> {
        let aliases = &self.tape.aliases;
        let found = aliases.binary_search_by_key(&alias, |(alias, _)| *alias);
        found.ok().and_then(|i| aliases.get(i)).map(|(_, node)| *node)
    }

    /// The string at a key: a scalar that is not null.
    #[must_use]
    pub fn str_at(&self, at: At, key: &str) -> Option<Cow<'_, str>> {
        let found = self.get(at, key)?;
        if self.is_null(found.node) { None } else { self.string(found.node) }
    }

    /// Whether a scalar's value is exactly this word.
    #[must_use]
    pub fn is(&self, id: NodeId, word: &str) -> bool {
        match self.kind(id) {
            Kind::Plain => self.text(id) == word,
            _ => self.string(id).is_some_and(|value| value == word),
        }
    }

    /// Whether the node is null: nothing, `~` or `null`.
    #[must_use]
    pub fn is_null(&self, id: NodeId) -> bool {
        match self.kind(id) {
            Kind::Null => true,
            Kind::Plain => {
                let word = matches!(self.text(id), "" | "~" | "null" | "Null" | "NULL");
                let tagged = self.tape.tagged.binary_search(&id).is_ok();
                let head = self.slice(0, self.start(id));
                word && (!tagged || head.trim_end().ends_with("!!null"))
            }
            _ => false,
        }
    }

    /// Where the anchor stands that makes an alias elsewhere stand for a node or one around it.
    pub(super) fn aliased_around(&self, id: NodeId) -> Option<usize> {
        let tape = &self.tape;
        let aliased = self.aliased.get_or_init(|| {
            let targets = tape.aliases.iter().map(|(_, target)| *target);
            let ranges = targets.filter_map(|target| {
                let anchor = tape.anchors.binary_search_by_key(&target, |anchor| anchor.node).ok()?;
                Some((target.0, self.node(target).next, anchor))
            });
            Subtrees::new(ranges.collect())
        });
        let anchor = tape.anchors.get(aliased.around(id.0)?)?;
        Some(anchor.start as usize)
    }

    /// The key that stands twice and has a node as, or in, one of its values.
    pub(super) fn duplicate_around(&self, id: NodeId) -> Option<Duplicate> {
        let ambiguous = self.ambiguous.get_or_init(|| {
            let values = self.duplicates().iter().enumerate().flat_map(|(i, duplicate)| {
                [duplicate.first, duplicate.second].map(|key| {
                    let value = self.node(key).next;
                    (value, self.node(NodeId(value)).next, i)
                })
            });
            Subtrees::new(values.collect())
        });
        self.duplicates().get(ambiguous.around(id.0)?).copied()
    }

    /// The keys of one mapping that stand twice.
    pub fn duplicates_of(&self, mapping: NodeId) -> impl Iterator<Item = &Duplicate> + '_ {
        let all = self.duplicates();
        let first = all.partition_point(|duplicate| duplicate.mapping < mapping);
        let rest = all.get(first..).unwrap_or_default().iter();
        rest.take_while(move |duplicate| duplicate.mapping == mapping)
    }

    /// All keys that stand twice in their mapping, in order of the mappings.
    #[must_use]
    pub fn duplicates(&self) -> &[Duplicate] {
        self.duplicates.get_or_init(|| self.find_duplicates())
    }

    fn find_duplicates(&self) -> Vec<Duplicate> {
        let mut found = Vec::new();
        let mut keys: Vec<(Cow<'_, str>, NodeId)> = Vec::new();
        let count = u32::try_from(self.tape.nodes.len()).unwrap_or(u32::MAX);
        for mapping in (0..count).map(NodeId).filter(|id| self.kind(*id).is_mapping()) {
            keys.clear();
            for (key, _) in self.entries(mapping) {
                if let Some(name) = self.string(key)
                    && name != "<<"
                {
                    keys.push((name, key));
                }
            }
            self.repeated(mapping, &keys, &mut found);
        }
        found
    }

    fn repeated(&self, mapping: NodeId, keys: &[(Cow<'_, str>, NodeId)], found: &mut Vec<Duplicate>) {
        const FEW: usize = 12;
        if keys.len() <= FEW {
            for (i, (name, second)) in keys.iter().enumerate() {
                let earlier = keys.iter().take(i).find(|(other, _)| other == name);
                if let Some((_, first)) = earlier {
                    found.push(Duplicate { mapping, first: *first, second: *second });
                }
            }
            return;
        }
        let mut seen: HashMap<&str, NodeId> = HashMap::with_capacity(keys.len());
        for (name, second) in keys {
            if let Some(first) = seen.insert(name, *second) {
                found.push(Duplicate { mapping, first, second: *second });
            }
        }
    }

    /// Columns that a nested block mapping is moved in by, as the document does it first; 2 if it never does.
    pub(super) fn step(&self) -> usize {
        *self.step.get_or_init(|| {
            let count = u32::try_from(self.tape.nodes.len()).unwrap_or(u32::MAX);
            (0..count)
                .map(NodeId)
                .filter(|id| self.kind(*id) == Kind::BlockMapping)
                .find_map(|mapping| self.step_in(mapping))
                .unwrap_or(2)
        })
    }

    /// Columns that the block mappings in this mapping are moved in by.
    pub(super) fn step_in(&self, mapping: NodeId) -> Option<usize> {
        let column = self.column(mapping);
        self.entries(mapping)
            .filter(|(_, value)| self.kind(*value) == Kind::BlockMapping)
            .find_map(|(_, value)| self.column(value).checked_sub(column).filter(|step| *step > 0))
    }

    /// Whether the items of block sequences are moved in behind their key, as the document does it first.
    pub(super) fn sequences_are_indented(&self) -> bool {
        *self.indented.get_or_init(|| {
            let count = u32::try_from(self.tape.nodes.len()).unwrap_or(u32::MAX);
            let mappings = (0..count).map(NodeId).filter(|id| self.kind(*id) == Kind::BlockMapping);
            let mut places = mappings.flat_map(|id| self.entries(id).map(move |(_, value)| (id, value)));
            places
                .find(|(_, value)| self.kind(*value) == Kind::BlockSequence)
                .is_some_and(|(mapping, value)| self.column(value) > self.column(mapping))
        })
    }

    /// The column a node starts at, from 0.
    pub(super) fn column(&self, id: NodeId) -> usize {
        super::line::column(self.src(), self.line_start(self.start(id)), self.start(id))
    }

    /// Where a carriage return stands that ends a line on its own, as no editor of today writes.
    pub(super) fn lone_cr(&self) -> Option<usize> {
        *self.lone_cr.get_or_init(|| {
            let bytes = self.src().as_bytes();
            memchr::memchr_iter(b'\r', bytes).find(|at| bytes.get(at + 1) != Some(&b'\n'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// The value of a key of the mapping at `m`.
    fn found(text: &str, key: &str) -> Option<String> {
        let doc = Document::parse(text).unwrap();
        let root = doc.roots().next().unwrap();
        let at = doc.path(root, &["m", key])?;
        Some(doc.string(at.node).unwrap().into_owned())
    }

    #[test]
    fn own_keys_count_before_merged_ones_and_those_in_order() {
        for (mapping, key, want) in [
            ("{<<: *a, x: own}", "x", Some("own")),
            ("{<<: [*a, *b]}", "x", Some("a")),
            ("{<<: [*b, *a]}", "x", Some("b")),
            ("{<<: [*c, *b]}", "x", Some("a")),
            ("{<<: [*c, *b]}", "y", Some("b")),
            ("{<<: [{<<: *b}, *a]}", "x", Some("b")),
            ("{<<: *a, <<: *b}", "x", Some("b")),
            ("{<<: [[*a]]}", "x", None),
            ("{\"<<\": *a}", "x", None),
            ("&m {<<: *m}", "x", None),
            ("&m {<<: [*m, {<<: *m}, *a]}", "x", Some("a")),
        ] {
            let text = format!("a: &a {{x: a}}\nb: &b {{x: b, y: b}}\nc: &c {{<<: *a}}\nm: {mapping}\n");
            assert_eq!(found(&text, key).as_deref(), want, "{mapping} {key}");
        }
    }

    #[test]
    fn a_chain_of_a_million_merge_keys_is_followed() {
        let mut text = "l:\n- &a0 {x: y}\n".to_owned();
        for i in 1..1_000_000 {
            writeln!(text, "- &a{i} {{<<: *a{}}}", i - 1).unwrap();
        }
        text.push_str("m: {<<: *a999999}\n");
        assert_eq!(found(&text, "x").as_deref(), Some("y"));
    }

    #[test]
    fn each_of_a_hundred_thousand_merged_mappings_is_searched_once() {
        let mut text = "l:\n".to_owned();
        let mut list = String::new();
        for i in 0..100_000 {
            writeln!(text, "- &a{i} {{x{i}: y}}").unwrap();
            write!(list, "*a{i}, *a0, ").unwrap();
        }
        writeln!(text, "m: {{<<: [{list}]}}").unwrap();
        let doc = Document::parse(&text).unwrap();
        let m = doc.path(doc.roots().next().unwrap(), &["m"]).unwrap();
        for key in ["x99999", "z"] {
            doc.merge_steps.store(0, Relaxed);
            assert_eq!(doc.get(m, key).is_some(), key == "x99999");
            assert_eq!(doc.merge_steps.load(Relaxed), 300_000, "three nodes of each mapping");
        }
        assert_eq!(doc.merge_overrun(), None);
    }

    #[test]
    fn a_search_that_takes_too_many_steps_is_given_up_and_told() {
        let text = "a: &a {x: y}\nm: {<<: *a}\n";
        let doc = Document::parse(text).unwrap();
        let m = doc.path(doc.roots().next().unwrap(), &["m"]).unwrap();
        assert!(doc.get(m, "x").is_some());
        let limit = FREE_MERGE_STEPS + MERGE_STEPS_PER_NODE * doc.tape.nodes.len() as u64;
        doc.merge_steps.store(limit - 4, Relaxed);
        assert!(doc.get(m, "x").is_some());
        assert_eq!(doc.merge_overrun(), None);
        assert!(doc.get(m, "x").is_none());
        assert_eq!(doc.merge_overrun(), Some(6));
        let refusal = super::super::Changes::default().render(&doc).unwrap_err();
        assert_eq!(refusal.kind, super::super::RefusalKind::MergeLimit);
    }
}
