//! A unified diff made from the edits themselves: no file is compared as a whole, so it takes one pass and little
//! memory. Only within the lines that edits touch are old and new text compared.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, BufRead, Write};

use similar::{ChangeTag, TextDiff};

use crate::gate;
use crate::secret;
use crate::yaml::Edit;

/// How a diff is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Unchanged lines around a change.
    pub context: usize,
    /// Whether colours are used.
    pub color: bool,
    /// Whether it goes to a terminal: characters that drive or deceive one are shown escaped. For `patch` every byte
    /// is as in the file.
    pub terminal: bool,
    /// Whether tokens are shown. Where one is masked the hunk says so: a diff like that is not for applying.
    pub show_secrets: bool,
}

/// What stands behind the ranges of a hunk with masked tokens.
const MASKED: &str = " tokens masked, not for applying (see --show-secrets)";

/// Writes the diff of one file.
#[derive(Debug)]
pub struct Diff<'w, W> {
    out: &'w mut W,
    /// The names of the two sides, until they are written.
    header: Option<String>,
    style: Style,
    /// Lines before the next one, from 0.
    old: u64,
    new: u64,
    before: VecDeque<String>,
    hunk: Vec<(ChangeTag, String)>,
    hunk_old: u64,
    hunk_new: u64,
    trailing: usize,
    masked: bool,
}

impl<'w, W: Write> Diff<'w, W> {
    /// The diff of a file of this name: its two sides are named in front of the first hunk.
    pub fn new(out: &'w mut W, style: Style, name: &str) -> Self {
        // Neither patch nor git takes a name that leaves the folder it is applied in.
        let name = name.trim_start_matches("../").trim_start_matches("./").trim_start_matches('/');
        let tab = if name.contains(' ') { "\t" } else { "" };
        let side = |letter: char| gate::diff_name(&format!("{letter}/{name}")).into_owned();
        let (bold, off) = if style.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        let header = format!("{bold}--- {}{tab}{off}\n{bold}+++ {}{tab}{off}\n", side('a'), side('b'));
        Self {
            out,
            header: Some(header),
            style,
            old: 0,
            new: 0,
            before: VecDeque::new(),
            hunk: Vec::new(),
            hunk_old: 0,
            hunk_new: 0,
            trailing: 0,
            masked: false,
        }
    }

    /// Writes the hunks: `old` is the file, `edits` are in order. Says whether a token was masked.
    ///
    /// # Errors
    /// `old` or `edits` cannot be read or `out` not be written.
    pub fn hunks(
        mut self,
        mut old: impl BufRead,
        edits: impl Iterator<Item = io::Result<Edit>>,
    ) -> io::Result<bool> {
        let mut edits = edits.peekable();
        let mut offset = 0;
        let mut line = String::new();
        loop {
            line.clear();
            let start = offset;
            let mut eof = read(&mut old, &mut line, &mut offset)?;
            if line.is_empty() && edits.peek().is_none() {
                break;
            }
            let mut touched: Vec<Edit> = Vec::new();
            // Whole lines on both sides: an edit may take the break that ends its last line.
            loop {
                while let Some(next) = edits.peek() {
                    let (from, to) = match next {
                        Ok(edit) => (edit.start, edit.end),
                        Err(_) => (start, start),
                    };
                    if from >= offset && !eof {
                        break;
                    }
                    while to > offset && !eof {
                        eof = read(&mut old, &mut line, &mut offset)?;
                    }
                    if let Some(edit) = edits.next() {
                        let edit = edit?;
                        touched.push(Edit { start: edit.start - start, end: edit.end - start, ..edit });
                    }
                }
                if eof || ends_lines(&line, &touched) {
                    break;
                }
                eof = read(&mut old, &mut line, &mut offset)?;
            }
            if touched.is_empty() {
                self.push(ChangeTag::Equal, &line)?;
                continue;
            }
            let changed = crate::yaml::apply(&line, &touched).map_err(io::Error::other)?;
            // Lines end in a line feed, as they do for those who read the diff.
            let before: Vec<&str> = line.split_inclusive('\n').collect();
            let after: Vec<&str> = changed.split_inclusive('\n').collect();
            for change in TextDiff::from_slices(&before, &after).iter_all_changes() {
                self.push(change.tag(), change.value())?;
            }
        }
        self.close()?;
        Ok(self.masked)
    }

    fn push(&mut self, tag: ChangeTag, line: &str) -> io::Result<()> {
        if tag == ChangeTag::Equal && self.hunk.is_empty() {
            self.before.push_back(line.to_owned());
            if self.before.len() > self.style.context {
                self.before.pop_front();
            }
        } else {
            if self.hunk.is_empty() {
                self.hunk_old = self.old - self.before.len() as u64;
                self.hunk_new = self.new - self.before.len() as u64;
                self.hunk.extend(self.before.drain(..).map(|line| (ChangeTag::Equal, line)));
            }
            self.hunk.push((tag, line.to_owned()));
            self.trailing = if tag == ChangeTag::Equal { self.trailing + 1 } else { 0 };
        }
        self.old += u64::from(tag != ChangeTag::Insert);
        self.new += u64::from(tag != ChangeTag::Delete);
        if self.trailing > self.style.context * 2 { self.close() } else { Ok(()) }
    }

    /// Writes the hunk that is open; the lines behind its context wait for the next one.
    fn close(&mut self) -> io::Result<()> {
        if self.hunk.is_empty() {
            return Ok(());
        }
        if let Some(header) = self.header.take() {
            write!(self.out, "{header}")?;
        }
        let surplus = self.trailing.saturating_sub(self.style.context);
        let rest = self.hunk.split_off(self.hunk.len() - surplus);
        let keep = rest.len().saturating_sub(self.style.context);
        self.before.extend(rest.into_iter().skip(keep).map(|(_, line)| line));
        self.trailing = 0;
        let count = |not: ChangeTag| self.hunk.iter().filter(|(tag, _)| *tag != not).count();
        let old = range(self.hunk_old, count(ChangeTag::Insert));
        let new = range(self.hunk_new, count(ChangeTag::Delete));
        let mut note = "";
        if !self.style.show_secrets {
            for (_, line) in self.hunk.iter_mut().filter(|(_, line)| secret::may_hold_token(line)) {
                let masked = secret::mask(line);
                if masked != *line {
                    (*line, note, self.masked) = (masked, MASKED, true);
                }
            }
        }
        self.line("\x1b[36m", &format!("@@ -{old} +{new} @@{note}"))?;
        for (tag, line) in std::mem::take(&mut self.hunk) {
            let (color, mark) = match tag {
                ChangeTag::Equal => ("", ' '),
                ChangeTag::Delete => ("\x1b[31m", '-'),
                ChangeTag::Insert => ("\x1b[32m", '+'),
            };
            let (text, complete) = match line.strip_suffix('\n') {
                Some(text) => (text, true),
                None => (line.as_str(), false),
            };
            let text = if self.style.terminal { gate::diff_line(text) } else { Cow::Borrowed(text) };
            self.line(color, &format!("{mark}{text}"))?;
            if !complete {
                self.line("", "\\ No newline at end of file")?;
            }
        }
        Ok(())
    }

    fn line(&mut self, color: &str, text: &str) -> io::Result<()> {
        let colored = self.style.color && !color.is_empty();
        let (on, off) = if colored { (color, "\x1b[0m") } else { ("", "") };
        writeln!(self.out, "{on}{text}{off}")
    }
}

/// Adds a line to a text and to an offset; whether none is left behind it.
fn read(old: &mut impl BufRead, text: &mut String, offset: &mut usize) -> io::Result<bool> {
    let count = old.read_line(text)?;
    *offset += count;
    Ok(count == 0 || !text.ends_with('\n'))
}

/// Whether a text still ends where a line does once its edits are made.
fn ends_lines(text: &str, edits: &[Edit]) -> bool {
    match edits.last() {
        Some(edit) if edit.end == text.len() => edit.text.ends_with('\n'),
        _ => text.ends_with('\n'),
    }
}

/// A range as hunks name it: first line (the one before, if there are none) and count.
fn range(before: u64, count: usize) -> String {
    match count {
        0 => format!("{before},0"),
        1 => format!("{}", before + 1),
        _ => format!("{},{count}", before + 1),
    }
}
