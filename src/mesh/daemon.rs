//! DataKit's DaemonSet in a manifest that is to be edited: the places in it that edits go to. Which container is DataKit, and
//! what a variable is, it has from the model. Reads only.

use super::datakit::{container, is_daemon_set, settings, version};
use crate::facts::Version;
use crate::facts::datakit::{CONF_D, CONF_VOLUME, PORT};
use crate::kube::{Field, PodTemplate, Resource, pod_templates};
use crate::yaml::{At, Document};

/// The annotation of the pod template that changes with the configuration: mounts by subPath are never refreshed, so only
/// new pods see a change.
pub const CHECKSUM: &str = "meshobs/conf-checksum";

/// A DaemonSet that runs DataKit.
#[derive(Clone, Copy, Debug)]
pub struct Daemon<'a> {
    /// The document it is in.
    pub doc: &'a Document<'a>,
    /// Its pod template.
    pub template: PodTemplate,
    /// The container that is DataKit.
    pub container: At,
}

/// A variable of the container's environment.
#[derive(Clone, Debug)]
pub struct EnvVar {
    /// The item of the list.
    pub item: At,
    /// Its `value`, if there is one.
    pub value: Option<At>,
    /// Its `valueFrom`, if there is one.
    pub from: Option<At>,
    /// The value as a string; empty where there is none.
    pub text: String,
    /// Another item of the same name.
    pub doubled: Option<At>,
}

/// The volume that DataKit's configuration comes from.
#[derive(Clone, Debug)]
pub struct ConfVolume {
    /// Its name.
    pub name: String,
    /// The name of its ConfigMap.
    pub config_map: String,
    /// Its list of keys, where it picks some: key and path.
    pub items: Option<(At, Vec<(String, String)>)>,
}

/// A mount of the container.
#[derive(Clone, Debug)]
pub struct Mount {
    /// The item of the list.
    pub item: At,
    /// Where in the container.
    pub path: String,
    /// The volume.
    pub volume: String,
    /// The file of the volume; none mounts the whole.
    pub sub_path: Option<String>,
}

impl<'a> Daemon<'a> {
    /// Recognises DataKit.
    #[must_use]
    pub fn find(doc: &'a Document<'a>, resource: &Resource) -> Option<Self> {
        if !is_daemon_set(resource.group(), &resource.kind) {
            return None;
        }
        let template = pod_templates(doc, resource)?.into_iter().next()?;
        let container = container(Field::new(doc, template.at))?.place()?;
        Some(Self { doc, template, container })
    }

    fn container(&self) -> Field<'a> {
        Field::new(self.doc, self.container)
    }

    /// The version that the image's tag tells.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        version(self.container())
    }

    /// A variable by name.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<EnvVar> {
        let mut all = settings(self.container(), name);
        let first = all.next()?;
        let (item, doubled) = match all.last() {
            Some(last) => (last, first.place()),
            None => (first, None),
        };
        let value = item.get("value");
        Some(EnvVar {
            item: item.place()?,
            value: value.place(),
            from: item.get("valueFrom").place(),
            text: value.text().into_owned(),
            doubled,
        })
    }

    /// A variable's text; empty where there is none.
    #[must_use]
    pub fn env_text(&self, name: &str) -> String {
        self.env(name).map(|var| var.text).unwrap_or_default()
    }

    /// An annotation of the pod template.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<At> {
        self.doc.path(self.template.at, &["metadata", "annotations", name])
    }

    /// The container's mounts.
    #[must_use]
    pub fn mounts(&self) -> Vec<Mount> {
        let doc = self.doc;
        let Some(list) = doc.get(self.container, "volumeMounts") else { return Vec::new() };
        let text = |item, key| doc.str_at(item, key).map(|text| text.into_owned());
        let mount = |item| Mount {
            item,
            path: text(item, "mountPath").unwrap_or_default(),
            volume: text(item, "name").unwrap_or_default(),
            sub_path: text(item, "subPath").filter(|path| !path.is_empty()),
        };
        doc.items(list).map(mount).collect()
    }

    /// The volume with the configuration: the one of the usual name, else of the usual ConfigMap, else one that is mounted
    /// where configuration is read from.
    #[must_use]
    pub fn conf_volume(&self) -> Option<ConfVolume> {
        let doc = self.doc;
        let list = doc.get(self.template.spec, "volumes")?;
        let volume = |item: At| {
            let source = doc.get(item, "configMap")?;
            let text = |at, key| doc.str_at(at, key).unwrap_or_default().into_owned();
            let items = doc.get(source, "items").map(|items| {
                let pairs = doc.items(items).map(|item| (text(item, "key"), text(item, "path")));
                (items, pairs.collect())
            });
            Some(ConfVolume { name: text(item, "name"), config_map: text(source, "name"), items })
        };
        let all: Vec<_> = doc.items(list).filter_map(volume).collect();
        let mounts = self.mounts();
        let mounted = |volume: &&ConfVolume| {
            mounts.iter().any(|mount| mount.volume == volume.name && mount.path.starts_with(CONF_D))
        };
        let found = all.iter().find(|volume| volume.name == CONF_VOLUME);
        let found = found.or_else(|| all.iter().find(|volume| volume.config_map == CONF_VOLUME));
        found.or_else(|| all.iter().find(mounted)).cloned()
    }

    /// Whether a volume has this name.
    #[must_use]
    pub fn has_volume(&self, name: &str) -> bool {
        let list = self.doc.get(self.template.spec, "volumes");
        list.is_some_and(|list| {
            self.doc.items(list).any(|item| self.doc.str_at(item, "name").is_some_and(|found| found == name))
        })
    }

    /// Whether the pods share the network of their node.
    #[must_use]
    pub fn host_network(&self) -> bool {
        Field::new(self.doc, self.template.spec).get("hostNetwork").is_true()
    }

    /// Whether DataKit's port is claimed on the node.
    #[must_use]
    pub fn host_port(&self) -> bool {
        let port = PORT.to_string();
        self.container().get("ports").items().any(|item| item.get("hostPort").is(&port))
    }
}
