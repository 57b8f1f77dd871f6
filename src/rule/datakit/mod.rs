//! DataKit itself: the address it uploads to, the collectors it needs, and their mounts.
//!
//! Edits a DaemonSet that runs DataKit, the ConfigMap that its configuration comes from, and a Secret where its address
//! is to be in one; adds those two where the inputs lack them. Facts are from DataKit's source, releases 1.1.7 to 1.84.0.

pub mod conf;
pub mod dataway;
mod env;
mod environment;
mod find;
mod mount;
mod upload;
mod warn;
mod wiring;

use sha2::{Digest as _, Sha256};

use super::metrics::MetricsSettings;
use super::{Found as FoundValues, NewResource, Outcome, Rule, RumSettings, Target};
use crate::facts::Version;
use crate::mesh::daemon::{CHECKSUM, Daemon};
use crate::secret::Token;
use crate::survey::{ConfigMap, Datakit as Found};
use crate::yaml::{At, Changes, Place, Refusal, Value};

use env::Env;
use wiring::{Fate, Wire, Wiring, wire};

/// How DataKit is told what to collect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Collector {
    /// Files in the ConfigMap, mounted one by one: every version
    #[default]
    Configmap,
    /// One environment variable, no ConfigMap and no mounts: DataKit 1.23 and later
    Env,
    /// DataKit's newer collector for pods and istiod, without annotations on pods: DataKit 1.34 and later
    Kubernetesprometheus,
}

/// Settings of the rule.
#[derive(Clone, Debug, PartialEq)]
pub struct DatakitSettings {
    /// The token of the workspace.
    pub token: Option<Token>,
    /// Addresses to upload to, without tokens; none keeps those that are there.
    pub dataway: Vec<String>,
    /// The Secret that the address goes into.
    pub token_secret: Option<String>,
    /// How DataKit is told what to collect.
    pub collector: Collector,
    /// Whether the gateways are scraped.
    pub gateways: bool,
    /// Whether browsers may send to DataKit.
    pub rum: bool,
    /// The version; none reads it from the image.
    pub version: Option<Version>,
    /// The name of the cluster.
    pub cluster_name: Option<String>,
    /// Tags for everything collected.
    pub global_tags: Vec<(String, String)>,
    /// Inputs to enable.
    pub enable_inputs: Vec<String>,
    /// Other variables to set.
    pub env: Vec<(String, String)>,
    /// Image to run.
    pub image: Option<String>,
    /// Whether the pod template gets a checksum of the configuration.
    pub checksum: bool,
    /// The namespace of istiod.
    pub istio_namespace: String,
    /// The revision of istiod.
    pub revision: Option<String>,
    /// The namespace of the applications.
    pub app_namespace: String,
    /// The namespace that resources without one are put into.
    pub default_namespace: Option<String>,
    /// The rule that replaces images, where it runs too.
    pub replaced: Option<RumSettings>,
    /// A namespace to move DataKit to.
    pub move_to: Option<String>,
    /// Whether files of collectors that are there stay as they are, even where other values are replaced.
    pub keeps_files: bool,
    /// How metrics are collected.
    pub metrics: MetricsSettings,
}

impl DatakitSettings {
    /// The version that counts for a DataKit.
    #[must_use]
    pub fn version(&self, datakit: &Found) -> Option<Version> {
        let replaced = || self.replaced.as_ref()?.replacement(&datakit.image).ok()?;
        let image = self.image.as_deref().or_else(replaced).map(crate::kube::ImageRef::parse);
        let of_image = image.map(|image| image.tag.and_then(Version::parse));
        self.version.or(of_image.unwrap_or(datakit.version))
    }
}

/// The rule.
#[derive(Debug)]
pub struct Datakit(pub DatakitSettings);

impl Rule for Datakit {
    fn name(&self) -> &'static str {
        "datakit"
    }

    fn apply(&self, target: &Target<'_>, changes: &mut Changes) -> Result<Outcome, Refusal> {
        let mut outcome = Outcome::default();
        let survey = target.survey;
        if !survey.is_complete() || survey.datakits.is_empty() {
            return Ok(outcome);
        }
        if let [one, two, ..] = survey.datakits.as_slice() {
            if survey.datakits.iter().any(|datakit| datakit.spot.number == target.number) {
                let at = target.doc.start(target.resource.at.node);
                let reason = format!(
                    "two DaemonSets run DataKit ({} and {}); give them one at a time",
                    one.spot.text, two.spot.text
                );
                outcome.skip(at, true, reason);
            }
            return Ok(outcome);
        }
        let Some(datakit) = survey.datakits.first() else { return Ok(outcome) };
        let is = |number: Option<u64>| number == Some(target.number);
        let map = survey.config_map_of(datakit);
        if is(Some(datakit.spot.number)) {
            if let Some(daemon) = Daemon::find(target.doc, target.resource) {
                self.daemon_set(target, daemon, datakit, changes, &mut outcome)?;
            }
        } else if let Some(map) = map
            && is(Some(map.spot.number))
        {
            self.config_map(target, datakit, map, changes, &mut outcome)?;
        } else if let Some(name) = &self.0.token_secret
            && is(survey.secret_of(datakit, name).map(|secret| secret.spot.number))
        {
            self.secret(target, datakit, changes, &mut outcome)?;
        }
        self.relocate(target, datakit, changes, &mut outcome)?;
        Ok(outcome)
    }

    fn find(&self, target: &Target<'_>, found: &mut FoundValues) {
        let survey = target.survey;
        let [datakit] = survey.datakits.as_slice() else { return };
        if !survey.is_complete() {
            return;
        }
        let is = |number: Option<u64>| number == Some(target.number);
        if is(Some(datakit.spot.number)) {
            if let Some(daemon) = Daemon::find(target.doc, target.resource) {
                self.find_in_daemon_set(target, &daemon, datakit, found);
            }
        } else if is(survey.config_map_of(datakit).map(|map| map.spot.number)) {
            self.find_in_config_map(target, datakit, found);
        } else if let Some(name) = &self.0.token_secret
            && is(survey.secret_of(datakit, name).map(|secret| secret.spot.number))
        {
            self.find_in_secret(target, found);
        }
    }
}

impl Datakit {
    fn daemon_set(
        &self,
        target: &Target<'_>,
        daemon: Daemon<'_>,
        datakit: &Found,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let env = Env { target, daemon };
        let version = self.0.version(datakit);
        self.image(target, &daemon, changes, outcome)?;
        self.dataway(&env, datakit, changes, outcome)?;
        self.environment(&env, version, changes, outcome)?;
        let map = target.survey.config_map_of(datakit);
        let wiring = wire(&self.0, target.survey, datakit);
        let at = target.doc.start(daemon.template.at.node);
        for wire in &wiring.wires {
            match &wire.fate {
                Fate::Elsewhere(reason) => outcome.skip(at, false, reason.clone()),
                // What the ConfigMap stands in the way of is told there.
                Fate::Blocked(reason) if map.is_none() => outcome.skip(at, true, reason.clone()),
                _ => {}
            }
        }
        wiring.notes.iter().for_each(|note| outcome.note(at, note.clone()));
        if self.0.collector == Collector::Env {
            self.inputs_env(&env, version, &wiring, changes, outcome)?;
        } else {
            let mounted = mount::mount(target, &daemon, &wiring, changes, outcome)?;
            if mounted && map.is_none() && wiring.adds() {
                outcome.added.push(self.new_config_map(datakit, &wiring));
            }
            self.checksum(target, &daemon, map, &wiring, changes, outcome)?;
        }
        self.warn(&env, version, outcome);
        Ok(())
    }

    fn image(
        &self,
        target: &Target<'_>,
        daemon: &Daemon<'_>,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let Some(image) = &self.0.image else { return Ok(()) };
        if target.doc.str_at(daemon.container, "image").is_some_and(|old| old == image.as_str()) {
            return Ok(());
        }
        target.set(changes, daemon.container, &[("image", Place::Last)], Value::Text(image.clone()))?;
        outcome.patched = true;
        Ok(())
    }

    fn config_map(
        &self,
        target: &Target<'_>,
        datakit: &Found,
        map: &ConfigMap,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        if self.0.collector == Collector::Env {
            return Ok(());
        }
        let doc = target.doc;
        let at = target.resource.at;
        let wiring = wire(&self.0, target.survey, datakit);
        let mut replaced = false;
        for Wire { conf, fate } in &wiring.wires {
            let path = [("data", Place::Last), (conf.key, Place::Last)];
            let text = Value::Lines(conf.text.clone());
            match fate {
                Fate::Add => target.set(changes, at, &path, text)?,
                Fate::Differs if target.overwrite && map.immutable => {
                    let reason = format!("immutable, so {} cannot be replaced; give it a new name", conf.key);
                    outcome.skip(doc.start(at.node), true, reason);
                    continue;
                }
                Fate::Differs if target.overwrite => {
                    target.set(changes, at, &path, text)?;
                    replaced = true;
                }
                Fate::Differs => {
                    let there = doc.path(at, &["data", conf.key]).unwrap_or(at);
                    let reason = format!("another {} kept, see --overwrite", conf.key);
                    outcome.skip(doc.start(there.node), false, reason);
                    continue;
                }
                Fate::Blocked(reason) => {
                    let binary = doc.path(at, &["binaryData", conf.key]);
                    let place = binary.or_else(|| doc.get(at, "immutable")).and_then(|at| at.key);
                    outcome.skip(doc.start(place.unwrap_or(at.node)), true, reason.clone());
                    continue;
                }
                _ => continue,
            }
            outcome.patched = true;
        }
        if replaced && !self.0.checksum && !datakit.checksummed {
            outcome.note(
                doc.start(at.node),
                format!(
                    "running pods keep the old files: `kubectl rollout restart daemonset/{}`",
                    datakit.name
                ),
            );
        }
        Ok(())
    }

    fn new_config_map(&self, datakit: &Found, wiring: &Wiring) -> NewResource {
        let name = datakit.config_map.clone();
        let texts = wiring.wires.iter().filter(|wire| wire.fate == Fate::Add);
        let data = texts.map(|wire| (wire.conf.key.to_owned(), Value::Lines(wire.conf.text.clone())));
        let mut entries = self.head("ConfigMap", &name, datakit);
        entries.push(("data".to_owned(), Value::Map(data.collect())));
        NewResource { kind: "ConfigMap", api_version: "v1", name, entries }
    }

    /// What every new resource begins with.
    fn head(&self, kind: &str, name: &str, datakit: &Found) -> Vec<(String, Value)> {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut metadata = vec![("name".to_owned(), text(name))];
        let namespace = self.0.move_to.as_ref().or(datakit.namespace.as_ref());
        if let Some(namespace) = namespace.or(self.0.default_namespace.as_ref()) {
            metadata.push(("namespace".to_owned(), text(namespace)));
        }
        vec![
            ("apiVersion".to_owned(), text("v1")),
            ("kind".to_owned(), text(kind)),
            ("metadata".to_owned(), Value::Map(metadata)),
        ]
    }

    /// The checksum of the configuration as it will be, where there is one or one is wanted.
    fn checksum(
        &self,
        target: &Target<'_>,
        daemon: &Daemon<'_>,
        map: Option<&ConfigMap>,
        wiring: &Wiring,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let there = daemon.annotation(CHECKSUM);
        if !self.0.checksum && there.is_none() {
            return Ok(());
        }
        let mut hasher = Sha256::new();
        for (key, text) in wiring.outcome(map, target.overwrite) {
            for part in [&key, &text] {
                hasher.update((part.len() as u64).to_be_bytes());
                hasher.update(part);
            }
        }
        let sum: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if there.and_then(|at| target.doc.string(at.node)).is_some_and(|old| old == sum.as_str()) {
            return Ok(());
        }
        let path =
            [("metadata", Place::First), ("annotations", Place::After(&["labels"])), (CHECKSUM, Place::Last)];
        target.set(changes, daemon.template.at, &path, Value::Text(sum))?;
        outcome.patched = true;
        Ok(())
    }

    /// Moves what is in DataKit's namespace to another one.
    fn relocate(
        &self,
        target: &Target<'_>,
        datakit: &Found,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let (Some(new), Some(old)) = (&self.0.move_to, &datakit.namespace) else { return Ok(()) };
        if new == old {
            return Ok(());
        }
        let doc = target.doc;
        let resource = target.resource;
        let is_old = |at: &At| doc.is(at.node, old);
        let mut places: Vec<At> = Vec::new();
        places.extend(doc.path(resource.at, &["metadata", "namespace"]).filter(is_old));
        if resource.kind == "Namespace" && resource.group().is_empty() {
            places.extend(doc.path(resource.at, &["metadata", "name"]).filter(is_old));
        }
        if let Some(subjects) = doc.get(resource.at, "subjects") {
            let namespaces = doc.items(subjects).filter_map(|subject| doc.get(subject, "namespace"));
            places.extend(namespaces.filter(is_old));
        }
        for at in places {
            changes.replace(doc, at, Value::Text(new.clone()), None)?;
            outcome.patched = true;
        }
        Ok(())
    }
}
