//! meshobs makes an Istio mesh observable: it reads stock Kubernetes manifests and puts in what observability needs,
//! by edits that leave every other byte as it is.
//!
//! Data flows one way: [`input`] → documents ([`yaml`]) → the Kubernetes view of them ([`manifest`], and
//! [`survey`] where documents depend on each other) → rules that collect changes ([`rule`]) → a plan of edits
//! ([`patch`]) → [`output`] and [`report`]. [`cli`] and [`config`] say what is asked for.

pub mod address;
pub mod check;
pub mod cli;
pub mod config;
pub mod diagnostic;
pub(crate) mod facts;
pub mod input;
pub mod install;
pub mod istioctl;
pub(crate) mod kube;
pub mod kubectl;
pub mod manifest;
pub(crate) mod mesh;
pub mod nginx;
pub mod output;
pub mod page;
pub mod patch;
pub mod report;
pub mod rule;
pub mod secret;
pub(crate) mod spelling;
pub mod spool;
pub mod survey;
pub mod template;
pub mod yaml;
