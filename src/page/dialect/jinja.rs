//! Jinja in a page, and what is written alike (Django, Twig, Nunjucks, Liquid): where its statements, expressions and comments stand. Reads only; knows no HTML.

use std::ops::Range;

/// What a construct is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::page) enum Construct {
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
pub(in crate::page) struct Jinja {
    /// What it is.
    pub(in crate::page) construct: Construct,
    /// Its bytes, delimiters included.
    pub(in crate::page) span: Range<usize>,
}

impl Jinja {
    /// The keyword, if it is a statement.
    pub(in crate::page) fn word(&self) -> &str {
        match &self.construct {
            Construct::Statement { word, .. } => word,
            _ => "",
        }
    }

    /// What follows the keyword.
    pub(in crate::page) fn rest(&self) -> &str {
        match &self.construct {
            Construct::Statement { rest, .. } => rest,
            _ => "",
        }
    }
}

/// All constructs of a page, in order. What stands between `raw` and `endraw` is none.
pub(super) fn constructs(page: &[u8]) -> Vec<Jinja> {
    let mut found = constructs_by(page, &mut Ends::new(page));
    // Django's stands alone, Jinja's has an end.
    let has_end = found.iter().any(|jinja| jinja.word() == "endtrans");
    for jinja in found.iter_mut().filter(|jinja| !has_end && jinja.word() == "trans") {
        jinja.construct = Construct::Statement { word: "do".to_owned(), rest: String::new() };
    }
    found
}

fn constructs_by(page: &[u8], ends: &mut Ends<'_>) -> Vec<Jinja> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut raw = false;
    while let Some(start) = find(page, at, b"{") {
        at = start + 1;
        let (close, construct) = match page.get(start + 1) {
            // What is in raw text is none and may overlap: looking for its end over and over would take too long.
            Some(b'%') if !raw || is_endraw(page, start + 2) => (Close::Statement, None),
            Some(b'{') if !raw => (Close::Expression, Some(Construct::Expression(String::new()))),
            Some(b'#') if !raw => (Close::Comment, Some(Construct::Comment)),
            _ => continue,
        };
        let Some(end) = ends.behind(start + 2, close) else { continue };
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

/// Whether a statement's keyword is `endraw`; `at` is behind its `{%`.
fn is_endraw(page: &[u8], at: usize) -> bool {
    let inner = page.get(at..).unwrap_or_default();
    let lead = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'-' | b'+');
    let blanks = inner.iter().take_while(|byte| lead(byte)).count();
    inner.get(blanks..).is_some_and(|word| word.starts_with(b"endraw"))
}

/// What closes a construct.
#[derive(Clone, Copy)]
pub(super) enum Close {
    Statement,
    Expression,
    Comment,
}

impl Close {
    fn delimiter(self) -> &'static [u8] {
        match self {
            Self::Statement => b"%}",
            Self::Expression => b"}}",
            Self::Comment => b"#}",
        }
    }

    /// The bit in [`Ends::open`] for a search that is outside of strings, or in one that this quote began.
    fn bit(self, quote: Option<u8>) -> u8 {
        let state = match quote {
            None => 0,
            Some(b'"') => 1,
            Some(_) => 2,
        };
        match self {
            Self::Statement => 1 << state,
            Self::Expression => 8 << state,
            Self::Comment => 64,
        }
    }
}

/// Finds the ends of constructs. A search that ends nowhere is remembered at every place it passed, so that a page full of
/// unclosed constructs is read a few times at most.
pub(super) struct Ends<'a> {
    page: &'a [u8],
    /// For each offset the searches that find no end from there; empty until one has failed.
    open: Vec<u8>,
    /// How many places were looked at.
    steps: usize,
}

impl<'a> Ends<'a> {
    pub(super) fn new(page: &'a [u8]) -> Self {
        Self { page, open: Vec::new(), steps: 0 }
    }

    /// Behind the delimiter that closes a construct; strings may hold one.
    pub(super) fn behind(&mut self, from: usize, close: Close) -> Option<usize> {
        let mut place = (from, None);
        while !self.is_open(place, close) {
            if place.1.is_none()
                && self.page.get(place.0..).is_some_and(|rest| rest.starts_with(close.delimiter()))
            {
                return Some(place.0 + close.delimiter().len());
            }
            self.steps += 1;
            place = self.step(place, close);
        }
        self.remember(from, close);
        None
    }

    /// One byte further, or two behind a backslash: the offset and the quote of the string there.
    fn step(&self, (at, quote): (usize, Option<u8>), close: Close) -> (usize, Option<u8>) {
        let strings = !matches!(close, Close::Comment);
        match (quote, self.page.get(at).copied()) {
            (Some(_), Some(b'\\')) => (at + 2, quote),
            (Some(mark), Some(byte)) if byte == mark => (at + 1, None),
            (None, Some(byte @ (b'"' | b'\''))) if strings => (at + 1, Some(byte)),
            _ => (at + 1, quote),
        }
    }

    /// Whether a search from here is known to find no end.
    fn is_open(&self, (at, quote): (usize, Option<u8>), close: Close) -> bool {
        at >= self.page.len() || self.open.get(at).is_some_and(|bits| bits & close.bit(quote) != 0)
    }

    fn remember(&mut self, from: usize, close: Close) {
        self.open.resize(self.page.len(), 0);
        let mut place = (from, None);
        while !self.is_open(place, close) {
            if let Some(bits) = self.open.get_mut(place.0) {
                *bits |= close.bit(place.1);
            }
            self.steps += 1;
            place = self.step(place, close);
        }
    }
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

    #[test]
    fn unclosed_constructs_take_linear_time() {
        let unclosed = ["{{ ", "{# ", "{% ", "{{ \"", "{{ '{% \"{# ", "{{ '\\"];
        let mut pages =
            unclosed.map(|part| format!("<head>{}</head>", part.repeat(300_000 / part.len()))).to_vec();
        pages.push(format!("{{% raw %}}{}%}}", "{% ".repeat(100_000)));
        pages.push(format!("{{% raw %}}{}", "{% endraw ".repeat(30_000)));
        for page in &pages {
            let page = page.as_bytes();
            let mut ends = Ends { page, open: Vec::new(), steps: 0 };
            constructs_by(page, &mut ends);
            // Each place is looked at a few times for each kind of end and quote.
            assert!(ends.steps < 20 * page.len(), "{} for {}", ends.steps, page.len());
        }
    }

    #[test]
    fn what_is_remembered_changes_no_end() {
        let parts = ["{{", "}}", "{%", "%}", "{#", "#}", "\"", "'", "\\", " ", "a"];
        let mut seed = 7u64;
        for _ in 0..2_000 {
            let mut page = String::new();
            for _ in 0..24 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                page.push_str(parts[(seed >> 33) as usize % parts.len()]);
            }
            let page = page.as_bytes();
            let mut remembering = Ends { page, open: Vec::new(), steps: 0 };
            for from in 0..page.len() {
                for close in [Close::Statement, Close::Expression, Close::Comment] {
                    let fresh = Ends { page, open: Vec::new(), steps: 0 }.behind(from, close);
                    assert_eq!(remembering.behind(from, close), fresh, "{:?}", String::from_utf8_lossy(page));
                }
            }
        }
    }
}
