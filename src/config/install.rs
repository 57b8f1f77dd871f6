//! `[install]`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::{Invalid, is_dns_label};

/// A part of an installation, which can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// DataKit, or what the one that is there is told to collect
    Datakit,
    /// What leads Istio's spans to DataKit
    Tracing,
    /// The namespace of the application, and the label by which its pods get sidecars
    Namespace,
    /// The page with browser monitoring
    Rum,
    /// The application, patched
    App,
    /// Services for the gateways' metrics
    Gateways,
}

/// `[install]`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table: [install] and its keys below it")]
pub struct InstallOptions {
    /// The application's files and directories; none installs the rest
    #[arg(value_name = "MANIFEST")]
    pub manifests: Option<Vec<PathBuf>>,
    /// Name of the application, for `status` and `uninstall --app` [default: that of its namespace]
    #[arg(long, value_name = "NAME", env = "MESHOBS_APP")]
    pub app: Option<String>,
    /// Page to put browser monitoring into
    #[arg(long, value_name = "FILE", help_heading = "Browser monitoring")]
    pub html: Option<PathBuf>,
    /// Install only these parts
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "PART",
        env = "MESHOBS_INSTALL_ONLY",
        help_heading = "Parts",
        hide_possible_values = true,
        conflicts_with = "skip"
    )]
    pub only: Option<Vec<Part>>,
    /// Install all parts but these: datakit, tracing, namespace, rum, app, gateways
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "PART",
        env = "MESHOBS_INSTALL_SKIP",
        help_heading = "Parts",
        hide_possible_values = true
    )]
    pub skip: Option<Vec<Part>>,
}

/// Which parts an installation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    chosen: [bool; Part::ALL.len()],
    /// Whether they are named one by one.
    named: bool,
}

impl Part {
    /// All of them, in the order in which they are installed.
    const ALL: [Self; 6] =
        [Self::Datakit, Self::Tracing, Self::Namespace, Self::Rum, Self::App, Self::Gateways];
}

impl Parts {
    /// Whether a part is to be installed.
    pub(crate) fn has(self, part: Part) -> bool {
        Part::ALL.iter().zip(self.chosen).any(|(known, chosen)| *known == part && chosen)
    }

    /// Whether a part is asked for by its name, so that what it needs has to be there.
    pub(crate) fn demands(self, part: Part) -> bool {
        self.named && self.has(part)
    }
}

impl InstallOptions {
    pub(super) fn or(self, other: Self) -> Self {
        // A choice of parts by flag replaces the file's as a whole.
        let chosen = self.only.is_some() || self.skip.is_some();
        let (only, skip) = if chosen { (self.only, self.skip) } else { (other.only, other.skip) };
        Self {
            manifests: self.manifests.or(other.manifests),
            app: self.app.or(other.app),
            html: self.html.or(other.html),
            only,
            skip,
        }
    }

    /// The application's name, where it is named.
    ///
    /// # Errors
    /// It is no name.
    pub(crate) fn app(&self) -> Result<Option<String>, Invalid> {
        match &self.app {
            Some(name) if !is_dns_label(name) => Err(format!(
                "invalid name `{name}`: lower-case letters, digits and `-` (--app, [install] app)"
            )),
            app => Ok(app.clone()),
        }
    }

    /// Which parts are to be installed.
    ///
    /// # Errors
    /// A file names them both ways, or leaves none.
    pub(crate) fn parts(&self) -> Result<Parts, Invalid> {
        if self.only.is_some() && self.skip.is_some() {
            return Err("`only` and `skip` in [install] exclude each other; keep one of them".to_owned());
        }
        let names =
            |list: &Option<Vec<Part>>, part: Part| list.as_ref().is_some_and(|list| list.contains(&part));
        let chosen = Part::ALL.map(|part| match &self.only {
            Some(_) => names(&self.only, part),
            None => !names(&self.skip, part),
        });
        if !chosen.contains(&true) {
            return Err("no part is left to install (--only, --skip, [install] only and skip)".to_owned());
        }
        Ok(Parts { chosen, named: self.only.is_some() })
    }
}

#[cfg(test)]
mod tests {
    use super::{InstallOptions, Part};

    fn parts(only: Option<&[Part]>, skip: Option<&[Part]>) -> Result<Vec<Part>, String> {
        let list = |parts: Option<&[Part]>| parts.map(<[Part]>::to_vec);
        let options = InstallOptions { only: list(only), skip: list(skip), ..InstallOptions::default() };
        options.parts().map(|parts| Part::ALL.into_iter().filter(|part| parts.has(*part)).collect())
    }

    #[test]
    fn parts_are_chosen_one_way_or_the_other() {
        assert_eq!(parts(None, None).unwrap(), Part::ALL);
        assert_eq!(parts(Some(&[Part::App]), None).unwrap(), [Part::App]);
        assert_eq!(parts(None, Some(&[Part::Tracing])).unwrap().len(), Part::ALL.len() - 1);
        assert!(parts(Some(&[Part::App]), Some(&[Part::Rum])).is_err());
        assert!(parts(None, Some(&Part::ALL)).is_err());
        let file = InstallOptions { skip: Some(vec![Part::Rum]), ..InstallOptions::default() };
        let flags = InstallOptions { only: Some(vec![Part::App]), ..InstallOptions::default() };
        assert!(flags.or(file).parts().unwrap().demands(Part::App));
    }
}
