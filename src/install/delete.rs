//! Deleting objects, and only those: the server refuses where one was changed since it was read, or another has taken its
//! name. Waits until they are gone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Failure;
use super::apply::plain;
use super::object::{self, Reference, text, uid};
use crate::cluster::{ErrorKind, Kubectl};

/// The paths of objects at the server, whose kinds have names there that nothing else tells.
#[derive(Debug, Default)]
pub(super) struct Paths(BTreeMap<String, Vec<Value>>);

impl Paths {
    /// Asks the server for the names of the kinds of objects.
    ///
    /// # Errors
    /// kubectl refuses.
    pub(super) fn learn(&mut self, kubectl: &Kubectl, objects: &[Value]) -> Result<(), Failure> {
        let versions: BTreeSet<&str> = objects.iter().map(|object| text(object, "/apiVersion")).collect();
        for api_version in versions {
            if !self.0.contains_key(api_version) {
                let answer =
                    plain(kubectl, &["get", "--raw", &format!("/{}/{api_version}", root(api_version))])?;
                let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
                let resources = answer.get("resources").and_then(Value::as_array).cloned();
                self.0.insert(api_version.to_owned(), resources.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// The path of an object.
    fn of(&self, object: &Value) -> Result<String, Failure> {
        let (api_version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
        let root = root(api_version);
        let known = self.0.get(api_version).into_iter().flatten();
        let mut plurals =
            known.filter(|known| text(known, "/kind") == kind).map(|known| text(known, "/name"));
        // A name with a slash is of a part of the object, such as its status.
        let Some(plural) = plurals.find(|plural| !plural.contains('/') && !plural.is_empty()) else {
            let message = format!("the server does not serve {kind} of {api_version}");
            return Err(Failure::new(message));
        };
        let name = segment(text(object, "/metadata/name"));
        Ok(match text(object, "/metadata/namespace") {
            "" => format!("/{root}/{api_version}/{plural}/{name}"),
            namespace => format!("/{root}/{api_version}/namespaces/{namespace}/{plural}/{name}"),
        })
    }
}

fn root(api_version: &str) -> &'static str {
    if api_version.contains('/') { "apis" } else { "api" }
}

/// A name as part of a URL: some kinds allow more than letters, digits, `-` and `.`.
fn segment(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What came of asking the server to delete an object.
pub(super) enum Asked {
    /// It is going, and what it owns before it.
    Going,
    /// It was gone already.
    Gone,
    /// It is no longer what was read: changed, or another one of that name.
    Changed,
}

/// Asks the server to delete an object as it was read, and all that it owns.
///
/// # Errors
/// kubectl refuses.
pub(super) fn ask(kubectl: &Kubectl, paths: &Paths, object: &Value) -> Result<Asked, Failure> {
    let path = paths.of(object)?;
    let options = serde_json::json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": uid(object), "resourceVersion": text(object, "/metadata/resourceVersion")},
        // What it owns is gone before it is: its pods, too.
        "propagationPolicy": "Foreground",
    });
    match kubectl.feed(&["delete", "--raw", &path, "-f", "-"], &options.to_string()) {
        Ok(_) => Ok(Asked::Going),
        Err(failure) => match failure.kind {
            ErrorKind::NotFound => Ok(Asked::Gone),
            ErrorKind::Replaced | ErrorKind::Conflict => Ok(Asked::Changed),
            _ => Err(failure),
        },
    }
}

/// Waits until all of some objects are gone; those that are still there after the time there is for it.
///
/// # Errors
/// kubectl refuses.
pub(super) fn wait(kubectl: &Kubectl, going: &[Reference]) -> Result<Vec<Reference>, Failure> {
    if going.is_empty() {
        return Ok(Vec::new());
    }
    let there = remaining(kubectl, going)?;
    let mut of_namespace: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for what in &there {
        of_namespace.entry(&what.namespace).or_default().push(format!("{}/{}", what.kind, what.name));
    }
    for (namespace, names) in of_namespace {
        wait_for(kubectl, namespace, &names);
    }
    if there.is_empty() {
        return Ok(Vec::new());
    }
    // A kubectl that does not find the first of them does not wait for the others.
    let there = remaining(kubectl, &there)?;
    if there.is_empty() {
        return Ok(Vec::new());
    }
    for what in &there {
        wait_for(kubectl, &what.namespace, &[format!("{}/{}", what.kind, what.name)]);
    }
    remaining(kubectl, &there)
}

/// What comes of it is looked at by its caller: kubectl fails also where an object was gone before it looked.
fn wait_for(kubectl: &Kubectl, namespace: &str, names: &[String]) {
    let mut args = vec!["wait", "--for=delete"];
    if !namespace.is_empty() {
        args.extend(["-n", namespace]);
    }
    args.push("--");
    args.extend(names.iter().map(String::as_str));
    let _ = kubectl.wait(&args, &mut |_| ());
}

/// Those of some objects that are still there, and not others of their names.
fn remaining(kubectl: &Kubectl, of: &[Reference]) -> Result<Vec<Reference>, Failure> {
    let uids: BTreeSet<String> =
        object::read(kubectl, of)?.iter().map(|object| uid(object).to_owned()).collect();
    Ok(of.iter().filter(|what| uids.contains(&what.uid)).cloned().collect())
}
