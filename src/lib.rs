//! meshobs makes an Istio mesh observable: it reads stock Kubernetes manifests and puts in what observability needs,
//! by edits that leave every other byte as it is.
//!
//! `patch`: `input` → documents ([`yaml`]) → their objects (`kube`, and `survey` where documents depend
//! on each other) → rules that collect changes (`rule`) → a plan of edits (`patch`) → `output` and [`report`].
//! `fn`: a ResourceList (`function`) → the same pipeline → the list with results.
//! `init`: settings → manifests (`generate`), which `install` applies as well.
//! `init policy`: settings → the CEL and the manifests of an admission policy (`policy`), which does the same in a cluster.
//! `check`: files or a cluster → objects (`kube`) → what is in effect (`mesh`, by `facts`) → findings (`check`).
//! `verify`: answers and counters of running programs, over `http` → links with their evidence (`verify`).
//! [`cli`] and `config` say what is asked for; `cluster` alone starts kubectl, `gate` alone prints.

mod address;
mod check;
pub mod cli;
mod cluster;
mod config;
mod diagnostic;
mod facts;
mod function;
mod gate;
mod generate;
mod helm;
mod http;
mod input;
mod install;
mod kube;
mod kustomize;
mod mesh;
mod nginx;
mod output;
mod page;
mod patch;
mod policy;
pub mod report;
mod rule;
mod secret;
mod spelling;
mod spool;
mod stdio;
mod survey;
mod template;
mod unpatch;
mod verify;
pub mod yaml;
