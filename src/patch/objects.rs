//! Which documents of an input are Kubernetes objects: a stream goes to a cluster, and that takes nothing else.

use crate::kube::Item;
use crate::yaml::{Document, Kind};

/// What a document holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Objects, or what was meant as one.
    Objects,
    /// Nothing: blanks, comments, an empty list.
    Nothing,
    /// Data of other programs: Helm values, a Kustomization, a function's configuration.
    Data,
    /// Neither a mapping nor a sequence.
    Text,
}

impl Holds {
    /// Judges the items of a document. `operators` says whether an IstioOperator counts, which istioctl reads.
    pub(super) fn of(doc: &Document<'_>, items: &[Item], operators: bool) -> Self {
        let is_object = |item: &Item| match item {
            Item::Resource(_) | Item::NoApiVersion(_) => true,
            Item::ClientSide(resource) => operators && resource.kind == "IstioOperator",
            Item::Other(_) => false,
        };
        if items.iter().any(is_object) {
            return Self::Objects;
        }
        if items.is_empty() {
            return Self::Nothing;
        }
        let kinds = || doc.roots().map(|root| doc.kind(root.node));
        if kinds().any(|kind| kind.is_mapping() || kind.is_sequence()) {
            Self::Data
        } else if kinds().any(|kind| kind != Kind::Null) {
            Self::Text
        } else {
            Self::Nothing
        }
    }
}

/// What the documents of one input hold.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Whether any of them holds objects.
    objects: bool,
    /// Whether any of them holds data.
    data: bool,
    /// The lines, from 1, of those that hold neither objects nor nothing.
    others: Vec<u64>,
}

impl Contents {
    /// Takes a document into account, which begins on a line.
    pub(super) fn add(&mut self, holds: Holds, line: u64) {
        match holds {
            Holds::Objects => self.objects = true,
            Holds::Nothing => {}
            Holds::Data | Holds::Text => self.others.push(line),
        }
        self.data |= holds == Holds::Data;
    }

    /// The line of a text where there is nothing else.
    pub(super) fn only_text(&self) -> Option<u64> {
        self.others.first().copied().filter(|_| !self.objects && !self.data)
    }

    /// Whether there is something, and no object.
    pub(super) fn no_object(&self) -> bool {
        !self.objects && !self.others.is_empty()
    }

    /// What is no object: the input as a whole, or documents of it by their lines.
    pub(super) fn names(&self, input: &str) -> Vec<String> {
        if self.no_object() {
            return vec![input.to_owned()];
        }
        self.others.iter().map(|line| format!("{input}:{line}")).collect()
    }
}
