//! The lossless engine: a stream is cut into documents, a document becomes a flat tape of nodes with byte
//! spans, changes are collected against nodes and rendered into edits, and edits are spliced into the text.
//!
//! Knows YAML and nothing of Kubernetes. Nothing here re-serialises what it did not change, and nothing here
//! reads or writes files.

mod change;
mod diagnose;
mod direct;
mod gate;
mod json;
mod line;
mod misread;
mod nested;
mod parse;
#[cfg(debug_assertions)]
mod proof;
mod query;
mod remove;
mod render;
mod scalar;
mod splice;
mod stream;
mod subtree;
mod tabs;
mod tape;

pub use change::{Changes, Place, Refusal, RefusalKind, Value};
pub use diagnose::SyntaxError;
pub use query::{At, Duplicate};
pub use remove::{Old, Pick, Removal, Removals};
pub use render::document;
pub use splice::{Edit, SpliceError, apply};
pub use stream::{Chunk, DocumentReader, MAX_DOCUMENT, StreamError};
pub use tape::{Document, Kind, Node, NodeId, Tape};
