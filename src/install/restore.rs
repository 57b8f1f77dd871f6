//! What changed between two states of an object, and how to take it back while what others changed since stays.
//!
//! Values that hold a token are never kept: of them only a digest is, to see whether they are still ours.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::secret;

/// Fields that the server and its controllers keep for themselves.
pub(super) const SERVERS: &[&[&str]] = &[
    &["status"],
    &["metadata", "managedFields"],
    &["metadata", "resourceVersion"],
    &["metadata", "generation"],
    &["metadata", "uid"],
    &["metadata", "creationTimestamp"],
    &["metadata", "selfLink"],
    &["metadata", "annotations", "deployment.kubernetes.io/revision"],
    &["metadata", "annotations", "deprecated.daemonset.template.generation"],
];

/// Keys by which Kubernetes tells the items of its lists apart, the more telling first.
const ITEM_KEYS: &[&str] = &["mountPath", "name", "containerPort", "port", "key", "ip"];

/// A value that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueChange {
    /// Its path: keys, and `[KEY=VALUE]` for an item of a list.
    pub path: Vec<String>,
    /// What it was; none where it was not there.
    pub before: Option<Value>,
    /// What it became; none where it was removed, or where it holds a token.
    pub after: Option<Value>,
    /// Of what it became, where that holds a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Whether what it was held a token and was therefore not kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

/// What came of taking a change back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// It is as it was.
    Done,
    /// It had been taken back already.
    Nothing,
    /// It was left, and why.
    Kept(&'static str),
}

/// A path for people.
#[must_use]
pub fn title(path: &[String]) -> String {
    path.join(".").replace(".[", "[")
}

/// What changed from one state of an object to another.
#[must_use]
pub fn changes(before: &Value, after: &Value) -> Vec<ValueChange> {
    let secret = before.get("kind").and_then(Value::as_str) == Some("Secret");
    let mut found = Vec::new();
    compare(&mut Vec::new(), Some(before), Some(after), secret, &mut found);
    found
}

fn compare(
    path: &mut Vec<String>,
    before: Option<&Value>,
    after: Option<&Value>,
    secret: bool,
    found: &mut Vec<ValueChange>,
) {
    let is_servers = |known: &&&[&str]| known.iter().eq(path.iter());
    if before == after || SERVERS.iter().any(|known| is_servers(&known)) {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => objects(path, old, new, secret, found),
        // A mapping that was not there: its entries one by one, so that others' entries stay.
        (None, Some(Value::Object(new))) if !is_item(path) => {
            found.push(entry(path, None, Some(&Value::Object(Map::new())), secret));
            objects(path, &Map::new(), new, secret, found);
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => match item_key(old, new) {
            Some(key) => {
                for item in union(old, new, key) {
                    path.push(format!("[{key}={item}]"));
                    compare(path, by_key(old, key, &item), by_key(new, key, &item), secret, found);
                    path.pop();
                }
            }
            None => found.push(entry(path, before, after, secret)),
        },
        _ => found.push(entry(path, before, after, secret)),
    }
}

fn objects(
    path: &mut Vec<String>,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    secret: bool,
    found: &mut Vec<ValueChange>,
) {
    let added = new.keys().filter(|key| !old.contains_key(*key));
    for key in old.keys().chain(added) {
        path.push(key.clone());
        compare(path, old.get(key), new.get(key), secret, found);
        path.pop();
    }
}

fn is_item(path: &[String]) -> bool {
    path.last().is_some_and(|step| step.starts_with('['))
}

fn entry(path: &[String], before: Option<&Value>, after: Option<&Value>, secret: bool) -> ValueChange {
    let hidden = |value: &&Value| {
        secret
            || secret::mask(&value.to_string()) != value.to_string()
            || value.pointer("/name").and_then(Value::as_str).is_some_and(|name| name == "ENV_DATAWAY")
    };
    ValueChange {
        path: path.to_vec(),
        before: before.filter(|value| !hidden(value)).cloned(),
        after: after.filter(|value| !hidden(value)).cloned(),
        digest: after.filter(hidden).map(digest),
        lost: before.is_some_and(|value| hidden(&value)),
    }
}

fn digest(value: &Value) -> String {
    let hash = Sha256::digest(value.to_string().as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key that tells the items of both lists apart.
fn item_key(old: &[Value], new: &[Value]) -> Option<&'static str> {
    let tells = |items: &[Value], key: &str| {
        let mut names: Vec<_> = items.iter().map(|item| item_name(item, key)).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        names.len() == count && names.iter().all(Option::is_some)
    };
    ITEM_KEYS.iter().copied().find(|key| tells(old, key) && tells(new, key))
}

fn item_name(item: &Value, key: &str) -> Option<String> {
    match item.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn by_key<'v>(items: &'v [Value], key: &str, name: &str) -> Option<&'v Value> {
    items.iter().find(|item| item_name(item, key).as_deref() == Some(name))
}

fn union(old: &[Value], new: &[Value], key: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in old.iter().chain(new).filter_map(|item| item_name(item, key)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Takes a change back in an object as it is now.
pub fn undo(object: &mut Value, change: &ValueChange) -> Undone {
    const MEANWHILE: &str = "somebody changed it meanwhile";
    let now = find(object, &change.path);
    let now = match now {
        Some(Value::Null) | None => None,
        now => now,
    };
    let ours = match &change.digest {
        Some(known) => now.is_some_and(|now| digest(now) == *known),
        None => now == change.after.as_ref(),
    };
    if ours && change.lost {
        return Undone::Kept("what it was held a token, which is not kept anywhere");
    }
    if !ours && !change.lost && now == change.before.as_ref() {
        return Undone::Nothing;
    }
    let value = if ours {
        change.before.clone()
    } else {
        let texts = (
            now.and_then(Value::as_str),
            change.before.as_ref().and_then(Value::as_str),
            change.after.as_ref().and_then(Value::as_str),
        );
        match texts {
            (Some(now), Some(before), Some(after)) => match merge(now, before, after) {
                Some(merged) if merged == now => return Undone::Nothing,
                Some(merged) => Some(Value::from(merged)),
                None => return Undone::Kept(MEANWHILE),
            },
            // Others' entries are in a mapping that was made for ours.
            _ if change.before.is_none() && change.after == Some(Value::Object(Map::new())) => {
                return Undone::Nothing;
            }
            _ => return Undone::Kept(MEANWHILE),
        }
    };
    if put(object, &change.path, value) { Undone::Done } else { Undone::Kept(MEANWHILE) }
}

/// The text with the change from `before` to `after` taken out; nothing where others changed the same lines.
fn merge(now: &str, before: &str, after: &str) -> Option<String> {
    let lines = |text| -> Vec<String> { str::split_inclusive(text, '\n').map(str::to_owned).collect() };
    let (now, before, after) = (lines(now), lines(before), lines(after));
    let back = similar::capture_diff_slices(similar::Algorithm::Myers, &after, &before);
    let since = similar::capture_diff_slices(similar::Algorithm::Myers, &after, &now);
    let mut merged = now.clone();
    for op in back.iter().rev().filter(|op| op.tag() != similar::DiffTag::Equal) {
        let (old, new) = (op.old_range(), op.new_range());
        // The lines, with one around them, have to stand in the present text as they were written.
        let around = old.start.saturating_sub(1)..(old.end + 1).min(after.len());
        let kept = since.iter().find(|op| {
            let same = op.old_range();
            op.tag() == similar::DiffTag::Equal && same.start <= around.start && around.end <= same.end
        })?;
        let start = kept.new_range().start + (old.start - kept.old_range().start);
        merged.splice(start..start + old.len(), before.get(new)?.iter().cloned());
    }
    Some(merged.concat())
}

fn find<'v>(object: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(object, |value, step| match selector(step) {
        Some((key, name)) => by_key(value.as_array()?, key, name),
        None => value.get(step),
    })
}

fn selector(step: &str) -> Option<(&str, &str)> {
    step.strip_prefix('[')?.strip_suffix(']')?.split_once('=')
}

/// Sets or removes a value; false where its place is gone.
fn put(object: &mut Value, path: &[String], value: Option<Value>) -> bool {
    let Some((last, rest)) = path.split_last() else { return false };
    let parent = rest.iter().try_fold(object, |at, step| match selector(step) {
        Some((key, name)) => {
            at.as_array_mut()?.iter_mut().find(|item| item_name(item, key).as_deref() == Some(name))
        }
        None => at.get_mut(step),
    });
    match (parent, selector(last), value) {
        (Some(Value::Object(map)), None, Some(value)) => {
            map.insert(last.clone(), value);
        }
        (Some(Value::Object(map)), None, None) => {
            map.remove(last);
        }
        (Some(Value::Array(items)), Some((key, name)), value) => {
            let place = items.iter().position(|item| item_name(item, key).as_deref() == Some(name));
            match (place, value) {
                (Some(place), None) => {
                    items.remove(place);
                }
                (Some(place), Some(value)) => {
                    if let Some(item) = items.get_mut(place) {
                        *item = value;
                    }
                }
                (None, Some(value)) => items.push(value),
                (None, None) => {}
            }
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn back(mut now: Value, changes: &[ValueChange]) -> (Value, Vec<Undone>) {
        let undone = changes.iter().rev().map(|change| undo(&mut now, change)).collect();
        (now, undone)
    }

    #[test]
    fn a_change_is_taken_back_whole() {
        let before = json!({
            "metadata": {"name": "x", "resourceVersion": "1"},
            "spec": {"a": 1, "gone": true, "env": [{"name": "A", "value": "1"}], "list": [1, 2]},
        });
        let after = json!({
            "metadata": {"name": "x", "resourceVersion": "2", "labels": {"a/b": "c"}},
            "spec": {"a": 2, "env": [{"name": "A", "value": "2"}, {"name": "B"}], "list": [1]},
        });
        let (now, undone) = back(after.clone(), &changes(&before, &after));
        assert!(undone.iter().all(|undone| *undone == Undone::Done), "{undone:?}");
        let mut wanted = before;
        wanted["metadata"]["resourceVersion"] = "2".into();
        assert_eq!(now, wanted);
    }

    #[test]
    fn what_others_changed_since_stays() {
        let before = json!({"data": {"mesh": "a: 1\nb: 2\nc: 3\nd: 4\n"}, "x": {"y": 1}});
        let after =
            json!({"data": {"mesh": "a: 1\nours: 1\nb: 2\nc: 3\nd: 4\n"}, "x": {"y": 2}, "m": {"a": 1}});
        let changes = changes(&before, &after);
        let now = json!({"data": {"mesh": "a: 1\nours: 1\nb: 2\nc: 3\nd: 5\n"}, "x": {"y": 3}, "m": {"a": 1, "b": 1}});
        let (now, undone) = back(now, &changes);
        assert_eq!(now, json!({"data": {"mesh": "a: 1\nb: 2\nc: 3\nd: 5\n"}, "x": {"y": 3}, "m": {"b": 1}}));
        assert!(undone.iter().any(|undone| matches!(undone, Undone::Kept(_))), "{undone:?}");
        // The very lines were changed.
        let now = json!({"data": {"mesh": "a: 1\nours: 2\nb: 2\nc: 3\nd: 4\n"}, "x": {"y": 1}});
        let (same, _) = back(now.clone(), &changes);
        assert_eq!(same, now);
    }

    #[test]
    fn a_token_is_not_kept() {
        let url = |tail: &str| format!("https://x?token=tkn_{}{tail}", "0123456789abcdef0123456789abcde");
        let before = json!({"env": [{"name": "U", "value": url("f")}], "added": null});
        let after = json!({"env": [{"name": "U", "value": url("0")}], "added": url("1")});
        let changes = changes(&before, &after);
        let text = serde_json::to_string(&changes).unwrap();
        assert!(!text.contains("0123456789"), "{text}");
        let (now, undone) = back(after.clone(), &changes);
        assert_eq!(now["env"], after["env"]);
        assert!(
            matches!(undone[..], [Undone::Done, Undone::Kept(_)] | [Undone::Kept(_), Undone::Done]),
            "{undone:?}"
        );
    }
}
