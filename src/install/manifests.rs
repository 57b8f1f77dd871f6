//! Manifests as text: which objects they describe, and parts of them. Nothing here talks to a cluster.

use super::object::Reference;
use crate::kube::{Item, items};
use crate::yaml::{Document, DocumentReader};

/// The objects that manifests describe.
#[must_use]
pub fn references(manifests: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut documents = DocumentReader::with_size_hint(manifests.as_bytes(), manifests.len());
    while let Ok(Some(chunk)) = documents.next_document() {
        let Ok(doc) = Document::parse(chunk.text) else { continue };
        for item in doc.roots().flat_map(|root| items(&doc, root)) {
            let Item::Resource(resource) = item else { continue };
            let group = resource.group();
            let kind = if group.is_empty() {
                resource.kind.clone()
            } else {
                let version = resource.api_version.rsplit('/').next().unwrap_or_default();
                format!("{}.{version}.{group}", resource.kind)
            };
            let namespace = resource.namespace.clone().unwrap_or_default();
            found.push(Reference { kind, namespace, name: resource.name.clone(), uid: String::new() });
        }
    }
    found
}

/// Documents whose objects fit, and the others: nothing of a kind, for one, can be applied before its definition.
#[must_use]
pub fn split(manifests: &str, fits: impl Fn(&[Reference]) -> bool) -> (String, String) {
    let (mut some, mut others) = (String::new(), String::new());
    let mut documents = DocumentReader::with_size_hint(manifests.as_bytes(), manifests.len());
    while let Ok(Some(chunk)) = documents.next_document() {
        let part = if fits(&references(chunk.text)) { &mut some } else { &mut others };
        append(part, chunk.text);
    }
    if some.is_empty() { (some, manifests.to_owned()) } else { (some, others) }
}

/// Puts documents behind others.
pub(super) fn append(manifests: &mut String, more: &str) {
    if !manifests.is_empty() && !manifests.ends_with("---\n") {
        manifests.push_str("---\n");
    }
    manifests.push_str(more);
    if !manifests.ends_with('\n') {
        manifests.push('\n');
    }
}
