//! Blank lines with a tab where indentation is expected: this parser skips them, and the YAML readers of kubectl and Helm
//! refuse the whole file. Behind a plain scalar, which could go on, they take it.

use super::diagnose::SyntaxError;
use super::line;
use super::tape::{Document, Kind, NodeId};

impl Document<'_> {
    /// Refuses a text with a blank line, or one with nothing but a comment, that is indented with a tab. Inside of brackets
    /// and quotes a tab is a blank like others, and in a block scalar it is content behind the indent.
    ///
    /// # Errors
    /// The place of the first such tab.
    pub fn refuse_tabs(&self) -> Result<(), SyntaxError> {
        let src = self.src();
        let tabs = memchr::memchr_iter(b'\t', src.as_bytes());
        let indents =
            tabs.filter(|at| self.slice(line::start(src, *at), *at).bytes().all(|byte| byte == b' '));
        let mut blank = indents.filter(|at| {
            let rest = self.slice(*at, line::end(src, *at)).trim_matches([' ', '\t', '\r']);
            rest.is_empty() || rest.starts_with('#')
        });
        match blank.find(|at| !self.allows_tab(*at)) {
            Some(at) => Err(SyntaxError {
                at,
                message: "a tab in the indentation of a blank line, which kubectl refuses; remove it"
                    .to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Whether a tab that is the first of its line but blanks is no indentation.
    fn allows_tab(&self, at: usize) -> bool {
        let began = self.tape().nodes.partition_point(|node| node.start as usize <= at);
        let last = began.checked_sub(1).and_then(|index| u32::try_from(index).ok());
        let mut around = last.map(NodeId);
        if let Some(plain) = around.filter(|id| self.kind(*id) == Kind::Plain)
            && self.slice(self.end(plain), at).trim_matches([' ', '\t', '\r', '\n']).is_empty()
        {
            // The scalar could go on there, where it is indented deeper than what it is in.
            let column = at - line::start(self.src(), at);
            let parent = self.parent(plain);
            return parent.is_none_or(|parent| self.kind(parent).is_flow() || column > self.column(parent));
        }
        while let Some(id) = around {
            if at < self.end(id) {
                match self.kind(id) {
                    kind if kind.is_flow() => return true,
                    Kind::SingleQuoted | Kind::DoubleQuoted => return true,
                    Kind::Literal | Kind::Folded => {
                        return at - line::start(self.src(), at) >= self.content_indent(id);
                    }
                    _ => {}
                }
            }
            around = self.parent(id);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_is_refused_where_other_readers_refuse_it() {
        for (text, at) in [
            ("a: b\n\t\nc: d\n", Some(5)),
            ("a: b\n \t\nc: d\n", None),
            ("a:\n  b: c\n  \t\n", Some(12)),
            ("a:\n  b: c\n   \t\n\n   \t# d\n", None),
            ("a: b # c\n \t\n", Some(10)),
            ("a: 'b'\n \t\n", Some(8)),
            ("a:\n \t\n  b: c\n", Some(4)),
            ("a: |\n  x\n\t\n", Some(9)),
            ("a: {}\n  \t# c\n", Some(8)),
            ("a: |\n  x\n  \t\n  y\n", None),
            ("a: {b: 1,\n\t\n c: 2}\n", None),
            ("a: \"x\n\t\n y\"\n", None),
            ("{\n\t\"a\": 1\n}\n", None),
            ("a: b\t\n# c\t\n", None),
        ] {
            let doc = Document::parse(text).unwrap();
            assert_eq!(doc.refuse_tabs().err().map(|error| error.at), at, "{text:?}");
        }
    }
}
