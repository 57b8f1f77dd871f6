//! What steps come to in the cluster: the objects of all of them are read at once, and the server judges all manifests at
//! once. Reads only.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use super::object::{self, Index, Name, Reference};
use super::{Action, Failure, Step, apply, difference, manifests};
use crate::cluster::{ErrorKind, Kubectl};
use crate::facts::istio;
use crate::gate::command;

/// What a step comes to.
#[derive(Clone, Debug, Default)]
pub struct Planned {
    /// What it creates.
    pub new: Vec<Reference>,
    /// The difference that it makes to what is there, without tokens.
    pub difference: String,
    /// Those of its objects that the server could not judge: their namespace, or their kind, is not there yet.
    pub unjudged: Vec<Reference>,
    /// Whether it does something that no object shows.
    other: bool,
    /// How its objects stand, where it applies manifests.
    pub(super) seen: Seen,
}

impl Planned {
    /// Whether nothing would change.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.new.is_empty() && self.difference.is_empty() && !self.other
    }

    /// Whether nothing that is there would change.
    #[must_use]
    pub fn is_new(&self) -> bool {
        !self.is_in_place() && self.difference.is_empty()
    }

    /// Its objects that are there, as they were read.
    pub fn there(&self) -> impl Iterator<Item = &Value> {
        self.seen.before.iter()
    }
}

/// The objects of manifests that are in the cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// As they were read.
    pub(super) before: Index,
    /// As applying the manifests would leave them.
    pub(super) after: Vec<Value>,
}

/// Why there is no plan: the step that the server refuses, and why.
pub type Refused = (&'static str, Failure);

/// What steps come to.
///
/// # Errors
/// The server refuses manifests, or kubectl fails.
pub fn plan(kubectl: &Kubectl, steps: &[Step], force: bool) -> Result<Vec<Planned>, Refused> {
    let first = steps.first().map_or("", |step| step.name);
    let references: Vec<Vec<Reference>> =
        steps.iter().map(|step| manifests::references(applied(step))).collect();
    let namespaces = references.iter().flatten().map(|what| what.namespace.as_str());
    let namespaces: BTreeSet<&str> = namespaces.filter(|namespace| !namespace.is_empty()).collect();
    let mut wanted: Vec<Reference> = namespaces.into_iter().map(namespace).collect();
    let named = wanted.len();
    wanted.extend(references.iter().flatten().cloned());
    let read = |wanted: &[Reference]| object::read(kubectl, wanted);
    let (found, sees_namespaces) = match read(&wanted) {
        // Who may not look at namespaces may have one of them all the same.
        Err(failure) if failure.kind == ErrorKind::Forbidden => {
            (read(wanted.get(named..).unwrap_or_default()), false)
        }
        found => (found, true),
    };
    let there = Index::of(found.map_err(|failure| (first, failure))?);
    let can_be = |what: &Reference| {
        !sees_namespaces || what.namespace.is_empty() || there.get(&namespace(&what.namespace)).is_some()
    };
    homeless(kubectl, steps, &references, &can_be)?;
    let parts: Vec<String> = steps
        .iter()
        .map(|step| match applied(step) {
            "" => String::new(),
            text => manifests::split(text, |of| of.iter().all(can_be)).0,
        })
        .collect();
    let mut judged = judge(kubectl, steps, &parts, force)?.into_iter();
    let planned = |(step, references): (&Step, &Vec<Reference>)| {
        one(step, references, &there, judged.next().unwrap_or_default())
    };
    Ok(steps.iter().zip(&references).map(planned).collect())
}

/// Refuses objects whose namespace is not there and does not come with the plan.
fn homeless(
    kubectl: &Kubectl,
    steps: &[Step],
    references: &[Vec<Reference>],
    can_be: &impl Fn(&Reference) -> bool,
) -> Result<(), Refused> {
    let mut come: BTreeSet<&str> = BTreeSet::new();
    for (step, references) in steps.iter().zip(references) {
        if matches!(step.action, Action::Istio(..)) {
            come.insert(istio::NAMESPACE);
        }
        come.extend(references.iter().filter(|what| what.is_namespace()).map(|what| what.name.as_str()));
        let lost = references.iter().find(|what| !can_be(what) && !come.contains(what.namespace.as_str()));
        if let Some(what) = lost {
            let (title, flags) = (what.title(), kubectl.flags());
            let create = command!("create namespace {}", what.namespace);
            let message = format!(
                "{title}: its namespace is neither there nor installed with it; create it first: \
                 kubectl{flags} {create}"
            );
            return Err((step.name, Failure::of(ErrorKind::NoNamespace, message)));
        }
    }
    Ok(())
}

/// The manifests that a step applies.
fn applied(step: &Step) -> &str {
    match &step.action {
        Action::Apply(text) | Action::Define(text) => text,
        Action::Change(_) | Action::Edit(_) | Action::Istio(..) => "",
    }
}

fn namespace(name: &str) -> Reference {
    Reference { kind: "Namespace".to_owned(), name: name.to_owned(), ..Reference::default() }
}

/// What the server would make of the manifests of each step, as far as it can tell.
fn judge(
    kubectl: &Kubectl,
    steps: &[Step],
    parts: &[String],
    force: bool,
) -> Result<Vec<Vec<Value>>, Refused> {
    let all = parts.iter().filter(|part| !part.is_empty()).fold(String::new(), |mut all, part| {
        manifests::append(&mut all, part);
        all
    });
    if all.is_empty() {
        return Ok(Vec::new());
    }
    // Where it refuses something, each step is judged by itself.
    match apply::preview(kubectl, &all, force) {
        Ok(after) => Ok(by_step(parts, after)),
        Err(_) => steps
            .iter()
            .zip(parts)
            .map(|(step, part)| judge_step(kubectl, steps, (step, part), force))
            .collect(),
    }
}

fn judge_step(
    kubectl: &Kubectl,
    steps: &[Step],
    (step, part): (&Step, &str),
    force: bool,
) -> Result<Vec<Value>, Refused> {
    if part.is_empty() {
        return Ok(Vec::new());
    }
    let earlier = || steps.iter().take_while(|earlier| earlier.name != step.name);
    let brings_kinds = |step: &Step| matches!(step.action, Action::Define(_) | Action::Istio(..));
    match apply::preview(kubectl, part, force) {
        Ok(after) => Ok(after),
        Err(failure) if failure.kind == ErrorKind::NoSuchKind && earlier().any(brings_kinds) => {
            Ok(Vec::new())
        }
        Err(failure) => Err((step.name, failure)),
    }
}

/// What the server answered to the manifests of all steps, by step: kubectl keeps their order.
fn by_step(parts: &[String], after: Vec<Value>) -> Vec<Vec<Value>> {
    let mut of_name: BTreeMap<Name, VecDeque<Value>> = BTreeMap::new();
    for object in after {
        of_name.entry(Name::of(&Reference::of(&object))).or_default().push_back(object);
    }
    let mut take = |what: &Reference| {
        let named = [Name::of(what), Name::of(&Reference { namespace: String::new(), ..what.clone() })];
        named.iter().find_map(|name| of_name.get_mut(name)?.pop_front())
    };
    parts.iter().map(|part| manifests::references(part).iter().filter_map(&mut take).collect()).collect()
}

fn one(step: &Step, references: &[Reference], there: &Index, judged: Vec<Value>) -> Planned {
    match &step.action {
        Action::Apply(_) | Action::Define(_) => {}
        Action::Change(change) if change.before.as_ref() == Some(&change.after) => return Planned::default(),
        Action::Change(change) => return changed(&change.old, &change.new),
        Action::Edit(edit) if edit.old == edit.new => {
            let seen = Seen { before: Index::of(edit.before.iter().cloned()), after: Vec::new() };
            return Planned { seen, ..Planned::default() };
        }
        Action::Edit(edit) => return changed(&edit.old, &edit.new),
        Action::Istio(..) => return Planned { other: true, ..Planned::default() },
    }
    let known = Index::of(judged);
    let mut planned = Planned::default();
    for what in references {
        let after = known.get(what);
        if after.is_none() {
            planned.unjudged.push(what.clone());
        }
        let Some(before) = there.get(what) else {
            planned.new.push(what.clone());
            continue;
        };
        planned.seen.before.add(before.clone());
        if let Some(after) = after {
            planned.difference.push_str(&difference::between(Some(before), after));
            planned.seen.after.push(after.clone());
        }
    }
    planned
}

fn changed(old: &str, new: &str) -> Planned {
    let diff = similar::TextDiff::from_lines(old, new);
    let difference = crate::secret::mask(&diff.unified_diff().context_radius(3).to_string());
    Planned { difference, ..Planned::default() }
}
