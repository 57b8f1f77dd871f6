//! Where readers of YAML 1.1, and so the clusters, see other nodes than this engine, which reads YAML 1.2. Such a text must
//! not be edited: what is added could be there already, or end up elsewhere.
//!
//! They end a line at U+0085, U+2028 and U+2029, and a comment with it, so that what follows may be a key. They take a
//! comma right behind a tag for a part of the tag.

use super::change::{Refusal, RefusalKind};
use super::line;
use super::tape::{Document, Kind, NodeId};

/// The line breaks that YAML 1.2 has not.
pub(super) const BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

impl Document<'_> {
    /// Refuses a text that readers of YAML 1.1 misread.
    pub(super) fn refuse_misread(&self) -> Result<(), Refusal> {
        self.misread.get_or_init(|| self.find_misread()).clone().map_or(Ok(()), Err)
    }

    /// Refuses a scalar that has such line breaks in its text.
    pub(super) fn refuse_breaks_in(&self, id: NodeId) -> Result<(), Refusal> {
        match self.text(id).find(BREAKS) {
            Some(at) => Err(Refusal { at: self.start(id) + at, kind: RefusalKind::UnicodeBreak }),
            None => Ok(()),
        }
    }

    fn find_misread(&self) -> Option<Refusal> {
        let glued = self.tape.tagged.iter().map(|id| (self.end(*id), self.text(*id)));
        let mut glued = glued.filter(|(end, text)| text.is_empty() && self.from(*end).starts_with(','));
        if let Some((at, _)) = glued.next() {
            return Some(Refusal { at, kind: RefusalKind::GluedComma });
        }
        self.find_break().map(|at| Refusal { at, kind: RefusalKind::UnicodeBreak })
    }

    fn find_break(&self) -> Option<usize> {
        let bytes = self.src().as_bytes();
        if memchr::memmem::find(bytes, b"\xc2\x85").is_none()
            && memchr::memmem::find(bytes, b"\xe2\x80\xa8").is_none()
            && memchr::memmem::find(bytes, b"\xe2\x80\xa9").is_none()
        {
            return None;
        }
        let places: Vec<usize> =
            self.src().match_indices(BREAKS).map(|(at, _)| at).filter(|at| !self.is_harmless(*at)).collect();
        let first = *places.first()?;
        let mut copy = String::with_capacity(self.src().len());
        let mut done = 0;
        for at in &places {
            copy.push_str(self.slice(done, *at));
            copy.push('\n');
            done = at + self.from(*at).chars().next().map_or(0, char::len_utf8);
        }
        copy.push_str(self.from(done));
        match Document::parse(&copy) {
            Ok(other) => (!self.is_like(&other)).then_some(first),
            // Those readers refuse the text as a whole, unless it is this engine alone that does.
            Err(_) => places.into_iter().find(|at| !self.words_follow(*at)),
        }
    }

    /// The kind of the scalar around an offset.
    fn scalar_around(&self, at: usize) -> Option<Kind> {
        let began = self.tape.nodes.partition_point(|node| node.start as usize <= at);
        let around = began.checked_sub(1).and_then(|i| self.tape.nodes.get(i))?;
        (at < around.end as usize && around.kind.is_scalar()).then_some(around.kind)
    }

    /// Whether a break is inside of quotes, which end at their quote for every reader, or in a comment with nothing but
    /// blanks or one more comment behind it.
    fn is_harmless(&self, at: usize) -> bool {
        match self.scalar_around(at) {
            Some(kind) => matches!(kind, Kind::SingleQuoted | Kind::DoubleQuoted),
            None => {
                let rest = self.slice(at, line::end(self.src(), at)).trim_start_matches(BREAKS);
                let rest = rest.trim_start_matches([' ', '\t']);
                rest.is_empty() || (rest.starts_with('#') && !rest.contains(BREAKS))
            }
        }
    }

    /// Whether what follows is text without any mark of a node of its own.
    fn words_follow(&self, at: usize) -> bool {
        let rest = self.slice(at, line::end(self.src(), at)).trim_start_matches(BREAKS);
        let rest = rest.trim_matches([' ', '\t']);
        rest.starts_with(char::is_alphanumeric) && !rest.contains(':') && !rest.contains(BREAKS)
    }

    /// Whether another text has the same nodes, with the same strings but for those that have such breaks in them.
    fn is_like(&self, other: &Document<'_>) -> bool {
        let (nodes, others) = (&self.tape.nodes, &other.tape.nodes);
        let alike = nodes.len() == others.len() && self.tape.roots == other.tape.roots;
        let mut pairs = (0..).map(NodeId).zip(nodes.iter().zip(others));
        alike
            && pairs.all(|(id, (node, other_node))| {
                let text = self.text(id);
                node.kind == other_node.kind
                    && node.next == other_node.next
                    && (text.contains(BREAKS) || !node.kind.is_scalar() || text == other.text(id))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Document;

    #[test]
    fn breaks_that_make_other_nodes_are_found() {
        for (text, want) in [
            ("a: 1 # c\u{2028}b: 2\n", Some(8)),
            ("a: 1 # c\u{85}b: 2\n", Some(8)),
            ("a: # c\u{2029}  v\nb: 1\n", Some(6)),
            ("a: [1, # c\u{2028} , 2\n  ]\n", Some(10)),
            ("- a # c\u{2028}- b\n", Some(7)),
            ("a: 1 # c\u{2028}# d\n", None),
            ("a: 1 # c\u{2028}\nb: 1\n", None),
            ("a: 1 # c\u{2028}more words\n", None),
            ("a: 'x\u{2028}b: 2'\n", None),
            ("a: \"x\u{85}y: z\"\n", None),
            ("a: |\n  x\u{2028}  y\nb: 1\n", None),
            ("a: x\u{2028}  y\nb: 1\n", None),
        ] {
            assert_eq!(Document::parse(text).unwrap().find_break(), want, "{text:?}");
        }
    }
}
