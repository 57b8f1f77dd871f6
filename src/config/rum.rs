//! `[rum]`.

use clap::Args;
use serde::Deserialize;
use toml::Table;

use super::{Invalid, PageOptions, is_dns_label, pairs};
use crate::kube::ImageRef;
use crate::rule::{RumMode, RumSettings};

/// `[rum]`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table: [rum] and its keys below it")]
pub struct RumOptions {
    /// Image in place of bookinfo's productpage [default: product-page:v1]
    #[arg(
        long = "rum-image",
        id = "rum-image",
        value_name = "IMAGE",
        env = "MESHOBS_RUM_IMAGE",
        help_heading = "Rule rum"
    )]
    pub image: Option<String>,
    /// How the page with browser monitoring gets into the pod [default: image]
    #[arg(
        long = "rum-mode",
        id = "rum-mode",
        value_name = "MODE",
        env = "MESHOBS_RUM_MODE",
        help_heading = "Rule rum"
    )]
    pub mode: Option<RumMode>,
    /// ConfigMap with the page, for --rum-mode configmap [default: productpage-rum]
    #[arg(
        long = "rum-config-map",
        id = "rum-config-map",
        value_name = "NAME",
        env = "MESHOBS_RUM_CONFIG_MAP",
        help_heading = "Rule rum"
    )]
    pub config_map: Option<String>,
    /// `[rum.page]`: what `meshobs init rum` writes into a page.
    #[arg(skip)]
    pub page: PageOptions,
    /// Replace another image; OLD without a tag means every tag (repeatable)
    #[arg(
        long = "image",
        id = "image",
        value_name = "OLD=NEW",
        value_delimiter = ',',
        env = "MESHOBS_IMAGE",
        help_heading = "Rule rum"
    )]
    #[serde(skip)]
    pub replace: Option<Vec<String>>,
    /// Old images and new ones, in the file.
    #[arg(skip)]
    #[cfg_attr(test, schemars(with = "Option<super::schema::Texts>"))]
    pub images: Option<Table>,
    /// Leave no comment line with the old image
    #[arg(long = "no-image-comment", id = "no-image-comment", help_heading = "Rule rum")]
    #[serde(skip)]
    pub no_comment: bool,
    /// Whether the old image stays in a comment line, in the file.
    #[arg(skip)]
    pub image_comment: Option<bool>,
}

impl RumOptions {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            image: self.image.or(other.image),
            mode: self.mode.or(other.mode),
            config_map: self.config_map.or(other.config_map),
            page: self.page.or(other.page),
            replace: self.replace.or(other.replace),
            images: self.images.or(other.images),
            no_comment: self.no_comment || other.no_comment,
            image_comment: self.image_comment.or(other.image_comment),
        }
    }

    pub(super) fn settings(self) -> Result<RumSettings, Invalid> {
        let defaults = RumSettings::default();
        let image = self.image.unwrap_or(defaults.image);
        let mut images = Vec::new();
        for pair in self.replace.unwrap_or_default() {
            let (old, new) = pair
                .split_once('=')
                .ok_or_else(|| format!("invalid image pair `{pair}` (--image): write OLD=NEW"))?;
            images.push((old.to_owned(), new.to_owned()));
        }
        if let Some(table) = &self.images {
            images.extend(pairs(table, "rum.images")?);
        }
        let pairs =
            images.iter().flat_map(|(old, new)| [old, new]).map(|image| (image, "--image, rum.images"));
        for (image, place) in pairs.chain([(&image, "--rum-image, rum.image")]) {
            if !ImageRef::is_valid(image) {
                return Err(format!(
                    "invalid image `{image}` ({place}): write [registry[:port]/]name[:tag][@digest], in lower case"
                ));
            }
        }
        let image_comment = self.image_comment.unwrap_or(defaults.image_comment) && !self.no_comment;
        let config_map = self.config_map.unwrap_or(defaults.config_map);
        if config_map.len() > 253 || !config_map.split('.').all(is_dns_label) {
            return Err(format!(
                "invalid name `{config_map}` (--rum-config-map, rum.config_map): lower-case letters, digits, `-` and `.`"
            ));
        }
        let settings = RumSettings {
            mode: self.mode.unwrap_or_default(),
            config_map,
            image,
            images,
            image_comment,
            restored: Vec::new(),
        };
        let news = settings.images.iter().map(|(_, new)| new).chain([&settings.image]);
        if let Some(image) = news.map(|new| settings.replacement(new)).find_map(Result::err) {
            return Err(format!(
                "image `{image}` is replaced by others in a circle (--image, rum.images), so each run would change it \
                 again; remove one of the pairs"
            ));
        }
        Ok(settings)
    }
}
