//! Pages that applications serve from ConfigMaps, and bookinfo's in particular: which text is in effect where, and what it says to
//! the SDK of browser monitoring.

use super::{Workload, beside};
use crate::kube::{Field, ImageRef, Inventory, Object};
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
    /// A page with monitoring is mounted at a path where nothing reads it.
    Misplaced { map: &'i Object, path: String },
    /// The pod has a volume with a page with monitoring, and no container mounts it.
    Unmounted { map: &'i Object, volume: String },
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
            if repository.ends_with(PUBLISHED) {
                unserved(inventory, workload, container, before, &mut found);
            }
            let source = if repository.rsplit('/').next() == Some(BUILT) {
                Source::Image(image.clone().into_owned())
            } else if repository.ends_with(PUBLISHED) {
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

/// Whether a path is that of bookinfo's page, or of the folder that it is in.
fn is_served(path: &str) -> bool {
    let folder = PATH.trim_end_matches(FILE).trim_end_matches('/');
    path == PATH || path == folder
}

/// A page with monitoring that the published image does not come to serve: mounted beside its path, or not at all.
fn unserved<'i>(
    inventory: &'i Inventory,
    workload: &Workload<'i>,
    container: Field<'i>,
    before: usize,
    found: &mut Vec<Page<'i>>,
) {
    let own = found.get(before..).unwrap_or_default();
    let is_at_page = |page: &Page<'_>| is_served(page.field.get("mountPath").text().trim_end_matches('/'));
    let beside = own.iter().find_map(|page| match page.source {
        Source::Text { map, .. } => Some((page.field, map)),
        _ => None,
    });
    if own.iter().any(is_at_page) {
        return;
    }
    let source = if let Some((field, map)) = beside {
        (field, Source::Misplaced { map, path: field.get("mountPath").text().into_owned() })
    } else {
        let lists = ["containers", "initContainers"];
        let containers = || lists.iter().flat_map(|list| workload.spec().get(list).items());
        let is_mounted = |name: &str| {
            containers().any(|one| one.get("volumeMounts").items().any(|mount| mount.get("name").is(name)))
        };
        let unmounted = workload.spec().get("volumes").items().find_map(|volume| {
            let map = super::beside(
                inventory,
                workload.object,
                "ConfigMap",
                &volume.at(&["configMap", "name"]).text(),
            )?;
            let has_page = map.at(&["data"]).entries().any(|(_, text)| speaks_of_monitoring(&text.text()));
            let volume_name = volume.get("name").text().into_owned();
            (has_page && !is_mounted(&volume_name)).then_some((volume_name, map))
        });
        let Some((volume, map)) = unmounted else { return };
        (container.get("volumeMounts"), Source::Unmounted { map, volume })
    };
    found.push(Page { workload: *workload, field: source.0, source: source.1 });
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
    let is_page = path == PATH || (is_served(path) && sub_path.is_empty());
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
