//! `meshobs init gateway-metrics`.

use anyhow::bail;
use clap::Args;

use super::super::DONE;
use super::super::settings::SettingsArgs;
use super::Printed;
use crate::generate::gateway_metrics::{TEMPLATE, services};

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
    let ingress = labels(&args.ingress_selector, "--ingress-selector")?;
    let egress = labels(&args.egress_selector, "--egress-selector")?;
    let template = args.printed.template(TEMPLATE)?;
    let text = services(template.blueprint(), &istio_namespace, [&ingress, &egress])?;
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
