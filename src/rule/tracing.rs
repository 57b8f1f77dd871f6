//! Where Envoy sends its spans: the Zipkin address, or a provider, in Istio's mesh configuration.
//!
//! Edits the text in `data.mesh` of the ConfigMap that istiod reads, and `spec.meshConfig` of an IstioOperator. Changes
//! the whole mesh, so it runs only when it is asked for. Facts about Istio are from its source, tags 1.0 to 1.30.

use super::found::restore;
use super::{Found, Outcome, Rule, Target};
use crate::facts::Version;
use crate::facts::istio::NO_DEFAULT_TRACING;
use crate::kube::Resource;
use crate::yaml::{At, Changes, Document, Place, Refusal, Removal, Value};

/// The port that DataKit takes spans on.
pub const DATAKIT_PORT: u16 = 9529;

/// The name of the provider that is written.
pub const PROVIDER: &str = "datakit";

/// Tracers that exclude Zipkin: the field is a oneof.
const OTHER_TRACERS: &[&str] = &["lightstep", "datadog", "stackdriver", "openCensusAgent"];

/// Which part of the mesh configuration names DataKit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TracingMode {
    /// `defaultConfig.tracing.zipkin.address`: works at every version, reaches proxies when they restart
    #[default]
    MeshConfig,
    /// An extension provider for the Telemetry API: from 1.12.2, reaches proxies within seconds
    Telemetry,
}

/// Settings of the rule.
#[derive(Clone, Debug, PartialEq)]
pub struct TracingSettings {
    /// What is written.
    pub mode: TracingMode,
    /// `host:port` for spans; none picks one by version.
    pub address: Option<String>,
    /// Share of requests that are traced, in percent; none leaves it as it is.
    pub sampling: Option<f64>,
    /// Istio's version; none reads it from the object.
    pub istio_version: Option<Version>,
    /// The namespace of istiod.
    pub istio_namespace: String,
    /// The revision whose ConfigMap is meant; none is the plain installation.
    pub revision: Option<String>,
    /// The namespace of DataKit.
    pub datakit_namespace: String,
    /// Whether the nodes have IPv6 addresses.
    pub ipv6: bool,
}

impl TracingSettings {
    /// The name of istiod's ConfigMap.
    #[must_use]
    pub fn config_map(&self) -> String {
        self.revision.as_ref().map_or_else(|| "istio".to_owned(), |revision| format!("istio-{revision}"))
    }

    /// The full name of DataKit's Service.
    #[must_use]
    pub fn service(&self) -> String {
        format!("datakit-service.{}.svc.cluster.local", self.datakit_namespace)
    }

    /// The address for a version: the DataKit of the pod's own node where Istio knows `$(HOST_IP)` (1.9), else the
    /// Service. So it is with IPv6, too: Istio puts the node's address in without the brackets that the port needs.
    #[must_use]
    pub fn address(&self, version: Option<Version>, ipv6: bool) -> String {
        let old = version.is_some_and(|version| version < Version::new(1, 9, 0));
        match &self.address {
            Some(address) => address.clone(),
            None if old || ipv6 || self.ipv6 => {
                format!("{}:{DATAKIT_PORT}", self.service())
            }
            None => format!("$(HOST_IP):{DATAKIT_PORT}"),
        }
    }

    /// Whether spans by way of a provider reach DataKit: before, their Host header is one that Go servers refuse.
    #[must_use]
    pub fn telemetry_works(version: Version) -> bool {
        version >= Version::new(1, 12, 2)
            || (version >= Version::new(1, 11, 6) && version < Version::new(1, 12, 0))
    }
}

/// The rule.
#[derive(Debug)]
pub struct Tracing(pub TracingSettings);

impl Rule for Tracing {
    fn name(&self) -> &'static str {
        "tracing"
    }

    fn reads_client_files(&self) -> bool {
        true
    }

    fn apply(&self, target: &Target<'_>, changes: &mut Changes) -> Result<Outcome, Refusal> {
        let mut outcome = Outcome::default();
        let resource = target.resource;
        if !self.concerns(resource, target.namespace) {
            return Ok(outcome);
        }
        let version = Self::version(target.doc, resource);
        if resource.kind == "IstioOperator" {
            let mesh = Mesh { target: *target, at: resource.at, path: &["spec", "meshConfig"] };
            self.edit(&mesh, version, changes, &mut outcome)?;
        } else {
            self.config_map(target, version, changes, &mut outcome)?;
        }
        Ok(outcome)
    }

    fn find(&self, target: &Target<'_>, found: &mut Found) {
        let resource = target.resource;
        if !self.concerns(resource, target.namespace) {
            return;
        }
        let version = self.0.istio_version.or(Self::version(target.doc, resource));
        if resource.kind == "IstioOperator" {
            let mesh = Mesh { target: *target, at: resource.at, path: &["spec", "meshConfig"] };
            self.find_in_mesh(&mesh, version, found);
            return;
        }
        let doc = target.doc;
        let Some(at) = doc.path(resource.at, &["data", "mesh"]) else { return };
        let text = doc.string(at.node).unwrap_or_default();
        let Ok(inner) = Document::parse(&text) else { return };
        let Some(root) = inner.roots().next() else { return };
        let mesh = Mesh { target: Target { doc: &inner, ..*target }, at: root, path: &[] };
        let mut inside = Found::default();
        self.find_in_mesh(&mesh, version, &mut inside);
        inside.kept.into_iter().for_each(|(_, skip)| found.keep(doc, at, skip.reason));
        if !inside.values.is_empty() {
            let what: Vec<_> = inside.values.into_iter().filter_map(|value| value.what).collect();
            let removals = inside.removals;
            let way = Removal::Within { at, text: text.into_owned(), removals };
            found.add(doc, at, vec![way], what.join(" and "));
        }
    }
}

/// A mesh configuration: a path below a node.
struct Mesh<'a> {
    target: Target<'a>,
    at: At,
    path: &'static [&'static str],
}

impl Mesh<'_> {
    fn get(&self, path: &[&str]) -> Option<At> {
        let start = self.target.doc.path(self.at, self.path)?;
        self.target.doc.path(start, path)
    }

    fn set(&self, changes: &mut Changes, path: &[&str], value: Value) -> Result<(), Refusal> {
        let path: Vec<_> = self.path.iter().chain(path).map(|key| (*key, Place::Last)).collect();
        self.target.set(changes, self.at, &path, value)
    }
}

impl Tracing {
    /// Whether a resource in a namespace holds the mesh configuration: an IstioOperator, or istiod's ConfigMap.
    #[must_use]
    pub fn concerns(&self, resource: &Resource, namespace: Option<&str>) -> bool {
        let config_map = resource.group().is_empty()
            && resource.kind == "ConfigMap"
            && resource.name == self.0.config_map()
            && namespace.is_none_or(|namespace| namespace == self.0.istio_namespace);
        config_map || (resource.kind == "IstioOperator" && resource.group() == "install.istio.io")
    }

    /// The version of Istio that a resource tells: a label of the installer's, or an operator's tag.
    #[must_use]
    pub fn version(doc: &Document<'_>, resource: &Resource) -> Option<Version> {
        let labels = ["operator.istio.io/version", "app.kubernetes.io/version"];
        let label = |label: &str| doc.path(resource.at, &["metadata", "labels", label]);
        let place = match resource.kind.as_str() {
            "IstioOperator" => doc.path(resource.at, &["spec", "tag"]),
            _ => labels.iter().find_map(|name| label(name)),
        };
        Version::parse(&doc.string(place?.node)?)
    }

    fn config_map(
        &self,
        target: &Target<'_>,
        version: Option<Version>,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let doc = target.doc;
        let Some(at) = doc.path(target.resource.at, &["data", "mesh"]) else {
            outcome.skip(doc.start(target.resource.at.node), true, "no `mesh` in its data");
            return Ok(());
        };
        let text = doc.string(at.node).unwrap_or_default();
        let inner = match Document::parse(&text) {
            Ok(inner) => inner,
            Err(error) => {
                let reason = format!("`data.mesh` is not valid YAML: {error}");
                outcome.skip(doc.start(at.node), true, reason);
                return Ok(());
            }
        };
        let Some(root) = inner.roots().next().filter(|root| inner.kind(root.node).is_mapping()) else {
            outcome.skip(doc.start(at.node), true, "`data.mesh` holds no mesh configuration");
            return Ok(());
        };
        let inside = Target { doc: &inner, ..*target };
        let mut wanted = Changes::default();
        let mut said = Outcome::default();
        let mesh = Mesh { target: inside, at: root, path: &[] };
        let outside = |mut refusal: Refusal| {
            refusal.at = doc.start(at.node);
            refusal
        };
        self.edit(&mesh, version, &mut wanted, &mut said).map_err(outside)?;
        let edits = wanted.render(&inner).map_err(outside)?;
        // Places in the text are told as the place of the text.
        let start = doc.start(at.node);
        said.skips.iter_mut().for_each(|skip| skip.at = start);
        said.notes.iter_mut().for_each(|note| note.at = start);
        *outcome = said;
        if edits.is_empty() { Ok(()) } else { changes.within(doc, at, &text, &edits) }
    }

    /// What this rule wrote into a mesh configuration.
    fn find_in_mesh(&self, mesh: &Mesh<'_>, version: Option<Version>, found: &mut Found) {
        let doc = mesh.target.doc;
        if self.0.mode == TracingMode::Telemetry {
            let list = mesh.get(&["extensionProviders"]).into_iter().flat_map(|list| doc.items(list));
            let ours = |item: &At| {
                let service = doc.path(*item, &["zipkin", "service"]).and_then(|at| doc.string(at.node));
                doc.str_at(*item, "name").is_some_and(|name| name == PROVIDER)
                    && service.is_some_and(|service| service == self.0.service())
            };
            if let Some(item) = list.into_iter().find(ours) {
                found.take(doc, item, mesh.at, format!("provider `{PROVIDER}`"));
            }
            return;
        }
        let flat: &[&str] = &["defaultConfig", "zipkinAddress"];
        let path: &[&str] = &["defaultConfig", "tracing", "zipkin", "address"];
        let wanted = self.0.address(version, mesh.target.survey.ipv6);
        let address = mesh.get(flat).or_else(|| mesh.get(path));
        if let Some(at) = address.filter(|at| doc.is(at.node, &wanted)) {
            let take = Removal::Take { at, root: mesh.at.node };
            let default = restore(at, format!("zipkin.{}:9411", self.0.istio_namespace));
            let has_default = version.is_some_and(|version| version < NO_DEFAULT_TRACING);
            let ways = if has_default { vec![default, take] } else { vec![take, default] };
            found.add(doc, at, ways, "the Zipkin address");
        }
        if let Some(percent) = self.0.sampling
            && let Some(at) = mesh.get(&["defaultConfig", "tracing", "sampling"])
            && doc.string(at.node).and_then(|text| text.parse().ok()) == Some(percent)
        {
            found.take(doc, at, mesh.at, "the share of traced requests");
        }
    }

    fn edit(
        &self,
        mesh: &Mesh<'_>,
        found: Option<Version>,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let version = self.0.istio_version.or(found);
        let start = mesh.target.doc.start(mesh.at.node);
        match self.0.mode {
            TracingMode::MeshConfig => self.address(mesh, version, changes, outcome)?,
            TracingMode::Telemetry if version.is_some_and(|v| !TracingSettings::telemetry_works(v)) => {
                let reason = "before Istio 1.11.6 and 1.12.2 spans of a provider are refused by DataKit; \
                              use --tracing-mode mesh-config";
                outcome.skip(start, true, reason);
            }
            TracingMode::Telemetry => self.provider(mesh, changes, outcome)?,
        }
        Ok(())
    }

    /// `defaultConfig.tracing.zipkin.address`; Istio 1.0 has the flat key `zipkinAddress`.
    fn address(
        &self,
        mesh: &Mesh<'_>,
        version: Option<Version>,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let doc = mesh.target.doc;
        let other = OTHER_TRACERS.iter().find_map(|tracer| mesh.get(&["defaultConfig", "tracing", tracer]));
        if let Some(other) = other {
            let name = other.key.map_or("", |key| doc.text(key));
            let reason = format!("traces go to `{name}`, and only one tracer can be set; remove that first");
            outcome.skip(doc.start(other.node), true, reason);
            return Ok(());
        }
        let flat: &[&str] = &["defaultConfig", "zipkinAddress"];
        let path: &[&str] =
            if mesh.get(flat).is_some() { flat } else { &["defaultConfig", "tracing", "zipkin", "address"] };
        let wanted = self.0.address(version, mesh.target.survey.ipv6);
        let there = mesh.get(path);
        let old = there.filter(|at| !doc.is_null(at.node)).and_then(|at| doc.string(at.node));
        match (there, old) {
            (_, Some(old)) if old == wanted.as_str() => {}
            (Some(at), Some(old)) if !is_default(&old) && !mesh.target.overwrite => {
                let reason = format!("traces go to `{old}`, kept, see --overwrite");
                outcome.skip(doc.start(at.node), false, reason);
                return Ok(());
            }
            _ => {
                mesh.set(changes, path, Value::Text(wanted.clone()))?;
                outcome.patched = true;
            }
        }
        let sampling: &[&str] = &["defaultConfig", "tracing", "sampling"];
        if let Some(percent) = self.0.sampling
            && path != flat
        {
            let same = mesh.get(sampling).and_then(|at| doc.string(at.node)?.parse().ok());
            if same != Some(percent) {
                mesh.set(changes, sampling, Value::Raw(format!("{percent:?}")))?;
                outcome.patched = true;
            }
        }
        if wanted.starts_with("$(HOST_IP)") {
            self.warn_host_port(mesh, outcome);
        }
        if outcome.patched {
            outcome.note(
                doc.start(mesh.at.node),
                "running proxies keep the old address: restart every injected workload and the gateways \
                 (`kubectl rollout restart`); the next `istioctl install` or `helm upgrade` puts the old text back",
            );
        }
        Ok(())
    }

    /// The address of the node leads to DataKit only where DataKit has a port there.
    fn warn_host_port(&self, mesh: &Mesh<'_>, outcome: &mut Outcome) {
        for datakit in mesh.target.survey.datakits.iter().filter(|datakit| !datakit.host_port) {
            let (name, spot) = (&datakit.name, &datakit.spot.text);
            let why = if datakit.host_network {
                "so nothing keeps that port of the node free for it"
            } else {
                "so spans sent to the node's address reach nobody"
            };
            outcome.note(
                mesh.target.doc.start(mesh.at.node),
                format!(
                    "daemonset/{name} ({spot}) has no hostPort {DATAKIT_PORT}, {why}; add it, or pass --tracing-address {}:{DATAKIT_PORT}",
                    self.0.service()
                ),
            );
        }
    }

    /// An entry of `extensionProviders`. Only a Telemetry resource that names it makes use of it.
    fn provider(&self, mesh: &Mesh<'_>, changes: &mut Changes, outcome: &mut Outcome) -> Result<(), Refusal> {
        let target = &mesh.target;
        let doc = target.doc;
        let zipkin = vec![
            ("service".to_owned(), Value::Text(self.0.service())),
            ("port".to_owned(), Value::Raw(DATAKIT_PORT.to_string())),
        ];
        let provider = Value::Map(vec![
            ("name".to_owned(), Value::Text(PROVIDER.to_owned())),
            ("zipkin".to_owned(), Value::Map(zipkin)),
        ]);
        match mesh.get(&["extensionProviders"]) {
            None => {
                mesh.set(changes, &["extensionProviders"], Value::List(vec![provider]))?;
            }
            Some(list) => {
                let known = doc
                    .items(list)
                    .find(|item| doc.str_at(*item, "name").is_some_and(|name| name == PROVIDER));
                if let Some(known) = known {
                    let service = doc.path(known, &["zipkin", "service"]).and_then(|at| doc.string(at.node));
                    if service.is_none_or(|service| service != self.0.service()) {
                        let reason = format!("another provider is named `{PROVIDER}`, kept");
                        outcome.skip(doc.start(known.node), true, reason);
                    }
                    return Ok(());
                }
                changes.append(doc, list, provider)?;
            }
        }
        outcome.patched = true;
        Ok(())
    }
}

/// Whether an address is one that Istio sets by itself.
fn is_default(address: &str) -> bool {
    address.starts_with("zipkin.") && address.ends_with(":9411")
}
