//! The annotation `datakit/prom.instances` on every pod template, so that DataKit scrapes the sidecar.
//!
//! DataKit reads the text as TOML after replacing `$IP`, `$NAMESPACE` and `$PODNAME` in it. Only keys that every
//! DataKit from 1.2.9 on takes are written; up to 1.4.1 one unknown key would refuse all. 1.63.0 alone ignores the
//! annotation.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use toml::{Table, Value as Toml};

use super::datakit::conf;
use super::{Found, Outcome, Rule, Target, Workload};
use crate::facts::datakit::SCRAPE_ANNOTATION;
use crate::facts::istio;
use crate::facts::scrape::{Served, is_same, why_not};
use crate::kube::{PodTemplate, pod_templates};
use crate::yaml::{At, Changes, Place, Refusal, Value};

/// The annotation's name.
pub const ANNOTATION: &str = SCRAPE_ANNOTATION;

/// Labels that name the application, in the order they are asked.
pub(crate) const APP_LABELS: &[&str] = &["app", "app.kubernetes.io/name", "k8s-app"];

/// Labels that name its version.
pub(crate) const VERSION_LABELS: &[&str] = &["version", "app.kubernetes.io/version"];

/// Settings of the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsSettings {
    /// Where the metrics are; `$IP` stands for the pod's address.
    pub url: String,
    /// Which metric types are collected; none means all.
    pub metric_types: Vec<String>,
    /// Time between two scrapes, as Go writes durations.
    pub interval: String,
    /// The measurement that the metrics are stored in.
    pub measurement_name: String,
    /// Regular expressions on the names of metric families; none means all.
    pub metric_name_filter: Vec<String>,
    /// Labels that are dropped.
    pub tags_ignore: Vec<String>,
    /// Tags that are added.
    pub tags: Vec<(String, String)>,
    /// Pattern of the collector's name.
    pub source_pattern: String,
    /// Workloads and the name that `{app}` stands for in their source.
    pub source: Vec<(String, String)>,
    /// The namespace that resources without one are put into, for `{namespace}`.
    pub namespace: String,
    /// Whether another collector scrapes the sidecars, so that no annotation is wanted.
    pub elsewhere: bool,
    /// Annotations that workloads have in the cluster: a manifest that has none gets the same.
    pub kept: BTreeMap<Workload, String>,
    /// Settings whose texts are nobody's choice, the defaults of each profile: where one is there it is updated.
    pub presets: Vec<MetricsSettings>,
}

/// How many rendered texts are kept at most.
const KEPT: usize = 1024;

/// The rule.
#[derive(Debug)]
pub struct Metrics {
    settings: MetricsSettings,
    /// Texts by source that were parsed back: in a large stream many workloads share one.
    texts: RefCell<HashMap<String, String>>,
}

impl Metrics {
    /// The rule with its settings.
    #[must_use]
    pub fn new(settings: MetricsSettings) -> Self {
        Self { settings, texts: RefCell::default() }
    }

    /// The annotation's text for a source; nothing where it does not read back as TOML.
    fn text(&self, source: &str) -> Option<String> {
        let mut texts = self.texts.borrow_mut();
        if let Some(text) = texts.get(source) {
            return Some(text.clone());
        }
        let text = self.settings.render(source);
        if !self.settings.reads_back(&text, source) {
            return None;
        }
        if texts.len() >= KEPT {
            texts.clear();
        }
        texts.insert(source.to_owned(), text.clone());
        Some(text)
    }
}

impl Rule for Metrics {
    fn name(&self) -> &'static str {
        "metrics"
    }

    fn apply(&self, target: &Target<'_>, changes: &mut Changes) -> Result<Outcome, Refusal> {
        let Target { doc, resource, .. } = *target;
        let mut outcome = Outcome::default();
        if target.survey.is_datakit(target.number) {
            return Ok(outcome);
        }
        let Some(templates) = pod_templates(doc, resource) else {
            return Ok(outcome);
        };
        if templates.is_empty() {
            let elsewhere = doc.path(resource.at, &["spec", "workloadRef"]).is_some();
            let reason = if elsewhere {
                "its pods are those of its workloadRef"
            } else {
                "no pod template with containers"
            };
            outcome.skip(doc.start(resource.at.node), !elsewhere, reason);
        }
        for template in templates {
            if let Some((at, reason)) = no_sidecar(target, &template) {
                outcome.skip(at, true, reason);
                continue;
            }
            self.annotate(target, &template, changes, &mut outcome)?;
        }
        Ok(outcome)
    }

    fn find(&self, target: &Target<'_>, found: &mut Found) {
        let Target { doc, resource, .. } = *target;
        for template in pod_templates(doc, resource).unwrap_or_default() {
            let Some(at) = doc.path(template.at, &["metadata", "annotations", ANNOTATION]) else { continue };
            let text = doc.string(at.node).unwrap_or_default();
            let source = self.settings.source_of(target, &template);
            let ours = self.text(&source).is_some_and(|ours| ours.trim_end() == text.trim_end());
            if ours || self.is_preset(&text, &source, target, &template) {
                found.take(doc, at, template.at, "scrape annotation");
            } else if !text.trim().is_empty() {
                found.keep(doc, at, "scrape annotation kept: it is not what these settings write");
            }
        }
    }
}

impl Metrics {
    fn annotate(
        &self,
        target: &Target<'_>,
        template: &PodTemplate,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let doc = target.doc;
        let source = self.settings.source_of(target, template);
        let there = doc.path(template.at, &["metadata", "annotations", ANNOTATION]);
        let kept = || self.settings.kept.get(&Workload::of(target.resource, &self.settings.namespace));
        let kept = there.is_none().then(kept).flatten();
        let Some(text) = kept.cloned().or_else(|| self.text(&source)) else {
            let reason = format!("source `{source}` cannot be written as TOML");
            outcome.skip(doc.start(template.at.node), true, reason);
            return Ok(());
        };
        if let Some(other) = self.other_scraper(target) {
            return leave_to(&other, target, template, there, changes, outcome);
        }
        if let Some(there) = there
            && let Some(old) = doc.string(there.node)
            && !old.trim().is_empty()
            && !doc.is_null(there.node)
        {
            if is_same(&old, &text) {
                return Ok(());
            }
            if !target.overwrite && !self.is_preset(&old, &source, target, template) {
                let why = self.why_not(&old, target, template);
                let is_unobserved = why.is_some();
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                let reason = format!("another scrape annotation kept, see --overwrite{why}");
                outcome.skip(doc.start(there.node), is_unobserved, reason);
                return Ok(());
            }
        }
        let path = [
            ("metadata", Place::First),
            ("annotations", Place::After(&["labels"])),
            (ANNOTATION, Place::Last),
        ];
        target.set(changes, template.at, &path, Value::Lines(text))?;
        outcome.patched = true;
        Ok(())
    }

    /// Why DataKit does not collect from the sidecar by an annotation that is kept. Ports that the settings or the pod name
    /// count as the sidecar's.
    fn why_not(&self, old: &str, target: &Target<'_>, template: &PodTemplate) -> Option<String> {
        let survey = target.survey;
        let version = survey.datakits.iter().filter_map(|datakit| datakit.version).min();
        let doc = target.doc;
        let own = doc.path(template.at, &["metadata", "annotations", istio::STATUS_PORT]);
        let own = own.and_then(|at| doc.string(at.node)?.parse().ok());
        let set =
            self.settings.url.rsplit_once(':').and_then(|(_, tail)| tail.split('/').next()?.parse().ok());
        let ports = [own, set, istio::SIDECAR_PORT.parse().ok()].into_iter().flatten().collect();
        why_not(old, version, &Served { ports, is_istiod: false }, survey.ipv6)
    }

    /// What else scrapes the sidecars of this resource's pods.
    fn other_scraper(&self, target: &Target<'_>) -> Option<String> {
        let namespace = target.namespace.unwrap_or(&self.settings.namespace);
        if self.settings.elsewhere {
            return Some("DataKit's input kubernetesprometheus".to_owned());
        }
        let survey = target.survey;
        if survey.datakits.iter().any(|datakit| datakit.discovers) {
            return Some("DataKit's discovery by prometheus.io annotations".to_owned());
        }
        let texts = survey.config_maps.iter().flat_map(|map| &map.data);
        let inputs = survey.datakits.iter().map(|datakit| ("ENV_DATAKIT_INPUTS", &datakit.inputs_env));
        let mut all = texts.map(|(key, text)| (key.as_str(), text)).chain(inputs);
        let found = all.find(|(_, text)| {
            text.contains("kubernetesprometheus")
                && conf::inputs(text).iter().any(|(name, block)| {
                    name == "kubernetesprometheus" && conf::scrapes(block, istio::SIDECAR_PORT, namespace)
                })
        });
        found.map(|(key, _)| format!("an instance in DataKit's {key}"))
    }

    /// Whether a text is, to the letter, what the defaults of a profile give for a pod template: with the collector's name of
    /// today, or the one of the profile. Another value, another order or a comment is somebody's edit.
    fn is_preset(&self, old: &str, source: &str, target: &Target<'_>, template: &PodTemplate) -> bool {
        let old = old.trim_end();
        self.settings.presets.iter().any(|preset| {
            let sources = [source.to_owned(), preset.source_of(target, template)];
            sources.iter().any(|source| preset.render(source).trim_end() == old)
        })
    }
}

/// Leaves a pod to another scraper. An annotation that is there would make it scraped twice: it is reported, and emptied
/// where values that differ are to be replaced.
fn leave_to(
    other: &str,
    target: &Target<'_>,
    template: &PodTemplate,
    there: Option<At>,
    changes: &mut Changes,
    outcome: &mut Outcome,
) -> Result<(), Refusal> {
    let doc = target.doc;
    let filled = |at: &At| doc.string(at.node).is_some_and(|text| !conf::inputs(&text).is_empty());
    match there.filter(filled) {
        None => {
            let reason = format!("{other} scrapes it already");
            outcome.skip(doc.start(template.at.node), false, reason);
        }
        Some(at) if target.overwrite => {
            changes.replace(doc, at, Value::Text(String::new()), None)?;
            outcome.patched = true;
        }
        Some(at) => {
            let reason = format!(
                "scraped twice: by {ANNOTATION} and by {other}; remove the annotation, or empty it by --overwrite"
            );
            outcome.skip(doc.start(at.node), false, reason);
        }
    }
    Ok(())
}

/// Replaces `{name}` by its value, once: values are not looked at again.
fn fill_in(pattern: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, behind)) = rest.split_once('{') {
        out.push_str(before);
        let value = behind
            .split_once('}')
            .and_then(|(name, tail)| Some((values.iter().find(|(n, _)| *n == name)?.1, tail)));
        match value {
            Some((value, tail)) => {
                out.push_str(value);
                rest = tail;
            }
            None => {
                out.push('{');
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Why a pod will have no sidecar, and where that is said.
fn no_sidecar(target: &Target<'_>, template: &PodTemplate) -> Option<(usize, String)> {
    let doc = target.doc;
    let start = |at: At| doc.start(at.node);
    if let Some(at) = doc.get(template.spec, "hostNetwork")
        && doc.string(at.node).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    {
        return Some((start(at), "hostNetwork: no sidecar, so no port 15020".to_owned()));
    }
    let metadata = doc.get(template.at, "metadata");
    // The label is the API and wins over the older annotation.
    for place in ["labels", "annotations"] {
        let found = metadata.and_then(|at| doc.get(at, place)).and_then(|at| doc.get(at, istio::INJECT));
        if let Some(at) = found {
            if istio::wish(None, doc.string(at.node).as_deref()) == istio::Wish::No {
                let reason = "sidecar.istio.io/inject is false: no sidecar, so no port 15020";
                return Some((start(at), reason.to_owned()));
            }
            break;
        }
    }
    if let Some(at) = metadata.and_then(|at| doc.path(at, &["labels", istio::DATAPLANE_LABEL]))
        && doc.is(at.node, "ambient")
    {
        return Some((start(at), "ambient mode: no sidecar, so no port 15020".to_owned()));
    }
    let namespace = target.namespace.filter(|name| istio::NEVER_INJECTED.contains(name))?;
    Some((start(template.at), format!("Istio injects no sidecar in `{namespace}`")))
}

impl MetricsSettings {
    /// The collector's name for the pods of a template.
    fn source_of(&self, target: &Target<'_>, template: &PodTemplate) -> String {
        let Target { doc, resource, .. } = *target;
        let label = |names: &[&str]| {
            let labels = doc.path(template.at, &["metadata", "labels"])?;
            let values = names.iter().filter_map(|name| doc.str_at(labels, name));
            values.map(Cow::into_owned).find(|value| !value.is_empty())
        };
        let workload = resource.name.trim_end_matches('-');
        let named = self.source.iter().find(|(name, _)| name == workload);
        let app = match named {
            Some((_, name)) => name.clone(),
            None => label(APP_LABELS).unwrap_or_else(|| workload.to_owned()),
        };
        let namespace = target.namespace.unwrap_or(&self.namespace);
        fill_in(
            &self.source_pattern,
            &[
                ("app", &app),
                ("version", &label(VERSION_LABELS).unwrap_or_default()),
                ("workload", workload),
                ("kind", &resource.kind.to_lowercase()),
                ("namespace", namespace),
            ],
        )
    }

    /// The annotation's text.
    #[must_use]
    pub fn render(&self, source: &str) -> String {
        let mut out = String::from("[[inputs.prom]]\n");
        let mut line = |key: &str, value: Toml| out.push_str(&toml_line("  ", key, value));
        let text = |value: &str| Toml::String(value.to_owned());
        let list = |values: &[String]| Toml::Array(values.iter().map(|v| text(v)).collect());
        line("url", text(&self.url));
        line("source", text(source));
        if !self.metric_types.is_empty() {
            line("metric_types", list(&self.metric_types));
        }
        line("interval", text(&self.interval));
        line("measurement_name", text(&self.measurement_name));
        if !self.metric_name_filter.is_empty() {
            line("metric_name_filter", list(&self.metric_name_filter));
        }
        if !self.tags_ignore.is_empty() {
            line("tags_ignore", list(&self.tags_ignore));
        }
        if !self.tags.is_empty() {
            out.push_str("  [inputs.prom.tags]\n");
            for (key, value) in &self.tags {
                out.push_str(&toml_line("    ", key, text(value)));
            }
        }
        out
    }

    /// Whether a rendered text reads back as what it is meant to say.
    #[must_use]
    pub fn reads_back(&self, text: &str, source: &str) -> bool {
        let Ok(table) = text.parse::<Table>() else {
            return false;
        };
        let prom = table.get("inputs").and_then(|inputs| inputs.get("prom")).and_then(|prom| prom.get(0));
        let Some(prom) = prom.and_then(Toml::as_table) else {
            return false;
        };
        let text = |key: &str| prom.get(key).and_then(Toml::as_str);
        let list = |key: &str, want: &[String]| match prom.get(key).and_then(Toml::as_array) {
            Some(found) => found.iter().map(Toml::as_str).eq(want.iter().map(|w| Some(w.as_str()))),
            None => want.is_empty(),
        };
        let tags = prom.get("tags").and_then(Toml::as_table);
        text("url") == Some(&self.url)
            && text("source") == Some(source)
            && text("interval") == Some(&self.interval)
            && text("measurement_name") == Some(&self.measurement_name)
            && list("metric_types", &self.metric_types)
            && list("metric_name_filter", &self.metric_name_filter)
            && list("tags_ignore", &self.tags_ignore)
            && tags.map_or(0, Table::len) == self.tags.len()
            && self
                .tags
                .iter()
                .all(|(key, value)| tags.and_then(|tags| tags.get(key)).and_then(Toml::as_str) == Some(value))
    }
}

pub(super) fn toml_line(indent: &str, key: &str, value: Toml) -> String {
    format!("{indent}{} = {value}\n", toml_key(key))
}

/// A key as TOML takes it: bare where it may be, else quoted.
fn toml_key(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if bare { key.to_owned() } else { Toml::String(key.to_owned()).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Version;
    use crate::facts::scrape;

    #[test]
    fn what_is_written_is_what_check_asks_for() {
        for profile in ["guide", "lean"] {
            let file = format!("[metrics]\nprofile = \"{profile}\"\n");
            let options: crate::config::Options = toml::from_str(&file).unwrap();
            let text = options.settings().unwrap().metrics.render("x");
            let served = Served { ports: vec![15020], is_istiod: false };
            let versions = [None, Version::parse("1.2.9"), Version::parse("1.4.1"), Version::parse("1.84.0")];
            for version in versions {
                let reading = scrape::read(&text, version, false);
                assert_eq!(reading.faults, [], "{profile} {version:?}");
                assert_eq!(why_not(&text, version, &served, false), None, "{profile} {version:?}");
                let blocks: Vec<_> = reading.blocks.iter().collect();
                assert_eq!(scrape::drops(&blocks), [], "{profile}");
                assert!(blocks.iter().all(|block| !block.lacks_name), "{profile}");
            }
        }
    }

    #[test]
    fn placeholders_are_filled_in_once() {
        let values = [("app", "{kind}"), ("kind", "job")];
        assert_eq!(fill_in("x-{app}-{kind}-{other}-{", &values), "x-{kind}-job-{other}-{");
    }
}
