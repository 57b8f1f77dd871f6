//! What to tell someone whose text is not YAML: where, what, and how to mend it.

use std::fmt;

use granit_parser::{ErrorKind, ScanError};

use super::line;
use super::tape::{Document, Kind};

/// A text that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Offset of the spot.
    pub at: usize,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SyntaxError {}

const HELM: &str = "this is a Helm template, not yet a manifest; render it first: \
                    `helm template … | meshobs patch`";

impl Document<'_> {
    /// Where a template expression stands outside quoted and block scalars. It makes the text a template even
    /// where YAML can read it (`{{ x }}` is a mapping as a key).
    ///
    /// # Errors
    /// The first such place. `{{name}}` without Helm's dot, dollar or blank-separated words inside a plain scalar
    /// is left to those who use it at run time (Argo).
    pub fn refuse_template(&self) -> Result<(), SyntaxError> {
        let Some(first) = memchr::memmem::find(self.src().as_bytes(), b"{{") else {
            return Ok(());
        };
        for node in &self.tape.nodes {
            let (start, end) = (node.start as usize, node.end as usize);
            if end <= first {
                continue;
            }
            let at = match node.kind {
                Kind::FlowMapping if self.from(start).starts_with("{{") => Some(start),
                Kind::Plain => {
                    let text = self.slice(start, end);
                    let found = text.match_indices("{{");
                    found
                        .map(|(at, _)| at)
                        .find(|at| {
                            // `${{ x }}` is GitHub's, not Helm's.
                            let dollar = text.get(..*at).is_some_and(|t| t.ends_with('$'));
                            !dollar && is_helm(text.get(at + 2..).unwrap_or(""))
                        })
                        .map(|at| start + at)
                }
                _ => None,
            };
            if let Some(at) = at {
                return Err(SyntaxError { at, message: HELM.to_owned() });
            }
        }
        Ok(())
    }
}

/// Whether what follows `{{` is Helm's: `.`, `$`, a variable, a function with arguments, a keyword.
fn is_helm(inside: &str) -> bool {
    let inside = inside.trim_start_matches(['-', ' ', '\t']);
    let word: &str =
        inside.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))).next().unwrap_or("");
    let rest = inside.get(word.len()..).unwrap_or("").trim_start();
    let has_arguments = !word.is_empty() && !rest.starts_with(['}', '-']) && !rest.is_empty();
    inside.starts_with(['.', '$', '(', '"', '/']) || has_arguments || matches!(word, "end" | "else")
}

/// Explains a parser's error; `partial` holds the nodes seen before it.
pub(super) fn explain(partial: &Document<'_>, error: &ScanError) -> SyntaxError {
    let src = partial.src();
    let at = error.marker().byte_offset().unwrap_or(0).min(src.len());
    if let Some(at) = template_before(partial, at) {
        return SyntaxError { at, message: HELM.to_owned() };
    }
    let line_start = line::start(src, at);
    let row = src.get(line_start..line::end(src, at)).unwrap_or("");
    if let Some((at, message)) = tab(src, at, error.kind()) {
        return SyntaxError { at, message };
    }
    if let Some((at, message)) = unclosed_bracket(partial, error.kind()) {
        return SyntaxError { at, message };
    }
    let (at, message) = match error.kind() {
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => misplaced_colon(src, at, row),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            (at, "a `:` is missing behind this key; write `key: value`".to_owned())
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
            (at, "this quote is never closed; add the closing quote".to_owned())
        }
        ErrorKind::UnclosedFlowCollection { open } => never_closed(at, *open == '['),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            (at, format!("`{open}` is closed by `{close}`; use the bracket that fits"))
        }
        ErrorKind::RecursionLimitExceeded => {
            (at, "nested more than 255 levels deep, which no manifest is; check the brackets".to_owned())
        }
        ErrorKind::UnknownAnchor => {
            (at, "this alias has no anchor before it; define the anchor in the same document".to_owned())
        }
        ErrorKind::UnexpectedCharacter { character: '\0' } => {
            (at, "a NUL byte: this is a binary file, not a manifest".to_owned())
        }
        ErrorKind::UnexpectedCharacter { character } => {
            (at, format!("a value cannot begin with `{character}`; put it in quotes"))
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar | ErrorKind::InvalidTrailingSingleQuotedScalar => (
            at,
            "there is text behind the closing quote; quote the whole value, or escape the quote inside it"
                .to_owned(),
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedBlockSequenceEntry => (
            at,
            "this line does not line up with the ones above it; indent it like its siblings, and \
             give each key its `:`"
                .to_owned(),
        ),
        ErrorKind::ExpectedDocumentStart => {
            (at, "a second document begins here without a `---` line before it; add one".to_owned())
        }
        ErrorKind::BomInsideDocument => (at, "a byte order mark inside the text; remove it".to_owned()),
        ErrorKind::UnknownQuotedScalarEscape => {
            (at, "this escape does not exist; double the backslash or use single quotes".to_owned())
        }
        kind => (at, format!("not valid YAML: {kind}; correct this spot")),
    };
    match missing_blank(src, at) {
        Some((at, message)) => SyntaxError { at, message },
        None => SyntaxError { at, message },
    }
}

/// How many template expressions outside of strings are looked at.
const CANDIDATES: usize = 64;

/// A template expression before the error, outside the quoted and block scalars that were read.
fn template_before(partial: &Document<'_>, error: usize) -> Option<usize> {
    let limit = line::end(partial.src(), error);
    let head = partial.src().get(..limit)?;
    let outside = head.match_indices("{{").map(|(at, _)| at).filter(|at| {
        // Scalars have no children: what began last before the spot is the one around it, if there is one.
        let began = partial.tape.nodes.partition_point(|node| (node.start as usize) < *at);
        let around = began.checked_sub(1).and_then(|i| partial.tape.nodes.get(i));
        let quoted = around.is_some_and(|node| {
            let strings = [Kind::SingleQuoted, Kind::DoubleQuoted, Kind::Literal, Kind::Folded];
            *at < node.end as usize && strings.contains(&node.kind)
        });
        !quoted
    });
    // The text of each is looked at as far as its line begins, so not of thousands on one line.
    outside.take(CANDIDATES).find(|at| {
        let row = partial.slice(line::start(partial.src(), *at), *at);
        let comment = row.trim_start().starts_with('#') || row.contains(" #");
        let open_quote = row.matches('"').count() % 2 == 1 || row.matches('\'').count() % 2 == 1;
        !comment && !open_quote
    })
}

fn never_closed(at: usize, sequence: bool) -> (usize, String) {
    let (open, close) = if sequence { ('[', ']') } else { ('{', '}') };
    (at, format!("this `{open}` is never closed; add `{close}`"))
}

/// The innermost bracket that was open where the parser gave up on a later line.
fn unclosed_bracket(partial: &Document<'_>, kind: &ErrorKind) -> Option<(usize, String)> {
    let in_flow = matches!(
        kind,
        ErrorKind::InvalidColonPlacement
            | ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::BlockEntryInFlowCollection
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofFlowSequence
    );
    // A collection that was not closed has no end yet.
    let open =
        partial.tape.nodes.iter().rev().find(|node| {
            matches!(node.kind, Kind::FlowMapping | Kind::FlowSequence) && node.end == node.start
        })?;
    in_flow.then(|| never_closed(open.start as usize, open.kind == Kind::FlowSequence))
}

/// A tab in the indentation of the line of the error.
fn tab(src: &str, at: usize, kind: &ErrorKind) -> Option<(usize, String)> {
    let start = line::start(src, at);
    let in_indent = line::indent_at(src, start).find('\t').map(|i| start + i);
    let known = matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    );
    let place = in_indent.or(known.then_some(at))?;
    Some((place, "a tab in the indentation; YAML indents with spaces only, replace it".to_owned()))
}

/// A `:` where no key can be: a second one on the line, or one below a line that lacks its own.
fn misplaced_colon(src: &str, at: usize, row: &str) -> (usize, String) {
    let line_start = line::start(src, at);
    let before = src.get(line_start..at).unwrap_or("").trim_start().trim_start_matches("- ");
    if let Some((key, rest)) = before.split_once(": ") {
        let rest = rest.trim();
        let message = if rest == key {
            format!("`{key}:` stands twice on this line; write it once")
        } else {
            format!("a second `:` on this line; put the value of `{key}` in quotes")
        };
        return (at, message);
    }
    let above = (line_start > 0).then(|| line::start(src, line_start - 1));
    if let Some(above) = above {
        let text = src.get(above..line::end(src, above)).unwrap_or("");
        let word = text.trim().trim_start_matches("- ");
        let deeper = indent_of(row) > indent_of(text);
        let key = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        if deeper && !word.is_empty() && key {
            let end = above + text.trim_end().len();
            return (end, format!("a `:` is missing behind `{word}`; write `{word}:`"));
        }
        if deeper && word.contains(": ") {
            let message = "this line is indented below a key that has a value already; \
                           line it up with the key above";
            return (line_start + indent_of(row), message.to_owned());
        }
    }
    (at, "a `:` cannot stand here; quote the value, or close what is open before it".to_owned())
}

fn indent_of(row: &str) -> usize {
    row.bytes().take_while(|b| *b == b' ').count()
}

/// `key:value` or `key:|` on the line of the error or the last one above it with text.
fn missing_blank(src: &str, at: usize) -> Option<(usize, String)> {
    let mut start = line::start(src, at);
    for _ in 0..3 {
        let row = src.get(start..line::end(src, start)).unwrap_or("");
        let word = row.trim_start().trim_start_matches("- ");
        let (key, value) = word.split_once(':').unwrap_or(("", ""));
        let plain_key =
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        let glued = !value.is_empty() && !value.starts_with([' ', '\t', '\r', '/', ':']);
        if plain_key && glued && !value.contains(": ") {
            let colon = row.find(':').unwrap_or(0);
            return Some((start + colon, format!("a blank is missing behind `{key}:`; add one")));
        }
        if start == 0 {
            return None;
        }
        start = line::start(src, start - 1);
    }
    // A block scalar whose header is part of the key shows only many lines below.
    const FAR: usize = 500;
    for _ in 0..FAR {
        let row = src.get(start..line::end(src, start)).unwrap_or("");
        let head = row.trim_end().trim_end_matches(['-', '+']);
        let key = head.strip_suffix(['|', '>']).and_then(|head| head.strip_suffix(':'));
        if let Some(key) = key
            && !key.trim_start().starts_with('#')
        {
            let key = key.trim_start();
            return Some((
                start + row.find(':').unwrap_or(0),
                format!("a blank is missing behind `{key}:`; add one"),
            ));
        }
        if start == 0 {
            break;
        }
        start = line::start(src, start - 1);
    }
    None
}
