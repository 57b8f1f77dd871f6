//! A span that is sent to be followed: how it is written, and what DataKit's counters say of it. Accepted, dropped by the sampler, and
//! uploaded are three different things.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::datakit::why;
use super::sample::{Sample, total};
use super::{Row, SPAN, SPAN_FED, SPAN_UPLOADED, counted};
use crate::facts::Version;
use crate::facts::datakit::{SPANS_PATH, before, zipkin_input};
use crate::facts::datakit_live::{DROPS_COUNTED, METRICS_ON_LOOPBACK, NOT_PUBLIC, TRACING, UPLOADED};
use crate::http::{Answer, Failure};

/// The service that the spans are of: one for all runs, or each would be a new one in the console.
pub(crate) const SERVICE: &str = "meshobs-verify";

/// How many traces are sent at most until one passes the sampler.
pub(crate) const MOST: usize = 20;

/// A trace of one span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    /// 16 hexadecimal digits.
    pub(crate) span: String,
}

impl Trace {
    /// One that nobody has sent before.
    pub(crate) fn new() -> Self {
        // The standard library's only source of chance: each state hashes in its own way.
        let chance = || RandomState::new().hash_one(SystemTime::now());
        Self { id: format!("{:016x}{:016x}", chance(), chance()), span: format!("{:016x}", chance()) }
    }

    /// The trace as Zipkin's v2 JSON.
    pub(crate) fn body(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = u64::try_from(now.as_micros()).unwrap_or_default();
        json!([{
            "traceId": self.id,
            "id": self.span,
            "kind": "SERVER",
            "name": "meshobs verify",
            "timestamp": micros,
            "duration": 1000,
            "localEndpoint": {"serviceName": SERVICE},
            "tags": {"component": "meshobs"},
        }])
        .to_string()
    }
}

/// What is known of spans that were sent.
#[derive(Debug)]
pub(crate) struct Trial<'t> {
    pub(crate) version: Option<Version>,
    /// How many were sent.
    pub(crate) sent: usize,
    /// What was answered to the last one.
    pub(crate) answer: &'t Result<Answer, Failure>,
    /// What DataKit counted since before the first; the error says why nobody knows.
    pub(crate) since: Result<&'t Sample, &'t str>,
    /// How long the counters were looked at.
    pub(crate) waited: Duration,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The sampler dropped what was sent: another trace may pass.
    Send,
    /// Something is still to be counted.
    Wait,
    /// Nothing more will be known.
    Done,
}

/// How far the spans came.
enum Progress<'s> {
    NotCounted,
    /// The sampler dropped all of them.
    Dropped(f64),
    /// Counted as they came in, and handed on by nobody so far.
    Lost,
    /// Points that the input handed on, and uploads by status.
    Fed {
        points: f64,
        uploads: Option<Vec<(&'s str, f64)>>,
    },
}

impl<'t> Trial<'t> {
    fn is_taken(&self) -> bool {
        self.answer.as_ref().is_ok_and(|answer| (200..300).contains(&answer.status))
    }

    /// How many of the spans were counted as they came in; nothing where the version counts neither spans nor requests.
    fn counted(&self, since: &Sample) -> Option<f64> {
        match &since.spans {
            Some(spans) => Some(spans.get(SERVICE).copied().unwrap_or_default()),
            None => Some(since.requests.as_ref()?.get(SPANS_PATH).copied().unwrap_or_default()),
        }
    }

    fn progress(&self, since: &'t Sample) -> Progress<'t> {
        let zipkin = zipkin_input(self.version);
        let points = since.points_of(TRACING, |name| name == zipkin).unwrap_or_default();
        let dropped =
            since.sampled_out.as_ref().and_then(|counts| counts.get(SERVICE)).copied().unwrap_or_default();
        if self.counted(since) == Some(0.0) {
            return Progress::NotCounted;
        }
        // What others send meanwhile is fed, too: while the sampler has dropped all of ours, those points are theirs.
        if dropped >= self.sent as f64 {
            return Progress::Dropped(dropped);
        }
        if points == 0.0 {
            return Progress::Lost;
        }
        Progress::Fed { points, uploads: since.uploads_of(TRACING).map(Iterator::collect) }
    }

    /// What is to be done next.
    pub(crate) fn step(&self) -> Step {
        let Ok(since) = self.since else { return Step::Done };
        if !self.is_taken() {
            return Step::Done;
        }
        match self.progress(since) {
            Progress::NotCounted => Step::Wait,
            Progress::Dropped(_) if self.sent < MOST => Step::Send,
            Progress::Dropped(_) => Step::Done,
            // Without a count of drops another trace is the only way to know.
            Progress::Lost if since.sampled_out.is_none() && self.sent < MOST => Step::Send,
            Progress::Lost => Step::Wait,
            Progress::Fed { uploads: None, .. } => Step::Done,
            Progress::Fed { points, uploads: Some(uploads) } => {
                let all: f64 = total(uploads.iter().map(|(_, count)| *count));
                let lost = uploads.iter().any(|(status, _)| *status != UPLOADED);
                if lost || all >= points { Step::Done } else { Step::Wait }
            }
        }
    }

    /// What came of it.
    pub(crate) fn rows(&self) -> Vec<Row> {
        if !self.is_taken() {
            return vec![self.refused()];
        }
        let posted = format!("POST {SPANS_PATH} was answered with 200");
        let since = match self.since {
            Ok(since) => since,
            Err(why) => {
                let unknown = |link| Row::unknown(link, format!("{posted}, which proves nothing: {why}"), "");
                return vec![unknown(SPAN), unknown(SPAN_FED), unknown(SPAN_UPLOADED)];
            }
        };
        let Some(counted) = self.counted(since) else {
            return vec![Row::unknown(SPAN, format!("{posted}; this version counts no requests"), "")];
        };
        if counted == 0.0 {
            return vec![Row::failed(
                SPAN,
                format!(
                    "{posted}, and the input `zipkin` counted no span of it within {} s",
                    self.waited.as_secs()
                ),
                "see whether another program answers on this port, or `threads` in zipkin.conf has them wait in a queue",
            )];
        }
        let by = if since.spans.is_some() { "span" } else { "request" };
        let accepted = Row::fine(SPAN, format!("{posted}; {} counted", super::counted(counted, by)));
        let mut rows = vec![accepted];
        rows.extend(self.behind_input(since));
        rows
    }

    /// What came of spans that were taken.
    fn behind_input(&self, since: &Sample) -> Vec<Row> {
        let not_kept = |row: Row| {
            vec![
                row,
                Row::unknown(SPAN_UPLOADED, "no span of this run was kept, so none could be uploaded", ""),
            ]
        };
        match self.progress(since) {
            Progress::NotCounted => Vec::new(),
            Progress::Dropped(count) => not_kept(Row::unknown(
                SPAN_FED,
                format!("all {} were dropped by DataKit's sampler", super::counted(count, "span")),
                "to follow a span to the end, raise sampling_rate in zipkin.conf, or ENV_INPUT_ZIPKIN_SAMPLER",
            )),
            Progress::Lost if before(self.version, DROPS_COUNTED) => not_kept(Row::unknown(
                SPAN_FED,
                format!(
                    "of {} none came through; this version does not tell what the sampler drops from what is lost",
                    super::counted(self.sent as f64, "span")
                ),
                "look at sampler and close_resource in zipkin.conf",
            )),
            Progress::Lost => not_kept(Row::failed(
                SPAN_FED,
                format!(
                    "the input `zipkin` counted the span and handed on nothing within {} s; the sampler did not drop it",
                    self.waited.as_secs()
                ),
                "look at close_resource and keep_rare_resource in zipkin.conf, and at DataKit's log",
            )),
            Progress::Fed { points, uploads } => {
                let dropped = self.sent - 1;
                let passed =
                    if dropped > 0 { format!("after {dropped} that did not pass, ") } else { String::new() };
                let fed =
                    Row::fine(SPAN_FED, format!("{passed}{} handed on", super::counted(points, "point")));
                vec![fed, self.uploaded(points, uploads)]
            }
        }
    }

    fn uploaded(&self, points: f64, uploads: Option<Vec<(&str, f64)>>) -> Row {
        let Some(uploads) = uploads else {
            return Row::unknown(SPAN_UPLOADED, "this version does not report its uploads", "");
        };
        if let Some((status, count)) = uploads.iter().find(|(status, _)| *status != UPLOADED) {
            let (cause, hint) = why(status).unwrap_or_default();
            let lost = counted(*count, "point");
            return Row::failed(
                SPAN_UPLOADED,
                format!("{lost} of traces were lost with status `{status}`: {cause}"),
                hint,
            );
        }
        let taken: f64 = total(uploads.iter().map(|(_, count)| *count));
        if taken >= points {
            return Row::fine(
                SPAN_UPLOADED,
                format!("the dataway took {} of traces, of {points:.0} handed on", counted(taken, "point")),
            );
        }
        Row::failed(
            SPAN_UPLOADED,
            format!(
                "{} of traces handed on, {taken:.0} uploaded within {} s, and no failure counted",
                counted(points, "point"),
                self.waited.as_secs()
            ),
            "wait longer (--wait 60s); then see whether the dataway hangs or a filter (ENV_IO_FILTERS) drops them: DataKit's log tells",
        )
    }

    fn refused(&self) -> Row {
        let enable = "add `zipkin` to ENV_DEFAULT_ENABLED_INPUTS of DataKit, or mount zipkin.conf; `meshobs init datakit` writes it";
        let (what, hint) = match self.answer {
            Err(failure) => (failure.to_string(), "see whether DataKit still runs"),
            Ok(answer) if answer.status == 404 => (
                "status 404: no input takes spans at this path".to_owned(),
                "add `zipkin` to ENV_DEFAULT_ENABLED_INPUTS of DataKit, or mount zipkin.conf with this pathV2; `meshobs init datakit` \
                 writes it",
            ),
            Ok(answer) if answer.status == 403 && answer.body.contains(NOT_PUBLIC) => {
                ("status 403: the path is closed to other hosts".to_owned(), closed(self.version, enable))
            }
            Ok(answer) => (format!("status {}", answer.status), "look at DataKit's log"),
        };
        Row::failed(SPAN, format!("POST {SPANS_PATH}: {what}"), hint)
    }
}

/// Why a path of an input is closed to other hosts, and what opens it: since 1.64.0 inputs that run open their own.
fn closed(version: Option<Version>, enable: &'static str) -> &'static str {
    if before(version, METRICS_ON_LOOPBACK) {
        "add /api/v2/spans to ENV_HTTP_PUBLIC_APIS of DataKit"
    } else {
        enable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict::{self, Failed, Fine, Unknown};

    #[test]
    fn traces_differ_and_are_zipkins() {
        let (one, other) = (Trace::new(), Trace::new());
        assert!(one != other && one.id.len() == 32 && one.span.len() == 16, "{one:?}");
        let body: serde_json::Value = serde_json::from_str(&one.body()).unwrap();
        assert_eq!(body[0]["traceId"], one.id.as_str());
        assert!(body[0]["timestamp"].as_u64().unwrap() > 1_700_000_000_000_000);
    }

    /// What DataKit counted: spans, drops, points, uploads; and what follows.
    fn judged(
        version: &str,
        counts: [u32; 4],
        status: &str,
        sent: usize,
    ) -> (Step, Vec<(&'static str, Verdict)>) {
        let [spans, drops, points, uploads] = counts;
        let text = format!(
            "datakit_input_tracing_total{{input=\"zipkin\",service=\"meshobs-verify\"}} {spans}\n\
             datakit_http_api_total{{api=\"/api/v2/spans\",method=\"POST\",status=\"OK\"}} {spans}\n\
             datakit_input_drop_number_sum{{input=\"zipkin\",reason=\"sample\",service=\"meshobs-verify\"}} {drops}\n\
             datakit_io_feed_point_sum{{category=\"tracing\",name=\"zipkin\"}} {points}\n\
             datakit_io_dataway_point_total{{category=\"tracing\",status=\"{status}\"}} {uploads}\n"
        );
        let version = Version::parse(version);
        let since = Sample::of_metrics(version, &text).unwrap();
        let answer = Ok(Answer::of(200, ""));
        let waited = Duration::from_secs(2);
        let trial = Trial { version, sent, answer: &answer, since: Ok(&since), waited };
        (trial.step(), trial.rows().iter().map(|row| (row.link, row.verdict)).collect())
    }

    #[test]
    fn accepted_dropped_and_uploaded_are_told_apart() {
        for (version, counts, status, sent, step, rows) in [
            ("1.84.1", [0, 0, 0, 0], "OK", 1, Step::Wait, vec![(SPAN, Failed)]),
            (
                "1.84.1",
                [1, 0, 0, 0],
                "OK",
                1,
                Step::Wait,
                vec![(SPAN, Fine), (SPAN_FED, Failed), (SPAN_UPLOADED, Unknown)],
            ),
            (
                "1.84.1",
                [1, 1, 0, 0],
                "OK",
                1,
                Step::Send,
                vec![(SPAN, Fine), (SPAN_FED, Unknown), (SPAN_UPLOADED, Unknown)],
            ),
            // Points of others while the sampler dropped ours are no evidence.
            (
                "1.84.1",
                [20, 20, 9, 9],
                "OK",
                20,
                Step::Done,
                vec![(SPAN, Fine), (SPAN_FED, Unknown), (SPAN_UPLOADED, Unknown)],
            ),
            (
                "1.84.1",
                [3, 2, 1, 0],
                "OK",
                3,
                Step::Wait,
                vec![(SPAN, Fine), (SPAN_FED, Fine), (SPAN_UPLOADED, Failed)],
            ),
            (
                "1.84.1",
                [1, 0, 1, 1],
                "OK",
                1,
                Step::Done,
                vec![(SPAN, Fine), (SPAN_FED, Fine), (SPAN_UPLOADED, Fine)],
            ),
            (
                "1.84.1",
                [1, 0, 1, 1],
                "Forbidden",
                1,
                Step::Done,
                vec![(SPAN, Fine), (SPAN_FED, Fine), (SPAN_UPLOADED, Failed)],
            ),
            // Older ones count requests instead of spans, and no drops.
            (
                "1.20.0",
                [1, 0, 1, 1],
                "OK",
                1,
                Step::Done,
                vec![(SPAN, Fine), (SPAN_FED, Fine), (SPAN_UPLOADED, Fine)],
            ),
            (
                "1.20.0",
                [1, 0, 0, 0],
                "OK",
                1,
                Step::Send,
                vec![(SPAN, Fine), (SPAN_FED, Unknown), (SPAN_UPLOADED, Unknown)],
            ),
        ] {
            assert_eq!(judged(version, counts, status, sent), (step, rows), "{version} {counts:?} {status}");
        }
    }

    #[test]
    fn an_answer_alone_proves_nothing() {
        let answered = |status, body: &str| Ok(Answer::of(status, body));
        let rows = |answer: &Result<Answer, Failure>, version: &str| {
            let version = Version::parse(version);
            Trial { version, sent: 1, answer, since: Err("closed"), waited: Duration::ZERO }.rows()
        };
        let unknown = rows(&answered(200, ""), "1.84.1");
        assert!(unknown.len() == 3 && unknown.iter().all(|row| row.verdict == Unknown), "{unknown:?}");
        for (answer, version, says) in [
            (answered(404, ""), "1.84.1", "no input takes spans"),
            (answered(403, NOT_PUBLIC), "1.84.1", "closed to other hosts"),
            (answered(400, ""), "1.84.1", "status 400"),
            (Err(Failure::Refused), "1.84.1", "connection refused"),
        ] {
            let row = rows(&answer, version).remove(0);
            assert!(row.verdict == Failed && row.message.contains(says), "{row:?}");
        }
        let hint = |version| rows(&answered(403, NOT_PUBLIC), version).remove(0).hint;
        assert!(hint("1.63.1").contains("ENV_HTTP_PUBLIC_APIS"));
        assert!(hint("1.64.0").contains("ENV_DEFAULT_ENABLED_INPUTS"));
    }
}
