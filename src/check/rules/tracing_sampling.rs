//! A share of requests is sampled.

use super::Check;
use super::spans;
use crate::check::Outcome;
use crate::mesh::Mesh;
use crate::mesh::tracing::{Off, Spans};

pub(super) const CHECK: Check =
    Check { id: "tracing-sampling", section: "tracing", title: "a share of requests is sampled", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let groups = spans::groups(mesh);
    spans::looked(outcome, CHECK.id, &groups);
    for group in &groups {
        let Spans::Off { cause, from } = &group.decision.spans else { continue };
        let (message, hint) = match cause {
            Off::SamplesNothing(key) => (
                format!("{key} is 0 or less, so no request is traced"),
                format!("set {key} to a share in percent, such as 1 or 100"),
            ),
            Off::SamplesNothingByDefault(version) => (
                format!(
                    "this Telemetry has no randomSamplingPercentage, and Istio {version} takes that for 0 % (1.13 to 1.16 do)"
                ),
                "add randomSamplingPercentage to the entry, such as 1 or 100".to_owned(),
            ),
            _ => continue,
        };
        let finding = outcome.fail(CHECK.id, from.object, from.field, message, hint);
        group.follow_up(finding);
    }
}
