//! What sends Istio's spans to DataKit.

use super::Blueprint;
use crate::diagnostic::Diagnostics;
use crate::facts::istio::TELEMETRY_V1;
use crate::rule::TracingSettings;
use crate::template;
use crate::yaml::Value;

/// Two Services behind Istio's default address.
pub const EXTERNAL_NAME: Blueprint<'static> =
    Blueprint::built_in(include_str!("../../templates/tracing-external-name.yaml"));

/// A Telemetry for the whole mesh.
pub const TELEMETRY: Blueprint<'static> =
    Blueprint::built_in(include_str!("../../templates/tracing-telemetry.yaml"));

/// Settings for a new installation of Istio.
#[derive(Clone, Copy, Debug)]
pub enum Fragment {
    /// For `istioctl install -f`
    Operator,
    /// For `helm install -f`
    HelmValues,
}

impl Fragment {
    /// The template of such settings.
    pub const fn template(self) -> Blueprint<'static> {
        Blueprint::built_in(match self {
            Self::Operator => include_str!("../../templates/tracing-istio-operator.yaml"),
            Self::HelmValues => include_str!("../../templates/tracing-helm-values.yaml"),
        })
    }

    /// The keys above those of the mesh configuration.
    const fn prefix(self) -> &'static [&'static str] {
        match self {
            Self::Operator => &["spec"],
            Self::HelmValues => &[],
        }
    }
}

/// The two Services; `selector` are the labels of a DataKit's pods, where they are not the template's.
///
/// # Errors
/// The template has no place for a value.
pub fn services(
    blueprint: Blueprint<'_>,
    settings: &TracingSettings,
    selector: &[(String, String)],
) -> Result<String, Diagnostics> {
    let target = format!("datakit-service-ext.{}.svc.cluster.local", settings.datakit_namespace);
    template::fill(blueprint.text, blueprint.name, |filler| {
        filler.set(0, &["metadata", "namespace"], Value::Text(settings.datakit_namespace.clone()))?;
        if !selector.is_empty() {
            let labels = selector.iter().map(|(key, value)| (key.clone(), Value::Text(value.clone())));
            filler.rename(0, &["spec", "selector"], "selector", Value::Map(labels.collect()))?;
        }
        filler.set(1, &["metadata", "namespace"], Value::Text(settings.istio_namespace.clone()))?;
        filler.set(1, &["spec", "externalName"], Value::Text(target))
    })
}

/// The Telemetry, in the apiVersion that Istio's version serves.
///
/// # Errors
/// The template has no place for a value.
pub fn telemetry(blueprint: Blueprint<'_>, settings: &TracingSettings) -> Result<String, Diagnostics> {
    let sampling = settings.sampling.unwrap_or(100.0);
    let old = settings.istio_version.is_some_and(|version| version < TELEMETRY_V1);
    template::fill(blueprint.text, blueprint.name, |filler| {
        if old {
            filler.set(0, &["apiVersion"], Value::Text("telemetry.istio.io/v1alpha1".to_owned()))?;
        }
        filler.set(0, &["metadata", "namespace"], Value::Text(settings.istio_namespace.clone()))?;
        let percent = ["spec", "tracing", "0", "randomSamplingPercentage"];
        filler.set(0, &percent, Value::Raw(sampling.to_string()))
    })
}

/// Settings for a new installation: the address works at every version there, since its proxies are new too.
///
/// # Errors
/// The template has no place for a value.
pub fn fragment(
    blueprint: Blueprint<'_>,
    kind: Fragment,
    settings: &TracingSettings,
) -> Result<String, Diagnostics> {
    let address = settings.address(settings.istio_version, false);
    let sampling = settings.sampling.unwrap_or(100.0);
    let path = |tail: &[&'static str]| -> Vec<&str> {
        [kind.prefix(), &["meshConfig", "defaultConfig", "tracing"], tail].concat()
    };
    template::fill(blueprint.text, blueprint.name, |filler| {
        filler.set(0, &path(&["sampling"]), Value::Raw(sampling.to_string()))?;
        filler.set(0, &path(&["zipkin", "address"]), Value::Text(address))
    })
}
