//! What was typed and what the environment says, as one. A flag goes before the environment, also where the two exclude each
//! other: a variable that a typed flag excludes is left out, instead of being an error that nobody typed.
//!
//! The name the program was started by counts, too: `meshobs-fn` is `meshobs fn`, and `kubectl-meshobs` is called
//! `kubectl meshobs` in help.

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, Error};

/// Parses the command line of this process.
pub fn matches() -> Result<ArgMatches, Error> {
    let mut conflicts: Vec<(Error, Vec<String>)> = Vec::new();
    loop {
        let left_out: Vec<String> = conflicts.iter().flat_map(|(_, flags)| flags.clone()).collect();
        let error = match without_variables(command(), &left_out).try_get_matches_from(arguments()) {
            Ok(matches) => {
                // Two variables that exclude each other still do.
                let between_variables = |(_, flags): &(Error, Vec<String>)| !is_typed(&matches, flags);
                return match conflicts.iter().position(between_variables) {
                    Some(at) => Err(conflicts.swap_remove(at).0),
                    None => Ok(matches),
                };
            }
            Err(error) => error,
        };
        let flags = if error.kind() == ErrorKind::ArgumentConflict { flags(&error) } else { Vec::new() };
        if flags.iter().all(|flag| left_out.contains(flag)) {
            return Err(error);
        }
        conflicts.push((error, flags));
    }
}

/// The name that the program was started by, without folders and extension.
fn program() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    Path::new(&path).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// What was typed, and what the program's name stands for.
fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    if program() == "meshobs-fn" {
        arguments.insert(1, "fn".into());
    }
    arguments
}

/// The command under the name that people type for it.
fn command() -> Command {
    let command = super::command();
    if program() == "kubectl-meshobs" { command.bin_name("kubectl meshobs") } else { command }
}

/// The long flags that an error names, without their dashes.
fn flags(error: &Error) -> Vec<String> {
    let named =
        [ContextKind::InvalidArg, ContextKind::PriorArg].into_iter().filter_map(|kind| error.get(kind));
    let texts = named.flat_map(|value| match value {
        ContextValue::String(text) => std::slice::from_ref(text),
        ContextValue::Strings(texts) => texts,
        _ => &[],
    });
    // As in `--token-file <FILE>`.
    let flag = |text: &String| text.strip_prefix("--")?.split([' ', '=', '[']).next().map(str::to_owned);
    texts.filter_map(flag).collect()
}

/// The command whose flags of these names have no variables, and neither have those of its subcommands.
fn without_variables(command: Command, flags: &[String]) -> Command {
    if flags.is_empty() {
        return command;
    }
    let is_named = |long: Option<&str>| long.is_some_and(|long| flags.iter().any(|flag| flag == long));
    command
        .mut_args(|arg| if is_named(arg.get_long()) { arg.env(None) } else { arg })
        .mut_subcommands(|command| without_variables(command, flags))
}

/// Whether one of these flags was typed.
fn is_typed(mut matches: &ArgMatches, flags: &[String]) -> bool {
    let command = super::command();
    let mut command = &command;
    while let Some((name, below)) = matches.subcommand() {
        let Some(found) = command.find_subcommand(name) else { return false };
        (command, matches) = (found, below);
    }
    command.get_arguments().any(|arg| {
        arg.get_long().is_some_and(|long| flags.iter().any(|flag| flag == long))
            && matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
    })
}
