//! Bookinfo's productpage: which published image a page belongs to. A page on an image of another generation fails: older
//! ones extend a base template that newer images do not have, newer ones use files that older images do not have.
//!
//! Facts are from Istio's samples, tags 1.0 to 1.30.

use crate::facts::Version;
use crate::kube::ImageRef;

/// Where the image keeps the page.
pub const PATH: &str = "/opt/microservices/templates/productpage.html";

/// The page's file name.
pub const FILE: &str = "productpage.html";

/// Pages that fit the same images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Istio 1.0 and 1.1: scripts from public servers.
    Public,
    /// Istio 1.2 to 1.14: scripts of its own.
    Own,
    /// Istio 1.15 to 1.22: names of pods and clusters, too.
    Pods,
    /// Istio 1.23 and later: no base template.
    Plain,
}

impl Generation {
    /// Recognises the generation of a page; nothing where it is another application's.
    #[must_use]
    pub fn of(page: &[u8]) -> Option<Self> {
        let has = |part: &str| memchr::memmem::find(page, part.as_bytes()).is_some();
        if !has("{% block metas %}") || !(has("productpage") || has("product.")) {
            return None;
        }
        if !has("bootstrap/base.html") {
            return Some(Self::Plain);
        }
        // The older ones bring no files of their own.
        if !has("static/") {
            return Some(Self::Public);
        }
        Some(if has("podname") { Self::Pods } else { Self::Own })
    }

    /// The last published image that the page fits.
    #[must_use]
    pub fn image(self) -> &'static str {
        match self {
            Self::Public => "docker.io/istio/examples-bookinfo-productpage-v1:1.13.0",
            Self::Own => "docker.io/istio/examples-bookinfo-productpage-v1:1.16.2",
            Self::Pods => "docker.io/istio/examples-bookinfo-productpage-v1:1.19.1",
            Self::Plain => "docker.io/istio/examples-bookinfo-productpage-v1:1.20.3",
        }
    }

    /// Whether the page fits a published image; of others nobody can tell.
    #[must_use]
    pub fn fits(self, image: &str) -> bool {
        let image = ImageRef::parse(image);
        let version = image.tag.and_then(Version::parse);
        let Some(version) = version.filter(|_| image.repository.contains("examples-bookinfo-productpage"))
        else {
            return true;
        };
        let own = |version: Version| {
            let minor =
                |minor| version >= Version::new(1, minor, 0) && version < Version::new(1, minor + 1, 0);
            minor(12) || minor(15) || minor(16)
        };
        let since = |minor| version >= Version::new(1, minor, 0);
        match self {
            Self::Plain => since(20),
            Self::Pods => since(17) && !since(20),
            Self::Own => own(version),
            Self::Public => !since(14) && !own(version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_its_generation_and_the_images_that_fit() {
        let own = "{% extends \"bootstrap/base.html\" %}{% block metas %}{% endblock %}{{ product.title }}<script src=\"";
        let base = &format!(
            "{own}static/jquery.min.js\"></script><script src=\"https://cdn.example/chart.js\"></script>"
        );
        let pods = format!("{base}{{{{ reviews.podname }}}}");
        let public = format!("{own}https://code.jquery.com/x.js\"></script>");
        let plain = "{% block metas %}{% endblock %}{{ product.title }}";
        for (page, generation, fits, not) in [
            (base.as_str(), Generation::Own, "1.16.2", "1.20.3"),
            (&pods, Generation::Pods, "1.19.1", "1.16.2"),
            (&public, Generation::Public, "1.13.0", "1.16.2"),
            (plain, Generation::Plain, "1.20.1", "1.19.1"),
        ] {
            assert_eq!(Generation::of(page.as_bytes()), Some(generation));
            let image = |tag| format!("reg:5000/x/examples-bookinfo-productpage-v1:{tag}");
            assert!(generation.fits(&image(fits)) && !generation.fits(&image(not)), "{generation:?}");
            assert!(generation.fits(generation.image()) && generation.fits("mine:1"));
        }
        assert_eq!(Generation::of(b"<html></html>"), None);
    }
}
