//! Tokens of DataKit: their shape, and keeping them out of what people and logs see.

use std::fmt;

/// What a token begins with, and how many characters follow (DataKit: internal/io/dataway/token.go).
const SHAPES: &[(&str, usize)] = &[("tkn_", 32), ("token_", 32), ("tokn_", 24)];

/// How a URL introduces a token of any shape.
const PARAMETER: &str = "token=";

/// The shortest run of letters and digits behind a prefix that is taken for a token.
const SHORTEST: usize = 16;

/// A token that has been checked. It shows itself to nobody but who asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(****)")
    }
}

impl Token {
    /// Checks a token's shape, which a DataKit in a container never does.
    ///
    /// # Errors
    /// What is wrong with it, without a word of it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("the token is empty".to_owned());
        }
        let wanted = "a token is `tkn_` or `token_` and 32 characters, or `tokn_` and 24";
        let odd = |c: char| !c.is_ascii_graphic() || "<>\"'\\`,".contains(c);
        if text.contains(odd) {
            return Err(format!("invalid token: there is a character in it that none has; {wanted}"));
        }
        let Some((prefix, length)) = SHAPES.iter().find(|(prefix, _)| text.starts_with(prefix)) else {
            return Err(format!("invalid token: it begins as none does; {wanted}"));
        };
        let rest = text.strip_prefix(prefix).unwrap_or_default();
        if rest.contains('_') {
            return Err(format!("invalid token: a second `_`; {wanted}"));
        }
        let count = rest.chars().count();
        if count != *length {
            return Err(format!("invalid token: {count} characters behind `{prefix}`; {wanted}"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The token as it stands in a URL.
    #[must_use]
    pub fn in_url(&self) -> String {
        let escape = |c: char| match c {
            c if c.is_ascii_alphanumeric() || "-._~".contains(c) => c.to_string(),
            c => format!("%{:02X}", u32::from(c)),
        };
        self.0.chars().map(escape).collect()
    }
}

/// Whether something in a text begins as a token does.
#[must_use]
pub fn may_hold_token(text: &str) -> bool {
    text.contains(PARAMETER) || SHAPES.iter().any(|(prefix, _)| text.contains(prefix))
}

/// The text with the secret part of every token replaced by `****`: behind a token's prefix, and whatever a URL gives
/// as its token.
#[must_use]
pub fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, shortest)) = next_secret(rest) {
        let (head, tail) = rest.split_at(at);
        let secret: usize = tail.chars().take_while(|c| is_secret(*c)).map(char::len_utf8).sum();
        out.push_str(head);
        if secret >= shortest {
            out.push_str("****");
            rest = tail.get(secret..).unwrap_or("");
        } else {
            rest = tail;
        }
    }
    out.push_str(rest);
    out
}

/// Where a secret may begin, behind what introduces it, and how long it is at least.
fn next_secret(text: &str) -> Option<(usize, usize)> {
    let behind = |mark: &str| text.find(mark).map(|at| at + mark.len());
    let shapes = SHAPES.iter().filter_map(|(prefix, _)| Some((behind(prefix)?, SHORTEST)));
    // A placeholder in `<>` is no secret; a known prefix is shown, and told by its own rule.
    let parameter = behind(PARAMETER).map(|at| {
        let tail = text.get(at..).unwrap_or("");
        let known = SHAPES.iter().find(|(prefix, _)| tail.starts_with(prefix));
        (at + known.map_or(0, |(prefix, _)| prefix.len()), 1)
    });
    shapes.chain(parameter).min()
}

fn is_secret(c: char) -> bool {
    c.is_alphanumeric() || "-.~%!*+$@:|^".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_masked_and_words_are_not() {
        let token = "0123456789abcdef0123456789abcdef";
        assert_eq!(mask(&format!("?token=tkn_{token}\" # x")), "?token=tkn_****\" # x");
        assert_eq!(mask("token_file tkn_x <your-token>"), "token_file tkn_x <your-token>");
        assert_eq!(
            mask("a?token=old-one&b # c, ?token=<your-token>"),
            "a?token=****&b # c, ?token=<your-token>"
        );
        assert_eq!(mask("?token=tkn_abc def"), "?token=tkn_**** def");
    }

    #[test]
    fn the_shape_of_a_token_is_checked_and_never_told() {
        let long = "0123456789abcdef0123456789abcdef";
        let short = "0123456789abcdef01234567";
        for good in [format!("tkn_{long}"), format!("token_{long}\n"), format!("tokn_{short}")] {
            assert!(Token::parse(&good).is_ok(), "{good}");
        }
        for bad in [
            String::new(),
            "<your-token>".to_owned(),
            long.to_owned(),
            format!("tkn_{short}"),
            format!("tokn_{long}"),
            format!("TKN_{long}"),
            format!("tkn_{}_", &long[1..]),
            format!("tkn_{} ", &long[1..]),
        ] {
            let error = Token::parse(&bad).unwrap_err();
            assert!(!error.contains("0123456789"), "{error}");
        }
        let token = Token::parse(&format!("tkn_&{}", &long[1..])).unwrap();
        assert!(token.in_url().starts_with("tkn_%26"));
        assert_eq!(format!("{token:?}"), "Token(****)");
    }
}
