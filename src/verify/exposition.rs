//! The text format of Prometheus, as DataKit and Envoy write it: one series a line. A line that is none is passed over.

use std::borrow::Cow;

/// A series and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series<'t> {
    pub(crate) name: &'t str,
    labels: Vec<(&'t str, Cow<'t, str>)>,
    pub(crate) value: f64,
}

impl Series<'_> {
    /// The value of a label; empty where there is none, which is the same to Prometheus.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }
}

/// The series of a text.
pub(crate) fn series(text: &str) -> impl Iterator<Item = Series<'_>> {
    text.lines().filter_map(line)
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part<'t> {
    /// The series that follow are of this family and type, in small letters.
    Family(&'t str, &'t str),
    Series(Series<'t>),
}

/// The parts of a text, in order.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    text.lines().filter_map(|text| match text.strip_prefix("# TYPE ") {
        Some(rest) => {
            let (name, kind) = rest.trim().split_once(' ')?;
            Some(Part::Family(name, kind.trim()))
        }
        None => line(text).map(Part::Series),
    })
}

fn line(line: &str) -> Option<Series<'_>> {
    let line = line.trim();
    let end = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at(end);
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    // A time may follow.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Series { name, labels, value })
}

/// A name and its value.
type Label<'t> = (&'t str, Cow<'t, str>);

/// The labels up to the brace that closes them, and what follows.
fn labels(mut rest: &str) -> Option<(Vec<Label<'_>>, &str)> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((found, behind));
        }
        let (name, behind) = rest.split_once('=')?;
        let text = behind.trim_start().strip_prefix('"')?;
        let end = closing_quote(text)?;
        found.push((name.trim(), unescaped(text.get(..end)?)));
        rest = text.get(end + 1..)?;
    }
}

/// Where the quote stands that ends a value.
fn closing_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next().map(|c| if c == 'n' { '\n' } else { c })),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_read_with_their_labels() {
        let text = "# HELP a b\n# TYPE a counter\na 1\na{x=\"1\", y=\"a\\\"},b\\\\\\n\",} 2.5e3 1700000000\n\na{} NaN\n";
        let read: Vec<_> = series(text).collect();
        assert_eq!(read.len(), 3, "{read:?}");
        assert_eq!((read[0].name, read[0].value, read[0].label("x")), ("a", 1.0, ""));
        assert_eq!((read[1].label("x"), read[1].label("y"), read[1].value), ("1", "a\"},b\\\n", 2500.0));
        assert!(read[2].value.is_nan());
    }

    #[test]
    fn lines_that_are_no_series_are_passed_over() {
        for bad in ["", "a", "a{", "a{b} 1", "a{b=c} 1", "a{b=\"c} 1", "a{b=\"c\"}", "a x", "{} 1"] {
            assert_eq!(series(bad).next(), None, "{bad}");
        }
    }
}
