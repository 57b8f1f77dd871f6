//! Scrape annotations: on every pod template with a sidecar, in the right place, readable, and the only thing that scrapes it.

use std::collections::HashSet;

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::{ENV_CONF, ENV_DISCOVERY, SCRAPE_ANNOTATION};
use crate::facts::istio;
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
