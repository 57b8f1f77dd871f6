//! `meshobs check`: what keeps a mesh from being observable, in files or in a cluster.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;

use super::cluster::ClusterArgs;
use super::interrupt::Interrupt;
use super::{CHANGES, DONE};
use crate::check::{self, Format, MapFormat, Outcome};
use crate::cluster::Kubectl;
use crate::input;
use crate::kube::{self, Inventory};

/// How often the cluster is looked at while waiting.
const PAUSE: Duration = Duration::from_secs(2);

/// Arguments of `check`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Without a path the cluster is checked, through the user's own kubectl; nothing is changed. With paths the manifests in
them are, and no cluster is needed: what they do not say is not held against them.

Exit codes:
  0  nothing is missing (there may be warnings)
  1  something is not observable
  2  it could not be checked")]
pub struct CheckArgs {
    /// Files and directories; `-` is stdin; none checks the cluster
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How the findings are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Draw what reports where instead, with broken links marked
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "mermaid", conflicts_with = "format")]
    map: Option<MapFormat>,
    /// Check the cluster again until nothing is missing, for this long (30s, 5m)
    #[arg(long, value_name = "DURATION", conflicts_with = "paths")]
    wait: Option<String>,
    /// Leave out files of directories by name, or by path where the glob has a `/` (repeatable)
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Runs the command.
pub fn run(args: &CheckArgs) -> anyhow::Result<u8> {
    let live = args.paths.is_empty();
    if live && matches!(args.format, Format::Sarif | Format::Github) {
        bail!("--format sarif and github are for files; a cluster has no lines");
    }
    let (inventory, outcome) = if live {
        let kubectl = args.cluster.kubectl()?;
        cluster(&kubectl, args.wait.as_deref())?
    } else {
        let (inputs, errors) = input::collect(&args.paths, &args.exclude)?;
        if !errors.is_empty() {
            return Err(crate::diagnostic::Diagnostics(errors).into());
        }
        let (inventory, problems) = kube::read(inputs);
        let outcome = check::run(&inventory, problems);
        (inventory, outcome)
    };
    let mut out = Vec::new();
    match args.map {
        Some(format) => out.extend_from_slice(check::draw(&inventory, &outcome, format).as_bytes()),
        None => check::write(&mut out, &outcome, args.format, live)?,
    }
    super::print(&out)?;
    Ok(if outcome.failed() { CHANGES } else { DONE })
}

fn cluster(kubectl: &Kubectl, wait: Option<&str>) -> anyhow::Result<(Inventory, Outcome)> {
    let limit = match wait {
        None => Duration::ZERO,
        Some(text) => duration(text, "--wait")?,
    };
    let _interrupt = Interrupt::watch("interrupted; nothing was changed");
    let start = Instant::now();
    loop {
        kubectl.restart_deadline();
        let inventory = kubectl.inventory()?;
        let outcome = check::run(&inventory, Vec::new());
        if !outcome.failed() || start.elapsed() >= limit {
            return Ok((inventory, outcome));
        }
        std::thread::sleep(PAUSE.min(limit.saturating_sub(start.elapsed())));
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
