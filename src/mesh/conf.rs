//! DataKit's configuration as it is in effect: the files below `conf.d` that volumes bring there, and the text in its
//! environment, in the order DataKit reads them; what was meant to be among them and is not; and what is not in view.

use std::collections::HashSet;

use toml::{Table, Value as Toml};

use super::beside;
use super::env::Env;
use crate::facts::Version;
use crate::facts::datakit::{CONF_D, CONF_IN_ENV, ENV_CONF, ENV_GIT, before};
use crate::kube::{Field, Inventory, Object};
use crate::spelling::nearest;

/// A block of a file: the input that it configures, and its settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) input: String,
    pub(crate) table: Table,
}

/// Why a file is no TOML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Line of the text, from 1.
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// A file that DataKit reads.
#[derive(Clone, Debug)]
pub(crate) struct ConfFile<'i> {
    /// Where it is in the container.
    pub(crate) path: String,
    /// What it is called where it is written: a key of a ConfigMap, or a variable.
    pub(crate) name: String,
    pub(crate) object: &'i Object,
    pub(crate) field: Field<'i>,
    /// The text, with variables of the environment put in.
    pub(crate) text: String,
    /// Its blocks; none for a file whose text was read from another path already.
    pub(crate) blocks: Result<Vec<Block>, Broken>,
}

/// Why something that was meant to be configuration is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// A mount names a volume that the pod does not have.
    NoVolume(String),
    /// The ConfigMap is not in the pod's namespace; another namespace that has one of its name.
    NoMap { map: String, elsewhere: Option<String> },
    /// The ConfigMap is there and has no such key.
    NoKey { map: String, key: String },
    /// The volume's `items` do not pick the file.
    NotPicked { map: String, file: String },
    /// Its file name does not end in `.conf`.
    NotConf,
    /// It is mounted outside of `conf.d`.
    Outside,
    /// No mount brings it into the container.
    Unmounted,
    /// This version does not read the variable.
    TooOld,
}

/// Something that was meant to be configuration.
#[derive(Clone, Debug)]
pub(crate) struct Lost<'i> {
    pub(crate) object: &'i Object,
    pub(crate) field: Field<'i>,
    pub(crate) why: Loss,
    /// Where it was to be in the container, or its key.
    pub(crate) path: String,
    /// Its text, where there is one.
    pub(crate) text: String,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conf<'i> {
    pub(crate) files: Vec<ConfFile<'i>>,
    pub(crate) lost: Vec<Lost<'i>>,
    /// Sources that are not in view.
    pub(crate) unseen: Vec<(Field<'i>, String)>,
    /// The ConfigMaps in view that volumes of the pod come from.
    pub(crate) maps: Vec<&'i Object>,
}

impl Lost<'_> {
    /// Whether its path or text speaks of something.
    pub(crate) fn concerns(&self, what: &str) -> bool {
        self.path.to_lowercase().contains(what) || self.text.to_lowercase().contains(what)
    }
}

/// A file of a volume.
struct Entry<'i> {
    file: String,
    key: String,
    map: &'i Object,
    field: Field<'i>,
}

/// What a volume holds.
#[derive(Default)]
struct Volume<'i> {
    entries: Vec<Entry<'i>>,
    /// ConfigMaps that are not there.
    no_maps: Vec<(String, Option<String>)>,
    /// Keys that `items` pick and the ConfigMap does not have: ConfigMap, key, file.
    no_keys: Vec<(String, String, String)>,
    /// The ConfigMaps that are there, and whether `items` pick from them.
    maps: Vec<(&'i Object, bool)>,
    /// What is not in view.
    unseen: Option<String>,
}

/// What is collected while the mounts are read.
struct Reader<'e, 'i> {
    inventory: &'i Inventory,
    object: &'i Object,
    env: &'e Env<'i>,
    conf: Conf<'i>,
    /// Keys that are mounted anywhere, by ConfigMap.
    used: HashSet<(*const Object, String)>,
    maps: Vec<&'i Object>,
}

impl<'i> Conf<'i> {
    pub(super) fn of(
        inventory: &'i Inventory,
        object: &'i Object,
        spec: Field<'i>,
        container: Field<'i>,
        env: &Env<'i>,
        version: Option<Version>,
    ) -> Self {
        let (conf, used, maps) = (Conf::default(), HashSet::new(), Vec::new());
        let mut reader = Reader { inventory, object, env, conf, used, maps };
        for mount in container.get("volumeMounts").items() {
            reader.mount(spec, mount);
        }
        reader.other_containers(spec, container);
        reader.unmounted();
        reader.environment(version);
        let mut conf = reader.conf;
        for volume in spec.get("volumes").items() {
            let name = volume.at(&["configMap", "name"]).text();
            let map = beside(inventory, object, "ConfigMap", &name).filter(|_| !name.is_empty());
            conf.maps.extend(map);
        }
        conf.files.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
        // Of files with equal bytes the first counts.
        let mut known: HashSet<String> = HashSet::new();
        for file in &mut conf.files {
            if !known.insert(file.text.clone()) {
                file.blocks = Ok(Vec::new());
            }
        }
        conf
    }

    /// All blocks of an input, with their files, in the order DataKit reads them.
    pub(crate) fn blocks<'s>(
        &'s self,
        input: &'s str,
    ) -> impl Iterator<Item = (&'s ConfFile<'i>, &'s Table)> {
        let blocks = move |file: &'s ConfFile<'i>| {
            let blocks = file.blocks.as_deref().unwrap_or_default();
            blocks.iter().filter(move |block| block.input == input).map(move |block| (file, &block.table))
        };
        self.files.iter().flat_map(blocks)
    }

    /// Whether something is lost, cannot be read, or is misspelt that speaks of this.
    pub(crate) fn has_lost(&self, what: &str) -> bool {
        self.lost.iter().any(|lost| lost.concerns(what))
            || self.files.iter().any(|file| {
                file.blocks.as_ref().map_or(true, Vec::is_empty)
                    && says_something(&file.text)
                    && (file.path.contains(what) || file.text.to_lowercase().contains(what))
            })
    }
}

/// A path in its shortest form.
fn normal(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.fold(String::new(), |path, part| path + "/" + part)
}

fn is_inside(path: &str) -> bool {
    path.strip_prefix(CONF_D).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a text has more than comments.
fn says_something(text: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The key of a ConfigMap that is meant by the name of a file: a letter or two apart, or with a suffix more or less, as
/// samples and copies have.
pub(crate) fn meant_key<'k>(file: &str, keys: impl Iterator<Item = &'k str> + Clone) -> Option<&'k str> {
    let is_copy = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('.'));
    nearest(file, keys.clone())
        .or_else(|| keys.into_iter().find(|key| is_copy(key, file) || is_copy(file, key)))
}

/// Whether a text looks like the configuration of inputs.
fn is_conf(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().trim_start_matches('[').trim_start().starts_with("inputs."))
}

impl<'i> Reader<'_, 'i> {
    fn mount(&mut self, spec: Field<'i>, mount: Field<'i>) {
        let target = normal(&mount.get("mountPath").text());
        let name = mount.get("name").text();
        let Some(volume) = spec.get("volumes").items().find(|volume| volume.get("name").is(&name)) else {
            if is_inside(&target) {
                let file = mount.get("subPath").text();
                for volume in spec.get("volumes").items() {
                    let maps = self.volume(volume).map(|held| held.maps).unwrap_or_default();
                    let keys = maps.iter().map(|(map, _)| (std::ptr::from_ref(*map), file.to_string()));
                    self.used.extend(keys);
                }
                self.lose(mount.get("name"), Loss::NoVolume(name.into_owned()), target);
            }
            return;
        };
        let Some(held) = self.volume(volume) else {
            // The folder as a whole, or something around it, comes from elsewhere.
            if is_inside(&target) || is_inside(&format!("{target}/conf.d")) {
                let kind = volume.entries().map(|(key, _)| key).find(|key| key != "name");
                self.conf.unseen.push((mount, format!("a volume of type {}", kind.unwrap_or_default())));
            }
            return;
        };
        if let Some(unseen) = held.unseen.clone().filter(|_| is_inside(&target)) {
            self.conf.unseen.push((mount, unseen));
        }
        for (map, elsewhere) in &held.no_maps {
            let why = Loss::NoMap { map: map.clone(), elsewhere: elsewhere.clone() };
            if is_inside(&target) {
                self.lose(volume, why, target.clone());
            }
        }
        let sub_path = match self.sub_path(mount) {
            Ok(sub_path) => sub_path,
            Err(unseen) => return self.conf.unseen.push((mount, unseen)),
        };
        self.place(mount, &target, &sub_path, &held);
        for (map, _) in &held.maps {
            if is_inside(&target) && !self.maps.iter().any(|known| std::ptr::eq(*known, *map)) {
                self.maps.push(map);
            }
        }
    }

    /// The path of a mount inside of its volume.
    fn sub_path(&self, mount: Field<'i>) -> Result<String, String> {
        let expression = mount.get("subPathExpr").text();
        if expression.is_empty() {
            return Ok(normal(&mount.get("subPath").text()).trim_start_matches('/').to_owned());
        }
        match self.env.expand(&expression) {
            super::env::Value::Text(text) => Ok(normal(&text).trim_start_matches('/').to_owned()),
            _ => Err(format!("the path `{expression}`")),
        }
    }

    /// Puts what a mount brings into the container.
    fn place(&mut self, mount: Field<'i>, target: &str, sub_path: &str, held: &Volume<'i>) {
        let mut any = false;
        for entry in &held.entries {
            let path = if sub_path.is_empty() {
                format!("{target}/{}", entry.file)
            } else if entry.file == sub_path {
                target.to_owned()
            } else if let Some(rest) = entry.file.strip_prefix(&format!("{sub_path}/")) {
                format!("{target}/{rest}")
            } else {
                continue;
            };
            any = true;
            self.used.insert((std::ptr::from_ref(entry.map), entry.key.clone()));
            self.add(mount, path, entry);
        }
        if any || !is_inside(target) || held.unseen.is_some() || !held.no_maps.is_empty() {
            return;
        }
        let file = sub_path.to_owned();
        let no_key = held.no_keys.iter().find(|(.., picked)| sub_path.is_empty() || *picked == file);
        let field = if sub_path.is_empty() { mount } else { mount.get("subPath") };
        // The key that was meant is not told to be mounted nowhere, too.
        for (map, _) in &held.maps {
            let keys: Vec<_> = map.at(&["data"]).entries().map(|(key, _)| key).collect();
            let names = keys.iter().map(|key| &**key);
            let meant =
                keys.iter().find(|key| **key == file).map(|key| &**key).or_else(|| meant_key(&file, names));
            self.used.extend(meant.map(|key| (std::ptr::from_ref(*map), key.to_owned())));
        }
        let why = match (no_key, held.maps.first()) {
            (Some((map, key, _)), _) => Loss::NoKey { map: map.clone(), key: key.clone() },
            (None, Some((map, true))) if !sub_path.is_empty() => {
                Loss::NotPicked { map: map.name().to_owned(), file }
            }
            (None, Some((map, _))) if !sub_path.is_empty() => {
                Loss::NoKey { map: map.name().to_owned(), key: file }
            }
            _ => return,
        };
        self.lose(field, why, target.to_owned());
    }

    fn lose(&mut self, field: Field<'i>, why: Loss, path: String) {
        let object = self.object;
        // A ConfigMap that is not there is one cause, however many files were to come from it.
        let is_map = matches!(why, Loss::NoMap { .. });
        if let Some(known) = self.conf.lost.iter_mut().find(|lost| is_map && lost.why == why) {
            known.path = format!("{} and {path}", known.path);
            return;
        }
        self.conf.lost.push(Lost { object, field, why, path, text: String::new() });
    }

    /// A file at a path in the container.
    fn add(&mut self, mount: Field<'i>, path: String, entry: &Entry<'i>) {
        let raw = entry.field.text();
        let why = if !is_inside(&path) {
            Loss::Outside
        } else if !path.ends_with(".conf") {
            Loss::NotConf
        } else if path.ends_with("/datakit.conf") || path.contains(".git") {
            return;
        } else {
            let (object, field, name) = (entry.map, entry.field, entry.key.clone());
            let file = self.file(path, name, object, field, &raw);
            // A mount of one file hides that of a folder.
            self.conf.files.retain(|other| other.path != file.path);
            return self.conf.files.push(file);
        };
        if is_conf(&raw) {
            let text = raw.into_owned();
            self.conf.lost.push(Lost { object: self.object, field: mount, why, path, text });
        }
    }

    fn file(
        &self,
        path: String,
        name: String,
        object: &'i Object,
        field: Field<'i>,
        raw: &str,
    ) -> ConfFile<'i> {
        let text = expand(raw, self.env);
        ConfFile { path, name, object, field, blocks: blocks(&text), text }
    }

    /// What a volume holds; nothing for one that is not made of ConfigMaps.
    fn volume(&self, volume: Field<'i>) -> Option<Volume<'i>> {
        let mut held = Volume::default();
        let map = volume.get("configMap");
        let projected = volume.get("projected");
        if map.is_set() {
            self.source(map, &mut held);
        } else if projected.is_set() {
            for source in projected.get("sources").items() {
                if source.get("configMap").is_set() {
                    self.source(source.get("configMap"), &mut held);
                } else if source.get("secret").is_set() {
                    held.unseen = Some(format!("Secret `{}`", source.at(&["secret", "name"]).text()));
                }
            }
        } else {
            return None;
        }
        Some(held)
    }

    fn source(&self, source: Field<'i>, held: &mut Volume<'i>) {
        let name = source.get("name").text();
        let Some(map) = beside(self.inventory, self.object, "ConfigMap", &name) else {
            let optional = source.get("optional").is_true();
            let elsewhere = self.inventory.of("", "ConfigMap").find(|map| map.name() == name);
            let elsewhere = elsewhere.map(|map| map.namespace().to_owned());
            let hidden =
                self.inventory.may_miss("", "configmaps") && elsewhere.is_none() && !self.is_misspelt(&name);
            if hidden {
                held.unseen = Some(format!("ConfigMap `{name}`"));
            } else if !optional {
                held.no_maps.push((name.into_owned(), elsewhere));
            }
            return;
        };
        let picks: Vec<_> = source.get("items").items().collect();
        held.maps.push((map, !picks.is_empty()));
        let data = map.at(&["data"]);
        let binary = map.at(&["binaryData"]);
        let mut add = |key: &str, file: String| {
            let field = data.get(key);
            if field.exists() {
                held.entries.push(Entry { file, key: key.to_owned(), map, field });
            } else if binary.get(key).exists() {
                held.unseen = Some(format!("binary data of ConfigMap `{name}`"));
            } else {
                held.no_keys.push((name.clone().into_owned(), key.to_owned(), file));
            }
        };
        if picks.is_empty() {
            for (key, _) in data.entries().chain(binary.entries()) {
                add(&key, key.clone().into_owned());
            }
        }
        for pick in picks {
            let path = normal(&pick.get("path").text());
            add(&pick.get("key").text(), path.trim_start_matches('/').to_owned());
        }
    }

    /// Whether a name is nearly that of a ConfigMap with configuration of inputs that is beside the pod.
    fn is_misspelt(&self, name: &str) -> bool {
        let maps = self.inventory.of("", "ConfigMap");
        let beside = maps.filter(|map| map.namespace() == self.object.namespace());
        let configuring =
            beside.filter(|map| map.at(&["data"]).entries().any(|(_, text)| is_conf(&text.text())));
        nearest(name, configuring.map(Object::name)).is_some()
    }

    /// What other containers of the pod mount is used, too.
    fn other_containers(&mut self, spec: Field<'i>, own: Field<'i>) {
        let lists = ["containers", "initContainers"];
        let all = lists.iter().flat_map(|list| spec.get(list).items());
        for container in all.filter(|container| container.offset() != own.offset()) {
            for mount in container.get("volumeMounts").items() {
                let name = mount.get("name").text();
                let volume = spec.get("volumes").items().find(|volume| volume.get("name").is(&name));
                let Some(held) = volume.and_then(|volume| self.volume(volume)) else { continue };
                let keys =
                    held.entries.iter().map(|entry| (std::ptr::from_ref(entry.map), entry.key.clone()));
                self.used.extend(keys);
            }
        }
    }

    /// Configuration in a ConfigMap that files are mounted from, and that is not mounted itself.
    fn unmounted(&mut self) {
        for map in std::mem::take(&mut self.maps) {
            for (key, field) in map.at(&["data"]).entries() {
                let text = field.text();
                if is_conf(&text) && !self.used.contains(&(std::ptr::from_ref(map), key.to_string())) {
                    let (path, text) = (key.into_owned(), text.into_owned());
                    self.conf.lost.push(Lost { object: map, field, why: Loss::Unmounted, path, text });
                }
            }
        }
    }

    /// Configuration in the environment, and what it says about configuration elsewhere.
    fn environment(&mut self, version: Option<Version>) {
        for name in [ENV_CONF, ENV_GIT] {
            let unseen = self.env.is_unknown(name) || (name == ENV_GIT && !self.env.text(name).is_empty());
            if let Some(var) = self.env.get(name).filter(|_| unseen) {
                self.conf.unseen.push((var.field, format!("the variable {name}")));
            }
        }
        if let Some((field, what)) = self.env.unseen.first() {
            self.conf.unseen.push((*field, format!("variables from {what}")));
        }
        let text = self.env.text(ENV_CONF);
        let Some(var) = self.env.get(ENV_CONF).filter(|_| !text.trim().is_empty()) else { return };
        let path = format!("{CONF_D}/{ENV_CONF}.conf");
        if before(version, CONF_IN_ENV) {
            let (object, field, text) = (var.object, var.field, text.to_owned());
            self.conf.lost.push(Lost { object, field, why: Loss::TooOld, path: ENV_CONF.to_owned(), text });
            return;
        }
        let file = self.file(path, ENV_CONF.to_owned(), var.object, var.field, text);
        self.conf.files.push(file);
    }
}

/// Puts variables into a file as DataKit does: `$NAME` and `${NAME}`; what is not set stays.
fn expand(text: &str, env: &Env<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('$') {
        out.push_str(head);
        let braced = tail.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(tail.len());
        let (name, behind) = braced.unwrap_or_else(|| tail.split_at(end));
        let value = env.text(name);
        if value.is_empty() {
            out.push('$');
            rest = tail;
        } else {
            out.push_str(value);
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}

/// The blocks of a text. A single `[inputs.x]` and `[[inputs.x]]` are the same to DataKit.
fn blocks(text: &str) -> Result<Vec<Block>, Broken> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| Broken {
        line: 1 + error.span().map_or(0, |span| text.get(..span.start).unwrap_or("").matches('\n').count()),
        message: error.message().lines().next().unwrap_or_default().to_owned(),
    })?;
    let mut found = Vec::new();
    for (name, input) in table.get("inputs").and_then(Toml::as_table).into_iter().flatten() {
        let one = std::slice::from_ref(input);
        let blocks = input.as_array().map_or(one, Vec::as_slice).iter().filter_map(Toml::as_table);
        found.extend(blocks.map(|table| Block { input: name.clone(), table: table.clone() }));
    }
    Ok(found)
}
