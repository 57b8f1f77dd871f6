//! `meshobs explain`: the page of a check.

use anyhow::anyhow;
use clap::Args;

use super::DONE;
use crate::check;

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// Id of a check, as reports show it in brackets; none lists all
    #[arg(value_name = "ID")]
    id: Option<String>,
}

/// Prints the page.
pub fn run(args: &ExplainArgs) -> anyhow::Result<u8> {
    let mut out = Vec::new();
    match &args.id {
        None => check::list(&mut out)?,
        Some(id) => {
            let id = check::known_id(id).map_err(|error| anyhow!(error))?;
            check::explain(&mut out, id)?;
        }
    }
    super::print(&out)?;
    Ok(DONE)
}
