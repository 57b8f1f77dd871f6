//! The user's own istioctl, which puts Istio into a cluster that has none and takes it out again.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::kubectl::Kubectl;
use crate::manifest::Version;
use crate::secret;

/// The profile with both gateways that the guide takes.
const PROFILE: &str = "profile=demo";

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
        let mut command = Command::new("istioctl");
        command.args(["version", "--remote=false", "-o", "json"]).stdin(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        let version = value.pointer("/clientVersion/version")?.as_str()?;
        Some(Self { version: Version::parse(version)? })
    }

    /// Installs Istio; `settings` is an IstioOperator laid over the profile, for its stdin.
    ///
    /// # Errors
    /// What istioctl said.
    pub fn install(&self, kubectl: &Kubectl, settings: Option<&str>) -> Result<Vec<String>, String> {
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
    pub fn uninstall(&self, kubectl: &Kubectl) -> Result<(), String> {
        let plain = run(kubectl, &["uninstall", "--purge", "-y"], "");
        match plain {
            // Before 1.17 it was an experimental command.
            Err(message) if message.contains("unknown command") => {
                run(kubectl, &["x", "uninstall", "--purge", "-y"], "").map(|_| ())
            }
            other => other.map(|_| ()),
        }
    }
}

/// Runs it against kubectl's cluster; its last lines where it fails.
fn run(kubectl: &Kubectl, args: &[&str], input: &str) -> Result<Vec<String>, String> {
    let mut command = Command::new("istioctl");
    command.args(args).args(kubectl.cluster_args());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("istioctl: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // istioctl says itself what it did not get. A settings fragment fits into the pipe.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| format!("istioctl: {error}"))?;
    let lines = |bytes: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(bytes)
            .lines()
            .map(secret::mask)
            .filter(|line| !line.trim().is_empty())
            .collect()
    };
    if output.status.success() {
        return Ok(lines(&output.stdout));
    }
    let mut said = lines(&output.stderr);
    if said.is_empty() {
        said = lines(&output.stdout);
    }
    Err(format!("istioctl: {}", said.join("\n")))
}
