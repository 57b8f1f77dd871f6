//! `meshobs init drill`: delays or aborts requests of one user, to see it in the traces.

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};

use super::super::settings::SettingsArgs;
use super::super::{DONE, print};
use super::{Chosen, Printed};
use crate::config::Options;
use crate::facts::Version;
use crate::gate::{Word, text};
use crate::generate::Blueprint;
use crate::template;
use crate::yaml::Value;

const TEMPLATE: &str = include_str!("../../../templates/drill.yaml");

/// Since this version Istio's samples use `v1`.
const V1: Version = Version::new(1, 24, 0);

/// What happens to the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// They wait
    Delay,
    /// They fail
    Abort,
}

/// Arguments of `init drill`.
#[derive(Args, Debug)]
#[command(after_help = "\
It is a VirtualService named as the service: applying it takes the place of one of that name that you have, so keep yours. \
Apply it, log in as the user, open the page, look at the trace, then run what --remove prints.")]
pub struct DrillArgs {
    /// What happens to the requests
    #[arg(value_enum, required_unless_present = "remove")]
    fault: Option<Fault>,
    /// Service whose requests are hit
    #[arg(long, value_name = "NAME", default_value = "ratings")]
    service: String,
    /// Subset of the service, by its label `version`
    #[arg(long, value_name = "NAME", default_value = "v1")]
    subset: String,
    /// Header that tells the user
    #[arg(long, value_name = "NAME", default_value = "end-user")]
    header: String,
    /// User whose requests are hit
    #[arg(long, value_name = "NAME", default_value = "jason")]
    user: String,
    /// How long they wait
    #[arg(long, value_name = "DURATION", default_value = "7s")]
    delay: String,
    /// Status they fail with
    #[arg(long, value_name = "STATUS", default_value_t = 500)]
    code: u16,
    /// Share of the user's requests that is hit, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 100.0)]
    percentage: f64,
    /// Namespace of the service [default: prod]
    #[arg(short, long, value_name = "NAME", env = "MESHOBS_NAMESPACE")]
    namespace: Option<String>,
    /// Istio's version, which decides the apiVersion [default: one that every version serves]
    #[arg(long, value_name = "VERSION", env = "MESHOBS_ISTIO_VERSION")]
    istio_version: Option<String>,
    /// Leave out the DestinationRule; the subset is one of yours
    #[arg(long)]
    no_destination_rule: bool,
    /// Print the command that ends the drill
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    printed: Printed,
}

/// Prints the manifests.
pub fn run(args: &DrillArgs) -> anyhow::Result<u8> {
    for (name, flag) in [(&args.service, "--service"), (&args.subset, "--subset")] {
        super::check_name(name, flag)?;
    }
    let (namespace, version) = settings(args)?;
    let rule = format!("{}-meshobs-drill", args.service);
    if args.remove {
        let mut what = format!("virtualservice.networking.istio.io/{}", args.service);
        if !args.no_destination_rule {
            what.push_str(&format!(" destinationrule.networking.istio.io/{rule}"));
        }
        print(text!("kubectl delete -n {} {}\n", Word(&namespace), what).to_string().as_bytes())?;
        return Ok(DONE);
    }
    check(args)?;
    let fault = args.fault.unwrap_or(Fault::Delay);
    let Chosen { text: template, name } = args.printed.template(Blueprint::built_in(TEMPLATE))?;
    let text = |text: &str| Value::Text(text.to_owned());
    let percentage = Value::Map(vec![("value".to_owned(), Value::Raw(format!("{:?}", args.percentage)))]);
    let (kind, key, value) = match fault {
        Fault::Delay => ("delay", "fixedDelay", text(&args.delay)),
        Fault::Abort => ("abort", "httpStatus", Value::Raw(args.code.to_string())),
    };
    let effect = Value::Map(vec![("percentage".to_owned(), percentage), (key.to_owned(), value)]);
    let filled = template::fill(&template, &name, |filler| {
        let rules = if args.no_destination_rule { 1 } else { 2 };
        for document in 0..rules {
            if version.is_some_and(|version| version >= V1) {
                filler.set(document, &["apiVersion"], text("networking.istio.io/v1"))?;
            }
            filler.set(document, &["metadata", "namespace"], text(&namespace))?;
        }
        filler.set(0, &["metadata", "name"], text(&args.service))?;
        filler.item(0, &["spec", "hosts", "0"], text(&args.service))?;
        let headers = ["spec", "http", "0", "match", "0", "headers"];
        if args.header == "end-user" {
            filler.set(0, &[&headers[..], &["end-user", "exact"]].concat(), text(&args.user))?;
        } else {
            let exact = Value::Map(vec![("exact".to_owned(), text(&args.user))]);
            filler.rename(0, &[&headers[..], &["end-user"]].concat(), &args.header, exact)?;
        }
        filler.set(0, &["spec", "http", "0", "fault", kind], effect)?;
        for route in ["0", "1"] {
            let destination = ["spec", "http", route, "route", "0", "destination"];
            filler.set(0, &[&destination[..], &["host"]].concat(), text(&args.service))?;
            filler.set(0, &[&destination[..], &["subset"]].concat(), text(&args.subset))?;
        }
        if !args.no_destination_rule {
            filler.set(1, &["metadata", "name"], text(&rule))?;
            filler.set(1, &["spec", "host"], text(&args.service))?;
            filler.set(1, &["spec", "subsets", "0", "name"], text(&args.subset))?;
            filler.set(1, &["spec", "subsets", "0", "labels", "version"], text(&args.subset))?;
        }
        Ok(())
    })?;
    let shown = match filled.split_once("\n---\n") {
        Some((first, _)) if args.no_destination_rule => format!("{first}\n"),
        _ => filled,
    };
    super::write(&shown, args.printed.output.as_deref())?;
    Ok(DONE)
}

/// The namespace of the service and Istio's version: as flags and environment say, else as the file does.
fn settings(args: &DrillArgs) -> anyhow::Result<(String, Option<Version>)> {
    let mut flags = Options::default();
    flags.namespace.name.clone_from(&args.namespace);
    flags.tracing.istio_version.clone_from(&args.istio_version);
    let options = args.settings.load(flags)?;
    let (namespace, _) = options.namespace.settings().map_err(|message| anyhow!(message))?;
    let tracing = options.tracing.settings().map_err(|message| anyhow!(message))?;
    Ok((namespace.name, tracing.istio_version))
}

fn check(args: &DrillArgs) -> anyhow::Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if args.header.is_empty() || !args.header.chars().all(fits) {
        bail!("invalid header `{}` (--header): letters, digits, `-` and `_`", args.header);
    }
    if args.user.is_empty() || args.user.chars().any(char::is_control) {
        bail!("invalid user (--user): what the header says, on one line");
    }
    if !(args.percentage > 0.0 && args.percentage <= 100.0) {
        bail!("invalid percentage `{}` (--percentage): above 0, up to 100", args.percentage);
    }
    if !(200..=599).contains(&args.code) {
        bail!("invalid status `{}` (--code): 200 to 599", args.code);
    }
    // Durations of Istio: a number and a unit, at least a millisecond.
    let unit = args.delay.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = args.delay.strip_suffix(unit).and_then(|number| number.parse::<f64>().ok());
    if !matches!(unit, "ms" | "s" | "m" | "h") || number.is_none_or(|n| n <= 0.0 || (unit == "ms" && n < 1.0))
    {
        bail!("invalid delay `{}` (--delay): a number and a unit, as in `7s` or `500ms`", args.delay);
    }
    Ok(())
}
