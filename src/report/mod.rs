//! What is said about a run: one entry a resource, notes, warnings, a summary; as text or as JSON.
//!
//! Entries are rendered as they come and kept in a spool until the run has succeeded, so that memory does not grow
//! with the input and a failed run reports its errors only.

mod diff;
mod json;
mod text;

use std::io::{self, BufWriter, Seek as _, SeekFrom, Write};

use serde::Serialize;
use tempfile::SpooledTempFile;

pub use diff::{Diff, Style as DiffStyle};

use crate::diagnostic::Diagnostics;
use crate::input::IN_MEMORY;
use crate::rule::NewResource;
use crate::secret;

/// What is gathered before it goes to the spool, in bytes.
const BUFFER: usize = 64 << 10;

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// Kept, for a program of ours to write: see [`Report::into_kept`].
    #[value(skip)]
    Kept,
    /// None at all: nothing is gathered for it.
    #[value(skip)]
    Silent,
}

/// What a report of format [`Format::Kept`] holds.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// One entry a resource.
    pub entries: Vec<Entry>,
    /// Warnings about inputs.
    pub warnings: Vec<Remark>,
}

/// Something at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The input, as the user named it.
    pub path: String,
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: usize,
    /// Bytes before it in the input.
    #[serde(skip)]
    pub offset: usize,
    /// What.
    pub message: String,
}

/// What was not done to a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The rule that skipped, or none where no rule was asked.
    pub rule: Option<&'static str>,
    /// Why.
    pub reason: String,
    /// Whether the resource stays unobserved by it.
    pub dark: bool,
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: usize,
    /// Bytes before it in the input.
    #[serde(skip)]
    pub offset: usize,
}

/// What came of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The input, as the user named it.
    pub path: String,
    /// Line of the resource, from 1.
    pub line: u64,
    /// Bytes before the resource in the input.
    #[serde(skip)]
    pub offset: usize,
    /// `kind/name`.
    pub resource: String,
    /// As written.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// As written.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The rules that changed it.
    pub patched: Vec<&'static str>,
    /// What was left.
    pub skipped: Vec<Skipped>,
    /// What else is to be known.
    pub notes: Vec<Remark>,
}

impl Entry {
    /// One about a resource that was added, at the line where it begins or of what it was added beside.
    #[must_use]
    pub fn added(path: &str, line: u64, title: String, resource: &NewResource) -> Self {
        Self {
            path: path.to_owned(),
            line,
            offset: 0,
            resource: title,
            api_version: resource.api_version.to_owned(),
            kind: resource.kind.to_owned(),
            name: resource.name.clone(),
            patched: vec!["added"],
            skipped: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Takes tokens out of what comes from the input.
    fn mask(&mut self) {
        let reasons = self.skipped.iter_mut().map(|skip| &mut skip.reason);
        let notes = self.notes.iter_mut().map(|note| &mut note.message);
        let names = [&mut self.resource, &mut self.name, &mut self.kind, &mut self.api_version];
        for text in names.into_iter().chain(reasons).chain(notes) {
            if secret::may_hold_token(text) {
                *text = secret::mask(text);
            }
        }
    }
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Inputs read.
    pub files: u64,
    /// Resources seen.
    pub resources: u64,
    /// Resources changed.
    pub patched: u64,
    /// Resources left as they are because nothing was missing.
    pub unchanged: u64,
    /// Resources left as they are for a reason.
    pub skipped: u64,
    /// Warnings and notes.
    pub warnings: u64,
}

/// What is said of a run as a whole.
#[derive(Debug, Default)]
struct Overview {
    /// What is no Kubernetes object, where the output goes to a cluster, and not in it: inputs, or documents as
    /// `path:line`.
    left_out: Vec<String>,
    /// Those that are, because they were named.
    passed: Vec<String>,
    /// What else is to be known of the run as a whole.
    notes: Vec<String>,
}

/// Gathers what is to be said.
#[derive(Debug)]
pub struct Report {
    format: Format,
    verbose: bool,
    /// Whether inputs are named in front of their entries.
    headings: bool,
    /// Whether what is reported is only looked at.
    dry: bool,
    /// What is done to resources.
    verb: &'static str,
    heading: String,
    summary: Summary,
    /// Whether anything was skipped or warned about.
    remarks: bool,
    overview: Overview,
    kept: Kept,
    spool: BufWriter<SpooledTempFile>,
}

impl Report {
    /// An empty report. With `headings` the entries of each input stand below its name.
    #[must_use]
    pub fn new(format: Format, verbose: bool, headings: bool) -> Self {
        Self {
            format,
            verbose,
            headings,
            dry: false,
            verb: "patched",
            heading: String::new(),
            summary: Summary::default(),
            remarks: false,
            overview: Overview::default(),
            kept: Kept::default(),
            spool: BufWriter::with_capacity(BUFFER, tempfile::spooled_tempfile(IN_MEMORY)),
        }
    }

    /// Whether there is more to say than what was done.
    #[must_use]
    pub fn has_remarks(&self) -> bool {
        self.remarks
    }

    /// Whether nothing that is reported is ever shown, so that callers need not put it together.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.format == Format::Silent
    }

    /// Nothing of what is reported is written anywhere.
    pub fn nothing_is_written(&mut self) {
        self.dry = true;
    }

    /// What the rules wrote was taken out, not put in.
    pub fn takes_out(&mut self) {
        self.verb = "unpatched";
    }

    /// Counts an input.
    pub fn file(&mut self) {
        self.summary.files += 1;
    }

    /// Adds a resource.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub fn entry(&mut self, mut entry: Entry) -> io::Result<()> {
        if self.is_silent() {
            return Ok(());
        }
        entry.mask();
        self.summary.resources += 1;
        self.summary.warnings += entry.notes.len() as u64;
        self.remarks |= !entry.skipped.is_empty() || !entry.notes.is_empty();
        if !entry.patched.is_empty() {
            self.summary.patched += 1;
        } else if entry.skipped.is_empty() {
            self.summary.unchanged += 1;
        } else {
            self.summary.skipped += 1;
        }
        match self.format {
            Format::Text => {
                self.text_heading(&entry.path)?;
                text::entry(&mut self.spool, &entry)
            }
            Format::Json => json::record(&mut self.spool, "resource", &entry),
            Format::Kept => {
                self.kept.entries.push(entry);
                Ok(())
            }
            Format::Silent => Ok(()),
        }
    }

    /// Adds a warning about an input.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub fn warning(&mut self, remark: &Remark) -> io::Result<()> {
        self.summary.warnings += 1;
        self.remarks = true;
        match self.format {
            Format::Text => {
                self.text_heading(&remark.path)?;
                text::remark(&mut self.spool, "warning: ", remark)
            }
            Format::Json => json::record(&mut self.spool, "warning", remark),
            Format::Kept => {
                self.kept.warnings.push(remark.clone());
                Ok(())
            }
            Format::Silent => Ok(()),
        }
    }

    /// Adds something that was left alone because it is no resource: said with `-v` only.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub fn ignored(&mut self, remark: &Remark) -> io::Result<()> {
        if !self.verbose {
            return Ok(());
        }
        match self.format {
            Format::Text => {
                self.text_heading(&remark.path)?;
                text::remark(&mut self.spool, "", remark)
            }
            Format::Json => json::record(&mut self.spool, "ignored", remark),
            Format::Kept | Format::Silent => Ok(()),
        }
    }

    /// Adds what is no object and not in the output.
    pub fn left_out(&mut self, names: Vec<String>) {
        self.remarks |= !names.is_empty();
        self.overview.left_out.extend(names);
    }

    /// Adds what is to be known of the run as a whole.
    pub fn note(&mut self, note: String) {
        self.overview.notes.push(note);
    }

    /// Adds what is no object and in the output all the same.
    pub fn passed(&mut self, names: Vec<String>) {
        self.remarks |= !names.is_empty();
        self.overview.passed.extend(names);
    }

    fn text_heading(&mut self, path: &str) -> io::Result<()> {
        if self.headings && self.heading != path {
            path.clone_into(&mut self.heading);
            text::heading(&mut self.spool, path)?;
        }
        Ok(())
    }

    /// What was kept, for a format that this module does not know.
    #[must_use]
    pub fn into_kept(self) -> Kept {
        self.kept
    }

    /// Writes the whole report; a silent one has nothing to write.
    ///
    /// # Errors
    /// The spool cannot be read or `out` not be written.
    pub fn finish(mut self, out: &mut dyn Write, written: &[String]) -> io::Result<()> {
        self.spool.flush()?;
        let spool = self.spool.get_mut();
        spool.seek(SeekFrom::Start(0))?;
        match self.format {
            Format::Text => {
                io::copy(spool, out)?;
                text::overview(out, &self.overview, self.verbose)?;
                text::summary(out, &self.summary, (self.dry, self.verb), written.len())
            }
            Format::Json => json::finish(out, spool, &self.overview, &self.summary, written),
            Format::Kept | Format::Silent => Ok(()),
        }
    }
}

/// Writes errors in the format asked for.
///
/// # Errors
/// `out` cannot be written.
pub fn errors(out: &mut dyn Write, format: Format, errors: &Diagnostics) -> io::Result<()> {
    match format {
        Format::Text | Format::Kept | Format::Silent => writeln!(out, "{errors}"),
        Format::Json => json::errors(out, errors),
    }
}
