//! A label on every resource that `install` applies, so that people find them: `kubectl get all -A -l meshobs/installed`.

use super::{Outcome, Rule, Target};
use crate::yaml::{Changes, Place, Refusal, Value};

/// The label.
pub const LABEL: &str = "meshobs/installed";

/// The rule. It is not one of `patch`.
#[derive(Debug)]
pub struct Installed;

impl Rule for Installed {
    fn name(&self) -> &'static str {
        "installed"
    }

    fn apply(&self, target: &Target<'_>, changes: &mut Changes) -> Result<Outcome, Refusal> {
        let mut outcome = Outcome::default();
        let path = ["metadata", "labels", LABEL];
        if target.doc.path(target.resource.at, &path).is_some() {
            return Ok(outcome);
        }
        let path = path.map(|key| (key, Place::Last));
        target.set(changes, target.resource.at, &path, Value::Text("true".to_owned()))?;
        outcome.patched = true;
        Ok(outcome)
    }
}
