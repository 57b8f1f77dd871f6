//! The mesh that an inventory shows: its control plane, its DataKits, its applications. Computed once, asked by every
//! command; what is in effect is decided here, what is wrong with it elsewhere.

mod conf;
pub(crate) mod config;
pub(crate) mod control_plane;
pub(crate) mod daemon;
mod datakit;
pub(crate) mod destination_rules;
mod env;
pub(crate) mod gateways;
mod headers;
pub(crate) mod hosts;
pub(crate) mod injection;
pub(crate) mod metrics;
pub(crate) mod network;
pub(crate) mod pages;
pub(crate) mod pods;
pub(crate) mod policies;
pub(crate) mod registry;
pub(crate) mod route;
pub(crate) mod routes;
pub(crate) mod scrape;
mod scrape_url;
pub(crate) mod services;
pub(crate) mod tracing;

use std::collections::{HashMap, HashSet};

pub(crate) use conf::{ConfFile, Loss, Lost, meant_key};
pub(crate) use datakit::Datakit;
pub(crate) use env::Value;
use injection::Injection;
use pages::Page;
use pods::Pods;
use routes::Routes;
use scrape::Scraping;
pub(crate) use scrape_url::{istiod_services, target};
use services::{Behind, Endpoints};
use tracing::TracingModel;

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
    /// Workloads of other kinds that run DataKit.
    pub(crate) other_datakits: Vec<&'i Object>,
    /// The workloads of applications: not those of Kubernetes, Istio and DataKit themselves.
    pub(crate) applications: Vec<Workload<'i>>,
    /// Where the proxies send their spans.
    pub(crate) tracing: TracingModel<'i>,
    /// The pods of workloads.
    pub(crate) pods: Pods<'i>,
    /// Which of the applications get a sidecar.
    pub(crate) injection: Injection<'i>,
    /// The pages that applications serve.
    pub(crate) pages: Vec<Page<'i>>,
    /// What scrapes the proxies.
    pub(crate) scraping: Scraping<'i>,
    /// What Services choose.
    pub(crate) behind: Behind<'i>,
    /// Whether Services have endpoints.
    pub(crate) endpoints: Endpoints<'i>,
    /// Where requests go.
    pub(crate) routes: Routes<'i>,
}

impl<'i> Mesh<'i> {
    pub(crate) fn of(inventory: &'i Inventory) -> Self {
        let datakits: Vec<Datakit<'i>> =
            inventory.workloads().filter_map(|object| Datakit::of(inventory, object)).collect();
        let other_datakits = inventory.workloads().filter(|object| {
            matches!(object.kind(), "Deployment" | "StatefulSet" | "ReplicaSet")
                && !(inventory.live && object.is_controlled())
                && datakit::runs_datakit(object)
        });
        let other_datakits = other_datakits.collect();
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
                || (inventory.live && object.is_controlled())
                || object.annotation("helm.sh/hook").text().contains("test")
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
        let tracing = TracingModel::of(inventory, &injection);
        let scraping = Scraping::of(inventory, &datakits, &tracing.planes, &pods, &injection);
        let pages = pages::all(inventory, &applications);
        let routes = Routes::of(inventory, &tracing.planes);
        let behind = Behind::of(inventory);
        let endpoints = Endpoints::of(inventory);
        Self {
            inventory,
            datakits,
            other_datakits,
            applications,
            tracing,
            pods,
            injection,
            pages,
            scraping,
            behind,
            endpoints,
            routes,
        }
    }

    /// The namespace whose rules hold for the whole mesh.
    pub(crate) fn root_namespace(&self) -> &str {
        control_plane::root_namespace(&self.tracing.planes)
    }

    /// Whether an istiod of this mesh reads an object of Istio's: one with the label of another revision none does.
    pub(crate) fn reads(&self, object: &Object) -> bool {
        control_plane::is_read(&self.tracing.planes, object)
    }
}

/// Objects of a kind, to be found beside each other and by name.
#[derive(Debug, Default)]
pub(crate) struct Names<'i> {
    homes: HashMap<&'i str, Vec<&'i Object>>,
    first: HashMap<&'i str, &'i Object>,
}

impl<'i> Names<'i> {
    pub(crate) fn of(objects: impl Iterator<Item = &'i Object>) -> Self {
        let mut found = Self::default();
        for object in objects {
            found.homes.entry(object.namespace()).or_default().push(object);
            found.first.entry(object.name()).or_insert(object);
        }
        found
    }

    /// The names of those of a namespace.
    pub(crate) fn beside(&self, namespace: &str) -> impl Iterator<Item = &'i str> {
        self.homes.get(namespace).into_iter().flatten().map(|object| object.name())
    }

    /// The first of a name, in whatever namespace.
    pub(crate) fn named(&self, name: &str) -> Option<&'i Object> {
        self.first.get(name).copied()
    }
}

/// An object in the namespace of another one. Files that leave the namespace to kubectl may mean the same one.
fn beside<'i>(inventory: &'i Inventory, object: &Object, kind: &str, name: &str) -> Option<&'i Object> {
    inventory.get("", kind, object.namespace(), name).or_else(|| {
        let open =
            |found: &&Object| found.stated_namespace().is_none() || object.stated_namespace().is_none();
        let mut all = inventory.of("", kind).filter(|found| !inventory.live && found.name() == name);
        all.find(open)
    })
}
