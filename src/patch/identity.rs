//! Objects that a stream has more than once.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{Hash as _, Hasher as _};

use crate::kube::{Resource, Scope};
use crate::yaml::Document;

/// Location of an object: the number of its input, and its line and column from 1.
pub(super) type Location = (usize, u64, usize);

/// The objects of a stream. Only digests are kept, so that a long stream takes little memory.
#[derive(Debug, Default)]
pub(super) struct Identities(HashMap<(u64, u64), Location>);

impl Identities {
    /// Takes an object into account, in the namespace that it will be in. Returns the location of the same one before it.
    pub(super) fn add(
        &mut self,
        doc: &Document<'_>,
        resource: &Resource,
        (scope, namespace): (Scope, Option<&str>),
        at: Location,
    ) -> Option<Location> {
        // What has a generateName is another object each time.
        doc.path(resource.at, &["metadata", "name"])?;
        let namespace = if scope == Scope::Cluster { None } else { namespace };
        let key = (resource.group(), &*resource.kind, namespace.unwrap_or(""), &*resource.name);
        match self.0.entry((digest(0, key), digest(1, key))) {
            Entry::Occupied(entry) => Some(*entry.get()),
            Entry::Vacant(entry) => {
                entry.insert(at);
                None
            }
        }
    }
}

/// One half of a digest: two of them differ for all objects there are.
fn digest(half: u8, key: (&str, &str, &str, &str)) -> u64 {
    let mut hasher = DefaultHasher::new();
    (half, key).hash(&mut hasher);
    hasher.finish()
}
