//! The injector: its webhooks are there, lead to an istiod, and inject.

use std::collections::{HashMap, HashSet};

use super::Check;
use super::command::kubectl;
use super::istiod_ready::{is_elsewhere, is_ready, istiods};
use crate::check::Outcome;
use crate::facts::istio;
use crate::kube::{Object, Selector};
use crate::mesh::Mesh;
use crate::mesh::injection::{Block, Decision, Webhook};

pub(super) const CHECK: Check =
    Check { id: "injection", section: "workloads", title: "Istio injects sidecars", run };

/// Workloads whose pods the API server refuses, since it cannot ask the injector.
pub(super) fn refused<'m>(mesh: &'m Mesh<'_>) -> impl Iterator<Item = &'m Object> {
    mesh.injection.members.iter().map(|member| member.workload.object).filter(|object| {
        mesh.pods.refusal(object).is_some_and(|message| message.contains(istio::INJECTOR_WEBHOOK))
    })
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    without_webhook(mesh, outcome);
    not_selected(mesh, outcome);
    policy(mesh, outcome);
    never(mesh, outcome);
    services(mesh, outcome);
}

fn without_webhook(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let members = mesh.injection.members.iter();
    let blocked = members.filter(|member| matches!(member.decision, Decision::Blocked(Block::NoWebhook, ..)));
    let blocked: Vec<_> = blocked.map(|member| member.workload.object).collect();
    if blocked.is_empty() || is_elsewhere(mesh) || istiods(mesh).next().is_none() {
        return;
    }
    let finding = outcome.missing(
        CHECK.id,
        "mutatingwebhookconfiguration/istio-sidecar-injector",
        "no webhook of Istio's injector in the cluster, so new pods get no sidecar",
        "install Istio again as it was installed (istioctl install, or helm upgrade of istiod): that puts it back",
    );
    for object in blocked {
        finding.leads_to(format!("{} gets no sidecar", object.title()));
    }
}

fn not_selected(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut reported = HashSet::new();
    for member in &mesh.injection.members {
        let Decision::Blocked(Block::NotSelected(name), by, _) = &member.decision else { continue };
        let webhooks = mesh.injection.webhooks.iter();
        let Some(webhook) = webhooks.into_iter().find(|webhook| webhook.object.name() == name) else {
            continue;
        };
        if reported.insert(name.clone()) {
            let message = format!(
                "its selectors take no pods of {}, though that asks for injection by its labels",
                by.reference()
            );
            let place = webhook.entry.get("namespaceSelector");
            let hint = "install Istio again as it was installed (istioctl install, or helm upgrade of istiod): that puts the selectors back";
            outcome.fail(CHECK.id, webhook.object, place, message, hint);
        }
    }
}

fn policy(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut reported = HashSet::new();
    for member in &mesh.injection.members {
        let Decision::Blocked(Block::Policy, map, field) = &member.decision else { continue };
        if reported.insert(map.title()) {
            let message = "policy: disabled: the injector gives a sidecar to those pods only that ask for one with a label of their own";
            let hint = "set `policy: enabled` in the key `config`, and restart istiod and the workloads";
            outcome.fail(CHECK.id, map, *field, message, hint);
        }
    }
}

fn never(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut reported: HashMap<String, usize> = HashMap::new();
    for member in &mesh.injection.members {
        let Decision::Blocked(Block::Never, map, field) = &member.decision else { continue };
        let object = member.workload.object;
        let number = *reported.entry(map.title()).or_insert_with(|| {
            let message =
                "neverInjectSelector selects pods that are annotated for a sidecar, so they get none";
            let hint = "take the selector out of the key `config`, and restart istiod and the workloads";
            outcome.fail(CHECK.id, map, *field, message, hint);
            outcome.findings.len() - 1
        });
        if let Some(finding) = outcome.findings.get_mut(number) {
            finding.leads_to(format!("{} gets no sidecar", object.title()));
        }
    }
}

/// Whether the webhooks that are called for workloads have somebody to answer.
fn services(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let used: HashSet<usize> = mesh
        .injection
        .members
        .iter()
        .filter_map(|member| if let Decision::Injected(number) = member.decision { number } else { None })
        .collect();
    let mut reported = HashSet::new();
    let mut any = false;
    let mut used: Vec<usize> = used.into_iter().collect();
    used.sort_unstable();
    for webhook in used.iter().filter_map(|number| mesh.injection.webhooks.get(*number)) {
        any = true;
        let Some((namespace, name)) = webhook.service() else { continue };
        if reported.insert((namespace.clone(), name.clone())) {
            service(mesh, webhook, &namespace, &name, outcome);
        }
    }
    if any {
        outcome.looked(CHECK.id);
    }
    // The API server's own words, where none of the causes above is in view.
    let is_explained =
        outcome.findings.iter().any(|finding| matches!(finding.id, "injection" | "istiod-ready"));
    if let Some(object) = refused(mesh).next().filter(|_| !is_explained) {
        let message = mesh.pods.refusal(object).unwrap_or_default();
        let message = format!("the API server cannot call Istio's injector: {message}");
        let finding = outcome.missing(
            CHECK.id,
            "Istio's injector",
            message,
            "kubectl logs -n istio-system deployment/istiod",
        );
        for object in refused(mesh) {
            finding.leads_to(format!("no pod of {} can be made", object.title()));
        }
    }
}

fn service(mesh: &Mesh<'_>, webhook: &Webhook<'_>, namespace: &str, name: &str, outcome: &mut Outcome) {
    let place = webhook.entry.at(&["clientConfig", "service", "name"]);
    let Some(service) = mesh.inventory.get("", "Service", namespace, name) else {
        // Files may leave all Services of a namespace out.
        let mut beside = mesh.inventory.of("", "Service").filter(|other| other.namespace() == namespace);
        if !mesh.inventory.live && beside.next().is_none() {
            return;
        }
        let message = format!(
            "it calls Service `{name}` in `{namespace}`, which does not exist, so no pod can be made"
        );
        let known = mesh.inventory.of("", "Service").filter(|service| service.namespace() == namespace);
        let known = known.filter(|service| service.name().starts_with(istio::ISTIOD)).map(Object::name);
        let known: Vec<&str> = known.collect();
        let hint = match known.first() {
            Some(known) => format!("set clientConfig.service.name to `{known}`, or install Istio again"),
            None => "install Istio again as it was installed: that puts the Service back".to_owned(),
        };
        let told = outcome.findings.iter().position(|finding| {
            finding.id == "datakit-istiod" && finding.message.contains(&format!("no Service `{name}`"))
        });
        let told = told.map(|number| outcome.findings.remove(number));
        let finding = outcome.fail(CHECK.id, webhook.object, place, message, hint);
        if told.is_some() {
            finding.leads_to("istiod's metrics are not collected");
        }
        return;
    };
    let ports = service.at(&["spec", "ports"]);
    let port = webhook.port();
    let mut numbers = ports.items().map(|entry| entry.get("port").number());
    if ports.items().next().is_some() && !numbers.any(|number| number == Some(port)) {
        let message =
            format!("it calls port {port} of Service `{name}`, which has none, so no pod can be made");
        let place = webhook.entry.at(&["clientConfig", "service", "port"]);
        let hint = "set clientConfig.service.port to 443, or install Istio again as it was installed";
        outcome.fail(CHECK.id, webhook.object, place, message, hint);
        return;
    }
    let selector = service.at(&["spec", "selector"]);
    let own = || istiods(mesh).filter(|istiod| istiod.namespace() == namespace);
    let chooses = |istiod: &Object| {
        let labels = istiod.at(&["spec", "template", "metadata", "labels"]);
        Selector::of_map(selector).fits(labels)
    };
    if !mesh.inventory.live && selector.is_set() && own().next().is_some() && !own().any(chooses) {
        let message = "its selector fits no istiod of the files, so no pod gets a sidecar";
        let hint = "set `spec.selector` to labels of istiod's pods, as `app: istiod`";
        outcome.fail(CHECK.id, service, selector, message, hint);
        return;
    }
    let ready = own().any(is_ready);
    if selector.is_set() && ready && mesh.endpoints.are_ready(service) == Some(false) {
        let message = "it has no ready endpoints though istiod is ready: its selector or targetPort fits no pod of istiod, so no pod gets a sidecar";
        outcome.fail(CHECK.id, service, selector, message, kubectl("get -o yaml", service));
    }
}
