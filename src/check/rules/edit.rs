//! Edits in hints: in a cluster a command that makes them, in files a sentence that names field and value.

use serde_json::{Value, json};

use crate::gate::word;
use crate::kube::Object;
use crate::mesh::routes::Destination;

/// One step of a JSON patch, and its path as people write it.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    pub(super) op: &'static str,
    /// Keys and numbers of items; `-` behind the last item.
    pub(super) path: Vec<String>,
    pub(super) value: Value,
}

impl Edit {
    pub(super) fn set(op: &'static str, path: &[&str], value: impl Into<Value>) -> Self {
        Self { op, path: path.iter().map(|key| (*key).to_owned()).collect(), value: value.into() }
    }

    /// One of a field below a destination of a route.
    pub(super) fn of_destination(
        destination: &Destination<'_>,
        keys: &[&str],
        value: impl Into<Value>,
    ) -> Self {
        let path: Vec<&str> =
            destination.path.iter().map(String::as_str).chain(keys.iter().copied()).collect();
        let op = if destination.field.at(keys).exists() { "replace" } else { "add" };
        Self::set(op, &path, value)
    }

    fn pointer(&self) -> String {
        self.path.iter().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect()
    }

    /// `spec.ports[0].name`.
    fn field(&self) -> String {
        let mut text = String::new();
        for key in self.path.iter().filter(|key| *key != "-") {
            if key.parse::<usize>().is_ok() {
                text.push_str(&format!("[{key}]"));
            } else {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
        }
        text
    }

    fn sentence(&self) -> String {
        let value = match &self.value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        if self.path.last().is_some_and(|key| key == "-") {
            format!("add to `{}`: {value}", self.field())
        } else {
            format!("set `{}` to {value}", self.field())
        }
    }
}

/// What makes these edits of an object.
pub(super) fn hint(live: bool, object: &Object, edits: &[Edit]) -> String {
    if !live {
        return edits.iter().map(Edit::sentence).collect::<Vec<_>>().join("; ");
    }
    let steps = edits.iter().map(|edit| json!({"op": edit.op, "path": edit.pointer(), "value": edit.value}));
    let patch = Value::Array(steps.collect()).to_string();
    format!(
        "kubectl patch -n {} {} --type=json -p {}",
        word(object.namespace()),
        word(&resource(object)),
        word(&patch)
    )
}

/// `kind.version.group/name`, so that of several kinds with one name the right one is meant.
fn resource(object: &Object) -> String {
    let kind = object.kind().to_lowercase();
    match object.group() {
        "" | "apps" => format!("{kind}/{}", object.name()),
        group => format!("{kind}.{group}/{}", object.name()),
    }
}

/// `kubectl VERB -n NAMESPACE KIND/NAME`.
pub(super) fn kubectl(verb: &str, object: &Object) -> String {
    format!("kubectl {verb} -n {} {}", word(object.namespace()), word(&resource(object)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::read_text;

    #[test]
    fn edits_are_commands_in_a_cluster_and_sentences_in_files() {
        let text =
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: prod}\n";
        let (inventory, _) = read_text("f.yaml", text);
        let gateway = &inventory.objects()[0];
        let edits = [Edit::set("replace", &["spec", "servers", "0", "port", "number"], 80)];
        assert_eq!(hint(false, gateway, &edits), "set `spec.servers[0].port.number` to 80");
        assert_eq!(
            hint(true, gateway, &edits),
            r#"kubectl patch -n prod gateway.networking.istio.io/gw --type=json -p '[{"op":"replace","path":"/spec/servers/0/port/number","value":80}]'"#
        );
        let added = [Edit::set("add", &["spec", "egress", "-"], json!({"ports": []}))];
        assert_eq!(hint(false, gateway, &added), r#"add to `spec.egress`: {"ports":[]}"#);
    }
}
