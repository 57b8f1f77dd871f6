//! `meshobs verify` on stand-ins that speak DataKit's wire formats, on loopback: what is broken is named, with the rest proven.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use support::datakit_live::{self, Plan};
use support::http::free_port;
use support::{Done, Meshobs};

const TABLE: &str = "testdata/verify/datakit.toml";

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
struct Table {
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    datakit: Plan,
    /// Whether it uploads at all.
    #[serde(default = "yes")]
    upload: bool,
    #[serde(default)]
    args: Vec<String>,
    /// The exit code; 1 where a link is broken.
    code: Option<i32>,
    /// All links of the report that are proven, where they are told.
    proven: Option<Vec<String>>,
    #[serde(default)]
    broken: Vec<String>,
    #[serde(default)]
    unknown: Vec<String>,
    #[serde(default)]
    says: Vec<String>,
}

fn verify(args: &[&str]) -> Done {
    Meshobs::new(["verify"].iter().chain(args)).cwd(std::env::temp_dir()).run()
}

/// The links of a report by verdict, each in order.
fn links(report: &Value) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for link in report["links"].as_array().unwrap() {
        let of = found.entry(link["verdict"].as_str().unwrap().to_owned()).or_default();
        of.push(link["id"].as_str().unwrap().to_owned());
    }
    found.values_mut().for_each(|ids| {
        ids.sort();
        ids.dedup();
    });
    found
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids
}

/// What is wrong with a case; nothing where all is as the table says.
fn play(case: &Case) -> Vec<String> {
    let mut plan = case.datakit.clone();
    if !case.upload {
        plan.upload = None;
    }
    let server = datakit_live::start(plan);
    let origin = server.origin();
    let mut args = vec!["--local", &origin, "--format", "json"];
    if !case.args.iter().any(|arg| arg == "--wait") {
        args.extend(["--wait", "1s"]);
    }
    args.extend(case.args.iter().map(String::as_str));
    let done = verify(&args);
    let Ok(report) = serde_json::from_slice::<Value>(&done.stdout) else {
        return vec![format!("no report: {}", done.stderr)];
    };
    let found = links(&report);
    let of = |verdict: &str| found.get(verdict).cloned().unwrap_or_default();
    let mut wrong = Vec::new();
    let mut compare = |what: &str, want: Vec<String>, got: Vec<String>| {
        if want != got {
            wrong.push(format!("{what}: {got:?}, not {want:?}"));
        }
    };
    compare("broken", sorted(&case.broken), of("failed"));
    compare("unknown", sorted(&case.unknown), of("unknown"));
    if let Some(proven) = &case.proven {
        compare("proven", sorted(proven), of("fine"));
    }
    let text = report.to_string();
    let code = case.code.unwrap_or(i32::from(!case.broken.is_empty()));
    if done.status != code {
        wrong.push(format!("exit code {}, not {code}", done.status));
    }
    wrong.extend(
        case.says.iter().filter(|part| !text.contains(*part)).map(|part| format!("does not say {part:?}")),
    );
    if text.contains("0123456789abcdef0123") {
        wrong.push("it prints the token".to_owned());
    }
    if !wrong.is_empty() {
        wrong.push(text);
    }
    wrong
}

#[test]
fn what_is_broken_is_named() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE)).unwrap();
    let table: Table = toml::from_str(&text).unwrap();
    assert!(table.case.len() > 30);
    // They only wait, most of the time.
    let wrong: Vec<(String, Vec<String>)> = std::thread::scope(|scope| {
        let runs: Vec<_> =
            table.case.iter().map(|case| scope.spawn(|| (case.name.clone(), play(case)))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).filter(|(_, wrong)| !wrong.is_empty()).collect()
    });
    let shown: Vec<_> =
        wrong.iter().map(|(name, wrong)| format!("{name}:\n  {}", wrong.join("\n  "))).collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

#[test]
fn people_see_the_evidence() {
    let server = datakit_live::start(Plan::default());
    let origin = server.origin();
    let done = verify(&["--local", &origin]).expect(0);
    let text = done.text();
    for part in [
        "DataKit\n-------\n✔ DataKit answers: ",
        "✔ its inputs run: zipkin, rum, container; ",
        "\ntraces\n------\n✔ DataKit accepts a span: POST /api/v2/spans was answered with 200; 1 span counted\n",
        "- to find the trace in the console, search for ",
        "\n7 proven, 0 broken, 0 unknown\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // The trace that is named is the one that was sent, and nothing else was stored.
    let asked = server.asked();
    let spans: Vec<_> = asked.iter().filter(|request| request.path == "/api/v2/spans").collect();
    let sent: Value = serde_json::from_slice(&spans[0].body).unwrap();
    assert!(text.contains(sent[0]["traceId"].as_str().unwrap()) && spans.len() == 1, "{text}");
    let views: Vec<_> = asked.iter().filter(|request| request.path.starts_with("/v1/write/")).collect();
    assert!(views.iter().all(|request| request.path.contains("dry=1")) && views.len() == 1);
    let junit = verify(&["--local", &origin, "--format", "junit", "--skip", "rum"]).expect(0);
    assert!(junit.text().contains("tests=\"6\" failures=\"0\""), "{}", junit.text());
}

#[test]
fn where_nothing_listens_is_broken_and_what_is_no_address_is_wrong_usage() {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let done = verify(&["--local", &nowhere]).expect(1);
    assert!(
        done.text().contains("connection refused [datakit]") && done.text().contains("curl -i"),
        "{}",
        done.text()
    );
    for (url, says) in [
        ("127.0.0.1:9529", "it begins with neither http:// nor https://"),
        ("https://127.0.0.1:9529", "meshobs speaks http only"),
        ("http://127.0.0.1:9529/metrics", "behind its host and port"),
    ] {
        let done = verify(&["--local", url]).expect(2);
        assert!(done.stderr.contains(says) && done.stdout.is_empty(), "{}", done.stderr);
    }
}
