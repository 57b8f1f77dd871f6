//! The way of an address for spans: names as a pod's resolver takes them, Services, ports and selectors as kube-proxy does,
//! to the port that a DataKit listens on.

use std::collections::HashSet;

use super::datakit::Datakit;
use super::services::Endpoints;
use crate::facts::datakit::ENV_LISTEN;
use crate::facts::datakit::PORT;
use crate::facts::istio::{CLUSTER_DOMAIN, HOST_IP};
use crate::kube::{Field, Inventory, Object, Selector};
use crate::spelling::nearest;

/// How many aliases may follow each other.
const ALIASES: usize = 8;

/// Where an address ends.
#[derive(Debug)]
pub(crate) enum Way<'i> {
    /// At the port of a DataKit.
    Datakit(&'i Object),
    /// At a workload that is not DataKit.
    Elsewhere(&'i Object),
    /// Nowhere.
    Broken(Break<'i>),
    /// Outside of view.
    Outside(Outside),
}

/// Why nobody knows where an address ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outside {
    /// An IP address.
    Address,
    /// A name that no Service of the cluster has.
    Name(String),
    /// The Service has endpoints of its own, no selector.
    OwnEndpoints(String),
    /// Neither the Service nor DataKit is among the files.
    Files,
}

/// The link that is broken.
#[derive(Debug)]
pub(crate) enum Break<'i> {
    /// No Service has the name; another that may have been meant.
    NoService {
        host: String,
        name: String,
        namespace: String,
        nearest: Option<&'i Object>,
        alias: Option<&'i Object>,
    },
    /// A Service's name is written so that it does not resolve; the full name.
    NotFull { alias: &'i Object, host: String, full: String },
    /// What an alias names has a scheme or a port.
    NoName { alias: &'i Object, host: String },
    /// The Service has neither a selector nor endpoints.
    NoSelector { service: &'i Object },
    /// An alias leads back to itself.
    Loop { alias: &'i Object },
    /// The Service has no such port.
    NoPort { service: &'i Object, port: u64, alias: Option<&'i Object> },
    /// The port is not TCP.
    Protocol { service: &'i Object, entry: Field<'i>, port: u64 },
    /// The selector fits no pods; the DataKit that is there.
    NoPods { service: &'i Object, datakit: Option<&'i Object> },
    /// `targetPort` is the name of no port of the container.
    NoNamedPort { service: &'i Object, entry: Field<'i>, datakit: &'i Object },
    /// The Service forwards to a port that DataKit does not listen on.
    WrongTarget { service: &'i Object, entry: Field<'i>, target: u64, listens: u64, datakit: &'i Object },
    /// No endpoint is ready although DataKit is.
    NoEndpoints { service: &'i Object },
    /// DataKit has no such port on the nodes; why.
    NotOnNode { datakit: &'i Object, port: u64, reason: NotOnNode },
    /// No DataKit runs.
    NoDatakit,
}

/// Why the address of the node does not lead to DataKit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotOnNode {
    /// Neither `hostNetwork` nor a `hostPort`.
    NoHostPort,
    /// It listens on another port.
    Port(u64),
}

/// Where a route begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Router<'i, 'm> {
    pub(crate) inventory: &'i Inventory,
    pub(crate) datakits: &'m [Datakit<'i>],
    pub(crate) endpoints: &'m Endpoints<'i>,
}

/// The host and port that an address names; nothing where Envoy's agent would refuse it.
pub(crate) fn host_and_port(address: &str) -> Option<(&str, u64)> {
    let (host, port) = address.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    if host == HOST_IP {
        return Some((host, port.into()));
    }
    let name = |host: &str| {
        let label = |label: &str| {
            !label.is_empty()
                && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        host.strip_suffix('.').unwrap_or(host).split('.').all(label)
    };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let valid = bracketed.map_or_else(|| name(host), |v6| v6.parse::<std::net::Ipv6Addr>().is_ok());
    valid.then_some((host, port.into()))
}

/// A name of a Service: its name, its namespace, and the domain behind `svc`, where there is one.
fn service_name<'h>(host: &'h str, namespace: &'h str) -> Option<(&'h str, &'h str, Option<&'h str>)> {
    let mut labels = host.splitn(4, '.');
    match (labels.next(), labels.next(), labels.next(), labels.next()) {
        (Some(name), None, ..) => Some((name, namespace, None)),
        (Some(name), Some(namespace), None, _) => Some((name, namespace, None)),
        (Some(name), Some(namespace), Some("svc"), domain) => Some((name, namespace, domain)),
        _ => None,
    }
}

/// The port that a DataKit listens on.
pub(crate) fn listens_on(datakit: &Datakit<'_>) -> u64 {
    let listen = datakit.env_text(ENV_LISTEN);
    listen.trim().rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or_else(|| PORT.into())
}

impl<'i> Router<'i, '_> {
    /// A Service that leads to a DataKit, and its port for that.
    pub(crate) fn datakit_service(&self) -> Option<(&'i Object, u64)> {
        let homes: HashSet<&str> = self.datakits.iter().map(|datakit| datakit.object.namespace()).collect();
        let services = self.inventory.of("", "Service").filter(|service| homes.contains(service.namespace()));
        let mut ports = services.flat_map(|service| {
            let ports = service.at(&["spec", "ports"]).items();
            ports.filter_map(move |entry| Some((service, entry.get("port").number()?)))
        });
        ports.find(|(service, port)| matches!(self.behind(service, *port, None), Way::Datakit(_)))
    }

    /// The way of an address that a proxy in a namespace calls.
    pub(crate) fn follow(&self, host: &str, port: u64, namespace: &str) -> Way<'i> {
        if host == HOST_IP {
            return self.on_the_node(port);
        }
        let mut host = host.trim_end_matches('.').to_owned();
        let mut alias = None;
        let mut seen = HashSet::new();
        for _ in 0..ALIASES {
            if host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[') {
                return Way::Outside(Outside::Address);
            }
            let service = match self.service(&host, namespace, alias) {
                Ok(service) => service,
                Err(way) => return way,
            };
            if service.text(&["spec", "type"]) != "ExternalName" {
                return self.behind(service, port, alias);
            }
            // An alias: another name, the same port.
            if !seen.insert((service.namespace(), service.name())) {
                return Way::Broken(Break::Loop { alias: service });
            }
            host = service.text(&["spec", "externalName"]).trim_end_matches('.').to_owned();
            alias = Some(service);
            let is_address = host.parse::<std::net::IpAddr>().is_ok();
            if !is_address && host.contains([':', '/', '@', ' ']) {
                return Way::Broken(Break::NoName { alias: service, host });
            }
        }
        alias.map_or(Way::Outside(Outside::Name(host)), |alias| Way::Broken(Break::Loop { alias }))
    }

    /// The Service that a name means; an alias's target is not completed by search domains.
    fn service(&self, host: &str, from: &str, alias: Option<&'i Object>) -> Result<&'i Object, Way<'i>> {
        let outside = || Err(Way::Outside(Outside::Name(host.to_owned())));
        let Some((name, namespace, domain)) = service_name(host, from) else {
            return match self.misspelt_infix(host) {
                Some((name, namespace)) => Err(self.no_service(host, (name, namespace), alias)),
                None => outside(),
            };
        };
        if let Some(domain) = domain.filter(|domain| *domain != CLUSTER_DOMAIN) {
            return match nearest(domain, [CLUSTER_DOMAIN]) {
                Some(_) => Err(self.no_service(host, (name, namespace), alias)),
                None => outside(),
            };
        }
        let found = self.inventory.get("", "Service", namespace, name);
        if let (Some(alias), None) = (alias, domain) {
            return match found {
                Some(_) => {
                    let full = format!("{name}.{namespace}.svc.{CLUSTER_DOMAIN}");
                    Err(Way::Broken(Break::NotFull { alias, host: host.to_owned(), full }))
                }
                // A name of one label resolves in no domain; the Service of that name was meant.
                None if !host.contains('.') => {
                    match self.inventory.of("", "Service").find(|service| service.name() == name) {
                        Some(service) => {
                            let full = format!("{name}.{}.svc.{CLUSTER_DOMAIN}", service.namespace());
                            Err(Way::Broken(Break::NotFull { alias, host: host.to_owned(), full }))
                        }
                        None => outside(),
                    }
                }
                None => outside(),
            };
        }
        match found {
            Some(service) => Ok(service),
            None if self.inventory.may_miss("", "services")
                && !self.inventory.live
                && self.datakits.is_empty() =>
            {
                Err(Way::Outside(Outside::Files))
            }
            None if host.contains('.') && self.is_foreign(namespace) => match domain {
                None => outside(),
                Some(_) if !self.inventory.live => Err(Way::Outside(Outside::Files)),
                Some(_) => Err(self.no_service(host, (name, namespace), alias)),
            },
            None => Err(self.no_service(host, (name, namespace), alias)),
        }
    }

    /// `name.namespace.scv.cluster.local`: the name and namespace where only the word `svc` is wrong.
    fn misspelt_infix<'h>(&self, host: &'h str) -> Option<(&'h str, &'h str)> {
        let rest = host.strip_suffix(CLUSTER_DOMAIN)?.strip_suffix('.')?;
        let mut labels = rest.split('.');
        let pair = (labels.next()?, labels.next()?);
        self.inventory.get("", "Service", pair.1, pair.0).map(|_| pair)
    }

    /// Whether the last label of a short name is like no namespace, so that the name is one of the outside.
    fn is_foreign(&self, namespace: &str) -> bool {
        let mut known = self.inventory.objects().iter().map(Object::namespace);
        let named = self.inventory.of("", "Namespace").map(Object::name);
        let like = |known: &str| known == namespace || nearest(namespace, [known]).is_some();
        !(known.any(like) || named.into_iter().any(like))
    }

    fn no_service(&self, host: &str, (name, namespace): (&str, &str), alias: Option<&'i Object>) -> Way<'i> {
        let services = || self.inventory.of("", "Service");
        let beside = services().filter(|service| service.namespace() == namespace);
        let by_name = nearest(name, beside.map(Object::name))
            .and_then(|name| self.inventory.get("", "Service", namespace, name));
        let there = || self.inventory.get("", "Service", namespace, name);
        let same = || services().find(|service| service.name() == name);
        let both = || {
            services().find(|service| {
                nearest(namespace, [service.namespace()]).is_some()
                    && nearest(name, [service.name()]).is_some()
            })
        };
        let nearest = there().or(by_name).or_else(same).or_else(both);
        Way::Broken(Break::NoService {
            host: host.to_owned(),
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            nearest,
            alias,
        })
    }

    /// The DataKit of a pod's own node.
    fn on_the_node(&self, port: u64) -> Way<'i> {
        let Some(datakit) = self.datakits.first() else {
            return if self.inventory.live {
                Way::Broken(Break::NoDatakit)
            } else {
                Way::Outside(Outside::Files)
            };
        };
        let listens = listens_on(datakit);
        let network = datakit.template.at(&["spec", "hostNetwork"]).is_true();
        let mut ports = datakit.container.get("ports").items();
        let mapped = ports.find(|entry| entry.get("hostPort").number() == Some(port));
        let reached = match mapped {
            Some(entry) if !network => entry.get("containerPort").number(),
            None if !network => {
                return Way::Broken(Break::NotOnNode {
                    datakit: datakit.object,
                    port,
                    reason: NotOnNode::NoHostPort,
                });
            }
            _ => Some(port),
        };
        if reached == Some(listens) {
            return Way::Datakit(datakit.object);
        }
        Way::Broken(Break::NotOnNode { datakit: datakit.object, port, reason: NotOnNode::Port(listens) })
    }

    /// What a Service leads to.
    fn behind(&self, service: &'i Object, port: u64, alias: Option<&'i Object>) -> Way<'i> {
        let ports = service.at(&["spec", "ports"]);
        let headless = service.at(&["spec", "clusterIP"]).is("None");
        let entry = ports.items().find(|entry| entry.get("port").number() == Some(port));
        // Names of a headless Service are those of its pods, and no port is translated.
        let Some(entry) = entry.or_else(|| if headless { ports.items().next() } else { None }) else {
            return Way::Broken(Break::NoPort { service, port, alias });
        };
        let protocol = entry.get("protocol");
        if protocol.is_set() && !protocol.is("TCP") && !headless {
            return Way::Broken(Break::Protocol { service, entry, port });
        }
        let selector = Selector::of_map(service.at(&["spec", "selector"]));
        if selector.is_empty() && self.has_no_endpoints(service) {
            return Way::Broken(Break::NoSelector { service });
        }
        if selector.is_empty() {
            return Way::Outside(Outside::OwnEndpoints(service.title()));
        }
        let chosen = self.datakits.iter().find(|datakit| {
            datakit.object.namespace() == service.namespace()
                && selector.fits(datakit.template.at(&["metadata", "labels"]))
        });
        let Some(datakit) = chosen else {
            let others = self.inventory.templates(service.namespace(), &selector);
            let pods = || self.inventory.pods(service.namespace(), &selector);
            return match others.first().copied().or_else(|| pods().first().copied()) {
                Some(other) => Way::Elsewhere(other),
                None => Way::Broken(Break::NoPods {
                    service,
                    datakit: self.datakits.first().map(|datakit| datakit.object),
                }),
            };
        };
        let target = entry.get("targetPort");
        let named = || {
            let mut ports = datakit.container.get("ports").items();
            ports.find(|port| port.get("name").is(&target.text()))?.get("containerPort").number()
        };
        let reached =
            if headless || !target.is_set() { Some(port) } else { target.text().parse().ok().or_else(named) };
        let Some(reached) = reached else {
            return Way::Broken(Break::NoNamedPort { service, entry, datakit: datakit.object });
        };
        let listens = listens_on(datakit);
        if reached != listens {
            return Way::Broken(Break::WrongTarget {
                service,
                entry,
                target: reached,
                listens,
                datakit: datakit.object,
            });
        }
        if self.lacks_endpoints(service, datakit) {
            return Way::Broken(Break::NoEndpoints { service });
        }
        Way::Datakit(datakit.object)
    }

    /// Whether nobody has given endpoints to a Service without a selector. Files that have DataKit have these, too.
    fn has_no_endpoints(&self, service: &Object) -> bool {
        let (namespace, name) = (service.namespace(), service.name());
        let is_read = |group: &str, kinds: &str| !self.inventory.may_miss(group, kinds);
        let in_view = if self.inventory.live {
            is_read("", "endpoints") && is_read("discovery.k8s.io", "endpointslices")
        } else {
            !self.datakits.is_empty()
        };
        let endpoints = self.inventory.get("", "Endpoints", namespace, name);
        let given = endpoints.is_some_and(|endpoints| {
            let mut subsets = endpoints.at(&["subsets"]).items();
            subsets
                .any(|subset| ["addresses", "notReadyAddresses"].iter().any(|key| subset.get(key).is_set()))
        });
        let mut slices = self.inventory.of("discovery.k8s.io", "EndpointSlice");
        let sliced = slices.any(|slice| {
            slice.namespace() == namespace
                && slice.label("kubernetes.io/service-name") == name
                && slice.at(&["endpoints"]).items().next().is_some()
        });
        in_view && !given && !sliced
    }

    /// Whether a Service has no ready endpoint although DataKit's pods are ready.
    fn lacks_endpoints(&self, service: &'i Object, datakit: &Datakit<'_>) -> bool {
        if !self.inventory.live || datakit.object.at(&["status", "numberReady"]).number().unwrap_or(0) == 0 {
            return false;
        }
        self.endpoints.are_ready(service) == Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in
            ["a:1", "zipkin.istio-system:9411", "$(HOST_IP):9529", "[fd00::1]:9529", "10.0.0.1:9", "a.b.:1"]
        {
            assert!(host_and_port(good).is_some(), "{good}");
        }
        for bad in ["a", "http://a:1", "a:1/api", "a:0", "a:x", "fd00::1:9529", "$(HOSTIP):1", "a b:1", ":1"]
        {
            assert!(host_and_port(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn names_are_taken_as_a_resolver_takes_them() {
        assert_eq!(service_name("zipkin", "prod"), Some(("zipkin", "prod", None)));
        assert_eq!(service_name("zipkin.istio-system", "prod"), Some(("zipkin", "istio-system", None)));
        assert_eq!(service_name("a.b.svc.x.y", "prod"), Some(("a", "b", Some("x.y"))));
        assert_eq!(service_name("a.b.example.com", "prod"), None);
    }
}
