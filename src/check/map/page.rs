//! The HTML page around the picture: styles for light and dark, and an explanation of every link that is not good.
//! Nothing is loaded, and nothing runs.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use super::graph::{Condition, Edge, Graph, Reason};
use super::svg::{class, svg};
use super::text::why;
use crate::gate;

/// How many links an explanation names.
const NAMES: usize = 12;

const STYLE: &str = "\
:root { color-scheme: light dark; --bg: #fff; --ink: #1b1f24; --soft: #f5f7fa; --edge: #8a94a3; --box: #e9eef8;
  --good: #18794e; --broken: #c11; --grey: #6b7480 }
@media (prefers-color-scheme: dark) { :root { --bg: #14171c; --ink: #e6e9ee; --soft: #1d2229; --edge: #66707e; --box: #28303c;
  --good: #4cc38a; --broken: #ff6b60; --grey: #98a2b0 } }
body { font-family: system-ui, sans-serif; background: var(--bg); color: var(--ink); margin: 1rem;
  font-size: clamp(15px, 1.1vw, 28px) }
.picture { overflow-x: auto }
svg { display: block; min-width: 720px; height: auto }
text { font-size: 14px; fill: var(--ink) }
text.mark { font-size: 13px }
rect { fill: var(--box); stroke: var(--edge) }
.group rect { fill: var(--soft) }
.group text { font-weight: 600 }
.workload rect { fill: var(--bg) }
path { fill: none; stroke-width: 2 }
.good path { stroke: var(--good) }
.broken path { stroke: var(--broken) }
.unknown path, .off path { stroke: var(--grey); stroke-dasharray: 5 4 }
.good text, li.good b { fill: var(--good); color: var(--good) }
.broken text, li.broken b { fill: var(--broken); color: var(--broken) }
.unknown text, .off text, li.unknown b, li.off b { fill: var(--grey); color: var(--grey) }
marker path { stroke: none; stroke-dasharray: none }
.good path.tip, marker.good path { fill: var(--good) }
.broken path.tip, marker.broken path { fill: var(--broken) }
.unknown path.tip, .off path.tip, marker.unknown path, marker.off path { fill: var(--grey) }
path.call { stroke-width: 1.5; opacity: .7 }
path.hit { stroke: transparent; stroke-width: 14; stroke-dasharray: none }
a { cursor: pointer }
li { margin: .6rem 0; max-width: 60rem; overflow-wrap: anywhere }
li:target { outline: 2px solid var(--edge); outline-offset: 4px }
.links { color: var(--grey) }
";

/// An explanation below the picture: one reason, and the links it is about.
struct Explanation<'g> {
    condition: Condition,
    reasons: &'g [Reason],
    links: Vec<String>,
}

/// Makes the page.
pub(super) fn page(graph: &Graph) -> String {
    let explanations = explanations(graph);
    let anchors: HashMap<String, String> =
        explanations.iter().enumerate().map(|(i, (key, _))| (key.clone(), format!("r{i}"))).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>meshobs: what reports where</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <p>{}. Solid: works, with evidence. Red: a finding. Grey, dashed: unknown or not set up. Point at a link for the \
         reason, click it for the remedy.</p>\n\
         <div class=\"picture\">\n{}</div>\n{}</body>\n</html>\n",
        counts(graph),
        svg(graph, &anchors),
        list(&explanations)
    )
}

fn counts(graph: &Graph) -> String {
    let mut counts: BTreeMap<Condition, usize> = BTreeMap::new();
    graph.edges.iter().for_each(|edge| *counts.entry(edge.condition).or_default() += 1);
    let names = [
        (Condition::Good, "work"),
        (Condition::Broken, "broken"),
        (Condition::Unknown, "unknown"),
        (Condition::Off, "not set up"),
    ];
    let count = |condition| counts.get(&condition).copied().unwrap_or(0);
    let parts: Vec<_> =
        names.iter().map(|(condition, name)| format!("{} {name}", count(*condition))).collect();
    format!("{} links: {}", graph.edges.len(), parts.join(", "))
}

/// The reasons of all links that are not good, in their order; those of findings first.
fn explanations(graph: &Graph) -> Vec<(String, Explanation<'_>)> {
    let labels: HashMap<&str, &str> =
        graph.nodes.iter().map(|node| (node.id.as_str(), node.label.as_str())).collect();
    let label = |id: &str| labels.get(id).copied().unwrap_or_default().to_owned();
    let link = |edge: &Edge| format!("{} → {} ({})", label(&edge.from), label(&edge.to), edge.flow.name());
    let mut found: Vec<(String, Explanation<'_>)> = Vec::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for edge in graph.edges.iter().filter(|edge| edge.condition != Condition::Good) {
        let key = why(edge);
        let number = *numbers.entry(key.clone()).or_insert_with(|| {
            let (condition, reasons) = (edge.condition, edge.reasons.as_slice());
            found.push((key, Explanation { condition, reasons, links: Vec::new() }));
            found.len() - 1
        });
        if let Some((_, explanation)) = found.get_mut(number) {
            explanation.links.push(link(edge));
        }
    }
    found.sort_by_key(|(_, explanation)| explanation.condition != Condition::Broken);
    found
}

fn list(explanations: &[(String, Explanation<'_>)]) -> String {
    if explanations.is_empty() {
        return String::new();
    }
    let mut out = String::from("<h2>What is not green, and why</h2>\n<ol>\n");
    for (i, (_, explanation)) in explanations.iter().enumerate() {
        let word = match explanation.condition {
            Condition::Broken => "broken",
            Condition::Unknown => "unknown",
            Condition::Off => "not set up",
            Condition::Good => "works",
        };
        let _ = write!(out, "<li id=\"r{i}\" class=\"{}\"><b>{word}</b>: ", class(explanation.condition));
        for reason in explanation.reasons {
            let _ = write!(out, "{}. ", gate::html(&reason.text));
            if !reason.remedy.is_empty() {
                let _ = write!(out, "<br><code>{}</code><br>", gate::html(&reason.remedy));
            }
        }
        let more = explanation.links.len().saturating_sub(NAMES);
        let names = explanation.links.iter().take(NAMES).map(|link| gate::html(link));
        let names = names.collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        let _ = writeln!(out, "<span class=\"links\">{names}{more}</span></li>");
    }
    out.push_str("</ol>\n");
    out
}
