//! `meshobs init policy`.

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};

use super::super::DONE;
use super::super::cluster::ClusterArgs;
use super::super::settings::SettingsArgs;
use super::{Chosen, Printed};
use crate::cluster::{ErrorKind, Kubectl};
use crate::config::{MetricsOptions, Options, TracingOptions};
use crate::facts::Version;
use crate::facts::kubernetes::{ADMISSION_GROUP, MUTATING_POLICY, PolicyKind, Served, VALIDATING_POLICY};
use crate::gate::{self, Text, text};
use crate::generate::Blueprint;
use crate::policy::{self, Policy, Scope};
use crate::rule::{Collector, MetricsSettings};

/// What applies the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The API server: a MutatingAdmissionPolicy, from Kubernetes 1.36
    #[default]
    Admission,
    /// Kyverno, from 1.18: a MutatingPolicy with the settings in it
    Kyverno,
}

/// Arguments of `init policy`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
The policy decides as Istio's injector does, by the labels of namespace and pod, and adds the annotation that `patch` \
would write for the pod's workload. A pod that has the annotation is left as it is. Kubernetes' own namespaces, Istio's \
and DataKit's are left alone.

The settings are in a ConfigMap in DataKit's namespace: to change one, apply the new ConfigMap; the policy stays. \
Kyverno's policy has them in itself.

Example:
  meshobs init policy | kubectl apply -f -")]
pub struct PolicyArgs {
    /// What applies the policy
    #[arg(long, value_enum, default_value_t, value_name = "ENGINE")]
    engine: Engine,
    /// Warn about workloads without the annotation instead of adding it: a ValidatingAdmissionPolicy, from Kubernetes 1.30
    #[arg(long)]
    audit: bool,
    /// Version of Kubernetes, which decides the version of the API [default: 1.36]
    #[arg(long, value_name = "VERSION", env = "MESHOBS_KUBERNETES_VERSION")]
    kubernetes_version: Option<String>,
    /// Ask the cluster for its version and what it serves, through kubectl
    #[arg(long, conflicts_with = "kubernetes_version")]
    detect: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
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
    let (text, said) = match args.engine {
        Engine::Kyverno => kyverno(args, settings)?,
        Engine::Admission if args.audit => audit(args, &settings)?,
        Engine::Admission => admission(args, settings)?,
    };
    super::write(&text, args.printed.output.as_deref())?;
    if !args.quiet {
        said.iter().for_each(gate::print_line);
    }
    Ok(DONE)
}

/// The manifests, and what is said about them.
type Answer = (String, Vec<Text>);

fn admission(args: &PolicyArgs, settings: Settings) -> anyhow::Result<Answer> {
    let (version, mut said) = version(args, &MUTATING_POLICY)?;
    let policy = Policy::new(&settings.metrics, settings.scope).map_err(|message| anyhow!(message))?;
    let Chosen { text: template, name } = args.printed.template(Blueprint::built_in(policy::ADMISSION))?;
    let text = policy.admission((&template, &name), version, &settings.datakit_namespace)?;
    said.push(existing_pods());
    Ok((text, said))
}

fn audit(args: &PolicyArgs, settings: &Settings) -> anyhow::Result<Answer> {
    let (version, said) = version(args, &VALIDATING_POLICY)?;
    let Chosen { text: template, name } = args.printed.template(Blueprint::built_in(policy::AUDIT))?;
    Ok((policy::audit((&template, &name), version, &settings.scope)?, said))
}

fn kyverno(args: &PolicyArgs, settings: Settings) -> anyhow::Result<Answer> {
    let given = [args.audit.then_some("--audit"), args.detect.then_some("--detect"), args.cluster.given()];
    if let Some(flag) = given.into_iter().flatten().next() {
        bail!("{flag} is for --engine admission; Kyverno's policy is the same on every cluster");
    }
    let policy = Policy::new(&settings.metrics, settings.scope).map_err(|message| anyhow!(message))?;
    let Chosen { text: template, name } = args.printed.template(Blueprint::built_in(policy::KYVERNO))?;
    Ok((policy.kyverno((&template, &name))?, vec![existing_pods()]))
}

/// The version of a policy's API that the cluster has, and what is to be known about that.
fn version(args: &PolicyArgs, policy: &PolicyKind) -> anyhow::Result<(&'static str, Vec<Text>)> {
    match (&args.kubernetes_version, args.cluster.given()) {
        _ if args.detect => Ok((detect(&args.cluster.kubectl()?, policy)?, Vec::new())),
        (_, Some(flag)) => bail!("{flag} is for --detect; nothing else here asks the cluster"),
        (Some(text), None) => {
            let version = Version::parse(text).with_context(|| {
                format!(
                    "invalid version `{text}` (--kubernetes-version): write major and minor, as in `1.36`"
                )
            })?;
            let served = served_by(policy, version)?;
            let note = (!served.by_default).then(|| off_by_default(policy, served));
            Ok((served.version, note.into_iter().collect()))
        }
        (None, None) => {
            let newest = policy.versions.first().context("a policy has versions")?;
            let note = text!(
                "{} {}, for Kubernetes {} or later; for another cluster pass --kubernetes-version or --detect",
                policy.kind,
                newest.version,
                minor(newest.since)
            );
            Ok((newest.version, vec![note]))
        }
    }
}

/// The newest version of a policy's API that a version of Kubernetes has.
fn served_by(policy: &PolicyKind, version: Version) -> anyhow::Result<Served> {
    let found = policy.versions.iter().find(|served| version >= served.since);
    found.copied().with_context(|| {
        let first = policy.versions.last().map(|served| minor(served.since)).unwrap_or_default();
        format!(
            "Kubernetes {version} has no {}, which is there from {first} on; {}",
            policy.kind,
            instead(policy)
        )
    })
}

/// The newest version of a policy's API that a cluster serves.
fn detect(kubectl: &Kubectl, policy: &PolicyKind) -> anyhow::Result<&'static str> {
    let told =
        kubectl.server_version().context("cannot read the version; pass --kubernetes-version instead")?;
    let version = told.as_deref().and_then(Version::parse);
    let version =
        version.context("the cluster does not tell its version; pass --kubernetes-version instead")?;
    let newest = served_by(policy, version)?;
    for served in policy.versions.iter().filter(|served| version >= served.since) {
        if serves(kubectl, policy, served)? {
            return Ok(served.version);
        }
    }
    bail!(
        "the API server, Kubernetes {version}, serves no {}; {}; or {}",
        policy.kind,
        turn_on(policy, newest),
        instead(policy)
    )
}

fn serves(kubectl: &Kubectl, policy: &PolicyKind, served: &Served) -> anyhow::Result<bool> {
    let path = format!("/apis/{ADMISSION_GROUP}/{}", served.version);
    match kubectl.output(&["get", "--raw", &path]) {
        Ok(text) => {
            let list: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let resources =
                list.get("resources").and_then(|list| list.as_array()).cloned().unwrap_or_default();
            let names = resources.iter().filter_map(|resource| resource.get("name")?.as_str());
            Ok(names.into_iter().any(|name| name == policy.plural))
        }
        Err(error) if error.is(&[ErrorKind::NotFound]) => Ok(false),
        Err(error) => {
            Err(error).context("cannot read what the cluster serves; pass --kubernetes-version instead")
        }
    }
}

fn off_by_default(policy: &PolicyKind, served: Served) -> Text {
    text!(
        "an API server of this version does not serve {} {} by default: {}",
        policy.kind,
        served.version,
        turn_on(policy, served)
    )
}

/// How an API server is told to serve a version of a policy's API.
fn turn_on(policy: &PolicyKind, served: Served) -> String {
    let api = format!("{ADMISSION_GROUP}/{}", served.version);
    format!("start it with --feature-gates={}=true --runtime-config={api}=true", policy.kind)
}

/// What else there is for a cluster without a policy's API.
fn instead(policy: &PolicyKind) -> &'static str {
    if policy.kind == MUTATING_POLICY.kind {
        "use --engine kyverno, be warned of workloads without the annotation by --audit, or patch the manifests"
    } else {
        "use `meshobs check`"
    }
}

/// Major and minor number.
fn minor(version: Version) -> String {
    version.to_string().trim_end_matches(".0").to_owned()
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
fn existing_pods() -> Text {
    text!(
        "existing pods are not changed: once the policy is applied, restart the workloads of each namespace that has sidecars:\n  \
         kubectl rollout restart -n NAMESPACE deployment,statefulset,daemonset"
    )
}
