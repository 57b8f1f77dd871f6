//! DataKit's lists of containers do not leave the applications of the mesh out, and their output is not taken twice.

use std::collections::BTreeMap;

use super::{Check, logs_input, scraping as shared};
use crate::check::Outcome;
use crate::facts::datakit::{LOG_FILTERS, LOGS_ANNOTATION, LOGS_VARIABLE, logs_annotation};
use crate::facts::istio;
use crate::facts::logs::Lists;
use crate::kube::{Field, Object};
use crate::mesh::{Datakit, Mesh, Workload};

pub(super) const CHECK: Check =
    Check { id: "logs-excluded", section: "logs", title: "no list leaves the output of the mesh out", run };

/// The lists of a DataKit, and the last thing that says something about them.
struct Filter<'i> {
    lists: Lists,
    object: &'i Object,
    field: Field<'i>,
    names: String,
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        if datakit.runs("container") != Some(true) {
            continue;
        }
        let place = datakit.container.get("env");
        if logs_input::reads_output(datakit) {
            let message = "the inputs `container` and `logging` both collect the output of containers, so each line arrives twice";
            outcome.fail(CHECK.id, datakit.object, place, message, "remove the block [[inputs.logging]]");
        }
        if let Some((variable, _)) = LOG_FILTERS.iter().find(|(name, _)| datakit.variables.is_unknown(name)) {
            outcome.unknown(CHECK.id, datakit.object, place, format!("{variable} is not in view"));
            continue;
        }
        if let Some(filter) = filter(datakit) {
            judge(mesh, &filter, outcome);
        } else {
            outcome.looked(CHECK.id);
        }
    }
}

fn filter<'i>(datakit: &Datakit<'i>) -> Option<Filter<'i>> {
    let mut texts: [Vec<String>; 2] = Default::default();
    let mut place = None;
    let mut names = Vec::new();
    for ((variable, key), texts) in LOG_FILTERS.iter().zip(&mut texts) {
        for (file, table) in datakit.conf.blocks("container") {
            let list = table.get(*key).and_then(toml::Value::as_array).into_iter().flatten();
            let before = texts.len();
            texts.extend(list.filter_map(toml::Value::as_str).map(str::to_owned));
            if texts.len() > before {
                place = Some((file.object, file.field));
                names.push(format!("{key} in `{}`", file.name));
            }
        }
        let text = datakit.env_text(variable);
        if let Some(var) = datakit.variables.get(variable).filter(|_| !text.is_empty()) {
            texts.extend(text.split(',').map(str::to_owned));
            place = Some((var.object, var.field));
            names.push(format!("{variable} = {text}"));
        }
    }
    let [include, exclude] = &texts;
    let lists = Lists::of(include.iter().map(String::as_str), exclude.iter().map(String::as_str));
    let (object, field) = place.filter(|_| !lists.is_empty())?;
    Some(Filter { lists, object, field, names: names.join(" and ") })
}

/// Containers of the application that nothing says more about; those of proxies are not asked for.
fn containers<'i>(workload: &Workload<'i>) -> impl Iterator<Item = Field<'i>> {
    let workload = *workload;
    let containers = workload.spec().get("containers").items();
    containers.filter(move |container| {
        let name = container.get("name").text();
        let is_told = workload.annotation(LOGS_ANNOTATION).is_set()
            || workload.annotation(&logs_annotation(&name)).is_set()
            || container.get("env").items().any(|variable| variable.get("name").is(LOGS_VARIABLE));
        name != istio::PROXY_CONTAINER && !is_told
    })
}

fn judge(mesh: &Mesh<'_>, filter: &Filter<'_>, outcome: &mut Outcome) {
    // By namespaces: leaving out one workload may be meant, leaving out all of a namespace swallows it.
    let mut homes: BTreeMap<&str, Vec<Option<bool>>> = BTreeMap::new();
    let proxies =
        mesh.scraping.proxies.iter().filter(|one| one.proxy.kind == crate::mesh::scrape::Kind::Sidecar);
    for workload in proxies.map(|one| one.proxy.workload) {
        let namespace = workload.object.namespace();
        for container in containers(&workload) {
            let out = filter.lists.leave_out(&container.get("image").text(), namespace);
            homes.entry(namespace).or_default().push(out);
        }
    }
    if homes.is_empty() {
        return;
    }
    let out = |judged: &Vec<Option<bool>>| judged.iter().all(|out| *out == Some(true));
    let lost: Vec<&str> = homes.iter().filter(|(_, judged)| out(judged)).map(|(name, _)| *name).collect();
    if lost.is_empty() {
        if homes.values().flatten().any(Option::is_none) {
            let message =
                format!("whether {} leaves containers of the mesh out depends on the version", filter.names);
            return outcome.unknown(CHECK.id, filter.object, filter.field, message);
        }
        return outcome.looked(CHECK.id);
    }
    let names = lost.join(", ");
    let message = format!("{} leaves out every application in {names}", filter.names);
    let hint = format!("take the rule that fits {names} out of it");
    let count = lost.iter().filter_map(|name| homes.get(name)).map(Vec::len).sum::<usize>();
    let finding = outcome.fail(CHECK.id, filter.object, filter.field, message, hint);
    let count = shared::workloads(count, "has no logs", "have no logs").replace("workload", "container");
    finding.leads_to(count);
}
