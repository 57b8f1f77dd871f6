//! The user's own kubectl: which cluster it talks to, and what it prints. No credentials are handled here.

use std::ffi::OsString;
use std::io;
use std::process::Command;

use crate::secret;

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

/// What kubectl said, without tokens and without the lines of its own log, which repeat it.
#[must_use]
pub fn said(stderr: &[u8]) -> String {
    let text = secret::mask(String::from_utf8_lossy(stderr).trim());
    let is_log = |line: &str| {
        let mut bytes = line.bytes();
        matches!(bytes.next(), Some(b'E' | b'W' | b'I'))
            && bytes.by_ref().take(4).all(|b| b.is_ascii_digit())
            && line.contains(".go:")
    };
    let lines: Vec<&str> = text.lines().filter(|line| !is_log(line)).collect();
    if lines.is_empty() { text } else { lines.join("\n") }
}

impl Kubectl {
    /// A command that talks to the cluster.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new("kubectl");
        command.args(self.cluster_args());
        // What it prints is read here, not looked at.
        command.env_remove("KUBECTL_EXTERNAL_DIFF");
        command
    }

    /// The arguments that name the cluster, for kubectl and istioctl alike.
    #[must_use]
    pub fn cluster_args(&self) -> Vec<OsString> {
        let context = self.context.iter().map(|name| ["--context".into(), name.into()]);
        let config = self.kubeconfig.iter().map(|path| ["--kubeconfig".into(), path.into()]);
        context.chain(config).flatten().collect()
    }

    /// What a command prints.
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub fn output(&self, args: &[&str]) -> Result<String, LiveError> {
        let output = self.command().args(args).stdin(std::process::Stdio::null()).output();
        let output = output.map_err(|error: io::Error| LiveError::NoKubectl(error.to_string()))?;
        if !output.status.success() {
            return Err(LiveError::Refused(said(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn the_log_is_left_out_where_there_is_more() {
        let log = "E1123 09:27:41.15  1 memcache.go:265] \"Unhandled Error\"";
        assert_eq!(said(format!("{log}\n{log}\nthe server is gone\n").as_bytes()), "the server is gone");
        assert_eq!(said(log.as_bytes()), log);
        assert_eq!(said(b"Error from server"), "Error from server");
    }
}
