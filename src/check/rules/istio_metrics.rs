//! The proxies make the metrics that dashboards read.

use std::collections::HashMap;

use super::Check;
use crate::check::Outcome;
use crate::facts::istio::{METRICS_BY_PROVIDER, STATS_FILTER};
use crate::kube::Object;
use crate::mesh::Mesh;
use crate::mesh::metrics::{NoMetrics, Silent, silent};

pub(super) const CHECK: Check =
    Check { id: "istio-metrics", section: "workloads", title: "the proxies count requests", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let (all, judged) = silent(mesh);
    if judged {
        outcome.looked(CHECK.id);
    }
    let mut groups: Vec<(&Silent<'_>, Vec<&Object>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for silent in &all {
        let from = silent.from;
        let key = format!("{} {} {:?}", from.object.title(), from.field.offset(), silent.cause);
        let number = *known.entry(key).or_insert(groups.len());
        if number == groups.len() {
            groups.push((silent, Vec::new()));
        }
        if let Some((_, members)) = groups.get_mut(number) {
            members.extend(silent.proxy.object);
        }
    }
    for (silent, members) in groups {
        let (message, hint) = texts(&silent.cause, silent.from.object);
        let finding = outcome.fail(CHECK.id, silent.from.object, silent.from.field, message, hint);
        match members.as_slice() {
            [] => {}
            [one] => finding.leads_to(format!("requests of {} are not counted", one.title())),
            all => finding.leads_to(format!("requests of {} workloads are not counted", all.len())),
        }
    }
}

fn texts(cause: &NoMetrics, object: &Object) -> (String, String) {
    let is_telemetry = object.kind() == "Telemetry";
    let place =
        if is_telemetry { "spec.metrics" } else { "defaultProviders.metrics of the mesh configuration" };
    match cause {
        NoMetrics::NoProvider if is_telemetry => (
            "spec.metrics names no provider for Prometheus, so proxies make no istio_requests_total"
                .to_owned(),
            "add `- name: prometheus` to its providers".to_owned(),
        ),
        NoMetrics::NoProvider => (
            format!(
                "neither defaultProviders.metrics nor a Telemetry names the provider `prometheus`, which Istio needs from {METRICS_BY_PROVIDER} on: proxies make no istio_requests_total"
            ),
            "in the mesh configuration, add `metrics: [prometheus]` to `defaultProviders`".to_owned(),
        ),
        NoMetrics::UnknownProvider { name, meant } => (
            format!(
                "{place} names `{name}`, and there is no such provider: proxies make no istio_requests_total"
            ),
            format!("write `{meant}` instead of `{name}`"),
        ),
        NoMetrics::Disabled(metric) => (
            format!(
                "an override of spec.metrics disables {} on both sides, so proxies make no {}",
                metric.key, metric.name
            ),
            "remove the override, or set its `disabled` to false".to_owned(),
        ),
        NoMetrics::NoFilters(minor) => (
            format!(
                "no EnvoyFilter `{STATS_FILTER}1.{minor}`, by which proxies of this version make istio_requests_total"
            ),
            "install Istio again as it was installed, with `values.telemetry.v2.prometheus.enabled=true`"
                .to_owned(),
        ),
    }
}
