//! DataKit on every node. What the template lacks (token, collectors, inputs) is put in by the same rule that edits a manifest
//! of the user's.

use super::Blueprint;

/// Namespace, ServiceAccount, rights, Service, DaemonSet and configuration.
pub const TEMPLATE: Blueprint<'static> = Blueprint::built_in(include_str!("../../templates/datakit.yaml"));
