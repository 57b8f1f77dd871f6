//! Block mappings and sequences, line by line: which collection a line belongs to follows from its column.

use super::super::tape::{Kind, Node};
use super::bytes;
use super::{DEPTH, KEY, Line, Scanner};

/// How a block collection is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Mapping,
    Sequence,
    /// A sequence whose dashes stand below the key it is the value of.
    Indentless,
}

/// A block collection that is open.
pub(super) struct Level {
    column: usize,
    form: Form,
    node: usize,
}

/// What has to follow on lines to come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    Nothing,
    /// The value of a key, or a null at this offset.
    Value(usize),
    /// An item, or the root.
    Item,
}

/// Where content stands: what it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On a line of its own or behind a dash: anything.
    Node,
    /// Among the keys of a mapping: one more key.
    Key,
    /// Behind a key, on its line: no block collection.
    Value,
}

impl Scanner<'_> {
    /// Reads all of it; gives the nodes.
    pub(super) fn document(mut self) -> Option<Vec<Node>> {
        let mut line = self.content_from(self.prolog()?)?;
        while line.at < self.bytes.len() {
            line = self.line(line)?;
        }
        match self.awaited {
            Awaited::Nothing => {}
            Awaited::Value(null) => _ = self.push(Kind::Null, null, null),
            // An item without text, or no content at all.
            Awaited::Item => return None,
        }
        while !self.open.is_empty() {
            self.close();
        }
        Some(self.nodes)
    }

    /// Behind the mark that begins a document, if there is one.
    fn prolog(&self) -> Option<usize> {
        let mut start = 0;
        loop {
            match self.byte(start) {
                b'#' => start = self.line_behind(start),
                b'\n' if start < self.bytes.len() => start += 1,
                b'-' if self.rest(start).starts_with(b"---") => return self.idle_to_end(start + 3),
                _ => return Some(start),
            }
        }
    }

    /// The column of the innermost block collection.
    pub(super) fn column(&self) -> Option<usize> {
        self.open.last().map(|level| level.column)
    }

    /// Reads from the first content of a line to that of another.
    fn line(&mut self, line: Line) -> Option<Line> {
        let column = line.column();
        let dash = self.is_dash(line.at);
        let deeper = self.column().is_none_or(|outer| column > outer);
        match std::mem::replace(&mut self.awaited, Awaited::Nothing) {
            Awaited::Nothing => {}
            _ if deeper => return if dash { self.sequence(line) } else { self.content(line, Place::Node) },
            Awaited::Item => return None,
            Awaited::Value(_) if dash && self.column() == Some(column) => {
                self.begin(Form::Indentless, line)?;
                return self.items(line);
            }
            Awaited::Value(null) => _ = self.push(Kind::Null, null, null),
        }
        self.close_deeper_than(column);
        if !dash && self.open.last()?.form == Form::Indentless {
            self.close();
        }
        let level = self.open.last()?;
        if level.column != column || dash == (level.form == Form::Mapping) {
            return None;
        }
        if dash { self.items(line) } else { self.content(line, Place::Key) }
    }

    /// Whether an item of a block sequence begins here.
    fn is_dash(&self, at: usize) -> bool {
        self.byte(at) == b'-' && bytes::is_blank_or_break(self.byte(at + 1))
    }

    fn begin(&mut self, form: Form, line: Line) -> Option<()> {
        if self.open.len() == DEPTH {
            return None;
        }
        let kind = if form == Form::Mapping { Kind::BlockMapping } else { Kind::BlockSequence };
        let node = self.push(kind, line.at, line.at);
        self.open.push(Level { column: line.column(), form, node });
        Some(())
    }

    fn close(&mut self) {
        if let Some(level) = self.open.pop() {
            self.close_node(level.node);
        }
    }

    fn close_deeper_than(&mut self, column: usize) {
        while self.open.last().is_some_and(|level| level.column > column) {
            self.close();
        }
    }

    fn sequence(&mut self, line: Line) -> Option<Line> {
        self.begin(Form::Sequence, line)?;
        self.items(line)
    }

    /// Reads a line from a dash on, and the dashes right behind it.
    fn items(&mut self, mut line: Line) -> Option<Line> {
        loop {
            let at = self.skip_spaces(line.at + 1);
            if matches!(self.byte(at), b'\n' | b'#') {
                self.awaited = Awaited::Item;
                return self.content_from(self.line_behind(at));
            }
            line.at = at;
            if !self.is_dash(at) {
                return self.content(line, Place::Node);
            }
            self.begin(Form::Sequence, line)?;
        }
    }

    /// Reads a key with what stands behind it, or a value that is no block collection.
    fn content(&mut self, line: Line, place: Place) -> Option<Line> {
        let start = line.at;
        let (kind, end, stop) = match self.byte(start) {
            quote @ (b'"' | b'\'') => {
                let (kind, end) = self.quoted(start, quote)?;
                let stop = self.skip_blanks(end);
                if self.byte(stop) != b':' {
                    return self.complete(place, kind, start, end);
                }
                if memchr::memchr(b'\n', self.bytes.get(start..end)?).is_some() {
                    return None;
                }
                (kind, end, stop)
            }
            b'[' | b'{' if place != Place::Key => {
                let end = self.flow(start)?;
                return self.content_from(self.idle_to_end(end)?);
            }
            b'|' if place != Place::Key => return self.block_scalar(Kind::Literal, start),
            b'>' if place != Place::Key => return self.block_scalar(Kind::Folded, start),
            first if bytes::begins_plain(first, self.byte(start + 1)) => {
                let (end, stop) = self.plain_on_line(start, bytes::ENDS_PLAIN);
                if self.byte(stop) != b':' {
                    return if place == Place::Key { None } else { self.plain(start, end, stop) };
                }
                (Kind::Plain, end, stop)
            }
            _ => return None,
        };
        match place {
            Place::Value => return None,
            Place::Node => self.begin(Form::Mapping, line)?,
            Place::Key => {}
        }
        self.pair(kind, start, end, stop)
    }

    /// Adds a scalar behind which its line has to end.
    fn complete(&mut self, place: Place, kind: Kind, start: usize, end: usize) -> Option<Line> {
        if place == Place::Key {
            return None;
        }
        self.push(kind, start, end);
        self.content_from(self.idle_to_end(end)?)
    }

    /// Adds a key and reads on behind its colon.
    fn pair(&mut self, kind: Kind, start: usize, end: usize, colon: usize) -> Option<Line> {
        if colon - start > KEY || !bytes::is_blank_or_break(self.byte(colon + 1)) {
            return None;
        }
        self.push(kind, start, end);
        let at = self.skip_spaces(colon + 1);
        if matches!(self.byte(at), b'\n' | b'#') {
            self.awaited = Awaited::Value(colon + 1);
            return self.content_from(self.line_behind(at));
        }
        self.content(Line { start: at, at }, Place::Value)
    }
}
