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
    #[test]
    fn the_default_address_is_that_of_istios_namespace() {
        assert_eq!(super::default_zipkin_address("istio-system"), "zipkin.istio-system:9411");
    }
}
