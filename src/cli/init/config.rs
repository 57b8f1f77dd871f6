//! `meshobs init config`.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
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
    match &args.output {
        None => super::super::print(CONFIG_TEMPLATE.as_bytes())?,
        Some(path) => File::create_new(path)
            .and_then(|mut file| file.write_all(CONFIG_TEMPLATE.as_bytes()))
            .with_context(|| format!("{}: cannot write; remove it first if it is there", path.display()))?,
    }
    Ok(DONE)
}
