//! Settings: each is defined once, as a flag with its environment variable and as a key of `meshobs.toml`. A file a
//! table; here is what they have in common.
//!
//! A flag goes before the environment, that before the file, that before the default. Nothing here reads manifests.

/// Takes each field from the first of two that has it.
macro_rules! first_of {
    ($first:ident, $second:ident: $($field:ident),* $(,)?) => {
        Self { $($field: $first.$field.or($second.$field)),* }
    };
}

mod check;
mod datakit;
mod flags;
mod install;
mod metrics;
mod namespace;
mod nearest;
mod page;
mod patch;
mod rum;
#[cfg(test)]
mod schema;
mod tracing;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Table;

use crate::diagnostic::Diagnostic;
use crate::input::io_message;
use crate::kustomize::Kustomize;
use crate::rule::{
    Collector, DatakitSettings, MetricsSettings, NamespaceSettings, RuleName, RumSettings, TracingSettings,
};
use crate::stdio;

pub use check::CheckOptions;
pub(crate) use check::CheckSettings;
pub use datakit::{DatakitOptions, TOKEN_VARIABLE};
pub use flags::{Flags, RuleOptions};
pub(crate) use install::Parts;
pub use install::{InstallOptions, Part};
pub use metrics::MetricsOptions;
pub use namespace::NamespaceOptions;
pub(crate) use nearest::Nearest;
pub use page::PageOptions;
pub use patch::PatchOptions;
pub use rum::RumOptions;
pub use tracing::TracingOptions;

/// The file that is read where the command runs.
pub const FILE: &str = "meshobs.toml";

/// What `meshobs.toml` can hold: the same as the flags.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// `[patch]`: which rules run, and how.
    pub patch: PatchOptions,
    /// `[namespace]`: where resources go that have no namespace.
    pub namespace: NamespaceOptions,
    /// `[metrics]`: the scrape annotation.
    pub metrics: MetricsOptions,
    /// `[rum]`: the image or page with browser monitoring.
    pub rum: RumOptions,
    /// `[datakit]`: DataKit itself.
    pub datakit: DatakitOptions,
    /// `[tracing]`: where Istio sends its spans.
    pub tracing: TracingOptions,
    /// `[install]`: what `meshobs install` puts in.
    pub install: InstallOptions,
    /// `[check]`: what `meshobs check` reports.
    pub check: CheckOptions,
}

/// A setting that cannot be used.
pub type Invalid = String;

/// Settings of a run, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The rules that run, in order.
    pub rules: Vec<RuleName>,
    /// Replace what differs.
    pub overwrite: bool,
    /// Dark skips are errors.
    pub strict: bool,
    /// Globs of files left out.
    pub exclude: Vec<String>,
    /// What is done about files that a Kustomization lists.
    pub kustomize: Kustomize,
    /// Kinds that are cluster-scoped.
    pub cluster_scoped: Vec<String>,
    /// Of the rule namespace.
    pub namespace: NamespaceSettings,
    /// Of the rule metrics.
    pub metrics: MetricsSettings,
    /// Of the rule rum.
    pub rum: RumSettings,
    /// Of the rule datakit.
    pub datakit: DatakitSettings,
    /// Of the rule tracing.
    pub tracing: TracingSettings,
}

/// Reads a configuration file; without a name the one beside the command, if there is one.
///
/// # Errors
/// A file that is not there, is no TOML, or has keys that do not exist.
pub fn load(file: Option<&Path>) -> Result<Options, Diagnostic> {
    let path = file.map_or_else(|| PathBuf::from(FILE), Path::to_path_buf);
    let name = path.display().to_string();
    if let Ok(metadata) = fs::metadata(&path)
        && let Some(message) = stdio::refusal(&name, &metadata, false, "write to another file")
    {
        return Err(Diagnostic::whole(&name, message));
    }
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Options::default());
        }
        Err(error) => return Err(Diagnostic::whole(&name, io_message(&error))),
    };
    toml::from_str(&text).map_err(|error| {
        let message = explain(error.message());
        match error.span() {
            Some(span) => Diagnostic::spot(&name, &text, 0, span.start, message),
            None => Diagnostic::whole(&name, message),
        }
    })
}

/// Adds the nearest valid name to a complaint about an unknown key.
pub(crate) fn explain(message: &str) -> String {
    let first = message.lines().next().unwrap_or(message);
    if !first.starts_with("unknown ") {
        return first.to_owned();
    }
    let names: Vec<&str> = first.split('`').skip(1).step_by(2).collect();
    let Some((unknown, known)) = names.split_first() else {
        return first.to_owned();
    };
    let nearest = known.iter().max_by_key(|name| {
        let ratio = similar::TextDiff::from_chars(*unknown, **name).ratio();
        // Ratios are between 0 and 1; ties go to the last name, the same each time.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rank = (ratio * 1000.0) as u32;
        rank
    });
    if first.starts_with("unknown variant") {
        return format!("invalid value `{unknown}`; it is one of {}", known.join(", "));
    }
    match nearest {
        Some(nearest) => format!("unknown key `{unknown}`; did you mean `{nearest}`?"),
        None => format!("unknown key `{unknown}`; remove it"),
    }
}

impl Options {
    /// These options, and for what they do not say the others.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            patch: self.patch.or(other.patch),
            namespace: self.namespace.or(other.namespace),
            metrics: self.metrics.or(other.metrics),
            rum: self.rum.or(other.rum),
            datakit: self.datakit.or(other.datakit),
            tracing: self.tracing.or(other.tracing),
            install: self.install.or(other.install),
            check: self.check.or(other.check),
        }
    }

    /// Puts the defaults in and checks every value.
    ///
    /// # Errors
    /// The first value that cannot be used, and what would be right.
    pub fn settings(self) -> Result<Settings, Invalid> {
        let (namespace, cluster_scoped) = self.namespace.settings()?;
        let rules = self.patch.rules()?;
        let mut metrics = self.metrics.settings(&namespace.name)?;
        let tracing = self.tracing.settings()?;
        let mut datakit = self.datakit.settings(&metrics, &tracing, &namespace.name)?;
        metrics.elsewhere = datakit.collector == Collector::Kubernetesprometheus;
        datakit.default_namespace = rules.contains(&RuleName::Namespace).then(|| namespace.name.clone());
        let rum = self.rum.settings()?;
        datakit.replaced = rules.contains(&RuleName::Rum).then(|| rum.clone());
        Ok(Settings {
            rules,
            overwrite: self.patch.overwrite,
            strict: self.patch.strict,
            exclude: self.patch.exclude.unwrap_or_default(),
            kustomize: self.patch.kustomize.unwrap_or_default(),
            cluster_scoped,
            metrics,
            rum,
            datakit,
            tracing,
            namespace,
        })
    }
}

fn pairs(table: &Table, name: &str) -> Result<Vec<(String, String)>, Invalid> {
    let text = |(key, value): (&String, &toml::Value)| match value.as_str() {
        Some(value) => Ok((key.clone(), value.to_owned())),
        None => Err(format!("`{key}` in [{name}] is not a string; put it in quotes")),
    };
    table.iter().map(text).collect()
}

/// Whether a text is a DNS label, as Kubernetes wants for names of namespaces.
#[must_use]
pub fn is_dns_label(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.len() <= 63
        && edge(name.chars().next())
        && edge(name.chars().last())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_configuration_holds_the_defaults() {
        let printed: Options = toml::from_str(crate::cli::CONFIG_TEMPLATE).unwrap();
        let printed = printed.settings().unwrap();
        let default = Options::default().settings().unwrap();
        assert_eq!(format!("{printed:?}"), format!("{default:?}"));
    }

    #[test]
    fn every_setting_is_in_the_printed_configuration() {
        let template: Table = crate::cli::CONFIG_TEMPLATE.parse().unwrap();
        for (table, keys) in [
            ("patch", vec!["skip", "with", "overwrite", "strict", "exclude", "kustomize"]),
            ("namespace", vec!["name", "cluster_scoped"]),
            (
                "metrics",
                vec![
                    "profile",
                    "port",
                    "path",
                    "metric_types",
                    "interval",
                    "measurement_name",
                    "metric_name_filter",
                    "tags_ignore",
                    "tags",
                    "source_pattern",
                    "source",
                ],
            ),
            ("rum", vec!["mode", "config_map", "image", "images", "image_comment", "page"]),
            (
                "datakit",
                vec!["dataway", "collector", "gateways", "rum", "enable_inputs", "global_tags", "env"],
            ),
            ("tracing", vec!["mode", "istio_namespace", "datakit_namespace", "ipv6"]),
            ("install", vec!["manifests", "skip"]),
            ("check", vec!["ignore", "only_section", "fail_on"]),
        ] {
            for key in keys {
                assert!(template[table].get(key).is_some(), "{table}.{key}");
            }
        }
    }

    #[test]
    fn a_value_where_a_table_belongs_is_told_how_to_write_it() {
        for table in
            ["patch", "namespace", "metrics", "rum", "rum.page", "datakit", "tracing", "install", "check"]
        {
            let error = toml::from_str::<Options>(&format!("{table} = 'x'")).unwrap_err();
            let message = explain(error.message());
            assert!(
                message.ends_with(&format!("expected a table: [{table}] and its keys below it")),
                "{message}"
            );
        }
    }

    #[test]
    fn bad_values_are_refused_with_what_would_be_right() {
        let check = |text: &str| {
            let options: Options = toml::from_str(text).unwrap();
            options.settings().unwrap_err()
        };
        for (text, part) in [
            ("namespace.name = 'Prod'", "invalid namespace `Prod`"),
            ("metrics.url = '$IP:15020'", "invalid URL"),
            ("metrics.url = 'http://x:0/y'", "invalid URL"),
            ("metrics.metric_types = ['counters']", "invalid metric type"),
            ("metrics.metric_name_filter = ['a_bucket']", "write `a`"),
            ("metrics.source_pattern = '{pod}'", "none of {app}"),
            ("metrics.tags = {a = 1}", "not a string"),
            ("rum.image = 'a b'", "invalid image"),
            ("datakit.dataway = ['openway.guance.com']", "neither http://"),
            ("datakit.token_secret = 'A'", "--token-secret"),
            ("datakit.version = 'new'", "--datakit-version"),
            ("datakit.cluster_name = 'a,b'", "--cluster-name"),
            ("datakit.enable_inputs = ['a b']", "--enable-inputs"),
            ("datakit.global_tags = {a = 'b,c'}", "--global-tags"),
            ("datakit.env = {ENV_DATAWAY = 'x'}", "use --token"),
            ("datakit.image = 'a b'", "invalid image"),
            ("datakit.token_file = '/nowhere/token'", "/nowhere/token"),
            ("tracing.address = 'http://x:1'", "invalid address"),
            ("tracing.address = 'x'", "invalid address"),
            ("tracing.sampling = 101.0", "0 to 100"),
            ("tracing.istio_version = 'latest'", "invalid version"),
            ("tracing.revision = 'A'", "--revision"),
            ("patch.only = ['metric']", "the rules are namespace"),
        ] {
            let error = check(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
