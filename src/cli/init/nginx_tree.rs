//! The files that a configuration of nginx includes, read as nginx would: patterns relative to the main file, wild cards in the
//! file's name. Reads files, changes none.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::gate::{Text, text};
use crate::nginx::includes;

/// More than any configuration has.
const MOST: usize = 10_000;

/// What a configuration includes, directly or not.
#[derive(Default)]
pub(super) struct Tree {
    /// Names and texts.
    pub(super) files: Vec<(String, String)>,
    /// What cannot be read.
    missing: Vec<String>,
}

impl Tree {
    /// Reads what the configuration at a path includes; nothing where it is stdin.
    pub(super) fn read(main: &Path, conf: &str) -> Self {
        let mut tree = Self::default();
        let mut patterns = includes(conf).unwrap_or_default();
        if main.as_os_str() == "-" {
            tree.missing = patterns.into_iter().filter(|pattern| is_pattern(pattern)).collect();
            return tree;
        }
        let folder = main.parent().unwrap_or(Path::new(""));
        let mut known = BTreeSet::new();
        while let Some(pattern) = patterns.pop() {
            for file in tree.expand(&folder.join(&pattern)) {
                if known.len() < MOST && known.insert(file.clone()) {
                    patterns.extend(tree.add(&file));
                }
            }
        }
        tree.files.sort();
        tree
    }

    /// Reads a file; what it includes.
    fn add(&mut self, file: &Path) -> Vec<String> {
        let name = file.display().to_string();
        let text = match fs::read(file).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            // nginx itself does not start without it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            _ => {
                self.missing.push(name);
                return Vec::new();
            }
        };
        let Ok(inner) = includes(&text) else {
            self.missing.push(name);
            return Vec::new();
        };
        self.files.push((name, text));
        inner
    }

    /// The files of a pattern.
    fn expand(&mut self, pattern: &Path) -> Vec<PathBuf> {
        let name = pattern.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = pattern.parent().unwrap_or(Path::new(""));
        if !is_pattern(&pattern.to_string_lossy()) {
            return vec![pattern.to_owned()];
        }
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let (Ok(glob), Ok(entries)) = (globset::Glob::new(&name), fs::read_dir(folder)) else {
            self.missing.push(pattern.display().to_string());
            return Vec::new();
        };
        let matcher = glob.compile_matcher();
        let names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
        // As a shell does it, nginx takes no hidden files.
        let fits =
            |name: &std::ffi::OsString| matcher.is_match(name) && !name.to_string_lossy().starts_with('.');
        let folder = if folder == Path::new(".") { Path::new("") } else { folder };
        names.filter(fits).map(|name| folder.join(name)).collect()
    }

    /// What is not in view.
    pub(super) fn unseen(&self) -> Option<Text> {
        let first = self.missing.first()?;
        Some(text!(
            "{} cannot be read, so whether a server in it has the same name and address is unknown; see what `nginx -t` says",
            first
        ))
    }
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}
