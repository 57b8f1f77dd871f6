//! Where text goes: stderr for people, stdout for the product. Nothing else in the program opens them to write.

use std::io::{self, Write};

use super::{Text, escape};

/// Prints a line on stderr. A reader that has gone is no error: there is nobody to report it to.
pub(crate) fn print_line(text: &Text) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Shows the cursor of the terminal again, which a prompt may have hidden.
pub(crate) fn show_cursor() {
    let _ = dialoguer::console::Term::stderr().show_cursor();
}

/// stdout for the product, which is written byte by byte as it is: manifests, diffs for `patch`, pages. What is made
/// for people is a [`Text`].
pub(crate) fn product() -> io::Stdout {
    io::stdout()
}

/// stderr for a whole report, whose lines are [`Text`] or JSON already. What is neither becomes harmless.
pub(crate) fn stderr() -> impl Write {
    Filter::new(io::BufWriter::new(io::stderr()))
}

/// A writer that escapes, line by line, what must not reach a terminal.
#[derive(Debug)]
pub(super) struct Filter<W: Write> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Filter<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, line: Vec::new() }
    }

    fn write_line(&mut self, end: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(&self.line);
        let text = escape::defuse(escape::line(&text).into_owned());
        self.line.clear();
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(end)
    }
}

impl<W: Write> Write for Filter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(rest) => {
                    self.line.extend_from_slice(rest);
                    self.write_line(b"\n")?;
                }
                None => self.line.extend_from_slice(part),
            }
        }
        Ok(bytes.len())
    }

    /// Writes the last line too, which must be complete then.
    fn flush(&mut self) -> io::Result<()> {
        self.write_line(b"")?;
        self.out.flush()
    }
}

impl<W: Write> Drop for Filter<W> {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_pieces_is_filtered_by_lines() {
        let mut out = Vec::new();
        let mut filter = Filter::new(&mut out);
        for piece in ["a\x1b\n :", ":error", "::x\n"] {
            filter.write_all(piece.as_bytes()).unwrap();
        }
        filter.write_all(&"é\u{9b}".as_bytes()[..3]).unwrap();
        filter.write_all(&"é\u{9b}".as_bytes()[3..]).unwrap();
        drop(filter);
        assert_eq!(String::from_utf8(out).unwrap(), "a\\u{1b}\n \\u{3a}:error::x\né\\u{9b}");
    }
}
