//! Where to look once all is there: the page's address, and what to look for in the console.

use serde_json::Value;

use super::ask::node_address;
use crate::check::World;
use crate::gate::{Text, Word, say, text};

/// Says it.
pub(super) fn say(world: &World, istio_namespace: &str, rum: bool) {
    if let Some(line) = page(world, istio_namespace) {
        say!("page: {}", line);
    }
    say!(
        "in the console: measurement istio_prom, traces of the services{}",
        if rum { ", the RUM application" } else { "" }
    );
}

/// The address of the page, as far as the cluster tells it.
fn page(world: &World, istio_namespace: &str) -> Option<Text> {
    let gateway = world.get("", "Service", istio_namespace, "istio-ingressgateway")?;
    let path = path(world);
    let host = ["ip", "hostname"]
        .into_iter()
        .map(|key| gateway.text(&["status", "loadBalancer", "ingress", "0", key]))
        .find(|host| !host.is_empty());
    if let Some(host) = host {
        return Some(text!("http://{}{}", host, path));
    }
    let minikube = world
        .of("", "Node")
        .any(|node| !node.text(&["metadata", "labels", "minikube.k8s.io/name"]).is_empty());
    if minikube {
        return Some(text!(
            "behind the address that `minikube service istio-ingressgateway -n {} --url` prints for port 80, {}",
            Word(istio_namespace),
            path
        ));
    }
    let ports = gateway.at(&["spec", "ports"]).as_array()?;
    let http = ports.iter().find(|port| port.get("port").and_then(Value::as_u64) == Some(80))?;
    let port = http.get("nodePort").and_then(Value::as_u64)?;
    Some(text!("http://{}:{}{}", node_address(world)?, port, path))
}

/// The first address that a gateway's routes know, or the root.
fn path(world: &World) -> String {
    let routes = world.of("networking.istio.io", "VirtualService").filter(|route| {
        let gateways = route.at(&["spec", "gateways"]).as_array();
        gateways.is_some_and(|gateways| gateways.iter().any(|gateway| gateway != "mesh"))
    });
    let matches =
        routes.flat_map(|route| route.at(&["spec", "http"]).as_array().cloned().unwrap_or_default());
    let uris = matches
        .flat_map(|http| http.pointer("/match").and_then(Value::as_array).cloned().unwrap_or_default());
    let found = uris.into_iter().find_map(|uri| {
        let of = |how: &str| uri.pointer(&format!("/uri/{how}")).and_then(Value::as_str).map(str::to_owned);
        of("exact").or_else(|| of("prefix"))
    });
    found.unwrap_or_else(|| "/".to_owned())
}
