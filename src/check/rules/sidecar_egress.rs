//! Sidecar resources let proxies know the hosts that rules of their namespace route.

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::mesh::Mesh;
use crate::mesh::hosts::Host;
use crate::mesh::registry::{Sidecars, hides};

pub(super) const CHECK: Check =
    Check { id: "sidecar-egress", section: "routing", title: "no Sidecar hides a host that is routed", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let sidecars = Sidecars::of(mesh.inventory);
    if sidecars.is_empty() {
        return;
    }
    let plane = mesh.tracing.planes.first();
    for rule in mesh.routes.virtual_services.iter().filter(|rule| rule.in_mesh && !rule.is_delegate) {
        let from = rule.object.namespace();
        let Some(sidecar) = sidecars.holding(plane, from, None) else { continue };
        outcome.looked(CHECK.id);
        for host in rule.object.at(&["spec", "hosts"]).items() {
            let Host::Service(service) = mesh.routes.hosts.resolve(&host.text(), from) else { continue };
            let full = mesh.routes.hosts.full(&host.text(), from);
            let home = service.namespace();
            if !hides(sidecar, from, &full, home) {
                continue;
            }
            let message = format!(
                "its egress leaves out `{}`, which {} routes: proxies of `{from}` pass such requests on as TCP, without \
                 routes, metrics of HTTP and spans",
                host.text(),
                rule.object.title()
            );
            let written = if home == from { format!("./{full}") } else { format!("{home}/{full}") };
            let edit = Edit::set("add", &["spec", "egress", "0", "hosts", "-"], written);
            let hint = hint(mesh.inventory.live, sidecar, &[edit]);
            outcome.fail(CHECK.id, sidecar, sidecar.at(&["spec", "egress"]), message, hint);
        }
    }
}
