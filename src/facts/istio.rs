//! Facts about Istio, read in its source from 1.0 to 1.30.

use crate::manifest::Version;

/// Namespaces whose pods Istio never injects (`pkg/kube/inject/inject.go`).
pub(crate) const NEVER_INJECTED: &[&str] =
    &["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

/// Where istiod lives unless told otherwise, and the mesh-wide configuration with it.
pub(crate) const NAMESPACE: &str = "istio-system";

/// The value of the label `app` of istiod.
pub(crate) const ISTIOD: &str = "istiod";

/// The container of a sidecar; from 1.19 on it may be an init container.
pub(crate) const PROXY_CONTAINER: &str = "istio-proxy";

/// Label of a namespace: `enabled` injects, by the default revision.
pub(crate) const INJECTION_LABEL: &str = "istio-injection";

/// Label of a namespace or pod: the revision or tag that injects.
pub(crate) const REVISION_LABEL: &str = "istio.io/rev";

/// Label or (older) annotation of a pod: whether it wants a sidecar.
pub(crate) const INJECT: &str = "sidecar.istio.io/inject";

/// Init containers of a sidecar: its network rules, or with the CNI plugin the check of them.
pub(crate) const INIT_CONTAINERS: &[&str] = &["istio-init", "istio-validation"];

/// The revision of an installation that has no name.
pub(crate) const DEFAULT_REVISION: &str = "default";

/// Label of a webhook configuration: the tag that it stands for.
pub(crate) const TAG_LABEL: &str = "istio.io/tag";

/// How the names of the injector's webhooks end (`mutatingwebhook.yaml`, 1.10 to 1.30).
pub(crate) const INJECTOR_WEBHOOK: &str = "sidecar-injector.istio.io";

/// Annotation that the CNI agent leaves on a pod that ambient mode has taken in.
pub(crate) const REDIRECTION_ANNOTATION: &str = "ambient.istio.io/redirection";

/// Label of a namespace, Service or pod: the waypoint that its traffic goes through.
pub(crate) const WAYPOINT_LABEL: &str = "istio.io/use-waypoint";

/// Beginnings of pod annotations that only a sidecar reads.
pub(crate) const SIDECAR_ANNOTATIONS: &[&str] =
    &["sidecar.istio.io/", "proxy.istio.io/", "traffic.sidecar.istio.io/", "inject.istio.io/"];

/// Since this version [`INJECT`] knows `true` and `false` alone; all other values count as none (`inject.go`).
pub(crate) const EXACT_INJECT_VALUES: Version = Version::new(1, 27, 0);

/// Since this version the injector reads the label [`INJECT`], and the annotation where there is none.
const INJECT_LABEL_READ: Version = Version::new(1, 12, 0);

/// What a pod says of a sidecar, as the injector reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Yes,
    No,
    /// The injector's policy decides.
    Unsaid,
}

/// What the value of [`INJECT`] means. Without a version, what it means to most: a value that is not a yes is a no.
pub(crate) fn wish(version: Option<Version>, value: Option<&str>) -> Wish {
    let value = value.unwrap_or_default();
    if version.is_some_and(|version| version >= EXACT_INJECT_VALUES) {
        return match value {
            "true" => Wish::Yes,
            "false" => Wish::No,
            _ => Wish::Unsaid,
        };
    }
    match value.to_ascii_lowercase().as_str() {
        "" => Wish::Unsaid,
        "y" | "yes" | "true" | "on" => Wish::Yes,
        _ => Wish::No,
    }
}

/// Whether the injector reads the label [`INJECT`] first: the annotation alone before 1.12.
pub(crate) fn reads_inject_label(version: Option<Version>) -> bool {
    version.is_none_or(|version| version >= INJECT_LABEL_READ)
}

/// What the labels of a namespace and of a pod ask for, by the webhooks that every installation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked<'t> {
    /// A sidecar of the default revision.
    Default,
    /// A sidecar of a revision or tag.
    Revision(&'t str),
    /// No sidecar: the pod says so.
    PodOptsOut,
    /// No sidecar: the namespace says so.
    NamespaceOptsOut,
    /// The namespace's [`INJECTION_LABEL`] is neither `enabled` nor `disabled`, which blocks every webhook.
    BlockedByValue(&'t str),
    /// The pod asks, and its namespace's `disabled` blocks every webhook.
    BlockedByNamespace,
    /// The pod's label [`INJECT`] is nearly `true`, and the webhook wants exactly that.
    NotExactly(&'t str),
    /// Nothing asks.
    Nothing,
}

/// The labels that decide.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Labels<'t> {
    /// [`INJECTION_LABEL`] of the namespace.
    pub(crate) injection: Option<&'t str>,
    /// [`REVISION_LABEL`] of the namespace.
    pub(crate) revision: Option<&'t str>,
    /// [`INJECT`] of the pod.
    pub(crate) inject: Option<&'t str>,
    /// [`REVISION_LABEL`] of the pod.
    pub(crate) pod_revision: Option<&'t str>,
}

/// The decision table of `mutatingwebhook.yaml`, the same from 1.10 to 1.30.
pub(crate) fn asked(labels: Labels<'_>) -> Asked<'_> {
    let opts_out = labels.inject == Some("false");
    let asks = labels.inject == Some("true") || labels.pod_revision.is_some();
    match (labels.injection, labels.revision) {
        (Some("disabled"), _) if asks && !opts_out => Asked::BlockedByNamespace,
        (Some("disabled"), _) => Asked::NamespaceOptsOut,
        (_, _) if opts_out => Asked::PodOptsOut,
        (Some("enabled"), _) => Asked::Default,
        (Some(value), _) => Asked::BlockedByValue(value),
        (None, Some(revision)) => Asked::Revision(revision),
        (None, None) => match (labels.inject, labels.pod_revision) {
            (_, Some(revision)) => Asked::Revision(revision),
            (Some("true"), None) => Asked::Default,
            (Some(value), None) if wish(None, Some(value)) == Wish::Yes => Asked::NotExactly(value),
            _ => Asked::Nothing,
        },
    }
}

/// Label of a namespace or pod: `ambient` takes it into the mesh without a sidecar.
pub(crate) const DATAPLANE_LABEL: &str = "istio.io/dataplane-mode";

/// A sidecar's metrics, merged with the application's (`pilot/cmd/pilot-agent/status/server.go`).
pub(crate) const SIDECAR_PORT: &str = "15020";

/// Envoy's own metrics, without the agent's and the application's.
pub(crate) const ENVOY_PORT: &str = "15090";

/// istiod's metrics, path `/metrics`.
pub(crate) const ISTIOD_PORT: &str = "15014";

/// The path of a sidecar's metrics.
pub(crate) const SIDECAR_PATH: &str = "/stats/prometheus";

/// Zipkin's port, which Istio's default address names.
pub(crate) const ZIPKIN_PORT: u16 = 9411;

/// From this version on nothing is traced unless it is configured (`manifests/charts`, `global.proxy.tracer: none`).
pub(crate) const NO_DEFAULT_TRACING: Version = Version::new(1, 22, 0);

/// Ways of tracing in `defaultConfig.tracing` that are not Zipkin's (`mesh/v1alpha1/proxy.proto`).
pub(crate) const OTHER_TRACERS: &[&str] = &["lightstep", "datadog", "stackdriver", "openCensusAgent"];

/// The Zipkin address that Istio before [`NO_DEFAULT_TRACING`] calls by itself.
pub(crate) fn default_zipkin_address(namespace: &str) -> String {
    format!("zipkin.{namespace}:{ZIPKIN_PORT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_address_is_that_of_istios_namespace() {
        assert_eq!(default_zipkin_address("istio-system"), "zipkin.istio-system:9411");
    }

    #[test]
    fn values_of_inject_mean_what_the_version_makes_of_them() {
        let (old, new) = (Some(Version::new(1, 26, 9)), Some(Version::new(1, 27, 0)));
        for (value, before, since) in [
            ("true", Wish::Yes, Wish::Yes),
            ("Yes", Wish::Yes, Wish::Unsaid),
            ("on", Wish::Yes, Wish::Unsaid),
            ("false", Wish::No, Wish::No),
            ("False", Wish::No, Wish::Unsaid),
            ("no", Wish::No, Wish::Unsaid),
            ("", Wish::Unsaid, Wish::Unsaid),
        ] {
            assert_eq!(wish(old, Some(value)), before, "{value}");
            assert_eq!(wish(new, Some(value)), since, "{value}");
            assert_eq!(wish(None, Some(value)), before, "{value}");
        }
        assert!(!reads_inject_label(Some(Version::new(1, 11, 2))) && reads_inject_label(None));
    }

    #[test]
    fn namespaces_ask_before_pods() {
        let table = [
            // The namespace's istio-injection and istio.io/rev, the pod's inject and istio.io/rev.
            ([Some("enabled"), None, None, None], Asked::Default),
            ([Some("enabled"), Some("canary"), None, Some("x")], Asked::Default),
            ([Some("enabled"), None, Some("false"), None], Asked::PodOptsOut),
            ([Some("disabled"), None, None, None], Asked::NamespaceOptsOut),
            ([Some("disabled"), None, Some("true"), None], Asked::BlockedByNamespace),
            ([Some("disabled"), Some("canary"), None, None], Asked::NamespaceOptsOut),
            ([Some("Enabled"), None, Some("true"), None], Asked::BlockedByValue("Enabled")),
            ([Some(""), None, None, None], Asked::BlockedByValue("")),
            ([Some("true"), None, Some("false"), None], Asked::PodOptsOut),
            ([None, Some("canary"), None, Some("x")], Asked::Revision("canary")),
            ([None, Some("canary"), Some("false"), None], Asked::PodOptsOut),
            ([None, None, Some("true"), None], Asked::Default),
            ([None, None, Some("true"), Some("x")], Asked::Revision("x")),
            ([None, None, None, Some("x")], Asked::Revision("x")),
            ([None, None, Some("false"), Some("x")], Asked::PodOptsOut),
            ([None, None, Some("True"), None], Asked::NotExactly("True")),
            ([None, None, Some("no"), None], Asked::Nothing),
            ([None, None, None, None], Asked::Nothing),
        ];
        for ([injection, revision, inject, pod_revision], expected) in table {
            let labels = Labels { injection, revision, inject, pod_revision };
            assert_eq!(asked(labels), expected, "{labels:?}");
        }
    }
}
