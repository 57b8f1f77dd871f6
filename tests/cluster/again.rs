//! A second `install` into a cluster that has a first one, against a real API server: what is not asked for keeps the value
//! that the cluster has, and what is named changes.

use crate::support::Done;
use crate::support::cluster::{Cluster, Objects};
use crate::support::place::{APPLICATION, Place, TOKEN};
use serde_json::Value;

/// What a first installation asks for besides its application.
const ALL: &[&str] = &[
    "--gateways",
    "--cluster-name",
    "shop-eu",
    "--global-tags",
    "team=shop",
    "--enable-inputs",
    "statsd",
    "--app-id",
    "shop",
    "--datakit-origin",
    "http://10.0.0.1:9529",
    "--html",
    "page.html",
];

fn with_second(place: Place) -> Place {
    place.write("second.yaml", &APPLICATION.replace("productpage-v1", "second-v1"));
    place
}

fn second(place: &Place, more: &[&str]) -> Done {
    let run = [&["install", "--yes", "--token-file", "token", "-n", "two", "second.yaml"][..], more].concat();
    let done = place.run(&run);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    done
}

fn first(place: &Place, more: &[&str]) -> Done {
    let done = place.install(more);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    done
}

/// Every object is as it was; others may have come.
fn kept(before: &Objects, after: &Objects) {
    for (name, object) in before.iter().filter(|(name, _)| !name.ends_with("/meshobs-record")) {
        assert_eq!(after.get(name), Some(object), "{name}");
    }
}

/// Objects without what the server picks anew each time they are created: addresses, and names of tokens before 1.24.
fn without_choices(objects: &Objects) -> Objects {
    let mut objects = objects.clone();
    for service in objects.iter_mut().filter(|(name, _)| name.starts_with("Service ")) {
        for key in ["clusterIP", "clusterIPs"] {
            service.1["spec"].as_object_mut().unwrap().remove(key);
        }
    }
    for account in objects.iter_mut().filter(|(name, _)| name.starts_with("ServiceAccount ")) {
        account.1.as_object_mut().unwrap().remove("secrets");
    }
    objects
}

fn env(objects: &Objects, name: &str) -> String {
    let daemon = &objects["DaemonSet datakit/datakit"]["spec"]["template"]["spec"]["containers"][0];
    let variables = daemon["env"].as_array().unwrap();
    let found = variables.iter().find(|variable| variable["name"] == name);
    found.and_then(|variable| variable["value"].as_str()).unwrap_or_default().to_owned()
}

fn a_second_application_leaves_the_first_as_it_is(place: &Place) {
    let empty = place.objects();
    first(place, ALL);
    let one = place.objects();
    second(place, &[]);
    let both = place.objects();
    kept(&one, &both);
    assert!(both.contains_key("Deployment two/second-v1"), "{:?}", both.keys());
    assert_eq!(place.run(&["uninstall", "--yes"]).status, 0);
    crate::support::place::same(&empty, &place.objects());

    // The other way around it comes to the same.
    second(place, &[]);
    first(place, ALL);
    let other = place.objects();
    let names = |objects: &Objects| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&both), names(&other));
    kept(&without_choices(&both), &without_choices(&other));
}

#[test]
fn a_second_application_leaves_the_first_as_it_is_on_kubernetes_1_20() {
    let Some(place) = Place::new() else { return };
    a_second_application_leaves_the_first_as_it_is(&with_second(place));
}

#[test]
fn a_second_application_leaves_the_first_as_it_is_on_kubernetes_1_36() {
    let Some(cluster) = Cluster::newer() else { return };
    let place = with_second(Place::at(cluster));
    // As newer Kubernetes wants it, and as people write it.
    a_second_application_leaves_the_first_as_it_is(&place);
}

#[test]
fn what_is_named_changes_and_nothing_else() {
    let Some(place) = Place::new() else { return };
    let place = with_second(place);
    first(&place, ALL);
    // People change what they have.
    let set = [
        "set",
        "image",
        "daemonset/datakit",
        "datakit=pubrepo.guance.com/datakit/datakit:1.80.0",
        "-n",
        "datakit",
    ];
    place.cluster.kubectl(&set, "");
    let patch = r#"{"spec":{"template":{"spec":{"containers":[{"name":"datakit","resources":{"limits":{"memory":"2Gi"}}}]}}}}"#;
    place.cluster.kubectl(&["patch", "daemonset/datakit", "-n", "datakit", "-p", patch], "");
    let before = place.objects();
    // Without a token, too, what is named is done.
    let run = [
        "install",
        "--yes",
        "-n",
        "two",
        "--cluster-name",
        "shop-us",
        "--global-tags",
        "team=us,tier=1",
        "second.yaml",
    ];
    let done = place.run(&run);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    let after = place.objects();
    for (name, value) in [
        ("ENV_CLUSTER_NAME_K8S", "shop-us"),
        ("ENV_NAMESPACE", "shop-us"),
        ("ENV_GLOBAL_ELECTION_TAGS", "cluster_name_k8s=shop-us"),
        ("ENV_GLOBAL_HOST_TAGS", "host=__datakit_hostname,host_ip=__datakit_ip,team=us,tier=1"),
    ] {
        assert_eq!(env(&after, name), value, "{name}");
    }
    let mut wanted = before.clone();
    let names = ["ENV_CLUSTER_NAME_K8S", "ENV_NAMESPACE", "ENV_GLOBAL_ELECTION_TAGS", "ENV_GLOBAL_HOST_TAGS"];
    let daemon = wanted.get_mut("DaemonSet datakit/datakit").unwrap();
    for variable in daemon["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap() {
        let name = variable["name"].as_str().unwrap().to_owned();
        if names.contains(&name.as_str()) {
            variable["value"] = env(&after, &name).into();
        }
    }
    kept(&wanted, &after);
    // Another token, too.
    place.write("token", &TOKEN.replace('0', "9"));
    let done = second(&place, &[]);
    assert!(done.stderr.contains("(to be changed)"), "{}", done.stderr);
    assert!(env(&place.objects(), "ENV_DATAWAY").ends_with(&TOKEN.replace('0', "9")));
}

#[test]
fn settings_of_a_file_outlive_the_file() {
    let Some(place) = Place::new() else { return };
    let place = with_second(place);
    // A Zipkin of others' keeps its name, so Istio is told another address.
    place.cluster.apply("apiVersion: v1\nkind: Service\nmetadata:\n  name: zipkin\n  namespace: istio-system\nspec:\n  ports:\n  - port: 9411\n    protocol: TCP\n");
    place.write(
        "meshobs.toml",
        "[metrics]\nprofile = 'lean'\n[datakit]\ntoken_secret = 'dataway'\nimage = 'pubrepo.guance.com/datakit/datakit:1.80.0'\n[datakit.env]\nENV_X = 'y'\n[tracing]\naddress = 'collector.example:9411'\n",
    );
    first(&place, ALL);
    std::fs::remove_file(place.folder.path().join("meshobs.toml")).unwrap();
    let one = place.objects();
    let mesh = one["ConfigMap istio-system/istio"]["data"]["mesh"].as_str().unwrap();
    assert!(mesh.contains("collector.example:9411"), "{mesh}");
    let again = second(&place, &[]);
    assert!(again.stderr.contains("note: Secret dataway in datakit"), "{}", again.stderr);
    kept(&one, &place.objects());
    // The same application again: its page and its annotation stay, too.
    first(&place, &[]);
    kept(&one, &place.objects());
}

#[test]
fn a_namespace_keeps_its_revision_and_collectors_their_way() {
    let Some(place) = Place::new() else { return };
    let place = with_second(place);
    place.cluster.apply(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: two\n  labels:\n    istio.io/rev: canary\n    team: a\n",
    );
    first(&place, &["--collector", "kubernetesprometheus"]);
    let one = place.objects();
    let done = second(&place, &[]);
    let after = place.objects();
    kept(&one, &after);
    assert!(!done.stderr.contains("istio-injection"), "{}", done.stderr);
    // The pods of the second namespace are scraped: by their annotation, since the collector knows only the first.
    let annotated = |name: &str| {
        let template = &after[name]["spec"]["template"]["metadata"];
        template.get("annotations").is_some_and(|all: &Value| all.get("datakit/prom.instances").is_some())
    };
    assert!(annotated("Deployment two/second-v1") && !annotated("Deployment prod/productpage-v1"));
    // The first namespace's again: once is enough.
    first(&place, &[]);
    kept(&one, &place.objects());
    // The gateways are added in files of their own.
    first(&place, &["--gateways"]);
    let after = place.objects();
    let data = |objects: &Objects| objects["ConfigMap datakit/datakit-conf"]["data"].clone();
    let (old, new) = (data(&one), data(&after));
    let key = "kubernetesprometheus.conf";
    assert!(old[key].is_string() && old[key] == new[key] && new["prom-ingressgateway.conf"].is_string());
    assert!(new["prom_istiod.conf"].is_null(), "istiod is scraped twice: {new}");
}

#[test]
fn what_is_missing_comes_back_and_the_rest_stays() {
    let Some(place) = Place::new() else { return };
    let place = with_second(place);
    first(&place, ALL);
    let one = place.objects();
    place
        .cluster
        .kubectl(&["delete", "clusterrolebinding/datakit", "service/datakit-service", "-n", "datakit"], "");
    second(&place, &[]);
    kept(&without_choices(&one), &without_choices(&place.objects()));
    // The DaemonSet alone: its files stay.
    place.cluster.kubectl(&["delete", "daemonset/datakit", "-n", "datakit"], "");
    second(&place, &["--cluster-name", "shop-eu"]);
    let after = place.objects();
    assert_eq!(after["ConfigMap datakit/datakit-conf"], one["ConfigMap datakit/datakit-conf"]);
    assert!(after.contains_key("DaemonSet datakit/datakit"));
}

#[test]
fn the_share_of_traced_requests_stays() {
    let Some(cluster) = Cluster::newer() else { return };
    let place = with_second(Place::at(cluster));
    place.write("meshobs.toml", "[tracing]\nsampling = 5.0\n");
    first(&place, &[]);
    std::fs::remove_file(place.folder.path().join("meshobs.toml")).unwrap();
    let one = place.objects();
    let share = |objects: &Objects| {
        let found = objects.iter().find(|(name, _)| name.starts_with("Telemetry istio-system/")).unwrap();
        found.1["spec"]["tracing"][0]["randomSamplingPercentage"].as_f64()
    };
    assert_eq!(share(&one), Some(5.0));
    second(&place, &[]);
    kept(&one, &place.objects());
    place.write("meshobs.toml", "[tracing]\nsampling = 7.0\n");
    second(&place, &[]);
    assert_eq!(share(&place.objects()), Some(7.0));
}
