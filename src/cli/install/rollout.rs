//! Waiting for rollouts: a line a workload with its counts at a terminal, plain lines elsewhere, and the cause where one
//! fails.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use anyhow::bail;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::check;
use crate::cluster::Kubectl;
use crate::gate::{Text, say, text};
use crate::install::{Action, Planned, Reference, Step, has_rolled_out, plain, read, references};

/// How many rollouts are watched at once: each takes a kubectl.
const AT_ONCE: usize = 8;

/// How many events are told of a workload that fails.
const EVENTS: usize = 3;

/// A spinner with a name, a state, and the time it has taken; hidden where nobody watches.
pub(super) fn bar(name: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        return bar;
    }
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.set_prefix(text!("{}", name).into_string());
    bar
}

/// How long a bar has been there, for people who watch.
pub(super) fn elapsed(bar: &ProgressBar) -> String {
    if io::stderr().is_terminal() { format!(" ({} s)", bar.elapsed().as_secs()) } else { String::new() }
}

/// Lets a bar turn.
pub(super) fn start(bar: &ProgressBar) {
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
}

/// Waits until every workload of the steps has rolled out; whether there was something to wait for.
pub(super) fn wait(kubectl: &Kubectl, steps: &[Step], planned: &[Planned]) -> anyhow::Result<bool> {
    // What was not touched was read when it was planned.
    let untouched = planned.iter().filter(|planned| planned.is_in_place()).flat_map(Planned::there);
    let mut open = not_there_yet(workloads(steps), untouched);
    let waited = !open.is_empty();
    let mut failed = Vec::new();
    let lines = MultiProgress::new();
    if !io::stderr().is_terminal() {
        lines.set_draw_target(ProgressDrawTarget::hidden());
    }
    while !open.is_empty() {
        let later = open.split_off(open.len().min(AT_ONCE));
        failed.extend(watch_some(kubectl, &lines, open));
        // Each takes a kubectl to watch, and by now most have rolled out.
        let now = if later.is_empty() { Vec::new() } else { read(kubectl, &later).unwrap_or_default() };
        open = not_there_yet(later, now.iter());
    }
    if failed.is_empty() {
        return Ok(waited);
    }
    let world = kubectl.inventory()?;
    let causes: Vec<String> = failed
        .iter()
        .map(|(what, message)| {
            let kind = what.kind.split('.').next().unwrap_or_default().to_lowercase();
            let cause = check::cause(&world, &kind, &what.namespace, &what.name);
            let events = events(kubectl, what);
            let mut told = text!("{} did not roll out{}: {}", what.title(), cause, Text::block(message));
            events.iter().for_each(|event| told.push_lines(&text!("    {}", event)));
            told.to_string()
        })
        .collect();
    bail!("{}\nrun it again to go on from here", causes.join("\n"))
}

/// The workloads of steps.
fn workloads(steps: &[Step]) -> Vec<Reference> {
    let texts = steps.iter().filter_map(|step| match &step.action {
        Action::Apply(text) => Some(text.as_str()),
        Action::Edit(edit) => Some(edit.new.as_str()),
        Action::Change(_) | Action::Define(_) | Action::Istio(..) => None,
    });
    let is_workload = |what: &Reference| {
        let kind = what.kind.split('.').next().unwrap_or_default();
        matches!(kind, "Deployment" | "DaemonSet" | "StatefulSet")
    };
    texts.flat_map(references).filter(is_workload).collect()
}

/// Those that have not rolled out as they were read; the others are told.
fn not_there_yet<'o>(workloads: Vec<Reference>, read: impl Iterator<Item = &'o Value>) -> Vec<Reference> {
    let done = read.filter(|object| has_rolled_out(object)).map(Reference::of);
    let done: BTreeSet<(String, String, String)> =
        done.map(|what| (what.kind, what.namespace, what.name)).collect();
    let key = |what: &Reference| (what.kind.clone(), what.namespace.clone(), what.name.clone());
    let (there, open): (Vec<_>, Vec<_>) = workloads.into_iter().partition(|what| done.contains(&key(what)));
    for what in there {
        say!("✔ {} has rolled out", what.title());
    }
    open
}

/// Watches some rollouts side by side; those that failed, and what kubectl said.
fn watch_some(kubectl: &Kubectl, lines: &MultiProgress, some: Vec<Reference>) -> Vec<(Reference, String)> {
    let results: Vec<_> = std::thread::scope(|scope| {
        let watched: Vec<_> = some
            .into_iter()
            .map(|what| {
                let bar = lines.add(bar(&what.title()));
                start(&bar);
                let watched = what.clone();
                (what, scope.spawn(move || (watch(kubectl, &watched, &bar), elapsed(&bar))))
            })
            .collect();
        watched.into_iter().map(|(what, thread)| (what, thread.join())).collect()
    });
    let mut failed = Vec::new();
    for (what, result) in results {
        match result {
            Ok((Ok(()), time)) => say!("✔ {} has rolled out{}", what.title(), time),
            Ok((Err(message), _)) => failed.push((what, message)),
            Err(_) => failed.push((what, "it could not be watched".to_owned())),
        }
    }
    failed
}

/// Watches one rollout, whose counts go to its line.
fn watch(kubectl: &Kubectl, what: &Reference, bar: &ProgressBar) -> Result<(), String> {
    let kind = what.kind.split('.').next().unwrap_or_default().to_lowercase();
    let name = format!("{kind}/{}", what.name);
    let args = ["rollout", "status", "-n", &what.namespace, "--", &name];
    let watched = kubectl.wait(&args, &mut |line| {
        let state = line.split_once("finish: ").map_or(line, |(_, state)| state);
        bar.set_message(text!("{}", state.trim_end_matches('.')).into_string());
    });
    bar.finish_and_clear();
    watched.map_err(|error| error.message)
}

/// The last warnings about a workload, its pods, and what stands between.
fn events(kubectl: &Kubectl, what: &Reference) -> Vec<String> {
    let args = ["get", "events", "-n", &what.namespace, "--field-selector", "type=Warning"];
    let sorted = ["--sort-by", ".metadata.creationTimestamp", "-o", "json"];
    let Ok(text) = plain(kubectl, &[&args[..], &sorted].concat()) else { return Vec::new() };
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let all = value.get("items").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let of = |event: &serde_json::Value, pointer: &str| {
        event.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let about = |event: &&serde_json::Value| {
        let name = of(event, "/involvedObject/name");
        name == what.name || name.starts_with(&format!("{}-", what.name))
    };
    let mut found: Vec<String> = all
        .iter()
        .filter(about)
        .map(|event| format!("{}: {}", of(event, "/reason"), of(event, "/message").trim()))
        .collect();
    found.dedup();
    found.split_off(found.len().saturating_sub(EVENTS))
}
