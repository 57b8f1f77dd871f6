//! A real Kubernetes API server from `../shared/cluster`, ended with the test.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use super::{Meshobs, on_path, shared, skip};

pub struct Cluster {
    variables: Vec<(String, String)>,
    down: PathBuf,
}

impl Cluster {
    /// Starts one with Istio in it and pods that run; nothing where that cannot be.
    pub fn start() -> Option<Self> {
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
        let script = "lines=$(\"$1/up\" --istio --pods-run) && eval \"$lines\" && \
                      printf '%s\\n' \"KUBECONFIG=$KUBECONFIG\" \"MESHOBS_CLUSTER_DIR=$MESHOBS_CLUSTER_DIR\" \"KUBECACHEDIR=$KUBECACHEDIR\"";
        let output = Command::new("bash")
            .args(["-c", script, "up"])
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
        Some(Self { variables, down: folder.join("down") })
    }

    /// `meshobs`, talking to this cluster.
    pub fn meshobs(&self, args: &[&str]) -> Meshobs {
        let mut run = Meshobs::new(args).cwd(std::env::temp_dir());
        for (name, value) in &self.variables {
            run = run.env(name, value);
        }
        run
    }

    pub fn variable(&self, name: &str) -> &str {
        &self.variables.iter().find(|(known, _)| known == name).unwrap().1
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
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        let _ = Command::new(&self.down).envs(variables).stdin(Stdio::null()).stdout(Stdio::null()).status();
    }
}
