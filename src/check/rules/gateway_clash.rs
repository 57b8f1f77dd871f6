//! Two Gateways for one port of one gateway: which of them Istio drops.

use std::collections::HashMap;

use super::Check;
use crate::check::Outcome;
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::gateways::Server;

pub(super) const CHECK: Check =
    Check { id: "gateway-clash", section: "routing", title: "no two Gateways exclude each other", run };

/// A port of a gateway: its pods (or what selects them), and where it listens.
type Listener = (String, u64, String);

/// How a server's traffic is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Http,
    Tls,
    Tcp,
}

fn class(server: &Server<'_>) -> Class {
    match &*server.protocol() {
        "HTTPS" | "TLS" => Class::Tls,
        "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" | "HTTP_PROXY" => Class::Http,
        _ => Class::Tcp,
    }
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut servers: HashMap<Listener, Vec<(&Object, Server<'_>)>> = HashMap::new();
    let mut order = Vec::new();
    let read = mesh.routes.gateways.all.iter().filter(|gateway| mesh.reads(gateway.object));
    for gateway in read {
        let pods = match gateway.pods.first() {
            Some(pods) => pods.title(),
            None => format!("{:?}", gateway.selector.labels()),
        };
        for server in gateway.servers() {
            let Some(port) = server.port() else { continue };
            let key = (pods.clone(), port, server.field.get("bind").text().into_owned());
            let of = servers.entry(key.clone()).or_insert_with(|| {
                order.push(key);
                Vec::new()
            });
            of.push((gateway.object, server));
        }
    }
    for key in &order {
        let Some(mut of) = servers.remove(key) else { continue };
        // Istio takes them by age, then by name.
        of.sort_by_cached_key(|(object, _)| {
            let created = object.text(&["metadata", "creationTimestamp"]).into_owned();
            (created, object.namespace().to_owned(), object.name().to_owned())
        });
        if of
            .iter()
            .any(|(object, _)| !std::ptr::eq(*object, of.first().map_or(*object, |(first, _)| *first)))
        {
            outcome.looked(CHECK.id);
            judge(mesh, key.1, &of, outcome);
        }
    }
}

fn judge(mesh: &Mesh<'_>, port: u64, servers: &[(&Object, Server<'_>)], outcome: &mut Outcome) {
    let Some((first, leading)) = servers.first() else { return };
    // Files tell no age.
    let age = if mesh.inventory.live { "which is older" } else { "and the older one counts" };
    // Hosts that are taken by TLS, and by whom.
    let mut taken: HashMap<String, &Object> = HashMap::new();
    for (object, server) in servers {
        if class(server) != class(leading) {
            let message = format!(
                "port {port} is {} here and {} in {}, {age}: Istio drops this server",
                server.protocol(),
                leading.protocol(),
                first.title()
            );
            let hint = format!("give the server of {} another port", object.title());
            outcome.fail(CHECK.id, object, server.field, message, hint);
            continue;
        }
        if class(server) != Class::Tls {
            continue;
        }
        for host in server.hosts() {
            let other = taken.get(&host).filter(|other| !std::ptr::eq(**other, *object));
            if let Some(other) = other {
                let message = format!(
                    "host `{host}` on port {port} is one of {}, too, {age}: Istio drops this server",
                    other.title()
                );
                let hint = format!("remove host `{host}` from {} or from {}", object.title(), other.title());
                outcome.fail(CHECK.id, object, server.field.get("hosts"), message, hint);
                break;
            }
            taken.insert(host, object);
        }
    }
}
