//! Which DestinationRules hold for a client and a host (`pilot/pkg/model/push_context.go`): those of the client's namespace,
//! else of the Service's, else of the root namespace; the exact host before the longest wildcard; the first hit alone.

use std::collections::{HashMap, HashSet};

use super::control_plane::{ControlPlane, is_read, root_namespace};
use super::hosts::{Hosts, covering};
use crate::kube::{Field, Inventory, Object};
use crate::spelling::nearest;

const GROUP: &str = "networking.istio.io";

/// All rules, by namespace and full host.
#[derive(Debug)]
pub(crate) struct DestinationRules<'i> {
    by_home: HashMap<&'i str, HashMap<String, Vec<&'i Object>>>,
    /// Those of files that state no namespace, by the host as written.
    unstated: HashMap<String, Vec<&'i Object>>,
    /// Those that no revision in view reads, by full host.
    unread: HashMap<String, Vec<&'i Object>>,
    /// Full hosts of all.
    hosts: HashSet<String>,
    root: String,
}

/// What a client gets for a host and subset.
#[derive(Debug)]
pub(crate) enum Subset<'i> {
    Defined {
        rule: &'i Object,
        subset: Field<'i>,
    },
    /// The rules that hold define others.
    NotDefined {
        rules: Vec<&'i Object>,
    },
    /// Other rules define it; these hide them.
    Hidden {
        by: &'i Object,
        rule: &'i Object,
    },
    /// It is defined by a rule that is not exported to the client.
    NotExported {
        rule: &'i Object,
    },
    /// It is defined for some clients only, by `workloadSelector`.
    Selective,
    /// It is defined by a rule that is read by no revision in view.
    Unread,
    NoRule,
}

impl<'i> DestinationRules<'i> {
    pub(crate) fn of(inventory: &'i Inventory, hosts: &Hosts<'i>, planes: &[ControlPlane<'i>]) -> Self {
        let mut found = Self {
            by_home: HashMap::new(),
            unstated: HashMap::new(),
            unread: HashMap::new(),
            hosts: HashSet::new(),
            root: root_namespace(planes).to_owned(),
        };
        for rule in inventory.of(GROUP, "DestinationRule") {
            let host = rule.text(&["spec", "host"]);
            let full = hosts.full(&host, rule.namespace());
            if !is_read(planes, rule) {
                found.unread.entry(full).or_default().push(rule);
                continue;
            }
            if !inventory.live && rule.stated_namespace().is_none() {
                found.unstated.entry(host.into_owned()).or_default().push(rule);
            }
            found.hosts.insert(full.clone());
            found.by_home.entry(rule.namespace()).or_default().entry(full).or_default().push(rule);
        }
        found
    }

    /// The rules of a namespace for a host that a client sees: of one host only.
    fn hit(&self, home: &str, host: &str, client: &str, counts: impl Fn(&Object) -> bool) -> Vec<&'i Object> {
        let Some(rules) = self.by_home.get(home) else { return Vec::new() };
        let visible = |rule: &&&'i Object| is_exported(rule, client) && counts(rule);
        let all = covering(host).filter_map(|name| rules.get(&name));
        let mut hits = all.map(|found| found.iter().filter(visible).copied().collect::<Vec<_>>());
        hits.find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// The namespaces that are asked, in order. Clients of the root namespace ask the Service's first.
    fn homes<'n>(&'n self, client: &'n str, service: &'n str) -> Vec<&'n str> {
        let mut homes = if client == self.root { vec![] } else { vec![client] };
        homes.extend([service, self.root.as_str()]);
        homes
    }

    /// The rules that a client gets for a host of a Service's namespace, of those that count.
    pub(super) fn effective(
        &self,
        client: &str,
        service: &str,
        host: &str,
        counts: impl Fn(&Object) -> bool,
    ) -> Vec<&'i Object> {
        let homes = self.homes(client, service).into_iter();
        let mut hits = homes.map(|home| self.hit(home, host, client, &counts));
        hits.find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// What a subset of a host is to a client.
    pub(crate) fn subset(&self, client: &str, service: &str, host: &str, name: &str) -> Subset<'i> {
        let homes = self.homes(client, service);
        let effective = self.effective(client, service, host, |_| true);
        if let Some((rule, subset)) = defining(&effective, name) {
            if rule.at(&["spec", "workloadSelector"]).is_set() {
                return Subset::Selective;
            }
            return Subset::Defined { rule, subset };
        }
        if let Some((rule, subset)) = self.of_unstated(host).and_then(|rules| defining(rules, name)) {
            return Subset::Defined { rule, subset };
        }
        let everywhere: Vec<&'i Object> = homes.iter().flat_map(|home| self.all(home, host)).collect();
        match (defining(&everywhere, name), effective.first()) {
            (Some((rule, _)), _) if !is_exported(rule, client) => Subset::NotExported { rule },
            (Some((rule, _)), Some(by)) => Subset::Hidden { by, rule },
            _ => match self.unread.get(host).and_then(|rules| defining(rules, name)) {
                Some(_) => Subset::Unread,
                None if effective.is_empty() => Subset::NoRule,
                None => Subset::NotDefined { rules: effective },
            },
        }
    }

    /// The rules of a namespace for a host, whoever sees them, and by whatever wildcard.
    fn all(&self, home: &str, host: &str) -> Vec<&'i Object> {
        let rules = self.by_home.get(home);
        let found = covering(host).filter_map(|name| rules.and_then(|rules| rules.get(&name)));
        found.flatten().copied().collect()
    }

    fn of_unstated(&self, host: &str) -> Option<&[&'i Object]> {
        let short = host.split('.').next().unwrap_or_default();
        self.unstated.get(host).or_else(|| self.unstated.get(short)).map(Vec::as_slice)
    }

    /// A rule of a namespace that defines a subset for a host that is nearly the one.
    pub(crate) fn nearly(&self, home: &str, host: &str, subset: &str) -> Option<&'i Object> {
        let rules = self.by_home.get(home)?;
        let defines = |name: &&str| rules.get(*name).is_some_and(|rules| defining(rules, subset).is_some());
        let name = nearest(host, rules.keys().map(String::as_str).filter(|name| defines(name)))?;
        rules.get(name)?.first().copied()
    }

    /// Whether any rule in view is about a host.
    pub(crate) fn mentions(&self, host: &str) -> bool {
        self.hosts.contains(host) || self.of_unstated(host).is_some()
    }
}

/// The rule that defines a subset, and the subset.
fn defining<'i>(rules: &[&'i Object], name: &str) -> Option<(&'i Object, Field<'i>)> {
    let of = |rule: &&'i Object| {
        let rule = *rule;
        let found = rule.at(&["spec", "subsets"]).items().find(|subset| subset.get("name").is(name));
        found.map(|subset| (rule, subset))
    };
    // One for some clients only does not count where one for all defines it, too.
    let mut all: Vec<_> = rules.iter().filter_map(of).collect();
    all.sort_by_key(|(rule, _)| rule.at(&["spec", "workloadSelector"]).is_set());
    all.into_iter().next()
}

/// Whether clients of a namespace see a rule. One with a `workloadSelector` holds in its own namespace only.
fn is_exported(rule: &Object, client: &str) -> bool {
    if rule.namespace() == client {
        return true;
    }
    if rule.at(&["spec", "workloadSelector"]).is_set() {
        return false;
    }
    let mut to = rule.at(&["spec", "exportTo"]).items().peekable();
    to.peek().is_none() || to.any(|to| to.is("*") || to.is(client))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::kube::read_text;

    /// Rules as `namespace/name host subsets exportTo`, and what client, service namespace and host get for subset `v1`.
    fn look(rules: &[(&str, &str, &str, &str)], client: &str) -> String {
        let mut text = String::new();
        for (number, (namespace, host, subsets, rest)) in rules.iter().enumerate() {
            let subsets: Vec<String> = subsets
                .split_whitespace()
                .map(|name| format!("{{name: {name}, labels: {{version: {name}}}}}"))
                .collect();
            let _ = write!(
                text,
                "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: r{number}, namespace: {namespace}}}\n\
                 spec: {{host: '{host}', subsets: [{}]{rest}}}\n",
                subsets.join(", ")
            );
        }
        let (inventory, problems) = read_text("f.yaml", &text);
        assert_eq!(problems, []);
        let hosts = Hosts::of(&inventory);
        let found = DestinationRules::of(&inventory, &hosts, &[]);
        match found.subset(client, "prod", "ratings.prod.svc.cluster.local", "v1") {
            Subset::Defined { rule, .. } => format!("by {}", rule.name()),
            Subset::NotDefined { rules } => format!("not in {}", rules.len()),
            Subset::Hidden { by, rule } => format!("{} hidden by {}", rule.name(), by.name()),
            Subset::NotExported { rule } => format!("{} not exported", rule.name()),
            Subset::Selective => "selective".to_owned(),
            Subset::Unread => "unread".to_owned(),
            Subset::NoRule => "no rule".to_owned(),
        }
    }

    #[test]
    fn the_first_hit_counts() {
        assert_eq!(look(&[("prod", "ratings", "v1", "")], "prod"), "by r0");
        assert_eq!(look(&[("prod", "ratings", "v2", "")], "prod"), "not in 1");
        assert_eq!(look(&[], "prod"), "no rule");
        // The client's namespace comes before the Service's, whatever its host.
        assert_eq!(
            look(&[("prod", "ratings", "v1", ""), ("dev", "*.local", "", "")], "dev"),
            "r0 hidden by r1"
        );
        // A wildcard beside the exact host is not asked.
        assert_eq!(look(&[("prod", "ratings", "v1", ""), ("prod", "*.local", "v9", "")], "prod"), "by r0");
        assert_eq!(
            look(&[("prod", "ratings", "", ""), ("prod", "*.local", "v1", "")], "prod"),
            "r1 hidden by r0"
        );
        // Those for one host are joined.
        assert_eq!(look(&[("prod", "ratings", "v2", ""), ("prod", "ratings", "v1", "")], "prod"), "by r1");
        // The root namespace comes last, also for its own clients.
        assert_eq!(look(&[("istio-system", "*", "v1", "")], "prod"), "by r0");
        assert_eq!(
            look(&[("istio-system", "*", "", ""), ("prod", "ratings", "v1", "")], "istio-system"),
            "by r1"
        );
        // A third namespace is never asked; a short host is one of the rule's namespace.
        assert_eq!(look(&[("dev", "ratings.prod.svc.cluster.local", "v1", "")], "prod"), "no rule");
        assert_eq!(look(&[("dev", "ratings", "v1", "")], "dev"), "no rule");
    }

    #[test]
    fn export_and_selectors_decide_who_sees_a_rule() {
        let private = ("prod", "ratings", "v1", ", exportTo: ['.']");
        assert_eq!(look(&[private], "prod"), "by r0");
        assert_eq!(look(&[private], "dev"), "r0 not exported");
        assert_eq!(look(&[("prod", "ratings", "v1", ", exportTo: [dev]")], "dev"), "by r0");
        let selective = ("prod", "ratings", "v1", ", workloadSelector: {matchLabels: {app: x}}");
        assert_eq!(look(&[selective], "prod"), "selective");
        assert_eq!(look(&[selective, ("prod", "ratings", "v1", "")], "prod"), "by r1");
    }
}
