//! What is in effect for one workload, and what decides it: injected how, traced where to, scraped by what, logged how.
//!
//! One function an aspect. Nothing here is a finding.

use std::collections::HashMap;

use super::Outcome;
use crate::facts::datakit::{
    ENV_CONF, ENV_DISCOVERY, LOG_FILTERS, LOGS_ANNOTATION, LOGS_VARIABLE, SCRAPE_ANNOTATION, logs_annotation,
};
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
    /// DataKit's configured inputs by name, with what they stand in.
    inputs: Vec<(String, String, toml::Table)>,
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
            inputs: inputs(mesh),
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
        let covers = |name: &str, block: &toml::Table| {
            name == "kubernetesprometheus" && conf::scrapes(block, istio::SIDECAR_PORT, namespace)
        };
        let found = self.inputs.iter().filter(|(_, name, block)| covers(name, block));
        ways.extend(found.map(|(place, _, _)| format!("{place}: input kubernetesprometheus")));
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
        let own: Vec<_> =
            workload.spec().get("containers").items().map(|one| own_logs(workload, one)).collect();
        let mut by: Vec<String> = own.iter().flatten().map(|own| own.place.clone()).collect();
        by.dedup();
        let disabled = own.iter().flatten().filter(|own| own.is_disabled).count();
        if disabled > 0 && disabled == own.len() {
            return aspect(State::Off, "no: its own configuration disables it", by);
        }
        let Some(datakit) = self.mesh.datakits.first() else {
            return aspect(State::Unknown, "DataKit is not in view", by);
        };
        by.push(format!("{}: enabled inputs", datakit.object.title()));
        if !datakit.enabled_inputs().iter().any(|name| name == "container") {
            return aspect(State::Off, "no: `container` is not among DataKit's enabled inputs", by);
        }
        if own.iter().any(Option::is_none)
            && let Some(filter) = self.log_filter()
        {
            by.push(filter);
            return aspect(State::Unknown, "DataKit's lists of included and excluded containers decide", by);
        }
        let some = format!("by DataKit's input container, {disabled} of {} containers disabled", own.len());
        aspect(State::On, if disabled > 0 { &some } else { "by DataKit's input container" }, by)
    }

    /// Where DataKit is told to take the output of some containers only.
    fn log_filter(&self) -> Option<String> {
        for datakit in &self.mesh.datakits {
            let is_set = |(variable, _): &&(&str, &str)| !datakit.env_text(variable).is_empty();
            if let Some((variable, _)) = LOG_FILTERS.iter().find(is_set) {
                return Some(format!("{}: {variable}", datakit.object.title()));
            }
        }
        let is_filter = |block: &toml::Table| {
            let list = |key| block.get(key).and_then(toml::Value::as_array);
            LOG_FILTERS.iter().any(|(_, key)| list(*key).is_some_and(|list| !list.is_empty()))
        };
        let mut blocks =
            self.inputs.iter().filter(|(_, name, block)| name == "container" && is_filter(block));
        blocks.next().map(|(place, _, _)| format!("{place}: input container"))
    }
}

/// What a container's own configuration says about its output.
struct OwnLogs {
    /// What it stands in.
    place: String,
    is_disabled: bool,
}

/// Its variable, else the annotation for it, else the one for all containers.
fn own_logs(workload: &Workload<'_>, container: Field<'_>) -> Option<OwnLogs> {
    let title = workload.object.title();
    let variable = container.get("env").items().find(|variable| variable.get("name").is(LOGS_VARIABLE));
    let for_it = logs_annotation(&container.get("name").text());
    let found = variable.map(|variable| (format!("{title}: {LOGS_VARIABLE}"), variable.get("value")));
    let annotation = |name: &str| {
        let field = workload.annotation(name);
        field.is_set().then(|| (format!("{title}: annotation {name}"), field))
    };
    let (place, field) = found.or_else(|| annotation(&for_it)).or_else(|| annotation(LOGS_ANNOTATION))?;
    let rules: Vec<serde_json::Value> = serde_json::from_str(&field.text()).unwrap_or_default();
    let is_disabled = rules.iter().any(|rule| rule.get("disable").is_some_and(|value| value == true));
    Some(OwnLogs { place, is_disabled })
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

/// What DataKit's variable and ConfigMaps configure: what it stands in, the input's name, its block.
fn inputs(mesh: &Mesh<'_>) -> Vec<(String, String, toml::Table)> {
    let mut texts = Vec::new();
    for datakit in &mesh.datakits {
        texts.push((datakit.object.title(), datakit.env_text(ENV_CONF)));
    }
    for map in mesh.inventory.of("", "ConfigMap") {
        if mesh.datakits.iter().any(|datakit| datakit.object.namespace() == map.namespace()) {
            texts.extend(map.at(&["data"]).entries().map(|(_, text)| (map.title(), text.text())));
        }
    }
    let blocks = texts.into_iter().flat_map(|(place, text)| {
        conf::inputs(&text).into_iter().map(move |(name, block)| (place.clone(), name, block))
    });
    blocks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::read_text;

    const DATAKIT: &str = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: datakit, namespace: datakit}\nspec: {template: {spec: \
                           {containers: [{name: datakit, image: 'datakit:1.84.0', env: [{name: ENV_DEFAULT_ENABLED_INPUTS, value: \
                           container}, {name: X, value: x}]}]}}}\n---\n";
    const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: '{defaultConfig: \
                          {tracing: {zipkin: {address: \"mesh:9411\"}}}, extensionProviders: [{name: zk, zipkin: {service: dk.ns, \
                          port: 9411}}, {name: ot, opentelemetry: {}}]}'}\n---\n";

    /// A workload with a sidecar of its own; more of its template's metadata and container.
    fn workload(annotations: &str, container: &str) -> String {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a, namespace: prod}}\nspec: {{template: {{metadata: {{labels: \
             {{app: a}}, annotations: {{{annotations}}}}}, spec: {{containers: [{{name: a, image: a{container}}}], initContainers: \
             [{{name: istio-proxy}}]}}}}}}\n---\n"
        )
    }

    fn aspect(text: &str, name: &str) -> Aspect {
        let (inventory, problems) = read_text("a.yaml", text);
        assert_eq!(problems, []);
        let mesh = Mesh::of(&inventory);
        let outcome = Outcome { checked: vec!["tracing-path", "datakit-zipkin"], ..Outcome::default() };
        let effects = Effects::of(&mesh, &outcome);
        let workload = mesh.applications.first().unwrap();
        effects.aspects(workload).into_iter().find(|aspect| aspect.name == name).unwrap()
    }

    #[test]
    fn spans_go_where_the_nearest_configuration_says() {
        let telemetry = |namespace: &str, spec: &str| {
            format!(
                "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: {namespace}}}\nspec: {{{spec}}}\n---\n"
            )
        };
        let own = "proxy.istio.io/config: 'zipkinAddress: own:1'";
        let selector = "selector: {matchLabels: {app: a}}, ";
        for (annotations, more, state, answer) in [
            ("", String::new(), State::On, "to mesh:9411"),
            (own, String::new(), State::On, "to own:1"),
            (own, telemetry("prod", "tracing: [{providers: [{name: zk}]}]"), State::On, "to dk.ns:9411"),
            (
                "",
                telemetry("prod", "tracing: [{providers: [{name: ot}]}]"),
                State::Unknown,
                "to provider `ot`, which is not Zipkin",
            ),
            (
                "",
                telemetry("prod", "tracing: [{providers: [{name: no}]}]"),
                State::Off,
                "no: provider `no` is not defined",
            ),
            ("", telemetry("test", "tracing: [{providers: [{name: zk}]}]"), State::On, "to mesh:9411"),
            (
                "",
                telemetry("istio-system", "tracing: [{disableSpanReporting: true}]"),
                State::Off,
                "no: disableSpanReporting is true",
            ),
            (
                "",
                telemetry("istio-system", "tracing: [{disableSpanReporting: true}]")
                    + &telemetry("prod", &format!("{selector}tracing: [{{providers: [{{name: zk}}]}}]")),
                State::On,
                "to dk.ns:9411",
            ),
        ] {
            let found = aspect(&(workload(annotations, "") + CONFIG + &more), "traced");
            assert_eq!((found.state, found.answer.as_str()), (state, answer), "{annotations} {more}");
        }
        let found = aspect(&workload("", ""), "traced");
        assert_eq!(
            (found.state, found.answer.as_str()),
            (State::Unknown, "the mesh configuration is not in view")
        );
    }

    #[test]
    fn logs_are_collected_unless_something_says_otherwise() {
        let disabled = "'[{\"disable\": true}]'";
        for (annotations, container, datakit, state) in [
            (String::new(), String::new(), DATAKIT.to_owned(), State::On),
            (String::new(), String::new(), String::new(), State::Unknown),
            (String::new(), String::new(), DATAKIT.replace("value: container", "value: cpu"), State::Off),
            (format!("datakit/logs: {disabled}"), String::new(), DATAKIT.to_owned(), State::Off),
            (format!("datakit/a.logs: {disabled}"), String::new(), DATAKIT.to_owned(), State::Off),
            (format!("datakit/b.logs: {disabled}"), String::new(), DATAKIT.to_owned(), State::On),
            (
                format!("datakit/logs: {disabled}"),
                ", env: [{name: DATAKIT_LOGS_CONFIG, value: '[{}]'}]".to_owned(),
                DATAKIT.to_owned(),
                State::On,
            ),
            (
                String::new(),
                String::new(),
                DATAKIT.replace("name: X", "name: ENV_INPUT_CONTAINER_CONTAINER_EXCLUDE_LOG"),
                State::Unknown,
            ),
            (
                "datakit/logs: '[{}]'".to_owned(),
                String::new(),
                DATAKIT.replace("name: X", "name: ENV_INPUT_CONTAINER_CONTAINER_EXCLUDE_LOG"),
                State::On,
            ),
        ] {
            let found = aspect(&(workload(&annotations, &container) + &datakit), "logged");
            assert_eq!(found.state, state, "{annotations} {container} {datakit}: {}", found.answer);
        }
    }
}
