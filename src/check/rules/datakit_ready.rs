//! DataKit runs on every node that runs pods of the mesh; where it does not, why.

use std::collections::BTreeSet;

use super::Check;
use crate::check::Outcome;
use crate::gate::command;
use crate::kube::{Field, Object};
use crate::mesh::injection::has_proxy;
use crate::mesh::{Datakit, Loss, Mesh};

pub(super) const CHECK: Check =
    Check { id: "datakit-ready", section: "DataKit", title: "DataKit is ready on every node", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if !mesh.inventory.live {
        return;
    }
    let mut covered = BTreeSet::new();
    let mut failed = false;
    for datakit in &mesh.datakits {
        let pods = datakit.pods(mesh.inventory);
        covered.extend(pods.iter().map(|pod| pod.text(&["spec", "nodeName"]).into_owned()));
        failed |= rollout(mesh, datakit, &pods, outcome);
    }
    if !failed && !mesh.datakits.is_empty() {
        nodes(mesh, &covered, outcome);
    }
}

/// Whether fewer pods are ready than are wanted.
fn rollout(mesh: &Mesh<'_>, datakit: &Datakit<'_>, pods: &[&Object], outcome: &mut Outcome) -> bool {
    let object = datakit.object;
    outcome.looked(CHECK.id);
    let status = object.at(&["status"]);
    let count = |key| status.get(key).number().unwrap_or(0);
    let (ready, wanted) = (count("numberReady"), count("desiredNumberScheduled"));
    if wanted > 0 && ready >= wanted {
        return outdated(datakit, wanted, outcome);
    }
    let told_elsewhere = datakit.conf.lost.iter().any(|lost| matches!(lost.why, Loss::NoMap { .. }))
        || outcome.findings.iter().any(|finding| {
            finding.subject == object.title()
                && (finding.message.contains("cannot start") || finding.message.contains("can be created"))
        });
    if told_elsewhere {
        return true;
    }
    let (namespace, name) = (object.namespace(), object.reference());
    let describe = command!("kubectl describe -n {} {}", namespace, name);
    if wanted == 0 {
        let why = mesh.inventory.of("", "Node").find_map(|node| excluded(datakit, node));
        let message = match &why {
            Some(why) => format!("no node fits it: {}", why.what),
            None => "it is wanted on no node".to_owned(),
        };
        let hint = why.map_or(describe, |why| why.remedy(datakit));
        outcome.fail(CHECK.id, object, status, message, hint);
        return true;
    }
    let (why, hint) = pods
        .iter()
        .find_map(|pod| reason(pod))
        .or_else(|| event(mesh, object, pods))
        .or_else(|| Some((without_pod(mesh, datakit, pods)?, describe.clone())))
        .unwrap_or_else(|| (String::new(), describe));
    let gap = if why.is_empty() { "" } else { ": " };
    outcome.fail(CHECK.id, object, status, format!("ready on {ready} of {wanted} nodes{gap}{why}"), hint);
    true
}

/// Whether pods are ready, and run an older template that nothing replaces.
fn outdated(datakit: &Datakit<'_>, wanted: u64, outcome: &mut Outcome) -> bool {
    let object = datakit.object;
    let updated = object.at(&["status", "updatedNumberScheduled"]).number().unwrap_or(0);
    let strategy = object.at(&["spec", "updateStrategy", "type"]);
    if !strategy.is("OnDelete") || updated >= wanted {
        return false;
    }
    let message = format!(
        "{updated} of {wanted} pods run its current template: with updateStrategy OnDelete the others keep what they had"
    );
    let hint = command!("kubectl delete pods -n {} -l {}", object.namespace(), datakit.selector());
    outcome.fail(CHECK.id, object, strategy, message, hint);
    true
}

/// Nodes that fit and have no pod of it.
fn without_pod(mesh: &Mesh<'_>, datakit: &Datakit<'_>, pods: &[&Object]) -> Option<String> {
    let used: BTreeSet<String> =
        pods.iter().map(|pod| pod.text(&["spec", "nodeName"]).into_owned()).collect();
    let nodes = mesh.inventory.of("", "Node");
    let bare = nodes.filter(|node| !used.contains(node.name()) && excluded(datakit, node).is_none());
    let names: Vec<&str> = bare.map(Object::name).collect();
    (!names.is_empty()).then(|| format!("it has no pod on {}", names.join(", ")))
}

/// Why a pod is not ready, and the command that shows more of it.
fn reason(pod: &Object) -> Option<(String, String)> {
    let (namespace, name) = (pod.namespace(), pod.name());
    let describe = || command!("kubectl describe pod -n {} {}", namespace, name);
    let node = pod.text(&["spec", "nodeName"]);
    let place = if node.is_empty() { String::new() } else { format!(" on node {node}") };
    let lists = ["initContainerStatuses", "containerStatuses"];
    for status in lists.iter().flat_map(|list| pod.at(&["status", list]).items()) {
        let container = status.get("name").text();
        let waiting = status.at(&["state", "waiting"]);
        let reason = waiting.get("reason").text();
        let last = status.at(&["lastState", "terminated"]);
        let ended = if last.is_set() { last } else { status.at(&["state", "terminated"]) };
        if matches!(&*reason, "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull")
        {
            let image = status.get("image").text();
            return Some((format!("{reason}: the image {image} cannot be pulled{place}"), describe()));
        }
        let is_on_its_way =
            matches!(&*reason, "" | "CrashLoopBackOff" | "ContainerCreating" | "PodInitializing");
        if !is_on_its_way {
            let message = waiting.get("message").text();
            return Some((format!("{reason}: {message}{place}"), describe()));
        }
        if reason == "CrashLoopBackOff" || (ended.is_set() && !ended.get("exitCode").is("0")) {
            let (code, cause) = (ended.get("exitCode").text(), ended.get("reason").text());
            let detail = if cause == "OOMKilled" {
                "its memory limit is too small (OOMKilled)".to_owned()
            } else {
                format!("exit code {code}")
            };
            let hint = command!("kubectl logs -n {} {} -c {} --previous", namespace, name, container);
            return Some((
                format!("CrashLoopBackOff: container {container} ends with {detail}{place}"),
                hint,
            ));
        }
    }
    let mut conditions = pod.at(&["status", "conditions"]).items();
    let unscheduled = conditions.find(|c| c.get("type").is("PodScheduled") && c.get("status").is("False"))?;
    let (reason, message) = (unscheduled.get("reason").text(), unscheduled.get("message").text());
    Some((format!("{reason}: {message}"), describe()))
}

/// What the last warning of a DaemonSet or its pods says.
fn event(mesh: &Mesh<'_>, object: &Object, pods: &[&Object]) -> Option<(String, String)> {
    let about = |event: &&Object| {
        let regarding = event.at(&["involvedObject"]);
        let is = |kind: &str, name: &str| regarding.get("kind").is(kind) && regarding.get("name").is(name);
        regarding.get("namespace").is(object.namespace())
            && (is("DaemonSet", object.name()) || pods.iter().any(|pod| is("Pod", pod.name())))
    };
    let event = mesh.inventory.of("", "Event").filter(about).last()?;
    let (reason, message) = (event.text(&["reason"]), event.text(&["message"]));
    let hint = command!("kubectl describe -n {} {}", object.namespace(), object.reference());
    Some((format!("{reason}: {message}"), hint))
}

/// Why a node gets no pod of a DaemonSet.
struct Exclusion {
    what: String,
    patch: Option<&'static str>,
}

impl Exclusion {
    fn remedy(&self, datakit: &Datakit<'_>) -> String {
        let (namespace, name) = (datakit.object.namespace(), datakit.object.reference());
        match self.patch {
            Some(patch) => {
                command!(
                    "kubectl patch -n {} {} --type merge -p {}",
                    namespace,
                    name,
                    format!("{{\"spec\":{{\"template\":{{\"spec\":{patch}}}}}}}")
                )
            }
            None => command!("kubectl describe -n {} {}", namespace, name),
        }
    }
}

/// Nodes with pods of the mesh, and without a DataKit.
fn nodes(mesh: &Mesh<'_>, covered: &BTreeSet<String>, outcome: &mut Outcome) {
    let meshed = mesh.inventory.of("", "Pod").filter(|pod| has_proxy(pod.at(&["spec"])));
    let meshed = meshed.map(|pod| pod.text(&["spec", "nodeName"]).into_owned());
    let bare: BTreeSet<String> = meshed.filter(|node| !node.is_empty() && !covered.contains(node)).collect();
    // Without any of its pods in view nobody knows where they are.
    let Some(datakit) = mesh.datakits.first().filter(|_| !covered.is_empty() && !bare.is_empty()) else {
        return;
    };
    let names = bare.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let why = bare.iter().find_map(|name| excluded(datakit, mesh.inventory.get_global("", "Node", name)?));
    let gap = why.as_ref().map(|why| format!(": {}", why.what)).unwrap_or_default();
    let message = format!("no DataKit runs on {names}, which run pods of the mesh{gap}");
    let place = datakit.spec();
    let hint = why.map_or_else(
        || command!("kubectl describe -n {} {}", datakit.object.namespace(), datakit.object.reference()),
        |why| why.remedy(datakit),
    );
    let finding = outcome.fail(CHECK.id, datakit.object, place, message, hint);
    finding.leads_to("pods on those nodes are not scraped, and their output is not collected");
}

/// Why a DaemonSet puts no pod on a node: as the scheduler decides it by selector, affinity and taints.
fn excluded(datakit: &Datakit<'_>, node: &Object) -> Option<Exclusion> {
    let spec = datakit.spec();
    let labels = node.at(&["metadata", "labels"]);
    let name = node.name();
    let selector = spec.get("nodeSelector");
    if let Some((key, value)) = selector.entries().find(|(key, value)| !labels.get(key).is(&value.text())) {
        let what =
            format!("nodeSelector wants the label {key}={}, which node {name} does not have", value.text());
        return Some(Exclusion { what, patch: Some("{\"nodeSelector\":null}") });
    }
    let terms = spec.at(&[
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
    ]);
    if terms.is_set() && !terms.items().any(|term| fits(term, labels, name)) {
        let what = format!("its nodeAffinity does not fit node {name}");
        return Some(Exclusion { what, patch: Some("{\"affinity\":{\"nodeAffinity\":null}}") });
    }
    let taints = node.at(&["spec", "taints"]).items();
    for taint in taints.filter(|taint| !taint.get("effect").is("PreferNoSchedule")) {
        let tolerated = spec.get("tolerations").items().any(|toleration| tolerates(toleration, taint))
            || AUTOMATIC.contains(&&*taint.get("key").text());
        if !tolerated {
            let (key, effect) = (taint.get("key").text(), taint.get("effect").text());
            let what = format!("node {name} has the taint {key}:{effect}, which it does not tolerate");
            return Some(Exclusion { what, patch: Some("{\"tolerations\":[{\"operator\":\"Exists\"}]}") });
        }
    }
    None
}

/// Taints that the controller of DaemonSets tolerates by itself.
const AUTOMATIC: &[&str] = &[
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/network-unavailable",
];

fn fits(term: Field<'_>, labels: Field<'_>, name: &str) -> bool {
    let holds = |expression: Field<'_>, found: Option<&str>| {
        let values = || expression.get("values").items().map(|value| value.text().into_owned());
        let number = |text: &str| text.parse::<i64>().ok();
        let compare = || Some((number(found?)?, number(&values().next()?)?));
        match &*expression.get("operator").text() {
            "In" => found.is_some_and(|found| values().any(|value| value == found)),
            "NotIn" => !found.is_some_and(|found| values().any(|value| value == found)),
            "Exists" => found.is_some(),
            "DoesNotExist" => found.is_none(),
            "Gt" => compare().is_some_and(|(found, value)| found > value),
            "Lt" => compare().is_some_and(|(found, value)| found < value),
            _ => false,
        }
    };
    let by_label = |expression: Field<'_>| {
        let value = labels.get(&expression.get("key").text()).scalar();
        holds(expression, value.as_deref())
    };
    term.get("matchExpressions").items().all(by_label)
        && term.get("matchFields").items().all(|expression| holds(expression, Some(name)))
}

fn tolerates(toleration: Field<'_>, taint: Field<'_>) -> bool {
    let same = |key: &str| toleration.get(key).text() == taint.get(key).text();
    let any_effect = toleration.get("effect").text().is_empty();
    if !any_effect && !same("effect") {
        return false;
    }
    let exists = toleration.get("operator").is("Exists");
    let any_key = toleration.get("key").text().is_empty() && exists;
    any_key || (same("key") && (exists || same("value")))
}
