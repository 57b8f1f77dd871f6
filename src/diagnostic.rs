//! Errors for the user: what is wrong, where, and how to mend it, with the line it is on.

use std::fmt;

use crate::gate::{Text, text};

/// The widest excerpt that is shown of a line, in characters.
const EXCERPT: usize = 100;

/// Something wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The input, as the user named it.
    pub path: String,
    /// Line and column, from 1; none where the whole input is meant.
    pub position: Option<(u64, usize)>,
    /// What is wrong; what to do.
    pub message: String,
    /// The line it is on.
    pub excerpt: Option<String>,
}

impl Diagnostic {
    /// One about an input as a whole.
    pub fn whole(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), position: None, message: message.into(), excerpt: None }
    }

    /// One about a spot: `at` is an offset in `text`, whose first line is line `line` (from 0) of the input.
    pub fn spot(path: &str, text: &str, line: u64, at: usize, message: impl Into<String>) -> Self {
        let (row, column, excerpt) = locate(text, at);
        Self {
            path: path.to_owned(),
            position: Some((line + row, column)),
            message: message.into(),
            excerpt: Some(excerpt.to_owned()),
        }
    }
}

/// Line and column (in characters) of an offset, both from 1, and the line's text.
#[must_use]
pub fn locate(text: &str, at: usize) -> (u64, usize, &str) {
    let at = at.min(text.len());
    let head = text.as_bytes().get(..at).unwrap_or_default();
    let line = memchr::memchr_iter(b'\n', head).count() as u64 + 1;
    let start = memchr::memrchr(b'\n', head).map_or(0, |i| i + 1);
    let row = text.get(start..).unwrap_or("").split('\n').next().unwrap_or("");
    let before = text.get(start..at).unwrap_or("");
    let column = before.chars().filter(|c| *c != '\u{feff}').count() + 1;
    (line, column, row.trim_end_matches('\r').trim_start_matches('\u{feff}'))
}

impl Diagnostic {
    /// The error for people: `path:line:column: message`, the line, and a caret below the spot.
    pub(crate) fn text(&self) -> Text {
        let message = Text::block(&self.message);
        let Some((line, column)) = self.position else {
            return text!("{}: {}", self.path, message);
        };
        let head = text!("{}:{}:{}: {}", self.path, line, column, message);
        let Some(excerpt) = &self.excerpt else {
            return head;
        };
        let (shown, caret) = Text::excerpt(excerpt, column - 1, EXCERPT);
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        text!("{}\n{} |\n{} | {}\n{} | {}^", head, margin, number, shown, margin, " ".repeat(caret))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl std::error::Error for Diagnostic {}

/// Several errors at once, one below the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// The errors for people.
    pub(crate) fn text(&self) -> Text {
        let mut all = Text::default();
        self.0.iter().for_each(|diagnostic| all.push_lines(&diagnostic.text()));
        all
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_is_shown_with_its_line_and_a_caret() {
        let text = "a: 1\n\tb: é x\n";
        let shown = Diagnostic::spot("f.yaml", text, 9, 5, "a tab; replace it").to_string();
        assert_eq!(shown, "f.yaml:11:1: a tab; replace it\n   |\n11 | →b: é x\n   | ^");
    }

    #[test]
    fn hostile_text_is_shown_and_the_caret_stays_below_its_spot() {
        let shown = Diagnostic::spot("a\n::error ::x", "k: \u{202e}v\u{1b}w", 0, 8, "bad \u{9b}").to_string();
        assert_eq!(
            shown,
            "a\\n::error ::x:1:7: bad \\u{9b}\n  |\n1 | k: \\u{202e}v\\u{1b}w\n  |                   ^"
        );
    }

    #[test]
    fn long_lines_are_cut_round_the_spot_and_tokens_are_masked() {
        let text = format!("{}tkn_0123456789abcdef0123456789abcdef", "x".repeat(300));
        let shown = Diagnostic::spot("f", &text, 0, 290, "no").to_string();
        assert!(!shown.contains("0123456789abcdef"), "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() < 120), "{shown}");
    }
}
