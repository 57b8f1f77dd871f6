//! The nearest right word for one that is misspelt.

/// How many candidates are looked at: a mesh may have as many wrong names as right ones.
const CANDIDATES: usize = 2_000;

/// The candidate that a word was most likely meant to be: a letter or two apart, one in short words, or in other letter case.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let length = word.chars().count();
    let allowed = if length < 6 { 1 } else { 2 };
    // As many characters that only one of two words has need as many edits.
    let letters = |text: &str| {
        text.bytes().fold(0_u128, |found, byte| found | (1 << (byte.to_ascii_lowercase() & 0x7f)))
    };
    let own = letters(&lower);
    let may_be = |other: &&str| {
        let foreign = letters(other);
        if !(other.is_ascii() && lower.is_ascii()) {
            return true;
        }
        other.chars().count().abs_diff(length) <= allowed
            && (own & !foreign).count_ones() as usize <= allowed
            && (foreign & !own).count_ones() as usize <= allowed
    };
    let distance = |other: &str| strsim::damerau_levenshtein(&lower, &other.to_lowercase());
    let near = candidates.into_iter().take(CANDIDATES).filter(may_be).map(|other| (distance(other), other));
    near.filter(|(distance, other)| *distance <= allowed && *other != word).min().map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_word_is_found_and_far_ones_are_not() {
        assert_eq!(nearest("zipkn", ["prom", "zipkin"]), Some("zipkin"));
        assert_eq!(nearest("Zipkin", ["zipkin"]), Some("zipkin"));
        assert_eq!(nearest("mysql", ["zipkin", "prom"]), None);
        assert_eq!(nearest("rom", ["rum", "prom"]), Some("prom"));
    }
}
