//! Facts about DataKit, read in its source and seen in releases 1.1.9 to 1.84.

use crate::manifest::Version;

/// The pod annotation whose TOML tells DataKit what to scrape.
pub(crate) const SCRAPE_ANNOTATION: &str = "datakit/prom.instances";

/// The pod annotation whose JSON tells DataKit how to take a container's output.
pub(crate) const LOGS_ANNOTATION: &str = "datakit/logs";

/// The variable of a container with the same JSON as [`LOGS_ANNOTATION`]; it goes before every annotation
/// (<https://docs.guance.com/en/integrations/container-log/>).
pub(crate) const LOGS_VARIABLE: &str = "DATAKIT_LOGS_CONFIG";

/// Which containers' output is taken or left out, as variables and as keys of the input `container`
/// (<https://docs.guance.com/en/integrations/container/>). [`LOGS_ANNOTATION`] goes before them.
pub(crate) const LOG_FILTERS: [(&str, &str); 2] = [
    ("ENV_INPUT_CONTAINER_CONTAINER_INCLUDE_LOG", "container_include_log"),
    ("ENV_INPUT_CONTAINER_CONTAINER_EXCLUDE_LOG", "container_exclude_log"),
];

/// The annotation about the output of one container of a pod; it has the form of [`LOGS_ANNOTATION`].
pub(crate) fn logs_annotation(container: &str) -> String {
    format!("datakit/{container}.logs")
}

/// The only release that ignores [`SCRAPE_ANNOTATION`]; it came back in 1.63.1.
pub(crate) const WITHOUT_ANNOTATION: Version = Version::new(1, 63, 0);

/// Where it listens; on localhost only where it is not set.
pub(crate) const ENV_LISTEN: &str = "ENV_HTTP_LISTEN";

/// The inputs that it starts by itself; the second name is the older one and is read where the first is empty.
pub(crate) const ENV_INPUTS: [&str; 2] = ["ENV_DEFAULT_ENABLED_INPUTS", "ENV_ENABLE_INPUTS"];

/// Configuration of inputs as TOML, from 1.23.0 on.
pub(crate) const ENV_CONF: &str = "ENV_DATAKIT_INPUTS";

/// Exactly `true` scrapes every pod with `prometheus.io` annotations.
pub(crate) const ENV_DISCOVERY: &str =
    "ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_POD_ANNOTATIONS";

/// The inputs in a list as DataKit reads it: with any space in it the list is cut at spaces, else at commas.
pub(crate) fn input_names(list: &str) -> Vec<String> {
    let cut = if list.contains(' ') { ' ' } else { ',' };
    list.split(cut).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
