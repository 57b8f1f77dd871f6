//! DataKit listens where other hosts reach it.

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::{ENV_LISTEN, ENV_TLS, Listening, PORT};
use crate::gate::command;
use crate::mesh::{Datakit, Mesh};

pub(super) const CHECK: Check =
    Check { id: "datakit-listen", section: "DataKit", title: "DataKit listens to other hosts", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        one(datakit, mesh.inventory.live, outcome);
    }
}

fn one(datakit: &Datakit<'_>, live: bool, outcome: &mut Outcome) {
    let var = datakit.variables.get(ENV_LISTEN);
    let env = datakit.container.get("env");
    let (object, place) = var.map_or((datakit.object, env), |var| (var.object, var.field));
    let text = datakit.env_text(ENV_LISTEN);
    let value = if text.is_empty() {
        format!("{ENV_LISTEN} is not set")
    } else {
        format!("{ENV_LISTEN} is `{text}`")
    };
    let message = match datakit.listening() {
        None => {
            // The node's own address is one that others reach; what a Secret says is not known.
            return outcome.unknown(
                CHECK.id,
                object,
                place,
                format!("the value of {ENV_LISTEN} is not in view"),
            );
        }
        Some(Listening::All(_)) => return tls(datakit, outcome),
        Some(Listening::Loopback(_)) => {
            format!("{value}, so DataKit listens on localhost only and no sidecar reaches it")
        }
        Some(Listening::Fixed) => format!("{value}: one fixed address, which at most one node has"),
        Some(Listening::Nowhere) => {
            format!("{value}, which is no address to listen on (HOST:PORT), so DataKit opens no port")
        }
    };
    let port = match datakit.listening() {
        Some(Listening::Loopback(port)) => port,
        _ => PORT,
    };
    let hint = if live {
        let (namespace, name) = (datakit.object.namespace(), datakit.object.reference());
        command!("kubectl set env -n {} {} {}", namespace, name, format!("{ENV_LISTEN}=0.0.0.0:{port}"))
    } else if var.is_none() {
        super::datakit::patch(datakit, "")
    } else {
        format!("write 0.0.0.0:{port} as the value of {ENV_LISTEN}")
    };
    outcome
        .fail(CHECK.id, object, place, message, hint)
        .leads_to("spans and what browsers send do not arrive");
}

/// Envoy's tracer and browsers on plain pages speak no TLS to DataKit.
fn tls(datakit: &Datakit<'_>, outcome: &mut Outcome) {
    outcome.looked(CHECK.id);
    let text = datakit.env_text(ENV_TLS).trim().to_ascii_lowercase();
    let is_off = matches!(&*text, "" | "false" | "f" | "0" | "no" | "off");
    if let Some(var) = datakit.variables.get(ENV_TLS).filter(|_| !is_off) {
        let message =
            format!("{ENV_TLS} is `{text}`, so DataKit wants TLS, and Envoy posts spans without it");
        let hint =
            format!("remove {ENV_TLS}; let a second DataKit, or the gateway, take what comes by HTTPS");
        outcome
            .fail(CHECK.id, var.object, var.field, message, hint)
            .leads_to("spans and what browsers send do not arrive");
    }
}
