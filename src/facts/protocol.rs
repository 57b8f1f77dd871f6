//! Which protocol Istio takes a Service's port for, and with that whether it reports spans and HTTP metrics
//! (`pkg/config/kube/conversion.go`, 1.10 to 1.30).

/// What a proxy does with the traffic of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP metrics and spans.
    Http,
    /// `istio_tcp_*` metrics only, no spans.
    Tcp,
    /// The proxy looks at the first bytes.
    Sniffed,
    /// Not handled by proxies.
    Udp,
}

/// Where the protocol of a port comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    AppProtocol,
    Name,
    Number,
    Transport,
}

/// Ports whose traffic is never sniffed, as the server speaks first.
const SERVER_FIRST: &[u64] = &[25, 53, 3306, 27017];

/// Ports that serve HTTP by convention; 9080 is that of Istio's samples.
pub(crate) const HTTP_BY_CONVENTION: &[u64] = &[80, 3000, 8000, 8080, 8081, 8888, 9080];

/// Ports of a sidecar itself, which no application listens on.
pub(crate) const OF_PROXY: std::ops::RangeInclusive<u64> = 15000..=15099;

/// The protocol of a Service's port.
pub(crate) fn of_port(
    name: &str,
    app_protocol: Option<&str>,
    port: u64,
    transport: &str,
) -> (Protocol, Source) {
    if transport.eq_ignore_ascii_case("UDP") {
        return (Protocol::Udp, Source::Transport);
    }
    let (text, source) = app_protocol.map_or((name, Source::Name), |text| (text, Source::AppProtocol));
    if let Some(protocol) = by_word(text, source) {
        return (protocol, source);
    }
    if SERVER_FIRST.contains(&port) {
        return (Protocol::Tcp, Source::Number);
    }
    (Protocol::Sniffed, source)
}

fn by_word(text: &str, source: Source) -> Option<Protocol> {
    if source == Source::AppProtocol {
        match text {
            "kubernetes.io/h2c" | "kubernetes.io/ws" => return Some(Protocol::Http),
            "kubernetes.io/wss" => return Some(Protocol::Tcp),
            _ => {}
        }
    }
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("grpc-web") {
        return Some(Protocol::Http);
    }
    match lower.split('-').next().unwrap_or_default() {
        "http" | "http2" | "http_proxy" | "grpc" => Some(Protocol::Http),
        "tcp" | "tls" | "https" | "mongo" | "redis" | "mysql" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_app_protocols_and_numbers_decide_in_this_order() {
        let table = [
            ("http", None, 9080, Protocol::Http),
            ("HTTP-web", None, 9080, Protocol::Http),
            ("http2", None, 9080, Protocol::Http),
            ("grpc-web-x", None, 9080, Protocol::Http),
            ("grpcweb", None, 9080, Protocol::Sniffed),
            ("tcp-reviews", None, 9080, Protocol::Tcp),
            ("https", None, 443, Protocol::Tcp),
            ("mysql", None, 3306, Protocol::Tcp),
            ("http", Some("tcp"), 9080, Protocol::Tcp),
            ("tcp", Some("http"), 9080, Protocol::Http),
            ("tcp", Some("kubernetes.io/h2c"), 9080, Protocol::Http),
            ("http", Some("kubernetes.io/wss"), 9080, Protocol::Tcp),
            ("web", None, 9080, Protocol::Sniffed),
            ("http1", None, 9080, Protocol::Sniffed),
            ("", None, 3306, Protocol::Tcp),
            ("", None, 9080, Protocol::Sniffed),
        ];
        for (name, app_protocol, port, wanted) in table {
            assert_eq!(
                of_port(name, app_protocol, port, "TCP").0,
                wanted,
                "{name:?} {app_protocol:?} {port}"
            );
        }
        assert_eq!(of_port("http", None, 80, "UDP").0, Protocol::Udp);
    }
}
