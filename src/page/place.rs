//! Where a script goes so that it is the first one the rendered page runs: in the head where there is one, and never
//! inside of a condition.

use std::ops::Range;

use html5gum::{DefaultEmitter, Span, Token, Tokenizer};

use super::jinja::{Construct, Jinja, constructs};

/// A place for the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The offset.
    pub at: usize,
    /// Whether the page is one of a base template that has to be given a block for it.
    pub needs_block: bool,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// There is no tag that HTML has.
    NotHtml,
    /// The page extends another one and fills no block that is in the head; the offset of `extends`.
    Extends(usize),
}

/// A script element: its start tag and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Where it begins.
    pub at: usize,
    /// The address it is loaded from.
    pub src: String,
    /// Its text.
    pub text: String,
}

/// A page, read once.
pub struct Outline {
    tokens: Vec<Token<usize>>,
    jinja: Vec<Jinja>,
}

/// Elements that tell HTML from other texts with angle brackets.
const KNOWN: &[&str] = &[
    "html", "head", "body", "title", "meta", "link", "script", "style", "div", "p", "span", "a", "h1", "h2",
    "table", "ul", "form", "nav", "main", "section", "header", "footer", "img", "button",
];

/// Statements that have an end, and what they hold is rendered where it stands.
const CONTROL: &[&str] =
    &["if", "for", "block", "filter", "with", "autoescape", "call", "trans", "macro", "raw"];

/// Statements that render nothing themselves.
const SILENT: &[&str] = &["extends", "import", "from", "set", "do", "else", "elif", "endset"];

impl Outline {
    /// Reads a page.
    #[must_use]
    pub fn read(page: &[u8]) -> Self {
        let jinja = constructs(page);
        let mut masked = page.to_vec();
        for construct in &jinja {
            if let Some(bytes) = masked.get_mut(construct.span.clone()) {
                bytes.fill(b' ');
            }
        }
        let mut emitter = DefaultEmitter::<usize>::new_with_span();
        emitter.naively_switch_states(true);
        let tokens = Tokenizer::new_with_emitter(masked.as_slice(), emitter);
        // Reading from memory cannot fail.
        Self { tokens: tokens.filter_map(Result::ok).collect(), jinja }
    }

    /// The scripts of the page, comments left out.
    #[must_use]
    pub fn scripts(&self, page: &[u8]) -> Vec<Script> {
        let mut found: Vec<Script> = Vec::new();
        let mut open = false;
        for token in &self.tokens {
            match token {
                Token::StartTag(tag) if *tag.name == *b"script" => {
                    let src = tag.attributes.get(b"src".as_slice()).map(|value| value.value.to_vec());
                    let src = String::from_utf8_lossy(&src.unwrap_or_default()).into_owned();
                    found.push(Script { at: tag.span.start, src, text: String::new() });
                    open = true;
                }
                Token::String(text) if open => {
                    if let Some(script) = found.last_mut() {
                        let bytes = page.get(range(text.span)).unwrap_or_default();
                        script.text.push_str(&String::from_utf8_lossy(bytes));
                    }
                }
                Token::EndTag(_) => open = false,
                _ => {}
            }
        }
        found
    }

    /// Finds the place.
    ///
    /// # Errors
    /// There is none.
    pub fn place(&self) -> Result<Place, NoPlace> {
        let plain = |at| Ok(Place { at, needs_block: false });
        if let Some(region) = self.block("metas") {
            return plain(self.first_in(&region).unwrap_or(region.end));
        }
        let extends = self.jinja.iter().find(|jinja| jinja.word() == "extends");
        if let Some(extends) = extends {
            if let Some(region) = self.block("head") {
                return plain(region.start);
            }
            // Flask-Bootstrap's base has the block in its head.
            if extends.rest().trim_matches(['"', '\'']) == "bootstrap/base.html" {
                return Ok(Place { at: extends.span.end, needs_block: true });
            }
            return Err(NoPlace::Extends(extends.span.start));
        }
        let known = self.tokens.iter().any(|token| match token {
            Token::StartTag(tag) => KNOWN.iter().any(|name| *tag.name == *name.as_bytes()),
            Token::Doctype(_) => true,
            _ => false,
        });
        if !known {
            return Err(NoPlace::NotHtml);
        }
        self.first_content().map_or(Err(NoPlace::NotHtml), plain)
    }

    /// The inside of a block of this name.
    fn block(&self, name: &str) -> Option<Range<usize>> {
        let named =
            |jinja: &Jinja| jinja.word() == "block" && jinja.rest().split_whitespace().next() == Some(name);
        let first = self.jinja.iter().position(named)?;
        let start = self.jinja.get(first)?.span.end;
        let mut depth = 0usize;
        for jinja in self.jinja.get(first..).unwrap_or_default() {
            match jinja.word() {
                "block" => depth += 1,
                "endblock" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(start..jinja.span.start);
            }
        }
        None
    }

    /// What in a region may run a script first: a script, an expression, an inclusion; where the condition around it
    /// begins, if there is one.
    fn first_in(&self, region: &Range<usize>) -> Option<usize> {
        let script = self.tokens.iter().find_map(|token| match token {
            Token::StartTag(tag) if *tag.name == *b"script" && region.contains(&tag.span.start) => {
                Some(tag.span.start)
            }
            _ => None,
        });
        let mut open = Vec::new();
        for jinja in self.jinja.iter().filter(|jinja| region.contains(&jinja.span.start)) {
            if script.is_some_and(|script| script < jinja.span.start) {
                break;
            }
            if jinja.word() == "include" {
                return Some(open.first().copied().unwrap_or(jinja.span.start));
            }
            step(&mut open, jinja);
        }
        script.map(|script| open.first().copied().unwrap_or(script))
    }

    /// The first script or body content of a page that stands for itself.
    fn first_content(&self) -> Option<usize> {
        let mut open: Vec<usize> = Vec::new();
        let mut jinja = self.jinja.iter().peekable();
        // The element whose text is none of the page's.
        let mut inside: Option<Vec<u8>> = None;
        let mut last = None;
        for token in &self.tokens {
            let span = match token {
                Token::StartTag(tag) => tag.span,
                Token::EndTag(tag) => tag.span,
                Token::String(text) => text.span,
                Token::Comment(text) => text.span,
                Token::Doctype(doctype) => doctype.span,
                Token::Error(_) => continue,
            };
            let text = matches!(token, Token::String(_));
            // Jinja in front of the token, and in a text also inside of it.
            while let Some(next) = jinja.peek() {
                let bound = if text { span.end } else { span.start };
                if next.span.start >= bound {
                    break;
                }
                let renders = match &next.construct {
                    Construct::Expression => true,
                    Construct::Comment => false,
                    Construct::Statement { word, .. } => {
                        !word.starts_with("end")
                            && !CONTROL.contains(&word.as_str())
                            && !SILENT.contains(&word.as_str())
                    }
                };
                let between = last.is_none_or(|end| next.span.start >= end);
                if renders && inside.is_none() && between {
                    return Some(open.first().copied().unwrap_or(next.span.start));
                }
                step(&mut open, next);
                jinja.next();
            }
            last = Some(span.end);
            let found = |at: usize| Some(open.first().copied().unwrap_or(at));
            match token {
                Token::EndTag(tag) if inside.as_deref() == Some(&**tag.name) => inside = None,
                _ if inside.is_some() => {}
                Token::StartTag(tag) => match &**tag.name {
                    b"html" | b"head" | b"meta" | b"link" | b"base" => {}
                    b"title" | b"style" | b"noscript" | b"template" if !tag.self_closing => {
                        inside = Some(tag.name.to_vec());
                    }
                    _ => return found(span.start),
                },
                Token::EndTag(tag) if *tag.name == *b"head" => return found(span.start),
                Token::String(text) => {
                    let blank = text.value.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                    if blank < text.value.len() {
                        return found(span.start + blank);
                    }
                }
                _ => {}
            }
        }
        last
    }
}

/// Keeps the statements that are open.
fn step(open: &mut Vec<usize>, jinja: &Jinja) {
    let word = jinja.word();
    if CONTROL.contains(&word) {
        open.push(jinja.span.start);
    } else if word.strip_prefix("end").is_some_and(|word| CONTROL.contains(&word)) {
        open.pop();
    }
}

fn range(span: Span<usize>) -> Range<usize> {
    span.start..span.end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page with `^` at the place.
    fn marked(page: &str) -> String {
        match Outline::read(page.as_bytes()).place() {
            Ok(place) => format!("{}^{}", &page[..place.at], &page[place.at..]),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn the_place_is_in_front_of_the_first_script_and_in_the_head() {
        for page in [
            "<!doctype html>\n<html>\n<head>\n<meta charset=utf-8>\n<title>a <b></title>\n^<script>x</script>\n</head>",
            "<html><head><title>x</title>^</head><body><script></script></body></html>",
            "<!-- <script> -->\n<head>\n<style>/* <script> */</style>\n^</head>",
            "<title>x</title>\n^<p>text<script></script>",
            "<meta charset=\"a>b\">^text",
            "<HTML><HEAD><META><LINK>^<SCRIPT></SCRIPT></HEAD>",
            "<head>{# <script> #}{% set x = '<script>' %}<meta content=\"{{ x }}\">^{% if a < b %}<script></script>{% endif %}</head>",
            "<head>{% if a %}<meta>{% endif %}<title>{{ t }}</title>^{{ scripts() }}</head>",
            "<head>^{% block s %}{% if x %}<script></script>{% endif %}{% endblock %}</head>",
            "<head><meta>^{% include 'head.html' %}</head>",
            "{% extends 'bootstrap/base.html' %}\n{% block metas %}\n<meta>\n^{% endblock %}\n{% block x %}<script></script>{% endblock %}",
            "{% block metas %}<meta>^<script></script>{% endblock %}",
            "{% block metas %}<meta>^{% if x %}<script></script>{% endif %}{% endblock %}",
            "{% extends 'base.html' %}{% block head %}^{{ super() }}{% endblock %}",
            "{% extends \"bootstrap/base.html\" %}^\n{% block content %}{% endblock %}",
        ] {
            assert_eq!(marked(&page.replace('^', "")), page);
        }
    }

    #[test]
    fn a_page_without_a_place_is_told() {
        assert_eq!(marked("{% extends 'x.html' %}{% block content %}{% endblock %}"), "Extends(0)");
        for text in ["", "key: value\n", "a <your-token> b", "{\"a\": 1}"] {
            assert_eq!(marked(text), "NotHtml", "{text}");
        }
    }
}
