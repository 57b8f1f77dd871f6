//! Instances of kubernetesprometheus that are meant for proxies find them, and what they serve.

use super::{Check, scraping as shared};
use crate::check::Outcome;
use crate::facts::istio;
use crate::mesh::Mesh;
use crate::mesh::scrape::{Instance, Kind, Scraped, Unmatched};
use crate::spelling::nearest;

pub(super) const CHECK: Check = Check {
    id: "scrape-instance",
    section: "DataKit",
    title: "instances of kubernetesprometheus find what they scrape",
    run,
};

/// What is wrong with an instance: the setting, in words, and the edit.
struct Wrong {
    message: String,
    hint: String,
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for rules in &mesh.scraping.rules {
        for instance in rules.instances.iter().filter(|instance| instance.is_for_proxies()) {
            let Some(wrong) = wrong(mesh, instance) else {
                outcome.looked(CHECK.id);
                continue;
            };
            let is_lost = |one: &&Scraped<'_>| {
                one.proxy.kind == Kind::Sidecar && !one.is_scraped() && one.annotation.is_none()
            };
            let lost = mesh.scraping.proxies.iter().filter(is_lost).count();
            let (object, field) = (instance.object, instance.field);
            let Wrong { message, hint } = wrong;
            if message.is_empty() {
                outcome.unknown(CHECK.id, object, field, hint);
                continue;
            }
            let finding = outcome.fail(CHECK.id, object, field, message, hint);
            if lost > 0 {
                finding.leads_to(shared::workloads(lost, "is not scraped", "are not scraped"));
            }
        }
    }
}

/// An instance with a fault, and whether it reaches no proxy at all.
pub(super) struct Faulty<'m, 'i> {
    instance: &'m Instance<'i>,
    reaches_none: bool,
}

impl Faulty<'_, '_> {
    /// Whether it is why a proxy is not scraped.
    pub(super) fn is_cause(&self, scraped: &Scraped<'_>) -> bool {
        self.reaches_none || self.instance.reach(&scraped.proxy).is_ok()
    }
}

/// The instances with faults.
pub(super) fn faulty<'m, 'i>(mesh: &'m Mesh<'i>) -> Vec<Faulty<'m, 'i>> {
    let instances = mesh.scraping.rules.iter().flat_map(|rules| &rules.instances);
    let faulty = instances.filter(|instance| instance.is_for_proxies() && wrong(mesh, instance).is_some());
    let proxies = mesh.scraping.proxies.iter().map(|scraped| &scraped.proxy);
    let faulty = faulty.map(|instance| Faulty {
        instance,
        reaches_none: proxies.clone().all(|proxy| instance.reach(proxy).is_err()),
    });
    faulty.collect()
}

fn wrong(mesh: &Mesh<'_>, instance: &Instance<'_>) -> Option<Wrong> {
    let file = &instance.file;
    let told = |message: String, hint: String| {
        let message = format!("an instance of kubernetesprometheus in `{file}` {message}");
        Some(Wrong { message, hint: format!("in `{file}`, {hint}") })
    };
    let roles = ["pod", "endpoints", "service", "node"];
    if !roles.contains(&instance.role.as_str()) {
        let near = nearest(&instance.role, roles).unwrap_or("pod");
        return told(
            format!("has role `{}`, which DataKit does not have", instance.role),
            format!("write role = \"{near}\""),
        );
    }
    if instance.conditions.is_none() {
        return told(
            format!("has the selector `{}`, which is none", instance.selector),
            "write the selector as key=value".to_owned(),
        );
    }
    let proxies = || mesh.scraping.proxies.iter().map(|scraped| &scraped.proxy);
    let mut reached = proxies().filter_map(|proxy| Some((proxy, instance.reach(proxy).ok()?)));
    if let Some((proxy, endpoint)) = reached.next() {
        if endpoint.scheme != "http" {
            return told(
                format!("has scheme `{}`, and proxies serve metrics by http", endpoint.scheme),
                "remove scheme".to_owned(),
            );
        }
        if proxy.served.answers(endpoint.port, &endpoint.path) {
            return None;
        }
        let port = proxy.served.ports.first().copied().unwrap_or_default();
        let known =
            proxy.served.ports.contains(&endpoint.port) || endpoint.port.to_string() == istio::ENVOY_PORT;
        if known {
            let right = proxy.served.path();
            return told(
                format!("scrapes the path {} of port {}, which has no metrics", endpoint.path, endpoint.port),
                format!("write path = \"{right}\""),
            );
        }
        return told(
            format!(
                "scrapes port {} of {}, which has no metrics of Istio",
                endpoint.port,
                proxy.workload.object.title()
            ),
            format!("write port = \"{port}\""),
        );
    }
    unmatched(mesh, instance, told)
}

/// It reaches no proxy at all: why.
fn unmatched(
    mesh: &Mesh<'_>,
    instance: &Instance<'_>,
    told: impl Fn(String, String) -> Option<Wrong>,
) -> Option<Wrong> {
    let proxies = || mesh.scraping.proxies.iter().map(|scraped| &scraped.proxy);
    proxies().next()?;
    let reasons: Vec<Unmatched> = proxies().filter_map(|proxy| instance.reach(proxy).err()).collect();
    if reasons.contains(&Unmatched::Port) {
        let port = &instance.port;
        return told(
            format!("has port `{port}`, which no pod that it selects has"),
            format!("write port = \"{}\"", istio::SIDECAR_PORT),
        );
    }
    if reasons.contains(&Unmatched::Scrape) {
        return told("has a condition `scrape` that no pod fulfils".to_owned(), "remove scrape".to_owned());
    }
    if reasons.contains(&Unmatched::Selector) {
        let near = instance.conditions.iter().flatten().find_map(|one| {
            let known = proxies().find_map(|proxy| proxy.label(&one.key));
            let value = one.values.first()?;
            let meant = proxies().filter_map(|proxy| proxy.label(&one.key));
            let meant = meant.into_iter().find(|label| nearest(value, [label.as_str()]).is_some());
            match (known, meant) {
                (Some(_), Some(meant)) => Some(format!("{}={meant}", one.key)),
                (None, _) if nearest(&one.key, [istio::TLS_MODE_LABEL]).is_some() => {
                    Some(format!("{}=istio", istio::TLS_MODE_LABEL))
                }
                _ => None,
            }
        });
        let near = near.unwrap_or_else(|| format!("{}=istio", istio::TLS_MODE_LABEL));
        return told(
            format!("has the selector `{}`, which selects no pod of the mesh", instance.selector),
            format!("write selector = \"{near}\""),
        );
    }
    let namespaces = instance.namespaces.join(", ");
    let known: Vec<&str> = proxies().map(|proxy| proxy.namespace()).collect();
    let near = instance.namespaces.iter().find_map(|name| nearest(name, known.iter().copied()));
    if near.is_none() && !mesh.inventory.live {
        let message =
            format!("whether an instance in `{}` finds pods in {namespaces} is not in view", instance.file);
        return Some(Wrong { message: String::new(), hint: message });
    }
    let sidecars = mesh.scraping.proxies.iter().find(|one| one.proxy.kind == Kind::Sidecar);
    let right = near.or_else(|| sidecars.map(|one| one.proxy.namespace())).unwrap_or("default");
    told(
        format!("has namespaces [{namespaces}], and no pod of the mesh is there"),
        format!("write namespaces = [\"{right}\"]"),
    )
}
