//! Policies of `init policy` in a real API server: a pod gets the annotation that `patch` writes into the manifest of its
//! workload, and a pod without a sidecar gets none.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::Meshobs;
use support::cluster::Cluster;
use tempfile::TempDir;

const ANNOTATION: &str = "datakit/prom.instances";

/// A folder with a `meshobs.toml` whose source shows every part that a policy has to find out, and whose table is long.
fn settings() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from(
        "[metrics]\nprofile = 'lean'\nsource_pattern = '{namespace}.{kind}.{workload}.{app}.{version}'\n[metrics.source]\n\
         reviews-v1 = '{kind}'\nwith-entry = \"it's-é\"\n",
    );
    for number in 0..1000 {
        text.push_str(&format!("workload-{number} = 'application-{number}'\n"));
    }
    fs::write(folder.path().join("meshobs.toml"), text).unwrap();
    folder
}

fn policy(folder: &Path, args: &[&str]) -> String {
    let args = ["init", "policy", "--exclude-namespace", "excluded"].iter().chain(args);
    let done = Meshobs::new(args).cwd(folder).run().expect(0);
    done.text().to_owned()
}

/// The namespaces that the tests use, with their labels.
const NAMESPACES: &[(&str, &[(&str, &str)])] = &[
    ("prod", &[("istio-injection", "enabled")]),
    ("canary", &[("istio.io/rev", "canary")]),
    ("plain", &[]),
    ("off", &[("istio-injection", "disabled")]),
    ("misspelt", &[("istio-injection", "Enabled")]),
    ("excluded", &[("istio-injection", "enabled")]),
    ("istio-system", &[("istio-injection", "enabled")]),
    ("datakit", &[("istio-injection", "enabled")]),
];

fn namespaces() -> String {
    let one = |(name, labels): &(&str, &[(&str, &str)])| {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
            .to_string()
    };
    NAMESPACES.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Applies manifests. The server validates; kubectl's own validation takes longer than that.
fn apply(cluster: &Cluster, manifests: &str) {
    cluster.kubectl(&["apply", "--validate=false", "-f", "-"], manifests);
}

/// Applies manifests, and waits until the policy among them is in effect and pods are taken.
fn put_in(cluster: &Cluster, manifests: &str) {
    apply(cluster, &namespaces());
    apply(cluster, manifests);
    let probes: Vec<_> = NAMESPACES.iter().map(|(name, _)| pod(name, json!({"name": "probe"}))).collect();
    let is_ready = |_| {
        let made = create(cluster, &probes);
        made.len() == probes.len() && made[&0].is_some()
    };
    assert!((0..100).any(is_ready), "the policy is not in effect");
}

fn pod(namespace: &str, metadata: Value) -> Value {
    let mut metadata = metadata;
    metadata["namespace"] = json!(namespace);
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    })
}

/// What the API server makes of pods, without making them: the annotations of those that it takes.
fn create(cluster: &Cluster, pods: &[Value]) -> BTreeMap<usize, Option<String>> {
    let numbered = pods.iter().enumerate().map(|(number, pod)| {
        let mut pod = pod.clone();
        pod["spec"]["containers"][0]["name"] = json!(format!("c{number}"));
        pod.to_string()
    });
    let text = numbered.collect::<Vec<_>>().join("\n");
    let args = ["create", "--dry-run=server", "--validate=false", "-o", "json", "-f", "-"];
    let printed = cluster.kubectl_whatever(&args, &text);
    let mut made = BTreeMap::new();
    for object in serde_json::Deserializer::from_str(&printed).into_iter::<Value>() {
        let object = object.unwrap();
        let items = object["items"].as_array().cloned().unwrap_or_else(|| vec![object]);
        for item in items {
            let name = item["spec"]["containers"][0]["name"].as_str().unwrap();
            made.insert(name[1..].parse().unwrap(), annotation(&item));
        }
    }
    made
}

fn annotation(object: &Value) -> Option<String> {
    Some(object["metadata"]["annotations"][ANNOTATION].as_str()?.to_owned())
}

/// The pod template of a workload, or the pod itself.
fn template(object: &Value) -> &Value {
    match object["kind"].as_str().unwrap_or_default() {
        "Pod" => object,
        "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"],
        _ => &object["spec"]["template"],
    }
}

/// The annotations of workloads once `patch` has run over them.
fn patched(folder: &Path, workloads: &[Value]) -> Vec<Option<String>> {
    let texts: Vec<_> = workloads.iter().map(ToString::to_string).collect();
    let done = Meshobs::new(["patch", "--only", "metrics", "-q"])
        .cwd(folder)
        .stdin(texts.join("\n---\n"))
        .run()
        .expect(0);
    let text = done.text();
    let documents: Vec<_> =
        text.split("\n---\n").map(|text| serde_json::from_str::<Value>(text).unwrap()).collect();
    assert_eq!(documents.len(), workloads.len());
    documents.iter().map(|object| annotation(template(object))).collect()
}

// ---- every golden workload -------------------------------------------------------------------------------------

/// The kinds that an API server has.
const KINDS: &[(&str, &str)] = &[
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "ReplicationController"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("v1", "Pod"),
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e == *known)) {
            found.push(path);
        }
    }
}

/// The workloads of all golden cases that an API server takes, in namespace prod: their kinds, names, labels, annotations and
/// whether they share the network of their node. What decides nothing is left out.
fn golden_workloads() -> Vec<Value> {
    const LARGE: usize = 200_000;
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"), &mut paths);
    let mut found = BTreeSet::new();
    for path in paths {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if text.len() > LARGE {
            continue;
        }
        for document in serde_yaml::Deserializer::from_str(&text) {
            let Ok(object) = <Value as serde::Deserialize>::deserialize(document) else { break };
            let items = object["items"].as_array().cloned().unwrap_or_else(|| vec![object]);
            found.extend(items.iter().filter_map(reduced).map(|object| object.to_string()));
        }
    }
    found.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

/// A workload without what decides nothing; nothing where an API server would not take it.
fn reduced(object: &Value) -> Option<Value> {
    let kind = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
    let (api_version, kind) = KINDS.iter().find(|known| **known == kind)?;
    let is_name = |name: &str| {
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        name.starts_with(edge) && name.chars().all(|c| edge(c) || c == '-') && name.len() < 60
    };
    let mut metadata = json!({"namespace": "prod"});
    for key in ["name", "generateName"] {
        if let Some(name) = object["metadata"][key].as_str() {
            metadata[key] = json!(name);
        }
    }
    let name = metadata["name"].as_str().or(metadata["generateName"].as_str());
    name.filter(|name| is_name(name))?;
    let source = template(object);
    let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
    match &source["spec"]["hostNetwork"] {
        Value::Null => {}
        Value::Bool(value) => spec["hostNetwork"] = json!(value),
        _ => return None,
    }
    source["spec"]["containers"].as_array()?;
    let mut own = json!({});
    for key in ["labels", "annotations"] {
        match &source["metadata"][key] {
            Value::Null => {}
            Value::Object(map) if map.values().all(Value::is_string) => {
                own[key] = source["metadata"][key].clone()
            }
            _ => return None,
        }
    }
    Some(match *kind {
        "Pod" => {
            let (metadata, own) = (metadata.as_object_mut()?, own.as_object()?);
            metadata.extend(own.clone());
            json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
        }
        "CronJob" => {
            let template = json!({"spec": {"template": {"metadata": own, "spec": spec}}});
            json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": {"jobTemplate": template}})
        }
        _ => {
            let spec = json!({"template": {"metadata": own, "spec": spec}});
            json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
        }
    })
}

/// The pod that the controller of a workload makes.
fn pod_of(workload: &Value) -> Value {
    const HASH: &str = "5d8f7c9b4";
    let kind = workload["kind"].as_str().unwrap();
    if kind == "Pod" {
        return workload.clone();
    }
    let name =
        workload["metadata"]["name"].as_str().or(workload["metadata"]["generateName"].as_str()).unwrap();
    let (owner_kind, owner) = match kind {
        "Deployment" => ("ReplicaSet", format!("{name}-{HASH}")),
        "CronJob" => ("Job", format!("{name}-29925611")),
        kind => (kind, name.to_owned()),
    };
    let mut pod = pod("prod", template(workload)["metadata"].clone());
    pod["spec"] = template(workload)["spec"].clone();
    pod["metadata"]["generateName"] = json!(format!("{owner}-"));
    if kind == "Deployment" {
        pod["metadata"]["labels"]["pod-template-hash"] = json!(HASH);
    }
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": owner_kind, "name": owner, "uid": "f0", "controller": true,
    }]);
    pod
}

#[test]
fn pods_of_every_golden_workload_get_what_patch_writes() {
    let Some((cluster, _turn)) = Cluster::common() else { return };
    let folder = settings();
    put_in(&cluster, &policy(folder.path(), &[]));
    let workloads: Vec<_> = golden_workloads();
    let expected = patched(folder.path(), &workloads);
    let pods: Vec<_> = workloads.iter().map(pod_of).collect();
    let made = create(&cluster, &pods);
    let mut changed = 0;
    for (number, annotation) in &made {
        // A policy leaves what is there; patch brings the defaults of another profile up to date.
        let own = pods[*number]["metadata"]["annotations"][ANNOTATION].as_str();
        let own = own.filter(|text| !text.is_empty());
        let wanted = own.map(str::to_owned).or_else(|| expected[*number].clone());
        assert_eq!(*annotation, wanted, "{}", workloads[*number]);
        changed += usize::from(annotation.is_some() && own.is_none());
    }
    let kinds: BTreeSet<_> = made.keys().map(|number| workloads[*number]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), KINDS.len(), "{kinds:?}");
    let counts = (workloads.len(), made.len(), changed);
    assert!(counts.0 - counts.1 < 10 && changed > 60, "{counts:?}");
}

// ---- who gets it -----------------------------------------------------------------------------------------------

#[test]
fn pods_without_a_sidecar_get_none() {
    let Some((cluster, _turn)) = Cluster::common() else { return };
    let folder = settings();
    put_in(&cluster, &policy(folder.path(), &[]));
    let inject = |value: &str| json!({"name": "a", "labels": {"sidecar.istio.io/inject": value}});
    let revision = |inject: &str| json!({"name": "a", "labels": {"istio.io/rev": "canary", "sidecar.istio.io/inject": inject}});
    let mut host = pod("prod", json!({"name": "a"}));
    host["spec"]["hostNetwork"] = json!(true);
    let owned = |kind: &str, controller: bool| {
        let owner =
            json!({"apiVersion": "v1", "kind": kind, "name": "b", "uid": "f0", "controller": controller});
        pod("prod", json!({"name": "a", "ownerReferences": [owner]}))
    };
    let table = [
        (pod("prod", json!({"name": "with-entry"})), true),
        (pod("prod", json!({"generateName": "a--"})), true),
        (pod("prod", json!({"name": "a", "labels": {"app": "", "k8s-app": "b", "version": "c"}})), true),
        (pod("prod", json!({"name": "a", "annotations": {"b": "c"}})), true),
        (pod("prod", json!({"name": "a", "annotations": {ANNOTATION: " \n"}})), true),
        (pod("prod", json!({"name": "a", "annotations": {"sidecar.istio.io/inject": "Yes"}})), true),
        (pod("prod", inject("true")), true),
        (pod("prod", inject("false")), false),
        (pod("prod", inject("no")), false),
        (pod("prod", json!({"name": "a", "annotations": {"sidecar.istio.io/inject": "False"}})), false),
        (pod("prod", json!({"name": "a", "labels": {"istio.io/dataplane-mode": "ambient"}})), false),
        (host, false),
        (owned("Node", true), false),
        (pod("canary", json!({"name": "a"})), true),
        (pod("canary", inject("false")), false),
        (pod("plain", json!({"name": "a"})), false),
        (pod("plain", inject("true")), true),
        (pod("plain", inject("True")), false),
        (pod("plain", revision("true")), true),
        (pod("plain", revision("false")), false),
        (pod("plain", json!({"name": "a", "annotations": {"sidecar.istio.io/inject": "true"}})), false),
        (pod("off", inject("true")), false),
        (pod("misspelt", inject("true")), false),
        (pod("excluded", json!({"name": "a"})), false),
        (pod("istio-system", json!({"name": "a"})), false),
        (pod("datakit", json!({"name": "a"})), false),
    ];
    let pods: Vec<_> = table.iter().map(|(pod, _)| pod.clone()).collect();
    let expected = patched(folder.path(), &pods);
    let made = create(&cluster, &pods);
    assert_eq!(made.len(), table.len());
    for (number, (pod, gets)) in table.iter().enumerate() {
        let wanted = expected[number].clone().filter(|_| *gets);
        assert_eq!(wanted.is_some(), *gets, "{pod}");
        assert_eq!(made[&number], wanted, "{pod}");
    }
    // Whoever refers to it, only the controller names it.
    let made = create(&cluster, &[owned("Shop", false), owned("Shop", true)]);
    let sources = ["prod.pod.a.a.", "prod.shop.b.b."];
    for (number, source) in sources.iter().enumerate() {
        let text = made[&number].as_deref().unwrap();
        assert!(text.contains(&format!("source = \"{source}\"")), "{text}");
    }
    // An annotation that is there stays.
    let own = pod("prod", json!({"name": "a", "annotations": {ANNOTATION: "mine"}}));
    assert_eq!(create(&cluster, &[own])[&0].as_deref(), Some("mine"));
}

#[test]
fn controllers_make_pods_as_this_file_does() {
    let Some((cluster, _turn)) = Cluster::common() else { return };
    let folder = settings();
    put_in(&cluster, &policy(folder.path(), &[]));
    let workloads: Vec<_> = [
        ("apps/v1", "Deployment", "made-1"),
        ("apps/v1", "StatefulSet", "made-2"),
        ("apps/v1", "DaemonSet", "made-3"),
        ("apps/v1", "ReplicaSet", "made-4"),
        ("v1", "ReplicationController", "made-5"),
        // As a CronJob names it, and as nobody else does.
        ("batch/v1", "Job", "made-6-29925611"),
        ("batch/v1", "Job", "made-7-20261124"),
    ]
    .map(|(api_version, kind, name)| made(api_version, kind, name))
    .to_vec();
    let mut expected: BTreeMap<_, _> =
        workloads.iter().map(name).zip(patched(folder.path(), &workloads)).collect();
    let text = expected["made-6-29925611"].clone().unwrap();
    let of_cron_job =
        text.replace("prod.job.made-6-29925611.made-6-29925611.", "prod.cronjob.made-6.made-6.");
    assert_ne!(text, of_cron_job);
    expected.insert("made-6-29925611".to_owned(), Some(of_cron_job));
    apply(&cluster, &workloads.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    let pods = || -> Vec<Value> {
        let listed = cluster.kubectl(&["get", "pods", "-n", "prod", "-o", "json"], "");
        let list: Value = serde_json::from_str(&listed).unwrap();
        list["items"].as_array().unwrap().clone()
    };
    let made = (0..200).map(|_| pods()).find(|pods| pods.len() == workloads.len()).expect("pods are made");
    let found: BTreeMap<_, _> = made.iter().map(|pod| (workload_of(pod), annotation(pod))).collect();
    assert_eq!(found, expected);
    cluster.kubectl(&["delete", "all", "--all", "-n", "prod", "--wait=false"], "");
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

/// The workload that its pod's container is named after.
fn workload_of(pod: &Value) -> String {
    pod["spec"]["containers"][0]["name"].as_str().unwrap().to_owned()
}

/// A workload without the label that names its application.
fn made(api_version: &str, kind: &str, name: &str) -> Value {
    let labels = json!({"made": name});
    let mut template =
        json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": "i"}]}});
    let mut spec = json!({});
    match kind {
        "Job" => template["spec"]["restartPolicy"] = json!("Never"),
        "ReplicationController" => spec["selector"] = labels,
        _ => spec["selector"] = json!({"matchLabels": labels}),
    }
    spec["template"] = template;
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "prod"}, "spec": spec})
}

// ---- other engines ---------------------------------------------------------------------------------------------

#[test]
fn a_policy_for_kyverno_decides_the_same_where_the_api_server_runs_it() {
    let Some((cluster, _turn)) = Cluster::common() else { return };
    let folder = settings();
    fs::write(
        folder.path().join("meshobs.toml"),
        "[metrics]\nsource_pattern = \"it's-{kind}-{app}\"\n[metrics.source]\nwith-entry = '{kind}'\n",
    )
    .unwrap();
    // What Kyverno's kind has and the API server's has not is dropped, and what is not Kyverno's added.
    let printed = policy(folder.path(), &["--engine", "kyverno"]);
    let mut object: Value = serde_yaml::from_str(&printed).unwrap();
    assert_eq!(object["spec"]["autogen"], json!({"podControllers": {"controllers": []}}));
    object["spec"].as_object_mut().unwrap().remove("autogen");
    object["kind"] = json!("MutatingAdmissionPolicy");
    object["apiVersion"] = json!("admissionregistration.k8s.io/v1");
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": "meshobs-metrics"}, "spec": {"policyName": "meshobs-metrics"},
    });
    cluster.kubectl(
        &[
            "delete",
            "mutatingadmissionpolicies,mutatingadmissionpolicybindings",
            "meshobs-metrics",
            "--ignore-not-found",
        ],
        "",
    );
    put_in(&cluster, &format!("{object}\n{binding}"));
    let pods: Vec<_> = ["with-entry", "without"].map(|name| pod("prod", json!({"name": name}))).to_vec();
    let expected = patched(folder.path(), &pods);
    assert!(expected[0].as_deref().unwrap().contains("source = \"it's-pod-{kind}\""), "{expected:?}");
    let found = || create(&cluster, &pods).into_values().collect::<Vec<_>>();
    assert!((0..100).any(|_| found() == expected), "{:?} is not {expected:?}", found());
    cluster.kubectl(
        &["delete", "mutatingadmissionpolicies,mutatingadmissionpolicybindings", "meshobs-metrics"],
        "",
    );
}

#[test]
fn an_audit_warns_of_what_stays_without_annotation() {
    let Some((cluster, _turn)) = Cluster::common() else { return };
    let folder = settings();
    apply(&cluster, &namespaces());
    apply(&cluster, &policy(folder.path(), &["--audit"]));
    let bare: Vec<_> = KINDS.iter().map(|(api_version, kind)| whole(api_version, kind)).collect();
    let warned = |objects: &[Value]| {
        let text: Vec<_> = objects.iter().map(ToString::to_string).collect();
        let says = cluster
            .kubectl_says(&["create", "--dry-run=server", "--validate=false", "-f", "-"], &text.join("\n"));
        let count = says.lines().filter(|line| line.contains("Validation failed")).count();
        assert_eq!(count, says.matches("`meshobs patch` adds it").count(), "{says}");
        count
    };
    assert!((0..100).any(|_| warned(&bare) == bare.len()), "the policy is not in effect");
    // What the remedy makes of them brings no warning.
    let text = bare.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n---\n");
    let done =
        Meshobs::new(["patch", "--only", "metrics", "-q"]).cwd(folder.path()).stdin(text).run().expect(0);
    let patched: Vec<Value> =
        done.text().split("\n---\n").map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!(warned(&patched), 0);
    let mut elsewhere = bare.clone();
    elsewhere.iter_mut().for_each(|object| object["metadata"]["namespace"] = json!("plain"));
    assert_eq!(warned(&elsewhere), 0);
    let owner = json!({"apiVersion": "v1", "kind": "Shop", "name": "b", "uid": "f0", "controller": true});
    let mut owned = bare;
    owned.iter_mut().for_each(|object| object["metadata"]["ownerReferences"] = json!([owner]));
    assert_eq!(warned(&owned), 0);
    cluster.kubectl(
        &["delete", "validatingadmissionpolicies,validatingadmissionpolicybindings", "meshobs-unannotated"],
        "",
    );
}

/// A workload that an API server takes.
fn whole(api_version: &str, kind: &str) -> Value {
    let mut object = made(api_version, "Deployment", "whole");
    object["kind"] = json!(kind);
    let spec = object["spec"].as_object_mut().unwrap();
    match kind {
        "Pod" => {
            let spec = spec["template"]["spec"].clone();
            object["spec"] = spec;
        }
        "ReplicationController" => spec["selector"] = json!({"made": "whole"}),
        "Job" | "CronJob" => {
            spec.remove("selector");
            spec["template"]["spec"]["restartPolicy"] = json!("Never");
        }
        _ => {}
    }
    if kind == "CronJob" {
        let spec = object["spec"].clone();
        object["spec"] = json!({"schedule": "0 0 * * *", "jobTemplate": {"spec": spec}});
    }
    object
}

// ---- the version of the API ------------------------------------------------------------------------------------

#[test]
fn the_api_that_the_cluster_serves_is_detected() {
    let Some((cluster, _turn)) = Cluster::common() else { return };
    for args in [&["init", "policy"][..], &["init", "policy", "--audit"]] {
        let detected = cluster.meshobs(&[args, &["--detect"]].concat()).run().expect(0);
        let default = cluster.meshobs(args).run().expect(0);
        assert_eq!(detected.text(), default.text());
        assert!(!detected.stderr.contains("--detect"), "{}", detected.stderr);
    }
}

/// Runs `init policy --detect` with a kubectl that tells a version, and the versions of the API with policies in them.
fn detected(version: &str, served: &[&str], args: &[&str]) -> support::Done {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let kubectl = folder.path().join("kubectl");
    let mut script =
        format!("#!/bin/sh\ncase \"$*\" in\n*/version*) echo '{{\"gitVersion\":\"{version}\"}}';;\n");
    for version in served {
        script.push_str(&format!(
            "*/{version}|*/{version}\\ *) echo '{{\"resources\":[{{\"name\":\"mutatingadmissionpolicies\"}}]}}';;\n"
        ));
    }
    script.push_str("*) echo 'Error from server (NotFound): no such thing' >&2; exit 1;;\nesac\n");
    fs::write(&kubectl, script).unwrap();
    fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let args = ["init", "policy", "--no-config", "--detect"].iter().chain(args);
    Meshobs::new(args).cwd(folder.path()).env("PATH", &path).run()
}

#[test]
fn what_no_cluster_serves_is_an_error_with_a_way_out() {
    let done = detected("v1.34.1", &["v1beta1"], &[]).expect(0);
    assert_eq!(done.text().matches("apiVersion: admissionregistration.k8s.io/v1beta1\n").count(), 2);
    let done = detected("v1.36.0", &["v1", "v1beta1"], &[]).expect(0);
    assert_eq!(done.text().matches("apiVersion: admissionregistration.k8s.io/v1\n").count(), 2);
    let done = detected("v1.35.0", &[], &[]).expect(2);
    for part in
        ["serves no MutatingAdmissionPolicy", "--feature-gates=MutatingAdmissionPolicy=true", "/v1beta1=true"]
    {
        assert!(done.stderr.contains(part), "{}", done.stderr);
    }
    let done = detected("v1.31.4", &[], &[]).expect(2);
    assert!(done.stderr.contains("from 1.32 on; use --engine kyverno"), "{}", done.stderr);
    let done = detected("v1.27.4", &[], &["--audit"]).expect(2);
    assert!(done.stderr.contains("from 1.28 on; use `meshobs check`"), "{}", done.stderr);
}
