//! Text of others in everything that is shown: hostile strings in every place where they can enter, and a look at the bytes
//! that come out. kubectl is a stand-in here, which says whatever a cluster could.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::{Done, Meshobs, on_path, skip};

const TOKEN: &str = "tkn_0123456789abcdef0123456789abcdef";

/// What others may call their things. `PWNED` marks what must not begin a line.
const HOSTILE: &[&str] = &[
    "x\nPWNED",
    "x\n::error file=a::PWNED",
    "x\r\n  ::set-env name=a::PWNED",
    "::warning::PWNED",
    "x ##[error]PWNED",
    "x ##vso[task.setvariable variable=a]PWNED",
    "\u{1b}[2J\u{1b}]0;PWNED\u{7}\u{8}",
    "a\rPWNED",
    "a\u{202e}b\u{202a}\u{2066}c\u{2069}",
    "a\u{200b}\u{200d}\u{200f}\u{feff}\u{ad}\u{e0041}",
    "a\u{2028}::error::PWNED\u{2029}PWNED",
    "a\u{85}PWNED\u{9b}31m\u{7f}",
    "$(touch pwned)`touch pwned`",
    "'; touch pwned; '\"; touch pwned; \"",
    "--kubeconfig=pwned",
    "<script>alert(1)</script>\"]; x[\"&amp;",
    "a\\\"]; evil [label=\"x\\",
    "%%{init: {}}%%`a`#quot;",
    "a%0A::error::PWNED,b:c",
];

/// Stops the test where something in an output could drive a terminal, deceive a reader or command a CI runner.
#[track_caller]
fn judge(what: &str, output: &[u8]) {
    let text = std::str::from_utf8(output).unwrap_or_else(|_| panic!("{what}: not UTF-8"));
    let odd = |c: char| {
        (c != '\n' && c.is_control())
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    };
    assert!(!text.contains(odd), "{what}: {text:?}");
    for line in text.lines() {
        assert!(!line.starts_with("PWNED"), "{what}: {text}");
        assert!(!line.trim_start().starts_with("::"), "{what}: {text}");
        assert!(!line.contains("##[") && !line.contains("##vso["), "{what}: {text}");
    }
    assert!(!text.contains("0123456789abcdef"), "{what}: a token: {text}");
}

/// Judges what people see of a run.
#[track_caller]
fn judged(what: &str, done: Done) -> Done {
    judge(what, done.stderr.as_bytes());
    assert!([0, 1, 2].contains(&done.status), "{what}: {}{}", done.status, done.stderr);
    done
}

fn deployment(text: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": text, "namespace": text, "labels": {"app": text}},
        "spec": {"selector": {"matchLabels": {"app": text}}, "template": {
            "metadata": {"labels": {"app": text}, "annotations": {"datakit/prom.instances": text}},
            "spec": {"containers": [{"name": text, "image": format!("docker.io/istio/examples-bookinfo-productpage-v1:{text}")}]},
        }},
    })
}

/// Objects with a text in every place that is looked at, each with something to be said of it.
fn objects(text: &str) -> Vec<Value> {
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": text}}),
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": text},
            "status": {"conditions": [{"type": "Ready", "status": "False", "message": text}]}}),
        deployment(text),
        json!({"apiVersion": text, "kind": text, "metadata": {"name": text, "namespace": "default"}}),
        json!({"kind": text, "metadata": {"name": text}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": text, "namespace": text, "labels": {"app": text}},
            "spec": {"containers": [{"name": text, "image": text}]},
            "status": {"containerStatuses": [{"state": {"waiting": {"reason": text, "message": text}}}]}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "istiod", "namespace": "istio-system", "labels": {"app": "istiod"}},
            "spec": {"template": {"spec": {"containers": [{"name": "x", "image": format!("istio/pilot:{text}")}]}}}}),
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": text, "namespace": "datakit"},
            "spec": {"template": {"spec": {
                "containers": [{"name": "datakit", "image": format!("datakit:{text}"), "env": [
                    {"name": "ENV_DATAWAY", "value": format!("https://x?token={TOKEN}{text}")},
                    {"name": "ENV_DEFAULT_ENABLED_INPUTS", "value": text}],
                    "volumeMounts": [{"name": "c", "mountPath": "/usr/local/datakit/conf.d/a/a.conf", "subPath": text}]}],
                "volumes": [{"name": "c", "configMap": {"name": "datakit-conf"}}]}}}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "datakit-conf", "namespace": "datakit"},
            "data": {"a.conf": format!("[[inputs.{text}"), text: text}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"},
            "data": {"mesh": serde_json::to_string(
                &json!({"defaultConfig": {"tracing": {"zipkin": {"address": format!("{text}:1")}}}})).unwrap()}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "zipkin", "namespace": "istio-system"},
            "spec": {"type": "ExternalName", "externalName": format!("datakit-service.{text}")}}),
        json!({"apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService",
            "metadata": {"name": text, "namespace": text},
            "spec": {"hosts": [format!("{text}.default.svc.cluster.local")], "gateways": [format!("default/{text}")],
                "http": [{"match": [{"uri": {"exact": text}}], "route": [{"destination": {"host": text, "subset": text}}]}]}}),
    ]
}

/// Objects as one file, in ASCII: what is not is escaped, since YAML has no controls.
fn file(objects: Vec<Value>) -> String {
    let json = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    let mut out = String::new();
    for c in json.chars() {
        match c {
            ' '..='~' => out.push(c),
            c => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    out
}

fn manifest(text: &str) -> String {
    file(objects(text))
}

/// The name of a file with a text in it.
fn file_name(text: &str) -> String {
    format!("{}.yaml", text.replace('/', "_"))
}

#[test]
fn patch_reports_in_clean_lines() {
    for text in HOSTILE {
        let here = tempfile::tempdir().unwrap();
        let (one, two) = (file_name(text), file_name(&format!("{text}2")));
        fs::write(here.path().join(&one), manifest(text)).unwrap();
        fs::write(here.path().join(&two), format!("a: 1\n# {}\n", text.replace(['\n', '\r'], " "))).unwrap();
        let all: &[&[&str]] =
            &[&[], &["-v"], &["--strict"], &["--overwrite", "--with", "tracing"], &["--check"], &["-i"]];
        for args in all {
            let args = [&["patch"], *args, &["."]].concat();
            let done = judged(text, Meshobs::new(&args).cwd(here.path()).run());
            assert!(!done.stderr.is_empty());
            let done = judged(
                text,
                Meshobs::new([&args[..], &["--report", "json"]].concat()).cwd(here.path()).run(),
            );
            let report: Value =
                serde_json::from_str(&done.stderr).unwrap_or_else(|_| panic!("{}", done.stderr));
            if done.status == 0 {
                // The data are not escaped.
                let resources = report["resources"].as_array().unwrap();
                assert!(resources.iter().any(|entry| entry["name"] == *text), "{}", done.stderr);
            }
        }
    }
}

#[test]
fn errors_show_paths_and_lines_escaped() {
    for text in HOSTILE {
        let here = tempfile::tempdir().unwrap();
        let name = file_name(text);
        let line = text.replace(['\n', '\r'], " ");
        for content in [
            format!("a: [{line}\n"),
            format!("a: \"{line}\" : x\n"),
            format!("{{{{ {line} }}}}: x\n"),
            String::from("\0"),
        ] {
            fs::write(here.path().join(&name), content).unwrap();
            for args in [["patch"].as_slice(), &["patch", "--report", "json"], &["check"]] {
                let path = format!("./{name}");
                let args = [args, &[&path]].concat();
                judged(text, Meshobs::new(&args).cwd(here.path()).run());
            }
            let args = [["patch"].as_slice(), &["--", &name]].concat();
            judged(text, Meshobs::new(&args).cwd(here.path()).run());
        }
        fs::write(
            here.path().join("meshobs.toml"),
            format!("[namespace]\nname = {:?}\n", "x").replace('x', "\\u0007"),
        )
        .unwrap();
        judged(text, Meshobs::new(["patch", &name]).cwd(here.path()).run()).expect(2);
        fs::write(here.path().join("meshobs.toml"), format!("a = {line}\n")).unwrap();
        judged(text, Meshobs::new(["patch", &name]).cwd(here.path()).run()).expect(2);
    }
}

#[test]
fn what_is_typed_comes_back_escaped() {
    let secret = format!("--tokn={TOKEN}");
    for text in HOSTILE.iter().copied().chain([secret.as_str()]) {
        let here = tempfile::tempdir().unwrap();
        let option = format!("--{text}");
        let lines: &[&[&str]] = &[
            &[text],
            &[&option],
            &["patch", &option],
            &["patch", "--report", text],
            &["patch", "--only", text],
            &["patch", "-n", text, "x.yaml"],
            &["patch", "-U", text],
            &["patch", &format!("--diff={text}")],
            &["patch", "--exclude", &format!("[{text}"), "."],
            &["patch", "--image", text, "x.yaml"],
            &["patch", "--config", text],
            &["patch", text],
            &["patch", "-i", "--backup", text, "x.yaml"],
            &["init", text],
            &["init", "namespace", "--", text],
            &["init", "drill", "delay", &format!("--service={text}")],
            &["init", "drill", "delay", &format!("--percentage={text}")],
            &["init", "tracing", &format!("--istio-version={text}")],
            &["init", "tracing", "--mode=mesh-config", &format!("--istio-namespace={text}")],
            &["init", "tracing", "--mode=telemetry", &format!("--istio-namespace={text}")],
            &["init", "nginx", &format!("--upstream={text}")],
            &["init", "nginx", "--upstream=http://a:1", &format!("--server-name={text}")],
            &["init", "nginx", "--upstream=http://a:1", &format!("--listen={text}")],
            &["init", "datakit", &format!("--token={text}")],
            &["init", "datakit", &format!("--env={text}")],
            &["check", &format!("--format={text}"), "."],
            &["check", &format!("--map={text}"), "."],
            &["completion", text],
        ];
        for args in lines {
            judged(&format!("{args:?}"), Meshobs::new(*args).cwd(here.path()).run());
        }
        assert!(!here.path().join("pwned").exists());
    }
}

#[test]
fn pages_and_servers_are_reported_in_clean_lines() {
    for text in HOSTILE {
        let here = tempfile::tempdir().unwrap();
        let name = format!("p{}", text.replace('/', "_"));
        let pages = [
            format!("<html><head><title>{text}</title></head></html>"),
            format!("{{% extends \"{text}\" %}}\n{{% block x %}}{text}{{% endblock %}}"),
            format!("{{% if \"{text}\" %}}<html><head></head></html>{{% endif %}}"),
            format!("<html><!-- meshobs:rum -->{text}<head></head></html>"),
            text.to_string(),
        ];
        for page in pages {
            fs::write(here.path().join(&name), page).unwrap();
            for mode in [
                &[][..],
                &["--mode=configmap", "--rum-config-map=a"],
                &["--mode=image", "-o", "out"],
                &["--remove"],
            ] {
                let args =
                    ["init", "rum", "--html", &name, "--app-id", text, "--datakit-origin", "http://h:1"];
                judged(text, Meshobs::new([&args, mode].concat()).cwd(here.path()).run());
            }
        }
        for conf in [
            format!("http {{ {text}"),
            format!("http {{ server {{ listen {text}; }} }}"),
            format!("http {{ \"{text}\" {{ }} }} }}"),
            text.to_string(),
        ] {
            fs::write(here.path().join(&name), conf).unwrap();
            judged(
                text,
                Meshobs::new(["init", "nginx", "--upstream=http://a:1", "--from", &name])
                    .cwd(here.path())
                    .run(),
            );
        }
        fs::write(here.path().join(&name), manifest(text)).unwrap();
        for args in [&["datakit", "--token", TOKEN][..], &["tracing", "--mode=mesh-config", "--overwrite"]] {
            judged(text, Meshobs::new([&["init"], args, &["--from", &name]].concat()).cwd(here.path()).run());
        }
    }
}

/// Judges all forms of a check's report.
fn check(what: &str, run: &dyn Fn(&[&str]) -> Done, live: bool) {
    let done = judged(what, run(&[]));
    judge(what, &done.stdout);
    assert_eq!(done.status, 1, "{what}: {}{}", done.text(), done.stderr);
    let json = judged(what, run(&["--format=json"]));
    judge(what, &json.stdout);
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(!report["findings"].as_array().unwrap().is_empty());
    if !live {
        let sarif = judged(what, run(&["--format=sarif"]));
        judge(what, &sarif.stdout);
        let _: Value = serde_json::from_slice(&sarif.stdout).unwrap();
        let github = judged(what, run(&["--format=github"]));
        // How many results are unknown is told in a line of its own.
        let told = github.text().lines().filter(|line| !line.starts_with("::notice title=meshobs::"));
        let lines = told.inspect(|line| {
            // `::COMMAND file=…,line=N,col=N,title=…::` and nothing that ends it early.
            let rest = line.strip_prefix("::error file=").or_else(|| line.strip_prefix("::warning file="));
            let (properties, _) =
                rest.and_then(|rest| rest.split_once("::")).unwrap_or_else(|| panic!("{line}"));
            let mut keys = properties.split(',').skip(1).map(|property| property.split_once('=').unwrap().0);
            assert!(keys.by_ref().eq(["line", "col", "title"]), "{line}");
            judge(what, line.trim_start_matches(':').as_bytes());
        });
        assert_eq!(lines.count(), report["findings"].as_array().unwrap().len());
    }
    maps(what, run);
}

/// What stands outside of quotes: a quoted text ends at the first quote that is not escaped.
fn unquoted(text: &str) -> String {
    let (mut inside, mut escaped, mut out) = (false, false, String::new());
    for c in text.chars() {
        if c == '"' && !escaped {
            inside = !inside;
        } else if !inside {
            out.push(c);
        }
        escaped = inside && c == '\\' && !escaped;
    }
    out
}

fn maps(what: &str, run: &dyn Fn(&[&str]) -> Done) {
    let mermaid = judged(what, run(&["--map=mermaid"]));
    judge(what, &mermaid.stdout);
    let word = |c: char| c.is_ascii_alphanumeric();
    for line in mermaid.text().lines().skip(1).filter(|line| !line.starts_with("  linkStyle ")) {
        let line = line.trim_start();
        if line == "end" {
            continue;
        }
        let rest = line.strip_prefix("subgraph ").unwrap_or(line).trim_start_matches(word);
        let label = rest.strip_prefix("[\"").and_then(|rest| rest.strip_suffix("\"]"));
        let edge = || rest.starts_with(" -->|\"") || rest.starts_with(" -.->|\"");
        let clean = |label: &str| !label.contains(['"', '<', '>', '`', '\\', '{', '%', '[']);
        assert!(label.map_or_else(edge, clean), "{what}: {line}");
    }
    let dot = judged(what, run(&["--map=dot"]));
    judge(what, &dot.stdout);
    for line in dot.text().lines().filter(|line| line.contains("[label=")) {
        let bare = unquoted(line);
        let (place, bare) = bare.split_once('[').unwrap_or(("", bare.trim()));
        let edge = place.contains(" -> ");
        let attributes: &[&str] = match edge {
            false => &["label=];", "label=;"],
            true => &[
                "label=, color=, fontcolor=, style=solid, tooltip=];",
                "label=, color=, fontcolor=, style=dashed, tooltip=];",
            ],
        };
        assert!(attributes.contains(&bare), "{what}: {line}");
    }
    if on_path("dot") {
        let path = tempfile::NamedTempFile::new().unwrap();
        fs::write(path.path(), &dot.stdout).unwrap();
        assert!(Command::new("dot").arg("-Tsvg").arg(path.path()).output().unwrap().status.success());
    }
    let html = judged(what, run(&["--map=html"]));
    judge(what, &html.stdout);
    let mut tags = BTreeSet::new();
    for token in html5gum::Tokenizer::new(html.text()) {
        match token.unwrap() {
            html5gum::Token::StartTag(tag) => {
                tags.insert(String::from_utf8(tag.name.to_vec()).unwrap());
            }
            html5gum::Token::Error(error) => panic!("{what}: {error:?}"),
            _ => {}
        }
    }
    let known = [
        "html", "head", "meta", "title", "style", "body", "svg", "defs", "marker", "path", "g", "line",
        "text", "rect", "a", "b", "br", "code", "div", "h2", "li", "ol", "p", "span",
    ];
    assert!(tags.iter().all(|tag| known.contains(&tag.as_str())), "{what}: {tags:?}");
}

#[test]
fn a_check_of_files_is_clean_in_every_format() {
    for text in HOSTILE {
        let here = tempfile::tempdir().unwrap();
        fs::write(here.path().join(file_name(text)), manifest(text)).unwrap();
        fs::write(here.path().join(file_name(&format!("z{text}"))), b"a: [\n").unwrap();
        check(text, &|args| Meshobs::new([&["check", "."], args].concat()).cwd(here.path()).run(), false);
    }
}

// ---- a cluster that says anything ------------------------------------------------------------------------------

/// Answers as files beside it say, and notes the arguments of each call in a file.
const KUBECTL: &str = r#"#!/bin/sh
printf '%s\0' "$@" > "$ANSWERS/call.$$"
case "$*" in
*"version --client"*) echo '{"clientVersion": {"gitVersion": "v1.30.0"}}' ;;
*version*) cat "$ANSWERS/version" ;;
*meshobs-record*) cat "$ANSWERS/record" ;;
*kube-system*) echo namespace/kube-system ;;
*"get events"*) cat "$ANSWERS/events" ;;
*nodes,*all-namespaces*) cat "$ANSWERS/world" ;;
*all-namespaces*) echo '{"items": []}' ;;
*"rollout status"*) cat "$ANSWERS/said"; cat "$ANSWERS/said" >&2; exit 1 ;;
*diff*) cat > /dev/null; cat "$ANSWERS/diff"; exit 1 ;;
*apply*dry-run*) cat > /dev/null; echo '{}' ;;
*"get --ignore-not-found"*"-f -"*) cat > /dev/null; cat "$ANSWERS/there" ;;
*create*|*replace*) cat > /dev/null; echo '{"metadata": {"resourceVersion": "1"}}' ;;
*apply*) cat > /dev/null; echo '{}'; [ ! -e "$ANSWERS/refuse" ] || { cat "$ANSWERS/said" >&2; exit 1; } ;;
*) : ;;
esac
"#;

/// A folder with the stand-in and its answers.
struct Standin(tempfile::TempDir);

impl Standin {
    fn new(text: &str) -> Self {
        let standin = Self(tempfile::tempdir().unwrap());
        standin.write("kubectl", KUBECTL);
        fs::set_permissions(standin.path().join("kubectl"), fs::Permissions::from_mode(0o755)).unwrap();
        standin.write("world", &json!({"items": objects(text)}).to_string());
        standin.write("version", &json!({"gitVersion": text}).to_string());
        standin.write("record", "");
        standin.write("there", "");
        standin.write("said", &format!("{text}\n{text} {TOKEN}\n"));
        standin.write("diff", &format!("--- /tmp/LIVE-1/{text}\t1\n+++ /tmp/MERGED-1/{text}\t1\n@@ -1 +1 @@\n-{text}\n+{text}\n{text}\n"));
        let event = |name: &str| json!({"involvedObject": {"name": name}, "reason": text, "message": text});
        standin.write("events", &json!({"items": [event(text), event("productpage")]}).to_string());
        standin
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn run(&self, args: &[&str]) -> Done {
        let path = format!("{}:/usr/bin:/bin", self.path().display());
        let run = Meshobs::new(args).cwd(self.path()).env("PATH", &path);
        run.env("ANSWERS", &self.path().display().to_string()).run()
    }

    /// The arguments of every call.
    fn calls(&self) -> Vec<Vec<String>> {
        let files = support::tree(self.path()).into_iter().filter(|(name, _)| name.starts_with("call."));
        let words =
            |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().split('\0').map(str::to_owned).collect();
        files.map(|(_, bytes)| words(bytes)).collect()
    }
}

#[test]
fn a_check_of_a_cluster_is_clean_in_every_format() {
    for text in HOSTILE {
        let standin = Standin::new(text);
        check(text, &|args| standin.run(&[&["check"], args].concat()), true);
    }
}

#[test]
fn what_kubectl_says_is_shown_in_lines_of_ours() {
    for text in HOSTILE {
        let standin = Standin::new(text);
        standin.write("kubectl", "#!/bin/sh\ncat \"$ANSWERS/said\"; cat \"$ANSWERS/said\" >&2; exit 1\n");
        let lines: &[&[&str]] = &[
            &["check"],
            &["install", "--yes", "--token", TOKEN],
            &["uninstall", "--yes"],
            &["status"],
            &["init", "tracing", "--detect"],
            &["init", "nginx", "--detect"],
        ];
        for args in lines {
            let done = judged(&format!("{args:?}"), standin.run(args)).expect(2);
            assert!(done.stderr.starts_with("meshobs: "), "{}", done.stderr);
        }
    }
}

#[test]
fn an_installation_reports_in_clean_lines_and_hands_no_name_over_as_an_option() {
    for text in HOSTILE {
        let standin = Standin::new("x");
        let hostile = Standin::new(text);
        for answer in ["said", "diff", "events"] {
            fs::copy(hostile.path().join(answer), standin.path().join(answer)).unwrap();
        }
        // An Istio and a DataKit that an installation can go on from.
        let mut world = objects(text);
        world[6]["spec"]["template"]["spec"]["containers"][0]["image"] = json!("istio/pilot:1.11.2");
        world.retain(|object| object["kind"] != "DaemonSet");
        standin.write("world", &json!({"items": world}).to_string());
        let namespace =
            |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let there = json!({"items": [namespace("istio-system"), namespace(text)]});
        standin.write("there", &there.to_string());
        let app: Vec<Value> = vec![
            deployment(text),
            json!({"apiVersion": "v1", "kind": text, "metadata": {"name": text}}),
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": text}}),
        ];
        standin.write("app.json", &file(app));
        let install = ["install", "--yes", "--token", TOKEN, "--timeout", "3s", "app.json"];
        let done = judged(text, standin.run(&install)).expect(2);
        assert!(done.stderr.contains("did not roll out"), "{}", done.stderr);
        standin.write("refuse", "");
        let done = judged(text, standin.run(&install)).expect(2);
        assert!(done.stderr.contains("failed: "), "{}", done.stderr);
        judged(text, standin.run(&[&install[..], &["--dry-run=server"]].concat()));

        let reference = json!({"kind": text, "namespace": text, "name": text, "uid": ""});
        let record = json!({
            "created": [reference, {"kind": "Namespace", "namespace": "", "name": text, "uid": ""}],
            "changed": [{"object": reference, "values": [{"path": ["a", text], "before": text, "after": text}]}],
            "istio": text,
        });
        standin.write("record", &json!({"data": {"record": record.to_string()}}).to_string());
        // Names that no object has make the record unreadable.
        judged(text, standin.run(&["uninstall", "--dry-run"]));
        judged(text, standin.run(&["uninstall", "--yes"]));
        judged(text, standin.run(&["status"]));

        let calls = standin.calls();
        let named = |call: &&Vec<String>| call.iter().any(|word| word.ends_with(text));
        // Most names go to its stdin.
        assert!(calls.iter().filter(named).count() > 1, "{calls:?}");
        for call in calls.iter().filter(named) {
            let end = call.iter().position(|word| word == "--").unwrap_or(call.len());
            for (i, word) in call[..end].iter().enumerate().filter(|(_, word)| word.ends_with(text)) {
                assert!(i > 0 && call[i - 1] == "-n", "`{word}` is no operand: {call:?}");
            }
        }
    }
}

#[test]
fn commands_to_be_pasted_do_what_they_say() {
    if !on_path("bash") {
        return skip("no bash");
    }
    for text in HOSTILE {
        let standin = Standin::new(text);
        let report: Value = serde_json::from_slice(&standin.run(&["check", "--format=json"]).stdout).unwrap();
        let place = tempfile::tempdir().unwrap();
        // What is called notes its arguments, each with a NUL behind it.
        for name in ["meshobs", "kubectl"] {
            let script =
                format!("#!/bin/sh\nprintf '%s\\0' \"$@\" > '{}/{name}.args'\n", place.path().display());
            fs::write(place.path().join(name), script).unwrap();
            fs::set_permissions(place.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut seen = 0;
        for finding in report["findings"].as_array().unwrap() {
            let hint = finding["hint"].as_str().unwrap();
            let command = hint.split(", then restart").next().unwrap();
            let (program, prefix): (&str, &[&str]) = match command {
                command if command.starts_with("meshobs init namespace ") => {
                    ("meshobs", &["init", "namespace"])
                }
                command if command.starts_with("kubectl rollout restart ") => {
                    ("kubectl", &["rollout", "restart", "-n"])
                }
                command if command.starts_with("kubectl describe -n ") => ("kubectl", &["describe", "-n"]),
                _ => continue,
            };
            let command = command.replace(" | kubectl apply -f -", "");
            let run = Command::new("bash")
                .args(["-c", &command])
                .env("PATH", format!("{}:/usr/bin:/bin", place.path().display()))
                .current_dir(place.path())
                .output()
                .unwrap();
            assert!(run.status.success(), "{command}");
            let args = fs::read(place.path().join(format!("{program}.args"))).unwrap();
            let args = String::from_utf8(args).unwrap();
            let mut args: Vec<&str> = args.split_terminator('\0').collect();
            args.retain(|arg| *arg != "--");
            assert_eq!(&args[..prefix.len()], prefix);
            let rest = &args[prefix.len()..];
            let workload = format!("deployment/{text}");
            let daemon = format!("daemonset/{text}");
            let wanted: [&[&str]; 3] = [&[*text], &[*text, &workload], &["datakit", &daemon]];
            if rest == ["istio-system", "deployment/istiod"] {
                continue;
            }
            assert!(wanted.contains(&rest), "{command}: {args:?}");
            seen += 1;
        }
        assert!(seen > 0, "{report}");
        assert!(!place.path().join("pwned").exists(), "{text}");
    }
}

#[test]
fn a_diff_is_applied_whatever_its_file_is_called() {
    if !on_path("git") {
        return skip("no git");
    }
    for text in ["a\nb", "tab\tq\"uote\\", "a\u{202e}b\u{1b}", "plain name"] {
        let here = tempfile::tempdir().unwrap();
        let name = file_name(text);
        let old = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\u{202e}\n";
        fs::write(here.path().join(&name), old).unwrap();
        let diff = Meshobs::new(["patch", "--diff", "-q", &name]).cwd(here.path()).run().expect(0);
        // The content is the file's, byte by byte.
        assert!(diff.text().contains("\n   name: a\u{202e}\n"), "{}", diff.text());
        assert!(
            diff.text().lines().take(2).all(|line| !line.contains(char::is_control) || line.ends_with('\t'))
        );
        fs::write(here.path().join("diff"), &diff.stdout).unwrap();
        let git = Command::new("git").args(["apply", "diff"]).current_dir(here.path()).output().unwrap();
        assert!(git.status.success(), "{}", String::from_utf8_lossy(&git.stderr));
        assert_eq!(fs::read_to_string(here.path().join(&name)).unwrap(), format!("{old}  namespace: prod\n"));
    }
}

// ---- the source ------------------------------------------------------------------------------------------------

#[test]
fn nothing_prints_but_the_gate() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut calls = Vec::new();
    for (name, bytes) in support::tree(&source) {
        // Which file a stream is, is a question about it.
        if name.starts_with("gate/") || name == "stdio.rs" || !name.ends_with(".rs") {
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        // Unit tests come last in their files.
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (number, line) in code.lines().enumerate() {
            let prints = ["print!(", "println!(", "dbg!("].iter().any(|print| line.contains(print));
            let opens = ["stdout()", "stderr()"].iter().any(|stream| {
                line.match_indices(stream).any(|(at, _)| {
                    let rest = &line[at + stream.len()..];
                    // A question about the stream is no output; `use_stderr` is one of clap's.
                    !rest.starts_with(".is_terminal()")
                        && !line[..at].ends_with("use_")
                        && !line[..at].ends_with("FileId::of_")
                        && !line[..at].ends_with("gate::")
                })
            });
            // These print by themselves what they are given.
            let hands_over = ["with_prompt(", "set_message(", "set_prefix("].iter().any(|call| {
                line.split_once(call).is_some_and(|(_, rest)| {
                    !rest.starts_with('"')
                        && !rest.starts_with("text!(")
                        && !rest.starts_with("prompt.to_string()")
                })
            });
            if prints || opens || hands_over {
                calls.push(format!("src/{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(calls.is_empty(), "print through src/gate:\n{}", calls.join("\n"));
}
