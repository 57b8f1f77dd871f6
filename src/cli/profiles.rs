//! The settings that govern each input of `patch`: flags and environment, and then the nearest `meshobs.toml`.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::settings::SettingsArgs;
use crate::config::{self, FILE, Nearest, Options, Settings};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::input::Input;
use crate::rule::RuleName;

/// The settings of a run: those where it runs come first, those of each other file behind them.
pub struct Profiles {
    all: Vec<Profile>,
}

struct Profile {
    /// The file, as it is shown; none where there is none.
    file: Option<PathBuf>,
    options: Options,
    /// How many inputs it governs.
    inputs: u64,
}

impl Profiles {
    /// Those where the command runs.
    pub fn new(args: &SettingsArgs, flags: &Options) -> anyhow::Result<Self> {
        let options = args.load(flags.clone())?;
        let file = (!args.is_fixed() && Path::new(FILE).is_file()).then(|| PathBuf::from(FILE));
        Ok(Self { all: vec![Profile { file, options, inputs: 0 }] })
    }

    /// Finds the file that governs each input, and says so in it.
    pub fn assign(
        &mut self,
        args: &SettingsArgs,
        flags: &Options,
        inputs: &mut [Input],
    ) -> anyhow::Result<()> {
        let here = Path::new(".").canonicalize().unwrap_or_default();
        let mut nearest = Nearest::default();
        for input in inputs.iter_mut() {
            let found = if args.is_fixed() { None } else { nearest.of(input) };
            let shown = found.map(|file| file.strip_prefix(&here).map(Path::to_owned).unwrap_or(file));
            input.profile = match shown {
                Some(file) => self.number(file, flags)?,
                None => 0,
            };
            self.all.iter_mut().skip(input.profile).take(1).for_each(|profile| profile.inputs += 1);
        }
        Ok(())
    }

    fn number(&mut self, file: PathBuf, flags: &Options) -> anyhow::Result<usize> {
        if let Some(known) = self.all.iter().position(|profile| profile.file.as_ref() == Some(&file)) {
            return Ok(known);
        }
        let options = config::load(Some(&file)).map_err(Diagnostics::from)?;
        self.all.push(Profile { file: Some(file), options: flags.clone().or(options), inputs: 0 });
        Ok(self.all.len() - 1)
    }

    /// The options where the command runs.
    pub fn base(&self) -> Options {
        self.all.first().map(|profile| profile.options.clone()).unwrap_or_default()
    }

    /// Turns a rule off: where the command runs, or for all files.
    pub fn turn_off(&mut self, rule: RuleName, everywhere: bool) {
        let count = if everywhere { self.all.len() } else { 1 };
        self.all.iter_mut().take(count).for_each(|profile| profile.options.patch.turn_off(rule));
    }

    /// The settings of each, checked.
    pub fn settings(&self) -> anyhow::Result<Vec<Settings>> {
        let checked = |(number, profile): (usize, &Profile)| {
            profile.options.clone().settings().map_err(|message| match &profile.file {
                Some(file) if number > 0 => {
                    Diagnostics::from(Diagnostic::whole(&file.display().to_string(), message)).into()
                }
                _ => anyhow!(message),
            })
        };
        self.all.iter().enumerate().map(checked).collect()
    }

    /// Which files govern how many inputs, where it is more than the one that every command reads.
    pub fn notes(&self) -> Vec<String> {
        let note = |profile: &Profile| {
            let file = profile.file.as_ref().filter(|_| profile.inputs > 0)?;
            let plural = if profile.inputs == 1 { "" } else { "s" };
            Some(format!("{} governs {} file{plural}", file.display(), profile.inputs))
        };
        if self.all.len() == 1 { Vec::new() } else { self.all.iter().filter_map(note).collect() }
    }
}
