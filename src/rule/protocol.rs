//! `protocol` on the ports of Services that omit it, for Kubernetes before 1.21: its server-side apply refuses them, since a
//! port's protocol is part of its key (kubernetes/kubernetes#92332). TCP is what every version puts there by default.

use super::{Outcome, Rule, Target};
use crate::yaml::{Changes, Place, Refusal, Value};

/// The rule. It is not one of `patch`.
#[derive(Debug)]
pub struct PortProtocol;

impl Rule for PortProtocol {
    fn name(&self) -> &'static str {
        "protocol"
    }

    fn apply(&self, target: &Target<'_>, changes: &mut Changes) -> Result<Outcome, Refusal> {
        let Target { doc, resource, .. } = *target;
        let mut outcome = Outcome::default();
        let ports = doc.path(resource.at, &["spec", "ports"]);
        let Some(ports) = ports.filter(|_| resource.kind == "Service" && resource.group().is_empty()) else {
            return Ok(outcome);
        };
        for port in doc.items(ports) {
            if doc.get(port, "protocol").is_none() {
                target.set(changes, port, &[("protocol", Place::Last)], Value::Text("TCP".to_owned()))?;
                outcome.patched = true;
            }
        }
        Ok(outcome)
    }
}
