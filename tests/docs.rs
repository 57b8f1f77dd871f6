//! What README and the guide show is what the program prints: every fenced block that begins with `$ meshobs …` is run in
//! `testdata/bookinfo/all` and compared. A line `…` stands for lines left out. Also what links lead to, and that both
//! languages have the same pages.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// README and the folder of the other pages, for each language.
const LANGUAGES: [(&str, &str); 2] = [("README.md", "docs"), ("README.zh-CN.md", "docs/zh-CN")];

/// The longest that an introduction may be, in bytes.
const INTRODUCTION: usize = 10_000;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The pages of a language below its folder, named from there.
fn pages(folder: &str) -> Vec<String> {
    let guide = Path::new(ROOT).join(folder).join("guide");
    let names = fs::read_dir(guide).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<_> = names.map(|name| format!("guide/{name}")).collect();
    pages.push("development.md".to_owned());
    pages.sort();
    pages
}

/// The bodies of the fenced blocks of a page.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap().1)
}

/// A page without its fenced blocks.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

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
fn commands_shown_print_what_is_shown() {
    let mut commands = LANGUAGES.map(|(readme, folder)| {
        let mut commands = Vec::new();
        let pages = pages(folder).into_iter().map(|page| format!("{folder}/{page}"));
        for name in [readme.to_owned()].into_iter().chain(pages) {
            for body in blocks(&read(&name)) {
                let Some((command, shown)) = body.strip_prefix("$ ").and_then(|rest| rest.split_once('\n'))
                else {
                    continue;
                };
                commands.push(command.to_owned());
                if command.starts_with("meshobs install") || command == "meshobs status" {
                    // These need a cluster: tests/cluster has them.
                    continue;
                }
                let output = run(command.replace("> patched.yaml", "> /dev/null").as_str());
                let text = [output.stdout, output.stderr].concat();
                let text = String::from_utf8(text).unwrap();
                let shown: Vec<_> = shown.trim_end().lines().collect();
                let printed: Vec<_> = text.lines().collect();
                assert!(shows(&shown, &printed), "{name}: `{command}` prints:\n{text}");
            }
        }
        commands
    });
    commands.iter_mut().for_each(|commands| commands.sort());
    assert!(commands[0].len() > 7, "{:?}", commands[0]);
    assert_eq!(commands[0], commands[1], "the languages show the same");
}

#[test]
fn exit_codes_are_named_in_help_and_guide() {
    let help = String::from_utf8(run("meshobs patch --help").stdout).unwrap();
    for code in ["0  done", "1  --check", "2  wrong"] {
        assert!(help.contains(code), "{code}");
    }
    for (_, folder) in LANGUAGES {
        let text = read(&format!("{folder}/guide/patch.md"));
        for code in ["| 0 |", "| 1 |", "| 2 |"] {
            assert!(text.contains(code), "{folder}: {code}");
        }
    }
}

#[test]
fn both_languages_have_the_same_pages_and_an_introduction_that_links_each() {
    let shape = |text: &str| {
        let levels = prose(text).lines().filter(|line| line.starts_with('#')).count();
        (levels, blocks(text).count())
    };
    let [(english, docs), (chinese, translated)] = LANGUAGES;
    assert_eq!(pages(docs), pages(translated));
    assert_eq!(shape(&read(english)), shape(&read(chinese)), "headings and blocks of {english}, {chinese}");
    for page in pages(docs) {
        let [one, other] = [docs, translated].map(|folder| shape(&read(&format!("{folder}/{page}"))));
        assert_eq!(one, other, "headings and blocks of {page} in {docs}, {translated}");
    }
    for (readme, folder) in LANGUAGES {
        let text = read(readme);
        assert!(text.len() <= INTRODUCTION, "{readme}: {} bytes; move some into {folder}/guide", text.len());
        for page in pages(folder) {
            assert!(text.contains(&format!("]({folder}/{page})")), "{readme} has no link to {folder}/{page}");
        }
    }
}

/// All pages below a folder.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The anchors of a page, as forges make them of headings.
fn anchors(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in prose(text).lines().filter(|line| line.starts_with('#')) {
        let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let plain: String = title.chars().filter(kept).collect::<String>().replace(' ', "-");
        let again = found.iter().filter(|anchor| **anchor == plain).count();
        found.push(if again == 0 { plain } else { format!("{plain}-{again}") });
    }
    found
}

/// Where the links of a page lead.
fn links(text: &str) -> Vec<String> {
    // Code spans have no links.
    let text: String = prose(text).split('`').step_by(2).collect();
    let targets = text.split("](").skip(1);
    targets.map(|rest| rest.split_once(')').unwrap().0.to_owned()).collect()
}

#[test]
fn relative_links_lead_somewhere() {
    let root = Path::new(ROOT).canonicalize().unwrap();
    let mut pages = ["README.md", "README.zh-CN.md", "CHANGELOG.md"].map(|name| root.join(name)).to_vec();
    walk(&root.join("docs"), &mut pages);
    let mut count = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let name = page.strip_prefix(&root).unwrap().display();
            let (path, anchor) = link.split_once('#').map_or((link.as_str(), None), |(p, a)| (p, Some(a)));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let target = target.canonicalize().unwrap_or_else(|error| panic!("{name}: {link}: {error}"));
            assert!(target.starts_with(&root), "{name}: {link} leads out of the project");
            if let Some(anchor) = anchor {
                let anchors = anchors(&fs::read_to_string(&target).unwrap());
                assert!(anchors.iter().any(|known| known == anchor), "{name}: {link}: none of {anchors:?}");
            }
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn the_map_of_the_source_in_readme_is_the_source() {
    let source = Path::new(ROOT).join("src");
    let mut names: Vec<String> = fs::read_dir(source)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path().is_dir()))
        .map(|(name, is_folder)| if is_folder { format!("src/{name}/") } else { format!("src/{name}") })
        .filter(|name| !matches!(name.as_str(), "src/lib.rs" | "src/main.rs"))
        .collect();
    names.sort();
    for (readme, _) in LANGUAGES {
        let text = read(readme);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"/._".contains(c));
        let mut mapped: Vec<&str> = words.filter(|word| word.starts_with("src/")).collect();
        mapped.sort_unstable();
        mapped.dedup();
        assert_eq!(mapped, names, "{readme}");
    }
}
