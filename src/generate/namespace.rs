//! A Namespace whose pods get a sidecar.

use super::Blueprint;
use crate::diagnostic::Diagnostics;
use crate::template;
use crate::yaml::Value;

/// A Namespace with a label for Istio.
pub const TEMPLATE: Blueprint<'static> = Blueprint::built_in(include_str!("../../templates/namespace.yaml"));

/// The label by which a namespace asks for sidecars: of a revision of istiod, or of the default one.
pub fn label(revision: Option<&str>) -> (&'static str, &str) {
    revision.map_or(("istio-injection", "enabled"), |revision| ("istio.io/rev", revision))
}

/// A Namespace with a label.
///
/// # Errors
/// The template has no place for a value.
pub fn namespace(
    blueprint: Blueprint<'_>,
    name: &str,
    (label, value): (&str, &str),
) -> Result<String, Diagnostics> {
    template::fill(blueprint.text, blueprint.name, |filler| {
        filler.set(0, &["metadata", "name"], Value::Text(name.to_owned()))?;
        filler.set(0, &["metadata", "labels", label], Value::Text(value.to_owned()))
    })
}
