//! `meshobs install`: from a cluster to visible traces in one run.

use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};

mod ask;
mod cluster;
mod farewell;
mod foresee;
mod kept;
mod rollout;
mod steps;

use super::cluster::ClusterArgs;
use super::from;
use super::init::datakit;
use super::interrupt::Interrupt;
use super::settings::SettingsArgs;
use super::{CHANGES, DONE};
use crate::check::{self, Style};
use crate::cluster::Kubectl;
use crate::config::{
    DatakitOptions, InstallOptions, Options, PageOptions, Part, Parts, Settings, TOKEN_VARIABLE,
};
use crate::diagnostic::Diagnostics;
use crate::facts::istio;
use crate::gate::{self, Text, say, text};
use crate::input;
use crate::install::{Action, Planned, Record, Refused, Step, execute, plan};
use crate::rule::RumMode;
use crate::secret::Token;
pub(super) use ask::confirm;
use cluster::{Found, Running};
use kept::Named;
use steps::Wanted;

/// What `--dry-run` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Print plan and manifests
    Client,
    /// Let the server judge them, too
    Server,
}

/// Arguments of `install`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Steps: DataKit, Istio itself where there is none and istioctl is on the PATH, tracing, the namespace with its injection \
label, the page with browser monitoring (with --app-id, --datakit-origin and --html), the application (patched on the \
way), the gateways' metrics (with --gateways); then it waits for rollouts and checks. Each step is compared with the \
cluster first; what is in place already is left alone, so running it again goes on where it stopped. A setting that is not \
named keeps the value that the cluster has. `meshobs uninstall` undoes it. A DataKit that others installed is told what to \
collect; one among the manifests is patched with them.

--only and --skip choose among the parts datakit, tracing, namespace, rum, app and gateways; Istio is put in only where one \
of tracing, namespace and gateways is chosen.

At a terminal it asks for what is missing, and offers to keep the answers, but for the token, in meshobs.toml.

Everything goes through your own kubectl. Manifests go to its stdin only.

Exit codes:
  0  every step is applied and rolled out
  1  with --strict: the closing check found something that is not observable
  2  a step failed; running it again goes on from there")]
pub struct InstallArgs {
    #[command(flatten)]
    what: InstallOptions,
    /// DataKit's token; without a value it is asked for
    #[arg(long, value_name = "TOKEN", num_args = 0..=1, default_missing_value = "", conflicts_with = "token_file")]
    token: Option<String>,
    #[command(flatten)]
    datakit: DatakitOptions,
    /// Namespace of the application [default: prod]
    #[arg(short, long, value_name = "NAME", env = "MESHOBS_NAMESPACE")]
    namespace: Option<String>,
    #[command(flatten, next_help_heading = "Browser monitoring")]
    page: PageOptions,
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
    /// Print plan and manifests and touch nothing; `server` lets the server judge them
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: Option<DryRun>,
    /// Take over fields that another manager owns
    #[arg(long)]
    force_conflicts: bool,
    /// How long a rollout may take (30s, 5m)
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    timeout: String,
    /// Exit with 1 where the closing check finds something that is not observable
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Runs the command.
pub fn run(mut args: InstallArgs) -> anyhow::Result<u8> {
    let timeout = super::check::duration(&args.timeout, "--timeout")?;
    let interactive = from::is_interactive();
    if !args.yes && args.dry_run.is_none() && !interactive {
        bail!("nobody to ask; pass --yes, or --dry-run to see what would be done");
    }
    let interrupt = Interrupt::watch("interrupted; nothing was done");
    let mut options = options(&mut args)?;
    let parts = options.install.parts().map_err(|message| anyhow!(message))?;
    let istio_namespace = options.tracing.istio_namespace.clone();
    let istio_namespace = istio_namespace.unwrap_or_else(|| istio::NAMESPACE.to_owned());
    let kubectl = args.cluster.waiting(timeout)?;
    cluster::preflight(&kubectl)?;
    let world = kubectl.inventory()?;
    let mut record = Record::load(&kubectl).map_err(|error| anyhow!("{error}"))?;
    let found = cluster::look(&kubectl, world, (&istio_namespace, parts), &mut record)?;
    let asks = interactive && !args.yes && args.dry_run.is_none();
    let asking = kubectl.pause_deadline();
    let mut given = given_token(&args, &options, (&found, parts), interactive)?;
    if asks {
        let answers = ask::questions(&options, &found, parts)?;
        answers.fill(&mut options);
        if !answers.is_empty() {
            answers.offer_to_save(args.settings.file())?;
        }
    }
    drop(asking);
    let app = options.install.app().map_err(|message| anyhow!(message))?;
    let manifests = options.install.manifests.clone().filter(|_| parts.has(Part::App)).unwrap_or_default();
    if manifests.is_empty() && parts.demands(Part::App) {
        bail!("no manifests of the application; name its files or directories, or take `app` out of --only");
    }
    let page = if parts.has(Part::Rum) { page(&mut options)? } else { without_page(&mut options) };
    if page.is_none() && parts.demands(Part::Rum) {
        bail!(
            "browser monitoring needs --app-id, --datakit-origin (or --site) and --html; pass them, or take `rum` out of --only"
        );
    }
    options.datakit.gateways =
        (options.datakit.gateways || parts.demands(Part::Gateways)) && parts.has(Part::Gateways);
    let named = Named::of(&options);
    let mut settings = settings(options)?;
    kept::keep(&mut settings, named, &found);
    if let Some(token) = given.take() {
        settings.datakit.token = Some(token);
    }
    let own_datakit = own_datakit(&manifests, &settings, &record)?;
    let app = app.unwrap_or_else(|| settings.namespace.name.clone());
    let wanted = Wanted { settings: &settings, parts, app: &app, manifests: &manifests, page, own_datakit };
    let steps = steps::steps(&kubectl, &found, &wanted)?;
    if let Some(kind) = args.dry_run {
        return dry_run(&kubectl, &steps, kind, args.force_conflicts);
    }
    let planned = plan(&kubectl, &steps, args.force_conflicts).map_err(refused)?;
    show(&steps, &planned);
    let in_place = planned.iter().all(Planned::is_in_place);
    if !in_place {
        foresee::foresee(&kubectl, (&steps, &planned), &found.world, &record)?;
    }
    if !in_place && !args.yes {
        let _pause = kubectl.pause_deadline();
        if !confirm(&text!("Apply this?"), true)? {
            bail!("nothing was done");
        }
    }
    if !in_place {
        apply_all(&kubectl, (&steps, &planned), args.force_conflicts, &mut record, &interrupt)?;
    }
    interrupt.say(
        "interrupted; everything is applied, and `meshobs check --wait 5m` tells when it is there".to_owned(),
    );
    let waited = rollout::wait(&kubectl, &steps, &planned)?;
    // What was read at first is what is there, where nothing was done and nothing waited for.
    let world = if in_place && !waited { found.world } else { kubectl.inventory_again(&found.world)? };
    let outcome = check::run(&world, Vec::new());
    let mut out = Vec::new();
    check::write(&mut out, &outcome, Style::CLUSTER)?;
    super::print(&out)?;
    farewell::say(&world, &istio_namespace, (parts.has(Part::Tracing), wanted.page.is_some()));
    Ok(if args.strict && outcome.failed() { CHANGES } else { DONE })
}

/// What flags, environment and file say.
fn options(args: &mut InstallArgs) -> anyhow::Result<Options> {
    let mut flags = Options { datakit: std::mem::take(&mut args.datakit), ..Options::default() };
    flags.install = std::mem::take(&mut args.what);
    flags.namespace.name.clone_from(&args.namespace);
    flags.rum.page = std::mem::take(&mut args.page);
    let mut options = args.settings.load(flags)?;
    if args.token.is_some() {
        options.datakit.token_file = None;
    }
    Ok(options)
}

/// The page and what goes into it, where an application's id and an origin are given.
fn page(options: &mut Options) -> anyhow::Result<Option<(PathBuf, check::PageSnippet)>> {
    let page = std::mem::take(&mut options.rum.page);
    let html = options.install.html.take();
    let aimed = page.datakit_origin.is_some() || page.site.is_some();
    match (html, page.app_id.is_some() && aimed) {
        (None, false) => Ok(None),
        (None, true) => bail!(
            "browser monitoring needs the page that it goes into: pass --html FILE; bookinfo's is printed by\n  \
             docker run --rm --entrypoint cat IMAGE /opt/microservices/templates/productpage.html"
        ),
        // What is missing is said by the snippet.
        (Some(html), _) => {
            options.datakit.rum = true;
            Ok(Some((html, page.snippet().map_err(|message| anyhow!(message))?)))
        }
    }
}

/// Leaves the page out, whatever is said of it.
fn without_page(options: &mut Options) -> Option<(PathBuf, check::PageSnippet)> {
    options.rum.page = PageOptions::default();
    options.install.html = None;
    None
}

fn settings(options: Options) -> anyhow::Result<Settings> {
    let mut settings = options.settings().map_err(|message| anyhow!(message))?;
    settings.datakit.checksum = true;
    settings.rum.mode = RumMode::Configmap;
    Ok(settings)
}

/// The DataKit that the application's manifests bring, if they do.
fn own_datakit(
    manifests: &[PathBuf],
    settings: &Settings,
    record: &Record,
) -> anyhow::Result<Option<Running>> {
    if manifests.is_empty() {
        return Ok(None);
    }
    let (inputs, errors) = input::collect(manifests, &settings.exclude)?;
    if !errors.is_empty() {
        return Err(Diagnostics(errors).into());
    }
    if inputs.iter().any(|input| input.path.is_none()) {
        bail!("the application's manifests are files; stdin is never read");
    }
    let (world, _) = crate::kube::read(inputs);
    Ok(Running::of(&world, record))
}

/// The token as given or asked for; nothing where file and environment have it, or the DataKit that is there.
fn given_token(
    args: &InstallArgs,
    options: &Options,
    (found, parts): (&Found, Parts),
    interactive: bool,
) -> anyhow::Result<Option<Token>> {
    let check = |text: &str| Token::parse(text).map(Some).map_err(|message| anyhow!("{message} (--token)"));
    let known = options.datakit.token_file.is_some() || std::env::var_os(TOKEN_VARIABLE).is_some();
    match args.token.as_deref() {
        Some("") if interactive => check(&datakit::ask()?),
        Some("") => bail!("no terminal to ask for the token; use --token-file or {TOKEN_VARIABLE}"),
        Some(text) => check(text),
        None if known || found.datakit.is_some() || !parts.has(Part::Datakit) => Ok(None),
        None if interactive => check(&datakit::ask()?),
        None => {
            bail!("no token for DataKit; pass --token-file FILE, set {TOKEN_VARIABLE}, or pass --token=TOKEN")
        }
    }
}

fn dry_run(kubectl: &Kubectl, steps: &[Step], kind: DryRun, force: bool) -> anyhow::Result<u8> {
    let mut text = String::new();
    for step in steps {
        text.push_str(&text!("# step {}: {}\n", step.name, step.title).to_string());
        let manifests = match &step.action {
            Action::Apply(manifests) | Action::Define(manifests) => manifests.as_str(),
            Action::Change(change) => change.new.as_str(),
            Action::Edit(edit) => edit.new.as_str(),
            Action::Istio(_, settings) => settings.as_deref().unwrap_or_default(),
        };
        // What is shown is no manifest to apply where it would hold the token.
        text.push_str(&crate::secret::mask(manifests));
        if !text.ends_with('\n') {
            text.push('\n');
        }
        if !text.ends_with("---\n") {
            text.push_str("---\n");
        }
    }
    super::print(text.as_bytes())?;
    let planned = match kind {
        DryRun::Client => Vec::new(),
        DryRun::Server => plan(kubectl, steps, force).map_err(refused)?,
    };
    let mut planned = planned.iter();
    for step in steps {
        let judged = match (&step.action, planned.next()) {
            (Action::Apply(_), Some(planned)) if planned.unjudged.is_empty() => "the server takes it",
            (Action::Apply(_), Some(_)) => {
                "its namespace or kind comes with an earlier step, so the server cannot judge it yet"
            }
            _ => &step.title,
        };
        say!("{}: {}", step.name, judged);
    }
    say!("nothing was touched; tokens are masked");
    Ok(DONE)
}

/// A step that the server refuses.
fn refused((step, error): Refused) -> anyhow::Error {
    anyhow!("step {step}: {error}")
}

/// Shows what each step would change.
fn show(steps: &[Step], planned: &[Planned]) {
    for (step, planned) in steps.iter().zip(planned) {
        let state = match planned {
            planned if planned.is_in_place() => "in place",
            planned if planned.is_new() => "new",
            _ => "to be changed",
        };
        say!("{}: {} ({})", step.name, step.title, state);
        let mut lines = Text::default();
        planned.new.iter().for_each(|what| lines.push_lines(&text!("+ {}", what.title())));
        if let Action::Istio(_, Some(settings)) = &step.action {
            settings.lines().for_each(|line| lines.push_lines(&text!("+ {}", line)));
        }
        if !planned.difference.is_empty() {
            lines.push_lines(&Text::diff(&planned.difference));
        }
        if !lines.is_empty() {
            gate::print_line(&lines);
        }
    }
}

fn apply_all(
    kubectl: &Kubectl,
    (steps, planned): (&[Step], &[Planned]),
    force: bool,
    record: &mut Record,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    for (step, planned) in steps.iter().zip(planned).filter(|(_, planned)| !planned.is_in_place()) {
        interrupt.say(format!(
            "interrupted in step {}; what came before it is applied. Run it again to go on from here, or `meshobs uninstall` \
             to undo it",
            step.name
        ));
        let bar = rollout::bar(step.name);
        rollout::start(&bar);
        let result = execute(kubectl, (step, planned), force, record);
        let time = rollout::elapsed(&bar);
        bar.finish_and_clear();
        let done = result.map_err(|error| {
            // What was done is recorded even where the rest of the step was not. That it was about to be done already is.
            let unsaved = record.save(kubectl).err();
            let unsaved = unsaved.map(|error| format!("\nits record cannot be written: {error}"));
            anyhow!(
                "step {} failed: {error}{}\nwhat came before it is applied; run it again to go on from here",
                step.name,
                unsaved.unwrap_or_default()
            )
        })?;
        say!("✔ {}{}", step.name, time);
        for line in &done.lines {
            say!("    {}", line);
        }
    }
    record.save(kubectl).map_err(|error| {
        anyhow!("all is applied, but its record cannot be written: {error}\nrun it again to go on from here")
    })
}
