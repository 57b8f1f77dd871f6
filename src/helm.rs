//! What Helm writes into the manifests that it renders, by which a stream of its own is known.
//!
//! Reads only. Helm 3 and `helm template` put `# Source: CHART/templates/FILE` behind each `---`; Helm 4 gives a post-renderer
//! objects with an annotation, by which it sorts them into files again (`pkg/action/action.go`, annotateAndMerge).

use std::io::{self, Read as _};

use memchr::memmem;

use crate::input::Content;

/// How far into a stream the first mark stands, in bytes: Helm writes it in front of the first object or into its metadata.
const HEAD: u64 = 64 << 10;

/// The comment of Helm 3 and `helm template`.
const SOURCE: &[u8] = b"---\n# Source: ";

/// The annotation of Helm 4.
const FILE_NAME: &[u8] = b"postrenderer.helm.sh/postrender-filename:";

/// Printed where nothing else would be: Helm takes empty output of a post-renderer for a failure.
pub(crate) const NOTHING: &str = "# meshobs: no manifests\n";

/// Whether a stream is one that Helm has rendered.
///
/// # Errors
/// It cannot be read.
pub(crate) fn is_rendered(content: &mut Content) -> io::Result<bool> {
    let mut head = Vec::new();
    content.reader()?.take(HEAD).read_to_end(&mut head)?;
    Ok([SOURCE, FILE_NAME].iter().any(|mark| memmem::find(&head, mark).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_helm_are_known_by_their_marks() {
        for (text, rendered) in [
            ("---\n# Source: shop/templates/service.yaml\napiVersion: v1\n", true),
            ("metadata:\n  annotations:\n    postrenderer.helm.sh/postrender-filename: 'a.yaml'\n", true),
            ("# Source: https://example.com\napiVersion: v1\n", false),
            ("", false),
        ] {
            let mut content = Content::Memory(text.as_bytes().to_vec());
            assert_eq!(is_rendered(&mut content).unwrap(), rendered, "{text}");
        }
    }
}
