//! What `init nginx` prints, in a real nginx: it takes the configuration, and requests through it reach the ingress gateway
//! and DataKit (stand-ins on loopback) with their headers. Without nginx these tests say so and pass, or fail with
//! MESHOBS_TEST_ALL=1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use support::http::{Running, Server, exchange, free_port, wait_for_port};
use support::{Meshobs, skip};

fn nginx() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps it where only root looks.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join("nginx")).find(|file| file.is_file());
    if found.is_none() {
        skip("no nginx here");
    }
    found
}

/// Settings that keep nginx inside of a folder.
fn main_part(folder: &Path) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("    {name}_temp_path {folder}/{name};\n"))
        .collect();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr warn;\nevents {{}}\nhttp {{\n    \
         access_log off;\n{temporary}"
    )
}

fn check(nginx: &Path, conf: &Path) {
    let done = Command::new(nginx).arg("-t").arg("-c").arg(conf).output().unwrap();
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(
        done.status.success() && !text.contains("[warn]"),
        "{text}\n{}",
        fs::read_to_string(conf).unwrap()
    );
}

struct Setup {
    folder: tempfile::TempDir,
    upstream: Server,
    datakit: Server,
    port: u16,
}

impl Setup {
    fn new() -> Self {
        let upstream = Server::start(|_| (200, "text/plain", "from the mesh".to_owned()));
        let datakit = Server::start(|_| (200, "text/plain", "from DataKit".to_owned()));
        Self { folder: tempfile::tempdir().unwrap(), upstream, datakit, port: free_port() }
    }

    fn print(&self, more: &[&str]) -> String {
        let listen = format!("127.0.0.1:{}", self.port);
        let (upstream, datakit) = (self.upstream.origin(), self.datakit.origin());
        let args = ["init", "nginx", "--listen", &listen, "--upstream", &upstream, "--rum-proxy", &datakit];
        let args = args.iter().chain(more);
        Meshobs::new(args).cwd(self.folder.path()).run().expect(0).text().to_owned()
    }

    fn start(&self, nginx: &Path, conf: &str) -> Running {
        let file = self.folder.path().join("nginx.conf");
        fs::write(&file, conf).unwrap();
        check(nginx, &file);
        let child = Command::new(nginx).arg("-c").arg(&file).stderr(Stdio::inherit()).spawn().unwrap();
        let running = Running(child);
        assert!(wait_for_port(self.port), "nginx does not listen");
        running
    }
}

#[test]
fn requests_reach_the_gateway_and_datakit_with_their_headers() {
    let Some(nginx) = nginx() else { return };
    let setup = Setup::new();
    let conf = format!("{}{}}}\n", main_part(setup.folder.path()), setup.print(&[]));
    let _running = setup.start(&nginx, &conf);

    let headers = "Host: shop.example:8080\r\nX-Request-Id: 123\r\nX-B3-TraceId: 80f198ee56343ba864fe8b2a57d3eff7\r\n\
                   X-B3-SpanId: e457b5a2e4d86bd1\r\nX-B3-Sampled: 1\r\nb3: 1-2-1\r\ntraceparent: 00-1-2-01\r\n\
                   end-user: jason\r\nCookie: a=b\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n";
    let answer = exchange(setup.port, &format!("GET /productpage?u=a%20b HTTP/1.1\r\n{headers}"));
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("from the mesh"), "{answer}");
    let request = setup.upstream.asked().pop().unwrap();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/productpage?u=a%20b"));
    for (name, value) in [
        ("host", "shop.example:8080"),
        ("x-request-id", "123"),
        ("x-b3-traceid", "80f198ee56343ba864fe8b2a57d3eff7"),
        ("x-b3-spanid", "e457b5a2e4d86bd1"),
        ("x-b3-sampled", "1"),
        ("b3", "1-2-1"),
        ("traceparent", "00-1-2-01"),
        ("end-user", "jason"),
        ("cookie", "a=b"),
        ("x-forwarded-for", "203.0.113.9, 127.0.0.1"),
        ("x-forwarded-proto", "http"),
    ] {
        assert_eq!(request.header(name), Some(value), "{request:?}");
    }

    for path in ["/v1/write/rum?precision=ms", "/v1/write/rum/replay"] {
        let body = "x".repeat(3 << 20);
        let length = body.len();
        let post = format!(
            "POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let answer = exchange(setup.port, &post);
        assert!(answer.ends_with("from DataKit"), "{answer}");
        let request = setup.datakit.asked().pop().unwrap();
        assert_eq!((request.path.as_str(), request.body.len()), (path, length));
        assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    }
    // What only begins alike is the application's.
    let answer =
        exchange(setup.port, "GET /v1/write/rumour HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
    assert!(answer.ends_with("from the mesh"), "{answer}");
    assert_eq!(setup.datakit.asked().len(), 2);
}

#[test]
fn a_websocket_passes() {
    let Some(nginx) = nginx() else { return };
    let setup = Setup::new();
    let conf = format!("{}{}}}\n", main_part(setup.folder.path()), setup.print(&[]));
    let _running = setup.start(&nginx, &conf);
    let mut stream = TcpStream::connect(("127.0.0.1", setup.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
        .write_all(b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    let mut bytes = [0; 1024];
    while !answer.contains("echo hello") {
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "{answer}");
        answer.push_str(&String::from_utf8_lossy(&bytes[..read]));
        if answer.contains("\r\n\r\n") && !answer.contains("echo") {
            stream.write_all(b"hello\n").unwrap();
        }
    }
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert_eq!(setup.upstream.asked()[0].header("connection"), Some("upgrade"));
}

#[test]
fn an_edited_configuration_still_serves_what_it_served() {
    let Some(nginx) = nginx() else { return };
    let setup = Setup::new();
    let other = free_port();
    let before = format!(
        "{}    server {{\n        listen 127.0.0.1:{other};\n        return 204;\n    }}\n    # last }}\n}}\n",
        main_part(setup.folder.path())
    );
    fs::write(setup.folder.path().join("old.conf"), &before).unwrap();
    let after = setup.print(&["--from", "old.conf", "-q"]);
    let _running = setup.start(&nginx, &after);
    let get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert!(exchange(other, get).starts_with("HTTP/1.1 204"));
    assert!(exchange(setup.port, get).ends_with("from the mesh"));
    let mut rest = after.lines();
    assert!(before.lines().all(|line| rest.any(|other| other == line)), "{after}");
}
