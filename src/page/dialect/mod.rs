//! The template languages that a page may be written in, and where their constructs stand. Each reader gives the constructs of its
//! language in the words of Jinja, so that the rest knows one language: `if` … `endif` for what may be left out or
//! repeated, `block` for what is rendered where it stands, `macro` for what is rendered elsewhere, `include` for what
//! may render a script, `do` for what renders nothing. Reads only; knows no HTML.

mod braces;
mod jinja;
mod percent;
mod php;
mod razor;

use std::ops::Range;

pub(super) use jinja::{Construct, Jinja};

/// A template language. Plain HTML is read as Jinja, and so are Django's, Twig's, Nunjucks' and Liquid's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Jinja and what is written alike.
    Jinja,
    /// Go's `html/template`, Hugo's and Helm's among them.
    Go,
    /// Handlebars and Mustache.
    Handlebars,
    /// EJS, ERB and JSP: `<% … %>`.
    Percent,
    /// PHP.
    Php,
    /// Razor: `@…`.
    Razor,
}

impl Dialect {
    /// Recognizes the language of a page by what only it has.
    pub(super) fn of(page: &[u8]) -> Self {
        let has =
            |parts: &[&str]| parts.iter().any(|part| memchr::memmem::find(page, part.as_bytes()).is_some());
        if has(&["<?php", "<?="]) {
            return Self::Php;
        }
        if has(&["<%"]) {
            return Self::Percent;
        }
        if has(razor::SIGNS) {
            return Self::Razor;
        }
        if has(&["{%"]) {
            return Self::Jinja;
        }
        braces::recognized(page).unwrap_or(Self::Jinja)
    }
}

/// All constructs of a page, in order.
pub(super) fn constructs(page: &[u8]) -> Vec<Jinja> {
    match Dialect::of(page) {
        Dialect::Jinja => jinja::constructs(page),
        Dialect::Go => braces::constructs(page, braces::Language::Go),
        Dialect::Handlebars => braces::constructs(page, braces::Language::Handlebars),
        Dialect::Percent => percent::constructs(page),
        Dialect::Php => php::constructs(page),
        Dialect::Razor => razor::constructs(page),
    }
}

/// The front matter of Jekyll, Hugo and Eleventy at the beginning of a file, which has to stay there; behind its last line.
pub(super) fn front_matter(page: &[u8]) -> usize {
    let mut lines = page.split_inclusive(|byte| *byte == b'\n');
    let is_rule = |line: &[u8]| line.trim_ascii_end() == b"---";
    let Some(first) = lines.next().filter(|line| is_rule(line)) else { return 0 };
    let mut end = first.len();
    for line in lines {
        end += line.len();
        if is_rule(line) {
            return end;
        }
    }
    0
}

/// Puts constructs together, and gives ends without a name that of what they end.
#[derive(Default)]
struct Builder {
    found: Vec<Jinja>,
    open: Vec<&'static str>,
}

impl Builder {
    fn push(&mut self, construct: Construct, span: Range<usize>) {
        self.found.push(Jinja { construct, span });
    }

    fn statement(&mut self, word: &str, rest: &str, span: Range<usize>) {
        self.push(Construct::Statement { word: word.to_owned(), rest: rest.to_owned() }, span);
    }

    fn begin(&mut self, word: &'static str, rest: &str, span: Range<usize>) {
        self.open.push(word);
        self.statement(word, rest, span);
    }

    fn end(&mut self, span: Range<usize>) {
        let word = self.open.pop().map_or_else(|| "do".to_owned(), |word| format!("end{word}"));
        self.statement(&word, "", span);
    }
}

/// The first word of a construct: letters, digits and `_`.
fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}
