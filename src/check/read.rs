//! Objects of files. A file that is not YAML is a finding; the others are still read.

use std::io::Read as _;
use std::sync::Arc;

use super::world::{Object, Origin, Spot, World, value};
use super::{Finding, Level};
use crate::diagnostic::locate;
use crate::input::{Content, Input, Opener, io_message};
use crate::manifest::{Item, Resource, items};
use crate::yaml::{Document, DocumentReader, StreamError};

/// Reads all inputs.
#[must_use]
pub fn read(inputs: Vec<Input>) -> (World, Vec<Finding>) {
    let mut world = World::default();
    let mut findings = Vec::new();
    let mut opener = Opener::default();
    for input in inputs {
        match opener.open(&input) {
            Ok(content) => file(&input.name, content, &mut world, &mut findings),
            Err(error) => findings.push(unreadable(&input.name, None, &io_message(&error))),
        }
    }
    (world, findings)
}

/// Reads one text.
#[must_use]
pub fn read_text(name: &str, text: &str) -> (World, Vec<Finding>) {
    let (mut world, mut findings) = (World::default(), Vec::new());
    file(name, Content::Memory(text.as_bytes().to_vec()), &mut world, &mut findings);
    (world, findings)
}

fn unreadable(path: &str, position: Option<(u64, usize)>, message: &str) -> Finding {
    let (line, column) = position.unwrap_or((1, 1));
    // A finding has its hint behind the last `;` of the message.
    let (what, hint) = message.rsplit_once("; ").unwrap_or((message, "mend the file"));
    Finding {
        id: "yaml",
        level: Level::Failure,
        subject: path.to_owned(),
        message: what.to_owned(),
        hint: hint.to_owned(),
        spot: Some(Spot { path: path.to_owned(), line, column }),
    }
}

fn file(path: &str, mut content: Content, world: &mut World, findings: &mut Vec<Finding>) {
    let size = content.size_hint();
    let mut reader = match content.reader() {
        Ok(reader) => reader,
        Err(error) => return findings.push(unreadable(path, None, &io_message(&error))),
    };
    let mut documents = DocumentReader::with_size_hint(reader.by_ref(), size);
    let path: Arc<str> = Arc::from(path);
    loop {
        let chunk = match documents.next_document() {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return,
            Err(error) => {
                let position = match &error {
                    StreamError::NotText { line, column, .. } => Some((line + 1, column + 1)),
                    StreamError::TooLarge { line } => Some((line + 1, 1)),
                    StreamError::Io(_) => None,
                };
                return findings.push(unreadable(&path, position, &error.to_string()));
            }
        };
        let place = |at| {
            let (line, column, _) = locate(chunk.text, at);
            (chunk.line + line, column)
        };
        let doc = match Document::parse(chunk.text) {
            Ok(doc) => doc,
            Err(error) => {
                return findings.push(unreadable(&path, Some(place(error.at)), &error.message));
            }
        };
        if let Err(error) = doc.refuse_template() {
            return findings.push(unreadable(&path, Some(place(error.at)), &error.message));
        }
        let text: Arc<str> = Arc::from(chunk.text);
        for (item, found) in doc.roots().flat_map(|root| items(&doc, root)).enumerate() {
            let origin = Origin { path: Arc::clone(&path), text: Arc::clone(&text), line: chunk.line, item };
            match found {
                Item::Resource(resource) | Item::ClientSide(resource) => {
                    world.objects.push(object(&doc, resource, origin));
                }
                Item::NoApiVersion(resource) => {
                    let (line, column) = place(doc.start(resource.at.node));
                    findings.push(Finding {
                        id: "api-version",
                        level: Level::Failure,
                        subject: resource.title(),
                        message: "no apiVersion, so the cluster refuses it".to_owned(),
                        hint: "add the apiVersion of its kind".to_owned(),
                        spot: Some(Spot { path: path.to_string(), line, column }),
                    });
                    world.objects.push(object(&doc, resource, origin));
                }
                Item::Other(at) if !doc.str_at(at, "apiVersion").unwrap_or_default().is_empty() => {
                    let has = |key| doc.get(at, key).is_some();
                    if has("metadata") && !has("kind") {
                        let (line, column) = place(doc.start(at.node));
                        let name = doc.path(at, &["metadata", "name"]).and_then(|at| doc.string(at.node));
                        findings.push(Finding {
                            id: "api-version",
                            level: Level::Failure,
                            subject: name.unwrap_or_default().into_owned(),
                            message: "no kind, so the cluster refuses it".to_owned(),
                            hint: "add its kind".to_owned(),
                            spot: Some(Spot { path: path.to_string(), line, column }),
                        });
                    }
                }
                Item::Other(_) => {}
            }
        }
    }
}

fn object(doc: &Document<'_>, resource: Resource, origin: Origin) -> Object {
    Object {
        value: value(doc, resource.at),
        api_version: resource.api_version,
        kind: resource.kind,
        name: resource.name,
        namespace: resource.namespace.unwrap_or_default(),
        origin: Some(origin),
    }
}
