//! Short names in routes mean Services beside the rule.

use std::collections::HashSet;

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::mesh::Mesh;
use crate::mesh::hosts::Host;

pub(super) const CHECK: Check = Check {
    id: "route-namespace",
    section: "routing",
    title: "routes are in the namespace of their services",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut told = HashSet::new();
    for destination in &mesh.routes.destinations {
        let (rule, host) = (destination.rule, &destination.host);
        if host.contains('.') || !told.insert((rule.namespace(), rule.name(), host)) {
            continue;
        }
        let Host::Missing { name, namespace } = &destination.target else {
            if matches!(destination.target, Host::Service(_)) {
                outcome.looked(CHECK.id);
            }
            continue;
        };
        let Some(elsewhere) = mesh.routes.hosts.named(name).first() else { continue };
        let field = destination.field.get("host");
        let home = elsewhere.namespace();
        let right = format!("{name}.{home}.svc.{}", mesh.routes.hosts.domain());
        let message = format!(
            "host `{host}` means a Service in `{namespace}`, where this rule is, and Service `{name}` is in `{home}`: requests fail with 503"
        );
        let all = mesh.routes.destinations_of(rule).iter();
        let same = all.filter(|other| other.host == *host);
        let mut edits: Vec<Edit> =
            same.map(|other| Edit::of_destination(other, &["host"], right.clone())).collect();
        // The rule's own host means the same Service.
        let own = rule.at(&["spec", "hosts"]).items().position(|own| own.is(host));
        if let Some(own) = own {
            edits.push(Edit::set("replace", &["spec", "hosts", &own.to_string()], right));
        }
        let hint = if own.is_some() && !mesh.inventory.live {
            hint(false, rule, &[Edit::set("add", &["metadata", "namespace"], home)])
        } else {
            hint(mesh.inventory.live, rule, &edits)
        };
        outcome.fail(CHECK.id, rule, field, message, hint);
    }
}
