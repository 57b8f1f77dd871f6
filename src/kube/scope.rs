//! Which kinds live in a namespace and which belong to the whole cluster, by group and kind.

use std::collections::{HashMap, HashSet};

use crate::yaml::{At, Document};

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster as a whole.
    Cluster,
}

/// Every kind in the group.
const ANY: &str = "*";

/// Cluster-scoped kinds by group: those of Kubernetes 1.20 to 1.36, old Istio, Gateway API, and of add-ons that are
/// met in real bundles.
const CLUSTER_SCOPED: &[(&str, &[&str])] = &[
    ("", &["Namespace", "Node", "PersistentVolume", "ComponentStatus"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding"]),
    (
        "admissionregistration.k8s.io",
        &[
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
        ],
    ),
    (
        "storage.k8s.io",
        &["StorageClass", "VolumeAttachment", "CSIDriver", "CSINode", "VolumeAttributesClass"],
    ),
    ("networking.k8s.io", &["IngressClass", "ClusterCIDR", "IPAddress", "ServiceCIDR"]),
    ("certificates.k8s.io", &["CertificateSigningRequest", "ClusterTrustBundle"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("policy", &["PodSecurityPolicy"]),
    ("extensions", &["PodSecurityPolicy"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    (
        "resource.k8s.io",
        &["ResourceClass", "ResourceSlice", "DeviceClass", "DeviceTaintRule", "ResourcePoolStatusRequest"],
    ),
    ("storagemigration.k8s.io", &["StorageVersionMigration"]),
    ("internal.apiserver.k8s.io", &["StorageVersion"]),
    ("authentication.k8s.io", &["TokenReview", "SelfSubjectReview"]),
    ("authorization.k8s.io", &["SubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview"]),
    ("imagepolicy.k8s.io", &["ImageReview"]),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("metrics.k8s.io", &["NodeMetrics"]),
    ("authentication.istio.io", &["MeshPolicy"]),
    ("rbac.istio.io", &["ClusterRbacConfig"]),
    ("gateway.networking.k8s.io", &["GatewayClass"]),
    ("networking.x-k8s.io", &["GatewayClass"]),
    ("gateway.networking.x-k8s.io", &["XMesh"]),
    ("cert-manager.io", &["ClusterIssuer"]),
    ("certmanager.k8s.io", &["ClusterIssuer"]),
    ("templates.gatekeeper.sh", &["ConstraintTemplate"]),
    ("constraints.gatekeeper.sh", &[ANY]),
    ("mutations.gatekeeper.sh", &["Assign", "AssignMetadata", "AssignImage", "ModifySet"]),
    ("externaldata.gatekeeper.sh", &["Provider"]),
    ("expansion.gatekeeper.sh", &["ExpansionTemplate"]),
    ("argoproj.io", &["ClusterWorkflowTemplate", "ClusterAnalysisTemplate"]),
    ("metacontroller.k8s.io", &["CompositeController", "DecoratorController"]),
    ("authentication.concierge.pinniped.dev", &["JWTAuthenticator", "WebhookAuthenticator"]),
    ("config.concierge.pinniped.dev", &["CredentialIssuer"]),
    ("networking.internal.knative.dev", &["ClusterDomainClaim"]),
    ("kpack.io", &["ClusterBuilder", "ClusterBuildpack", "ClusterLifecycle", "ClusterStack", "ClusterStore"]),
    ("spire.spiffe.io", &["ClusterSPIFFEID", "ClusterFederatedTrustDomain", "ClusterStaticEntry"]),
    ("kyverno.io", &["ClusterPolicy", "ClusterCleanupPolicy"]),
    ("cilium.io", &["CiliumClusterwideNetworkPolicy", "CiliumNode"]),
    ("crd.projectcalico.org", &["GlobalNetworkPolicy", "GlobalNetworkSet", "IPPool", "Tier"]),
    ("projectcalico.org", &["GlobalNetworkPolicy", "GlobalNetworkSet", "IPPool", "Tier"]),
    ("external-secrets.io", &["ClusterSecretStore", "ClusterExternalSecret"]),
    ("keda.sh", &["ClusterTriggerAuthentication"]),
    ("tekton.dev", &["ClusterTask"]),
    ("karpenter.sh", &["NodePool", "NodeClaim"]),
    ("karpenter.k8s.aws", &["EC2NodeClass"]),
    ("pkg.crossplane.io", &["Provider", "Configuration", "Function"]),
    ("apiextensions.crossplane.io", &["Composition", "CompositeResourceDefinition"]),
    ("snapshot.storage.k8s.io", &["VolumeSnapshotClass", "VolumeSnapshotContent"]),
    ("project.openshift.io", &["Project", "ProjectRequest"]),
    ("security.openshift.io", &["SecurityContextConstraints"]),
    ("config.openshift.io", &["ClusterVersion", "ClusterOperator"]),
];

/// What is known of scopes in this run.
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    /// Named by the user.
    added: HashSet<(String, String)>,
    /// Told by CRDs in the input.
    learned: HashMap<(String, String), Scope>,
    /// What kinds that a CRD could define were taken for, as long as none was seen.
    assumed: HashMap<(String, String), Scope>,
}

impl Scopes {
    /// Starts from the kinds that the user calls cluster-scoped, as `KIND.GROUP` (`KIND` for the core group).
    #[must_use]
    pub fn new(cluster_scoped: &[String]) -> Self {
        let added = cluster_scoped.iter().map(|name| {
            let (kind, group) = name.split_once('.').unwrap_or((name, ""));
            (group.to_owned(), kind.to_lowercase())
        });
        Self { added: added.collect(), ..Self::default() }
    }

    /// The scope of a kind: what the user says, then what CRDs in the input say, then what is known of it; kinds
    /// that nobody knows are namespaced.
    pub fn of(&mut self, group: &str, kind: &str) -> Scope {
        if !self.added.is_empty() && self.added.contains(&(group.to_owned(), kind.to_lowercase())) {
            return Scope::Cluster;
        }
        if !self.learned.is_empty()
            && let Some(scope) = self.learned.get(&(group.to_owned(), kind.to_owned()))
        {
            return *scope;
        }
        let known = CLUSTER_SCOPED.iter().find(|(name, _)| *name == group);
        let cluster = known.is_some_and(|(_, kinds)| kinds.iter().any(|k| *k == kind || *k == ANY));
        let scope = if cluster { Scope::Cluster } else { Scope::Namespaced };
        if group.contains('.') {
            self.assumed.insert((group.to_owned(), kind.to_owned()), scope);
        }
        scope
    }

    /// Learns from a CustomResourceDefinition.
    pub fn learn(&mut self, doc: &Document<'_>, crd: At) {
        let (Some(scope), Some(group), Some(kind)) = (
            doc.path(crd, &["spec", "scope"]),
            doc.path(crd, &["spec", "group"]),
            doc.path(crd, &["spec", "names", "kind"]),
        ) else {
            return;
        };
        let text = |at: At| doc.string(at.node).unwrap_or_default().into_owned();
        let scope = if text(scope) == "Cluster" { Scope::Cluster } else { Scope::Namespaced };
        self.learned.insert((text(group), text(kind)), scope);
    }

    /// Whether a kind was judged before the CRD that tells its scope was seen, and judged wrongly.
    #[must_use]
    pub fn misjudged(&self) -> bool {
        self.assumed.iter().any(|(key, scope)| self.learned.get(key).is_some_and(|told| told != scope))
    }

    /// Forgets what was assumed, for another look at the input.
    pub fn retry(&mut self) {
        self.assumed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_goes_by_group_and_kind() {
        let mut scopes = Scopes::new(&["Widget.example.com".to_owned(), "Thing".to_owned()]);
        for (group, kind, scope) in [
            ("", "Namespace", Scope::Cluster),
            ("", "Service", Scope::Namespaced),
            ("pkg.crossplane.io", "Provider", Scope::Cluster),
            ("notification.toolkit.fluxcd.io", "Provider", Scope::Namespaced),
            ("constraints.gatekeeper.sh", "K8sRequiredLabels", Scope::Cluster),
            ("example.com", "Widget", Scope::Cluster),
            ("", "Thing", Scope::Cluster),
            ("install.istio.io", "IstioOperator", Scope::Namespaced),
        ] {
            assert_eq!(scopes.of(group, kind), scope, "{kind}.{group}");
        }
    }

    #[test]
    fn a_crd_that_comes_late_asks_for_another_look() {
        let mut scopes = Scopes::default();
        assert_eq!(scopes.of("example.com", "Widget"), Scope::Namespaced);
        assert!(!scopes.misjudged());
        let crd = "spec:\n  group: example.com\n  scope: Cluster\n  names: {kind: Widget}\n";
        let doc = Document::parse(crd).unwrap();
        let root = doc.roots().next().unwrap();
        scopes.learn(&doc, root);
        assert!(scopes.misjudged());
        scopes.retry();
        assert_eq!(scopes.of("example.com", "Widget"), Scope::Cluster);
        assert!(!scopes.misjudged());
    }
}
