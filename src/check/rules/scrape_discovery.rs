//! Where discovery by `prometheus.io` annotations is asked for, DataKit does it.

use super::{Check, scraping as shared};
use crate::check::Outcome;
use crate::facts::datakit::ENV_DISCOVERY;
use crate::gate::word;
use crate::mesh::Mesh;
use crate::mesh::scrape::{Discovery, Kind};

pub(super) const CHECK: Check =
    Check { id: "scrape-discovery", section: "DataKit", title: "discovery that is asked for is done", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for rules in &mesh.scraping.rules {
        let ((object, field), message, hint) = match rules.discovery {
            Discovery::On(..) => {
                outcome.looked(CHECK.id);
                continue;
            }
            Discovery::Off | Discovery::Unknown => continue,
            Discovery::Value(object, field) => {
                let value = field.text();
                let message = format!("{ENV_DISCOVERY} is `{value}`, and DataKit takes exactly `true`");
                let hint = if object.spot(field.offset()).is_none() {
                    format!(
                        "kubectl set env -n {} {} {ENV_DISCOVERY}=true",
                        word(rules.object.namespace()),
                        word(&rules.object.reference())
                    )
                } else {
                    format!("set {ENV_DISCOVERY} to \"true\"")
                };
                ((object, field), message, hint)
            }
            Discovery::Misspelt(object, field) => (
                (object, field),
                format!("DataKit reads no variable of this name; {ENV_DISCOVERY} was meant"),
                format!("call it {ENV_DISCOVERY}"),
            ),
            Discovery::NoInput(object, field, input) => (
                (object, field),
                format!("{ENV_DISCOVERY} is on, and the input `{input}` that discovers pods does not run"),
                format!("add `{input}` to ENV_DEFAULT_ENABLED_INPUTS"),
            ),
        };
        let lost =
            mesh.scraping.proxies.iter().filter(|one| one.proxy.kind == Kind::Sidecar && !one.is_scraped());
        let lost = lost.filter(|one| one.annotation.is_none()).count();
        if lost == 0 {
            outcome.warn(CHECK.id, object, field, message, hint);
        } else {
            let finding = outcome.fail(CHECK.id, object, field, message, hint);
            finding.leads_to(shared::workloads(lost, "is not scraped", "are not scraped"));
        }
    }
}
