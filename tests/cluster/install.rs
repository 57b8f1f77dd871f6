//! `install` and `uninstall` against a real API server: one run to a mesh without findings, another that changes nothing, and
//! back to the cluster as it was, object by object.

use std::fs;

use crate::support::cluster::Cluster;
use crate::support::place::{Place, SECRET, same};

#[test]
fn one_run_makes_a_mesh_visible_another_changes_nothing_and_it_can_be_undone() {
    let Some(place) = Place::new() else { return };
    let before = place.objects();

    let rum =
        ["--html", "page.html", "--app-id", "shop", "--datakit-origin", "http://10.0.0.1:9529", "--gateways"];
    let shown = [&["install", "--token-file", "token", "--dry-run=server", "app.yaml"][..], &rum].concat();
    let dry = place.run(&shown);
    assert_eq!(dry.status, 0, "{}", dry.stderr);
    assert!(
        dry.text().contains("# step datakit") && dry.text().contains("kind: DaemonSet"),
        "{}",
        dry.text()
    );
    same(&before, &place.objects());

    let done = place.install(&[&rum[..], &["--strict"]].concat());
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    assert!(done.text().contains("✔ nothing found"), "{}", done.text());
    assert!(done.stderr.contains("page: http://") && done.stderr.contains("istio_prom"), "{}", done.stderr);
    // A Service of the application omits its port's protocol, which Kubernetes before 1.21 does not apply.
    let service = &place.objects()["Service prod/ratings"];
    assert_eq!(service["spec"]["ports"][0]["protocol"], "TCP", "{service}");
    assert!(!service.to_string().contains("last-applied-configuration"), "{service}");
    let record =
        place.cluster.kubectl(&["get", "configmap", "meshobs-record", "-n", "kube-system", "-o", "json"], "");
    assert!(!record.contains(SECRET) && record.contains("productpage-rum"), "{record}");

    let nginx = place.run(&["init", "nginx", "--detect"]);
    assert!(nginx.text().contains("proxy_pass http://127.0.0.1:3"), "{}{}", nginx.text(), nginx.stderr);

    // The reader is gone before anything is written: the code is still that of what was done.
    let flags = rum.join(" ");
    let piped = format!(
        "{{ \"$MESHOBS\" install --token-file token --yes app.yaml {flags}; echo $? >code; }} 2>&1 | true; cat code"
    );
    assert_eq!(place.merged(&piped), "0\n");
    assert_eq!(place.merged("{ \"$MESHOBS\" check; echo $? >code; } 2>&1 | true; cat code"), "0\n");

    let installed = place.objects();
    let again = place.install(&rum);
    assert_eq!(again.status, 0, "{}", again.stderr);
    for step in ["datakit", "tracing", "namespace", "rum", "application", "gateways"] {
        let line =
            again.stderr.lines().find(|line| line.starts_with(&format!("{step}: "))).unwrap_or_default();
        assert!(line.ends_with("(in place)"), "{line}\n{}", again.stderr);
    }
    same(&installed, &place.objects());

    let labelled = place
        .cluster
        .kubectl(&["get", "services,deployments", "-A", "-l", "meshobs/installed", "-o", "name"], "");
    assert!(
        labelled.contains("service/datakit-service") && labelled.contains("productpage-v1"),
        "{labelled}"
    );
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    same(&before, &place.objects());
    let nothing = place.run(&["uninstall", "--yes"]);
    assert!(nothing.status == 0 && nothing.stderr.contains("nothing is recorded"), "{}", nothing.stderr);
}

#[test]
fn what_others_made_or_changed_is_kept() {
    let Some(place) = Place::new() else { return };
    // The namespace is there already, with something in it and without the label.
    place.cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: prod\n");
    place.cluster.apply(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mine\n  namespace: prod\ndata:\n  a: b\n",
    );
    // A Zipkin of others' keeps its name, so Istio is told another address.
    place.cluster.apply("apiVersion: v1\nkind: Service\nmetadata:\n  name: zipkin\n  namespace: istio-system\nspec:\n  ports:\n  - port: 9411\n    protocol: TCP\n");
    let before = place.objects();
    let done = place.install(&[]);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    assert!(
        done.stderr.contains("$(HOST_IP):9529") && done.text().contains("✔ nothing found"),
        "{}{}",
        done.text(),
        done.stderr
    );
    let again = place.install(&[]);
    assert!(again.stderr.contains("DataKit in Istio's mesh configuration (in place)"), "{}", again.stderr);
    // Others change another line of the mesh configuration, and it stays so.
    let edit = |mut mesh: serde_json::Value, from: &str, to: &str| {
        let text = mesh["data"]["mesh"].as_str().unwrap();
        assert!(text.contains(from), "{text}");
        mesh["data"]["mesh"] = text.replace(from, to).into();
        mesh
    };
    let get = ["get", "configmap", "istio", "-n", "istio-system", "-o", "json"];
    let mesh: serde_json::Value = serde_json::from_str(&place.cluster.kubectl(&get, "")).unwrap();
    let (plain, json) = ("accessLogFile: /dev/stdout", "accessLogFile: /dev/stderr");
    let data = serde_json::json!({"data": edit(mesh, plain, json)["data"]}).to_string();
    place
        .cluster
        .kubectl(&["patch", "configmap/istio", "-n", "istio-system", "--type", "merge", "-p", &data], "");
    // Something of others in a namespace that was created.
    place.cluster.apply("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: theirs\n  namespace: datakit\n");
    let plan = place.run(&["uninstall", "--dry-run"]);
    assert!(
        plan.stderr
            .contains("restore namespace/prod\n  metadata.labels.istio-injection:\n    -\"enabled\"\n"),
        "{}",
        plan.stderr
    );
    let mesh = "restore configmap/istio in istio-system\n  data.mesh:\n";
    let change = "    -      address: $(HOST_IP):9529\n    +      address: zipkin.istio-system:9411\n";
    assert!(plan.stderr.contains(mesh) && plan.stderr.contains(change), "{}", plan.stderr);
    assert!(
        plan.stderr.contains("keep namespace datakit: others' objects are in it (configmap/theirs)"),
        "{}",
        plan.stderr
    );
    assert_eq!(place.run(&["uninstall", "--yes"]).status, 0);
    let after = place.objects();
    for (name, object) in &before {
        let changed = name == "ConfigMap istio-system/istio";
        let object = if changed { edit(object.clone(), plain, json) } else { object.clone() };
        assert_eq!(after.get(name), Some(&object), "{name}");
    }
    let new: Vec<_> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    let theirs = ["Namespace /datakit", "ConfigMap datakit/theirs"];
    assert!(
        new.iter().all(|name| theirs.contains(&name.as_str())
            || name.contains("kube-root-ca")
            || name.ends_with("/default")),
        "{new:?}"
    );
}

/// A kubectl that counts how often it is started.
const COUNTING: &str = "#!/bin/sh
echo x >> \"$HOME/count\"
exec \"$REAL\" \"$@\"
";

/// How many kubectls a command starts.
fn kubectls(place: &Place, args: &[&str]) -> usize {
    let path = place.script("kubectl", COUNTING);
    let count = place.folder.path().join("count");
    let _ = fs::remove_file(&count);
    let home = place.folder.path().display().to_string();
    let run = place.command(args).env("PATH", &path).env("REAL", &crate::support::place::real_kubectl());
    let done = crate::support::place::judge(run.env("HOME", &home).run());
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    fs::read_to_string(count).unwrap().lines().count()
}

#[test]
fn how_many_objects_there_are_takes_no_more_kubectls() {
    let Some(place) = Place::new() else { return };
    let before = place.objects();
    let map = |i| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{i}\ndata:\n  a: b\n");
    place.write("maps.yaml", &(0..100).map(map).collect::<String>());
    let install = ["install", "--yes", "--token-file", "token", "app.yaml", "maps.yaml"];
    let first = kubectls(&place, &install);
    assert!(first <= 25, "{first}");
    let installed = place.objects();
    assert!(installed.contains_key("ConfigMap prod/c99"), "{:?}", installed.keys());
    let again = kubectls(&place, &install);
    assert!(again <= 12, "{again}");
    same(&installed, &place.objects());
    let undo = kubectls(&place, &["uninstall", "--yes"]);
    assert!(undo <= 25, "{undo}");
    same(&before, &place.objects());
}

#[test]
fn parts_can_be_left_out_and_come_later() {
    let Some(place) = Place::new() else { return };
    let before = place.objects();
    let traces = ["Service istio-system/zipkin", "Service datakit/datakit-service-ext"];
    let done = place.install(&["--skip", "tracing,rum"]);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    assert!(!done.stderr.contains("tracing: ") && !done.stderr.contains("traces of"), "{}", done.stderr);
    let metrics = place.objects();
    assert!(metrics.contains_key("Deployment prod/productpage-v1"), "{:?}", metrics.keys());
    assert!(traces.iter().all(|name| !metrics.contains_key(*name)), "{:?}", metrics.keys());
    // A file chooses, too, and neither token nor manifests are wanted for what is chosen.
    place.write("meshobs.toml", "[install]\nonly = ['tracing']\n");
    let done = place.run(&["install", "--yes"]);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    let mut with_traces = place.objects();
    assert!(traces.iter().all(|name| with_traces.remove(*name).is_some()), "{}", done.stderr);
    with_traces.remove("ConfigMap kube-system/meshobs-record");
    let mut wanted = metrics;
    wanted.remove("ConfigMap kube-system/meshobs-record");
    same(&wanted, &with_traces);
    // What is named has to be there.
    for (part, told) in [("app", "no manifests"), ("rum", "--app-id")] {
        let done = place.run(&["install", "--yes", "--only", part]);
        assert!(done.status == 2 && done.stderr.contains(told), "{part}: {}", done.stderr);
    }
    assert_eq!(place.run(&["uninstall", "--yes"]).status, 0);
    same(&before, &place.objects());
}

/// What others had installed before: a DataKit that collects nothing of a mesh, and the application.
const THEIR_DATAKIT: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: monitoring
---
apiVersion: v1
kind: Service
metadata:
  name: datakit-service
  namespace: monitoring
spec:
  selector:
    app.kubernetes.io/name: datakit
  ports:
  - port: 9529
    protocol: TCP
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: datakit
  namespace: monitoring
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: datakit
  template:
    metadata:
      labels:
        app.kubernetes.io/name: datakit
    spec:
      hostNetwork: true
      containers:
      - name: datakit
        image: pubrepo.guance.com/datakit/datakit:1.84.0
        env:
        - name: ENV_DATAWAY
          value: https://openway.guance.com?token=tkn_0123456789abcdef0123456789abcdef
        - name: ENV_DEFAULT_ENABLED_INPUTS
          value: cpu,container
        ports:
        - containerPort: 9529
          hostPort: 9529
";

/// `check` at the end finds what this DataKit lacks by itself, which is not for `install` to mend, and nothing else.
fn only_what_theirs_lacks(done: &crate::support::Done) {
    let text = done.text();
    let found: Vec<&str> = text.lines().filter(|line| line.starts_with(['✖', '!'])).collect();
    assert_eq!(
        found,
        ["✖ DataKit may read what it collects", "✖ DataKit resolves the cluster's names"],
        "{text}{}",
        done.stderr
    );
    assert!(text.contains("2 failures, 0 warnings"), "{text}");
}

#[test]
fn what_was_there_is_edited_in_place_and_put_back() {
    let Some(place) = Place::new() else { return };
    place.cluster.apply(THEIR_DATAKIT);
    place.cluster.apply(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: prod\n  labels:\n    istio-injection: enabled\n",
    );
    place.cluster.kubectl(&["apply", "-n", "prod", "-f", "-"], crate::support::place::APPLICATION);
    let before = place.objects();
    let done = place.run(&["install", "--yes", "app.yaml"]);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    only_what_theirs_lacks(&done);
    assert!(done.stderr.contains("daemonset/datakit in monitoring edited"), "{}", done.stderr);
    let installed = place.objects();
    assert!(!installed.contains_key("Namespace /datakit"), "a second DataKit");
    let pod = &installed["DaemonSet monitoring/datakit"]["spec"]["template"];
    assert!(pod["metadata"]["annotations"].to_string().contains("checksum"), "{pod}");
    let again = place.run(&["install", "--yes", "app.yaml"]);
    assert!(
        again.stderr.lines().filter(|line| line.ends_with("(in place)")).count() == 4,
        "{}",
        again.stderr
    );
    same(&installed, &place.objects());
    // One value of theirs is changed since.
    let scale = ["scale", "deployment/productpage-v1", "-n", "prod", "--replicas", "2"];
    place.cluster.kubectl(&scale, "");
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    let mut wanted = before;
    wanted.get_mut("Deployment prod/productpage-v1").unwrap()["spec"]["replicas"] = 2.into();
    same(&wanted, &place.objects());
}

#[test]
fn a_new_istio_gets_a_provider_and_then_the_telemetry() {
    let Some(place) = Place::new() else { return };
    // What a new Istio has as far as this goes: its version, and the kind's version 1.
    let container = "discovery=docker.io/istio/pilot:1.24.1";
    place.cluster.kubectl(&["set", "image", "deployment/istiod", container, "-n", "istio-system"], "");
    place.cluster.kubectl(&["rollout", "status", "deployment/istiod", "-n", "istio-system"], "");
    let name = "telemetries.telemetry.istio.io";
    let text = place.cluster.kubectl(&["get", "crd", name, "-o", "json"], "");
    let mut crd: serde_json::Value = serde_json::from_str(&text).unwrap();
    let versions = crd["spec"]["versions"].as_array_mut().unwrap();
    let mut new = versions[0].clone();
    new["name"] = "v1".into();
    new["storage"] = false.into();
    versions.push(new);
    place.cluster.kubectl(&["replace", "-f", "-"], &crd.to_string());
    let before = place.objects();
    let done = place.install(&[]);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    assert!(done.text().contains("✔ nothing found"), "{}{}", done.text(), done.stderr);
    let provider = done.stderr.find("✔ tracing").unwrap();
    assert!(done.stderr.find("✔ telemetry").unwrap() > provider, "{}", done.stderr);
    let after = place.objects();
    let mesh = after["ConfigMap istio-system/istio"]["data"]["mesh"].as_str().unwrap();
    assert!(mesh.contains("extensionProviders"), "{mesh}");
    assert!(after.keys().any(|name| name.starts_with("Telemetry istio-system/")), "{:?}", after.keys());
    let again = place.install(&[]);
    assert!(
        again.stderr.lines().filter(|line| line.ends_with("(in place)")).count() == 5,
        "{}",
        again.stderr
    );
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    same(&before, &place.objects());
}

/// An istioctl that puts in, and takes out, what stands for Istio here.
const ISTIOCTL: &str = "#!/bin/sh
echo \"$@\" >> \"$LOG\"
case \"$1\" in
version) echo '{\"clientVersion\": {\"version\": \"'$VERSION'\"}}' ;;
install) cat > \"$LOG.stdin\"
  for file in \"$CLUSTER\"/crds/*.yaml; do kubectl apply --server-side -f \"$file\" > /dev/null || exit 1; done
  kubectl wait --for condition=established crd --all > /dev/null || exit 1
  kubectl apply --server-side -f \"$CLUSTER\"/istio/*.yaml > /dev/null || exit 1
  echo '✔ Installation complete' ;;
uninstall) [ \"$VERSION\" = 1.11.2 ] && { echo 'Error: unknown command \"uninstall\" for \"istioctl\"' >&2; exit 1; }
  exit 1 ;;
x) kubectl delete -f \"$CLUSTER\"/istio/ > /dev/null && kubectl delete -f \"$CLUSTER\"/crds/ > /dev/null ;;
esac
";

#[test]
fn where_there_is_no_mesh_istioctl_puts_one_in_and_takes_it_out() {
    let Some(cluster) = Cluster::bare() else { return };
    let place = Place::at(cluster);
    let before = place.objects();
    let without = place.install(&[]);
    assert_eq!(without.status, 2, "{}", without.stderr);
    assert!(without.stderr.contains("no istioctl here"), "{}", without.stderr);
    let path = place.script("istioctl", ISTIOCTL);
    let log = place.folder.path().join("log").display().to_string();
    let folder = crate::support::shared().unwrap().join("cluster").display().to_string();
    let run = |args: &[&str]| {
        let run = place.command(args).env("PATH", &path).env("LOG", &log).env("VERSION", "1.11.2");
        run.env("CLUSTER", &folder).run()
    };
    let done = run(&["install", "--yes", "--token-file", "token", "app.yaml"]);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    assert!(done.text().contains("✔ nothing found"), "{}{}", done.text(), done.stderr);
    assert!(done.stderr.contains("✔ istio\n    ✔ Installation complete"), "{}", done.stderr);
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("install --set profile=demo -y"), "{said}");
    let again = run(&["install", "--yes", "app.yaml"]);
    assert!(again.status == 0 && !again.stderr.contains("istio: Istio"), "{}", again.stderr);
    let undone = run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    assert!(undone.stderr.contains("✔ uninstall Istio 1.11.2 by istioctl"), "{}", undone.stderr);
    same(&before, &place.objects());
}

#[test]
fn the_session_in_readme_is_what_is_printed() {
    let Some(place) = Place::new() else { return };
    let args = "--token-file token --yes app.yaml";
    let printed = place.merged(&format!("\"$MESHOBS\" install {args}"));
    for shown in crate::support::place::shown(&format!("meshobs install {args}")) {
        crate::support::place::follow(&shown, &printed).unwrap();
    }
}

#[test]
fn a_datakit_among_the_manifests_is_patched_with_them() {
    let Some(place) = Place::new() else { return };
    let before = place.objects();
    place.write(
        "datakit.yaml",
        &THEIR_DATAKIT.replace("tkn_0123456789abcdef0123456789abcdef", "<your-token>"),
    );
    let done = place.install(&["datakit.yaml"]);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    only_what_theirs_lacks(&done);
    let installed = place.objects();
    assert!(installed.contains_key("DaemonSet monitoring/datakit"), "{:?}", installed.keys());
    assert!(!installed.contains_key("Namespace /datakit"), "a second DataKit");
    // Without the token the placeholder would take its place.
    let without = place.run(&["install", "--yes", "app.yaml", "datakit.yaml"]);
    assert!(without.status == 2 && without.stderr.contains("has no token"), "{}", without.stderr);
    let again = place.install(&["datakit.yaml"]);
    assert_eq!(
        again.stderr.lines().filter(|line| line.ends_with("(in place)")).count(),
        3,
        "{}",
        again.stderr
    );
    same(&installed, &place.objects());
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    same(&before, &place.objects());
}

#[test]
fn a_namespace_among_the_manifests_keeps_the_label_for_sidecars() {
    let Some(place) = Place::new() else { return };
    let before = place.objects();
    let own = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: prod\n  labels: {team: shop}\n---\n";
    place.write("app.yaml", &format!("{own}{}", crate::support::place::APPLICATION));
    let args = ["--only", "namespace,app"];
    let done = place.install(&args);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    let installed = place.objects();
    let labels = &installed["Namespace /prod"]["metadata"]["labels"];
    assert!(labels["istio-injection"] == "enabled" && labels["team"] == "shop", "{labels}");
    let again = place.install(&args);
    assert_eq!(again.status, 0, "{}", again.stderr);
    same(&installed, &place.objects());
    assert_eq!(place.run(&["uninstall", "--yes"]).status, 0);
    same(&before, &place.objects());
    // One of others gets the label as well, and loses it again.
    place.cluster.kubectl(&["create", "namespace", "prod"], "");
    place.cluster.kubectl(&["label", "namespace", "prod", "team=ours"], "");
    let theirs = place.objects();
    let done = place.install(&[&args[..], &["--force-conflicts"]].concat());
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    let labels = &place.objects()["Namespace /prod"]["metadata"]["labels"];
    assert!(labels["istio-injection"] == "enabled" && labels["team"] == "shop", "{labels}");
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    same(&theirs, &place.objects());
}

/// A kind and one of it.
const KIND: &str = "\
apiVersion: example.com/v1
kind: Widget
metadata:
  name: one
spec: {}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

#[test]
fn kinds_are_defined_before_what_is_of_them() {
    let Some(place) = Place::new() else { return };
    let before = place.objects();
    place.write("kind.yaml", KIND);
    let done = place.install(&["kind.yaml"]);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    assert!(place.cluster.kubectl(&["get", "widget", "-n", "prod", "-o", "name"], "").contains("/one"));
    let again = place.install(&["kind.yaml"]);
    assert_eq!(
        again.stderr.lines().filter(|line| line.ends_with("(in place)")).count(),
        5,
        "{}",
        again.stderr
    );
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    let crds = place.cluster.kubectl(&["get", "crd", "-o", "name"], "");
    assert!(!crds.contains("widgets.example.com"), "{crds}");
    same(&before, &place.objects());
    // What nobody defines is an error of its step, and can be undone.
    place.write("kind.yaml", &KIND.replace("CustomResourceDefinition", "CustomResourceDefinitoin"));
    let done = place.install(&["kind.yaml"]);
    assert!(done.status == 2 && done.stderr.contains("no matches for kind"), "{}", done.stderr);
    assert!(done.stderr.contains("step application"), "{}", done.stderr);
    assert_eq!(place.run(&["uninstall", "--yes"]).status, 0);
    same(&before, &place.objects());
}
