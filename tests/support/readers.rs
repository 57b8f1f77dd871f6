//! The reader that clusters use: sigs.k8s.io/yaml, in a small Go program of its own (tests/readers). It judges what the
//! engine writes wherever Go is there; without it the tests that ask say so.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_yaml::Value;

use super::skip;

/// The documents of a stream, or why they cannot be read.
pub type Reading = Result<Vec<Value>, String>;

/// What the cluster's reader makes of each stream; nothing where Go is missing.
pub fn go_read(streams: &[&[u8]]) -> Option<Vec<Reading>> {
    let program = program()?;
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut asked = Vec::new();
    for stream in streams {
        asked.extend_from_slice(format!("{}\n", stream.len()).as_bytes());
        asked.extend_from_slice(stream);
    }
    let writer = std::thread::spawn(move || stdin.write_all(&asked).unwrap());
    let mut answers = String::new();
    child.stdout.take().unwrap().read_to_string(&mut answers).unwrap();
    writer.join().unwrap();
    assert!(child.wait().unwrap().success(), "tests/readers failed");
    let readings: Vec<Reading> = answers.lines().map(reading).collect();
    assert_eq!(readings.len(), streams.len(), "one answer for each stream");
    Some(readings)
}

fn reading(answer: &str) -> Reading {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    match answer.get("error") {
        Some(error) => Err(error.as_str().unwrap().to_owned()),
        None => Ok(answer["documents"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| serde_yaml::to_value(d).unwrap())
            .collect()),
    }
}

/// The program, built once in each test binary; Go's own cache makes that fast.
fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PROGRAM.get_or_init(build) {
        Ok(program) => Some(program),
        Err(why) => {
            skip(why);
            None
        }
    }
}

fn build() -> Result<PathBuf, String> {
    let go = go().ok_or("no go here")?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join("readers");
    // Test binaries may run side by side: each builds its own and puts it in place at once.
    let fresh = folder.join(format!("readers.{}", std::process::id()));
    let output = Command::new(go)
        .args(["build", "-mod=readonly", "-buildvcs=false", "-o"])
        .arg(&fresh)
        .arg(".")
        .current_dir(source)
        .output()
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(format!("tests/readers cannot be built: {}", String::from_utf8_lossy(&output.stderr)));
    }
    std::fs::rename(&fresh, &program).map_err(|e| e.to_string())?;
    Ok(program)
}

fn go() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/local/go/bin")]);
    folders.map(|folder| folder.join("go")).find(|go| go.is_file())
}
