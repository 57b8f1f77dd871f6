//! Ways to a pod's ports: the API server's proxy, which answers one GET, and port-forwards, each a kubectl that goes on running.

use std::ffi::OsString;
use std::time::Instant;

use super::error::{Error, ErrorKind};
use super::kubectl::Kubectl;
use super::process::Background;

/// What kubectl prints once a port-forward stands, in front of its own port.
const READY: &str = "Forwarding from 127.0.0.1:";

/// A port of this machine that leads to a pod, as long as it lives.
pub(crate) struct Forward {
    port: u16,
    _kubectl: Background,
}

impl Forward {
    /// The address of this end.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Kubectl {
    /// What a port of a pod answers to a GET, through the API server.
    ///
    /// # Errors
    /// The API server refuses, or the pod does not answer with success.
    pub(crate) fn ask_pod(&self, namespace: &str, pod: &str, port: u16, path: &str) -> Result<String, Error> {
        let address = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}");
        self.output(&["get", "--raw", &address]).map_err(|error| of_pod(&error).unwrap_or(error))
    }

    /// Leads a free port of this machine to a port of a `pod/NAME` or `service/NAME`, also to one that a pod serves on
    /// loopback only.
    ///
    /// # Errors
    /// kubectl cannot be run, or the forward does not stand within the time of a request.
    pub(crate) fn forward(&self, namespace: &str, target: &str, port: u16) -> Result<Forward, Error> {
        let own = ["port-forward", "--address=127.0.0.1", "-n", namespace, target, &format!(":{port}")]
            .map(OsString::from);
        let args: Vec<OsString> = self.cluster_args().chain(own).collect();
        let kubectl = Background::start("kubectl", &args).map_err(|error| {
            let text = format!("kubectl cannot be run ({error}); install it, or put it on the PATH");
            Error::of(ErrorKind::NoKubectl, text)
        })?;
        let start = Instant::now();
        let limit = self.limits.request;
        let ready = |line: &str| line.strip_prefix(READY)?.split(' ').next()?.parse::<u16>().ok();
        match kubectl.find(|| start.elapsed() > limit, ready) {
            Ok(port) => Ok(Forward { port, _kubectl: kubectl }),
            Err(stderr) if stderr.is_empty() => Err(Error::of(
                ErrorKind::Timeout,
                format!("no port-forward to {target} within {} s (--request-timeout)", limit.as_secs()),
            )),
            Err(stderr) => Err(Error::of_kubectl(&stderr)),
        }
    }
}

/// The API server's own words where it did not reach the pod: a timeout there is not one of the API server.
fn of_pod(error: &Error) -> Option<Error> {
    let line = error.message.lines().find(|line| line.contains("error trying to reach service"))?;
    Some(Error::of(ErrorKind::Other, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_is_not_reached_is_no_timeout_of_the_api_server() {
        let text = "no answer from the API server within 30 s\nkubectl: Error from server: error trying to reach service: dial tcp \
                    10.0.0.1:15020: i/o timeout";
        let error = of_pod(&Error::of(ErrorKind::Timeout, text)).unwrap();
        assert!(
            error.kind == ErrorKind::Other && error.message.starts_with("kubectl: Error from server"),
            "{error:?}"
        );
        assert_eq!(of_pod(&Error::of(ErrorKind::Timeout, "no answer")), None);
    }
}
