//! `meshobs init nginx`: the server in front of the ingress gateway.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;

use super::super::DONE;
use super::super::cluster::ClusterArgs;
use super::super::settings::SettingsArgs;
use super::from::Source;
use super::front::{Front, Kind};
use super::nginx_tree::Tree;
use crate::address;
use crate::cluster::minikube;
use crate::config::is_dns_label;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::gate::{self, Text, text};
use crate::nginx::{
    self, ConfError, Edited, Redirected, Server, Target, Tls, check_beside, insert, redirect, restore,
};

/// Arguments of `init nginx`.
#[derive(Args, Debug)]
#[command(after_help = "\
Put the output into /etc/nginx/conf.d/, or edit your nginx.conf with --from; then `nginx -t && nginx -s reload`. \
Where a site is there already, --into changes the address that it passes requests on to. With --rum-proxy browsers send to this server, so that no DataKit has to be public: `init rum --datakit-origin /`.")]
pub struct NginxArgs {
    /// Address and port to listen on [default: 80, or 443 with --tls-cert]
    #[arg(long, value_name = "[ADDRESS:]PORT")]
    listen: Option<String>,
    /// Name of the server (repeatable); `_` is any
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "_")]
    server_name: Vec<String>,
    /// Certificate for TLS, at the path where nginx finds it; without --listen port 80 redirects to 443
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<String>,
    /// Key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<String>,
    /// Largest body of a request, as in `10m`; 0 is any, and Envoy decides
    #[arg(long, value_name = "SIZE", default_value = "0")]
    max_body: String,
    /// How long the mesh may send nothing, as in `300s` or `1h`
    #[arg(long, value_name = "TIME", default_value = "300s")]
    timeout: String,
    /// Ingress gateway, as http://IP:PORT; required unless --detect finds it
    #[arg(long, value_name = "URL", env = "MESHOBS_UPSTREAM")]
    upstream: Option<String>,
    /// Ask minikube and kubectl where the ingress gateway is
    #[arg(long, conflicts_with = "upstream")]
    detect: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Namespace of the ingress gateway, for --detect [default: istio-system]
    #[arg(long, value_name = "NAME", env = "MESHOBS_ISTIO_NAMESPACE")]
    istio_namespace: Option<String>,
    /// DataKit that /v1/write/rum is passed on to, as http://HOST:9529
    #[arg(long, value_name = "URL", env = "MESHOBS_RUM_PROXY")]
    rum_proxy: Option<String>,
    /// Put the server into this configuration; `-` is stdin
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Change the proxy_pass of a location in it, instead of adding a server
    #[arg(
        long,
        value_name = "SERVER[:PORT][/LOCATION]",
        requires = "from",
        conflicts_with_all = ["listen", "server_name", "tls_cert", "max_body", "timeout", "rum_proxy", "overwrite"]
    )]
    into: Option<String>,
    /// Take out of it what was added, and bring back what --into changed
    #[arg(
        long,
        requires = "from",
        conflicts_with_all = ["into", "listen", "server_name", "tls_cert", "max_body", "timeout", "rum_proxy", "overwrite", "upstream", "detect"]
    )]
    remove: bool,
    /// Print a resource of Kubernetes that leads to the ingress gateway instead, where no nginx is in front
    #[arg(
        long = "as",
        value_enum,
        value_name = "KIND",
        conflicts_with_all = ["listen", "tls_cert", "upstream", "detect", "from", "into", "remove", "overwrite"]
    )]
    kind: Option<Kind>,
    /// Class of the Ingress, for --as ingress
    #[arg(long, value_name = "NAME", requires = "kind")]
    ingress_class: Option<String>,
    /// Gateway that the route belongs to, for --as httproute
    #[arg(long, value_name = "NAMESPACE/NAME", requires = "kind")]
    gateway: Option<String>,
    /// Replace a server of ours that says something else
    #[arg(long, requires = "from")]
    overwrite: bool,
    /// Write to a file in place of one that is there
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// No report on stderr; errors are still printed
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Prints the configuration.
pub fn run(args: &NginxArgs) -> anyhow::Result<u8> {
    let istio_namespace = super::istio_namespace(&args.settings, args.istio_namespace.clone())?;
    if let Some(flag) = args.cluster.given().filter(|_| !args.detect) {
        bail!("{flag} is for --detect; nothing else here asks the cluster");
    }
    if let Some(kind) = args.kind {
        super::write(&resource(args, kind, &istio_namespace)?, args.output.as_deref())?;
        return Ok(DONE);
    }
    let (text, said) = match &args.from {
        Some(path) if args.remove => remove(&Source::read(path)?)?,
        _ => {
            let upstream = upstream(args, &istio_namespace)?;
            let server = server(args, upstream);
            check(&server)?;
            match (&args.from, &args.into) {
                (None, _) => (server.render(""), Vec::new()),
                (Some(path), None) => edit(path, &Source::read(path)?, &server, args.overwrite)?,
                (Some(path), Some(into)) => lead(path, &Source::read(path)?, into, &server.upstream)?,
            }
        }
    };
    super::write(&text, args.output.as_deref())?;
    if !args.quiet {
        said.iter().for_each(gate::print_line);
    }
    Ok(DONE)
}

/// The front as a resource of Kubernetes.
fn resource(args: &NginxArgs, kind: Kind, namespace: &str) -> anyhow::Result<String> {
    // In the cluster the gateway is a Service, whose address nobody has to know.
    let server = server(args, "http://istio-ingressgateway".to_owned());
    check(&server)?;
    let wrong = match kind {
        Kind::Ingress => args.gateway.as_ref().map(|_| ("--gateway", "httproute")),
        Kind::Httproute => args.ingress_class.as_ref().map(|_| ("--ingress-class", "ingress")),
    };
    if let Some((flag, kind)) = wrong {
        bail!("{flag} is for --as {kind}");
    }
    if let Some(class) = args.ingress_class.as_deref().filter(|class| !class.split('.').all(is_dns_label)) {
        bail!("invalid class `{class}` (--ingress-class): the name of an IngressClass");
    }
    let front = Front {
        server: &server,
        namespace,
        class: args.ingress_class.as_deref(),
        gateway: args.gateway.as_deref(),
    };
    front.render(kind)
}

fn upstream(args: &NginxArgs, istio_namespace: &str) -> anyhow::Result<String> {
    match &args.upstream {
        Some(upstream) => Ok(upstream.clone()),
        None if args.detect => detect(&args.cluster, istio_namespace),
        None => bail!(
            "the address of the ingress gateway is missing; pass --upstream http://IP:PORT, or --detect to ask the cluster"
        ),
    }
}

fn server(args: &NginxArgs, upstream: String) -> Server {
    let tls =
        args.tls_cert.clone().zip(args.tls_key.clone()).map(|(certificate, key)| Tls { certificate, key });
    let default = if tls.is_some() { "443" } else { "80" };
    Server {
        listen: args.listen.clone().unwrap_or_else(|| default.to_owned()),
        names: args.server_name.clone(),
        upstream,
        rum: args.rum_proxy.clone(),
        max_body: args.max_body.clone(),
        timeout: args.timeout.clone(),
        redirect: (tls.is_some() && args.listen.is_none()).then(|| "80".to_owned()),
        tls,
    }
}

/// The text of a configuration.
fn conf(source: &Source) -> anyhow::Result<&str> {
    match std::str::from_utf8(&source.bytes) {
        Ok(conf) => Ok(conf),
        Err(_) => bail!("{}: not UTF-8; convert the file", source.name),
    }
}

/// An error with its place.
fn at(name: &str, conf: &str, error: &ConfError) -> Diagnostics {
    Diagnostic::spot(name, conf, 0, error.at, error.message.clone()).into()
}

fn edit(
    path: &Path,
    source: &Source,
    server: &Server,
    overwrite: bool,
) -> anyhow::Result<(String, Vec<Text>)> {
    let conf = conf(source)?;
    let edited = insert(conf, server, overwrite).map_err(|error| at(&source.name, conf, &error))?;
    let mut said = Vec::new();
    let (text, what) = match edited {
        Edited::Inserted(text) => {
            let tree = Tree::read(path, conf);
            for (name, other) in &tree.files {
                check_beside(other, server).map_err(|error| at(name, other, &error))?;
            }
            said.extend(tree.unseen());
            (text, "server added".to_owned())
        }
        Edited::Replaced(text) => (text, "server replaced".to_owned()),
        Edited::Differs(at) => {
            let (line, ..) = crate::diagnostic::locate(conf, at);
            let what = format!("a server of ours with other values kept (line {line}), see --overwrite");
            (conf.to_owned(), what)
        }
        _ => (conf.to_owned(), "unchanged".to_owned()),
    };
    said.insert(0, text!("{}: {}", source.name, what));
    Ok((text, said))
}

/// Leads a location that is there to the gateway.
fn lead(path: &Path, source: &Source, into: &str, upstream: &str) -> anyhow::Result<(String, Vec<Text>)> {
    let target = Target::parse(into).map_err(|message| {
        anyhow!("invalid location `{into}` (--into): {message}; write SERVER[:PORT][/LOCATION], as in `shop.example:443/api/`")
    })?;
    let conf = conf(source)?;
    let Redirected { edited, notes } = redirect(conf, &target, upstream).map_err(|error| {
        let tree = Tree::read(path, conf);
        let elsewhere = tree.files.iter().find(|(_, other)| redirect(other, &target, upstream).is_ok());
        match elsewhere {
            Some((name, _)) => Diagnostic::whole(
                &source.name,
                format!(
                    "server `{}` is in {name}, which it includes; edit that one with --from",
                    target.name
                ),
            )
            .into(),
            None => at(&source.name, conf, &error),
        }
    })?;
    let (text, what) = match edited {
        Edited::Replaced(text) => (text, "leads to the ingress gateway now"),
        _ => (conf.to_owned(), "unchanged"),
    };
    let mut said = vec![text!("{}: {}{} {}", source.name, target.name, target.location, what)];
    said.extend(notes.iter().map(|note| text!("note: {}", note)));
    Ok((text, said))
}

fn remove(source: &Source) -> anyhow::Result<(String, Vec<Text>)> {
    let conf = conf(source)?;
    let explain = |error: ConfError| at(&source.name, conf, &error);
    let mut text = conf.to_owned();
    let mut said = Vec::new();
    if let Edited::Removed(new) = nginx::remove(&text).map_err(explain)? {
        text = new;
        said.push(text!("{}: server removed", source.name));
    }
    if let Edited::Removed(new) = restore(&text).map_err(explain)? {
        text = new;
        said.push(text!("{}: proxy_pass restored", source.name));
    }
    if said.is_empty() {
        said.push(text!("{}: nothing of ours in it, left as it is", source.name));
    }
    Ok((text, said))
}

/// Checks what goes into the configuration, so that nothing in it can end a directive.
fn check(server: &Server) -> anyhow::Result<()> {
    let port = server.listen.rsplit_once(':').map_or(server.listen.as_str(), |(_, port)| port);
    let host = server.listen.strip_suffix(port).unwrap_or_default().strip_suffix(':');
    let word =
        |host: &str| !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    let host_fits =
        host.is_none_or(|host| match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
            None => host == "*" || word(host),
        });
    let digits = !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    if !digits || port.parse::<u16>().map_or(true, |port| port == 0) || !host_fits {
        bail!(
            "invalid address `{}` (--listen): write [ADDRESS:]PORT, as in `80` or `127.0.0.1:8080`",
            server.listen
        );
    }
    for name in &server.names {
        let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let bare = name.strip_prefix("*.").or_else(|| name.strip_suffix(".*")).unwrap_or(name);
        if bare.is_empty() || !bare.chars().all(fits) {
            bail!("invalid name `{name}` (--server-name): a host's name, `*.example.org`, or `_` for any");
        }
    }
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if !digits(server.max_body.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G']).unwrap_or(&server.max_body)) {
        bail!(
            "invalid size `{}` (--max-body): digits and `k`, `m` or `g`, as in `10m`; 0 is any",
            server.max_body
        );
    }
    let unit = ["ms", "s", "m", "h", "d"].iter().find_map(|unit| server.timeout.strip_suffix(unit));
    if !digits(unit.unwrap_or(&server.timeout)) {
        bail!("invalid time `{}` (--timeout): digits and `s`, `m` or `h`, as in `300s`", server.timeout);
    }
    let files = server.tls.iter().flat_map(|tls| [(&tls.certificate, "--tls-cert"), (&tls.key, "--tls-key")]);
    for (file, flag) in files {
        if file.is_empty() || !file.chars().all(|c| c.is_alphanumeric() || "/._-+@".contains(c)) {
            bail!("invalid path `{file}` ({flag}): letters, digits and `/._-+@`");
        }
    }
    let origins = [(Some(&server.upstream), "--upstream"), (server.rum.as_ref(), "--rum-proxy")];
    for (origin, flag) in origins.into_iter().filter_map(|(origin, flag)| Some((origin?, flag))) {
        if let Err(error) = address::check_origin(origin) {
            bail!("invalid address `{origin}` ({flag}): {error}; write it as in `http://10.0.0.1:31380`");
        }
    }
    Ok(())
}

/// Where the ingress gateway can be reached: its load balancer, else a node and its port there.
fn detect(cluster: &ClusterArgs, namespace: &str) -> anyhow::Result<String> {
    let advice = "pass --upstream instead";
    let kubectl = cluster.kubectl()?;
    let text = kubectl
        .output(&["get", "service", "istio-ingressgateway", "-n", namespace, "-o", "json"])
        .with_context(|| format!("cannot find the ingress gateway; {advice}"))?;
    let service: serde_json::Value = serde_json::from_str(&text).context("kubectl printed no JSON")?;
    let ports = service.pointer("/spec/ports").and_then(serde_json::Value::as_array);
    let number = |port: &serde_json::Value, key: &str| port.get(key).and_then(serde_json::Value::as_u64);
    let http = ports.into_iter().flatten().find(|port| number(port, "port") == Some(80));
    let Some(http) = http else { bail!("the ingress gateway has no port 80; {advice}") };
    let first = service.pointer("/status/loadBalancer/ingress/0");
    let balancer = first.and_then(|entry| entry.get("ip").or_else(|| entry.get("hostname"))?.as_str());
    if let Some(host) = balancer {
        return Ok(format!("http://{}:80", bracketed(host)));
    }
    let Some(port) = number(http, "nodePort") else {
        bail!("the ingress gateway has neither a load balancer nor a port on the nodes; {advice}");
    };
    let path = "jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}";
    let minikube = minikube::address(kubectl.context.as_deref()).map(Ok);
    let node = minikube.unwrap_or_else(|| kubectl.output(&["get", "nodes", "-o", path]));
    let node = node.with_context(|| format!("cannot find a node's address; {advice}"))?;
    let Some(node) = node.split_whitespace().next() else { bail!("no node has an address; {advice}") };
    Ok(format!("http://{}:{port}", bracketed(node)))
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}
