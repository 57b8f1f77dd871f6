//! Applying and changing through the user's own kubectl. Manifests go to its stdin only; what it says comes back
//! without tokens.

use serde_json::Value;

use super::{Change, Failure, Reference};
use crate::cluster::{ErrorKind, Kubectl};
use crate::secret;

/// The field manager that server-side apply records.
pub const MANAGER: &str = "meshobs";

/// The lines of what kubectl printed.
fn lines(output: &str) -> Vec<String> {
    output.lines().map(secret::mask).collect()
}

/// Applies manifests; what the server made of their objects.
///
/// # Errors
/// kubectl refuses.
pub fn apply(kubectl: &Kubectl, text: &str, force: bool) -> Result<Vec<Value>, Failure> {
    let args = apply_args(force, &["-o", "json", "--show-managed-fields=true"]);
    kubectl.feed(&args, text).map(|output| objects(&output))
}

/// What applying manifests would make of their objects: the server answers, and changes nothing.
///
/// # Errors
/// kubectl refuses.
pub fn preview(kubectl: &Kubectl, text: &str, force: bool) -> Result<Vec<Value>, Failure> {
    let output = kubectl.feed(&apply_args(force, &["--dry-run=server", "-o", "json"]), text)?;
    Ok(objects(&output))
}

fn apply_args<'a>(force: bool, more: &[&'a str]) -> Vec<&'a str> {
    let force = if force { &["--force-conflicts"][..] } else { &[] };
    [&["apply", "--server-side", "--field-manager", MANAGER][..], force, more, &["-f", "-"]].concat()
}

/// The objects that kubectl printed: one after the other, or a List of them.
pub(super) fn objects(output: &str) -> Vec<Value> {
    let read = serde_json::Deserializer::from_str(output).into_iter::<Value>();
    read.map_while(Result::ok)
        .flat_map(|object| match object.get("items").and_then(Value::as_array) {
            Some(items) => items.clone(),
            None => vec![object],
        })
        .collect()
}

/// Changes one value of an object; refused where somebody changed the object since it was read. Nothing else of it changes,
/// not even what kubectl notes in it of earlier applies.
///
/// # Errors
/// kubectl refuses.
pub fn patch(kubectl: &Kubectl, change: &Change) -> Result<Vec<String>, Failure> {
    let leaf = Value::from(change.after.as_str());
    let mut body = change.path.iter().rev().fold(leaf, |value, key| serde_json::json!({key: value}));
    if let Some(body) = body.as_object_mut()
        && !change.version.is_empty()
    {
        let metadata = body.entry("metadata").or_insert_with(|| serde_json::json!({}));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("resourceVersion".to_owned(), Value::from(change.version.as_str()));
        }
    }
    let object = &change.object;
    let mut args = vec!["patch", "--type", "merge", "--field-manager", MANAGER, "--patch-file", "/dev/stdin"];
    args.extend(object.operands());
    kubectl.feed(&args, &body.to_string()).map(|output| lines(&output))
}

/// Makes one object that is there another: only what differs is sent, so that what kubectl notes in it of earlier applies
/// stays; refused where somebody changed it since it was read. What the server made of it.
///
/// # Errors
/// kubectl refuses.
pub fn rewrite(kubectl: &Kubectl, old: &Value, new: &Value) -> Result<Value, Failure> {
    let version = old.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
    let mut ops =
        vec![serde_json::json!({"op": "test", "path": "/metadata/resourceVersion", "value": version})];
    let mut differ = |prefix: &str, old: Option<&Value>, new: Option<&Value>, own: &[&str]| {
        let (Some(old), Some(new)) = (old.and_then(Value::as_object), new.and_then(Value::as_object)) else {
            return;
        };
        let added = new.keys().filter(|key| !old.contains_key(*key));
        for key in old.keys().chain(added).filter(|key| !own.contains(&key.as_str())) {
            let path = format!("{prefix}/{}", key.replace('~', "~0").replace('/', "~1"));
            match (old.get(key), new.get(key)) {
                (old, new) if old == new => {}
                (_, Some(new)) => ops.push(serde_json::json!({"op": "add", "path": path, "value": new})),
                (_, None) => ops.push(serde_json::json!({"op": "remove", "path": path})),
            }
        }
    };
    differ("", Some(old), Some(new), &["metadata", "status"]);
    differ("/metadata", old.get("metadata"), new.get("metadata"), &["managedFields", "resourceVersion"]);
    let object = Reference::of(old);
    let mut args = vec!["patch", "--type", "json", "-o", "json"];
    args.extend(["--field-manager", MANAGER, "--patch-file", "/dev/stdin"]);
    args.extend(object.operands());
    match kubectl.feed(&args, &Value::from(ops).to_string()) {
        Ok(output) => Ok(serde_json::from_str(&output).unwrap_or_default()),
        Err(mut error) => {
            if error.kind == ErrorKind::Conflict {
                error.message = format!("{} was changed by somebody else at this moment", object.title());
            }
            Err(error)
        }
    }
}

/// Creates or replaces one object; what the server made of it, as JSON.
///
/// # Errors
/// kubectl refuses.
pub fn write(kubectl: &Kubectl, verb: &str, text: &str) -> Result<String, Failure> {
    kubectl.feed(&[verb, "--field-manager", MANAGER, "-f", "-", "-o", "json"], text)
}

/// Runs kubectl with nothing on its stdin.
///
/// # Errors
/// kubectl refuses.
pub fn plain(kubectl: &Kubectl, args: &[&str]) -> Result<String, Failure> {
    kubectl.output(args)
}
