//! From changes to edits: where the new text goes and what it looks like there.
//!
//! New lines go in front of the line break that ends the last line of what stands before them. That one rule
//! serves CRLF files, trailing comments and a missing last line break. Everything that is put in at one such
//! place is gathered, the deeper first, and moved behind lines that a new block scalar would swallow.

use super::change::{Change, Place, Refusal, RefusalKind, Value};
use super::line::{self, Idle};
use super::query::At;
use super::scalar::{self, Quote};
use super::splice::{self, Edit};
use super::tape::{Document, Kind, NodeId};

/// Lines to be put in behind the line that `anchor` is on.
struct Lines {
    anchor: usize,
    /// Move behind the comments that follow, if they are indented deeper than this.
    behind_deeper_than: Option<usize>,
    column: usize,
    rows: Vec<String>,
    /// What the last row belongs to.
    end: End,
}

struct Renderer<'d, 's> {
    doc: &'d Document<'s>,
    edits: Vec<Edit>,
    lines: Vec<Lines>,
}

/// Turns changes into edits in order of offset.
pub(super) fn edits(doc: &Document<'_>, changes: &[Change]) -> Result<Vec<Edit>, Refusal> {
    let mut renderer = Renderer {
        doc,
        edits: Vec::new(),
        lines: Vec::new(),
    };
    for change in changes {
        match change {
            Change::Insert {
                mapping,
                place,
                key,
                value,
            } => {
                renderer.insert(*mapping, *place, key, value)?;
            }
            Change::Fill { at, value } => renderer.fill(*at, value)?,
            Change::Replace { at, value, note } => renderer.replace(*at, value, note.as_deref()),
        }
    }
    renderer.place_lines();
    let mut edits = renderer.edits;
    splice::order(&mut edits).map_err(|error| Refusal {
        at: error.at,
        kind: RefusalKind::Layout,
    })?;
    Ok(edits)
}

impl Renderer<'_, '_> {
    fn edit(&mut self, start: usize, end: usize, text: String) {
        self.edits.push(Edit { start, end, text });
    }

    // --- new entries -----------------------------------------------------------------------------------------

    fn insert(
        &mut self,
        mapping: NodeId,
        place: Place,
        key: &str,
        value: &Value,
    ) -> Result<(), Refusal> {
        let doc = self.doc;
        let refusal = Refusal {
            at: doc.start(mapping),
            kind: RefusalKind::Layout,
        };
        let entries: Vec<_> = doc.entries(mapping).collect();
        let (Some(first), Some(last)) = (entries.first().copied(), entries.last().copied()) else {
            // An empty flow mapping that is not the value of a key, as in `- {}`.
            let at = At {
                node: mapping,
                key: None,
                parent: None,
                shared: None,
            };
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
            Kind::BlockMapping => {
                let explicit = entries.iter().any(|(key, _)| self.is_explicit(*key));
                if explicit {
                    return Err(refusal);
                }
                self.insert_block(mapping, first, after, key, value)
                    .ok_or(refusal)
            }
            Kind::FlowMapping => {
                self.insert_flow(mapping, first, last, after, key, value);
                Ok(())
            }
            _ => Err(refusal),
        }
    }

    /// Whether the key is written `? key`.
    fn is_explicit(&self, key: NodeId) -> bool {
        let start = self.doc.line_start(self.doc.start(key));
        self.doc
            .slice(start, self.doc.start(key))
            .split_ascii_whitespace()
            .any(|word| word == "?")
    }

    fn insert_block(
        &mut self,
        mapping: NodeId,
        first: (NodeId, NodeId),
        after: Option<(NodeId, NodeId)>,
        key: &str,
        value: &Value,
    ) -> Option<()> {
        let doc = self.doc;
        let column = doc.column(mapping);
        let step = doc.step_in(mapping).unwrap_or_else(|| doc.step());
        let first_line = doc.line_start(doc.start(first.0));
        let alone = doc
            .slice(first_line, doc.start(first.0))
            .bytes()
            .all(|b| b == b' ');
        let (model, anchor, behind) = match after {
            None if alone && first_line > 0 => (
                first,
                self.line_end_above_comments(first_line, column)?,
                None,
            ),
            None => {
                let last = doc.entries(mapping).last()?;
                (last, doc.end(last.1), Some(column))
            }
            Some(entry) => {
                let collection =
                    matches!(doc.kind(entry.1), Kind::BlockMapping | Kind::BlockSequence);
                (entry, doc.end(entry.1), collection.then_some(column))
            }
        };
        if !line::rest_is_blank(doc.src, anchor) {
            return None;
        }
        let style = Style {
            key: self.quote_of(model.0),
            text: self.quote_of(model.1),
            column,
            step,
        };
        let mut rows = Vec::new();
        let end = style.entry(key, value, column, &mut rows);
        self.lines.push(Lines {
            anchor: line::end(doc.src, anchor),
            behind_deeper_than: behind,
            column,
            rows,
            end,
        });
        Some(())
    }

    /// The end of the line above the comments that stand directly above a line.
    fn line_end_above_comments(&self, line_start: usize, column: usize) -> Option<usize> {
        let mut at = line_start;
        while at > 0 {
            let above = self.doc.line_start(at - 1);
            match line::idle(self.doc.src, above) {
                Some(Idle::Comment { column: c }) if c >= column => at = above,
                _ => return Some(line::end(self.doc.src, above)),
            }
        }
        None
    }

    fn quote_of(&self, id: NodeId) -> Quote {
        match self.doc.kind(id) {
            Kind::DoubleQuoted => Quote::Double,
            Kind::SingleQuoted => Quote::Single,
            _ => Quote::Plain,
        }
    }

    // --- flow ------------------------------------------------------------------------------------------------

    fn insert_flow(
        &mut self,
        mapping: NodeId,
        first: (NodeId, NodeId),
        last: (NodeId, NodeId),
        after: Option<(NodeId, NodeId)>,
        key: &str,
        value: &Value,
    ) {
        let doc = self.doc;
        let style = self.flow_style(mapping);
        let src = doc.src;
        let model = after.unwrap_or(first).0;
        let own_line = {
            let start = doc.line_start(doc.start(model));
            start > doc.start(mapping) && line::skip_blanks(src, start) == doc.start(model)
        };
        if !own_line {
            let text = style.inline_entry(key, value);
            match after {
                None => self.edit(
                    doc.start(model),
                    doc.start(model),
                    format!("{text}{}", style.comma),
                ),
                Some((_, node)) => {
                    let gap = if doc.kind(node) == Kind::Null {
                        " "
                    } else {
                        ""
                    };
                    let end = doc.end(node);
                    self.edit(end, end, format!("{gap}{}{text}", style.comma));
                }
            }
            return;
        }
        let indent = line::indent_at(src, doc.line_start(doc.start(model))).to_owned();
        let brace_indent = line::indent_at(src, doc.line_start(doc.start(mapping)));
        let step = indent
            .strip_prefix(brace_indent)
            .filter(|s| !s.is_empty())
            .unwrap_or("  ");
        let last_comma = self.comma_behind(doc.end(last.1)).is_some();
        let Some((_, node)) = after else {
            let line_start = doc.line_start(doc.start(model));
            let at = line::end(src, line_start.saturating_sub(1));
            let newline = line::break_at(src, at);
            let text = style.own_lines(key, value, &indent, step, newline, last_comma);
            self.edit(at, at, format!("{newline}{text},"));
            return;
        };
        let end = doc.end(node);
        let gap = if doc.kind(node) == Kind::Null {
            " "
        } else {
            ""
        };
        let comma = self.comma_behind(end);
        match comma {
            Some(comma) if line::rest_is_blank(src, comma + 1) => {
                let at = line::end(src, comma);
                let newline = line::break_at(src, at);
                let text = style.own_lines(key, value, &indent, step, newline, last_comma);
                self.edit(at, at, format!("{newline}{text},"));
            }
            None if line::rest_is_blank(src, end) => {
                let at = line::end(src, end);
                let newline = line::break_at(src, at);
                let text = style.own_lines(key, value, &indent, step, newline, false);
                if at == end {
                    self.edit(at, at, format!("{gap},{newline}{text}"));
                } else if self
                    .edits
                    .iter()
                    .any(|edit| edit.start == end && edit.end == end)
                {
                    // Another new entry put the comma in already, and stands last now.
                    self.edit(at, at, format!(",{newline}{text}"));
                } else {
                    self.edit(end, end, format!("{gap},"));
                    self.edit(at, at, format!("{newline}{text}"));
                }
            }
            None => {
                let newline = line::break_at(src, line::end(src, end));
                let text = style.own_lines(key, value, &indent, step, newline, false);
                self.edit(end, end, format!("{gap},{newline}{text}"));
            }
            Some(_) => {
                let text = style.inline_entry(key, value);
                self.edit(end, end, format!("{gap}, {text}"));
            }
        }
    }

    /// Where the comma stands that ends a flow entry, over comments and line breaks.
    fn comma_behind(&self, end: usize) -> Option<usize> {
        let bytes = self.doc.src.as_bytes();
        let mut at = end;
        loop {
            match bytes.get(at)? {
                b' ' | b'\t' | b'\n' | b'\r' => at += 1,
                b'#' => at = line::end(self.doc.src, at),
                b',' => return Some(at),
                _ => return None,
            }
        }
    }

    /// How a flow mapping is written: its own entries show it, else the document's root.
    fn flow_style(&self, mapping: NodeId) -> FlowStyle {
        let doc = self.doc;
        let json = self.is_json();
        let first = doc.entries(mapping).next();
        let (key, text) = match first {
            Some((key, value)) => {
                let text = match self.quote_of(value) {
                    Quote::Plain if self.quote_of(key) == Quote::Double => Quote::Double,
                    quote => quote,
                };
                (self.quote_of(key), text)
            }
            None if json => (Quote::Double, Quote::Double),
            None => (Quote::Plain, Quote::Plain),
        };
        let tight = first.is_some_and(|(key, value)| {
            key_is_quoted(doc.kind(key)) && doc.start(value) == doc.end(key) + 1
        });
        FlowStyle {
            key,
            text: if json { Quote::Double } else { text },
            colon: if tight { ":" } else { ": " },
            comma: if tight { "," } else { ", " },
        }
    }

    /// Whether the text is JSON as far as its outermost mapping shows.
    fn is_json(&self) -> bool {
        let root = self.doc.tape.roots.first().copied();
        root.is_some_and(|root| {
            let first = self.doc.entries(root).next();
            self.doc.kind(root) == Kind::FlowMapping
                && first.is_some_and(|(key, _)| self.doc.kind(key) == Kind::DoubleQuoted)
        })
    }

    // --- empty values ------------------------------------------------------------------------------------------

    fn fill(&mut self, at: At, value: &Value) -> Result<(), Refusal> {
        let doc = self.doc;
        let in_block = at
            .parent
            .is_some_and(|parent| doc.kind(parent) == Kind::BlockMapping);
        let style = self.flow_style(at.node);
        if doc.kind(at.node) == Kind::FlowMapping {
            let colon = at.key.and_then(|key| self.colon_behind(key));
            let one_line = !doc.text(at.node).contains(['\n', '#']);
            if let (true, true, Some(colon), Value::Map(entries)) =
                (in_block, one_line, colon, value)
                && doc
                    .slice(colon, doc.start(at.node))
                    .bytes()
                    .all(|b| b == b' ')
                && line::rest_is_blank(doc.src, doc.end(at.node))
            {
                self.edit(colon, doc.end(at.node), String::new());
                return self.fill_block(at, doc.end(at.node), entries);
            }
            let Value::Map(entries) = value else {
                return Err(Refusal {
                    at: doc.start(at.node),
                    kind: RefusalKind::Layout,
                });
            };
            let text: Vec<_> = entries
                .iter()
                .map(|(k, v)| style.inline_entry(k, v))
                .collect();
            let inside = doc.start(at.node) + 1;
            self.edit(inside, inside, text.join(style.comma));
            return Ok(());
        }
        if let Value::Map(entries) = value
            && in_block
        {
            if doc.kind(at.node) != Kind::Null {
                let start = at.key.and_then(|key| self.colon_behind(key));
                let start = start.unwrap_or(doc.start(at.node));
                self.edit(start, doc.end(at.node), String::new());
            }
            return self.fill_block(at, doc.end(at.node), entries);
        }
        let style = at.parent.map_or(style, |parent| {
            if doc.kind(parent).is_flow() {
                self.flow_style(parent)
            } else {
                style
            }
        });
        let end = doc.end(at.node);
        let text = match value {
            Value::Lines(text) if in_block && scalar::literal_is_safe(text) => {
                return self.literal(at, None, text);
            }
            Value::Text(text) if in_block => {
                let quote = at.key.map_or(Quote::Plain, |key| self.quote_of(key));
                scalar::write(text, quote, false)
            }
            value => style.inline(value),
        };
        if doc.kind(at.node) != Kind::Null {
            self.edit(doc.start(at.node), end, text);
            return Ok(());
        }
        let colon = at
            .key
            .is_some_and(|key| self.colon_behind(key) == Some(end));
        let lead = match (colon, doc.from(end).starts_with(' ')) {
            (false, _) => ": ",
            (true, true) if !line::rest_is_blank(doc.src, end) => "",
            (true, _) => " ",
        };
        // `{key: , other: 1}`: the blank behind the colon is there already.
        let end = if lead.is_empty() { end + 1 } else { end };
        self.edit(end, end, format!("{lead}{text}"));
        Ok(())
    }

    /// Behind the colon that follows a key.
    fn colon_behind(&self, key: NodeId) -> Option<usize> {
        let at = line::skip_blanks(self.doc.src, self.doc.end(key));
        (self.doc.src.as_bytes().get(at) == Some(&b':')).then_some(at + 1)
    }

    /// Children for a key of a block mapping that has none, at the column of comments that stand there.
    fn fill_block(
        &mut self,
        at: At,
        anchor: usize,
        entries: &[(String, Value)],
    ) -> Result<(), Refusal> {
        let doc = self.doc;
        let refusal = Refusal {
            at: doc.start(at.node),
            kind: RefusalKind::Layout,
        };
        let (Some(parent), Some(key)) = (at.parent, at.key) else {
            return Err(refusal);
        };
        if !line::rest_is_blank(doc.src, anchor) {
            return Err(refusal);
        }
        let base = doc.column(parent);
        let step = doc.step_in(parent).unwrap_or_else(|| doc.step());
        let below = line::next(doc.src, anchor);
        let column = match line::idle(doc.src, below) {
            Some(Idle::Comment { column }) if column > base && below > anchor => column,
            _ => base + step,
        };
        let style = Style {
            key: self.quote_of(key),
            text: self.quote_of(key),
            column,
            step,
        };
        let mut rows = Vec::new();
        let mut end = End::default();
        for (key, value) in entries {
            end = style.entry(key, value, column, &mut rows);
        }
        self.lines.push(Lines {
            anchor: line::end(doc.src, anchor),
            behind_deeper_than: None,
            column,
            rows,
            end,
        });
        Ok(())
    }

    // --- other values ------------------------------------------------------------------------------------------

    fn replace(&mut self, at: At, value: &Value, note: Option<&str>) {
        let doc = self.doc;
        let in_block = at
            .parent
            .is_some_and(|parent| doc.kind(parent) == Kind::BlockMapping);
        if let Some(note) = note {
            self.note_above(at, note);
        }
        match value {
            Value::Lines(text) if in_block && scalar::literal_is_safe(text) => {
                let _ = self.literal(at, Some(()), text);
            }
            Value::Text(text) | Value::Lines(text) => {
                let flow = at.parent.is_some_and(|parent| doc.kind(parent).is_flow());
                let quote = match self.quote_of(at.node) {
                    Quote::Plain if flow => at
                        .parent
                        .map_or(Quote::Plain, |parent| self.flow_style(parent).text),
                    quote => quote,
                };
                let text = scalar::write(text, quote, flow);
                self.edit(doc.start(at.node), doc.end(at.node), text);
            }
            Value::Map(_) => {}
        }
    }

    /// Writes a literal as the value of a key: its header where the value stands, its content below that line.
    fn literal(&mut self, at: At, old: Option<()>, text: &str) -> Result<(), Refusal> {
        let doc = self.doc;
        let Some(parent) = at.parent else {
            return Ok(());
        };
        let step = doc.step_in(parent).unwrap_or_else(|| doc.step());
        let column = doc.column(parent) + step;
        let (start, end) = (doc.start(at.node), doc.end(at.node));
        let mut rows = vec![String::new()];
        push_literal(text, column, &mut rows);
        let mut header = rows.remove(0);
        if line::end(doc.src, end) == doc.src.len() && !header.ends_with('-') {
            header.push('-');
        }
        let block = matches!(doc.kind(at.node), Kind::Literal | Kind::Folded);
        if block {
            let token = doc.text(at.node).bytes();
            let token = token
                .take_while(|b| !b.is_ascii_whitespace() && *b != b'#')
                .count();
            let line_end = line::end(doc.src, start);
            self.edit(start, start + token, header.trim_start().to_owned());
            if end > line_end {
                self.edit(line_end, end, String::new());
            }
        } else if old.is_some() {
            self.edit(start, end, header.trim_start().to_owned());
        } else {
            self.edit(end, end, header);
        }
        self.lines.push(Lines {
            anchor: line::end(doc.src, end),
            behind_deeper_than: None,
            column,
            rows,
            end: End::Literal {
                column,
                header: None,
            },
        });
        Ok(())
    }

    /// A comment line above the line of an entry, at the column of its key, or of the dash before it.
    fn note_above(&mut self, at: At, note: &str) {
        let doc = self.doc;
        let Some(key) = at.key else { return };
        let start = doc.line_start(doc.start(key));
        let lead = line::skip_blanks(doc.src, start);
        let before = doc.slice(lead, doc.start(key));
        let dash = !before.is_empty() && before.bytes().all(|b| matches!(b, b'-' | b' '));
        let in_flow = at.parent.is_some_and(|parent| doc.kind(parent).is_flow());
        if (!before.is_empty() && !dash) || (in_flow && dash) || self.is_json() {
            return;
        }
        let indent = doc.slice(start, lead);
        let newline = line::break_at(doc.src, line::end(doc.src, start));
        // A byte order mark stays the first thing in the text.
        self.edit(start, start, format!("{indent}#{note}{newline}"));
    }

    // --- gathering lines ---------------------------------------------------------------------------------------

    fn place_lines(&mut self) {
        let doc = self.doc;
        let mut all = std::mem::take(&mut self.lines);
        all.sort_by(|a, b| a.anchor.cmp(&b.anchor).then(b.column.cmp(&a.column)));
        let mut groups = all.chunk_by(|a, b| a.anchor == b.anchor);
        for group in &mut groups {
            let (Some(first), Some(last)) = (group.first(), group.last()) else {
                continue;
            };
            let mut at = first.anchor;
            for lines in group {
                if let Some(column) = lines.behind_deeper_than {
                    at = at.max(self.behind_deeper_comments(first.anchor, column));
                }
            }
            at = self.behind_swallowed(at, last);
            let newline = line::break_at(doc.src, at);
            let at_eof = at == doc.src.len();
            if at_eof {
                self.strip_last_scalar();
            }
            let mut text = String::new();
            for lines in group {
                let header = match lines.end {
                    End::Literal { header, .. } if at_eof && std::ptr::eq(lines, last) => header,
                    _ => None,
                };
                for (i, row) in lines.rows.iter().enumerate() {
                    text.push_str(newline);
                    text.push_str(row);
                    // Without a last line break readers disagree whether a literal ends in one.
                    if header == Some(i) && !row.ends_with('-') {
                        text.push('-');
                    }
                }
            }
            self.edit(at, at, text);
        }
    }

    /// The end of the last line of the comments that directly follow and are deeper than a column.
    fn behind_deeper_comments(&self, anchor: usize, deeper_than: usize) -> usize {
        let src = self.doc.src;
        let mut at = anchor;
        loop {
            let below = line::next(src, at);
            match line::idle(src, below) {
                Some(Idle::Comment { column }) if below > at && column > deeper_than => {
                    at = line::end(src, below);
                }
                _ => return at,
            }
        }
    }

    /// The end of the last line below that would become part of the scalar that the new lines end with: blank
    /// lines longer than a literal's indent, comments at or behind its column, tabs.
    fn behind_swallowed(&self, anchor: usize, lines: &Lines) -> usize {
        let src = self.doc.src;
        let (mut at, mut safe) = (anchor, anchor);
        loop {
            let below = line::next(src, at);
            if below <= at {
                return safe;
            }
            let swallowed = match (line::idle(src, below), lines.end) {
                (Some(Idle::Blank { spaces, tab }), End::Literal { column, .. }) => {
                    tab || spaces > column
                }
                (Some(Idle::Blank { tab, .. }), end) => tab && end == End::Quoted,
                (
                    Some(Idle::Comment { column }),
                    End::Literal {
                        column: content, ..
                    },
                ) if column >= content => true,
                _ => return safe,
            };
            at = line::end(src, below);
            if swallowed {
                safe = at;
            }
            if at >= src.len() {
                return safe;
            }
        }
    }

    /// A block scalar that ended the text without a line break has no break in its value, for the readers that
    /// clusters use; with lines below it, its header has to say so.
    fn strip_last_scalar(&mut self) {
        if let Some(edit) = self.doc.strip_at_end()
            && !self.edits.iter().any(|other| other.start == edit.start)
        {
            self.edits.push(edit);
        }
    }
}

/// The edit that makes the header of a block scalar say that its value ends in no line break.
fn strip_header(doc: &Document<'_>, id: NodeId) -> Option<Edit> {
    if !matches!(doc.kind(id), Kind::Literal | Kind::Folded) {
        return None;
    }
    let start = doc.start(id);
    let header: String = doc
        .text(id)
        .chars()
        .take_while(|c| "|>+-0123456789".contains(*c))
        .collect();
    if header.contains('-') {
        return None;
    }
    let text = format!("{}-", header.replace('+', ""));
    Some(Edit {
        start,
        end: start + header.len(),
        text,
    })
}

fn key_is_quoted(kind: Kind) -> bool {
    matches!(kind, Kind::DoubleQuoted | Kind::SingleQuoted)
}

/// How entries of a block mapping are written.
struct Style {
    key: Quote,
    text: Quote,
    column: usize,
    step: usize,
}

/// What the last line written belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    /// A plain scalar or a key.
    #[default]
    Plain,
    /// A quoted scalar, which readers of YAML 1.1 want no lines with tabs behind.
    Quoted,
    /// A literal: the column of its content and the row of its header.
    Literal {
        column: usize,
        header: Option<usize>,
    },
}

impl Style {
    /// Adds the lines of an entry, without their breaks.
    fn entry(&self, key: &str, value: &Value, column: usize, rows: &mut Vec<String>) -> End {
        let mut row = " ".repeat(column);
        row.push_str(&scalar::write(key, self.key, false));
        row.push(':');
        match value {
            Value::Map(entries) => {
                rows.push(row);
                let mut end = End::default();
                for (key, value) in entries {
                    end = self.entry(key, value, column + self.step, rows);
                }
                end
            }
            Value::Lines(text) if scalar::literal_is_safe(text) => {
                rows.push(row);
                let header = rows.len() - 1;
                push_literal(text, column + self.step, rows);
                End::Literal {
                    column: column + self.step,
                    header: Some(header),
                }
            }
            Value::Lines(text) | Value::Text(text) => {
                let quote = if column == self.column {
                    self.text
                } else {
                    Quote::Plain
                };
                let text = scalar::write(text, quote, false);
                let end = if text.starts_with(['"', '\'']) {
                    End::Quoted
                } else {
                    End::Plain
                };
                row.push(' ');
                row.push_str(&text);
                rows.push(row);
                end
            }
        }
    }
}

/// Adds a literal's header to the last row and its lines below it.
fn push_literal(text: &str, column: usize, rows: &mut Vec<String>) {
    let body = text.strip_suffix('\n');
    if let Some(row) = rows.last_mut() {
        row.push_str(if body.is_some() { " |" } else { " |-" });
    }
    for text in body.unwrap_or(text).split('\n') {
        let indent = if text.is_empty() { 0 } else { column };
        rows.push(format!("{}{text}", " ".repeat(indent)));
    }
}

/// How entries of a flow mapping are written.
#[derive(Clone, Copy)]
struct FlowStyle {
    key: Quote,
    text: Quote,
    colon: &'static str,
    comma: &'static str,
}

impl FlowStyle {
    fn inline(&self, value: &Value) -> String {
        match value {
            Value::Text(text) | Value::Lines(text) => scalar::write(text, self.text, true),
            Value::Map(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| self.inline_entry(key, value))
                    .collect();
                format!("{{{}}}", entries.join(self.comma))
            }
        }
    }

    fn inline_entry(&self, key: &str, value: &Value) -> String {
        format!(
            "{}{}{}",
            scalar::write(key, self.key, true),
            self.colon,
            self.inline(value)
        )
    }

    /// An entry on lines of its own, from its indent on and without a comma behind it.
    fn own_lines(
        &self,
        key: &str,
        value: &Value,
        indent: &str,
        step: &str,
        newline: &str,
        trailing_commas: bool,
    ) -> String {
        let Value::Map(entries) = value else {
            return format!("{indent}{}", self.inline_entry(key, value));
        };
        let inner_indent = format!("{indent}{step}");
        let mut out = format!(
            "{indent}{}{}{{",
            scalar::write(key, self.key, true),
            self.colon
        );
        for (i, (key, value)) in entries.iter().enumerate() {
            out.push_str(newline);
            let text = self.own_lines(key, value, &inner_indent, step, newline, trailing_commas);
            out.push_str(&text);
            if trailing_commas || i + 1 < entries.len() {
                out.push(',');
            }
        }
        out.push_str(newline);
        out.push_str(indent);
        out.push('}');
        out
    }
}

impl Document<'_> {
    /// The edit that keeps the value of a block scalar at the very end of the text, without a line break behind
    /// it, when more text is to follow.
    #[must_use]
    pub fn strip_at_end(&self) -> Option<Edit> {
        let last = NodeId(u32::try_from(self.tape.nodes.len().checked_sub(1)?).ok()?);
        if self.end(last) == self.src.len() {
            strip_header(self, last)
        } else {
            None
        }
    }
}
