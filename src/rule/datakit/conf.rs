//! The configuration files of DataKit's collectors: their texts, where they go, and which keys a version takes.
//!
//! Facts are from DataKit's source, releases 1.1.9 to 1.84.0: up to 1.4.1 one unknown key refuses a whole input, so only
//! keys that every version takes are written.

use toml::{Table, Value as Toml};

use super::super::metrics::toml_line;
use super::DatakitSettings;
use crate::facts::Version;
use crate::facts::datakit::{CONF_D, KUBERNETES_PROMETHEUS, ZIPKIN, zipkin_input};
use crate::facts::istio::{CLUSTER_DOMAIN, ISTIOD_PORT, SIDECAR_PATH, SIDECAR_PORT, TLS_MODE_LABEL};

/// One file for one collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conf {
    /// Its key in the ConfigMap.
    pub key: &'static str,
    /// Where it is mounted.
    pub path: String,
    /// The input it configures.
    pub input: &'static str,
    /// What it scrapes, where it scrapes one address.
    pub url: Option<String>,
    /// Its text.
    pub text: String,
}

fn conf(key: &'static str, folder: &str, input: &'static str, text: String) -> Conf {
    Conf { key, path: format!("{CONF_D}/{folder}/{key}"), input, url: None, text }
}

/// The file that opens the routes for Zipkin's spans.
#[must_use]
pub fn zipkin(version: Option<Version>) -> Conf {
    let input = zipkin_input(version);
    let text = format!("[[inputs.{input}]]\n  pathV1 = \"/api/v1/spans\"\n  pathV2 = \"/api/v2/spans\"\n");
    conf("zipkin.conf", "zipkin", input, text)
}

/// The file that scrapes istiod.
#[must_use]
pub fn istiod(settings: &DatakitSettings, version: Option<Version>) -> Conf {
    let name = settings.revision.as_ref().map_or_else(|| "istiod".to_owned(), |r| format!("istiod-{r}"));
    let url = format!("http://{name}.{}.svc.cluster.local:15014/metrics", settings.istio_namespace);
    prom("prom_istiod.conf", settings, version, url, "prom-istiod", "istiod")
}

/// The files that scrape the gateways, through the Services of `init gateway-metrics`.
#[must_use]
pub fn gateways(settings: &DatakitSettings, version: Option<Version>) -> [Conf; 2] {
    [
        ("prom-ingressgateway.conf", "prom-ingressgateway", "istio-ingressgateway"),
        ("prom-egressgateway.conf", "prom-egressgateway", "istio-egressgateway"),
    ]
    .map(|(key, source, app)| {
        let namespace = &settings.istio_namespace;
        let url = format!("http://{app}-ext.{namespace}.svc.{CLUSTER_DOMAIN}:{SIDECAR_PORT}{SIDECAR_PATH}");
        prom(key, settings, version, url, source, app)
    })
}

fn prom(
    key: &'static str,
    settings: &DatakitSettings,
    version: Option<Version>,
    url: String,
    source: &str,
    app: &str,
) -> Conf {
    let metrics = &settings.metrics;
    let text = |text: &str| Toml::String(text.to_owned());
    let list = |values: &[String]| Toml::Array(values.iter().map(|value| text(value)).collect());
    let mut out = String::from("[[inputs.prom]]\n");
    let mut line = |key: &str, value: Toml| out.push_str(&toml_line("  ", key, value));
    line("url", text(&url));
    line("source", text(source));
    if !metrics.metric_types.is_empty() {
        line("metric_types", list(&metrics.metric_types));
    }
    line("interval", text(&metrics.interval));
    line("measurement_name", text(&metrics.measurement_name));
    if !metrics.metric_name_filter.is_empty() {
        line("metric_name_filter", list(&metrics.metric_name_filter));
    }
    // Not known to be taken before, where a key that is not known would refuse the file.
    if !metrics.tags_ignore.is_empty() && version.is_none_or(|version| version >= ZIPKIN) {
        line("tags_ignore", list(&metrics.tags_ignore));
    }
    out.push_str("  [inputs.prom.tags]\n");
    out.push_str(&toml_line("    ", "app_id", text(app)));
    Conf { url: Some(url), ..conf(key, "prom", "prom", out) }
}

/// The file of the newer collector: the pods with a sidecar, istiod unless something else scrapes it, and the gateways.
/// Its folder sorts before the empty file that DataKit writes by itself, so it is the one that counts.
#[must_use]
pub fn kubernetes_prometheus(settings: &DatakitSettings, with_istiod: bool) -> Conf {
    const INPUT: &str = "kubernetesprometheus";
    let metrics = &settings.metrics;
    let text = |text: &str| Toml::String(text.to_owned());
    let mut out = format!("[inputs.{INPUT}]\n");
    out.push_str("  node_local = true\n");
    out.push_str(&toml_line("  ", "scrape_interval", text(&metrics.interval)));
    out.push_str(&format!("  [inputs.{INPUT}.global_tags]\n"));
    out.push_str("    instance = \"__kubernetes_mate_instance\"\n    host = \"__kubernetes_mate_host\"\n");
    let mut instance = |role: &str,
                        namespace: &str,
                        selector: &str,
                        port: &str,
                        path: Option<&str>,
                        tags: &[(&str, &str)]| {
        out.push_str(&format!("  [[inputs.{INPUT}.instances]]\n"));
        let mut line = |key: &str, value: Toml| out.push_str(&toml_line("    ", key, value));
        line("role", text(role));
        line("namespaces", Toml::Array(vec![text(namespace)]));
        line("selector", text(selector));
        line("port", text(port));
        if let Some(path) = path {
            line("path", text(path));
        }
        out.push_str(&format!("    [inputs.{INPUT}.instances.custom]\n"));
        out.push_str(&toml_line("      ", "measurement", text(&metrics.measurement_name)));
        out.push_str(&format!("      [inputs.{INPUT}.instances.custom.tags]\n"));
        for (key, value) in tags {
            out.push_str(&toml_line("        ", key, text(value)));
        }
    };
    let path = Some(SIDECAR_PATH);
    let pod = [("namespace", "__kubernetes_pod_namespace"), ("pod_name", "__kubernetes_pod_name")];
    instance("pod", &settings.app_namespace, &format!("{TLS_MODE_LABEL}=istio"), SIDECAR_PORT, path, &pod);
    let namespace = &settings.istio_namespace;
    if with_istiod {
        let tags = [("app_id", "istiod"), ("pod_name", "__kubernetes_endpoints_address_target_name")];
        instance("endpoints", namespace, "app=istiod", ISTIOD_PORT, None, &tags);
    }
    if settings.gateways {
        for app in ["istio-ingressgateway", "istio-egressgateway"] {
            let tags = [("app_id", app), ("pod_name", "__kubernetes_pod_name")];
            instance("pod", namespace, &format!("app={app}"), SIDECAR_PORT, path, &tags);
        }
    }
    conf("kubernetesprometheus.conf", INPUT, INPUT, out)
}

/// What kind of value a key takes.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Texts,
    Bool,
    Table(&'static [(&'static str, Type)]),
    Tables(&'static [(&'static str, Type)]),
    Tags,
}

const ZIPKIN_KEYS: &[(&str, Type)] = &[("pathV1", Type::Text), ("pathV2", Type::Text)];

const PROM_KEYS: &[(&str, Type)] = &[
    ("url", Type::Text),
    ("source", Type::Text),
    ("metric_types", Type::Texts),
    ("interval", Type::Text),
    ("measurement_name", Type::Text),
    ("metric_name_filter", Type::Texts),
    ("tags_ignore", Type::Texts),
    ("tags", Type::Tags),
];

const KUBERNETES_PROMETHEUS_KEYS: &[(&str, Type)] = &[
    ("node_local", Type::Bool),
    ("scrape_interval", Type::Text),
    ("global_tags", Type::Tags),
    (
        "instances",
        Type::Tables(&[
            ("role", Type::Text),
            ("namespaces", Type::Texts),
            ("selector", Type::Text),
            ("port", Type::Text),
            ("path", Type::Text),
            ("custom", Type::Table(&[("measurement", Type::Text), ("tags", Type::Tags)])),
        ]),
    ),
];

/// Reads a text back as DataKit would, and checks every key and its type against those that a version takes.
///
/// # Errors
/// The first thing in it that this version would refuse or ignore.
pub fn check(text: &str, version: Option<Version>) -> Result<(), String> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
    let Some(inputs) = table.get("inputs").and_then(Toml::as_table) else {
        return Err("no inputs".to_owned());
    };
    for (name, input) in inputs {
        let keys = match name.as_str() {
            name if name == zipkin_input(version) => ZIPKIN_KEYS,
            "prom" => PROM_KEYS,
            "kubernetesprometheus" if version.is_none_or(|v| v >= KUBERNETES_PROMETHEUS) => {
                KUBERNETES_PROMETHEUS_KEYS
            }
            name => return Err(format!("this DataKit has no input `{name}`")),
        };
        let kind = if input.is_array() { Type::Tables(keys) } else { Type::Table(keys) };
        check_type(name, input, kind)?;
    }
    Ok(())
}

fn check_type(name: &str, value: &Toml, kind: Type) -> Result<(), String> {
    let fits = match kind {
        Type::Text => value.is_str(),
        Type::Bool => value.is_bool(),
        Type::Texts => value.as_array().is_some_and(|values| values.iter().all(Toml::is_str)),
        Type::Tags => value.as_table().is_some_and(|tags| tags.values().all(Toml::is_str)),
        Type::Table(keys) => {
            for (key, value) in value.as_table().into_iter().flatten() {
                let known = keys.iter().find(|(known, _)| known == key);
                let (_, kind) = known.ok_or_else(|| format!("`{name}` has no key `{key}`"))?;
                check_type(key, value, *kind)?;
            }
            value.is_table()
        }
        Type::Tables(keys) => {
            for value in value.as_array().into_iter().flatten() {
                check_type(name, value, Type::Table(keys))?;
            }
            value.is_array()
        }
    };
    if fits { Ok(()) } else { Err(format!("`{name}` is of another type")) }
}

/// Whether two texts configure the same.
#[must_use]
pub fn same(old: &str, new: &str) -> bool {
    old.trim_end() == new.trim_end()
        || matches!((old.parse::<Table>(), new.parse::<Table>()), (Ok(a), Ok(b)) if a == b)
}

/// The inputs of a text: each block with its name. A single `[inputs.x]` and `[[inputs.x]]` are the same to DataKit.
#[must_use]
pub fn inputs(text: &str) -> Vec<(String, Table)> {
    let Ok(table) = text.parse::<Table>() else { return Vec::new() };
    let mut found = Vec::new();
    for (name, input) in table.get("inputs").and_then(Toml::as_table).into_iter().flatten() {
        let blocks = input.as_array().cloned().unwrap_or_else(|| vec![input.clone()]);
        let tables = blocks.into_iter().filter_map(|block| block.as_table().cloned());
        found.extend(tables.map(|table| (name.clone(), table)));
    }
    found
}

/// The addresses that a block of the input `prom` scrapes.
#[must_use]
pub fn urls(block: &Table) -> Vec<&str> {
    let one = block.get("url").and_then(Toml::as_str);
    let many = block.get("urls").and_then(Toml::as_array).into_iter().flatten().filter_map(Toml::as_str);
    one.into_iter().chain(many).collect()
}

/// Whether a block of `kubernetesprometheus` has an instance that scrapes a port in a namespace.
#[must_use]
pub fn scrapes(block: &Table, port: &str, namespace: &str) -> bool {
    let instances = block.get("instances").and_then(Toml::as_array).into_iter().flatten();
    instances.filter_map(Toml::as_table).any(|instance| {
        let text = |key: &str| instance.get(key).and_then(Toml::as_str).unwrap_or_default();
        let namespaces = instance.get("namespaces").and_then(Toml::as_array);
        let here = namespaces
            .is_none_or(|list| list.is_empty() || list.iter().any(|name| name.as_str() == Some(namespace)));
        let istiod = port == "15014" && text("port").contains("http-monitoring");
        here && (text("port") == port || istiod)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> DatakitSettings {
        let mut settings = crate::config::Options::default().settings().unwrap().datakit;
        settings.gateways = true;
        settings.metrics.tags_ignore = vec!["a\"b".to_owned()];
        settings.metrics.measurement_name = "it's \"it\"\\".to_owned();
        settings
    }

    #[test]
    fn every_text_is_taken_by_the_version_it_is_for() {
        let versions =
            [None, Some(Version::new(1, 2, 0)), Some(Version::new(1, 2, 9)), Some(Version::new(1, 84, 0))];
        for version in versions {
            let mut all = vec![zipkin(version), istiod(&settings(), version)];
            all.extend(gateways(&settings(), version));
            for conf in all {
                assert_eq!(check(&conf.text, version), Ok(()), "{version:?}\n{}", conf.text);
            }
        }
        let newer = kubernetes_prometheus(&settings(), true);
        assert_eq!(check(&newer.text, None), Ok(()));
        assert!(check(&newer.text, Some(Version::new(1, 33, 0))).is_err());
        assert!(check(&zipkin(None).text, Some(Version::new(1, 2, 8))).is_err());
    }

    #[test]
    fn what_a_version_would_refuse_is_found() {
        for (text, part) in [
            ("[[inputs.prom]]\nurls = []\n", "no key `urls`"),
            ("[[inputs.prom]]\nurl = 1\n", "another type"),
            ("[[inputs.prom]]\nmetric_types = 'counter'\n", "another type"),
            ("[[inputs.other]]\n", "no input `other`"),
            ("[[inputs.prom]\n", "invalid"),
        ] {
            let error = check(text, None).unwrap_err();
            assert!(error.contains(part) || part == "invalid", "{text}: {error}");
        }
    }

    #[test]
    fn instances_tell_what_they_scrape() {
        let text = kubernetes_prometheus(&settings(), true).text;
        let (_, block) = inputs(&text).remove(0);
        assert!(scrapes(&block, "15020", "prod") && scrapes(&block, "15014", "istio-system"));
        assert!(!scrapes(&block, "15020", "other"));
    }
}
