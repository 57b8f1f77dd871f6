//! What a run leaves as the cluster has it: a setting that nobody named in this run takes its value from there, so that
//! installing a second application, or one once more, takes nothing from what is installed.

use std::collections::BTreeMap;

use super::cluster::{Found, Running};
use crate::config::{Options, Settings};
use crate::facts::datakit::ENV_DATAWAY;
use crate::facts::istio::SIDECAR_PORT;
use crate::kube::{Inventory, Object};
use crate::mesh::{Datakit, Mesh};
use crate::rule::datakit::conf;
use crate::rule::{ANNOTATION, Collector, RumSettings, Workload};

/// The key of the file that the newer collector is configured by.
const KUBERNETES_PROMETHEUS: &str = "kubernetesprometheus.conf";

/// Which settings flags, environment or file name, of those that have a default.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    collector: bool,
    metrics: bool,
    /// Something else that the texts of DataKit's files are made of.
    files: bool,
}

impl Named {
    /// What options name.
    pub(super) fn of(options: &Options) -> Self {
        let (datakit, tracing) = (&options.datakit, &options.tracing);
        Self {
            collector: datakit.collector.is_some(),
            metrics: !options.metrics.is_empty(),
            files: datakit.image.is_some()
                || datakit.version.is_some()
                || tracing.istio_namespace.is_some()
                || tracing.revision.is_some(),
        }
    }
}

/// Gives settings that nobody named the values that the cluster has.
pub(super) fn keep(settings: &mut Settings, named: Named, found: &Found) {
    if settings.tracing.sampling.is_none() {
        settings.tracing.sampling =
            telemetry(found, &settings.tracing.istio_namespace).and_then(|telemetry| {
                telemetry.text(&["spec", "tracing", "0", "randomSamplingPercentage"]).parse().ok()
            });
    }
    if !named.metrics {
        settings.metrics.kept = annotations(&found.world);
    }
    let Some(there) = found.datakit.as_ref().filter(|there| there.ours) else { return };
    settings.datakit.keeps_files = !named.metrics && !named.files;
    let file = newer_collector(&found.world, there);
    if let Some(file) = &file {
        let scrapes = |namespace: &str| {
            conf::inputs(file).iter().any(|(_, block)| conf::scrapes(block, SIDECAR_PORT, namespace))
        };
        // Gateways that the file lacks get files of their own: it stays as it is.
        let lacks = settings.datakit.gateways && !scrapes(&settings.tracing.istio_namespace);
        if !named.collector && !lacks {
            settings.datakit.collector = Collector::Kubernetesprometheus;
        }
        let covered = scrapes(&settings.namespace.name);
        // A file for this namespace alone would take the others' place.
        settings.datakit.keeps_files |= !covered;
        settings.metrics.elsewhere = covered;
    } else if !named.collector && collects_by_environment(&found.world, there) {
        settings.datakit.collector = Collector::Env;
    }
    keep_secret(settings, there, &found.world);
}

/// The Telemetry that leads spans to DataKit, where it is there already.
pub(super) fn telemetry<'f>(found: &'f Found, istio_namespace: &str) -> Option<&'f Object> {
    let telemetry = found.world.get("telemetry.istio.io", "Telemetry", istio_namespace, "mesh-default")?;
    let provider = telemetry.text(&["spec", "tracing", "0", "providers", "0", "name"]);
    (provider == crate::rule::PROVIDER).then_some(telemetry)
}

/// Workloads whose pods have a page with browser monitoring mounted, and the settings that mount it.
pub(super) fn pages(world: &Inventory, settings: &RumSettings) -> Vec<(Workload, RumSettings)> {
    let found = Mesh::of(world).applications.into_iter().filter_map(|found| {
        let mut volumes = found.spec().get("volumes").items();
        let volume = volumes.find(|volume| volume.get("name").is(crate::rule::PAGE_VOLUME))?;
        let config_map = volume.at(&["configMap", "name"]).scalar()?.into_owned();
        Some((workload(found.object), RumSettings { config_map, ..settings.clone() }))
    });
    found.collect()
}

fn workload(object: &Object) -> Workload {
    Workload {
        kind: object.kind().to_owned(),
        namespace: object.namespace().to_owned(),
        name: object.name().to_owned(),
    }
}

/// The scrape annotations of workloads.
fn annotations(world: &Inventory) -> BTreeMap<Workload, String> {
    let found = Mesh::of(world).applications.into_iter().filter_map(|found| {
        let text = found.annotation(ANNOTATION).text();
        (!text.trim().is_empty()).then(|| (workload(found.object), text.into_owned()))
    });
    found.collect()
}

/// The file of the newer collector that a DataKit has.
fn newer_collector(world: &Inventory, there: &Running) -> Option<String> {
    let maps = world.of("", "ConfigMap").filter(|map| map.namespace() == there.namespace);
    let mut texts = maps.map(|map| map.text(&["data", KUBERNETES_PROMETHEUS]));
    texts.find(|text| !conf::inputs(text).is_empty()).map(|text| text.into_owned())
}

/// The DataKit that runs.
fn datakit<'w>(world: &'w Inventory, there: &Running) -> Option<Datakit<'w>> {
    Mesh::of(world).datakits.into_iter().find(|datakit| there.is(datakit.object))
}

/// Whether a DataKit has collectors in its environment.
fn collects_by_environment(world: &Inventory, there: &Running) -> bool {
    datakit(world, there)
        .is_some_and(|datakit| !conf::inputs(datakit.env_text("ENV_DATAKIT_INPUTS")).is_empty())
}

/// An address that comes from a Secret stays there.
fn keep_secret(settings: &mut Settings, there: &Running, world: &Inventory) {
    let Some(var) = datakit(world, there).and_then(|datakit| datakit.env(ENV_DATAWAY)) else { return };
    let Some(secret) = var.at(&["valueFrom", "secretKeyRef", "name"]).scalar() else { return };
    if settings.datakit.token_secret.as_deref().is_none_or(|name| name == secret) {
        settings.datakit.token_secret = Some(secret.into_owned());
    }
}
