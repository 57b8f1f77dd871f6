//! Whether what DataKit scrapes from proxies arrives: points of the sources that annotations name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::sample::Sample;
use super::{METRICS, Row, counted};
use crate::facts::datakit_live::{METRIC, PICKUP_MINUTES, scrape_source};

/// A workload that is to be scraped by its annotation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expected {
    /// `deployment/NAME in NAMESPACE`.
    pub(crate) workload: String,
    /// The sources of its scrapers; where one has none DataKit names it after each pod.
    pub(crate) sources: Vec<String>,
    /// Seconds between two rounds, of the slowest.
    pub(crate) interval: f64,
}

/// How long points are waited for: two rounds, and a moment for the pods to answer.
pub(crate) fn limit(expected: &[Expected]) -> Duration {
    const MOMENT: f64 = 2.0;
    const LONGEST: f64 = 600.0;
    let slowest = expected.iter().map(|one| one.interval).fold(0.0, f64::max);
    Duration::from_secs_f64((2.0 * slowest + MOMENT).clamp(MOMENT, LONGEST))
}

/// The points that came from each source.
fn arrived(since: &Sample) -> BTreeMap<&str, f64> {
    let mut found = BTreeMap::new();
    for ((category, name), count) in since.points.iter().flatten().filter(|(_, count)| **count > 0.0) {
        if let Some(source) = scrape_source(name).filter(|_| category == METRIC) {
            *found.entry(source).or_default() += count;
        }
    }
    found
}

/// The workloads nothing came from, by source.
fn missing<'e>(expected: &'e [Expected], since: &Sample) -> BTreeMap<&'e str, BTreeSet<&'e str>> {
    let arrived = arrived(since);
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in expected {
        for source in one.sources.iter().filter(|source| !arrived.contains_key(source.as_str())) {
            found.entry(source).or_default().insert(&one.workload);
        }
    }
    found
}

/// Whether there is nothing more to wait for.
pub(crate) fn is_complete(expected: &[Expected], since: &Sample) -> bool {
    missing(expected, since).is_empty()
}

/// Whether metrics arrive. `all` says whether every DataKit was asked: annotations are scraped by the DataKit of the pod's
/// node.
pub(crate) fn rows(
    expected: &[Expected],
    since: Result<&Sample, &str>,
    waited: Duration,
    all: bool,
) -> Vec<Row> {
    if expected.is_empty() {
        let message =
            "no annotation of a running pod names a source; other ways of scraping are not followed";
        return vec![Row::unknown(METRICS, message, "see `meshobs check`")];
    }
    let since = match since {
        Ok(since) if since.points.is_some() => since,
        Ok(_) => return vec![Row::unknown(METRICS, "this version does not report the points it takes", "")],
        Err(why) => return vec![Row::unknown(METRICS, why, "")],
    };
    let arrived = arrived(since);
    let wanted: BTreeSet<&str> = expected.iter().flat_map(|one| &one.sources).map(String::as_str).collect();
    let came: Vec<_> = wanted.iter().filter_map(|source| Some((source, arrived.get(source)?))).collect();
    let mut rows = Vec::new();
    if !came.is_empty() {
        const SHOWN: usize = 5;
        let mut parts: Vec<_> =
            came.iter().take(SHOWN).map(|(source, count)| format!("{source} {count:.0}")).collect();
        if came.len() > SHOWN {
            parts.push(format!("{} more", came.len() - SHOWN));
        }
        rows.push(Row::fine(METRICS, format!("points by source while meshobs looked: {}", parts.join(", "))));
    }
    for (source, workloads) in missing(expected, since) {
        let seconds = waited.as_secs();
        let first = workloads.first().copied().unwrap_or_default();
        let of = match workloads.len() {
            1 => first.to_owned(),
            more => format!("{first} and {}", counted((more - 1) as f64, "other workload")),
        };
        let message =
            format!("no point from source `{source}` ({of}) within {seconds} s{}", error_of(source, since));
        rows.push(if all {
            let hint = format!(
                "see `meshobs check`; DataKit finds a new pod's annotation within {PICKUP_MINUTES} minutes: --wait {PICKUP_MINUTES}m"
            );
            Row::failed(METRICS, message, hint)
        } else {
            Row::unknown(METRICS, format!("{message}; not every DataKit could be asked"), "")
        });
    }
    rows
}

/// What DataKit says of a source.
fn error_of(source: &str, since: &Sample) -> String {
    let error = since.errors.iter().find(|(at, text)| at == source || text.contains(source));
    error.map_or_else(String::new, |(_, text)| {
        format!("; DataKit reports: {}", text.trim().chars().take(200).collect::<String>())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Version;
    use crate::verify::Verdict;

    fn expected(workload: &str, source: &str) -> Expected {
        Expected { workload: workload.to_owned(), sources: vec![source.to_owned()], interval: 10.0 }
    }

    fn sample(feeds: &[(&str, u32)]) -> Sample {
        let line = |(name, count): &(&str, u32)| {
            format!("datakit_io_feed_point_sum{{category=\"metric\",name=\"{name}\"}} {count}\n")
        };
        let text = format!("datakit_uptime_seconds 1\n{}", feeds.iter().map(line).collect::<String>());
        Sample::of_metrics(Version::parse("1.84.1"), &text).unwrap()
    }

    #[test]
    fn each_source_is_waited_for() {
        let all = [expected("deployment/a in prod", "mesh"), expected("deployment/b in prod", "prod/b-0")];
        assert_eq!(limit(&all), Duration::from_secs(22));
        let some = sample(&[("mesh", 5), ("prod/b-0", 0), ("prom.other", 3)]);
        assert!(
            !is_complete(&all, &some) && is_complete(&all, &sample(&[("prom/mesh", 1), ("prod/b-0", 2)]))
        );
        let judged = |since: Result<&Sample, &str>, all_asked| {
            let rows = rows(&all, since, Duration::from_secs(22), all_asked);
            rows.into_iter().map(|row| (row.verdict, row.message)).collect::<Vec<_>>()
        };
        let found = judged(Ok(&some), true);
        assert_eq!(found[0], (Verdict::Fine, "points by source while meshobs looked: mesh 5".to_owned()));
        let text = "no point from source `prod/b-0` (deployment/b in prod) within 22 s";
        assert_eq!(found[1], (Verdict::Failed, text.to_owned()));
        assert_eq!(judged(Ok(&some), false)[1].0, Verdict::Unknown);
        assert_eq!(judged(Err("closed"), true), [(Verdict::Unknown, "closed".to_owned())]);
        // That a target is down is counted, too, and is no metric.
        assert!(!is_complete(&all[..1], &sample(&[("prom.mesh.up", 4)])));
        assert_eq!(rows(&[], Ok(&some), Duration::ZERO, true)[0].verdict, Verdict::Unknown);
    }
}
