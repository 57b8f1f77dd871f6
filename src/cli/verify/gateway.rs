//! A request through the ingress gateway: the way to it, its page, and what its spans come to.

use std::time::{Duration, Instant};

use super::probe::{Options, Probe, pause};
use crate::cluster::{Forward, Kubectl};
use crate::facts::istio::ADMIN_PORT;
use crate::http::Client;
use crate::kube::{Object, Selector};
use crate::mesh::Mesh;
use crate::mesh::scrape::Kind;
use crate::mesh::services::{ports, selects};
use crate::verify::gateway::{
    CLUSTERS_PATH, Proxy, STATS_PATH, Tracer, Trial, grown, has_arrived, headers, hosts,
};
use crate::verify::span::Trace;
use crate::verify::{GATEWAY_SPAN, INPUTS, PAGE, Report, Row, SPAN, Verdict, page};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// How long a proxy may keep a span before it sends it, and a moment; Istio's flush every 5 s.
const FLUSH: Duration = Duration::from_secs(7);

/// A way to the pages behind the gateway.
pub(super) struct Way {
    url: String,
    /// The host that the rule is for, where it is not the address's.
    host: Option<String>,
    /// For people.
    shown: String,
    _forward: Option<Forward>,
}

/// Finds the way: the user's address, else a port-forward to the Service of an ingress gateway.
pub(super) fn find(kubectl: &Kubectl, mesh: &Mesh<'_>, url: Option<&str>) -> Result<Way, Row> {
    if let Some(url) = url {
        return Ok(Way { url: url.to_owned(), host: None, shown: url.to_owned(), _forward: None });
    }
    let unknown = |why: String| {
        Row::unknown(GATEWAY_SPAN, why, "name the address that your users open: --url http://HOST/PATH")
    };
    let Some((service, port, host, path)) = entrance(mesh) else {
        return Err(unknown("no Gateway in view takes HTTP for a rule".to_owned()));
    };
    let shown = format!("service/{} in {}, port {port}, {path}", service.name(), service.namespace());
    match kubectl.forward(service.namespace(), &format!("service/{}", service.name()), port) {
        Ok(forward) => {
            let url = format!("{}{path}", forward.url());
            let shown =
                host.as_ref().map_or_else(|| shown.clone(), |host| format!("{shown} for host {host}"));
            Ok(Way { url, host, shown, _forward: Some(forward) })
        }
        Err(error) => Err(unknown(format!("no port-forward to {shown}: {}", super::cluster::reason(&error)))),
    }
}

/// The Service of a gateway with a rule, its port, and a host and path that the rule takes.
fn entrance<'i>(mesh: &Mesh<'i>) -> Option<(&'i Object, u16, Option<String>, String)> {
    for gateway in &mesh.routes.gateways.all {
        let bound = mesh.routes.virtual_services.iter().find(|rule| {
            let mut gateways = rule.gateways.iter();
            gateways.any(|(_, home, name)| {
                (home.as_str(), name.as_str()) == (gateway.object.namespace(), gateway.object.name())
            })
        });
        let Some(rule) = bound else { continue };
        let server = gateway.servers().find(|server| matches!(server.protocol().as_str(), "HTTP" | "HTTP2"));
        let Some(port) = server.and_then(|server| server.port()) else { continue };
        let templates = gateway.pods.iter().flat_map(|object| object.pod_templates());
        let labels: Vec<_> = templates.map(|template| template.at(&["metadata", "labels"])).collect();
        let leads_there = |service: &&Object| {
            let selector = Selector::of_map(service.at(&["spec", "selector"]));
            selects(service)
                && gateway.pods.iter().any(|object| object.namespace() == service.namespace())
                && labels.iter().any(|labels| selector.fits(*labels))
                && ports(service).any(|found| found.number() == Some(port))
        };
        let Some(service) = mesh.inventory.of("", "Service").find(leads_there) else { continue };
        let host = rule.object.at(&["spec", "hosts"]).items().next().map(|host| host.text().into_owned());
        let host = host.filter(|host| !host.contains('*') && !host.is_empty());
        return Some((service, u16::try_from(port).ok()?, host, path(rule.object)));
    }
    None
}

/// A path that a rule takes.
fn path(rule: &Object) -> String {
    let mut matches =
        rule.at(&["spec", "http"]).items().flat_map(|route| route.get("match").items().collect::<Vec<_>>());
    let found = matches.find_map(|one| {
        let uri = one.get("uri");
        ["exact", "prefix"]
            .iter()
            .map(|key| uri.get(key).text().into_owned())
            .find(|text| text.starts_with('/'))
    });
    found.unwrap_or_else(|| "/".to_owned())
}

/// The administration of a gateway's proxy.
struct Admin {
    client: Client,
    forward: Forward,
}

impl Admin {
    fn open(kubectl: &Kubectl, mesh: &Mesh<'_>) -> Result<Self, String> {
        let gateways = mesh.scraping.proxies.iter().filter(|scraped| scraped.proxy.kind == Kind::Gateway);
        let mut pods = gateways.flat_map(|scraped| scraped.proxy.pods.iter());
        let pod = pods.find(|pod| super::cluster::is_running(pod)).ok_or("no pod of a gateway runs")?;
        let target = format!("pod/{}", pod.name());
        let forward = kubectl
            .forward(pod.namespace(), &target, ADMIN_PORT)
            .map_err(|error| super::cluster::reason(&error))?;
        Ok(Self { client: Client::new(LIMIT), forward })
    }

    fn ask(&self, path: &str) -> Result<String, String> {
        let answer = self.client.get(&format!("{}{path}", self.forward.url()), &[]);
        answer.map(|answer| answer.body).map_err(|failure| failure.to_string())
    }
}

/// Sends a request, and follows its spans.
pub(super) fn run(
    kubectl: &Kubectl,
    mesh: &Mesh<'_>,
    way: &Way,
    probe: &Probe<'_>,
    options: &Options<'_>,
    (has_page, all): (bool, bool),
    report: &mut Report,
) {
    let admin = Admin::open(kubectl, mesh);
    let stats = |admin: &Admin| -> Result<_, String> {
        Ok((Tracer::of(&admin.ask(STATS_PATH)?), hosts(&admin.ask(CLUSTERS_PATH)?)))
    };
    let before = admin.as_ref().map_err(Clone::clone).and_then(stats);
    let base = probe.now();
    let trace = Trace::new();
    let sent = headers(&trace);
    let mut all_headers: Vec<(&str, &str)> =
        sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all_headers.extend(way.host.as_deref().map(|host| ("host", host)));
    let start = Instant::now();
    let answer = Client::new(LIMIT).get(&way.url, &all_headers).map_err(|failure| failure.to_string());
    if has_page && !options.skip.contains(&PAGE) {
        let policy =
            |answer: &crate::http::Answer| answer.header("content-security-policy").map(str::to_owned);
        let seen = answer.as_ref().map(|answer| (answer.status, answer.body.clone(), policy(answer)));
        report.add([page::row(&way.shown, &seen.map_err(Clone::clone))], options.skip);
    }
    let limit = options.wait.max(FLUSH);
    let mut looks = 0;
    let since = loop {
        let now = base.clone().and_then(|base| {
            let now = probe.now()?;
            now.since(&base).ok_or_else(|| "DataKit restarted while meshobs looked".to_owned())
        });
        let is_done = answer.is_err() || now.as_ref().map_or(true, has_arrived);
        if is_done || start.elapsed() >= limit {
            break now;
        }
        pause(looks);
        looks += 1;
    };
    let after = || -> Result<Proxy, String> {
        let (before, then) = before.clone()?;
        let (after, now) = stats(admin.as_ref().map_err(Clone::clone)?)?;
        Ok(Proxy { before, after, hosts: grown(now, &then) })
    };
    // None was sent where the input does not run.
    let is_broken =
        |link: &str| report.rows.iter().any(|row| row.link == link && row.verdict == Verdict::Failed);
    let takes_none = is_broken(SPAN)
        || (is_broken(INPUTS)
            && !report.rows.iter().any(|row| row.link == SPAN && row.verdict == Verdict::Fine));
    let trial = Trial {
        address: &way.shown,
        answer: answer.map(|answer| answer.status),
        since: since.as_ref().map_err(String::as_str),
        all,
        takes_none,
        proxy: after(),
        waited: start.elapsed(),
    };
    let row = trial.row();
    report.traces.push(trace.id);
    report.add([row], options.skip);
}
