//! What a run leaves as the cluster has it: a setting that nobody named in this run takes its value from there, so that
//! installing a second application, or one once more, takes nothing from what is installed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cluster::{Found, Running};
use crate::check::{Object, World};
use crate::config::{Options, Settings};
use crate::manifest::datakit::ENV_DATAWAY;
use crate::rule::datakit::conf;
use crate::rule::{ANNOTATION, Collector, RumSettings, Workload};

/// The port of a sidecar that its metrics are scraped from.
const SIDECAR_PORT: &str = "15020";

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
                telemetry.at(&["spec", "tracing", "0", "randomSamplingPercentage"]).as_f64()
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
pub(super) fn pages(world: &World, settings: &RumSettings) -> Vec<(Workload, RumSettings)> {
    let found = world.applications().filter_map(|(object, template)| {
        let spec = object.at(&[template, &["spec", "volumes"]].concat()).as_array()?;
        let volume = spec
            .iter()
            .find(|volume| volume.get("name").is_some_and(|name| name == crate::rule::PAGE_VOLUME))?;
        let config_map = volume.pointer("/configMap/name")?.as_str()?.to_owned();
        Some((workload(object), RumSettings { config_map, ..settings.clone() }))
    });
    found.collect()
}

fn workload(object: &Object) -> Workload {
    Workload { kind: object.kind.clone(), namespace: object.home().to_owned(), name: object.name.clone() }
}

/// The scrape annotations of workloads.
fn annotations(world: &World) -> BTreeMap<Workload, String> {
    let found = world.applications().filter_map(|(object, template)| {
        let text = object.text(&[template, &["metadata", "annotations", ANNOTATION]].concat());
        (!text.trim().is_empty()).then(|| (workload(object), text))
    });
    found.collect()
}

/// The file of the newer collector that a DataKit has.
fn newer_collector(world: &World, there: &Running) -> Option<String> {
    let maps = world.of("", "ConfigMap").filter(|map| map.home() == there.namespace);
    let texts = maps.map(|map| map.text(&["data", KUBERNETES_PROMETHEUS]));
    texts.into_iter().find(|text| !conf::inputs(text).is_empty())
}

/// Whether a DataKit has collectors in its environment.
fn collects_by_environment(world: &World, there: &Running) -> bool {
    let found = world.datakits().find(|datakit| there.is(datakit.object));
    found.is_some_and(|datakit| !conf::inputs(&datakit.env_text("ENV_DATAKIT_INPUTS")).is_empty())
}

/// An address that comes from a Secret stays there.
fn keep_secret(settings: &mut Settings, there: &Running, world: &World) {
    let Some(datakit) = world.datakits().find(|datakit| there.is(datakit.object)) else { return };
    let Some((_, var)) = datakit.env(ENV_DATAWAY) else { return };
    let secret = var.pointer("/valueFrom/secretKeyRef/name").and_then(Value::as_str);
    if secret.is_some() && settings.datakit.token_secret.as_deref().is_none_or(|name| Some(name) == secret) {
        settings.datakit.token_secret = secret.map(str::to_owned);
    }
}
