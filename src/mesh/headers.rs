//! Content security policies that something in front of the page sends with it: a VirtualService, or an nginx in view.

use super::pages::Source;
use super::{Mesh, beside};
use crate::kube::{Field, Inventory, Object, Selector};

/// The header, in lower case.
const HEADER: &str = "content-security-policy";

/// What an nginx forwards to where the page is served through the mesh.
const GATEWAY: &str = "istio-ingressgateway";

/// A policy that is sent as a header.
#[derive(Clone, Debug)]
pub(crate) struct Header<'i> {
    pub(crate) object: &'i Object,
    pub(crate) field: Field<'i>,
    pub(crate) policy: String,
}

impl<'i> Mesh<'i> {
    /// The policies that are sent with the pages of applications.
    pub(crate) fn headers(&self) -> Vec<Header<'i>> {
        let served = self.pages.iter().filter(|page| matches!(page.source, Source::Text { .. }));
        let workloads: Vec<&Object> = served.map(|page| page.workload.object).collect();
        if workloads.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for service in self.inventory.of("networking.istio.io", "VirtualService") {
            for route in service.at(&["spec", "http"]).items() {
                of_route(self.inventory, service, route, &workloads, &mut found);
            }
        }
        for map in self.inventory.of("", "ConfigMap") {
            for (_, field) in map.at(&["data"]).entries() {
                let text = field.text();
                if !text.contains("proxy_pass") || !text.contains(GATEWAY) {
                    continue;
                }
                let policies = sent_by_nginx(&text).into_iter();
                found.extend(policies.map(|policy| Header { object: map, field, policy }));
            }
        }
        found
    }
}

/// The policies of a route that leads to one of these workloads.
fn of_route<'i>(
    inventory: &'i Inventory,
    service: &'i Object,
    route: Field<'i>,
    workloads: &[&Object],
    found: &mut Vec<Header<'i>>,
) {
    let leads = |target: &Field<'i>| {
        let host = target.at(&["destination", "host"]).text();
        let name = host.split('.').next().unwrap_or_default();
        let Some(backend) = beside(inventory, service, "Service", name) else { return false };
        let selector = Selector::of_map(backend.at(&["spec", "selector"]));
        let pods = inventory.templates(backend.namespace(), &selector);
        pods.iter().any(|object| workloads.iter().any(|workload| std::ptr::eq(*workload, *object)))
    };
    let targets: Vec<_> = route.get("route").items().filter(leads).collect();
    let all = targets.first().map(|_| route);
    for place in all.into_iter().chain(targets) {
        for action in ["set", "add"] {
            let headers = place.at(&["headers", "response", action]).entries();
            let policies = headers.filter(|(name, _)| name.eq_ignore_ascii_case(HEADER));
            found.extend(policies.map(|(_, field)| Header {
                object: service,
                field,
                policy: field.text().into_owned(),
            }));
        }
    }
}

/// The policies that `add_header` names in a configuration of nginx.
fn sent_by_nginx(text: &str) -> Vec<String> {
    let live = text.lines().map(|line| line.split_once('#').map_or(line, |(live, _)| live));
    let live = live.collect::<Vec<_>>().join("\n");
    let policies = live.split("add_header").skip(1).filter_map(|rest| {
        let rest = rest.trim_start().trim_start_matches(['"', '\'']);
        let name = rest.get(..HEADER.len()).filter(|name| name.eq_ignore_ascii_case(HEADER))?;
        let rest = rest.get(name.len()..)?.trim_start_matches(['"', '\'']);
        let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let policy = rest.strip_prefix(quote)?.split(quote).next()?;
        Some(policy.to_owned())
    });
    policies.collect()
}

#[cfg(test)]
mod tests {
    use super::sent_by_nginx;

    #[test]
    fn policies_of_nginx_are_read() {
        let text = "add_header Content-Security-Policy \"default-src 'self'\" always;\n# add_header Content-Security-Policy \"x\";\n\
                    add_header X-Frame-Options DENY; add_header 'content-security-policy' 'img-src *';\n\
                    add_header Content-Security-Policy-Report-Only \"y\";";
        assert_eq!(sent_by_nginx(text), ["default-src 'self'", "img-src *"]);
    }
}
