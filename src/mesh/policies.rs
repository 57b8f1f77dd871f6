//! Admission policies of `init policy`: which pods they annotate, and what they lack to do so. They are known by their name.

use crate::facts::datakit::SCRAPE_POLICY;
use crate::facts::istio::{self, Asked, Labels, Wish};
use crate::facts::kubernetes::{ADMISSION_GROUP, KYVERNO_GROUP, NAMESPACE_NAME};
use crate::kube::{Field, Inventory, Object, Selector};

use super::Workload;

/// Why a policy does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// No binding names it.
    Binding,
    /// The ConfigMap that its binding names is not there: namespace and name.
    Parameters(String, String),
}

/// A policy that adds the scrape annotation.
#[derive(Debug)]
pub(crate) struct Policy<'i> {
    pub(crate) object: &'i Object,
    namespaces: Selector,
    /// Why it does nothing. In files what is missing may be elsewhere: then nothing is known to be.
    pub(crate) lack: Option<Lack>,
}

/// All of an inventory.
pub(super) fn all(inventory: &Inventory) -> Vec<Policy<'_>> {
    let kinds = [(ADMISSION_GROUP, "MutatingAdmissionPolicy"), (KYVERNO_GROUP, "MutatingPolicy")];
    let objects = kinds.iter().flat_map(|(group, kind)| inventory.of(group, kind));
    let ours = objects.filter(|object| object.name() == SCRAPE_POLICY);
    ours.map(|object| Policy::of(inventory, object)).collect()
}

impl<'i> Policy<'i> {
    fn of(inventory: &'i Inventory, object: &'i Object) -> Self {
        let selector = object.at(&["spec", "matchConstraints", "namespaceSelector"]);
        let is_bound = object.group() == ADMISSION_GROUP && inventory.live;
        let lack = if is_bound { lack(inventory, object.name()) } else { None };
        Self { object, namespaces: Selector::of(selector), lack }
    }

    /// Whether it adds the annotation to new pods of a workload, as far as these get a sidecar. Without their namespace in
    /// view that is all that is known.
    pub(crate) fn covers(&self, inventory: &Inventory, workload: &Workload<'_>) -> bool {
        let namespace = workload.object.namespace();
        let Some(rest) = self.namespaces.given(NAMESPACE_NAME, namespace) else { return false };
        if self.lack.is_some() || refuses(workload) {
            return false;
        }
        let Some(home) = inventory.get_global("", "Namespace", namespace) else { return rest.is_empty() };
        let labels = home.at(&["metadata", "labels"]);
        // A selector of labels names the namespaces instead of Istio's.
        if rest.is_empty() { is_asked_for(labels, workload) } else { rest.fits(labels) }
    }
}

/// What a MutatingAdmissionPolicy of a cluster lacks.
fn lack(inventory: &Inventory, name: &str) -> Option<Lack> {
    if inventory.may_miss(ADMISSION_GROUP, "mutatingadmissionpolicybindings") {
        return None;
    }
    let bindings = inventory.of(ADMISSION_GROUP, "MutatingAdmissionPolicyBinding");
    let mut bindings = bindings.filter(|binding| binding.at(&["spec", "policyName"]).is(name)).peekable();
    if bindings.peek().is_none() {
        return Some(Lack::Binding);
    }
    let mut missing = None;
    for binding in bindings {
        let parameters = binding.at(&["spec", "paramRef"]);
        let (namespace, name) = (parameters.get("namespace").text(), parameters.get("name").text());
        let is_there = name.is_empty()
            || inventory.may_miss("", "configmaps")
            || inventory.get("", "ConfigMap", &namespace, &name).is_some();
        if is_there {
            return None;
        }
        missing = Some(Lack::Parameters(namespace.into_owned(), name.into_owned()));
    }
    missing
}

/// Whether a policy leaves the pods of a workload alone, wherever they are.
fn refuses(workload: &Workload<'_>) -> bool {
    let label = workload.labels().get(istio::INJECT);
    let said = if label.exists() { label } else { workload.annotation(istio::INJECT) };
    istio::wish(None, said.scalar().as_deref()) == Wish::No
        || workload.spec().get("hostNetwork").is_true()
        || workload.labels().get(istio::DATAPLANE_LABEL).is("ambient")
}

/// Whether Istio's labels ask for a sidecar.
fn is_asked_for(namespace: Field<'_>, workload: &Workload<'_>) -> bool {
    let pod = workload.labels();
    let texts = [
        namespace.get(istio::INJECTION_LABEL),
        namespace.get(istio::REVISION_LABEL),
        pod.get(istio::INJECT),
        pod.get(istio::REVISION_LABEL),
    ]
    .map(|label| label.exists().then(|| label.text()));
    let [injection, revision, inject, pod_revision] = texts.each_ref().map(Option::as_deref);
    let asked = istio::asked(Labels { injection, revision, inject, pod_revision });
    matches!(asked, Asked::Default | Asked::Revision(_))
}
