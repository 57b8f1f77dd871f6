//! What the cluster is before anything is done: kubectl and its server, Istio, DataKit. Reads only.

use anyhow::{Context as _, bail};

use crate::check::{Object, World};
use crate::cluster::{Istioctl, Kubectl};
use crate::install::{Record, Reference};
use crate::manifest::{ImageRef, Version};

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
    pub world: World,
}

impl Running {
    /// The first DataKit among objects.
    pub(super) fn of(world: &World, record: &Record) -> Option<Self> {
        let object = world.datakits().next()?.object;
        let selector = object.at(&["spec", "selector", "matchLabels"]).as_object();
        let labels = selector
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        let is_it = |what: &Reference| {
            what.kind.starts_with("DaemonSet.") && what.name == object.name && what.namespace == object.home()
        };
        Some(Self {
            name: object.name.clone(),
            namespace: object.home().to_owned(),
            labels: labels.collect(),
            ours: record.created.iter().any(is_it),
        })
    }
}

/// kubectl is there, new enough, and reaches a cluster.
pub(super) fn preflight(kubectl: &Kubectl) -> anyhow::Result<()> {
    let text = kubectl.output(&["version", "--client", "-o", "json"])?;
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let version = value.pointer("/clientVersion/gitVersion").and_then(|version| version.as_str());
    let version = version.and_then(Version::parse).context("kubectl does not tell its version")?;
    if version < OLDEST_KUBECTL {
        bail!("kubectl {version} is too old; {OLDEST_KUBECTL} or later is needed");
    }
    kubectl.reach()?;
    Ok(())
}

/// Looks at the cluster.
pub(super) fn look(kubectl: &Kubectl, istio_namespace: &str, record: &Record) -> anyhow::Result<Found> {
    let world = kubectl.world()?;
    let label = |object: &&Object| object.text(&["metadata", "labels", "app"]);
    let istiods: Vec<_> = world.of("apps", "Deployment").filter(|object| label(object) == "istiod").collect();
    let image = |object: &&Object| object.text(&["spec", "template", "spec", "containers", "0", "image"]);
    let mut istio =
        istiods.iter().filter_map(|object| Version::parse(ImageRef::parse(&image(object)).tag?)).min();
    let istioctl = if istiods.is_empty() { Istioctl::find() } else { None };
    if istiods.is_empty() {
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
    Ok(Found { istio, istioctl, gateways, zipkin, datakit, world })
}
