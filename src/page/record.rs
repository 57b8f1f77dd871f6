//! What the page's policies were before they were extended: comments inside of our snippet, `<!-- meshobs:csp NUMBER BEFORE
//! AFTER -->`, by which `--remove` brings them back. BEFORE is the value in Base64, AFTER the hash of the value that came of it:
//! a policy that was changed since is left alone.

use sha2::{Digest as _, Sha256};

use super::Splice;
use super::place::MetaPolicy;
use super::policy::{self, Allow};

const BEGIN: &str = "<!-- meshobs:csp ";
const END: &str = " -->";

/// The comments in a snippet.
pub(super) fn lines(snippet: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(snippet);
    let spans = text.match_indices(BEGIN).filter_map(|(at, _)| {
        let rest = text.get(at..)?;
        rest.get(..rest.find(END)? + END.len())
    });
    spans.filter(|line| parse(line).is_some()).map(str::to_owned).collect()
}

/// The number of a policy, its value before, and the hash of the one after.
fn parse(line: &str) -> Option<(usize, Vec<u8>, &str)> {
    let mut words = line.strip_prefix(BEGIN)?.strip_suffix(END)?.split(' ');
    let number = words.next()?.parse().ok()?;
    Some((number, policy::unbase64(words.next()?)?, words.next()?))
}

/// Whether what a policy was is noted already.
pub(super) fn is_recorded(records: &[String], number: usize) -> bool {
    records.iter().filter_map(|line| parse(line)).any(|(known, ..)| known == number)
}

/// Hashes are for recognition only.
fn digest(value: &[u8]) -> String {
    policy::base64(Sha256::digest(value).get(..9).unwrap_or_default())
}

/// A policy's value with more allowed, and the comment that notes what it was; nothing where quotes or entities forbid it.
pub(super) fn extended(
    page: &[u8],
    number: usize,
    policy: &MetaPolicy,
    allow: &[Allow],
) -> Option<(Vec<u8>, String)> {
    let old = page.get(policy.value.clone())?;
    let quote = policy.value.start.checked_sub(1).and_then(|at| page.get(at)).copied()?;
    let text = std::str::from_utf8(old).ok().filter(|text| !text.contains('&'))?;
    let mut new = policy::extended(text, allow);
    match quote {
        b'"' => {}
        // What was written inside of single quotes has none itself.
        b'\'' => new = new.replace('\'', "&#39;"),
        _ => return None,
    }
    let new = new.into_bytes();
    let line = format!("{BEGIN}{number} {} {}{END}", policy::base64(old), digest(&new));
    Some((new, line))
}

/// What brings the policies back to what they were, and how many were changed since.
pub(super) fn undone(snippet: &[u8], page: &[u8], policies: &[MetaPolicy]) -> (Vec<Splice>, usize) {
    let mut splices = Vec::new();
    let mut kept = 0;
    for line in lines(snippet) {
        let Some((number, before, after)) = parse(&line) else { continue };
        let policy = policies.get(number);
        let is_same =
            |policy: &&MetaPolicy| page.get(policy.value.clone()).is_some_and(|now| digest(now) == after);
        match policy.filter(is_same) {
            Some(policy) => splices.push((policy.value.clone(), before)),
            None => kept += 1,
        }
    }
    (splices, kept)
}
