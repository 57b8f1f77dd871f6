//! `meshobs init policy`.

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};

use super::super::DONE;
use super::super::settings::SettingsArgs;
use super::Printed;
use crate::config::{MetricsOptions, Options, TracingOptions};
use crate::gate::{self, Text, text};
use crate::policy::{self, Policy, Scope};
use crate::rule::{Collector, MetricsSettings};

/// What applies the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The API server: a MutatingAdmissionPolicy
    #[default]
    Admission,
}

/// Arguments of `init policy`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
The policy decides as Istio's injector does, by the labels of namespace and pod, and adds the annotation that `patch` \
would write for the pod's workload. A pod that has the annotation is left as it is. Kubernetes' own namespaces, Istio's \
and DataKit's are left alone.

The settings are in a ConfigMap in DataKit's namespace: to change one, apply the new ConfigMap; the policy stays.

Example:
  meshobs init policy | kubectl apply -f -")]
pub struct PolicyArgs {
    /// What applies the policy
    #[arg(long, value_enum, default_value_t, value_name = "ENGINE")]
    engine: Engine,
    /// Labels of the namespaces it is for [default: those that Istio's labels mark: istio-injection, istio.io/rev]
    #[arg(long, value_name = "SELECTOR", env = "MESHOBS_NAMESPACE_SELECTOR")]
    namespace_selector: Option<String>,
    /// Namespaces to leave alone (repeatable)
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "MESHOBS_EXCLUDE_NAMESPACE")]
    exclude_namespace: Vec<String>,
    /// Namespace of istiod [default: istio-system]
    #[arg(long, value_name = "NAME", env = "MESHOBS_ISTIO_NAMESPACE")]
    istio_namespace: Option<String>,
    /// Namespace of DataKit, for the ConfigMap with the settings [default: datakit]
    #[arg(long, value_name = "NAME", env = "MESHOBS_DATAKIT_NAMESPACE")]
    datakit_namespace: Option<String>,
    #[command(flatten)]
    metrics: MetricsOptions,
    /// No report on stderr; errors are still printed
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    printed: Printed,
}

/// Prints the manifests.
pub fn run(args: &PolicyArgs) -> anyhow::Result<u8> {
    let settings = Settings::of(args)?;
    let policy = Policy::new(&settings.metrics, settings.scope).map_err(|message| anyhow!(message))?;
    let text = match args.engine {
        Engine::Admission => {
            let (template, name) = args.printed.template(policy::ADMISSION)?;
            policy.admission((&template, &name), "v1", &settings.datakit_namespace)?
        }
    };
    super::write(&text, args.printed.output.as_deref())?;
    if !args.quiet {
        next_steps().iter().for_each(gate::print_line);
    }
    Ok(DONE)
}

/// What the settings come to.
struct Settings {
    metrics: MetricsSettings,
    scope: Scope,
    datakit_namespace: String,
}

impl Settings {
    fn of(args: &PolicyArgs) -> anyhow::Result<Self> {
        let tracing = TracingOptions {
            istio_namespace: args.istio_namespace.clone(),
            datakit_namespace: args.datakit_namespace.clone(),
            ..TracingOptions::default()
        };
        let flags = Options { metrics: args.metrics.clone(), tracing, ..Options::default() };
        let options = args.settings.load(flags)?;
        if options.datakit.collector == Some(Collector::Kubernetesprometheus) {
            bail!(
                "datakit.collector is kubernetesprometheus, which scrapes the sidecars without the annotation: no policy is \
                 needed; for one, set datakit.collector to another value"
            );
        }
        let invalid = |message: String| anyhow!(message);
        let (namespace, _) = options.namespace.settings().map_err(invalid)?;
        let metrics = options.metrics.settings(&namespace.name).map_err(invalid)?;
        let tracing = options.tracing.settings().map_err(invalid)?;
        for name in &args.exclude_namespace {
            super::check_name(name, "--exclude-namespace")?;
        }
        let mut excluded = vec![tracing.istio_namespace, tracing.datakit_namespace.clone()];
        excluded.extend(args.exclude_namespace.iter().cloned());
        let scope = Scope::new(args.namespace_selector.as_deref(), &excluded).map_err(invalid)?;
        Ok(Self { metrics, scope, datakit_namespace: tracing.datakit_namespace })
    }
}

/// What is left to do once the manifests are applied.
fn next_steps() -> Vec<Text> {
    vec![text!(
        "existing pods are not changed: once the policy is applied, restart the workloads of each namespace that has sidecars:\n  \
         kubectl rollout restart -n NAMESPACE deployment,statefulset,daemonset"
    )]
}
