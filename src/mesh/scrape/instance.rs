//! An instance of DataKit's input kubernetesprometheus: whom it scrapes, and where (`internal/plugins/inputs/kubernetesprometheus`).

use std::collections::HashMap;

use toml::{Table, Value as Toml};

use super::proxies::Proxy;
use crate::facts::istio;
use crate::facts::pattern::glob;
use crate::kube::{Field, Inventory, Object, Selector};

/// An address that something scrapes on a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) scheme: String,
    pub(crate) port: u16,
    pub(crate) path: String,
}

/// What keeps an instance from a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmatched {
    Namespace,
    Selector,
    Scrape,
    Port,
}

/// A condition on labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) key: String,
    pub(crate) values: Vec<String>,
    /// Whether it is that the label is missing, or has none of the values.
    pub(crate) negative: bool,
}

impl Condition {
    pub(crate) fn holds(&self, label: Option<&str>) -> bool {
        let among = label.is_some_and(|label| {
            self.values.is_empty() || self.values.iter().any(|value| glob(value, label))
        });
        among != self.negative
    }
}

/// A selector of labels as Kubernetes writes it in one line; nothing where it is none.
pub(crate) fn conditions(text: &str) -> Option<Vec<Condition>> {
    let mut found = Vec::new();
    for part in split(text) {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        let one = |key: &str, values: Vec<&str>, negative| Condition {
            key: key.trim().to_owned(),
            values: values.into_iter().map(|value| value.trim().to_owned()).collect(),
            negative,
        };
        let set = part.strip_suffix(')').and_then(|part| part.split_once('('));
        let condition = if let Some((head, values)) = set {
            let mut words = head.split_whitespace();
            let (key, operator) = (words.next()?, words.next()?);
            one(key, values.split(',').collect(), operator == "notin")
        } else if let Some((key, value)) = part.split_once("!=") {
            one(key, vec![value], true)
        } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            one(key, vec![value], false)
        } else if let Some(key) = part.strip_prefix('!') {
            one(key, Vec::new(), true)
        } else {
            one(part, Vec::new(), false)
        };
        if condition.key.is_empty() || condition.key.contains(char::is_whitespace) {
            return None;
        }
        found.push(condition);
    }
    Some(found)
}

/// Cuts at commas outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut inside, mut start) = (false, 0);
    let mut parts = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '(' => inside = true,
            ')' => inside = false,
            ',' if !inside => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

/// An instance.
#[derive(Clone, Debug)]
pub(crate) struct Instance<'i> {
    pub(crate) object: &'i Object,
    pub(crate) field: Field<'i>,
    /// The file it stands in.
    pub(crate) file: String,
    pub(crate) role: String,
    pub(crate) namespaces: Vec<String>,
    pub(crate) selector: String,
    /// Nothing where the selector is none.
    pub(crate) conditions: Option<Vec<Condition>>,
    scrape: String,
    pub(crate) scheme: String,
    pub(crate) port: String,
    pub(crate) path: String,
    /// What it reaches through Services, by workload.
    behind: HashMap<*const Object, u16>,
}

impl<'i> Instance<'i> {
    pub(super) fn of(
        inventory: &'i Inventory,
        (object, field, file): (&'i Object, Field<'i>, &str),
        table: &Table,
    ) -> Self {
        let text = |key: &str, default: &str| {
            let found = table.get(key).and_then(Toml::as_str).unwrap_or_default();
            if found.is_empty() { default.to_owned() } else { found.to_owned() }
        };
        let list = table.get("namespaces").and_then(Toml::as_array).into_iter().flatten();
        let selector = text("selector", "");
        let mut instance = Self {
            object,
            field,
            file: file.to_owned(),
            role: text("role", ""),
            namespaces: list.filter_map(Toml::as_str).map(str::to_owned).collect(),
            conditions: conditions(&selector),
            selector,
            scrape: text("scrape", "true"),
            scheme: text("scheme", "http"),
            port: text("port", ""),
            path: text("path", istio::METRICS_PATH),
            behind: HashMap::new(),
        };
        if matches!(instance.role.as_str(), "service" | "endpoints") {
            instance.behind = instance.through_services(inventory);
        }
        instance
    }

    /// Whether it is meant for proxies: their port, or their path.
    pub(crate) fn is_for_proxies(&self) -> bool {
        [istio::SIDECAR_PORT, istio::ENVOY_PORT].contains(&self.port.as_str())
            || self.path.starts_with("/stats")
            || self.selector.contains(istio::TLS_MODE_LABEL)
    }

    fn selects_namespace(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|name| name == namespace)
    }

    fn selects(&self, label: impl Fn(&str) -> Option<String>) -> bool {
        let conditions = self.conditions.as_deref();
        conditions.is_some_and(|all| all.iter().all(|one| one.holds(label(&one.key).as_deref())))
    }

    /// What it scrapes on the pods of a proxy, or what keeps it from them.
    pub(crate) fn reach(&self, proxy: &Proxy<'_>) -> Result<Endpoint, Unmatched> {
        let endpoint = |port| Endpoint { scheme: self.scheme.clone(), port, path: self.resolved_path(proxy) };
        if self.role != "pod" {
            let port = self.behind.get(&std::ptr::from_ref(proxy.workload.object));
            return port.map(|port| endpoint(*port)).ok_or(Unmatched::Selector);
        }
        if !self.selects_namespace(proxy.namespace()) {
            return Err(Unmatched::Namespace);
        }
        if !self.selects(|key| proxy.label(key)) {
            return Err(Unmatched::Selector);
        }
        let value = |text: &str| pod_value(text, proxy);
        if value(&self.scrape) != "true" {
            return Err(Unmatched::Scrape);
        }
        let port = value(&self.port).parse().map_err(|_| Unmatched::Port)?;
        Ok(endpoint(port))
    }

    fn resolved_path(&self, proxy: &Proxy<'_>) -> String {
        let path = pod_value(&self.path, proxy);
        if path.starts_with('/') { path } else { istio::METRICS_PATH.to_owned() }
    }

    /// The workloads behind the Services that it selects, with the port of their pods.
    fn through_services(&self, inventory: &'i Inventory) -> HashMap<*const Object, u16> {
        let mut found = HashMap::new();
        for service in inventory.of("", "Service") {
            let label = |key: &str| {
                let label = service.at(&["metadata", "labels", key]);
                label.exists().then(|| label.text().into_owned())
            };
            let annotation = |text: &str| {
                let names = ["__kubernetes_service_annotation_", "__kubernetes_endpoints_annotation_"];
                let name = names.iter().find_map(|prefix| text.strip_prefix(prefix));
                name.map_or_else(|| text.to_owned(), |name| service.annotation(name).text().into_owned())
            };
            if !self.selects_namespace(service.namespace())
                || !self.selects(label)
                || annotation(&self.scrape) != "true"
            {
                continue;
            }
            let selector = Selector::of_map(service.at(&["spec", "selector"]));
            for object in inventory.templates(service.namespace(), &selector) {
                let port = self.port_behind(service, object, &annotation(&self.port));
                found.extend(port.map(|port| (std::ptr::from_ref(object), port)));
            }
        }
        found
    }

    /// The pods' port that a value of `port` means on a Service.
    fn port_behind(&self, service: &Object, pods: &Object, text: &str) -> Option<u16> {
        if let Ok(port) = text.parse() {
            return Some(port);
        }
        let name = text
            .strip_prefix("__kubernetes_endpoints_port_")
            .or_else(|| text.strip_prefix("__kubernetes_service_port_"))?;
        let name = ["_number", "_targetport", "_port"].iter().find_map(|end| name.strip_suffix(end))?;
        let mut ports = service.at(&["spec", "ports"]).items();
        let entry = ports.find(|entry| entry.get("name").is(name))?;
        target_port(entry, pods)
    }
}

/// The number of the pods' port that an entry of a Service's ports leads to.
pub(super) fn target_port(entry: Field<'_>, pods: &Object) -> Option<u16> {
    let target = entry.get("targetPort");
    let text = if target.is_set() { target.text() } else { entry.get("port").text() };
    if let Ok(port) = text.parse() {
        return Some(port);
    }
    let containers = pods.pod_templates().flat_map(|template| {
        let lists = ["containers", "initContainers"];
        lists.into_iter().flat_map(move |list| template.at(&["spec", list]).items())
    });
    let mut ports = containers.flat_map(|container| container.get("ports").items());
    ports.find(|port| port.get("name").is(&text))?.get("containerPort").text().parse().ok()
}

/// A value that may refer to a part of the pod.
fn pod_value(text: &str, proxy: &Proxy<'_>) -> String {
    if let Some(name) = text.strip_prefix("__kubernetes_pod_annotation_") {
        return proxy.annotation(name).unwrap_or_default();
    }
    if let Some(name) = text.strip_prefix("__kubernetes_pod_label_") {
        return proxy.label(name).unwrap_or_default();
    }
    let named =
        text.strip_prefix("__kubernetes_pod_container_").and_then(|rest| rest.strip_suffix("_number"));
    let Some((container, port)) = named.and_then(|rest| rest.split_once("port_")) else {
        return text.to_owned();
    };
    container_port(proxy, container.trim_end_matches('_'), port).unwrap_or_default()
}

/// A port of a container by name. The proxy's own is not in a template; DataKit does not look at init containers.
fn container_port(proxy: &Proxy<'_>, container: &str, port: &str) -> Option<String> {
    let spec = match proxy.pods.first() {
        Some(pod) => pod.at(&["spec"]),
        None => proxy.workload.spec(),
    };
    let is_meant = |one: &Field<'_>| container.is_empty() || one.get("name").is(container);
    let mut ports = spec.get("containers").items().filter(is_meant).flat_map(|one| one.get("ports").items());
    let found = ports.find(|entry| entry.get("name").is(port)).map(|entry| entry.get("containerPort").text());
    found.map(|port| port.into_owned())
}

#[cfg(test)]
mod tests {
    use super::conditions;

    #[test]
    fn selectors_in_one_line_are_read() {
        let holds = |text: &str, label: Option<&str>| {
            let all = conditions(text).unwrap();
            all.iter().all(|one| one.holds(label.filter(|_| one.key == "a")))
        };
        for (text, label, want) in [
            ("", None, true),
            ("a=x", Some("x"), true),
            ("a==x", Some("y"), false),
            ("a=x*", Some("xy"), true),
            ("a!=x", None, true),
            ("a!=x", Some("x"), false),
            ("a in (x, y)", Some("y"), true),
            ("a notin (x,y)", Some("y"), false),
            ("a", Some(""), true),
            ("!a", Some(""), false),
            ("a=x,!b", Some("x"), true),
            ("a=x,b=y", Some("x"), false),
        ] {
            assert_eq!(holds(text, label), want, "{text} {label:?}");
        }
        assert_eq!(conditions("a b"), None);
    }
}
