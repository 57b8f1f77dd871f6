//! Routes of the Gateway API: their parents and backends are there.

use std::collections::HashSet;

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::kube::{Field, Object, Selector};
use crate::mesh::hosts::overlap;
use crate::mesh::services::ports;
use crate::mesh::{Mesh, Names};
use crate::spelling::nearest;

pub(super) const CHECK: Check = Check {
    id: "http-route",
    section: "routing",
    title: "routes of the Gateway API lead from a Gateway to a Service",
    run,
};

const GROUP: &str = "gateway.networking.k8s.io";

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let grants = grants(mesh);
    let gateways = Names::of(mesh.inventory.of(GROUP, "Gateway"));
    for route in ["HTTPRoute", "GRPCRoute"].iter().flat_map(|kind| mesh.inventory.of(GROUP, kind)) {
        let before = (outcome.findings.len(), outcome.unknowns.len());
        for (number, parent) in route.at(&["spec", "parentRefs"]).items().enumerate() {
            parent_of((mesh, &gateways), route, (number, parent), outcome);
        }
        for (at, rule) in route.at(&["spec", "rules"]).items().enumerate() {
            for (number, backend) in rule.get("backendRefs").items().enumerate() {
                backend_of((mesh, &grants), route, [at, number], backend, outcome);
            }
        }
        if before == (outcome.findings.len(), outcome.unknowns.len()) {
            refused(route, outcome);
        }
    }
}

/// What a reference names: namespace and name.
fn target<'i>(route: &'i Object, reference: Field<'i>) -> (String, String) {
    let stated = reference.get("namespace").text();
    let home = if stated.is_empty() { route.namespace().to_owned() } else { stated.into_owned() };
    (home, reference.get("name").text().into_owned())
}

fn parent_of(
    (mesh, gateways): (&Mesh<'_>, &Names<'_>),
    route: &Object,
    (number, parent): (usize, Field<'_>),
    outcome: &mut Outcome,
) {
    let kind = parent.get("kind").text();
    let group = parent.get("group").text();
    if !(kind.is_empty() || kind == "Gateway") || !(group.is_empty() || group == GROUP) {
        return;
    }
    let (home, name) = target(route, parent);
    let Some(gateway) = mesh.inventory.get(GROUP, "Gateway", &home, &name) else {
        let near = nearest(&name, gateways.beside(&home));
        let path =
            |key: &str| ["spec".to_owned(), "parentRefs".to_owned(), number.to_string(), key.to_owned()];
        let elsewhere = gateways.named(&name);
        let edit = match (near, elsewhere) {
            (Some(near), _) => Some(("name", near)),
            (None, Some(gateway)) => Some(("namespace", gateway.namespace())),
            (None, None) => None,
        };
        missing(
            mesh,
            route,
            parent.get("name"),
            &format!("no Gateway is called `{name}` in `{home}`: its routes are not served"),
            edit.map(|(key, right)| {
                let keys = path(key);
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                Edit::set("add", &keys, right)
            }),
            ("gateways", &format!("Gateway `{name}` of `{home}`")),
            outcome,
        );
        return;
    };
    outcome.looked(CHECK.id);
    let live = mesh.inventory.live;
    let section = parent.get("sectionName").text();
    let listeners: Vec<Field<'_>> = gateway.at(&["spec", "listeners"]).items().collect();
    let fitting: Vec<(usize, &Field<'_>)> = listeners
        .iter()
        .enumerate()
        .filter(|(_, listener)| section.is_empty() || listener.get("name").is(&section))
        .collect();
    if fitting.is_empty() && !section.is_empty() {
        let names: Vec<String> =
            listeners.iter().map(|listener| listener.get("name").text().into_owned()).collect();
        let message = format!(
            "{} has no listener `{section}` (it has {}): its routes are not served",
            gateway.title(),
            names.join(", ")
        );
        let near =
            nearest(&section, names.iter().map(String::as_str)).or_else(|| names.first().map(String::as_str));
        let path = ["spec", "parentRefs", &number.to_string(), "sectionName"];
        let hint = hint(live, route, &[Edit::set("replace", &path, near.unwrap_or_default())]);
        outcome.fail(CHECK.id, route, parent.get("sectionName"), message, hint);
        return;
    }
    let own = gateway.namespace() == route.namespace();
    let namespace = mesh.inventory.get_global("", "Namespace", route.namespace());
    let closed = |listener: &Field<'_>| {
        let allowed = listener.at(&["allowedRoutes", "namespaces"]);
        match &*allowed.get("from").text() {
            "" | "Same" => !own,
            "Selector" => namespace.is_some_and(|namespace| {
                !Selector::of(allowed.get("selector")).fits(namespace.at(&["metadata", "labels"]))
            }),
            _ => false,
        }
    };
    if let Some((at, _)) = fitting.first().filter(|_| fitting.iter().all(|(_, listener)| closed(listener))) {
        let message = format!(
            "{} takes no routes of namespace `{}` (allowedRoutes): its routes are not served",
            gateway.title(),
            route.namespace()
        );
        let path = ["spec", "listeners", &at.to_string(), "allowedRoutes"];
        let edit = Edit::set("add", &path, serde_json::json!({"namespaces": {"from": "All"}}));
        outcome.fail(CHECK.id, route, parent, message, hint(live, gateway, &[edit]));
        return;
    }
    let wanted: Vec<String> = hosts_of(route.at(&["spec", "hostnames"]));
    let taken: Vec<String> = fitting
        .iter()
        .filter(|(_, listener)| !closed(listener))
        .map(|(_, listener)| listener.get("hostname").text().to_lowercase())
        .collect();
    let meets = |host: &String| taken.iter().any(|taken| taken.is_empty() || overlap(taken, host));
    if !wanted.is_empty() && !wanted.iter().any(meets) {
        let message = format!(
            "no listener of {} takes its host {} (they take {}): its routes are not served",
            gateway.title(),
            wanted.join(", "),
            taken.join(", ")
        );
        let hint = format!("write a host that a listener takes, or a listener for {}", wanted.join(", "));
        outcome.fail(CHECK.id, route, route.at(&["spec", "hostnames"]), message, hint);
    }
}

fn hosts_of(list: Field<'_>) -> Vec<String> {
    list.items().map(|host| host.text().to_lowercase()).collect()
}

/// What ReferenceGrants allow: their namespace, the kind and namespace of routes, and a Service's name, or none for all.
type Grants = HashSet<(String, String, String, String)>;

fn grants(mesh: &Mesh<'_>) -> Grants {
    let mut found = Grants::new();
    for grant in mesh.inventory.of(GROUP, "ReferenceGrant") {
        let to = grant.at(&["spec", "to"]).items().filter(|to| to.get("kind").is("Service"));
        let names: Vec<_> = to.map(|to| to.get("name").text().into_owned()).collect();
        for from in grant.at(&["spec", "from"]).items() {
            let text = |key: &str| from.get(key).text().into_owned();
            let home = || grant.namespace().to_owned();
            found.extend(names.iter().map(|name| (home(), text("kind"), text("namespace"), name.clone())));
        }
    }
    found
}

/// Whether a ReferenceGrant lets a route have a Service of another namespace; nothing where that is not in view.
fn is_granted(mesh: &Mesh<'_>, grants: &Grants, route: &Object, service: &Object) -> Option<bool> {
    if route.namespace() == service.namespace() {
        return Some(true);
    }
    let allows = |name: &str| {
        let [home, kind, from] = [service.namespace(), route.kind(), route.namespace()].map(str::to_owned);
        grants.contains(&(home, kind, from, name.to_owned()))
    };
    let granted = allows("") || allows(service.name());
    (granted || !mesh.inventory.may_miss(GROUP, "referencegrants")).then_some(granted)
}

fn backend_of(
    (mesh, grants): (&Mesh<'_>, &Grants),
    route: &Object,
    [rule, number]: [usize; 2],
    backend: Field<'_>,
    outcome: &mut Outcome,
) {
    let kind = backend.get("kind").text();
    if !(kind.is_empty() || kind == "Service") || backend.get("weight").number() == Some(0) {
        return;
    }
    let (home, name) = target(route, backend);
    let keys = [rule.to_string(), number.to_string()];
    let path = |key: &'static str| {
        let [rule, number] = &keys;
        vec!["spec", "rules", rule.as_str(), "backendRefs", number.as_str(), key]
    };
    let Some(service) = mesh.routes.hosts.service(&home, &name) else {
        let near = nearest(&name, mesh.routes.hosts.beside(&home).map(Object::name));
        let message = format!("no Service is called `{name}` in `{home}`: requests fail with 500");
        let edit = near.map(|near| Edit::set("replace", &path("name"), near));
        missing(
            mesh,
            route,
            backend.get("name"),
            &message,
            edit,
            ("services", &format!("Service `{name}` of `{home}`")),
            outcome,
        );
        return;
    };
    outcome.looked(CHECK.id);
    match is_granted(mesh, grants, route, service) {
        Some(true) => {}
        Some(false) => {
            let message = format!(
                "no ReferenceGrant in `{home}` lets routes of `{}` have {}: requests fail with 500",
                route.namespace(),
                service.title()
            );
            let hint = format!(
                "create a ReferenceGrant in `{home}` from {} of `{}`",
                route.kind(),
                route.namespace()
            );
            outcome.fail(CHECK.id, route, backend.get("namespace"), message, hint);
            return;
        }
        None => {
            let message = format!("whether a ReferenceGrant lets it have {} is not in view", service.title());
            outcome.unknown(CHECK.id, route, backend.get("namespace"), message);
        }
    }
    let numbers: Vec<u64> = ports(service).filter_map(|port| port.number()).collect();
    let Some(first) = numbers.first() else { return };
    let field = backend.get("port");
    if field.number().is_some_and(|port| numbers.contains(&port)) {
        return;
    }
    let list = numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let message = match field.number() {
        Some(port) => {
            format!("{} has no port {port} (it has {list}): requests fail with 500", service.title())
        }
        None => {
            format!("no port is named, and {} needs one ({list}): requests fail with 500", service.title())
        }
    };
    let hint = hint(mesh.inventory.live, route, &[Edit::set("add", &path("port"), *first)]);
    outcome.fail(CHECK.id, route, field, message, hint);
}

/// Something that is not there: a failure where a near name or the whole cluster is in view.
fn missing(
    mesh: &Mesh<'_>,
    route: &Object,
    field: Field<'_>,
    message: &str,
    edit: Option<Edit>,
    (resource, what): (&str, &str),
    outcome: &mut Outcome,
) {
    let group = if resource == "services" { "" } else { GROUP };
    match edit {
        Some(edit) => {
            outcome.fail(CHECK.id, route, field, message, hint(mesh.inventory.live, route, &[edit]));
        }
        None if mesh.inventory.may_miss(group, resource) => {
            outcome.unknown(CHECK.id, route, field, format!("{what} is not in view"));
        }
        None => {
            outcome.fail(
                CHECK.id,
                route,
                field,
                message,
                format!("create {what}, or refer to an existing one"),
            );
        }
    }
}

/// What a controller says of it although nothing was found.
fn refused(route: &Object, outcome: &mut Outcome) {
    let parents = route.at(&["status", "parents"]).items();
    for parent in parents.filter(|parent| parent.get("controllerName").text().starts_with("istio.io/")) {
        let mut conditions = parent.get("conditions").items();
        let refused = conditions.find(|condition| {
            condition.get("status").is("False")
                && (condition.get("type").is("Accepted") || condition.get("type").is("ResolvedRefs"))
        });
        if let Some(condition) = refused {
            let (reason, text) = (condition.get("reason").text(), condition.get("message").text());
            let message = format!("Istio does not take it as it is ({reason}: {text})");
            let hint = super::edit::kubectl("describe", route);
            outcome.fail(CHECK.id, route, route.at(&["status"]), message, hint);
            return;
        }
    }
}
