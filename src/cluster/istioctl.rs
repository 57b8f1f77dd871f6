//! The user's own istioctl, which puts Istio into a cluster that has none and takes it out again.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use super::deadline::Limits;
use super::error::{Error, ErrorKind};
use super::kubectl::Kubectl;
use super::process::{self, Answer, Call, Failure, Output};
use crate::facts::Version;
use crate::secret;

/// The profile with both gateways that the guide takes.
const PROFILE: &str = "profile=demo";

/// How long it may take: it waits by itself for what it installs, 5 minutes for each component.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// An istioctl that can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Istioctl {
    /// Its version, and so that of the Istio that it installs.
    pub version: Version,
}

impl Istioctl {
    /// The one on the PATH, if there is one that tells its version.
    #[must_use]
    pub fn find() -> Option<Self> {
        let args = ["version", "--remote=false", "-o", "json"].map(OsString::from).to_vec();
        let answer = call(args, "", Limits::DEFAULT.request).ok().filter(|answer| answer.success)?;
        let value: serde_json::Value = serde_json::from_slice(&answer.stdout).ok()?;
        let version = value.pointer("/clientVersion/version")?.as_str()?;
        Some(Self { version: Version::parse(version)? })
    }

    /// Installs Istio; `settings` is an IstioOperator laid over the profile, for its stdin.
    ///
    /// # Errors
    /// What istioctl said.
    pub fn install(&self, kubectl: &Kubectl, settings: Option<&str>) -> Result<Vec<String>, Error> {
        let mut args = vec!["install", "--set", PROFILE, "-y"];
        if settings.is_some() {
            args.extend(["-f", "-"]);
        }
        run(kubectl, &args, settings.unwrap_or_default())
    }

    /// Takes Istio out again, with all that belongs to the cluster as a whole.
    ///
    /// # Errors
    /// What istioctl said.
    pub fn uninstall(&self, kubectl: &Kubectl) -> Result<(), Error> {
        let plain = run(kubectl, &["uninstall", "--purge", "-y"], "");
        match plain {
            // Before 1.17 it was an experimental command.
            Err(error) if error.message.contains("unknown command") => {
                run(kubectl, &["x", "uninstall", "--purge", "-y"], "").map(|_| ())
            }
            other => other.map(|_| ()),
        }
    }
}

/// Runs it against kubectl's cluster; its last lines where it fails.
fn run(kubectl: &Kubectl, args: &[&str], input: &str) -> Result<Vec<String>, Error> {
    let _pause = kubectl.pause_deadline();
    let args = args.iter().map(OsString::from).chain(kubectl.cluster_args()).collect();
    let answer = call(args, input, LIMIT.max(kubectl.limits.wait)).map_err(|failure| match failure {
        Failure::Io(error) => Error::new(format!("istioctl: {error}")),
        Failure::Expired => Error::of(ErrorKind::Timeout, "istioctl did not end in time"),
    })?;
    let lines = |bytes: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(bytes)
            .lines()
            .map(secret::mask)
            .filter(|line| !line.trim().is_empty())
            .collect()
    };
    if answer.success {
        return Ok(lines(&answer.stdout));
    }
    let mut message = lines(&answer.stderr);
    if message.is_empty() {
        message = lines(&answer.stdout);
    }
    Err(Error::new(format!("istioctl: {}", message.join("\n"))))
}

fn call(args: Vec<OsString>, input: &str, limit: Duration) -> Result<Answer, Failure> {
    let start = Instant::now();
    let expired = || start.elapsed() > limit;
    process::run(Call { program: "istioctl", args, input, expired: &expired, output: Output::Kept })
}
