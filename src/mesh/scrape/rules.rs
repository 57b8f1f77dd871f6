//! What one DataKit is told to scrape, and what of that is in effect.

use std::collections::{HashMap, HashSet};

use toml::{Table, Value as Toml};

use super::instance::{Endpoint, Instance, target_port};
use super::proxies::{Kind, Proxy};
use super::{Way, reads_annotations};
use crate::facts::datakit::{
    DISCOVERY_KEY, DISCOVERY_MOVED, ENV_DISCOVERY, KUBERNETES_PROMETHEUS, MONITORS, before, discovers,
};
use crate::facts::istio;
use crate::kube::{Field, Inventory, Object, Selector};
use crate::mesh::{ConfFile, Datakit, target};
use crate::rule::datakit::conf;
use crate::spelling::nearest;

const INPUT: &str = "kubernetesprometheus";

/// The group of the Prometheus operator.
const MONITORING: &str = "monitoring.coreos.com";

/// Whether `prometheus.io` annotations are gone by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Discovery<'i> {
    Off,
    /// On; what says so.
    On(&'i Object, Field<'i>),
    /// Asked for with a value that is not exactly `true`.
    Value(&'i Object, Field<'i>),
    /// Asked for, and the input that does it does not run.
    NoInput(&'i Object, Field<'i>, &'static str),
    /// Asked for by a variable that nobody reads; what it is called.
    Misspelt(&'i Object, Field<'i>),
    /// Depends on a variable that is not in view.
    Unknown,
}

/// An address of a block of `prom`, and whom it leads to.
#[derive(Clone, Debug)]
pub(crate) struct Address<'i> {
    pub(crate) object: &'i Object,
    pub(crate) field: Field<'i>,
    pub(crate) file: String,
    pub(crate) url: String,
    path: String,
    behind: HashMap<*const Object, u16>,
}

/// A PodMonitor or ServiceMonitor, and whom it selects.
#[derive(Clone, Debug)]
struct Monitor<'i> {
    object: &'i Object,
    behind: HashSet<*const Object>,
}

/// What one DataKit is told.
#[derive(Debug)]
pub(crate) struct Rules<'i> {
    /// Its DaemonSet.
    pub(crate) object: &'i Object,
    /// Whether it reads scrape annotations; nothing where that is not in view.
    pub(crate) annotations: Option<bool>,
    pub(crate) discovery: Discovery<'i>,
    pub(crate) instances: Vec<Instance<'i>>,
    pub(crate) addresses: Vec<Address<'i>>,
    monitors: Vec<Monitor<'i>>,
    /// Whether a part of its configuration that may scrape is not in view, or is lost: what.
    pub(crate) unseen: Option<(Field<'i>, String)>,
    /// Whether a part of it is lost, which is told elsewhere.
    pub(crate) is_lost: bool,
    /// Whether it takes what Prometheus forwards.
    pub(crate) takes_remote_write: bool,
}

impl<'i> Rules<'i> {
    pub(super) fn of(inventory: &'i Inventory, datakit: &Datakit<'i>, proxies: &[Proxy<'i>]) -> Self {
        let version = datakit.version();
        let container = datakit.runs("container");
        let annotations = if reads_annotations(version) { container } else { Some(false) };
        let block = effective(datakit);
        let instances = block.map(|(file, table)| instances(inventory, file, table)).unwrap_or_default();
        let monitors = MONITORS.iter().filter(|(_, variable, key)| {
            let is_set = datakit.env_text(variable) == "true" || is_on(block, key);
            is_set && datakit.runs(INPUT) == Some(true)
        });
        let monitors = monitors.flat_map(|(kind, ..)| monitors_of(inventory, kind)).collect();
        Self {
            object: datakit.object,
            annotations,
            discovery: discovery(datakit, block),
            instances,
            addresses: addresses(inventory, datakit, proxies),
            monitors,
            unseen: datakit.conf.unseen.first().cloned(),
            is_lost: datakit.conf.has_lost("prom")
                || (block.is_none() && datakit.conf.blocks(INPUT).next().is_some()),
            takes_remote_write: datakit.runs("prom_remote_write") == Some(true),
        }
    }

    /// The ways in which a proxy is scraped by this DataKit.
    pub(super) fn ways(&self, proxy: &Proxy<'i>, is_annotated: bool, is_left_to_policy: bool) -> Vec<Way> {
        let mut ways = Vec::new();
        if is_annotated && self.annotations != Some(false) {
            ways.push(Way::Annotation);
        }
        if is_left_to_policy && self.annotations != Some(false) {
            ways.push(Way::Policy);
        }
        if let Discovery::On(..) = self.discovery
            && discovered(proxy).is_some_and(|endpoint| is_served(&endpoint, proxy))
        {
            ways.push(Way::Discovery);
        }
        let instances = self.instances.iter().enumerate();
        let reaching = instances
            .filter(|(_, instance)| instance.reach(proxy).is_ok_and(|endpoint| is_served(&endpoint, proxy)));
        ways.extend(reaching.map(|(number, _)| Way::Instance(number)));
        let object = std::ptr::from_ref(proxy.workload.object);
        let is_envoy = matches!(proxy.kind, Kind::Sidecar | Kind::Gateway);
        for (number, address) in self.addresses.iter().enumerate() {
            let port = address.behind.get(&object);
            if port.is_some_and(|port| proxy.served.answers(*port, &address.path)) {
                ways.push(Way::Address(number));
            }
        }
        let monitors = self.monitors.iter().enumerate();
        ways.extend(
            monitors
                .filter(|(_, one)| is_envoy && one.behind.contains(&object))
                .map(|(number, _)| Way::Monitor(number)),
        );
        ways
    }

    /// What a way is called in a message.
    pub(crate) fn name(&self, way: &Way) -> String {
        match way {
            Way::Annotation => "its scrape annotation".to_owned(),
            Way::Policy => "the scrape annotation that a policy adds to its pods".to_owned(),
            Way::Discovery => "DataKit's discovery by prometheus.io annotations".to_owned(),
            Way::Instance(number) => match self.instances.get(*number) {
                Some(instance) => {
                    format!("the instance of {INPUT} in `{}` (port {})", instance.file, instance.port)
                }
                None => INPUT.to_owned(),
            },
            Way::Address(number) => match self.addresses.get(*number) {
                Some(address) => format!("{} in `{}`", address.url, address.file),
                None => "prom".to_owned(),
            },
            Way::Monitor(number) => match self.monitors.get(*number) {
                Some(monitor) => format!("DataKit's discovery by {}", monitor.object.title()),
                None => "a monitor".to_owned(),
            },
        }
    }

    /// What decides about a way that is not of the workload itself.
    pub(crate) fn place(&self, way: &Way) -> Option<(&'i Object, Field<'i>)> {
        match way {
            Way::Annotation | Way::Policy => None,
            Way::Discovery => match self.discovery {
                Discovery::On(object, field) => Some((object, field)),
                _ => None,
            },
            Way::Instance(number) => self.instances.get(*number).map(|one| (one.object, one.field)),
            Way::Address(number) => self.addresses.get(*number).map(|one| (one.object, one.field)),
            Way::Monitor(number) => {
                self.monitors.get(*number).map(|one| (one.object, one.object.at(&["spec"])))
            }
        }
    }
}

/// The block of kubernetesprometheus that counts: it is a singleton, and the first file wins. An empty one that DataKit writes
/// by itself may be that.
fn effective<'d, 'i>(datakit: &'d Datakit<'i>) -> Option<(&'d ConfFile<'i>, &'d Table)> {
    if datakit.switches_off(INPUT) || before(datakit.version(), KUBERNETES_PROMETHEUS) {
        return None;
    }
    let first = datakit.conf.blocks(INPUT).next()?;
    let own = datakit.own_conf_path(INPUT);
    let is_listed = datakit.enabled_inputs().iter().any(|name| name == INPUT);
    let loses = is_listed && own.split('/').lt(first.0.path.split('/'));
    (!loses).then_some(first)
}

fn is_on(block: Option<(&ConfFile<'_>, &Table)>, key: &str) -> bool {
    block.is_some_and(|(_, table)| table.get(key).and_then(Toml::as_bool) == Some(true))
}

fn discovery<'i>(datakit: &Datakit<'i>, block: Option<(&ConfFile<'i>, &Table)>) -> Discovery<'i> {
    let version = datakit.version();
    let is_old = before(version, DISCOVERY_MOVED);
    if let Some((file, _)) = block.filter(|_| is_on(block, DISCOVERY_KEY) && !is_old) {
        return Discovery::On(file.object, file.field);
    }
    if datakit.variables.is_unknown(ENV_DISCOVERY) {
        return Discovery::Unknown;
    }
    let text = datakit.env_text(ENV_DISCOVERY);
    let Some(var) = datakit.variables.get(ENV_DISCOVERY).filter(|_| !text.is_empty()) else {
        let known = MONITORS.iter().map(|(_, variable, _)| *variable).chain([ENV_DISCOVERY]);
        let known: Vec<&str> = known.collect();
        let mut names = datakit.variables.names().filter(|name| !known.contains(name));
        let near = names.find(|name| nearest(name, [ENV_DISCOVERY]).is_some());
        let near = near.and_then(|name| datakit.variables.get(name));
        return near.map_or(Discovery::Off, |var| Discovery::Misspelt(var.object, var.field));
    };
    if !discovers(version, text) {
        let is_no = ["false", "0", "f", "no", "off"].contains(&text.to_lowercase().as_str());
        return if is_no { Discovery::Off } else { Discovery::Value(var.object, var.field) };
    }
    let input = if is_old { "container" } else { INPUT };
    match datakit.runs(input) {
        Some(true) => Discovery::On(var.object, var.field),
        Some(false) => Discovery::NoInput(var.object, var.field, input),
        None => Discovery::Unknown,
    }
}

/// Where discovery scrapes a pod.
pub(super) fn discovered(proxy: &Proxy<'_>) -> Option<Endpoint> {
    if proxy.annotation(istio::PROMETHEUS_SCRAPE)? != "true" {
        return None;
    }
    let port = proxy.annotation(istio::PROMETHEUS_PORT)?.parse().ok()?;
    let path = proxy.annotation(istio::PROMETHEUS_PATH).unwrap_or_else(|| istio::METRICS_PATH.to_owned());
    Some(Endpoint { scheme: "http".to_owned(), port, path })
}

/// Whether a proxy answers to an endpoint.
pub(super) fn is_served(endpoint: &Endpoint, proxy: &Proxy<'_>) -> bool {
    endpoint.scheme == "http"
        && proxy.kind != Kind::Bare
        && proxy.served.answers(endpoint.port, &endpoint.path)
}

fn instances<'i>(inventory: &'i Inventory, file: &ConfFile<'i>, table: &Table) -> Vec<Instance<'i>> {
    let tables = table.get("instances").and_then(Toml::as_array).into_iter().flatten();
    let place = (file.object, file.field, file.name.as_str());
    tables.filter_map(Toml::as_table).map(|table| Instance::of(inventory, place, table)).collect()
}

/// The addresses of `prom`, each with the workloads behind it.
fn addresses<'i>(inventory: &'i Inventory, datakit: &Datakit<'i>, proxies: &[Proxy<'i>]) -> Vec<Address<'i>> {
    if datakit.switches_off("prom") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (file, table) in datakit.conf.blocks("prom") {
        for url in conf::urls(table) {
            let Some(target) = target(url).filter(|target| target.scheme == "http") else { continue };
            let port = u16::try_from(target.port).unwrap_or_default();
            let mut behind = HashMap::new();
            if let Some(name) = target.service(datakit.object.namespace()) {
                let service = inventory.get("", "Service", name.namespace, name.service);
                behind
                    .extend(service.into_iter().flat_map(|service| behind_service(inventory, service, port)));
            } else {
                let host = target.host.trim_matches(['[', ']']);
                let of_pod = |pod: &&&Object| pod.at(&["status", "podIP"]).is(host);
                let owners = proxies.iter().filter(|proxy| proxy.pods.iter().any(|pod| of_pod(&pod)));
                behind.extend(owners.map(|proxy| (std::ptr::from_ref(proxy.workload.object), port)));
            }
            let (object, field, file) = (file.object, file.field, file.name.clone());
            found.push(Address { object, field, file, url: url.to_owned(), path: target.path, behind });
        }
    }
    found
}

fn behind_service(inventory: &Inventory, service: &Object, port: u16) -> Vec<(*const Object, u16)> {
    let mut ports = service.at(&["spec", "ports"]).items();
    let Some(entry) = ports.find(|entry| entry.get("port").text() == port.to_string()) else {
        return Vec::new();
    };
    let selector = Selector::of_map(service.at(&["spec", "selector"]));
    let pods = inventory.templates(service.namespace(), &selector);
    let reached =
        pods.into_iter().filter_map(|pods| Some((std::ptr::from_ref(pods), target_port(entry, pods)?)));
    reached.collect()
}

/// The monitors of a kind that are about the metrics of proxies.
fn monitors_of<'i>(inventory: &'i Inventory, kind: &str) -> Vec<Monitor<'i>> {
    let is_of_pods = kind == "PodMonitor";
    let endpoints = if is_of_pods { "podMetricsEndpoints" } else { "endpoints" };
    let all = inventory.of(MONITORING, kind).filter(move |monitor| {
        let mut entries = monitor.at(&["spec", endpoints]).items();
        entries.any(|entry| entry.get("path").text().starts_with("/stats"))
    });
    let monitors = all.map(|object| {
        let selector = Selector::of(object.at(&["spec", "selector"]));
        let scope = object.at(&["spec", "namespaceSelector"]);
        let names: Vec<_> = scope.get("matchNames").items().map(|name| name.text().into_owned()).collect();
        let is_here = |namespace: &str| {
            scope.get("any").is_true()
                || if names.is_empty() {
                    namespace == object.namespace()
                } else {
                    names.iter().any(|name| name == namespace)
                }
        };
        let fits = |labels: Field<'_>| selector.is_empty() || selector.fits(labels);
        let mut behind = HashSet::new();
        if is_of_pods {
            let workloads = inventory.workloads().filter(|workload| is_here(workload.namespace()));
            let selected = workloads.filter(|workload| {
                workload.pod_templates().any(|template| fits(template.at(&["metadata", "labels"])))
            });
            behind.extend(selected.map(std::ptr::from_ref));
        } else {
            let services = inventory.of("", "Service").filter(|service| is_here(service.namespace()));
            for service in services.filter(|service| fits(service.at(&["metadata", "labels"]))) {
                let selector = Selector::of_map(service.at(&["spec", "selector"]));
                behind.extend(
                    inventory.templates(service.namespace(), &selector).into_iter().map(std::ptr::from_ref),
                );
            }
        }
        Monitor { object, behind }
    });
    monitors.collect()
}

/// For each proxy the monitor of Prometheus' that selects it, where no DataKit reads monitors.
pub(super) fn unread_monitors<'i>(
    inventory: &'i Inventory,
    rules: &[Rules<'i>],
    proxies: &[Proxy<'i>],
) -> Vec<Option<&'i Object>> {
    let is_read = rules.iter().any(|rules| !rules.monitors.is_empty());
    let kinds = MONITORS.iter().filter(|_| !is_read);
    let monitors: Vec<_> = kinds.flat_map(|(kind, ..)| monitors_of(inventory, kind)).collect();
    let of = |proxy: &Proxy<'i>| {
        let object = std::ptr::from_ref(proxy.workload.object);
        monitors.iter().find(|monitor| monitor.behind.contains(&object)).map(|monitor| monitor.object)
    };
    proxies.iter().map(of).collect()
}
