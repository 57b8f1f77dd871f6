//! The image with browser monitoring in place of the application's own.

use super::found::restore;
use super::{Found, Outcome, Rule, Target};
use crate::kube::{ImageRef, PodTemplate, pod_templates};
use crate::page::bookinfo::{FILE, PATH};
use crate::yaml::{At, Changes, Document, Old, Place, Refusal, Removal, Value};

/// How the repository of bookinfo's productpage ends in every registry that carries it.
pub const PRODUCTPAGE: &str = "examples-bookinfo-productpage-v1";

/// The volume with the page.
pub const VOLUME: &str = "rum-page";

/// How the page with browser monitoring gets into the pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum RumMode {
    /// Another image in place of the published one
    #[default]
    Image,
    /// A ConfigMap with the page, mounted over the image's own: nothing to build
    Configmap,
}

/// Settings of the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RumSettings {
    /// How the page gets into the pod.
    pub mode: RumMode,
    /// The ConfigMap with the page.
    pub config_map: String,
    /// What productpage's image is replaced by.
    pub image: String,
    /// Other images and what they are replaced by; looked at first.
    pub images: Vec<(String, String)>,
    /// Whether the old image stays in a comment line above the new one.
    pub image_comment: bool,
    /// New images and the old ones that they go back to where no comment keeps them, for the way back.
    pub restored: Vec<(String, String)>,
}

impl Default for RumSettings {
    fn default() -> Self {
        Self {
            mode: RumMode::Image,
            config_map: "productpage-rum".to_owned(),
            image: "product-page:v1".to_owned(),
            images: Vec::new(),
            image_comment: true,
            restored: Vec::new(),
        }
    }
}

/// The rule.
#[derive(Debug)]
pub struct Rum(pub RumSettings);

impl RumSettings {
    /// What an image is replaced by, where it is. What replaces it may be replaced itself: the last one counts, so that a
    /// second run finds nothing to do.
    ///
    /// # Errors
    /// Images that are replaced by each other, in a circle: one of them.
    pub fn replacement<'a>(&'a self, image: &str) -> Result<Option<&'a str>, &'a str> {
        let Some(mut last) = self.step(image) else { return Ok(None) };
        for _ in 0..=self.images.len() {
            match self.step(last) {
                Some(next) if next != last => last = next,
                _ => return Ok(Some(last)),
            }
        }
        Err(last)
    }

    fn step(&self, image: &str) -> Option<&str> {
        let parsed = ImageRef::parse(image);
        let other = self.images.iter().find(|(old, _)| parsed.matches(&ImageRef::parse(old)));
        match other {
            Some((_, new)) => Some(new),
            None if self.mode == RumMode::Configmap => None,
            None => parsed.repository.ends_with(PRODUCTPAGE).then_some(&self.image),
        }
    }
}

impl Rum {
    /// Mounts the page over the image's own.
    fn mount(
        &self,
        target: &Target<'_>,
        template: &PodTemplate,
        container: At,
        has_volume: &mut bool,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let doc = target.doc;
        let text = |text: &str| Value::Text(text.to_owned());
        let entry = |key: &str, value: Value| (key.to_owned(), value);
        let is = |item: At, key: &str, value: &str| doc.str_at(item, key).is_some_and(|found| found == value);
        let mounts = doc.get(container, "volumeMounts");
        let there = mounts.and_then(|list| doc.items(list).find(|item| is(*item, "mountPath", PATH)));
        let other = there.filter(|at| !is(*at, "name", VOLUME) || !is(*at, "subPath", FILE));
        if let Some(other) = other.filter(|_| !target.overwrite) {
            let reason = format!("another mount at {PATH} kept, see --overwrite");
            outcome.skip(doc.start(other.node), false, reason);
            return Ok(());
        }
        let volumes = doc.get(template.spec, "volumes");
        let ours = volumes.and_then(|list| doc.items(list).find(|item| is(*item, "name", VOLUME)));
        match ours {
            Some(volume) => {
                let name = doc.path(volume, &["configMap", "name"]).and_then(|at| doc.string(at.node));
                let same = name.as_ref().is_some_and(|name| *name == self.0.config_map.as_str());
                if !same && name.is_some() && target.overwrite && !*has_volume {
                    let path = [("configMap", Place::Last), ("name", Place::Last)];
                    target.set(changes, volume, &path, text(&self.0.config_map))?;
                    outcome.patched = true;
                } else if !same && !*has_volume {
                    let what = if name.is_some() {
                        "another ConfigMap, kept, see --overwrite"
                    } else {
                        "elsewhere; rename it"
                    };
                    outcome.skip(
                        doc.start(volume.node),
                        true,
                        format!("volume `{VOLUME}` comes from {what}"),
                    );
                    return Ok(());
                }
                *has_volume = true;
            }
            None if *has_volume => {}
            None => {
                *has_volume = true;
                let source = Value::Map(vec![entry("name", text(&self.0.config_map))]);
                let item = Value::Map(vec![entry("name", text(VOLUME)), entry("configMap", source)]);
                add(target, template.spec, "volumes", volumes, item, changes)?;
                outcome.patched = true;
            }
        }
        let Some(there) = there else {
            let item = Value::Map(vec![
                entry("name", text(VOLUME)),
                entry("mountPath", text(PATH)),
                entry("subPath", text(FILE)),
            ]);
            outcome.patched = true;
            return add(target, container, "volumeMounts", mounts, item, changes);
        };
        for (key, value) in [("name", VOLUME), ("subPath", FILE)] {
            if !is(there, key, value) {
                target.set(changes, there, &[(key, Place::Last)], text(value))?;
                outcome.patched = true;
            }
        }
        Ok(())
    }
}

impl Rum {
    /// The image that a container had before: a comment keeps it, or it was named.
    fn find_image(&self, target: &Target<'_>, template: &PodTemplate, container: At, found: &mut Found) {
        let doc = target.doc;
        let Some(at) = doc.get(container, "image") else { return };
        let Some(image) = doc.string(at.node) else { return };
        let kept =
            doc.comment_above(at).and_then(|comment| Some((comment, comment.strip_prefix("image: ")?)));
        let what = format!("image `{image}`");
        if let Some((comment, old)) = kept {
            match self.replaced(old) {
                Some((_, new)) if *new == *image => {
                    let old = Old::Written(old.to_owned());
                    let way = Removal::Restore { at, old, note: Some(comment.to_owned()) };
                    found.add(doc, at, vec![way], what);
                }
                Some((value, new)) => {
                    let reason = format!("image kept: it would be `{new}`; pass --image {image}={value}");
                    found.keep(doc, at, reason);
                }
                None => {}
            }
        } else if let Some((_, old)) = self.0.restored.iter().find(|(new, _)| *new == *image) {
            found.add(doc, at, vec![restore(at, old.clone())], what);
        } else if self.0.images.iter().any(|(_, new)| *new == *image) || *image == *self.0.image {
            let reason = format!(
                "image kept: no comment says what it was; pass --no-image-comment --image {image}=OLD"
            );
            found.keep(doc, at, reason);
        }
        self.find_mount(target, template, container, found);
    }

    /// An image as a comment keeps it, its value, and what that is replaced by.
    fn replaced(&self, written: &str) -> Option<(String, &str)> {
        let comment = Document::parse(written).ok()?;
        let root = comment.roots().next()?;
        let value = comment.string(root.node)?.into_owned();
        let new = self.0.replacement(&value).ok().flatten()?;
        Some((value, new))
    }

    fn find_mount(&self, target: &Target<'_>, template: &PodTemplate, container: At, found: &mut Found) {
        let doc = target.doc;
        let is = |item: At, key: &str, value: &str| doc.str_at(item, key).is_some_and(|found| found == value);
        let mut mounts = doc.get(container, "volumeMounts").into_iter().flat_map(|list| doc.items(list));
        let mount = mounts.find(|item| is(*item, "mountPath", PATH) && is(*item, "name", VOLUME));
        let Some(mount) =
            mount.filter(|item| self.0.mode == RumMode::Configmap && is(*item, "subPath", FILE))
        else {
            return;
        };
        let mut volumes = doc.get(template.spec, "volumes").into_iter().flat_map(|list| doc.items(list));
        if let Some(volume) = volumes.find(|item| is(*item, "name", VOLUME)) {
            found.take(doc, volume, template.spec, format!("volume {VOLUME}"));
            found.tie(format!("volume {}", target.number), [format!("mount {}", target.number)]);
        }
        found.take(doc, mount, container, format!("mount at {PATH}"));
        found.tie(format!("mount {}", target.number), []);
    }
}

/// Adds an item to a list that may not be there yet.
fn add(
    target: &Target<'_>,
    holder: At,
    key: &str,
    list: Option<At>,
    item: Value,
    changes: &mut Changes,
) -> Result<(), Refusal> {
    match list {
        Some(list) => changes.append(target.doc, list, item),
        None => target.set(changes, holder, &[(key, Place::Last)], Value::List(vec![item])),
    }
}

/// The comment that keeps an old image: as it was written, or its value where that is on lines of its own.
fn note(written: &str, value: &str) -> Option<String> {
    let one_line =
        |text: &&str| !text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
    let text = Some(written).filter(one_line).or(Some(value.trim_end()).filter(one_line))?;
    Some(format!("image: {text}"))
}

impl Rule for Rum {
    fn name(&self) -> &'static str {
        "rum"
    }

    fn apply(&self, target: &Target<'_>, changes: &mut Changes) -> Result<Outcome, Refusal> {
        let doc = target.doc;
        let mut outcome = Outcome::default();
        for template in pod_templates(doc, target.resource).unwrap_or_default() {
            let mut has_volume = false;
            for list in ["containers", "initContainers"] {
                let Some(list) = doc.get(template.spec, list) else {
                    continue;
                };
                for container in doc.items(list) {
                    let Some(image) = doc.get(container, "image") else {
                        continue;
                    };
                    let Some(old) = doc.str_at(container, "image") else {
                        continue;
                    };
                    // Circles are refused with the settings.
                    let new = self.0.replacement(&old).ok().flatten();
                    let page = ImageRef::parse(new.unwrap_or(&old)).repository.ends_with(PRODUCTPAGE);
                    if page && self.0.mode == RumMode::Configmap {
                        self.mount(target, &template, container, &mut has_volume, changes, &mut outcome)?;
                    }
                    let Some(new) = new else {
                        continue;
                    };
                    if *old == *new {
                        continue;
                    }
                    let note = self.0.image_comment.then(|| note(doc.text(image.node), &old)).flatten();
                    let value = Value::Text(new.to_owned());
                    changes.replace(doc, image, value, note)?;
                    outcome.patched = true;
                }
            }
        }
        Ok(outcome)
    }

    fn find(&self, target: &Target<'_>, found: &mut Found) {
        let doc = target.doc;
        for template in pod_templates(doc, target.resource).unwrap_or_default() {
            let lists = ["containers", "initContainers"].map(|list| doc.get(template.spec, list));
            for container in lists.into_iter().flatten().flat_map(|list| doc.items(list)) {
                self.find_image(target, &template, container, found);
            }
        }
    }
}
