//! Cutting a stream into documents while it is read, so that memory grows with the largest document only.
//!
//! A line that begins with `---` and a blank, or is nothing else, begins a document wherever it stands: YAML allows
//! such a line inside no scalar. Only a directive (`%…`) belongs to the document behind the mark, so there the
//! text is not cut and holds several documents.
//!
//! A stream that begins with `{` may also be JSON objects one after another, as `jq` prints them and kubectl reads them:
//! each is a document. A byte order mark on the line behind `---` begins a text of its own: that of a file appended there.

use std::fmt;
use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memmem};

/// The largest document that is read, in bytes. Clusters refuse anything above a few megabytes.
pub const MAX_DOCUMENT: usize = 256 << 20;

const READ_SIZE: usize = 64 << 10;

/// A part of a stream that can be parsed on its own.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'b> {
    /// Bytes before it in the stream.
    pub offset: u64,
    /// Lines before it in the stream.
    pub line: u64,
    /// Characters before it on its line: of JSON objects on one line.
    pub column: usize,
    /// Its text.
    pub text: &'b str,
}

/// Why a stream cannot be cut into documents.
#[derive(Debug)]
pub enum StreamError {
    /// Reading failed.
    Io(io::Error),
    /// The bytes are no text: `line` (from 0) and `column` (in bytes, from 0) of the first wrong one.
    NotText {
        /// Line, from 0.
        line: u64,
        /// Column in bytes, from 0.
        column: usize,
        /// What it is instead.
        message: &'static str,
    },
    /// A document of more than [`MAX_DOCUMENT`] bytes that starts at this line, from 0.
    TooLarge {
        /// Line, from 0.
        line: u64,
    },
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::NotText { message, .. } => f.write_str(message),
            Self::TooLarge { .. } => {
                write!(f, "this document has more than {} MiB; split it with `---` lines", MAX_DOCUMENT >> 20)
            }
        }
    }
}

impl std::error::Error for StreamError {}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a stream document by document.
#[derive(Debug)]
pub struct DocumentReader<R> {
    inner: R,
    buffer: Vec<u8>,
    /// Where the current document starts in the buffer.
    start: usize,
    /// Behind the current document.
    end: usize,
    /// Bytes of the buffer that were read.
    filled: usize,
    eof: bool,
    offset: u64,
    line: u64,
    column: usize,
    first_read: usize,
}

impl<R: Read> DocumentReader<R> {
    /// Reads from the start of a stream.
    pub fn new(inner: R) -> Self {
        Self::with_size_hint(inner, READ_SIZE)
    }

    /// Reads from the start of a stream that has about `size` bytes.
    pub fn with_size_hint(inner: R, size: usize) -> Self {
        Self {
            inner,
            // One byte more, so that the end is seen without growing.
            first_read: (size + 1).clamp(1, READ_SIZE),
            buffer: Vec::new(),
            start: 0,
            end: 0,
            filled: 0,
            eof: false,
            offset: 0,
            line: 0,
            column: 0,
        }
    }

    /// The next document, or nothing at the end of the stream. All documents joined are the stream.
    ///
    /// # Errors
    /// The stream cannot be read, is not text, or has a document that is too large.
    pub fn next_document(&mut self) -> Result<Option<Chunk<'_>>, StreamError> {
        let done = self.buffer.get(self.start..self.end).unwrap_or_default();
        self.offset += done.len() as u64;
        self.line += memchr_iter(b'\n', done).count() as u64;
        let last_line = memchr::memrchr(b'\n', done).map_or(0, |at| at + 1);
        let tail = done.get(last_line..).unwrap_or_default();
        let characters = tail.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        self.column = if last_line > 0 { characters } else { self.column + characters };
        self.start = self.end;
        let mut searched = self.start;
        let mut region = self.start;
        let mut object = Object::default();
        loop {
            let bytes = self.buffer.get(self.start..self.filled).unwrap_or_default();
            if let Some(length) = object.next(bytes).or_else(|| before_byte_order_mark(bytes)) {
                self.end = self.start + length;
                break;
            }
            match self.cut(&mut searched, &mut region) {
                Some(end) => {
                    self.end = end;
                    break;
                }
                None if self.eof => {
                    self.end = self.filled;
                    break;
                }
                None => {}
            }
            if self.filled - self.start > MAX_DOCUMENT {
                return Err(StreamError::TooLarge { line: self.line });
            }
            let moved = self.fill()?;
            searched -= moved;
            region -= moved;
        }
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(None);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(Chunk { offset: self.offset, line: self.line, column: self.column, text })),
            Err(error) => Err(self.not_text(self.start + error.valid_up_to())),
        }
    }

    /// Looks for the end of the current document in what has been read. A mark at the very end of the buffer waits
    /// for the byte behind it.
    fn cut(&self, searched: &mut usize, region: &mut usize) -> Option<usize> {
        let bytes = self.buffer.get(..self.filled).unwrap_or_default();
        loop {
            let rest = bytes.get(*searched..).unwrap_or_default();
            let Some(found) = memmem::find(rest, b"\n---") else {
                *searched = (*searched).max(self.filled.saturating_sub(3));
                return None;
            };
            let mark = *searched + found + 1;
            match bytes.get(mark + 3) {
                None if !self.eof => {
                    *searched += found;
                    return None;
                }
                None | Some(b' ' | b'\t' | b'\n' | b'\r') => {
                    let before = bytes.get(*region..mark).unwrap_or_default();
                    if !has_directive(before) {
                        return Some(mark);
                    }
                    *region = mark;
                }
                Some(_) => {}
            }
            *searched = mark;
        }
    }

    /// Reads more; says by how much the buffer's content moved to the front.
    fn fill(&mut self) -> Result<usize, StreamError> {
        let mut moved = 0;
        if self.start > 0 && self.start >= self.filled - self.start {
            self.buffer.copy_within(self.start..self.filled, 0);
            moved = self.start;
            self.filled -= moved;
            self.end -= moved;
            self.start = 0;
        }
        if self.filled == self.buffer.len() {
            let more = if self.buffer.is_empty() { self.first_read } else { READ_SIZE };
            self.buffer.resize((self.filled + more).max(self.buffer.len() * 2), 0);
        }
        let space = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let read = loop {
            match self.inner.read(space) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        let fresh = space.get(..read).unwrap_or_default();
        let nul = memchr(0, fresh).map(|i| self.filled + i);
        self.filled += read;
        self.eof = read == 0;
        match nul {
            Some(at) => Err(self.not_text(at)),
            None => Ok(moved),
        }
    }

    fn not_text(&self, at: usize) -> StreamError {
        let head = self.buffer.get(self.start..at).unwrap_or_default();
        let line_start = memchr::memrchr(b'\n', head).map_or(0, |i| i + 1);
        let bytes = self.buffer.get(self.start..self.filled).unwrap_or_default();
        let utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
        let message = if utf16 && self.offset == 0 {
            "this file is UTF-16, not UTF-8; convert it: `iconv -f UTF-16 -t UTF-8`"
        } else if self.buffer.get(at) == Some(&0) {
            "a NUL byte: this is a binary file, not a manifest"
        } else {
            "these bytes are not UTF-8; convert the file, e.g. `iconv -f GBK -t UTF-8`"
        };
        StreamError::NotText {
            line: self.line + memchr_iter(b'\n', head).count() as u64,
            column: head.len() - line_start,
            message,
        }
    }
}

/// How far a JSON object at the start of a document was followed.
#[derive(Debug, Default)]
struct Object {
    /// The bytes that were looked at.
    at: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Behind its closing brace.
    end: Option<usize>,
    /// It is none, or nothing like it follows.
    other: bool,
}

impl Object {
    /// Where another object begins behind this one. `bytes` are the document's as far as they were read.
    fn next(&mut self, bytes: &[u8]) -> Option<usize> {
        while let Some(byte) = bytes.get(self.at).copied().filter(|_| !self.other) {
            match (self.end, byte) {
                (_, b' ' | b'\t' | b'\r' | b'\n') if self.depth == 0 => {}
                (Some(end), b'{') => {
                    // Only what is JSON to the letter is cut: flow style may hold braces in other quotes and comments.
                    let head = bytes.get(..end).unwrap_or_default();
                    self.other = serde_json::from_slice::<serde::de::IgnoredAny>(head).is_err();
                    return (!self.other).then_some(self.at);
                }
                (Some(_), _) => self.other = true,
                (None, b'{') if self.depth == 0 => self.depth = 1,
                (None, _) if self.depth == 0 => self.other = true,
                (None, _) => self.step(byte),
            }
            self.at += 1;
        }
        None
    }

    /// Takes a byte inside of the object.
    fn step(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' if !self.in_string => self.depth += 1,
            b'}' | b']' if !self.in_string => {
                self.depth -= 1;
                self.end = (self.depth == 0).then_some(self.at + 1);
            }
            _ => {}
        }
    }
}

/// The length of a line `---` that a byte order mark follows.
fn before_byte_order_mark(bytes: &[u8]) -> Option<usize> {
    let length = if bytes.starts_with(b"---\r\n") { 5 } else { 4 };
    let line = bytes.starts_with(b"---\n") || length == 5;
    (line && bytes.get(length..)?.starts_with(b"\xef\xbb\xbf")).then_some(length)
}

/// Whether a line begins with `%`, so that what follows may be a directive of the next document.
fn has_directive(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.first() == Some(&b'%') || memmem::find(text, b"\n%").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, so that every mark is met at the end of the buffer once.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else {
                return Ok(0);
            };
            buf[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn cut(text: &str) -> Vec<String> {
        let mut reader = DocumentReader::new(Drip(text.as_bytes()));
        let mut found = Vec::new();
        while let Some(chunk) = reader.next_document().unwrap() {
            found.push(chunk.text.to_owned());
        }
        assert_eq!(found.concat(), text);
        found
    }

    #[test]
    fn documents_are_cut_at_marks_and_nowhere_else() {
        assert_eq!(
            cut("a: 1\n---\nb: 2\n---x: 3\n--- # c\n"),
            ["a: 1\n", "---\nb: 2\n---x: 3\n", "--- # c\n"]
        );
        assert_eq!(cut("a\r\n---\r\nb\n---"), ["a\r\n", "---\r\nb\n", "---"]);
        assert_eq!(cut("---\n---\n"), ["---\n", "---\n"]);
        assert!(cut("").is_empty());
    }

    #[test]
    fn a_directive_stays_with_the_document_behind_it() {
        assert_eq!(cut("%YAML 1.2\n---\na\n---\nb\n"), ["%YAML 1.2\n---\na\n", "---\nb\n"]);
        assert_eq!(cut("a\n...\n%YAML 1.2\n---\nb\n"), ["a\n...\n%YAML 1.2\n---\nb\n"]);
    }

    #[test]
    fn json_objects_one_after_another_are_documents() {
        assert_eq!(
            cut("{\"a\": \"} {\"}\n{}\n\n {\"b\": [{}]}\n"),
            ["{\"a\": \"} {\"}\n", "{}\n\n ", "{\"b\": [{}]}\n"]
        );
        assert_eq!(cut("{}{}---\n"), ["{}", "{}---\n"]);
        assert_eq!(cut("{\"a\": 1}\n{}\n---\nb: 1\n"), ["{\"a\": 1}\n", "{}\n", "---\nb: 1\n"]);
        for whole in ["{a: '} {'}", "{a: 1} {b: 2}", "a: {} {}\n", "# c\n{}{}", "{ # } {\n}", "---\n{}{}"] {
            assert_eq!(cut(whole), [whole]);
        }
        let mut reader = DocumentReader::new(&b"{}\n{\"\xc3\xa9\": 1} {}"[..]);
        let mut places = Vec::new();
        while let Some(chunk) = reader.next_document().unwrap() {
            places.push((chunk.offset, chunk.line, chunk.column));
        }
        assert_eq!(places, [(0, 0, 0), (3, 1, 0), (13, 1, 9)]);
    }

    #[test]
    fn a_byte_order_mark_behind_a_mark_begins_a_text() {
        assert_eq!(cut("a: 1\n---\n\u{feff}b: 2\n"), ["a: 1\n", "---\n", "\u{feff}b: 2\n"]);
    }

    #[test]
    fn positions_count_from_the_start_of_the_stream() {
        let mut reader = DocumentReader::new(&b"a\nb\n---\nc\n"[..]);
        reader.next_document().unwrap();
        let chunk = reader.next_document().unwrap().unwrap();
        assert_eq!((chunk.offset, chunk.line), (4, 2));
    }

    #[test]
    fn what_is_no_text_is_said_with_its_place() {
        let mut reader = DocumentReader::new(&b"a: b\nc: \xff\n"[..]);
        let Err(StreamError::NotText { line: 1, column: 3, .. }) = reader.next_document() else {
            panic!("not refused");
        };
        let mut reader = DocumentReader::new(&b"a\0"[..]);
        assert!(matches!(reader.next_document(), Err(StreamError::NotText { line: 0, column: 1, .. })));
    }
}
