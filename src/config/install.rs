//! `[install]`.

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

/// `[install]`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table: [install] and its keys below it")]
pub struct InstallOptions {
    /// The application's files and directories; none installs the rest
    #[arg(value_name = "MANIFEST")]
    pub manifests: Option<Vec<PathBuf>>,
    /// Page to put browser monitoring into
    #[arg(long, value_name = "FILE", help_heading = "Browser monitoring")]
    pub html: Option<PathBuf>,
}

impl InstallOptions {
    pub(super) fn or(self, other: Self) -> Self {
        first_of!(self, other: manifests, html)
    }
}
