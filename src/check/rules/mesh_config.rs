//! Istio can read what it is configured by: the mesh configuration, and the annotation `proxy.istio.io/config`.

use super::Check;
use super::istiod_ready::istiods;
use super::spans;
use crate::check::Outcome;
use crate::facts::istio::{DEFAULT_REVISION, PROXY_CONFIG_ANNOTATION, REVISION_LABEL, SHARED_MESH_CONFIG};
use crate::gate::command;
use crate::kube::{Field, Object};
use crate::mesh::Mesh;
use crate::mesh::config::{ConfigProblem, proxy_config};
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "mesh-config", section: "Istio", title: "Istio can read its configuration", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    missing(mesh, outcome);
    for plane in &mesh.tracing.planes {
        outcome.looked(CHECK.id);
        for problem in &plane.reading.problems {
            report(problem, plane.object, plane.field, "the mesh configuration", outcome);
        }
    }
    for proxy in &mesh.tracing.proxies {
        let Some((field, object)) = proxy.own_config().zip(proxy.object) else { continue };
        outcome.looked(CHECK.id);
        for problem in proxy_config(&field.text()).problems {
            report(&problem, object, field, PROXY_CONFIG_ANNOTATION, outcome);
        }
    }
}

/// A cluster with an istiod, and no mesh configuration for it.
fn missing(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let inventory = mesh.inventory;
    if !inventory.live && mesh.tracing.planes.is_empty() {
        return without_key(mesh, outcome);
    }
    let is_seen = inventory.live && !inventory.may_miss("", "configmaps");
    let Some(istiod) = istiods(mesh).next().filter(|_| is_seen && mesh.tracing.planes.is_empty()) else {
        return;
    };
    let containers = || istiod.at(&["spec", "template", "spec", "containers"]).items();
    let mut variables = containers().flat_map(|container| container.get("env").items());
    if variables.any(|variable| variable.get("name").is(SHARED_MESH_CONFIG)) {
        return;
    }
    let revision = istiod.label(REVISION_LABEL);
    let name = match &*revision {
        "" | DEFAULT_REVISION => "istio".to_owned(),
        revision => format!("istio-{revision}"),
    };
    let message = format!(
        "ConfigMap `{name}` in namespace `{}` is not there or has no key `mesh`, so istiod has no providers, and an address for \
         spans only where its version has one",
        istiod.namespace()
    );
    let hint = "install Istio again as it was installed (istioctl install, or helm upgrade of istiod): that puts it back";
    outcome.fail(CHECK.id, istiod, istiod.at(&["metadata"]), message, hint);
}

/// A file has the ConfigMap of an istiod that is in view, and the configuration is under another key.
fn without_key(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let Some(istiod) = istiods(mesh).next() else { return };
    let map = mesh.inventory.get("", "ConfigMap", istiod.namespace(), "istio");
    let Some(map) = map.filter(|map| !map.at(&["data", "mesh"]).exists()) else { return };
    let data = map.at(&["data"]);
    let keys: Vec<String> = data.entries().map(|(key, _)| key.into_owned()).collect();
    let near = nearest("mesh", keys.iter().map(String::as_str));
    let message = "it has no key `mesh`, so istiod has no providers, and an address for spans only where its version has one";
    let hint = near.map_or_else(
        || "put the mesh configuration under the key `mesh`".to_owned(),
        |near| format!("write the key `mesh` instead of `{near}`"),
    );
    outcome.fail(CHECK.id, map, data, message, hint);
}

fn report(problem: &ConfigProblem, object: &Object, field: Field<'_>, what: &str, outcome: &mut Outcome) {
    let (message, hint) = match problem {
        ConfigProblem::Refused(why) => (
            format!("Istio refuses {what} and keeps what it had before: {why}"),
            match spans::file_of(object) {
                Some(path) => format!("correct the value in {path}"),
                None => command!("kubectl edit {} -n {}", object.reference(), object.namespace()),
            },
        ),
        ConfigProblem::Misspelt { path, right } => (
            format!("Istio ignores `{path}` in {what}: there is no such key"),
            format!("write `{right}` instead of `{}`", path.rsplit('.').next().unwrap_or(path)),
        ),
        ConfigProblem::Misplaced { path, right } => (
            format!("Istio ignores `{path}` in {what}: the key does not belong there"),
            format!("move it to `{right}`"),
        ),
    };
    outcome.fail(CHECK.id, object, field, message, hint);
}
