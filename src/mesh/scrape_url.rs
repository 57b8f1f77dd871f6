//! Where an address that DataKit scrapes leads, as a pod's resolver and kube-proxy take it.

use crate::kube::{Inventory, Object};

/// An address taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) port: u64,
    /// Without the query.
    pub(crate) path: String,
}

/// A name of the cluster: a Service in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServiceName<'a> {
    pub(crate) service: &'a str,
    pub(crate) namespace: &'a str,
    /// What stands behind the namespace; empty for a short name.
    pub(crate) rest: &'a str,
}

/// Takes an address apart; nothing where it is none.
pub(crate) fn target(url: &str) -> Option<Target> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, if scheme == "https" { 443 } else { 80 }),
    };
    let path = tail.split(['?', '#']).next().unwrap_or_default();
    Some(Target { scheme: scheme.to_owned(), host: host.to_owned(), port, path: path.to_owned() })
}

impl Target {
    /// The Service that its host names; nothing for an IP address, and for a name outside of the cluster.
    pub(crate) fn service<'a>(&'a self, own_namespace: &'a str) -> Option<ServiceName<'a>> {
        let host = self.host.trim_end_matches('.');
        if host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok() {
            return None;
        }
        let mut parts = host.splitn(3, '.');
        let service = parts.next()?;
        let namespace = parts.next().unwrap_or(own_namespace);
        let rest = parts.next().unwrap_or_default();
        let inside = rest.is_empty() || rest == "svc" || rest.starts_with("svc.");
        inside.then_some(ServiceName { service, namespace, rest })
    }
}

/// The Services of istiods: those that name it by label or by name.
pub(crate) fn istiod_services(inventory: &Inventory) -> impl Iterator<Item = &Object> {
    let is_istiod = |object: &&Object| {
        object.at(&["spec", "selector", "app"]).is("istiod")
            || object.name() == "istiod"
            || object.name().starts_with("istiod-")
    };
    inventory.of("", "Service").filter(is_istiod)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_services() {
        for (url, want) in [
            ("http://istiod.istio-system.svc.cluster.local:15014/metrics", Some(("istiod", "istio-system"))),
            ("http://istiod.istio-system:15014/metrics", Some(("istiod", "istio-system"))),
            ("http://istiod:15014/metrics", Some(("istiod", "datakit"))),
            ("http://10.0.0.1:15014/metrics", None),
            ("http://[::1]:15014/metrics", None),
            ("http://istiod.example.com/metrics", None),
        ] {
            let target = target(url).unwrap();
            let found = target.service("datakit").map(|name| (name.service, name.namespace));
            assert_eq!(found, want, "{url}");
        }
        let found = target("https://a.b/x?y").unwrap();
        assert_eq!((found.scheme.as_str(), found.port, found.path.as_str()), ("https", 443, "/x"));
        assert_eq!(target("a.b:1"), None);
    }
}
