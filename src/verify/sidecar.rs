//! What proxies serve as metrics, what DataKit keeps of it, and what that costs in points.

use std::collections::BTreeMap;

use super::exposition::{Part, parts};
use super::{Row, SIDECAR, counted};
use crate::facts::datakit::seconds;
use crate::facts::datakit_live::SCRAPE_INTERVAL;
use crate::facts::scrape::{Block, Keeper};
use crate::gate::word;

/// A scraper that an annotation makes of DataKit.
#[derive(Clone, Debug)]
pub(crate) struct Scraper {
    keeper: Keeper,
    /// Seconds.
    pub(crate) interval: f64,
}

impl Scraper {
    pub(crate) fn of(block: &Block) -> Self {
        let interval = block.interval.as_deref().and_then(seconds).filter(|seconds| *seconds > 0.0);
        Self { keeper: Keeper::of(block), interval: interval.unwrap_or(SCRAPE_INTERVAL) }
    }
}

/// What one scrape of a proxy gives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    /// All series that it serves.
    series: f64,
    /// Points a minute that its scrapers keep. A point for each series, one for the sum and count of a histogram.
    per_minute: f64,
}

/// Reads what a proxy serves. Nothing where it is not the text format of Prometheus.
pub(crate) fn cost(text: &str, scrapers: &[Scraper]) -> Option<Cost> {
    let mut cost = Cost::default();
    let (mut family, mut rate) = ("", 0.0);
    let of = |name: &str, kind: &str| -> f64 {
        let kept = scrapers.iter().filter(|scraper| scraper.keeper.keeps(name, kind));
        kept.map(|scraper| 60.0 / scraper.interval).fold(0.0, |sum, rate| sum + rate)
    };
    for part in parts(text) {
        match part {
            Part::Family(name, kind) => (family, rate) = (name, of(name, kind)),
            Part::Series(series) => {
                cost.series += 1.0;
                let suffix = series.name.strip_prefix(family).filter(|_| !family.is_empty());
                match suffix {
                    Some("_sum") => {}
                    Some(_) => cost.per_minute += rate,
                    None => cost.per_minute += of(series.name, "untyped"),
                }
            }
        }
    }
    (cost.series > 0.0).then_some(cost)
}

/// Why a proxy's metrics are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The user may not ask: the API server's words.
    Forbidden(String),
    /// It does not answer.
    Silent(String),
    /// What it answers are no metrics.
    NoMetrics,
}

/// One pod of a workload, and what it served.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    /// `deployment/NAME in NAMESPACE`.
    pub(crate) workload: String,
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) port: u16,
    pub(crate) path: &'static str,
    /// How many pods of the workload run.
    pub(crate) pods: usize,
    pub(crate) answer: Result<Cost, Trouble>,
}

/// Whether sidecars serve their metrics. `flags` are those of kubectl that name the cluster, quoted.
pub(crate) fn rows(all: &[Served], flags: &str) -> Vec<Row> {
    if all.is_empty() {
        return vec![Row::unknown(SIDECAR, "no pod with a sidecar runs", "see `meshobs check`")];
    }
    let mut rows = Vec::new();
    let fine: Vec<_> = all.iter().filter_map(|served| Some((served, served.answer.as_ref().ok()?))).collect();
    if !fine.is_empty() {
        let series = fine.iter().fold(0.0, |sum, (_, cost)| sum + cost.series);
        let all_pods = |(served, cost): &(&Served, &Cost)| cost.per_minute * served.pods as f64;
        let points = fine.iter().map(all_pods).fold(0.0, |sum, points| sum + points);
        let pods: usize = fine.iter().map(|(served, _)| served.pods).sum();
        let pods = counted(pods as f64, "pod");
        let kept = if points > 0.0 {
            format!(
                "what their annotations keep comes to about {} a minute from their {pods}",
                counted(points, "point")
            )
        } else {
            "no annotation keeps any of it".to_owned()
        };
        let workloads = counted(fine.len() as f64, "workload");
        let message = format!("a pod of each of {workloads} answers, with {series:.0} series in all; {kept}");
        rows.push(Row::fine(SIDECAR, message));
    }
    let mut forbidden: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for served in all {
        let Served { workload, namespace, pod, port, path, .. } = served;
        let address = word(&format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}"));
        let ask = format!("kubectl{flags} get --raw {address}");
        match &served.answer {
            Ok(_) => {}
            Err(Trouble::Forbidden(why)) => forbidden.entry(namespace).or_insert((0, why)).0 += 1,
            Err(Trouble::Silent(why)) => rows.push(Row::failed(
                SIDECAR,
                format!("{workload}: port {port} of pod {pod} does not answer: {why}"),
                format!("see whether its proxy is ready; ask again by: {ask}"),
            )),
            Err(Trouble::NoMetrics) => rows.push(Row::failed(
                SIDECAR,
                format!("{workload}: {path} on port {port} of pod {pod} has no metrics"),
                format!("see what it answers: {ask}"),
            )),
        }
    }
    for (namespace, (count, why)) in forbidden {
        rows.push(Row::unknown(
            SIDECAR,
            format!("{} in {namespace} could not be asked: {why}", counted(count as f64, "workload")),
            format!(
                "ask for the right to get pods/proxy: kubectl{flags} auth can-i get pods/proxy -n {}",
                word(namespace)
            ),
        ));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::scrape::read;
    use crate::verify::Verdict;

    const TEXT: &str = "# TYPE istio_requests_total counter\nistio_requests_total{a=\"1\"} 5\nistio_requests_total{a=\"2\"} 5\n\
        # TYPE istio_request_duration_milliseconds histogram\nistio_request_duration_milliseconds_bucket{le=\"1\"} 1\n\
        istio_request_duration_milliseconds_bucket{le=\"+Inf\"} 1\nistio_request_duration_milliseconds_sum 1\n\
        istio_request_duration_milliseconds_count 1\n# TYPE envoy_x gauge\nenvoy_x 1\n";

    fn scrapers(settings: &str) -> Vec<Scraper> {
        let text = format!("[[inputs.prom]]\nurl = \"http://$IP:15020/stats/prometheus\"\n{settings}");
        read(&text, None, false).blocks.iter().map(Scraper::of).collect()
    }

    #[test]
    fn points_are_counted_as_datakit_makes_them() {
        let per_minute = |settings: &str| cost(TEXT, &scrapers(settings)).unwrap().per_minute;
        // Six points a scrape: two counters, two buckets, one sum with its count, one gauge.
        assert_eq!(per_minute("interval = \"60s\""), 6.0);
        assert_eq!(per_minute("interval = \"10s\"\nmetric_types = [\"counter\", \"histogram\"]"), 30.0);
        assert_eq!(per_minute("metric_name_filter = [\"istio_requests_total\"]"), 4.0);
        assert_eq!(per_minute("interval = \"60s\"\nmetric_name_filter_ignore = [\"^istio\"]"), 1.0);
        assert_eq!(cost(TEXT, &[]).unwrap(), Cost { series: 7.0, per_minute: 0.0 });
        assert_eq!(cost("<html>no</html>", &[]), None);
    }

    #[test]
    fn who_does_not_answer_is_named_with_a_command() {
        let served = |answer| Served {
            workload: "deployment/a in prod".to_owned(),
            namespace: "prod".to_owned(),
            pod: "a-0".to_owned(),
            port: 15020,
            path: "/stats/prometheus",
            pods: 3,
            answer,
        };
        let cost = Cost { series: 7.0, per_minute: 20.0 };
        let all = [
            served(Ok(cost)),
            served(Err(Trouble::Silent("refused".to_owned()))),
            served(Err(Trouble::NoMetrics)),
            served(Err(Trouble::Forbidden("no".to_owned()))),
        ];
        let rows = rows(&all, " --context x");
        let verdicts: Vec<_> = rows.iter().map(|row| row.verdict).collect();
        assert_eq!(verdicts, [Verdict::Fine, Verdict::Failed, Verdict::Failed, Verdict::Unknown]);
        assert_eq!(
            rows[0].message,
            "a pod of each of 1 workload answers, with 7 series in all; what their annotations keep comes to about 60 points a \
             minute from their 3 pods"
        );
        let command =
            "kubectl --context x get --raw /api/v1/namespaces/prod/pods/a-0:15020/proxy/stats/prometheus";
        assert!(rows[1].hint.ends_with(command), "{}", rows[1].hint);
        assert!(
            rows[3].hint.ends_with("kubectl --context x auth can-i get pods/proxy -n prod"),
            "{}",
            rows[3].hint
        );
        assert_eq!(super::rows(&[], "")[0].verdict, Verdict::Unknown);
    }
}
