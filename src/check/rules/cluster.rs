//! The cluster itself: its nodes, and which versions run.

use super::super::world::{Object, World, at, list, text};
use super::super::{Fact, Outcome};
use crate::manifest::ImageRef;

pub(super) fn cluster(world: &World, outcome: &mut Outcome) {
    if !world.live {
        return;
    }
    let nodes: Vec<&Object> = world.of("", "Node").collect();
    for node in &nodes {
        outcome.looked("nodes-ready");
        if !is_ready(node) {
            outcome.warn(
                "nodes-ready",
                node,
                &["status"],
                "it is not ready, so nothing of it is collected",
                "kubectl describe the node",
            );
        }
    }
    let mut fact = |name: &'static str, value: String| {
        if !value.is_empty() {
            outcome.facts.push(Fact { name, value });
        }
    };
    fact("kubernetes", world.kubernetes.clone().unwrap_or_default());
    let istiods = world
        .of("apps", "Deployment")
        .filter(|object| object.text(&["metadata", "labels", "app"]) == "istiod");
    fact(
        "istio",
        tags(istiods.map(|object| object.text(&["spec", "template", "spec", "containers", "0", "image"]))),
    );
    fact("datakit", tags(world.datakits().map(|datakit| text(at(datakit.value(), &["image"])))));
    fact("nodes", nodes.len().to_string());
}

/// The tags of images, each once, in order.
fn tags(images: impl Iterator<Item = String>) -> String {
    let mut found: Vec<String> = images
        .map(|image| ImageRef::parse(&image).tag.map_or_else(|| image.clone(), str::to_owned))
        .collect();
    found.sort();
    found.dedup();
    found.join(", ")
}

fn is_ready(node: &Object) -> bool {
    list(node.at(&["status", "conditions"])).any(|condition| {
        text(at(condition, &["type"])) == "Ready" && text(at(condition, &["status"])) == "True"
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_node_that_is_not_ready_is_told() {
        let node = |name: &str, status: &str| {
            Object::of_json(json!({
                "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
                "status": {"conditions": [{"type": "Ready", "status": status}]},
            }))
        };
        let objects = vec![node("a", "True"), node("b", "Unknown")];
        let world = World { objects, live: true, kubernetes: Some("v1.30.1".to_owned()) };
        let mut outcome = Outcome::default();
        cluster(&world, &mut outcome);
        let told: Vec<_> =
            outcome.findings.iter().map(|finding| (finding.id, finding.subject.as_str())).collect();
        assert_eq!(told, [("nodes-ready", "node/b")]);
        let facts: Vec<_> = outcome.facts.iter().map(|fact| (fact.name, fact.value.as_str())).collect();
        assert_eq!(facts, [("kubernetes", "v1.30.1"), ("nodes", "2")]);
    }
}
