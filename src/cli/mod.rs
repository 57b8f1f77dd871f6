//! The command line: what was typed, checked for form, and one run function a subcommand. No YAML here.

mod check;
mod cluster;
mod completion;
mod explain;
mod files;
mod from;
mod function;
mod init;
mod install;
mod interrupt;
mod matches;
mod patch;
mod profiles;
mod report_file;
mod settings;
mod status;
mod uninstall;
mod unpatch;
mod verify;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::diagnostic::Diagnostics;
use crate::gate::{self, Text, say, text};
use crate::output::{self, OutputError};
pub use init::CONFIG_TEMPLATE;

/// Exit code: done.
const DONE: u8 = 0;
/// Exit code: `--check` found changes.
const CHANGES: u8 = 1;
/// Exit code: wrong input or usage.
const ERROR: u8 = 2;

/// Makes an Istio mesh observable: puts into stock Kubernetes manifests exactly what observability needs, and leaves
/// every other byte as it is.
#[derive(Debug, Parser)]
#[command(name = "meshobs", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 `patch --check` found changes, `check` failures or `verify` a broken link, 2 wrong input or usage, or it could not be done."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add namespace, scrape annotation and RUM image to manifests
    Patch(Box<patch::PatchArgs>),
    /// Patch the items of a ResourceList, as a KRM function of kustomize or kpt
    #[command(name = "fn")]
    Function(Box<function::FunctionArgs>),
    /// Take out of manifests what patch with the same settings put in
    Unpatch(Box<unpatch::UnpatchArgs>),
    /// Print files to start from
    #[command(subcommand)]
    Init(Box<init::Init>),
    /// Install all of it into a cluster, with a plan first
    Install(Box<install::InstallArgs>),
    /// Undo what install did
    Uninstall(uninstall::UninstallArgs),
    /// Tell what install recorded, and whether it is there
    Status(status::StatusArgs),
    /// Tell what keeps the mesh from being observable, in files or in the cluster
    Check(Box<check::CheckArgs>),
    /// Prove that telemetry flows, by what DataKit counts
    Verify(Box<verify::VerifyArgs>),
    /// Print what a check looks at, how its fault shows, and how to fix it
    Explain(explain::ExplainArgs),
    /// Print the completion script of a shell
    Completion(completion::CompletionArgs),
}

/// Runs the program with the arguments it was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match matches::matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { ERROR } else { DONE };
            // Help and version are no errors and go to stdout; a closed pipe there is none either.
            let error = without_controls(error);
            if code == ERROR {
                report_file::from_environment().write(&Text::block(&error.to_string()));
            }
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let result = match cli.command {
        Command::Patch(args) => patch::run(*args),
        Command::Function(args) => function::run(*args),
        Command::Unpatch(args) => unpatch::run(*args),
        Command::Init(args) => init::run(*args),
        Command::Install(args) => install::run(*args),
        Command::Uninstall(args) => uninstall::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Completion(args) => completion::run(&args),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say!("meshobs: {}", message(&error));
            ExitCode::from(ERROR)
        }
    }
}

/// The definition of the command line. Help shows which environment variables there are, not what is in them.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command().mut_subcommands(|command| command.mut_args(|arg| arg.hide_env_values(true)))
}

/// An error for people.
fn message(error: &anyhow::Error) -> Text {
    match error.downcast_ref::<Diagnostics>() {
        Some(diagnostics) => diagnostics.text(),
        None => Text::block(&format!("{error:#}")),
    }
}

/// An error about the command line, with what the user typed in it escaped.
fn without_controls(mut error: clap::Error) -> clap::Error {
    let mut shown: Vec<(ContextKind, ContextValue)> = Vec::new();
    for (kind, value) in error.context() {
        let plain = |text: &String| text!("{}", text).into_string();
        // A suggestion loses its styles: nobody can tell them from what was typed.
        let styled = |text: &StyledStr| StyledStr::from(plain(&text.to_string()));
        shown.push((
            kind,
            match value {
                ContextValue::String(text) => ContextValue::String(plain(text)),
                ContextValue::Strings(texts) => ContextValue::Strings(texts.iter().map(plain).collect()),
                ContextValue::StyledStrs(texts) => {
                    ContextValue::StyledStrs(texts.iter().map(styled).collect())
                }
                other => other.clone(),
            },
        ));
    }
    for (kind, value) in shown {
        error.insert(kind, value);
    }
    error
}

/// Says that a diff is not for applying.
fn warn_masked(masked: bool) {
    if masked {
        say!("warning: tokens in the diff are masked, so it is not for applying; --show-secrets shows them");
    }
}

/// Writes the product to stdout; a reader that has gone is no error.
fn print(product: &[u8]) -> anyhow::Result<()> {
    let mut stdout = gate::product().lock();
    match stdout.write_all(product).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes bytes to a file in place of one that is there.
fn write_bytes(bytes: &[u8], path: &Path) -> anyhow::Result<()> {
    match output::replace(path, bytes) {
        Ok(()) => Ok(()),
        Err(OutputError::Stdout(error)) => Err(error.into()),
        Err(OutputError::Files(errors)) => Err(errors.into()),
    }
}

/// Writes a part of the product to stdout at once; whether somebody still reads it.
fn print_now(product: &[u8]) -> anyhow::Result<bool> {
    let mut out = gate::product();
    match out.write_all(product).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}
