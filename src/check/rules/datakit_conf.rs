//! DataKit can read its configuration: TOML, inputs and settings by their real names, values of their types, each in its
//! own table.

use toml::{Table, Value as Toml};

use super::{Check, datakit as shared};
use crate::check::{Finding, Outcome};
use crate::facts::datakit::{
    INPUTS, INTERVAL_IS_DURATION, KUBERNETES_PROMETHEUS, METRIC_TYPES, PROM_URLS, Type, UNKNOWN_KEYS_IGNORED,
    before, is_duration, keys, matches_all,
};
use crate::mesh::{ConfFile, Datakit, Mesh};
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "datakit-conf", section: "DataKit", title: "DataKit's configuration can be read", run };

/// The inputs whose names are looked at: others may be of a DataKit that is not known here.
const OURS: &[&str] = &["zipkin", "prom", "kubernetesprometheus", "container", "rum"];

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        let wrong: Vec<_> = misspelt(datakit)
            .map(|(file, input, meant)| (file.path.clone(), input.to_owned(), meant))
            .collect();
        for file in &datakit.conf.files {
            outcome.looked(CHECK.id);
            broken(datakit, file, outcome);
            for (_, input, meant) in wrong.iter().filter(|(path, ..)| *path == file.path) {
                let message = format!("`{}` configures `{input}`, which is no input of DataKit", file.name);
                let hint = format!("write [[inputs.{meant}]] instead of [[inputs.{input}]]");
                let finding = fail(file, message, hint, outcome);
                shared::follows(datakit, |what| *meant == what || file.text.contains(what), finding);
            }
            for block in file.blocks.as_deref().unwrap_or_default() {
                let mut judge = Judge { datakit, file, input: &block.input, outcome };
                judge.block(&block.table);
            }
        }
        singleton(datakit, outcome);
    }
}

fn fail<'o>(file: &ConfFile<'_>, message: String, hint: String, outcome: &'o mut Outcome) -> &'o mut Finding {
    outcome.fail(CHECK.id, file.object, file.field, message, hint)
}

/// Inputs whose names are misspelt, with the name that was meant.
pub(super) fn misspelt<'d>(
    datakit: &'d Datakit<'_>,
) -> impl Iterator<Item = (&'d ConfFile<'d>, &'d str, &'static str)> {
    datakit.conf.files.iter().flat_map(|file| {
        let blocks = file.blocks.as_deref().unwrap_or_default();
        let unknown = blocks.iter().filter(|block| !INPUTS.contains(&block.input.as_str()));
        unknown.filter_map(move |block| {
            let meant = nearest(&block.input, OURS.iter().copied())?;
            Some((file, block.input.as_str(), meant))
        })
    })
}

/// A text that is no TOML, or has no inputs at all.
fn broken(datakit: &Datakit<'_>, file: &ConfFile<'_>, outcome: &mut Outcome) {
    let concerns = |what: &str| file.path.contains(what) || file.text.to_lowercase().contains(what);
    let (message, hint) = match &file.blocks {
        Err(error) => (
            format!(
                "`{}` is not valid TOML (line {}: {}), so DataKit drops the whole file",
                file.name, error.line, error.message
            ),
            format!("correct line {} of `{}`", error.line, file.name),
        ),
        Ok(blocks) if blocks.is_empty() => {
            let table: Table = file.text.parse().unwrap_or_default();
            let Some(wrong) = table.keys().find(|key| key.as_str() != "inputs") else { return };
            let hint = if nearest(wrong, ["inputs"]).is_some() {
                format!("write [[inputs.…]] instead of [[{wrong}.…]]")
            } else {
                "begin each block with [[inputs.NAME]]".to_owned()
            };
            (
                format!(
                    "`{}` has no [[inputs.NAME]] but `{wrong}`, so DataKit reads nothing from it",
                    file.name
                ),
                hint,
            )
        }
        Ok(_) => return,
    };
    let finding = fail(file, message, hint, outcome);
    shared::follows(datakit, concerns, finding);
}

/// Of several files for kubernetesprometheus one counts: the first in the order of paths.
fn singleton(datakit: &Datakit<'_>, outcome: &mut Outcome) {
    const INPUT: &str = "kubernetesprometheus";
    if datakit.switches_off(INPUT) || before(datakit.version(), KUBERNETES_PROMETHEUS) {
        return;
    }
    let mut files = datakit.conf.blocks(INPUT).map(|(file, _)| file);
    let Some(first) = files.next() else { return };
    let own = datakit.own_conf_path(INPUT);
    let listed = datakit.enabled_inputs().iter().any(|name| name == INPUT);
    let sorts_first = own.split('/').lt(first.path.split('/'));
    let losers = files.map(|file| (file, first.path.as_str()));
    let losers = std::iter::once((first, own.as_str())).filter(|_| listed && sorts_first).chain(losers);
    for (file, winner) in losers {
        let message = format!(
            "{} is never used: DataKit runs one {INPUT}, and the file {winner} sorts before it",
            file.path
        );
        let hint = format!("mount it as {}/{INPUT}/{INPUT}.conf", crate::facts::datakit::CONF_D);
        fail(file, message, hint, outcome);
    }
}

/// Judges one block.
struct Judge<'j, 'i> {
    datakit: &'j Datakit<'i>,
    file: &'j ConfFile<'i>,
    input: &'j str,
    outcome: &'j mut Outcome,
}

impl Judge<'_, '_> {
    fn fail(&mut self, message: String, hint: String) -> &mut Finding {
        fail(self.file, message, hint, self.outcome)
    }

    fn block(&mut self, table: &Table) {
        let version = self.datakit.version();
        let name = &self.file.name;
        if self.input == "kubernetesprometheus" && before(version, KUBERNETES_PROMETHEUS) {
            let message = format!(
                "`{name}` configures {}, which DataKit has since {KUBERNETES_PROMETHEUS}; this one is older",
                self.input
            );
            let hint =
                format!("run DataKit {KUBERNETES_PROMETHEUS} or later, or scrape with [[inputs.prom]]");
            self.fail(message, hint);
            return;
        }
        let Some(keys) = keys(self.input) else { return };
        if !self.table(self.input.to_owned(), table, keys) {
            return;
        }
        self.misplaced(table, keys);
        if self.input == "prom" {
            self.prom(table);
        }
    }

    /// Keys and types; whether the input survives them.
    fn table(&mut self, path: String, table: &Table, keys: &'static [(&'static str, Type)]) -> bool {
        let mut open = vec![(path, table, keys)];
        let version = self.datakit.version();
        let mut fine = true;
        while let Some((path, table, keys)) = open.pop() {
            for (key, value) in table {
                let known = keys.iter().find(|(known, _)| known.eq_ignore_ascii_case(key));
                let too_new = key == "urls" && before(version, PROM_URLS);
                let Some((_, kind)) = known.filter(|_| !too_new) else {
                    fine &= self.unknown(&path, key, keys);
                    continue;
                };
                match (kind, value) {
                    (Type::Table(keys), Toml::Table(table)) => {
                        open.push((format!("{path}.{key}"), table, keys))
                    }
                    (Type::Tables(keys), Toml::Array(items)) if items.iter().all(Toml::is_table) => {
                        let tables = items.iter().filter_map(Toml::as_table);
                        open.extend(tables.map(|table| (format!("{path}.{key}"), table, *keys)));
                    }
                    _ => fine &= self.value(&path, key, value, *kind),
                }
            }
        }
        fine
    }

    /// A key that the input does not know.
    fn unknown(&mut self, path: &str, key: &str, keys: &[(&str, Type)]) -> bool {
        let near = nearest(key, keys.iter().map(|(known, _)| *known));
        let name = self.file.name.clone();
        let hint = near
            .map_or_else(|| format!("remove `{key}`"), |near| format!("write `{near}` instead of `{key}`"));
        if before(self.datakit.version(), UNKNOWN_KEYS_IGNORED) {
            let message = format!(
                "`{name}`: {path} has no setting `{key}`, and DataKit before {UNKNOWN_KEYS_IGNORED} refuses the whole input \
                 for it"
            );
            let (datakit, input) = (self.datakit, self.input.to_owned());
            let text = self.file.text.clone();
            let finding = self.fail(message, hint);
            if text.contains("istiod") && input == "prom" {
                shared::follows(datakit, |what| what == "istiod", finding);
            }
            return false;
        }
        let Some(near) = near else { return true };
        let message =
            format!("`{name}`: {path} has no setting `{key}`, so DataKit ignores it; `{near}` was meant");
        let decides = [
            "url",
            "urls",
            "measurement_name",
            "pathV2",
            "instances",
            "port",
            "selector",
            "role",
            "measurement",
        ];
        if decides.contains(&near) {
            self.fail(message, hint);
            return false;
        }
        self.outcome.warn(CHECK.id, self.file.object, self.file.field, message, hint);
        true
    }

    /// The type of a value; whether the input survives it.
    fn value(&mut self, path: &str, key: &str, value: &Toml, kind: Type) -> bool {
        let texts = |value: &Toml| value.as_array().is_some_and(|items| items.iter().all(Toml::is_str));
        let old = before(self.datakit.version(), INTERVAL_IS_DURATION);
        let (fits, want) = match kind {
            Type::Text => (value.is_str(), "a string"),
            Type::Texts => (texts(value), "a list of strings"),
            Type::Bool => (value.is_bool(), "true or false"),
            Type::Number => (value.is_integer() || value.is_float(), "a number"),
            Type::Duration => (
                value.as_str().is_some_and(|text| text.is_empty() || is_duration(text))
                    || (value.is_integer() && !old),
                "a duration with its unit, as \"30s\"",
            ),
            Type::Tags => {
                (value.as_table().is_some_and(|tags| tags.values().all(Toml::is_str)), "strings by name")
            }
            Type::Lists => {
                (value.as_table().is_some_and(|lists| lists.values().all(texts)), "lists of strings by name")
            }
            Type::Table(_) => (value.is_table(), "a table"),
            Type::Tables(_) => (value.is_array(), "a list of tables"),
            Type::Any => (true, ""),
        };
        let name = self.file.name.clone();
        if !fits {
            let shown = shorten(value);
            let message = format!(
                "`{name}`: {key} = {shown} in {path} has to be {want}, so DataKit refuses the whole input"
            );
            let text = self.file.text.clone();
            let (datakit, input) = (self.datakit, self.input.to_owned());
            let finding = self.fail(message, format!("write {key} as {want}"));
            if input == "prom" && text.contains("istiod") {
                shared::follows(datakit, |what| what == "istiod", finding);
            }
        } else if value.is_integer() && matches!(kind, Type::Duration) {
            let message = format!(
                "`{name}`: {key} = {value} in {path} means nanoseconds, so DataKit scrapes once a second"
            );
            let hint = format!("write {key} = \"{value}s\"");
            self.outcome.warn(CHECK.id, self.file.object, self.file.field, message, hint);
        }
        fits
    }

    /// Settings that stand behind a table, and so have become part of it.
    fn misplaced(&mut self, table: &Table, keys: &[(&str, Type)]) {
        const PLAUSIBLE: &[&str] = &["source", "auth", "output", "port", "path", "role", "scheme"];
        let tables = table.iter().filter_map(|(name, value)| Some((name, value.as_table()?)));
        let tables: Vec<_> =
            tables.map(|(name, table)| (name.clone(), table.keys().cloned().collect::<Vec<_>>())).collect();
        for (inner, names) in tables {
            if !["tags", "global_tags", "sampler", "threads", "storage", "close_resource"]
                .contains(&inner.as_str())
            {
                continue;
            }
            let is_misplaced = |key: &String| {
                let is_own = keys.iter().any(|(known, _)| known.eq_ignore_ascii_case(key));
                is_own && !PLAUSIBLE.contains(&key.as_str()) && shared::setting(table, key).is_none()
            };
            let wrong: Vec<String> =
                names.iter().filter(|key| is_misplaced(key)).map(|key| format!("`{key}`")).collect();
            let Some(first) = wrong.first() else { continue };
            let (name, input, all) = (&self.file.name, self.input, wrong.join(", "));
            let effect = match (inner.ends_with("tags"), wrong.len()) {
                (true, 1) => {
                    format!("{first} is below [inputs.{input}.{inner}], so it is a tag, and not a setting")
                }
                (true, _) => {
                    format!("{all} are below [inputs.{input}.{inner}], so they are tags, and not settings")
                }
                (false, 1) => format!("{first} is below [inputs.{input}.{inner}], so it is not read"),
                (false, _) => format!("{all} are below [inputs.{input}.{inner}], so they are not read"),
            };
            let message = format!("`{name}`: {effect}");
            self.fail(message, format!("move {all} above [inputs.{input}.{inner}]"));
        }
    }

    fn prom(&mut self, table: &Table) {
        let name = self.file.name.clone();
        let is_empty =
            |value: &Toml| value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
        let address = ["url", "urls", "uds_path"]
            .iter()
            .any(|key| shared::setting(table, key).is_some_and(|v| !is_empty(v)));
        let misplaced = table
            .get("tags")
            .and_then(Toml::as_table)
            .is_some_and(|tags| tags.contains_key("url") || tags.contains_key("urls"));
        let is_misspelt = misspelt(self.datakit).any(|(file, ..)| file.path == self.file.path);
        if !address && !misplaced && !is_misspelt {
            self.fail(
                format!("`{name}`: a block of prom has no url, so it scrapes nothing"),
                "add its url".to_owned(),
            );
        }
        let texts = |key: &str| {
            let list = shared::setting(table, key).and_then(Toml::as_array);
            list.into_iter().flatten().filter_map(Toml::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let types = texts("metric_types");
        let known = |name: &String| METRIC_TYPES.iter().any(|known| known.eq_ignore_ascii_case(name));
        // One that is wrong mostly comes with others.
        if let Some(wrong) = types.iter().find(|name| !known(name)) {
            let near = nearest(wrong, METRIC_TYPES.iter().copied());
            let message = format!(
                "`{name}`: metric_types has `{wrong}`, which is no type of metrics and matches nothing"
            );
            let hint = near.map_or_else(
                || format!("write some of {}", METRIC_TYPES.join(", ")),
                |near| format!("write `{near}` instead of `{wrong}`"),
            );
            self.fail(message, hint);
        }
        if let Some(all) = texts("metric_name_filter_ignore").into_iter().find(|pattern| matches_all(pattern))
        {
            let message =
                format!("`{name}`: metric_name_filter_ignore has `{all}`, which drops every metric");
            self.fail(message, "remove it from metric_name_filter_ignore".to_owned());
        }
    }
}

/// A value for a message, on one line and not too long.
fn shorten(value: &Toml) -> String {
    let text = value.to_string().replace('\n', " ");
    if text.chars().count() > 40 { text.chars().take(40).collect::<String>() + "…" } else { text }
}
