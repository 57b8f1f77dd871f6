//! The tape: every node of a document in pre-order, with byte spans into the document's text.
//!
//! Plain data, so that two producers of it can be compared with one equality.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use super::change::Refusal;
use super::query::Duplicate;
use super::subtree::Subtrees;

/// What a node is and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `key: value` lines.
    BlockMapping,
    /// `{key: value}`.
    FlowMapping,
    /// The pair in `[key: value]`, a mapping without braces of its own.
    FlowPair,
    /// `- item` lines.
    BlockSequence,
    /// `[item]`.
    FlowSequence,
    /// A scalar without quotes.
    Plain,
    /// A scalar in `'`.
    SingleQuoted,
    /// A scalar in `"`.
    DoubleQuoted,
    /// A block scalar with header `|`.
    Literal,
    /// A block scalar with header `>`.
    Folded,
    /// `*name`.
    Alias,
    /// No text at all: an empty span after the `:` or `-`.
    Null,
}

impl Kind {
    /// A mapping of any style.
    #[must_use]
    pub fn is_mapping(self) -> bool {
        matches!(self, Self::BlockMapping | Self::FlowMapping | Self::FlowPair)
    }

    /// A sequence of any style.
    #[must_use]
    pub fn is_sequence(self) -> bool {
        matches!(self, Self::BlockSequence | Self::FlowSequence)
    }

    /// A scalar that has text.
    #[must_use]
    pub fn is_scalar(self) -> bool {
        matches!(self, Self::Plain | Self::SingleQuoted | Self::DoubleQuoted | Self::Literal | Self::Folded)
    }

    /// Written inside brackets or braces.
    #[must_use]
    pub fn is_flow(self) -> bool {
        matches!(self, Self::FlowMapping | Self::FlowPair | Self::FlowSequence)
    }

    /// The word for it in a message.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::BlockMapping | Self::FlowMapping | Self::FlowPair => "a mapping",
            Self::BlockSequence | Self::FlowSequence => "a sequence",
            Self::Alias => "an alias",
            Self::Null => "empty",
            _ => "a scalar",
        }
    }
}

/// One node. Offsets are bytes from the start of the document's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// First byte: of a block scalar its header, of a block sequence its first dash.
    pub start: u32,
    /// Behind the last content byte; never a line break or a trailing comment.
    pub end: u32,
    /// Index of the first node behind this one's subtree.
    pub next: u32,
    /// What it is.
    pub kind: Kind,
}

/// Index of a node on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

/// `&name` in front of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The anchored node.
    pub node: NodeId,
    /// Where `&` stands.
    pub start: u32,
}

/// All nodes of one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tape {
    /// Nodes in pre-order.
    pub nodes: Vec<Node>,
    /// The root of each document in the text (one, except where directives or `...` forbid a cut).
    pub roots: Vec<NodeId>,
    /// Anchors in order of appearance.
    pub anchors: Vec<Anchor>,
    /// Each alias and the node it stands for.
    pub aliases: Vec<(NodeId, NodeId)>,
    /// Nodes that carry a tag.
    pub tagged: Vec<NodeId>,
}

/// A text and its tape. The text is borrowed from a stream, or the document's own.
#[derive(Debug)]
pub struct Document<'s> {
    pub(super) src: Cow<'s, str>,
    pub(super) tape: Tape,
    pub(super) step: OnceLock<usize>,
    pub(super) indented: OnceLock<bool>,
    pub(super) lone_cr: OnceLock<Option<usize>>,
    lines: OnceLock<Vec<u32>>,
    /// Characters in front of every 4096th byte.
    characters: OnceLock<Vec<u32>>,
    pub(super) duplicates: OnceLock<Vec<Duplicate>>,
    pub(super) ambiguous: OnceLock<Subtrees>,
    pub(super) aliased: OnceLock<Subtrees>,
    /// Of each node the index of the mapping or sequence it is in.
    parents: OnceLock<Vec<u32>>,
    pub(super) misread: OnceLock<Option<Refusal>>,
    pub(super) merge_steps: AtomicU64,
    /// The mapping at which the limit of merge steps was reached.
    pub(super) merge_overrun: OnceLock<NodeId>,
}

impl<'s> Document<'s> {
    /// Joins a text with the tape that was made of it.
    #[must_use]
    pub fn new(src: impl Into<Cow<'s, str>>, tape: Tape) -> Self {
        Self {
            src: src.into(),
            tape,
            step: OnceLock::new(),
            indented: OnceLock::new(),
            lone_cr: OnceLock::new(),
            lines: OnceLock::new(),
            characters: OnceLock::new(),
            duplicates: OnceLock::new(),
            ambiguous: OnceLock::new(),
            aliased: OnceLock::new(),
            parents: OnceLock::new(),
            misread: OnceLock::new(),
            merge_steps: AtomicU64::new(0),
            merge_overrun: OnceLock::new(),
        }
    }

    /// The text.
    #[must_use]
    pub fn src(&self) -> &str {
        &self.src
    }

    /// The tape.
    #[must_use]
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The node of an id; an id of another tape gives a null.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Node {
        const NOTHING: Node = Node { start: 0, end: 0, next: u32::MAX, kind: Kind::Null };
        self.tape.nodes.get(id.0 as usize).copied().unwrap_or(NOTHING)
    }

    /// What the node is.
    #[must_use]
    pub fn kind(&self, id: NodeId) -> Kind {
        self.node(id).kind
    }

    /// Offset of the node's first byte.
    #[must_use]
    pub fn start(&self, id: NodeId) -> usize {
        self.node(id).start as usize
    }

    /// Offset behind the node's last byte.
    #[must_use]
    pub fn end(&self, id: NodeId) -> usize {
        self.node(id).end as usize
    }

    /// The node as it is written.
    #[must_use]
    pub fn text(&self, id: NodeId) -> &str {
        self.slice(self.start(id), self.end(id))
    }

    /// A part of the text; empty where the offsets make none.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> &str {
        self.src().get(start..end).unwrap_or("")
    }

    /// The text from an offset on.
    #[must_use]
    pub fn from(&self, start: usize) -> &str {
        self.src().get(start..).unwrap_or("")
    }

    /// Offset of the first byte of the line that `at` is on. Looked up, not searched: a JSON list may be one line of
    /// many megabytes.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.line_of(at).1
    }

    /// The line that `at` is on, from 0, and the offset of its first byte.
    fn line_of(&self, at: usize) -> (usize, usize) {
        let lines = self.lines.get_or_init(|| {
            let breaks = memchr::memchr_iter(b'\n', self.src().as_bytes());
            let starts = breaks.map(|at| u32::try_from(at + 1).unwrap_or(u32::MAX));
            std::iter::once(0).chain(starts).collect()
        });
        let row = lines.partition_point(|start| *start as usize <= at).saturating_sub(1);
        (row, lines.get(row).map_or(0, |start| *start as usize))
    }

    /// Line and column (in characters) of an offset, both from 1. Looked up, so that a finding in each item of a long list
    /// costs no more than its own line.
    #[must_use]
    pub fn position(&self, at: usize) -> (u64, usize) {
        let (row, start) = self.line_of(at);
        let column = self.characters(at) - self.characters(start) + 1;
        let bom = usize::from(self.slice(start, at).starts_with('\u{feff}'));
        (row as u64 + 1, column - bom)
    }

    /// How many characters are in front of an offset.
    fn characters(&self, at: usize) -> usize {
        const STEP: usize = 4096;
        let count = |bytes: &[u8]| bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        let bytes = self.src().as_bytes();
        let sums = self.characters.get_or_init(|| {
            let sums = bytes.chunks(STEP).scan(0_u32, |sum, chunk| {
                let before = *sum;
                *sum = sum.saturating_add(u32::try_from(count(chunk)).unwrap_or(u32::MAX));
                Some(before)
            });
            sums.collect()
        });
        let at = at.min(bytes.len());
        let chunk = (at / STEP).min(sums.len().saturating_sub(1));
        let before = sums.get(chunk).map_or(0, |sum| *sum as usize);
        before + count(bytes.get(chunk * STEP..at).unwrap_or_default())
    }

    /// Whether the node carries an anchor or a tag.
    #[must_use]
    pub fn has_properties(&self, id: NodeId) -> bool {
        let anchored = self.tape.anchors.binary_search_by_key(&id, |anchor| anchor.node).is_ok();
        anchored || self.tape.tagged.binary_search(&id).is_ok()
    }

    /// The mapping or sequence that a node is in. Looked up, not searched: a literal asks for it by every reading.
    pub(super) fn parent(&self, id: NodeId) -> Option<NodeId> {
        const NONE: u32 = u32::MAX;
        let parents = self.parents.get_or_init(|| {
            let mut open: Vec<(u32, u32)> = Vec::new();
            let mut parents = Vec::with_capacity(self.tape.nodes.len());
            for (index, node) in (0..).zip(&self.tape.nodes) {
                while open.last().is_some_and(|(_, next)| *next <= index) {
                    open.pop();
                }
                parents.push(open.last().map_or(NONE, |(parent, _)| *parent));
                open.push((index, node.next));
            }
            parents
        });
        parents.get(id.0 as usize).filter(|parent| **parent != NONE).map(|parent| NodeId(*parent))
    }

    /// The tag of a node, as it is written; empty where a comment stands between the two.
    pub(super) fn tag(&self, id: NodeId) -> Option<&str> {
        self.tape.tagged.binary_search(&id).ok()?;
        let mut head = self.slice(0, self.start(id)).trim_end();
        loop {
            let word = head
                .rfind([' ', '\t', '\n', '\r', '[', '{', ','])
                .map_or(head, |at| self.slice(at + 1, head.len()));
            if word.starts_with('!') {
                return Some(word);
            }
            if !word.starts_with('&') {
                return Some("");
            }
            head = self.slice(0, head.len() - word.len()).trim_end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let text = format!("a: 1\nb: {} # é\nc: 2\n", "é".repeat(5000));
        let doc = Document::parse(&text).unwrap();
        let at = text.find(" #").unwrap();
        assert_eq!(doc.position(at), (2, 5004));
        assert_eq!(doc.position(text.len()), (4, 1));
        assert_eq!(doc.position(0), (1, 1));
    }
}
