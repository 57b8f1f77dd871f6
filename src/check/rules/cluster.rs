//! The cluster itself: its nodes, and which versions run.

use super::command::kubectl_global;
use crate::check::{Fact, Outcome};
use crate::facts::istio;
use crate::kube::{ImageRef, Object};
use crate::mesh::Mesh;

pub(super) fn cluster(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    if !mesh.inventory.live {
        return;
    }
    let mut nodes = 0_usize;
    for node in mesh.inventory.of("", "Node") {
        nodes += 1;
        outcome.looked("nodes-ready");
        if !is_ready(node) {
            let message = "it is not ready, so nothing of it is collected";
            let hint = kubectl_global("describe", node);
            outcome.fail("nodes-ready", node, node.at(&["status"]), message, hint);
        }
    }
    let mut fact = |name: &'static str, value: String| {
        if !value.is_empty() {
            outcome.facts.push(Fact { name, value });
        }
    };
    fact("kubernetes", mesh.inventory.kubernetes.clone().unwrap_or_default());
    let istiods =
        mesh.inventory.of("apps", "Deployment").filter(|object| object.label("app") == istio::ISTIOD);
    let images = istiods.map(|object| object.text(&["spec", "template", "spec", "containers", "0", "image"]));
    fact("istio", tags(images.map(|image| image.into_owned())));
    fact("datakit", tags(mesh.datakits.iter().map(|datakit| datakit.image().text().into_owned())));
    fact("nodes", nodes.to_string());
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
    let mut conditions = node.at(&["status", "conditions"]).items();
    conditions.any(|condition| condition.get("type").is("Ready") && condition.get("status").is("True"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::Inventory;
    use serde_json::json;

    #[test]
    fn a_node_that_is_not_ready_is_told() {
        let node = |name: &str, status: &str| {
            json!({
                "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
                "status": {"conditions": [{"type": "Ready", "status": status}]},
            })
        };
        let list = json!({"items": [node("a", "True"), node("b", "Unknown")]}).to_string();
        let mut inventory = Inventory::of_cluster(Some("v1.30.1".to_owned()));
        inventory.add_list(&list).unwrap();
        let mut outcome = Outcome::default();
        cluster(&Mesh::of(&inventory), &mut outcome);
        let told: Vec<_> =
            outcome.findings.iter().map(|finding| (finding.id, finding.subject.as_str())).collect();
        assert_eq!(told, [("nodes-ready", "node/b")]);
        let facts: Vec<_> = outcome.facts.iter().map(|fact| (fact.name, fact.value.as_str())).collect();
        assert_eq!(facts, [("kubernetes", "v1.30.1"), ("nodes", "2")]);
    }
}
