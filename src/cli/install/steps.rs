//! What the steps of an installation hold: the manifests that `init` prints and `patch` makes, for this cluster.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{anyhow, bail};

use super::super::init::from::{self, Source};
use super::super::init::{datakit, gateway_metrics, namespace, rum, tracing};
use super::cluster::{Found, Running};
use crate::check;
use crate::config::{Settings, TOKEN_VARIABLE};
use crate::facts::datakit::ENV_DATAWAY;
use crate::input;
use crate::install::{Action, Change, Edit, Reference, Step, plain, references};
use crate::kubectl::Kubectl;
use crate::output::{self, OutputError};
use crate::patch::{Patcher, Strict};
use crate::report;
use crate::rule::datakit::dataway::{self, State};
use crate::rule::{Datakit, Installed, Metrics, Namespace, Rule, Rum, Tracing, TracingMode, TracingSettings};
use crate::yaml::DocumentReader;

/// What is to be installed.
pub(super) struct Wanted<'a> {
    pub settings: &'a Settings,
    /// The application's files and directories.
    pub manifests: &'a [PathBuf],
    /// The page and what goes into it.
    pub page: Option<(PathBuf, check::PageSnippet)>,
    /// The DataKit among the application's manifests.
    pub own_datakit: Option<Running>,
}

/// The steps, in the order that they have to come in.
pub(super) fn steps(kubectl: &Kubectl, found: &Found, wanted: &Wanted<'_>) -> anyhow::Result<Vec<Step>> {
    let settings = wanted.settings;
    let mut steps = Vec::new();
    if wanted.own_datakit.is_none() {
        steps.extend(datakit_step(kubectl, found, settings)?);
    }
    if let Some(istioctl) = found.istioctl {
        // The mesh comes before what leads its spans to DataKit: that lies in its namespace.
        let fragment = is_newer(found).then(|| tracing::built_in_operator(&settings.tracing)).transpose()?;
        let title = format!("Istio {}, by `istioctl install --set profile=demo`", istioctl.version);
        steps.push(Step { name: "istio", title, action: Action::Istio(istioctl, fragment) });
    }
    // Services for DataKit need its namespace, which comes with the application where that brings its own DataKit.
    let tracing = tracing_steps(kubectl, found, wanted)?;
    let (before, after): (Vec<Step>, Vec<Step>) = tracing.into_iter().partition(|step| {
        wanted.own_datakit.is_none() || matches!(step.action, Action::Change(_)) || step.name == "telemetry"
    });
    steps.extend(before);
    let home = settings.namespace.name.as_str();
    let revision = settings.tracing.revision.as_deref();
    let title = format!("namespace {home}, whose pods get sidecars");
    let action = match found.world.of("", "Namespace").find(|namespace| namespace.name() == home) {
        Some(_) => label(kubectl, home, revision)?,
        None => Action::Apply(labelled(namespace::built_in(home, revision)?)?),
    };
    steps.push(Step { name: "namespace", title, action });
    if let Some((html, snippet)) = &wanted.page {
        let source = Source::read(html)?;
        let page = rum::with_snippet(&source, snippet)?;
        let text = rum::config_map(&page, &source.name, &settings.rum.config_map, home)?;
        steps.push(step("rum", "the page with browser monitoring", text)?);
    }
    if !wanted.manifests.is_empty() {
        let (definitions, text) = split_definitions(&application(wanted)?);
        if !definitions.is_empty() {
            let title = "kinds that the application defines".to_owned();
            steps.push(Step { name: "definitions", title, action: Action::Define(definitions) });
        }
        let title = "the application, patched".to_owned();
        steps.push(Step { name: "application", title, action: Action::Apply(text) });
    }
    steps.extend(after);
    if found.gateways && settings.datakit.gateways {
        let text = gateway_metrics::built_in(&settings.tracing.istio_namespace)?;
        steps.push(step("gateways", "Services for the gateways' metrics", text)?);
    }
    Ok(steps)
}

/// A step that applies manifests of ours.
fn step(name: &'static str, title: &str, text: String) -> anyhow::Result<Step> {
    Ok(Step { name, title: title.to_owned(), action: Action::Apply(labelled(text)?) })
}

/// Manifests of ours with the label by which people find them.
fn labelled(text: String) -> anyhow::Result<String> {
    let source = Source { name: "built-in template".to_owned(), named: false, bytes: text.into_bytes() };
    Ok(from::edit(source, Box::new(Installed), false, None)?.text)
}

/// DataKit: ours, or the one that is there, told what to collect.
fn datakit_step(kubectl: &Kubectl, found: &Found, settings: &Settings) -> anyhow::Result<Option<Step>> {
    let there = match &found.datakit {
        Some(there) if !there.ours => there,
        Some(_) if settings.datakit.token.is_none() => return Ok(None),
        _ => {
            let bytes = datakit::TEMPLATE.as_bytes().to_vec();
            let source = Source { name: "built-in template".to_owned(), named: false, bytes };
            let edited = from::edit(source, Box::new(Datakit(settings.datakit.clone())), true, None)?;
            return step("datakit", "DataKit on every node, with token and collectors", edited.text)
                .map(Some);
        }
    };
    edit_datakit(kubectl, there, settings).map(Some)
}

/// Edits the DataKit that others installed as `patch --only datakit` does.
fn edit_datakit(kubectl: &Kubectl, there: &Running, settings: &Settings) -> anyhow::Result<Step> {
    let what = "daemonsets,configmaps,services";
    let get = ["get", what, "-n", &there.namespace, "-o", "yaml", "--show-managed-fields=false"];
    let old = plain(kubectl, &get).map_err(|error| anyhow!("{error}"))?;
    let edit = |checksum| {
        let bytes = old.clone().into_bytes();
        let source = Source { name: format!("namespace {}", there.namespace), named: false, bytes };
        let settings =
            crate::rule::DatakitSettings { checksum, default_namespace: None, ..settings.datakit.clone() };
        from::edit(source, Box::new(Datakit(settings)), false, None)
    };
    // The checksum alone is no reason to restart it.
    let mut edited = edit(false)?;
    if edited.text != old {
        edited = edit(true)?;
    }
    if edited.remarkable {
        let _ = writeln!(io::stderr(), "{}", edited.report);
    }
    let objects = |text: &str| {
        let (world, _) = crate::kube::read_text("cluster", text);
        world.objects().iter().map(|object| object.root().json()).collect()
    };
    let (before, after) = (objects(&old), objects(&edited.text));
    let title = format!("daemonset/{} in {}, told what to collect", there.name, there.namespace);
    let action = Action::Edit(Box::new(Edit { old, new: edited.text, before, after }));
    Ok(Step { name: "datakit", title, action })
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
    let version = object.pointer("/metadata/resourceVersion").and_then(|version| version.as_str());
    let change = Change {
        object: Reference { kind: "Namespace".to_owned(), name: home.to_owned(), ..Reference::default() },
        version: version.unwrap_or_default().to_owned(),
        path: ["metadata", "labels", key].map(str::to_owned).to_vec(),
        before,
        after: value.to_owned(),
        old: format!("{object:#}\n"),
        new: format!("{new:#}\n"),
    };
    Ok(Action::Change(Box::new(change)))
}

/// Whether this Istio sends nothing by itself.
fn is_newer(found: &Found) -> bool {
    found.istio.is_none_or(|version| version >= tracing::NO_DEFAULT_TRACER)
}

/// What sends spans to DataKit: the guide's two Services before 1.22, the provider and then the Telemetry later, and the
/// address in the mesh configuration where another Zipkin is there.
fn tracing_steps(kubectl: &Kubectl, found: &Found, wanted: &Wanted<'_>) -> anyhow::Result<Vec<Step>> {
    let mut settings = TracingSettings { istio_version: found.istio, ..wanted.settings.tracing.clone() };
    let datakit = wanted.own_datakit.as_ref().or(found.datakit.as_ref());
    if let Some(there) = datakit {
        settings.datakit_namespace.clone_from(&there.namespace);
    }
    let newer = is_newer(found);
    if !newer && !found.zipkin {
        let labels = datakit.map_or(&[][..], |there| &there.labels);
        let text = tracing::built_in_services(&settings, labels)?;
        return Ok(vec![step("tracing", "Services that lead Istio's spans to DataKit", text)?]);
    }
    if found.istioctl.is_some() {
        // It is installed with the address.
        return Ok(Vec::new());
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
    let edited = from::edit(source, rule, true, None)?;
    if edited.remarkable && edited.text != old {
        // What has to be restarted.
        let _ = writeln!(io::stderr(), "{}", edited.report);
    }
    let new = edited.text;
    let value = |text: &str, path: &[&str]| {
        let (world, _) = crate::kube::read_text("configmap", text);
        world.objects().first().map(|object| object.text(path).into_owned()).unwrap_or_default()
    };
    let mesh = |text: &str| value(text, &["data", "mesh"]);
    let namespace = settings.istio_namespace.clone();
    let change = Change {
        object: Reference { kind: "ConfigMap".to_owned(), namespace, name, uid: String::new() },
        version: value(&old, &["metadata", "resourceVersion"]),
        path: vec!["data".to_owned(), "mesh".to_owned()],
        before: Some(mesh(&old)),
        after: mesh(&new),
        old,
        new,
    };
    let title = "DataKit in Istio's mesh configuration".to_owned();
    let mut steps = vec![Step { name: "tracing", title, action: Action::Change(Box::new(change)) }];
    if newer {
        // The provider first: a Telemetry without it switches tracing off.
        let text = tracing::built_in_telemetry(&settings)?;
        steps.push(step("telemetry", "the Telemetry that uses it", text)?);
    }
    Ok(steps)
}

/// The application's manifests, patched. What the rules left alone is told.
fn application(wanted: &Wanted<'_>) -> anyhow::Result<String> {
    let settings = wanted.settings;
    let (inputs, errors) = input::collect(wanted.manifests, &settings.exclude)?;
    if inputs.iter().any(|input| input.path.is_none()) {
        bail!("the application's manifests are files; stdin is never read");
    }
    let mut rules: Vec<Box<dyn Rule>> = vec![
        Box::new(Namespace(settings.namespace.clone())),
        Box::new(Metrics::new(settings.metrics.clone())),
    ];
    if wanted.page.is_some() {
        rules.push(Box::new(Rum(settings.rum.clone())));
    }
    if wanted.own_datakit.is_some() {
        rules.push(Box::new(Datakit(settings.datakit.clone())));
    }
    rules.push(Box::new(Installed));
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
        Ok(()) => {}
        Err(OutputError::Stdout(error)) => return Err(error.into()),
        Err(OutputError::Files(errors)) => return Err(errors.into()),
    }
    if planned.report.has_remarks() {
        let mut said = Vec::new();
        planned.report.finish(&mut said, &[])?;
        io::stderr().write_all(&said)?;
    }
    let text = String::from_utf8(out)?;
    if wanted.own_datakit.is_some() && lacks_token(&text) {
        // Applied like this it would take the place of one that has its token.
        bail!(
            "the DataKit among the manifests has no token; pass --token-file FILE, set {TOKEN_VARIABLE}, or pass --token=TOKEN"
        );
    }
    Ok(text)
}

/// Documents that define kinds, and the others: nothing of a kind can be applied before its definition.
fn split_definitions(manifests: &str) -> (String, String) {
    let (mut definitions, mut others) = (String::new(), String::new());
    let mut documents = DocumentReader::with_size_hint(manifests.as_bytes(), manifests.len());
    while let Ok(Some(chunk)) = documents.next_document() {
        let of_kinds = references(chunk.text);
        let defines = !of_kinds.is_empty()
            && of_kinds.iter().all(|reference| reference.kind.starts_with("CustomResourceDefinition."));
        let part = if defines { &mut definitions } else { &mut others };
        if !part.is_empty() && !part.ends_with("---\n") {
            part.push_str("---\n");
        }
        part.push_str(chunk.text);
        if !part.ends_with('\n') {
            part.push('\n');
        }
    }
    if definitions.is_empty() { (definitions, manifests.to_owned()) } else { (definitions, others) }
}

/// Whether a DataKit of these manifests still has a placeholder for its token.
fn lacks_token(manifests: &str) -> bool {
    let (world, _) = crate::kube::read_text("manifests", manifests);
    crate::mesh::Mesh::of(&world).datakits.iter().any(|datakit| match datakit.env(ENV_DATAWAY) {
        Some(var) if var.get("valueFrom").is_set() => false,
        _ => dataway::state(datakit.env_text(ENV_DATAWAY)) != State::Filled,
    })
}
