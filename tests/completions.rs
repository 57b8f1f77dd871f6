//! The scripts in `completions/` are what the command line's definition gives. MESHOBS_BLESS=1 rewrites them.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::Path;

use clap_complete::Shell;

#[test]
fn completion_scripts_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    for (shell, name) in [
        (Shell::Bash, "meshobs.bash"),
        (Shell::Zsh, "_meshobs"),
        (Shell::Fish, "meshobs.fish"),
        (Shell::PowerShell, "_meshobs.ps1"),
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut meshobs::cli::command(), "meshobs", &mut script);
        let path = folder.join(name);
        if std::env::var("MESHOBS_BLESS").is_ok_and(|bless| bless == "1" || !path.exists()) {
            std::fs::write(&path, &script).unwrap();
        }
        let kept = std::fs::read(&path).unwrap();
        assert!(kept == script, "{name} is out of date; run the tests with MESHOBS_BLESS=1");
    }
}
