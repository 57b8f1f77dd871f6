//! Where gateways are scraped by address, the addresses lead to them.

use super::Check;
use crate::check::Outcome;
use crate::facts::istio;
use crate::mesh::Mesh;
use crate::rule::datakit::conf;

pub(super) const CHECK: Check = Check {
    id: "datakit-gateways",
    section: "DataKit",
    title: "DataKit collects the gateways' metrics",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        for (file, table) in datakit.conf.blocks("prom") {
            for url in conf::urls(table) {
                let of_proxy = url.contains(istio::SIDECAR_PORT) || url.contains("gateway");
                if of_proxy && !url.contains(istio::ISTIOD) && !url.contains("$IP") {
                    outcome.looked(CHECK.id);
                    super::datakit_istiod::address(CHECK.id, mesh, datakit, file, url, outcome);
                }
            }
        }
    }
}
