//! Whether the page that the gateway serves has browser monitoring in it, as its users get it.

use super::{PAGE, Row};
use crate::page::judge::{self, Delivery, judge, remedies};
use crate::page::settings::{Monitoring, monitoring};

/// Judges a page by its status, body and the policy in its headers. `address` is what was asked.
pub(crate) fn row(address: &str, answer: &Result<(u16, String, Option<String>), String>) -> Row {
    let (status, body, policy) = match answer {
        Ok(answer) => answer,
        Err(why) => return Row::unknown(PAGE, format!("{address}: {why}"), ""),
    };
    let hint = "name a page that your users open: --url http://HOST/PATH";
    if !(200..300).contains(status) {
        return Row::unknown(PAGE, format!("GET {address} was answered with {status}"), hint);
    }
    let found = monitoring(body.as_bytes());
    if !found.loads {
        let message = format!("the page at {address} ({} bytes) does not load the SDK", body.len());
        let hint = "see whether this is the page with the snippet, and its pods are newer than it: `meshobs check --only-section RUM`";
        return Row::failed(PAGE, message, hint);
    }
    let own = found.policies.iter().map(|policy| (policy.text.as_str(), Delivery::Meta(policy.at)));
    for (policy, delivery) in own.chain(policy.as_deref().map(|policy| (policy, Delivery::Header))) {
        if let judge::Verdict::Blocks(blocks) = judge(&found, policy, delivery)
            && !blocks.is_empty()
        {
            let what = judge::what(&blocks).join(", ");
            let message = format!("the Content-Security-Policy of {address} keeps browsers from {what}");
            return Row::failed(PAGE, message, remedies(&blocks).join("; "));
        }
    }
    Row::fine(PAGE, format!("the page at {address} loads the SDK{}", settings(&found)))
}

fn settings(found: &Monitoring) -> String {
    let text = |key: &str| found.init.as_ref().and_then(|init| init.text(key));
    let part = |key: &str| text(key).map(|value| format!(", {key} {value}")).unwrap_or_default();
    format!("{}{}", part("applicationId"), part("datakitOrigin"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict;

    const PAGE_TEXT: &str = "<html><head><script src=\"https://static.guance.com/browser-sdk/v3/dataflux-rum.js\"></script>\
        <script>window.DATAFLUX_RUM && window.DATAFLUX_RUM.init({applicationId: 'shop', datakitOrigin: 'http://203.0.113.7:9529'})</script>\
        </head></html>";

    #[test]
    fn a_page_is_judged_as_it_is_served() {
        let judged = |status, body: &str, policy: Option<&str>| {
            let row = row("http://gw/", &Ok((status, body.to_owned(), policy.map(str::to_owned))));
            (row.verdict, row.message)
        };
        let (verdict, text) = judged(200, PAGE_TEXT, None);
        assert!(
            verdict == Verdict::Fine
                && text.ends_with("applicationId shop, datakitOrigin http://203.0.113.7:9529"),
            "{text}"
        );
        assert_eq!(judged(200, "<html></html>", None).0, Verdict::Failed);
        assert_eq!(judged(200, PAGE_TEXT, Some("script-src 'self'")).0, Verdict::Failed);
        assert_eq!(judged(404, PAGE_TEXT, None).0, Verdict::Unknown);
        assert_eq!(row("x", &Err("no".to_owned())).verdict, Verdict::Unknown);
    }
}
