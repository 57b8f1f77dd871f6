//! A rule for one workload alone.

use super::{Outcome, Rule, Target, Workload};
use crate::yaml::{Changes, Refusal};

/// The rule.
pub struct Only {
    /// The workload.
    pub workload: Workload,
    /// The namespace of resources that say none.
    pub namespace: String,
    /// What is done to it.
    pub rule: Box<dyn Rule>,
}

impl Rule for Only {
    fn name(&self) -> &'static str {
        self.rule.name()
    }

    fn apply(&self, target: &Target<'_>, changes: &mut Changes) -> Result<Outcome, Refusal> {
        if Workload::of(target.resource, &self.namespace) != self.workload {
            return Ok(Outcome::default());
        }
        self.rule.apply(target, changes)
    }
}
