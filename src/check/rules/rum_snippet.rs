//! What the page says to the SDK can be run, and leads browsers to DataKit.

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::ENV_TLS;
use crate::facts::rum::{BadOrigin, bad_origin, is_tls_at_datakit, misspelt_sdk, placeholder};
use crate::kube::{Field, Object};
use crate::mesh::pages::Source;
use crate::mesh::{Datakit, Mesh};
use crate::page::settings::{Init, Monitoring, Value};

pub(super) const CHECK: Check = Check {
    id: "rum-snippet",
    section: "RUM",
    title: "the page tells the SDK its application and where to send to",
    run,
};

/// The pages in view that have monitoring: the ConfigMap, its text, and what is in it. Each once.
pub(super) fn pages<'m, 'i>(mesh: &'m Mesh<'i>) -> Vec<(&'i Object, Field<'i>, &'m Monitoring)> {
    let mut found: Vec<(&Object, Field<'_>, &Monitoring)> = Vec::new();
    for page in &mesh.pages {
        let Source::Text { map, field, monitoring } = &page.source else { continue };
        let is_known =
            found.iter().any(|(known, at, _)| std::ptr::eq(*known, *map) && at.offset() == field.offset());
        if !is_known && (monitoring.loads || monitoring.init.is_some()) {
            found.push((map, *field, monitoring));
        }
    }
    found
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let is_https = is_https(mesh);
    for (map, field, monitoring) in pages(mesh) {
        outcome.looked(CHECK.id);
        let mut fail = |message: String, hint: String| {
            outcome.fail(CHECK.id, map, field, message, hint);
        };
        let Some(init) = &monitoring.init else {
            if let Some(other) = &monitoring.elsewhere {
                let message = format!("whether {other} calls DATAFLUX_RUM.init is not in view");
                outcome.unknown(CHECK.id, map, field, message);
                continue;
            }
            fail(
                "the page loads the SDK and never calls DATAFLUX_RUM.init, so nothing is sent".to_owned(),
                "write the page anew: meshobs init rum --mode configmap".to_owned(),
            );
            continue;
        };
        if !monitoring.loads {
            fail(
                "the page calls DATAFLUX_RUM.init and does not load the SDK".to_owned(),
                format!("add <script src=\"{}\"></script> in front of it", crate::page::SDK),
            );
        }
        if let Some((part, right)) = misspelt_sdk(&monitoring.sdk) {
            fail(
                format!("the SDK is not at {}: `{part}` was meant to be `{right}`", monitoring.sdk),
                format!("write {right} instead of {part}"),
            );
        }
        if monitoring.is_early {
            fail(
                "the page calls DATAFLUX_RUM.init before the SDK is loaded, so nothing is sent".to_owned(),
                "load the SDK in front of it without async and defer, or call init in DATAFLUX_RUM.onReady"
                    .to_owned(),
            );
        }
        for Wrong { message, hint, may_be_meant } in faults(mesh, init, is_https) {
            if may_be_meant {
                outcome.warn(CHECK.id, map, field, message, hint);
            } else {
                outcome.fail(CHECK.id, map, field, message, hint);
            }
        }
    }
}

/// A setting that is wrong, and the edit.
struct Wrong {
    message: String,
    hint: String,
    may_be_meant: bool,
}

impl Wrong {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), may_be_meant: false }
    }
}

/// Whether the gateways in view serve https only.
fn is_https(mesh: &Mesh<'_>) -> bool {
    let gateways = mesh.inventory.of("networking.istio.io", "Gateway");
    let protocols: Vec<_> = gateways
        .flat_map(|gateway| gateway.at(&["spec", "servers"]).items())
        .filter(|server| !server.at(&["tls", "httpsRedirect"]).is_true())
        .map(|server| server.at(&["port", "protocol"]).text())
        .collect();
    !protocols.is_empty() && protocols.iter().all(|protocol| protocol.eq_ignore_ascii_case("HTTPS"))
}

fn faults(mesh: &Mesh<'_>, init: &Init, is_https: bool) -> Vec<Wrong> {
    let mut found = Vec::new();
    if init.is_opaque {
        return found;
    }
    if let Some(key) = &init.no_comma_before {
        let message = format!(
            "a comma is missing in front of `{key}` in DATAFLUX_RUM.init, so the browser runs nothing of it"
        );
        return vec![Wrong::new(message, format!("add a comma at the end of the line above `{key}`"))];
    }
    if init.is_open {
        let message = "the call of DATAFLUX_RUM.init is not closed, so the browser runs nothing of it";
        return vec![Wrong::new(message, "close the call with `})`, and every text in it with its quote")];
    }
    match init.get("applicationId") {
        None => found.push(Wrong::new(
            "DATAFLUX_RUM.init has no applicationId, so the SDK sends nothing",
            "add applicationId with the id of the application in the console",
        )),
        Some(Value::Text(id)) => {
            let placeholder = placeholder(id);
            if id.trim().is_empty() || placeholder.is_some() {
                let what = placeholder
                    .map_or_else(|| "empty".to_owned(), |part| format!("still the placeholder `{part}`"));
                found.push(Wrong::new(
                    format!("applicationId is {what}, so the data belongs to no application"),
                    "write the id of the application in the console",
                ));
            }
        }
        Some(_) => {}
    }
    let rate = init.get("sessionSampleRate");
    if matches!(rate, Some(Value::Number(rate) | Value::Text(rate)) if rate.parse::<f64>() == Ok(0.0)) {
        found.push(Wrong::new(
            "sessionSampleRate is 0, so no session is watched",
            "write sessionSampleRate: 100",
        ));
    }
    found.extend(origin(mesh, init, is_https));
    found
}

/// Whether no DataKit in view speaks TLS.
fn speaks_plainly(mesh: &Mesh<'_>) -> bool {
    let is_plain = |datakit: &Datakit<'_>| {
        datakit.env_text(ENV_TLS).is_empty() && !datakit.variables.is_unknown(ENV_TLS)
    };
    !mesh.datakits.is_empty() && mesh.datakits.iter().all(is_plain)
}

fn origin(mesh: &Mesh<'_>, init: &Init, is_https: bool) -> Option<Wrong> {
    const LIKE: &str = "write datakitOrigin as a browser reaches DataKit, as \"http://203.0.113.7:9529\"";
    let Some(value) = init.get("datakitOrigin").or_else(|| init.get("datakitUrl")) else {
        let is_public = init.get("site").is_some() && init.get("clientToken").is_some();
        let message =
            "DATAFLUX_RUM.init has neither datakitOrigin nor site and clientToken, so the SDK sends nothing";
        return (!is_public).then(|| Wrong::new(message, LIKE));
    };
    let Value::Text(origin) = value else { return None };
    let Some(bad) = bad_origin(origin) else {
        if is_tls_at_datakit(origin) && speaks_plainly(mesh) {
            let message = format!(
                "datakitOrigin is {origin}, and DataKit speaks plain HTTP on its port: {ENV_TLS} is not set"
            );
            return Some(Wrong { may_be_meant: true, ..Wrong::new(message, LIKE) });
        }
        let is_mixed = is_https && origin.starts_with("http://");
        return is_mixed.then(|| {
            let message =
                format!("the page is served by https only, and browsers send nothing from it to {origin}");
            Wrong::new(message, "write an https origin in datakitOrigin")
        });
    };
    let listens = |port: &str| {
        let ports = mesh.datakits.iter().map(|datakit| crate::mesh::route::listens_on(datakit).to_string());
        ports.into_iter().any(|own| own == port)
    };
    if matches!(&bad, BadOrigin::NearPort(port) if listens(port)) {
        return None;
    }
    // Something else may forward what comes to port 80.
    let may_be_meant = matches!(bad, BadOrigin::NoPort | BadOrigin::NearPort(_));
    Some(Wrong { may_be_meant, ..Wrong::new(bad.explain(origin), LIKE) })
}
