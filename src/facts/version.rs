//! Versions of Istio and DataKit, as far as facts about them depend on one.

use std::fmt;

/// `major.minor.patch`; what follows is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// A version from its parts.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// The number that releases of Istio count by.
    pub(crate) const fn minor(self) -> u32 {
        self.minor
    }

    /// Reads `1.11.2`, `v1.22`, `1.24.0-rc.1`; nothing where there is no major and minor number. A missing patch number
    /// counts as 0.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('v');
        let core = text.split(['-', '+', '_']).next()?;
        let mut parts = core.split('.').map(|part| part.parse::<u32>().ok());
        let (major, minor) = (parts.next()??, parts.next()??);
        let patch = parts.next().map_or(Some(0), |patch| patch)?;
        Some(Self { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(Version::parse("v1.11.2-distroless"), Some(Version::new(1, 11, 2)));
        assert_eq!(Version::parse("1.22"), Some(Version::new(1, 22, 0)));
        assert_eq!(Version::parse("latest"), None);
        assert!(Version::parse("1.9.9") < Version::parse("1.11.0"));
    }
}
