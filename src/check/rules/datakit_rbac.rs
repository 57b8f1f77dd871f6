//! DataKit may read what it collects: its ServiceAccount exists and is bound to a ClusterRole that grants it.

use std::borrow::Cow;
use std::collections::HashSet;

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::{RESOURCES, verbs};
use crate::gate::command;
use crate::kube::{Field, Object};
use crate::mesh::{Datakit, Mesh};
use crate::spelling::nearest;

pub(super) const CHECK: Check =
    Check { id: "datakit-rbac", section: "DataKit", title: "DataKit may read what it collects", run };

const RBAC: &str = "rbac.authorization.k8s.io";

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    for datakit in &mesh.datakits {
        one(mesh, datakit, outcome);
    }
}

/// The ServiceAccount of a pod.
fn account<'i>(datakit: &Datakit<'i>) -> (String, Field<'i>) {
    let spec = datakit.spec();
    let names = ["serviceAccountName", "serviceAccount"].map(|key| spec.get(key));
    let found = names.into_iter().find(|field| !field.text().is_empty());
    found.map_or_else(|| ("default".to_owned(), spec), |field| (field.text().into_owned(), field))
}

fn one(mesh: &Mesh<'_>, datakit: &Datakit<'_>, outcome: &mut Outcome) {
    let inventory = mesh.inventory;
    let (name, field) = account(datakit);
    let namespace = datakit.object.namespace();
    let may_miss = |group: &str, kinds: &str| inventory.may_miss(group, kinds);
    let in_view = inventory.of("", "ServiceAccount").next().is_some();
    let exists = inventory.get("", "ServiceAccount", namespace, &name).is_some();
    if inventory.live && in_view && !exists && !may_miss("", "serviceaccounts") {
        let message = format!(
            "ServiceAccount `{name}` does not exist in namespace `{namespace}`, so no pod can be created"
        );
        let hint = command!("kubectl create serviceaccount -n {} {}", namespace, name);
        outcome.fail(CHECK.id, datakit.object, field, message, hint).leads_to("no DataKit runs");
        return;
    }
    if without_token(mesh, datakit, &name, outcome) {
        return;
    }
    let bindings: Vec<&Object> = inventory.of(RBAC, "ClusterRoleBinding").collect();
    let stated = datakit.object.stated_namespace().is_some() || inventory.live;
    let bound: Vec<&&Object> =
        bindings.iter().filter(|binding| binds(binding, &name, namespace, stated)).collect();
    if bound.is_empty() {
        return unbound(mesh, datakit, &bindings, &name, field, outcome);
    }
    grants(mesh, datakit, &bound, outcome);
}

/// Whether pods get no token for the API server; what the pod says goes before what its ServiceAccount says.
fn without_token(mesh: &Mesh<'_>, datakit: &Datakit<'_>, account: &str, outcome: &mut Outcome) -> bool {
    const KEY: &str = "automountServiceAccountToken";
    let of_pod = datakit.spec().get(KEY);
    let account = mesh.inventory.get("", "ServiceAccount", datakit.object.namespace(), account);
    let (object, field) = match account {
        Some(account) if !of_pod.is_set() => (account, account.at(&[KEY])),
        _ => (datakit.object, of_pod),
    };
    if field.truth() != Some(false) {
        return false;
    }
    let message = format!("{KEY} is false, so DataKit cannot ask the API server for pods");
    let finding = outcome.fail(CHECK.id, object, field, message, format!("remove {KEY}, or set it to true"));
    finding.leads_to("annotated pods are not found");
    true
}

/// Whether a binding has a ServiceAccount among its subjects.
fn binds(binding: &Object, name: &str, namespace: &str, stated: bool) -> bool {
    binding.at(&["subjects"]).items().any(|subject| {
        let is = |key: &str, text: &str| subject.get(key).is(text);
        let of_account =
            is("kind", "ServiceAccount") && is("name", name) && (!stated || is("namespace", namespace));
        let of_user = is("kind", "User") && is("name", &format!("system:serviceaccount:{namespace}:{name}"));
        let of_group = is("kind", "Group")
            && (is("name", "system:serviceaccounts")
                || is("name", "system:authenticated")
                || is("name", &format!("system:serviceaccounts:{namespace}")));
        of_account || of_user || (of_group && of_datakit(binding))
    })
}

/// Whether a binding for a whole group is more than one of those that every cluster has.
fn of_datakit(binding: &Object) -> bool {
    !binding.name().starts_with("system:")
}

fn unbound(
    mesh: &Mesh<'_>,
    datakit: &Datakit<'_>,
    bindings: &[&Object],
    name: &str,
    field: Field<'_>,
    outcome: &mut Outcome,
) {
    let namespace = datakit.object.namespace();
    // A binding that means this DataKit: by its role's name, or by its subject's.
    let meant = bindings.iter().find(|binding| {
        binding.at(&["subjects"]).items().any(|subject| {
            subject.get("kind").is("ServiceAccount") && subject.get("name").is(name) && name != "default"
        }) || binding.name() == name
            || binding.at(&["roleRef", "name"]).text().contains("datakit")
    });
    if let Some(binding) = meant {
        let subject = binding.at(&["subjects", "0"]);
        let text = |key: &str| subject.get(key).text();
        let message = format!(
            "it binds {} `{}` in namespace `{}`, and DataKit runs as ServiceAccount `{name}` in namespace `{namespace}`: \
             DataKit may not read pods, nodes and services",
            text("kind"),
            text("name"),
            text("namespace")
        );
        let hint = if mesh.inventory.live {
            command!(
                "kubectl set subject clusterrolebinding {} --serviceaccount={}",
                binding.name(),
                format!("{namespace}:{name}")
            )
        } else {
            format!("write the subject as ServiceAccount `{name}` in namespace `{namespace}`")
        };
        outcome.fail(CHECK.id, binding, subject, message, hint).leads_to("annotated pods are not found");
        return;
    }
    let role =
        mesh.inventory.of(RBAC, "ClusterRole").find(|role| role.name() == name || role.name() == "datakit");
    let readable = mesh.inventory.live && !bindings.is_empty();
    if role.is_none() && !readable {
        let message = "no ClusterRoleBinding for DataKit's ServiceAccount is in view";
        return outcome.unknown(CHECK.id, datakit.object, field, message);
    }
    let role = role.map_or("datakit", Object::name);
    let message = format!(
        "no ClusterRoleBinding binds ServiceAccount `{name}` in namespace `{namespace}`, so DataKit may not read pods, nodes \
         and services"
    );
    let hint = if mesh.inventory.live {
        command!(
            "kubectl create clusterrolebinding datakit --clusterrole={} --serviceaccount={}",
            role,
            format!("{namespace}:{name}")
        )
    } else {
        format!(
            "add a ClusterRoleBinding of ClusterRole `{role}` for ServiceAccount `{name}` in namespace `{namespace}`"
        )
    };
    outcome.fail(CHECK.id, datakit.object, field, message, hint).leads_to("annotated pods are not found");
}

/// Whether the roles of bindings grant what DataKit reads.
fn grants(mesh: &Mesh<'_>, datakit: &Datakit<'_>, bound: &[&&Object], outcome: &mut Outcome) {
    let mut roles = Vec::new();
    for binding in bound {
        let name = binding.at(&["roleRef", "name"]);
        match mesh.inventory.get_global(RBAC, "ClusterRole", &name.text()) {
            Some(role) => roles.push(role),
            None => {
                let any = !mesh.inventory.may_miss(RBAC, "clusterroles");
                if !mesh.inventory.live
                    && let Some(meant) = meant_role(mesh, &name.text())
                {
                    let message = format!(
                        "it binds ClusterRole `{}`, which is not among the files, and nothing binds `{}`: DataKit may read nothing",
                        name.text(),
                        meant.name()
                    );
                    let hint = format!("write `{}` instead of `{}`", meant.name(), name.text());
                    outcome
                        .fail(CHECK.id, binding, name, message, hint)
                        .leads_to("annotated pods are not found");
                } else if mesh.inventory.live && any {
                    let message = format!(
                        "its ClusterRole `{}` does not exist, so DataKit may read nothing",
                        name.text()
                    );
                    let hint = command!(
                        "kubectl create clusterrole {} --verb={} --resource={}",
                        name.text(),
                        verbs(datakit.version()).join(","),
                        RESOURCES.join(",")
                    );
                    outcome
                        .fail(CHECK.id, binding, name, message, hint)
                        .leads_to("annotated pods are not found");
                } else {
                    outcome.unknown(
                        CHECK.id,
                        binding,
                        name,
                        format!("ClusterRole `{}` is not in view", name.text()),
                    );
                }
                return;
            }
        }
    }
    outcome.looked(CHECK.id);
    if roles.iter().any(|role| role.at(&["aggregationRule"]).is_set() && !role.at(&["rules", "0"]).exists()) {
        return;
    }
    let needed = verbs(datakit.version());
    let lacks =
        |resource: &&str| !needed.iter().all(|verb| roles.iter().any(|role| allows(role, resource, verb)));
    let lacking: Vec<&str> = RESOURCES.iter().copied().filter(|resource| lacks(resource)).collect();
    let Some(role) = roles.first().filter(|_| !lacking.is_empty()) else { return };
    let verbs = needed.join(", ");
    let message = format!("it does not let DataKit {verbs} {}", lacking.join(", "));
    let hint = format!(
        "add a rule to ClusterRole `{}`: {{apiGroups: [\"\"], resources: [{}], verbs: [{verbs}]}}",
        role.name(),
        lacking.join(", ")
    );
    let finding = outcome.fail(CHECK.id, role, role.at(&["rules"]), message, hint);
    if lacking.contains(&"pods") {
        finding.leads_to("annotated pods are not found");
    }
}

/// The ClusterRole among files that a binding means by a name that none has: one that lets pods be read, and that no binding
/// names.
fn meant_role<'i>(mesh: &Mesh<'i>, name: &str) -> Option<&'i Object> {
    let bindings = ["ClusterRoleBinding", "RoleBinding"].into_iter();
    let bound: HashSet<Cow<'_, str>> = bindings
        .flat_map(|kind| mesh.inventory.of(RBAC, kind))
        .map(|binding| binding.text(&["roleRef", "name"]))
        .collect();
    let mut roles = mesh.inventory.of(RBAC, "ClusterRole").filter(|role| !bound.contains(role.name()));
    roles.find(|role| {
        (nearest(name, [role.name()]).is_some() || role.name().contains("datakit"))
            && allows(role, "pods", "list")
    })
}

fn allows(role: &Object, resource: &str, verb: &str) -> bool {
    role.at(&["rules"]).items().any(|rule| {
        let has = |key: &str, text: &str| rule.get(key).items().any(|item| item.is(text) || item.is("*"));
        let named = rule.get("resourceNames").items().next().is_some();
        has("apiGroups", "") && has("resources", resource) && has("verbs", verb) && !named
    })
}
