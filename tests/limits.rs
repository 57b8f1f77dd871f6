//! A server that accepts connections and never answers: what talks to a cluster ends within its limits, and says why.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use support::place::TOKEN;
use support::{Meshobs, on_path, skip};

/// A folder whose file `config` leads kubectl to a server that stalls.
fn stalling() -> Option<tempfile::TempDir> {
    if !on_path("kubectl") {
        skip("no kubectl here");
        return None;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let _open: Vec<TcpStream> = listener.incoming().map_while(Result::ok).collect();
    });
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters:\n- name: x\n  cluster: {{server: 'http://{address}'}}\n\
         contexts:\n- name: x\n  context: {{cluster: x}}\n"
    );
    fs::write(folder.path().join("config"), config).unwrap();
    fs::write(folder.path().join("token"), TOKEN).unwrap();
    Some(folder)
}

const COMMANDS: &[&[&str]] = &[
    &["check"],
    &["install", "--yes", "--token-file", "token"],
    &["uninstall", "--yes"],
    &["init", "nginx", "--detect"],
    &["init", "tracing", "--detect"],
];

#[test]
fn a_server_that_stalls_is_told_within_the_limits() {
    let Some(folder) = stalling() else { return };
    let folder = folder.path();
    let run = |command: &[&str], limits: &[&str]| {
        let start = Instant::now();
        let args = [command, &["--kubeconfig", "config"], limits].concat();
        let done = Meshobs::new(&args).cwd(folder).env("HOME", folder.to_str().unwrap()).run();
        let text = format!("{args:?}: {}", done.stderr);
        assert!(done.status == 2 && done.stdout.is_empty(), "{text}");
        assert!(start.elapsed() < Duration::from_secs(25), "{:?} {text}", start.elapsed());
        text
    };
    // They do nothing but wait, so they wait side by side.
    std::thread::scope(|scope| {
        for command in COMMANDS {
            scope.spawn(move || {
                let text = run(command, &["--request-timeout", "2s"]);
                assert!(
                    text.contains("no answer from the API server within 2 s (--request-timeout)"),
                    "{text}"
                );
                let text = run(command, &["--deadline", "2s"]);
                assert!(text.contains("within 2 s (--deadline)"), "{text}");
            });
        }
    });
}
