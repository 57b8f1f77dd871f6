//! `meshobs uninstall`: undoes what `install` recorded.

use std::io::{self, IsTerminal as _};

use anyhow::{anyhow, bail};
use clap::Args;

use super::DONE;
use super::check::duration;
use super::cluster::ClusterArgs;
use super::install::confirm;
use super::interrupt::Interrupt;
use super::settings::SettingsArgs;
use crate::cluster::Istioctl;
use crate::config::Options;
use crate::gate::{Text, say, text};
use crate::install::{Rebuilt, Record, Undo, Undoer, rebuild, together};
use crate::rule::LABEL;

/// Arguments of `uninstall`.
#[derive(Args, Debug)]
#[command(after_help = "\
Deletes what `meshobs install` created and puts back what it changed, as the record in the cluster has it. What somebody \
changed meanwhile is kept, and so is a namespace that holds others' objects of any kind, or whose objects cannot all be \
listed. --app undoes what was done for one application, and leaves what others use. Where the record is lost, what was created is found by the label meshobs/installed.")]
pub struct UninstallArgs {
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Undo one application only, as `meshobs status` names it
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// How long a deletion may take (30s, 5m)
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    timeout: String,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Runs the command.
pub fn run(args: &UninstallArgs) -> anyhow::Result<u8> {
    // No setting of the file is for this command, but a file that is wrong is wrong for all of them.
    args.settings.load(Options::default())?;
    let kubectl = args.cluster.waiting(duration(&args.timeout, "--timeout")?)?;
    let interrupt = Interrupt::watch("interrupted; nothing was done");
    let failed = |error: crate::install::Failure| anyhow!("{error}");
    kubectl.reach()?;
    let mut record = Record::load(&kubectl).map_err(failed)?;
    let mut unclear = Vec::new();
    if record.is_empty() {
        let found = rebuild(&kubectl).map_err(failed)?;
        if found == Rebuilt::default() {
            say!("nothing is recorded in this cluster, so there is nothing to undo");
            return Ok(DONE);
        }
        say!("no record in this cluster; found by the label {} and the field manager:", LABEL);
        record.create_somewhere(found.created);
        unclear = found.unclear;
    }
    // What stays, and what is to be undone.
    let (rest, mut part) = match args.app.as_deref() {
        Some(app) => (record.without(app), of_app(&record, app)?),
        None => (Record::default(), record.clone()),
    };
    let istioctl = if part.istio.is_some() { Istioctl::find() } else { None };
    let mut undoer = Undoer::new(&kubectl, istioctl.as_ref());
    let plan = undoer.plan(&part, &rest).map_err(failed)?;
    for what in &plan {
        say!("{}", what.title());
        if let Undo::Restore(_, difference) = what {
            say!("{}", Text::diff(difference));
        }
    }
    for (what, why) in &unclear {
        say!("keep {}: {}", what.title(), why);
    }
    if args.dry_run {
        return Ok(DONE);
    }
    if !args.yes {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            bail!("nobody to ask; pass --yes, or --dry-run to see what would be done");
        }
        let _pause = kubectl.pause_deadline();
        if !confirm(&text!("Do it?"), false)? {
            bail!("nothing was done");
        }
    }
    interrupt.say("interrupted; run it again to go on from here".to_owned());
    for some in &together(&plan) {
        let progress = undoer.undo(some, &part);
        for kept in &progress.kept {
            say!("{}", kept.title());
        }
        // What is done is no longer recorded, so that another run goes on from here.
        record.undone(&progress.done);
        part.undone(&progress.done);
        let done = || progress.done.iter().filter(|what| !matches!(what, Undo::Keep(_)));
        if done().next().is_some() {
            record.save(&kubectl).map_err(failed)?;
        }
        for what in done() {
            say!("✔ {}", what.title());
        }
        if let Some((title, error)) = &progress.failure {
            bail!("{title}: {error}\nrun it again to go on");
        }
    }
    if let Some(app) = &args.app {
        record.forget_app(app);
    }
    if args.app.is_some() && !record.is_empty() {
        record.save(&kubectl).map_err(failed)?;
        say!("done; the rest stays recorded");
        return Ok(DONE);
    }
    Record::delete(&kubectl).map_err(failed)?;
    say!("done; the record is gone");
    Ok(DONE)
}

/// What is recorded of an application.
fn of_app(record: &Record, app: &str) -> anyhow::Result<Record> {
    if record.apps().any(|known| known == app) {
        return Ok(record.only(app));
    }
    let known: Vec<&str> = record.apps().collect();
    match known.as_slice() {
        [] => bail!("no application `{app}` is recorded, and no other one; without --app all is undone"),
        known => bail!("no application `{app}` is recorded; recorded: {} (--app)", known.join(", ")),
    }
}
