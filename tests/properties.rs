//! The promises of `patch`, on manifests made up by chance: untouched lines survive, patching twice is patching
//! once, the data gains exactly what is intended, a diff leads to the same text. The last part turns good
//! outputs into bad ones and asks that every check notices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError};

use support::manifests::{Tape, stream};
use support::{
    Input, Intent, Meshobs, apply, check_data, check_data_by_go, check_lines, filter, ours, show,
    text_and_edits,
};

/// All choices of a random stream come from these bytes; zeros are the plainest ones, so shrinking them
/// shrinks the manifest.
fn seed() -> impl Strategy<Value = Seed> {
    prop::collection::vec(any::<u8>(), 0..600).prop_map(Seed)
}

struct Seed(Vec<u8>);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0) // On one line, always.
    }
}

impl Seed {
    fn stream(&self) -> Input {
        stream(&mut Tape::new(&self.0))
    }
}

fn config() -> Config {
    // The same cases each time, so that a red run can be repeated; PROPTEST_CASES asks for a search for new ones.
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    let rng_seed = if cases.is_some() { RngSeed::Random } else { RngSeed::Fixed(20_211_123) };
    Config {
        cases: cases.unwrap_or(512),
        rng_seed,
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..Config::default()
    }
}

fn fail(why: &str, input: &str, output: &[u8]) -> TestCaseError {
    TestCaseError::fail(format!("{why}\n--- input\n{}--- output\n{}", show(input.as_bytes()), show(output)))
}

/// Runs `patch` with arguments on the text; a refusal is a failure, since every text made here is good.
fn patched(folder: &Path, args: &[&str], input: &str) -> Result<Vec<u8>, TestCaseError> {
    let done = filter(folder, args, input.as_bytes());
    if done.status == 0 {
        Ok(done.stdout)
    } else {
        Err(fail(&format!("status {}: {}", done.status, done.stderr), input, &done.stdout))
    }
}

/// The text after a few accidents.
fn spoil(text: &str, tape: &mut Tape<'_>) -> String {
    const LINES: &[&str] = &[
        "",
        "      ",
        "# comment",
        "          # deep comment",
        "...",
        "---",
        "- x",
        "key: |",
        "  annotations:",
        "  namespace:",
        "{",
        "'",
        "\t",
        "  name: y",
        "metadata: {name: z}",
        "    a: >+",
        "? k",
        "<<: {a: b}",
        "x: &x y",
        "  y: *x",
        "!!str",
        "%YAML 1.1",
        "  ? namespace",
        "  ? annotations",
        "  :",
        "  namespace: !!null",
        "  labels: {a: !!null }",
        "  # c\u{2028}  x: y",
        "  # c\u{85}# d",
    ];
    const TEXTS: &[&str] = &[
        " ", ":", "- ", "#", " # c", "\"", "'", "{", "}", "[", ",", "|", "&a ", "*a", "\t", "\n", "\r", "é",
        "? ",
    ];
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for _ in 0..=tape.pick(4) {
        let at = (tape.pick(256) * 256 + tape.pick(256)) % lines.len();
        match tape.pick(9) {
            0 if lines.len() > 1 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 if at > 0 => lines.swap(at, at - 1),
            3 => lines[at].insert_str(0, [" ", "  ", "    "][tape.pick(3)]),
            4 => lines[at] = lines[at].strip_prefix("  ").unwrap_or(&lines[at]).to_owned(),
            5 => lines.insert(at, tape.choose(LINES).to_owned()),
            6 => lines.truncate(at + 1),
            _ => {
                let places: Vec<usize> =
                    lines[at].char_indices().map(|(i, _)| i).chain([lines[at].len()]).collect();
                let place = places[tape.pick(256) % places.len()];
                match lines[at][place..].chars().next() {
                    Some(c) if tape.once_in(2) => drop(lines[at].drain(place..place + c.len_utf8())),
                    _ => lines[at].insert_str(place, tape.choose(TEXTS)),
                }
            }
        }
    }
    lines.join("\n")
}

fn names_are_strings(value: &serde_yaml::Value) -> bool {
    use serde_yaml::Value;
    match value {
        Value::Mapping(entries) => entries.iter().all(|(key, value)| {
            let name =
                matches!(key.as_str(), Some("apiVersion" | "kind" | "name" | "app" | "k8s-app" | "image"));
            (!name || value.is_string() || value.is_null()) && names_are_strings(value)
        }),
        Value::Sequence(items) => items.iter().all(names_are_strings),
        _ => true,
    }
}

fn here() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

proptest! {
    #![proptest_config(Config { cases: config().cases / 8, ..config() })]

    #[test]
    fn what_is_put_in_can_be_taken_out(seed in seed()) {
        let input = seed.stream();
        let folder = here();
        let once = patched(folder.path(), &[], &input.text)?;
        let back = Meshobs::new(["unpatch", "-q"]).cwd(folder.path()).stdin(&once).run();
        prop_assert_eq!(back.status, 0, "{}", back.stderr);
        let again = filter(folder.path(), &[], &back.stdout);
        prop_assert_eq!(show(&once), show(&again.stdout), "input:\n{}", show(input.text.as_bytes()));
        // Values that are empty, or that are as patch writes them, look like its own.
        let held = ["prod", "datakit/", "annotations:", "namespace:", "metadata: ", "product-page"];
        let free = !held.iter().any(|word| input.text.contains(word));
        if free && input.text.ends_with('\n') {
            prop_assert_eq!(show(input.text.as_bytes()), show(&back.stdout), "patched:\n{}", show(&once));
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn untouched_lines_survive_in_order(seed in seed()) {
        let input = seed.stream();
        let output = patched(here().path(), &[], &input.text)?;
        check_lines(&input, &output, ours).map_err(|e| fail(&e, &input.text, &output))?;
    }

    #[test]
    fn patching_twice_is_patching_once(seed in seed()) {
        let input = seed.stream();
        let folder = here();
        let once = patched(folder.path(), &[], &input.text)?;
        let twice = filter(folder.path(), &[], &once);
        prop_assert_eq!(show(&once), show(&twice.stdout), "input:\n{}", show(input.text.as_bytes()));
        let check = filter(folder.path(), &["--check"], &once);
        prop_assert_eq!(check.status, 0, "--check says: {}", check.stderr);
        let changed = once != input.text.as_bytes();
        let check = filter(folder.path(), &["--check"], input.text.as_bytes());
        prop_assert_eq!(check.status, i32::from(changed), "--check on the input says: {}", check.stderr);
    }

    #[test]
    fn data_gains_exactly_what_is_intended(seed in seed()) {
        let input = seed.stream();
        let output = patched(here().path(), &[], &input.text)?;
        check_data(&input.text, &output, &Intent::default())
            .and_then(|()| check_data_by_go(&input.text, &output, &Intent::default()))
            .map_err(|e| fail(&e, &input.text, &output))?;
    }

    #[test]
    fn one_rule_alone_does_only_its_own_work(seed in seed()) {
        let input = seed.stream();
        let folder = here();
        let none = Intent { namespace: None, metrics: false, rum: false };
        let bare = |line: &str| line.replace(['"', '\''], "").trim_end_matches(',').to_owned();

        let output = patched(folder.path(), &["--only", "namespace", "-n", "default"], &input.text)?;
        check_lines(&input, &output, |line| bare(line) == "namespace: default")
            .and_then(|()| check_data(&input.text, &output, &Intent { namespace: Some("default".to_owned()), ..none.clone() }))
            .map_err(|e| fail(&format!("--only namespace: {e}"), &input.text, &output))?;

        let output = patched(folder.path(), &["--only", "metrics"], &input.text)?;
        check_lines(&input, &output, |line| ours(line) && !bare(line).starts_with("namespace: prod") && !line.starts_with("#image"))
            .and_then(|()| check_data(&input.text, &output, &Intent { metrics: true, ..none.clone() }))
            .map_err(|e| fail(&format!("--only metrics: {e}"), &input.text, &output))?;

        let output = patched(folder.path(), &["--skip", "namespace,metrics"], &input.text)?;
        check_lines(&input, &output, |line| line.starts_with("#image: "))
            .and_then(|()| check_data(&input.text, &output, &Intent { rum: true, ..none.clone() }))
            .map_err(|e| fail(&format!("--skip namespace,metrics: {e}"), &input.text, &output))?;
    }

    #[test]
    fn a_diff_of_any_edits_is_exact(numbers in prop::collection::vec(any::<u32>(), 40), context in 0usize..4) {
        let (text, edits) = text_and_edits(&numbers);
        let edit = |(start, end, text)| meshobs::yaml::Edit { start, end, text };
        let edits: Vec<_> = edits.into_iter().map(edit).collect();
        let output = meshobs::yaml::apply(&text, &edits).unwrap();
        let mut diff = Vec::new();
        let style = meshobs::report::DiffStyle { context, color: false, show_secrets: true, terminal: false };
        let all = edits.iter().cloned().map(Ok);
        meshobs::report::Diff::new(&mut diff, style, "a.yaml").hunks(text.as_bytes(), all).unwrap();
        let diff = String::from_utf8(diff).unwrap();
        match apply(&diff, &text) {
            Ok(applied) => prop_assert_eq!(show(applied.as_bytes()), show(output.as_bytes()), "{:?}\n{}", edits, diff),
            Err(e) => return Err(fail(&format!("{e}\n{edits:?}\n--- diff\n{diff}"), &text, output.as_bytes())),
        }
    }

    #[test]
    fn diff_leads_from_the_input_to_the_output(seed in seed(), context in 0usize..5) {
        let input = seed.stream();
        let folder = here();
        let output = patched(folder.path(), &[], &input.text)?;
        let done = filter(folder.path(), &["--diff", "-U", &context.to_string()], input.text.as_bytes());
        prop_assert_eq!(done.status, 0, "{}", done.stderr);
        let diff = String::from_utf8(done.stdout).unwrap();
        match apply(&diff, &input.text) {
            Ok(applied) => prop_assert_eq!(show(applied.as_bytes()), show(&output), "diff:\n{}", show(diff.as_bytes())),
            Err(e) => return Err(fail(&format!("{e}\n--- diff\n{}", show(diff.as_bytes())), &input.text, &output)),
        }
    }

    #[test]
    fn what_is_accepted_of_a_spoilt_manifest_is_right(seed in seed(), damage in prop::collection::vec(any::<u8>(), 1..24)) {
        let text = spoil(&seed.stream().text, &mut Tape::new(&damage));
        let done = filter(here().path(), &[], text.as_bytes());
        prop_assert!(matches!(done.status, 0 | 2), "status {}: {}", done.status, done.stderr);
        // This reader refuses some of what YAML 1.2 allows, and names that are numbers are read in two ways; both
        // prove nothing.
        let plain = support::read_all(text.as_bytes()).is_ok_and(|documents| documents.iter().all(names_are_strings));
        if done.status == 0 && plain {
            check_data(&text, &done.stdout, &Intent::default())
                .and_then(|()| check_data_by_go(&text, &done.stdout, &Intent::default()))
                .map_err(|e| fail(&e, &text, &done.stdout))?;
            let twice = filter(here().path(), &[], &done.stdout);
            prop_assert_eq!(show(&done.stdout), show(&twice.stdout), "input:\n{}", show(text.as_bytes()));
        }
    }

    #[test]
    fn no_bytes_at_all_make_it_panic(noise in prop::collection::vec(any::<u8>(), 0..40), seed in seed(), at in any::<prop::sample::Index>()) {
        let mut text = seed.stream().text.into_bytes();
        let at = at.index(text.len() + 1);
        text.splice(at..at, noise);
        let done = filter(here().path(), &[], &text);
        prop_assert!(done.status == 0 || done.status == 2, "status {}: {}", done.status, done.stderr);
        prop_assert!(done.status == 0 || done.stdout.is_empty(), "an error, and output all the same");
    }
}

// ---- the checks themselves -------------------------------------------------------------------------------------

const SMALL: &str = "\
# two resources

apiVersion: v1
kind: Service
metadata:
  name: details  # the name
  labels:
    app: details
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: productpage-v1
spec:
  template:
    metadata:
      labels:
        app: productpage
    spec:
      containers:
      - name: productpage
        image: docker.io/istio/examples-bookinfo-productpage-v1:1.16.2  # the page
        imagePullPolicy: IfNotPresent
";

fn small() -> Input {
    let line = SMALL.lines().position(|l| l.contains("image: ")).unwrap();
    Input {
        text: SMALL.to_owned(),
        changing: vec![support::Changing {
            line,
            prefix: "        image: ".to_owned(),
            suffix: "  # the page".to_owned(),
            keeps: false,
            above: Some("#image: docker.io/istio/examples-bookinfo-productpage-v1:1.16.2".to_owned()),
        }],
        step: Some(2),
    }
}

/// The output that the checks must accept.
fn good() -> String {
    let indented: String =
        support::annotation("minik8s-istio-product").lines().map(|l| format!("          {l}\n")).collect();
    SMALL
        .replace("  name: details  # the name\n", "  name: details  # the name\n  namespace: prod\n")
        .replace("  name: productpage-v1\n", "  name: productpage-v1\n  namespace: prod\n")
        .replace(
            "        app: productpage\n",
            &format!("        app: productpage\n      annotations:\n        {}: |\n{indented}", support::KEY),
        )
        .replace(
            "        image: docker.io",
            "        #image: docker.io/istio/examples-bookinfo-productpage-v1:1.16.2\n        image: docker.io",
        )
        .replace(
            "        image: docker.io/istio/examples-bookinfo-productpage-v1:1.16.2",
            "        image: product-page:v1",
        )
}

fn judge(input: &Input, output: &str) -> Result<(), String> {
    check_lines(input, output.as_bytes(), ours)?;
    check_data(&input.text, output.as_bytes(), &Intent::default())
}

#[test]
fn the_checks_accept_a_good_output() {
    judge(&small(), &good()).unwrap();
}

#[test]
fn the_checks_notice_every_dropped_byte() {
    let good = good();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad.remove(at);
        assert!(judge(&small(), &bad).is_err(), "byte {at} dropped without notice:\n{bad}");
    }
}

#[test]
fn the_checks_notice_every_doubled_byte() {
    let good = good();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad.insert(at, good.as_bytes()[at] as char);
        assert!(judge(&small(), &bad).is_err(), "byte {at} doubled without notice:\n{bad}");
    }
}

#[test]
fn the_checks_notice_an_insertion_that_is_off_by_one_byte() {
    let good = good();
    let edits = [
        "\n  namespace: prod",
        "\n      annotations:",
        "\n          [[inputs.prom]]",
        "\n        #image: docker.io",
    ];
    let mut count = 0;
    for edit in edits {
        for (at, _) in good.match_indices(edit) {
            // The whole inserted run of lines, moved to the left and to the right.
            let after = good[at..].len();
            let text = match edit {
                "\n  namespace: prod" => edit.to_owned(),
                "\n        #image: docker.io" => {
                    good[at..at + 1 + good[at + 1..].find('\n').unwrap()].to_owned()
                }
                _ => good[at..at + good[at..].find("\n    spec:").unwrap()].to_owned(),
            };
            let without = format!("{}{}", &good[..at], &good[at + text.len()..]);
            assert!(after > text.len());
            for moved in [at - 1, at + 1] {
                let bad = format!("{}{text}{}", &without[..moved], &without[moved..]);
                if bad != good {
                    count += 1;
                    assert!(judge(&small(), &bad).is_err(), "moved without notice:\n{bad}");
                }
            }
        }
    }
    assert!(count >= 8, "only {count} outputs were spoilt");
}

#[test]
fn the_checks_notice_what_people_would_notice() {
    let good = good();
    let spoil = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let cases = [
        ("a lost comment", spoil("# two resources\n", "")),
        ("a lost trailing comment", spoil("  # the name", "")),
        ("a lost comment after the image", spoil("  # the page", "")),
        ("a lost blank line", spoil("\n\napi", "\napi")),
        ("a restyled scalar", spoil("kind: Service", "kind: \"Service\"")),
        ("another image", spoil("product-page:v1", "product-page:v2")),
        ("another namespace", spoil("namespace: prod", "namespace: prd")),
        ("a missing namespace", spoil("  namespace: prod\n", "")),
        ("a namespace twice", spoil("  namespace: prod\n", "  namespace: prod\n  namespace: prod\n")),
        (
            "a namespace among the labels",
            spoil(
                "  namespace: prod\n  labels:\n    app: details\n",
                "  labels:\n    app: details\n    namespace: prod\n",
            ),
        ),
        ("swapped lines", spoil("kind: Service\nmetadata:\n", "metadata:\nkind: Service\n")),
        ("another source", spoil("minik8s-istio-product", "minik8s-istio-productpage")),
        ("a missing metric type", spoil(", \"histogram\"", "")),
        ("another interval", spoil("\"10s\"", "\"60s\"")),
        ("a deeper literal", spoil("            url", "             url")),
        (
            "a missing old image",
            spoil("        #image: docker.io/istio/examples-bookinfo-productpage-v1:1.16.2\n", ""),
        ),
        ("a wrong old image", spoil("        #image: docker.io/istio", "        #image: docker.io/other")),
        ("an annotation at the wrong place", spoil("      annotations:", "      annotation:")),
        ("a line of Windows", spoil("  namespace: prod\n", "  namespace: prod\r\n")),
        ("a lost final newline", good.trim_end().to_owned()),
        ("a document more", format!("{good}---\n")),
        ("no output", String::new()),
        ("the input", SMALL.to_owned()),
    ];
    for (what, bad) in cases {
        assert!(judge(&small(), &bad).is_err(), "{what} goes without notice:\n{bad}");
    }
}

#[test]
fn the_diff_applier_refuses_a_diff_that_is_not_exact() {
    let input = "a\nb\nc\nd\ne\nf\ng\n";
    let diff = "--- a/x\n+++ b/x\n@@ -2,3 +2,4 @@\n b\n c\n+new\n d\n";
    assert_eq!(apply(diff, input).unwrap(), "a\nb\nc\nnew\nd\ne\nf\ng\n");
    let no_newline = "--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n\\ No newline at end of file\n";
    assert_eq!(apply(no_newline, "a").unwrap(), "a\nb");
    assert!(apply(no_newline, "a\n").is_err());
    for (from, to) in [
        ("@@ -2,3", "@@ -3,3"),
        ("-2,3 +2,4", "-2,2 +2,3"),
        ("-2,3 +2,4", "-2,3 +1,4"),
        (" b\n", " x\n"),
        (" d\n", ""),
        ("--- a/x\n", ""),
        ("+new", "new"),
        ("--- a/", "--- "),
    ] {
        let bad = diff.replacen(from, to, 1);
        assert_ne!(bad, diff);
        assert!(apply(&bad, input).is_err(), "accepted:\n{bad}");
    }
}

type Test = fn(&Input) -> bool;

#[test]
fn the_generator_makes_what_it_is_meant_to() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::new();
    let features: &[(&str, Test)] = &[
        ("CRLF", |i| i.text.contains("\r\n")),
        ("BOM", |i| i.text.starts_with('\u{feff}')),
        ("no final newline", |i| !i.text.ends_with('\n')),
        ("trailing comments", |i| i.text.contains("  # ")),
        ("several documents", |i| i.text.matches("\n---").count() > 2),
        ("document ends", |i| i.text.contains("\n...")),
        ("literals", |i| i.text.contains(": |")),
        ("folded", |i| i.text.contains(": >")),
        ("keeping headers", |i| i.text.contains("|+")),
        ("flow metadata", |i| i.text.contains("metadata: {")),
        ("JSON", |i| i.text.contains("\"apiVersion\": ")),
        ("lists", |i| i.text.contains("List")),
        ("an image to replace", |i| i.changing.iter().any(|c| c.above.is_some())),
        ("a namespace to fill", |i| i.changing.iter().any(|c| c.prefix.trim_end().ends_with("namespace:"))),
        ("multi-byte text", |i| !i.text.trim_start_matches('\u{feff}').is_ascii()),
        ("blanks-only lines", |i| i.text.lines().any(|l| l.len() > 1 && l.trim().is_empty())),
        ("quoted keys", |i| i.text.contains("\"name\": ") || i.text.contains("'name': ")),
        ("host network", |i| i.text.contains("hostNetwork: true")),
        ("existing annotation", |i| i.text.contains(support::KEY)),
        ("cluster-scoped", |i| i.text.contains("ClusterRole")),
        ("four blanks", |i| i.step == Some(4)),
    ];
    for _ in 0..400 {
        let seed = seed().new_tree(&mut runner).unwrap().current();
        let input = seed.stream();
        support::read_all(input.text.as_bytes())
            .unwrap_or_else(|e| panic!("{e}\n{}", show(input.text.as_bytes())));
        for (name, test) in features {
            *seen.entry(*name).or_insert(0) += usize::from(test(&input));
        }
    }
    let rare: Vec<_> = seen.iter().filter(|(_, count)| **count < 8).collect();
    assert!(rare.is_empty(), "too rare among 400: {rare:?}");
}
