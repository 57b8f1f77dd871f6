//! What characters are dangerous to show, and their visible forms.

use std::borrow::Cow;

/// Ranges of characters that drive a terminal, reorder or break lines, or cannot be seen: controls (C0, C1, DEL), line
/// and paragraph separators, bidi controls, and what Unicode calls format or default-ignorable characters.
const UNSAFE: &[(char, char)] = &[
    ('\0', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{13430}', '\u{13455}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// What CI runners take for a command wherever it is in a line (Azure Pipelines, TeamCity).
const COMMANDS: &[&str] = &["##[", "##vso[", "##teamcity["];

/// Whether a character must not reach a terminal.
pub(super) fn is_unsafe(c: char) -> bool {
    // Nearly all text is ASCII.
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    UNSAFE.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// The visible form of a character that must not reach a terminal; nothing for others.
pub(super) fn visible(c: char) -> Option<Cow<'static, str>> {
    match c {
        '\n' => Some(Cow::Borrowed("\\n")),
        '\r' => Some(Cow::Borrowed("\\r")),
        '\t' => Some(Cow::Borrowed("\\t")),
        c if is_unsafe(c) => Some(Cow::Owned(c.escape_unicode().to_string())),
        _ => None,
    }
}

/// A text on one line, with unsafe characters in their visible form. Tokens are not masked.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    replace(text, visible)
}

/// The content of a diff's line for a terminal: tabs and the carriage return at its end stay.
pub(crate) fn diff_line(text: &str) -> Cow<'_, str> {
    let body = text.strip_suffix('\r').unwrap_or(text);
    match replace(body, |c| if c == '\t' { None } else { visible(c) }) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(shown) => Cow::Owned(shown + text.get(body.len()..).unwrap_or_default()),
    }
}

/// The text with some characters replaced.
pub(super) fn replace(text: &str, by: impl Fn(char) -> Option<Cow<'static, str>>) -> Cow<'_, str> {
    let Some(first) = text.char_indices().find(|(_, c)| by(*c).is_some()).map(|(at, _)| at) else {
        return Cow::Borrowed(text);
    };
    let (head, tail) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(head);
    for c in tail.chars() {
        match by(c) {
            Some(other) => out.push_str(&other),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether a text has what a CI runner takes for a command, wherever in a line it comes to stand.
pub(super) fn has_command(text: &str) -> bool {
    text.starts_with("::") || COMMANDS.iter().any(|command| text.contains(command))
}

/// Makes commands to CI runners plain text. GitHub's stand at the start of a line, behind any white space.
pub(super) fn defuse(text: String) -> String {
    let is_command = |row: &str| row.trim_start().starts_with("::");
    let has_mark = |row: &str| row.contains("##") && COMMANDS.iter().any(|command| row.contains(command));
    if !text.lines().any(|row| is_command(row) || has_mark(row)) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for row in text.split_inclusive('\n') {
        let mut row = Cow::Borrowed(row);
        if is_command(&row) {
            row = Cow::Owned(row.replacen("::", "\\u{3a}:", 1));
        }
        if has_mark(&row) {
            let marked = COMMANDS.iter().fold(row.into_owned(), |row, command| {
                row.replace(command, &command.replacen('#', "\\u{23}", 1))
            });
            row = Cow::Owned(marked);
        }
        out.push_str(&row);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_is_visible_and_words_stay() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let shown = line(&c.to_string()).into_owned();
            assert!(!shown.contains(char::is_control), "{c:?}");
            if c.is_alphabetic() && !is_unsafe(c) {
                assert_eq!(shown, c.to_string());
            }
        }
        for c in
            "\u{202a}\u{202e}\u{2066}\u{2069}\u{200b}\u{200d}\u{2028}\u{2029}\u{85}\u{9b}\u{feff}\u{e0041}"
                .chars()
        {
            assert_eq!(line(&c.to_string()), format!("\\u{{{:x}}}", u32::from(c)));
        }
        assert_eq!(line("ünï → 边车 … ✔"), "ünï → 边车 … ✔");
        assert_eq!(line("a\tb\r\n"), "a\\tb\\r\\n");
    }
}
