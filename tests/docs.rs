//! What README shows is what the program prints: every fenced block that begins with `$ meshobs …` is run in
//! `testdata/bookinfo/all` and compared. A line `…` stands for lines left out.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::path::Path;
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn run(command: &str) -> Output {
    let line = format!("PATH=\"$(dirname \"$MESHOBS\"):$PATH\"; {command}");
    let folder = Path::new(ROOT).join("testdata/bookinfo/all");
    Command::new("sh")
        .args(["-c", &line])
        .env("MESHOBS", env!("CARGO_BIN_EXE_meshobs"))
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Whether the lines shown are the lines printed, but for those that `…` stands for.
fn shows(shown: &[&str], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((&"…", rest)) => (0..=printed.len()).any(|skip| shows(rest, &printed[skip..])),
        Some((line, rest)) => printed.first() == Some(line) && shows(rest, &printed[1..]),
    }
}

#[test]
fn commands_shown_in_readme_print_what_it_says() {
    for name in ["README.md", "README.zh-CN.md"] {
        let text = std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
        let mut seen = 0;
        for block in text.split("```").skip(1).step_by(2) {
            let (_, body) = block.split_once('\n').unwrap();
            let Some(rest) = body.strip_prefix("$ ") else {
                continue;
            };
            let (command, shown) = rest.split_once('\n').unwrap();
            if command.starts_with("meshobs install") {
                // These need a cluster: tests/install.rs and tests/install_terminal.rs have them.
                continue;
            }
            let output = run(command.replace("> patched.yaml", "> /dev/null").as_str());
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8(text).unwrap();
            let shown: Vec<_> = shown.trim_end().lines().collect();
            let printed: Vec<_> = text.lines().collect();
            assert!(shows(&shown, &printed), "{name}: `{command}` prints:\n{text}");
            seen += 1;
        }
        assert!(seen > 1, "{name} shows no output");
    }
}

#[test]
fn exit_codes_are_named_in_help_and_readme() {
    let help = String::from_utf8(run("meshobs patch --help").stdout).unwrap();
    for code in ["0  done", "1  --check", "2  wrong"] {
        assert!(help.contains(code), "{code}");
    }
    for name in ["README.md", "README.zh-CN.md"] {
        let text = std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
        for code in ["| 0 |", "| 1 |", "| 2 |"] {
            assert!(text.contains(code), "{name}: {code}");
        }
    }
}

#[test]
fn the_map_of_the_source_in_readme_is_the_source() {
    let source = Path::new(ROOT).join("src");
    let mut names: Vec<String> = std::fs::read_dir(source)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path().is_dir()))
        .map(|(name, is_folder)| if is_folder { format!("src/{name}/") } else { format!("src/{name}") })
        .filter(|name| !matches!(name.as_str(), "src/lib.rs" | "src/main.rs"))
        .collect();
    names.sort();
    for readme in ["README.md", "README.zh-CN.md"] {
        let text = std::fs::read_to_string(Path::new(ROOT).join(readme)).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"/._".contains(c));
        let mut mapped: Vec<&str> = words.filter(|word| word.starts_with("src/")).collect();
        mapped.sort_unstable();
        mapped.dedup();
        assert_eq!(mapped, names, "{readme}");
    }
}
