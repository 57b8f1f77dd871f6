//! Kubernetes objects, wherever they come from: files, stdin, lists, or kubectl's JSON, which is YAML. An object keeps
//! the document it stands in, so that every value of it has a place; an inventory finds objects by kind, name and label.
//!
//! Reads only. Knows nothing of Istio and DataKit.

mod cluster;
mod field;
mod inventory;
mod list;
mod object;
mod read;
mod slim;

pub(crate) use field::Field;
pub(crate) use inventory::{Inventory, Selector};
pub(crate) use object::{Object, Spot};
pub(crate) use read::{ObjectProblem, Problem, ProblemKind, read, read_text};
