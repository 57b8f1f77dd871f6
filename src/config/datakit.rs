//! `[datakit]`.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use toml::Table;

use super::{Invalid, is_dns_label, pairs};
use crate::facts::Version;
use crate::input::io_message;
use crate::kube::ImageRef;
use crate::rule::datakit::dataway;
use crate::rule::{Collector, DatakitSettings, MetricsSettings, TracingSettings};
use crate::secret::Token;
use crate::stdio;

/// The variable that a token is taken from where no file is named.
pub const TOKEN_VARIABLE: &str = "MESHOBS_TOKEN";

/// `[datakit]`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table: [datakit] and its keys below it")]
pub struct DatakitOptions {
    /// File with DataKit's token; else the variable MESHOBS_TOKEN
    #[arg(long, value_name = "FILE", env = "MESHOBS_TOKEN_FILE", help_heading = "DataKit")]
    pub token_file: Option<PathBuf>,
    /// Address that DataKit uploads to (repeatable) [default: the one that is there, or Guance's]
    #[arg(
        long,
        value_name = "URL",
        value_delimiter = ',',
        env = "MESHOBS_DATAWAY",
        hide_env_values = true,
        help_heading = "DataKit"
    )]
    pub dataway: Option<Vec<String>>,
    /// Put the address and its token into a Secret of this name
    #[arg(long, value_name = "NAME", env = "MESHOBS_TOKEN_SECRET", help_heading = "DataKit")]
    pub token_secret: Option<String>,
    /// How DataKit is told what to collect [default: configmap]
    #[arg(long, value_name = "WAY", env = "MESHOBS_COLLECTOR", help_heading = "DataKit")]
    pub collector: Option<Collector>,
    /// Scrape the ingress and egress gateways, too (through the Services of `init gateway-metrics`)
    #[arg(long, help_heading = "DataKit")]
    pub gateways: bool,
    /// Let DataKit take what browsers send, in the file.
    #[arg(skip)]
    pub rum: bool,
    /// DataKit's version [default: read from the image's tag]
    #[arg(
        long = "datakit-version",
        id = "datakit-version",
        value_name = "VERSION",
        env = "MESHOBS_DATAKIT_VERSION",
        help_heading = "DataKit"
    )]
    pub version: Option<String>,
    /// Name of the cluster, for all that DataKit collects and elects
    #[arg(long, value_name = "NAME", env = "MESHOBS_CLUSTER_NAME", help_heading = "DataKit")]
    pub cluster_name: Option<String>,
    /// Tag for all that DataKit collects (repeatable)
    #[arg(
        long,
        value_name = "KEY=VALUE",
        value_delimiter = ',',
        env = "MESHOBS_GLOBAL_TAGS",
        help_heading = "DataKit"
    )]
    #[serde(skip)]
    pub global_tags: Option<Vec<String>>,
    /// All tags, in the file.
    #[arg(skip)]
    #[serde(rename = "global_tags")]
    #[cfg_attr(test, schemars(with = "Option<super::schema::Texts>"))]
    pub tags: Option<Table>,
    /// Inputs for DataKit to enable
    #[arg(
        long,
        value_name = "INPUT",
        value_delimiter = ',',
        env = "MESHOBS_ENABLE_INPUTS",
        help_heading = "DataKit"
    )]
    pub enable_inputs: Option<Vec<String>>,
    /// Variables of DataKit's environment, in the file.
    #[arg(skip)]
    #[cfg_attr(test, schemars(with = "Option<super::schema::Texts>"))]
    pub env: Option<Table>,
    /// Image of DataKit, in the file.
    #[arg(skip)]
    pub image: Option<String>,
}

impl DatakitOptions {
    /// These options, and for what they do not say the others.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            gateways: self.gateways || other.gateways,
            rum: self.rum || other.rum,
            token_file: self.token_file.or(other.token_file),
            dataway: self.dataway.or(other.dataway),
            token_secret: self.token_secret.or(other.token_secret),
            collector: self.collector.or(other.collector),
            version: self.version.or(other.version),
            cluster_name: self.cluster_name.or(other.cluster_name),
            global_tags: self.global_tags.or(other.global_tags),
            tags: self.tags.or(other.tags),
            enable_inputs: self.enable_inputs.or(other.enable_inputs),
            env: self.env.or(other.env),
            image: self.image.or(other.image),
        }
    }

    /// Puts the defaults in and checks every value. The token is read from its file or variable.
    ///
    /// # Errors
    /// The first value that cannot be used, and what would be right.
    pub fn settings(
        self,
        metrics: &MetricsSettings,
        tracing: &TracingSettings,
        namespace: &str,
    ) -> Result<DatakitSettings, Invalid> {
        let mut token = self.token()?;
        let mut addresses = Vec::new();
        for url in self.dataway.unwrap_or_default() {
            let url = url.trim().to_owned();
            dataway::check(&url).map_err(|error| {
                // Neither a token nor a password is shown.
                let shown = crate::secret::mask(&url);
                let shown = match (shown.split_once("://"), shown.rsplit_once('@')) {
                    (Some((scheme, _)), Some((_, host))) => format!("{scheme}://****@{host}"),
                    _ => shown,
                };
                format!("invalid address `{shown}` (--dataway, datakit.dataway): {error}")
            })?;
            if let Some(given) = dataway::token_of(&url).filter(|token| !token.starts_with('<')) {
                let given =
                    Token::parse(given).map_err(|error| format!("{error} (--dataway, datakit.dataway)"))?;
                token.get_or_insert(given);
            }
            addresses.push(url);
        }
        let version = match &self.version {
            None => None,
            Some(text) => Some(Version::parse(text).ok_or_else(|| {
                format!(
                    "invalid version `{text}` (--datakit-version, datakit.version): write it as in `1.84.0`"
                )
            })?),
        };
        if let Some(name) = &self.token_secret {
            check_secret(name)?;
        }
        if let Some(name) = &self.cluster_name {
            check_word(name, "cluster name", "--cluster-name, datakit.cluster_name")?;
        }
        let enable_inputs = self.enable_inputs.unwrap_or_default();
        for name in &enable_inputs {
            check_word(name, "input", "--enable-inputs, datakit.enable_inputs")?;
        }
        let mut tags = match &self.tags {
            Some(table) => pairs(table, "datakit.global_tags")?,
            None => Vec::new(),
        };
        for pair in self.global_tags.unwrap_or_default() {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("invalid tag `{pair}` (--global-tags): write KEY=VALUE"))?;
            tags.retain(|(known, _)| known != key);
            tags.push((key.to_owned(), value.to_owned()));
        }
        for (key, value) in &tags {
            // DataKit drops what has two `=` or a comma too many.
            let odd = |c: char| c.is_control() || c.is_whitespace() || "=,".contains(c);
            if key.is_empty() || value.is_empty() || key.contains(odd) || value.contains(odd) {
                return Err(format!(
                    "invalid tag `{key}={value}` (--global-tags, datakit.global_tags): no blanks, `,` or further `=`"
                ));
            }
        }
        let env = match &self.env {
            Some(table) => pairs(table, "datakit.env")?,
            None => Vec::new(),
        };
        for (name, _) in &env {
            check_variable(name)?;
        }
        if let Some(image) = &self.image
            && !ImageRef::is_valid(image)
        {
            return Err(format!(
                "invalid image `{image}` (--image, datakit.image): [registry/]repository[:tag]"
            ));
        }
        Ok(DatakitSettings {
            token,
            dataway: addresses,
            token_secret: self.token_secret,
            collector: self.collector.unwrap_or_default(),
            gateways: self.gateways,
            rum: self.rum,
            version,
            cluster_name: self.cluster_name,
            global_tags: tags,
            enable_inputs,
            env,
            image: self.image,
            checksum: false,
            istio_namespace: tracing.istio_namespace.clone(),
            revision: tracing.revision.clone(),
            app_namespace: namespace.to_owned(),
            default_namespace: None,
            replaced: None,
            move_to: None,
            keeps_files: false,
            metrics: metrics.clone(),
        })
    }

    /// The token of the file, else of the variable.
    fn token(&self) -> Result<Option<Token>, Invalid> {
        if let Some(path) = &self.token_file {
            let name = path.display();
            if let Ok(metadata) = fs::metadata(path)
                && let Some(message) =
                    stdio::refusal(&name.to_string(), &metadata, false, "write to another file")
            {
                return Err(format!("{name}: {message}"));
            }
            let text = fs::read_to_string(path).map_err(|error| {
                format!("{name}: {} (--token-file, datakit.token_file)", io_message(&error))
            })?;
            return Token::parse(&text).map(Some).map_err(|error| format!("{name}: {error}"));
        }
        match std::env::var(TOKEN_VARIABLE) {
            Ok(text) if !text.trim().is_empty() => {
                Token::parse(&text).map(Some).map_err(|error| format!("{error} ({TOKEN_VARIABLE})"))
            }
            _ => Ok(None),
        }
    }
}

/// Checks the name of a Secret: a DNS subdomain.
fn check_secret(name: &str) -> Result<(), Invalid> {
    if name.len() <= 253 && name.split('.').all(is_dns_label) {
        return Ok(());
    }
    Err(format!(
        "invalid name `{name}` (--token-secret, datakit.token_secret): lower-case letters, digits, `-` and `.`"
    ))
}

/// Checks something that goes into a comma list.
fn check_word(word: &str, what: &str, flag: &str) -> Result<(), Invalid> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !word.is_empty() && word.chars().all(fits) {
        return Ok(());
    }
    Err(format!("invalid {what} `{word}` ({flag}): letters, digits and `-_.`"))
}

/// Checks the name of a variable.
fn check_variable(name: &str) -> Result<(), Invalid> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name == crate::facts::datakit::ENV_DATAWAY {
        return Err(format!("`{name}` (--env, datakit.env) holds the token; use --token and --dataway"));
    }
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(fits) {
        return Err(format!("invalid variable `{name}` (--env, datakit.env): letters, digits and `_`"));
    }
    Ok(())
}
