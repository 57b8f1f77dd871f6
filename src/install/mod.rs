//! Installing into a cluster and undoing it: steps that are compared with the cluster, applied, recorded, waited for. What
//! the steps hold is made elsewhere; nothing here knows what observability needs.

mod apply;
mod delete;
mod difference;
mod execute;
mod inventory;
mod manifests;
mod object;
mod plan;
mod rebuild;
mod record;
mod restore;
mod rights;
mod rollout;
mod undo;

use serde_json::Value;

use crate::cluster::Istioctl;

pub use crate::cluster::Error as Failure;
pub use apply::plain;
pub use execute::execute;
pub use manifests::{references, split};
pub use object::{Reference, existing, gone, read};
pub use plan::{Planned, Refused, plan};
pub use rebuild::{Rebuilt, rebuild};
pub use record::Record;
pub use rights::missing as missing_rights;
pub use rollout::has_rolled_out;
pub use undo::{Undo, Undoer, together};

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name, for progress.
    pub name: &'static str,
    /// What it does, for people.
    pub title: String,
    /// The application that it is for; empty where it is for all of the mesh.
    pub app: String,
    /// What is done.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Applies manifests.
    Apply(String),
    /// Applies definitions of kinds, and waits until the server knows them.
    Define(String),
    /// Changes a value of an object that is there.
    Change(Box<Change>),
    /// Edits objects that are there.
    Edit(Box<Edit>),
    /// Installs Istio by istioctl, with settings laid over its profile.
    Istio(Istioctl, Option<String>),
}

/// A change of one value in an object that is there. Nothing else of it is touched, not even who manages it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub object: Reference,
    /// Its resourceVersion as it was read: a change since is noticed.
    pub version: String,
    /// The keys that lead to the value.
    pub path: Vec<String>,
    /// What it is.
    pub before: Option<String>,
    /// What it is to be.
    pub after: String,
    /// The object as it was read, as people read it.
    pub old: String,
    /// The object as it is to be, likewise.
    pub new: String,
}

/// An edit of objects that others made: what they are to be, as text for people and as data for the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// The objects as they were read.
    pub old: String,
    /// The objects as they are to be.
    pub new: String,
    /// The objects of the old text.
    pub before: Vec<Value>,
    /// The objects of the new text; those that are new, too.
    pub after: Vec<Value>,
}
