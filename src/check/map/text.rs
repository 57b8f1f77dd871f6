//! The picture for programs that lay it out themselves: Mermaid and Graphviz.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::graph::{Condition, Edge, Graph, Node};
use crate::gate;

/// Workloads by namespace, and the other boxes.
pub(super) fn groups(graph: &Graph) -> (BTreeMap<&str, Vec<&Node>>, Vec<&Node>) {
    let mut groups: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
    let mut others = Vec::new();
    for node in &graph.nodes {
        match &node.namespace {
            Some(namespace) => groups.entry(namespace).or_default().push(node),
            None => others.push(node),
        }
    }
    (groups, others)
}

/// What stands at an arrow.
fn label(edge: &Edge) -> String {
    let mark = match edge.condition {
        Condition::Good => "",
        Condition::Off => " (not set up)",
        Condition::Unknown => " (unknown)",
        Condition::Broken => " ✖",
    };
    format!("{}{mark}", edge.flow.name())
}

/// Why an arrow is as it is, on one line.
pub(super) fn why(edge: &Edge) -> String {
    let reasons = edge.reasons.iter().map(|reason| match reason.remedy.as_str() {
        "" => reason.text.clone(),
        remedy => format!("{}. {remedy}", reason.text),
    });
    reasons.collect::<Vec<_>>().join(" | ")
}

pub(super) fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    let (groups, others) = groups(graph);
    for node in others {
        let _ = writeln!(out, "  {}[\"{}\"]", node.id, gate::mermaid(&node.label));
    }
    for (i, (namespace, nodes)) in groups.iter().enumerate() {
        let _ = writeln!(out, "  subgraph n{i}[\"{}\"]", gate::mermaid(namespace));
        for node in nodes {
            let _ = writeln!(out, "    {}[\"{}\"]", node.id, gate::mermaid(&node.label));
        }
        out.push_str("  end\n");
    }
    let mut numbers: BTreeMap<Condition, Vec<String>> = BTreeMap::new();
    for (i, edge) in graph.edges.iter().enumerate() {
        let arrow = if edge.condition == Condition::Good { "-->" } else { "-.->" };
        let _ = writeln!(out, "  {} {arrow}|\"{}\"| {}", edge.from, label(edge), edge.to);
        numbers.entry(edge.condition).or_default().push(i.to_string());
    }
    for (condition, numbers) in numbers {
        let color = color(condition);
        let _ = writeln!(out, "  linkStyle {} stroke:{color},color:{color}", numbers.join(","));
    }
    out
}

fn color(condition: Condition) -> &'static str {
    match condition {
        Condition::Good => "#18794e",
        Condition::Broken => "#c00",
        Condition::Off | Condition::Unknown => "#888",
    }
}

pub(super) fn dot(graph: &Graph) -> String {
    let mut out = String::from("digraph mesh {\n  rankdir=LR;\n  node [shape=box];\n");
    let (groups, others) = groups(graph);
    for node in others {
        let _ = writeln!(out, "  {} [label=\"{}\"];", node.id, gate::dot(&node.label));
    }
    for (i, (namespace, nodes)) in groups.iter().enumerate() {
        let _ = writeln!(out, "  subgraph cluster_{i} {{\n    label=\"{}\";", gate::dot(namespace));
        for node in nodes {
            let _ = writeln!(out, "    {} [label=\"{}\"];", node.id, gate::dot(&node.label));
        }
        out.push_str("  }\n");
    }
    for edge in &graph.edges {
        let style = if edge.condition == Condition::Good { "solid" } else { "dashed" };
        let color = color(edge.condition);
        let _ = writeln!(
            out,
            "  {} -> {} [label=\"{}\", color=\"{color}\", fontcolor=\"{color}\", style={style}, tooltip=\"{}\"];",
            edge.from,
            edge.to,
            label(edge),
            gate::dot(&why(edge))
        );
    }
    out.push_str("}\n");
    out
}
