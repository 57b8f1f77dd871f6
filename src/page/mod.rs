//! HTML pages, plain or Jinja templates: browser monitoring is put in, replaced or taken out, and every other byte stays.
//!
//! Works on bytes, so that a page in any encoding that has ASCII in it can be edited. Reads and writes no files.

pub mod bookinfo;
mod dialect;
pub mod dockerfile;
pub(crate) mod judge;
mod place;
mod policy;
mod record;
pub(crate) mod settings;
mod snippet;

use std::ops::Range;

pub use place::{NoPlace, Outline, Script};
use policy::Allow;
pub use snippet::{BEGIN, END, SDK, Snippet, Target};

/// What came of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited {
    /// The snippet is in; where.
    Inserted(Vec<u8>, usize),
    /// It was there and says the same.
    Same,
    /// It is there and says something else; where. It was kept.
    Differs(usize),
    /// It is there and somebody has changed it; the first line that we do not write. It was kept.
    ByHand(usize),
    /// It was there, said something else, and was replaced.
    Replaced(Vec<u8>),
    /// The SDK is there by another hand; where. Nothing was changed.
    Foreign(usize),
    /// It was taken out; policies that were extended for it and changed since stay as they are: how many.
    Removed(Vec<u8>, usize),
    /// There was none to take out.
    Nothing,
}

/// How a snippet is put in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// Whether a snippet of ours that says something else is replaced.
    pub overwrite: bool,
    /// Whether a part of a page is taken for a page.
    pub takes_fragments: bool,
}

/// Why a page cannot be edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageError {
    /// Not a text: the offset of a NUL byte.
    Binary(usize),
    /// No HTML.
    NotHtml,
    /// It extends another page and fills no block of its head; the offset of `extends`.
    Extends(usize),
    /// All of it stands inside of a condition; where that begins.
    Conditional(usize),
    /// It is a part of a page; the layout that its front matter names.
    Fragment(Option<String>),
    /// Its head is replaced by another template's; where.
    Replaced(usize),
    /// It is a source file of JavaScript.
    Component,
    /// One of the two marks without the other; its offset.
    Marks(usize),
    /// More than one snippet of ours; where the second begins.
    Twice(usize),
}

/// Puts the snippet into a page. Its scripts carry the nonce that other scripts of the page carry.
///
/// # Errors
/// The page is none, or has no place for it.
pub fn insert(page: &[u8], snippet: &Snippet, how: How) -> Result<Edited, PageError> {
    check(page)?;
    let newline = newline(page);
    let outline = Outline::read(page);
    let Some(region) = region(page)? else { return insert_new(page, &outline, snippet, how) };
    let there = page.get(region.snippet.clone()).unwrap_or_default();
    let indent = indent_of(page, region.snippet.start);
    let nonce = nonce(&outline, page, &region.snippet);
    let records = record::lines(there);
    let wanted = if contains(there, b"{% block metas %}") {
        in_block(&snippet.render(&indent, newline, &nonce, &[]), newline, &records)
    } else {
        snippet.render(&indent, newline, &nonce, &records)
    };
    if there == wanted.as_bytes() {
        return Ok(Edited::Same);
    }
    if !how.overwrite {
        let by_hand = foreign_line(there, region.snippet.start);
        return Ok(by_hand.map_or(Edited::Differs(region.snippet.start), Edited::ByHand));
    }
    if records.is_empty() {
        return Ok(Edited::Replaced(splice(page, region.snippet, &wanted)));
    }
    // What was added to a policy was for the old values.
    let Edited::Removed(bare, _) = remove(page)? else { return Ok(Edited::Nothing) };
    match insert_new(&bare, &Outline::read(&bare), snippet, how)? {
        Edited::Inserted(new, _) => Ok(Edited::Replaced(new)),
        other => Ok(other),
    }
}

fn insert_new(page: &[u8], outline: &Outline, snippet: &Snippet, how: How) -> Result<Edited, PageError> {
    let newline = newline(page);
    if let Some(at) = foreign_in(outline, page, &(0..0)) {
        return Ok(Edited::Foreign(at));
    }
    if is_component(page) {
        return Err(PageError::Component);
    }
    let place = outline.place(how.takes_fragments).map_err(|error| match error {
        NoPlace::NotHtml => PageError::NotHtml,
        NoPlace::Fragment => PageError::Fragment(layout_of(page)),
        NoPlace::Replaced(at) => PageError::Replaced(at),
        NoPlace::Extends(at) => PageError::Extends(at),
        NoPlace::Conditional(at) => PageError::Conditional(at),
    })?;
    let nonce = nonce(outline, page, &(0..0));
    let render = |indent: &str| snippet.render(indent, newline, &nonce, &[]);
    let at = place.at;
    let text = if place.needs_block {
        format!("{newline}{}", in_block(&render(""), newline, &[]))
    } else if is_line_start(page, at) {
        let indent = indent_of(page, at);
        // In front of the blanks that what follows begins with.
        let line = at - indent.len();
        let text = format!("{indent}{}{newline}", render(&indent));
        return Ok(Edited::Inserted(splice(page, line..line, &text), line));
    } else {
        render("")
    };
    Ok(Edited::Inserted(splice(page, at..at, &text), at))
}

/// Whether it is a source file of JavaScript, with HTML inside of code.
fn is_component(page: &[u8]) -> bool {
    const BEGINS: &[&str] = &[
        "import ",
        "import{",
        "export ",
        "'use client'",
        "\"use client\"",
        "'use server'",
        "\"use strict\"",
    ];
    let page = page.trim_ascii_start();
    BEGINS.iter().any(|begin| page.starts_with(begin.as_bytes()))
}

/// The layout that front matter puts a page into.
fn layout_of(page: &[u8]) -> Option<String> {
    let matter = page.get(..dialect::front_matter(page))?;
    let matter = String::from_utf8_lossy(matter);
    let layout = matter.lines().find_map(|line| line.strip_prefix("layout:"))?;
    let layout = layout.split('#').next()?.trim().trim_matches(['"', '\'']);
    (!layout.is_empty() && !["none", "null"].contains(&layout)).then(|| layout.to_owned())
}

/// The nonce of the first script outside of a region, as an attribute.
fn nonce(outline: &Outline, page: &[u8], region: &Range<usize>) -> String {
    let others = outline.scripts(page).into_iter().filter(|script| !region.contains(&script.at));
    others.map(|script| script.nonce).find(|nonce| !nonce.is_empty()).unwrap_or_default()
}

/// The SDK outside of our snippet; where.
#[must_use]
pub fn foreign(page: &[u8]) -> Option<usize> {
    let region = region(page).ok().flatten().map_or(0..0, |region| region.snippet);
    foreign_in(&Outline::read(page), page, &region)
}

fn foreign_in(outline: &Outline, page: &[u8], region: &Range<usize>) -> Option<usize> {
    let is_sdk =
        |script: &Script| script.src.contains("dataflux-rum") || script.text.contains("DATAFLUX_RUM");
    let scripts = outline.scripts(page).into_iter();
    scripts.filter(|script| !region.contains(&script.at)).find(is_sdk).map(|script| script.at)
}

/// The first line of a snippet that is not one of ours.
fn foreign_line(snippet: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    for line in snippet.split_inclusive(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        let is_block = text.contains("{% block metas %}{{ super() }}") || text.starts_with("{% endblock %}");
        if !is_block && !text.trim().is_empty() && !snippet::is_own_line(&text) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// Takes the snippet out of a page, and what was added to the page's policies for it, as it was before.
///
/// # Errors
/// The page is none, or the marks do not fit.
pub fn remove(page: &[u8]) -> Result<Edited, PageError> {
    check(page)?;
    let Some(region) = region(page)? else { return Ok(Edited::Nothing) };
    let there = page.get(region.snippet.clone()).unwrap_or_default();
    let policies = Outline::read(page).policies(page);
    let (mut splices, kept) = record::undone(there, page, &policies);
    splices.push((region.whole, Vec::new()));
    Ok(Edited::Removed(spliced(page, splices), kept))
}

/// Extends the page's own policies, each by what is to be allowed in it, and notes in our snippet what they were. Nothing where
/// the page has no snippet of ours, or a policy is written so that it cannot be extended: without quotes, or with entities.
#[must_use]
pub(crate) fn extend_policies(page: &[u8], allowed: &[(usize, Vec<Allow>)]) -> Option<Vec<u8>> {
    let region = region(page).ok().flatten()?;
    let there = page.get(region.snippet.clone())?;
    let policies = Outline::read(page).policies(page);
    let newline = newline(page);
    let indent = indent_of(page, region.snippet.start);
    let at = region.snippet.start + BEGIN.len();
    let mut splices = Vec::new();
    let mut records = record::lines(there);
    for (number, allow) in allowed {
        let policy = policies.get(*number)?;
        let (new, line) = record::extended(page, *number, policy, allow)?;
        if !record::is_recorded(&records, *number) {
            records.push(line);
            splices.push((at..at, format!("{newline}{indent}{}", records.last()?).into_bytes()));
        }
        splices.push((policy.value.clone(), new));
    }
    Some(spliced(page, splices))
}

/// A part of a text, and what replaces it.
type Splice = (Range<usize>, Vec<u8>);

/// A text with parts of it replaced.
fn spliced(page: &[u8], mut splices: Vec<Splice>) -> Vec<u8> {
    splices.sort_by_key(|(span, _)| span.start);
    let mut out = Vec::with_capacity(page.len());
    let mut at = 0;
    for (span, text) in splices {
        out.extend_from_slice(page.get(at..span.start).unwrap_or_default());
        out.extend_from_slice(&text);
        at = span.end;
    }
    out.extend_from_slice(page.get(at..).unwrap_or_default());
    out
}

/// Where the snippet stands.
struct Region {
    /// From mark to mark.
    snippet: Range<usize>,
    /// With what was put in around it: the blanks in front and the line break behind, or the line break in front of a
    /// block of its own.
    whole: Range<usize>,
}

fn region(page: &[u8]) -> Result<Option<Region>, PageError> {
    let all = |mark: &str| memchr::memmem::find_iter(page, mark).collect::<Vec<_>>();
    let (begins, ends) = (all(BEGIN), all(END));
    let (begin, end) = match (begins.as_slice(), ends.as_slice()) {
        ([], []) => return Ok(None),
        ([begin], [end]) if begin < end => (*begin, end + END.len()),
        ([_, second, ..], ends) if ends.len() == begins.len() => return Err(PageError::Twice(*second)),
        ([_, second, ..], _) => return Err(PageError::Marks(*second)),
        (_, [_, second, ..]) => return Err(PageError::Marks(*second)),
        ([mark], _) | ([], [mark]) => return Err(PageError::Marks(*mark)),
    };
    let snippet = begin..end;
    let newline = newline(page);
    let there = page.get(snippet.clone()).unwrap_or_default();
    let before = page.get(..begin).unwrap_or_default();
    let after = page.get(end..).unwrap_or_default();
    let whole = if contains(there, b"{% block metas %}") && before.ends_with(newline.as_bytes()) {
        begin - newline.len()..end
    } else if is_line_start(page, begin) && after.starts_with(newline.as_bytes()) {
        begin - indent_of(page, begin).len()..end + newline.len()
    } else {
        snippet.clone()
    };
    Ok(Some(Region { snippet, whole }))
}

/// The snippet inside of a block that the base template has in its head.
fn in_block(snippet: &str, newline: &str, records: &[String]) -> String {
    let inner = snippet.trim_start_matches(BEGIN).trim_end_matches(END);
    let records: String = records.iter().map(|record| format!("{newline}{record}")).collect();
    format!(
        "{BEGIN}{records}{{% block metas %}}{{{{ super() }}}}{newline}{}{newline}{{% endblock %}}{END}",
        inner.trim()
    )
}

fn check(page: &[u8]) -> Result<(), PageError> {
    match memchr::memchr(0, page) {
        Some(at) => Err(PageError::Binary(at)),
        None => Ok(()),
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

/// The page's line break: that of its first line.
fn newline(page: &[u8]) -> &'static str {
    match memchr::memchr(b'\n', page) {
        Some(at) if at > 0 && page.get(at - 1) == Some(&b'\r') => "\r\n",
        _ => "\n",
    }
}

/// The blanks between the start of the line and an offset; nothing where other characters stand there.
fn indent_of(page: &[u8], at: usize) -> String {
    let head = page.get(..at).unwrap_or_default();
    let blanks = head.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let indent = head.get(at - blanks..).unwrap_or_default();
    if is_line_start(page, at) { String::from_utf8_lossy(indent).into_owned() } else { String::new() }
}

/// Whether nothing but blanks stands in front of an offset on its line.
fn is_line_start(page: &[u8], at: usize) -> bool {
    let head = page.get(..at).unwrap_or_default();
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let last = head.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t'));
    last.is_none_or(|byte| *byte == b'\n')
}

fn splice(page: &[u8], span: Range<usize>, text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(page.len() + text.len());
    out.extend_from_slice(page.get(..span.start).unwrap_or_default());
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(page.get(span.end..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: How = How { overwrite: false, takes_fragments: true };
    const REPLACE: How = How { overwrite: true, takes_fragments: true };

    fn snippet(app_id: &str) -> Snippet {
        Snippet {
            app_id: app_id.to_owned(),
            target: Target::Datakit("http://h:9529".to_owned()),
            env: None,
            service: None,
            version: None,
            trace_type: "zipkin".to_owned(),
            tracing_urls: Vec::new(),
            sdk: SDK.to_owned(),
            is_async: false,
            sample_rate: 100.0,
            replay: false,
        }
    }

    #[test]
    fn what_was_put_in_comes_out_again() {
        for page in [
            "<html>\n  <head>\n    <meta>\n  </head>\n</html>",
            "<html><head></head></html>",
            "<html>\r\n\t<head>\r\n\t<script></script>\r\n</head>\r\n",
            "\u{feff}<script></script>",
            "{% extends 'bootstrap/base.html' %}\n{% block metas %}\n<meta>\n{% endblock %}\n",
            "{% extends 'bootstrap/base.html' %}\r\n{% block content %}{% endblock %}",
            "{% extends 'bootstrap/base.html' %}{% block metas %}{% endblock %}",
            "<head>\n  {% if x %}<script></script>{% endif %}\n</head>",
        ] {
            let Edited::Inserted(once, at) = insert(page.as_bytes(), &snippet("a"), KEEP).unwrap() else {
                panic!("{page}");
            };
            assert_eq!(page.as_bytes()[..at], once[..at], "{page}");
            assert_eq!(insert(&once, &snippet("a"), KEEP), Ok(Edited::Same), "{page}");
            assert!(matches!(insert(&once, &snippet("b"), KEEP), Ok(Edited::Differs(_))), "{page}");
            let Edited::Replaced(other) = insert(&once, &snippet("b"), REPLACE).unwrap() else {
                panic!("{page}")
            };
            assert_eq!(insert(&other, &snippet("b"), KEEP), Ok(Edited::Same), "{page}");
            for text in [&once, &other] {
                let Edited::Removed(back, 0) = remove(text).unwrap() else { panic!("{page}") };
                assert_eq!(String::from_utf8_lossy(&back), page);
            }
            assert_eq!(remove(page.as_bytes()), Ok(Edited::Nothing));
        }
    }

    #[test]
    fn a_page_that_cannot_be_edited_is_told() {
        let told = |page: &[u8]| insert(page, &snippet("a"), REPLACE).unwrap_err();
        assert_eq!(told(b"\x00<html>"), PageError::Binary(0));
        assert_eq!(told(b"text"), PageError::NotHtml);
        assert_eq!(told(b"<p><!-- meshobs:rum -->"), PageError::Marks(3));
        assert_eq!(told(b"<!-- /meshobs:rum --><!-- meshobs:rum -->"), PageError::Marks(21));
    }

    #[test]
    fn another_hand_is_respected() {
        for page in [
            "<head><script src=\"https://static.guance.com/browser-sdk/v2/dataflux-rum.js\"></script></head>",
            "<body><script>\nwindow.DATAFLUX_RUM.init({})</script>",
        ] {
            assert!(
                matches!(insert(page.as_bytes(), &snippet("a"), REPLACE), Ok(Edited::Foreign(6))),
                "{page}"
            );
        }
        let commented = b"<head><!-- <script>DATAFLUX_RUM</script> --></head>";
        assert!(matches!(insert(commented, &snippet("a"), KEEP), Ok(Edited::Inserted(..))));
    }

    /// Parts that pages of all languages are made of by chance, whole and broken.
    const PARTS: &[&str] = &[
        "<!doctype html>",
        "<html>",
        "<head>",
        "</head>",
        "<body>",
        "</body>",
        "<title>a</title>",
        "<meta charset=utf-8>",
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'self'\">",
        "<meta content='connect-src https:' http-equiv=content-security-policy>",
        "<script>",
        "</script>",
        "<script nonce=\"{{ n }}\" src=a.js></script>",
        "<script src='b",
        "<!--",
        "-->",
        "<style>",
        "</style>",
        "<template>",
        "\n",
        "\r\n",
        "\n  ",
        "\t",
        " ",
        "text",
        "\u{feff}",
        "---\n",
        "{{ x }}",
        "{{",
        "}}",
        "{% if a %}",
        "{% endif %}",
        "{% block head %}",
        "{% block metas %}",
        "{% endblock %}",
        "{% extends \"bootstrap/base.html\" %}",
        "{% raw %}",
        "{#",
        "#}",
        "{{ define \"head\" }}",
        "{{ end }}",
        "{{#if a}}",
        "{{/if}}",
        "{{!--",
        "<% if (a) { %>",
        "<% } %>",
        "<%= x %>",
        "<%",
        "<?php if ($a) { ?>",
        "<?php } ?>",
        "<?= $x ?>",
        "<?php",
        "@model A\n",
        "@if (a) {",
        "}",
        "@{",
        "@x.y(",
        ")",
        "\"",
        "'",
        "é",
    ];

    fn random_page(seed: &mut u64, most: usize) -> String {
        let mut next = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (*seed >> 33) as usize
        };
        let count = next() % most;
        (0..count).map(|_| PARTS[next() % PARTS.len()]).collect()
    }

    /// What each of the page's policies has to allow, as far as it can be said.
    fn needed(page: &[u8]) -> Vec<(usize, Vec<Allow>)> {
        let found = settings::monitoring(page);
        let one = |(number, policy): (usize, &place::MetaPolicy)| match judge::judge(
            &found,
            &policy.text,
            judge::Delivery::Meta(policy.at),
        ) {
            judge::Verdict::Blocks(blocks) => (number, judge::allowances(&blocks)),
            judge::Verdict::Unknown => (number, Vec::new()),
        };
        let all = found.policies.iter().enumerate().map(one);
        all.filter(|(_, allow)| !allow.is_empty()).collect()
    }

    #[test]
    fn whatever_the_page_it_keeps_its_bytes_and_comes_back() {
        let mut seed = 20_211_123;
        let (mut inserted, mut extended) = (0, 0);
        for _ in 0..4_000 {
            let page = random_page(&mut seed, 24);
            let Ok(Edited::Inserted(once, at)) = insert(page.as_bytes(), &snippet("a"), KEEP) else {
                continue;
            };
            inserted += 1;
            let added = once.len() - page.len();
            assert_eq!(&once[..at], &page.as_bytes()[..at], "{page}");
            assert_eq!(&once[at + added..], &page.as_bytes()[at..], "{page}");
            assert_eq!(insert(&once, &snippet("a"), KEEP), Ok(Edited::Same), "{page:?}");
            assert_eq!(remove(&once), Ok(Edited::Removed(page.clone().into_bytes(), 0)), "{page:?}");
            let Some(wider) = extend_policies(&once, &needed(&once)).filter(|wider| *wider != once) else {
                continue;
            };
            extended += 1;
            assert_eq!(remove(&wider), Ok(Edited::Removed(page.clone().into_bytes(), 0)), "{page:?}");
            assert_eq!(insert(&wider, &snippet("a"), KEEP), Ok(Edited::Same), "{page:?}");
        }
        assert!(inserted > 2_000 && extended > 100, "{inserted} {extended}");
    }

    #[test]
    fn time_grows_with_the_page_and_no_faster() {
        let time = |page: &str| {
            let start = std::time::Instant::now();
            let _ = insert(page.as_bytes(), &snippet("a"), KEEP);
            let _ = settings::monitoring(page.as_bytes());
            start.elapsed()
        };
        for part in PARTS.iter().chain(&[
            "{# ",
            "{{ '",
            "<script>DATAFLUX_RUM.init({\na:'",
            "<a b=\"",
            "<a a=1 ",
            "@if (",
            "@a(",
            "{{!",
            "{{/*",
        ]) {
            let language = ["<?", "<%", "@"].iter().find(|sign| part.starts_with(**sign)).unwrap_or(&"");
            let language = if *language == "@" { "@{ }" } else { language };
            let page = |length: usize| format!("<head>{language}{}", part.repeat(length / part.len()));
            let (small, large) = (page(8_000), page(32_000));
            // Of a machine that does other things the least counts. Four times the text takes sixteen times as long if it is
            // read anew for each of its parts.
            let grows = |_| time(&large) > 10 * time(&small).max(std::time::Duration::from_micros(200));
            assert!(!(0..6).all(grows), "{part:?}");
        }
    }
}
