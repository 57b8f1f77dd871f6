//! Whether istiod gives a proxy a cluster for the Service of a provider: names as the registry has them, and what hides a
//! Service or wraps its connections in TLS.

use std::collections::HashMap;

use super::control_plane::ControlPlane;
use super::destination_rules::DestinationRules;
use super::hosts::overlap;
use super::injection::has_proxy;
use super::network::NAME_LABEL;
use super::routes::Routes;
use crate::facts::istio::{ALIASES_WITHOUT_CLUSTER, EXPORT_TO, NAMESPACE, TLS_MODE_LABEL};
use crate::kube::{Field, Inventory, Object, Selector};

const GROUP: &str = "networking.istio.io";

/// Why a provider's Service cannot be used.
#[derive(Debug)]
pub(crate) enum Obstacle<'i> {
    /// The name is not a full one; the one that was meant, where such a Service is in view.
    ShortName(Option<String>),
    /// The host is a ServiceEntry's, so what is behind it is not in view.
    ServiceEntry(&'i Object),
    /// An ExternalName Service, which has no cluster from 1.21 on.
    Alias(&'i Object),
    /// The Service is exported to other namespaces only.
    ExportTo { service: &'i Object, field: Field<'i> },
    /// `defaultServiceExportTo` of the mesh configuration exports it to other namespaces only.
    ExportedByDefault(String),
    /// `discoverySelectors` leave the Service's namespace out.
    Undiscovered { namespace: String },
    /// What is behind the Service has the label that says it takes mutual TLS, and no sidecar that does.
    TlsLabel { object: &'i Object, field: Field<'i> },
    /// A DestinationRule demands mutual TLS, which DataKit does not speak.
    Tls { rule: &'i Object, field: Field<'i>, mode: String },
}

/// What stands between the proxies of a namespace and a provider's Service.
pub(crate) fn obstacle<'i>(
    inventory: &'i Inventory,
    routes: &Routes<'i>,
    plane: &ControlPlane<'i>,
    from: &str,
    service: &str,
) -> Option<Obstacle<'i>> {
    let (prefix, host) =
        service.split_once('/').map_or((None, service), |(prefix, host)| (Some(prefix), host));
    if let Some(entry) = routes.hosts.exact_entry(host) {
        return Some(Obstacle::ServiceEntry(entry));
    }
    if host.parse::<std::net::IpAddr>().is_ok() {
        return Some(Obstacle::ShortName(None));
    }
    let Some((name, namespace)) = routes.hosts.split(host) else {
        return short_name(routes, host, prefix.unwrap_or(from)).map(Obstacle::ShortName);
    };
    let service = inventory.get("", "Service", namespace, name)?;
    if service.at(&["spec", "type"]).is("ExternalName")
        && plane.version.is_none_or(|version| version >= ALIASES_WITHOUT_CLUSTER)
    {
        return Some(Obstacle::Alias(service));
    }
    if !is_discovered(inventory, plane, namespace) {
        return Some(Obstacle::Undiscovered { namespace: namespace.to_owned() });
    }
    let export = service.annotation(EXPORT_TO);
    let reaches = |to: &str| to == "*" || to == from || (to == "." && namespace == from);
    if export.is_set() && !export.text().split(',').any(|to| reaches(to.trim())) {
        return Some(Obstacle::ExportTo { service, field: export });
    }
    let defaults = plane.config().default_service_export_to.as_deref().unwrap_or_default();
    if !export.is_set() && !defaults.is_empty() && !defaults.iter().any(|to| reaches(to)) {
        return Some(Obstacle::ExportedByDefault(defaults.join(", ")));
    }
    tls(inventory, &routes.rules, plane, from, host, namespace, service)
}

/// A name that is none of the registry's: the full one of the Service it means. Nothing for a name with another domain.
fn short_name(routes: &Routes<'_>, host: &str, namespace: &str) -> Option<Option<String>> {
    let mut labels = host.split('.');
    let name = labels.next().unwrap_or_default();
    let stated = labels.next();
    if labels.any(|label| label != "svc") {
        return None;
    }
    let home = stated.unwrap_or(namespace);
    let beside = routes.hosts.service(home, name).map(|_| home);
    let found = beside.or_else(|| routes.hosts.named(name).first().map(|service| service.namespace()));
    Some(found.map(|namespace| format!("{name}.{namespace}.svc.{}", routes.hosts.domain())))
}

fn is_discovered(inventory: &Inventory, plane: &ControlPlane<'_>, namespace: &str) -> bool {
    let selectors = plane.config().discovery_selectors.as_deref().unwrap_or_default();
    let Some(found) = inventory.get_global("", "Namespace", namespace) else { return true };
    let labels = found.at(&["metadata", "labels"]);
    let fits = |selector: &serde_yaml::Value| {
        let labelled = selector.get("matchLabels").and_then(serde_yaml::Value::as_mapping);
        let simple = selector.get("matchExpressions").is_none();
        // The name of a namespace is a label of it, also where files do not write it.
        let has =
            |key: &str, value: &str| labels.get(key).is(value) || (key == NAME_LABEL && value == namespace);
        let pair = |(key, value): (&serde_yaml::Value, &serde_yaml::Value)| {
            key.as_str().zip(value.as_str()).is_some_and(|(key, value)| has(key, value))
        };
        !simple || labelled.into_iter().flatten().all(pair)
    };
    selectors.is_empty() || selectors.iter().any(fits)
}

/// Sidecar resources, by namespace.
#[derive(Debug)]
pub(crate) struct Sidecars<'i> {
    by_home: HashMap<&'i str, Vec<&'i Object>>,
}

impl<'i> Sidecars<'i> {
    pub(crate) fn of(inventory: &'i Inventory) -> Self {
        let mut by_home: HashMap<&str, Vec<&Object>> = HashMap::new();
        for sidecar in inventory.of(GROUP, "Sidecar") {
            by_home.entry(sidecar.namespace()).or_default().push(sidecar);
        }
        Self { by_home }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_home.is_empty()
    }

    /// The Sidecar that holds for pods of a namespace with these labels: one that selects them, else that of the namespace,
    /// else that of the root namespace.
    pub(crate) fn holding(
        &self,
        plane: Option<&ControlPlane<'_>>,
        from: &str,
        labels: Option<Field<'_>>,
    ) -> Option<&'i Object> {
        let of = |home: &str| self.by_home.get(home).map(Vec::as_slice).unwrap_or_default();
        let is_read = |found: &&&'i Object| plane.is_none_or(|plane| plane.reads(found));
        let selector = |found: &Object| Selector::of_map(found.at(&["spec", "workloadSelector", "labels"]));
        let selects = |found: &&&'i Object| {
            let selector = selector(found);
            !selector.is_empty() && labels.is_some_and(|labels| selector.fits(labels))
        };
        let wide = |found: &&&'i Object| selector(found).is_empty();
        let root = plane.map_or(NAMESPACE, ControlPlane::root_namespace);
        let own = of(from).iter().filter(is_read).find(selects);
        let own = own.or_else(|| of(from).iter().filter(is_read).find(wide));
        own.or_else(|| of(root).iter().filter(is_read).find(wide)).copied()
    }
}

/// Whether the egress of a Sidecar leaves a host of a namespace out for pods of another one; without hosts it leaves none out.
pub(crate) fn hides(sidecar: &Object, from: &str, host: &str, namespace: &str) -> bool {
    let all = || sidecar.at(&["spec", "egress"]).items().flat_map(|entry| entry.get("hosts").items());
    let reaches = |hosts: Field<'_>| {
        let hosts = hosts.text();
        let Some((home, pattern)) = hosts.split_once('/') else { return false };
        let home = home == "*" || home == namespace || (home == "." && namespace == from);
        home && overlap(pattern, host)
    };
    all().next().is_some() && !all().any(reaches)
}

/// What a DestinationRule demands of connections of all clients of a namespace to a host.
fn tls<'i>(
    inventory: &'i Inventory,
    rules: &DestinationRules<'i>,
    plane: &ControlPlane<'i>,
    from: &str,
    host: &str,
    namespace: &str,
    service: &'i Object,
) -> Option<Obstacle<'i>> {
    let counts = |rule: &Object| plane.reads(rule) && !rule.at(&["spec", "workloadSelector"]).is_set();
    let rule = rules.effective(from, namespace, host, counts).into_iter().next();
    let Some(rule) = rule.filter(|rule| rule.at(&["spec", "trafficPolicy", "tls", "mode"]).is_set()) else {
        return labelled(inventory, service);
    };
    let field = rule.at(&["spec", "trafficPolicy", "tls", "mode"]);
    let mode = field.text().into_owned();
    matches!(&*mode, "ISTIO_MUTUAL" | "MUTUAL" | "SIMPLE").then_some(Obstacle::Tls { rule, field, mode })
}

/// The workload behind a Service that is labelled as one with a sidecar, and has none: clients speak mutual TLS to it.
fn labelled<'i>(inventory: &'i Inventory, service: &'i Object) -> Option<Obstacle<'i>> {
    let selector = Selector::of_map(service.at(&["spec", "selector"]));
    if selector.is_empty() {
        return None;
    }
    let workloads = inventory.templates(service.namespace(), &selector);
    let found = workloads.into_iter().flat_map(|object| object.pod_templates().map(move |one| (object, one)));
    let mut labelled = found
        .map(|(object, template)| (object, template, template.at(&["metadata", "labels", TLS_MODE_LABEL])))
        .filter(|(_, template, label)| {
            // A pod of the host's network is never given one.
            label.is("istio")
                && template.at(&["spec", "hostNetwork"]).is_true()
                && !has_proxy(template.get("spec"))
        });
    labelled.next().map(|(object, _, field)| Obstacle::TlsLabel { object, field })
}

/// Whether a selector fits a pod template or Pod of a namespace.
pub(crate) fn selects_any(inventory: &Inventory, namespace: &str, selector: &Selector) -> bool {
    !inventory.templates(namespace, selector).is_empty() || !inventory.pods(namespace, selector).is_empty()
}
