//! The page's own content security policy lets the SDK load, run and send.

use super::Check;
use super::rum_snippet::pages;
use crate::check::Outcome;
use crate::facts::rum::{allows, allows_inline};
use crate::mesh::Mesh;

pub(super) const CHECK: Check =
    Check { id: "rum-csp", section: "RUM", title: "the page's policy lets the SDK through", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for (map, field, monitoring) in pages(mesh) {
        for policy in &monitoring.policies {
            outcome.looked(CHECK.id);
            let mut fail = |what: String, hint: String| {
                let message = format!("the page's Content-Security-Policy {what}");
                outcome.fail(CHECK.id, map, field, message, hint);
            };
            let sdk = &monitoring.sdk;
            if !sdk.is_empty() && sdk.contains("://") && !allows(policy, "script-src", sdk) {
                let host = sdk.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
                fail(format!("keeps browsers from loading {sdk}"), format!("add {host} to script-src"));
                continue;
            }
            if !allows_inline(policy) {
                fail(
                    "keeps browsers from running scripts of the page itself, DATAFLUX_RUM.init among them"
                        .to_owned(),
                    "add 'unsafe-inline' or a nonce to script-src".to_owned(),
                );
            }
            let origin = monitoring.init.as_ref().and_then(|init| init.text("datakitOrigin"));
            if let Some(origin) =
                origin.filter(|origin| origin.contains("://") && !allows(policy, "connect-src", origin))
            {
                fail(
                    format!("keeps browsers from sending to {origin}"),
                    format!("add {origin} to connect-src"),
                );
            }
        }
    }
}
