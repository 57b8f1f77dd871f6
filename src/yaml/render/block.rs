//! Block style: entries, items and literals as lines of their own, at the file's own columns.

use super::super::change::{Refusal, Value};
use super::super::line::{self, Idle};
use super::super::misread;
use super::super::query::At;
use super::super::scalar::{self, Quote};
use super::super::tape::{Kind, NodeId};
use super::Renderer;
use super::gather::{End, Lines};

impl Renderer<'_, '_> {
    pub(super) fn insert_block(
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
        let alone = doc.slice(first_line, doc.start(first.0)).bytes().all(|b| b == b' ');
        let (model, anchor, behind) = match after {
            None if alone && first_line > 0 => {
                (first, self.line_end_above_comments(first_line, column)?, None)
            }
            None => {
                let last = doc.entries(mapping).last()?;
                (last, doc.end(last.1), Some(column))
            }
            Some(entry) => {
                let collection = matches!(doc.kind(entry.1), Kind::BlockMapping | Kind::BlockSequence);
                (entry, doc.end(entry.1), collection.then_some(column))
            }
        };
        if !line::rest_is_blank(doc.src(), anchor) {
            return None;
        }
        let style = self.style(self.quote_of(model.0), self.quote_of(model.1), column, step);
        let mut rows = Vec::new();
        let end = style.entry(key, value, column, &mut rows);
        self.lines.push(Lines {
            anchor: line::end(doc.src(), anchor),
            behind_deeper_than: behind,
            depth: column * 2,
            rows,
            end,
        });
        Some(())
    }

    /// Adds items behind the last one of a block sequence.
    pub(super) fn append_block(&mut self, sequence: NodeId, last: NodeId, items: &[Value]) -> Option<()> {
        let doc = self.doc;
        let anchor = doc.end(last);
        if !line::rest_is_blank(doc.src(), anchor) {
            return None;
        }
        let column = doc.column(sequence);
        let style = self.style(Quote::Plain, Quote::Plain, column, doc.step());
        let mut rows = Vec::new();
        let end = style.items(items, column, &mut rows);
        let collection = matches!(doc.kind(last), Kind::BlockMapping | Kind::BlockSequence);
        self.lines.push(Lines {
            anchor: line::end(doc.src(), anchor),
            behind_deeper_than: collection.then_some(column),
            // Items may stand at the column of the key above them and still are deeper.
            depth: column * 2 + 1,
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
            match line::idle(self.doc.src(), above) {
                Some(Idle::Comment { column: c }) if c >= column => at = above,
                _ => return Some(line::end(self.doc.src(), above)),
            }
        }
        None
    }

    /// Children for a key of a block mapping that has none, at the column of comments that stand there.
    pub(super) fn fill_block(&mut self, at: At, anchor: usize, value: &Value) -> Result<(), Refusal> {
        let doc = self.doc;
        let refusal = self.refusal(at.node);
        let (Some(parent), Some(key)) = (at.parent, at.key) else {
            return Err(refusal);
        };
        if !line::rest_is_blank(doc.src(), anchor) {
            return Err(refusal);
        }
        self.no_tab_line_below(anchor)?;
        let base = doc.column(parent);
        let step = doc.step_in(parent).unwrap_or_else(|| doc.step());
        let below = line::next(doc.src(), anchor);
        let column = match line::idle(doc.src(), below) {
            Some(Idle::Comment { column }) if column > base && below > anchor => column,
            _ => base + step,
        };
        let style = self.style(self.quote_of(key), self.quote_of(key), column, step);
        let mut rows = Vec::new();
        let end = match value {
            Value::Map(entries) => style.entries(entries, column, &mut rows),
            Value::List(items) => {
                let column = if style.indented || column != base + step { column } else { base };
                style.items(items, column, &mut rows)
            }
            _ => return Err(refusal),
        };
        self.lines.push(Lines {
            anchor: line::end(doc.src(), anchor),
            behind_deeper_than: None,
            depth: column * 2,
            rows,
            end,
        });
        Ok(())
    }

    fn style(&self, key: Quote, text: Quote, column: usize, step: usize) -> Style {
        Style { key, text, column, step, indented: self.doc.sequences_are_indented() }
    }

    /// Whether a text can be the literal value of a key here. Its content has to follow the header at once, so nothing
    /// that it would swallow may stand below.
    pub(super) fn literal_fits(&self, at: At, text: &str) -> bool {
        let anchor = line::end(self.doc.src(), self.doc.end(at.node));
        let end = End::Literal { column: self.literal_column(at), header: None };
        // A comment that readers of YAML 1.1 end before the line does would end the literal, too.
        let comment = self.doc.slice(self.header_end(at.node).unwrap_or(self.doc.end(at.node)), anchor);
        scalar::literal_is_safe(text)
            && comment.lines().next().is_none_or(|row| !row.contains(misread::BREAKS))
            && line::rest_is_blank(self.doc.src(), self.doc.end(at.node))
            && self.behind_swallowed(anchor, end) == anchor
    }

    fn literal_column(&self, at: At) -> usize {
        at.parent.map_or(0, |parent| {
            self.doc.column(parent) + self.doc.step_in(parent).unwrap_or_else(|| self.doc.step())
        })
    }

    /// Writes a literal as the value of a key: its header where the value stands, its content below that line.
    pub(super) fn literal(&mut self, at: At, text: &str) {
        let doc = self.doc;
        let column = self.literal_column(at);
        let (start, end) = (doc.start(at.node), doc.end(at.node));
        let mut rows = Vec::new();
        let mut header = push_literal(text, column, &mut rows).to_owned();
        if line::end(doc.src(), end) == doc.src().len() && !header.ends_with('-') {
            header.push('-');
        }
        match self.header_end(at.node) {
            Some(header_end) => {
                self.edit(start, header_end, header);
                self.edit_if_any(line::end(doc.src(), start), end);
            }
            None if doc.kind(at.node) == Kind::Null => self.edit(end, end, format!(" {header}")),
            None => self.edit(start, end, header),
        }
        self.lines.push(Lines {
            anchor: line::end(doc.src(), end),
            behind_deeper_than: None,
            depth: column * 2,
            rows,
            end: End::Literal { column, header: None },
        });
    }
}

/// A document of its own in block style, with two blanks an indent and `newline` behind every line.
#[must_use]
pub fn document(entries: &[(String, Value)], newline: &str) -> String {
    let style = Style { key: Quote::Plain, text: Quote::Plain, column: 0, step: 2, indented: false };
    let mut rows = Vec::new();
    style.entries(entries, 0, &mut rows);
    rows.iter().map(|row| format!("{row}{newline}")).collect()
}

/// How entries and items are written in block style.
struct Style {
    key: Quote,
    /// Of strings at `column`; deeper ones are plain.
    text: Quote,
    column: usize,
    step: usize,
    /// Whether the items of a sequence are moved in behind their key.
    indented: bool,
}

impl Style {
    fn entries(&self, entries: &[(String, Value)], column: usize, rows: &mut Vec<String>) -> End {
        let mut end = End::default();
        for (key, value) in entries {
            end = self.entry(key, value, column, rows);
        }
        end
    }

    /// Adds the lines of an entry, without their breaks.
    fn entry(&self, key: &str, value: &Value, column: usize, rows: &mut Vec<String>) -> End {
        let row = format!("{}{}:", " ".repeat(column), scalar::write(key, self.key, false));
        self.value(row, value, column, rows)
    }

    /// Adds the lines of items, without their breaks.
    fn items(&self, items: &[Value], column: usize, rows: &mut Vec<String>) -> End {
        let mut end = End::default();
        for item in items {
            let first = rows.len();
            end = match item {
                Value::Map(entries) => {
                    let end = self.entries(entries, column + 2, rows);
                    if let Some(row) = rows.get_mut(first) {
                        row.replace_range(column..column + 1, "-");
                    }
                    end
                }
                item => self.value(format!("{}-", " ".repeat(column)), item, column, rows),
            };
        }
        end
    }

    /// Adds a value behind the text that leads to it, and below.
    fn value(&self, mut row: String, value: &Value, column: usize, rows: &mut Vec<String>) -> End {
        match value {
            Value::Map(entries) => {
                rows.push(row);
                self.entries(entries, column + self.step, rows)
            }
            Value::List(items) => {
                rows.push(row);
                self.items(items, if self.indented { column + self.step } else { column }, rows)
            }
            Value::Lines(text) if scalar::literal_is_safe(text) => {
                let header = rows.len();
                rows.push(String::new());
                let mark = push_literal(text, column + self.step, rows);
                if let Some(place) = rows.get_mut(header) {
                    *place = format!("{row} {mark}");
                }
                End::Literal { column: column + self.step, header: Some(header) }
            }
            Value::Raw(text) => {
                rows.push(format!("{row} {text}"));
                End::Plain
            }
            Value::Lines(text) | Value::Text(text) => {
                let quote = if column == self.column { self.text } else { Quote::Plain };
                let text = scalar::write(text, quote, false);
                row.push(' ');
                row.push_str(&text);
                rows.push(row);
                if text.starts_with(['"', '\'']) { End::Quoted } else { End::Plain }
            }
        }
    }
}

/// Adds a literal's lines; gives its header.
fn push_literal(text: &str, column: usize, rows: &mut Vec<String>) -> &'static str {
    let body = text.strip_suffix('\n');
    for text in body.unwrap_or(text).split('\n') {
        let indent = if text.is_empty() { 0 } else { column };
        rows.push(format!("{}{text}", " ".repeat(indent)));
    }
    if body.is_some() { "|" } else { "|-" }
}
