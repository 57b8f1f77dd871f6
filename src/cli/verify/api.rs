//! Questions to a DataKit over HTTP. What the answers mean is judged in `crate::verify`.

use std::time::Duration;

use crate::cluster::Forward;
use crate::facts::Version;
use crate::facts::datakit::{SPANS_PATH, before};
use crate::facts::datakit_live::{METRICS, METRICS_PATH, PING_PATH, REPLAY_PATH, STATS_PATH};
use crate::gate::word;
use crate::http::{Answer, Client, Failure};
use crate::verify::datakit::unreadable;
use crate::verify::rum;
use crate::verify::sample::Sample;
use crate::verify::span::Trace;

/// How long one answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// A DataKit at an address.
pub(super) struct Api {
    client: Client,
    /// Scheme, host and port.
    url: String,
    /// How people know it.
    pub(super) name: String,
    /// What to do where it does not answer.
    pub(super) hint: String,
    /// What keeps the address open.
    _forward: Option<Forward>,
}

impl Api {
    /// A DataKit at an address of the user's.
    pub(super) fn new(url: &str) -> Self {
        let hint = format!(
            "see whether DataKit runs there and listens on this address (ENV_HTTP_LISTEN): curl -i {}",
            word(&format!("{url}{PING_PATH}"))
        );
        Self { client: Client::new(LIMIT), url: url.to_owned(), name: url.to_owned(), hint, _forward: None }
    }

    /// A DataKit behind a port-forward.
    pub(super) fn behind(forward: Forward, name: String, hint: String) -> Self {
        Self { client: Client::new(LIMIT), url: forward.url(), name, hint, _forward: Some(forward) }
    }

    fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.client.get(&format!("{}{path}", self.url), &[])
    }

    fn post(&self, path: &str, kind: &str, body: &str) -> Result<Answer, Failure> {
        self.client.post(&format!("{}{path}", self.url), kind, body)
    }

    pub(super) fn ping(&self) -> Result<Answer, Failure> {
        self.get(PING_PATH)
    }

    /// Its counters; the error says why they cannot be read.
    pub(super) fn sample(&self, version: Option<Version>) -> Result<Sample, String> {
        let is_old = before(version, METRICS);
        let path = if is_old { STATS_PATH } else { METRICS_PATH };
        let answer = self.get(path);
        let sample = answer.as_ref().ok().filter(|answer| answer.status == 200).and_then(|answer| {
            if is_old { Sample::of_stats(&answer.body) } else { Sample::of_metrics(version, &answer.body) }
        });
        sample.ok_or_else(|| unreadable(path, &answer))
    }

    pub(super) fn post_span(&self, trace: &Trace) -> Result<Answer, Failure> {
        self.post(SPANS_PATH, "application/json", &trace.body())
    }

    /// Sends a view of a page; `dry` has it parsed and not stored.
    pub(super) fn post_view(&self, application: &str, dry: bool) -> Result<Answer, Failure> {
        self.post(&rum::path(dry), rum::CONTENT_TYPE, &rum::body(application))
    }

    /// Whether the input `rum` runs, by a path that only it opens; an empty body is refused there, and stores nothing.
    pub(super) fn takes_replays(&self) -> Option<bool> {
        let answer = self.post(REPLAY_PATH, "text/plain", "").ok()?;
        match answer.status {
            403 | 404 => Some(false),
            400 => Some(true),
            _ => None,
        }
    }
}
