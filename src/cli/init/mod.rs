//! `meshobs init`: files to start from and manifests that go beside the patched ones.

mod config;
mod csp;
pub(super) mod datakit;
mod drill;
mod front;
mod gateway_metrics;
mod namespace;
mod nginx;
mod nginx_tree;
mod policy;
pub(super) mod rum;
mod tracing;

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};

pub use config::CONFIG_TEMPLATE;

use super::settings::SettingsArgs;
use super::{from, write_bytes};
use crate::config::{Options, TracingOptions};
use crate::generate::Blueprint;

/// What can be printed.
#[derive(Debug, Subcommand)]
pub enum Init {
    /// Print a meshobs.toml with all settings and their defaults
    Config(config::ConfigArgs),
    /// Print DataKit's manifest with token and collectors, or edit yours
    Datakit(Box<datakit::DatakitArgs>),
    /// Print Namespaces whose pods get a sidecar
    Namespace(namespace::NamespaceArgs),
    /// Print the Services by which DataKit reaches the metrics of Istio's gateways
    GatewayMetrics(gateway_metrics::GatewayMetricsArgs),
    /// Print what sends Istio's spans to DataKit
    Tracing(Box<tracing::TracingArgs>),
    /// Print a policy by which the cluster itself adds the scrape annotation to new pods
    Policy(Box<policy::PolicyArgs>),
    /// Put browser monitoring into an application's page
    Rum(Box<rum::RumArgs>),
    /// Print a configuration of nginx in front of the mesh, or edit yours
    Nginx(Box<nginx::NginxArgs>),
    /// Print what delays or aborts requests of one user
    Drill(drill::DrillArgs),
}

/// Prints what was asked for.
pub fn run(init: Init) -> anyhow::Result<u8> {
    match init {
        Init::Config(args) => config::run(&args),
        Init::Datakit(args) => datakit::run(*args),
        Init::Namespace(args) => namespace::run(&args),
        Init::GatewayMetrics(args) => gateway_metrics::run(&args),
        Init::Tracing(args) => tracing::run(*args),
        Init::Policy(args) => policy::run(&args),
        Init::Rum(args) => rum::run(*args),
        Init::Nginx(args) => nginx::run(&args),
        Init::Drill(args) => drill::run(&args),
    }
}

/// Where a printed file goes, and what it is made from.
#[derive(Args, Debug)]
struct Printed {
    /// Write to a file instead of stdout, in place of one that is there
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Start from this file instead of the built-in template
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
}

impl Printed {
    /// The template to fill in.
    fn template(&self, built_in: Blueprint<'static>) -> anyhow::Result<Chosen> {
        let Some(path) = &self.template else {
            return Ok(Chosen { text: built_in.text.to_owned(), name: built_in.name.to_owned() });
        };
        let source = from::Source::file(path)?;
        match String::from_utf8(source.bytes) {
            Ok(text) => Ok(Chosen { text, name: source.name }),
            Err(_) => bail!("{}: not UTF-8; convert the file", source.name),
        }
    }
}

/// A template, of the user's or built in.
struct Chosen {
    text: String,
    name: String,
}

impl Chosen {
    fn blueprint(&self) -> Blueprint<'_> {
        Blueprint { text: &self.text, name: &self.name }
    }
}

/// Writes a text to stdout, or to a file in place of one that is there.
fn write(text: &str, output: Option<&Path>) -> anyhow::Result<()> {
    match output {
        Some(path) => write_bytes(text.as_bytes(), path),
        None => super::print(text.as_bytes()),
    }
}

/// The namespace of istiod and its gateways: as flag or environment say, else as the file does.
fn istio_namespace(settings: &SettingsArgs, named: Option<String>) -> anyhow::Result<String> {
    let tracing = TracingOptions { istio_namespace: named, ..TracingOptions::default() };
    let options = settings.load(Options { tracing, ..Options::default() })?;
    Ok(options.tracing.settings().map_err(|message| anyhow!(message))?.istio_namespace)
}

/// Checks a name as Kubernetes takes it for namespaces and revisions.
fn check_name(name: &str, flag: &str) -> anyhow::Result<()> {
    if crate::config::is_dns_label(name) {
        return Ok(());
    }
    bail!("invalid name `{name}` ({flag}): lower-case letters, digits and `-`, at most 63")
}
