//! NetworkPolicies: whether those of a namespace let a connection pass, as the API defines it. Whether they hold for pods in
//! the node's network depends on the network plugin, so that is never certain.

use std::collections::HashMap;
use std::net::IpAddr;

use super::services::container_ports;
use crate::kube::{Field, Inventory, Object, Selector};
use crate::spelling::nearest;

const GROUP: &str = "networking.k8s.io";

/// The label that the API server gives every namespace by itself, from 1.21 on.
pub(crate) const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Which way a connection goes, seen from the pods that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    /// The key of its rules.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    fn peers(self) -> &'static str {
        match self {
            Self::Ingress => "from",
            Self::Egress => "to",
        }
    }
}

/// Where an end of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the network of pods.
    Pods,
    /// In the network of its node.
    Node,
    /// Outside of the cluster.
    Outside,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer<'p> {
    pub(crate) namespace: &'p str,
    /// The pods' `metadata` and `spec`, where they are in view.
    pub(crate) template: Option<Field<'p>>,
    /// Labels that its pods have for certain although they are not in view.
    pub(crate) known: &'p [(&'p str, &'p str)],
    pub(crate) place: Place,
}

/// A port of the pod that is called, and its transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PodPort {
    pub(crate) number: u64,
    pub(crate) transport: &'static str,
}

/// How near a rule comes to letting a connection pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Neither,
    /// The peer, not the port; or the port, not the peer.
    Half,
    /// Nobody can tell: an address, or a peer in the node's network.
    Perhaps,
    Full,
}

/// What the policies of a namespace say to a connection.
#[derive(Debug)]
pub(crate) enum Verdict<'i> {
    /// No policy selects the pods, or a rule lets it pass.
    Allowed,
    /// No rule lets it pass; the policy to blame.
    Denied(&'i Object),
    /// A rule may let it pass.
    Unknown(&'i Object),
}

#[derive(Debug)]
struct Policy<'i> {
    object: &'i Object,
    selector: Selector,
    directions: Vec<Direction>,
}

/// The policies of a namespace, and where to find those that may select pods with a label.
#[derive(Debug, Default)]
struct Home<'i> {
    policies: Vec<Policy<'i>>,
    by_label: HashMap<(String, String), Vec<usize>>,
    /// Those that demand no label by its value.
    others: Vec<usize>,
}

impl<'i> Home<'i> {
    fn add(&mut self, policy: Policy<'i>) {
        let number = self.policies.len();
        match policy.selector.labels().first() {
            Some(label) => self.by_label.entry(label.clone()).or_default().push(number),
            None => self.others.push(number),
        }
        self.policies.push(policy);
    }

    /// Those that select the pods of a peer, in their order.
    fn selecting(&self, peer: &Peer<'_>) -> Vec<&Policy<'i>> {
        let labels: Vec<(String, String)> = match peer.template {
            Some(template) => {
                let labels = template.at(&["metadata", "labels"]).entries();
                labels.map(|(key, value)| (key.into_owned(), value.text().into_owned())).collect()
            }
            None => peer.known.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        };
        let mut numbers = self.others.clone();
        numbers.extend(labels.iter().filter_map(|label| self.by_label.get(label)).flatten());
        numbers.sort_unstable();
        let policies = numbers.into_iter().filter_map(|number| self.policies.get(number));
        policies.filter(|policy| peer.fits(&policy.selector)).collect()
    }
}

/// All policies, by namespace.
#[derive(Debug, Default)]
pub(crate) struct Policies<'i> {
    by_namespace: HashMap<&'i str, Home<'i>>,
    /// Labels of namespaces.
    namespaces: HashMap<&'i str, Field<'i>>,
    nodes: Vec<IpAddr>,
}

impl<'i> Policies<'i> {
    pub(crate) fn of(inventory: &'i Inventory) -> Self {
        let mut found = Self::default();
        for object in inventory.of(GROUP, "NetworkPolicy") {
            let policy = Policy {
                object,
                selector: Selector::of(object.at(&["spec", "podSelector"])),
                directions: directions(object),
            };
            found.by_namespace.entry(object.namespace()).or_default().add(policy);
        }
        for namespace in inventory.of("", "Namespace") {
            found.namespaces.insert(namespace.name(), namespace.at(&["metadata", "labels"]));
        }
        let addresses = inventory.of("", "Node").flat_map(|node| node.at(&["status", "addresses"]).items());
        found.nodes = addresses.filter_map(|address| address.get("address").text().parse().ok()).collect();
        found
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_namespace.is_empty()
    }

    /// Whether the policies of the namespace of `own` let a connection pass between it and `other`, to a port of the one that
    /// is called.
    pub(crate) fn judge(
        &self,
        direction: Direction,
        own: &Peer<'_>,
        other: &Peer<'_>,
        port: PodPort,
    ) -> Verdict<'i> {
        let selecting =
            self.by_namespace.get(own.namespace).map(|home| home.selecting(own)).unwrap_or_default();
        let selecting = selecting.into_iter().filter(|policy| policy.directions.contains(&direction));
        let called = if direction == Direction::Ingress { own } else { other };
        let mut best: Option<(Fit, bool, &'i Object)> = None;
        for policy in selecting {
            let rules = policy.object.at(&["spec", direction.key()]);
            let fits = rules.items().map(|rule| self.rule(rule, direction, own, other, called, port));
            let fit = fits.max().unwrap_or(Fit::Neither);
            // A policy that nearly lets it pass is the one to mend; else the one that denies everything.
            let denies_all = rules.items().next().is_none();
            let rank = (fit, denies_all);
            if best.is_none_or(|(fit, denies, _)| rank > (fit, denies)) {
                best = Some((fit, denies_all, policy.object));
            }
        }
        match best {
            None | Some((Fit::Full, ..)) => Verdict::Allowed,
            // What a node sends to its own pods many plugins let pass whatever policies say.
            Some((_, _, object))
                if own.place == Place::Node
                    || (other.place == Place::Node && direction == Direction::Ingress) =>
            {
                Verdict::Unknown(object)
            }
            Some((Fit::Perhaps, _, object)) => Verdict::Unknown(object),
            Some((_, _, object)) => Verdict::Denied(object),
        }
    }

    fn rule(
        &self,
        rule: Field<'_>,
        direction: Direction,
        own: &Peer<'_>,
        other: &Peer<'_>,
        called: &Peer<'_>,
        port: PodPort,
    ) -> Fit {
        let ports: Vec<Field<'_>> = rule.get("ports").items().collect();
        let port_fits = ports.is_empty() || ports.iter().any(|entry| fits_port(*entry, called, port));
        let peers: Vec<Field<'_>> = rule.get(direction.peers()).items().collect();
        let best = peers.iter().map(|peer| self.peer(*peer, own, other)).max();
        let peer_fits = best.unwrap_or(if peers.is_empty() { Fit::Full } else { Fit::Neither });
        if port_fits && peer_fits >= Fit::Perhaps {
            return peer_fits;
        }
        // Only what is written counts as nearly right, not what a rule leaves open.
        let port_is_meant = port_fits && !ports.is_empty();
        let peer_is_meant = !peers.is_empty() && peer_fits >= Fit::Perhaps;
        let wanted = port.number.to_string();
        let texts: Vec<_> = ports.iter().map(|entry| entry.get("port").text()).collect();
        let is_near = nearest(&wanted, texts.iter().map(|text| &**text)).is_some();
        if port_is_meant || peer_is_meant || is_near { Fit::Half } else { Fit::Neither }
    }

    fn peer(&self, peer: Field<'_>, own: &Peer<'_>, other: &Peer<'_>) -> Fit {
        let block = peer.get("ipBlock");
        if block.is_set() {
            return self.block(block, other);
        }
        if other.place == Place::Outside {
            return Fit::Neither;
        }
        let home = peer.get("namespaceSelector");
        let in_namespace = if home.exists() {
            self.namespace_fits(&Selector::of(home), other.namespace)
        } else {
            Some(other.namespace == own.namespace)
        };
        let pods = peer.get("podSelector");
        let pods_fit = !pods.exists() || other.fits(&Selector::of(pods));
        match in_namespace {
            // Selectors do not hold for the node's network in many plugins, and in some they do.
            Some(true) if pods_fit && other.place == Place::Node => Fit::Perhaps,
            Some(true) if pods_fit => Fit::Full,
            None if pods_fit => Fit::Perhaps,
            _ => Fit::Neither,
        }
    }

    /// Whether a namespace's labels fit; nothing where they are not in view.
    fn namespace_fits(&self, selector: &Selector, namespace: &str) -> Option<bool> {
        if selector.is_empty() {
            return Some(true);
        }
        let Some(rest) = selector.given(NAME_LABEL, namespace) else { return Some(false) };
        match self.namespaces.get(namespace) {
            Some(labels) => Some(rest.fits(*labels)),
            None if rest.is_empty() => Some(true),
            None => None,
        }
    }

    fn block(&self, block: Field<'_>, other: &Peer<'_>) -> Fit {
        let excepted = block.get("except").items().next().is_some();
        let Some(range) = Range::parse(&block.get("cidr").text()) else { return Fit::Perhaps };
        if range.bits == 0 && !excepted {
            return Fit::Full;
        }
        if other.place != Place::Node || self.nodes.is_empty() {
            return Fit::Perhaps;
        }
        let except: Vec<Range> =
            block.get("except").items().filter_map(|text| Range::parse(&text.text())).collect();
        let inside = |ip: &&IpAddr| range.has(ip) && !except.iter().any(|range| range.has(ip));
        match self.nodes.iter().filter(inside).count() {
            0 => Fit::Neither,
            all if all == self.nodes.len() => Fit::Full,
            _ => Fit::Perhaps,
        }
    }
}

impl Peer<'_> {
    fn fits(&self, selector: &Selector) -> bool {
        match self.template {
            Some(template) => selector.fits(template.at(&["metadata", "labels"])),
            None => selector.fits_pairs(self.known),
        }
    }
}

fn fits_port(entry: Field<'_>, called: &Peer<'_>, port: PodPort) -> bool {
    let transport = entry.get("protocol").text();
    let transport = if transport.is_empty() { "TCP" } else { &transport };
    if transport != port.transport {
        return false;
    }
    let field = entry.get("port");
    let Some(text) = field.scalar() else { return true };
    match text.parse::<u64>() {
        Ok(first) => {
            let last = entry.get("endPort").number().unwrap_or(first);
            (first..=last).contains(&port.number)
        }
        Err(_) => called.template.is_some_and(|template| {
            let declared = container_ports(template);
            declared.iter().any(|found| {
                found.name == *text && found.number == port.number && found.transport == port.transport
            })
        }),
    }
}

/// The directions that a policy is about: where it does not say, ingress, and egress where it has rules for that.
fn directions(object: &Object) -> Vec<Direction> {
    let types: Vec<Field<'_>> = object.at(&["spec", "policyTypes"]).items().collect();
    if types.is_empty() {
        let egress = object.at(&["spec", "egress"]).items().next().map(|_| Direction::Egress);
        return std::iter::once(Direction::Ingress).chain(egress).collect();
    }
    let named = types.iter().filter_map(|found| match &*found.text() {
        "Ingress" => Some(Direction::Ingress),
        "Egress" => Some(Direction::Egress),
        _ => None,
    });
    named.collect()
}

/// A range of addresses.
#[derive(Clone, Copy, Debug)]
struct Range {
    base: IpAddr,
    bits: u32,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (base, bits) = text.trim().split_once('/')?;
        Some(Self { base: base.parse().ok()?, bits: bits.parse().ok()? })
    }

    fn has(&self, ip: &IpAddr) -> bool {
        let same = |one: u128, other: u128, width: u32| {
            let shift = width.saturating_sub(self.bits);
            one.checked_shr(shift).unwrap_or(0) == other.checked_shr(shift).unwrap_or(0)
        };
        match (self.base, ip) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => same(u32::from(base).into(), u32::from(*ip).into(), 32),
            (IpAddr::V6(base), IpAddr::V6(ip)) => same(base.into(), (*ip).into(), 128),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::read_text;

    const PODS: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: reviews, namespace: prod}\n\
        spec: {template: {metadata: {labels: {app: reviews}}, spec: {containers: [{name: c, ports: [{name: web, containerPort: 9080}]}]}}}\n---\n\
        apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: datakit, namespace: datakit}\n\
        spec: {template: {metadata: {labels: {app: datakit}}, spec: {containers: [{name: c}]}}}\n---\n\
        apiVersion: v1\nkind: Namespace\nmetadata: {name: datakit, labels: {team: obs}}\n---\n\
        apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {addresses: [{type: InternalIP, address: 10.1.2.3}]}\n";

    /// What policies say to DataKit's connection to a port of reviews, by their specs.
    fn judge(specs: &[&str], number: u64, on_node: bool) -> String {
        let policies: Vec<String> = specs
            .iter()
            .enumerate()
            .map(|(number, spec)| {
                format!(
                    "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{number}, namespace: prod}}\nspec: {spec}\n"
                )
            })
            .collect();
        let (inventory, problems) = read_text("f.yaml", &format!("{PODS}{}", policies.concat()));
        assert_eq!(problems, []);
        let peer = |kind: &str, namespace: &'static str, name: &str, on_node: bool| Peer {
            namespace,
            template: inventory.get("apps", kind, namespace, name).unwrap().pod_templates().next(),
            known: &[],
            place: if on_node { Place::Node } else { Place::Pods },
        };
        let reviews = peer("Deployment", "prod", "reviews", false);
        let datakit = peer("DaemonSet", "datakit", "datakit", on_node);
        let port = PodPort { number, transport: "TCP" };
        match Policies::of(&inventory).judge(Direction::Ingress, &reviews, &datakit, port) {
            Verdict::Allowed => "allowed".to_owned(),
            Verdict::Denied(policy) => format!("denied by {}", policy.name()),
            Verdict::Unknown(policy) => format!("unknown by {}", policy.name()),
        }
    }

    #[test]
    fn rules_add_up_and_no_policy_lets_everything_pass() {
        let deny = "{podSelector: {}}";
        let table: &[(&[&str], &str)] = &[
            (&[], "allowed"),
            (&[deny], "denied by p0"),
            (&["{podSelector: {matchLabels: {app: other}}}"], "allowed"),
            (&["{podSelector: {}, policyTypes: [Egress]}"], "allowed"),
            (&["{podSelector: {}, ingress: [{}]}"], "allowed"),
            (&[deny, "{podSelector: {}, ingress: [{ports: [{port: 15020}]}]}"], "allowed"),
            (&[deny, "{podSelector: {}, ingress: [{ports: [{port: 9080}]}]}"], "denied by p0"),
            (&["{podSelector: {}, ingress: [{ports: [{port: 15000, endPort: 15021}]}]}"], "allowed"),
            (&["{podSelector: {}, ingress: [{ports: [{port: 15020, protocol: UDP}]}]}"], "denied by p0"),
            // Without a namespaceSelector only pods of the policy's own namespace are meant.
            (&["{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}"], "denied by p0"),
            (&["{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"], "allowed"),
            (
                &[
                    "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: datakit}}}]}]}",
                ],
                "allowed",
            ),
            (
                &[
                    "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: datakit, team: obs}}}]}]}",
                ],
                "allowed",
            ),
            (
                &[
                    "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: datakti}}}]}]}",
                ],
                "denied by p0",
            ),
            (
                &[
                    "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [x, datakit]}]}}]}]}",
                ],
                "allowed",
            ),
            (
                &[
                    "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {name: datakit}}}]}]}",
                ],
                "denied by p0",
            ),
            (
                &[
                    "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: datakit}}}]}]}",
                ],
                "allowed",
            ),
            (
                &[
                    "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: x}}}]}]}",
                ],
                "denied by p0",
            ),
            (&["{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}"], "allowed"),
            (&["{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}"], "unknown by p0"),
            // Of several policies the one that nearly lets it pass is to blame.
            (
                &[
                    deny,
                    "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 15021}]}]}",
                ],
                "denied by p1",
            ),
        ];
        for (specs, wanted) in table {
            assert_eq!(judge(specs, 15020, false), *wanted, "{specs:?}");
        }
        let named = ["{podSelector: {}, ingress: [{ports: [{port: web}]}]}"];
        assert_eq!(judge(&named, 9080, false), "allowed");
        assert_eq!(judge(&named, 15020, false), "denied by p0");
    }

    #[test]
    fn peers_in_the_network_of_the_node_are_judged_by_addresses_only() {
        let block = |cidr: &str| {
            format!("{{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: {cidr}}}}}]}}]}}")
        };
        assert_eq!(judge(&[&block("10.1.0.0/16")], 15020, true), "allowed");
        assert_eq!(judge(&[&block("10.2.0.0/16")], 15020, true), "unknown by p0");
        let all = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}";
        assert_eq!(judge(&[all], 15020, true), "unknown by p0");
        assert_eq!(
            judge(&["{podSelector: {}, ingress: [{ports: [{port: 15020}]}]}"], 15020, true),
            "allowed"
        );
    }
}
