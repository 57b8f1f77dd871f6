//! Undoing an installation: what its record comes to in the cluster as it is now, and doing that.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Failure;
use super::apply::{MANAGER, plain, rewrite};
use super::delete::{self, Asked, Paths};
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

    /// Undoes some entries of a plan, and waits until what is deleted is gone. What is no longer to be undone is told as
    /// an [`Undo::Keep`].
    pub fn undo(&mut self, some: &[Undo], record: &Record) -> Progress {
        let mut progress = Progress::default();
        if let [Undo::Delete(_), ..] = some {
            self.delete(some, record, &mut progress);
            return progress;
        }
        for what in some {
            match self.undo_one(what) {
                Ok(()) => progress.done.push(what.clone()),
                Err(failure) => {
                    progress.failure = Some((what.title(), failure));
                    break;
                }
            }
        }
        progress
    }

    fn undo_one(&self, what: &Undo) -> Result<(), Failure> {
        match what {
            Undo::Keep(_) | Undo::Delete(_) => Ok(()),
            Undo::Istio(_) => self.istioctl.map_or(Ok(()), |istioctl| istioctl.uninstall(self.kubectl)),
            Undo::Restore(changed, _) => {
                let Some(now) = changed.object.get(self.kubectl)? else { return Ok(()) };
                let mut then = now.clone();
                take_back(&mut then, changed);
                if then != now {
                    rewrite(self.kubectl, &now, &then)?;
                }
                Ok(())
            }
        }
    }

    /// Deletes some objects side by side. The server is asked to delete each only as it was judged.
    fn delete(&mut self, some: &[Undo], record: &Record, progress: &mut Progress) {
        let wanted = |undo: &Undo| match undo {
            Undo::Delete(what) => Some(what.clone()),
            _ => None,
        };
        let wanted: Vec<Reference> = some.iter().filter_map(wanted).collect();
        let found = match object::read(self.kubectl, &wanted) {
            Ok(found) => found,
            Err(failure) => {
                let title = wanted.first().map(|what| Undo::Delete(what.clone()).title());
                progress.failure = title.map(|title| (title, failure));
                return;
            }
        };
        let mut found: BTreeMap<_, _> =
            found.into_iter().map(|object| (Name::of(&Reference::of(&object)), object)).collect();
        let mut going = Vec::new();
        for what in wanted {
            let now = found.remove(&Name::of(&what));
            match self.ask(&what, now, record) {
                Ok(Some(Undo::Delete(there))) => going.push((what, there)),
                Ok(Some(kept)) => progress.kept.push(kept),
                Ok(None) => progress.done.push(Undo::Delete(what)),
                Err(failure) => {
                    progress.failure = Some((Undo::Delete(what).title(), failure));
                    break;
                }
            }
        }
        let there: Vec<Reference> = going.iter().map(|(_, there)| there.clone()).collect();
        match delete::wait(self.kubectl, &there) {
            Ok(remaining) => {
                let (left, gone): (Vec<_>, Vec<_>) =
                    going.into_iter().partition(|(_, there)| remaining.contains(there));
                progress.done.extend(gone.into_iter().map(|(what, _)| Undo::Delete(what)));
                if let Some((what, _)) = left.into_iter().next() {
                    let message = format!(
                        "{} is still there after the time that --timeout gives; its finalizers wait for something",
                        what.title()
                    );
                    progress.failure.get_or_insert((Undo::Delete(what).title(), Failure::new(message)));
                }
            }
            Err(failure) => {
                if let Some((what, _)) = going.into_iter().next() {
                    progress.failure.get_or_insert((Undo::Delete(what).title(), failure));
                }
            }
        }
    }

    /// Asks the server to delete an object, as long as what it is calls for that: the object that is going, or why it is
    /// not; nothing where it is gone.
    fn ask(
        &mut self,
        what: &Reference,
        now: Option<Value>,
        record: &Record,
    ) -> Result<Option<Undo>, Failure> {
        let mut now = now;
        for _ in 0..ATTEMPTS {
            let Some(object) = now else { return Ok(None) };
            let there = Reference::of(&object);
            match self.deletion(what, Some(object.clone()), record) {
                Some(Undo::Delete(_)) => {}
                kept => return Ok(kept),
            }
            match delete::ask(self.kubectl, &mut self.paths, &object)? {
                Asked::Going => return Ok(Some(Undo::Delete(there))),
                Asked::Gone => return Ok(None),
                Asked::Changed => now = what.get(self.kubectl)?,
            }
        }
        Err(Failure::new("it changes all the time, so it was not deleted".to_owned()))
    }
}

/// How often an object is judged again that changed before the server was asked to delete it: the controllers of Kubernetes
/// write to what is theirs.
const ATTEMPTS: usize = 10;

/// How many objects are deleted side by side, so that somebody who watches sees it go on.
const AT_ONCE: usize = 50;

/// What came of undoing some entries.
#[derive(Debug, Default)]
pub struct Progress {
    /// Those that are done.
    pub done: Vec<Undo>,
    /// Those that are no longer to be done, and why.
    pub kept: Vec<Undo>,
    /// What could not be done, where it ended.
    pub failure: Option<(String, Failure)>,
}

/// The entries of a plan, in its order, by what is undone together: deletions of what does not hold others' objects, and
/// those of namespaces; everything else by itself.
pub fn together(plan: &[Undo]) -> impl Iterator<Item = &[Undo]> {
    let side_by_side = |undo: &Undo| match undo {
        Undo::Delete(what) if what.kind_and_group() == ("Namespace", "") => Some(true),
        Undo::Delete(what) if what.kind_and_group().0 != "CustomResourceDefinition" => Some(false),
        _ => None,
    };
    plan.chunk_by(move |left, right| {
        side_by_side(left).is_some() && side_by_side(left) == side_by_side(right)
    })
    .flat_map(|some| some.chunks(AT_ONCE))
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
