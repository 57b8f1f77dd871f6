//! Resources: the parts of a document that have a kind and metadata, also as items of a list.

use std::collections::HashSet;

use crate::yaml::{At, Document, NodeId};

/// A Kubernetes object as it stands in a document.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its mapping.
    pub at: At,
    /// As written, for example `apps/v1`.
    pub api_version: String,
    /// As written, for example `Deployment`.
    pub kind: String,
    /// `metadata.name`, else `metadata.generateName`, else empty.
    pub name: String,
    /// `metadata.namespace`, unless there is none or it is empty.
    pub namespace: Option<String>,
}

impl Resource {
    /// The API group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// `kind/name` as kubectl prints it. Both are the file's words: show it through the gate.
    #[must_use]
    pub fn title(&self) -> String {
        let name = if self.name.is_empty() { "(no name)" } else { &self.name };
        format!("{}/{name}", self.kind.to_lowercase())
    }
}

/// What a document (or an item of a list) turned out to be.
#[derive(Clone, Debug)]
pub enum Item {
    /// A resource.
    Resource(Resource),
    /// Has kind and metadata but no apiVersion, so that nobody can know what it is.
    NoApiVersion(Resource),
    /// Has apiVersion and kind, but is read by a client and never sent to a cluster.
    ClientSide(Resource),
    /// Not a Kubernetes object.
    Other(At),
}

/// The items of a document, lists opened.
#[must_use]
pub fn items(doc: &Document<'_>, root: At) -> Vec<Item> {
    let mut found = Vec::new();
    collect(doc, root, 0, ("", ""), &mut HashSet::new(), &mut found);
    found
}

/// Items of a typed list (`DeploymentList`) may leave out what the list says: `list` is its apiVersion and their kind.
fn collect(
    doc: &Document<'_>,
    at: At,
    depth: usize,
    list: (&str, &str),
    seen: &mut HashSet<NodeId>,
    found: &mut Vec<Item>,
) {
    // What aliases lead to is looked at once: lists of lists of aliases grow beyond all bounds.
    if at.shared.is_some() && !seen.insert(at.node) {
        return;
    }
    const LISTS_IN_LISTS: usize = 4;
    let text = |key: &str| doc.str_at(at, key).unwrap_or_default().into_owned();
    let (mut kind, mut api_version) = (text("kind"), text("apiVersion"));
    if let Some(item_kind) = kind.strip_suffix("List")
        && depth < LISTS_IN_LISTS
        && let Some(items) = doc.get(at, "items")
        && doc.kind(items.node).is_sequence()
    {
        for item in doc.items(items) {
            collect(doc, item, depth + 1, (&api_version, item_kind), seen, found);
        }
        return;
    }
    if kind.is_empty() && api_version.is_empty() {
        (api_version, kind) = (list.0.to_owned(), list.1.to_owned());
    }
    let metadata = doc.get(at, "metadata").filter(|at| doc.kind(at.node).is_mapping());
    let text = |key: &str| {
        let value = metadata.and_then(|at| doc.str_at(at, key)).unwrap_or_default();
        (!value.is_empty()).then(|| value.into_owned())
    };
    let resource = Resource {
        at,
        name: text("name").or_else(|| text("generateName")).unwrap_or_default(),
        namespace: text("namespace"),
        api_version,
        kind,
    };
    // What people feed to istioctl often has no metadata.
    let operator = resource.kind == "IstioOperator" && resource.group() == "install.istio.io";
    found.push(if operator {
        Item::ClientSide(resource)
    } else if resource.kind.is_empty() || metadata.is_none() {
        Item::Other(at)
    } else if resource.api_version.is_empty() {
        Item::NoApiVersion(resource)
    } else if is_client_side(resource.group(), &resource.api_version, &resource.kind)
        || metadata.is_some_and(|metadata| is_local(doc, metadata))
    {
        Item::ClientSide(resource)
    } else {
        Item::Resource(resource)
    });
}

/// Whether annotations keep an object out of the cluster, as kustomize and kpt read them: local configuration, and
/// configuration of a function.
fn is_local(doc: &Document<'_>, metadata: At) -> bool {
    let Some(annotations) = doc.get(metadata, "annotations") else { return false };
    let is_function = |key: &str| doc.get(annotations, key).is_some();
    let local = doc.get(annotations, "config.kubernetes.io/local-config");
    local.is_some_and(|at| !doc.is(at.node, "false"))
        || ["config.kubernetes.io/function", "config.k8s.io/function"].into_iter().any(is_function)
}

/// Whether a document is a ResourceList, which orchestrators hand to KRM functions.
pub(crate) fn is_resource_list(doc: &Document<'_>, root: At) -> bool {
    doc.str_at(root, "kind").is_some_and(|kind| kind == "ResourceList")
        && doc.str_at(root, "apiVersion").is_some_and(|version| version.starts_with("config.kubernetes.io/"))
}

/// The functionConfig of a document, where it is a ResourceList that has one.
pub(crate) fn function_config(doc: &Document<'_>, root: At) -> Option<At> {
    let config = doc.get(root, "functionConfig")?;
    (is_resource_list(doc, root) && !doc.is_null(config.node)).then_some(config)
}

/// Kinds that programs on the client read from files: kustomize and its built-in plugins, kubectl, kubeadm, the kubelet,
/// istioctl, kind, meshobs.
fn is_client_side(group: &str, api_version: &str, kind: &str) -> bool {
    matches!(
        group,
        "kustomize.config.k8s.io"
            | "config.kubernetes.io"
            | "kubeadm.k8s.io"
            | "kubelet.config.k8s.io"
            | "kubeproxy.config.k8s.io"
            | "kubescheduler.config.k8s.io"
            | "kubecontrollermanager.config.k8s.io"
            | "apiserver.config.k8s.io"
            | "apiserver.k8s.io"
            | "audit.k8s.io"
            | "client.authentication.k8s.io"
            | "credentialprovider.kubelet.k8s.io"
            | "kubectl.config.k8s.io"
            | "release-notes"
            | "kind.x-k8s.io"
            | "k3d.io"
            | "eksctl.io"
            | "fn.kpt.dev"
            | "kpt.dev"
            | "meshobs"
            | "skaffold"
    ) || (api_version, kind) == ("v1", "Config")
        || api_version == "builtin"
        || matches!(kind, "ConformanceReport" | "ClientConfig")
}
