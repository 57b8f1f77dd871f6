//! Facts about Istio, read in its source from 1.0 to 1.30.

use crate::facts::Version;

/// Namespaces whose pods Istio never injects (`pkg/kube/inject/inject.go`).
pub(crate) const NEVER_INJECTED: &[&str] =
    &["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

/// The domain of a cluster unless its kubelets, and istiod by `--domain`, are told otherwise.
pub(crate) const CLUSTER_DOMAIN: &str = "cluster.local";

/// istiod's variable with the share of requests that is traced where nothing else says one
/// (`pilot/pkg/networking/core/tracing.go`).
pub(crate) const ENV_SAMPLING: &str = "PILOT_TRACE_SAMPLING";

/// istiod's variable that names a second ConfigMap with a mesh configuration (`pilot/pkg/bootstrap/mesh.go`).
pub(crate) const SHARED_MESH_CONFIG: &str = "SHARED_MESH_CONFIG";

/// Workloads whose pods end by themselves: they live too shortly to be scraped.
pub(crate) const ENDING_KINDS: &[&str] =
    &["Job", "CronJob", "BroadcastJob", "AdvancedCronJob", "ScaledJob", "JobSet"];

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

/// Values of [`INJECT`] that ask for a sidecar before [`EXACT_INJECT_VALUES`], in any letter case.
pub(crate) const INJECT_YES: &[&str] = &["y", "yes", "true", "on"];

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
        value if INJECT_YES.contains(&value) => Wish::Yes,
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

/// The port of Envoy's administration, on loopback of its pod (`pilot/cmd/pilot-agent/options`, proxyAdminPort).
pub(crate) const ADMIN_PORT: u16 = 15000;

/// A sidecar's metrics, merged with the application's (`pilot/cmd/pilot-agent/status/server.go`).
pub(crate) const SIDECAR_PORT: &str = "15020";

/// The pod annotations that Prometheus goes by; the injector sets them where it merges metrics
/// (`pkg/kube/inject/webhook.go`, applyPrometheusMerge).
pub(crate) const PROMETHEUS_SCRAPE: &str = "prometheus.io/scrape";
pub(crate) const PROMETHEUS_PORT: &str = "prometheus.io/port";
pub(crate) const PROMETHEUS_PATH: &str = "prometheus.io/path";

/// Since this version a pod's own `false` in [`PROMETHEUS_SCRAPE`] is kept; before, merging overwrites it.
pub(crate) const SCRAPE_FALSE_KEPT: Version = Version::new(1, 13, 0);

/// Annotation of a pod: `false` keeps the injector from merging its metrics.
pub(crate) const MERGE_METRICS: &str = "prometheus.istio.io/merge-metrics";

/// Annotation of a pod: the port of its agent, instead of [`SIDECAR_PORT`].
pub(crate) const STATUS_PORT: &str = "status.sidecar.istio.io/port";

/// Variable in `proxyMetadata`, from 1.22 on: `true` lets the agent refuse metrics (403) to all but localhost.
pub(crate) const LOCALHOST_ONLY: &str = "METRICS_LOCALHOST_ACCESS_ONLY";

/// Since this version [`LOCALHOST_ONLY`] is read.
pub(crate) const LOCALHOST_ONLY_SINCE: Version = Version::new(1, 22, 0);

/// Label that the injector leaves on pods.
pub(crate) const TLS_MODE_LABEL: &str = "security.istio.io/tlsMode";

/// Label that the injector leaves on pods: the name of their service in telemetry.
pub(crate) const CANONICAL_NAME_LABEL: &str = "service.istio.io/canonical-name";

/// Label of the pods of a gateway or waypoint that istiod made.
pub(crate) const GATEWAY_NAME_LABEL: &str = "gateway.networking.k8s.io/gateway-name";

/// Envoy's own metrics, without the agent's and the application's.
pub(crate) const ENVOY_PORT: &str = "15090";

/// istiod's metrics, path `/metrics`.
pub(crate) const ISTIOD_PORT: &str = "15014";
pub(crate) const ISTIOD_METRICS: u64 = 15014;

/// istiod's port for the configuration of proxies, by mutual TLS (`pilot/cmd/pilot-discovery/app/cmd.go`).
pub(crate) const XDS: u64 = 15012;

/// Annotation of a Service: the namespaces that know it (`annotation.NetworkingExportTo` of `istio.io/api`).
pub(crate) const EXPORT_TO: &str = "networking.istio.io/exportTo";

/// The path of istiod's metrics, and another one of a sidecar's agent.
pub(crate) const METRICS_PATH: &str = "/metrics";

/// The path of a sidecar's metrics.
pub(crate) const SIDECAR_PATH: &str = "/stats/prometheus";

/// Zipkin's port, which Istio's default address names.
pub(crate) const ZIPKIN_PORT: u16 = 9411;

/// From this version on nothing is traced unless it is configured (`manifests/charts`, `global.proxy.tracer: none`).
pub(crate) const NO_DEFAULT_TRACING: Version = Version::new(1, 22, 0);

/// Ways of tracing in `defaultConfig.tracing` that are not Zipkin's (`mesh/v1alpha1/proxy.proto`).
pub(crate) const OTHER_TRACERS: &[&str] = &["lightstep", "datadog", "stackdriver", "openCensusAgent"];

/// The revision of an installation that has no name.
pub(crate) const DEFAULT_REVISION: &str = "default";

/// The pod annotation that holds a part of `defaultConfig` for one workload.
pub(crate) const PROXY_CONFIG_ANNOTATION: &str = "proxy.istio.io/config";

/// The path that Envoy's Zipkin tracer posts to (`envoy_bootstrap.json`, from 1.5), unless a provider sets `path` (1.24).
pub(crate) const SPANS_PATH: &str = "/api/v2/spans";

/// In an address: the IP address of the pod's node. Known from 1.9.
pub(crate) const HOST_IP: &str = "$(HOST_IP)";

/// Since this version `$(HOST_IP)` is replaced; before, validation refuses the address (`ValidateProxyAddress`).
pub(crate) const SINCE_HOST_IP: Version = Version::new(1, 9, 0);

/// Since this version ExternalName Services are aliases without a cluster of their own, so no provider can name one
/// (`ENABLE_EXTERNAL_NAME_ALIAS`).
pub(crate) const ALIASES_WITHOUT_CLUSTER: Version = Version::new(1, 21, 0);

/// Since this version `telemetry.istio.io/v1` is served; `v1alpha1` still is.
pub(crate) const TELEMETRY_V1: Version = Version::new(1, 22, 0);

/// Since this version there is the Telemetry API.
pub(crate) const TELEMETRY: Version = Version::new(1, 10, 0);

/// Since this version a zipkin provider can name its path.
pub(crate) const PROVIDER_PATH: Version = Version::new(1, 24, 0);

/// What istiod makes of a tracing configuration that names no provider it can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WithoutProvider {
    /// The address of the proxies' own configuration is used; the sampling of the Telemetry is kept.
    Bootstrap,
    /// The same, and the Telemetry has no effect at all.
    BootstrapAlone,
    /// No spans.
    Off,
}

/// Why there is no provider to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProviderLack {
    /// Neither a Telemetry nor `defaultProviders.tracing`.
    NoEntry,
    /// A Telemetry with tracing, and no provider in it or in `defaultProviders`.
    NotNamed,
    /// No entry of `extensionProviders` has the name, or its Service is not in the registry.
    NotFound,
    /// The entry is of a kind that has no tracing, such as `envoyFileAccessLog`.
    NoTracer,
}

/// The decision table of `pilot/pkg/model/telemetry.go` and `tracing.go`, 1.10 to 1.30.
pub(crate) fn without_provider(version: Version, lack: ProviderLack) -> WithoutProvider {
    let since = |minor| version >= Version::new(1, minor, 0);
    match lack {
        ProviderLack::NoEntry => WithoutProvider::Bootstrap,
        ProviderLack::NotNamed if since(14) => WithoutProvider::Off,
        ProviderLack::NotNamed if since(12) => WithoutProvider::BootstrapAlone,
        ProviderLack::NotFound if since(12) => WithoutProvider::Off,
        ProviderLack::NoTracer if since(18) => WithoutProvider::Off,
        ProviderLack::NotNamed | ProviderLack::NotFound | ProviderLack::NoTracer => {
            WithoutProvider::Bootstrap
        }
    }
}

/// Whether a provider without `randomSamplingPercentage` samples nothing: 1.13 to 1.16.
pub(crate) fn samples_nothing_unless_told(version: Version) -> bool {
    version >= Version::new(1, 13, 0) && version < Version::new(1, 17, 0)
}

/// Whether spans by way of a zipkin provider reach DataKit: before 1.11.6 and 1.12.2 their Host header is one that Go
/// servers refuse (`malformed Host header`).
pub(crate) fn provider_has_good_host_header(version: Version) -> bool {
    version >= Version::new(1, 12, 2)
        || (version >= Version::new(1, 11, 6) && version < Version::new(1, 12, 0))
}

/// Whether all Telemetries whose selector fits a workload are merged, the newest last (1.20); before, the oldest counts.
pub(crate) fn merges_workload_telemetries(version: Version) -> bool {
    version >= Version::new(1, 20, 0)
}

/// Whether a Telemetry with nothing but `targetRefs` holds for its whole namespace (to 1.23).
pub(crate) fn target_refs_mean_namespace(version: Version) -> bool {
    version < Version::new(1, 24, 0)
}

/// A kind of entry in `extensionProviders` (`mesh/v1alpha1/config.proto`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProviderKind {
    pub(crate) key: &'static str,
    /// Whether it can trace, and its last version that can.
    pub(crate) traces: Traces,
}

/// Whether a kind of provider traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traces {
    Yes,
    No,
    /// Before this version.
    Before(Version),
}

const fn tracer(key: &'static str, traces: Traces) -> ProviderKind {
    ProviderKind { key, traces }
}

/// Every kind of provider.
pub(crate) const PROVIDER_KINDS: &[ProviderKind] = &[
    tracer("zipkin", Traces::Yes),
    tracer("opentelemetry", Traces::Yes),
    tracer("datadog", Traces::Yes),
    tracer("skywalking", Traces::Yes),
    tracer("stackdriver", Traces::Yes),
    tracer("lightstep", Traces::Before(Version::new(1, 27, 0))),
    tracer("opencensus", Traces::Before(Version::new(1, 23, 0))),
    tracer("envoyExtAuthzHttp", Traces::No),
    tracer("envoyExtAuthzGrpc", Traces::No),
    tracer("prometheus", Traces::No),
    tracer("envoyFileAccessLog", Traces::No),
    tracer("envoyHttpAls", Traces::No),
    tracer("envoyTcpAls", Traces::No),
    tracer("envoyOtelAls", Traces::No),
    tracer("sds", Traces::No),
];

/// The keys of a mesh configuration (`mesh/v1alpha1/config.proto`, all versions from 1.5 on).
pub(crate) const MESH_CONFIG_KEYS: &[&str] = &[
    "accessLogEncoding",
    "accessLogFile",
    "accessLogFormat",
    "authPolicy",
    "ca",
    "caCertificates",
    "certificates",
    "clusterLocalConfigs",
    "configSources",
    "connectTimeout",
    "defaultConfig",
    "defaultDestinationRuleExportTo",
    "defaultHttpRetryPolicy",
    "defaultProviders",
    "defaultServiceExportTo",
    "defaultVirtualServiceExportTo",
    "disableEnvoyListenerLog",
    "disableMixerHttpReports",
    "disablePolicyChecks",
    "discoverySelectors",
    "dnsRefreshRate",
    "enableAutoMtls",
    "enableClientSidePolicyCheck",
    "enableEnvoyAccessLogService",
    "enablePrometheusMerge",
    "enableTracing",
    "enableSdsTokenMount",
    "extensionProviders",
    "h2UpgradePolicy",
    "hboneIdleTimeout",
    "inboundClusterStatName",
    "inboundTrafficPolicy",
    "ingressClass",
    "ingressControllerMode",
    "ingressSelector",
    "ingressService",
    "localityLbSetting",
    "meshMTLS",
    "mixerCheckServer",
    "mixerReportServer",
    "mtlsMode",
    "outboundClusterStatName",
    "outboundTrafficPolicy",
    "pathNormalization",
    "policyCheckFailOpen",
    "protocolDetectionTimeout",
    "proxyHttpPort",
    "proxyInboundListenPort",
    "proxyListenPort",
    "proxyMetadata",
    "reportBatchMaxEntries",
    "reportBatchMaxTime",
    "rootNamespace",
    "sdsRefreshDelay",
    "sdsUdsPath",
    "sdsUseK8sSaJwt",
    "serviceScopeConfigs",
    "serviceSettings",
    "sidecarToTelemetrySessionAffinity",
    "tcpKeepalive",
    "thriftConfig",
    "tlsDefaults",
    "trustDomain",
    "trustDomainAliases",
    "verifyCertificateAtClient",
];

/// The keys of `defaultConfig` and of [`PROXY_CONFIG_ANNOTATION`] (`mesh/v1alpha1/proxy.proto`).
pub(crate) const PROXY_CONFIG_KEYS: &[&str] = &[
    "availabilityZone",
    "binaryPath",
    "caCertificatesPem",
    "concurrency",
    "configPath",
    "connectTimeout",
    "controlPlaneAuthPolicy",
    "customConfigFile",
    "discoveryAddress",
    "discoveryRefreshDelay",
    "drainDuration",
    "envoyAccessLogService",
    "envoyMetricsService",
    "envoyMetricsServiceAddress",
    "extraStatTags",
    "fileFlushInterval",
    "fileFlushMinSizeKb",
    "gatewayTopology",
    "holdApplicationUntilProxyStarts",
    "image",
    "interceptionMode",
    "meshId",
    "parentShutdownDuration",
    "privateKeyProvider",
    "proxyAdminPort",
    "proxyBootstrapTemplatePath",
    "proxyHeaders",
    "proxyMetadata",
    "proxyStatsMatcher",
    "readinessProbe",
    "runtimeValues",
    "sds",
    "serviceCluster",
    "statNameLength",
    "statsdUdpAddress",
    "statusPort",
    "terminationDrainDuration",
    "tracing",
    "tracingServiceName",
    "zipkinAddress",
];

/// The keys of `defaultConfig.tracing`.
pub(crate) const TRACING_KEYS: &[&str] = &[
    "customTags",
    "datadog",
    "enableIstioTags",
    "lightstep",
    "maxPathTagLength",
    "openCensusAgent",
    "sampling",
    "stackdriver",
    "tlsSettings",
    "zipkin",
];

/// The keys of `extensionProviders[].zipkin`.
pub(crate) const ZIPKIN_PROVIDER_KEYS: &[&str] = &[
    "enable64bitTraceId",
    "headers",
    "maxTagLength",
    "path",
    "port",
    "service",
    "timeout",
    "traceContextOption",
];

/// The keys of an entry of a Telemetry's `tracing` (`telemetry/v1alpha1/telemetry.proto`).
pub(crate) const TELEMETRY_TRACING_KEYS: &[&str] = &[
    "customTags",
    "disableContextPropagation",
    "disableSpanReporting",
    "enableIstioTags",
    "match",
    "providers",
    "randomSamplingPercentage",
    "useRequestIdForTraceSampling",
];

/// The keys of a Telemetry's `spec`.
pub(crate) const TELEMETRY_KEYS: &[&str] =
    &["accessLogging", "metrics", "selector", "targetRef", "targetRefs", "tracing"];

/// The versions of Istio's groups, the oldest first (CRDs of 1.10 to 1.30).
pub(crate) const API_VERSIONS: &[(&str, &[&str])] = &[
    ("networking.istio.io", &["v1alpha3", "v1beta1", "v1"]),
    ("security.istio.io", &["v1beta1", "v1"]),
    ("telemetry.istio.io", &["v1alpha1", "v1"]),
];

/// Since this version `v1` of these groups is served.
pub(crate) const STABLE_APIS: Version = TELEMETRY_V1;

/// Protocols of a Gateway's servers (`pkg/config/protocol/instance.go`), in upper case.
pub(crate) const GATEWAY_PROTOCOLS: &[&str] =
    &["HTTP", "HTTPS", "GRPC", "GRPC-WEB", "HTTP2", "MONGO", "TCP", "TLS", "REDIS", "MYSQL", "HBONE"];

/// Those whose requests have routes of HTTP.
pub(crate) const HTTP_PROTOCOLS: &[&str] = &["HTTP", "HTTP2", "GRPC", "GRPC-WEB"];

/// The provider for Prometheus that every mesh has (`pkg/config/mesh/mesh.go`), and the kind of those like it.
pub(crate) const PROMETHEUS_PROVIDER: &str = "prometheus";

/// Since this version `istio_*` metrics come from metrics providers alone; before, from EnvoyFilters
/// (`manifests/charts/istio-control/istio-discovery/templates/telemetryv2_*.yaml`).
pub(crate) const METRICS_BY_PROVIDER: Version = Version::new(1, 18, 0);

/// How the names of these EnvoyFilters begin; a minor version follows.
pub(crate) const STATS_FILTER: &str = "stats-filter-";

/// A metric of requests that dashboards read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StandardMetric {
    /// Its name in a Telemetry.
    pub(crate) key: &'static str,
    /// Its name for Prometheus.
    pub(crate) name: &'static str,
}

/// Rates, errors and latencies (`pilot/pkg/model/telemetry.go`, metricToPrometheusMetric).
pub(crate) const STANDARD_METRICS: [StandardMetric; 2] = [
    StandardMetric { key: "REQUEST_COUNT", name: "istio_requests_total" },
    StandardMetric { key: "REQUEST_DURATION", name: "istio_request_duration_milliseconds" },
];

/// The Zipkin address that Istio before [`NO_DEFAULT_TRACING`] calls by itself.
pub(crate) fn default_zipkin_address(namespace: &str) -> String {
    format!("zipkin.{namespace}:{ZIPKIN_PORT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_without_a_provider_depends_on_the_version() {
        use ProviderLack::{NoEntry, NoTracer, NotFound, NotNamed};
        use WithoutProvider::{Bootstrap, BootstrapAlone, Off};
        let table = [
            (NoEntry, [Bootstrap, Bootstrap, Bootstrap, Bootstrap, Bootstrap]),
            (NotNamed, [Bootstrap, BootstrapAlone, Off, Off, Off]),
            (NotFound, [Bootstrap, Off, Off, Off, Off]),
            (NoTracer, [Bootstrap, Bootstrap, Bootstrap, Off, Off]),
        ];
        for (lack, row) in table {
            for (minor, wanted) in [11, 13, 17, 18, 30].into_iter().zip(row) {
                assert_eq!(without_provider(Version::new(1, minor, 3), lack), wanted, "{lack:?} 1.{minor}");
            }
        }
    }

    #[test]
    fn sampling_and_host_headers_by_version() {
        let zero: Vec<u32> =
            (11..=18).filter(|minor| samples_nothing_unless_told(Version::new(1, *minor, 9))).collect();
        assert_eq!(zero, [13, 14, 15, 16]);
        let good = |minor, patch| provider_has_good_host_header(Version::new(1, minor, patch));
        assert!(!good(11, 5) && good(11, 6) && !good(12, 1) && good(12, 2) && good(24, 0));
    }

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
