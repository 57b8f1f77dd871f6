//! `init datakit` and the rule `datakit`: on the stock files, on manifests made up by chance, and on a real API server. A
//! model of what is intended, written on parsed YAML, judges the result; lines that were not to change must survive in
//! order. The stock files live in `../shared`; where that is missing these tests say so and pass, or fail with
//! MESHOBS_TEST_ALL=1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError};
use serde_yaml::{Mapping, Value};
use support::manifests::Tape;
use support::{Done, Meshobs, apply, on_path, read_all, same, shared, show, skip};

const TOKEN: &str = "tkn_0123456789abcdef0123456789abcdef";

fn init(args: &[&str], input: &str) -> Done {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("datakit.yaml"), input).unwrap();
    let args = ["init", "datakit", "--from", "datakit.yaml"].iter().chain(args);
    Meshobs::new(args).cwd(here.path()).run()
}

/// Every stock file of DataKit but the one that is not valid YAML.
fn stock() -> Option<Vec<(String, String)>> {
    let folder = shared().map(|s| s.join("stock/datakit")).filter(|f| f.is_dir());
    let Some(folder) = folder else {
        skip("no ../shared/stock/datakit here");
        return None;
    };
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml") && !f.ends_with("datakit-1.2.2.yaml"));
    files.sort();
    assert!(files.len() > 10);
    let name = |f: &Path| f.file_name().unwrap().to_string_lossy().into_owned();
    Some(files.iter().map(|f| (name(f), fs::read_to_string(f).unwrap())).collect())
}

// ---- the model ---------------------------------------------------------------------------------------------------

/// What a DataKit of the default settings is meant to gain.
struct Model {
    zipkin: &'static str,
    /// The tag that election tags gain.
    cluster: Option<&'static str>,
}

fn entry<'v>(value: &'v mut Value, keys: &[&str]) -> &'v mut Value {
    let mut at = value;
    for key in keys {
        if at.is_null() {
            *at = Value::Mapping(Mapping::new());
        }
        at = at.as_mapping_mut().unwrap().entry(Value::from(*key)).or_insert(Value::Null);
    }
    at
}

fn list<'v>(value: &'v mut Value, keys: &[&str]) -> &'v mut Vec<Value> {
    let at = entry(value, keys);
    if at.is_null() {
        *at = Value::Sequence(Vec::new());
    }
    at.as_sequence_mut().unwrap()
}

fn map(pairs: &[(&str, &str)]) -> Value {
    Value::Mapping(pairs.iter().map(|(k, v)| (Value::from(*k), Value::from(*v))).collect())
}

fn is(value: &Value, kind: &str) -> bool {
    value.get("kind").is_some_and(|k| k == kind)
}

impl Model {
    fn conf(&self) -> [(&'static str, &'static str, String); 2] {
        let zipkin = self.zipkin;
        let istiod = "[[inputs.prom]]\n  url = \"http://istiod.istio-system.svc.cluster.local:15014/metrics\"\n  \
                      source = \"prom-istiod\"\n  metric_types = [\"counter\", \"gauge\", \"histogram\"]\n  \
                      interval = \"10s\"\n  measurement_name = \"istio_prom\"\n  [inputs.prom.tags]\n    \
                      app_id = \"istiod\"\n";
        let spans =
            format!("[[inputs.{zipkin}]]\n  pathV1 = \"/api/v1/spans\"\n  pathV2 = \"/api/v2/spans\"\n");
        [
            ("zipkin.conf", "/usr/local/datakit/conf.d/zipkin/zipkin.conf", spans),
            ("prom_istiod.conf", "/usr/local/datakit/conf.d/prom/prom_istiod.conf", istiod.to_owned()),
        ]
    }

    fn intended(&self, mut documents: Vec<Value>) -> Vec<Value> {
        let mut name = String::new();
        let mut namespace = None;
        for daemon in documents.iter_mut().filter(|d| is(d, "DaemonSet")) {
            namespace = daemon["metadata"].get("namespace").cloned();
            name = self.daemon(entry(daemon, &["spec", "template", "spec"]));
        }
        let ours = |d: &&mut Value| is(d, "ConfigMap") && d["metadata"]["name"] == name.as_str();
        if let Some(found) = documents.iter_mut().find(ours) {
            self.data(found);
            return documents;
        }
        let mut new = map(&[("apiVersion", "v1"), ("kind", "ConfigMap")]);
        *entry(&mut new, &["metadata", "name"]) = Value::from(name);
        if let Some(namespace) = namespace {
            *entry(&mut new, &["metadata", "namespace"]) = namespace;
        }
        self.data(&mut new);
        if documents.last().is_some_and(Value::is_null) {
            documents.pop();
        }
        documents.push(new);
        documents
    }

    fn data(&self, config_map: &mut Value) {
        for (key, _, text) in self.conf() {
            *entry(config_map, &["data", key]) = Value::from(text);
        }
    }

    /// Gives back the name of the ConfigMap.
    fn daemon(&self, spec: &mut Value) -> String {
        let container = &mut spec["containers"][0];
        let env = list(container, &["env"]);
        let set = |env: &mut Vec<Value>, name: &str, value: &dyn Fn(&str) -> Option<String>| match env
            .iter_mut()
            .find(|item| item["name"] == name)
        {
            Some(item) => {
                let old = item.get("value").and_then(Value::as_str).unwrap_or_default().to_owned();
                if let Some(new) = value(&old) {
                    *entry(item, &["value"]) = Value::from(new);
                }
            }
            None => {
                if let Some(new) = value("") {
                    env.push(map(&[("name", name), ("value", &new)]));
                }
            }
        };
        set(env, "ENV_DATAWAY", &|old| {
            let host = if old.starts_with("http") { old.split('?').next() } else { None };
            Some(format!("{}?token={TOKEN}", host.unwrap_or("https://openway.guance.com")))
        });
        if let Some(cluster) = self.cluster {
            set(env, "ENV_GLOBAL_ELECTION_TAGS", &|_| Some(cluster.to_owned()));
        }
        set(env, "ENV_HTTP_LISTEN", &|old| old.is_empty().then(|| "0.0.0.0:9529".to_owned()));
        let (mut volume, mut name) = ("datakit-conf".to_owned(), "datakit-conf".to_owned());
        let volumes = list(spec, &["volumes"]);
        match volumes.iter_mut().find(|v| v.get("configMap").is_some()) {
            Some(found) => {
                volume = found["name"].as_str().unwrap().to_owned();
                name = found["configMap"]["name"].as_str().unwrap().to_owned();
                if found["configMap"].get("items").is_some() {
                    let items = list(found, &["configMap", "items"]);
                    items.extend(self.conf().map(|(key, _, _)| map(&[("key", key), ("path", key)])));
                }
            }
            None => {
                let mut new = map(&[]);
                *entry(&mut new, &["configMap", "name"]) = Value::from(name.as_str());
                *entry(&mut new, &["name"]) = Value::from(volume.as_str());
                volumes.push(new);
            }
        }
        let mounts = list(&mut spec["containers"][0], &["volumeMounts"]);
        mounts.extend(
            self.conf()
                .map(|(key, path, _)| map(&[("mountPath", path), ("name", &volume), ("subPath", key)])),
        );
        name
    }
}

/// Whether every line of the old text is in the new one, in order, but those that may change.
fn lines_survive(old: &str, new: &str, may_change: impl Fn(&str) -> bool) -> Result<(), String> {
    let mut new = new.lines();
    for line in old.lines() {
        if !may_change(line) && !new.any(|other| other == line) {
            return Err(format!("lost: {line:?}"));
        }
    }
    Ok(())
}

/// The checks that hold for every file.
fn judge(model: &Model, old: &str, new: &str, may_change: impl Fn(&str) -> bool) -> Result<(), String> {
    lines_survive(old, new, may_change)?;
    let Ok(before) = read_all(old.as_bytes()) else {
        // Duplicate keys, which this reader refuses.
        return Ok(());
    };
    let after = read_all(new.as_bytes())?;
    let mut expected = Value::Sequence(model.intended(before));
    if !old.ends_with('\n')
        && let Some(last) = expected.as_sequence_mut().unwrap().last_mut().filter(|d| is(d, "ConfigMap"))
        && let Some(text) = last["data"].get_mut("prom_istiod.conf")
        && after.last().unwrap()["data"]["prom_istiod.conf"] != *text
    {
        // A literal that ends a text without a line break has none at its end, for all readers.
        *text = Value::from(text.as_str().unwrap().trim_end());
    }
    same(&expected, &Value::Sequence(after), &mut String::new())
}

// ---- stock files -------------------------------------------------------------------------------------------------

fn model_of(name: &str) -> Model {
    let old = ["1.1.", "1.2.0"].iter().any(|version| name.contains(version));
    Model {
        zipkin: if old { "traceZipkin" } else { "zipkin" },
        cluster: name.starts_with("user-1.69.1").then_some("cluster_name_k8s=k8s-demo"),
    }
}

#[test]
fn every_stock_file_gains_exactly_what_is_intended() {
    let Some(files) = stock() else { return };
    for (name, text) in files {
        let done = init(&["--token", TOKEN], &text).expect(0);
        let model = model_of(&name);
        let may_change = |line: &str| {
            let placeholder = ["token=<", "<dataway_url>", "YOUR-ENV-DATAWAY"];
            placeholder.iter().any(|p| line.contains(p))
                || (model.cluster.is_some() && line.contains("Default not set"))
        };
        judge(&model, &text, done.text(), may_change).unwrap_or_else(|e| panic!("{name}: {e}"));
        for line in text.lines().filter(|line| line.contains("token=<") && line.contains('#')) {
            let comment = line.split_once(" #").unwrap().1;
            assert!(done.text().contains(&format!("{TOKEN} #{comment}")), "{name}: {comment}");
        }
        let again = init(&["--token", TOKEN], done.text()).expect(0);
        assert_eq!(again.text(), done.text(), "{name}: twice");
        assert!(again.stderr.contains(" 0 patched"), "{name}: {}", again.stderr);
    }
}

#[test]
fn the_diff_of_a_stock_file_removes_only_the_line_of_the_token() {
    let Some(files) = stock() else { return };
    for (name, text) in files {
        let done = init(&["--token", TOKEN, "--diff", "--show-secrets"], &text).expect(0);
        let body = || done.text().lines().skip(2);
        let removed: Vec<_> = body().filter_map(|l| l.strip_prefix('-')).collect();
        let expected = 1 + usize::from(model_of(&name).cluster.is_some());
        assert_eq!(removed.len(), expected, "{name}: {removed:?}");
        assert!(removed[0].trim_start().starts_with("value: "), "{name}: {removed:?}");
        let patched = init(&["--token", TOKEN, "-q"], &text).expect(0);
        assert_eq!(apply(done.text(), &text).unwrap(), patched.text(), "{name}");
        let masked = init(&["--token", TOKEN, "--diff"], &text).expect(0);
        assert!(!masked.text().contains("0123456789abcdef"), "{name}");
        assert!(masked.text().contains("not for applying") && masked.stderr.contains("not for applying"));
    }
}

#[test]
fn every_stock_file_takes_every_way_of_collecting() {
    let Some(files) = stock() else { return };
    for (name, text) in files {
        for extra in [
            &["--gateways", "--rum", "--cluster-name", "shop", "--global-tags", "a=b"][..],
            &["--token-secret", "datakit-token"],
            &["--collector", "env"],
            &["--collector", "kubernetesprometheus", "--gateways"],
            &["--datakit-namespace", "obs"],
            &["--overwrite", "--dataway", "http://10.0.0.1:9528"],
        ] {
            let args: Vec<&str> = ["--token", TOKEN].iter().chain(extra).copied().collect();
            let done = init(&args, &text);
            if extra[0] == "--collector" && done.status == 2 {
                // Too old for it.
                assert!(done.stderr.contains("before 1."), "{name} {extra:?}: {}", done.stderr);
                continue;
            }
            let done = done.expect(0);
            if read_all(text.as_bytes()).is_ok() {
                read_all(&done.stdout).unwrap_or_else(|e| panic!("{name} {extra:?}: {e}"));
            }
            let again = init(&args, done.text()).expect(0);
            assert_eq!(again.text(), done.text(), "{name} {extra:?}: twice");
        }
    }
}

#[test]
fn the_stock_file_that_is_not_yaml_is_an_error_with_its_place() {
    let Some(folder) = shared().map(|s| s.join("stock/datakit")).filter(|f| f.is_dir()) else {
        return skip("no ../shared/stock/datakit here");
    };
    let text = fs::read_to_string(folder.join("datakit-1.2.2.yaml")).unwrap();
    let line = text.lines().position(|l| l.contains("datakit/logs:|")).unwrap() + 1;
    let done = init(&["--token", TOKEN], &text).expect(2);
    assert!(done.stdout.is_empty());
    assert!(done.stderr.contains(&format!("datakit.yaml:{line}:")), "{}", done.stderr);
    assert!(!done.stderr.contains("0123456789abcdef"), "{}", done.stderr);
}

// ---- by chance ---------------------------------------------------------------------------------------------------

/// A DataKit manifest in one of many layouts.
fn manifest(tape: &mut Tape<'_>) -> String {
    let mut out = String::new();
    // Items flush with their key, or moved in.
    let dash = tape.choose(&["", "  "]);
    let noise = |tape: &mut Tape<'_>, out: &mut String| {
        if tape.once_in(3) {
            let column = " ".repeat(tape.pick(14));
            out.push_str(&format!(
                "{column}# {}\n",
                tape.choose(&["note", "- name: X", "注释", "value: \"a\""])
            ));
        }
        if tape.once_in(6) {
            out.push('\n');
        }
    };
    let quote = |tape: &mut Tape<'_>, text: &str| match tape.pick(4) {
        1 => format!("\"{text}\""),
        2 => format!("'{text}'"),
        _ => text.to_owned(),
    };
    let has_map = tape.pick(4);
    let namespace = tape.once_in(4);
    let namespace = if namespace { "" } else { "  namespace: datakit\n" };
    if tape.once_in(2) {
        out.push_str("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: datakit\n---\n");
    }
    let config_map = |tape: &mut Tape<'_>| {
        let mut out =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: datakit-conf\n{namespace}");
        match tape.pick(5) {
            0 => out.push_str("data: {}\n"),
            1 => out.push_str("data:\n    #a.conf: |-\n    #  [inputs.a]\n# end\n"),
            2 => out.push_str(
                "data: # mine\n  a.conf: |-\n    [inputs.a]\n      # deep\n\n  # between\n  b.conf: x\n",
            ),
            3 => out.push_str("data: {a.conf: x}\n"),
            _ => {}
        }
        out
    };
    if has_map == 1 {
        out.push_str(&config_map(tape));
        out.push_str("---\n");
    }
    out.push_str(&format!(
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: datakit\n{namespace}spec:\n  template:\n"
    ));
    noise(tape, &mut out);
    out.push_str(&format!("    spec:\n      containers:\n      {dash}- name: datakit\n"));
    let column = format!("        {dash}");
    let image = quote(tape, "pubrepo.guance.com/datakit/datakit:1.84.0");
    out.push_str(&format!("{column}image: {image}\n"));
    noise(tape, &mut out);
    if !tape.once_in(6) {
        out.push_str(&format!("{column}env:\n"));
        let mut items: Vec<(&str, &str)> =
            vec![("ENV_ENABLE_ELECTION", "enable"), ("ENV_K8S_NODE_NAME", "x")];
        let value = tape.choose(&[
            "https://openway.guance.com?token=<your-token>",
            "<dataway_url>",
            "YOUR-ENV-DATAWAY",
            "https://openway.truewatch.com/?token=<T>",
        ]);
        if !tape.once_in(5) {
            items.insert(tape.pick(3), ("ENV_DATAWAY", value));
        }
        if tape.once_in(2) {
            items.push(("ENV_HTTP_LISTEN", "0.0.0.0:9529"));
        }
        for (name, value) in items {
            noise(tape, &mut out);
            let (name, value) = (quote(tape, name), quote(tape, value));
            let comment = tape.choose(&["", " # here", "          # far"]);
            if tape.once_in(6) {
                out.push_str(&format!(
                    "{column}{dash}- {{name: {name}, value: \"{}\"}}{comment}\n",
                    value.trim_matches(['"', '\''])
                ));
            } else {
                out.push_str(&format!(
                    "{column}{dash}- name: {name}\n{column}{dash}  value: {value}{comment}\n"
                ));
            }
        }
    }
    match tape.pick(4) {
        0 => {}
        1 => out.push_str(&format!("{column}volumeMounts: []\n")),
        _ => {
            out.push_str(&format!("{column}volumeMounts:\n"));
            noise(tape, &mut out);
            out.push_str(&format!("{column}{dash}- mountPath: /rootfs\n{column}{dash}  name: rootfs\n"));
            noise(tape, &mut out);
        }
    }
    match tape.pick(4) {
        0 => {}
        1 => out.push_str(&format!("      volumes:\n      {dash}- hostPath: {{path: /}}\n        {dash}name: rootfs\n")),
        2 => out.push_str(&format!(
            "      volumes:\n      {dash}- configMap:\n          {dash}name: datakit-conf\n        {dash}name: datakit-conf\n"
        )),
        _ => out.push_str(&format!(
            "      volumes:\n      {dash}- name: conf\n        {dash}configMap:\n          {dash}name: datakit-conf\n          {dash}items: [{{key: a.conf, path: a.conf}}]\n"
        )),
    }
    noise(tape, &mut out);
    if has_map >= 2 {
        out.push_str("---\n");
        out.push_str(&config_map(tape));
    }
    if tape.once_in(4) {
        out.push_str("---\n");
    }
    if tape.once_in(5) {
        out = out.replace('\n', "\r\n");
    }
    if tape.once_in(6) {
        out.truncate(out.trim_end().len());
    }
    out
}

struct Seed(Vec<u8>);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    let rng_seed = if cases.is_some() { RngSeed::Random } else { RngSeed::Fixed(20_211_123) };
    Config { cases: cases.unwrap_or(256), rng_seed, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn manifests_by_chance_gain_exactly_what_is_intended(seed in prop::collection::vec(any::<u8>(), 0..120).prop_map(Seed)) {
        let text = manifest(&mut Tape::new(&seed.0));
        let done = init(&["--token", TOKEN, "-q"], &text);
        let fail = |why: String| TestCaseError::fail(format!("{why}\n--- input\n{}--- output\n{}{}", show(text.as_bytes()), show(&done.stdout), done.stderr));
        if done.status != 0 {
            return Err(fail(format!("status {}", done.status)));
        }
        let model = Model { zipkin: "zipkin", cluster: None };
        // Empty collections on one line are filled in place.
        let may_change = |line: &str| {
            line.contains("ENV_DATAWAY") || ["<", "YOUR-ENV", "[]", "{}", "a.conf: x}", "items: ["].iter().any(|p| line.contains(p))
        };
        let crlf = |s: &str| s.replace("\r\n", "\n");
        judge(&model, &crlf(&text), &crlf(done.text()), may_change).map_err(&fail)?;
        prop_assert_eq!(text.contains("\r\n"), done.text().contains("\r\n"));
        let again = init(&["--token", TOKEN, "-q"], done.text());
        if again.stdout != done.stdout {
            return Err(fail(format!("twice is not once\n{}", show(&again.stdout))));
        }
    }
}

#[test]
fn the_checks_notice_what_is_wrong() {
    let text = manifest(&mut Tape::new(&[]));
    let good = init(&["--token", TOKEN, "-q"], &text).expect(0).text().to_owned();
    let model = Model { zipkin: "zipkin", cluster: None };
    let bad = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        judge(&model, &text, &good.replacen(from, to, 1), |line| line.contains('<'))
    };
    assert_eq!(bad("zipkin.conf", "zipkin.conf"), Ok(()));
    for (from, to) in [
        ("subPath: zipkin.conf", "subPath: prom_istiod.conf"),
        ("    app_id", "    app_ids"),
        (TOKEN, "tkn_x"),
        ("mountPath: /usr", "mountPath: usr"),
        ("name: datakit\n", "name: datakit2\n"),
        ("kind: DaemonSet", "kind: Daemonset"),
    ] {
        assert!(bad(from, to).is_err(), "{from}");
    }
}

// ---- a real API server -------------------------------------------------------------------------------------------

const TRY_ON_SERVER: &str = r#"
lines=$("$1/up" --istio) || exit 90
eval "$lines" || exit 90
trap '"$1/down" >&2' EXIT
"$2" init namespace datakit datakit-monitor obs | kubectl apply -f - >&2 || exit 91
status=0
for file in "$3"/*.yaml; do
  kubectl apply --dry-run=server -f "$file" || { echo "refused: $file" >&2; status=1; }
done
exit $status
"#;

#[test]
fn a_real_api_server_takes_every_way_of_init_datakit() {
    let Some(files) = stock() else { return };
    let cluster = shared().unwrap().join("cluster");
    if !cluster.join("up").is_file() {
        return skip("no ../shared/cluster here");
    }
    if !on_path("kubectl") || !on_path("bash") {
        return skip("no kubectl here");
    }
    let here = tempfile::tempdir().unwrap();
    let mut count = 0;
    for (name, text) in &files {
        let out = init(&["--token", TOKEN, "-q"], text).expect(0);
        // Duplicate keys are refused by kubectl, as they were before.
        if read_all(text.as_bytes()).is_ok() {
            fs::write(here.path().join(name), out.stdout).unwrap();
            count += 1;
        }
    }
    for (name, args) in [
        ("template", &[][..]),
        ("all", &["--gateways", "--rum", "--cluster-name", "shop", "--datakit-namespace", "obs"]),
        ("env", &["--collector", "env"]),
        ("newer", &["--collector", "kubernetesprometheus"]),
        ("secret", &["--token-secret", "datakit-token"]),
    ] {
        let args = ["init", "datakit", "--token", TOKEN].iter().chain(args);
        let out = Meshobs::new(args).cwd(here.path()).run().expect(0);
        fs::write(here.path().join(format!("{name}.yaml")), out.stdout).unwrap();
        count += 1;
    }
    let output = Command::new("bash")
        .args(["-c", TRY_ON_SERVER, "try-on-server"])
        .arg(&cluster)
        .arg(env!("CARGO_BIN_EXE_meshobs"))
        .arg(here.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(90) {
        return skip(&format!("the API server does not start here:\n{stderr}"));
    }
    assert!(output.status.success(), "{stdout}{stderr}");
    let daemons =
        stdout.lines().filter(|l| l.starts_with("daemonset.apps/") && l.contains("dry run")).count();
    assert_eq!(daemons, count, "{stdout}{stderr}");
}
