//! The files behind standard input and output, so that no file is read while it is written: `meshobs patch f > f`.
//!
//! The shell opens, and with `>` empties, the output before the program starts. So the loss can only be reported, and
//! a second run must not make it look like success.

use std::fs::Metadata;
use std::io;

use crate::gate::{Word, text};

/// What tells one file of this machine from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The identity of a regular file; none for pipes, terminals, devices and directories.
    #[cfg(unix)]
    pub(crate) fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        metadata.is_file().then(|| Self { device: metadata.dev(), inode: metadata.ino() })
    }

    /// Elsewhere the standard library does not tell.
    #[cfg(not(unix))]
    pub(crate) fn of(_: &Metadata) -> Option<Self> {
        None
    }

    /// The file that standard output goes to.
    pub(crate) fn of_stdout() -> Option<Self> {
        Self::of(&stdout()?)
    }

    /// The file that standard input comes from.
    pub(crate) fn of_stdin() -> Option<Self> {
        Self::of(&stdin()?)
    }
}

#[cfg(unix)]
fn stdout() -> Option<Metadata> {
    use std::os::fd::AsFd as _;
    let descriptor = io::stdout().as_fd().try_clone_to_owned().ok()?;
    std::fs::File::from(descriptor).metadata().ok()
}

#[cfg(unix)]
fn stdin() -> Option<Metadata> {
    use std::os::fd::AsFd as _;
    let descriptor = io::stdin().as_fd().try_clone_to_owned().ok()?;
    std::fs::File::from(descriptor).metadata().ok()
}

#[cfg(not(unix))]
fn stdout() -> Option<Metadata> {
    None
}

#[cfg(not(unix))]
fn stdin() -> Option<Metadata> {
    None
}

/// What is wrong with an input that must not be read. `way` says how to change the file in place.
///
/// An empty file is refused where `named`: a redirection may have emptied it. In a directory empty files are normal.
pub(crate) fn refusal(name: &str, metadata: &Metadata, named: bool, way: &str) -> Option<String> {
    let file = FileId::of(metadata);
    if file.is_some() && file == FileId::of_stdout() {
        return Some(clash(name, metadata.len() == 0, way));
    }
    // Files of /proc have no length but content; they are no manifests.
    let empty = named && metadata.is_file() && metadata.len() == 0;
    empty.then(|| {
        format!(
            "the file is empty (0 bytes); if a redirection (`> {0}`) emptied it, restore what it held \
             (`git restore {0}`, or a backup), then {way}",
            quoted(name)
        )
    })
}

/// What is wrong with standard input where it is the file that standard output goes to.
pub(crate) fn stdin_refusal(way: &str) -> Option<String> {
    let metadata = stdin()?;
    let file = FileId::of(&metadata)?;
    (Some(file) == FileId::of_stdout()).then(|| clash("FILE", metadata.len() == 0, way))
}

fn clash(name: &str, emptied: bool, way: &str) -> String {
    let name = quoted(name);
    if emptied {
        return format!(
            "is both input and standard output, and a redirection (`> {name}`) empties the file before meshobs starts; \
             restore what it held (`git restore {name}`, or a backup), then {way}"
        );
    }
    format!("is both input and standard output, so its own text would be overwritten or appended to; {way}")
}

/// A file's name as a shell and a program take it.
fn quoted(name: &str) -> String {
    let lead = if name.starts_with('-') { "./" } else { "" };
    text!("{}", Word(format!("{lead}{name}"))).to_string()
}
