//! Pods that are to have a sidecar: have one, and it runs.

use std::collections::BTreeMap;

use super::Check;
use super::command::{kubectl, restart_all};
use crate::check::Outcome;
use crate::facts::istio;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::injection::{Block, Decision, Member, Outside, is_to_be_completed};
use crate::mesh::pods::{is_starting, trouble};

pub(super) const CHECK: Check =
    Check { id: "sidecar", section: "workloads", title: "every pod has its sidecar", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for member in &mesh.injection.members {
        labels(mesh, member, outcome);
    }
    if !mesh.inventory.live {
        return;
    }
    let mut homes: BTreeMap<&str, Vec<&Member<'_>>> = BTreeMap::new();
    for member in &mesh.injection.members {
        if matches!(member.decision, Decision::Injected(_) | Decision::Own) && !member.pods.is_empty() {
            homes.entry(member.workload.object.namespace()).or_default().push(member);
        }
    }
    for (namespace, members) in homes {
        outcome.looked(CHECK.id);
        of_namespace(mesh, namespace, &members, outcome);
        members.iter().for_each(|member| health(member, outcome));
    }
}

/// Labels and annotations of a pod template that ask for a sidecar and get none.
fn labels(mesh: &Mesh<'_>, member: &Member<'_>, outcome: &mut Outcome) {
    let object = member.workload.object;
    match &member.decision {
        Decision::Outside(Outside::OptedOut | Outside::HostNetwork)
            if is_to_be_completed(&member.workload) && !member.has_proxies() =>
        {
            let message = "its container istio-proxy is to be filled in by the injector (image: auto), and its pods are left out: they cannot start";
            let hint = format!(
                "set the label `{}: \"true\"` on the pod template, without hostNetwork",
                istio::INJECT
            );
            outcome.fail(CHECK.id, object, member.workload.spec().get("containers"), message, hint);
        }
        Decision::Blocked(Block::AnnotationAlone, _, field) => {
            let message = format!(
                "the annotation {} can only say no; its namespace has no injection label, so its pods get no sidecar",
                istio::INJECT
            );
            let hint = format!(
                "set the label `{}: \"true\"` on the pod template, or label the namespace",
                istio::INJECT
            );
            outcome.fail(CHECK.id, object, *field, message, hint);
        }
        Decision::Blocked(Block::NotExactly(value), _, field) => {
            let message = format!(
                "label {}: `{value}` is not `true`, and the webhook wants exactly that, so its pods get no sidecar",
                istio::INJECT
            );
            let hint = format!("write the label as `{}: \"true\"`", istio::INJECT);
            outcome.fail(CHECK.id, object, *field, message, hint);
        }
        Decision::Outside(Outside::HostNetwork)
            if member.wants_sidecar && !member.said().exists() && !member.has_proxies() =>
        {
            let field = member.workload.spec().get("hostNetwork");
            let message = "hostNetwork: true: pods on the node's own network get no sidecar, though the annotations ask for one";
            let hint = "remove hostNetwork from the pod template, or the annotations for the sidecar";
            outcome.fail(CHECK.id, object, field, message, hint);
        }
        Decision::Outside(Outside::OptedOut) if member.wants_sidecar && member.said().exists() => {
            let field = member.said();
            let message = format!(
                "{}: `{}` says no, so its pods get no sidecar, though the annotations ask for one",
                istio::INJECT,
                field.text()
            );
            let hint =
                format!("remove {} from the pod template, or the annotations for the sidecar", istio::INJECT);
            outcome.fail(CHECK.id, object, field, message, hint);
        }
        Decision::Injected(_) => inexact(mesh, member, outcome),
        _ => {}
    }
}

fn inexact(mesh: &Mesh<'_>, member: &Member<'_>, outcome: &mut Outcome) {
    if mesh.injection.is_inexact(member) {
        let field = member.said();
        let message = format!(
            "{}: `{}` means nothing to Istio {} and later, so its pods get a sidecar",
            istio::INJECT,
            field.text(),
            istio::EXACT_INJECT_VALUES
        );
        let hint = format!("write `{}: \"false\"`, or \"true\" if the sidecar is wanted", istio::INJECT);
        outcome.fail(CHECK.id, member.workload.object, field, message, hint);
    }
}

fn of_namespace(mesh: &Mesh<'_>, namespace: &str, members: &[&Member<'_>], outcome: &mut Outcome) {
    let all_bare = |member: &&&Member<'_>| member.bare_pods().count() == member.pods.len();
    let bare = members.iter().filter(all_bare).count();
    let home = mesh.inventory.get_global("", "Namespace", namespace);
    if let Some(home) = home.filter(|_| bare > 1 && bare == members.len()) {
        let message = format!(
            "none of its {bare} workloads has a sidecar, though it is labelled: their pods are older than the label"
        );
        outcome.fail(CHECK.id, home, home.at(&["metadata", "labels"]), message, restart_all(namespace));
        return;
    }
    for member in members {
        let names: Vec<&str> = member.bare_pods().map(Object::name).collect();
        if !names.is_empty() {
            without(member, &names, outcome);
        }
    }
}

fn without(member: &Member<'_>, bare: &[&str], outcome: &mut Outcome) {
    let object = member.workload.object;
    let (count, all) = (bare.len(), member.pods.len());
    let message = match bare {
        [_] if all == 1 => "its pod has no sidecar: it was made before injection was on".to_owned(),
        [name, ..] if count < all => {
            format!("{count} of {all} pods have no sidecar, such as {name}: made before injection was on")
        }
        _ => format!("none of its {all} pods has a sidecar: made before injection was on"),
    };
    let hint = match object.kind() {
        "Pod" => "delete the pod and create it again".to_owned(),
        "Deployment" | "StatefulSet" | "DaemonSet" => kubectl("rollout restart", object),
        _ => format!("kubectl delete pod -n {} {}", crate::gate::word(object.namespace()), bare.join(" ")),
    };
    outcome.fail(CHECK.id, object, object.at(&["metadata"]), message, hint);
}

/// A sidecar that does not run holds its application back, or lets it run unobserved.
fn health(member: &Member<'_>, outcome: &mut Outcome) {
    let object = member.workload.object;
    let troubles = member.pods.iter().filter_map(|pod| Some((pod, trouble(pod)?)));
    let mut sick = troubles.filter(|(pod, trouble)| trouble.is_of_sidecar() && !is_starting(object, pod));
    let Some((pod, trouble)) = sick.next() else { return };
    let count = 1 + sick.count();
    let message = format!(
        "the sidecar does not run in {count} of {} pods: {trouble} ({})",
        member.pods.len(),
        pod.name()
    );
    let container = trouble.container.as_deref().unwrap_or(istio::PROXY_CONTAINER);
    let hint = format!(
        "kubectl logs -n {} {} -c {}",
        crate::gate::word(pod.namespace()),
        crate::gate::word(pod.name()),
        crate::gate::word(container)
    );
    outcome.fail(CHECK.id, object, object.at(&["status"]), message, hint);
}
