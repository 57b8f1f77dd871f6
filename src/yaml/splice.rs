//! Edits and how they are put into a text, all at once.

use std::fmt;

/// A span of the text and what takes its place; an insertion has an empty span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// First byte replaced.
    pub start: usize,
    /// Behind the last byte replaced.
    pub end: usize,
    /// The new text.
    pub text: String,
}

/// Two edits that claim the same bytes, or one outside of the text or inside a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpliceError {
    /// Where the edit that does not fit begins.
    pub at: usize,
}

impl fmt::Display for SpliceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "two edits meet at byte {}", self.at)
    }
}

impl std::error::Error for SpliceError {}

/// Sorts edits by offset, keeping the order of those at one offset, and checks that none reaches into another.
///
/// # Errors
/// The first edit that overlaps the one before it.
pub(super) fn order(edits: &mut [Edit]) -> Result<(), SpliceError> {
    edits.sort_by_key(|edit| (edit.start, edit.end));
    for pair in edits.windows(2) {
        if let [before, after] = pair
            && after.start < before.end
        {
            return Err(SpliceError { at: after.start });
        }
    }
    Ok(())
}

/// Puts ordered edits into a text.
///
/// # Errors
/// An edit that overlaps the one before it or does not lie on character boundaries of the text.
pub fn apply(src: &str, edits: &[Edit]) -> Result<String, SpliceError> {
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut out = String::with_capacity(src.len() + added);
    let mut done = 0;
    for edit in edits {
        let error = SpliceError { at: edit.start };
        if edit.end < edit.start {
            return Err(error);
        }
        out.push_str(src.get(done..edit.start).ok_or(error)?);
        out.push_str(&edit.text);
        done = edit.end;
    }
    out.push_str(src.get(done..).ok_or(SpliceError { at: done })?);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(start: usize, end: usize, text: &str) -> Edit {
        Edit { start, end, text: text.to_owned() }
    }

    #[test]
    fn edits_are_put_in_at_once() {
        let mut edits = vec![edit(3, 3, "X"), edit(0, 1, ""), edit(3, 3, "Y")];
        order(&mut edits).unwrap();
        assert_eq!(apply("abcdé", &edits).unwrap(), "bcXYdé");
    }

    #[test]
    fn an_edit_inside_another_is_an_error() {
        let mut edits = vec![edit(1, 4, "x"), edit(2, 3, "y")];
        assert_eq!(order(&mut edits), Err(SpliceError { at: 2 }));
        assert_eq!(apply("abcdef", &edits), Err(SpliceError { at: 2 }));
    }

    #[test]
    fn an_edit_outside_the_text_or_in_a_character_is_an_error() {
        assert!(apply("ab", &[edit(1, 9, "")]).is_err());
        assert!(apply("é", &[edit(1, 1, "x")]).is_err());
    }
}
