//! Razor: `@expression`, `@if (…) { … }`, `@{ … }`, `@section Name { … }`, `@* … *@`. Braces and parentheses are matched as they
//! stand, strings aside; where they do not fit a construct is taken for an expression.

use std::collections::HashMap;

use super::Builder;
use super::jinja::{Construct, Jinja, find};

/// What only Razor has.
pub(super) const SIGNS: &[&str] = &[
    "@RenderBody",
    "@RenderSection",
    "@model ",
    "@using ",
    "@addTagHelper ",
    "@Html.",
    "@Url.",
    "@ViewData[",
    "@ViewBag.",
    "@{",
    "@page\n",
    "@page\r\n",
];

/// Directives that go to the end of their line.
const LINES: &[&str] = &[
    "model",
    "using",
    "inject",
    "page",
    "addTagHelper",
    "removeTagHelper",
    "namespace",
    "inherits",
    "layout",
    "attribute",
];

/// Statements with a block that may be left out or repeated.
const BLOCKS: &[&str] = &["if", "for", "foreach", "while", "switch", "lock", "do", "try"];

/// Statements with a block that is rendered elsewhere, or is code.
const ELSEWHERE: &[&str] = &["section", "functions", "code", "helper"];

/// All constructs of a page, in order.
pub(super) fn constructs(page: &[u8]) -> Vec<Jinja> {
    let reader = Reader { page, pairs: pairs(page) };
    let mut builder = Builder::default();
    // Where blocks end that are open, the innermost last.
    let mut closing: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < page.len() {
        if closing.last() == Some(&at) {
            at = reader.close(at, &mut closing, &mut builder);
        } else if page.get(at) == Some(&b'@') {
            at = reader.one(at, &mut closing, &mut builder);
        } else {
            at += 1;
        }
    }
    builder.found
}

struct Reader<'a> {
    page: &'a [u8],
    /// For each brace and parenthesis that is opened where it is closed.
    pairs: HashMap<usize, usize>,
}

impl Reader<'_> {
    /// Reads what begins with `@`, and gives where to go on.
    fn one(&self, at: usize, closing: &mut Vec<usize>, builder: &mut Builder) -> usize {
        let before = at.checked_sub(1).and_then(|at| self.page.get(at)).copied();
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            return at + 1;
        }
        match self.page.get(at + 1).copied() {
            Some(b'@') => at + 2,
            Some(b'*') => {
                let end = find(self.page, at + 2, b"*@").map_or(self.page.len(), |end| end + 2);
                builder.push(Construct::Comment, at..end);
                end
            }
            Some(b'{') => self.hidden(at, at + 1, builder),
            Some(b'(') => self.expression(at, at + 1, builder),
            Some(byte) if byte.is_ascii_alphabetic() => self.named(at, closing, builder),
            _ => at + 1,
        }
    }

    fn named(&self, at: usize, closing: &mut Vec<usize>, builder: &mut Builder) -> usize {
        let end = self.word_end(at + 1);
        let word = String::from_utf8_lossy(self.page.get(at + 1..end).unwrap_or_default()).into_owned();
        let is_block = BLOCKS.contains(&&*word) || (word == "using" && self.after_blanks(end) == Some(b'('));
        if is_block && let Some(brace) = self.brace_behind(end) {
            builder.begin("if", &word, at..brace + 1);
            closing.extend(self.pairs.get(&brace));
            return brace + 1;
        }
        if ELSEWHERE.contains(&&*word)
            && let Some(brace) = self.brace_behind(end)
        {
            return self.hidden(at, brace, builder);
        }
        if LINES.contains(&&*word) {
            let end = find(self.page, end, b"\n").unwrap_or(self.page.len());
            builder.statement("do", &word, at..end);
            return end;
        }
        self.expression(at, end, builder)
    }

    /// A block whose text is none of what is rendered here.
    fn hidden(&self, at: usize, brace: usize, builder: &mut Builder) -> usize {
        let Some(end) = self.pairs.get(&brace).map(|end| end + 1) else { return at + 1 };
        builder.push(Construct::Comment, at..end);
        end
    }

    /// `@name.of(…)[…]`, from `@` on; `end` is behind what is known of it.
    fn expression(&self, at: usize, mut end: usize, builder: &mut Builder) -> usize {
        while let Some(byte) = self.page.get(end).copied() {
            let next = self.page.get(end + 1).copied();
            end = match byte {
                b'(' | b'[' => match self.pairs.get(&end) {
                    Some(close) => close + 1,
                    None => break,
                },
                b'.' | b'?' if next.is_some_and(|next| next.is_ascii_alphabetic() || next == b'.') => end + 1,
                byte if byte.is_ascii_alphanumeric() || byte == b'_' => end + 1,
                b' ' if self.page.get(at..end) == Some(b"@await") => end + 1,
                _ => break,
            };
        }
        let text = String::from_utf8_lossy(self.page.get(at + 1..end).unwrap_or_default()).into_owned();
        builder.push(Construct::Expression(text), at..end);
        end
    }

    /// The brace that ends a block; `else` and the like go on with it.
    fn close(&self, at: usize, closing: &mut Vec<usize>, builder: &mut Builder) -> usize {
        closing.pop();
        let word = self.page.get(at + 1..).unwrap_or_default().trim_ascii_start();
        let goes_on = ["else", "catch", "finally"].iter().any(|next| word.starts_with(next.as_bytes()));
        let brace = if goes_on { self.brace_behind(at + 1) } else { None };
        match brace {
            Some(brace) => {
                builder.statement("else", "", at..brace + 1);
                closing.extend(self.pairs.get(&brace));
                brace + 1
            }
            None => {
                builder.end(at..at + 1);
                at + 1
            }
        }
    }

    fn word_end(&self, from: usize) -> usize {
        let rest = self.page.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count()
    }

    fn after_blanks(&self, from: usize) -> Option<u8> {
        self.page.get(from..)?.iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }

    /// The next brace on the way, with names and what is in parentheses skipped, if it is closed.
    fn brace_behind(&self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            match self.page.get(at).copied()? {
                b'{' => return self.pairs.contains_key(&at).then_some(at),
                b'(' => at = self.pairs.get(&at)? + 1,
                byte if byte.is_ascii_whitespace() || byte.is_ascii_alphanumeric() => at += 1,
                _ => return None,
            }
        }
    }
}

/// Pairs of braces, parentheses and brackets, each kind for itself.
fn pairs(page: &[u8]) -> HashMap<usize, usize> {
    let mut open: [Vec<usize>; 3] = Default::default();
    let mut pairs = HashMap::new();
    for (at, byte) in page.iter().enumerate() {
        let Some(kind) = b"{([".iter().zip(b"})]").position(|(open, close)| byte == open || byte == close)
        else {
            continue;
        };
        let Some(stack) = open.get_mut(kind) else { continue };
        if b"{([".contains(byte) {
            stack.push(at);
        } else if let Some(start) = stack.pop() {
            pairs.insert(start, at);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_expressions_and_directives_are_read() {
        let page = "@model Shop\n@* @if *@@{ Layout = \"x\"; }<a href=\"mailto:a@b.c\">@@home @Html.Raw(ViewBag.Title)</a>\n\
                    @if (a.Any(x => x)) { <b>@a</b> } else { <i></i> }@section Scripts { <script></script> }@await RenderSectionAsync(\"h\", false)";
        let word = |jinja: &Jinja| match &jinja.construct {
            Construct::Expression(text) => format!("={text}"),
            Construct::Comment => "#".to_owned(),
            Construct::Statement { word, .. } => word.clone(),
        };
        let found = constructs(page.as_bytes());
        let words: Vec<_> = found.iter().map(word).collect();
        let want = [
            "do",
            "#",
            "#",
            "=Html.Raw(ViewBag.Title)",
            "if",
            "=a",
            "else",
            "endif",
            "#",
            "=await RenderSectionAsync(\"h\", false)",
        ];
        assert_eq!(words, want);
    }
}
