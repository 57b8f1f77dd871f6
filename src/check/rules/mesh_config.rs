//! Istio can read what it is configured by: the mesh configuration, and the annotation `proxy.istio.io/config`.

use super::Check;
use super::spans;
use crate::check::Outcome;
use crate::facts::istio::PROXY_CONFIG_ANNOTATION;
use crate::gate::command;
use crate::kube::{Field, Object};
use crate::mesh::Mesh;
use crate::mesh::config::{ConfigProblem, proxy_config};

pub(super) const CHECK: Check =
    Check { id: "mesh-config", section: "Istio", title: "Istio can read its configuration", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
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
