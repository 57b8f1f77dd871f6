//! `meshobs status`: what `install` recorded, and whether it is there.

use std::collections::BTreeSet;

use anyhow::anyhow;
use clap::Args;

use super::DONE;
use super::cluster::ClusterArgs;
use super::settings::SettingsArgs;
use crate::config::Options;
use crate::gate::{Text, say, text};
use crate::install::{Record, Reference, gone};

/// Arguments of `status`.
#[derive(Args, Debug)]
#[command(after_help = "\
Prints what `meshobs install` recorded for the mesh and for each application, and which of it is no longer there. It changes \
nothing; `meshobs uninstall --app NAME` undoes an application, `meshobs check` tells whether the mesh is observable.")]
pub struct StatusArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Runs the command.
pub fn run(args: &StatusArgs) -> anyhow::Result<u8> {
    // No setting of the file is for this command, but a file that is wrong is wrong for all of them.
    args.settings.load(Options::default())?;
    let kubectl = args.cluster.kubectl()?;
    let failed = |error: crate::install::Failure| anyhow!("{error}");
    let record = Record::load(&kubectl).map_err(failed)?;
    if record.is_empty() {
        say!("nothing is recorded in this cluster");
        return Ok(DONE);
    }
    let known: Vec<Reference> =
        record.created().chain(record.changed().map(|changed| &changed.object)).cloned().collect();
    let gone: BTreeSet<Reference> = gone(&kubectl, &known).map_err(failed)?.into_iter().collect();
    let mut out = Text::default();
    if let Some(version) = &record.istio {
        out.push_lines(&text!("Istio {}, by istioctl", version));
    }
    let mesh = record.only("");
    if !mesh.is_empty() {
        describe(&mut out, &text!("mesh"), &mesh, &gone);
    }
    for app in record.apps() {
        describe(&mut out, &text!("app {}", app), &record.only(app), &gone);
    }
    super::print(format!("{out}\n").as_bytes())?;
    Ok(DONE)
}

/// What was done for one purpose, and what of it is gone.
fn describe(out: &mut Text, title: &Text, part: &Record, gone: &BTreeSet<Reference>) {
    let created: Vec<&Reference> = part.created().collect();
    let gone: Vec<&&Reference> = created.iter().filter(|what| gone.contains(what)).collect();
    let namespaces: BTreeSet<&str> =
        created.iter().map(|what| what.namespace.as_str()).filter(|name| !name.is_empty()).collect();
    let namespaces: Vec<&str> = namespaces.into_iter().collect();
    let changed = part.changed().count();
    out.push_lines(&text!(
        "{}: {} created, {} of them there, {} changed{}{}",
        title,
        created.len().to_string(),
        (created.len() - gone.len()).to_string(),
        changed.to_string(),
        if namespaces.is_empty() { "" } else { "; in " },
        namespaces.join(", ")
    ));
    gone.iter().for_each(|what| out.push_lines(&text!("  ✖ {} is gone", what.title())));
}
