//! Golden tests: every folder `testdata/GROUP/CASE` holds a command line, its input files and what must come out.
//!
//! `cmd` is one line of arguments; words `NAME=value` before them go to the environment, and `< FILE` at its
//! end feeds the standard input. `expected.stdout`, `expected.stderr` and `expected.status` may be missing, which
//! means empty and 0. Where there is a folder `expected.tree`, the working folder must look like it after the run.
//!
//! `MESHOBS_BLESS=1` rewrites the expected files, `MESHOBS_BLESS=new` writes only those that do not exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::{Meshobs, apply_by, copy_tree, differences, on_path, skip, tree};

#[test]
fn every_case_in_testdata_gives_its_expected_bytes() {
    let bless = Bless::from_environment();
    let mut failures = String::new();
    let mut count = 0;
    for case in cases() {
        count += 1;
        let name = case.strip_prefix(testdata()).unwrap().display().to_string();
        if let Err(failure) = run(&case, bless) {
            failures.push_str(&format!("\n{name}: {}\n{failure}", command(&case)));
        }
    }
    assert!(count > 0, "no cases in {}", testdata().display());
    assert!(
        failures.is_empty(),
        "some of {count} cases fail; MESHOBS_BLESS=1 rewrites what is expected\n{failures}"
    );
}

#[test]
fn patching_what_is_expected_changes_nothing() {
    let mut failures = String::new();
    for case in cases() {
        let (environment, args, _) = words(&command(&case));
        let plain = args.first().is_some_and(|a| a == "patch")
            && !args.iter().any(|a| matches!(a.as_str(), "--diff" | "--check" | "-i" | "-o"))
            && !case.join("expected.status").exists();
        let Ok(output) = fs::read(case.join("expected.stdout")) else {
            continue;
        };
        if !plain {
            continue;
        }
        // The same flags; the expected output instead of the files.
        let folder = tempfile::tempdir().unwrap();
        copy_inputs(&case, folder.path());
        let is_input = |i: usize| i > 0 && args[i - 1] != "--config" && folder.path().join(&args[i]).exists();
        let flags = (0..args.len()).filter(|i| !is_input(*i)).map(|i| &args[i]);
        let mut run = Meshobs::new(flags).cwd(folder.path()).stdin(&output);
        for (name, value) in &environment {
            run = run.env(name, value);
        }
        let done = run.run();
        if done.status != 0 || done.stdout != output {
            failures.push_str(&format!(
                "\n{}: status {}\n{}{}",
                case.display(),
                done.status,
                done.stderr,
                differences(&output, &done.stdout)
            ));
        }
    }
    assert!(failures.is_empty(), "patching twice is not patching once\n{failures}");
}

#[test]
fn the_diff_of_every_case_is_accepted_by_patch_and_git_apply() {
    let programs: Vec<_> = ["patch", "git"].into_iter().filter(|program| on_path(program)).collect();
    if programs.len() < 2 {
        skip("patch or git is missing");
    }
    let mut failures = String::new();
    let mut count = 0;
    for case in cases() {
        let (environment, args, stdin) = words(&command(&case));
        let plain = args.first().is_some_and(|a| a == "patch")
            && !args.iter().any(|a| matches!(a.as_str(), "--diff" | "--check" | "-i" | "-o" | "-q" | "-"))
            && stdin.is_none()
            && !case.join("expected.status").exists();
        if !plain {
            continue;
        }
        let run = |folder: &Path, flags: &[&str]| {
            let args = args.iter().map(String::as_str).chain(flags.iter().copied());
            let run = Meshobs::new(args).cwd(folder);
            environment.iter().fold(run, |run, (name, value)| run.env(name, value)).run()
        };
        let ours = tempfile::tempdir().unwrap();
        copy_inputs(&case, ours.path());
        let diff = run(ours.path(), &["--diff", "--show-secrets"]);
        let done = run(ours.path(), &["-i"]);
        assert_eq!((diff.status, done.status), (0, 0), "{}: {}{}", case.display(), diff.stderr, done.stderr);
        for program in programs.iter().filter(|_| !diff.stdout.is_empty()) {
            let theirs = tempfile::tempdir().unwrap();
            copy_inputs(&case, theirs.path());
            count += 1;
            match apply_by(program, theirs.path(), &diff.stdout) {
                Ok(()) => compare_trees(&tree(ours.path()), &tree(theirs.path()), &mut failures),
                Err(why) => failures.push_str(&format!("\n{}: {why}", case.display())),
            }
        }
    }
    assert!(count > 0 || programs.is_empty(), "no case has a diff");
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn what_is_expected_is_yaml_for_other_readers() {
    let mut failures = String::new();
    for (case, inputs, output) in printed_manifests() {
        // Some inputs are more than a reader takes: they prove nothing.
        if inputs.iter().all(|i| support::read_all(i).is_ok())
            && let Err(e) = support::read_all(&output)
        {
            failures.push_str(&format!("\n{}: {e}", case.display()));
        }
        let streams: Vec<&[u8]> = inputs.iter().chain([&output]).map(Vec::as_slice).collect();
        let Some(mut readings) = support::readers::go_read(&streams) else { continue };
        let last = readings.pop().unwrap();
        if readings.iter().all(Result::is_ok)
            && let Err(e) = last
        {
            failures.push_str(&format!("\n{}: Go: {e}", case.display()));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// The cases that print manifests made of input files: their inputs and what they print.
fn printed_manifests() -> Vec<(PathBuf, Vec<Vec<u8>>, Vec<u8>)> {
    let mut found = Vec::new();
    for case in cases() {
        let (_, args, _) = words(&command(&case));
        let Ok(output) = fs::read(case.join("expected.stdout")) else {
            continue;
        };
        let inputs: Vec<_> = args.iter().filter_map(|a| fs::read(case.join(a)).ok()).collect();
        let has = |word: &str| args.iter().any(|a| a == word);
        let other =
            has("nginx") || has("check") || (args.get(1).is_some_and(|a| a == "rum") && !has("configmap"));
        if !inputs.is_empty() && !other && !has("--diff") {
            found.push((case, inputs, output));
        }
    }
    assert!(!found.is_empty());
    found
}

#[derive(Clone, Copy, PartialEq)]
enum Bless {
    No,
    New,
    All,
}

impl Bless {
    fn from_environment() -> Self {
        match std::env::var("MESHOBS_BLESS").as_deref() {
            Ok("1") => Self::All,
            Ok("new") => Self::New,
            _ => Self::No,
        }
    }
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// The folders that hold a file `cmd`, in order.
fn cases() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for group in fs::read_dir(testdata()).unwrap() {
        let group = group.unwrap().path();
        if !group.is_dir() {
            continue;
        }
        for case in fs::read_dir(group).unwrap() {
            let case = case.unwrap().path();
            if case.join("cmd").is_file() {
                found.push(case);
            }
        }
    }
    found.sort();
    found
}

fn command(case: &Path) -> String {
    fs::read_to_string(case.join("cmd")).unwrap().trim_end_matches('\n').to_owned()
}

/// Environment, arguments and the file for stdin. Quotes group words as a shell's do.
fn words(line: &str) -> (Vec<(String, String)>, Vec<String>, Option<String>) {
    let mut words: Vec<String> = Vec::new();
    let mut quote = None;
    let mut open = false;
    for c in line.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                if !open {
                    words.push(String::new());
                    open = true;
                }
            }
            None if c == ' ' => open = false,
            _ => {
                if !open {
                    words.push(String::new());
                    open = true;
                }
                words.last_mut().unwrap().push(c);
            }
        }
    }
    let mut stdin = None;
    if words.len() >= 2 && words[words.len() - 2] == "<" {
        stdin = words.pop();
        words.pop();
    }
    let first = words.iter().position(|w| !w.contains('=')).unwrap_or(words.len());
    let args = words.split_off(first);
    let environment =
        words.iter().map(|w| w.split_once('=').unwrap()).map(|(a, b)| (a.to_owned(), b.to_owned()));
    (environment.collect(), args, stdin)
}

fn is_ours(name: &str) -> bool {
    name == "cmd" || name.starts_with("expected.")
}

fn copy_inputs(case: &Path, folder: &Path) {
    for entry in fs::read_dir(case).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_ours(&name) {
            continue;
        }
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &folder.join(&name));
        } else {
            fs::copy(entry.path(), folder.join(&name)).unwrap();
        }
    }
}

fn run(case: &Path, bless: Bless) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    copy_inputs(case, folder.path());
    let (environment, args, stdin) = words(&command(case));
    let mut run = Meshobs::new(&args).cwd(folder.path());
    for (name, value) in &environment {
        run = run.env(name, value);
    }
    if let Some(file) = stdin {
        run = run.stdin(fs::read(case.join(file)).unwrap());
    }
    let done = run.run();
    let status = if done.status == 0 { String::new() } else { format!("{}\n", done.status) };
    let parts = [
        ("expected.stdout", done.stdout.as_slice()),
        ("expected.stderr", done.stderr.as_bytes()),
        ("expected.status", status.as_bytes()),
    ];
    let expected_tree = case.join("expected.tree");
    match bless {
        Bless::No => {
            let blessed = parts.iter().any(|(name, _)| case.join(name).exists()) || expected_tree.exists();
            if !blessed {
                return Err(format!(
                    "    not blessed yet; status {}\n    stderr: {}\n    stdout: {}\n",
                    done.status,
                    done.stderr.lines().next().unwrap_or_default(),
                    done.text_head()
                ));
            }
        }
        Bless::New | Bless::All => rewrite(case, &parts, folder.path(), bless),
    }
    let mut failure = String::new();
    for (name, found) in parts {
        let expected = fs::read(case.join(name)).unwrap_or_default();
        if expected != found && !(name == "expected.status" && expected == b"0\n" && found.is_empty()) {
            failure.push_str(&format!("  {name}\n{}", differences(&expected, found)));
        }
    }
    if expected_tree.exists() {
        compare_trees(&tree(&expected_tree), &tree(folder.path()), &mut failure);
    }
    if failure.is_empty() { Ok(()) } else { Err(failure) }
}

fn compare_trees(
    expected: &BTreeMap<String, Vec<u8>>,
    found: &BTreeMap<String, Vec<u8>>,
    failure: &mut String,
) {
    for (name, bytes) in expected {
        match found.get(name) {
            None => failure.push_str(&format!("  {name} is not there after the run\n")),
            Some(other) if other != bytes => {
                failure.push_str(&format!("  expected.tree/{name}\n{}", differences(bytes, other)));
            }
            Some(_) => {}
        }
    }
    for name in found.keys().filter(|name| !expected.contains_key(*name)) {
        failure.push_str(&format!("  {name} came from nowhere\n"));
    }
}

fn rewrite(case: &Path, parts: &[(&str, &[u8]); 3], folder: &Path, bless: Bless) {
    let mut any = false;
    for (name, found) in parts {
        let path = case.join(name);
        if bless == Bless::All && found.is_empty() && path.exists() {
            fs::remove_file(&path).unwrap();
        }
        if !found.is_empty() && (bless == Bless::All || !path.exists()) {
            fs::write(&path, found).unwrap();
        }
        any |= path.exists();
    }
    let expected_tree = case.join("expected.tree");
    if bless == Bless::All && expected_tree.exists() {
        fs::remove_dir_all(&expected_tree).unwrap();
        copy_tree(folder, &expected_tree);
    }
    if !any {
        fs::write(case.join("expected.status"), "0\n").unwrap();
    }
}

trait Head {
    fn text_head(&self) -> String;
}

impl Head for support::Done {
    fn text_head(&self) -> String {
        String::from_utf8_lossy(&self.stdout).lines().take(3).collect::<Vec<_>>().join(" / ")
    }
}
