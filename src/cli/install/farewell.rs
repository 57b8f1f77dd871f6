//! Where to look once all is there: the page's address, and what to look for in the console.

use super::ask::node_address;
use crate::gate::{Text, Word, say, text};
use crate::kube::Inventory;

/// Says it.
pub(super) fn say(world: &Inventory, istio_namespace: &str, (tracing, rum): (bool, bool)) {
    if let Some(line) = page(world, istio_namespace) {
        say!("page: {}", line);
    }
    say!(
        "in the console: measurement istio_prom{}{}",
        if tracing { ", traces of the services" } else { "" },
        if rum { ", the RUM application" } else { "" }
    );
}

/// The address of the page, as far as the cluster tells it.
fn page(world: &Inventory, istio_namespace: &str) -> Option<Text> {
    let gateway = world.get("", "Service", istio_namespace, "istio-ingressgateway")?;
    let path = path(world);
    let host = ["ip", "hostname"]
        .into_iter()
        .map(|key| gateway.text(&["status", "loadBalancer", "ingress", "0", key]))
        .find(|host| !host.is_empty());
    if let Some(host) = host {
        return Some(text!("http://{}{}", host, path));
    }
    let minikube = world.of("", "Node").any(|node| !node.label("minikube.k8s.io/name").is_empty());
    if minikube {
        return Some(text!(
            "behind the address that `minikube service istio-ingressgateway -n {} --url` prints for port 80, {}",
            Word(istio_namespace),
            path
        ));
    }
    let mut ports = gateway.at(&["spec", "ports"]).items();
    let http = ports.find(|port| port.get("port").number() == Some(80))?;
    let port = http.get("nodePort").number()?;
    Some(text!("http://{}:{}{}", node_address(world)?, port, path))
}

/// The first address that a gateway's routes know, or the root.
fn path(world: &Inventory) -> String {
    let rules = world.of("networking.istio.io", "VirtualService");
    let routes = rules.filter(|rule| rule.at(&["spec", "gateways"]).items().any(|name| !name.is("mesh")));
    let entries = routes.flat_map(|rule| rule.at(&["spec", "http"]).items());
    let uris = entries.flat_map(|entry| entry.get("match").items()).map(|uri| uri.get("uri"));
    let found = uris.into_iter().find_map(|uri| {
        uri.get("exact").scalar().or_else(|| uri.get("prefix").scalar()).map(|path| path.into_owned())
    });
    found.unwrap_or_else(|| "/".to_owned())
}
