//! A tape straight from the common forms of YAML, more than ten times as fast as by way of the YAML parser: block mappings
//! and sequences, scalars of every style, flow collections and JSON, comments.
//!
//! Gives nothing wherever there is a doubt: for anchors, aliases, tags, directives, explicit keys, tabs in indentation,
//! carriage returns, several documents, and all that is wrong. The YAML parser then reads the text, and says what is
//! wrong with it. Where both read a text their tapes are equal: that is the contract, and `tests` holds it to that.
//! One pass, no recursion; a text that is given up on was read once at most.

mod block;
mod bytes;
mod flow;
mod scalar;
#[cfg(test)]
mod tests;

use self::block::{Awaited, Level};
use super::tape::{Kind, Node, NodeId, Tape};

/// Collections in each other; the parser allows a few more.
const DEPTH: usize = 200;

/// Bytes of a key up to its colon; the parser allows a few more characters.
const KEY: usize = 1000;

/// The tape of a text of one document in common forms; nothing where it is anything else.
pub(super) fn tape(src: &str) -> Option<Tape> {
    u32::try_from(src.len()).ok()?;
    if !bytes::are_common(src.as_bytes()) {
        return None;
    }
    let nodes = Vec::with_capacity(src.len() / 12);
    let scanner =
        Scanner { src, bytes: src.as_bytes(), nodes, open: Vec::new(), awaited: Awaited::Item, last_end: 0 };
    let nodes = scanner.document()?;
    Some(Tape { nodes, roots: vec![NodeId(0)], ..Tape::default() })
}

/// A text that is being read, and its nodes so far.
struct Scanner<'s> {
    src: &'s str,
    bytes: &'s [u8],
    nodes: Vec<Node>,
    /// The block collections around the place that was reached.
    open: Vec<Level>,
    awaited: Awaited,
    /// Where the last scalar or bracket ended.
    last_end: usize,
}

/// A place on a line.
#[derive(Clone, Copy)]
struct Line {
    /// The line's first byte.
    start: usize,
    /// The place; the length of the text where no content follows.
    at: usize,
}

impl Line {
    /// How many bytes, all of them ASCII, stand in front of the place.
    fn column(self) -> usize {
        self.at - self.start
    }
}

impl Scanner<'_> {
    /// The byte at an offset; the text ends as if with a line break.
    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b'\n')
    }

    #[inline]
    fn rest(&self, at: usize) -> &[u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    #[inline]
    fn skip_spaces(&self, at: usize) -> usize {
        at + self.rest(at).iter().take_while(|byte| **byte == b' ').count()
    }

    #[inline]
    fn skip_blanks(&self, at: usize) -> usize {
        at + self.rest(at).iter().take_while(|byte| bytes::is_blank(**byte)).count()
    }

    /// Offset of the break that ends a line, or the end of the text.
    fn line_end(&self, at: usize) -> usize {
        memchr::memchr(b'\n', self.rest(at)).map_or(self.bytes.len(), |length| at + length)
    }

    /// Offset of the next line, or the end of the text.
    fn line_behind(&self, at: usize) -> usize {
        (self.line_end(at) + 1).min(self.bytes.len())
    }

    /// The next line, given that nothing but blanks and a comment stands before it; nothing where content does.
    #[inline]
    fn idle_to_end(&self, at: usize) -> Option<usize> {
        let after = self.skip_blanks(at);
        match self.bytes.get(after) {
            None => Some(after),
            Some(b'\n') => Some(after + 1),
            Some(b'#') if after > at => Some(self.line_behind(after)),
            Some(_) => None,
        }
    }

    /// Whether what may mark the bounds of a document stands at the start of a line.
    #[inline]
    fn is_marker(&self, at: usize) -> bool {
        let rest = self.rest(at);
        rest.starts_with(b"---") || rest.starts_with(b"...")
    }

    /// The first content from the start of a line on, behind blank lines and comments.
    #[inline]
    fn content_from(&self, mut start: usize) -> Option<Line> {
        loop {
            let at = self.skip_spaces(start);
            match self.bytes.get(at) {
                None => return Some(Line { start, at }),
                Some(b'\n') => start = at + 1,
                Some(b'#') => start = self.line_behind(at),
                Some(b'\t') => return None,
                Some(_) if at == start && self.is_marker(at) => return None,
                Some(_) => return Some(Line { start, at }),
            }
        }
    }

    /// Adds a node; the `next` of a collection is set when it is closed.
    #[inline]
    fn push(&mut self, kind: Kind, start: usize, end: usize) -> usize {
        let index = self.nodes.len();
        let next = offset(index + 1);
        self.nodes.push(Node { start: offset(start), end: offset(end), next, kind });
        self.last_end = end;
        index
    }

    /// Closes a collection behind the last content that was read.
    #[inline]
    fn close_node(&mut self, index: usize) {
        let next = offset(self.nodes.len());
        if let Some(node) = self.nodes.get_mut(index) {
            (node.end, node.next) = (offset(self.last_end), next);
        }
    }
}

/// Offsets fit: longer texts are not read here. A text has fewer nodes than it has bytes and lines.
#[inline]
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
