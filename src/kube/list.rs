//! kubectl's lists: one JSON text with thousands of objects, cut into the texts of its items, so that no tape has to hold
//! all of them at once.

/// The items of a `List`, as their texts; nothing where the text is no JSON object with `items`. Reads JSON that a program
/// wrote: what is wrong inside of an item shows when that is parsed.
pub(super) fn items(list: &str) -> Option<Vec<&str>> {
    let bytes = list.as_bytes();
    let mut items = Vec::new();
    let (mut depth, mut in_items, mut start) = (0_usize, false, 0);
    let mut key = None;
    let mut found = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = string_end(bytes, at)?;
                if depth == 1 {
                    key = list.get(at..end);
                }
                at = end;
                continue;
            }
            b'{' | b'[' => {
                if depth == 1 && *byte == b'[' && key == Some("\"items\"") {
                    (in_items, found) = (true, true);
                } else if depth == 2 && in_items {
                    start = at;
                }
                depth += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 2 && in_items {
                    items.push(list.get(start..=at)?);
                } else if depth == 1 {
                    in_items = false;
                }
            }
            _ => {}
        }
        at += 1;
    }
    (found && depth == 0).then_some(items)
}

/// The offset behind a string that begins at an offset.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::items;

    #[test]
    fn a_list_is_cut_into_its_items() {
        let list = r#"{"kind": "List", "metadata": {"items": [{"no": 1}]}, "items": [{"a": "}]\"{"}, {"b": [{}]}], "x": [{}]}"#;
        assert_eq!(items(list), Some(vec![r#"{"a": "}]\"{"}"#, r#"{"b": [{}]}"#]));
        assert_eq!(items(r#"{"items": []}"#), Some(Vec::new()));
        assert_eq!(items(r#"{"kind": "Pod"}"#), None);
        assert_eq!(items(r#"{"items": [{"#), None);
        assert_eq!(items("items: []"), None);
    }
}
