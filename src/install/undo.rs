//! Undoing an installation: what its record comes to in the cluster as it is now, and doing that.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Failure;
use super::apply::{MANAGER, plain, rewrite};
use super::delete::{self, Paths};
use super::difference::LAST_APPLIED;
use super::inventory::{self, Others};
use super::object::{self, Reference, is_made, uid};
use super::record::{Changed, Record};
use super::restore::{self, Undone, ValueChange};
use crate::cluster::{Istioctl, Kubectl};
use crate::rule::LABEL;
use crate::secret;

/// What undoing one entry of a record comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// Delete an object that was created.
    Delete(Reference),
    /// Put values of an object back; the difference, without tokens.
    Restore(Changed, String),
    /// Let istioctl take Istio of this version out.
    Istio(String),
    /// Leave it, and why.
    Keep(String),
}

impl Undo {
    /// For people.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Delete(what) => format!("delete {}", what.title()),
            Self::Restore(changed, _) => format!("restore {}", changed.object.title()),
            Self::Istio(version) => format!("uninstall Istio {version} by istioctl"),
            Self::Keep(why) => format!("keep {why}"),
        }
    }
}

/// Undoes an installation in a cluster. Nothing is deleted but what the record has as created, what says so itself, and what
/// takes nothing of others with it; all of that is looked at again right before.
pub struct Undoer<'a> {
    kubectl: &'a Kubectl,
    istioctl: Option<&'a Istioctl>,
    paths: Paths,
}

impl<'a> Undoer<'a> {
    /// One for a cluster, and the istioctl that takes Istio out where it was put in.
    #[must_use]
    pub fn new(kubectl: &'a Kubectl, istioctl: Option<&'a Istioctl>) -> Self {
        Self { kubectl, istioctl, paths: Paths::default() }
    }

    /// What undoing a record comes to, in order: the last first, namespaces at the end.
    ///
    /// # Errors
    /// kubectl refuses.
    pub fn plan(&self, record: &Record) -> Result<Vec<Undo>, Failure> {
        let mut plan = Vec::new();
        for changed in record.changed.iter().rev() {
            plan.extend(self.restoration(changed)?);
        }
        let found = object::read(self.kubectl, &record.created)?;
        let mut found: BTreeMap<_, _> =
            found.into_iter().map(|object| (Name::of(&Reference::of(&object)), object)).collect();
        let mut now = |what: &Reference| found.remove(&Name::of(what));
        let (namespaces, others): (Vec<&Reference>, Vec<&Reference>) =
            record.created.iter().rev().partition(|what| what.kind == "Namespace");
        for what in others {
            plan.extend(self.deletion(what, now(what), record));
        }
        plan.extend(self.istio(record)?);
        for what in namespaces {
            plan.extend(self.deletion(what, now(what), record));
        }
        Ok(plan)
    }

    fn restoration(&self, changed: &Changed) -> Result<Vec<Undo>, Failure> {
        let title = changed.object.title();
        let Some(now) = changed.object.get(self.kubectl)? else {
            return Ok(vec![Undo::Keep(format!("{title}: it is gone"))]);
        };
        let mut then = now.clone();
        let kept = take_back(&mut then, changed);
        let mut plan = Vec::new();
        if then != now {
            plan.push(Undo::Restore(changed.clone(), difference(&now, &then)));
        }
        plan.extend(kept.into_iter().map(|(path, why)| Undo::Keep(format!("{path} of {title}: {why}"))));
        Ok(plan)
    }

    fn istio(&self, record: &Record) -> Result<Option<Undo>, Failure> {
        let Some(version) = &record.istio else { return Ok(None) };
        Ok(Some(if self.istioctl.is_none() {
            Undo::Keep(format!(
                "Istio {version}: istioctl put it in and is not there now; `istioctl uninstall --purge` takes it out"
            ))
        } else if control_planes(self.kubectl)? > 1 {
            Undo::Keep(format!(
                "Istio {version}: another control plane shares its definitions; `istioctl uninstall --revision` takes one out"
            ))
        } else {
            Undo::Istio(version.clone())
        }))
    }

    /// What becomes of an object that a record has as created; nothing where it is gone.
    fn deletion(&self, what: &Reference, now: Option<Value>, record: &Record) -> Option<Undo> {
        let now = now?;
        let title = what.title();
        let kept = |why: &str| Some(Undo::Keep(format!("{title}: {why}")));
        if !what.uid.is_empty() && uid(&now) != what.uid {
            return kept("it is another one of that name");
        }
        if record.changed.iter().any(|changed| changed.object.uid == uid(&now)) {
            return kept("it was there before meshobs changed it");
        }
        if !is_made(&now) {
            let sign = format!("neither the label {LABEL} nor {MANAGER} as its only field manager");
            return kept(&format!("it is recorded as created by meshobs, but has {sign}"));
        }
        let (others, place) = match what.kind_and_group() {
            ("Namespace", "") => (inventory::others_in(self.kubectl, &what.name, record), "in it"),
            ("CustomResourceDefinition", "apiextensions.k8s.io") => {
                (inventory::others_of(self.kubectl, &what.name, record), "of this kind")
            }
            _ => (Others::None, ""),
        };
        // People know a namespace by its name.
        let title = if what.kind == "Namespace" { format!("namespace {}", what.name) } else { title };
        Some(match others {
            Others::None => Undo::Delete(what.clone()),
            Others::Some(first) => Undo::Keep(format!("{title}: others' objects are {place} ({first})")),
            Others::Unknown(why) => Undo::Keep(format!(
                "{title}: unknown whether others' objects are {place}: {why}; run `meshobs uninstall` again when all kinds can be listed"
            )),
        })
    }

    /// Undoes one entry, and waits until what is deleted is gone. What is no longer to be undone is told as a
    /// [`Undo::Keep`].
    ///
    /// # Errors
    /// kubectl or istioctl refuses.
    pub fn undo(&mut self, what: &Undo, record: &Record) -> Result<Option<Undo>, Failure> {
        match what {
            Undo::Keep(_) => Ok(None),
            Undo::Istio(_) => {
                self.istioctl.map_or(Ok(None), |istioctl| istioctl.uninstall(self.kubectl).map(|()| None))
            }
            Undo::Delete(what) => self.delete(what, record),
            Undo::Restore(changed, _) => {
                let Some(now) = changed.object.get(self.kubectl)? else { return Ok(None) };
                let mut then = now.clone();
                take_back(&mut then, changed);
                if then != now {
                    rewrite(self.kubectl, &now, &then)?;
                }
                Ok(None)
            }
        }
    }

    fn delete(&mut self, what: &Reference, record: &Record) -> Result<Option<Undo>, Failure> {
        let Some(now) = what.get(self.kubectl)? else { return Ok(None) };
        match self.deletion(what, Some(now.clone()), record) {
            Some(Undo::Delete(_)) => {}
            kept => return Ok(kept),
        }
        let deleted = delete::delete(self.kubectl, &mut self.paths, &now)?;
        let replaced = || Undo::Keep(format!("{}: it is another one of that name", what.title()));
        Ok((!deleted).then(replaced))
    }
}

/// What tells an object from others, whatever the version of its kind.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    kind: String,
    group: String,
    namespace: String,
    name: String,
}

impl Name {
    fn of(what: &Reference) -> Self {
        let (kind, group) = what.kind_and_group();
        let (kind, group) = (kind.to_owned(), group.to_owned());
        Self { kind, group, namespace: what.namespace.clone(), name: what.name.clone() }
    }
}

fn control_planes(kubectl: &Kubectl) -> Result<usize, Failure> {
    plain(kubectl, &["get", "deployments", "-A", "-l", "app=istiod", "-o", "name"])
        .map(|names| names.lines().count())
}

/// Takes all changes of an object back; tells what is left, and why.
fn take_back(object: &mut Value, changed: &Changed) -> Vec<(String, &'static str)> {
    let mut kept = Vec::new();
    if uid(object) != changed.object.uid {
        return vec![("everything".to_owned(), "it is another one of that name")];
    }
    for value in changed.values.iter().rev() {
        if let Undone::Kept(why) = restore::undo(object, value) {
            kept.push((restore::title(&value.path), why));
        }
    }
    kept
}

/// A difference for people: the values that differ, texts by their lines.
fn difference(now: &Value, then: &Value) -> String {
    let mut out = String::new();
    // What kubectl notes of earlier applies says all of it once more.
    let said_twice = |change: &&ValueChange| change.path.last().is_some_and(|key| key == LAST_APPLIED);
    let changes = restore::changes(now, then);
    for change in changes.iter().filter(|change| !said_twice(change)) {
        let show = |value: &Option<Value>| match value {
            Some(Value::String(text)) if text.contains('\n') => text.clone(),
            Some(value) => format!("{value}\n"),
            None => String::new(),
        };
        let (old, new) = (show(&change.before), show(&change.after));
        if change.lost || change.digest.is_some() {
            out.push_str(&format!("  {}: (a token)\n", restore::title(&change.path)));
            continue;
        }
        if old == "{}\n" || new == "{}\n" {
            continue;
        }
        out.push_str(&format!("  {}:\n", restore::title(&change.path)));
        let diff = similar::TextDiff::from_lines(&old, &new);
        for line in diff.unified_diff().context_radius(1).to_string().lines() {
            if !line.starts_with("@@") && !line.starts_with('\\') {
                out.push_str(&format!("    {line}\n"));
            }
        }
    }
    secret::mask(&out)
}
