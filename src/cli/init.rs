//! `meshobs init`: files to start from.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::DONE;

/// The configuration file with its defaults.
pub const CONFIG_TEMPLATE: &str = include_str!("../../templates/meshobs.toml");

/// What can be printed.
#[derive(Debug, Subcommand)]
pub enum Init {
    /// Print a meshobs.toml with all settings and their defaults
    Config(ConfigArgs),
}

/// Arguments of `init config`.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// Write to a file instead of stdout; one that is there is not replaced
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Prints what was asked for.
pub fn run(init: Init) -> anyhow::Result<u8> {
    let Init::Config(args) = init;
    match args.output {
        None => super::print(CONFIG_TEMPLATE)?,
        Some(path) => {
            let name = path.display().to_string();
            std::fs::File::create_new(&path)
                .and_then(|mut file| std::io::Write::write_all(&mut file, CONFIG_TEMPLATE.as_bytes()))
                .with_context(|| format!("{name}: cannot write the configuration"))?;
        }
    }
    Ok(DONE)
}
