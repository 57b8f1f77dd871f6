//! A picture of the mesh: what reports where, with the links that are broken marked.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Level, Outcome};
use crate::gate::{self, text};
use crate::kube::Inventory;
use crate::mesh::Mesh;

/// How the picture is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum MapFormat {
    /// Mermaid, for Markdown
    Mermaid,
    /// Graphviz
    Dot,
    /// One HTML file with the picture in it
    Html,
}

/// A box.
struct Node {
    id: String,
    label: String,
    /// Its column, from the left.
    column: usize,
}

/// An arrow.
struct Edge {
    from: String,
    to: String,
    label: &'static str,
    broken: bool,
}

/// Draws the picture.
pub(crate) fn draw(inventory: &Inventory, outcome: &Outcome, format: MapFormat) -> String {
    let (nodes, edges) = graph(inventory, outcome);
    match format {
        MapFormat::Mermaid => mermaid(&nodes, &edges),
        MapFormat::Dot => dot(&nodes, &edges),
        MapFormat::Html => html(&nodes, &edges),
    }
}

fn graph(inventory: &Inventory, outcome: &Outcome) -> (Vec<Node>, Vec<Edge>) {
    let failed = |ids: &[&str]| {
        outcome.findings.iter().any(|finding| finding.level == Level::Failure && ids.contains(&finding.id))
    };
    let about = |id: &str, subject: &str| {
        outcome.findings.iter().any(|finding| finding.id == id && finding.subject == subject)
    };
    let mut nodes = Vec::new();
    let mut edges = Vec::new();
    let mut node = |id: &str, label: String, column| nodes.push(Node { id: id.to_owned(), label, column });
    node("browser", "browser".to_owned(), 0);
    let gateway = inventory.of("networking.istio.io", "Gateway").next().is_some()
        || inventory.objects().iter().any(|object| object.name() == "istio-ingressgateway");
    if gateway {
        // It stands outside of the mesh, where neither manifests nor the cluster tell of it.
        node("nginx", "nginx (if there is one)".to_owned(), 1);
        node("gateway", "ingress gateway".to_owned(), 2);
        for (from, to) in [("browser", "nginx"), ("nginx", "gateway")] {
            edges.push(Edge { from: from.to_owned(), to: to.to_owned(), label: "requests", broken: false });
        }
    }
    let datakit_down = failed(&["datakit-missing", "datakit-ready", "datakit-listen"]);
    let no_spans = datakit_down
        || failed(&["datakit-zipkin", "tracing-address", "tracing-path", "tracing-provider", "tracing-port"]);
    let routed = routed(inventory);
    let mut seen = BTreeSet::new();
    for workload in Mesh::of(inventory).applications {
        let workload = workload.object;
        let id = format!("w{}", seen.len());
        if !seen.insert(workload.title()) {
            continue;
        }
        node(&id, text!("{} ({})", workload.name(), workload.namespace()).into_string(), 3);
        let app = workload.label("app");
        if gateway && (routed.contains(&*app) || routed.contains(workload.name())) {
            edges.push(Edge { from: "gateway".to_owned(), to: id.clone(), label: "requests", broken: false });
        }
        let bare = about("sidecar", &workload.title()) || failed(&["injection", "namespace-injection"]);
        let dark = about("annotation", &workload.title()) || about("annotation-toml", &workload.title());
        let mut link =
            |label, broken| edges.push(Edge { from: id.clone(), to: "datakit".to_owned(), label, broken });
        link("metrics", bare || dark || datakit_down);
        link("spans", bare || no_spans);
        link("logs", datakit_down || failed(&["logs-input"]) || about("logs-json", &workload.title()));
    }
    let mut node = |id: &str, label: String, column| nodes.push(Node { id: id.to_owned(), label, column });
    node("istiod", "istiod".to_owned(), 3);
    let blind = outcome.findings.iter().any(|finding| finding.id == "datakit-istiod");
    edges.push(Edge {
        from: "istiod".to_owned(),
        to: "datakit".to_owned(),
        label: "metrics",
        broken: datakit_down || blind || failed(&["istiod-ready"]),
    });
    let rum_off = !outcome.checked.contains(&"rum-page");
    let rum_broken = outcome.findings.iter().any(|finding| finding.id.starts_with("rum-"));
    edges.push(Edge {
        from: "browser".to_owned(),
        to: "datakit".to_owned(),
        label: if rum_off { "RUM (not set up)" } else { "RUM" },
        broken: !rum_off && (rum_broken || datakit_down),
    });
    node("datakit", "DataKit".to_owned(), 4);
    node("console", "console".to_owned(), 5);
    edges.push(Edge {
        from: "datakit".to_owned(),
        to: "console".to_owned(),
        label: "uploads",
        broken: failed(&["datakit-token", "datakit-missing", "datakit-ready"]),
    });
    (nodes, edges)
}

/// The services that VirtualServices of gateways route to.
fn routed(inventory: &Inventory) -> BTreeSet<String> {
    let rules = inventory.of("networking.istio.io", "VirtualService");
    let routes = rules.filter(|rule| rule.at(&["spec", "gateways"]).items().next().is_some());
    let entries = routes.flat_map(|rule| rule.at(&["spec", "http"]).items());
    let routes = entries.flat_map(|entry| entry.get("route").items());
    let hosts = routes.map(|route| route.at(&["destination", "host"]).text());
    hosts.map(|host| host.split('.').next().unwrap_or("").to_owned()).collect()
}

fn mermaid(nodes: &[Node], edges: &[Edge]) -> String {
    let mut out = String::from("flowchart LR\n");
    for node in nodes {
        let _ = writeln!(out, "  {}[\"{}\"]", node.id, gate::mermaid(&node.label));
    }
    let mut broken = Vec::new();
    for (i, edge) in edges.iter().enumerate() {
        let arrow = if edge.broken { "-.->" } else { "-->" };
        let mark = if edge.broken { " ✖" } else { "" };
        let _ = writeln!(out, "  {} {arrow}|\"{}{mark}\"| {}", edge.from, edge.label, edge.to);
        if edge.broken {
            broken.push(i.to_string());
        }
    }
    if !broken.is_empty() {
        let _ = writeln!(out, "  linkStyle {} stroke:#c00,color:#c00", broken.join(","));
    }
    out
}

fn dot(nodes: &[Node], edges: &[Edge]) -> String {
    let mut out = String::from("digraph mesh {\n  rankdir=LR;\n  node [shape=box];\n");
    for node in nodes {
        let _ = writeln!(out, "  {} [label=\"{}\"];", node.id, gate::dot(&node.label));
    }
    for edge in edges {
        let style = if edge.broken { ", color=red, fontcolor=red, style=dashed" } else { "" };
        let mark = if edge.broken { " ✖" } else { "" };
        let _ = writeln!(out, "  {} -> {} [label=\"{}{mark}\"{style}];", edge.from, edge.to, edge.label);
    }
    out.push_str("}\n");
    out
}

/// A label that fits into its box.
fn short(label: &str) -> String {
    const LONGEST: usize = 28;
    if label.chars().count() <= LONGEST {
        return label.to_owned();
    }
    label.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// A page with the picture as SVG: columns from the left to the right, arrows between the middles of boxes.
fn html(nodes: &[Node], edges: &[Edge]) -> String {
    const COLUMNS: usize = 6;
    const WIDTH: usize = 190;
    const HEIGHT: usize = 40;
    const GAP_X: usize = 130;
    const GAP_Y: usize = 34;
    let rows = (0..COLUMNS)
        .map(|column| nodes.iter().filter(|node| node.column == column).count())
        .max()
        .unwrap_or(1);
    let total = rows.max(1) * (HEIGHT + GAP_Y) + GAP_Y;
    let column = |id: &str| nodes.iter().find(|node| node.id == id).map_or(0, |node| node.column);
    let place = |id: &str| -> Option<(usize, usize)> {
        let node = nodes.iter().find(|node| node.id == id)?;
        let siblings: Vec<_> = nodes.iter().filter(|other| other.column == node.column).collect();
        let row = siblings.iter().position(|other| other.id == id)?;
        let top = (total - siblings.len() * (HEIGHT + GAP_Y)) / 2;
        Some((20 + node.column * (WIDTH + GAP_X), top + row * (HEIGHT + GAP_Y)))
    };
    let mut body = String::new();
    for (i, edge) in edges.iter().enumerate() {
        let (Some((x1, y1)), Some((x2, y2))) = (place(&edge.from), place(&edge.to)) else { continue };
        let class = if edge.broken { "broken" } else { "good" };
        let mark = if edge.broken { " ✖" } else { "" };
        if column(&edge.to) > column(&edge.from) + 1 {
            // Past other boxes: below all of them.
            let (start, end, low) = (x1 + WIDTH / 2, x2 + WIDTH / 2, total + 10);
            let _ = writeln!(
                body,
                "<g class=\"{class}\"><path d=\"M{start} {} V{low} H{end} V{}\" marker-end=\"url(#{class})\"/>\
                 <text x=\"{}\" y=\"{}\">{}{mark}</text></g>",
                y1 + HEIGHT,
                y2 + HEIGHT,
                start + 8,
                low - 4,
                edge.label
            );
            continue;
        }
        // Several arrows between two boxes are spread.
        let spread =
            edges.iter().take(i).filter(|other| other.from == edge.from && other.to == edge.to).count();
        let (from, to) = (y1 + 8 + spread * 12, y2 + 8 + (spread * 12) % HEIGHT);
        let _ = writeln!(
            body,
            "<g class=\"{class}\"><line x1=\"{}\" y1=\"{from}\" x2=\"{x2}\" y2=\"{to}\" marker-end=\"url(#{class})\"/>\
             <text x=\"{}\" y=\"{}\">{}{mark}</text></g>",
            x1 + WIDTH,
            x1 + WIDTH + 8,
            from.saturating_sub(2),
            edge.label
        );
    }
    for node in nodes {
        let Some((x, y)) = place(&node.id) else { continue };
        let _ = writeln!(
            body,
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"5\"/>\
             <text x=\"{}\" y=\"{}\">{}</text></g>",
            gate::html(&node.label),
            x + 10,
            y + 25,
            gate::html(&short(&node.label))
        );
    }
    let height = total + 20;
    let width = COLUMNS * WIDTH + (COLUMNS - 1) * GAP_X + 40;
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>meshobs: what reports where</title>\n\
         <style>\nbody {{ font-family: sans-serif }}\nrect {{ fill: #eef; stroke: #336 }}\ntext {{ font-size: 12px }}\n\
         g > path {{ fill: none }}\n.good line, .good path {{ stroke: #363 }}\n.broken line, .broken path {{ stroke: #c00; stroke-dasharray: 6 4 }}\n.broken text {{ fill: #c00 }}\n\
         </style>\n</head>\n<body>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\">\n\
         <defs><marker id=\"good\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path d=\"M0 0 L8 4 L0 8 z\" fill=\"#363\"/></marker><marker id=\"broken\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" \
         markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#c00\"/></marker></defs>\n\
         {body}</svg>\n</body>\n</html>\n"
    )
}
