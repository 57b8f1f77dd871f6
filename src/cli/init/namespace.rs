//! `meshobs init namespace`.

use clap::Args;

use super::super::DONE;
use super::Printed;
use crate::template;
use crate::yaml::Value;

const TEMPLATE: &str = include_str!("../../../templates/namespace.yaml");

/// Arguments of `init namespace`.
#[derive(Args, Debug)]
#[command(after_help = "\
Apply it before the workloads: Istio puts sidecars into pods when they are created. Pods that run already need a
`kubectl rollout restart`.")]
pub struct NamespaceArgs {
    /// Names of the namespaces
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Sidecars of this revision of istiod (label istio.io/rev) instead of the default one
    #[arg(long, value_name = "REVISION", env = "MESHOBS_REVISION", conflicts_with = "ambient")]
    revision: Option<String>,
    /// Ambient mode instead of sidecars; pods then have no port 15020 to scrape
    #[arg(long)]
    ambient: bool,
    #[command(flatten)]
    printed: Printed,
}

/// Prints the manifests.
pub fn run(args: &NamespaceArgs) -> anyhow::Result<u8> {
    let (template, name) = args.printed.template(TEMPLATE)?;
    let (label, value) = match &args.revision {
        Some(revision) => {
            super::check_name(revision, "--revision")?;
            ("istio.io/rev", revision.as_str())
        }
        None if args.ambient => ("istio.io/dataplane-mode", "ambient"),
        None => ("istio-injection", "enabled"),
    };
    let mut documents = Vec::new();
    for namespace in &args.names {
        super::check_name(namespace, "NAME")?;
        documents.push(manifest((&template, &name), namespace, (label, value))?);
    }
    super::write(&documents.join("---\n"), args.printed.output.as_deref())?;
    Ok(DONE)
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
