//! The way back: takes out what `patch` with the same settings would put in, and nothing else.
//!
//! Rules find what they would have written; that is taken out, and the outcome is patched. A removal stands only where this
//! gives the text that patching the input gives. Where it does not, each value of the resource is tried alone, the last one
//! first, in every form that it may have had before; what leads back in none of them stays. So nothing is taken out that
//! `patch` would not put back, byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::input::{Content, Input};
use crate::kube::{Item, items};
use crate::output::{self, OutputError};
use crate::patch::{Patcher, Picks, Plan, Removable, ResourceKey};
use crate::yaml::{Document, DocumentReader, Pick};

/// How often candidates are patched before what is still open stays as it is.
const ROUNDS: usize = 100;

/// Plans what to take out of inputs. `quiet` is the patcher whose work is undone, `reporter` the same with the report and the
/// output that are asked for.
///
/// # Errors
/// All that is wrong with the inputs.
pub fn plan(
    quiet: &Patcher,
    reporter: &Patcher,
    opened: Vec<(Input, Content)>,
    errors: Vec<Diagnostic>,
    progress: &mut dyn FnMut(),
) -> Result<Plan, Diagnostics> {
    let mut patched = quiet.plan_opened(opened, errors, progress)?;
    let wanted = output::texts(&mut patched).map_err(unread)?;
    let mut opened = contents(patched);
    let mut search = Search::default();
    for round in 0..=2 * ROUNDS {
        let (mut plan, removable) = quiet.plan_removals(opened, &search.picks())?;
        let candidates = output::texts(&mut plan).map_err(unread)?;
        let failed = Check { wanted: &wanted, removable: &removable }.failed(quiet, &plan, candidates)?;
        opened = contents(plan);
        if !search.advance(&removable, &failed, round >= ROUNDS) && !search.untie(&removable) {
            return reporter.plan_removals(opened, &search.picks()).map(|(plan, _)| plan);
        }
    }
    Err(Diagnostic::whole("meshobs", "cannot tell what patch put in; try fewer files, or --only").into())
}

fn contents(plan: Plan) -> Vec<(Input, Content)> {
    plan.files.into_iter().map(|file| (file.input, file.content)).collect()
}

fn unread(error: OutputError) -> Diagnostics {
    match error {
        OutputError::Files(errors) => errors,
        OutputError::Stdout(error) => Diagnostic::whole("meshobs", error.to_string()).into(),
    }
}

/// What is being tried on a resource.
#[derive(Clone, Debug)]
enum Trial {
    /// All of its values, by one variant.
    All(usize),
    /// Those that stand, and this one.
    One { index: usize, variant: usize, kept: Vec<Pick> },
    /// Those that stand.
    Done(Vec<Pick>),
}

impl Trial {
    fn picks(&self, count: usize) -> Vec<Pick> {
        match self {
            Self::All(variant) => (0..count).map(|index| (index, *variant)).collect(),
            Self::One { index, variant, kept } => {
                let mut picks = kept.clone();
                picks.push((*index, *variant));
                picks.sort_unstable();
                picks
            }
            Self::Done(kept) => kept.clone(),
        }
    }

    /// What to try next.
    fn next(self, passed: bool, variants: &[usize]) -> Self {
        let count = variants.len();
        let one = |index: usize, kept: Vec<Pick>| match index.checked_sub(1) {
            Some(index) => Self::One { index, variant: 0, kept },
            None => Self::Done(kept),
        };
        match self {
            Self::All(variant) if passed => Self::All(variant),
            Self::All(variant) if variant + 1 < variants.iter().copied().max().unwrap_or(0) => {
                Self::All(variant + 1)
            }
            Self::All(_) if count <= 1 => Self::Done(Vec::new()),
            Self::All(_) => one(count, Vec::new()),
            Self::One { index, variant, mut kept } if passed => {
                kept.push((index, variant));
                one(index, kept)
            }
            Self::One { index, variant, kept } if variant + 1 < variants.get(index).copied().unwrap_or(0) => {
                Self::One { index, variant: variant + 1, kept }
            }
            Self::One { index, kept, .. } => one(index, kept),
            // Another resource changed: nothing of this one is sure any more.
            Self::Done(kept) if passed => Self::Done(kept),
            Self::Done(_) => Self::Done(Vec::new()),
        }
    }
}

/// The trials of all resources.
#[derive(Default)]
struct Search {
    trials: BTreeMap<ResourceKey, (Trial, usize)>,
}

impl Search {
    fn picks(&self) -> Picks {
        self.trials.iter().map(|(key, (trial, count))| (*key, trial.picks(*count))).collect()
    }

    /// Whether there is more to try. At the `last` one what is still open stays in.
    fn advance(&mut self, removable: &[Removable], failed: &BTreeSet<ResourceKey>, last: bool) -> bool {
        let mut more = false;
        for Removable { key, variants, .. } in removable {
            let has_failed = failed.contains(key);
            if !has_failed && !self.trials.contains_key(key) {
                continue;
            }
            let (trial, _) = self.trials.remove(key).unwrap_or((Trial::All(0), 0));
            let stays = !has_failed && !matches!(trial, Trial::One { .. });
            let trial = match trial {
                trial if stays => trial,
                Trial::One { kept, .. } if last => Trial::Done(if has_failed { Vec::new() } else { kept }),
                _ if last => Trial::Done(Vec::new()),
                trial => trial.next(!has_failed, variants),
            };
            more |= !stays;
            self.trials.insert(*key, (trial, variants.len()));
        }
        more
    }
}

impl Search {
    /// Keeps what others that stay make use of; whether there is any.
    fn untie(&mut self, removable: &[Removable]) -> bool {
        let is_picked = |one: &Removable, index: usize| one.picks.iter().any(|(picked, _)| *picked == index);
        let values =
            || removable.iter().flat_map(|one| one.ties.iter().enumerate().map(move |tie| (one, tie)));
        let stays = |(one, (index, _)): &(&Removable, (usize, _))| !is_picked(one, *index);
        let staying: BTreeSet<&String> =
            values().filter(stays).filter_map(|(_, (_, (name, _)))| name.as_ref()).collect();
        let mut any = false;
        for one in removable {
            let tied = |(index, _): &Pick| {
                let needs = one.ties.get(*index).map(|(_, needs)| needs.as_slice()).unwrap_or_default();
                needs.iter().any(|name| staying.contains(name))
            };
            if one.picks.iter().any(tied) {
                any = true;
                let kept = one.picks.iter().filter(|pick| !tied(pick)).copied().collect();
                self.trials.insert(one.key, (Trial::Done(kept), one.variants.len()));
            }
        }
        any
    }
}

/// Compares what candidates are patched to with what the inputs are.
struct Check<'a> {
    wanted: &'a [Vec<u8>],
    removable: &'a [Removable],
}

impl Check<'_> {
    /// The resources whose candidate is not patched to what is wanted.
    fn failed(
        &self,
        patcher: &Patcher,
        plan: &Plan,
        candidates: Vec<Vec<u8>>,
    ) -> Result<BTreeSet<ResourceKey>, Diagnostics> {
        let undone = self.removable.iter().filter(|removable| !removable.done);
        let mut failed: BTreeSet<_> = undone.map(|removable| removable.key).collect();
        let inputs = plan.files.iter().map(|file| file.input.clone());
        let opened = inputs.zip(candidates.into_iter().map(Content::Memory)).collect();
        match patcher.plan_opened(opened, Vec::new(), &mut || ()) {
            Ok(mut patched) => {
                let texts = output::texts(&mut patched).map_err(unread)?;
                for (file, (wanted, text)) in self.wanted.iter().zip(&texts).enumerate() {
                    if wanted != text {
                        self.compare(file, wanted, text, &mut failed);
                    }
                }
            }
            Err(errors) => {
                for (file, planned) in plan.files.iter().enumerate() {
                    if errors.0.iter().any(|error| error.path == planned.input.name) {
                        failed.extend(self.picked(|key| key.file == file));
                    }
                }
                if failed.is_empty() {
                    failed.extend(self.picked(|_| true));
                }
            }
        }
        Ok(failed)
    }

    /// The resources that something is taken out of.
    fn picked(&self, fits: impl Fn(&ResourceKey) -> bool) -> impl Iterator<Item = ResourceKey> {
        let picked = self.removable.iter().filter(move |one| !one.picks.is_empty() && fits(&one.key));
        picked.map(|removable| removable.key)
    }

    /// Adds the resources of an input whose text differs.
    fn compare(&self, file: usize, wanted: &[u8], text: &[u8], failed: &mut BTreeSet<ResourceKey>) {
        let before = failed.len();
        let mut by_document: BTreeMap<usize, Vec<ResourceKey>> = BTreeMap::new();
        for key in self.picked(|key| key.file == file) {
            by_document.entry(key.document).or_default().push(key);
        }
        let (mut wanted, mut found) = (DocumentReader::new(wanted), DocumentReader::new(text));
        for document in 0.. {
            let (Ok(one), Ok(other)) = (wanted.next_document(), found.next_document()) else { break };
            let (one, other) = (one.map(|chunk| chunk.text), other.map(|chunk| chunk.text));
            if one.is_none() && other.is_none() {
                break;
            }
            if one != other {
                let keys = by_document.get(&document).map(Vec::as_slice).unwrap_or_default();
                failed.extend(differing(keys, one.unwrap_or(""), other.unwrap_or("")));
            }
        }
        if failed.len() == before {
            // Something elsewhere decides about this input.
            failed.extend(self.picked(|key| key.file == file));
        }
        if failed.len() == before {
            failed.extend(self.picked(|_| true));
        }
    }
}

/// Which resources of a document differ; all of them where that cannot be told.
fn differing(keys: &[ResourceKey], wanted: &str, found: &str) -> Vec<ResourceKey> {
    if keys.len() > 1
        && let (Some(wanted), Some(found)) = (resources(wanted), resources(found))
    {
        let differs = |key: &&ResourceKey| wanted.get(key.ordinal) != found.get(key.ordinal);
        let some: Vec<_> = keys.iter().filter(differs).copied().collect();
        if !some.is_empty() {
            return some;
        }
    }
    keys.to_vec()
}

/// The texts of the resources of a document, each up to where the next one begins.
fn resources(text: &str) -> Option<Vec<String>> {
    let doc = Document::parse(text).ok()?;
    let all = doc.roots().flat_map(|root| items(&doc, root));
    let start = |item| match item {
        Item::Resource(resource) | Item::ClientSide(resource) => Some(doc.start(resource.at.node)),
        Item::NoApiVersion(_) | Item::Other(_) => None,
    };
    let starts: Vec<_> = all.filter_map(start).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    Some(starts.iter().zip(ends).map(|(start, end)| doc.slice(*start, end).to_owned()).collect())
}
