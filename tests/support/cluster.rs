//! A real Kubernetes API server: one from `../shared/cluster`, ended with the test, or the one that MESHOBS_TEST_KUBECONFIG
//! names, lent to a test at a time and put back as it was. That one needs Istio in it, and should hold nothing of worth.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

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

pub struct Cluster {
    variables: Vec<(String, String)>,
    /// What ends it.
    down: Option<PathBuf>,
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

    fn lent(config: &Path) -> Self {
        let guard = LENT.lock().unwrap_or_else(PoisonError::into_inner);
        let variables = vec![("KUBECONFIG".to_owned(), config.display().to_string())];
        let mut cluster = Self { variables, down: None, lent: None };
        let before = cluster.all();
        cluster.lent = Some((before, guard));
        cluster
    }

    fn up(options: &str) -> Option<Self> {
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
        Some(Self { variables, down: Some(folder.join("down")), lent: None })
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
        folder.map(|(_, folder)| Path::new(folder).join("fail"))
    }

    /// The command that ends this cluster; a lent one is not ended.
    pub fn down(&self) -> Option<&Path> {
        if self.down.is_none() {
            skip("the cluster of MESHOBS_TEST_KUBECONFIG is not ended");
        }
        self.down.as_deref()
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
        let Some(down) = &self.down else { return };
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        let _ = Command::new(down).envs(variables).stdin(Stdio::null()).stdout(Stdio::null()).status();
    }
}
