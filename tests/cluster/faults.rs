//! What can go wrong while `install` runs against a real API server: pods that fail, kubectl or the server that dies, a second
//! installation, missing rights, Ctrl-C.

use std::fs;

use crate::support::place::{APPLICATION, Place, TOKEN, judge, real_kubectl, same};
use crate::support::{Done, Meshobs};
use serde_json::{Value, json};

/// What a kubelet would say of a pod.
const EVENT: &str = "\
apiVersion: v1
kind: Event
metadata:
  name: said
  namespace: prod
involvedObject:
  kind: Pod
  name: productpage-v1-x
  namespace: prod
type: Warning
reason: Failed
message: 'no such image: tkn_0123456789abcdef0123456789abcdef'
";

#[test]
fn what_cannot_be_done_is_said_with_its_cause() {
    let Some(place) = Place::new() else { return };
    let Some(fail) = place.cluster.failing() else { return };
    fs::write(&fail, "productpage-*\n").unwrap();
    place.cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: prod\n");
    place.cluster.apply(EVENT);
    let done = place.install(&["--timeout", "8s"]);
    assert_eq!(done.status, 2, "{}", done.stderr);
    assert!(
        done.stderr.contains("deployment/productpage-v1 in prod did not roll out (productpage-v1-"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr.contains("ImagePullBackOff") && done.stderr.contains("run it again"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("\n    Failed: no such image: tkn_****"), "{}", done.stderr);
    // The next rollout is slow, and that is no fault.
    let done = std::thread::scope(|scope| {
        let run = scope.spawn(|| place.install(&["--timeout", "60s"]));
        std::thread::sleep(std::time::Duration::from_secs(8));
        assert!(!run.is_finished());
        fs::write(&fail, "").unwrap();
        run.join().unwrap()
    });
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);

    // A field that another manager owns.
    let port = r#"{"spec":{"ports":[{"name":"http-zipkin","port":9411,"targetPort":1,"protocol":"TCP"}]}}"#;
    let patch = ["patch", "service/datakit-service-ext", "-n", "datakit", "--type", "merge"];
    let patch = [&patch[..], &["--field-manager", "other", "-p", port]].concat();
    place.cluster.kubectl(&patch, "");
    let done = place.install(&[]);
    assert_eq!(done.status, 2, "{}", done.stderr);
    assert!(done.stderr.contains("\"other\"") && done.stderr.contains(".targetPort"), "{}", done.stderr);
    assert!(done.stderr.contains("--force-conflicts"), "{}", done.stderr);
    let done = place.install(&["--force-conflicts"]);
    assert_eq!(done.status, 0, "{}", done.stderr);
}

/// A kubectl that dies once it has applied a Deployment, as a kill or a broken line would have it.
const DYING: &str = "#!/bin/sh
case \"$*\" in
*apply*--dry-run*) exec \"$REAL\" \"$@\" ;;
*apply*) cat > \"$HOME/in\"
  \"$REAL\" \"$@\" < \"$HOME/in\" || exit $?
  grep -q 'kind: Deployment' \"$HOME/in\" && kill -9 $$
  exit 0 ;;
*) exec \"$REAL\" \"$@\" ;;
esac
";

#[test]
fn a_kubectl_that_dies_leaves_a_state_that_can_be_gone_on_from_and_undone() {
    let Some(place) = Place::new() else { return };
    let before = place.objects();
    let path = place.script("kubectl", DYING);
    let home = place.folder.path().display().to_string();
    let run = place.command(&["install", "--yes", "--token-file", "token", "app.yaml"]);
    let run = run.env("PATH", &path).env("REAL", &real_kubectl()).env("HOME", &home);
    let done = run.run();
    assert_eq!(done.status, 2, "{}", done.stderr);
    assert!(
        done.stderr.contains("step application failed") && done.stderr.contains("run it again"),
        "{}",
        done.stderr
    );
    let again = place.install(&[]);
    assert_eq!(again.status, 0, "{}{}", again.text(), again.stderr);
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    same(&before, &place.objects());
}

#[test]
fn of_two_at_once_one_steps_back_and_nothing_is_forgotten() {
    let Some(place) = Place::new() else { return };
    let before = place.objects();
    let both: Vec<Done> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..2).map(|_| scope.spawn(|| place.install(&[]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for done in &both {
        let told = done.status == 2 && done.stderr.contains("another installation is running");
        assert!(done.status == 0 || told, "{} {}", done.status, done.stderr);
    }
    let again = place.install(&[]);
    assert_eq!(again.status, 0, "{}{}", again.text(), again.stderr);
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    same(&before, &place.objects());
}

/// A kubectl before whose second step others scale what they have, and before whose application they create a Service.
const OVERTAKEN: &str = "#!/bin/sh
case \"$*\" in
*apply*--dry-run*) exec \"$REAL\" \"$@\" ;;
*apply*) cat > \"$HOME/in\"
  grep -q 'name: zipkin' \"$HOME/in\" && \"$REAL\" scale deployment/productpage-v1 -n prod --replicas 2 > /dev/null
  grep -q 'kind: Deployment' \"$HOME/in\" && \"$REAL\" create -f \"$HOME/theirs.json\" > /dev/null
  exec \"$REAL\" \"$@\" < \"$HOME/in\" ;;
*) exec \"$REAL\" \"$@\" ;;
esac
";

#[test]
fn what_others_do_after_the_plan_stays_theirs() {
    let Some(place) = Place::new() else { return };
    place.cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: prod\n");
    let deployment = APPLICATION.split("---\n").nth(1).unwrap();
    place.cluster.kubectl(&["apply", "-n", "prod", "-f", "-"], deployment);
    let before = place.objects();
    let port = json!({"port": 9080, "name": "http", "protocol": "TCP"});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ratings", "namespace": "prod"}, "spec": {"ports": [port]}});
    place.write("theirs.json", &service.to_string());
    let path = place.script("kubectl", OVERTAKEN);
    let home = place.folder.path().display().to_string();
    let run = place.command(&["install", "--yes", "--token-file", "token", "app.yaml"]);
    let done = judge(run.env("PATH", &path).env("REAL", &real_kubectl()).env("HOME", &home).run());
    assert_eq!(done.status, 0, "{}", done.stderr);
    let told = "service/ratings in prod changed: somebody else created it at this moment";
    assert!(done.stderr.contains(told), "{}", done.stderr);
    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    let mut after = place.objects();
    assert!(after.remove("Service prod/ratings").is_some(), "{}", undone.stderr);
    let mut wanted = before;
    wanted.get_mut("Deployment prod/productpage-v1").unwrap()["spec"]["replicas"] = 2.into();
    same(&wanted, &after);
}

/// Who may read and not write.
const READER: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: reader
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: reader
subjects:
- kind: User
  name: reader
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: reader
rules:
- apiGroups: ['*']
  resources: ['*']
  verbs: [get, list, watch]
";

#[test]
fn who_may_not_is_told_so() {
    let Some(place) = Place::new() else { return };
    let as_user = |name: &str| {
        let config = place.cluster.kubectl(&["config", "view", "--raw", "-o", "json"], "");
        let mut config: Value = serde_json::from_str(&config).unwrap();
        config["users"][0]["user"]["as"] = name.into();
        fs::write(place.folder.path().join(name), config.to_string()).unwrap();
    };
    place.cluster.apply(READER);
    as_user("reader");
    as_user("nobody");
    let before = place.objects();
    let done = place.install(&["--kubeconfig", "reader"]);
    assert_eq!(done.status, 2, "{}", done.stderr);
    assert!(done.stderr.contains("forbidden") || done.stderr.contains("Forbidden"), "{}", done.stderr);
    same(&before, &place.objects());
    assert!(place.run(&["check", "--kubeconfig", "reader"]).status < 2);
    let done = place.run(&["check", "--kubeconfig", "nobody"]);
    assert_eq!(done.status, 2, "{}", done.stderr);
    assert!(done.stdout.is_empty() && done.stderr.contains("orbidden"), "{}", done.stderr);
}

/// Who may read all, and make Deployments and namespaces.
const HALF: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: half
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: half
subjects:
- kind: User
  name: half
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: half
rules:
- apiGroups: ['*']
  resources: ['*']
  verbs: [get, list, watch]
- apiGroups: ['', apps]
  resources: [deployments, namespaces]
  verbs: ['*']
";

/// A route to nowhere.
const ROUTE: &str = "\
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata:
  name: ratings
spec:
  hosts: [ratings]
  http:
  - route:
    - destination: {host: ratings, subset: v9}
";

#[test]
fn all_is_judged_before_anything_is_done() {
    let Some(place) = Place::new() else { return };
    place.cluster.apply(HALF);
    let config = place.cluster.kubectl(&["config", "view", "--raw", "-o", "json"], "");
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["users"][0]["user"]["as"] = "half".into();
    place.write("half", &config.to_string());
    let before = place.objects();
    // A step that would fail late: its objects are in a namespace that is not there yet, so no dry run tells.
    let only = ["install", "--yes", "--only", "namespace,app", "app.yaml"];
    let done = place.run(&[&only[..], &["--kubeconfig", "half"]].concat());
    assert_eq!(done.status, 2, "{}", done.stderr);
    let refused = "you may not do all of this:\n  create configmaps in kube-system\n  create services in prod\n  patch services in prod\n  update configmaps/meshobs-record in kube-system\n  nothing was done";
    assert!(done.stderr.contains(refused), "{}", done.stderr);
    // A namespace that nobody makes.
    let done = place.run(&["install", "--yes", "--only", "app", "-n", "nowhere", "app.yaml"]);
    assert_eq!(done.status, 2, "{}", done.stderr);
    assert!(done.stderr.contains("create it first: kubectl create namespace nowhere"), "{}", done.stderr);
    // The last step has a field that the server does not know the type of.
    let odd = APPLICATION.replace("    name: http\n", "    name: http\n    protocol: XYZ\n");
    place.cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: there\n");
    place.write("odd.yaml", &odd);
    let done = place.run(&["install", "--yes", "--token-file", "token", "-n", "there", "odd.yaml"]);
    assert!(done.status == 2 && done.stderr.contains("step application: "), "{}", done.stderr);
    place.cluster.kubectl(&["delete", "namespace", "there"], "");
    same(&before, &place.objects());
    // What `check` will find is told before it is done.
    place.write("route.yaml", ROUTE);
    let done = place.run(&[&only[..], &["route.yaml"]].concat());
    assert_eq!(done.status, 0, "{}", done.stderr);
    let found = done.stderr.find("✖ virtualservice/ratings").unwrap_or_else(|| panic!("{}", done.stderr));
    assert!(found < done.stderr.find("✔ namespace").unwrap(), "{}", done.stderr);
    assert!(done.stderr.contains("the server can judge 3 of these objects only once"), "{}", done.stderr);
    assert_eq!(place.run(&["uninstall", "--yes"]).status, 0);
}

#[test]
fn without_a_terminal_or_a_cluster_it_refuses() {
    let here = tempfile::tempdir().unwrap();
    let run =
        |args: &[&str]| Meshobs::new(args).cwd(here.path()).env("KUBECONFIG", "/nowhere").run().expect(2);
    for args in [&["install"][..], &["install", "--token", TOKEN]] {
        assert!(run(args).stderr.contains("--yes"), "{args:?}");
    }
    let gone =
        Meshobs::new(["install", "--yes", "--token", TOKEN]).cwd(here.path()).env("PATH", "/nowhere").run();
    assert!(gone.status == 2 && gone.stderr.contains("kubectl cannot be run"), "{}", gone.stderr);
}

/// A kubectl that ends the cluster once it has applied a Namespace.
const ENDING: &str = "#!/bin/sh
case \"$*\" in
*apply*--dry-run*) exec \"$REAL\" \"$@\" ;;
*apply*) cat > \"$HOME/in\"
  \"$REAL\" \"$@\" < \"$HOME/in\" || exit $?
  grep -q 'name: prod' \"$HOME/in\" && MESHOBS_CLUSTER_DIR=\"$CLUSTER_DIR\" \"$DOWN\" --keep > /dev/null 2>&1
  exit 0 ;;
*) exec \"$REAL\" \"$@\" ;;
esac
";

#[test]
fn a_server_that_is_gone_is_told() {
    let Some(place) = Place::new() else { return };
    let Some(down) = place.cluster.down() else { return };
    let path = place.script("kubectl", ENDING);
    let home = place.folder.path().display().to_string();
    let run = place.command(&["install", "--yes", "--token-file", "token", "app.yaml"]);
    let run = run.env("PATH", &path).env("REAL", &real_kubectl()).env("HOME", &home);
    // Variables of the program's own are not for its children.
    let variables = place.cluster.variables();
    let folder = variables.iter().find(|(name, _)| name == "MESHOBS_CLUSTER_DIR").unwrap();
    let run = run.env("CLUSTER_DIR", &folder.1).env("DOWN", &down.display().to_string());
    let done = judge(run.run());
    assert_eq!(done.status, 2, "{}", done.stderr);
    assert!(
        done.stderr.contains("✔ namespace") && done.stderr.contains("step application"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("refused") && done.stderr.contains("run it again"), "{}", done.stderr);
    let done = place.install(&[]);
    assert_eq!(done.status, 2, "{}", done.stderr);
    assert!(done.stdout.is_empty() && done.stderr.contains("refused"), "{}", done.stderr);
    assert_eq!(place.run(&["uninstall", "--yes"]).status, 2);
}

/// A kubectl that takes its time over the application.
const SLOW: &str = "#!/bin/sh
case \"$*\" in
*apply*--dry-run*) exec \"$REAL\" \"$@\" ;;
*apply*) cat > \"$HOME/in\"
  grep -q 'kind: Deployment' \"$HOME/in\" && touch \"$HOME/slow\" && sleep 60
  exec \"$REAL\" \"$@\" < \"$HOME/in\" ;;
*) exec \"$REAL\" \"$@\" ;;
esac
";

/// Ends an installation by a signal while the application is applied; what it says, and that no child of it is left.
fn interrupted(place: &Place, signal: &str, group: bool, code: i32) {
    use std::os::unix::process::CommandExt as _;
    let home = place.folder.path().to_path_buf();
    let _ = fs::remove_file(home.join("slow"));
    // Tests under `nohup` have SIGHUP ignored, which children inherit and the program respects.
    let mut run = std::process::Command::new("/usr/bin/env");
    run.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_meshobs")]);
    run.args(["install", "--yes", "--token-file", "token", "app.yaml"]).current_dir(&home);
    for (name, value) in place.cluster.variables() {
        run.env(name, value);
    }
    run.env("PATH", place.script("kubectl", SLOW)).env("REAL", real_kubectl()).env("HOME", &home);
    run.process_group(0).stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    let child = run.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let target = format!("{}{}", if group { "-" } else { "" }, child.id());
    let end = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while !home.join("slow").exists() && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    std::process::Command::new("kill").args([signal, "--", &target]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains("interrupted in step application") && said.contains("meshobs uninstall"), "{said}");
    assert!(said.contains("go on from here") && !said.contains("failed"), "{said}");
}

#[test]
fn a_signal_ends_it_where_it_is_and_it_can_be_gone_on_from() {
    let Some(place) = Place::new() else { return };
    let before = place.objects();
    // As a terminal has it, Ctrl-C goes to the program and to its children; what ends a service goes to the program alone.
    interrupted(&place, "-INT", true, 130);
    interrupted(&place, "-TERM", false, 143);
    interrupted(&place, "-HUP", false, 129);
    let again = place.install(&[]);
    assert_eq!(again.status, 0, "{}{}", again.text(), again.stderr);
    assert_eq!(place.run(&["uninstall", "--yes"]).status, 0);
    same(&before, &place.objects());
}

#[test]
fn an_old_kubectl_is_told_at_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let here = tempfile::tempdir().unwrap();
    let kubectl = here.path().join("kubectl");
    fs::write(&kubectl, "#!/bin/sh\necho '{\"clientVersion\": {\"gitVersion\": \"v1.15.3\"}}'\n").unwrap();
    fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).unwrap();
    let run = Meshobs::new(["install", "--yes", "--token", TOKEN]).cwd(here.path());
    let done = run.env("PATH", &format!("{}:/bin:/usr/bin", here.path().display())).run().expect(2);
    assert!(done.stderr.contains("kubectl 1.15.3 is too old; 1.21.0 or later"), "{}", done.stderr);
}
