//! functionConfig: kind MeshObs with the tables of `meshobs.toml` below `spec`, or a ConfigMap whose `data` has the names of
//! flags as keys, as kpt writes it for `-- namespace=shop`.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::STDIN;
use crate::config::{self, Options};
use crate::diagnostic::Diagnostic;
use crate::kube::function_config;
use crate::yaml::{At, Document};

/// The apiVersion of kind MeshObs.
const VERSION: &str = "meshobs/v1";

/// A ResourceList, as far as its configuration goes.
#[derive(Deserialize)]
struct List {
    #[serde(rename = "functionConfig")]
    config: MeshObs,
}

/// Settings as an object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeshObs {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(rename = "metadata", default)]
    _metadata: IgnoredAny,
    #[serde(default)]
    spec: Options,
}

/// The settings of a ResourceList.
pub(super) fn options(doc: &Document<'_>, root: At) -> Result<Options, Diagnostic> {
    let Some(at) = function_config(doc, root) else { return Ok(Options::default()) };
    let text = |key| doc.str_at(at, key).unwrap_or_default();
    match (&*text("apiVersion"), &*text("kind")) {
        (VERSION, "MeshObs") => typed(doc),
        ("v1", "ConfigMap") => flags(doc, at),
        (version, kind) => {
            let message = format!(
                "functionConfig of kind `{kind}` ({version}) is not read; write kind MeshObs of {VERSION}, or a ConfigMap of v1"
            );
            Err(spot(doc, at, message))
        }
    }
}

fn spot(doc: &Document<'_>, at: At, message: String) -> Diagnostic {
    Diagnostic::spot(STDIN, doc.src(), 0, doc.start(at.key.unwrap_or(at.node)), message)
}

/// Those of kind MeshObs.
fn typed(doc: &Document<'_>) -> Result<Options, Diagnostic> {
    let text = doc.src();
    let error = match serde_yaml::from_str::<List>(text) {
        Ok(list) => return Ok(list.config.spec),
        Err(error) => error,
    };
    let message = error.to_string();
    // The path in front and the place behind are shown in another way.
    let message = message.split(" at line ").next().unwrap_or(&message);
    let message = message.strip_prefix("functionConfig.").unwrap_or(message);
    let message = message.find("unknown ").and_then(|at| message.get(at..)).unwrap_or(message);
    let message = format!("functionConfig: {}", config::explain(message));
    Err(match error.location() {
        Some(location) => Diagnostic::spot(STDIN, text, 0, location.index(), message),
        None => Diagnostic::whole(STDIN, message),
    })
}

/// Those of a ConfigMap.
fn flags(doc: &Document<'_>, at: At) -> Result<Options, Diagnostic> {
    let known = ["apiVersion", "kind", "metadata", "data", "immutable"];
    for (key, _) in doc.entries(at.node) {
        let name = doc.string(key).unwrap_or_default();
        if !known.contains(&&*name) {
            let at = At { node: key, key: None, parent: None, shared: None };
            return Err(spot(
                doc,
                at,
                format!("functionConfig: `{name}` of a ConfigMap is not read; use `data`"),
            ));
        }
    }
    let Some(data) = doc.get(at, "data") else { return Ok(Options::default()) };
    let mut options = config::Flags::default();
    for (key, value) in doc.entries(data.node) {
        let place = At { node: value, key: Some(key), parent: None, shared: None };
        let name = doc.string(key).unwrap_or_default();
        let Some(value) = doc.string(value) else {
            return Err(spot(
                doc,
                place,
                format!("functionConfig: `{name}` is not a string; put it in quotes"),
            ));
        };
        options
            .add(&name, &value)
            .map_err(|message| spot(doc, place, format!("functionConfig: {message}")))?;
    }
    options.options().map_err(|message| spot(doc, data, format!("functionConfig: {message}")))
}
