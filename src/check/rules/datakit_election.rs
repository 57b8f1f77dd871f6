//! What files tell every DataKit to scrape is scraped by one of them: by election.

use toml::Value as Toml;

use super::command::kubectl;
use super::{Check, datakit as shared};
use crate::check::Outcome;
use crate::facts::datakit::ENV_ELECTION;
use crate::mesh::{Datakit, Mesh, target};
use crate::rule::datakit::conf;

pub(super) const CHECK: Check = Check {
    id: "datakit-election",
    section: "DataKit",
    title: "one DataKit scrapes what all are told to scrape",
    run,
};

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        // Files do not tell how many nodes there are.
        let pods = datakit.pods(mesh.inventory).len();
        // That is told by its name.
        if datakit.misspelt_variables().iter().any(|(_, meant)| *meant == ENV_ELECTION) {
            continue;
        }
        if pods > 1 && !datakit.variables.is_unknown(ENV_ELECTION) && !datakit.switches_off("prom") {
            one(datakit, pods, outcome);
        }
    }
}

fn one(datakit: &Datakit<'_>, pods: usize, outcome: &mut Outcome) {
    let elects = !datakit.env_text(ENV_ELECTION).is_empty();
    for (file, table) in datakit.conf.blocks("prom") {
        // An address of the node itself is another one on each node.
        let shared_url =
            conf::urls(table).into_iter().find(|url| target(url).is_some_and(|t| t.service("").is_some()));
        let Some(url) = shared_url else { continue };
        outcome.looked(CHECK.id);
        let takes_part = shared::setting(table, "election").and_then(Toml::as_bool).unwrap_or(true);
        if elects && takes_part {
            continue;
        }
        let (why, hint) = if elects {
            (
                "the file says election = false".to_owned(),
                "remove `election = false` from the file".to_owned(),
            )
        } else {
            let command = kubectl("set env", datakit.object);
            (format!("{ENV_ELECTION} is not set"), format!("{command} {ENV_ELECTION}=enable"))
        };
        let message =
            format!("each of {pods} DataKits scrapes {url}, so its metrics arrive {pods} times: {why}");
        outcome.warn(CHECK.id, file.object, file.field, message, hint);
    }
}
