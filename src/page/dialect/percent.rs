//! EJS, ERB and JSP: `<% … %>`. Which of them it is does not matter: what begins with `=` is put out, and code opens or closes
//! a block by a brace (JavaScript, Java) or by a word (Ruby).

use super::jinja::{Construct, Jinja, find};
use super::{Builder, first_word};

/// Ruby's words that open a block at the beginning of code.
const OPENING: &[&str] = &["if", "unless", "case", "while", "until", "for", "begin"];

/// Words that go on with a block.
const GOING_ON: &[&str] = &["else", "elsif", "when", "rescue", "ensure"];

/// Calls that may put out a script.
const CALLS: &[&str] = &["include", "render", "yield", "print", "write", "concat", "partial"];

/// All constructs of a page, in order.
pub(super) fn constructs(page: &[u8]) -> Vec<Jinja> {
    let mut builder = Builder::default();
    let mut at = 0;
    while let Some(start) = find(page, at, b"<%") {
        let rest = page.get(start + 2..).unwrap_or_default();
        if rest.starts_with(b"%") {
            at = start + 3;
            continue;
        }
        let is_comment = rest.starts_with(b"--");
        let close: &[u8] = if is_comment { b"--%>" } else { b"%>" };
        // Without an end for this one there is none for those behind it either.
        let Some(end) = find(page, start + 2, close).map(|end| end + close.len()) else { break };
        let inner = String::from_utf8_lossy(page.get(start + 2..end - close.len()).unwrap_or_default());
        if is_comment {
            builder.push(Construct::Comment, start..end);
        } else {
            one(&inner, start..end, &mut builder);
        }
        at = end;
    }
    builder.found
}

fn one(inner: &str, span: std::ops::Range<usize>, builder: &mut Builder) {
    let (sign, code) = match inner.chars().next() {
        Some(sign @ ('=' | '-' | '_' | '#' | '@' | '!')) => (sign, inner.get(1..).unwrap_or_default()),
        _ => (' ', inner),
    };
    let code = code.trim_end_matches(['-', '_']).trim_start_matches('=').trim();
    match (sign, flow(code)) {
        ('#', _) => builder.push(Construct::Comment, span),
        ('@', _) if code.starts_with("include") => builder.statement("include", code, span),
        ('@' | '!', _) => builder.statement("do", code, span),
        (_, Flow::Open) if code.starts_with("content_for") => builder.begin("macro", code, span),
        (_, Flow::Open) => builder.begin("if", code, span),
        (_, Flow::Close) => builder.end(span),
        (_, Flow::GoOn) => builder.statement("else", code, span),
        ('=' | '-', Flow::None) => builder.push(Construct::Expression(code.to_owned()), span),
        (_, Flow::None) if CALLS.iter().any(|call| code.contains(call)) => {
            builder.statement("include", code, span)
        }
        (_, Flow::None) => builder.statement("do", code, span),
    }
}

/// What code does to blocks.
enum Flow {
    None,
    Open,
    Close,
    GoOn,
}

fn flow(code: &str) -> Flow {
    let word = first_word(code);
    let closes = code.starts_with('}') || word == "end";
    let has_parameters = || code.ends_with('|') && code.contains(" do |");
    let by_word =
        OPENING.contains(&word) && !code.contains('{') && !code.ends_with(" end") && !code.ends_with(';');
    let opens = code.ends_with('{') || code.ends_with(" do") || has_parameters() || by_word;
    match (closes, opens) {
        (true, true) => Flow::GoOn,
        (true, false) => Flow::Close,
        (false, _) if GOING_ON.contains(&word) => Flow::GoOn,
        (false, true) => Flow::Open,
        (false, false) => Flow::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_by_brace_and_by_word() {
        for (page, want) in [
            (
                "<%# <% %><% if (a) { %><%- include('x') %><% } else { %><%= b %><% } %><%%",
                "# if = else = endif",
            ),
            ("<% users.forEach(function (u) { %><% }) %><% var x = 1 %>", "if endif do"),
            (
                "<% if a -%><% else %><% end %><% x.each do |y| %><%= y %><% end %>",
                "if else endif if = endif",
            ),
            (
                "<%- unless a -%><%- end -%><% content_for :head do %><% end %><%= yield %>",
                "if endif macro endmacro =",
            ),
            ("<%-- <%= x %> --%><%@ page a %><%@ include file=\"x\" %><%! int i; %>", "# do include do"),
        ] {
            let word = |jinja: Jinja| match jinja.construct {
                Construct::Expression(_) => "=".to_owned(),
                Construct::Comment => "#".to_owned(),
                Construct::Statement { word, .. } => word,
            };
            let found: Vec<_> = constructs(page.as_bytes()).into_iter().map(word).collect();
            assert_eq!(found.join(" "), want, "{page}");
        }
    }
}
