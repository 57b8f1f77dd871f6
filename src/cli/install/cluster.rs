//! What the cluster is before anything is done: kubectl and its server, Istio, DataKit. Reads only.

use anyhow::{Context as _, anyhow, bail};

use crate::cluster::{Istioctl, Kubectl};
use crate::config::{Part, Parts};
use crate::facts::Version;
use crate::install::{Record, Reference, rebuild};
use crate::kube::{ImageRef, Inventory, Object};
use crate::mesh::Mesh;
use crate::rule::LABEL;

/// The oldest kubectl that knows all that is asked of it (`get --show-managed-fields`, `delete --cascade=foreground`).
const OLDEST_KUBECTL: Version = Version::new(1, 21, 0);

/// A DataKit that others made: in the cluster, or among the manifests.
pub(super) struct Running {
    pub name: String,
    pub namespace: String,
    /// The labels of its pods.
    pub labels: Vec<(String, String)>,
    /// Whether an installation made it.
    pub ours: bool,
}

/// What the cluster is.
pub(super) struct Found {
    /// Istio's version: of the oldest istiod, or of what istioctl is about to install.
    pub istio: Option<Version>,
    /// The istioctl that puts Istio in, where there is none.
    pub istioctl: Option<Istioctl>,
    pub gateways: bool,
    /// Whether a Service `zipkin` is there that is no alias of DataKit's.
    pub zipkin: bool,
    pub datakit: Option<Running>,
    /// Whether an installation changed the mesh configuration before.
    pub mesh_changed: bool,
    pub world: Inventory,
}

impl Running {
    /// The first DataKit among objects.
    pub(super) fn of(world: &Inventory, record: &Record) -> Option<Self> {
        let object = Mesh::of(world).datakits.first()?.object;
        let selector = object.at(&["spec", "selector", "matchLabels"]).entries();
        let labels = selector.map(|(key, value)| (key.into_owned(), value.text().into_owned()));
        let is_it = |what: &Reference| {
            what.kind.starts_with("DaemonSet.")
                && what.name == object.name()
                && what.namespace == object.namespace()
        };
        Some(Self {
            name: object.name().to_owned(),
            namespace: object.namespace().to_owned(),
            labels: labels.collect(),
            ours: record.created().any(is_it) || has_label(object),
        })
    }

    /// Whether an object is its DaemonSet.
    pub(super) fn is(&self, object: &Object) -> bool {
        object.kind() == "DaemonSet" && object.name() == self.name && object.namespace() == self.namespace
    }
}

/// Whether an object has the label of what is installed.
pub(super) fn has_label(object: &Object) -> bool {
    !object.label(LABEL).is_empty()
}

/// kubectl is there, and new enough.
pub(super) fn preflight(kubectl: &Kubectl) -> anyhow::Result<()> {
    let text = kubectl.output(&["version", "--client", "-o", "json"])?;
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let version = value.pointer("/clientVersion/gitVersion").and_then(|version| version.as_str());
    let version = version.and_then(Version::parse).context("kubectl does not tell its version")?;
    if version < OLDEST_KUBECTL {
        bail!("kubectl {version} is too old; {OLDEST_KUBECTL} or later is needed");
    }
    Ok(())
}

/// Looks at the cluster as it was read. A record that was lost is found again.
pub(super) fn look(
    kubectl: &Kubectl,
    world: Inventory,
    (istio_namespace, parts): (&str, Parts),
    record: &mut Record,
) -> anyhow::Result<Found> {
    if record.is_empty() && world.objects().iter().any(has_label) {
        record.create_somewhere(rebuild(kubectl).map_err(|error| anyhow!("{error}"))?.created);
    }
    let label = |object: &&Object| object.label("app").into_owned();
    let istiods: Vec<_> = world.of("apps", "Deployment").filter(|object| label(object) == "istiod").collect();
    let image =
        |object: &Object| object.text(&["spec", "template", "spec", "containers", "0", "image"]).into_owned();
    let mut istio =
        istiods.iter().filter_map(|object| Version::parse(ImageRef::parse(&image(object)).tag?)).min();
    let needs_mesh = [Part::Tracing, Part::Namespace, Part::Gateways].iter().any(|part| parts.has(*part));
    let lacks_mesh = needs_mesh && istiods.is_empty();
    let istioctl = if lacks_mesh { Istioctl::find() } else { None };
    if lacks_mesh {
        let Some(istioctl) = istioctl else {
            bail!(
                "no istiod in the cluster, and no istioctl here that could install it; put istioctl on the PATH, or install \
                 Istio first: `istioctl install --set profile=demo`"
            );
        };
        istio = Some(istioctl.version);
    }
    let gateways = istioctl.is_some()
        || world.of("apps", "Deployment").any(|object| label(&object).starts_with("istio-ingressgateway"));
    let zipkin = world.get("", "Service", istio_namespace, "zipkin");
    let zipkin = zipkin
        .is_some_and(|service| !service.text(&["spec", "externalName"]).starts_with("datakit-service-ext."));
    let datakit = Running::of(&world, record);
    let mesh = |what: &Reference| what.kind == "ConfigMap" && what.namespace == istio_namespace;
    let mesh_changed = record.changed().any(|changed| mesh(&changed.object));
    Ok(Found { istio, istioctl, gateways, zipkin, datakit, mesh_changed, world })
}
