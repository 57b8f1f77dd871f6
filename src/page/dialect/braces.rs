//! Go's `html/template` and Handlebars: `{{ … }}`. Both end with `}}`, and differ in what stands at the beginning.

use super::jinja::{Close, Construct, Ends, Jinja, find};
use super::{Builder, Dialect, first_word};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Go,
    Handlebars,
}

/// Words that begin statements of Go's, which are names in other languages only by chance.
const GO: &[&str] = &["define", "template", "block", "range", "with", "end", "if"];

/// The language that the first telling construct of a page belongs to.
pub(super) fn recognized(page: &[u8]) -> Option<Dialect> {
    memchr::memmem::find_iter(page, b"{{").find_map(|at| {
        let inner = page.get(at + 2..).unwrap_or_default();
        let inner = inner.strip_prefix(b"-").unwrap_or(inner).trim_ascii_start();
        let head = String::from_utf8_lossy(inner.get(..12).unwrap_or(inner)).into_owned();
        match head.chars().next()? {
            '/' if head.starts_with("/*") => Some(Dialect::Go),
            '.' if !head.starts_with("./") && !head.starts_with("..") => Some(Dialect::Go),
            '$' => Some(Dialect::Go),
            '#' | '/' | '>' | '^' | '!' | '{' | '~' => Some(Dialect::Handlebars),
            _ => GO.contains(&first_word(&head)).then_some(Dialect::Go),
        }
    })
}

/// All constructs of a page, in order.
pub(super) fn constructs(page: &[u8], language: Language) -> Vec<Jinja> {
    let mut ends = Ends::new(page);
    let mut comments = Comments { page, missing: Vec::new() };
    let mut builder = Builder::default();
    let mut at = 0;
    while let Some(start) = find(page, at, b"{{") {
        at = start + 2;
        if let Some(end) = comments.end(start + 2) {
            builder.push(Construct::Comment, start..end);
            at = end;
            continue;
        }
        let Some(mut end) = ends.behind(start + 2, Close::Expression) else { continue };
        if page.get(start + 2) == Some(&b'{') && page.get(end) == Some(&b'}') {
            end += 1;
        }
        let inner = String::from_utf8_lossy(page.get(start + 2..end - 2).unwrap_or_default());
        let inner = inner.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '~' | '{' | '}'));
        match language {
            Language::Go => go(inner, start..end, &mut builder),
            Language::Handlebars => handlebars(inner, start..end, &mut builder),
        }
        at = end;
    }
    builder.found
}

fn go(inner: &str, span: std::ops::Range<usize>, builder: &mut Builder) {
    let word = first_word(inner);
    let rest = inner.get(word.len()..).unwrap_or_default().trim();
    let name = || rest.split(['"', '`']).nth(1).unwrap_or_default();
    match word {
        "if" | "range" | "with" => builder.begin("if", rest, span),
        "define" | "block" => builder.begin("block", name(), span),
        "else" => builder.statement("else", rest, span),
        "end" => builder.end(span),
        "template" => builder.statement("include", name(), span),
        "break" | "continue" => builder.statement("do", rest, span),
        _ if inner.starts_with('$') && inner.contains('=') => builder.statement("do", rest, span),
        _ => builder.push(Construct::Expression(inner.to_owned()), span),
    }
}

fn handlebars(inner: &str, span: std::ops::Range<usize>, builder: &mut Builder) {
    let mut chars = inner.chars();
    let sign = chars.next();
    let rest = chars.as_str().trim();
    match sign {
        Some('#') => match rest.strip_prefix("*inline") {
            Some(name) => builder.begin("block", name.trim().trim_matches(['"', '\'']), span),
            None => builder.begin("if", rest, span),
        },
        Some('^') if !rest.is_empty() => builder.begin("if", rest, span),
        Some('/') => builder.end(span),
        Some('^') => builder.statement("else", "", span),
        Some('>') => builder.statement("include", rest, span),
        _ if first_word(inner) == "else" => builder.statement("else", "", span),
        _ => builder.push(Construct::Expression(inner.to_owned()), span),
    }
}

/// Finds the ends of comments, which may hold quotes and braces. An end that is missing once is missing everywhere behind.
struct Comments<'a> {
    page: &'a [u8],
    missing: Vec<&'static str>,
}

impl Comments<'_> {
    /// Behind the comment that begins at an offset, if one does.
    fn end(&mut self, at: usize) -> Option<usize> {
        const KINDS: [(&str, &str); 6] = [
            ("!--", "--}}"),
            ("~!--", "--~}}"),
            ("!", "}}"),
            ("~!", "}}"),
            ("/*", "*/}}"),
            ("- /*", "*/ -}}"),
        ];
        let rest = self.page.get(at..)?;
        let (_, close) = KINDS.iter().find(|(open, _)| rest.starts_with(open.as_bytes()))?;
        if self.missing.contains(close) {
            return None;
        }
        match find(self.page, at, close.as_bytes()) {
            Some(end) => Some(end + close.len()),
            None => {
                self.missing.push(close);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(page: &str) -> Vec<String> {
        let dialect = Dialect::of(page.as_bytes());
        let found = super::super::constructs(page.as_bytes());
        let word = |jinja: &Jinja| match &jinja.construct {
            Construct::Expression(text) => format!("={text}"),
            Construct::Comment => "#".to_owned(),
            Construct::Statement { word, rest } => format!("{word} {rest}").trim().to_owned(),
        };
        std::iter::once(format!("{dialect:?}")).chain(found.iter().map(word)).collect()
    }

    #[test]
    fn go_is_read() {
        let page = "{{/* don't }} */}}{{ define \"layout\" }}{{- if .User -}}{{ .Name }}{{ else }}{{ end }}{{ $x := 1 }}\
                    {{ block \"head\" . }}{{ template \"a\" . }}{{ end }}{{end}}";
        let want = [
            "Go",
            "#",
            "block layout",
            "if .User",
            "=.Name",
            "else",
            "endif",
            "do x := 1",
            "block head",
            "include a",
            "endblock",
            "endblock",
        ];
        let found = words(page);
        assert_eq!(found.len(), want.len(), "{found:?}");
        assert!(
            found.iter().zip(want).all(|(found, want)| found.split(' ').next() == want.split(' ').next()),
            "{found:?}"
        );
    }

    #[test]
    fn handlebars_is_read() {
        let page = "{{!-- don't }} --}}{{! a'b }}{{#if user}}{{name}}{{else}}{{{raw}}}{{/if}}{{> head}}{{^x}}{{/x}}{{#*inline \"a\"}}{{/inline}}";
        let want = [
            "Handlebars",
            "#",
            "#",
            "if if user",
            "=name",
            "else",
            "=raw",
            "endif",
            "include head",
            "if x",
            "endif",
            "block a",
            "endblock",
        ];
        assert_eq!(words(page), want);
    }

    #[test]
    fn expressions_alone_are_of_no_language() {
        assert_eq!(words("<b>{{ name }}</b>"), ["Jinja", "= name "]);
    }
}
