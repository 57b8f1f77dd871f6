//! The value of ENV_DATAWAY: addresses, their tokens, and what is a placeholder for them.
//!
//! DataKit takes URLs separated by commas, each with its token as a parameter. One that is not absolute makes it retry for
//! ever without opening its port.

use crate::address;
use crate::facts::dataway::{is_blank, is_placeholder};
use crate::secret::Token;

/// Where data goes unless told otherwise.
pub const DEFAULT: &str = "https://openway.guance.com";

/// Checks an address that was given.
///
/// # Errors
/// What is wrong with it.
pub fn check(url: &str) -> Result<(), String> {
    address::check(without_token(url))
        .map_err(|error| format!("{error}; write scheme and host, as in `{DEFAULT}`"))
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing, or words to be replaced as a whole.
    Empty,
    /// Addresses whose token is still to be filled in.
    NoToken,
    /// Addresses with their tokens.
    Filled,
    /// Something that DataKit cannot use.
    Broken,
}

/// Judges a value.
#[must_use]
pub fn state(value: &str) -> State {
    let words = value.chars().all(|c| c.is_ascii_uppercase() || "-_ ".contains(c));
    if value.trim().is_empty() || words || is_blank(value) {
        return State::Empty;
    }
    let parts = || value.split(',');
    if parts().any(|url| is_blank(without_token(url)) || address::check(without_token(url)).is_err()) {
        return State::Broken;
    }
    if parts().any(|url| token_of(url).is_none_or(is_placeholder)) { State::NoToken } else { State::Filled }
}

/// The token of one address.
#[must_use]
pub fn token_of(url: &str) -> Option<&str> {
    let (start, end) = token_span(url)?;
    url.get(start..end)
}

/// Where the value of the parameter `token` stands.
fn token_span(url: &str) -> Option<(usize, usize)> {
    let query = url.find('?')? + 1;
    let mut at = query;
    for pair in url.get(query..)?.split('&') {
        if let Some(value) = pair.strip_prefix("token=") {
            let start = at + "token=".len();
            return Some((start, start + value.split('#').next().unwrap_or("").len()));
        }
        at += pair.len() + 1;
    }
    None
}

fn without_token(url: &str) -> &str {
    match token_span(url) {
        Some((start, _)) => url.get(..start).unwrap_or(url),
        None => url,
    }
}

/// Puts a token into every address of a value, in place of the one that is there.
#[must_use]
pub fn with_token(value: &str, token: &Token) -> String {
    each(value, |_| true, token)
}

/// Puts a token into the addresses of a value that have none, or a placeholder; others may be of another workspace.
#[must_use]
pub fn with_missing_token(value: &str, token: &Token) -> String {
    each(value, |url| token_of(url).is_none_or(is_placeholder), token)
}

/// Puts a placeholder in place of every token of a value.
#[must_use]
pub fn without_tokens(value: &str, placeholder: &str) -> String {
    let one = |url: &str| match token_span(url) {
        Some((start, end)) => {
            format!("{}{placeholder}{}", url.get(..start).unwrap_or(url), url.get(end..).unwrap_or(""))
        }
        None => url.to_owned(),
    };
    value.split(',').map(one).collect::<Vec<_>>().join(",")
}

fn each(value: &str, wanted: impl Fn(&str) -> bool, token: &Token) -> String {
    let one = |url: &str| match token_span(url) {
        _ if !wanted(url) => url.to_owned(),
        Some((start, end)) => {
            let (head, tail) = (url.get(..start).unwrap_or(url), url.get(end..).unwrap_or(""));
            format!("{head}{}{tail}", token.in_url())
        }
        None => {
            let mark = if url.contains('?') { '&' } else { '?' };
            format!("{url}{mark}token={}", token.in_url())
        }
    };
    value.split(',').map(one).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "tkn_0123456789abcdef0123456789abcdef";

    #[test]
    fn placeholders_and_addresses_are_told_apart() {
        for (value, want) in [
            ("", State::Empty),
            ("<dataway_url>", State::Empty),
            ("YOUR-ENV-DATAWAY", State::Empty),
            ("https://openway.guance.com?token=<your-token>", State::NoToken),
            ("https://openway.guance.com/?token=<YOUR-WORKSPACE-TOKEN>", State::NoToken),
            ("https://openway.guance.com", State::NoToken),
            ("https://openway.guance.com?token=", State::NoToken),
            ("http://10.0.0.1:9528?a=b&token=tkn_1", State::Filled),
            ("https://a?token=tkn_1,https://b?token=tkn_2", State::Filled),
            ("https://a?token=tkn_1,https://b?token=<your-token>", State::NoToken),
            ("openway.guance.com?token=tkn_1", State::Broken),
            (" https://a?token=tkn_1", State::Broken),
            ("https://?token=tkn_1", State::Broken),
            ("https://a:0?token=tkn_1", State::Broken),
            ("https://[::1]:9528?token=tkn_1", State::Filled),
            ("ftp://a", State::Broken),
            ("https://<host>?token=x", State::Broken),
        ] {
            assert_eq!(state(value), want, "{value}");
        }
    }

    #[test]
    fn only_the_token_changes() {
        let token = Token::parse(TOKEN).unwrap();
        for (old, new) in [
            ("https://a/?token=<x>&b=c", "https://a/?token=TKN&b=c"),
            ("https://a?b=c", "https://a?b=c&token=TKN"),
            ("https://a,https://b?token=1", "https://a?token=TKN,https://b?token=TKN"),
            ("https://a?xtoken=1&token=2#f", "https://a?xtoken=1&token=TKN#f"),
        ] {
            assert_eq!(with_token(old, &token), new.replace("TKN", TOKEN));
        }
        for (old, new) in [
            (
                "https://a?token=1,https://b?token=<your-token>,https://c",
                "https://a?token=1,https://b?token=TKN,https://c?token=TKN",
            ),
            ("https://a?token=1", "https://a?token=1"),
        ] {
            assert_eq!(with_missing_token(old, &token), new.replace("TKN", TOKEN));
        }
    }
}
