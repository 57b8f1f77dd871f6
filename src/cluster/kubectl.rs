//! The user's own kubectl, and the cluster that it talks to.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use super::deadline::{Deadline, Limits, Pause};
use super::error::{Error, ErrorKind};
use super::process::{self, Answer, Call, Failure, Output};
use crate::gate::{Word, text};
use crate::secret;

/// kubectl, the cluster it is to talk to, and how long that may take. Clones share the time of the command.
#[derive(Clone, Debug)]
pub struct Kubectl {
    /// Its `--context`.
    pub context: Option<String>,
    /// Its `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    pub(super) limits: Limits,
    deadline: Deadline,
}

/// What limits one call.
#[derive(Clone, Copy)]
enum Limit {
    /// The server's answers, and what is left of the command's time.
    Request,
    /// The call itself, as long as what it waits for may take.
    Wait,
}

impl Kubectl {
    /// The time of the command begins now.
    #[must_use]
    pub fn new(context: Option<String>, kubeconfig: Option<PathBuf>, limits: Limits) -> Self {
        Self { context, kubeconfig, limits, deadline: Deadline::new(limits.command) }
    }

    /// Lets the time of the command begin anew.
    pub fn restart_deadline(&self) {
        self.deadline.set(self.limits.command);
    }

    /// The time of the command does not run while what this returns is held.
    #[must_use]
    pub fn pause_deadline(&self) -> Pause {
        self.deadline.pause()
    }

    /// The version that the server tells, by one request. A server that does not answer fails all other calls of this
    /// command: kubectl would try again and again.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub fn server_version(&self) -> Result<Option<String>, Error> {
        let text = match self.output(&["get", "--raw", "/version"]) {
            Err(error) => {
                if error.is(&[ErrorKind::Timeout, ErrorKind::Unreachable]) {
                    self.deadline.set(std::time::Duration::ZERO);
                }
                return Err(error);
            }
            Ok(text) => text,
        };
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(value.get("gitVersion").and_then(|version| version.as_str()).map(str::to_owned))
    }

    /// Makes sure that the server answers.
    ///
    /// # Errors
    /// It does not.
    pub fn reach(&self) -> Result<(), Error> {
        match self.server_version() {
            Err(error) if error.is(&[ErrorKind::Timeout, ErrorKind::Unreachable, ErrorKind::NoKubectl]) => {
                Err(error)
            }
            // Who may not ask for the version may ask for what is needed.
            _ => Ok(()),
        }
    }

    /// The arguments that name the cluster, for kubectl and istioctl alike.
    pub(super) fn cluster_args(&self) -> impl Iterator<Item = OsString> {
        let context = self.context.iter().map(|name| ["--context".into(), name.into()]);
        let config = self.kubeconfig.iter().map(|path| ["--kubeconfig".into(), path.into()]);
        context.chain(config).flatten()
    }

    /// The flags that name the cluster, for a command that is printed; each with a blank in front.
    pub(crate) fn flags(&self) -> String {
        self.cluster_args().map(|arg| text!(" {}", Word(arg.to_string_lossy())).into_string()).collect()
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
        self.run(args, input, Limit::Request, Output::Kept)
    }

    /// What a command prints that gets a text on its stdin, also of one that fails in the end, as `get` of several objects
    /// does where one of them may not be read; and whether it failed.
    pub(crate) fn gather(&self, args: &[&str], input: &str) -> (String, Result<(), Error>) {
        let mut printed = Vec::new();
        let mut keep = |bytes: &[u8]| printed.extend_from_slice(bytes);
        let result = self.run(args, input, Limit::Request, Output::Streamed(&mut keep));
        (String::from_utf8_lossy(&printed).into_owned(), result.map(|_| ()))
    }

    /// Runs a command that waits for something in the cluster, and reports its lines as it prints them. It gets a limit of
    /// its own, and does not count as time of the command.
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub fn wait(&self, args: &[&str], on_line: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let _pause = self.pause_deadline();
        let timeout = format!("--timeout={}s", self.limits.wait.as_secs());
        let mut line = Vec::new();
        let mut on_output = |bytes: &[u8]| {
            for byte in bytes {
                if *byte == b'\n' {
                    on_line(&String::from_utf8_lossy(&line));
                    line.clear();
                } else {
                    line.push(*byte);
                }
            }
        };
        let output = Output::Streamed(&mut on_output);
        self.run(&with_option(args, &timeout), "", Limit::Wait, output).map(|_| ())
    }

    /// Hands on what a command prints, as it comes; also of one that fails in the end, as `get` of several kinds does
    /// where one of them may not be read.
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub(crate) fn stream(&self, args: &[&str], on_output: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        self.run(args, "", Limit::Request, Output::Streamed(on_output)).map(|_| ())
    }

    fn run(&self, args: &[&str], input: &str, limit: Limit, output: Output<'_>) -> Result<String, Error> {
        let Limits { request, command, wait } = self.limits;
        // A watch is one request.
        let (longest, flag, whole) = match limit {
            Limit::Request => (request, "--deadline", command),
            Limit::Wait => (wait, "--timeout", wait),
        };
        let start = Instant::now();
        let expired = || match limit {
            Limit::Request => self.deadline.has_passed(),
            // kubectl reports the end of its own time, if it can.
            Limit::Wait => start.elapsed() > wait + request,
        };
        let timeout = format!("--request-timeout={}s", longest.as_secs());
        let args =
            self.cluster_args().chain(with_option(args, &timeout).into_iter().map(OsString::from)).collect();
        match process::run(Call { program: "kubectl", args, input, expired: &expired, output }) {
            Ok(Answer { success: true, stdout, .. }) => Ok(String::from_utf8_lossy(&stdout).into_owned()),
            Ok(Answer { stderr, .. }) => {
                let mut error = Error::of_kubectl(&stderr);
                if error.kind == ErrorKind::Timeout && matches!(limit, Limit::Request) {
                    let seconds = request.as_secs();
                    error.message = format!(
                        "no answer from the API server within {seconds} s (--request-timeout); check the address in the \
                         kubeconfig, VPN and proxy\n{}",
                        error.message
                    );
                }
                Err(error)
            }
            Err(Failure::Io(error)) => Err(Error::of(
                ErrorKind::NoKubectl,
                format!("kubectl cannot be run ({error}); install it, or put it on the PATH"),
            )),
            Err(Failure::Expired) => Err(Error::of(
                ErrorKind::Timeout,
                format!("kubectl did not finish within {} s ({flag}) and was stopped", whole.as_secs()),
            )),
        }
    }
}

/// Arguments with one more option: behind the others, in front of what follows `--`.
fn with_option<'a>(args: &[&'a str], option: &'a str) -> Vec<&'a str> {
    let end = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
    let (options, operands) = args.split_at(end);
    [options, &[option], operands].concat()
}

/// What kubectl wrote to stderr, without tokens, and without the lines of its own log, which repeat it, and its warnings, where
/// there is more.
pub(super) fn readable(stderr: &[u8]) -> String {
    let text = secret::mask(String::from_utf8_lossy(stderr).trim());
    let is_log = |line: &str| {
        let mut bytes = line.bytes();
        matches!(bytes.next(), Some(b'E' | b'W' | b'I'))
            && bytes.by_ref().take(4).all(|b| b.is_ascii_digit())
            && line.contains(".go:")
    };
    let is_warning = |line: &str| line.starts_with("Warning: ");
    let lines: Vec<&str> = text.lines().filter(|line| !is_log(line) && !is_warning(line)).collect();
    if lines.is_empty() { text } else { lines.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::{readable, with_option};

    #[test]
    fn an_option_stays_in_front_of_names() {
        assert_eq!(with_option(&["get", "pods"], "-x"), ["get", "pods", "-x"]);
        assert_eq!(with_option(&["get", "-n", "a", "--", "-x"], "-y"), ["get", "-n", "a", "-y", "--", "-x"]);
    }

    #[test]
    fn the_log_is_left_out_where_there_is_more() {
        let log = "E1123 09:27:41.15  1 memcache.go:265] \"Unhandled Error\"";
        assert_eq!(readable(format!("{log}\n{log}\nthe server is gone\n").as_bytes()), "the server is gone");
        assert_eq!(readable(log.as_bytes()), log);
        assert_eq!(readable(b"Error from server"), "Error from server");
        assert_eq!(readable(b"Warning: v1beta1 is deprecated\nError from server"), "Error from server");
        assert_eq!(readable(b"Warning: v1beta1 is deprecated"), "Warning: v1beta1 is deprecated");
    }
}
