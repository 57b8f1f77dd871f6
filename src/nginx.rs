//! nginx in front of the mesh: a server that passes requests to the ingress gateway, as a configuration of its own or put
//! into one that is there, where every other byte stays. Reads and writes no files.

use std::ops::Range;

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
}

/// Whether a configuration takes in others, in which a server for the same name may be.
#[must_use]
pub fn includes_servers(conf: &str) -> bool {
    conf.lines().map(str::trim_start).any(|line| {
        line.starts_with("include")
            && (line.contains("sites-enabled") || line.contains("conf.d") || line.contains('*'))
    })
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
        line(0, "server {");
        line(1, &format!("listen {};", self.listen));
        line(1, &format!("server_name {};", self.names.join(" ")));
        line(0, "");
        line(1, "# Other headers pass as they came: x-request-id and those of B3 among them.");
        line(1, "location / {");
        line(2, &format!("proxy_pass {};", self.upstream));
        self.common(&mut line, &self.upstream);
        line(2, "proxy_set_header Upgrade $http_upgrade;");
        line(2, "proxy_set_header Connection $meshobs_connection;");
        line(2, "proxy_read_timeout 300s;");
        line(2, "proxy_send_timeout 60s;");
        line(1, "}");
        if let Some(datakit) = &self.rum {
            for (path, size) in [("/v1/write/rum", "8m"), ("/v1/write/rum/replay", "64m")] {
                line(0, "");
                line(1, &format!("location = {path} {{"));
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
        line(2, "proxy_set_header X-Forwarded-Proto $scheme;");
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
    let blocks = blocks(conf)?;
    let newline = if conf.contains("\r\n") { "\r\n" } else { "\n" };
    let rendered = |indent: &str| server.render(indent).replace('\n', newline);
    if let Some(region) = region(conf, newline)? {
        let indent = indent_at(conf, region.start);
        let wanted = rendered(indent);
        let there = conf.get(region.clone()).unwrap_or_default();
        if there.trim_end() == wanted.trim_end() {
            return Ok(Edited::Same);
        }
        if !overwrite {
            return Ok(Edited::Differs(region.start));
        }
        return Ok(Edited::Replaced(splice(conf, region, &wanted)));
    }
    if let Some(other) = blocks.iter().find(|block| block.name == "server" && block.conflicts(server)) {
        let names = server.names.join(" ");
        return Err(ConfError {
            at: other.start,
            message: format!(
                "a server for `{names}` on {} is here already, and nginx would ignore one of the two; give another \
                 --server-name or --listen",
                server.listen
            ),
        });
    }
    if let Some(http) = blocks.iter().find(|block| block.name == "http" && block.depth == 0) {
        let line = conf.get(..http.close).unwrap_or_default().rfind('\n').map_or(0, |at| at + 1);
        let alone = conf.get(line..http.close).unwrap_or_default().trim().is_empty();
        let at = if alone { line } else { http.close };
        let inner = blocks
            .iter()
            .find(|block| block.depth == 1 && block.start > http.start && block.close < http.close);
        let indent = inner.map_or("    ", |block| indent_at(conf, block.start));
        let lead = if alone { newline } else { &format!("{newline}{newline}") };
        let text = format!("{lead}{}", rendered(indent));
        return Ok(Edited::Inserted(splice(conf, at..at, &text)));
    }
    let top =
        |names: &[&str]| blocks.iter().any(|block| block.depth == 0 && names.contains(&block.name.as_str()));
    let fragment = top(&["server", "upstream", "map", "location"]) && !top(&["events", "stream", "mail"]);
    if !fragment && !conf.trim().is_empty() {
        let message =
            "neither a block `http` nor `server` in it, so it is no configuration to put a server into";
        return Err(ConfError { at: 0, message: message.to_owned() });
    }
    let gap = match conf {
        "" => "",
        conf if conf.ends_with('\n') => newline,
        _ => &format!("{newline}{newline}"),
    };
    Ok(Edited::Inserted(format!("{conf}{gap}{}", rendered(""))))
}

/// A block with braces.
#[derive(Clone, Debug)]
struct Block {
    /// Its first word.
    name: String,
    /// Where that begins.
    start: usize,
    /// Behind its opening brace.
    open: usize,
    /// At its closing brace.
    close: usize,
    /// How many blocks are around it.
    depth: usize,
    /// Its own directives, each with its words.
    directives: Vec<Vec<String>>,
}

impl Block {
    /// Whether nginx would take both servers for the same name on the same address.
    fn conflicts(&self, server: &Server) -> bool {
        let all = |name: &'static str| {
            self.directives.iter().filter(move |words| words.first().is_some_and(|word| word == name))
        };
        // Every address alike: `80`, `*:80` and `0.0.0.0:80` are one.
        let port = |address: &str| {
            let address = address.replace("localhost", "127.0.0.1");
            let any = ["*:", "0.0.0.0:"].iter().find_map(|any| address.strip_prefix(any));
            match any {
                Some(port) => port.to_owned(),
                None if address.contains(':') || address.chars().all(|c| c.is_ascii_digit()) => address,
                None => format!("{address}:80"),
            }
        };
        let mut listens: Vec<_> = all("listen").filter_map(|words| words.get(1)).map(|a| port(a)).collect();
        if listens.is_empty() {
            listens.push("80".to_owned());
        }
        let names: Vec<_> = all("server_name").flat_map(|words| words.iter().skip(1)).collect();
        let same = |one: &str, other: &str| {
            let (one, other) = (one.to_lowercase(), other.to_lowercase());
            let dotted = |a: &str, b: &str| a.strip_prefix('.').is_some_and(|a| a == b);
            one == other || dotted(&one, &other) || dotted(&other, &one)
        };
        let named =
            |name: &String| names.iter().any(|other| same(other, name)) || (name == "_" && names.is_empty());
        listens.contains(&port(&server.listen)) && server.names.iter().any(named)
    }
}

/// All blocks of a configuration, the outer ones first.
fn blocks(conf: &str) -> Result<Vec<Block>, ConfError> {
    let bytes = conf.as_bytes();
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut first = 0;
    let mut at = 0;
    let wrong = |at, message: &str| ConfError { at, message: message.to_owned() };
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'#' => at += conf.get(at..).and_then(|rest| rest.find('\n')).unwrap_or(conf.len() - at),
            b';' => {
                let directive = std::mem::take(&mut words);
                if let Some(block) = open.last().and_then(|i| blocks.get_mut(*i)) {
                    block.directives.push(directive);
                }
                at += 1;
            }
            b'{' => {
                let name = words.first().cloned().unwrap_or_default();
                words.clear();
                let block = Block {
                    name,
                    start: first,
                    open: at + 1,
                    close: 0,
                    depth: open.len(),
                    directives: Vec::new(),
                };
                open.push(blocks.len());
                blocks.push(block);
                at += 1;
            }
            b'}' => {
                words.clear();
                match open.pop().and_then(|i| blocks.get_mut(i)) {
                    Some(block) => block.close = at,
                    None => return Err(wrong(at, "this brace closes nothing")),
                }
                at += 1;
            }
            _ => {
                if words.is_empty() {
                    first = at;
                }
                let end = word_end(bytes, at).ok_or_else(|| wrong(at, "this quote is never closed"))?;
                words.push(conf.get(at..end).unwrap_or_default().trim_matches(['"', '\'']).to_owned());
                at = end;
            }
        }
    }
    match open.last().and_then(|i| blocks.get(*i)) {
        Some(block) => Err(wrong(block.open - 1, "this brace is never closed")),
        None => Ok(blocks),
    }
}

/// Behind a word: quoted, or up to a blank, `;` or brace; `${name}` is part of one.
fn word_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut quote = None;
    if let Some(mark @ (b'"' | b'\'')) = bytes.get(start).copied() {
        quote = Some(mark);
        at += 1;
    }
    loop {
        let byte = match bytes.get(at).copied() {
            Some(byte) => byte,
            None => return quote.is_none().then_some(at),
        };
        match (quote, byte) {
            (_, b'\\') => at += 1,
            (Some(mark), byte) if byte == mark => return Some(at + 1),
            (Some(_), _) => {}
            (None, b'$') if bytes.get(at + 1) == Some(&b'{') => {
                at += bytes.get(at..)?.iter().position(|byte| *byte == b'}')?;
            }
            (None, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b'}') => return Some(at),
            (None, _) => {}
        }
        at += 1;
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
    let start = conf.get(..begin).unwrap_or_default().rfind('\n').map_or(0, |at| at + 1);
    let end =
        if conf.get(end..).is_some_and(|rest| rest.starts_with(newline)) { end + newline.len() } else { end };
    Ok(Some(start..end))
}

fn indent_at(conf: &str, at: usize) -> &str {
    let start = conf.get(..at).unwrap_or_default().rfind('\n').map_or(0, |at| at + 1);
    let line = conf.get(start..).unwrap_or_default();
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
        }
    }

    #[test]
    fn the_server_goes_into_http_and_the_rest_stays() {
        for conf in [
            "events {}\nhttp {\n  include mime.types; # }\n  server {\n    listen 80;\n  }\n}\n",
            "events {}\r\nhttp {\r\n    log_format a '{ \"x\" }';\r\n}\r\nstream {\r\n}\r\n",
            "http{server{listen 80;server_name \"a b\";location ~ \"^/x{2}\" {}}}",
            "server {\n    listen 80;\n    server_name other;\n}",
            "",
        ] {
            let Edited::Inserted(once) = insert(conf, &server(), false).unwrap() else { panic!("{conf}") };
            let at = once.find(BEGIN).unwrap();
            let end = once.find(END).unwrap() + END.len();
            let rest = format!("{}{}", &once[..at], &once[end..]);
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(bare(&rest), bare(conf));
            assert!(blocks(&once).is_ok());
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
    }
}
