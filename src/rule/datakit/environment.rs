//! DataKit's environment: the cluster's name, tags, inputs, and the collectors where they are given there.

use super::super::Outcome;
use super::Datakit;
use super::conf;
use super::env::{Env, When, add_inputs};
use super::wiring::{Fate, Wire, Wiring};
use crate::facts::Version;
use crate::facts::datakit::{
    CLUSTER_NAME, CONF_IN_ENV, DEFAULT_INPUTS, ELECTION_TAGS, ENV_CONF, ENV_ELECTION, ENV_INPUTS, ENV_LISTEN,
    HOST_TAGS, RUM_INPUT, before,
};
use crate::yaml::{Changes, Edit, Kind, Place, Refusal, Value};

/// Names of a cluster that stock files have for the user to replace.
const CLUSTER_PLACEHOLDERS: &[&str] = &["default", "<default>"];

impl Datakit {
    pub(super) fn environment(
        &self,
        env: &Env<'_>,
        version: Option<Version>,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let settings = &self.0;
        let since = |since| !before(version, since);
        // What the user sets by name is left alone otherwise.
        let free = |name: &str| !settings.env.iter().any(|(known, _)| known == name);

        let mut host_tags = settings.global_tags.clone();
        let mut election_tags = Vec::new();
        let cluster = |name: &str| ("cluster_name_k8s".to_owned(), name.to_owned());
        let known = env.daemon.env_text("ENV_CLUSTER_NAME_K8S");
        if let Some(name) = &settings.cluster_name {
            if since(CLUSTER_NAME) {
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
        let elects = !env.daemon.env_text(ENV_ELECTION).is_empty();
        if since(ELECTION_TAGS) && elects && free("ENV_GLOBAL_ELECTION_TAGS") {
            env.tags("ENV_GLOBAL_ELECTION_TAGS", &election_tags, changes, outcome)?;
        }
        // The old name is read only where the new one is empty: beside an old value the new name would lose its tags.
        let old_name = !since(HOST_TAGS)
            || (env.daemon.env_text("ENV_GLOBAL_HOST_TAGS").is_empty()
                && !env.daemon.env_text("ENV_GLOBAL_TAGS").is_empty());
        let name = if old_name { "ENV_GLOBAL_TAGS" } else { "ENV_GLOBAL_HOST_TAGS" };
        if free(name) {
            env.tags(name, &host_tags, changes, outcome)?;
        }
        self.enable(env, version, changes, outcome)?;
        let listen = ENV_LISTEN;
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
        const NEW: &str = ENV_INPUTS[0];
        const OLD: &str = ENV_INPUTS[1];
        let doc = env.target.doc;
        let container = doc.start(env.daemon.container.node);
        let mut wanted = self.0.enable_inputs.clone();
        let built_in = before(version, RUM_INPUT);
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
    pub(super) fn inputs_env(
        &self,
        env: &Env<'_>,
        version: Option<Version>,
        wiring: &Wiring,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        const NAME: &str = ENV_CONF;
        let doc = env.target.doc;
        let container = doc.start(env.daemon.container.node);
        if before(version, CONF_IN_ENV) {
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
        if let Some(at) = at.filter(|at| doc.kind(at.node) == Kind::Literal) {
            let end = old.trim_end().len();
            let text = format!("\n{}", missing.trim_end());
            return changes.within(doc, at, &old, &[Edit { start: end, end, text }]);
        }
        if var.from.is_some() {
            outcome.patched = false;
            return env.replace(NAME, &var, &missing, changes, outcome);
        }
        let gap = if old.is_empty() || old.ends_with('\n') { "" } else { "\n" };
        let value = Value::Lines(format!("{old}{gap}{missing}"));
        env.target.set(changes, var.item, &[("value", Place::After(&["name"]))], value)
    }
}
