//! What is edited by one rule: a file the user names with `--from`, a template, or an object of a cluster.

use std::fs;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::files::Color;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::gate::Text;
use crate::input::{Content, Input, io_message};
use crate::output::{self, OutputError};
use crate::patch::{Patcher, Profile, Strict};
use crate::report::{DiffStyle, Format};
use crate::rule::Rule;
use crate::stdio;

/// Where the output can go.
const ELSEWHERE: &str = "name the output with `-o FILE` instead of redirecting it";

/// A text to be edited and its name in messages.
pub struct Source {
    /// As the user named it.
    pub name: String,
    /// Whether it is a file of the user's: only that can be told apart from what comes out.
    pub named: bool,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Source {
    /// Reads a file, or stdin for `-`.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        if path.as_os_str() != "-" {
            return Self::file(path);
        }
        let name = "<stdin>".to_owned();
        refuse(&name, stdio::stdin_refusal(ELSEWHERE))?;
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        refuse(&name, read.err().map(|error| io_message(&error)))?;
        Ok(Self { name, named: false, bytes })
    }

    /// Reads a file. One that is empty or that standard output goes to is refused.
    pub fn file(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let metadata = fs::metadata(path).ok();
        refuse(&name, metadata.and_then(|metadata| stdio::refusal(&name, &metadata, true, ELSEWHERE)))?;
        match fs::read(path) {
            Ok(bytes) => Ok(Self { name, named: true, bytes }),
            Err(error) => Err(Diagnostics::from(Diagnostic::whole(&name, io_message(&error))).into()),
        }
    }

    /// The text as far as it is text; what is wrong with the rest is said when it is edited.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// Turns what is wrong with a source, if anything is, into an error.
fn refuse(name: &str, message: Option<String>) -> anyhow::Result<()> {
    match message {
        Some(message) => Err(Diagnostics::from(Diagnostic::whole(name, message)).into()),
        None => Ok(()),
    }
}

/// How a difference is shown.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// Print a unified diff against --from instead of manifests
    #[arg(long, requires = "from", conflicts_with = "output")]
    pub diff: bool,
    /// Lines of context in the diff
    #[arg(short = 'U', long, value_name = "LINES", default_value_t = 3, requires = "diff")]
    pub unified: usize,
    /// Colours in the diff
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// Show tokens in the diff
    #[arg(long, requires = "diff")]
    pub show_secrets: bool,
}

impl DiffArgs {
    /// The style, where a diff is wanted.
    pub fn style(&self) -> Option<DiffStyle> {
        self.diff.then(|| DiffStyle {
            context: self.unified,
            color: self.color.wanted(),
            terminal: io::stdout().is_terminal(),
            show_secrets: self.show_secrets,
        })
    }
}

/// What came of an edit.
pub struct Edited {
    /// The manifests, or the diff.
    pub text: String,
    /// What is to be said of it.
    pub report: Text,
    /// Whether something of that is more than what was done.
    pub remarkable: bool,
    /// Whether tokens in the diff are masked.
    pub masked: bool,
}

/// Runs one rule over a text. What it cannot do is an error.
pub fn edit(
    source: Source,
    rule: Box<dyn Rule>,
    overwrite: bool,
    diff: Option<DiffStyle>,
) -> anyhow::Result<Edited> {
    let patcher = Patcher {
        profile: Profile { rules: vec![rule], overwrite, strict: Strict::Always },
        others: Vec::new(),
        cluster_scoped: Vec::new(),
        one_stream: false,
        verbose: false,
        format: Format::Text,
        function: false,
    };
    let path = source.named.then(|| PathBuf::from(&source.name));
    let input = Input { name: source.name, path, relative: PathBuf::new(), named: true, profile: 0 };
    let content = Content::Memory(source.bytes);
    let mut plan = patcher.plan_opened(vec![(input, content)], Vec::new(), &mut || ())?;
    let mut out = Vec::new();
    let written = match diff {
        Some(style) => output::diff(&mut plan, &mut out, style),
        None => output::stream(&mut plan, &mut out).map(|()| false),
    };
    let masked = match written {
        Ok(masked) => masked,
        Err(OutputError::Stdout(error)) => return Err(error.into()),
        Err(OutputError::Files(errors)) => return Err(errors.into()),
    };
    if diff.is_some() {
        plan.report.nothing_is_written();
    }
    let remarkable = plan.report.has_remarks();
    let report = Text::written(|out| plan.report.finish(out, &[]))?;
    Ok(Edited { text: String::from_utf8(out)?, report, remarkable, masked })
}

/// Whether stdin and stderr belong to a person.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}
