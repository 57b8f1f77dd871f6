//! From changes to edits: which text goes where. This file decides by change and by style; `block`, `flow` and
//! `gather` write.

mod block;
mod flow;
mod gather;

use std::collections::HashSet;

use super::change::{Change, Place, Refusal, RefusalKind, Value};
use super::line::{self, Idle};
use super::query::At;
use super::scalar::{self, Quote};
use super::splice::{self, Edit};
use super::tape::{Document, Kind, NodeId};

use flow::New;
use gather::Lines;

pub use block::document;

struct Renderer<'d, 's> {
    doc: &'d Document<'s>,
    edits: Vec<Edit>,
    lines: Vec<Lines>,
    /// Ends of last flow elements that got a comma.
    commas: HashSet<usize>,
    /// Empty values that got one.
    filled: HashSet<NodeId>,
}

/// Turns changes into edits in order of offset.
pub(super) fn edits(doc: &Document<'_>, changes: &[Change]) -> Result<Vec<Edit>, Refusal> {
    let mut renderer = Renderer {
        doc,
        edits: Vec::new(),
        lines: Vec::new(),
        commas: HashSet::new(),
        filled: HashSet::new(),
    };
    // What fills an empty value comes in front of what is put in behind it.
    let (fills, others): (Vec<_>, Vec<_>) =
        changes.iter().partition(|change| matches!(change, Change::Fill { .. }));
    for change in fills.into_iter().chain(others) {
        match change {
            Change::Insert { mapping, place, key, value } => renderer.insert(*mapping, *place, key, value)?,
            Change::Append { sequence, items } => renderer.append(*sequence, items)?,
            Change::Fill { at, value } => renderer.fill(*at, value)?,
            Change::Within { edits, .. } => renderer.edits.extend_from_slice(edits),
            Change::Replace { at, value, note } => renderer.replace(*at, value, note.as_deref())?,
            Change::Swap { at, key, value } => renderer.swap(*at, key, value)?,
        }
    }
    renderer.place_lines();
    let mut edits = renderer.edits;
    splice::order(&mut edits).map_err(|error| Refusal { at: error.at, kind: RefusalKind::Layout })?;
    Ok(edits)
}

impl Renderer<'_, '_> {
    fn edit(&mut self, start: usize, end: usize, text: String) {
        self.edits.push(Edit { start, end, text });
    }

    fn refusal(&self, at: NodeId) -> Refusal {
        Refusal { at: self.doc.start(at), kind: RefusalKind::Layout }
    }

    fn insert(&mut self, mapping: NodeId, place: Place, key: &str, value: &Value) -> Result<(), Refusal> {
        let doc = self.doc;
        let refusal = self.refusal(mapping);
        let entries: Vec<_> = doc.entries(mapping).collect();
        let (Some(first), Some(last)) = (entries.first().copied(), entries.last().copied()) else {
            // An empty flow mapping that is not the value of a key, as in `- {}`.
            let at = At { node: mapping, key: None, parent: None, shared: None };
            return self.fill(at, &Value::Map(vec![(key.to_owned(), value.clone())]));
        };
        let after = match place {
            Place::First => None,
            Place::Last => Some(last),
            Place::After(keys) => Some(
                keys.iter()
                    .find_map(|key| entries.iter().find(|(name, _)| doc.is(*name, key)))
                    .copied()
                    .unwrap_or(last),
            ),
        };
        match doc.kind(mapping) {
            Kind::BlockMapping => self.insert_block(mapping, first, after, key, value).ok_or(refusal),
            Kind::FlowMapping => {
                self.insert_flow(mapping, first, last, after, New::Entry(key, value));
                Ok(())
            }
            _ => Err(refusal),
        }
    }

    /// Adds items behind the last one of a sequence that has some.
    fn append(&mut self, sequence: NodeId, items: &[Value]) -> Result<(), Refusal> {
        let doc = self.doc;
        let list = At { node: sequence, key: None, parent: None, shared: None };
        let there: Vec<_> = doc.items(list).map(|item| item.node).collect();
        let (Some(first), Some(last)) = (there.first().copied(), there.last().copied()) else {
            return Err(self.refusal(sequence));
        };
        if doc.kind(sequence) == Kind::BlockSequence {
            return self.append_block(sequence, last, items).ok_or_else(|| self.refusal(sequence));
        }
        for item in items {
            self.insert_flow(sequence, (first, first), (last, last), Some((last, last)), New::Item(item));
        }
        Ok(())
    }

    /// Gives a value to a key that has none: nothing at all, null, `{}` or `[]`.
    fn fill(&mut self, at: At, value: &Value) -> Result<(), Refusal> {
        let doc = self.doc;
        let in_block = at.parent.is_some_and(|parent| doc.kind(parent) == Kind::BlockMapping);
        let (start, end) = (doc.start(at.node), doc.end(at.node));
        let nested = matches!(value, Value::Map(_) | Value::List(_));
        let colon = at.key.and_then(|key| self.colon_behind(key));
        let alone = colon.is_some_and(|colon| doc.slice(colon, start).bytes().all(|b| b == b' '))
            && !doc.text(at.node).contains(['\n', '#'])
            && line::rest_is_blank(doc.src(), end);
        if nested && in_block && alone {
            if let Some(colon) = colon
                && end > start
            {
                self.edit(colon, end, String::new());
            }
            return self.fill_block(at, end, value);
        }
        if matches!(doc.kind(at.node), Kind::FlowMapping | Kind::FlowSequence) {
            let style = self.flow_style(at.node);
            let text = match value {
                Value::Map(entries) => style.inline_entries(entries),
                Value::List(items) => style.inline_items(items),
                _ => return Err(self.refusal(at.node)),
            };
            self.edit(start + 1, start + 1, text);
            return Ok(());
        }
        let text = match value {
            Value::Lines(text) if in_block && self.literal_fits(at, text) => {
                self.literal(at, text);
                return Ok(());
            }
            Value::Text(text) if in_block => {
                let quote = at.key.map_or(Quote::Plain, |key| self.quote_of(key));
                scalar::write(text, quote, false)
            }
            value => {
                let parent = at.parent.filter(|parent| doc.kind(*parent).is_flow());
                self.flow_style(parent.unwrap_or(at.node)).inline(value)
            }
        };
        if doc.kind(at.node) != Kind::Null {
            self.edit(start, end, text);
            return Ok(());
        }
        let node = at.node;
        let at = self.null_end(node);
        let lead = match colon {
            Some(colon) if colon < at => "",
            Some(colon) if colon == at => " ",
            _ => ": ",
        };
        self.edit(at, at, format!("{lead}{text}"));
        self.filled.insert(node);
        Ok(())
    }

    /// Gives another value to a scalar.
    fn replace(&mut self, at: At, value: &Value, note: Option<&str>) -> Result<(), Refusal> {
        let doc = self.doc;
        let in_block = at.parent.is_some_and(|parent| doc.kind(parent) == Kind::BlockMapping);
        let text = match value {
            Value::Lines(text) if in_block && self.literal_fits(at, text) => {
                self.literal(at, text);
                return Ok(());
            }
            Value::Text(text) | Value::Lines(text) => {
                let flow = at.parent.filter(|parent| doc.kind(*parent).is_flow());
                let quote = match (self.quote_of(at.node), flow) {
                    (Quote::Plain, Some(parent)) => self.flow_style(parent).text,
                    (quote, _) => quote,
                };
                scalar::write(text, quote, flow.is_some())
            }
            Value::Raw(text) => text.clone(),
            Value::Map(_) | Value::List(_) => return Err(self.refusal(at.node)),
        };
        if in_block && doc.kind(at.node) == Kind::Plain && text.starts_with(['"', '\'']) {
            self.no_tab_line_below(doc.end(at.node))?;
        }
        if let Some(note) = note {
            self.note_above(at, note);
        }
        let (start, end) = (doc.start(at.node), doc.end(at.node));
        match self.header_end(at.node) {
            // A comment behind the header stays; the lines below go.
            Some(header_end) => {
                self.edit(start, header_end, text);
                self.edit_if_any(line::end(doc.src(), start), end);
            }
            None => self.edit(start, end, text),
        }
        Ok(())
    }

    /// Behind the header of a block scalar, without the comment that may follow it.
    fn header_end(&self, id: NodeId) -> Option<usize> {
        if !matches!(self.doc.kind(id), Kind::Literal | Kind::Folded) {
            return None;
        }
        let header = self.doc.text(id).bytes().take_while(|b| !b.is_ascii_whitespace() && *b != b'#');
        Some(self.doc.start(id) + header.count())
    }

    fn edit_if_any(&mut self, start: usize, end: usize) {
        if start < end {
            self.edit(start, end, String::new());
        }
    }

    /// Puts another key and value in place of an entry. Comments on the key's line stay.
    fn swap(&mut self, at: At, name: &str, value: &Value) -> Result<(), Refusal> {
        let doc = self.doc;
        let refusal = self.refusal(at.node);
        let (Some(parent), Some(key)) = (at.parent, at.key) else { return Err(refusal) };
        let (start, end) = (doc.start(at.node), doc.end(at.node));
        if doc.kind(parent).is_flow() {
            let style = self.flow_style(parent);
            self.edit(doc.start(key), doc.end(key), scalar::write(name, style.key, true));
            let text = style.inline(value);
            self.edit(start, end, if start == end { format!(" {text}") } else { text });
            return Ok(());
        }
        let Some(colon) = self.colon_behind(key) else { return Err(refusal) };
        if !line::rest_is_blank(doc.src(), end) {
            return Err(refusal);
        }
        self.edit(doc.start(key), doc.end(key), scalar::write(name, self.quote_of(key), false));
        let key_line_end = line::end(doc.src(), colon);
        // What stands on the key's line goes, but for a comment; what stands below goes as a whole.
        let token = self.header_end(at.node).unwrap_or(end.min(key_line_end));
        let inline = match value {
            Value::Map(_) | Value::List(_) => String::new(),
            Value::Text(text) | Value::Lines(text) => {
                format!(" {}", scalar::write(text, Quote::Plain, false))
            }
            Value::Raw(text) => format!(" {text}"),
        };
        let from = if start < key_line_end { token.max(colon) } else { colon };
        self.edit(colon, from, inline);
        self.edit_if_any(key_line_end, end);
        match value {
            Value::Map(_) | Value::List(_) => self.fill_block(at, end, value),
            _ => Ok(()),
        }
    }

    /// A comment line above the line of an entry, at the column of its key, or of the dash before it.
    fn note_above(&mut self, at: At, note: &str) {
        let doc = self.doc;
        let Some(key) = at.key else { return };
        let start = doc.line_start(doc.start(key));
        let lead = line::skip_blanks(doc.src(), start);
        let before = doc.slice(lead, doc.start(key));
        let dash = !before.is_empty() && before.bytes().all(|b| matches!(b, b'-' | b' '));
        let in_flow = at.parent.is_some_and(|parent| doc.kind(parent).is_flow());
        if (!before.is_empty() && !dash) || (in_flow && dash) || self.is_json() {
            return;
        }
        let indent = doc.slice(start, lead);
        let newline = line::break_at(doc.src(), line::end(doc.src(), start));
        // A byte order mark stays the first thing in the text.
        self.edit(start, start, format!("{indent}#{note}{newline}"));
    }

    fn quote_of(&self, id: NodeId) -> Quote {
        match self.doc.kind(id) {
            Kind::DoubleQuoted => Quote::Double,
            Kind::SingleQuoted => Quote::Single,
            _ => Quote::Plain,
        }
    }

    /// The blank that keeps a comma behind an empty value apart from its colon, or its tag: readers of YAML 1.1 take the
    /// comma for a part of that.
    fn gap(&self, node: NodeId) -> &'static str {
        let empty = self.doc.text(node).is_empty() && !self.filled.contains(&node);
        if empty { " " } else { "" }
    }

    /// Where the text of a null goes, and what comes behind it: in `{key: , other: 1}` behind the blank that is there.
    fn null_end(&self, node: NodeId) -> usize {
        let end = self.doc.end(node);
        let blank = self.doc.kind(node) == Kind::Null
            && self.doc.slice(end.saturating_sub(1), end) == ":"
            && self.doc.from(end).starts_with(' ')
            && !line::rest_is_blank(self.doc.src(), end);
        if blank { end + 1 } else { end }
    }

    /// Refuses a blank line with a tab below `anchor`.
    fn no_tab_line_below(&self, anchor: usize) -> Result<(), Refusal> {
        let src = self.doc.src();
        let mut at = line::next(src, anchor);
        while let Some(Idle::Blank { tab, .. }) = line::idle(src, at) {
            if tab {
                return Err(Refusal { at, kind: RefusalKind::TabLine });
            }
            at = line::next(src, at);
        }
        Ok(())
    }

    /// Behind the colon that follows a key.
    fn colon_behind(&self, key: NodeId) -> Option<usize> {
        let at = line::skip_blanks(self.doc.src(), self.doc.end(key));
        (self.doc.src().as_bytes().get(at) == Some(&b':')).then_some(at + 1)
    }
}
