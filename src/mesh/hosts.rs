//! Hosts of Istio's rules: which Service or ServiceEntry a name means, as istiod's registry has it.

use std::collections::HashMap;

use super::control_plane::istiods;
use crate::facts::istio::CLUSTER_DOMAIN;
use crate::kube::{Inventory, Object};

/// The domain of Services of all clusters (`ENABLE_MCS_HOST`).
const ALL_CLUSTERS: &str = "clusterset.local";

const GROUP: &str = "networking.istio.io";

/// What a host means.
#[derive(Clone, Debug)]
pub(crate) enum Host<'i> {
    Service(&'i Object),
    /// A host of a ServiceEntry.
    Entry(&'i Object),
    /// `name.namespace` or `name.namespace.svc`, which is a name of DNS but none of the registry.
    Partial {
        full: String,
        service: &'i Object,
    },
    /// A name as a Service of this cluster would have it; no such Service is in view.
    Missing {
        name: String,
        namespace: String,
    },
    /// A name as a Service has it, with the domain of no cluster that istiod knows.
    OtherDomain {
        domain: String,
        full: String,
    },
    /// A name outside of the cluster that no ServiceEntry has.
    External,
    /// `*`, a Service of another cluster, or a name that only the cluster's other registries can tell.
    Unknowable,
}

/// The registry's names.
#[derive(Debug)]
pub(crate) struct Hosts<'i> {
    inventory: &'i Inventory,
    /// ServiceEntries by host; wildcards with their `*`.
    entries: HashMap<String, Vec<&'i Object>>,
    /// Services by name.
    services: HashMap<&'i str, Vec<&'i Object>>,
    /// Services by namespace; in files those that state none for themselves, too.
    homes: HashMap<&'i str, Vec<&'i Object>>,
    unstated: Vec<&'i Object>,
    /// The cluster's domain, and whether it is known.
    domain: (String, bool),
}

impl<'i> Hosts<'i> {
    pub(crate) fn of(inventory: &'i Inventory) -> Self {
        let mut entries: HashMap<String, Vec<&'i Object>> = HashMap::new();
        for entry in inventory.of(GROUP, "ServiceEntry") {
            for host in entry.at(&["spec", "hosts"]).items() {
                entries.entry(host.text().to_lowercase()).or_default().push(entry);
            }
        }
        let mut services: HashMap<&'i str, Vec<&'i Object>> = HashMap::new();
        let mut homes: HashMap<&'i str, Vec<&'i Object>> = HashMap::new();
        let mut unstated = Vec::new();
        for service in inventory.of("", "Service") {
            services.entry(service.name()).or_default().push(service);
            match service.stated_namespace() {
                None if !inventory.live => unstated.push(service),
                _ => homes.entry(service.namespace()).or_default().push(service),
            }
        }
        let stated = domain(inventory);
        let domain = stated.map_or((CLUSTER_DOMAIN.to_owned(), false), |domain| (domain, true));
        Self { inventory, entries, services, homes, unstated, domain }
    }

    pub(crate) fn domain(&self) -> &str {
        &self.domain.0
    }

    /// The name that a host of a rule stands for: a short one gets the rule's namespace and the cluster's domain.
    pub(crate) fn full(&self, host: &str, namespace: &str) -> String {
        if host.contains('.') || host.starts_with('*') {
            host.trim_end_matches('.').to_lowercase()
        } else {
            format!("{host}.{namespace}.svc.{}", self.domain.0)
        }
    }

    /// A Service by namespace and name; in files also one that states no namespace, which may be applied to any.
    pub(crate) fn service(&self, namespace: &str, name: &str) -> Option<&'i Object> {
        let unstated = || {
            let found = self.inventory.get("", "Service", "default", name)?;
            (!self.inventory.live && found.stated_namespace().is_none()).then_some(found)
        };
        self.inventory.get("", "Service", namespace, name).or_else(unstated)
    }

    /// The Services of a name, in all namespaces.
    pub(crate) fn named(&self, name: &str) -> &[&'i Object] {
        self.services.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The Services of a namespace; in files also those that may be applied to it.
    pub(crate) fn beside(&self, namespace: &str) -> impl Iterator<Item = &'i Object> {
        let own = self.homes.get(namespace).map(Vec::as_slice).unwrap_or_default();
        own.iter().chain(&self.unstated).copied()
    }

    /// The ServiceEntry that has a host, by itself or by a wildcard.
    fn entry(&self, full: &str) -> Option<&'i Object> {
        covering(full).find_map(|name| self.exact_entry(&name))
    }

    /// The ServiceEntry that has a host as it is written.
    pub(super) fn exact_entry(&self, host: &str) -> Option<&'i Object> {
        self.entries.get(host)?.first().copied()
    }

    /// Hosts of ServiceEntries.
    pub(crate) fn entry_hosts(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// What a host means in a rule of a namespace.
    pub(crate) fn resolve(&self, host: &str, namespace: &str) -> Host<'i> {
        let full = self.full(host, namespace);
        if full.starts_with('*') {
            return Host::Unknowable;
        }
        if let Some((name, home)) = self.split(&full) {
            return match self.service(home, name) {
                Some(service) => Host::Service(service),
                None => self.entry(&full).map_or_else(
                    || Host::Missing { name: name.to_owned(), namespace: home.to_owned() },
                    Host::Entry,
                ),
            };
        }
        if let Some(entry) = self.entry(&full) {
            return Host::Entry(entry);
        }
        self.foreign(&full)
    }

    /// Name and namespace of a full name of this cluster.
    pub(crate) fn split<'h>(&self, full: &'h str) -> Option<(&'h str, &'h str)> {
        let rest = full.strip_suffix(self.domain.0.as_str())?.strip_suffix(".svc.")?;
        let (name, namespace) = rest.split_once('.')?;
        (!namespace.contains('.')).then_some((name, namespace))
    }

    fn foreign(&self, full: &str) -> Host<'i> {
        let mut labels = full.splitn(4, '.');
        let (name, namespace) = (labels.next().unwrap_or_default(), labels.next().unwrap_or_default());
        let (svc, domain) = (labels.next(), labels.next());
        let written = || format!("{name}.{namespace}.svc.{}", self.domain.0);
        match (svc, domain) {
            (None, _) | (Some("svc"), None) => match self.service(namespace, name) {
                Some(service) => Host::Partial { full: written(), service },
                None if svc.is_some() => {
                    Host::Missing { name: name.to_owned(), namespace: namespace.to_owned() }
                }
                None => Host::External,
            },
            (Some("svc"), Some(ALL_CLUSTERS)) => Host::Unknowable,
            (Some("svc"), Some(domain)) => Host::OtherDomain { domain: domain.to_owned(), full: written() },
            _ => Host::External,
        }
    }

    /// Whether istiod, or a gateway, tells the cluster's domain.
    pub(crate) fn knows_domain(&self) -> bool {
        self.domain.1
    }
}

/// A host, and the wildcards that cover it, from the nearest on.
pub(crate) fn covering(full: &str) -> impl Iterator<Item = String> {
    let suffixes = full.match_indices('.').map(|(at, _)| format!("*{}", full.get(at..).unwrap_or_default()));
    std::iter::once(full.to_owned()).chain(suffixes).chain(std::iter::once("*".to_owned()))
}

/// The cluster's domain as istiod is told it, by `--domain`.
fn domain(inventory: &Inventory) -> Option<String> {
    for istiod in istiods(inventory) {
        for container in istiod.at(&["spec", "template", "spec", "containers"]).items() {
            let mut args = container.get("args").items().map(|arg| arg.text().into_owned());
            while let Some(arg) = args.next() {
                let value = match arg.strip_prefix("--domain") {
                    Some("") => args.next(),
                    Some(rest) => rest.strip_prefix('=').map(str::to_owned),
                    None => None,
                };
                if let Some(value) = value.filter(|value| !value.is_empty() && !value.contains('$')) {
                    return Some(value);
                }
            }
        }
    }
    None
}

/// Whether two hosts, either of which may be a wildcard, have a name in common.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    match (one.strip_prefix('*'), other.strip_prefix('*')) {
        (Some(one), Some(other)) => one.ends_with(other) || other.ends_with(one),
        (Some(suffix), None) => other.ends_with(suffix),
        (None, Some(suffix)) => one.ends_with(suffix),
        (None, None) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::read_text;

    const SERVICES: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: reviews, namespace: prod}\n---\n\
                            apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e, namespace: prod}\n\
                            spec: {hosts: [api.example.com, '*.example.org']}\n";

    fn resolve(text: &str, host: &str) -> String {
        let (inventory, problems) = read_text("f.yaml", text);
        assert_eq!(problems, []);
        match Hosts::of(&inventory).resolve(host, "prod") {
            Host::Service(service) => format!("service {}", service.name()),
            Host::Entry(entry) => format!("entry {}", entry.name()),
            Host::Partial { full, .. } => format!("partial {full}"),
            Host::Missing { name, namespace } => format!("missing {name} {namespace}"),
            Host::OtherDomain { domain, .. } => format!("domain {domain}"),
            Host::External => "external".to_owned(),
            Host::Unknowable => "unknowable".to_owned(),
        }
    }

    #[test]
    fn hosts_mean_what_istiod_takes_them_for() {
        let table = [
            ("reviews", "service reviews"),
            ("reviews.prod.svc.cluster.local", "service reviews"),
            ("Reviews.prod.svc.cluster.local.", "service reviews"),
            ("reviews.prod", "partial reviews.prod.svc.cluster.local"),
            ("reviews.prod.svc", "partial reviews.prod.svc.cluster.local"),
            ("reviewz", "missing reviewz prod"),
            ("reviews.dev.svc.cluster.local", "missing reviews dev"),
            ("reviews.prod.svc.cluster.loca", "domain cluster.loca"),
            ("reviews.prod.svc.clusterset.local", "unknowable"),
            ("api.example.com", "entry e"),
            ("a.b.example.org", "entry e"),
            ("example.org", "external"),
            ("*.prod.svc.cluster.local", "unknowable"),
        ];
        for (host, wanted) in table {
            assert_eq!(resolve(SERVICES, host), wanted, "{host}");
        }
    }

    #[test]
    fn istiod_tells_the_domain() {
        let istiod = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: istiod, namespace: istio-system, labels: {app: istiod}}\n\
                      spec: {template: {spec: {containers: [{name: discovery, args: [discovery, --domain, corp.example]}]}}}\n";
        let text = format!("{SERVICES}{istiod}");
        assert_eq!(resolve(&text, "reviews.prod.svc.corp.example"), "service reviews");
        assert_eq!(resolve(&text, "reviews.prod.svc.cluster.local"), "domain cluster.local");
    }

    #[test]
    fn hosts_overlap_by_their_wildcards() {
        assert!(overlap("*", "a.b") && overlap("a.b", "*.b") && overlap("*.c.b", "*.b"));
        assert!(!overlap("a.b", "*.a.b") && !overlap("*.a", "*.b") && !overlap("a", "b"));
    }
}
