//! Scalars: what the written ones mean, and how to write new ones so that every reader takes them for strings.

use std::borrow::Cow;
use std::fmt::Write as _;

use granit_parser::{Event, Parser};

use super::tape::{Document, Kind, NodeId};

/// How a string is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    /// Without quotes where every reader would take that for the same string.
    Plain,
    /// In `'`, or in `"` where that cannot hold it.
    Single,
    /// In `"`, with JSON's escapes.
    Double,
}

/// The longest text that an alias as a key is read as, in bytes. Other keys are limited to 1024 characters by YAML.
const LONGEST_KEY: usize = 8192;

impl Document<'_> {
    /// The value of a scalar, as text; nothing for collections. A null gives the empty string.
    #[must_use]
    pub fn string(&self, id: NodeId) -> Option<Cow<'_, str>> {
        let text = self.text(id);
        match self.kind(id) {
            Kind::Null => Some(Cow::Borrowed("")),
            Kind::Plain if !text.contains(['\n', '\r']) => Some(Cow::Borrowed(text)),
            Kind::SingleQuoted | Kind::DoubleQuoted => {
                let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
                let special: &[char] = if self.kind(id) == Kind::DoubleQuoted {
                    &['\\', '\n', '\r']
                } else {
                    &['\'', '\n', '\r']
                };
                if inner.contains(special) { reparse(text) } else { Some(Cow::Borrowed(inner)) }
            }
            Kind::Plain => reparse(text),
            Kind::Literal | Kind::Folded => self.block_scalar(id),
            // A key may be an alias; what it stands for never is one. Thousands of keys that all stand for one long
            // text would take more than the time to read the document.
            Kind::Alias => self
                .alias_target(id)
                .filter(|id| self.text(*id).len() <= LONGEST_KEY)
                .and_then(|id| self.string(id)),
            _ => None,
        }
    }

    /// The value of a block scalar: its text is read by the parser again, under a header that states the
    /// indent, since the written one may be relative to a parent.
    fn block_scalar(&self, id: NodeId) -> Option<Cow<'_, str>> {
        self.read_block(id, self.text(id))
    }

    /// The value that a block scalar would have with another text of the same header and indent.
    pub(super) fn read_block<'t>(&self, id: NodeId, text: &str) -> Option<Cow<'t, str>> {
        let (head, body) = text.split_once('\n').unwrap_or((text, ""));
        let header = head.split([' ', '\t', '#', '\r']).next().unwrap_or("");
        let chomp = match header {
            h if h.contains('-') => "-",
            h if h.contains('+') => "+",
            _ => "",
        };
        let indent = self.content_indent(id);
        if explicit_indent(head).is_none() && indent != first_indent(body) {
            return None;
        }
        let mark = if self.kind(id) == Kind::Literal { '|' } else { '>' };
        let mut copy = format!("a: {mark}1{chomp}\n");
        let at_end = self.end(id) == self.src().len();
        let mut lines = body.split('\n').peekable();
        while let Some(row) = lines.next() {
            let row = row.strip_suffix('\r').unwrap_or(row);
            copy.push(' ');
            copy.push_str(row.get(indent..).unwrap_or(""));
            if lines.peek().is_some() || !at_end {
                copy.push('\n');
            }
        }
        let options = granit_parser::options! { block_scalar_eof_without_line_feed: true };
        Parser::new_from_str_with_options(&copy, options)
            .filter_map(|event| match event.ok()?.0 {
                Event::Scalar(value, _, _, _) => Some(Cow::Owned(value.into_owned())),
                _ => None,
            })
            .nth(1)
    }

    /// Column of a block scalar's content: that of its least indented first line that has text.
    pub(super) fn content_indent(&self, id: NodeId) -> usize {
        let text = self.text(id);
        let (head, body) = text.split_once('\n').unwrap_or((text, ""));
        match explicit_indent(head) {
            Some(indent) => self.parent_column(id) + indent,
            None => first_indent(body),
        }
    }

    /// The indentation that an explicit block scalar indent counts from: the column of the block mapping (or the
    /// dash) that holds the scalar.
    fn parent_column(&self, id: NodeId) -> usize {
        let mut around = self.parent(id);
        while let Some(node) = around {
            if matches!(self.kind(node), Kind::BlockMapping | Kind::BlockSequence) {
                return self.column(node);
            }
            around = self.parent(node);
        }
        0
    }
}

/// The indent that the header of a block scalar states.
fn explicit_indent(head: &str) -> Option<usize> {
    let digit = head.bytes().take(3).find(u8::is_ascii_digit)?;
    Some(usize::from(digit - b'0'))
}

/// The indent of the first line that has text.
fn first_indent(body: &str) -> usize {
    body.split('\n')
        .find(|row| !row.trim_matches([' ', '\r']).is_empty())
        .map_or(0, |row| row.bytes().take_while(|b| *b == b' ').count())
}

/// Reads a flow or plain scalar that is escaped, doubled or on several lines.
pub(super) fn reparse(text: &str) -> Option<Cow<'static, str>> {
    Parser::new_from_str(text).find_map(|event| match event.ok()?.0 {
        Event::Scalar(value, _, _, _) => Some(Cow::Owned(value.into_owned())),
        _ => None,
    })
}

/// Writes a string in the style asked for, or in the nearest one that can hold it.
pub(super) fn write(value: &str, quote: Quote, flow: bool) -> String {
    let printable = value.chars().all(is_printable) && !value.contains('\t');
    match quote {
        Quote::Plain if plain_is_safe(value, flow) => value.to_owned(),
        Quote::Single if printable => format!("'{}'", value.replace('\'', "''")),
        _ => double_quoted(value),
    }
}

/// Characters that may stand in a YAML text as they are, on one line, for YAML 1.1 and 1.2 alike.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn double_quoted(value: &str) -> String {
    format!("\"{}\"", escape(value))
}

/// The text between double quotes that stands for a string.
pub(super) fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
        }
    }
    out
}

/// What the escape that a text begins with stands for (nothing, where it joins two lines), and its length.
pub(super) fn unescape(text: &str) -> Option<(Option<char>, usize)> {
    let mut chars = text.chars();
    let (backslash, name) = (chars.next()?, chars.next()?);
    debug_assert_eq!(backslash, '\\');
    let code = |digits: usize| {
        let code = u32::from_str_radix(text.get(2..2 + digits)?, 16).ok()?;
        Some((Some(char::from_u32(code)?), 2 + digits))
    };
    let value = match name {
        'x' => return code(2),
        'u' => return code(4),
        'U' => return code(8),
        '\n' | '\r' => {
            let rest = text.get(1..)?.strip_prefix('\r').unwrap_or(text.get(1..)?);
            let rest = rest.strip_prefix('\n')?.trim_start_matches([' ', '\t']);
            return Some((None, text.len() - rest.len()));
        }
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '/' | '\\' => name,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    };
    Some((Some(value), 2))
}

/// Whether a text can be the content of a literal that ends in at most one line break.
pub(super) fn literal_is_safe(value: &str) -> bool {
    let body = value.strip_suffix('\n').unwrap_or(value);
    !body.is_empty()
        && !body.ends_with('\n')
        && !body.starts_with([' ', '\n', '\t'])
        && body.chars().all(|c| matches!(c, '\n' | '\t') || is_printable(c))
}

/// Whether the text without quotes is this string for readers of YAML 1.1 and of YAML 1.2.
fn plain_is_safe(value: &str, flow: bool) -> bool {
    let Some(first) = value.chars().next() else {
        return false;
    };
    let second = value.chars().nth(1);
    let indicator = match first {
        '-' | '?' | ':' => !second.is_some_and(|c| c.is_alphanumeric()),
        c => ",[]{}#&*!|>'\"%@`".contains(c),
    };
    let flow_mark = flow && value.contains([',', '[', ']', '{', '}']);
    !indicator
        && !flow_mark
        && value.chars().all(is_printable)
        && !value.contains('\t')
        && !value.starts_with(' ')
        && !value.ends_with([' ', ':'])
        && !value.contains(": ")
        && !(flow && value.contains(":,"))
        && !value.contains(" #")
        && !value.starts_with("---")
        && !value.starts_with("...")
        && !is_other_type(value)
}

/// Whether some reader takes the plain text for a null, boolean, number, date or merge key. Errs towards yes.
pub(super) fn is_other_type(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let word = matches!(
        lower.as_str(),
        "~" | "null"
            | "true"
            | "false"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "y"
            | "n"
            | "="
            | "<<"
            | ".inf"
            | "+.inf"
            | "-.inf"
            | ".nan"
    );
    let number = value.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
        && lower.bytes().all(|b| b.is_ascii_hexdigit() || b" xo_.:+-tz".contains(&b));
    word || number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_yaml_1_1_reads_as_something_else_are_quoted() {
        for word in ["y", "N", "on", "0755", "1e3", "2001-01-01", "12:30", "0x1f", ".5", "", "~", "-", "1_0"]
        {
            assert!(write(word, Quote::Plain, false).starts_with('"'), "{word}");
        }
        for word in ["prod", "a-b", "no-1", "product-page:v1", "1st", "http://x:1/y", "$IP"] {
            assert_eq!(write(word, Quote::Plain, false), word);
        }
    }

    #[test]
    fn quotes_escape_what_they_must() {
        assert_eq!(write("it's", Quote::Single, false), "'it''s'");
        assert_eq!(write("a\nb", Quote::Single, false), r#""a\nb""#);
        assert_eq!(write("\u{85}\"\\", Quote::Double, false), r#""\u0085\"\\""#);
        assert_eq!(write("a\u{fffe}\u{ffff}", Quote::Plain, false), r#""a\ufffe\uffff""#);
        assert_eq!(write("a, b", Quote::Plain, true), r#""a, b""#);
    }

    #[test]
    fn block_scalars_of_every_header_are_read() {
        for (text, want) in [
            ("a: |\n  x\n   y\n\n", "x\n y\n"),
            ("a: |-\n    x\n", "x"),
            ("a: |+\n  x\n\n", "x\n\n"),
            ("a: |2\n    x\n  y\n", "  x\ny\n"),
            ("b:\n  a: |2-\n     x\n    y\n", " x\ny"),
            ("a: >\n  x\n  y\n\n  z\n", "x y\nz\n"),
            ("a: |  # c\r\n  x\r\n  y\r\n", "x\ny\n"),
            ("a: |\n  x", "x"),
            ("a: |\n\n\nb: 1\n", ""),
        ] {
            let doc = Document::parse(text).unwrap();
            let id = doc.scalars(NodeId(0)).find(|id| matches!(doc.kind(*id), Kind::Literal | Kind::Folded));
            assert_eq!(doc.string(id.unwrap()).unwrap(), want, "{text:?}");
        }
    }
}
