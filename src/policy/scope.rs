//! The namespaces that a policy is for.

use crate::config::Invalid;
use crate::facts::istio::NEVER_INJECTED;
use crate::facts::kubernetes::NAMESPACE_NAME;
use crate::yaml::Value;

/// A condition on a label, as `matchExpressions` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: &'static str,
    values: Vec<String>,
}

/// The namespaces of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// None: those that Istio's labels mark.
    chosen: Option<Vec<Requirement>>,
    /// Names of namespaces that are left alone, without repetitions.
    excluded: Vec<String>,
}

impl Scope {
    /// The namespaces that fit a selector as kubectl takes it, or else those that Istio's labels mark; without these and
    /// Kubernetes' own.
    ///
    /// # Errors
    /// A selector that Kubernetes would refuse.
    pub(crate) fn new(selector: Option<&str>, excluded: &[String]) -> Result<Self, Invalid> {
        let mut names: Vec<String> = NEVER_INJECTED.iter().map(|name| (*name).to_owned()).collect();
        for name in excluded {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Ok(Self { chosen: selector.map(requirements).transpose()?, excluded: names })
    }

    /// Whether a selector says which namespaces are meant, and not Istio's labels.
    pub(super) fn is_chosen(&self) -> bool {
        self.chosen.is_some()
    }

    /// The `matchExpressions` of a selector of namespaces.
    pub(super) fn expressions(&self) -> Value {
        let excluded =
            Requirement { key: NAMESPACE_NAME.to_owned(), operator: "NotIn", values: self.excluded.clone() };
        let all = std::iter::once(&excluded).chain(self.chosen.iter().flatten());
        Value::List(all.map(Requirement::value).collect())
    }
}

impl Requirement {
    fn value(&self) -> Value {
        let mut entries = vec![
            ("key".to_owned(), Value::Text(self.key.clone())),
            ("operator".to_owned(), Value::Text(self.operator.to_owned())),
        ];
        if !self.values.is_empty() {
            let values = self.values.iter().map(|value| Value::Text(value.clone()));
            entries.push(("values".to_owned(), Value::List(values.collect())));
        }
        Value::Map(entries)
    }
}

/// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
fn requirements(text: &str) -> Result<Vec<Requirement>, Invalid> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let (one, tail) = first(rest);
        let requirement = requirement(one.trim());
        found.push(requirement.ok_or_else(|| {
            format!(
                "invalid selector `{text}` (--namespace-selector): write it as for `kubectl get -l`, as in `team=shop,!legacy`"
            )
        })?);
        match tail {
            Some(tail) => rest = tail,
            None => return Ok(found),
        }
    }
}

/// What stands before the first comma outside of brackets, and what is behind that.
fn first(text: &str) -> (&str, Option<&str>) {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let (one, tail) = text.split_at(at);
                return (one, tail.get(1..));
            }
            _ => {}
        }
    }
    (text, None)
}

fn requirement(text: &str) -> Option<Requirement> {
    let of = |key: &str, operator, values: Vec<&str>| {
        let (key, values): (_, Vec<_>) = (key.trim(), values.into_iter().map(str::trim).collect());
        let fits = is_key(key) && values.iter().all(|value| is_value(value));
        let values = values.into_iter().map(str::to_owned).collect();
        fits.then(|| Requirement { key: key.to_owned(), operator, values })
    };
    if let Some(set) = text.strip_suffix(')') {
        let (head, values) = set.split_once('(')?;
        let (key, word) = head.trim().split_once(char::is_whitespace)?;
        let operator = match word.trim() {
            "in" => "In",
            "notin" => "NotIn",
            _ => return None,
        };
        return of(key, operator, values.split(',').collect());
    }
    if let Some((key, value)) = text.split_once("!=") {
        return of(key, "NotIn", vec![value]);
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return of(key, "In", vec![value]);
    }
    match text.strip_prefix('!') {
        Some(key) => of(key, "DoesNotExist", Vec::new()),
        None => of(text, "Exists", Vec::new()),
    }
}

/// Whether a text may be the key of a label: a name, with a domain and `/` before it or not.
fn is_key(text: &str) -> bool {
    let (domain, name) = text.split_once('/').unwrap_or(("x", text));
    let is_domain = domain.split('.').all(crate::config::is_dns_label) && domain.len() <= 253;
    is_domain && !name.is_empty() && is_value(name)
}

/// Whether a text may be the value of a label.
fn is_value(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.chars().all(|c| edge(c) || "-_.".contains(c))
        && (text.is_empty() || (text.starts_with(edge) && text.ends_with(edge)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_as_kubectl_takes_them() {
        let text = "a=b, c==d,e!=f,g in (h, i),j.k/l notin (m),n,!o,p=";
        let found = requirements(text).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|one| format!("{} {} {}", one.key, one.operator, one.values.join("+")))
            .collect();
        let want = [
            "a In b",
            "c In d",
            "e NotIn f",
            "g In h+i",
            "j.k/l NotIn m",
            "n Exists ",
            "o DoesNotExist ",
            "p In ",
        ];
        assert_eq!(found, want);
        for bad in ["", "a,", "a in b", "a in (b", "=b", "a=b c", "a of (b)", "-a", "a/b/c", "a=ü", "(a)"] {
            assert!(requirements(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn excluded_namespaces_are_named_once() {
        let scope = Scope::new(None, &["a".to_owned(), "kube-system".to_owned(), "a".to_owned()]).unwrap();
        assert_eq!(scope.excluded.len(), NEVER_INJECTED.len() + 1);
    }
}
