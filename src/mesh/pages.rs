//! Pages that applications serve from ConfigMaps, and bookinfo's in particular: which text is in effect where, and what it says to
//! the SDK of browser monitoring.

use super::{Workload, beside};
use crate::kube::{Field, Inventory, Object};
use crate::manifest::ImageRef;
use crate::page::bookinfo::{FILE, PATH};
use crate::page::settings::{Monitoring, monitoring};

/// The repository name of an image that has a page with monitoring in it, as the guide builds it.
const BUILT: &str = "product-page";

/// The published image of the page, without monitoring.
const PUBLISHED: &str = "examples-bookinfo-productpage-v1";

/// Where the text of a page comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source<'i> {
    /// A ConfigMap in view: it, the text, and what is in it.
    Text { map: &'i Object, field: Field<'i>, monitoring: Box<Monitoring> },
    /// The ConfigMap is not there; a namespace that has one of its name.
    NoMap { map: String, elsewhere: Option<String> },
    /// The ConfigMap has no such key, or its volume does not pick it: the folder that the page was to be becomes one.
    NoKey { map: String, key: String, keys: Vec<String> },
    /// Not in view: what.
    Unseen(String),
    /// An image that is built with the page.
    Image(String),
    /// The published image, without monitoring.
    Published,
}

/// A page of a workload.
#[derive(Clone, Debug)]
pub(crate) struct Page<'i> {
    pub(crate) workload: Workload<'i>,
    /// The mount, or the container.
    pub(crate) field: Field<'i>,
    pub(crate) source: Source<'i>,
}

/// The pages of all applications.
pub(super) fn all<'i>(inventory: &'i Inventory, applications: &[Workload<'i>]) -> Vec<Page<'i>> {
    let mut found = Vec::new();
    for workload in applications {
        for container in workload.spec().get("containers").items() {
            let before = found.len();
            for mount in container.get("volumeMounts").items() {
                mounted(inventory, workload, mount, &mut found);
            }
            let image = container.get("image").text();
            let repository = ImageRef::parse(&image).repository;
            let source = if repository.rsplit('/').next() == Some(BUILT) {
                Source::Image(image.clone().into_owned())
            } else if repository.ends_with(PUBLISHED) && found.len() == before {
                Source::Published
            } else {
                continue;
            };
            if found.len() == before {
                found.push(Page { workload: *workload, field: container.get("image"), source });
            }
        }
    }
    found
}

/// A file that a mount brings: its path in the container, and the key of its text.
fn mounted<'i>(
    inventory: &'i Inventory,
    workload: &Workload<'i>,
    mount: Field<'i>,
    found: &mut Vec<Page<'i>>,
) {
    let path = mount.get("mountPath").text();
    let path = path.trim_end_matches('/');
    let name = mount.get("name").text();
    let mut volumes = workload.spec().get("volumes").items();
    let Some(volume) = volumes.find(|volume| volume.get("name").is(&name)) else { return };
    let sub_path = mount.get("subPath").text();
    let folder = PATH.trim_end_matches(FILE).trim_end_matches('/');
    let is_page = path == PATH || (path == folder && sub_path.is_empty());
    let mut add = |source| found.push(Page { workload: *workload, field: mount, source });
    let source = volume.get("configMap");
    if !source.is_set() {
        let kind = volume.entries().map(|(key, _)| key).find(|key| key != "name");
        if is_page && volume.get("emptyDir").exists() == (path == PATH) {
            add(Source::Unseen(format!("a volume of type {}", kind.unwrap_or_default())));
        }
        return;
    }
    let map_name = source.get("name").text();
    let Some(map) = beside(inventory, workload.object, "ConfigMap", &map_name) else {
        if is_page {
            let mut others = inventory.of("", "ConfigMap").filter(|map| map.name() == map_name);
            let elsewhere = others.next().map(|map| map.namespace().to_owned());
            let map = map_name.into_owned();
            add(if inventory.may_miss("", "configmaps") && elsewhere.is_none() {
                Source::Unseen(format!("ConfigMap `{map}`"))
            } else {
                Source::NoMap { map, elsewhere }
            });
        }
        return;
    };
    let items: Vec<_> = source.get("items").items().collect();
    let data = map.at(&["data"]);
    let file_of = |key: &str| {
        let item = items.iter().find(|item| item.get("key").is(key));
        match item {
            Some(item) => Some(item.get("path").text().into_owned()),
            None => items.is_empty().then(|| key.to_owned()),
        }
    };
    let wanted = if path == PATH { sub_path.clone() } else { FILE.into() };
    let mut any = false;
    for (key, field) in data.entries() {
        let Some(file) = file_of(&key) else { continue };
        let is_mounted = sub_path.is_empty() || file == *sub_path;
        let is_this = is_page && file == *wanted;
        any |= is_this;
        if is_mounted && (is_this || speaks_of_monitoring(&field.text())) {
            let monitoring = Box::new(monitoring(field.text().as_bytes()));
            add(Source::Text { map, field, monitoring });
        }
    }
    let is_binary = map.at(&["binaryData"]).entries().next().is_some();
    if is_page && !any && !is_binary {
        let keys = data.entries().map(|(key, _)| key.into_owned()).collect();
        let map = map_name.into_owned();
        add(Source::NoKey { map, key: wanted.into_owned(), keys });
    }
}

/// Whether a text is a page with the SDK in it.
fn speaks_of_monitoring(text: &str) -> bool {
    text.contains('<') && (text.contains("dataflux-rum") || text.contains("DATAFLUX_RUM"))
}
