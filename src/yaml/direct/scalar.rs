//! Scalars: where they end, over however many lines.

use super::super::tape::Kind;
use super::bytes::{self, ENDS_DOUBLE, ENDS_PLAIN, ENDS_PLAIN_INSIDE, ENDS_SINGLE};
use super::{Line, Scanner};

impl Scanner<'_> {
    /// Behind the last byte of a plain scalar on its line, and where it was stopped: at a break, a comment, a colon that
    /// makes it a key or, inside of brackets (`ends`), at one of them or a comma.
    #[inline]
    pub(super) fn plain_on_line(&self, start: usize, ends: u8) -> (usize, usize) {
        let mut stop = start;
        loop {
            stop += bytes::find(self.rest(stop), ends);
            let next = self.byte(stop + 1);
            match self.byte(stop) {
                b':' if bytes::is_blank_or_break(next) => break,
                b':' if ends == ENDS_PLAIN_INSIDE && bytes::is_bracket_or_comma(next) => break,
                b'#' if stop > start && bytes::is_blank(self.byte(stop - 1)) => break,
                b':' | b'#' => stop += 1,
                _ => break,
            }
        }
        let text = self.bytes.get(start..stop).unwrap_or_default();
        let blanks = text.iter().rev().take_while(|byte| bytes::is_blank(**byte)).count();
        (stop - blanks, stop)
    }

    /// Adds a plain scalar that is no key, given how its first line ends, with the lines that go on with it.
    pub(super) fn plain(&mut self, start: usize, mut end: usize, mut stop: usize) -> Option<Line> {
        let outer = self.column()?;
        let behind = loop {
            match self.byte(stop) {
                b'#' => break self.line_behind(stop),
                b':' => return None,
                _ => {}
            }
            let next = self.line_with_text(stop);
            let goes_on = next.at < self.bytes.len() && next.column() > outer && self.byte(next.at) != b'#';
            if !goes_on {
                break next.start;
            }
            if self.byte(next.at) == b'\t' {
                return None;
            }
            (end, stop) = self.plain_on_line(next.at, ENDS_PLAIN);
        };
        self.push(Kind::Plain, start, end);
        self.content_from(behind)
    }

    /// The first line behind a break that is more than spaces.
    fn line_with_text(&self, mut stop: usize) -> Line {
        loop {
            let start = (stop + 1).min(self.bytes.len());
            let at = self.skip_spaces(start);
            if at == self.bytes.len() || self.byte(at) != b'\n' {
                return Line { start, at };
            }
            stop = at;
        }
    }

    /// The kind of a scalar in quotes and where it ends.
    pub(super) fn quoted(&self, start: usize, quote: u8) -> Option<(Kind, usize)> {
        let ends = if quote == b'"' { ENDS_DOUBLE } else { ENDS_SINGLE };
        let mut at = start + 1;
        loop {
            at += bytes::find(self.rest(at), ends);
            match (*self.bytes.get(at)?, quote) {
                (b'\n', _) if self.is_marker(at + 1) => return None,
                (b'\n', _) => at += 1,
                (b'\\', _) => at = self.escape(at + 1)?,
                (_, b'\'') if self.byte(at + 1) == b'\'' => at += 2,
                (_, b'\'') => return Some((Kind::SingleQuoted, at + 1)),
                _ => return Some((Kind::DoubleQuoted, at + 1)),
            }
        }
    }

    /// Behind what follows a backslash.
    fn escape(&self, at: usize) -> Option<usize> {
        match self.bytes.get(at)? {
            // The break counts as one of the text.
            b'\n' => Some(at),
            b'0' | b'a' | b'b' | b't' | b'\t' | b'n' | b'v' | b'f' | b'r' | b'e' => Some(at + 1),
            b' ' | b'"' | b'/' | b'\\' | b'N' | b'_' | b'L' | b'P' => Some(at + 1),
            b'x' => self.hexadecimal(at + 1, 2).map(|_| at + 3),
            // Halves of a surrogate pair are left to the parser.
            b'u' => {
                self.hexadecimal(at + 1, 4).filter(|digits| !digits.starts_with(['d', 'D'])).map(|_| at + 5)
            }
            _ => None,
        }
    }

    fn hexadecimal(&self, at: usize, length: usize) -> Option<&str> {
        let digits = self.src.get(at..at + length)?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits)
    }

    /// Adds a block scalar that keeps no breaks at its end (`+`) and has text to see.
    pub(super) fn block_scalar(&mut self, kind: Kind, header: usize) -> Option<Line> {
        let outer = self.column()?;
        let (stated, behind) = self.block_scalar_header(header);
        let first = self.idle_to_end(behind)?;
        let (mut start, indent) = match stated {
            Some(more) => (self.text_behind(first.checked_sub(1)?, outer + more).ok()?, outer + more),
            None => self.indent_of_text(first)?,
        };
        if indent <= outer {
            return None;
        }
        let mut seen = false;
        loop {
            let end = self.line_end(start + indent);
            seen = seen || !self.src.get(start + indent..end)?.trim().is_empty();
            match self.text_behind(end, indent) {
                Ok(next) => start = next,
                Err(next) if seen => {
                    self.push(kind, header, end);
                    return self.content_from(next);
                }
                Err(_) => return None,
            }
        }
    }

    /// The indent that a header states, and what stands behind it.
    fn block_scalar_header(&self, header: usize) -> (Option<usize>, usize) {
        let digit = |at: usize| match self.byte(at) {
            digit @ b'1'..=b'9' => Some(usize::from(digit - b'0')),
            _ => None,
        };
        let strips = |at: usize| usize::from(self.byte(at) == b'-');
        match digit(header + 1) {
            Some(more) => (Some(more), header + 2 + strips(header + 2)),
            None => {
                let behind = header + 1 + strips(header + 1);
                let stated = if behind > header + 1 { digit(behind) } else { None };
                (stated, behind + usize::from(stated.is_some()))
            }
        }
    }

    /// The first line of a block scalar's text and how far it is indented; nothing where a blank line before it is
    /// indented deeper.
    fn indent_of_text(&self, mut start: usize) -> Option<(usize, usize)> {
        let mut deepest = 0;
        loop {
            let at = self.skip_spaces(start);
            match self.bytes.get(at)? {
                b'\n' => {
                    deepest = deepest.max(at - start);
                    start = at + 1;
                }
                _ if at - start < deepest => return None,
                _ => return Some((start, at - start)),
            }
        }
    }

    /// The next line behind a break that is not blank: of the text where it is indented so far, else behind it.
    fn text_behind(&self, mut end: usize, indent: usize) -> Result<usize, usize> {
        loop {
            let start = (end + 1).min(self.bytes.len());
            let line = self.rest(start);
            let spaces = line.iter().take(indent).take_while(|byte| **byte == b' ').count();
            match line.get(spaces) {
                None => return Err(self.bytes.len()),
                Some(b'\n') => end = start + spaces,
                Some(_) if spaces == indent => return Ok(start),
                Some(_) => return Err(start),
            }
        }
    }
}
