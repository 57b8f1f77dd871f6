//! Whether istiod gives a proxy a cluster for the Service of a provider: names as the registry has them, and what hides a
//! Service or wraps its connections in TLS.

use super::control_plane::ControlPlane;
use super::destination_rules::DestinationRules;
use super::hosts::overlap;
use super::injection::has_proxy;
use super::network::NAME_LABEL;
use super::routes::Routes;
use crate::facts::istio::{ALIASES_WITHOUT_CLUSTER, EXPORT_TO, TLS_MODE_LABEL};
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
    /// A Sidecar resource leaves the host out.
    Sidecar { object: &'i Object, hosts: Field<'i> },
    /// The Service is exported to other namespaces only.
    ExportTo { service: &'i Object, field: Field<'i> },
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
    let hidden = sidecar(inventory, plane, from, host, namespace);
    hidden.or_else(|| tls(inventory, &routes.rules, plane, from, host, namespace, service))
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

/// The Sidecar of a namespace, else of the root namespace, where its hosts leave a host out.
fn sidecar<'i>(
    inventory: &'i Inventory,
    plane: &ControlPlane<'i>,
    from: &str,
    host: &str,
    namespace: &str,
) -> Option<Obstacle<'i>> {
    let wide = |home: &str| {
        inventory.of(GROUP, "Sidecar").find(|found| {
            found.namespace() == home
                && !found.at(&["spec", "workloadSelector"]).is_set()
                && plane.reads(found)
        })
    };
    let object = wide(from).or_else(|| wide(plane.root_namespace()))?;
    let egress = object.at(&["spec", "egress"]);
    let all = || egress.items().flat_map(|entry| entry.get("hosts").items());
    all().next()?;
    let reaches = |hosts: &str| {
        let Some((home, pattern)) = hosts.split_once('/') else { return false };
        let home = home == "*" || home == namespace || (home == "." && namespace == from);
        home && overlap(pattern, host)
    };
    if all().any(|hosts| reaches(&hosts.text())) {
        None
    } else {
        Some(Obstacle::Sidecar { object, hosts: egress })
    }
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
