//! The expressions (CEL) of a policy: whether a pod gets a sidecar, and the annotation that `patch` would write for it.
//!
//! They follow Istio's webhooks and injector (`facts::istio::asked`, `wish`) and the rule `metrics`; labels and values come
//! from there. Each variable refers to those above it only. The settings are in the variable `settings`, a map of strings.

use super::scope::Scope;
use crate::facts::datakit::SCRAPE_ANNOTATION;
use crate::facts::istio::{self, DATAPLANE_LABEL, INJECT, INJECTION_LABEL, REVISION_LABEL};
use crate::facts::kubernetes::{CRON_SUFFIX, DEPLOYMENT_CONFIG, ROLLOUT_HASH, TEMPLATE_HASH};
use crate::rule::{APP_LABELS, VERSION_LABELS};

/// A variable of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) expression: String,
}

fn variable(name: &'static str, expression: impl Into<String>) -> Variable {
    Variable { name, expression: expression.into() }
}

/// A string as CEL takes it.
pub(super) fn string(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// A list of strings as CEL takes it.
fn list(texts: &[&str]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| string(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// Whether the pod `pod` (an expression: a pod, or the pod template of a workload) gets a sidecar and lacks the annotation:
/// the variables `sidecar` and `unannotated`.
pub(super) fn decision(pod: &str, scope: &Scope) -> Vec<Variable> {
    let [inject, injection, revision, dataplane] =
        [INJECT, INJECTION_LABEL, REVISION_LABEL, DATAPLANE_LABEL].map(string);
    let annotation = string(SCRAPE_ANNOTATION);
    let meant = if scope.is_chosen() {
        "true".to_owned()
    } else {
        format!(
            "{revision} in variables.namespaceLabels || {revision} in variables.labels\n  \
             || variables.labels[?{inject}].orValue('') == 'true'"
        )
    };
    let wishes: Vec<&str> = std::iter::once("").chain(istio::INJECT_YES.iter().copied()).collect();
    vec![
        variable("pod", pod),
        variable("labels", "variables.pod.?metadata.?labels.orValue({})"),
        variable("annotations", "variables.pod.?metadata.?annotations.orValue({})"),
        variable("namespaceLabels", "namespaceObject.metadata.?labels.orValue({})"),
        variable(
            "owners",
            "object.metadata.?ownerReferences.orValue([]).filter(o, o.?controller.orValue(false))",
        ),
        variable(
            "asked",
            format!(
                "{injection} in variables.namespaceLabels\n? variables.namespaceLabels[{injection}] == 'enabled'\n: {meant}"
            ),
        ),
        variable(
            "wish",
            format!(
                "variables.labels[?{inject}].or(variables.annotations[?{inject}]).orValue('').lowerAscii()"
            ),
        ),
        variable(
            "sidecar",
            format!(
                "variables.asked\n&& variables.wish in {}\n&& !variables.pod.spec.?hostNetwork.orValue(false)\n\
                 && variables.labels[?{dataplane}].orValue('') != 'ambient'\n\
                 && !variables.owners.exists(o, o.kind == 'Node')",
                list(&wishes)
            ),
        ),
        variable("unannotated", format!("variables.annotations[?{annotation}].orValue('').trim() == ''")),
    ]
}

/// The pod template of any workload that the API server has, or the pod itself.
pub(super) const TEMPLATE: &str = "object.kind == 'Pod' ? dyn(object)\n\
     : object.kind == 'CronJob' ? dyn(object.spec.jobTemplate.spec.template)\n\
     : dyn(object.spec.template)";

/// Whether nothing is to be said about a workload: its pods have no sidecar or have the annotation, or another object made it.
pub(super) const VALIDATION: &str =
    "variables.owners.size() > 0 || !(variables.sidecar && variables.unannotated)";

/// What is said about a workload. It names it: kubectl shows the same warning once only.
pub(super) fn message() -> String {
    let what = format!(
        ": the pod template has no annotation {SCRAPE_ANNOTATION}, by which DataKit scrapes the sidecar; `meshobs patch` adds it"
    );
    format!(
        "object.kind.lowerAscii() + '/' + object.metadata.?name.or(object.metadata.?generateName).orValue('')\n+ {}",
        string(&what)
    )
}

/// The text of the annotation: the variable `text`.
pub(super) fn text() -> Vec<Variable> {
    let labels = |names: &[&str]| format!("{}.map(name, variables.labels[?name].orValue(''))", list(names));
    let [template_hash, rollout_hash, deployment_config] =
        [TEMPLATE_HASH, ROLLOUT_HASH, DEPLOYMENT_CONFIG].map(string);
    vec![
        variable(
            "owner",
            "variables.owners.size() > 0 ? variables.owners[0].name\n\
             : object.metadata.?name.orValue('') != '' ? object.metadata.name\n\
             : object.metadata.?generateName.orValue('').find('^.*[^-]')",
        ),
        variable("ownerKind", "variables.owners.size() > 0 ? variables.owners[0].kind : 'Pod'"),
        variable(
            "hash",
            format!("variables.labels[?{template_hash}].or(variables.labels[?{rollout_hash}]).orValue('')"),
        ),
        variable(
            "kind",
            format!(
                "variables.ownerKind == 'ReplicaSet' && variables.hash != '' && variables.owner.endsWith('-' + variables.hash)\n\
                 ? ({template_hash} in variables.labels ? 'Deployment' : 'Rollout')\n\
                 : variables.ownerKind == 'Job' && variables.owner.matches('.{CRON_SUFFIX}') ? 'CronJob'\n\
                 : variables.ownerKind == 'ReplicationController' && {deployment_config} in variables.labels ? 'DeploymentConfig'\n\
                 : variables.ownerKind"
            ),
        ),
        variable(
            "workload",
            "variables.kind == variables.ownerKind ? variables.owner\n\
             : variables.owner.substring(0, variables.owner.lastIndexOf('-'))",
        ),
        variable(
            "app",
            format!(
                "variables.settings[?'source.' + variables.workload].orValue(\n  ({} + [variables.workload])\n  \
                 .filter(value, value != '')[?0].orValue(''))",
                labels(APP_LABELS)
            ),
        ),
        variable("version", format!("{}.filter(value, value != '')[?0].orValue('')", labels(VERSION_LABELS))),
        // Values may have `{app}` in them where the settings say so, and nothing else can: so that is replaced last.
        variable(
            "source",
            "variables.settings.source_pattern\n\
             .replace('{version}', variables.version)\n\
             .replace('{workload}', variables.workload)\n\
             .replace('{kind}', variables.kind.lowerAscii())\n\
             .replace('{namespace}', request.namespace)\n\
             .replace('{app}', variables.app)",
        ),
        variable("text", "variables.settings.annotation.replace('{source}', variables.source, 1)"),
    ]
}

/// The JSON patch that adds the annotation, or nothing.
pub(super) fn mutation() -> String {
    let escaped = SCRAPE_ANNOTATION.replace('~', "~0").replace('/', "~1");
    let (annotation, path) = (string(SCRAPE_ANNOTATION), string(&format!("/metadata/annotations/{escaped}")));
    format!(
        "!(variables.sidecar && variables.unannotated) ? []\n\
         : has(object.metadata.annotations)\n\
         ? [JSONPatch{{op: 'add', path: {path}, value: variables.text}}]\n\
         : [JSONPatch{{op: 'add', path: '/metadata/annotations', value: {{{annotation}: variables.text}}}}]"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted() {
        assert_eq!(string("a'b\\c\n\"é"), "'a\\'b\\\\c\\n\"é'");
    }
}
