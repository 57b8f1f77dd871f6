//! minikube, asked for nothing but its node's address: the node's own record of it may not be reachable from here.

use std::ffi::OsString;
use std::time::Instant;

use super::deadline::Limits;
use super::process::{self, Call, Output};

/// The address of the node, where there is a minikube that runs. A context of kubectl is its profile.
pub(crate) fn address(context: Option<&str>) -> Option<String> {
    let profile = context.into_iter().flat_map(|name| ["-p", name]);
    let args = ["ip"].into_iter().chain(profile).map(OsString::from).collect();
    let start = Instant::now();
    let expired = || start.elapsed() > Limits::DEFAULT.request;
    let call = Call { program: "minikube", args, input: "", expired: &expired, output: Output::Kept };
    let answer = process::run(call).ok().filter(|answer| answer.success)?;
    Some(String::from_utf8_lossy(&answer.stdout).into_owned())
}
