//! Results of a function: what was done to each item and what was not, with the item, the field and the file it is about.

use super::ResourceList;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::gate::{Text, text};
use crate::kube::function_config;
use crate::report::{Entry, Kept, Remark};
use crate::secret;
use crate::yaml::{At, Changes, Document, NodeId, Place, Refusal, Value};

/// Where orchestrators note the file that an item is from, the current name first.
const PATHS: [&str; 2] = ["internal.config.kubernetes.io/path", "config.kubernetes.io/path"];
/// Where they note its place among the items of that file.
const INDICES: [&str; 2] = ["internal.config.kubernetes.io/index", "config.kubernetes.io/index"];

/// How grave a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    Error,
    Warning,
    Info,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// One result.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    severity: Severity,
    message: String,
    resource: Option<Reference>,
    /// The field, as in `spec.containers[0].image`.
    field: Option<String>,
    /// The file that the item is from, and its number there.
    file: Option<(String, Option<u64>)>,
}

/// An object by its identity.
#[derive(Clone, Debug)]
struct Reference {
    api_version: String,
    kind: String,
    namespace: Option<String>,
    name: String,
}

impl Finding {
    /// The finding for people, unless it only says what was done.
    pub(crate) fn text(&self) -> Option<Text> {
        let what = match &self.resource {
            _ if self.severity == Severity::Info => return None,
            None => String::new(),
            Some(resource) => format!("{}/{}: ", resource.kind.to_lowercase(), resource.name),
        };
        Some(text!("{}: {}{}", self.severity.word(), what, Text::block(&self.message)))
    }

    fn value(&self) -> Value {
        let text = |text: &str| match text.contains('\n') {
            true => Value::Lines(text.to_owned()),
            false => Value::Text(text.to_owned()),
        };
        let mut entries = vec![("message", text(&self.message)), ("severity", text(self.severity.word()))];
        if let Some(resource) = &self.resource {
            let mut reference =
                vec![("apiVersion", text(&resource.api_version)), ("kind", text(&resource.kind))];
            reference.extend(resource.namespace.iter().map(|name| ("namespace", text(name))));
            reference.push(("name", text(&resource.name)));
            entries.push(("resourceRef", map(reference)));
        }
        entries.extend(self.field.iter().map(|path| ("field", map(vec![("path", text(path))]))));
        if let Some((path, index)) = &self.file {
            let mut file = vec![("path", text(path))];
            file.extend(index.iter().map(|index| ("index", Value::Raw(index.to_string()))));
            entries.push(("file", map(file)));
        }
        map(entries)
    }
}

fn map(entries: Vec<(&str, Value)>) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// What was reported of a list, found in it by offsets and described as it came out: rules keep the order of items.
pub(super) fn findings(before: &ResourceList, after: &ResourceList, kept: Kept) -> Vec<Finding> {
    let places = Places::of(before, after);
    let warnings = kept
        .warnings
        .iter()
        .map(|warning| places.finding(Severity::Warning, warning.offset, &warning.message));
    let mut findings: Vec<Finding> = warnings.collect();
    for entry in &kept.entries {
        places.entry(entry, &mut findings);
    }
    findings
}

/// Errors about a list, with their places in it.
pub(super) fn errors(list: &ResourceList, errors: &Diagnostics) -> Vec<Finding> {
    let places = Places::of(list, list);
    let finding = |error: &Diagnostic| {
        let offset = error.position.map_or(0, |(line, column)| offset(list.doc.src(), line, column));
        places.finding(Severity::Error, offset, &error.message)
    };
    errors.0.iter().map(finding).collect()
}

/// The offset of a line and a column in characters, both from 1.
fn offset(text: &str, line: u64, column: usize) -> usize {
    let breaks = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
    let start = std::iter::once(0).chain(breaks).nth(usize::try_from(line).unwrap_or(1).saturating_sub(1));
    let start = start.unwrap_or(0);
    let row = text.get(start..).unwrap_or_default();
    start + row.char_indices().nth(column.saturating_sub(1)).map_or(0, |(at, _)| at)
}

/// A document with results added.
pub(super) fn add(doc: &Document<'_>, root: At, findings: &[Finding]) -> Result<String, Refusal> {
    let mut changes = Changes::default();
    match doc.get(root, "results").filter(|at| doc.kind(at.node).is_sequence()) {
        _ if findings.is_empty() => {}
        Some(results) => {
            findings.iter().try_for_each(|finding| changes.append(doc, results, finding.value()))?;
        }
        None => {
            let list = Value::List(findings.iter().map(Finding::value).collect());
            changes.set(doc, root, &[("results", Place::Last)], list)?;
        }
    }
    let edits = changes.render(doc)?;
    Ok(crate::yaml::apply(doc.src(), &edits).unwrap_or_else(|_| doc.src().to_owned()))
}

/// The items of a list before and after, which have the same order.
struct Places<'a> {
    before: &'a Document<'static>,
    after: &'a Document<'static>,
    items: Vec<At>,
    patched: Vec<At>,
    config: Option<At>,
}

impl<'a> Places<'a> {
    fn of(before: &'a ResourceList, after: &'a ResourceList) -> Self {
        let config = function_config(&before.doc, before.root);
        Self { before: &before.doc, after: &after.doc, items: before.items(), patched: after.items(), config }
    }

    /// The findings about one item.
    fn entry(&self, entry: &Entry, findings: &mut Vec<Finding>) {
        if !entry.patched.is_empty() {
            let message = format!("patched: {}", entry.patched.join(", "));
            let mut finding = self.finding(Severity::Info, entry.offset, &message);
            if finding.resource.is_none() || entry.patched == ["added"] {
                finding.resource = Some(Reference {
                    api_version: entry.api_version.clone(),
                    kind: entry.kind.clone(),
                    namespace: None,
                    name: entry.name.clone(),
                });
                finding.file = None;
            }
            findings.push(finding);
        }
        for skip in entry.skipped.iter().filter(|skip| skip.dark) {
            let rule = skip.rule.map_or(String::new(), |rule| format!("{rule} "));
            let message = format!("{rule}skipped: {}", skip.reason);
            findings.push(self.finding(Severity::Warning, skip.offset, &message));
        }
        for Remark { offset, message, .. } in &entry.notes {
            findings.push(self.finding(Severity::Warning, *offset, message));
        }
    }

    /// A finding about the item at an offset, if there is one.
    fn finding(&self, severity: Severity, offset: usize, message: &str) -> Finding {
        let message = secret::mask(message);
        let next = self.items.partition_point(|item| self.before.start(item.node) <= offset);
        let number = next.checked_sub(1);
        let item = number.and_then(|number| self.items.get(number));
        let item = item.filter(|item| offset < self.before.end(item.node));
        let after = number.and_then(|number| self.patched.get(number));
        let (Some(item), Some(after)) = (item, after) else {
            return self.about_configuration(severity, offset, message);
        };
        let field = field(self.before, item.node, offset);
        let resource = reference(self.after, *after);
        Finding { severity, message, resource, field, file: self.file(*after) }
    }

    /// A finding about functionConfig, where the offset is in it, else about the list as a whole.
    fn about_configuration(&self, severity: Severity, offset: usize, message: String) -> Finding {
        let doc = self.before;
        let config = self.config.filter(|at| (doc.start(at.node)..doc.end(at.node)).contains(&offset));
        let resource = config.and_then(|at| reference(doc, at));
        let field = config.filter(|_| resource.is_some()).and_then(|at| field(doc, at.node, offset));
        Finding { severity, message, resource, field, file: None }
    }

    fn file(&self, item: At) -> Option<(String, Option<u64>)> {
        let annotations = self.after.path(item, &["metadata", "annotations"])?;
        let first = |keys: [&str; 2]| keys.iter().find_map(|key| self.after.str_at(annotations, key));
        Some((first(PATHS)?.into_owned(), first(INDICES).and_then(|index| index.parse().ok())))
    }
}

/// The identity of an object; none where it lacks a part.
fn reference(doc: &Document<'_>, item: At) -> Option<Reference> {
    let text = |at: At, key: &str| doc.str_at(at, key).map(|text| text.into_owned());
    let metadata = doc.get(item, "metadata")?;
    Some(Reference {
        api_version: text(item, "apiVersion")?,
        kind: text(item, "kind")?,
        namespace: text(metadata, "namespace"),
        name: text(metadata, "name")?,
    })
}

/// The path from a node to what stands at an offset below it; none where that is the node itself.
fn field(doc: &Document<'_>, item: NodeId, offset: usize) -> Option<String> {
    let mut path = String::new();
    let mut at = item;
    loop {
        let entry =
            doc.entries(at).find(|(key, value)| doc.start(*key) <= offset && offset < doc.end(*value));
        let here = At { node: at, key: None, parent: None, shared: None };
        if let Some((key, value)) =
            entry.filter(|(key, _)| doc.start(*key) > doc.start(item) || offset > doc.start(item))
        {
            push_key(&mut path, &doc.string(key).unwrap_or_default());
            at = value;
        } else if let Some((number, child)) = doc
            .items(here)
            .enumerate()
            .find(|(_, child)| doc.start(child.node) <= offset && offset < doc.end(child.node))
        {
            path.push_str(&format!("[{number}]"));
            at = child.node;
        } else {
            return (!path.is_empty()).then_some(path);
        }
    }
}

fn push_key(path: &mut String, key: &str) {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !plain {
        path.push_str(&format!("['{key}']"));
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}
