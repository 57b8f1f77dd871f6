//! Templates: valid YAML whose values are set by the lossless engine, so that what is printed is quoted right and what a
//! user's own template says besides stays as it is.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::yaml::{At, Changes, Document, DocumentReader, Place, Refusal, RefusalKind, Value, apply};

/// Collects values for a template.
pub struct Filler<'a> {
    documents: &'a [Document<'a>],
    changes: Vec<Changes>,
}

/// Where a value cannot be set: the document, and why.
pub type Failure = (usize, Refusal);

impl<'a> Filler<'a> {
    /// The root of a document that has content, by number.
    fn root(&self, document: usize) -> Option<(&'a Document<'a>, At)> {
        let doc = self.documents.get(document)?;
        Some((doc, doc.roots().next()?))
    }

    /// Sets the value at a path of keys in a document. A number among the keys is an item of a sequence.
    ///
    /// # Errors
    /// The template has no place for it.
    pub fn set(&mut self, document: usize, path: &[&str], value: Value) -> Result<(), Failure> {
        let (doc, at, rest) = self.walk(document, path)?;
        let keys: Vec<_> = rest.iter().map(|key| (*key, Place::Last)).collect();
        let changes = self.changes_of(document)?;
        changes.set(doc, at, &keys, value).map_err(|refusal| (document, refusal))
    }

    /// Sets a scalar that is an item of a sequence: the last key of the path is its number.
    ///
    /// # Errors
    /// The template has no such item.
    pub fn item(&mut self, document: usize, path: &[&str], value: Value) -> Result<(), Failure> {
        let (doc, at, _) = self.walk(document, path)?;
        self.changes_of(document)?.replace(doc, at, value, None).map_err(|refusal| (document, refusal))
    }

    /// Puts another key and value in place of the entry at the end of a path.
    ///
    /// # Errors
    /// The template has no such entry.
    pub fn rename(&mut self, document: usize, path: &[&str], key: &str, value: Value) -> Result<(), Failure> {
        let (doc, at, rest) = self.walk(document, path)?;
        let Some(entry) = doc.path(at, rest) else {
            return Err(absent(document, format!("`{}`", path.join("."))));
        };
        self.changes_of(document)?.swap(doc, entry, key, value).map_err(|refusal| (document, refusal))
    }

    /// Goes along a path as far as its last number: the node there and the keys that are left.
    fn walk<'p>(
        &self,
        document: usize,
        path: &'p [&'p str],
    ) -> Result<(&'a Document<'a>, At, &'p [&'p str]), Failure> {
        let Some((doc, mut at)) = self.root(document) else {
            return Err(absent(document, format!("document {} for `{}`", document + 1, path.join("."))));
        };
        let mut rest = path;
        while let Some(i) = rest.iter().position(|key| key.parse::<usize>().is_ok()) {
            let (keys, tail) = rest.split_at(i);
            let list = doc.path(at, keys);
            let number = tail.first().and_then(|key| key.parse().ok()).unwrap_or(0);
            let Some(item) = list.and_then(|list| doc.items(list).nth(number)) else {
                return Err(absent(document, format!("item {} in `{}`", number + 1, keys.join("."))));
            };
            at = item;
            rest = tail.get(1..).unwrap_or_default();
        }
        Ok((doc, at, rest))
    }

    fn changes_of(&mut self, document: usize) -> Result<&mut Changes, Failure> {
        let missing = absent(document, format!("document {}", document + 1));
        self.changes.get_mut(document).ok_or(missing)
    }
}

/// Something that a template lacks.
fn absent(document: usize, what: String) -> Failure {
    (document, Refusal { at: 0, kind: RefusalKind::Absent { what } })
}

/// Fills in a template. `name` is what it is called in messages.
///
/// # Errors
/// A template that is no YAML, has no documents for the values, or has no place for one.
pub fn fill(
    template: &str,
    name: &str,
    values: impl FnOnce(&mut Filler<'_>) -> Result<(), Failure>,
) -> Result<String, Diagnostics> {
    let texts = cut(template, name)?;
    let mut documents = Vec::new();
    for (line, text) in &texts {
        let doc = Document::parse(text)
            .map_err(|e| Diagnostics::from(Diagnostic::spot(name, text, *line, e.at, e.message)))?;
        documents.push(doc);
    }
    let changes = vec![Changes::default(); documents.len()];
    let mut filler = Filler { documents: &documents, changes };
    let refused = |(document, refusal): Failure| match texts.get(document) {
        Some((line, text)) => {
            Diagnostics::from(Diagnostic::spot(name, text, *line, refusal.at, refusal.to_string()))
        }
        None => Diagnostics::from(Diagnostic::whole(name, refusal.to_string())),
    };
    values(&mut filler).map_err(refused)?;
    let mut out = String::new();
    for (i, (doc, changes)) in documents.iter().zip(&filler.changes).enumerate() {
        let edits = changes.render(doc).map_err(|refusal| refused((i, refusal)))?;
        let text = apply(doc.src(), &edits);
        out.push_str(&text.map_err(|e| Diagnostics::from(Diagnostic::whole(name, e.to_string())))?);
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    Ok(out)
}

/// The documents of a template with the number of lines before each.
fn cut(template: &str, name: &str) -> Result<Vec<(u64, String)>, Diagnostics> {
    let mut reader = DocumentReader::new(template.as_bytes());
    let mut texts = Vec::new();
    loop {
        match reader.next_document() {
            Ok(Some(chunk)) => texts.push((chunk.line, chunk.text.to_owned())),
            Ok(None) => return Ok(texts),
            Err(error) => return Err(Diagnostic::whole(name, error.to_string()).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_set_and_the_rest_stays() {
        let template = "# mine\na: {}\nl:\n- b: 1 # c\n---\nc: old\n";
        let text = fill(template, "t", |filler| {
            filler.set(0, &["a", "x"], Value::Text("y".to_owned()))?;
            filler.set(0, &["l", "0", "b"], Value::Raw("2".to_owned()))?;
            filler.set(1, &["c"], Value::Text("no".to_owned()))
        });
        let want = "# mine\na:\n  x: \"y\"\nl:\n- b: 2 # c\n---\nc: \"no\"\n";
        assert_eq!(text.unwrap(), want);
    }

    #[test]
    fn a_template_without_a_place_is_refused() {
        let told = |document, path: &[&str]| {
            let value = Value::Raw("1".to_owned());
            fill("a: []\n", "mine.yaml", |filler| filler.set(document, path, value)).unwrap_err().to_string()
        };
        assert!(told(0, &["a", "0", "b"]).contains("no item 1 in `a`"));
        assert!(told(1, &["a"]).contains("mine.yaml: there is no document 2 for `a`"));
    }
}
