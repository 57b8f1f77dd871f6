//! Revisions and tags that namespaces and pods ask for: installed.

use std::collections::HashSet;

use super::Check;
use super::command::label;
use crate::check::Outcome;
use crate::facts::istio;
use crate::kube::{Field, Object};
use crate::mesh::Mesh;
use crate::mesh::injection::{Block, Decision};

pub(super) const CHECK: Check = Check {
    id: "revision-missing",
    section: "namespaces",
    title: "every revision that is asked for is installed",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut reported: HashSet<String> = HashSet::new();
    for member in &mesh.injection.members {
        match &member.decision {
            Decision::Injected(Some(_)) => outcome.looked(CHECK.id),
            Decision::Blocked(Block::NoRevision(name), object, field) if reported.insert(object.title()) => {
                unknown_revision(mesh, name, object, *field, outcome);
            }
            Decision::Blocked(Block::NoDefault, object, field) if reported.insert(object.title()) => {
                no_default(mesh, object, *field, outcome);
            }
            _ => {}
        }
    }
}

fn unknown_revision(mesh: &Mesh<'_>, name: &str, object: &Object, field: Field<'_>, outcome: &mut Outcome) {
    let known = mesh.injection.revisions();
    let nearest = known.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
    let message = format!(
        "label {}: no revision or tag `{name}` is installed, so its pods get no sidecar; installed: {}",
        istio::REVISION_LABEL,
        known.join(", ")
    );
    let wanted = nearest.map_or(istio::DEFAULT_REVISION, String::as_str);
    let hint = if object.kind() == "Namespace" {
        let set = label(object.name(), &[&format!("{}={wanted}", istio::REVISION_LABEL)]);
        format!("{set} && {}", super::command::restart_all(object.name()))
    } else {
        format!("set the label `{}: {wanted}` on the pod template", istio::REVISION_LABEL)
    };
    outcome.fail(CHECK.id, object, field, message, hint);
}

fn no_default(mesh: &Mesh<'_>, object: &Object, field: Field<'_>, outcome: &mut Outcome) {
    let known = mesh.injection.revisions();
    let message = format!(
        "{} asks for the default revision, and only {} is installed, so its pods get no sidecar",
        if object.kind() == "Namespace" { "`istio-injection: enabled`" } else { "its label" },
        known.join(", ")
    );
    let wanted = known.first().map_or("", String::as_str);
    let hint = format!("istioctl tag set default --revision {}", crate::gate::word(wanted));
    outcome.fail(CHECK.id, object, field, message, hint);
}
