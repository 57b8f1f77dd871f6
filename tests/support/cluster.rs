//! A real Kubernetes API server: one from `../shared/cluster`, which the next test gets where the last one left it as it was,
//! or the one that MESHOBS_TEST_KUBECONFIG names, lent to a test at a time and put back as it was. That one needs Istio in
//! it, and should hold nothing of worth.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value;

use super::{Meshobs, on_path, shared, skip};

/// The kinds that tests make and change.
const KINDS: &str =
    "namespaces,deployments,daemonsets,services,configmaps,serviceaccounts,clusterroles,clusterrolebindings";
/// Those of Istio, if it is there.
const ISTIO_KINDS: &str = ",telemetries,virtualservices,gateways,destinationrules";

/// The cluster that was lent has one user at a time.
static LENT: Mutex<()> = Mutex::new(());

/// Objects by kind, namespace and name.
pub type Objects = BTreeMap<String, Value>;

/// Kinds of which tests only make objects: these are known by their names.
const MADE_KINDS: &str = "customresourcedefinitions,validatingwebhookconfigurations,mutatingwebhookconfigurations,roles,\
     rolebindings,networkpolicies,poddisruptionbudgets,resourcequotas,statefulsets,jobs,cronjobs,secrets";

/// Clusters that a test of this process has left as they were started, for the next one.
static IDLE: Mutex<Vec<Started>> = Mutex::new(Vec::new());

/// A cluster of ours.
struct Started {
    options: &'static str,
    variables: Vec<(String, String)>,
    down: PathBuf,
    /// Its objects when it was new: their names, and what they were where they are of kinds that tests change.
    new: (Vec<String>, Objects),
    /// Ends it with this process, however that ends: it waits for the end of its input.
    keeper: Child,
}

impl Started {
    /// Ends it now.
    fn end(mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

pub struct Cluster {
    variables: Vec<(String, String)>,
    /// What it is, where it is of ours.
    started: Option<Started>,
    /// A test has done to it what objects do not show.
    spent: AtomicBool,
    /// What it was, where it was lent.
    lent: Option<(Objects, MutexGuard<'static, ()>)>,
}

impl Cluster {
    /// One with Istio in it and pods that run; nothing where that cannot be.
    pub fn start() -> Option<Self> {
        if let Some(config) = std::env::var_os("MESHOBS_TEST_KUBECONFIG") {
            return Some(Self::lent(Path::new(&config)));
        }
        Self::up("--istio --pods-run")
    }

    /// One without Istio.
    pub fn bare() -> Option<Self> {
        Self::up("--pods-run")
    }

    /// One of Kubernetes 1.36, with Istio in it and pods that run.
    pub fn newer() -> Option<Self> {
        Self::up("--kubernetes 1.36 --istio --pods-run")
    }

    /// The one of Kubernetes 1.36 that all tests of a process share, one at a time: with a node, and nothing else. It ends
    /// with the process.
    pub fn common() -> Option<(Self, MutexGuard<'static, ()>)> {
        static TURN: Mutex<()> = Mutex::new(());
        static VARIABLES: OnceLock<Option<Vec<(String, String)>>> = OnceLock::new();
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || {
            let cluster = Self::up("--kubernetes 1.36 --node 1")?;
            let variables = cluster.variables.clone();
            std::mem::forget(cluster);
            Some(variables)
        };
        let variables = VARIABLES.get_or_init(start).clone()?;
        Some((Self { variables, started: None, spent: AtomicBool::new(false), lent: None }, turn))
    }

    fn lent(config: &Path) -> Self {
        let guard = LENT.lock().unwrap_or_else(PoisonError::into_inner);
        let variables = vec![("KUBECONFIG".to_owned(), config.display().to_string())];
        let mut cluster = Self { variables, started: None, spent: AtomicBool::new(false), lent: None };
        let before = cluster.all();
        cluster.lent = Some((before, guard));
        cluster
    }

    fn up(options: &'static str) -> Option<Self> {
        let of = |started: Started| {
            let variables = started.variables.clone();
            Self { variables, started: Some(started), spent: AtomicBool::new(false), lent: None }
        };
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = idle.iter().position(|started| started.options == options) {
            return Some(of(idle.swap_remove(at)));
        }
        drop(idle);
        let folder = shared().map(|s| s.join("cluster")).filter(|f| f.join("up").is_file());
        let Some(folder) = folder else {
            skip("no ../shared/cluster here");
            return None;
        };
        if !on_path("kubectl") || !on_path("bash") {
            skip("no kubectl here");
            return None;
        }
        // What it prints is for a shell, which says what came of it.
        let script = format!(
            "lines=$(\"$1/up\" {options}) && eval \"$lines\" && \
             printf '%s\\n' \"KUBECONFIG=$KUBECONFIG\" \"MESHOBS_CLUSTER_DIR=$MESHOBS_CLUSTER_DIR\" \"KUBECACHEDIR=$KUBECACHEDIR\""
        );
        let output = Command::new("bash")
            .args(["-c", &script, "up"])
            .arg(&folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let variables: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if !output.status.success() || variables.len() != 3 {
            skip(&format!(
                "the API server does not start here:\n{}",
                String::from_utf8_lossy(&output.stderr)
            ));
            return None;
        }
        let down = folder.join("down");
        let keeper = Command::new("bash")
            .args(["-c", "trap '' INT TERM HUP; cat; exec \"$1\"", "keeper"])
            .arg(&down)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let new = Default::default();
        let mut cluster = of(Started { options, variables, down, new, keeper });
        let new = (cluster.names(), cluster.objects());
        if let Some(started) = &mut cluster.started {
            started.new = new;
        }
        Some(cluster)
    }

    /// The objects of kinds that tests only make, by their names.
    fn names(&self) -> Vec<String> {
        let columns = "jsonpath={range .items[*]}{.kind}{\" \"}{.metadata.namespace}{\"/\"}{.metadata.name}{\"\\n\"}{end}";
        let listed = self.kubectl(&["get", MADE_KINDS, "-A", "-o", columns], "");
        let mut names: Vec<String> = listed.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    /// Whether it is as it was when it was new.
    fn is_new(&self, started: &Started) -> bool {
        let (names, objects) = &started.new;
        self.objects() == *objects && self.names() == *names
    }

    /// `meshobs`, talking to this cluster.
    pub fn meshobs(&self, args: &[&str]) -> Meshobs {
        let mut run = Meshobs::new(args).cwd(std::env::temp_dir());
        for (name, value) in &self.variables {
            run = run.env(name, value);
        }
        run
    }

    pub fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// The file with the patterns of pods that are to fail; only a cluster of ours has one.
    pub fn failing(&self) -> Option<PathBuf> {
        let folder = self.variables.iter().find(|(known, _)| known == "MESHOBS_CLUSTER_DIR");
        if folder.is_none() {
            skip("the cluster of MESHOBS_TEST_KUBECONFIG fails no pods on demand");
        }
        self.spent.store(true, Ordering::Relaxed);
        folder.map(|(_, folder)| Path::new(folder).join("fail"))
    }

    /// The command that ends this cluster; a lent one is not ended.
    pub fn down(&self) -> Option<&Path> {
        if self.started.is_none() {
            skip("the cluster of MESHOBS_TEST_KUBECONFIG is not ended");
        }
        self.spent.store(true, Ordering::Relaxed);
        self.started.as_ref().map(|started| started.down.as_path())
    }

    fn run(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new("kubectl")
            .args(args)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let text = input.to_owned();
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(text.as_bytes());
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// What kubectl prints; a failure fails the test.
    pub fn kubectl(&self, args: &[&str], input: &str) -> String {
        let output = self.run(args, input);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {args:?}: {error}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What kubectl prints, also where it fails in part.
    pub fn kubectl_whatever(&self, args: &[&str], input: &str) -> String {
        String::from_utf8_lossy(&self.run(args, input).stdout).into_owned()
    }

    /// What kubectl says besides what it prints.
    pub fn kubectl_says(&self, args: &[&str], input: &str) -> String {
        let output = self.run(args, input);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "kubectl {args:?}: {text}");
        text
    }

    pub fn apply(&self, text: &str) {
        self.kubectl(&["apply", "-f", "-"], text);
    }

    fn all(&self) -> Objects {
        let with_istio = format!("{KINDS}{ISTIO_KINDS}");
        let mut output = self.run(&["get", &with_istio, "-A", "-o", "json"], "");
        if !output.status.success() {
            output = self.run(&["get", KINDS, "-A", "-o", "json"], "");
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut list: Value = serde_json::from_slice(&output.stdout).unwrap();
        let name = |object: &Value| {
            let of = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
            format!("{} {}/{}", object["kind"].as_str().unwrap_or_default(), of("namespace"), of("name"))
        };
        list["items"].as_array_mut().unwrap().drain(..).map(|object| (name(&object), object)).collect()
    }

    /// Every object that matters, by its name, without what the server keeps for itself.
    pub fn objects(&self) -> Objects {
        let mut found = self.all();
        for object in found.values_mut() {
            let metadata = object["metadata"].as_object_mut().unwrap();
            for key in ["resourceVersion", "uid", "managedFields", "generation", "creationTimestamp"] {
                metadata.remove(key);
            }
            for key in ["deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"] {
                if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                    annotations.remove(key);
                }
            }
            metadata.retain(|_, value| value.as_object().is_none_or(|map| !map.is_empty()));
            object.as_object_mut().unwrap().remove("status");
        }
        found
    }

    /// Puts a lent cluster back as it was.
    fn give_back(&self, before: &Objects) {
        self.meshobs(&["uninstall", "--yes"]).run();
        for (name, object) in self.all() {
            let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
            match before.get(&name) {
                None => {
                    let kind = name.split(' ').next().unwrap_or_default().to_lowercase();
                    let mut args = vec!["delete", &kind, "--ignore-not-found"];
                    let (namespace, name) = (text("namespace"), text("name"));
                    args.push(&name);
                    if !namespace.is_empty() {
                        args.extend(["-n", &namespace]);
                    }
                    self.run(&args, "");
                }
                Some(old) => {
                    let bare = |object: &Value| {
                        let mut object = object.clone();
                        object.as_object_mut().unwrap().remove("status");
                        for key in ["resourceVersion", "managedFields", "generation"] {
                            object["metadata"].as_object_mut().unwrap().remove(key);
                        }
                        object
                    };
                    if bare(old) != bare(&object) {
                        self.run(&["replace", "-f", "-"], &bare(old).to_string());
                    }
                }
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some((before, _)) = &self.lent {
            self.give_back(before);
        }
        let Some(started) = self.started.take() else { return };
        // A test that failed may have left anything, and its cluster may be worth no more questions.
        if self.spent.load(Ordering::Relaxed) || std::thread::panicking() {
            return started.end();
        }
        // To clean up costs more than a new one.
        if !self.is_new(&started) {
            return started.end();
        }
        // What happened in it is not to be found by the next test.
        self.run(&["delete", "events", "--all", "-A"], "");
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(started);
    }
}
