//! Istio's routes: every destination of every VirtualService, who its clients are, and what its host means.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::control_plane::{ControlPlane, is_read};
use super::destination_rules::DestinationRules;
use super::gateways::{Gateways, named};
use super::hosts::{Host, Hosts};
use crate::kube::{Field, Inventory, Object};

const GROUP: &str = "networking.istio.io";

/// A destination of a VirtualService.
#[derive(Debug)]
pub(crate) struct Destination<'i> {
    pub(crate) rule: &'i Object,
    /// The mapping with `host`, `port` and `subset`.
    pub(crate) field: Field<'i>,
    /// The route that it is one of: an entry of `http`, `tcp` or `tls`.
    entry: Field<'i>,
    /// The way to it from the root of the object.
    pub(crate) path: Vec<String>,
    pub(crate) host: Cow<'i, str>,
    pub(crate) target: Host<'i>,
    /// Whether its route is one for HTTP.
    pub(crate) is_http: bool,
    /// Whether it gets copies of requests, whose answers nobody waits for.
    pub(crate) is_mirror: bool,
}

impl<'i> Destination<'i> {
    pub(crate) fn port(&self) -> Option<u64> {
        self.field.at(&["port", "number"]).number()
    }

    pub(crate) fn subset(&self) -> Cow<'i, str> {
        self.field.get("subset").text()
    }
}

/// A VirtualService and what it is bound to.
#[derive(Debug)]
pub(crate) struct VirtualService<'i> {
    pub(crate) object: &'i Object,
    /// Whether sidecars use it.
    pub(crate) in_mesh: bool,
    /// The Gateways it names: the field, namespace and name.
    pub(crate) gateways: Vec<(Field<'i>, String, String)>,
    /// Whether it is a part of others (no hosts).
    pub(crate) is_delegate: bool,
}

/// All that decides where requests go.
#[derive(Debug)]
pub(crate) struct Routes<'i> {
    pub(crate) hosts: Hosts<'i>,
    pub(crate) rules: DestinationRules<'i>,
    pub(crate) gateways: Gateways<'i>,
    /// Those that a revision in view reads.
    pub(crate) virtual_services: Vec<VirtualService<'i>>,
    pub(crate) destinations: Vec<Destination<'i>>,
    /// The destinations of each VirtualService.
    ranges: HashMap<(&'i str, &'i str), Range<usize>>,
    at: HashMap<(&'i str, &'i str), usize>,
    /// VirtualServices by the namespace and name of what they delegate to.
    delegating: HashMap<(String, String), Vec<&'i Object>>,
}

impl<'i> Routes<'i> {
    pub(crate) fn of(inventory: &'i Inventory, planes: &[ControlPlane<'i>]) -> Self {
        let hosts = Hosts::of(inventory);
        let rules = DestinationRules::of(inventory, &hosts, planes);
        let objects = || inventory.of(GROUP, "VirtualService").filter(|object| is_read(planes, object));
        let virtual_services: Vec<_> = objects().map(bound).collect();
        let mut all = Vec::new();
        let mut ranges = HashMap::new();
        for rule in objects() {
            let start = all.len();
            all.extend(destinations(rule, &hosts));
            ranges.insert((rule.namespace(), rule.name()), start..all.len());
        }
        let mut delegating: HashMap<(String, String), Vec<&Object>> = HashMap::new();
        for rule in objects() {
            for delegate in rule.at(&["spec", "http"]).items().map(|entry| entry.get("delegate")) {
                if delegate.is_set() {
                    delegating.entry(delegate_of(rule, delegate)).or_default().push(rule);
                }
            }
        }
        let at = virtual_services.iter().enumerate();
        let at = at.map(|(at, rule)| ((rule.object.namespace(), rule.object.name()), at)).collect();
        Self {
            hosts,
            rules,
            gateways: Gateways::of(inventory),
            virtual_services,
            destinations: all,
            ranges,
            at,
            delegating,
        }
    }

    pub(crate) fn virtual_service(&self, object: &Object) -> Option<&VirtualService<'i>> {
        self.virtual_services.get(*self.at.get(&(object.namespace(), object.name()))?)
    }

    /// The destinations of a VirtualService.
    pub(crate) fn destinations_of(&self, rule: &Object) -> &[Destination<'i>] {
        let range = self.ranges.get(&(rule.namespace(), rule.name())).cloned();
        range.and_then(|range| self.destinations.get(range)).unwrap_or_default()
    }

    /// The namespaces that the clients of a destination are in, as far as rules tell: that of the rule for sidecars, and those of
    /// the pods of its Gateways. What a route matches may say less of both; those of a delegate are its delegators'.
    pub(crate) fn clients(&self, destination: &Destination<'i>) -> Vec<Cow<'i, str>> {
        let rule = destination.rule;
        let key = (rule.namespace().to_owned(), rule.name().to_owned());
        let delegators = self.delegating.get(&key).filter(|_| is_delegate(rule));
        let mut found = Vec::new();
        for rule in delegators.map_or(std::slice::from_ref(&rule), Vec::as_slice) {
            self.clients_of(rule, destination.entry, &mut found);
        }
        let mut seen = HashSet::new();
        found.retain(|home: &Cow<'i, str>| seen.insert(home.clone()));
        if found.is_empty() {
            found.push(Cow::Borrowed(rule.namespace()));
        }
        found
    }

    fn clients_of(&self, object: &'i Object, entry: Field<'i>, found: &mut Vec<Cow<'i, str>>) {
        let Some(rule) = self.virtual_service(object) else { return };
        let matches: Vec<Field<'i>> = entry.get("match").items().collect();
        // A match without gateways is for all of the rule's.
        let all = matches.iter().any(|entry| entry.get("gateways").items().next().is_none());
        let named: Vec<Cow<'i, str>> =
            matches.iter().flat_map(|entry| entry.get("gateways").items().map(Field::text)).collect();
        let takes = |name: &str| all || matches.is_empty() || named.iter().any(|found| found == name);
        if (rule.in_mesh || rule.gateways.is_empty()) && takes("mesh") {
            let anywhere =
                matches.is_empty() || matches.iter().any(|entry| !entry.get("sourceNamespace").is_set());
            let sources = matches.iter().map(|entry| entry.get("sourceNamespace"));
            if anywhere {
                found.push(Cow::Borrowed(object.namespace()));
            } else {
                found.extend(sources.map(Field::text));
            }
        }
        let gateways = rule.gateways.iter().filter(|(field, ..)| takes(&field.text()));
        let gateways = gateways.filter_map(|(_, home, name)| self.gateways.get(home, name));
        found.extend(
            gateways.flat_map(|gateway| gateway.pods.iter().map(|pods| Cow::Borrowed(pods.namespace()))),
        );
    }
}

/// Namespace and name of what a route of a rule delegates to.
pub(crate) fn delegate_of(rule: &Object, delegate: Field<'_>) -> (String, String) {
    let stated = delegate.get("namespace").text();
    let home = if stated.is_empty() { rule.namespace().to_owned() } else { stated.into_owned() };
    (home, delegate.get("name").text().into_owned())
}

/// Whether a rule is a part of others: it has no hosts of its own.
fn is_delegate(rule: &Object) -> bool {
    rule.at(&["spec", "hosts"]).items().next().is_none()
}

fn bound(object: &Object) -> VirtualService<'_> {
    let listed: Vec<Field<'_>> = object.at(&["spec", "gateways"]).items().collect();
    let gateways = listed.iter().filter_map(|field| {
        let (home, name) = named(&field.text(), object.namespace())?;
        Some((*field, home, name))
    });
    VirtualService {
        object,
        in_mesh: listed.is_empty() || listed.iter().any(|field| field.is("mesh")),
        gateways: gateways.collect(),
        is_delegate: is_delegate(object),
    }
}

fn destinations<'i>(rule: &'i Object, hosts: &Hosts<'i>) -> Vec<Destination<'i>> {
    let mut found = Vec::new();
    for kind in ["http", "tcp", "tls"] {
        for (number, entry) in rule.at(&["spec", kind]).items().enumerate() {
            let mut add = |field: Field<'i>, keys: &[&str], is_mirror: bool| {
                if !field.get("host").is_set() {
                    return;
                }
                let mut path = vec!["spec".to_owned(), kind.to_owned(), number.to_string()];
                path.extend(keys.iter().map(|key| (*key).to_owned()));
                let host = field.get("host").text();
                let target = hosts.resolve(&host, rule.namespace());
                found.push(Destination {
                    rule,
                    field,
                    entry,
                    path,
                    host,
                    target,
                    is_http: kind == "http",
                    is_mirror,
                });
            };
            let is_single = entry.get("route").items().nth(1).is_none();
            for (at, route) in entry.get("route").items().enumerate() {
                // What gets no requests may lead nowhere.
                if is_single || route.get("weight").number() != Some(0) {
                    add(route.get("destination"), &["route", &at.to_string(), "destination"], false);
                }
            }
            for (at, mirror) in entry.get("mirrors").items().enumerate() {
                add(mirror.get("destination"), &["mirrors", &at.to_string(), "destination"], true);
            }
            add(entry.get("mirror"), &["mirror"], true);
        }
    }
    found
}
