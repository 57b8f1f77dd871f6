//! What rules find of their own in a resource, and how it could be taken out. Whether it may be is decided elsewhere: only
//! where `patch` would put the very same back.

use super::Skip;
use crate::yaml::{At, Document, Old, Removal, Removals};

/// What was found in one resource.
#[derive(Debug, Default)]
pub struct Found {
    /// How each could be taken out.
    pub removals: Removals,
    /// What each is.
    pub values: Vec<FoundValue>,
    /// What looks like a rule's but is not known to be: the rule and what to report.
    pub kept: Vec<(&'static str, Skip)>,
    rule: &'static str,
}

/// A value that a rule would have written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundValue {
    /// The rule.
    pub rule: &'static str,
    /// What it is, for a report; none for a whole whose parts are reported.
    pub what: Option<String>,
    /// Where: an offset in the document.
    pub at: usize,
    /// Its name for others that need it gone, in whatever resource they are.
    pub name: Option<String>,
    /// Names of values without which this one stays: what refers to it, or makes use of it.
    pub needs: Vec<String>,
}

impl Found {
    /// What is added from here on is found by this rule.
    pub fn by(&mut self, rule: &'static str) {
        self.rule = rule;
    }

    /// An entry or item, and what it leaves empty below `root`.
    pub fn take(&mut self, doc: &Document<'_>, at: At, root: At, what: impl Into<String>) {
        self.add(doc, at, vec![Removal::Take { at, root: root.node }], what);
    }

    /// A resource as a whole. Its parts are found beside it.
    pub fn whole(&mut self, doc: &Document<'_>, at: At, way: Removal) {
        self.removals.push(vec![way]);
        self.push(doc, at, None);
    }

    /// Something that can be taken out in several ways, the likeliest first.
    pub fn add(&mut self, doc: &Document<'_>, at: At, ways: Vec<Removal>, what: impl Into<String>) {
        self.removals.push(ways);
        self.push(doc, at, Some(what.into()));
    }

    fn push(&mut self, doc: &Document<'_>, at: At, what: Option<String>) {
        let at = doc.start(at.node);
        self.values.push(FoundValue { rule: self.rule, what, at, name: None, needs: Vec::new() });
    }

    /// Ties the value found last to others by name.
    pub fn tie(&mut self, name: impl Into<String>, needs: impl IntoIterator<Item = String>) {
        if let Some(value) = self.values.last_mut() {
            value.name = Some(name.into());
            value.needs.extend(needs);
        }
    }

    /// Something that stays, and why.
    pub fn keep(&mut self, doc: &Document<'_>, at: At, reason: impl Into<String>) {
        let skip = Skip { reason: reason.into(), dark: false, at: doc.start(at.node) };
        self.kept.push((self.rule, skip));
    }
}

/// The way back to an older value.
pub(super) fn restore(at: At, value: impl Into<String>) -> Removal {
    Removal::Restore { at, old: Old::Value(value.into()), note: None }
}
