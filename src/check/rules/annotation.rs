//! Scrape annotations: on every pod template with a sidecar, in the right place, readable, and the only thing that scrapes it.

use std::collections::HashSet;

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::{ENV_CONF, ENV_DISCOVERY, SCRAPE_ANNOTATION};
use crate::facts::istio;
use crate::mesh::scrape_annotation::{self, Miss};
use crate::mesh::{Mesh, Workload};
use crate::rule::datakit::conf;

pub(super) const CHECK: Check =
    Check { id: "annotation", section: "workloads", title: "DataKit scrapes every sidecar", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let scrapers = Scrapers::of(mesh);
    for member in &mesh.injection.members {
        let is_judged = if mesh.inventory.live { member.is_meshed() } else { true };
        if is_judged && member.has_sidecar() && !super::sidecar::is_inexact(mesh, member) {
            one(&scrapers, &member.workload, outcome);
        }
    }
}

fn one(scrapers: &Scrapers, workload: &Workload<'_>, outcome: &mut Outcome) {
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
    outcome.looked("annotation-toml");
    let blocks = match scrape_annotation::read(&toml) {
        Ok(blocks) => blocks,
        Err(why) => {
            let hint = "meshobs patch --overwrite writes a good one";
            outcome.fail("annotation-toml", object, field, why, hint);
            return;
        }
    };
    // One that is about the application alone leaves the sidecar to what else scrapes it.
    match (scrape_annotation::misses(&blocks, &status_port(workload)), other) {
        (None, Some(other)) => {
            let message = format!("its sidecars are scraped twice: by the annotation and by {other}");
            outcome.fail("scraped-twice", object, field, message, "remove one of the two");
        }
        (Some(Miss { what, right }), None) => {
            outcome.fail("annotation-target", object, field, what, right);
        }
        _ => outcome.looked("annotation-target"),
    }
}

/// The port that a workload's sidecars serve their metrics on, where its own annotation says another.
fn status_port(workload: &Workload<'_>) -> String {
    let own = workload.annotation(istio::STATUS_PORT).text();
    if own.is_empty() { istio::SIDECAR_PORT.to_owned() } else { own.into_owned() }
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
