//! The Kubernetes view of a document: which resources are in it, their scope, their pod templates, their images.
//!
//! Reads only. What a kind means is decided by group and kind together, never by kind alone.

mod image;
mod resource;
mod scope;
mod version;
mod workload;

pub use image::ImageRef;
pub use resource::{Item, Resource, items};
pub use scope::{Scope, Scopes};
pub use version::Version;
pub use workload::{PodTemplate, pod_templates};
