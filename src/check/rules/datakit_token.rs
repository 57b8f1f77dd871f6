//! DataKit knows where to upload to: ENV_DATAWAY has absolute addresses, each with a token of a token's shape.

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::ENV_DATAWAY;
use crate::facts::dataway::{Fault, fault};
use crate::mesh::{Datakit, Mesh, Value};
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "datakit-token", section: "DataKit", title: "DataKit knows where to upload to", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        one(datakit, outcome);
    }
}

fn one(datakit: &Datakit<'_>, outcome: &mut Outcome) {
    let hint = |flags: &str| super::datakit::patch(datakit, flags);
    let mut flags = "--token-file TOKEN_FILE";
    let Some(var) = datakit.variables.get(ENV_DATAWAY) else {
        let env = datakit.container.get("env");
        if let Some((field, what)) = datakit.variables.unseen.first() {
            let message = format!("{ENV_DATAWAY} may come from {what}, which is not in view");
            return outcome.unknown(CHECK.id, datakit.object, *field, message);
        }
        match nearest(ENV_DATAWAY, datakit.variables.names()) {
            Some(wrong) => {
                let place = datakit.env(wrong).map_or(env, |item| item.get("name"));
                let message = format!("no {ENV_DATAWAY}, so nothing is uploaded: `{wrong}` is misspelt");
                let hint = format!("rename the variable `{wrong}` to {ENV_DATAWAY}");
                outcome.fail(CHECK.id, datakit.object, place, message, hint);
            }
            None => {
                let message = format!("no {ENV_DATAWAY}, so nothing is uploaded");
                outcome.fail(CHECK.id, datakit.object, env, message, hint(flags));
            }
        }
        return;
    };
    let message = match &var.value {
        Value::Unknown(from) => {
            let message = format!("{ENV_DATAWAY} comes from {from}, which is not in view");
            return outcome.unknown(CHECK.id, var.object, var.field, message);
        }
        Value::Missing { map, key: Some(key) } => {
            format!(
                "{ENV_DATAWAY} comes from the key `{key}` of ConfigMap `{map}`, which has no such key: DataKit cannot start"
            )
        }
        Value::Missing { map, key: None } => {
            format!(
                "{ENV_DATAWAY} comes from ConfigMap `{map}`, which does not exist in its namespace: DataKit cannot start"
            )
        }
        Value::Text(text) => match fault(text) {
            None => return outcome.looked(CHECK.id),
            Some((number, fault)) => {
                // A token that is there and no placeholder is kept otherwise.
                if matches!(fault, Fault::Token(_) | Fault::Blank) {
                    flags = "--token-file TOKEN_FILE --overwrite";
                }
                describe(text, number, &fault)
            }
        },
    };
    outcome.fail(CHECK.id, var.object, var.field, message, hint(flags));
}

/// What is wrong, without a word of a token.
fn describe(text: &str, number: usize, fault: &Fault) -> String {
    let of = if text.contains(',') {
        format!("address {number} of {ENV_DATAWAY}")
    } else {
        ENV_DATAWAY.to_owned()
    };
    match fault {
        Fault::Placeholder => format!("{of} still has a placeholder, so nothing is uploaded"),
        Fault::TokenPlaceholder => {
            format!("{of} still has a placeholder for its token, so uploads are refused")
        }
        Fault::Quoted => format!(
            "the value of {of} itself begins or ends with a quote, so it is no absolute URL and DataKit never opens its port; \
             remove the inner quotes"
        ),
        Fault::Blank => {
            format!(
                "{of} has a blank or a line end in it, so it is no valid URL with a valid token; remove it"
            )
        }
        Fault::Address(what) => format!(
            "{of} is no absolute URL ({what}), so DataKit never opens its port; it has to be like \
             https://openway.guance.com?token=TOKEN"
        ),
        Fault::Host(right) => format!(
            "the host in {of} is one letter off {right}, so nothing is uploaded; write {right}, if that was meant"
        ),
        Fault::NoToken(Some(name)) => {
            format!("{of} has no parameter `token` but `{name}`, so uploads are refused; write ?token=TOKEN")
        }
        Fault::NoToken(None) => format!("{of} has no token, so uploads are refused; add ?token=TOKEN"),
        Fault::Token(what) => format!("the token in {of} is refused: {what}"),
    }
}
