//! Subsets that are routed to are defined for the clients of the route.

use std::collections::HashSet;

use serde_json::json;

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::gate::word;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::destination_rules::Subset;
use crate::mesh::hosts::Host;
use crate::mesh::routes::Destination;
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "subset", section: "routing", title: "every subset that is routed to is defined", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut told = HashSet::new();
    for destination in &mesh.routes.destinations {
        let subset = destination.subset();
        let rule = (destination.rule.namespace(), destination.rule.name());
        // A subset is told once a rule: its routes often share one.
        if !subset.is_empty() && told.insert((rule, destination.host.clone(), subset)) {
            judge(mesh, destination, outcome);
        }
    }
}

/// The namespace of a host, and its full name; nothing for one that is reported elsewhere.
pub(super) fn home<'i>(mesh: &Mesh<'i>, destination: &Destination<'i>) -> Option<(String, String)> {
    let rule = destination.rule.namespace();
    let full = mesh.routes.hosts.full(&destination.host, rule);
    match &destination.target {
        Host::Service(service) => {
            // One that states no namespace may be applied beside the rule.
            let home = service.stated_namespace().unwrap_or(rule);
            Some((home.to_owned(), full))
        }
        Host::Entry(entry) => Some((entry.namespace().to_owned(), full)),
        Host::Missing { namespace, .. } if !mesh.inventory.live => Some((namespace.clone(), full)),
        _ => None,
    }
}

fn judge<'i>(mesh: &Mesh<'i>, destination: &Destination<'i>, outcome: &mut Outcome) {
    let Some((home, full)) = home(mesh, destination) else { return };
    let name = destination.subset();
    let rules = &mesh.routes.rules;
    for client in mesh.routes.clients(destination) {
        let found = rules.subset(&client, &home, &full, &name);
        if let Subset::Defined { .. } = found {
            outcome.looked(CHECK.id);
            continue;
        }
        return explain(mesh, destination, &client, (&home, &full), &found, outcome);
    }
}

fn explain<'i>(
    mesh: &Mesh<'i>,
    destination: &Destination<'i>,
    client: &str,
    (home, full): (&str, &str),
    found: &Subset<'i>,
    outcome: &mut Outcome,
) {
    let live = mesh.inventory.live;
    let (rule, field) = (destination.rule, destination.field.get("subset"));
    let (host, name) = (&*destination.host, &*destination.subset());
    let effect = "requests fail with 503";
    let export = |of: &Object| hint(live, of, &[Edit::set("add", &["spec", "exportTo"], json!(["*"]))]);
    match found {
        Subset::Defined { .. } => {}
        Subset::Selective => outcome.unknown(
            CHECK.id,
            rule,
            field,
            format!("subset `{name}` of `{host}` is defined by a DestinationRule with a workloadSelector, for some clients only"),
        ),
        Subset::NotDefined { rules } => {
            let names = rules.iter().flat_map(|rule| {
                let subsets = rule.at(&["spec", "subsets"]).items();
                subsets.map(|subset| subset.get("name").text().into_owned()).collect::<Vec<_>>()
            });
            let names: Vec<String> = names.collect();
            let titles: Vec<String> = rules.iter().map(|rule| rule.title()).collect();
            let defined = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!(
                "`{host}` has no subset `{name}`; {} defines: {defined}: {effect}",
                titles.join(" and ")
            );
            let hint = match (nearest(name, names.iter().map(String::as_str)), rules.first()) {
                (Some(near), _) => {
                    let all = mesh.routes.destinations_of(rule).iter();
                    let same = all.filter(|other| other.host == destination.host && other.subset() == name);
                    let edits: Vec<Edit> =
                        same.map(|other| Edit::of_destination(other, &["subset"], near)).collect();
                    hint(live, rule, &edits)
                }
                (None, Some(defining)) => hint(live, defining, &[added(defining, name)]),
                (None, None) => String::new(),
            };
            outcome.fail(CHECK.id, rule, field, message, hint);
        }
        Subset::Hidden { by, rule: hidden } => {
            let message = format!(
                "subset `{name}` of `{host}` is defined by {}, and clients in `{client}` use {} (host `{}`) in its place: {effect}",
                hidden.title(),
                by.title(),
                by.text(&["spec", "host"])
            );
            let subset = hidden.at(&["spec", "subsets"]).items().find(|subset| subset.get("name").is(name));
            let subset = subset.map(|subset| subset.json()).unwrap_or_default();
            let edit = if hidden.text(&["spec", "host"]) == by.text(&["spec", "host"]) || by.at(&["spec", "subsets"]).is_sequence() {
                Edit::set("add", &["spec", "subsets", "-"], subset)
            } else {
                Edit::set("add", &["spec", "subsets"], json!([subset]))
            };
            outcome.fail(CHECK.id, rule, field, message, hint(live, by, &[edit]));
        }
        Subset::NotExported { rule: private } => {
            let message = format!(
                "subset `{name}` of `{host}` is defined by {}, which is not exported to `{client}` (exportTo: {}): {effect}",
                private.title(),
                private.at(&["spec", "exportTo"]).json()
            );
            outcome.fail(CHECK.id, rule, field, message, export(private));
        }
        // Told of the DestinationRule itself, by `rule-revision`.
        Subset::Unread => {}
        Subset::NoRule => no_rule(mesh, destination, (home, full), outcome),
    }
}

fn no_rule<'i>(
    mesh: &Mesh<'i>,
    destination: &Destination<'i>,
    (home, full): (&str, &str),
    outcome: &mut Outcome,
) {
    let (rule, field) = (destination.rule, destination.field.get("subset"));
    let (host, name) = (&*destination.host, &*destination.subset());
    let rules = &mesh.routes.rules;
    let near = [rule.namespace(), home].iter().find_map(|home| rules.nearly(home, full, name));
    if let Some(near) = near {
        let message = format!(
            "no DestinationRule defines subset `{name}` of `{host}`: {} defines it for host `{}`, which is another one: requests fail with 503",
            near.title(),
            near.text(&["spec", "host"])
        );
        let edit = Edit::set("replace", &["spec", "host"], full);
        outcome.fail(CHECK.id, rule, field, message, hint(mesh.inventory.live, near, &[edit]));
        return;
    }
    let has_service = matches!(destination.target, Host::Service(_) | Host::Entry(_));
    if mesh.inventory.may_miss("networking.istio.io", "destinationrules")
        && !has_service
        && !rules.mentions(full)
    {
        outcome.unknown(
            CHECK.id,
            rule,
            field,
            format!("the DestinationRule of `{host}` that defines subset `{name}` is not in view"),
        );
        return;
    }
    let short = full.split('.').next().unwrap_or_default();
    // Beside a rule that states no namespace it is applied to the same one.
    let named = format!("{short}-{name}");
    let (metadata, host_of_rule) = match rule.stated_namespace() {
        Some(_) => (json!({"name": named, "namespace": home}), full),
        None => (json!({"name": named}), host),
    };
    let wanted = json!({
        "apiVersion": rule.api_version(), "kind": "DestinationRule", "metadata": metadata,
        "spec": {"host": host_of_rule, "subsets": [{"name": name, "labels": {"version": name}}]},
    });
    let hint = if mesh.inventory.live {
        format!("echo {} | kubectl create -f -", word(&wanted.to_string()))
    } else {
        format!("add this object to the files: {wanted}")
    };
    let message = format!("no DestinationRule defines subset `{name}` of `{host}`: requests fail with 503");
    outcome.fail(CHECK.id, rule, field, message, hint);
}

/// What adds a subset by the label that samples of Istio use.
fn added(rule: &Object, name: &str) -> Edit {
    let subset = json!({"name": name, "labels": {"version": name}});
    if rule.at(&["spec", "subsets"]).is_sequence() {
        Edit::set("add", &["spec", "subsets", "-"], subset)
    } else {
        Edit::set("add", &["spec", "subsets"], json!([subset]))
    }
}
