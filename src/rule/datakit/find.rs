//! What this rule wrote into DataKit's DaemonSet, ConfigMap and Secret, for the way back. What it wrote over is gone but for
//! placeholders that stock files have.

use super::super::Target;
use super::super::found::{Found, restore};
use super::dataway::{self, State};
use super::wiring::{Fate, Wire, Wiring, wire};
use super::{Collector, Datakit};
use crate::facts::Version;
use crate::facts::datakit::{CONF_VOLUME, DEFAULT_INPUTS, ENV_CONF, ENV_DATAWAY, ENV_INPUTS, ENV_LISTEN};
use crate::mesh::daemon::{CHECKSUM, Daemon, EnvVar, Mount};
use crate::survey::Datakit as Surveyed;
use crate::yaml::{At, Removal};

/// What the variable with the address is tied by.
const DATAWAY: &str = "datakit variable";

/// What the volume is tied by.
const VOLUME: &str = "datakit volume";

fn mount_of(key: &str) -> String {
    format!("datakit mount {key}")
}

fn file(key: &str) -> String {
    format!("datakit file {key}")
}

/// What stock files have for the token; the first of these before this release.
const PLACEHOLDERS: (&str, &str) = ("<your-token>", "<YOUR-WORKSPACE-TOKEN>");
const NEW_PLACEHOLDER: Version = Version::new(1, 20, 0);

impl Datakit {
    pub(super) fn find_in_daemon_set(
        &self,
        target: &Target<'_>,
        daemon: &Daemon<'_>,
        datakit: &Surveyed,
        found: &mut Found,
    ) {
        let version = self.0.version(datakit);
        let wiring = wire(&self.0, target.survey, datakit);
        self.find_dataway(target, daemon, version, found);
        self.find_variables(target, daemon, found);
        if self.0.collector == Collector::Env {
            Self::find_inputs_env(target, daemon, &wiring, found);
        } else {
            Self::find_mounts(target, daemon, datakit, &wiring, found);
        }
        if let Some(at) = daemon.annotation(CHECKSUM).filter(|_| self.0.checksum) {
            found.take(target.doc, at, daemon.template.at, format!("annotation {CHECKSUM}"));
        }
        let image = target.doc.get(daemon.container, "image");
        if let Some((image, at)) = self.0.image.as_ref().zip(image)
            && target.doc.is(at.node, image)
        {
            found.keep(target.doc, at, "image kept: the image before it is unknown; edit it");
        }
    }

    fn find_dataway(
        &self,
        target: &Target<'_>,
        daemon: &Daemon<'_>,
        version: Option<Version>,
        found: &mut Found,
    ) {
        let doc = target.doc;
        let Some(var) = daemon.env(ENV_DATAWAY).filter(|var| var.doubled.is_none()) else { return };
        let take = Removal::Take { at: var.item, root: daemon.container.node };
        if let Some(from) = var.from {
            let name = doc.path(from, &["secretKeyRef", "name"]).and_then(|at| doc.string(at.node));
            if self.0.token_secret.as_deref().is_some_and(|secret| name.is_some_and(|name| name == secret)) {
                found.add(doc, var.item, vec![take], format!("{ENV_DATAWAY} from a Secret"));
                found.tie(DATAWAY, []);
            }
            return;
        }
        let Some(at) = var.value else { return };
        let ours = self.0.token.as_ref().filter(|token| dataway::with_token(&var.text, token) == var.text);
        if ours.is_none() {
            if dataway::state(&var.text) == State::Filled {
                let reason = format!(
                    "{ENV_DATAWAY} kept: pass the token that `patch` was given (--token-file) to take it out"
                );
                found.keep(doc, at, reason);
            }
            return;
        }
        let (old, new) = PLACEHOLDERS;
        let placeholder = if version.is_some_and(|version| version < NEW_PLACEHOLDER) { old } else { new };
        let ways = vec![take, restore(at, dataway::without_tokens(&var.text, placeholder))];
        found.add(doc, at, ways, format!("token in {ENV_DATAWAY}"));
    }

    /// Single values and lists, in the order in which they are written.
    fn find_variables(&self, target: &Target<'_>, daemon: &Daemon<'_>, found: &mut Found) {
        let settings = &self.0;
        let cluster = settings.cluster_name.as_deref();
        let tag = cluster.map(|name| ("cluster_name_k8s".to_owned(), name.to_owned()));
        let mut tags = settings.global_tags.clone();
        tags.extend(tag.clone());
        if let Some(name) = cluster {
            Self::find_value(target, daemon, "ENV_CLUSTER_NAME_K8S", name, "default", found);
            Self::find_value(target, daemon, "ENV_NAMESPACE", name, "", found);
        }
        let known = daemon.env_text("ENV_CLUSTER_NAME_K8S");
        let election = tag.or_else(|| (!known.is_empty()).then(|| ("cluster_name_k8s".to_owned(), known)));
        Self::find_tags(target, daemon, "ENV_GLOBAL_ELECTION_TAGS", election.as_slice(), found);
        for name in ["ENV_GLOBAL_TAGS", "ENV_GLOBAL_HOST_TAGS"] {
            Self::find_tags(target, daemon, name, &tags, found);
        }
        for name in ENV_INPUTS {
            self.find_inputs(target, daemon, name, found);
        }
        Self::find_value(target, daemon, ENV_LISTEN, "0.0.0.0:9529", "", found);
        for (name, value) in &settings.env {
            Self::find_value(target, daemon, name, value, "", found);
        }
    }

    fn find_value(
        target: &Target<'_>,
        daemon: &Daemon<'_>,
        name: &str,
        value: &str,
        placeholder: &str,
        found: &mut Found,
    ) {
        if let Some(var) = daemon.env(name).filter(|var| var.text == value) {
            replaced(target, daemon, &var, name, placeholder.to_owned(), found);
        }
    }

    fn find_tags(
        target: &Target<'_>,
        daemon: &Daemon<'_>,
        name: &str,
        tags: &[(String, String)],
        found: &mut Found,
    ) {
        let Some(var) = daemon.env(name) else { return };
        let ours: Vec<_> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        if let Some(rest) = without_tail(&var.text, &ours) {
            replaced(target, daemon, &var, name, rest, found);
        }
    }

    fn find_inputs(&self, target: &Target<'_>, daemon: &Daemon<'_>, name: &str, found: &mut Found) {
        let Some(var) = daemon.env(name) else { return };
        let mut wanted = self.0.enable_inputs.clone();
        if self.0.rum && !wanted.iter().any(|name| name == "rum") {
            wanted.push("rum".to_owned());
        }
        let Some(rest) = without_tail(&var.text, &wanted) else { return };
        let Some(at) = var.value else { return };
        let mut ways = vec![restore(at, rest.clone())];
        if rest == DEFAULT_INPUTS {
            ways.insert(0, Removal::Take { at: var.item, root: daemon.container.node });
        }
        found.add(target.doc, var.item, ways, name);
    }

    fn find_inputs_env(target: &Target<'_>, daemon: &Daemon<'_>, wiring: &Wiring, found: &mut Found) {
        let Some(var) = daemon.env(ENV_CONF) else { return };
        let all: String = wiring.wires.iter().map(|wire| wire.conf.text.as_str()).collect();
        if var.text.trim_end() == all.trim_end() {
            found.take(target.doc, var.item, daemon.container, ENV_CONF);
        } else if wiring.wires.iter().any(|wire| var.text.contains(wire.conf.text.trim_end())) {
            found.keep(target.doc, var.item, format!("{ENV_CONF} kept: it has other inputs too; edit it"));
        }
    }

    /// The mounts of files, and the volume where nothing else is mounted from it.
    fn find_mounts(
        target: &Target<'_>,
        daemon: &Daemon<'_>,
        datakit: &Surveyed,
        wiring: &Wiring,
        found: &mut Found,
    ) {
        let doc = target.doc;
        let Some(volume) = daemon.conf_volume() else { return };
        let mounts = daemon.mounts();
        let keys = || volume.items.as_ref().map(|(list, _)| doc.items(*list)).into_iter().flatten();
        let texts = target.survey.config_map_of(datakit).map(|map| map.data.as_slice()).unwrap_or_default();
        // Beside a file of another's making its mount is another's, too.
        let ours = |wire: &&Wire| match texts.iter().find(|(key, _)| key == wire.conf.key) {
            Some((_, text)) => text.trim_end() == wire.conf.text.trim_end(),
            None => wire.fate == Fate::Add,
        };
        let wires: Vec<_> = wiring.wires.iter().filter(ours).collect();
        let is_ours = |mount: &&Mount| {
            let wire = wires.iter().find(|wire| wire.conf.path == mount.path);
            mount.volume == volume.name
                && wire.is_some_and(|wire| mount.sub_path.as_deref() == Some(wire.conf.key))
        };
        let all = mounts.iter().filter(|mount| mount.volume == volume.name).count();
        let plain = volume.name == CONF_VOLUME && volume.config_map == CONF_VOLUME && volume.items.is_none();
        let volume_at = doc.get(daemon.template.spec, "volumes").and_then(|list| {
            doc.items(list).find(|item| doc.str_at(*item, "name").is_some_and(|name| name == volume.name))
        });
        if let Some(at) =
            volume_at.filter(|_| plain && all > 0 && mounts.iter().filter(is_ours).count() == all)
        {
            found.take(doc, at, daemon.template.spec, format!("volume {CONF_VOLUME}"));
            found.tie(VOLUME, wires.iter().map(|wire| mount_of(wire.conf.key)));
        }
        for wire in &wires {
            let key = wire.conf.key;
            let entry = keys().find(|item| {
                doc.str_at(*item, "key").is_some_and(|found| found == key)
                    && doc.str_at(*item, "path").is_some_and(|found| found == key)
            });
            if let Some(item) = entry {
                found.take(doc, item, daemon.template.spec, format!("key {key} of the volume"));
                found.tie(format!("datakit key {key}"), [mount_of(key)]);
            }
            if let Some(mount) = mounts.iter().filter(is_ours).find(|mount| mount.path == wire.conf.path) {
                found.take(doc, mount.item, daemon.container, format!("mount of {key}"));
                found.tie(mount_of(key), []);
            }
        }
    }

    pub(super) fn find_in_config_map(&self, target: &Target<'_>, datakit: &Surveyed, found: &mut Found) {
        let (doc, at) = (target.doc, target.resource.at);
        let wiring = wire(&self.0, target.survey, datakit);
        let mut ours = Vec::new();
        for wire in &wiring.wires {
            let there = doc.path(at, &["data", wire.conf.key]);
            let same = |at: &At| {
                doc.string(at.node).is_some_and(|text| text.trim_end() == wire.conf.text.trim_end())
            };
            match there {
                // A mount of another's making would become an empty folder.
                Some(there) if datakit.mounts_elsewhere(wire.conf.key, &wire.conf.path) => {
                    found.keep(doc, there, format!("{} kept: it is mounted at another place", wire.conf.key));
                }
                Some(there) if same(&there) => ours.push((there, wire.conf.key)),
                Some(there) => {
                    found.keep(
                        doc,
                        there,
                        format!("{} kept: it is not what these settings write", wire.conf.key),
                    );
                }
                None => {}
            }
        }
        let data = doc.get(at, "data").map_or(0, |data| doc.entries(data.node).count());
        if ours.len() == data && data > 0 && is_bare(target, "data") {
            found.whole(doc, at, whole(target));
            found.tie("datakit files", ours.iter().map(|(_, key)| mount_of(key)));
        }
        for (entry, key) in ours {
            found.take(doc, entry, at, key);
            found.tie(file(key), [mount_of(key)]);
        }
    }

    pub(super) fn find_in_secret(&self, target: &Target<'_>, found: &mut Found) {
        let (doc, at) = (target.doc, target.resource.at);
        let Some(url) = doc.path(at, &["stringData", "dataway"]) else { return };
        let text = doc.string(url.node).unwrap_or_default();
        if self.0.token.as_ref().is_none_or(|token| dataway::with_token(&text, token) != *text) {
            found.keep(
                doc,
                url,
                "address kept: pass the token that `patch` was given (--token-file) to take it out",
            );
            return;
        }
        let entries = doc.get(at, "stringData").map_or(0, |data| doc.entries(data.node).count());
        if entries == 1 && is_bare(target, "stringData") {
            found.whole(doc, at, whole(target));
            found.tie("datakit secret", [DATAWAY.to_owned()]);
        }
        found.take(doc, url, at, "the address");
        found.tie("datakit address", [DATAWAY.to_owned()]);
    }
}

/// A variable that was added, or had a placeholder.
fn replaced(
    target: &Target<'_>,
    daemon: &Daemon<'_>,
    var: &EnvVar,
    name: &str,
    old: String,
    found: &mut Found,
) {
    let Some(at) = var.value.filter(|_| var.from.is_none() && var.doubled.is_none()) else { return };
    let take = Removal::Take { at: var.item, root: daemon.container.node };
    let ways = if old.is_empty() || old == "default" {
        vec![take, restore(at, old)]
    } else {
        vec![restore(at, old)]
    };
    found.add(target.doc, var.item, ways, name);
}

/// A list without the last items, where they are these or the last few of these.
fn without_tail(text: &str, tail: &[String]) -> Option<String> {
    let separator = if text.contains(char::is_whitespace) { ' ' } else { ',' };
    let items: Vec<_> = text.split(separator).collect();
    let longest = (1..=tail.len()).rev();
    let fits = |count: &usize| {
        let last = items.len().checked_sub(*count).and_then(|from| items.get(from..)).unwrap_or_default();
        let mut wanted = tail.iter();
        !last.is_empty() && last.iter().all(|item| wanted.any(|known| known == item))
    };
    let count = longest.into_iter().find(fits)?;
    Some(items.get(..items.len() - count)?.join(&separator.to_string()))
}

/// Whether a resource has nothing but its head and one field.
fn is_bare(target: &Target<'_>, field: &str) -> bool {
    let (doc, at) = (target.doc, target.resource.at);
    let known = |key, names: &[&str]| names.iter().any(|name| doc.is(key, name));
    let metadata = doc.get(at, "metadata").map(|at| doc.entries(at.node).collect::<Vec<_>>());
    doc.entries(at.node).all(|(key, _)| known(key, &["apiVersion", "kind", "metadata", "type", field]))
        && metadata.unwrap_or_default().iter().all(|(key, _)| known(*key, &["name", "namespace"]))
}

/// The whole of an added resource: an item of the list that it was added to, or its document.
fn whole(target: &Target<'_>) -> Removal {
    let at = target.resource.at;
    if at.parent.is_some() { Removal::Take { at, root: at.node } } else { Removal::Document }
}
