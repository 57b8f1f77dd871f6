//! Gateways that VirtualServices name are there, and take their hosts.

use serde_json::json;

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::kube::{Field, Object};
use crate::mesh::gateways::Gateway;
use crate::mesh::hosts::{Host, overlap};
use crate::mesh::routes::VirtualService;
use crate::mesh::{Mesh, Names};
use crate::spelling::nearest;

pub(super) const CHECK: Check = Check {
    id: "route-gateway",
    section: "routing",
    title: "every route is bound to Gateways that take its hosts",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let all = Names::of(mesh.routes.gateways.all.iter().map(|gateway| gateway.object));
    for rule in mesh.routes.virtual_services.iter().filter(|rule| !rule.is_delegate) {
        if everywhere(mesh, rule, outcome) {
            continue;
        }
        let mut found = Vec::new();
        let mut complete = true;
        for (field, home, name) in &rule.gateways {
            match mesh.routes.gateways.get(home, name) {
                Some(gateway) => found.push(gateway),
                None => {
                    complete = false;
                    missing((mesh, &all), rule.object, *field, (home, name), outcome);
                }
            }
        }
        if complete && !found.is_empty() {
            outcome.looked(CHECK.id);
            if !hidden(mesh, rule, &found, outcome) {
                hosts(mesh, rule, &found, outcome);
            }
        }
    }
}

/// Whether a rule for sidecars takes every host, which Istio refuses.
fn everywhere(mesh: &Mesh<'_>, rule: &VirtualService<'_>, outcome: &mut Outcome) -> bool {
    let hosts = rule.object.at(&["spec", "hosts"]);
    if !rule.in_mesh || !hosts.items().any(|host| host.is("*")) {
        return false;
    }
    let message = "host `*` is for Gateways only, and the rule is bound to the mesh (no `gateways`, or `mesh` among them): Istio refuses it";
    let home = rule.object.namespace();
    let mut beside = mesh.routes.gateways.all.iter().filter(|gateway| gateway.object.namespace() == home);
    let hint = match (beside.next(), beside.next()) {
        (Some(gateway), None) if rule.gateways.is_empty() => {
            let edit = Edit::set("add", &["spec", "gateways"], json!([gateway.object.name()]));
            hint(mesh.inventory.live, rule.object, &[edit])
        }
        _ => "name its Gateway in `spec.gateways`, or its hosts in `spec.hosts`".to_owned(),
    };
    outcome.fail(CHECK.id, rule.object, hosts, message, hint);
    true
}

/// Whether the pods of a Gateway are in a namespace that the rule is not exported to.
fn hidden(
    mesh: &Mesh<'_>,
    rule: &VirtualService<'_>,
    gateways: &[&Gateway<'_>],
    outcome: &mut Outcome,
) -> bool {
    let field = rule.object.at(&["spec", "exportTo"]);
    let to: Vec<String> = field.items().map(|to| to.text().into_owned()).collect();
    let home = rule.object.namespace();
    let sees = |client: &str| {
        to.is_empty() || to.iter().any(|to| to == "*" || to == client || (to == "." && client == home))
    };
    let pods = gateways.iter().flat_map(|gateway| gateway.pods.iter());
    let Some(client) = pods.map(|pods| pods.namespace()).find(|client| !sees(client)) else { return false };
    let message = format!(
        "it is not exported to `{client}`, where the gateway's pods are (exportTo: {}): requests get 404",
        to.join(", ")
    );
    let edit = Edit::set("add", &["spec", "exportTo", "-"], client);
    outcome.fail(CHECK.id, rule.object, field, message, hint(mesh.inventory.live, rule.object, &[edit]));
    true
}

fn missing(
    (mesh, all): (&Mesh<'_>, &Names<'_>),
    rule: &Object,
    field: Field<'_>,
    (home, name): (&str, &str),
    outcome: &mut Outcome,
) {
    let text = field.text();
    let elsewhere = all.named(name);
    let near = || nearest(name, all.beside(home)).map(|near| (near.to_owned(), home.to_owned()));
    let found = elsewhere.map(|gateway| (name.to_owned(), gateway.namespace().to_owned())).or_else(near);
    let Some((right, right_home)) = found else {
        if mesh.inventory.may_miss("networking.istio.io", "gateways") {
            outcome.unknown(
                "route-gateway",
                rule,
                field,
                format!("Gateway `{name}` of `{home}` is not in view"),
            );
        } else {
            let message = format!("no Gateway is called `{name}` in `{home}`: its routes are not served");
            let hint =
                format!("create Gateway `{name}` in `{home}`, or name an existing one in `spec.gateways`");
            outcome.fail(CHECK.id, rule, field, message, hint);
        }
        return;
    };
    // In files one that states no namespace may be applied to any.
    if let Some(found) = elsewhere
        && !mesh.inventory.live
        && (found.stated_namespace().is_none() || rule.stated_namespace().is_none())
    {
        let message = format!("whether Gateway `{name}` is applied to `{home}` is not in view");
        return outcome.unknown(CHECK.id, rule, field, message);
    }
    let written =
        if right_home == rule.namespace() { right.clone() } else { format!("{right_home}/{right}") };
    let message = format!(
        "`{text}` means Gateway `{name}` of `{home}`, which does not exist; there is `{right_home}/{right}`: its routes are not served"
    );
    let number = rule.at(&["spec", "gateways"]).items().position(|item| item.is(&text)).unwrap_or(0);
    let edit = Edit::set("replace", &["spec", "gateways", &number.to_string()], written);
    outcome.fail(CHECK.id, rule, field, message, hint(mesh.inventory.live, rule, &[edit]));
}

fn hosts<'i>(mesh: &Mesh<'i>, rule: &VirtualService<'i>, gateways: &[&Gateway<'i>], outcome: &mut Outcome) {
    let namespace = rule.object.namespace();
    let served: Vec<String> = gateways
        .iter()
        .flat_map(|gateway| gateway.servers().flat_map(|server| server.hosts_for(namespace)))
        .collect();
    let written: Vec<Field<'i>> = rule.object.at(&["spec", "hosts"]).items().collect();
    let full = |host: &Field<'i>| mesh.routes.hosts.full(&host.text(), namespace);
    let is_served = |host: &Field<'i>| {
        let (full, text) = (full(host), host.text().to_lowercase());
        served.iter().any(|server| overlap(server, &full) || overlap(server, &text))
    };
    let dead: Vec<String> =
        written.iter().filter(|host| !is_served(host)).map(|host| host.text().into_owned()).collect();
    let all_dead = dead.len() == written.len();
    // What is for the mesh alone need not be a Gateway's.
    if !dead.is_empty() && (all_dead || !rule.in_mesh) {
        let names: Vec<String> = gateways.iter().map(|gateway| gateway.object.title()).collect();
        let listed =
            if served.is_empty() { "no host of this namespace".to_owned() } else { served.join(", ") };
        let message = format!(
            "host {} is none of {} ({listed}): requests get 404",
            dead.iter().map(|host| format!("`{host}`")).collect::<Vec<_>>().join(", "),
            names.join(" and ")
        );
        let hint = host_hint(mesh, rule, gateways, &dead, &served);
        outcome.fail(CHECK.id, rule.object, rule.object.at(&["spec", "hosts"]), message, hint);
        return;
    }
    let is_internal = |host: &Field<'i>| {
        let exactly =
            served.iter().any(|server| *server == host.text().to_lowercase() || *server == full(host));
        matches!(mesh.routes.hosts.resolve(&host.text(), namespace), Host::Service(_)) && !exactly
    };
    if !rule.in_mesh && !written.is_empty() && written.iter().all(is_internal) {
        let message = "its hosts are Services of the mesh, and its list of gateways lacks `mesh`, so sidecars ignore this rule";
        let edit = Edit::set("add", &["spec", "gateways", "-"], "mesh");
        let hint = hint(mesh.inventory.live, rule.object, &[edit]);
        outcome.warn(CHECK.id, rule.object, rule.object.at(&["spec", "gateways"]), message, hint);
    }
}

/// Corrects a misspelt host; else lets the Gateway take it.
fn host_hint(
    mesh: &Mesh<'_>,
    rule: &VirtualService<'_>,
    gateways: &[&Gateway<'_>],
    dead: &[String],
    served: &[String],
) -> String {
    let live = mesh.inventory.live;
    let Some(host) = dead.first() else { return String::new() };
    if let Some(near) = nearest(host, served.iter().map(String::as_str)) {
        let number = rule.object.at(&["spec", "hosts"]).items().position(|item| item.is(host)).unwrap_or(0);
        let edit = Edit::set("replace", &["spec", "hosts", &number.to_string()], near);
        return hint(live, rule.object, &[edit]);
    }
    let Some(gateway) = gateways.first() else { return String::new() };
    let add = |host: &String| Edit::set("add", &["spec", "servers", "0", "hosts", "-"], json!(host));
    let edits: Vec<Edit> = dead.iter().map(add).collect();
    hint(live, gateway.object, &edits)
}
