//! `meshobs init datakit`: a whole datakit.yaml, from the template or from the user's own file.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;

use super::super::DONE;
use super::super::settings::SettingsArgs;
use super::from::{self, DiffArgs, Source};
use crate::config::{DatakitOptions, Options, Settings, TOKEN_VARIABLE};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::facts::datakit::ENV_DATAWAY;
use crate::gate;
use crate::generate::datakit::TEMPLATE;
use crate::kube::{Item, items};
use crate::mesh::daemon::Daemon;
use crate::rule::datakit::dataway::{self, State};
use crate::rule::{Datakit, DatakitSettings};
use crate::secret::Token;
use crate::stdio;
use crate::yaml::{Document, DocumentReader};

/// Arguments of `init datakit`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
The token comes from --token, --token-file, or the variable MESHOBS_TOKEN. --token without a value asks for it \
without showing it, or reads one line of stdin where that is no terminal.

--from edits a file of yours, as `meshobs patch --only datakit` does: every other byte of it stays.

Examples:
  meshobs init datakit --token tkn_... | kubectl apply -f -
  meshobs init datakit --token --from datakit.yaml --diff
  meshobs init datakit --token-file token --from datakit.yaml --cluster-name prod --gateways -o datakit-prod.yaml")]
pub struct DatakitArgs {
    /// DataKit's token; without a value it is asked for
    #[arg(long, value_name = "TOKEN", num_args = 0..=1, default_missing_value = "", conflicts_with = "token_file")]
    token: Option<String>,
    /// Edit this file instead of the built-in template; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "template")]
    from: Option<PathBuf>,
    #[command(flatten)]
    datakit: DatakitOptions,
    /// Let DataKit take what browsers send (RUM)
    #[arg(long, help_heading = "DataKit")]
    rum: bool,
    /// Variable of DataKit's environment to set (repeatable)
    #[arg(long, value_name = "NAME=VALUE", help_heading = "DataKit")]
    env: Vec<String>,
    /// Image of DataKit
    #[arg(long, value_name = "IMAGE", env = "MESHOBS_DATAKIT_IMAGE", help_heading = "DataKit")]
    image: Option<String>,
    /// Namespace to put DataKit into [default: the file's]
    #[arg(long, value_name = "NAME", env = "MESHOBS_DATAKIT_NAMESPACE", help_heading = "DataKit")]
    datakit_namespace: Option<String>,
    /// Namespace of the applications, for --collector kubernetesprometheus [default: prod]
    #[arg(long, value_name = "NAME", env = "MESHOBS_NAMESPACE")]
    namespace: Option<String>,
    /// Namespace of istiod [default: istio-system]
    #[arg(long, value_name = "NAME", env = "MESHOBS_ISTIO_NAMESPACE")]
    istio_namespace: Option<String>,
    /// Revision of istiod
    #[arg(long, value_name = "REVISION", env = "MESHOBS_REVISION")]
    revision: Option<String>,
    /// Replace values that are there and differ
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    diff: DiffArgs,
    /// No report on stderr; errors are still printed
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    printed: super::Printed,
}

/// Prints the manifests.
pub fn run(mut args: DatakitArgs) -> anyhow::Result<u8> {
    let mut settings = settings(&mut args)?;
    if args.token.as_deref() == Some("") && args.from.as_ref().is_some_and(|from| from.as_os_str() == "-") {
        bail!(
            "stdin cannot be both the manifest (--from -) and the token (--token); use --token-file or {TOKEN_VARIABLE}"
        );
    }
    if args.token.as_deref() == Some("")
        && let Some(message) = stdio::stdin_refusal("write to another file")
    {
        bail!("<stdin>: {message}");
    }
    let source = match &args.from {
        Some(path) => Source::read(path)?,
        None => {
            let template = args.printed.template(TEMPLATE)?;
            let named = args.printed.template.is_some();
            Source { name: template.name, named, bytes: template.text.into_bytes() }
        }
    };
    let needs_token = look(&source, &settings)?;
    settings.token = token(&args, settings.token.take(), needs_token)?;
    settings.checksum = args.from.is_none();
    let edited = from::edit(source, Box::new(Datakit(settings)), args.overwrite, args.diff.style())?;
    super::write(&edited.text, args.printed.output.as_deref())?;
    if !args.quiet {
        // Of the built-in template there is nothing to tell but what is wrong.
        if args.from.is_some() || edited.remarkable {
            gate::print_line(&edited.report);
        }
        super::super::warn_masked(edited.masked);
    }
    Ok(DONE)
}

fn settings(args: &mut DatakitArgs) -> anyhow::Result<DatakitSettings> {
    let mut flags = Options { datakit: std::mem::take(&mut args.datakit), ..Options::default() };
    flags.datakit.rum = args.rum;
    flags.datakit.image = args.image.take();
    flags.namespace.name = args.namespace.take();
    flags.tracing.istio_namespace = args.istio_namespace.take();
    flags.tracing.revision = args.revision.take();
    let mut options = args.settings.load(flags)?;
    if !args.env.is_empty() {
        let env = options.datakit.env.get_or_insert_default();
        for pair in &args.env {
            let (name, value) = pair
                .split_once('=')
                .with_context(|| format!("invalid variable `{pair}` (--env): write NAME=VALUE"))?;
            env.insert(name.to_owned(), toml::Value::String(value.to_owned()));
        }
    }
    if args.token.is_some() {
        // It goes before the file's and the environment's, also where those could not be used.
        options.datakit.token_file = None;
    }
    let Settings { mut datakit, .. } = options.settings().map_err(|message| anyhow!(message))?;
    if let Some(name) = &args.datakit_namespace {
        super::check_name(name, "--datakit-namespace")?;
    }
    // No other rule runs here that would put resources into a namespace.
    datakit.default_namespace = None;
    datakit.replaced = None;
    datakit.move_to.clone_from(&args.datakit_namespace);
    Ok(datakit)
}

/// Looks for the DaemonSet, and whether it lacks a token. What cannot be read is complained about later.
fn look(source: &Source, settings: &DatakitSettings) -> anyhow::Result<bool> {
    let text = source.text();
    let mut documents = DocumentReader::with_size_hint(text.as_bytes(), text.len());
    let mut needs_token = None;
    loop {
        let chunk = match documents.next_document() {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(_) => return Ok(false),
        };
        let Ok(doc) = Document::parse(chunk.text) else { return Ok(false) };
        if doc.refuse_template().is_err() {
            return Ok(false);
        }
        for item in doc.roots().flat_map(|root| items(&doc, root)) {
            let Item::Resource(resource) = item else { continue };
            let Some(daemon) = Daemon::find(&doc, &resource) else { continue };
            let var = daemon.env(ENV_DATAWAY);
            let value = var.as_ref().map(|var| var.text.as_str()).unwrap_or_default();
            let filled = dataway::state(value) == State::Filled;
            needs_token = Some(!filled && var.is_none_or(|var| var.from.is_none()));
        }
    }
    let given = settings.dataway.iter().any(|url| dataway::state(url) == State::Filled);
    match needs_token {
        Some(needs) => Ok(needs && !given),
        None => {
            let message =
                "no DaemonSet that runs DataKit; give DataKit's own manifest, with an image called `datakit`";
            Err(Diagnostics::from(Diagnostic::whole(&source.name, message)).into())
        }
    }
}

/// The token: as given, as asked for, or of file and environment.
fn token(args: &DatakitArgs, known: Option<Token>, needed: bool) -> anyhow::Result<Option<Token>> {
    let check = |text: &str| Token::parse(text).map(Some).map_err(|message| anyhow!("{message} (--token)"));
    match args.token.as_deref() {
        Some("") if io::stdin().is_terminal() => check(&ask()?),
        Some("") => {
            let mut line = String::new();
            io::stdin().read_line(&mut line).context("cannot read the token from stdin")?;
            check(&line)
        }
        Some(text) => check(text),
        None if known.is_some() || !needed => Ok(known),
        None if from::is_interactive() => check(&ask()?),
        None => bail!("no token for DataKit; pass --token-file FILE, set {TOKEN_VARIABLE}, or pass --token"),
    }
}

pub(in crate::cli) fn ask() -> anyhow::Result<String> {
    let prompt = dialoguer::Password::new().with_prompt("DataKit token");
    let valid = |text: &String| Token::parse(text).map(|_| ());
    prompt.validate_with(valid).interact().context("cannot ask for the token; use --token-file")
}
