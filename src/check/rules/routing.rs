//! Routes: subsets that are not defined, and rules that live elsewhere than their services.

use std::collections::HashSet;

use crate::check::Outcome;
use crate::kube::{Field, Object};
use crate::mesh::Mesh;

const GROUP: &str = "networking.istio.io";

pub(super) fn routing(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let subsets = subsets(mesh);
    for rule in mesh.inventory.of(GROUP, "VirtualService") {
        let mut told = HashSet::new();
        for kind in ["http", "tcp", "tls"] {
            let entries = rule.at(&["spec", kind]).items();
            for route in entries.flat_map(|entry| entry.get("route").items()) {
                let destination = route.get("destination");
                home(mesh, rule, destination, outcome);
                subset(&subsets, rule, destination, &mut told, outcome);
            }
        }
    }
}

fn full(host: &str, namespace: &str) -> String {
    if host.contains('.') { host.to_owned() } else { format!("{host}.{namespace}.svc.cluster.local") }
}

/// Every subset that a DestinationRule defines, by host.
fn subsets(mesh: &Mesh<'_>) -> HashSet<(String, String)> {
    let rules = mesh.inventory.of(GROUP, "DestinationRule");
    let subsets = rules.flat_map(|rule| {
        let host = full(&rule.text(&["spec", "host"]), rule.namespace());
        let subsets = rule.at(&["spec", "subsets"]).items();
        subsets.map(move |subset| (host.clone(), subset.get("name").text().into_owned()))
    });
    subsets.collect()
}

/// A short name means a Service beside the rule.
fn home(mesh: &Mesh<'_>, rule: &Object, destination: Field<'_>, outcome: &mut Outcome) {
    let host = destination.get("host").text();
    if host.contains('.') {
        return;
    }
    outcome.looked("route-namespace");
    if mesh.inventory.get("", "Service", rule.namespace(), &host).is_some() {
        return;
    }
    if let Some(elsewhere) = mesh.inventory.of("", "Service").find(|service| service.name() == host) {
        outcome.fail(
            "route-namespace",
            rule,
            destination.get("host"),
            format!(
                "`{host}` means a Service of `{}`, where this rule is, and the Service is in `{}`",
                rule.namespace(),
                elsewhere.namespace()
            ),
            "put both into one namespace, or write the full name of the host",
        );
    }
}

/// A subset is told once a rule: its routes often share one.
fn subset(
    defined: &HashSet<(String, String)>,
    rule: &Object,
    destination: Field<'_>,
    told: &mut HashSet<(String, String)>,
    outcome: &mut Outcome,
) {
    let (host, subset) = (destination.get("host").text(), destination.get("subset").text());
    if subset.is_empty() {
        return;
    }
    outcome.looked("subset");
    let key = (full(&host, rule.namespace()), subset.clone().into_owned());
    if !defined.contains(&key) && told.insert(key) {
        outcome.fail(
            "subset",
            rule,
            destination.get("subset"),
            format!("no DestinationRule defines subset `{subset}` of `{host}`, so its requests fail"),
            format!("define subset `{subset}` in a DestinationRule for `{host}`"),
        );
    }
}
