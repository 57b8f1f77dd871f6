//! Image references: `[registry[:port]/]repository[:tag][@digest]`.

/// An image reference, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageRef<'a> {
    /// Registry and path, without tag and digest.
    pub repository: &'a str,
    /// Behind the last `:` that is not a port.
    pub tag: Option<&'a str>,
    /// Behind `@`.
    pub digest: Option<&'a str>,
}

impl<'a> ImageRef<'a> {
    /// Takes a reference apart. A `:` in front of a `/` belongs to the registry's port. A text with blanks or line breaks
    /// is no reference: all its parts are empty, and no pattern matches it.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Self { repository: "", tag: None, digest: None };
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (rest, None),
        };
        Self { repository, tag, digest }
    }

    /// Whether a text can be an image reference: what a container runtime takes, no blanks, no empty parts.
    #[must_use]
    pub fn is_valid(text: &str) -> bool {
        let image = ImageRef::parse(text);
        let part = |part: &str| {
            !part.is_empty()
                && part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.ends_with(|c: char| c.is_ascii_alphanumeric())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c))
        };
        let mut parts = image.repository.split('/');
        let first = parts.next().unwrap_or("");
        let registry = image.repository.contains('/')
            && (first.starts_with('[') || first.contains([':', '.']) || first == "localhost");
        let path =
            |text: &str| part(text) && !text.contains(':') && text.chars().all(|c| !c.is_ascii_uppercase());
        let first_fits = if registry { part(first) || first.starts_with('[') } else { path(first) };
        first_fits
            && parts.all(path)
            && image.tag.is_none_or(|tag| {
                !tag.is_empty()
                    && tag.len() <= 128
                    && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                    && tag.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            })
            && image.digest.is_none_or(|digest| {
                digest.split_once(':').is_some_and(|(name, hex)| {
                    !name.is_empty() && hex.len() >= 32 && hex.chars().all(|c| c.is_ascii_hexdigit())
                })
            })
    }

    /// Whether this image is meant by a pattern: the same repository (or one that ends in `/` and the
    /// pattern's), and the pattern's tag and digest where it has them.
    #[must_use]
    pub fn matches(&self, pattern: &ImageRef<'_>) -> bool {
        let repository = self.repository == pattern.repository
            || self.repository.strip_suffix(pattern.repository).is_some_and(|rest| rest.ends_with('/'));
        repository
            && pattern.tag.is_none_or(|tag| self.tag == Some(tag))
            && pattern.digest.is_none_or(|digest| self.digest == Some(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_apart() {
        let digest = "sha256:0123456789abcdef0123456789abcdef";
        for (text, repository, tag, digest_part) in [
            ("nginx", "nginx", None, None),
            ("docker.io/istio/x:1.2", "docker.io/istio/x", Some("1.2"), None),
            ("reg:5000/x", "reg:5000/x", None, None),
            ("reg:5000/x:v1", "reg:5000/x", Some("v1"), None),
        ] {
            let want = ImageRef { repository, tag, digest: digest_part };
            assert_eq!(ImageRef::parse(text), want);
            assert!(ImageRef::is_valid(text), "{text}");
        }
        let both = format!("reg:5000/x:v1@{digest}");
        let want = ImageRef { repository: "reg:5000/x", tag: Some("v1"), digest: Some(digest) };
        assert_eq!(ImageRef::parse(&both), want);
        assert!(ImageRef::is_valid(&both));
    }

    #[test]
    fn what_no_runtime_takes_is_invalid() {
        for text in [
            "",
            "a b",
            "x:1\n",
            "x\n",
            "\nx:1",
            "x:",
            ":v1",
            "/x",
            "x//y",
            "Upper/x",
            "x@sha256",
            "x:v1:v2",
            "x:-1",
            "http://x/y",
        ] {
            assert!(!ImageRef::is_valid(text), "{text}");
        }
        for text in ["x:1\n", "a\nx:1", "x: 1"] {
            assert!(!ImageRef::parse(text).matches(&ImageRef::parse("x")), "{text:?}");
        }
    }

    #[test]
    fn patterns_match_whole_path_parts() {
        let image = ImageRef::parse("reg:5000/istio/x:v1");
        for (pattern, want) in
            [("x", true), ("istio/x", true), ("tio/x", false), ("x:v1", true), ("x:v2", false)]
        {
            assert_eq!(image.matches(&ImageRef::parse(pattern)), want, "{pattern}");
        }
    }
}
