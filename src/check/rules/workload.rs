//! Workloads: ready, with a sidecar, and scraped once.

use serde_json::Value;

use super::super::Outcome;
use super::super::world::{Object, World, at, text};
use super::datakit::waiting;
use super::namespace::{has_sidecar, is_labelled, scrapes_sidecar};
use crate::gate::{Word, operand, text as gated};
use crate::rule::ANNOTATION;
use crate::rule::datakit::conf;

pub(super) fn workloads(world: &World, outcome: &mut Outcome) {
    let mut bare = Vec::new();
    let mut meshed = 0;
    for (workload, template) in world.applications() {
        let pod = workload.at(template);
        if world.live && !in_mesh(world, workload, pod) {
            continue;
        }
        if world.live {
            ready(world, workload, outcome);
        }
        if opted_out(pod) {
            continue;
        }
        if world.live {
            outcome.looked("sidecar");
            let pods = pods(world, workload);
            if pods.iter().any(|pod| has_sidecar(pod.at(&["spec"]))) || has_sidecar(at(pod, &["spec"])) {
                meshed += 1;
            } else if !pods.is_empty() {
                bare.push(workload);
            }
        }
        annotation(world, workload, template, pod, outcome);
    }
    if !bare.is_empty() || meshed > 0 {
        outcome.looked("injection");
    }
    if meshed == 0 && !bare.is_empty() {
        // One finding, not one a pod: nothing is injected at all.
        let message = format!("none of {} workloads in labelled namespaces has a sidecar", bare.len());
        outcome.missing(
            "injection",
            "injection",
            message,
            "is istiod's injector running? then `kubectl rollout restart` the workloads",
        );
        return;
    }
    for workload in bare {
        outcome.fail(
            "sidecar",
            workload,
            &["metadata"],
            "its pods have no sidecar",
            kubectl("rollout restart", workload),
        );
    }
}

/// A command about a workload, to be pasted.
fn kubectl(verb: &'static str, workload: &Object) -> String {
    let name = format!("{}/{}", workload.kind.to_lowercase(), workload.name);
    gated!("kubectl {} -n {} {}", verb, Word(workload.home()), operand(&name)).into_string()
}

/// Whether a workload is one of the mesh's: in a labelled namespace, with a sidecar of its own, or annotated for DataKit.
fn in_mesh(world: &World, workload: &Object, pod: &Value) -> bool {
    let labelled = world.of("", "Namespace").any(|ns| ns.name == workload.home() && is_labelled(ns));
    labelled || scrapes_sidecar(pod) || has_sidecar(at(pod, &["spec"]))
}

/// Whether its pods are not meant to have a sidecar.
fn opted_out(pod: &Value) -> bool {
    let metadata = at(pod, &["metadata"]);
    let inject = ["labels", "annotations"].map(|key| text(at(metadata, &[key, "sidecar.istio.io/inject"])));
    at(pod, &["spec", "hostNetwork"]).as_bool() == Some(true)
        || inject.iter().any(|value| value == "false")
        || text(at(metadata, &["labels", "istio.io/dataplane-mode"])) == "ambient"
}

fn pods<'w>(world: &'w World, workload: &Object) -> Vec<&'w Object> {
    let labels = workload.at(&["spec", "selector", "matchLabels"]).as_object();
    let fits = |pod: &&Object| {
        pod.home() == workload.home()
            && labels.is_some_and(|labels| {
                labels.iter().all(|(key, value)| pod.at(&["metadata", "labels"]).get(key) == Some(value))
            })
    };
    world.of("", "Pod").filter(fits).collect()
}

fn ready(world: &World, workload: &Object, outcome: &mut Outcome) {
    if !matches!(workload.kind.as_str(), "Deployment" | "StatefulSet") {
        return;
    }
    outcome.looked("workload-ready");
    let wanted = workload.at(&["spec", "replicas"]).as_u64().unwrap_or(1);
    let ready = workload.at(&["status", "readyReplicas"]).as_u64().unwrap_or(0);
    if ready < wanted {
        let why = waiting(world, workload);
        outcome.fail(
            "workload-ready",
            workload,
            &["status"],
            format!("{ready} of {wanted} pods are ready{why}"),
            kubectl("describe", workload),
        );
    }
}

fn annotation(
    world: &World,
    workload: &Object,
    template: &'static [&'static str],
    pod: &Value,
    outcome: &mut Outcome,
) {
    let own = workload.at(&["metadata", "annotations"]).get(ANNOTATION);
    let there = at(pod, &["metadata", "annotations"]).get(ANNOTATION).map(text);
    let there = there.filter(|text| !text.trim().is_empty());
    let place = [template, &["metadata", "annotations", ANNOTATION]].concat();
    let other = other_scraper(world, workload);
    if own.is_some() {
        outcome.looked("annotation-place");
        outcome.fail(
            "annotation-place",
            workload,
            &["metadata", "annotations", ANNOTATION],
            "the scrape annotation is on the workload itself, where DataKit does not look",
            "move it to the metadata of the pod template",
        );
    }
    outcome.looked("annotation");
    let Some(toml) = there else {
        if other.is_none() && own.is_none() {
            outcome.fail(
                "annotation",
                workload,
                &place,
                "nothing scrapes its sidecars",
                "meshobs patch adds the annotation",
            );
        }
        return;
    };
    if let Some(other) = other {
        outcome.fail(
            "scraped-twice",
            workload,
            &place,
            format!("its sidecars are scraped twice: by the annotation and by {other}"),
            "remove one of the two",
        );
    }
    outcome.looked("annotation-toml");
    if let Err(why) = judge(&toml) {
        outcome.fail("annotation-toml", workload, &place, why, "meshobs patch --overwrite writes a good one");
    }
}

/// Whether DataKit takes the text of an annotation.
fn judge(text: &str) -> Result<(), String> {
    let table = text.parse::<toml::Table>();
    let table = table.map_err(|error| {
        let what = error.message().lines().next().unwrap_or_default().to_owned();
        format!("the annotation is not valid TOML ({what}), so DataKit drops all of it")
    })?;
    let prom = table.get("inputs").and_then(|inputs| inputs.get("prom"));
    let Some(blocks) = prom.and_then(toml::Value::as_array) else {
        return Err("the annotation has no [[inputs.prom]], so DataKit scrapes nothing".to_owned());
    };
    for block in blocks.iter().filter_map(toml::Value::as_table) {
        if conf::urls(block).is_empty() {
            return Err("a block of the annotation has no url, so DataKit scrapes nothing for it".to_owned());
        }
        if block.contains_key("url") && block.contains_key("urls") {
            return Err(
                "a block of the annotation has url and urls, so its address is scraped twice".to_owned()
            );
        }
        match block.get("interval") {
            Some(toml::Value::Integer(_)) => {
                return Err("an interval without a unit means nanoseconds: one scrape a second".to_owned());
            }
            Some(toml::Value::String(text)) if text.chars().all(|c| c.is_ascii_digit()) => {
                return Err("an interval without a unit is refused by DataKit".to_owned());
            }
            _ => {}
        }
        if block.get("metric_types").is_some_and(|types| !types.is_array()) {
            return Err("metric_types is no list, so DataKit refuses the annotation".to_owned());
        }
    }
    Ok(())
}

/// What else scrapes the sidecars of a workload.
fn other_scraper(world: &World, workload: &Object) -> Option<&'static str> {
    for datakit in world.datakits() {
        let name = "ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_POD_ANNOTATIONS";
        if datakit.env_text(name) == "true" {
            return Some("DataKit's discovery");
        }
        let maps = world.of("", "ConfigMap").filter(|map| map.home() == datakit.object.home());
        let texts =
            maps.flat_map(|map| map.at(&["data"]).as_object().into_iter().flatten().map(|(_, v)| text(v)));
        let mut all = texts.chain([datakit.env_text("ENV_DATAKIT_INPUTS")]);
        let scraped = all.any(|text| {
            text.contains("kubernetesprometheus")
                && conf::inputs(&text).iter().any(|(name, block)| {
                    name == "kubernetesprometheus" && conf::scrapes(block, "15020", workload.home())
                })
        });
        if scraped {
            return Some("DataKit's input kubernetesprometheus");
        }
    }
    None
}
