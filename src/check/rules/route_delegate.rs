//! VirtualServices that others delegate to are there.

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::kube::{Field, Object};
use crate::mesh::routes::delegate_of;
use crate::mesh::{Mesh, Names};
use crate::spelling::nearest;

pub(super) const CHECK: Check = Check {
    id: "route-delegate",
    section: "routing",
    title: "every delegate of a VirtualService is one",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let all = Names::of(mesh.inventory.of("networking.istio.io", "VirtualService"));
    for rule in &mesh.routes.virtual_services {
        for (number, entry) in rule.object.at(&["spec", "http"]).items().enumerate() {
            let delegate = entry.get("delegate");
            if delegate.is_set() {
                judge((mesh, &all), rule.object, (number, delegate), outcome);
            }
        }
    }
}

fn judge(
    (mesh, all): (&Mesh<'_>, &Names<'_>),
    rule: &Object,
    (number, delegate): (usize, Field<'_>),
    outcome: &mut Outcome,
) {
    let (home, name) = delegate_of(rule, delegate);
    let group = "networking.istio.io";
    let live = mesh.inventory.live;
    let field = delegate.get("name");
    let effect = "the requests of this route get 404";
    if let Some(target) = mesh.inventory.get(group, "VirtualService", &home, &name) {
        outcome.looked(CHECK.id);
        let to: Vec<_> = target.at(&["spec", "exportTo"]).items().map(|to| to.text().into_owned()).collect();
        let exported = home == rule.namespace()
            || to.is_empty()
            || to.iter().any(|to| to == "*" || to == rule.namespace());
        if target.at(&["spec", "hosts"]).items().next().is_some() {
            let message = format!("{} has hosts, so it is no delegate: {effect}", target.title());
            let hint = format!("remove `spec.hosts` and `spec.gateways` from {}", target.title());
            outcome.fail(CHECK.id, rule, field, message, hint);
        } else if !exported {
            let message = format!("{} is not exported to `{}`: {effect}", target.title(), rule.namespace());
            let edit = Edit::set("add", &["spec", "exportTo"], serde_json::json!(["*"]));
            outcome.fail(CHECK.id, rule, field, message, hint(live, target, &[edit]));
        }
        return;
    }
    let near = nearest(&name, all.beside(&home));
    if near.is_none() && mesh.inventory.may_miss(group, "virtualservices") {
        return outcome.unknown(
            CHECK.id,
            rule,
            field,
            format!("VirtualService `{name}` of `{home}` is not in view"),
        );
    }
    let message = format!("no VirtualService is called `{name}` in `{home}`: {effect}");
    let hint = match near {
        Some(near) => {
            let path = ["spec", "http", &number.to_string(), "delegate", "name"];
            hint(live, rule, &[Edit::set("replace", &path, near)])
        }
        None => format!("create VirtualService `{name}` without hosts in `{home}`, or remove the delegate"),
    };
    outcome.fail(CHECK.id, rule, field, message, hint);
}
