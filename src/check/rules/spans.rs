//! What the checks of tracing share: proxies grouped by what decides about their spans, the way of each group, and the
//! commands that mend it.

use std::collections::HashMap;

use crate::check::{Finding, Outcome};
use crate::facts::datakit::PORT;
use crate::facts::istio::{self, HOST_IP};
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::control_plane::ControlPlane;
use crate::mesh::route::{Router, Way, host_and_port};
use crate::mesh::tracing::{Decider, Decision, Off, Spans};

/// Proxies whose spans are decided by one value.
pub(super) struct Group<'i, 'm> {
    pub(super) decision: Decision<'i, 'm>,
    /// Workloads and gateways, by title.
    pub(super) titles: Vec<String>,
    /// The same.
    pub(super) members: Vec<&'i Object>,
}

impl Group<'_, '_> {
    /// Adds who sends no spans because of it.
    pub(super) fn follow_up(&self, finding: &mut Finding) {
        match self.titles.as_slice() {
            [] => {}
            [one] => finding.leads_to(format!("{one} sends no spans")),
            all => finding.leads_to(format!("{} workloads send no spans", all.len())),
        }
    }
}

/// All groups, in the order of their first members.
pub(super) fn groups<'i, 'm>(mesh: &'m Mesh<'i>) -> Vec<Group<'i, 'm>> {
    let mut found: Vec<Group<'i, 'm>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for decision in mesh.tracing.decisions() {
        let member = decision.proxy.object;
        let title = member.map(Object::title);
        let number = *known.entry(key(mesh, &decision)).or_insert(found.len());
        match found.get_mut(number) {
            Some(group) => {
                group.titles.extend(title);
                group.members.extend(member);
            }
            None => found.push(Group {
                decision,
                titles: title.into_iter().collect(),
                members: member.into_iter().collect(),
            }),
        }
    }
    found
}

/// What is the same for all of a group.
fn key(mesh: &Mesh<'_>, decision: &Decision<'_, '_>) -> String {
    let at = |from: &Decider<'_>| {
        format!("{}/{}:{}", from.object.namespace(), from.object.reference(), from.field.offset())
    };
    let of_spans = match &decision.spans {
        Spans::Bootstrap { address, from } => {
            // A name without a dot means another Service in each namespace that has one.
            let host = address.split(':').next().unwrap_or_default();
            let namespace = decision.proxy.namespace;
            let own = mesh.inventory.get("", "Service", namespace, host).map_or("", |_| namespace);
            format!("{} {address} {own}", at(from))
        }
        Spans::Provider { provider, from } => format!("{} {:?}", at(from), provider.name),
        Spans::Off { cause, from } => format!("{} {cause:?}", at(from)),
        Spans::Unknown { reason, from } => format!("{} {reason:?}", at(from)),
    };
    format!("{} {of_spans}", decision.plane.revision)
}

/// The way of a group's spans, where there is one to follow: the value that names the address, its host and port.
pub(super) fn way<'i>(mesh: &Mesh<'i>, group: &Group<'i, '_>) -> Option<(Decider<'i>, String, Way<'i>)> {
    let decision = &group.decision;
    let (from, host, port) = match &decision.spans {
        Spans::Bootstrap { address, from } => {
            let (host, port) = host_and_port(address)?;
            (*from, host.to_owned(), port)
        }
        Spans::Provider { provider, .. } => {
            let endpoint = provider.endpoint()?;
            let service = endpoint.service.as_deref()?;
            let host = service.rsplit('/').next().unwrap_or(service).to_owned();
            (decision.plane.decider(), host, endpoint.port_number())
        }
        Spans::Off { .. } | Spans::Unknown { .. } => return None,
    };
    let way = router(mesh).follow(&host, port, decision.proxy.namespace);
    Some((from, format!("{host}:{port}"), way))
}

/// Whether a group's decision belongs to a check.
pub(super) fn off_check(cause: &Off) -> &'static str {
    match cause {
        Off::UnknownProvider { .. } | Off::NoTracer { .. } | Off::NoProvider | Off::BadHostHeader(_) => {
            "tracing-provider"
        }
        Off::SamplesNothing(_) | Off::SamplesNothingByDefault(_) => "tracing-sampling",
        Off::Disabled | Off::NotReported => "tracing-disabled",
        Off::NoAddress | Off::Erased | Off::OtherTracer(_) | Off::Tls(_) => "tracing-address",
    }
}

/// Notes that a check had groups to judge.
pub(super) fn looked(outcome: &mut Outcome, id: &'static str, groups: &[Group<'_, '_>]) {
    let judged = |group: &Group<'_, '_>| !matches!(group.decision.spans, Spans::Unknown { .. });
    if groups.iter().any(judged) {
        outcome.looked(id);
    }
}

fn quoted(text: &str) -> String {
    crate::gate::word(text)
}

/// The file that an object is in.
pub(super) fn file_of(object: &Object) -> Option<String> {
    object.spot(0).map(|spot| spot.path).filter(|path| path != "<stdin>")
}

/// A command of `patch` that edits a mesh configuration: the file itself, or the ConfigMap in the cluster.
pub(super) fn patch_mesh(mesh: &Mesh<'_>, plane: &ControlPlane<'_>, flags: &[&str]) -> String {
    let mut words: Vec<String> = vec!["--only".to_owned(), "tracing".to_owned()];
    words.extend(flags.iter().map(|flag| quoted(flag)));
    if let Some(version) = plane.version {
        words.extend(["--istio-version".to_owned(), version.to_string()]);
    }
    if plane.namespace() != istio::NAMESPACE {
        words.extend(["--istio-namespace".to_owned(), quoted(plane.namespace())]);
    }
    if plane.revision != istio::DEFAULT_REVISION && plane.object.kind() == "ConfigMap" {
        words.extend(["--revision".to_owned(), quoted(&plane.revision)]);
    }
    if let Some(datakit) = mesh.datakits.first().map(|datakit| datakit.object.namespace())
        && datakit != "datakit"
    {
        words.extend(["--datakit-namespace".to_owned(), quoted(datakit)]);
    }
    let words = words.join(" ");
    match file_of(plane.object) {
        Some(path) => format!("meshobs patch --in-place {words} {}", quoted(&path)),
        None => format!(
            "kubectl get configmap {} -n {} -o yaml | meshobs patch {words} | kubectl apply -f -",
            quoted(plane.object.name()),
            quoted(plane.namespace())
        ),
    }
}

/// The command that makes proxies send their spans to the DataKit in view: to that of their node, which is the default,
/// or to a Service where that does not answer on the node.
pub(super) fn set_address(mesh: &Mesh<'_>, plane: &ControlPlane<'_>) -> String {
    let router = router(mesh);
    if matches!(router.follow(HOST_IP, PORT.into(), ""), Way::Broken(_))
        && let Some((service, port)) = router.datakit_service()
    {
        let address = format!("{}:{port}", full_name(service));
        return patch_mesh(mesh, plane, &["--overwrite", "--tracing-address", &address]);
    }
    patch_mesh(mesh, plane, &["--overwrite"])
}

pub(super) fn router<'i, 'm>(mesh: &'m Mesh<'i>) -> Router<'i, 'm> {
    Router { inventory: mesh.inventory, datakits: &mesh.datakits, endpoints: &mesh.endpoints }
}

/// The full name and the port of a Service that leads to DataKit.
pub(super) fn datakit_service(mesh: &Mesh<'_>) -> (String, u64) {
    let usual = || ("datakit-service.datakit.svc.cluster.local".to_owned(), u64::from(PORT));
    router(mesh).datakit_service().map_or_else(usual, |(service, port)| (full_name(service), port))
}

/// Adds who sends no spans to the finding that is the reason: a configuration or Telemetry that Istio does not read as it
/// is meant.
pub(super) fn is_consequence(group: &Group<'_, '_>, outcome: &mut Outcome) -> bool {
    let plane = group.decision.plane;
    let is_reason = |finding: &&mut Finding| match finding.id {
        "mesh-config" => {
            finding.subject == plane.object.title()
                || group.decision.proxy.object.is_some_and(|object| finding.subject == object.title())
        }
        "tracing-telemetry" => true,
        _ => false,
    };
    let Some(finding) = outcome.findings.iter_mut().find(is_reason) else { return false };
    group.follow_up(finding);
    true
}

/// The full name of a Service.
pub(super) fn full_name(service: &Object) -> String {
    format!("{}.{}.svc.cluster.local", service.name(), service.namespace())
}

/// The command that prints the two Services behind Istio's own address, for the DataKit in view.
pub(super) fn init_services(mesh: &Mesh<'_>, plane: Option<&ControlPlane<'_>>) -> String {
    let mut words = vec!["meshobs init tracing --mode external-name".to_owned()];
    if let Some(plane) = plane.filter(|plane| plane.namespace() != istio::NAMESPACE) {
        words.push(format!("--istio-namespace {}", quoted(plane.namespace())));
    }
    if let Some(datakit) = mesh.datakits.first() {
        if datakit.object.namespace() != "datakit" {
            words.push(format!("--datakit-namespace {}", quoted(datakit.object.namespace())));
        }
        let selector = datakit.selector();
        if selector != "app=daemonset-datakit" {
            words.push(format!("--datakit-selector {}", quoted(&selector)));
        }
    }
    let command = words.join(" ");
    if mesh.inventory.live { format!("{command} | kubectl apply -f -") } else { command }
}
