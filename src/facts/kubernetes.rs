//! Facts about Kubernetes: the names that its controllers give to what they make, and limits of its objects.

/// The API group of admission policies and webhooks.
pub(crate) const ADMISSION_GROUP: &str = "admissionregistration.k8s.io";

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
