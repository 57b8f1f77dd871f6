//! Finding nodes: entries by key, through aliases and merge keys, and keys that stand twice.

use std::borrow::Cow;
use std::collections::HashMap;

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

impl Document<'_> {
    /// The roots of the documents in this text.
    pub fn roots(&self) -> impl Iterator<Item = At> + '_ {
        self.tape.roots.iter().map(|node| At { node: *node, key: None, parent: None, shared: None })
    }

    /// The ids of a collection's children, one level down.
    fn children(&self, parent: NodeId) -> impl Iterator<Item = NodeId> + '_ {
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
        self.get_within(at, key, &mut Vec::new())
    }

    /// The value at the end of a path of keys.
    #[must_use]
    pub fn path(&self, at: At, keys: &[&str]) -> Option<At> {
        keys.iter().try_fold(at, |at, key| self.get(at, key))
    }

    /// `merged` are the mappings whose merge keys were followed: a mapping is looked into once, however many ways lead
    /// to it.
    fn get_within(&self, at: At, key: &str, merged: &mut Vec<NodeId>) -> Option<At> {
        let mut merge = None;
        for (name, value) in self.entries(at.node) {
            if self.is(name, key) {
                let found = At { node: value, key: Some(name), parent: Some(at.node), shared: at.shared };
                return Some(self.follow(found));
            }
            if self.kind(name) == Kind::Plain && self.text(name) == "<<" {
                merge = Some((name, value));
            }
        }
        let (name, value) = merge?;
        if merged.contains(&at.node) {
            return None;
        }
        merged.push(at.node);
        let source = self.follow(At {
            node: value,
            key: Some(name),
            parent: Some(at.node),
            shared: Some(at.shared.unwrap_or(name)),
        });
        if self.kind(source.node).is_sequence() {
            return self.items(source).find_map(|item| self.get_within(item, key, merged));
        }
        self.get_within(source, key, merged)
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

    /// Whether a merge key stands among the entries.
    pub(super) fn merge_key(&self, mapping: NodeId) -> Option<NodeId> {
        self.entries(mapping)
            .map(|(key, _)| key)
            .find(|key| self.kind(*key) == Kind::Plain && self.text(*key) == "<<")
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
