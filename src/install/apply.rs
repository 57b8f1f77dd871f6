//! Applying, comparing and deleting through the user's own kubectl. Manifests go to its stdin only; what it says comes back
//! without tokens.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{Change, Reference};
use crate::kubectl::{Kubectl, said};
use crate::secret;

/// The field manager that server-side apply records.
pub const MANAGER: &str = "meshobs";

/// What kubectl says where a Service's ports omit their protocol, which Kubernetes before 1.21 cannot merge.
const NO_PROTOCOL: &str = "omits key field";

/// What kubectl did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its lines.
    pub lines: Vec<String>,
    /// Whether it was done on the client's side.
    pub client_side: bool,
}

/// How a step compares with the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Nothing would change.
    Same,
    /// The difference, without tokens.
    Differs(String),
    /// Its namespace is not there yet, so all of it is new.
    New,
}

/// Why kubectl could not do it, in its own words without tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it said.
    pub message: String,
    /// Whether another manager owns fields.
    pub conflict: bool,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        if self.conflict {
            f.write_str("\nothers own these fields; --force-conflicts takes them over")?;
        }
        Ok(())
    }
}

/// Runs kubectl with a text on its stdin.
fn run(kubectl: &Kubectl, args: &[&str], input: &str) -> Result<Output, Failure> {
    let failed = |error: std::io::Error| Failure { message: format!("kubectl: {error}"), conflict: false };
    let mut command: Command = kubectl.command();
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let stdin = child.stdin.take();
    let text = input.to_owned();
    let writer = std::thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            // kubectl says itself what it did not like.
            let _ = stdin.write_all(text.as_bytes());
        }
    });
    let output = child.wait_with_output().map_err(failed)?;
    let _ = writer.join();
    Ok(output)
}

fn failure(output: &Output) -> Failure {
    let message = said(&output.stderr);
    let conflict = message.contains("conflict") && message.contains("Apply failed");
    Failure { message, conflict }
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(secret::mask).collect()
}

/// Applies manifests.
///
/// # Errors
/// kubectl refuses.
pub fn apply(kubectl: &Kubectl, text: &str, force: bool, dry_run: bool) -> Result<Applied, Failure> {
    let mut args = vec!["apply", "--server-side", "--field-manager", MANAGER];
    if force {
        args.push("--force-conflicts");
    }
    if dry_run {
        args.push("--dry-run=server");
    }
    args.extend(["-f", "-"]);
    let output = run(kubectl, &args, text)?;
    if output.status.success() {
        return Ok(Applied { lines: lines(&output), client_side: false });
    }
    let why = failure(&output);
    if !why.message.contains(NO_PROTOCOL) {
        return Err(why);
    }
    let mut args = vec!["apply", "--field-manager", MANAGER];
    if dry_run {
        args.push("--dry-run=server");
    }
    args.extend(["-f", "-"]);
    let output = run(kubectl, &args, text)?;
    if output.status.success() {
        return Ok(Applied { lines: lines(&output), client_side: true });
    }
    Err(failure(&output))
}

/// What applying manifests would make of their objects.
///
/// # Errors
/// kubectl refuses.
pub fn preview(kubectl: &Kubectl, text: &str, force: bool) -> Result<Vec<Value>, Failure> {
    let mut args = vec!["apply", "--server-side", "--field-manager", MANAGER];
    if force {
        args.push("--force-conflicts");
    }
    let rest = ["--dry-run=server", "-o", "json", "-f", "-"];
    args.extend(rest);
    let mut output = run(kubectl, &args, text)?;
    if !output.status.success() && failure(&output).message.contains(NO_PROTOCOL) {
        let args = [&["apply", "--field-manager", MANAGER][..], &rest].concat();
        output = run(kubectl, &args, text)?;
    }
    if !output.status.success() {
        return Err(failure(&output));
    }
    // One object after the other, or a List of them.
    let read = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    Ok(read
        .map_while(Result::ok)
        .flat_map(|object| match object.get("items").and_then(Value::as_array) {
            Some(items) => items.clone(),
            None => vec![object],
        })
        .collect())
}

/// Compares manifests with the cluster.
///
/// # Errors
/// kubectl refuses.
pub fn compare(kubectl: &Kubectl, text: &str, force: bool) -> Result<Compared, Failure> {
    let mut args = vec!["diff", "--server-side", "--field-manager", MANAGER];
    if force {
        args.push("--force-conflicts");
    }
    args.extend(["-f", "-"]);
    let mut output = run(kubectl, &args, text)?;
    if output.status.code() != Some(0) && String::from_utf8_lossy(&output.stderr).contains(NO_PROTOCOL) {
        output = run(kubectl, &["diff", "-f", "-"], text)?;
    }
    match output.status.code() {
        Some(0) => Ok(Compared::Same),
        Some(1) if !output.stdout.is_empty() => Ok(Compared::Differs(tidy(&lines(&output)))),
        _ => {
            let why = failure(&output);
            let absent = why.message.contains("namespaces \"") && why.message.contains("not found");
            if absent { Ok(Compared::New) } else { Err(why) }
        }
    }
}

/// A diff without what the server adds by itself, and without the folders and times of kubectl's temporary files.
fn tidy(lines: &[String]) -> String {
    let noise = |line: &str| {
        let text = line.trim_start_matches(['+', '-', ' ']);
        line.starts_with("diff ")
            || ["generation:", "resourceVersion:", "uid:", "creationTimestamp:"]
                .iter()
                .any(|key| text.starts_with(key))
    };
    let mut out = String::new();
    for line in lines.iter().filter(|line| !noise(line)) {
        // `--- /tmp/LIVE-123/v1.Service.prod.ratings	2026-…`
        let header = ["--- ", "+++ "].iter().find_map(|mark| {
            let (path, _) = line.strip_prefix(mark)?.split_once('\t')?;
            Some((mark, path.rsplit('/').next()?))
        });
        match header {
            Some((mark, name)) => out.push_str(&format!("{mark}{name}\n")),
            None => out.push_str(&format!("{line}\n")),
        }
    }
    out
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
    let output = run(kubectl, &args, &body.to_string())?;
    if output.status.success() { Ok(lines(&output)) } else { Err(failure(&output)) }
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
    let output = run(kubectl, &args, &Value::from(ops).to_string())?;
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap_or_default());
    }
    let mut why = failure(&output);
    if why.message.contains("test") && why.message.contains("resourceVersion") {
        why.message = format!("{} was changed by somebody else at this moment", object.title());
    }
    Err(why)
}

/// Creates or replaces one object; what the server made of it, as JSON.
///
/// # Errors
/// kubectl refuses.
pub fn write(kubectl: &Kubectl, verb: &str, text: &str) -> Result<String, Failure> {
    let output = run(kubectl, &[verb, "--field-manager", MANAGER, "-f", "-", "-o", "json"], text)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failure(&output))
}

/// Runs kubectl with nothing on its stdin.
///
/// # Errors
/// kubectl refuses.
pub fn plain(kubectl: &Kubectl, args: &[&str]) -> Result<String, Failure> {
    feed(kubectl, args, "")
}

/// Runs kubectl with a text on its stdin; what it prints.
///
/// # Errors
/// kubectl refuses.
pub(super) fn feed(kubectl: &Kubectl, args: &[&str], input: &str) -> Result<String, Failure> {
    let output = run(kubectl, args, input)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failure(&output))
}
