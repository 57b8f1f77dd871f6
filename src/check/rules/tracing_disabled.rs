//! No switch turns tracing off.

use super::Check;
use super::spans;
use crate::check::Outcome;
use crate::mesh::Mesh;
use crate::mesh::tracing::{Off, Spans};

pub(super) const CHECK: Check =
    Check { id: "tracing-disabled", section: "tracing", title: "no switch turns tracing off", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let groups = spans::groups(mesh);
    spans::looked(outcome, CHECK.id, &groups);
    for group in &groups {
        let Spans::Off { cause, from } = &group.decision.spans else { continue };
        let (message, hint) = match cause {
            Off::Disabled => (
                "enableTracing is false in the mesh configuration, so no proxy reports spans",
                "remove enableTracing from the mesh configuration, or set it to true",
            ),
            Off::NotReported => (
                "disableSpanReporting is true, so these proxies report no spans",
                "remove disableSpanReporting from the Telemetry, or set it to false",
            ),
            _ => continue,
        };
        let finding = outcome.fail(CHECK.id, from.object, from.field, message, hint);
        group.follow_up(finding);
    }
}
