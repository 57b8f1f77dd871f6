//! The settings of the rule `metrics` as a policy reads them: strings by key, in a ConfigMap or in the policy itself.

use super::cel;
use crate::config::Invalid;
use crate::facts::kubernetes::{CEL_SIZE, CONFIG_MAP_KEY, CONFIG_MAP_SIZE};
use crate::rule::MetricsSettings;

/// What stands for the source in the annotation's text.
const SOURCE: &str = "{source}";

/// What the key of a workload of `[metrics.source]` begins with.
const PREFIX: &str = "source.";

/// Strings by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameters(pub(super) Vec<(String, String)>);

impl Parameters {
    /// # Errors
    /// What a policy cannot express, by the setting's name.
    pub(super) fn of(settings: &MetricsSettings) -> Result<Self, Invalid> {
        let annotation = settings.render(SOURCE);
        // Whatever is put there comes out as it is in the text that `patch` renders.
        let is_plain = |source: &str| annotation.replacen(SOURCE, source, 1) == settings.render(source);
        if !is_plain("x") {
            return Err(format!("`{SOURCE}` in metrics.url (--metrics-url): a policy puts the source there"));
        }
        let escaped = "a policy cannot write `\"`, `\\` or control characters";
        if !is_plain(&settings.source_pattern) {
            let pattern = &settings.source_pattern;
            return Err(format!("`{pattern}` in metrics.source_pattern (--metrics-source): {escaped}"));
        }
        let mut entries = vec![
            ("annotation".to_owned(), annotation.clone()),
            ("source_pattern".to_owned(), settings.source_pattern.clone()),
        ];
        for (workload, app) in &settings.source {
            if !is_plain(app) {
                return Err(format!("`{app}` in metrics.source.{workload}: {escaped}"));
            }
            entries.push((key(workload)?, app.clone()));
        }
        let size: usize = entries.iter().map(|(key, value)| key.len() + value.len()).sum();
        if size > CONFIG_MAP_SIZE {
            return Err(format!(
                "metrics.source makes {size} bytes, and a ConfigMap holds {CONFIG_MAP_SIZE}; shorten the table, or label the pods \
                 with `app`"
            ));
        }
        Ok(Self(entries))
    }

    /// All of it as a map of CEL.
    ///
    /// # Errors
    /// It is longer than an expression may be.
    pub(super) fn literal(&self) -> Result<String, Invalid> {
        let entry =
            |(key, value): &(String, String)| format!("  {}: {}", cel::string(key), cel::string(value));
        let entries: Vec<_> = self.0.iter().map(entry).collect();
        let literal = format!("{{\n{}\n}}", entries.join(",\n"));
        let size = literal.chars().count();
        if size > CEL_SIZE {
            return Err(format!(
                "metrics.source makes {size} characters, and an expression holds {CEL_SIZE}; shorten the table, label the pods with \
                 `app`, or use --engine admission"
            ));
        }
        Ok(literal)
    }
}

/// The key of a workload's entry.
fn key(workload: &str) -> Result<String, Invalid> {
    let is_name = workload.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    let key = format!("{PREFIX}{workload}");
    if is_name && !workload.is_empty() && key.len() <= CONFIG_MAP_KEY {
        return Ok(key);
    }
    Err(format!("`{workload}` in [metrics.source]: no workload has this name; remove it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MetricsOptions;

    fn of(text: &str) -> Result<Parameters, Invalid> {
        let options: MetricsOptions = toml::from_str(text).unwrap();
        let options = crate::config::Options { metrics: options, ..crate::config::Options::default() };
        Parameters::of(&options.settings().unwrap().metrics)
    }

    #[test]
    fn settings_that_no_policy_can_express_are_named() {
        for (text, part) in [
            ("source_pattern = 'a\"{app}'", "metrics.source_pattern"),
            ("source_pattern = 'a\\{app}'", "metrics.source_pattern"),
            ("url = 'http://$IP:1/{source}'", "metrics.url"),
            ("[source]\nreviews = 'a\"b'", "metrics.source.reviews"),
            ("[source]\nreviews = \"a\\nb\"", "metrics.source.reviews"),
            ("[source]\n'a b' = 'x'", "`a b` in [metrics.source]"),
            ("[source]\n'' = 'x'", "`` in [metrics.source]"),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let long = format!("[source]\n{} = 'x'", "a".repeat(247));
        assert!(of(&long).unwrap_err().contains("no workload"));
        let large = format!("[source]\nreviews = '{}'", "a".repeat(1 << 20));
        assert!(of(&large).unwrap_err().contains("a ConfigMap holds 1048576"));
    }

    #[test]
    fn a_table_too_long_for_an_expression_is_named() {
        let entries: String = (0..3000).map(|n| format!("workload-with-a-long-name-{n} = 'x'\n")).collect();
        let parameters = of(&format!("[source]\n{entries}")).unwrap();
        assert!(parameters.literal().unwrap_err().contains("an expression holds 100000"));
    }

    #[test]
    fn quotes_of_one_kind_and_any_letters_are_expressed() {
        let Parameters(entries) =
            of("source_pattern = \"it's-é-{app}\"\n[source]\nreviews = '{kind}'").unwrap();
        let found: Vec<_> = entries.iter().skip(1).map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(found, ["source_pattern=it's-é-{app}", "source.reviews={kind}"]);
        assert!(entries[0].1.contains("source = \"{source}\""));
    }
}
