//! Two VirtualServices for one host: sidecars use the oldest alone.

use std::collections::HashMap;

use super::Check;
use super::edit::kubectl;
use crate::check::Outcome;
use crate::kube::{Field, Object};
use crate::mesh::Mesh;

pub(super) const CHECK: Check = Check {
    id: "route-clash",
    section: "routing",
    title: "no host has two VirtualServices in the mesh",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut by_host: HashMap<String, Vec<(&Object, Field<'_>)>> = HashMap::new();
    let mut order = Vec::new();
    for rule in mesh.routes.virtual_services.iter().filter(|rule| rule.in_mesh) {
        for host in rule.object.at(&["spec", "hosts"]).items() {
            let full = mesh.routes.hosts.full(&host.text(), rule.object.namespace());
            let of = by_host.entry(full.clone()).or_insert_with(|| {
                order.push(full);
                Vec::new()
            });
            of.push((rule.object, host));
        }
    }
    for host in &order {
        let Some(mut rules) = by_host.remove(host) else { continue };
        outcome.looked(CHECK.id);
        rules.sort_by_cached_key(|(rule, _)| {
            let created = rule.text(&["metadata", "creationTimestamp"]).into_owned();
            (created, rule.namespace().to_owned(), rule.name().to_owned())
        });
        let Some(((first, _), later)) = rules.split_first() else { continue };
        for (rule, host) in later {
            // Files may hold an object twice: one takes the place of the other.
            let is_same = (rule.namespace(), rule.name()) == (first.namespace(), first.name());
            // Of two that are not seen by the same clients each has its own.
            if is_same || !share_clients(first, rule) {
                continue;
            }
            let age = if mesh.inventory.live { "which is older" } else { "and the older one alone counts" };
            let message = format!(
                "host `{}` has routes in {}, too, {age}: sidecars ignore one of the two",
                host.text(),
                first.title()
            );
            let hint =
                format!("join the routes of both in one VirtualService, then {}", kubectl("delete", rule));
            outcome.warn(CHECK.id, rule, *host, message, hint);
        }
    }
}

/// Whether some client sees both: each is exported to everybody, or they are in one namespace.
fn share_clients(one: &Object, other: &Object) -> bool {
    let public = |rule: &Object| {
        let mut to = rule.at(&["spec", "exportTo"]).items().peekable();
        to.peek().is_none() || to.any(|to| to.is("*"))
    };
    one.namespace() == other.namespace() || (public(one) && public(other))
}
