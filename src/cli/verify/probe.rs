//! One DataKit, followed from its port to the dataway: its counters are read, a span and a view are sent, and its counters are read
//! again until they tell.

use std::time::{Duration, Instant};

use super::api::Api;
use crate::facts::datakit::{RUM_INPUT, before, zipkin_input};
use crate::facts::datakit_live::{RUM as RUM_CATEGORY, RUM_NAMES};
use crate::http::{Answer, Failure};
use crate::verify::datakit::{Ping, READ_ON_LOOPBACK};
use crate::verify::sample::Sample;
use crate::verify::span::{self, Step, Trace};
use crate::verify::{INPUTS, RUM, Report, Row, SPAN, SPAN_FED, SPAN_UPLOADED, UPLOADS, datakit, rum};

/// How long the input `rum` takes to start, at most.
const START: Duration = Duration::from_secs(5);

/// The pauses between two looks: the first soon, the others not to burden DataKit.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// What is sent, and how long its effect is waited for.
pub(super) struct Options<'a> {
    /// How long uploads are waited for.
    pub(super) wait: Duration,
    /// The application that the view is of.
    pub(super) application: Option<&'a str>,
    /// A view may be stored.
    pub(super) may_store: bool,
    /// Links that are left out.
    pub(super) skip: &'a [&'static str],
}

/// A DataKit under test.
struct Probe<'a> {
    api: &'a Api,
    options: &'a Options<'a>,
    ping: Ping,
    /// Its counters at the beginning; the error says why nobody knows.
    first: Result<Sample, String>,
}

/// Follows telemetry through the DataKit of an address.
pub(super) fn run(api: &Api, options: &Options<'_>) -> Report {
    let mut report = Report::default();
    let (ping, row) = match datakit::ping(&api.url, api.ping()) {
        Ok(found) => found,
        Err(row) => {
            report.add([row], &[]);
            report.remarks.push("nothing else was tried, since DataKit does not answer".to_owned());
            return report;
        }
    };
    report.add([row], options.skip);
    let first = api.sample(ping.version);
    let probe = Probe { api, options, ping, first };
    report.add(probe.inputs(), options.skip);
    probe.spans(&mut report);
    if probe.wants(&[RUM]) {
        report.add([probe.view()], options.skip);
    }
    if probe.wants(&[UPLOADS]) {
        report.add([probe.uploads()], options.skip);
    }
    report
}

impl Probe<'_> {
    /// Whether one of these links is asked for.
    fn wants(&self, links: &[&'static str]) -> bool {
        links.iter().any(|link| !self.options.skip.contains(link))
    }

    /// Whether an input runs; nothing where nobody tells.
    fn runs(&self, input: &str) -> Option<bool> {
        let inputs = self.first.as_ref().ok()?.inputs.as_ref()?;
        Some(inputs.get(input).is_some_and(|count| *count > 0.0))
    }

    fn inputs(&self) -> Vec<Row> {
        match &self.first {
            Ok(sample) => datakit::inputs(self.ping.version, sample, self.wants(&[RUM])),
            Err(why) => vec![Row::unknown(INPUTS, why, READ_ON_LOOPBACK)],
        }
    }

    /// What was counted since the beginning.
    fn since(&self) -> Result<Sample, String> {
        let first = self.first.as_ref().map_err(Clone::clone)?;
        let now = self.api.sample(self.ping.version)?;
        now.since(first).ok_or_else(|| "DataKit restarted while meshobs looked".to_owned())
    }

    fn uploads(&self) -> Row {
        let unknown = |why: &str| Row::unknown(UPLOADS, why, READ_ON_LOOPBACK);
        match (&self.first, self.api.sample(self.ping.version)) {
            (Ok(first), Ok(now)) => datakit::uploads(&now, now.since(first).as_ref()),
            (Err(why), _) => unknown(why),
            (_, Err(why)) => unknown(&why),
        }
    }

    /// Sends spans until one passes the sampler, and follows it.
    fn spans(&self, report: &mut Report) {
        if !self.wants(&[SPAN, SPAN_FED, SPAN_UPLOADED]) {
            return;
        }
        let input = zipkin_input(self.ping.version);
        if self.runs(input) == Some(false) {
            let row =
                Row::unknown(SPAN, format!("none was sent, since the input `{input}` does not run"), "");
            return report.add([row], self.options.skip);
        }
        let start = Instant::now();
        let mut sent: Vec<Trace> = Vec::new();
        let (mut answer, mut step) = (Err(Failure::Refused), Step::Send);
        let mut looks = 0;
        let rows = loop {
            if step == Step::Send {
                let trace = Trace::new();
                answer = self.api.post_span(&trace);
                sent.push(trace);
                looks = 0;
            }
            pause(looks);
            looks += 1;
            let since = self.since();
            let trial = span::Trial {
                version: self.ping.version,
                sent: sent.len(),
                answer: &answer,
                since: since.as_ref().map_err(String::as_str),
                waited: start.elapsed(),
            };
            step = trial.step();
            if step == Step::Done || start.elapsed() >= self.options.wait {
                break trial.rows();
            }
        };
        report.traces.extend(sent.pop().map(|trace| trace.id));
        report.add(rows, self.options.skip);
    }

    /// Sends a view of a page.
    fn view(&self) -> Row {
        let version = self.ping.version;
        let dry = rum::has_dry_run(version);
        if !dry && !self.options.may_store {
            return rum::not_sent();
        }
        let dry = dry && !self.options.may_store;
        let before_it = self.since();
        let answer = self.post_view(dry);
        let is_taken = answer.as_ref().is_ok_and(|answer| answer.status < 300);
        let fed = (!dry && is_taken).then(|| self.stored(before_it));
        // Before 1.4.10 there was no such input: everything was taken.
        let built_in = before(version, RUM_INPUT).then_some(true);
        let runs = built_in.or_else(|| self.runs("rum"));
        let runs = runs.or_else(|| is_taken.then(|| self.api.takes_replays()).flatten());
        let is_named = self.options.application.is_some();
        rum::Trial { version, runs, is_named, answer: &answer, fed }.row()
    }

    /// Sends a view, again while the input starts.
    fn post_view(&self, dry: bool) -> Result<Answer, Failure> {
        let application = self.options.application.unwrap_or(rum::APPLICATION);
        let start = Instant::now();
        let mut looks = 0;
        loop {
            let answer = self.api.post_view(application, dry);
            if !rum::is_starting(&answer) || start.elapsed() > START {
                return answer;
            }
            looks += 1;
            pause(looks);
        }
    }

    /// Views that were counted since an earlier look.
    fn stored(&self, earlier: Result<Sample, String>) -> Result<f64, String> {
        let views = |sample: &Sample| sample.points_of(RUM_CATEGORY, |name| RUM_NAMES.contains(&name));
        let unreported = || "this version does not report the points it takes".to_owned();
        let then = views(&earlier?).ok_or_else(unreported)?;
        let mut count = 0.0;
        for look in 0..3 {
            pause(look);
            count = views(&self.since()?).ok_or_else(unreported)? - then;
            if count > 0.0 {
                break;
            }
        }
        Ok(count)
    }
}

/// Waits a moment: counters follow what they count.
fn pause(looks: usize) {
    std::thread::sleep(if looks == 0 { PAUSES[0] } else { PAUSES[1] });
}
