//! Ports that serve HTTP are taken for HTTP, so that proxies report spans and HTTP metrics.

use std::collections::HashMap;

use super::Check;
use super::edit::{Edit, hint};
use crate::check::Outcome;
use crate::facts::protocol::{HTTP_BY_CONVENTION, Protocol, Source};
use crate::kube::{Field, Object};
use crate::mesh::Mesh;
use crate::mesh::hosts::Host;
use crate::mesh::services::{
    Alike, ContainerPort, Port, alike, container_ports, ports, selects, target_number,
};

pub(super) const CHECK: Check = Check {
    id: "port-protocol",
    section: "routing",
    title: "ports that serve HTTP are declared as HTTP",
    run,
};

/// Names of ports may not be longer.
const LONGEST_NAME: usize = 15;

/// Why a port is known to serve HTTP.
enum Evidence<'i> {
    /// A VirtualService has HTTP routes to it.
    Route(&'i Object),
    /// The kubelet asks it by HTTP.
    Probe(&'i Object),
    /// Its number.
    Convention,
}

/// What tells of a pod which of its ports serve HTTP.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Facts {
    declared: Vec<ContainerPort>,
    /// The ports that are probed by plain HTTP.
    probed: Vec<u64>,
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut known = HashMap::new();
    let mut routes: HashMap<*const Object, Vec<(Option<u64>, &Object)>> = HashMap::new();
    for destination in mesh.routes.destinations.iter().filter(|destination| destination.is_http) {
        if let Host::Service(service) = destination.target {
            let of = routes.entry(std::ptr::from_ref(service)).or_default();
            of.push((destination.port(), destination.rule));
        }
    }
    let services = mesh.inventory.of("", "Service").filter(|service| selects(service));
    for service in services {
        let Some(behind) = mesh.behind.service(service) else { continue };
        let meshed = known.entry(std::ptr::from_ref(behind)).or_insert_with(|| {
            let meshed = behind.templates().filter(|(object, _)| mesh.injection.has_sidecar(object));
            alike(meshed.map(|(object, template)| (object, facts(template))))
        });
        if meshed.is_empty() {
            continue;
        }
        outcome.looked(CHECK.id);
        let routed = routes.get(&std::ptr::from_ref(service)).map(Vec::as_slice).unwrap_or_default();
        let single = ports(service).nth(1).is_none();
        for (number, port) in ports(service).enumerate() {
            let (protocol, source) = port.protocol();
            if protocol != Protocol::Tcp {
                continue;
            }
            let route = routed
                .iter()
                .find(|(wanted, _)| wanted.map_or(single, |wanted| port.number() == Some(wanted)));
            let evidence = route.map(|(_, rule)| Evidence::Route(rule)).or_else(|| evidence(&port, meshed));
            if let Some(evidence) = evidence {
                report(mesh, service, (number, &port), source, &evidence, outcome);
            }
        }
    }
}

fn facts(template: Field<'_>) -> Facts {
    Facts { declared: container_ports(template), probed: probes(template).collect() }
}

fn evidence<'i>(port: &Port<'_>, pods: &[Alike<'i, Facts>]) -> Option<Evidence<'i>> {
    let declared_tls = port.field.get("name").text().to_ascii_lowercase();
    let is_tls = declared_tls.starts_with("https") || declared_tls.starts_with("tls");
    let probed = pods.iter().find(|pods| {
        target_number(port, &pods.facts.declared).is_some_and(|target| pods.facts.probed.contains(&target))
    });
    if let Some(pods) = probed {
        return Some(Evidence::Probe(pods.object));
    }
    let by_convention = |number: &u64| HTTP_BY_CONVENTION.contains(number);
    let target = pods.first().and_then(|pods| target_number(port, &pods.facts.declared));
    let known = port.number().filter(by_convention).is_some() && target.filter(by_convention).is_some();
    // What speaks TLS on such a port may well do so.
    (known && !is_tls).then_some(Evidence::Convention)
}

/// The ports of a pod that are probed by plain HTTP.
fn probes(template: Field<'_>) -> impl Iterator<Item = u64> {
    let containers = template.at(&["spec", "containers"]).items();
    containers.flat_map(|container| {
        ["livenessProbe", "readinessProbe", "startupProbe"].into_iter().filter_map(move |key| {
            let get = container.at(&[key, "httpGet"]);
            if get.get("scheme").is("HTTPS") {
                return None;
            }
            let port = get.get("port");
            let named = || {
                let mut ports = container.get("ports").items();
                ports.find(|found| found.get("name").is(&port.text()))?.get("containerPort").number()
            };
            port.scalar()?.parse().ok().or_else(named)
        })
    })
}

fn report(
    mesh: &Mesh<'_>,
    service: &Object,
    (number, port): (usize, &Port<'_>),
    source: Source,
    evidence: &Evidence<'_>,
    outcome: &mut Outcome,
) {
    let name = port.field.get("name").text();
    let value = port.number().unwrap_or(0);
    let declared = match source {
        Source::AppProtocol => format!("appProtocol `{}`", port.field.get("appProtocol").text()),
        Source::Name => format!("its name `{name}`"),
        Source::Number | Source::Transport => format!("its number {value}"),
    };
    let why = match evidence {
        Evidence::Route(rule) => format!("{} has HTTP routes to it", rule.title()),
        Evidence::Probe(object) => format!("{} is probed by HTTP there", object.title()),
        Evidence::Convention => "the port is one for HTTP by convention".to_owned(),
    };
    let message = format!(
        "port {value} is TCP to Istio by {declared}, and {why}: no spans and no HTTP metrics (istio_requests_total) of it"
    );
    let number = number.to_string();
    let right = format!("http-{}", name.split_once('-').map_or(&*name, |(_, rest)| rest));
    // A name that other objects may use stays; appProtocol comes before it.
    let edit = match source {
        Source::Name if name.contains('-') && right.len() <= LONGEST_NAME => {
            Edit::set("replace", &["spec", "ports", &number, "name"], right.clone())
        }
        _ => Edit::set("add", &["spec", "ports", &number, "appProtocol"], "http"),
    };
    let field = match source {
        Source::AppProtocol => port.field.get("appProtocol"),
        _ => port.field.get("name"),
    };
    let hint = hint(mesh.inventory.live, service, &[edit]);
    if matches!(evidence, Evidence::Route(_)) {
        outcome.fail(CHECK.id, service, field, message, hint);
    } else {
        outcome.warn(CHECK.id, service, field, message, hint);
    }
}
