//! A kubectl that answers from files: the kinds of a server, lists of them, and what may not be read.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

/// The kinds that the server has: resource, group, kind, whether it has namespaces.
const KINDS: &[(&str, &str, &str, bool)] = &[
    ("nodes", "", "Node", false),
    ("namespaces", "", "Namespace", false),
    ("pods", "", "Pod", true),
    ("services", "", "Service", true),
    ("endpoints", "", "Endpoints", true),
    ("events", "", "Event", true),
    ("configmaps", "", "ConfigMap", true),
    ("secrets", "", "Secret", true),
    ("serviceaccounts", "", "ServiceAccount", true),
    ("replicationcontrollers", "", "ReplicationController", true),
    ("resourcequotas", "", "ResourceQuota", true),
    ("persistentvolumeclaims", "", "PersistentVolumeClaim", true),
    ("deployments", "apps", "Deployment", true),
    ("daemonsets", "apps", "DaemonSet", true),
    ("statefulsets", "apps", "StatefulSet", true),
    ("replicasets", "apps", "ReplicaSet", true),
    ("jobs", "batch", "Job", true),
    ("cronjobs", "batch", "CronJob", true),
    ("clusterroles", "rbac.authorization.k8s.io", "ClusterRole", false),
    ("clusterrolebindings", "rbac.authorization.k8s.io", "ClusterRoleBinding", false),
    ("roles", "rbac.authorization.k8s.io", "Role", true),
    ("rolebindings", "rbac.authorization.k8s.io", "RoleBinding", true),
    ("mutatingwebhookconfigurations", "admissionregistration.k8s.io", "MutatingWebhookConfiguration", false),
    (
        "validatingwebhookconfigurations",
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        false,
    ),
    ("mutatingadmissionpolicies", "admissionregistration.k8s.io", "MutatingAdmissionPolicy", false),
    (
        "mutatingadmissionpolicybindings",
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicyBinding",
        false,
    ),
    ("mutatingpolicies", "policies.kyverno.io", "MutatingPolicy", false),
    ("customresourcedefinitions", "apiextensions.k8s.io", "CustomResourceDefinition", false),
    ("networkpolicies", "networking.k8s.io", "NetworkPolicy", true),
    ("ingresses", "networking.k8s.io", "Ingress", true),
    ("endpointslices", "discovery.k8s.io", "EndpointSlice", true),
    ("poddisruptionbudgets", "policy", "PodDisruptionBudget", true),
    ("horizontalpodautoscalers", "autoscaling", "HorizontalPodAutoscaler", true),
    ("telemetries", "telemetry.istio.io", "Telemetry", true),
    ("virtualservices", "networking.istio.io", "VirtualService", true),
    ("destinationrules", "networking.istio.io", "DestinationRule", true),
    ("gateways", "networking.istio.io", "Gateway", true),
    ("sidecars", "networking.istio.io", "Sidecar", true),
    ("serviceentries", "networking.istio.io", "ServiceEntry", true),
    ("workloadentries", "networking.istio.io", "WorkloadEntry", true),
    ("workloadgroups", "networking.istio.io", "WorkloadGroup", true),
    ("proxyconfigs", "networking.istio.io", "ProxyConfig", true),
    ("envoyfilters", "networking.istio.io", "EnvoyFilter", true),
    ("peerauthentications", "security.istio.io", "PeerAuthentication", true),
    ("authorizationpolicies", "security.istio.io", "AuthorizationPolicy", true),
    ("requestauthentications", "security.istio.io", "RequestAuthentication", true),
    ("wasmplugins", "extensions.istio.io", "WasmPlugin", true),
    ("gatewayclasses", "gateway.networking.k8s.io", "GatewayClass", false),
    ("gateways", "gateway.networking.k8s.io", "Gateway", true),
    ("httproutes", "gateway.networking.k8s.io", "HTTPRoute", true),
    ("grpcroutes", "gateway.networking.k8s.io", "GRPCRoute", true),
    ("referencegrants", "gateway.networking.k8s.io", "ReferenceGrant", true),
    ("podmonitors", "monitoring.coreos.com", "PodMonitor", true),
    ("servicemonitors", "monitoring.coreos.com", "ServiceMonitor", true),
    ("rollouts", "argoproj.io", "Rollout", true),
    ("clonesets", "apps.kruise.io", "CloneSet", true),
    ("statefulsets", "apps.kruise.io", "StatefulSet", true),
    ("daemonsets", "apps.kruise.io", "DaemonSet", true),
    ("services", "serving.knative.dev", "Service", true),
    ("ciliumnetworkpolicies", "cilium.io", "CiliumNetworkPolicy", true),
    ("networkpolicies", "crd.projectcalico.org", "NetworkPolicy", true),
];

pub fn is_namespaced(kind: &str) -> bool {
    KINDS.iter().find(|(_, _, known, _)| *known == kind).is_none_or(|(.., namespaced)| *namespaced)
}

const SCRIPT: &str = r#"#!/bin/sh
# Answers as kubectl does, from files.
data=@DATA@
command= kinds= output=
while [ $# -gt 0 ]; do
  case $1 in
    --context|--kubeconfig|-o|--output|--field-selector|-n|--namespace|--request-timeout|--chunk-size)
      case $1 in -o|--output) output=$2 ;; esac; shift ;;
    -ojson|-o=json|--output=json) output=json ;;
    -oname|-o=name|--output=name) output=name ;;
    -*) ;;
    *) if [ -z "$command" ]; then command=$1; elif [ -z "$kinds" ]; then kinds=$1; fi ;;
  esac
  shift
done
case $command in
  version) cat "$data/version" ;;
  api-resources) cat "$data/api-resources" ;;
  get)
    status=0 between=
    # An unknown kind ends it before anything is asked.
    for kind in $(printf %s "$kinds" | tr , ' '); do
      [ -e "$data/kinds/$kind" ] || { echo "error: the server doesn't have a resource type \"$kind\"" >&2; exit 1; }
    done
    printf '{"apiVersion":"v1","items":['
    for kind in $(printf %s "$kinds" | tr , ' '); do
      if [ -e "$data/forbidden/$kind" ]; then
        cat "$data/forbidden/$kind" >&2; status=1; continue
      fi
      [ -s "$data/kinds/$kind" ] || continue
      printf %s "$between"; cat "$data/kinds/$kind"; between=,
    done
    printf '],"kind":"List","metadata":{"resourceVersion":""}}\n'
    exit $status ;;
  *) echo "error: unknown command \"$command\"" >&2; exit 1 ;;
esac
"#;

/// Puts it into a folder, with the objects of a cluster; returns the PATH to run with.
pub fn install(folder: &Path, objects: &[Value], forbidden: &[String]) -> String {
    let (data, bin) = (folder.join("cluster"), folder.join("bin"));
    for folder in [&bin, &data.join("kinds"), &data.join("forbidden")] {
        fs::create_dir_all(folder).unwrap();
    }
    let mut lists: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for object in objects {
        let kind = object["kind"].as_str().unwrap_or_default();
        let group = object["apiVersion"].as_str().and_then(|version| version.split_once('/'));
        let group = group.map_or("", |(group, _)| group);
        let known = KINDS.iter().find(|(_, of, name, _)| *name == kind && *of == group);
        let (resource, group, ..) = known.unwrap_or_else(|| panic!("no kind of this server: {group} {kind}"));
        lists.entry((resource, group)).or_default().push(object.to_string());
    }
    let mut names = String::new();
    for (resource, group, ..) in KINDS {
        let full = if group.is_empty() { (*resource).to_owned() } else { format!("{resource}.{group}") };
        names.push_str(&format!("{full}\n"));
        let text = lists.get(&(*resource, *group)).map(|list| list.join(",")).unwrap_or_default();
        for name in [full.as_str(), resource] {
            let path = data.join("kinds").join(name);
            if name == full || !path.exists() {
                fs::write(path, &text).unwrap();
            }
        }
        if forbidden.contains(&full) {
            let message = format!(
                "Error from server (Forbidden): {full} is forbidden: User \"viewer\" cannot list resource \"{resource}\" in API \
                 group \"{group}\" at the cluster scope\n"
            );
            fs::write(data.join("forbidden").join(&full), &message).unwrap();
            fs::write(data.join("forbidden").join(resource), &message).unwrap();
        }
    }
    fs::write(data.join("api-resources"), names).unwrap();
    let newest = objects.iter().find(|object| object["kind"] == "Node");
    let version = newest.and_then(|node| node.pointer("/status/nodeInfo/kubeletVersion")?.as_str());
    let version = serde_json::json!({"clientVersion": {"gitVersion": "v1.32.0"}, "serverVersion": {"gitVersion": version.unwrap_or("v1.30.0")}});
    fs::write(data.join("version"), version.to_string()).unwrap();
    let program = bin.join("kubectl");
    // Folders of tempfile need no quotes.
    fs::write(&program, SCRIPT.replace("@DATA@", &data.to_string_lossy())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default())
}
