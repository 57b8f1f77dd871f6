//! Whether telemetry flows, judged by what running programs answered and counted: each link of the way from a sidecar, a request or
//! a browser to the dataway, with its evidence. Reads samples, never configuration; talks to nobody (`cli::verify` does).

pub(crate) mod datakit;
mod exposition;
pub(crate) mod gateway;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod page;
pub(crate) mod report;
pub(crate) mod rum;
pub(crate) mod sample;
pub(crate) mod sidecar;
pub(crate) mod span;

/// A part of the way that telemetry takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// What `--skip` and reports call it.
    pub(crate) id: &'static str,
    pub(crate) section: &'static str,
    /// What holds where the link is whole.
    pub(crate) title: &'static str,
}

/// DataKit answers on its port.
pub(crate) const DATAKIT: &str = "datakit";
/// The inputs that a mesh needs run.
pub(crate) const INPUTS: &str = "inputs";
/// The dataway takes points.
pub(crate) const UPLOADS: &str = "uploads";
/// Sidecars and gateways serve their metrics.
pub(crate) const SIDECAR: &str = "sidecar";
/// What DataKit scrapes from them arrives.
pub(crate) const METRICS: &str = "metrics";
/// What containers print arrives.
pub(crate) const LOGS: &str = "logs";
/// A span is taken by the input `zipkin`.
pub(crate) const SPAN: &str = "span";
/// A span passes the sampler.
pub(crate) const SPAN_FED: &str = "span-fed";
/// A span is uploaded.
pub(crate) const SPAN_UPLOADED: &str = "span-uploaded";
/// A request through the ingress gateway leaves spans.
pub(crate) const GATEWAY_SPAN: &str = "gateway-span";
/// The page that the gateway serves has browser monitoring in it.
pub(crate) const PAGE: &str = "page";
/// What the SDK of browser monitoring sends is taken.
pub(crate) const RUM: &str = "rum";

/// All links, in the order of reports.
pub(crate) const LINKS: &[Link] = &[
    Link { id: DATAKIT, section: "DataKit", title: "DataKit answers" },
    Link { id: INPUTS, section: "DataKit", title: "its inputs run" },
    Link { id: UPLOADS, section: "DataKit", title: "the dataway takes what DataKit uploads" },
    Link { id: SIDECAR, section: "metrics", title: "sidecars serve metrics" },
    Link { id: METRICS, section: "metrics", title: "metrics of sidecars arrive" },
    Link { id: SPAN, section: "traces", title: "DataKit accepts a span" },
    Link { id: SPAN_FED, section: "traces", title: "the span passes DataKit's sampler" },
    Link { id: SPAN_UPLOADED, section: "traces", title: "the span is uploaded" },
    Link { id: GATEWAY_SPAN, section: "traces", title: "a request through the gateway leaves spans" },
    Link { id: PAGE, section: "browser monitoring", title: "the page loads the SDK" },
    Link { id: RUM, section: "browser monitoring", title: "DataKit accepts what the SDK sends" },
    Link { id: LOGS, section: "logs", title: "logs arrive" },
];

/// What is known of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is evidence that it carries telemetry.
    Fine,
    /// There is evidence that it does not.
    Failed,
    /// Nobody tells.
    Unknown,
}

/// What came of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The link's id.
    pub(crate) link: &'static str,
    pub(crate) verdict: Verdict,
    /// The evidence, the cause, or why nobody knows.
    pub(crate) message: String,
    /// What to do; empty where there is nothing to do.
    pub(crate) hint: String,
}

impl Row {
    pub(crate) fn fine(link: &'static str, message: impl Into<String>) -> Self {
        Self { link, verdict: Verdict::Fine, message: message.into(), hint: String::new() }
    }

    pub(crate) fn failed(link: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { link, verdict: Verdict::Failed, message: message.into(), hint: hint.into() }
    }

    pub(crate) fn unknown(link: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { link, verdict: Verdict::Unknown, message: message.into(), hint: hint.into() }
    }
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// In the order of [`LINKS`].
    pub(crate) rows: Vec<Row>,
    /// The ids of traces that were sent, for the search of the console.
    pub(crate) traces: Vec<String>,
    /// What was not asked for, and why.
    pub(crate) remarks: Vec<String>,
}

impl Report {
    /// Adds what came of a link, unless it is to be skipped; rows are put into the order of links.
    pub(crate) fn add(&mut self, rows: impl IntoIterator<Item = Row>, skip: &[&'static str]) {
        self.rows.extend(rows.into_iter().filter(|row| !skip.contains(&row.link)));
        self.rows.sort_by_key(|row| LINKS.iter().position(|link| link.id == row.link));
    }

    /// Whether a link has this verdict.
    pub(crate) fn has(&self, verdict: Verdict) -> bool {
        self.rows.iter().any(|row| row.verdict == verdict)
    }
}

/// A count for a sentence: `1 point`, `12 points`.
fn counted(count: f64, word: &str) -> String {
    format!("{count:.0} {word}{}", if count == 1.0 { "" } else { "s" })
}
