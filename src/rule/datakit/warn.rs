//! What no edit is made for, and what keeps data from arriving all the same.

use super::super::Outcome;
use super::env::Env;
use super::{Collector, Datakit};
use crate::facts::Version;
use crate::facts::datakit::{
    ENV_ELECTION, ENV_LISTEN, ENV_PUBLIC_APIS, Listening, SPANS_PATH, WITHOUT_ANNOTATION, is_public,
    listening,
};

impl Datakit {
    pub(super) fn warn(&self, env: &Env<'_>, version: Option<Version>, outcome: &mut Outcome) {
        let daemon = &env.daemon;
        let doc = env.target.doc;
        let at = doc.start(daemon.container.node);
        match version {
            None => outcome.note(
                at,
                "the image's tag tells no version, so a current DataKit is assumed; pass --datakit-version",
            ),
            Some(version) if version == WITHOUT_ANNOTATION => outcome.note(
                at,
                "DataKit 1.63.0 ignores the annotation datakit/prom.instances; take 1.63.1 or later",
            ),
            Some(_) => {}
        }
        let policy = doc.str_at(daemon.template.spec, "dnsPolicy").unwrap_or_default();
        if daemon.host_network() && policy != "ClusterFirstWithHostNet" && policy != "None" {
            let place = doc.get(daemon.template.spec, "dnsPolicy").unwrap_or(daemon.template.spec);
            outcome.note(
                doc.start(place.node),
                "with hostNetwork and this dnsPolicy DataKit cannot resolve istiod's name; set dnsPolicy: \
                 ClusterFirstWithHostNet",
            );
        }
        let set_by_user =
            |name: &str| self.0.env.iter().any(|(known, value)| known == name && !value.is_empty());
        if self.0.collector != Collector::Kubernetesprometheus
            && daemon.env_text(ENV_ELECTION).is_empty()
            && !set_by_user(ENV_ELECTION)
        {
            outcome.note(at, "ENV_ENABLE_ELECTION is not set, so the DataKit of every node scrapes istiod");
        }
        let paths = daemon.env_text(ENV_PUBLIC_APIS);
        if is_public(version, &paths, SPANS_PATH) == Some(false) && !paths.contains(SPANS_PATH) {
            outcome.note(
                at,
                "ENV_HTTP_PUBLIC_APIS lacks /api/v2/spans, so this DataKit refuses the sidecars' spans; add it",
            );
        }
        let listen = daemon.env_text(ENV_LISTEN);
        if !listen.is_empty() && matches!(listening(&listen), Listening::Loopback(_)) {
            outcome.note(
                at,
                format!("ENV_HTTP_LISTEN is `{listen}`, which no sidecar reaches; set 0.0.0.0:9529"),
            );
        }
    }
}
