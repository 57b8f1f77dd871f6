//! Inputs: which files are meant, and their bytes, as often as they are needed.
//!
//! A regular file is read again when it is needed again; a pipe is kept in memory, above [`IN_MEMORY`] bytes in an
//! unlinked temporary file. Nothing here knows YAML.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use globset::{Glob, GlobSet, GlobSetBuilder};
use tempfile::SpooledTempFile;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::stdio;

/// What an input may take in memory, in bytes.
pub const IN_MEMORY: usize = 8 << 20;

/// What all inputs together may keep in memory between the two readings, in bytes.
const KEPT: u64 = 32 << 20;

/// How an input is changed in place.
const IN_PLACE: &str = "write to another file or patch it in place: `meshobs patch -i`";

/// The names that manifests have in a directory.
const EXTENSIONS: &[&str] = &["yaml", "yml", "json"];

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// As it is called in messages.
    pub name: String,
    /// The file; none is stdin.
    pub path: Option<PathBuf>,
    /// Where it goes below an output directory.
    pub relative: PathBuf,
    /// Whether it was named itself, not found in a directory that was.
    pub named: bool,
    /// The number of the settings that govern it; 0 for those of the run.
    pub profile: usize,
}

/// What makes an input that was read twice the same both times.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fingerprint {
    length: u64,
    modified: Option<SystemTime>,
}

impl Fingerprint {
    fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// The bytes of an input.
#[derive(Debug)]
pub enum Content {
    /// All of them.
    Memory(Vec<u8>),
    /// Those of a pipe, spooled.
    Spool(SpooledTempFile),
    /// Those of a regular file, to be read again.
    File(Reread),
}

/// A file that is read more than once.
#[derive(Debug)]
pub struct Reread {
    path: PathBuf,
    fingerprint: Fingerprint,
}

impl Content {
    /// How many bytes there are, where that is known without reading.
    #[must_use]
    pub fn size_hint(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::Spool(_) | Self::File(_) => IN_MEMORY,
        }
    }

    /// Reads them from the start.
    ///
    /// # Errors
    /// The file is gone, has changed, or cannot be read.
    pub fn reader(&mut self) -> io::Result<Box<dyn Read + '_>> {
        match self {
            Self::Memory(bytes) => Ok(Box::new(bytes.as_slice())),
            Self::Spool(spool) => {
                spool.seek(SeekFrom::Start(0))?;
                Ok(Box::new(spool))
            }
            Self::File(Reread { path, fingerprint }) => {
                let file = File::open(&*path)?;
                if Fingerprint::of(&file.metadata()?) != *fingerprint {
                    return Err(io::Error::other("the file changed while it was being read"));
                }
                Ok(Box::new(file))
            }
        }
    }
}

/// Opens inputs and watches how much they keep in memory together.
#[derive(Debug, Default)]
pub struct Opener {
    kept: u64,
}

impl Opener {
    /// Gets hold of an input's bytes.
    ///
    /// # Errors
    /// It is not there, not readable, or a directory.
    pub fn open(&mut self, input: &Input) -> io::Result<Content> {
        let Some(path) = &input.path else {
            return spool(&mut io::stdin().lock());
        };
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        if !metadata.is_file() {
            return spool(&mut file);
        }
        let length = metadata.len();
        if length > IN_MEMORY as u64 || self.kept + length > KEPT {
            let fingerprint = Fingerprint::of(&metadata);
            return Ok(Content::File(Reread { path: path.clone(), fingerprint }));
        }
        self.kept += length;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
        file.read_to_end(&mut bytes)?;
        Ok(Content::Memory(bytes))
    }
}

fn spool(from: &mut dyn Read) -> io::Result<Content> {
    let mut head = Vec::new();
    from.take(IN_MEMORY as u64).read_to_end(&mut head)?;
    if head.len() < IN_MEMORY {
        return Ok(Content::Memory(head));
    }
    let mut spool = tempfile::spooled_tempfile(0);
    io::copy(&mut head.as_slice(), &mut spool)?;
    drop(head);
    io::copy(from, &mut spool)?;
    Ok(Content::Spool(spool))
}

/// Turns what the user named into inputs: files as they are, `-` as stdin, directories as the manifests below them
/// in byte order.
///
/// Paths that are not there, named files that are empty, files that standard output goes to and directories without
/// manifests come back as errors beside the inputs, so that they can be told together with what is wrong inside of files.
///
/// # Errors
/// Globs that are none.
pub fn collect(paths: &[PathBuf], exclude: &[String]) -> Result<(Vec<Input>, Vec<Diagnostic>), Diagnostics> {
    let exclude = Exclude::new(exclude)?;
    let mut inputs = Vec::new();
    let mut errors = Vec::new();
    let stdin =
        Input { name: "<stdin>".into(), path: None, relative: "stdin.yaml".into(), named: true, profile: 0 };
    if paths.is_empty() {
        errors.extend(stdin_error());
        return Ok((vec![stdin], errors));
    }
    for path in paths {
        let name = path.display().to_string();
        if path.as_os_str() == "-" {
            if inputs.contains(&stdin) {
                errors.push(Diagnostic::whole("-", "stdin is named twice; it can be read once"));
            } else {
                errors.extend(stdin_error());
                inputs.push(stdin.clone());
            }
            continue;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let before = (inputs.len(), errors.len());
                walk(path, Path::new(""), &exclude, &mut inputs, &mut errors);
                if before == (inputs.len(), errors.len()) {
                    let message = "no .yaml, .yml or .json file in this directory; \
                                   name a directory with manifests";
                    errors.push(Diagnostic::whole(&name, message));
                }
                let found = inputs.get(before.0..).unwrap_or_default();
                errors.extend(found.iter().filter_map(output_error));
            }
            Ok(metadata) => {
                if let Some(message) = stdio::refusal(&name, &metadata, true, IN_PLACE) {
                    errors.push(Diagnostic::whole(&name, message));
                    continue;
                }
                let relative = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
                inputs.push(Input { name, path: Some(path.clone()), relative, named: true, profile: 0 });
            }
            Err(error) => errors.push(Diagnostic::whole(&name, io_message(&error))),
        }
    }
    Ok((inputs, errors))
}

/// Whether standard input is the file that standard output goes to.
fn stdin_error() -> Option<Diagnostic> {
    stdio::stdin_refusal(IN_PLACE).map(|message| Diagnostic::whole("<stdin>", message))
}

/// Whether a file of a directory is the one that standard output goes to.
fn output_error(input: &Input) -> Option<Diagnostic> {
    stdio::FileId::of_stdout()?;
    let metadata = fs::metadata(input.path.as_deref()?).ok()?;
    let message = stdio::refusal(&input.name, &metadata, false, IN_PLACE)?;
    Some(Diagnostic::whole(&input.name, message))
}

/// Adds the manifests below a directory in byte order of their paths. Hidden ones and linked directories are left
/// out.
fn walk(root: &Path, below: &Path, exclude: &Exclude, inputs: &mut Vec<Input>, errors: &mut Vec<Diagnostic>) {
    let directory = root.join(below);
    let mut unreadable = |path: &Path, error: &io::Error| {
        errors.push(Diagnostic::whole(&path.display().to_string(), io_message(error)));
    };
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) => return unreadable(&directory, &error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
            Ok(entry) => entry,
            Err(error) => {
                unreadable(&directory, &error);
                continue;
            }
        };
        let (kind, entry) = entry;
        let name = entry.file_name();
        let relative = below.join(&name);
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if hidden || exclude.matches(&relative) {
            continue;
        }
        let linked_file = || fs::metadata(entry.path()).is_ok_and(|target| target.is_file());
        let manifest = is_manifest_name(&relative);
        if kind.is_dir() {
            // A directory sorts as if its name ended in a slash, as its files' paths do.
            found.push((name.as_encoded_bytes().iter().chain(b"/").copied().collect(), true, relative));
        } else if manifest && (kind.is_file() || (kind.is_symlink() && linked_file())) {
            found.push((name.as_encoded_bytes().to_vec(), false, relative));
        } else if manifest
            && kind.is_symlink()
            && let Err(error) = fs::metadata(entry.path())
        {
            unreadable(&entry.path(), &error);
        }
    }
    found.sort();
    for (_, is_directory, relative) in found {
        if is_directory {
            walk(root, &relative, exclude, inputs, errors);
        } else {
            let path = root.join(&relative);
            let name = path.display().to_string();
            inputs.push(Input { name, path: Some(path), relative, named: false, profile: 0 });
        }
    }
}

/// Whether a file's name ends as those of manifests do.
#[must_use]
pub fn is_manifest_name(path: &Path) -> bool {
    path.extension().is_some_and(|e| EXTENSIONS.iter().any(|known| e.eq_ignore_ascii_case(known)))
}

/// Globs of files that are left out: with a slash they are matched against the path below the directory named,
/// without one against every part of it.
#[derive(Debug)]
struct Exclude {
    names: GlobSet,
    paths: GlobSet,
}

impl Exclude {
    fn new(globs: &[String]) -> Result<Self, Diagnostics> {
        let mut names = GlobSetBuilder::new();
        let mut paths = GlobSetBuilder::new();
        for glob in globs {
            let invalid = |error: globset::Error| {
                let message = format!("invalid glob `{glob}` (--exclude): {}", error.kind());
                Diagnostics::from(Diagnostic::whole("meshobs", message))
            };
            let trimmed = glob.trim_end_matches('/');
            let compiled = Glob::new(trimmed.trim_start_matches("./")).map_err(invalid)?;
            if trimmed.contains('/') {
                paths.add(compiled)
            } else {
                names.add(compiled)
            };
        }
        let build = |builder: GlobSetBuilder| {
            builder
                .build()
                .map_err(|error| Diagnostics::from(Diagnostic::whole("meshobs", error.to_string())))
        };
        Ok(Self { names: build(names)?, paths: build(paths)? })
    }

    fn matches(&self, relative: &Path) -> bool {
        self.paths.is_match(relative) || relative.file_name().is_some_and(|name| self.names.is_match(name))
    }
}

/// An I/O error in words, with what to do.
#[must_use]
pub fn io_message(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory; check the path".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied; check who may read and write it".to_owned(),
        io::ErrorKind::IsADirectory => "this is a directory; name a file".to_owned(),
        _ => error.to_string(),
    }
}
