//! Destinations of routes are hosts that the mesh knows.

use std::collections::HashSet;

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::facts::istio::EXPORT_TO;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::hosts::Host;
use crate::mesh::routes::Destination;
use crate::mesh::services::Labels;
use crate::spelling::nearest;

pub(super) const CHECK: Check = Check {
    id: "route-host",
    section: "routing",
    title: "every destination of a route is a known host",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut told = HashSet::new();
    let labels = Labels::of(mesh.inventory);
    for destination in &mesh.routes.destinations {
        let rule = (destination.rule.namespace(), destination.rule.name());
        if told.insert((rule, destination.host.clone())) {
            judge(mesh, &labels, destination, outcome);
        }
    }
    let rules = mesh.inventory.of("networking.istio.io", "DestinationRule");
    let with_subset = mesh.routes.destinations.iter().filter(|destination| !destination.subset().is_empty());
    let with_subset = with_subset.filter_map(|destination| match destination.target {
        Host::Service(service) => Some(service.name()),
        _ => None,
    });
    let with_subset: HashSet<&str> = with_subset.collect();
    for rule in rules.filter(|rule| mesh.reads(rule)) {
        rule_host(mesh, rule, &with_subset, outcome);
    }
    for rule in &mesh.routes.virtual_services {
        // A gateway takes any host.
        if rule.in_mesh && rule.gateways.is_empty() {
            own_hosts(mesh, rule.object, outcome);
        }
    }
}

/// A rule for a Service that is not there has no effect.
fn own_hosts(mesh: &Mesh<'_>, rule: &Object, outcome: &mut Outcome) {
    let hosts = &mesh.routes.hosts;
    for (number, field) in rule.at(&["spec", "hosts"]).items().enumerate() {
        let host = field.text();
        let Host::Missing { name, namespace } = hosts.resolve(&host, rule.namespace()) else { continue };
        // A destination that is called the same is reported already.
        if mesh.routes.destinations_of(rule).iter().any(|destination| destination.host == host) {
            continue;
        }
        let elsewhere = hosts.named(&name).iter().find(|service| service.stated_namespace().is_some());
        let near = nearest(&name, hosts.beside(&namespace).map(Object::name));
        let domain = hosts.domain();
        let right = match (near, elsewhere) {
            (Some(near), _) => format!("{near}.{namespace}.svc.{domain}"),
            (None, Some(service)) => format!("{name}.{}.svc.{domain}", service.namespace()),
            (None, None) => continue,
        };
        let message = format!(
            "its host `{host}` means Service `{name}` of `{namespace}`, which does not exist: sidecars never use this rule"
        );
        let edit = Edit::set("replace", &["spec", "hosts", &number.to_string()], right);
        outcome.warn(CHECK.id, rule, field, message, hint(mesh.inventory.live, rule, &[edit]));
    }
}

/// A Service that is not exported to the clients of a route.
fn hidden<'i>(mesh: &Mesh<'i>, destination: &Destination<'i>, service: &'i Object, outcome: &mut Outcome) {
    let field = service.annotation(EXPORT_TO);
    let exported = field.text();
    let sees = |client: &str| {
        exported.is_empty()
            || exported.split(',').map(str::trim).any(|to| match to {
                "*" => true,
                "." => client == service.namespace(),
                to => to == client,
            })
    };
    let clients = mesh.routes.clients(destination);
    if let Some(client) = clients.into_iter().find(|client| !sees(client)) {
        let message = format!(
            "{} is not exported to `{client}`, whose proxies use this route (annotation {EXPORT_TO}: {exported}): {}",
            service.title(),
            effect(destination)
        );
        let edit =
            Edit::set("replace", &["metadata", "annotations", EXPORT_TO], format!("{exported},{client}"));
        let hint = hint(mesh.inventory.live, service, &[edit]);
        report(destination, message, hint, outcome);
    }
}

/// A DestinationRule for a Service that is not there, and is nearly called as another; where subsets are missed by it, that is
/// told.
fn rule_host(mesh: &Mesh<'_>, rule: &Object, with_subset: &HashSet<&str>, outcome: &mut Outcome) {
    let hosts = &mesh.routes.hosts;
    let field = rule.at(&["spec", "host"]);
    let Host::Missing { name, namespace } = hosts.resolve(&field.text(), rule.namespace()) else { return };
    let Some(near) = nearest(&name, hosts.beside(&namespace).map(Object::name)) else { return };
    if with_subset.contains(near) {
        return;
    }
    let message = format!(
        "its host `{}` means Service `{name}` of `{namespace}`, which does not exist: no client uses this rule",
        field.text()
    );
    let right = format!("{near}.{namespace}.svc.{}", hosts.domain());
    let edit = Edit::set("replace", &["spec", "host"], right);
    outcome.warn(CHECK.id, rule, field, message, hint(mesh.inventory.live, rule, &[edit]));
}

fn judge<'i>(mesh: &Mesh<'i>, labels: &Labels<'i>, destination: &Destination<'i>, outcome: &mut Outcome) {
    let host = &*destination.host;
    match &destination.target {
        Host::Service(service) => {
            outcome.looked(CHECK.id);
            hidden(mesh, destination, service, outcome);
        }
        Host::Entry(_) => outcome.looked(CHECK.id),
        Host::Partial { full, service } => {
            let message = format!(
                "host `{host}` has a dot, so Istio takes it for a full name, and no host is called that; {} is `{full}`",
                service.title()
            );
            wrong(mesh, destination, &message, full, outcome);
        }
        Host::Missing { name, namespace } => missing(mesh, labels, destination, (name, namespace), outcome),
        Host::OtherDomain { domain, full } => {
            let ours = mesh.routes.hosts.domain();
            if mesh.routes.hosts.knows_domain() || nearest(domain, [ours]).is_some() {
                let message =
                    format!("host `{host}` ends in `{domain}`, and the cluster's domain is `{ours}`");
                wrong(mesh, destination, &message, full, outcome);
            } else {
                unknown(
                    destination,
                    &format!("whether `{domain}` is the domain of a cluster is not in view"),
                    outcome,
                );
            }
        }
        Host::External => external(mesh, destination, outcome),
        Host::Unknowable => {
            unknown(destination, &format!("`{host}` is not a host of this cluster's Services"), outcome);
        }
    }
}

fn unknown(destination: &Destination<'_>, message: &str, outcome: &mut Outcome) {
    outcome.unknown(CHECK.id, destination.rule, destination.field.get("host"), message);
}

/// A host that is certainly wrong, and the right one.
fn wrong(mesh: &Mesh<'_>, destination: &Destination<'_>, message: &str, right: &str, outcome: &mut Outcome) {
    let all = mesh.routes.destinations_of(destination.rule).iter();
    let same = all.filter(|other| other.host == destination.host);
    let edits: Vec<Edit> = same.map(|other| Edit::of_destination(other, &["host"], right)).collect();
    let hint = hint(mesh.inventory.live, destination.rule, &edits);
    report(destination, format!("{message}: {}", effect(destination)), hint, outcome);
}

fn effect(destination: &Destination<'_>) -> &'static str {
    if destination.is_mirror { "copies of requests are lost" } else { "requests fail with 503" }
}

fn report(destination: &Destination<'_>, message: String, hint: String, outcome: &mut Outcome) {
    let field = destination.field.get("host");
    if destination.is_mirror {
        outcome.warn(CHECK.id, destination.rule, field, message, hint);
    } else {
        outcome.fail(CHECK.id, destination.rule, field, message, hint);
    }
}

fn missing<'i>(
    mesh: &Mesh<'i>,
    labels: &Labels<'i>,
    destination: &Destination<'i>,
    (name, namespace): (&str, &str),
    outcome: &mut Outcome,
) {
    let hosts = &mesh.routes.hosts;
    let host = &*destination.host;
    let is_short = !host.contains('.');
    // That is told by `route-namespace`.
    if is_short && !hosts.named(name).is_empty() {
        return;
    }
    let domain = hosts.domain();
    if let Some(elsewhere) = hosts.named(name).iter().find(|service| service.stated_namespace().is_some()) {
        let right = format!("{name}.{}.svc.{domain}", elsewhere.namespace());
        let known = !mesh.inventory.may_miss("", "services");
        if known || nearest(namespace, [elsewhere.namespace()]).is_some() {
            let message = format!(
                "no Service is called `{name}` in `{namespace}`; there is one in `{}`",
                elsewhere.namespace()
            );
            return wrong(mesh, destination, &message, &right, outcome);
        }
    }
    if let Some(near) = nearest(name, hosts.beside(namespace).map(Object::name)) {
        let right = if is_short { near.to_owned() } else { format!("{near}.{namespace}.svc.{domain}") };
        let message = format!("no Service is called `{name}` in `{namespace}`; the nearest name is `{near}`");
        return wrong(mesh, destination, &message, &right, outcome);
    }
    // Files with pods that are called so, and other Services of their namespace, are to have this one, too.
    let beside = hosts.beside(namespace).next();
    let pods = beside.and_then(|service| labels.with(service.namespace(), "app", name));
    if pods.is_none() && mesh.inventory.may_miss("", "services") {
        return unknown(destination, &format!("Service `{name}` of `{namespace}` is not in view"), outcome);
    }
    let message = format!("no Service is called `{name}` in `{namespace}`: {}", effect(destination));
    let hint =
        format!("create Service `{name}` in `{namespace}`, or route to one of: {}", names(mesh, namespace));
    report(destination, message, hint, outcome);
}

fn names(mesh: &Mesh<'_>, namespace: &str) -> String {
    const SHOWN: usize = 8;
    let names: Vec<&str> = mesh.routes.hosts.beside(namespace).map(Object::name).take(SHOWN).collect();
    if names.is_empty() { "none there".to_owned() } else { names.join(", ") }
}

fn external<'i>(mesh: &Mesh<'i>, destination: &Destination<'i>, outcome: &mut Outcome) {
    let host = &*destination.host;
    if let Some(near) = nearest(host, mesh.routes.hosts.entry_hosts()) {
        let message = format!("no ServiceEntry has host `{host}`; the nearest is `{near}`");
        return wrong(mesh, destination, &message, near, outcome);
    }
    let first = host.split('.').next().unwrap_or_default();
    let stated = host.split('.').nth(1).unwrap_or_default();
    // `svc.ns` of a Service that is somewhere else, or misspelt.
    let meant =
        mesh.routes.hosts.named(first).iter().find(|service| {
            service.namespace() == stated || nearest(stated, [service.namespace()]).is_some()
        });
    if let Some(service) = meant {
        let right = format!("{first}.{}.svc.{}", service.namespace(), mesh.routes.hosts.domain());
        let message = format!("no host is called `{host}`; {} is `{right}`", service.title());
        return wrong(mesh, destination, &message, &right, outcome);
    }
    if mesh.inventory.may_miss("networking.istio.io", "serviceentries") {
        return unknown(destination, &format!("the ServiceEntry for `{host}` is not in view"), outcome);
    }
    let message = format!("no Service and no ServiceEntry has host `{host}`: {}", effect(destination));
    report(
        destination,
        message,
        format!("create a ServiceEntry with host `{host}`, or correct the host"),
        outcome,
    );
}
