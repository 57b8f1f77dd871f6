//! `meshobs init namespace`.

use anyhow::anyhow;
use clap::Args;

use super::super::DONE;
use super::super::settings::SettingsArgs;
use super::Printed;
use crate::config::Options;
use crate::generate::namespace::{self, TEMPLATE};

/// Arguments of `init namespace`.
#[derive(Args, Debug)]
#[command(after_help = "\
Apply it before the workloads: Istio puts sidecars into pods when they are created. Pods that run already need a \
`kubectl rollout restart`.")]
pub struct NamespaceArgs {
    /// Names of the namespaces [default: prod]
    #[arg(value_name = "NAME", env = "MESHOBS_NAMESPACE")]
    names: Vec<String>,
    /// Sidecars of this revision of istiod (label istio.io/rev) instead of the default one
    #[arg(long, value_name = "REVISION", env = "MESHOBS_REVISION", conflicts_with = "ambient")]
    revision: Option<String>,
    /// Ambient mode instead of sidecars; pods then have no port 15020 to scrape
    #[arg(long)]
    ambient: bool,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    printed: Printed,
}

/// Prints the manifests.
pub fn run(args: &NamespaceArgs) -> anyhow::Result<u8> {
    let (names, revision) = settings(args)?;
    let template = args.printed.template(TEMPLATE)?;
    if let Some(revision) = &revision {
        super::check_name(revision, "--revision")?;
    }
    let label = match &revision {
        None if args.ambient => ("istio.io/dataplane-mode", "ambient"),
        revision => namespace::label(revision.as_deref()),
    };
    let mut documents = Vec::new();
    for name in &names {
        super::check_name(name, "NAME")?;
        documents.push(namespace::namespace(template.blueprint(), name, label)?);
    }
    super::write(&documents.join("---\n"), args.printed.output.as_deref())?;
    Ok(DONE)
}

/// The names, and the revision whose sidecars are wanted: as flags and environment say, else as the file does.
fn settings(args: &NamespaceArgs) -> anyhow::Result<(Vec<String>, Option<String>)> {
    let mut flags = Options::default();
    flags.tracing.revision.clone_from(&args.revision);
    let options = args.settings.load(flags)?;
    let names = match args.names.as_slice() {
        [] => vec![options.namespace.settings().map_err(|message| anyhow!(message))?.0.name],
        names => names.to_vec(),
    };
    // What the file says of sidecars is not for a namespace without them.
    Ok((names, options.tracing.revision.filter(|_| !args.ambient)))
}
