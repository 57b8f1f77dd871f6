//! The `proxy_pass` of a location that is there, led to the ingress gateway: the guide's own step. What it was stays in a comment
//! above, by which [`restore`] brings it back; every other byte stays.

use super::conf::{Block, Conf, Directive};
use super::{ConfError, Edited, indent_at, line_start};

/// In front of what the directive was.
const WAS: &str = "# meshobs: before: ";

/// Behind a line that was added.
const ADDED: &str = " # meshobs";

/// A server, and a location of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name of the server.
    pub name: String,
    /// The port that it listens on, where several servers have the name.
    pub port: Option<u16>,
    /// The location, as it is written behind its modifier.
    pub location: String,
}

impl Target {
    /// Reads `SERVER[:PORT][/LOCATION]`.
    ///
    /// # Errors
    /// It names no server, or no port.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let at = text.find('/').unwrap_or(text.len());
        let (server, location) = text.split_at(at);
        let (name, port) = match server.split_once(':') {
            Some((name, port)) => (name, Some(port.parse().map_err(|_| "the port is no number")?)),
            None => (server, None),
        };
        if name.is_empty() {
            return Err("it names no server");
        }
        let location = if location.is_empty() { "/" } else { location };
        Ok(Self { name: name.to_owned(), port, location: location.to_owned() })
    }
}

/// What was missing beside the directive, or could not be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirected {
    /// What came of it.
    pub edited: Edited,
    /// What to look at.
    pub notes: Vec<String>,
}

/// Leads a location to the ingress gateway.
///
/// # Errors
/// There is no such server or location, there are several, or its `proxy_pass` cannot be edited.
pub fn redirect(text: &str, target: &Target, upstream: &str) -> Result<Redirected, ConfError> {
    let conf = Conf::read(text)?;
    let location = location(&conf, target)?;
    let mut passes = location.all("proxy_pass");
    let Some(pass) = passes.next() else {
        let message = "this location passes nothing on (no proxy_pass), so there is no address to change";
        return Err(wrong(location.start, message));
    };
    let value = pass.words.get(1).ok_or_else(|| wrong(pass.span.start, "this proxy_pass has no address"))?;
    if value.text.contains('$') {
        return Err(wrong(
            value.span.start,
            "this address is made of variables; change what they are set to",
        ));
    }
    let mut notes = notes(&conf, location);
    let new = format!("{upstream}{}", path_of(&value.text));
    if value.text == new {
        return Ok(Redirected { edited: Edited::Same, notes });
    }
    let line = line_of(text, pass)?;
    let added = added(&conf, location, upstream, &mut notes);
    // Where files mix line breaks, that of this line.
    let newline = if text.get(line..).is_some_and(|rest| rest.starts_with("\r\n")) { "\r\n" } else { "\n" };
    let indent = indent_at(text, pass.span.start);
    let was = text.get(pass.span.clone()).unwrap_or_default();
    let head = text.get(..pass.span.start).unwrap_or_default();
    let rest = text.get(pass.span.end..line).unwrap_or_default();
    let tail = text.get(line..).unwrap_or_default();
    let mut out = head.to_owned();
    // Led before: what it was then is what counts.
    let start = line_start(text, pass.span.start);
    let above = text.get(..start).and_then(|head| head.lines().next_back());
    if !above.is_some_and(|above| above.trim_start().starts_with(WAS)) {
        out.push_str(&format!("{WAS}{was}{newline}{indent}"));
    }
    out.push_str(&format!("proxy_pass {new};{rest}"));
    for directive in added {
        out.push_str(&format!("{newline}{indent}{directive}{ADDED}"));
    }
    out.push_str(tail);
    Ok(Redirected { edited: Edited::Replaced(out), notes })
}

/// Brings back all locations that were led elsewhere.
///
/// # Errors
/// A comment of ours is there, and the directive below it is not.
pub fn restore(text: &str) -> Result<Edited, ConfError> {
    Conf::read(text)?;
    let mut out = String::with_capacity(text.len());
    let mut was: Option<&str> = None;
    let mut in_added = false;
    let mut any = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if let Some(old) = was.take() {
            let end = line.find(';').filter(|_| bare.starts_with("proxy_pass "));
            let end = end.ok_or_else(|| {
                wrong(at, "the proxy_pass of the comment above is not here; mend that first")
            })?;
            let indent = line.len() - line.trim_start().len();
            out.push_str(line.get(..indent).unwrap_or_default());
            out.push_str(old);
            out.push_str(line.get(end + 1..).unwrap_or_default());
            (in_added, any) = (true, true);
        } else if let Some(old) = bare.strip_prefix(WAS) {
            was = Some(old);
        } else if !(in_added && bare.ends_with(&format!(";{ADDED}"))) {
            in_added = false;
            out.push_str(line);
        }
        at += line.len();
    }
    match was {
        Some(_) => Err(wrong(text.len(), "the proxy_pass of the comment above is not here; mend that first")),
        None if any => Ok(Edited::Removed(out)),
        None => Ok(Edited::Nothing),
    }
}

fn wrong(at: usize, message: impl Into<String>) -> ConfError {
    ConfError { at, message: message.into() }
}

/// The location of a target.
fn location<'c>(conf: &'c Conf, target: &Target) -> Result<&'c Block, ConfError> {
    let is_named = |block: &&Block| {
        let names = block.names().any(|name| name.eq_ignore_ascii_case(&target.name));
        block.is("server") && (names || (target.name == "_" && block.names().next().is_none()))
    };
    let is_port = |block: &&Block| {
        let listens =
            || block.all("listen").map(|listen| listen.arg(1).rsplit(':').next().unwrap_or_default());
        let is = |port: u16| {
            listens().any(|own| own == port.to_string()) || (port == 80 && listens().next().is_none())
        };
        target.port.is_none_or(is)
    };
    let servers: Vec<_> =
        conf.blocks.iter().enumerate().filter(|(_, block)| is_named(block) && is_port(block)).collect();
    let Some((_, first)) = servers.first() else {
        let port = target.port.map_or_else(String::new, |port| format!(" on port {port}"));
        let mut names: Vec<&str> =
            conf.blocks.iter().filter(|block| block.is("server")).flat_map(Block::names).collect();
        names.dedup();
        let known = if names.is_empty() { String::new() } else { format!("; it has {}", names.join(", ")) };
        return Err(wrong(0, format!("no server `{}`{port} in this file{known}", target.name)));
    };
    let is_location = |block: &&Block| {
        let path = block.words.last().is_some_and(|path| *path == target.location);
        let parent =
            block.parents.last().is_some_and(|parent| servers.iter().any(|(number, _)| number == parent));
        block.is("location") && path && parent
    };
    let mut found = conf.blocks.iter().filter(is_location);
    let missing = || {
        format!("this server has no location `{}`; name one that is here behind its name", target.location)
    };
    let location = found.next().ok_or_else(|| wrong(first.start, missing()))?;
    match found.next() {
        None => Ok(location),
        Some(other) => {
            let message =
                "a second location fits; give the port of the server, as in --into NAME:443/LOCATION";
            Err(wrong(other.start, message))
        }
    }
}

/// The path that replaces the location's in what is passed on.
fn path_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
}

/// The end of the directive's line, which has to hold nothing else but a comment.
fn line_of(text: &str, directive: &Directive) -> Result<usize, ConfError> {
    let span = &directive.span;
    let before = text.get(line_start(text, span.start)..span.start).unwrap_or_default();
    let rest = text.get(span.end..).unwrap_or_default();
    let end = rest.find('\n').unwrap_or(rest.len());
    let behind = rest.get(..end).unwrap_or_default();
    let is_one = !text.get(span.clone()).unwrap_or_default().contains('\n');
    let is_alone =
        before.trim().is_empty() && (behind.trim().is_empty() || behind.trim_start().starts_with('#'));
    if !is_one || !is_alone || end == rest.len() {
        return Err(wrong(
            span.start,
            "this proxy_pass is not alone on its line; write it on a line of its own first",
        ));
    }
    Ok(span.end + behind.strip_suffix('\r').unwrap_or(behind).len())
}

/// The header names that are set for a location: its own, or those of the nearest block around it that sets any.
fn headers<'c>(conf: &'c Conf, location: &'c Block) -> (bool, Vec<&'c str>) {
    for (depth, block) in conf.around(location).enumerate() {
        let names: Vec<_> = block.all("proxy_set_header").map(|header| header.arg(1)).collect();
        if !names.is_empty() {
            return (depth == 0, names);
        }
    }
    (true, Vec::new())
}

/// What Envoy needs beside the address: HTTP/1.1, and the name that was asked for.
fn added(conf: &Conf, location: &Block, upstream: &str, notes: &mut Vec<String>) -> Vec<&'static str> {
    let mut added = Vec::new();
    let has = |name: &str| conf.around(location).any(|block| block.all(name).next().is_some());
    if !has("proxy_http_version") {
        added.push("proxy_http_version 1.1;");
    }
    if upstream.starts_with("https://") && !has("proxy_ssl_server_name") {
        added.push("proxy_ssl_server_name on;");
    }
    let (are_own, names) = headers(conf, location);
    let has_host = names.iter().any(|name| name.eq_ignore_ascii_case("host"));
    match (has_host, are_own) {
        (true, _) => {}
        (false, true) => added.push("proxy_set_header Host $http_host;"),
        (false, false) => notes.push(
            "the gateway is not told the Host that was asked for: one more proxy_set_header here would drop those of the blocks \
             around; add `proxy_set_header Host $http_host;` to them"
                .to_owned(),
        ),
    }
    added
}

/// What keeps requests from the mesh although they are led there.
fn notes(conf: &Conf, location: &Block) -> Vec<String> {
    let version = conf.around(location).find_map(|block| block.all("proxy_http_version").next());
    let old = version.filter(|version| version.arg(1) == "1.0");
    let note =
        |_: &Directive| "proxy_http_version is 1.0, which Envoy answers with 426; write 1.1".to_owned();
    old.map(note).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(conf: &str, target: &str) -> Result<Redirected, ConfError> {
        redirect(conf, &Target::parse(target).unwrap(), "http://10.0.0.1:31380")
    }

    #[test]
    fn the_address_is_changed_in_the_files_own_way_and_comes_back() {
        for (conf, target, want) in [
            (
                "http {\n\tserver {\n\t\tserver_name a b;\n\t\tlocation / {\n\t\t\tproxy_pass   http://127.0.0.1:9080; # old\n\t\t}\n\t}\n}\n",
                "b",
                "\t\t\t# meshobs: before: proxy_pass   http://127.0.0.1:9080;\n\t\t\tproxy_pass http://10.0.0.1:31380; # old\n\t\t\t\
                 proxy_http_version 1.1; # meshobs\n\t\t\tproxy_set_header Host $http_host; # meshobs\n",
            ),
            (
                "server {\r\n  proxy_http_version 1.1;\r\n  location ^~ /app/ {\r\n    proxy_set_header Host x;\r\n    proxy_pass \"http://a/app/\";\r\n  }\r\n}\r\n",
                "_:80/app/",
                "    # meshobs: before: proxy_pass \"http://a/app/\";\r\n    proxy_pass http://10.0.0.1:31380/app/;\r\n  }",
            ),
        ] {
            let Redirected { edited: Edited::Replaced(new), notes } = led(conf, target).unwrap() else {
                panic!("{conf}")
            };
            assert!(new.contains(want) && notes.is_empty(), "{new}");
            assert_eq!(led(&new, target).unwrap().edited, Edited::Same);
            assert_eq!(restore(&new), Ok(Edited::Removed(conf.to_owned())));
            let again = redirect(&new, &Target::parse(target).unwrap(), "https://gateway.example").unwrap();
            let Edited::Replaced(again) = again.edited else { panic!("{new}") };
            assert!(again.contains("proxy_pass https://gateway.example"), "{again}");
            assert_eq!(restore(&again), Ok(Edited::Removed(conf.to_owned())), "{again}");
            assert_eq!(restore(conf), Ok(Edited::Nothing));
        }
    }

    #[test]
    fn what_cannot_be_led_is_told() {
        let told = |conf: &str, target: &str| led(conf, target).unwrap_err().message;
        let two = "server { server_name a; listen 80; location / { return 301 x; } }\nserver { server_name a; listen 443 ssl;\n location / {\n proxy_pass http://x;\n }\n}\n";
        assert!(told(two, "b").contains("it has a"));
        assert!(told(two, "a").contains("a second location fits"));
        assert!(told(two, "a:80").contains("no proxy_pass"));
        assert!(told(two, "a:443/b").contains("no location `/b`"));
        assert!(led(two, "a:443").is_ok());
        assert!(told("server {\nlocation / { proxy_pass http://x; }\n}\n", "_").contains("line of its own"));
        assert!(told("server {\nlocation / {\nproxy_pass http://$x;\n}\n}\n", "_").contains("variables"));
        let inherits =
            "http {\n proxy_set_header X y;\n server {\n location / {\n proxy_pass http://x;\n }\n }\n}\n";
        let led = led(inherits, "_").unwrap();
        assert!(led.notes[0].contains("would drop"), "{:?}", led.notes);
        assert!(restore("# meshobs: before: proxy_pass http://x;\nserver { }\n").is_err());
        assert!(Target::parse(":80").is_err() && Target::parse("a:x/").is_err());
    }
}
