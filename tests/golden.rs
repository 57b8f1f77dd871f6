//! Golden tests: every folder `testdata/GROUP/CASE` holds a command line, its input files and what must come out.
//!
//! `cmd` is one line of arguments; words `NAME=value` before them go to the environment, and `< FILE` at its
//! end feeds the standard input. `expected.stdout`, `expected.stderr` and `expected.status` may be missing, which
//! means empty and 0. Where there is a folder `expected.tree`, the working folder must look like it after the run.
//!
//! What `unpatch` makes of a patched output is the input, or `expected.unpatch` where the input held some of it already, or
//! what was replaced is not known any more.
//!
//! Each case is up to five tests, by name: `cargo test --test golden -- quirks/anchors`.
//!
//! `MESHOBS_BLESS=1` rewrites the expected files, `MESHOBS_BLESS=new` writes only those that do not exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};

use support::{Meshobs, apply_by, copy_tree, differences, on_path, skip, tree};

/// What is asked of cases, and of how many at least: fewer means that a filter here fits no longer.
const QUESTIONS: [Question; 5] = [
    Question { title: "gives its expected bytes", at_least: 700, fits: |_| true, ask: expected_bytes },
    Question { title: "twice is once", at_least: 300, fits: is_printed_patch, ask: twice_is_once },
    Question { title: "and back", at_least: 300, fits: is_of_one_profile, ask: and_back },
    Question { title: "its diff applies", at_least: 300, fits: has_diff, ask: diff_applies },
    Question {
        title: "is YAML for other readers",
        at_least: 400,
        fits: prints_manifests,
        ask: is_yaml_for_others,
    },
];

struct Question {
    title: &'static str,
    at_least: usize,
    fits: fn(&Case) -> bool,
    ask: fn(&Case) -> Result<(), String>,
}

struct Case {
    folder: PathBuf,
    environment: Vec<(String, String)>,
    args: Vec<String>,
    /// The file for stdin.
    stdin: Option<String>,
}

impl Case {
    fn read(folder: PathBuf) -> Self {
        let (environment, args, stdin) = words(&command(&folder));
        Self { folder, environment, args, stdin }
    }

    fn has(&self, words: &[&str]) -> bool {
        self.args.iter().any(|arg| words.contains(&arg.as_str()))
    }

    fn is_patch(&self) -> bool {
        self.args.first().is_some_and(|arg| arg == "patch") && !self.folder.join("expected.status").exists()
    }

    fn output(&self) -> Option<Vec<u8>> {
        fs::read(self.folder.join("expected.stdout")).ok()
    }

    /// The files that its arguments name.
    fn inputs(&self) -> Vec<Vec<u8>> {
        self.args.iter().filter_map(|arg| fs::read(self.folder.join(arg)).ok()).collect()
    }

    fn meshobs<'a>(&self, args: impl IntoIterator<Item = &'a str>, cwd: &Path) -> Meshobs {
        let run = Meshobs::new(args).cwd(cwd);
        self.environment.iter().fold(run, |run, (name, value)| run.env(name, value))
    }
}

fn main() {
    let mut trials = Vec::new();
    let folders = cases();
    for question in &QUESTIONS {
        let fits = |folder: &&PathBuf| (question.fits)(&Case::read((*folder).clone()));
        let folders: Vec<_> = folders.iter().filter(fits).collect();
        let count = folders.len();
        trials.push(Trial::test(format!("cases of \"{}\"", question.title), move || {
            let few = format!("only {count}, at least {} are meant", question.at_least);
            if count < question.at_least { Err(Failed::from(few)) } else { Ok(()) }
        }));
        for folder in folders {
            let name = folder.strip_prefix(testdata()).unwrap().display();
            let folder = folder.clone();
            trials.push(Trial::test(format!("{name} {}", question.title), move || {
                (question.ask)(&Case::read(folder)).map_err(Failed::from)
            }));
        }
    }
    trials.push(Trial::test("every group is in testdata/README.md", groups_are_listed));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn groups_are_listed() -> Result<(), Failed> {
    let index = fs::read_to_string(testdata().join("README.md"))?;
    let mut groups: Vec<_> = fs::read_dir(testdata())?.map(|entry| entry.unwrap().path()).collect();
    groups.retain(|path| path.is_dir());
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let missing: Vec<_> =
        groups.iter().map(name).filter(|name| !index.contains(&format!("`{name}/`"))).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}").into()) }
}

fn expected_bytes(case: &Case) -> Result<(), String> {
    run(case, Bless::from_environment()).map_err(|failure| {
        format!("{}\nMESHOBS_BLESS=1 rewrites what is expected\n{failure}", command(&case.folder))
    })
}

/// A patch whose product goes to stdout.
fn is_printed_patch(case: &Case) -> bool {
    case.is_patch() && !case.has(&["--diff", "--check", "-i", "-o"]) && case.output().is_some()
}

/// A patch whose output is led back as one stream: files of settings further down govern files, not what they became.
fn is_of_one_profile(case: &Case) -> bool {
    is_printed_patch(case) && !case.folder.join("in/shop/meshobs.toml").exists()
}

/// The same flags; the expected output instead of the files.
fn twice_is_once(case: &Case) -> Result<(), String> {
    let output = case.output().unwrap_or_default();
    let folder = tempfile::tempdir().unwrap();
    copy_inputs(&case.folder, folder.path());
    let args = &case.args;
    let is_input = |i: usize| i > 0 && args[i - 1] != "--config" && folder.path().join(&args[i]).exists();
    let flags = (0..args.len()).filter(|i| !is_input(*i)).map(|i| args[i].as_str());
    let done = case.meshobs(flags, folder.path()).stdin(&output).run();
    if done.status == 0 && done.stdout == output {
        return Ok(());
    }
    Err(format!("status {}\n{}{}", done.status, done.stderr, differences(&output, &done.stdout)))
}

/// The flags of `patch` as `unpatch` takes them, and the input, where that is one file.
fn way_back(case: &Case) -> (Vec<String>, Option<Vec<u8>>) {
    const OF_FILES: &[&str] = &["--config", "--token-file"];
    let mut flags = vec!["unpatch".to_owned()];
    let mut inputs: Vec<String> = case.stdin.clone().into_iter().collect();
    let mut before = "";
    for arg in &case.args[1..] {
        if case.folder.join(arg).exists() && !OF_FILES.contains(&before) {
            inputs.push(arg.clone());
        } else if before == "--image" {
            let turned = arg.split(',').map(|pair| {
                let (old, new) = pair.split_once('=').unwrap();
                format!("{new}={old}")
            });
            flags.push(turned.collect::<Vec<_>>().join(","));
        } else if !["--overwrite", "--strict"].contains(&arg.as_str()) {
            flags.push(arg.clone());
        }
        before = arg;
    }
    let input = (inputs.len() == 1).then(|| fs::read(case.folder.join(&inputs[0])).ok()).flatten();
    (flags, input)
}

/// What is taken out of the expected output is what patching puts back, and leads to the input.
fn and_back(case: &Case) -> Result<(), String> {
    let output = case.output().unwrap_or_default();
    let folder = tempfile::tempdir().unwrap();
    copy_inputs(&case.folder, folder.path());
    let (flags, input) = way_back(case);
    let run = |flags: &[String], stdin: &[u8]| {
        let done = case.meshobs(flags.iter().map(String::as_str), folder.path()).stdin(stdin).run();
        if done.status == 0 {
            Ok(done.stdout)
        } else {
            Err(format!("status {}\n{}", done.status, done.stderr))
        }
    };
    let back = run(&flags, &output)?;
    let expected = case.folder.join("expected.unpatch");
    let bless = Bless::from_environment();
    if input.as_ref() == Some(&back) {
        if expected.exists() && bless == Bless::All {
            fs::remove_file(&expected).unwrap();
        }
        return if expected.exists() { Err("  expected.unpatch is not needed\n".to_owned()) } else { Ok(()) };
    }
    if bless == Bless::All || (bless == Bless::New && !expected.exists()) {
        fs::write(&expected, &back).unwrap();
    }
    let wanted = fs::read(&expected).ok().or(input).unwrap_or_default();
    if wanted != back {
        return Err(differences(&wanted, &back));
    }
    let mut forth = flags;
    "patch".clone_into(&mut forth[0]);
    for pair in (1..forth.len()).filter(|i| forth[i - 1] == "--image").collect::<Vec<_>>() {
        let turned = forth[pair].split(',').map(|pair| pair.split_once('=').unwrap());
        forth[pair] = turned.map(|(new, old)| format!("{old}={new}")).collect::<Vec<_>>().join(",");
    }
    let again = run(&forth, &back)?;
    if again == output { Ok(()) } else { Err(differences(&output, &again)) }
}

/// A patch of files that can be done in place.
fn has_diff(case: &Case) -> bool {
    case.is_patch() && !case.has(&["--diff", "--check", "-i", "-o", "-q", "-"]) && case.stdin.is_none()
}

fn diff_applies(case: &Case) -> Result<(), String> {
    let programs: Vec<_> = ["patch", "git"].into_iter().filter(|program| on_path(program)).collect();
    if programs.len() < 2 {
        skip("patch or git is missing");
    }
    let run = |folder: &Path, flags: &[&str]| {
        let args = case.args.iter().map(String::as_str).chain(flags.iter().copied());
        case.meshobs(args, folder).run()
    };
    let ours = tempfile::tempdir().unwrap();
    copy_inputs(&case.folder, ours.path());
    let diff = run(ours.path(), &["--diff", "--show-secrets"]);
    let done = run(ours.path(), &["-i"]);
    if (diff.status, done.status) != (0, 0) {
        return Err(format!("{}{}", diff.stderr, done.stderr));
    }
    let mut failures = String::new();
    for program in programs.iter().filter(|_| !diff.stdout.is_empty()) {
        let theirs = tempfile::tempdir().unwrap();
        copy_inputs(&case.folder, theirs.path());
        match apply_by(program, theirs.path(), &diff.stdout) {
            Ok(()) => compare_trees(&tree(ours.path()), &tree(theirs.path()), &mut failures),
            Err(why) => failures.push_str(&why),
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// What is printed are manifests made of input files.
fn prints_manifests(case: &Case) -> bool {
    let rum = case.args.get(1).is_some_and(|arg| arg == "rum") && !case.has(&["configmap"]);
    case.output().is_some() && !case.inputs().is_empty() && !rum && !case.has(&["nginx", "check", "--diff"])
}

fn is_yaml_for_others(case: &Case) -> Result<(), String> {
    let (inputs, output) = (case.inputs(), case.output().unwrap_or_default());
    // Some inputs are more than a reader takes: they prove nothing.
    if inputs.iter().all(|input| support::read_all(input).is_ok()) {
        support::read_all(&output).map_err(|error| error.to_string())?;
    }
    let streams: Vec<&[u8]> = inputs.iter().chain([&output]).map(Vec::as_slice).collect();
    let Some(mut readings) = support::readers::go_read(&streams) else { return Ok(()) };
    let last = readings.pop().unwrap();
    if readings.iter().all(Result::is_ok) {
        last.map_err(|error| format!("Go: {error}"))?;
    }
    Ok(())
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

fn run(case: &Case, bless: Bless) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    copy_inputs(&case.folder, folder.path());
    let mut run = case.meshobs(case.args.iter().map(String::as_str), folder.path());
    if let Some(file) = &case.stdin {
        run = run.stdin(fs::read(case.folder.join(file)).unwrap());
    }
    let case = &case.folder;
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
