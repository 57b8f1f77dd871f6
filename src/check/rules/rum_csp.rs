//! The page's own content security policy lets the SDK load, run and send.

use super::Check;
use super::rum_snippet::pages;
use crate::check::Outcome;
use crate::facts::rum::{allows, allows_inline};
use crate::mesh::Mesh;
use crate::page::settings::Monitoring;

pub(super) const CHECK: Check =
    Check { id: "rum-csp", section: "RUM", title: "the page's policy lets the SDK through", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let headers = mesh.headers();
    for (map, field, monitoring) in pages(mesh) {
        let own = monitoring.policies.iter().map(|policy| (policy.as_str(), map, field));
        let sent = headers.iter().map(|header| (header.policy.as_str(), header.object, header.field));
        for (policy, object, field) in own.chain(sent) {
            outcome.looked(CHECK.id);
            for (what, hint) in blocked(policy, monitoring) {
                let message = format!("the page's Content-Security-Policy {what}");
                outcome.fail(CHECK.id, object, field, message, hint);
            }
        }
    }
}

/// What of monitoring a policy keeps browsers from, and the edit.
fn blocked(policy: &str, monitoring: &Monitoring) -> Vec<(String, String)> {
    let sdk = &monitoring.sdk;
    if sdk.contains("://") && !allows(policy, "script-src", sdk) {
        let host = sdk.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        return vec![(format!("keeps browsers from loading {sdk}"), format!("add {host} to script-src"))];
    }
    if !allows_inline(policy) {
        return vec![(
            "keeps browsers from running scripts of the page itself, DATAFLUX_RUM.init among them".to_owned(),
            "add 'unsafe-inline' or a nonce to script-src".to_owned(),
        )];
    }
    let origin = monitoring.init.as_ref().and_then(|init| init.text("datakitOrigin"));
    let origin = origin.filter(|origin| origin.contains("://") && !allows(policy, "connect-src", origin));
    origin
        .map(|origin| {
            (format!("keeps browsers from sending to {origin}"), format!("add {origin} to connect-src"))
        })
        .into_iter()
        .collect()
}
