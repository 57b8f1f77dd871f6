//! The checks and their catalog. Each looks at the mesh and adds what it finds; none knows of another.

mod ambient;
mod annotation;
mod annotation_filter;
mod annotation_place;
mod annotation_target;
mod annotation_toml;
mod api_served;
mod cluster;
mod command;
mod datakit;
#[cfg(test)]
mod datakit_cases;
mod datakit_conf;
mod datakit_dns;
mod datakit_election;
mod datakit_env;
mod datakit_filter;
mod datakit_gateways;
mod datakit_istiod;
mod datakit_listen;
mod datakit_missing;
mod datakit_mount;
mod datakit_node;
mod datakit_port;
mod datakit_rbac;
mod datakit_ready;
mod datakit_token;
mod datakit_unmounted;
mod datakit_version;
mod datakit_zipkin;
mod edit;
mod gateway_clash;
mod gateway_port;
mod gateway_protocol;
mod gateway_ready;
mod gateway_selector;
mod http_route;
mod injection;
mod istio_metrics;
mod istiod_ready;
mod logs_excluded;
mod logs_input;
mod logs_json;
mod mesh_config;
mod mutual_tls;
mod namespace_injection;
mod namespace_label;
mod namespace_missing;
mod network_policy;
mod peer_authentication;
mod policy;
mod port_protocol;
mod revision_missing;
mod route_clash;
mod route_delegate;
mod route_gateway;
mod route_host;
mod route_namespace;
mod route_port;
mod rule_revision;
mod rum_app_id;
mod rum_csp;
mod rum_input;
mod rum_origin;
mod rum_page;
mod rum_snippet;
mod rum_tracing;
mod scrape_discovery;
mod scrape_instance;
mod scrape_stale;
mod scraped_twice;
mod scraping;
mod service_port;
mod service_selector;
mod sidecar;
mod sidecar_egress;
mod spans;
mod subset;
mod subset_pods;
mod tracing_address;
#[cfg(test)]
mod tracing_cases;
mod tracing_disabled;
mod tracing_path;
mod tracing_port;
mod tracing_provider;
mod tracing_sampling;
mod tracing_telemetry;
mod waypoint;
mod workload_ready;

pub(super) use workload_ready::why_not_ready as waiting;

use super::Outcome;
use crate::mesh::Mesh;

/// A check: what it is called, and what it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check {
    /// Its id; its page is `docs/checks/ID.md`.
    pub(crate) id: &'static str,
    /// The section it is reported in.
    pub(crate) section: &'static str,
    /// What holds where nothing was found.
    pub(crate) title: &'static str,
    /// Looks at the mesh and adds what it finds.
    pub(super) run: fn(&Mesh<'_>, &mut Outcome),
}

const fn check(
    id: &'static str,
    section: &'static str,
    title: &'static str,
    run: fn(&Mesh<'_>, &mut Outcome),
) -> Check {
    Check { id, section, title, run }
}

/// One that is judged together with the one above it.
const fn part(id: &'static str, section: &'static str, title: &'static str) -> Check {
    Check { id, section, title, run: |_, _| {} }
}

/// Every check, in the order of reports.
pub(crate) const CATALOG: &[Check] = &[
    part("yaml", "files", "every file is YAML"),
    api_served::CHECK,
    check("nodes-ready", "cluster", "every node is ready", cluster::cluster),
    istiod_ready::CHECK,
    gateway_ready::CHECK,
    mesh_config::CHECK,
    datakit_missing::CHECK,
    datakit_token::CHECK,
    datakit_env::CHECK,
    datakit_mount::CHECK,
    datakit_unmounted::CHECK,
    datakit_conf::CHECK,
    datakit_rbac::CHECK,
    datakit_port::CHECK,
    datakit_ready::CHECK,
    datakit_listen::CHECK,
    datakit_version::CHECK,
    datakit_dns::CHECK,
    datakit_node::CHECK,
    datakit_zipkin::CHECK,
    datakit_filter::CHECK,
    datakit_istiod::CHECK,
    datakit_gateways::CHECK,
    datakit_election::CHECK,
    scrape_discovery::CHECK,
    scrape_instance::CHECK,
    tracing_telemetry::CHECK,
    tracing_address::CHECK,
    tracing_disabled::CHECK,
    tracing_provider::CHECK,
    tracing_sampling::CHECK,
    tracing_path::CHECK,
    tracing_port::CHECK,
    namespace_missing::CHECK,
    namespace_injection::CHECK,
    namespace_label::CHECK,
    revision_missing::CHECK,
    injection::CHECK,
    sidecar::CHECK,
    ambient::CHECK,
    waypoint::CHECK,
    workload_ready::CHECK,
    annotation::CHECK,
    policy::CHECK,
    annotation_place::CHECK,
    annotation_toml::CHECK,
    annotation_target::CHECK,
    annotation_filter::CHECK,
    scrape_stale::CHECK,
    scraped_twice::CHECK,
    istio_metrics::CHECK,
    rum_page::CHECK,
    rum_snippet::CHECK,
    rum_csp::CHECK,
    rum_tracing::CHECK,
    rum_input::CHECK,
    rum_app_id::CHECK,
    rum_origin::CHECK,
    logs_input::CHECK,
    logs_json::CHECK,
    logs_excluded::CHECK,
    service_selector::CHECK,
    service_port::CHECK,
    port_protocol::CHECK,
    route_namespace::CHECK,
    route_host::CHECK,
    route_port::CHECK,
    subset::CHECK,
    subset_pods::CHECK,
    route_gateway::CHECK,
    route_delegate::CHECK,
    route_clash::CHECK,
    gateway_selector::CHECK,
    gateway_port::CHECK,
    gateway_protocol::CHECK,
    gateway_clash::CHECK,
    http_route::CHECK,
    rule_revision::CHECK,
    sidecar_egress::CHECK,
    network_policy::CHECK,
    peer_authentication::CHECK,
    mutual_tls::CHECK,
];

#[cfg(test)]
mod tests {
    use super::CATALOG;

    #[test]
    fn every_rule_has_a_page() {
        for rule in CATALOG {
            let page = format!("{}/docs/checks/{}.md", env!("CARGO_MANIFEST_DIR"), rule.id);
            let text = std::fs::read_to_string(&page).unwrap_or_default();
            assert!(text.starts_with(&format!("# {}\n", rule.id)), "{page}");
        }
    }
}
