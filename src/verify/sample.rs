//! What a DataKit tells of itself at a moment, in the terms of no version: read from `/metrics` or from the older `/stats`, compared
//! with an earlier moment, and added up over several DataKits.

use std::collections::BTreeMap;

use serde_json::Value;

use super::exposition::{Series, series};
use crate::facts::Version;
use crate::facts::datakit::{before, zipkin_input};
use crate::facts::datakit_live::{
    CATEGORY_LETTERS, DROPPED_BY_SAMPLER, DROPS, DROPS_COUNTED, INPUTS, LAST_ERROR, POINTS, REQUESTS,
    SCRAPES, SPANS, SPANS_COUNTED, UPLOAD_SUM, UPLOADED, UPLOADS, UPTIME,
};

/// Numbers by what they count. Prometheus counts in floating point.
pub(crate) type Counts<K> = BTreeMap<K, f64>;

/// What counts points: the category, and the feed's name or the upload's status.
pub(crate) type ByCategory = Counts<(String, String)>;

/// Counters of a DataKit. What its version does not report is nothing; what it reports and has not counted yet is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Seconds since its start.
    pub(crate) uptime: Option<f64>,
    /// Running instances by input.
    pub(crate) inputs: Option<Counts<String>>,
    /// Points that inputs handed on, by category and feed.
    pub(crate) points: Option<ByCategory>,
    /// Requests with spans of Zipkin's, by service.
    pub(crate) spans: Option<Counts<String>>,
    /// Spans of Zipkin's that the sampler dropped, by service.
    pub(crate) sampled_out: Option<Counts<String>>,
    /// Requests that succeeded, by path.
    pub(crate) requests: Option<Counts<String>>,
    /// Points by category and what became of their upload.
    pub(crate) uploads: Option<ByCategory>,
    /// Rounds of scraping by source.
    pub(crate) scrapes: Option<Counts<String>>,
    /// The last errors: input or source, and text.
    pub(crate) errors: Vec<(String, String)>,
}

impl Sample {
    /// Reads `/metrics`. Nothing where it is not DataKit's.
    pub(crate) fn of_metrics(version: Option<Version>, text: &str) -> Option<Self> {
        let mut sample = Self {
            inputs: Some(Counts::new()),
            points: Some(ByCategory::new()),
            spans: (!before(version, SPANS_COUNTED)).then(Counts::new),
            sampled_out: (!before(version, DROPS_COUNTED)).then(Counts::new),
            requests: Some(Counts::new()),
            uploads: Some(ByCategory::new()),
            scrapes: Some(Counts::new()),
            ..Self::default()
        };
        let input = zipkin_input(version);
        let mut any = false;
        for series in series(text).filter(|series| series.name.starts_with("datakit_")) {
            any = true;
            sample.take(&series, input);
        }
        any.then_some(sample)
    }

    fn take(&mut self, series: &Series<'_>, zipkin: &str) {
        let label = |name: &str| series.label(name).to_owned();
        let value = series.value;
        match series.name {
            INPUTS => add(&mut self.inputs, label("input"), value),
            SPANS if series.label("input") == zipkin => add(&mut self.spans, label("service"), value),
            DROPS if series.label("input") == zipkin && series.label("reason") == DROPPED_BY_SAMPLER => {
                add(&mut self.sampled_out, label("service"), value);
            }
            REQUESTS if series.label("status") == UPLOADED => add(&mut self.requests, label("api"), value),
            UPLOADS if series.label("status") != UPLOAD_SUM => {
                add(&mut self.uploads, (label("category"), label("status")), value);
            }
            LAST_ERROR => {
                let input = series.label("input");
                let at = if input.is_empty() { label("source") } else { input.to_owned() };
                self.errors.push((at, label("error")));
            }
            name if UPTIME.contains(&name) => self.uptime = Some(value),
            name if POINTS.contains(&name) => {
                add(&mut self.points, (label("category"), label("name")), value);
            }
            name if SCRAPES.contains(&name) => add(&mut self.scrapes, label("source"), value),
            _ => {}
        }
    }

    /// Reads `/stats`. Nothing where it is not DataKit's.
    pub(crate) fn of_stats(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        value.get("version")?;
        let map = |key: &str| value.get(key).and_then(Value::as_object);
        let number = |value: &Value, key: &str| value.get(key).and_then(Value::as_f64);
        let mut sample = Self {
            inputs: map("enabled_input_list").map(|list| {
                list.iter().map(|(name, of)| (name.clone(), number(of, "instances").unwrap_or(1.0))).collect()
            }),
            ..Self::default()
        };
        sample.points = map("inputs_status").map(|list| {
            let one = |(name, of): (&String, &Value)| {
                let category = of.get("category").and_then(Value::as_str).unwrap_or_default().to_owned();
                Some(((category, name.clone()), number(of, "total")?))
            };
            list.iter().filter_map(one).collect()
        });
        sample.requests = map("http_metrics").map(|list| {
            list.iter().filter_map(|(path, of)| Some((path.clone(), number(of, "2xx")?))).collect()
        });
        sample.uploads = map("io_stats").map(|stats| {
            let mut uploads = ByCategory::new();
            for (letter, category) in CATEGORY_LETTERS {
                for (end, status) in [("send", UPLOADED), ("fail", "failed")] {
                    let count = stats.get(&format!("{letter}_{end}_pts")).and_then(Value::as_f64);
                    uploads.insert((category.to_owned(), status.to_owned()), count.unwrap_or(0.0));
                }
            }
            uploads
        });
        for (name, of) in map("inputs_status").into_iter().flatten() {
            let error = of.get("last_error").and_then(Value::as_str).unwrap_or_default();
            if !error.is_empty() {
                sample.errors.push((name.clone(), error.to_owned()));
            }
        }
        Some(sample)
    }

    /// What was counted since an earlier sample of the same DataKit; nothing where it has restarted in between.
    pub(crate) fn since(&self, earlier: &Self) -> Option<Self> {
        let restarted = self.uptime.zip(earlier.uptime).is_some_and(|(now, then)| now < then);
        let fell = |(now, then): (&ByCategory, &ByCategory)| {
            then.iter().any(|(key, count)| now.get(key).is_none_or(|now| now < count))
        };
        if restarted || self.points.as_ref().zip(earlier.points.as_ref()).is_some_and(fell) {
            return None;
        }
        Some(Self {
            uptime: self.uptime,
            inputs: self.inputs.clone(),
            points: growth(self.points.as_ref(), earlier.points.as_ref()),
            spans: growth(self.spans.as_ref(), earlier.spans.as_ref()),
            sampled_out: growth(self.sampled_out.as_ref(), earlier.sampled_out.as_ref()),
            requests: growth(self.requests.as_ref(), earlier.requests.as_ref()),
            uploads: growth(self.uploads.as_ref(), earlier.uploads.as_ref()),
            scrapes: growth(self.scrapes.as_ref(), earlier.scrapes.as_ref()),
            errors: self.errors.clone(),
        })
    }

    /// Adds what another DataKit counted. What one of the two does not report is not known of both.
    pub(crate) fn add(&mut self, other: &Self) {
        self.uptime = None;
        merge(&mut self.inputs, other.inputs.as_ref());
        merge(&mut self.points, other.points.as_ref());
        merge(&mut self.spans, other.spans.as_ref());
        merge(&mut self.sampled_out, other.sampled_out.as_ref());
        merge(&mut self.requests, other.requests.as_ref());
        merge(&mut self.uploads, other.uploads.as_ref());
        merge(&mut self.scrapes, other.scrapes.as_ref());
        self.errors.extend(other.errors.iter().cloned());
    }

    /// Points that feeds of a category handed on, those of names that fit.
    pub(crate) fn points_of(&self, category: &str, is_name: impl Fn(&str) -> bool) -> Option<f64> {
        let points = self.points.as_ref()?.iter();
        Some(total(points.filter(|((of, name), _)| of == category && is_name(name)).map(|(_, count)| *count)))
    }

    /// Points of a category by what became of their upload.
    pub(crate) fn uploads_of<'s>(
        &'s self,
        category: &'s str,
    ) -> Option<impl Iterator<Item = (&'s str, f64)> + 's> {
        let uploads = self.uploads.as_ref()?.iter();
        let fits = move |((of, _), count): &(&(String, String), &f64)| of == category && **count > 0.0;
        Some(uploads.filter(fits).map(|((_, status), count)| (status.as_str(), *count)))
    }
}

/// The sum of counts; the standard library's of nothing is -0.
pub(crate) fn total(counts: impl Iterator<Item = f64>) -> f64 {
    counts.fold(0.0, |sum, count| sum + count)
}

fn add<K: Ord>(counts: &mut Option<Counts<K>>, key: K, value: f64) {
    if let Some(counts) = counts {
        *counts.entry(key).or_default() += value;
    }
}

fn merge<K: Ord + Clone>(counts: &mut Option<Counts<K>>, others: Option<&Counts<K>>) {
    match (counts.as_mut(), others) {
        (Some(counts), Some(others)) => {
            others.iter().for_each(|(key, count)| *counts.entry(key.clone()).or_default() += count);
        }
        _ => *counts = None,
    }
}

fn growth<K: Ord + Clone>(now: Option<&Counts<K>>, then: Option<&Counts<K>>) -> Option<Counts<K>> {
    let then = then?;
    let rise = |(key, count): (&K, &f64)| (key.clone(), count - then.get(key).copied().unwrap_or(0.0));
    Some(now?.iter().map(rise).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of a DataKit 1.84.1.
    const NOW: &str = "datakit_uptime_seconds{hostname=\"n\",version=\"1.84.1\"} 14\n\
        datakit_inputs_instance{input=\"zipkin\"} 1\n\
        datakit_io_feed_point_sum{category=\"tracing\",name=\"zipkin\"} 10\n\
        datakit_input_tracing_total{input=\"zipkin\",service=\"a\"} 5\n\
        datakit_input_tracing_total{input=\"ddtrace\",service=\"a\"} 7\n\
        datakit_input_drop_number_sum{input=\"zipkin\",reason=\"sample\",service=\"a\"} 2\n\
        datakit_io_dataway_point_total{category=\"tracing\",status=\"OK\"} 8\n\
        datakit_io_dataway_point_total{category=\"tracing\",status=\"total\"} 8\n\
        datakit_http_api_total{api=\"/api/v2/spans\",method=\"POST\",status=\"OK\"} 8\n\
        datakit_http_api_total{api=\"/api/v2/spans\",method=\"POST\",status=\"Bad Request\"} 3\n\
        datakit_last_err{category=\"unknown\",error=\"probe error\",input=\"x\",source=\"y\"} 1700000000\n\
        go_goroutines 5\n";

    fn version(text: &str) -> Option<Version> {
        Version::parse(text)
    }

    #[test]
    fn metrics_are_read_as_the_version_writes_them() {
        let sample = Sample::of_metrics(version("1.84.1"), NOW).unwrap();
        assert_eq!(sample.uptime, Some(14.0));
        assert_eq!(sample.points_of("tracing", |name| name == "zipkin"), Some(10.0));
        assert_eq!(sample.spans.as_ref().unwrap()["a"], 5.0);
        assert_eq!(sample.sampled_out.as_ref().unwrap()["a"], 2.0);
        assert_eq!(sample.uploads_of("tracing").unwrap().collect::<Vec<_>>(), [("OK", 8.0)]);
        assert_eq!(sample.requests.as_ref().unwrap()["/api/v2/spans"], 8.0);
        assert_eq!(sample.errors, [("x".to_owned(), "probe error".to_owned())]);
        // An older one counts fewer things, by other names.
        let old = NOW.replace("feed_point_sum", "feed_point_total").replace("uptime_seconds", "uptime");
        let sample = Sample::of_metrics(version("1.20.0"), &old).unwrap();
        assert_eq!((sample.uptime, sample.spans.is_none()), (Some(14.0), true));
        assert_eq!(sample.points_of("tracing", |_| true), Some(10.0));
        assert_eq!(Sample::of_metrics(None, "<html>\ngo_goroutines 5\n"), None);
    }

    #[test]
    fn several_are_added_up() {
        let mut sum = Sample::of_metrics(version("1.84.1"), NOW).unwrap();
        let other = NOW.replace("service=\"a\"", "service=\"b\"");
        sum.add(&Sample::of_metrics(version("1.84.1"), &other).unwrap());
        assert_eq!(sum.points_of("tracing", |_| true), Some(20.0));
        let spans = sum.spans.as_ref().unwrap();
        assert_eq!((spans["a"], spans["b"]), (5.0, 5.0));
        // An older one among them counts no spans: the sum is not known.
        sum.add(&Sample::of_metrics(version("1.20.0"), NOW).unwrap());
        assert_eq!((sum.spans, sum.points.is_some()), (None, true));
    }

    #[test]
    fn stats_are_read() {
        let text = r#"{"version": "1.5.8", "enabled_input_list": {"zipkin": {"input": "zipkin", "instances": 2}},
            "inputs_status": {"zipkin": {"category": "tracing", "total": 4, "last_error": "no"}},
            "http_metrics": {"/api/v2/spans": {"2xx": 3}}, "io_stats": {"T_send_pts": 2, "T_fail_pts": 1}}"#;
        let sample = Sample::of_stats(text).unwrap();
        assert_eq!(sample.inputs.as_ref().unwrap()["zipkin"], 2.0);
        assert_eq!(sample.points_of("tracing", |_| true), Some(4.0));
        assert_eq!(sample.uploads_of("tracing").unwrap().collect::<Vec<_>>(), [("OK", 2.0), ("failed", 1.0)]);
        assert_eq!(sample.errors.len(), 1);
        assert_eq!(sample.spans, None);
        let bare = Sample::of_stats(r#"{"version": "1.2.9"}"#).unwrap();
        assert_eq!((bare.inputs, bare.uploads), (None, None));
        assert_eq!(Sample::of_stats("[]"), None);
    }

    #[test]
    fn a_restart_leaves_nothing_to_compare() {
        let at = |text: &str| Sample::of_metrics(None, text).unwrap();
        let then = at(NOW);
        let now = at(&NOW.replace("name=\"zipkin\"} 10", "name=\"zipkin\"} 13").replace("} 14", "} 20"));
        let since = now.since(&then).unwrap();
        assert_eq!(since.points_of("tracing", |_| true), Some(3.0));
        assert_eq!(since.spans.unwrap()["a"], 0.0);
        assert_eq!(at(&NOW.replace("} 14", "} 2")).since(&then), None);
        assert_eq!(at(&NOW.replace("name=\"zipkin\"} 10", "name=\"zipkin\"} 1")).since(&then), None);
    }
}
