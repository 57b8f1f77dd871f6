//! Services and the pods behind them: what a selector fits, and which ports of containers a Service leads to.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

use crate::facts::protocol::{Protocol, Source, of_port};
use crate::kube::{Field, Inventory, Object, Selector};

/// What is behind a Service.
#[derive(Debug)]
pub(crate) struct Backends<'i> {
    pub(crate) selector: Selector,
    /// Workloads whose pod templates the selector fits, and in a cluster Pods.
    pub(crate) objects: Vec<&'i Object>,
}

/// Whether pods are chosen by the Service's own selector: neither an alias nor one with endpoints of its own.
pub(crate) fn selects(service: &Object) -> bool {
    !service.at(&["spec", "type"]).is("ExternalName")
        && service.at(&["spec", "selector"]).entries().next().is_some()
}

/// What is behind the Services: worked out once for each namespace and selector, however many Services have them.
#[derive(Debug, Default)]
pub(crate) struct Behind<'i> {
    found: HashMap<(&'i str, Selector), Backends<'i>>,
}

impl<'i> Behind<'i> {
    pub(crate) fn of(inventory: &'i Inventory) -> Self {
        let mut found = HashMap::new();
        for service in inventory.of("", "Service") {
            let (namespace, selector) = asked(service);
            let of_these = || backends(inventory, namespace, selector.clone());
            found.entry((namespace, selector.clone())).or_insert_with(of_these);
        }
        Self { found }
    }

    /// What the selector of a Service fits, in its namespace.
    pub(crate) fn service(&self, service: &'i Object) -> Option<&Backends<'i>> {
        self.found.get(&asked(service))
    }
}

fn asked(service: &Object) -> (&str, Selector) {
    (service.namespace(), Selector::of_map(service.at(&["spec", "selector"])))
}

fn backends<'i>(inventory: &'i Inventory, namespace: &str, selector: Selector) -> Backends<'i> {
    let mut objects = inventory.templates(namespace, &selector);
    // ReplicaSets of earlier templates have no pods.
    objects.retain(|object| !object.is_controlled() || object.at(&["spec", "replicas"]).number() != Some(0));
    objects.extend(inventory.pods(namespace, &selector));
    Backends { selector, objects }
}

impl<'i> Backends<'i> {
    /// The pod templates that the selector fits, with their objects.
    pub(crate) fn templates(&self) -> impl Iterator<Item = (&'i Object, Field<'i>)> {
        let all =
            self.objects.iter().flat_map(|object| object.pod_templates().map(|template| (*object, template)));
        all.filter(|(_, template)| self.selector.fits(template.at(&["metadata", "labels"])))
    }
}

/// Pods that are alike in what is asked of them.
#[derive(Debug)]
pub(crate) struct Alike<'i, F> {
    /// The first of them.
    pub(crate) object: &'i Object,
    /// What they are alike in.
    pub(crate) facts: F,
    pub(crate) count: usize,
}

/// Puts together pods that are alike, in the order of their first ones.
pub(crate) fn alike<'i, F: Clone + Eq + Hash>(
    pods: impl Iterator<Item = (&'i Object, F)>,
) -> Vec<Alike<'i, F>> {
    let mut places = HashMap::new();
    let mut found: Vec<Alike<'i, F>> = Vec::new();
    for (object, facts) in pods {
        let place = *places.entry(facts.clone()).or_insert(found.len());
        match found.get_mut(place) {
            Some(known) => known.count += 1,
            None => found.push(Alike { object, facts, count: 1 }),
        }
    }
    found
}

/// Labels that controllers give to pods: no template has them.
const BY_CONTROLLERS: &[&str] = &[
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "pod-template-hash",
    "rollouts-pod-template-hash",
    "controller-revision-hash",
    "job-name",
    "batch.kubernetes.io/job-name",
];

/// Beginnings of labels that the injector gives to pods (`service.istio.io/canonical-name`).
const BY_INJECTOR: &[&str] = &["service.istio.io/", "security.istio.io/", "topology.istio.io/"];

/// Whether pods get a label from others than their template.
pub(crate) fn is_given_later(label: &str) -> bool {
    BY_CONTROLLERS.contains(&label) || BY_INJECTOR.iter().any(|start| label.starts_with(start))
}

/// A port of a Service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port<'i> {
    pub(crate) field: Field<'i>,
}

impl<'i> Port<'i> {
    pub(crate) fn number(&self) -> Option<u64> {
        self.field.get("port").number()
    }

    pub(crate) fn transport(&self) -> String {
        let stated = self.field.get("protocol").text();
        if stated.is_empty() { "TCP".to_owned() } else { stated.into_owned() }
    }

    /// What Istio takes it for.
    pub(crate) fn protocol(&self) -> (Protocol, Source) {
        let app_protocol = self.field.get("appProtocol").scalar();
        let number = self.number().unwrap_or(0);
        of_port(&self.field.get("name").text(), app_protocol.as_deref(), number, &self.transport())
    }

    /// The port of the pod; a name where it is one.
    pub(crate) fn target(&self) -> Target {
        let field = self.field.get("targetPort");
        match field.scalar().filter(|text| !text.is_empty() && text != "0") {
            None => Target::Number(self.number().unwrap_or(0)),
            Some(text) => text.parse().map_or_else(|_| Target::Name(text.into_owned()), Target::Number),
        }
    }
}

/// What a `targetPort` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Number(u64),
    Name(String),
}

pub(crate) fn ports(service: &Object) -> impl Iterator<Item = Port<'_>> {
    service.at(&["spec", "ports"]).items().map(|field| Port { field })
}

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ContainerPort {
    pub(crate) name: String,
    pub(crate) number: u64,
    pub(crate) transport: String,
}

/// The ports that the containers of a pod declare; those of init containers that go on running, too.
pub(crate) fn container_ports(template: Field<'_>) -> Vec<ContainerPort> {
    let spec = template.get("spec");
    let sidecars =
        spec.get("initContainers").items().filter(|container| container.get("restartPolicy").is("Always"));
    let containers = spec.get("containers").items().chain(sidecars);
    let ports = containers.flat_map(|container| {
        container.get("ports").items().filter_map(move |port| {
            let transport = port.get("protocol").text();
            Some(ContainerPort {
                name: port.get("name").text().into_owned(),
                number: port.get("containerPort").number()?,
                transport: if transport.is_empty() { "TCP".to_owned() } else { transport.into_owned() },
            })
        })
    });
    ports.collect()
}

/// The number of a pod's port that a Service's port leads to; nothing where the pod has no port of that name.
pub(crate) fn target_number(port: &Port<'_>, declared: &[ContainerPort]) -> Option<u64> {
    match port.target() {
        Target::Number(number) => Some(number),
        Target::Name(name) => {
            let transport = port.transport();
            let mut named = declared.iter().filter(|port| port.name == name && port.transport == transport);
            named.next().map(|port| port.number)
        }
    }
}

/// Whether Services have endpoints, as a cluster tells: by Endpoints, else by EndpointSlices.
#[derive(Debug, Default)]
pub(crate) struct Endpoints<'i> {
    ready: HashMap<(&'i str, Cow<'i, str>), bool>,
}

impl<'i> Endpoints<'i> {
    pub(crate) fn of(inventory: &'i Inventory) -> Self {
        let mut found = Self::default();
        if !inventory.live {
            return found;
        }
        for endpoints in inventory.of("", "Endpoints") {
            let mut subsets = endpoints.at(&["subsets"]).items();
            let ready = subsets.any(|subset| subset.get("addresses").items().next().is_some());
            found.ready.insert((endpoints.namespace(), Cow::Borrowed(endpoints.name())), ready);
        }
        let by_endpoints: HashSet<_> = found.ready.keys().cloned().collect();
        for slice in inventory.of("discovery.k8s.io", "EndpointSlice") {
            let service = (slice.namespace(), slice.label("kubernetes.io/service-name"));
            if by_endpoints.contains(&service) {
                continue;
            }
            let mut endpoints = slice.at(&["endpoints"]).items();
            // Where nobody tells, they are to be taken for ready.
            let ready =
                endpoints.any(|endpoint| endpoint.at(&["conditions", "ready"]).truth() != Some(false));
            *found.ready.entry(service).or_default() |= ready;
        }
        found
    }

    /// Whether a Service has one that is ready; nothing where none of its objects is in view.
    pub(crate) fn are_ready(&self, service: &'i Object) -> Option<bool> {
        self.ready.get(&(service.namespace(), Cow::Borrowed(service.name()))).copied()
    }
}

/// The values of labels that pod templates have, by namespace and key, each with one workload that has it.
#[derive(Debug, Default)]
pub(crate) struct Labels<'i> {
    values: HashMap<(&'i str, String), BTreeMap<String, &'i Object>>,
}

impl<'i> Labels<'i> {
    pub(crate) fn of(inventory: &'i Inventory) -> Self {
        let mut values: HashMap<(&'i str, String), BTreeMap<String, &'i Object>> = HashMap::new();
        for object in inventory.workloads().filter(|object| !object.is_controlled()) {
            for template in object.pod_templates() {
                for (key, value) in template.at(&["metadata", "labels"]).entries() {
                    let of_key = values.entry((object.namespace(), key.into_owned())).or_default();
                    of_key.entry(value.text().into_owned()).or_insert(object);
                }
            }
        }
        Self { values }
    }

    /// The values of a label in a namespace.
    pub(crate) fn values(&self, namespace: &'i str, key: &str) -> impl Iterator<Item = &str> {
        let found = self.values.get(&(namespace, key.to_owned()));
        found.into_iter().flat_map(|values| values.keys().map(String::as_str))
    }

    /// A workload whose pods have a label.
    pub(crate) fn with(&self, namespace: &'i str, key: &str, value: &str) -> Option<&'i Object> {
        self.values.get(&(namespace, key.to_owned()))?.get(value).copied()
    }
}
