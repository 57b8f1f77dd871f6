//! Routes: subsets that are not defined, and rules that live elsewhere than their services.

use super::super::Outcome;
use super::super::world::{Object, World, at, list, text};

const GROUP: &str = "networking.istio.io";

pub(super) fn routing(world: &World, outcome: &mut Outcome) {
    for rule in world.of(GROUP, "VirtualService") {
        for (kind, routes) in [("http", "route"), ("tcp", "route"), ("tls", "route")] {
            for (i, entry) in list(rule.at(&["spec", kind])).enumerate() {
                for j in 0..list(at(entry, &[routes])).count() {
                    let (i, j) = (i.to_string(), j.to_string());
                    let place = ["spec", kind, &i, routes, &j, "destination"];
                    destination(world, rule, &place, outcome);
                }
            }
        }
    }
}

fn destination(world: &World, rule: &Object, place: &[&str], outcome: &mut Outcome) {
    let destination = rule.at(place);
    let host = text(at(destination, &["host"]));
    let subset = text(at(destination, &["subset"]));
    let full = |host: &str, home: &str| {
        if host.contains('.') { host.to_owned() } else { format!("{host}.{home}.svc.cluster.local") }
    };
    if !host.contains('.') {
        outcome.looked("route-namespace");
        let here = world.get("", "Service", rule.home(), &host).is_some();
        let elsewhere = world.of("", "Service").find(|service| service.name == host);
        if let Some(elsewhere) = elsewhere.filter(|_| !here) {
            let place = [place, &["host"]].concat();
            outcome.fail(
                "route-namespace",
                rule,
                &place,
                format!(
                    "`{host}` means a Service of `{}`, where this rule is, and the Service is in `{}`",
                    rule.home(),
                    elsewhere.home()
                ),
                "put both into one namespace, or write the full name of the host",
            );
        }
    }
    if subset.is_empty() {
        return;
    }
    outcome.looked("subset");
    let wanted = full(&host, rule.home());
    let defined = world.of(GROUP, "DestinationRule").any(|other| {
        full(&other.text(&["spec", "host"]), other.home()) == wanted
            && list(other.at(&["spec", "subsets"])).any(|entry| text(at(entry, &["name"])) == subset)
    });
    if !defined {
        let place = [place, &["subset"]].concat();
        // Once a rule: its routes often share one.
        let told = format!("`{subset}` of `{host}`");
        let subject = rule.title();
        if outcome.findings.iter().any(|other| other.subject == subject && other.message.contains(&told)) {
            return;
        }
        outcome.fail(
            "subset",
            rule,
            &place,
            format!("no DestinationRule defines subset `{subset}` of `{host}`, so its requests fail"),
            "meshobs init drill prints one, or add the subset to yours",
        );
    }
}
