//! The pipeline: input → documents → rules that collect changes → edits, for all inputs before anything is written.
//!
//! What comes out is a [`Plan`]: for each input its edits. They are kept in a spool, so that memory does not grow with
//! the input; writing them out is the work of [`crate::output`].

mod identity;
mod objects;

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::io::{self, Read};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::input::{Content, Input, Opener, io_message};
use crate::kube::{Item, Resource, Scope, Scopes, function_config, items};
use crate::report::{Entry, Format, Remark, Report, Skipped};
use crate::rule::{Found, NewResource, Note, Rule, Target};
use crate::spool::{EditLog, EditSpan};
use crate::survey::{Spot, Survey};
use crate::yaml::{
    At, Changes, Chunk, Document, DocumentReader, Edit, Kind, Pick, Refusal, RefusalKind, StreamError, Value,
};
use identity::Identities;
use objects::{Contents, Holds};

/// What is done to the resources of an input.
pub struct Profile {
    /// The rules, in order.
    pub rules: Vec<Box<dyn Rule>>,
    /// Whether differing values are replaced.
    pub overwrite: bool,
    /// Whether a skip that leaves a resource unobserved is an error.
    pub strict: Strict,
}

/// What a run is asked to do.
pub struct Patcher {
    /// What is done to inputs of profile 0.
    pub profile: Profile,
    /// What is done to inputs of profile 1 and more.
    pub others: Vec<Profile>,
    /// Kinds that are cluster-scoped, as `KIND.GROUP`.
    pub cluster_scoped: Vec<String>,
    /// Whether all inputs become one stream for a cluster: what a directory has beside objects stays out of it.
    pub one_stream: bool,
    /// Whether what is no resource is reported.
    pub verbose: bool,
    /// The report's format.
    pub format: Format,
    /// Whether a functionConfig has been read: elsewhere it is an error, so that it is never ignored.
    pub function: bool,
}

/// Whether a skip that leaves a resource unobserved is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strict {
    /// It is reported.
    #[default]
    No,
    /// It is, because the user asked for it.
    Asked,
    /// It is: without it nothing is left of what was asked for.
    Always,
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
    /// Whether it has no place in the stream.
    pub left_out: bool,
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
    /// Where a JSON object begins behind another one: between other inputs each needs a `---` in front.
    pub objects: Vec<usize>,
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

/// A resource among all inputs, whatever was taken out of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceKey {
    /// The number of its input.
    pub file: usize,
    /// The number of its document.
    pub document: usize,
    /// Its number in the document.
    pub ordinal: usize,
}

/// What a rule could take out of a resource, and what of it was picked.
#[derive(Clone, Debug)]
pub struct Removable {
    /// The resource.
    pub key: ResourceKey,
    /// How many variants each value has.
    pub variants: Vec<usize>,
    /// What was picked.
    pub picks: Vec<Pick>,
    /// The name of each value, and the names of those without which it stays.
    pub ties: Vec<(Option<String>, Vec<String>)>,
    /// Whether all that was picked could be taken out.
    pub done: bool,
}

/// Which values are taken out of each resource; one that is not there loses all of them, by their first variant.
pub type Picks = HashMap<ResourceKey, Vec<Pick>>;

impl Patcher {
    /// What is done to an input.
    fn profile(&self, input: &Input) -> &Profile {
        let other = input.profile.checked_sub(1).and_then(|number| self.others.get(number));
        other.unwrap_or(&self.profile)
    }

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
        let opened = open(inputs, &mut errors);
        self.plan_opened(opened, errors, progress)
    }

    /// Plans the edits of inputs whose bytes are at hand.
    ///
    /// # Errors
    /// All that is wrong with the inputs.
    pub fn plan_opened(
        &self,
        opened: Vec<(Input, Content)>,
        errors: Vec<Diagnostic>,
        progress: &mut dyn FnMut(),
    ) -> Result<Plan, Diagnostics> {
        self.run(opened, errors, progress, None).map(|(plan, _)| plan)
    }

    /// Plans to take out what the rules find of their own, as far as it is picked.
    ///
    /// # Errors
    /// All that is wrong with the inputs.
    pub fn plan_removals(
        &self,
        opened: Vec<(Input, Content)>,
        picks: &Picks,
    ) -> Result<(Plan, Vec<Removable>), Diagnostics> {
        self.run(opened, Vec::new(), &mut || (), Some(picks))
    }

    fn run(
        &self,
        mut opened: Vec<(Input, Content)>,
        errors: Vec<Diagnostic>,
        progress: &mut dyn FnMut(),
        picks: Option<&Picks>,
    ) -> Result<(Plan, Vec<Removable>), Diagnostics> {
        let headings = opened.len() > 1;
        let mut scopes = Scopes::new(&self.cluster_scoped);
        let mut survey = Survey::default();
        let mut progress = Some(progress);
        loop {
            let mut run = Run {
                patcher: self,
                profile: &self.profile,
                scopes: &mut scopes,
                survey: &mut survey,
                file: 0,
                resources: 0,
                seams: headings,
                log: EditLog::new(),
                report: Report::new(self.format, self.verbose, headings),
                errors: errors.clone(),
                added: Vec::new(),
                contents: Contents::default(),
                identities: Identities::default(),
                names: Vec::new(),
                removal: picks.map(Removal::new),
            };
            let mut planned = Vec::new();
            for (input, content) in &mut opened {
                planned.push(run.input(input, content));
                run.file += 1;
                progress.iter_mut().for_each(|progress| progress());
            }
            // Later readings go over what is known already.
            progress = None;
            let Run { log, report, errors, removal, .. } = run;
            let removable = removal.map(|removal| removal.removable).unwrap_or_default();
            if scopes.misjudged() {
                scopes.retry();
                survey.restart();
                continue;
            }
            if survey.again() {
                continue;
            }
            if !errors.is_empty() {
                return Err(Diagnostics(errors));
            }
            let files = opened.into_iter().zip(planned);
            let files = files.map(|((input, content), (edits, seam, left_out))| Planned {
                input,
                content,
                edits,
                seam,
                left_out,
            });
            return Ok((Plan { files: files.collect(), log, report }, removable));
        }
    }
}

/// Gets hold of the bytes of all inputs. Those that cannot be read are added to the errors.
pub fn open(inputs: Vec<Input>, errors: &mut Vec<Diagnostic>) -> Vec<(Input, Content)> {
    let mut opener = Opener::default();
    let mut opened = Vec::new();
    for input in inputs {
        match opener.open(&input) {
            Ok(content) => opened.push((input, content)),
            Err(error) => errors.push(Diagnostic::whole(&input.name, io_message(&error))),
        }
    }
    opened
}

/// One look at all inputs.
struct Run<'a> {
    patcher: &'a Patcher,
    /// What is done to this input.
    profile: &'a Profile,
    scopes: &'a mut Scopes,
    survey: &'a mut Survey,
    /// The number of the input.
    file: usize,
    /// How many resources were seen.
    resources: u64,
    /// Whether it has to be known how inputs join.
    seams: bool,
    log: EditLog,
    report: Report,
    errors: Vec<Diagnostic>,
    /// Documents that this input lacks.
    added: Vec<NewResource>,
    /// What this input holds.
    contents: Contents,
    /// The objects of all inputs so far, where they become one stream.
    identities: Identities,
    /// The names of the inputs so far.
    names: Vec<String>,
    /// What is taken out, where that is the task.
    removal: Option<Removal<'a>>,
}

/// The way back: what is taken out.
struct Removal<'a> {
    picks: &'a Picks,
    removable: Vec<Removable>,
    /// How many documents of the input were seen, and resources of the last one.
    documents: usize,
    ordinal: usize,
    /// Edits of the document.
    edits: Vec<Edit>,
}

impl<'a> Removal<'a> {
    fn new(picks: &'a Picks) -> Self {
        Self { picks, removable: Vec::new(), documents: 0, ordinal: 0, edits: Vec::new() }
    }

    /// The picks of the next resource.
    fn next(&mut self, file: usize, found: &Found) -> (ResourceKey, Vec<Pick>) {
        let document = self.documents.saturating_sub(1);
        let key = ResourceKey { file, document, ordinal: self.ordinal };
        self.ordinal += 1;
        let all = || (0..found.removals.len()).map(|index| (index, 0)).collect();
        (key, self.picks.get(&key).cloned().unwrap_or_else(all))
    }
}

impl Run<'_> {
    /// Plans one input, and says whether it stays out of the stream. Of its errors the first is kept: later ones may
    /// follow from it.
    fn input(&mut self, input: &Input, content: &mut Content) -> (EditSpan, Seam, bool) {
        self.report.file();
        self.added.clear();
        self.contents = Contents::default();
        self.profile = self.patcher.profile(input);
        self.names.push(input.name.clone());
        if let Some(removal) = &mut self.removal {
            removal.documents = 0;
        }
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
        if let Err(error) = result.and_then(|()| self.refuse_text(input)) {
            self.errors.push(error);
        }
        let left_out = self.stays_out(input) && self.contents.no_object();
        self.report_others(input);
        (span, seam, left_out)
    }

    /// Whether what is no object stays out of the stream.
    fn stays_out(&self, input: &Input) -> bool {
        self.patcher.one_stream && !input.named
    }

    /// Refuses a text that the user took for manifests.
    fn refuse_text(&self, input: &Input) -> Result<(), Diagnostic> {
        match self.contents.only_text().filter(|_| input.named) {
            None => Ok(()),
            Some(line) => {
                let message =
                    "not a manifest but plain text; pass YAML or JSON with Kubernetes objects".to_owned();
                let position = Some((line, 1));
                Err(Diagnostic { path: input.name.clone(), position, message, excerpt: None })
            }
        }
    }

    /// Reports what a stream gets or does not get beside objects.
    fn report_others(&mut self, input: &Input) {
        if !self.patcher.one_stream || self.report.is_silent() {
            return;
        }
        let names = self.contents.names(&input.name);
        if self.stays_out(input) { self.report.left_out(names) } else { self.report.passed(names) }
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
        // The edits of the last document so far, and where it ends: offset and lines.
        let mut last: Vec<Edit> = Vec::new();
        let mut end = (0, 0);
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
            let spot = |at, message| spot(name, &chunk, at, message);
            if failed.is_some() {
                // Only to see whether a CRD makes another look worth it.
                match Document::parse(chunk.text) {
                    Ok(doc) => self.learn(&doc),
                    Err(_) => break,
                }
                continue;
            }
            let doc = Document::parse(chunk.text).map_err(|e| spot(e.at, e.message))?;
            doc.refuse_template().and_then(|()| doc.refuse_tabs()).map_err(|e| spot(e.at, e.message))?;
            let items: Vec<Item> = doc.roots().flat_map(|root| items(&doc, root)).collect();
            let offset = usize::try_from(chunk.offset).unwrap_or(usize::MAX);
            let chunk_end = offset + chunk.text.len();
            end = (chunk_end, chunk.line + chunk.text.matches('\n').count() as u64);
            if let Some(removal) = &mut self.removal {
                removal.documents += 1;
                removal.ordinal = 0;
            }
            if !self.holds_object(&chunk, &doc, &items) && self.stays_out(input) {
                last.push(Edit { start: offset, end: chunk_end, text: String::new() });
                continue;
            }
            let edits = match self.document(name, &chunk, &doc, items) {
                Ok(edits) => edits,
                Err(error) => {
                    self.learn(&doc);
                    failed = Some(error);
                    continue;
                }
            };
            for edit in last.drain(..) {
                self.log.push(span, &edit).map_err(whole)?;
            }
            let moved = |edit: Edit| Edit { start: offset + edit.start, end: offset + edit.end, ..edit };
            last.extend(edits.into_iter().map(moved));
            if self.seams || self.survey.is_complete() {
                seam.update(&doc, offset);
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let added = std::mem::take(&mut self.added);
        if !added.is_empty() {
            self.append(name, &added, end, &mut last, seam).map_err(whole)?;
        }
        for edit in last {
            self.log.push(span, &edit).map_err(whole)?;
        }
        Ok(())
    }

    /// Adds documents behind the last one of an input, which ends at an offset and has so many lines.
    fn append(
        &mut self,
        name: &str,
        added: &[NewResource],
        (end, lines): (usize, u64),
        last: &mut Vec<Edit>,
        seam: &mut Seam,
    ) -> io::Result<()> {
        if let Some(strip) = seam.strip.take()
            && !last.iter().any(|edit| edit.end > strip.start && edit.start < strip.end)
        {
            last.push(strip);
            last.sort_by_key(|edit| edit.start);
        }
        let newline = seam.newline;
        let mut text = seam.missing_break.take().unwrap_or("").to_owned();
        for (i, resource) in added.iter().enumerate() {
            if i > 0 || seam.open {
                text.push_str(&format!("---{newline}"));
            }
            text.push_str(&crate::yaml::document(&resource.entries, newline));
            let title = format!("{}/{}", resource.kind.to_lowercase(), resource.name);
            self.report.entry(Entry::added(name, lines + 1, title, resource))?;
        }
        (seam.open, seam.ended) = (true, false);
        last.push(Edit { start: end, end, text });
        Ok(())
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

    /// Whether a text holds objects, or nothing that would have to be one.
    fn holds_object(&mut self, chunk: &Chunk<'_>, doc: &Document<'_>, items: &[Item]) -> bool {
        let operators = self.profile.rules.iter().any(|rule| rule.reads_client_files());
        let holds = Holds::of(doc, items, operators);
        if !matches!(holds, Holds::Objects | Holds::Nothing) {
            let start = doc.roots().next().map_or(0, |root| doc.start(root.node));
            let before = chunk.text.as_bytes().get(..start).unwrap_or_default();
            self.contents.add(holds, chunk.line + 1 + memchr::memchr_iter(b'\n', before).count() as u64);
            return false;
        }
        self.contents.add(holds, 0);
        true
    }

    /// Runs the rules over the items of one text and renders their changes.
    fn document(
        &mut self,
        name: &str,
        chunk: &Chunk<'_>,
        doc: &Document<'_>,
        items: Vec<Item>,
    ) -> Result<Vec<Edit>, Diagnostic> {
        let silent = self.report.is_silent();
        let place = Place { name, chunk, silent, lines: OnceCell::new(), last: Cell::new((0, 1)) };
        let mut changes = Changes::default();
        self.refuse_function(&place, doc)?;
        for item in items {
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
                Item::Other(_) if silent => {}
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
        if !silent {
            self.duplicates(&place, doc)?;
        }
        if let Some(removal) = &mut self.removal {
            removal.edits.sort_by_key(|edit| (edit.start, edit.end));
            return Ok(std::mem::take(&mut removal.edits));
        }
        changes.render(doc).map_err(|refusal| place.refuse(&refusal))
    }

    /// Refuses settings that only the function reads.
    fn refuse_function(&self, place: &Place<'_>, doc: &Document<'_>) -> Result<(), Diagnostic> {
        let config = doc.roots().find_map(|root| function_config(doc, root));
        match config.filter(|_| !self.patcher.function) {
            None => Ok(()),
            Some(at) => {
                let message = "only `meshobs fn` reads a functionConfig; run that instead of `meshobs patch`";
                Err(place.spot(doc.start(at.key.unwrap_or(at.node)), message.to_owned()))
            }
        }
    }

    /// Warns of keys that appear twice.
    fn duplicates(&mut self, place: &Place<'_>, doc: &Document<'_>) -> Result<(), Diagnostic> {
        for duplicate in doc.duplicates() {
            let key = doc.string(duplicate.second).unwrap_or_default();
            let (line, _) = place.locate(doc.start(duplicate.first));
            let message = format!(
                "`{key}` stands twice in this mapping, first on line {line}; readers disagree which counts"
            );
            let remark = place.remark(doc.start(duplicate.second), message);
            self.report.warning(&remark).map_err(|e| place.io(&e))?;
        }
        Ok(())
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
        let number = self.resources;
        self.resources += 1;
        let file = self.file;
        let overwrite = self.profile.overwrite;
        let written = resource.namespace.as_deref();
        let target =
            Target { doc, resource, scope, namespace: written, overwrite, number, survey: self.survey };
        let namespace = self.profile.rules.iter().find_map(|rule| rule.namespace(&target));
        let namespace = namespace.or_else(|| resource.namespace.clone());
        self.survey.look(doc, resource, namespace.clone(), || {
            let (line, column) = place.locate(doc.start(resource.at.node));
            Spot { number, file, text: format!("{}:{line}:{column}", place.name) }
        });
        let namespace = namespace.as_deref();
        if self.patcher.one_stream && !place.silent {
            self.repeated(place, doc, resource, (scope, namespace))?;
        }
        let target = Target { doc, resource, scope, namespace, overwrite, number, survey: self.survey };
        if self.removal.is_some() {
            let entry = remove(self.profile, self.removal.as_mut(), file, place, &target, |_| true)?;
            return self.report.entry(entry).map_err(|e| place.io(&e));
        }
        let (entry, added) = self.apply(place, &target, |_| true, changes)?;
        self.report.entry(entry).map_err(|e| place.io(&e))?;
        for new in added {
            self.add(place, doc, resource, new, changes)?;
        }
        Ok(())
    }

    /// Warns of an object that the stream has already.
    fn repeated(
        &mut self,
        place: &Place<'_>,
        doc: &Document<'_>,
        resource: &Resource,
        (scope, namespace): (Scope, Option<&str>),
    ) -> Result<(), Diagnostic> {
        let at = doc.start(resource.at.node);
        let (line, column) = place.locate(at);
        let first = self.identities.add(doc, resource, (scope, namespace), (self.file, line, column));
        let Some((file, line, column)) = first else { return Ok(()) };
        let path = self.names.get(file).map_or("", String::as_str);
        let title = match (scope, namespace) {
            (Scope::Namespaced, Some(namespace)) => format!("{} in {namespace}", resource.title()),
            _ => resource.title(),
        };
        let message = format!(
            "{title} appears twice in this stream, first at {path}:{line}:{column}; kubectl keeps the last one"
        );
        self.report.warning(&place.remark(at, message)).map_err(|e| place.io(&e))
    }

    /// Takes a new resource: an item for the list that asks for it, else a document behind the last one.
    fn add(
        &mut self,
        place: &Place<'_>,
        doc: &Document<'_>,
        beside: &Resource,
        new: NewResource,
        changes: &mut Changes,
    ) -> Result<(), Diagnostic> {
        let at = doc.start(beside.at.node);
        if let Some(list) = beside.at.parent {
            let list = At { node: list, key: None, parent: None, shared: beside.at.shared };
            let title = format!("{}/{}", new.kind.to_lowercase(), new.name);
            let (line, _) = place.locate(at);
            let entry = Entry::added(place.name, line, title, &new);
            changes.append(doc, list, Value::Map(new.entries)).map_err(|e| place.refuse(&e))?;
            return self.report.entry(entry).map_err(|e| place.io(&e));
        }
        if doc.kind(beside.at.node).is_flow() {
            let message = format!(
                "it needs a {} `{}`, and JSON has no place for one behind it; put both into a List, or convert the \
                 file to YAML",
                new.kind, new.name
            );
            return Err(place.spot(at, message));
        }
        self.added.push(new);
        Ok(())
    }

    /// A file for a client: most rules leave it alone.
    fn client_file(
        &mut self,
        place: &Place<'_>,
        doc: &Document<'_>,
        resource: &Resource,
        changes: &mut Changes,
    ) -> Result<(), Diagnostic> {
        let (scope, overwrite) = (Scope::Cluster, self.profile.overwrite);
        let namespace = resource.namespace.as_deref();
        let number = u64::MAX;
        let target = Target { doc, resource, scope, namespace, overwrite, number, survey: self.survey };
        let asked = |rule: &dyn Rule| rule.reads_client_files();
        let mut entry = match self.removal.as_mut() {
            Some(removal) => remove(self.profile, Some(removal), self.file, place, &target, asked)?,
            None => self.apply(place, &target, asked, changes)?.0,
        };
        let silent = !self.profile.rules.iter().any(|rule| rule.reads_client_files());
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
    ) -> Result<(Entry, Vec<NewResource>), Diagnostic> {
        let Target { doc, resource, .. } = *target;
        let mut added = Vec::new();
        let mut entry = place.entry(doc, resource, Vec::new());
        for rule in self.profile.rules.iter().filter(|rule| asked(rule.as_ref())) {
            let outcome = rule.apply(target, changes).map_err(|refusal| place.refuse(&refusal))?;
            if outcome.patched {
                entry.patched.push(rule.name());
            }
            added.extend(outcome.added);
            for skip in outcome.skips {
                let name = Some(rule.name());
                entry.skipped.push(self.skipped(place, name, skip.at, skip.reason, skip.dark)?);
            }
            let notes = outcome.notes.into_iter().take_while(|_| !place.silent);
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
        Ok((entry, added))
    }

    fn skipped(
        &self,
        place: &Place<'_>,
        rule: Option<&'static str>,
        at: usize,
        reason: String,
        dark: bool,
    ) -> Result<Skipped, Diagnostic> {
        let rule_name = || rule.map_or(String::new(), |rule| format!("{rule}: "));
        match self.profile.strict {
            Strict::Asked if dark => {
                let message = format!("{}{reason} (an error because of --strict)", rule_name());
                return Err(place.spot(at, message));
            }
            Strict::Always if dark => return Err(place.spot(at, reason)),
            _ => {}
        }
        let (line, column) = if place.silent { (0, 0) } else { place.locate(at) };
        Ok(Skipped { rule, reason, dark, line, column, offset: place.offset(at) })
    }
}

/// Asks the rules that `asked` picks what they find of their own in a resource, and takes out what is picked of it.
fn remove(
    profile: &Profile,
    removal: Option<&mut Removal<'_>>,
    file: usize,
    place: &Place<'_>,
    target: &Target<'_>,
    asked: impl Fn(&dyn Rule) -> bool,
) -> Result<Entry, Diagnostic> {
    let Target { doc, resource, .. } = *target;
    let mut found = Found::default();
    for rule in profile.rules.iter().filter(|rule| asked(rule.as_ref())) {
        found.by(rule.name());
        rule.find(target, &mut found);
    }
    let mut entry = place.entry(doc, resource, Vec::new());
    let Some(removal) = removal else { return Ok(entry) };
    let (key, picks) = removal.next(file, &found);
    let edits = found.removals.render(doc, &picks);
    let variants = (0..found.removals.len()).map(|index| found.removals.variants(index)).collect();
    let ties = found.values.iter().map(|value| (value.name.clone(), value.needs.clone())).collect();
    let done = edits.is_some();
    removal.removable.push(Removable { key, variants, picks: picks.clone(), ties, done });
    removal.edits.extend(edits.unwrap_or_default());
    if place.silent {
        return Ok(entry);
    }
    let mut skip = |rule, reason, at| {
        let (line, column) = place.locate(at);
        let offset = place.offset(at);
        entry.skipped.push(Skipped { rule: Some(rule), reason, dark: false, line, column, offset });
    };
    let mut patched: Vec<&'static str> = Vec::new();
    for (index, value) in found.values.iter().enumerate() {
        if !picks.iter().any(|(picked, _)| *picked == index) {
            let reason = |what| format!("{what} kept: patch would not write it here in this form");
            value.what.iter().for_each(|what| skip(value.rule, reason(what), value.at));
        } else if !patched.contains(&value.rule) {
            patched.push(value.rule);
        }
    }
    found.kept.into_iter().for_each(|(rule, kept)| skip(rule, kept.reason, kept.at));
    entry.patched = patched;
    Ok(entry)
}

/// A diagnostic about a place in a chunk, which may begin in the middle of a line.
fn spot(name: &str, chunk: &Chunk<'_>, at: usize, message: String) -> Diagnostic {
    let mut spot = Diagnostic::spot(name, chunk.text, chunk.line, at, message);
    if let Some((line, column)) = &mut spot.position
        && *line == chunk.line + 1
    {
        *column += chunk.column;
        spot.excerpt = spot.excerpt.map(|line| " ".repeat(chunk.column) + &line);
    }
    spot
}

fn is_crd(resource: &Resource) -> bool {
    resource.kind == "CustomResourceDefinition" && resource.group() == "apiextensions.k8s.io"
}

/// Where a chunk is, for messages.
struct Place<'a> {
    name: &'a str,
    chunk: &'a Chunk<'a>,
    /// Whether the report needs no places and names.
    silent: bool,
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
        let column = if row == 1 { column + self.chunk.column } else { column };
        (self.chunk.line + row as u64, column)
    }

    /// The offset in the input of one in the chunk.
    fn offset(&self, at: usize) -> usize {
        usize::try_from(self.chunk.offset).unwrap_or(usize::MAX).saturating_add(at)
    }

    fn spot(&self, at: usize, message: String) -> Diagnostic {
        spot(self.name, self.chunk, at, message)
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
        Remark { path: self.name.to_owned(), line, column, offset: self.offset(at), message }
    }

    fn entry(&self, doc: &Document<'_>, resource: &Resource, skipped: Vec<Skipped>) -> Entry {
        if self.silent {
            return Entry { skipped, ..Entry::default() };
        }
        let at = doc.start(resource.at.node);
        let (line, _) = self.locate(at);
        Entry {
            path: self.name.to_owned(),
            line,
            offset: self.offset(at),
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
        if offset > 0 && text.starts_with('{') {
            self.objects.push(offset);
        }
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
