//! `check` on healthy meshes with one change at a time. A case is one file in `testdata/mesh/cases`, see
//! `testdata/mesh/README.md`; each is a test of its own for each view: manifests, and the cluster that they make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod case;
mod inject;
mod kubectl;
mod pods;
mod simulate;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use case::{Case, Expected, View};
use support::{Done, Meshobs};

fn main() {
    let trials = cases().into_iter().flat_map(trials).chain(bases().into_iter().flat_map(trials));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/mesh")
}

/// The files of cases, by name.
fn cases() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder().join("cases")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// A base without a change is a case: it is healthy.
fn bases() -> Vec<(String, String)> {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.filter_map(|name| name.to_string_lossy().strip_prefix("base-").map(str::to_owned));
    names.map(|name| (format!("base {name}"), format!("base: {name}\nexpect: []\n"))).collect()
}

fn trials((name, text): (String, String)) -> Vec<Trial> {
    let views = match Case::read(&text) {
        Ok(case) => case.views,
        // Told by the test.
        Err(_) => vec![View::Files],
    };
    let trial = |view: View| {
        let text = text.clone();
        Trial::test(format!("{name} ({})", view.name()), move || {
            let case = Case::read(&text)?;
            run(&case, view).map_err(Failed::from)
        })
    };
    views.into_iter().map(trial).collect()
}

/// Plays a case in one view.
fn run(case: &Case, view: View) -> Result<(), String> {
    let place = tempfile::tempdir().unwrap();
    let done = match view {
        View::Files => {
            let mesh = place.path().join("mesh");
            fs::create_dir(&mesh).unwrap();
            for (name, objects) in case.manifests()? {
                let texts: Vec<String> = objects.iter().map(|object| format!("{object:#}\n")).collect();
                fs::write(mesh.join(name), texts.join("---\n")).unwrap();
            }
            Meshobs::new(["check", "--format", "json", "mesh"]).cwd(place.path()).run()
        }
        View::Cluster => {
            let path = kubectl::install(place.path(), &case.live()?, &case.forbidden);
            Meshobs::new(["check", "--format", "json"]).cwd(place.path()).env("PATH", &path).run()
        }
    };
    judge(case.expected(view), &case.unknown, &done)
}

/// Compares what was found with what a case expects.
fn judge(expected: &[Expected], unknown: &[String], done: &Done) -> Result<(), String> {
    let Ok(report) = serde_json::from_slice::<Value>(&done.stdout) else {
        return Err(format!(
            "status {}: {}{}",
            done.status,
            done.stderr,
            String::from_utf8_lossy(&done.stdout)
        ));
    };
    let list = |key: &str| report[key].as_array().cloned().unwrap_or_default();
    let mut found = list("findings");
    let mut wrong = Vec::new();
    for expected in expected {
        match found.iter().position(|finding| expected.fits(finding)) {
            Some(at) => drop(found.remove(at)),
            None => wrong.push(format!("missing: {expected}")),
        }
    }
    wrong.extend(found.iter().map(|finding| format!("not expected: {finding:#}")));
    for id in unknown {
        if !list("unknown").iter().any(|entry| entry["id"] == id.as_str()) {
            wrong.push(format!("not among the unknowns: {id}"));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{}\n--- the whole report\n{report:#}\n{}", wrong.join("\n"), done.stderr))
}
