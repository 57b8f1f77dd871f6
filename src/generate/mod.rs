//! Manifests made from settings and a template. Pure: nothing here reads a file, asks a cluster or prints; `init` prints them,
//! `install` applies them.

pub mod datakit;
pub mod gateway_metrics;
pub mod namespace;
pub mod page;
pub mod tracing;

/// The text that values are put into.
#[derive(Clone, Copy, Debug)]
pub struct Blueprint<'a> {
    /// YAML that is valid by itself.
    pub text: &'a str,
    /// What messages call it.
    pub name: &'a str,
}

impl Blueprint<'static> {
    /// The name of every template that meshobs brings.
    pub const BUILT_IN: &'static str = "built-in template";

    /// A template that meshobs brings.
    pub const fn built_in(text: &'static str) -> Self {
        Self { text, name: Self::BUILT_IN }
    }
}
