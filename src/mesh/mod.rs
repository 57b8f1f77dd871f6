//! The mesh that an inventory shows: its control plane, its DataKits, its applications. Computed once, asked by every
//! command; what is in effect is decided here, what is wrong with it elsewhere.

mod datakit;
pub(crate) mod injection;
pub(crate) mod pods;

use std::collections::HashSet;

pub(crate) use datakit::Datakit;
use injection::Injection;
use pods::Pods;

use crate::facts::istio;
use crate::kube::{Field, Inventory, Object};

/// A pod template of an application.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload<'i> {
    pub(crate) object: &'i Object,
    /// The mapping with the pods' `metadata` and `spec`.
    pub(crate) template: Field<'i>,
}

impl<'i> Workload<'i> {
    pub(crate) fn spec(&self) -> Field<'i> {
        self.template.get("spec")
    }

    pub(crate) fn labels(&self) -> Field<'i> {
        self.template.at(&["metadata", "labels"])
    }

    pub(crate) fn annotation(&self, name: &str) -> Field<'i> {
        self.template.at(&["metadata", "annotations", name])
    }
}

/// The mesh.
#[derive(Debug)]
pub(crate) struct Mesh<'i> {
    pub(crate) inventory: &'i Inventory,
    pub(crate) datakits: Vec<Datakit<'i>>,
    /// The workloads of applications: not those of Kubernetes, Istio and DataKit themselves.
    pub(crate) applications: Vec<Workload<'i>>,
    /// The pods of workloads.
    pub(crate) pods: Pods<'i>,
    /// Which of the applications get a sidecar.
    pub(crate) injection: Injection<'i>,
}

impl<'i> Mesh<'i> {
    pub(crate) fn of(inventory: &'i Inventory) -> Self {
        let datakits: Vec<Datakit<'i>> = inventory.workloads().filter_map(Datakit::of).collect();
        let istiods: HashSet<&str> = inventory
            .of("apps", "Deployment")
            .filter(|object| object.label("app") == istio::ISTIOD)
            .map(Object::namespace)
            .collect();
        let is_own = |object: &&Object| {
            let namespace = object.namespace();
            istio::NEVER_INJECTED.contains(&namespace)
                || namespace == istio::NAMESPACE
                || istiods.contains(namespace)
                || (inventory.live && is_made_by_another(object))
        };
        let applications = inventory.workloads().filter(|object| !is_own(object));
        let workloads = applications
            .flat_map(|object| object.pod_templates().map(move |template| Workload { object, template }));
        let is_datakit = |workload: &Workload<'_>| {
            datakits.iter().any(|datakit| std::ptr::eq(datakit.object, workload.object))
        };
        let applications: Vec<_> = workloads.filter(|workload| !is_datakit(workload)).collect();
        let pods = Pods::of(inventory);
        let injection = Injection::of(inventory, &pods, &applications);
        Self { inventory, datakits, applications, pods, injection }
    }
}

/// Whether a controller made it: then that is what is judged.
pub(crate) fn is_made_by_another(object: &Object) -> bool {
    object.at(&["metadata", "ownerReferences"]).items().any(|owner| owner.get("controller").is_true())
}
