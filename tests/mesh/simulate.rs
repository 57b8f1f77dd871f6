//! What a cluster makes of manifests: namespaces, ReplicaSets and Pods, Endpoints and EndpointSlices, and the status of all
//! of them, as it is when everything went well. What went wrong, a case changes afterwards.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::inject::Injector;
use crate::kubectl::is_namespaced;
use crate::pods::Kubelets;

/// When everything was made.
pub const CREATED: &str = "2024-05-06T07:08:09Z";

/// The hash of every ReplicaSet.
const HASH: &str = "6b7f9c8d5";

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The objects of the cluster that manifests make.
pub fn cluster(manifests: Vec<Value>) -> Vec<Value> {
    let mut objects: Vec<Value> = manifests.into_iter().flat_map(flat).filter(is_of_the_api).collect();
    for object in &mut objects {
        complete(object);
    }
    let namespaces = namespaces(&mut objects);
    let injector = Injector::of(&objects, namespaces);
    let mut kubelets = Kubelets::of(&objects);
    let mut made = Vec::new();
    for object in &mut objects {
        run(object, &mut kubelets, &injector, &mut made);
    }
    objects.extend(made);
    let endpoints: Vec<Value> = objects
        .iter()
        .filter(|object| object["kind"] == "Service" && object["apiVersion"] == "v1")
        .flat_map(|service| endpoints(service, &objects))
        .collect();
    objects.extend(endpoints);
    // A bare Pod is one that runs.
    objects.retain(|object| object["kind"] != "Pod" || object.get("status").is_some());
    objects
}

fn flat(object: Value) -> Vec<Value> {
    match object["items"].as_array() {
        Some(items) if text(&object, "/kind").ends_with("List") => items.clone(),
        _ => vec![object],
    }
}

/// Files for clients are in no cluster.
fn is_of_the_api(object: &Value) -> bool {
    text(object, "/apiVersion") != "install.istio.io/v1alpha1" && !text(object, "/apiVersion").is_empty()
}

fn complete(object: &mut Value) {
    if is_namespaced(text(object, "/kind")) && text(object, "/metadata/namespace").is_empty() {
        object["metadata"]["namespace"] = json!("default");
    }
    if text(object, "/metadata/creationTimestamp").is_empty() {
        object["metadata"]["creationTimestamp"] = json!(CREATED);
    }
    object["metadata"]["generation"] = json!(1);
    let name = text(object, "/metadata/name").to_owned();
    object["metadata"]["uid"] = json!(format!("uid-{}-{name}", text(object, "/kind").to_lowercase()));
}

/// The namespaces by name; those that nobody made are made, with the label that the server gives them.
fn namespaces(objects: &mut Vec<Value>) -> BTreeMap<String, Value> {
    let named = objects.iter().map(|object| text(object, "/metadata/namespace").to_owned());
    let mut names: Vec<String> = named.chain(["default", "kube-system"].map(str::to_owned)).collect();
    names.sort();
    names.dedup();
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        let is = |object: &Value| object["kind"] == "Namespace" && text(object, "/metadata/name") == name;
        if !objects.iter().any(is) {
            let mut namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            complete(&mut namespace);
            objects.push(namespace);
        }
    }
    let mut found = BTreeMap::new();
    for object in objects.iter_mut().filter(|object| object["kind"] == "Namespace") {
        let name = text(object, "/metadata/name").to_owned();
        if !object["metadata"]["labels"].is_object() {
            object["metadata"]["labels"] = json!({});
        }
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!(name);
        object["status"] = json!({"phase": "Active"});
        found.insert(name, object.clone());
    }
    found
}

fn owner(object: &Value) -> Value {
    json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"], "name": object["metadata"]["name"],
        "uid": object["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    })
}

/// Runs a workload: its pods and ReplicaSet come to `made`, its status into itself.
fn run(object: &mut Value, kubelets: &mut Kubelets, injector: &Injector, made: &mut Vec<Value>) {
    let kind = text(object, "/kind").to_owned();
    let name = text(object, "/metadata/name").to_owned();
    let namespace = text(object, "/metadata/namespace").to_owned();
    let template = object["spec"]["template"].clone();
    let spec = template["spec"].clone();
    if kind == "Pod" {
        let node = kubelets.fitting(&object["spec"], false).first().cloned();
        let own = json!({"metadata": object["metadata"], "spec": object["spec"]});
        made.push(kubelets.pod(&own, &name, &namespace, None, node.as_deref(), injector));
        return;
    }
    if spec.is_null()
        || !spec["containers"].is_array()
        || object["apiVersion"] == "v1" && kind == "PodTemplate"
    {
        return;
    }
    if kind == "DaemonSet" {
        let nodes = kubelets.fitting(&spec, true);
        for node in &nodes {
            let pod = format!("{name}-{node}");
            made.push(kubelets.pod(&template, &pod, &namespace, Some(owner(object)), Some(node), injector));
        }
        let count = nodes.len();
        object["status"] = json!({
            "desiredNumberScheduled": count, "currentNumberScheduled": count, "numberReady": count,
            "numberAvailable": count, "updatedNumberScheduled": count, "numberMisscheduled": 0,
            "observedGeneration": 1,
        });
        return;
    }
    let wanted = match kind.as_str() {
        "Job" => 1,
        _ => object.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1),
    };
    let mut template = template;
    let (owner, stem) = match kind.as_str() {
        "Deployment" => {
            template["metadata"]["labels"]["pod-template-hash"] = json!(HASH);
            let set = replica_set(object, &template, wanted);
            let owner = owner(&set);
            made.push(set);
            (owner, format!("{name}-{HASH}-pod"))
        }
        "StatefulSet" => (owner(object), format!("{name}-")),
        _ => (owner(object), format!("{name}-pod")),
    };
    let nodes = kubelets.fitting(&spec, false);
    for number in 0..wanted {
        let node = nodes.get(number as usize % nodes.len().max(1)).map(String::as_str);
        let pod = format!("{stem}{number}");
        made.push(kubelets.pod(&template, &pod, &namespace, Some(owner.clone()), node, injector));
    }
    let ready = if nodes.is_empty() { 0 } else { wanted };
    object["status"] = match kind.as_str() {
        "Job" => json!({"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}),
        _ => counts(wanted, ready),
    };
    if kind == "Deployment" && ready == wanted {
        object["status"]["conditions"] = json!([
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        ]);
    }
}

fn counts(wanted: u64, ready: u64) -> Value {
    let mut status = json!({"observedGeneration": 1, "replicas": wanted, "updatedReplicas": wanted});
    // As the server leaves out what is zero.
    if ready > 0 {
        status["readyReplicas"] = json!(ready);
        status["availableReplicas"] = json!(ready);
    }
    if ready < wanted {
        status["unavailableReplicas"] = json!(wanted - ready);
    }
    status
}

fn replica_set(deployment: &Value, template: &Value, wanted: u64) -> Value {
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = json!(HASH);
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{HASH}", text(deployment, "/metadata/name")),
            "namespace": deployment["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [owner(deployment)],
        },
        "spec": {"replicas": wanted, "selector": selector, "template": template},
        "status": {"replicas": wanted, "readyReplicas": wanted, "availableReplicas": wanted, "observedGeneration": 1},
    });
    complete(&mut set);
    set
}

/// The Endpoints and the EndpointSlice of a Service with a selector.
fn endpoints(service: &Value, objects: &[Value]) -> Vec<Value> {
    let empty = serde_json::Map::new();
    let selector = service["spec"]["selector"].as_object().unwrap_or(&empty);
    if selector.is_empty() || service["spec"]["type"] == "ExternalName" {
        return Vec::new();
    }
    let namespace = &service["metadata"]["namespace"];
    let is_behind = |pod: &&Value| {
        pod["kind"] == "Pod"
            && pod["metadata"]["namespace"] == *namespace
            && text(pod, "/status/phase") == "Running"
            && selector.iter().all(|(key, value)| pod["metadata"]["labels"].get(key) == Some(value))
    };
    let pods: Vec<&Value> = objects.iter().filter(is_behind).collect();
    let ports: Vec<Value> = service["spec"]["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|port| {
            let number = target(port, pods.first()?)?;
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            Some(json!({"name": port["name"], "port": number, "protocol": protocol}))
        })
        .collect();
    let reference =
        |pod: &Value| json!({"kind": "Pod", "name": pod["metadata"]["name"], "namespace": namespace});
    let addresses: Vec<Value> = pods
        .iter()
        .map(|pod| json!({"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": reference(pod)}))
        .collect();
    let slices: Vec<Value> = pods
        .iter()
        .map(|pod| {
            json!({
                "addresses": [pod["status"]["podIP"]], "nodeName": pod["spec"]["nodeName"],
                "conditions": {"ready": true, "serving": true, "terminating": false}, "targetRef": reference(pod),
            })
        })
        .collect();
    let name = text(service, "/metadata/name");
    let subsets = if addresses.is_empty() || ports.is_empty() {
        Value::Null
    } else {
        json!([{"addresses": addresses, "ports": ports}])
    };
    let mut both = vec![
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name, "namespace": namespace}, "subsets": subsets}),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": format!("{name}-abcde"), "namespace": namespace, "labels": {"kubernetes.io/service-name": name},
                         "ownerReferences": [owner(service)]},
            "endpoints": slices, "ports": ports,
        }),
    ];
    both.iter_mut().for_each(complete);
    both
}

/// The number of the pod's port that a Service's port leads to.
fn target(port: &Value, pod: &Value) -> Option<u64> {
    let target = &port["targetPort"];
    match target.as_str() {
        None => target.as_u64().or(port["port"].as_u64()),
        Some(name) => {
            if let Ok(number) = name.parse() {
                return Some(number);
            }
            let containers = pod["spec"]["containers"].as_array()?.iter();
            let ports = containers.flat_map(|container| container["ports"].as_array().into_iter().flatten());
            let mut ports = ports.filter(|port| port["name"] == name);
            ports.next()?["containerPort"].as_u64()
        }
    }
}
