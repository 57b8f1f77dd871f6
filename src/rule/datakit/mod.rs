//! DataKit itself: the address it uploads to, the collectors it needs, and their mounts.
//!
//! Edits a DaemonSet that runs DataKit, the ConfigMap that its configuration comes from, and a Secret where its address
//! is to be in one; adds those two where the inputs lack them. Facts are from DataKit's source, releases 1.1.7 to 1.84.0.

pub mod conf;
pub mod dataway;
mod env;
mod mount;
mod wiring;

use sha2::{Digest as _, Sha256};

use super::metrics::MetricsSettings;
use super::{NewResource, Outcome, Rule, Target};
use crate::manifest::Version;
use crate::manifest::datakit::{CHECKSUM, Daemon, ENV_DATAWAY};
use crate::secret::Token;
use crate::survey::{ConfigMap, Datakit as Found};
use crate::yaml::{At, Changes, Place, Refusal, Value};

use dataway::State;
use env::{Env, When, add_inputs};
use wiring::{Fate, Wire, Wiring, wire};

/// The key of the Secret that holds the address.
const SECRET_KEY: &str = "dataway";

/// Names of a cluster that stock files have for the user to replace.
const CLUSTER_PLACEHOLDERS: &[&str] = &["default", "<default>"];

/// What DataKit enables where nobody says what.
const DEFAULT_INPUTS: &str = "cpu,disk,diskio,mem,swap,system,hostobject,net,host_processes,container";

/// How DataKit is told what to collect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
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
    /// A namespace to move DataKit to.
    pub move_to: Option<String>,
    /// How metrics are collected.
    pub metrics: MetricsSettings,
}

impl DatakitSettings {
    /// The version that counts for a DataKit.
    #[must_use]
    pub fn version(&self, datakit: &Found) -> Option<Version> {
        let image = self.image.as_deref().map(crate::manifest::ImageRef::parse);
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

    /// The address with its token, made of what is there and what was given; nothing where it stays as it is.
    fn address(&self, old: &str) -> Option<String> {
        let bases = (!self.0.dataway.is_empty()).then(|| self.0.dataway.join(","));
        match (bases, &self.0.token) {
            (None, None) => None,
            (Some(bases), Some(token)) => Some(dataway::with_token(&bases, token)),
            (Some(bases), None) => {
                // Another host, the same workspace.
                let token = dataway::token_of(old.split(',').next().unwrap_or(""))
                    .filter(|_| dataway::state(old) == State::Filled);
                match token.and_then(|token| Token::parse(token).ok()) {
                    _ if dataway::state(&bases) == State::Filled => Some(bases),
                    Some(token) => Some(dataway::with_token(&bases, &token)),
                    None => None,
                }
            }
            (None, Some(token)) => {
                let base = match dataway::state(old) {
                    State::Empty | State::Broken => dataway::DEFAULT,
                    State::NoToken | State::Filled => old,
                };
                Some(dataway::with_token(base, token))
            }
        }
    }

    fn dataway(
        &self,
        env: &Env<'_>,
        datakit: &Found,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let doc = env.target.doc;
        let var = env.daemon.env(ENV_DATAWAY);
        let at = var.as_ref().map_or(env.daemon.container, |var| var.value.or(var.from).unwrap_or(var.item));
        let old = var.as_ref().map(|var| var.text.clone()).unwrap_or_default();
        if let Some(from) = var.as_ref().and_then(|var| var.from) {
            let secret = self.0.token_secret.as_ref();
            let name = doc.path(from, &["secretKeyRef", "name"]).and_then(|at| doc.string(at.node));
            if secret.is_some_and(|secret| name.is_some_and(|name| name == secret.as_str())) {
                let url = self.address("").unwrap_or_default();
                self.add_secret(env.target, datakit, &url, outcome);
                return Ok(());
            }
            if self.0.token.is_none() && self.0.dataway.is_empty() && secret.is_none() {
                return Ok(());
            }
        }
        let state = dataway::state(&old);
        let from = var.as_ref().is_some_and(|var| var.from.is_some());
        let Some(new) = self
            .address(&old)
            .or_else(|| (self.0.token_secret.is_some() && state == State::Filled).then(|| old.clone()))
        else {
            if state != State::Filled && !from {
                let reason = "no token for ENV_DATAWAY, so nothing will be uploaded; give one with --token-file or \
                              MESHOBS_TOKEN";
                outcome.skip(doc.start(at.node), true, reason);
            }
            return Ok(());
        };
        if let Some(other) = var.as_ref().and_then(|var| var.doubled) {
            let reason = format!("{ENV_DATAWAY} stands twice; remove one of the two");
            outcome.skip(doc.start(other.node), true, reason);
            return Ok(());
        }
        let overwrite = env.target.overwrite;
        let stays = !from && state == State::Filled && new != old && !overwrite;
        let broken = !from && state == State::Broken && !overwrite;
        if broken {
            let reason = "ENV_DATAWAY is no absolute URL, so DataKit would never open its port; write scheme and host, \
                          or pass --overwrite";
            outcome.skip(doc.start(at.node), true, reason);
            return Ok(());
        }
        if stays {
            let reason = "another address or token in ENV_DATAWAY kept, see --overwrite";
            outcome.skip(doc.start(at.node), false, reason);
            return Ok(());
        }
        match (&self.0.token_secret, &var) {
            (Some(name), var) => self.refer(env, datakit, name, &new, var.as_ref(), changes, outcome),
            (None, Some(_)) if !from && new == old => Ok(()),
            (None, Some(var)) => env.replace(ENV_DATAWAY, var, &new, changes, outcome),
            (None, None) => {
                outcome.patched = true;
                env.add(ENV_DATAWAY, vec![("value".to_owned(), Value::Text(new))], changes)
            }
        }
    }

    /// Lets ENV_DATAWAY refer to a Secret.
    #[allow(clippy::too_many_arguments)]
    fn refer(
        &self,
        env: &Env<'_>,
        datakit: &Found,
        secret: &str,
        url: &str,
        var: Option<&crate::manifest::datakit::EnvVar>,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let doc = env.target.doc;
        let reference = Value::Map(vec![
            ("name".to_owned(), Value::Text(secret.to_owned())),
            ("key".to_owned(), Value::Text(SECRET_KEY.to_owned())),
        ]);
        let source = Value::Map(vec![("secretKeyRef".to_owned(), reference)]);
        match var.map(|var| (var, var.value, var.from)) {
            None => env.add(ENV_DATAWAY, vec![("valueFrom".to_owned(), source)], changes)?,
            Some((_, _, Some(from))) if !env.target.overwrite => {
                let reason = format!("{ENV_DATAWAY} comes from `valueFrom`, kept, see --overwrite");
                outcome.skip(doc.start(from.node), false, reason);
                return Ok(());
            }
            Some((_, Some(place), _) | (_, None, Some(place))) => {
                changes.swap(doc, place, "valueFrom", source)?;
            }
            Some((var, None, None)) => {
                env.target.set(changes, var.item, &[("valueFrom", Place::After(&["name"]))], source)?;
            }
        }
        outcome.patched = true;
        self.add_secret(env.target, datakit, url, outcome);
        Ok(())
    }

    /// Adds the Secret with the address where the inputs lack it.
    fn add_secret(&self, target: &Target<'_>, datakit: &Found, url: &str, outcome: &mut Outcome) {
        let Some(name) = &self.0.token_secret else { return };
        if url.is_empty() || target.survey.secret_of(datakit, name).is_some() {
            return;
        }
        let data = vec![(SECRET_KEY.to_owned(), Value::Text(url.to_owned()))];
        let mut entries = self.head("Secret", name, datakit);
        entries.push(("type".to_owned(), Value::Text("Opaque".to_owned())));
        entries.push(("stringData".to_owned(), Value::Map(data)));
        outcome.added.push(NewResource { kind: "Secret", api_version: "v1", name: name.clone(), entries });
    }

    fn secret(
        &self,
        target: &Target<'_>,
        datakit: &Found,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let doc = target.doc;
        let at = target.resource.at;
        if let Some(encoded) = doc.path(at, &["data", SECRET_KEY]) {
            if self.0.token.is_some() {
                let reason =
                    format!("`{SECRET_KEY}` is in `data` already, kept; remove it there for a new one");
                outcome.skip(doc.start(encoded.node), false, reason);
            }
            return Ok(());
        }
        let there = doc.path(at, &["stringData", SECRET_KEY]);
        let old = there.and_then(|at| doc.string(at.node)).unwrap_or_default();
        let old_in_daemon = match &datakit.dataway {
            crate::survey::Dataway::Text(text) => text.as_str(),
            crate::survey::Dataway::Reference => "",
        };
        let base = if old.is_empty() { old_in_daemon } else { &old };
        let filled = || (dataway::state(base) == State::Filled).then(|| base.to_owned());
        let Some(new) = self.address(base).or_else(filled) else { return Ok(()) };
        if *old == *new {
            return Ok(());
        }
        if dataway::state(&old) == State::Filled && !target.overwrite {
            let at = there.unwrap_or(at);
            outcome.skip(doc.start(at.node), false, "another address or token kept, see --overwrite");
            return Ok(());
        }
        let path = [("stringData", Place::Last), (SECRET_KEY, Place::Last)];
        target.set(changes, at, &path, Value::Text(new))?;
        outcome.patched = true;
        Ok(())
    }

    fn environment(
        &self,
        env: &Env<'_>,
        version: Option<Version>,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let settings = &self.0;
        let since = |major, minor, patch| version.is_none_or(|v| v >= Version::new(major, minor, patch));
        // What the user sets by name is left alone otherwise.
        let free = |name: &str| !settings.env.iter().any(|(known, _)| known == name);

        let mut host_tags = settings.global_tags.clone();
        let mut election_tags = Vec::new();
        let cluster = |name: &str| ("cluster_name_k8s".to_owned(), name.to_owned());
        let known = env.daemon.env_text("ENV_CLUSTER_NAME_K8S");
        if let Some(name) = &settings.cluster_name {
            if since(1, 5, 8) {
                if free("ENV_CLUSTER_NAME_K8S") {
                    let when = When::Placeholder(CLUSTER_PLACEHOLDERS);
                    env.set("ENV_CLUSTER_NAME_K8S", name, when, changes, outcome)?;
                }
            } else {
                host_tags.push(cluster(name));
            }
            election_tags.push(cluster(name));
            if free("ENV_NAMESPACE") {
                env.set("ENV_NAMESPACE", name, When::Placeholder(&[]), changes, outcome)?;
            }
        } else if !known.is_empty() && !CLUSTER_PLACEHOLDERS.contains(&known.as_str()) {
            election_tags.push(cluster(&known));
        }
        let elects = !env.daemon.env_text("ENV_ENABLE_ELECTION").is_empty();
        if since(1, 4, 11) && elects && free("ENV_GLOBAL_ELECTION_TAGS") {
            env.tags("ENV_GLOBAL_ELECTION_TAGS", &election_tags, changes, outcome)?;
        }
        // The old name is read only where the new one is empty: beside an old value the new name would lose its tags.
        let old_name = !since(1, 4, 6)
            || (env.daemon.env_text("ENV_GLOBAL_HOST_TAGS").is_empty()
                && !env.daemon.env_text("ENV_GLOBAL_TAGS").is_empty());
        let name = if old_name { "ENV_GLOBAL_TAGS" } else { "ENV_GLOBAL_HOST_TAGS" };
        if free(name) {
            env.tags(name, &host_tags, changes, outcome)?;
        }
        self.enable(env, version, changes, outcome)?;
        let listen = "ENV_HTTP_LISTEN";
        if env.daemon.env_text(listen).is_empty() && free(listen) {
            // Without it DataKit listens on localhost only.
            env.set(listen, "0.0.0.0:9529", When::Placeholder(&[]), changes, outcome)?;
        }
        for (name, value) in &settings.env {
            env.set(name, value, When::Always, changes, outcome)?;
        }
        Ok(())
    }

    fn enable(
        &self,
        env: &Env<'_>,
        version: Option<Version>,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        const NEW: &str = "ENV_DEFAULT_ENABLED_INPUTS";
        const OLD: &str = "ENV_ENABLE_INPUTS";
        let doc = env.target.doc;
        let container = doc.start(env.daemon.container.node);
        let mut wanted = self.0.enable_inputs.clone();
        let built_in = version.is_some_and(|version| version < Version::new(1, 4, 10));
        if self.0.rum && built_in {
            outcome.note(container, "DataKit before 1.4.10 takes what browsers send without an input `rum`");
        } else if self.0.rum && !wanted.iter().any(|name| name == "rum") {
            wanted.push("rum".to_owned());
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let old_version = version.is_some_and(|version| version < Version::new(1, 1, 9));
        let name = match (env.daemon.env_text(NEW).is_empty(), env.daemon.env_text(OLD).is_empty()) {
            (false, _) => NEW,
            (true, false) => OLD,
            (true, true) if old_version => OLD,
            (true, true) => NEW,
        };
        if self.0.env.iter().any(|(known, _)| known == name) {
            return Ok(());
        }
        let var = env.daemon.env(name);
        let old = var.as_ref().map_or_else(|| DEFAULT_INPUTS.to_owned(), |var| var.text.clone());
        let at = var.as_ref().map_or(container, |var| doc.start(var.value.unwrap_or(var.item).node));
        let list = add_inputs(&old, &wanted);
        for name in list.switched_off {
            let reason =
                format!("`-{name}` (or `-`) in the enabled inputs switches {name} off, kept; remove that");
            outcome.skip(at, true, reason);
        }
        if list.mended {
            outcome.note(
                at,
                "the enabled inputs had blanks, at which DataKit cuts instead of at commas; written without",
            );
        }
        if list.list == old {
            return Ok(());
        }
        env.set(name, &list.list, When::Always, changes, outcome)
    }

    /// The collectors in one variable.
    fn inputs_env(
        &self,
        env: &Env<'_>,
        version: Option<Version>,
        wiring: &Wiring,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        const NAME: &str = "ENV_DATAKIT_INPUTS";
        let doc = env.target.doc;
        let container = doc.start(env.daemon.container.node);
        if version.is_some_and(|version| version < conf::INPUTS_ENV) {
            let reason =
                "DataKit before 1.23 reads no collectors from the environment; use --collector configmap";
            outcome.skip(container, true, reason);
            return Ok(());
        }
        let var = env.daemon.env(NAME);
        let old = var.as_ref().map(|var| var.text.clone()).unwrap_or_default();
        let at = var.as_ref().and_then(|var| var.value);
        if old.parse::<toml::Table>().is_err() {
            let start = at.map_or(container, |at| doc.start(at.node));
            outcome.skip(start, true, format!("{NAME} is not valid TOML; mend it first"));
            return Ok(());
        }
        let known = conf::inputs(&old);
        let mut missing = String::new();
        for Wire { conf, fate } in &wiring.wires {
            let mut blocks = conf::inputs(&conf.text);
            let there = blocks.pop().is_some_and(|(name, block)| {
                known.iter().any(|(other, table)| {
                    let url = |table| conf::urls(table).contains(&conf.url.as_deref().unwrap_or_default());
                    *other == name && (*table == block || conf.url.is_none() || url(table))
                })
            });
            if *fate == Fate::Add && !there {
                missing.push_str(&conf.text);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        outcome.patched = true;
        let Some(var) = var else {
            return env.add(NAME, vec![("value".to_owned(), Value::Lines(missing))], changes);
        };
        if let Some((at, nested)) = at.and_then(|at| Some((at, doc.nested(at.node)?))) {
            let end = nested.text.trim_end().len();
            let text = format!("\n{}", missing.trim_end());
            let edits = vec![crate::yaml::Edit { start: end, end, text }];
            return changes.within(doc, at, nested.carry_back(&edits));
        }
        if var.from.is_some() {
            outcome.patched = false;
            return env.replace(NAME, &var, &missing, changes, outcome);
        }
        let gap = if old.is_empty() || old.ends_with('\n') { "" } else { "\n" };
        let value = Value::Lines(format!("{old}{gap}{missing}"));
        env.target.set(changes, var.item, &[("value", Place::After(&["name"]))], value)
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

    fn warn(&self, env: &Env<'_>, version: Option<Version>, outcome: &mut Outcome) {
        let daemon = &env.daemon;
        let doc = env.target.doc;
        let at = doc.start(daemon.container.node);
        let since = |major, minor, patch| version.is_none_or(|v| v >= Version::new(major, minor, patch));
        match version {
            None => outcome.note(
                at,
                "the image's tag tells no version, so a current DataKit is assumed; pass --datakit-version",
            ),
            Some(version) if version == Version::new(1, 63, 0) => outcome.note(
                at,
                "DataKit 1.63.0 ignores the annotation datakit/prom.instances; take 1.63.1 or later",
            ),
            Some(_) => {}
        }
        let policy = doc.str_at(daemon.template.spec, "dnsPolicy").unwrap_or_default();
        if daemon.host_network() && policy != "ClusterFirstWithHostNet" && policy != "None" {
            let place = doc.get(daemon.template.spec, "dnsPolicy").unwrap_or(daemon.template.spec);
            outcome.note(
                doc.start(place.node),
                "with hostNetwork and this dnsPolicy DataKit cannot resolve istiod's name; set dnsPolicy: \
                 ClusterFirstWithHostNet",
            );
        }
        let set_by_user =
            |name: &str| self.0.env.iter().any(|(known, value)| known == name && !value.is_empty());
        if self.0.collector != Collector::Kubernetesprometheus
            && daemon.env_text("ENV_ENABLE_ELECTION").is_empty()
            && !set_by_user("ENV_ENABLE_ELECTION")
        {
            outcome.note(at, "ENV_ENABLE_ELECTION is not set, so the DataKit of every node scrapes istiod");
        }
        let paths = daemon.env_text("ENV_HTTP_PUBLIC_APIS");
        if since(1, 4, 2)
            && !since(1, 64, 0)
            && version.is_some()
            && !paths.is_empty()
            && !paths.contains("/api/v2/spans")
        {
            outcome.note(
                at,
                "ENV_HTTP_PUBLIC_APIS lacks /api/v2/spans, so this DataKit refuses the sidecars' spans; add it",
            );
        }
        let listen = daemon.env_text("ENV_HTTP_LISTEN");
        if listen.starts_with("localhost:") || listen.starts_with("127.") {
            outcome.note(
                at,
                format!("ENV_HTTP_LISTEN is `{listen}`, which no sidecar reaches; set 0.0.0.0:9529"),
            );
        }
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
