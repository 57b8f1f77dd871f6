//! Whether content security policies let a page's browser monitoring load, run and send, and what they would have to allow.
//!
//! That replay starts a worker from a `blob:` address is so in the SDKs that datakit-js is derived from.

pub(crate) use super::policy::Allow;
use super::policy::{self, Policy, REQUESTS, SCRIPTS, Sources, WORKERS};
use super::settings::{Monitoring, Run, Value};

/// How a policy comes to a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// As a header of the answer.
    Header,
    /// In a `<meta>` tag at an offset: scripts in front of it are not held by it.
    Meta(usize),
}

/// What of monitoring a policy blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// What browsers are kept from, as in `loading https://…`.
    pub(crate) what: String,
    /// The way out.
    pub(crate) remedy: Remedy,
}

/// What lets through what is blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// To be allowed by the policy.
    Allow(Allow),
    /// What to do with the page instead, where the policy has no word for it.
    Page(&'static str),
}

/// What comes of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A template or a server writes it.
    Unknown,
    /// What it blocks; nothing where all is allowed.
    Blocks(Vec<Block>),
}

/// Judges a policy: a header's value, or that of a `<meta>` tag.
pub(crate) fn judge(monitoring: &Monitoring, text: &str, delivery: Delivery) -> Verdict {
    if is_written_later(text) {
        return Verdict::Unknown;
    }
    let policies = match delivery {
        Delivery::Header => Policy::of_header(text),
        Delivery::Meta(_) => vec![Policy::one(text)],
    };
    let holds = |run: &&Run| !matches!(delivery, Delivery::Meta(at) if run.at < at);
    let mut found = Vec::new();
    for policy in &policies {
        found.extend(load(policy, monitoring, monitoring.loader.as_ref().filter(holds)));
        found.extend(inline(policy, monitoring, holds));
        found.extend(send(policy, monitoring));
        found.extend(record(policy, monitoring));
    }
    Verdict::Blocks(found)
}

/// Whether an expression of a template stands in it, other than that of a nonce.
fn is_written_later(text: &str) -> bool {
    const BEGINS: &[&str] = &["{{", "{%", "<%", "<?", "${", "#{", "@("];
    let is_nonce = |at: usize| text.get(..at).is_some_and(|head| head.ends_with("'nonce-"));
    text.starts_with('@') || BEGINS.iter().any(|begin| text.match_indices(begin).any(|(at, _)| !is_nonce(at)))
}

fn block(what: String, sources: &Sources<'_>, chain: &[&str], source: String) -> Block {
    let own = chain.first().copied().unwrap_or_default();
    // Script elements are decided by the directive that all know.
    let own = if own == "script-src-elem" { "script-src" } else { own };
    let is_own = sources.directive == own || sources.directive == "script-src-elem";
    let directive = if is_own { sources.directive } else { own };
    let inherited = (!is_own).then(|| sources.list.to_vec());
    let allow = Allow { directive: directive.to_owned(), inherited, sources: vec![source] };
    Block { what, remedy: Remedy::Allow(allow) }
}

/// The element that loads the SDK.
fn load(policy: &Policy, monitoring: &Monitoring, loader: Option<&Run>) -> Option<Block> {
    let loader = loader?;
    let sdk = &monitoring.sdk;
    let what = format!("loading {sdk}");
    let is_created = !loader.text.is_empty();
    if is_created && policy.requires_trusted_types() {
        let way = "load the SDK without --async; Trusted Types let no script set the address of another";
        return Some(Block { what, remedy: Remedy::Page(way) });
    }
    let sources = policy.sources(SCRIPTS)?;
    let hands_on = !is_created || loader.text.contains(".nonce");
    let is_trusted = if is_created { sources.is_strict() } else { false };
    if is_trusted || (hands_on && sources.allows_nonce(&loader.nonce)) {
        return None;
    }
    if sources.is_strict() {
        let way = "with 'strict-dynamic' no address counts; give the scripts the page's nonce, or load the SDK with --async";
        return Some(Block { what, remedy: Remedy::Page(way) });
    }
    (!sources.allows_url(sdk)).then(|| block(what, &sources, SCRIPTS, source_of(sdk)))
}

/// The scripts that stand in the page itself.
fn inline(policy: &Policy, monitoring: &Monitoring, holds: impl Fn(&&Run) -> bool) -> Vec<Block> {
    let Some(sources) = policy.sources(SCRIPTS) else { return Vec::new() };
    let starter = monitoring.starter.as_ref();
    let other = |loader: &&Run| starter.is_none_or(|starter| starter.at != loader.at);
    let runs = [monitoring.loader.as_ref().filter(other), starter].into_iter().flatten();
    let is_blocked = |run: &&Run| {
        !run.text.is_empty() && !sources.allows_nonce(&run.nonce) && !sources.allows_inline(&run.text)
    };
    let what = "running scripts of the page itself, DATAFLUX_RUM.init among them";
    let blocked = runs.filter(|run| holds(run)).filter(is_blocked);
    blocked.map(|run| block(what.to_owned(), &sources, SCRIPTS, policy::hash(&run.text))).collect()
}

/// The data.
fn send(policy: &Policy, monitoring: &Monitoring) -> Option<Block> {
    let target = target(monitoring)?;
    let sources = policy.sources(REQUESTS)?;
    let url = format!("{}/v1/write/rum", target.trim_end_matches('/'));
    (!sources.allows_url(&url))
        .then(|| block(format!("sending to {target}"), &sources, REQUESTS, source_of(&target)))
}

/// Where the page sends its data; `/` is its own origin.
fn target(monitoring: &Monitoring) -> Option<String> {
    let init = monitoring.init.as_ref()?;
    match init.get("datakitOrigin").or_else(|| init.get("datakitUrl")).or_else(|| init.get("site"))? {
        Value::Text(text) if text.starts_with('/') || text.contains("://") => Some(text.clone()),
        Value::Expression(text) if text.ends_with("location.origin") => Some("/".to_owned()),
        _ => None,
    }
}

/// The worker that replay starts.
fn record(policy: &Policy, monitoring: &Monitoring) -> Option<Block> {
    let starter = monitoring.starter.as_ref()?;
    if !starter.text.contains("startSessionReplayRecording") {
        return None;
    }
    let what = "starting the worker that records sessions".to_owned();
    if policy.requires_trusted_types() {
        let way = "leave out --replay; Trusted Types keep the SDK from starting its worker";
        return Some(Block { what, remedy: Remedy::Page(way) });
    }
    let sources = policy.sources(WORKERS)?;
    let is_script = matches!(sources.directive, "script-src" | "default-src");
    let is_allowed = sources.allows_blobs() || (is_script && sources.is_strict());
    (!is_allowed).then(|| block(what, &sources, WORKERS, "blob:".to_owned()))
}

/// The source that allows an address: its origin, or the page's own.
fn source_of(url: &str) -> String {
    if url.starts_with('/') && !url.starts_with("//") {
        return "'self'".to_owned();
    }
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

/// What browsers are kept from, each once.
pub(crate) fn what(blocks: &[Block]) -> Vec<&str> {
    let mut what: Vec<&str> = blocks.iter().map(|block| block.what.as_str()).collect();
    what.dedup();
    what
}

/// What to do, as sentences without a stop: with the page, and with each directive.
pub(crate) fn remedies(blocks: &[Block]) -> Vec<String> {
    let ways = blocks.iter().filter_map(|block| match block.remedy {
        Remedy::Page(way) => Some(way.to_owned()),
        Remedy::Allow(_) => None,
    });
    let advice = |allow: Allow| match allow.inherited {
        Some(_) => format!("add the directive `{}`", allow.text()),
        None => format!("add {} to {}", allow.sources.join(" "), allow.directive),
    };
    ways.chain(allowances(blocks).into_iter().map(advice)).collect()
}

/// What a policy would have to allow, directive by directive; what only the page can mend is left out.
pub(crate) fn allowances(blocks: &[Block]) -> Vec<Allow> {
    let mut all: Vec<Allow> = Vec::new();
    for block in blocks {
        let Remedy::Allow(allow) = &block.remedy else { continue };
        match all.iter_mut().find(|known| known.directive == allow.directive) {
            Some(known) => {
                let sources = allow.sources.iter().filter(|source| !known.sources.contains(source));
                let new: Vec<_> = sources.cloned().collect();
                known.sources.extend(new);
            }
            None => all.push(allow.clone()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::settings::monitoring;
    use super::*;

    const SYNC: &str = "<script src=\"https://s.example/v3/dataflux-rum.js\"></script><script>DATAFLUX_RUM.init({datakitOrigin: \
                        \"http://dk:9529\"})</script>";
    const ASYNC: &str = "<script>var sdk = document.createElement(\"script\"); sdk.src = \"https://s.example/dataflux-rum.js\"; \
                         DATAFLUX_RUM.onReady(function () { DATAFLUX_RUM.init({datakitOrigin: window.location.origin}); \
                         DATAFLUX_RUM.startSessionReplayRecording() })</script>";

    /// What a header blocks, each as its directive and source, or the way out.
    fn blocks(page: &str, policy: &str) -> Vec<String> {
        match judge(&monitoring(page.as_bytes()), policy, Delivery::Header) {
            Verdict::Unknown => vec!["unknown".to_owned()],
            Verdict::Blocks(blocks) => blocks
                .into_iter()
                .map(|block| match block.remedy {
                    Remedy::Allow(allow) => {
                        let source = allow.sources.join(" ");
                        let source = if source.starts_with("'sha256-") { "HASH" } else { &source };
                        format!("{} {source}", allow.directive)
                    }
                    Remedy::Page(way) => way.split(';').next().unwrap().to_owned(),
                })
                .collect(),
        }
    }

    #[test]
    fn what_a_policy_blocks_is_named_with_what_it_has_to_allow() {
        let nonced = SYNC.replace("<script", "<script nonce='abc'");
        for (page, policy, want) in [
            (SYNC, "img-src 'self'", vec![]),
            (
                SYNC,
                "default-src 'self'",
                vec!["script-src https://s.example", "script-src HASH", "connect-src http://dk:9529"],
            ),
            (SYNC, "script-src-elem https:", vec!["script-src-elem HASH"]),
            (SYNC, "script-src https: 'unsafe-inline'; connect-src *", vec![]),
            (
                SYNC,
                "script-src *, script-src 'unsafe-inline'",
                vec!["script-src HASH", "script-src https://s.example"],
            ),
            (&nonced, "script-src 'nonce-abc' 'strict-dynamic'", vec![]),
            (&nonced, "script-src 'nonce-xyz'", vec!["script-src https://s.example", "script-src HASH"]),
            (
                SYNC,
                "script-src 'nonce-abc' 'strict-dynamic'",
                vec!["with 'strict-dynamic' no address counts", "script-src HASH"],
            ),
            (SYNC, "require-trusted-types-for 'script'", vec![]),
            (ASYNC, "script-src 'strict-dynamic'", vec!["script-src HASH"]),
            (ASYNC, "default-src 'self' 'unsafe-inline' https:", vec!["worker-src blob:"]),
            (
                ASYNC,
                "require-trusted-types-for 'script'",
                vec!["load the SDK without --async", "leave out --replay"],
            ),
            (SYNC, "script-src {{ sources }}", vec!["unknown"]),
            (
                SYNC,
                "script-src 'nonce-{{ n }}'; connect-src *",
                vec!["script-src https://s.example", "script-src HASH"],
            ),
        ] {
            assert_eq!(blocks(page, policy), want, "{policy}");
        }
    }

    #[test]
    fn scripts_in_front_of_a_meta_policy_run_and_may_not_send() {
        let found = monitoring(SYNC.as_bytes());
        let Verdict::Blocks(blocks) = judge(&found, "default-src 'self'", Delivery::Meta(usize::MAX)) else {
            panic!()
        };
        assert_eq!(blocks.len(), 1);
        assert_eq!(blocks[0].what, "sending to http://dk:9529");
    }
}
