//! Browser monitoring: in the page, and taken by DataKit.

use super::super::Outcome;
use super::super::world::{World, at, list, text};
use crate::manifest::ImageRef;
use crate::page::bookinfo::{FILE, PATH};
use crate::survey::input_names;

pub(super) fn rum(world: &World, outcome: &mut Outcome) {
    let mut configured = false;
    let mut pages = 0;
    for (workload, template) in world.applications() {
        let spec = at(workload.at(template), &["spec"]);
        for (i, container) in list(at(spec, &["containers"])).enumerate() {
            let image = text(at(container, &["image"]));
            let published = ImageRef::parse(&image).repository.ends_with("examples-bookinfo-productpage-v1");
            let mount =
                list(at(container, &["volumeMounts"])).find(|mount| text(at(mount, &["mountPath"])) == PATH);
            let ours = ImageRef::parse(&image).repository.rsplit('/').next() == Some("product-page");
            configured |= ours;
            let Some(mount) = mount else {
                pages += usize::from(published);
                continue;
            };
            let name = text(at(mount, &["name"]));
            let volume = list(at(spec, &["volumes"])).find(|volume| text(at(volume, &["name"])) == name);
            let map = volume.map(|volume| text(at(volume, &["configMap", "name"]))).unwrap_or_default();
            let number = i.to_string();
            let place = [template, &["spec", "containers", number.as_str(), "volumeMounts"]].concat();
            configured = true;
            let page = world.get("", "ConfigMap", workload.home(), &map).map(|map| map.text(&["data", FILE]));
            let message = match page {
                None if world.live => format!("the page's ConfigMap `{map}` is not there"),
                None => continue,
                Some(page) if page.contains("dataflux-rum") => {
                    outcome.looked("rum-page");
                    continue;
                }
                Some(_) => format!("the page in ConfigMap `{map}` has no browser monitoring"),
            };
            outcome.fail("rum-page", workload, &place, message, "meshobs init rum --mode configmap");
        }
    }
    if !configured && pages > 0 {
        outcome.remarks.push("RUM: not configured".to_owned());
    }
    if !configured {
        return;
    }
    for datakit in world.datakits() {
        outcome.looked("rum-input");
        let inputs = datakit.env_text("ENV_DEFAULT_ENABLED_INPUTS");
        let number = datakit.container.to_string();
        let extra = datakit.env_text("ENV_DATAKIT_INPUTS").contains("inputs.rum");
        if !input_names(&inputs).iter().any(|name| name == "rum") && !extra {
            outcome.warn(
                "rum-input",
                datakit.object,
                &datakit.path(&number, &["env"]),
                "`rum` is not among the enabled inputs, so what browsers send is refused or incomplete",
                "meshobs patch --enable-inputs rum",
            );
        }
    }
}
