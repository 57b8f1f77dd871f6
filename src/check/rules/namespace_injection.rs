//! Namespaces of applications that are meant to be in the mesh: labelled, and labelled right.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use super::command::label;
use crate::check::Outcome;
use crate::facts::istio;
use crate::kube::{Field, Object};
use crate::mesh::Mesh;
use crate::mesh::injection::{Block, Decision, Member, Outside};

pub(super) const CHECK: Check = Check {
    id: "namespace-injection",
    section: "namespaces",
    title: "the application's namespace has the injection label",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let known: BTreeMap<&str, &Object> =
        mesh.inventory.of("", "Namespace").map(|namespace| (namespace.name(), namespace)).collect();
    let mut homes: BTreeMap<&str, Vec<&Member<'_>>> = BTreeMap::new();
    for member in &mesh.injection.members {
        homes.entry(member.workload.object.namespace()).or_default().push(member);
    }
    for (name, members) in &homes {
        if let Some(namespace) = known.get(name) {
            one(mesh, namespace, members, outcome);
        }
    }
    if mesh.inventory.live {
        nothing_meshed(mesh, homes.keys().copied().collect(), outcome);
    }
}

fn one(mesh: &Mesh<'_>, namespace: &Object, members: &[&Member<'_>], outcome: &mut Outcome) {
    let blocked = members.iter().find_map(|member| match &member.decision {
        Decision::Blocked(block @ (Block::NamespaceValue(_) | Block::NamespaceSaysNo), _, field) => {
            Some((block, *field, *member))
        }
        _ => None,
    });
    if let Some((block, field, member)) = blocked {
        return wrong_value(mesh, namespace, block, field, member, outcome);
    }
    let unlabelled: Vec<_> = members
        .iter()
        .filter(|member| matches!(member.decision, Decision::Outside(Outside::NotAsked)))
        .collect();
    let wanting = unlabelled.iter().filter(|member| member.wants_sidecar || member.has_proxies()).count();
    let label = namespace.at(&["metadata", "labels", istio::INJECTION_LABEL]);
    let refused = members.iter().find(|member| {
        matches!(member.decision, Decision::Outside(Outside::OptedOut))
            && !member.said().exists()
            && (member.wants_sidecar || member.has_proxies())
    });
    if let Some(member) = refused.filter(|_| label.exists()) {
        let message = format!(
            "label {}: `{}` says no, so pods here get no sidecar, though {} asks for one by its annotations",
            istio::INJECTION_LABEL,
            label.text(),
            member.workload.object.reference()
        );
        let hint = remedy(mesh, namespace, "");
        outcome.fail(CHECK.id, namespace, label, message, hint);
        return;
    }
    if let Some((key, field)) = misspelt(namespace).filter(|_| !unlabelled.is_empty()) {
        let hint = remedy(mesh, namespace, &format!("{key}-"));
        let message = format!(
            "label `{key}` means nothing to Istio, so pods here get no sidecar; the injection label is `{}`",
            asked_label(mesh)
        );
        outcome.fail(CHECK.id, namespace, field, message, hint);
    } else if wanting > 0 {
        let message = "no injection label, so its pods get no sidecar";
        let place = namespace.at(&["metadata"]);
        let finding = outcome.fail(CHECK.id, namespace, place, message, remedy(mesh, namespace, ""));
        if unlabelled.iter().any(|member| member.has_proxies()) {
            finding.leads_to("the sidecars that run here are gone when their pods are made anew");
        }
    } else if members
        .iter()
        .any(|member| matches!(member.decision, Decision::Injected(_) | Decision::Ambient))
    {
        outcome.looked(CHECK.id);
    }
}

fn wrong_value(
    mesh: &Mesh<'_>,
    namespace: &Object,
    block: &Block,
    field: Field<'_>,
    member: &Member<'_>,
    outcome: &mut Outcome,
) {
    let message = match block {
        Block::NamespaceValue(value) => format!(
            "label {}: `{value}` blocks every injection here; only `enabled` injects, and `disabled` is the way to say no",
            istio::INJECTION_LABEL
        ),
        _ => format!(
            "label {}: `disabled` blocks the sidecar that {} asks for with its own label",
            istio::INJECTION_LABEL,
            member.workload.object.reference()
        ),
    };
    let hint = match block {
        Block::NamespaceValue(_) => remedy(mesh, namespace, ""),
        _ if mesh.inventory.live => label(namespace.name(), &[&format!("{}-", istio::INJECTION_LABEL)]),
        _ => format!("remove the label {}, so that the pods' own labels count", istio::INJECTION_LABEL),
    };
    outcome.fail(CHECK.id, namespace, field, message, hint);
}

/// The label that makes a namespace part of the mesh.
fn asked_label(mesh: &Mesh<'_>) -> String {
    let revisions = mesh.injection.revisions();
    match revisions.as_slice() {
        [only] if only != istio::DEFAULT_REVISION => format!("{}={only}", istio::REVISION_LABEL),
        _ => format!("{}=enabled", istio::INJECTION_LABEL),
    }
}

fn remedy(mesh: &Mesh<'_>, namespace: &Object, also: &str) -> String {
    let asked = asked_label(mesh);
    let name = namespace.name();
    if mesh.inventory.live {
        let labels: Vec<&str> =
            [asked.as_str(), also].into_iter().filter(|label| !label.is_empty()).collect();
        return format!("{} && {}", label(name, &labels), super::command::restart_all(name));
    }
    match asked.split_once('=') {
        Some((key, value)) => format!("set the label `{key}: {value}` on the namespace"),
        None => asked,
    }
}

/// A label that is nearly one of Istio's.
fn misspelt(namespace: &Object) -> Option<(String, Field<'_>)> {
    const RIGHT: &[&str] = &[istio::INJECTION_LABEL, istio::REVISION_LABEL];
    const FAR: usize = 3;
    let is_near = |key: &str| {
        let key = key.to_ascii_lowercase();
        let name = key.rsplit('/').next().unwrap_or_default();
        RIGHT.iter().any(|right| strsim::damerau_levenshtein(&key, right) < FAR)
            || (key.contains("istio") && name.contains("inject"))
    };
    let mut labels = namespace.at(&["metadata", "labels"]).entries();
    let found = labels.find(|(key, _)| !RIGHT.contains(&&**key) && is_near(key));
    found.map(|(key, field)| (key.into_owned(), field))
}

/// A mesh that nothing is in: which of the namespaces is the application's, nobody can know, so one finding says it.
fn nothing_meshed(mesh: &Mesh<'_>, homes: BTreeSet<&str>, outcome: &mut Outcome) {
    let members = &mesh.injection.members;
    let asks = |member: &Member<'_>| {
        member.is_meshed() || matches!(member.decision, Decision::Outside(Outside::OptedOut))
    };
    if members.is_empty() || members.iter().any(asks) || outcome.findings.iter().any(|f| f.id == CHECK.id) {
        return;
    }
    let Some(first) = homes.iter().next() else { return };
    let names = homes.iter().copied().collect::<Vec<_>>().join(", ");
    let message = format!("none of the namespaces with workloads ({names}) has the injection label");
    let asked = asked_label(mesh);
    let hint = format!("{} && {}", label(first, &[&asked]), super::command::restart_all(first));
    outcome.missing(CHECK.id, "namespaces", message, hint);
}
