//! `meshobs init nginx`: the server in front of the ingress gateway.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;

use super::super::DONE;
use super::super::cluster::ClusterArgs;
use super::super::settings::SettingsArgs;
use super::from::Source;
use crate::address;
use crate::cluster::minikube;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::gate::say;
use crate::nginx::{Edited, Server, includes_servers, insert};

/// Arguments of `init nginx`.
#[derive(Args, Debug)]
#[command(after_help = "\
Put the output into /etc/nginx/conf.d/, or edit your nginx.conf with --from; then `nginx -t && nginx -s reload`. \
With --rum-proxy browsers send to this server, so that no DataKit has to be public: `init rum --datakit-origin /`.")]
pub struct NginxArgs {
    /// Address and port to listen on
    #[arg(long, value_name = "[ADDRESS:]PORT", default_value = "80")]
    listen: String,
    /// Name of the server (repeatable); `_` is any
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "_")]
    server_name: Vec<String>,
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
    let upstream = match &args.upstream {
        Some(upstream) => upstream.clone(),
        None if args.detect => detect(&args.cluster, &istio_namespace)?,
        None => bail!(
            "the address of the ingress gateway is missing; pass --upstream http://IP:PORT, or --detect to ask the cluster"
        ),
    };
    if let Some(flag) = args.cluster.given().filter(|_| !args.detect) {
        bail!("{flag} is for --detect; nothing else here asks the cluster");
    }
    let server = Server {
        listen: args.listen.clone(),
        names: args.server_name.clone(),
        upstream,
        rum: args.rum_proxy.clone(),
    };
    check(&server)?;
    let (text, said) = match &args.from {
        None => (server.render(""), None),
        Some(path) => edit(&Source::read(path)?, &server, args.overwrite)?,
    };
    super::write(&text, args.output.as_deref())?;
    if let Some(said) = said.filter(|_| !args.quiet) {
        say!("{}", said);
    }
    Ok(DONE)
}

fn edit(source: &Source, server: &Server, overwrite: bool) -> anyhow::Result<(String, Option<String>)> {
    let Ok(conf) = std::str::from_utf8(&source.bytes) else {
        bail!("{}: not UTF-8; convert the file", source.name);
    };
    let spot = |at, message: &str| Diagnostic::spot(&source.name, conf, 0, at, message);
    let edited =
        insert(conf, server, overwrite).map_err(|error| Diagnostics::from(spot(error.at, &error.message)))?;
    let (text, what) = match edited {
        Edited::Inserted(text) if includes_servers(conf) => {
            let more = "server added; files that it includes may have one for the same name and address, which nginx \
                        would take instead: see what `nginx -t` says, or give a --server-name";
            (text, more.to_owned())
        }
        Edited::Inserted(text) => (text, "server added".to_owned()),
        Edited::Replaced(text) => (text, "server replaced".to_owned()),
        Edited::Same => (conf.to_owned(), "unchanged".to_owned()),
        Edited::Differs(at) => {
            let (line, ..) = crate::diagnostic::locate(conf, at);
            (
                conf.to_owned(),
                format!("a server of ours with other values kept (line {line}), see --overwrite"),
            )
        }
    };
    Ok((text, Some(format!("{}: {what}", source.name))))
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
