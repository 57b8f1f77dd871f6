//! Manifests of Istio name a version of its API that there is.

use super::Check;
use crate::check::Outcome;
use crate::facts::istio::{API_VERSIONS, STABLE_APIS};
use crate::kube::Object;
use crate::mesh::Mesh;

pub(super) const CHECK: Check =
    Check { id: "api-version", section: "files", title: "every resource has its apiVersion and kind", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    // A cluster has none of another version.
    if mesh.inventory.live {
        return;
    }
    let oldest = mesh.tracing.planes.iter().filter_map(|plane| plane.version).min();
    for object in mesh.inventory.objects() {
        let Some((group, known)) = API_VERSIONS.iter().find(|(group, _)| *group == object.group()) else {
            continue;
        };
        let version = object.api_version().rsplit('/').next().unwrap_or_default();
        let latest = known.last().copied().unwrap_or_default();
        if !known.contains(&version) {
            let list = known.join(", ");
            let message = format!("{group} has no version `{version}` ({list}), so the cluster refuses it");
            fail(object, message, group, latest, outcome);
        } else if version == "v1"
            && *group != "telemetry.istio.io"
            && let Some(oldest) = oldest.filter(|oldest| *oldest < STABLE_APIS)
            && let Some(before) = known.iter().rev().nth(1)
        {
            let message = format!("Istio {oldest} does not serve {group}/v1, which came with {STABLE_APIS}");
            fail(object, message, group, before, outcome);
        }
    }
}

fn fail(object: &Object, message: String, group: &str, right: &str, outcome: &mut Outcome) {
    let hint = format!("write apiVersion: {group}/{right}");
    outcome.fail(CHECK.id, object, object.at(&["apiVersion"]), message, hint);
}
