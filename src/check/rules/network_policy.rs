//! NetworkPolicies let DataKit reach the proxies and the proxies reach DataKit, istiod and DNS.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::Check;
use super::edit::{Edit, hint};
use super::spans;
use crate::check::Outcome;
use crate::facts::datakit::ENV_DATAWAY;
use crate::facts::istio::{self, ISTIOD_METRICS, XDS};
use crate::facts::scrape::Aim;
use crate::kube::{Field, Object};
use crate::mesh::control_plane::istiods;
use crate::mesh::network::{Direction, NAME_LABEL, Peer, Place, PodPort, Policies, Verdict};
use crate::mesh::route::{Way, listens_on};
use crate::mesh::scrape::{Kind, Scraped};
use crate::mesh::tracing::Spans;
use crate::mesh::{Datakit, Mesh, Workload, target};
use crate::rule::datakit::conf;

pub(super) const CHECK: Check = Check {
    id: "network-policy",
    section: "network",
    title: "NetworkPolicies let metrics and spans pass",
    run,
};

/// Groups of kinds that decide about connections, too.
const OTHER_POLICIES: &[&str] =
    &["cilium.io", "crd.projectcalico.org", "projectcalico.org", "policy.networking.k8s.io"];

/// Network plugins that leave NetworkPolicies to others.
const NOT_ENFORCING: &[&str] = &["flannel", "kindnet"];
const ENFORCING: &[&str] = &["calico", "canal", "cilium", "antrea", "weave", "kube-router"];

const DNS: u64 = 53;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// Of a sidecar, at this port.
    Metrics(u64),
    Spans,
    Config,
    Dns,
    IstiodMetrics,
    /// To this port.
    Upload(u64),
}

/// What a policy cuts.
#[derive(Debug, Default)]
struct Cuts<'i> {
    denied: BTreeMap<(Need, Direction), BTreeSet<&'i str>>,
    unknown: BTreeMap<(Need, Direction), BTreeSet<&'i str>>,
}

/// The pods of a workload.
#[derive(Clone, Copy, Debug)]
struct Pods<'i> {
    object: &'i Object,
    template: Field<'i>,
}

/// The pods of a proxy, and where it serves its metrics.
struct Proxy<'i> {
    pods: Pods<'i>,
    metrics: Vec<u64>,
}

impl<'i> Pods<'i> {
    fn peer(&self) -> Peer<'i> {
        Peer {
            namespace: self.object.namespace(),
            template: Some(self.template),
            known: &[],
            place: if self.template.at(&["spec", "hostNetwork"]).is_true() {
                Place::Node
            } else {
                Place::Pods
            },
        }
    }
}

struct Judge<'m, 'i> {
    mesh: &'m Mesh<'i>,
    policies: Policies<'i>,
    istiod: Option<Pods<'i>>,
    /// The port of the pods behind the cluster's DNS Service.
    dns: Option<u64>,
    /// By the address of the policy.
    cuts: HashMap<*const Object, (&'i Object, Cuts<'i>)>,
    order: Vec<*const Object>,
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let policies = Policies::of(mesh.inventory);
    let Some(datakit) = mesh.datakits.first() else { return };
    let proxies = proxies(mesh);
    if proxies.is_empty() {
        return;
    }
    let unsure = unsure(mesh);
    if policies.is_empty() {
        match unsure {
            Some(why) => outcome.out_of_view(CHECK.id, "network policies", why),
            None if !mesh.inventory.live => {}
            None if mesh.inventory.may_miss("networking.k8s.io", "networkpolicies") => {
                outcome.out_of_view(CHECK.id, "network policies", "NetworkPolicies may not be listed");
            }
            None => outcome.looked(CHECK.id),
        }
        return;
    }
    outcome.looked(CHECK.id);
    let mut judge = Judge {
        mesh,
        policies,
        istiod: istiod(mesh),
        dns: dns(mesh),
        cuts: HashMap::new(),
        order: Vec::new(),
    };
    judge.all(datakit, &proxies);
    judge.report(datakit, unsure.as_deref(), outcome);
}

/// Why what NetworkPolicies say is not the whole truth.
fn unsure(mesh: &Mesh<'_>) -> Option<String> {
    let objects = mesh.inventory.objects();
    if let Some(other) = objects.iter().find(|object| OTHER_POLICIES.contains(&object.group())) {
        return Some(format!("{} decides about connections, too, and is not read", other.title()));
    }
    let images = || {
        let daemons = mesh.inventory.of("apps", "DaemonSet");
        daemons.flat_map(|daemon| daemon.at(&["spec", "template", "spec", "containers"]).items())
    };
    let named = |names: &[&str]| {
        images().any(|container| names.iter().any(|name| container.get("image").text().contains(name)))
    };
    (named(NOT_ENFORCING) && !named(ENFORCING))
        .then(|| "this cluster's network plugin may not enforce NetworkPolicies".to_owned())
}

/// The workloads whose pods have a proxy: those in the mesh, and gateways.
fn proxies<'i>(mesh: &Mesh<'i>) -> Vec<Proxy<'i>> {
    let scraped = mesh.scraping.proxies.iter();
    let proxied = scraped.filter(|scraped| matches!(scraped.proxy.kind, Kind::Sidecar | Kind::Gateway));
    let proxy = |scraped: &Scraped<'i>| {
        let Workload { object, template } = scraped.proxy.workload;
        Proxy { pods: Pods { object, template }, metrics: metrics_ports(scraped) }
    };
    proxied.map(proxy).collect()
}

/// The ports of a proxy that DataKit scrapes: those of its annotation, else the usual one.
fn metrics_ports(scraped: &Scraped<'_>) -> Vec<u64> {
    let aims = scraped.annotation.iter().flat_map(|annotation| &annotation.aims);
    let own = aims.filter(|(.., aim)| *aim == Aim::Metrics).filter_map(|(_, url, _)| target(url));
    let mut ports: Vec<u64> = own.map(|url| url.port).collect();
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() {
        ports.extend(scraped.proxy.served.ports.first().map(|port| u64::from(*port)));
    }
    ports
}

/// Whether each proxy in view sends its spans to a DataKit; those that nobody can tell of are not there.
fn spans(mesh: &Mesh<'_>) -> HashMap<*const Object, bool> {
    let mut found = HashMap::new();
    for group in spans::groups(mesh) {
        let arrives = match (spans::way(mesh, &group), &group.decision.spans) {
            (Some((_, _, Way::Datakit(_))), _) => true,
            (Some((_, _, Way::Outside(_))), _) | (None, Spans::Unknown { .. }) => continue,
            // That they do not is told elsewhere.
            _ => false,
        };
        found.extend(group.members.iter().map(|object| (std::ptr::from_ref(*object), arrives)));
    }
    found
}

/// Whether DataKit is told to scrape istiod.
fn scrapes_istiod(datakit: &Datakit<'_>) -> bool {
    let mut urls = datakit.conf.blocks("prom").flat_map(|(_, block)| conf::urls(block)).filter_map(target);
    let mut discovered = datakit.conf.blocks("kubernetesprometheus");
    urls.any(|url| url.port == ISTIOD_METRICS)
        || discovered.any(|(_, block)| conf::scrapes(block, istio::ISTIOD_PORT, istio::NAMESPACE))
}

fn istiod<'i>(mesh: &Mesh<'i>) -> Option<Pods<'i>> {
    let object = istiods(mesh.inventory).next()?;
    Some(Pods { object, template: object.pod_templates().next()? })
}

fn dns(mesh: &Mesh<'_>) -> Option<u64> {
    let service = mesh.inventory.get("", "Service", "kube-system", "kube-dns")?;
    let mut ports = service.at(&["spec", "ports"]).items();
    let udp = ports.find(|port| port.get("protocol").is("UDP"))?;
    Some(udp.get("targetPort").number().unwrap_or(DNS))
}

const fn tcp(number: u64) -> PodPort {
    PodPort { number, transport: "TCP" }
}

impl<'i> Judge<'_, 'i> {
    fn all(&mut self, datakit: &Datakit<'i>, proxies: &[Proxy<'i>]) {
        let collector = Pods { object: datakit.object, template: datakit.template };
        let listens = listens_on(datakit);
        let spans = spans(self.mesh);
        let (istiod, dns) = (self.istiod, self.dns);
        for Proxy { pods, metrics } in proxies {
            for port in metrics {
                self.connect(Need::Metrics(*port), &collector, pods, tcp(*port), false);
            }
            match spans.get(&std::ptr::from_ref(pods.object)) {
                Some(true) => self.connect(Need::Spans, pods, &collector, tcp(listens), false),
                None => self.connect(Need::Spans, pods, &collector, tcp(listens), true),
                Some(false) => {}
            }
            if let Some(istiod) = &istiod {
                self.connect(Need::Config, pods, istiod, tcp(XDS), false);
            }
            self.connect_dns(pods, dns);
        }
        if let Some(istiod) = istiod.filter(|_| scrapes_istiod(datakit)) {
            self.connect(Need::IstiodMetrics, &collector, &istiod, tcp(ISTIOD_METRICS), false);
        }
        self.connect_dns(&collector, dns);
        self.upload(datakit, &collector);
    }

    fn connect_dns(&mut self, from: &Pods<'i>, port: Option<u64>) {
        // DNS that is somewhere else is not judged.
        if self.mesh.inventory.live && port.is_none() {
            return;
        }
        let to = Peer {
            namespace: "kube-system",
            template: None,
            known: &[("k8s-app", "kube-dns")],
            place: Place::Pods,
        };
        let ports: Vec<u64> = port.map_or_else(|| vec![DNS, 5353], |port| vec![port]);
        let verdicts: Vec<Verdict<'i>> = ports
            .iter()
            .map(|number| {
                let port = PodPort { number: *number, transport: "UDP" };
                self.policies.judge(Direction::Egress, &from.peer(), &to, port)
            })
            .collect();
        let all_denied = verdicts.iter().all(|verdict| matches!(verdict, Verdict::Denied(_)));
        if let Some(Verdict::Denied(policy)) = verdicts.into_iter().next().filter(|_| all_denied) {
            self.note(policy, Need::Dns, Direction::Egress, from.object, false);
        }
    }

    /// Uploads leave the cluster: only policies without any rule that might fit are certain.
    fn upload(&mut self, datakit: &Datakit<'i>, collector: &Pods<'i>) {
        let Some(address) = target(datakit.env_text(ENV_DATAWAY)) else { return };
        if address.service(datakit.object.namespace()).is_some() {
            return;
        }
        let outside = Peer { namespace: "", template: None, known: &[], place: Place::Outside };
        let verdict = self.policies.judge(Direction::Egress, &collector.peer(), &outside, tcp(address.port));
        if let Verdict::Denied(policy) = verdict {
            self.note(policy, Need::Upload(address.port), Direction::Egress, collector.object, false);
        }
    }

    /// Judges a connection at both of its ends.
    fn connect(&mut self, need: Need, from: &Pods<'i>, called: &Pods<'i>, port: PodPort, unsure: bool) {
        let (client, to) = (&from.peer(), &called.peer());
        // Who is counted: the application, whichever end it is.
        let counted = if matches!(need, Need::Metrics(_)) { called.object } else { from.object };
        for direction in [Direction::Egress, Direction::Ingress] {
            let verdict = match direction {
                Direction::Egress => self.policies.judge(direction, client, to, port),
                Direction::Ingress => self.policies.judge(direction, to, client, port),
            };
            match verdict {
                Verdict::Allowed => {}
                Verdict::Denied(policy) => self.note(policy, need, direction, counted, unsure),
                Verdict::Unknown(policy) => self.note(policy, need, direction, counted, true),
            }
        }
    }

    fn note(&mut self, policy: &'i Object, need: Need, direction: Direction, of: &'i Object, unsure: bool) {
        let key = std::ptr::from_ref(policy);
        let order = &mut self.order;
        let (_, cuts) = self.cuts.entry(key).or_insert_with(|| {
            order.push(key);
            (policy, Cuts::default())
        });
        let list = if unsure { &mut cuts.unknown } else { &mut cuts.denied };
        list.entry((need, direction)).or_default().insert(of.name());
    }

    fn report(&self, datakit: &Datakit<'i>, unsure: Option<&str>, outcome: &mut Outcome) {
        for (policy, cuts) in self.order.iter().filter_map(|key| self.cuts.get(key)) {
            let field = policy.at(&["spec"]);
            let sentences = |list: &BTreeMap<(Need, Direction), BTreeSet<&'i str>>| -> Vec<String> {
                list.iter().map(|((need, _), of)| sentence(*need, policy, datakit, of)).collect()
            };
            let denied = sentences(&cuts.denied);
            if let (Some(why), false) = (unsure, denied.is_empty()) {
                outcome.unknown(
                    CHECK.id,
                    policy,
                    field,
                    format!("{}, as far as it says; but {why}", denied.join(", ")),
                );
                continue;
            }
            let mut denied = denied.into_iter();
            if let Some(first) = denied.next() {
                let note = note_on_ports(policy, datakit, cuts);
                let edits = self.edits(policy, datakit, cuts);
                let hint = hint(self.mesh.inventory.live, policy, &edits);
                let finding = outcome.fail(CHECK.id, policy, field, format!("{first}{note}"), hint);
                denied.for_each(|sentence| finding.leads_to(sentence));
                continue;
            }
            let unknown = sentences(&cuts.unknown);
            let why = if datakit.template.at(&["spec", "hostNetwork"]).is_true() {
                "whether policies hold for DataKit's host network depends on the network plugin"
            } else {
                "its rules name addresses, or labels of a namespace that is not in view"
            };
            outcome.unknown(
                CHECK.id,
                policy,
                field,
                format!("{}, unless a rule lets it pass: {why}", unknown.join(", ")),
            );
        }
    }

    /// The rules that let pass what the policy cuts.
    fn edits(&self, policy: &Object, datakit: &Datakit<'_>, cuts: &Cuts<'_>) -> Vec<Edit> {
        let mut rules: BTreeMap<Direction, Vec<Value>> = BTreeMap::new();
        for (need, direction) in cuts.denied.keys() {
            let rule = self.rule(*need, *direction, datakit);
            let of = rules.entry(*direction).or_default();
            if !of.contains(&rule) {
                of.push(rule);
            }
        }
        let mut edits = Vec::new();
        for (direction, rules) in rules {
            let key = direction.key();
            if policy.at(&["spec", key]).is_sequence() {
                edits.extend(rules.into_iter().map(|rule| Edit::set("add", &["spec", key, "-"], rule)));
            } else {
                edits.push(Edit::set("add", &["spec", key], Value::Array(rules)));
            }
        }
        edits
    }

    fn rule(&self, need: Need, direction: Direction, datakit: &Datakit<'_>) -> Value {
        let collector = datakit.object.namespace();
        let on_node = datakit.template.at(&["spec", "hostNetwork"]).is_true();
        let istiod = self.istiod.map_or(istio::NAMESPACE, |istiod| istiod.object.namespace());
        let ports = |number: u64| json!([{"port": number, "protocol": "TCP"}]);
        // Of proxies in any namespace.
        let anyone = || Some(json!({"namespaceSelector": {}}));
        let (peer, ports) = match (need, direction) {
            (Need::Metrics(port), Direction::Ingress) if on_node => (None, ports(port)),
            (Need::Metrics(port), Direction::Ingress) => (self.namespace(collector), ports(port)),
            (Need::Metrics(port), Direction::Egress) => (anyone(), ports(port)),
            (Need::Spans, Direction::Egress) if on_node => (None, ports(listens_on(datakit))),
            (Need::Spans, Direction::Egress) => (self.namespace(collector), ports(listens_on(datakit))),
            (Need::Spans, Direction::Ingress) => (anyone(), ports(listens_on(datakit))),
            (Need::Config, Direction::Egress) => (self.namespace(istiod), ports(XDS)),
            (Need::Config, Direction::Ingress) => (anyone(), ports(XDS)),
            (Need::IstiodMetrics, Direction::Egress) => (self.namespace(istiod), ports(ISTIOD_METRICS)),
            (Need::IstiodMetrics, Direction::Ingress) => (self.namespace(collector), ports(ISTIOD_METRICS)),
            (Need::Upload(port), _) => (None, ports(port)),
            (Need::Dns, _) => {
                let port = self.dns.unwrap_or(DNS);
                let both = json!([{"port": port, "protocol": "UDP"}, {"port": port, "protocol": "TCP"}]);
                (self.namespace("kube-system"), both)
            }
        };
        let key = if direction == Direction::Ingress { "from" } else { "to" };
        match peer {
            Some(peer) => json!({key: [peer], "ports": ports}),
            None => json!({"ports": ports}),
        }
    }

    /// A namespace as a peer; nothing where it lacks the label with its name, before Kubernetes 1.21.
    fn namespace(&self, name: &str) -> Option<Value> {
        // Namespaces are in none themselves.
        let found = self.mesh.inventory.get("", "Namespace", "default", name);
        if self.mesh.inventory.live && found.is_some_and(|found| found.label(NAME_LABEL).is_empty()) {
            return None;
        }
        Some(json!({"namespaceSelector": {"matchLabels": {NAME_LABEL: name}}}))
    }
}

/// `3 workloads of `prod``, or the only one by name.
fn who(policy: &Object, of: &BTreeSet<&str>) -> String {
    match (of.len(), of.first()) {
        (1, Some(name)) => format!("`{name}`"),
        (count, _) => format!("{count} workloads in `{}`", policy.namespace()),
    }
}

fn sentence(need: Need, policy: &Object, datakit: &Datakit<'_>, of: &BTreeSet<&str>) -> String {
    let who = who(policy, of);
    match need {
        Need::Metrics(port) => format!("DataKit cannot reach port {port} of {who}: no metrics"),
        Need::Spans => format!("{who} cannot reach DataKit's port {}: no spans", listens_on(datakit)),
        Need::Config => format!("{who} cannot reach istiod's port {XDS}: no configuration for the proxies"),
        Need::Dns => format!("{who} cannot reach DNS (UDP port {DNS}): no name resolves"),
        Need::IstiodMetrics => {
            format!("DataKit cannot reach istiod's port {ISTIOD_METRICS}: no metrics of istiod")
        }
        Need::Upload(_) => "DataKit cannot reach its dataway: nothing is uploaded".to_owned(),
    }
}

/// The usual mistake: the Service's port is allowed, and policies see that of the pod.
fn note_on_ports(policy: &Object, datakit: &Datakit<'_>, cuts: &Cuts<'_>) -> String {
    let zipkin = u64::from(istio::ZIPKIN_PORT);
    let listens = listens_on(datakit);
    let about_spans = cuts.denied.keys().any(|(need, _)| *need == Need::Spans);
    let mut rules = ["egress", "ingress"].iter().flat_map(|key| policy.at(&["spec", key]).items());
    let allows =
        rules.any(|rule| rule.get("ports").items().any(|port| port.get("port").number() == Some(zipkin)));
    if about_spans && allows && listens != zipkin {
        format!(" (port {zipkin} is the Service's; policies see the pod's port {listens})")
    } else {
        String::new()
    }
}
