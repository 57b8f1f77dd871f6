//! Nothing is scraped twice, whichever the ways.

use super::{Check, scraping as shared};
use crate::check::Outcome;
use crate::facts::datakit::{DISCOVERY_KEY, ENV_DISCOVERY, SCRAPE_ANNOTATION};
use crate::gate::word;
use crate::mesh::Mesh;
use crate::mesh::scrape::{Discovery, Kind, Rules, Scraped, Way};

pub(super) const CHECK: Check =
    Check { id: "scraped-twice", section: "workloads", title: "no sidecar is scraped twice", run };

/// Two ways of one DataKit that meet on some proxies.
struct Pair<'m, 'i> {
    rules: &'m Rules<'i>,
    ways: [Way; 2],
    on: Vec<&'m Scraped<'i>>,
}

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let mut pairs: Vec<Pair<'_, '_>> = Vec::new();
    for scraped in &mesh.scraping.proxies {
        if scraped.is_scraped() {
            outcome.looked(CHECK.id);
        }
        if scraped.annotation.as_ref().is_some_and(|annotation| annotation.is_double()) {
            double_annotation(scraped, outcome);
        }
        let both = mesh.scraping.rules.iter().zip(&scraped.ways);
        // Each DataKit has nodes of its own: only ways of one DataKit meet.
        let Some((rules, ways)) = both.into_iter().find(|(_, ways)| ways.len() > 1) else { continue };
        let [first, second, ..] = ways.as_slice() else { continue };
        let ways = [first.clone(), second.clone()];
        if is_usual(scraped, &ways) {
            remark(rules, &ways, outcome);
            continue;
        }
        match pairs.iter_mut().find(|pair| std::ptr::eq(pair.rules, rules) && pair.ways == ways) {
            Some(pair) => pair.on.push(scraped),
            None => pairs.push(Pair { rules, ways, on: vec![scraped] }),
        }
    }
    for pair in &pairs {
        report(mesh, pair, outcome);
    }
}

/// istiod's chart has the annotations that discovery goes by, so a file for istiod and discovery meet in every mesh that has
/// both. They store what they get under different names.
fn is_usual(scraped: &Scraped<'_>, ways: &[Way; 2]) -> bool {
    scraped.proxy.kind == Kind::Istiod && matches!(ways, [Way::Discovery, Way::Address(_)])
}

fn remark(rules: &Rules<'_>, [first, second]: &[Way; 2], outcome: &mut Outcome) {
    let remark = format!("istiod is scraped twice: by {} and by {}", rules.name(first), rules.name(second));
    if !outcome.remarks.contains(&remark) {
        outcome.remarks.push(remark);
    }
}

fn double_annotation(scraped: &Scraped<'_>, outcome: &mut Outcome) {
    let Some(annotation) = &scraped.annotation else { return };
    let message = "two blocks of its scrape annotation scrape the same metrics of its sidecar";
    let hint = shared::in_place("remove one of the two blocks, or give them different metric_types");
    outcome.fail(CHECK.id, scraped.proxy.workload.object, annotation.field, message, hint);
}

/// Where most of what one way scrapes is scraped by another one as well, the one that is told once is the cause.
fn report(mesh: &Mesh<'_>, pair: &Pair<'_, '_>, outcome: &mut Outcome) {
    let Pair { rules, ways: [first, second], on } = pair;
    let covered = |way: &Way| {
        mesh.scraping.proxies.iter().filter(|one| one.ways.iter().flatten().any(|own| own == way)).count()
    };
    let names = format!("by {} and by {}", rules.name(first), rules.name(second));
    let place = rules.place(second).filter(|_| on.len() > 1 && on.len() * 2 > covered(second));
    if let Some((object, field)) = place.or_else(|| rules.place(second).filter(|_| *first != Way::Annotation))
    {
        let names = names.replace("by its scrape annotation", "by their scrape annotations");
        let message = format!("sidecars are scraped twice: {names}");
        let finding = outcome.fail(CHECK.id, object, field, message, remedy(rules, second));
        let kinds =
            on.iter().map(|scraped| scraped.proxy.workload.object.title()).take(3).collect::<Vec<_>>();
        let more = if on.len() > 3 { ", …" } else { "" };
        let count = shared::workloads(on.len(), "is scraped twice", "are scraped twice");
        finding.leads_to(format!("{count}: {}{more}", kinds.join(", ")));
        return;
    }
    for scraped in on {
        let Some(annotation) = &scraped.annotation else { continue };
        let message = format!("its sidecar is scraped twice: {names}");
        let hint = format!("remove the annotation {SCRAPE_ANNOTATION} from its pod template");
        outcome.fail(CHECK.id, scraped.proxy.workload.object, annotation.field, message, hint);
    }
}

/// What takes a way away that is not the annotation.
fn remedy(rules: &Rules<'_>, way: &Way) -> String {
    match way {
        Way::Discovery => match rules.discovery {
            Discovery::On(object, _) if object.kind() == "ConfigMap" => {
                format!(
                    "remove {DISCOVERY_KEY} from {}, or the annotations {SCRAPE_ANNOTATION}",
                    object.title()
                )
            }
            Discovery::On(object, field) if object.spot(field.offset()).is_none() => format!(
                "kubectl set env -n {} {} {ENV_DISCOVERY}-",
                word(object.namespace()),
                word(&object.reference())
            ),
            _ => format!("remove {ENV_DISCOVERY} from {}", rules.object.title()),
        },
        Way::Instance(number) => match rules.instances.get(*number) {
            Some(instance) => {
                format!("remove one of the two: this instance from `{}`, or the other way", instance.file)
            }
            None => "remove one of the two".to_owned(),
        },
        Way::Address(number) => match rules.addresses.get(*number) {
            Some(address) => format!("remove the block with {} from `{}`", address.url, address.file),
            None => "remove one of the two".to_owned(),
        },
        Way::Annotation | Way::Policy | Way::Monitor(_) => "remove one of the two".to_owned(),
    }
}
