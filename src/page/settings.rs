//! What a page says to the SDK: the settings of `DATAFLUX_RUM.init({…})`, read as far as a reader that runs no JavaScript can.

use super::place::MetaPolicy;
use super::{Outline, Script};

/// What a page has of browser monitoring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Monitoring {
    /// Whether it loads the SDK.
    pub(crate) loads: bool,
    /// Where the SDK is loaded from.
    pub(crate) sdk: String,
    /// The call of `init`, where there is one.
    pub(crate) init: Option<Init>,
    /// Whether the call runs before the SDK is there.
    pub(crate) is_early: bool,
    /// Another file that may hold the call.
    pub(crate) elsewhere: Option<String>,
    /// Policies of the page (`<meta http-equiv="Content-Security-Policy">`).
    pub(crate) policies: Vec<MetaPolicy>,
    /// The script that is the SDK, or that creates the element for it.
    pub(super) loader: Option<Run>,
    /// The script that calls `init`.
    pub(super) starter: Option<Run>,
}

/// A script, as far as a content security policy looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) at: usize,
    /// The value of its nonce, as it is written.
    pub(super) nonce: String,
    /// Its text; empty where it is loaded.
    pub(super) text: String,
}

impl Run {
    fn of(script: &Script) -> Self {
        let nonce = script.nonce.split_once('=').map_or("", |(_, value)| value);
        let nonce = nonce.trim_matches(['"', '\'']).to_owned();
        Self { at: script.at, nonce, text: script.text.clone() }
    }
}

/// The settings of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Init {
    pub(crate) settings: Vec<(String, Value)>,
    /// The key in front of which a comma is missing.
    pub(crate) no_comma_before: Option<String>,
    /// Whether the settings have no end, or no `)` behind it.
    pub(crate) is_open: bool,
    /// Whether the settings are made elsewhere.
    pub(crate) is_opaque: bool,
}

/// A value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    /// A number, as it is written.
    Number(String),
    /// A list, and whether it is empty.
    List(bool),
    /// What only a browser knows.
    Expression(String),
}

impl Init {
    /// Whether its settings are in the page, and a browser runs them.
    pub(crate) fn is_read(&self) -> bool {
        !self.is_open && !self.is_opaque && self.no_comma_before.is_none()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.settings.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text of a setting; nothing where it has none, or an expression.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// What lets a script wait for another one.
const WAITING: &[&str] = &["onReady", "addEventListener", "onload", "setTimeout", "setInterval", "import("];

/// Reads a page.
pub(crate) fn monitoring(page: &[u8]) -> Monitoring {
    let outline = Outline::read(page);
    let mut found = Monitoring { policies: outline.policies(page), ..Monitoring::default() };
    let mut is_ready = false;
    for script in outline.scripts(page) {
        let before = found.init.is_some();
        let address = if script.src.is_empty() { &script.text } else { &script.src };
        if let Some(at) = address.find("dataflux-rum") {
            found.loads = true;
            is_ready = !script.is_late;
            let head = address.get(..at).unwrap_or_default();
            let start = head.rfind(['"', '\'']).map_or(0, |at| at + 1);
            let tail = address.get(start..).unwrap_or_default();
            let end = tail.find(['"', '\'', ' ', '>']).unwrap_or(tail.len());
            found.sdk = tail.get(..end).unwrap_or_default().to_owned();
            found.loader = Some(Run::of(&script));
        } else if script.src.to_lowercase().contains("rum") {
            let end = script.src.find(['"', '\'', ' ', '>']).unwrap_or(script.src.len());
            found.elsewhere = script.src.get(..end).map(str::to_owned);
        }
        if found.init.is_none() {
            found.init = init(&script.text);
            found.starter = found.init.as_ref().map(|_| Run::of(&script));
        }
        let waits = || WAITING.iter().any(|word| script.text.contains(word));
        if found.init.is_some() && !before && !is_ready && !waits() {
            found.is_early = true;
        }
    }
    found.is_early &= found.loads;
    found
}

/// The first call of `init` in a script.
fn init(script: &str) -> Option<Init> {
    let (_, tail) = script.split_once("DATAFLUX_RUM")?;
    let (_, tail) = tail.split_once(".init(")?;
    match tail.trim_start().strip_prefix('{') {
        Some(tail) => Some(Reader { chars: tail.chars().collect(), at: 0 }.object()),
        None => Some(Init { is_opaque: true, ..Init::default() }),
    }
}

/// Reads an object literal, with any nesting skipped.
struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn is_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(number, c)| self.chars.get(self.at + number) == Some(&c))
    }

    fn skip_blank(&mut self) {
        loop {
            if self.peek().is_some_and(char::is_whitespace) {
                self.at += 1;
            } else if self.is_at("//") {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
            } else if self.is_at("/*") {
                self.at += 2;
                while self.peek().is_some() && !self.is_at("*/") {
                    self.at += 1;
                }
                self.at += 2;
            } else {
                return;
            }
        }
    }

    fn object(mut self) -> Init {
        let mut init = Init::default();
        let mut needs_comma = false;
        loop {
            self.skip_blank();
            match self.peek() {
                None => {
                    init.is_open = true;
                    return init;
                }
                Some('}') => {
                    self.at += 1;
                    self.skip_blank();
                    init.is_open = !self.peek().is_some_and(|c| c == ')' || c == ',');
                    return init;
                }
                Some(',') => {
                    self.at += 1;
                    needs_comma = false;
                    continue;
                }
                _ => {}
            }
            let key = self.key();
            self.skip_blank();
            if key.is_empty() || self.peek() != Some(':') {
                // Nothing that this reads: shorthand, spread, or the end of a broken value.
                if key.is_empty() {
                    self.at += 1;
                }
                continue;
            }
            self.at += 1;
            if needs_comma && init.no_comma_before.is_none() {
                init.no_comma_before = Some(key.clone());
            }
            let value = self.value();
            init.settings.push((key, value));
            needs_comma = true;
        }
    }

    fn key(&mut self) -> String {
        if let Some(quote) = self.peek().filter(|c| matches!(c, '"' | '\'')) {
            return self.string(quote);
        }
        let mut key = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '$')) {
            key.push(c);
            self.at += 1;
        }
        key
    }

    fn string(&mut self, quote: char) -> String {
        self.at += 1;
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                c if c == quote => break,
                '\\' => text.push(self.escaped()),
                c => text.push(c),
            }
        }
        text
    }

    fn escaped(&mut self) -> char {
        let c = self.peek().unwrap_or('\\');
        self.at += 1;
        if c != 'u' {
            return c;
        }
        let digits: String = self.chars.get(self.at..self.at + 4).unwrap_or_default().iter().collect();
        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
        self.at += code.map_or(0, |_| 4);
        code.unwrap_or(c)
    }

    fn value(&mut self) -> Value {
        self.skip_blank();
        if let Some(quote) = self.peek().filter(|c| matches!(c, '"' | '\'' | '`')) {
            let text = self.string(quote);
            self.skip_blank();
            if self.peek().is_none_or(|c| !"+.?|&".contains(c)) {
                return Value::Text(text);
            }
            let rest = self.expression();
            return Value::Expression(format!("{text}{rest}"));
        }
        let text = self.expression();
        if let Some(inner) = text.strip_prefix('[') {
            return Value::List(inner.trim_end_matches(']').trim().is_empty());
        }
        if text.parse::<f64>().is_ok() { Value::Number(text) } else { Value::Expression(text) }
    }

    /// Everything up to a comma or the end of the object, or a line break behind which another key stands.
    fn expression(&mut self) -> String {
        let (start, mut depth) = (self.at, 0_usize);
        while let Some(c) = self.peek() {
            match c {
                '"' | '\'' | '`' => {
                    self.string(c);
                    continue;
                }
                '[' | '(' | '{' => depth += 1,
                ']' | ')' | '}' if depth > 0 => depth -= 1,
                '}' | ',' if depth == 0 => break,
                '\n' if depth == 0 && self.begins_key() => break,
                _ => {}
            }
            self.at += 1;
        }
        let text: String = self.chars.get(start..self.at).unwrap_or_default().iter().collect();
        text.trim().to_owned()
    }

    /// Whether a key and its colon stand behind a line break.
    fn begins_key(&self) -> bool {
        // A key is near, or there is none.
        const NEAR: usize = 200;
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let mut rest = rest.iter().take(NEAR).skip_while(|c| c.is_whitespace()).peekable();
        let mut any = false;
        while rest.next_if(|c| c.is_alphanumeric() || **c == '_').is_some() {
            any = true;
        }
        any && rest.find(|c| !c.is_whitespace()) == Some(&':')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(init: &str) -> Monitoring {
        monitoring(
            format!(
                "<head><script src=\"https://s/v3/dataflux-rum.js\"></script><script>{init}</script></head>"
            )
            .as_bytes(),
        )
    }

    #[test]
    fn settings_are_read_with_their_kinds() {
        let found = page(
            "window.DATAFLUX_RUM && window.DATAFLUX_RUM.init({ // c\n applicationId: 'a\\u0062', \"datakitOrigin\": \
             window.location.origin, /* : */ sessionSampleRate: 100, allowedTracingUrls: [/x,y/, 'b'], tags: {a: 1, b: 2},\n \
             traceType: \"zipkin\",\n})",
        );
        assert!(found.loads && found.sdk == "https://s/v3/dataflux-rum.js");
        let init = found.init.unwrap();
        assert_eq!(init.no_comma_before, None);
        assert_eq!(init.text("applicationId"), Some("ab"));
        assert_eq!(init.get("datakitOrigin"), Some(&Value::Expression("window.location.origin".to_owned())));
        assert_eq!(init.get("sessionSampleRate"), Some(&Value::Number("100".to_owned())));
        assert_eq!(init.get("allowedTracingUrls"), Some(&Value::List(false)));
        assert_eq!(init.text("traceType"), Some("zipkin"));
        assert_eq!(init.get("env"), None);
    }

    #[test]
    fn a_missing_comma_is_found() {
        for (text, want) in [
            ("applicationId: 'a',\n datakitOrigin: 'b'\n env: 'c'", Some("env")),
            ("applicationId: 'a' // c,\n datakitOrigin: 'b'", Some("datakitOrigin")),
            ("sessionSampleRate: 100\n env: 'c'", Some("env")),
            ("applicationId: 'a' + b,\n env: 'c'", None),
            ("a: x ? 'b' : 'c', env: 'd'", None),
        ] {
            let init = page(&format!("DATAFLUX_RUM.init({{{text}}})")).init.unwrap();
            assert_eq!(init.no_comma_before.as_deref(), want, "{text}");
        }
    }

    #[test]
    fn pages_without_it_and_policies_are_read() {
        assert_eq!(monitoring(b"<head></head>"), Monitoring::default());
        let found = monitoring(
            b"<head><meta content=\"default-src 'self'; script-src https:\" http-equiv='Content-Security-Policy'></head>",
        );
        assert_eq!(found.policies[0].text, "default-src 'self'; script-src https:");
        let found = page("DATAFLUX_RUM.onReady(function () { DATAFLUX_RUM.init({ applicationId: 'a' }) })");
        assert_eq!(found.init.unwrap().text("applicationId"), Some("a"));
        let unclosed = page("DATAFLUX_RUM.init({ a: [[[(");
        assert_eq!(unclosed.init.unwrap().settings.len(), 1);
    }
}
