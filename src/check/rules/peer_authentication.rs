//! Ports of applications that DataKit scrapes through a sidecar take plain HTTP.

use std::collections::HashMap;

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::facts::datakit::SCRAPE_ANNOTATION;
use crate::facts::scrape::Aim;
use crate::kube::{Object, Selector};
use crate::mesh::scrape::Kind;
use crate::mesh::{Mesh, Workload, target};

pub(super) const CHECK: Check = Check {
    id: "peer-authentication",
    section: "network",
    title: "scraped ports of applications take plain HTTP",
    run,
};

const GROUP: &str = "security.istio.io";

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let by_home = policies(mesh);
    if by_home.is_empty() {
        return;
    }
    let root = mesh.root_namespace();
    for scraped in mesh.scraping.proxies.iter().filter(|scraped| scraped.proxy.kind == Kind::Sidecar) {
        // One that names the application's port in place of the sidecar's is told as such.
        let Some(annotation) = scraped.annotation.as_ref().filter(|_| scraped.is_scraped()) else { continue };
        let workload = &scraped.proxy.workload;
        let of_application = annotation.aims.iter().filter(|(.., aim)| matches!(aim, Aim::Application(_)));
        for port in of_application.filter_map(|(_, url, _)| plain_port(url)) {
            outcome.looked(CHECK.id);
            if let Some(policy) = strict(&by_home, root, workload, port) {
                report(mesh, workload, policy, port, outcome);
            }
        }
    }
}

/// All policies, by namespace.
pub(super) fn policies<'i>(mesh: &Mesh<'i>) -> HashMap<&'i str, Vec<&'i Object>> {
    let mut by_home: HashMap<&str, Vec<&Object>> = HashMap::new();
    for policy in mesh.inventory.of(GROUP, "PeerAuthentication") {
        by_home.entry(policy.namespace()).or_default().push(policy);
    }
    by_home
}

/// The port of an address of a pod that is called by plain HTTP.
fn plain_port(url: &str) -> Option<u64> {
    let target = target(url)?;
    (target.scheme == "http" && matches!(&*target.host, "$IP" | "[$IP]")).then_some(target.port)
}

/// The policy that demands mutual TLS on a port: the workload's before the namespace's before the mesh's.
pub(super) fn strict<'i>(
    by_home: &HashMap<&str, Vec<&'i Object>>,
    root: &str,
    workload: &Workload<'_>,
    port: u64,
) -> Option<&'i Object> {
    let of = |home: &str| by_home.get(home).map(Vec::as_slice).unwrap_or_default();
    let selector = |policy: &Object| Selector::of(policy.at(&["spec", "selector"]));
    let home = workload.object.namespace();
    let own = of(home).iter().filter(|policy| {
        let selector = selector(policy);
        !selector.is_empty() && selector.fits(workload.labels())
    });
    let wide = [home, root]
        .into_iter()
        .flat_map(|home| of(home).iter().filter(|policy| selector(policy).is_empty()));
    for policy in own.chain(wide) {
        // Without a selector they count for nothing (`pilot/pkg/security/authn`).
        let ports = if selector(policy).is_empty() { "" } else { "portLevelMtls" };
        let of_port = policy.at(&["spec", ports, &port.to_string(), "mode"]).text();
        let mode = if of_port.is_empty() || of_port == "UNSET" {
            policy.text(&["spec", "mtls", "mode"])
        } else {
            of_port
        };
        match &*mode {
            "STRICT" => return Some(policy),
            "PERMISSIVE" | "DISABLE" => return None,
            _ => {}
        }
    }
    None
}

fn report(mesh: &Mesh<'_>, workload: &Workload<'_>, policy: &Object, port: u64, outcome: &mut Outcome) {
    let field = workload.annotation(SCRAPE_ANNOTATION);
    let message = format!(
        "DataKit scrapes port {port} by plain HTTP, and {} demands mutual TLS there (STRICT): the sidecar refuses it",
        policy.title()
    );
    let has_selector = !Selector::of(policy.at(&["spec", "selector"])).is_empty();
    let hint = if has_selector && policy.at(&["spec", "portLevelMtls"]).is_set() {
        let edit = Edit::set(
            "add",
            &["spec", "portLevelMtls", &port.to_string()],
            serde_json::json!({"mode": "PERMISSIVE"}),
        );
        hint(mesh.inventory.live, policy, &[edit])
    } else {
        "scrape the sidecar, which merges the application's metrics, at http://$IP:15020/stats/prometheus"
            .to_owned()
    };
    outcome.fail(CHECK.id, workload.object, field, message, hint);
}
