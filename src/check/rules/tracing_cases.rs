//! Every check of tracing on a healthy mesh with one change at a time, from `testdata/tracing-mesh/cases.yaml`: what is broken
//! has one finding with the right cause, what is merely unusual has none, and what is out of view is unknown.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::check::run;
use crate::kube::read_text;

const HEALTHY: &str = include_str!("../../../testdata/tracing-mesh/healthy.yaml");
const CASES: &str = include_str!("../../../testdata/tracing-mesh/cases.yaml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What was changed.
    name: String,
    version: String,
    /// The mesh configuration.
    mesh: String,
    /// More manifests.
    #[serde(default)]
    add: String,
    #[serde(default)]
    annotations: String,
    /// Replacements, each of which has to find its text.
    #[serde(default)]
    replace: Vec<(String, String)>,
    /// `files` or `cluster`, where one of the two differs.
    view: Option<String>,
    #[serde(default)]
    expect: Vec<Expected>,
    /// Ids that are unknown.
    #[serde(default)]
    unknown: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Expected {
    id: String,
    subject: String,
    /// A part of the message or of the hint.
    says: String,
    /// What follows from it.
    #[serde(default)]
    leads_to: Vec<String>,
}

fn mesh(case: &Case) -> String {
    let indented: Vec<String> = case.mesh.lines().map(|line| format!("    {line}")).collect();
    let text = HEALTHY
        .replace("{version}", &case.version)
        .replace("{annotations}", &format!("{{{}}}", case.annotations));
    let text = text.replace("\n{mesh}\n", &format!("\n{}\n", indented.join("\n"))) + &case.add;
    case.replace.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "{}: {old}", case.name);
        text.replace(old, new)
    })
}

fn differs(case: &Case, live: bool) -> Option<String> {
    let (mut inventory, problems) = read_text("mesh.yaml", &mesh(case));
    assert_eq!(problems, [], "{}", case.name);
    inventory.live = live;
    let outcome = run(&inventory, problems);
    let ours = |id: &str| id.starts_with("tracing-") || id == "mesh-config";
    let findings: Vec<_> = outcome.findings.iter().filter(|finding| ours(finding.id)).collect();
    let unknowns: Vec<_> = outcome.unknowns.iter().map(|unknown| unknown.id).filter(|id| ours(id)).collect();
    let fits = findings.len() == case.expect.len()
        && unknowns == case.unknown
        && findings.iter().zip(&case.expect).all(|(found, wanted)| {
            found.id == wanted.id
                && found.subject == wanted.subject
                && (found.message.contains(&wanted.says) || found.hint.contains(&wanted.says))
                && (wanted.leads_to.is_empty() || found.consequences == wanted.leads_to)
        });
    let mut out = format!("{} (live: {live})\n  unknown {unknowns:?}\n", case.name);
    for found in findings {
        let _ = writeln!(
            out,
            "  [{}] {}: {}\n    {}\n    {:?}",
            found.id, found.subject, found.message, found.hint, found.consequences
        );
    }
    (!fits).then_some(out)
}

#[test]
fn each_case_has_what_it_expects_and_nothing_else() {
    let cases: Vec<Case> = serde_yaml::from_str(CASES).unwrap();
    let views = |case: &Case| match case.view.as_deref() {
        Some("files") => vec![false],
        Some("cluster") => vec![true],
        _ => vec![false, true],
    };
    let all = cases.iter().flat_map(|case| views(case).into_iter().map(move |live| (case, live)));
    let wrong: Vec<String> = all.filter_map(|(case, live)| differs(case, live)).collect();
    assert!(wrong.is_empty(), "{} of the cases:\n{}", wrong.len(), wrong.join("\n"));
}
