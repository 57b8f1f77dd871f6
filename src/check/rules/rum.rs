//! Browser monitoring: in the page, and taken by DataKit.

use crate::check::Outcome;
use crate::facts::datakit::{RUM_INPUT, before};
use crate::kube::Field;
use crate::manifest::ImageRef;
use crate::mesh::{Mesh, Workload};
use crate::page::bookinfo::{FILE, PATH};

pub(super) fn rum(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let (mut configured, mut pages) = (false, false);
    for workload in &mesh.applications {
        for container in workload.spec().get("containers").items() {
            let image = container.get("image").text();
            let repository = ImageRef::parse(&image).repository;
            configured |= repository.rsplit('/').next() == Some("product-page");
            let mut mounts = container.get("volumeMounts").items();
            match mounts.find(|mount| mount.get("mountPath").is(PATH)) {
                Some(mount) => {
                    configured = true;
                    mounted_page(mesh, workload, container, mount, outcome);
                }
                None => pages |= repository.ends_with("examples-bookinfo-productpage-v1"),
            }
        }
    }
    if !configured && pages {
        outcome.remarks.push("RUM: not configured".to_owned());
    }
    if configured {
        input(mesh, outcome);
    }
}

/// The page of a ConfigMap that is mounted over the image's own.
fn mounted_page(
    mesh: &Mesh<'_>,
    workload: &Workload<'_>,
    container: Field<'_>,
    mount: Field<'_>,
    outcome: &mut Outcome,
) {
    let name = mount.get("name").text();
    let mut volumes = workload.spec().get("volumes").items();
    let volume = volumes.find(|volume| volume.get("name").is(&name));
    let map = volume.map(|volume| volume.at(&["configMap", "name"]).text()).unwrap_or_default();
    let page = mesh.inventory.get("", "ConfigMap", workload.object.namespace(), &map);
    let message = match page.map(|page| page.text(&["data", FILE])) {
        None if mesh.inventory.live => format!("the page's ConfigMap `{map}` is not there"),
        None => return,
        Some(page) if page.contains("dataflux-rum") => return outcome.looked("rum-page"),
        Some(_) => format!("the page in ConfigMap `{map}` has no browser monitoring"),
    };
    let place = container.get("volumeMounts");
    outcome.fail("rum-page", workload.object, place, message, "meshobs init rum --mode configmap");
}

/// Whether DataKit takes what browsers send.
fn input(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        if before(datakit.version(), RUM_INPUT) {
            continue;
        }
        if datakit.runs("rum") != Some(false) {
            if datakit.runs("rum").is_some() {
                outcome.looked("rum-input");
            }
            continue;
        }
        {
            outcome.warn(
                "rum-input",
                datakit.object,
                datakit.container.get("env"),
                "`rum` is not among the enabled inputs, so what browsers send is refused or incomplete",
                "meshobs patch --enable-inputs rum",
            );
        }
    }
}
