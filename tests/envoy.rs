//! A real Envoy with the tracing settings that Istio derives from what `init tracing` prints. The manifests are parsed; where
//! a span ends up is worked out from them as DNS and Services would (ExternalName, Service, target port, pods of DataKit's
//! DaemonSet), and only what that leads to is what Envoy is given. Spans must arrive at `/api/v2/spans` of a collector on
//! loopback. Without Envoy these tests say so and pass, or fail with MESHOBS_TEST_ALL=1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::json;
use serde_yaml::Value;
use support::http::{Request, Running, Server, exchange, free_port, wait_for_port};
use support::{Meshobs, on_path, read_all, skip};

const TOKEN: &str = "tkn_0123456789abcdef0123456789abcdef";
const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";

/// istiod's ConfigMap of a version.
fn config_map(version: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio\n  namespace: istio-system\n  labels:\n    \
         operator.istio.io/version: {version}\ndata:\n  mesh: |-\n    defaultConfig:\n      discoveryAddress: istiod:15012\n      \
         tracing:\n        zipkin:\n          address: zipkin.istio-system:9411\n"
    )
}

fn meshobs(args: &[&str], input: &str) -> Vec<Value> {
    let here = tempfile::tempdir().unwrap();
    let done = Meshobs::new(args).cwd(here.path()).stdin(input).run().expect(0);
    read_all(&done.stdout).unwrap()
}

// ---- the cluster that the manifests describe ---------------------------------------------------------------------

#[derive(Clone)]
struct Cluster(Vec<Value>);

impl Cluster {
    /// What a mode prints, beside DataKit's own manifest.
    fn new(printed: Vec<Value>) -> Self {
        let mut all = meshobs(&["init", "datakit", "--token", TOKEN], "");
        all.extend(printed);
        Self(all)
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |object| object["kind"] == kind)
    }

    fn service(&self, name: &str, namespace: &str) -> Result<&Value, String> {
        let is = |object: &&Value| {
            object["metadata"]["name"] == name && object["metadata"]["namespace"] == namespace
        };
        self.of("Service").find(is).ok_or_else(|| format!("no Service {name} in {namespace}"))
    }

    /// Whether an address leads to DataKit's port: as a pod's resolver and kube-proxy would have it.
    fn leads_to_datakit(&self, host: &str, port: u64) -> Result<(), String> {
        if host == "$(HOST_IP)" {
            let daemon = self.of("DaemonSet").next().ok_or("no DaemonSet")?;
            let ports = &daemon["spec"]["template"]["spec"]["containers"][0]["ports"];
            let ports = ports.as_sequence().ok_or("no ports")?;
            let found = ports.iter().find(|entry| entry["hostPort"].as_u64() == Some(port));
            let found = found.ok_or_else(|| format!("nothing on port {port} of the node"))?;
            return self.listens(daemon, found["containerPort"].as_u64());
        }
        let mut labels = host.split('.');
        let (name, namespace) = (labels.next().unwrap_or_default(), labels.next().ok_or("no namespace")?);
        let rest: Vec<_> = labels.collect();
        if !rest.is_empty() && rest != ["svc"] && rest != ["svc", "cluster", "local"] {
            return Err(format!("{host} is no name of a Service"));
        }
        let service = self.service(name, namespace)?;
        let spec = &service["spec"];
        if spec["type"] == "ExternalName" {
            // An alias: another name, the same port.
            return self.leads_to_datakit(spec["externalName"].as_str().ok_or("no externalName")?, port);
        }
        let ports = spec["ports"].as_sequence().ok_or("no ports")?;
        let entry = ports.iter().find(|entry| entry["port"].as_u64() == Some(port));
        let entry = entry.ok_or_else(|| format!("Service {name} has no port {port}"))?;
        let selector = spec["selector"].as_mapping().ok_or("no selector")?;
        let daemon = self.of("DaemonSet").find(|daemon| {
            let pod = &daemon["spec"]["template"]["metadata"];
            let near = daemon["metadata"]["namespace"] == service["metadata"]["namespace"];
            near && selector.iter().all(|(key, value)| pod["labels"].get(key) == Some(value))
        });
        let daemon = daemon.ok_or_else(|| format!("Service {name} selects no pods"))?;
        let target = entry["targetPort"].as_u64().or_else(|| {
            let named = daemon["spec"]["template"]["spec"]["containers"][0]["ports"].as_sequence()?;
            named.iter().find(|port| port["name"] == entry["targetPort"])?["containerPort"].as_u64()
        });
        self.listens(daemon, target.or_else(|| entry["port"].as_u64()))
    }

    /// Whether DataKit itself listens there.
    fn listens(&self, daemon: &Value, port: Option<u64>) -> Result<(), String> {
        let env = daemon["spec"]["template"]["spec"]["containers"][0]["env"].as_sequence().unwrap();
        let listen =
            env.iter().find(|var| var["name"] == "ENV_HTTP_LISTEN").ok_or("listens on localhost only")?;
        let own =
            listen["value"].as_str().unwrap().strip_prefix("0.0.0.0:").ok_or("listens on localhost only")?;
        match port {
            Some(port) if own == port.to_string() => Ok(()),
            port => Err(format!("DataKit does not listen on {port:?}")),
        }
    }

    /// What istiod makes of it: the host and port that spans go to, and the name of the host in requests.
    fn tracing(&self, mode: &str) -> Result<(String, u64), String> {
        let split = |address: &Value| -> Result<(String, u64), String> {
            let address = address.as_str().ok_or("no address")?;
            let (host, port) = address.rsplit_once(':').ok_or("no port")?;
            Ok((host.to_owned(), port.parse().map_err(|_| format!("{address}: no port"))?))
        };
        let mesh = || -> Result<Value, String> {
            let map =
                self.of("ConfigMap").find(|map| map["metadata"]["name"] == "istio").ok_or("no ConfigMap")?;
            Ok(read_all(map["data"]["mesh"].as_str().ok_or("no mesh")?.as_bytes())?.remove(0))
        };
        let zipkin = |config: &Value| split(&config["defaultConfig"]["tracing"]["zipkin"]["address"]);
        match mode {
            // Istio's own default.
            "external-name" => Ok(("zipkin.istio-system".to_owned(), 9411)),
            "mesh-config" => zipkin(&mesh()?),
            "istio-operator" => {
                let operator = self.of("IstioOperator").next().ok_or("no IstioOperator")?;
                zipkin(&operator["spec"]["meshConfig"])
            }
            "helm-values" => {
                let values =
                    self.0.iter().find(|object| object.get("meshConfig").is_some()).ok_or("no values")?;
                zipkin(&values["meshConfig"])
            }
            "telemetry" => {
                let telemetry = self.of("Telemetry").next().ok_or("no Telemetry")?;
                let wanted = &telemetry["spec"]["tracing"][0]["providers"][0]["name"];
                let mesh = mesh()?;
                let providers = mesh["extensionProviders"].as_sequence().ok_or("no providers")?;
                let provider = providers.iter().find(|provider| provider["name"] == *wanted);
                let provider = &provider.ok_or("tracing is off: the provider is not there")?["zipkin"];
                let host = provider["service"].as_str().ok_or("no service")?.to_owned();
                // The name has to be a Service of its own, an alias is no cluster of Envoy's.
                let name: Vec<_> = host.split('.').collect();
                if name.len() != 5 || self.service(name[0], name[1])?["spec"]["type"] == "ExternalName" {
                    return Err(format!("{host} is not in the registry"));
                }
                Ok((host, provider["port"].as_u64().ok_or("no port")?))
            }
            mode => Err(format!("unknown mode {mode}")),
        }
    }

    /// Sends a request through Envoy and gives back the span that the collector got.
    fn trace(&self, mode: &str) -> Result<Request, String> {
        let (host, port) = self.tracing(mode)?;
        self.leads_to_datakit(&host, port)?;
        let Some(envoy) = envoy() else { return Err("skipped".to_owned()) };
        let here = tempfile::tempdir().unwrap();
        let app = Server::start(|_| (200, "text/plain", "from the application".to_owned()));
        let datakit = Server::start(|request| match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/api/v2/spans") => (200, "text/plain", String::new()),
            _ => (404, "text/plain", String::new()),
        });
        let listen = free_port();
        let file = here.path().join("envoy.json");
        fs::write(&file, bootstrap(listen, app.port, datakit.port, &host).to_string()).unwrap();
        let child = Command::new(envoy)
            .args(["--disable-hot-restart", "--log-level", "warn", "--concurrency", "1", "-c"])
            .arg(&file)
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let _running = Running(child);
        assert!(wait_for_port(listen), "Envoy does not listen");
        let headers =
            format!("X-B3-TraceId: {TRACE}\r\nX-B3-SpanId: e457b5a2e4d86bd1\r\nX-B3-Sampled: 1\r\n");
        let request =
            format!("GET /productpage HTTP/1.1\r\nHost: shop\r\n{headers}Connection: close\r\n\r\n");
        let answer = exchange(listen, &request);
        assert!(answer.contains("from the application"), "{answer}");
        let span = datakit.wait_for(|request| request.path == "/api/v2/spans" && request.method == "POST");
        span.ok_or_else(|| format!("no span came: {:?}", datakit.asked()))
    }
}

fn envoy() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("MESHOBS_ENVOY") {
        return Some(PathBuf::from(path));
    }
    if !on_path("envoy") {
        skip("no Envoy here");
        return None;
    }
    Some(PathBuf::from("envoy"))
}

/// Envoy as Istio's agent starts it, as far as tracing goes: Zipkin's JSON, 128-bit ids, no shared spans.
fn bootstrap(listen: u16, app: u16, collector: u16, host: &str) -> serde_json::Value {
    let cluster = |name: &str, port: u16| {
        let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
        json!({"name": name, "type": "STRICT_DNS", "connect_timeout": "1s", "load_assignment": {"cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}})
    };
    let zipkin = json!({"@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig", "collector_cluster": "zipkin",
        "collector_endpoint": "/api/v2/spans", "collector_endpoint_version": "HTTP_JSON", "collector_hostname": host,
        "trace_id_128bit": true, "shared_span_context": false});
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in", "generate_request_id": true,
        "tracing": {"provider": {"name": "envoy.tracers.zipkin", "typed_config": zipkin}, "random_sampling": {"value": 100}},
        "http_filters": [{"name": "envoy.filters.http.router",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app"}}]}]}});
    json!({
        "node": {"id": "test", "cluster": "productpage.prod"},
        "layered_runtime": {"layers": [{"name": "static", "static_layer": {"tracing.zipkin.min_flush_spans": 1}}]},
        "static_resources": {
            "listeners": [{"name": "in", "address": {"socket_address": {"address": "127.0.0.1", "port_value": listen}},
                "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager",
                    "typed_config": manager}]}]}],
            "clusters": [cluster("app", app), cluster("zipkin", collector)]}})
}

fn printed(mode: &str) -> Cluster {
    let init = |more: &[&str], input: &str| {
        let args = ["init", "tracing", "--mode", mode].into_iter().chain(more.iter().copied());
        Cluster::new(meshobs(&args.collect::<Vec<_>>(), input))
    };
    match mode {
        "mesh-config" => init(&["--from", "-"], &config_map("1.11.2")),
        "telemetry" => init(&["--from", "-"], &config_map("1.24.0")),
        "external-name" => init(&["--istio-version", "1.11.2"], ""),
        _ => init(&[], ""),
    }
}

fn spans_arrive(cluster: &Cluster, mode: &str) {
    match cluster.trace(mode) {
        Ok(request) => {
            let spans: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            assert_eq!(spans[0]["traceId"], TRACE, "{mode}: {spans}");
            assert_eq!(request.header("content-type"), Some("application/json"), "{mode}");
        }
        Err(why) => assert_eq!(why, "skipped", "{mode}"),
    }
}

#[test]
fn spans_of_a_real_envoy_arrive_in_every_mode() {
    for mode in ["external-name", "mesh-config", "telemetry", "istio-operator", "helm-values"] {
        spans_arrive(&printed(mode), mode);
    }
}

#[test]
fn spans_arrive_through_the_service_where_the_node_has_no_address_for_it() {
    for (version, more) in [("1.8.0", &[][..]), ("1.11.2", &["--ipv6"])] {
        let args = ["init", "tracing", "--mode", "mesh-config", "--from", "-"]
            .into_iter()
            .chain(more.iter().copied());
        let cluster = Cluster::new(meshobs(&args.collect::<Vec<_>>(), &config_map(version)));
        assert_eq!(cluster.tracing("mesh-config").unwrap().0, "datakit-service.datakit.svc.cluster.local");
        spans_arrive(&cluster, "mesh-config");
    }
}

#[test]
fn spans_arrive_where_datakit_lives_elsewhere() {
    let mut all = meshobs(&["init", "datakit", "--token", TOKEN, "--datakit-namespace", "obs"], "");
    let args = ["init", "tracing", "--mode", "external-name", "--datakit-namespace", "obs"];
    all.extend(meshobs(&args, ""));
    spans_arrive(&Cluster(all), "external-name");
}

/// Gives a value in the manifest of a kind and name another value; none takes the manifest away.
fn broken(cluster: &Cluster, kind: &str, name: &str, change: impl Fn(&mut Value)) -> Cluster {
    let mut cluster = cluster.clone();
    let is = |object: &Value| object["kind"] == kind && object["metadata"]["name"] == name;
    assert!(cluster.0.iter().any(is), "{kind} {name}");
    for object in cluster.0.iter_mut().filter(|object| is(object)) {
        change(object);
    }
    cluster
}

#[test]
fn a_service_or_a_port_that_is_not_right_is_noticed() {
    let gone = |object: &mut Value| *object = Value::Null;
    let port = |key: &'static str, value: u64| {
        move |object: &mut Value| object["spec"]["ports"][0][key] = Value::from(value)
    };
    let external = printed("external-name");
    for (what, cluster) in [
        ("no zipkin", broken(&external, "Service", "zipkin", gone)),
        ("no Service behind it", broken(&external, "Service", "datakit-service-ext", gone)),
        ("another port", broken(&external, "Service", "datakit-service-ext", port("port", 9412))),
        ("another target", broken(&external, "Service", "datakit-service-ext", port("targetPort", 9530))),
        (
            "another name",
            broken(&external, "Service", "zipkin", |o| o["spec"]["externalName"] = "x.y".into()),
        ),
        (
            "no pods",
            broken(&external, "Service", "datakit-service-ext", |o| {
                o["spec"]["selector"]["app"] = "x".into()
            }),
        ),
    ] {
        assert!(cluster.trace("external-name").is_err_and(|why| why != "skipped"), "{what}");
    }
    let node = |key: &'static str| {
        move |o: &mut Value| {
            o["spec"]["template"]["spec"]["containers"][0]["ports"][0][key] = Value::from(9530)
        }
    };
    for mode in ["mesh-config", "istio-operator", "helm-values"] {
        let cluster = broken(&printed(mode), "DaemonSet", "datakit", node("hostPort"));
        assert!(cluster.trace(mode).is_err_and(|why| why != "skipped"), "{mode}");
        let cluster = broken(&printed(mode), "DaemonSet", "datakit", node("containerPort"));
        assert!(cluster.trace(mode).is_err_and(|why| why != "skipped"), "{mode}");
    }
    let telemetry = printed("telemetry");
    for (what, cluster) in [
        ("no Service", broken(&telemetry, "Service", "datakit-service", gone)),
        ("another port", broken(&telemetry, "Service", "datakit-service", port("port", 9530))),
        ("another target", broken(&telemetry, "Service", "datakit-service", port("targetPort", 9530))),
        ("no Telemetry", broken(&telemetry, "Telemetry", "mesh-default", gone)),
        ("no provider", broken(&telemetry, "ConfigMap", "istio", |o| o["data"]["mesh"] = "a: 1".into())),
    ] {
        assert!(cluster.trace("telemetry").is_err_and(|why| why != "skipped"), "{what}");
    }
}
