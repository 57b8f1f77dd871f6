//! Undoing an installation: what its record comes to in the cluster as it is now, and doing that.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Failure;
use super::apply::{plain, rewrite};
use super::difference::LAST_APPLIED;
use super::object::{Reference, is_managed, text, uid};
use super::record::{Changed, Record};
use super::restore::{self, Undone, ValueChange};
use crate::cluster::{Istioctl, Kubectl};
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

/// What undoing a record comes to, in order: the last first, namespaces at the end.
///
/// # Errors
/// kubectl refuses.
pub fn undo_plan(
    kubectl: &Kubectl,
    istioctl: Option<&Istioctl>,
    record: &Record,
) -> Result<Vec<Undo>, Failure> {
    let mut plan = Vec::new();
    for changed in record.changed.iter().rev() {
        let title = changed.object.title();
        let Some(now) = changed.object.get(kubectl)? else {
            plan.push(Undo::Keep(format!("{title}: it is gone")));
            continue;
        };
        let mut then = now.clone();
        let kept = take_back(&mut then, changed);
        if then != now {
            plan.push(Undo::Restore(changed.clone(), difference(&now, &then)));
        }
        plan.extend(kept.into_iter().map(|(path, why)| Undo::Keep(format!("{path} of {title}: {why}"))));
    }
    let is_namespace = |what: &&Reference| what.kind == "Namespace";
    for what in record.created.iter().rev().filter(|what| !is_namespace(what)) {
        plan.extend(deletion(kubectl, what)?);
    }
    match (&record.istio, istioctl) {
        (Some(version), Some(_)) if control_planes(kubectl)? > 1 => plan.push(Undo::Keep(format!(
            "Istio {version}: another control plane shares its definitions; `istioctl uninstall --revision` takes one out"
        ))),
        (Some(version), Some(_)) => plan.push(Undo::Istio(version.clone())),
        (Some(version), None) => plan.push(Undo::Keep(format!(
            "Istio {version}: istioctl put it in and is not there now; `istioctl uninstall --purge` takes it out"
        ))),
        (None, _) => {}
    }
    for what in record.created.iter().rev().filter(is_namespace) {
        let Some(undo) = deletion(kubectl, what)? else { continue };
        let others = others(kubectl, &what.name, record)?;
        plan.push(match (others.first(), undo) {
            (Some(first), Undo::Delete(_)) => {
                Undo::Keep(format!("namespace {}: others' objects are in it ({first})", what.name))
            }
            (_, undo) => undo,
        });
    }
    Ok(plan)
}

fn control_planes(kubectl: &Kubectl) -> Result<usize, Failure> {
    plain(kubectl, &["get", "deployments", "-A", "-l", "app=istiod", "-o", "name"])
        .map(|names| names.lines().count())
}

fn deletion(kubectl: &Kubectl, what: &Reference) -> Result<Option<Undo>, Failure> {
    let Some(now) = what.get(kubectl)? else { return Ok(None) };
    // One that was noted and never seen again is ours where our manager applied it.
    let ours = if what.uid.is_empty() { is_managed(&now) } else { uid(&now) == what.uid };
    Ok(Some(if ours {
        Undo::Delete(what.clone())
    } else {
        Undo::Keep(format!("{}: it is another one of that name", what.title()))
    }))
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

/// Objects of a namespace that are neither of the record nor made by Kubernetes or Istio themselves.
fn others(kubectl: &Kubectl, namespace: &str, record: &Record) -> Result<Vec<String>, Failure> {
    const KINDS: &str = "deployments,daemonsets,statefulsets,jobs,cronjobs,pods,services,configmaps,secrets,\
                         serviceaccounts,persistentvolumeclaims,roles,rolebindings,ingresses";
    let listed = plain(kubectl, &["get", KINDS, "-n", namespace, "-o", "json"])?;
    let value: Value = serde_json::from_str(&listed).unwrap_or_default();
    let ours: BTreeSet<&str> = record.created.iter().map(|what| what.uid.as_str()).collect();
    let all = value.get("items").and_then(Value::as_array).into_iter().flatten();
    let found = all.filter(|object| {
        let there = Reference::of(object);
        let own = matches!(
            (there.kind.as_str(), there.name.as_str()),
            ("ServiceAccount", "default") | ("ConfigMap", "kube-root-ca.crt" | "istio-ca-root-cert")
        );
        let token = text(object, "/type") == "kubernetes.io/service-account-token";
        let owned = object.pointer("/metadata/ownerReferences").is_some();
        // What istioctl put in goes with it.
        let istio = record.istio.is_some() && (there.name.starts_with("istio") || is_istios(object));
        !own && !token && !owned && !istio && !ours.contains(uid(object)) && !record.has_created(&there)
    });
    Ok(found.map(|object| Reference { namespace: String::new(), ..Reference::of(object) }.title()).collect())
}

fn is_istios(object: &Value) -> bool {
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    labels.is_some_and(|labels| {
        labels.contains_key("install.operator.istio.io/owning-resource")
            || labels.contains_key("operator.istio.io/component")
    })
}

/// Undoes one entry, and waits until what is deleted is gone.
///
/// # Errors
/// kubectl or istioctl refuses.
pub fn undo(kubectl: &Kubectl, istioctl: Option<&Istioctl>, what: &Undo) -> Result<(), Failure> {
    match what {
        Undo::Keep(_) => Ok(()),
        Undo::Istio(_) => istioctl.map_or(Ok(()), |istioctl| istioctl.uninstall(kubectl)),
        Undo::Delete(what) => {
            let mut args = vec!["delete", what.kind.as_str(), what.name.as_str(), "--ignore-not-found"];
            // Their pods, too, are to be gone.
            args.extend(["--wait=true", "--cascade=foreground"]);
            if !what.namespace.is_empty() {
                args.extend(["-n", what.namespace.as_str()]);
            }
            kubectl.wait(&args, &mut |_| ())
        }
        Undo::Restore(changed, _) => {
            let Some(now) = changed.object.get(kubectl)? else { return Ok(()) };
            let mut then = now.clone();
            take_back(&mut then, changed);
            if then == now {
                return Ok(());
            }
            rewrite(kubectl, &now, &then).map(|_| ())
        }
    }
}
