//! What is in effect for one workload, and what decides it: injected how, traced where to, scraped by what, logged how.
//!
//! One function an aspect. Nothing here is a finding.

use std::collections::HashMap;

use super::Outcome;
use crate::facts::datakit::{ENV_DISCOVERY, LOGS_ANNOTATION, SCRAPE_ANNOTATION};
use crate::facts::istio;
use crate::kube::{Field, Object, Selector};
use crate::mesh::tracing::Spans;
use crate::mesh::{Mesh, Workload};
use crate::rule::datakit::conf;

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

/// What answers about all workloads need, gathered once.
pub(super) struct Effects<'m, 'i> {
    mesh: &'m Mesh<'i>,
    outcome: &'m Outcome,
    namespaces: HashMap<&'i str, &'i Object>,
    /// Where the sidecars of each workload send spans; and what decides it.
    spans: HashMap<*const Object, (State, String, String)>,
}

impl<'m, 'i> Effects<'m, 'i> {
    pub(super) fn of(mesh: &'m Mesh<'i>, outcome: &'m Outcome) -> Self {
        let inventory = mesh.inventory;
        Self {
            mesh,
            outcome,
            namespaces: inventory.of("", "Namespace").map(|object| (object.name(), object)).collect(),
            spans: spans(mesh),
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
        let Some((state, target, from)) = self.spans.get(&std::ptr::from_ref(workload.object)) else {
            return aspect(State::Unknown, "the mesh configuration is not in view".to_owned(), Vec::new());
        };
        let by = vec![from.clone()];
        if *state != State::On {
            return aspect(*state, target.clone(), by);
        }
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
        for datakit in &self.mesh.datakits {
            let mut blocks = datakit.conf.blocks("kubernetesprometheus");
            if blocks.any(|(_, block)| covers(block)) {
                ways.push(format!("{}: input kubernetesprometheus", datakit.object.title()));
            }
        }
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

/// Where the sidecars of each workload send spans: the state, the address or the reason, and what decides it.
fn spans(mesh: &Mesh<'_>) -> HashMap<*const Object, (State, String, String)> {
    let decisions = mesh.tracing.decisions();
    let of_workloads =
        decisions.iter().filter_map(|decision| Some((decision.proxy.object?, &decision.spans)));
    let described = of_workloads.map(|(object, spans)| {
        let (state, answer, from) = match spans {
            Spans::Bootstrap { address, from } => (State::On, address.clone(), from),
            Spans::Provider { provider, from } => {
                let endpoint = provider.endpoint();
                let service = endpoint.and_then(|endpoint| endpoint.service.as_deref()).unwrap_or_default();
                let port = endpoint.map_or(0, |endpoint| endpoint.port_number());
                (State::On, format!("{}:{port}", service.rsplit('/').next().unwrap_or(service)), from)
            }
            Spans::Off { from, .. } => (State::Off, "no: see the findings about tracing".to_owned(), from),
            Spans::Unknown { from, .. } => {
                (State::Unknown, "what decides it is not in view".to_owned(), from)
            }
        };
        (std::ptr::from_ref(object), (state, answer, from.object.title()))
    });
    described.collect()
}
