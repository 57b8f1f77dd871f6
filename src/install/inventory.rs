//! What is in a namespace, or of a kind, and whose it is. Reads only, of every object no more than its metadata: what it
//! holds, such as a Secret's values, stays in the cluster.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Failure;
use super::apply::plain;
use super::object::{Reference, is_made, text};
use super::record::Record;
use crate::cluster::Kubectl;

/// Columns of a listing: JSONPath of kubectl, in the order of [`Listed::parse`].
const COLUMNS: &[&str] = &[
    "{.apiVersion}",
    "{.kind}",
    "{.metadata.namespace}",
    "{.metadata.name}",
    "{.metadata.uid}",
    "{.metadata.creationTimestamp}",
    "{.metadata.labels.meshobs/installed}",
    "{.metadata.labels.istio\\.io/config}",
    "{.metadata.labels.install\\.operator\\.istio\\.io/owning-resource}",
    "{.metadata.labels.operator\\.istio\\.io/component}",
    "{.type}",
    "{.metadata.annotations.kubernetes\\.io/service-account\\.name}",
    "{.metadata.ownerReferences[*].uid}",
    "{.metadata.managedFields}",
];

/// The metadata of an object.
pub(super) struct Listed {
    /// The object.
    pub(super) reference: Reference,
    /// Its metadata as far as [`is_made`] looks at it.
    pub(super) object: Value,
    /// Whether the installer of Istio labelled it.
    of_istio: bool,
    /// Whether istiod labelled it as a copy of its configuration.
    copied_by_istiod: bool,
    /// The type of a Secret.
    secret_type: String,
    /// The ServiceAccount that a token belongs to.
    account: String,
    /// The uids of its owners.
    owners: Vec<String>,
}

impl Listed {
    fn parse(line: &str) -> Option<Self> {
        let columns: Vec<&str> = line.split('\t').collect();
        let [
            api_version,
            kind,
            namespace,
            name,
            uid,
            created,
            label,
            copied,
            owning,
            component,
            secret_type,
            account,
            owners,
            managers,
        ] = columns.as_slice()
        else {
            return None;
        };
        let mut metadata = serde_json::json!({
            "namespace": namespace,
            "name": name,
            "uid": uid,
            "creationTimestamp": created,
            "managedFields": serde_json::from_str::<Value>(managers).unwrap_or_default(),
        });
        if !label.is_empty()
            && let Some(metadata) = metadata.as_object_mut()
        {
            metadata.insert("labels".to_owned(), serde_json::json!({ crate::rule::LABEL: label }));
        }
        let object = serde_json::json!({"apiVersion": api_version, "kind": kind, "metadata": metadata});
        Some(Self {
            reference: Reference::of(&object),
            object,
            of_istio: !owning.is_empty() || !component.is_empty(),
            copied_by_istiod: *copied == "true",
            secret_type: (*secret_type).to_owned(),
            account: (*account).to_owned(),
            owners: owners.split_whitespace().map(str::to_owned).collect(),
        })
    }

    /// When it was created.
    pub(super) fn created(&self) -> &str {
        text(&self.object, "/metadata/creationTimestamp")
    }

    /// Kind and group, whatever the version.
    fn is(&self, kind: &str, group: &str) -> bool {
        self.reference.kind_and_group() == (kind, group)
    }

    fn title(&self, with_namespace: bool) -> String {
        let mut reference = self.reference.clone();
        if !with_namespace {
            reference.namespace.clear();
        }
        reference.title()
    }
}

/// Which objects of others there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// None.
    None,
    /// At least this one.
    Some(String),
    /// Not everything can be listed, and why.
    Unknown(String),
}

/// The kinds that a server serves and that can be listed and deleted, as kubectl takes them.
///
/// # Errors
/// The server does not tell all of them.
pub(super) fn kinds(kubectl: &Kubectl, namespaced_only: bool) -> Result<Vec<String>, Failure> {
    let mut args = vec!["api-resources", "--verbs=list,delete", "-o", "name"];
    if namespaced_only {
        args.push("--namespaced");
    }
    Ok(plain(kubectl, &args)?.lines().map(str::to_owned).collect())
}

/// Lists objects of kinds.
///
/// # Errors
/// One of the kinds cannot be listed.
pub(super) fn list(kubectl: &Kubectl, kinds: &[String], more: &[&str]) -> Result<Vec<Listed>, Failure> {
    if kinds.is_empty() {
        return Ok(Vec::new());
    }
    let kinds = kinds.join(",");
    let path = format!("jsonpath={{range .items[*]}}{}{{\"\\n\"}}{{end}}", COLUMNS.join("{\"\\t\"}"));
    let mut args = vec!["get", kinds.as_str(), "-o", path.as_str()];
    args.extend(more);
    let text = plain(kubectl, &args)?;
    text.lines()
        .map(|line| {
            let message = || "kubectl: unexpected output of `kubectl get -o jsonpath`".to_owned();
            Listed::parse(line).ok_or_else(|| Failure::new(message()))
        })
        .collect()
}

/// The objects of others in a namespace: of all kinds that are given, other than what the record has as created, and what
/// Kubernetes and Istio make there by themselves.
pub(super) fn others_in(
    kubectl: &Kubectl,
    kinds: &Result<Vec<String>, Failure>,
    namespace: &str,
    record: &Record,
) -> Others {
    let kinds = kinds.as_ref().map_err(Failure::clone);
    judge(kinds.and_then(|kinds| list(kubectl, kinds, &["-n", namespace])), record, false)
}

/// The objects of others of a kind that a definition brings.
pub(super) fn others_of(kubectl: &Kubectl, definition: &str, record: &Record) -> Others {
    judge(list(kubectl, &[definition.to_owned()], &["-A"]), record, true)
}

fn judge(listed: Result<Vec<Listed>, Failure>, record: &Record, with_namespace: bool) -> Others {
    let listed = match listed {
        Ok(listed) => listed,
        Err(failure) => return Others::Unknown(cause(&failure.message)),
    };
    match first_of_others(&listed, record) {
        Some(found) => Others::Some(found.title(with_namespace)),
        None => Others::None,
    }
}

/// What kubectl says of a failure, without warnings: one line.
fn cause(message: &str) -> String {
    let errors: Vec<&str> = message.lines().filter(|line| !line.starts_with("Warning:")).collect();
    errors.first().copied().unwrap_or(message).to_owned()
}

fn first_of_others<'l>(listed: &'l [Listed], record: &Record) -> Option<&'l Listed> {
    let created = Created::of(record);
    let is_root = |found: &&Listed| created.has(found) || (record.istio.is_some() && is_istios(found));
    let roots: Vec<&Listed> = listed.iter().filter(is_root).collect();
    let names = |kind: &str| -> BTreeSet<&str> {
        roots.iter().filter(|root| root.is(kind, "")).map(|root| root.reference.name.as_str()).collect()
    };
    let (services, mut accounts) = (names("Service"), names("ServiceAccount"));
    accounts.insert("default");
    let mut own: BTreeSet<&str> = roots.iter().map(|root| root.reference.uid.as_str()).collect();
    // Kubernetes lets the endpoints of a Service own things, too.
    let endpoints = listed
        .iter()
        .filter(|found| found.is("Endpoints", "") && services.contains(found.reference.name.as_str()));
    own.extend(endpoints.map(|found| found.reference.uid.as_str()));
    let owned = owned_by(listed, &own);
    listed
        .iter()
        .find(|found| !owned.contains(found.reference.uid.as_str()) && !comes_by_itself(found, &accounts))
}

/// What a record has as created.
struct Created<'r> {
    uids: BTreeSet<&'r str>,
    /// Those that nobody saw since they were about to be created, by kind, group, namespace and name.
    unseen: BTreeSet<((&'r str, &'r str), &'r str, &'r str)>,
}

impl<'r> Created<'r> {
    fn of(record: &'r Record) -> Self {
        let uids = record.created().map(|known| known.uid.as_str()).filter(|uid| !uid.is_empty());
        let unseen = record.created().filter(|known| known.uid.is_empty());
        let unseen =
            unseen.map(|known| (known.kind_and_group(), known.namespace.as_str(), known.name.as_str()));
        Self { uids: uids.collect(), unseen: unseen.collect() }
    }

    /// Whether an installation created an object: the record says so, and the object itself does.
    fn has(&self, found: &Listed) -> bool {
        let what = &found.reference;
        let name = (what.kind_and_group(), what.namespace.as_str(), what.name.as_str());
        (self.uids.contains(what.uid.as_str()) || self.unseen.contains(&name)) && is_made(&found.object)
    }
}

/// Whether Istio, which istioctl installed for us and takes out again, made an object.
fn is_istios(found: &Listed) -> bool {
    let by_istiod = [("ConfigMap", ""), ("Secret", ""), ("Lease", "coordination.k8s.io")]
        .iter()
        .any(|(kind, group)| found.is(kind, group) && found.reference.name.starts_with("istio-"));
    found.of_istio || by_istiod || found.is("IstioOperator", "install.istio.io")
}

/// Whether Kubernetes or istiod put an object into the namespace by itself.
fn comes_by_itself(found: &Listed, accounts: &BTreeSet<&str>) -> bool {
    let name = found.reference.name.as_str();
    match found.reference.kind_and_group() {
        ("ConfigMap", "") => {
            name == "kube-root-ca.crt" || (name == "istio-ca-root-cert" && found.copied_by_istiod)
        }
        ("ServiceAccount", "") => name == "default",
        ("Event", "" | "events.k8s.io") => true,
        ("Secret", "") => {
            let account = found.account.as_str();
            let generated = name.strip_prefix(account).is_some_and(|rest| rest.starts_with("-token-"));
            found.secret_type == "kubernetes.io/service-account-token"
                && generated
                && accounts.contains(account)
        }
        _ => false,
    }
}

/// The uids of some objects and of all that only they own, directly or not.
fn owned_by<'l>(listed: &'l [Listed], own: &BTreeSet<&'l str>) -> BTreeSet<&'l str> {
    let mut owned = own.clone();
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    let mut of_owner: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for found in listed.iter().filter(|found| !own.contains(found.reference.uid.as_str())) {
        let owners: BTreeSet<&str> = found.owners.iter().map(String::as_str).collect();
        missing.insert(&found.reference.uid, owners.len());
        for owner in owners {
            of_owner.entry(owner).or_default().push(&found.reference.uid);
        }
    }
    let mut open: Vec<&str> = own.iter().copied().collect();
    while let Some(owner) = open.pop() {
        for child in of_owner.remove(owner).unwrap_or_default() {
            let Some(left) = missing.get_mut(child) else { continue };
            *left = left.saturating_sub(1);
            if *left == 0 && owned.insert(child) {
                open.push(child);
            }
        }
    }
    owned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(kind: &str, name: &str, owners: &[&str]) -> Listed {
        let managers = r#"[{"manager":"meshobs","fieldsV1":{"f:spec":{}}}]"#;
        let owners = owners.join(" ");
        Listed::parse(&format!("v1\t{kind}\tn\t{name}\t{name}\t\ttrue\t\t\t\t\t\t{owners}\t{managers}"))
            .unwrap()
    }

    fn record(names: &[&str]) -> Record {
        let mut record = Record::default();
        for name in names {
            record.create("", [listed("Service", name, &[]).reference]);
        }
        record
    }

    #[test]
    fn an_object_belongs_to_all_of_its_owners() {
        let ours = || listed("Service", "ours", &[]);
        let first = |all: &[Listed]| first_of_others(all, &record(&["ours"])).map(|found| found.title(false));
        let chain = [listed("X", "c", &["b"]), listed("X", "b", &["a"]), listed("X", "a", &["ours"]), ours()];
        assert_eq!(first(&chain), None);
        assert_eq!(first(&[ours(), listed("X", "a", &["ours", "theirs"])]), Some("x/a".to_owned()));
        assert_eq!(first(&[ours(), listed("X", "a", &["elsewhere"])]), Some("x/a".to_owned()));
        assert_eq!(
            first(&[ours(), listed("X", "a", &["b"]), listed("X", "b", &["a"])]),
            Some("x/a".to_owned())
        );
        let default = || listed("ServiceAccount", "default", &[]);
        assert_eq!(first(&[ours(), default()]), None);
        assert_eq!(
            first(&[ours(), default(), listed("X", "a", &["ours", "default"])]),
            Some("x/a".to_owned())
        );
        assert_eq!(first(&[ours(), listed("Endpoints", "ours", &[])]), None);
        assert_eq!(first(&[ours(), listed("Endpoints", "others", &[])]), Some("endpoints/others".to_owned()));
    }

    #[test]
    fn a_long_chain_of_owners_takes_no_stack() {
        let names: Vec<String> = (0..20_000).map(|i| format!("o{i}")).collect();
        let mut all: Vec<Listed> =
            names.windows(2).map(|pair| listed("X", &pair[1], &[pair[0].as_str()])).collect();
        all.push(listed("Service", "o0", &[]));
        assert!(first_of_others(&all, &record(&["o0"])).is_none());
    }
}
