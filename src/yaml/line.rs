//! Lines: where they start and end, which break they use, and what stands on them.

use memchr::{memchr, memrchr};

/// Offset of the first byte of the line that `at` is on.
pub(super) fn start(src: &str, at: usize) -> usize {
    let head = src.as_bytes().get(..at).unwrap_or_default();
    memrchr(b'\n', head).map_or(0, |i| i + 1)
}

/// Offset of the break that ends the line `at` is on (of `\r` in `\r\n`), or the end of the text.
pub(super) fn end(src: &str, at: usize) -> usize {
    let bytes = src.as_bytes();
    let rest = bytes.get(at..).unwrap_or_default();
    match memchr(b'\n', rest) {
        Some(i) if (at + i).checked_sub(1).and_then(|i| bytes.get(i)) == Some(&b'\r') => at + i - 1,
        Some(i) => at + i,
        None => bytes.len(),
    }
}

/// Offset of the first byte of the next line, or the end of the text.
pub(super) fn next(src: &str, at: usize) -> usize {
    let rest = src.as_bytes().get(at..).unwrap_or_default();
    memchr(b'\n', rest).map_or(src.len(), |i| at + i + 1)
}

/// The break to write at `at`, an end of a line: its own, else the first of the text, else LF.
pub(super) fn break_at(src: &str, at: usize) -> &'static str {
    let rest = src.as_bytes().get(at..).unwrap_or_default();
    match rest.first() {
        Some(b'\r') => "\r\n",
        Some(b'\n') => "\n",
        _ => match memchr(b'\n', src.as_bytes()) {
            Some(i) if i > 0 && src.as_bytes().get(i - 1) == Some(&b'\r') => "\r\n",
            _ => "\n",
        },
    }
}

/// Whether a line break begins at `at`, or the text ends there.
pub(super) fn is_break_at(src: &str, at: usize) -> bool {
    matches!(src.as_bytes().get(at), None | Some(b'\n' | b'\r'))
}

/// Column of an offset on the line that starts at `start`, in characters from 0; a byte order mark takes none.
pub(super) fn column(src: &str, start: usize, at: usize) -> usize {
    let head = src.get(start..at).unwrap_or("");
    head.chars().filter(|c| *c != '\u{feff}').count()
}

/// Offset behind blanks (spaces and tabs) from `at` on.
pub(super) fn skip_blanks(src: &str, at: usize) -> usize {
    let rest = src.as_bytes().get(at..).unwrap_or_default();
    at + rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// The blanks that the line which starts at `start` begins with.
pub(super) fn indent_at(src: &str, start: usize) -> &str {
    src.get(start..skip_blanks(src, start)).unwrap_or("")
}

/// Whether nothing but blanks or a comment follows on the line.
pub(super) fn rest_is_blank(src: &str, at: usize) -> bool {
    let after = skip_blanks(src, at);
    is_break_at(src, after) || (src.as_bytes().get(after) == Some(&b'#') && (after > at || at == 0))
}

/// A line without content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    /// Nothing, or blanks: how many spaces it begins with and whether there is a tab.
    Blank { spaces: usize, tab: bool },
    /// A comment and its column.
    Comment { column: usize },
}

/// Reads the line that starts at `at`, or nothing where it has content or the text is over.
pub(super) fn idle(src: &str, at: usize) -> Option<Idle> {
    let bytes = src.as_bytes().get(at..).unwrap_or_default();
    let first = *bytes.first()?;
    if !matches!(first, b' ' | b'\t' | b'\n' | b'\r' | b'#') {
        return None;
    }
    let spaces = bytes.iter().take_while(|b| **b == b' ').count();
    let after = skip_blanks(src, at);
    if is_break_at(src, after) {
        return Some(Idle::Blank { spaces, tab: after - at > spaces });
    }
    (src.as_bytes().get(after) == Some(&b'#')).then_some(Idle::Comment { column: after - at })
}
