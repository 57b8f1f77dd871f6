//! How DataKit's input `container` takes the output of containers: the JSON of `datakit/logs`, and the lists of containers
//! (`internal/plugins/inputs/container/log_config.go`, `internal/container/filter/filter.go`, and
//! <https://docs.guance.com/en/integrations/container-log/>).

use std::collections::HashSet;

use serde_json::Value as Json;

use super::datakit::LOG_KEYS;
use super::pattern::{Expression, glob};
use super::scrape::unrendered;
use crate::kube::ImageRef;
use crate::spelling::nearest;

/// What is wrong with the JSON of `datakit/logs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogFault {
    /// No JSON at all: why.
    NotJson(String),
    /// JSON, and no list of objects.
    NotList(&'static str),
    /// A value of the wrong type.
    Type(String, &'static str),
    /// A key that is ignored, and the one that was meant.
    Ignored(String, &'static str),
    /// A value of a template that was not rendered: key, part.
    Unrendered(String, String),
    /// A rule for a file that names none.
    NoPath,
    /// Two rules for one file, or for the standard output.
    Double(String),
    /// An expression that is none.
    Expression(String, String),
}

/// Judges a text.
pub(crate) fn faults(text: &str) -> Vec<LogFault> {
    let json: Json = match serde_json::from_str(text) {
        Ok(json) => json,
        Err(error) => return vec![LogFault::NotJson(error.to_string())],
    };
    let Json::Array(rules) = json else {
        return vec![LogFault::NotList(if json.is_object() { "an object" } else { "no list" })];
    };
    let mut found = Vec::new();
    let mut paths: HashSet<String> = HashSet::new();
    for rule in &rules {
        let Json::Object(rule) = rule else {
            found.push(LogFault::NotList("a list of something else than objects"));
            continue;
        };
        for (key, value) in rule {
            found.extend(key_fault(key, value));
        }
        if rule.get("disable") == Some(&Json::Bool(true)) {
            continue;
        }
        let text = |key: &str| rule.get(key).and_then(Json::as_str).unwrap_or_default();
        let path = if text("type").is_empty() || text("type") == "stdout" { "stdout" } else { text("path") };
        if path.is_empty() {
            found.push(LogFault::NoPath);
        } else if !paths.insert(path.to_owned()) {
            found.push(LogFault::Double(path.to_owned()));
        }
        if let Expression::Broken(why) = Expression::of(text("multiline_match")) {
            found.push(LogFault::Expression(text("multiline_match").to_owned(), why));
        }
    }
    found
}

fn key_fault(key: &str, value: &Json) -> Option<LogFault> {
    // As encoding/json does: letter case does not count.
    let known = LOG_KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(key));
    let Some((_, want)) = known else {
        let meant = nearest(key, LOG_KEYS.iter().map(|(known, _)| *known))?;
        return Some(LogFault::Ignored(key.to_owned(), meant));
    };
    let fits = match *want {
        "a string" => value.is_string(),
        "true or false" => value.is_boolean(),
        "a number" => value.is_i64(),
        "a list" => value.is_array(),
        _ => value.as_object().is_some_and(|tags| tags.values().all(Json::is_string)),
    };
    let template = value.as_str().filter(|text| text.contains("{{")).and_then(unrendered);
    if let Some((part, _)) = template {
        return Some(LogFault::Unrendered(key.to_owned(), part));
    }
    (!fits && !value.is_null()).then(|| LogFault::Type(key.to_owned(), want))
}

/// What rules of a list name.
const FIELDS: [&str; 4] = ["image", "image_name", "image_short_name", "namespace"];

/// The lists of containers whose output is taken, and left out. Of several fields one version asks for all to agree, another
/// for one; where that decides, nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    include: Vec<(usize, String)>,
    exclude: Vec<(usize, String)>,
}

fn split<'t>(rules: impl IntoIterator<Item = &'t str>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for rule in rules {
        let Some((field, pattern)) = rule.trim().split_once(':') else { continue };
        let field = FIELDS.iter().position(|known| *known == field);
        let pattern = pattern.trim();
        found.extend(field.filter(|_| !pattern.is_empty()).map(|field| (field, pattern.to_owned())));
    }
    found
}

impl Lists {
    pub(crate) fn of<'t>(
        include: impl IntoIterator<Item = &'t str>,
        exclude: impl IntoIterator<Item = &'t str>,
    ) -> Self {
        Self { include: split(include), exclude: split(exclude) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether the output of a container is left out; nothing where that depends on the version.
    pub(crate) fn leave_out(&self, image: &str, namespace: &str) -> Option<bool> {
        let name = ImageRef::parse(image).repository;
        let short = name.rsplit('/').next().unwrap_or_default();
        let values = [image, name, short, namespace];
        let judged = values.iter().enumerate().filter_map(|(field, value)| self.passes(field, value));
        let judged: Vec<Option<bool>> = judged.collect();
        if judged.is_empty() {
            return Some(false);
        }
        if judged.iter().all(|passes| *passes == Some(true)) {
            return Some(false);
        }
        judged.iter().all(|passes| *passes == Some(false)).then_some(true)
    }

    /// Whether a field has rules, and lets a value pass.
    fn passes(&self, field: usize, value: &str) -> Option<Option<bool>> {
        let of = |list: &[(usize, String)]| -> Vec<Option<bool>> {
            let own = list.iter().filter(|(of, _)| *of == field);
            own.map(|(_, pattern)| fits(pattern, value)).collect()
        };
        let (include, exclude) = (of(&self.include), of(&self.exclude));
        if include.is_empty() && exclude.is_empty() {
            return None;
        }
        let any = |list: &[Option<bool>]| {
            if list.contains(&Some(true)) { Some(true) } else { (!list.contains(&None)).then_some(false) }
        };
        let included = if include.is_empty() { Some(true) } else { any(&include) };
        Some(match (included, any(&exclude)) {
            (Some(false), _) | (_, Some(true)) => Some(false),
            (Some(true), Some(false)) => Some(true),
            _ => None,
        })
    }
}

/// Whether a pattern matches. A `*` among other characters stops at `/` for some matchers, and the documentation shows one that
/// does not.
fn fits(pattern: &str, value: &str) -> Option<bool> {
    if pattern == "*" || pattern == "**" {
        return Some(true);
    }
    if !glob(pattern, value) {
        return Some(false);
    }
    let (parts, values) = (pattern.split('/').count(), value.split('/').count());
    (pattern.contains("**") || parts == values || !pattern.contains('*')).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_logs_are_judged() {
        for fine in [
            "[]",
            "[{}]",
            "[{\"disable\": true}]",
            "[{\"disable\": false, \"source\": \"a\", \"tags\": {\"a\": \"b\"}}, {\"type\": \"file\", \"path\": \"/a\"}]",
            "[{\"Disable\": true, \"unheard_of\": 1}]",
        ] {
            assert_eq!(faults(fine), [], "{fine}");
        }
        let is = |text: &str| text.to_owned();
        for (text, want) in [
            ("{\"disable\": true}", LogFault::NotList("an object")),
            ("\"a\"", LogFault::NotList("no list")),
            ("[1]", LogFault::NotList("a list of something else than objects")),
            ("[{\"disable\": \"true\"}]", LogFault::Type(is("disable"), "true or false")),
            ("[{\"tags\": {\"a\": 1}}]", LogFault::Type(is("tags"), "strings by name")),
            ("[{\"disbale\": true}]", LogFault::Ignored(is("disbale"), "disable")),
            ("[{\"type\": \"file\"}]", LogFault::NoPath),
            ("[{}, {\"source\": \"a\"}]", LogFault::Double(is("stdout"))),
        ] {
            assert_eq!(faults(text), [want], "{text}");
        }
        assert!(matches!(faults("[{]").as_slice(), [LogFault::NotJson(_)]));
        assert!(matches!(faults("[{\"multiline_match\": \"(\"}]").as_slice(), [LogFault::Expression(..)]));
    }

    #[test]
    fn lists_leave_containers_out() {
        let image = "docker.io/istio/examples-bookinfo-reviews-v1:1.16.2";
        for (include, exclude, want) in [
            ("", "", Some(false)),
            ("", "namespace:prod", Some(true)),
            ("", "namespace:kube-*", Some(false)),
            ("", "image:*", Some(true)),
            ("", "image_short_name:examples-bookinfo-*", Some(true)),
            ("", "image_name:*pause*,namespace:kube-system", Some(false)),
            ("", "image_name:*reviews*", None),
            ("image_short_name:datakit", "", Some(true)),
            ("namespace:prod", "", Some(false)),
            ("namespace:other", "image:x", None),
            ("namespace:prod", "namespace:*", Some(true)),
            ("", "nonsense", Some(false)),
        ] {
            let lists = Lists::of(include.split(','), exclude.split(','));
            assert_eq!(lists.leave_out(image, "prod"), want, "{include} {exclude}");
        }
    }
}
