//! `metadata.namespace` on every namespaced resource that has none.

use super::{Outcome, Rule, Target, reference};
use crate::manifest::Scope;
use crate::yaml::{Changes, Place, Refusal, Value};

/// Settings of the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceSettings {
    /// The namespace to put resources into.
    pub name: String,
}

impl Default for NamespaceSettings {
    fn default() -> Self {
        Self { name: "prod".to_owned() }
    }
}

/// The rule.
#[derive(Debug)]
pub struct Namespace(pub NamespaceSettings);

impl Rule for Namespace {
    fn name(&self) -> &'static str {
        "namespace"
    }

    fn apply(&self, target: &Target<'_>, changes: &mut Changes) -> Result<Outcome, Refusal> {
        let Target { doc, resource, .. } = *target;
        let mut outcome = Outcome::default();
        reference::collect(target, &self.0.name, &mut outcome.notes);
        if target.scope == Scope::Cluster {
            outcome.skip(doc.start(resource.at.node), false, "cluster-scoped");
            return Ok(outcome);
        }
        let path = [("metadata", Place::Last), ("namespace", Place::After(&["name", "generateName"]))];
        match &resource.namespace {
            Some(namespace) if *namespace == self.0.name => return Ok(outcome),
            Some(namespace) if target.survey.is_datakit_namespace(namespace) => {
                let at = doc.path(resource.at, &["metadata", "namespace"]).unwrap_or(resource.at);
                let reason = format!("namespace `{namespace}` kept, it is DataKit's");
                outcome.skip(doc.start(at.node), false, reason);
                return Ok(outcome);
            }
            Some(namespace) if !target.overwrite => {
                let at = doc.path(resource.at, &["metadata", "namespace"]).unwrap_or(resource.at);
                let reason = format!("namespace `{namespace}` kept, see --overwrite");
                outcome.skip(doc.start(at.node), false, reason);
                return Ok(outcome);
            }
            _ => {}
        }
        target.set(changes, resource.at, &path, Value::Text(self.0.name.clone()))?;
        outcome.patched = true;
        Ok(outcome)
    }
}
