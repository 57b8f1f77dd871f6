//! Flow style: entries and items between braces and brackets, on one line or on lines of their own, as their siblings
//! are.

use super::super::change::Value;
use super::super::line;
use super::super::scalar::{self, Quote};
use super::super::tape::{Kind, NodeId};
use super::Renderer;

/// What is to be put in.
#[derive(Clone, Copy)]
pub(super) enum New<'a> {
    /// An entry of a mapping.
    Entry(&'a str, &'a Value),
    /// An item of a sequence.
    Item(&'a Value),
}

impl Renderer<'_, '_> {
    /// Puts something behind an element of a flow collection, or before the first. An element is a key and its value,
    /// or twice an item.
    pub(super) fn insert_flow(
        &mut self,
        mapping: NodeId,
        first: (NodeId, NodeId),
        last: (NodeId, NodeId),
        after: Option<(NodeId, NodeId)>,
        new: New<'_>,
    ) {
        let doc = self.doc;
        let style = self.flow_style(mapping);
        let src = doc.src();
        let model = after.unwrap_or(first).0;
        let own_line = {
            let start = doc.line_start(doc.start(model));
            start > doc.start(mapping) && line::skip_blanks(src, start) == doc.start(model)
        };
        if !own_line {
            let text = style.inline_new(new);
            match after {
                None => {
                    let at = self.first_token(mapping, model);
                    self.edit(at, at, format!("{text}{}", style.comma));
                }
                Some((_, node)) => {
                    let gap = self.gap(node);
                    let end = self.null_end(node);
                    self.edit(end, end, format!("{gap}{}{text}", style.comma));
                }
            }
            return;
        }
        let indent = line::indent_at(src, doc.line_start(doc.start(model))).to_owned();
        let brace_indent = line::indent_at(src, doc.line_start(doc.start(mapping)));
        let step = indent.strip_prefix(brace_indent).filter(|s| !s.is_empty()).unwrap_or("  ");
        let last_comma = self.comma_behind(doc.end(last.1)).is_some();
        let Some((_, node)) = after else {
            let line_start = doc.line_start(doc.start(model));
            let at = line::end(src, line_start.saturating_sub(1));
            let newline = line::break_at(src, at);
            let text = style.own_lines(new, &indent, step, newline, last_comma);
            self.edit(at, at, format!("{newline}{text},"));
            return;
        };
        let end = self.null_end(node);
        let gap = self.gap(node);
        let comma = self.comma_behind(end);
        match comma {
            Some(comma) if line::rest_is_blank(src, comma + 1) => {
                let at = line::end(src, comma);
                let newline = line::break_at(src, at);
                let text = style.own_lines(new, &indent, step, newline, last_comma);
                self.edit(at, at, format!("{newline}{text},"));
            }
            None if line::rest_is_blank(src, end) => {
                let at = line::end(src, end);
                let newline = line::break_at(src, at);
                let text = style.own_lines(new, &indent, step, newline, false);
                if at == end {
                    self.edit(at, at, format!("{gap},{newline}{text}"));
                } else if self.commas.insert(end) {
                    self.edit(end, end, format!("{gap},"));
                    self.edit(at, at, format!("{newline}{text}"));
                } else {
                    // Another new entry put the comma in already, and stands last now.
                    self.edit(at, at, format!(",{newline}{text}"));
                }
            }
            None => {
                let newline = line::break_at(src, line::end(src, end));
                let text = style.own_lines(new, &indent, step, newline, false);
                self.edit(end, end, format!("{gap},{newline}{text}"));
            }
            Some(_) => {
                let text = style.inline_new(new);
                self.edit(end, end, format!("{gap}, {text}"));
            }
        }
    }

    /// Where the first entry of a flow mapping begins: at its key, or at an anchor or tag in front of that.
    fn first_token(&self, mapping: NodeId, key: NodeId) -> usize {
        let doc = self.doc;
        let end = doc.start(key);
        let mut at = doc.start(mapping) + 1;
        while at < end {
            match doc.src().as_bytes().get(at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => at += 1,
                Some(b'#') => at = line::end(doc.src(), at),
                _ => break,
            }
        }
        at.min(end)
    }

    /// Where the comma stands that ends a flow entry, over comments and line breaks.
    fn comma_behind(&self, end: usize) -> Option<usize> {
        let bytes = self.doc.src().as_bytes();
        let mut at = end;
        loop {
            match bytes.get(at)? {
                b' ' | b'\t' | b'\n' | b'\r' => at += 1,
                b'#' => at = line::end(self.doc.src(), at),
                b',' => return Some(at),
                _ => return None,
            }
        }
    }

    /// How a flow mapping is written: its own entries show it, else the document's root.
    pub(super) fn flow_style(&self, mapping: NodeId) -> FlowStyle {
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
        let tight = first
            .is_some_and(|(key, value)| key_is_quoted(doc.kind(key)) && doc.start(value) == doc.end(key) + 1);
        FlowStyle {
            key,
            text: if json { Quote::Double } else { text },
            colon: if tight { ":" } else { ": " },
            comma: if tight { "," } else { ", " },
        }
    }

    /// Whether the text is JSON as far as its outermost mapping shows.
    pub(super) fn is_json(&self) -> bool {
        let root = self.doc.tape.roots.first().copied();
        root.is_some_and(|root| {
            let first = self.doc.entries(root).next();
            self.doc.kind(root) == Kind::FlowMapping
                && first.is_some_and(|(key, _)| self.doc.kind(key) == Kind::DoubleQuoted)
        })
    }
}

fn key_is_quoted(kind: Kind) -> bool {
    matches!(kind, Kind::DoubleQuoted | Kind::SingleQuoted)
}

/// How things are written in flow style.
#[derive(Clone, Copy)]
pub(super) struct FlowStyle {
    pub key: Quote,
    /// Of strings.
    pub text: Quote,
    colon: &'static str,
    comma: &'static str,
}

impl FlowStyle {
    pub(super) fn inline(&self, value: &Value) -> String {
        match value {
            Value::Text(text) | Value::Lines(text) => scalar::write(text, self.text, true),
            Value::Raw(text) => text.clone(),
            Value::Map(entries) => format!("{{{}}}", self.inline_entries(entries)),
            Value::List(items) => format!("[{}]", self.inline_items(items)),
        }
    }

    pub(super) fn inline_entries(&self, entries: &[(String, Value)]) -> String {
        let entries: Vec<_> = entries.iter().map(|(k, v)| self.inline_new(New::Entry(k, v))).collect();
        entries.join(self.comma)
    }

    pub(super) fn inline_items(&self, items: &[Value]) -> String {
        let items: Vec<_> = items.iter().map(|item| self.inline(item)).collect();
        items.join(self.comma)
    }

    fn inline_new(&self, new: New<'_>) -> String {
        match new {
            New::Entry(_, value) | New::Item(value) => format!("{}{}", self.lead(new), self.inline(value)),
        }
    }

    /// What stands in front of the value: a key and its colon, or nothing.
    fn lead(&self, new: New<'_>) -> String {
        match new {
            New::Entry(key, _) => format!("{}{}", scalar::write(key, self.key, true), self.colon),
            New::Item(_) => String::new(),
        }
    }

    /// An element on lines of its own, from its indent on and without a comma behind it.
    fn own_lines(
        &self,
        new: New<'_>,
        indent: &str,
        step: &str,
        newline: &str,
        trailing_commas: bool,
    ) -> String {
        let (New::Entry(_, value) | New::Item(value)) = new;
        let (open, children, close) = match value {
            Value::Map(entries) => ('{', entries.iter().map(|(k, v)| New::Entry(k, v)).collect(), '}'),
            Value::List(items) => ('[', items.iter().map(New::Item).collect(), ']'),
            _ => (' ', Vec::new(), ' '),
        };
        if children.is_empty() {
            return format!("{indent}{}", self.inline_new(new));
        }
        let inner = format!("{indent}{step}");
        let mut out = format!("{indent}{}{open}", self.lead(new));
        let last = children.len() - 1;
        for (i, child) in children.into_iter().enumerate() {
            out.push_str(newline);
            out.push_str(&self.own_lines(child, &inner, step, newline, trailing_commas));
            if trailing_commas || i < last {
                out.push(',');
            }
        }
        out.push_str(newline);
        out.push_str(indent);
        out.push(close);
        out
    }
}
