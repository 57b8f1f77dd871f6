//! What DataKit makes of the pod annotation `datakit/prom.instances`, and what Istio's proxies answer it.
//!
//! The text: `internal/plugins/inputs/container/kubernetes/k8s_pod_prom.go` of DataKit, run with 1.84.0. The ports:
//! `pilot/cmd/pilot-agent/status/server.go` and `injection-template.yaml` of Istio, 1.11 to 1.30.

use std::fmt;

use toml::{Table, Value as Toml};

use super::datakit::{
    INTERVAL_IS_DURATION, METRIC_TYPES, NODE_NAME_PLACEHOLDER, NOT_IN_ANNOTATION, PROM_KEYS, PROM_URLS, Type,
    UNKNOWN_KEYS_IGNORED, before, is_duration,
};
use super::istio;
use super::pattern::Expression;
use crate::facts::Version;
use crate::spelling::nearest;

/// What stands in the text for values of the pod, in the order DataKit replaces them: blindly, before it reads TOML.
const PLACEHOLDERS: [&str; 4] = ["$IP", "$NAMESPACE", "$PODNAME", "$NODENAME"];

/// An address that no pod has, of either family, in place of the pod's (RFC 5737, RFC 3849).
const SAMPLE_IP: [&str; 2] = ["192.0.2.77", "2001:db8::77"];

/// Settings that tags may well be called like.
const PLAUSIBLE_TAGS: &[&str] = &["source", "auth", "output"];

/// The families that dashboards of a mesh are made of: their names, and the type DataKit filters them by.
const FAMILIES: [(&str, &str); 4] = [
    ("istio_requests_total", "counter"),
    ("istio_request_duration_milliseconds", "histogram"),
    ("istio_tcp_sent_bytes_total", "counter"),
    ("istio_tcp_received_bytes_total", "counter"),
];

/// All families of Istio's own (<https://istio.io/latest/docs/reference/config/metrics/>).
const STANDARD: &[&str] = &[
    "istio_requests_total",
    "istio_request_duration_milliseconds",
    "istio_request_bytes",
    "istio_response_bytes",
    "istio_request_messages_total",
    "istio_response_messages_total",
    "istio_tcp_sent_bytes_total",
    "istio_tcp_received_bytes_total",
    "istio_tcp_connections_opened_total",
    "istio_tcp_connections_closed_total",
    "istio_build",
];

/// What an interval has to be.
const DURATION: &str = "a duration with its unit, as \"30s\"";

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Line from 1, and why.
    NotToml {
        line: usize,
        why: String,
    },
    /// `[inputs.prom]`, which a file may have and an annotation may not.
    Single,
    /// There is no `inputs.prom`; what stands instead.
    NoBlock(Option<String>),
    /// A value of the wrong type, which refuses all blocks.
    Type {
        key: String,
        value: String,
        want: &'static str,
    },
    /// A key that this version refuses all blocks for; the one that was meant.
    Refused {
        key: String,
        meant: Option<&'static str>,
    },
    /// A key that is ignored, and the one that was meant.
    Ignored {
        key: String,
        meant: &'static str,
    },
    /// A setting that stands where it is a tag, or nothing.
    Misplaced {
        key: String,
        behind: &'static str,
    },
    /// A word in `metric_types` that is no type; the one that was meant.
    UnknownType {
        word: String,
        meant: Option<&'static str>,
    },
    /// A whole number as the interval: one scrape a second.
    Nanoseconds(i64),
    NoUrl,
    /// An address in `url` and in `urls`.
    UrlTwice(String),
    /// A value with something in it that was to be replaced; what replaces it.
    Unrendered {
        key: String,
        part: String,
        meant: Option<&'static str>,
    },
}

impl Fault {
    /// Whether the metrics of a block or more are lost by it, or come under names that nobody looks for.
    pub(crate) fn loses_data(&self) -> bool {
        match self {
            Self::Ignored { meant, .. } => ["url", "urls"].contains(meant),
            Self::Misplaced { key, .. } => {
                ["url", "urls", "metric_types", "metric_name_filter", "measurement_name", "interval"]
                    .contains(&key.as_str())
            }
            Self::Unrendered { key, .. } => key == "measurement_name",
            _ => true,
        }
    }
}

/// What is wrong, and what follows.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotToml { line, why } => {
                write!(f, "the annotation is not valid TOML (line {line}: {why}), so DataKit drops all of it")
            }
            Self::Single => f.write_str(
                "the annotation has [inputs.prom], and DataKit needs [[inputs.prom]] here, so it drops all of it",
            ),
            Self::NoBlock(None) => {
                f.write_str("the annotation has no [[inputs.prom]], so DataKit scrapes nothing")
            }
            Self::NoBlock(Some(other)) => {
                write!(f, "the annotation has no [[inputs.prom]] but `{other}`, so DataKit scrapes nothing")
            }
            Self::Type { key, value, want: DURATION } => {
                write!(f, "{key} = {value} is no duration, so DataKit refuses the annotation")
            }
            Self::UnknownType { word, .. } => {
                write!(f, "metric_types has `{word}`, which is no type of metrics and matches nothing")
            }
            Self::Type { key, value, want } => {
                write!(f, "{key} = {value} has to be {want}, so DataKit refuses the annotation")
            }
            Self::Refused { key, .. } => write!(
                f,
                "the annotation has the key `{key}`, and DataKit before {UNKNOWN_KEYS_IGNORED} refuses all of it for a key that \
                 it does not know"
            ),
            Self::Ignored { key, meant } => {
                write!(f, "the annotation has no setting `{key}`, so DataKit ignores it; `{meant}` was meant")
            }
            Self::Misplaced { key, behind: "" } => {
                write!(f, "`{key}` is above [[inputs.prom]], so it is not a setting of the block")
            }
            Self::Misplaced { key, behind } => {
                write!(f, "`{key}` is below {behind}, so it is a tag, and not a setting")
            }
            Self::Nanoseconds(number) => {
                write!(f, "interval = {number} means nanoseconds, so DataKit scrapes once a second")
            }
            Self::NoUrl => {
                f.write_str("a block of the annotation has no url, so DataKit scrapes nothing for it")
            }
            Self::UrlTwice(url) => {
                write!(f, "a block of the annotation has {url} in url and urls, so DataKit scrapes it twice")
            }
            Self::Unrendered { key, part, .. } => {
                write!(f, "{key} of the annotation has `{part}`, which nothing replaces")
            }
        }
    }
}

/// A block of the text: a scraper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// Addresses as they are written, each with the pod's address put in.
    pub(crate) urls: Vec<(String, String)>,
    /// None means all.
    pub(crate) types: Vec<String>,
    /// None means all.
    pub(crate) filter: Vec<String>,
    pub(crate) filter_ignore: Vec<String>,
    /// Whether it sets what else a block of its kind sets, and not its measurement: names of metrics are cut at the first `_`.
    pub(crate) lacks_name: bool,
    /// The name that DataKit counts its points by; where there is none DataKit takes `NAMESPACE/POD`.
    pub(crate) source: Option<String>,
    /// What it writes as its interval.
    pub(crate) interval: Option<String>,
}

/// The families that a block keeps, with its expressions compiled.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    block: Block,
    filter: Vec<Expression>,
    filter_ignore: Vec<Expression>,
}

impl Keeper {
    pub(crate) fn of(block: &Block) -> Self {
        let compiled = |list: &[String]| list.iter().map(|text| Expression::of(text)).collect();
        let (filter, filter_ignore) = (compiled(&block.filter), compiled(&block.filter_ignore));
        Self { block: block.clone(), filter, filter_ignore }
    }

    /// Whether it keeps a family, or may.
    pub(crate) fn keeps(&self, name: &str, kind: &str) -> bool {
        let may = |list: &[Expression]| list.iter().any(|expression| expression.matches(name) != Some(false));
        let drops = self.filter_ignore.iter().any(|expression| expression.matches(name) == Some(true));
        has_type(&self.block, kind) && (self.filter.is_empty() || may(&self.filter)) && !drops
    }
}

/// A text as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) blocks: Vec<Block>,
    pub(crate) faults: Vec<Fault>,
}

impl Reading {
    /// Whether DataKit scrapes by it at all.
    pub(crate) fn works(&self) -> bool {
        self.faults.iter().all(|fault| {
            !matches!(
                fault,
                Fault::NotToml { .. }
                    | Fault::Single
                    | Fault::NoBlock(_)
                    | Fault::Type { .. }
                    | Fault::Refused { .. }
            )
        }) && !self.blocks.is_empty()
    }
}

/// The text as DataKit parses it, for a pod of an address family.
fn filled(text: &str, version: Option<Version>, ipv6: bool) -> String {
    let [v4, v6] = SAMPLE_IP;
    let values = [if ipv6 { v6 } else { v4 }, "namespace", "pod", "node"];
    let count = if before(version, NODE_NAME_PLACEHOLDER) { 3 } else { 4 };
    let pairs = PLACEHOLDERS.iter().zip(values).take(count);
    pairs.fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// A filled-in value as it is written.
fn as_written(value: &str) -> String {
    SAMPLE_IP.iter().fold(value.to_owned(), |value, ip| value.replace(ip, "$IP"))
}

/// Reads a text as a version does. Without a version, as the current one.
pub(crate) fn read(text: &str, version: Option<Version>, ipv6: bool) -> Reading {
    let mut reading = Reading::default();
    let filled = filled(text, version, ipv6);
    let table: Table = match filled.parse() {
        Ok(table) => table,
        Err(error) => {
            reading.faults.push(not_toml(&filled, &error));
            return reading;
        }
    };
    let prom = table.get("inputs").and_then(|inputs| inputs.get("prom"));
    let blocks = match prom {
        Some(Toml::Array(blocks)) if !blocks.is_empty() => blocks,
        // What is below a block whose name is misspelt is one of no settings.
        Some(Toml::Table(block)) if !block.values().all(Toml::is_table) => {
            reading.faults.push(Fault::Single);
            return reading;
        }
        _ => {
            reading.faults.push(Fault::NoBlock(instead(&table)));
            return reading;
        }
    };
    for key in table.keys().filter(|key| is_key(key)) {
        reading.faults.push(Fault::Misplaced { key: key.clone(), behind: "" });
    }
    for block in blocks.iter().filter_map(Toml::as_table) {
        let mut reader = Reader { version, faults: &mut reading.faults };
        let block = reader.block(block);
        reading.blocks.push(block);
    }
    reading
}

/// Why DataKit does not collect from a sidecar by a text; nothing where it does.
pub(crate) fn why_not(text: &str, version: Option<Version>, served: &Served, ipv6: bool) -> Option<String> {
    let reading = read(text, version, ipv6);
    if let Some(fault) = reading.faults.iter().find(|fault| fault.loses_data()) {
        return Some(fault.to_string());
    }
    let mut urls = reading.blocks.iter().flat_map(|block| &block.urls);
    let is_aimed = urls.any(|url| aim(url, served, ipv6) == Aim::Metrics);
    (!is_aimed).then(|| format!("the annotation does not scrape the sidecar at {}", served.url(ipv6)))
}

/// Whether two texts are the same to DataKit.
pub(crate) fn is_same(old: &str, new: &str) -> bool {
    let parsed = |text: &str| text.parse::<Table>();
    old.trim_end() == new.trim_end() || matches!((parsed(old), parsed(new)), (Ok(a), Ok(b)) if a == b)
}

fn not_toml(text: &str, error: &toml::de::Error) -> Fault {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let why = error.message().lines().next().unwrap_or_default();
    Fault::NotToml { line: before.matches('\n').count() + 1, why: as_written(why) }
}

/// What stands where `inputs.prom` was to stand.
fn instead(table: &Table) -> Option<String> {
    let other = table.iter().find(|(key, _)| *key != "inputs");
    let (first, value) = other.or_else(|| table.iter().next())?;
    if first != "inputs" {
        let second = value.as_table().and_then(|table| table.keys().next());
        return Some(second.map_or_else(|| first.clone(), |second| format!("{first}.{second}")));
    }
    Some(format!("inputs.{}", value.as_table()?.keys().next()?))
}

/// Whether the annotation knows a key; its letter case does not count.
fn key_type(key: &str) -> Option<Type> {
    let is_here = !NOT_IN_ANNOTATION.iter().any(|other| other.eq_ignore_ascii_case(key));
    let found = PROM_KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(key) && is_here);
    found.map(|(_, kind)| *kind)
}

fn is_key(key: &str) -> bool {
    key_type(key).is_some()
}

fn names() -> impl Iterator<Item = &'static str> {
    PROM_KEYS.iter().map(|(name, _)| *name).filter(|name| is_key(name))
}

/// The value of a setting; its letter case does not count.
fn setting<'t>(table: &'t Table, key: &str) -> Option<&'t Toml> {
    let same = |(name, _): &(&String, &Toml)| name.eq_ignore_ascii_case(key);
    table.get(key).or_else(|| table.iter().find(same).map(|(_, value)| value))
}

struct Reader<'r> {
    version: Option<Version>,
    faults: &'r mut Vec<Fault>,
}

impl Reader<'_> {
    fn block(&mut self, table: &Table) -> Block {
        for (key, value) in table {
            self.key(table, key, value);
        }
        self.misplaced(table);
        let block = read_block(table);
        self.addresses(table, &block);
        block
    }

    fn key(&mut self, table: &Table, key: &str, value: &Toml) {
        let is_too_new = key == "urls" && before(self.version, PROM_URLS);
        let Some(kind) = key_type(key).filter(|_| !is_too_new) else {
            let meant = if is_too_new { Some("url") } else { nearest(key, names()) };
            let is_refused = before(self.version, UNKNOWN_KEYS_IGNORED);
            if is_refused {
                self.faults.push(Fault::Refused { key: key.to_owned(), meant });
            } else if let Some(meant) = meant.filter(|meant| setting(table, meant).is_none()) {
                self.faults.push(Fault::Ignored { key: key.to_owned(), meant });
            }
            return;
        };
        if let Some(want) = self.misfit(value, kind) {
            let value = shorten(&as_written(&value.to_string()));
            return self.faults.push(Fault::Type { key: key.to_owned(), value, want });
        }
        if let (Type::Duration, Toml::Integer(number)) = (kind, value)
            && *number > 0
        {
            self.faults.push(Fault::Nanoseconds(*number));
        }
        for word in value.as_array().into_iter().flatten().filter_map(Toml::as_str) {
            if key.eq_ignore_ascii_case("metric_types") && !is_type(word) {
                let meant = nearest(word, METRIC_TYPES.iter().copied());
                self.faults.push(Fault::UnknownType { word: word.to_owned(), meant });
            }
        }
        if matches!(key, "measurement_name" | "source") {
            self.rendered(key, value);
        }
        for (tag, value) in value.as_table().into_iter().flatten().filter(|_| key == "tags") {
            self.rendered(tag, value);
        }
    }

    /// What a value has to be, where it is something else.
    fn misfit(&self, value: &Toml, kind: Type) -> Option<&'static str> {
        let texts = |value: &Toml| value.as_array().is_some_and(|items| items.iter().all(Toml::is_str));
        let is_text = before(self.version, INTERVAL_IS_DURATION);
        let (fits, want) = match kind {
            Type::Text => (value.is_str(), "a string"),
            Type::Texts => (texts(value), "a list of strings"),
            Type::Bool => (value.is_bool(), "true or false"),
            Type::Number => (value.is_integer() || value.is_float(), "a number"),
            Type::Duration if is_text => (value.is_str(), DURATION),
            Type::Duration => (value.is_integer() || value.as_str().is_some_and(is_duration), DURATION),
            Type::Tags => {
                (value.as_table().is_some_and(|tags| tags.values().all(Toml::is_str)), "strings by name")
            }
            Type::Lists => (value.as_table().is_some_and(|lists| lists.values().all(texts)), "lists by name"),
            Type::Table(_) => (value.is_table(), "a table"),
            Type::Tables(_) => (value.is_array(), "a list of tables"),
            Type::Any => (true, ""),
        };
        (!fits).then_some(want)
    }

    /// Settings behind `[inputs.prom.tags]`.
    fn misplaced(&mut self, table: &Table) {
        let tags = setting(table, "tags").and_then(Toml::as_table);
        for key in tags.into_iter().flat_map(Table::keys) {
            if is_key(key) && !PLAUSIBLE_TAGS.contains(&key.as_str()) && setting(table, key).is_none() {
                self.faults.push(Fault::Misplaced { key: key.clone(), behind: "[inputs.prom.tags]" });
            }
        }
    }

    fn addresses(&mut self, table: &Table, block: &Block) {
        let is_misplaced = self.faults.iter().any(|fault| match fault {
            Fault::Misplaced { key, .. } => key == "url" || key == "urls",
            Fault::Ignored { meant, .. } => *meant == "url" || *meant == "urls",
            Fault::Refused { .. } | Fault::Type { .. } => true,
            _ => false,
        });
        let socket = setting(table, "uds_path").and_then(Toml::as_str).is_some_and(|path| !path.is_empty());
        if block.urls.is_empty() && !is_misplaced && !socket {
            self.faults.push(Fault::NoUrl);
        }
        let mut sorted: Vec<&String> = block.urls.iter().map(|(_, url)| url).collect();
        sorted.sort();
        if let Some([url, _]) = sorted.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
            self.faults.push(Fault::UrlTwice(as_written(url)));
        }
    }

    /// Something in a value that DataKit leaves as it is.
    fn rendered(&mut self, key: &str, value: &Toml) {
        let text = as_written(value.as_str().unwrap_or_default());
        let late = "$NODENAME";
        let found = unrendered(&text).or_else(|| text.contains(late).then(|| (late.to_owned(), None)));
        // Among other text `$b` and `< b >` may well be meant.
        let is_plain = |part: &str, meant: Option<&str>| {
            meant.is_none() && part != text && part != late && !part.starts_with("{{")
        };
        if let Some((part, meant)) = found.filter(|(part, meant)| !is_plain(part, *meant)) {
            self.faults.push(Fault::Unrendered { key: key.to_owned(), part, meant });
        }
    }
}

fn read_block(table: &Table) -> Block {
    let texts = |key: &str| {
        let list = setting(table, key).and_then(Toml::as_array);
        list.into_iter().flatten().filter_map(Toml::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let url = setting(table, "url").and_then(Toml::as_str).filter(|url| !url.is_empty());
    let urls = texts("urls").into_iter().chain(url.map(str::to_owned));
    Block {
        urls: urls.map(|url| (as_written(&url), url)).collect(),
        types: texts("metric_types"),
        filter: texts("metric_name_filter"),
        filter_ignore: texts("metric_name_filter_ignore"),
        lacks_name: lacks_name(table),
        source: setting(table, "source")
            .and_then(Toml::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
        interval: setting(table, "interval").and_then(Toml::as_str).map(str::to_owned),
    }
}

/// Whether a block chooses its source and types, and does not say what its metrics are stored as, nor tries to.
fn lacks_name(table: &Table) -> bool {
    let keys = ["measurement_name", "measurements", "measurement_prefix"];
    let tags = setting(table, "tags").and_then(Toml::as_table);
    let is_named = keys
        .iter()
        .any(|key| setting(table, key).is_some() || tags.is_some_and(|tags| tags.contains_key(*key)));
    let tries = || table.keys().any(|key| !is_key(key) && nearest(key, keys).is_some());
    let chooses = ["source", "metric_types"].iter().all(|key| setting(table, key).is_some());
    chooses && !is_named && !tries()
}

/// A value for a message, on one line and not too long.
fn shorten(text: &str) -> String {
    let text = text.replace('\n', " ");
    if text.chars().count() > 40 { text.chars().take(40).collect::<String>() + "…" } else { text }
}

/// The first part of a text that somebody was to replace and nobody does, and the placeholder that was meant.
pub(crate) fn unrendered(text: &str) -> Option<(String, Option<&'static str>)> {
    for (open, close) in [("{{", "}}"), ("${", "}"), ("$(", ")"), ("<", ">")] {
        let Some((_, tail)) = text.split_once(open) else { continue };
        let Some((name, _)) = tail.split_once(close) else { continue };
        let is_name = name.chars().all(|c| c.is_alphanumeric() || " ._-|\"$".contains(c));
        if !name.is_empty() && is_name {
            return Some((format!("{open}{name}{close}"), meant(name)));
        }
    }
    let (_, tail) = text.split_once('$')?;
    let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(tail.len());
    let name = tail.get(..end).unwrap_or_default();
    let known = PLACEHOLDERS.iter().any(|known| format!("${name}").starts_with(known));
    if name.is_empty() || known {
        return None;
    }
    Some((format!("${name}"), meant(name)))
}

/// The placeholder that a name was most likely meant to be.
fn meant(name: &str) -> Option<&'static str> {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
    let aliases: [(&[&str], &str); 4] = [
        (&["IP", "PODIP", "HOST", "POD", "INSTANCEIP", "ADDRESS", "PODADDRESS"], "$IP"),
        (&["NAMESPACE", "PODNAMESPACE", "NS"], "$NAMESPACE"),
        (&["PODNAME", "POD", "NAME"], "$PODNAME"),
        (&["NODENAME", "NODE", "HOSTNAME"], "$NODENAME"),
    ];
    let exact = aliases.iter().find(|(names, _)| names.contains(&name.as_str()));
    let near = || aliases.iter().find(|(names, _)| nearest(&name, names.iter().copied()).is_some());
    exact.or_else(near).map(|(_, placeholder)| *placeholder)
}

/// What a proxy, or istiod, serves its metrics on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Served {
    /// The agent's port, usually [`istio::SIDECAR_PORT`]; of istiod its own. The first is the one to write.
    pub(crate) ports: Vec<u16>,
    pub(crate) is_istiod: bool,
}

impl Served {
    /// The address to write.
    pub(crate) fn url(&self, ipv6: bool) -> String {
        let host = if ipv6 { "[$IP]" } else { "$IP" };
        format!("http://{host}:{}{}", self.ports.first().copied().unwrap_or_default(), self.path())
    }

    pub(crate) fn path(&self) -> &'static str {
        if self.is_istiod { istio::METRICS_PATH } else { istio::SIDECAR_PATH }
    }

    /// Whether it answers with its metrics on a port and path.
    pub(crate) fn answers(&self, port: u16, path: &str) -> bool {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        match port {
            port if self.ports.contains(&port) => {
                path == istio::METRICS_PATH || (path == istio::SIDECAR_PATH && !self.is_istiod)
            }
            port if port.to_string() == istio::ENVOY_PORT && !self.is_istiod => path == istio::SIDECAR_PATH,
            _ => false,
        }
    }
}

/// What is wrong with an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    NotAddress,
    /// Something that is not replaced, and what was meant.
    Placeholder(String, &'static str),
    /// Another host than the pod.
    Host(String),
    /// The pod's IPv6 address needs brackets.
    NoBrackets,
    /// The pod's IPv4 address must not have brackets.
    Brackets,
    Scheme(String),
    Port(u16),
    Path(String),
}

/// Where an address leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// To the metrics of the proxy.
    Metrics,
    /// To something of the application's own: its port.
    Application(u16),
    /// It was meant for the proxy, and leads elsewhere.
    Missed(Miss),
}

/// Where an address of a block leads: as it is written, and with the pod's address put in.
pub(crate) fn aim((written, filled): &(String, String), served: &Served, ipv6: bool) -> Aim {
    let Some((scheme, rest)) =
        filled.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest))
    else {
        let is_placeholder = unrendered(written);
        return Aim::Missed(match is_placeholder {
            Some((part, _)) => Miss::Placeholder(part, "$IP"),
            None => Miss::NotAddress,
        });
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let path = tail.split(['?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        _ if ipv6 && authority.starts_with(SAMPLE_IP[1]) => {
            (SAMPLE_IP[1], authority.strip_prefix(SAMPLE_IP[1]).unwrap_or_default().trim_start_matches(':'))
        }
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, if scheme == "https" { "443" } else { "80" }),
    };
    if let Some((part, _)) = unrendered(&as_written(authority)) {
        return Aim::Missed(Miss::Placeholder(part, "$IP"));
    }
    let Ok(port) = port.parse::<u16>() else { return Aim::Missed(Miss::NotAddress) };
    if !is_meant(port, path, served) {
        return Aim::Application(port);
    }
    match judge(&scheme, host, port, path, served, ipv6) {
        Some(miss) => Aim::Missed(miss),
        None => Aim::Metrics,
    }
}

fn judge(scheme: &str, host: &str, port: u16, path: &str, served: &Served, ipv6: bool) -> Option<Miss> {
    let [v4, v6] = SAMPLE_IP;
    match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) if inner == v6 => {}
        Some(inner) if inner == v4 => return Some(Miss::Brackets),
        Some(_) => return Some(Miss::Host(as_written(host))),
        None if host == v6 => return Some(Miss::NoBrackets),
        None if host == v4 && !ipv6 => {}
        None => {
            let written = as_written(host);
            if nearest(&written, ["$IP"]).is_some() {
                return Some(Miss::Placeholder(written, "$IP"));
            }
            return Some(Miss::Host(written));
        }
    }
    if scheme != "http" {
        return Some(Miss::Scheme(scheme.to_owned()));
    }
    if !served.ports.contains(&port) && (port.to_string() != istio::ENVOY_PORT || served.is_istiod) {
        return Some(Miss::Port(port));
    }
    (!served.answers(port, path)).then(|| Miss::Path(path.to_owned()))
}

/// Whether an address is meant for the proxy: a port of the proxy's, or nearly one, or a path that no application has.
fn is_meant(port: u16, path: &str, served: &Served) -> bool {
    let known = [istio::SIDECAR_PORT, istio::ENVOY_PORT];
    let text = port.to_string();
    served.ports.contains(&port)
        || (15000..15100).contains(&port)
        || (text.len() >= 4 && nearest(&text, known).is_some())
        || path.starts_with("/stats")
}

/// What of a mesh's metrics blocks lose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Drop {
    /// A type that is not among `metric_types`, and a family that has it.
    Type(&'static str, &'static str),
    /// An expression with a suffix that no family has, and the right one.
    Suffix(String, String),
    /// An expression that is none, and why.
    Broken(String, String),
    /// An expression that no family has, and the family that it nearly names.
    Misspelt(String, &'static str),
    /// The filter matches no family of Istio's.
    Nothing,
    /// An expression of the other filter, and a family that it drops.
    Ignored(String, &'static str),
}

/// What the blocks that scrape a proxy lose together.
pub(crate) fn drops(blocks: &[&Block]) -> Vec<Drop> {
    let mut found = Vec::new();
    for block in blocks {
        own_drops(block, &mut found);
    }
    // A word that is no type is told where the text is judged.
    if !found.is_empty() || blocks.iter().any(|block| !block.types.iter().all(|word| is_type(word))) {
        return found;
    }
    let kept = |name: &str, kind: &str| blocks.iter().any(|block| keeps(block, name, kind));
    let is_typed = |kind: &str| blocks.iter().any(|block| has_type(block, kind));
    for (name, kind) in FAMILIES.iter().take(2) {
        if !is_typed(kind) {
            found.push(Drop::Type(kind, name));
        }
    }
    let any = FAMILIES.iter().any(|(name, kind)| kept(name, kind));
    if !any && found.is_empty() {
        found.push(Drop::Nothing);
    }
    found
}

fn own_drops(block: &Block, found: &mut Vec<Drop>) {
    for text in block.filter.iter().chain(&block.filter_ignore) {
        if let Expression::Broken(why) = Expression::of(text) {
            found.push(Drop::Broken(text.clone(), why));
        }
    }
    for text in &block.filter {
        let core = text.trim_end_matches('$');
        let cut = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| core.strip_suffix(suffix));
        if let Some(family) = cut.filter(|family| is_histogram(family)) {
            let right = format!("{family}{}", if core.len() < text.len() { "$" } else { "" });
            found.push(Drop::Suffix(text.clone(), right));
        }
    }
    for text in &block.filter {
        let core = text.trim_start_matches('^').trim_end_matches('$');
        let is_told = found.iter().any(|drop| matches!(drop, Drop::Suffix(known, _) if known == text));
        let is_plain = matches!(Expression::of(core), Expression::Plain(_));
        if is_plain && !is_told && !STANDARD.iter().any(|name| name.contains(core)) {
            let meant = nearest(core, STANDARD.iter().copied());
            found.extend(meant.map(|meant| Drop::Misspelt(text.clone(), meant)));
        }
    }
    for text in &block.filter_ignore {
        let expression = Expression::of(text);
        let lost = FAMILIES.iter().take(2).find(|(name, _)| expression.matches(name) == Some(true));
        if let Some((name, _)) = lost {
            found.push(Drop::Ignored(text.clone(), name));
        }
    }
}

/// Whether a word is a type of metrics; its letter case does not count.
fn is_type(word: &str) -> bool {
    METRIC_TYPES.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether a name is that of a histogram of Istio's, or a pattern for some.
fn is_histogram(name: &str) -> bool {
    ["duration", "bytes", "time", "seconds", "milliseconds", "*", "+"].iter().any(|word| name.ends_with(word))
}

fn has_type(block: &Block, kind: &str) -> bool {
    block.types.is_empty() || block.types.iter().any(|known| known.eq_ignore_ascii_case(kind))
}

/// Whether a block keeps a family, or may.
fn keeps(block: &Block, name: &str, kind: &str) -> bool {
    let filtered =
        |list: &[String]| list.iter().any(|text| Expression::of(text).matches(name) != Some(false));
    has_type(block, kind) && (block.filter.is_empty() || filtered(&block.filter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Option<Version> {
        Version::parse(text)
    }

    fn faults(text: &str) -> Vec<Fault> {
        read(
            &format!("[[inputs.prom]]\nurl = \"http://$IP:15020/metrics\"\nmeasurement_name = \"m\"\n{text}"),
            None,
            false,
        )
        .faults
    }

    #[test]
    fn texts_are_read_as_datakit_reads_them() {
        for fine in [
            "interval = \"10s\"",
            "interval = 0",
            "URLS = []",
            "tags_ignore = [\"a\"]\n[inputs.prom.tags]\nsource = \"x\"\nnamespace = \"$NAMESPACE\"\nnode=\"$NODENAME\"",
            "x_unheard_of = 1",
            "[inputs.prom.tags]\n$NAMESPACE = \"$PODNAMEX\"",
            "\t\r\n",
        ] {
            assert_eq!(faults(fine), [], "{fine}");
        }
        let is = |key: &str| key.to_owned();
        let kind = |key: &str, value: &str, want| Fault::Type { key: is(key), value: is(value), want };
        let duration = DURATION;
        for (text, want) in [
            ("interval = \"10\"", kind("interval", "\"10\"", duration)),
            ("interval = \"\"", kind("interval", "\"\"", duration)),
            ("interval = 10", Fault::Nanoseconds(10)),
            (
                "metric_types = [\"counterx\", \"histogram\"]",
                Fault::UnknownType { word: is("counterx"), meant: Some("counter") },
            ),
            ("metric_types = \"counter\"", kind("metric_types", "\"counter\"", "a list of strings")),
            ("[inputs.prom.tags]\na = 1", kind("tags", "{ a = 1 }", "strings by name")),
            ("intervall = \"10s\"", Fault::Ignored { key: is("intervall"), meant: "interval" }),
            (
                "[inputs.prom.tags]\ninterval = \"60s\"",
                Fault::Misplaced { key: is("interval"), behind: "[inputs.prom.tags]" },
            ),
            ("urls = [\"http://$IP:15020/metrics\"]", Fault::UrlTwice(is("http://$IP:15020/metrics"))),
            (
                "[inputs.prom.tags]\ncluster = \"<cluster>\"",
                Fault::Unrendered { key: is("cluster"), part: is("<cluster>"), meant: None },
            ),
            (
                "[inputs.prom.tags]\npod = \"$POD_NAME\"",
                Fault::Unrendered { key: is("pod"), part: is("$POD_NAME"), meant: Some("$PODNAME") },
            ),
        ] {
            assert_eq!(faults(text), [want], "{text}");
        }
        for (text, want) in [
            ("[[inputs.prom]\n", "NotToml"),
            ("a = 1\na = 1", "NotToml"),
            ("[inputs.prom]\nurl=\"x\"", "Single"),
            ("[[input.prom]]\nurl=\"x\"", "NoBlock(Some(\"input.prom\"))"),
            ("[[input.prom]]\nurl=\"x\"\n[inputs.prom.tags]\na=\"b\"", "NoBlock(Some(\"input.prom\"))"),
            ("[[inputs.promm]]\nurl=\"x\"", "NoBlock(Some(\"inputs.promm\"))"),
            ("", "NoBlock(None)"),
            ("[[inputs.prom]]\nmeasurement_name=\"x\"", "NoUrl"),
            ("interval=\"1s\"\n[[inputs.prom]]\nurl=\"x\"\nmeasurement_name=\"x\"", "Misplaced"),
        ] {
            let found = format!("{:?}", read(text, None, false).faults);
            assert!(found.starts_with(&format!("[{want}")), "{text}: {found}");
        }
    }

    #[test]
    fn older_versions_refuse_more() {
        let text = "[[inputs.prom]]\nurl = \"x\"\nmeasurement_name = \"m\"\nelection = true\n";
        assert_eq!(read(text, version("1.4.2"), false).faults, []);
        let refused = Fault::Refused { key: "election".to_owned(), meant: None };
        assert_eq!(read(text, version("1.4.1"), false).faults, [refused]);
        let text = "[[inputs.prom]]\nurls = [\"x\"]\nmeasurement_name = \"m\"\ninterval = \"10\"\n";
        let found = read(text, version("1.1.9"), false).faults;
        assert_eq!(found, [Fault::Refused { key: "urls".to_owned(), meant: Some("url") }]);
    }

    fn aimed(url: &str, ipv6: bool) -> Aim {
        let served = Served { ports: vec![15020], is_istiod: false };
        aim(&(url.to_owned(), filled(url, None, ipv6)), &served, ipv6)
    }

    #[test]
    fn addresses_lead_where_istio_serves_metrics() {
        for url in [
            "http://$IP:15020/stats/prometheus",
            "http://$IP:15020/metrics",
            "http://$IP:15090/stats/prometheus",
            "http://$IP:15020/stats/prometheus?usedonly",
        ] {
            assert_eq!(aimed(url, false), Aim::Metrics, "{url}");
        }
        assert_eq!(aimed("http://$IP:9080/metrics", false), Aim::Application(9080));
        assert_eq!(aimed("http://[$IP]:15020/metrics", true), Aim::Metrics);
        let is = |text: &str| text.to_owned();
        for (url, want) in [
            ("$IP:15020/stats/prometheus", Miss::NotAddress),
            ("http://$POD_IP:15020/stats/prometheus", Miss::Placeholder(is("$POD_IP"), "$IP")),
            ("http://${IP}:15020/stats/prometheus", Miss::Placeholder(is("${IP}"), "$IP")),
            ("http://IP:15020/stats/prometheus", Miss::Placeholder(is("IP"), "$IP")),
            ("http://$ip:15020/stats/prometheus", Miss::Placeholder(is("$ip"), "$IP")),
            ("http://localhost:15020/stats/prometheus", Miss::Host(is("localhost"))),
            ("http://[$IP]:15020/stats/prometheus", Miss::Brackets),
            ("https://$IP:15020/stats/prometheus", Miss::Scheme(is("https"))),
            ("http://$IP:15021/stats/prometheus", Miss::Port(15021)),
            ("http://$IP:1520/metrics", Miss::Port(1520)),
            ("http://$IP:9080/stats/prometheus", Miss::Port(9080)),
            ("http://$IP/stats/prometheus", Miss::Port(80)),
            ("http://$IP:15020/stats/prom", Miss::Path(is("/stats/prom"))),
            ("http://$IP:15020", Miss::Path(String::new())),
            ("http://$IP:15090/metrics", Miss::Path(is("/metrics"))),
        ] {
            assert_eq!(aimed(url, false), Aim::Missed(want), "{url}");
        }
        assert_eq!(aimed("http://$IP:15020/metrics", true), Aim::Missed(Miss::NoBrackets));
    }

    fn dropped(text: &str) -> Vec<Drop> {
        let text = format!("[[inputs.prom]]\nurl = \"http://$IP:15020/metrics\"\n{text}");
        let reading = read(&text, None, false);
        drops(&reading.blocks.iter().collect::<Vec<_>>())
    }

    #[test]
    fn filters_lose_what_they_do_not_match() {
        for fine in [
            "",
            "metric_types = []",
            "metric_types = [\"Counter\", \"histogram\"]",
            "metric_name_filter = [\"istio_requests_total\", \"istio_request_duration_milliseconds\"]",
            "metric_name_filter = [\"istio\"]",
            "metric_name_filter = [\"istio_requests_total\"]",
            "metric_name_filter_ignore = [\"envoy_.*\"]",
            "metric_types = [\"counter\"]\n[[inputs.prom]]\nmetric_types = [\"histogram\"]",
        ] {
            assert_eq!(dropped(fine), [], "{fine}");
        }
        let is = |text: &str| text.to_owned();
        for (text, want) in [
            ("metric_types = [\"counter\", \"gauge\"]", Drop::Type("histogram", FAMILIES[1].0)),
            (
                "metric_name_filter = [\"istio_requests_total\", \"istio_request_duration_milliseconds_bucket\"]",
                Drop::Suffix(
                    is("istio_request_duration_milliseconds_bucket"),
                    is("istio_request_duration_milliseconds"),
                ),
            ),
            ("metric_name_filter = [\"envoy_.*\"]", Drop::Nothing),
            (
                "metric_name_filter = [\"istio_request_total\"]",
                Drop::Misspelt(is("istio_request_total"), FAMILIES[0].0),
            ),
            (
                "metric_name_filter = [\"istio_(\"]",
                Drop::Broken(is("istio_("), is("brackets, braces or a repetition do not fit")),
            ),
            ("metric_name_filter_ignore = [\"istio_.*\"]", Drop::Ignored(is("istio_.*"), FAMILIES[0].0)),
        ] {
            assert_eq!(dropped(text), [want], "{text}");
        }
    }

    #[test]
    fn texts_that_differ_in_layout_only_are_the_same() {
        assert!(is_same("[[inputs.prom]]\n  a = 1 # c\n", "[[inputs.prom]]\na=1"));
        assert!(!is_same("a = 1", "a = 2"));
        assert!(!is_same("a = ", "a = 2"));
    }
}
