//! `meshobs patch`: its arguments, and the order of things: plan all inputs, then write, then report.

use std::collections::HashSet;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::profiles::Profiles;
use super::report_file::ReportFile;
use super::settings::SettingsArgs;
use super::{CHANGES, DONE, ERROR};
use crate::config::{Options, RuleOptions, Settings};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::gate::{self, Text, say, text};
use crate::helm;
use crate::input::{self, Content, Input};
use crate::kustomize::{self, Kustomize};
use crate::output::{self, OutputError};
use crate::patch::{self, Patcher, Plan, Profile, Strict};
use crate::report::{self, DiffStyle, Format};
use crate::rule::{Datakit, Metrics, Namespace, Rule, RuleName, Rum, Tracing};

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

/// A program that reads what `patch` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reader {
    /// Helm, whose post-renderer this is: namespaces are left to Helm, and the output is never empty
    Helm,
}

/// Arguments of `patch`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 done, 1 --check found changes, 2 wrong input or usage (then nothing is written).",
    after_long_help = "\
Rules:
  namespace  metadata.namespace on every namespaced resource that has none
  metrics    annotation datakit/prom.instances on every pod template with a sidecar
  rum        image with browser monitoring in place of productpage's
  datakit    where the input has DataKit's DaemonSet: its address and token, collectors and mounts
  tracing    off by default, it changes the whole mesh: the address that Envoy sends spans to, in Istio's
             ConfigMap or IstioOperator

Settings that take a value are also read from the environment variable shown with them and from \
meshobs.toml in the current directory (`meshobs init config` prints one). A flag goes before the \
environment, that before the file.

Exit codes:
  0  done
  1  --check found changes
  2  wrong input or usage; nothing was written"
)]
pub struct PatchArgs {
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
    quiet: bool,
    /// Report what is no Kubernetes object, too
    #[arg(short, long)]
    verbose: bool,
    /// Print for this program (Helm is also known by its marks in what comes from stdin)
    #[arg(long = "for", id = "for", value_enum, value_name = "PROGRAM", env = "MESHOBS_FOR")]
    reader: Option<Reader>,
    /// Format of the report
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    report: Format,
    #[command(flatten)]
    report_file: ReportFile,

    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    rules: RuleOptions,
}

/// Runs the command.
pub fn run(mut args: PatchArgs) -> anyhow::Result<u8> {
    let format = args.report;
    let file = args.report_file.clone();
    file.check()?;
    let error = match try_run(&mut args) {
        Ok(code) => return Ok(code),
        Err(error) => error,
    };
    let errors = match error.downcast::<Diagnostics>() {
        Ok(errors) => errors,
        Err(error) if format == Format::Json => Diagnostic::whole("meshobs", format!("{error:#}")).into(),
        Err(error) => {
            file.write(&text!("meshobs: {}", super::message(&error)));
            return Err(error);
        }
    };
    let text = Text::written(|out| report::errors(out, format, &errors))?;
    say!("{}", text);
    file.write(&text);
    Ok(ERROR)
}

fn try_run(args: &mut PatchArgs) -> anyhow::Result<u8> {
    let flags = Options::from(std::mem::take(&mut args.rules));
    let mut profiles = Profiles::new(&args.settings, &flags)?;
    let settings = profiles.base().settings().map_err(|message| anyhow!(message))?;
    if args.paths.is_empty() && io::stdin().is_terminal() {
        bail!("no input; name files or directories, or pipe manifests in");
    }
    let (mut inputs, mut errors) = input::collect(&args.paths, &settings.exclude)?;
    if let Some(suffix) = &args.backup
        && (suffix.is_empty() || suffix.contains(['/', '\\']))
    {
        bail!("invalid suffix `{suffix}` (--backup): something to put behind a file's name, as in `.orig`");
    }
    if args.in_place {
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
    if let Some(root) = &args.output {
        check_output(root, &args.paths)?;
    }
    let to_file = args.output.as_deref().is_some_and(|path| is_file_name(path, &inputs, &args.paths));

    let one_stream = !args.in_place && !args.diff && !args.check && (args.output.is_none() || to_file);

    profiles.assign(&args.settings, &flags, &mut inputs)?;
    errors.extend(refused_by_kustomize(&profiles.settings()?, &inputs));

    let bar = progress_bar(inputs.len(), args.quiet);
    let mut opened = patch::open(inputs, &mut errors);
    let note = leave_to_helm(args, &mut profiles, &mut opened);
    let patcher = patcher(&profiles.settings()?, args, one_stream);
    let mut plan = patcher.plan_opened(opened, errors, &mut || bar.inc(1))?;
    profiles.notes().into_iter().chain(note).for_each(|note| plan.report.note(note));
    bar.finish_and_clear();

    let changes = plan.changes();
    let written = write(args, &mut plan, to_file)?;
    if args.check || args.diff {
        plan.report.nothing_is_written();
    }
    if args.report_file.is_wanted() {
        let text = Text::written(|out| plan.report.finish(out, &written))?;
        if !args.quiet {
            say!("{}", text);
        }
        args.report_file.write(&text);
    } else if !args.quiet {
        // What was done is done, whether or not anybody reads the report.
        let _ = plan.report.finish(&mut gate::stderr(), &written);
    }
    Ok(if args.check && changes { CHANGES } else { DONE })
}

/// The inputs that a Kustomization lists and that their settings refuse for it.
fn refused_by_kustomize(settings: &[Settings], inputs: &[Input]) -> Vec<Diagnostic> {
    let refuses = |input: &&Input| {
        settings.get(input.profile).is_some_and(|settings| settings.kustomize == Kustomize::Refuse)
    };
    let refused: Vec<Input> = inputs.iter().filter(refuses).cloned().collect();
    kustomize::listed(&refused)
}

/// Turns the rule `namespace` off where Helm decides about namespaces: it was asked for, or it rendered what comes from
/// stdin and nobody named a namespace. Says so in the second case.
fn leave_to_helm(
    args: &PatchArgs,
    profiles: &mut Profiles,
    opened: &mut [(Input, Content)],
) -> Option<String> {
    let asked = args.reader == Some(Reader::Helm);
    let options = profiles.base();
    let named = options.namespace.name.is_some() || options.patch.names(RuleName::Namespace);
    let mut stdin = opened.iter_mut().filter(|(input, _)| input.path.is_none());
    let rendered = !asked && !named && stdin.any(|(_, content)| helm::is_rendered(content).unwrap_or(false));
    if asked || rendered {
        profiles.turn_off(RuleName::Namespace, asked);
    }
    let note = "Helm rendered this stream, so namespaces are left to Helm; -n NAME sets them here";
    rendered.then(|| note.to_owned())
}

/// What settings ask to be done to resources.
pub(super) fn profile(settings: &Settings) -> Profile {
    let rule = |name: &RuleName| -> Box<dyn Rule> {
        match name {
            RuleName::Namespace => Box::new(Namespace(settings.namespace.clone())),
            RuleName::Metrics => Box::new(Metrics::new(settings.metrics.clone())),
            RuleName::Rum => Box::new(Rum(settings.rum.clone())),
            RuleName::Datakit => Box::new(Datakit(settings.datakit.clone())),
            RuleName::Tracing => Box::new(Tracing(settings.tracing.clone())),
        }
    };
    Profile {
        rules: settings.rules.iter().map(rule).collect(),
        overwrite: settings.overwrite,
        strict: if settings.strict { Strict::Asked } else { Strict::No },
    }
}

/// What settings, those of the run first, ask of a run.
fn patcher(settings: &[Settings], args: &PatchArgs, one_stream: bool) -> Patcher {
    let none = || Profile { rules: Vec::new(), overwrite: false, strict: Strict::No };
    Patcher {
        profile: settings.first().map_or_else(none, profile),
        others: settings.iter().skip(1).map(profile).collect(),
        cluster_scoped: settings.iter().flat_map(|settings| settings.cluster_scoped.clone()).collect(),
        one_stream,
        verbose: args.verbose,
        format: if args.quiet && !args.report_file.is_wanted() { Format::Silent } else { args.report },
        function: false,
    }
}

/// Writes what the arguments ask for; says which files were written.
fn write(args: &PatchArgs, plan: &mut Plan, to_file: bool) -> anyhow::Result<Vec<String>> {
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
                let empty = (args.reader == Some(Reader::Helm)).then_some(helm::NOTHING);
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
