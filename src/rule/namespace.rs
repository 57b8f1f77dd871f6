//! `metadata.namespace` on every namespaced resource that has none.

use super::{Found, Outcome, Rule, Target, reference};
use crate::kube::Scope;
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

impl Namespace {
    /// Why a resource stays in the namespace that it is in, if it does.
    fn kept(target: &Target<'_>, namespace: &str) -> Option<String> {
        if target.survey.is_datakit_namespace(namespace) {
            return Some(format!("namespace `{namespace}` kept, it is DataKit's"));
        }
        (!target.overwrite).then(|| format!("namespace `{namespace}` kept, see --overwrite"))
    }

    /// Where a resource goes that does not stay: beside the DataKit that mounts it, else to the namespace asked for.
    fn destination<'a>(&'a self, target: &Target<'a>) -> &'a str {
        let resource = target.resource;
        let beside = match resource.namespace {
            None => target.survey.namespace_beside_datakit(resource),
            Some(_) => None,
        };
        beside.unwrap_or(&self.0.name)
    }
}

impl Rule for Namespace {
    fn name(&self) -> &'static str {
        "namespace"
    }

    fn namespace(&self, target: &Target<'_>) -> Option<String> {
        if target.scope == Scope::Cluster {
            return None;
        }
        match &target.resource.namespace {
            Some(namespace) if Self::kept(target, namespace).is_some() => Some(namespace.clone()),
            _ => Some(self.destination(target).to_owned()),
        }
    }

    fn apply(&self, target: &Target<'_>, changes: &mut Changes) -> Result<Outcome, Refusal> {
        let Target { doc, resource, .. } = *target;
        let mut outcome = Outcome::default();
        reference::collect(target, &self.0.name, &mut outcome.notes);
        if target.scope == Scope::Cluster {
            outcome.skip(doc.start(resource.at.node), false, "cluster-scoped");
            return Ok(outcome);
        }
        if let Some(namespace) = &resource.namespace {
            if *namespace == self.0.name {
                return Ok(outcome);
            }
            if let Some(reason) = Self::kept(target, namespace) {
                let at = doc.path(resource.at, &["metadata", "namespace"]).unwrap_or(resource.at);
                outcome.skip(doc.start(at.node), false, reason);
                return Ok(outcome);
            }
        }
        let path = [("metadata", Place::Last), ("namespace", Place::After(&["name", "generateName"]))];
        target.set(changes, resource.at, &path, Value::Text(self.destination(target).to_owned()))?;
        outcome.patched = true;
        Ok(outcome)
    }

    fn find(&self, target: &Target<'_>, found: &mut Found) {
        let Target { doc, resource, .. } = *target;
        if target.scope == Scope::Cluster {
            return;
        }
        let Some(at) = doc.path(resource.at, &["metadata", "namespace"]) else { return };
        if doc.is(at.node, &self.0.name) {
            found.take(doc, at, resource.at, format!("namespace `{}`", self.0.name));
        } else if let Some(name) = target.survey.namespace_beside_datakit(resource)
            && doc.is(at.node, name)
        {
            found.keep(doc, at, format!("namespace `{name}` kept: it is DataKit's, whoever wrote it here"));
        }
    }
}
