//! Istio's own configuration texts, read typed as Istio reads them: `data.mesh`, and the pod annotation
//! `proxy.istio.io/config`. What Istio would refuse or silently ignore is kept as a problem.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use serde_yaml::Value;

use crate::facts::istio;
use crate::spelling::nearest;

/// A text of configuration that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConfigProblem {
    /// It is not YAML, or a value has the wrong type: Istio refuses the whole text. What the reader says, with its place.
    Refused(String),
    /// A key that Istio ignores, and the one that was meant.
    Misspelt { path: String, right: String },
    /// A key that Istio ignores there, and the path where it belongs.
    Misplaced { path: String, right: String },
}

/// What was read, as far as it could be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading<T> {
    pub(crate) value: T,
    pub(crate) problems: Vec<ConfigProblem>,
}

impl<T> Reading<T> {
    /// Whether Istio refuses the text, so that nothing in it is in effect.
    pub(crate) fn is_refused(&self) -> bool {
        self.problems.iter().any(|problem| matches!(problem, ConfigProblem::Refused(_)))
    }
}

/// The parts of a mesh configuration that decide about spans and metrics.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MeshConfig {
    pub(crate) enable_tracing: Option<bool>,
    pub(crate) root_namespace: Option<String>,
    pub(crate) trust_domain: Option<String>,
    pub(crate) default_config: Option<ProxyConfig>,
    pub(crate) default_providers: Option<DefaultProviders>,
    pub(crate) extension_providers: Option<Vec<Provider>>,
    pub(crate) discovery_selectors: Option<Vec<Value>>,
    pub(crate) default_service_export_to: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DefaultProviders {
    pub(crate) tracing: Option<Vec<String>>,
    pub(crate) metrics: Option<Vec<String>>,
}

/// The parts of a proxy's configuration that decide about spans.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ProxyConfig {
    pub(crate) tracing: Option<Tracing>,
    /// The address of Istio 1.0.
    pub(crate) zipkin_address: Option<String>,
    /// istiod's own address, which every installer writes.
    pub(crate) discovery_address: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Tracing {
    #[serde(deserialize_with = "number")]
    pub(crate) sampling: Option<f64>,
    pub(crate) zipkin: Option<Zipkin>,
    pub(crate) tls_settings: Option<TlsSettings>,
    pub(crate) lightstep: Option<Value>,
    pub(crate) datadog: Option<Value>,
    pub(crate) stackdriver: Option<Value>,
    pub(crate) open_census_agent: Option<Value>,
}

impl Tracing {
    /// The tracer that is not Zipkin.
    pub(crate) fn other(&self) -> Option<&'static str> {
        let set = [&self.lightstep, &self.datadog, &self.stackdriver, &self.open_census_agent];
        let mut found = istio::OTHER_TRACERS.iter().zip(set).filter(|(_, value)| value.is_some());
        found.next().map(|(name, _)| *name)
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Zipkin {
    pub(crate) address: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TlsSettings {
    pub(crate) mode: Option<String>,
}

/// An entry of `extensionProviders`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Provider {
    pub(crate) name: Option<String>,
    pub(crate) zipkin: Option<Endpoint>,
    pub(crate) opentelemetry: Option<Endpoint>,
    pub(crate) datadog: Option<Endpoint>,
    pub(crate) skywalking: Option<Endpoint>,
    /// The key beside `name`.
    #[serde(skip)]
    pub(crate) kind: String,
}

impl Provider {
    /// The Service that it sends spans to.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        let mut all = [&self.zipkin, &self.opentelemetry, &self.datadog, &self.skywalking].into_iter();
        all.find_map(Option::as_ref)
    }
}

/// A Service that a provider sends to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Endpoint {
    pub(crate) service: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(crate) port: Option<f64>,
    pub(crate) path: Option<String>,
    /// Of OpenTelemetry: sends over HTTP, not gRPC.
    pub(crate) http: Option<Value>,
}

impl Endpoint {
    pub(crate) fn port_number(&self) -> u64 {
        let port = self.port.unwrap_or(0.0);
        let valid = port.fract() == 0.0 && (0.0..=f64::from(u16::MAX)).contains(&port);
        if valid { format!("{port:.0}").parse().unwrap_or(0) } else { 0 }
    }
}

/// A number, also one in quotes, as the reader of protobuf's JSON takes it.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    struct Number;
    impl Visitor<'_> for Number {
        type Value = Option<f64>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number")
        }
        fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
            Ok(Some(value))
        }
        #[expect(clippy::cast_precision_loss, reason = "percentages and ports are small")]
        fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
            Ok(Some(value as f64))
        }
        #[expect(clippy::cast_precision_loss, reason = "percentages and ports are small")]
        fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
            Ok(Some(value as f64))
        }
        fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
            let wrong = || E::invalid_value(serde::de::Unexpected::Str(value), &self);
            value.trim().parse().map(Some).map_err(|_| wrong())
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(Number)
}

/// Reads a mesh configuration.
pub(crate) fn mesh_config(text: &str) -> Reading<MeshConfig> {
    let (mut reading, raw) = read::<MeshConfig>(text);
    let Some(raw) = raw else { return reading };
    let problems = &mut reading.problems;
    keys(&raw, "", istio::MESH_CONFIG_KEYS, problems);
    if raw.get("tracing").is_some() {
        let right = "defaultConfig.tracing".to_owned();
        problems.push(ConfigProblem::Misplaced { path: "tracing".to_owned(), right });
    }
    if let Some(proxy) = raw.get("defaultConfig") {
        proxy_keys(proxy, "defaultConfig.", problems);
        for key in ["enableTracing", "extensionProviders", "defaultProviders"] {
            if proxy.get(key).is_some() {
                let path = format!("defaultConfig.{key}");
                problems.push(ConfigProblem::Misplaced { path, right: key.to_owned() });
            }
        }
    }
    let entries = raw.get("extensionProviders").and_then(Value::as_sequence);
    let typed = reading.value.extension_providers.iter_mut().flatten();
    for (number, (entry, provider)) in entries.into_iter().flatten().zip(typed).enumerate() {
        let path = format!("extensionProviders[{number}].");
        let kinds: Vec<&str> = istio::PROVIDER_KINDS.iter().map(|kind| kind.key).chain(["name"]).collect();
        keys(entry, &path, &kinds, &mut reading.problems);
        if let Some(zipkin) = entry.get("zipkin") {
            keys(zipkin, &format!("{path}zipkin."), istio::ZIPKIN_PROVIDER_KEYS, &mut reading.problems);
        }
        let names = entry.as_mapping().into_iter().flatten().filter_map(|(key, _)| key.as_str());
        provider.kind = names.filter(|key| *key != "name").take(1).collect();
        // `zipkin:` with nothing below it is one without a service.
        if provider.zipkin.is_none() && entry.get("zipkin").is_some_and(Value::is_null) {
            provider.zipkin = Some(Endpoint::default());
        }
    }
    reading
}

/// Reads a proxy's configuration, as [`istio::PROXY_CONFIG_ANNOTATION`] holds it.
pub(crate) fn proxy_config(text: &str) -> Reading<ProxyConfig> {
    let (mut reading, raw) = read::<ProxyConfig>(text);
    if let Some(raw) = raw {
        proxy_keys(&raw, "", &mut reading.problems);
        if raw.get("defaultConfig").is_some() {
            let path = "defaultConfig".to_owned();
            let right = "what is below `defaultConfig`, directly".to_owned();
            reading.problems.push(ConfigProblem::Misplaced { path, right });
        }
    }
    reading
}

fn read<T: Default + for<'de> Deserialize<'de>>(text: &str) -> (Reading<T>, Option<Value>) {
    if text.trim().is_empty() {
        return (Reading::default(), None);
    }
    let raw = match serde_yaml::from_str::<Value>(text) {
        Ok(Value::Null) => return (Reading::default(), None),
        Ok(raw) => raw,
        Err(error) => {
            let problems = vec![ConfigProblem::Refused(format!("it is not YAML: {error}"))];
            return (Reading { value: T::default(), problems }, None);
        }
    };
    match serde_yaml::from_str::<T>(text) {
        Ok(value) => (Reading { value, problems: Vec::new() }, Some(raw)),
        Err(error) => {
            let problems = vec![ConfigProblem::Refused(error.to_string())];
            (Reading { value: T::default(), problems }, None)
        }
    }
}

fn proxy_keys(proxy: &Value, path: &str, problems: &mut Vec<ConfigProblem>) {
    keys(proxy, path, istio::PROXY_CONFIG_KEYS, problems);
    let Some(tracing) = proxy.get("tracing") else { return };
    let path = format!("{path}tracing.");
    keys(tracing, &path, istio::TRACING_KEYS, problems);
    if let Some(zipkin) = tracing.get("zipkin") {
        keys(zipkin, &format!("{path}zipkin."), &["address"], problems);
    }
}

/// Adds the keys that are almost right. One that is like none may be of a version that is newer than this list.
fn keys(mapping: &Value, path: &str, known: &[&str], problems: &mut Vec<ConfigProblem>) {
    for (key, _) in mapping.as_mapping().into_iter().flatten() {
        let Some(key) = key.as_str().filter(|key| !known.contains(key) && !key.contains('_')) else {
            continue;
        };
        if let Some(right) = nearest(key, known.iter().copied()) {
            problems.push(ConfigProblem::Misspelt { path: format!("{path}{key}"), right: right.to_owned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_configuration_is_read_as_istio_reads_it() {
        let text = "enableTracing: true\ndefaultConfig:\n  tracing:\n    sampling: '100'\n    zipkin:\n      address: a:1\n\
                    extensionProviders:\n- name: datakit\n  zipkin: {service: s, port: 9529}\n- name: log\n  envoyFileAccessLog: {path: x}\n";
        let reading = mesh_config(text);
        assert_eq!(reading.problems, []);
        let tracing = reading.value.default_config.unwrap().tracing.unwrap();
        assert_eq!(
            (tracing.sampling, tracing.zipkin.unwrap().address.unwrap().as_str()),
            (Some(100.0), "a:1")
        );
        let providers = reading.value.extension_providers.unwrap();
        assert_eq!(providers[0].endpoint().unwrap().port_number(), 9529);
        assert_eq!(providers[1].kind, "envoyFileAccessLog");
    }

    #[test]
    fn what_istio_refuses_or_ignores_is_a_problem() {
        for (text, wanted) in [
            ("enableTracing: 'true'\n", "enableTracing: invalid type: string \"true\", expected a boolean"),
            (
                "defaultConfig:\n  tracing:\n    sampling: all\n",
                "defaultConfig.tracing.sampling: invalid value",
            ),
            ("a: [\n", "it is not YAML"),
        ] {
            let reading = mesh_config(text);
            let ConfigProblem::Refused(message) = &reading.problems[0] else { panic!("{reading:?}") };
            assert!(message.starts_with(wanted), "{message}");
        }
        let misspelt = |path: &str, right: &str| {
            vec![ConfigProblem::Misspelt { path: path.to_owned(), right: right.to_owned() }]
        };
        let problems = mesh_config("defaultConfig: {tracing: {zipkin: {adress: a:1}}}").problems;
        assert_eq!(problems, misspelt("defaultConfig.tracing.zipkin.adress", "address"));
        assert_eq!(proxy_config("traceing: {}").problems, misspelt("traceing", "tracing"));
        assert!(matches!(&mesh_config("tracing: {}").problems[..], [ConfigProblem::Misplaced { .. }]));
        assert_eq!(mesh_config("somethingNew: 1\n").problems, []);
        assert_eq!(mesh_config("").problems, []);
    }
}
