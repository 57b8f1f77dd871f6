//! Where the token may not be while `install` runs against a real API server, and after it was killed: in files, in arguments
//! and environments of children, in annotations.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::place::{Place, SECRET, TOKEN};
use serde_json::Value;

const DATAKIT: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: datakit-service
  namespace: monitoring
spec:
  selector:
    app: daemonset-datakit
  ports:
  - port: 9529
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: datakit
  namespace: monitoring
spec:
  selector:
    matchLabels:
      app: daemonset-datakit
  template:
    metadata:
      labels:
        app: daemonset-datakit
    spec:
      hostNetwork: true
      containers:
      - name: datakit
        image: pubrepo.guance.com/datakit/datakit:1.84.0
        env:
        - name: ENV_DATAWAY
          value: https://openway.guance.com?token=<your-token>
        ports:
        - containerPort: 9529
          hostPort: 9529
";

/// Starts an installation in a process group of its own, with the token in its environment and a temporary folder that
/// nobody else uses.
fn start(place: &Place, temporary: &Path) -> Child {
    let mut run = Command::new(env!("CARGO_BIN_EXE_meshobs"));
    run.args(["install", "--yes", "app.yaml", "datakit.yaml"]).current_dir(place.folder.path());
    for (name, value) in place.cluster.variables() {
        run.env(name, value);
    }
    run.env("MESHOBS_TOKEN", TOKEN).env("TMPDIR", temporary).env("HOME", temporary).process_group(0);
    run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Fails where a file below a folder holds the token.
fn no_file_holds_it(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            no_file_holds_it(&entry.path());
        } else if let Ok(bytes) = fs::read(entry.path()) {
            assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{}", entry.path().display());
        }
    }
}

/// The command lines of the group's processes but its leader; fails where one has the token.
fn children(leader: u32) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let text = |name: &str| {
            let bytes = fs::read(entry.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        // Behind the name in parentheses: state, parent, group.
        let stat = text("stat");
        let group =
            stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(2)).map(str::to_owned);
        if pid == leader || group != Some(leader.to_string()) {
            continue;
        }
        let (arguments, environment) = (text("cmdline"), text("environ"));
        // Between fork and exec it still is the program itself.
        if !arguments.starts_with("kubectl") {
            continue;
        }
        assert!(!arguments.contains(SECRET), "{arguments}");
        assert!(!environment.contains(SECRET), "the environment of {arguments}");
        found.push(arguments);
    }
    found
}

fn kill(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

/// Watches an installation to its end, or until a child's arguments hold these words: then the signal is sent. Says whether a
/// child was seen.
fn watch(child: &mut Child, temporary: &Path, mut kill_at: Option<(&str, &str)>) -> bool {
    let end = Instant::now() + Duration::from_secs(180);
    let mut seen = false;
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "it does not end");
        let running = children(child.id());
        no_file_holds_it(temporary);
        seen |= !running.is_empty();
        if let Some((words, signal)) = kill_at
            && running.iter().any(|arguments| arguments.contains(words))
        {
            kill(child, signal);
            kill_at = None;
        }
    }
    assert!(kill_at.is_none(), "{kill_at:?} was never seen");
    // What outlives it reads its stdin to the end and goes.
    while !children(child.id()).is_empty() && Instant::now() < end {
        no_file_holds_it(temporary);
    }
    no_file_holds_it(temporary);
    seen
}

#[test]
fn the_token_is_in_no_file_no_child_and_no_annotation() {
    let Some(place) = Place::new() else { return };
    place.write("datakit.yaml", DATAKIT);
    // Only where the namespace is there the server can say what an object would become.
    for name in ["monitoring", "prod"] {
        place.cluster.kubectl(&["create", "namespace", name], "");
    }
    let temporary = tempfile::tempdir().unwrap();
    // While it plans, by each signal, and while it applies.
    for signal in ["-KILL", "-TERM", "-INT", "-HUP"] {
        let mut child = start(&place, temporary.path());
        watch(&mut child, temporary.path(), Some(("--field-manager", signal)));
    }
    let mut child = start(&place, temporary.path());
    watch(&mut child, temporary.path(), Some((" replace ", "-KILL")));
    let mut child = start(&place, temporary.path());
    assert!(watch(&mut child, temporary.path(), None), "no child was seen");
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let kinds = place.cluster.kubectl(&["api-resources", "--verbs=list", "-o", "name"], "");
    let kinds: Vec<_> = kinds.lines().filter(|kind| !kind.contains("metrics.k8s.io")).collect();
    let all = place.cluster.kubectl(&["get", &kinds.join(","), "-A", "-o", "json"], "");
    let all: Value = serde_json::from_str(&all).unwrap();
    let mut with_token = 0;
    for object in all["items"].as_array().unwrap() {
        let notes =
            [&object["metadata"]["annotations"], &object["spec"]["template"]["metadata"]["annotations"]];
        assert!(
            notes.iter().all(|notes| !notes.to_string().contains(SECRET)),
            "{}",
            object["metadata"]["name"]
        );
        with_token += usize::from(object["kind"] == "DaemonSet" && object.to_string().contains(SECRET));
    }
    assert_eq!(with_token, 1, "DataKit has its token");
}
