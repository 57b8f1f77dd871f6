//! Istio's Gateways: the pods that they configure, their servers, and how VirtualServices name them.

use std::collections::{HashMap, HashSet};

use crate::kube::{Field, Inventory, Object, Selector};

const GROUP: &str = "networking.istio.io";

/// A Gateway and the pods that it configures.
#[derive(Debug)]
pub(crate) struct Gateway<'i> {
    pub(crate) object: &'i Object,
    pub(crate) selector: Selector,
    /// Workloads, else Pods, of any namespace. None where the selector is empty: then it is every gateway.
    pub(crate) pods: Vec<&'i Object>,
}

/// All Gateways.
#[derive(Debug)]
pub(crate) struct Gateways<'i> {
    pub(crate) all: Vec<Gateway<'i>>,
    by_name: HashMap<(&'i str, &'i str), usize>,
    /// Values of labels that Gateways select by, as pods have them.
    values: HashMap<String, Vec<String>>,
}

impl<'i> Gateways<'i> {
    pub(crate) fn of(inventory: &'i Inventory) -> Self {
        let mut all: Vec<Gateway<'i>> = inventory
            .of(GROUP, "Gateway")
            .map(|object| {
                let selector = Selector::of_map(object.at(&["spec", "selector"]));
                Gateway { object, selector, pods: Vec::new() }
            })
            .collect();
        let keys: HashSet<&str> = all
            .iter()
            .flat_map(|gateway| gateway.selector.labels().iter().map(|(key, _)| key.as_str()))
            .collect();
        let mut values: HashMap<String, Vec<String>> = HashMap::new();
        let mut labelled: HashMap<(String, String), Vec<&'i Object>> = HashMap::new();
        for object in inventory.workloads() {
            for template in object.pod_templates() {
                let labels = template.at(&["metadata", "labels"]);
                for key in keys.iter().filter(|key| labels.get(key).is_set()) {
                    let value = labels.get(key).text().into_owned();
                    values.entry((*key).to_owned()).or_default().push(value.clone());
                    labelled.entry(((*key).to_owned(), value)).or_default().push(object);
                }
            }
        }
        for gateway in &mut all {
            let Some(first) = gateway.selector.labels().first() else { continue };
            let fits = |object: &&&'i Object| {
                let mut templates = object.pod_templates();
                templates.any(|template| gateway.selector.fits(template.at(&["metadata", "labels"])))
            };
            let candidates = labelled.get(first).map(Vec::as_slice).unwrap_or_default();
            let found: Vec<&'i Object> = candidates.iter().filter(fits).copied().collect();
            let own: Vec<&'i Object> =
                found.iter().filter(|object| !object.is_controlled()).copied().collect();
            gateway.pods = if own.is_empty() { found } else { own };
        }
        let by_name = all.iter().enumerate();
        let by_name = by_name.map(|(at, gateway)| ((gateway.object.namespace(), gateway.object.name()), at));
        Self { by_name: by_name.collect(), all, values }
    }

    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<&Gateway<'i>> {
        self.all.get(*self.by_name.get(&(namespace, name))?)
    }

    /// The values that pods have for a label.
    pub(crate) fn values(&self, key: &str) -> &[String] {
        self.values.get(key).map(Vec::as_slice).unwrap_or_default()
    }
}

impl<'i> Gateway<'i> {
    pub(crate) fn servers(&self) -> impl Iterator<Item = Server<'i>> + use<'i> {
        let home = self.object.namespace();
        self.object.at(&["spec", "servers"]).items().map(move |field| Server { field, home })
    }
}

/// A server of a Gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server<'i> {
    pub(crate) field: Field<'i>,
    home: &'i str,
}

impl<'i> Server<'i> {
    pub(crate) fn port(&self) -> Option<u64> {
        self.field.at(&["port", "number"]).number()
    }

    /// The protocol in upper case.
    pub(crate) fn protocol(&self) -> String {
        self.field.at(&["port", "protocol"]).text().to_ascii_uppercase()
    }

    /// The hosts that rules of a namespace may bind to.
    pub(crate) fn hosts_for(&self, namespace: &str) -> Vec<String> {
        let own = |host: &str| match host.split_once('/') {
            None => Some(host.to_lowercase()),
            Some((home, host)) => {
                let fits = home == "*" || home == namespace || (home == "." && self.home == namespace);
                fits.then(|| host.to_lowercase())
            }
        };
        self.hosts().iter().filter_map(|host| own(host)).collect()
    }

    /// Its hosts as written.
    pub(crate) fn hosts(&self) -> Vec<String> {
        self.field.get("hosts").items().map(|host| host.text().into_owned()).collect()
    }
}

/// Namespace and name of a Gateway as a VirtualService of a namespace names it; nothing for `mesh`.
pub(crate) fn named(text: &str, namespace: &str) -> Option<(String, String)> {
    if text == "mesh" {
        return None;
    }
    let (home, name) = match (text.split_once('/'), text.split_once('.')) {
        (Some((".", name)), _) => (namespace, name),
        (Some((home, name)), _) => (home, name),
        // An old way of writing: `name.namespace`, and a domain that counts for nothing.
        (None, Some((name, rest))) => (rest.split('.').next().unwrap_or_default(), name),
        (None, None) => (namespace, text),
    };
    Some((home.to_owned(), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_are_named_in_four_ways() {
        let of = |text| named(text, "prod").map(|(home, name)| format!("{home}/{name}"));
        assert_eq!(of("gw").as_deref(), Some("prod/gw"));
        assert_eq!(of("edge/gw").as_deref(), Some("edge/gw"));
        assert_eq!(of("./gw").as_deref(), Some("prod/gw"));
        assert_eq!(of("gw.edge.svc.cluster.local").as_deref(), Some("edge/gw"));
        assert_eq!(of("mesh"), None);
    }
}
