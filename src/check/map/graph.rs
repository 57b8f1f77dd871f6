//! The graph behind the picture: who is there, what flows between them, and what is known of each flow.

use std::collections::{BTreeSet, HashMap};

use crate::check::effect::{Aspect, Effects, State};
use crate::check::{CATALOG, Finding, Outcome};
use crate::gate::text;
use crate::kube::{Field, Inventory, Object, Selector};
use crate::mesh::{Mesh, Workload};

/// How many reasons a link names.
const REASONS: usize = 4;

pub(super) const BROWSER: &str = "browser";
pub(super) const NGINX: &str = "nginx";
pub(super) const GATEWAY: &str = "gateway";
pub(super) const ISTIOD: &str = "istiod";
pub(super) const DATAKIT: &str = "datakit";
pub(super) const CONSOLE: &str = "console";

/// A box.
pub(super) struct Node {
    pub(super) id: String,
    pub(super) label: String,
    /// The namespace of a workload; nothing for what is none.
    pub(super) namespace: Option<String>,
}

/// What is known of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Condition {
    /// It works, with evidence.
    Good,
    /// It is not set up.
    Off,
    /// It depends on what is not in view.
    Unknown,
    /// There is a finding.
    Broken,
}

/// Why a flow is as it is, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) text: String,
    pub(super) remedy: String,
}

/// An arrow.
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) flow: Flow,
    pub(super) condition: Condition,
    pub(super) reasons: Vec<Reason>,
}

/// What goes along an arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Flow {
    Requests,
    Metrics,
    Spans,
    Logs,
    IstiodMetrics,
    Rum,
    Uploads,
}

impl Flow {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Metrics | Self::IstiodMetrics => "metrics",
            Self::Spans => "spans",
            Self::Logs => "logs",
            Self::Rum => "RUM",
            Self::Uploads => "uploads",
        }
    }
}

/// The flows that a check's fault stops: by its id, else by its section.
fn stops(id: &str) -> &'static [Flow] {
    use Flow::{IstiodMetrics, Logs, Metrics, Requests, Rum, Spans, Uploads};
    match id {
        "datakit-missing" | "datakit-ready" => &[Metrics, Spans, Logs, IstiodMetrics, Rum, Uploads],
        "datakit-listen" => &[Spans, Rum],
        "datakit-version" | "scrape-discovery" | "scrape-instance" => &[Metrics],
        "datakit-node" => &[Metrics, Logs],
        "datakit-token" => &[Uploads],
        "datakit-zipkin" => &[Spans],
        "datakit-istiod" | "istiod-ready" => &[IstiodMetrics],
        "gateway-ready" => &[Requests],
        "port-protocol" => &[Metrics, Spans],
        "sidecar" | "injection" | "workload-ready" => &[Metrics, Spans],
        id => match CATALOG.iter().find(|check| check.id == id).map(|check| check.section) {
            Some("workloads") => &[Metrics],
            Some("namespaces" | "network") => &[Metrics, Spans],
            Some("tracing") => &[Spans],
            Some("logs") => &[Logs],
            Some("routing") => &[Requests],
            Some("RUM") => &[Rum],
            _ => &[],
        },
    }
}

/// Findings by what they are about: one workload, all workloads of a namespace, or everything.
#[derive(Default)]
struct Faults<'o> {
    by_subject: HashMap<&'o str, Vec<&'o Finding>>,
    by_namespace: HashMap<&'o str, Vec<&'o Finding>>,
    everywhere: HashMap<Flow, Vec<&'o Finding>>,
}

impl<'o> Faults<'o> {
    fn of(outcome: &'o Outcome, mesh: &Mesh<'_>) -> Self {
        let titles: BTreeSet<String> =
            mesh.applications.iter().map(|workload| workload.object.title()).collect();
        let namespaces: BTreeSet<&str> =
            mesh.applications.iter().map(|workload| workload.object.namespace()).collect();
        let mut faults = Self::default();
        for finding in &outcome.findings {
            let subject = finding.subject.as_str();
            faults.by_subject.entry(subject).or_default().push(finding);
            if titles.contains(subject) || finding.id == "namespace-label" {
                continue;
            }
            let (name, namespace) = subject.split_once(" in ").unwrap_or((subject, ""));
            let namespace = name.strip_prefix("namespace/").unwrap_or(namespace);
            if namespaces.contains(namespace) {
                faults.by_namespace.entry(namespace).or_default().push(finding);
            } else {
                for flow in stops(finding.id) {
                    faults.everywhere.entry(*flow).or_default().push(finding);
                }
            }
        }
        faults
    }

    /// Why a flow is broken, for a workload or, without one, at all.
    fn reasons(&self, flow: Flow, workload: Option<&Object>) -> Vec<Reason> {
        let title = workload.map(Object::title);
        let own = title.as_deref().and_then(|title| self.by_subject.get(title));
        let around = workload.and_then(|workload| self.by_namespace.get(workload.namespace()));
        let own = own.into_iter().chain(around).flatten().filter(|finding| stops(finding.id).contains(&flow));
        let global = self.everywhere.get(&flow).into_iter().flatten();
        own.chain(global).take(REASONS).map(|finding| reason(finding, title.as_deref())).collect()
    }

    /// Why an object's routes are broken.
    fn of_object(&self, object: &Object) -> Vec<Reason> {
        let found = self.by_subject.get(object.title().as_str());
        found.into_iter().flatten().take(REASONS).map(|finding| reason(finding, None)).collect()
    }
}

/// A finding as a reason. At the arrow of its own object it is not named, so that equal reasons are one.
fn reason(finding: &Finding, of: Option<&str>) -> Reason {
    let Finding { subject, message, hint, .. } = finding;
    let text = if of == Some(subject) { message.clone() } else { format!("{subject}: {message}") };
    Reason { text, remedy: hint.clone() }
}

fn only(text: impl Into<String>) -> Vec<Reason> {
    vec![Reason { text: text.into(), remedy: String::new() }]
}

/// What checks without a finding have shown.
fn titles(ids: &[&str]) -> Vec<Reason> {
    let shown = CATALOG.iter().filter(|check| ids.contains(&check.id));
    shown.flat_map(|check| only(check.title)).collect()
}

/// The picture's content.
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
}

impl Graph {
    pub(super) fn of(inventory: &Inventory, outcome: &Outcome) -> Self {
        let mesh = Mesh::of(inventory);
        let faults = Faults::of(outcome, &mesh);
        let mut graph = Self { nodes: Vec::new(), edges: Vec::new() };
        graph.node(BROWSER, "browser");
        let has_gateway = inventory.of("networking.istio.io", "Gateway").next().is_some()
            || inventory.objects().iter().any(|object| object.name() == "istio-ingressgateway");
        if has_gateway {
            graph.node(NGINX, "nginx (if there is one)");
            graph.node(GATEWAY, "ingress gateway");
            for (from, to) in [(BROWSER, NGINX), (NGINX, GATEWAY)] {
                let why = "what stands in front of the gateway is outside of the cluster";
                graph.edge(from, to, Flow::Requests, Condition::Unknown, only(why));
            }
        }
        let ids = graph.workloads(&mesh, outcome, &faults);
        Routes { inventory, mesh: &mesh, faults: &faults, ids: &ids, has_gateway }.add_to(&mut graph);
        graph.node(ISTIOD, "istiod");
        graph.node(DATAKIT, "DataKit");
        graph.node(CONSOLE, "console");
        graph.platform(&mesh, outcome, &faults);
        graph
    }

    fn node(&mut self, id: &str, label: &str) {
        self.nodes.push(Node { id: id.to_owned(), label: label.to_owned(), namespace: None });
    }

    fn edge(&mut self, from: &str, to: &str, flow: Flow, condition: Condition, reasons: Vec<Reason>) {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.edges.push(Edge { from, to, flow, condition, reasons });
    }

    /// Adds the workloads with what they report; returns their ids by title.
    fn workloads(
        &mut self,
        mesh: &Mesh<'_>,
        outcome: &Outcome,
        faults: &Faults<'_>,
    ) -> HashMap<String, String> {
        let effects = Effects::of(mesh, outcome);
        let mut ids = HashMap::new();
        for workload in &mesh.applications {
            let object = workload.object;
            let id = format!("w{}", ids.len());
            if ids.contains_key(&object.title()) {
                continue;
            }
            ids.insert(object.title(), id.clone());
            let label = text!("{} ({})", object.name(), object.namespace()).into_string();
            self.nodes.push(Node { id: id.clone(), label, namespace: Some(object.namespace().to_owned()) });
            for (flow, aspect) in flows(&effects, workload) {
                let (condition, reasons) = judged(aspect, faults.reasons(flow, Some(object)));
                self.edge(&id, DATAKIT, flow, condition, reasons);
            }
        }
        ids
    }

    /// Adds what istiod, browsers and DataKit itself report.
    fn platform(&mut self, mesh: &Mesh<'_>, outcome: &Outcome, faults: &Faults<'_>) {
        let checked = |id: &str| outcome.checked.contains(&id);
        let proven = |evidence: &[&str], flow| {
            let reasons = faults.reasons(flow, None);
            match () {
                () if !reasons.is_empty() => (Condition::Broken, reasons),
                () if evidence.iter().all(|id| checked(id)) => (Condition::Good, titles(evidence)),
                () if mesh.datakits.is_empty() => (Condition::Unknown, only("DataKit is not in view")),
                () => (Condition::Unknown, only("what proves it is not in view")),
            }
        };
        let (condition, reasons) = proven(&["datakit-istiod"], Flow::IstiodMetrics);
        self.edge(ISTIOD, DATAKIT, Flow::IstiodMetrics, condition, reasons);
        let (condition, reasons) = match proven(&["rum-page", "rum-input"], Flow::Rum) {
            (Condition::Unknown, _) if !checked("rum-page") => {
                let remedy = "meshobs init rum".to_owned();
                let reason = Reason { text: "no page with browser monitoring in view".to_owned(), remedy };
                (Condition::Off, vec![reason])
            }
            judged => judged,
        };
        self.edge(BROWSER, DATAKIT, Flow::Rum, condition, reasons);
        let (condition, reasons) = proven(&["datakit-token"], Flow::Uploads);
        self.edge(DATAKIT, CONSOLE, Flow::Uploads, condition, reasons);
    }
}

fn flows(effects: &Effects<'_, '_>, workload: &Workload<'_>) -> [(Flow, Aspect); 3] {
    [
        (Flow::Metrics, effects.scraped(workload)),
        (Flow::Spans, effects.traced(workload)),
        (Flow::Logs, effects.logged(workload)),
    ]
}

/// A finding goes before what seems to be in effect.
fn judged(aspect: Aspect, faults: Vec<Reason>) -> (Condition, Vec<Reason>) {
    if !faults.is_empty() {
        return (Condition::Broken, faults);
    }
    let condition = match aspect.state {
        State::On => Condition::Good,
        State::Off => Condition::Off,
        State::Unknown => Condition::Unknown,
    };
    (condition, only(aspect.answer))
}

/// Who calls whom, as routes and environments say.
struct Routes<'a, 'i> {
    inventory: &'i Inventory,
    mesh: &'a Mesh<'i>,
    faults: &'a Faults<'a>,
    /// Ids of workloads by title.
    ids: &'a HashMap<String, String>,
    has_gateway: bool,
}

impl<'i> Routes<'_, 'i> {
    fn add_to(&self, graph: &mut Graph) {
        let mut seen = BTreeSet::new();
        for service in self.inventory.of("networking.istio.io", "VirtualService") {
            let faults = self.faults.of_object(service);
            for (callers, host) in self.routes(service) {
                let targets = self.behind(&host, service.namespace());
                let is_proven = targets.iter().all(|(_, is_proven)| *is_proven);
                let condition = match () {
                    () if !faults.is_empty() => Condition::Broken,
                    () if is_proven => Condition::Good,
                    () => Condition::Unknown,
                };
                for caller in &callers {
                    for (target, _) in targets.iter().filter(|(target, _)| target != caller) {
                        if !seen.insert((caller.clone(), target.clone())) {
                            continue;
                        }
                        let mut reasons = faults.clone();
                        if reasons.is_empty() {
                            let note = if is_proven { "" } else { "; its Service is not in view" };
                            reasons = only(format!("{} routes to {host}{note}", service.title()));
                        }
                        graph.edge(caller, target, Flow::Requests, condition, reasons);
                    }
                }
            }
        }
        self.environment(graph, &mut seen);
    }

    /// The destinations of a VirtualService, each with those who call it: the gateway, and workloads that it names.
    fn routes(&self, service: &'i Object) -> Vec<(BTreeSet<String>, String)> {
        let gateways: Vec<_> = service.at(&["spec", "gateways"]).items().map(Field::text).collect();
        let by_gateway = self.has_gateway && gateways.iter().any(|name| name != "mesh");
        let in_mesh = gateways.is_empty() || gateways.iter().any(|name| name == "mesh");
        let mut found = Vec::new();
        for entry in ["http", "tls", "tcp"].iter().flat_map(|key| service.at(&["spec", key]).items()) {
            let mut callers = BTreeSet::new();
            // Sidecars take no notice of routes for gateways alone.
            for rule in entry.get("match").items().filter(|_| in_mesh) {
                let named = rule.get("sourceNamespace").text();
                let namespace = if named.is_empty() { service.namespace() } else { &named };
                callers.extend(self.chosen(namespace, &Selector::of_map(rule.get("sourceLabels"))));
            }
            if by_gateway && callers.is_empty() {
                callers.insert(GATEWAY.to_owned());
            }
            for route in entry.get("route").items() {
                let host = route.at(&["destination", "host"]).text().into_owned();
                found.push((callers.clone(), host));
            }
        }
        found
    }

    fn chosen(&self, namespace: &str, selector: &Selector) -> Vec<String> {
        let found = self.inventory.templates(namespace, selector);
        found.iter().filter_map(|object| self.ids.get(&object.title()).cloned()).collect()
    }

    /// The workloads behind a host, and whether a Service says so.
    fn behind(&self, host: &str, namespace: &str) -> Vec<(String, bool)> {
        let mut labels = host.split('.');
        let name = labels.next().unwrap_or_default();
        let namespace = labels.next().unwrap_or(namespace);
        if let Some(service) = self.inventory.get("", "Service", namespace, name) {
            let found = self.chosen(namespace, &Selector::of_map(service.at(&["spec", "selector"])));
            return found.into_iter().map(|id| (id, true)).collect();
        }
        // Without the Service a workload of that name is the best guess.
        let is_named = |workload: &&Workload<'_>| {
            workload.object.namespace() == namespace
                && (workload.object.name() == name || workload.labels().get("app").is(name))
        };
        let found = self.mesh.applications.iter().filter(is_named);
        found.filter_map(|workload| Some((self.ids.get(&workload.object.title())?.clone(), false))).collect()
    }

    /// Calls that containers' environments name: the host of an address is a Service in view.
    fn environment(&self, graph: &mut Graph, seen: &mut BTreeSet<(String, String)>) {
        for workload in &self.mesh.applications {
            let Some(caller) = self.ids.get(&workload.object.title()) else { continue };
            let variables =
                workload.spec().get("containers").items().flat_map(|item| item.get("env").items());
            for variable in variables {
                let value = variable.get("value").text();
                let Some(host) = host_of(&value) else { continue };
                let name = variable.get("name").text();
                for (target, is_proven) in self.behind(host, workload.object.namespace()) {
                    if is_proven && target != *caller && seen.insert((caller.clone(), target.clone())) {
                        let why = format!("{}: variable {name} names {host}", workload.object.title());
                        graph.edge(caller, &target, Flow::Requests, Condition::Unknown, only(why));
                    }
                }
            }
        }
    }
}

/// The host of `scheme://host…` or `host:port`.
fn host_of(value: &str) -> Option<&str> {
    let (has_scheme, rest) = match value.split_once("://") {
        Some((_, rest)) => (true, rest),
        None => (false, value),
    };
    let (host, port) =
        rest.split(['/', '?']).next().unwrap_or_default().split_once(':').unwrap_or((rest, ""));
    let host = host.split(['/', '?']).next().unwrap_or_default();
    let is_port = !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    let is_host = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    (is_host && (has_scheme || is_port)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn addresses_name_their_hosts() {
        for (value, host) in [
            ("http://ratings:9080/x", Some("ratings")),
            ("http://ratings/x:1", Some("ratings")),
            ("redis.cache.svc:6379", Some("redis.cache.svc")),
            ("ratings", None),
            ("a b:1", None),
            ("x:y", None),
            ("", None),
        ] {
            assert_eq!(host_of(value), host, "{value}");
        }
    }
}
