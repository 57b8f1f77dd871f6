//! `install` at a pseudo-terminal, against a real API server: it asks for what is missing. Where python3 is
//! missing they say so as well.

use std::fs;

use crate::support::place::{Place, SECRET, TOKEN, same};
use crate::support::{on_path, skip};

/// Runs a command at a pseudo-terminal and answers its questions: `question=answer`, in order.
const TERMINAL: &str = r#"
import os, pty, select, sys, termios, time
command, answers = sys.argv[1].split("\n"), [pair.split("=", 1) for pair in sys.argv[2:]]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen, shown, end = b"", b"", time.time() + 120
while time.time() < end:
    ready, _, _ = select.select([terminal], [], [], 0.2)
    if ready:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
        shown += data
    if answers and answers[0][0].encode() in seen:
        time.sleep(0.3)
        os.write(terminal, answers.pop(0)[1].encode() + b"\r")
        seen = b""
if time.time() >= end:
    os.kill(pid, 9)
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
print("echo:", bool(termios.tcgetattr(terminal)[3] & termios.ECHO))
sys.exit(os.waitstatus_to_exitcode(status))
"#;

impl Terminal<'_> {
    /// Runs the program and answers; its exit code and what was seen.
    fn run(&self, args: &[&str], answers: &[(&str, &str)]) -> (Option<i32>, String) {
        let command = [&[env!("CARGO_BIN_EXE_meshobs")], args].concat().join("\n");
        let mut run = std::process::Command::new("python3");
        run.args(["-c", TERMINAL, &command]).current_dir(self.0.folder.path());
        run.args(answers.iter().map(|(question, answer)| format!("{question}={answer}")));
        for (name, value) in self.0.cluster.variables() {
            run.env(name, value);
        }
        let output = run.env_remove("MESHOBS_TOKEN").output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!shown.contains(SECRET), "{shown}");
        (output.status.code(), shown)
    }
}

/// A place at a terminal.
struct Terminal<'a>(&'a Place);

const PAGE_QUESTION: &str = "Browser monitoring";

#[test]
fn at_a_terminal_it_asks_for_what_is_missing_and_before_it_does_anything() {
    if !on_path("python3") {
        return skip("no python3 here");
    }
    let Some(place) = Place::new() else { return };
    let terminal = Terminal(&place);
    let before = place.objects();
    // Ctrl-C at the hidden prompt leaves a terminal that shows what is typed.
    let (status, shown) = terminal.run(&["install"], &[("DataKit token", "\u{3}")]);
    assert!(status == Some(130) && shown.contains("interrupted; nothing was done"), "{status:?} {shown}");
    assert!(shown.contains("echo: True"), "{shown}");
    // A wrong token is asked for again.
    let (status, shown) = terminal.run(
        &["install"],
        &[
            ("DataKit token", "tkn_x"),
            ("DataKit token", TOKEN),
            ("Namespace of the application", ""),
            ("Manifests of the application", "nowhere.yaml"),
            ("no such file", "\u{15}app.yaml"),
            (PAGE_QUESTION, ""),
            ("Keep these answers", "n"),
            ("Apply this?", "n"),
        ],
    );
    assert!(status == Some(2) && shown.contains("nothing was done"), "{status:?} {shown}");
    assert!(!place.folder.path().join("meshobs.toml").exists());
    same(&before, &place.objects());

    // Answers are kept, in a file that says other things too.
    place.write("meshobs.toml", "# ours\n[metrics]\ninterval = \"30s\" # twice a minute\n");
    let (status, shown) = terminal.run(
        &["install"],
        &[
            ("DataKit token", TOKEN),
            ("Namespace of the application", "shop"),
            ("Manifests of the application", "app.yaml"),
            (PAGE_QUESTION, "shop-web"),
            ("DataKit as browsers reach it", "http://203.0.113.7:9529"),
            ("The page", "page.html"),
            ("Keep these answers", "y"),
            ("Apply this?", "y"),
        ],
    );
    assert!(status == Some(0) && shown.contains("nothing found"), "{status:?} {shown}");
    let kept = fs::read_to_string(place.folder.path().join("meshobs.toml")).unwrap();
    assert!(kept.starts_with("# ours\n[metrics]\ninterval = \"30s\" # twice a minute\n"), "{kept}");
    for line in
        ["name = \"shop\"", "app_id = \"shop-web\"", "manifests = [\"app.yaml\"]", "html = \"page.html\""]
    {
        assert!(kept.contains(line), "{line}: {kept}");
    }
    assert!(kept.contains("datakit_origin = \"http://") && !kept.contains(SECRET), "{kept}");
    let installed = place.objects();
    assert!(installed.contains_key("Deployment shop/productpage-v1"), "{:?}", installed.keys());

    // With them nothing is left to ask, and nothing to do.
    let (status, shown) = terminal.run(&["install"], &[]);
    assert!(status == Some(0) && shown.contains("nothing found"), "{status:?} {shown}");
    same(&installed, &place.objects());
    let (status, shown) = terminal.run(&["uninstall"], &[("Do it?", "n")]);
    assert!(status == Some(2) && shown.contains("nothing was done"), "{status:?} {shown}");
    let (status, shown) = terminal.run(&["uninstall"], &[("Do it?", "y")]);
    assert!(status == Some(0) && shown.contains("the record is gone"), "{status:?} {shown}");
    same(&before, &place.objects());
}

#[test]
fn the_session_in_readme_is_what_is_seen() {
    if !on_path("python3") {
        return skip("no python3 here");
    }
    let Some(place) = Place::new() else { return };
    let answers = [
        ("DataKit token", TOKEN),
        ("Namespace of the application", ""),
        ("Manifests of the application", "app.yaml"),
        (PAGE_QUESTION, ""),
        ("Keep these answers", "y"),
        ("Apply this?", "y"),
    ];
    let (status, seen) = Terminal(&place).run(&["install"], &answers);
    assert_eq!(status, Some(0), "{seen}");
    // Of a line that was written over, what was written last is seen.
    let escapes = |part: &str| -> String {
        let mut parts = part.split("\u{1b}[");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |line, rest| {
            line + rest.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).get(1..).unwrap_or("")
        })
    };
    let lines =
        seen.lines().map(|line| escapes(line.trim_end_matches('\r').rsplit('\r').next().unwrap_or(line)));
    let text = lines
        .filter(|line| !line.trim().is_empty() && line != "DataKit token: ")
        .collect::<Vec<_>>()
        .join("\n");
    for shown in crate::support::place::shown("meshobs install") {
        crate::support::place::follow(&shown, &text).unwrap();
    }
}
