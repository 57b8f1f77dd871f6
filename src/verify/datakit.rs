//! Whether DataKit lives, runs its inputs, and gets rid of what it takes.

use serde_json::Value;

use super::sample::{Sample, total};
use super::{DATAKIT, INPUTS, Row, UPLOADS, counted};
use crate::facts::Version;
use crate::facts::datakit::{RUM_INPUT, before, zipkin_input};
use crate::facts::datakit_live::{NOT_PUBLIC, Refusal, UPLOADED, refusal};
use crate::http::{Answer, Failure};

/// What DataKit says of itself on `/v1/ping`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ping {
    /// As it is written.
    pub(crate) text: String,
    /// Nothing where it is no release.
    pub(crate) version: Option<Version>,
    host: String,
    uptime: String,
}

/// Reads the answer to `/v1/ping` of a DataKit; `name` is how people know it, `hint` what to do where it does not answer.
pub(crate) fn ping(name: &str, hint: &str, answer: Result<Answer, Failure>) -> Result<Ping, Row> {
    let failed = |what: String| Row::failed(DATAKIT, format!("{name}: {what}"), hint);
    let answer = answer.map_err(|failure| failed(failure.to_string()))?;
    let value: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let text = |key: &str| {
        value.pointer(&format!("/content/{key}")).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let version = text("version");
    if answer.status != 200 || version.is_empty() {
        return Err(failed(format!(
            "what answers is not DataKit: /v1/ping gave status {} and no version",
            answer.status
        )));
    }
    Ok(Ping { version: Version::parse(&version), text: version, host: text("host"), uptime: text("uptime") })
}

/// Says which DataKits answer: their names, and what they said.
pub(crate) fn answers(all: &[(&str, &Ping)]) -> Row {
    let host =
        |ping: &Ping| if ping.host.is_empty() { String::new() } else { format!(" on host {}", ping.host) };
    if let [(name, ping)] = all {
        return Row::fine(
            DATAKIT,
            format!("{name} is DataKit {}{}, up {}", ping.text, host(ping), ping.uptime),
        );
    }
    let mut versions: Vec<&str> = all.iter().map(|(_, ping)| ping.text.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    Row::fine(DATAKIT, format!("{} are DataKit {}", counted(all.len() as f64, "pod"), versions.join(", ")))
}

/// Why the counters of a DataKit cannot be read, by its answer to `/metrics`.
pub(crate) fn unreadable(path: &str, answer: &Result<Answer, Failure>) -> String {
    match answer {
        Err(failure) => format!("{path}: {failure}"),
        Ok(answer) if answer.body.contains(NOT_PUBLIC) => {
            format!("{path} is open to loopback only, and this request came from another address")
        }
        Ok(answer) => format!("{path} gave status {} and no counters of DataKit", answer.status),
    }
}

/// What is to be done where counters cannot be read.
pub(crate) const READ_ON_LOOPBACK: &str = "run meshobs where DataKit runs, or through a port-forward: kubectl port-forward -n datakit daemonset/datakit 9529";

/// Whether the inputs run that take spans, and what browsers send.
pub(crate) fn inputs(version: Option<Version>, sample: &Sample, wants_rum: bool) -> Vec<Row> {
    let Some(inputs) = &sample.inputs else {
        return vec![Row::unknown(INPUTS, "this version does not report its inputs", "")];
    };
    let zipkin = zipkin_input(version);
    let needs_rum = wants_rum && !before(version, RUM_INPUT);
    let wanted = [Some(zipkin), needs_rum.then_some("rum")];
    let runs = |input: &str| inputs.get(input).is_some_and(|count| *count > 0.0);
    let missing: Vec<_> = wanted.into_iter().flatten().filter(|input| !runs(input)).collect();
    let failed = missing.iter().map(|input| {
        let hint = format!(
            "add `{input}` to ENV_DEFAULT_ENABLED_INPUTS of DataKit, or mount a conf file with [[inputs.{input}]]; \
             `meshobs init datakit{}` writes it",
            if *input == "rum" { " --rum" } else { "" }
        );
        Row::failed(INPUTS, format!("the input `{input}` does not run"), hint)
    });
    let failed: Vec<Row> = failed.collect();
    if !failed.is_empty() {
        return failed;
    }
    let listed = [zipkin, "rum", "prom", "kubernetesprometheus", "container", "logging"].into_iter();
    let listed = listed.filter(|input| runs(input)).map(|input| {
        let count = inputs.get(input).copied().unwrap_or_default();
        if count > 1.0 { format!("{input} ({count:.0})") } else { input.to_owned() }
    });
    vec![Row::fine(INPUTS, format!("{}; {}", listed.collect::<Vec<_>>().join(", "), fed(sample)))]
}

/// The points that were fed so far, by feed, the most first.
fn fed(sample: &Sample) -> String {
    const SHOWN: usize = 5;
    let Some(points) = &sample.points else { return "points not reported".to_owned() };
    let mut feeds: Vec<(&str, f64)> =
        points.iter().map(|((_, name), count)| (name.as_str(), *count)).filter(|(_, n)| *n > 0.0).collect();
    feeds.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(other.0)));
    let more = feeds.len().saturating_sub(SHOWN);
    let shown: Vec<_> = feeds.iter().take(SHOWN).map(|(name, count)| format!("{name} {count:.0}")).collect();
    match (shown.is_empty(), more) {
        (true, _) => "no points fed since its start".to_owned(),
        (_, 0) => format!("points fed since its start: {}", shown.join(", ")),
        _ => format!("points fed since its start: {} and {more} more feeds", shown.join(", ")),
    }
}

/// What was uploaded, in all categories: the good, and the bad by status.
fn uploaded(sample: &Sample) -> Option<(f64, Vec<(String, f64)>)> {
    let mut good = 0.0;
    let mut bad: Vec<(String, f64)> = Vec::new();
    for ((_, status), count) in sample.uploads.as_ref()?.iter().filter(|(_, count)| **count > 0.0) {
        if status == UPLOADED {
            good += count;
        } else {
            match bad.iter_mut().find(|(known, _)| known == status) {
                Some((_, sum)) => *sum += count,
                None => bad.push((status.clone(), *count)),
            }
        }
    }
    Some((good, bad))
}

/// Whether the dataway takes points: by what was counted while meshobs looked, and since DataKit's start.
pub(crate) fn uploads(now: &Sample, since: Option<&Sample>) -> Row {
    let Some((good, bad)) = uploaded(now) else {
        return Row::unknown(UPLOADS, "this version does not report its uploads", "");
    };
    let Some((new, refused)) = since.and_then(uploaded) else {
        return Row::unknown(UPLOADS, "DataKit restarted while meshobs looked", "run it again");
    };
    if !refused.is_empty() {
        return refused_row(&refused, "now", &now.errors);
    }
    if new > 0.0 {
        let earlier = total(bad.iter().map(|(_, count)| *count));
        let lost = if earlier > 0.0 {
            format!("; {} lost earlier", counted(earlier, "point"))
        } else {
            String::new()
        };
        return Row::fine(
            UPLOADS,
            format!("{} taken while meshobs looked, {good:.0} since the start{lost}", counted(new, "point")),
        );
    }
    if good == 0.0 && !bad.is_empty() {
        return refused_row(&bad, "since the start, none taken", &now.errors);
    }
    Row::unknown(
        UPLOADS,
        format!("nothing was uploaded while meshobs looked ({} since the start)", counted(good, "point")),
        "wait longer: --wait 60s",
    )
}

fn refused_row(refused: &[(String, f64)], when: &str, errors: &[(String, String)]) -> Row {
    let parts: Vec<_> = refused
        .iter()
        .map(|(status, count)| format!("{} with status `{status}`", counted(*count, "point")))
        .collect();
    let (cause, hint) = refused.iter().find_map(|(status, _)| why(status)).unwrap_or_default();
    Row::failed(UPLOADS, format!("lost {when}: {}: {cause}{}", parts.join(", "), quoted(errors)), hint)
}

/// What DataKit says itself of its uploads; the two last errors.
fn quoted(errors: &[(String, String)]) -> String {
    let of_upload = |at: &str| ["election", "not-set", "dataway", "io"].contains(&at);
    let texts: Vec<_> = errors.iter().filter(|(at, _)| of_upload(at)).map(|(_, text)| text.trim()).collect();
    match texts.as_slice() {
        [] => String::new(),
        [.., last] => format!("; DataKit reports: {}", last.chars().take(200).collect::<String>()),
    }
}

/// The cause behind a status of uploads, and the remedy.
pub(crate) fn why(status: &str) -> Option<(&'static str, &'static str)> {
    Some(match refusal(status)? {
        Refusal::Token => (
            "the dataway refuses the token, or the workspace's quota is used up",
            "compare the token in ENV_DATAWAY with the one of your workspace, then look at the workspace's quota; restart \
             DataKit after a change",
        ),
        Refusal::TooMany => (
            "the dataway takes no more points at this rate",
            "look at the workspace's limits, or scrape less often: `meshobs patch --metrics-interval 60s`",
        ),
        Refusal::NotReached => (
            "DataKit does not reach the dataway",
            "look at host and port in ENV_DATAWAY, at DNS, and at what restricts DataKit's way out (NetworkPolicy, firewall, proxy)",
        ),
        Refusal::Failed => ("the dataway fails", "look at the dataway's own log"),
        Refusal::Other => ("the dataway did not take them", "look at DataKit's log: datakit/log on its host"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict;

    fn answer(status: u16, body: &str) -> Result<Answer, Failure> {
        Ok(Answer::of(status, body))
    }

    fn sample(lines: &str) -> Sample {
        Sample::of_metrics(Version::parse("1.84.1"), &format!("datakit_uptime_seconds 1\n{lines}")).unwrap()
    }

    fn upload(status: &str, count: u32) -> Sample {
        sample(&format!(
            "datakit_io_dataway_point_total{{category=\"tracing\",status=\"{status}\"}} {count}\n"
        ))
    }

    #[test]
    fn only_datakit_is_taken_for_datakit() {
        let good =
            r#"{"content":{"version":"1.84.1","uptime":"5.03s","host":"node1","commit":"9264e03786"}}"#;
        let found = ping("http://d", "do", answer(200, good)).unwrap();
        assert_eq!(found.version, Version::parse("1.84.1"));
        let one = ("http://d", &found);
        assert_eq!(answers(&[one]).message, "http://d is DataKit 1.84.1 on host node1, up 5.03s");
        assert_eq!(answers(&[one, one]).message, "2 pods are DataKit 1.84.1");
        for (bad, says) in [
            (answer(200, "hello"), "not DataKit"),
            (answer(502, good), "status 502"),
            (Err(Failure::Refused), "connection refused"),
        ] {
            let row = ping("http://d", "do", bad).unwrap_err();
            assert!(row.verdict == Verdict::Failed && row.message.contains(says), "{row:?}");
        }
    }

    #[test]
    fn an_input_that_does_not_run_is_named() {
        let version = Version::parse("1.84.1");
        let runs = |names: &[&str]| {
            let line = |name: &&str| format!("datakit_inputs_instance{{input=\"{name}\"}} 1\n");
            sample(&names.iter().map(line).collect::<String>())
        };
        assert_eq!(inputs(version, &runs(&["zipkin", "rum"]), true)[0].verdict, Verdict::Fine);
        assert_eq!(inputs(version, &runs(&["zipkin"]), false)[0].verdict, Verdict::Fine);
        let rows = inputs(version, &runs(&["cpu"]), true);
        let texts: Vec<_> = rows.iter().map(|row| row.message.as_str()).collect();
        assert_eq!(texts, ["the input `zipkin` does not run", "the input `rum` does not run"]);
        // Before 1.4.10 there was no input for browsers.
        assert_eq!(inputs(Version::parse("1.4.9"), &runs(&["zipkin"]), true)[0].verdict, Verdict::Fine);
        assert_eq!(inputs(version, &Sample::default(), true)[0].verdict, Verdict::Unknown);
    }

    #[test]
    fn uploads_are_judged_by_what_happens_now() {
        let judged = |then: &Sample, now: &Sample| {
            let row = uploads(now, now.since(then).as_ref());
            (row.verdict, row.message)
        };
        let (verdict, text) = judged(&upload("OK", 3), &upload("OK", 5));
        assert_eq!(
            (verdict, text.as_str()),
            (Verdict::Fine, "2 points taken while meshobs looked, 5 since the start")
        );
        let (verdict, text) = judged(&upload("OK", 3), &upload("OK", 3));
        assert!(verdict == Verdict::Unknown && text.contains("(3 points since the start)"), "{text}");
        let (verdict, text) = judged(&upload("Forbidden", 3), &upload("Forbidden", 4));
        assert!(
            verdict == Verdict::Failed
                && text
                    .starts_with("lost now: 1 point with status `Forbidden`: the dataway refuses the token"),
            "{text}"
        );
        let (verdict, text) = judged(&upload("unknown", 3), &upload("unknown", 3));
        assert!(verdict == Verdict::Failed && text.contains("does not reach the dataway"), "{text}");
        assert_eq!(uploads(&Sample::default(), None).verdict, Verdict::Unknown);
        assert_eq!(uploads(&upload("OK", 1), None).message, "DataKit restarted while meshobs looked");
    }
}
