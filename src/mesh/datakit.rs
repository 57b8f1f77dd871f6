//! DataKit as it is deployed: its container, version, environment and configuration, all of them in effect.

use super::conf::Conf;
use super::env::{Env, Value};
use crate::facts::Version;
use crate::facts::datakit::{
    CONF_AT_TOP, DEFAULT_INPUTS, ENV_DATAWAY, ENV_INPUTS, ENV_LISTEN, Listening, VARIABLES, before,
    input_names, listening, zipkin_input,
};
use crate::kube::{Field, ImageRef, Inventory, Object, Selector};
use crate::spelling::nearest;

/// A DaemonSet that runs DataKit.
#[derive(Clone, Debug)]
pub(crate) struct Datakit<'i> {
    pub(crate) object: &'i Object,
    /// Its pods' `metadata` and `spec`.
    pub(crate) template: Field<'i>,
    /// The container that is DataKit.
    pub(crate) container: Field<'i>,
    /// The environment of the container.
    pub(crate) variables: Env<'i>,
    /// The files that DataKit reads.
    pub(crate) conf: Conf<'i>,
}

/// The container of a pod template that is DataKit: one whose image is called `datakit`, in whatever registry; else one
/// that is told where to upload to. (DataKit Operator has another image, and no such variable.)
pub(super) fn container<'i>(template: Field<'i>) -> Option<Field<'i>> {
    let containers = || template.at(&["spec", "containers"]).items();
    let named = |container: &Field<'_>| {
        ImageRef::parse(&container.get("image").text()).repository.rsplit('/').next() == Some("datakit")
    };
    let configured = |container: &Field<'_>| settings(*container, ENV_DATAWAY).next().is_some();
    containers().find(named).or_else(|| containers().find(configured))
}

/// Whether a workload of whatever kind runs DataKit in its first pod template.
pub(super) fn runs_datakit(object: &Object) -> bool {
    object.pod_templates().next().and_then(container).is_some()
}

/// Whether a kind is the one that DataKit is deployed by.
pub(super) fn is_daemon_set(group: &str, kind: &str) -> bool {
    kind == "DaemonSet" && matches!(group, "apps" | "extensions")
}

/// The items of a container's environment that set a variable. Of two the last counts.
pub(super) fn settings<'i>(container: Field<'i>, name: &str) -> impl Iterator<Item = Field<'i>> {
    container.get("env").items().filter(move |var| var.get("name").is(name))
}

impl<'i> Datakit<'i> {
    /// Recognises DataKit: a DaemonSet with a container of it.
    pub(super) fn of(inventory: &'i Inventory, object: &'i Object) -> Option<Self> {
        let template =
            object.pod_templates().next().filter(|_| is_daemon_set(object.group(), object.kind()))?;
        let container = container(template)?;
        let variables = Env::of(inventory, object, container);
        let version = version(container);
        let conf = Conf::of(inventory, object, template.get("spec"), container, &variables, version);
        Some(Self { object, template, container, variables, conf })
    }

    pub(crate) fn spec(&self) -> Field<'i> {
        self.template.get("spec")
    }

    pub(crate) fn image(&self) -> Field<'i> {
        self.container.get("image")
    }

    /// The version that the image's tag tells.
    pub(crate) fn version(&self) -> Option<Version> {
        version(self.container)
    }

    /// A variable of the environment: the item of the list. Of two the last counts.
    pub(crate) fn env(&self, name: &str) -> Option<Field<'i>> {
        settings(self.container, name).last()
    }

    /// A variable's text; empty where there is none, or it is not in view.
    pub(crate) fn env_text(&self, name: &str) -> &str {
        self.variables.text(name)
    }

    /// Variables that are almost called like one that DataKit reads and that is not set, and that one, by name.
    pub(crate) fn misspelt_variables(&self) -> Vec<(&str, &'static str)> {
        let unknown = self.variables.names().filter(|name| !VARIABLES.contains(name));
        let meant = |name| nearest(name, VARIABLES.iter().copied());
        let unset = |name: &&str| self.variables.get(name).is_none();
        let mut found: Vec<_> = unknown.filter_map(|name| Some((name, meant(name).filter(unset)?))).collect();
        found.sort_unstable();
        found
    }

    /// Whether the list of inputs is in a variable whose name is misspelt.
    pub(crate) fn lists_inputs_in_vain(&self) -> bool {
        self.misspelt_variables().iter().any(|(_, meant)| ENV_INPUTS.contains(meant))
    }

    /// The variable that lists the inputs: the older one where the newer one is empty.
    pub(crate) fn inputs_variable(&self) -> &'static str {
        let [new, old] = ENV_INPUTS;
        let used = self.env_text(new).is_empty() && !self.variables.is_unknown(new);
        if used && !self.env_text(old).is_empty() { old } else { new }
    }

    /// The inputs that its environment enables, and those with `-` that it disables; nothing where the list is not in view.
    pub(crate) fn listed_inputs(&self) -> Option<Vec<String>> {
        let name = self.inputs_variable();
        if self.variables.is_unknown(name) {
            return None;
        }
        let list = self.env_text(name);
        Some(input_names(if list.is_empty() { DEFAULT_INPUTS } else { list }))
    }

    /// The inputs that its environment enables; none where the list is not in view.
    pub(crate) fn enabled_inputs(&self) -> Vec<String> {
        self.listed_inputs().unwrap_or_default()
    }

    /// Whether the list switches an input off, wherever else it is configured.
    pub(crate) fn switches_off(&self, input: &str) -> bool {
        self.enabled_inputs().iter().any(|name| name.strip_prefix('-') == Some(input))
    }

    /// Whether an input runs: listed or configured, and not switched off; nothing where that is not in view.
    pub(crate) fn runs(&self, input: &str) -> Option<bool> {
        if self.switches_off(input) {
            return Some(false);
        }
        let listed = self.listed_inputs();
        let lists = listed
            .as_ref()
            .is_some_and(|names| !names.iter().any(|n| n == "-") && names.iter().any(|n| n == input));
        if lists || self.conf.blocks(input).next().is_some() {
            return Some(true);
        }
        (listed.is_some() && self.conf.unseen.is_empty()).then_some(false)
    }

    /// What this version calls the input that takes spans.
    pub(crate) fn zipkin(&self) -> &'static str {
        zipkin_input(self.version())
    }

    /// Where it listens; nothing where that is not in view.
    pub(crate) fn listening(&self) -> Option<Listening> {
        match self.variables.get(ENV_LISTEN).map(|var| &var.value) {
            Some(Value::Text(text)) => Some(listening(text)),
            Some(_) => None,
            None => self.variables.unseen.is_empty().then(|| listening("")),
        }
    }

    /// The path of the file that DataKit itself writes for an input of the enabled list.
    pub(crate) fn own_conf_path(&self, input: &str) -> String {
        let folder = crate::facts::datakit::CONF_D;
        if before(self.version(), CONF_AT_TOP) {
            format!("{folder}/{input}/{input}.conf")
        } else {
            format!("{folder}/{input}.conf")
        }
    }

    /// Its pods, where pods are in view.
    pub(crate) fn pods(&self, inventory: &'i Inventory) -> Vec<&'i Object> {
        inventory.pods(self.object.namespace(), &Selector::of(self.object.at(&["spec", "selector"])))
    }

    pub(crate) fn on_host_network(&self) -> bool {
        self.spec().get("hostNetwork").is_true()
    }

    /// The label that Services choose its pods by: `app=VALUE`, else its own first one.
    pub(crate) fn selector(&self) -> String {
        let app = self.template.at(&["metadata", "labels", "app"]).text();
        if !app.is_empty() {
            return format!("app={app}");
        }
        let mut labels = self.object.at(&["spec", "selector", "matchLabels"]).entries();
        labels.next().map(|(key, value)| format!("{key}={}", value.text())).unwrap_or_default()
    }
}

/// The version that a container's image tells.
pub(super) fn version(container: Field<'_>) -> Option<Version> {
    ImageRef::parse(&container.get("image").text()).tag.and_then(Version::parse)
}
