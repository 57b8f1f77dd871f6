//! `[patch]`: which rules run, and how.

use clap::Args;
use serde::Deserialize;

use super::Invalid;
use crate::kustomize::Kustomize;
use crate::rule::RuleName;

/// Which rules run, and how.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table: [patch] and its keys below it")]
pub struct PatchOptions {
    /// Run only these rules
    #[arg(long, value_delimiter = ',', value_name = "RULE", env = "MESHOBS_ONLY", help_heading = "Rules",
          value_parser = rule_names(), conflicts_with_all = ["skip", "with"])]
    pub only: Option<Vec<String>>,
    /// Run all default rules but these
    #[arg(long, value_delimiter = ',', value_name = "RULE", env = "MESHOBS_SKIP", help_heading = "Rules",
          value_parser = rule_names())]
    pub skip: Option<Vec<String>>,
    /// Run these too, though they are off by default
    #[arg(long, value_delimiter = ',', value_name = "RULE", env = "MESHOBS_WITH", help_heading = "Rules",
          value_parser = rule_names())]
    pub with: Option<Vec<String>>,
    /// Replace values that are there and differ (another namespace, another scrape annotation)
    #[arg(long, help_heading = "Rules")]
    pub overwrite: bool,
    /// Fail, with nothing on stdout, where a skip leaves a resource unobserved
    #[arg(long, help_heading = "Rules")]
    pub strict: bool,
    /// Leave out files of directories by name, or by path where the glob has a `/` (repeatable)
    #[arg(long, value_name = "GLOB", env = "MESHOBS_EXCLUDE")]
    pub exclude: Option<Vec<String>>,
    /// Files that a Kustomization lists [default: refuse]
    #[arg(long, value_enum, value_name = "WAY", env = "MESHOBS_KUSTOMIZE")]
    pub kustomize: Option<Kustomize>,
}

fn rule_names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(RuleName::ALL.map(RuleName::text))
}

impl PatchOptions {
    pub(super) fn or(self, other: Self) -> Self {
        // A choice of rules by flag replaces the file's as a whole.
        let chosen = self.only.is_some() || self.skip.is_some() || self.with.is_some();
        let rules = if chosen { self.clone() } else { other.clone() };
        Self {
            only: rules.only,
            skip: rules.skip,
            with: rules.with,
            overwrite: self.overwrite || other.overwrite,
            strict: self.strict || other.strict,
            exclude: self.exclude.or(other.exclude),
            kustomize: self.kustomize.or(other.kustomize),
        }
    }

    /// Whether a rule is asked for by its name.
    #[must_use]
    pub fn names(&self, rule: RuleName) -> bool {
        let lists = [&self.only, &self.with].into_iter().flatten();
        lists.flatten().any(|name| name == rule.text())
    }

    /// Turns a rule off.
    pub fn turn_off(&mut self, rule: RuleName) {
        for list in [&mut self.only, &mut self.with].into_iter().flatten() {
            list.retain(|name| name != rule.text());
        }
        self.skip.get_or_insert_default().push(rule.text().to_owned());
    }

    pub(super) fn rules(&self) -> Result<Vec<RuleName>, Invalid> {
        let known = RuleName::ALL.map(RuleName::text);
        for name in [&self.only, &self.skip, &self.with].into_iter().flatten().flatten() {
            if !known.contains(&name.as_str()) {
                return Err(format!("unknown rule `{name}`; the rules are {}", known.join(", ")));
            }
        }
        let has = |list: &Option<Vec<String>>, rule: RuleName| {
            list.as_ref().is_some_and(|names| names.iter().any(|name| name == rule.text()))
        };
        let runs = |rule: &RuleName| match &self.only {
            Some(_) => has(&self.only, *rule),
            None => (rule.is_default() || has(&self.with, *rule)) && !has(&self.skip, *rule),
        };
        Ok(RuleName::ALL.into_iter().filter(runs).collect())
    }
}
