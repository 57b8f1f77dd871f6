//! Settings as flags: those of the rules together, and the reading of them from pairs of names and texts.

use clap::{ArgAction, Args, Command, FromArgMatches as _};

use super::{
    DatakitOptions, Invalid, MetricsOptions, NamespaceOptions, Options, PatchOptions, RumOptions,
    TracingOptions,
};
use crate::spelling;

/// The flags of the rules, as `patch` and the function have them.
#[derive(Args, Debug, Default)]
pub struct RuleOptions {
    #[command(flatten)]
    patch: PatchOptions,
    #[command(flatten)]
    namespace: NamespaceOptions,
    #[command(flatten)]
    metrics: MetricsOptions,
    #[command(flatten)]
    rum: RumOptions,
    #[command(flatten)]
    datakit: DatakitOptions,
    #[command(flatten)]
    tracing: TracingOptions,
}

impl From<RuleOptions> for Options {
    fn from(rules: RuleOptions) -> Self {
        let RuleOptions { patch, namespace, metrics, rum, datakit, tracing } = rules;
        Self { patch, namespace, metrics, rum, datakit, tracing, ..Self::default() }
    }
}

/// Flags that are given as names and texts, without their dashes.
#[derive(Debug)]
pub struct Flags {
    command: Command,
    given: Vec<String>,
}

impl Default for Flags {
    fn default() -> Self {
        let command = RuleOptions::augment_args(Command::new("meshobs").no_binary_name(true));
        // What is given is given: the environment has had its say where flags are parsed.
        Self { command: command.mut_args(|arg| arg.env(None::<&str>)), given: Vec::new() }
    }
}

impl Flags {
    /// Adds a flag and its text: `true` or `false` where it takes none.
    ///
    /// # Errors
    /// There is no such flag, or it is neither on nor off.
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), Invalid> {
        let Some(arg) = self.command.get_arguments().find(|arg| arg.get_long() == Some(name)) else {
            let names = self.command.get_arguments().filter_map(clap::Arg::get_long);
            return Err(match spelling::nearest(name, names) {
                Some(nearest) => format!("unknown key `{name}`; did you mean `{nearest}`?"),
                None => format!("unknown key `{name}`; the keys are the flags of `meshobs patch --help`"),
            });
        };
        let switch = matches!(arg.get_action(), ArgAction::SetTrue);
        match value {
            "true" if switch => self.given.push(format!("--{name}")),
            "false" if switch => {}
            _ if switch => return Err(format!("`{name}` is `{value}`; write \"true\" or \"false\"")),
            _ => self.given.push(format!("--{name}={value}")),
        }
        Ok(())
    }

    /// The settings.
    ///
    /// # Errors
    /// A value that its flag does not take, or flags that exclude each other.
    pub fn options(self) -> Result<Options, Invalid> {
        let first_line = |error: clap::Error| {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.strip_prefix("error: ").unwrap_or(line).to_owned()
        };
        let matches = self.command.try_get_matches_from(self.given).map_err(first_line)?;
        Ok(RuleOptions::from_arg_matches(&matches).map_err(first_line)?.into())
    }
}
