//! A text inside a scalar, as a document of its own: Istio keeps its mesh configuration in a block scalar. The text is
//! taken out, edited by the same means, and its edits are carried back to the offsets and the indent they come from.

use super::line;
use super::splice::Edit;
use super::tape::{Document, Kind, NodeId};

/// The text of a literal and where each of its lines comes from.
#[derive(Clone, Debug)]
pub struct Nested {
    /// The text, without the literal's indent and with LF line breaks.
    pub text: String,
    /// Of each line: its offset in the text, and the offset of its first byte behind the indent in the document.
    rows: Vec<(usize, usize)>,
    indent: usize,
    newline: &'static str,
}

impl Document<'_> {
    /// Takes the text out of a literal; nothing for other scalars, whose text is not there line by line.
    #[must_use]
    pub fn nested(&self, id: NodeId) -> Option<Nested> {
        if self.kind(id) != Kind::Literal {
            return None;
        }
        let indent = self.content_indent(id);
        let end = self.end(id);
        let mut at = line::next(self.src(), self.start(id));
        let mut nested = Nested {
            text: String::new(),
            rows: Vec::new(),
            indent,
            newline: line::break_at(self.src(), line::end(self.src(), self.start(id))),
        };
        while at < end {
            let row_end = line::end(self.src(), at).min(end);
            let first = (at + indent).min(row_end);
            if !nested.rows.is_empty() {
                nested.text.push('\n');
            }
            nested.rows.push((nested.text.len(), first));
            nested.text.push_str(self.slice(first, row_end));
            at = line::next(self.src(), at);
        }
        Some(nested)
    }
}

impl Nested {
    /// Carries edits of the text back to the document it was taken from.
    #[must_use]
    pub fn carry_back(&self, edits: &[Edit]) -> Vec<Edit> {
        let lead = format!("{}{}", self.newline, " ".repeat(self.indent));
        let carry = |edit: &Edit| {
            let mut text = String::with_capacity(edit.text.len());
            for (i, row) in edit.text.split('\n').enumerate() {
                if i > 0 {
                    text.push_str(if row.is_empty() { self.newline } else { &lead });
                }
                text.push_str(row);
            }
            Edit { start: self.outer(edit.start), end: self.outer(edit.end), text }
        };
        edits.iter().map(carry).collect()
    }

    fn outer(&self, at: usize) -> usize {
        let row = self.rows.partition_point(|(start, _)| *start <= at);
        let found = row.checked_sub(1).and_then(|row| self.rows.get(row));
        found.map_or(0, |(inner, outer)| outer + (at - inner))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Changes, Document, Place, Value, apply};

    fn edited(text: &str) -> String {
        let doc = Document::parse(text).unwrap();
        let root = doc.roots().next().unwrap();
        let at = doc.path(root, &["data", "mesh"]).unwrap();
        let nested = doc.nested(at.node).unwrap();
        let inner = Document::parse(&nested.text).unwrap();
        let mut changes = Changes::default();
        let path = [("a", Place::Last), ("b", Place::Last), ("c", Place::Last)];
        let top = inner.roots().next().unwrap();
        changes.set(&inner, top, &path, Value::Text("new".to_owned())).unwrap();
        apply(text, &nested.carry_back(&changes.render(&inner).unwrap())).unwrap()
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
