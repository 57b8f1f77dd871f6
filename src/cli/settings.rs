//! The flags that say which configuration file is read, the same for every command, and the reading of it: what flags and
//! environment say goes before the file.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{self, Options};
use crate::diagnostic::Diagnostics;

/// Which configuration file.
#[derive(Args, Clone, Debug)]
pub struct SettingsArgs {
    /// Configuration file [default: meshobs.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "MESHOBS_CONFIG")]
    config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, conflicts_with = "config")]
    no_config: bool,
}

impl SettingsArgs {
    /// These options, and for what they do not say those of the file.
    pub fn load(&self, options: Options) -> anyhow::Result<Options> {
        if self.no_config {
            return Ok(options);
        }
        Ok(options.or(config::load(self.file()).map_err(Diagnostics::from)?))
    }

    /// Whether the user says which file it is, or that it is none.
    pub fn is_fixed(&self) -> bool {
        self.no_config || self.config.is_some()
    }

    /// The file that flag or environment names.
    pub fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }
}
