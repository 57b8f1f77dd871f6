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
    // Only what browsers send there, and not without end.
    let get = "GET /v1/write/rum HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
    assert!(exchange(setup.port, get).starts_with("HTTP/1.1 403"));
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

#[test]
fn uploads_streams_and_the_scheme_of_a_balancer_pass() {
    let Some(nginx) = nginx() else { return };
    let setup = Setup::new();
    let conf = format!("{}{}}}\n", main_part(setup.folder.path()), setup.print(&[]));
    let _running = setup.start(&nginx, &conf);
    let body = "x".repeat(3 << 20);
    let post = |more: &str| {
        format!(
            "POST /upload HTTP/1.1\r\nHost: a\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let answer = exchange(setup.port, &post("X-Forwarded-Proto: https\r\n"));
    assert!(answer.ends_with("from the mesh"), "{answer}");
    let request = setup.upstream.asked().pop().unwrap();
    assert_eq!((request.body.len(), request.header("x-forwarded-proto")), (body.len(), Some("https")));

    let limited = Setup::new();
    let conf = format!("{}{}}}\n", main_part(limited.folder.path()), limited.print(&["--max-body", "1m"]));
    let _limited = limited.start(&nginx, &conf);
    assert!(exchange(limited.port, &post("")).contains("413"), "a limit that is asked for holds");
}

/// A server that sends the first event of a stream, and the second once it is told to.
fn events() -> (u16, std::sync::mpsc::Sender<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (go, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n").unwrap();
        let _ = wait.recv();
        let _ = stream.write_all(b"data: 2\n\n");
    });
    (port, go)
}

#[test]
fn an_event_arrives_while_its_stream_is_open() {
    let Some(nginx) = nginx() else { return };
    let setup = Setup::new();
    let (upstream, go) = events();
    let listen = format!("127.0.0.1:{}", setup.port);
    let args = ["init", "nginx", "--listen", &listen, "--upstream", &format!("http://127.0.0.1:{upstream}")];
    let server = Meshobs::new(args).cwd(setup.folder.path()).run().expect(0).text().to_owned();
    let _running = setup.start(&nginx, &format!("{}{server}}}\n", main_part(setup.folder.path())));
    let mut stream = TcpStream::connect(("127.0.0.1", setup.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let (mut answer, mut bytes) = (String::new(), [0; 1024]);
    while !answer.contains("data: 1") {
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "{answer}");
        answer.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    assert!(!answer.contains("data: 2"));
    go.send(()).unwrap();
}

#[test]
fn tls_is_spoken_with_the_certificate_that_is_named() {
    let Some(nginx) = nginx() else { return };
    if !support::on_path("openssl") {
        skip("no openssl here");
        return;
    }
    let setup = Setup::new();
    let folder = setup.folder.path();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=shop.example"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let tls = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let conf = format!("{}{}}}\n", main_part(folder), setup.print(&tls));
    let _running = setup.start(&nginx, &conf);
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{}", setup.port)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut request = client.stdin.take().unwrap();
    request.write_all(b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n").unwrap();
    let output = client.wait_with_output().unwrap();
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(answer.ends_with("from the mesh"), "{answer}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("shop.example"));
    assert_eq!(setup.upstream.asked()[0].header("x-forwarded-proto"), Some("https"));
}

#[test]
fn a_location_that_is_there_leads_to_the_gateway_and_back() {
    let Some(nginx) = nginx() else { return };
    let setup = Setup::new();
    let folder = setup.folder.path();
    let old = Server::start(|_| (200, "text/plain", "from the old place".to_owned()));
    fs::create_dir(folder.join("sites")).unwrap();
    let main = format!("{}    include sites/*.conf;\n}}\n", main_part(folder));
    let site = format!(
        "server {{\n\tlisten 127.0.0.1:{};\n\tserver_name shop.example;\n\tlocation / {{\n\t\tproxy_pass {}; # the shop\n\t}}\n}}\n",
        setup.port,
        old.origin()
    );
    fs::write(folder.join("nginx.conf"), &main).unwrap();
    fs::write(folder.join("sites/shop.conf"), &site).unwrap();
    let upstream = setup.upstream.origin();
    let run = |from: &str, more: &[&str]| {
        let args = ["init", "nginx", "--from", from];
        Meshobs::new(args.iter().chain(more)).cwd(folder).run()
    };
    let into = ["--upstream", &upstream, "--into", "shop.example"];
    let refused = run("nginx.conf", &into).expect(2);
    assert!(refused.stderr.contains("is in sites/shop.conf"), "{}", refused.stderr);
    let listen = format!("127.0.0.1:{}", setup.port);
    let beside = run("nginx.conf", &["-q", "--upstream", &upstream, "--listen", &listen]).expect(2);
    assert!(
        beside.stderr.contains("sites/shop.conf:1:1: ") && beside.stderr.contains("--into shop.example"),
        "{}",
        beside.stderr
    );

    let led = run("sites/shop.conf", &into).expect(0).stdout;
    fs::write(folder.join("sites/shop.conf"), &led).unwrap();
    assert_eq!(run("sites/shop.conf", &["--remove"]).expect(0).stdout, site.as_bytes());
    let _running = setup.start(&nginx, &main);
    let get = "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";
    let answer = exchange(setup.port, get);
    assert!(answer.ends_with("from the mesh"), "{answer}");
    // Envoy answers HTTP/1.0 with 426, and routes by the name that was asked for.
    assert_eq!(setup.upstream.asked()[0].header("host"), Some("shop.example"));
    assert!(old.asked().is_empty());
}
