//! What is in effect for one workload, and what decides it: injected how, traced where to, scraped by what, logged how.
//!
//! One function an aspect. Nothing here is a finding.

use std::collections::HashMap;

use super::Outcome;
use crate::facts::datakit::{
    LOG_FILTERS, LOGS_ANNOTATION, LOGS_VARIABLE, SCRAPE_ANNOTATION, logs_annotation,
};
use crate::facts::istio;
use crate::kube::{Field, Object};
use crate::mesh::injection::{Block, Decision, Member, Outside};
use crate::mesh::scrape::{Scraped, Way};
use crate::mesh::tracing::Spans;
use crate::mesh::{Mesh, Workload};

/// Whether something is in effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is, with evidence.
    On,
    /// It is not.
    Off,
    /// It depends on what is not in view.
    Unknown,
}

/// One answer about a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Aspect {
    /// `injected`, `traced`, `scraped`, `logged`.
    pub(super) name: &'static str,
    pub(super) state: State,
    /// How, or why not.
    pub(super) answer: String,
    /// The objects and fields that decide it.
    pub(super) decided_by: Vec<String>,
}

/// What answers about all workloads need, gathered once.
pub(super) struct Effects<'m, 'i> {
    mesh: &'m Mesh<'i>,
    outcome: &'m Outcome,
    /// Which of the mesh's members each pod template is, by its object and place.
    members: HashMap<(*const Object, usize), usize>,
    /// Where the sidecars of each workload send spans; and what decides it.
    spans: HashMap<*const Object, (State, String, String)>,
    /// Which of the mesh's proxies each workload is.
    proxies: HashMap<*const Object, usize>,
}

impl<'m, 'i> Effects<'m, 'i> {
    pub(super) fn of(mesh: &'m Mesh<'i>, outcome: &'m Outcome) -> Self {
        Self {
            mesh,
            outcome,
            members: (mesh.injection.members.iter().enumerate())
                .map(|(number, member)| {
                    let Workload { object, template } = member.workload;
                    ((std::ptr::from_ref(object), template.offset()), number)
                })
                .collect(),
            spans: spans(mesh),
            proxies: mesh
                .scraping
                .proxies
                .iter()
                .enumerate()
                .map(|(number, scraped)| (std::ptr::from_ref(scraped.proxy.workload.object), number))
                .collect(),
        }
    }

    /// All aspects of a workload.
    pub(super) fn aspects(&self, workload: &Workload<'_>) -> [Aspect; 4] {
        [self.injected(workload), self.traced(workload), self.scraped(workload), self.logged(workload)]
    }

    /// Whether its pods have a sidecar, and what decides that.
    pub(super) fn injected(&self, workload: &Workload<'_>) -> Aspect {
        let (state, answer, by) = self.injection(workload);
        Aspect { name: "injected", state, answer, decided_by: by }
    }

    fn injection(&self, workload: &Workload<'_>) -> (State, String, Vec<String>) {
        let key = (std::ptr::from_ref(workload.object), workload.template.offset());
        let member = self.members.get(&key).and_then(|number| self.mesh.injection.members.get(*number));
        let Some(member) = member else {
            return (State::Unknown, "it is no application of the mesh".to_owned(), Vec::new());
        };
        let by = decided_by(member, self.mesh);
        let asks = !matches!(member.decision, Decision::Own | Decision::Ambient | Decision::Outside(_))
            || matches!(member.decision, Decision::Outside(Outside::NotAsked));
        if self.mesh.inventory.live && !member.pods.is_empty() && (asks || member.has_proxies()) {
            let bare = member.bare_pods().count();
            let with = member.pods.len() - bare;
            let state = if bare == 0 { State::On } else { State::Off };
            return (state, format!("{with} of {} pods have a sidecar", member.pods.len()), by);
        }
        let (state, answer) = answer(member);
        (state, answer, by)
    }

    /// Where its sidecars send spans.
    pub(super) fn traced(&self, workload: &Workload<'_>) -> Aspect {
        let aspect = |state, answer: String, decided_by| Aspect { name: "traced", state, answer, decided_by };
        let injected = self.injected(workload);
        if injected.state == State::Off {
            return aspect(State::Off, "no: it has no sidecar".to_owned(), injected.decided_by);
        }
        let Some((state, target, from)) = self.spans.get(&std::ptr::from_ref(workload.object)) else {
            return aspect(State::Unknown, "the mesh configuration is not in view".to_owned(), Vec::new());
        };
        let by = vec![from.clone()];
        if *state != State::On {
            return aspect(*state, target.clone(), by);
        }
        if injected.state == State::Unknown {
            let answer = format!("to {target}, if it has a sidecar: {}", injected.answer);
            return aspect(State::Unknown, answer, by);
        }
        // The way to DataKit is judged by the checks.
        let is_tracing = |id: &str| id.starts_with("tracing") || id == "datakit-zipkin";
        let is_proven = ["tracing-path", "datakit-zipkin"].iter().all(|id| self.outcome.checked.contains(id));
        let is_open = self.outcome.unknowns.iter().any(|unknown| is_tracing(unknown.id));
        if !is_proven || is_open {
            return aspect(State::Unknown, format!("to {target}; the way to DataKit is not in view"), by);
        }
        aspect(State::On, format!("to {target}"), by)
    }

    /// What collects its sidecars' metrics.
    pub(super) fn scraped(&self, workload: &Workload<'_>) -> Aspect {
        let aspect =
            |state, answer: String, decided_by| Aspect { name: "scraped", state, answer, decided_by };
        let injected = self.injected(workload);
        if injected.state == State::Off {
            return aspect(State::Off, "no: it has no sidecar".to_owned(), injected.decided_by);
        }
        if self.mesh.datakits.is_empty() {
            let own = workload.annotation(SCRAPE_ANNOTATION).is_set();
            let by = own.then(|| format!("{}: annotation {SCRAPE_ANNOTATION}", workload.object.title()));
            return aspect(State::Unknown, "DataKit is not in view".to_owned(), by.into_iter().collect());
        }
        let proxies = self.proxies.get(&std::ptr::from_ref(workload.object));
        let scraped = proxies.and_then(|number| self.mesh.scraping.proxies.get(*number));
        let Some(scraped) = scraped else {
            return aspect(State::Unknown, "whether it has a sidecar is not in view".to_owned(), Vec::new());
        };
        let ways = scraped_by(self.mesh, scraped);
        if ways.is_empty() {
            let unseen = self.mesh.scraping.rules.iter().find_map(|rules| rules.unseen.as_ref());
            if let Some((_, what)) = unseen.filter(|_| scraped.annotation.is_none()) {
                return aspect(State::Unknown, format!("DataKit's {what} is not in view"), ways);
            }
            return aspect(State::Off, "no: nothing scrapes its sidecar".to_owned(), ways);
        }
        if injected.state == State::Unknown {
            return aspect(State::Unknown, format!("if it has a sidecar: {}", injected.answer), ways);
        }
        aspect(State::On, "by DataKit".to_owned(), ways)
    }

    /// How its containers' output is collected.
    pub(super) fn logged(&self, workload: &Workload<'_>) -> Aspect {
        let aspect = |state, answer: &str, decided_by| Aspect {
            name: "logged",
            state,
            answer: answer.to_owned(),
            decided_by,
        };
        let own: Vec<_> =
            workload.spec().get("containers").items().map(|one| own_logs(workload, one)).collect();
        let mut by: Vec<String> = own.iter().flatten().map(|own| own.place.clone()).collect();
        by.dedup();
        let disabled = own.iter().flatten().filter(|own| own.is_disabled).count();
        if disabled > 0 && disabled == own.len() {
            return aspect(State::Off, "no: its own configuration disables it", by);
        }
        let Some(datakit) = self.mesh.datakits.first() else {
            return aspect(State::Unknown, "DataKit is not in view", by);
        };
        by.push(format!("{}: enabled inputs", datakit.object.title()));
        if !datakit.enabled_inputs().iter().any(|name| name == "container") {
            return aspect(State::Off, "no: `container` is not among DataKit's enabled inputs", by);
        }
        if own.iter().any(Option::is_none)
            && let Some(filter) = self.log_filter()
        {
            by.push(filter);
            return aspect(State::Unknown, "DataKit's lists of included and excluded containers decide", by);
        }
        let some = format!("by DataKit's input container, {disabled} of {} containers disabled", own.len());
        aspect(State::On, if disabled > 0 { &some } else { "by DataKit's input container" }, by)
    }

    /// Where DataKit is told to take the output of some containers only.
    fn log_filter(&self) -> Option<String> {
        let is_filter = |block: &toml::Table| {
            let list = |key| block.get(key).and_then(toml::Value::as_array);
            LOG_FILTERS.iter().any(|(_, key)| list(*key).is_some_and(|list| !list.is_empty()))
        };
        self.mesh.datakits.iter().find_map(|datakit| {
            let is_set = |(variable, _): &&(&str, &str)| !datakit.env_text(variable).is_empty();
            if let Some((variable, _)) = LOG_FILTERS.iter().find(is_set) {
                return Some(format!("{}: {variable}", datakit.object.title()));
            }
            let (file, _) = datakit.conf.blocks("container").find(|(_, block)| is_filter(block))?;
            Some(format!("{}: input container", file.object.title()))
        })
    }
}

/// What a container's own configuration says about its output.
struct OwnLogs {
    /// What it stands in.
    place: String,
    is_disabled: bool,
}

/// Its variable, else the annotation for it, else the one for all containers.
fn own_logs(workload: &Workload<'_>, container: Field<'_>) -> Option<OwnLogs> {
    let title = workload.object.title();
    let variable = container.get("env").items().find(|variable| variable.get("name").is(LOGS_VARIABLE));
    let for_it = logs_annotation(&container.get("name").text());
    let found = variable.map(|variable| (format!("{title}: {LOGS_VARIABLE}"), variable.get("value")));
    let annotation = |name: &str| {
        let field = workload.annotation(name);
        field.is_set().then(|| (format!("{title}: annotation {name}"), field))
    };
    let (place, field) = found.or_else(|| annotation(&for_it)).or_else(|| annotation(LOGS_ANNOTATION))?;
    let rules: Vec<serde_json::Value> = serde_json::from_str(&field.text()).unwrap_or_default();
    let is_disabled = rules.iter().any(|rule| rule.get("disable").is_some_and(|value| value == true));
    Some(OwnLogs { place, is_disabled })
}

/// What scrapes a proxy, and where that is said.
fn scraped_by(mesh: &Mesh<'_>, scraped: &Scraped<'_>) -> Vec<String> {
    let of_rules = mesh.scraping.rules.iter().zip(&scraped.ways);
    let ways = of_rules.flat_map(|(rules, ways)| ways.iter().map(move |way| (rules, way)));
    let mut found: Vec<String> = ways
        .map(|(rules, way)| match rules.place(way) {
            None => {
                let policy = scraped.policy.filter(|_| *way == Way::Policy);
                let object = policy.unwrap_or(scraped.proxy.workload.object);
                format!("{}: annotation {SCRAPE_ANNOTATION}", object.title())
            }
            Some((object, _)) => format!("{}: {}", object.title(), rules.name(way)),
        })
        .collect();
    found.dedup();
    found
}

/// Whether pods of a workload get a sidecar, in a sentence.
fn answer(member: &Member<'_>) -> (State, String) {
    let no = |why: String| (State::Off, format!("no: {why}"));
    match &member.decision {
        Decision::Own => (State::On, "yes: the pod template has the container istio-proxy".to_owned()),
        Decision::Injected(_) => (State::On, "yes: by Istio's webhook".to_owned()),
        Decision::Ambient => no("ambient mode takes its pods into the mesh without one".to_owned()),
        Decision::Outside(Outside::HostNetwork) => no("pods with hostNetwork get no sidecar".to_owned()),
        Decision::Outside(Outside::Namespace) => no("Istio injects nothing in this namespace".to_owned()),
        Decision::Outside(Outside::OptedOut) if member.said().exists() => {
            no(format!("{} is \"{}\"", istio::INJECT, member.said().text()))
        }
        Decision::Outside(Outside::OptedOut) => no("its namespace says no".to_owned()),
        Decision::Outside(Outside::NotAsked) => no("its namespace has no injection label".to_owned()),
        Decision::Blocked(block, ..) => no(match block {
            Block::NamespaceValue(value) => {
                format!("the label {} of its namespace is `{value}`", istio::INJECTION_LABEL)
            }
            Block::NamespaceSaysNo => "its namespace says no, which goes before its own label".to_owned(),
            Block::NotExactly(value) => format!("{} is `{value}`, not exactly `true`", istio::INJECT),
            Block::AnnotationAlone => "an annotation can only opt out; a label asks for one".to_owned(),
            Block::NoRevision(name) => format!("no webhook is of the revision or tag `{name}`"),
            Block::NoDefault => "no webhook is of the default revision".to_owned(),
            Block::NoWebhook => "there is no webhook of Istio's injector".to_owned(),
            Block::NotSelected(name) => format!("the selectors of webhook `{name}` leave it out"),
            Block::Policy => "the injector's policy is disabled".to_owned(),
            Block::Never => "the injector's neverInjectSelector matches its pods".to_owned(),
        }),
        Decision::Unknown => {
            let namespace = member.workload.object.namespace();
            (State::Unknown, format!("namespace `{namespace}` is not in view"))
        }
    }
}

/// The object and field that decide whether pods of a workload get a sidecar.
fn decided_by(member: &Member<'_>, mesh: &Mesh<'_>) -> Vec<String> {
    let object = member.workload.object;
    let own = |field: &str| format!("{}: {field}", object.title());
    let home = |label: &str| format!("namespace/{}: label {label}", object.namespace());
    let asks = |name: &str| member.workload.labels().get(name).is_set();
    vec![match &member.decision {
        Decision::Own => own("spec.template.spec"),
        Decision::Outside(Outside::HostNetwork) => own("hostNetwork"),
        Decision::Outside(Outside::Namespace) | Decision::Unknown => {
            format!("namespace/{}", object.namespace())
        }
        Decision::Outside(Outside::OptedOut) if member.said().exists() => own(istio::INJECT),
        Decision::Outside(_) => home(istio::INJECTION_LABEL),
        Decision::Ambient => home(istio::DATAPLANE_LABEL),
        Decision::Blocked(Block::NamespaceValue(_) | Block::NamespaceSaysNo, ..) => {
            home(istio::INJECTION_LABEL)
        }
        Decision::Blocked(Block::NotExactly(_) | Block::AnnotationAlone, ..) => own(istio::INJECT),
        Decision::Blocked(_, by, _) => by.title(),
        Decision::Injected(_) if asks(istio::INJECT) => own(istio::INJECT),
        Decision::Injected(_) if asks(istio::REVISION_LABEL) => own(istio::REVISION_LABEL),
        Decision::Injected(_) => {
            let namespace = mesh.inventory.get_global("", "Namespace", object.namespace());
            let injects = namespace.is_some_and(|found| !found.label(istio::INJECTION_LABEL).is_empty());
            home(if injects { istio::INJECTION_LABEL } else { istio::REVISION_LABEL })
        }
    }]
}

/// Where the sidecars of each workload send spans: the state, the address or the reason, and what decides it.
fn spans(mesh: &Mesh<'_>) -> HashMap<*const Object, (State, String, String)> {
    let decisions = mesh.tracing.decisions();
    let of_workloads =
        decisions.iter().filter_map(|decision| Some((decision.proxy.object?, &decision.spans)));
    let described = of_workloads.map(|(object, spans)| {
        let (state, answer, from) = match spans {
            Spans::Bootstrap { address, from } => (State::On, address.clone(), from),
            Spans::Provider { provider, from } => {
                let endpoint = provider.endpoint();
                let service = endpoint.and_then(|endpoint| endpoint.service.as_deref()).unwrap_or_default();
                let port = endpoint.map_or(0, |endpoint| endpoint.port_number());
                (State::On, format!("{}:{port}", service.rsplit('/').next().unwrap_or(service)), from)
            }
            Spans::Off { from, .. } => (State::Off, "no: see the findings about tracing".to_owned(), from),
            Spans::Unknown { from, .. } => {
                (State::Unknown, "what decides it is not in view".to_owned(), from)
            }
        };
        (std::ptr::from_ref(object), (state, answer, from.object.title()))
    });
    described.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::read_text;

    const DATAKIT: &str = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: datakit, namespace: datakit}\nspec: {template: {spec: \
                           {containers: [{name: datakit, image: 'datakit:1.84.0', env: [{name: ENV_DEFAULT_ENABLED_INPUTS, value: \
                           container}, {name: X, value: x}]}]}}}\n---\n";
    /// A workload with a sidecar of its own; more of its template's metadata and container.
    fn workload(annotations: &str, container: &str) -> String {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a, namespace: prod}}\nspec: {{template: {{metadata: {{labels: \
             {{app: a}}, annotations: {{{annotations}}}}}, spec: {{containers: [{{name: a, image: a{container}}}], initContainers: \
             [{{name: istio-proxy}}]}}}}}}\n---\n"
        )
    }

    fn aspect(text: &str, name: &str) -> Aspect {
        let (inventory, problems) = read_text("a.yaml", text);
        assert_eq!(problems, []);
        let mesh = Mesh::of(&inventory);
        let outcome = Outcome { checked: vec!["tracing-path", "datakit-zipkin"], ..Outcome::default() };
        let effects = Effects::of(&mesh, &outcome);
        let workload = mesh.applications.first().unwrap();
        effects.aspects(workload).into_iter().find(|aspect| aspect.name == name).unwrap()
    }

    #[test]
    fn logs_are_collected_unless_something_says_otherwise() {
        let disabled = "'[{\"disable\": true}]'";
        for (annotations, container, datakit, state) in [
            (String::new(), String::new(), DATAKIT.to_owned(), State::On),
            (String::new(), String::new(), String::new(), State::Unknown),
            (String::new(), String::new(), DATAKIT.replace("value: container", "value: cpu"), State::Off),
            (format!("datakit/logs: {disabled}"), String::new(), DATAKIT.to_owned(), State::Off),
            (format!("datakit/a.logs: {disabled}"), String::new(), DATAKIT.to_owned(), State::Off),
            (format!("datakit/b.logs: {disabled}"), String::new(), DATAKIT.to_owned(), State::On),
            (
                format!("datakit/logs: {disabled}"),
                ", env: [{name: DATAKIT_LOGS_CONFIG, value: '[{}]'}]".to_owned(),
                DATAKIT.to_owned(),
                State::On,
            ),
            (
                String::new(),
                String::new(),
                DATAKIT.replace("name: X", "name: ENV_INPUT_CONTAINER_CONTAINER_EXCLUDE_LOG"),
                State::Unknown,
            ),
            (
                "datakit/logs: '[{}]'".to_owned(),
                String::new(),
                DATAKIT.replace("name: X", "name: ENV_INPUT_CONTAINER_CONTAINER_EXCLUDE_LOG"),
                State::On,
            ),
        ] {
            let found = aspect(&(workload(&annotations, &container) + &datakit), "logged");
            assert_eq!(found.state, state, "{annotations} {container} {datakit}: {}", found.answer);
        }
    }
}
