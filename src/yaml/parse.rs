//! From text to tape: straight where the text is in common forms ([`direct`]), else by way of granit-parser's events.
//! What is wrong with a text the parser alone says.
//!
//! The parser's spans are exact for plain, quoted and flow nodes. Three things they leave out are read again from the
//! gaps between nodes: the header of a block scalar, the first dash of a block sequence that is a mapping's
//! value, and the colon behind which a null stands.

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use super::diagnose::{self, SyntaxError};
use super::direct;
use super::line;
use super::tape::{Anchor, Document, Kind, Node, NodeId, Tape};

struct Open {
    node: usize,
    mapping: bool,
    /// Children seen so far; in a mapping an odd number means that a value comes next.
    children: usize,
}

struct Builder<'s> {
    src: &'s str,
    tape: Tape,
    open: Vec<Open>,
    /// End of the last content seen.
    last_end: usize,
    /// Anchor ids of the parser and the nodes they stand for.
    ids: Vec<(usize, NodeId)>,
}

impl<'s> Document<'s> {
    /// Parses a text of one document (or several, where it was not cut).
    ///
    /// # Errors
    /// What is wrong with the text, where, and how to mend it.
    pub fn parse(src: &'s str) -> Result<Self, SyntaxError> {
        Ok(Self::new(src, tape(src)?))
    }
}

impl Document<'static> {
    /// Parses a text that the document is to keep, so that it outlives the stream it comes from.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn owned(src: String) -> Result<Self, SyntaxError> {
        let tape = tape(&src)?;
        Ok(Self::new(src, tape))
    }
}

fn tape(src: &str) -> Result<Tape, SyntaxError> {
    direct::tape(src).map_or_else(|| by_events(src), Ok)
}

/// The tape by way of the parser, whatever the text.
pub(super) fn by_events(src: &str) -> Result<Tape, SyntaxError> {
    let options = granit_parser::options! { emit_anchor_events: true, emit_comments: false };
    let mut builder = Builder { src, tape: Tape::default(), open: Vec::new(), last_end: 0, ids: Vec::new() };
    builder.tape.nodes.reserve(src.len() / 16);
    for event in Parser::new_from_str_with_options(src, options) {
        match event {
            Ok((event, span)) => builder.event(&event, &span),
            Err(error) => {
                let partial = Document::new(src, builder.tape);
                return Err(diagnose::explain(&partial, &error));
            }
        }
    }
    Ok(builder.tape)
}

impl Builder<'_> {
    fn event(&mut self, event: &Event<'_>, span: &Span) {
        let start = span.start.byte_offset().unwrap_or(0);
        let end = span.end.byte_offset().unwrap_or(start);
        match event {
            Event::DocumentStart(explicit, _) => self.last_end = if *explicit { end } else { start },
            Event::Scalar(value, style, anchor, tag) => {
                let tagged = tag.is_some();
                self.scalar(value, *style, span, (start, end), *anchor, tagged);
            }
            Event::Alias(id) => {
                let node = self.push(Kind::Alias, start, end);
                // Ids grow with the anchors.
                let found = self.ids.binary_search_by_key(id, |(known, _)| *known);
                if let Some((_, target)) = found.ok().and_then(|i| self.ids.get(i)) {
                    self.tape.aliases.push((node, *target));
                }
            }
            Event::Anchor(_, _) => {
                if let Some(last) = self.tape.nodes.len().checked_sub(1) {
                    self.tape.anchors.push(Anchor { node: id(last), start: offset(start) });
                }
            }
            Event::MappingStart(style, anchor, tag) => {
                let kind = match style {
                    StructureStyle::Block => Kind::BlockMapping,
                    StructureStyle::Flow if start == end => Kind::FlowPair,
                    StructureStyle::Flow => Kind::FlowMapping,
                };
                self.collection(kind, start, *anchor, tag.is_some());
            }
            Event::SequenceStart(style, anchor, tag) => {
                let (kind, start) = match style {
                    StructureStyle::Block if self.value_comes_next() => {
                        (Kind::BlockSequence, self.skip_gap(b":?").min(start))
                    }
                    StructureStyle::Block => (Kind::BlockSequence, start),
                    StructureStyle::Flow => (Kind::FlowSequence, start),
                };
                self.collection(kind, start, *anchor, tag.is_some());
            }
            Event::MappingEnd | Event::SequenceEnd => self.close(end),
            _ => {}
        }
    }

    fn value_comes_next(&self) -> bool {
        self.open.last().is_some_and(|open| open.mapping && open.children % 2 == 1)
    }

    /// Adds a node that is complete, or whose end and `next` will be set when it is closed.
    fn push(&mut self, kind: Kind, start: usize, end: usize) -> NodeId {
        let node = id(self.tape.nodes.len());
        match self.open.last_mut() {
            Some(open) => open.children += 1,
            None => self.tape.roots.push(node),
        }
        self.last_end = self.last_end.max(end);
        self.tape.nodes.push(Node { start: offset(start), end: offset(end), next: node.0 + 1, kind });
        node
    }

    fn properties(&mut self, node: NodeId, anchor: usize, tagged: bool) {
        if anchor != 0 {
            self.ids.push((anchor, node));
        }
        if tagged {
            self.tape.tagged.push(node);
        }
    }

    fn collection(&mut self, kind: Kind, start: usize, anchor: usize, tagged: bool) {
        let last_end = self.last_end;
        let node = self.push(kind, start, start);
        if !kind.is_flow() {
            self.last_end = last_end;
        }
        self.properties(node, anchor, tagged);
        self.open.push(Open { node: node.0 as usize, mapping: kind.is_mapping(), children: 0 });
    }

    fn close(&mut self, end: usize) {
        let Some(open) = self.open.pop() else { return };
        let next = offset(self.tape.nodes.len());
        let last_end = self.last_end;
        if let Some(node) = self.tape.nodes.get_mut(open.node) {
            node.next = next;
            node.end = match node.kind {
                Kind::FlowMapping | Kind::FlowSequence => offset(end),
                _ => offset(last_end).max(node.start),
            };
            self.last_end = last_end.max(node.end as usize);
        }
    }

    fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        span: &Span,
        (start, end): (usize, usize),
        anchor: usize,
        tagged: bool,
    ) {
        let (kind, start, end) = match style {
            ScalarStyle::SingleQuoted => (Kind::SingleQuoted, start, end),
            ScalarStyle::DoubleQuoted => (Kind::DoubleQuoted, start, end),
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let kind = if style == ScalarStyle::Literal { Kind::Literal } else { Kind::Folded };
                let header = self.skip_gap(b":?-");
                let indent = span.indent.unwrap_or(usize::MAX);
                (kind, header, block_scalar_end(self.src, header, end, indent))
            }
            _ if start < end => (Kind::Plain, start, end),
            _ if value.is_empty() && tagged => (Kind::Plain, start, start),
            _ if anchor != 0 || tagged => (Kind::Null, start, start),
            _ => {
                let at = self.null_position(start);
                (Kind::Null, at, at)
            }
        };
        let node = self.push(kind, start, end);
        self.properties(node, anchor, tagged);
    }

    /// Behind the `:` that a null follows; where there is none, as in `{key}`, behind the key.
    fn null_position(&self, fallback: usize) -> usize {
        if !self.value_comes_next() {
            return fallback;
        }
        let at = self.skip_gap(b"");
        if self.src.as_bytes().get(at) == Some(&b':') { at + 1 } else { self.last_end }
    }

    /// From the end of the last content over blanks, breaks, comments, properties and the indicators named, to
    /// what stands behind them.
    fn skip_gap(&self, indicators: &[u8]) -> usize {
        let bytes = self.src.as_bytes();
        let mut at = self.last_end;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => at += 1,
                b'#' => at = line::end(self.src, at),
                b'&' | b'!' => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    at += rest.iter().take_while(|b| !b.is_ascii_whitespace()).count();
                }
                b if indicators.contains(b) => at += 1,
                _ => break,
            }
        }
        at
    }
}

/// Behind the last content byte of the block scalar whose header is at `header`. `span_end` is where the parser
/// saw it end, blank lines included; `indent` is the column of its content.
fn block_scalar_end(src: &str, header: usize, span_end: usize, indent: usize) -> usize {
    let header_line_end = line::end(src, header);
    let head = src.get(header..header_line_end).unwrap_or("");
    let token = head.bytes().take_while(|b| !matches!(b, b' ' | b'\t' | b'#')).count();
    let keep = head.get(..token).unwrap_or("").contains('+');
    let first = line::next(src, header);
    let mut end = span_end.max(first).min(src.len());
    if keep {
        // The parser may stop inside the indent of the line behind, or before blank lines.
        let start = line::start(src, end);
        if start < end && src.get(start..end).is_some_and(|text| text.bytes().all(|b| b == b' ')) {
            end = start.max(first);
        }
        while let Some(line::Idle::Blank { tab: false, .. }) = line::idle(src, end) {
            let next = line::next(src, end);
            // A last line without a break adds none to the value.
            if !src.get(end..next).is_some_and(|line| line.ends_with('\n')) {
                break;
            }
            end = next;
        }
        return strip_break(src, end).max(header + token);
    }
    while end > first {
        let stripped = strip_break(src, end);
        let start = line::start(src, stripped);
        let text = src.get(start..stripped).unwrap_or("");
        if start >= first && text.bytes().all(|b| b == b' ') && text.len() <= indent {
            end = start;
        } else {
            return stripped;
        }
    }
    header + token
}

fn strip_break(src: &str, end: usize) -> usize {
    let head = src.get(..end).unwrap_or("");
    let head = head.strip_suffix('\n').unwrap_or(head);
    head.strip_suffix('\r').unwrap_or(head).len()
}

/// Offsets fit: the reader refuses documents of more than [`super::MAX_DOCUMENT`] bytes.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn id(at: usize) -> NodeId {
    NodeId(offset(at))
}
