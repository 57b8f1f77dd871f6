//! The flags that say which configuration file is read, the same for every command, and the reading of it: what flags and
//! environment say goes before the file.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use crate::config::{self, Options};
use crate::diagnostic::Diagnostics;

/// The variable that names a file where no flag does.
const VARIABLE: &str = "MESHOBS_CONFIG";

/// Which configuration file.
#[derive(Args, Clone, Debug)]
pub struct SettingsArgs {
    /// Configuration file [default: meshobs.toml, if there is one]
    #[arg(long, value_name = "FILE", env = VARIABLE)]
    config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long)]
    no_config: bool,
}

impl SettingsArgs {
    /// These options, and for what they do not say those of the file.
    pub fn load(&self, options: Options) -> anyhow::Result<Options> {
        if self.no_config {
            // `conflicts_with` would also refuse a file that the environment names, which a flag goes before.
            let named = self.config.as_ref().map(|path| path.as_os_str());
            if named.is_some() && named != std::env::var_os(VARIABLE).as_deref() {
                bail!("--config and --no-config exclude each other; pass one of them");
            }
            return Ok(options);
        }
        Ok(options.or(config::load(self.file()).map_err(Diagnostics::from)?))
    }

    /// The file that flag or environment names.
    pub fn file(&self) -> Option<&Path> {
        self.config.as_deref().filter(|_| !self.no_config)
    }
}
