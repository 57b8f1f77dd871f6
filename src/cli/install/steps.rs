//! What the steps of an installation hold: the manifests that `init` prints and `patch` makes, for this cluster.

use std::path::PathBuf;

use anyhow::{anyhow, bail};

use super::super::from::{self, Source};
use super::super::init::rum;
use super::cluster::{Found, Running};
use super::kept;
use crate::check;
use crate::cluster::Kubectl;
use crate::config::{Part, Parts, Settings, TOKEN_VARIABLE};
use crate::facts::Version;
use crate::facts::datakit::ENV_DATAWAY;
use crate::facts::istio;
use crate::gate::{self, say};
use crate::generate::{Blueprint, datakit, gateway_metrics, namespace, page, tracing};
use crate::input;
use crate::install::{Action, Change, Edit, Reference, Step, existing, plain, references, split};
use crate::output::{self, OutputError};
use crate::patch::{Patcher, Profile, Strict};
use crate::report;
use crate::rule::datakit::dataway::{self, State};
use crate::rule::{
    Datakit, DatakitSettings, Injection, Installed, Metrics, Namespace, Only, PortProtocol, Rule, Rum,
    Tracing, TracingMode, TracingSettings,
};

/// The first Kubernetes that applies a Service whose ports omit their protocol.
const PROTOCOL_IS_DEFAULT: Version = Version::new(1, 21, 0);

/// What is to be installed.
pub(super) struct Wanted<'a> {
    pub settings: &'a Settings,
    /// Which parts of all this.
    pub parts: Parts,
    /// The application's name.
    pub app: &'a str,
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
    let of_app = |step: Step| Step { app: wanted.app.to_owned(), ..step };
    if wanted.own_datakit.is_none() && wanted.parts.has(Part::Datakit) {
        steps.push(datakit_step(kubectl, found, settings)?);
    }
    if let Some(istioctl) = found.istioctl {
        // The mesh comes before what leads its spans to DataKit: that lies in its namespace.
        let fragment = is_newer(found).then(|| operator_fragment(&settings.tracing)).transpose()?;
        let title = format!("Istio {}, by `istioctl install --set profile=demo`", istioctl.version);
        steps.push(Step {
            name: "istio",
            title,
            app: String::new(),
            action: Action::Istio(istioctl, fragment),
        });
    }
    // Services for DataKit need its namespace, which comes with the application where that brings its own DataKit.
    let tracing =
        if wanted.parts.has(Part::Tracing) { tracing_steps(kubectl, found, wanted)? } else { Vec::new() };
    let (before, after): (Vec<Step>, Vec<Step>) = tracing.into_iter().partition(|step| {
        wanted.own_datakit.is_none() || matches!(step.action, Action::Change(_)) || step.name == "telemetry"
    });
    steps.extend(before);
    let home = settings.namespace.name.as_str();
    if wanted.parts.has(Part::Namespace) {
        steps.push(of_app(namespace_step(kubectl, found, settings)?));
    }
    if let Some((html, snippet)) = &wanted.page {
        let source = Source::read(html)?;
        let page = rum::with_snippet(&source, snippet)?;
        let text = page::config_map(&page, &source.name, &settings.rum.config_map, home)?;
        steps.push(of_app(step("rum", "the page with browser monitoring", text)?));
    }
    if !wanted.manifests.is_empty() {
        let is_definition = |what: &Reference| what.kind.starts_with("CustomResourceDefinition.");
        let manifests = application(found, wanted)?;
        let (definitions, text) = split(&manifests, |of| !of.is_empty() && of.iter().all(is_definition));
        if !definitions.is_empty() {
            let title = "kinds that the application defines".to_owned();
            let app = wanted.app.to_owned();
            steps.push(Step { name: "definitions", title, app, action: Action::Define(definitions) });
        }
        let title = "the application, patched".to_owned();
        let app = wanted.app.to_owned();
        steps.push(Step { name: "application", title, app, action: Action::Apply(text) });
    }
    steps.extend(after);
    if found.gateways && settings.datakit.gateways && wanted.parts.has(Part::Gateways) {
        let home = &settings.tracing.istio_namespace;
        let text = gateway_metrics::services(gateway_metrics::TEMPLATE, home, [&[], &[]])?;
        steps.push(step("gateways", "Services for the gateways' metrics", text)?);
    }
    Ok(steps)
}

/// The application's namespace with its label.
fn namespace_step(kubectl: &Kubectl, found: &Found, settings: &Settings) -> anyhow::Result<Step> {
    let home = settings.namespace.name.as_str();
    let revision = settings.tracing.revision.as_deref();
    let title = format!("namespace {home}, whose pods get sidecars");
    let action = match found.world.of("", "Namespace").find(|namespace| namespace.name() == home) {
        Some(_) => label(kubectl, home, revision)?,
        None => Action::Apply(labelled(new_namespace(home, revision)?)?),
    };
    Ok(Step { app: String::new(), name: "namespace", title, action })
}

fn new_namespace(name: &str, revision: Option<&str>) -> anyhow::Result<String> {
    Ok(namespace::namespace(namespace::TEMPLATE, name, namespace::label(revision))?)
}

/// What lays the address over a profile of istioctl's.
fn operator_fragment(settings: &TracingSettings) -> anyhow::Result<String> {
    let kind = tracing::Fragment::Operator;
    Ok(tracing::fragment(kind.template(), kind, settings)?)
}

/// A step that applies manifests of ours.
fn step(name: &'static str, title: &str, text: String) -> anyhow::Result<Step> {
    Ok(Step { app: String::new(), name, title: title.to_owned(), action: Action::Apply(labelled(text)?) })
}

/// Manifests of ours with the label by which people find them.
fn labelled(text: String) -> anyhow::Result<String> {
    let source = Source { name: Blueprint::BUILT_IN.to_owned(), named: false, bytes: text.into_bytes() };
    Ok(from::edit(source, Box::new(Installed), false, None)?.text)
}

/// What DataKit of ours is called.
const DATAKIT: &str = "DataKit on every node, with token and collectors";

/// DataKit: ours, or the one that is there, told what to collect.
fn datakit_step(kubectl: &Kubectl, found: &Found, settings: &Settings) -> anyhow::Result<Step> {
    let template = datakit::TEMPLATE.text;
    match &found.datakit {
        Some(there) if !there.ours => {
            let title = format!("daemonset/{} in {}, told what to collect", there.name, there.namespace);
            edit_datakit(kubectl, &there.namespace, title, String::new(), (&settings.datakit, false))
        }
        Some(there) => {
            let settings = without_secret(kubectl, &there.namespace, &settings.datakit)?;
            let is_it = |what: &Reference| what.name == there.name && what.namespace == there.namespace;
            // One that came among manifests has not the parts of the template.
            let of_template = references(template).iter().any(is_it);
            let missing = if of_template { missing(kubectl, template)? } else { String::new() };
            edit_datakit(kubectl, &there.namespace, DATAKIT.to_owned(), missing, (&settings, true))
        }
        None => {
            let missing = missing(kubectl, template)?;
            if references(&missing).len() < references(template).len() {
                let namespace = references(template).into_iter().find(|what| !what.namespace.is_empty());
                let namespace = namespace.map(|what| what.namespace).unwrap_or_default();
                return edit_datakit(
                    kubectl,
                    &namespace,
                    DATAKIT.to_owned(),
                    missing,
                    (&settings.datakit, true),
                );
            }
            let bytes = template.as_bytes().to_vec();
            let source = Source { name: Blueprint::BUILT_IN.to_owned(), named: false, bytes };
            let edited = from::edit(source, Box::new(Datakit(settings.datakit.clone())), true, None)?;
            step("datakit", DATAKIT, edited.text)
        }
    }
}

/// The manifests of a template whose objects are not in the cluster.
fn missing(kubectl: &Kubectl, template: &str) -> anyhow::Result<String> {
    let there = existing(kubectl, template).map_err(|error| anyhow!("{error}"))?;
    let there: Vec<Reference> = there.iter().map(Reference::of).collect();
    let is_there = |what: &Reference| there.iter().any(|known| known.is_named_like(what));
    let (_, missing) = split(template, |of| of.iter().all(is_there));
    if references(&missing).is_empty() { Ok(String::new()) } else { labelled(missing) }
}

/// Settings for a DataKit whose address comes from a Secret: that is never read, so it stays as it is where it is there.
fn without_secret(
    kubectl: &Kubectl,
    namespace: &str,
    settings: &DatakitSettings,
) -> anyhow::Result<DatakitSettings> {
    let mut settings = settings.clone();
    let Some(name) = settings.token_secret.clone() else { return Ok(settings) };
    let get = ["get", "-n", namespace, "--ignore-not-found", "-o", "name", "--", "secret", &name];
    if plain(kubectl, &get).map_err(|error| anyhow!("{error}"))?.trim().is_empty() {
        return Ok(settings);
    }
    if settings.token.is_some() || !settings.dataway.is_empty() {
        say!(
            "note: Secret {} in {} holds DataKit's address and token and is kept; to replace it, delete it and run this command \
             again",
            name,
            namespace
        );
    }
    (settings.token, settings.token_secret) = (None, None);
    settings.dataway.clear();
    Ok(settings)
}

/// Edits the DataKit of a namespace as `patch --only datakit` does, and adds what it lacks. What is named replaces what is
/// there where `overwrite` says so.
fn edit_datakit(
    kubectl: &Kubectl,
    namespace: &str,
    title: String,
    missing: String,
    (settings, overwrite): (&DatakitSettings, bool),
) -> anyhow::Result<Step> {
    let what = "daemonsets,configmaps,services";
    let get = ["get", what, "-n", namespace, "-o", "yaml", "--show-managed-fields=false"];
    let old = plain(kubectl, &get).map_err(|error| anyhow!("{error}"))?;
    let all = if missing.is_empty() { old.clone() } else { format!("{}\n---\n{missing}", old.trim_end()) };
    let edit = |checksum| {
        let bytes = all.clone().into_bytes();
        let source = Source { name: format!("namespace {namespace}"), named: false, bytes };
        let settings =
            DatakitSettings { checksum, default_namespace: None, replaced: None, ..settings.clone() };
        from::edit(source, Box::new(Datakit(settings)), overwrite, None)
    };
    // The checksum alone is no reason to restart it.
    let mut edited = edit(false)?;
    if edited.text != old {
        edited = edit(true)?;
    }
    if edited.remarkable {
        gate::print_line(&edited.report);
    }
    let objects = |text: &str| {
        let (world, _) = crate::kube::read_text("cluster", text);
        world.objects().iter().map(|object| object.root().json()).collect()
    };
    let (before, after) = (objects(&old), objects(&edited.text));
    let action = Action::Edit(Box::new(Edit { old, new: edited.text, before, after }));
    Ok(Step { app: String::new(), name: "datakit", title, action })
}

/// The injection label on a namespace that is there. Nothing else of it is touched, not even who manages it.
fn label(kubectl: &Kubectl, home: &str, revision: Option<&str>) -> anyhow::Result<Action> {
    let text = plain(kubectl, &["get", "-o", "json", "--", "namespace", home])
        .map_err(|error| anyhow!("{error}"))?;
    let object: serde_json::Value = serde_json::from_str(&text)?;
    let label = |key: &str| object.pointer("/metadata/labels")?.get(key)?.as_str();
    let (key, value) = injection_label(revision, label(istio::INJECTION_LABEL), label(istio::REVISION_LABEL));
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

/// The label that asks for sidecars, by what a namespace has of the two.
fn injection_label<'a>(
    revision: Option<&'a str>,
    injection: Option<&str>,
    there: Option<&'a str>,
) -> (&'static str, &'a str) {
    // Beside this label the other one would change which istiod the sidecars are of.
    let revision = revision.or(there.filter(|_| injection.is_none()));
    revision.map_or((istio::INJECTION_LABEL, "enabled"), |revision| (istio::REVISION_LABEL, revision))
}

/// The label that the manifests' own namespace gets, as the step that labels it decides.
fn injection(found: &Found, settings: &Settings) -> Injection {
    let home = settings.namespace.name.as_str();
    let there = found.world.of("", "Namespace").find(|namespace| namespace.name() == home);
    let label =
        |key: &str| there.map(|there| there.label(key).into_owned()).filter(|value| !value.is_empty());
    let (there, injection) = (label(istio::REVISION_LABEL), label(istio::INJECTION_LABEL));
    let revision = settings.tracing.revision.as_deref();
    let (key, value) = injection_label(revision, injection.as_deref(), there.as_deref());
    Injection { namespace: home.to_owned(), label: (key, value.to_owned()) }
}

/// Whether this Istio sends nothing by itself.
fn is_newer(found: &Found) -> bool {
    found.istio.is_none_or(|version| version >= istio::NO_DEFAULT_TRACING)
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
        let text = tracing::services(tracing::EXTERNAL_NAME, &settings, labels)?;
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
        "-n",
        &settings.istio_namespace,
        "-o",
        "yaml",
        "--show-managed-fields=false",
        "--",
        "configmap",
        &name,
    ];
    let old = plain(kubectl, &get).map_err(|error| anyhow!("{error}"))?;
    let source = Source { name: format!("configmap/{name}"), named: false, bytes: old.clone().into_bytes() };
    let rule = Box::new(Tracing(TracingSettings { mode, sampling: None, ..settings.clone() }));
    // An address that an installation set, or let stand, changes only where another one is named.
    let overwrite = settings.address.is_some() || !found.mesh_changed;
    let edited = from::edit(source, rule, overwrite, None)?;
    if edited.remarkable && edited.text != old {
        // What has to be restarted.
        gate::print_line(&edited.report);
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
    let mut steps =
        vec![Step { app: String::new(), name: "tracing", title, action: Action::Change(Box::new(change)) }];
    if newer {
        // The provider first: a Telemetry without it switches tracing off.
        let title = "the Telemetry that uses it";
        let there = kept::telemetry(found, &settings.istio_namespace);
        let share = there
            .and_then(|there| there.text(&["spec", "tracing", "0", "randomSamplingPercentage"]).parse().ok());
        steps.push(if there.is_some() && share == settings.sampling {
            // What others added to it stays, too.
            Step {
                app: String::new(),
                name: "telemetry",
                title: title.to_owned(),
                action: Action::Edit(Box::default()),
            }
        } else {
            step("telemetry", title, tracing::telemetry(tracing::TELEMETRY, &settings)?)?
        });
    }
    Ok(steps)
}

/// The application's manifests, patched. What the rules left alone is told.
fn application(found: &Found, wanted: &Wanted<'_>) -> anyhow::Result<String> {
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
    } else {
        for (workload, rum) in kept::pages(&found.world, &settings.rum) {
            let namespace = settings.namespace.name.clone();
            rules.push(Box::new(Only { workload, namespace, rule: Box::new(Rum(rum)) }));
        }
    }
    let patches_datakit = wanted.own_datakit.is_some() && wanted.parts.has(Part::Datakit);
    if patches_datakit {
        rules.push(Box::new(Datakit(settings.datakit.clone())));
    }
    let kubernetes = found.world.kubernetes.as_deref().and_then(Version::parse);
    if kubernetes.is_none_or(|version| version < PROTOCOL_IS_DEFAULT) {
        rules.push(Box::new(PortProtocol));
    }
    if wanted.parts.has(Part::Namespace) {
        rules.push(Box::new(injection(found, settings)));
    }
    rules.push(Box::new(Installed));
    let patcher = Patcher {
        profile: Profile { rules, overwrite: settings.overwrite, strict: Strict::No },
        others: Vec::new(),
        cluster_scoped: settings.cluster_scoped.clone(),
        one_stream: true,
        verbose: false,
        format: report::Format::Text,
        function: false,
    };
    let mut planned = patcher.plan(inputs, errors, &mut || ())?;
    let mut out = Vec::new();
    match output::stream(&mut planned, &mut out) {
        Ok(()) => {}
        Err(OutputError::Stdout(error)) => return Err(error.into()),
        Err(OutputError::Files(errors)) => return Err(errors.into()),
    }
    if planned.report.has_remarks() {
        let _ = planned.report.finish(&mut gate::stderr(), &[]);
    }
    let text = String::from_utf8(out)?;
    if patches_datakit && lacks_token(&text) {
        // Applied like this it would take the place of one that has its token.
        bail!(
            "the DataKit among the manifests has no token; pass --token-file FILE, set {TOKEN_VARIABLE}, or pass --token=TOKEN"
        );
    }
    Ok(text)
}

/// Whether a DataKit of these manifests still has a placeholder for its token.
fn lacks_token(manifests: &str) -> bool {
    let (world, _) = crate::kube::read_text("manifests", manifests);
    crate::mesh::Mesh::of(&world).datakits.iter().any(|datakit| match datakit.env(ENV_DATAWAY) {
        Some(var) if var.get("valueFrom").is_set() => false,
        _ => dataway::state(datakit.env_text(ENV_DATAWAY)) != State::Filled,
    })
}
