//! What the checks of DataKit share: remedies that work as printed, and which data a fault loses.

use toml::{Table, Value as Toml};

use crate::check::Finding;
use crate::gate::{command, word};
use crate::mesh::{Datakit, Lost};

/// The value of a setting; its letter case does not count.
pub(super) fn setting<'t>(table: &'t Table, key: &str) -> Option<&'t Toml> {
    table.get(key).or_else(|| {
        let same = |(name, _): &(&String, &Toml)| name.eq_ignore_ascii_case(key);
        table.iter().find(same).map(|(_, value)| value)
    })
}

/// The command that lets `patch` mend DataKit's files; for a cluster, what `live` says.
pub(super) fn patch_files(datakit: &Datakit<'_>, flags: &str, live: impl FnOnce() -> String) -> String {
    let objects = std::iter::once(datakit.object).chain(datakit.conf.maps.iter().copied());
    let mut paths: Vec<String> = Vec::new();
    for spot in objects.filter_map(|object| object.spot(0)) {
        let path = word(&spot.path);
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    let gap = if flags.is_empty() { "" } else { " " };
    match paths.as_slice() {
        [] => live(),
        [one] if one == "-" || one == "<stdin>" => format!("meshobs patch --only datakit{gap}{flags} < FILE"),
        paths => format!("meshobs patch -i --only datakit{gap}{flags} {}", paths.join(" ")),
    }
}

/// The command that lets `patch` mend DataKit in a cluster.
pub(super) fn patch_live(datakit: &Datakit<'_>, flags: &str) -> String {
    let gap = if flags.is_empty() { "" } else { " " };
    let maps: String = datakit.conf.maps.iter().map(|map| command!(" configmap/{}", map.name())).collect();
    format!(
        "kubectl get -n {} {}{maps} -o yaml | meshobs patch --only datakit{gap}{flags} | kubectl apply -f -",
        word(datakit.object.namespace()),
        word(&datakit.object.reference())
    )
}

/// The command that lets `patch` mend DataKit, in files or in a cluster.
pub(super) fn patch(datakit: &Datakit<'_>, flags: &str) -> String {
    patch_files(datakit, flags, || patch_live(datakit, flags))
}

/// Whether something that is lost is what a mesh needs and has from nowhere else.
pub(super) fn is_needed(datakit: &Datakit<'_>, lost: &Lost<'_>) -> bool {
    (lost.concerns("zipkin") && datakit.runs(datakit.zipkin()) != Some(true)) || lost.concerns("istiod")
}

/// Notes what a mesh does not get because of a text that is lost.
pub(super) fn consequences(datakit: &Datakit<'_>, lost: &Lost<'_>, finding: &mut Finding) {
    follows(datakit, |what| lost.concerns(what), finding);
}

pub(super) fn follows(datakit: &Datakit<'_>, concerns: impl Fn(&str) -> bool, finding: &mut Finding) {
    if concerns("zipkin") && datakit.runs(datakit.zipkin()) != Some(true) {
        finding.leads_to("Envoy's spans are refused");
    }
    if concerns("istiod") {
        finding.leads_to("istiod's metrics are not collected");
    }
}
