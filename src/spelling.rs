//! The nearest right word for one that is misspelt.

/// The candidate that a word was most likely meant to be: a letter or two apart, one in short words, or in other letter case.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let allowed = if word.chars().count() < 6 { 1 } else { 2 };
    let distance = |other: &str| strsim::damerau_levenshtein(&lower, &other.to_lowercase());
    let near = candidates.into_iter().map(|other| (distance(other), other));
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
