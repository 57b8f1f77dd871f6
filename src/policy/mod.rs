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
use crate::template;
use crate::yaml::Value;

/// The template of [`Policy::admission`].
pub(crate) const ADMISSION: &str = include_str!("../../templates/policy-admission.yaml");

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
        let settings = Variable { name: "settings", expression: "params.data".to_owned() };
        let text = |text: &str| Value::Text(text.to_owned());
        template::fill(template, name, |filler| {
            filler.set(0, &["metadata", "namespace"], text(namespace))?;
            for (key, value) in &self.parameters.0 {
                filler.set(0, &["data", key], lines(value))?;
            }
            let api = format!("{ADMISSION_GROUP}/{version}");
            filler.set(1, &["apiVersion"], text(&api))?;
            filler.rename(1, &EXPRESSIONS, "matchExpressions", self.scope.expressions())?;
            filler.rename(1, &["spec", "variables"], "variables", self.variables(settings))?;
            filler.set(1, &["spec", "mutations", "0", "jsonPatch", "expression"], lines(&cel::mutation()))?;
            filler.set(2, &["apiVersion"], text(&api))?;
            filler.set(2, &["spec", "paramRef", "namespace"], text(namespace))
        })
    }

    /// The variables of a policy that annotates pods.
    fn variables(&self, settings: Variable) -> Value {
        let decision = cel::decision("object", &self.scope);
        let all = decision.into_iter().chain(std::iter::once(settings)).chain(cel::text());
        Value::List(all.map(entry).collect())
    }
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
