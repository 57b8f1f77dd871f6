//! `[namespace]`.

use clap::Args;
use serde::Deserialize;

use super::{Invalid, is_dns_label};
use crate::rule::NamespaceSettings;

/// `[namespace]`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table: [namespace] and its keys below it")]
pub struct NamespaceOptions {
    /// Namespace for resources that have none [default: prod]
    #[arg(
        id = "namespace",
        short = 'n',
        long,
        value_name = "NAME",
        env = "MESHOBS_NAMESPACE",
        help_heading = "Rule namespace"
    )]
    pub name: Option<String>,
    /// Treat a kind as cluster-scoped, so that it gets no namespace (repeatable)
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "KIND.GROUP",
        env = "MESHOBS_CLUSTER_SCOPED",
        help_heading = "Rule namespace"
    )]
    pub cluster_scoped: Option<Vec<String>>,
}

impl NamespaceOptions {
    pub(super) fn or(self, other: Self) -> Self {
        first_of!(self, other: name, cluster_scoped)
    }

    /// Puts the defaults in and checks every value; the second part are more cluster-scoped kinds.
    pub(crate) fn settings(self) -> Result<(NamespaceSettings, Vec<String>), Invalid> {
        let namespace =
            NamespaceSettings { name: self.name.unwrap_or_else(|| NamespaceSettings::default().name) };
        if !is_dns_label(&namespace.name) {
            return Err(format!(
                "invalid namespace `{}` (--namespace, namespace.name): lower-case letters, digits and `-`, at most 63",
                namespace.name
            ));
        }
        let cluster_scoped = self.cluster_scoped.unwrap_or_default();
        for kind in &cluster_scoped {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
            if !kind.starts_with(|c: char| c.is_ascii_alphabetic()) || !kind.chars().all(fits) {
                return Err(format!(
                    "invalid kind `{kind}` (--cluster-scoped, namespace.cluster_scoped): write KIND.GROUP, as in `Widget.example.com`"
                ));
            }
        }
        Ok((namespace, cluster_scoped))
    }
}
