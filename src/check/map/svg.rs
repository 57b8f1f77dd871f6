//! The picture as SVG: callers on the left, workloads by namespace in the middle, DataKit on the right.
//!
//! A workload's flows are marks in its box; from each namespace one arrow a flow leads to DataKit, so that hundreds of
//! workloads stay readable.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use super::graph::{BROWSER, CONSOLE, Condition, DATAKIT, Edge, Flow, GATEWAY, Graph, ISTIOD, NGINX, Node};
use super::text::{groups, why};
use crate::gate;

/// Width of the picture in its own units; a browser scales it.
const WIDTH: usize = 1100;

const LEFT: usize = 10;
const SIDE_WIDTH: usize = 116;
const GROUP_X: usize = 160;
const GROUP_WIDTH: usize = 680;
const RIGHT: usize = 974;
const COLUMNS: usize = 3;
const PADDING: usize = 12;
const BOX_WIDTH: usize = 205;
const BOX_HEIGHT: usize = 56;
const GAP_X: usize = 20;
const GAP_Y: usize = 20;
const HEAD: usize = 30;
/// Where the first namespace begins.
const TOP: usize = 120;
/// Between two namespaces.
const SPACE: usize = 18;
/// Characters of a workload's name that fit into its box.
const NAME: usize = 24;
/// Characters of a namespace's name that fit over its boxes.
const TITLE: usize = 70;

/// The flows that a workload's box shows, and where in it.
const MARKS: [(Flow, usize); 3] = [(Flow::Metrics, 6), (Flow::Spans, 84), (Flow::Logs, 148)];

/// A rectangle of the picture.
#[derive(Clone, Copy)]
struct Place {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Place {
    fn middle(self) -> usize {
        self.x + self.width / 2
    }

    fn bottom(self) -> usize {
        self.y + self.height
    }

    fn right(self) -> usize {
        self.x + self.width
    }
}

/// The picture as it grows.
struct Canvas<'g> {
    graph: &'g Graph,
    /// Ids of the explanations below the picture, by an edge's reasons.
    anchors: &'g HashMap<String, String>,
    /// Edges by where they start.
    from: HashMap<&'g str, Vec<&'g Edge>>,
    places: HashMap<&'g str, Place>,
    boxes: String,
    arrows: String,
}

/// The class of an arrow in the style sheet.
pub(super) fn class(condition: Condition) -> &'static str {
    match condition {
        Condition::Good => "good",
        Condition::Off => "off",
        Condition::Unknown => "unknown",
        Condition::Broken => "broken",
    }
}

/// Draws the picture; `anchors` are ids of explanations by [`why`].
pub(super) fn svg(graph: &Graph, anchors: &HashMap<String, String>) -> String {
    let mut from: HashMap<&str, Vec<&Edge>> = HashMap::new();
    for edge in &graph.edges {
        from.entry(&edge.from).or_default().push(edge);
    }
    let (places, boxes, arrows) = (HashMap::new(), String::new(), String::new());
    let mut canvas = Canvas { graph, anchors, from, places, boxes, arrows };
    let height = canvas.draw();
    let mut markers = String::new();
    for condition in [Condition::Good, Condition::Broken, Condition::Unknown, Condition::Off] {
        let class = class(condition);
        let _ = writeln!(
            markers,
            "<marker id=\"{class}\" class=\"{class}\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" \
             markerHeight=\"7\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\"/></marker>"
        );
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"100%\" role=\"img\" \
         aria-label=\"what reports where\">\n<defs>\n{markers}</defs>\n{}{}</svg>\n",
        canvas.boxes, canvas.arrows
    )
}

impl<'g> Canvas<'g> {
    /// Draws everything; returns the height.
    fn draw(&mut self) -> usize {
        let (groups, _) = groups(self.graph);
        let mut y = TOP;
        let mut bands = Vec::new();
        for (namespace, nodes) in &groups {
            let band = self.namespace(namespace, nodes, y);
            bands.push((band, nodes.iter().map(|node| node.id.as_str()).collect::<BTreeSet<_>>()));
            y = band.bottom() + SPACE;
        }
        let istiod = Place { x: GROUP_X, y, width: BOX_WIDTH, height: 40 };
        self.side(ISTIOD, "istiod", istiod);
        let bottom = istiod.bottom();
        let datakit = Place { x: RIGHT, y: 10, width: SIDE_WIDTH, height: bottom - 10 };
        self.side(DATAKIT, "DataKit", datakit);
        let console = Place { x: RIGHT, y: bottom + 50, width: SIDE_WIDTH, height: 44 };
        self.side(CONSOLE, "console", console);
        self.side(BROWSER, "browser", Place { x: LEFT, y: 10, width: SIDE_WIDTH, height: 76 });
        if self.graph.nodes.iter().any(|node| node.id == GATEWAY) {
            self.side(NGINX, "nginx (if any)", Place { x: GROUP_X, y: 46, width: SIDE_WIDTH, height: 40 });
            let height = (bottom - 58).saturating_sub(TOP).max(40);
            self.side(GATEWAY, "ingress gateway", Place { x: LEFT, y: TOP, width: SIDE_WIDTH, height });
        }
        for (band, ids) in &bands {
            self.bundles(*band, ids);
        }
        self.calls();
        self.platform(istiod, datakit, console);
        console.bottom() + 10
    }

    /// A box that is no workload.
    fn side(&mut self, id: &'g str, label: &str, place: Place) {
        self.places.insert(id, place);
        let _ = writeln!(
            self.boxes,
            "<g class=\"side\">{}<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{label}</text></g>",
            rect(place, 6),
            place.middle(),
            place.y + (place.height / 2).min(60) + 5
        );
    }

    /// A namespace with its workloads in columns.
    fn namespace(&mut self, name: &str, nodes: &[&'g Node], y: usize) -> Place {
        let rows = nodes.len().div_ceil(COLUMNS);
        let height = HEAD + rows * (BOX_HEIGHT + GAP_Y);
        let place = Place { x: GROUP_X, y, width: GROUP_WIDTH, height };
        let _ = writeln!(
            self.boxes,
            "<g class=\"group\"><title>namespace {}</title>{}<text x=\"{}\" y=\"{}\">{}</text></g>",
            gate::html(name),
            rect(place, 8),
            GROUP_X + PADDING,
            y + 20,
            gate::html(&short(name, TITLE))
        );
        for (i, node) in nodes.iter().enumerate() {
            let x = GROUP_X + PADDING + (i % COLUMNS) * (BOX_WIDTH + GAP_X);
            let y = y + HEAD + (i / COLUMNS) * (BOX_HEIGHT + GAP_Y);
            self.workload(node, Place { x, y, width: BOX_WIDTH, height: BOX_HEIGHT });
        }
        place
    }

    fn workload(&mut self, node: &'g Node, place: Place) {
        self.places.insert(&node.id, place);
        let name = node.label.rsplit_once(" (").map_or(node.label.as_str(), |(name, _)| name);
        let _ = writeln!(
            self.boxes,
            "<g class=\"workload\"><title>{}</title>{}<text x=\"{}\" y=\"{}\">{}</text></g>",
            gate::html(&node.label),
            rect(place, 5),
            place.x + 8,
            place.y + 21,
            gate::html(&short(name, NAME))
        );
        let edges = self.from.get(node.id.as_str()).cloned().unwrap_or_default();
        for (flow, offset) in MARKS {
            let Some(edge) = edges.iter().find(|edge| edge.flow == flow) else { continue };
            let (x, y) = (place.x + offset, place.y + 40);
            let sign = if edge.condition == Condition::Broken { "✖" } else { "" };
            let mark = format!(
                "<path d=\"M{x} {y} h10\"/><text class=\"mark\" x=\"{}\" y=\"{}\">{}{sign}</text>",
                x + 13,
                y + 4,
                flow.name()
            );
            let text =
                self.explained(edge.condition, &format!("{}: {}", flow.name(), why(edge)), edge, &mark);
            self.boxes.push_str(&text);
        }
    }

    /// A drawing with its reason as a tooltip, and as a link to its explanation.
    fn explained(&self, condition: Condition, title: &str, edge: &Edge, drawing: &str) -> String {
        let class = class(condition);
        let body = format!("<g class=\"{class}\"><title>{}</title>{drawing}</g>", gate::html(title));
        match self.anchors.get(&why(edge)) {
            Some(anchor) => format!("<a href=\"#{anchor}\">{body}</a>\n"),
            None => format!("{body}\n"),
        }
    }

    /// One arrow a flow from a namespace to DataKit, and one from the gateway to it.
    fn bundles(&mut self, band: Place, ids: &BTreeSet<&str>) {
        let mut flows: BTreeMap<Flow, Vec<&Edge>> = BTreeMap::new();
        for edge in ids.iter().filter_map(|id| self.from.get(*id)).flatten().filter(|edge| edge.to == DATAKIT)
        {
            flows.entry(edge.flow).or_default().push(edge);
        }
        for (i, (flow, edges)) in flows.into_iter().enumerate() {
            let good = edges.iter().filter(|edge| edge.condition == Condition::Good).count();
            let Some(worst) = worst(&edges) else { continue };
            let end = match worst.condition {
                Condition::Good => "",
                Condition::Off => " off",
                Condition::Unknown => " ?",
                Condition::Broken => " ✖",
            };
            let label = format!("{} {good}/{}{end}", flow.name(), edges.len());
            let y = band.y + 30 + i * 26;
            let arrow = arrow(worst.condition, (band.right(), y), (RIGHT, y), &label);
            let title = format!("{label}: {}", why(worst));
            let text = self.explained(worst.condition, &title, worst, &arrow);
            self.arrows.push_str(&text);
        }
        let routed: Vec<&Edge> = self.from.get(GATEWAY).into_iter().flatten().copied().collect();
        let routed: Vec<&Edge> = routed.into_iter().filter(|edge| ids.contains(&edge.to.as_str())).collect();
        if let Some(worst) = worst(&routed) {
            let y = band.y + band.height / 2;
            let arrow = arrow(worst.condition, (LEFT + SIDE_WIDTH, y), (GROUP_X, y), "");
            let text = self.explained(worst.condition, &format!("requests: {}", why(worst)), worst, &arrow);
            self.arrows.push_str(&text);
        }
        for edge in routed {
            // Where in the namespace the gateway's requests go.
            let Some(place) = self.places.get(edge.to.as_str()).copied() else { continue };
            let mark = format!("<path class=\"tip\" d=\"M{} {} l8 6 l-8 6 z\"/>", place.x - 4, place.y + 10);
            let text = self.explained(edge.condition, &format!("requests: {}", why(edge)), edge, &mark);
            self.arrows.push_str(&text);
        }
    }

    /// Arrows between workloads.
    fn calls(&mut self) {
        let is_call = |edge: &&&Edge| edge.flow == Flow::Requests && edge.from.starts_with('w');
        let graph = self.graph;
        for edge in graph.edges.iter().filter(|edge| is_call(&edge)) {
            let (Some(from), Some(to)) = (self.places.get(&*edge.from), self.places.get(&*edge.to)) else {
                continue;
            };
            let (x1, y1, x2, y2) = if from.y == to.y {
                if from.x < to.x {
                    (from.right(), from.y + 14, to.x, to.y + 14)
                } else {
                    (from.x, from.y + 14, to.right(), to.y + 14)
                }
            } else if from.y < to.y {
                (from.middle(), from.bottom(), to.middle(), to.y)
            } else {
                (from.middle(), from.y, to.middle(), to.bottom())
            };
            let class = class(edge.condition);
            let drawing = if from.y == to.y {
                format!("<path class=\"call\" d=\"M{x1} {y1} L{x2} {y2}\" marker-end=\"url(#{class})\"/>")
            } else {
                let middle = (y1 + y2) / 2;
                format!(
                    "<path class=\"call\" d=\"M{x1} {y1} C{x1} {middle} {x2} {middle} {x2} {y2}\" marker-end=\"url(#{class})\"/>"
                )
            };
            let text = self.explained(edge.condition, &format!("requests: {}", why(edge)), edge, &drawing);
            self.arrows.push_str(&text);
        }
    }

    /// The arrows of what is no workload.
    fn platform(&mut self, istiod: Place, datakit: Place, console: Place) {
        let graph = self.graph;
        for edge in &graph.edges {
            let name = edge.flow.name();
            let mark = match edge.condition {
                Condition::Good => "",
                Condition::Off => " (not set up)",
                Condition::Unknown => " ?",
                Condition::Broken => " ✖",
            };
            let label = format!("{name}{mark}");
            let (from, to) = match (edge.from.as_str(), edge.flow) {
                (ISTIOD, _) => {
                    let y = istiod.y + istiod.height / 2;
                    ((istiod.right(), y), (RIGHT, y))
                }
                (BROWSER, Flow::Rum) => ((LEFT + SIDE_WIDTH, 26), (RIGHT, 26)),
                (BROWSER, _) => ((LEFT + SIDE_WIDTH, 66), (GROUP_X, 66)),
                (DATAKIT, _) => ((datakit.middle(), datakit.bottom()), (console.middle(), console.y)),
                (NGINX, _) => ((GROUP_X + 40, 86), (LEFT + SIDE_WIDTH / 2, TOP)),
                _ => continue,
            };
            let is_short = edge.flow == Flow::Requests;
            let drawing = arrow(edge.condition, from, to, if is_short { "" } else { &label });
            let text = self.explained(edge.condition, &format!("{label}: {}", why(edge)), edge, &drawing);
            self.arrows.push_str(&text);
        }
    }
}

/// The edge that stands for several: a broken one, else one that is unknown, else one that works.
fn worst<'g>(edges: &[&'g Edge]) -> Option<&'g Edge> {
    let find = |condition| edges.iter().copied().find(|edge| edge.condition == condition);
    [Condition::Broken, Condition::Unknown, Condition::Good, Condition::Off].into_iter().find_map(find)
}

fn rect(place: Place, radius: usize) -> String {
    let Place { x, y, width, height } = place;
    format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\"/>")
}

/// A straight arrow with its label above, or left of a vertical one; the wide invisible line is easier to hit.
fn arrow(condition: Condition, from: (usize, usize), to: (usize, usize), label: &str) -> String {
    let ((x1, y1), (x2, y2)) = (from, to);
    let class = class(condition);
    let (x, y, anchor) = if x1 == x2 {
        (x1.saturating_sub(8), (y1 + y2) / 2 + 4, "end")
    } else {
        (x1 + 8, y1.saturating_sub(5), "start")
    };
    let text = if label.is_empty() {
        String::new()
    } else {
        format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{label}</text>")
    };
    let line = format!("M{x1} {y1} L{x2} {y2}");
    format!("<path class=\"hit\" d=\"{line}\"/><path d=\"{line}\" marker-end=\"url(#{class})\"/>{text}")
}

/// A text cut in its middle to what fits: names of one family differ at their ends.
fn short(text: &str, longest: usize) -> String {
    const END: usize = 9;
    let count = text.chars().count();
    if count <= longest {
        return text.to_owned();
    }
    let head = text.chars().take(longest.saturating_sub(END + 1));
    head.chain(['…']).chain(text.chars().skip(count - END)).collect()
}
