//! Which collectors a DataKit lacks: decided from the survey alone, so that its DaemonSet and its ConfigMap, which may be
//! in different documents, come to the same answer.

use super::conf::{self, Conf};
use super::{Collector, DatakitSettings};
use crate::facts::datakit::{ENV_CONF, KUBERNETES_PROMETHEUS, zipkin_input};
use crate::facts::{Version, istio};
use crate::survey::{ConfigMap, Datakit, Survey};

/// What is to become of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its key is to be added.
    Add,
    /// Its key is there and says the same.
    There,
    /// Its key is there and says something else.
    Differs,
    /// It must not be added: something else does the same.
    Elsewhere(String),
    /// It cannot be added.
    Blocked(String),
}

/// A file and what is to become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The file.
    pub conf: Conf,
    /// What is to become of it.
    pub fate: Fate,
}

/// All files of a DataKit.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// The files, in order.
    pub wires: Vec<Wire>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

impl Wiring {
    /// Whether a key is to be added.
    #[must_use]
    pub fn adds(&self) -> bool {
        self.wires.iter().any(|wire| wire.fate == Fate::Add)
    }

    /// The ConfigMap's texts as they will be.
    #[must_use]
    pub fn outcome(&self, map: Option<&ConfigMap>, overwrite: bool) -> Vec<(String, String)> {
        let mut data = map.map(|map| map.data.clone()).unwrap_or_default();
        for Wire { conf, fate } in &self.wires {
            match (fate, data.iter_mut().find(|(key, _)| key == conf.key)) {
                (Fate::Add, None) => data.push((conf.key.to_owned(), conf.text.clone())),
                (Fate::Differs, Some((_, text))) if overwrite => text.clone_from(&conf.text),
                _ => {}
            }
        }
        data.sort();
        data
    }
}

/// Something that configures inputs already: what it is called, and its blocks.
type Source = (String, Vec<(String, toml::Table)>);

/// Decides about a DataKit's files.
#[must_use]
pub fn wire(settings: &DatakitSettings, survey: &Survey, datakit: &Datakit) -> Wiring {
    let version = settings.version(datakit);
    let map = survey.config_map_of(datakit);
    let mut notes = Vec::new();
    let read = |key: &String| datakit.mounted_whole || datakit.mounted.contains(key);
    let mut sources: Vec<Source> = Vec::new();
    for (key, text) in map.map(|map| map.data.as_slice()).unwrap_or_default() {
        if read(key) {
            sources.push((key.clone(), conf::inputs(text)));
        }
    }
    sources.push((ENV_CONF.to_owned(), conf::inputs(&datakit.inputs_env)));
    let zipkin = zipkin_input(version);
    let mut enabled = datakit.enabled.clone();
    enabled.extend(settings.enable_inputs.iter().cloned());

    let mut wires = Vec::new();
    for conf in wanted(settings, version, &sources) {
        let others = sources.iter().filter(|(name, _)| name != conf.key);
        let same = |blocks: &[(String, toml::Table)]| {
            blocks.iter().any(|(name, block)| match &conf.url {
                Some(url) => {
                    (name == "prom" && conf::urls(block).contains(&url.as_str()))
                        || (name == "kubernetesprometheus" && covers(block, &conf, settings))
                }
                None => name == conf.input,
            })
        };
        let elsewhere = others.into_iter().find(|(_, blocks)| same(blocks)).map(|(name, _)| name.clone());
        let text = map.and_then(|map| map.data.iter().find(|(key, _)| key == conf.key)).map(|(_, text)| text);
        let listed = conf.input == zipkin && enabled.iter().any(|name| name == zipkin);
        let there = text.is_some() && read(&conf.key.to_owned());
        let fate = if settings.collector == Collector::Env {
            // It goes into the environment, unless a file has it.
            match elsewhere.filter(|name| name != ENV_CONF) {
                Some(name) => Fate::Elsewhere(format!("`{name}` configures {} already", conf.key)),
                None if there => Fate::There,
                None if listed => Fate::Elsewhere(listed_already(zipkin)),
                None => Fate::Add,
            }
        } else if let Some(name) = elsewhere {
            Fate::Elsewhere(format!("{name} does the same as {}, which would do it twice", conf.key))
        } else if listed {
            if there {
                notes.push(format!(
                    "`{zipkin}` is among the enabled inputs and in {}: configured twice, remove one of the two",
                    conf.key
                ));
                Fate::There
            } else {
                Fate::Elsewhere(listed_already(zipkin))
            }
        } else if datakit.discovers && conf.input == "prom" {
            Fate::Elsewhere(format!(
                "discovery by prometheus.io annotations is on and scrapes what {} would",
                conf.key
            ))
        } else {
            match fate(map, &conf, text) {
                Fate::Differs if settings.keeps_files => Fate::There,
                fate => fate,
            }
        };
        let old = version.is_some_and(|version| version < KUBERNETES_PROMETHEUS);
        let fate = match conf::check(&conf.text, version) {
            Ok(()) => fate,
            Err(_) if old && settings.collector == Collector::Kubernetesprometheus => Fate::Blocked(
                "DataKit before 1.34 has no input kubernetesprometheus; use --collector configmap".to_owned(),
            ),
            Err(error) => Fate::Blocked(format!("{} cannot be written for this DataKit: {error}", conf.key)),
        };
        wires.push(Wire { conf, fate });
    }
    for name in disabled(&enabled, zipkin) {
        notes.push(format!(
            "`-{name}` among the enabled inputs switches {name} off even where a file configures it; remove that"
        ));
    }
    Wiring { wires, notes }
}

fn listed_already(zipkin: &str) -> String {
    format!("`{zipkin}` is among the enabled inputs already, so zipkin.conf is left out")
}

/// The inputs that are switched off, of those that are needed.
fn disabled<'a>(enabled: &[String], zipkin: &'a str) -> Vec<&'a str> {
    let off = |name: &&str| enabled.iter().any(|entry| entry.strip_prefix('-') == Some(name));
    [zipkin, "prom"].into_iter().filter(off).collect()
}

/// The files that the settings ask for.
fn wanted(settings: &DatakitSettings, version: Option<Version>, sources: &[Source]) -> Vec<Conf> {
    let mut all = vec![conf::zipkin(version)];
    let istiod = conf::istiod(settings, version);
    match settings.collector {
        Collector::Configmap | Collector::Env => {
            all.push(istiod);
            if settings.gateways {
                all.extend(conf::gateways(settings, version));
            }
        }
        Collector::Kubernetesprometheus => {
            let url = istiod.url.unwrap_or_default();
            let scraped = sources
                .iter()
                .flat_map(|(_, blocks)| blocks)
                .any(|(name, block)| name == "prom" && conf::urls(block).contains(&url.as_str()));
            all.push(conf::kubernetes_prometheus(settings, !scraped));
        }
    }
    all
}

/// Whether an instance of the newer collector scrapes what a file would.
fn covers(block: &toml::Table, conf: &Conf, settings: &DatakitSettings) -> bool {
    let port = if conf.key == "prom_istiod.conf" { istio::ISTIOD_PORT } else { istio::SIDECAR_PORT };
    conf::scrapes(block, port, &settings.istio_namespace)
}

fn fate(map: Option<&ConfigMap>, conf: &Conf, text: Option<&String>) -> Fate {
    let Some(map) = map else { return Fate::Add };
    match text {
        Some(text) if conf::same(text, &conf.text) => Fate::There,
        Some(_) => Fate::Differs,
        None if map.binary.iter().any(|key| key == conf.key) => Fate::Blocked(format!(
            "`{}` of ConfigMap `{}` is binary data, so DataKit's file cannot be added; remove it",
            conf.key, map.name
        )),
        None if map.immutable => Fate::Blocked(format!(
            "ConfigMap `{}` is immutable, so {} cannot be added; remove this, and give the ConfigMap a new name if the \
             cluster has it already",
            map.name, conf.key
        )),
        None => Fate::Add,
    }
}
