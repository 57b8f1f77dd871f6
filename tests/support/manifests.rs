//! Manifests by chance, in many styles. A tape of bytes decides everything; a text comes with the list of its
//! lines that `patch` is meant to change.

use super::{Changing, Input};

/// Random choices, in order; a tape that has run out answers 0, the plainest choice.
pub struct Tape<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tape<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn pick(&mut self, choices: usize) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(byte) % choices
    }

    /// True once in `n` times; never when the tape has run out.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.pick(n) == n - 1
    }

    pub fn choose<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.pick(choices.len())]
    }
}

/// How a value that will be edited is edited.
#[derive(Clone, Copy, PartialEq)]
enum Touch {
    No,
    Scalar,
    /// An image; the old one goes into a comment above.
    Image,
    /// A mapping on one line that gains entries.
    Flow,
}

enum Node {
    /// A scalar or one-line flow collection, as typed.
    Raw(String),
    Text {
        header: String,
        body: Vec<String>,
    },
    Map(Vec<Entry>),
    List(Vec<Node>),
}

struct Entry {
    key: String,
    value: Node,
    touch: Touch,
}

fn raw(key: &str, value: &str) -> Entry {
    Entry { key: key.to_owned(), value: Node::Raw(value.to_owned()), touch: Touch::No }
}

fn entry(key: &str, value: Node) -> Entry {
    Entry { key: key.to_owned(), value, touch: Touch::No }
}

fn touched(key: &str, value: &str, touch: Touch) -> Entry {
    Entry { key: key.to_owned(), value: Node::Raw(value.to_owned()), touch }
}

// ---- text --------------------------------------------------------------------------------------------------------

struct Writer<'a, 'b> {
    tape: &'a mut Tape<'b>,
    step: usize,
    indented_lists: bool,
    dash: usize,
    noise: usize,
    lines: Vec<String>,
    changing: Vec<Changing>,
    /// `- ` that waits for the first entry of its item.
    pending: Option<String>,
    /// The deepest column where a comment does not join the block scalar above.
    limit: Option<usize>,
    last_header: Option<Changing>,
}

impl Writer<'_, '_> {
    fn push(&mut self, line: String) {
        self.lines.push(line);
    }

    /// Comments and empty lines, wherever they may stand.
    fn noise(&mut self) {
        if self.pending.is_some() || self.noise == 0 || !self.tape.once_in(self.noise) {
            return;
        }
        for _ in 0..=self.tape.pick(3) {
            let column = match self.limit {
                Some(limit) => self.tape.pick(limit + 1),
                None => self.tape.pick(16),
            };
            let blanks = " ".repeat(column);
            let line = match self.tape.pick(6) {
                0 => String::new(),
                1 => format!("{blanks}# a comment"),
                2 => format!("{blanks}#image: old # note: 'it''s \"here\""),
                3 => format!("{blanks}# 注释：不要动 é"),
                4 => " ".repeat(column + self.tape.pick(4)),
                _ => format!("{blanks}#"),
            };
            self.push(line);
        }
    }

    fn trailing(&mut self) -> String {
        if self.noise == 0 || !self.tape.once_in(self.noise + 2) {
            return String::new();
        }
        self.tape.choose(&["  # note", " # 说明", "      # a: b", " #"]).to_owned()
    }

    fn start(&mut self, column: usize) -> String {
        self.pending.take().unwrap_or_else(|| " ".repeat(column))
    }

    fn key(&mut self, key: &str) -> String {
        match self.tape.pick(12) {
            10 => format!("\"{key}\""),
            11 => format!("'{key}'"),
            _ => key.to_owned(),
        }
    }

    fn map(&mut self, entries: &[Entry], column: usize) {
        for Entry { key, value, touch } in entries {
            self.noise();
            let mut line = self.start(column);
            line.push_str(&self.key(key));
            line.push(':');
            self.value(line, value, *touch, column);
        }
    }

    fn value(&mut self, mut line: String, value: &Node, touch: Touch, column: usize) {
        let trail = self.trailing();
        match value {
            Node::Raw(text) => {
                self.limit = None;
                let key = line.clone();
                let gap = if text.is_empty() {
                    ""
                } else if self.noise > 0 && self.tape.once_in(12) {
                    "   "
                } else {
                    " "
                };
                line.push_str(gap);
                let number = self.lines.len();
                let above = (touch == Touch::Image).then(|| format!("#image: {text}"));
                match touch {
                    Touch::No => {}
                    Touch::Flow => {
                        let open = text.find('{').map_or(0, |at| at + 1);
                        let prefix = format!("{line}{}", &text[..open]);
                        self.change(number, prefix, trail.clone(), true, None);
                    }
                    // Blanks between the colon and the value may go with the value.
                    Touch::Scalar => self.change(number, key, trail.clone(), false, None),
                    Touch::Image => self.change(number, line.clone(), trail.clone(), false, above),
                }
                for (n, part) in text.split('\n').enumerate() {
                    if n > 0 {
                        self.push(std::mem::replace(&mut line, " ".repeat(column + self.step)));
                    }
                    line.push_str(part);
                }
                self.push(format!("{line}{trail}"));
            }
            Node::Text { header, body } => {
                let explicit = header.chars().find_map(|c| c.to_digit(10)).map(|d| d as usize);
                let deeper = explicit.unwrap_or(self.step);
                let prefix = format!("{line} {}", &header[..1]);
                self.last_header = Some(Changing {
                    line: self.lines.len(),
                    prefix,
                    suffix: trail.clone(),
                    keeps: false,
                    above: None,
                });
                self.push(format!("{line} {header}{trail}"));
                for text in body {
                    let blanks = if text.is_empty() { 0 } else { column + deeper };
                    self.push(format!("{}{text}", " ".repeat(blanks)));
                }
                self.limit = Some(column);
            }
            Node::Map(entries) => {
                self.limit = None;
                self.push(format!("{line}{trail}"));
                self.map(entries, column + self.step);
            }
            Node::List(items) => {
                self.limit = None;
                self.push(format!("{line}{trail}"));
                let column = if self.indented_lists { column + self.step } else { column };
                for item in items {
                    self.noise();
                    let dash = format!("{}-{}", " ".repeat(column), " ".repeat(self.dash - 1));
                    match item {
                        Node::Map(entries) => {
                            self.pending = Some(dash);
                            self.map(entries, column + self.dash);
                        }
                        Node::Raw(text) => {
                            self.limit = None;
                            let trail = self.trailing();
                            self.push(format!("{dash}{text}{trail}"));
                        }
                        Node::Text { .. } | Node::List(_) => unreachable!("no such items are made"),
                    }
                }
            }
        }
    }

    fn change(&mut self, line: usize, prefix: String, suffix: String, keeps: bool, above: Option<String>) {
        self.changing.push(Changing { line, prefix, suffix, keeps, above });
    }

    /// The same as JSON over many lines, or as flow mappings with plain keys and commas at every end.
    fn flow(&mut self, node: &Node, lead: &str, column: usize, json: bool, last: bool, touch: Touch) {
        let comma = if last { "" } else { "," };
        let number = self.lines.len();
        match node {
            Node::Raw(text) => {
                let text = quoted(text);
                if touch != Touch::No {
                    self.change(number, lead.to_owned(), String::new(), false, None);
                } else {
                    self.change(number, format!("{lead}{text}"), String::new(), true, None);
                }
                self.push(format!("{lead}{text}{comma}"));
            }
            Node::Text { body, .. } => {
                let text = serde_json::to_string(&body.join("\n")).unwrap();
                self.change(number, format!("{lead}{text}"), String::new(), true, None);
                self.push(format!("{lead}{text}{comma}"));
            }
            Node::Map(entries) => {
                self.push(format!("{lead}{{"));
                for (n, entry) in entries.iter().enumerate() {
                    let key = if json { format!("\"{}\"", entry.key) } else { entry.key.clone() };
                    let lead = format!("{}{key}: ", " ".repeat(column + self.step));
                    let last = json && n + 1 == entries.len();
                    self.flow(&entry.value, &lead, column + self.step, json, last, entry.touch);
                }
                let line = format!("{}}}", " ".repeat(column));
                self.change(self.lines.len(), line.clone(), String::new(), true, None);
                self.push(format!("{line}{comma}"));
            }
            Node::List(items) => {
                self.push(format!("{lead}["));
                for (n, item) in items.iter().enumerate() {
                    let lead = " ".repeat(column + self.step);
                    self.flow(item, &lead, column + self.step, json, json && n + 1 == items.len(), Touch::No);
                }
                let line = format!("{}]", " ".repeat(column));
                self.change(self.lines.len(), line.clone(), String::new(), true, None);
                self.push(format!("{line}{comma}"));
            }
        }
    }
}

/// A scalar as JSON writes it.
fn quoted(text: &str) -> String {
    match serde_yaml::from_str::<serde_yaml::Value>(text).unwrap() {
        serde_yaml::Value::String(text) => serde_json::to_string(&text).unwrap(),
        _ if text.is_empty() || text == "~" => "null".to_owned(),
        value => serde_json::to_string(&value).unwrap(),
    }
}

/// A whole stream.
pub fn stream(tape: &mut Tape<'_>) -> Input {
    let step = tape.choose(&[2, 2, 2, 4]);
    let indented_lists = tape.once_in(3);
    let dash = if step == 4 && tape.once_in(3) { 4 } else { 2 };
    let noise = tape.choose(&[0, 12, 6, 3]);
    let crlf = tape.once_in(4);
    let bom = tape.once_in(8);
    let cut = tape.once_in(4);
    let directive = tape.once_in(16);
    let mut writer = Writer {
        tape,
        step,
        indented_lists,
        dash,
        noise,
        lines: Vec::new(),
        changing: Vec::new(),
        pending: None,
        limit: None,
        last_header: None,
    };
    if directive {
        writer.push("%YAML 1.1".to_owned());
        writer.push("---".to_owned());
    } else if writer.tape.once_in(4) {
        let marker = marker(writer.tape);
        writer.push(marker);
    }
    let documents = 1 + writer.tape.pick(3);
    let mut content = false;
    for number in 0..documents {
        if number > 0 {
            // After a document without content libyaml takes no end marker.
            if writer.tape.once_in(10) && content {
                writer.push("...".to_owned());
            }
            let marker = marker(writer.tape);
            writer.push(marker);
        }
        writer.limit = None;
        writer.last_header = None;
        content = document(&mut writer);
        if writer.limit.is_some() {
            writer.limit = Some(0);
        }
        writer.noise();
    }
    if writer.tape.once_in(6) {
        writer.push("---".to_owned());
        writer.last_header = None;
    }
    if cut && let Some(header) = writer.last_header.take() {
        writer.changing.push(header);
    }
    let mut changing = writer.changing;
    let mut text = writer.lines.join(if crlf { "\r\n" } else { "\n" });
    if bom {
        text.insert(0, '\u{feff}');
        for change in changing.iter_mut().filter(|c| c.line == 0) {
            change.prefix.insert(0, '\u{feff}');
        }
    }
    if !cut && !text.is_empty() {
        text.push_str(if crlf { "\r\n" } else { "\n" });
    }
    Input { text, changing, step: Some(step) }
}

fn marker(tape: &mut Tape<'_>) -> String {
    tape.choose(&["---", "---", "---", "---", "--- # next", "---  "]).to_owned()
}

// ---- manifests ---------------------------------------------------------------------------------------------------

/// Writes one document and says whether there is anything in it.
fn document(writer: &mut Writer<'_, '_>) -> bool {
    let kind = writer.tape.pick(16);
    let node = match kind {
        0..=5 => workload(writer.tape),
        6 | 7 => service(writer.tape),
        8 => config_map(writer.tape),
        9 => pod(writer.tape),
        10 => cluster_role(writer.tape),
        11 => list(writer.tape),
        12 => other(writer.tape),
        13 => cron_job(writer.tape),
        14 => {
            writer.push("# nothing but a comment".to_owned());
            return false;
        }
        _ => return false,
    };
    let in_flow = writer.tape.once_in(7);
    match node {
        Node::Map(entries) if !in_flow => writer.map(&entries, 0),
        node => {
            let json = writer.tape.once_in(2);
            writer.flow(&node, "", 0, json, true, Touch::No);
        }
    }
    true
}

/// The four root entries in one of the orders that people use.
fn root(tape: &mut Tape<'_>, version: &str, kind: &str, metadata: Entry, rest: Vec<Entry>) -> Node {
    let mut entries = vec![raw("apiVersion", version), raw("kind", kind)];
    match tape.pick(6) {
        4 => {
            entries.extend(rest);
            entries.push(metadata);
        }
        5 => {
            entries.insert(0, metadata);
            entries.extend(rest);
        }
        _ => {
            entries.push(metadata);
            entries.extend(rest);
        }
    }
    Node::Map(entries)
}

const NAMES: &[&str] =
    &["details-v1", "productpage-v1", "reviews-v1", "reviews-v3", "\"123\"", "'on'", "x", "\"1e3\"", "a.b-c"];

fn labels(tape: &mut Tape<'_>) -> Vec<Entry> {
    let app = tape.choose(&["details", "\"1.0\"", "'y'", "reviews", "a.b_c"]);
    match tape.pick(7) {
        0..=2 => vec![raw("app", app), raw("version", "v1")],
        3 => vec![raw("version", "'1'"), raw("app.kubernetes.io/name", app)],
        4 => vec![raw("k8s-app", app)],
        5 => vec![raw("tier", "\"前端\"")],
        _ => vec![raw("app", app), raw("sidecar.istio.io/inject", "\"false\"")],
    }
}

/// `metadata` of a resource; `namespace` may be there, missing, or empty.
fn metadata(tape: &mut Tape<'_>) -> Entry {
    let name = tape.choose(NAMES);
    if tape.once_in(7) {
        let text = match tape.pick(3) {
            0 => format!("{{name: {name}}}"),
            1 => format!("{{ name: {name}, labels: {{app: x}} }}"),
            _ => format!("{{labels: {{app: \"a, b\"}}, name: {name}}}"),
        };
        return touched("metadata", &text, Touch::Flow);
    }
    let mut entries = vec![raw("name", name)];
    match tape.pick(10) {
        0..=5 => {}
        6 => entries.push(raw("namespace", "other")),
        7 => entries.push(touched("namespace", "", Touch::Scalar)),
        8 => entries.push(touched("namespace", tape.choose(&["~", "null", "\"\"", "''"]), Touch::Scalar)),
        _ => entries.insert(0, touched("namespace", tape.choose(&["", "\"\""]), Touch::Scalar)),
    }
    if tape.once_in(2) {
        let place = if tape.once_in(3) { 0 } else { entries.len() };
        entries.insert(place, entry("labels", Node::Map(labels(tape))));
    }
    if tape.once_in(4) {
        let note = text(tape);
        entries.push(entry("annotations", Node::Map(vec![entry("note", note)])));
    }
    entry("metadata", Node::Map(entries))
}

/// A block scalar, a quoted scalar over lines, or a plain one.
fn text(tape: &mut Tape<'_>) -> Node {
    let header = match tape.pick(12) {
        0..=2 => "|",
        3 => "|-",
        4 => "|+",
        5 => ">",
        6 => ">-",
        7 => ">+",
        8 => "|2",
        9 => "|2-",
        10 => return Node::Raw("\"over\ntwo lines: 'x' # y\"".to_owned()),
        _ => return Node::Raw("'it''s: # 文字'".to_owned()),
    };
    let mut body =
        vec![tape.choose(&["first: line", "[[inputs.prom]]", "{{ .Values.x }}", "- 一"]).to_owned()];
    for _ in 0..tape.pick(4) {
        body.push(
            tape.choose(&["# looks like a comment", "", "  deeper", "kind: Pod", "---x", "last  "])
                .to_owned(),
        );
    }
    if header.ends_with('+') {
        body.push(String::new());
    }
    Node::Text { header: header.to_owned(), body }
}

const IMAGES: &[(&str, bool)] = &[
    ("docker.io/istio/examples-bookinfo-details-v1:1.16.2", false),
    ("docker.io/istio/examples-bookinfo-productpage-v1:1.16.2", true),
    ("\"registry.local:5000/examples-bookinfo-productpage-v1\"", true),
    (
        "istio/examples-bookinfo-productpage-v1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        true,
    ),
    ("'localhost:5000/a/examples-bookinfo-productpage-v1:1'", true),
    ("istio/examples-bookinfo-productpage-v-flooding:1.16.2", false),
    ("examples-bookinfo-productpage-v1-extra:1", false),
    ("product-page:v1", false),
    ("\"\"", false),
];

fn container(tape: &mut Tape<'_>) -> Node {
    let (image, replaced) = tape.choose(IMAGES);
    let image = touched("image", image, if replaced { Touch::Image } else { Touch::No });
    let name = raw("name", "main");
    let ports = entry("ports", Node::List(vec![Node::Map(vec![raw("containerPort", "9080")])]));
    let env = entry(
        "env",
        Node::List(vec![Node::Map(vec![raw("name", "LOG_DIR"), raw("value", "\"/tmp/logs\"")])]),
    );
    Node::Map(match tape.pick(5) {
        0 => vec![name, image],
        1 => vec![image, name, ports],
        2 => vec![env, name, image],
        3 => vec![env, ports, image, name],
        _ => {
            let script = text(tape);
            vec![
                name,
                image,
                entry("command", Node::List(vec![Node::Raw("sh".to_owned())])),
                entry("script", script),
            ]
        }
    })
}

fn pod_spec(tape: &mut Tape<'_>) -> Entry {
    let mut containers = vec![container(tape)];
    if tape.once_in(4) {
        containers.push(container(tape));
    }
    let containers = entry("containers", Node::List(containers));
    let mut entries = vec![raw("serviceAccountName", "bookinfo"), containers];
    match tape.pick(6) {
        4 => entries.insert(0, raw("hostNetwork", "true")),
        5 => entries.push(entry(
            "volumes",
            Node::List(vec![Node::Map(vec![raw("name", "tmp"), raw("emptyDir", "{}")])]),
        )),
        _ => {}
    }
    entry("spec", Node::Map(entries))
}

fn annotations(tape: &mut Tape<'_>) -> Option<Entry> {
    let port = || raw("prometheus.io/port", "\"9080\"");
    Some(match tape.pick(14) {
        0..=5 => return None,
        6 => entry("annotations", Node::Map(vec![port()])),
        7 => touched("annotations", "{}", Touch::Scalar),
        8 => touched("annotations", tape.choose(&["~", "null"]), Touch::Scalar),
        9 => touched("annotations", "", Touch::Scalar),
        10 => touched("annotations", "{a: b, c: \"d}\"}", Touch::Flow),
        11 => entry("annotations", Node::Map(vec![entry(super::KEY, text(tape)), port()])),
        12 => entry("annotations", Node::Map(vec![port(), entry("note", text(tape))])),
        _ => entry("annotations", Node::Map(vec![raw("sidecar.istio.io/inject", "'false'")])),
    })
}

/// The entries of a pod template.
fn template(tape: &mut Tape<'_>) -> Vec<Entry> {
    let spec = pod_spec(tape);
    let metadata = match tape.pick(9) {
        0..=4 => {
            let mut entries = vec![entry("labels", Node::Map(labels(tape)))];
            if let Some(annotations) = annotations(tape) {
                let place = tape.pick(2).min(entries.len());
                entries.insert(place, annotations);
            }
            if tape.once_in(6) {
                entries.push(raw("creationTimestamp", "null"));
            }
            entry("metadata", Node::Map(entries))
        }
        5 => match annotations(tape) {
            Some(annotations) => entry("metadata", Node::Map(vec![annotations])),
            None => return vec![spec],
        },
        6 => touched("metadata", "{labels: {app: x}}", Touch::Flow),
        7 => touched("metadata", tape.choose(&["", "{}", "null"]), Touch::Scalar),
        _ => return vec![spec],
    };
    if tape.once_in(6) { vec![spec, metadata] } else { vec![metadata, spec] }
}

fn workload(tape: &mut Tape<'_>) -> Node {
    let (version, kind) = tape.choose(&[
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("batch/v1", "Job"),
        ("v1", "ReplicationController"),
        ("extensions/v1beta1", "ReplicaSet"),
    ]);
    let metadata = metadata(tape);
    let mut spec = vec![raw("replicas", "1"), entry("template", Node::Map(template(tape)))];
    if tape.once_in(4) {
        spec.push(entry("strategy", Node::Map(vec![raw("type", "RollingUpdate")])));
    }
    let mut rest = vec![entry("spec", Node::Map(spec))];
    if tape.once_in(6) {
        rest.push(raw("status", "{}"));
    }
    root(tape, version, kind, metadata, rest)
}

fn cron_job(tape: &mut Tape<'_>) -> Node {
    let metadata = metadata(tape);
    let template = entry("template", Node::Map(template(tape)));
    let job = entry("jobTemplate", Node::Map(vec![entry("spec", Node::Map(vec![template]))]));
    let spec = entry("spec", Node::Map(vec![raw("schedule", "\"*/5 * * * *\""), job]));
    root(tape, "batch/v1", "CronJob", metadata, vec![spec])
}

fn pod(tape: &mut Tape<'_>) -> Node {
    let mut metadata = metadata(tape);
    if let Node::Map(entries) = &mut metadata.value
        && !entries.iter().any(|e| e.key == "annotations")
        && let Some(annotations) = annotations(tape)
    {
        entries.push(annotations);
    }
    let spec = pod_spec(tape);
    root(tape, "v1", "Pod", metadata, vec![spec])
}

fn service(tape: &mut Tape<'_>) -> Node {
    let metadata = metadata(tape);
    let port = Node::Map(vec![raw("port", "9080"), raw("name", "http")]);
    let ports = entry("ports", Node::List(vec![port]));
    let spec = entry("spec", Node::Map(vec![ports, raw("selector", "{app: details}")]));
    root(tape, "v1", "Service", metadata, vec![spec])
}

fn config_map(tape: &mut Tape<'_>) -> Node {
    let metadata = metadata(tape);
    let mut data = vec![entry("a.conf", text(tape)), entry("b.conf", text(tape))];
    if tape.once_in(3) {
        data.push(raw("c", ""));
    }
    root(tape, "v1", "ConfigMap", metadata, vec![entry("data", Node::Map(data))])
}

fn cluster_role(tape: &mut Tape<'_>) -> Node {
    let metadata = Node::Map(vec![raw("name", "reader"), entry("labels", Node::Map(labels(tape)))]);
    let rule = Node::Map(vec![
        raw("apiGroups", "[\"\"]"),
        raw("resources", "[pods]"),
        raw("verbs", "[\"get\", \"list\"]"),
    ]);
    root(
        tape,
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
        entry("metadata", metadata),
        vec![entry("rules", Node::List(vec![rule]))],
    )
}

fn list(tape: &mut Tape<'_>) -> Node {
    let (version, kind) = tape.choose(&[("v1", "List"), ("apps/v1", "DeploymentList")]);
    let mut items = Vec::new();
    for _ in 0..=tape.pick(3) {
        items.push(match tape.pick(3) {
            0 => workload(tape),
            1 => service(tape),
            _ => cluster_role(tape),
        });
    }
    Node::Map(vec![raw("apiVersion", version), raw("kind", kind), entry("items", Node::List(items))])
}

/// Things that have a kind and are no resources, things that have none, and an unknown kind.
fn other(tape: &mut Tape<'_>) -> Node {
    match tape.pick(5) {
        0 => {
            let metadata = metadata(tape);
            root(tape, "example.com/v1", "Widget", metadata, vec![raw("size", "3")])
        }
        1 => Node::Map(vec![
            raw("apiVersion", "kustomize.config.k8s.io/v1beta1"),
            raw("kind", "Kustomization"),
            entry("metadata", Node::Map(vec![raw("name", "x")])),
            entry("resources", Node::List(vec![Node::Raw("a.yaml".to_owned())])),
        ]),
        2 => {
            Node::Map(vec![raw("name", "no manifest"), entry("metadata", Node::Map(vec![raw("name", "x")]))])
        }
        3 => Node::Map(vec![
            raw("apiVersion", "v1"),
            raw("kind", "Namespace"),
            entry("metadata", Node::Map(vec![raw("name", "prod")])),
        ]),
        _ => Node::Map(vec![raw("apiVersion", "v1"), raw("kind", "ConfigMap"), raw("data", "{a: b}")]),
    }
}
