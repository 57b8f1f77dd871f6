//! A picture of the mesh: what reports where. A link is good only with evidence, broken only with a finding; else it is
//! unknown, or not set up.

mod graph;
mod page;
mod svg;
mod text;

use super::Outcome;
use crate::kube::Inventory;

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

/// Draws the picture.
pub(crate) fn draw(inventory: &Inventory, outcome: &Outcome, format: MapFormat) -> String {
    let graph = graph::Graph::of(inventory, outcome);
    match format {
        MapFormat::Mermaid => text::mermaid(&graph),
        MapFormat::Dot => text::dot(&graph),
        MapFormat::Html => page::page(&graph),
    }
}
