//! What is true of Istio, DataKit and Kubernetes: versions, ports, names, defaults. Each fact stands here once, with its source; the
//! rest of the program asks. Nothing here reads an object.

pub(crate) mod datakit;
pub(crate) mod datakit_live;
pub(crate) mod dataway;
pub(crate) mod istio;
pub(crate) mod kubernetes;
pub(crate) mod logs;
pub(crate) mod pattern;
pub(crate) mod protocol;
pub(crate) mod rum;
pub(crate) mod scrape;
mod version;

pub use version::Version;
