//! What rules have to know of other documents: DataKit's DaemonSets in the inputs, their ConfigMaps, and whether the
//! cluster speaks IPv6. Reads only; rules get it with every resource.
//!
//! Looking costs nothing where there is no DataKit: only then are the inputs read again, once for the ConfigMaps that its
//! volumes name and once to make the edits.

use crate::facts::Version;
use crate::facts::datakit::{
    CONF_D, CONF_VOLUME, ENV_CONF, ENV_DATAWAY, ENV_DISCOVERY, ENV_INPUTS, discovers, input_names,
};
use crate::kube::Resource;
use crate::mesh::daemon::{CHECKSUM, Daemon};
use crate::yaml::{At, Document};

/// Where a resource is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Its number among all resources of all inputs.
    pub number: u64,
    /// The number of its input.
    pub file: usize,
    /// `path:line:column`, for messages.
    pub text: String,
}

/// A DaemonSet that runs DataKit.
#[derive(Clone, Debug)]
pub struct Datakit {
    /// Where it is.
    pub spot: Spot,
    /// Its name.
    pub name: String,
    /// The namespace that it is in once all rules have run, if that is known.
    pub namespace: Option<String>,
    /// Its image, as written.
    pub image: String,
    /// The version in its image's tag.
    pub version: Option<Version>,
    /// The ConfigMap that its configuration comes from, or will: a volume names it, or it has the usual name.
    pub config_map: String,
    /// The keys of that ConfigMap that DataKit reads.
    pub mounted: Vec<String>,
    /// Where each of them is mounted.
    pub places: Vec<String>,
    /// Whether a mount brings the whole ConfigMap.
    pub mounted_whole: bool,
    /// The inputs that its environment enables.
    pub enabled: Vec<String>,
    /// Configuration in its environment.
    pub inputs_env: String,
    /// Whether it scrapes every pod with `prometheus.io` annotations.
    pub discovers: bool,
    /// Whether its port is claimed on the node.
    pub host_port: bool,
    /// Whether it shares the node's network.
    pub host_network: bool,
    /// Whether its pods change with the configuration.
    pub checksummed: bool,
    /// What its dataway is.
    pub dataway: Dataway,
}

/// Where a DataKit's dataway comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dataway {
    /// Text, or nothing at all.
    Text(String),
    /// A Secret or ConfigMap.
    Reference,
}

/// A ConfigMap that a DataKit takes its configuration from.
#[derive(Clone, Debug)]
pub struct ConfigMap {
    /// Where it is.
    pub spot: Spot,
    /// Its name.
    pub name: String,
    /// The namespace that it is in once all rules have run, if that is known.
    pub namespace: Option<String>,
    /// Whether nobody can change it.
    pub immutable: bool,
    /// Its texts by key.
    pub data: Vec<(String, String)>,
    /// Keys with binary data.
    pub binary: Vec<String>,
}

/// A Secret by name.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Where it is.
    pub spot: Spot,
    /// Its name.
    pub name: String,
    /// The namespace that it is in once all rules have run, if that is known.
    pub namespace: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Looks for DaemonSets.
    #[default]
    Daemons,
    /// Looks for what they refer to.
    References,
    /// All is known.
    Complete,
}

/// What is known of the inputs as a whole.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    stage: Stage,
    /// Every DataKit.
    pub datakits: Vec<Datakit>,
    /// The ConfigMaps they refer to.
    pub config_maps: Vec<ConfigMap>,
    /// Secrets beside them.
    pub secrets: Vec<Secret>,
    /// Whether a Service says that the cluster speaks IPv6 first.
    pub ipv6: bool,
}

impl Survey {
    /// Whether all is known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stage == Stage::Complete
    }

    /// Looks at a resource. `namespace` is the one that it will be in, `spot` tells where it is.
    pub fn look(
        &mut self,
        doc: &Document<'_>,
        resource: &Resource,
        namespace: Option<String>,
        spot: impl FnOnce() -> Spot,
    ) {
        let kind = resource.kind.as_str();
        match (self.stage, kind) {
            (Stage::Daemons, "DaemonSet") => {
                if let Some(daemon) = Daemon::find(doc, resource) {
                    // Before all of them are known nobody can tell that DataKit's namespace is kept.
                    let namespace = resource.namespace.clone().or(namespace);
                    self.datakits.push(Datakit::read(&daemon, resource, namespace, spot()));
                }
            }
            (Stage::Daemons, "Service") => self.ipv6 |= is_ipv6(doc, resource.at),
            (Stage::References, "ConfigMap")
                if self.datakits.iter().any(|datakit| datakit.config_map == resource.name) =>
            {
                self.config_maps.push(ConfigMap::read(doc, resource, namespace, spot()));
            }
            (Stage::References, "Secret") => {
                let name = resource.name.clone();
                self.secrets.push(Secret { spot: spot(), name, namespace });
            }
            _ => {}
        }
    }

    /// Whether the inputs have to be read again; to be asked at the end of each reading.
    pub fn again(&mut self) -> bool {
        let (next, again) = match self.stage {
            Stage::Daemons if !self.datakits.is_empty() => (Stage::References, true),
            Stage::Daemons => (Stage::Complete, self.ipv6),
            Stage::References => (Stage::Complete, true),
            Stage::Complete => (Stage::Complete, false),
        };
        self.stage = next;
        again
    }

    /// Forgets what this reading has shown, for another one.
    pub fn restart(&mut self) {
        match self.stage {
            Stage::Daemons => *self = Self::default(),
            Stage::References => {
                self.config_maps.clear();
                self.secrets.clear();
            }
            Stage::Complete => {}
        }
    }

    /// Whether a DataKit lives in a namespace.
    #[must_use]
    pub fn is_datakit_namespace(&self, name: &str) -> bool {
        self.datakits.iter().any(|datakit| datakit.namespace.as_deref() == Some(name))
    }

    /// The namespace of a DataKit that mounts a resource which says none: in another one it would not find it.
    #[must_use]
    pub fn namespace_beside_datakit(&self, resource: &Resource) -> Option<&str> {
        if resource.kind != "ConfigMap" || !resource.group().is_empty() {
            return None;
        }
        let mounts = |datakit: &&Datakit| datakit.config_map == resource.name;
        self.datakits.iter().filter(mounts).find_map(|datakit| datakit.namespace.as_deref())
    }

    /// Whether a resource is a DataKit's DaemonSet.
    #[must_use]
    pub fn is_datakit(&self, number: u64) -> bool {
        self.datakits.iter().any(|datakit| datakit.spot.number == number)
    }

    /// The ConfigMap of a DataKit: one in the same input goes first.
    #[must_use]
    pub fn config_map_of(&self, datakit: &Datakit) -> Option<&ConfigMap> {
        let fits =
            |map: &&ConfigMap| datakit.config_map == map.name && same(&datakit.namespace, &map.namespace);
        let near = self.config_maps.iter().filter(fits).find(|map| map.spot.file == datakit.spot.file);
        near.or_else(|| self.config_maps.iter().find(fits))
    }

    /// The Secret of a name beside a DataKit.
    #[must_use]
    pub fn secret_of(&self, datakit: &Datakit, name: &str) -> Option<&Secret> {
        self.secrets.iter().find(|secret| secret.name == name && same(&datakit.namespace, &secret.namespace))
    }
}

/// Whether two objects may be in one namespace.
fn same(one: &Option<String>, other: &Option<String>) -> bool {
    one.is_none() || other.is_none() || one == other
}

impl Datakit {
    /// Whether a key is mounted by itself at another place than this one.
    #[must_use]
    pub fn mounts_elsewhere(&self, key: &str, place: &str) -> bool {
        self.mounted.iter().zip(&self.places).any(|(known, path)| known == key && path != place)
    }

    fn read(daemon: &Daemon<'_>, resource: &Resource, namespace: Option<String>, spot: Spot) -> Self {
        let volume = daemon.conf_volume();
        let mounts = daemon.mounts();
        let (mut mounted, mut places) = (Vec::new(), Vec::new());
        let mut mounted_whole = false;
        if let Some(volume) = &volume {
            let here = |path: &str| path.starts_with(CONF_D);
            for mount in mounts.iter().filter(|mount| mount.volume == volume.name && here(&mount.path)) {
                match &mount.sub_path {
                    None => mounted_whole = true,
                    Some(path) => {
                        let picked = volume.items.as_ref().and_then(|(_, items)| {
                            items.iter().find(|(_, file)| file == path).map(|(key, _)| key.clone())
                        });
                        mounted.push(picked.unwrap_or_else(|| path.clone()));
                        places.push(mount.path.clone());
                    }
                }
            }
        }
        let enabled = ENV_INPUTS.map(|name| daemon.env_text(name));
        let enabled = enabled.iter().find(|list| !list.is_empty()).map_or("", String::as_str);
        let var = daemon.env(ENV_DATAWAY);
        Self {
            spot,
            name: resource.name.clone(),
            namespace,
            image: image_of(daemon),
            version: daemon.version(),
            config_map: volume.map_or_else(|| CONF_VOLUME.to_owned(), |volume| volume.config_map),
            mounted,
            places,
            mounted_whole,
            enabled: input_names(enabled),
            inputs_env: daemon.env_text(ENV_CONF),
            discovers: discovers(daemon.version(), &daemon.env_text(ENV_DISCOVERY)),
            host_port: daemon.host_port(),
            host_network: daemon.host_network(),
            checksummed: daemon.annotation(CHECKSUM).is_some(),
            dataway: match var {
                Some(var) if var.from.is_some() => Dataway::Reference,
                var => Dataway::Text(var.map(|var| var.text).unwrap_or_default()),
            },
        }
    }
}

fn image_of(daemon: &Daemon<'_>) -> String {
    daemon.doc.str_at(daemon.container, "image").unwrap_or_default().into_owned()
}

impl ConfigMap {
    fn read(doc: &Document<'_>, resource: &Resource, namespace: Option<String>, spot: Spot) -> Self {
        let entries = |key: &str| {
            let at = doc.get(resource.at, key);
            at.map(|at| doc.entries(at.node).collect::<Vec<_>>()).unwrap_or_default()
        };
        let text = |id| doc.string(id).unwrap_or_default().into_owned();
        Self {
            spot,
            name: resource.name.clone(),
            namespace,
            immutable: doc.get(resource.at, "immutable").is_some_and(|at| doc.is(at.node, "true")),
            data: entries("data").into_iter().map(|(key, value)| (text(key), text(value))).collect(),
            binary: entries("binaryData").into_iter().map(|(key, _)| text(key)).collect(),
        }
    }
}

fn is_ipv6(doc: &Document<'_>, service: At) -> bool {
    let families = doc.path(service, &["spec", "ipFamilies"]);
    let first = families.and_then(|at| doc.items(at).next()).is_some_and(|at| doc.is(at.node, "IPv6"));
    let address = doc.path(service, &["spec", "clusterIP"]).and_then(|at| doc.string(at.node));
    first || address.is_some_and(|address| address.contains(':'))
}
