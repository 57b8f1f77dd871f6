//! The report of `patch` on stderr and, where a program that starts meshobs shows no stderr, in a file as well.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use crate::gate::{Text, say};
use crate::output;

/// The variable that names the file.
const VARIABLE: &str = "MESHOBS_REPORT_FILE";

/// The file that the environment names, for errors about the command line.
pub fn from_environment() -> ReportFile {
    ReportFile { path: std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from) }
}

/// Where else the report goes.
#[derive(Args, Clone, Debug, Default)]
pub struct ReportFile {
    /// Write the report, or the errors, to this file too, also with --quiet
    #[arg(long = "report-file", id = "report-file", value_name = "FILE", env = VARIABLE)]
    path: Option<PathBuf>,
}

impl ReportFile {
    /// Whether there is one.
    pub fn is_wanted(&self) -> bool {
        self.path.is_some()
    }

    /// Refuses a file that nothing can be written to, before there is something to write.
    pub fn check(&self) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if path.is_dir() || !folder.unwrap_or(Path::new(".")).is_dir() {
            bail!("{}: no file can be written there (--report-file)", path.display());
        }
        Ok(())
    }

    /// Writes the file, if there is one. What was done is done: that it cannot be written is a warning.
    pub fn write(&self, text: &Text) {
        let Some(path) = &self.path else { return };
        if output::replace(path, format!("{text}\n").as_bytes()).is_err() {
            say!("warning: {}: the report could not be written", path);
        }
    }
}
