//! Twice is once, under every flag: the flags come from the definition of the command line itself, so a new one is
//! covered, or fails here until it has a sample value.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use clap::ArgAction;
use support::{Meshobs, copy_tree, differences, show, skip};

/// Flags that say where output goes and what is reported, not what is changed.
const OUTPUT: &[&str] = &[
    "output",
    "in_place",
    "backup",
    "diff",
    "unified",
    "show_secrets",
    "check",
    "color",
    "quiet",
    "verbose",
    "report",
    "report-file",
    "config",
    "no_config",
    "help",
];

/// Values of flags that take free text; several are several samples.
const SAMPLES: &[(&str, &[&str])] = &[
    ("exclude", &["*.none"]),
    ("namespace", &["default", "datakit", "istio-system"]),
    ("cluster-scoped", &["ConfigMap"]),
    ("metrics-url", &["http://$IP:15090/stats"]),
    ("metrics-port", &["15090"]),
    ("metrics-path", &["/stats"]),
    ("metrics-types", &["counter"]),
    ("metrics-interval", &["30s"]),
    ("metrics-measurement", &["mesh"]),
    ("metrics-name-filter", &["istio_requests_total"]),
    ("metrics-tags-ignore", &["pod"]),
    ("metrics-tag", &["a=b"]),
    ("metrics-source", &["{namespace}-{app}-{version}-{workload}-{kind}"]),
    ("rum-image", &["reg:5000/x/examples-bookinfo-productpage-v1:9", "shop/page:v2"]),
    ("rum-config-map", &["page"]),
    (
        "image",
        &[
            "docker.io/istio/examples-bookinfo-details-v1=istio/examples-bookinfo-productpage-v1:1.16.2",
            "examples-bookinfo-productpage-v1=shop/page:1",
            "examples-bookinfo-details-v1=a/one:1,a/one=b/two:1,b/two=c/three",
            "datakit=reg/other/datakit:1.1.9",
        ],
    ),
    ("token-file", &["token"]),
    ("dataway", &["https://openway.example.com"]),
    ("token-secret", &["datakit-address", "datakit-token"]),
    ("datakit-version", &["1.2.0", "1.84.0"]),
    ("cluster-name", &["shop"]),
    ("global-tags", &["a=b"]),
    ("enable-inputs", &["rum", "zipkin", "cpu,disk"]),
    ("tracing-address", &["zipkin.example:9411"]),
    ("tracing-sampling", &["12.5"]),
    ("istio-version", &["1.8.0", "1.24.0"]),
    ("istio-namespace", &["mesh"]),
    ("revision", &["canary"]),
    ("datakit-namespace", &["monitoring"]),
];

/// What rules judge by the namespace, and references between documents with and without one.
const CRAFTED: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: system
  namespace: kube-system
spec:
  containers:
  - name: a
    image: a/one:1
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: istio
data:
  mesh: |-
    enableTracing: true
---
apiVersion: v1
kind: Secret
metadata:
  name: datakit-token
stringData: {}
";

/// Every flag that changes what comes out, with each of its values.
fn flags() -> Vec<Vec<String>> {
    let command = meshobs::cli::command();
    let patch = command.find_subcommand("patch").expect("there is a subcommand patch");
    let mut found = Vec::new();
    for arg in patch.get_arguments() {
        let id = arg.get_id().as_str();
        if arg.is_positional() || OUTPUT.contains(&id) {
            continue;
        }
        let flag = format!("--{}", arg.get_long().unwrap_or_else(|| panic!("{id} has no long flag")));
        let possible = arg.get_possible_values();
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            found.push(vec![flag]);
        } else if possible.is_empty() {
            let name = flag.trim_start_matches("--");
            let samples = SAMPLES.iter().find(|(known, _)| *known == name);
            let (_, values) = samples.unwrap_or_else(|| panic!("{flag} is new: give it sample values here"));
            found.extend(values.iter().map(|value| vec![flag.clone(), (*value).to_owned()]));
        } else {
            let values = possible.iter().map(|value| vec![flag.clone(), value.get_name().to_owned()]);
            found.extend(values);
        }
    }
    found
}

/// Patches twice: the files, then what came of them. Nothing where the first run refuses.
fn twice(folder: &Path, args: &[&str], inputs: &[String]) -> Result<bool, String> {
    let run = |inputs: &[String]| {
        let fixed = ["patch", "-q"].into_iter().chain(args.iter().copied());
        Meshobs::new(fixed.chain(inputs.iter().map(String::as_str))).cwd(folder)
    };
    let once = run(inputs).run();
    if once.status != 0 {
        assert!(once.stdout.is_empty(), "{args:?}: {}", once.stderr);
        return Ok(false);
    }
    let again = run(&[]).stdin(&once.stdout).run();
    if again.status == 0 && again.stdout == once.stdout {
        return Ok(true);
    }
    Err(format!(
        "\n{} {inputs:?}: status {}\n{}{}{}",
        args.join(" "),
        again.status,
        again.stderr,
        differences(&once.stdout, &again.stdout),
        if again.stdout.is_empty() { show(&once.stdout) } else { String::new() }
    ))
}

fn check(folder: &Path, flags: &[Vec<String>], inputs: &[String]) -> (usize, String) {
    let (mut done, mut failures) = (0, String::new());
    for flag in flags {
        for overwrite in [false, true] {
            let mut args: Vec<&str> = flag.iter().map(String::as_str).collect();
            if overwrite && flag != &["--overwrite"] {
                args.push("--overwrite");
            }
            match twice(folder, &args, inputs) {
                Ok(patched) => done += usize::from(patched),
                Err(failure) => failures.push_str(&failure),
            }
        }
    }
    (done, failures)
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), "tkn_0123456789abcdef0123456789abcdef\n").unwrap();
    fs::write(folder.path().join("crafted.yaml"), CRAFTED).unwrap();
    folder
}

fn pairs(flags: &[Vec<String>]) -> Vec<Vec<String>> {
    // One in so many, another part of them for each flag.
    let mut found = Vec::new();
    for (i, one) in flags.iter().enumerate() {
        for other in flags.iter().skip(i + 1).skip(i % 5).step_by(40) {
            if one.first() != other.first() {
                found.push(one.iter().chain(other).cloned().collect());
            }
        }
    }
    found
}

#[test]
fn stock_files_are_a_fixed_point_of_every_flag() {
    let Some(shared) = support::shared() else { return skip("no stock files here") };
    let here = folder();
    let names = |folder: &str| {
        let entries = fs::read_dir(shared.join("stock").join(folder)).unwrap().map(|e| e.unwrap().path());
        let mut found: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
        found.sort();
        found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    let flags = flags();
    let mesh: Vec<_> = ["crafted.yaml".to_owned()].into_iter().chain(names("istio-1.11.2")).collect();
    let (done, mut failures) = check(here.path(), &flags, &mesh);
    assert!(done * 10 > flags.len() * 2 * 8, "only {done} of {} runs patched anything", flags.len() * 2);
    let (_, more) = check(here.path(), &pairs(&flags), &mesh);
    failures.push_str(&more);
    let datakits = names("datakit");
    assert!(datakits.len() > 10 && mesh.len() > 3);
    for (i, flag) in flags.iter().enumerate() {
        // Every flag meets three releases, every release many flags.
        for j in 0..3 {
            let name = datakits[(i + j * 5) % datakits.len()].clone();
            failures.push_str(
                &check(here.path(), std::slice::from_ref(flag), &["crafted.yaml".to_owned(), name]).1,
            );
        }
    }
    assert!(failures.is_empty(), "patching twice is not patching once\n{failures}");
}

#[test]
fn namespaces_of_datakit_and_its_configmap_settle_in_one_run() {
    let here = folder();
    let mut failures = String::new();
    for daemon in ["", "\n  namespace: datakit", "\n  namespace: prod", "\n  namespace: kube-system"] {
        for map in ["", "\n  namespace: datakit", "\n  namespace: prod", "\n  namespace: kube-system"] {
            for map_first in [false, true] {
                let text = [
                    format!(
                        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: datakit{daemon}\nspec:\n  template:\n    \
                         metadata: {{}}\n    spec:\n      containers:\n      - name: datakit\n        image: \
                         datakit:1.84.0\n"
                    ),
                    format!(
                        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: datakit-conf{map}\ndata: {{}}\n"
                    ),
                ];
                let (first, second) = if map_first { (&text[1], &text[0]) } else { (&text[0], &text[1]) };
                fs::write(here.path().join("d.yaml"), format!("{first}---\n{second}")).unwrap();
                for args in [
                    &["--token-file", "token"][..],
                    &["--token-file", "token", "--overwrite"],
                    &["--token-file", "token", "--skip", "namespace"],
                    &["--token-file", "token", "-n", "datakit"],
                    &["--token-file", "token", "--token-secret", "datakit-address", "--overwrite"],
                ] {
                    match twice(here.path(), args, &["d.yaml".to_owned()]) {
                        Ok(patched) => assert!(patched, "refused: {first}---\n{second}"),
                        Err(failure) => failures.push_str(&failure),
                    }
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Flags whose values take the place of others, which are gone then.
const REPLACING: &[&str] = &[
    "--overwrite",
    "--datakit-image",
    "--dataway",
    "--token-secret",
    "--datakit-version",
    "--no-image-comment",
];

/// The flag as the way back takes it.
fn turned(flag: &[String]) -> Vec<String> {
    let pair = |pair: &str| pair.split_once('=').map(|(old, new)| format!("{new}={old}")).unwrap();
    match flag {
        [name, pairs] if name == "--image" => {
            vec![name.clone(), pairs.split(',').map(pair).collect::<Vec<_>>().join(",")]
        }
        flag => flag
            .iter()
            .filter(|flag| !["--overwrite", "--strict"].contains(&flag.as_str()))
            .cloned()
            .collect(),
    }
}

#[test]
fn the_way_back_leads_to_the_stock_file_under_every_flag() {
    let Some(shared) = support::shared() else { return skip("no stock files here") };
    let here = folder();
    let (mut same, mut all, mut failures) = (0, 0, String::new());
    for name in ["istio-1.11.2/bookinfo.yaml", "datakit/datakit-1.84.0.yaml"] {
        let input = fs::read(shared.join("stock").join(name)).unwrap();
        for flag in flags() {
            let run = |command: &str, flag: &[String], stdin: &[u8]| {
                let args = [command, "-q"].into_iter().chain(flag.iter().map(String::as_str));
                Meshobs::new(args).cwd(here.path()).stdin(stdin).run()
            };
            let patched = run("patch", &flag, &input);
            if patched.status != 0 {
                continue;
            }
            let back = run("unpatch", &turned(&flag), &patched.stdout);
            assert_eq!(back.status, 0, "{flag:?}: {}", back.stderr);
            all += 1;
            same += usize::from(back.stdout == input);
            // DataKit's own namespace was there before.
            let replaces = REPLACING.contains(&flag[0].as_str()) || flag[1..] == ["datakit"];
            if back.stdout == input
                || (replaces && run("patch", &flag, &back.stdout).stdout == patched.stdout)
            {
                continue;
            }
            failures.push_str(&format!("{name} {flag:?}\n{}", differences(&input, &back.stdout)));
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(same * 10 > all * 9 && all > 100, "{same} of {all}");
}

#[test]
fn golden_inputs_are_a_fixed_point_of_more_flags() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let flags = flags();
    let (mut count, mut done, mut failures) = (0, 0, String::new());
    let mut cases: Vec<PathBuf> = Vec::new();
    for group in
        fs::read_dir(testdata).unwrap().map(|group| group.unwrap().path()).filter(|group| group.is_dir())
    {
        cases.extend(fs::read_dir(group).unwrap().map(|case| case.unwrap().path()));
    }
    cases.sort();
    for case in cases {
        let Ok(command) = fs::read_to_string(case.join("cmd")) else { continue };
        let Some(name) = command.split_whitespace().last().map(str::to_owned) else { continue };
        // What comes back by stdin is not where a file of settings governs it.
        let governed = Path::new(&name).parent().filter(|folder| !folder.as_os_str().is_empty());
        let plain = command.starts_with("patch")
            && case.join(&name).is_file()
            && governed.is_none_or(|folder| !case.join(folder).join("meshobs.toml").exists());
        if !plain || case.join("expected.status").exists() {
            continue;
        }
        let here = folder();
        copy_tree(&case, here.path());
        count += 1;
        let flag = &flags[count % flags.len()];
        let (patched, failure) = check(here.path(), std::slice::from_ref(flag), std::slice::from_ref(&name));
        done += patched;
        failures.push_str(&failure);
    }
    assert!(count > 100 && done > count, "{done} runs on {count} cases");
    assert!(failures.is_empty(), "patching twice is not patching once\n{failures}");
}
