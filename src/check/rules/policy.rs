//! A policy of `init policy` is in effect, and takes workloads.

use super::Check;
use crate::check::Outcome;
use crate::gate::command;
use crate::mesh::Mesh;
use crate::mesh::policies::{Lack, Policy};
use crate::mesh::scrape::Kind;

pub(super) const CHECK: Check =
    Check { id: "policy", section: "workloads", title: "the policy annotates pods", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for policy in &mesh.scraping.policies {
        match &policy.lack {
            Some(lack) => lacking(policy, lack, outcome),
            None => unused(mesh, policy, outcome),
        }
    }
}

fn lacking(policy: &Policy<'_>, lack: &Lack, outcome: &mut Outcome) {
    let message = match lack {
        Lack::Binding => {
            "no MutatingAdmissionPolicyBinding names this policy, so it annotates no pods".to_owned()
        }
        Lack::Parameters(namespace, name) => {
            format!(
                "configmap/{name} in {namespace} is missing, which has the settings of this policy, so it annotates no pods"
            )
        }
    };
    let field = policy.object.at(&["spec"]);
    let hint = match lack {
        Lack::Parameters(namespace, _) => {
            command!("meshobs init policy --datakit-namespace {} | kubectl apply -f -", namespace)
        }
        Lack::Binding => "meshobs init policy | kubectl apply -f -".to_owned(),
    };
    outcome.fail(CHECK.id, policy.object, field, message, hint);
}

/// It takes none of the workloads in view.
fn unused(mesh: &Mesh<'_>, policy: &Policy<'_>, outcome: &mut Outcome) {
    let mut sidecars =
        mesh.scraping.proxies.iter().filter(|scraped| scraped.proxy.kind == Kind::Sidecar).peekable();
    if sidecars.peek().is_none() {
        return;
    }
    outcome.looked(CHECK.id);
    if sidecars.any(|scraped| policy.covers(mesh.inventory, &scraped.proxy.workload)) {
        return;
    }
    let message = "this policy takes none of the workloads that get a sidecar: its selector leaves their namespaces out, or these \
                   have no label that asks for one";
    let hint =
        "correct spec.matchConstraints.namespaceSelector, or print the policy with --namespace-selector";
    let field = policy.object.at(&["spec", "matchConstraints", "namespaceSelector"]);
    outcome.warn(CHECK.id, policy.object, field, message, hint);
}
