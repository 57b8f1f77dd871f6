//! `meshobs init rum`: browser monitoring in an application's page, and the ways to bring that page into the cluster.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};

use super::super::settings::SettingsArgs;
use super::super::{DONE, print};
use super::csp::CspArgs;
use super::from::Source;
use crate::config::{Options, PageOptions};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::facts::datakit::PORT;
use crate::facts::rum::{BadOrigin, bad_origin, trace_headers};
use crate::gate::{self, Text, Word, text};
use crate::generate::page::config_map;
use crate::page::bookinfo::{FILE, Generation, PATH};
use crate::page::{self, Edited, How, PageError, Snippet, Target, dockerfile};

/// What kubectl can note of an object when it applies it, in bytes.
const APPLY_LIMIT: usize = 256 << 10;

/// How the page reaches the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// A folder to build an image from (-o DIR): page and Dockerfile
    Image,
    /// A ConfigMap with the page, to be mounted by `patch --rum-mode configmap`: nothing to build
    Configmap,
}

/// Arguments of `init rum`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Without --mode the page itself is printed. Running it twice changes nothing; a page that has the SDK by another hand is \
left alone and told.

Examples:
  meshobs init rum --html productpage.html --app-id shop --datakit-origin http://203.0.113.7:9529 > new.html
  meshobs init rum --html productpage.html --app-id shop --datakit-origin / --mode configmap | kubectl apply -f -
  meshobs patch --rum-mode configmap bookinfo.yaml | kubectl apply -f -
  meshobs init rum --html productpage.html --app-id shop --datakit-origin / --mode image -o build/")]
pub struct RumArgs {
    /// The page: an HTML file or a Jinja template; `-` is stdin
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
    #[command(flatten)]
    page: PageOptions,
    #[command(flatten)]
    csp: CspArgs,
    /// Replace a snippet of ours that says something else
    #[arg(long)]
    overwrite: bool,
    /// Take a part of a page, without a head, for a page
    #[arg(long, conflicts_with = "remove")]
    fragment: bool,
    /// Take our snippet out again; every byte is as it was before
    #[arg(long, conflicts_with_all = ["mode", "overwrite"])]
    remove: bool,

    /// How the page reaches the cluster [default: print the page]
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<Mode>,
    /// Write to a file in place of one that is there; with --mode image a folder
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Image to derive from, with --mode image [default: the published one that the page fits]
    #[arg(long, value_name = "IMAGE", env = "MESHOBS_BASE_IMAGE", conflicts_with = "dockerfile")]
    base_image: Option<String>,
    /// Dockerfile to adapt instead, with --mode image
    #[arg(long, value_name = "FILE")]
    dockerfile: Option<PathBuf>,
    /// Name of the new image, as `patch` puts it in [default: product-page:v1]
    #[arg(long, value_name = "IMAGE", env = "MESHOBS_RUM_IMAGE")]
    rum_image: Option<String>,
    /// Registry and project to push the image to
    #[arg(long, value_name = "REGISTRY/PROJECT")]
    push: Option<String>,
    /// Name of the ConfigMap, as `patch` mounts it [default: productpage-rum]
    #[arg(long, value_name = "NAME", env = "MESHOBS_RUM_CONFIG_MAP")]
    rum_config_map: Option<String>,
    /// Namespace of the ConfigMap [default: prod]
    #[arg(short, long, value_name = "NAME", env = "MESHOBS_NAMESPACE")]
    namespace: Option<String>,

    /// No report on stderr; errors are still printed
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Runs the command.
pub fn run(mut args: RumArgs) -> anyhow::Result<u8> {
    check_mode(&args)?;
    let source = Source::read(&args.html)?;
    let mut said = Vec::new();
    if args.remove {
        let page = match page::remove(&source.bytes).map_err(|error| explain(&source, &error))? {
            Edited::Removed(page, kept) => {
                if kept > 0 {
                    said.push(text!(
                        "{}: a Content-Security-Policy that was extended for it has been changed since, and is left as it is",
                        source.name
                    ));
                }
                page
            }
            _ => {
                said.push(text!("{}: no snippet of ours in it, left as it is", source.name));
                source.bytes.clone()
            }
        };
        write(&page, args.output.as_deref())?;
        return finish(&args, &said);
    }
    let (options, page_options) = options(&mut args)?;
    let snippet = page_options.snippet().map_err(|message| anyhow!(message))?;
    let settings = options.settings().map_err(|message| anyhow!(message))?;
    let how = How { overwrite: args.overwrite, takes_fragments: args.fragment };
    let edited = page::insert(&source.bytes, &snippet, how).map_err(|error| explain(&source, &error))?;
    let foreign = matches!(edited, Edited::Foreign(_));
    let mut page = tell(edited, &source, &mut said);
    if !foreign {
        if let Some(at) = page::foreign(&source.bytes) {
            said.push(text!(
                "warning: {}: the page loads the SDK a second time, by a snippet that is not from meshobs; remove that one, or \
                 ours with --remove",
                spot(&source, at)
            ));
        }
        page = args.csp.admit(&source, page, &mut said)?;
        advise(&snippet, &page, &mut said);
    }
    match args.mode {
        None => write(&page, args.output.as_deref())?,
        Some(Mode::Configmap) => {
            let text = config_map(&page, &source.name, &settings.rum.config_map, &settings.namespace.name)?;
            super::write(&text, args.output.as_deref())?;
            if text.len() > APPLY_LIMIT {
                said.push(text!(
                    "it is too large for a plain `kubectl apply`; use `kubectl apply --server-side`"
                ));
            }
            said.push(text!(
                "then mount it: `meshobs patch --rum-mode configmap{}`; running pods see a new page when they restart",
                if args.rum_config_map.is_some() {
                    text!(" --rum-config-map {}", Word(&settings.rum.config_map))
                } else {
                    Text::default()
                }
            ));
        }
        Some(Mode::Image) => image(&args, &page, &settings.rum.image, &source.name)?,
    }
    finish(&args, &said)
}

/// Refuses flags that the mode has no use for; variables are for all runs.
fn check_mode(args: &RumArgs) -> anyhow::Result<()> {
    if args.remove && args.csp.given() {
        bail!(
            "--csp, --csp-edit and --allow-blocked are for putting the snippet in; leave them out with --remove"
        );
    }
    let given =
        |value: &Option<String>, variable: &str| value.is_some() && std::env::var(variable).ok() != *value;
    let flags = [
        ("--base-image", Mode::Image, given(&args.base_image, "MESHOBS_BASE_IMAGE")),
        ("--dockerfile", Mode::Image, args.dockerfile.is_some()),
        ("--rum-image", Mode::Image, given(&args.rum_image, "MESHOBS_RUM_IMAGE")),
        ("--push", Mode::Image, args.push.is_some()),
        ("--rum-config-map", Mode::Configmap, given(&args.rum_config_map, "MESHOBS_RUM_CONFIG_MAP")),
        ("--namespace", Mode::Configmap, given(&args.namespace, "MESHOBS_NAMESPACE")),
    ];
    match flags.into_iter().find(|(_, mode, given)| *given && args.mode != Some(*mode)) {
        Some((flag, Mode::Image, _)) => bail!("{flag} is for --mode image"),
        Some((flag, Mode::Configmap, _)) => bail!("{flag} is for --mode configmap"),
        None => Ok(()),
    }
}

fn finish(args: &RumArgs, said: &[Text]) -> anyhow::Result<u8> {
    if !args.quiet {
        said.iter().for_each(gate::print_line);
    }
    Ok(DONE)
}

/// The settings: flags before the file.
fn options(args: &mut RumArgs) -> anyhow::Result<(Options, PageOptions)> {
    let mut flags = Options::default();
    flags.rum.page = std::mem::take(&mut args.page);
    flags.rum.image.clone_from(&args.rum_image);
    flags.rum.config_map.clone_from(&args.rum_config_map);
    flags.namespace.name.clone_from(&args.namespace);
    let mut options = args.settings.load(flags)?;
    let page = std::mem::take(&mut options.rum.page);
    Ok((options, page))
}

/// A place in a page. It may be in another encoding, so bytes are counted.
fn spot(source: &Source, at: usize) -> String {
    let head = source.bytes.get(..at).unwrap_or_default();
    let line = memchr::memchr_iter(b'\n', head).count() + 1;
    let column = head.len() - memchr::memrchr(b'\n', head).map_or(0, |at| at + 1) + 1;
    format!("{}:{line}:{column}", source.name)
}

/// What came of the page, as lines for people.
fn tell(edited: Edited, source: &Source, said: &mut Vec<Text>) -> Vec<u8> {
    let old = || source.bytes.clone();
    let spot = |at| spot(source, at);
    match edited {
        Edited::Inserted(page, at) => {
            said.push(text!("{}: browser monitoring added", spot(at)));
            page
        }
        Edited::Replaced(page) => {
            said.push(text!("{}: browser monitoring replaced", source.name));
            page
        }
        Edited::Same => {
            said.push(text!("{}: unchanged", source.name));
            old()
        }
        Edited::Differs(at) => {
            said.push(text!("{}: a snippet of ours with other values kept, see --overwrite", spot(at)));
            old()
        }
        Edited::Foreign(at) => {
            said.push(text!(
                "{}: the SDK is in this page by another hand, left as it is; take it out for ours to go in",
                spot(at)
            ));
            old()
        }
        Edited::ByHand(at) => {
            said.push(text!(
                "{}: our snippet was edited by hand here and is kept; --overwrite replaces it, edit and all",
                spot(at)
            ));
            old()
        }
        Edited::Removed(page, _) => page,
        Edited::Nothing => old(),
    }
}

/// What else has to be so for data to arrive.
fn advise(snippet: &Snippet, page: &[u8], said: &mut Vec<Text>) {
    let Target::Datakit(origin) = &snippet.target else { return };
    said.push(text!("DataKit needs `rum` among its inputs: `meshobs init datakit --rum`, or `meshobs patch --enable-inputs rum`"));
    if let Some(bad) = bad_origin(origin) {
        said.push(text!("warning: {}; {}", bad.explain(origin), better(&bad, origin)));
    }
    if let Some(other) =
        snippet.tracing_urls.iter().find(|url| !url.starts_with(origin.as_str()) || origin == "/")
    {
        said.push(text!(
            "note: requests to {} carry trace headers, which a server on another origin has to allow \
             (Access-Control-Allow-Headers: {}); browsers block them otherwise. The page's own requests are traced if its \
             origin is listed, too",
            other,
            trace_headers(&snippet.trace_type)
        ));
    }
    if origin.starts_with("http://") {
        let https = snippet.tracing_urls.iter().any(|url| url.starts_with("https://")) || tells_https(page);
        said.push(if https {
            text!("warning: this page is served by https, and browsers let it send nothing to a http origin; give an https \
             --datakit-origin, or `/` with `init nginx --rum-proxy`")
        } else {
            text!("note: where the page is served by https, browsers let it send nothing to a http origin")
        });
    }
    if origin == "/" {
        said.push(text!(
            "the page's own origin has to pass /v1/write/rum on to DataKit: `meshobs init nginx --rum-proxy`"
        ));
    }
}

/// What to give instead of an origin that browsers do not reach.
fn better(bad: &BadOrigin, origin: &str) -> Text {
    match bad {
        BadOrigin::NoPort => text!(
            "give `--datakit-origin {}:{}`, unless something forwards to it",
            origin.trim_end_matches('/'),
            PORT
        ),
        BadOrigin::NearPort(port) => {
            let right = format!(":{PORT}");
            text!(
                "give `--datakit-origin {}`, if that was meant",
                origin.replace(&format!(":{port}"), &right)
            )
        }
        _ => text!(
            "give the address at which browsers reach DataKit, as in `--datakit-origin http://203.0.113.7:{}`, or `/` with \
             `init nginx --rum-proxy`",
            PORT
        ),
    }
}

/// Whether a page names its own address, with https.
fn tells_https(page: &[u8]) -> bool {
    let text = String::from_utf8_lossy(page).to_ascii_lowercase();
    let tags = text
        .split('<')
        .filter(|tag| tag.starts_with("base ") || tag.contains("canonical") || tag.contains("og:url"));
    tags.into_iter().any(|tag| tag.split('>').next().unwrap_or("").contains("https://"))
}

/// An error about the page, with its place.
fn explain(source: &Source, error: &PageError) -> anyhow::Error {
    let text = source.text();
    let spot = |at, message: &str| Diagnostic::spot(&source.name, &text, 0, at, message);
    let diagnostic = match error {
        PageError::Binary(at) => {
            let message = format!("there is a NUL byte at offset {at}, so it is no page; give the HTML file");
            Diagnostic::whole(&source.name, message)
        }
        PageError::NotHtml => Diagnostic::whole(
            &source.name,
            "no HTML in it, so there is no place where a script may go; give the application's page",
        ),
        PageError::Extends(at) => spot(
            *at,
            "this page extends another one and fills no block `metas` or `head` of it, so there is no place where a \
             script may go; give the page it extends, or add such a block",
        ),
        PageError::Conditional(at) => spot(
            *at,
            "all of this page stands inside of a condition, so no place in it is always rendered; give the pages one by one",
        ),
        PageError::Fragment(layout) => Diagnostic::whole(&source.name, fragment(layout.as_deref())),
        PageError::Replaced(at) => spot(
            *at,
            "this head is replaced by the one that its th: attribute names, so nothing in it is served; give that template",
        ),
        PageError::Component => Diagnostic::whole(
            &source.name,
            "a source file of JavaScript, not a page; give the HTML file that loads it (index.html), or call \
             DATAFLUX_RUM.init in its code",
        ),
        PageError::Marks(at) => {
            spot(*at, "this mark of a snippet of ours has no counterpart, or stands twice; mend that first")
        }
        PageError::Twice(at) => spot(
            *at,
            "a second snippet from meshobs in one page, so the SDK would be started twice; remove one, marks included",
        ),
    };
    Diagnostics::from(diagnostic).into()
}

/// Why a part of a page is refused.
fn fragment(layout: Option<&str>) -> String {
    let parent = match layout {
        Some(layout) => format!("front matter puts it into the layout `{layout}`; give that file"),
        None => "give the page that includes it".to_owned(),
    };
    format!(
        "a part of a page: it has neither a doctype nor <html>, <head>, <title> or <meta>, so it does not render the head; \
         {parent}, or pass --fragment if it is served as it is"
    )
}

/// A page with the snippet in it; one of ours that says something else is replaced.
pub(in crate::cli) fn with_snippet(source: &Source, snippet: &Snippet) -> anyhow::Result<Vec<u8>> {
    let how = How { overwrite: true, ..How::default() };
    let page = match page::insert(&source.bytes, snippet, how).map_err(|error| explain(source, &error))? {
        Edited::Inserted(page, _) | Edited::Replaced(page) => page,
        _ => source.bytes.clone(),
    };
    CspArgs::default().admit(source, page, &mut Vec::new())
}

/// Writes bytes as they are.
fn write(page: &[u8], output: Option<&Path>) -> anyhow::Result<()> {
    match output {
        Some(path) => super::write_bytes(page, path),
        None => print(page),
    }
}

/// Writes the folder and prints how to build from it.
fn image(args: &RumArgs, page: &[u8], name: &str, source: &str) -> anyhow::Result<()> {
    let Some(folder) = &args.output else {
        bail!("--mode image writes a folder; name it with -o DIR");
    };
    let file = match &args.dockerfile {
        Some(path) => {
            let given = Source::file(path)?;
            let Ok(text) = std::str::from_utf8(&given.bytes) else {
                bail!("{}: not UTF-8, so no Dockerfile", given.name);
            };
            let adapted =
                dockerfile::adapted(text).map_err(|message| anyhow!("{}: {message}", given.name))?;
            adapted.unwrap_or_else(|| text.to_owned())
        }
        None => dockerfile::derived(&base_image(args, page, source)?),
    };
    let target = folder.join("Dockerfile");
    if let Ok(old) = fs::read(&target)
        && old != file.as_bytes()
        && args.dockerfile.is_none()
        && !args.overwrite
    {
        bail!(
            "{}: is there and says something else; pass --overwrite, or --dockerfile to adapt it",
            target.display()
        );
    }
    if folder.is_file() {
        bail!("{}: is a file; --mode image writes a folder", folder.display());
    }
    fs::create_dir_all(folder).map_err(|error| anyhow!("{}: {error}", folder.display()))?;
    super::write_bytes(page, &folder.join(FILE))?;
    readable(&folder.join(FILE))?;
    super::write_bytes(file.as_bytes(), &folder.join("Dockerfile"))?;
    let folder = folder.display().to_string();
    let folder = if folder.starts_with('-') { format!("./{folder}") } else { folder };
    let folder = Word(folder);
    let text = match &args.push {
        Some(registry) => {
            let registry = registry.trim_end_matches('/');
            // The registry is the new one's, and a digest can only be told once it is built.
            let last = name.rsplit('/').next().unwrap_or(name).split('@').next().unwrap_or(name);
            let image = format!("{registry}/{last}");
            if !crate::kube::ImageRef::is_valid(&image) {
                bail!("invalid registry `{registry}` (--push): write REGISTRY/PROJECT, in lower case");
            }
            let image = Word(image);
            text!(
                "# build and push\ndocker build -t {} {}\ndocker push {}\n\
                 # then\nmeshobs patch --rum-image {} bookinfo.yaml\n",
                image,
                folder,
                image,
                image
            )
        }
        None => {
            let name = Word(name);
            let build = text!("docker build -t {} {}", name, folder);
            text!(
                "# minikube\neval $(minikube docker-env)\n{}\n\
                 # kind\n{}\nkind load docker-image {}\n\
                 # Docker\n{}\n\
                 # a registry: pass --push REGISTRY/PROJECT\n",
                build,
                build,
                name,
                build
            )
        }
    };
    print(text.to_string().as_bytes())
}

/// Lets every user read a file: the image keeps its mode, and the application is not root there.
#[cfg(unix)]
fn readable(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
        .map_err(|error| anyhow!("{}: {error}", path.display()))
}

#[cfg(not(unix))]
fn readable(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

fn base_image(args: &RumArgs, page: &[u8], source: &str) -> anyhow::Result<String> {
    // As it was before our snippet.
    let bare = match page::remove(page) {
        Ok(Edited::Removed(bare, _)) => bare,
        _ => page.to_vec(),
    };
    let generation = Generation::of(&bare);
    match (&args.base_image, generation) {
        (Some(image), generation) => {
            if !crate::kube::ImageRef::is_valid(image) {
                bail!("invalid image `{image}` (--base-image): write [registry[:port]/]name[:tag]");
            }
            if let Some(generation) = generation.filter(|generation| !generation.fits(image)) {
                bail!(
                    "{source} does not fit `{image}` (--base-image): page and image must be of one generation; this page \
                     goes with {}",
                    generation.image()
                );
            }
            Ok(image.clone())
        }
        (None, Some(generation)) => Ok(generation.image().to_owned()),
        (None, None) => bail!(
            "{source} is not bookinfo's productpage, so the image it belongs to is not known; pass --base-image (the page \
             goes to {PATH}), or --dockerfile"
        ),
    }
}
