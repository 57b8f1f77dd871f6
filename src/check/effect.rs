//! What is in effect for one workload, and what decides it: injected how, traced where to, scraped by what, logged how.
//!
//! One function an aspect. Nothing here is a finding.

use std::collections::HashMap;

use super::Outcome;
use crate::facts::datakit::{ENV_CONF, ENV_DISCOVERY, LOGS_ANNOTATION, SCRAPE_ANNOTATION};
use crate::facts::istio;
use crate::kube::{Field, Object, Selector};
use crate::mesh::{Mesh, Workload};
use crate::rule::datakit::conf;
use crate::yaml::Document;

/// Annotation of a pod template: configuration of its own proxy, over the mesh's.
const PROXY_CONFIG: &str = "proxy.istio.io/config";

/// Whether something is in effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is, with evidence.
    On,
    /// It is not.
    Off,
    /// It depends on what is not in view.
    Unknown,
}

/// One answer about a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Aspect {
    /// `injected`, `traced`, `scraped`, `logged`.
    pub(super) name: &'static str,
    pub(super) state: State,
    /// How, or why not.
    pub(super) answer: String,
    /// The objects and fields that decide it.
    pub(super) decided_by: Vec<String>,
}

/// What the mesh configuration says about tracing.
#[derive(Debug, Default)]
struct MeshConfig {
    title: String,
    /// Addresses of Zipkin providers, by name; empty for providers of another kind.
    providers: HashMap<String, String>,
    default_provider: Option<String>,
    /// `defaultConfig`'s Zipkin address.
    address: String,
}

/// What answers about all workloads need, gathered once.
pub(super) struct Effects<'m, 'i> {
    mesh: &'m Mesh<'i>,
    outcome: &'m Outcome,
    namespaces: HashMap<&'i str, &'i Object>,
    telemetries: HashMap<&'i str, Vec<&'i Object>>,
    config: Option<MeshConfig>,
    /// Blocks of kubernetesprometheus, and what they stand in.
    collectors: Vec<(String, toml::Table)>,
}

impl<'m, 'i> Effects<'m, 'i> {
    pub(super) fn of(mesh: &'m Mesh<'i>, outcome: &'m Outcome) -> Self {
        let inventory = mesh.inventory;
        let mut telemetries: HashMap<&str, Vec<&Object>> = HashMap::new();
        for telemetry in inventory.of("telemetry.istio.io", "Telemetry") {
            if telemetry.at(&["spec", "tracing", "0"]).exists() {
                telemetries.entry(telemetry.namespace()).or_default().push(telemetry);
            }
        }
        let is_config =
            |map: &&Object| map.name().starts_with("istio") && map.at(&["data", "mesh"]).is_string();
        Self {
            mesh,
            outcome,
            namespaces: inventory.of("", "Namespace").map(|object| (object.name(), object)).collect(),
            telemetries,
            config: inventory.of("", "ConfigMap").find(is_config).map(mesh_config),
            collectors: collectors(mesh),
        }
    }

    /// All aspects of a workload.
    pub(super) fn aspects(&self, workload: &Workload<'_>) -> [Aspect; 4] {
        [self.injected(workload), self.traced(workload), self.scraped(workload), self.logged(workload)]
    }

    /// Whether its pods have a sidecar, and what decides that.
    pub(super) fn injected(&self, workload: &Workload<'_>) -> Aspect {
        let (state, answer, by) = self.injection(workload);
        Aspect { name: "injected", state, answer, decided_by: by }
    }

    fn injection(&self, workload: &Workload<'_>) -> (State, String, Vec<String>) {
        let object = workload.object;
        let own = |field: &str| vec![format!("{}: {field}", object.title())];
        let no = |why: &str, by| (State::Off, format!("no: {why}"), by);
        if has_proxy(workload.spec()) {
            let answer = "yes: the pod template has the container istio-proxy".to_owned();
            return (State::On, answer, own("spec.template.spec"));
        }
        if workload.spec().get("hostNetwork").is_true() {
            return no("pods with hostNetwork get no sidecar", own("hostNetwork"));
        }
        let label = workload.labels().get(istio::INJECT);
        let wish = if label.is_set() { label } else { workload.annotation(istio::INJECT) };
        if wish.is("false") {
            return no("sidecar.istio.io/inject is \"false\"", own(istio::INJECT));
        }
        if istio::NEVER_INJECTED.contains(&object.namespace()) {
            return no(
                "Istio injects nothing in this namespace",
                vec![format!("namespace/{}", object.namespace())],
            );
        }
        let (of_namespace, by) = self.namespace_injection(object.namespace());
        let asked = if wish.is("true") { (State::On, own(istio::INJECT)) } else { (of_namespace, by) };
        let (state, by) = asked;
        if let Some(pods) = self.pods(workload) {
            let bare = pods.iter().filter(|pod| !has_proxy(pod.at(&["spec"]))).count();
            let with = pods.len() - bare;
            let state = if bare == 0 { State::On } else { State::Off };
            return (state, format!("{with} of {} pods have a sidecar", pods.len()), by);
        }
        match state {
            State::On => (state, "yes: by Istio's webhook".to_owned(), by),
            State::Off => no("its namespace has no injection label", by),
            State::Unknown => (state, format!("namespace `{}` is not in view", object.namespace()), by),
        }
    }

    fn namespace_injection(&self, name: &str) -> (State, Vec<String>) {
        let by = |label: &str| vec![format!("namespace/{name}: label {label}")];
        let Some(namespace) = self.namespaces.get(name) else {
            return (State::Unknown, vec![format!("namespace/{name}")]);
        };
        let injection = namespace.label(istio::INJECTION_LABEL);
        if injection == "enabled" {
            return (State::On, by(istio::INJECTION_LABEL));
        }
        if injection != "disabled" && !namespace.label(istio::REVISION_LABEL).is_empty() {
            return (State::On, by(istio::REVISION_LABEL));
        }
        (State::Off, by(istio::INJECTION_LABEL))
    }

    /// The running Pods; nothing where there are none to look at.
    fn pods(&self, workload: &Workload<'_>) -> Option<Vec<&'i Object>> {
        let selector = Selector::of(workload.object.at(&["spec", "selector"]));
        let pods = self.mesh.inventory.pods(workload.object.namespace(), &selector);
        (self.mesh.inventory.live && !pods.is_empty()).then_some(pods)
    }

    /// Where its sidecars send spans.
    pub(super) fn traced(&self, workload: &Workload<'_>) -> Aspect {
        let aspect = |state, answer: String, decided_by| Aspect { name: "traced", state, answer, decided_by };
        let injected = self.injected(workload);
        if injected.state == State::Off {
            return aspect(State::Off, "no: it has no sidecar".to_owned(), injected.decided_by);
        }
        let (target, by) = match self.destination(workload) {
            Ok(found) => found,
            Err(undecided) => return undecided,
        };
        if injected.state == State::Unknown {
            let answer = format!("to {target}, if it has a sidecar: {}", injected.answer);
            return aspect(State::Unknown, answer, by);
        }
        // The way to DataKit is judged by the checks.
        let is_tracing = |id: &str| id.starts_with("tracing") || id == "datakit-zipkin";
        let is_proven = ["tracing-path", "datakit-zipkin"].iter().all(|id| self.outcome.checked.contains(id));
        let is_open = self.outcome.unknowns.iter().any(|unknown| is_tracing(unknown.id));
        if !is_proven || is_open {
            return aspect(State::Unknown, format!("to {target}; the way to DataKit is not in view"), by);
        }
        aspect(State::On, format!("to {target}"), by)
    }

    /// The address that spans go to, and what says so; else why there is none.
    fn destination(&self, workload: &Workload<'_>) -> Result<(String, Vec<String>), Aspect> {
        let none = |state, answer: String, decided_by| Aspect { name: "traced", state, answer, decided_by };
        let own = Document::owned(workload.annotation(PROXY_CONFIG).text().into_owned()).ok();
        let own = own.as_ref().and_then(Field::root).map(zipkin_address).unwrap_or_default();
        let telemetry = self.telemetry(workload);
        let mut by: Vec<String> = telemetry.iter().map(|telemetry| telemetry.title()).collect();
        let tracing = telemetry.map(|telemetry| telemetry.at(&["spec", "tracing", "0"]));
        if tracing.is_some_and(|tracing| tracing.get("disableSpanReporting").is_true()) {
            return Err(none(State::Off, "no: disableSpanReporting is true".to_owned(), by));
        }
        let named = tracing.map(|tracing| tracing.at(&["providers", "0", "name"]).text());
        let named = named.filter(|name| !name.is_empty()).map(String::from);
        let Some(config) = &self.config else {
            if named.is_none() && !own.is_empty() {
                return Ok((own, vec![format!("{}: {PROXY_CONFIG}", workload.object.title())]));
            }
            return Err(none(State::Unknown, "the mesh configuration is not in view".to_owned(), by));
        };
        if let Some(name) = named.or_else(|| config.default_provider.clone()) {
            by.push(format!("{}: extensionProviders `{name}`", config.title));
            return match config.providers.get(&name) {
                None => Err(none(State::Off, format!("no: provider `{name}` is not defined"), by)),
                Some(address) if address.is_empty() => {
                    Err(none(State::Unknown, format!("to provider `{name}`, which is not Zipkin"), by))
                }
                Some(address) => Ok((address.clone(), by)),
            };
        }
        if !own.is_empty() {
            return Ok((own, vec![format!("{}: {PROXY_CONFIG}", workload.object.title())]));
        }
        by.push(format!("{}: defaultConfig", config.title));
        if config.address.is_empty() {
            return Err(none(State::Off, "no: no address is configured".to_owned(), by));
        }
        Ok((config.address.clone(), by))
    }

    /// The Telemetry that counts: the workload's own, its namespace's, the mesh's.
    fn telemetry(&self, workload: &Workload<'_>) -> Option<&'i Object> {
        let of = |namespace: &str| self.telemetries.get(namespace).into_iter().flatten().copied();
        let selector = |object: &Object| Selector::of(object.at(&["spec", "selector"]));
        let namespace = workload.object.namespace();
        let chooses = |object: &&Object| {
            let selector = selector(object);
            !selector.is_empty() && selector.fits(workload.labels())
        };
        let is_whole = |object: &&Object| selector(object).is_empty();
        let mut wide = of(namespace).filter(is_whole);
        of(namespace).find(chooses).or_else(|| wide.next()).or_else(|| of(istio::NAMESPACE).find(is_whole))
    }

    /// What collects its sidecars' metrics.
    pub(super) fn scraped(&self, workload: &Workload<'_>) -> Aspect {
        let aspect =
            |state, answer: String, decided_by| Aspect { name: "scraped", state, answer, decided_by };
        let injected = self.injected(workload);
        if injected.state == State::Off {
            return aspect(State::Off, "no: it has no sidecar".to_owned(), injected.decided_by);
        }
        let mut ways = Vec::new();
        if workload.annotation(SCRAPE_ANNOTATION).is_set() {
            ways.push(format!("{}: annotation {SCRAPE_ANNOTATION}", workload.object.title()));
        }
        let namespace = workload.object.namespace();
        let covers = |block: &toml::Table| conf::scrapes(block, istio::SIDECAR_PORT, namespace);
        let found = self.collectors.iter().filter(|(_, block)| covers(block));
        ways.extend(found.map(|(place, _)| format!("{place}: input kubernetesprometheus")));
        let discovering =
            self.mesh.datakits.iter().filter(|datakit| datakit.env_text(ENV_DISCOVERY) == "true");
        ways.extend(discovering.map(|datakit| format!("{}: {ENV_DISCOVERY}", datakit.object.title())));
        if self.mesh.datakits.is_empty() {
            return aspect(State::Unknown, "DataKit is not in view".to_owned(), ways);
        }
        if ways.is_empty() {
            return aspect(State::Off, "no: nothing names its port 15020".to_owned(), ways);
        }
        if injected.state == State::Unknown {
            return aspect(State::Unknown, format!("if it has a sidecar: {}", injected.answer), ways);
        }
        aspect(State::On, "by DataKit".to_owned(), ways)
    }

    /// How its containers' output is collected.
    pub(super) fn logged(&self, workload: &Workload<'_>) -> Aspect {
        let aspect = |state, answer: &str, decided_by| Aspect {
            name: "logged",
            state,
            answer: answer.to_owned(),
            decided_by,
        };
        let annotation = workload.annotation(LOGS_ANNOTATION);
        let own = vec![format!("{}: annotation {LOGS_ANNOTATION}", workload.object.title())];
        let rules: Vec<serde_json::Value> = serde_json::from_str(&annotation.text()).unwrap_or_default();
        if rules.iter().any(|rule| rule.get("disable").is_some_and(|value| value == true)) {
            return aspect(State::Off, "no: the annotation disables it", own);
        }
        let Some(datakit) = self.mesh.datakits.first() else {
            return aspect(State::Unknown, "DataKit is not in view", Vec::new());
        };
        let mut by = vec![format!("{}: enabled inputs", datakit.object.title())];
        if !datakit.enabled_inputs().iter().any(|name| name == "container") {
            return aspect(State::Off, "no: `container` is not among DataKit's enabled inputs", by);
        }
        if annotation.is_set() {
            by.splice(0..0, own);
            return aspect(State::On, "by DataKit's input container, as the annotation says", by);
        }
        aspect(State::On, "by DataKit's input container", by)
    }
}

/// Whether a pod's spec has a sidecar.
fn has_proxy(spec: Field<'_>) -> bool {
    let mut all = ["containers", "initContainers"].into_iter().flat_map(|key| spec.get(key).items());
    all.any(|container| container.get("name").is(istio::PROXY_CONTAINER))
}

/// The Zipkin address of a proxy's configuration; empty where there is none.
fn zipkin_address(config: Field<'_>) -> String {
    let address = config.at(&["tracing", "zipkin", "address"]).text();
    if address.is_empty() { config.get("zipkinAddress").text().into_owned() } else { address.into_owned() }
}

fn mesh_config(map: &Object) -> MeshConfig {
    let mut found = MeshConfig { title: map.title(), ..MeshConfig::default() };
    let Ok(doc) = Document::owned(map.text(&["data", "mesh"]).into_owned()) else { return found };
    let Some(config) = Field::root(&doc) else { return found };
    for provider in config.get("extensionProviders").items() {
        let zipkin = provider.get("zipkin");
        let service = zipkin.get("service").text();
        let host = service.rsplit('/').next().unwrap_or_default();
        let address =
            if host.is_empty() { String::new() } else { format!("{host}:{}", zipkin.get("port").text()) };
        found.providers.insert(provider.get("name").text().into_owned(), address);
    }
    let default = config.at(&["defaultProviders", "tracing", "0"]).text();
    found.default_provider = (!default.is_empty()).then(|| default.into_owned());
    found.address = zipkin_address(config.get("defaultConfig"));
    found
}

/// The blocks of DataKit's input kubernetesprometheus, with what they stand in.
fn collectors(mesh: &Mesh<'_>) -> Vec<(String, toml::Table)> {
    let mut texts = Vec::new();
    for datakit in &mesh.datakits {
        texts.push((datakit.object.title(), datakit.env_text(ENV_CONF).into_owned()));
    }
    for map in mesh.inventory.of("", "ConfigMap") {
        if mesh.datakits.iter().any(|datakit| datakit.object.namespace() == map.namespace()) {
            let files = map.at(&["data"]).entries();
            texts.extend(files.map(|(_, text)| (map.title(), text.text().into_owned())));
        }
    }
    let blocks = texts.into_iter().filter(|(_, text)| text.contains("kubernetesprometheus"));
    let blocks = blocks.flat_map(|(place, text)| {
        conf::inputs(&text).into_iter().map(move |(name, block)| (place.clone(), name, block))
    });
    let blocks = blocks.filter(|(_, name, _)| name == "kubernetesprometheus");
    blocks.map(|(place, _, block)| (place, block)).collect()
}
