//! Istio's control planes, by revision: the mesh configuration that each reads, its version, and its root namespace.

use std::collections::HashMap;

use super::config::{MeshConfig, Reading, mesh_config};
use crate::facts::Version;
use crate::facts::istio;
use crate::kube::{Field, ImageRef, Inventory, Object};

/// A mesh configuration and the istiod that reads it.
#[derive(Debug)]
pub(crate) struct ControlPlane<'i> {
    /// `default` where the installation has no name.
    pub(crate) revision: String,
    /// The ConfigMap, or in files an IstioOperator.
    pub(crate) object: &'i Object,
    /// The configuration in it.
    pub(crate) field: Field<'i>,
    pub(crate) version: Option<Version>,
    pub(crate) reading: Reading<MeshConfig>,
    /// The Deployment of its istiod, where it is in view.
    pub(crate) istiod: Option<&'i Object>,
    /// Whether the configuration in effect is somewhere else: an external, remote or managed control plane.
    pub(crate) is_elsewhere: bool,
}

impl<'i> ControlPlane<'i> {
    /// The namespace of istiod.
    pub(crate) fn namespace(&self) -> &'i str {
        match self.object.kind() {
            "IstioOperator" => istio::NAMESPACE,
            _ => self.object.namespace(),
        }
    }

    pub(crate) fn config(&self) -> &MeshConfig {
        &self.reading.value
    }

    /// The namespace whose Telemetries hold for the whole mesh.
    pub(crate) fn root_namespace(&self) -> &str {
        let stated = self.config().root_namespace.as_deref().filter(|name| !name.is_empty());
        stated.unwrap_or_else(|| self.namespace())
    }

    /// Whether its istiod reads an object: one with the label of another revision it does not.
    pub(crate) fn reads(&self, object: &Object) -> bool {
        let label = object.label(istio::REVISION_LABEL);
        label.is_empty() || label == self.revision
    }

    /// All of an inventory. One whose istiod is not among several others is left over from an upgrade, and is none.
    pub(crate) fn all(inventory: &'i Inventory) -> Vec<Self> {
        let istiods: Vec<&Object> = istiods(inventory).collect();
        let proxies = proxy_version(inventory);
        let mut found: Vec<Self> = Vec::new();
        for map in inventory.of("", "ConfigMap") {
            let Some(revision) = revision_of_map(map.name()) else { continue };
            let field = map.at(&["data", "mesh"]);
            if !field.exists() {
                continue;
            }
            let runs =
                |istiod: &&&Object| istiod.namespace() == map.namespace() && revision_of(istiod) == revision;
            let istiod = istiods.iter().find(runs).copied();
            if inventory.live && istiod.is_none() && !istiods.is_empty() {
                continue;
            }
            let labelled: Vec<&Object> = istiod.into_iter().chain([map]).collect();
            found.push(Self {
                version: version(&labelled, istiod).or(proxies),
                reading: mesh_config(&field.text()),
                is_elsewhere: is_managed(map.name())
                    || (inventory.live && istiod.is_none())
                    || is_external(inventory, map.namespace(), &revision),
                revision,
                object: map,
                field,
                istiod,
            });
        }
        for operator in inventory.of("install.istio.io", "IstioOperator") {
            let stated = operator.text(&["spec", "revision"]);
            let revision = if stated.is_empty() { istio::DEFAULT_REVISION } else { &stated };
            if inventory.live || found.iter().any(|plane| plane.revision == revision) {
                continue;
            }
            let field = operator.at(&["spec", "meshConfig"]);
            found.push(Self {
                revision: revision.to_owned(),
                object: operator,
                field,
                version: Version::parse(&operator.text(&["spec", "tag"])).or(proxies),
                reading: mesh_config(&field.json().to_string()),
                istiod: None,
                is_elsewhere: false,
            });
        }
        found
    }

    /// The one that a revision or tag means; tags are told by webhook configurations.
    pub(crate) fn choose<'p>(
        all: &'p [Self],
        tags: &HashMap<String, String>,
        wanted: &str,
    ) -> Option<&'p Self> {
        if let [only] = all {
            return Some(only);
        }
        let wanted = if wanted.is_empty() { istio::DEFAULT_REVISION } else { wanted };
        let revision = tags.get(wanted).map_or(wanted, String::as_str);
        all.iter().find(|plane| plane.revision == revision)
    }
}

/// Whether any of the control planes reads an object; where none is in view, one elsewhere may.
pub(crate) fn is_read(planes: &[ControlPlane<'_>], object: &Object) -> bool {
    let label = object.label(istio::REVISION_LABEL);
    label.is_empty() || planes.is_empty() || planes.iter().any(|plane| plane.revision == label)
}

/// The namespace whose rules hold for the whole mesh.
pub(crate) fn root_namespace<'p>(planes: &'p [ControlPlane<'_>]) -> &'p str {
    let default = planes.iter().find(|plane| plane.revision == istio::DEFAULT_REVISION);
    default.or(planes.first()).map_or(istio::NAMESPACE, ControlPlane::root_namespace)
}

/// The revision behind each tag, as webhook configurations tell.
pub(crate) fn tags(inventory: &Inventory) -> HashMap<String, String> {
    let hooks = inventory.of("admissionregistration.k8s.io", "MutatingWebhookConfiguration");
    let tags = hooks.filter(|hook| !hook.label("istio.io/tag").is_empty());
    let pair = |hook: &Object| {
        (hook.label("istio.io/tag").into_owned(), hook.label(istio::REVISION_LABEL).into_owned())
    };
    tags.map(pair).collect()
}

/// Deployments of istiod.
pub(crate) fn istiods(inventory: &Inventory) -> impl Iterator<Item = &Object> {
    inventory.of("apps", "Deployment").filter(|object| object.label("app") == istio::ISTIOD)
}

fn revision_of(istiod: &Object) -> String {
    let label = istiod.label(istio::REVISION_LABEL);
    if label.is_empty() { istio::DEFAULT_REVISION.to_owned() } else { label.into_owned() }
}

/// The revision whose istiod reads a ConfigMap of this name.
fn revision_of_map(name: &str) -> Option<String> {
    match name.strip_prefix("istio") {
        Some("") => Some(istio::DEFAULT_REVISION.to_owned()),
        Some(rest) => rest.strip_prefix('-').map(str::to_owned),
        None => None,
    }
}

/// The ConfigMaps of Google's managed control plane, which has no istiod in the cluster.
fn is_managed(map: &str) -> bool {
    map.starts_with("istio-asm-managed")
}

/// Whether the Service of an istiod has no selector: then it runs in another cluster.
fn is_external(inventory: &Inventory, namespace: &str, revision: &str) -> bool {
    let name = match revision {
        istio::DEFAULT_REVISION => istio::ISTIOD.to_owned(),
        revision => format!("{}-{revision}", istio::ISTIOD),
    };
    let service = inventory.get("", "Service", namespace, &name);
    service.is_some_and(|service| !service.at(&["spec", "selector"]).is_set())
}

/// The version of the newest istiod.
pub(super) fn newest_istiod(inventory: &Inventory) -> Option<Version> {
    istiods(inventory).filter_map(|istiod| version(&[istiod], Some(istiod))).max()
}

/// The version of a control plane, in the order of trust: image tag, the operator's label, labels of the chart; of what an
/// installation labels, istiod first.
pub(super) fn version(labelled: &[&Object], istiod: Option<&Object>) -> Option<Version> {
    let images =
        istiod.into_iter().flat_map(|istiod| istiod.at(&["spec", "template", "spec", "containers"]).items());
    let mut tags = images.filter_map(image_version);
    let by_label = |name: &str| labelled.iter().find_map(|object| Version::parse(&object.label(name)));
    let of_chart = || {
        let label = |object: &&Object| Version::parse(object.label("helm.sh/chart").rsplit_once('-')?.1);
        by_label("app.kubernetes.io/version").or_else(|| labelled.iter().find_map(label))
    };
    tags.next()
        .or_else(|| by_label("operator.istio.io/version"))
        // A chart that was rendered from source calls itself 1.0.0.
        .or_else(|| of_chart().filter(|found| *found != Version::new(1, 0, 0)))
}

/// The version that a container's image tells.
pub(super) fn image_version(container: Field<'_>) -> Option<Version> {
    Version::parse(ImageRef::parse(&container.get("image").text()).tag?)
}

/// The newest version among proxies: they may lag behind istiod.
fn proxy_version(inventory: &Inventory) -> Option<Version> {
    let specs = inventory.workloads().flat_map(|object| object.pod_templates().map(|pod| pod.get("spec")));
    let containers = specs.flat_map(|spec| {
        ["containers", "initContainers"].into_iter().flat_map(move |key| spec.get(key).items())
    });
    let proxies = containers.filter(|container| container.get("name").is(istio::PROXY_CONTAINER));
    proxies.filter_map(image_version).max()
}
