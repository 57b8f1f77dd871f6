//! Deleting one object, and only that one: the server refuses where another has taken its name. Waits until it is gone.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Failure;
use super::apply::plain;
use super::object::{Reference, text, uid};
use crate::cluster::{ErrorKind, Kubectl};

#[derive(Debug, Default)]
pub(super) struct Paths(BTreeMap<String, Vec<Value>>);

impl Paths {
    /// The path of an object.
    fn of(&mut self, kubectl: &Kubectl, object: &Value) -> Result<String, Failure> {
        let (api_version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
        let root = if api_version.contains('/') { "apis" } else { "api" };
        if !self.0.contains_key(api_version) {
            let answer = plain(kubectl, &["get", "--raw", &format!("/{root}/{api_version}")])?;
            let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
            let resources = answer.get("resources").and_then(Value::as_array).cloned();
            self.0.insert(api_version.to_owned(), resources.unwrap_or_default());
        }
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

/// Deletes an object as it was read, and all that it owns; false where another one has its name by now.
///
/// # Errors
/// kubectl refuses, or it is not gone after minutes.
pub(super) fn delete(kubectl: &Kubectl, paths: &mut Paths, object: &Value) -> Result<bool, Failure> {
    let path = paths.of(kubectl, object)?;
    let options = serde_json::json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": uid(object)},
        // What it owns is gone before it is: its pods, too.
        "propagationPolicy": "Foreground",
    });
    match kubectl.feed(&["delete", "--raw", &path, "-f", "-"], &options.to_string()) {
        Ok(_) => wait(kubectl, object).map(|()| true),
        Err(failure) if failure.kind == ErrorKind::NotFound => Ok(true),
        Err(failure) if failure.kind == ErrorKind::Replaced => Ok(false),
        Err(failure) => Err(failure),
    }
}

fn wait(kubectl: &Kubectl, object: &Value) -> Result<(), Failure> {
    let what = Reference::of(object);
    let mut args = vec!["wait", "--for=delete"];
    if !what.namespace.is_empty() {
        args.extend(["-n", what.namespace.as_str()]);
    }
    let name = format!("{}/{}", what.kind, what.name);
    args.extend(["--", &name]);
    if kubectl.wait(&args, &mut |_| ()).is_ok() {
        return Ok(());
    }
    // It was gone before kubectl looked, or takes longer.
    match what.get(kubectl)? {
        Some(now) if uid(&now) == what.uid => Err(Failure::new(format!(
            "{} is still there after the time that --timeout gives; its finalizers wait for something",
            what.title()
        ))),
        _ => Ok(()),
    }
}
