//! Whether a request through the ingress gateway leaves spans at DataKit; and where it does not, what the gateway's own proxy says of
//! its spans.

use std::time::Duration;

use super::sample::{Sample, total};
use super::span::{SERVICE, Trace};
use super::{GATEWAY_SPAN, Row, counted};
use crate::facts::datakit::SPANS_PATH;

/// The headers that make a proxy report a request whatever its sampling is, as B3 has them.
pub(crate) fn headers(trace: &Trace) -> [(&'static str, String); 3] {
    [
        ("x-b3-traceid", trace.id.clone()),
        ("x-b3-spanid", trace.span.clone()),
        ("x-b3-sampled", "1".to_owned()),
    ]
}

/// The path of Envoy's administration that tells of its Zipkin tracer, and the one that tells of its clusters; Istio opens them
/// on loopback.
pub(crate) const STATS_PATH: &str = "/stats?filter=%5Etracing%5C.zipkin%5C.";
pub(crate) const CLUSTERS_PATH: &str = "/clusters";

/// What Envoy's Zipkin tracer has counted (`source/extensions/tracers/zipkin`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tracer {
    spans: f64,
    /// Reports that had nowhere to go: no such cluster.
    no_cluster: f64,
    /// Reports that were not answered.
    failed: f64,
    /// Reports that were answered otherwise than with 202. DataKit answers 200, so all of its are here.
    dropped: f64,
}

impl Tracer {
    /// Reads `/stats`. Nothing where there is no Zipkin tracer.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let value = |name: &str| -> Option<f64> {
            let lines = text.lines().filter_map(|line| line.strip_prefix("tracing.zipkin."));
            lines
                .filter_map(|line| line.split_once(": "))
                .find(|(key, _)| *key == name)?
                .1
                .trim()
                .parse()
                .ok()
        };
        let other = |name: &str| value(name).unwrap_or_default();
        Some(Self {
            spans: value("spans_sent")?,
            no_cluster: other("reports_skipped_no_cluster"),
            failed: other("reports_failed"),
            dropped: other("reports_dropped"),
        })
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            spans: self.spans - earlier.spans,
            no_cluster: self.no_cluster - earlier.no_cluster,
            failed: self.failed - earlier.failed,
            dropped: self.dropped - earlier.dropped,
        }
    }
}

/// A host that Envoy may send spans to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Host {
    cluster: String,
    address: String,
    is_healthy: bool,
    connect_failures: f64,
    requests: f64,
}

/// The hosts of `/clusters` whose clusters are named after a collector of spans.
pub(crate) fn hosts(text: &str) -> Vec<Host> {
    let is_collector =
        |cluster: &str| ["zipkin", "datakit", "|9411|"].iter().any(|part| cluster.contains(part));
    let mut found: Vec<Host> = Vec::new();
    for line in text.lines() {
        let mut parts = line.split("::");
        let (Some(cluster), Some(address), Some(key), Some(value)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        if !is_collector(cluster) || !address.contains(':') {
            continue;
        }
        let is_same = |host: &Host| host.cluster == cluster && host.address == address;
        // Lines of a host follow each other.
        if !found.last().is_some_and(is_same) {
            found.push(Host { cluster: cluster.to_owned(), address: address.to_owned(), ..Host::default() });
        }
        let Some(host) = found.last_mut() else { continue };
        let number = value.trim().parse::<f64>().unwrap_or_default();
        match key {
            "health_flags" => host.is_healthy = value.trim() == "healthy",
            "cx_connect_fail" => host.connect_failures = number,
            "rq_total" => host.requests = number,
            _ => {}
        }
    }
    found
}

/// What hosts have counted since an earlier look at them.
pub(crate) fn grown(now: Vec<Host>, earlier: &[Host]) -> Vec<Host> {
    let since = |mut host: Host| {
        let is_same = |then: &&Host| then.cluster == host.cluster && then.address == host.address;
        if let Some(then) = earlier.iter().find(is_same) {
            host.connect_failures -= then.connect_failures;
            host.requests -= then.requests;
        }
        host
    };
    now.into_iter().map(since).collect()
}

/// What the gateway's proxy said of its spans: before the request and after it.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) before: Option<Tracer>,
    pub(crate) after: Option<Tracer>,
    /// With what they counted in between.
    pub(crate) hosts: Vec<Host>,
}

/// What is known of a request.
#[derive(Debug)]
pub(crate) struct Trial<'t> {
    /// The address that was asked, for people.
    pub(crate) address: &'t str,
    /// The status of the answer; the error says why there is none.
    pub(crate) answer: Result<u16, String>,
    /// What DataKits counted since.
    pub(crate) since: Result<&'t Sample, &'t str>,
    /// Whether every DataKit was asked.
    pub(crate) all: bool,
    /// Whether DataKit takes no span that is sent to it directly, either.
    pub(crate) takes_none: bool,
    /// What the proxy said; the error says why nobody knows.
    pub(crate) proxy: Result<Proxy, String>,
    pub(crate) waited: Duration,
}

/// The spans of others than this program that were counted, by service; before services were counted, the requests.
fn arrived(since: &Sample) -> Vec<(&str, f64)> {
    match &since.spans {
        Some(spans) => {
            let others = spans.iter().filter(|(service, count)| *service != SERVICE && **count > 0.0);
            others.map(|(service, count)| (service.as_str(), *count)).collect()
        }
        None => {
            let requests = since.requests.iter().flatten();
            let spans = requests.filter(|(path, count)| *path == SPANS_PATH && **count > 0.0);
            spans.map(|(_, count)| ("any service", *count)).collect()
        }
    }
}

/// Whether spans of a request were counted.
pub(crate) fn has_arrived(since: &Sample) -> bool {
    !arrived(since).is_empty()
}

impl Trial<'_> {
    /// What came of it.
    pub(crate) fn row(&self) -> Row {
        let status = match &self.answer {
            Ok(status) => status,
            Err(why) => {
                return Row::failed(
                    GATEWAY_SPAN,
                    format!("{}: {why}", self.address),
                    "name the address that your users open: --url http://HOST/PATH",
                );
            }
        };
        let asked = format!("GET {} was answered with {status}", self.address);
        let since = match self.since {
            Ok(since) => since,
            Err(why) => return Row::unknown(GATEWAY_SPAN, format!("{asked}; {why}"), ""),
        };
        let services = arrived(since);
        if !services.is_empty() {
            return Row::fine(
                GATEWAY_SPAN,
                format!("{asked}; DataKit counted spans of {}", listed(&services)),
            );
        }
        let seconds = self.waited.as_secs();
        let message = format!("{asked}, and no DataKit counted a span of a proxy within {seconds} s");
        if self.takes_none {
            let why = "; DataKit takes no span that is sent to it directly, either";
            return Row::unknown(
                GATEWAY_SPAN,
                format!("{message}{why}"),
                "mend the links `inputs` and `span` first",
            );
        }
        let (why, hint) = self.cause();
        let message = format!("{message}: {why}");
        if self.all {
            Row::failed(GATEWAY_SPAN, message, hint)
        } else {
            Row::unknown(GATEWAY_SPAN, format!("{message}; not every DataKit could be asked"), hint)
        }
    }

    /// Which half of the way is broken.
    fn cause(&self) -> (String, &'static str) {
        const CHECK: &str = "see where its spans are to go: meshobs check --only-section tracing";
        let proxy = match &self.proxy {
            Ok(proxy) => proxy,
            Err(why) => return (format!("what the gateway's proxy did with it is unknown ({why})"), CHECK),
        };
        let Some(after) = proxy.after else {
            return ("the gateway's proxy has no Zipkin tracer".to_owned(), CHECK);
        };
        let since = after.since(proxy.before.unwrap_or_default());
        if since.spans <= 0.0 {
            return ("the gateway's proxy has a Zipkin tracer and made no span of it".to_owned(), CHECK);
        }
        if since.no_cluster > 0.0 {
            let why = "the gateway's proxy does not know the cluster that its spans are to go to";
            return (why.to_owned(), CHECK);
        }
        if let Some(Host { cluster, address, .. }) =
            proxy.hosts.iter().find(|host| host.connect_failures > 0.0)
        {
            let why = format!(
                "the gateway's proxy sent it to {address} of cluster {cluster} and could not connect"
            );
            return (
                why,
                "see that DataKit listens there on all addresses: meshobs check --only-section tracing",
            );
        }
        if let Some(Host { cluster, address, .. }) = proxy.hosts.iter().find(|host| !host.is_healthy) {
            let why = format!("the gateway's proxy holds {address} of cluster {cluster} for unhealthy");
            return (why, CHECK);
        }
        let to: Vec<_> = proxy.hosts.iter().filter(|host| host.requests > 0.0).collect();
        let to = to
            .first()
            .map_or_else(String::new, |host| format!(" to {} of cluster {}", host.address, host.cluster));
        if since.failed > 0.0 {
            return (format!("the gateway's proxy sent it{to} and got no answer"), CHECK);
        }
        if since.dropped > 0.0 {
            let why = format!(
                "the gateway's proxy sent it{to}, and what answered there is no DataKit that was asked"
            );
            return (why, CHECK);
        }
        (format!("the gateway's proxy made a span of it{to}, and it did not arrive"), CHECK)
    }
}

fn listed(services: &[(&str, f64)]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<_> =
        services.iter().take(SHOWN).map(|(service, count)| format!("{service} {count:.0}")).collect();
    let more = services.get(SHOWN..).unwrap_or_default();
    let rest = total(more.iter().map(|(_, count)| *count));
    let rest = if rest > 0.0 { format!(", {} of others", counted(rest, "more")) } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Version;
    use crate::verify::Verdict;

    const STATS: &str = "tracing.zipkin.reports_dropped: 3\ntracing.zipkin.reports_failed: 0\ntracing.zipkin.reports_sent: 0\n\
        tracing.zipkin.reports_skipped_no_cluster: 0\ntracing.zipkin.spans_sent: 7\ntracing.zipkin.timer_flushed: 2\n";
    const CLUSTERS: &str = "outbound|9411||zipkin.istio-system.svc.cluster.local::default_priority::max_connections::4294967295\n\
        outbound|9411||zipkin.istio-system.svc.cluster.local::10.0.0.7:9529::cx_connect_fail::2\n\
        outbound|9411||zipkin.istio-system.svc.cluster.local::10.0.0.7:9529::rq_total::5\n\
        outbound|9411||zipkin.istio-system.svc.cluster.local::10.0.0.7:9529::health_flags::healthy\n\
        outbound|9080||reviews.prod.svc.cluster.local::10.0.0.8:9080::cx_connect_fail::9\n";

    #[test]
    fn envoys_words_are_read() {
        let tracer = Tracer::of(STATS).unwrap();
        assert_eq!((tracer.spans, tracer.dropped), (7.0, 3.0));
        assert_eq!(Tracer::of(""), None);
        let [host] = hosts(CLUSTERS).try_into().unwrap();
        assert_eq!(
            (host.address.as_str(), host.connect_failures, host.is_healthy),
            ("10.0.0.7:9529", 2.0, true)
        );
        // What failed before the request is not to blame.
        let [host] = grown(hosts(CLUSTERS), &hosts(CLUSTERS)).try_into().unwrap();
        assert_eq!((host.connect_failures, host.requests), (0.0, 0.0));
    }

    fn sample(service: &str) -> Sample {
        let text = format!(
            "datakit_uptime_seconds 1\ndatakit_input_tracing_total{{input=\"zipkin\",service=\"{service}\"}} 2\n"
        );
        Sample::of_metrics(Version::parse("1.84.1"), &text).unwrap()
    }

    fn judged(
        since: &Sample,
        direct: Verdict,
        proxy: Result<(Option<&str>, &str), &str>,
    ) -> (Verdict, String) {
        let proxy = proxy.map_err(str::to_owned).map(|(stats, clusters)| Proxy {
            before: Tracer::of(&STATS.replace(": 7", ": 6").replace(": 3", ": 2")),
            after: stats.and_then(Tracer::of),
            hosts: hosts(clusters),
        });
        let row = Trial {
            address: "http://gw/",
            answer: Ok(200),
            since: Ok(since),
            all: true,
            takes_none: direct == Verdict::Failed,
            proxy,
            waited: Duration::from_secs(9),
        }
        .row();
        (row.verdict, row.message)
    }

    #[test]
    fn the_broken_half_is_named() {
        let (some, none) = (sample("productpage.prod"), sample(SERVICE));
        let (verdict, text) = judged(&some, Verdict::Fine, Err("x"));
        assert!(verdict == Verdict::Fine && text.ends_with("counted spans of productpage.prod 2"), "{text}");
        assert_eq!(judged(&none, Verdict::Failed, Err("x")).0, Verdict::Unknown);
        let quiet = CLUSTERS.replace("connect_fail::2", "connect_fail::0");
        let sick = quiet.replace("::healthy", "::/failed_eds_health");
        let idle = STATS.replace(": 7", ": 6");
        let lost = STATS.replace("no_cluster: 0", "no_cluster: 1");
        for (proxy, says) in [
            (Err("forbidden"), "is unknown (forbidden)"),
            (Ok((None, "")), "has no Zipkin tracer"),
            (Ok((Some(idle.as_str()), "")), "made no span of it"),
            (Ok((Some(lost.as_str()), "")), "does not know the cluster"),
            (
                Ok((Some(STATS), CLUSTERS)),
                "sent it to 10.0.0.7:9529 of cluster outbound|9411||zipkin.istio-system.svc.cluster.local and could not connect",
            ),
            (Ok((Some(STATS), sick.as_str())), "for unhealthy"),
            (Ok((Some(STATS), quiet.as_str())), "what answered there is no DataKit that was asked"),
        ] {
            let (verdict, text) = judged(&none, Verdict::Fine, proxy);
            assert!(verdict == Verdict::Failed && text.contains(says), "{says}\n{text}");
        }
    }

    #[test]
    fn a_request_asks_for_its_trace() {
        let trace = Trace::new();
        let [(_, id), (_, span), (name, sampled)] = headers(&trace);
        assert_eq!((id, span, name, sampled.as_str()), (trace.id, trace.span, "x-b3-sampled", "1"));
    }
}
