//! Scrape annotations name what Istio serves: its host, port, path and scheme; and Istio lets DataKit read it.

use super::{Check, scraping as shared};
use crate::check::Outcome;
use crate::facts::istio;
use crate::facts::scrape::{Aim, Miss};
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::scrape::{Kind, LocalOnly, Scraped};

pub(super) const CHECK: Check = Check {
    id: "annotation-target",
    section: "workloads",
    title: "what is scraped serves metrics, and to other hosts",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let moved: Vec<_> = mesh.scraping.proxies.iter().filter(|scraped| is_moved(mesh, scraped)).collect();
    let is_one_cause = moved.len() > 1;
    for scraped in &mesh.scraping.proxies {
        if !(is_one_cause && is_moved(mesh, scraped)) {
            one(mesh, scraped, outcome);
        }
    }
    if is_one_cause && let Some((map, field)) = mesh.scraping.settings.place() {
        let port = mesh.scraping.settings.status_port.unwrap_or_default();
        let message = format!(
            "statusPort is {port} in defaultConfig, so sidecars serve their metrics there, and scrape annotations name {}",
            istio::SIDECAR_PORT
        );
        let hint = format!(
            "remove statusPort from defaultConfig and restart the workloads, or let meshobs patch --only metrics --overwrite \
             --metrics-port {port} write the annotations"
        );
        let finding = outcome.fail(CHECK.id, map, field, message, hint);
        finding.leads_to(shared::workloads(moved.len(), "is not scraped", "are not scraped"));
    }
    local_only(mesh, outcome);
}

/// Whether an annotation names the usual port, and the mesh configuration alone has moved it.
fn is_moved(mesh: &Mesh<'_>, scraped: &Scraped<'_>) -> bool {
    let set = mesh.scraping.settings.status_port;
    let is_missed =
        |aim: &Aim| matches!(aim, Aim::Missed(Miss::Port(port)) if port.to_string() == istio::SIDECAR_PORT);
    let annotation = scraped.annotation.as_ref().filter(|one| one.reading.works() && !one.aims.is_empty());
    set.is_some()
        && scraped.proxy.kind == Kind::Sidecar
        && scraped.proxy.served.ports.first().copied() == set
        && annotation.is_some_and(|one| one.aims.iter().all(|(.., aim)| is_missed(aim)))
}

fn one(mesh: &Mesh<'_>, scraped: &Scraped<'_>, outcome: &mut Outcome) {
    let Some(annotation) = scraped.annotation.as_ref().filter(|one| one.reading.works()) else { return };
    let proxy = &scraped.proxy;
    let object = proxy.workload.object;
    let right = proxy.served.url(mesh.scraping.ipv6);
    // That its pods have no sidecar, though the annotation asks for one, is told by who decides that.
    if proxy.kind == Kind::Bare {
        return;
    }
    for (_, url, aim) in &annotation.aims {
        outcome.looked(CHECK.id);
        let Aim::Missed(miss) = aim else { continue };
        let message = format!("the annotation scrapes {url}, {}", why(miss, scraped));
        let hint = shared::in_place(&format!("write url = \"{right}\""));
        outcome.fail(CHECK.id, object, annotation.field, message, hint);
    }
}

/// What is wrong with an address, after a comma.
fn why(miss: &Miss, scraped: &Scraped<'_>) -> String {
    let served = &scraped.proxy.served;
    let port = served.ports.first().copied().unwrap_or_default();
    match miss {
        Miss::NotAddress => "which is no address: it needs http:// in front".to_owned(),
        Miss::Placeholder(part, right) => {
            format!("and DataKit does not replace `{part}`; the pod's address is `{right}`")
        }
        Miss::Host(host) => format!("and `{host}` is not the pod; its address is `$IP`"),
        Miss::NoBrackets => "and the address of its pods is IPv6, which needs brackets: [$IP]".to_owned(),
        Miss::Brackets => "and the address of its pods is IPv4, which must not have brackets".to_owned(),
        Miss::Scheme(scheme) => format!("and the port speaks plain HTTP, not {scheme}"),
        Miss::Port(wrong) => format!("and port {wrong} has no metrics; they are on {port}"),
        Miss::Path(path) => {
            let shown = if path.is_empty() { "/" } else { path };
            format!("and the path {shown} has no metrics; they are on {}", served.path())
        }
    }
}

/// Istio lets only localhost read metrics: told once where that is said.
fn local_only(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut told: Vec<(LocalOnly<'_>, usize)> = Vec::new();
    for scraped in mesh.scraping.proxies.iter().filter(|scraped| scraped.is_scraped()) {
        let Some(local) = scraped.proxy.local_only else { continue };
        match told.iter_mut().find(|(known, _)| std::ptr::eq::<Object>(known.object, local.object)) {
            Some((_, count)) => *count += 1,
            None => told.push((local, 1)),
        }
    }
    for (local, count) in told {
        let message = format!(
            "proxyMetadata has {}: \"true\", so the port of the metrics answers 403 to all but localhost",
            istio::LOCALHOST_ONLY
        );
        let hint = format!("remove {} from proxyMetadata, then restart the workloads", istio::LOCALHOST_ONLY);
        let finding = outcome.fail(CHECK.id, local.object, local.field, message, hint);
        finding.leads_to(shared::workloads(count, "is not scraped", "are not scraped"));
    }
}
