//! nginx in front of the mesh: a server that passes requests to the ingress gateway, as a configuration of its own or put
//! into one that is there, where every other byte stays. Reads and writes no files.

mod conf;
mod into;

use std::ops::Range;

use conf::{Block, Conf};
pub use into::{Redirected, Target, redirect, restore};

/// In front of what is put in.
const BEGIN: &str = "# meshobs: nginx in front of the mesh";

/// Behind it.
const END: &str = "# meshobs: end";

/// The server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Address and port, or a port.
    pub listen: String,
    /// Its names.
    pub names: Vec<String>,
    /// Where the ingress gateway is: an origin.
    pub upstream: String,
    /// Where DataKit is, if what browsers send goes through here.
    pub rum: Option<String>,
    /// The largest body of a request, as nginx writes sizes; `0` is any.
    pub max_body: String,
    /// How long nginx waits between two reads from the mesh, as nginx writes times.
    pub timeout: String,
    /// Where certificate and key are, for TLS.
    pub tls: Option<Tls>,
    /// Address and port from which requests are sent on to TLS.
    pub redirect: Option<String>,
}

/// Files for TLS, as nginx finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, with those that lead to its root.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// The files that a configuration takes in: patterns, as they are written.
///
/// # Errors
/// The text is no configuration.
pub fn includes(conf: &str) -> Result<Vec<String>, ConfError> {
    let conf = Conf::read(conf)?;
    Ok(conf
        .everywhere("include")
        .map(|directive| directive.arg(1).to_owned())
        .filter(|path| !path.is_empty())
        .collect())
}

/// The server in another file that is in the way of a new one.
///
/// # Errors
/// There is one: where, and why.
pub fn check_beside(conf: &str, server: &Server) -> Result<(), ConfError> {
    in_the_way(&Conf::read(conf)?, server)
}

fn in_the_way(conf: &Conf, server: &Server) -> Result<(), ConfError> {
    let servers = || {
        conf.blocks.iter().filter(|block| {
            block.is("server")
                && !block.parents.iter().any(|number| {
                    conf.blocks.get(*number).is_some_and(|outer| outer.is("stream") || outer.is("mail"))
                })
        })
    };
    let listens = std::iter::once(&server.listen).chain(&server.redirect);
    for listen in listens {
        let Some(other) = servers().find(|block| block.conflicts(server, listen)) else { continue };
        let names = server.names.join(" ");
        return Err(ConfError {
            at: other.start,
            message: format!(
                "a server for `{names}` on {} is here already, and nginx would ignore one of the two; give another \
                 --server-name or --listen, or edit this one with --into",
                listen
            ),
        });
    }
    if server.names == ["_"]
        && let Some(other) = servers().find(|block| block.listens_on(&server.listen))
    {
        let name = other.all("server_name").next().map_or("_", |directive| directive.arg(1));
        return Err(ConfError {
            at: other.start,
            message: format!(
                "nginx sends what no name fits to the first server on {}, which is this one; `_` is no name that fits all. \
                 Give --server-name, or edit this one with --into {name}",
                server.listen
            ),
        });
    }
    Ok(())
}

/// What came of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited {
    /// The server is in.
    Inserted(String),
    /// It was there and says the same.
    Same,
    /// It is there and says something else; where. It was kept.
    Differs(usize),
    /// It was there, said something else, and was replaced.
    Replaced(String),
    /// It was taken out.
    Removed(String),
    /// There was none to take out.
    Nothing,
}

/// Why a configuration cannot be edited: where, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfError {
    /// The offset.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

impl Server {
    /// The configuration, as lines that begin with `indent`.
    #[must_use]
    pub fn render(&self, indent: &str) -> String {
        let mut out = String::new();
        let mut line = |depth: usize, text: &str| {
            if !text.is_empty() {
                out.push_str(indent);
                out.push_str(&"    ".repeat(depth));
                out.push_str(text);
            }
            out.push('\n');
        };
        line(0, BEGIN);
        line(0, "map $http_upgrade $meshobs_connection {");
        line(1, "default upgrade;");
        line(1, "'' '';");
        line(0, "}");
        line(0, "");
        // An outer balancer knows by which scheme the browser came.
        line(0, "map $http_x_forwarded_proto $meshobs_proto {");
        line(1, "default $http_x_forwarded_proto;");
        line(1, "'' $scheme;");
        line(0, "}");
        if self.rum.is_some() {
            line(0, "limit_req_zone $binary_remote_addr zone=meshobs_rum:10m rate=50r/s;");
        }
        line(0, "");
        if let Some(listen) = &self.redirect {
            line(0, "server {");
            line(1, &format!("listen {listen};"));
            line(1, &format!("server_name {};", self.names.join(" ")));
            line(1, "return 301 https://$host$request_uri;");
            line(0, "}");
            line(0, "");
        }
        line(0, "server {");
        line(1, &format!("listen {}{};", self.listen, if self.tls.is_some() { " ssl" } else { "" }));
        line(1, &format!("server_name {};", self.names.join(" ")));
        if let Some(tls) = &self.tls {
            line(1, &format!("ssl_certificate {};", tls.certificate));
            line(1, &format!("ssl_certificate_key {};", tls.key));
            line(1, "ssl_protocols TLSv1.2 TLSv1.3;");
        }
        line(0, "");
        line(1, "# Other headers pass as they came: x-request-id and those of B3 among them.");
        line(1, "location / {");
        line(2, &format!("proxy_pass {};", self.upstream));
        self.common(&mut line, &self.upstream);
        line(2, "proxy_set_header Upgrade $http_upgrade;");
        line(2, "proxy_set_header Connection $meshobs_connection;");
        line(2, &format!("proxy_read_timeout {};", self.timeout));
        line(2, &format!("proxy_send_timeout {};", self.timeout));
        line(2, "# Uploads and event streams pass as they come.");
        line(2, &format!("client_max_body_size {};", self.max_body));
        line(2, "proxy_request_buffering off;");
        line(2, "proxy_buffering off;");
        line(1, "}");
        if let Some(datakit) = &self.rum {
            for (path, size) in [("/v1/write/rum", "8m"), ("/v1/write/rum/replay", "64m")] {
                line(0, "");
                line(1, &format!("location = {path} {{"));
                line(2, "limit_except POST OPTIONS {");
                line(3, "deny all;");
                line(2, "}");
                line(2, "limit_req zone=meshobs_rum burst=200 nodelay;");
                line(2, "limit_req_status 429;");
                line(2, &format!("proxy_pass {datakit};"));
                self.common(&mut line, datakit);
                line(2, "proxy_set_header Connection '';");
                line(2, &format!("client_max_body_size {size};"));
                line(2, "proxy_read_timeout 30s;");
                line(1, "}");
            }
        }
        line(0, "}");
        line(0, END);
        out
    }

    /// What every location passes on.
    fn common(&self, line: &mut impl FnMut(usize, &str), to: &str) {
        line(2, "proxy_http_version 1.1;");
        line(2, "proxy_set_header Host $http_host;");
        line(2, "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;");
        line(2, "proxy_set_header X-Forwarded-Proto $meshobs_proto;");
        if to.starts_with("https://") {
            line(2, "proxy_ssl_server_name on;");
        }
        line(2, "proxy_connect_timeout 5s;");
    }
}

/// Puts the server into a configuration: last in its block `http`, or at the end of a file that is included there.
///
/// # Errors
/// The text is no such configuration, or has a server for the same name and address.
pub fn insert(conf: &str, server: &Server, overwrite: bool) -> Result<Edited, ConfError> {
    let read = Conf::read(conf)?;
    let newline = newline(conf);
    let rendered = |indent: &str| server.render(indent).replace('\n', newline);
    if let Some(region) = region(conf, newline)? {
        let there = conf.get(region.clone()).unwrap_or_default();
        let wanted = rendered(indent_at(conf, region.start));
        let wanted = if there.ends_with('\n') { &wanted } else { wanted.trim_end() };
        if there == wanted {
            return Ok(Edited::Same);
        }
        if !overwrite {
            return Ok(Edited::Differs(region.start));
        }
        return Ok(Edited::Replaced(splice(conf, region, wanted)));
    }
    in_the_way(&read, server)?;
    let is_http = |block: &&Block| block.is("http") && block.parents.is_empty();
    if let Some(http) = read.blocks.iter().find(is_http) {
        return Ok(Edited::Inserted(into_http(conf, &read, http, &rendered)));
    }
    let top = |names: &[&str]| {
        read.blocks.iter().any(|block| block.parents.is_empty() && names.contains(&block.name()))
    };
    let fragment = top(&["server", "upstream", "map", "location"]) && !top(&["events", "stream", "mail"]);
    if !fragment && !conf.trim().is_empty() {
        let message =
            "neither a block `http` nor `server` in it, so it is no configuration to put a server into";
        return Err(ConfError { at: 0, message: message.to_owned() });
    }
    // One line break in front of it, always: that is what [`remove`] takes with it.
    let text = rendered("");
    Ok(Edited::Inserted(match conf {
        "" => text,
        conf if conf.ends_with('\n') => format!("{conf}{newline}{text}"),
        conf => format!("{conf}{newline}{}", text.trim_end()),
    }))
}

fn into_http(conf: &str, read: &Conf, http: &Block, rendered: &impl Fn(&str) -> String) -> String {
    let newline = newline(conf);
    let line = line_start(conf, http.close);
    let alone = conf.get(line..http.close).unwrap_or_default().trim().is_empty();
    let at = if alone { line } else { http.close };
    let inner = read
        .blocks
        .iter()
        .find(|block| block.parents.len() == 1 && block.start > http.start && block.close < http.close);
    let indent = inner.map_or("    ", |block| indent_at(conf, block.start));
    splice(conf, at..at, &format!("{newline}{}", rendered(indent)))
}

/// Takes the server out of a configuration, as it was before.
///
/// # Errors
/// The text is no configuration, or the marks do not fit.
pub fn remove(conf: &str) -> Result<Edited, ConfError> {
    Conf::read(conf)?;
    let newline = newline(conf);
    let Some(region) = region(conf, newline)? else { return Ok(Edited::Nothing) };
    let head = conf.get(..region.start).unwrap_or_default();
    let start = if head.ends_with(newline) { region.start - newline.len() } else { region.start };
    Ok(Edited::Removed(splice(conf, start..region.end, "")))
}

fn newline(conf: &str) -> &'static str {
    if conf.contains("\r\n") { "\r\n" } else { "\n" }
}

/// An address as servers compare it; every address alike: `80`, `*:80` and `0.0.0.0:80` are one.
fn normal(address: &str) -> String {
    let address = address.replace("localhost", "127.0.0.1");
    let any = ["*:", "0.0.0.0:"].iter().find_map(|any| address.strip_prefix(any));
    match any {
        Some(port) => port.to_owned(),
        None if address.contains(':') || address.chars().all(|c| c.is_ascii_digit()) => address,
        None => format!("{address}:80"),
    }
}

impl Block {
    /// Whether a server listens on an address.
    fn listens_on(&self, address: &str) -> bool {
        let mut listens: Vec<_> = self.all("listen").map(|directive| normal(directive.arg(1))).collect();
        if listens.is_empty() {
            listens.push("80".to_owned());
        }
        listens.contains(&normal(address))
    }

    /// The names of a server.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.all("server_name")
            .flat_map(|directive| directive.words.iter().skip(1))
            .map(|word| word.text.as_str())
    }

    /// Whether nginx would take both servers for the same name on the same address.
    fn conflicts(&self, server: &Server, listen: &str) -> bool {
        let same = |one: &str, other: &str| {
            let (one, other) = (one.to_lowercase(), other.to_lowercase());
            let dotted = |a: &str, b: &str| a.strip_prefix('.').is_some_and(|a| a == b);
            one == other || dotted(&one, &other) || dotted(&other, &one)
        };
        let has_none = self.names().next().is_none();
        let named = |name: &String| self.names().any(|other| same(other, name)) || (name == "_" && has_none);
        self.listens_on(listen) && server.names.iter().any(named)
    }
}

/// The lines that were put in before, if they are there.
fn region(conf: &str, newline: &str) -> Result<Option<Range<usize>>, ConfError> {
    let begins: Vec<_> = conf.match_indices(BEGIN).map(|(at, _)| at).collect();
    let ends: Vec<_> = conf.match_indices(END).map(|(at, _)| at).collect();
    let (begin, end) = match (begins.as_slice(), ends.as_slice()) {
        ([], []) => return Ok(None),
        ([begin], [end]) if begin < end => (*begin, end + END.len()),
        (begins, ends) => {
            let at = begins.iter().chain(ends).copied().max().unwrap_or(0);
            let message = "this mark has no counterpart, or stands twice; mend that first".to_owned();
            return Err(ConfError { at, message });
        }
    };
    let start = line_start(conf, begin);
    let end =
        if conf.get(end..).is_some_and(|rest| rest.starts_with(newline)) { end + newline.len() } else { end };
    Ok(Some(start..end))
}

fn line_start(conf: &str, at: usize) -> usize {
    conf.get(..at).unwrap_or_default().rfind('\n').map_or(0, |at| at + 1)
}

fn indent_at(conf: &str, at: usize) -> &str {
    let line = conf.get(line_start(conf, at)..).unwrap_or_default();
    let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
    line.get(..blanks).unwrap_or_default()
}

fn splice(conf: &str, span: Range<usize>, text: &str) -> String {
    let head = conf.get(..span.start).unwrap_or_default();
    let tail = conf.get(span.end..).unwrap_or_default();
    format!("{head}{text}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        Server {
            listen: "80".to_owned(),
            names: vec!["shop.example".to_owned()],
            upstream: "http://10.0.0.1:31380".to_owned(),
            rum: None,
            max_body: "0".to_owned(),
            timeout: "300s".to_owned(),
            tls: None,
            redirect: None,
        }
    }

    #[test]
    fn the_server_goes_into_http_and_the_rest_stays() {
        for conf in [
            "events {}\nhttp {\n  include mime.types; # }\n  server {\n    listen 80;\n  }\n}\n",
            "events {}\r\nhttp {\r\n    log_format a '{ \"x\" }';\r\n}\r\nstream {\r\n}\r\n",
            "http{server{listen 80;server_name \"a b\";location ~ \"^/x{2}\" {}}}",
            "server {\n    listen 80;\n    server_name other;\n}",
            "http {\n}",
            "http {}",
            "",
        ] {
            let Edited::Inserted(once) = insert(conf, &server(), false).unwrap() else { panic!("{conf}") };
            let at = once.find(BEGIN).unwrap();
            let end = once.find(END).unwrap() + END.len();
            let rest = format!("{}{}", &once[..at], &once[end..]);
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(bare(&rest), bare(conf));
            assert!(Conf::read(&once).is_ok());
            assert_eq!(remove(&once), Ok(Edited::Removed(conf.to_owned())));
            assert_eq!(insert(&once, &server(), false), Ok(Edited::Same), "{once}");
            let other = Server { upstream: "http://10.0.0.2".to_owned(), ..server() };
            assert!(matches!(insert(&once, &other, false), Ok(Edited::Differs(_))));
            let Edited::Replaced(new) = insert(&once, &other, true).unwrap() else { panic!("{once}") };
            assert_eq!(new, once.replace("http://10.0.0.1:31380", "http://10.0.0.2"));
        }
    }

    #[test]
    fn what_cannot_be_edited_is_told_with_its_place() {
        let told = |conf: &str| insert(conf, &server(), false).unwrap_err();
        assert_eq!(told("http {\n server {").at, 15);
        assert_eq!(told("http { } }").at, 9);
        assert_eq!(told("http { a \"b; }").at, 9);
        assert!(told("hello: world\n").message.contains("neither"));
        let twice = told("http { server { listen *:80; server_name a shop.example; } }");
        assert_eq!((twice.at, twice.message.contains("already")), (7, true));
        let any = Server { names: vec!["_".to_owned()], ..server() };
        let shadowed = insert("http { server { listen 80; server_name other; } }", &any, false).unwrap_err();
        assert_eq!((shadowed.at, shadowed.message.contains("--into other")), (7, true));
    }

    const PARTS: &[&str] = &[
        "server {\r\n  location / {\r\n    proxy_pass http://y; # z\r\n  }\r\n}\r\n",
        "server {\n\tserver_name a;\n\tlocation / {\n\t\tproxy_pass http://y;\n\t\tproxy_set_header A b;\n\t}\n}\n",
        "http {",
        "server {",
        "location / {",
        "location ~ \"^/x{2}\" {",
        "}",
        "}\n",
        "\n",
        "\r\n",
        "\n\t",
        "  ",
        "listen 80;",
        "listen 81 ssl;",
        "server_name a;",
        "server_name shop.example;",
        "\nproxy_pass http://x:1;\n",
        "proxy_pass http://x/y/; # z\n",
        "proxy_set_header Host $host;",
        "proxy_http_version 1.1;",
        "# c }\n",
        "include x/*.conf;",
        "events {}",
        "map $a $b { a b; }",
        "log_format a '{';",
        "\"q",
        "'",
        "${x}",
        "é;",
    ];

    fn random_conf(seed: &mut u64) -> String {
        let mut next = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (*seed >> 33) as usize
        };
        let mut conf = String::new();
        let mut open = 0_usize;
        for _ in 0..next() % 24 {
            let part = PARTS[next() % PARTS.len()];
            let (opens, closes) = (part.ends_with('{'), part.starts_with('}'));
            if closes && open == 0 {
                continue;
            }
            open = open + usize::from(opens) - usize::from(closes);
            conf.push_str(part);
        }
        conf.push_str(&"}".repeat(open));
        conf
    }

    #[test]
    fn whatever_the_configuration_it_keeps_its_bytes_and_comes_back() {
        let mut seed = 20_211_123;
        let (mut inserted, mut led) = (0, 0);
        for _ in 0..4_000 {
            let conf = random_conf(&mut seed);
            if let Ok(Edited::Inserted(once)) = insert(&conf, &server(), false) {
                inserted += 1;
                let newline = newline(&conf);
                let region = region(&once, newline).unwrap().unwrap();
                let start = region.start.saturating_sub(newline.len());
                assert_eq!(format!("{}{}", &once[..start], &once[region.end..]), conf);
                assert_eq!(insert(&once, &server(), false), Ok(Edited::Same), "{conf:?}");
                assert_eq!(remove(&once), Ok(Edited::Removed(conf.clone())), "{conf:?}");
            }
            for name in ["a", "_"] {
                let target = Target { name: name.to_owned(), port: None, location: "/".to_owned() };
                let Ok(Redirected { edited: Edited::Replaced(new), .. }) =
                    redirect(&conf, &target, "http://g:80")
                else {
                    continue;
                };
                led += 1;
                assert_eq!(restore(&new), Ok(Edited::Removed(conf.clone())), "{conf:?}");
                if let Ok(Redirected { edited: Edited::Replaced(again), .. }) =
                    redirect(&new, &target, "https://h")
                {
                    assert_eq!(restore(&again), Ok(Edited::Removed(conf.clone())), "{conf:?}");
                }
            }
        }
        assert!(inserted > 1_000 && led > 20, "{inserted} {led}");
    }

    #[test]
    fn time_grows_with_the_configuration_and_no_faster() {
        let time = |conf: &str| {
            let start = std::time::Instant::now();
            let _ = insert(conf, &server(), false);
            let _ = redirect(conf, &Target::parse("a").unwrap(), "http://g");
            let _ = restore(conf);
            start.elapsed()
        };
        for part in
            PARTS.iter().chain(&["server { server_name a; location / {", "# meshobs: before: x\n", "\\"])
        {
            let conf = |length: usize| format!("http {{\n{}", part.repeat(length / part.len()));
            for close in ["", "}"] {
                let (small, large) = (conf(8_000) + close, conf(32_000) + close);
                let grows = |_| time(&large) > 10 * time(&small).max(std::time::Duration::from_micros(200));
                assert!(!(0..6).all(grows), "{part:?}");
            }
        }
    }
}
