//! `meshobs completion`: the scripts that lie in `completions/`.

use clap::{Args, ValueEnum};

use super::DONE;

/// A shell that has a completion script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
}

/// Arguments of `completion`.
#[derive(Args, Debug)]
pub struct CompletionArgs {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &CompletionArgs) -> anyhow::Result<u8> {
    super::print(match args.shell {
        Shell::Bash => include_bytes!("../../completions/meshobs.bash"),
        Shell::Zsh => include_bytes!("../../completions/_meshobs"),
        Shell::Fish => include_bytes!("../../completions/meshobs.fish"),
        Shell::Powershell => include_bytes!("../../completions/_meshobs.ps1"),
    })?;
    Ok(DONE)
}
