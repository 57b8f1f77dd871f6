//! Files that a Kustomization lists: kustomize matches patches, replacements and names by name *and* namespace, so an edit of
//! one file of such a tree breaks the build of the whole.
//!
//! Reads only. What a Kustomization lists counts, also through directories that it lists; what cannot be read lists nothing.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::gate::{operand, text};
use crate::input::Input;
use crate::yaml::{Document, DocumentReader};

/// The names that kustomize knows, in its order.
const NAMES: &[&str] = &["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What is done about files that a Kustomization lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Kustomize {
    /// They are refused: patch what `kubectl kustomize` prints instead
    #[default]
    Refuse,
    /// They are patched like other files
    Ignore,
}

/// Finds the inputs that a Kustomization lists: one in the directory of any input or above it, up to the directory that
/// was named, or to the file's own where it was named itself.
#[must_use]
pub(crate) fn listed(inputs: &[Input]) -> Vec<Diagnostic> {
    let directories: BTreeSet<PathBuf> = inputs.iter().flat_map(directories).collect();
    let mut lists = HashMap::new();
    for directory in &directories {
        for file in files(directory) {
            // The innermost directory comes last, and is the one that people build.
            lists.insert(file, directory);
        }
    }
    let refusal = |input: &Input| {
        let real = fs::canonicalize(input.path.as_deref()?).ok()?;
        Some(Diagnostic::whole(&input.name, message(lists.get(&real)?)))
    };
    inputs.iter().filter_map(refusal).collect()
}

/// The directories of an input, from its own up to the one that was named.
fn directories(input: &Input) -> impl Iterator<Item = PathBuf> + '_ {
    let depth = input.relative.components().count().max(1);
    let parents = input.path.iter().flat_map(move |path| path.ancestors().skip(1).take(depth));
    parents.map(|parent| if parent.as_os_str().is_empty() { ".".into() } else { parent.to_owned() })
}

fn message(directory: &Path) -> String {
    let directory = directory.display().to_string();
    format!(
        "is part of the kustomization in {directory}: kustomize finds what it patches by name and namespace, so an edit \
         of one of its files breaks the build; patch what it builds: `kubectl kustomize {} | meshobs patch`, or pass \
         --kustomize=ignore to patch the file all the same",
        text!("{}", operand(&directory))
    )
}

/// The files that the Kustomization of a directory lists, links resolved; none where it has none.
fn files(directory: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let Ok(root) = fs::canonicalize(directory) else { return files };
    let mut seen = BTreeSet::from([root.clone()]);
    let mut open = vec![root];
    while let Some(directory) = open.pop() {
        let Some(kustomization) = kustomization(&directory) else { continue };
        let Ok(bytes) = fs::read(&kustomization) else { continue };
        for name in strings(&bytes) {
            // Addresses and values are no files; whatever names one counts.
            match fs::canonicalize(directory.join(file_part(&name))) {
                Ok(found) if found.is_dir() && !seen.insert(found.clone()) => {}
                Ok(found) if found.is_dir() => open.push(found),
                // Its own kind may be its own name.
                Ok(found) if found != kustomization => {
                    files.insert(found);
                }
                _ => {}
            }
        }
    }
    files
}

/// The file of a directory that makes it a Kustomization.
fn kustomization(directory: &Path) -> Option<PathBuf> {
    NAMES.iter().map(|name| directory.join(name)).find(|path| path.is_file())
}

/// `files` of generators may be written `key=file`.
fn file_part(name: &str) -> &str {
    name.split_once('=').map_or(name, |(_, file)| file)
}

/// Every string in a Kustomization: resources, bases, components, patches, replacements, generators, transformers and
/// what later releases add are all lists of paths, or mappings with one.
fn strings(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut documents = DocumentReader::with_size_hint(bytes, bytes.len());
    while let Ok(Some(chunk)) = documents.next_document() {
        let Ok(doc) = Document::parse(chunk.text) else { continue };
        for root in doc.roots() {
            let texts = doc.scalars(root.node).filter_map(|id| doc.string(id));
            // A line break is in no path, but in a patch that is written in place.
            let paths = texts.filter(|text| !text.is_empty() && !text.contains('\n'));
            found.extend(paths.map(|text| text.into_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_of_a_kustomization_may_be_a_path() {
        let text =
            "resources: [a.yaml, ../base]\npatches:\n- path: p.yaml\n- patch: |-\n    a: b\n    c: d\n";
        let found = strings(text.as_bytes());
        for path in ["a.yaml", "../base", "p.yaml"] {
            assert!(found.iter().any(|name| name == path), "{found:?}");
        }
        assert!(!found.iter().any(|name| name.contains("a: b")), "{found:?}");
        assert_eq!(file_part("key=f.yaml"), "f.yaml");
    }
}
