//! A KRM function, as kustomize and kpt run it: a ResourceList in, the same with patched items and `results` out.
//!
//! Every byte of the list that no rule changes stays, annotations of the orchestrator among them. Reads no files; the
//! format is that of the KRM Functions Specification, `config.kubernetes.io/v1`.

mod config;
mod results;

use std::path::PathBuf;

use crate::config::Options;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::input::{Content, Input};
use crate::kube::is_resource_list;
use crate::output::{self, OutputError};
use crate::patch::Patcher;
use crate::yaml::{At, Document, Kind};
pub(crate) use results::Finding;

/// The name of the input in messages.
const STDIN: &str = "<stdin>";

/// What an orchestrator hands to a function.
pub(crate) struct ResourceList {
    doc: Document<'static>,
    root: At,
}

impl ResourceList {
    /// Parses the text of one.
    ///
    /// # Errors
    /// It is not YAML, or something else than one ResourceList.
    pub(crate) fn parse(text: String) -> Result<Self, Diagnostic> {
        let doc = match Document::owned(text.clone()) {
            Ok(doc) => doc,
            Err(error) => return Err(Diagnostic::spot(STDIN, &text, 0, error.at, error.message)),
        };
        let roots: Vec<At> = doc.roots().filter(|root| doc.kind(root.node) != Kind::Null).collect();
        match roots.as_slice() {
            [root] if is_resource_list(&doc, *root) => Ok(Self { root: *root, doc }),
            _ => Err(Diagnostic::whole(
                STDIN,
                "expected one ResourceList of config.kubernetes.io, as kustomize and kpt send it; for manifests use \
                 `meshobs patch`",
            )),
        }
    }

    /// The settings in its functionConfig; the defaults where it has none.
    ///
    /// # Errors
    /// A kind that is not read, an unknown key, a value of the wrong type.
    pub(crate) fn options(&self) -> Result<Options, Diagnostic> {
        config::options(&self.doc, self.root)
    }

    /// The list with its items patched and what is reported about them as results.
    ///
    /// # Errors
    /// What is wrong with the items.
    pub(crate) fn patch(&self, patcher: &Patcher) -> Result<(String, Vec<Finding>), Diagnostics> {
        let input =
            Input { name: STDIN.into(), path: None, relative: PathBuf::new(), named: true, profile: 0 };
        let content = Content::Memory(self.doc.src().as_bytes().to_vec());
        let mut plan = patcher.plan_opened(vec![(input, content)], Vec::new(), &mut || ())?;
        let mut out = Vec::new();
        output::stream(&mut plan, &mut out).map_err(|error| match error {
            OutputError::Stdout(error) => Diagnostic::whole(STDIN, error.to_string()).into(),
            OutputError::Files(errors) => errors,
        })?;
        let patched = Self::parse(String::from_utf8_lossy(&out).into_owned())?;
        let findings = results::findings(self, &patched, plan.report.into_kept());
        Ok((patched.with(&findings)?, findings))
    }

    /// The list as it came, with errors as its results.
    ///
    /// # Errors
    /// The list has no place for them.
    pub(crate) fn with_errors(&self, errors: &Diagnostics) -> Result<String, Diagnostics> {
        self.with(&results::errors(self, errors))
    }

    fn with(&self, findings: &[Finding]) -> Result<String, Diagnostics> {
        let text = self.doc.src();
        results::add(&self.doc, self.root, findings)
            .map_err(|refusal| Diagnostic::spot(STDIN, text, 0, refusal.at, refusal.to_string()).into())
    }

    /// Its items, in order.
    fn items(&self) -> Vec<At> {
        let items = self.doc.get(self.root, "items");
        items.map(|items| self.doc.items(items).collect()).unwrap_or_default()
    }
}
