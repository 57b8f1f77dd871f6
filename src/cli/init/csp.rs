//! `init rum` and the policies that a page is served with: what they block is refused, allowed on request, or told.

use anyhow::bail;
use clap::Args;

use super::from::Source;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::gate::{Text, text};
use crate::page;
use crate::page::judge::{Allow, Block, Delivery, Verdict, allowances, judge, remedies, what};
use crate::page::settings::{Monitoring, monitoring};

/// A header that only reports what it would block.
const REPORT_ONLY: &str = "content-security-policy-report-only:";

/// The header.
const HEADER: &str = "content-security-policy:";

/// Arguments about policies.
#[derive(Args, Debug, Default)]
pub(in crate::cli) struct CspArgs {
    /// Content-Security-Policy that the page is served with, judged like its own `<meta>` tags (repeatable)
    #[arg(long, value_name = "HEADER")]
    csp: Vec<String>,
    /// Extend the page's own Content-Security-Policy by what monitoring needs
    #[arg(long)]
    csp_edit: bool,
    /// Write the page even where a Content-Security-Policy blocks monitoring
    #[arg(long)]
    allow_blocked: bool,
}

/// What a policy comes to, with the message about it.
enum Weighed {
    Fine,
    Unknown(String),
    Blocked(String),
}

impl CspArgs {
    /// Whether any of the flags is given.
    pub(super) fn given(&self) -> bool {
        !self.csp.is_empty() || self.csp_edit || self.allow_blocked
    }

    /// The page as it may be written: its policies are extended if that was asked for.
    ///
    /// # Errors
    /// A policy blocks monitoring, and that is not allowed.
    pub(in crate::cli) fn admit(
        &self,
        source: &Source,
        page: Vec<u8>,
        said: &mut Vec<Text>,
    ) -> anyhow::Result<Vec<u8>> {
        let page = if self.csp_edit { extended(source, page, said) } else { page };
        let monitoring = monitoring(&page);
        let mut blocked = Vec::new();
        for (number, policy) in monitoring.policies.iter().enumerate() {
            let delivery = Delivery::Meta(policy.at);
            match self.weighed(&monitoring, &policy.text, delivery) {
                Weighed::Fine => {}
                Weighed::Unknown(message) => said.push(at_policy(source, number, message).text()),
                Weighed::Blocked(message) => blocked.push(at_policy(source, number, message)),
            }
        }
        for header in &self.csp {
            let Some(value) = value_of(header) else {
                said.push(text!("--csp: a policy that only reports blocks nothing"));
                continue;
            };
            match self.weighed(&monitoring, value, Delivery::Header) {
                Weighed::Fine => {}
                Weighed::Unknown(message) => said.push(text!("--csp: {}", message)),
                Weighed::Blocked(message) => blocked.push(Diagnostic::whole("--csp", message)),
            }
        }
        if !blocked.is_empty() && !self.allow_blocked {
            bail!(Diagnostics(blocked));
        }
        said.extend(blocked.iter().map(|diagnostic| text!("warning: {}", diagnostic.text())));
        Ok(page)
    }

    fn weighed(&self, monitoring: &Monitoring, policy: &str, delivery: Delivery) -> Weighed {
        match judge(monitoring, policy, delivery) {
            Verdict::Blocks(blocks) if blocks.is_empty() => Weighed::Fine,
            Verdict::Blocks(blocks) => Weighed::Blocked(self.message(&blocks, delivery)),
            Verdict::Unknown => {
                let message = "unknown whether this Content-Security-Policy blocks monitoring: it is written when the page is \
                               served; pass what browsers receive with --csp";
                Weighed::Unknown(message.to_owned())
            }
        }
    }

    fn message(&self, blocks: &[Block], delivery: Delivery) -> String {
        let mut message =
            format!("this Content-Security-Policy keeps browsers from {}", what(blocks).join(", "));
        let mut lines = remedies(blocks);
        if !self.allow_blocked {
            let is_editable =
                matches!(delivery, Delivery::Meta(_)) && !self.csp_edit && !allowances(blocks).is_empty();
            let edit = if is_editable { "pass --csp-edit to extend it here, or " } else { "or pass " };
            lines.push(format!("{edit}--allow-blocked to write the page all the same"));
        }
        for line in lines {
            message.push_str("\n  ");
            message.push_str(&line);
        }
        message
    }
}

/// The policy of a header, with or without its name; nothing for one that only reports.
fn value_of(header: &str) -> Option<&str> {
    let lower = header.to_ascii_lowercase();
    if lower.trim_start().starts_with(REPORT_ONLY) {
        return None;
    }
    let has_name = lower.trim_start().starts_with(HEADER);
    Some(if has_name { header.split_once(':').map_or(header, |(_, value)| value) } else { header })
}

/// A message at the page's own policy of this number.
fn at_policy(source: &Source, number: usize, message: String) -> Diagnostic {
    let text = source.text();
    let policies = monitoring(&source.bytes).policies;
    let at = policies.get(number).map_or(0, |policy| policy.at);
    let at = String::from_utf8_lossy(source.bytes.get(..at).unwrap_or_default()).len();
    Diagnostic::spot(&source.name, &text, 0, at, message)
}

/// The page with its own policies extended as far as they can be.
fn extended(source: &Source, page: Vec<u8>, said: &mut Vec<Text>) -> Vec<u8> {
    let monitoring = monitoring(&page);
    let allowed: Vec<_> = needed(&monitoring);
    if allowed.is_empty() {
        return page;
    }
    let Some(new) = page::extend_policies(&page, &allowed) else {
        said.push(text!("{}: a policy without quotes, or with entities in it, is not edited", source.name));
        return page;
    };
    for (number, allow) in &allowed {
        let by = allow.iter().map(|allow| format!("`{}`", allow.text())).collect::<Vec<_>>().join(", ");
        let spot = at_policy(source, *number, String::new()).position.unwrap_or_default();
        said.push(text!("{}:{}:{}: Content-Security-Policy extended: {}", source.name, spot.0, spot.1, by));
    }
    new
}

/// What each of the page's own policies has to allow.
fn needed(monitoring: &Monitoring) -> Vec<(usize, Vec<Allow>)> {
    let policies = monitoring.policies.iter().enumerate();
    let all = policies.filter_map(|(number, policy)| {
        match judge(monitoring, &policy.text, Delivery::Meta(policy.at)) {
            Verdict::Blocks(blocks) => Some((number, allowances(&blocks))),
            Verdict::Unknown => None,
        }
    });
    all.filter(|(_, allow)| !allow.is_empty()).collect()
}
