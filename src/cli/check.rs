//! `meshobs check`: what keeps a mesh from being observable, in files or in a cluster.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use clap::Args;

use super::cluster::ClusterArgs;
use super::interrupt::Interrupt;
use super::settings::SettingsArgs;
use super::{CHANGES, DONE};
use crate::check::{self, Format, MapFormat, Outcome, Style, Subject};
use crate::cluster::Kubectl;
use crate::config::{CheckOptions, CheckSettings, Options};
use crate::diagnostic::Diagnostics;
use crate::gate::say;
use crate::input;
use crate::kube::{self, Inventory};

/// How often the cluster is looked at while waiting.
const PAUSE: Duration = Duration::from_secs(2);

/// Arguments of `check`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Without a path the cluster is checked, through the user's own kubectl; nothing is changed. With paths the manifests in \
them are, and no cluster is needed: what they do not hold is unknown, which is no failure. With --cluster they are \
judged together with what the cluster has, as if they were applied.

A check has one of three verdicts: failed (with findings), unknown (what it judges is not in view; -v lists these), \
fine. `meshobs explain ID` prints the page of a check.

Findings are hidden by --ignore, by `ignore` of [check] in meshobs.toml, and by the annotation `meshobs/ignore: ID,ID` \
on an object, its pod template, its controller or its namespace.

Exit codes:
  0  nothing failed (there may be warnings, unless --fail-on=warning, and unknowns)
  1  something is not observable
  2  it could not be checked")]
pub struct CheckArgs {
    /// Files and directories; `-` is stdin; none checks the cluster. A workload (deployment/NAME) is described instead
    #[arg(value_name = "PATH|WORKLOAD")]
    paths: Vec<PathBuf>,
    /// Namespace of the workload that is described [default: any]
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// How the findings are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// List what is unknown, too, and of files what is fine
    #[arg(short, long)]
    verbose: bool,
    /// Draw what reports where instead, with broken links marked
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "mermaid", conflicts_with = "format")]
    map: Option<MapFormat>,
    /// Check the cluster again until nothing is missing, for this long (30s, 5m)
    #[arg(long, value_name = "DURATION", conflicts_with = "paths")]
    wait: Option<String>,
    /// Check again and again, and print what changes, until Ctrl-C [default pause: 5s]
    #[arg(long, value_name = "PAUSE", num_args = 0..=1, require_equals = true, default_missing_value = "5s", conflicts_with_all = ["wait", "map", "format"])]
    watch: Option<String>,
    /// Judge the files together with what the cluster has; without files the cluster alone
    #[arg(long)]
    cluster: bool,
    #[command(flatten)]
    options: CheckOptions,
    /// Leave out files of directories by name, or by path where the glob has a `/` (repeatable)
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    #[command(flatten)]
    access: ClusterArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// What is looked at, and how.
struct Look<'a> {
    args: &'a CheckArgs,
    settings: CheckSettings,
    kubectl: Kubectl,
    /// Files and directories; none looks at the cluster.
    paths: Vec<PathBuf>,
    /// Workloads that are described.
    subjects: Vec<Subject>,
}

/// What was seen.
struct Seen {
    inventory: Inventory,
    outcome: Outcome,
    warnings: Vec<String>,
}

/// Runs the command.
pub fn run(args: &CheckArgs) -> anyhow::Result<u8> {
    let look = Look::of(args)?;
    let _interrupt = Interrupt::watch("interrupted; nothing was changed");
    if let Some(pause) = &args.watch {
        return look.watch(duration(pause, "--watch")?);
    }
    let seen = match args.wait.as_deref() {
        Some(text) => look.wait(duration(text, "--wait")?)?,
        None => look.once()?,
    };
    seen.warn();
    let mut out = Vec::new();
    if !look.subjects.is_empty() {
        let as_json = args.format == Format::Json;
        out = check::describe(&seen.inventory, &seen.outcome, &look.subjects, as_json)
            .map_err(|error| anyhow!(error))?;
    } else if let Some(format) = args.map {
        out.extend_from_slice(check::draw(&seen.inventory, &seen.outcome, format).as_bytes());
    } else {
        check::write(&mut out, &seen.outcome, look.style())?;
    }
    super::print(&out)?;
    Ok(look.code(&seen.outcome))
}

impl Seen {
    fn warn(&self) {
        self.warnings.iter().for_each(|warning| say!("warning: {}", warning));
    }
}

impl<'a> Look<'a> {
    fn of(args: &'a CheckArgs) -> anyhow::Result<Self> {
        let flags = Options { check: args.options.clone(), ..Options::default() };
        let settings = args.settings.load(flags)?.check.settings().map_err(|error| anyhow!(error))?;
        let (subjects, paths): (Vec<_>, Vec<_>) =
            args.paths.iter().cloned().partition(|path| args.subject(path).is_some());
        let subjects: Vec<Subject> = subjects.iter().filter_map(|path| args.subject(path)).collect();
        let look = Self { args, settings, kubectl: args.access.kubectl()?, paths, subjects };
        look.refuse_what_does_not_fit()?;
        Ok(look)
    }

    fn refuse_what_does_not_fit(&self) -> anyhow::Result<()> {
        let args = self.args;
        if self.subjects.is_empty() && args.namespace.is_some() {
            bail!(
                "-n is for a workload that is described, as in `meshobs check deployment/NAME -n NAMESPACE`"
            );
        }
        if !self.subjects.is_empty() {
            if !matches!(args.format, Format::Human | Format::Json)
                || args.map.is_some()
                || args.watch.is_some()
            {
                bail!(
                    "a workload is described as lines or with --format json; --map and --watch are for the mesh"
                );
            }
            return Ok(());
        }
        if self.is_live() && args.format.needs_files() {
            bail!("--format sarif, github and gitlab are for files; a cluster has no lines");
        }
        Ok(())
    }

    fn is_live(&self) -> bool {
        self.paths.is_empty()
    }

    fn style(&self) -> Style {
        Style {
            format: self.args.format,
            live: self.is_live(),
            verbose: self.args.verbose,
            fail_on: self.settings.fail_on,
        }
    }

    fn code(&self, outcome: &Outcome) -> u8 {
        if outcome.fails_on(self.settings.fail_on) { CHANGES } else { DONE }
    }

    /// Looks once.
    fn once(&self) -> anyhow::Result<Seen> {
        self.kubectl.restart_deadline();
        let (inventory, mut outcome) = if self.is_live() {
            let inventory = self.kubectl.inventory()?;
            let outcome = check::run(&inventory, Vec::new());
            (inventory, outcome)
        } else {
            self.files()?
        };
        let warnings = check::ignore(&inventory, &mut outcome, &self.settings.ignore);
        check::keep_sections(&mut outcome, &self.settings.only_section);
        Ok(Seen { inventory, outcome, warnings })
    }

    fn files(&self) -> anyhow::Result<(Inventory, Outcome)> {
        let (inputs, errors) = input::collect(&self.paths, &self.args.exclude)?;
        if !errors.is_empty() {
            return Err(Diagnostics(errors).into());
        }
        let (files, problems) = kube::read(inputs);
        if !self.args.cluster {
            let outcome = check::run(&files, problems);
            return Ok((files, outcome));
        }
        let cluster = self.kubectl.inventory()?;
        let all = check::with_cluster(&files, &cluster);
        let outcome = check::run_together(&all, &cluster, problems);
        Ok((all, outcome))
    }

    /// Looks until nothing fails, or the time is over.
    fn wait(&self, limit: Duration) -> anyhow::Result<Seen> {
        let start = Instant::now();
        loop {
            let seen = self.once()?;
            if !seen.outcome.fails_on(self.settings.fail_on) || start.elapsed() >= limit {
                return Ok(seen);
            }
            std::thread::sleep(PAUSE.min(limit.saturating_sub(start.elapsed())));
        }
    }

    /// Looks again and again, until Ctrl-C or until nobody reads any more.
    fn watch(&self, pause: Duration) -> anyhow::Result<u8> {
        let first = self.once()?;
        first.warn();
        let mut out = Vec::new();
        check::write(&mut out, &first.outcome, self.style())?;
        let mut last = first.outcome;
        loop {
            if !super::print_now(&out)? {
                return Ok(self.code(&last));
            }
            std::thread::sleep(pause);
            out.clear();
            match self.once() {
                Ok(seen) => {
                    check::changes(&mut out, &last, &seen.outcome)?;
                    last = seen.outcome;
                }
                // The next look may succeed: a server restarts, a file is being written.
                Err(error) => say!("warning: {}", super::message(&error)),
            }
        }
    }
}

impl CheckArgs {
    /// The workload that an argument names; a path that exists goes before it.
    fn subject(&self, path: &std::path::Path) -> Option<Subject> {
        let subject = Subject::parse(path.to_str()?, self.namespace.as_deref())?;
        (!path.exists()).then_some(subject)
    }
}

/// Reads `30s`, `5m`, `1h`.
pub fn duration(text: &str, flag: &str) -> anyhow::Result<Duration> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = text.strip_suffix(unit).and_then(|number| number.parse::<u64>().ok());
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 0,
    };
    match number.and_then(|number| number.checked_mul(seconds)) {
        Some(total) if total > 0 => Ok(Duration::from_secs(total)),
        _ => bail!("invalid duration `{text}` ({flag}): a number and a unit, as in `30s` or `5m`"),
    }
}
