//! A text inside a scalar, as a document of its own: Istio keeps its mesh configuration in one. It is read and edited by
//! the same means, and its edits are carried back to the offsets, the indent and the escapes they come from. What cannot
//! be carried back exactly is refused; the text is never written anew.

use super::change::{Refusal, RefusalKind};
use super::line;
use super::query::At;
use super::scalar;
use super::splice::{self, Edit};
use super::tape::{Document, Kind, NodeId};

/// From here on, up to the next piece, each byte of the value is written as itself.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Offset in the value.
    inner: usize,
    /// Offset in the document.
    outer: usize,
    /// Where the text of the byte before it ends: what lies between stands for nothing.
    behind: usize,
}

/// A value and where each part of it is written.
#[derive(Debug, Default)]
struct Written {
    value: String,
    pieces: Vec<Piece>,
}

impl Document<'_> {
    /// Turns edits of a scalar's value, which is `text`, into edits of the document; gives the value they lead to as well.
    ///
    /// # Errors
    /// The scalar is written in a style in which the edits would have to change more than was asked.
    pub(super) fn carry_back(
        &self,
        at: At,
        text: &str,
        edits: &[Edit],
    ) -> Result<(Vec<Edit>, String), Refusal> {
        let id = at.node;
        let key = || at.key.map_or("", |key| self.text(key)).to_owned();
        let refusal = || Refusal { at: self.start(id), kind: RefusalKind::Nested { key: key() } };
        let written = self.written(id).filter(|written| written.value == text).ok_or_else(refusal)?;
        let wanted = splice::apply(&written.value, edits).map_err(|_| refusal())?;
        let carried: Option<Vec<Edit>> = edits.iter().map(|edit| self.carry(id, &written, edit)).collect();
        let carried = carried.ok_or_else(refusal)?;
        let read = self.read_edited(id, &carried);
        if read.is_some_and(|read| read == wanted) { Ok((carried, wanted)) } else { Err(refusal()) }
    }

    /// The value of a scalar piece by piece; nothing where its layout is not the value's.
    fn written(&self, id: NodeId) -> Option<Written> {
        let written = match self.kind(id) {
            Kind::Literal => self.literal_rows(id),
            Kind::SingleQuoted | Kind::DoubleQuoted => self.quoted_pieces(id)?,
            _ => return None,
        };
        (self.string(id)? == written.value).then_some(written)
    }

    fn literal_rows(&self, id: NodeId) -> Written {
        let indent = self.content_indent(id);
        let end = self.end(id);
        let mut at = line::next(self.src(), self.start(id));
        let mut written = Written::default();
        let mut value_end = at;
        // A blank line that ends a kept literal has no bytes before the end.
        let blank_last = self.slice(at, end).ends_with('\n');
        while at < end || (at == end && blank_last) {
            let row_end = line::end(self.src(), at).min(end);
            let first = (at + indent).min(row_end);
            written.push(first, first, self.slice(first, row_end));
            at = line::next(self.src(), at);
            value_end = row_end;
            // As the reader has it: no line break of the text, none of the value.
            if at > row_end && (at <= end || !self.is_stripped(id)) {
                written.push(row_end, row_end, "\n");
                value_end = at;
            }
        }
        written.push(value_end, value_end, "");
        written
    }

    fn is_stripped(&self, id: NodeId) -> bool {
        let head = self.text(id).split(['\n', '\r', ' ', '\t', '#']).next().unwrap_or("");
        head.contains('-')
    }

    fn quoted_pieces(&self, id: NodeId) -> Option<Written> {
        let double = self.kind(id) == Kind::DoubleQuoted;
        let end = self.end(id).checked_sub(1)?;
        let mut at = self.start(id) + 1;
        let mut behind = at;
        let mut written = Written::default();
        while at < end {
            let rest = self.slice(at, end);
            let first = rest.chars().next()?;
            if let Some((length, breaks)) = fold(rest) {
                let folded = if breaks == 1 { " ".to_owned() } else { "\n".repeat(breaks - 1) };
                written.push(at, behind, &folded);
                at += length;
                behind = at;
                continue;
            }
            let (value, length) = match first {
                '\\' if double => match scalar::unescape(rest)? {
                    (Some(value), length) => (value, length),
                    (None, length) => {
                        at += length;
                        continue;
                    }
                },
                '\'' if !double => ('\'', 2),
                c => (c, c.len_utf8()),
            };
            written.push(at, behind, value.encode_utf8(&mut [0; 4]));
            at += length;
            behind = at;
        }
        written.push(at, behind, "");
        Some(written)
    }

    /// An edit of the value as one of the document.
    fn carry(&self, id: NodeId, written: &Written, edit: &Edit) -> Option<Edit> {
        let insertion = edit.start == edit.end;
        let start = if insertion { written.behind(edit.start)? } else { written.at(edit.start)? };
        let (end, text) = match self.kind(id) {
            Kind::Literal => (written.at(edit.end)?, self.literal_text(id, written, edit)),
            Kind::DoubleQuoted => (written.behind(edit.end)?, scalar::escape(&edit.text)),
            _ if edit.text.contains(['\n', '\r']) => return None,
            _ => (written.behind(edit.end)?, edit.text.replace('\'', "''")),
        };
        Some(Edit { start, end, text })
    }

    /// New text of a literal: every line that is not empty has the literal's indent.
    fn literal_text(&self, id: NodeId, written: &Written, edit: &Edit) -> String {
        let newline = line::break_at(self.src(), line::end(self.src(), self.start(id)));
        let lead = " ".repeat(self.content_indent(id));
        let rest = written.value.get(edit.end..).unwrap_or("");
        let ends_line = rest.is_empty() || rest.starts_with('\n');
        let mut text = String::with_capacity(edit.text.len());
        let mut rows = edit.text.split('\n').peekable();
        text.push_str(rows.next().unwrap_or(""));
        while let Some(row) = rows.next() {
            text.push_str(newline);
            if !row.is_empty() || (rows.peek().is_none() && !ends_line) {
                text.push_str(&lead);
            }
            text.push_str(row);
        }
        text
    }

    /// The value of a scalar after edits of its own text.
    fn read_edited(&self, id: NodeId, edits: &[Edit]) -> Option<String> {
        let start = self.start(id);
        let inside = |edit: &Edit| {
            let (from, to) = (edit.start.checked_sub(start)?, edit.end.checked_sub(start)?);
            Some(Edit { start: from, end: to, text: edit.text.clone() })
        };
        let edits: Option<Vec<Edit>> = edits.iter().map(inside).collect();
        let text = splice::apply(self.text(id), &edits?).ok()?;
        let value = match self.kind(id) {
            Kind::Literal => self.read_block(id, &text),
            _ => scalar::reparse(&text),
        };
        value.map(std::borrow::Cow::into_owned)
    }
}

impl Written {
    fn push(&mut self, outer: usize, behind: usize, value: &str) {
        self.pieces.push(Piece { inner: self.value.len(), outer, behind });
        self.value.push_str(value);
    }

    /// Where the byte at an offset of the value is written.
    fn at(&self, inner: usize) -> Option<usize> {
        let piece = self.piece(inner)?;
        Some(piece.outer + (inner - piece.inner))
    }

    /// Where the text of the byte before an offset of the value ends.
    fn behind(&self, inner: usize) -> Option<usize> {
        let piece = self.piece(inner)?;
        Some(if piece.inner == inner { piece.behind } else { piece.outer + (inner - piece.inner) })
    }

    fn piece(&self, inner: usize) -> Option<&Piece> {
        let index = self.pieces.partition_point(|piece| piece.inner <= inner);
        self.pieces.get(index.checked_sub(1)?)
    }
}

/// The length of a line break in a quoted scalar with the blanks around it, and how many breaks it has.
fn fold(text: &str) -> Option<(usize, usize)> {
    let rest = text.trim_start_matches([' ', '\t', '\n', '\r']);
    let length = text.len() - rest.len();
    let breaks = text.get(..length)?.matches('\n').count();
    (breaks > 0).then_some((length, breaks))
}

#[cfg(test)]
mod tests {
    use super::super::{Changes, Document, Place, Value, apply};

    fn edited(text: &str) -> String {
        let doc = Document::parse(text).unwrap();
        let root = doc.roots().next().unwrap();
        let at = doc.path(root, &["data", "mesh"]).unwrap();
        let value = doc.string(at.node).unwrap();
        let inner = Document::parse(&value).unwrap();
        let mut changes = Changes::default();
        let path = [("a", Place::Last), ("b", Place::Last), ("c", Place::Last)];
        let top = inner.roots().next().unwrap();
        changes.set(&inner, top, &path, Value::Text("new".to_owned())).unwrap();
        let mut outer = Changes::default();
        outer.within(&doc, at, &value, &changes.render(&inner).unwrap()).unwrap();
        apply(text, &outer.render(&doc).unwrap()).unwrap()
    }

    #[test]
    fn a_text_in_a_literal_is_edited_where_it_stands() {
        for (before, after) in [
            (
                "data:\n  mesh: |-\n    a:\n      b: {}\n    z: 1\nk: 1\n",
                "data:\n  mesh: |-\n    a:\n      b:\n        c: new\n    z: 1\nk: 1\n",
            ),
            (
                "data:\r\n    mesh: |\r\n        a:\r\n          b:\r\n            c: old # x\r\n\r\n",
                "data:\r\n    mesh: |\r\n        a:\r\n          b:\r\n            c: new # x\r\n\r\n",
            ),
            (
                "data:\n  mesh: |2-\n    z: 1\n\n    # é\nk: 1\n",
                "data:\n  mesh: |2-\n    z: 1\n    a:\n      b:\n        c: new\n\n    # é\nk: 1\n",
            ),
        ] {
            assert_eq!(edited(before), after);
        }
    }
}
