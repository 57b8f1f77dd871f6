//! The Pods of workloads, by the controllers that made them, and what keeps a Pod from being ready.

use std::collections::HashMap;

use crate::facts::istio;
use crate::kube::{Field, Inventory, Object, Selector};

/// Namespace, kind and name.
type Key<'i> = (&'i str, String, String);

/// Pods by the workload that made them, ReplicaSets passed over.
#[derive(Debug, Default)]
pub(crate) struct Pods<'i> {
    by_owner: HashMap<Key<'i>, Vec<&'i Object>>,
    /// ReplicaSets by the workload that made them.
    sets: HashMap<Key<'i>, Vec<&'i Object>>,
    /// Warnings that no pod could be made, by the object they are about.
    refusals: HashMap<Key<'i>, &'i Object>,
}

/// The controller of an object.
fn owner(object: &Object) -> Option<Key<'_>> {
    let mut owners = object.at(&["metadata", "ownerReferences"]).items();
    let owner = owners.find(|owner| owner.get("controller").is_true())?;
    Some((object.namespace(), owner.get("kind").text().into_owned(), owner.get("name").text().into_owned()))
}

fn key(object: &Object) -> Key<'_> {
    (object.namespace(), object.kind().to_owned(), object.name().to_owned())
}

impl<'i> Pods<'i> {
    pub(crate) fn of(inventory: &'i Inventory) -> Self {
        if !inventory.live {
            return Self::default();
        }
        let mut found = Self::default();
        let mut makers: HashMap<Key<'i>, Key<'i>> = HashMap::new();
        for set in inventory.of("apps", "ReplicaSet") {
            if let Some(maker) = owner(set) {
                found.sets.entry(maker.clone()).or_default().push(set);
                makers.insert(key(set), maker);
            }
        }
        for pod in inventory.of("", "Pod") {
            let Some(owner) = owner(pod) else { continue };
            let maker = makers.get(&owner).unwrap_or(&owner);
            found.by_owner.entry(maker.clone()).or_default().push(pod);
        }
        for event in inventory.of("", "Event").chain(inventory.of("events.k8s.io", "Event")) {
            let about = ["involvedObject", "regarding"].map(|name| event.at(&[name]));
            let Some(about) = about.into_iter().find(|about| about.exists()) else { continue };
            if event.text(&["reason"]) == "FailedCreate" {
                let (kind, name) = (about.get("kind").text(), about.get("name").text());
                let key = (event.namespace(), kind.into_owned(), name.into_owned());
                found.refusals.insert(key, event);
            }
        }
        found
    }

    /// The Pods of a workload that are meant to run: not those that end, or have ended. A Pod's are itself.
    pub(crate) fn running(&self, inventory: &'i Inventory, workload: &'i Object) -> Vec<&'i Object> {
        let is_running = |pod: &&Object| {
            !pod.at(&["metadata", "deletionTimestamp"]).is_set()
                && !matches!(&*pod.text(&["status", "phase"]), "Succeeded" | "Failed")
        };
        if workload.kind() == "Pod" {
            return Some(workload).into_iter().filter(is_running).collect();
        }
        match self.by_owner.get(&key(workload)) {
            Some(pods) => pods.iter().copied().filter(is_running).collect(),
            // A controller that this does not know, between the workload and its Pods.
            None => {
                let selector = Selector::of(workload.at(&["spec", "selector"]));
                let mut pods = inventory.pods(workload.namespace(), &selector);
                pods.retain(is_running);
                pods
            }
        }
    }

    /// Why a controller cannot make the pods of a workload, as the API server told it.
    pub(crate) fn refusal(&self, workload: &Object) -> Option<String> {
        let failed = |object: &&Object| {
            let mut conditions = object.at(&["status", "conditions"]).items();
            let failed = conditions.find(|condition| {
                condition.get("type").is("ReplicaFailure") && condition.get("status").is("True")
            });
            failed.map(|condition| condition.get("message").text().into_owned())
        };
        let key = key(workload);
        let sets = self.sets.get(&key).map(Vec::as_slice).unwrap_or_default();
        let wanted = |set: &&&Object| set.at(&["spec", "replicas"]).number() != Some(0);
        let of_event = || {
            let event = self.refusals.get(&key)?;
            let message = event.text(&["message"]);
            Some(if message.is_empty() { event.text(&["note"]) } else { message }.into_owned())
        };
        failed(&workload).or_else(|| sets.iter().filter(wanted).find_map(failed)).or_else(of_event)
    }
}

/// What keeps a Pod from being ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// The container; none where the Pod has not come that far.
    pub(crate) container: Option<String>,
    /// Why, as Kubernetes calls it, with its message.
    pub(crate) why: String,
}

impl Trouble {
    /// Whether it is the sidecar's, not the application's.
    pub(crate) fn is_of_sidecar(&self) -> bool {
        self.container
            .as_deref()
            .is_some_and(|name| name == istio::PROXY_CONTAINER || istio::INIT_CONTAINERS.contains(&name))
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.container {
            Some(container) => write!(f, "container {container}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

/// Whether a Pod says that it is ready.
pub(crate) fn is_ready(pod: &Object) -> bool {
    let mut conditions = pod.at(&["status", "conditions"]).items();
    conditions.any(|condition| condition.get("type").is("Ready") && condition.get("status").is("True"))
}

/// What keeps a Pod from being ready; nothing where it is ready, or nobody tells.
pub(crate) fn trouble(pod: &Object) -> Option<Trouble> {
    let status = pod.at(&["status"]);
    let condition =
        |kind: &str| status.get("conditions").items().find(|condition| condition.get("type").is(kind));
    if is_ready(pod) {
        return None;
    }
    if let Some(scheduled) = condition("PodScheduled").filter(|found| found.get("status").is("False")) {
        let (reason, message) = (scheduled.get("reason").text(), scheduled.get("message").text());
        return Some(Trouble { container: None, why: reason_and_message(&reason, &message) });
    }
    // Init containers run one after another: the first that is not done is the one that holds the others.
    let init = status.get("initContainerStatuses").items().find_map(init_trouble);
    let containers = || {
        let all = || status.get("containerStatuses").items();
        all().find_map(waiting_trouble).or_else(|| all().find_map(unready))
    };
    init.or_else(containers)
}

/// Whether a pod of a Deployment starts while the Deployment rolls, with enough others available: nothing is wrong yet.
pub(crate) fn is_starting(workload: &Object, pod: &Object) -> bool {
    const ROLLING: [&str; 3] = ["ReplicaSetUpdated", "NewReplicaSetCreated", "FoundNewReplicaSet"];
    const STARTING: [&str; 3] = ["", "ContainerCreating", "PodInitializing"];
    let holds = |kind: &str, reasons: &[&str]| {
        let mut conditions = workload.at(&["status", "conditions"]).items();
        conditions.any(|condition| {
            condition.get("type").is(kind)
                && condition.get("status").is("True")
                && (reasons.is_empty() || reasons.contains(&&*condition.get("reason").text()))
        })
    };
    let lists = ["initContainerStatuses", "containerStatuses"];
    let mut containers = lists.into_iter().flat_map(|key| pod.at(&["status", key]).items());
    workload.kind() == "Deployment"
        && holds("Available", &[])
        && holds("Progressing", &ROLLING)
        && containers.all(|status| {
            status.get("restartCount").number().unwrap_or(0) == 0
                && STARTING.contains(&&*status.at(&["state", "waiting", "reason"]).text())
                && status.at(&["state", "terminated", "exitCode"]).number().unwrap_or(0) == 0
        })
}

fn reason_and_message(reason: &str, message: &str) -> String {
    match message.lines().next().unwrap_or_default() {
        "" => reason.to_owned(),
        message => format!("{reason}: {message}"),
    }
}

fn named(status: Field<'_>, why: String) -> Trouble {
    Trouble { container: Some(status.get("name").text().into_owned()), why }
}

fn init_trouble(status: Field<'_>) -> Option<Trouble> {
    let ended = status.at(&["state", "terminated"]);
    if ended.exists() {
        let code = ended.get("exitCode").number().unwrap_or(0);
        return (code != 0).then(|| named(status, exit(ended)));
    }
    if let Some(trouble) = waiting_trouble(status) {
        return Some(trouble);
    }
    // One that goes on running beside the others is a sidecar.
    (status.get("started").truth() == Some(false) && status.at(&["state", "running"]).exists())
        .then(|| named(status, "not started yet".to_owned()))
        .or_else(|| unready_sidecar(status))
}

fn unready_sidecar(status: Field<'_>) -> Option<Trouble> {
    let is_running = status.at(&["state", "running"]).exists();
    (is_running && status.get("started").is_true()).then(|| unready(status)).flatten()
}

fn exit(ended: Field<'_>) -> String {
    let (reason, code) = (ended.get("reason").text(), ended.get("exitCode").text());
    format!("{reason}, exit code {code}")
}

fn waiting_trouble(status: Field<'_>) -> Option<Trouble> {
    let waiting = status.at(&["state", "waiting"]);
    let reason = waiting.get("reason").text();
    if reason.is_empty() || reason == "PodInitializing" {
        return None;
    }
    let last = status.at(&["lastState", "terminated"]);
    if last.exists() {
        return Some(named(status, format!("{reason} after {}", exit(last))));
    }
    Some(named(status, reason_and_message(&reason, &waiting.get("message").text())))
}

fn unready(status: Field<'_>) -> Option<Trouble> {
    (status.get("ready").truth() == Some(false)).then(|| named(status, "not ready".to_owned()))
}
