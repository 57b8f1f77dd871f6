//! Objects of a cluster, read through the user's own kubectl.

use serde_json::Value;

use crate::kube::Inventory;
use crate::kubectl::{Kubectl, LiveError};

/// Kinds that are always there.
const KINDS: &str = "nodes,namespaces,deployments,daemonsets,statefulsets,replicasets,jobs,cronjobs,pods,services,endpoints,configmaps,mutatingwebhookconfigurations";

/// Kinds of Istio, which may not be there.
const ISTIO_KINDS: &[&str] = &[
    "telemetries.telemetry.istio.io",
    "virtualservices.networking.istio.io",
    "destinationrules.networking.istio.io",
    "gateways.networking.istio.io",
    "gateways.gateway.networking.k8s.io",
];

/// Why controllers could not make their pods.
const EVENTS: &[&str] =
    &["get", "events", "--all-namespaces", "--field-selector", "type=Warning", "-o", "json"];

impl Kubectl {
    /// The list of all objects of some kinds, as kubectl prints it.
    fn list(&self, kinds: &str) -> Result<String, LiveError> {
        self.output(&["get", kinds, "--all-namespaces", "-o", "json"])
    }

    fn server_version(&self) -> Option<String> {
        let text = self.output(&["version", "-o", "json"]).ok()?;
        let value: Value = serde_json::from_str(&text).ok()?;
        Some(value.pointer("/serverVersion/gitVersion")?.as_str()?.to_owned())
    }

    /// Reads the cluster. Secrets are not among what is read.
    ///
    /// # Errors
    /// kubectl cannot be run, or the cluster not be read.
    pub(crate) fn inventory(&self) -> Result<Inventory, LiveError> {
        // kubectl takes longer to start than the cluster to answer, so all are asked at once.
        let (known, of_istio, kubernetes, events) = std::thread::scope(|scope| {
            let events = scope.spawn(|| self.output(EVENTS));
            let version = scope.spawn(|| self.server_version());
            let known = scope.spawn(|| self.list(KINDS));
            let of_istio: Vec<_> = ISTIO_KINDS.iter().map(|kind| scope.spawn(|| self.list(kind))).collect();
            let lost = || Err(LiveError::Garbled);
            let of_istio: Vec<_> =
                of_istio.into_iter().map(|asked| asked.join().unwrap_or_else(|_| lost())).collect();
            (
                known.join().unwrap_or_else(|_| lost()),
                of_istio,
                version.join().unwrap_or_default(),
                events.join(),
            )
        });
        let mut inventory = Inventory::of_cluster(kubernetes);
        inventory.add_list(&known?).map_err(|_| LiveError::Garbled)?;
        for found in of_istio {
            match found {
                Ok(found) => inventory.add_list(&found).map_err(|_| LiveError::Garbled)?,
                // Without Istio there are no such kinds.
                Err(LiveError::Refused(message))
                    if message.contains("the server doesn't have a resource type") => {}
                Err(error) => return Err(error),
            }
        }
        if let Ok(Ok(events)) = events {
            // Without them causes are told with less.
            let _ = inventory.add_list(&events);
        }
        Ok(inventory)
    }
}
