//! Who serves metrics of the mesh: sidecars, gateways, istiod; on which ports, and to whom.

use std::collections::HashSet;

use crate::facts::Version;
use crate::facts::istio;
use crate::facts::scrape::Served;
use crate::kube::{Field, Inventory, Object};
use crate::mesh::control_plane::ControlPlane;
use crate::mesh::injection::{Decision, Injection, has_proxy};
use crate::mesh::{Datakit, Pods, Workload};
use crate::yaml::Document;

/// What a pod serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sidecar,
    /// An application that is not meant to have a sidecar.
    Bare,
    /// A gateway, a waypoint or ztunnel.
    Gateway,
    Istiod,
}

/// What says that other hosts may not read the metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalOnly<'i> {
    pub(crate) object: &'i Object,
    pub(crate) field: Field<'i>,
}

/// A pod template of a proxy, or of istiod.
#[derive(Clone, Debug)]
pub(crate) struct Proxy<'i> {
    pub(crate) workload: Workload<'i>,
    pub(crate) kind: Kind,
    pub(crate) served: Served,
    pub(crate) local_only: Option<LocalOnly<'i>>,
    /// Its running pods, in a cluster.
    pub(crate) pods: Vec<&'i Object>,
    /// Whether the injector leaves `prometheus.io` annotations for the port of [`Self::served`].
    pub(crate) is_merged: bool,
}

impl Proxy<'_> {
    /// A label of the pods: of one that runs, else what the template and the injector give them.
    pub(crate) fn label(&self, key: &str) -> Option<String> {
        if let Some(pod) = self.pods.first() {
            let label = pod.at(&["metadata", "labels", key]);
            return label.exists().then(|| label.text().into_owned());
        }
        let own = self.workload.labels().get(key);
        let added = || match key {
            istio::TLS_MODE_LABEL if self.kind == Kind::Sidecar => Some("istio".to_owned()),
            istio::CANONICAL_NAME_LABEL if self.kind == Kind::Sidecar => {
                let names =
                    ["app.kubernetes.io/name", "app"].map(|name| self.workload.labels().get(name).text());
                let name = names.into_iter().find(|name| !name.is_empty());
                Some(name.map_or_else(|| self.workload.object.name().to_owned(), |name| name.into_owned()))
            }
            _ => None,
        };
        if own.exists() { Some(own.text().into_owned()) } else { added() }
    }

    /// An annotation of the pods, likewise.
    pub(crate) fn annotation(&self, key: &str) -> Option<String> {
        if let Some(pod) = self.pods.first() {
            let own = pod.annotation(key);
            return own.exists().then(|| own.text().into_owned());
        }
        let own = self.workload.annotation(key);
        let own = own.exists().then(|| own.text().into_owned());
        if !self.is_merged {
            return own;
        }
        match key {
            istio::PROMETHEUS_SCRAPE => Some("true".to_owned()),
            istio::PROMETHEUS_PORT => Some(self.served.ports.first()?.to_string()),
            istio::PROMETHEUS_PATH => Some(istio::SIDECAR_PATH.to_owned()),
            _ => own,
        }
    }

    pub(crate) fn namespace(&self) -> &str {
        self.workload.object.namespace()
    }
}

/// What the mesh configuration says about metrics.
#[derive(Debug, Default)]
pub(crate) struct MeshSettings<'i> {
    pub(crate) object: Option<&'i Object>,
    /// `statusPort` of `defaultConfig`.
    pub(crate) status_port: Option<u16>,
    local_only: Option<LocalOnly<'i>>,
    /// Whether the injector is told not to merge metrics.
    pub(crate) merge_off: bool,
    /// Whether pods have IPv6 addresses.
    pub(crate) ipv6: bool,
    /// The version of istiod, where it is known.
    version: Option<Version>,
}

fn port(field: Field<'_>) -> Option<u16> {
    field.text().parse().ok().filter(|port| *port > 0)
}

fn is_local_only(config: Field<'_>) -> bool {
    config.at(&["proxyMetadata", istio::LOCALHOST_ONLY]).is("true")
}

/// The mapping that a text holds.
fn root<'a>(doc: &'a Document<'static>) -> Option<Field<'a>> {
    Some(Field::new(doc, doc.roots().next()?))
}

impl<'i> MeshSettings<'i> {
    pub(super) fn of(
        inventory: &'i Inventory,
        planes: &[ControlPlane<'i>],
        version: Option<Version>,
    ) -> Self {
        let mut settings = Self { ipv6: has_ipv6(inventory), version, ..Self::default() };
        let Some(plane) = planes.iter().find(|plane| !plane.is_elsewhere) else { return settings };
        let (object, field) = (plane.object, plane.field);
        settings.object = Some(object);
        settings.version = version.or(plane.version);
        let doc = field.is_string().then(|| Document::owned(field.text().into_owned()).ok()).flatten();
        let config = doc.as_ref().and_then(root).unwrap_or(field);
        let proxy = config.get("defaultConfig");
        settings.status_port = port(proxy.get("statusPort"));
        settings.local_only = is_local_only(proxy).then_some(LocalOnly { object, field });
        settings.merge_off = config.get("enablePrometheusMerge").truth() == Some(false);
        settings
    }

    /// What keeps the configuration that says whether metrics are merged.
    pub(crate) fn place(&self) -> Option<(&'i Object, Field<'i>)> {
        let object = self.object?;
        let field = object.at(&["data", "mesh"]);
        Some((object, if field.exists() { field } else { object.at(&["spec", "meshConfig"]) }))
    }
}

/// Whether the pods of a cluster have IPv6 addresses first: as all of them say, else as all Services do that say something.
fn has_ipv6(inventory: &Inventory) -> bool {
    let address = |object: &Object| object.text(&["status", "podIP"]).contains(':');
    let mut pods = inventory.of("", "Pod").filter(|pod| pod.at(&["status", "podIP"]).exists()).peekable();
    if pods.peek().is_some() {
        return pods.all(address);
    }
    let families = inventory.of("", "Service").filter_map(|service| {
        let first = service.at(&["spec", "ipFamilies", "0"]).text();
        let address = service.text(&["spec", "clusterIP"]);
        if first.is_empty() && !address.contains([':', '.']) {
            return None;
        }
        Some(first == "IPv6" || (first.is_empty() && address.contains(':')))
    });
    let families: Vec<bool> = families.collect();
    !families.is_empty() && families.into_iter().all(|is_ipv6| is_ipv6)
}

/// All that serve metrics of the mesh.
pub(super) fn all<'i>(
    inventory: &'i Inventory,
    datakits: &[Datakit<'i>],
    pods: &Pods<'i>,
    injection: &Injection<'i>,
    settings: &MeshSettings<'i>,
) -> Vec<Proxy<'i>> {
    let mut known: HashSet<*const Object> = HashSet::new();
    let mut found = Vec::new();
    // Files that say who is in the mesh say it of all: another namespace, which is not among them, is not taken to be in it.
    let is_stated = injection.members.iter().any(|member| matches!(member.decision, Decision::Injected(_)));
    for member in &injection.members {
        let workload = member.workload;
        known.insert(std::ptr::from_ref(workload.object));
        // Whoever did not mean its sidecar is told so elsewhere.
        if injection.is_inexact(member) {
            continue;
        }
        // A Pod that has ended is scraped no more.
        let has_ended = inventory.live && workload.object.kind() == "Pod" && member.pods.is_empty();
        let is_judged = !has_ended && (member.is_meshed() || (!inventory.live && !is_stated));
        let kind = if is_gateway(&workload) {
            Kind::Gateway
        } else if member.has_sidecar() && is_judged {
            Kind::Sidecar
        } else {
            Kind::Bare
        };
        found.push(proxy(workload, kind, member.pods.clone(), settings));
    }
    let is_datakit = |object: &Object| datakits.iter().any(|datakit| std::ptr::eq(datakit.object, object));
    for object in inventory.workloads() {
        let is_other = known.contains(&std::ptr::from_ref(object)) || is_datakit(object);
        if is_other || (inventory.live && (object.is_controlled() || object.kind() == "Pod")) {
            continue;
        }
        for template in object.pod_templates() {
            let workload = Workload { object, template };
            let is_istiod =
                object.label("app") == istio::ISTIOD || workload.labels().get("app").is(istio::ISTIOD);
            if is_istiod || has_proxy(workload.spec()) {
                let kind = if is_istiod { Kind::Istiod } else { Kind::Gateway };
                let pods = if inventory.live { pods.running(inventory, object) } else { Vec::new() };
                found.push(proxy(workload, kind, pods, settings));
            }
        }
    }
    found
}

fn proxy<'i>(
    workload: Workload<'i>,
    kind: Kind,
    pods: Vec<&'i Object>,
    settings: &MeshSettings<'i>,
) -> Proxy<'i> {
    let own = Document::owned(workload.annotation(istio::PROXY_CONFIG_ANNOTATION).text().into_owned()).ok();
    let own = own.as_ref().and_then(root);
    let mut ports: Vec<u16> = [
        port(workload.annotation(istio::STATUS_PORT)),
        own.and_then(|config| port(config.get("statusPort"))),
        settings.status_port,
    ]
    .into_iter()
    .flatten()
    .collect();
    if ports.is_empty() {
        ports.extend(istio::SIDECAR_PORT.parse::<u16>());
    }
    if kind == Kind::Istiod {
        ports = istio::ISTIOD_PORT.parse().into_iter().collect();
    }
    let serves_all = settings.version.is_some_and(|version| version < istio::LOCALHOST_ONLY_SINCE);
    let own_local = own.filter(|config| config.at(&["proxyMetadata", istio::LOCALHOST_ONLY]).exists());
    let local_only = match own_local {
        Some(config) => is_local_only(config).then(|| LocalOnly {
            object: workload.object,
            field: workload.annotation(istio::PROXY_CONFIG_ANNOTATION),
        }),
        None => settings.local_only,
    };
    Proxy {
        workload,
        kind,
        served: Served { ports, is_istiod: kind == Kind::Istiod },
        local_only: local_only.filter(|_| matches!(kind, Kind::Sidecar | Kind::Gateway) && !serves_all),
        pods,
        is_merged: kind == Kind::Sidecar && is_merged(&workload, settings),
    }
}

/// Whether the injector sets the `prometheus.io` annotations (`applyPrometheusMerge`, 1.7 to 1.30). A pod that says `false`
/// keeps its own from 1.13 on.
fn is_merged(workload: &Workload<'_>, settings: &MeshSettings<'_>) -> bool {
    let own = workload.annotation(istio::MERGE_METRICS);
    let is_off = if own.is_set() { own.is("false") } else { settings.merge_off };
    let keeps_own = settings.version.is_none_or(|version| version >= istio::SCRAPE_FALSE_KEPT);
    let says_no = keeps_own && workload.annotation(istio::PROMETHEUS_SCRAPE).is("false");
    !is_off && !says_no
}

/// Whether a template is that of a gateway or waypoint, and not of an application.
fn is_gateway(workload: &Workload<'_>) -> bool {
    let labels = workload.labels();
    let is_proxy_alone = || {
        let containers: Vec<_> = workload.spec().get("containers").items().collect();
        matches!(containers.as_slice(), [only] if only.get("name").is(istio::PROXY_CONTAINER))
    };
    workload.annotation("inject.istio.io/templates").text().contains("gateway")
        || labels.get(istio::GATEWAY_NAME_LABEL).exists()
        || is_proxy_alone()
}
