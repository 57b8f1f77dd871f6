//! What the steps of an installation hold: the manifests that `init` prints and `patch` makes, for this cluster.

use anyhow::{anyhow, bail};

use super::super::init::from::{self, Source};
use super::super::init::{datakit, gateway_metrics, namespace, rum, tracing};
use super::{Found, InstallArgs};
use crate::check;
use crate::config::Settings;
use crate::input;
use crate::install::{Action, Change, Step, plain};
use crate::kubectl::Kubectl;
use crate::output::{self, OutputError};
use crate::patch::{Patcher, Strict};
use crate::report;
use crate::rule::{Datakit, Metrics, Namespace, Rule, Rum, Tracing, TracingMode, TracingSettings};

/// The steps, in the order that they have to come in.
pub(super) fn steps(
    args: &InstallArgs,
    kubectl: &Kubectl,
    found: &Found,
    settings: &Settings,
    snippet: Option<&check::PageSnippet>,
) -> anyhow::Result<Vec<Step>> {
    let mut steps = Vec::new();
    let step = |name, title: &str, text| Step { name, title: title.to_owned(), action: Action::Apply(text) };
    if settings.datakit.token.is_some() || found.world.datakits().next().is_none() {
        let source = Source {
            name: "built-in template".to_owned(),
            named: false,
            bytes: datakit::TEMPLATE.as_bytes().to_vec(),
        };
        let edited = from::edit(source, Box::new(Datakit(settings.datakit.clone())), true, None)?;
        steps.push(step("datakit", "DataKit on every node, with token and collectors", edited.text));
    }
    steps.extend(tracing_steps(kubectl, found, settings)?);
    let home = settings.namespace.name.as_str();
    let revision = settings.tracing.revision.as_deref();
    let title = format!("namespace {home}, whose pods get sidecars");
    let action = match found.world.of("", "Namespace").find(|namespace| namespace.name == home) {
        Some(_) => label(kubectl, home, revision)?,
        None => Action::Apply(namespace::built_in(home, revision)?),
    };
    steps.push(Step { name: "namespace", title, action });
    if let (Some(html), Some(snippet)) = (&args.html, snippet) {
        let source = Source::read(html)?;
        let page = rum::with_snippet(&source, snippet)?;
        let text = rum::config_map(&page, &source.name, &settings.rum.config_map, home)?;
        steps.push(step("rum", "the page with browser monitoring", text));
    }
    if !args.manifests.is_empty() {
        let text = application(args, settings, snippet.is_some())?;
        steps.push(step("application", "the application, patched", text));
    }
    if found.gateways && settings.datakit.gateways {
        let text = gateway_metrics::built_in(&settings.tracing.istio_namespace)?;
        steps.push(step("gateways", "Services for the gateways' metrics", text));
    }
    Ok(steps)
}

/// The injection label on a namespace that is there. Nothing else of it is touched, not even who manages it.
fn label(kubectl: &Kubectl, home: &str, revision: Option<&str>) -> anyhow::Result<Action> {
    let (key, value) = revision.map_or(("istio-injection", "enabled"), |revision| ("istio.io/rev", revision));
    let text =
        plain(kubectl, &["get", "namespace", home, "-o", "json"]).map_err(|error| anyhow!("{error}"))?;
    let object: serde_json::Value = serde_json::from_str(&text)?;
    let mut new = object.clone();
    let mut before = None;
    if let Some(metadata) = new.get_mut("metadata").and_then(serde_json::Value::as_object_mut) {
        let labels = metadata.entry("labels").or_insert_with(|| serde_json::json!({}));
        if let Some(labels) = labels.as_object_mut() {
            let old = labels.insert(key.to_owned(), serde_json::Value::from(value));
            before = old.and_then(|old| old.as_str().map(str::to_owned));
        }
    }
    let change = Change {
        kind: "Namespace".to_owned(),
        namespace: String::new(),
        name: home.to_owned(),
        path: vec!["metadata".to_owned(), "labels".to_owned(), key.to_owned()],
        before,
        after: value.to_owned(),
    };
    let version = object.pointer("/metadata/resourceVersion").and_then(|version| version.as_str());
    let version = version.unwrap_or_default().to_owned();
    Ok(Action::Change { old: format!("{object:#}\n"), new: format!("{new:#}\n"), change, version })
}

/// What sends spans to DataKit: the guide's two Services before 1.22, the provider and then the Telemetry later, and the
/// address in the mesh configuration where another Zipkin is there.
fn tracing_steps(kubectl: &Kubectl, found: &Found, settings: &Settings) -> anyhow::Result<Vec<Step>> {
    let settings = TracingSettings { istio_version: found.istio, ..settings.tracing.clone() };
    let step = |name, title: &str, text| Step { name, title: title.to_owned(), action: Action::Apply(text) };
    let newer = found.istio.is_none_or(|version| version >= tracing::NO_DEFAULT_TRACER);
    if !newer && !found.zipkin {
        let text = tracing::built_in_services(&settings)?;
        return Ok(vec![step("tracing", "Services that lead Istio's spans to DataKit", text)]);
    }
    let mode = if newer { TracingMode::Telemetry } else { TracingMode::MeshConfig };
    let name = settings.config_map();
    let get = [
        "get",
        "configmap",
        &name,
        "-n",
        &settings.istio_namespace,
        "-o",
        "yaml",
        "--show-managed-fields=false",
    ];
    let old = plain(kubectl, &get).map_err(|error| anyhow!("{error}"))?;
    let source = Source { name: format!("configmap/{name}"), named: false, bytes: old.clone().into_bytes() };
    let rule = Box::new(Tracing(TracingSettings { mode, sampling: None, ..settings.clone() }));
    let new = from::edit(source, rule, true, None)?.text;
    let value = |text: &str, path: &[&str]| {
        let (world, _) = check::read_text("configmap", text);
        world.objects.first().map(|object| object.text(path)).unwrap_or_default()
    };
    let mesh = |text: &str| value(text, &["data", "mesh"]);
    let version = value(&old, &["metadata", "resourceVersion"]);
    let change = Change {
        kind: "ConfigMap".to_owned(),
        namespace: settings.istio_namespace.clone(),
        name,
        path: vec!["data".to_owned(), "mesh".to_owned()],
        before: Some(mesh(&old)),
        after: mesh(&new),
    };
    let title = "DataKit in Istio's mesh configuration".to_owned();
    let mut steps =
        vec![Step { name: "tracing", title, action: Action::Change { old, new, change, version } }];
    if newer {
        // The provider first: a Telemetry without it switches tracing off.
        let text = tracing::built_in_telemetry(&settings)?;
        steps.push(step("telemetry", "the Telemetry that uses it", text));
    }
    Ok(steps)
}

/// The application's manifests, patched.
fn application(args: &InstallArgs, settings: &Settings, rum: bool) -> anyhow::Result<String> {
    let (inputs, errors) = input::collect(&args.manifests, &settings.exclude)?;
    if inputs.iter().any(|input| input.path.is_none()) {
        bail!("the application's manifests are files; stdin is never read");
    }
    let mut rules: Vec<Box<dyn Rule>> = vec![
        Box::new(Namespace(settings.namespace.clone())),
        Box::new(Metrics::new(settings.metrics.clone())),
    ];
    if rum {
        rules.push(Box::new(Rum(settings.rum.clone())));
    }
    let patcher = Patcher {
        rules,
        cluster_scoped: settings.cluster_scoped.clone(),
        overwrite: settings.overwrite,
        strict: Strict::No,
        verbose: false,
        format: report::Format::Text,
    };
    let mut planned = patcher.plan(inputs, errors, &mut || ())?;
    let mut out = Vec::new();
    match output::stream(&mut planned, &mut out) {
        Ok(()) => Ok(String::from_utf8(out)?),
        Err(OutputError::Stdout(error)) => Err(error.into()),
        Err(OutputError::Files(errors)) => Err(errors.into()),
    }
}
