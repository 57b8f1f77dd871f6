//! Collections in brackets, JSON among them.

use super::super::tape::Kind;
use super::bytes;
use super::{DEPTH, KEY, Scanner};

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// The value of a key.
    Value,
    /// An item, or the end of the sequence.
    Item,
    /// A key, or the end of the mapping.
    Key,
    /// A comma, or the end of the collection.
    Separator,
}

impl Scanner<'_> {
    /// Adds the collection in brackets that begins here, and all in it; gives the offset behind it.
    pub(super) fn flow(&mut self, start: usize) -> Option<usize> {
        let mut open: Vec<(usize, Kind)> = Vec::new();
        let mut expect = Expect::Item;
        let mut at = start;
        loop {
            at = self.skip_gap(at)?;
            match (self.byte(at), expect) {
                (bracket @ (b'[' | b'{'), Expect::Value | Expect::Item) if open.len() < DEPTH => {
                    let kind = if bracket == b'{' { Kind::FlowMapping } else { Kind::FlowSequence };
                    open.push((self.push(kind, at, at), kind));
                    at += 1;
                    expect = inside(kind);
                }
                (b']', Expect::Item | Expect::Separator) | (b'}', Expect::Key | Expect::Separator) => {
                    let (node, kind) = open.pop()?;
                    if (kind == Kind::FlowMapping) != (self.byte(at) == b'}') {
                        return None;
                    }
                    at += 1;
                    self.last_end = at;
                    self.close_node(node);
                    if open.is_empty() {
                        return Some(at);
                    }
                    expect = Expect::Separator;
                }
                (b',', Expect::Separator) => {
                    at += 1;
                    expect = inside(open.last()?.1);
                }
                (_, Expect::Key) => {
                    at = self.flow_key(at)?;
                    expect = Expect::Value;
                }
                (_, Expect::Value | Expect::Item) => {
                    at = self.flow_scalar(at)?;
                    expect = Expect::Separator;
                }
                _ => return None,
            }
        }
    }

    /// Skips blanks, breaks and comments. Inside of block collections a tab must not indent.
    fn skip_gap(&self, start: usize) -> Option<usize> {
        let mut at = start;
        loop {
            match self.bytes.get(at)? {
                b' ' => at += 1,
                b'\t' if self.open.is_empty() || !self.is_first(at) => at += 1,
                b'\n' if !self.is_marker(at + 1) => at += 1,
                b'#' if at > start && bytes::is_blank_or_break(self.byte(at - 1)) => at = self.line_end(at),
                b'\t' | b'\n' | b'#' => return None,
                _ => return Some(at),
            }
        }
    }

    /// Whether nothing but blanks stands before an offset on its line.
    fn is_first(&self, at: usize) -> bool {
        let head = self.bytes.get(..at).unwrap_or_default();
        head.iter().rev().find(|byte| !bytes::is_blank(**byte)).is_none_or(|byte| *byte == b'\n')
    }

    /// Adds a key on one line; gives the offset behind its colon.
    fn flow_key(&mut self, start: usize) -> Option<usize> {
        let (kind, end) = match self.byte(start) {
            quote @ (b'"' | b'\'') => self.quoted(start, quote)?,
            _ => self.flow_plain(start)?,
        };
        let colon = self.skip_blanks(end);
        let separate = kind != Kind::Plain || bytes::is_blank_or_break(self.byte(colon + 1));
        let one_line = memchr::memchr(b'\n', self.bytes.get(start..end)?).is_none();
        if self.byte(colon) != b':' || !separate || !one_line || colon - start > KEY {
            return None;
        }
        self.push(kind, start, end);
        Some(colon + 1)
    }

    fn flow_scalar(&mut self, start: usize) -> Option<usize> {
        let (kind, end) = match self.byte(start) {
            quote @ (b'"' | b'\'') => self.quoted(start, quote)?,
            _ => self.flow_plain(start)?,
        };
        self.push(kind, start, end);
        Some(end)
    }

    /// A plain scalar on one line.
    fn flow_plain(&self, start: usize) -> Option<(Kind, usize)> {
        let (first, next) = (self.byte(start), self.byte(start + 1));
        if matches!(first, b'?' | b':') || !bytes::begins_plain(first, next) {
            return None;
        }
        if first == b'-' && bytes::is_bracket_or_comma(next) {
            return None;
        }
        Some((Kind::Plain, self.plain_on_line(start, bytes::ENDS_PLAIN_INSIDE).0))
    }
}

/// What a collection begins with, and goes on with behind a comma.
fn inside(kind: Kind) -> Expect {
    if kind == Kind::FlowMapping { Expect::Key } else { Expect::Item }
}
