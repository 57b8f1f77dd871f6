//! What the scheduler and the kubelets make of pod templates: Pods on nodes, running and ready.

use serde_json::{Value, json};

use crate::inject::Injector;
use crate::simulate::CREATED;

/// What gives pods their nodes and addresses.
pub struct Kubelets {
    nodes: Vec<Value>,
    pods: usize,
}

impl Kubelets {
    pub fn of(objects: &[Value]) -> Self {
        let nodes = objects.iter().filter(|object| object["kind"] == "Node").cloned().collect();
        Self { nodes, pods: 0 }
    }

    /// The nodes that a pod of this spec may run on.
    pub fn fitting(&self, spec: &Value, is_daemon: bool) -> Vec<String> {
        let fits = |node: &&Value| selected(spec, node) && tolerated(spec, node, is_daemon);
        let names = self.nodes.iter().filter(fits).map(|node| node["metadata"]["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    }

    /// A Pod of a template, on a node or waiting for one.
    pub fn pod(
        &mut self,
        template: &Value,
        name: &str,
        namespace: &str,
        owner: Option<Value>,
        node: Option<&str>,
        injector: &Injector,
    ) -> Value {
        self.pods += 1;
        let mut metadata = template["metadata"].clone();
        if !metadata.is_object() {
            metadata = json!({});
        }
        metadata["name"] = json!(name);
        metadata["namespace"] = json!(namespace);
        metadata["creationTimestamp"] = json!(CREATED);
        metadata["uid"] = json!(format!("00000000-0000-4000-8000-{:012}", self.pods));
        if let Some(owner) = owner {
            metadata["ownerReferences"] = json!([owner]);
        }
        let mut pod =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]});
        injector.inject(&mut pod);
        self.run(&mut pod, node);
        pod
    }

    fn run(&self, pod: &mut Value, node: Option<&str>) {
        let Some(node) = node else {
            pod["status"] = json!({
                "phase": "Pending",
                "conditions": [{
                    "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                    "message": format!("0/{} nodes are available: {0} node(s) didn't match Pod's node affinity/selector.", self.nodes.len()),
                }],
            });
            return;
        };
        let object = self.nodes.iter().find(|object| object["metadata"]["name"] == node);
        let host = object.and_then(|object| object.pointer("/status/addresses/0/address")).cloned();
        let host = host.unwrap_or_else(|| json!("192.168.7.99"));
        let ip = match pod["spec"]["hostNetwork"] == true {
            true => host.clone(),
            false => json!(format!("10.244.{}.{}", 1 + self.pods / 200, 2 + self.pods % 200)),
        };
        pod["spec"]["nodeName"] = json!(node);
        let is_job = pod.pointer("/metadata/ownerReferences/0/kind") == Some(&json!("Job"));
        let state = |container: &Value, is_init: bool| {
            let is_sidecar = container["restartPolicy"] == "Always";
            let done = json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": CREATED, "finishedAt": CREATED}});
            let ends = (is_init && !is_sidecar) || is_job;
            json!({
                "name": container["name"], "image": container["image"], "restartCount": 0, "ready": !is_job,
                "started": !ends,
                "state": if ends { done } else { json!({"running": {"startedAt": CREATED}}) },
            })
        };
        let states = |key: &str, is_init| {
            let containers = pod["spec"][key].as_array().cloned().unwrap_or_default();
            containers.iter().map(|container| state(container, is_init)).collect::<Vec<_>>()
        };
        let ready = if is_job { "False" } else { "True" };
        let condition =
            |kind: &str, status: &str| json!({"type": kind, "status": status, "lastTransitionTime": CREATED});
        pod["status"] = json!({
            "phase": if is_job { "Succeeded" } else { "Running" },
            "hostIP": host, "podIP": ip, "podIPs": [{"ip": ip}], "startTime": CREATED,
            "conditions": [condition("Initialized", "True"), condition("Ready", ready),
                           condition("ContainersReady", ready), condition("PodScheduled", "True")],
            "initContainerStatuses": states("initContainers", true),
            "containerStatuses": states("containers", false),
        });
    }
}

fn selected(spec: &Value, node: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    let wanted = spec["nodeSelector"].as_object().cloned().unwrap_or_default();
    let terms = spec
        .pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms")
        .and_then(Value::as_array);
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
        && terms.is_none_or(|terms| terms.iter().any(|term| crate::inject::selects(term, labels)))
}

fn tolerated(spec: &Value, node: &Value, is_daemon: bool) -> bool {
    let taints = node.pointer("/spec/taints").and_then(Value::as_array).cloned().unwrap_or_default();
    let tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
    taints.iter().filter(|taint| taint["effect"] != "PreferNoSchedule").all(|taint| {
        let key = taint["key"].as_str().unwrap_or_default();
        // Those that the DaemonSet controller adds by itself.
        (is_daemon && key.starts_with("node.kubernetes.io/"))
            || tolerations.iter().any(|toleration| {
                let is = |name: &str| toleration[name].is_null() || toleration[name] == taint[name];
                let exists = toleration["operator"] == "Exists";
                is("effect") && is("key") && (exists || toleration["value"] == taint["value"])
            })
    })
}
