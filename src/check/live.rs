//! Objects of a cluster, read through the user's own kubectl.

use std::io;
use std::process::Command;

use serde_json::Value;

use super::world::{Object, World, at, list};

/// Kinds that are always there.
const KINDS: &str = "nodes,namespaces,deployments,daemonsets,statefulsets,pods,services,endpoints,configmaps";

/// Kinds of Istio, which may not be there.
const ISTIO_KINDS: &[&str] = &[
    "telemetries.telemetry.istio.io",
    "virtualservices.networking.istio.io",
    "destinationrules.networking.istio.io",
    "gateways.networking.istio.io",
];

/// Why a cluster cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveError {
    /// kubectl is not there or does not start.
    NoKubectl(String),
    /// kubectl says why.
    Refused(String),
    /// What kubectl printed is no JSON.
    Garbled,
}

impl std::fmt::Display for LiveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoKubectl(why) => {
                write!(f, "kubectl cannot be run ({why}); install it, or put it on the PATH")
            }
            Self::Refused(message) => write!(f, "kubectl: {message}"),
            Self::Garbled => f.write_str("kubectl printed something that is no JSON; is it the real one?"),
        }
    }
}

impl std::error::Error for LiveError {}

/// kubectl and the cluster it is to talk to.
#[derive(Clone, Debug, Default)]
pub struct Kubectl {
    /// Its `--context`.
    pub context: Option<String>,
    /// Its `--kubeconfig`.
    pub kubeconfig: Option<std::path::PathBuf>,
}

impl Kubectl {
    /// A command that talks to the cluster.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new("kubectl");
        if let Some(context) = &self.context {
            command.arg("--context").arg(context);
        }
        if let Some(path) = &self.kubeconfig {
            command.arg("--kubeconfig").arg(path);
        }
        command
    }

    /// What a command prints.
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub fn output(&self, args: &[&str]) -> Result<String, LiveError> {
        let output = self.command().args(args).stdin(std::process::Stdio::null()).output();
        let output = output.map_err(|error: io::Error| LiveError::NoKubectl(error.to_string()))?;
        if !output.status.success() {
            return Err(LiveError::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn objects(&self, kinds: &str) -> Result<Vec<Object>, LiveError> {
        let text = self.output(&["get", kinds, "--all-namespaces", "-o", "json"])?;
        let value: Value = serde_json::from_str(&text).map_err(|_| LiveError::Garbled)?;
        Ok(list(at(&value, &["items"])).cloned().map(Object::of_json).collect())
    }

    /// Reads the cluster. Secrets are not among what is read.
    ///
    /// # Errors
    /// kubectl cannot be run, or the cluster not be read.
    pub fn world(&self) -> Result<World, LiveError> {
        // kubectl takes longer to start than the cluster to answer, so all are asked at once.
        let (known, of_istio) = std::thread::scope(|scope| {
            let known = scope.spawn(|| self.objects(KINDS));
            let of_istio: Vec<_> =
                ISTIO_KINDS.iter().map(|kind| scope.spawn(|| self.objects(kind))).collect();
            let lost = || Err(LiveError::Garbled);
            let of_istio: Vec<_> =
                of_istio.into_iter().map(|asked| asked.join().unwrap_or_else(|_| lost())).collect();
            (known.join().unwrap_or_else(|_| lost()), of_istio)
        });
        let mut objects = known?;
        for found in of_istio {
            match found {
                Ok(found) => objects.extend(found),
                // Without Istio there are no such kinds.
                Err(LiveError::Refused(message))
                    if message.contains("the server doesn't have a resource type") => {}
                Err(error) => return Err(error),
            }
        }
        Ok(World { objects, live: true })
    }
}
