//! What an error of kubectl means: the one place that knows its texts.

use std::fmt;

use super::kubectl::readable;

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The program is not on the PATH, or does not start.
    NoKubectl,
    /// The output is not JSON.
    Garbled,
    /// No object of this name.
    NotFound,
    /// The namespace of an object does not exist.
    NoNamespace,
    /// An object of this name exists already.
    AlreadyExists,
    /// The object changed since it was read.
    Conflict,
    /// Another object has its name by now.
    Replaced,
    /// Another field manager owns fields that are to be applied.
    FieldConflict,
    /// The user may not do this.
    Forbidden,
    /// The server does not serve this kind.
    NoSuchKind,
    /// The server, or the program, did not answer in time.
    Timeout,
    /// No connection to the server.
    Unreachable,
    /// Anything else.
    Other,
}

/// Why the cluster did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// The program's own words, without tokens.
    pub message: String,
}

impl Error {
    /// An error that is of no kind anybody asks for.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Other, message)
    }

    pub(crate) fn of(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Whether it is of one of these kinds.
    #[must_use]
    pub fn is(&self, kinds: &[ErrorKind]) -> bool {
        kinds.contains(&self.kind)
    }

    /// The kinds that may not be listed, as `resource.group`.
    pub(crate) fn forbidden_kinds(&self) -> Vec<String> {
        let lines = self.message.lines().filter(|line| line.contains("(Forbidden)"));
        let quoted = |line: &str, mark: &str| {
            let (_, rest) = line.split_once(mark)?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let kind = |line: &str| {
            let resource = quoted(line, "cannot list resource \"")?;
            let group = quoted(line, "in API group \"").unwrap_or_default();
            Some(if group.is_empty() { resource } else { format!("{resource}.{group}") })
        };
        lines.filter_map(kind).collect()
    }

    /// The error that kubectl printed.
    pub(super) fn of_kubectl(stderr: &[u8]) -> Self {
        let message = readable(stderr);
        Self { kind: classify(&message), message: format!("kubectl: {message}") }
    }
}

/// What kubectl's text means. Where it reports several errors, the first kind of this list counts.
fn classify(message: &str) -> ErrorKind {
    let has = |part: &str| message.contains(part);
    let reason = |name: &str| has(&format!("({name})"));
    if has("namespaces \"") && has("not found") {
        return ErrorKind::NoNamespace;
    }
    if has("no matches for kind") || has("the server doesn't have a resource type") {
        return ErrorKind::NoSuchKind;
    }
    if has("conflict") && has("Apply failed") {
        return ErrorKind::FieldConflict;
    }
    if has("UID in precondition") {
        return ErrorKind::Replaced;
    }
    // A JSON patch begins with a test of the version that was read.
    let test_failed = has("test") && has("resourceVersion");
    if reason("Conflict") || has("has been modified") || test_failed {
        return ErrorKind::Conflict;
    }
    let signs: [(ErrorKind, &[&str]); 5] = [
        (ErrorKind::AlreadyExists, &["(AlreadyExists)"]),
        (ErrorKind::NotFound, &["(NotFound)"]),
        (ErrorKind::Forbidden, &["(Forbidden)"]),
        (
            ErrorKind::Timeout,
            &["Client.Timeout", "timeout", "context deadline exceeded", "timed out", "(Timeout)"],
        ),
        (
            ErrorKind::Unreachable,
            &[
                "connection refused",
                "was refused",
                "no such host",
                "no route to host",
                "network is unreachable",
                "connection reset",
                "Unable to connect to the server",
            ],
        ),
    ];
    let found = signs.iter().find(|(_, signs)| signs.iter().any(|sign| has(sign)));
    found.map_or(ErrorKind::Other, |(kind, _)| *kind)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.kind == ErrorKind::FieldConflict {
            f.write_str("\nothers own these fields; --force-conflicts takes them over")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    /// As kubectl 1.21 to 1.37 print them.
    const TEXTS: &[(ErrorKind, &str)] = &[
        (ErrorKind::NotFound, "Error from server (NotFound): configmaps \"x\" not found"),
        (ErrorKind::NoNamespace, "Error from server (NotFound): namespaces \"prod\" not found"),
        (ErrorKind::AlreadyExists, "Error from server (AlreadyExists): configmaps \"x\" already exists"),
        (
            ErrorKind::Conflict,
            "Error from server (Conflict): Operation cannot be fulfilled on configmaps \"x\": the object has been \
             modified; please apply your changes to the latest version and try again",
        ),
        (
            ErrorKind::Replaced,
            "Error from server (Conflict): Operation cannot be fulfilled on configmaps \"x\": Precondition failed: UID in \
             precondition: 1, UID in object meta: 2",
        ),
        (
            ErrorKind::FieldConflict,
            "error: Apply failed with 1 conflict: conflict with \"other\" using apps/v1: .spec.revisionHistoryLimit",
        ),
        (
            ErrorKind::Forbidden,
            "Error from server (Forbidden): nodes is forbidden: User \"x\" cannot list resource \"nodes\"",
        ),
        (ErrorKind::NoSuchKind, "error: the server doesn't have a resource type \"telemetries\""),
        (
            ErrorKind::NoSuchKind,
            "error: resource mapping not found for name: \"one\" namespace: \"\" from \"STDIN\": no matches for kind \
             \"Widget\" in version \"example.com/v1\"\nensure CRDs are installed first",
        ),
        (
            ErrorKind::Timeout,
            "Unable to connect to the server: net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
        ),
        (ErrorKind::Timeout, "Unable to connect to the server: net/http: TLS handshake timeout"),
        (
            ErrorKind::Unreachable,
            "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?",
        ),
        (ErrorKind::Unreachable, "Unable to connect to the server: dial tcp: lookup x: no such host"),
        (ErrorKind::Other, "error: You must be logged in to the server (Unauthorized)"),
    ];

    #[test]
    fn kubectls_texts_are_told_apart() {
        for (kind, text) in TEXTS {
            let error = Error::of_kubectl(text.as_bytes());
            assert_eq!((error.kind, error.message), (*kind, format!("kubectl: {text}")));
        }
    }

    #[test]
    fn kinds_that_may_not_be_listed_are_named() {
        let text = "Error from server (Forbidden): nodes is forbidden: User \"x\" cannot list resource \"nodes\" in API group \"\" at the cluster scope\n\
                    Error from server (Forbidden): networkpolicies.networking.k8s.io is forbidden: User \"x\" cannot list resource \
                    \"networkpolicies\" in API group \"networking.k8s.io\" at the cluster scope";
        let error = Error::of_kubectl(text.as_bytes());
        assert_eq!(error.forbidden_kinds(), ["nodes", "networkpolicies.networking.k8s.io"]);
        assert!(Error::new("x").forbidden_kinds().is_empty());
    }

    #[test]
    fn who_meets_others_fields_is_told_the_flag() {
        let error = Error::of(ErrorKind::FieldConflict, "x");
        assert!(error.to_string().ends_with("--force-conflicts takes them over"));
        assert_eq!(Error::new("x").to_string(), "x");
    }
}
