//! The output gate: the only way to a terminal or a log.
//!
//! Every `String` counts as foreign, because names, paths, events and error texts come from files, clusters and other
//! programs. What may be shown is a [`Text`]. It is made by `text!`, whose format string is ours and whose arguments
//! are escaped, or by a constructor that escapes a text of several lines. The functions that print take nothing else.
//! In a `Text`
//!
//! - the only control character is the line break, and each line break is ours;
//! - there are no bidi controls, zero-width or other invisible characters, and no line separators of Unicode;
//! - no line is a command to a CI runner;
//! - tokens are masked.
//!
//! Manifests, diffs for `patch` and pages are the product: `product` writes their bytes as they are.
//! This module imports nothing of the program but [`crate::secret`].

mod escape;
mod format;
mod stream;
mod word;

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};

use crate::secret;

pub(crate) use escape::diff_line;
pub(crate) use format::{annotation_data, annotation_property, diff_name, dot, html, json, mermaid, uri};
pub(crate) use stream::{print_line, product, show_cursor, stderr};
pub(crate) use word::{Word, operand, word};

/// A text that is safe to show; may have several lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(String);

/// Makes a [`Text`]: `text!("{}: skipped ({})", name, reason)`. Placeholders are `{}` only, so that no argument passes
/// unescaped; anything else does not compile.
macro_rules! text {
    ($format:literal $(, $argument:expr)* $(,)?) => {{
        const { $crate::gate::check_placeholders($format) };
        $crate::gate::Text::assembled(format_args!($format $(, $crate::gate::Shown(&$argument))*))
    }};
}
pub(crate) use text;

/// A command to be pasted into a shell, as a `String`; its arguments are words, quoted where a shell would read more in them.
macro_rules! command {
    ($format:literal $(, $argument:expr)* $(,)?) => {
        $crate::gate::text!($format $(, $crate::gate::Word(&*$argument))*).into_string()
    };
}
pub(crate) use command;

/// Prints a line on stderr; takes the arguments of [`text!`].
macro_rules! say {
    ($($argument:tt)*) => { $crate::gate::print_line(&$crate::gate::text!($($argument)*)) };
}
pub(crate) use say;

/// Stops the compilation where a format string has other placeholders than `{}`: a captured name is not escaped.
///
/// # Panics
/// It has; only ever while compiling.
#[allow(clippy::panic, clippy::indexing_slicing)]
pub(crate) const fn check_placeholders(format: &str) {
    let bytes = format.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == b'{' {
            i += 1;
            assert!(i < bytes.len() && (bytes[i] == b'}' || bytes[i] == b'{'), "a placeholder must be empty");
        }
        i += 1;
    }
}

impl Text {
    /// A text put together by [`text!`], which has escaped the arguments.
    pub(crate) fn assembled(arguments: fmt::Arguments<'_>) -> Self {
        Self(escape::defuse(arguments.to_string()))
    }

    /// A foreign text of one or more lines, for the middle of a line: the second and later lines are indented, so that
    /// none of them starts a line of output.
    pub(crate) fn block(text: &str) -> Self {
        let text = mask(text);
        let mut out = String::with_capacity(text.len());
        for (i, row) in text.trim_end().lines().enumerate() {
            if i > 0 {
                out.push('\n');
                if !row.is_empty() && !row.starts_with(' ') {
                    out.push_str("  ");
                }
            }
            out.push_str(&escape::line(row));
        }
        Self(escape::defuse(out))
    }

    /// A foreign diff: each line with its mark, and what is no line of a diff indented.
    pub(crate) fn diff(text: &str) -> Self {
        let text = mask(text);
        let mut out = String::with_capacity(text.len());
        for (i, row) in text.trim_end_matches('\n').lines().enumerate() {
            if i > 0 {
                out.push('\n');
            }
            if !row.starts_with(['+', '-', ' ', '@', '\\']) && !row.is_empty() {
                out.push(' ');
            }
            out.push_str(&escape::line(row));
        }
        Self(escape::defuse(out))
    }

    /// A cut of a foreign line, in which a tab is an arrow, so that it is seen; and where the character at an index of
    /// the line (from 0) is in it, in columns.
    pub(crate) fn excerpt(row: &str, index: usize, width: usize) -> (Self, usize) {
        // Masking may shorten the line; the index then stays within the cut.
        let row = mask(row);
        let skip = index.saturating_sub(width * 3 / 4);
        let cut: Vec<char> = row.chars().skip(skip).take(width).collect();
        let arrow = |c: &char| if *c == '\t' { '→' } else { *c };
        let shown = |part: &[char]| escape::line(&part.iter().map(arrow).collect::<String>()).into_owned();
        let before = cut.get(..(index - skip).min(cut.len())).unwrap_or_default();
        (Self(escape::defuse(shown(&cut))), shown(before).chars().count())
    }

    /// What a function writes whose lines are texts already, such as a report.
    ///
    /// # Errors
    /// Those of the function.
    pub(crate) fn written(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<Self> {
        let mut bytes = Vec::new();
        write(&mut stream::Filter::new(&mut bytes))?;
        Ok(Self(String::from_utf8_lossy(&bytes).trim_end().to_owned()))
    }

    /// Adds a text on lines of its own.
    pub(crate) fn push_lines(&mut self, more: &Self) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(&more.0);
    }

    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, for programs that print by themselves: prompts and progress bars.
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text with its tokens masked.
fn mask(text: &str) -> Cow<'_, str> {
    if secret::may_hold_token(text) { Cow::Owned(secret::mask(text)) } else { Cow::Borrowed(text) }
}

/// What [`text!`] takes as an argument, and how it is shown.
pub(crate) trait Show {
    /// Writes it on one line, without anything that could drive a terminal.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// An argument of [`text!`].
pub(crate) struct Shown<'a, T: ?Sized>(pub(crate) &'a T);

impl<T: Show + ?Sized> fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(f)
    }
}

impl Show for str {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape::line(&mask(self)))
    }
}

impl Show for Text {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T: Show + ?Sized> Show for &T {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).show(f)
    }
}

impl Show for char {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match escape::visible(*self) {
            Some(escaped) => f.write_str(&escaped),
            None => f.write_char(*self),
        }
    }
}

/// Shows what can be seen as a string as that string.
macro_rules! show_as_text {
    ($($kind:ty: $text:ident),* $(,)?) => {$(
        impl Show for $kind {
            fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text: &str = &self.$text();
                text.show(f)
            }
        }
    )*};
}
show_as_text! {
    String: as_str,
    Cow<'_, str>: as_ref,
    Path: to_string_lossy,
    PathBuf: to_string_lossy,
    std::io::Error: to_string,
}

/// Shows numbers.
macro_rules! show_numbers {
    ($($kind:ty),*) => {$(
        impl Show for $kind {
            fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}
show_numbers!(u16, u64, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_escaped_and_the_format_is_not() {
        let name = "a\n::error ::x\u{202e}\u{1b}[31m";
        let text = text!("one: {}\ntwo: {}{{}}", name, 2usize);
        assert_eq!(text.to_string(), "one: a\\n::error ::x\\u{202e}\\u{1b}[31m\ntwo: 2{}");
        // A text is not escaped twice.
        assert_eq!(text!("{}", text).to_string(), text.to_string());
    }

    #[test]
    fn no_line_is_a_command_to_a_runner() {
        assert_eq!(text!("{}: x", "::error::a").to_string(), "\\u{3a}:error::a: x");
        assert_eq!(text!("a ##{}", "[error]b").to_string(), "a \\u{23}#[error]b");
        assert_eq!(
            Text::block("a\n \u{3000}::set-env::b\n##vso[c").to_string(),
            "a\n \u{3000}\\u{3a}:set-env::b\n  \\u{23}#vso[c"
        );
        assert_eq!(Text::diff("::error::a\n+b\nc").to_string(), " \\u{3a}:error::a\n+b\n c");
    }

    #[test]
    fn lines_of_others_are_indented() {
        assert_eq!(Text::block("a\r\nb\n\n  c\rd\n").to_string(), "a\n  b\n\n  c\\rd");
    }

    #[test]
    fn tokens_are_masked() {
        let token = "tkn_0123456789abcdef0123456789abcdef";
        let text = text!("{} {} {}", token, Word(token), Text::block(token));
        assert_eq!(text.to_string(), "tkn_**** 'tkn_****' tkn_****");
    }
}
