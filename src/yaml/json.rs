//! A tape straight from JSON that a program wrote, an order of magnitude faster than by way of the YAML parser: what
//! kubectl prints of a large cluster is tens of megabytes.
//!
//! Gives nothing for what is no plain JSON; the YAML parser then says what is wrong. Where both read a text, their tapes are
//! equal.

use super::tape::{Document, Kind, Node, NodeId, Tape};

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// A value, or the end of an array that has just begun.
    ValueOrEnd,
    Value,
    /// A key, or the end of an object that has just begun.
    KeyOrEnd,
    Key,
    /// A comma or the end of the collection.
    CommaOrEnd,
    /// Nothing but blanks.
    Nothing,
}

impl Document<'static> {
    /// Takes one JSON value; nothing where the text is anything else.
    #[must_use]
    pub fn json(src: String) -> Option<Self> {
        let tape = tape(&src)?;
        Some(Self::new(src, tape))
    }
}

fn tape(src: &str) -> Option<Tape> {
    let bytes = src.as_bytes();
    let mut nodes: Vec<Node> = Vec::with_capacity(src.len() / 12);
    let mut open: Vec<usize> = Vec::new();
    let mut expect = Expect::Value;
    let mut at = 0;
    loop {
        at = skip_blanks(bytes, at);
        let Some(byte) = bytes.get(at) else { break };
        let start = at;
        match (byte, expect) {
            (b'{' | b'[', Expect::Value | Expect::ValueOrEnd) => {
                let object = *byte == b'{';
                open.push(nodes.len());
                nodes.push(node(start, 0, 0, if object { Kind::FlowMapping } else { Kind::FlowSequence })?);
                expect = if object { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
                at += 1;
                continue;
            }
            (b'}', Expect::KeyOrEnd | Expect::CommaOrEnd)
            | (b']', Expect::ValueOrEnd | Expect::CommaOrEnd) => {
                let next = u32::try_from(nodes.len()).ok()?;
                let collection = nodes.get_mut(open.pop()?)?;
                let kind = if *byte == b'}' { Kind::FlowMapping } else { Kind::FlowSequence };
                if collection.kind != kind {
                    return None;
                }
                at += 1;
                (collection.end, collection.next) = (u32::try_from(at).ok()?, next);
            }
            (b',', Expect::CommaOrEnd) => {
                let object = nodes.get(*open.last()?)?.kind == Kind::FlowMapping;
                expect = if object { Expect::Key } else { Expect::Value };
                at += 1;
                continue;
            }
            (b'"', Expect::Key | Expect::KeyOrEnd) => {
                at = string_end(bytes, at)?;
                push_scalar(&mut nodes, start, at, Kind::DoubleQuoted)?;
                at = skip_blanks(bytes, at);
                if bytes.get(at) != Some(&b':') {
                    return None;
                }
                at += 1;
                expect = Expect::Value;
                continue;
            }
            (b'"', Expect::Value | Expect::ValueOrEnd) => {
                at = string_end(bytes, at)?;
                push_scalar(&mut nodes, start, at, Kind::DoubleQuoted)?;
            }
            (_, Expect::Value | Expect::ValueOrEnd) => {
                at = word_end(bytes, at)?;
                push_scalar(&mut nodes, start, at, Kind::Plain)?;
            }
            _ => return None,
        }
        expect = if open.is_empty() { Expect::Nothing } else { Expect::CommaOrEnd };
    }
    let roots = vec![NodeId(0)];
    (expect == Expect::Nothing).then(|| Tape { nodes, roots, ..Tape::default() })
}

fn node(start: usize, end: usize, next: usize, kind: Kind) -> Option<Node> {
    let number = |number: usize| u32::try_from(number).ok();
    Some(Node { start: number(start)?, end: number(end)?, next: number(next)?, kind })
}

fn push_scalar(nodes: &mut Vec<Node>, start: usize, end: usize, kind: Kind) -> Option<()> {
    let next = nodes.len() + 1;
    nodes.push(node(start, end, next, kind)?);
    Some(())
}

fn skip_blanks(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let blanks = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
    blanks.map_or(bytes.len(), |blanks| at + blanks)
}

/// The offset behind a string; nothing where it does not end or holds a control character.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        let next = at + memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at..next)?.iter().any(|byte| *byte < b' ') {
            return None;
        }
        if bytes.get(next) == Some(&b'"') {
            return Some(next + 1);
        }
        at = next + 2;
    }
}

/// The offset behind a number, `true`, `false` or `null`.
fn word_end(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let length =
        rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'));
    let word = rest.get(..length.unwrap_or(rest.len()))?;
    let number = || {
        let digits = word.strip_prefix(b"-").unwrap_or(word);
        digits.first().is_some_and(u8::is_ascii_digit)
            && digits.iter().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(byte))
    };
    (matches!(word, b"true" | b"false" | b"null") || number()).then_some(start + word.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tape_is_that_of_the_yaml_parser() {
        for text in [
            r#"{}"#,
            r#"[]"#,
            r#"{"a": 1, "b": [true, null, -1.5e3, "x\"y\\"], "c": {"d": {}, "e": []}}"#,
            "{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n        {\n            \"kind\": \"Pod\"\n        }\n    ],\n    \"é\": \"ü{}[],:#\"\n}\n",
            r#"[{"a":"b"},{"a":[[[]]]}]"#,
        ] {
            let slow = Document::parse(text).unwrap();
            assert_eq!(&tape(text).unwrap(), slow.tape(), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_left_to_the_yaml_parser() {
        for text in [
            "",
            "a: b",
            "{a: b}",
            "{'a': 1}",
            r#"{"a": 1,}"#,
            r#"{"a" 1}"#,
            r#"{"a": 1"#,
            r#"{"a": 1}}"#,
            r#"{"a": yes}"#,
            "{\"a\": \"\n\"}",
            r#"[1}"#,
            r#"{"a": 1} # c"#,
            r#"{"a": 1} {"b": 2}"#,
        ] {
            assert!(tape(text).is_none(), "{text}");
        }
    }
}
