//! The Dockerfile that brings the page into the image: two lines upon the published image, or one line more in the user's
//! own file.

use super::bookinfo::{FILE, PATH};

/// The line that brings the page in.
#[must_use]
pub fn copy_line() -> String {
    format!("COPY {FILE} {PATH}")
}

/// A Dockerfile upon an image.
#[must_use]
pub fn derived(image: &str) -> String {
    format!("FROM {image}\n{}\n", copy_line())
}

/// The user's Dockerfile with the line: behind the last instruction that copies templates, else in front of what starts the
/// program, else last. Nothing where it is there already.
///
/// # Errors
/// The text has no `FROM`, so it is no Dockerfile.
pub fn adapted(text: &str) -> Result<Option<String>, String> {
    let line = copy_line();
    if text.contains("<<") {
        return Err(format!("a heredoc, which is not understood here; add the line `{line}` yourself"));
    }
    let mut instructions = Vec::new();
    let mut offset = 0;
    let mut open: Option<(String, usize)> = None;
    for row in text.split_inclusive('\n') {
        let bare = row.trim();
        let start = offset;
        offset += row.len();
        let (mut words, begin) = match open.take() {
            Some(instruction) => instruction,
            None if bare.is_empty() || bare.starts_with('#') => continue,
            None => (String::new(), start),
        };
        if !bare.starts_with('#') {
            words.push_str(bare.trim_end_matches('\\'));
            words.push(' ');
        }
        if bare.ends_with('\\') || bare.starts_with('#') {
            open = Some((words, begin));
        } else {
            instructions.push((words, begin, offset));
        }
    }
    let is = |words: &str, name: &str| {
        words.split_whitespace().next().is_some_and(|w| w.eq_ignore_ascii_case(name))
    };
    let Some(stage) = instructions.iter().rposition(|(words, ..)| is(words, "FROM")) else {
        return Err("no FROM in it, so it is no Dockerfile".to_owned());
    };
    let last_stage = instructions.get(stage..).unwrap_or_default();
    let templates = last_stage.iter().rev().find(|(words, ..)| {
        (is(words, "COPY") || is(words, "ADD"))
            && (words.contains("templates") || words.contains("/opt/microservices"))
    });
    let ours = last_stage.iter().rposition(|(words, ..)| words.trim() == line);
    let theirs = last_stage.iter().rposition(|(words, ..)| {
        (is(words, "COPY") || is(words, "ADD")) && words.contains("templates") && words.trim() != line
    });
    if ours.is_some() && ours > theirs {
        return Ok(None);
    }
    // Tests that are run in the image see the page, too.
    let starts = last_stage
        .iter()
        .find(|(words, ..)| is(words, "CMD") || is(words, "ENTRYPOINT"))
        .map(|(_, begin, _)| *begin);
    let at = templates.map(|(_, _, end)| *end).or(starts).unwrap_or(text.len());
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let (head, tail) = text.split_at_checked(at).unwrap_or((text, ""));
    let gap = if head.is_empty() || head.ends_with('\n') { "" } else { newline };
    Ok(Some(format!("{head}{gap}{line}{newline}{tail}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COPY: &str = "COPY productpage.html /opt/microservices/templates/productpage.html";

    #[test]
    fn the_line_goes_behind_what_copies_the_templates() {
        for (before, after) in [
            (
                "FROM a\nCOPY templates /t/templates\nCMD [\"x\"]\n",
                format!("FROM a\nCOPY templates /t/templates\n{COPY}\nCMD [\"x\"]\n"),
            ),
            (
                "FROM a AS b\nCOPY templates /x\nFROM c\r\nRUN a \\\r\n  b\r\nCMD x\r\n",
                format!("FROM a AS b\nCOPY templates /x\nFROM c\r\nRUN a \\\r\n  b\r\n{COPY}\r\nCMD x\r\n"),
            ),
            ("FROM a", format!("FROM a\n{COPY}\n")),
            (
                "from a\ncopy --chown=1 \\\n  templates \\\n  /t/\n",
                format!("from a\ncopy --chown=1 \\\n  templates \\\n  /t/\n{COPY}\n"),
            ),
        ] {
            let got = adapted(before).unwrap();
            assert_eq!(got.as_deref(), Some(after.as_str()));
            assert_eq!(adapted(&after), Ok(None));
        }
        assert!(adapted("hello\n").is_err());
    }
}
