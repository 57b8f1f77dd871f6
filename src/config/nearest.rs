//! Which `meshobs.toml` governs a file: the nearest one, from the file's directory upwards to the root of the repository,
//! or, where there is none, to the directory that was named.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::FILE;
use crate::input::Input;

/// What makes a directory the root of a repository.
const REPOSITORY: &str = ".git";

/// Finds governing files, and remembers what it has seen of directories.
#[derive(Debug, Default)]
pub struct Nearest {
    /// By the directory of a file as it was reached, and how far up its search goes at least.
    known: HashMap<(PathBuf, usize), Option<PathBuf>>,
}

impl Nearest {
    /// The file that governs an input, links resolved; none for stdin, and where there is none.
    pub fn of(&mut self, input: &Input) -> Option<PathBuf> {
        let path = input.path.as_deref()?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        // Its own directory and those up to the one that was named.
        let depth = input.relative.components().count().max(1);
        let key = (parent.unwrap_or(Path::new(".")).to_owned(), depth);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let found = key.0.canonicalize().ok().and_then(|directory| search(&directory, depth));
        self.known.insert(key, found.clone());
        found
    }
}

fn search(directory: &Path, depth: usize) -> Option<PathBuf> {
    let repository = directory.ancestors().position(|ancestor| ancestor.join(REPOSITORY).exists());
    let reach = repository.map_or(depth, |root| root + 1);
    directory.ancestors().take(reach).map(|ancestor| ancestor.join(FILE)).find(|file| file.is_file())
}
