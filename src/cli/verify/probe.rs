//! DataKits, followed from their ports to the dataway: their counters are read, a span and a view are sent to one of them, and the
//! counters are read again until they tell.

use std::time::{Duration, Instant};

use super::api::Api;
use crate::facts::Version;
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

/// How many DataKits are asked at once.
const AT_ONCE: usize = 8;

/// DataKits under test. The first gets what is sent; all are counted.
pub(super) struct Probe<'a> {
    apis: Vec<&'a Api>,
    options: &'a Options<'a>,
    /// What each said of itself.
    pings: Vec<Ping>,
    /// The counters of each at the beginning; the error says why nobody knows.
    first: Vec<Result<Sample, String>>,
    start: Instant,
}

/// Asks several things of several DataKits, some at once; the answers are in the same order.
pub(super) fn ask<T: Sync, R: Send>(all: &[T], question: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if let [one] = all {
        return vec![question(one)];
    }
    let mut answers = Vec::with_capacity(all.len());
    for some in all.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let asked: Vec<_> = some.iter().map(|one| scope.spawn(|| question(one))).collect();
            answers.extend(asked.into_iter().filter_map(|answer| answer.join().ok()));
        });
    }
    answers
}

impl<'a> Probe<'a> {
    /// Sees which DataKits answer, and reads their counters. Nothing where none does.
    pub(super) fn start(apis: &'a [Api], options: &'a Options<'a>, report: &mut Report) -> Option<Self> {
        let answers = ask(apis, |api| datakit::ping(&api.name, &api.hint, api.ping()));
        let mut probe =
            Self { apis: Vec::new(), options, pings: Vec::new(), first: Vec::new(), start: Instant::now() };
        for (api, answer) in apis.iter().zip(answers) {
            match answer {
                Ok(ping) => {
                    probe.apis.push(api);
                    probe.pings.push(ping);
                }
                Err(row) => report.add([row], options.skip),
            }
        }
        if probe.apis.is_empty() {
            report.remarks.push("nothing else was tried, since DataKit does not answer".to_owned());
            return None;
        }
        let named: Vec<_> = probe.apis.iter().map(|api| api.name.as_str()).zip(&probe.pings).collect();
        report.add([datakit::answers(&named)], options.skip);
        probe.first = probe.samples();
        Some(probe)
    }

    /// Follows a span and a view.
    pub(super) fn run(&self, report: &mut Report) {
        report.add(self.inputs(), self.options.skip);
        self.spans(report);
        if self.wants(&[RUM]) {
            report.add(self.view(), self.options.skip);
        }
    }

    /// Judges what was uploaded in the end.
    pub(super) fn finish(&self, report: &mut Report) {
        if self.wants(&[UPLOADS]) {
            report.add([self.uploads()], self.options.skip);
        }
    }

    /// How long the counters have been looked at.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn version(&self) -> Option<Version> {
        self.pings.first().and_then(|ping| ping.version)
    }

    fn samples(&self) -> Vec<Result<Sample, String>> {
        let asked: Vec<_> = self.apis.iter().zip(&self.pings).collect();
        ask(&asked, |(api, ping)| api.sample(ping.version))
    }

    /// The counters of all that can be read, added up; the error is that of the first, which gets what is sent.
    fn sum(samples: Vec<Result<Sample, String>>) -> Result<Sample, String> {
        let mut samples = samples.into_iter();
        let mut sum = samples.next().unwrap_or_else(|| Err("no DataKit answers".to_owned()))?;
        samples.flatten().for_each(|sample| sum.add(&sample));
        Ok(sum)
    }

    /// All counters as they are now.
    pub(super) fn now(&self) -> Result<Sample, String> {
        Self::sum(self.samples())
    }

    /// Whether the counters of every DataKit can be read.
    pub(super) fn reads_all(&self) -> bool {
        self.first.iter().all(Result::is_ok)
    }

    /// Whether one of these links is asked for.
    fn wants(&self, links: &[&'static str]) -> bool {
        links.iter().any(|link| !self.options.skip.contains(link))
    }

    /// What the first DataKit counted at the beginning.
    fn first(&self) -> Result<&Sample, &str> {
        self.first.first().map_or(Err("no DataKit answers"), |first| first.as_ref().map_err(String::as_str))
    }

    /// Whether an input runs; nothing where nobody tells.
    fn runs(&self, input: &str) -> Option<bool> {
        let inputs = self.first().ok()?.inputs.as_ref()?;
        Some(inputs.get(input).is_some_and(|count| *count > 0.0))
    }

    fn inputs(&self) -> Vec<Row> {
        match self.first() {
            Ok(sample) => datakit::inputs(self.version(), sample, self.wants(&[RUM])),
            Err(why) => vec![Row::unknown(INPUTS, why, READ_ON_LOOPBACK)],
        }
    }

    /// What was counted since the beginning.
    pub(super) fn since(&self) -> Result<Sample, String> {
        self.growth(self.samples())
    }

    fn growth(&self, now: Vec<Result<Sample, String>>) -> Result<Sample, String> {
        let grown = now.into_iter().zip(&self.first).map(|(now, first)| {
            let first = first.as_ref().map_err(Clone::clone)?;
            now?.since(first).ok_or_else(|| "DataKit restarted while meshobs looked".to_owned())
        });
        Self::sum(grown.collect())
    }

    fn uploads(&self) -> Row {
        let unknown = |why: &str| Row::unknown(UPLOADS, why, READ_ON_LOOPBACK);
        if let Err(why) = self.first() {
            return unknown(why);
        }
        let samples = self.samples();
        match Self::sum(samples.clone()) {
            Ok(now) => datakit::uploads(&now, self.growth(samples).ok().as_ref()),
            Err(why) => unknown(&why),
        }
    }

    /// Sends spans until one passes the sampler, and follows it.
    fn spans(&self, report: &mut Report) {
        if !self.wants(&[SPAN, SPAN_FED, SPAN_UPLOADED]) {
            return;
        }
        let (Some(api), input) = (self.apis.first(), zipkin_input(self.version())) else { return };
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
                answer = api.post_span(&trace);
                sent.push(trace);
                looks = 0;
            }
            pause(looks);
            looks += 1;
            let since = self.since();
            let trial = span::Trial {
                version: self.version(),
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
    fn view(&self) -> Option<Row> {
        let (api, version) = (self.apis.first()?, self.version());
        let dry = rum::has_dry_run(version);
        if !dry && !self.options.may_store {
            return Some(rum::not_sent());
        }
        let dry = dry && !self.options.may_store;
        let before_it = self.since();
        let answer = self.post_view(api, dry);
        let is_taken = answer.as_ref().is_ok_and(|answer| answer.status < 300);
        let fed = (!dry && is_taken).then(|| self.stored(before_it));
        // Before 1.4.10 there was no such input: everything was taken.
        let built_in = before(version, RUM_INPUT).then_some(true);
        let runs = built_in.or_else(|| self.runs("rum"));
        let runs = runs.or_else(|| is_taken.then(|| api.takes_replays()).flatten());
        let is_named = self.options.application.is_some();
        Some(rum::Trial { version, runs, is_named, answer: &answer, fed }.row())
    }

    /// Sends a view, again while the input starts.
    fn post_view(&self, api: &Api, dry: bool) -> Result<Answer, Failure> {
        let application = self.options.application.unwrap_or(rum::APPLICATION);
        let start = Instant::now();
        let mut looks = 0;
        loop {
            let answer = api.post_view(application, dry);
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
pub(super) fn pause(looks: usize) {
    std::thread::sleep(if looks == 0 { PAUSES[0] } else { PAUSES[1] });
}
