//! Whether the proxies count requests: the metrics providers of Telemetries and of the mesh configuration, merged as istiod
//! merges them.

use super::Mesh;
use super::control_plane::{self, ControlPlane};
use super::tracing::{Decider, Proxy};
use crate::facts::Version;
use crate::facts::istio::{self, PROMETHEUS_PROVIDER, STANDARD_METRICS, StandardMetric};
use crate::kube::Object;
use crate::spelling::nearest;

/// Why a proxy does not make the metrics that dashboards read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoMetrics {
    /// No metrics provider is named anywhere.
    NoProvider,
    /// No provider for Prometheus has this name; the one that was meant.
    UnknownProvider { name: String, meant: String },
    /// An override of a Telemetry disables it.
    Disabled(&'static StandardMetric),
    /// Istio of this minor version makes them with EnvoyFilters, which are not there.
    NoFilters(u32),
}

/// A proxy without metrics, and the value that decides.
#[derive(Debug)]
pub(crate) struct Silent<'i> {
    pub(crate) proxy: Proxy<'i>,
    pub(crate) cause: NoMetrics,
    pub(crate) from: Decider<'i>,
}

/// The proxies that do not make the metrics of requests, and whether any proxy could be judged.
pub(crate) fn silent<'i>(mesh: &Mesh<'i>) -> (Vec<Silent<'i>>, bool) {
    let mut judged = false;
    let mut found = Vec::new();
    for (proxy, plane) in mesh.tracing.governed() {
        let Some(decision) = decide(mesh, &proxy, plane) else { continue };
        judged = true;
        found.extend(decision.map(|(cause, from)| Silent { proxy, cause, from }));
    }
    (found, judged)
}

/// Why a proxy makes none, if so; nothing where nobody can know.
fn decide<'i>(
    mesh: &Mesh<'i>,
    proxy: &Proxy<'i>,
    plane: &ControlPlane<'i>,
) -> Option<Option<(NoMetrics, Decider<'i>)>> {
    let version = plane.version.filter(|_| !plane.is_elsewhere && !plane.reading.is_refused())?;
    if version < istio::METRICS_BY_PROVIDER {
        return filters(mesh, plane, version);
    }
    let telemetries = mesh.tracing.holding(proxy, plane).ok()?;
    let mut merged = Merged::of(plane);
    telemetries.into_iter().for_each(|telemetry| merged.add(telemetry));
    let lack = merged.lack(plane);
    let is_unsaid = matches!(lack, Some((NoMetrics::NoProvider, _)));
    let is_bare = is_unsaid && plane.config().default_providers.is_none();
    if is_bare && !(is_whole(plane) && is_of_one_version(mesh, plane, version)) {
        return None;
    }
    Some(lack)
}

/// Whether a mesh configuration is what an installer wrote; another one may be merged with what is elsewhere.
fn is_whole(plane: &ControlPlane<'_>) -> bool {
    let proxies = plane.config().default_config.as_ref();
    proxies.is_some_and(|proxies| proxies.discovery_address.is_some())
}

/// Whether what was installed with istiod is of its version, as far as labels and images tell: what another version needs is
/// not missing from a mesh that was put together from two.
fn is_of_one_version(mesh: &Mesh<'_>, plane: &ControlPlane<'_>, version: Version) -> bool {
    let label = control_plane::version(&[plane.object], None);
    let deployments = mesh.inventory.of("apps", "Deployment");
    let beside = deployments.filter(|object| object.namespace() == plane.namespace());
    let containers = beside
        .flat_map(Object::pod_templates)
        .flat_map(|template| template.at(&["spec", "containers"]).items())
        .filter(|container| container.get("name").is(istio::PROXY_CONTAINER));
    let mut told = label.into_iter().chain(containers.filter_map(control_plane::image_version)).peekable();
    told.peek().is_some() && told.all(|told| told.minor() == version.minor())
}

/// Before providers, the chart installed a filter for each minor version. What is not installed is seen in a cluster only.
fn filters<'i>(
    mesh: &Mesh<'i>,
    plane: &ControlPlane<'i>,
    version: Version,
) -> Option<Option<(NoMetrics, Decider<'i>)>> {
    let is_in_view = mesh.inventory.live && !mesh.inventory.may_miss("networking.istio.io", "envoyfilters");
    if !is_in_view || !is_of_one_version(mesh, plane, version) {
        return None;
    }
    let minor = version.minor();
    let prefix = format!("{}1.{minor}", istio::STATS_FILTER);
    let mut all = mesh.inventory.of("networking.istio.io", "EnvoyFilter");
    let is_there = all.any(|filter| filter.name().starts_with(&prefix));
    Some((!is_there).then(|| (NoMetrics::NoFilters(minor), plane.decider())))
}

/// What the mesh configuration and Telemetries say together.
struct Merged<'i> {
    /// The providers that hold for the next entry, and the value that names them.
    names: Vec<String>,
    from: Decider<'i>,
    is_first: bool,
    /// Whether any of the providers so far is Prometheus'.
    counts: bool,
    /// For each metric and mode, the override that disables it.
    disabled: [[Option<Decider<'i>>; 2]; STANDARD_METRICS.len()],
    own_names: Vec<String>,
}

impl<'i> Merged<'i> {
    fn of(plane: &ControlPlane<'i>) -> Self {
        let config = plane.config();
        let providers = config.extension_providers.iter().flatten();
        let own = providers.filter(|provider| provider.kind == PROMETHEUS_PROVIDER);
        let mut own_names: Vec<String> = own.filter_map(|provider| provider.name.clone()).collect();
        own_names.push(PROMETHEUS_PROVIDER.to_owned());
        let defaults = config.default_providers.as_ref();
        // The chart names Prometheus where an IstioOperator names no providers at all.
        let names = match defaults {
            None if plane.object.kind() == "IstioOperator" => vec![PROMETHEUS_PROVIDER.to_owned()],
            defaults => defaults.and_then(|defaults| defaults.metrics.clone()).unwrap_or_default(),
        };
        let counts = names.iter().any(|name| own_names.contains(name));
        let from = plane.decider();
        Self { names, from, is_first: true, counts, disabled: Default::default(), own_names }
    }

    fn add(&mut self, telemetry: &'i Object) {
        for entry in telemetry.at(&["spec", "metrics"]).items() {
            let providers = entry.get("providers");
            let named: Vec<String> =
                providers.items().filter_map(|item| Some(item.get("name").scalar()?.into_owned())).collect();
            if !named.is_empty() {
                (self.names, self.from) = (named, Decider { object: telemetry, field: providers });
            }
            // The first entry takes the place of the default providers.
            let counts = self.names.iter().any(|name| self.own_names.contains(name));
            self.counts = counts || (self.counts && !self.is_first);
            self.is_first = false;
            if counts {
                self.overrides(telemetry, entry);
            }
        }
    }

    fn overrides(&mut self, telemetry: &'i Object, entry: crate::kube::Field<'i>) {
        for change in entry.get("overrides").items() {
            let field = change.get("disabled");
            let Some(is_disabled) = field.truth() else { continue };
            let chosen = change.get("match");
            if chosen.get("customMetric").is_set() {
                continue;
            }
            let metric = chosen.get("metric").text();
            let mode = chosen.get("mode").text();
            for (known, modes) in STANDARD_METRICS.iter().zip(&mut self.disabled) {
                if !(metric.is_empty() || metric == "ALL_METRICS" || metric == known.key) {
                    continue;
                }
                for (name, place) in ["CLIENT", "SERVER"].into_iter().zip(modes) {
                    if mode.is_empty() || mode == "CLIENT_AND_SERVER" || mode == name {
                        *place = is_disabled.then_some(Decider { object: telemetry, field });
                    }
                }
            }
        }
    }

    fn lack(self, plane: &ControlPlane<'i>) -> Option<(NoMetrics, Decider<'i>)> {
        if !self.counts {
            let known = self.own_names.iter().map(String::as_str);
            let misspelt = self.names.iter().find_map(|name| {
                let meant = nearest(name, known.clone())?;
                Some(NoMetrics::UnknownProvider { name: name.clone(), meant: meant.to_owned() })
            });
            let from = if self.names.is_empty() { plane.decider() } else { self.from };
            return Some((misspelt.unwrap_or(NoMetrics::NoProvider), from));
        }
        // One side is often disabled on purpose: the other one has the same requests.
        let both = STANDARD_METRICS.iter().zip(self.disabled).find_map(|(metric, modes)| match modes {
            [Some(_), Some(from)] => Some((metric, from)),
            _ => None,
        });
        both.map(|(metric, from)| (NoMetrics::Disabled(metric), from))
    }
}
