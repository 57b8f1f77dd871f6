//! An input of DataKit takes the spans that Envoy sends: it runs, under the name that this version knows, on the path that
//! Envoy posts to, and drops none of them.

use toml::{Table, Value as Toml};

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::{
    CONF_AT_TOP, ENV_PUBLIC_APIS, ENV_ZIPKIN_CLOSE_RESOURCE, ENV_ZIPKIN_PATH_V2, ENV_ZIPKIN_SAMPLER,
    SPANS_PATH, ZIPKIN, ZIPKIN_ENV, before, is_public, matches_all,
};
use crate::mesh::{Datakit, Mesh};
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "datakit-zipkin", section: "DataKit", title: "DataKit takes spans", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        one(datakit, outcome);
    }
}

fn one(datakit: &Datakit<'_>, outcome: &mut Outcome) {
    let input = datakit.zipkin();
    let (object, env) = (datakit.object, datakit.container.get("env"));
    let list = datakit.inputs_variable();
    let place = datakit.variables.get(list).map_or(env, |var| var.field);
    if datakit.switches_off(input) {
        let message = format!("`-{input}` in {list} switches the input off, so Envoy's spans are refused");
        outcome.fail(CHECK.id, object, place, message, format!("remove `-{input}` from {list}"));
        return;
    }
    match datakit.runs(input) {
        Some(true) => {
            outcome.looked(CHECK.id);
            runs(datakit, input, outcome);
        }
        // What is lost is told where it is lost.
        _ if datakit.lists_inputs_in_vain() => {}
        _ if datakit.conf.has_lost("zipkin") => {}
        _ if super::datakit_conf::misspelt(datakit).any(|(_, _, meant)| meant == input) => {}
        Some(false) => off(datakit, input, outcome),
        None => {
            let message = "whether an input takes spans is configured by what is not in view";
            outcome.unknown(CHECK.id, object, env, message);
        }
    }
}

/// It does not run.
fn off(datakit: &Datakit<'_>, input: &str, outcome: &mut Outcome) {
    let (object, env) = (datakit.object, datakit.container.get("env"));
    let other = if input == "zipkin" { "traceZipkin" } else { "zipkin" };
    let enabled = datakit.enabled_inputs();
    let list = datakit.inputs_variable();
    let place = datakit.variables.get(list).map_or(env, |var| var.field);
    if let Some((file, _)) = datakit.conf.blocks(other).next() {
        let side = if other == "zipkin" { "before" } else { "from" };
        let message = format!(
            "the file configures the input `{other}`, which {side} DataKit {ZIPKIN} is called `{input}`: Envoy's spans are \
             refused"
        );
        let hint = super::datakit::patch(datakit, "--overwrite");
        outcome.fail(CHECK.id, object, env, message, hint);
        let _ = file;
    } else if enabled.iter().any(|name| name == "-") && enabled.iter().any(|name| name == input) {
        let message =
            format!("the lone `-` in {list} enables no input, `{input}` neither: Envoy's spans are refused");
        outcome.fail(CHECK.id, object, place, message, format!("remove `-` from {list}"));
    } else if let Some(wrong) = enabled.iter().find(|name| name.contains([',', ' ']) && name.contains(input))
    {
        let message = format!(
            "{list} has a blank in it, so DataKit cuts it at blanks and reads an input `{wrong}`: Envoy's spans are refused"
        );
        outcome.fail(
            CHECK.id,
            object,
            place,
            message,
            format!("write {list} with commas and without blanks"),
        );
    } else if let Some(wrong) = enabled.iter().find(|name| nearest(name, [input]).is_some()) {
        let message = format!("`{wrong}` in {list} is no input of DataKit, so Envoy's spans are refused");
        outcome.fail(CHECK.id, object, place, message, format!("write `{input}` instead of `{wrong}`"));
    } else {
        let message = format!("no input `{input}`, so Envoy's spans are refused");
        let hint = super::datakit::patch(datakit, "");
        outcome.fail(CHECK.id, object, env, message, hint);
    }
}

/// It runs: whether on Envoy's path, reachable, and without dropping everything.
fn runs(datakit: &Datakit<'_>, input: &str, outcome: &mut Outcome) {
    let object = datakit.object;
    let env = datakit.container.get("env");
    let block = datakit.conf.blocks(input).next();
    let (source, file) = block.map_or((object, env), |(file, _)| (file.object, file.field));
    let listed = datakit.enabled_inputs().iter().any(|name| name == input);
    if listed && block.is_some() && !before(datakit.version(), CONF_AT_TOP) {
        let list = datakit.inputs_variable();
        let message = format!(
            "`{input}` is configured twice, in {list} and in {}: the routes of the second are refused",
            block.map(|(file, _)| file.path.as_str()).unwrap_or_default()
        );
        outcome.warn(CHECK.id, source, file, message, format!("remove `{input}` from {list}, or the file"));
    }
    let overrides = |name: &str| {
        let set = !before(datakit.version(), ZIPKIN_ENV) && !datakit.env_text(name).is_empty();
        datakit.variables.get(name).filter(|_| set)
    };
    let own = |key: &str| block.and_then(|(_, table)| super::datakit::setting(table, key));
    let (path, key, at) = match overrides(ENV_ZIPKIN_PATH_V2) {
        Some(var) => {
            (Some(datakit.env_text(ENV_ZIPKIN_PATH_V2)), ENV_ZIPKIN_PATH_V2, (var.object, var.field))
        }
        None => (own("pathV2").and_then(Toml::as_str), "pathV2", (source, file)),
    };
    if let Some(path) = path.filter(|path| !path.is_empty() && *path != SPANS_PATH) {
        let message = format!(
            "`{input}` takes spans on `{path}` ({key}), and Envoy posts them to {SPANS_PATH}: they are refused"
        );
        outcome.fail(CHECK.id, at.0, at.1, message, format!("set {key} to \"{SPANS_PATH}\""));
        return;
    }
    let rate = match overrides(ENV_ZIPKIN_SAMPLER) {
        Some(var) => {
            let text = datakit.env_text(ENV_ZIPKIN_SAMPLER).trim();
            Some((text.parse::<f64>().unwrap_or(1.0), ENV_ZIPKIN_SAMPLER, (var.object, var.field)))
        }
        None => own("sampler")
            .and_then(Toml::as_table)
            .and_then(|sampler| super::datakit::setting(sampler, "sampling_rate"))
            .and_then(|rate| {
                rate.as_float()
                    .or_else(|| rate.as_str().and_then(|rate| rate.parse().ok()))
                    .or_else(|| rate.as_integer().map(|rate| if rate > 0 { 1.0 } else { 0.0 }))
            })
            .map(|rate| (rate, "sampling_rate", (source, file))),
    };
    if let Some((_, name, at)) = rate.filter(|(rate, ..)| *rate <= 0.0) {
        let message = format!("{name} is 0, so `{input}` drops every span");
        outcome.fail(CHECK.id, at.0, at.1, message, format!("set {name} to 1.0, or remove it"));
    }
    closed(datakit, input, own("close_resource"), (source, file), outcome);
    let list = datakit.env_text(ENV_PUBLIC_APIS);
    let Some(var) = datakit.variables.get(ENV_PUBLIC_APIS) else { return };
    match is_public(datakit.version(), list, SPANS_PATH) {
        Some(true) => {}
        Some(false) => {
            let message = format!(
                "{ENV_PUBLIC_APIS} is `{list}`, so this DataKit refuses what other hosts post to {SPANS_PATH} (403)"
            );
            let hint = if list.contains(SPANS_PATH) {
                format!(
                    "remove {ENV_PUBLIC_APIS}: before DataKit 1.5.6 two or more paths in it block all of them"
                )
            } else {
                format!("add {SPANS_PATH} to {ENV_PUBLIC_APIS}")
            };
            outcome.fail(CHECK.id, var.object, var.field, message, hint);
        }
        None => {
            let message = format!(
                "the image's tag tells no version; before 1.64.0 {ENV_PUBLIC_APIS} would refuse spans"
            );
            outcome.unknown(CHECK.id, var.object, var.field, message);
        }
    }
}

/// A list of resources that takes everything away.
fn closed<'i>(
    datakit: &Datakit<'i>,
    input: &str,
    own: Option<&Toml>,
    at: (&'i crate::kube::Object, crate::kube::Field<'i>),
    outcome: &mut Outcome,
) {
    let text = datakit.env_text(ENV_ZIPKIN_CLOSE_RESOURCE);
    let of_env =
        serde_json::from_str::<std::collections::BTreeMap<String, Vec<String>>>(text).unwrap_or_default();
    let env = of_env.get("*").is_some_and(|patterns| patterns.iter().any(|pattern| matches_all(pattern)));
    let everything = |table: &Table| {
        let patterns = table.get("*").and_then(Toml::as_array).into_iter().flatten().filter_map(Toml::as_str);
        patterns.into_iter().any(matches_all)
    };
    let (name, (object, field)) = match datakit.variables.get(ENV_ZIPKIN_CLOSE_RESOURCE).filter(|_| env) {
        Some(var) => (ENV_ZIPKIN_CLOSE_RESOURCE, (var.object, var.field)),
        None if own.and_then(Toml::as_table).is_some_and(everything) => ("close_resource", at),
        None => return,
    };
    let message = format!("{name} matches every resource of every service, so `{input}` drops every span");
    outcome.fail(CHECK.id, object, field, message, format!("remove the entry `*` from {name}"));
}
