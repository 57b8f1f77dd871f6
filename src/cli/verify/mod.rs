//! `meshobs verify`: whether telemetry flows, by what running programs answer and count. Sends little, changes nothing.

mod api;
mod probe;

use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::Args;

use super::check::duration;
use super::interrupt::Interrupt;
use super::{CHANGES, DONE};
use crate::address;
use crate::verify::report::{self, Format};
use crate::verify::{LINKS, Report, Verdict};
use api::Api;

/// Arguments of `verify`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Sends one span and one view of a page to a DataKit, and reads its own counters before and after: an answer alone proves \
nothing. The span is stored, as service `meshobs-verify`; the view is only parsed (from DataKit 1.30 on; an older one \
gets none without --post-rum).

A link has one of three verdicts: proven (with its evidence), broken (with the cause and what to do), unknown (nobody \
tells: a version that does not count it, counters that are closed to this host).

Exit codes:
  0  no link is broken (some may be unknown, unless --fail-on unknown)
  1  a link is broken
  2  wrong usage, or it could not be tried")]
pub struct VerifyArgs {
    /// A DataKit, as http://HOST:9529; no cluster is needed
    #[arg(long, value_name = "URL", required = true)]
    local: Option<String>,
    /// How long uploads are waited for; DataKit uploads every 10 s
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    wait: String,
    /// Application of the view that is sent, for a DataKit that takes only those it lists
    #[arg(long, value_name = "ID")]
    app_id: Option<String>,
    /// Send a view that is stored, instead of one that is only parsed
    #[arg(long)]
    post_rum: bool,
    /// Leave out a link (repeatable)
    #[arg(long, value_name = "LINK", value_parser = clap::builder::PossibleValuesParser::new(LINKS.iter().map(|link| link.id)))]
    skip: Vec<String>,
    /// What ends with exit code 1
    #[arg(long, value_enum, default_value_t, value_name = "VERDICT")]
    fail_on: FailOn,
    /// How the links are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// The least verdict that is a failure of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// A broken link
    #[default]
    Broken,
    /// An unknown one, too
    Unknown,
}

/// Runs the command.
pub fn run(args: &VerifyArgs) -> anyhow::Result<u8> {
    let wait = duration(&args.wait, "--wait")?;
    let _interrupt = Interrupt::watch("interrupted; nothing was changed");
    let report = args.local(wait)?;
    let mut out = Vec::new();
    report::write(&mut out, &report, args.format)?;
    super::print(&out)?;
    let fails =
        report.has(Verdict::Failed) || (args.fail_on == FailOn::Unknown && report.has(Verdict::Unknown));
    Ok(if fails { CHANGES } else { DONE })
}

impl VerifyArgs {
    /// The links that are left out.
    fn skipped(&self) -> Vec<&'static str> {
        let ids = LINKS.iter().map(|link| link.id);
        ids.filter(|id| self.skip.iter().any(|skipped| skipped == id)).collect()
    }

    fn local(&self, wait: Duration) -> anyhow::Result<Report> {
        let url = self.local.as_deref().unwrap_or_default().trim_end_matches('/');
        address::check_origin(url).map_err(|what| anyhow!("--local `{url}`: {what}"))?;
        if url.starts_with("https:") {
            bail!("--local `{url}`: meshobs speaks http only; a port-forward to DataKit's port needs no TLS");
        }
        let skip = self.skipped();
        let application = self.app_id.as_deref();
        let options = probe::Options { wait, application, may_store: self.post_rum, skip: &skip };
        Ok(probe::run(&Api::new(url), &options))
    }
}
