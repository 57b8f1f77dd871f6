//! Undoing an installation: what its record comes to in the cluster as it is now, and doing that.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::Value;

use super::Failure;
use super::apply::{MANAGER, plain, rewrite};
use super::delete::{self, Asked, Paths};
use super::difference::LAST_APPLIED;
use super::inventory::{self, Others};
use super::object::{self, Index, Reference, is_made, uid};
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

    /// The object that it deletes.
    fn deletes(&self) -> Option<&Reference> {
        match self {
            Self::Delete(what) => Some(what),
            Self::Restore(..) | Self::Istio(_) | Self::Keep(_) => None,
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

    /// What undoing a record comes to, in order: the last first, namespaces at the end. `rest` is what is recorded besides and
    /// stays.
    ///
    /// # Errors
    /// kubectl refuses.
    pub fn plan(&self, record: &Record, rest: &Record) -> Result<Vec<Undo>, Failure> {
        let changed = record.changed().map(|changed| &changed.object);
        let known: Vec<Reference> = changed.chain(record.created()).cloned().collect();
        let mut found = Index::of(object::read(self.kubectl, &known)?);
        let mut plan = Vec::new();
        for changed in record.changed().rev() {
            let user = rest.first_in(&changed.object.name).filter(|_| changed.object.is_namespace());
            plan.extend(match user {
                Some(user) => {
                    vec![Undo::Keep(format!("{}: {} uses it, too", changed.object.title(), user.title()))]
                }
                None => restoration(changed, found.get(&changed.object)),
            });
        }
        let judge = Judge::new(self.kubectl, record);
        let (namespaces, others): (Vec<&Reference>, Vec<&Reference>) =
            record.created().rev().partition(|what| what.is_namespace());
        for what in others {
            plan.extend(judge.deletion(what, found.take(what)));
        }
        plan.extend(self.istio(record)?);
        for what in namespaces {
            plan.extend(judge.deletion(what, found.take(what)));
        }
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

    /// Undoes some entries of a plan, and waits until what is deleted is gone. What is no longer to be undone is told as
    /// an [`Undo::Keep`].
    pub fn undo(&mut self, some: &[Undo], record: &Record) -> Progress {
        let mut progress = Progress::default();
        let wanted: Vec<Reference> = some.iter().filter_map(Undo::deletes).cloned().collect();
        if !wanted.is_empty() {
            self.delete(&wanted, record, &mut progress);
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

    /// Deletes some objects side by side, those of a namespace that goes as a whole with it.
    fn delete(&mut self, wanted: &[Reference], record: &Record, progress: &mut Progress) {
        let (namespaces, others): (Vec<_>, Vec<_>) =
            wanted.iter().cloned().partition(Reference::is_namespace);
        let whole: BTreeSet<&str> = namespaces.iter().map(|what| what.name.as_str()).collect();
        let (inside, outside): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|what| whole.contains(what.namespace.as_str()));
        self.delete_each(&outside, record, progress);
        if progress.failure.is_some() || namespaces.is_empty() {
            return;
        }
        let mut first = Progress::default();
        self.delete_each(&namespaces, record, &mut first);
        let gone = |name: &str| {
            first.done.iter().filter_map(Undo::deletes).any(|what| what.is_namespace() && what.name == name)
        };
        let (gone, left): (Vec<_>, Vec<_>) = inside.into_iter().partition(|what| gone(&what.namespace));
        progress.done.extend(gone.into_iter().map(Undo::Delete));
        progress.done.append(&mut first.done);
        if first.failure.is_some() {
            progress.failure = first.failure;
            return;
        }
        // A namespace that stays holds something of others: what is ours goes by itself.
        for some in left.chunks(AT_ONCE) {
            self.delete_each(some, record, progress);
        }
        progress.kept.append(&mut first.kept);
    }

    /// Deletes some objects side by side. The server is asked to delete each only as it was judged.
    fn delete_each(&mut self, wanted: &[Reference], record: &Record, progress: &mut Progress) {
        let Some(first) = wanted.first() else { return };
        let failed = |what: &Reference, failure| Some((Undo::Delete(what.clone()).title(), failure));
        let learnt = object::read(self.kubectl, wanted)
            .and_then(|found| self.paths.learn(self.kubectl, &found).map(|()| Index::of(found)));
        let mut found = match learnt {
            Ok(found) => found,
            Err(failure) => {
                progress.failure = failed(first, failure);
                return;
            }
        };
        let judge = Judge::new(self.kubectl, record);
        let asked: Vec<(Reference, Option<Value>)> =
            wanted.iter().map(|what| (what.clone(), found.take(what))).collect();
        let mut going = Vec::new();
        for some in asked.chunks(AT_THE_SAME_TIME) {
            if progress.failure.is_some() {
                break;
            }
            for (what, came) in self.ask_some(&judge, some) {
                match came {
                    Ok(Some(Undo::Delete(there))) => going.push((what, there)),
                    Ok(Some(kept)) => progress.kept.push(kept),
                    Ok(None) => progress.done.push(Undo::Delete(what)),
                    Err(failure) if progress.failure.is_none() => progress.failure = failed(&what, failure),
                    Err(_) => {}
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

    /// Asks the server to delete some objects at the same time.
    fn ask_some(
        &self,
        judge: &Judge<'_>,
        some: &[(Reference, Option<Value>)],
    ) -> Vec<(Reference, Result<Option<Undo>, Failure>)> {
        std::thread::scope(|scope| {
            let asked: Vec<_> = some
                .iter()
                .map(|(what, now)| (what, scope.spawn(|| self.ask(judge, what, now.clone()))))
                .collect();
            let ended = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|_| Err(Failure::new("it could not be deleted")))
            };
            asked.into_iter().map(|(what, thread)| (what.clone(), ended(thread))).collect()
        })
    }

    /// Asks the server to delete an object, as long as what it is calls for that: the object that is going, or why it is
    /// not; nothing where it is gone.
    fn ask(&self, judge: &Judge<'_>, what: &Reference, now: Option<Value>) -> Result<Option<Undo>, Failure> {
        let mut now = now;
        for _ in 0..ATTEMPTS {
            let Some(object) = now else { return Ok(None) };
            let there = Reference::of(&object);
            match judge.deletion(what, Some(object.clone())) {
                Some(Undo::Delete(_)) => {}
                kept => return Ok(kept),
            }
            match delete::ask(self.kubectl, &self.paths, &object)? {
                Asked::Going => return Ok(Some(Undo::Delete(there))),
                Asked::Gone => return Ok(None),
                Asked::Changed => now = what.get(self.kubectl)?,
            }
        }
        Err(Failure::new("it changes all the time, so it was not deleted".to_owned()))
    }
}

/// Decides what becomes of objects that a record has as created.
struct Judge<'a> {
    kubectl: &'a Kubectl,
    record: &'a Record,
    /// The uids of what was there before.
    changed: BTreeSet<&'a str>,
    /// The kinds of objects that a namespace can hold, asked for once.
    kinds: OnceLock<Result<Vec<String>, Failure>>,
}

impl<'a> Judge<'a> {
    fn new(kubectl: &'a Kubectl, record: &'a Record) -> Self {
        let changed = record.changed().map(|changed| changed.object.uid.as_str()).collect();
        Self { kubectl, record, changed, kinds: OnceLock::new() }
    }

    /// What becomes of an object that a record has as created; nothing where it is gone.
    fn deletion(&self, what: &Reference, now: Option<Value>) -> Option<Undo> {
        let now = now?;
        let title = what.title();
        let kept = |why: &str| Some(Undo::Keep(format!("{title}: {why}")));
        if !what.uid.is_empty() && uid(&now) != what.uid {
            return kept("it is another one of that name");
        }
        if self.changed.contains(uid(&now)) {
            return kept("it was there before meshobs changed it");
        }
        if !is_made(&now) {
            let sign = format!("neither the label {LABEL} nor {MANAGER} as its only field manager");
            return kept(&format!("it is recorded as created by meshobs, but has {sign}"));
        }
        let (others, place) = match what.kind_and_group() {
            ("Namespace", "") => (self.others_in(&what.name), "in it"),
            ("CustomResourceDefinition", "apiextensions.k8s.io") => {
                (inventory::others_of(self.kubectl, &what.name, self.record), "of this kind")
            }
            _ => (Others::None, ""),
        };
        // People know a namespace by its name.
        let title = if what.is_namespace() { format!("namespace {}", what.name) } else { title };
        Some(match others {
            Others::None => Undo::Delete(what.clone()),
            Others::Some(first) => Undo::Keep(format!("{title}: others' objects are {place} ({first})")),
            Others::Unknown(why) => Undo::Keep(format!(
                "{title}: unknown whether others' objects are {place}: {why}; run `meshobs uninstall` again when all kinds can be listed"
            )),
        })
    }

    fn others_in(&self, namespace: &str) -> Others {
        let kinds = self.kinds.get_or_init(|| inventory::kinds(self.kubectl, true));
        inventory::others_in(self.kubectl, kinds, namespace, self.record)
    }
}

fn restoration(changed: &Changed, now: Option<&Value>) -> Vec<Undo> {
    let title = changed.object.title();
    let Some(now) = now else {
        return vec![Undo::Keep(format!("{title}: it is gone"))];
    };
    let mut then = now.clone();
    let kept = take_back(&mut then, changed);
    let mut plan = Vec::new();
    if then != *now {
        plan.push(Undo::Restore(changed.clone(), difference(now, &then)));
    }
    plan.extend(kept.into_iter().map(|(path, why)| Undo::Keep(format!("{path} of {title}: {why}"))));
    plan
}

/// How often an object is judged again that changed before the server was asked to delete it: the controllers of Kubernetes
/// write to what is theirs.
const ATTEMPTS: usize = 10;

/// How many objects are deleted side by side, so that somebody who watches sees it go on.
const AT_ONCE: usize = 50;

/// How many of them the server is asked to delete at the same time: each takes a kubectl, since only a request by itself
/// can say as what the object was judged.
const AT_THE_SAME_TIME: usize = 8;

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

/// The entries of a plan, in its order, by what is undone together: deletions of what does not hold others' objects;
/// those of namespaces, and of all that goes with them; everything else by itself.
#[must_use]
pub fn together(plan: &[Undo]) -> Vec<Vec<Undo>> {
    let whole: Vec<&Reference> =
        plan.iter().filter_map(Undo::deletes).filter(|what| what.is_namespace()).collect();
    let whole: BTreeSet<&str> = whole.into_iter().map(|what| what.name.as_str()).collect();
    let with_namespace = |undo: &&Undo| {
        undo.deletes().is_some_and(|what| what.is_namespace() || whole.contains(what.namespace.as_str()))
    };
    let (namespaces, others): (Vec<&Undo>, Vec<&Undo>) = plan.iter().partition(with_namespace);
    let is_plain = |undo: &Undo| {
        undo.deletes().is_some_and(|what| what.kind_and_group().0 != "CustomResourceDefinition")
    };
    let others: Vec<Undo> = others.into_iter().cloned().collect();
    let chunks = others.chunk_by(|left, right| is_plain(left) && is_plain(right));
    let mut groups: Vec<Vec<Undo>> =
        chunks.flat_map(|some| some.chunks(AT_ONCE)).map(<[Undo]>::to_vec).collect();
    if !namespaces.is_empty() {
        groups.push(namespaces.into_iter().cloned().collect());
    }
    groups
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
