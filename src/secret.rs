//! Keeps DataKit tokens out of what people and logs see.

/// What a token begins with.
const PREFIXES: &[&str] = &["tkn_", "token_", "tokn_"];

/// The shortest run of letters and digits behind a prefix that is taken for a token.
const SHORTEST: usize = 16;

/// Whether something in a text begins as a token does.
#[must_use]
pub fn may_hold_token(text: &str) -> bool {
    PREFIXES.iter().any(|prefix| text.contains(prefix))
}

/// The text with the secret part of every token replaced by `****`.
#[must_use]
pub fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let found = PREFIXES.iter().filter_map(|prefix| rest.find(prefix).map(|at| at + prefix.len())).min();
        let Some(at) = found else {
            out.push_str(rest);
            return out;
        };
        let (head, tail) = rest.split_at(at);
        let secret = tail.bytes().take_while(u8::is_ascii_alphanumeric).count();
        out.push_str(head);
        if secret >= SHORTEST {
            out.push_str("****");
            rest = tail.get(secret..).unwrap_or("");
        } else {
            rest = tail;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn tokens_are_masked_and_words_are_not() {
        let token = "0123456789abcdef0123456789abcdef";
        assert_eq!(mask(&format!("?token=tkn_{token}\" # x")), "?token=tkn_****\" # x");
        assert_eq!(mask("token_file tkn_x <your-token>"), "token_file tkn_x <your-token>");
    }
}
