//! What talks to a real API server, with the clusters that these tests leave as they were for one another. The server comes from
//! `../shared/cluster`; where that is missing these tests say so and pass, or fail with MESHOBS_TEST_ALL=1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../support/mod.rs"]
mod support;

mod again;
mod check;
mod faults;
mod install;
#[cfg(target_os = "linux")]
mod secrets;
mod terminal;
mod uninstall;
