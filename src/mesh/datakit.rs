//! DataKit's DaemonSet as it is deployed: its container, environment and mounts.

use std::borrow::Cow;

use crate::facts::datakit::{ENV_INPUTS, input_names};
use crate::kube::{Field, Object};
use crate::manifest::datakit::ENV_DATAWAY;
use crate::manifest::{ImageRef, Version};

/// A DaemonSet that runs DataKit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datakit<'i> {
    pub(crate) object: &'i Object,
    /// Its pods' `metadata` and `spec`.
    pub(crate) template: Field<'i>,
    /// The container that is DataKit.
    pub(crate) container: Field<'i>,
}

impl<'i> Datakit<'i> {
    /// Recognises DataKit: a DaemonSet with a container whose image is called `datakit`, in whatever registry; else one that
    /// is told where to upload to.
    pub(crate) fn of(object: &'i Object) -> Option<Self> {
        if object.kind() != "DaemonSet" || !matches!(object.group(), "apps" | "extensions") {
            return None;
        }
        let template = object.pod_templates().next()?;
        let containers = || template.at(&["spec", "containers"]).items();
        let named = |container: &Field<'_>| {
            ImageRef::parse(&container.get("image").text()).repository.rsplit('/').next() == Some("datakit")
        };
        let told =
            |container: &Field<'_>| container.get("env").items().any(|var| var.get("name").is(ENV_DATAWAY));
        let container = containers().find(named).or_else(|| containers().find(told))?;
        Some(Self { object, template, container })
    }

    pub(crate) fn image(&self) -> Field<'i> {
        self.container.get("image")
    }

    /// The version that the image's tag tells.
    pub(crate) fn version(&self) -> Option<Version> {
        ImageRef::parse(&self.image().text()).tag.and_then(Version::parse)
    }

    /// A variable of the environment: the item of the list. Of two the last counts.
    pub(crate) fn env(&self, name: &str) -> Option<Field<'i>> {
        self.container.get("env").items().filter(|var| var.get("name").is(name)).last()
    }

    /// A variable's text; empty where there is none.
    pub(crate) fn env_text(&self, name: &str) -> Cow<'i, str> {
        self.env(name).map(|var| var.get("value").text()).unwrap_or_default()
    }

    /// The inputs that its environment enables.
    pub(crate) fn enabled_inputs(&self) -> Vec<String> {
        let lists = ENV_INPUTS.map(|name| self.env_text(name));
        input_names(lists.iter().find(|list| !list.is_empty()).map_or("", |list| list))
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
