//! What the checks of scraping share: whose annotation is judged, and remedies that work as printed.

use super::command::kubectl;
use crate::facts::datakit::SCRAPE_ANNOTATION;
use crate::gate::{operand, word};
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::scrape::{Kind, Proxy, Scraped};

/// The proxies whose annotations are judged.
pub(super) fn annotated<'m, 'i>(mesh: &'m Mesh<'i>) -> impl Iterator<Item = &'m Scraped<'i>> {
    let proxies = mesh.scraping.proxies.iter();
    proxies.filter(|scraped| scraped.proxy.kind != Kind::Bare && scraped.annotation.is_some())
}

/// The command that lets `patch` write the annotation.
pub(super) fn patch(mesh: &Mesh<'_>, proxy: &Proxy<'_>, overwrite: bool) -> String {
    let object = proxy.workload.object;
    if proxy.kind == Kind::Istiod {
        return format!("write url = \"{}\"", proxy.served.url(mesh.scraping.ipv6));
    }
    let mut flags = "--only metrics".to_owned();
    if overwrite {
        flags.push_str(" --overwrite");
    }
    let port = proxy.served.ports.first().copied().unwrap_or_default();
    if mesh.scraping.ipv6 {
        let url = proxy.served.url(true);
        flags.push_str(&format!(" --metrics-url {}", word(&url)));
    } else if port.to_string() != crate::facts::istio::SIDECAR_PORT {
        flags.push_str(&format!(" --metrics-port {port}"));
    }
    match object.spot(0) {
        Some(spot) if spot.path == "-" || spot.path == "<stdin>" => format!("meshobs patch {flags} < FILE"),
        Some(spot) => format!("meshobs patch -i {flags} {}", operand(&spot.path)),
        None => format!("{} -o yaml | meshobs patch {flags} | kubectl apply -f -", kubectl("get", object)),
    }
}

/// The imperative that changes a setting of an annotation in place.
pub(super) fn in_place(what: &str) -> String {
    format!("in the annotation {SCRAPE_ANNOTATION}, {what}")
}

/// The command that makes new pods.
pub(super) fn restart(object: &Object) -> String {
    kubectl("rollout restart", object)
}

/// `1 workload is`, `2 workloads are`.
pub(super) fn workloads(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 workload {one}") } else { format!("{count} workloads {many}") }
}
