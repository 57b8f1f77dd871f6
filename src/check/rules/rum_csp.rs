//! The policies that a page comes with let the SDK load, run and send.

use super::Check;
use super::rum_snippet::pages;
use crate::check::Outcome;
use crate::mesh::Mesh;
use crate::page::judge::{Delivery, Verdict, judge, remedies, what};

pub(super) const CHECK: Check =
    Check { id: "rum-csp", section: "RUM", title: "the page's policy lets the SDK through", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let headers = mesh.headers();
    for (map, field, monitoring) in pages(mesh) {
        let own = monitoring.policies.iter();
        let own = own.map(|policy| (policy.text.as_str(), Delivery::Meta(policy.at), map, field));
        let sent = headers.iter();
        let sent = sent.map(|header| (header.policy.as_str(), Delivery::Header, header.object, header.field));
        for (policy, delivery, object, field) in own.chain(sent) {
            outcome.looked(CHECK.id);
            match judge(monitoring, policy, delivery) {
                Verdict::Unknown => {
                    let message = "the page's Content-Security-Policy is written when the page is served";
                    outcome.unknown(CHECK.id, object, field, message.to_owned());
                }
                Verdict::Blocks(blocks) if blocks.is_empty() => {}
                Verdict::Blocks(blocks) => {
                    let what = what(&blocks).join(", ");
                    let message = format!("the page's Content-Security-Policy keeps browsers from {what}");
                    outcome.fail(CHECK.id, object, field, message, remedies(&blocks).join("; "));
                }
            }
        }
    }
}
