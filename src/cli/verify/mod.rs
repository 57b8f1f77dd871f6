//! `meshobs verify`: whether telemetry flows, by what running programs answer and count. Sends little, changes nothing.

mod api;
mod cluster;
mod gateway;
mod probe;

use anyhow::{anyhow, bail};
use clap::Args;

use super::check::duration;
use super::cluster::ClusterArgs;
use super::interrupt::Interrupt;
use super::{CHANGES, DONE};
use crate::address;
use crate::verify::report::{self, Format};
use crate::verify::{LINKS, Report, Verdict};
use api::Api;
use probe::Probe;

/// Arguments of `verify`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Without --local the cluster of kubectl is looked at: one pod of each workload with a sidecar is asked for its metrics, every \
DataKit through a port-forward for its own counters, the ingress gateway for a page, and nothing is changed. With --local it is one DataKit, and no cluster.

One span and one view of a page are sent to a DataKit, and its counters read before and after: an answer alone proves \
nothing. The span is stored, as service `meshobs-verify`; the view is only parsed (from DataKit 1.30 on; an older one \
gets none without --post-rum).

A link has one of three verdicts: proven (with its evidence), broken (with the cause and what to do), unknown (nobody \
tells: a version that does not count it, counters that are closed to this host).

Exit codes:
  0  no link is broken (some may be unknown, unless --fail-on unknown)
  1  a link is broken
  2  wrong usage, or it could not be tried")]
pub struct VerifyArgs {
    /// One DataKit, as http://HOST:9529, instead of a cluster
    #[arg(long, value_name = "URL", conflicts_with_all = ["namespace", "context", "kubeconfig"])]
    local: Option<String>,
    /// Ask the workloads of this namespace only [default: all]
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// The page to ask for, as http://HOST/PATH [default: a rule's, by a port-forward to the ingress gateway]
    #[arg(long, value_name = "URL", conflicts_with = "local")]
    url: Option<String>,
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
    #[command(flatten)]
    access: ClusterArgs,
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
    let skip = args.skipped();
    let options =
        probe::Options { wait, application: args.app_id.as_deref(), may_store: args.post_rum, skip: &skip };
    let report = match args.local.as_deref() {
        Some(url) => local(url.trim_end_matches('/'), &options)?,
        None => {
            let url = args.url.as_deref();
            if let Some(url) = url {
                address::check(url).map_err(|what| anyhow!("--url `{url}`: {what}"))?;
            }
            cluster::run(&args.access.kubectl()?, args.namespace.as_deref(), url, &options)?
        }
    };
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
}

/// Follows telemetry through one DataKit.
fn local(url: &str, options: &probe::Options<'_>) -> anyhow::Result<Report> {
    address::check_origin(url).map_err(|what| anyhow!("--local `{url}`: {what}"))?;
    if url.starts_with("https:") {
        bail!("--local `{url}`: meshobs speaks http only; a port-forward to DataKit's port needs no TLS");
    }
    let mut report = Report::default();
    let apis = [Api::new(url)];
    if let Some(probe) = Probe::start(&apis, options, &mut report) {
        probe.run(&mut report);
        probe.finish(&mut report);
    }
    Ok(report)
}
