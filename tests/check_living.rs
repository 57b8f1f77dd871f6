//! Living with `check`: what is ignored, one workload described, files judged with a cluster, and changes as they come. The
//! cluster is a `kubectl` that prints recorded objects.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{Done, Meshobs};
use tempfile::TempDir;

const SCRAPE: &str = "[[inputs.prom]]\n  url = \"http://$IP:15020/stats/prometheus\"\n";

/// A Deployment; `scrape` is the text of its annotation.
fn deployment(name: &str, scrape: Option<&str>) -> Value {
    let annotations = scrape.map_or_else(|| json!({}), |text| json!({"datakit/prom.instances": text}));
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "prod"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations},
                "spec": {"containers": [{"name": name, "image": format!("{name}:1")}]},
            },
        },
    })
}

fn namespace(annotations: Value) -> Value {
    let metadata =
        json!({"name": "prod", "labels": {"istio-injection": "enabled"}, "annotations": annotations});
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
}

fn datakit() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "datakit", "namespace": "datakit"},
        "spec": {"template": {"metadata": {"labels": {"app": "datakit"}}, "spec": {"containers": [{
            "name": "datakit", "image": "datakit:1.84.0",
            "env": [{"name": "ENV_DEFAULT_ENABLED_INPUTS", "value": "cpu,container"}],
        }]}}},
    })
}

/// A folder with `a.yaml`, which holds the objects.
fn folder(objects: &[Value]) -> TempDir {
    let here = tempfile::tempdir().unwrap();
    write(here.path(), objects);
    here
}

fn write(folder: &Path, objects: &[Value]) {
    let documents: Vec<String> = objects.iter().map(ToString::to_string).collect();
    fs::write(folder.join("a.yaml"), documents.join("\n---\n")).unwrap();
}

fn check(folder: &TempDir, args: &[&str]) -> Done {
    Meshobs::new(["check"].iter().chain(args)).cwd(folder.path()).run()
}

/// The ids and subjects of what is found.
fn found(folder: &TempDir, args: &[&str]) -> Vec<String> {
    let args: Vec<&str> = ["a.yaml", "--format", "json"].iter().chain(args).copied().collect();
    let done = check(folder, &args);
    let value: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", done.stderr));
    let text = |finding: &Value| {
        format!("{} {}", finding["id"].as_str().unwrap(), finding["subject"].as_str().unwrap())
    };
    value["findings"].as_array().unwrap().iter().map(text).collect()
}

// ---- what is ignored -------------------------------------------------------------------------------------------

#[test]
fn what_is_ignored_is_absent_from_every_format_and_does_not_count() {
    let here = folder(&[deployment("a", None), deployment("b", None)]);
    assert_eq!(found(&here, &[]), ["annotation deployment/a in prod", "annotation deployment/b in prod"]);
    for ignore in
        ["annotation=deployment/a", "annotation=prod/deployment/a", "annotation=deployment/a in prod"]
    {
        assert_eq!(found(&here, &["--ignore", ignore]), ["annotation deployment/b in prod"], "{ignore}");
    }
    for format in ["human", "json", "sarif", "github", "gitlab", "junit"] {
        let done = check(&here, &["a.yaml", "--format", format, "--ignore", "annotation"]).expect(0);
        assert!(!done.text().contains("annotation"), "{format}: {}", done.text());
        assert_eq!(done.stderr, "", "{format}");
    }
    // A check whose only finding is hidden is not fine.
    let done = check(&here, &["a.yaml", "-v", "--ignore", "annotation"]).expect(0);
    assert!(!done.text().contains("every sidecar"), "{}", done.text());
}

#[test]
fn ignores_stand_in_the_configuration_too_and_unused_ones_are_reported() {
    let here = folder(&[deployment("a", None)]);
    fs::write(here.path().join("meshobs.toml"), "[check]\nignore = ['annotation', 'subset']\n").unwrap();
    let done = check(&here, &["a.yaml"]).expect(0);
    assert_eq!(done.stderr, "warning: ignore `subset` hides nothing; remove it (--ignore, check.ignore)\n");
    check(&here, &["a.yaml", "--no-config"]).expect(1);
    // A flag goes before the file, and so does the environment.
    check(&here, &["a.yaml", "--ignore", "subset"]).expect(1);
    Meshobs::new(["check", "a.yaml"]).cwd(here.path()).env("MESHOBS_IGNORE", "subset").run().expect(1);
}

#[test]
fn annotations_ignore_on_objects_templates_and_namespaces() {
    let mut own = deployment("a", None);
    own["metadata"]["annotations"] = json!({"meshobs/ignore": "sidecar, annotation"});
    assert_eq!(found(&folder(&[own]), &[]), [""; 0]);
    let mut template = deployment("a", None);
    template["spec"]["template"]["metadata"]["annotations"] = json!({"meshobs/ignore": "annotation"});
    assert_eq!(found(&folder(&[template]), &[]), [""; 0]);
    let around = namespace(json!({"meshobs/ignore": "annotation"}));
    assert_eq!(found(&folder(&[around, deployment("a", None)]), &[]), [""; 0]);
    let mut other = deployment("b", None);
    other["metadata"]["annotations"] = json!({"meshobs/ignore": "anotation"});
    let here = folder(&[other]);
    assert_eq!(found(&here, &[]), ["annotation deployment/b in prod"]);
    let done = check(&here, &["a.yaml"]);
    assert!(done.stderr.contains("unknown check `anotation`; did you mean `annotation`?"), "{}", done.stderr);
}

#[test]
fn unknown_ids_and_sections_are_errors() {
    let here = folder(&[deployment("a", None)]);
    let done = check(&here, &["a.yaml", "--ignore", "anotation"]).expect(2);
    assert!(done.stdout.is_empty() && done.stderr.contains("did you mean `annotation`?"), "{}", done.stderr);
    let done = check(&here, &["a.yaml", "--only-section", "workload"]).expect(2);
    assert!(done.stderr.contains("sections are files, cluster, "), "{}", done.stderr);
}

#[test]
fn sections_and_levels_are_chosen() {
    let mut quiet = datakit();
    quiet["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "cpu".into();
    let here = folder(&[deployment("a", None), quiet]);
    assert_eq!(found(&here, &["--only-section", "logs"]), ["logs-input daemonset/datakit in datakit"]);
    check(&here, &["a.yaml", "--only-section", "logs"]).expect(0);
    check(&here, &["a.yaml", "--only-section", "logs", "--fail-on", "warning"]).expect(1);
}

// ---- one workload ----------------------------------------------------------------------------------------------

#[test]
fn a_workload_is_described_with_what_decides() {
    let here =
        folder(&[namespace(json!({})), deployment("a", Some(SCRAPE)), deployment("b", None), datakit()]);
    let done = check(&here, &["a.yaml", "deploy/a", "-n", "prod"]);
    let text = done.text();
    for part in [
        "deployment/a in prod\n",
        "✔ injected: yes: by Istio's webhook\n",
        "decided by namespace/prod: label istio-injection\n",
        "? traced:   the mesh configuration is not in view\n",
        "decided by deployment/a in prod: annotation datakit/prom.instances\n",
        "✔ logged:   by DataKit's input container\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let text = check(&here, &["a.yaml", "deployment/b"]).text().to_owned();
    assert!(text.contains("- scraped:  no: nothing scrapes its sidecar\n"), "{text}");
    assert!(text.contains("[annotation]"), "{text}");
    let done = check(&here, &["a.yaml", "deployment/c", "-n", "prod"]).expect(2);
    assert_eq!(done.stderr, "meshobs: workload deployment/c not found in namespace prod\n");
}

#[test]
fn a_path_goes_before_a_workload() {
    let here = folder(&[]);
    fs::create_dir(here.path().join("deployment")).unwrap();
    fs::write(here.path().join("deployment/a"), deployment("x", None).to_string()).unwrap();
    let done = check(&here, &["deployment/a"]).expect(1);
    assert!(done.text().contains("deployment/x in prod: "), "{}", done.text());
}

// ---- files with a cluster --------------------------------------------------------------------------------------

/// A `kubectl` that prints these objects.
fn kubectl(folder: &Path, objects: &[Value]) -> String {
    let bin = folder.join("bin");
    fs::create_dir(&bin).unwrap();
    let list = folder.join("list.json");
    fs::write(&list, json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()).unwrap();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n*configmaps*|*pods*) cat '{}';;\n*version*) echo '{{\"serverVersion\":{{\"gitVersion\":\"v1.30.1\"}}}}';;\n\
         *) echo '{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[]}}';;\nesac\n",
        list.display()
    );
    fs::write(bin.join("kubectl"), script).unwrap();
    fs::set_permissions(bin.join("kubectl"), fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

#[test]
fn files_are_judged_with_the_cluster_and_only_they_are_reported() {
    // The cluster has a namespace without the label, a workload with a fault of its own, and an older `a`.
    let plain = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod"}});
    let here = folder(&[deployment("a", Some(SCRAPE))]);
    let path = kubectl(here.path(), &[plain, deployment("a", None), deployment("old", Some(SCRAPE))]);
    let alone = found(&here, &[]);
    assert_eq!(alone, [""; 0]);
    let run = |args: &[&str]| {
        let args: Vec<&str> = ["check", "a.yaml", "--format", "json"].iter().chain(args).copied().collect();
        let done = Meshobs::new(args).cwd(here.path()).env("PATH", &path).run();
        let value: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", done.stderr));
        value["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["subject"].clone())
            .collect::<Vec<_>>()
    };
    // The missing label was there before: it is not about the files.
    assert_eq!(run(&["--cluster"]), [Value::Null; 0]);

    // A file that replaces the cluster's object with a worse one is at fault.
    write(here.path(), &[deployment("a", Some(&format!("{SCRAPE}  interval = \"10\"\n")))]);
    assert_eq!(run(&["--cluster"]), ["deployment/a in prod"]);
}

#[test]
fn what_files_cause_in_the_cluster_is_reported() {
    // The file labels another namespace than the one the cluster's workloads are in.
    let label = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test", "labels": {"istio-injection": "enabled"}}});
    let here = folder(&[label]);
    let path = kubectl(here.path(), &[deployment("a", Some(SCRAPE))]);
    assert_eq!(found(&here, &[]), [""; 0]);
    let args = ["check", "a.yaml", "--cluster"];
    let done = Meshobs::new(args).cwd(here.path()).env("PATH", &path).run().expect(1);
    assert!(done.text().contains("[namespace-label]"), "{}", done.text());
}

#[test]
fn a_namespace_that_the_cluster_lacks_is_found() {
    let here = folder(&[deployment("a", Some(SCRAPE))]);
    let named = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    assert_eq!(found(&here, &[]), [""; 0]);
    let run = |cluster: &[Value]| {
        let place = tempfile::tempdir().unwrap();
        let path = kubectl(place.path(), cluster);
        let args = ["check", "a.yaml", "--cluster"];
        Meshobs::new(args).cwd(here.path()).env("PATH", &path).run().text().to_owned()
    };
    let without = run(&[named("kube-system"), named("prd")]);
    assert!(
        without.contains("[namespace-missing]") && without.contains("meshobs init namespace prod"),
        "{without}"
    );
    // The name is the file's: what is pasted into a shell is one word.
    let mut odd = deployment("a", Some(SCRAPE));
    odd["metadata"]["namespace"] = json!("$(id)");
    write(here.path(), &[odd]);
    let quoted = run(&[named("kube-system")]);
    assert!(quoted.contains("meshobs init namespace '$(id)' |"), "{quoted}");
    write(here.path(), &[deployment("a", Some(SCRAPE))]);
    let with = run(&[named("kube-system"), named("prod")]);
    assert!(!with.contains("[namespace-missing]"), "{with}");
}

// ---- changes as they come --------------------------------------------------------------------------------------

#[test]
fn watching_prints_what_changes() {
    let here = folder(&[deployment("a", None)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_meshobs"))
        .args(["check", "--watch=1s", "--no-config", "a.yaml"])
        .current_dir(here.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut until = |part: &str| {
        let mut seen = Vec::new();
        for line in lines.by_ref() {
            seen.push(line.unwrap());
            if seen.last().unwrap().contains(part) {
                return;
            }
        }
        panic!("{part}: {seen:?}");
    };
    until("1 failure, 0 warnings");
    write(here.path(), &[deployment("a", Some(SCRAPE))]);
    until("resolved: deployment/a in prod");
    write(here.path(), &[deployment("b", None)]);
    until("✖ deployment/b in prod");
    child.kill().unwrap();
    child.wait().unwrap();
}

// ---- pages -----------------------------------------------------------------------------------------------------

#[test]
fn pages_are_printed_as_plain_text() {
    let run = |args: &[&str]| Meshobs::new(["explain"].iter().chain(args)).cwd(std::env::temp_dir()).run();
    let done = run(&["logs-json"]).expect(0);
    assert!(done.text().starts_with("logs-json\n=========\n"), "{}", done.text());
    assert!(done.text().contains("What is wrong\n-------------\n"), "{}", done.text());
    assert!(!done.text().contains("```"), "{}", done.text());
    let done = run(&[]).expect(0);
    assert!(done.text().contains("\nlogs\n  logs-input"), "{}", done.text());
    let done = run(&["log-json"]).expect(2);
    assert!(done.stderr.contains("did you mean `logs-json`?"), "{}", done.stderr);
}
