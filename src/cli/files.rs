//! What `patch` and `unpatch` have in common: which files they read, where what comes out goes, and the report. The order of
//! things: plan all inputs, then write, then report.

use std::collections::HashSet;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::report_file::ReportFile;
use super::{CHANGES, DONE, ERROR};
use crate::config::Settings;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::gate::{self, Text, say, text};
use crate::helm;
use crate::input::{self, Input};
use crate::output::{self, OutputError};
use crate::patch::Plan;
use crate::report::{self, DiffStyle, Format};

/// A run with more inputs than this shows a progress bar to a person.
const MANY: usize = 100;

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Whether what goes to stdout is coloured.
    #[must_use]
    pub fn wanted(self) -> bool {
        let unset = || std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => io::stdout().is_terminal() && unset(),
        }
    }
}

/// A program that reads what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reader {
    /// Helm, whose post-renderer this is: namespaces are left to Helm, and the output is never empty
    Helm,
}

/// Inputs, outputs and the report.
#[derive(Args, Debug)]
pub struct FileArgs {
    /// Files and directories; none, or `-`, reads stdin
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Write to a directory (a tree in, the same tree out), or for one input to a .yaml, .yml or .json file
    #[arg(short, long, value_name = "PATH", conflicts_with_all = ["in_place", "diff", "check"])]
    output: Option<PathBuf>,
    /// Replace the files, all or none
    #[arg(short, long, conflicts_with_all = ["diff", "check"])]
    in_place: bool,
    /// With --in-place, keep each replaced file under its name and this suffix
    #[arg(long, value_name = "SUFFIX", requires = "in_place", allow_hyphen_values = true)]
    backup: Option<String>,
    /// Print a unified diff instead of manifests
    #[arg(long)]
    diff: bool,
    /// Lines of context in the diff
    #[arg(short = 'U', long, value_name = "LINES", default_value_t = 3, requires = "diff")]
    unified: usize,
    /// Show tokens in the diff
    #[arg(long, requires = "diff")]
    show_secrets: bool,
    /// Write nothing; exit with 1 if anything would change
    #[arg(long)]
    check: bool,
    /// Colours in the diff
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,

    /// No report on stderr; errors are still printed
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Report what is no Kubernetes object, too
    #[arg(short, long)]
    pub verbose: bool,
    /// Print for this program (Helm is also known by its marks in what comes from stdin)
    #[arg(long = "for", id = "for", value_enum, value_name = "PROGRAM", env = "MESHOBS_FOR")]
    reader: Option<Reader>,
    /// Format of the report
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    report: Format,
    #[command(flatten)]
    report_file: ReportFile,
}

impl FileArgs {
    /// Runs a command on files; errors about inputs become a report in the format asked for.
    pub(super) fn or_report(&self, run: impl FnOnce() -> anyhow::Result<u8>) -> anyhow::Result<u8> {
        self.report_file.check()?;
        let error = match run() {
            Ok(code) => return Ok(code),
            Err(error) => error,
        };
        let errors = match error.downcast::<Diagnostics>() {
            Ok(errors) => errors,
            Err(error) if self.report == Format::Json => {
                Diagnostic::whole("meshobs", format!("{error:#}")).into()
            }
            Err(error) => {
                self.report_file.write(&text!("meshobs: {}", super::message(&error)));
                return Err(error);
            }
        };
        let text = Text::written(|out| report::errors(out, self.report, &errors))?;
        say!("{}", text);
        self.report_file.write(&text);
        Ok(ERROR)
    }

    /// Whether Helm reads what is printed.
    pub(super) fn is_for_helm(&self) -> bool {
        self.reader == Some(Reader::Helm)
    }

    /// The format of the report, which is needed for its file with --quiet, too.
    pub(super) fn format(&self) -> Format {
        if self.quiet && !self.report_file.is_wanted() { Format::Silent } else { self.report }
    }

    /// Plans what changes in the inputs, writes it and reports it. The plan is told whether all of it becomes one stream.
    pub(super) fn run(
        &self,
        settings: &Settings,
        plan: impl FnOnce(Vec<Input>, Vec<Diagnostic>, bool, &mut dyn FnMut()) -> anyhow::Result<Plan>,
    ) -> anyhow::Result<u8> {
        let (inputs, errors) = self.inputs(settings)?;
        let paths = &self.paths;
        let to_file = self.output.as_deref().is_some_and(|path| is_file_name(path, &inputs, paths));
        let one_stream = !self.in_place && !self.diff && !self.check && (self.output.is_none() || to_file);
        let bar = progress_bar(inputs.len(), self.quiet);
        let mut plan = plan(inputs, errors, one_stream, &mut || bar.inc(1))?;
        bar.finish_and_clear();

        let changes = plan.changes();
        let written = write(self, &mut plan, to_file)?;
        if self.check || self.diff {
            plan.report.nothing_is_written();
        }
        if self.report_file.is_wanted() {
            let text = Text::written(|out| plan.report.finish(out, &written))?;
            if !self.quiet {
                say!("{}", text);
            }
            self.report_file.write(&text);
        } else if !self.quiet {
            // What was done is done, whether or not anybody reads the report.
            let _ = plan.report.finish(&mut gate::stderr(), &written);
        }
        Ok(if self.check && changes { CHANGES } else { DONE })
    }

    /// The inputs, and what is wrong with some already.
    fn inputs(&self, settings: &Settings) -> anyhow::Result<(Vec<Input>, Vec<Diagnostic>)> {
        if self.paths.is_empty() && io::stdin().is_terminal() {
            bail!("no input; name files or directories, or pipe manifests in");
        }
        let (mut inputs, errors) = input::collect(&self.paths, &settings.exclude)?;
        if let Some(suffix) = &self.backup
            && (suffix.is_empty() || suffix.contains(['/', '\\']))
        {
            bail!(
                "invalid suffix `{suffix}` (--backup): something to put behind a file's name, as in `.orig`"
            );
        }
        if self.in_place {
            if inputs.iter().any(|input| input.path.is_none()) {
                bail!("--in-place needs files; stdin has no place to write to");
            }
            let special =
                |input: &&Input| input.path.as_deref().is_some_and(|path| path.exists() && !path.is_file());
            if let Some(input) = inputs.iter().find(special) {
                bail!("{}: not a regular file, so it cannot be replaced; leave it out", input.name);
            }
            let mut seen = HashSet::new();
            inputs.retain(|input| {
                let real = input.path.as_deref().and_then(|path| path.canonicalize().ok());
                real.is_none_or(|path| seen.insert(path))
            });
        }
        if let Some(root) = &self.output {
            check_output(root, &self.paths)?;
        }
        Ok((inputs, errors))
    }
}

/// Writes what the arguments ask for; says which files were written.
fn write(args: &FileArgs, plan: &mut Plan, to_file: bool) -> anyhow::Result<Vec<String>> {
    let stdout = gate::product();
    let result = if args.diff {
        let style = DiffStyle {
            context: args.unified,
            color: args.color.wanted(),
            terminal: io::stdout().is_terminal(),
            show_secrets: args.show_secrets,
        };
        output::diff(plan, &mut stdout.lock(), style).map(|masked| {
            super::warn_masked(masked && !args.quiet);
            Vec::new()
        })
    } else if args.check {
        Ok(Vec::new())
    } else if args.in_place {
        output::in_place(plan, args.backup.as_deref())
    } else {
        match &args.output {
            Some(path) if to_file => output::file(plan, path),
            Some(path) => output::tree(plan, path),
            None => {
                let empty = args.is_for_helm().then_some(helm::NOTHING);
                output::stream_or(plan, &mut stdout.lock(), empty).map(|()| Vec::new())
            }
        }
    };
    match result {
        Ok(written) => Ok(written),
        // The reader has seen enough.
        Err(OutputError::Stdout(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Vec::new()),
        Err(OutputError::Stdout(error)) => Err(anyhow!("cannot write to stdout: {error}")),
        Err(OutputError::Files(errors)) => Err(errors.into()),
    }
}

/// An output directory inside an input directory would be read in the next run.
fn check_output(root: &Path, paths: &[PathBuf]) -> anyhow::Result<()> {
    let Some(root) = absolute(root) else {
        return Ok(());
    };
    for path in paths.iter().filter(|path| path.is_dir()) {
        let Some(input) = absolute(path) else {
            continue;
        };
        if root == input {
            bail!("{}: is input and output; use --in-place to replace files", path.display());
        }
        if root.starts_with(&input) {
            bail!("{}: the output directory is inside it; choose one outside", path.display());
        }
    }
    Ok(())
}

/// The path without links, also where its last parts are not there yet.
fn absolute(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let mut rest = Vec::new();
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return Some(rest.iter().rev().fold(real, |path, part| path.join(part)));
        }
        rest.push(ancestor.file_name()?.to_owned());
    }
    None
}

/// Whether `--output` names a file: one input that is no directory, and a name that looks like a manifest's.
fn is_file_name(path: &Path, inputs: &[Input], paths: &[PathBuf]) -> bool {
    let one = inputs.len() == 1 && paths.len() <= 1 && !paths.iter().any(|path| path.is_dir());
    let stdin = inputs.iter().any(|input| input.path.is_none());
    one && (input::is_manifest_name(path) || stdin) && !path.is_dir()
}

fn progress_bar(count: usize, quiet: bool) -> ProgressBar {
    if quiet || count <= MANY || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let bar = ProgressBar::with_draw_target(Some(count as u64), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} files") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
