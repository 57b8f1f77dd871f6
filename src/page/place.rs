//! Where a script goes so that it is the first one the rendered page runs: in the head where there is one, and never
//! inside of a condition.

use std::ops::Range;

use html5gum::{DefaultEmitter, HtmlString, Span, Spanned, Token, Tokenizer};

use super::dialect::{Construct, Jinja, constructs, front_matter};

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
    /// All of the page stands inside of a condition; where that begins.
    Conditional(usize),
    /// It is a part of a page, without a head.
    Fragment,
    /// Its head is replaced by another template's (Thymeleaf); where the tag begins.
    Replaced(usize),
}

/// A script element: its start tag and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Where it begins.
    pub at: usize,
    /// The address it is loaded from.
    pub src: String,
    /// The attribute `nonce` as it is written, or the one that its template makes it from: name, quotes and all.
    pub nonce: String,
    /// Whether it may run after what stands behind it.
    pub is_late: bool,
    /// Its text.
    pub text: String,
}

/// A `<meta>` tag with a content security policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MetaPolicy {
    /// Where the tag begins; what stands in front of it is loaded without the policy.
    pub(crate) at: usize,
    /// The policy.
    pub(crate) text: String,
    /// The attribute's value, without quotes.
    pub(crate) value: Range<usize>,
}

/// A page, read once.
pub struct Outline {
    tokens: Vec<Token<usize>>,
    jinja: Vec<Jinja>,
    /// Behind the front matter; nothing may be put in front of it.
    start: usize,
}

/// Elements that tell HTML from other texts with angle brackets.
const KNOWN: &[&str] = &[
    "html", "head", "body", "title", "meta", "link", "script", "style", "div", "p", "span", "a", "h1", "h2",
    "table", "ul", "form", "nav", "main", "section", "header", "footer", "img", "button",
];

/// Statements that have an end, and what they hold may be left out or rendered more than once.
const CONDITIONAL: &[&str] = &[
    "if",
    "for",
    "filter",
    "trans",
    "unless",
    "case",
    "ifequal",
    "ifnotequal",
    "ifchanged",
    "apply",
    "blocktrans",
    "blocktranslate",
    "cache",
];

/// Statements that have an end, and what they hold is rendered once where it stands; a page that extends this one may put
/// something else into a block.
const WRAPPING: &[&str] = &["block", "with", "autoescape", "raw", "verbatim", "spaceless"];

/// Statements whose text is rendered elsewhere, or nowhere.
const HIDING: &[&str] = &["macro", "set", "comment", "capture"];

/// Statements that render nothing themselves.
const SILENT: &[&str] = &[
    "extends", "import", "from", "set", "do", "else", "elif", "elsif", "elseif", "when", "empty", "load",
    "assign", "use", "layout",
];

/// Names of blocks that base templates have in their heads.
const HEADS: &[&str] = &["head", "extrahead", "extra_head", "head_extra"];

/// Elements of a page of its own: what has none of them is a part of another one.
const WHOLE: &[&str] = &["html", "head", "body", "title", "meta", "base"];

/// An attribute as it is written.
struct Attribute {
    name: String,
    /// Its value, with entities decoded where no template stands in it.
    value: String,
    /// Where the value is, without quotes.
    span: Range<usize>,
}

impl Outline {
    /// Reads a page.
    #[must_use]
    pub fn read(page: &[u8]) -> Self {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let all = constructs(page);
        let hidden = hidden(&all);
        let mut masked = page.to_vec();
        let mark = if masked.starts_with(MARK) { MARK.len() } else { 0 };
        let start = mark + front_matter(page.get(mark..).unwrap_or_default());
        masked.iter_mut().take(start).for_each(|byte| *byte = b' ');
        for span in all.iter().map(|construct| &construct.span).chain(&hidden) {
            if let Some(bytes) = masked.get_mut(span.clone()) {
                bytes.fill(b' ');
            }
        }
        let mut emitter = DefaultEmitter::<usize>::new_with_span();
        emitter.naively_switch_states(true);
        let tokens = Tokenizer::new_with_emitter(masked.as_slice(), emitter);
        // They are in order and do not overlap.
        let shown = |jinja: &Jinja| {
            let next = hidden.partition_point(|span| span.end <= jinja.span.start);
            !hidden.get(next).is_some_and(|span| span.contains(&jinja.span.start))
        };
        // Reading from memory cannot fail.
        Self {
            tokens: tokens.filter_map(Result::ok).collect(),
            jinja: all.into_iter().filter(shown).filter(|jinja| jinja.span.start >= start).collect(),
            start,
        }
    }

    /// The scripts of the page, comments left out.
    #[must_use]
    pub fn scripts(&self, page: &[u8]) -> Vec<Script> {
        let mut found: Vec<Script> = Vec::new();
        let mut open = false;
        for token in &self.tokens {
            match token {
                Token::StartTag(tag) if *tag.name == *b"script" => {
                    found.push(self.script(page, tag.span));
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

    fn script(&self, page: &[u8], tag: Span<usize>) -> Script {
        let attributes = self.attributes(page, range(tag));
        let is_nonce = |name: &str| name == "nonce" || name == "th:nonce";
        let written = |attribute: &Attribute| {
            let quote = attribute.span.start.checked_sub(1).and_then(|at| page.get(at)).copied();
            let quote = quote.filter(|byte| matches!(byte, b'"' | b'\'')).map_or('"', char::from);
            let value = String::from_utf8_lossy(page.get(attribute.span.clone()).unwrap_or_default());
            format!("{}={quote}{value}{quote}", attribute.name)
        };
        let find = |name: &str| attributes.iter().find(|attribute| attribute.name == name);
        let nonce =
            attributes.iter().find(|attribute| is_nonce(&attribute.name) && !attribute.value.is_empty());
        Script {
            at: tag.start,
            src: find("src").or_else(|| find("th:src")).map_or_else(String::new, |src| src.value.clone()),
            nonce: nonce.map_or_else(String::new, written),
            is_late: attributes.iter().any(|attribute| matches!(&*attribute.name, "async" | "defer")),
            text: String::new(),
        }
    }

    /// The attributes of a tag. Templates in it count as letters, not as the blanks that they are for the tokens.
    fn attributes(&self, page: &[u8], tag: Range<usize>) -> Vec<Attribute> {
        let mut text = page.get(tag.clone()).unwrap_or_default().to_vec();
        let first = self.jinja.partition_point(|jinja| jinja.span.end <= tag.start);
        let inside = self.jinja.iter().skip(first).take_while(|jinja| jinja.span.start < tag.end);
        let inside: Vec<_> = inside.map(|jinja| jinja.span.clone()).collect();
        for span in &inside {
            let (start, end) = (span.start.saturating_sub(tag.start), span.end.saturating_sub(tag.start));
            if let Some(bytes) = text.get_mut(start..end.min(tag.len())) {
                bytes.fill(b'x');
            }
        }
        let mut emitter = DefaultEmitter::<usize>::new_with_span();
        emitter.naively_switch_states(false);
        let mut tokens = Tokenizer::new_with_emitter(text.as_slice(), emitter).filter_map(Result::ok);
        let Some(Token::StartTag(found)) = tokens.find(|token| matches!(token, Token::StartTag(_))) else {
            return Vec::new();
        };
        let attribute = |(name, value): (HtmlString, Spanned<HtmlString, usize>)| {
            // The emitter's span is that of name and value.
            let value_at = value_in(text.get(range(value.span)).unwrap_or_default());
            let start = value.span.start + tag.start;
            let span = start + value_at.start..start + value_at.end;
            let has_template = inside.iter().any(|inner| inner.start < span.end && span.start < inner.end);
            let raw = if has_template { page.get(span.clone()).unwrap_or_default() } else { &value.value };
            let name = String::from_utf8_lossy(&name).into_owned();
            Attribute { name, value: String::from_utf8_lossy(raw).into_owned(), span }
        };
        found.attributes.into_iter().map(attribute).collect()
    }

    /// The page's own content security policies.
    pub(super) fn policies(&self, page: &[u8]) -> Vec<MetaPolicy> {
        let tags = self.tokens.iter().filter_map(|token| match token {
            Token::StartTag(tag) if *tag.name == *b"meta" => Some(tag.span),
            _ => None,
        });
        let policy = |tag: Span<usize>| {
            let attributes = self.attributes(page, range(tag));
            let find = |name: &str| attributes.iter().find(|attribute| attribute.name == name);
            find("http-equiv")
                .filter(|kind| kind.value.trim().eq_ignore_ascii_case("content-security-policy"))?;
            let content = find("content")?;
            Some(MetaPolicy { at: tag.start, text: content.value.clone(), value: content.span.clone() })
        };
        tags.filter_map(policy).collect()
    }

    /// Finds the place. A part of a page has one if `takes_fragments`.
    ///
    /// # Errors
    /// There is none.
    pub fn place(&self, takes_fragments: bool) -> Result<Place, NoPlace> {
        let plain = |at| Ok(Place { at, needs_block: false });
        if let Some(at) = self.replaced_head() {
            return Err(NoPlace::Replaced(at));
        }
        let extends = self.jinja.iter().find(|jinja| jinja.word() == "extends");
        let Some(extends) = extends else {
            let first = self.first_content()?;
            if !self.is_whole() {
                // A template may define the head alone.
                let head = HEADS.iter().find_map(|name| self.block(name));
                return match head {
                    Some(region) => plain(self.first_in(&region).unwrap_or(region.end)),
                    None if takes_fragments => plain(first),
                    None => Err(NoPlace::Fragment),
                };
            }
            // Bookinfo's pages without a base begin with this block, which is meant for it.
            let begins = |region: &Range<usize>| {
                self.jinja
                    .iter()
                    .find(|jinja| jinja.span.end == region.start)
                    .map_or(region.start, |j| j.span.start)
            };
            return match self.block("metas").filter(|region| begins(region) <= first) {
                Some(region) => plain(self.first_in(&region).unwrap_or(region.end)),
                None => plain(first),
            };
        };
        if self.block("doc").or_else(|| self.block("html")).is_some() {
            return plain(self.first_content()?);
        }
        if let Some(region) = HEADS.iter().find_map(|name| self.block(name)) {
            return plain(region.start);
        }
        if let Some(region) = self.block("metas") {
            return plain(self.first_in(&region).unwrap_or(region.end));
        }
        // Flask-Bootstrap's base has the block in its head.
        if extends.rest().trim_matches(['"', '\'']) == "bootstrap/base.html" {
            return Ok(Place { at: extends.span.end, needs_block: true });
        }
        Err(NoPlace::Extends(extends.span.start))
    }

    /// Whether it has what a part of a page has not.
    fn is_whole(&self) -> bool {
        let is_whole = |token: &Token<usize>| match token {
            Token::StartTag(tag) => WHOLE.iter().any(|name| *tag.name == *name.as_bytes()),
            Token::Doctype(_) => true,
            _ => false,
        };
        self.tokens.iter().any(is_whole) || self.block("metas").is_some()
    }

    /// The tag of a head that Thymeleaf replaces: what stands in it is for people only.
    fn replaced_head(&self) -> Option<usize> {
        const REPLACING: &[&str] = &["th:replace", "th:include", "th:insert", "th:substituteby"];
        let is_replaced = |tag: &html5gum::StartTag<usize>| {
            tag.attributes.keys().any(|name| REPLACING.iter().any(|known| **name == *known.as_bytes()))
        };
        self.tokens.iter().find_map(|token| match token {
            Token::StartTag(tag) if matches!(&**tag.name, b"html" | b"head") && is_replaced(tag) => {
                Some(tag.span.start)
            }
            _ => None,
        })
    }

    /// The inside of a block of this name.
    fn block(&self, name: &str) -> Option<Range<usize>> {
        let named =
            |jinja: &Jinja| jinja.word() == "block" && jinja.rest().split_whitespace().next() == Some(name);
        let first = self.jinja.iter().position(named)?;
        let mut open = Vec::new();
        self.jinja.iter().take(first).for_each(|jinja| step(&mut open, jinja, CONDITIONAL));
        if !open.is_empty() {
            return None;
        }
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
        let mut walk = Walk::new(self, region.clone());
        walk.content_counts = false;
        walk.first()
    }

    /// The first script or body content of a page that stands for itself.
    fn first_content(&self) -> Result<usize, NoPlace> {
        let known = self.tokens.iter().any(|token| match token {
            Token::StartTag(tag) => KNOWN.iter().any(|name| *tag.name == *name.as_bytes()),
            Token::Doctype(_) => true,
            _ => false,
        });
        if !known {
            return Err(NoPlace::NotHtml);
        }
        // What stands in front of the page proper, such as an inclusion with a licence, is none of it.
        let proper = self.tokens.iter().find_map(|token| match token {
            Token::Doctype(doctype) => Some(doctype.span.start),
            Token::StartTag(tag) if matches!(&**tag.name, b"html" | b"head") => Some(tag.span.start),
            _ => None,
        });
        let mut open = Vec::new();
        let before = |jinja: &&Jinja| proper.is_some_and(|proper| jinja.span.start < proper);
        self.jinja.iter().take_while(before).for_each(|jinja| step(&mut open, jinja, CONDITIONAL));
        if let Some(at) = open.first() {
            return Err(NoPlace::Conditional(*at));
        }
        let walk = Walk::new(self, proper.unwrap_or(self.start)..usize::MAX);
        let end = self.tokens.last().map(|token| span_of(token).end);
        walk.first().or(end).ok_or(NoPlace::NotHtml)
    }
}

/// Goes along the tokens of a part of a page.
struct Walk<'o> {
    outline: &'o Outline,
    region: Range<usize>,
    /// Whether the first text or element of the body ends the search, too.
    content_counts: bool,
    /// Where the statements begin that are open.
    open: Vec<usize>,
    /// The element whose text is none of the page's, and how many of its name are open.
    inside: Option<(Vec<u8>, usize)>,
}

impl<'o> Walk<'o> {
    fn new(outline: &'o Outline, region: Range<usize>) -> Self {
        Self { outline, region, content_counts: true, open: Vec::new(), inside: None }
    }

    /// An offset, or where the outermost open statement begins.
    fn outside(&self, at: usize) -> usize {
        self.open.first().copied().unwrap_or(at)
    }

    fn first(mut self) -> Option<usize> {
        let outline = self.outline;
        let region = self.region.clone();
        let mut jinja = outline.jinja.iter().filter(|jinja| region.contains(&jinja.span.start)).peekable();
        let mut last = region.start;
        for token in &outline.tokens {
            let span = span_of(token);
            if span.end <= region.start || matches!(token, Token::Error(_)) {
                continue;
            }
            if span.start >= region.end {
                break;
            }
            // Jinja in front of the token, and in a text also inside of it.
            let text = matches!(token, Token::String(_));
            while let Some(next) = jinja.peek() {
                let bound = if text { span.end } else { span.start };
                if next.span.start >= bound {
                    break;
                }
                // Not that inside of a tag.
                let between = next.span.start >= last;
                if between && self.inside.is_none() && renders(next) {
                    return Some(self.outside(next.span.start));
                }
                if between {
                    step(&mut self.open, next, &[CONDITIONAL, WRAPPING].concat());
                }
                jinja.next();
            }
            last = span.end;
            if let Some(at) = self.token(token, span) {
                return Some(at);
            }
        }
        let rest = jinja.find(|next| self.inside.is_none() && next.span.start >= last && renders(next));
        rest.map(|next| self.outside(next.span.start))
    }

    /// Where the search ends, if a token ends it.
    fn token(&mut self, token: &Token<usize>, span: Span<usize>) -> Option<usize> {
        if let Some((name, depth)) = &mut self.inside {
            match token {
                Token::StartTag(tag) if **tag.name == **name => *depth += 1,
                Token::EndTag(tag) if **tag.name == **name => {
                    *depth -= 1;
                    if *depth == 0 {
                        self.inside = None;
                    }
                }
                _ => {}
            }
            return None;
        }
        match token {
            Token::StartTag(tag) => match &**tag.name {
                b"script" => Some(self.outside(span.start)),
                b"html" | b"head" => {
                    // A wrapper of the whole page is no place of its own.
                    self.open.clear();
                    None
                }
                b"meta" | b"link" | b"base" => None,
                b"title" | b"style" | b"noscript" | b"template" if !tag.self_closing => {
                    self.inside = Some((tag.name.to_vec(), 1));
                    None
                }
                _ => self.content_counts.then(|| self.outside(span.start)),
            },
            Token::Doctype(_) => {
                self.open.clear();
                None
            }
            Token::EndTag(tag) if *tag.name == *b"head" && self.content_counts => {
                Some(self.outside(span.start))
            }
            Token::String(text) if self.content_counts => {
                let start = span.start.max(self.region.start);
                let skipped = start - span.start;
                let rest = text.value.get(skipped..).unwrap_or_default();
                let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                (blank < rest.len()).then(|| self.outside(start + blank))
            }
            _ => None,
        }
    }
}

/// Where the value is in an attribute, without quotes.
fn value_in(attribute: &[u8]) -> Range<usize> {
    let Some(equals) = memchr::memchr(b'=', attribute) else { return attribute.len()..attribute.len() };
    let rest = attribute.get(equals + 1..).unwrap_or_default();
    let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let (quote, value) = match rest.get(blanks..).and_then(<[u8]>::split_first) {
        Some((quote @ (b'"' | b'\''), value)) => (Some(*quote), value),
        _ => (None, rest.get(blanks..).unwrap_or_default()),
    };
    let start = attribute.len() - value.len();
    let is_end =
        |byte: &u8| quote.map_or(byte.is_ascii_whitespace() || *byte == b'>', |quote| *byte == quote);
    start..start + value.iter().position(is_end).unwrap_or(value.len())
}

fn span_of(token: &Token<usize>) -> Span<usize> {
    match token {
        Token::StartTag(tag) => tag.span,
        Token::EndTag(tag) => tag.span,
        Token::String(text) | Token::Comment(text) => text.span,
        Token::Doctype(doctype) => doctype.span,
        Token::Error(error) => error.span,
    }
}

/// Whether a construct renders something that may be a script. What a base template has in a block of its head is known not
/// to be.
fn renders(jinja: &Jinja) -> bool {
    match &jinja.construct {
        Construct::Expression(text) => {
            let text = text.trim_matches(['-', '+', ' ']);
            !["super(", "block.super", "parent("].iter().any(|base| text.starts_with(base))
        }
        Construct::Comment => false,
        Construct::Statement { word, .. } => {
            let known = [CONDITIONAL, WRAPPING, SILENT].concat();
            !word.starts_with("end") && !known.contains(&word.as_str())
        }
    }
}

/// The spans from a statement to its end whose text is rendered elsewhere, or nowhere.
fn hidden(all: &[Jinja]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut open: Option<(&str, usize, usize)> = None;
    for jinja in all {
        let word = jinja.word();
        match &mut open {
            None if HIDING.contains(&word) && !(word == "set" && jinja.rest().contains('=')) => {
                open = Some((word, jinja.span.start, 1));
            }
            None => {}
            Some((name, start, depth)) => {
                let nested = word == *name && !(word == "set" && jinja.rest().contains('='));
                *depth += usize::from(nested);
                if word.strip_prefix("end") == Some(name) {
                    *depth -= 1;
                    if *depth == 0 {
                        found.push(*start..jinja.span.end);
                        open = None;
                    }
                }
            }
        }
    }
    found
}

/// Keeps the statements of some kinds that are open.
fn step(open: &mut Vec<usize>, jinja: &Jinja, kinds: &[&str]) {
    let word = jinja.word();
    if kinds.contains(&word) {
        open.push(jinja.span.start);
    } else if word.strip_prefix("end").is_some_and(|word| kinds.contains(&word)) {
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
        match Outline::read(page.as_bytes()).place(false) {
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
            "\u{feff}<!doctype html>\n<html><head><title>x</title>^</head></html>",
            "{% macro a() %}<script></script>{% endmacro %}\n<!doctype html><html><head>^</head></html>",
            "{% block doc -%}<!doctype html><html><head><title>x</title>^</head></html>{%- endblock doc %}",
            "{% include 'licence.html' %}\n<!doctype html><html><head>^</head></html>",
            "{% set js %}<script></script>{% endset %}<head>^{{ js }}</head>",
            "<head>^<script>first</script>{% block metas %}{% endblock %}</head>",
            "<head>^{% if no %}{% block metas %}<meta>{% endblock %}{% endif %}<script></script></head>"
                .replace("^{% if", "{% if")
                .replace("<script>", "^<script>")
                .as_str(),
            "{% extends \"bootstrap/base.html\" %}{% block head %}^<script>h</script>{{ super() }}{% endblock %}{% block metas %}{% endblock %}",
            "{% extends \"bootstrap/base.html\" %}{% block html %}<head><title>x</title>^</head><body></body>{% endblock %}",
            "{% extends \"bootstrap/base.html\" %}{% block metas %}{{ super() }}<meta content=\"{{ x }}\">^{{ analytics() }}{% endblock %}",
            "<head><meta>^{% call w() %}x{% endcall %}</head>",
            // Go, Handlebars, EJS and ERB, PHP, Razor: inside of what renders the head, in front of what may be left out.
            "{{ define \"layout\" }}<!doctype html><html><head><title>{{ .T }}</title>^{{ template \"css\" . }}<script></script></head>{{ end }}",
            "{{ define \"body\" }}<p>{{ end }}{{ define \"head\" }}<link>^<script src=a></script>{{ end }}",
            "<html><head><meta>^{{ if .A }}<script></script>{{ end }}</head>{{ end }}</html>",
            "<html><head>{{! <script> it's }}<meta>^{{#if a}}<script></script>{{else}}x{{/if}}{{> head}}</head></html>",
            "<html><head><title><%= t %></title>^<% if (a) { %><script></script><% } %></head></html>",
            "<html><head><% content_for :x do %><script></script><% end %><meta>^<%= csrf_meta_tags %></head></html>",
            "<?php session_start(); ?><!doctype html><html><head><?php if ($a): ?><meta><?php endif; ?>^<?php wp_head(); ?></head></html>",
            "@model A\n@{ var s = \"<script>\"; }<!doctype html><html><head><title>@T</title>^@if (a) { <script></script> }@RenderSection(\"h\")</head></html>",
            "---\nlayout: null\n---\n<!doctype html><html><head>^<script></script></head></html>",
            "\u{feff}---\ntitle: <script>\n---\n<title>a</title>^<p>",
            "{% load static %}{% comment %}<script>{% endcomment %}<html><head><title>{% trans \"a\" %}</title>^<script></script></head></html>",
            "{% extends \"base.html\" %}{% block extra_head %}^{{ block.super }}<script></script>{% endblock %}",
            "<html xmlns:th=\"x\"><head th:fragment=\"head\"><title th:text=\"${t}\">a</title>^<script th:if=\"${a}\"></script></head></html>",
            "<head><template><template><p></template><script>t</script></template><title>x</title>^<script></script></head>",
        ] {
            assert_eq!(marked(&page.replace('^', "")), page);
        }
    }

    #[test]
    fn a_page_without_a_place_is_told() {
        assert_eq!(marked("{% if a %}<!doctype html><html></html>{% endif %}"), "Conditional(0)");
        assert_eq!(marked("{% extends 'x.html' %}{% block content %}{% endblock %}"), "Extends(0)");
        assert_eq!(
            marked("<html><head th:replace=\"~{a :: head}\"><script></script></head></html>"),
            "Replaced(6)"
        );
        for part in [
            "<div><script></script></div>",
            "---\nlayout: default\n---\n<p>text",
            "{{ template \"base\" . }}{{ define \"content\" }}<p>{{ end }}",
            "{{#> layout}}<p>{{/layout}}",
            "<nav><%= a %></nav>",
        ] {
            assert_eq!(marked(part), "Fragment", "{part}");
        }
        for text in ["", "key: value\n", "a <your-token> b", "{\"a\": 1}"] {
            assert_eq!(marked(text), "NotHtml", "{text}");
        }
    }
}
