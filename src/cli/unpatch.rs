//! `meshobs unpatch`: its arguments; what it takes out is decided by `unpatch`.

use anyhow::{anyhow, bail};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::files::FileArgs;
use super::patch::{leave_to_helm, patcher, refused_by_kustomize};
use super::profiles::Profiles;
use super::settings::SettingsArgs;
use crate::config::{Options, RuleOptions};
use crate::kube::ImageRef;
use crate::patch::{self, Patcher};
use crate::report::Format;
use crate::unpatch;

/// The variable with pairs of images for `patch`.
const IMAGES: &str = "MESHOBS_IMAGE";

/// Flags of `patch` that mean nothing on the way back.
const WITHOUT_MEANING: [&str; 2] = ["overwrite", "strict"];

/// Arguments of `unpatch`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 done, 1 --check found changes, 2 wrong input or usage (then nothing is written).",
    after_long_help = "\
Takes out what `patch` with the same settings would put back, byte for byte. What `patch` would not write in this place and
form stays and is reported. An image goes back to the one that the comment above it keeps; where there is none, name it: \
--no-image-comment --image NEW=OLD.

Exit codes:
  0  done
  1  --check found changes
  2  wrong input or usage; nothing was written"
)]
struct Definition {
    #[command(flatten)]
    files: FileArgs,

    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    rules: RuleOptions,
}

/// The arguments of `patch`, but for those that mean something else on the way back.
#[derive(Debug)]
pub struct UnpatchArgs(Definition);

impl FromArgMatches for UnpatchArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Definition::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl Args for UnpatchArgs {
    fn augment_args(command: Command) -> Command {
        adapt(Definition::augment_args(command))
    }

    fn augment_args_for_update(command: Command) -> Command {
        adapt(Definition::augment_args_for_update(command))
    }
}

fn adapt(command: Command) -> Command {
    let image = |arg: Arg| {
        let help = "The image OLD that is now NEW, where patch was not told by file or variable (repeatable)";
        arg.value_name("NEW=OLD").help(help).env(None::<&str>)
    };
    let command = command.mut_arg("image", image);
    WITHOUT_MEANING.into_iter().fold(command, |command, name| command.mut_arg(name, |arg| arg.hide(true)))
}

/// Runs the command.
pub fn run(args: UnpatchArgs) -> anyhow::Result<u8> {
    let mut args = args.0;
    let rules = std::mem::take(&mut args.rules);
    args.files.or_report(|| try_run(&args, rules))
}

fn try_run(args: &Definition, rules: RuleOptions) -> anyhow::Result<u8> {
    let (flags, restored) = way_back(rules)?;
    let mut profiles = Profiles::new(&args.settings, &flags)?;
    let here = profiles.base().settings().map_err(|message| anyhow!(message))?;
    args.files.run(&here, |mut inputs, mut errors, one_stream, progress| {
        profiles.assign(&args.settings, &flags, &mut inputs)?;
        errors.extend(refused_by_kustomize(&profiles.settings()?, &inputs));
        let mut opened = patch::open(inputs, &mut errors);
        let note = leave_to_helm(&args.files, &mut profiles, &mut opened);
        let mut settings = profiles.settings()?;
        for settings in &mut settings {
            (settings.overwrite, settings.strict) = (false, false);
            settings.rum.restored.clone_from(&restored);
        }
        let quiet = Patcher { format: Format::Silent, ..patcher(&settings, &args.files, false) };
        let reporter = patcher(&settings, &args.files, one_stream);
        let mut plan = unpatch::plan(&quiet, &reporter, opened, errors, progress)?;
        plan.report.takes_out();
        profiles.notes().into_iter().chain(note).for_each(|note| plan.report.note(note));
        Ok(plan)
    })
}

/// The flags that the rules of `patch` get, and the images that come back in place of which.
fn way_back(rules: RuleOptions) -> anyhow::Result<(Options, Vec<(String, String)>)> {
    let mut flags = Options::from(rules);
    if flags.patch.overwrite || flags.patch.strict {
        bail!("unpatch takes neither --overwrite nor --strict: it takes out only what patch would put back");
    }
    let restored = restored(flags.rum.replace.take().unwrap_or_default())?;
    // Images that patch was told of by its variable are known here, too.
    let told = std::env::var(IMAGES).unwrap_or_default();
    let told = told.split(',').filter(|pair| !pair.is_empty()).map(str::to_owned);
    let forward = restored.iter().map(|(new, old)| format!("{old}={new}"));
    let replace: Vec<_> = forward.chain(told).collect();
    flags.rum.replace = (!replace.is_empty()).then_some(replace);
    Ok((flags, restored))
}

/// Pairs of a new image and its old one.
fn restored(pairs: Vec<String>) -> anyhow::Result<Vec<(String, String)>> {
    let pair = |pair: String| match pair.split_once('=') {
        Some((new, old)) if ImageRef::is_valid(new) && ImageRef::is_valid(old) => {
            Ok((new.to_owned(), old.to_owned()))
        }
        _ => bail!(
            "invalid image pair `{pair}` (--image): write NEW=OLD, each [registry[:port]/]name[:tag][@digest]"
        ),
    };
    pairs.into_iter().map(pair).collect()
}
