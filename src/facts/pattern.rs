//! Patterns as Go reads them: regular expressions of metric filters, and globs of label selectors and log filters.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

/// How much memory one expression may take once it is compiled.
const SIZE: usize = 1 << 20;

/// An unanchored regular expression of Go's (RE2, so linear). Of what this reader does not know nothing can be said.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    /// Without anything special in it.
    Plain(String),
    Known(Box<Regex>),
    /// Go refuses it: why.
    Broken(String),
    /// Go may take it, and this reader does not.
    Unknown,
}

/// Syntax that Go has and this reader has not.
const ONLY_GO: &[&str] = &["\\Q", "\\C", "\\E", "\\pN", "\\p"];

/// Syntax of other languages, which neither has.
const NEITHER: &[&str] = &["(?=", "(?!", "(?<=", "(?<!"];

impl Expression {
    pub(crate) fn of(text: &str) -> Self {
        if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte)) {
            return Self::Plain(text.to_owned());
        }
        if let Some(part) = NEITHER.iter().find(|part| text.contains(**part)) {
            return Self::Broken(format!("Go's regular expressions have no `{part}`"));
        }
        let config = Regex::config().nfa_size_limit(Some(SIZE)).utf8_empty(false);
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        match Regex::builder().configure(config).syntax(syntax).build(text) {
            Ok(regex) => Self::Known(Box::new(regex)),
            Err(_) if ONLY_GO.iter().any(|part| text.contains(part)) => Self::Unknown,
            Err(error) if error.size_limit().is_some() => Self::Unknown,
            Err(_) => Self::Broken("brackets, braces or a repetition do not fit".to_owned()),
        }
    }

    /// Whether it matches a part of a text; nothing where that is not known.
    pub(crate) fn matches(&self, text: &str) -> Option<bool> {
        match self {
            Self::Plain(part) => Some(text.contains(part.as_str())),
            Self::Known(regex) => Some(regex.is_match(text)),
            Self::Broken(_) => Some(false),
            Self::Unknown => None,
        }
    }
}

/// Whether a glob with `*` and `?` matches a whole text. Takes at most the product of both lengths.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == '?' || Some(c) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, from)) = star else { return false };
                star = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_match_as_gos_do() {
        for (pattern, text, want) in [
            ("istio_requests_total", "istio_requests_total", Some(true)),
            ("istio", "istio_requests_total", Some(true)),
            ("^istio_requests$", "istio_requests_total", Some(false)),
            (
                "istio_request_duration_milliseconds_bucket",
                "istio_request_duration_milliseconds",
                Some(false),
            ),
            ("istio_\\w+_total", "istio_requests_total", Some(true)),
            ("[a-", "a", Some(false)),
            ("*istio", "istio", Some(false)),
            ("(?!x)", "a", Some(false)),
            ("\\Qa\\E", "a", None),
        ] {
            assert_eq!(Expression::of(pattern).matches(text), want, "{pattern}");
        }
        assert!(matches!(Expression::of("(a"), Expression::Broken(_)));
        assert!(matches!(Expression::of("(?P<x>a)"), Expression::Known(_)));
    }

    #[test]
    fn globs_match_whole_texts() {
        for (pattern, text, want) in [
            ("*", "a", true),
            ("re*-v?", "reviews-v1", true),
            ("re*", "details", false),
            ("reviews", "reviews-v1", false),
            ("*a*b*", "xaybz", true),
            ("", "", true),
            ("?", "", false),
        ] {
            assert_eq!(glob(pattern, text), want, "{pattern} {text}");
        }
    }
}
