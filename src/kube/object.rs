//! An object: who it is, and its values with their places.

use std::borrow::Cow;
use std::sync::Arc;

use super::field::Field;
use crate::kube::{PodTemplate, Resource, pod_templates};
use crate::yaml::Document;

/// A document that objects stand in.
#[derive(Debug)]
pub(crate) struct Source {
    /// The input, as the user named it; nothing for what a cluster told.
    pub(crate) path: Option<Arc<str>>,
    /// Lines of the input in front of the document.
    pub(crate) line: u64,
    /// Its nodes.
    pub(crate) doc: Document<'static>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The input, as the user named it.
    pub(crate) path: String,
    /// Line, from 1.
    pub(crate) line: u64,
    /// Column in characters, from 1.
    pub(crate) column: usize,
}

impl Source {
    /// The place of an offset in the document; nothing for what a cluster told.
    pub(crate) fn spot(&self, offset: usize) -> Option<Spot> {
        let path = self.path.as_ref()?;
        let (line, column) = self.doc.position(offset);
        Some(Spot { path: path.to_string(), line: self.line + line, column })
    }
}

/// A Kubernetes object, also a file for clients (IstioOperator), and one that lacks its apiVersion.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    source: Arc<Source>,
    resource: Resource,
}

impl Object {
    pub(super) fn new(source: &Arc<Source>, resource: Resource) -> Self {
        Self { source: Arc::clone(source), resource }
    }

    pub(crate) fn kind(&self) -> &str {
        &self.resource.kind
    }

    /// `apps/v1`, as written.
    pub(crate) fn api_version(&self) -> &str {
        &self.resource.api_version
    }

    /// The API group; empty for the core group.
    pub(crate) fn group(&self) -> &str {
        self.resource.group()
    }

    /// `metadata.name`, else `metadata.generateName`, else empty.
    pub(crate) fn name(&self) -> &str {
        &self.resource.name
    }

    /// The namespace as written.
    pub(crate) fn stated_namespace(&self) -> Option<&str> {
        self.resource.namespace.as_deref()
    }

    /// The namespace it is applied to where nobody says otherwise. (For what has none it means nothing.)
    pub(crate) fn namespace(&self) -> &str {
        self.stated_namespace().unwrap_or("default")
    }

    /// `kind/name`, in its namespace where it states one.
    pub(crate) fn title(&self) -> String {
        let name = format!("{}/{}", self.kind().to_lowercase(), self.name());
        match self.stated_namespace() {
            Some(namespace) => format!("{name} in {namespace}"),
            None => name,
        }
    }

    /// `kind/name`, as kubectl takes it.
    pub(crate) fn reference(&self) -> String {
        format!("{}/{}", self.kind().to_lowercase(), self.name())
    }

    /// All of it.
    pub(crate) fn root(&self) -> Field<'_> {
        Field::new(&self.source.doc, self.resource.at)
    }

    /// The value at the end of a path.
    pub(crate) fn at(&self, path: &[&str]) -> Field<'_> {
        self.root().at(path)
    }

    /// The scalar at a path; empty where there is none.
    pub(crate) fn text(&self, path: &[&str]) -> Cow<'_, str> {
        self.at(path).text()
    }

    pub(crate) fn label(&self, name: &str) -> Cow<'_, str> {
        self.text(&["metadata", "labels", name])
    }

    pub(crate) fn annotation(&self, name: &str) -> Field<'_> {
        self.at(&["metadata", "annotations", name])
    }

    /// Its pod templates, where its kind has any; of a Pod itself.
    pub(crate) fn pod_templates(&self) -> impl Iterator<Item = Field<'_>> {
        let found: Vec<PodTemplate> = pod_templates(&self.source.doc, &self.resource).unwrap_or_default();
        found.into_iter().map(|template| Field::new(&self.source.doc, template.at))
    }

    /// Whether a controller made it: what is to be changed is that controller's object.
    pub(crate) fn is_controlled(&self) -> bool {
        let mut owners = self.at(&["metadata", "ownerReferences"]).items();
        owners.any(|owner| owner.get("controller").is_true())
    }

    /// The place of an offset in its document; nothing for what a cluster told.
    pub(crate) fn spot(&self, offset: usize) -> Option<Spot> {
        self.source.spot(offset)
    }
}
