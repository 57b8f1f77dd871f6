//! `meshobs init namespace`.

use anyhow::anyhow;
use clap::Args;

use super::super::DONE;
use super::super::settings::SettingsArgs;
use super::Printed;
use crate::config::Options;
use crate::template;
use crate::yaml::Value;

const TEMPLATE: &str = include_str!("../../../templates/namespace.yaml");

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
    let (template, name) = args.printed.template(TEMPLATE)?;
    let (label, value) = match &revision {
        Some(revision) => {
            super::check_name(revision, "--revision")?;
            ("istio.io/rev", revision.as_str())
        }
        None if args.ambient => ("istio.io/dataplane-mode", "ambient"),
        None => ("istio-injection", "enabled"),
    };
    let mut documents = Vec::new();
    for namespace in &names {
        super::check_name(namespace, "NAME")?;
        documents.push(manifest((&template, &name), namespace, (label, value))?);
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

/// A Namespace with its label, from the built-in template.
pub(in crate::cli) fn built_in(namespace: &str, revision: Option<&str>) -> anyhow::Result<String> {
    let label = revision.map_or(("istio-injection", "enabled"), |revision| ("istio.io/rev", revision));
    manifest((TEMPLATE, "built-in template"), namespace, label)
}

fn manifest(
    (template, name): (&str, &str),
    namespace: &str,
    (label, value): (&str, &str),
) -> anyhow::Result<String> {
    let text = template::fill(template, name, |filler| {
        filler.set(0, &["metadata", "name"], Value::Text(namespace.to_owned()))?;
        filler.set(0, &["metadata", "labels", label], Value::Text(value.to_owned()))
    })?;
    Ok(text)
}
