//! `meshobs install`: from a cluster to visible traces in one run.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};

mod steps;

use super::init::{datakit, from};
use super::{CHANGES, DONE};
use crate::check::{self, Format, Object};
use crate::config::{self, DatakitOptions, Options, PageOptions, Settings, TOKEN_VARIABLE};
use crate::diagnostic::Diagnostics;
use crate::install::{Action, Compared, Failure, Record, Step, apply, execute, names, plain, plan};
use crate::kubectl::Kubectl;
use crate::manifest::{ImageRef, Version};
use crate::rule::RumMode;
use crate::secret::Token;

/// The oldest kubectl whose server-side apply can be relied on.
const OLDEST_KUBECTL: Version = Version::new(1, 18, 0);

/// The exit code after Ctrl-C, as shells have it.
const INTERRUPTED: i32 = 130;

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
Steps: DataKit, tracing, the namespace with its injection label, the application (patched on the way), the page with
browser monitoring (with --html, --app-id and --datakit-origin), the gateways' metrics, then it waits for rollouts and
checks. Each step is compared with the cluster first; what is in place already is left alone, so running it again goes
on where it stopped. `meshobs uninstall` undoes it.

Everything goes through your own kubectl. Manifests go to its stdin only.

Exit codes:
  0  every step is applied and rolled out
  1  with --strict: the closing check found something that is not observable
  2  a step failed; running it again goes on from there")]
pub struct InstallArgs {
    /// The application's files and directories; none installs the rest
    #[arg(value_name = "MANIFEST")]
    manifests: Vec<PathBuf>,
    /// DataKit's token; without a value it is asked for
    #[arg(long, value_name = "TOKEN", num_args = 0..=1, default_missing_value = "", conflicts_with = "token_file")]
    token: Option<String>,
    #[command(flatten)]
    datakit: DatakitOptions,
    /// Namespace of the application [default: prod]
    #[arg(short, long, value_name = "NAME", env = "MESHOBS_NAMESPACE")]
    namespace: Option<String>,
    /// Page to put browser monitoring into
    #[arg(long, value_name = "FILE", help_heading = "Browser monitoring")]
    html: Option<PathBuf>,
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
    /// Context of kubectl
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Configuration of kubectl
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Configuration file [default: meshobs.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "MESHOBS_CONFIG")]
    config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, conflicts_with = "config")]
    no_config: bool,
}

/// What the cluster is.
struct Found {
    istio: Option<Version>,
    gateways: bool,
    /// Whether a Service `zipkin` is there that is no alias of DataKit's.
    zipkin: bool,
    world: check::World,
}

/// Runs the command.
pub fn run(mut args: InstallArgs) -> anyhow::Result<u8> {
    super::check::duration(&args.timeout, "--timeout")?;
    let interactive = from::is_interactive();
    if !args.yes && args.dry_run.is_none() && !interactive {
        bail!("nobody to ask; pass --yes, or --dry-run to see what would be done");
    }
    let kubectl = Kubectl { context: args.context.clone(), kubeconfig: args.kubeconfig.clone() };
    preflight(&kubectl)?;
    let found = look(&kubectl)?;
    let (mut settings, snippet) = settings(&mut args)?;
    if settings.datakit.token.is_none() {
        settings.datakit.token = token(&args, &found, interactive)?;
    }
    let steps = steps::steps(&args, &kubectl, &found, &settings, snippet.as_ref())?;
    if let Some(kind) = args.dry_run {
        return dry_run(&kubectl, &steps, kind, args.force_conflicts);
    }
    let open = compare_all(&kubectl, &steps, args.force_conflicts)?;
    if open.iter().any(|open| *open) && !args.yes {
        let prompt = dialoguer::Confirm::new().with_prompt("Apply this?").default(true);
        if !prompt.interact()? {
            bail!("nothing was done");
        }
    }
    apply_all(&kubectl, &steps, &open, args.force_conflicts)?;
    rollouts(&kubectl, &steps, &args.timeout)?;
    let world = kubectl.world()?;
    let outcome = check::run(&world, Vec::new());
    let mut out = Vec::new();
    check::write(&mut out, &outcome, Format::Human, true)?;
    io::stdout().write_all(&out)?;
    farewell(&world, snippet.is_some());
    Ok(if args.strict && outcome.failed() { CHANGES } else { DONE })
}

/// kubectl is there, new enough, and reaches a cluster.
fn preflight(kubectl: &Kubectl) -> anyhow::Result<()> {
    let text = kubectl.output(&["version", "--client", "-o", "json"])?;
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let version = value.pointer("/clientVersion/gitVersion").and_then(|version| version.as_str());
    if let Some(version) = version.and_then(Version::parse)
        && version < OLDEST_KUBECTL
    {
        bail!("kubectl {version} is too old; {OLDEST_KUBECTL} or later is needed");
    }
    kubectl.output(&["get", "namespace", "kube-system", "-o", "name"])?;
    Ok(())
}

fn look(kubectl: &Kubectl) -> anyhow::Result<Found> {
    let world = kubectl.world()?;
    let label = |object: &Object| object.text(&["metadata", "labels", "app"]);
    let image = |object: &Object| object.text(&["spec", "template", "spec", "containers", "0", "image"]);
    let istiods = world.of("apps", "Deployment").filter(|object| label(object) == "istiod");
    let istio = istiods.filter_map(|object| Version::parse(ImageRef::parse(&image(object)).tag?)).min();
    let there = world.of("apps", "Deployment").any(|object| label(object) == "istiod");
    if !there {
        bail!("no istiod in the cluster; install Istio first: `istioctl install --set profile=demo`");
    }
    let gateways =
        world.of("apps", "Deployment").any(|object| label(object).starts_with("istio-ingressgateway"));
    let zipkin = world.get("", "Service", "istio-system", "zipkin");
    let zipkin = zipkin
        .is_some_and(|service| !service.text(&["spec", "externalName"]).starts_with("datakit-service-ext."));
    Ok(Found { istio, gateways, zipkin, world })
}

fn settings(args: &mut InstallArgs) -> anyhow::Result<(Settings, Option<check::PageSnippet>)> {
    let file = if args.no_config {
        Options::default()
    } else {
        config::load(args.config.as_deref()).map_err(Diagnostics::from)?
    };
    let mut flags = Options { datakit: std::mem::take(&mut args.datakit), ..Options::default() };
    flags.namespace.name.clone_from(&args.namespace);
    flags.rum.page = std::mem::take(&mut args.page);
    let mut options = flags.or(file);
    let page = std::mem::take(&mut options.rum.page);
    let wanted = args.html.is_some();
    if wanted {
        options.datakit.rum = true;
    }
    let snippet = if wanted { Some(page.snippet().map_err(|message| anyhow!(message))?) } else { None };
    if args.token.is_some() {
        options.datakit.token_file = None;
    }
    let mut settings = options.settings().map_err(|message| anyhow!(message))?;
    settings.datakit.checksum = true;
    settings.rum.mode = RumMode::Configmap;
    Ok((settings, snippet))
}

fn token(args: &InstallArgs, found: &Found, interactive: bool) -> anyhow::Result<Option<Token>> {
    let check = |text: &str| Token::parse(text).map(Some).map_err(|message| anyhow!("{message} (--token)"));
    match args.token.as_deref() {
        Some("") if interactive => check(&datakit::ask()?),
        Some("") => bail!("no terminal to ask for the token; use --token-file or {TOKEN_VARIABLE}"),
        Some(text) => check(text),
        // The one that is in the cluster stays.
        None if found.world.datakits().next().is_some() => Ok(None),
        None if interactive => check(&datakit::ask()?),
        None => {
            bail!("no token for DataKit; pass --token-file FILE, set {TOKEN_VARIABLE}, or pass --token=TOKEN")
        }
    }
}

fn dry_run(kubectl: &Kubectl, steps: &[Step], kind: DryRun, force: bool) -> anyhow::Result<u8> {
    let mut text = String::new();
    for step in steps {
        text.push_str(&format!("# step {}: {}\n", step.name, step.title));
        let manifests = match &step.action {
            Action::Apply(manifests) => manifests,
            Action::Change { new, .. } => new,
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
    super::print(&text)?;
    let mut stderr = io::stderr();
    for step in steps {
        let judged = match (&step.action, kind) {
            (Action::Apply(manifests), DryRun::Server) => match apply(kubectl, manifests, force, true) {
                Ok(_) => "the server takes it".to_owned(),
                Err(error)
                    if error.message.contains("namespaces \"") && error.message.contains("not found") =>
                {
                    "its namespace comes with an earlier step, so the server cannot judge it yet".to_owned()
                }
                Err(error) => return Err(anyhow!("step {}: {error}", step.name)),
            },
            _ => step.title.clone(),
        };
        let _ = writeln!(stderr, "{}: {judged}", step.name);
    }
    let _ = writeln!(stderr, "nothing was touched; tokens are masked");
    Ok(DONE)
}

/// Shows what each step would change; tells which have something to do.
fn compare_all(kubectl: &Kubectl, steps: &[Step], force: bool) -> anyhow::Result<Vec<bool>> {
    let mut stderr = io::stderr();
    let mut open = Vec::new();
    for step in steps {
        let compared = plan(kubectl, step, force);
        let (line, more) = match compared {
            Ok(Compared::Same) => ("in place".to_owned(), None),
            Ok(Compared::Differs(diff)) => ("to be changed".to_owned(), Some(diff)),
            Ok(Compared::New) => ("new".to_owned(), None),
            Err(error) => return Err(anyhow!("step {}: {error}", step.name)),
        };
        let _ = writeln!(stderr, "{}: {} ({line})", step.name, step.title);
        if let Some(diff) = &more {
            let _ = stderr.write_all(diff.as_bytes());
        }
        open.push(line != "in place");
    }
    Ok(open)
}

fn apply_all(kubectl: &Kubectl, steps: &[Step], open: &[bool], force: bool) -> anyhow::Result<()> {
    let mut stderr = io::stderr();
    let running = watch_for_ctrl_c();
    let fail = |step: &Step, error: Failure| {
        anyhow!(
            "step {} failed: {error}\nwhat came before it is applied; run it again to go on from here",
            step.name
        )
    };
    let mut record = Record::load(kubectl).map_err(|error| anyhow!("{error}"))?;
    for (step, open) in steps.iter().zip(open) {
        if !open {
            continue;
        }
        if let Ok(mut running) = running.lock() {
            *running = Some(step.name);
        }
        let result = execute(kubectl, step, force, &mut record);
        // What was done is recorded even where the rest of the step was not.
        record.save(kubectl).map_err(|error| anyhow!("the record cannot be written: {error}"))?;
        let done = result.map_err(|error| fail(step, error))?;
        let _ = writeln!(stderr, "✔ {}", step.name);
        for line in &done.lines {
            let _ = writeln!(stderr, "    {line}");
        }
        if done.client_side {
            let _ = writeln!(
                stderr,
                "    (this Kubernetes is older than 1.21, so it was applied on the client's side)"
            );
        }
    }
    Ok(())
}

/// Lets Ctrl-C say where it stopped and how to go on. The cluster's record names all that was begun.
fn watch_for_ctrl_c() -> Arc<Mutex<Option<&'static str>>> {
    let running = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&running);
    let set = ctrlc::set_handler(move || {
        let step = seen.lock().ok().and_then(|step| *step).unwrap_or("plan");
        let _ = writeln!(
            io::stderr(),
            "\ninterrupted in step {step}; what came before it is applied. Run it again to go on from here, or \
             `meshobs uninstall` to undo it"
        );
        std::process::exit(INTERRUPTED);
    });
    // Another handler can only be one of ours.
    drop(set);
    running
}

/// Waits until every workload has rolled out.
fn rollouts(kubectl: &Kubectl, steps: &[Step], timeout: &str) -> anyhow::Result<()> {
    let mut stderr = io::stderr();
    let live = stderr.is_terminal();
    for step in steps {
        let Action::Apply(text) = &step.action else { continue };
        for (kind, namespace, name) in names(text) {
            let short = kind.split('.').next().unwrap_or_default().to_lowercase();
            if !matches!(short.as_str(), "deployment" | "daemonset" | "statefulset") {
                continue;
            }
            let what = format!("{short}/{name}");
            let bar = indicatif::ProgressBar::new_spinner();
            if live {
                bar.set_message(format!("{what} rolls out"));
                bar.enable_steady_tick(std::time::Duration::from_millis(200));
            } else {
                bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
            }
            let result =
                plain(kubectl, &["rollout", "status", &what, "-n", &namespace, "--timeout", timeout]);
            bar.finish_and_clear();
            if let Err(error) = result {
                let cause = check::cause(&kubectl.world()?, &short, &namespace, &name);
                bail!(
                    "{what} in {namespace} did not roll out{cause}: {}\nrun it again to go on from here",
                    error.message
                );
            }
            let _ = writeln!(stderr, "✔ {what} in {namespace} has rolled out");
        }
    }
    Ok(())
}

/// Where to look now.
fn farewell(world: &check::World, rum: bool) {
    let mut stderr = io::stderr();
    let gateway = world.get("", "Service", "istio-system", "istio-ingressgateway");
    if let Some(gateway) = gateway {
        let host = ["ip", "hostname"]
            .into_iter()
            .map(|key| gateway.text(&["status", "loadBalancer", "ingress", "0", key]))
            .find(|host| !host.is_empty());
        let ports = gateway.at(&["spec", "ports"]).as_array().cloned().unwrap_or_default();
        let http = ports.iter().find(|port| port.get("port").and_then(serde_json::Value::as_u64) == Some(80));
        let node_port = http.and_then(|port| port.get("nodePort")).and_then(serde_json::Value::as_u64);
        let node = world.of("", "Node").find_map(|node| {
            let addresses = node.at(&["status", "addresses"]).as_array()?.clone();
            let internal =
                addresses.iter().find(|address| address.get("type").is_some_and(|kind| kind == "InternalIP"));
            internal?.get("address")?.as_str().map(str::to_owned)
        });
        match (host, node_port, node) {
            (Some(host), ..) => drop(writeln!(stderr, "page: http://{host}/productpage")),
            (None, Some(port), Some(node)) => {
                drop(writeln!(stderr, "page: http://{node}:{port}/productpage"))
            }
            _ => {}
        }
    }
    let _ = writeln!(
        stderr,
        "in the console: measurement istio_prom, traces of the services{}",
        if rum { ", the RUM application" } else { "" }
    );
}
