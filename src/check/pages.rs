//! The pages of the checks, from docs/checks, and how a terminal shows one.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::CATALOG;
use crate::gate::{Text, text};

/// Ids and pages in Markdown; the build script lists them.
const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/check_pages.rs"));

/// The page of a check, in Markdown.
pub(super) fn page(id: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| *known == id).map(|(_, page)| *page)
}

/// Where a page is in the repository.
pub(super) fn path(id: &str) -> String {
    format!("docs/checks/{id}.md")
}

/// The absolute address of a page; nothing while the package names no repository.
pub(super) fn address(id: &str) -> Option<String> {
    const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
    (!REPOSITORY.is_empty()).then(|| format!("{}/blob/main/{}", REPOSITORY.trim_end_matches('/'), path(id)))
}

/// Writes the page of a check as plain text.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn explain(out: &mut dyn Write, id: &str) -> io::Result<()> {
    writeln!(out, "{}", plain(page(id).unwrap_or_default()))
}

/// Writes all ids with their titles, by section.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn list(out: &mut dyn Write) -> io::Result<()> {
    let widest = CATALOG.iter().map(|check| check.id.len()).max().unwrap_or(0);
    let mut section = "";
    for check in CATALOG {
        if section != check.section {
            section = check.section;
            writeln!(out, "{}", text!("{}", section))?;
        }
        let id = format!("{:widest$}", check.id);
        writeln!(out, "{}", text!("  {}  {}", id, check.title))?;
    }
    Ok(())
}

/// Markdown as plain text: underlined headings, indented code, links with their address.
pub(super) fn plain(markdown: &str) -> Text {
    let mut out = String::new();
    let mut in_code = false;
    for row in markdown.trim_end().lines() {
        if row.starts_with("```") {
            in_code = !in_code;
            continue;
        }
        let _ = match row.split_once("# ").filter(|(marks, _)| !in_code && marks.chars().all(|c| c == '#')) {
            _ if in_code => writeln!(out, "    {row}"),
            Some((marks, title)) => {
                let line = if marks.is_empty() { "=" } else { "-" };
                writeln!(out, "{title}\n{}", line.repeat(title.chars().count()))
            }
            None => writeln!(out, "{}", links(row).replace("**", "")),
        };
    }
    let mut shown = Text::default();
    out.lines().for_each(|row| shown.push_lines(&text!("{}", row)));
    shown
}

/// `[text](address)` as `text (address)`, and `<address>` bare.
fn links(row: &str) -> String {
    let mut out = String::new();
    let mut rest = row;
    while let Some((before, label, address, after)) = next_link(rest) {
        out.push_str(before);
        out.push_str(label);
        let _ = write!(out, " ({address})");
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What stands before the next link, its label, its address, and what follows.
fn next_link(row: &str) -> Option<(&str, &str, &str, &str)> {
    let (head, tail) = row.split_once("](")?;
    let (before, label) = head.rsplit_once('[')?;
    let (address, after) = tail.split_once(')')?;
    Some((before, label, address, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_a_page_and_every_page_a_check() {
        for check in CATALOG {
            let page = page(check.id).unwrap_or_default();
            assert!(page.starts_with(&format!("# {}\n", check.id)), "{}", path(check.id));
        }
        for (id, _) in PAGES {
            assert!(CATALOG.iter().any(|check| check.id == *id), "{}", path(id));
        }
    }

    #[test]
    fn markdown_becomes_plain_text() {
        let page = "# id\n\nOne **bold** [word](https://x.y/z) of two [a](b).\n\n## Example\n\n```yaml\na: [x](y)\n# c\n```\n";
        assert_eq!(
            plain(page).to_string(),
            "id\n==\n\nOne bold word (https://x.y/z) of two a (b).\n\nExample\n-------\n\n    a: [x](y)\n    # c"
        );
    }
}
