//! Objects of a cluster, read through the user's own kubectl: one list of all kinds that are looked at and served. Secrets
//! are not among them. What may not be read is noted, and the rest is read all the same.

use super::inventory::Inventory;
use super::read::{ListReader, NoList};
use crate::cluster::{Error, ErrorKind, Kubectl};

/// Kinds that every server has.
const BUILT_IN: &[&str] = &[
    "nodes",
    "namespaces",
    "pods",
    "services",
    "endpoints",
    "configmaps",
    "deployments.apps",
    "daemonsets.apps",
    "statefulsets.apps",
    "replicasets.apps",
    "jobs.batch",
];

/// Kinds that a server may have, those of newer versions and of add-ons.
const OPTIONAL: &[&str] = &[
    "cronjobs.batch",
    "serviceaccounts",
    "replicationcontrollers",
    "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "mutatingadmissionpolicies.admissionregistration.k8s.io",
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
    "mutatingpolicies.policies.kyverno.io",
    "networkpolicies.networking.k8s.io",
    "endpointslices.discovery.k8s.io",
    "telemetries.telemetry.istio.io",
    "virtualservices.networking.istio.io",
    "destinationrules.networking.istio.io",
    "gateways.networking.istio.io",
    "sidecars.networking.istio.io",
    "serviceentries.networking.istio.io",
    "proxyconfigs.networking.istio.io",
    "envoyfilters.networking.istio.io",
    "peerauthentications.security.istio.io",
    "authorizationpolicies.security.istio.io",
    "gateways.gateway.networking.k8s.io",
    "httproutes.gateway.networking.k8s.io",
    "grpcroutes.gateway.networking.k8s.io",
    "referencegrants.gateway.networking.k8s.io",
    "podmonitors.monitoring.coreos.com",
    "servicemonitors.monitoring.coreos.com",
    "rollouts.argoproj.io",
    "clonesets.apps.kruise.io",
    "statefulsets.apps.kruise.io",
    "daemonsets.apps.kruise.io",
    "deploymentconfigs.apps.openshift.io",
    "services.serving.knative.dev",
    "ciliumnetworkpolicies.cilium.io",
    "ciliumclusterwidenetworkpolicies.cilium.io",
    "networkpolicies.crd.projectcalico.org",
    "globalnetworkpolicies.crd.projectcalico.org",
];

/// Warnings of the last hour or so: why a controller could not make its pods.
const EVENTS: &[&str] =
    &["get", "events", "--all-namespaces", "--field-selector", "type=Warning", "-o", "json"];

/// What reading some kinds came to.
struct Listed {
    reader: ListReader,
    result: Result<(), Error>,
}

impl Kubectl {
    fn list(&self, kinds: &str) -> Listed {
        self.list_by(&["get", kinds, "--all-namespaces", "-o", "json"])
    }

    fn list_by(&self, args: &[&str]) -> Listed {
        let mut reader = ListReader::default();
        let result = self.stream(args, &mut |bytes| reader.push(bytes));
        Listed { reader, result }
    }

    /// The kinds that the server can list, as `resource.group`; nothing where it does not tell.
    fn served(&self) -> Option<Vec<String>> {
        let text = self.output(&["api-resources", "--verbs=list", "-o", "name"]).ok()?;
        let kinds: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        kinds.iter().any(|kind| kind == "pods").then_some(kinds)
    }

    /// Reads the cluster.
    ///
    /// # Errors
    /// kubectl cannot be run, or nothing of the cluster be read.
    pub(crate) fn inventory(&self) -> Result<Inventory, Error> {
        self.read(|| self.server_version())
    }

    /// Reads the cluster once more, whose version is known from the first time.
    ///
    /// # Errors
    /// kubectl cannot be run, or nothing of the cluster be read.
    pub(crate) fn inventory_again(&self, before: &Inventory) -> Result<Inventory, Error> {
        self.read(|| Ok(before.kubernetes.clone()))
    }

    fn read(&self, version: impl FnOnce() -> Result<Option<String>, Error>) -> Result<Inventory, Error> {
        // kubectl takes longer to start than the cluster to answer, so what can be is asked at once.
        let (version, served, events) = std::thread::scope(|scope| {
            let served = scope.spawn(|| self.served());
            let events = scope.spawn(|| self.list_by(EVENTS));
            (version(), served.join().unwrap_or_default(), events.join().ok())
        });
        // A server that does not answer at all is told as such, whatever that made of the other calls.
        let kubernetes = match version {
            Err(error) if error.is(&[ErrorKind::Timeout, ErrorKind::Unreachable]) => return Err(error),
            version => version.unwrap_or_default(),
        };
        let mut inventory = Inventory::of_cluster(kubernetes);
        match served {
            Some(served) => {
                let is_served = |kind: &&&str| served.iter().any(|name| name == **kind);
                let kinds: Vec<&str> = BUILT_IN.iter().chain(OPTIONAL).filter(is_served).copied().collect();
                self.list(&kinds.join(",")).add_to(&mut inventory)?;
            }
            None => self.guess(&mut inventory)?,
        }
        if let Some(Listed { reader, result: Ok(()) }) = events {
            // Without them causes are told with less.
            let _ = reader.finish(&mut inventory);
        }
        Ok(inventory)
    }

    /// Reads a cluster that does not tell which kinds it serves.
    fn guess(&self, inventory: &mut Inventory) -> Result<(), Error> {
        let (known, others) = std::thread::scope(|scope| {
            let others: Vec<_> = OPTIONAL.iter().map(|kind| scope.spawn(|| self.list(kind))).collect();
            (self.list(&BUILT_IN.join(",")), others.into_iter().map(|asked| asked.join()).collect::<Vec<_>>())
        });
        known.add_to(inventory)?;
        for found in others.into_iter().flatten() {
            match &found.result {
                Err(error) if error.kind == ErrorKind::NoSuchKind => {}
                _ => found.add_to(inventory)?,
            }
        }
        Ok(())
    }
}

impl Listed {
    /// Adds what was read. Kinds that may not be read are noted.
    fn add_to(self, inventory: &mut Inventory) -> Result<(), Error> {
        match self.result {
            Ok(()) => self.reader.finish(inventory).map_err(|NoList| garbled()),
            Err(error) => {
                let forbidden = error.forbidden_kinds();
                if forbidden.is_empty() {
                    return Err(error);
                }
                // Nothing at all may have been printed.
                let _ = self.reader.finish(inventory);
                if inventory.objects().is_empty() {
                    return Err(error);
                }
                inventory.unread.extend(forbidden.into_iter().map(|kind| (kind, error.message.clone())));
                Ok(())
            }
        }
    }
}

fn garbled() -> Error {
    Error::of(ErrorKind::Garbled, "kubectl printed something that is no JSON; is it the real one?")
}
