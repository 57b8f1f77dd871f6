//! Requests over plain HTTP to DataKit and to gateways: on loopback, in the cluster, or where the user says. Nothing is sent through
//! a proxy, no redirect is followed, and there is no TLS. Every answer has a limit of time and size.

use std::time::Duration;

use ureq::http::Method;
use ureq::{Agent, Error};

/// The longest body that is read, in bytes. `/metrics` of a DataKit has about 150,000, that of a busy sidecar some millions.
const LONGEST_BODY: u64 = 64 * 1024 * 1024;

/// Sends requests.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    agent: Agent,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// What is not UTF-8 in it is replaced.
    pub(crate) body: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing listens there.
    Refused,
    /// The name of the host leads to no address.
    NoHost,
    /// No answer in time.
    Timeout(Duration),
    /// The address is `https`.
    Tls,
    /// What came is not HTTP, or the connection broke.
    Other(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::NoHost => f.write_str("the host name does not resolve"),
            Self::Timeout(limit) => write!(f, "no answer within {} s", limit.as_secs()),
            Self::Tls => f.write_str("the address is https, and meshobs speaks http only"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl Answer {
    /// An answer without headers.
    #[cfg(test)]
    pub(crate) fn of(status: u16, body: &str) -> Self {
        Self { status, body: body.to_owned(), headers: Vec::new() }
    }

    /// A header by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl Client {
    /// A client whose requests take no longer than `limit`, from the first byte to the last.
    pub(crate) fn new(limit: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(limit))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The environment's proxy is for the way out, not to loopback.
            .proxy(None)
            // A connection that is kept may be closed by a port-forward in between.
            .max_idle_connections(0)
            .user_agent(concat!("meshobs/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into() }
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// There is no answer. A status that is an error is none.
    pub(crate) fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, Failure> {
        self.send(Method::GET, url, headers, "")
    }

    /// Sends a body.
    ///
    /// # Errors
    /// There is no answer. A status that is an error is none.
    pub(crate) fn post(&self, url: &str, kind: &str, body: &str) -> Result<Answer, Failure> {
        self.send(Method::POST, url, &[("content-type", kind)], body)
    }

    fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, Failure> {
        if url.starts_with("https:") {
            return Err(Failure::Tls);
        }
        let is_post = method == Method::POST;
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let result = if is_post {
            request.body(body).map_err(Error::from).and_then(|request| self.agent.run(request))
        } else {
            request.body(()).map_err(Error::from).and_then(|request| self.agent.run(request))
        };
        result.and_then(read).map_err(|error| self.failure(error))
    }

    fn failure(&self, error: Error) -> Failure {
        let limit = self.agent.config().timeouts().global.unwrap_or_default();
        match error {
            Error::Timeout(_) => Failure::Timeout(limit),
            Error::HostNotFound => Failure::NoHost,
            Error::ConnectionFailed => Failure::Refused,
            Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Failure::Refused,
            Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Failure::Timeout(limit),
            Error::Io(error) => Failure::Other(format!("the connection broke ({error})")),
            error => Failure::Other(error.to_string()),
        }
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, Error> {
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let body = response.body_mut().with_config().limit(LONGEST_BODY).read_to_vec()?;
    let body = String::from_utf8(body)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(Answer { status: response.status().as_u16(), body, headers })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;

    /// A server that takes one request, answers with these bytes, and returns the request.
    fn server(answer: &'static [u8], keep: Duration) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = vec![0; 4096];
            let mut asked = String::new();
            while !asked.contains("\r\n\r\n") || (asked.starts_with("POST") && !asked.ends_with("body")) {
                let read = stream.read(&mut bytes).unwrap();
                asked += std::str::from_utf8(&bytes[..read]).unwrap();
            }
            stream.write_all(answer).unwrap();
            std::thread::sleep(keep);
            asked
        });
        (url, thread)
    }

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn a_body_of_any_framing_is_read() {
        let client = Client::new(Duration::from_secs(10));
        for answer in [
            &b"HTTP/1.1 418 X\r\nContent-Length: 5\r\n\r\nhello"[..],
            b"HTTP/1.1 418 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            b"HTTP/1.1 418 X\r\n\r\nhello",
        ] {
            let (url, asked) = server(answer, NOW);
            let got = client.post(&url, "text/plain", "body").unwrap();
            assert_eq!((got.status, got.body.as_str()), (418, "hello"));
            let asked = asked.join().unwrap().to_lowercase();
            assert!(asked.contains("content-type: text/plain") && asked.ends_with("body"), "{asked}");
        }
        let (url, asked) = server(b"HTTP/1.1 302 X\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", NOW);
        let headers = [("x-b3-sampled", "1"), ("host", "shop.example.com")];
        let answer = client.get(&url, &headers).unwrap();
        assert_eq!((answer.status, answer.header("location")), (302, Some("/y")));
        let asked = asked.join().unwrap().to_lowercase();
        assert!(asked.starts_with("get /x http/1.1") && asked.contains("x-b3-sampled: 1\r\n"), "{asked}");
        assert_eq!(asked.matches("host: shop.example.com\r\n").count(), 1, "{asked}");
        assert_eq!(asked.matches("host:").count(), 1, "{asked}");
    }

    #[test]
    fn why_there_is_no_answer_is_told_apart() {
        let client = Client::new(Duration::from_secs(1));
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        assert_eq!(client.get(&format!("http://{free}/"), &[]), Err(Failure::Refused));
        assert_eq!(client.get("https://127.0.0.1:1/", &[]), Err(Failure::Tls));
        let by_name = format!("http://localhost:{}/", free.port());
        assert_eq!(client.get(&by_name, &[]), Err(Failure::Refused));
        let (url, _) = server(b"what is this\n", NOW);
        assert!(matches!(client.get(&url, &[]), Err(Failure::Other(_))));
        let (url, _) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", NOW);
        assert!(client.get(&url, &[]).is_err());
        let start = Instant::now();
        let (url, _) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nslow", Duration::from_secs(5));
        assert_eq!(client.get(&url, &[]), Err(Failure::Timeout(Duration::from_secs(1))));
        assert!(start.elapsed() < Duration::from_secs(4));
    }
}
