//! Jinja in a page: where its statements, expressions and comments stand. Reads only; knows no HTML.

use std::ops::Range;

/// What a construct is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Construct {
    /// `{% … %}`: its first word and the rest.
    Statement {
        /// The keyword.
        word: String,
        /// What follows it.
        rest: String,
    },
    /// `{{ … }}`: its text.
    Expression(String),
    /// `{# … #}`.
    Comment,
}

/// A construct and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jinja {
    /// What it is.
    pub construct: Construct,
    /// Its bytes, delimiters included.
    pub span: Range<usize>,
}

impl Jinja {
    /// The keyword, if it is a statement.
    #[must_use]
    pub fn word(&self) -> &str {
        match &self.construct {
            Construct::Statement { word, .. } => word,
            _ => "",
        }
    }

    /// What follows the keyword.
    #[must_use]
    pub fn rest(&self) -> &str {
        match &self.construct {
            Construct::Statement { rest, .. } => rest,
            _ => "",
        }
    }
}

/// All constructs of a page, in order. What stands between `raw` and `endraw` is none.
#[must_use]
pub fn constructs(page: &[u8]) -> Vec<Jinja> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut raw = false;
    while let Some(start) = find(page, at, b"{") {
        at = start + 1;
        let (close, construct): (&[u8], _) = match page.get(start + 1) {
            Some(b'%') => (b"%}", None),
            Some(b'{') if !raw => (b"}}", Some(Construct::Expression(String::new()))),
            Some(b'#') if !raw => (b"#}", Some(Construct::Comment)),
            _ => continue,
        };
        let comment = construct == Some(Construct::Comment);
        let Some(end) = end_of(page, start + 2, close, comment) else { continue };
        let inner = page.get(start + 2..end - 2).unwrap_or_default();
        let inner = String::from_utf8_lossy(inner);
        let construct = construct.map(|construct| match construct {
            Construct::Expression(_) => Construct::Expression(inner.to_string()),
            other => other,
        });
        let construct = construct.unwrap_or_else(|| {
            let inner = inner.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+');
            let (word, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
            Construct::Statement { word: word.to_owned(), rest: rest.trim().to_owned() }
        });
        let jinja = Jinja { construct, span: start..end };
        match (raw, jinja.word()) {
            (false, "raw") => raw = true,
            (true, "endraw") => raw = false,
            (true, _) => continue,
            _ => {}
        }
        at = end;
        found.push(jinja);
    }
    found
}

/// Behind the delimiter that closes a construct; strings may hold one.
fn end_of(page: &[u8], from: usize, close: &[u8], comment: bool) -> Option<usize> {
    let mut at = from;
    let mut quote = None;
    while at < page.len() {
        let byte = page.get(at).copied()?;
        match quote {
            Some(_) if byte == b'\\' => at += 1,
            Some(mark) if byte == mark => quote = None,
            Some(_) => {}
            None if page.get(at..).is_some_and(|rest| rest.starts_with(close)) => {
                return Some(at + close.len());
            }
            None if !comment && (byte == b'"' || byte == b'\'') => quote = Some(byte),
            None => {}
        }
        at += 1;
    }
    None
}

/// The next place of a text.
pub(super) fn find(page: &[u8], from: usize, text: &[u8]) -> Option<usize> {
    let rest = page.get(from..)?;
    memchr::memmem::find(rest, text).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constructs_are_found_and_raw_text_is_none() {
        let page = b"{% extends \"a%}\" %}x{{ '}}' }}{# {% if #}{% raw %}{{ no }}{%- endraw -%}{%- if a < b -%}{ {% open";
        let found = constructs(page);
        let words: Vec<_> = found.iter().map(Jinja::word).collect();
        assert_eq!(words, ["extends", "", "", "raw", "endraw", "if"]);
        assert_eq!(found[0].rest(), "\"a%}\"");
        assert_eq!(found[5].rest(), "a < b");
        assert_eq!(&page[found[1].span.clone()], b"{{ '}}' }}");
    }
}
