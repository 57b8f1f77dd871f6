//! The pipeline: input → documents → rules that collect changes → edits, for all inputs before anything is written.
//!
//! What comes out is a [`Plan`]: for each input its edits. They are kept in a spool, so that memory does not grow with
//! the input; writing them out is the work of [`crate::output`].

use std::cell::{Cell, OnceCell};
use std::io::{self, Read};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::input::{Content, Input, Opener, io_message};
use crate::manifest::{Item, Resource, Scope, Scopes, items};
use crate::report::{Entry, Format, Remark, Report, Skipped};
use crate::rule::{Note, Rule, Target};
use crate::spool::{EditLog, EditSpan};
use crate::yaml::{Changes, Chunk, Document, DocumentReader, Edit, Kind, Refusal, RefusalKind, StreamError};

/// What a run is asked to do.
pub struct Patcher {
    /// The rules, in order.
    pub rules: Vec<Box<dyn Rule>>,
    /// Kinds that are cluster-scoped, as `KIND.GROUP`.
    pub cluster_scoped: Vec<String>,
    /// Whether differing values are replaced.
    pub overwrite: bool,
    /// Whether a skip that leaves a resource unobserved is an error.
    pub strict: bool,
    /// Whether what is no resource is reported.
    pub verbose: bool,
    /// The report's format.
    pub format: Format,
}

/// An input and what is to change in it.
pub struct Planned {
    /// The input.
    pub input: Input,
    /// Its bytes.
    pub content: Content,
    /// Its edits in the plan's log.
    pub edits: EditSpan,
    /// How it joins its neighbours in one stream.
    pub seam: Seam,
}

/// What has to be known of an input to put it between others in one stream.
#[derive(Clone, Debug, Default)]
pub struct Seam {
    /// The first thing in it that is neither blank nor comment.
    pub first: First,
    /// Whether there is content behind the last `---`, so that one is needed before more. A `...` is not enough:
    /// kubectl cuts at `---` only.
    pub open: bool,
    /// Whether the last document was ended by `...`.
    pub ended: bool,
    /// Whether it begins with `{`: kubectl takes a stream that does for JSON as a whole.
    pub brace: bool,
    /// Its line break.
    pub newline: &'static str,
    /// Whether its last line has a break; the break to add where not.
    pub missing_break: Option<&'static str>,
    /// The edit that keeps the value of a block scalar at its very end as it is when more follows.
    pub strip: Option<Edit>,
}

/// The first thing in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum First {
    /// Nothing at all.
    #[default]
    Nothing,
    /// `---`.
    Mark,
    /// `%…`.
    Directive,
    /// Anything else.
    Content,
}

/// All inputs and what is to change in them.
pub struct Plan {
    /// The inputs, in order.
    pub files: Vec<Planned>,
    /// The edits of all of them.
    pub log: EditLog,
    /// What is to be said.
    pub report: Report,
}

impl Plan {
    /// Whether anything is to change.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.files.iter().any(|file| file.edits.count > 0)
    }
}

impl Patcher {
    /// Reads all inputs and plans their edits. `errors` are those that are known already; `progress` is called once an
    /// input.
    ///
    /// # Errors
    /// All that is wrong with the inputs; nothing is to be written then.
    pub fn plan(
        &self,
        inputs: Vec<Input>,
        mut errors: Vec<Diagnostic>,
        progress: &mut dyn FnMut(),
    ) -> Result<Plan, Diagnostics> {
        let mut opener = Opener::default();
        let mut opened = Vec::new();
        for input in inputs {
            match opener.open(&input) {
                Ok(content) => opened.push((input, content)),
                Err(error) => errors.push(Diagnostic::whole(&input.name, io_message(&error))),
            }
        }
        self.plan_opened(opened, errors, progress)
    }

    /// Plans the edits of inputs whose bytes are at hand.
    ///
    /// # Errors
    /// All that is wrong with the inputs.
    pub fn plan_opened(
        &self,
        mut opened: Vec<(Input, Content)>,
        errors: Vec<Diagnostic>,
        progress: &mut dyn FnMut(),
    ) -> Result<Plan, Diagnostics> {
        let headings = opened.len() > 1;
        let mut scopes = Scopes::new(&self.cluster_scoped);
        loop {
            let mut run = Run {
                patcher: self,
                scopes: &mut scopes,
                seams: headings,
                log: EditLog::new(),
                report: Report::new(self.format, self.verbose, headings),
                errors: errors.clone(),
            };
            let mut planned = Vec::new();
            for (input, content) in &mut opened {
                planned.push(run.input(input, content));
                progress();
            }
            let Run { log, report, errors, .. } = run;
            if scopes.misjudged() {
                scopes.retry();
                continue;
            }
            if !errors.is_empty() {
                return Err(Diagnostics(errors));
            }
            let files = opened.into_iter().zip(planned);
            let files =
                files.map(|((input, content), (edits, seam))| Planned { input, content, edits, seam });
            return Ok(Plan { files: files.collect(), log, report });
        }
    }
}

/// One look at all inputs.
struct Run<'a> {
    patcher: &'a Patcher,
    scopes: &'a mut Scopes,
    /// Whether it has to be known how inputs join.
    seams: bool,
    log: EditLog,
    report: Report,
    errors: Vec<Diagnostic>,
}

impl Run<'_> {
    /// Plans one input. Of its errors the first is kept: later ones may follow from it.
    fn input(&mut self, input: &Input, content: &mut Content) -> (EditSpan, Seam) {
        self.report.file();
        let mut span = self.log.begin();
        let mut seam = Seam::default();
        let size = content.size_hint();
        let result = match content.reader() {
            Ok(reader) => {
                let documents = DocumentReader::with_size_hint(reader, size);
                self.stream(input, documents, &mut span, &mut seam)
            }
            Err(error) => Err(Diagnostic::whole(&input.name, io_message(&error))),
        };
        if let Err(error) = result {
            self.errors.push(error);
        }
        (span, seam)
    }

    fn stream(
        &mut self,
        input: &Input,
        mut documents: DocumentReader<impl Read>,
        span: &mut EditSpan,
        seam: &mut Seam,
    ) -> Result<(), Diagnostic> {
        let name = &input.name;
        let whole = |error: io::Error| Diagnostic::whole(name, io_message(&error));
        let mut failed = None;
        loop {
            let chunk = match documents.next_document() {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(_) if failed.is_some() => break,
                Err(StreamError::Io(error)) => return Err(whole(error)),
                Err(error) => {
                    let position = match &error {
                        StreamError::NotText { line, column, .. } => Some((line + 1, column + 1)),
                        StreamError::TooLarge { line } => Some((line + 1, 1)),
                        StreamError::Io(_) => None,
                    };
                    let message = error.to_string();
                    let path = name.clone();
                    return Err(Diagnostic { path, position, message, excerpt: None });
                }
            };
            let spot = |at, message| Diagnostic::spot(name, chunk.text, chunk.line, at, message);
            if failed.is_some() {
                // Only to see whether a CRD makes another look worth it.
                match Document::parse(chunk.text) {
                    Ok(doc) => self.learn(&doc),
                    Err(_) => break,
                }
                continue;
            }
            let doc = Document::parse(chunk.text).map_err(|e| spot(e.at, e.message))?;
            doc.refuse_template().map_err(|e| spot(e.at, e.message))?;
            let edits = match self.document(name, &chunk, &doc) {
                Ok(edits) => edits,
                Err(error) => {
                    self.learn(&doc);
                    failed = Some(error);
                    continue;
                }
            };
            let offset = usize::try_from(chunk.offset).unwrap_or(usize::MAX);
            for edit in edits {
                let (start, end) = (offset + edit.start, offset + edit.end);
                self.log.push(span, &Edit { start, end, ..edit }).map_err(whole)?;
            }
            if self.seams {
                seam.update(&doc, offset);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Learns from the CRDs in a text.
    fn learn(&mut self, doc: &Document<'_>) {
        for item in doc.roots().flat_map(|root| items(doc, root)) {
            if let Item::Resource(resource) = item
                && is_crd(&resource)
            {
                self.scopes.learn(doc, resource.at);
            }
        }
    }

    /// Runs the rules over one text and renders their changes.
    fn document(
        &mut self,
        name: &str,
        chunk: &Chunk<'_>,
        doc: &Document<'_>,
    ) -> Result<Vec<Edit>, Diagnostic> {
        let place = Place { name, chunk, lines: OnceCell::new(), last: Cell::new((0, 1)) };
        let mut changes = Changes::default();
        for root in doc.roots() {
            for item in items(doc, root) {
                match item {
                    Item::Resource(resource) => {
                        self.resource(&place, doc, &resource, &mut changes)?;
                    }
                    Item::NoApiVersion(resource) => {
                        let at = doc.start(resource.at.node);
                        let reason = "no apiVersion, so nobody can know its kind; add one";
                        let skipped = self.skipped(&place, None, at, reason.to_owned(), true)?;
                        let entry = place.entry(doc, &resource, vec![skipped]);
                        self.report.entry(entry).map_err(|e| place.io(&e))?;
                    }
                    Item::ClientSide(resource) => {
                        self.client_file(&place, doc, &resource, &mut changes)?;
                    }
                    Item::Other(at) => {
                        let message = if doc.kind(at.node) == Kind::Null {
                            "empty document, left as it is"
                        } else {
                            "not a Kubernetes object, left as it is"
                        };
                        let remark = place.remark(doc.start(at.node), message.to_owned());
                        self.report.ignored(&remark).map_err(|e| place.io(&e))?;
                    }
                }
            }
        }
        for duplicate in doc.duplicates() {
            let key = doc.string(duplicate.second).unwrap_or_default();
            let (line, _) = place.locate(doc.start(duplicate.first));
            let message = format!(
                "`{key}` stands twice in this mapping, first on line {line}; readers disagree which counts"
            );
            let remark = place.remark(doc.start(duplicate.second), message);
            self.report.warning(&remark).map_err(|e| place.io(&e))?;
        }
        changes.render(doc).map_err(|refusal| place.refuse(&refusal))
    }

    fn resource(
        &mut self,
        place: &Place<'_>,
        doc: &Document<'_>,
        resource: &Resource,
        changes: &mut Changes,
    ) -> Result<(), Diagnostic> {
        if is_crd(resource) {
            self.scopes.learn(doc, resource.at);
        }
        let scope = self.scopes.of(resource.group(), &resource.kind);
        let overwrite = self.patcher.overwrite;
        let target = Target { doc, resource, scope, overwrite };
        let entry = self.apply(place, &target, |_| true, changes)?;
        self.report.entry(entry).map_err(|e| place.io(&e))
    }

    /// A file for a client: most rules leave it alone.
    fn client_file(
        &mut self,
        place: &Place<'_>,
        doc: &Document<'_>,
        resource: &Resource,
        changes: &mut Changes,
    ) -> Result<(), Diagnostic> {
        let (scope, overwrite) = (Scope::Cluster, self.patcher.overwrite);
        let target = Target { doc, resource, scope, overwrite };
        let mut entry = self.apply(place, &target, |rule| rule.reads_client_files(), changes)?;
        let silent = !self.patcher.rules.iter().any(|rule| rule.reads_client_files());
        if silent
            || (entry.patched.is_empty() && entry.skipped.is_empty() && resource.kind != "IstioOperator")
        {
            let reason = "read by a client, not by the cluster".to_owned();
            let at = doc.start(resource.at.node);
            entry.skipped.push(self.skipped(place, None, at, reason, false)?);
        }
        self.report.entry(entry).map_err(|e| place.io(&e))
    }

    /// Asks the rules that `asked` picks.
    fn apply(
        &self,
        place: &Place<'_>,
        target: &Target<'_>,
        asked: impl Fn(&dyn Rule) -> bool,
        changes: &mut Changes,
    ) -> Result<Entry, Diagnostic> {
        let Target { doc, resource, .. } = *target;
        let mut entry = place.entry(doc, resource, Vec::new());
        for rule in self.patcher.rules.iter().filter(|rule| asked(rule.as_ref())) {
            let outcome = rule.apply(target, changes).map_err(|refusal| place.refuse(&refusal))?;
            if outcome.patched {
                entry.patched.push(rule.name());
            }
            for skip in outcome.skips {
                let name = Some(rule.name());
                entry.skipped.push(self.skipped(place, name, skip.at, skip.reason, skip.dark)?);
            }
            let notes = outcome.notes.into_iter();
            entry.notes.extend(notes.map(|Note { at, message }| place.remark(at, message)));
        }
        let mut doubled = doc.duplicates_of(resource.at.node);
        let ambiguous =
            doubled.find(|duplicate| ["apiVersion", "kind"].iter().any(|key| doc.is(duplicate.second, key)));
        if let Some(duplicate) = ambiguous
            && !entry.patched.is_empty()
        {
            return Err(place.refuse(&Refusal::duplicate(doc, duplicate)));
        }
        Ok(entry)
    }

    fn skipped(
        &self,
        place: &Place<'_>,
        rule: Option<&'static str>,
        at: usize,
        reason: String,
        dark: bool,
    ) -> Result<Skipped, Diagnostic> {
        if dark && self.patcher.strict {
            let rule = rule.map_or(String::new(), |rule| format!("{rule}: "));
            return Err(place.spot(at, format!("{rule}{reason} (an error because of --strict)")));
        }
        let (line, column) = place.locate(at);
        Ok(Skipped { rule, reason, dark, line, column })
    }
}

fn is_crd(resource: &Resource) -> bool {
    resource.kind == "CustomResourceDefinition" && resource.group() == "apiextensions.k8s.io"
}

/// Where a chunk is, for messages.
struct Place<'a> {
    name: &'a str,
    chunk: &'a Chunk<'a>,
    /// Offsets of the chunk's lines: a list may hold thousands of resources.
    lines: OnceCell<Vec<usize>>,
    /// The offset asked for last and its column, to count on from on a long line.
    last: Cell<(usize, usize)>,
}

impl Place<'_> {
    /// Line and column, from 1.
    fn locate(&self, at: usize) -> (u64, usize) {
        let text = self.chunk.text;
        let lines = self.lines.get_or_init(|| {
            let breaks = memchr::memchr_iter(b'\n', text.as_bytes());
            std::iter::once(0).chain(breaks.map(|at| at + 1)).collect()
        });
        let row = lines.partition_point(|start| *start <= at);
        let start = row.checked_sub(1).and_then(|row| lines.get(row)).copied().unwrap_or(0);
        let (from, column) = match self.last.get() {
            (last, column) if (start..=at).contains(&last) => (last, column),
            _ => (start, 1),
        };
        let passed = text.get(from..at).unwrap_or("");
        let column = column + passed.chars().filter(|c| *c != '\u{feff}').count();
        self.last.set((at, column));
        (self.chunk.line + row as u64, column)
    }

    fn spot(&self, at: usize, message: String) -> Diagnostic {
        Diagnostic::spot(self.name, self.chunk.text, self.chunk.line, at, message)
    }

    fn io(&self, error: &io::Error) -> Diagnostic {
        Diagnostic::whole(self.name, io_message(error))
    }

    fn refuse(&self, refusal: &Refusal) -> Diagnostic {
        let mut message = refusal.to_string();
        if let RefusalKind::Duplicate { first, .. } = refusal.kind {
            let (line, column) = self.locate(first);
            message.push_str(&format!("; it stands at {line}:{column} first"));
        }
        self.spot(refusal.at, message)
    }

    fn remark(&self, at: usize, message: String) -> Remark {
        let (line, column) = self.locate(at);
        Remark { path: self.name.to_owned(), line, column, message }
    }

    fn entry(&self, doc: &Document<'_>, resource: &Resource, skipped: Vec<Skipped>) -> Entry {
        let (line, _) = self.locate(doc.start(resource.at.node));
        Entry {
            path: self.name.to_owned(),
            line,
            resource: resource.title(),
            api_version: resource.api_version.clone(),
            kind: resource.kind.clone(),
            name: resource.name.clone(),
            patched: Vec::new(),
            skipped,
            notes: Vec::new(),
        }
    }
}

impl Seam {
    /// Takes the next part of an input into account.
    fn update(&mut self, doc: &Document<'_>, offset: usize) {
        let text = doc.src();
        let body = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut open = self.open;
        self.brace |= offset == 0 && body.trim_start().starts_with('{');
        for line in body.lines() {
            let mark = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
            let mark = mark.filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
            let content = mark.unwrap_or(line).trim_start();
            let first = match mark {
                Some(_) if line.starts_with('-') => First::Mark,
                None if line.starts_with('%') => First::Directive,
                _ if content.is_empty() || content.starts_with('#') => First::Nothing,
                _ => First::Content,
            };
            if self.first == First::Nothing {
                self.first = first;
            }
            let more = !content.is_empty() && !content.starts_with('#') && first != First::Directive;
            if first == First::Mark {
                (open, self.ended) = (more, false);
            } else if more {
                (open, self.ended) = (true, false);
            } else if mark.is_some() {
                self.ended = true;
            }
        }
        self.open = open;
        let complete = text.ends_with('\n');
        self.newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        self.missing_break = (!complete).then_some(self.newline);
        let strip = doc.strip_at_end();
        if strip.as_ref().is_some_and(|edit| edit.end == text.len() && edit.text.is_empty()) {
            // What is left ends in a break.
            self.missing_break = None;
        }
        self.strip = strip.map(|edit| Edit { start: offset + edit.start, end: offset + edit.end, ..edit });
    }
}
