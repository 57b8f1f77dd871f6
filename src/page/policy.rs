//! Content security policies: whether one lets a script load or run and a request be sent, and how to extend it. By Content
//! Security Policy Level 3 as browsers enforce it. Knows no HTML and nothing of monitoring.

use sha2::{Digest as _, Sha256};

/// The directives that decide on script elements, the first that a policy has.
pub(super) const SCRIPTS: &[&str] = &["script-src-elem", "script-src", "default-src"];

/// Those that decide on requests.
pub(super) const REQUESTS: &[&str] = &["connect-src", "default-src"];

/// Those that decide on workers.
pub(super) const WORKERS: &[&str] = &["worker-src", "child-src", "script-src", "default-src"];

/// A policy: directives in lower case with their values. Of directives with the same name the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Policy {
    directives: Vec<(String, Vec<String>)>,
}

/// The sources that decide, and the name of the directive that has them.
pub(super) struct Sources<'p> {
    pub(super) directive: &'p str,
    pub(super) list: &'p [String],
}

impl Policy {
    /// The policies of a header's value, which commas separate.
    pub(super) fn of_header(value: &str) -> Vec<Self> {
        value.split(',').map(Self::one).filter(|policy| !policy.directives.is_empty()).collect()
    }

    /// The policy of a `<meta>` tag.
    pub(super) fn one(text: &str) -> Self {
        let directives = text.split(';').filter_map(|directive| {
            let mut words = directive.split_ascii_whitespace();
            let name = words.next()?.to_ascii_lowercase();
            Some((name, words.map(str::to_owned).collect()))
        });
        Self { directives: directives.collect() }
    }

    /// The first directive of a chain of fallbacks that the policy has; without one everything is allowed.
    pub(super) fn sources(&self, chain: &[&str]) -> Option<Sources<'_>> {
        let directives = &self.directives;
        let find = |name: &&str| directives.iter().find(|(directive, _)| directive == name);
        let (directive, list) = chain.iter().find_map(find)?;
        Some(Sources { directive, list })
    }

    /// Whether strings may not become scripts (Trusted Types).
    pub(super) fn requires_trusted_types(&self) -> bool {
        let required = self.sources(&["require-trusted-types-for"]);
        required.is_some_and(|sources| sources.has("'script'"))
    }
}

impl Sources<'_> {
    fn has(&self, keyword: &str) -> bool {
        self.list.iter().any(|source| source.eq_ignore_ascii_case(keyword))
    }

    /// Whether only nonces, hashes and what trusted scripts load count for scripts.
    pub(super) fn is_strict(&self) -> bool {
        self.has("'strict-dynamic'")
    }

    /// Whether a script with this nonce may run. Both may be expressions of a template, which is taken for the same nonce.
    pub(super) fn allows_nonce(&self, nonce: &str) -> bool {
        let nonces = self.list.iter().filter_map(|source| source.strip_prefix("'nonce-"));
        let mut nonces = nonces.map(|source| source.trim_end_matches('\''));
        let is_same = |own: &str| own == nonce || is_expression(own) || is_expression(nonce);
        !nonce.is_empty() && nonces.any(is_same)
    }

    /// Whether a script in the page itself may run without a nonce.
    pub(super) fn allows_inline(&self, text: &str) -> bool {
        let is_listed = |source: &String| source.starts_with("'nonce-") || source.starts_with("'sha");
        let is_open = self.has("'unsafe-inline'") && !self.is_strict() && !self.list.iter().any(is_listed);
        is_open || self.list.contains(&hash(text))
    }

    /// Whether an address is in the list. An address that begins with `/` is the page's own, on a host that is not known: any
    /// host in the list may be it.
    pub(super) fn allows_url(&self, url: &str) -> bool {
        self.list.iter().any(|source| if url.starts_with('/') { fits_own(source) } else { fits(source, url) })
    }

    /// Whether `blob:` addresses are allowed, which `*` does not include.
    pub(super) fn allows_blobs(&self) -> bool {
        self.has("blob:")
    }
}

/// Whether an attribute's nonce is written by a template or a server, so that nobody knows it before.
fn is_expression(nonce: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=_-".contains(c);
    !nonce.chars().all(is_base64) || nonce.contains("__") || nonce.to_ascii_lowercase().contains("nonce")
}

/// The source that allows a script of this text. Browsers normalize line breaks before they hash.
pub(super) fn hash(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())))
}

/// Base64 with padding (RFC 4648, section 4).
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * place) & 63) as usize).copied().unwrap_or(b'=');
            out.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    out
}

/// What [`base64`] wrote; nothing for other texts.
pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut out = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0, 0);
    for byte in text.trim_end_matches('=').bytes() {
        bits = (bits << 6 | digit(byte)?) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    Some(out)
}

/// Whether a source may allow an address of the page's own origin.
fn fits_own(source: &str) -> bool {
    let is_scheme = |word: &str| ["http:", "https:"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    match source {
        "*" => true,
        source if source.eq_ignore_ascii_case("'self'") || is_scheme(source) => true,
        source => !source.starts_with('\'') && !source.ends_with(':'),
    }
}

/// Whether a source allows an address with scheme and host.
fn fits(source: &str, url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if source == "*" {
        return ["http", "https", "ws", "wss", ""].contains(&scheme);
    }
    if let Some(only) = source.strip_suffix(':') {
        return is_scheme(only, scheme);
    }
    let (of_scheme, source_rest) =
        source.split_once("://").map_or((None, source), |(scheme, rest)| (Some(scheme), rest));
    let (host, path) = parts(source_rest);
    let (own_host, own_path) = parts(rest);
    !source.starts_with('\'')
        && of_scheme.is_none_or(|of| scheme.is_empty() || is_scheme(of, scheme))
        && fits_host(host, own_host, scheme)
        && fits_path(path, own_path)
}

/// An authority, and the path without a query.
fn parts(rest: &str) -> (&str, &str) {
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    (host, path.split(['?', '#']).next().unwrap_or_default())
}

fn is_scheme(source: &str, scheme: &str) -> bool {
    source.eq_ignore_ascii_case(scheme)
        || (source.eq_ignore_ascii_case("http") && scheme.eq_ignore_ascii_case("https"))
}

fn fits_host(source: &str, own: &str, scheme: &str) -> bool {
    let default = if scheme == "http" { "80" } else { "443" };
    let split = |host| str::rsplit_once(host, ':').filter(|(_, port)| !port.contains(']'));
    let (host, port) = split(source).unwrap_or((source, ""));
    let (own, own_port) = split(own).unwrap_or((own, default));
    let is_port = match port {
        "*" => true,
        "" => own_port == default,
        port => port == own_port || (port == "80" && own_port == "443"),
    };
    let is_host = match host.strip_prefix("*.") {
        Some(domain) => own.to_ascii_lowercase().ends_with(&format!(".{}", domain.to_ascii_lowercase())),
        None => host.eq_ignore_ascii_case(own),
    };
    is_port && is_host
}

fn fits_path(source: &str, own: &str) -> bool {
    source.is_empty() || source == own || (source.ends_with('/') && own.starts_with(source))
}

/// A directive and what has to be allowed in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allow {
    /// The directive to write.
    pub(crate) directive: String,
    /// The sources of the directive that has decided in its place until now, to be repeated in the new one.
    pub(crate) inherited: Option<Vec<String>>,
    /// The sources to add.
    pub(crate) sources: Vec<String>,
}

impl Allow {
    /// The new directive as a whole, or what to add to it.
    pub(crate) fn text(&self) -> String {
        let inherited = self.inherited.iter().flatten().filter(|source| !is_none(source));
        let words = inherited.chain(&self.sources).map(String::as_str).collect::<Vec<_>>();
        format!("{} {}", self.directive, words.join(" "))
    }
}

fn is_none(source: &str) -> bool {
    source.eq_ignore_ascii_case("'none'")
}

/// A policy's text with more allowed: where to insert or replace what. The other bytes stay.
pub(super) fn extended(text: &str, allow: &[Allow]) -> String {
    let mut segments: Vec<String> = text.split(';').map(str::to_owned).collect();
    let mut new = Vec::new();
    for allow in allow {
        let is_it = |segment: &&mut String| {
            let name = segment.split_ascii_whitespace().next();
            name.is_some_and(|name| name.eq_ignore_ascii_case(&allow.directive))
        };
        match segments.iter_mut().find(is_it).filter(|_| allow.inherited.is_none()) {
            Some(segment) => extend(segment, &allow.sources.join(" ")),
            None => new.push(allow.text()),
        }
    }
    let mut out = segments.join(";");
    for directive in new {
        let end = out.trim_end().len();
        let gap = if out.get(..end).is_some_and(|head| head.ends_with(';')) { " " } else { "; " };
        out.insert_str(end, &format!("{gap}{directive}"));
    }
    out
}

/// Adds sources to a directive; `'none'` allows nothing beside others and is replaced.
fn extend(segment: &mut String, sources: &str) {
    let end = segment.trim_end().len();
    let start = segment.get(..end).unwrap_or_default();
    let start = start.rfind(|c: char| c.is_ascii_whitespace()).map_or(end, |at| at + 1);
    if segment.get(start..end).is_some_and(is_none) {
        segment.replace_range(start..end, sources);
    } else {
        segment.insert_str(end, &format!(" {sources}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDK: &str = "https://static.guance.com/browser-sdk/v3/dataflux-rum.js";

    #[test]
    fn addresses_are_allowed_by_what_the_list_names() {
        for (policy, chain, url, want) in [
            ("", SCRIPTS, SDK, true),
            ("default-src 'self'", SCRIPTS, SDK, false),
            ("script-src 'self' https:", SCRIPTS, SDK, true),
            ("script-src https://static.guance.com", SCRIPTS, SDK, true),
            ("script-src *.guance.com", SCRIPTS, SDK, true),
            ("script-src https://static.guance.com/browser-sdk/", SCRIPTS, SDK, true),
            ("script-src https://static.guance.com/browser-sdk", SCRIPTS, SDK, false),
            ("script-src https://static.guance.com/other/", SCRIPTS, SDK, false),
            ("default-src *; script-src 'self'", SCRIPTS, SDK, false),
            ("script-src *; script-src-elem 'self'", SCRIPTS, SDK, false),
            ("SCRIPT-SRC *", SCRIPTS, SDK, true),
            ("script-src 'self'; script-src *", SCRIPTS, SDK, false),
            ("connect-src 'self'", REQUESTS, "http://203.0.113.7:9529", false),
            ("connect-src 203.0.113.7:9529", REQUESTS, "http://203.0.113.7:9529", true),
            ("connect-src http://203.0.113.7", REQUESTS, "http://203.0.113.7:9529", false),
            ("connect-src http://203.0.113.7:*", REQUESTS, "http://203.0.113.7:9529", true),
            ("connect-src http://rum.example", REQUESTS, "https://rum.example", true),
            ("script-src 'self'", REQUESTS, "http://203.0.113.7:9529", true),
            ("connect-src 'self'", REQUESTS, "/", true),
            ("connect-src 'none'", REQUESTS, "/", false),
            ("connect-src https://shop.example", REQUESTS, "/", true),
        ] {
            let policy = Policy::one(policy);
            let allows = policy.sources(chain).is_none_or(|sources| sources.allows_url(url));
            assert_eq!(allows, want, "{policy:?} {url}");
        }
    }

    #[test]
    fn inline_scripts_are_allowed_by_keyword_nonce_or_hash() {
        for (policy, nonce, want) in [
            ("script-src 'unsafe-inline'", "", true),
            ("default-src 'self'", "", false),
            ("script-src 'unsafe-inline' 'nonce-abc'", "", false),
            ("script-src 'unsafe-inline' 'strict-dynamic'", "", false),
            ("script-src 'nonce-abc'", "abc", true),
            ("script-src 'nonce-abc'", "abd", false),
            ("script-src 'nonce-abc'", "{{ csp_nonce }}", true),
            ("script-src 'self'", "{{ csp_nonce }}", false),
            ("script-src 'sha256-fhj3NzEbLcOy8mndeDlrA1HxT7Zu+oefdoyyMYGIPHg='", "", true),
            ("script-src 'sha256-AAAA'", "", false),
        ] {
            let policy = Policy::one(policy);
            let sources = policy.sources(SCRIPTS).unwrap();
            assert_eq!(
                sources.allows_nonce(nonce) || sources.allows_inline("a\r\nb"),
                want,
                "{policy:?} {nonce}"
            );
        }
        assert_eq!(Policy::of_header("a b, script-src 'self'; c").len(), 2);
        assert!(Policy::one("require-trusted-types-for 'script'").requires_trusted_types());
    }

    #[test]
    fn base64_is_read_back() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob\u{ff}", "Zm9vYsO/")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(unbase64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(unbase64("a b"), None);
    }

    #[test]
    fn a_policy_is_extended_and_what_it_says_stays() {
        let add = |directive: &str, inherited: Option<&str>, source: &str| Allow {
            directive: directive.to_owned(),
            inherited: inherited.map(|text| text.split(' ').map(str::to_owned).collect()),
            sources: vec![source.to_owned()],
        };
        for (text, allow, want) in [
            (
                " script-src 'self' ;\n img-src *;",
                add("script-src", None, "x"),
                " script-src 'self' x ;\n img-src *;",
            ),
            ("connect-src 'none'", add("connect-src", None, "x"), "connect-src x"),
            (
                "default-src 'self'",
                add("script-src", Some("'self'"), "x"),
                "default-src 'self'; script-src 'self' x",
            ),
            (
                "default-src 'none'; ",
                add("script-src", Some("'none'"), "x"),
                "default-src 'none'; script-src x ",
            ),
        ] {
            assert_eq!(extended(text, &[allow]), want);
        }
    }
}
