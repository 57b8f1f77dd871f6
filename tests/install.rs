//! `install` and `uninstall` against a real API server: one run to a mesh without findings, another that changes nothing, and
//! back to the cluster as it was, object by object. The server comes from `../shared/cluster`; where that is missing these
//! tests say so and pass, or fail with MESHOBS_TEST_ALL=1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use support::cluster::Cluster;
use support::{Done, Meshobs};

const TOKEN: &str = "tkn_0123456789abcdef0123456789abcdef";
const SECRET: &str = "0123456789abcdef";

/// An application with a sidecar of its own, since this cluster injects none; its Service omits the port's protocol, as
/// bookinfo's do.
const APPLICATION: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: ratings
spec:
  selector:
    app: ratings
  ports:
  - port: 9080
    name: http
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: productpage-v1
  labels:
    app: ratings
spec:
  selector:
    matchLabels:
      app: ratings
  template:
    metadata:
      labels:
        app: ratings
    spec:
      containers:
      - name: productpage
        image: docker.io/istio/examples-bookinfo-productpage-v1:1.16.2
      - name: istio-proxy
        image: istio/proxyv2:1.11.2
";

const PAGE: &str = "<html>\n<head>\n<title>x</title>\n</head>\n</html>\n";

struct Place {
    cluster: Cluster,
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Option<Self> {
        let cluster = Cluster::start()?;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("app.yaml"), APPLICATION).unwrap();
        fs::write(folder.path().join("page.html"), PAGE).unwrap();
        fs::write(folder.path().join("token"), TOKEN).unwrap();
        Some(Self { cluster, folder })
    }

    fn run(&self, args: &[&str]) -> Done {
        let done = self.cluster.meshobs(args).cwd(self.folder.path()).run();
        assert!(!done.stderr.contains(SECRET) && !done.text().contains(SECRET), "a token: {}", done.stderr);
        done
    }

    fn install(&self, more: &[&str]) -> Done {
        let all = ["install", "--yes", "--token-file", "token", "app.yaml"].iter().chain(more);
        self.run(&all.copied().collect::<Vec<_>>())
    }

    /// Every object that matters, by its name, without what the server keeps for itself.
    fn objects(&self) -> BTreeMap<String, Value> {
        let kinds = "namespaces,deployments,daemonsets,services,configmaps,serviceaccounts,clusterroles,clusterrolebindings,\
                     telemetries,virtualservices,gateways";
        let text = self.cluster.kubectl(&["get", kinds, "-A", "-o", "json"], "");
        let mut list: Value = serde_json::from_str(&text).unwrap();
        let mut found = BTreeMap::new();
        for object in list["items"].as_array_mut().unwrap() {
            let metadata = object["metadata"].as_object_mut().unwrap();
            for key in ["resourceVersion", "uid", "managedFields", "generation", "creationTimestamp"] {
                metadata.remove(key);
            }
            object.as_object_mut().unwrap().remove("status");
            let name = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
            found
                .insert(format!("{} {}/{}", object["kind"], name("namespace"), name("name")), object.clone());
        }
        found
    }
}

fn same(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) {
    for (name, object) in before {
        assert_eq!(after.get(name), Some(object), "{name}");
    }
    let new: Vec<_> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    assert!(new.is_empty(), "{new:?}");
}

#[test]
fn one_run_makes_a_mesh_visible_another_changes_nothing_and_it_can_be_undone() {
    let Some(place) = Place::new() else { return };
    let before = place.objects();

    let rum =
        ["--html", "page.html", "--app-id", "shop", "--datakit-origin", "http://10.0.0.1:9529", "--gateways"];
    let shown = [&["install", "--token-file", "token", "--dry-run=server", "app.yaml"][..], &rum].concat();
    let dry = place.run(&shown);
    assert_eq!(dry.status, 0, "{}", dry.stderr);
    assert!(
        dry.text().contains("# step datakit") && dry.text().contains("kind: DaemonSet"),
        "{}",
        dry.text()
    );
    same(&before, &place.objects());

    let done = place.install(&[&rum[..], &["--strict"]].concat());
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    assert!(done.text().contains("✔ nothing found"), "{}", done.text());
    assert!(done.stderr.contains("page: http://") && done.stderr.contains("istio_prom"), "{}", done.stderr);
    assert!(done.stderr.contains("older than 1.21"), "{}", done.stderr);
    let record =
        place.cluster.kubectl(&["get", "configmap", "meshobs-record", "-n", "kube-system", "-o", "json"], "");
    assert!(!record.contains(SECRET) && record.contains("productpage-rum"), "{record}");

    let nginx = place.run(&["init", "nginx", "--detect"]);
    assert!(nginx.text().contains("proxy_pass http://127.0.0.1:3"), "{}{}", nginx.text(), nginx.stderr);

    let installed = place.objects();
    let again = place.install(&rum);
    assert_eq!(again.status, 0, "{}", again.stderr);
    for step in ["datakit", "tracing", "namespace", "rum", "application", "gateways"] {
        let line =
            again.stderr.lines().find(|line| line.starts_with(&format!("{step}: "))).unwrap_or_default();
        assert!(line.ends_with("(in place)"), "{line}\n{}", again.stderr);
    }
    same(&installed, &place.objects());

    let undone = place.run(&["uninstall", "--yes"]);
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    same(&before, &place.objects());
    let nothing = place.run(&["uninstall", "--yes"]);
    assert!(nothing.status == 0 && nothing.stderr.contains("nothing is recorded"), "{}", nothing.stderr);
}

#[test]
fn what_others_made_or_changed_is_kept() {
    let Some(place) = Place::new() else { return };
    // The namespace is there already, with something in it and without the label.
    place.cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: prod\n");
    place.cluster.apply(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mine\n  namespace: prod\ndata:\n  a: b\n",
    );
    // A Zipkin of others' keeps its name, so Istio is told another address.
    place.cluster.apply("apiVersion: v1\nkind: Service\nmetadata:\n  name: zipkin\n  namespace: istio-system\nspec:\n  ports:\n  - port: 9411\n    protocol: TCP\n");
    let before = place.objects();
    let done = place.install(&[]);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);
    assert!(
        done.stderr.contains("$(HOST_IP):9529") && done.text().contains("✔ nothing found"),
        "{}{}",
        done.text(),
        done.stderr
    );
    let again = place.install(&[]);
    assert!(again.stderr.contains("DataKit in Istio's mesh configuration (in place)"), "{}", again.stderr);
    // Something of others in a namespace that was created.
    place.cluster.apply("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: theirs\n  namespace: datakit\n");
    let plan = place.run(&["uninstall", "--dry-run"]);
    assert!(
        plan.stderr.contains("restore metadata.labels.istio-injection of namespace/prod"),
        "{}",
        plan.stderr
    );
    assert!(
        plan.stderr.contains("keep namespace datakit: others' objects are in it (configmap/theirs)"),
        "{}",
        plan.stderr
    );
    assert_eq!(place.run(&["uninstall", "--yes"]).status, 0);
    let after = place.objects();
    for (name, object) in &before {
        assert_eq!(after.get(name), Some(object), "{name}");
    }
    let new: Vec<_> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    let theirs = ["\"Namespace\" /datakit", "\"ConfigMap\" datakit/theirs"];
    assert!(
        new.iter().all(|name| theirs.contains(&name.as_str())
            || name.contains("kube-root-ca")
            || name.ends_with("/default")),
        "{new:?}"
    );
}

#[test]
fn what_cannot_be_done_is_said_with_its_cause() {
    let Some(place) = Place::new() else { return };
    let fail = format!("{}/fail", place.cluster.variable("MESHOBS_CLUSTER_DIR"));
    fs::write(&fail, "productpage-*\n").unwrap();
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
    fs::write(&fail, "").unwrap();
    let done = place.install(&[]);
    assert_eq!(done.status, 0, "{}{}", done.text(), done.stderr);

    // A field that another manager owns.
    let limit = "{\"spec\":{\"revisionHistoryLimit\":3}}";
    let patch = [
        "patch",
        "daemonset/datakit",
        "-n",
        "datakit",
        "--type",
        "merge",
        "--field-manager",
        "other",
        "-p",
        limit,
    ];
    place.cluster.kubectl(&patch, "");
    let done = place.install(&[]);
    assert_eq!(done.status, 2, "{}", done.stderr);
    assert!(
        done.stderr.contains("\"other\"") && done.stderr.contains(".spec.revisionHistoryLimit"),
        "{}",
        done.stderr
    );
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
    use std::os::unix::fs::PermissionsExt as _;
    let Some(place) = Place::new() else { return };
    let before = place.objects();
    let path = std::env::var("PATH").unwrap();
    let real = std::env::split_paths(&path)
        .map(|folder| folder.join("kubectl"))
        .find(|file| file.is_file())
        .unwrap();
    let fake = place.folder.path().join("kubectl");
    fs::write(&fake, DYING).unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let home = place.folder.path().display().to_string();
    let run = place.cluster.meshobs(&["install", "--yes", "--token-file", "token", "app.yaml"]).cwd(&home);
    let run = run
        .env("PATH", &format!("{home}:{path}"))
        .env("REAL", &real.display().to_string())
        .env("HOME", &home);
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

/// Runs a command at a pseudo-terminal and answers its questions: `question=answer`, in order.
const TERMINAL: &str = r#"
import os, pty, select, sys, time
command, answers = sys.argv[1].split("\n"), [pair.split("=", 1) for pair in sys.argv[2:]]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen, shown, end = b"", b"", time.time() + 120
while time.time() < end:
    ready, _, _ = select.select([terminal], [], [], 0.2)
    if ready:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
        shown += data
    if answers and answers[0][0].encode() in seen:
        time.sleep(0.3)
        os.write(terminal, answers.pop(0)[1].encode() + b"\r")
        seen = b""
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status))
"#;

#[test]
fn at_a_terminal_it_asks_for_the_token_and_before_it_does_anything() {
    let Some(place) = Place::new() else { return };
    let run = |answers: &[String]| {
        let command = [env!("CARGO_BIN_EXE_meshobs"), "install", "app.yaml"].join("\n");
        let mut run = std::process::Command::new("python3");
        run.args(["-c", TERMINAL, &command]).args(answers).current_dir(place.folder.path());
        for name in ["KUBECONFIG", "KUBECACHEDIR"] {
            run.env(name, place.cluster.variable(name));
        }
        let output = run.env_remove("MESHOBS_TOKEN").output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let before = place.objects();
    let (status, shown) = run(&[format!("DataKit token={TOKEN}"), "Apply this?=n".to_owned()]);
    assert!(status == Some(2) && shown.contains("nothing was done"), "{status:?} {shown}");
    assert!(!shown.contains(SECRET), "{shown}");
    same(&before, &place.objects());
    let (status, shown) = run(&[format!("DataKit token={TOKEN}"), "Apply this?=y".to_owned()]);
    assert!(status == Some(0) && shown.contains("nothing found"), "{status:?} {shown}");
    assert!(!shown.contains(SECRET), "{shown}");
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
