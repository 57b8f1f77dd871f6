//! Servers of Gateways speak a protocol that Istio knows, and the one that is routed.

use std::collections::HashMap;

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::facts::istio::{GATEWAY_PROTOCOLS, HTTP_PROTOCOLS};
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::gateways::{Gateway, Server};
use crate::spelling::nearest;

pub(super) const CHECK: Check = Check {
    id: "gateway-protocol",
    section: "routing",
    title: "every server of a Gateway speaks what is routed",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    // The rules with routes for HTTP that are bound to each Gateway, and whether they have other routes.
    let mut bound: HashMap<(&str, &str), Vec<&Object>> = HashMap::new();
    for rule in &mesh.routes.virtual_services {
        for (_, home, name) in &rule.gateways {
            bound.entry((home, name)).or_default().push(rule.object);
        }
    }
    for gateway in mesh.routes.gateways.all.iter().filter(|gateway| mesh.reads(gateway.object)) {
        let mut fine = true;
        for (number, server) in gateway.servers().enumerate() {
            outcome.looked(CHECK.id);
            fine &= one(mesh, gateway, number, &server, outcome);
        }
        let key = (gateway.object.namespace(), gateway.object.name());
        if fine && let Some(rules) = bound.get(&key) {
            unrouted(mesh, gateway, rules, outcome);
        }
    }
}

/// A server by itself.
fn one(
    mesh: &Mesh<'_>,
    gateway: &Gateway<'_>,
    number: usize,
    server: &Server<'_>,
    outcome: &mut Outcome,
) -> bool {
    let field = server.field.at(&["port", "protocol"]);
    let protocol = server.protocol();
    let path = ["spec", "servers", &number.to_string(), "port", "protocol"];
    if !GATEWAY_PROTOCOLS.contains(&protocol.as_str()) {
        let near = nearest(&protocol, GATEWAY_PROTOCOLS.iter().copied()).unwrap_or("HTTP");
        let message = format!("`{}` is no protocol of a Gateway, so Istio refuses it", field.text());
        let hint = hint(mesh.inventory.live, gateway.object, &[Edit::set("replace", &path, near)]);
        outcome.fail(CHECK.id, gateway.object, field, message, hint);
        return false;
    }
    if matches!(protocol.as_str(), "HTTPS" | "TLS") && !server.field.get("tls").is_set() {
        let message = format!("its server speaks {protocol} and has no `tls`, so Istio refuses it");
        let hint = "add `tls: {mode: SIMPLE, credentialName: NAME}` to the server, with the name of the Secret of its certificate";
        outcome.fail(CHECK.id, gateway.object, field, message, hint);
        return false;
    }
    true
}

/// Rules with routes for HTTP alone, bound to servers that speak none.
fn unrouted(mesh: &Mesh<'_>, gateway: &Gateway<'_>, rules: &[&Object], outcome: &mut Outcome) {
    let protocols: Vec<String> = gateway.servers().map(|server| server.protocol()).collect();
    let speaks_http = gateway.servers().any(|server| {
        let terminates = || !server.field.at(&["tls", "mode"]).is("PASSTHROUGH");
        HTTP_PROTOCOLS.contains(&server.protocol().as_str()) || (server.protocol() == "HTTPS" && terminates())
    });
    let only_http = |rule: &&&Object| {
        rule.at(&["spec", "http", "0"]).exists()
            && !rule.at(&["spec", "tcp", "0"]).exists()
            && !rule.at(&["spec", "tls", "0"]).exists()
    };
    let Some(rule) = rules.iter().find(only_http).filter(|_| !speaks_http && !protocols.is_empty()) else {
        return;
    };
    let field = gateway.object.at(&["spec", "servers", "0", "port", "protocol"]);
    let message = format!(
        "its servers speak {}, and {} has routes for HTTP only: its routes are not served",
        protocols.join(", "),
        rule.title()
    );
    let edit = Edit::set("replace", &["spec", "servers", "0", "port", "protocol"], "HTTP");
    outcome.fail(
        CHECK.id,
        gateway.object,
        field,
        message,
        hint(mesh.inventory.live, gateway.object, &[edit]),
    );
}
