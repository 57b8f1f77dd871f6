//! The command itself: where output goes, what is written and what is left alone, exit codes, settings.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Meshobs, apply_by, differences, on_path, read_all, show, skip, text_and_edits, tree};

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n";
const PATCHED: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  namespace: prod\n";
const BROKEN: &str = "apiVersion: v1\nkind: \"ConfigMap\n";
const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: reviews-v1
spec:
  template:
    metadata:
      labels:
        app: reviews
    spec:
      containers:
      - name: reviews
        image: docker.io/istio/examples-bookinfo-productpage-v1:1.16.2
";

/// A temporary folder with these files in it.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

fn meshobs(folder: &tempfile::TempDir, args: &str) -> Meshobs {
    Meshobs::new(args.split_whitespace()).cwd(folder.path())
}

#[track_caller]
fn same(expected: &str, found: &[u8]) {
    assert!(expected.as_bytes() == found, "\n{}", differences(expected.as_bytes(), found));
}

// ---- inputs to stdout --------------------------------------------------------------------------------------------

#[test]
fn without_a_path_stdin_is_read() {
    let here = folder(&[]);
    same(PATCHED, &meshobs(&here, "patch").stdin(CONFIG_MAP).run().expect(0).stdout);
    same(PATCHED, &meshobs(&here, "patch -").stdin(CONFIG_MAP).run().expect(0).stdout);
}

#[test]
fn stdin_takes_its_place_among_the_files() {
    let here =
        folder(&[("a.yaml", &CONFIG_MAP.replace("x", "a")), ("b.yaml", &CONFIG_MAP.replace("x", "b"))]);
    let done = meshobs(&here, "patch -q a.yaml - b.yaml").stdin(CONFIG_MAP).run().expect(0);
    let names: Vec<_> =
        read_all(&done.stdout).unwrap().iter().map(|d| d["metadata"]["name"].clone()).collect();
    assert_eq!(names, ["a", "x", "b"]);
}

#[test]
fn several_inputs_become_one_valid_stream() {
    let pieces: &[&str] = &[
        CONFIG_MAP,
        CONFIG_MAP.trim_end(),
        "---\n# starts with a marker\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: z\n---\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: z\n...\n",
        "# a comment\n",
        "",
        "%YAML 1.1\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: z\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: z\ndata:\n  a: |\n    open end",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: z\ndata:\n  a: |+\n    kept\n\n",
    ];
    let count = |text: &str| read_all(text.as_bytes()).unwrap().iter().filter(|d| !d.is_null()).count();
    for first in pieces {
        for second in pieces {
            let here = folder(&[("a.yaml", first), ("b.yaml", second)]);
            let done = meshobs(&here, "patch -q .").run().expect(0);
            let found = read_all(&done.stdout).unwrap_or_else(|e| {
                panic!(
                    "{e}\n{}\n-- and\n{}\n-- gave\n{}",
                    show(first.as_bytes()),
                    show(second.as_bytes()),
                    show(&done.stdout)
                )
            });
            let found: Vec<_> = found.into_iter().filter(|d| !d.is_null()).collect();
            assert_eq!(found.len(), count(first) + count(second), "{}", show(&done.stdout));
            assert!(found.iter().all(|d| d["metadata"]["namespace"] == "prod"), "{}", show(&done.stdout));
            // What a scalar at the seam says must not change.
            let data = |text: &str| {
                read_all(text.as_bytes()).unwrap().iter().map(|d| d["data"].clone()).collect::<Vec<_>>()
            };
            let before: Vec<_> =
                data(first).into_iter().chain(data(second)).filter(|d| !d.is_null()).collect();
            let after: Vec<_> = found.iter().map(|d| d["data"].clone()).filter(|d| !d.is_null()).collect();
            assert_eq!(before, after, "{}\n-- gave\n{}", show(first.as_bytes()), show(&done.stdout));
        }
    }
}

#[test]
fn a_closed_pipe_ends_the_run_quietly() {
    let text = format!("{CONFIG_MAP}---\n").repeat(4_000);
    let here = folder(&[("big.yaml", &text)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_meshobs"))
        .args(["patch", "-q", "big.yaml"])
        .current_dir(here.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(first, "apiVersion: v1\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

/// A stream of more than 9 MiB: more than is kept in memory of a pipe.
fn long(resource: &str) -> String {
    let lines = "  # a line that makes the file long, and nothing more\n".repeat(60);
    let text = format!("{resource}{lines}---\n").repeat(3_000);
    assert!(text.len() > 9 << 20);
    text
}

#[test]
fn a_pipe_that_does_not_fit_in_memory_comes_out_the_same() {
    let done = meshobs(&folder(&[]), "patch -q").stdin(long(CONFIG_MAP)).run().expect(0);
    assert!(done.stdout == long(PATCHED).as_bytes());
}

#[test]
fn an_error_at_the_end_of_a_long_pipe_leaves_stdout_empty() {
    let text = long(CONFIG_MAP);
    let line = text.lines().count() + 2;
    let done = meshobs(&folder(&[]), "patch -q").stdin(format!("{text}{BROKEN}")).run().expect(2);
    assert!(done.stdout.is_empty());
    assert!(done.stderr.contains(&format!(":{line}:")), "{}", done.stderr);
}

#[test]
fn an_error_in_the_last_file_leaves_stdout_empty() {
    let here = folder(&[("a.yaml", CONFIG_MAP), ("b.yaml", BROKEN)]);
    let done = meshobs(&here, "patch a.yaml b.yaml").run().expect(2);
    same("", &done.stdout);
    assert!(done.stderr.contains("b.yaml:2:"), "{}", done.stderr);
}

#[test]
fn a_hundred_thousand_brackets_are_an_error() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
    ] {
        let done = meshobs(&folder(&[]), "patch").stdin(format!("a: b\n---\n{text}\n")).run().expect(2);
        same("", &done.stdout);
        assert!(done.stderr.len() < 4000, "the report repeats the brackets");
    }
}

// ---- folders -----------------------------------------------------------------------------------------------------

fn walked(here: &tempfile::TempDir, args: &str) -> Vec<String> {
    let done = meshobs(here, args).run().expect(0);
    read_all(&done.stdout)
        .unwrap()
        .iter()
        .map(|d| d["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

fn named(name: &str) -> String {
    CONFIG_MAP.replace("x", name)
}

#[test]
fn a_folder_is_walked_in_byte_order() {
    let names = ["B.yaml", "10.yaml", "9.yaml", "a.yml", "b/c.yaml", "b/d.json", "b/e/f.yaml", "é.yaml"];
    let here = folder(&[]);
    for name in names {
        fs::create_dir_all(here.path().join(name).parent().unwrap()).unwrap();
        fs::write(here.path().join(name), named(&format!("\"{name}\""))).unwrap();
    }
    fs::write(
        here.path().join("b/d.json"),
        "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"b/d.json\"}}\n",
    )
    .unwrap();
    let expected = ["10.yaml", "9.yaml", "B.yaml", "a.yml", "b/c.yaml", "b/d.json", "b/e/f.yaml", "é.yaml"];
    assert_eq!(walked(&here, "patch ."), expected);
}

#[test]
fn hidden_and_other_files_are_not_read() {
    let here = folder(&[
        ("a.yaml", &named("a")),
        (".hidden.yaml", BROKEN),
        (".git/b.yaml", BROKEN),
        ("notes.txt", BROKEN),
        ("yaml", BROKEN),
        ("b.yaml.orig", BROKEN),
    ]);
    assert_eq!(walked(&here, "patch ."), ["a"]);
}

#[test]
fn a_file_that_is_named_is_read_whatever_its_name() {
    let here = folder(&[("manifest.txt", &named("a")), (".hidden", &named("b"))]);
    assert_eq!(walked(&here, "patch manifest.txt .hidden"), ["a", "b"]);
}

#[cfg(unix)]
#[test]
fn linked_folders_are_not_followed() {
    let here = folder(&[("in/a.yaml", &named("a")), ("other/b.yaml", BROKEN)]);
    std::os::unix::fs::symlink("../other", here.path().join("in/link")).unwrap();
    std::os::unix::fs::symlink("..", here.path().join("in/loop")).unwrap();
    assert_eq!(walked(&here, "patch in"), ["a"]);
}

#[test]
fn exclude_leaves_files_out() {
    let here = folder(&[
        ("a.yaml", &named("a")),
        ("charts/b.yaml", BROKEN),
        ("charts/deep/c.yaml", BROKEN),
        ("d.test.yaml", BROKEN),
    ]);
    assert_eq!(walked(&here, "patch . --exclude charts/** --exclude *.test.yaml"), ["a"]);
    meshobs(&here, "patch .").run().expect(2);
}

#[test]
fn a_folder_without_manifests_is_an_error() {
    let here = folder(&[]);
    let done = meshobs(&here, "patch .").run().expect(2);
    assert!(!done.stderr.is_empty());
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_an_error_that_names_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let here = folder(&[("a.yaml", CONFIG_MAP), ("b.yaml", CONFIG_MAP)]);
    let secret = here.path().join("b.yaml");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&secret).is_ok() {
        // Not `skip`: nothing that CI could install changes it.
        eprintln!("SKIPPED: this user may read every file");
        return;
    }
    let done = meshobs(&here, "patch .").run().expect(2);
    same("", &done.stdout);
    assert!(done.stderr.contains("b.yaml"), "{}", done.stderr);
}

#[cfg(unix)]
#[test]
fn a_dangling_link_is_an_error_that_names_it() {
    let here = folder(&[]);
    std::os::unix::fs::symlink("nowhere.yaml", here.path().join("a.yaml")).unwrap();
    let done = meshobs(&here, "patch a.yaml").run().expect(2);
    assert!(done.stderr.contains("a.yaml"), "{}", done.stderr);
}

// ---- -o ----------------------------------------------------------------------------------------------------------

#[test]
fn output_gets_the_same_tree() {
    let here = folder(&[("in/a.yaml", CONFIG_MAP), ("in/sub/b.yml", PATCHED), ("in/sub/notes.txt", "x")]);
    let done = meshobs(&here, "patch in -o out").run().expect(0);
    same("", &done.stdout);
    let out = tree(&here.path().join("out"));
    assert_eq!(out.keys().collect::<Vec<_>>(), ["a.yaml", "sub/b.yml"]);
    same(PATCHED, &out["a.yaml"]);
    same(PATCHED, &out["sub/b.yml"]);
    assert_eq!(read(here.path(), "in/a.yaml"), CONFIG_MAP);
}

#[test]
fn output_is_not_made_when_one_file_is_bad() {
    let here = folder(&[("in/a.yaml", CONFIG_MAP), ("in/b.yaml", BROKEN)]);
    meshobs(&here, "patch in -o out").run().expect(2);
    assert!(tree(&here.path().join("out")).is_empty());
}

#[test]
fn output_of_one_file_may_be_a_folder() {
    let here = folder(&[("a.yaml", CONFIG_MAP)]);
    fs::create_dir(here.path().join("out")).unwrap();
    meshobs(&here, "patch a.yaml -o out").run().expect(0);
    assert_eq!(read(here.path(), "out/a.yaml"), PATCHED);
}

// ---- -i ----------------------------------------------------------------------------------------------------------

#[test]
fn in_place_writes_the_files_and_nothing_to_stdout() {
    let here = folder(&[("a.yaml", CONFIG_MAP), ("sub/b.yaml", CONFIG_MAP)]);
    let done = meshobs(&here, "patch -i .").run().expect(0);
    same("", &done.stdout);
    assert_eq!(tree(here.path()).len(), 2, "nothing else is left behind");
    assert_eq!(read(here.path(), "a.yaml"), PATCHED);
    assert_eq!(read(here.path(), "sub/b.yaml"), PATCHED);
}

#[test]
fn in_place_is_all_or_nothing() {
    let here = folder(&[("a.yaml", CONFIG_MAP), ("b.yaml", BROKEN), ("c.yaml", "a: [")]);
    let before = tree(here.path());
    let done = meshobs(&here, "patch -i .").run().expect(2);
    assert!(done.stderr.contains("b.yaml") && done.stderr.contains("c.yaml"), "{}", done.stderr);
    assert_eq!(tree(here.path()), before);
}

#[cfg(unix)]
#[test]
fn in_place_keeps_the_mode() {
    use std::os::unix::fs::PermissionsExt as _;
    for mode in [0o640, 0o600, 0o755, 0o444] {
        let here = folder(&[("a.yaml", CONFIG_MAP)]);
        let path = here.path().join("a.yaml");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        meshobs(&here, "patch -i a.yaml").run().expect(0);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        assert_eq!(read(here.path(), "a.yaml"), PATCHED);
    }
}

#[cfg(unix)]
#[test]
fn in_place_keeps_a_link_a_link() {
    let here = folder(&[("real/a.yaml", CONFIG_MAP)]);
    let link = here.path().join("link.yaml");
    std::os::unix::fs::symlink("real/a.yaml", &link).unwrap();
    meshobs(&here, "patch -i link.yaml").run().expect(0);
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("real/a.yaml"));
    assert_eq!(read(here.path(), "real/a.yaml"), PATCHED);
    assert_eq!(tree(&here.path().join("real")).len(), 1);
}

#[cfg(unix)]
#[test]
fn in_place_does_not_touch_an_unchanged_file() {
    use std::os::unix::fs::MetadataExt as _;
    let here = folder(&[("a.yaml", PATCHED), ("b.yaml", CONFIG_MAP)]);
    let stamp = |name: &str| {
        let m = fs::metadata(here.path().join(name)).unwrap();
        (m.ino(), m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec())
    };
    let before = stamp("a.yaml");
    meshobs(&here, "patch -i --backup .orig .").run().expect(0);
    assert_eq!(stamp("a.yaml"), before);
    assert!(!here.path().join("a.yaml.orig").exists());
    assert!(here.path().join("b.yaml.orig").exists());
}

#[test]
fn backup_keeps_the_old_text() {
    let here = folder(&[("a.yaml", CONFIG_MAP)]);
    meshobs(&here, "patch -i --backup .orig a.yaml").run().expect(0);
    assert_eq!(read(here.path(), "a.yaml"), PATCHED);
    assert_eq!(read(here.path(), "a.yaml.orig"), CONFIG_MAP);
}

#[test]
fn in_place_twice_is_in_place_once() {
    let here = folder(&[("a.yaml", DEPLOYMENT)]);
    meshobs(&here, "patch -i a.yaml").run().expect(0);
    let once = read(here.path(), "a.yaml");
    meshobs(&here, "patch -i a.yaml").run().expect(0);
    assert_eq!(read(here.path(), "a.yaml"), once);
    assert_ne!(once, DEPLOYMENT);
}

#[test]
fn in_place_replaces_no_pipe() {
    let here = folder(&[("a.yaml", DEPLOYMENT)]);
    let pipe = here.path().join("pipe.yaml");
    if !Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        return skip("no mkfifo here");
    }
    let run = meshobs(&here, "patch -i a.yaml pipe.yaml").run().expect(2);
    assert!(run.stderr.contains("pipe.yaml: not a regular file"), "{}", run.stderr);
    assert_eq!(read(here.path(), "a.yaml"), DEPLOYMENT);
}

#[test]
fn output_and_backup_replace_no_input() {
    let here = folder(&[("o/a.yaml", DEPLOYMENT), ("b", DEPLOYMENT), ("b.yaml", DEPLOYMENT)]);
    for arguments in ["patch o/a.yaml -o o", "patch o/a.yaml -o o/a.yaml", "patch -i b b.yaml --backup .yaml"]
    {
        meshobs(&here, arguments).run().expect(2);
    }
    for name in ["o/a.yaml", "b", "b.yaml"] {
        assert_eq!(read(here.path(), name), DEPLOYMENT, "{name}");
    }
}

/// Runs a line in a shell with `meshobs` on its PATH: the shell's own redirections are what is tested.
#[cfg(unix)]
fn in_shell(folder: &tempfile::TempDir, line: &str) -> support::Done {
    let program = Path::new(env!("CARGO_BIN_EXE_meshobs"));
    let path = std::env::join_paths(
        [program.parent().unwrap().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder.path())
        .env("PATH", path.unwrap())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    support::Done {
        status: output.status.code().unwrap_or(-1),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

const PAGE: &str = "<html><head></head></html>\n";

/// Commands that read `f` and print.
#[cfg(unix)]
const READERS: &[&str] = &[
    "patch f",
    "patch --diff f",
    "patch .",
    "patch other.yaml f",
    "patch -i f",
    "patch <f",
    "patch - <f",
    "patch other.yaml --config f",
    "patch other.yaml --token-file f",
    "check f",
    "check - <f",
    "init datakit --from f",
    "init datakit --from - <f",
    "init datakit --template f",
    "init datakit --token <f",
    "init tracing --mode mesh-config --from f",
    "init namespace a --template f",
    "init gateway-metrics --template f",
    "init drill delay --template f",
    "init nginx --upstream http://10.0.0.1 --from f",
    "init rum --app-id a --datakit-origin / --html f",
    "init rum --app-id a --datakit-origin / --html page.html --mode image -o out --dockerfile f",
];

#[cfg(unix)]
#[test]
fn a_file_that_is_input_and_stdout_is_refused() {
    for arguments in READERS {
        for redirection in [">f", ">>f", ">link"] {
            let here = folder(&[("f.yaml", DEPLOYMENT), ("other.yaml", CONFIG_MAP), ("page.html", PAGE)]);
            std::os::unix::fs::symlink("f.yaml", here.path().join("f")).unwrap();
            fs::hard_link(here.path().join("f.yaml"), here.path().join("link")).unwrap();
            let line = format!("meshobs {arguments} {redirection}");
            let done = in_shell(&here, &line);
            assert_eq!(done.status, 2, "{line}: {}", done.stderr);
            assert!(done.stderr.contains("is both input and standard output"), "{line}: {}", done.stderr);
            let appends = redirection == ">>f";
            assert_eq!(done.stderr.contains("git restore"), !appends, "{line}: {}", done.stderr);
            assert_eq!(read(here.path(), "f.yaml"), if appends { DEPLOYMENT } else { "" }, "{line}");
        }
    }
    let here = folder(&[("f", DEPLOYMENT)]);
    assert!(in_shell(&here, "meshobs patch f >>f").stderr.contains("meshobs patch -i"));
    let done =
        in_shell(&here, "meshobs patch -o f.yaml - <f && cp f.yaml f && meshobs patch -o f.yaml <f.yaml");
    assert_eq!(done.status, 2, "{}", done.stderr);
    assert!(done.stderr.contains("is an input and would be replaced"), "{}", done.stderr);
}

#[cfg(unix)]
#[test]
fn a_named_file_without_bytes_is_an_error_and_other_empty_inputs_are_none() {
    for arguments in READERS.iter().filter(|line| !line.contains('<') && !line.contains("other.yaml --")) {
        if *arguments == "patch ." {
            continue;
        }
        let here = folder(&[("f", ""), ("other.yaml", CONFIG_MAP), ("page.html", PAGE)]);
        let line = format!("meshobs {arguments} >out.yaml");
        let done = in_shell(&here, &line);
        assert_eq!(done.status, 2, "{line}: {}", done.stderr);
        assert!(done.stderr.contains("f: the file is empty (0 bytes)"), "{line}: {}", done.stderr);
        assert!(done.stderr.contains("git restore f"), "{line}: {}", done.stderr);
        assert_eq!(read(here.path(), "out.yaml"), "", "{line}");
    }
    let here = folder(&[("m/empty.yaml", ""), ("m/a.yaml", CONFIG_MAP)]);
    for line in [
        "patch m",
        "patch </dev/null",
        "patch /dev/null",
        "patch - </dev/null",
        "patch <m/empty.yaml",
        "check m",
    ] {
        let line = format!("meshobs {line}");
        assert_ne!(in_shell(&here, &line).status, 2, "{line}");
    }
}

/// How often a command writes, as the kernel counts it for the shell that has waited for it.
#[cfg(target_os = "linux")]
fn writes(folder: &tempfile::TempDir, arguments: &str) -> u64 {
    let line = format!("meshobs {arguments} >/dev/null 2>/dev/null; cat /proc/$$/io");
    let done = in_shell(folder, &line);
    let count = done.text().lines().find_map(|line| line.strip_prefix("syscw: ")).map(str::parse);
    count.expect("no syscw in /proc").unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn reports_and_edits_are_written_in_blocks() {
    let duplicates = format!("{CONFIG_MAP}data:\n{}", "  a: x\n".repeat(100_000));
    let here = folder(&[("a.yaml", &duplicates), ("b.yaml", &format!("---\n{DEPLOYMENT}").repeat(25_000))]);
    // The report goes to its spool and to stderr; one write for each duplicate would be 100,000.
    let loud = writes(&here, "patch a.yaml");
    assert!((200..10_000).contains(&loud), "{loud}");
    let quiet = writes(&here, "patch -q a.yaml");
    assert!(quiet < 200, "{quiet}");
    // 25,000 edits of four parts, and the output.
    let edits = writes(&here, "patch -q b.yaml");
    assert!((200..10_000).contains(&edits), "{edits}");
}

#[test]
fn files_of_a_kustomization_are_refused() {
    let files = [
        (
            "base/kustomization.yaml",
            "resources:\n- app.yaml\nconfigMapGenerator:\n- name: g\n  files: [key=gen.yaml]\n",
        ),
        ("base/app.yaml", DEPLOYMENT),
        ("base/gen.yaml", CONFIG_MAP),
        ("base/free.yaml", CONFIG_MAP),
        (
            "overlay/Kustomization",
            "resources: [../base, ../plain/x.yaml]\npatches:\n- path: sub/patch.yaml\n",
        ),
        ("overlay/sub/patch.yaml", DEPLOYMENT),
        ("plain/x.yaml", CONFIG_MAP),
        ("plain/y.yaml", CONFIG_MAP),
    ];
    let here = folder(&files);
    for (arguments, names, directory) in [
        ("patch base/app.yaml", vec!["base/app.yaml"], "base"),
        ("patch -i base/app.yaml", vec!["base/app.yaml"], "base"),
        ("patch base -o out", vec!["base/app.yaml", "base/gen.yaml"], "base"),
        ("patch overlay", vec!["overlay/sub/patch.yaml"], "overlay"),
        ("patch -i overlay plain", vec!["overlay/sub/patch.yaml", "plain/x.yaml"], "overlay"),
    ] {
        let done = meshobs(&here, arguments).run().expect(2);
        assert!(done.stdout.is_empty() && !here.path().join("out").exists(), "{arguments}");
        let told: Vec<_> = done.stderr.lines().map(|line| line.split(": ").next().unwrap()).collect();
        assert_eq!(told, names, "{arguments}: {}", done.stderr);
        let way = format!("`kubectl kustomize {directory} | meshobs patch`");
        assert!(done.stderr.contains(&way), "{arguments}: {}", done.stderr);
    }
    for (name, text) in files {
        assert_eq!(read(here.path(), name), text, "{name}");
    }
    for arguments in [
        "patch plain",
        "patch base/free.yaml",
        "patch base/kustomization.yaml",
        "patch --kustomize ignore base",
        "patch --kustomize=ignore -i overlay",
    ] {
        meshobs(&here, arguments).run().expect(0);
    }
    // Reads only, so there is nothing to break.
    assert_ne!(meshobs(&here, "check base").run().status, 2);
    fs::write(here.path().join("meshobs.toml"), "patch.kustomize = 'ignore'\n").unwrap();
    meshobs(&here, "patch base").run().expect(0);
}

#[test]
fn what_kustomize_builds_can_be_patched() {
    if !on_path("kubectl") {
        return skip("no kubectl here");
    }
    let here = folder(&[
        ("kustomization.yaml", "resources: [app.yaml]\npatches:\n- path: patch.yaml\n"),
        ("app.yaml", DEPLOYMENT),
        (
            "patch.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: reviews-v1\nspec:\n  replicas: 3\n",
        ),
    ]);
    let build =
        || Command::new("kubectl").args(["kustomize", "."]).current_dir(here.path()).output().unwrap();
    let built = build();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let done = meshobs(&here, "patch").stdin(&built.stdout).run().expect(0);
    assert!(
        done.text().contains("namespace: prod") && done.text().contains("replicas: 3"),
        "{}",
        done.text()
    );
    // What the refusal is for: one file with a namespace, and kustomize finds nothing to patch.
    meshobs(&here, "patch --kustomize=ignore -i app.yaml").run().expect(0);
    assert!(!build().status.success());
}

#[test]
fn a_backup_replaces_no_older_one() {
    let here = folder(&[("a.yaml", CONFIG_MAP)]);
    meshobs(&here, "patch -i --backup .orig a.yaml").run().expect(0);
    let done = meshobs(&here, "patch -i --overwrite -n other --backup .orig a.yaml").run().expect(2);
    assert!(done.stderr.contains("a.yaml.orig: exists"), "{}", done.stderr);
    assert_eq!(read(here.path(), "a.yaml"), PATCHED);
    assert_eq!(read(here.path(), "a.yaml.orig"), CONFIG_MAP);
    // The same text loses nothing.
    fs::write(here.path().join("a.yaml"), CONFIG_MAP).unwrap();
    meshobs(&here, "patch -i --backup .orig a.yaml").run().expect(0);
    assert_eq!(read(here.path(), "a.yaml"), PATCHED);
}

// ---- --check and --diff --------------------------------------------------------------------------------------------

#[test]
fn check_exits_1_on_change_and_prints_nothing() {
    let here = folder(&[("a.yaml", CONFIG_MAP), ("b.yaml", PATCHED), ("c.yaml", BROKEN)]);
    same("", &meshobs(&here, "patch --check a.yaml").run().expect(1).stdout);
    same("", &meshobs(&here, "patch --check b.yaml").run().expect(0).stdout);
    same("", &meshobs(&here, "patch --check a.yaml b.yaml").run().expect(1).stdout);
    same("", &meshobs(&here, "patch --check a.yaml c.yaml").run().expect(2).stdout);
    assert_eq!(read(here.path(), "a.yaml"), CONFIG_MAP);
}

#[test]
fn diff_exits_0_and_with_check_1() {
    let here = folder(&[("a.yaml", CONFIG_MAP), ("b.yaml", PATCHED)]);
    let diff = meshobs(&here, "patch --diff a.yaml b.yaml").run().expect(0);
    assert!(diff.text().contains("+  namespace: prod\n"));
    assert!(!diff.text().contains("b.yaml"), "an unchanged file is no part of the diff");
    same(diff.text(), &meshobs(&here, "patch --diff --check a.yaml b.yaml").run().expect(1).stdout);
    same("", &meshobs(&here, "patch --diff b.yaml").run().expect(0).stdout);
    same("", &meshobs(&here, "patch --diff --check b.yaml").run().expect(0).stdout);
    assert_eq!(read(here.path(), "a.yaml"), CONFIG_MAP);
}

#[test]
fn diff_is_coloured_only_when_asked_for_or_on_a_terminal() {
    let here = folder(&[("a.yaml", CONFIG_MAP)]);
    let escapes = |run: Meshobs| run.run().expect(0).text().contains('\u{1b}');
    assert!(!escapes(meshobs(&here, "patch --diff a.yaml")));
    assert!(!escapes(meshobs(&here, "patch --diff --color never a.yaml")));
    assert!(escapes(meshobs(&here, "patch --diff --color always a.yaml")));
    assert!(!escapes(meshobs(&here, "patch --diff --color auto a.yaml").env("NO_COLOR", "1")));
}

const STYLES: &[(&str, &str)] = &[
    ("plain.yaml", DEPLOYMENT),
    ("sub/other.yaml", CONFIG_MAP),
    ("no-newline.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x"),
    ("crlf.yaml", "apiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: x\r\ndata: {}\r\n"),
    ("with blank.yaml", CONFIG_MAP),
    ("名字.yaml", CONFIG_MAP),
    ("bom.yaml", "\u{feff}apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n"),
];

fn diff_is_accepted_by(program: &str) {
    if !on_path(program) {
        skip(&format!("no {program} here"));
        return;
    }
    for subfolder in ["", "deep/er/"] {
        let files: Vec<_> = STYLES.iter().map(|(name, text)| (format!("{subfolder}{name}"), *text)).collect();
        let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        let by_us = folder(&files);
        let by_them = folder(&files);
        let diff = meshobs(&by_us, "patch -q --diff .").run().expect(0);
        meshobs(&by_us, "patch -q -i .").run().expect(0);
        apply_by(program, by_them.path(), &diff.stdout).unwrap_or_else(|why| panic!("{why}"));
        let (ours, theirs) = (tree(by_us.path()), tree(by_them.path()));
        for (name, text) in &ours {
            assert!(theirs.get(name) == Some(text), "{name}\n{}", differences(text, &theirs[name]));
        }
        assert_eq!(ours.len(), theirs.len(), "{:?}", theirs.keys());
    }
}

#[test]
fn diff_is_accepted_by_patch() {
    diff_is_accepted_by("patch");
}

#[test]
fn diff_is_accepted_by_git_apply() {
    diff_is_accepted_by("git");
}

#[test]
fn a_diff_of_any_edits_is_accepted_by_patch_and_git_apply() {
    let mut seed = 1u64;
    let mut number = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as u32
    };
    let mut cases = Vec::new();
    for _ in 0..300 {
        let numbers: Vec<_> = std::iter::repeat_with(&mut number).take(40).collect();
        let (text, edits) = text_and_edits(&numbers);
        let edit = |(start, end, text)| meshobs::yaml::Edit { start, end, text };
        cases.push((text, edits.into_iter().map(edit).collect::<Vec<_>>()));
    }
    for program in ["patch", "git"] {
        if !on_path(program) {
            skip(&format!("no {program} here"));
            continue;
        }
        for context in [0, 3] {
            // git refuses hunks without context unless told otherwise.
            if program == "git" && context == 0 {
                continue;
            }
            let here = folder(&[]);
            let mut diff = Vec::new();
            for (i, (text, edits)) in cases.iter().enumerate() {
                let name = format!("{i}.yaml");
                fs::write(here.path().join(&name), text).unwrap();
                let style =
                    meshobs::report::DiffStyle { context, color: false, show_secrets: true, terminal: false };
                let edits = edits.iter().cloned().map(Ok);
                meshobs::report::Diff::new(&mut diff, style, &name).hunks(text.as_bytes(), edits).unwrap();
            }
            apply_by(program, here.path(), &diff).unwrap_or_else(|why| panic!("{why}"));
            for (i, (text, edits)) in cases.iter().enumerate() {
                let wanted = meshobs::yaml::apply(text, edits).unwrap();
                same(&wanted, read(here.path(), &format!("{i}.yaml")).as_bytes());
            }
        }
    }
}

#[test]
fn diff_of_an_absolute_path_has_no_double_slash() {
    let here = folder(&[("a.yaml", CONFIG_MAP)]);
    let path = here.path().join("a.yaml");
    let done = Meshobs::new(["patch", "--diff", path.to_str().unwrap()]).cwd(here.path()).run().expect(0);
    assert!(done.text().starts_with("--- a/"), "{}", done.text());
    assert!(!done.text().lines().next().unwrap().contains("//"), "{}", done.text());
}

// ---- the report --------------------------------------------------------------------------------------------------

#[test]
fn the_report_has_one_line_for_each_resource() {
    let here = folder(&[(
        "a.yaml",
        &format!(
            "{DEPLOYMENT}---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: reader\n---\n{PATCHED}"
        ),
    )]);
    let done = meshobs(&here, "patch a.yaml").run().expect(0);
    let has = |line: &str| {
        assert!(done.stderr.lines().any(|l| l.contains(line)), "no `{line}` in\n{}", done.stderr)
    };
    has("deployment/reviews-v1: namespace, metrics");
    has("clusterrole/reader: skipped (cluster-scoped)");
    has("configmap/x: ");
}

#[test]
fn quiet_silences_the_report_and_not_the_errors() {
    let here = folder(&[("a.yaml", CONFIG_MAP), ("b.yaml", BROKEN)]);
    assert_eq!(meshobs(&here, "patch -q a.yaml").run().expect(0).stderr, "");
    assert!(!meshobs(&here, "patch -q b.yaml").run().expect(2).stderr.is_empty());
}

#[test]
fn report_json_is_one_document_on_stderr() {
    let here = folder(&[
        ("a.yaml", &format!("{DEPLOYMENT}---\nkind: Gateway\nmetadata:\n  name: \"quote \\\"\"\n")),
        ("b.yaml", CONFIG_MAP),
    ]);
    for args in [
        "patch --report json a.yaml b.yaml",
        "patch --report json --diff a.yaml",
        "patch --report json -i a.yaml b.yaml",
    ] {
        let done = meshobs(&here, args).run().expect(0);
        let report: serde_json::Value =
            serde_json::from_str(&done.stderr).unwrap_or_else(|e| panic!("{e}\n{}", done.stderr));
        assert!(report.is_object());
        assert!(done.stderr.contains("reviews-v1"), "{}", done.stderr);
    }
}

#[test]
fn strict_makes_a_dark_resource_an_error() {
    let dark = DEPLOYMENT
        .replace("    spec:\n      containers", "    spec:\n      hostNetwork: true\n      containers");
    let here = folder(&[
        ("dark.yaml", &dark),
        ("nothing.yaml", "kind: Gateway\nmetadata:\n  name: x\n"),
        ("fine.yaml", DEPLOYMENT),
    ]);
    meshobs(&here, "patch dark.yaml nothing.yaml").run().expect(0);
    same("", &meshobs(&here, "patch --strict dark.yaml").run().expect(2).stdout);
    same("", &meshobs(&here, "patch --strict nothing.yaml").run().expect(2).stdout);
    meshobs(&here, "patch --strict fine.yaml").run().expect(0);
    meshobs(&here, "patch --strict -i .").run().expect(2);
    assert_eq!(read(here.path(), "fine.yaml"), DEPLOYMENT);
}

#[test]
fn an_error_says_where_what_and_shows_the_line() {
    let here = folder(&[("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: x\n")]);
    let done = meshobs(&here, "patch a.yaml").run().expect(2);
    assert!(done.stderr.contains("a.yaml:4:1: "), "{}", done.stderr);
    assert!(done.stderr.contains("name: x"), "{}", done.stderr);
    assert!(done.stderr.contains('^'), "{}", done.stderr);
    assert!(done.stderr.to_lowercase().contains("tab"), "{}", done.stderr);
}

#[test]
fn a_helm_template_is_told_to_be_rendered_first() {
    let here =
        folder(&[("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-x\n")]);
    let done = meshobs(&here, "patch a.yaml").run().expect(2);
    assert!(done.stderr.contains("helm template"), "{}", done.stderr);
    assert!(done.stderr.contains("a.yaml:4:"), "{}", done.stderr);
}

// ---- settings ----------------------------------------------------------------------------------------------------

/// The configuration file that `init config` writes, with another namespace in it.
fn config_with(here: &tempfile::TempDir, namespace: &str) -> String {
    let done = meshobs(here, "init config").run().expect(0);
    let mut found = 0;
    let lines: Vec<String> = done
        .text()
        .lines()
        .map(|line| match line.contains("= \"prod\"") {
            true => {
                found += 1;
                line.trim_start_matches(['#', ' ']).replace("\"prod\"", &format!("\"{namespace}\""))
            }
            false => line.to_owned(),
        })
        .collect();
    assert_eq!(found, 1, "the default namespace stands once in\n{}", done.text());
    lines.join("\n")
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let here = folder(&[("a.yaml", CONFIG_MAP)]);
    let namespace = |run: Meshobs| {
        let done = run.run().expect(0);
        read_all(&done.stdout).unwrap()[0]["metadata"]["namespace"].as_str().unwrap().to_owned()
    };
    assert_eq!(namespace(meshobs(&here, "patch a.yaml")), "prod");
    let config = config_with(&here, "file");
    fs::write(here.path().join("meshobs.toml"), config).unwrap();
    assert_eq!(namespace(meshobs(&here, "patch a.yaml")), "file");
    assert_eq!(namespace(meshobs(&here, "patch --no-config a.yaml")), "prod");
    assert_eq!(namespace(meshobs(&here, "patch a.yaml").env("MESHOBS_NAMESPACE", "env")), "env");
    assert_eq!(namespace(meshobs(&here, "patch --no-config a.yaml").env("MESHOBS_NAMESPACE", "env")), "env");
    assert_eq!(namespace(meshobs(&here, "patch -n flag a.yaml").env("MESHOBS_NAMESPACE", "env")), "flag");
    assert_eq!(namespace(meshobs(&here, "patch -n flag a.yaml")), "flag");
}

#[test]
fn config_names_another_file() {
    let here = folder(&[("a.yaml", CONFIG_MAP)]);
    fs::create_dir(here.path().join("etc")).unwrap();
    fs::write(here.path().join("etc/other.toml"), config_with(&here, "other")).unwrap();
    fs::write(here.path().join("meshobs.toml"), config_with(&here, "beside")).unwrap();
    let done = meshobs(&here, "patch --config etc/other.toml a.yaml").run().expect(0);
    assert!(done.text().contains("namespace: other\n"), "{}", done.text());
}

/// A run of every command that has settings, which needs nothing but the two files of `commands_in`.
const COMMANDS: &[&str] = &[
    "patch a.yaml",
    "check a.yaml",
    "install --yes --token-file token",
    "uninstall --yes",
    "status",
    "init datakit",
    "init namespace",
    "init gateway-metrics",
    "init tracing --istio-version 1.24",
    "init rum --html page.html --app-id x --datakit-origin /",
    "init nginx --upstream http://10.0.0.1:80",
    "init drill delay",
];

/// Runs a command where `meshobs.toml` holds a text, and no other program can be found.
fn with_file(file: &str, args: &str) -> support::Done {
    let here = folder(&[
        ("a.yaml", CONFIG_MAP),
        ("page.html", "<html><head></head></html>"),
        ("token", "tkn_0123456789abcdef0123456789abcdef"),
        ("meshobs.toml", file),
    ]);
    let path = here.path().display().to_string();
    meshobs(&here, args).env("PATH", &path).env("MESHOBS_TOKEN_FILE", "token").run()
}

#[test]
fn every_command_reads_the_file() {
    for command in COMMANDS {
        let done = with_file("[patches]\n", command);
        assert!(done.status == 2 && done.stderr.contains("meshobs.toml:1:"), "{command}: {}", done.stderr);
        let done = with_file("", &format!("{command} --config other.toml"));
        assert!(done.status == 2 && done.stderr.contains("other.toml: "), "{command}: {}", done.stderr);
    }
}

#[test]
fn no_config_keeps_every_command_from_reading_a_file() {
    for command in COMMANDS {
        let done = with_file("[patches]\n", &format!("{command} --no-config"));
        assert!(!done.stderr.contains("meshobs.toml:"), "{command}: {}", done.stderr);
        assert!(!done.stderr.contains("--no-config"), "{command}: {}", done.stderr);
        if command.starts_with("init") {
            assert_eq!(done.status, 0, "{command}: {}", done.stderr);
        }
    }
}

#[test]
fn config_and_no_config_exclude_each_other_and_a_flag_beats_the_variable() {
    let here = folder(&[("a.yaml", CONFIG_MAP), ("x.toml", "namespace.name = \"file\"\n")]);
    for command in COMMANDS {
        let done = with_file("", &format!("{command} --config x.toml --no-config")).expect(2);
        assert!(done.stderr.contains("--no-config"), "{command}: {}", done.stderr);
    }
    let done = meshobs(&here, "patch a.yaml").env("MESHOBS_CONFIG", "x.toml").run().expect(0);
    assert!(done.text().contains("namespace: file\n"), "{}", done.text());
    let done = meshobs(&here, "patch --no-config a.yaml").env("MESHOBS_CONFIG", "x.toml").run().expect(0);
    same(PATCHED, &done.stdout);
}

#[test]
fn a_flag_beats_a_variable_that_it_excludes() {
    let token = "tkn_0123456789abcdef0123456789abcdef";
    let datakit = format!("init datakit --token {token}");
    for (variable, value, args, part) in [
        ("MESHOBS_TOKEN_FILE", "nowhere", datakit.as_str(), "?token=tkn_0123"),
        ("MESHOBS_REVISION", "canary", "init namespace shop --ambient", "dataplane-mode: ambient\n"),
        ("MESHOBS_SKIP", "namespace", "patch --only namespace a.yaml", "namespace: prod\n"),
        ("MESHOBS_ONLY", "namespace", "patch --skip metrics a.yaml", "namespace: prod\n"),
    ] {
        let here = folder(&[("a.yaml", CONFIG_MAP)]);
        let done = meshobs(&here, args).env(variable, value).run().expect(0);
        assert!(done.text().contains(part), "{variable} {args}: {}", done.text());
    }
    // Asked of the cluster, not taken from the variable.
    for (variable, value, args) in [
        ("MESHOBS_UPSTREAM", "http://10.0.0.1:80", "init nginx --detect"),
        ("MESHOBS_ISTIO_VERSION", "1.24", "init tracing --detect"),
    ] {
        let here = folder(&[]);
        let path = here.path().display().to_string();
        let done = meshobs(&here, args).env(variable, value).env("PATH", &path).run().expect(2);
        assert!(done.stderr.contains("kubectl"), "{args}: {}", done.stderr);
    }
}

#[test]
fn what_excludes_each_other_is_an_error_where_it_was_typed_or_is_in_two_variables() {
    let here = folder(&[("a.yaml", CONFIG_MAP)]);
    let refused = |run: Meshobs| {
        let done = run.run().expect(2);
        let said =
            done.stderr.contains("'--only <RULE>' cannot be used with") && done.stderr.contains("--skip");
        assert!(said, "{}", done.stderr);
    };
    refused(meshobs(&here, "patch --only rum --skip metrics a.yaml"));
    refused(meshobs(&here, "patch --only rum --skip metrics a.yaml").env("MESHOBS_SKIP", "rum"));
    refused(meshobs(&here, "patch a.yaml").env("MESHOBS_SKIP", "rum").env("MESHOBS_ONLY", "metrics"));
}

#[test]
fn what_init_prints_is_set_by_flag_environment_file_and_default() {
    let file = "\
namespace.name = \"file\"
[tracing]
istio_namespace = \"file\"
istio_version = \"1.24.0\"
";
    let here = folder(&[("a.toml", file)]);
    let namespace = ("MESHOBS_NAMESPACE", "  name: ", "  namespace: ", "prod");
    let istio = ("MESHOBS_ISTIO_NAMESPACE", "", "  namespace: ", "istio-system");
    for (command, flag, (variable, name, key, default)) in [
        ("init drill delay", "-n flag", (namespace.0, "", namespace.2, namespace.3)),
        ("init namespace", "flag", (namespace.0, namespace.1, "", namespace.3)),
        ("init gateway-metrics", "--istio-namespace flag", istio),
    ] {
        let says = |args: &str, environment: &str, wanted: &str| {
            let run = meshobs(&here, args);
            let run = if environment.is_empty() { run } else { run.env(variable, environment) };
            let done = run.run().expect(0);
            let line = format!("{name}{key}{wanted}\n");
            assert!(done.text().contains(&line), "{args}: no `{line}` in\n{}", done.text());
        };
        says(command, "", default);
        says(&format!("{command} --config a.toml"), "", "file");
        says(&format!("{command} --config a.toml"), "env", "env");
        says(&format!("{command} {flag} --config a.toml"), "env", "flag");
    }
    let drill = meshobs(&here, "init drill delay --config a.toml").run().expect(0);
    assert!(drill.text().contains("apiVersion: networking.istio.io/v1\n"), "{}", drill.text());
    let remove = meshobs(&here, "init drill --remove --config a.toml").run().expect(0);
    assert!(remove.text().starts_with("kubectl delete -n file "), "{}", remove.text());
}

#[test]
fn init_namespace_takes_the_revision_of_the_file_unless_ambient_is_asked_for() {
    let here = folder(&[("meshobs.toml", "tracing.revision = \"canary\"\n")]);
    let done = meshobs(&here, "init namespace shop").run().expect(0);
    assert!(done.text().contains("istio.io/rev: canary\n"), "{}", done.text());
    let done = meshobs(&here, "init namespace shop --ambient").run().expect(0);
    assert!(done.text().contains("istio.io/dataplane-mode: ambient\n"), "{}", done.text());
}

#[test]
fn init_nginx_names_both_ways_to_find_the_gateway() {
    let done = meshobs(&folder(&[]), "init nginx").run().expect(2);
    assert!(done.stderr.contains("--upstream") && done.stderr.contains("--detect"), "{}", done.stderr);
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_nearest_one() {
    let here = folder(&[("a.yaml", CONFIG_MAP), ("meshobs.toml", "[metrics]\nintervall = \"10s\"\n")]);
    let done = meshobs(&here, "patch a.yaml").run().expect(2);
    same("", &done.stdout);
    assert!(done.stderr.contains("meshobs.toml:2:1"), "{}", done.stderr);
    assert!(done.stderr.contains("`interval`"), "{}", done.stderr);
    let here = folder(&[("a.yaml", CONFIG_MAP), ("meshobs.toml", "# first\n[metric]\n")]);
    let done = meshobs(&here, "patch a.yaml").run().expect(2);
    assert!(done.stderr.contains("meshobs.toml:2:"), "{}", done.stderr);
    assert!(done.stderr.contains("`metrics`"), "{}", done.stderr);
}

#[test]
fn init_config_writes_the_defaults() {
    let text = format!("{DEPLOYMENT}---\n{CONFIG_MAP}");
    let here = folder(&[("a.yaml", &text)]);
    let without = meshobs(&here, "patch a.yaml").run().expect(0);
    meshobs(&here, "init config -o meshobs.toml").run().expect(0);
    let printed = meshobs(&here, "init config").run().expect(0);
    same(&read(here.path(), "meshobs.toml"), &printed.stdout);
    let with = meshobs(&here, "patch a.yaml").run().expect(0);
    same(without.text(), &with.stdout);
    assert_eq!(without.stderr, with.stderr);
    // Every setting that is only shown must be valid too.
    let shown: String = printed
        .text()
        .lines()
        .map(|line| {
            let bare = line.strip_prefix("# ").or_else(|| line.strip_prefix('#')).unwrap_or(line);
            let setting = bare.split_once(" = ").is_some_and(|(key, _)| {
                !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            });
            format!("{}\n", if setting { bare } else { line })
        })
        .collect();
    fs::write(here.path().join("meshobs.toml"), &shown).unwrap();
    fs::write(here.path().join("token"), "tkn_0123456789abcdef0123456789abcdef\n").unwrap();
    let done = meshobs(&here, "patch a.yaml").run();
    assert_eq!(done.status, 0, "{}\n{shown}", done.stderr);
    toml::from_str::<toml::Table>(&shown).unwrap();
}

#[test]
fn init_config_knows_the_names_of_the_guide() {
    let done = meshobs(&folder(&[]), "init config").run().expect(0);
    for name in ["productpage-v1", "reviews-v1", "reviews-v2", "reviews-v3", "review1"] {
        assert!(done.text().contains(name), "no {name} in\n{}", done.text());
    }
}

#[test]
fn completion_knows_the_shells() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let done = meshobs(&folder(&[]), &format!("completion {shell}")).run().expect(0);
        assert!(done.text().contains("meshobs"), "{shell}");
    }
}

#[test]
fn help_tells_the_exit_codes() {
    let done = meshobs(&folder(&[]), "patch --help").run().expect(0);
    assert!(done.text().to_lowercase().contains("exit"), "{}", done.text());
    meshobs(&folder(&[]), "--help").run().expect(0);
    meshobs(&folder(&[]), "--version").run().expect(0);
}

#[test]
fn help_is_wrapped_once() {
    for command in [
        &["patch"][..],
        &["fn"],
        &["check"],
        &["install"],
        &["uninstall"],
        &["status"],
        &["explain"],
        &["init", "config"],
        &["init", "datakit"],
        &["init", "drill"],
        &["init", "gateway-metrics"],
        &["init", "namespace"],
        &["init", "nginx"],
        &["init", "rum"],
        &["init", "tracing"],
    ] {
        let done = Meshobs::new(command.iter().chain(&["--help"])).env("COLUMNS", "80").run();
        let text = done.text();
        let lines: Vec<&str> = text.lines().collect();
        let is_text = |line: &str| !line.is_empty() && !line.starts_with(' ') && !line.ends_with(':');
        for pair in lines.windows(2).filter(|pair| pair.iter().all(|line| is_text(line))) {
            let next = pair[1].split(' ').next().unwrap();
            let fits = pair[0].chars().count() + 1 + next.chars().count() <= 80;
            assert!(!fits, "{command:?}: a line ends early: {}", pair[0]);
        }
    }
}

// ---- the name of the program -------------------------------------------------------------------------------------

#[cfg(unix)]
#[test]
fn the_name_of_the_program_says_what_it_is() {
    let list = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n";
    let here = folder(&[("list.yaml", list)]);
    let run = |name: &str, args: &[&str]| {
        let program = here.path().join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_meshobs"), &program).unwrap();
        let stdin = fs::File::open(here.path().join("list.yaml")).unwrap();
        Command::new(program).args(args).current_dir(here.path()).stdin(stdin).output().unwrap()
    };
    let function = run("meshobs-fn", &["-n", "shop"]);
    assert!(function.status.success(), "{function:?}");
    assert_eq!(String::from_utf8(function.stdout).unwrap(), list);
    let plugin = String::from_utf8(run("kubectl-meshobs", &["patch", "--no-such"]).stderr).unwrap();
    assert!(plugin.contains("Usage: kubectl meshobs patch"), "{plugin}");
}

#[test]
fn the_nearest_settings_are_looked_for_up_to_the_root_of_the_repository() {
    let here = folder(&[
        ("meshobs.toml", "namespace.name = \"outside\"\n"),
        ("repo/.git/HEAD", ""),
        ("repo/meshobs.toml", "namespace.name = \"repo\"\n"),
        ("repo/a/b/x.yaml", CONFIG_MAP),
        ("other/.git/HEAD", ""),
        ("other/a/x.yaml", CONFIG_MAP),
    ]);
    let namespace = |cwd: &str, path: &str| {
        let cwd = here.path().join(cwd);
        let done = Meshobs::new(["patch", "-q", path]).cwd(&cwd).run();
        done.text().lines().last().unwrap().trim().to_owned()
    };
    // Above the directory that was named, and not above the repository.
    assert_eq!(namespace("repo/a/b", "x.yaml"), "namespace: repo");
    assert_eq!(namespace("repo", "a/b"), "namespace: repo");
    assert_eq!(namespace("other", "a"), "namespace: prod");
    // What governs nothing nearer is where the command runs.
    assert_eq!(namespace("", "other/a"), "namespace: outside");
}

#[test]
fn hooks_of_pre_commit_check_and_patch() {
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml");
    let text = fs::read_to_string(hooks).unwrap();
    let entry = |id: &str| {
        let hook = text.split("- id: ").find(|hook| hook.lines().next() == Some(id)).unwrap();
        let entry = hook.lines().find_map(|line| line.trim().strip_prefix("entry: meshobs ")).unwrap();
        entry.to_owned()
    };
    let here = folder(&[("a.yaml", CONFIG_MAP), ("values.yaml", "a: 1\n")]);
    let status = |id: &str| meshobs(&here, &format!("{} a.yaml values.yaml", entry(id))).run().status;
    assert_eq!(status("meshobs-check"), 1);
    same(CONFIG_MAP, read(here.path(), "a.yaml").as_bytes());
    assert_eq!(status("meshobs-patch"), 0);
    same(PATCHED, read(here.path(), "a.yaml").as_bytes());
    assert_eq!(status("meshobs-check"), 0);
    same("a: 1\n", read(here.path(), "values.yaml").as_bytes());
}
