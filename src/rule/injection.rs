//! The label that asks for sidecars, on the namespace that an application's manifests bring themselves: applied without it,
//! they would take away what the installation set there.

use super::{Outcome, Rule, Target};
use crate::facts::istio::{INJECTION_LABEL, REVISION_LABEL};
use crate::yaml::{Changes, Place, Refusal, Value};

/// The rule. It is not one of `patch`.
#[derive(Debug)]
pub struct Injection {
    /// The name of the namespace.
    pub namespace: String,
    /// The label and its value.
    pub label: (&'static str, String),
}

impl Rule for Injection {
    fn name(&self) -> &'static str {
        "injection"
    }

    fn apply(&self, target: &Target<'_>, changes: &mut Changes) -> Result<Outcome, Refusal> {
        let mut outcome = Outcome::default();
        let resource = target.resource;
        let is_it =
            resource.kind == "Namespace" && resource.group().is_empty() && resource.name == self.namespace;
        // What it says of sidecars itself is meant.
        let says = |key: &str| target.doc.path(resource.at, &["metadata", "labels", key]).is_some();
        if !is_it || says(INJECTION_LABEL) || says(REVISION_LABEL) {
            return Ok(outcome);
        }
        let (key, value) = &self.label;
        let path = ["metadata", "labels", key].map(|key| (key, Place::Last));
        target.set(changes, resource.at, &path, Value::Text(value.clone()))?;
        outcome.patched = true;
        Ok(outcome)
    }
}
