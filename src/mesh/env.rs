//! The environment of a container as the kubelet makes it: `envFrom`, then `env`, of two the last; `$(NAME)` resolved.

use std::collections::HashMap;

use super::beside;
use crate::kube::{Field, Inventory, Object};

/// What a variable is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    /// Not in view: where it comes from.
    Unknown(String),
    /// From a ConfigMap that is in view, or would be, and does not give it: its name, and the key where it is there.
    Missing {
        map: String,
        key: Option<String>,
    },
}

/// A variable with the object and field that decide it.
#[derive(Clone, Debug)]
pub(crate) struct Var<'i> {
    pub(crate) value: Value,
    pub(crate) object: &'i Object,
    pub(crate) field: Field<'i>,
}

/// An environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Env<'i> {
    vars: HashMap<String, Var<'i>>,
    /// Sources of whole environments that are not in view.
    pub(crate) unseen: Vec<(Field<'i>, String)>,
}

impl<'i> Env<'i> {
    pub(super) fn of(inventory: &'i Inventory, object: &'i Object, container: Field<'i>) -> Self {
        let mut env = Self::default();
        for source in container.get("envFrom").items() {
            env.add_source(inventory, object, source);
        }
        for item in container.get("env").items() {
            let var = env.read(inventory, object, item);
            env.vars.insert(item.get("name").text().into_owned(), var);
        }
        env
    }

    fn add_source(&mut self, inventory: &'i Inventory, object: &'i Object, source: Field<'i>) {
        let name = source.at(&["configMapRef", "name"]).text();
        let prefix = source.get("prefix").text();
        match beside(inventory, object, "ConfigMap", &name).filter(|_| !name.is_empty()) {
            Some(map) => {
                for (key, field) in map.at(&["data"]).entries() {
                    let value = Value::Text(field.text().into_owned());
                    self.vars.insert(format!("{prefix}{key}"), Var { value, object: map, field });
                }
            }
            None if name.is_empty() => {
                let secret = source.at(&["secretRef", "name"]).text();
                self.unseen.push((source, format!("Secret `{secret}`")));
            }
            None => self.unseen.push((source, format!("ConfigMap `{name}`"))),
        }
    }

    fn read(&self, inventory: &'i Inventory, object: &'i Object, item: Field<'i>) -> Var<'i> {
        let from = item.get("valueFrom");
        if !from.is_set() {
            let field = if item.get("value").exists() { item.get("value") } else { item };
            return Var { value: self.expand(&item.get("value").text()), object, field };
        }
        let reference = from.get("configMapKeyRef");
        if reference.is_set() {
            let (name, key) = (reference.get("name").text(), reference.get("key").text());
            return match beside(inventory, object, "ConfigMap", &name) {
                Some(map) => {
                    let field = map.at(&["data"]).get(&key);
                    match field.scalar() {
                        Some(text) => Var { value: Value::Text(text.into_owned()), object: map, field },
                        None if reference.get("optional").is_true() => {
                            Var { value: Value::Text(String::new()), object, field: from }
                        }
                        None => {
                            let (map, key) = (name.into_owned(), Some(key.into_owned()));
                            Var { value: Value::Missing { map, key }, object, field: reference }
                        }
                    }
                }
                None if inventory.may_miss("", "configmaps") || reference.get("optional").is_true() => {
                    Var { value: Value::Unknown(format!("ConfigMap `{name}`")), object, field: from }
                }
                None => {
                    let value = Value::Missing { map: name.into_owned(), key: None };
                    Var { value, object, field: reference }
                }
            };
        }
        let secret = from.at(&["secretKeyRef", "name"]);
        let path = from.at(&["fieldRef", "fieldPath"]);
        let origin = match (secret.scalar(), path.scalar()) {
            (Some(name), _) => format!("Secret `{name}`"),
            (None, Some(path)) => path.into_owned(),
            _ => "`valueFrom`".to_owned(),
        };
        Var { value: Value::Unknown(origin), object, field: from }
    }

    /// Resolves `$(NAME)` of what is defined already; `$$` is a dollar sign.
    pub(super) fn expand(&self, text: &str) -> Value {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((head, tail)) = rest.split_once('$') {
            out.push_str(head);
            rest = tail;
            if let Some(tail) = rest.strip_prefix('$') {
                out.push('$');
                rest = tail;
                continue;
            }
            let name = rest.strip_prefix('(').and_then(|inner| inner.split_once(')'));
            let known = name.and_then(|(name, tail)| Some((self.vars.get(name)?, tail)));
            match known.map(|(var, tail)| (&var.value, tail)) {
                Some((Value::Text(value), tail)) => {
                    out.push_str(value);
                    rest = tail;
                }
                Some((other, _)) => return other.clone(),
                None => out.push('$'),
            }
        }
        out.push_str(rest);
        Value::Text(out)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Var<'i>> {
        self.vars.get(name)
    }

    /// A variable's text; empty where there is none, or it is not in view.
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.vars.get(name).map(|var| &var.value) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether a variable may have a value that is not in view.
    pub(crate) fn is_unknown(&self, name: &str) -> bool {
        match self.vars.get(name) {
            Some(var) => matches!(var.value, Value::Unknown(_)),
            None => !self.unseen.is_empty(),
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.vars.keys().map(String::as_str)
    }
}
