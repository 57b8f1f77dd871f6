//! Words of commands that are printed to be pasted into a shell.

use std::fmt;

use super::escape::{has_command, is_unsafe};
use super::format::octal;
use super::{Show, Text, mask, text};

/// A foreign word in a command: quoted so that a POSIX shell takes it literally.
pub(crate) struct Word<T>(pub(crate) T);

impl<T: AsRef<str>> Show for Word<T> {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = mask(self.0.as_ref());
        if word.contains(is_unsafe) || has_command(&word) {
            return f.write_str(&dollar_quoted(&word));
        }
        // Only what no shell treats in any way stays bare; zsh replaces `=ls`.
        let is_bare = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
        if !word.is_empty() && word.chars().all(is_bare) && !word.starts_with('=') {
            return f.write_str(&word);
        }
        write!(f, "'{}'", word.replace('\'', "'\\''"))
    }
}

/// A foreign word that is no option: behind `--` where it could be taken for one.
pub(crate) fn operand(word: &str) -> Text {
    if word.starts_with('-') { text!("-- {}", Word(word)) } else { text!("{}", Word(word)) }
}

/// A foreign word for a command that is put together elsewhere, quoted as [`Word`] is.
pub(crate) fn word(word: &str) -> String {
    text!("{}", Word(word)).into_string()
}

/// How a word begins whose escapes the shell reads.
const START: &str = "$'";

/// `$'…'`, with unsafe characters and what begins a command to a CI runner as octal bytes (POSIX.1-2024; bash, zsh, ksh, busybox).
fn dollar_quoted(word: &str) -> String {
    let mut out = String::from(START);
    for c in word.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if is_unsafe(c) || c == '#' => octal(&mut out, c),
            ':' if out.len() == START.len() => octal(&mut out, ':'),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_every_word_back() {
        let words = [
            "prod",
            "",
            "-rf",
            "$(touch x)",
            "`id`",
            "a'b",
            "a\"b\\",
            "a b;c|d&e>f",
            "*?[x]",
            "~root",
            "=ls",
            "#x",
            "!!",
            "{a,b}",
            "a\nb",
            "a\tb'c\\d",
            "\u{202e}x\u{1b}[0m",
            "边车",
            "~it's",
            "\u{1}1",
            "::error::x",
            "a##[b]",
            "%s",
        ];
        for word in words {
            let shown = text!("printf '%s' {}", operand(word)).to_string();
            assert!(!shown.contains(is_unsafe), "{shown}");
            let shown = shown.replacen("'%s' --", "'%s'", 1);
            let output = Command::new("bash").args(["-c", &shown]).output().expect("bash is there");
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word, "{shown}");
        }
        assert_eq!(text!("{}", operand("prod")).to_string(), "prod");
        assert_eq!(text!("{}", operand("-x")).to_string(), "-- -x");
    }
}
