//! What of an outcome the user wants to see: ignored findings are taken out, and sections that were not asked for.

use std::collections::{HashMap, HashSet};

use super::{CATALOG, Outcome};
use crate::kube::{Inventory, Object};

/// Annotation of an object, a pod template or a namespace: ids of checks, with commas between them, that are ignored there.
const ANNOTATION: &str = "meshobs/ignore";

/// How many controllers a Pod may have above it: a ReplicaSet, a Deployment, and what makes Deployments.
const OWNERS: usize = 4;

/// A check that is ignored, for all objects or for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ignore {
    id: &'static str,
    object: Option<Target>,
    /// As the user wrote it.
    text: String,
}

/// An object by kind and name, perhaps in one namespace only.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    /// `kind/name`, the kind in lower case; for what is no object, its whole title.
    reference: String,
    namespace: Option<String>,
}

impl Ignore {
    /// Reads `ID`, or `ID=OBJECT` with the object as `kind/name`, `kind/name in namespace` or `namespace/kind/name`.
    ///
    /// # Errors
    /// There is no such check; the message names the nearest one.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (id, object) = match text.split_once('=') {
            Some((id, object)) => (id.trim(), Some(object.trim())),
            None => (text.trim(), None),
        };
        if object == Some("") {
            return Err(format!("no object after `{id}=`: write KIND/NAME or NAMESPACE/KIND/NAME"));
        }
        Ok(Self { id: known_id(id)?, object: object.map(Target::parse), text: text.to_owned() })
    }

    fn hides(&self, id: &str, subject: &str) -> bool {
        self.id == id && self.object.as_ref().is_none_or(|object| object.is(subject))
    }
}

impl Target {
    fn parse(text: &str) -> Self {
        let (reference, namespace) = match text.split_once(" in ") {
            Some((reference, namespace)) => (reference, Some(namespace)),
            None => match text.splitn(3, '/').collect::<Vec<_>>().as_slice() {
                [namespace, kind, name] => {
                    let reference = format!("{}/{name}", kind.to_lowercase());
                    return Self { reference, namespace: Some((*namespace).to_owned()) };
                }
                _ => (text, None),
            },
        };
        let reference = match reference.split_once('/') {
            Some((kind, name)) => format!("{}/{name}", kind.to_lowercase()),
            None => reference.to_owned(),
        };
        Self { reference, namespace: namespace.map(|namespace| namespace.trim().to_owned()) }
    }

    fn is(&self, subject: &str) -> bool {
        let (reference, namespace) = subject.split_once(" in ").unwrap_or((subject, "default"));
        self.reference == reference && self.namespace.as_ref().is_none_or(|wanted| wanted == namespace)
    }
}

/// The id of a check, as the catalog has it.
///
/// # Errors
/// There is none; the message names the nearest one.
pub(crate) fn known_id(id: &str) -> Result<&'static str, String> {
    let ids = || CATALOG.iter().map(|check| check.id);
    if let Some(known) = ids().find(|known| *known == id) {
        return Ok(known);
    }
    Err(format!("unknown check `{id}`{}", nearest(id, ids())))
}

/// The name of a section, as the catalog has it.
///
/// # Errors
/// There is none; the message names all.
pub(crate) fn known_section(name: &str) -> Result<&'static str, String> {
    let sections = sections();
    if let Some(known) = sections.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        return Ok(known);
    }
    Err(format!("unknown section `{name}`; sections are {}", sections.join(", ")))
}

fn sections() -> Vec<&'static str> {
    let mut sections = Vec::new();
    for check in CATALOG {
        if !sections.contains(&check.section) {
            sections.push(check.section);
        }
    }
    sections
}

/// The rest of a message about a name that does not exist.
fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> String {
    let by_likeness = |a: &&str, b: &&str| {
        strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)).then_with(|| b.cmp(a))
    };
    match known.max_by(by_likeness) {
        Some(nearest) => format!("; did you mean `{nearest}`? (`meshobs explain` lists all)"),
        None => String::new(),
    }
}

/// Takes out what is ignored, by settings and by annotations of the objects. Returns warnings: settings that hid nothing,
/// and annotations that name no check.
pub(crate) fn ignore(inventory: &Inventory, outcome: &mut Outcome, settings: &[Ignore]) -> Vec<String> {
    let mut warnings = Vec::new();
    let annotated = Annotated::of(inventory, &mut warnings);
    let mut used: HashSet<usize> = HashSet::new();
    outcome.hide(|id, subject, _, _| {
        let mut is_set = false;
        for (number, _) in settings.iter().enumerate().filter(|(_, setting)| setting.hides(id, subject)) {
            used.insert(number);
            is_set = true;
        }
        is_set || annotated.hides(id, subject)
    });
    let unused = settings.iter().enumerate().filter(|(number, _)| !used.contains(number));
    warnings.extend(unused.map(|(_, setting)| {
        format!("ignore `{}` hides nothing; remove it (--ignore, check.ignore)", setting.text)
    }));
    warnings
}

/// Keeps only some sections; none named keeps all.
pub(crate) fn keep_sections(outcome: &mut Outcome, sections: &[&str]) {
    if sections.is_empty() {
        return;
    }
    let is_kept = |id: &str| CATALOG.iter().any(|check| check.id == id && sections.contains(&check.section));
    outcome.findings.retain(|finding| is_kept(finding.id));
    outcome.unknowns.retain(|unknown| is_kept(unknown.id));
    outcome.checked.retain(|id| is_kept(id));
    outcome.remarks.retain(|remark| {
        sections.iter().any(|section| remark.split(':').next().is_some_and(|head| head == *section))
    });
}

/// What the objects themselves say is ignored.
struct Annotated<'i> {
    inventory: &'i Inventory,
    /// Objects by title.
    objects: HashMap<String, &'i Object>,
    /// Ids by namespace.
    namespaces: HashMap<&'i str, Vec<&'static str>>,
    /// Ids by title.
    own: HashMap<String, Vec<&'static str>>,
}

impl<'i> Annotated<'i> {
    fn of(inventory: &'i Inventory, warnings: &mut Vec<String>) -> Self {
        let mut found =
            Self { inventory, objects: HashMap::new(), namespaces: HashMap::new(), own: HashMap::new() };
        for object in inventory.objects() {
            let ids = ids_of(object, warnings);
            if !ids.is_empty() {
                if object.kind() == "Namespace" && object.group().is_empty() {
                    found.namespaces.insert(object.name(), ids.clone());
                }
                found.own.insert(object.title(), ids);
            }
        }
        if !found.own.is_empty() {
            let titles = inventory.objects().iter().map(|object| (object.title(), object));
            found.objects = titles.collect();
        }
        found
    }

    fn hides(&self, id: &str, subject: &str) -> bool {
        let Some(mut object) = self.objects.get(subject).copied() else { return false };
        let of_namespace = self.namespaces.get(object.namespace());
        if of_namespace.is_some_and(|ids| ids.contains(&id)) {
            return true;
        }
        for _ in 0..OWNERS {
            if self.own.get(&object.title()).is_some_and(|ids| ids.contains(&id)) {
                return true;
            }
            match self.owner(object) {
                Some(owner) => object = owner,
                None => return false,
            }
        }
        false
    }

    fn owner(&self, object: &'i Object) -> Option<&'i Object> {
        let mut owners = object.at(&["metadata", "ownerReferences"]).items();
        let owner = owners.find(|owner| owner.get("controller").is_true())?;
        let api_version = owner.get("apiVersion").text();
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let (kind, name) = (owner.get("kind").text(), owner.get("name").text());
        self.inventory.get(group, &kind, object.namespace(), &name)
    }
}

/// The checks that an object's annotations name, its pod templates' too.
fn ids_of(object: &Object, warnings: &mut Vec<String>) -> Vec<&'static str> {
    let own = object.annotation(ANNOTATION);
    let templates = object.pod_templates().map(|pods| pods.at(&["metadata", "annotations", ANNOTATION]));
    let is_pod = object.kind() == "Pod";
    let fields = std::iter::once(own).chain(templates.filter(|_| !is_pod));
    let mut ids = Vec::new();
    for text in fields.filter_map(|field| field.scalar()) {
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match known_id(name) {
                Ok(id) => ids.push(id),
                Err(why) => warnings.push(format!("{}: annotation {ANNOTATION}: {why}", object.title())),
            }
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_in_three_ways() {
        let hides = |text: &str, subject: &str| Ignore::parse(text).unwrap().hides("annotation", subject);
        for (text, subject, expected) in [
            ("annotation", "anything", true),
            ("sidecar", "deployment/a in prod", false),
            ("annotation=deployment/a", "deployment/a in prod", true),
            ("annotation=Deployment/a", "deployment/a", true),
            ("annotation=deployment/b", "deployment/a", false),
            ("annotation=deployment/a in prod", "deployment/a in prod", true),
            ("annotation=deployment/a in test", "deployment/a in prod", false),
            ("annotation=prod/deployment/a", "deployment/a in prod", true),
            ("annotation=prod/deployment/a", "deployment/a", false),
            ("annotation=default/deployment/a", "deployment/a", true),
            ("annotation=namespaces", "namespaces", true),
        ] {
            assert_eq!(hides(text, subject), expected, "{text}: {subject}");
        }
    }

    #[test]
    fn misspelt_names_get_the_nearest_one() {
        for (text, part) in [
            ("anotation", "did you mean `annotation`?"),
            ("log-input=deployment/x", "did you mean `logs-input`?"),
            ("yaml=", "no object after `yaml=`"),
        ] {
            let error = Ignore::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert_eq!(known_section("datakit"), Ok("DataKit"));
        assert!(known_section("log").unwrap_err().contains("logs, routing"));
    }

    #[test]
    fn a_pod_is_ignored_by_what_made_it() {
        let owned = |kind: &str, name: &str, owner: &str| {
            format!(
                "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: prod, ownerReferences: [{{apiVersion: apps/v1, \
                 kind: {owner}, controller: true}}]}}\n---\n"
            )
        };
        let text = [
            owned("Pod", "a-1-x", "ReplicaSet, name: a-1").replace("apps/v1\nkind", "v1\nkind"),
            owned("ReplicaSet", "a-1", "Deployment, name: a"),
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: prod, annotations: {meshobs/ignore: sidecar}}\n"
                .to_owned(),
        ];
        let (inventory, _) = crate::kube::read_text("a.yaml", &text.concat());
        let mut outcome = Outcome::default();
        for (id, subject) in [
            ("sidecar", "pod/a-1-x in prod"),
            ("sidecar", "pod/b in prod"),
            ("annotation", "pod/a-1-x in prod"),
        ] {
            outcome.missing(id, subject, "x", "y");
        }
        assert_eq!(ignore(&inventory, &mut outcome, &[]), [""; 0]);
        let left: Vec<_> = outcome.findings.iter().map(|finding| (finding.id, &*finding.subject)).collect();
        assert_eq!(left, [("sidecar", "pod/b in prod"), ("annotation", "pod/a-1-x in prod")]);
    }

    #[test]
    fn a_check_whose_findings_are_all_hidden_is_not_fine() {
        let (inventory, _) = crate::kube::read_text("a.yaml", "");
        let mut outcome = Outcome::default();
        outcome.missing("sidecar", "deployment/a in prod", "x", "y");
        outcome.missing("subset", "deployment/a in prod", "x", "y");
        outcome.looked("yaml");
        let settings = [Ignore::parse("sidecar=prod/deployment/a").unwrap(), Ignore::parse("yaml").unwrap()];
        let warnings = ignore(&inventory, &mut outcome, &settings);
        assert_eq!(outcome.checked, ["subset", "yaml"]);
        assert_eq!(outcome.verdict("sidecar"), None);
        assert_eq!(warnings, ["ignore `yaml` hides nothing; remove it (--ignore, check.ignore)"]);
    }
}
