//! A stand-in for a running DataKit, on loopback: it answers `/v1/ping`, `/metrics` or `/stats`, spans and views as a release of its
//! version does, counts what comes, and fails as it is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use serde::Deserialize;

use super::http::{Answer, Request, Server};

/// What kind of DataKit it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    pub version: String,
    pub inputs: Vec<String>,
    /// The status that the dataway gives, as DataKit counts it; none uploads nothing.
    pub upload: Option<String>,
    /// What was uploaded before: status and points.
    pub earlier: Vec<(String, u32)>,
    /// The sampler drops this many spans first.
    pub drops: u32,
    /// Spans are answered with 200 and forgotten.
    pub swallows: bool,
    /// Spans are counted and handed on to nobody.
    pub loses: bool,
    /// Paths that other hosts may not call.
    pub closed: Vec<String>,
    /// The only application whose views are taken.
    pub application: Option<String>,
    /// It starts anew when a span comes.
    pub restarts: bool,
    /// How many views come too early.
    pub early: u32,
    /// Something else answers: with this, everywhere.
    pub other: Option<String>,
    /// The last error that it reports of its uploads.
    pub error: Option<String>,
    /// Sources that it scrapes by annotations: a round for each look at its counters.
    pub scrapes: Vec<String>,
    /// Sources that it has taken logs from.
    pub logs: Vec<String>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            version: "1.84.1".to_owned(),
            inputs: ["zipkin", "rum", "container"].map(str::to_owned).to_vec(),
            upload: Some("OK".to_owned()),
            earlier: vec![("OK".to_owned(), 5)],
            drops: 0,
            swallows: false,
            loses: false,
            closed: Vec::new(),
            application: None,
            restarts: false,
            early: 0,
            other: None,
            error: None,
            scrapes: Vec::new(),
            logs: Vec::new(),
        }
    }
}

/// What it has counted.
#[derive(Debug, Default)]
struct State {
    uptime: u32,
    /// By service.
    spans: BTreeMap<String, u32>,
    span_requests: u32,
    dropped: u32,
    span_points: u32,
    view_points: u32,
    views: u32,
}

/// Starts one.
pub fn start(plan: Plan) -> Server {
    let state = Arc::new(Mutex::new(State { uptime: 100, ..State::default() }));
    Server::start(move |request| plan.answer(&mut state.lock().unwrap(), request))
}

const PLAIN: &str = "text/plain; version=0.0.4";

fn status(code: u16, body: impl Into<String>) -> Answer {
    (code, "application/json", body.into())
}

impl Plan {
    fn minor(&self) -> (u32, u32) {
        let mut parts = self.version.split('.').skip(1).map(|part| part.parse().unwrap());
        (parts.next().unwrap(), parts.next().unwrap())
    }

    fn since(&self, minor: u32, patch: u32) -> bool {
        self.minor() >= (minor, patch)
    }

    fn runs(&self, input: &str) -> bool {
        self.inputs.iter().any(|name| name == input)
    }

    fn answer(&self, state: &mut State, request: &Request) -> Answer {
        if let Some(text) = &self.other {
            return status(200, text.clone());
        }
        let path = request.path.split('?').next().unwrap();
        if self.closed.iter().any(|closed| closed == path) {
            return status(
                403,
                format!(
                    r#"{{"error_code":"datakit.publicAccessDisabled","message":"api {path} disabled from external IP, only loopback(localhost) allowed"}}"#
                ),
            );
        }
        state.uptime += 1;
        match (request.method.as_str(), path) {
            ("GET", "/v1/ping") => status(
                200,
                format!(
                    r#"{{"content":{{"version":"{}","uptime":"{}s","host":"node1"}}}}"#,
                    self.version, state.uptime
                ),
            ),
            ("GET", "/metrics") if self.since(5, 9) => (200, PLAIN, self.metrics(state)),
            ("GET", "/stats") if !self.since(36, 0) => status(200, self.stats(state)),
            ("POST", "/api/v2/spans") if self.runs("zipkin") => self.span(state, request),
            ("POST", "/v1/write/rum/replay") if self.runs("rum") => status(400, "{}"),
            ("POST", "/v1/write/rum") => self.view(state, request),
            _ => status(404, "<html>404</html>"),
        }
    }

    fn span(&self, state: &mut State, request: &Request) -> Answer {
        let spans: serde_json::Value = match serde_json::from_slice(&request.body) {
            Ok(spans) if request.header("content-type") == Some("application/json") => spans,
            _ => return status(400, ""),
        };
        assert_eq!(spans[0]["traceId"].as_str().unwrap().len(), 32);
        if self.swallows {
            return status(200, "");
        }
        if self.restarts {
            *state = State { uptime: 1, ..State::default() };
        }
        let service = spans[0]["localEndpoint"]["serviceName"].as_str().unwrap();
        *state.spans.entry(service.to_owned()).or_default() += 1;
        state.span_requests += 1;
        if state.dropped < self.drops {
            state.dropped += 1;
        } else if !self.loses {
            state.span_points += 1;
        }
        status(200, "")
    }

    fn view(&self, state: &mut State, request: &Request) -> Answer {
        state.views += 1;
        if !self.runs("rum") && self.since(4, 10) && !self.since(30, 0) {
            return status(400, r#"{"error_code":"datakit.invalidCategory"}"#);
        }
        let refused = |code: &str, text: &str| {
            status(400, format!(r#"{{"error_code":"datakit.{code}","message":"{text}"}}"#))
        };
        if !self.runs("rum") && self.since(30, 0) {
            return status(200, "");
        }
        if state.views <= self.early {
            return refused("invalidRUM", "unknown RUM measurement");
        }
        let text = request.text();
        let Some(id) = text.split(',').find_map(|tag| tag.strip_prefix("app_id=")) else {
            return refused("invalidLinePoint", "[invalid key \\\"app_id\\\"]");
        };
        if self.application.as_deref().is_some_and(|only| only != id) {
            return refused("RUMApp_idNotInTheWhiteList", id);
        }
        assert!(text.starts_with("view,") && request.path.contains("precision=ms"), "{text}");
        let is_dry = self.since(30, 0) && request.path.contains("dry=1");
        state.view_points += u32::from(!is_dry);
        status(200, "")
    }

    fn metrics(&self, state: &State) -> String {
        let mut out = String::from("# HELP datakit_uptime_seconds Datakit uptime second\n");
        let mut line = |text: String| writeln!(out, "{text}").unwrap();
        let uptime = if self.since(8, 0) { "datakit_uptime_seconds" } else { "datakit_uptime" };
        line(format!("{uptime}{{hostname=\"node1\",version=\"{}\"}} {}", self.version, state.uptime));
        for input in &self.inputs {
            line(format!("datakit_inputs_instance{{input=\"{input}\"}} 1"));
        }
        let points =
            if self.since(36, 0) { "datakit_io_feed_point_sum" } else { "datakit_io_feed_point_total" };
        let rum = if self.since(76, 0) { "v1-write.rum" } else { "rum" };
        for (category, name, count) in
            [("tracing", "zipkin", state.span_points), ("rum", rum, state.view_points)]
        {
            if count > 0 {
                line(format!("{points}{{category=\"{category}\",name=\"{name}\"}} {count}"));
            }
        }
        for (category, names) in [("metric", &self.scrapes), ("logging", &self.logs)] {
            for name in names {
                line(format!("{points}{{category=\"{category}\",name=\"{name}\"}} {}", state.uptime));
            }
        }
        for (service, count) in state.spans.iter().filter(|_| self.since(33, 0)) {
            line(format!("datakit_input_tracing_total{{input=\"zipkin\",service=\"{service}\"}} {count}"));
        }
        if state.dropped > 0 && self.since(80, 0) {
            line(format!(
                "datakit_input_drop_number_sum{{input=\"zipkin\",reason=\"sample\",service=\"meshobs-verify\"}} {}",
                state.dropped
            ));
        }
        if state.span_requests > 0 {
            line(format!(
                "datakit_http_api_total{{api=\"/api/v2/spans\",method=\"POST\",status=\"OK\"}} {}",
                state.span_requests
            ));
        }
        let mut total = 0;
        for (status, count) in &self.earlier {
            total += count;
            line(format!(
                "datakit_io_dataway_point_total{{category=\"metric\",status=\"{status}\"}} {count}"
            ));
        }
        line(format!("datakit_io_dataway_point_total{{category=\"metric\",status=\"total\"}} {total}"));
        if let Some(status) = self.upload.as_ref().filter(|_| state.span_points > 0) {
            for status in [status, "total"] {
                line(format!(
                    "datakit_io_dataway_point_total{{category=\"tracing\",status=\"{status}\"}} {}",
                    state.span_points
                ));
            }
        }
        if let Some(error) = &self.error {
            line(format!(
                "datakit_last_err{{category=\"unknown\",error=\"{error}\",input=\"not-set\",source=\"not-set\"}} 1700000000"
            ));
        }
        out
    }

    fn stats(&self, state: &State) -> String {
        let inputs: serde_json::Map<_, _> = self
            .inputs
            .iter()
            .map(|name| (name.clone(), serde_json::json!({"input": name, "instances": 1, "panic": 0})))
            .collect();
        let mut stats = serde_json::json!({
            "version": self.version,
            "hostname": "node1",
            "uptime": format!("{}s", state.uptime),
            "enabled_input_list": inputs,
            "inputs_status": {"zipkin": {"category": "tracing", "total": state.span_points, "count": state.span_requests}},
            "http_metrics": {"/api/v2/spans": {"total_count": state.span_requests, "2xx": state.span_requests}},
        });
        if self.since(5, 8) {
            let sent =
                |status: &str| if self.upload.as_deref() == Some(status) { state.span_points } else { 0 };
            stats["io_stats"] = serde_json::json!({"T_send_pts": sent("OK"), "T_fail_pts": sent("failed")});
        }
        stats.to_string()
    }
}
