//! `[rum.page]`: what `init rum` writes into a page.

use clap::Args;
use serde::Deserialize;

use super::Invalid;
use crate::address;
use crate::page::{SDK, Snippet, Target};

/// Ways to pass on a trace that the SDK knows.
const TRACE_TYPES: &[&str] = &[
    "zipkin",
    "zipkin_single_header",
    "ddtrace",
    "w3c_traceparent",
    "w3c_traceparent_64bit",
    "skywalking_v3",
    "jaeger",
];

/// `[rum.page]`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table: [rum.page] and its keys below it")]
pub struct PageOptions {
    /// Id of the application in the console
    #[arg(long, value_name = "ID", env = "MESHOBS_APP_ID")]
    pub app_id: Option<String>,
    /// DataKit that browsers send to, as scheme://host:port; `/` is the page's own origin (see init nginx --rum-proxy)
    #[arg(long, value_name = "ORIGIN", env = "MESHOBS_DATAKIT_ORIGIN")]
    pub datakit_origin: Option<String>,
    /// Public site to send to instead, with --client-token
    #[arg(long, value_name = "URL", env = "MESHOBS_RUM_SITE")]
    pub site: Option<String>,
    /// Client token for --site; it is readable in the page
    #[arg(long, value_name = "TOKEN", env = "MESHOBS_CLIENT_TOKEN", hide_env_values = true)]
    pub client_token: Option<String>,
    /// Environment
    #[arg(long, value_name = "NAME", env = "MESHOBS_RUM_ENV")]
    pub env: Option<String>,
    /// Service [default: the SDK's, browser]
    #[arg(long, value_name = "NAME", env = "MESHOBS_RUM_SERVICE")]
    pub service: Option<String>,
    /// Version of the application
    #[arg(long, value_name = "VERSION", env = "MESHOBS_APP_VERSION")]
    pub app_version: Option<String>,
    /// Headers that carry traces: zipkin is what Envoy takes [default: zipkin]
    #[arg(long, value_name = "TYPE", env = "MESHOBS_TRACE_TYPE", value_parser = clap::builder::PossibleValuesParser::new(TRACE_TYPES))]
    pub trace_type: Option<String>,
    /// Addresses whose requests are traced, by their beginnings [default: the page's own origin]
    #[arg(long, value_name = "URL", value_delimiter = ',', env = "MESHOBS_ALLOWED_TRACING_URLS")]
    pub allowed_tracing_urls: Option<Vec<String>>,
    /// Where the SDK is loaded from [default: the vendor's server, version 3]
    #[arg(long, value_name = "URL", env = "MESHOBS_SDK_URL")]
    pub sdk_url: Option<String>,
    /// Load the SDK without letting the page wait
    #[arg(long = "async", id = "async")]
    #[serde(rename = "async")]
    pub is_async: bool,
    /// Share of sessions to watch, in percent [default: 100]
    #[arg(long, value_name = "PERCENT", env = "MESHOBS_SAMPLE_RATE")]
    pub sample_rate: Option<f64>,
    /// Record sessions
    #[arg(long)]
    pub replay: bool,
}

impl PageOptions {
    /// These options, and for what they do not say the others.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        // A target by flag replaces the file's as a whole.
        let chosen = self.datakit_origin.is_some() || self.site.is_some();
        let target = if chosen { self.clone() } else { other.clone() };
        Self {
            datakit_origin: target.datakit_origin,
            site: target.site,
            client_token: self.client_token.or(other.client_token),
            app_id: self.app_id.or(other.app_id),
            env: self.env.or(other.env),
            service: self.service.or(other.service),
            app_version: self.app_version.or(other.app_version),
            trace_type: self.trace_type.or(other.trace_type),
            allowed_tracing_urls: self.allowed_tracing_urls.or(other.allowed_tracing_urls),
            sdk_url: self.sdk_url.or(other.sdk_url),
            is_async: self.is_async || other.is_async,
            sample_rate: self.sample_rate.or(other.sample_rate),
            replay: self.replay || other.replay,
        }
    }

    /// Puts the defaults in and checks every value.
    ///
    /// # Errors
    /// The first value that cannot be used or is missing, and what would be right.
    pub fn snippet(self) -> Result<Snippet, Invalid> {
        let app_id = self.app_id.ok_or("no application; pass --app-id with the id from the console")?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if app_id.is_empty() || !app_id.chars().all(fits) {
            return Err("invalid id (--app-id, rum.page.app_id): letters, digits and `_.-`".to_owned());
        }
        // A flag goes before the other's variable.
        let of = |variable: &str, value: &Option<String>| std::env::var(variable).ok() == *value;
        let (mut origin, mut site) = (self.datakit_origin, self.site);
        if origin.is_some() && site.is_some() {
            match (of("MESHOBS_DATAKIT_ORIGIN", &origin), of("MESHOBS_RUM_SITE", &site)) {
                (true, false) => origin = None,
                (false, true) => site = None,
                _ => return Err("--datakit-origin and --site at once; give one of the two".to_owned()),
            }
        }
        let target = match (origin, site) {
            (Some(origin), _) => {
                if origin != "/" {
                    address::check_origin(&origin).map_err(|error| {
                        format!(
                            "invalid origin `{origin}` (--datakit-origin, rum.page.datakit_origin): {error}; write it as in \
                             `http://10.0.0.1:9529`, or `/` for the page's own"
                        )
                    })?;
                }
                Target::Datakit(origin)
            }
            (None, Some(site)) => {
                address::check(&site)
                    .map_err(|error| format!("invalid site `{site}` (--site, rum.page.site): {error}"))?;
                let client_token = self.client_token.ok_or("--site needs --client-token")?;
                if client_token.is_empty() || !client_token.chars().all(|c| c.is_ascii_graphic()) {
                    return Err("invalid client token (--client-token): no blanks".to_owned());
                }
                Target::Public { site, client_token }
            }
            (None, None) => {
                return Err(
                    "nowhere to send to; pass --datakit-origin, or --site with --client-token".to_owned()
                );
            }
        };
        let trace_type = self.trace_type.unwrap_or_else(|| "zipkin".to_owned());
        if !TRACE_TYPES.contains(&trace_type.as_str()) {
            return Err(format!(
                "invalid type `{trace_type}` (--trace-type, rum.page.trace_type): the SDK knows {}",
                TRACE_TYPES.join(", ")
            ));
        }
        let tracing_urls = self.allowed_tracing_urls.unwrap_or_default();
        for url in &tracing_urls {
            address::check(url).map_err(|error| {
                format!(
                    "invalid address `{url}` (--allowed-tracing-urls, rum.page.allowed_tracing_urls): {error}"
                )
            })?;
        }
        let sdk = self.sdk_url.unwrap_or_else(|| SDK.to_owned());
        let own = sdk.starts_with('/') && !sdk.starts_with("//") && sdk.chars().all(|c| c.is_ascii_graphic());
        if !own {
            address::check(&sdk)
                .map_err(|error| format!("invalid address `{sdk}` (--sdk-url, rum.page.sdk_url): {error}"))?;
        }
        let sample_rate = self.sample_rate.unwrap_or(100.0);
        if !(0.0..=100.0).contains(&sample_rate) {
            return Err(format!(
                "invalid rate `{sample_rate}` (--sample-rate, rum.page.sample_rate): 0 to 100 percent"
            ));
        }
        Ok(Snippet {
            app_id,
            target,
            env: self.env,
            service: self.service,
            version: self.app_version,
            trace_type,
            tracing_urls,
            sdk,
            is_async: self.is_async,
            sample_rate,
            replay: self.replay,
        })
    }
}
