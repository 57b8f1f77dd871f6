//! DataKit's pods resolve the names of the cluster that its configuration has.

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::ENV_DATAWAY;
use crate::gate::command;
use crate::mesh::{Datakit, Mesh, target};
use crate::rule::datakit::conf;

pub(super) const CHECK: Check =
    Check { id: "datakit-dns", section: "DataKit", title: "DataKit resolves the cluster's names", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        let names = names(datakit);
        let Some(first) = names.first() else { continue };
        outcome.looked(CHECK.id);
        let field = datakit.spec().get("dnsPolicy");
        let policy = field.text();
        let policy = if policy.is_empty() { "ClusterFirst" } else { &policy };
        let resolves = match policy {
            "ClusterFirst" => !datakit.on_host_network(),
            "Default" => false,
            // With `None` the pod has a configuration of its own.
            _ => true,
        };
        if resolves {
            continue;
        }
        let network = if datakit.on_host_network() { " with hostNetwork" } else { "" };
        let message = format!(
            "dnsPolicy {policy}{network} uses the node's resolver, which does not know `{first}`; set dnsPolicy: \
             ClusterFirstWithHostNet"
        );
        let (namespace, name) = (datakit.object.namespace(), datakit.object.reference());
        let hint = if mesh.inventory.live {
            command!(
                "kubectl patch -n {} {} --type merge -p \
                 '{{\"spec\":{{\"template\":{{\"spec\":{{\"dnsPolicy\":\"ClusterFirstWithHostNet\"}}}}}}}}'",
                namespace,
                name
            )
        } else {
            "set dnsPolicy: ClusterFirstWithHostNet in the pod template".to_owned()
        };
        let finding = outcome.fail(CHECK.id, datakit.object, field, message, hint);
        for name in names {
            finding.leads_to(format!("{name} is not reached"));
        }
    }
}

/// The hosts in its configuration that only the cluster's DNS knows.
fn names(datakit: &Datakit<'_>) -> Vec<String> {
    let urls = datakit.conf.blocks("prom").flat_map(|(_, table)| conf::urls(table));
    let mut names: Vec<String> = Vec::new();
    for url in urls.chain(datakit.env_text(ENV_DATAWAY).split(',')) {
        let Some(target) = target(url) else { continue };
        let is_name = target.service("").is_some_and(|name| !name.namespace.is_empty());
        let outside = !target.host.contains(".svc") && url.contains("token=");
        if is_name && !outside && !names.contains(&target.host) {
            names.push(target.host);
        }
    }
    names
}
