//! Settings: each is defined once, as a flag with its environment variable and as a key of `meshobs.toml`.
//!
//! A flag goes before the environment, that before the file, that before the default. Nothing here reads manifests.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use toml::Table;

use crate::diagnostic::Diagnostic;
use crate::input::io_message;
use crate::manifest::{ImageRef, Version};
use crate::rule::{MetricsSettings, NamespaceSettings, RULES, RumSettings, TracingMode, TracingSettings};

/// The file that is read where the command runs.
pub const FILE: &str = "meshobs.toml";

/// Takes each field from the first of two that has it.
macro_rules! first_of {
    ($first:ident, $second:ident: $($field:ident),* $(,)?) => {
        Self { $($field: $first.$field.or($second.$field)),* }
    };
}

/// What the file can hold: the same as the flags.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// `[patch]`.
    pub patch: PatchOptions,
    /// `[namespace]`.
    pub namespace: NamespaceOptions,
    /// `[metrics]`.
    pub metrics: MetricsOptions,
    /// `[rum]`.
    pub rum: RumOptions,
    /// `[tracing]`.
    pub tracing: TracingOptions,
}

/// Which rules run, and how.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PatchOptions {
    /// Run only these rules
    #[arg(long, value_delimiter = ',', value_name = "RULE", env = "MESHOBS_ONLY", help_heading = "Rules",
          value_parser = rule_names(), conflicts_with_all = ["skip", "with"])]
    pub only: Option<Vec<String>>,
    /// Run all default rules but these
    #[arg(long, value_delimiter = ',', value_name = "RULE", env = "MESHOBS_SKIP", help_heading = "Rules",
          value_parser = rule_names())]
    pub skip: Option<Vec<String>>,
    /// Run these too, though they are off by default
    #[arg(long, value_delimiter = ',', value_name = "RULE", env = "MESHOBS_WITH", help_heading = "Rules",
          value_parser = rule_names())]
    pub with: Option<Vec<String>>,
    /// Replace values that are there and differ (another namespace, another scrape annotation)
    #[arg(long, help_heading = "Rules")]
    pub overwrite: bool,
    /// Fail, with nothing on stdout, where a skip leaves a resource unobserved
    #[arg(long, help_heading = "Rules")]
    pub strict: bool,
    /// Leave out files of directories by name, or by path where the glob has a `/` (repeatable)
    #[arg(long, value_name = "GLOB", env = "MESHOBS_EXCLUDE")]
    pub exclude: Option<Vec<String>>,
}

/// `[namespace]`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamespaceOptions {
    /// Namespace for resources that have none [default: prod]
    #[arg(
        id = "namespace",
        short = 'n',
        long,
        value_name = "NAME",
        env = "MESHOBS_NAMESPACE",
        help_heading = "Rule namespace"
    )]
    pub name: Option<String>,
    /// Treat a kind as cluster-scoped, so that it gets no namespace (repeatable)
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "KIND.GROUP",
        env = "MESHOBS_CLUSTER_SCOPED",
        help_heading = "Rule namespace"
    )]
    pub cluster_scoped: Option<Vec<String>>,
}

/// A set of defaults for the metrics rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// All counters, gauges and histograms, every 10 s
    #[default]
    Guide,
    /// The families and labels that dashboards need, every 60 s: far fewer time series
    Lean,
}

/// `[metrics]`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsOptions {
    /// Set of defaults for the settings below [default: guide]
    #[arg(
        long = "metrics-profile",
        id = "metrics-profile",
        value_name = "PROFILE",
        env = "MESHOBS_METRICS_PROFILE",
        help_heading = "Rule metrics"
    )]
    pub profile: Option<Profile>,
    /// Where the metrics are, instead of port and path [default: http://$IP:15020/stats/prometheus]
    #[arg(
        long = "metrics-url",
        id = "metrics-url",
        value_name = "URL",
        env = "MESHOBS_METRICS_URL",
        help_heading = "Rule metrics"
    )]
    pub url: Option<String>,
    /// Port of the metrics [default: 15020]
    #[arg(
        long = "metrics-port",
        id = "metrics-port",
        value_name = "PORT",
        env = "MESHOBS_METRICS_PORT",
        help_heading = "Rule metrics"
    )]
    pub port: Option<u16>,
    /// Path of the metrics [default: /stats/prometheus]
    #[arg(
        long = "metrics-path",
        id = "metrics-path",
        value_name = "PATH",
        env = "MESHOBS_METRICS_PATH",
        help_heading = "Rule metrics"
    )]
    pub path: Option<String>,
    /// Metric types to collect [default: counter,gauge,histogram]
    #[arg(
        long = "metrics-types",
        id = "metrics-types",
        value_name = "TYPE",
        value_delimiter = ',',
        env = "MESHOBS_METRICS_TYPES",
        help_heading = "Rule metrics"
    )]
    pub metric_types: Option<Vec<String>>,
    /// Time between two scrapes [default: 10s]
    #[arg(
        long = "metrics-interval",
        id = "metrics-interval",
        value_name = "DURATION",
        env = "MESHOBS_METRICS_INTERVAL",
        help_heading = "Rule metrics"
    )]
    pub interval: Option<String>,
    /// Measurement to store in [default: istio_prom]
    #[arg(
        long = "metrics-measurement",
        id = "metrics-measurement",
        value_name = "NAME",
        env = "MESHOBS_METRICS_MEASUREMENT",
        help_heading = "Rule metrics"
    )]
    pub measurement_name: Option<String>,
    /// Regular expressions on names of metric families; others are dropped
    #[arg(
        long = "metrics-name-filter",
        id = "metrics-name-filter",
        value_name = "REGEX",
        value_delimiter = ',',
        env = "MESHOBS_METRICS_NAME_FILTER",
        help_heading = "Rule metrics"
    )]
    pub metric_name_filter: Option<Vec<String>>,
    /// Labels to drop
    #[arg(
        long = "metrics-tags-ignore",
        id = "metrics-tags-ignore",
        value_name = "LABEL",
        value_delimiter = ',',
        env = "MESHOBS_METRICS_TAGS_IGNORE",
        help_heading = "Rule metrics"
    )]
    pub tags_ignore: Option<Vec<String>>,
    /// Tag to add; an empty value removes a default one (repeatable) [default: namespace, pod_name]
    #[arg(
        long = "metrics-tag",
        id = "metrics-tag",
        value_name = "KEY=VALUE",
        value_delimiter = ',',
        env = "MESHOBS_METRICS_TAG",
        help_heading = "Rule metrics"
    )]
    #[serde(skip)]
    pub tag: Option<Vec<String>>,
    /// All tags, in the file.
    #[arg(skip)]
    pub tags: Option<Table>,
    /// Collector's name; knows {app} {version} {workload} {kind} {namespace} [default: minik8s-istio-{app}]
    #[arg(
        long = "metrics-source",
        id = "metrics-source",
        value_name = "PATTERN",
        env = "MESHOBS_METRICS_SOURCE",
        help_heading = "Rule metrics"
    )]
    pub source_pattern: Option<String>,
    /// Workloads and what {app} stands for in theirs, in the file.
    #[arg(skip)]
    pub source: Option<Table>,
}

/// `[rum]`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RumOptions {
    /// Image in place of bookinfo's productpage [default: product-page:v1]
    #[arg(
        long = "rum-image",
        id = "rum-image",
        value_name = "IMAGE",
        env = "MESHOBS_RUM_IMAGE",
        help_heading = "Rule rum"
    )]
    pub image: Option<String>,
    /// Replace another image; OLD without a tag means every tag (repeatable)
    #[arg(
        long = "image",
        id = "image",
        value_name = "OLD=NEW",
        value_delimiter = ',',
        env = "MESHOBS_IMAGE",
        help_heading = "Rule rum"
    )]
    #[serde(skip)]
    pub replace: Option<Vec<String>>,
    /// Old images and new ones, in the file.
    #[arg(skip)]
    pub images: Option<Table>,
    /// Leave no comment line with the old image
    #[arg(long = "no-image-comment", id = "no-image-comment", help_heading = "Rule rum")]
    #[serde(skip)]
    pub no_comment: bool,
    /// Whether the old image stays in a comment line, in the file.
    #[arg(skip)]
    pub image_comment: Option<bool>,
}

/// `[tracing]`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracingOptions {
    /// What is written into the mesh configuration [default: mesh-config]
    #[arg(
        long = "tracing-mode",
        id = "tracing-mode",
        value_name = "MODE",
        env = "MESHOBS_TRACING_MODE",
        help_heading = "Rule tracing"
    )]
    pub mode: Option<TracingMode>,
    /// Address for spans [default: $(HOST_IP):9529 from Istio 1.9, else DataKit's Service]
    #[arg(
        long = "tracing-address",
        id = "tracing-address",
        value_name = "HOST:PORT",
        env = "MESHOBS_TRACING_ADDRESS",
        help_heading = "Rule tracing"
    )]
    pub address: Option<String>,
    /// Share of requests to trace, in percent [default: as it is]
    #[arg(
        long = "tracing-sampling",
        id = "tracing-sampling",
        value_name = "PERCENT",
        env = "MESHOBS_TRACING_SAMPLING",
        help_heading = "Rule tracing"
    )]
    pub sampling: Option<f64>,
    /// Istio's version [default: read from the object's labels]
    #[arg(long, value_name = "VERSION", env = "MESHOBS_ISTIO_VERSION", help_heading = "Rule tracing")]
    pub istio_version: Option<String>,
    /// Namespace of istiod [default: istio-system]
    #[arg(long, value_name = "NAME", env = "MESHOBS_ISTIO_NAMESPACE", help_heading = "Rule tracing")]
    pub istio_namespace: Option<String>,
    /// Revision of istiod, whose ConfigMap is `istio-REVISION`
    #[arg(long, value_name = "REVISION", env = "MESHOBS_REVISION", help_heading = "Rule tracing")]
    pub revision: Option<String>,
    /// Namespace of DataKit [default: datakit]
    #[arg(long, value_name = "NAME", env = "MESHOBS_DATAKIT_NAMESPACE", help_heading = "Rule tracing")]
    pub datakit_namespace: Option<String>,
}

fn rule_names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(RULES.iter().map(|(name, _)| *name))
}

/// A setting that cannot be used.
pub type Invalid = String;

/// Settings of a run, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Names of the rules that run, in order.
    pub rules: Vec<&'static str>,
    /// Replace what differs.
    pub overwrite: bool,
    /// Dark skips are errors.
    pub strict: bool,
    /// Globs of files left out.
    pub exclude: Vec<String>,
    /// Kinds that are cluster-scoped.
    pub cluster_scoped: Vec<String>,
    /// Of the rule namespace.
    pub namespace: NamespaceSettings,
    /// Of the rule metrics.
    pub metrics: MetricsSettings,
    /// Of the rule rum.
    pub rum: RumSettings,
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
fn explain(message: &str) -> String {
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
            tracing: self.tracing.or(other.tracing),
        }
    }

    /// Puts the defaults in and checks every value.
    ///
    /// # Errors
    /// The first value that cannot be used, and what would be right.
    pub fn settings(self) -> Result<Settings, Invalid> {
        let namespace = NamespaceSettings {
            name: self.namespace.name.unwrap_or_else(|| NamespaceSettings::default().name),
        };
        if !is_dns_label(&namespace.name) {
            return Err(format!(
                "invalid namespace `{}` (--namespace, namespace.name): lower-case letters, digits and `-`, at most 63",
                namespace.name
            ));
        }
        let cluster_scoped = self.namespace.cluster_scoped.unwrap_or_default();
        for kind in &cluster_scoped {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
            if !kind.starts_with(|c: char| c.is_ascii_alphabetic()) || !kind.chars().all(fits) {
                return Err(format!(
                    "invalid kind `{kind}` (--cluster-scoped, namespace.cluster_scoped): write KIND.GROUP, as in `Widget.example.com`"
                ));
            }
        }
        Ok(Settings {
            rules: self.patch.rules()?,
            overwrite: self.patch.overwrite,
            strict: self.patch.strict,
            exclude: self.patch.exclude.unwrap_or_default(),
            cluster_scoped,
            metrics: self.metrics.settings(&namespace.name)?,
            rum: self.rum.settings()?,
            tracing: self.tracing.settings()?,
            namespace,
        })
    }
}

impl PatchOptions {
    fn or(self, other: Self) -> Self {
        // A choice of rules by flag replaces the file's as a whole.
        let chosen = self.only.is_some() || self.skip.is_some() || self.with.is_some();
        let rules = if chosen { self.clone() } else { other.clone() };
        Self {
            only: rules.only,
            skip: rules.skip,
            with: rules.with,
            overwrite: self.overwrite || other.overwrite,
            strict: self.strict || other.strict,
            exclude: self.exclude.or(other.exclude),
        }
    }

    fn rules(&self) -> Result<Vec<&'static str>, Invalid> {
        for name in [&self.only, &self.skip, &self.with].into_iter().flatten().flatten() {
            if !RULES.iter().any(|(rule, _)| rule == name) {
                let known: Vec<_> = RULES.iter().map(|(rule, _)| *rule).collect();
                return Err(format!("unknown rule `{name}`; the rules are {}", known.join(", ")));
            }
        }
        let has = |list: &Option<Vec<String>>, rule: &str| {
            list.as_ref().is_some_and(|names| names.iter().any(|name| name == rule))
        };
        let runs = |rule: &str, default: bool| match &self.only {
            Some(_) => has(&self.only, rule),
            None => (default || has(&self.with, rule)) && !has(&self.skip, rule),
        };
        let chosen = RULES.iter().filter(|(rule, default)| runs(rule, *default));
        Ok(chosen.map(|(rule, _)| *rule).collect())
    }
}

impl NamespaceOptions {
    fn or(self, other: Self) -> Self {
        first_of!(self, other: name, cluster_scoped)
    }
}

impl MetricsOptions {
    fn or(self, other: Self) -> Self {
        first_of!(self, other: profile, url, port, path, metric_types, interval, measurement_name,
                  metric_name_filter, tags_ignore, tag, tags, source_pattern, source)
    }

    fn settings(self, namespace: &str) -> Result<MetricsSettings, Invalid> {
        let defaults = Defaults::of(self.profile.unwrap_or_default());
        let port = self.port.unwrap_or(15020);
        let path = self.path.unwrap_or_else(|| "/stats/prometheus".to_owned());
        if !path.starts_with('/') || path.contains(char::is_whitespace) {
            return Err(format!("invalid path `{path}` (--metrics-path, metrics.path): it begins with `/`"));
        }
        if port == 0 {
            return Err("invalid port `0` (--metrics-port, metrics.port): 1 to 65535".to_owned());
        }
        let url = self.url.unwrap_or_else(|| format!("http://$IP:{port}{path}"));
        check_url(&url)?;
        let metric_types = self.metric_types.unwrap_or_else(|| strings(defaults.metric_types));
        let metric_types: Vec<_> = metric_types.iter().map(|kind| kind.trim().to_ascii_lowercase()).collect();
        for kind in &metric_types {
            if !METRIC_TYPES.contains(&kind.as_str()) {
                return Err(format!(
                    "invalid metric type `{kind}` (--metrics-types, metrics.metric_types): DataKit knows {}",
                    METRIC_TYPES.join(", ")
                ));
            }
        }
        let interval = self.interval.unwrap_or_else(|| defaults.interval.to_owned());
        check_interval(&interval)?;
        let metric_name_filter =
            self.metric_name_filter.unwrap_or_else(|| strings(defaults.metric_name_filter));
        for name in &metric_name_filter {
            if let Some(family) = name.trim_end_matches('$').strip_suffix("_bucket") {
                return Err(format!(
                    "invalid name filter `{name}` (--metrics-name-filter, metrics.metric_name_filter): it is matched against metric \
                     families, which have no `_bucket`; write `{family}`"
                ));
            }
        }
        let mut tags = match self.tags {
            Some(table) => pairs(&table, "metrics.tags")?,
            None => defaults.tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        };
        for tag in self.tag.unwrap_or_default() {
            let (key, value) = tag
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .ok_or_else(|| format!("invalid tag `{tag}` (--metrics-tag): write KEY=VALUE"))?;
            tags.retain(|(known, _)| known != key);
            if !value.is_empty() {
                tags.push((key.to_owned(), value.to_owned()));
            }
        }
        let source = match self.source {
            Some(table) => pairs(&table, "metrics.source")?,
            None => SOURCE.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        };
        let settings = MetricsSettings {
            url,
            metric_types,
            interval,
            measurement_name: self.measurement_name.unwrap_or_else(|| "istio_prom".to_owned()),
            metric_name_filter,
            tags_ignore: self.tags_ignore.unwrap_or_else(|| strings(defaults.tags_ignore)),
            tags,
            source_pattern: self.source_pattern.unwrap_or_else(|| SOURCE_PATTERN.to_owned()),
            source,
            namespace: namespace.to_owned(),
        };
        if settings.measurement_name.trim().is_empty() {
            return Err("invalid measurement `` (--metrics-measurement, metrics.measurement_name): it cannot be empty".into());
        }
        if settings.source_pattern.trim().is_empty() {
            return Err(
                "invalid source `` (--metrics-source, metrics.source_pattern): it cannot be empty".into()
            );
        }
        check_pattern(&settings.source_pattern)?;
        if settings.render("x").chars().any(|c| c.is_control() && c != '\n') {
            return Err("a metrics setting has a control character in it; remove that".to_owned());
        }
        if !settings.reads_back(&settings.render("x"), "x") {
            return Err("the metrics settings cannot be written as TOML; simplify them".to_owned());
        }
        Ok(settings)
    }
}

impl RumOptions {
    fn or(self, other: Self) -> Self {
        Self {
            image: self.image.or(other.image),
            replace: self.replace.or(other.replace),
            images: self.images.or(other.images),
            no_comment: self.no_comment || other.no_comment,
            image_comment: self.image_comment.or(other.image_comment),
        }
    }

    fn settings(self) -> Result<RumSettings, Invalid> {
        let defaults = RumSettings::default();
        let image = self.image.unwrap_or(defaults.image);
        let mut images = Vec::new();
        for pair in self.replace.unwrap_or_default() {
            let (old, new) = pair
                .split_once('=')
                .ok_or_else(|| format!("invalid image pair `{pair}` (--image): write OLD=NEW"))?;
            images.push((old.to_owned(), new.to_owned()));
        }
        if let Some(table) = &self.images {
            images.extend(pairs(table, "rum.images")?);
        }
        for image in images.iter().flat_map(|(old, new)| [old, new]).chain([&image]) {
            if !ImageRef::is_valid(image) {
                return Err(format!(
                    "invalid image `{image}`: write [registry[:port]/]name[:tag][@digest], in lower case"
                ));
            }
        }
        let image_comment = self.image_comment.unwrap_or(defaults.image_comment) && !self.no_comment;
        Ok(RumSettings { image, images, image_comment })
    }
}

impl TracingOptions {
    /// These options, and for what they do not say the others.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        first_of!(self, other: mode, address, sampling, istio_version, istio_namespace, revision,
                  datakit_namespace)
    }

    /// Puts the defaults in and checks every value.
    ///
    /// # Errors
    /// The first value that cannot be used, and what would be right.
    pub fn settings(self) -> Result<TracingSettings, Invalid> {
        let istio_version = match &self.istio_version {
            None => None,
            Some(text) => Some(Version::parse(text).ok_or_else(|| {
                format!("invalid version `{text}` (--istio-version, tracing.istio_version): write it as in `1.22.0`")
            })?),
        };
        if let Some(address) = &self.address
            && !is_address(address)
        {
            return Err(format!(
                "invalid address `{address}` (--tracing-address, tracing.address): a host and a port, without scheme and path, as \
                 in `datakit-service.datakit.svc.cluster.local:9529`"
            ));
        }
        if let Some(percent) = self.sampling
            && !(0.0..=100.0).contains(&percent)
        {
            return Err(format!(
                "invalid sampling `{percent}` (--tracing-sampling, tracing.sampling): 0 to 100 percent"
            ));
        }
        let settings = TracingSettings {
            mode: self.mode.unwrap_or_default(),
            address: self.address,
            sampling: self.sampling,
            istio_version,
            istio_namespace: self.istio_namespace.unwrap_or_else(|| "istio-system".to_owned()),
            revision: self.revision,
            datakit_namespace: self.datakit_namespace.unwrap_or_else(|| "datakit".to_owned()),
        };
        for (name, flag) in [
            (&settings.istio_namespace, "--istio-namespace"),
            (&settings.datakit_namespace, "--datakit-namespace"),
            (settings.revision.as_ref().unwrap_or(&settings.istio_namespace), "--revision"),
        ] {
            if !is_dns_label(name) {
                return Err(format!(
                    "invalid name `{name}` ({flag}): lower-case letters, digits and `-`, at most 63"
                ));
            }
        }
        Ok(settings)
    }
}

/// What Istio takes as a Zipkin address: a host name, an IP address (v6 in brackets) or `$(HOST_IP)`, and a port.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_fits = match v6 {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None if host == "$(HOST_IP)" => true,
        None => !host.is_empty() && host.split('.').all(|label| is_dns_label(&label.to_ascii_lowercase())),
    };
    host_fits && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// The metric types that DataKit knows.
const METRIC_TYPES: &[&str] = &["counter", "gauge", "histogram", "summary", "untyped", "info"];

/// The pattern of collectors' names.
const SOURCE_PATTERN: &str = "minik8s-istio-{app}";

/// Workloads of bookinfo whose names are not their app label: three of them share one.
const SOURCE: &[(&str, &str)] = &[
    ("productpage-v1", "product"),
    ("reviews-v1", "review1"),
    ("reviews-v2", "review2"),
    ("reviews-v3", "review3"),
];

struct Defaults {
    metric_types: &'static [&'static str],
    interval: &'static str,
    metric_name_filter: &'static [&'static str],
    tags_ignore: &'static [&'static str],
    tags: &'static [(&'static str, &'static str)],
}

impl Defaults {
    fn of(profile: Profile) -> &'static Self {
        match profile {
            Profile::Guide => &Self {
                metric_types: &["counter", "gauge", "histogram"],
                interval: "10s",
                metric_name_filter: &[],
                tags_ignore: &[],
                tags: &[("namespace", "$NAMESPACE"), ("pod_name", "$PODNAME")],
            },
            Profile::Lean => &Self {
                metric_types: &["counter", "gauge", "histogram"],
                interval: "60s",
                metric_name_filter: LEAN_FAMILIES,
                tags_ignore: LEAN_TAGS_IGNORE,
                tags: &[("namespace", "$NAMESPACE")],
            },
        }
    }
}

/// Families of the lean profile. Filters match families, so histograms are named without `_bucket`.
const LEAN_FAMILIES: &[&str] = &[
    "istio_requests_total",
    "pilot_k8s_cfg_events",
    "istio_build",
    "process_virtual_memory_bytes",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "envoy_cluster_assignment_stale",
    "go_goroutines",
    "pilot_xds_pushes",
    "pilot_proxy_convergence_time",
    "citadel_server_root_cert_expiry_timestamp",
    "pilot_conflict_inbound_listener",
    "pilot_conflict_outbound_listener_http_over_current_tcp",
    "pilot_conflict_outbound_listener_tcp_over_current_tcp",
    "pilot_conflict_outbound_listener_tcp_over_current_http",
    "pilot_virt_services",
    "galley_validation_failed",
    "pilot_services",
    "envoy_cluster_upstream_cx_total",
    "envoy_cluster_upstream_cx_connect_fail",
    "envoy_cluster_upstream_cx_active",
    "envoy_cluster_upstream_cx_rx_bytes_total",
    "envoy_cluster_upstream_cx_tx_bytes_total",
    "istio_request_duration_milliseconds",
    "istio_request_duration_seconds",
    "istio_request_bytes",
    "istio_response_bytes",
];

/// Labels that the lean profile drops.
const LEAN_TAGS_IGNORE: &[&str] = &[
    "cache",
    "cluster_type",
    "component",
    "destination_app",
    "destination_canonical_revision",
    "destination_canonical_service",
    "destination_cluster",
    "destination_principal",
    "group",
    "grpc_code",
    "grpc_method",
    "grpc_service",
    "grpc_type",
    "reason",
    "request_protocol",
    "request_type",
    "resource",
    "response_code_class",
    "response_flags",
    "source_app",
    "source_canonical_revision",
    "source_canonical_service",
    "source_cluster",
    "source_principal",
    "source_version",
    "wasm_filter",
];

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
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

fn check_url(url: &str) -> Result<(), Invalid> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("");
    let port = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if name.is_empty() || !port_fits || url.contains(|c: char| c.is_whitespace() || c == '"') {
        return Err(format!(
            "invalid URL `{url}` (--metrics-url, metrics.url): write scheme, host and port, as in \
             `http://$IP:15020/stats/prometheus`"
        ));
    }
    Ok(())
}

/// DataKit takes Go's durations. A number without a unit is an error there or means nanoseconds.
fn check_interval(text: &str) -> Result<(), Invalid> {
    let error = || {
        Err(format!(
            "invalid interval `{text}` (--metrics-interval, metrics.interval): a number and a unit, as in `10s`"
        ))
    };
    let mut rest = text;
    let mut positive = false;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, tail) = rest.split_at(digits);
        let Ok(number) = number.parse::<f64>() else {
            return error();
        };
        let units = ["ms", "us", "ns", "h", "m", "s"];
        let Some(unit) = units.iter().find(|unit| tail.starts_with(**unit)) else {
            return error();
        };
        positive |= number > 0.0;
        rest = tail.get(unit.len()..).unwrap_or("");
    }
    if positive { Ok(()) } else { error() }
}

fn check_pattern(pattern: &str) -> Result<(), Invalid> {
    let known = ["app", "version", "workload", "kind", "namespace"];
    for part in pattern.split('{').skip(1) {
        let name = part.split('}').next().unwrap_or("");
        if !part.contains('}') || !known.contains(&name) {
            return Err(format!(
                "invalid source `{pattern}` (--metrics-source, metrics.source_pattern): `{{{name}}}` is none of {{app}} {{version}} \
                 {{workload}} {{kind}} {{namespace}}"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_need_a_unit_and_must_not_be_zero() {
        for good in ["10s", "1m30s", "500ms", "1.5h"] {
            assert_eq!(check_interval(good), Ok(()), "{good}");
        }
        for bad in ["", "10", "s", "0s", "-1s", "10 s", "10sec", "1..5s"] {
            assert!(check_interval(bad).is_err(), "{bad}");
        }
    }

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
            ("patch", vec!["skip", "with", "overwrite", "strict", "exclude"]),
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
            ("rum", vec!["image", "images", "image_comment"]),
            ("tracing", vec!["mode", "istio_namespace", "datakit_namespace"]),
        ] {
            for key in keys {
                assert!(template[table].get(key).is_some(), "{table}.{key}");
            }
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
