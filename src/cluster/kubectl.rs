//! The user's own kubectl, and the cluster that it talks to.

use std::ffi::OsString;
use std::path::PathBuf;

use super::error::{Error, ErrorKind};
use super::process::{self, Answer, Call, Failure};
use crate::secret;

/// kubectl and the cluster it is to talk to.
#[derive(Clone, Debug, Default)]
pub struct Kubectl {
    /// Its `--context`.
    pub context: Option<String>,
    /// Its `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
}

impl Kubectl {
    /// The arguments that name the cluster, for kubectl and istioctl alike.
    pub(super) fn cluster_args(&self) -> impl Iterator<Item = OsString> {
        let context = self.context.iter().map(|name| ["--context".into(), name.into()]);
        let config = self.kubeconfig.iter().map(|path| ["--kubeconfig".into(), path.into()]);
        context.chain(config).flatten()
    }

    /// What a command prints.
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub fn output(&self, args: &[&str]) -> Result<String, Error> {
        self.feed(args, "")
    }

    /// What a command prints that gets a text on its stdin.
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub fn feed(&self, args: &[&str], input: &str) -> Result<String, Error> {
        self.run(args, input, &mut |_| ())
    }

    /// Runs a command whose lines are reported as it prints them.
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub fn follow(&self, args: &[&str], on_line: &mut dyn FnMut(&str)) -> Result<(), Error> {
        self.run(args, "", on_line).map(|_| ())
    }

    fn run(&self, args: &[&str], input: &str, on_line: &mut dyn FnMut(&str)) -> Result<String, Error> {
        let args = self.cluster_args().chain(args.iter().map(OsString::from)).collect();
        match process::run(Call { program: "kubectl", args, input, expired: &|| false, on_line }) {
            Ok(Answer { success: true, stdout, .. }) => Ok(String::from_utf8_lossy(&stdout).into_owned()),
            Ok(Answer { stderr, .. }) => Err(Error::of_kubectl(&stderr)),
            Err(Failure::Io(error)) => Err(Error::of(
                ErrorKind::NoKubectl,
                format!("kubectl cannot be run ({error}); install it, or put it on the PATH"),
            )),
            Err(Failure::Expired) => Err(Error::of(ErrorKind::Timeout, "kubectl did not end in time")),
        }
    }
}

/// What kubectl wrote to stderr, without tokens and without the lines of its own log, which repeat it.
pub(super) fn readable(stderr: &[u8]) -> String {
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

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn the_log_is_left_out_where_there_is_more() {
        let log = "E1123 09:27:41.15  1 memcache.go:265] \"Unhandled Error\"";
        assert_eq!(readable(format!("{log}\n{log}\nthe server is gone\n").as_bytes()), "the server is gone");
        assert_eq!(readable(log.as_bytes()), log);
        assert_eq!(readable(b"Error from server"), "Error from server");
    }
}
