//! From bytes to objects: files, where one that is not YAML does not hide the others, and kubectl's JSON.

use std::io::Read as _;
use std::sync::Arc;

use super::inventory::Inventory;
use super::list::Cutter;
use super::object::{Object, Source, Spot};
use super::slim::slim;
use crate::diagnostic::locate;
use crate::input::{Content, Input, Opener, io_message};
use crate::kube::{Item, items};
use crate::yaml::{Document, DocumentReader, StreamError};

/// Something that could not be read, or is no object that a cluster takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) spot: Spot,
    pub(crate) kind: ProblemKind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    /// The input cannot be read, or is not YAML; what is wrong and what to do.
    Unreadable(String),
    /// An object lacks what every object has; its title or name.
    Object(ObjectProblem, String),
}

/// What an object lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectProblem {
    NoApiVersion,
    NoKind,
}

/// Reads all inputs.
pub(crate) fn read(inputs: Vec<Input>) -> (Inventory, Vec<Problem>) {
    let mut reading = Reading::default();
    let mut opener = Opener::default();
    for input in inputs {
        match opener.open(&input) {
            Ok(content) => reading.file(&input.name, content),
            Err(error) => reading.unreadable(&input.name, (1, 1), io_message(&error)),
        }
    }
    (reading.inventory, reading.problems)
}

/// Reads one text.
pub(crate) fn read_text(name: &str, text: &str) -> (Inventory, Vec<Problem>) {
    let mut reading = Reading::default();
    reading.file(name, Content::Memory(text.as_bytes().to_vec()));
    (reading.inventory, reading.problems)
}

impl Inventory {
    /// Adds the objects of a list that kubectl printed as JSON.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn add_list(&mut self, json: &str) -> Result<(), NoList> {
        let mut reader = ListReader::default();
        reader.push(json.as_bytes());
        reader.finish(self)
    }
}

/// Reads a list that kubectl prints as JSON, as it comes.
#[derive(Debug, Default)]
pub(crate) struct ListReader {
    cutter: Cutter,
    objects: Vec<Object>,
    broken: bool,
}

impl ListReader {
    /// Takes the next part of the text.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let (objects, broken) = (&mut self.objects, &mut self.broken);
        self.cutter.push(bytes, &mut |item| match slim(item).and_then(Document::json) {
            Some(doc) => objects.extend(objects_of(Source { path: None, line: 0, doc })),
            None => *broken = true,
        });
    }

    /// Adds the objects to an inventory.
    ///
    /// # Errors
    /// The text was no list, or not whole.
    pub(crate) fn finish(self, inventory: &mut Inventory) -> Result<(), NoList> {
        if self.broken || !self.cutter.is_complete() {
            return Err(NoList);
        }
        self.objects.into_iter().for_each(|object| inventory.add(object));
        Ok(())
    }
}

fn objects_of(source: Source) -> Vec<Object> {
    let source = Arc::new(source);
    let items = source.doc.roots().flat_map(|root| items(&source.doc, root));
    let objects = items.filter_map(|item| match item {
        Item::Resource(resource) | Item::ClientSide(resource) => Some(Object::new(&source, resource)),
        Item::NoApiVersion(_) | Item::Other(_) => None,
    });
    objects.collect()
}

/// What kubectl printed is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoList;

#[derive(Default)]
struct Reading {
    inventory: Inventory,
    problems: Vec<Problem>,
}

impl Reading {
    fn unreadable(&mut self, path: &str, (line, column): (u64, usize), message: impl Into<String>) {
        let spot = Spot { path: path.to_owned(), line, column };
        self.problems.push(Problem { spot, kind: ProblemKind::Unreadable(message.into()) });
    }

    /// Reads one input; what follows an error in it is left out.
    fn file(&mut self, name: &str, mut content: Content) {
        let size = content.size_hint();
        let mut reader = match content.reader() {
            Ok(reader) => reader,
            Err(error) => return self.unreadable(name, (1, 1), io_message(&error)),
        };
        let mut documents = DocumentReader::with_size_hint(reader.by_ref(), size);
        let path: Arc<str> = Arc::from(name);
        loop {
            let chunk = match documents.next_document() {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return,
                Err(error) => {
                    let position = match &error {
                        StreamError::NotText { line, column, .. } => (line + 1, column + 1),
                        StreamError::TooLarge { line } => (line + 1, 1),
                        StreamError::Io(_) => (1, 1),
                    };
                    return self.unreadable(name, position, error.to_string());
                }
            };
            let place = |at| {
                let (line, column, _) = locate(chunk.text, at);
                (chunk.line + line, column)
            };
            let doc = Document::owned(chunk.text.to_owned());
            let doc =
                doc.and_then(|doc| doc.refuse_template().and_then(|()| doc.refuse_tabs()).map(|()| doc));
            match doc {
                Ok(doc) => self.document(Source { path: Some(Arc::clone(&path)), line: chunk.line, doc }),
                Err(error) => return self.unreadable(name, place(error.at), error.message),
            }
        }
    }

    fn document(&mut self, source: Source) {
        let source = Arc::new(source);
        for found in source.doc.roots().flat_map(|root| items(&source.doc, root)) {
            let mut lacks = |at: usize, what, title: String| {
                if let Some(spot) = source.spot(at) {
                    self.problems.push(Problem { spot, kind: ProblemKind::Object(what, title) });
                }
            };
            match found {
                Item::Resource(resource) | Item::ClientSide(resource) => {
                    self.inventory.add(Object::new(&source, resource));
                }
                Item::NoApiVersion(resource) => {
                    lacks(source.doc.start(resource.at.node), ObjectProblem::NoApiVersion, resource.title());
                    self.inventory.add(Object::new(&source, resource));
                }
                Item::Other(at) => {
                    let doc = &source.doc;
                    let has = |key| doc.get(at, key).is_some();
                    let version = doc.str_at(at, "apiVersion").unwrap_or_default();
                    if !version.is_empty() && has("metadata") && !has("kind") {
                        let name = doc.path(at, &["metadata", "name"]).and_then(|at| doc.string(at.node));
                        lacks(
                            doc.start(at.node),
                            ObjectProblem::NoKind,
                            name.unwrap_or_default().into_owned(),
                        );
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::Selector;

    const PODS: &str = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a, namespace: n, labels: {app: x, v: '1'}}\n  \
                        spec: {containers: [{name: c}]}\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: b, namespace: n, labels: {app: x, v: '2'}}\n  \
                        spec: {containers: [{name: c}]}\n";

    #[test]
    fn objects_are_found_by_kind_name_and_labels_with_their_places() {
        let (inventory, problems) = read_text("f.yaml", &format!("# c\n---\n{PODS}"));
        assert_eq!(problems, []);
        let names: Vec<_> = inventory.of("", "Pod").map(Object::name).collect();
        assert_eq!(names, ["a", "b"]);
        let b = inventory.get("", "Pod", "n", "b").unwrap();
        assert_eq!(b.title(), "pod/b in n");
        let (rules, _) = read_text(
            "s.yaml",
            "apiVersion: v1\nkind: X\nmetadata: {name: x}\nspec: {matchLabels: {app: x}, matchExpressions: [{key: v, operator: In, \
             values: ['2']}]}\n",
        );
        let selector = Selector::of(rules.objects()[0].at(&["spec"]));
        let found: Vec<_> = inventory.pods("n", &selector).iter().map(|pod| pod.name()).collect();
        assert_eq!(found, ["b"]);
        let field = b.at(&["spec", "containers", "0", "image"]);
        let spot = b.spot(field.offset()).unwrap();
        assert_eq!((spot.line, spot.column), (13, 23));
    }

    #[test]
    fn a_list_of_kubectl_is_read_and_has_no_places() {
        let (files, _) = read_text("f.yaml", PODS);
        let items: Vec<_> = files.objects().iter().map(|object| object.root().json()).collect();
        let list = serde_json::json!({"apiVersion": "v1", "items": items, "kind": "List"}).to_string();
        let mut inventory = Inventory::default();
        inventory.add_list(&list).unwrap();
        let a = inventory.get("", "Pod", "n", "a").unwrap();
        assert_eq!(a.text(&["metadata", "labels", "v"]), "1");
        assert_eq!(a.spot(0), None);
        assert_eq!(inventory.add_list("{}"), Err(NoList));
    }
}
