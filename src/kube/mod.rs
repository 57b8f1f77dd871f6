//! Kubernetes objects, wherever they come from: files, stdin, lists, or kubectl's JSON, which is YAML. An object keeps
//! the document it stands in, so that every value of it has a place; an inventory finds objects by kind, name and label.
//!
//! Reads only. Knows nothing of Istio and DataKit. What a kind means is decided by group and kind together, never by kind alone.

mod cluster;
mod field;
mod image;
mod inventory;
mod list;
mod object;
mod read;
mod resource;
mod scope;
mod slim;
mod workload;

pub(crate) use field::Field;
pub use image::ImageRef;
pub(crate) use inventory::{Inventory, Selector};
pub(crate) use object::{Object, Spot};
pub(crate) use read::{ObjectProblem, Problem, ProblemKind, read, read_text};
pub use resource::{Item, Resource, items};
pub(crate) use resource::{function_config, is_resource_list};
pub use scope::{Scope, Scopes};
pub use workload::{PodTemplate, pod_templates};
