//! Facts about DataKit, read in its source and seen in releases 1.1.7 to 1.84.1.

use crate::facts::Version;

/// The pod annotation whose TOML tells DataKit what to scrape.
pub(crate) const SCRAPE_ANNOTATION: &str = "datakit/prom.instances";

/// The name of the policy, of its binding and of the ConfigMap with its settings that `init policy` prints (`templates/`).
pub(crate) const SCRAPE_POLICY: &str = "meshobs-metrics";

/// The pod annotation whose JSON tells DataKit how to take a container's output.
pub(crate) const LOGS_ANNOTATION: &str = "datakit/logs";

/// The variable of a container with the same JSON as [`LOGS_ANNOTATION`]; it goes before every annotation
/// (<https://docs.guance.com/en/integrations/container-log/>).
pub(crate) const LOGS_VARIABLE: &str = "DATAKIT_LOGS_CONFIG";

/// Which containers' output is taken or left out, as variables and as keys of the input `container`
/// (<https://docs.guance.com/en/integrations/container/>). [`LOGS_ANNOTATION`] goes before them.
pub(crate) const LOG_FILTERS: [(&str, &str); 2] = [
    ("ENV_INPUT_CONTAINER_CONTAINER_INCLUDE_LOG", "container_include_log"),
    ("ENV_INPUT_CONTAINER_CONTAINER_EXCLUDE_LOG", "container_exclude_log"),
];

/// The annotation about the output of one container of a pod; it has the form of [`LOGS_ANNOTATION`].
pub(crate) fn logs_annotation(container: &str) -> String {
    format!("datakit/{container}.logs")
}

/// The container that an annotation's name is about, in the form of [`logs_annotation`].
pub(crate) fn logs_container(annotation: &str) -> Option<&str> {
    annotation.strip_prefix("datakit/")?.strip_suffix(".logs")
}

/// The keys of a rule in [`LOGS_ANNOTATION`], and the JSON type of their values
/// (`internal/plugins/inputs/container/log_config.go`). `only_images` is of older versions.
pub(crate) const LOG_KEYS: &[(&str, &str)] = &[
    ("disable", "true or false"),
    ("type", "a string"),
    ("path", "a string"),
    ("source", "a string"),
    ("storage_index", "a string"),
    ("service", "a string"),
    ("character_encoding", "a string"),
    ("pipeline", "a string"),
    ("multiline_match", "a string"),
    ("remove_ansi_escape_codes", "true or false"),
    ("from_beginning", "true or false"),
    ("from_beginning_threshold_size", "a number"),
    ("tags", "strings by name"),
    ("only_images", "a list"),
];

/// The ids of applications whose data from browsers is taken, from [`PUBLIC_APIS`] on; all where it is empty.
pub(crate) const ENV_RUM_APP_IDS: &str = "ENV_RUM_APP_ID_WHITE_LIST";

/// Since this version what browsers send is taken even without the input `rum`, without session replays and their addresses.
pub(crate) const RUM_WITHOUT_INPUT: Version = Version::new(1, 30, 0);

/// The only release that ignores [`SCRAPE_ANNOTATION`] (changelog #2471).
pub(crate) const WITHOUT_ANNOTATION: Version = Version::new(1, 63, 0);

/// The release that reads [`SCRAPE_ANNOTATION`] again.
pub(crate) const ANNOTATION_BACK: Version = Version::new(1, 63, 1);

/// The folder that DataKit reads its collectors' configuration from, at any depth
/// (`internal/config/load_inputconf.go`). Folder names mean nothing; only `*.conf` is read, `datakit.conf` and paths with
/// `.git` in them are skipped.
pub(crate) const CONF_D: &str = "/usr/local/datakit/conf.d";

/// The usual name of the volume, and of its ConfigMap, in DataKit's own manifest.
pub(crate) const CONF_VOLUME: &str = "datakit-conf";

/// The port that DataKit listens on unless [`ENV_LISTEN`] says otherwise.
pub(crate) const PORT: u16 = 9529;

/// The Service of DataKit's template, in its namespace.
pub(crate) const SERVICE: &str = "datakit-service";

/// The variable with the addresses that DataKit uploads to.
pub(crate) const ENV_DATAWAY: &str = "ENV_DATAWAY";

/// The name of the node; without it the input `container` does not look at pods
/// (`internal/plugins/inputs/container/kubernetes/utils.go`, getLocalNodeName).
pub(crate) const ENV_NODE: &str = "ENV_K8S_NODE_NAME";

/// What [`ENV_NODE`] was called before 1.2.19; still read.
pub(crate) const ENV_NODE_OLD: &str = "NODE_NAME";

/// Whether it wants TLS on its port, by files that two more variables name; since 1.29.0 (`internal/config/env.go`).
pub(crate) const ENV_TLS: &str = "ENV_HTTP_ENABLE_TLS";

/// Where it listens; see [`listening`].
pub(crate) const ENV_LISTEN: &str = "ENV_HTTP_LISTEN";

/// The inputs that it starts by itself; the second name is the older one and is read where the first is empty.
pub(crate) const ENV_INPUTS: [&str; 2] = ["ENV_DEFAULT_ENABLED_INPUTS", "ENV_ENABLE_INPUTS"];

/// What it starts by itself where neither variable says anything.
pub(crate) const DEFAULT_INPUTS: &str =
    "cpu,disk,diskio,mem,swap,system,hostobject,net,host_processes,container";

/// Configuration of inputs as TOML, read from [`CONF_IN_ENV`] on; written to `conf.d/ENV_DATAKIT_INPUTS.conf`.
pub(crate) const ENV_CONF: &str = "ENV_DATAKIT_INPUTS";

/// Variables that decide what a mesh gets of DataKit, and their neighbours that are read as well
/// (`internal/config/env.go`, <https://docs.guance.com/en/datakit/datakit-daemonset-deploy/>).
pub(crate) const VARIABLES: &[&str] = &[
    ENV_DATAWAY,
    ENV_LISTEN,
    ENV_INPUTS[0],
    ENV_INPUTS[1],
    ENV_CONF,
    ENV_DISCOVERY,
    ENV_ELECTION,
    ENV_PUBLIC_APIS,
    ENV_FILTERS,
    ENV_NODE,
    ENV_NODE_OLD,
    ENV_TLS,
    ENV_RUM_APP_IDS,
    ENV_CORS,
    ENV_ZIPKIN_PATH_V2,
    ENV_ZIPKIN_SAMPLER,
    ENV_ZIPKIN_CLOSE_RESOURCE,
    LOG_FILTERS[0].0,
    LOG_FILTERS[1].0,
    "ENV_CLUSTER_NAME_K8S",
    "ENV_GLOBAL_ELECTION_TAGS",
    "ENV_GLOBAL_HOST_TAGS",
    "ENV_GLOBAL_TAGS",
    "ENV_HOSTNAME",
    "ENV_HTTP_TLS_CRT",
    "ENV_HTTP_TLS_KEY",
    "ENV_INPUT_ZIPKIN_DEL_MESSAGE",
    "ENV_INPUT_ZIPKIN_IGNORE_TAGS",
    "ENV_INPUT_ZIPKIN_KEEP_RARE_RESOURCE",
    "ENV_INPUT_ZIPKIN_PATH_V1",
    "ENV_INPUT_ZIPKIN_STORAGE",
    "ENV_INPUT_ZIPKIN_TAGS",
    "ENV_INPUT_ZIPKIN_THREADS",
    "ENV_K8S_CLUSTER_NODE_NAME",
    "ENV_K8S_NODE_IP",
    "ENV_NAMESPACE",
    "ENV_RUM_ORIGIN_IP_HEADER",
    "POD_NAME",
];

/// The origins of pages that may send to DataKit; all where it is empty.
pub(crate) const ENV_CORS: &str = "ENV_HTTP_ALLOWED_CORS_ORIGINS";

/// Where browsers send what they measure.
pub(crate) const RUM_PATH: &str = "/v1/write/rum";

/// Exactly `true` scrapes every pod with `prometheus.io` annotations.
pub(crate) const ENV_DISCOVERY: &str =
    "ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_POD_ANNOTATIONS";

/// Any text in it switches election on: of all DataKits one scrapes what files name.
pub(crate) const ENV_ELECTION: &str = "ENV_ENABLE_ELECTION";

/// Paths that other hosts may call; see [`is_public`].
pub(crate) const ENV_PUBLIC_APIS: &str = "ENV_HTTP_PUBLIC_APIS";

/// Filters as JSON: what they match is dropped before it is uploaded.
pub(crate) const ENV_FILTERS: &str = "ENV_IO_FILTERS";

/// A repository that configuration comes from, besides [`CONF_D`].
pub(crate) const ENV_GIT: &str = "ENV_GIT_URL";

/// Variables of the input `zipkin`, from [`ZIPKIN_ENV`] on: they override its files, and do not enable it.
pub(crate) const ENV_ZIPKIN_PATH_V2: &str = "ENV_INPUT_ZIPKIN_PATH_V2";
pub(crate) const ENV_ZIPKIN_SAMPLER: &str = "ENV_INPUT_ZIPKIN_SAMPLER";
pub(crate) const ENV_ZIPKIN_CLOSE_RESOURCE: &str = "ENV_INPUT_ZIPKIN_CLOSE_RESOURCE";

/// The path that Envoy posts spans to, and that the input `zipkin` opens unless `pathV2` says otherwise.
pub(crate) const SPANS_PATH: &str = "/api/v2/spans";

/// Since this version the input is called `zipkin`; up to 1.2.8 it is `traceZipkin`, and the other name is ignored.
pub(crate) const ZIPKIN: Version = Version::new(1, 2, 9);

/// Since this version `ENV_INPUT_ZIPKIN_*` is read.
pub(crate) const ZIPKIN_ENV: Version = Version::new(1, 11, 0);

/// Since this version the placeholder `$NODENAME` of [`SCRAPE_ANNOTATION`] is replaced.
pub(crate) const NODE_NAME_PLACEHOLDER: Version = Version::new(1, 4, 10);

/// Since this version it is `kubernetesprometheus` that discovers pods by `prometheus.io` annotations; before, `container`.
pub(crate) const DISCOVERY_MOVED: Version = Version::new(1, 63, 0);

/// The setting of `kubernetesprometheus` that does what [`ENV_DISCOVERY`] does.
pub(crate) const DISCOVERY_KEY: &str = "enable_discovery_of_prometheus_pod_annotations";

/// What makes DataKit scrape by the PodMonitors and ServiceMonitors of the Prometheus operator: the variable, exactly `true`,
/// and the setting of `kubernetesprometheus` (`predefined.go`).
pub(crate) const MONITORS: [(&str, &str, &str); 2] = [
    (
        "PodMonitor",
        "ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_POD_MONITORS",
        "enable_discovery_of_prometheus_pod_monitors",
    ),
    (
        "ServiceMonitor",
        "ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_SERVICE_MONITORS",
        "enable_discovery_of_prometheus_service_monitors",
    ),
];

/// Whether [`ENV_DISCOVERY`] switches discovery on: `true`; before [`DISCOVERY_MOVED`] whatever Go's `ParseBool` takes.
pub(crate) fn discovers(version: Option<Version>, value: &str) -> bool {
    let older = ["1", "t", "T", "TRUE", "True"];
    value == "true" || (before(version, DISCOVERY_MOVED) && older.contains(&value))
}

/// Since this version the input `prom` takes `urls`.
pub(crate) const PROM_URLS: Version = Version::new(1, 2, 0);

/// Since this version keys that an input does not know are ignored; before, one of them refuses the whole input.
pub(crate) const UNKNOWN_KEYS_IGNORED: Version = Version::new(1, 4, 2);

/// Since this version [`ENV_PUBLIC_APIS`] is read.
pub(crate) const PUBLIC_APIS: Version = Version::new(1, 4, 2);

/// Up to the version before this one a list of two or more public paths blocks every other host.
const PUBLIC_APIS_MENDED: Version = Version::new(1, 5, 6);

/// Since this version the routes of enabled inputs are open to other hosts whatever [`ENV_PUBLIC_APIS`] says.
const INPUTS_ARE_PUBLIC: Version = Version::new(1, 64, 0);

/// Since this version host tags have a variable of their own.
pub(crate) const HOST_TAGS: Version = Version::new(1, 4, 6);

/// Before this version what browsers send is taken without an input `rum`.
pub(crate) const RUM_INPUT: Version = Version::new(1, 4, 10);

/// Since this version election tags have a variable of their own.
pub(crate) const ELECTION_TAGS: Version = Version::new(1, 4, 11);

/// Since this version `ENV_CLUSTER_NAME_K8S` is read.
pub(crate) const CLUSTER_NAME: Version = Version::new(1, 5, 8);

/// Since this version an interval is a duration; before, a string.
pub(crate) const INTERVAL_IS_DURATION: Version = Version::new(1, 9, 0);

/// Since this version [`ENV_CONF`] is read.
pub(crate) const CONF_IN_ENV: Version = Version::new(1, 23, 0);

/// Since this version there is the input `kubernetesprometheus`.
pub(crate) const KUBERNETES_PROMETHEUS: Version = Version::new(1, 34, 0);

/// Since this version an input of the enabled list is written to `conf.d/NAME.conf`; before, to
/// `conf.d/CATALOG/NAME.conf` unless a file is there.
pub(crate) const CONF_AT_TOP: Version = Version::new(1, 83, 0);

/// The parts of the Kubernetes API that the inputs `container` and `kubernetesprometheus` read. Every published manifest,
/// from 1.1.7 on, grants them for the whole cluster.
pub(crate) const RESOURCES: [&str; 5] = ["nodes", "namespaces", "pods", "services", "endpoints"];

/// The verbs that reading takes; `watch` too since [`KUBERNETES_PROMETHEUS`].
pub(crate) fn verbs(version: Option<Version>) -> &'static [&'static str] {
    if before(version, KUBERNETES_PROMETHEUS) { &["get", "list"] } else { &["get", "list", "watch"] }
}

/// Whether a version is known and older than another. One that is not known counts as a current one.
pub(crate) fn before(version: Option<Version>, other: Version) -> bool {
    version.is_some_and(|version| version < other)
}

/// What DataKit calls the input that takes Zipkin's spans.
pub(crate) fn zipkin_input(version: Option<Version>) -> &'static str {
    if before(version, ZIPKIN) { "traceZipkin" } else { "zipkin" }
}

/// The inputs in a list as DataKit reads it: with any space in it the list is cut at spaces, else at commas.
pub(crate) fn input_names(list: &str) -> Vec<String> {
    let cut = if list.contains(' ') { ' ' } else { ',' };
    list.split(cut).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The names of DataKit's inputs: those that a mesh needs, and others that a name could be taken for.
pub(crate) const INPUTS: &[&str] = &[
    "zipkin",
    "traceZipkin",
    "prom",
    "kubernetesprometheus",
    "container",
    "rum",
    "ddtrace",
    "dk",
    "self",
    "cpu",
    "disk",
    "diskio",
    "mem",
    "swap",
    "system",
    "net",
    "host_processes",
    "hostobject",
    "hostdir",
    "statsd",
    "opentelemetry",
    "skywalking",
    "jaeger",
    "pinpoint",
    "logging",
    "logfwdserver",
    "logstreaming",
    "promremote",
    "promtail",
    "promv2",
    "prom_remote_write",
    "proxy",
    "profile",
    "pythond",
    "kubernetes",
    "docker",
    "netstat",
    "netflow",
    "ebpf",
    "gpu_smi",
    "kafkamq",
    "kafka",
    "mysql",
    "redis",
    "nginx",
    "postgresql",
    "mongodb",
    "elasticsearch",
    "etcd",
    "coredns",
    "jvm",
    "telegraf",
    "tdengine",
    "beats_output",
    "sinec",
    "snmp",
    "ipmi",
    "process",
    "socket",
    "dialtesting",
    "consul",
    "ssh",
    "cloudprober",
    "external",
    "rabbitmq",
    "memcached",
    "oracle",
    "sqlserver",
    "influxdb",
    "zookeeper",
    "newrelic",
    "windows_event",
    "win_event",
    "swap",
    "cat",
    "graphite",
    "health_check",
    "rum_sourcemap",
    "chrony",
    "nfs",
    "nvidia_smi",
    "cassandra",
    "clickhousev1",
    "dameng",
    "db2",
    "flinkv1",
    "gitlab",
    "haproxy",
    "hbase",
    "jenkins",
    "lsblk",
    "neo4j",
    "phpfpm",
    "solr",
    "tomcat",
    "vsphere",
    "xfsquota",
    "kafkaexporter",
    "doris",
    "iis",
    "aerospike",
    "apache",
    "activemq",
    "huawei",
    "awslambda",
    "bpf_netlog",
    "oceanbase",
    "kingbase",
    "pushgateway",
    "sensors",
    "smart",
    "tcp_port",
    "trace",
];

/// Where a DataKit listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listening {
    /// On every address of its host, or on one that is the node's own.
    All(u16),
    /// On localhost only.
    Loopback(u16),
    /// On one fixed address, which at most one node has.
    Fixed,
    /// Nowhere: Go cannot listen on it.
    Nowhere,
}

/// Reads [`ENV_LISTEN`] as Go's `net.Listen("tcp", …)` does; empty means the default `localhost:9529`.
pub(crate) fn listening(text: &str) -> Listening {
    let text = if text.is_empty() { "localhost:9529" } else { text };
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:").unwrap_or((rest, "")),
        None => text.rsplit_once(':').unwrap_or((text, "")),
    };
    let Ok(port) = port.parse::<u16>() else { return Listening::Nowhere };
    if host.contains(':') && !text.starts_with('[') {
        return Listening::Nowhere;
    }
    if port == 0 || host.contains(char::is_whitespace) || host == "*" {
        return Listening::Nowhere;
    }
    match host.parse::<std::net::IpAddr>() {
        Ok(address) if address.is_unspecified() => Listening::All(port),
        Ok(address) if address.is_loopback() => Listening::Loopback(port),
        Ok(_) => Listening::Fixed,
        Err(_) if host.is_empty() => Listening::All(port),
        Err(_) if host.eq_ignore_ascii_case("localhost") => Listening::Loopback(port),
        Err(_) => Listening::Fixed,
    }
}

/// Whether other hosts may call a path of an enabled input; nothing where that depends on a version that is not known.
/// `list` is [`ENV_PUBLIC_APIS`] (`internal/httpapi/http.go`).
pub(crate) fn is_public(version: Option<Version>, list: &str, path: &str) -> Option<bool> {
    let paths: Vec<&str> = list.split(',').map(str::trim).filter(|path| !path.is_empty()).collect();
    let listed = paths.is_empty() || paths.contains(&path);
    match version {
        Some(version) if version < PUBLIC_APIS || version >= INPUTS_ARE_PUBLIC => Some(true),
        Some(version) if version < PUBLIC_APIS_MENDED => {
            Some(paths.is_empty() || (listed && paths.len() == 1))
        }
        Some(_) => Some(listed),
        None => listed.then_some(true),
    }
}

/// What kind of value a key of an input takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type {
    Text,
    Texts,
    Bool,
    Number,
    /// A duration with a unit as text; a whole number means nanoseconds.
    Duration,
    /// Strings by name.
    Tags,
    /// Lists of strings by name.
    Lists,
    Table(&'static [(&'static str, Type)]),
    Tables(&'static [(&'static str, Type)]),
    /// Anything; its values are not looked at.
    Any,
}

/// The keys of the input `zipkin` (`internal/plugins/inputs/zipkin/input.go`). Their letter case does not count.
pub(crate) const ZIPKIN_KEYS: &[(&str, Type)] = &[
    ("pathV1", Type::Text),
    ("pathV2", Type::Text),
    ("ignore_tags", Type::Texts),
    ("customer_tags", Type::Texts),
    ("keep_rare_resource", Type::Bool),
    ("del_message", Type::Bool),
    ("close_resource", Type::Lists),
    ("sampler", Type::Table(&[("sampling_rate", Type::Number)])),
    ("tags", Type::Tags),
    ("threads", Type::Table(&[("buffer", Type::Number), ("threads", Type::Number)])),
    ("storage", Type::Table(&[("path", Type::Text), ("capacity", Type::Number)])),
];

/// The keys of the input `prom` (`internal/plugins/inputs/prom/input.go`).
pub(crate) const PROM_KEYS: &[(&str, Type)] = &[
    ("url", Type::Text),
    ("urls", Type::Texts),
    ("source", Type::Text),
    ("interval", Type::Duration),
    ("timeout", Type::Duration),
    ("ignore_req_err", Type::Bool),
    ("metric_types", Type::Texts),
    ("metric_name_filter", Type::Texts),
    ("metric_name_filter_ignore", Type::Texts),
    ("measurement_prefix", Type::Text),
    ("measurement_name", Type::Text),
    ("measurements", Type::Tables(&[("prefix", Type::Text), ("name", Type::Text)])),
    ("tls_open", Type::Bool),
    ("uds_path", Type::Text),
    ("tls_ca", Type::Text),
    ("tls_cert", Type::Text),
    ("tls_key", Type::Text),
    ("ca_certs", Type::Texts),
    ("cert", Type::Text),
    ("cert_key", Type::Text),
    ("insecure_skip_verify", Type::Bool),
    ("bearer_token_file", Type::Text),
    ("tags_ignore", Type::Texts),
    ("tags_rename", Type::Any),
    ("as_logging", Type::Any),
    ("ignore_tag_kv_match", Type::Any),
    ("http_headers", Type::Any),
    ("auth", Type::Any),
    ("tags", Type::Tags),
    ("disable_info_tag", Type::Bool),
    ("disable_host_tag", Type::Bool),
    ("disable_instance_tag", Type::Bool),
    ("stream_size", Type::Number),
    ("keep_exist_metric_name", Type::Bool),
    ("honor_timestamps", Type::Bool),
    ("output", Type::Text),
    ("max_file_size", Type::Number),
    ("election", Type::Bool),
];

/// Keys of the input `prom` that [`SCRAPE_ANNOTATION`] does not know (`k8s_pod_prom.go`).
pub(crate) const NOT_IN_ANNOTATION: &[&str] = &[
    "ca_certs",
    "cert",
    "cert_key",
    "disable_host_tag",
    "disable_instance_tag",
    "stream_size",
    "keep_exist_metric_name",
    "honor_timestamps",
    "output",
    "max_file_size",
    "election",
];

/// The keys of the input `kubernetesprometheus` (`internal/plugins/inputs/kubernetesprometheus`).
pub(crate) const KUBERNETES_PROMETHEUS_KEYS: &[(&str, Type)] = &[
    ("node_local", Type::Bool),
    ("scrape_interval", Type::Duration),
    ("keep_exist_metric_name", Type::Bool),
    ("honor_timestamps", Type::Bool),
    ("enable_discovery_of_prometheus_pod_annotations", Type::Bool),
    ("enable_discovery_of_prometheus_service_annotations", Type::Bool),
    ("enable_discovery_of_prometheus_pod_monitors", Type::Bool),
    ("enable_discovery_of_prometheus_service_monitors", Type::Bool),
    ("global_tags", Type::Tags),
    (
        "instances",
        Type::Tables(&[
            ("role", Type::Text),
            ("namespaces", Type::Texts),
            ("selector", Type::Text),
            ("scrape", Type::Text),
            ("scheme", Type::Text),
            ("port", Type::Text),
            ("path", Type::Text),
            ("params", Type::Text),
            ("interval", Type::Duration),
            ("http_headers", Type::Any),
            ("auth", Type::Any),
            (
                "custom",
                Type::Table(&[
                    ("measurement", Type::Text),
                    ("job_as_measurement", Type::Bool),
                    ("tags", Type::Tags),
                ]),
            ),
        ]),
    ),
];

/// The keys of an input whose keys are known here.
pub(crate) fn keys(input: &str) -> Option<&'static [(&'static str, Type)]> {
    match input {
        "zipkin" | "traceZipkin" => Some(ZIPKIN_KEYS),
        "prom" => Some(PROM_KEYS),
        "kubernetesprometheus" => Some(KUBERNETES_PROMETHEUS_KEYS),
        _ => None,
    }
}

/// The types of metrics that `metric_types` can name, in any letter case.
pub(crate) const METRIC_TYPES: &[&str] = &["counter", "gauge", "histogram", "summary", "untyped", "info"];

/// Whether an unanchored regular expression is one of those that match every text.
pub(crate) fn matches_all(pattern: &str) -> bool {
    let core = pattern.trim_start_matches('^').trim_end_matches('$');
    matches!(core, "" | "." | ".*" | ".+" | ".*?" | ".+?" | "(.*)" | "(.+)")
}

/// Whether a duration is one that Go reads: numbers with units, none of them missing.
pub(crate) fn is_duration(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    if text == "0" {
        return true;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = rest.strip_suffix(digits).unwrap_or_default();
        let unit_end = digits.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(digits.len());
        let (unit, tail) = digits.split_at(unit_end);
        if number.parse::<f64>().is_err() || !matches!(unit, "ns" | "us" | "µs" | "ms" | "s" | "m" | "h") {
            return false;
        }
        rest = tail;
    }
    !text.is_empty()
}

/// The seconds of a duration as Go writes it; nothing where it is none.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    if !is_duration(text) {
        return None;
    }
    let mut rest = text.trim_start_matches(['-', '+']);
    let mut sum = 0.0;
    while !rest.is_empty() && rest != "0" {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let factor = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "m" => 60.0,
            "h" => 3600.0,
            _ => 1.0,
        };
        sum += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    Some(if text.starts_with('-') { -sum } else { sum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_seconds() {
        for (text, want) in [
            ("10s", Some(10.0)),
            ("1m30s", Some(90.0)),
            ("1.5h", Some(5400.0)),
            ("0", Some(0.0)),
            ("100ms", Some(0.1)),
            ("10", None),
            ("-5s", Some(-5.0)),
        ] {
            assert_eq!(seconds(text), want, "{text}");
        }
    }

    #[test]
    fn addresses_are_listened_on_as_go_does() {
        for (text, want) in [
            ("", Listening::Loopback(9529)),
            ("localhost:9529", Listening::Loopback(9529)),
            ("127.0.0.1:9529", Listening::Loopback(9529)),
            ("[::1]:9529", Listening::Loopback(9529)),
            ("0.0.0.0:9529", Listening::All(9529)),
            ("[::]:9529", Listening::All(9529)),
            (":9529", Listening::All(9529)),
            ("0.0.0.0:9530", Listening::All(9530)),
            ("10.0.0.5:9529", Listening::Fixed),
            ("0.0.0.0", Listening::Nowhere),
            ("9529", Listening::Nowhere),
            ("::1:9529", Listening::Nowhere),
            (":::9529", Listening::Nowhere),
            ("0.0.0.0:http", Listening::Nowhere),
            (" 0.0.0.0:9529", Listening::Nowhere),
            ("*:9529", Listening::Nowhere),
        ] {
            assert_eq!(listening(text), want, "{text}");
        }
    }

    #[test]
    fn public_paths_depend_on_the_version() {
        let version = |text: &str| Version::parse(text);
        for (of, list, want) in [
            (version("1.4.1"), "/v1/write/rum", Some(true)),
            (version("1.5.5"), "", Some(true)),
            (version("1.5.5"), "/api/v2/spans", Some(true)),
            (version("1.5.5"), "/v1/write/rum,/api/v2/spans", Some(false)),
            (version("1.5.6"), "/v1/write/rum,/api/v2/spans", Some(true)),
            (version("1.63.1"), "/v1/write/rum", Some(false)),
            (version("1.63.1"), "/v1/write/rum, /api/v2/spans", Some(true)),
            (version("1.64.0"), "/v1/write/rum", Some(true)),
            (None, "/v1/write/rum", None),
            (None, "", Some(true)),
        ] {
            assert_eq!(is_public(of, list, SPANS_PATH), want, "{of:?} {list}");
        }
    }

    #[test]
    fn lists_of_inputs_are_cut_as_datakit_cuts_them() {
        assert_eq!(input_names("dk,zipkin,,mem"), ["dk", "zipkin", "mem"]);
        assert_eq!(input_names("dk, zipkin,mem"), ["dk,", "zipkin,mem"]);
        assert_eq!(input_names("dk zipkin"), ["dk", "zipkin"]);
        assert_eq!(input_names(""), Vec::<String>::new());
    }

    #[test]
    fn durations_need_units() {
        for good in ["10s", "1m30s", "1.5h", "0", "100ms", "-1s"] {
            assert!(is_duration(good), "{good}");
        }
        for bad in ["", "10", "10 s", "s", "10sec", "ten"] {
            assert!(!is_duration(bad), "{bad}");
        }
    }

    #[test]
    fn patterns_that_match_everything_are_known() {
        assert!(["", ".*", "^.*$", "^", ".+", "."].into_iter().all(matches_all));
        assert!(!["pilot_.*", "^istio", "a"].into_iter().any(matches_all));
    }

    #[test]
    fn the_input_for_spans_was_renamed() {
        assert_eq!(zipkin_input(Version::parse("1.2.8")), "traceZipkin");
        assert_eq!(zipkin_input(Version::parse("1.2.9")), "zipkin");
        assert_eq!(zipkin_input(None), "zipkin");
    }
}
