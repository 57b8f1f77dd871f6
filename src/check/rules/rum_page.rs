//! The page that is served has browser monitoring.

use super::Check;
use crate::check::Outcome;
use crate::gate::word;
use crate::mesh::Mesh;
use crate::mesh::pages::{Page, Source};
use crate::page::bookinfo::{FILE, PATH};
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "rum-page", section: "RUM", title: "the page has browser monitoring", run };

/// Whether anything in view is set up for browser monitoring.
pub(super) fn is_configured(mesh: &Mesh<'_>) -> bool {
    mesh.pages.iter().any(|page| !matches!(page.source, Source::Published))
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for page in &mesh.pages {
        one(page, outcome);
    }
    if !mesh.pages.is_empty() && !is_configured(mesh) {
        outcome.remarks.push("RUM: not configured".to_owned());
    }
}

fn one(page: &Page<'_>, outcome: &mut Outcome) {
    let object = page.workload.object;
    let namespace = object.namespace();
    let init = "meshobs init rum --mode configmap";
    let (message, hint) = match &page.source {
        Source::Published => return,
        Source::Image(image) => {
            let message = format!("whether the page in image {image} has browser monitoring is not in view");
            return outcome.unknown(CHECK.id, object, page.field, message);
        }
        Source::Unseen(what) => {
            let message = format!("the page comes from {what}, which is not in view");
            return outcome.unknown(CHECK.id, object, page.field, message);
        }
        Source::Misplaced { map, path } => (
            format!(
                "the page with browser monitoring of ConfigMap `{}` is mounted at {path}, and what is served is {PATH}",
                map.name()
            ),
            format!("write mountPath: {PATH} and subPath: {FILE}"),
        ),
        Source::Unmounted { map, volume } => (
            format!(
                "no container mounts the volume `{volume}`, which has the page with browser monitoring of ConfigMap `{}`",
                map.name()
            ),
            format!("mount it with mountPath: {PATH} and subPath: {FILE}"),
        ),
        Source::NoMap { map, elsewhere: Some(elsewhere) } => (
            format!(
                "the page's ConfigMap `{map}` is in namespace `{elsewhere}`, and the pods are in `{namespace}`"
            ),
            format!("create ConfigMap `{map}` in namespace `{namespace}`"),
        ),
        Source::NoMap { map, elsewhere: None } => (
            format!("the page's ConfigMap `{map}` is not there"),
            format!("{init} | kubectl apply -n {} -f -", word(namespace)),
        ),
        Source::NoKey { map, key, .. } if key.is_empty() => (
            format!(
                "the page's volume of ConfigMap `{map}` is mounted at {PATH} without subPath, so a directory is in the page's place"
            ),
            format!("write mountPath: {PATH} and subPath: {FILE}"),
        ),
        Source::NoKey { map, key, keys } => {
            let near =
                nearest(key, keys.iter().map(String::as_str)).or_else(|| keys.first().map(String::as_str));
            let has = near.map(|near| format!(" (it has `{near}`)")).unwrap_or_default();
            let hint = near.map_or_else(
                || format!("add the key `{key}` to ConfigMap `{map}`"),
                |near| format!("call the key `{key}` in ConfigMap `{map}`, or mount `{near}`"),
            );
            (
                format!(
                    "the page is mounted from key `{key}` of ConfigMap `{map}`, which does not give it{has}"
                ),
                hint,
            )
        }
        Source::Text { map, monitoring, .. } => {
            if monitoring.loads || monitoring.init.is_some() {
                return outcome.looked(CHECK.id);
            }
            (
                format!("the page in ConfigMap `{}` has no browser monitoring", map.name()),
                format!("write the page anew: {init}"),
            )
        }
    };
    outcome.fail(CHECK.id, object, page.field, message, hint);
}
