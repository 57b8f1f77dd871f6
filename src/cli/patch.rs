//! `meshobs patch`: its arguments and its rules.

use anyhow::anyhow;
use clap::Args;

use super::files::FileArgs;
use super::profiles::Profiles;
use super::settings::SettingsArgs;
use crate::config::{Options, RuleOptions, Settings};
use crate::diagnostic::Diagnostic;
use crate::helm;
use crate::input::{Content, Input};
use crate::kustomize::{self, Kustomize};
use crate::patch::{self, Patcher, Profile, Strict};
use crate::rule::{Datakit, Metrics, Namespace, Rule, RuleName, Rum, Tracing};

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
    #[command(flatten)]
    files: FileArgs,

    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    rules: RuleOptions,
}

/// Runs the command.
pub fn run(mut args: PatchArgs) -> anyhow::Result<u8> {
    let flags = Options::from(std::mem::take(&mut args.rules));
    args.files.or_report(|| try_run(&args, &flags))
}

fn try_run(args: &PatchArgs, flags: &Options) -> anyhow::Result<u8> {
    let mut profiles = Profiles::new(&args.settings, flags)?;
    let settings = profiles.base().settings().map_err(|message| anyhow!(message))?;
    args.files.run(&settings, |mut inputs, mut errors, one_stream, progress| {
        profiles.assign(&args.settings, flags, &mut inputs)?;
        errors.extend(refused_by_kustomize(&profiles.settings()?, &inputs));
        let mut opened = patch::open(inputs, &mut errors);
        let note = leave_to_helm(&args.files, &mut profiles, &mut opened);
        let patcher = patcher(&profiles.settings()?, &args.files, one_stream);
        let mut plan = patcher.plan_opened(opened, errors, progress)?;
        profiles.notes().into_iter().chain(note).for_each(|note| plan.report.note(note));
        Ok(plan)
    })
}

/// The inputs that a Kustomization lists and that their settings refuse for it.
pub(super) fn refused_by_kustomize(settings: &[Settings], inputs: &[Input]) -> Vec<Diagnostic> {
    let refuses = |input: &&Input| {
        settings.get(input.profile).is_some_and(|settings| settings.kustomize == Kustomize::Refuse)
    };
    let refused: Vec<Input> = inputs.iter().filter(refuses).cloned().collect();
    kustomize::listed(&refused)
}

/// Turns the rule `namespace` off where Helm decides about namespaces: it was asked for, or it rendered what comes from
/// stdin and nobody named a namespace. Says so in the second case.
pub(super) fn leave_to_helm(
    args: &FileArgs,
    profiles: &mut Profiles,
    opened: &mut [(Input, Content)],
) -> Option<String> {
    let asked = args.is_for_helm();
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
pub(super) fn patcher(settings: &[Settings], args: &FileArgs, one_stream: bool) -> Patcher {
    let none = || Profile { rules: Vec::new(), overwrite: false, strict: Strict::No };
    Patcher {
        profile: settings.first().map_or_else(none, profile),
        others: settings.iter().skip(1).map(profile).collect(),
        cluster_scoped: settings.iter().flat_map(|settings| settings.cluster_scoped.clone()).collect(),
        one_stream,
        verbose: args.verbose,
        format: args.format(),
        function: false,
    }
}
