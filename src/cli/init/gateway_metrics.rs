//! `meshobs init gateway-metrics`.

use anyhow::bail;
use clap::Args;

use super::super::DONE;
use super::super::settings::SettingsArgs;
use super::Printed;
use crate::template;
use crate::yaml::Value;

const TEMPLATE: &str = include_str!("../../../templates/gateway-metrics.yaml");

/// Arguments of `init gateway-metrics`.
#[derive(Args, Debug)]
#[command(after_help = "\
The default selectors are those of istioctl's gateways. Gateways of Istio's Helm chart carry labels made from the \
release's name: for a release istio-ingress pass --ingress-selector app=istio-ingress,istio=ingress.")]
pub struct GatewayMetricsArgs {
    /// Labels of the ingress gateway's pods
    #[arg(
        long,
        value_name = "KEY=VALUE",
        value_delimiter = ',',
        default_value = "app=istio-ingressgateway,istio=ingressgateway"
    )]
    ingress_selector: Vec<String>,
    /// Labels of the egress gateway's pods
    #[arg(
        long,
        value_name = "KEY=VALUE",
        value_delimiter = ',',
        default_value = "app=istio-egressgateway,istio=egressgateway"
    )]
    egress_selector: Vec<String>,
    /// Namespace of the gateways [default: istio-system]
    #[arg(long, value_name = "NAME", env = "MESHOBS_ISTIO_NAMESPACE")]
    istio_namespace: Option<String>,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    printed: Printed,
}

/// Prints the manifests.
pub fn run(args: &GatewayMetricsArgs) -> anyhow::Result<u8> {
    let istio_namespace = super::istio_namespace(&args.settings, args.istio_namespace.clone())?;
    let selectors = [
        labels(&args.ingress_selector, "--ingress-selector")?,
        labels(&args.egress_selector, "--egress-selector")?,
    ];
    let (template, name) = args.printed.template(TEMPLATE)?;
    let text = template::fill(&template, &name, |filler| {
        for (i, selector) in selectors.iter().enumerate() {
            filler.set(i, &["metadata", "namespace"], Value::Text(istio_namespace.clone()))?;
            for (key, value) in selector {
                filler.set(i, &["spec", "selector", key], Value::Text((*value).to_owned()))?;
            }
        }
        Ok(())
    })?;
    super::write(&text, args.printed.output.as_deref())?;
    Ok(DONE)
}

/// Labels as pairs; what Kubernetes would refuse is refused here.
fn labels<'a>(pairs: &'a [String], flag: &str) -> anyhow::Result<Vec<(&'a str, &'a str)>> {
    let fits = |text: &str, more: &str| {
        let edge = |c: char| c.is_ascii_alphanumeric();
        text.starts_with(edge)
            && text.ends_with(edge)
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c) || more.contains(c))
    };
    let mut found = Vec::new();
    for pair in pairs {
        match pair.split_once('=') {
            Some((key, value)) if fits(key, "/") && fits(value, "") => found.push((key, value)),
            _ => bail!("invalid label `{pair}` ({flag}): write KEY=VALUE, letters, digits and `-_.`"),
        }
    }
    Ok(found)
}

/// The Services of the built-in template, for istioctl's gateways.
pub(in crate::cli) fn built_in(namespace: &str) -> anyhow::Result<String> {
    let text = template::fill(TEMPLATE, "built-in template", |filler| {
        for document in 0..2 {
            filler.set(document, &["metadata", "namespace"], Value::Text(namespace.to_owned()))?;
        }
        Ok(())
    })?;
    Ok(text)
}
