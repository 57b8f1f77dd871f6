//! Which pods get a sidecar: what asks for one, which webhook answers, and whether the injector agrees; in a cluster also what
//! the pods have.

use std::collections::{HashMap, HashSet};

use super::control_plane::newest_istiod;
use super::{Pods, Workload};
use crate::facts::Version;
use crate::facts::datakit::SCRAPE_ANNOTATION;
use crate::facts::istio::{self, Asked, Labels, Wish};
use crate::kube::{Field, Inventory, Object, Selector};
use crate::spelling::nearest;
use crate::yaml::Document;

const WEBHOOK_GROUP: &str = "admissionregistration.k8s.io";

/// A webhook of an injector.
#[derive(Debug)]
pub(crate) struct Webhook<'i> {
    /// Its MutatingWebhookConfiguration.
    pub(crate) object: &'i Object,
    /// Its entry in that.
    pub(crate) entry: Field<'i>,
    namespaces: Selector,
    pods: Selector,
}

impl<'i> Webhook<'i> {
    fn calls(&self, namespace: Field<'_>, pod: Field<'_>) -> bool {
        self.is_of_new_pods() && self.namespaces.fits(namespace) && self.pods.fits(pod)
    }

    /// Whether it is called when a pod is made. Without rules, which the API server does not take, nothing is known.
    fn is_of_new_pods(&self) -> bool {
        let rules = self.entry.get("rules");
        let has = |rule: Field<'_>, key: &str, wanted: &str| {
            let mut items = rule.get(key).items();
            items.any(|item| item.is(wanted) || item.is("*"))
        };
        let is_of_pods =
            |rule: Field<'_>| has(rule, "operations", "CREATE") && has(rule, "resources", "pods");
        rules.items().next().is_none() || rules.items().any(is_of_pods)
    }

    /// The port of the Service that it calls.
    pub(crate) fn port(&self) -> u64 {
        const DEFAULT: u64 = 443;
        self.entry.at(&["clientConfig", "service", "port"]).number().unwrap_or(DEFAULT)
    }

    /// Namespace and name of the Service that it calls; nothing where it calls a URL.
    pub(crate) fn service(&self) -> Option<(String, String)> {
        let service = self.entry.at(&["clientConfig", "service"]);
        let text = |key: &str| service.get(key).text().into_owned();
        service.exists().then(|| (text("namespace"), text("name")))
    }
}

/// Why a pod that asks for a sidecar gets none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// The namespace's injection label has a value that blocks every webhook.
    NamespaceValue(String),
    /// The namespace says no, and so blocks the pod's yes.
    NamespaceSaysNo,
    /// The pod's label is nearly right.
    NotExactly(String),
    /// Only an annotation asks, and that can only opt out.
    AnnotationAlone,
    /// No webhook is of this revision or tag.
    NoRevision(String),
    /// There are webhooks, and none of them is of the default revision.
    NoDefault,
    /// There is no webhook of any injector.
    NoWebhook,
    /// The revision has webhooks, and their selectors do not take this pod.
    NotSelected(String),
    /// The injector's policy is `disabled`.
    Policy,
    /// The injector's `neverInjectSelector` takes this pod, though its annotations ask for a sidecar.
    Never,
}

/// Why a pod gets no sidecar, as it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outside {
    HostNetwork,
    /// A namespace that Istio leaves alone.
    Namespace,
    /// Its own label or annotation, or its namespace's.
    OptedOut,
    /// Nothing asks for one.
    NotAsked,
}

/// Whether a pod gets a sidecar.
#[derive(Clone, Debug)]
pub(crate) enum Decision<'i> {
    /// Its template has a proxy of its own.
    Own,
    /// It gets one. The number of the webhook is of [`Injection::webhooks`]; files without webhooks have none.
    Injected(Option<usize>),
    /// Ambient mode takes it into the mesh.
    Ambient,
    Outside(Outside),
    /// It asks for one and gets none: why, and the value that decides.
    Blocked(Block, &'i Object, Field<'i>),
    /// The files do not hold what decides.
    Unknown,
}

/// A workload, and whether its pods get a sidecar.
#[derive(Debug)]
pub(crate) struct Member<'i> {
    pub(crate) workload: Workload<'i>,
    pub(crate) decision: Decision<'i>,
    /// Its running pods, in a cluster.
    pub(crate) pods: Vec<&'i Object>,
    /// Whether its annotations make sense with a sidecar only.
    pub(crate) wants_sidecar: bool,
}

impl<'i> Member<'i> {
    /// What the pod template says of its sidecar.
    pub(crate) fn said(&self) -> Field<'i> {
        let label = self.workload.labels().get(istio::INJECT);
        if label.exists() { label } else { self.workload.annotation(istio::INJECT) }
    }

    /// The pods that have no proxy.
    pub(crate) fn bare_pods(&self) -> impl Iterator<Item = &Object> {
        self.pods.iter().copied().filter(|pod| !has_proxy(pod.at(&["spec"])))
    }

    pub(crate) fn has_proxies(&self) -> bool {
        self.pods.iter().any(|pod| has_proxy(pod.at(&["spec"])))
    }

    /// Whether it is, or is meant to be, in the mesh.
    pub(crate) fn is_meshed(&self) -> bool {
        match self.decision {
            Decision::Own | Decision::Injected(_) | Decision::Ambient | Decision::Blocked(..) => true,
            Decision::Outside(Outside::NotAsked) => self.wants_sidecar || self.has_proxies(),
            Decision::Outside(_) => self.has_proxies(),
            Decision::Unknown => self.wants_sidecar,
        }
    }

    /// Whether its pods have a sidecar, or are to have one as far as is known.
    pub(crate) fn has_sidecar(&self) -> bool {
        match self.decision {
            Decision::Own | Decision::Injected(_) | Decision::Unknown => true,
            Decision::Blocked(..) | Decision::Outside(Outside::NotAsked) => {
                self.wants_sidecar || self.has_proxies()
            }
            Decision::Outside(_) => self.has_proxies(),
            Decision::Ambient => false,
        }
    }
}

/// The injectors of an inventory, and what they do with its workloads.
#[derive(Debug)]
pub(crate) struct Injection<'i> {
    pub(crate) webhooks: Vec<Webhook<'i>>,
    /// The version of istiod, where it is known.
    pub(crate) version: Option<Version>,
    pub(crate) members: Vec<Member<'i>>,
    /// The workloads whose pods have a sidecar, or are to have one.
    sidecars: HashSet<*const Object>,
}

/// Whether a pod's spec has a proxy: as a container, or from 1.19 on as an init container that goes on running.
pub(crate) fn has_proxy(spec: Field<'_>) -> bool {
    let mut all = ["containers", "initContainers"].into_iter().flat_map(|key| spec.get(key).items());
    all.any(|container| container.get("name").is(istio::PROXY_CONTAINER))
}

/// Whether a pod template has annotations that make sense with a sidecar only: for the sidecar, or DataKit's about its
/// ports. (Applications may have scrape annotations of their own.)
fn wants_sidecar(template: Field<'_>) -> bool {
    let annotations = template.at(&["metadata", "annotations"]);
    let scrape = annotations.get(SCRAPE_ANNOTATION).text();
    let ports = [istio::SIDECAR_PORT, istio::ENVOY_PORT];
    ports.iter().any(|port| scrape.contains(&format!(":{port}")))
        || annotations.entries().any(|(key, _)| {
            key != istio::INJECT && istio::SIDECAR_ANNOTATIONS.iter().any(|start| key.starts_with(start))
        })
}

/// What decides for the pods of one namespace.
struct Home<'i> {
    name: &'i str,
    object: Option<&'i Object>,
}

impl<'i> Injection<'i> {
    pub(crate) fn of(inventory: &'i Inventory, pods: &Pods<'i>, applications: &[Workload<'i>]) -> Self {
        let mut injection = Self {
            webhooks: webhooks(inventory),
            version: newest_istiod(inventory),
            members: Vec::new(),
            sidecars: HashSet::new(),
        };
        let policies = Policies::of(inventory);
        let namespaces: HashMap<&str, &Object> =
            inventory.of("", "Namespace").map(|namespace| (namespace.name(), namespace)).collect();
        let members = applications.iter().map(|workload| {
            let name = workload.object.namespace();
            let home = Home { name, object: namespaces.get(name).copied() };
            let pods = if inventory.live { pods.running(inventory, workload.object) } else { Vec::new() };
            Member {
                workload: *workload,
                decision: injection.decide(inventory, &policies, &home, workload),
                pods,
                wants_sidecar: wants_sidecar(workload.template),
            }
        });
        injection.members = members.collect();
        let sidecars = injection.members.iter().filter(|member| member.has_sidecar());
        injection.sidecars = sidecars.map(|member| std::ptr::from_ref(member.workload.object)).collect();
        injection
    }

    /// Whether its value of [`istio::INJECT`] used to mean no, and means nothing to this Istio.
    pub(crate) fn is_inexact(&self, member: &Member<'_>) -> bool {
        let is_exact = self.version.is_some_and(|version| version >= istio::EXACT_INJECT_VALUES);
        let field = member.said();
        let value = field.text();
        matches!(member.decision, Decision::Injected(_))
            && is_exact
            && field.exists()
            && istio::wish(None, Some(&value)) == Wish::No
            && value != "false"
    }

    /// Whether the pods of an application have a sidecar, or are to have one as far as is known.
    pub(crate) fn has_sidecar(&self, workload: &Object) -> bool {
        self.sidecars.contains(&std::ptr::from_ref(workload))
    }

    /// The revisions and tags that have webhooks.
    pub(crate) fn revisions(&self) -> Vec<String> {
        let names = self.webhooks.iter().map(|webhook| answers_to(webhook.object));
        let mut found: Vec<String> = names.collect();
        found.sort();
        found.dedup();
        found
    }

    fn decide(
        &self,
        inventory: &Inventory,
        policies: &Policies<'i>,
        home: &Home<'i>,
        workload: &Workload<'i>,
    ) -> Decision<'i> {
        if workload.spec().get("hostNetwork").is_true() {
            return Decision::Outside(Outside::HostNetwork);
        }
        if istio::NEVER_INJECTED.contains(&home.name) {
            return Decision::Outside(Outside::Namespace);
        }
        if has_proxy(workload.spec()) && !is_to_be_completed(workload) {
            return Decision::Own;
        }
        // The injector's no is final, whichever webhook calls it.
        if istio::wish(self.version, self.said(workload).scalar().as_deref()) == Wish::No {
            let is_ambient = is_ambient(home, workload);
            return if is_ambient { Decision::Ambient } else { Decision::Outside(Outside::OptedOut) };
        }
        match self.by_labels(inventory, home, workload) {
            Decision::Unknown if is_ambient(home, workload) => Decision::Ambient,
            Decision::Injected(webhook) => self.agreed(policies, workload, webhook),
            Decision::Outside(_) if is_ambient(home, workload) => Decision::Ambient,
            decision => decision,
        }
    }

    /// Whether a webhook is called.
    fn by_labels(&self, inventory: &Inventory, home: &Home<'i>, workload: &Workload<'i>) -> Decision<'i> {
        let object = workload.object;
        let (pod, nothing) = (workload.labels(), object.at(&["", ""]));
        let labels = home.object.map_or(nothing, |home| home.at(&["metadata", "labels"]));
        let texts = [
            labels.get(istio::INJECTION_LABEL),
            labels.get(istio::REVISION_LABEL),
            pod.get(istio::INJECT),
            pod.get(istio::REVISION_LABEL),
        ]
        .map(|label| label.exists().then(|| label.text()));
        let [injection, revision, inject, pod_revision] = texts.each_ref().map(Option::as_deref);
        let asked = istio::asked(Labels { injection, revision, inject, pod_revision });
        let at_home = |key: &str| match home.object {
            Some(home) => (home, home.at(&["metadata", "labels", key])),
            None => (object, pod),
        };
        let blocked = |block, (object, field)| Decision::Blocked(block, object, field);
        let called = self.webhooks.iter().position(|webhook| webhook.calls(labels, pod));
        let known = home.object.is_some();
        match asked {
            Asked::PodOptsOut | Asked::NamespaceOptsOut => Decision::Outside(Outside::OptedOut),
            Asked::BlockedByValue(value) => {
                blocked(Block::NamespaceValue(value.to_owned()), at_home(istio::INJECTION_LABEL))
            }
            Asked::BlockedByNamespace => blocked(Block::NamespaceSaysNo, at_home(istio::INJECTION_LABEL)),
            _ if called.is_some() => Decision::Injected(called),
            // What no file says another one may say, or the cluster.
            _ if !known && !inventory.live => Decision::Unknown,
            Asked::NotExactly(value) => {
                blocked(Block::NotExactly(value.to_owned()), (object, pod.get(istio::INJECT)))
            }
            Asked::Nothing => {
                let annotation = workload.annotation(istio::INJECT);
                match istio::wish(self.version, annotation.scalar().as_deref()) {
                    Wish::Yes if !is_ambient(home, workload) => {
                        blocked(Block::AnnotationAlone, (object, annotation))
                    }
                    _ => Decision::Outside(Outside::NotAsked),
                }
            }
            // Files may hold none of the webhooks, and a cluster may not let us read them.
            Asked::Default | Asked::Revision(_)
                if !self.is_misspelt(&asked)
                    && (inventory.live || self.webhooks.is_empty() || self.version.is_none())
                    && inventory.may_miss(WEBHOOK_GROUP, "mutatingwebhookconfigurations") =>
            {
                Decision::Injected(None)
            }
            Asked::Default | Asked::Revision(_) => {
                let wanted = match asked {
                    Asked::Revision(name) => name,
                    _ => istio::DEFAULT_REVISION,
                };
                let place = match (injection, revision) {
                    (Some(_), _) => at_home(istio::INJECTION_LABEL),
                    (None, Some(_)) => at_home(istio::REVISION_LABEL),
                    (None, None) if pod_revision.is_some() => (object, pod.get(istio::REVISION_LABEL)),
                    (None, None) => (object, pod.get(istio::INJECT)),
                };
                blocked(self.unanswered(wanted, matches!(asked, Asked::Default)), place)
            }
        }
    }

    /// Whether a revision is nearly one that has webhooks.
    fn is_misspelt(&self, asked: &Asked<'_>) -> bool {
        let known = self.revisions();
        let is_near = |name: &str| nearest(name, known.iter().map(String::as_str)).is_some();
        matches!(asked, Asked::Revision(name) if !known.iter().any(|known| known == name) && is_near(name))
    }

    /// Why no webhook answers to a revision.
    fn unanswered(&self, wanted: &str, is_default: bool) -> Block {
        if self.webhooks.is_empty() {
            return Block::NoWebhook;
        }
        let mut own = self.webhooks.iter().filter(|webhook| answers_to(webhook.object) == wanted);
        match own.find(|webhook| !is_deactivated(webhook.entry)) {
            Some(webhook) => Block::NotSelected(webhook.object.name().to_owned()),
            None if is_default => Block::NoDefault,
            None => Block::NoRevision(wanted.to_owned()),
        }
    }

    /// What the pod says to the injector: by its label, else by the older annotation.
    fn said(&self, workload: &Workload<'i>) -> Field<'i> {
        let label = workload.labels().get(istio::INJECT);
        let is_read = label.exists() && istio::reads_inject_label(self.version);
        if is_read { label } else { workload.annotation(istio::INJECT) }
    }

    /// Whether the injector agrees, once it is called by a pod that does not say no.
    fn agreed(
        &self,
        policies: &Policies<'i>,
        workload: &Workload<'i>,
        webhook: Option<usize>,
    ) -> Decision<'i> {
        if istio::wish(self.version, self.said(workload).scalar().as_deref()) == Wish::Yes {
            return Decision::Injected(webhook);
        }
        let revision = webhook.and_then(|number| self.webhooks.get(number));
        let revision = revision.map(|webhook| webhook.object.label(istio::REVISION_LABEL));
        let Some(policy) = policies.of_revision(revision.as_deref().unwrap_or_default()) else {
            return Decision::Injected(webhook);
        };
        let any = |selectors: &[Selector]| {
            let labels = workload.labels();
            selectors.iter().any(|selector| !selector.is_empty() && selector.fits(labels))
        };
        if any(&policy.never) && wants_sidecar(workload.template) {
            return Decision::Blocked(Block::Never, policy.map, policy.map.at(&["data", "config"]));
        }
        if any(&policy.never) {
            return Decision::Outside(Outside::OptedOut);
        }
        if policy.enabled || any(&policy.always) {
            return Decision::Injected(webhook);
        }
        Decision::Blocked(Block::Policy, policy.map, policy.map.at(&["data", "config"]))
    }
}

/// Whether the injector is to fill in the template's proxy: a gateway, or a sidecar with changes.
pub(crate) fn is_to_be_completed(workload: &Workload<'_>) -> bool {
    let mut containers = workload.spec().get("containers").items();
    containers.any(|container| {
        let is_proxy = container.get("name").is(istio::PROXY_CONTAINER);
        let image = container.get("image").text();
        is_proxy && (image == "auto" || image.is_empty())
    })
}

/// Whether ambient mode is asked for: the pod's label before the namespace's.
fn is_ambient(home: &Home<'_>, workload: &Workload<'_>) -> bool {
    let own = workload.labels().get(istio::DATAPLANE_LABEL);
    if own.exists() {
        return own.is("ambient");
    }
    home.object.is_some_and(|home| home.label(istio::DATAPLANE_LABEL) == "ambient")
}

/// The revision or tag that a webhook configuration answers to.
fn answers_to(configuration: &Object) -> String {
    [istio::TAG_LABEL, istio::REVISION_LABEL]
        .iter()
        .map(|label| configuration.label(label))
        .find(|name| !name.is_empty())
        .map_or_else(|| istio::DEFAULT_REVISION.to_owned(), |name| name.into_owned())
}

/// Whether a selector of istioctl turns a webhook off, since a tag stands for it.
fn is_deactivated(entry: Field<'_>) -> bool {
    let labels = entry.at(&["namespaceSelector", "matchLabels"]);
    labels.get("istio.io/deactivated").exists()
}

fn webhooks(inventory: &Inventory) -> Vec<Webhook<'_>> {
    let configurations = inventory.of(WEBHOOK_GROUP, "MutatingWebhookConfiguration");
    let entries = configurations
        .flat_map(|object| object.at(&["webhooks"]).items().map(move |entry| (object, entry)))
        .filter(|(_, entry)| entry.get("name").text().ends_with(istio::INJECTOR_WEBHOOK));
    entries.map(|(object, entry)| webhook(object, entry)).collect()
}

fn webhook<'i>(object: &'i Object, entry: Field<'i>) -> Webhook<'i> {
    let selector = |key| Selector::of(entry.get(key));
    Webhook { object, entry, namespaces: selector("namespaceSelector"), pods: selector("objectSelector") }
}

/// What an injector does with pods that say nothing.
struct Policy<'i> {
    map: &'i Object,
    enabled: bool,
    never: Vec<Selector>,
    always: Vec<Selector>,
}

/// The policies of injectors, by revision.
struct Policies<'i>(HashMap<String, Policy<'i>>);

impl<'i> Policies<'i> {
    fn of(inventory: &'i Inventory) -> Self {
        const NAME: &str = "istio-sidecar-injector";
        let maps = inventory.of("", "ConfigMap");
        let named = maps.filter_map(|map| Some((map.name().strip_prefix(NAME)?, map)));
        let policies = named.filter_map(|(rest, map)| {
            let revision = rest.strip_prefix('-').or(rest.is_empty().then_some(istio::DEFAULT_REVISION))?;
            Some((revision.to_owned(), Policy::read(map)?))
        });
        Self(policies.collect())
    }

    fn of_revision(&self, revision: &str) -> Option<&Policy<'i>> {
        let revision = if revision.is_empty() { istio::DEFAULT_REVISION } else { revision };
        self.0.get(revision)
    }
}

impl<'i> Policy<'i> {
    fn read(map: &'i Object) -> Option<Self> {
        let text = map.at(&["data", "config"]).scalar()?;
        let doc = Document::owned(text.into_owned()).ok()?;
        let config = Field::new(&doc, doc.roots().next()?);
        let list = |key: &str| config.get(key).items().map(Selector::of).collect();
        Some(Self {
            map,
            enabled: !config.get("policy").is("disabled"),
            never: list("neverInjectSelector"),
            always: list("alwaysInjectSelector"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::Mesh;

    fn cluster() -> Inventory {
        let list = serde_json::json!({"items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod", "labels": {"istio-injection": "enabled"}}},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "prod"},
             "spec": {"template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a"}]}}}},
        ]});
        let mut inventory = Inventory::of_cluster(None);
        inventory.add_list(&list.to_string()).unwrap();
        inventory
    }

    #[test]
    fn webhooks_that_may_not_be_read_are_taken_to_be_there() {
        let mut inventory = cluster();
        let blocked = |mesh: &Mesh<'_>| {
            matches!(mesh.injection.members[0].decision, Decision::Blocked(Block::NoWebhook, ..))
        };
        assert!(blocked(&Mesh::of(&inventory)));
        let kind = format!("mutatingwebhookconfigurations.{WEBHOOK_GROUP}");
        inventory.unread.push((kind, "forbidden".to_owned()));
        let mesh = Mesh::of(&inventory);
        assert!(!blocked(&mesh));
        assert!(matches!(mesh.injection.members[0].decision, Decision::Injected(None)));
    }
}
