//! What the SDK of browser monitoring needs to be told (datakit-js 3.2), and what keeps a browser from it.

use super::datakit::PORT;
use super::scrape::unrendered;
use crate::spelling::nearest;

/// The kinds of trace headers that Istio's proxies go on with: B3, and W3C where the tracer is OpenTelemetry. The SDK's default is
/// `ddtrace`.
pub(crate) const JOINING: &[&str] =
    &["zipkin", "zipkin_single_header", "w3c_traceparent", "w3c_traceparent_64bit"];

/// The kind that bookinfo and Istio's Zipkin tracer hand on.
pub(crate) const TRACE_TYPE: &str = "zipkin";

/// Lists of addresses whose requests carry trace headers; the first goes before the others. Nothing is listed by default.
pub(crate) const TRACING_LISTS: [&str; 3] =
    ["allowedTracingUrls", "allowedTracingOrigins", "allowedDDTracingOrigins"];

/// Hosts that the SDK is loaded from, the last before it was renamed.
const SDK_HOSTS: &[&str] = &["static.guance.com", "static.truewatch.com", "static.dataflux.cn"];

/// The file name of the SDK.
const SDK_FILE: &str = "dataflux-rum.js";

/// A part of the SDK's address that is nearly right, and the right one.
pub(crate) fn misspelt_sdk(url: &str) -> Option<(String, &'static str)> {
    let (scheme, rest) = url.split_once("//").unwrap_or(("", url));
    let scheme = scheme.trim_end_matches(':');
    if url.contains("//") && !["", "http", "https"].contains(&scheme) {
        return Some((scheme.to_owned(), "https"));
    }
    let address = rest.split(['?', '#']).next().unwrap_or_default();
    let host = address.split('/').next().unwrap_or_default();
    let file = address.rsplit('/').next().unwrap_or_default();
    let near = |part: &str, known: &'static [&'static str]| {
        let right = nearest(part, known.iter().copied()).filter(|_| !known.contains(&part))?;
        Some((part.to_owned(), right))
    };
    let of_host = url.contains("//").then(|| near(host, SDK_HOSTS)).flatten();
    of_host.or_else(|| near(file, &[SDK_FILE]))
}

/// Why a browser cannot send to an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadOrigin {
    Empty,
    /// A part that was to be replaced.
    Placeholder(String),
    /// `http://` or `https://` is missing.
    NoScheme,
    /// The browser's own machine.
    Loopback(String),
    /// A name that only the cluster resolves.
    Internal(String),
    /// An IP address without a port: 80 or 443, and DataKit is on 9529.
    NoPort,
    /// A port that is nearly DataKit's.
    NearPort(String),
    /// The path that the SDK appends.
    Path,
}

impl BadOrigin {
    /// What is wrong with an origin, as a sentence without a stop.
    pub(crate) fn explain(&self, origin: &str) -> String {
        match self {
            Self::Empty => "datakitOrigin is empty, so the SDK sends nothing".to_owned(),
            Self::Placeholder(part) => format!("datakitOrigin still has the placeholder `{part}`"),
            Self::NoScheme => format!(
                "datakitOrigin `{origin}` has no scheme, so browsers take it for a path of the page; `http://{origin}` was meant"
            ),
            Self::Loopback(host) => format!("datakitOrigin is {host}, which is the machine of the browser"),
            Self::Internal(host) => {
                format!("datakitOrigin is {host}, a name that only the cluster resolves, and no browser")
            }
            Self::Path => {
                format!(
                    "datakitOrigin `{origin}` has the path of the interface, which the SDK appends by itself"
                )
            }
            Self::NearPort(port) => format!("datakitOrigin names port {port}, and DataKit listens on {PORT}"),
            Self::NoPort => format!(
                "datakitOrigin `{origin}` has no port, so browsers use port 80 or 443; DataKit listens on {PORT}"
            ),
        }
    }
}

/// The headers of a kind of traces, as a server on another origin has to allow them.
pub(crate) fn trace_headers(kind: &str) -> &'static str {
    match kind {
        "zipkin" => "x-b3-traceid, x-b3-spanid, x-b3-sampled",
        "zipkin_single_header" => "b3",
        "w3c_traceparent" | "w3c_traceparent_64bit" => "traceparent",
        "skywalking_v3" => "sw8",
        "jaeger" => "uber-trace-id",
        _ => "x-datadog-trace-id, x-datadog-parent-id, x-datadog-origin, x-datadog-sampling-priority",
    }
}

/// Judges `datakitOrigin`: scheme, host and port of DataKit, or `/` for the page's own origin.
pub(crate) fn bad_origin(origin: &str) -> Option<BadOrigin> {
    if origin.trim().is_empty() {
        return Some(BadOrigin::Empty);
    }
    if let Some(part) = placeholder(origin) {
        return Some(BadOrigin::Placeholder(part));
    }
    if origin.starts_with('/') {
        return None;
    }
    let Some(rest) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) else {
        return Some(BadOrigin::NoScheme);
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if rest.contains("/v1/write") {
        return Some(BadOrigin::Path);
    }
    if let Some(port) =
        port.filter(|port| nearest(port, [PORT.to_string().as_str()]).is_some() && port.starts_with('9'))
    {
        return Some(BadOrigin::NearPort(port.to_owned()));
    }
    let bare = host.trim_matches(['[', ']']);
    if bare.is_empty() {
        return Some(BadOrigin::Empty);
    }
    match bare.parse::<std::net::IpAddr>() {
        Ok(address) if address.is_loopback() || address.is_unspecified() => {
            return Some(BadOrigin::Loopback(host.to_owned()));
        }
        Ok(_) => return port.is_none().then_some(BadOrigin::NoPort),
        Err(_) => {}
    }
    if bare.eq_ignore_ascii_case("localhost") {
        return Some(BadOrigin::Loopback(host.to_owned()));
    }
    let labels: Vec<&str> = bare.split('.').collect();
    let is_service = labels.get(2) == Some(&"svc") || bare.ends_with(".cluster.local");
    let is_short = bare == "datakit-service" || bare == "datakit-service.datakit";
    (is_service || is_short).then(|| BadOrigin::Internal(host.to_owned()))
}

/// Whether an origin is meant to reach DataKit's own port by TLS.
pub(crate) fn is_tls_at_datakit(origin: &str) -> bool {
    let rest = origin.strip_prefix("https://");
    rest.is_some_and(|rest| rest.split('/').next().unwrap_or_default().ends_with(&format!(":{PORT}")))
}

/// A part of a value that somebody was to replace: `<…>`, `{{…}}`, `${…}`, `YOUR_…`.
pub(crate) fn placeholder(text: &str) -> Option<String> {
    if let Some((part, _)) = unrendered(text) {
        return Some(part);
    }
    let lower = text.to_lowercase();
    let begins = ["your_", "your-", "<your", "xxx", "appid_", "changeme", "todo"];
    let found = begins.iter().any(|begin| lower.starts_with(begin) || lower.contains(&format!("//{begin}")));
    found.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_those_that_browsers_reach() {
        for fine in
            ["http://203.0.113.7:9529", "https://rum.example.com", "/", "http://dk.example.com:9529/", "/rum"]
        {
            assert_eq!(bad_origin(fine), None, "{fine}");
        }
        let is = |text: &str| text.to_owned();
        for (origin, want) in [
            ("", BadOrigin::Empty),
            ("<DATAKIT_ORIGIN>", BadOrigin::Placeholder(is("<DATAKIT_ORIGIN>"))),
            ("http://<your-host>:9529", BadOrigin::Placeholder(is("<your-host>"))),
            ("{{ .Values.origin }}", BadOrigin::Placeholder(is("{{ .Values.origin }}"))),
            ("http://YOUR_HOST:9529", BadOrigin::Placeholder(is("http://YOUR_HOST:9529"))),
            ("203.0.113.7:9529", BadOrigin::NoScheme),
            ("http://127.0.0.1:9529", BadOrigin::Loopback(is("127.0.0.1"))),
            ("http://localhost:9529", BadOrigin::Loopback(is("localhost"))),
            ("http://[::1]:9529", BadOrigin::Loopback(is("[::1]"))),
            ("http://203.0.113.7", BadOrigin::NoPort),
            (
                "http://datakit-service.datakit.svc.cluster.local:9529",
                BadOrigin::Internal(is("datakit-service.datakit.svc.cluster.local")),
            ),
        ] {
            assert_eq!(bad_origin(origin), Some(want), "{origin}");
        }
    }

    #[test]
    fn addresses_of_the_sdk_are_compared() {
        let found = |url: &str| misspelt_sdk(url).map(|(part, _)| part);
        for fine in [
            "https://static.guance.com/browser-sdk/v3/dataflux-rum.js",
            "//static.truewatch.com/browser-sdk/v2/dataflux-rum.js?x",
            "/static/dataflux-rum.js",
            "https://cdn.example.com/dataflux-rum-3.2.js",
            "",
        ] {
            assert_eq!(found(fine), None, "{fine}");
        }
        assert_eq!(found("htps://static.guance.com/dataflux-rum.js").as_deref(), Some("htps"));
        assert_eq!(
            found("https://static.guance.con/v3/dataflux-rum.js").as_deref(),
            Some("static.guance.con")
        );
        assert_eq!(
            found("https://static.guance.com/v3/dataflux-rumm.js").as_deref(),
            Some("dataflux-rumm.js")
        );
    }
}
