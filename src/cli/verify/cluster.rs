//! A cluster, followed from its sidecars to the dataway: what is asked comes from the model of the mesh, the way there from kubectl.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::api::Api;
use super::gateway;
use super::probe::{Options, Probe, ask, pause};
use crate::cluster::{Error, ErrorKind, Kubectl};
use crate::gate::word;
use crate::kube::{Inventory, Object};
use crate::mesh::pages::Source;
use crate::mesh::scrape::{Kind, Scraped};
use crate::mesh::{Datakit, Mesh, route};
use crate::verify::metrics::Expected;
use crate::verify::sidecar::{Scraper, Served, Trouble, cost};
use crate::verify::{DATAKIT, GATEWAY_SPAN, LOGS, METRICS, PAGE, RUM, Report, Row, logs, metrics, sidecar};

/// How many workloads are asked for their metrics; each takes a kubectl.
const WORKLOADS: usize = 64;

/// How many DataKits are asked; each takes a kubectl that goes on running.
const DATAKITS: usize = 32;

/// A pod that serves metrics, and what scrapes it.
struct Target {
    served: Served,
    scrapers: Vec<Scraper>,
}

/// Follows telemetry through a cluster.
pub(super) fn run(
    kubectl: &Kubectl,
    namespace: Option<&str>,
    url: Option<&str>,
    options: &Options<'_>,
) -> anyhow::Result<Report> {
    let inventory = kubectl.inventory()?;
    let mesh = Mesh::of(&inventory);
    let mut report = Report::default();
    for (kind, _) in &inventory.unread {
        report.remarks.push(format!("{kind} could not be listed, so what depends on them was left out"));
    }
    let view = View { kubectl, mesh: &mesh, inventory: &inventory, namespace, url };
    let mut skip = options.skip.to_vec();
    let application = options.application.map(str::to_owned).or_else(|| view.application());
    if !view.has_page() && options.application.is_none() && !skip.contains(&RUM) {
        report.remarks.push(
            "browser monitoring: no page in view loads the SDK, so none was tried (--app-id ID tries it)"
                .to_owned(),
        );
        skip.push(RUM);
    }
    let options = Options { application: application.as_deref(), skip: &skip, ..*options };
    // Sidecars are asked while DataKit uploads.
    std::thread::scope(|scope| {
        let targets = view.targets(&mut report);
        let sidecars = scope.spawn(|| sidecars(kubectl, targets));
        view.datakits(&options, &mut report);
        let rows = sidecars.join().unwrap_or_default();
        report.add(rows, &skip);
    });
    Ok(report)
}

/// A DataKit, and the port that it listens on.
struct DatakitPod<'i> {
    namespace: &'i str,
    name: &'i str,
    port: u16,
}

/// What is looked at.
#[derive(Clone, Copy)]
struct View<'v, 'i> {
    kubectl: &'v Kubectl,
    mesh: &'v Mesh<'i>,
    inventory: &'i Inventory,
    namespace: Option<&'v str>,
    /// The page that the user names.
    url: Option<&'v str>,
}

pub(super) fn is_running(pod: &Object) -> bool {
    pod.text(&["status", "phase"]) == "Running" && !pod.at(&["metadata", "deletionTimestamp"]).is_set()
}

impl<'i> View<'_, 'i> {
    /// The proxies that are asked for: those with sidecars, and gateways.
    fn proxies(&self) -> impl Iterator<Item = &Scraped<'i>> {
        self.mesh.scraping.proxies.iter().filter(|scraped| {
            let proxy = &scraped.proxy;
            matches!(proxy.kind, Kind::Sidecar | Kind::Gateway)
                && self.namespace.is_none_or(|name| name == proxy.namespace())
                && proxy.pods.iter().any(|pod| is_running(pod))
        })
    }

    /// Whether a page in view has browser monitoring.
    fn has_page(&self) -> bool {
        self.mesh.pages.iter().any(|page| match &page.source {
            Source::Text { monitoring, .. } => monitoring.loads,
            Source::Image(_) => true,
            _ => false,
        })
    }

    /// The application that a page names.
    fn application(&self) -> Option<String> {
        self.mesh.pages.iter().find_map(|page| match &page.source {
            Source::Text { monitoring, .. } => {
                monitoring.init.as_ref()?.text("applicationId").map(str::to_owned)
            }
            _ => None,
        })
    }

    /// A running pod of each workload.
    fn targets(&self, report: &mut Report) -> Vec<Target> {
        let all = self.proxies().count();
        if all > WORKLOADS {
            report.remarks.push(format!(
                "{WORKLOADS} of {all} workloads were asked for their metrics; -n NAMESPACE chooses others"
            ));
        }
        self.proxies().take(WORKLOADS).filter_map(target).collect()
    }

    /// Follows what DataKits take.
    fn datakits(&self, options: &Options<'_>, report: &mut Report) {
        let (apis, is_whole) = self.forwards(options, report);
        if apis.is_empty() {
            return;
        }
        let Some(probe) = Probe::start(&apis, options, report) else { return };
        probe.run(report);
        let is_whole = is_whole && probe.reads_all();
        self.gateway(&probe, options, is_whole, report);
        if !options.skip.contains(&METRICS) {
            report.add(self.metrics(&probe, options, is_whole), options.skip);
        }
        if !options.skip.contains(&LOGS) {
            report.add([logs::row(probe.now().as_ref().map_err(String::as_str))], options.skip);
        }
        probe.finish(report);
    }

    /// Follows a request through the ingress gateway.
    fn gateway(&self, probe: &Probe<'_>, options: &Options<'_>, is_whole: bool, report: &mut Report) {
        if [GATEWAY_SPAN, PAGE].iter().all(|link| options.skip.contains(link)) {
            return;
        }
        match gateway::find(self.kubectl, self.mesh, self.url) {
            Ok(way) => {
                let knows = (self.has_page(), is_whole);
                gateway::run(self.kubectl, self.mesh, &way, probe, options, knows, report);
            }
            Err(row) => report.add([row], options.skip),
        }
    }

    /// Opens a way to each DataKit, and says whether that was all of them.
    fn forwards(&self, options: &Options<'_>, report: &mut Report) -> (Vec<Api>, bool) {
        let of = |datakit: &Datakit<'i>| {
            let port = u16::try_from(route::listens_on(datakit)).unwrap_or_default();
            let pods = datakit.pods(self.inventory).into_iter().filter(|pod| is_running(pod));
            pods.map(move |pod| DatakitPod { namespace: pod.namespace(), name: pod.name(), port })
                .collect::<Vec<_>>()
        };
        let pods: Vec<DatakitPod<'_>> = self.mesh.datakits.iter().flat_map(of).collect();
        if pods.is_empty() {
            report.add([self.no_datakit()], options.skip);
            return (Vec::new(), false);
        }
        if pods.len() > DATAKITS {
            report.remarks.push(format!("{DATAKITS} of {} DataKits were asked", pods.len()));
        }
        let asked = pods.get(..DATAKITS).unwrap_or(&pods);
        let opened = ask(asked, |pod| forward(self.kubectl, pod));
        let mut apis = Vec::new();
        let mut failed: Vec<Row> = Vec::new();
        for result in opened {
            match result {
                Ok(api) => apis.push(api),
                Err(row) => failed.push(row),
            }
        }
        let is_whole = failed.is_empty() && pods.len() <= DATAKITS;
        // Without the right to it all of them fail alike.
        let mut seen = HashSet::new();
        failed.retain(|row| seen.insert(row.hint.clone()));
        report.add(failed, options.skip);
        (apis, is_whole)
    }

    fn no_datakit(&self) -> Row {
        if self.inventory.may_miss("apps", "daemonsets") || self.inventory.may_miss("", "pods") {
            return Row::unknown(
                DATAKIT,
                "no DataKit in view",
                "ask for the right to list daemonsets and pods",
            );
        }
        let flags = self.kubectl.flags();
        match self.mesh.datakits.first() {
            Some(datakit) => Row::failed(
                DATAKIT,
                format!("no pod of {} runs", datakit.object.title()),
                format!("meshobs check{flags}"),
            ),
            None => Row::failed(
                DATAKIT,
                "there is no DataKit in this cluster",
                format!("meshobs install{flags} --token-file TOKEN_FILE FILES"),
            ),
        }
    }

    /// Waits until metrics of all scraped workloads arrived, or their time is up.
    fn metrics(&self, probe: &Probe<'_>, options: &Options<'_>, is_whole: bool) -> Vec<Row> {
        let expected: Vec<Expected> = self.proxies().filter_map(expected).collect();
        let limit: Duration = metrics::limit(&expected).max(options.wait);
        let start = Instant::now();
        let mut looks = 0;
        loop {
            let since = probe.since();
            let is_done = match &since {
                Ok(since) => since.points.is_none() || metrics::is_complete(&expected, since),
                Err(_) => true,
            };
            // The counters are compared with those of the beginning.
            if is_done || probe.elapsed() >= limit || start.elapsed() >= limit {
                let since = since.as_ref().map_err(String::as_str);
                return metrics::rows(&expected, since, probe.elapsed(), is_whole);
            }
            pause(looks);
            looks += 1;
        }
    }
}

/// Asks pods for their metrics.
fn sidecars(kubectl: &Kubectl, targets: Vec<Target>) -> Vec<Row> {
    let answers = ask(&targets, |Target { served, scrapers }| {
        let Served { namespace, pod, port, path, .. } = served;
        match kubectl.ask_pod(namespace, pod, *port, path) {
            Ok(text) => cost(&text, scrapers).ok_or(Trouble::NoMetrics),
            Err(error) if error.is(&[ErrorKind::Forbidden]) => Err(Trouble::Forbidden(reason(&error))),
            Err(error) => Err(Trouble::Silent(reason(&error))),
        }
    });
    let all: Vec<Served> =
        targets.into_iter().zip(answers).map(|(target, answer)| Served { answer, ..target.served }).collect();
    sidecar::rows(&all, &kubectl.flags())
}

/// Opens a way to a DataKit.
fn forward(kubectl: &Kubectl, pod: &DatakitPod<'_>) -> Result<Api, Row> {
    let DatakitPod { namespace, name, port } = *pod;
    let flags = kubectl.flags();
    let title = format!("pod {name} in {namespace}");
    match kubectl.forward(namespace, &format!("pod/{name}"), port) {
        Ok(forward) => {
            let hint = format!(
                "see what DataKit says: kubectl{flags} logs -n {} {} --tail 50",
                word(namespace),
                word(name)
            );
            Ok(Api::behind(forward, title, hint))
        }
        Err(error) if error.is(&[ErrorKind::Forbidden]) => Err(Row::unknown(
            DATAKIT,
            format!("{title} could not be asked: {}", reason(&error)),
            format!(
                "ask for the right to create pods/portforward: kubectl{flags} auth can-i create pods/portforward -n {}",
                word(namespace)
            ),
        )),
        Err(error) => Err(Row::unknown(
            DATAKIT,
            format!("{title} could not be asked: {}", reason(&error)),
            format!(
                "see whether this works: kubectl{flags} port-forward -n {} {} {port}",
                word(namespace),
                word(&format!("pod/{name}"))
            ),
        )),
    }
}

/// A running pod of a proxy's workload, and its scrapers.
fn target(scraped: &Scraped<'_>) -> Option<Target> {
    let proxy = &scraped.proxy;
    let running: Vec<_> = proxy.pods.iter().filter(|pod| is_running(pod)).collect();
    let pod = running.first()?;
    let blocks = scraped.annotation.as_ref().filter(|annotation| annotation.scrapes());
    let blocks = blocks.map(|annotation| annotation.blocks()).unwrap_or_default();
    Some(Target {
        served: Served {
            workload: proxy.workload.object.title(),
            namespace: pod.namespace().to_owned(),
            pod: pod.name().to_owned(),
            port: proxy.served.ports.first().copied()?,
            path: proxy.served.path(),
            pods: running.len(),
            answer: Err(Trouble::NoMetrics),
        },
        scrapers: blocks.into_iter().map(Scraper::of).collect(),
    })
}

/// The sources that DataKit counts what it scrapes from a workload by. Nothing where its annotation does not scrape it, or
/// names a source that DataKit fills in.
fn expected(scraped: &Scraped<'_>) -> Option<Expected> {
    let annotation = scraped.annotation.as_ref().filter(|annotation| annotation.scrapes())?;
    let text = annotation.field.text();
    let pods = || scraped.proxy.pods.iter().filter(|pod| is_running(pod));
    let mut sources = Vec::new();
    let mut interval = 0.0_f64;
    for block in annotation.blocks() {
        interval = interval.max(Scraper::of(block).interval);
        match &block.source {
            Some(source) if text.contains(source.as_str()) => sources.push(source.clone()),
            Some(_) => {}
            None => sources.extend(pods().map(|pod| format!("{}/{}", pod.namespace(), pod.name()))),
        }
    }
    let workload = scraped.proxy.workload.object.title();
    (!sources.is_empty()).then_some(Expected { workload, sources, interval })
}

/// An error's first line, without the program's name in front.
pub(super) fn reason(error: &Error) -> String {
    let text = error.message.lines().next().unwrap_or_default();
    text.strip_prefix("kubectl: ").unwrap_or(text).to_owned()
}
