//! What DataKit takes as ENV_DATAWAY: addresses separated by commas, each with its token as the parameter `token`
//! (`internal/io/dataway/{dw,token}.go`). In a container DataKit checks none of it.

use crate::address;
use crate::secret::Token;

/// The public dataways that regional ones are named after (<https://docs.guance.com/en/getting-started/necessary-for-beginners/select-site/>).
const HOSTS: [&str; 2] = ["openway.guance.com", "openway.truewatch.com"];

/// The public dataway that an address means and does not write.
fn misspelt_host(base: &str) -> Option<&'static str> {
    let rest = base.split_once("://")?.1;
    let host = rest.split(['/', ':', '#']).next()?.to_ascii_lowercase();
    HOSTS.into_iter().find(|right| strsim::damerau_levenshtein(right, &host) == 1)
}

/// What is wrong with a value. None of it has a word of the value's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing, or words to be replaced as a whole.
    Placeholder,
    /// A placeholder where the token belongs.
    TokenPlaceholder,
    /// Quotes are part of the value.
    Quoted,
    /// Blanks or line ends in front of the value, behind it, or inside of it.
    Blank,
    /// An address that is not absolute, or broken otherwise: DataKit retries for ever and never opens its port.
    Address(String),
    /// A host that is one letter off one of [`HOSTS`].
    Host(&'static str),
    /// No token; the parameter that looks as if it was meant.
    NoToken(Option<String>),
    /// A token of another shape than tokens have.
    Token(String),
}

/// The first fault of a value. With it, which of the addresses, from 1.
pub(crate) fn fault(value: &str) -> Option<(usize, Fault)> {
    let words = value.chars().all(|c| c.is_ascii_uppercase() || "-_ ".contains(c));
    if value.trim().is_empty() || words || is_blank(value) {
        return Some((1, Fault::Placeholder));
    }
    if value.trim().starts_with(['"', '\'']) || value.trim().ends_with(['"', '\'']) {
        return Some((1, Fault::Quoted));
    }
    value.split(',').enumerate().find_map(|(number, url)| Some((number + 1, of_address(url)?)))
}

fn of_address(url: &str) -> Option<Fault> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let parameters = || query.split('#').next().unwrap_or_default().split('&');
    let token = parameters().find_map(|pair| pair.strip_prefix("token="));
    if is_blank(base) {
        return Some(Fault::Placeholder);
    }
    if token.is_some_and(is_placeholder) {
        return Some(Fault::TokenPlaceholder);
    }
    if url.contains(char::is_whitespace) {
        return Some(Fault::Blank);
    }
    if let Err(what) = address::check(base) {
        return Some(Fault::Address(what.to_owned()));
    }
    if let Some(right) = misspelt_host(base) {
        return Some(Fault::Host(right));
    }
    let Some(token) = token else {
        let meant = parameters().find(|pair| !pair.is_empty()).and_then(|pair| pair.split('=').next());
        return Some(Fault::NoToken(meant.map(str::to_owned)));
    };
    Token::parse(&unescaped(token)).err().map(Fault::Token)
}

/// A text of a URL with its `%XX` resolved.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a text is one placeholder in angle brackets.
pub(crate) fn is_blank(text: &str) -> bool {
    text.starts_with('<') && text.ends_with('>')
}

/// Whether a token is one that is to be replaced.
pub(crate) fn is_placeholder(token: &str) -> bool {
    if Token::parse(token).is_ok() {
        return false;
    }
    let word = token.to_ascii_lowercase();
    word.is_empty()
        || word.contains(['<', '>', '*'])
        || word.contains("your")
        || word.chars().all(|c| c == 'x')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_told_from_the_others_and_tells_no_token() {
        const GOOD: &str = "https://openway.guance.com?token=tkn_0123456789abcdef0123456789abcdef";
        let address = |what: &str| Fault::Address(what.to_owned());
        let is = |fault: &Fault, want: &Fault| match (fault, want) {
            (Fault::Token(text), Fault::Token(part)) => text.contains(part.as_str()),
            _ => fault == want,
        };
        let token = |part: &str| Fault::Token(part.to_owned());
        for (value, number, want) in [
            (String::new(), 1, Fault::Placeholder),
            ("YOUR-ENV-DATAWAY".to_owned(), 1, Fault::Placeholder),
            ("<dataway_url>".to_owned(), 1, Fault::Placeholder),
            ("https://a?token=<YOUR-Token>".to_owned(), 1, Fault::TokenPlaceholder),
            ("https://a?token=".to_owned(), 1, Fault::TokenPlaceholder),
            (format!("\"{GOOD}\""), 1, Fault::Quoted),
            (format!(" {GOOD}"), 1, Fault::Blank),
            (format!("{GOOD}\n"), 1, Fault::Blank),
            (format!("{GOOD}, {GOOD}"), 2, Fault::Blank),
            (GOOD.replace("https://", ""), 1, address("it begins with neither http:// nor https://")),
            (GOOD.replace("?token", "?tkn"), 1, Fault::NoToken(Some("tkn".to_owned()))),
            ("https://openway.guance.com".to_owned(), 1, Fault::NoToken(None)),
            (GOOD.replace("guance.com", "guance.con"), 1, Fault::Host("openway.guance.com")),
            (GOOD.replace("guance.com", "gaunce.com:443"), 1, Fault::Host("openway.guance.com")),
            (format!("{GOOD},https://b"), 2, Fault::NoToken(None)),
            (format!("{GOOD}0"), 1, token("33 characters")),
            (GOOD.replace("tkn_", ""), 1, token("begins")),
            (GOOD.replace("tkn_", "tkn-"), 1, token("begins")),
            (GOOD.replace("tkn_", "TKN_"), 1, token("begins")),
        ] {
            let (at, found) = fault(&value).unwrap_or_else(|| panic!("{value}"));
            assert!(at == number && is(&found, &want), "{value}: {at} {found:?}");
            assert!(!format!("{found:?}").contains("0123456789abcdef"), "{found:?}");
        }
        let escaped = GOOD.replace("tkn_0", "tkn%5F0");
        let regional = GOOD.replace("openway", "us1-openway");
        for good in [regional, GOOD.to_owned(), format!("{GOOD},{GOOD}"), GOOD.replace('?', "/?"), escaped] {
            assert_eq!(fault(&good), None, "{good}");
        }
        assert_eq!(fault("http://10.0.0.1:9528?token=tokn_0123456789abcdef01234567"), None);
    }
}
