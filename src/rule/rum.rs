//! The image with browser monitoring in place of the application's own.

use super::{Outcome, Rule, Target};
use crate::manifest::{ImageRef, pod_templates};
use crate::yaml::{Changes, Refusal, Value};

/// How the repository of bookinfo's productpage ends in every registry that carries it.
pub const PRODUCTPAGE: &str = "examples-bookinfo-productpage-v1";

/// Settings of the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RumSettings {
    /// What productpage's image is replaced by.
    pub image: String,
    /// Other images and what they are replaced by; looked at first.
    pub images: Vec<(String, String)>,
    /// Whether the old image stays in a comment line above the new one.
    pub image_comment: bool,
}

impl Default for RumSettings {
    fn default() -> Self {
        Self { image: "product-page:v1".to_owned(), images: Vec::new(), image_comment: true }
    }
}

/// The rule.
#[derive(Debug)]
pub struct Rum(pub RumSettings);

impl Rum {
    fn replacement(&self, image: &str) -> Option<&str> {
        let parsed = ImageRef::parse(image);
        let other = self.0.images.iter().find(|(old, _)| parsed.matches(&ImageRef::parse(old)));
        match other {
            Some((_, new)) => Some(new),
            None => parsed.repository.ends_with(PRODUCTPAGE).then_some(&self.0.image),
        }
    }
}

impl Rule for Rum {
    fn name(&self) -> &'static str {
        "rum"
    }

    fn apply(&self, target: &Target<'_>, changes: &mut Changes) -> Result<Outcome, Refusal> {
        let doc = target.doc;
        let mut outcome = Outcome::default();
        for template in pod_templates(doc, target.resource).unwrap_or_default() {
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
                    let Some(new) = self.replacement(&old) else {
                        continue;
                    };
                    if *old == *new {
                        continue;
                    }
                    let written = doc.text(image.node);
                    let note = (self.0.image_comment && !written.contains(char::is_control))
                        .then(|| format!("image: {written}"));
                    let value = Value::Text(new.to_owned());
                    changes.replace(doc, image, value, note)?;
                    outcome.patched = true;
                }
            }
        }
        Ok(outcome)
    }
}
