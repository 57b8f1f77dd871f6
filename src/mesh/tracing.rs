//! Where the proxies of each workload send their spans: Telemetries, providers, and the proxies' own configuration, merged
//! as the version of istiod merges them.

use std::collections::HashMap;

use super::config::{Provider, ProxyConfig, Reading, Tracing, proxy_config};
use super::control_plane::{ControlPlane, tags};
use super::injection::{Injection, has_proxy};
use crate::facts::Version;
use crate::facts::istio::{self, ProviderLack, Traces, WithoutProvider};
use crate::kube::{Field, Inventory, Object, Selector};

const TELEMETRY: &str = "telemetry.istio.io";

/// A proxy whose spans are asked for: that of a workload or gateway, or any of the mesh where none is in view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proxy<'i> {
    pub(crate) object: Option<&'i Object>,
    pub(crate) namespace: &'i str,
    /// The pods' `metadata` and `spec`.
    template: Option<Field<'i>>,
}

/// The value that decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decider<'i> {
    pub(crate) object: &'i Object,
    pub(crate) field: Field<'i>,
}

/// Where the spans of a proxy go.
#[derive(Debug)]
pub(crate) enum Spans<'i> {
    /// To an address that Envoy calls by itself.
    Bootstrap { address: String, from: Decider<'i> },
    /// To the Service of a provider.
    Provider { provider: Box<Provider>, from: Decider<'i> },
    /// Nowhere.
    Off { cause: Off, from: Decider<'i> },
    /// Nobody can know.
    Unknown { reason: Blind, from: Decider<'i> },
}

/// Why there are no spans.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Off {
    /// `enableTracing: false`.
    Disabled,
    /// `disableSpanReporting: true`.
    NotReported,
    /// Sampling is 0, by this key.
    SamplesNothing(&'static str),
    /// A provider without a percentage, which these versions take for 0.
    SamplesNothingByDefault(Version),
    /// No address anywhere.
    NoAddress,
    /// A `tracing` without a tracer takes the place of the address below it.
    Erased,
    /// A tracer or provider that is not Zipkin's.
    OtherTracer(String),
    /// A Telemetry names no provider.
    NoProvider,
    /// No entry of `extensionProviders` has this name; the nearest.
    UnknownProvider { name: String, nearest: Option<String> },
    /// The provider is of a kind without tracing.
    NoTracer { name: String, kind: String },
    /// Envoy's tracer is told to use TLS, which DataKit does not speak.
    Tls(String),
    /// This version sends a provider's spans with a header that DataKit refuses.
    BadHostHeader(Version),
}

/// Why nobody can know where spans go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blind {
    /// The control plane runs elsewhere.
    Elsewhere,
    /// istiod refuses its configuration and keeps an older one.
    Refused,
    /// The version decides.
    Version,
    /// Two Telemetries of one namespace: the older wins, and files have no age.
    Age,
}

/// What was decided for one proxy.
#[derive(Debug)]
pub(crate) struct Decision<'i, 'p> {
    pub(crate) proxy: Proxy<'i>,
    pub(crate) plane: &'p ControlPlane<'i>,
    pub(crate) spans: Spans<'i>,
}

/// All that decides.
#[derive(Debug)]
pub(crate) struct TracingModel<'i> {
    inventory: &'i Inventory,
    pub(crate) planes: Vec<ControlPlane<'i>>,
    tags: HashMap<String, String>,
    /// By namespace, the oldest first.
    telemetries: HashMap<&'i str, Vec<&'i Object>>,
    /// Those whose selector fits a workload, by its namespace and reference; the oldest first.
    selecting: HashMap<(&'i str, String), Vec<&'i Object>>,
    /// The proxies in view.
    pub(crate) proxies: Vec<Proxy<'i>>,
}

impl<'i> TracingModel<'i> {
    pub(crate) fn of(inventory: &'i Inventory, injection: &Injection<'i>) -> Self {
        let mut telemetries: HashMap<&str, Vec<&Object>> = HashMap::new();
        for telemetry in inventory.of(TELEMETRY, "Telemetry") {
            telemetries.entry(telemetry.namespace()).or_default().push(telemetry);
        }
        for found in telemetries.values_mut() {
            found.sort_by_cached_key(|telemetry| (age(telemetry), telemetry.name().to_owned()));
        }
        let mut selecting: HashMap<(&str, String), Vec<&Object>> = HashMap::new();
        for (namespace, found) in &telemetries {
            for telemetry in found {
                let selector = Selector::of(telemetry.at(&["spec", "selector"]));
                let mut chosen = inventory.templates(namespace, &selector);
                chosen.extend(inventory.pods(namespace, &selector));
                for object in chosen {
                    selecting.entry((*namespace, object.reference())).or_default().push(telemetry);
                }
            }
        }
        let (planes, tags) = (ControlPlane::all(inventory), tags(inventory));
        Self { inventory, planes, tags, telemetries, selecting, proxies: proxies(inventory, injection) }
    }

    /// The decision for each proxy, or for any where none is in view.
    pub(crate) fn decisions(&self) -> Vec<Decision<'i, '_>> {
        self.governed().into_iter().map(|(proxy, plane)| self.decide(proxy, plane)).collect()
    }

    /// Each proxy, or any where none is in view, and the control plane that it listens to.
    pub(super) fn governed(&self) -> Vec<(Proxy<'i>, &ControlPlane<'i>)> {
        if self.proxies.is_empty() {
            let any = |plane: &ControlPlane<'i>| Proxy {
                object: None,
                namespace: plane.namespace(),
                template: None,
            };
            return self.planes.iter().map(|plane| (any(plane), plane)).collect();
        }
        self.proxies.iter().filter_map(|proxy| Some((*proxy, self.plane(proxy)?))).collect()
    }

    fn plane(&self, proxy: &Proxy<'i>) -> Option<&ControlPlane<'i>> {
        let of_pod = proxy.label(istio::REVISION_LABEL);
        let namespace = self.inventory.get_global("", "Namespace", proxy.namespace);
        let of_namespace =
            namespace.map(|namespace| namespace.label(istio::REVISION_LABEL)).unwrap_or_default();
        let wanted = if of_namespace.is_empty() { &*of_pod } else { &*of_namespace };
        ControlPlane::choose(&self.planes, &self.tags, wanted)
    }

    fn decide<'p>(&self, proxy: Proxy<'i>, plane: &'p ControlPlane<'i>) -> Decision<'i, 'p> {
        let spans = if plane.is_elsewhere {
            Spans::Unknown { reason: Blind::Elsewhere, from: plane.decider() }
        } else if plane.reading.is_refused() {
            Spans::Unknown { reason: Blind::Refused, from: plane.decider() }
        } else {
            self.spans(&proxy, plane)
        };
        Decision { proxy, plane, spans }
    }

    fn spans(&self, proxy: &Proxy<'i>, plane: &ControlPlane<'i>) -> Spans<'i> {
        let merged = match self.merge(proxy, plane) {
            Ok(merged) => merged,
            Err(from) => return Spans::Unknown { reason: Blind::Age, from },
        };
        let off = |cause, from| Spans::Off { cause, from };
        if let Some(from) = merged.disabled {
            return off(Off::NotReported, from);
        }
        let config = plane.config();
        let defaults = config.default_providers.as_ref().and_then(|defaults| defaults.tracing.as_ref());
        let default = defaults.and_then(|names| names.first()).map(|name| (name.clone(), plane.decider()));
        let named = merged.provider.clone().or(default);
        let lack = match (&named, &merged.entry) {
            (Some((name, from)), _) => {
                let known = config.extension_providers.iter().flatten();
                let mut known = known.filter(|provider| provider.name.as_deref().is_some());
                let provider = known.find(|provider| {
                    provider.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name))
                });
                match provider {
                    Some(provider) if traces(&provider.kind, plane.version) => {
                        return self.provider(provider, *from, &merged, proxy, plane);
                    }
                    Some(provider) => {
                        let (name, kind) = (name.clone(), provider.kind.clone());
                        (ProviderLack::NoTracer, Off::NoTracer { name, kind }, *from)
                    }
                    None => {
                        let nearest = nearest_provider(plane, name);
                        (ProviderLack::NotFound, Off::UnknownProvider { name: name.clone(), nearest }, *from)
                    }
                }
            }
            (None, Some(from)) => (ProviderLack::NotNamed, Off::NoProvider, *from),
            (None, None) => (ProviderLack::NoEntry, Off::NoAddress, plane.decider()),
        };
        let (lack, cause, from) = lack;
        let result = match plane.version {
            Some(version) => istio::without_provider(version, lack),
            None if lack == ProviderLack::NoEntry => WithoutProvider::Bootstrap,
            // Every version that is still supported, and most before, send none.
            None => WithoutProvider::Off,
        };
        match result {
            WithoutProvider::Off => off(cause, from),
            WithoutProvider::Bootstrap if config.enable_tracing == Some(false) && merged.entry.is_none() => {
                off(Off::Disabled, plane.decider())
            }
            WithoutProvider::Bootstrap => match merged.percent {
                Some((0.0, from)) => off(Off::SamplesNothing("randomSamplingPercentage"), from),
                Some(_) => bootstrap(proxy, plane),
                None => sampled(bootstrap(proxy, plane), proxy, plane),
            },
            WithoutProvider::BootstrapAlone => sampled(bootstrap(proxy, plane), proxy, plane),
        }
    }

    fn provider(
        &self,
        provider: &Provider,
        from: Decider<'i>,
        merged: &Merged<'i>,
        proxy: &Proxy<'i>,
        plane: &ControlPlane<'i>,
    ) -> Spans<'i> {
        let off = |cause, from| Spans::Off { cause, from };
        if let Some((percent, from)) = merged.percent
            && percent <= 0.0
        {
            return off(Off::SamplesNothing("randomSamplingPercentage"), from);
        }
        if let Some(version) = plane.version {
            if merged.percent.is_none() && istio::samples_nothing_unless_told(version) {
                return off(Off::SamplesNothingByDefault(version), from);
            }
            if provider.zipkin.is_some() && !istio::provider_has_good_host_header(version) {
                return off(Off::BadHostHeader(version), from);
            }
        }
        if provider.endpoint().is_none() {
            return off(Off::OtherTracer(provider.kind.clone()), from);
        }
        let spans = Spans::Provider { provider: Box::new(provider.clone()), from };
        if merged.percent.is_some() { spans } else { sampled(spans, proxy, plane) }
    }

    /// The tracing of all Telemetries that hold for a proxy.
    ///
    /// # Errors
    /// The Telemetry whose age would decide.
    fn merge(&self, proxy: &Proxy<'i>, plane: &ControlPlane<'i>) -> Result<Merged<'i>, Decider<'i>> {
        let mut merged = Merged::default();
        self.holding(proxy, plane)?.into_iter().for_each(|telemetry| merged.add(telemetry, plane.version));
        Ok(merged)
    }

    /// The Telemetries that hold for a proxy, those that win last.
    ///
    /// # Errors
    /// The Telemetry whose age would decide.
    pub(super) fn holding(
        &self,
        proxy: &Proxy<'i>,
        plane: &ControlPlane<'i>,
    ) -> Result<Vec<&'i Object>, Decider<'i>> {
        let root = plane.root_namespace();
        let mut found = Vec::new();
        let mut namespaces = vec![root];
        if proxy.namespace != root {
            namespaces.push(proxy.namespace);
        }
        for namespace in namespaces {
            found.extend(self.oldest(namespace, plane)?);
        }
        let key = proxy.object.map(|object| (proxy.namespace, object.reference()));
        let own = key.and_then(|key| self.selecting.get(&key)).into_iter().flatten().copied();
        let mut own: Vec<&Object> =
            own.filter(|found| plane.reads(found) && proxy.is_selected_by(found)).collect();
        if own.len() > 1 && !plane.version.is_some_and(istio::merges_workload_telemetries) {
            own.truncate(1);
        }
        found.append(&mut own);
        Ok(found)
    }

    /// The Telemetry that holds for a whole namespace: the oldest without a selector.
    fn oldest(&self, namespace: &str, plane: &ControlPlane<'i>) -> Result<Option<&'i Object>, Decider<'i>> {
        let all = self.telemetries.get(namespace).into_iter().flatten().copied();
        let mut wide = all.filter(|found| plane.reads(found) && is_namespace_wide(found, plane.version));
        let Some(first) = wide.next() else { return Ok(None) };
        match wide.next() {
            Some(second) if age(first) == age(second) && age(first).is_empty() => {
                Err(Decider { object: second, field: second.at(&["spec"]) })
            }
            _ => Ok(Some(first)),
        }
    }

    /// The older Telemetry that takes the place of one, for a control plane.
    pub(crate) fn hidden_by(&self, telemetry: &Object, plane: &ControlPlane<'i>) -> Option<&'i Object> {
        if !plane.reads(telemetry) || !is_namespace_wide(telemetry, plane.version) {
            return None;
        }
        let oldest = self.oldest(telemetry.namespace(), plane).ok()??;
        (!std::ptr::eq(oldest, telemetry)).then_some(oldest)
    }

    /// The Telemetries of an inventory.
    pub(crate) fn telemetries(&self) -> impl Iterator<Item = &'i Object> {
        self.inventory.of(TELEMETRY, "Telemetry")
    }
}

impl<'i> ControlPlane<'i> {
    pub(crate) fn decider(&self) -> Decider<'i> {
        Decider { object: self.object, field: self.field }
    }
}

/// What Telemetries say together: of each field the last.
#[derive(Default)]
struct Merged<'i> {
    entry: Option<Decider<'i>>,
    provider: Option<(String, Decider<'i>)>,
    percent: Option<(f64, Decider<'i>)>,
    disabled: Option<Decider<'i>>,
}

impl<'i> Merged<'i> {
    fn add(&mut self, telemetry: &'i Object, version: Option<Version>) {
        let list = telemetry.at(&["spec", "tracing"]);
        let first_only = version.is_some_and(|version| version < Version::new(1, 12, 0));
        for entry in list.items().take(if first_only { 1 } else { usize::MAX }) {
            // Clients' spans are those of gateways; sidecars report on both sides, and the server's are looked at.
            if entry.at(&["match", "mode"]).is("CLIENT") {
                continue;
            }
            let at = |field| Decider { object: telemetry, field };
            self.entry = Some(at(list));
            if let Some(name) = entry.at(&["providers", "0", "name"]).scalar() {
                self.provider = Some((name.into_owned(), at(entry.get("providers"))));
            }
            let percent = entry.get("randomSamplingPercentage");
            if let Some(value) = percent.scalar().and_then(|text| text.parse().ok()) {
                self.percent = Some((value, at(percent)));
            }
            let disabled = entry.get("disableSpanReporting");
            match disabled.truth() {
                Some(true) => self.disabled = Some(at(disabled)),
                Some(false) => self.disabled = None,
                None => {}
            }
        }
    }
}

impl<'i> Proxy<'i> {
    fn label(&self, name: &str) -> String {
        let labels = self.template.map(|template| template.at(&["metadata", "labels"]));
        labels.map(|labels| labels.get(name).text().into_owned()).unwrap_or_default()
    }

    /// The annotation with its own configuration.
    pub(crate) fn own_config(&self) -> Option<Field<'i>> {
        let field = self.template?.at(&["metadata", "annotations", istio::PROXY_CONFIG_ANNOTATION]);
        field.is_set().then_some(field)
    }

    fn is_selected_by(&self, telemetry: &Object) -> bool {
        let selector = Selector::of(telemetry.at(&["spec", "selector"]));
        let Some(template) = self.template else { return false };
        !selector.is_empty() && selector.fits(template.at(&["metadata", "labels"]))
    }
}

/// When an object was created; empty in files.
fn age(object: &Object) -> String {
    object.text(&["metadata", "creationTimestamp"]).into_owned()
}

fn is_namespace_wide(telemetry: &Object, version: Option<Version>) -> bool {
    let spec = telemetry.at(&["spec"]);
    let selects = spec.at(&["selector", "matchLabels"]).entries().next().is_some();
    let targets = spec.get("targetRefs").items().next().is_some() || spec.get("targetRef").is_set();
    !selects && (!targets || version.is_some_and(istio::target_refs_mean_namespace))
}

fn traces(kind: &str, version: Option<Version>) -> bool {
    let kind = istio::PROVIDER_KINDS.iter().find(|known| known.key == kind);
    match kind.map(|kind| kind.traces) {
        Some(Traces::Yes) => true,
        Some(Traces::Before(end)) => version.is_none_or(|version| version < end),
        Some(Traces::No) | None => false,
    }
}

/// The provider that was most likely meant: by its name, else the only one that traces.
fn nearest_provider(plane: &ControlPlane<'_>, name: &str) -> Option<String> {
    let known = || {
        plane.config().extension_providers.iter().flatten().filter(|found| traces(&found.kind, plane.version))
    };
    let names = || known().filter_map(|provider| provider.name.as_deref());
    let only = || {
        let mut all = names();
        all.next().filter(|_| all.next().is_none())
    };
    crate::spelling::nearest(name, names()).or_else(only).map(str::to_owned)
}

/// What becomes of spans where no Telemetry says how many: the proxy's own share, else the mesh's, else istiod's.
fn sampled<'i>(spans: Spans<'i>, proxy: &Proxy<'i>, plane: &ControlPlane<'i>) -> Spans<'i> {
    let sends = matches!(spans, Spans::Bootstrap { .. } | Spans::Provider { .. });
    let own = proxy.own_config().and_then(|field| proxy_config(&field.text()).value.tracing);
    let of_mesh = || plane.config().default_config.as_ref()?.tracing.clone();
    let share = own.or_else(of_mesh).and_then(|tracing| tracing.sampling).unwrap_or_default();
    // 0 counts as not set there.
    if !sends || share != 0.0 {
        return spans;
    }
    let Some(istiod) = plane.istiod else { return spans };
    let containers = istiod.at(&["spec", "template", "spec", "containers"]).items();
    let variables = containers.flat_map(|container| container.get("env").items());
    let last = variables.filter(|variable| variable.get("name").is(istio::ENV_SAMPLING)).last();
    let value = last.map(|variable| variable.get("value"));
    match value.filter(|value| value.text().trim().parse() == Ok(0.0)) {
        Some(field) => Spans::Off {
            cause: Off::SamplesNothing(istio::ENV_SAMPLING),
            from: Decider { object: istiod, field },
        },
        None => spans,
    }
}

/// What the proxies' own configuration says.
fn bootstrap<'i>(proxy: &Proxy<'i>, plane: &ControlPlane<'i>) -> Spans<'i> {
    let own: Option<(Reading<ProxyConfig>, Decider<'i>)> = proxy
        .own_config()
        .zip(proxy.object)
        .map(|(field, object)| (proxy_config(&field.text()), Decider { object, field }));
    let of_mesh = plane.config().default_config.clone().unwrap_or_default();
    let own_tracing = own.and_then(|(reading, from)| reading.value.tracing.map(|tracing| (tracing, from)));
    let (tracing, from, is_own) = match own_tracing {
        Some((tracing, from)) => (Some(tracing), from, true),
        None => (of_mesh.tracing, plane.decider(), false),
    };
    let off = |cause| Spans::Off { cause, from };
    let flat = of_mesh.zipkin_address.filter(|address| !address.is_empty());
    let Some(tracing) = tracing else {
        return match (flat, plane.version) {
            (Some(address), _) => Spans::Bootstrap { address, from },
            (None, Some(version)) if version < istio::NO_DEFAULT_TRACING => {
                Spans::Bootstrap { address: istio::default_zipkin_address(plane.namespace()), from }
            }
            (None, Some(_)) => off(Off::NoAddress),
            (None, None) => Spans::Unknown { reason: Blind::Version, from },
        };
    };
    if let Some(other) = tracing.other() {
        return off(Off::OtherTracer(other.to_owned()));
    }
    let Tracing { sampling, zipkin, tls_settings, .. } = tracing;
    let mode = tls_settings.and_then(|tls| tls.mode).unwrap_or_default();
    if !mode.is_empty() && mode != "DISABLE" {
        return off(Off::Tls(mode));
    }
    if sampling.is_some_and(|percent| percent < 0.0) {
        return off(Off::SamplesNothing("sampling"));
    }
    match zipkin.and_then(|zipkin| zipkin.address).filter(|address| !address.is_empty()).or(flat) {
        Some(address) => Spans::Bootstrap { address, from },
        None if is_own || sampling.is_some() => off(Off::Erased),
        None => off(Off::NoAddress),
    }
}

/// The proxies in view: those of applications with a sidecar, and gateways. Pods are judged by what made them.
fn proxies<'i>(inventory: &'i Inventory, injection: &Injection<'i>) -> Vec<Proxy<'i>> {
    let members = injection.members.iter().filter(|member| member.has_sidecar());
    let applications = members.map(|member| (member.workload.object, member.workload.template));
    let gateways = inventory.of("apps", "Deployment").filter(|object| object.namespace() == istio::NAMESPACE);
    let gateways = gateways.flat_map(|object| object.pod_templates().map(move |template| (object, template)));
    let gateways = gateways.filter(|(_, template)| has_proxy(template.get("spec")));
    let proxy = |(object, template): (&'i Object, Field<'i>)| Proxy {
        object: Some(object),
        namespace: object.namespace(),
        template: Some(template),
    };
    applications.chain(gateways).map(proxy).collect()
}
