//! All objects in view, found by kind, by name and by labels, so that looking at every object of a large cluster costs no
//! more than their number.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::field::Field;
use super::object::Object;

/// Objects by number, in their order.
type Index<K> = HashMap<K, Vec<u32>>;

/// Labels that pods are chosen by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Selector {
    labels: Vec<(String, String)>,
    expressions: Vec<Expression>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Expression {
    key: String,
    operator: String,
    values: Vec<String>,
}

impl Expression {
    /// Whether it holds for the value of its label; `NotIn` also where there is none.
    fn holds(&self, found: Option<&str>) -> bool {
        let among = || found.is_some_and(|found| self.values.iter().any(|value| value == found));
        match self.operator.as_str() {
            "In" => among(),
            "NotIn" => !among(),
            "Exists" => found.is_some(),
            "DoesNotExist" => found.is_none(),
            _ => false,
        }
    }
}

impl Selector {
    /// A plain map of labels, as Services and Istio have it. An empty one chooses nothing here.
    pub(crate) fn of_map(map: Field<'_>) -> Self {
        let labels = map.entries().map(|(key, value)| (key.into_owned(), value.text().into_owned()));
        Self { labels: labels.collect(), expressions: Vec::new() }
    }

    /// `matchLabels` and `matchExpressions`.
    pub(crate) fn of(selector: Field<'_>) -> Self {
        let expressions = selector.get("matchExpressions").items().map(|item| Expression {
            key: item.get("key").text().into_owned(),
            operator: item.get("operator").text().into_owned(),
            values: item.get("values").items().map(|value| value.text().into_owned()).collect(),
        });
        Self { expressions: expressions.collect(), ..Self::of_map(selector.get("matchLabels")) }
    }

    /// Whether it says nothing: all objects or none, as its owner has it.
    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.expressions.is_empty()
    }

    /// The labels it demands by value.
    pub(crate) fn labels(&self) -> &[(String, String)] {
        &self.labels
    }

    /// Whether labels known as pairs fulfil it. An empty one fits everything.
    pub(crate) fn fits_pairs(&self, labels: &[(&str, &str)]) -> bool {
        let find = |key: &str| labels.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        self.labels.iter().all(|(key, value)| find(key) == Some(value))
            && self.expressions.iter().all(|expression| expression.holds(find(&expression.key)))
    }

    /// What is left of it for an object that has a certain label; nothing where that does not fit.
    pub(crate) fn given(&self, key: &str, value: &str) -> Option<Self> {
        let fits = self.labels.iter().all(|(name, wanted)| name != key || wanted == value)
            && self.expressions.iter().all(|found| found.key != key || found.holds(Some(value)));
        fits.then(|| Self {
            labels: self.labels.iter().filter(|(name, _)| name != key).cloned().collect(),
            expressions: self.expressions.iter().filter(|found| found.key != key).cloned().collect(),
        })
    }

    /// Whether these labels fulfil it. An empty one fits everything.
    pub(crate) fn fits(&self, labels: Field<'_>) -> bool {
        self.labels.iter().all(|(key, value)| labels.get(key).is(value))
            && self.expressions.iter().all(|expression| {
                let found = labels.get(&expression.key);
                // A label without a value is one all the same.
                let value = found.exists().then(|| found.text());
                expression.holds(value.as_deref())
            })
    }
}

/// All objects in view.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    objects: Vec<Object>,
    kinds: Index<(String, String)>,
    names: HashMap<(String, String, String, String), u32>,
    /// Pods by namespace and label.
    pods: Index<(String, String, String)>,
    /// Objects with pod templates by namespace and label of a template.
    templates: Index<(String, String, String)>,
    /// Objects with pod templates.
    workloads: Vec<u32>,
    /// Whether they are a cluster's: what is not among them is not there, unless its kind could not be read.
    pub(crate) live: bool,
    /// Kinds of a cluster that could not be read (`resource.group`), and why.
    pub(crate) unread: Vec<(String, String)>,
    /// The version of a cluster's API server.
    pub(crate) kubernetes: Option<String>,
}

impl Inventory {
    /// One for the objects of a cluster, whose server tells its version.
    pub(crate) fn of_cluster(kubernetes: Option<String>) -> Self {
        Self { live: true, kubernetes, ..Self::default() }
    }

    /// Adds an object. Of two with one name the first is found by name.
    pub(crate) fn add(&mut self, object: Object) {
        let number = u32::try_from(self.objects.len()).unwrap_or(u32::MAX);
        let group_and_kind = (object.group().to_owned(), object.kind().to_owned());
        let (group, kind) = group_and_kind.clone();
        let name = (group, kind, object.namespace().to_owned(), object.name().to_owned());
        match self.names.entry(name) {
            // A cluster has one object of a name, however often it is listed.
            Entry::Occupied(_) if self.live => return,
            Entry::Occupied(_) => {}
            Entry::Vacant(free) => drop(free.insert(number)),
        }
        self.kinds.entry(group_and_kind).or_default().push(number);
        let is_pod = object.kind() == "Pod" && object.group().is_empty();
        let index = if is_pod { &mut self.pods } else { &mut self.templates };
        let mut any = false;
        for template in object.pod_templates() {
            any = true;
            for (key, value) in template.at(&["metadata", "labels"]).entries() {
                let key = (object.namespace().to_owned(), key.into_owned(), value.text().into_owned());
                let found = index.entry(key).or_default();
                if found.last() != Some(&number) {
                    found.push(number);
                }
            }
        }
        if any {
            self.workloads.push(number);
        }
        self.objects.push(object);
    }

    fn pick<'i>(&'i self, numbers: &'i [u32]) -> impl Iterator<Item = &'i Object> {
        numbers.iter().filter_map(|number| self.objects.get(*number as usize))
    }

    pub(crate) fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The objects of a kind, in order.
    pub(crate) fn of(&self, group: &str, kind: &str) -> impl Iterator<Item = &Object> {
        let found = self.kinds.get(&(group.to_owned(), kind.to_owned()));
        self.pick(found.map(Vec::as_slice).unwrap_or_default())
    }

    /// An object by kind, namespace and name. One without a namespace, of a kind that has none, is in `default`.
    pub(crate) fn get(&self, group: &str, kind: &str, namespace: &str, name: &str) -> Option<&Object> {
        let key = (group.to_owned(), kind.to_owned(), namespace.to_owned(), name.to_owned());
        self.objects.get(*self.names.get(&key)? as usize)
    }

    /// An object of the cluster as a whole, by kind and name.
    pub(crate) fn get_global(&self, group: &str, kind: &str, name: &str) -> Option<&Object> {
        self.get(group, kind, "default", name)
            .or_else(|| self.of(group, kind).find(|object| object.name() == name))
    }

    /// Objects with pod templates, in order; Pods too.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = &Object> {
        self.pick(&self.workloads)
    }

    /// The Pods of a namespace that a selector fits; none for one that says nothing.
    pub(crate) fn pods(&self, namespace: &str, selector: &Selector) -> Vec<&Object> {
        self.select(&self.pods, namespace, selector)
    }

    /// The objects of a namespace with a pod template that a selector fits; none for one that says nothing.
    pub(crate) fn templates(&self, namespace: &str, selector: &Selector) -> Vec<&Object> {
        self.select(&self.templates, namespace, selector)
    }

    fn select<'i>(
        &'i self,
        index: &'i Index<(String, String, String)>,
        namespace: &str,
        selector: &Selector,
    ) -> Vec<&'i Object> {
        if selector.is_empty() {
            return Vec::new();
        }
        let by = |(key, value): &(String, String)| {
            let key = (namespace.to_owned(), key.clone(), value.clone());
            index.get(&key).map(Vec::as_slice).unwrap_or_default()
        };
        // The rarest label first; without one, all.
        let candidates: Vec<&Object> = match selector.labels().iter().map(by).min_by_key(|found| found.len())
        {
            Some(found) => self.pick(found).collect(),
            None => self.workloads().filter(|object| object.namespace() == namespace).collect(),
        };
        let fits = |object: &&Object| {
            object.pod_templates().any(|template| selector.fits(template.at(&["metadata", "labels"])))
        };
        candidates.into_iter().filter(fits).collect()
    }

    /// Whether what is not here of a kind may be somewhere else: files never tell all, and a cluster's kind may be unreadable.
    pub(crate) fn may_miss(&self, group: &str, resource: &str) -> bool {
        let name = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        !self.live || self.unread.iter().any(|(kind, _)| *kind == name)
    }
}
