//! The user's own kubectl and istioctl: how they are started and ended, what they are given, and what their answers mean.
//! No other module starts a process or reads an error text of theirs. No credentials are handled here.

mod deadline;
mod error;
mod forward;
mod istioctl;
mod kubectl;
pub(crate) mod minikube;
pub(crate) mod process;

pub use deadline::Limits;
pub use error::{Error, ErrorKind};
pub(crate) use forward::Forward;
pub use istioctl::Istioctl;
pub use kubectl::Kubectl;
