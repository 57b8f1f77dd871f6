//! What the black-box tests share: running the binary, reading streams with another YAML reader, a model of
//! what `patch` intends, and checks that compare bytes, data and diffs. Nothing here uses the library.
#![allow(dead_code, missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_yaml::Value;

pub mod cluster;
pub mod datakit_live;
pub mod http;
pub mod manifests;
pub mod place;
pub mod readers;

// ---- the command -------------------------------------------------------------------------------------------

/// One run of the real binary, in a clean environment.
pub struct Meshobs {
    command: Command,
    stdin: Vec<u8>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Done {
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub status: i32,
}

impl Meshobs {
    pub fn new<I, S>(args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshobs"));
        command.args(args);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MESHOBS_") {
                command.env_remove(name);
            }
        }
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR"] {
            command.env_remove(name);
        }
        Self { command, stdin: Vec::new() }
    }

    pub fn cwd(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = bytes.as_ref().to_vec();
        self
    }

    pub fn run(mut self) -> Done {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut pipe = child.stdin.take().unwrap();
        let bytes = std::mem::take(&mut self.stdin);
        // A command that never reads its stdin closes it: that is no failure of the test.
        let writer = std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        let output = child.wait_with_output().expect("the binary ends");
        writer.join().unwrap();
        Done {
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            status: output.status.code().unwrap_or(-1),
        }
    }
}

impl Done {
    /// Stops the test unless the status is the expected one.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        assert_eq!(
            self.status,
            status,
            "wrong status\n--- stderr\n{}\n--- stdout\n{}",
            self.stderr,
            show(&self.stdout)
        );
        self
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout is UTF-8")
    }
}

/// `patch` as a filter, from bytes to bytes.
pub fn filter(folder: &Path, args: &[&str], input: &[u8]) -> Done {
    let args = std::iter::once("patch").chain(args.iter().copied());
    Meshobs::new(args).cwd(folder).stdin(input).run()
}

/// Prints why a test does nothing here, or fails if everything must run.
#[track_caller]
pub fn skip(why: &str) {
    assert!(
        std::env::var_os("MESHOBS_TEST_ALL").is_none_or(|v| v != "1"),
        "must not be skipped with MESHOBS_TEST_ALL=1: {why}"
    );
    eprintln!("SKIPPED: {why}");
}

pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// `../shared`, if it is there.
pub fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("shared");
    folder.is_dir().then_some(folder)
}

pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// Every file below a folder, by its path inside it, in order.
pub fn tree(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, inside: &str, found: &mut std::collections::BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{inside}{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), &format!("{name}/"), found);
            } else {
                found.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut found = std::collections::BTreeMap::new();
    if folder.is_dir() {
        walk(folder, "", &mut found);
    }
    found
}

/// Bytes for a person: line ends and odd bytes stay visible.
pub fn show(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => {
                text.push_str(&visible(line));
                text.push('\n');
            }
            None => {
                text.push_str(&visible(line));
                text.push_str("<EOF>\n");
            }
        }
    }
    text
}

fn visible(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text =
        text.replace('\r', "\\r").replace('\t', "\\t").replace('\u{feff}', "<BOM>").replace('\u{1b}', "\\e");
    match text.strip_suffix(' ') {
        Some(text) => format!("{text}·"),
        None => text,
    }
}

/// The lines that differ, without those at the ends that do not.
pub fn differences(expected: &[u8], found: &[u8]) -> String {
    let expected = show(expected);
    let found = show(found);
    let expected: Vec<&str> = expected.lines().collect();
    let found: Vec<&str> = found.lines().collect();
    let head = expected.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let tail =
        expected[head..].iter().rev().zip(found[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let mut text = format!("    first difference in line {}\n", head + 1);
    for line in &expected[head.saturating_sub(2)..head] {
        text.push_str(&format!("      {line}\n"));
    }
    for line in &expected[head..expected.len() - tail] {
        text.push_str(&format!("    - {line}\n"));
    }
    for line in &found[head..found.len() - tail] {
        text.push_str(&format!("    + {line}\n"));
    }
    text
}

// ---- the text of the annotation ------------------------------------------------------------------------------

pub const KEY: &str = "datakit/prom.instances";

/// The default value of the annotation, final line break included.
pub fn annotation(source: &str) -> String {
    let source = toml::Value::from(source);
    format!(
        r#"[[inputs.prom]]
  url = "http://$IP:15020/stats/prometheus"
  source = {source}
  metric_types = ["counter", "gauge", "histogram"]
  interval = "10s"
  measurement_name = "istio_prom"
  [inputs.prom.tags]
    namespace = "$NAMESPACE"
    pod_name = "$PODNAME"
"#
    )
}

// ---- the other reader -----------------------------------------------------------------------------------------

/// All documents of a stream, read by a parser that is not the engine's.
pub fn read_all(bytes: &[u8]) -> Result<Vec<Value>, String> {
    use serde::Deserialize as _;
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    // libyaml takes the mark for a column when it is told the encoding.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        documents.push(Value::deserialize(document).map_err(|e| e.to_string())?);
    }
    Ok(documents)
}

// ---- the model --------------------------------------------------------------------------------------------------

/// What a run of `patch` is meant to do.
#[derive(Clone, Debug)]
pub struct Intent {
    pub namespace: Option<String>,
    pub metrics: bool,
    pub rum: bool,
}

impl Default for Intent {
    fn default() -> Self {
        Self { namespace: Some("prod".to_owned()), metrics: true, rum: true }
    }
}

const RUM_IMAGE: &str = "product-page:v1";
const RUM_REPOSITORY: &str = "examples-bookinfo-productpage-v1";

const CLUSTER_SCOPED: &[(&str, &str)] = &[
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("storage.k8s.io", "StorageClass"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("gateway.networking.k8s.io", "GatewayClass"),
    ("cert-manager.io", "ClusterIssuer"),
];

/// Groups that only clients read.
const CLIENT_SIDE: &[&str] = &["kustomize.config.k8s.io"];

/// The data a stream must have after the run, computed from the data it had before.
pub fn intended(mut documents: Vec<Value>, intent: &Intent) -> Vec<Value> {
    for document in &mut documents {
        intend(document, intent);
    }
    documents
}

fn string<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path)?.as_str()
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(*key))
}

fn is_empty(value: Option<&Value>) -> bool {
    value.is_none_or(|v| v.is_null() || v.as_str() == Some(""))
}

fn intend(resource: &mut Value, intent: &Intent) {
    intend_in(resource, ("", ""), intent);
}

/// An item of a typed list that names neither apiVersion nor kind has the list's; `list` holds those.
fn intend_in(resource: &mut Value, list: (&str, &str), intent: &Intent) {
    let text = |key: &str| string(resource, &[key]).unwrap_or_default().to_owned();
    let (mut kind, mut version) = (text("kind"), text("apiVersion"));
    if kind.ends_with("List") && resource.get("items").is_some_and(Value::is_sequence) {
        let item_kind = kind.trim_end_matches("List");
        if let Some(Value::Sequence(items)) = resource.get_mut("items") {
            for item in items {
                intend_in(item, (&version, item_kind), intent);
            }
        }
        return;
    }
    if kind.is_empty() && version.is_empty() {
        (version, kind) = (list.0.to_owned(), list.1.to_owned());
    }
    if kind.is_empty() || version.is_empty() {
        return;
    }
    let group = version.split_once('/').map_or("", |(group, _)| group);
    if CLIENT_SIDE.contains(&group) || !resource.get("metadata").is_some_and(Value::is_mapping) {
        return;
    }
    if let Some(namespace) = &intent.namespace
        && !CLUSTER_SCOPED.contains(&(group, kind.as_str()))
        && is_empty(at(resource, &["metadata", "namespace"]))
    {
        resource["metadata"]["namespace"] = Value::from(namespace.as_str());
    }
    let path: &[&str] = match (group, kind.as_str()) {
        ("", "Pod") => &[],
        ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template"],
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("extensions", "Deployment" | "DaemonSet" | "ReplicaSet")
        | ("", "ReplicationController")
        | ("batch", "Job") => &["spec", "template"],
        _ => return,
    };
    let workload = string(resource, &["metadata", "name"]).unwrap_or_default().to_owned();
    let Some(template) = path.iter().try_fold(resource, |value, key| value.get_mut(*key)) else {
        return;
    };
    if intent.metrics {
        annotate(template, &workload);
    }
    if intent.rum {
        replace_images(template);
    }
}

fn annotate(template: &mut Value, workload: &str) {
    let off =
        |place: &str| string(template, &["metadata", place, "sidecar.istio.io/inject"]) == Some("false");
    if !at(template, &["spec", "containers"]).is_some_and(Value::is_sequence)
        || at(template, &["spec", "hostNetwork"]).and_then(Value::as_bool) == Some(true)
        || off("labels")
        || off("annotations")
    {
        return;
    }
    let label = |name: &str| {
        string(template, &["metadata", "labels", name]).filter(|l| !l.is_empty()).map(str::to_owned)
    };
    let app = match workload {
        "productpage-v1" => "product".to_owned(),
        "reviews-v1" => "review1".to_owned(),
        "reviews-v2" => "review2".to_owned(),
        "reviews-v3" => "review3".to_owned(),
        _ => label("app")
            .or_else(|| label("app.kubernetes.io/name"))
            .or_else(|| label("k8s-app"))
            .unwrap_or_else(|| workload.to_owned()),
    };
    if at(template, &["metadata"]).is_none_or(Value::is_null) {
        template["metadata"] = Value::Mapping(serde_yaml::Mapping::new());
    }
    if at(template, &["metadata", "annotations"]).is_none_or(Value::is_null) {
        template["metadata"]["annotations"] = Value::Mapping(serde_yaml::Mapping::new());
    }
    let annotations = &mut template["metadata"]["annotations"];
    if is_empty(annotations.get(KEY)) {
        annotations[KEY] = Value::from(annotation(&format!("minik8s-istio-{app}")));
    }
}

fn replace_images(template: &mut Value) {
    for list in ["initContainers", "containers"] {
        let Some(Value::Sequence(containers)) = template.get_mut("spec").and_then(|s| s.get_mut(list)) else {
            continue;
        };
        for container in containers {
            if string(container, &["image"]).is_some_and(|image| repository(image).ends_with(RUM_REPOSITORY))
            {
                container["image"] = Value::from(RUM_IMAGE);
            }
        }
    }
}

fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or_default();
    let name = image.rfind('/').map_or(0, |slash| slash + 1);
    image[name..].find(':').map_or(image, |colon| &image[..name + colon])
}

// ---- checks -------------------------------------------------------------------------------------------------------

/// An input line that the run is meant to change: what must stay at its two ends, whether every old byte must
/// still be there in order, and what must then stand on the line above.
#[derive(Clone, Debug)]
pub struct Changing {
    pub line: usize,
    pub prefix: String,
    pub suffix: String,
    pub keeps: bool,
    pub above: Option<String>,
}

/// A text and what is known about the way it is written.
#[derive(Clone, Debug, Default)]
pub struct Input {
    pub text: String,
    pub changing: Vec<Changing>,
    /// The indentation step, where the check can rely on one.
    pub step: Option<usize>,
}

fn lines(text: &str) -> Vec<&str> {
    text.split('\n').collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_subsequence(short: &str, long: &str) -> bool {
    let mut long = long.bytes();
    short.bytes().all(|b| long.any(|c| c == b))
}

/// No blanks came between what stays and what is new.
fn is_tight(new: &str, before: &str) -> bool {
    let start = if before.ends_with(':') { new.trim_start() } else { new };
    start.trim() == start
}

fn matches(input: &str, output: &str, changing: Option<&Changing>) -> bool {
    let (input, output) = (input.trim_end_matches('\r'), output.trim_end_matches('\r'));
    input == output
        || changing.is_some_and(|c| {
            output.len() >= c.prefix.len() + c.suffix.len()
                && output.starts_with(&c.prefix)
                && output.ends_with(&c.suffix)
                && match c.keeps {
                    true => is_subsequence(input, output),
                    false => is_tight(&output[c.prefix.len()..output.len() - c.suffix.len()], &c.prefix),
                }
        })
}

/// Every input line is in the output, in order; what is new are lines that the rules write, in the file's own
/// manner. `allowed` says which trimmed lines the rules may write.
pub fn check_lines(input: &Input, output: &[u8], allowed: impl Fn(&str) -> bool) -> Result<(), String> {
    let output = std::str::from_utf8(output).map_err(|e| e.to_string())?;
    let crlf = input.text.contains("\r\n");
    let old = lines(&input.text);
    let new = lines(output);
    if old.last().is_some_and(|l| l.is_empty()) != new.last().is_some_and(|l| l.is_empty()) {
        return Err("the final line break came or went".to_owned());
    }
    for line in &new[..new.len() - 1] {
        if line.ends_with('\r') != crlf {
            return Err(format!("another line ending: `{line}`"));
        }
    }
    let mut inserted: Vec<usize> = Vec::new();
    let mut at = 0;
    for (number, line) in old.iter().enumerate() {
        let changing = input.changing.iter().find(|c| c.line == number);
        loop {
            let Some(candidate) = new.get(at) else {
                return Err(format!("input line {} is lost: `{line}`", number + 1));
            };
            if matches(line, candidate, changing) {
                break;
            }
            inserted.push(at);
            at += 1;
        }
        if let Some(above) = changing.and_then(|c| c.above.as_ref())
            && new[at].trim_end_matches('\r') != line.trim_end_matches('\r')
        {
            let found = at.checked_sub(1).map_or("", |i| new[i].trim_end_matches('\r'));
            if found.trim_start().replace(['"', '\''], "") != above.replace(['"', '\''], "")
                || indent(found) != indent(new[at])
            {
                return Err(format!("above line {} stands `{found}`, expected `{above}`", at + 1));
            }
        }
        at += 1;
    }
    inserted.extend(at..new.len());
    for &i in &inserted {
        if !allowed(new[i].trim_end_matches('\r').trim_start_matches(' ')) {
            return Err(format!("output line {} is neither the input's nor ours: `{}`", i + 1, new[i]));
        }
    }
    if let Some(step) = input.step {
        check_steps(&new, &inserted, step)?;
    }
    Ok(())
}

/// What is written below an inserted key is one step deeper.
fn check_steps(new: &[&str], inserted: &[usize], step: usize) -> Result<(), String> {
    for &i in inserted {
        let line = new[i].trim_end_matches('\r');
        let opens = line.ends_with(':') || line.ends_with('|') || line.ends_with("|-");
        let deeper = new.get(i + 1).map_or(0, |next| indent(next));
        if opens && deeper != indent(line) + step {
            return Err(format!("below output line {} the step is not {step}: `{line}`", i + 1));
        }
    }
    Ok(())
}

/// The lines that the three rules write with default settings.
pub fn ours(line: &str) -> bool {
    let bare: String = line.chars().filter(|c| !matches!(c, '"' | '\'')).collect();
    let bare = bare.strip_suffix(',').unwrap_or(&bare);
    let toml = annotation("");
    let toml_line = toml.lines().any(|l| !l.contains("source") && l.trim_start() == line)
        || (line.starts_with("source = \"minik8s-istio-") && line.ends_with('"'));
    toml_line
        || bare == "namespace: prod"
        || matches!(bare, "}" | "annotations:" | "annotations: {" | "metadata:" | "metadata: {")
        || bare == "datakit/prom.instances: |"
        || bare == "datakit/prom.instances: |-"
        || bare
            .trim_start_matches("metadata: {")
            .trim_start_matches("annotations: {")
            .starts_with("datakit/prom.instances: [[inputs.prom]]\\n")
        || line.starts_with("#image: ")
}

/// The output's data is the input's plus exactly what is intended.
pub fn check_data(input: &str, output: &[u8], intent: &Intent) -> Result<(), String> {
    let before = read_all(input.as_bytes()).map_err(|e| format!("the generated input is not YAML: {e}"))?;
    let after = read_all(output).map_err(|e| format!("the output is not YAML: {e}"))?;
    compare(before, &after, intent)
}

/// The same, by the reader that clusters use, where it is there and takes the input.
pub fn check_data_by_go(input: &str, output: &[u8], intent: &Intent) -> Result<(), String> {
    let Some(readings) = readers::go_read(&[input.as_bytes(), output]) else {
        return Ok(());
    };
    let [before, after] = <[readers::Reading; 2]>::try_from(readings).unwrap();
    let Ok(before) = before else { return Ok(()) };
    let after = after.map_err(|e| format!("Go cannot read the output: {e}"))?;
    compare(before, &after, intent).map_err(|e| format!("as Go reads it: {e}"))
}

fn compare(before: Vec<Value>, after: &[Value], intent: &Intent) -> Result<(), String> {
    let expected = intended(before, intent);
    if expected.len() != after.len() {
        return Err(format!("{} documents became {}", expected.len(), after.len()));
    }
    for (number, (expected, found)) in expected.iter().zip(after).enumerate() {
        same(expected, found, &mut format!("document {}: ", number + 1))?;
    }
    Ok(())
}

/// Equality, the order of mappings included; the annotation is compared as TOML and then letter by letter.
pub fn same(expected: &Value, found: &Value, path: &mut String) -> Result<(), String> {
    let length = path.len();
    match (expected, found) {
        (Value::Mapping(a), Value::Mapping(b)) => {
            for (key, value) in a {
                let Some(other) = b.get(key) else {
                    return Err(format!("{path}.{} is missing", name(key)));
                };
                path.push('.');
                path.push_str(&name(key));
                if key.as_str() == Some(KEY) {
                    same_toml(value, other).map_err(|e| format!("{path}: {e}"))?;
                } else {
                    same(value, other, path)?;
                }
                path.truncate(length);
            }
            match b.keys().find(|key| !a.contains_key(key)) {
                Some(key) => Err(format!("{path}.{} was not there", name(key))),
                None => Ok(()),
            }
        }
        (Value::Sequence(a), Value::Sequence(b)) if a.len() == b.len() => {
            for (number, (value, other)) in a.iter().zip(b).enumerate() {
                path.push_str(&format!("[{number}]"));
                same(value, other, path)?;
                path.truncate(length);
            }
            Ok(())
        }
        (a, b) if a == b => Ok(()),
        (a, b) => Err(format!("{path} is {b:?}, expected {a:?}")),
    }
}

fn name(key: &Value) -> String {
    key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned)
}

fn same_toml(expected: &Value, found: &Value) -> Result<(), String> {
    let (Some(a), Some(b)) = (expected.as_str(), found.as_str()) else {
        return if expected == found { Ok(()) } else { Err(format!("is {found:?}, expected {expected:?}")) };
    };
    if a == b {
        return Ok(());
    }
    let parse = |text: &str| text.parse::<toml::Table>().map_err(|e| e.to_string());
    let (table, other) = (parse(a)?, parse(b)?);
    if table != other {
        return Err(format!("is {other:?}, expected {table:?}"));
    }
    // At an end of file without a line break the literal has none either; a name may need TOML's escapes.
    let letters = |text: &str| {
        let text = text.strip_suffix('\n').unwrap_or(text);
        text.lines().filter(|l| !l.starts_with("  source = ")).map(str::to_owned).collect::<Vec<_>>()
    };
    if letters(a) != letters(b) || b.ends_with("\n\n") {
        return Err(format!("is written {b:?}, expected {a:?}"));
    }
    Ok(())
}

/// Applies a unified diff of one file; strict about positions, counts and context.
pub fn apply(diff: &str, input: &str) -> Result<String, String> {
    if diff.is_empty() {
        return Ok(input.to_owned());
    }
    let source: Vec<&str> = input.split_inclusive('\n').collect();
    let mut taken = 0;
    let mut output = String::new();
    let mut patch = diff.split_inclusive('\n').peekable();
    match (patch.next(), patch.next()) {
        (Some(a), Some(b)) if a.starts_with("--- a/") && b.starts_with("+++ b/") => {}
        other => return Err(format!("no file header: {other:?}")),
    }
    let mut hunks = 0;
    while let Some(header) = patch.next() {
        let [old_start, old_count, new_start, new_count] =
            hunk_header(header).ok_or(format!("not a hunk: {header}"))?;
        hunks += 1;
        let start = if old_count == 0 { old_start } else { old_start.checked_sub(1).ok_or("line 0")? };
        if start < taken || start > source.len() {
            return Err(format!("hunk out of order: {header}"));
        }
        source[taken..start].iter().for_each(|line| output.push_str(line));
        taken = start;
        let written = output.split_inclusive('\n').count();
        if written + usize::from(new_count > 0) != new_start {
            return Err(format!("wrong new position, {} lines are written: {header}", written));
        }
        let (mut old, mut new) = (0, 0);
        while old < old_count || new < new_count || patch.peek().is_some_and(|line| line.starts_with('\\')) {
            let line = patch.next().ok_or("a hunk ends early")?;
            let mut body = line.get(1..).unwrap_or_default().to_owned();
            if patch.peek().is_some_and(|next| next.starts_with("\\ No newline")) {
                patch.next();
                body.truncate(body.len() - 1);
            }
            let kind = line.as_bytes()[0];
            if kind == b' ' || kind == b'-' {
                if source.get(taken) != Some(&body.as_str()) {
                    return Err(format!(
                        "line {} is {:?}, the diff says {body:?}",
                        taken + 1,
                        source.get(taken)
                    ));
                }
                taken += 1;
                old += 1;
            }
            match kind {
                b' ' | b'+' => {
                    output.push_str(&body);
                    new += 1;
                }
                b'-' => {}
                _ => return Err(format!("not a line of a hunk: {line:?}")),
            }
        }
        if (old, new) != (old_count, new_count) {
            return Err(format!("wrong counts: {header}"));
        }
    }
    if hunks == 0 {
        return Err("a header without hunks".to_owned());
    }
    source[taken..].iter().for_each(|line| output.push_str(line));
    Ok(output)
}

fn hunk_header(line: &str) -> Option<[usize; 4]> {
    let (old, rest) = line.strip_prefix("@@ -")?.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| -> Option<(usize, usize)> {
        match text.split_once(',') {
            Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
            None => Some((text.parse().ok()?, 1)),
        }
    };
    let (old, new) = (range(old)?, range(new)?);
    Some([old.0, old.1, new.0, new.1])
}

/// A text and edits of it, made up from numbers: lines with LF and CRLF, blank ones, with and without a last break; edits
/// that begin and end at line starts more often than chance would have it.
pub fn text_and_edits(numbers: &[u32]) -> (String, Vec<(usize, usize, String)>) {
    let mut numbers = numbers.iter().copied();
    let mut next = |below: usize| numbers.next().unwrap_or(0) as usize % below.max(1);
    const LINES: &[&str] =
        &["a: b\n", "\n", "- x\r\n", "é\n", "same\n", "same\n", "\r\n", "--- a\n", "+++ b\n"];
    let mut text = "first\n".to_owned();
    (0..next(14)).for_each(|_| text.push_str(LINES[next(LINES.len())]));
    text.push_str(["", "end", "end\n"][next(3)]);
    let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    let rotated = next(7);
    let mut place = |from: usize| {
        let mut at = match next(3) {
            0 => starts.iter().copied().filter(|at| *at >= from).nth(next(3)).unwrap_or(text.len()),
            1 => from + next(8),
            _ => from,
        };
        at = at.min(text.len());
        (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
    };
    let mut edits = Vec::new();
    // The first line stays: a file that becomes empty is deleted by some programs.
    let mut at = "first\n".len();
    for new in
        ["", "x", "x\n", "\n", "y: 1\r\nz", "same\n", "same\nsame\n"].iter().cycle().skip(rotated).take(4)
    {
        let start = place(at);
        let end = place(start);
        edits.push((start, end, (*new).to_owned()));
        at = end;
    }
    (text, edits)
}

/// Applies a diff in a folder by `patch -p1` or `git apply`, both without any tolerance.
pub fn apply_by(program: &str, folder: &Path, diff: &[u8]) -> Result<(), String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), diff).unwrap();
    let args: &[&str] = match program {
        "patch" => &["-p1", "--binary", "--no-backup-if-mismatch", "-F0", "-i"],
        _ => &["-c", "core.autocrlf=false", "apply", "--whitespace=nowarn"],
    };
    let output = Command::new(program)
        .args(args)
        .arg(file.path())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy;
    Err(format!("{program} refuses\n{}{}{}", text(diff), text(&output.stdout), text(&output.stderr)))
}
