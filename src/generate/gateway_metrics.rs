//! The Services by which DataKit reaches the metrics of Istio's gateways.

use super::Blueprint;
use crate::diagnostic::Diagnostics;
use crate::template;
use crate::yaml::Value;

/// The Services of istioctl's gateways: of the ingress gateway, and of the egress gateway.
pub const TEMPLATE: Blueprint<'static> =
    Blueprint::built_in(include_str!("../../templates/gateway-metrics.yaml"));

/// The Services in the gateways' namespace; for each the labels that its pods have besides what the template says.
///
/// # Errors
/// The template has no place for a value.
pub fn services(
    blueprint: Blueprint<'_>,
    namespace: &str,
    selectors: [&[(&str, &str)]; 2],
) -> Result<String, Diagnostics> {
    template::fill(blueprint.text, blueprint.name, |filler| {
        for (i, selector) in selectors.iter().enumerate() {
            filler.set(i, &["metadata", "namespace"], Value::Text(namespace.to_owned()))?;
            for (key, value) in *selector {
                filler.set(i, &["spec", "selector", key], Value::Text((*value).to_owned()))?;
            }
        }
        Ok(())
    })
}
