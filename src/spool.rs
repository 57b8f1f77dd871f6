//! A log of edits that stays in memory while it is small and goes to an unlinked temporary file when it is not.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

use crate::input::IN_MEMORY;
use crate::yaml::Edit;

/// What is gathered before it goes to the spool, in bytes.
const BUFFER: usize = 64 << 10;

/// Edits of all inputs, one after the other.
#[derive(Debug)]
pub struct EditLog {
    spool: BufWriter<SpooledTempFile>,
    written: u64,
}

/// The edits of one input in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EditSpan {
    start: u64,
    /// How many there are.
    pub count: u64,
}

impl Default for EditLog {
    fn default() -> Self {
        Self::new()
    }
}

impl EditLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        let spool = tempfile::spooled_tempfile(IN_MEMORY);
        Self { spool: BufWriter::with_capacity(BUFFER, spool), written: 0 }
    }

    /// Starts the edits of another input.
    #[must_use]
    pub fn begin(&self) -> EditSpan {
        EditSpan { start: self.written, count: 0 }
    }

    /// Adds an edit to the span that was begun last.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn push(&mut self, span: &mut EditSpan, edit: &Edit) -> io::Result<()> {
        for number in [edit.start, edit.end, edit.text.len()] {
            self.spool.write_all(&(number as u64).to_le_bytes())?;
        }
        self.spool.write_all(edit.text.as_bytes())?;
        self.written += 24 + edit.text.len() as u64;
        span.count += 1;
        Ok(())
    }

    /// Reads the edits of a span, in order.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn read(&mut self, span: EditSpan) -> io::Result<impl Iterator<Item = io::Result<Edit>> + '_> {
        self.spool.flush()?;
        let spool = self.spool.get_mut();
        spool.seek(SeekFrom::Start(span.start))?;
        let mut reader = BufReader::new(spool);
        let mut left = span.count;
        Ok(std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            Some(read_edit(&mut reader))
        }))
    }
}

fn read_edit(reader: &mut impl Read) -> io::Result<Edit> {
    let mut number = || {
        let mut bytes = [0; 8];
        reader.read_exact(&mut bytes)?;
        usize::try_from(u64::from_le_bytes(bytes)).map_err(io::Error::other)
    };
    let (start, end, length) = (number()?, number()?, number()?);
    let mut text = vec![0; length];
    reader.read_exact(&mut text)?;
    Ok(Edit { start, end, text: String::from_utf8(text).map_err(io::Error::other)? })
}
