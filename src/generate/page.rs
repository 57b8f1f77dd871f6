//! The ConfigMap that holds a page with browser monitoring, as `patch --rum-mode configmap` mounts it.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::bookinfo::FILE;
use crate::yaml::{Value, document};

/// What a ConfigMap may hold, in bytes.
const CONFIG_MAP_LIMIT: usize = 1 << 20;

/// The ConfigMap of a page; `source` is what messages call that.
///
/// # Errors
/// A page that is not UTF-8, or larger than a ConfigMap.
pub fn config_map(page: &[u8], source: &str, name: &str, namespace: &str) -> Result<String, Diagnostics> {
    let refuse = |message| Diagnostics::from(Diagnostic::whole(source, message));
    let Ok(text) = std::str::from_utf8(page) else {
        return Err(refuse(
            "not UTF-8, which a ConfigMap's text has to be; convert the page, or use --mode image",
        ));
    };
    if text.len() > CONFIG_MAP_LIMIT {
        return Err(refuse("larger than the 1 MiB that a ConfigMap holds; use --mode image"));
    }
    let value = |text: &str| Value::Text(text.to_owned());
    let metadata = vec![("name".to_owned(), value(name)), ("namespace".to_owned(), value(namespace))];
    let entries = vec![
        ("apiVersion".to_owned(), value("v1")),
        ("kind".to_owned(), value("ConfigMap")),
        ("metadata".to_owned(), Value::Map(metadata)),
        ("data".to_owned(), Value::Map(vec![(FILE.to_owned(), Value::Lines(text.to_owned()))])),
    ];
    Ok(document(&entries, "\n"))
}
