//! Rules: what `patch` knows how to change. A rule is one file: it looks at one resource at a time and adds to the
//! changes of its document; it never sees files, output or other rules.

pub mod datakit;
mod found;
mod injection;
mod installed;
mod metrics;
mod namespace;
mod only;
mod protocol;
mod reference;
mod rum;
mod tracing;

use crate::kube::{Resource, Scope};
use crate::survey::Survey;
use crate::yaml::{At, Changes, Document, Place, Refusal, Value};

pub use datakit::{Collector, Datakit, DatakitSettings};
pub use found::Found;
pub use injection::Injection;
pub use installed::{Installed, LABEL};
pub use metrics::{ANNOTATION, Metrics, MetricsSettings};
pub(crate) use metrics::{APP_LABELS, VERSION_LABELS};
pub use namespace::{Namespace, NamespaceSettings};
pub use only::Only;
pub use protocol::PortProtocol;
pub use rum::{Rum, RumMode, RumSettings, VOLUME as PAGE_VOLUME};
pub use tracing::{PROVIDER, Tracing, TracingMode, TracingSettings};

/// A rule that settings turn on and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleName {
    /// [`Namespace`].
    Namespace,
    /// [`Metrics`].
    Metrics,
    /// [`Rum`].
    Rum,
    /// [`Datakit`].
    Datakit,
    /// [`Tracing`].
    Tracing,
}

impl RuleName {
    /// All of them, in the order they run and are reported.
    pub const ALL: [Self; 5] = [Self::Namespace, Self::Metrics, Self::Rum, Self::Datakit, Self::Tracing];

    /// As settings call it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Metrics => "metrics",
            Self::Rum => "rum",
            Self::Datakit => "datakit",
            Self::Tracing => "tracing",
        }
    }

    /// Whether it runs unless skipped.
    #[must_use]
    pub fn is_default(self) -> bool {
        self != Self::Tracing
    }
}

/// A resource and what a rule needs to judge it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The document it is in.
    pub doc: &'a Document<'a>,
    /// The resource.
    pub resource: &'a Resource,
    /// Whether it lives in a namespace.
    pub scope: Scope,
    /// The namespace that it is in once all rules have run: so a second run judges as the first one did.
    pub namespace: Option<&'a str>,
    /// Whether differing values that are there are replaced.
    pub overwrite: bool,
    /// Its number among all resources of all inputs.
    pub number: u64,
    /// What is known of the other documents.
    pub survey: &'a Survey,
}

impl Target<'_> {
    /// Asks for the value at the end of a path to be set.
    ///
    /// # Errors
    /// The change would alter other places, or the document has no place for it.
    pub fn set(
        &self,
        changes: &mut Changes,
        at: At,
        path: &[(&str, Place)],
        value: Value,
    ) -> Result<(), Refusal> {
        changes.set(self.doc, at, path, value)
    }
}

/// A workload by name, whatever the version of its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Workload {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Workload {
    /// The one that a resource is, in this namespace where it says none.
    #[must_use]
    pub fn of(resource: &Resource, namespace: &str) -> Self {
        let namespace = resource.namespace.as_deref().unwrap_or(namespace).to_owned();
        Self { kind: resource.kind.clone(), namespace, name: resource.name.clone() }
    }
}

/// Something that was not done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Why, as it follows `skipped` in a report.
    pub reason: String,
    /// Whether the resource stays unobserved by it. `--strict` makes an error of that.
    pub dark: bool,
    /// Where: an offset in the document.
    pub at: usize,
}

/// Something to know that no edit was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where: an offset in the document.
    pub at: usize,
    /// What.
    pub message: String,
}

/// What came of a rule on one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Changes were asked for.
    pub patched: bool,
    /// What was left as it is.
    pub skips: Vec<Skip>,
    /// What else is to be reported.
    pub notes: Vec<Note>,
    /// Resources that the input lacks, to be added behind its last document (or item, where this one is in a list).
    pub added: Vec<NewResource>,
}

/// A resource to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewResource {
    /// Its kind.
    pub kind: &'static str,
    /// Its apiVersion.
    pub api_version: &'static str,
    /// Its name.
    pub name: String,
    /// All of it, in order.
    pub entries: Vec<(String, Value)>,
}

impl Outcome {
    fn skip(&mut self, at: usize, dark: bool, reason: impl Into<String>) {
        self.skips.push(Skip { reason: reason.into(), dark, at });
    }

    fn note(&mut self, at: usize, message: impl Into<String>) {
        self.notes.push(Note { at, message: message.into() });
    }
}

/// A change that `patch` knows.
pub trait Rule {
    /// The name in `--only`, `--skip` and reports.
    fn name(&self) -> &'static str;

    /// Whether it also looks at files for clients, such as an IstioOperator.
    fn reads_client_files(&self) -> bool {
        false
    }

    /// The namespace that it puts a resource into, or leaves it in; none where it does not decide that.
    fn namespace(&self, _: &Target<'_>) -> Option<String> {
        None
    }

    /// Looks at a resource and asks for what it lacks.
    ///
    /// # Errors
    /// A change that cannot be made without changing more.
    fn apply(&self, target: &Target<'_>, changes: &mut Changes) -> Result<Outcome, Refusal>;

    /// Looks at a resource for what [`Rule::apply`] would have put in, with the same settings, for the way back.
    fn find(&self, _: &Target<'_>, _: &mut Found) {}
}
