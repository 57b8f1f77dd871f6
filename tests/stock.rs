//! The real files: stock Istio and DataKit manifests, the guide's own listings, a real API server. They live in
//! `../shared`; where that is missing these tests say so and pass, or fail with MESHOBS_TEST_ALL=1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_yaml::Value;
use support::{
    Changing, Input, Intent, KEY, Meshobs, apply, check_data, check_data_by_go, check_lines, filter, on_path,
    ours, read_all, shared, skip,
};

const IMAGE: &str = "docker.io/istio/examples-bookinfo-productpage-v1:1.16.2";

fn istio() -> Option<PathBuf> {
    let folder = shared().map(|s| s.join("stock/istio-1.11.2")).filter(|f| f.is_dir());
    if folder.is_none() {
        skip("no ../shared/stock/istio-1.11.2 here");
    }
    folder
}

const FILES: [&str; 3] =
    ["bookinfo.yaml", "bookinfo-gateway.yaml", "virtual-service-ratings-test-delay.yaml"];

fn patch(folder: &Path, args: &[&str]) -> support::Done {
    let here = tempfile::tempdir().unwrap();
    let args = args
        .iter()
        .map(|a| if FILES.contains(a) { folder.join(a).display().to_string() } else { (*a).to_owned() });
    Meshobs::new(std::iter::once("patch".to_owned()).chain(args)).cwd(here.path()).run().expect(0)
}

/// A stock file and the one line that may change in it.
fn stock(folder: &Path, name: &str) -> Input {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    let mut changing = Vec::new();
    for (line, content) in text.split('\n').enumerate() {
        if let Some((before, after)) = content.split_once(IMAGE) {
            let above = Some(format!("#image: {IMAGE}"));
            changing.push(Changing {
                line,
                prefix: before.to_owned(),
                suffix: after.to_owned(),
                keeps: false,
                above,
            });
        }
    }
    Input { text, changing, step: Some(2) }
}

#[test]
fn the_diff_of_bookinfo_removes_one_line_and_adds_only_ours() {
    let Some(folder) = istio() else { return };
    let diff = patch(&folder, &["-q", "--diff", "bookinfo.yaml"]);
    let body = || diff.text().lines().skip(2);
    let removed: Vec<_> = body().filter_map(|l| l.strip_prefix('-')).collect();
    assert_eq!(removed, [format!("        image: {IMAGE}")]);
    let mut namespaces = 0;
    for line in body().filter_map(|l| l.strip_prefix('+')) {
        assert!(ours(line.trim_start()) || line == "        image: product-page:v1", "{line}");
        namespaces += usize::from(line == "  namespace: prod");
    }
    assert_eq!(namespaces, 14);
    let added = body().filter(|l| l.starts_with('+')).count();
    assert_eq!(added, 14 + 6 * 11 + 2, "14 namespaces, 6 annotations of 11 lines, the image and its comment");
    let text = fs::read_to_string(folder.join("bookinfo.yaml")).unwrap();
    let patched = patch(&folder, &["-q", "bookinfo.yaml"]);
    assert_eq!(apply(diff.text(), &text).unwrap(), patched.text());
}

#[test]
fn the_istio_files_keep_every_other_line() {
    let Some(folder) = istio() else { return };
    for name in FILES {
        let input = stock(&folder, name);
        let output = patch(&folder, &["-q", name]).stdout;
        check_lines(&input, &output, ours).unwrap_or_else(|e| panic!("{name}: {e}"));
        check_data(&input.text, &output, &Intent::default())
            .and_then(|()| check_data_by_go(&input.text, &output, &Intent::default()))
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let again = filter(&std::env::temp_dir(), &["-q", "--no-config"], &output).expect(0);
        assert!(again.stdout == output, "{name}: patching twice");
        filter(&std::env::temp_dir(), &["-q", "--no-config", "--check"], &output).expect(0);
    }
}

#[test]
fn the_three_files_together_are_one_stream() {
    let Some(folder) = istio() else { return };
    let done = patch(&folder, &["-q", FILES[0], FILES[1], FILES[2]]);
    let resources: Vec<_> = read_all(&done.stdout).unwrap().into_iter().filter(|d| !d.is_null()).collect();
    assert_eq!(resources.len(), 17);
    assert!(resources.iter().all(|r| r["metadata"]["namespace"] == "prod"));
}

// ---- the guide ---------------------------------------------------------------------------------------------------

/// The code block that follows a sentence of the guide.
fn listing(guide: &str, sentence: &str) -> String {
    let (_, rest) = guide.split_once(sentence).expect("the guide has the sentence");
    let (_, rest) = rest.split_once("```\n").expect("a block opens");
    let (block, _) = rest.split_once("\n```").expect("it closes");
    format!("{block}\n")
}

fn corrected(text: &str, wrong: &str, right: &str) -> String {
    assert_eq!(text.matches(wrong).count(), 1, "the guide's error `{wrong}`");
    text.replace(wrong, right)
}

/// Equal data, the annotation read as TOML: the guide's own text has comments in it.
fn same_meaning(expected: &Value, found: &Value, path: &str) {
    match (expected, found) {
        (Value::Mapping(a), Value::Mapping(b)) => {
            let keys = |m: &serde_yaml::Mapping| m.keys().cloned().collect::<std::collections::HashSet<_>>();
            assert_eq!(keys(a), keys(b), "keys at {path}");
            for (key, value) in a {
                let name = key.as_str().unwrap();
                if name == KEY {
                    let table = |v: &Value| v.as_str().unwrap().parse::<toml::Table>().unwrap();
                    assert_eq!(table(value), table(&b[key]), "{path}.{name}");
                } else {
                    same_meaning(value, &b[key], &format!("{path}.{name}"));
                }
            }
        }
        (Value::Sequence(a), Value::Sequence(b)) => {
            assert_eq!(a.len(), b.len(), "items at {path}");
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                same_meaning(a, b, &format!("{path}[{n}]"));
            }
        }
        (a, b) => assert_eq!(a, b, "{path}"),
    }
}

#[test]
fn the_data_is_that_of_the_guides_listings() {
    let Some(folder) = istio() else { return };
    let guide = shared().unwrap().join("guide/istio-observability.zh.md");
    let Ok(guide) = fs::read_to_string(guide) else {
        return skip("no guide in ../shared/guide");
    };
    let bookinfo = listing(&guide, "完整 bookinfo.yaml");
    let bookinfo = corrected(&bookinfo, "image: image: product-page:v1", "image: product-page:v1");
    let gateway = listing(&guide, "完整 bookinfo-gateway.yaml");
    assert!(gateway.starts_with("kind: Gateway\n"), "the guide's error: no apiVersion");
    let gateway = format!("apiVersion: networking.istio.io/v1alpha3\n{gateway}");
    for (name, listing, count) in [("bookinfo.yaml", bookinfo, 14), ("bookinfo-gateway.yaml", gateway, 2)] {
        let some =
            |bytes: &[u8]| read_all(bytes).unwrap().into_iter().filter(|d| !d.is_null()).collect::<Vec<_>>();
        let expected = some(listing.as_bytes());
        let found = some(&patch(&folder, &["-q", name]).stdout);
        assert_eq!((expected.len(), found.len()), (count, count));
        for (expected, found) in expected.iter().zip(&found) {
            let path = format!(
                "{}/{}",
                found["kind"].as_str().unwrap(),
                found["metadata"]["name"].as_str().unwrap()
            );
            same_meaning(expected, found, &path);
        }
    }
}

#[test]
fn the_guides_own_listings_are_refused_or_skipped_with_a_reason() {
    let Some(guide) = shared().map(|s| s.join("guide/istio-observability.zh.md")).filter(|p| p.is_file())
    else {
        return skip("no guide in ../shared/guide");
    };
    let guide = fs::read_to_string(guide).unwrap();
    let here = tempfile::tempdir().unwrap();
    let bookinfo = listing(&guide, "完整 bookinfo.yaml");
    let line = bookinfo.lines().position(|l| l.contains("image: image:")).unwrap() + 1;
    let done = filter(here.path(), &[], bookinfo.as_bytes()).expect(2);
    assert!(done.stderr.contains(&format!(":{line}:")), "{}", done.stderr);
    let gateway = listing(&guide, "完整 bookinfo-gateway.yaml");
    let done = filter(here.path(), &[], gateway.as_bytes()).expect(0);
    assert!(done.stdout == gateway.as_bytes(), "both resources have their namespace, one has no apiVersion");
    assert!(done.stderr.contains("apiVersion"), "{}", done.stderr);
}

// ---- DataKit -----------------------------------------------------------------------------------------------------

/// Every stock file of DataKit; one of them is not valid YAML as it was shipped.
fn datakit() -> Option<Vec<PathBuf>> {
    let folder = shared().map(|s| s.join("stock/datakit")).filter(|f| f.is_dir());
    let Some(folder) = folder else {
        skip("no ../shared/stock/datakit here");
        return None;
    };
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml") && !f.ends_with("datakit-1.2.2.yaml"));
    files.sort();
    assert!(files.len() > 10);
    Some(files)
}

#[test]
fn datakit_files_keep_their_lines_and_settle_after_one_run() {
    let Some(files) = datakit() else { return };
    let here = tempfile::tempdir().unwrap();
    for args in [
        &["--skip", "datakit"][..],
        &["--skip", "datakit", "--overwrite"],
        &["--only", "metrics"],
        &["--skip", "datakit", "--image", "pubrepo.jiagouyun.com/datakit/datakit=mine/datakit:1"],
    ] {
        for file in &files {
            let text = fs::read_to_string(file).unwrap();
            let name = file.file_name().unwrap().to_string_lossy();
            let done = filter(here.path(), args, text.as_bytes());
            assert_eq!(done.status, 0, "{name} {args:?}: {}", done.stderr);
            let mut changing = Vec::new();
            for (line, content) in text.split('\n').enumerate() {
                for key in ["namespace:", "image:"] {
                    if let Some((before, _)) = content.split_once(key) {
                        let prefix = format!("{before}{key}");
                        changing.push(Changing {
                            line,
                            prefix,
                            suffix: String::new(),
                            keeps: false,
                            above: None,
                        });
                    }
                }
            }
            let input = Input { text, changing, step: None };
            check_lines(&input, &done.stdout, ours).unwrap_or_else(|e| panic!("{name} {args:?}: {e}"));
            // Some files have duplicate keys, which this reader refuses before and after.
            if let Ok(before) = read_all(input.text.as_bytes()) {
                let after = read_all(&done.stdout).unwrap_or_else(|e| panic!("{name} {args:?}: {e}"));
                assert_eq!(before.len(), after.len(), "{name}");
                if args.len() == 2 && args[0] == "--skip" {
                    // Namespaces of a chart that is rendered are left to Helm.
                    let rendered = input.text.lines().any(|line| line.starts_with("# Source: "));
                    let namespace = Intent::default().namespace.filter(|_| !rendered);
                    check_data(&input.text, &done.stdout, &Intent { namespace, ..Intent::default() })
                        .unwrap_or_else(|e| panic!("{name}: {e}"));
                }
            }
            let again = filter(here.path(), args, &done.stdout).expect(0);
            assert!(again.stdout == done.stdout, "{name} {args:?}: patching twice");
        }
    }
}

/// The ids of the failures and warnings about DataKit, sorted.
fn datakit_findings(folder: &Path, file: &Path) -> Vec<String> {
    let args = ["check", "--format", "json", &file.display().to_string()];
    let done = Meshobs::new(args).cwd(folder).run();
    let value: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let findings = value["findings"].as_array().unwrap().iter();
    let ids = findings.map(|finding| finding["id"].as_str().unwrap().to_owned());
    let mut ids: Vec<String> = ids.filter(|id| id.starts_with("datakit-")).collect();
    ids.sort();
    ids
}

/// Of a manifest as its publisher ships it only what is really missing is found, and `patch` adds all of that.
#[test]
fn stock_datakit_lacks_its_token_and_what_a_mesh_needs_and_patch_adds_it() {
    let Some(files) = datakit() else { return };
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let here = tempfile::tempdir().unwrap();
        let mut wanted = vec!["datakit-istiod", "datakit-token", "datakit-zipkin"];
        match name.as_str() {
            "datakit-1.2.2.yaml" => continue,
            // It is the only one without ENV_HTTP_LISTEN.
            "datakit-1.1.7-rc2.yaml" => wanted.insert(1, "datakit-listen"),
            "datakit-1.63.0.yaml" => wanted.insert(2, "datakit-version"),
            _ => {}
        }
        assert_eq!(datakit_findings(here.path(), &file), wanted, "{name}");
        let copy = here.path().join(&name);
        fs::write(&copy, fs::read(&file).unwrap()).unwrap();
        fs::write(here.path().join("token"), "tkn_0123456789abcdef0123456789abcdef").unwrap();
        let args = ["patch", "-i", "-q", "--only", "datakit", "--token-file", "token"];
        Meshobs::new(args.into_iter().chain([name.as_str()])).cwd(here.path()).run().expect(0);
        let left = datakit_findings(here.path(), &copy);
        // `patch` changes neither the image nor the resolver.
        let kept: &[&str] = match name.as_str() {
            "datakit-1.1.7-rc2.yaml" => &["datakit-dns"],
            "datakit-1.63.0.yaml" => &["datakit-version"],
            _ => &[],
        };
        assert_eq!(left, kept, "{name} after patch");
    }
}

/// The file for spans that the guide gives, with a DataKit that calls the input otherwise: the command that `check`
/// prints puts it right.
#[test]
fn the_hint_for_a_datakit_before_1_2_9_works_as_printed() {
    let here = tempfile::tempdir().unwrap();
    let healthy = include_str!("../testdata/datakit-mesh/healthy.yaml");
    let file = here.path().join("mesh.yaml");
    fs::write(&file, healthy.replace("datakit:1.84.0", "datakit:1.2.0")).unwrap();
    let done = Meshobs::new(["check", "--format", "json", "mesh.yaml"]).cwd(here.path()).run();
    let value: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(datakit_findings(here.path(), &file), ["datakit-zipkin"]);
    let mut findings = value["findings"].as_array().unwrap().iter();
    let finding = findings.find(|finding| finding["id"] == "datakit-zipkin").unwrap();
    let hint = finding["hint"].as_str().unwrap().to_owned();
    let words: Vec<&str> = hint.split(' ').skip(1).collect();
    Meshobs::new(words).cwd(here.path()).run().expect(0);
    assert_eq!(datakit_findings(here.path(), &file), Vec::<String>::new(), "{hint}");
}

#[test]
fn the_datakit_file_that_is_not_yaml_is_an_error_with_its_place() {
    let Some(folder) = shared().map(|s| s.join("stock/datakit")).filter(|f| f.is_dir()) else {
        return skip("no ../shared/stock/datakit here");
    };
    let text = fs::read_to_string(folder.join("datakit-1.2.2.yaml")).unwrap();
    let line = text.lines().position(|l| l.contains("datakit/logs:|")).unwrap() + 1;
    let done = filter(&std::env::temp_dir(), &["--no-config"], text.as_bytes()).expect(2);
    assert!(done.stdout.is_empty());
    let near = (line..=line + 2).any(|l| done.stderr.contains(&format!(":{l}:")));
    assert!(near, "line {line}: {}", done.stderr);
}

// ---- a real API server -------------------------------------------------------------------------------------------

const TRY_ON_SERVER: &str = r#"
lines=$("$1/up" --istio) || exit 90
eval "$lines" || exit 90
trap '"$1/down" >&2' EXIT
set -o pipefail
"$3" init namespace prod datakit | kubectl apply -f - >&2 || exit 91
try() { kubectl apply --dry-run=server -f "${1:--}"; }
try "$2" &&
  "$3" init gateway-metrics | try &&
  "$3" init tracing --istio-version 1.11.2 | try &&
  "$3" init tracing --detect | try &&
  "$3" init tracing --mode telemetry --istio-version 1.14.0 | try &&
  "$3" init drill delay | try &&
  "$3" init drill abort --service reviews --subset v2 --istio-version 1.11.2 | try &&
  "$3" init rum --html "$4" --app-id a --datakit-origin / --mode configmap | try &&
  kubectl get configmap istio -n istio-system -o yaml | "$3" patch --only tracing | try
"#;

#[test]
fn a_real_api_server_takes_the_result() {
    let Some(folder) = istio() else { return };
    let cluster = shared().unwrap().join("cluster");
    if !cluster.join("up").is_file() {
        return skip("no ../shared/cluster here");
    }
    if !on_path("kubectl") || !on_path("bash") {
        return skip("no kubectl here");
    }
    let here = tempfile::tempdir().unwrap();
    let manifests = here.path().join("all.yaml");
    fs::write(&manifests, patch(&folder, &["-q", FILES[0], FILES[1], FILES[2]]).stdout).unwrap();
    let output = Command::new("bash")
        .args(["-c", TRY_ON_SERVER, "try-on-server"])
        .arg(&cluster)
        .arg(&manifests)
        .arg(env!("CARGO_BIN_EXE_meshobs"))
        .arg(folder.join("productpage.html"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(90) {
        return skip(&format!("the API server does not start here:\n{stderr}"));
    }
    assert!(output.status.success(), "{stdout}{stderr}");
    let created = stdout.lines().filter(|l| l.contains("created (server dry run)")).count();
    // The application, the gateways' Services, twice the two of external-name, the Telemetry, two drills, the page.
    assert_eq!(created, 17 + 2 + 2 + 2 + 1 + 4 + 1, "{stdout}{stderr}");
    assert!(stdout.contains("configmap/istio configured (server dry run)"), "{stdout}{stderr}");
}
