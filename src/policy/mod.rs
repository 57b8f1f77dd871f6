//! Admission policies that give a pod, when it is made, the scrape annotation that the rule `metrics` writes into manifests.
//!
//! From settings to manifests: `scope` is the namespaces, `parameters` the settings as a policy reads them, `cel` the
//! expressions. No objects are read here, and no cluster is asked.

mod cel;
mod parameters;
mod scope;

use cel::Variable;
use parameters::Parameters;

pub(crate) use scope::Scope;

use crate::config::Invalid;
use crate::diagnostic::Diagnostics;
use crate::facts::kubernetes::ADMISSION_GROUP;
use crate::rule::MetricsSettings;
use crate::template::{self, Failure, Filler};
use crate::yaml::Value;

/// The template of [`Policy::admission`].
pub(crate) const ADMISSION: &str = include_str!("../../templates/policy-admission.yaml");

/// The template of [`Policy::kyverno`].
pub(crate) const KYVERNO: &str = include_str!("../../templates/policy-kyverno.yaml");

/// The template of [`audit`].
pub(crate) const AUDIT: &str = include_str!("../../templates/policy-audit.yaml");

/// Where a template says which namespaces a policy is for.
const EXPRESSIONS: [&str; 4] = ["spec", "matchConstraints", "namespaceSelector", "matchExpressions"];

/// A policy for settings.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    parameters: Parameters,
    scope: Scope,
}

impl Policy {
    /// # Errors
    /// What a policy cannot express, by the setting's name.
    pub(crate) fn new(settings: &MetricsSettings, scope: Scope) -> Result<Self, Invalid> {
        Ok(Self { parameters: Parameters::of(settings)?, scope })
    }

    /// A MutatingAdmissionPolicy of a version of its API, its binding, and the ConfigMap with its parameters in a namespace.
    ///
    /// # Errors
    /// The template has no place for a value.
    pub(crate) fn admission(
        &self,
        (template, name): (&str, &str),
        version: &str,
        namespace: &str,
    ) -> Result<String, Diagnostics> {
        template::fill(template, name, |filler| {
            filler.set(0, &["metadata", "namespace"], text(namespace))?;
            for (key, value) in &self.parameters.0 {
                filler.set(0, &["data", key], lines(value))?;
            }
            let api = text(&format!("{ADMISSION_GROUP}/{version}"));
            filler.set(1, &["apiVersion"], api.clone())?;
            self.annotate(filler, 1, "params.data".to_owned())?;
            filler.set(2, &["apiVersion"], api)?;
            filler.set(2, &["spec", "paramRef", "namespace"], text(namespace))
        })
    }

    /// A MutatingPolicy of Kyverno's, with the settings in it.
    ///
    /// # Errors
    /// The settings are too long for an expression; the template has no place for a value.
    pub(crate) fn kyverno(&self, (template, name): (&str, &str)) -> anyhow::Result<String> {
        let settings = self.parameters.literal().map_err(anyhow::Error::msg)?;
        Ok(template::fill(template, name, |filler| self.annotate(filler, 0, settings))?)
    }

    /// Fills in what annotates pods; `settings` is an expression.
    fn annotate(&self, filler: &mut Filler<'_>, document: usize, settings: String) -> Result<(), Failure> {
        let settings = Variable { name: "settings", expression: settings };
        let decision = cel::decision("object", &self.scope);
        let all = decision.into_iter().chain(std::iter::once(settings)).chain(cel::text());
        decide(filler, document, all, &self.scope)?;
        let expression = ["spec", "mutations", "0", "jsonPatch", "expression"];
        filler.set(document, &expression, lines(&cel::mutation()))
    }
}

/// A ValidatingAdmissionPolicy of a version of its API, and its binding: it warns of workloads without the annotation.
///
/// # Errors
/// The template has no place for a value.
pub(crate) fn audit(
    (template, name): (&str, &str),
    version: &str,
    scope: &Scope,
) -> Result<String, Diagnostics> {
    template::fill(template, name, |filler| {
        let api = text(&format!("{ADMISSION_GROUP}/{version}"));
        filler.set(0, &["apiVersion"], api.clone())?;
        decide(filler, 0, cel::decision(cel::TEMPLATE, scope).into_iter(), scope)?;
        filler.set(0, &["spec", "validations", "0", "expression"], text(cel::VALIDATION))?;
        filler.set(0, &["spec", "validations", "0", "messageExpression"], lines(&cel::message()))?;
        filler.set(1, &["apiVersion"], api)
    })
}

/// Fills in the namespaces and the variables.
fn decide(
    filler: &mut Filler<'_>,
    document: usize,
    variables: impl Iterator<Item = Variable>,
    scope: &Scope,
) -> Result<(), Failure> {
    filler.rename(document, &EXPRESSIONS, "matchExpressions", scope.expressions())?;
    let variables = Value::List(variables.map(entry).collect());
    filler.rename(document, &["spec", "variables"], "variables", variables)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn entry(variable: Variable) -> Value {
    Value::Map(vec![
        ("name".to_owned(), Value::Text(variable.name.to_owned())),
        ("expression".to_owned(), lines(&variable.expression)),
    ])
}

/// A string on as many lines as it has.
fn lines(text: &str) -> Value {
    if text.contains('\n') { Value::Lines(text.to_owned()) } else { Value::Text(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::datakit::SCRAPE_POLICY;

    #[test]
    fn what_is_printed_has_the_name_by_which_it_is_known() {
        for (template, names) in [(ADMISSION, 5), (KYVERNO, 1)] {
            let name = format!(": {SCRAPE_POLICY}\n");
            assert_eq!(template.matches(&name).count(), names);
        }
    }
}
