//! Facts about Kubernetes: versions of its admission policies, the names that its controllers give to what they make, and
//! limits of its objects.

use super::Version;

/// The API group of admission policies and webhooks.
pub(crate) const ADMISSION_GROUP: &str = "admissionregistration.k8s.io";

/// The API group of Kyverno's policies in CEL.
pub(crate) const KYVERNO_GROUP: &str = "policies.kyverno.io";

/// Label of every namespace: its name. The API server sets it from 1.21 on.
pub(crate) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Label that the Deployment controller gives to its ReplicaSets and their pods; the ReplicaSet's name ends in its value.
pub(crate) const TEMPLATE_HASH: &str = "pod-template-hash";

/// The same of an Argo Rollout (`rollouts` of Argo, `DefaultRolloutUniqueLabelKey`).
pub(crate) const ROLLOUT_HASH: &str = "rollouts-pod-template-hash";

/// Label of the pods of an OpenShift DeploymentConfig, whose ReplicationControllers are called `NAME-NUMBER`.
pub(crate) const DEPLOYMENT_CONFIG: &str = "deploymentconfig";

/// How the name of a CronJob's Job ends: minutes since 1970 (`pkg/controller/cronjob/utils.go`, `getJobName`), here of the
/// years 2017 to 2065, so that a date such as `20261124` is none.
pub(crate) const CRON_SUFFIX: &str = "-(2[5-9]|[34][0-9])[0-9]{6}$";

/// The most that a ConfigMap holds, in bytes (`pkg/apis/core/validation`, `MaxSecretSize`).
pub(crate) const CONFIG_MAP_SIZE: usize = 1 << 20;

/// The longest key of a ConfigMap, in bytes.
pub(crate) const CONFIG_MAP_KEY: usize = 253;

/// The most that an expression of CEL holds, in characters (`cel-go/parser`, `defaultExpressionSizeCodePointLimit`).
pub(crate) const CEL_SIZE: usize = 100_000;

/// A kind of admission policy, and the versions of it, the newest first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PolicyKind {
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) versions: &'static [Served],
}

/// A version of an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) since: Version,
    pub(crate) version: &'static str,
    /// Whether an API server serves it without being told to.
    pub(crate) by_default: bool,
}

const fn served(minor: u32, version: &'static str, by_default: bool) -> Served {
    Served { since: Version::new(1, minor, 0), version, by_default }
}

/// Policies that change objects (KEP 3962). The gate is called as the kind.
pub(crate) const MUTATING_POLICY: PolicyKind = PolicyKind {
    kind: "MutatingAdmissionPolicy",
    plural: "mutatingadmissionpolicies",
    versions: &[served(36, "v1", true), served(34, "v1beta1", false), served(32, "v1alpha1", false)],
};

/// Policies that warn and refuse (KEP 3488). The gate is called as the kind.
pub(crate) const VALIDATING_POLICY: PolicyKind = PolicyKind {
    kind: "ValidatingAdmissionPolicy",
    plural: "validatingadmissionpolicies",
    versions: &[served(30, "v1", true), served(28, "v1beta1", false)],
};
