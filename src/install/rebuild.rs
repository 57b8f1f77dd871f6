//! A record that was lost, made anew of what the cluster's objects say themselves: the label of what is installed, and the
//! field manager that wrote to it. What values were before is lost with the record.

use super::Failure;
use super::inventory::{self, Listed};
use super::object::{Reference, is_created, is_managed};
use super::record::NAME;
use crate::cluster::Kubectl;
use crate::rule::LABEL;

/// Kinds whose objects are changed in place, and get no label then.
const CHANGED: &[&str] = &["namespaces", "configmaps", "daemonsets.apps"];

/// What is found without a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// What was created.
    pub created: Vec<Reference>,
    /// What was perhaps there before, or only changed, and why nothing of it can be undone.
    pub unclear: Vec<(Reference, String)>,
}

/// Looks for what installations left in a cluster.
///
/// # Errors
/// kubectl refuses, or not every kind can be listed.
pub fn rebuild(kubectl: &Kubectl) -> Result<Rebuilt, Failure> {
    let unknown = |failure: Failure| Failure {
        message: format!(
            "configmap/{NAME} in kube-system is missing, and what is installed cannot be found without it, since not every \
             kind can be listed: {}",
            failure.message
        ),
        ..failure
    };
    let kinds = inventory::kinds(kubectl, false).map_err(unknown)?;
    let labelled = inventory::list(kubectl, &kinds, &["-A", "-l", LABEL]).map_err(unknown)?;
    let kinds: Vec<String> = CHANGED.iter().map(|kind| (*kind).to_owned()).collect();
    let changed = inventory::list(kubectl, &kinds, &["-A", "-l", &format!("!{LABEL}")]).map_err(unknown)?;
    Ok(sort(labelled, changed))
}

fn sort(mut labelled: Vec<Listed>, changed: Vec<Listed>) -> Rebuilt {
    // What somebody else, such as a controller, gave the label has not our manager.
    labelled.retain(|found| is_managed(&found.object));
    // The order in which they came: definitions before what is of them.
    labelled.sort_by_key(|found| (!is_definition(&found.reference), found.created().to_owned()));
    let mut rebuilt = Rebuilt::default();
    let mut seen = std::collections::BTreeSet::new();
    for found in labelled {
        // Some kinds are served under two groups.
        if !seen.insert(found.reference.uid.clone()) {
            continue;
        }
        if is_created(&found.object) {
            rebuilt.created.push(found.reference);
        } else {
            let why = format!(
                "it has the label {LABEL}, but was changed since it was created: it may be older than the installation"
            );
            rebuilt.unclear.push((found.reference, why));
        }
    }
    for found in changed {
        if found.reference.name != NAME && is_managed(&found.object) {
            let why = "meshobs wrote to it, and what it was before is not recorded";
            rebuilt.unclear.push((found.reference, why.to_owned()));
        }
    }
    rebuilt
}

fn is_definition(what: &Reference) -> bool {
    what.kind_and_group() == ("CustomResourceDefinition", "apiextensions.k8s.io")
}
