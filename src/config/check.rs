//! `[check]`.

use clap::Args;
use serde::Deserialize;

use super::Invalid;
use crate::check::{Ignore, Level, known_section};

/// `[check]`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table: [check] and its keys below it")]
pub struct CheckOptions {
    /// Ignore a check, or what it finds about one object, as KIND/NAME or NAMESPACE/KIND/NAME (repeatable)
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "ID[=OBJECT]",
        env = "MESHOBS_IGNORE",
        help_heading = "What counts"
    )]
    pub ignore: Option<Vec<String>>,
    /// Report one section only, such as tracing or workloads (repeatable)
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "NAME",
        env = "MESHOBS_ONLY_SECTION",
        help_heading = "What counts"
    )]
    pub only_section: Option<Vec<String>>,
    /// The least level that exits with 1 [default: failure]
    #[arg(long, value_enum, value_name = "LEVEL", env = "MESHOBS_FAIL_ON", help_heading = "What counts")]
    pub fail_on: Option<Level>,
}

/// `[check]`, checked.
#[derive(Clone, Debug)]
pub(crate) struct CheckSettings {
    /// What is ignored.
    pub(crate) ignore: Vec<Ignore>,
    /// The sections that are reported; none means all.
    pub(crate) only_section: Vec<&'static str>,
    /// The least level that is a failure of the run.
    pub(crate) fail_on: Level,
}

impl CheckOptions {
    pub(crate) fn or(self, other: Self) -> Self {
        first_of!(self, other: ignore, only_section, fail_on)
    }

    /// Puts the defaults in and checks every value.
    ///
    /// # Errors
    /// The first value that cannot be used, and what would be right.
    pub(crate) fn settings(self) -> Result<CheckSettings, Invalid> {
        let ignore = self.ignore.unwrap_or_default();
        let ignore = ignore.iter().map(|text| Ignore::parse(text));
        let ignore: Result<_, _> = ignore.collect();
        let sections = self.only_section.unwrap_or_default();
        let sections: Result<_, _> = sections.iter().map(|name| known_section(name)).collect();
        Ok(CheckSettings {
            ignore: ignore.map_err(|error| format!("{error} (--ignore, check.ignore)"))?,
            only_section: sections
                .map_err(|error| format!("{error} (--only-section, check.only_section)"))?,
            fail_on: self.fail_on.unwrap_or(Level::Failure),
        })
    }
}
