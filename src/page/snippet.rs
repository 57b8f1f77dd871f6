//! The snippet that starts browser monitoring, as text. Facts about the SDK are from datakit-js 3.2.
//!
//! Values are escaped so that they can end neither the string, nor the script, nor start anything of a template language's
//! (`{{`, `{%`, `<%`, `<?`, `@`, `${`, `[[`): outside of letters, digits and a few marks every character is written as `\uXXXX`.

use std::fmt::Write as _;

/// In front of the snippet.
pub const BEGIN: &str = "<!-- meshobs:rum -->";

/// Behind it.
pub const END: &str = "<!-- /meshobs:rum -->";

/// Where the SDK is loaded from unless told otherwise.
pub const SDK: &str = "https://static.guance.com/browser-sdk/v3/dataflux-rum.js";

/// Where the page sends its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A DataKit: its origin, or `/` for the page's own.
    Datakit(String),
    /// The public dataway.
    Public {
        /// Its site.
        site: String,
        /// The client token that goes into the page.
        client_token: String,
    },
}

/// Settings of the snippet.
#[derive(Clone, Debug, PartialEq)]
pub struct Snippet {
    /// The application's id.
    pub app_id: String,
    /// Where data goes.
    pub target: Target,
    /// The environment.
    pub env: Option<String>,
    /// The service.
    pub service: Option<String>,
    /// The application's version.
    pub version: Option<String>,
    /// Headers that carry traces; Envoy's are `zipkin`.
    pub trace_type: String,
    /// Addresses whose requests carry them; none means the page's own origin.
    pub tracing_urls: Vec<String>,
    /// Where the SDK is loaded from.
    pub sdk: String,
    /// Whether the page does not wait for it.
    pub is_async: bool,
    /// Share of sessions to watch, in percent.
    pub sample_rate: f64,
    /// Whether sessions are recorded.
    pub replay: bool,
}

impl Snippet {
    /// The snippet with its marks, on lines that begin with `indent` and end in `newline`, the last one without. `nonce` is the
    /// attribute that its scripts carry, as the page's own do; `records` are comments that stand below the first mark.
    #[must_use]
    pub fn render(&self, indent: &str, newline: &str, nonce: &str, records: &[String]) -> String {
        let mut lines = vec![BEGIN.to_owned()];
        lines.extend_from_slice(records);
        let nonce = if nonce.is_empty() { String::new() } else { format!(" {nonce}") };
        if self.is_async {
            self.load_later(&nonce, &mut lines);
        } else {
            lines.push(format!("<script src=\"{}\"{nonce}></script>", attribute(&self.sdk)));
            lines.push(format!("<script{nonce}>"));
            lines.push("  if (window.DATAFLUX_RUM) {".to_owned());
            self.init("    ", &mut lines);
            lines.push("  }".to_owned());
            lines.push("</script>".to_owned());
        }
        lines.push(END.to_owned());
        lines.join(&format!("{newline}{indent}"))
    }

    /// A stand-in that keeps what is to be done until the SDK has come.
    fn load_later(&self, nonce: &str, lines: &mut Vec<String>) {
        lines.push(format!("<script{nonce}>"));
        lines.push("  (function (page) {".to_owned());
        lines.push("    var waiting = [];".to_owned());
        lines.push("    var later = function (run) { waiting.push(run); };".to_owned());
        lines.push(
            "    window.DATAFLUX_RUM = window.DATAFLUX_RUM || { q: waiting, onReady: later };".to_owned(),
        );
        lines.push("    var sdk = page.createElement(\"script\");".to_owned());
        lines.push("    sdk.async = true;".to_owned());
        if !nonce.is_empty() {
            lines.push("    sdk.nonce = page.currentScript.nonce;".to_owned());
        }
        lines.push(format!("    sdk.src = {};", string(&self.sdk)));
        lines.push("    page.head.appendChild(sdk);".to_owned());
        lines.push("  })(document);".to_owned());
        lines.push("  window.DATAFLUX_RUM.onReady(function () {".to_owned());
        self.init("    ", lines);
        lines.push("  });".to_owned());
        lines.push("</script>".to_owned());
    }

    fn init(&self, indent: &str, lines: &mut Vec<String>) {
        lines.push(format!("{indent}window.DATAFLUX_RUM.init({{"));
        let mut key = |name: &str, value: String| lines.push(format!("{indent}  {name}: {value},"));
        key("applicationId", string(&self.app_id));
        match &self.target {
            Target::Datakit(origin) if origin == "/" => {
                key("datakitOrigin", "window.location.origin".to_owned())
            }
            Target::Datakit(origin) => key("datakitOrigin", string(origin)),
            Target::Public { site, client_token } => {
                key("site", string(site));
                key("clientToken", string(client_token));
            }
        }
        for (name, value) in [("env", &self.env), ("service", &self.service), ("version", &self.version)] {
            if let Some(value) = value {
                key(name, string(value));
            }
        }
        key("sessionSampleRate", self.sample_rate.to_string());
        if self.replay {
            key("sessionReplaySampleRate", "100".to_owned());
        }
        key("trackUserInteractions", "true".to_owned());
        key("traceType", string(&self.trace_type));
        let urls = match self.tracing_urls.as_slice() {
            [] => "window.location.origin".to_owned(),
            urls => urls.iter().map(|url| string(url)).collect::<Vec<_>>().join(", "),
        };
        key("allowedTracingUrls", format!("[{urls}]"));
        lines.push(format!("{indent}}});"));
        if self.replay {
            lines.push(format!("{indent}window.DATAFLUX_RUM.startSessionReplayRecording();"));
        }
    }
}

/// Lines of a snippet that do not depend on its settings.
const FIXED: &[&str] = &[
    BEGIN,
    END,
    "if (window.DATAFLUX_RUM) {",
    "window.DATAFLUX_RUM.init({",
    "window.DATAFLUX_RUM.startSessionReplayRecording();",
    "});",
    "}",
    "</script>",
    "(function (page) {",
    "var waiting = [];",
    "var later = function (run) { waiting.push(run); };",
    "window.DATAFLUX_RUM = window.DATAFLUX_RUM || { q: waiting, onReady: later };",
    "var sdk = page.createElement(\"script\");",
    "sdk.async = true;",
    "sdk.nonce = page.currentScript.nonce;",
    "page.head.appendChild(sdk);",
    "})(document);",
    "window.DATAFLUX_RUM.onReady(function () {",
];

/// The settings that a snippet may have.
const KEYS: &[&str] = &[
    "applicationId",
    "datakitOrigin",
    "site",
    "clientToken",
    "env",
    "service",
    "version",
    "sessionSampleRate",
    "sessionReplaySampleRate",
    "trackUserInteractions",
    "traceType",
    "allowedTracingUrls",
];

/// Whether a line may have been written by [`Snippet::render`], with whatever values.
pub(super) fn is_own_line(line: &str) -> bool {
    let line = line.trim();
    let is_setting = || {
        let (key, value) = line.split_once(": ")?;
        let inner = value.strip_suffix(',')?;
        let is_value = inner == "window.location.origin"
            || inner == "true"
            || inner.parse::<f64>().is_ok()
            || inner.starts_with('[')
            || is_string(inner);
        Some(KEYS.contains(&key) && is_value)
    };
    let is_address =
        || line.strip_prefix("sdk.src = ").and_then(|rest| rest.strip_suffix(';')).is_some_and(is_string);
    FIXED.contains(&line)
        || line.starts_with("<!-- meshobs:csp ")
        || (line.starts_with("<script src=\"") && line.ends_with("></script>"))
        || line == "<script>"
        || (line.starts_with("<script ") && line.ends_with('>') && line.contains("nonce="))
        || is_address()
        || is_setting() == Some(true)
}

fn is_string(text: &str) -> bool {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.contains(['"', '\'', '<', '{']))
}

/// A string of JavaScript.
fn string(text: &str) -> String {
    let mut out = String::from("\"");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        // Thymeleaf begins an expression with `[[` or `[(`.
        let opens = c == '[' && matches!(chars.peek(), Some('[' | '('));
        if c.is_ascii_alphanumeric() || " -._~:/?!*()+,;=[]|".contains(c) && !opens {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out.push('"');
    out
}

/// The value of an attribute between double quotes; an address, so braces can be written as `%7B`.
fn attribute(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '{' => out.push_str("%7B"),
            '}' => out.push_str("%7D"),
            '@' => out.push_str("%40"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_value_ends_the_string_the_script_or_starts_jinja() {
        let text = "a\"'\\</script>{{ 1 }}{% x %}<!--\u{2028}\n&é😀`${}@x<?[[y]][(z)]";
        let escaped = string(text);
        let inner = escaped.trim_matches('"');
        for bad in ["\"", "'", "<", ">", "{", "}", "%", "&", "`", "$", "@", "[[", "[(", "\n", "\u{2028}", "é"]
        {
            assert!(!inner.contains(bad), "{bad}: {escaped}");
        }
        let read: String = serde_json::from_str(&escaped).unwrap();
        assert_eq!(read, text);
        assert_eq!(attribute("http://a/{{x}}?\"&<"), "http://a/%7B%7Bx%7D%7D?&quot;&amp;%3C");
    }
}
