//! An alias keeps the port: the Service behind it has the port that proxies call.

use super::Check;
use super::spans;
use crate::check::Outcome;
use crate::facts::istio::ZIPKIN_PORT;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::route::{Break, Way};

pub(super) const CHECK: Check = Check {
    id: "tracing-port",
    section: "tracing",
    title: "the Zipkin alias leads to a Service with its port",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let groups = spans::groups(mesh);
    for group in &groups {
        let Some((_, _, Way::Broken(Break::NoPort { service, port, alias: Some(alias) }))) =
            spans::way(mesh, group)
        else {
            continue;
        };
        let finding = report(mesh, alias, service.name(), port, outcome);
        group.follow_up(finding);
    }
    for alias in mesh.inventory.of("", "Service").filter(|service| service.name() == "zipkin") {
        let target = alias.at(&["spec", "externalName"]);
        if !alias.at(&["spec", "type"]).is("ExternalName") {
            continue;
        }
        outcome.looked(CHECK.id);
        // Where the mesh configuration is in view, only what proxies really call counts.
        if !mesh.tracing.planes.is_empty() {
            continue;
        }
        let router = spans::router(mesh);
        let way =
            router.follow(&format!("zipkin.{}", alias.namespace()), ZIPKIN_PORT.into(), alias.namespace());
        match way {
            Way::Broken(Break::NoPort { service, port, alias: Some(alias) }) => {
                report(mesh, alias, service.name(), port, outcome);
            }
            // DataKit's own Service has its own port alone.
            _ if target.text().split('.').next() == Some("datakit-service") => {
                report(mesh, alias, "datakit-service", ZIPKIN_PORT.into(), outcome);
            }
            _ => {}
        }
    }
}

fn report<'o>(
    mesh: &Mesh<'_>,
    alias: &Object,
    service: &str,
    port: u64,
    outcome: &'o mut Outcome,
) -> &'o mut crate::check::Finding {
    let target = alias.at(&["spec", "externalName"]);
    let message = format!(
        "this alias keeps port {port}, and `{}` has none: spans end nowhere; Service `{}` forwards port {port} to DataKit",
        target.text(),
        if service == "datakit-service" { "datakit-service-ext" } else { service }
    );
    outcome.fail(CHECK.id, alias, target, message, spans::init_services(mesh, mesh.tracing.planes.first()))
}
