//! kubectl's lists: one JSON text with thousands of objects, cut into the texts of its items as it comes, so that neither
//! the text nor one tape has to hold all of them at once.

/// Cuts the items out of a `List`. Reads JSON that a program wrote: what is wrong inside of an item shows when that is
/// parsed.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    depth: usize,
    string: Option<Text>,
    /// The last string one level down: the key of what follows.
    key: Vec<u8>,
    /// Whether it is in the list of items.
    inside: bool,
    /// Whether it has seen one.
    found: bool,
    broken: bool,
    item: Vec<u8>,
}

/// Where in a string it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Plain,
    /// Behind a backslash.
    Escaped,
}

impl Cutter {
    /// Takes the next part of the text; gives the items that are complete.
    pub(super) fn push(&mut self, mut bytes: &[u8], on_item: &mut dyn FnMut(&[u8])) {
        while !bytes.is_empty() {
            let length = match self.string {
                Some(Text::Plain) => self.in_string(bytes),
                Some(Text::Escaped) => {
                    self.string = Some(Text::Plain);
                    self.keep(bytes, 1)
                }
                None => self.outside(bytes, on_item),
            };
            bytes = bytes.get(length..).unwrap_or_default();
        }
    }

    /// Whether the text was a list, and whole.
    pub(super) fn is_complete(&self) -> bool {
        self.found && !self.broken && self.depth == 0 && self.string.is_none()
    }

    /// Keeps bytes where they belong to an item or a key; returns how many there are.
    fn keep(&mut self, bytes: &[u8], length: usize) -> usize {
        let taken = bytes.get(..length).unwrap_or(bytes);
        if self.inside && self.depth > 2 {
            self.item.extend_from_slice(taken);
        } else if self.depth == 1 && self.string.is_some() {
            self.key.extend_from_slice(taken);
        }
        taken.len()
    }

    fn in_string(&mut self, bytes: &[u8]) -> usize {
        let Some(at) = memchr::memchr2(b'"', b'\\', bytes) else { return self.keep(bytes, bytes.len()) };
        let length = self.keep(bytes, at + 1);
        self.string = if bytes.get(at) == Some(&b'"') { None } else { Some(Text::Escaped) };
        length
    }

    fn outside(&mut self, bytes: &[u8], on_item: &mut dyn FnMut(&[u8])) -> usize {
        let special = |byte: &u8| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']');
        let Some(at) = bytes.iter().position(special) else { return self.keep(bytes, bytes.len()) };
        self.keep(bytes, at);
        let mark = bytes.get(at..=at).unwrap_or_default();
        match mark {
            b"\"" => {
                if self.depth == 1 {
                    self.key.clear();
                }
                self.string = Some(Text::Plain);
                self.keep(mark, 1);
            }
            b"{" | b"[" => {
                if self.depth == 1 && mark == b"[" && self.key == b"\"items\"" {
                    (self.inside, self.found) = (true, true);
                }
                self.depth += 1;
                self.keep(mark, 1);
            }
            _ => {
                self.keep(mark, 1);
                self.broken |= self.depth == 0;
                self.depth = self.depth.saturating_sub(1);
                if self.inside && self.depth == 2 {
                    on_item(&self.item);
                    self.item.clear();
                } else if self.depth == 1 {
                    self.inside = false;
                }
            }
        }
        at + 1
    }
}

#[cfg(test)]
mod tests {
    use super::Cutter;

    /// The items, with the text coming in parts of a size.
    fn items(list: &str, size: usize) -> Option<Vec<String>> {
        let (mut cutter, mut found) = (Cutter::default(), Vec::new());
        for part in list.as_bytes().chunks(size) {
            cutter.push(part, &mut |item| found.push(String::from_utf8(item.to_vec()).unwrap()));
        }
        cutter.is_complete().then_some(found)
    }

    #[test]
    fn a_list_is_cut_into_its_items_however_it_comes() {
        let list = r#"{"kind": "List", "metadata": {"items": [{"no": 1}]}, "items": [{"a": "}]\"{\\"}, {"b": [{}]}], "x": [{}]}"#;
        for size in 1..list.len() {
            let found = items(list, size).unwrap();
            assert_eq!(found, [r#"{"a": "}]\"{\\"}"#, r#"{"b": [{}]}"#], "{size}");
        }
        assert_eq!(items(r#"{"items": []}"#, 5), Some(Vec::new()));
        for broken in [
            r#"{"kind": "Pod"}"#,
            r#"{"items": [{"#,
            "items: []",
            "",
            r#"{"items": []}}"#,
            r#"{"a": ["items", [{}]]}"#,
        ] {
            assert_eq!(items(broken, 4), None, "{broken}");
        }
    }
}
