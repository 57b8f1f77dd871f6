//! The annotation that tells DataKit what to scrape of a pod: what its text comes to, and whether that is the sidecar.

use toml::{Table, Value as Toml};

use crate::facts::datakit::{METRIC_TYPES, is_duration};
use crate::facts::istio::{ENVOY_PORT, SIDECAR_PATH};
use crate::rule::datakit::conf;

/// Settings that become tags where they stand behind `[inputs.prom.tags]`.
const SETTINGS: &[&str] =
    &["url", "urls", "interval", "metric_types", "metric_name_filter", "measurement_name", "tags_ignore"];

/// Endings of the series of a histogram or summary, which its family's name has not.
const SERIES: &[&str] = &["_bucket", "_bucket$", "_sum", "_sum$", "_count", "_count$"];

/// Why an annotation does not bring a sidecar's metrics, and what is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Miss {
    pub(crate) what: String,
    pub(crate) right: String,
}

/// The blocks of an annotation's text.
///
/// # Errors
/// Why DataKit takes nothing from it, or something else than was meant.
pub(crate) fn read(text: &str) -> Result<Vec<Table>, String> {
    let table = text.parse::<Table>().map_err(|error| {
        let what = error.message().lines().next().unwrap_or_default().to_owned();
        format!("the annotation is not valid TOML ({what}), so DataKit drops all of it")
    })?;
    let prom = table.get("inputs").and_then(|inputs| inputs.get("prom"));
    let Some(blocks) = prom.and_then(Toml::as_array) else {
        return Err("the annotation has no [[inputs.prom]], so DataKit scrapes nothing".to_owned());
    };
    let blocks: Vec<Table> = blocks.iter().filter_map(Toml::as_table).cloned().collect();
    blocks.iter().try_for_each(refused).map(|()| blocks)
}

/// What DataKit refuses in a block, or reads otherwise than it is meant.
fn refused(block: &Table) -> Result<(), String> {
    if let Some(tags) = block.get("tags").and_then(Toml::as_table) {
        let lost = |key: &&&str| tags.contains_key(**key) && !block.contains_key(**key);
        if let Some(key) = SETTINGS.iter().find(lost) {
            return Err(format!(
                "`{key}` is behind [inputs.prom.tags], so DataKit takes it for a tag; write it above"
            ));
        }
        if let Some((key, _)) = tags.iter().find(|(_, value)| !value.is_str()) {
            return Err(format!("the tag `{key}` is no string, so DataKit refuses the annotation"));
        }
    }
    if conf::urls(block).is_empty() {
        return Err("a block of the annotation has no url, so DataKit scrapes nothing for it".to_owned());
    }
    if block.contains_key("url") && block.contains_key("urls") {
        return Err("a block of the annotation has url and urls, so its address is scraped twice".to_owned());
    }
    match block.get("interval") {
        Some(Toml::Integer(_)) => {
            return Err("an interval without a unit means nanoseconds: one scrape a second".to_owned());
        }
        Some(Toml::String(text)) if text.chars().all(|c| c.is_ascii_digit()) && !text.is_empty() => {
            return Err("an interval without a unit is refused by DataKit".to_owned());
        }
        Some(Toml::String(text)) if !text.is_empty() && !is_duration(text) => {
            return Err(format!("the interval `{text}` is no duration, so DataKit refuses the annotation"));
        }
        _ => {}
    }
    let Some(types) = block.get("metric_types") else { return Ok(()) };
    let Some(types) = types.as_array().filter(|types| types.iter().all(Toml::is_str)) else {
        return Err("metric_types is no list, so DataKit refuses the annotation".to_owned());
    };
    let known = |name: &str| METRIC_TYPES.contains(&name.to_ascii_lowercase().as_str());
    let wrong = types.iter().filter_map(Toml::as_str).find(|name| !known(name));
    match wrong {
        Some(wrong) => Err(format!(
            "metric_types has `{wrong}`, which no metric is of; one of {}",
            METRIC_TYPES.join(", ")
        )),
        None => Ok(()),
    }
}

/// Why no block brings the sidecar's metrics, which it serves on a port; nothing where one does.
pub(crate) fn misses(blocks: &[Table], port: &str) -> Option<Miss> {
    let mut first = None;
    for block in blocks {
        for url in conf::urls(block) {
            match wrong_url(url, port).or_else(|| filtered(block)) {
                None => return None,
                Some(miss) => first = first.or(Some(miss)),
            }
        }
    }
    first
}

fn wrong_url(url: &str, port: &str) -> Option<Miss> {
    let right = format!("set url to http://$IP:{port}{SIDECAR_PATH}");
    let miss = |what: String| Some(Miss { what, right: right.clone() });
    let Some((scheme, rest)) = url.split_once("://") else {
        return miss(format!("`{url}` is no address: it has no scheme"));
    };
    if url.contains("{{") || url.contains('<') {
        return miss(format!("`{url}` still has a placeholder of a template"));
    }
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (host, found) = authority.rsplit_once(':').unwrap_or((authority, "80"));
    if !matches!(host, "$IP" | "[$IP]") {
        // An address of its own may be the pod's by other means.
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        return if host.starts_with('$') || local {
            miss(format!("`{host}` is not the pod's address: DataKit replaces `$IP` by that"))
        } else {
            None
        };
    }
    if found != port && found != ENVOY_PORT {
        return miss(format!("port {found} is scraped, and its sidecars serve their metrics on port {port}"));
    }
    if scheme != "http" {
        return miss(format!("`{scheme}` is used, and sidecars serve their metrics by plain HTTP"));
    }
    let path = path.split('?').next().unwrap_or_default();
    if path != SIDECAR_PATH && path != "/metrics" {
        return miss(format!("path `{path}` is scraped, and sidecars serve their metrics at {SIDECAR_PATH}"));
    }
    None
}

/// A filter that takes the name of a series for one of a family, and so drops the latencies.
fn filtered(block: &Table) -> Option<Miss> {
    let patterns = block.get("metric_name_filter").and_then(Toml::as_array)?;
    let patterns: Vec<&str> = patterns.iter().filter_map(Toml::as_str).collect();
    let series = |pattern: &&&str| SERIES.iter().any(|end| pattern.ends_with(end));
    let wrong = patterns.iter().find(series)?;
    let stem = SERIES.iter().find_map(|end| wrong.strip_suffix(end)).unwrap_or(wrong);
    // Another pattern may take the family.
    if patterns.iter().any(|pattern| !series(&pattern) && stem.contains(pattern.trim_matches(['^', '$']))) {
        return None;
    }
    Some(Miss {
        what: format!(
            "metric_name_filter `{wrong}` matches nothing: the family is `{stem}`, without the ending"
        ),
        right: format!("write `{stem}` in metric_name_filter"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(lines: &str) -> String {
        format!("[[inputs.prom]]\n{lines}\n")
    }

    #[test]
    fn what_datakit_refuses_or_misreads_is_found() {
        for (lines, part) in [
            ("url = 'x'\n[inputs.prom.tags]\ninterval = '60s'", "behind [inputs.prom.tags]"),
            ("url = 'x'\n[inputs.prom.tags]\na = 1", "tag `a`"),
            ("source = 'x'", "no url"),
            ("url = 'x'\nurls = ['x']", "twice"),
            ("url = 'x'\ninterval = 10", "nanoseconds"),
            ("url = 'x'\ninterval = '10'", "without a unit"),
            ("url = 'x'\ninterval = '10 seconds'", "no duration"),
            ("url = 'x'\nmetric_types = 'counter'", "no list"),
            ("url = 'x'\nmetric_types = ['counterx']", "`counterx`"),
            ("url = ", "not valid TOML"),
        ] {
            let error = read(&block(lines)).unwrap_err();
            assert!(error.contains(part), "{lines}: {error}");
        }
        assert!(read("[inputs.prom]\nurl = 'x'\n").unwrap_err().contains("[[inputs.prom]]"));
        let good =
            "url = 'x'\ninterval = '1m30s'\nmetric_types = ['Counter']\n[inputs.prom.tags]\ninterval = 'a'";
        assert_eq!(read(&block(good)).map(|blocks| blocks.len()), Ok(1));
    }

    #[test]
    fn addresses_other_than_the_sidecars_are_found() {
        let miss = |lines: &str| misses(&read(&block(lines)).unwrap(), "15020").map(|miss| miss.what);
        for (url, part) in [
            ("http://$IP:15021/stats/prometheus", "port 15021"),
            ("http://$IP:9080/metrics", "port 9080"),
            ("http://$IP/metrics", "port 80"),
            ("https://$IP:15020/stats/prometheus", "plain HTTP"),
            ("http://$IP:15020/stats", "path `/stats`"),
            ("http://$IP:15020", "path ``"),
            ("http://${IP}:15020/stats/prometheus", "`${IP}`"),
            ("http://localhost:15020/stats/prometheus", "`localhost`"),
            ("$IP:15020/stats/prometheus", "no scheme"),
            ("http://{{ ip }}:15020/stats/prometheus", "template"),
        ] {
            let what = miss(&format!("url = '{url}'")).unwrap_or_default();
            assert!(what.contains(part), "{url}: {what}");
        }
        for url in [
            "http://$IP:15020/stats/prometheus",
            "http://$IP:15020/metrics",
            "http://$IP:15090/stats/prometheus?usedonly",
            "http://[$IP]:15020/stats/prometheus",
            "http://reviews.prod:15020/stats/prometheus",
        ] {
            assert_eq!(miss(&format!("url = '{url}'")), None, "{url}");
        }
        assert_eq!(miss("urls = ['http://$IP:9080/metrics', 'http://$IP:15020/metrics']"), None);
        let filter = |patterns: &str| {
            miss(&format!("url = 'http://$IP:15020/metrics'\nmetric_name_filter = [{patterns}]"))
        };
        assert!(filter("'istio_requests_total', 'istio_request_duration_milliseconds_bucket'").is_some());
        assert_eq!(filter("'istio_request_duration_milliseconds'"), None);
        assert_eq!(filter("'istio_.*_bucket', 'istio_'"), None);
    }
}
