//! What `uninstall` must never take with it, against a real API server: objects of others in a namespace that was created,
//! objects that a record names wrongly, objects that were replaced since; and what it does where the record is lost.

use crate::support::cluster::Cluster;
use crate::support::place::{Place, real_kubectl, same};
use serde_json::{Value, json};

/// A kind that no list of kinds can know.
const KIND: &str = "\
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

/// An object in `prod` that others made.
fn theirs(api_version: &str, kind: &str, spec: &Value) -> String {
    let metadata = json!({"name": "theirs", "namespace": "prod"});
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}).to_string()
}

/// One of each kind that hides in a namespace, as kubectl names the kind.
fn objects_of_others(disruption_budget: &str) -> Vec<(&'static str, String)> {
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "productpage-v1"});
    let scale = json!({"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 1});
    let limit = json!({"hard": {"pods": "99"}});
    let budget = json!({"maxUnavailable": 1, "selector": {"matchLabels": {"app": "ratings"}}});
    let route = json!({"hosts": ["ratings"], "http": [{"route": [{"destination": {"host": "ratings"}}]}]});
    vec![
        ("networkpolicy", theirs("networking.k8s.io/v1", "NetworkPolicy", &json!({"podSelector": {}}))),
        ("horizontalpodautoscaler", theirs("autoscaling/v1", "HorizontalPodAutoscaler", &scale)),
        ("resourcequota", theirs("v1", "ResourceQuota", &limit)),
        ("poddisruptionbudget", theirs(disruption_budget, "PodDisruptionBudget", &budget)),
        ("virtualservice", theirs("networking.istio.io/v1alpha3", "VirtualService", &route)),
        ("widget", theirs("example.com/v1", "Widget", &json!({}))),
    ]
}

fn a_namespace_with_anything_of_others_stays(place: &Place, disruption_budget: &str) {
    let before = place.objects();
    let done = place.install(&[]);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    place.cluster.apply(KIND);
    place.cluster.kubectl(&["wait", "--for", "condition=established", "crd/widgets.example.com"], "");
    let all = objects_of_others(disruption_budget);
    for (kind, text) in &all {
        place.cluster.apply(text);
        let plan = place.run(&["uninstall", "--dry-run"]);
        let kept = format!("keep namespace prod: others' objects are in it ({kind}/theirs)");
        assert!(plan.stderr.contains(&kept), "{kind}: {}", plan.stderr);
        assert!(plan.stderr.contains("delete namespace/datakit"), "{}", plan.stderr);
        place.cluster.kubectl(&["delete", kind, "theirs", "-n", "prod"], "");
    }
    let plan = place.run(&["uninstall", "--dry-run"]);
    assert!(plan.stderr.contains("delete namespace/prod"), "{}", plan.stderr);

    for (_, text) in &all {
        place.cluster.apply(text);
    }
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    for (kind, _) in &all {
        place.cluster.kubectl(&["get", kind, "theirs", "-n", "prod"], "");
    }
    let left = place.objects();
    assert!(left.contains_key("Namespace /prod") && !left.contains_key("Deployment prod/productpage-v1"));
    assert!(!left.contains_key("Namespace /datakit"), "{:?}", left.keys());

    // Once they are gone another run takes the namespace, too.
    for (kind, _) in &all {
        place.cluster.kubectl(&["delete", kind, "theirs", "-n", "prod"], "");
    }
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    place.cluster.kubectl(&["delete", "crd", "widgets.example.com"], "");
    same(&before, &place.objects());
}

#[test]
fn a_namespace_with_anything_of_others_stays_on_kubernetes_1_20() {
    let Some(place) = Place::new() else { return };
    a_namespace_with_anything_of_others_stays(&place, "policy/v1beta1");
}

#[test]
fn a_namespace_with_anything_of_others_stays_on_kubernetes_1_36() {
    let Some(cluster) = Cluster::newer() else { return };
    a_namespace_with_anything_of_others_stays(&Place::at(cluster), "policy/v1");
}

#[test]
fn who_owns_an_object_decides_whose_it_is() {
    let Some(place) = Place::new() else { return };
    assert_eq!(place.install(&[]).status, 0);
    let uid = |what: &str| {
        place.cluster.kubectl(&["get", what, "-n", "prod", "-o", "jsonpath={.metadata.uid}"], "")
    };
    let owned = |name: &str, owners: &[(&str, &str, &str, &str)]| {
        let owners: Vec<Value> = owners
            .iter()
            .map(|(api, kind, name, uid)| json!({"apiVersion": api, "kind": kind, "name": name, "uid": uid}))
            .collect();
        let metadata = json!({"name": name, "namespace": "prod", "ownerReferences": owners});
        place
            .cluster
            .apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}).to_string());
    };
    let service = uid("service/ratings");
    owned("of-ours", &[("v1", "Service", "ratings", &service)]);
    owned("of-that", &[("v1", "ConfigMap", "of-ours", &uid("configmap/of-ours"))]);
    let plan = place.run(&["uninstall", "--dry-run"]);
    assert!(plan.stderr.contains("delete namespace/prod"), "{}", plan.stderr);
    // A second owner keeps it.
    let account = uid("serviceaccount/default");
    owned(
        "of-both",
        &[("v1", "Service", "ratings", &service), ("v1", "ServiceAccount", "default", &account)],
    );
    let plan = place.run(&["uninstall", "--dry-run"]);
    let kept = "keep namespace prod: others' objects are in it (configmap/of-both)";
    assert!(plan.stderr.contains(kept), "{}", plan.stderr);
}

/// Who may undo everything but does not see network policies.
const HALF_BLIND: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: half-blind
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: half-blind
subjects:
- kind: User
  name: half-blind
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: half-blind
rules:
- apiGroups: ['', extensions, apps, rbac.authorization.k8s.io, policy, batch, autoscaling, coordination.k8s.io, discovery.k8s.io, events.k8s.io, networking.istio.io, install.istio.io, security.istio.io, telemetry.istio.io, apiextensions.k8s.io]
  resources: ['*']
  verbs: ['*']
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: ['*']
";

/// An API whose server nobody runs.
const DEAD_API: &str = "\
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata:
  name: v1.dead.example.com
spec:
  group: dead.example.com
  version: v1
  groupPriorityMinimum: 1000
  versionPriority: 15
  insecureSkipTLSVerify: true
  service:
    name: nobody
    namespace: default
";

#[test]
fn what_cannot_be_listed_keeps_the_namespace() {
    let Some(place) = Place::new() else { return };
    assert_eq!(place.install(&[]).status, 0);
    place.cluster.apply(HALF_BLIND);
    let config = place.cluster.kubectl(&["config", "view", "--raw", "-o", "json"], "");
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["users"][0]["user"]["as"] = "half-blind".into();
    place.write("half-blind", &config.to_string());
    let plan = place.run(&["uninstall", "--dry-run", "--kubeconfig", "half-blind"]);
    assert_eq!(plan.status, 0, "{}", plan.stderr);
    let kept = plan.stderr.lines().find(|line| line.starts_with("keep namespace prod: ")).unwrap_or_default();
    assert!(kept.contains("unknown") && kept.contains("networkpolicies"), "{}", plan.stderr);

    place.cluster.apply(DEAD_API);
    place
        .cluster
        .kubectl(&["wait", "--for", "condition=Available=false", "apiservice/v1.dead.example.com"], "");
    let plan = place.run(&["uninstall", "--dry-run"]);
    let kept = plan.stderr.lines().find(|line| line.starts_with("keep namespace prod: ")).unwrap_or_default();
    assert!(kept.contains("unknown") && kept.contains("dead.example.com"), "{}", plan.stderr);
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    assert!(place.objects().contains_key("Namespace /prod"), "{}", undone.stderr);
    place.cluster.kubectl(&["delete", "apiservice", "v1.dead.example.com"], "");
}

/// A kubectl before whose first deletion somebody else is faster.
const RACING: &str = "#!/bin/sh
case \"$*\" in
*delete*--raw*) [ -f \"$HOME/raced\" ] || {
  touch \"$HOME/raced\"
  \"$REAL\" apply -f \"$HOME/late.json\" > /dev/null
  \"$REAL\" delete service/ratings -n prod > /dev/null
  \"$REAL\" create -f \"$HOME/service.json\" > /dev/null
} ;;
esac
exec \"$REAL\" \"$@\"
";

#[test]
fn what_comes_while_it_runs_is_seen() {
    let Some(place) = Place::new() else { return };
    assert_eq!(place.install(&[]).status, 0);
    let budget = json!({"maxUnavailable": 1, "selector": {"matchLabels": {"app": "ratings"}}});
    place.write("late.json", &theirs("policy/v1beta1", "PodDisruptionBudget", &budget));
    // Another Service of that name, even with the label.
    let metadata = json!({"name": "ratings", "namespace": "prod", "labels": {"meshobs/installed": "true"}});
    let spec = json!({"ports": [{"port": 1}]});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec});
    place.write("service.json", &service.to_string());
    let path = place.script("kubectl", RACING);
    let home = place.folder.path().display().to_string();
    let run = place.command(&["uninstall", "--yes"]).env("PATH", &path).env("HOME", &home);
    let undone = run.env("REAL", &real_kubectl()).run();
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    assert!(undone.stderr.contains("keep service/ratings in prod: "), "{}", undone.stderr);
    assert!(undone.stderr.contains("keep namespace prod: others' objects are in it ("), "{}", undone.stderr);
    place.cluster.kubectl(&["get", "poddisruptionbudget/theirs", "service/ratings", "-n", "prod"], "");
}

/// The record of a cluster, to be edited.
fn edit_record(place: &Place, edit: impl FnOnce(&mut Value)) {
    let get = ["get", "configmap", "meshobs-record", "-n", "kube-system", "-o", "json"];
    let mut object: Value = serde_json::from_str(&place.cluster.kubectl(&get, "")).unwrap();
    let mut record: Value = serde_json::from_str(object["data"]["record"].as_str().unwrap()).unwrap();
    edit(&mut record);
    object["data"]["record"] = record.to_string().into();
    place.cluster.kubectl(&["replace", "-f", "-"], &object.to_string());
}

#[test]
fn an_edited_record_leads_to_no_object_of_others() {
    let Some(place) = Place::new() else { return };
    place.cluster.apply(KIND);
    let before = place.objects();
    // A mesh configuration that was changed has the field manager, too.
    place.cluster.apply("apiVersion: v1\nkind: Service\nmetadata:\n  name: zipkin\n  namespace: istio-system\nspec:\n  ports:\n  - port: 9411\n    protocol: TCP\n");
    assert_eq!(place.install(&[]).status, 0);
    let get = ["get", "configmap/istio", "-n", "istio-system", "-o", "jsonpath={.metadata.uid}"];
    let uid = place.cluster.kubectl(&get, "");
    let namespace = place.cluster.kubectl(&["get", "ns/istio-system", "-o", "jsonpath={.metadata.uid}"], "");
    edit_record(&place, |record| {
        let created = record["mesh"]["created"].as_array_mut().unwrap();
        let entry = |kind: &str, namespace: &str, name: &str, uid: &str| json!({"kind": kind, "namespace": namespace, "name": name, "uid": uid});
        created.push(entry("ConfigMap", "istio-system", "istio", &uid));
        created.push(entry("ConfigMap", "istio-system", "istio-sidecar-injector", ""));
        created.push(entry("Namespace", "", "istio-system", &namespace));
        created.push(entry(
            "CustomResourceDefinition.v1.apiextensions.k8s.io",
            "",
            "widgets.example.com",
            "",
        ));
    });
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    for name in ["configmap/istio in", "configmap/istio-sidecar-injector in", "namespace/istio-system"] {
        assert!(undone.stderr.contains(&format!("keep {name}")), "{name}: {}", undone.stderr);
    }
    place.cluster.kubectl(&["get", "crd/widgets.example.com"], "");
    place.cluster.kubectl(&["delete", "service/zipkin", "-n", "istio-system"], "");
    same(&before, &place.objects());
}

#[test]
fn a_definition_with_objects_of_others_stays() {
    let Some(place) = Place::new() else { return };
    place.write("kind.yaml", KIND);
    assert_eq!(place.install(&["kind.yaml"]).status, 0);
    let widget =
        "apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: theirs\n  namespace: default\n";
    place.cluster.apply(widget);
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    let kept = "keep customresourcedefinition/widgets.example.com: others' objects are of this kind (widget/theirs in default)";
    assert!(undone.stderr.contains(kept), "{}", undone.stderr);
    place.cluster.kubectl(&["get", "widget/theirs", "-n", "default"], "");
    place.cluster.kubectl(&["delete", "crd/widgets.example.com"], "");
}

#[test]
fn a_record_that_cannot_be_read_is_an_error_and_a_lost_one_is_rebuilt() {
    let Some(place) = Place::new() else { return };
    place.cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: prod\n");
    let before = place.objects();
    // What was there before is applied by an installation, and gets its label.
    place.cluster.kubectl(&["apply", "-n", "prod", "-f", "-"], crate::support::place::APPLICATION);
    assert_eq!(place.install(&["--gateways"]).status, 0);
    let installed = place.objects();
    let name = ["configmap", "meshobs-record", "-n", "kube-system"];
    let get = [&["get"][..], &name, &["-o", "json"]].concat();
    let good: Value = serde_json::from_str(&place.cluster.kubectl(&get, "")).unwrap();
    let entry = json!([{"kind": "--all", "namespace": "", "name": "x", "uid": ""}]);
    let odd = json!({"created": entry, "changed": []}).to_string();
    for data in [
        json!({"record": "{}"}),
        json!({"record": ""}),
        json!({"record": "garbage"}),
        json!({}),
        json!({"record": odd}),
    ] {
        let mut bad = good.clone();
        bad["data"] = data.clone();
        bad["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        place.cluster.kubectl(&["replace", "-f", "-"], &bad.to_string());
        let kept = place.objects();
        for run in [place.run(&["uninstall", "--yes"]), place.install(&[])] {
            assert_eq!(run.status, 2, "{data}: {}", run.stderr);
            let told = "configmap/meshobs-record in kube-system";
            assert!(run.stderr.contains(told), "{data}: {}", run.stderr);
            assert!(
                run.stderr.contains("kubectl delete configmap meshobs-record -n kube-system"),
                "{}",
                run.stderr
            );
        }
        same(&kept, &place.objects());
    }
    place.cluster.kubectl(&[&["delete"][..], &name].concat(), "");
    let mut without = installed;
    without.remove("ConfigMap kube-system/meshobs-record");
    same(&without, &place.objects());

    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    assert!(
        undone.stderr.contains("no record") && undone.stderr.contains("meshobs/installed"),
        "{}",
        undone.stderr
    );
    // What others had made before cannot be told from what they took part in, so it stays.
    for (kind, object) in
        [("deployment", "deployment/productpage-v1 in prod"), ("service", "service/ratings in prod")]
    {
        assert!(undone.stderr.contains(&format!("keep {object}: ")), "{kind}: {}", undone.stderr);
    }
    assert!(undone.stderr.contains("keep namespace/prod: "), "{}", undone.stderr);
    let after = place.objects();
    let new: Vec<_> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    assert_eq!(new, ["Deployment prod/productpage-v1", "Service prod/ratings"], "{}", undone.stderr);
}

#[test]
fn a_lost_record_is_rebuilt_before_more_is_installed() {
    let Some(place) = Place::new() else { return };
    let before = place.objects();
    assert_eq!(place.install(&["--gateways"]).status, 0);
    place.cluster.kubectl(&["delete", "configmap", "meshobs-record", "-n", "kube-system"], "");
    let again = place.run(&["install", "--yes", "-n", "two", "app.yaml"]);
    assert_eq!(again.status, 0, "{}{}", again.text(), again.stderr);
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    same(&before, &place.objects());
}

#[test]
fn an_application_goes_alone_and_an_older_record_is_read() {
    let Some(place) = Place::new() else { return };
    let before = place.objects();
    assert_eq!(place.install(&[]).status, 0);
    let one = place.objects();
    // One of them has a namespace of its own, the other one shares it.
    place.write("second.yaml", &crate::support::place::APPLICATION.replace("productpage-v1", "second-v1"));
    let cart = crate::support::place::APPLICATION
        .replace("productpage-v1", "cart-v1")
        .replace("name: ratings", "name: cart");
    place.write("cart.yaml", &cart);
    assert_eq!(place.run(&["install", "--yes", "--app", "cart", "cart.yaml"]).status, 0);
    let shared = place.objects();
    assert_eq!(place.run(&["install", "--yes", "-n", "two", "second.yaml"]).status, 0);
    let status = place.run(&["status"]);
    let lines: Vec<String> = status.text().lines().map(str::to_owned).collect();
    let mesh = "mesh: 9 created, 9 of them there, 0 changed; in datakit, istio-system";
    assert_eq!(
        lines,
        [
            mesh,
            "app cart: 2 created, 2 of them there, 0 changed; in prod",
            "app prod: 3 created, 3 of them there, 0 changed; in prod",
            "app two: 3 created, 3 of them there, 0 changed; in two"
        ],
        "{}",
        status.stderr
    );
    let without_record = |mut objects: crate::support::cluster::Objects| {
        objects.remove("ConfigMap kube-system/meshobs-record");
        objects
    };
    let undo = |app: &str| {
        let done = place.run(&["uninstall", "--yes", "--app", app]);
        assert_eq!(done.status, 0, "{}", done.stderr);
        done.stderr
    };
    undo("two");
    same(&without_record(shared), &without_record(place.objects()));
    for shown in crate::support::place::shown("meshobs status") {
        crate::support::place::follow(&shown, place.run(&["status"]).text()).unwrap();
    }
    let done = undo("prod");
    assert!(done.contains("keep namespace prod: others' objects are in it ("), "{done}");
    let left = place.objects();
    assert!(
        left.contains_key("Deployment prod/cart-v1") && !left.contains_key("Deployment prod/productpage-v1")
    );
    let unknown = place.run(&["uninstall", "--yes", "--app", "two"]);
    assert!(unknown.status == 2 && unknown.stderr.contains("recorded: cart, prod"), "{}", unknown.stderr);
    // It comes back, and the other one goes.
    assert_eq!(place.install(&[]).status, 0);
    undo("cart");
    let names = |objects: &crate::support::cluster::Objects| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&place.objects()));

    edit_record(&place, |record| {
        let of = |record: &Value, key: &str| {
            let apps = record["apps"].as_object().unwrap().values();
            let all = std::iter::once(&record["mesh"]).chain(apps);
            Value::from(all.flat_map(|deeds| deeds[key].as_array().unwrap().clone()).collect::<Vec<_>>())
        };
        *record = json!({"created": of(record, "created"), "changed": of(record, "changed")});
    });
    let status = place.run(&["status"]);
    assert!(
        status.text().contains(mesh) && status.text().contains("app prod: 3 created"),
        "{}",
        status.text()
    );
    assert_eq!(place.run(&["uninstall", "--yes"]).status, 0);
    same(&before, &place.objects());
}
