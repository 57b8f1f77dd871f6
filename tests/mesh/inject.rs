//! Istio's injector, as far as a test needs it: whether an admission webhook is called for a pod, whether the injector agrees,
//! and what it puts in. Written from Istio's documentation, on its own: the program is judged by it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The mesh that injects.
pub struct Injector {
    webhooks: Vec<Value>,
    /// The minor version of Istio, by istiod's image.
    minor: u32,
    tag: String,
    hub: String,
    /// The labels of pods that are never injected.
    never: Vec<Value>,
    /// Whether the kubelets run sidecars as init containers.
    native: bool,
    namespaces: BTreeMap<String, Value>,
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

impl Injector {
    pub fn of(objects: &[Value], namespaces: BTreeMap<String, Value>) -> Self {
        let of_kind = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
        let webhooks = of_kind("MutatingWebhookConfiguration")
            .flat_map(|object| object["webhooks"].as_array().cloned().unwrap_or_default())
            .filter(|hook| text(hook, "name").ends_with("sidecar-injector.istio.io"))
            .collect();
        let image = of_kind("Deployment")
            .find(|object| object["metadata"]["labels"]["app"] == "istiod")
            .and_then(|object| object.pointer("/spec/template/spec/containers/0/image")?.as_str())
            .unwrap_or("istio/pilot:1.30.3")
            .to_owned();
        let (path, tag) = image.rsplit_once(':').unwrap_or((&image, "1.30.3"));
        let minor = tag.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(30);
        let kubelet = |node: &Value| {
            let version = node.pointer("/status/nodeInfo/kubeletVersion").and_then(Value::as_str);
            version.and_then(|version| version.split('.').nth(1)?.parse::<u32>().ok()).unwrap_or(0)
        };
        let config = of_kind("ConfigMap")
            .find(|object| object["metadata"]["name"] == "istio-sidecar-injector")
            .and_then(|object| serde_yaml::from_str::<Value>(text(&object["data"], "config")).ok());
        let never = config.and_then(|config| config["neverInjectSelector"].as_array().cloned());
        Self {
            webhooks,
            never: never.unwrap_or_default(),
            minor,
            tag: tag.to_owned(),
            hub: path.rsplit_once('/').map_or("istio", |(hub, _)| hub).to_owned(),
            native: minor >= 27 && of_kind("Node").all(|node| kubelet(node) >= 33),
            namespaces,
        }
    }

    /// Gives a pod its sidecar, if it gets one.
    pub fn inject(&self, pod: &mut Value) {
        if self.is_called(pod) && self.agrees(pod) {
            self.put_in(pod);
        }
    }

    fn is_called(&self, pod: &Value) -> bool {
        let namespace = text(&pod["metadata"], "namespace");
        let labels =
            self.namespaces.get(namespace).map_or(Value::Null, |ns| ns["metadata"]["labels"].clone());
        self.webhooks.iter().any(|hook| {
            selects(&hook["namespaceSelector"], &labels)
                && selects(&hook["objectSelector"], &pod["metadata"]["labels"])
        })
    }

    fn agrees(&self, pod: &Value) -> bool {
        const NEVER: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];
        let metadata = &pod["metadata"];
        if pod["spec"]["hostNetwork"] == true || NEVER.contains(&text(metadata, "namespace")) {
            return false;
        }
        if self.never.iter().any(|selector| selects(selector, &metadata["labels"])) {
            return false;
        }
        let key = "sidecar.istio.io/inject";
        let annotation = metadata["annotations"][key].as_str();
        let label = metadata["labels"][key].as_str().filter(|_| self.minor >= 12);
        let value = label.or(annotation).unwrap_or_default();
        if self.minor >= 27 {
            return value != "false";
        }
        value.is_empty() || ["y", "yes", "true", "on"].contains(&value.to_lowercase().as_str())
    }

    fn put_in(&self, pod: &mut Value) {
        let gateway =
            pod.pointer("/metadata/annotations/inject.istio.io~1templates") == Some(&json!("gateway"));
        let image = format!("{}/proxyv2:{}", self.hub, self.tag);
        let app = pod["metadata"]["labels"]["app"].as_str().unwrap_or("app").to_owned();
        let metadata = &mut pod["metadata"];
        metadata["labels"]["security.istio.io/tlsMode"] = json!("istio");
        metadata["labels"]["service.istio.io/canonical-name"] = json!(app);
        metadata["labels"]["service.istio.io/canonical-revision"] = json!("latest");
        let status = json!({
            "initContainers": if self.native { json!(["istio-init", "istio-proxy"]) } else { json!(["istio-init"]) },
            "containers": if self.native { json!(null) } else { json!(["istio-proxy"]) },
            "volumes": ["workload-socket", "istio-envoy", "istio-data", "istio-podinfo", "istio-token", "istiod-ca-cert"],
            "imagePullSecrets": null,
            "revision": "default",
        });
        metadata["annotations"]["sidecar.istio.io/status"] = json!(status.to_string());
        metadata["annotations"]["prometheus.io/scrape"] = json!("true");
        metadata["annotations"]["prometheus.io/port"] = json!("15020");
        metadata["annotations"]["prometheus.io/path"] = json!("/stats/prometheus");
        let proxy = json!({
            "name": "istio-proxy",
            "image": image,
            "args": ["proxy", if gateway { "router" } else { "sidecar" }, "--domain", "$(POD_NAMESPACE).svc.cluster.local"],
            "ports": [{"name": "http-envoy-prom", "containerPort": 15090, "protocol": "TCP"}],
            "env": [
                {"name": "PROXY_CONFIG", "value": "{}"},
                {"name": "ISTIO_META_MESH_ID", "value": "cluster.local"},
                {"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
            ],
            "readinessProbe": {"httpGet": {"path": "/healthz/ready", "port": 15021}},
        });
        let spec = &mut pod["spec"];
        let containers = spec["containers"].as_array_mut().unwrap();
        if let Some(own) = containers.iter_mut().find(|container| container["name"] == "istio-proxy") {
            if own["image"] == "auto" {
                own["image"] = json!(image);
            }
            return;
        }
        let init = json!({"name": "istio-init", "image": image, "args": ["istio-iptables", "-p", "15001"]});
        if self.native {
            let mut proxy = proxy;
            proxy["restartPolicy"] = json!("Always");
            push(&mut spec["initContainers"], [init, proxy]);
        } else {
            containers.push(proxy);
            push(&mut spec["initContainers"], [init]);
        }
    }
}

fn push(list: &mut Value, items: impl IntoIterator<Item = Value>) {
    if !list.is_array() {
        *list = json!([]);
    }
    list.as_array_mut().unwrap().extend(items);
}

/// Whether a label selector of Kubernetes selects.
pub fn selects(selector: &Value, labels: &Value) -> bool {
    let empty = serde_json::Map::new();
    let exact = selector["matchLabels"].as_object().unwrap_or(&empty);
    let none = Vec::new();
    let expressions = selector["matchExpressions"].as_array().unwrap_or(&none);
    exact.iter().all(|(key, value)| labels.get(key) == Some(value))
        && expressions.iter().all(|expression| {
            let label = labels.get(text(expression, "key"));
            let values = expression["values"].as_array().unwrap_or(&none);
            let among = label.is_some_and(|label| values.contains(label));
            match text(expression, "operator") {
                "In" => among,
                "NotIn" => !among,
                "Exists" => label.is_some(),
                "DoesNotExist" => label.is_none(),
                other => panic!("no operator of selectors: {other}"),
            }
        })
}
