//! The flags that say which cluster is meant, the same for every command that talks to one.

use std::path::PathBuf;

use clap::Args;

use crate::cluster::Kubectl;

/// Which cluster.
#[derive(Args, Clone, Debug)]
pub struct ClusterArgs {
    /// Context of kubectl
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Configuration of kubectl
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl ClusterArgs {
    /// kubectl for this cluster.
    pub fn kubectl(&self) -> Kubectl {
        Kubectl { context: self.context.clone(), kubeconfig: self.kubeconfig.clone() }
    }

    /// The first of these flags that was given.
    pub fn given(&self) -> Option<&'static str> {
        let context = self.context.as_ref().map(|_| "--context");
        context.or_else(|| self.kubeconfig.as_ref().map(|_| "--kubeconfig"))
    }
}
