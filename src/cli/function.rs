//! `meshobs fn`: the command line of the KRM function.

use std::io::{self, IsTerminal as _, Read as _};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;

use super::settings::SettingsArgs;
use super::{DONE, ERROR};
use crate::config::{Options, RuleOptions};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::function::ResourceList;
use crate::gate::say;
use crate::patch::Patcher;
use crate::report::Format;

/// Arguments of `fn`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Settings come from functionConfig: kind MeshObs (apiVersion meshobs/v1) with the tables of meshobs.toml below `spec`, or \
a ConfigMap whose `data` has names of flags as keys, as in `namespace: shop`. A flag goes before the environment, that \
before functionConfig, that before meshobs.toml.

A program of the name meshobs-fn (a link to meshobs) is `meshobs fn`, for orchestrators that give no arguments.

Exit codes:
  0  done
  2  the items are as they were; `results` and stderr say why")]
pub struct FunctionArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    rules: RuleOptions,
}

/// Runs the function.
pub fn run(args: FunctionArgs) -> anyhow::Result<u8> {
    if io::stdin().is_terminal() {
        bail!("no ResourceList on stdin; `meshobs fn` is started by kustomize and kpt");
    }
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).context("cannot read stdin")?;
    let list = ResourceList::parse(text).map_err(Diagnostics::from)?;
    match patch(args, &list) {
        Ok(patched) => super::print(patched.as_bytes()).map(|()| DONE),
        Err(error) => {
            let errors = match error.downcast::<Diagnostics>() {
                Ok(errors) => errors,
                Err(error) => Diagnostic::whole("meshobs", format!("{error:#}")).into(),
            };
            say!("{}", errors.text());
            super::print(list.with_errors(&errors)?.as_bytes())?;
            Ok(ERROR)
        }
    }
}

fn patch(args: FunctionArgs, list: &ResourceList) -> anyhow::Result<String> {
    let options = Options::from(args.rules).or(list.options().map_err(Diagnostics::from)?);
    let settings = args.settings.load(options)?.settings().map_err(|message| anyhow!(message))?;
    let patcher = Patcher {
        profile: super::patch::profile(&settings),
        others: Vec::new(),
        cluster_scoped: settings.cluster_scoped.clone(),
        one_stream: false,
        verbose: false,
        format: Format::Kept,
        function: true,
    };
    let (patched, findings) = list.patch(&patcher)?;
    for text in findings.iter().filter_map(crate::function::Finding::text) {
        say!("{}", text);
    }
    Ok(patched)
}
