//! `meshobs init config`.

use std::path::PathBuf;

use clap::Args;

use super::super::DONE;

/// The configuration file with its defaults.
pub const CONFIG_TEMPLATE: &str = include_str!("../../../templates/meshobs.toml");

/// Arguments of `init config`.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// Write to a file instead of stdout; one that is there is not replaced
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Prints the file.
pub fn run(args: &ConfigArgs) -> anyhow::Result<u8> {
    super::write(CONFIG_TEMPLATE, args.output.as_deref())?;
    Ok(DONE)
}
