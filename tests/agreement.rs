//! `patch` and `check` agree: what `patch` has done, `check` does not advise to do with meshobs once more. For every golden
//! input of `patch`, every stock manifest, and the healthy meshes of `testdata/mesh`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Meshobs, copy_tree, shared, skip};

const TOKEN: &str = "tkn_0123456789abcdef0123456789abcdef";

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// Hints of `check` on manifests that name a command of meshobs.
fn advice(manifests: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let done = Meshobs::new(["check", "--format", "json", "-"]).cwd(folder.path()).stdin(manifests).run();
    let report: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", done.stderr));
    let findings = report["findings"].as_array().unwrap();
    let of_meshobs = findings.iter().filter(|finding| finding["hint"].as_str().unwrap().contains("meshobs "));
    of_meshobs.map(|finding| format!("{finding:#}")).collect()
}

fn failures(checked: usize, failures: &[String]) {
    assert!(checked > 0, "nothing was checked");
    assert!(failures.is_empty(), "{} of {checked}:\n{}", failures.len(), failures.join("\n"));
}

/// A golden case whose command is `patch` with every rule, to stdout.
fn is_plain(args: &[&str]) -> bool {
    const OTHERS: &[&str] =
        &["--only", "--skip", "--diff", "--check", "-i", "-o", "--report", "<", "--config"];
    args.first() == Some(&"patch")
        && !args
            .iter()
            .any(|arg| OTHERS.iter().any(|other| arg.starts_with(other)) || arg.contains(['"', '\'']))
}

#[test]
fn golden_inputs() {
    let (mut checked, mut wrong) = (0, Vec::new());
    for group in fs::read_dir(testdata()).unwrap().map(|entry| entry.unwrap().path()) {
        for case in fs::read_dir(group).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            let Ok(command) = fs::read_to_string(case.join("cmd")) else { continue };
            let args: Vec<&str> = command.split_whitespace().collect();
            // The collector that scrapes its pods is in no file of this one.
            let is_partial = case.ends_with("collector-kubernetesprometheus-apps-only");
            if !is_plain(&args) || is_partial || case.join("expected.status").exists() {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            copy_tree(&case, folder.path());
            let patched = Meshobs::new(args.iter().chain(&["-q"])).cwd(folder.path()).run();
            if patched.status != 0 {
                continue;
            }
            checked += 1;
            let found = advice(&patched.stdout);
            if !found.is_empty() {
                wrong.push(format!("{}: {command}{}", case.display(), found.join("\n")));
            }
        }
    }
    failures(checked, &wrong);
}

/// Every manifest of a folder, patched with the token and tracing, with a namespace before it.
fn every_manifest(folder: &Path, version: Option<&str>) {
    let (mut checked, mut wrong) = (0, Vec::new());
    let place = tempfile::tempdir().unwrap();
    let namespace = Meshobs::new(["init", "namespace", "prod"]).cwd(place.path()).run().expect(0).stdout;
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let mut input = namespace.clone();
        input.extend_from_slice(b"---\n");
        input.extend(fs::read(&path).unwrap());
        let mut patch =
            Meshobs::new(["patch", "-q", "--with", "tracing"]).cwd(place.path()).env("MESHOBS_TOKEN", TOKEN);
        if let Some(version) = version {
            patch = patch.env("MESHOBS_ISTIO_VERSION", version);
        }
        let patched = patch.stdin(input).run();
        if patched.status == 2 {
            // Some stock manifests are no YAML; tests/stock.rs has them by name.
            continue;
        }
        assert_eq!(patched.status, 0, "{}: {}", path.display(), patched.stderr);
        checked += 1;
        let found = advice(&patched.stdout);
        if !found.is_empty() {
            wrong.push(format!("{}: {}", path.display(), found.join("\n")));
        }
    }
    failures(checked, &wrong);
}

#[test]
fn stock_manifests_of_istio() {
    let Some(shared) = shared() else { return skip("../shared is missing") };
    every_manifest(&shared.join("stock/istio-1.11.2"), Some("1.11.2"));
}

#[test]
fn stock_manifests_of_datakit() {
    let Some(shared) = shared() else { return skip("../shared is missing") };
    every_manifest(&shared.join("stock/datakit"), None);
}

#[test]
fn healthy_meshes() {
    for base in ["istio-1.11", "istio-1.30"] {
        every_manifest(&testdata().join(format!("mesh/base-{base}")), None);
    }
}

/// The table of inputs that the two commands used to see in different ways: `check` asks for the annotation exactly where
/// `patch` adds it.
#[test]
fn who_gets_a_sidecar() {
    let place = tempfile::tempdir().unwrap();
    let template = |labels: &str, annotations: &str, spec: &str| {
        format!(
            "metadata: {{labels: {{app: x{labels}}}, annotations: {{a: b{annotations}}}}}, spec: {{containers: [{{name: c, image: i}}]{spec}}}"
        )
    };
    let inject = |value: &str| format!(", sidecar.istio.io/inject: \"{value}\"");
    let mut templates = vec![
        template("", "", ""),
        template("", "", ", hostNetwork: true"),
        template(", istio.io/dataplane-mode: ambient", "", ""),
        template(&inject("true"), &inject("false"), ""),
        template(&inject("false"), &inject("true"), ""),
    ];
    for value in ["true", "false", "True", "False", "yes", "no", "on", "off", ""] {
        templates.push(template(&inject(value), "", ""));
        templates.push(template("", &inject(value), ""));
    }
    let kinds: &[(&str, &str, &str)] = &[
        ("apps/v1", "Deployment", "spec: {selector: {matchLabels: {app: x}}, template: {T}}"),
        ("apps/v1", "StatefulSet", "spec: {selector: {matchLabels: {app: x}}, template: {T}}"),
        ("apps/v1", "DaemonSet", "spec: {selector: {matchLabels: {app: x}}, template: {T}}"),
        ("batch/v1", "Job", "spec: {template: {T}}"),
        ("batch/v1", "CronJob", "spec: {jobTemplate: {spec: {template: {T}}}}"),
        ("v1", "Pod", "T"),
        ("argoproj.io/v1alpha1", "Rollout", "spec: {selector: {matchLabels: {app: x}}, template: {T}}"),
        ("apps.kruise.io/v1alpha1", "CloneSet", "spec: {selector: {matchLabels: {app: x}}, template: {T}}"),
        (
            "apps.kruise.io/v1alpha1",
            "AdvancedCronJob",
            "spec: {template: {jobTemplate: {spec: {template: {T}}}}}",
        ),
        ("serving.knative.dev/v1", "Service", "spec: {template: {T}}"),
        ("keda.sh/v1alpha1", "ScaledJob", "spec: {jobTargetRef: {template: {T}}}"),
    ];
    let mut wrong = Vec::new();
    for (version, kind, shape) in kinds {
        for template in &templates {
            let body = if *kind == "Pod" {
                template.replacen("metadata: {", "metadata: {name: x, namespace: prod, ", 1)
            } else {
                format!(
                    "metadata: {{name: x, namespace: prod}}, {}",
                    shape.replace('T', "@").replace("{@}", &format!("{{{template}}}")).replace('@', "T")
                )
            };
            let text = format!("{{apiVersion: {version}, kind: {kind}, {body}}}\n");
            let done = Meshobs::new(["patch", "-q", "--only", "metrics"])
                .cwd(place.path())
                .stdin(&text)
                .run()
                .expect(0);
            let patches = done.text() != text;
            let advises = advice(text.as_bytes()).iter().any(|finding| finding.contains("\"annotation\""));
            // What ends by itself may be annotated and need not be.
            let is_right = if kind.ends_with("Job") { !advises } else { patches == advises };
            if !is_right {
                wrong.push(format!("patch {patches}, check {advises}: {text}"));
            }
            let again = advice(&done.stdout);
            if !again.is_empty() {
                wrong.push(format!("advice after patch: {text}{}", again.join("\n")));
            }
        }
    }
    failures(kinds.len() * templates.len(), &wrong);
}
