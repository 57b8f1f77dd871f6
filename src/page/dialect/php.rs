//! PHP: `<?php … ?>`, `<?= … ?>`. Code opens or closes a block by braces or by its other syntax (`if: … endif`).

use super::jinja::{Construct, Jinja};
use super::{Builder, first_word};

/// Words whose blocks may begin with a colon.
const OPENING: &[&str] = &["if", "foreach", "for", "while", "switch", "else", "elseif"];

/// The ends of those blocks.
const CLOSING: &[&str] = &["endif", "endforeach", "endfor", "endwhile", "endswitch"];

/// All constructs of a page, in order.
pub(super) fn constructs(page: &[u8]) -> Vec<Jinja> {
    let mut builder = Builder::default();
    let mut at = 0;
    while let Some(start) =
        memchr::memmem::find(page.get(at..).unwrap_or_default(), b"<?").map(|found| at + found)
    {
        let rest = page.get(start + 2..).unwrap_or_default();
        let lead = if rest.starts_with(b"=") {
            1
        } else if starts_with_php(rest) {
            3
        } else {
            0
        };
        if lead == 0 {
            at = start + 2;
            continue;
        }
        let code = Code::read(page, start + 2 + lead);
        let text = String::from_utf8_lossy(page.get(start + 2 + lead..code.end).unwrap_or_default());
        one(lead == 1, text.trim_end_matches("?>").trim(), &code, start..code.end, &mut builder);
        at = code.end;
    }
    builder.found
}

fn starts_with_php(rest: &[u8]) -> bool {
    rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"php"))
}

fn one(is_output: bool, text: &str, code: &Code, span: std::ops::Range<usize>, builder: &mut Builder) {
    if is_output {
        return builder.push(Construct::Expression(text.to_owned()), span);
    }
    let word = first_word(text);
    let begins_else =
        word.starts_with("else") || text.starts_with('}') && code.depth == 0 && text.ends_with('{');
    let opens = code.depth > 0 || (OPENING.contains(&word) && text.ends_with(':'));
    let closes = code.depth < 0 || CLOSING.contains(&word);
    let may_print = ["(", "echo", "print", "include", "require"].iter().any(|part| text.contains(part));
    match () {
        () if begins_else => builder.statement("else", text, span),
        () if opens => builder.begin("if", text, span),
        () if closes => builder.end(span),
        () if may_print => builder.statement("include", text, span),
        () => builder.statement("do", text, span),
    }
}

/// A piece of code.
struct Code {
    /// Behind its `?>`, or the end of the file.
    end: usize,
    /// Braces that it opens less those that it closes.
    depth: i64,
}

impl Code {
    /// Reads up to `?>`, which counts in a comment of one line, but not in a string or between `/*` and `*/`.
    fn read(page: &[u8], start: usize) -> Self {
        let (mut at, mut depth, mut quote) = (start, 0, None);
        while let Some(byte) = page.get(at).copied() {
            let next = page.get(at + 1).copied();
            match (quote, byte) {
                (Some(_), b'\\') => at += 1,
                (Some(open), byte) if open == byte => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'{') => depth += 1,
                (None, b'}') => depth -= 1,
                (None, b'?') if next == Some(b'>') => return Self { end: at + 2, depth },
                (None, b'/') if next == Some(b'*') => at = behind(page, at + 2, b"*/") - 1,
                (None, b'#') => at = line_end(page, at) - 1,
                (None, b'/') if next == Some(b'/') => at = line_end(page, at) - 1,
                (None, _) => {}
            }
            at += 1;
        }
        Self { end: page.len(), depth }
    }
}

fn behind(page: &[u8], from: usize, text: &[u8]) -> usize {
    let rest = page.get(from..).unwrap_or_default();
    memchr::memmem::find(rest, text).map_or(page.len(), |at| from + at + text.len())
}

/// The end of a comment of one line: the line break, or `?>`.
fn line_end(page: &[u8], from: usize) -> usize {
    let line = page.get(from..).unwrap_or_default();
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let close = memchr::memmem::find(line, b"?>").unwrap_or(line.len());
    from + close.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_read_with_its_strings_and_comments() {
        for (page, want) in [
            (
                "<?php if ($a): ?><?= $b ?><?php else: ?><?php endif; ?><?xml version='1.0'?>",
                "if = else endif",
            ),
            ("<?php if ($a) { ?><?php } else { ?><?php } ?>", "if else endif"),
            ("<?php $a = '?>'; /* ?> */ // it's ?><?php wp_head(); ?><?PHP $x = 1", "do include do"),
            (
                "<?php foreach ($a as $b): ?><?php endforeach ?><?php function f() { return 1; } ?>",
                "if endif include",
            ),
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
