//! A folder with an application, and a cluster to install it into.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;

use super::cluster::{Cluster, Objects};
use super::{Done, Meshobs};

pub const TOKEN: &str = "tkn_0123456789abcdef0123456789abcdef";
pub const SECRET: &str = "0123456789abcdef";

/// An application with a sidecar of its own, since the cluster injects none; its Service omits the port's protocol, as
/// bookinfo's do.
pub const APPLICATION: &str = "\
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

pub const PAGE: &str = "<html>\n<head>\n<title>x</title>\n</head>\n</html>\n";

pub struct Place {
    pub cluster: Cluster,
    pub folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Option<Self> {
        Some(Self::at(Cluster::start()?))
    }

    pub fn at(cluster: Cluster) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self { cluster, folder };
        place.write("app.yaml", APPLICATION);
        place.write("page.html", PAGE);
        place.write("token", TOKEN);
        place
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Puts a script into the folder, in front of the programs of that name on the PATH; the PATH for it.
    pub fn script(&self, name: &str, text: &str) -> String {
        let path = self.write(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap())
    }

    pub fn command(&self, args: &[&str]) -> Meshobs {
        self.cluster.meshobs(args).cwd(self.folder.path())
    }

    pub fn run(&self, args: &[&str]) -> Done {
        judge(self.command(args).run())
    }

    pub fn install(&self, more: &[&str]) -> Done {
        let all = ["install", "--yes", "--token-file", "token", "app.yaml"].iter().chain(more);
        self.run(&all.copied().collect::<Vec<_>>())
    }

    /// What a shell's command prints, stdout and stderr as a terminal would show them.
    pub fn merged(&self, command: &str) -> String {
        let mut run = std::process::Command::new("sh");
        run.args(["-c", &format!("{command} 2>&1")]).current_dir(self.folder.path());
        run.env("MESHOBS", env!("CARGO_BIN_EXE_meshobs")).env_remove("MESHOBS_TOKEN");
        for (name, value) in self.cluster.variables() {
            run.env(name, value);
        }
        String::from_utf8(run.output().unwrap().stdout).unwrap()
    }

    pub fn objects(&self) -> Objects {
        self.cluster.objects()
    }
}

/// No output shows the token.
pub fn judge(done: Done) -> Done {
    assert!(!done.stderr.contains(SECRET) && !done.text().contains(SECRET), "a token: {}", done.stderr);
    done
}

/// The kubectl that scripts call.
pub fn real_kubectl() -> String {
    let path = std::env::var("PATH").unwrap();
    let files = std::env::split_paths(&path).map(|folder| folder.join("kubectl")).find(|file| file.is_file());
    files.unwrap().display().to_string()
}

pub fn same(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) {
    for (name, object) in before {
        assert_eq!(after.get(name), Some(object), "{name}");
    }
    let new: Vec<_> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    assert!(new.is_empty(), "{new:?}");
}

/// What the guide to `install` shows of a command, in both languages: the lines of the block that begins with it.
pub fn shown(command: &str) -> Vec<Vec<String>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let blocks = ["docs/guide/install.md", "docs/zh-CN/guide/install.md"].map(|name| {
        let text = fs::read_to_string(root.join(name)).unwrap();
        let start =
            text.find(&format!("```\n$ {command}\n")).unwrap_or_else(|| panic!("{name}: no {command}"));
        let body = text[start..].split("```").nth(1).unwrap();
        body.trim().lines().skip(1).map(str::to_owned).collect()
    });
    blocks.to_vec()
}

/// Whether lines were printed in their order, `…` standing for any number of others and, at a line's end, for the rest of it.
pub fn follow(shown: &[String], printed: &str) -> Result<(), String> {
    let mut lines = printed.lines();
    let mut skip = false;
    for line in shown {
        if line == "…" {
            skip = true;
            continue;
        }
        let fits = |printed: &&str| match line.strip_suffix('…') {
            Some(start) => printed.starts_with(start),
            None => printed.trim_end() == line.trim_end(),
        };
        let found = if skip { lines.find(fits) } else { lines.next().filter(fits) };
        if found.is_none() {
            return Err(format!("`{line}` is not there:\n{printed}"));
        }
        skip = false;
    }
    Ok(())
}
