//! What a running DataKit answers on its port: paths, names of its own metrics, and their history. Read in its source
//! (`internal/httpapi/{http,reg}.go`, `internal/io/*/metrics.go`, `internal/trace`, `http/stats.go`) and seen on 1.84.1 with a
//! stand-in for the dataway.

use super::Version;

/// Answers with the version, in every release, to every host.
pub(crate) const PING_PATH: &str = "/v1/ping";

/// DataKit's own metrics in the text format of Prometheus, since [`METRICS`].
pub(crate) const METRICS_PATH: &str = "/metrics";

/// The same in JSON, up to 1.35; read where there is no [`METRICS_PATH`].
pub(crate) const STATS_PATH: &str = "/stats";

/// Takes what the SDK of browser monitoring sends. With the input `rum` off the generic `/v1/write/` answers here, and takes
/// anything.
pub(crate) const RUM_PATH: &str = "/v1/write/rum";

/// Takes session replays; there only while the input `rum` runs.
pub(crate) const REPLAY_PATH: &str = "/v1/write/rum/replay";

/// Since this version there is [`METRICS_PATH`].
pub(crate) const METRICS: Version = Version::new(1, 5, 9);

/// Since this version [`METRICS_PATH`] answers loopback only, and nobody who comes through a proxy.
pub(crate) const METRICS_ON_LOOPBACK: Version = Version::new(1, 64, 0);

/// Since this version spans are counted as they come in, by service, before they are sampled.
pub(crate) const SPANS_COUNTED: Version = Version::new(1, 33, 0);

/// Since this version the spans that the sampler drops are counted, by service.
pub(crate) const DROPS_COUNTED: Version = Version::new(1, 80, 0);

/// Since this version `?dry=1` has a point parsed and not stored.
pub(crate) const DRY_RUN: Version = Version::new(1, 30, 0);

/// Seconds since the start.
pub(crate) const UPTIME: [&str; 2] = ["datakit_uptime_seconds", "datakit_uptime"];

/// Instances of inputs that run, by `input`.
pub(crate) const INPUTS: &str = "datakit_inputs_instance";

/// Points that inputs handed on, by `category` and `name`; the second was the name before 1.36.
pub(crate) const POINTS: [&str; 2] = ["datakit_io_feed_point_sum", "datakit_io_feed_point_total"];

/// Requests with spans, by `input` and the first span's `service`.
pub(crate) const SPANS: &str = "datakit_input_tracing_total";

/// Spans that were dropped, by `input`, `service` and `reason`.
pub(crate) const DROPS: &str = "datakit_input_drop_number_sum";

/// The `reason` of what the sampler drops.
pub(crate) const DROPPED_BY_SAMPLER: &str = "sample";

/// Requests, by `api` (the path), `method` and `status` (a text).
pub(crate) const REQUESTS: &str = "datakit_http_api_total";

/// Points that were uploaded, or refused, by `category` and `status`: [`UPLOADED`], the dataway's own text, or
/// [`NOT_SENT`]; [`UPLOAD_SUM`] has all of them again.
pub(crate) const UPLOADS: &str = "datakit_io_dataway_point_total";

/// The status of points that the dataway took.
pub(crate) const UPLOADED: &str = "OK";

/// The status of points that reached no dataway.
pub(crate) const NOT_SENT: &str = "unknown";

/// A status that adds up the others.
pub(crate) const UPLOAD_SUM: &str = "total";

/// Rounds of the input `prom`, by `source`; the second was the name before 1.19.
pub(crate) const SCRAPES: [&str; 2] =
    ["datakit_input_prom_collect_points_count", "datakit_prom_collect_points_count"];

/// The last error of each input, by `input`, `source`, `category` and `error`; its value is the time in seconds.
pub(crate) const LAST_ERROR: &str = "datakit_last_err";

/// The category of spans.
pub(crate) const TRACING: &str = "tracing";

/// The category of browser monitoring.
pub(crate) const RUM: &str = "rum";

/// The longest time until a new pod's annotation is read, in minutes (the input `container` looks at pods that often).
pub(crate) const PICKUP_MINUTES: u32 = 5;

/// What the input `prom` waits between two rounds where its interval says nothing usable, in seconds.
pub(crate) const SCRAPE_INTERVAL: f64 = 30.0;

/// The category of what containers print.
pub(crate) const LOGGING: &str = "logging";

/// The category of metrics.
pub(crate) const METRIC: &str = "metric";

/// The names that points of browser monitoring are counted by; the second was the name before 1.76.
pub(crate) const RUM_NAMES: [&str; 2] = ["v1-write.rum", "rum"];

/// What a point's `name` begins with where the input `prom` fed it; the second was the beginning before 1.76.
const PROM_NAMES: [&str; 2] = ["prom.", "prom/"];

/// The source of the scrape that a feed's name is about: `prom.SOURCE`, or the bare source of an annotation. That a target
/// is up or down is counted by the name `prom.SOURCE.up`, which tells of no metrics.
pub(crate) fn scrape_source(name: &str) -> Option<&str> {
    let source = PROM_NAMES.iter().find_map(|start| name.strip_prefix(start)).unwrap_or(name);
    (!source.ends_with(".up")).then_some(source)
}

/// The categories that `/stats` abbreviates (`io/stats.go` of 1.5.8).
pub(crate) const CATEGORY_LETTERS: [(&str, &str); 3] = [("T", TRACING), ("M", METRIC), ("R", RUM)];

/// What an error of DataKit's HTTP API calls itself where other hosts may not ask.
pub(crate) const NOT_PUBLIC: &str = "publicAccessDisabled";

/// What it calls an id that is not in `ENV_RUM_APP_ID_WHITE_LIST`; the status is 400, not 403.
pub(crate) const APP_ID_REFUSED: &str = "RUMApp_idNotInTheWhiteList";

/// What it says during the first seconds, until the input `rum` is ready.
pub(crate) const RUM_NOT_READY: &str = "unknown RUM measurement";

/// Why a dataway did not take points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The token, or the workspace's quota (403 has both).
    Token,
    /// Too many points.
    TooMany,
    /// No answer: address, name, network.
    NotReached,
    /// The dataway failed.
    Failed,
    /// Another status.
    Other,
}

/// What a status of [`UPLOADS`] means; nothing where points were taken.
pub(crate) fn refusal(status: &str) -> Option<Refusal> {
    match status {
        UPLOADED | UPLOAD_SUM => None,
        "Forbidden" | "Unauthorized" => Some(Refusal::Token),
        "Too Many Requests" => Some(Refusal::TooMany),
        NOT_SENT => Some(Refusal::NotReached),
        "Internal Server Error" | "Bad Gateway" | "Service Unavailable" | "Gateway Timeout" => {
            Some(Refusal::Failed)
        }
        _ => Some(Refusal::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_from_names_of_every_version() {
        for (name, want) in [
            ("prom.istiod", Some("istiod")),
            ("prom/istiod", Some("istiod")),
            ("prod/reviews-0", Some("prod/reviews-0")),
            ("prom.istiod.up", None),
        ] {
            assert_eq!(scrape_source(name), want, "{name}");
        }
    }

    #[test]
    fn a_wrong_token_is_told_from_a_dataway_that_fails() {
        assert_eq!(refusal("Forbidden"), Some(Refusal::Token));
        assert_eq!(refusal("unknown"), Some(Refusal::NotReached));
        assert_eq!(refusal("Internal Server Error"), Some(Refusal::Failed));
        assert_eq!((refusal("OK"), refusal("total")), (None, None));
    }
}
