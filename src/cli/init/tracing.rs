//! `meshobs init tracing`: which way spans go depends on Istio's version, which is asked for, read or detected.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};

use super::super::DONE;
use super::super::cluster::ClusterArgs;
use super::super::settings::SettingsArgs;
use super::Printed;
use super::from::{self, DiffArgs, Source};
use crate::cluster::Kubectl;
use crate::config::{Options, TracingOptions};
use crate::facts::Version;
use crate::facts::istio::NO_DEFAULT_TRACING;
use crate::gate::{self, Text, Word, text};
use crate::generate::tracing::{self as generate, Fragment};
use crate::kube::{ImageRef, Inventory, Item, items, read_text};
use crate::mesh::Mesh;
use crate::rule::{Tracing, TracingMode, TracingSettings};
use crate::yaml::{Document, DocumentReader};

/// How spans get to DataKit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Two Services behind Istio's default address: before 1.22, no restart
    ExternalName,
    /// The address in the mesh configuration (--from): every version, proxies must restart
    MeshConfig,
    /// A provider in the mesh configuration (--from) and a Telemetry: from 1.12.2, no restart
    Telemetry,
    /// A fragment for `istioctl install -f`: new installations
    IstioOperator,
    /// A fragment for `helm install -f`: new installations
    HelmValues,
}

/// Arguments of `init tracing`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Which mode is right when:
  external-name   Istio before 1.22, where spans go to zipkin.istio-system:9411 by default. Sends nothing on later
                  versions, and would take the spans away from a zipkin Service that is there.
  telemetry       Istio 1.22 and later (refused before 1.11.6 and 1.12.2: DataKit refuses their spans).
  mesh-config     every version; running proxies must be restarted.
  istio-operator, helm-values
                  the same address for a new installation.
Without --mode the version picks external-name or telemetry.

Example:
  kubectl get configmap istio -n istio-system -o yaml | meshobs init tracing --from - | kubectl apply -f -")]
pub struct TracingArgs {
    /// How spans get to DataKit [default: by version]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Istio's version
    #[arg(long, value_name = "VERSION", env = "MESHOBS_ISTIO_VERSION")]
    istio_version: Option<String>,
    /// ConfigMap `istio` or an IstioOperator to edit, and to read the version from; `-` is stdin
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Ask the cluster for Istio's version and for DataKit, through kubectl
    #[arg(long, conflicts_with = "istio_version")]
    detect: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Address for spans [default: $(HOST_IP):9529 from Istio 1.9, else DataKit's Service]
    #[arg(long, value_name = "HOST:PORT", env = "MESHOBS_TRACING_ADDRESS")]
    address: Option<String>,
    /// Share of requests to trace, in percent [default: 100 as in profile demo; mesh-config: as it is]
    #[arg(long, value_name = "PERCENT", env = "MESHOBS_TRACING_SAMPLING")]
    sampling: Option<f64>,
    /// Namespace of istiod [default: istio-system]
    #[arg(long, value_name = "NAME", env = "MESHOBS_ISTIO_NAMESPACE")]
    istio_namespace: Option<String>,
    /// Revision of istiod, whose ConfigMap is `istio-REVISION`
    #[arg(long, value_name = "REVISION", env = "MESHOBS_REVISION")]
    revision: Option<String>,
    /// Namespace of DataKit [default: datakit]
    #[arg(long, value_name = "NAME", env = "MESHOBS_DATAKIT_NAMESPACE")]
    datakit_namespace: Option<String>,
    /// Labels of DataKit's pods, for the Service of external-name [default: as --from or --detect tell, else
    /// app=daemonset-datakit; DataKit's Helm chart has app=datakit]
    #[arg(long, value_name = "LABEL=VALUE,…", env = "MESHOBS_DATAKIT_SELECTOR", value_parser = labels)]
    datakit_selector: Option<Labels>,
    /// The nodes have IPv6 addresses, so spans go to DataKit's Service [default: as --from or --detect tell]
    #[arg(long)]
    ipv6: bool,
    /// Replace an address that is there and is not Istio's own
    #[arg(long)]
    overwrite: bool,
    /// No report on stderr; errors are still printed
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    diff: DiffArgs,
    #[command(flatten)]
    printed: Printed,
}

/// Prints the manifests.
pub fn run(args: TracingArgs) -> anyhow::Result<u8> {
    let (mut settings, names_datakit) = settings(&args)?;
    let source = args.from.as_ref().map(|path| Given::read(path, &settings)).transpose()?;
    let detected = match args.cluster.given() {
        _ if args.detect => Some(detect(&args.cluster.kubectl()?, &settings.istio_namespace)?),
        Some(flag) => bail!("{flag} is for --detect; nothing else here asks the cluster"),
        None => None,
    };
    settings.ipv6 |= detected.as_ref().is_some_and(|detected| detected.ipv6);
    let datakit = detected.as_ref().and_then(|detected| detected.datakit.clone());
    let datakit = datakit.or_else(|| source.as_ref().and_then(|source| source.datakit.clone()));
    // What was named goes before what was found; labels are those of a DataKit in the same namespace.
    if let Some(found) = datakit.as_ref().filter(|_| !names_datakit) {
        settings.datakit_namespace.clone_from(&found.namespace);
    }
    let datakit = datakit.filter(|found| found.namespace == settings.datakit_namespace);
    let selector = args.datakit_selector.clone().or_else(|| datakit.map(|found| found.labels));
    let selector = selector.map(|Labels(labels)| labels).unwrap_or_default();
    let detected = detected.map(|detected| detected.version);
    let version =
        settings.istio_version.or(detected).or_else(|| source.as_ref().and_then(|source| source.version));
    settings.istio_version = version;
    let mode = match (args.mode, version) {
        (Some(mode), _) => mode,
        (None, Some(version)) if version < NO_DEFAULT_TRACING => Mode::ExternalName,
        (None, Some(_)) => Mode::Telemetry,
        (None, None) => bail!(
            "Istio's version decides the mode and is not known; pass --istio-version, --detect, --from with a \
             ConfigMap that tells it, or --mode"
        ),
    };
    let mut said = Vec::new();
    let text = match mode {
        Mode::ExternalName => external_name(&args, &settings, source.as_ref(), &selector, &mut said)?,
        Mode::MeshConfig => mesh_config(&args, settings, source, &mut said)?,
        Mode::Telemetry => telemetry(&args, settings, source, &mut said)?,
        Mode::IstioOperator => fragment(&args, &settings, Fragment::Operator)?,
        Mode::HelmValues => fragment(&args, &settings, Fragment::HelmValues)?,
    };
    super::write(&text, args.printed.output.as_deref())?;
    if !args.quiet {
        said.iter().for_each(gate::print_line);
    }
    Ok(DONE)
}

/// The settings, and whether the namespace of DataKit is among them.
fn settings(args: &TracingArgs) -> anyhow::Result<(TracingSettings, bool)> {
    let tracing = TracingOptions {
        mode: None,
        address: args.address.clone(),
        sampling: args.sampling,
        istio_version: args.istio_version.clone(),
        istio_namespace: args.istio_namespace.clone(),
        revision: args.revision.clone(),
        datakit_namespace: args.datakit_namespace.clone(),
        ipv6: args.ipv6,
    };
    let options = args.settings.load(Options { tracing, ..Options::default() })?.tracing;
    let names_datakit = options.datakit_namespace.is_some();
    Ok((options.settings().map_err(|message| anyhow!(message))?, names_datakit))
}

/// Labels with their values.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Labels(Vec<(String, String)>);

/// Reads `app=datakit,tier=agent`.
fn labels(text: &str) -> Result<Labels, String> {
    let valid = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
    };
    let pair = |item: &str| {
        let (key, value) = item.split_once('=')?;
        (valid(key) && valid(value) && !value.contains('/')).then(|| (key.to_owned(), value.to_owned()))
    };
    let pairs: Option<Vec<_>> = text.split(',').map(|item| pair(item.trim())).collect();
    pairs.map(Labels).ok_or_else(|| "expected LABEL=VALUE, several separated by commas".to_owned())
}

/// A DataKit that was found: its namespace, and the labels that Services choose its pods by.
#[derive(Clone, Debug)]
struct FoundDatakit {
    namespace: String,
    labels: Labels,
}

impl FoundDatakit {
    fn among(inventory: &Inventory) -> Option<Self> {
        let mesh = Mesh::of(inventory);
        let datakit = mesh.datakits.first()?;
        let namespace = datakit.object.stated_namespace().unwrap_or("datakit").to_owned();
        let labels = labels(&datakit.selector()).ok()?;
        Some(Self { namespace, labels })
    }
}

/// What was given with `--from`, and what it tells.
struct Given {
    source: Source,
    version: Option<Version>,
    /// Whether there is a mesh configuration to edit.
    editable: bool,
    /// Whether there is a Service that the guide's one would take the place of.
    zipkin: bool,
    /// The DataKit among the manifests.
    datakit: Option<FoundDatakit>,
}

impl Given {
    fn read(path: &Path, settings: &TracingSettings) -> anyhow::Result<Self> {
        let source = Source::read(path)?;
        let mut given = Self { source, version: None, editable: false, zipkin: false, datakit: None };
        match std::str::from_utf8(&given.source.bytes).map(str::to_owned) {
            Ok(text) => {
                given.look(&text, settings);
                given.datakit = FoundDatakit::among(&read_text(&given.source.name, &text).0);
            }
            // The edit will tell why.
            Err(_) => given.editable = true,
        }
        Ok(given)
    }

    /// What cannot be read is complained about when it is edited.
    fn look(&mut self, text: &str, settings: &TracingSettings) {
        let rule = Tracing(settings.clone());
        let mut documents = DocumentReader::with_size_hint(text.as_bytes(), text.len());
        while let Ok(Some(chunk)) = documents.next_document() {
            let Ok(doc) = Document::parse(chunk.text) else {
                // The edit will tell where.
                self.editable = true;
                return;
            };
            for item in doc.roots().flat_map(|root| items(&doc, root)) {
                let (Item::Resource(resource) | Item::ClientSide(resource)) = item else { continue };
                if rule.concerns(&resource, resource.namespace.as_deref()) {
                    self.editable = true;
                    self.version = self.version.or_else(|| Tracing::version(&doc, &resource));
                }
                self.zipkin |= resource.kind == "Service"
                    && resource.group().is_empty()
                    && resource.name == "zipkin"
                    && resource.namespace.as_ref().is_none_or(|ns| *ns == settings.istio_namespace);
            }
        }
    }
}

/// What a cluster tells.
struct Detected {
    version: Version,
    /// Whether its nodes have IPv6 addresses.
    ipv6: bool,
    datakit: Option<FoundDatakit>,
}

/// Asks the cluster which image istiod runs, whether its nodes have IPv6 addresses, and for its DataKit.
fn detect(kubectl: &Kubectl, namespace: &str) -> anyhow::Result<Detected> {
    let path = "jsonpath={.items[*].spec.template.spec.containers[*].image}";
    let images = kubectl.output(&["get", "deployment", "-n", namespace, "-l", "app=istiod", "-o", path]);
    let images = images.context("cannot read Istio's version; pass --istio-version instead")?;
    let versions = images.split_whitespace().filter_map(|image| Version::parse(ImageRef::parse(image).tag?));
    // Where several control planes run, what works with the oldest works with all.
    let version = versions.min().with_context(|| {
        format!("no istiod with a version in its image tag in namespace `{namespace}`; pass --istio-version")
    })?;
    // The first address of a node is the one that its pods are told. Who may not list nodes passes --ipv6.
    let path = "jsonpath={.items[*].status.addresses[?(@.type==\"InternalIP\")].address}";
    let addresses = kubectl.output(&["get", "nodes", "-o", path]).unwrap_or_default();
    let ipv6 = addresses.split_whitespace().next().is_some_and(|address| address.contains(':'));
    // Who may not list DaemonSets passes --datakit-namespace and --datakit-selector.
    let list = kubectl.output(&["get", "daemonsets", "--all-namespaces", "-o", "json"]).unwrap_or_default();
    let mut inventory = Inventory::default();
    let datakit = inventory.add_list(&list).ok().and_then(|()| FoundDatakit::among(&inventory));
    Ok(Detected { version, ipv6, datakit })
}

fn external_name(
    args: &TracingArgs,
    settings: &TracingSettings,
    source: Option<&Given>,
    selector: &[(String, String)],
    said: &mut Vec<Text>,
) -> anyhow::Result<String> {
    if let Some(source) = source.filter(|source| source.zipkin) {
        bail!(
            "{}: there is a Service `zipkin` in `{}` already, which would lose its spans; use --mode mesh-config or \
             telemetry",
            source.source.name,
            settings.istio_namespace
        );
    }
    if settings.istio_version.is_some_and(|version| version >= NO_DEFAULT_TRACING) {
        said.push(text!("warning: from Istio 1.22 on nothing is sent to zipkin.istio-system by default; these Services alone do \
             nothing there, use --mode telemetry"));
    }
    let template = args.printed.template(generate::EXTERNAL_NAME)?;
    Ok(generate::services(template.blueprint(), settings, selector)?)
}

fn mesh_config(
    args: &TracingArgs,
    settings: TracingSettings,
    source: Option<Given>,
    said: &mut Vec<Text>,
) -> anyhow::Result<String> {
    let Some(source) = source else {
        let message = text!(
            "mode mesh-config edits the ConfigMap that is there and prints none of its own, which would wipe yours; run\n  \
             kubectl get configmap {} -n {} -o yaml | meshobs init tracing --mode mesh-config --from - | kubectl apply -f -",
            Word(settings.config_map()),
            Word(&settings.istio_namespace)
        );
        bail!("{message}");
    };
    patch(args, TracingSettings { mode: TracingMode::MeshConfig, ..settings }, source, said)
}

fn telemetry(
    args: &TracingArgs,
    settings: TracingSettings,
    source: Option<Given>,
    said: &mut Vec<Text>,
) -> anyhow::Result<String> {
    if let Some(version) = settings.istio_version.filter(|v| !TracingSettings::telemetry_works(*v)) {
        bail!("DataKit refuses what Istio {version} sends by way of a provider; use --mode mesh-config");
    }
    let template = args.printed.template(generate::TELEMETRY)?;
    let text = generate::telemetry(template.blueprint(), &settings)?;
    if settings.sampling.unwrap_or(100.0) >= 100.0 {
        said.push(text!("note: every request is traced; in production pass a smaller --sampling, such as 1"));
    }
    match source {
        None => {
            said.push(text!(
                "first add the provider; without it this Telemetry switches tracing off:\n  \
                 kubectl get configmap {} -n {} -o yaml | meshobs patch --only tracing --tracing-mode telemetry | \
                 kubectl apply -f -",
                Word(settings.config_map()),
                Word(&settings.istio_namespace)
            ));
            Ok(text)
        }
        Some(source) => {
            let settings = TracingSettings { mode: TracingMode::Telemetry, sampling: None, ..settings };
            let mut patched = patch(args, settings, source, said)?;
            if args.diff.diff {
                said.push(text!(
                    "the diff is of what was given; without --diff the Telemetry comes behind it"
                ));
                return Ok(patched);
            }
            if !patched.ends_with('\n') {
                patched.push('\n');
            }
            if !patched.ends_with("\n---\n") {
                patched.push_str("---\n");
            }
            Ok(patched + &text)
        }
    }
}

fn fragment(args: &TracingArgs, settings: &TracingSettings, kind: Fragment) -> anyhow::Result<String> {
    let template = args.printed.template(kind.template())?;
    Ok(generate::fragment(template.blueprint(), kind, settings)?)
}

/// Runs the rule over what was given.
fn patch(
    args: &TracingArgs,
    settings: TracingSettings,
    given: Given,
    said: &mut Vec<Text>,
) -> anyhow::Result<String> {
    if !given.editable {
        bail!(
            "{}: no ConfigMap `{}` of namespace `{}` and no IstioOperator in it; name the file that holds one",
            given.source.name,
            settings.config_map(),
            settings.istio_namespace
        );
    }
    let edited = from::edit(given.source, Box::new(Tracing(settings)), args.overwrite, args.diff.style())?;
    said.push(edited.report);
    Ok(edited.text)
}
