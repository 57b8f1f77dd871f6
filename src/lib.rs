//! meshobs makes an Istio mesh observable: it reads stock Kubernetes manifests and puts in what observability needs,
//! by edits that leave every other byte as it is.
//!
//! `patch`: [`input`] → documents ([`yaml`]) → the Kubernetes view of them ([`manifest`], and [`survey`] where documents depend
//! on each other) → rules that collect changes ([`rule`]) → a plan of edits ([`patch`]) → [`output`] and [`report`].
//! `check`: files or a cluster → objects (`kube`) → what is in effect (`mesh`, by `facts`) → findings ([`check`]).
//! [`cli`] and [`config`] say what is asked for; [`cluster`] alone starts kubectl, [`gate`] alone prints.

pub mod address;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod diagnostic;
pub(crate) mod facts;
pub mod gate;
pub mod input;
pub mod install;
pub(crate) mod kube;
pub mod kustomize;
pub mod manifest;
pub(crate) mod mesh;
pub mod nginx;
pub mod output;
pub mod page;
pub mod patch;
pub mod report;
pub mod rule;
pub mod secret;
mod spelling;
pub mod spool;
mod stdio;
pub mod survey;
pub mod template;
pub mod yaml;
