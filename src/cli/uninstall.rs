//! `meshobs uninstall`: undoes what `install` recorded.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::Args;

use super::DONE;
use super::install::confirm;
use super::interrupt::Interrupt;
use crate::gate::{Text, say, text};
use crate::install::{Record, Undo, undo, undo_plan};
use crate::istioctl::Istioctl;
use crate::kubectl::Kubectl;

/// Arguments of `uninstall`.
#[derive(Args, Debug)]
#[command(after_help = "\
Deletes what `meshobs install` created and puts back what it changed, as the record in the cluster has it. What somebody
changed meanwhile is kept, and so is a namespace that holds others' objects.")]
pub struct UninstallArgs {
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Context of kubectl
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Configuration of kubectl
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &UninstallArgs) -> anyhow::Result<u8> {
    let kubectl = Kubectl { context: args.context.clone(), kubeconfig: args.kubeconfig.clone() };
    let interrupt = Interrupt::watch("interrupted; nothing was done");
    let failed = |error: crate::install::Failure| anyhow!("{error}");
    let mut record = Record::load(&kubectl).map_err(failed)?;
    if record.is_empty() {
        say!("nothing is recorded in this cluster, so there is nothing to undo");
        return Ok(DONE);
    }
    let istioctl = if record.istio.is_some() { Istioctl::find() } else { None };
    let plan = undo_plan(&kubectl, istioctl.as_ref(), &record).map_err(failed)?;
    for what in &plan {
        say!("{}", what.title());
        if let Undo::Restore(_, difference) = what {
            say!("{}", Text::diff(difference));
        }
    }
    if args.dry_run {
        return Ok(DONE);
    }
    if !args.yes {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            bail!("nobody to ask; pass --yes, or --dry-run to see what would be done");
        }
        if !confirm(&text!("Do it?"), false)? {
            bail!("nothing was done");
        }
    }
    interrupt.say(
        "interrupted; what is undone is no longer recorded, so run it again to go on from here".to_owned(),
    );
    for what in &plan {
        undo(&kubectl, istioctl.as_ref(), what)
            .map_err(|error| anyhow!("{}: {error}\nrun it again to go on", what.title()))?;
        // What is done is no longer recorded, so that another run goes on from here.
        match what {
            Undo::Delete(done) => record.created.retain(|known| known != done),
            Undo::Restore(done, _) => record.changed.retain(|known| known != done),
            Undo::Istio(_) => record.istio = None,
            Undo::Keep(_) => continue,
        }
        record.save(&kubectl).map_err(failed)?;
        say!("✔ {}", what.title());
    }
    Record::delete(&kubectl).map_err(failed)?;
    say!("done; the record is gone");
    Ok(DONE)
}
