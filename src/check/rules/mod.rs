//! The rules: a file a section. Each looks at all objects and adds what it finds.

mod cluster;
mod datakit;
mod logs;
mod namespace;
mod routing;
mod rum;
mod tracing;
mod workload;

pub(super) use workload::waiting;

use super::{Finding, Level, Outcome};
use crate::kube::{Field, Object};
use crate::mesh::Mesh;

/// A rule as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its id; its page is `docs/checks/ID.md`.
    pub id: &'static str,
    /// The section it is reported in.
    pub section: &'static str,
    /// What holds where nothing was found.
    pub title: &'static str,
}

const fn rule(id: &'static str, section: &'static str, title: &'static str) -> RuleInfo {
    RuleInfo { id, section, title }
}

/// Every rule, in the order of reports.
pub const CATALOG: &[RuleInfo] = &[
    rule("yaml", "files", "every file is YAML"),
    rule("api-version", "files", "every resource has its apiVersion and kind"),
    rule("nodes-ready", "cluster", "every node is ready"),
    rule("istiod-ready", "Istio", "istiod is ready"),
    rule("gateway-ready", "Istio", "the gateways are ready"),
    rule("datakit-missing", "DataKit", "DataKit is there"),
    rule("datakit-ready", "DataKit", "DataKit is ready on every node"),
    rule("datakit-token", "DataKit", "DataKit knows where to upload to"),
    rule("datakit-listen", "DataKit", "DataKit listens to other hosts"),
    rule("datakit-version", "DataKit", "this DataKit reads annotations"),
    rule("datakit-conf", "DataKit", "DataKit's configuration can be read"),
    rule("datakit-mount", "DataKit", "every mounted file is in its ConfigMap"),
    rule("datakit-unmounted", "DataKit", "every file of the ConfigMap is mounted"),
    rule("datakit-zipkin", "DataKit", "DataKit takes spans"),
    rule("datakit-istiod", "DataKit", "DataKit collects istiod's metrics"),
    rule("tracing-address", "tracing", "Istio sends spans somewhere"),
    rule("tracing-provider", "tracing", "the Telemetry's provider is configured"),
    rule("tracing-path", "tracing", "what Istio sends ends at DataKit"),
    rule("tracing-port", "tracing", "the Zipkin alias leads to a Service with its port"),
    rule("namespace-missing", "namespaces", "every namespace is there"),
    rule("namespace-injection", "namespaces", "the application's namespace has the injection label"),
    rule("namespace-label", "namespaces", "the injection label is on the right namespace"),
    rule("injection", "workloads", "Istio injects sidecars"),
    rule("sidecar", "workloads", "every pod has its sidecar"),
    rule("workload-ready", "workloads", "every workload is ready"),
    rule("annotation", "workloads", "DataKit scrapes every sidecar"),
    rule("annotation-place", "workloads", "scrape annotations are on pod templates"),
    rule("annotation-toml", "workloads", "scrape annotations can be read"),
    rule("scraped-twice", "workloads", "no sidecar is scraped twice"),
    rule("rum-page", "RUM", "the page has browser monitoring"),
    rule("rum-input", "RUM", "DataKit takes what browsers send"),
    rule("logs-input", "logs", "DataKit collects the output of containers"),
    rule("logs-json", "logs", "log annotations can be read"),
    rule("subset", "routing", "every subset that is routed to is defined"),
    rule("route-namespace", "routing", "routes are in the namespace of their services"),
];

/// What a rule does.
pub(super) type Rule = fn(&Mesh<'_>, &mut Outcome);

/// All of them.
pub(super) const ALL: &[Rule] = &[
    cluster::cluster,
    namespace::istio,
    datakit::datakit,
    tracing::tracing,
    namespace::namespaces,
    workload::workloads,
    rum::rum,
    logs::logs,
    routing::routing,
];

impl Outcome {
    /// Says that a rule had something to look at.
    fn looked(&mut self, id: &'static str) {
        if !self.checked.contains(&id) {
            self.checked.push(id);
        }
    }

    fn add(
        &mut self,
        id: &'static str,
        level: Level,
        object: &Object,
        field: Field<'_>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.looked(id);
        self.findings.push(Finding {
            id,
            level,
            subject: object.title(),
            message: message.into(),
            hint: hint.into(),
            spot: object.spot(field.offset()),
        });
    }

    fn fail(
        &mut self,
        id: &'static str,
        object: &Object,
        field: Field<'_>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(id, Level::Failure, object, field, message, hint);
    }

    fn warn(
        &mut self,
        id: &'static str,
        object: &Object,
        field: Field<'_>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(id, Level::Warning, object, field, message, hint);
    }

    /// A failure about what is not there.
    fn missing(
        &mut self,
        id: &'static str,
        subject: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.looked(id);
        self.findings.push(Finding {
            id,
            level: Level::Failure,
            subject: subject.to_owned(),
            message: message.into(),
            hint: hint.into(),
            spot: None,
        });
    }
}

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
