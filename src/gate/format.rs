//! Foreign text inside of other formats: each is escaped so that the format stays what it is, and unsafe characters
//! are visible where the format cannot carry them.

use std::borrow::Cow;

use super::escape::{is_unsafe, replace, visible};
use super::{escape, mask};

/// Whether a character means the same in every markup and needs no escape.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || " -_./:,()+=@…✖".contains(c)
}

/// A foreign text on one line: unsafe characters visible, tokens masked, no command to a CI runner.
fn harmless(text: &str) -> String {
    escape::defuse(replace_all(&mask(text), visible))
}

/// A label of Mermaid, for between double quotes: `#N;` is its escape. Whatever could be a directive, HTML or Markdown
/// is escaped.
pub(crate) fn mermaid(text: &str) -> String {
    let text = harmless(text);
    let escape = |c: char| (!is_plain(c)).then(|| Cow::Owned(format!("#{};", u32::from(c))));
    replace_all(&text, escape)
}

/// A label of Graphviz, for between double quotes. It knows escapes with `\` and entities of HTML.
pub(crate) fn dot(text: &str) -> String {
    let text = harmless(text);
    replace_all(&text, |c| match c {
        '\\' => Some(Cow::Borrowed("\\\\")),
        '"' => Some(Cow::Borrowed("\\\"")),
        '&' => Some(Cow::Borrowed("&amp;")),
        _ => None,
    })
}

/// Text or an attribute's value in HTML.
pub(crate) fn html(text: &str) -> String {
    let text = harmless(text);
    replace_all(&text, |c| match c {
        '&' => Some(Cow::Borrowed("&amp;")),
        '<' => Some(Cow::Borrowed("&lt;")),
        '>' => Some(Cow::Borrowed("&gt;")),
        '"' => Some(Cow::Borrowed("&quot;")),
        '\'' => Some(Cow::Borrowed("&#39;")),
        _ => None,
    })
}

/// The message of an annotation of GitHub's: line breaks stay line breaks.
pub(crate) fn annotation_data(text: &str) -> String {
    let text = mask(text);
    escape::defuse(replace_all(&text, |c| match c {
        '%' => Some(Cow::Borrowed("%25")),
        '\n' => Some(Cow::Borrowed("%0A")),
        '\r' => Some(Cow::Borrowed("%0D")),
        c => visible(c),
    }))
}

/// A property of an annotation of GitHub's, such as its file.
pub(crate) fn annotation_property(text: &str) -> String {
    annotation_data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A path as a URI reference.
pub(crate) fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in mask(path).bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The name of a file in a diff: quoted as git quotes it where it has unsafe characters; `git apply` and `patch` read
/// that.
pub(crate) fn diff_name(name: &str) -> Cow<'_, str> {
    if !name.contains(|c| is_unsafe(c) || c == '"' || c == '\\') {
        return Cow::Borrowed(name);
    }
    let mut out = String::from("\"");
    for c in name.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_unsafe(c) => octal(&mut out, c),
            c => out.push(c),
        }
    }
    out.push('"');
    Cow::Owned(out)
}

/// Adds a character as octal escapes of its bytes.
pub(super) fn octal(out: &mut String, c: char) {
    let mut bytes = [0; 4];
    for byte in c.encode_utf8(&mut bytes).bytes() {
        out.push_str(&format!("\\{byte:03o}"));
    }
}

/// JSON with unsafe characters escaped: it is printed to terminals too, and its data stay the same. Tokens are masked.
pub(crate) fn json(json: &str) -> Cow<'_, str> {
    let escape = |c: char| {
        // Between the values there are only line breaks, which `serde_json` escapes inside of them.
        let unsafe_in_json = c != '\n' && is_unsafe(c);
        unsafe_in_json.then(|| {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            Cow::Owned(units.map(|unit| format!("\\u{unit:04x}")).collect::<String>())
        })
    };
    let json = match mask(json) {
        Cow::Borrowed(json) => replace(json, escape),
        Cow::Owned(json) => Cow::Owned(replace(&json, escape).into_owned()),
    };
    // The commands of CI runners begin with `##`, which can only be inside of a string.
    if json.contains("##") { Cow::Owned(json.replace("##", "\\u0023#")) } else { json }
}

fn replace_all(text: &str, by: impl Fn(char) -> Option<Cow<'static, str>>) -> String {
    escape::replace(text, by).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_keeps_its_marks() {
        let text = "a\"b<c>&'\\n%%{init}`#\n\u{202e}";
        assert_eq!(
            mermaid(text),
            "a#34;b#60;c#62;#38;#39;#92;n#37;#37;#123;init#125;#96;#35;#92;n#92;u#123;202e#125;"
        );
        assert_eq!(dot(text), "a\\\"b<c>&amp;'\\\\n%%{init}`#\\\\n\\\\u{202e}");
        assert_eq!(html(text), "a&quot;b&lt;c&gt;&amp;&#39;\\n%%{init}`#\\n\\u{202e}");
        assert_eq!(annotation_property("a:b,c%\r\n\u{9b}"), "a%3Ab%2Cc%25%0D%0A\\u{9b}");
        assert_eq!(uri("a b/ü%.yaml"), "a%20b/%C3%BC%25.yaml");
    }

    #[test]
    fn json_keeps_its_data() {
        let value = serde_json::json!({"a\u{202e}": "\u{9b}\u{7f}\u{2028}\u{e0041}##[error]\n\u{1b}é"});
        for text in [value.to_string(), format!("{value:#}")] {
            let escaped = json(&text);
            assert!(!escaped.contains(|c| c != '\n' && is_unsafe(c)) && !escaped.contains("##"), "{escaped}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
        }
    }
}
