//! Writing a plan out: one stream, a diff, files in place, a tree. Files are staged beside their targets and put in
//! place by renaming, all of them after all were staged.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, Permissions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use tempfile::TempPath;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::input::io_message;
use crate::patch::{First, Plan, Planned};
use crate::report::{Diff, DiffStyle};
use crate::spool::EditLog;
use crate::stdio::FileId;
use crate::yaml::Edit;

const BUFFER: usize = 64 << 10;

/// Why output failed.
#[derive(Debug)]
pub enum OutputError {
    /// Standard output cannot be written; a closed pipe is among these.
    Stdout(io::Error),
    /// Files that cannot be read again or written.
    Files(Diagnostics),
}

impl OutputError {
    fn file(name: impl std::fmt::Display, error: &io::Error) -> Self {
        Self::Files(Diagnostic::whole(&name.to_string(), io_message(error)).into())
    }
}

/// Keeps errors of reading an input apart from those of writing the output.
struct Tagged<R> {
    inner: R,
    failed: bool,
}

impl<R: Read> Read for Tagged<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(buf);
        self.failed |= result.is_err();
        result
    }
}

/// Writes all inputs, patched, as one stream.
///
/// # Errors
/// An input cannot be read again, or `out` not be written.
pub fn stream(plan: &mut Plan, out: &mut dyn Write) -> Result<(), OutputError> {
    let mut out = BufWriter::with_capacity(BUFFER, out);
    let Plan { files, log, .. } = plan;
    let mut before: Option<Join> = None;
    let count = files.iter().filter(|file| !file.left_out).count();
    for (i, file) in files.iter_mut().filter(|file| !file.left_out).enumerate() {
        let joint = match &mut before {
            None if count > 1 && file.seam.brace => format!("---{}", file.seam.newline),
            None => String::new(),
            Some(join) => join.with(file),
        };
        let skip_mark = before.is_some();
        out.write_all(joint.as_bytes()).map_err(OutputError::Stdout)?;
        let objects = if count > 1 { separators(file) } else { Vec::new() };
        write_one(file, log, skip_mark, i + 1 < count, objects, &mut out)?;
        Join::step(&mut before, file);
    }
    out.flush().map_err(OutputError::Stdout)
}

/// Writes all inputs, patched, as one stream; where that is blank, another text in its place.
///
/// # Errors
/// An input cannot be read again, or `out` not be written.
pub fn stream_or(plan: &mut Plan, out: &mut dyn Write, empty: Option<&str>) -> Result<(), OutputError> {
    let Some(empty) = empty else { return stream(plan, out) };
    let mut watched = Watched { out, blank: true };
    stream(plan, &mut watched)?;
    let Watched { out, blank } = watched;
    if blank { out.write_all(empty.as_bytes()).map_err(OutputError::Stdout) } else { Ok(()) }
}

/// A writer that knows whether all it wrote was blank.
struct Watched<'w> {
    out: &'w mut dyn Write,
    blank: bool,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.blank &= bytes.trim_ascii().is_empty();
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The text of each input with its edits in it.
///
/// # Errors
/// An input cannot be read again.
pub fn texts(plan: &mut Plan) -> Result<Vec<Vec<u8>>, OutputError> {
    let Plan { files, log, .. } = plan;
    let mut texts = Vec::with_capacity(files.len());
    for file in files.iter_mut() {
        let mut text = Vec::new();
        write_one(file, log, false, false, Vec::new(), &mut text)?;
        texts.push(text);
    }
    Ok(texts)
}

/// What stands at the end of the stream so far.
struct Join {
    open: bool,
    ended: bool,
    missing_break: Option<&'static str>,
    newline: &'static str,
}

impl Join {
    fn step(before: &mut Option<Join>, file: &Planned) {
        let seam = &file.seam;
        let open_before = before.as_ref().is_some_and(|join| join.open);
        let ended_before = before.as_ref().is_some_and(|join| join.ended);
        let (open, ended) =
            if seam.first == First::Nothing { (open_before, ended_before) } else { (seam.open, seam.ended) };
        let newline = if seam.newline.is_empty() { "\n" } else { seam.newline };
        *before = Some(Join { open, ended, missing_break: seam.missing_break, newline });
    }

    /// The text to be put in front of the next input.
    fn with(&mut self, file: &Planned) -> String {
        let mut text = self.missing_break.take().unwrap_or("").to_owned();
        match file.seam.first {
            First::Content if self.open => {
                text.push_str("---");
                text.push_str(self.newline);
            }
            // A directive may follow the end of a document only where `...` says so.
            First::Directive if self.open && !self.ended => {
                text.push_str("...");
                text.push_str(self.newline);
            }
            _ => {}
        }
        text
    }
}

/// A `---` in front of each JSON object but the first one: between other documents kubectl reads no bare sequence of them.
fn separators(file: &Planned) -> Vec<Edit> {
    let text = format!("\n---{}", file.seam.newline);
    let edit = |start: &usize| Edit { start: *start, end: *start, text: text.clone() };
    file.seam.objects.iter().map(edit).collect()
}

fn write_one(
    file: &mut Planned,
    log: &mut EditLog,
    drop_mark: bool,
    more_follows: bool,
    mut more: Vec<Edit>,
    out: &mut impl Write,
) -> Result<(), OutputError> {
    let name = file.input.name.clone();
    let edits = log.read(file.edits).map_err(|error| OutputError::file(&name, &error))?;
    let strip = file.seam.strip.clone().filter(|_| more_follows);
    if strip.is_none() && more.is_empty() {
        return copy_tagged(file, edits, drop_mark, &name, out);
    }
    let mut edits: Vec<io::Result<Edit>> = edits.collect();
    let known = |strip: &Edit| {
        let mut known = edits.iter().flatten();
        known.any(|edit| edit.end > strip.start && edit.start < strip.end)
    };
    more.extend(strip.filter(|strip| !known(strip)));
    edits.extend(more.into_iter().map(Ok));
    edits.sort_by_key(|edit| edit.as_ref().map_or(0, |edit| edit.start));
    copy_tagged(file, edits.into_iter(), drop_mark, &name, out)
}

fn copy_tagged(
    file: &mut Planned,
    edits: impl Iterator<Item = io::Result<Edit>>,
    drop_mark: bool,
    name: &str,
    out: &mut impl Write,
) -> Result<(), OutputError> {
    let reader = file.content.reader().map_err(|error| OutputError::file(name, &error))?;
    let mut reader = Tagged { inner: reader, failed: false };
    let result = splice(&mut reader, edits, drop_mark, out);
    match result {
        Ok(()) => Ok(()),
        Err(error) if reader.failed => Err(OutputError::file(name, &error)),
        Err(error) => Err(OutputError::Stdout(error)),
    }
}

/// Copies a stream with its edits put in; `drop_mark` leaves out a byte order mark at its start.
fn splice(
    reader: &mut impl Read,
    edits: impl Iterator<Item = io::Result<Edit>>,
    drop_mark: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let mut reader = BufReader::with_capacity(BUFFER, reader);
    let mut at = 0;
    let mut head = Vec::new();
    if drop_mark {
        reader.by_ref().take(MARK.len() as u64).read_to_end(&mut head)?;
        if head == MARK {
            at = head.len();
            head.clear();
        }
    }
    let mut reader = head.as_slice().chain(reader);
    for edit in edits {
        let edit = edit?;
        let keep = edit.start.saturating_sub(at) as u64;
        if io::copy(&mut reader.by_ref().take(keep), out)? != keep {
            return Err(io::Error::other("the input is shorter than it was"));
        }
        out.write_all(edit.text.as_bytes())?;
        let drop = edit.end.saturating_sub(edit.start.max(at)) as u64;
        io::copy(&mut reader.by_ref().take(drop), &mut io::sink())?;
        at = edit.end;
    }
    io::copy(&mut reader, out)?;
    Ok(())
}

/// Writes what changes as unified diffs. Says whether a token was masked.
///
/// # Errors
/// An input cannot be read again, or `out` not be written.
pub fn diff(plan: &mut Plan, out: &mut dyn Write, style: DiffStyle) -> Result<bool, OutputError> {
    let mut out = BufWriter::with_capacity(BUFFER, out);
    let mut any = false;
    let Plan { files, log, .. } = plan;
    for file in files.iter_mut().filter(|file| file.edits.count > 0) {
        let name = file.input.name.clone();
        let shown = if file.input.path.is_some() { name.clone() } else { "stdin".to_owned() };
        let failed = |error: &io::Error| OutputError::file(&name, error);
        let edits = log.read(file.edits).map_err(|error| failed(&error))?;
        let reader = file.content.reader().map_err(|error| failed(&error))?;
        let mut reader = Tagged { inner: reader, failed: false };
        let result =
            Diff::new(&mut out, style, &shown).hunks(BufReader::with_capacity(BUFFER, &mut reader), edits);
        match result {
            Ok(masked) => any |= masked,
            Err(error) if reader.failed => return Err(failed(&error)),
            Err(error) => return Err(OutputError::Stdout(error)),
        }
    }
    out.flush().map_err(OutputError::Stdout)?;
    Ok(any)
}

/// A file that is complete beside its target.
struct Staged {
    temporary: TempPath,
    target: PathBuf,
    backup: Option<(PathBuf, String)>,
    name: String,
}

/// Replaces every input that changes. Says which were replaced.
///
/// # Errors
/// An input cannot be read again or replaced. Nothing is replaced before all are staged.
pub fn in_place(plan: &mut Plan, backup: Option<&str>) -> Result<Vec<String>, OutputError> {
    let Plan { files, log, .. } = plan;
    let sources = Sources::of(files);
    let mut staged = Vec::new();
    for file in files.iter_mut().filter(|file| file.edits.count > 0) {
        let Some(path) = file.input.path.clone() else {
            continue;
        };
        let name = file.input.name.clone();
        // A link stays a link: what it leads to is replaced.
        let target = fs::canonicalize(&path).map_err(|error| OutputError::file(&name, &error))?;
        let backup = backup.map(|suffix| {
            let mut path = target.clone().into_os_string();
            path.push(suffix);
            (PathBuf::from(path), format!("{name}{suffix}"))
        });
        if let Some((path, name)) = &backup {
            refuse_backup(&sources, path, name, file)?;
        }
        let temporary = stage(file, log, &target)?;
        staged.push(Staged { temporary, target, backup, name });
    }
    commit(staged)
}

/// Writes every input, patched, to its place below a directory. Says which were written.
///
/// # Errors
/// An input cannot be read again, or a file not be written. Nothing is put in place before all are staged.
pub fn tree(plan: &mut Plan, root: &Path) -> Result<Vec<String>, OutputError> {
    let Plan { files, log, .. } = plan;
    let sources = Sources::of(files);
    let mut staged = Vec::new();
    let mut targets = HashMap::new();
    for file in files.iter_mut() {
        let target = root.join(&file.input.relative);
        if let Some(other) = targets.insert(target.clone(), file.input.name.clone()) {
            let message =
                format!("would be written to {} as {other} is; patch them in two runs", target.display());
            return Err(OutputError::Files(Diagnostic::whole(&file.input.name, message).into()));
        }
        let name = target.display().to_string();
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(|error| OutputError::file(parent.display(), &error))?;
        }
        let target = fs::canonicalize(&target).unwrap_or(target);
        refuse_source(&sources, &target, &name)?;
        let temporary = stage(file, log, &target)?;
        staged.push(Staged { temporary, target, backup: None, name });
    }
    commit(staged)
}

/// Writes all inputs, patched, as one stream to a file.
///
/// # Errors
/// An input cannot be read again, or the file not be written.
pub fn file(plan: &mut Plan, path: &Path) -> Result<Vec<String>, OutputError> {
    let name = path.display().to_string();
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    refuse_source(&Sources::of(&plan.files), &target, &name)?;
    let (temporary, mut out) = temporary(&target).map_err(|error| OutputError::file(&name, &error))?;
    match stream(plan, &mut out) {
        Err(OutputError::Stdout(error)) => return Err(OutputError::file(&name, &error)),
        other => other?,
    }
    drop(out);
    commit(vec![Staged { temporary, target, backup: None, name }])
}

/// Writes bytes to a file, in place of one that is there, all or nothing.
///
/// # Errors
/// The file cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let name = path.display().to_string();
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let failed = |error: &io::Error| OutputError::file(&name, error);
    let (temporary, mut out) = temporary(&target).map_err(|error| failed(&error))?;
    out.write_all(bytes).map_err(|error| failed(&error))?;
    drop(out);
    commit(vec![Staged { temporary, target, backup: None, name: name.clone() }]).map(|_| ())
}

/// The files that are inputs.
struct Sources {
    /// Those that were named or found, without links.
    paths: HashSet<PathBuf>,
    /// The one that standard input comes from, where that is read.
    stdin: Option<FileId>,
}

impl Sources {
    fn of(files: &[Planned]) -> Self {
        let paths = files.iter().filter_map(|file| file.input.path.as_deref());
        let reads_stdin = files.iter().any(|file| file.input.path.is_none());
        Self {
            paths: paths.filter_map(|path| fs::canonicalize(path).ok()).collect(),
            stdin: FileId::of_stdin().filter(|_| reads_stdin),
        }
    }

    fn contains(&self, path: &Path) -> bool {
        let id = || fs::metadata(path).ok().and_then(|metadata| FileId::of(&metadata));
        self.paths.contains(path) || (self.stdin.is_some() && id() == self.stdin)
    }
}

/// Refuses a backup that would replace an input, or a file that says something else than the backup will: an older
/// backup may be the only copy of the original.
fn refuse_backup(sources: &Sources, path: &Path, name: &str, file: &mut Planned) -> Result<(), OutputError> {
    let refuse = |message: &str| Err(OutputError::Files(Diagnostic::whole(name, message).into()));
    if sources.contains(path) {
        return refuse("is an input, which a backup would replace; choose another --backup suffix");
    }
    if fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(());
    }
    let input = file.input.name.clone();
    let content = file.content.reader().map_err(|error| OutputError::file(&input, &error))?;
    let plain = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    if plain && File::open(path).and_then(|old| same_bytes(old, content)).unwrap_or(false) {
        return Ok(());
    }
    refuse("exists and differs from what would be backed up; move it away or choose another --backup suffix")
}

/// Whether two readers have the same bytes.
fn same_bytes(one: impl Read, other: impl Read) -> io::Result<bool> {
    let mut one = BufReader::with_capacity(BUFFER, one);
    let mut other = BufReader::with_capacity(BUFFER, other);
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let count = left.len().min(right.len());
        if left.get(..count) != right.get(..count) {
            return Ok(false);
        }
        if count == 0 {
            return Ok(left.len() == right.len());
        }
        one.consume(count);
        other.consume(count);
    }
}

/// Refuses to write to a file that is an input.
fn refuse_source(sources: &Sources, target: &Path, name: &str) -> Result<(), OutputError> {
    if !sources.contains(target) {
        return Ok(());
    }
    let message = "is an input and would be replaced; use --in-place to replace files";
    Err(OutputError::Files(Diagnostic::whole(name, message).into()))
}

fn stage(file: &mut Planned, log: &mut EditLog, target: &Path) -> Result<TempPath, OutputError> {
    let failed = |error: &io::Error| OutputError::file(target.display(), error);
    let (temporary, out) = temporary(target).map_err(|error| failed(&error))?;
    let mut out = BufWriter::with_capacity(BUFFER, out);
    let result = write_one(file, log, false, false, Vec::new(), &mut out);
    match result.and_then(|()| out.flush().map_err(OutputError::Stdout)) {
        Err(OutputError::Stdout(error)) => Err(failed(&error)),
        other => other.map(|()| temporary),
    }
}

/// A new file beside the target, with the target's mode and owner where there is one.
fn temporary(target: &Path) -> io::Result<(TempPath, File)> {
    let parent = match target.parent() {
        Some(parent) if parent.components().any(|c| c != Component::CurDir) => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".meshobs-").suffix(".tmp");
    let (file, path) = builder.permissions(new_file_mode()).tempfile_in(parent)?.into_parts();
    if let Ok(metadata) = fs::metadata(target) {
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        keep_owner(&path, &metadata);
        fs::set_permissions(&path, metadata.permissions())?;
    }
    Ok((path, file))
}

/// The mode of a new file before the umask.
#[cfg(unix)]
fn new_file_mode() -> Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

#[cfg(not(unix))]
fn new_file_mode() -> Permissions {
    // Elsewhere a new file's permissions are those of its directory; the value is not looked at.
    fs::metadata(".")
        .map(|metadata| metadata.permissions())
        .unwrap_or_else(|_| unreachable!("the current directory has metadata"))
}

/// Gives a file to the owner of another, where the system lets us.
#[cfg(unix)]
fn keep_owner(path: &Path, like: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, chown};
    let _ = chown(path, Some(like.uid()), Some(like.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &Path, _: &fs::Metadata) {}

fn commit(staged: Vec<Staged>) -> Result<Vec<String>, OutputError> {
    for file in &staged {
        if let Some((backup, name)) = &file.backup {
            fs::copy(&file.target, backup).map_err(|error| OutputError::file(name, &error))?;
        }
    }
    let mut written = Vec::new();
    for file in staged {
        match file.temporary.persist(&file.target) {
            Ok(()) => written.push(file.name),
            Err(error) => {
                let done = if written.is_empty() {
                    String::new()
                } else {
                    format!("; {} were replaced before it: {}", written.len(), written.join(", "))
                };
                let message = format!("{}{done}", io_message(&error.error));
                return Err(OutputError::Files(Diagnostic::whole(&file.name, message).into()));
            }
        }
    }
    Ok(written)
}
