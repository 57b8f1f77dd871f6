//! What scrapes the proxies of a mesh, and istiod: every way that DataKit is told of, and which of them are in effect.
//! Computed once; what is wrong with it is said elsewhere.

mod instance;
mod proxies;
mod rules;

pub(crate) use instance::{Instance, Unmatched};
pub(crate) use proxies::{Kind, LocalOnly, MeshSettings, Proxy};
pub(crate) use rules::{Discovery, Rules};

use std::collections::HashSet;

use super::control_plane::ControlPlane;
use super::injection::Injection;
use super::policies::{self, Policy};
use super::{Datakit, Pods};
use crate::facts::Version;
use crate::facts::datakit::{SCRAPE_ANNOTATION, WITHOUT_ANNOTATION};
use crate::facts::scrape::{Aim, Block, Reading, aim, read};
use crate::kube::{Field, Inventory, Object};

/// A way in which a proxy is scraped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The pod annotation.
    Annotation,
    /// The same, which a policy adds to pods that are not there yet.
    Policy,
    /// Discovery by `prometheus.io` annotations.
    Discovery,
    /// An instance of kubernetesprometheus: its number among [`Rules::instances`].
    Instance(usize),
    /// An address of a block of prom: its number among [`Rules::addresses`].
    Address(usize),
    /// DataKit's discovery by PodMonitors and ServiceMonitors: its number among [`Rules::monitors`].
    Monitor(usize),
}

/// The scrape annotation of pods.
#[derive(Clone, Debug)]
pub(crate) struct Annotation<'i> {
    pub(crate) field: Field<'i>,
    pub(crate) reading: Reading,
    /// Where its addresses lead, by blocks.
    pub(crate) aims: Vec<(usize, String, Aim)>,
}

impl<'i> Annotation<'i> {
    fn of(field: Field<'i>, text: &str, version: Option<Version>, proxy: &Proxy<'_>, ipv6: bool) -> Self {
        let reading = read(text, version, ipv6);
        let blocks = reading.blocks.iter().enumerate();
        let aims = blocks.flat_map(|(number, block)| {
            block.urls.iter().map(move |url| (number, url.0.clone(), aim(url, &proxy.served, ipv6)))
        });
        let aims = aims.collect();
        Self { field, reading, aims }
    }

    /// Whether it scrapes the proxy.
    pub(crate) fn scrapes(&self) -> bool {
        self.reading.works() && self.aims.iter().any(|(.., aim)| *aim == Aim::Metrics)
    }

    /// The blocks that scrape the proxy.
    pub(crate) fn blocks(&self) -> Vec<&Block> {
        let aimed = self.aims.iter().filter(|(.., aim)| *aim == Aim::Metrics);
        let aimed: HashSet<usize> = aimed.map(|(block, ..)| *block).collect();
        let blocks = self.reading.blocks.iter().enumerate();
        blocks.filter(|(number, _)| aimed.contains(number)).map(|(_, block)| block).collect()
    }

    /// Whether two blocks scrape the same from the proxy.
    pub(crate) fn is_double(&self) -> bool {
        let mut seen = HashSet::new();
        self.blocks().iter().any(|block| !seen.insert((&block.types, &block.filter, &block.filter_ignore)))
    }

    /// Whether nothing of it is about the proxy.
    pub(crate) fn is_of_application(&self) -> bool {
        !self.aims.is_empty() && self.aims.iter().all(|(.., aim)| matches!(aim, Aim::Application(_)))
    }
}

/// Running pods whose annotation is not their template's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stale<'i> {
    pub(crate) pods: Vec<&'i Object>,
    /// How many of them DataKit does not scrape.
    pub(crate) lost: usize,
    /// How many pods run.
    pub(crate) of: usize,
}

/// A proxy, and what scrapes it.
#[derive(Debug)]
pub(crate) struct Scraped<'i> {
    pub(crate) proxy: Proxy<'i>,
    /// The annotation of the template; of the running pods where the template has none.
    pub(crate) annotation: Option<Annotation<'i>>,
    /// Whether only the running pods have the annotation: all of them, or some.
    pub(crate) only_on_pods: Option<(usize, usize)>,
    pub(crate) stale: Stale<'i>,
    /// The ways in effect, by DataKit.
    pub(crate) ways: Vec<Vec<Way>>,
    /// The policy that adds the annotation to new pods, where the template has none.
    pub(crate) policy: Option<&'i Object>,
    /// A monitor of Prometheus' that selects it, where DataKit does not read those.
    pub(crate) monitor: Option<&'i Object>,
}

impl Scraped<'_> {
    /// Whether anything scrapes it. Without a DataKit in view the annotation counts.
    pub(crate) fn is_scraped(&self) -> bool {
        self.ways.iter().any(|ways| !ways.is_empty())
            || (self.ways.is_empty()
                && (self.annotation.as_ref().is_some_and(Annotation::scrapes) || self.is_left_to_policy()))
    }

    /// Whether a policy annotates its pods, none of which is there yet.
    fn is_left_to_policy(&self) -> bool {
        self.policy.is_some() && self.annotation.is_none() && self.proxy.pods.is_empty()
    }
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Scraping<'i> {
    pub(crate) settings: MeshSettings<'i>,
    /// What each DataKit is told, in the order of the mesh's.
    pub(crate) rules: Vec<Rules<'i>>,
    pub(crate) proxies: Vec<Scraped<'i>>,
    /// Policies that add the annotation to new pods.
    pub(crate) policies: Vec<Policy<'i>>,
    pub(crate) ipv6: bool,
    /// The oldest DataKit's version, where one is known.
    pub(crate) version: Option<Version>,
}

impl<'i> Scraping<'i> {
    pub(super) fn of(
        inventory: &'i Inventory,
        datakits: &[Datakit<'i>],
        planes: &[ControlPlane<'i>],
        pods: &Pods<'i>,
        injection: &Injection<'i>,
    ) -> Self {
        let settings = MeshSettings::of(inventory, planes, injection.version);
        let proxies = proxies::all(inventory, datakits, pods, injection, &settings);
        let rules: Vec<Rules<'i>> =
            datakits.iter().map(|datakit| Rules::of(inventory, datakit, &proxies)).collect();
        let version = datakits.iter().filter_map(Datakit::version).min();
        let ipv6 = settings.ipv6;
        let monitors = rules::unread_monitors(inventory, &rules, &proxies);
        let policies = policies::all(inventory);
        let mut scraping = Self { settings, rules, proxies: Vec::new(), policies, ipv6, version };
        let proxies = proxies.into_iter().zip(monitors);
        scraping.proxies =
            proxies.map(|(proxy, monitor)| scraping.scraped(inventory, proxy, monitor)).collect();
        scraping
    }

    fn scraped(&self, inventory: &Inventory, proxy: Proxy<'i>, monitor: Option<&'i Object>) -> Scraped<'i> {
        let field = proxy.workload.annotation(SCRAPE_ANNOTATION);
        let text = field.text();
        let mut annotation = None;
        let mut only_on_pods = None;
        let mut stale = Stale::default();
        if !text.trim().is_empty() {
            annotation = Some(Annotation::of(field, &text, self.version, &proxy, self.ipv6));
            stale = self.stale(&text, &proxy);
        } else if let Some((field, found)) = on_pods(&proxy) {
            annotation = Some(Annotation::of(field, &field.text(), self.version, &proxy, self.ipv6));
            only_on_pods = Some((found, proxy.pods.len()));
        }
        let is_annotated = annotation.as_ref().is_some_and(Annotation::scrapes);
        let is_open = text.trim().is_empty() && proxy.kind == Kind::Sidecar;
        let mut policies = self.policies.iter().filter(|_| is_open);
        let policy = policies.find(|policy| policy.covers(inventory, &proxy.workload));
        let policy = policy.map(|policy| policy.object);
        let mut scraped =
            Scraped { proxy, annotation, only_on_pods, stale, ways: Vec::new(), policy, monitor };
        let is_left_to_policy = scraped.is_left_to_policy();
        let ways = self.rules.iter().map(|rules| rules.ways(&scraped.proxy, is_annotated, is_left_to_policy));
        scraped.ways = ways.collect();
        scraped
    }

    /// The running pods that do not have the template's annotation.
    fn stale(&self, text: &str, proxy: &Proxy<'i>) -> Stale<'i> {
        let mut stale = Stale { of: proxy.pods.len(), ..Stale::default() };
        if proxy.workload.object.kind() == "Pod" {
            return stale;
        }
        let starts = |pod: &&&Object| pod.at(&["status", "phase"]).is("Pending");
        for pod in proxy.pods.iter().filter(|pod| !starts(pod)) {
            let own = pod.annotation(SCRAPE_ANNOTATION);
            let own_text = own.text();
            if own_text == text {
                continue;
            }
            let scrapes = !own_text.trim().is_empty()
                && Annotation::of(own, &own_text, self.version, proxy, self.ipv6).scrapes();
            stale.lost += usize::from(!scrapes);
            stale.pods.push(pod);
        }
        stale
    }
}

/// The annotation of running pods whose template has none, and how many have it.
fn on_pods<'i>(proxy: &Proxy<'i>) -> Option<(Field<'i>, usize)> {
    let own = proxy.pods.iter().map(|pod| pod.annotation(SCRAPE_ANNOTATION));
    let own: Vec<_> = own.filter(|field| !field.text().trim().is_empty()).collect();
    own.first().map(|field| (*field, own.len()))
}

/// Whether a version reads the annotation.
fn reads_annotations(version: Option<Version>) -> bool {
    version != Some(WITHOUT_ANNOTATION)
}
