//! `[tracing]`.

use clap::Args;
use serde::Deserialize;

use super::{Invalid, is_dns_label};
use crate::facts::{Version, istio};
use crate::rule::{TracingMode, TracingSettings};

/// `[tracing]`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table: [tracing] and its keys below it")]
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
    /// The nodes have IPv6 addresses, so spans go to DataKit's Service [default: as a Service in the input tells]
    #[arg(long, help_heading = "Rule tracing")]
    pub ipv6: bool,
}

impl TracingOptions {
    /// These options, and for what they do not say the others.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            mode: self.mode.or(other.mode),
            address: self.address.or(other.address),
            sampling: self.sampling.or(other.sampling),
            istio_version: self.istio_version.or(other.istio_version),
            istio_namespace: self.istio_namespace.or(other.istio_namespace),
            revision: self.revision.or(other.revision),
            datakit_namespace: self.datakit_namespace.or(other.datakit_namespace),
            ipv6: self.ipv6 || other.ipv6,
        }
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
            istio_namespace: self.istio_namespace.unwrap_or_else(|| istio::NAMESPACE.to_owned()),
            revision: self.revision,
            datakit_namespace: self.datakit_namespace.unwrap_or_else(|| "datakit".to_owned()),
            ipv6: self.ipv6,
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
