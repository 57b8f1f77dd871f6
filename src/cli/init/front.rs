//! `meshobs init nginx --as`: the front of the mesh as a resource of Kubernetes, for clusters that have a controller of Ingresses or of
//! the Gateway API. Facts are from Ingress v1, from the annotations of ingress-nginx, and from Gateway API v1.

use anyhow::{anyhow, bail};
use clap::ValueEnum;

use crate::config::is_dns_label;
use crate::nginx::Server;
use crate::yaml::{Value, document};

/// The Service of the ingress gateway.
const GATEWAY: &str = "istio-ingressgateway";

/// The name of what is printed.
const NAME: &str = "meshobs-front";

/// The name of the Service by which an Ingress reaches DataKit in another namespace.
const RUM: &str = "meshobs-rum";

/// The paths that browsers send to.
const RUM_PATHS: [&str; 2] = ["/v1/write/rum", "/v1/write/rum/replay"];

/// Which resource is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// An Ingress, with what ingress-nginx needs for uploads and streams
    Ingress,
    /// An HTTPRoute of the Gateway API (--gateway)
    Httproute,
}

/// What the resource says beside the server's own settings.
pub(super) struct Front<'a> {
    pub(super) server: &'a Server,
    /// Where the ingress gateway is.
    pub(super) namespace: &'a str,
    pub(super) class: Option<&'a str>,
    /// Namespace and name of the Gateway that a route belongs to.
    pub(super) gateway: Option<&'a str>,
}

impl Front<'_> {
    /// The documents.
    ///
    /// # Errors
    /// A setting does not fit the kind; which, and what would.
    pub(super) fn render(&self, kind: Kind) -> anyhow::Result<String> {
        let datakit = self.server.rum.as_deref().map(service).transpose()?;
        let documents = match kind {
            Kind::Ingress => self.ingress(datakit.as_ref())?,
            Kind::Httproute => self.route(datakit.as_ref())?,
        };
        Ok(documents.iter().map(|entries| document(entries, "\n")).collect::<Vec<_>>().join("---\n"))
    }

    /// The names; none where any is meant.
    fn hosts(&self) -> anyhow::Result<Vec<&str>> {
        let names = self.server.names.iter().map(String::as_str).filter(|name| *name != "_");
        let fits = |name: &str| name.strip_prefix("*.").unwrap_or(name).split('.').all(is_dns_label);
        names.map(|name| if fits(name) { Ok(name) } else { bail!("invalid name `{name}` (--server-name) for a resource of Kubernetes: lower-case letters, digits and `-.`, or `*.example.org`") }).collect()
    }

    fn ingress(&self, datakit: Option<&Service>) -> anyhow::Result<Vec<Entries>> {
        let seconds = seconds(&self.server.timeout)?.to_string();
        let annotation =
            |name: &str, value: &str| (format!("nginx.ingress.kubernetes.io/{name}"), text(value));
        let mut metadata = self.metadata(NAME);
        metadata.push((
            "annotations".to_owned(),
            Value::Map(vec![
                annotation("proxy-body-size", &self.server.max_body),
                annotation("proxy-read-timeout", &seconds),
                annotation("proxy-send-timeout", &seconds),
            ]),
        ));
        let path = |path: &str, kind: &str, service: &str, port: u16| {
            let port = map([("number", number(port))]);
            let service = map([("name", text(service)), ("port", port)]);
            map([("path", text(path)), ("pathType", text(kind)), ("backend", map([("service", service)]))])
        };
        let rum = datakit.into_iter().flat_map(|of| RUM_PATHS.map(|at| path(at, "Exact", RUM, of.port)));
        let paths: Vec<_> = rum.chain([path("/", "Prefix", GATEWAY, 80)]).collect();
        let http = || map([("paths", Value::List(paths.clone()))]);
        let hosts = self.hosts()?;
        let rules = match hosts.as_slice() {
            [] => vec![map([("http", http())])],
            hosts => hosts.iter().map(|host| map([("host", text(host)), ("http", http())])).collect(),
        };
        let class = self.class.map(|class| ("ingressClassName".to_owned(), text(class)));
        let spec = class.into_iter().chain([("rules".to_owned(), Value::List(rules))]).collect();
        let mut documents = vec![resource("networking.k8s.io/v1", "Ingress", metadata, spec)];
        documents.extend(datakit.map(|datakit| {
            let port = map([("name", text("http")), ("port", number(datakit.port))]);
            let host = format!("{}.{}.svc.cluster.local", datakit.name, datakit.namespace);
            let spec = [
                ("type", text("ExternalName")),
                ("externalName", text(&host)),
                ("ports", Value::List(vec![port])),
            ];
            resource("v1", "Service", self.metadata(RUM), owned(spec))
        }));
        Ok(documents)
    }

    fn route(&self, datakit: Option<&Service>) -> anyhow::Result<Vec<Entries>> {
        let Some((namespace, gateway)) = self.gateway.and_then(|gateway| gateway.split_once('/')) else {
            bail!("an HTTPRoute belongs to a Gateway; pass --gateway NAMESPACE/NAME");
        };
        if !is_dns_label(namespace) || !gateway.split('.').all(is_dns_label) {
            bail!("invalid Gateway `{namespace}/{gateway}` (--gateway): write NAMESPACE/NAME");
        }
        let matched =
            |kind: &str, path: &str| map([("path", map([("type", text(kind)), ("value", text(path))]))]);
        let rule = |matches: Vec<Value>, backend: Value| {
            map([("matches", Value::List(matches)), ("backendRefs", Value::List(vec![backend]))])
        };
        let rum = datakit.map(|datakit| {
            let backend = [("name", &datakit.name), ("namespace", &datakit.namespace)]
                .map(|(key, value)| (key, text(value)));
            let backend =
                owned(backend).into_iter().chain([("port".to_owned(), number(datakit.port))]).collect();
            rule(RUM_PATHS.map(|path| matched("Exact", path)).to_vec(), Value::Map(backend))
        });
        let mesh = map([("name", text(GATEWAY)), ("port", number(80))]);
        let rules = rum.into_iter().chain([rule(vec![matched("PathPrefix", "/")], mesh)]).collect();
        let parent = map([("name", text(gateway)), ("namespace", text(namespace))]);
        let mut spec = owned([("parentRefs", Value::List(vec![parent]))]);
        let hosts = self.hosts()?;
        if !hosts.is_empty() {
            spec.push(("hostnames".to_owned(), Value::List(hosts.into_iter().map(text).collect())));
        }
        spec.push(("rules".to_owned(), Value::List(rules)));
        let mut documents =
            vec![resource("gateway.networking.k8s.io/v1", "HTTPRoute", self.metadata(NAME), spec)];
        documents.extend(
            datakit.filter(|datakit| datakit.namespace != self.namespace).map(|datakit| self.grant(datakit)),
        );
        Ok(documents)
    }

    /// What lets the route lead to DataKit in its namespace.
    fn grant(&self, datakit: &Service) -> Entries {
        let from = [
            ("group", text("gateway.networking.k8s.io")),
            ("kind", text("HTTPRoute")),
            ("namespace", text(self.namespace)),
        ];
        let to = map([("group", text("")), ("kind", text("Service")), ("name", text(&datakit.name))]);
        let spec = owned([("from", Value::List(vec![map(from)])), ("to", Value::List(vec![to]))]);
        let metadata = owned([("name", text(RUM)), ("namespace", text(&datakit.namespace))]);
        resource("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", metadata, spec)
    }

    fn metadata(&self, name: &str) -> Entries {
        owned([("name", text(name)), ("namespace", text(self.namespace))])
    }
}

/// A Service of the cluster.
struct Service {
    name: String,
    namespace: String,
    port: u16,
}

/// The Service of an origin that only the cluster resolves.
fn service(origin: &str) -> anyhow::Result<Service> {
    let wrong = || {
        anyhow!(
            "`{origin}` (--rum-proxy) names no Service of the cluster; with --as write http://SERVICE.NAMESPACE:PORT, as in \
             `http://datakit-service.datakit:9529`"
        )
    };
    let rest = origin.strip_prefix("http://").ok_or_else(wrong)?;
    let (host, port) = rest.trim_end_matches('/').split_once(':').unwrap_or((rest, "80"));
    let mut labels = host.split('.');
    let (name, namespace) = (labels.next().unwrap_or_default(), labels.next().unwrap_or_default());
    let is_rest = ["", "svc", "svc.cluster.local"].contains(&&*labels.collect::<Vec<_>>().join("."));
    let is_service =
        is_dns_label(name) && is_dns_label(namespace) && is_rest && host.parse::<std::net::IpAddr>().is_err();
    let port = port.parse().ok().filter(|_| is_service).ok_or_else(wrong)?;
    Ok(Service { name: name.to_owned(), namespace: namespace.to_owned(), port })
}

/// A time of nginx in whole seconds, as the annotations have it.
fn seconds(time: &str) -> anyhow::Result<u64> {
    let units = [("ms", 0), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400), ("", 1)];
    let found = units
        .iter()
        .find_map(|(unit, factor)| time.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*factor));
    found
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| anyhow!("invalid time `{time}` (--timeout) for an Ingress: at least one second"))
}

type Entries = Vec<(String, Value)>;

fn resource(version: &str, kind: &str, metadata: Entries, spec: Entries) -> Entries {
    owned([
        ("apiVersion", text(version)),
        ("kind", text(kind)),
        ("metadata", Value::Map(metadata)),
        ("spec", Value::Map(spec)),
    ])
}

fn owned<const N: usize>(entries: [(&str, Value); N]) -> Entries {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(owned(entries))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn number(number: u16) -> Value {
    Value::Raw(number.to_string())
}
