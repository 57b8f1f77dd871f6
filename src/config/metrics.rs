//! `[metrics]`.

use std::collections::BTreeMap;

use clap::Args;
use serde::Deserialize;
use toml::Table;

use super::{Invalid, pairs};
use crate::facts::datakit::{METRIC_TYPES, is_duration};
use crate::facts::istio;
use crate::rule::MetricsSettings;

/// A set of defaults for the metrics rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// All counters, gauges and histograms, every 10 s
    #[default]
    Guide,
    /// The families and labels that dashboards need, every 60 s: far fewer time series
    Lean,
}

/// `[metrics]`.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table: [metrics] and its keys below it")]
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
    #[cfg_attr(test, schemars(with = "Option<super::schema::Texts>"))]
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
    #[cfg_attr(test, schemars(with = "Option<super::schema::Texts>"))]
    pub source: Option<Table>,
}

impl MetricsOptions {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn or(self, other: Self) -> Self {
        first_of!(self, other: profile, url, port, path, metric_types, interval, measurement_name,
                  metric_name_filter, tags_ignore, tag, tags, source_pattern, source)
    }

    pub(crate) fn settings(self, namespace: &str) -> Result<MetricsSettings, Invalid> {
        let defaults = Defaults::of(self.profile.unwrap_or_default());
        let port = self.port.map_or_else(|| istio::SIDECAR_PORT.to_owned(), |port| port.to_string());
        let path = self.path.unwrap_or_else(|| istio::SIDECAR_PATH.to_owned());
        if !path.starts_with('/') || path.contains(char::is_whitespace) {
            return Err(format!("invalid path `{path}` (--metrics-path, metrics.path): it begins with `/`"));
        }
        if port == "0" {
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
            measurement_name: self.measurement_name.unwrap_or_else(|| MEASUREMENT.to_owned()),
            metric_name_filter,
            tags_ignore: self.tags_ignore.unwrap_or_else(|| strings(defaults.tags_ignore)),
            tags,
            source_pattern: self.source_pattern.unwrap_or_else(|| SOURCE_PATTERN.to_owned()),
            source,
            namespace: namespace.to_owned(),
            elsewhere: false,
            kept: BTreeMap::new(),
            presets: [Profile::Guide, Profile::Lean]
                .map(|profile| Defaults::of(profile).preset(namespace))
                .to_vec(),
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

/// The measurement that dashboards read.
const MEASUREMENT: &str = "istio_prom";

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
    /// The settings of a profile where nothing else is said.
    fn preset(&self, namespace: &str) -> MetricsSettings {
        let pairs =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        MetricsSettings {
            url: format!("http://$IP:{}{}", istio::SIDECAR_PORT, istio::SIDECAR_PATH),
            metric_types: strings(self.metric_types),
            interval: self.interval.to_owned(),
            measurement_name: MEASUREMENT.to_owned(),
            metric_name_filter: strings(self.metric_name_filter),
            tags_ignore: strings(self.tags_ignore),
            tags: pairs(self.tags),
            source_pattern: SOURCE_PATTERN.to_owned(),
            source: pairs(SOURCE),
            namespace: namespace.to_owned(),
            elsewhere: false,
            kept: BTreeMap::new(),
            presets: Vec::new(),
        }
    }

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
    let is_positive = text.contains(|c: char| ('1'..='9').contains(&c)) && !text.starts_with(['-', '+']);
    if is_duration(text) && is_positive { Ok(()) } else { error() }
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
}
