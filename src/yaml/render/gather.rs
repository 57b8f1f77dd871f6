//! Where new lines go: in front of the line break that ends the last line of what stands before them. That one rule
//! serves CRLF files, trailing comments and a missing last line break. All that is put in at one place is gathered, the
//! deeper first, and moved behind lines that a new block scalar would swallow.

use super::super::line::{self, Idle};
use super::super::splice::Edit;
use super::super::tape::{Document, Kind, NodeId};
use super::Renderer;

/// Lines to be put in behind the line that `anchor` is on.
pub(super) struct Lines {
    pub anchor: usize,
    /// Move behind the comments that follow, if they are indented deeper than this.
    pub behind_deeper_than: Option<usize>,
    /// How deep they belong: the column, twice, and one more for items of a sequence.
    pub depth: usize,
    pub rows: Vec<String>,
    /// What the last row belongs to.
    pub end: End,
}

/// What the last line written belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// A plain scalar or a key.
    #[default]
    Plain,
    /// A quoted scalar, which readers of YAML 1.1 want no lines with tabs behind.
    Quoted,
    /// A literal: the column of its content and the row of its header.
    Literal { column: usize, header: Option<usize> },
}

impl Renderer<'_, '_> {
    pub(super) fn place_lines(&mut self) {
        let doc = self.doc;
        let mut all = std::mem::take(&mut self.lines);
        all.sort_by(|a, b| a.anchor.cmp(&b.anchor).then(b.depth.cmp(&a.depth)));
        let mut groups = all.chunk_by(|a, b| a.anchor == b.anchor);
        for group in &mut groups {
            let mut at = group.first().map_or(0, |lines| lines.anchor);
            let count = group.len();
            let mut places = Vec::with_capacity(count);
            for (i, lines) in group.iter().enumerate() {
                if let Some(column) = lines.behind_deeper_than {
                    at = at.max(self.behind_deeper_comments(lines.anchor, column));
                }
                if i + 1 == count {
                    at = self.behind_swallowed(at, lines.end);
                }
                places.push(at);
            }
            // What stands between two of them must not be swallowed by the first.
            if group.iter().rev().skip(1).any(|lines| lines.end != End::Plain) {
                places.fill(at);
            }
            for (i, (lines, at)) in group.iter().zip(places).enumerate() {
                let newline = line::break_at(doc.src(), at);
                let last = i + 1 == count && at == doc.src().len();
                let mut text = String::new();
                for (i, row) in lines.rows.iter().enumerate() {
                    text.push_str(newline);
                    text.push_str(row);
                    // Without a last line break readers disagree whether a literal ends in one.
                    let header = matches!(lines.end, End::Literal { header, .. } if header == Some(i));
                    if last && header && !row.ends_with('-') {
                        text.push('-');
                    }
                }
                if at == doc.src().len() {
                    self.strip_last_scalar();
                }
                self.edit(at, at, text);
            }
        }
    }

    /// The end of the last line of the comments that directly follow and are deeper than a column.
    fn behind_deeper_comments(&self, anchor: usize, deeper_than: usize) -> usize {
        let src = self.doc.src();
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
    pub(super) fn behind_swallowed(&self, anchor: usize, end: End) -> usize {
        let src = self.doc.src();
        let (mut at, mut safe) = (anchor, anchor);
        loop {
            let below = line::next(src, at);
            if below <= at {
                return safe;
            }
            let swallowed = match (line::idle(src, below), end) {
                (Some(Idle::Blank { spaces, tab }), End::Literal { column, .. }) => tab || spaces > column,
                (Some(Idle::Blank { tab, .. }), _) => tab && end == End::Quoted,
                (Some(Idle::Comment { column }), End::Literal { column: content, .. })
                    if column >= content =>
                {
                    true
                }
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
    let header: String = doc.text(id).chars().take_while(|c| "|>+-0123456789".contains(*c)).collect();
    if header.contains('-') {
        return None;
    }
    let text = format!("{}-", header.replace('+', ""));
    Some(Edit { start, end: start + header.len(), text })
}

impl Document<'_> {
    fn keeps_blank_lines(&self, id: NodeId) -> bool {
        let block = matches!(self.kind(id), Kind::Literal | Kind::Folded);
        let header = self.text(id).split(['\n', '\r', ' ', '#']).next().unwrap_or("");
        block && header.contains('+')
    }

    /// The edit that keeps the value of a block scalar at the very end of the text, without a line break behind
    /// it, when more text is to follow.
    #[must_use]
    pub fn strip_at_end(&self) -> Option<Edit> {
        let last = NodeId(u32::try_from(self.tape.nodes.len().checked_sub(1)?).ok()?);
        let start = line::start(self.src(), self.src().len());
        let blank = start < self.src().len() && line::skip_blanks(self.src(), start) == self.src().len();
        if blank && self.end(last) + 1 >= start.saturating_sub(1) && self.keeps_blank_lines(last) {
            // Blanks without a break are no line yet; with a break they would be one more of the value.
            return Some(Edit { start, end: self.src().len(), text: String::new() });
        }
        if self.end(last) == self.src().len() { strip_header(self, last) } else { None }
    }
}
