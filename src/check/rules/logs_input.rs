//! DataKit's input `container` runs: it takes the output of containers, and reads the annotations of pods.

use super::{Check, scraping as shared};
use crate::check::Outcome;
use crate::kube::Field;
use crate::mesh::scrape::{Annotation, Kind};
use crate::mesh::{Datakit, Mesh};
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "logs-input", section: "logs", title: "DataKit collects the output of containers", run };

/// The folders that the container runtime writes output to.
const OUTPUT: &[&str] = &["/var/log/pods", "/var/log/containers", "/var/lib/docker/containers"];

/// Whether the input `logging` reads the files that container runtimes write.
pub(super) fn reads_output(datakit: &Datakit<'_>) -> bool {
    let is_output = |path: &toml::Value| {
        let path = path.as_str().unwrap_or_default();
        OUTPUT.iter().any(|folder| path.contains(folder))
    };
    datakit.runs("logging") == Some(true)
        && datakit.conf.blocks("logging").any(|(_, table)| {
            let files = table.get("logfiles").and_then(toml::Value::as_array);
            files.into_iter().flatten().any(is_output)
        })
}

/// Whether an input is in the list of enabled ones, and lost since that has a blank and is cut at blanks.
pub(super) fn is_cut(datakit: &Datakit<'_>, input: &str) -> bool {
    let text = datakit.env_text(datakit.inputs_variable());
    text.contains(' ') && text.split([',', ' ']).any(|name| name == input)
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        let place = datakit.variables.get(datakit.inputs_variable()).map(|var| var.field);
        let place = place.unwrap_or_else(|| datakit.container.get("env"));
        match datakit.runs("container") {
            Some(true) => outcome.looked(CHECK.id),
            None => {
                let message = "whether the input `container` runs is not in view";
                outcome.unknown(CHECK.id, datakit.object, place, message);
            }
            Some(false) => {
                let lost = mesh.scraping.proxies.iter().filter(|scraped| {
                    scraped.proxy.kind == Kind::Sidecar
                        && scraped.annotation.as_ref().is_some_and(Annotation::scrapes)
                        && !scraped.is_scraped()
                });
                off(datakit, place, lost.count(), outcome);
            }
        }
    }
}

fn off(datakit: &Datakit<'_>, place: Field<'_>, lost: usize, outcome: &mut Outcome) {
    let variable = datakit.inputs_variable();
    let is_cut = is_cut(datakit, "container");
    let near = datakit.enabled_inputs().into_iter().find(|name| nearest(name, ["container"]).is_some());
    let how = if is_cut {
        format!("{variable} has a blank, so DataKit cuts it at blanks, and `container` is not in it")
    } else if datakit.switches_off("container") {
        format!("`-container` in {variable} switches the input off")
    } else if let Some(near) = &near {
        format!("`{near}` in {variable} is no input of DataKit, and `container` is not in it")
    } else {
        format!("`container` is not in {variable}")
    };
    let hint = if is_cut {
        format!("remove the blanks from {variable}")
    } else if datakit.switches_off("container") {
        format!("remove `-container` from {variable}")
    } else if let Some(near) = &near {
        format!("write `container` instead of `{near}` in {variable}")
    } else {
        format!("add `container` to {variable}")
    };
    if lost > 0 {
        let message =
            format!("{how}, so annotations of pods are not read, and no output of containers is collected");
        let finding = outcome.fail(CHECK.id, datakit.object, place, message, hint);
        finding.leads_to(shared::workloads(lost, "is not scraped", "are not scraped"));
    } else if !reads_output(datakit) {
        let message =
            format!("{how}: no output of containers is collected, and annotations on pods are not read");
        outcome.warn(CHECK.id, datakit.object, place, message, hint);
    }
}
