//! Objects of a cluster, read through the user's own kubectl.

use crate::cluster::{Error, ErrorKind, Kubectl};
use crate::kube::Inventory;

/// Kinds that are always there.
const KINDS: &str = "nodes,namespaces,deployments,daemonsets,statefulsets,pods,services,endpoints,configmaps";

/// Kinds of Istio, which may not be there.
const ISTIO_KINDS: &[&str] = &[
    "telemetries.telemetry.istio.io",
    "virtualservices.networking.istio.io",
    "destinationrules.networking.istio.io",
    "gateways.networking.istio.io",
];

fn garbled() -> Error {
    Error::of(ErrorKind::Garbled, "kubectl printed something that is no JSON; is it the real one?")
}

impl Kubectl {
    /// The list of all objects of some kinds, as kubectl prints it.
    fn list(&self, kinds: &str) -> Result<String, Error> {
        self.output(&["get", kinds, "--all-namespaces", "-o", "json"])
    }

    /// Reads the cluster. Secrets are not among what is read.
    ///
    /// # Errors
    /// kubectl cannot be run, or the cluster not be read.
    pub(crate) fn inventory(&self) -> Result<Inventory, Error> {
        // kubectl takes longer to start than the cluster to answer, so all are asked at once.
        let (known, of_istio, kubernetes) = std::thread::scope(|scope| {
            let version = scope.spawn(|| self.server_version());
            let known = scope.spawn(|| self.list(KINDS));
            let of_istio: Vec<_> = ISTIO_KINDS.iter().map(|kind| scope.spawn(|| self.list(kind))).collect();
            let lost = || Err(garbled());
            let of_istio: Vec<_> =
                of_istio.into_iter().map(|asked| asked.join().unwrap_or_else(|_| lost())).collect();
            (known.join().unwrap_or_else(|_| lost()), of_istio, version.join().unwrap_or(Ok(None)))
        });
        // A server that does not answer at all is told as such, whatever that made of the other calls.
        let kubernetes = match kubernetes {
            Err(error) if error.is(&[ErrorKind::Timeout, ErrorKind::Unreachable]) => return Err(error),
            version => version.unwrap_or_default(),
        };
        let mut inventory = Inventory::of_cluster(kubernetes);
        inventory.add_list(&known?).map_err(|_| garbled())?;
        for found in of_istio {
            match found {
                Ok(found) => inventory.add_list(&found).map_err(|_| garbled())?,
                // Without Istio there are no such kinds.
                Err(error) if error.kind == ErrorKind::NoSuchKind => {}
                Err(error) => return Err(error),
            }
        }
        Ok(inventory)
    }
}
