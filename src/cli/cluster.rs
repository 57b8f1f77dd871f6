//! The flags that say which cluster is meant, the same for every command that talks to one.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::check::duration;
use crate::cluster::{Kubectl, Limits};

/// Which cluster.
#[derive(Args, Clone, Debug)]
pub struct ClusterArgs {
    /// Context of kubectl
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Configuration of kubectl
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// How long one request to the API server may take (30s, 2m)
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    request_timeout: String,
    /// How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    deadline: String,
}

impl ClusterArgs {
    /// kubectl for this cluster.
    pub fn kubectl(&self) -> anyhow::Result<Kubectl> {
        self.waiting(Limits::DEFAULT.wait)
    }

    /// kubectl for this cluster, where what is waited for may take this long.
    pub fn waiting(&self, wait: Duration) -> anyhow::Result<Kubectl> {
        let request = duration(&self.request_timeout, "--request-timeout")?;
        let command = duration(&self.deadline, "--deadline")?;
        let limits = Limits { request, command, wait };
        Ok(Kubectl::new(self.context.clone(), self.kubeconfig.clone(), limits))
    }

    /// The first of these flags that was given.
    pub fn given(&self) -> Option<&'static str> {
        let context = self.context.as_ref().map(|_| "--context");
        context.or_else(|| self.kubeconfig.as_ref().map(|_| "--kubeconfig"))
    }
}
