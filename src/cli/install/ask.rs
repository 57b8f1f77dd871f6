//! What a person is asked for: only what is missing, each with a default, and the token without showing it. Answers but the
//! token can be kept in `meshobs.toml`.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use dialoguer::{Confirm, Input};

use super::cluster::Found;
use crate::address;
use crate::config::{FILE, Options, Part, Parts, is_dns_label};
use crate::facts;
use crate::gate::{Text, say, text};
use crate::kube::Inventory;

/// Where DataKit listens on its node.
const PORT: u16 = 9529;

/// What was answered.
#[derive(Default)]
pub(super) struct Answers {
    pub namespace: Option<String>,
    pub manifests: Option<Vec<PathBuf>>,
    pub app_id: Option<String>,
    pub origin: Option<String>,
    pub html: Option<PathBuf>,
}

/// Asks for what the options do not say.
pub(super) fn questions(options: &Options, found: &Found, parts: Parts) -> anyhow::Result<Answers> {
    let mut answers = Answers::default();
    let has_home = [Part::Namespace, Part::Rum, Part::App].iter().any(|part| parts.has(*part));
    if options.namespace.name.is_none() && has_home {
        let default = labelled(&found.world).unwrap_or("prod").to_owned();
        let valid = |name: &String| match is_dns_label(name) {
            true => Ok(()),
            false => Err("lower-case letters, digits and `-`"),
        };
        let prompt = Input::new().with_prompt("Namespace of the application").default(default);
        answers.namespace = Some(said(prompt.validate_with(valid).interact_text())?);
    }
    if options.install.manifests.as_ref().is_none_or(Vec::is_empty) && parts.has(Part::App) {
        let valid = |text: &String| match files(text).iter().find(|path| !path.exists()) {
            Some(path) => Err(text!("{}: no such file", path)),
            None => Ok(()),
        };
        let prompt =
            Input::new().with_prompt("Manifests of the application (files or directories, empty for none)");
        let text: String = said(prompt.allow_empty(true).validate_with(valid).interact_text())?;
        answers.manifests = Some(files(&text)).filter(|files| !files.is_empty());
    }
    if parts.has(Part::Rum) {
        rum(options, found, &mut answers)?;
    }
    Ok(answers)
}

/// Browser monitoring: the application's id, where browsers send to, and the page.
fn rum(options: &Options, found: &Found, answers: &mut Answers) -> anyhow::Result<()> {
    let page = &options.rum.page;
    if page.app_id.is_none() {
        let prompt = Input::new().with_prompt("Browser monitoring: id of the application (empty for none)");
        let text: String = said(prompt.allow_empty(true).interact_text())?;
        answers.app_id = Some(text.trim().to_owned()).filter(|id| !id.is_empty());
    }
    if page.app_id.is_none() && answers.app_id.is_none() {
        return Ok(());
    }
    if page.datakit_origin.is_none() && page.site.is_none() {
        let default = node_address(&found.world).map(|host| format!("http://{host}:{PORT}"));
        // The prompt shows it.
        let reaches = |origin: &String| {
            address::check_origin(origin).is_ok() && facts::rum::bad_origin(origin).is_none()
        };
        let default = default.filter(reaches);
        let valid = |text: &String| match text.as_str() {
            "/" => Ok(()),
            text => address::check_origin(text).map_err(|error| text!("{}", error.to_string())),
        };
        let mut prompt = Input::new().with_prompt("DataKit as browsers reach it (scheme://host:port, or /)");
        if let Some(default) = default {
            prompt = prompt.default(default);
        }
        answers.origin = Some(said(prompt.validate_with(valid).interact_text())?);
    }
    if options.install.html.is_none() {
        let valid = |text: &String| match Path::new(text).is_file() {
            true => Ok(()),
            false => Err("no such file"),
        };
        let prompt = Input::new().with_prompt("The page (an HTML file)");
        answers.html = Some(PathBuf::from(said::<String>(prompt.validate_with(valid).interact_text())?));
    }
    Ok(())
}

/// The only namespace whose pods get sidecars already, if there is one.
fn labelled(world: &Inventory) -> Option<&str> {
    let mut found = world.of("", "Namespace").filter(|namespace| {
        namespace.label(facts::istio::INJECTION_LABEL) == "enabled"
            && namespace.name() != facts::istio::NAMESPACE
            && is_dns_label(namespace.name())
    });
    let first = found.next()?;
    found.next().is_none().then_some(first.name())
}

/// The address of a node.
pub(super) fn node_address(world: &Inventory) -> Option<String> {
    let addresses = world.of("", "Node").map(|node| node.at(&["status", "addresses"]));
    let addresses = addresses.into_iter().find(|addresses| addresses.is_sequence())?;
    let of = |kind: &str| {
        let found = addresses.items().find(|address| address.get("type").is(kind));
        found.and_then(|address| address.get("address").scalar())
    };
    let address = of("ExternalIP").or_else(|| of("InternalIP"))?;
    Some(if address.contains(':') { format!("[{address}]") } else { address.into_owned() })
}

fn files(text: &str) -> Vec<PathBuf> {
    text.split_whitespace().map(PathBuf::from).collect()
}

/// An answer; who breaks off is told that nothing was done.
fn said<T>(answer: dialoguer::Result<T>) -> anyhow::Result<T> {
    match answer {
        Ok(answer) => Ok(answer),
        // The signal says what is to be said.
        Err(dialoguer::Error::IO(error)) if error.kind() == io::ErrorKind::Interrupted => {
            std::thread::sleep(std::time::Duration::from_secs(1));
            bail!("interrupted; nothing was done")
        }
        Err(error) => Err(anyhow!("cannot ask: {error}")),
    }
}

/// Asks for leave.
pub(in crate::cli) fn confirm(prompt: &Text, default: bool) -> anyhow::Result<bool> {
    // An answer ends with Enter: one typed behind a bare `n` would take the next question's default.
    said(Confirm::new().with_prompt(prompt.to_string()).default(default).wait_for_newline(true).interact())
}

impl Answers {
    /// Puts the answers in where the options say nothing.
    pub(super) fn fill(&self, options: &mut Options) {
        let page = &mut options.rum.page;
        page.app_id = page.app_id.take().or_else(|| self.app_id.clone());
        page.datakit_origin = page.datakit_origin.take().or_else(|| self.origin.clone());
        options.namespace.name = options.namespace.name.take().or_else(|| self.namespace.clone());
        let install = &mut options.install;
        install.html = install.html.take().or_else(|| self.html.clone());
        if self.manifests.is_some() {
            install.manifests.clone_from(&self.manifests);
        }
    }

    /// Offers to keep the answers in a file, whose other text stays as it is.
    pub(super) fn offer_to_save(&self, file: Option<&Path>) -> anyhow::Result<()> {
        let path = file.unwrap_or(Path::new(FILE));
        let prompt = text!("Keep these answers in {} (the token is not among them)?", path);
        if !confirm(&prompt, false)? {
            return Ok(());
        }
        self.save(path)?;
        say!("{} holds the answers now", path);
        Ok(())
    }

    fn save(&self, path: &Path) -> anyhow::Result<()> {
        let old = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => bail!("{}: {error}", path.display()),
        };
        let mut doc: toml_edit::DocumentMut =
            old.parse().map_err(|error| anyhow!("{}: {error}", path.display()))?;
        let path_text = |path: &PathBuf| path.to_string_lossy().into_owned();
        let mut set = |keys: &[&str], value: Option<toml_edit::Value>| {
            let (Some(value), Some((last, tables))) = (value, keys.split_last()) else { return Some(()) };
            let mut table = doc.as_table_mut();
            for key in tables {
                let entry = table.entry(key).or_insert_with(|| {
                    let mut new = toml_edit::Table::new();
                    // A table that holds only tables needs no line of its own.
                    new.set_implicit(true);
                    toml_edit::Item::Table(new)
                });
                table = entry.as_table_mut()?;
            }
            table.insert(last, toml_edit::Item::Value(value));
            Some(())
        };
        let manifests: Option<toml_edit::Array> =
            self.manifests.as_ref().map(|paths| paths.iter().map(path_text).collect());
        let done = set(&["namespace", "name"], self.namespace.clone().map(Into::into))
            .and_then(|()| set(&["rum", "page", "app_id"], self.app_id.clone().map(Into::into)))
            .and_then(|()| set(&["rum", "page", "datakit_origin"], self.origin.clone().map(Into::into)))
            .and_then(|()| set(&["install", "manifests"], manifests.map(toml_edit::Value::Array)))
            .and_then(|()| set(&["install", "html"], self.html.as_ref().map(path_text).map(Into::into)));
        done.with_context(|| {
            format!("{}: its tables are written inline; add the answers by hand", path.display())
        })?;
        crate::cli::write_bytes(doc.to_string().as_bytes(), path)
    }

    /// Whether something was asked.
    pub(super) fn is_empty(&self) -> bool {
        let Self { namespace, manifests, app_id, origin, html } = self;
        namespace.is_none() && manifests.is_none() && app_id.is_none() && origin.is_none() && html.is_none()
    }
}
