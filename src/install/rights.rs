//! Whether the user may do all that a plan comes to: asked of the server in one go, before anything is done. Reads only. What
//! the server's dry run has judged needs no question: it asks for the same rights.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::object::{Index, Reference};
use super::plan::Planned;
use super::record::Record;
use super::{Action, Edit, Failure, Step, apply};
use crate::cluster::Kubectl;

/// Something that is done to an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Act {
    verb: &'static str,
    kind: String,
    group: String,
    namespace: String,
    /// Empty where it is done to objects of any name.
    name: String,
}

impl Act {
    fn on(verb: &'static str, what: &Reference) -> Self {
        let (kind, group) = what.kind_and_group();
        let (kind, group) = (kind.to_owned(), group.to_owned());
        Self { verb, kind, group, namespace: what.namespace.clone(), name: what.name.clone() }
    }

    /// The same to objects of any name: a right to create one cannot be had for a name alone.
    fn nameless(verb: &'static str, what: &Reference) -> Self {
        Self { name: String::new(), ..Self::on(verb, what) }
    }

    /// For people, as `kubectl auth can-i` takes it.
    fn title(&self, resource: &str) -> String {
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        let name = if self.name.is_empty() { String::new() } else { format!("/{}", self.name) };
        let namespace =
            if self.namespace.is_empty() { String::new() } else { format!(" in {}", self.namespace) };
        format!("{} {resource}{group}{name}{namespace}", self.verb)
    }
}

/// What of a plan the user may not do, for people.
///
/// # Errors
/// The server does not tell.
pub fn missing(
    kubectl: &Kubectl,
    (steps, planned): (&[Step], &[Planned]),
    record: &Record,
) -> Result<Vec<String>, Failure> {
    let mut acts: BTreeSet<Act> = record.writes().iter().map(|(verb, what)| Act::on(verb, what)).collect();
    for (step, planned) in steps.iter().zip(planned).filter(|(_, planned)| !planned.is_in_place()) {
        of_step(step, planned, &mut acts);
    }
    let resources = resources(kubectl)?;
    // Of a kind that comes with the plan nobody can tell yet.
    let asked: Vec<(&Act, &str)> = acts
        .iter()
        .filter_map(|act| Some((act, resources.get(&(act.kind.clone(), act.group.clone()))?.as_str())))
        .collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let reviews: String =
        asked.iter().map(|(act, resource)| format!("{}\n", review(act, resource))).collect();
    let answers = apply::objects(&kubectl.feed(&["create", "-f", "-", "-o", "json"], &reviews)?);
    if answers.len() != asked.len() {
        return Err(Failure::new("the server did not answer every question about rights"));
    }
    let refused = asked.iter().zip(&answers).filter(|(_, answer)| !is_allowed(answer));
    Ok(refused.map(|((act, resource), _)| act.title(resource)).collect())
}

fn is_allowed(answer: &Value) -> bool {
    answer.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or_default()
}

fn of_step(step: &Step, planned: &Planned, acts: &mut BTreeSet<Act>) {
    match &step.action {
        Action::Apply(_) | Action::Define(_) => {
            for what in &planned.unjudged {
                acts.insert(Act::nameless("create", what));
                acts.insert(Act::nameless("patch", what));
            }
        }
        Action::Change(change) => {
            acts.insert(Act::on("patch", &change.object));
        }
        Action::Edit(edit) => of_edit(edit, acts),
        // What istioctl does it says itself.
        Action::Istio(..) => {}
    }
}

fn of_edit(edit: &Edit, acts: &mut BTreeSet<Act>) {
    let before = Index::of(edit.before.iter().cloned());
    for object in &edit.after {
        let what = Reference::of(object);
        match before.get(&what) {
            Some(old) if old == object => {}
            Some(_) => drop(acts.insert(Act::on("patch", &what))),
            None => drop(acts.insert(Act::nameless("create", &what))),
        }
    }
}

/// A question for the server.
fn review(act: &Act, resource: &str) -> Value {
    let attributes = json!({
        "verb": act.verb, "group": act.group, "resource": resource, "namespace": act.namespace, "name": act.name,
    });
    json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    })
}

/// What the server calls kinds in its paths, by kind and group.
fn resources(kubectl: &Kubectl) -> Result<BTreeMap<(String, String), String>, Failure> {
    // A group whose server is away fails the command, and hides no other.
    let (table, result) = kubectl.gather(&["api-resources", "--no-headers"], "");
    let found: BTreeMap<_, _> = table.lines().filter_map(resource).collect();
    match result {
        Err(failure) if found.is_empty() => Err(failure),
        Ok(()) if found.is_empty() => Err(Failure::new("the server tells no kinds")),
        _ => Ok(found),
    }
}

/// A line of kubectl's table: name, short names if there are any, version, whether it has namespaces, kind.
fn resource(line: &str) -> Option<((String, String), String)> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [name, .., api_version, _, kind] = columns.as_slice() else { return None };
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    Some((((*kind).to_owned(), group.to_owned()), (*name).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::resource;

    #[test]
    fn a_table_of_kinds_is_read() {
        let read = |line: &str| resource(line).map(|((kind, group), name)| (kind, group, name));
        let wanted =
            |kind: &str, group: &str, name: &str| Some((kind.to_owned(), group.to_owned(), name.to_owned()));
        assert_eq!(read("configmaps   cm   v1   true   ConfigMap"), wanted("ConfigMap", "", "configmaps"));
        assert_eq!(
            read("deployments   deploy   apps/v1   true   Deployment"),
            wanted("Deployment", "apps", "deployments")
        );
        assert_eq!(read("bindings   v1   true   Binding"), wanted("Binding", "", "bindings"));
        assert_eq!(read(""), None);
    }
}
