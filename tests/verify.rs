//! `meshobs verify` on stand-ins that speak DataKit's wire formats, on loopback: what is broken is named, with the rest proven.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use support::datakit_live::{self, Plan};
use support::http::{Server, free_port};
use support::{Done, Meshobs};

const LOCAL: &str = "testdata/verify/datakit.toml";
const CLUSTER: &str = "testdata/verify/cluster.toml";

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
struct Table {
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    datakit: Plan,
    /// Whether it uploads at all.
    #[serde(default = "yes")]
    upload: bool,
    /// How many DataKits there are, all alike; in a cluster only.
    #[serde(default = "one")]
    datakits: u16,
    /// What the sidecar serves instead of metrics.
    sidecar: Option<String>,
    /// What kubectl says where the sidecar is asked.
    sidecar_error: Option<String>,
    /// What kubectl says of port-forwards to the last DataKit.
    forward_error: Option<String>,
    #[serde(default)]
    gateway: Gateway,
    /// Whether meshobs waits to the end for what does not come.
    #[serde(default)]
    waits: bool,
    #[serde(default)]
    args: Vec<String>,
    /// The exit code; 1 where a link is broken.
    code: Option<i32>,
    /// All links of the report that are proven, where they are told.
    proven: Option<Vec<String>>,
    #[serde(default)]
    broken: Vec<String>,
    #[serde(default)]
    unknown: Vec<String>,
    #[serde(default)]
    says: Vec<String>,
}

/// The ingress gateway, in a cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Gateway {
    /// Whether its spans arrive at the first DataKit.
    reports: bool,
    status: u16,
    page: String,
    /// Whether a page with the SDK is in a ConfigMap, so that it is meant to be served.
    has_page: bool,
    /// What its proxy's administration says of its tracer, before and after the request.
    stats: Option<[String; 2]>,
    /// The same of its clusters.
    clusters: Vec<String>,
    /// What kubectl says of a port-forward to its Service.
    error: Option<String>,
    /// Whether a rule leads from it to an application.
    has_rule: bool,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            reports: true,
            status: 200,
            page: "<html></html>".to_owned(),
            has_page: false,
            stats: None,
            clusters: Vec::new(),
            error: None,
            has_rule: true,
        }
    }
}

fn one() -> u16 {
    1
}

fn verify(args: &[&str]) -> Done {
    Meshobs::new(["verify"].iter().chain(args)).cwd(std::env::temp_dir()).run()
}

/// The links of a report by verdict, each in order.
fn links(report: &Value) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for link in report["links"].as_array().unwrap() {
        let of = found.entry(link["verdict"].as_str().unwrap().to_owned()).or_default();
        of.push(link["id"].as_str().unwrap().to_owned());
    }
    found.values_mut().for_each(|ids| {
        ids.sort();
        ids.dedup();
    });
    found
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids
}

/// What is wrong with a case; nothing where all is as the table says.
fn play(case: &Case, is_local: bool) -> Vec<String> {
    let mut plan = case.datakit.clone();
    if !case.upload {
        plan.upload = None;
    }
    let servers: Vec<_> = (0..case.datakits).map(|_| datakit_live::start(plan.clone())).collect();
    let mut args: Vec<&str> = vec!["verify", "--format", "json"];
    let origin = servers.first().map(|server| server.origin()).unwrap_or_default();
    let here = tempfile::tempdir().unwrap();
    let mut path = std::env::var("PATH").unwrap();
    if is_local {
        args.extend(["--local", &origin]);
    } else {
        let ports: Vec<u16> = servers.iter().map(|server| server.port).collect();
        let (gateway, admin) = gateway(&case.gateway, &ports);
        let folder = cluster(here.path(), case, &ports, [gateway.port, admin.port]);
        path = format!("{}:{path}", folder.display());
    }
    if case.waits {
        args.extend(["--wait", "1s"]);
    }
    args.extend(case.args.iter().map(String::as_str));
    let done = Meshobs::new(args).cwd(here.path()).env("PATH", &path).run();
    let Ok(report) = serde_json::from_slice::<Value>(&done.stdout) else {
        return vec![format!("no report: {}", done.stderr)];
    };
    judge(case, &report, done.status)
}

fn judge(case: &Case, report: &Value, status: i32) -> Vec<String> {
    let found = links(report);
    let of = |verdict: &str| found.get(verdict).cloned().unwrap_or_default();
    let mut wrong = Vec::new();
    let mut compare = |what: &str, want: Vec<String>, got: Vec<String>| {
        if want != got {
            wrong.push(format!("{what}: {got:?}, not {want:?}"));
        }
    };
    compare("broken", sorted(&case.broken), of("failed"));
    compare("unknown", sorted(&case.unknown), of("unknown"));
    if let Some(proven) = &case.proven {
        compare("proven", sorted(proven), of("fine"));
    }
    let text = report.to_string();
    let code = case.code.unwrap_or(i32::from(!case.broken.is_empty()));
    if status != code {
        wrong.push(format!("exit code {status}, not {code}"));
    }
    wrong.extend(
        case.says.iter().filter(|part| !text.contains(*part)).map(|part| format!("does not say {part:?}")),
    );
    if text.contains("0123456789abcdef0123") {
        wrong.push("it prints the token".to_owned());
    }
    if !wrong.is_empty() {
        wrong.push(text);
    }
    wrong
}

fn play_all(name: &str, is_local: bool, least: usize) {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let table: Table = toml::from_str(&text).unwrap();
    assert!(table.case.len() >= least);
    // They only wait, most of the time.
    let wrong: Vec<(String, Vec<String>)> = std::thread::scope(|scope| {
        let start = |case| scope.spawn(move || play(case, is_local));
        let runs: Vec<_> = table.case.iter().map(|case| (case.name.clone(), start(case))).collect();
        let ended = runs.into_iter().map(|(name, run)| (name, run.join().unwrap()));
        ended.filter(|(_, wrong)| !wrong.is_empty()).collect()
    });
    let shown: Vec<_> =
        wrong.iter().map(|(name, wrong)| format!("{name}:\n  {}", wrong.join("\n  "))).collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

#[test]
fn what_is_broken_in_a_datakit_is_named() {
    play_all(LOCAL, true, 34);
}

#[test]
fn what_is_broken_in_a_cluster_is_named() {
    play_all(CLUSTER, false, 10);
}

/// What the sidecar of the only workload serves.
const METRICS: &str = "# TYPE istio_requests_total counter\nistio_requests_total{a=\"1\"} 5\nistio_requests_total{a=\"2\"} 5\n\
    # TYPE envoy_x gauge\nenvoy_x 1\n";

/// A page with the SDK in it.
const PAGE: &str = "<html><head><script src=\"https://static.guance.com/browser-sdk/v3/dataflux-rum.js\"></script>\
    <script>window.DATAFLUX_RUM && window.DATAFLUX_RUM.init({applicationId: 'shop', datakitOrigin: 'http://203.0.113.7:9529'})</script>\
    </head></html>";

/// Sends a span of a proxy to a DataKit, and waits for the answer.
fn report(port: u16, trace: &str) {
    let body = json!([{"traceId": trace, "id": "0123456789abcdef", "localEndpoint": {"serviceName": "productpage.prod"}}]).to_string();
    let head = format!(
        "POST /api/v2/spans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).unwrap();
    assert!(stream.read(&mut [0; 64]).unwrap() > 0);
}

/// Starts the gateway and the administration of its proxy, of a cluster with these DataKits.
fn gateway(plan: &Gateway, ports: &[u16]) -> (Server, Server) {
    let (served, first) = (plan.clone(), ports.first().copied());
    let gateway = Server::start(move |request| {
        assert_eq!(
            (request.path.as_str(), request.header("host")),
            ("/productpage", Some("shop.example.com"))
        );
        let trace = request.header("x-b3-traceid").unwrap();
        assert_eq!((trace.len(), request.header("x-b3-sampled")), (32, Some("1")));
        first.filter(|_| served.reports).into_iter().for_each(|port| report(port, trace));
        (served.status, "text/html", served.page.clone())
    });
    let (plan, asked) = (plan.clone(), Arc::clone(&gateway.asked));
    let admin = Server::start(move |request| {
        let has_sent = usize::from(!asked.lock().unwrap().is_empty());
        match request.path.as_str() {
            "/clusters" => (200, "text/plain", plan.clusters.get(has_sent).cloned().unwrap_or_default()),
            path if path.starts_with("/stats?filter=") => {
                (200, "text/plain", plan.stats.as_ref().map_or("", |stats| &stats[has_sent]).to_owned())
            }
            _ => (404, "text/plain", String::new()),
        }
    });
    (gateway, admin)
}

/// A kubectl in front of a cluster that is files, and the folder that it is in: it lists objects, answers for the sidecar's port,
/// and forwards ports of DataKits to those of the test.
fn cluster(here: &Path, case: &Case, ports: &[u16], [gateway, admin]: [u16; 2]) -> PathBuf {
    let annotation = "[[inputs.prom]]\n  url = \"http://$IP:15020/stats/prometheus\"\n  source = \"mesh\"\n  interval = \"1s\"\n  \
                      metric_types = [\"counter\"]\n  measurement_name = \"istio_prom\"\n";
    let pod = |namespace: &str, name: &str, kind: &str, owner: &str, containers: Value| {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": owner},
                "annotations": {"datakit/prom.instances": annotation},
                "ownerReferences": [{"kind": kind, "name": owner, "controller": true}]},
            "spec": {"containers": containers}, "status": {"phase": "Running", "podIP": "10.0.0.1"}})
    };
    let workload = |kind: &str, namespace: &str, name: &str, containers: Value| {
        json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": {
                "metadata": {"labels": {"app": name}, "annotations": {"datakit/prom.instances": annotation}},
                "spec": {"containers": containers}}}})
    };
    let app = json!([{"name": "reviews", "image": "reviews:1"}, {"name": "istio-proxy", "image": "istio/proxyv2:1.20.0"}]);
    let datakit = json!([{"name": "datakit", "image": "pubrepo.guance.com/datakit/datakit:1.84.1",
        "env": [{"name": "ENV_HTTP_LISTEN", "value": "0.0.0.0:9529"}]}]);
    let mut items = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod", "labels": {"istio-injection": "enabled"}}}),
        workload("Deployment", "prod", "reviews", app.clone()),
        pod("prod", "reviews-0", "Deployment", "reviews", app),
    ];
    let proxy = json!([{"name": "istio-proxy", "image": "istio/proxyv2:1.20.0"}]);
    items.push(workload("Deployment", "istio-system", "istio-ingressgateway", proxy.clone()));
    items.push(pod("istio-system", "istio-ingressgateway-0", "Deployment", "istio-ingressgateway", proxy));
    let object = |api: &str, kind: &str, namespace: &str, name: &str, spec: Value| json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec});
    items.push(object("v1", "Service", "istio-system", "istio-ingressgateway", json!({
        "selector": {"app": "istio-ingressgateway"}, "ports": [{"name": "http2", "port": 80, "targetPort": 8080}]})));
    let networking = "networking.istio.io/v1beta1";
    items.push(object(
        networking,
        "Gateway",
        "prod",
        "shop",
        json!({
        "selector": {"app": "istio-ingressgateway"},
        "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]}),
    ));
    if case.gateway.has_rule {
        items.push(object(networking, "VirtualService", "prod", "shop", json!({
            "hosts": ["shop.example.com"], "gateways": ["shop"],
            "http": [{"match": [{"uri": {"exact": "/productpage"}}], "route": [{"destination": {"host": "reviews"}}]}]})));
    }
    if case.gateway.has_page {
        items.push(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "page", "namespace": "prod"},
            "data": {"productpage.html": PAGE}}),
        );
        let spec = &mut items[1]["spec"]["template"]["spec"];
        spec["volumes"] = json!([{"name": "page", "configMap": {"name": "page"}}]);
        spec["containers"][0]["volumeMounts"] = json!([{"name": "page", "mountPath": "/pages"}]);
    }
    if !ports.is_empty() {
        items.push(workload("DaemonSet", "datakit", "datakit", datakit.clone()));
    }
    let answers = here.join("answers");
    fs::create_dir(&answers).unwrap();
    for (number, port) in ports.iter().enumerate() {
        let name = format!("datakit-{number}");
        items.push(pod("datakit", &name, "DaemonSet", "datakit", datakit.clone()));
        fs::write(answers.join(&name), format!("Forwarding from 127.0.0.1:{port} -> 9529\n")).unwrap();
    }
    for (name, port) in [("istio-ingressgateway", gateway), ("istio-ingressgateway-0", admin)] {
        fs::write(answers.join(name), format!("Forwarding from 127.0.0.1:{port} -> 8080\n")).unwrap();
    }
    if let Some(error) = &case.gateway.error {
        fs::write(answers.join("istio-ingressgateway.error"), error).unwrap();
    }
    if let (Some(error), Some(last)) = (&case.forward_error, ports.len().checked_sub(1)) {
        fs::write(answers.join(format!("datakit-{last}.error")), error).unwrap();
    }
    fs::write(answers.join("metrics"), METRICS).unwrap();
    fs::write(answers.join("reviews-0"), case.sidecar.as_deref().unwrap_or(METRICS)).unwrap();
    if let Some(error) = &case.sidecar_error {
        fs::write(answers.join("reviews-0.error"), error).unwrap();
    }
    fs::write(
        here.join("list.json"),
        json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string(),
    )
    .unwrap();
    let script = r#"#!/bin/sh
cd "$(dirname "$0")/.."
answer() {
    if [ -e "answers/$1.error" ]; then cat "answers/$1.error" >&2; exit 1; fi
    cat "answers/$1"
}
case "$*" in
*"get --raw /version"*) echo '{"gitVersion": "v1.30.1"}' ;;
*"get --raw /api/v1/namespaces/prod/pods/reviews-0:15020/proxy/stats/prometheus"*) answer reviews-0 ;;
*"get --raw /api/v1/namespaces/istio-system/pods/istio-ingressgateway-0:15020/proxy/stats/prometheus"*) answer metrics ;;
port-forward*) for word; do case "$word" in pod/*|service/*) answer "${word#*/}" ;; esac; done; exec sleep 60 ;;
*api-resources*) printf '%s\n' namespaces pods services configmaps deployments.apps daemonsets.apps gateways.networking.istio.io \
    virtualservices.networking.istio.io ;;
*events*) echo '{"apiVersion": "v1", "kind": "List", "items": []}' ;;
*"get namespaces,"*) cat list.json ;;
*) echo "unexpected: $*" >&2; exit 1 ;;
esac
"#;
    let bin = here.join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("kubectl"), script).unwrap();
    fs::set_permissions(bin.join("kubectl"), fs::Permissions::from_mode(0o755)).unwrap();
    bin
}

#[test]
fn people_see_the_evidence() {
    let server = datakit_live::start(Plan::default());
    let origin = server.origin();
    let done = verify(&["--local", &origin]).expect(0);
    let text = done.text();
    for part in [
        "DataKit\n-------\n✔ DataKit answers: ",
        "✔ its inputs run: zipkin, rum, container; ",
        "\ntraces\n------\n✔ DataKit accepts a span: POST /api/v2/spans was answered with 200; 1 span counted\n",
        "- to find the trace in the console, search for ",
        "\n7 proven, 0 broken, 0 unknown\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // The trace that is named is the one that was sent, and nothing else was stored.
    let asked = server.asked();
    let spans: Vec<_> = asked.iter().filter(|request| request.path == "/api/v2/spans").collect();
    let sent: Value = serde_json::from_slice(&spans[0].body).unwrap();
    assert!(text.contains(sent[0]["traceId"].as_str().unwrap()) && spans.len() == 1, "{text}");
    let views: Vec<_> = asked.iter().filter(|request| request.path.starts_with("/v1/write/")).collect();
    assert!(views.iter().all(|request| request.path.contains("dry=1")) && views.len() == 1);
    let junit = verify(&["--local", &origin, "--format", "junit", "--skip", "rum"]).expect(0);
    assert!(junit.text().contains("tests=\"6\" failures=\"0\""), "{}", junit.text());
}

#[test]
fn where_nothing_listens_is_broken_and_what_is_no_address_is_wrong_usage() {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let done = verify(&["--local", &nowhere]).expect(1);
    assert!(
        done.text().contains("connection refused [datakit]") && done.text().contains("curl -i"),
        "{}",
        done.text()
    );
    for (url, says) in [
        ("127.0.0.1:9529", "it begins with neither http:// nor https://"),
        ("https://127.0.0.1:9529", "meshobs speaks http only"),
        ("http://127.0.0.1:9529/metrics", "behind its host and port"),
    ] {
        let done = verify(&["--local", url]).expect(2);
        assert!(done.stderr.contains(says) && done.stdout.is_empty(), "{}", done.stderr);
    }
}
