//! `check` against a real API server: a mesh that is right has no finding; each of a table of single faults has its own, and
//! no other.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use crate::support::Meshobs;
use crate::support::cluster::Cluster;

const TOKEN: &str = "tkn_0123456789abcdef0123456789abcdef";

/// An application of two workloads with sidecars of their own: this cluster injects none.
fn application() -> String {
    let workload = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  selector:\n    app: {name}\n  ports:\n  - port: 9080\n    \
             name: http\n    protocol: TCP\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}-v1\n  labels:\n    \
             app: {name}\nspec:\n  selector:\n    matchLabels:\n      app: {name}\n  template:\n    metadata:\n      labels:\n        \
             app: {name}\n        version: v1\n    spec:\n      containers:\n      - name: {name}\n        image: {name}:1\n      - name: \
             istio-proxy\n        image: istio/proxyv2:1.11.2\n---\n"
        )
    };
    format!("{}{}", workload("ratings"), workload("details"))
}

/// The ids of what is found.
fn found(cluster: &Cluster, args: &[&str]) -> BTreeSet<String> {
    let args: Vec<&str> = ["check", "--format", "json"].iter().chain(args).copied().collect();
    let done = cluster.meshobs(&args).run();
    let value: serde_json::Value =
        serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", done.stderr));
    assert_eq!(value["ok"] == true, done.status == 0, "{value}");
    let ids = value["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["id"].as_str().unwrap().to_owned());
    ids.collect()
}

fn printed(args: &[&str], input: &str) -> String {
    Meshobs::new(args).cwd(std::env::temp_dir()).stdin(input).run().expect(0).text().to_owned()
}

/// Does something to the cluster and undoes it.
struct Fault {
    id: &'static str,
    /// Commands of kubectl, with what they read.
    break_it: Vec<(Vec<String>, String)>,
    mend_it: Vec<(Vec<String>, String)>,
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// A patch of an object, and the one that takes it back.
fn patched(id: &'static str, what: &str, kind: &str, there: &str, back: &str) -> Fault {
    let patch = |text: &str| {
        let mut args = words(&format!("patch {what} --type {kind} -p"));
        args.push(text.to_owned());
        vec![(args, String::new())]
    };
    Fault { id, break_it: patch(there), mend_it: patch(back) }
}

/// An object that is taken away, and put back.
fn deleted(id: &'static str, what: &str, text: &str) -> Fault {
    Fault {
        id,
        break_it: vec![(words(&format!("delete {what}")), String::new())],
        mend_it: vec![(words("apply -f -"), text.to_owned())],
    }
}

fn env(name: &str, value: &str) -> String {
    format!(
        "{{\"spec\":{{\"template\":{{\"spec\":{{\"containers\":[{{\"name\":\"datakit\",\"env\":[{{\"name\":\"{name}\",\
         \"value\":\"{value}\"}}]}}]}}}}}}}}"
    )
}

fn annotation(value: &str) -> String {
    let value = serde_json::Value::from(value);
    format!(
        "{{\"spec\":{{\"template\":{{\"metadata\":{{\"annotations\":{{\"datakit/prom.instances\":{value}}}}}}}}}}}"
    )
}

/// A patch of the scrape annotation on a workload itself, and on its pod template.
fn beside(own: serde_json::Value, of_pods: serde_json::Value) -> String {
    let annotations = |value| serde_json::json!({"annotations": {"datakit/prom.instances": value}});
    serde_json::json!({
        "metadata": annotations(own),
        "spec": {"template": {"metadata": annotations(of_pods)}},
    })
    .to_string()
}

#[test]
fn each_fault_has_its_own_finding_and_no_other() {
    let Some(cluster) = Cluster::start() else { return };
    let datakit = printed(&["init", "datakit", "--token", TOKEN, "--rum"], "");
    let tracing = printed(&["init", "tracing", "--istio-version", "1.11.2"], "");
    let app = printed(&["patch", "-q", "--skip", "rum"], &application());
    let drill = printed(&["init", "drill", "delay"], "");
    cluster.apply(&datakit);
    cluster.apply(&tracing);
    cluster.apply(&printed(&["init", "namespace", "prod"], ""));
    cluster.apply(&app);
    cluster.apply(&drill);
    let done = cluster.meshobs(&["check", "--wait", "90s"]).run();
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    assert!(done.text().contains("✔ what Istio sends ends at DataKit"), "{}", done.text());
    assert!(found(&cluster, &[]).is_empty());

    let documents: Vec<&str> = tracing.split("---\n").collect();
    let map = cluster.kubectl(&["get", "configmap", "istio", "-n", "istio-system", "-o", "json"], "");
    let mesh: serde_json::Value = serde_json::from_str(&map).unwrap();
    let mesh = mesh["data"]["mesh"].as_str().unwrap().to_owned();
    let data = |key: &str, text: &str| serde_json::json!({"data": {key: text}}).to_string();
    let conf = cluster.kubectl(&["get", "configmap", "datakit-conf", "-n", "datakit", "-o", "json"], "");
    let conf: serde_json::Value = serde_json::from_str(&conf).unwrap();
    let zipkin = conf["data"]["zipkin.conf"].as_str().unwrap().to_owned();
    let prom = conf["data"]["prom_istiod.conf"].as_str().unwrap().to_owned();
    let good =
        "dk,cpu,disk,diskio,mem,swap,system,hostobject,net,host_processes,container,kubernetesprometheus,rum";
    let inputs = "ENV_DEFAULT_ENABLED_INPUTS";
    let daemon = "daemonset/datakit -n datakit";
    let dataway = format!("https://openway.guance.com?token={TOKEN}");
    let ratings = "deployment/ratings-v1 -n prod";
    let scrape = |text: &str| annotation(text);
    let toml = "[[inputs.prom]]\n  url = \"http://$IP:15020/stats/prometheus\"\n  measurement_name = \"istio_prom\"\n";
    let faults = vec![
        patched(
            "datakit-token",
            daemon,
            "strategic",
            &env("ENV_DATAWAY", "https://openway.guance.com?token=<your-token>"),
            &env("ENV_DATAWAY", &dataway),
        ),
        patched(
            "datakit-token",
            daemon,
            "strategic",
            &env("ENV_DATAWAY", "openway.guance.com"),
            &env("ENV_DATAWAY", &dataway),
        ),
        patched(
            "datakit-listen",
            daemon,
            "strategic",
            &env("ENV_HTTP_LISTEN", "localhost:9529"),
            &env("ENV_HTTP_LISTEN", "0.0.0.0:9529"),
        ),
        patched(
            "datakit-version",
            daemon,
            "strategic",
            "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"datakit\",\"image\":\"pubrepo.guance.com/datakit/datakit:1.63.0\"}]}}}}",
            "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"datakit\",\"image\":\"pubrepo.guance.com/datakit/datakit:1.84.0\"}]}}}}",
        ),
        patched(
            "datakit-conf",
            "configmap/datakit-conf -n datakit",
            "merge",
            &data("zipkin.conf", "[[inputs.zipkin]"),
            &data("zipkin.conf", &zipkin),
        ),
        patched(
            "datakit-mount",
            "configmap/datakit-conf -n datakit",
            "merge",
            "{\"data\":{\"prom_istiod.conf\":null}}",
            &data("prom_istiod.conf", &prom),
        ),
        patched(
            "datakit-unmounted",
            "configmap/datakit-conf -n datakit",
            "merge",
            &data("mysql.conf", "[[inputs.mysql]]"),
            "{\"data\":{\"mysql.conf\":null}}",
        ),
        patched(
            "datakit-zipkin",
            "configmap/datakit-conf -n datakit",
            "merge",
            &data("zipkin.conf", "[[inputs.other]]"),
            &data("zipkin.conf", &zipkin),
        ),
        patched(
            "datakit-zipkin",
            daemon,
            "strategic",
            &env(inputs, &format!("{good},-zipkin")),
            &env(inputs, good),
        ),
        patched(
            "datakit-istiod",
            "configmap/datakit-conf -n datakit",
            "merge",
            &data("prom_istiod.conf", "[[inputs.other]]"),
            &data("prom_istiod.conf", &prom),
        ),
        patched(
            "logs-input",
            daemon,
            "strategic",
            &env(inputs, &good.replace("container,", "")),
            &env(inputs, good),
        ),
        deleted("datakit-mount", "configmap/datakit-conf -n datakit", &datakit),
        deleted("tracing-path", "service/datakit-service-ext -n datakit", documents[0]),
        deleted("tracing-path", "service/zipkin -n istio-system", documents[1]),
        patched(
            "tracing-path",
            "service/datakit-service-ext -n datakit",
            "json",
            "[{\"op\":\"replace\",\"path\":\"/spec/ports/0/targetPort\",\"value\":9530}]",
            "[{\"op\":\"replace\",\"path\":\"/spec/ports/0/targetPort\",\"value\":9529}]",
        ),
        patched(
            "tracing-path",
            "service/datakit-service-ext -n datakit",
            "merge",
            "{\"spec\":{\"selector\":{\"app\":\"other\"}}}",
            "{\"spec\":{\"selector\":{\"app\":\"daemonset-datakit\"}}}",
        ),
        patched(
            "tracing-address",
            "configmap/istio -n istio-system",
            "merge",
            &data("mesh", &mesh.replace("zipkin:", "lightstep:")),
            &data("mesh", &mesh),
        ),
        patched(
            "annotation",
            ratings,
            "strategic",
            "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"datakit/prom.instances\":null}}}}}",
            &scrape(toml),
        ),
        patched("annotation-toml", ratings, "strategic", &scrape("[[inputs.prom]"), &scrape(toml)),
        patched(
            "annotation-toml",
            ratings,
            "strategic",
            &scrape("[inputs.prom]\nurl = \"x\"\n"),
            &scrape(toml),
        ),
        patched(
            "annotation-place",
            ratings,
            "merge",
            &beside(serde_json::json!("x"), serde_json::Value::Null),
            &beside(serde_json::Value::Null, serde_json::json!(toml)),
        ),
        patched(
            "logs-json",
            ratings,
            "strategic",
            "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"datakit/logs\":\"{\"}}}}}",
            "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"datakit/logs\":null}}}}}",
        ),
        deleted(
            "subset",
            "destinationrule/ratings-meshobs-drill -n prod",
            drill.split("---\n").nth(1).unwrap(),
        ),
    ];
    assert!(faults.len() >= 20);
    let mut failures = String::new();
    for (i, fault) in faults.iter().enumerate() {
        let run = |steps: &[(Vec<String>, String)]| {
            for (args, input) in steps {
                cluster.kubectl(&args.iter().map(String::as_str).collect::<Vec<_>>(), input);
            }
        };
        run(&fault.break_it);
        let only = BTreeSet::from([fault.id.to_owned()]);
        // Pods that are being replaced are not ready for a moment.
        let settled = |wanted: &BTreeSet<String>| {
            let mut last = BTreeSet::new();
            for _ in 0..60 {
                last = found(&cluster, &[]);
                if last == *wanted {
                    return Ok(());
                }
                std::thread::sleep(Duration::from_millis(500));
            }
            Err(last)
        };
        if let Err(last) = settled(&only) {
            failures.push_str(&format!("fault {i}, {}: {last:?}\n", fault.id));
        }
        run(&fault.mend_it);
        if let Err(last) = settled(&BTreeSet::new()) {
            failures.push_str(&format!("fault {i}, {}, mended: {last:?}\n", fault.id));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn pods_that_fail_and_a_cluster_that_is_gone_are_told() {
    let Some(cluster) = Cluster::start() else { return };
    let Some(fail) = cluster.failing() else { return };
    fs::write(fail, "ratings-*\n").unwrap();
    cluster.apply(&printed(&["init", "namespace", "prod"], ""));
    cluster.apply(&printed(&["patch", "-q", "--skip", "rum"], &application()));
    let mut text = String::new();
    for _ in 0..60 {
        text = cluster.meshobs(&["check"]).run().expect(1).text().to_owned();
        if text.contains("ImagePullBackOff") {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(text.contains("deployment/ratings-v1 in prod: 0 of 1 pods are ready (ratings-v1-"), "{text}");
    assert!(text.contains("ImagePullBackOff"), "{text}");
    assert!(text.contains("✖ DataKit is there"), "{text}");

    let done = cluster.meshobs(&["check"]).env("KUBECONFIG", "/nowhere").run().expect(2);
    assert!(done.stdout.is_empty() && done.stderr.contains("kubectl: "), "{}", done.stderr);
    let done = cluster.meshobs(&["check"]).env("PATH", "/nowhere").run().expect(2);
    assert!(done.stderr.contains("kubectl cannot be run"), "{}", done.stderr);
}
