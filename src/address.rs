//! Addresses that people type: absolute, http or https, with a host and a port that can be one.

/// Checks an absolute address; a path and a query may follow.
///
/// # Errors
/// What is wrong with it.
pub fn check(url: &str) -> Result<(), &'static str> {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        return Err("it begins with neither http:// nor https://");
    };
    let odd = |c: char| !c.is_ascii_graphic() || "<>\"'`\\,{}|^".contains(c);
    if rest.contains(odd) {
        return Err("there is a character in it that no address has");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    if authority.contains('@') {
        return Err("there is a user name in it");
    }
    let (host_fits, port) = match authority.strip_prefix('[') {
        Some(v6) => match v6.split_once(']') {
            Some((host, tail)) => (
                host.parse::<std::net::Ipv6Addr>().is_ok() && (tail.is_empty() || tail.starts_with(':')),
                tail.strip_prefix(':'),
            ),
            None => (false, None),
        },
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (is_host(host), Some(port)),
            None => (is_host(authority), None),
        },
    };
    if !host_fits {
        return Err("it has no host");
    }
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return Err("its port is none");
    }
    Ok(())
}

/// Checks an origin: scheme, host and port, and nothing behind them.
///
/// # Errors
/// What is wrong with it.
pub fn check_origin(url: &str) -> Result<(), &'static str> {
    check(url)?;
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    if rest.contains(['/', '?', '#']) { Err("there is something behind its host and port") } else { Ok(()) }
}

/// Whether a text is a host's name or IPv4 address.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        for good in ["http://a", "https://a.b:1/x?y", "http://[::1]:80", "http://10.0.0.1:9529"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "a",
            "ftp://a",
            "http://",
            "http://a:0",
            "http://a:b",
            "http://a b",
            "http://u@a",
            "http://[x]",
            "http://[::1]x",
            "http://a..b",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check_origin("http://a:1").is_ok() && check_origin("http://a:1/").is_err());
    }
}
