//! Workloads: ready, with a sidecar, and scraped once.

use std::collections::HashSet;

use super::namespace::{has_sidecar, is_labelled, scrapes_sidecar};
use crate::check::Outcome;
use crate::facts::datakit::{ENV_CONF, ENV_DISCOVERY, SCRAPE_ANNOTATION};
use crate::facts::istio;
use crate::gate::{Word, operand, text};
use crate::kube::{Object, Selector};
use crate::mesh::{Mesh, Workload};
use crate::rule::datakit::conf;

pub(super) fn workloads(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let live = mesh.inventory.live;
    let labelled: HashSet<&str> =
        mesh.inventory.of("", "Namespace").filter(|ns| is_labelled(ns)).map(Object::name).collect();
    let scrapers = Scrapers::of(mesh);
    let mut bare = Vec::new();
    let mut meshed = 0;
    for workload in &mesh.applications {
        if live && !in_mesh(&labelled, workload) {
            continue;
        }
        if live {
            ready(mesh, workload.object, outcome);
        }
        if opted_out(workload) {
            continue;
        }
        if live {
            outcome.looked("sidecar");
            let pods = pods(mesh, workload.object);
            if pods.iter().any(|pod| has_sidecar(pod.at(&["spec"]))) || has_sidecar(workload.spec()) {
                meshed += 1;
            } else if !pods.is_empty() {
                bare.push(workload.object);
            }
        }
        annotation(&scrapers, workload, outcome);
    }
    sidecars(&bare, meshed, outcome);
}

fn sidecars(bare: &[&Object], meshed: usize, outcome: &mut Outcome) {
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
            workload.at(&["metadata"]),
            "its pods have no sidecar",
            kubectl("rollout restart", workload),
        );
    }
}

/// A command about a workload, to be pasted.
fn kubectl(verb: &'static str, workload: &Object) -> String {
    text!("kubectl {} -n {} {}", verb, Word(workload.namespace()), operand(&workload.reference()))
        .into_string()
}

/// Whether a workload is one of the mesh's: in a labelled namespace, with a sidecar of its own, or annotated for DataKit.
fn in_mesh(labelled: &HashSet<&str>, workload: &Workload<'_>) -> bool {
    labelled.contains(workload.object.namespace())
        || scrapes_sidecar(workload.template)
        || has_sidecar(workload.spec())
}

/// Whether its pods are not meant to have a sidecar.
fn opted_out(workload: &Workload<'_>) -> bool {
    workload.spec().get("hostNetwork").is_true()
        || workload.labels().get(istio::INJECT).is("false")
        || workload.annotation(istio::INJECT).is("false")
        || workload.labels().get(istio::DATAPLANE_LABEL).is("ambient")
}

fn pods<'i>(mesh: &Mesh<'i>, workload: &Object) -> Vec<&'i Object> {
    let selector = Selector::of(workload.at(&["spec", "selector"]));
    mesh.inventory.pods(workload.namespace(), &selector)
}

/// Why pods of a workload wait, for a message.
pub(in crate::check) fn waiting(mesh: &Mesh<'_>, workload: &Object) -> String {
    for pod in pods(mesh, workload) {
        for status in pod.at(&["status", "containerStatuses"]).items() {
            let reason = status.at(&["state", "waiting", "reason"]).text();
            if !reason.is_empty() {
                return format!(" ({}: {reason})", pod.name());
            }
        }
    }
    String::new()
}

fn ready(mesh: &Mesh<'_>, workload: &Object, outcome: &mut Outcome) {
    if !matches!(workload.kind(), "Deployment" | "StatefulSet") {
        return;
    }
    outcome.looked("workload-ready");
    let wanted = workload.at(&["spec", "replicas"]).number().unwrap_or(1);
    let ready = workload.at(&["status", "readyReplicas"]).number().unwrap_or(0);
    if ready < wanted {
        let why = waiting(mesh, workload);
        outcome.fail(
            "workload-ready",
            workload,
            workload.at(&["status"]),
            format!("{ready} of {wanted} pods are ready{why}"),
            kubectl("describe", workload),
        );
    }
}

fn annotation(scrapers: &Scrapers, workload: &Workload<'_>, outcome: &mut Outcome) {
    let object = workload.object;
    let own = object.annotation(SCRAPE_ANNOTATION);
    let misplaced = own.exists() && object.kind() != "Pod";
    let field = workload.annotation(SCRAPE_ANNOTATION);
    let there = field.scalar().filter(|text| !text.trim().is_empty());
    let other = scrapers.of_namespace(object.namespace());
    if misplaced {
        outcome.fail(
            "annotation-place",
            object,
            own,
            "the scrape annotation is on the workload itself, where DataKit does not look",
            "move it to the metadata of the pod template",
        );
    }
    outcome.looked("annotation");
    let Some(toml) = there else {
        if other.is_none() && !misplaced {
            outcome.fail(
                "annotation",
                object,
                field,
                "nothing scrapes its sidecars",
                "meshobs patch adds the annotation",
            );
        }
        return;
    };
    if let Some(other) = other {
        let message = format!("its sidecars are scraped twice: by the annotation and by {other}");
        outcome.fail("scraped-twice", object, field, message, "remove one of the two");
    }
    outcome.looked("annotation-toml");
    if let Err(why) = judge(&toml) {
        outcome.fail("annotation-toml", object, field, why, "meshobs patch --overwrite writes a good one");
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

/// What scrapes sidecars without an annotation of theirs.
struct Scrapers {
    discovers: bool,
    /// Blocks of `kubernetesprometheus`.
    blocks: Vec<toml::Table>,
}

impl Scrapers {
    fn of(mesh: &Mesh<'_>) -> Self {
        let discovers = mesh.datakits.iter().any(|datakit| datakit.env_text(ENV_DISCOVERY) == "true");
        let homes: HashSet<&str> = mesh.datakits.iter().map(|datakit| datakit.object.namespace()).collect();
        let maps = mesh.inventory.of("", "ConfigMap").filter(|map| homes.contains(map.namespace()));
        let texts = maps.flat_map(|map| map.at(&["data"]).entries().map(|(_, text)| text.text()));
        let texts = texts.chain(mesh.datakits.iter().map(|datakit| datakit.env_text(ENV_CONF).into()));
        let texts = texts.filter(|text| text.contains("kubernetesprometheus"));
        let blocks = texts.flat_map(|text| conf::inputs(&text));
        let blocks = blocks.filter(|(name, _)| name == "kubernetesprometheus").map(|(_, block)| block);
        Self { discovers, blocks: blocks.collect() }
    }

    fn of_namespace(&self, namespace: &str) -> Option<&'static str> {
        if self.discovers {
            return Some("DataKit's discovery");
        }
        let scraped = self.blocks.iter().any(|block| conf::scrapes(block, istio::SIDECAR_PORT, namespace));
        scraped.then_some("DataKit's input kubernetesprometheus")
    }
}
