//! Variables of DataKit's environment: single values, comma lists, and lists of tags.

use super::super::{Outcome, Target};
use crate::mesh::daemon::{Daemon, EnvVar};
use crate::yaml::{Changes, Place, Refusal, Value};

/// When a value that is there is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Where it is one of these, or empty.
    Placeholder(&'static [&'static str]),
    /// Always: the user named the variable and its value.
    Always,
}

/// The environment of a DataKit, being changed.
pub struct Env<'a> {
    /// The resource.
    pub target: &'a Target<'a>,
    /// The DaemonSet.
    pub daemon: Daemon<'a>,
}

impl Env<'_> {
    /// Gives a variable a value; one that is there and differs is kept and reported, unless it is to be replaced.
    ///
    /// # Errors
    /// The change would alter other places.
    pub fn set(
        &self,
        name: &str,
        wanted: &str,
        when: When,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let doc = self.target.doc;
        let Some(var) = self.daemon.env(name) else {
            self.add(name, vec![("value".to_owned(), Value::Text(wanted.to_owned()))], changes)?;
            outcome.patched = true;
            return Ok(());
        };
        if var.from.is_none() && var.text == wanted && var.value.is_some() {
            return Ok(());
        }
        let free = match when {
            When::Always => true,
            When::Placeholder(words) => var.text.is_empty() || words.contains(&var.text.as_str()),
        };
        if var.from.is_none() && !free && !self.target.overwrite {
            let at = var.value.unwrap_or(var.item);
            outcome.skip(
                doc.start(at.node),
                false,
                format!("{name} is `{}`, kept, see --overwrite", var.text),
            );
            return Ok(());
        }
        self.replace(name, &var, wanted, changes, outcome)
    }

    /// Puts a value in place of what a variable has; one that comes from elsewhere is kept unless asked for.
    ///
    /// # Errors
    /// The change would alter other places.
    pub fn replace(
        &self,
        name: &str,
        var: &EnvVar,
        wanted: &str,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let doc = self.target.doc;
        if let Some(other) = var.doubled {
            let reason = format!("{name} stands twice; remove one of the two");
            outcome.skip(doc.start(other.node), true, reason);
            return Ok(());
        }
        let value = Value::Text(wanted.to_owned());
        match var.from {
            Some(from) if self.target.overwrite => changes.swap(doc, from, "value", value)?,
            Some(from) => {
                let reason = format!("{name} comes from `valueFrom`, kept, see --overwrite");
                outcome.skip(doc.start(from.node), false, reason);
                return Ok(());
            }
            None => self.target.set(changes, var.item, &[("value", Place::After(&["name"]))], value)?,
        }
        outcome.patched = true;
        Ok(())
    }

    /// Adds a variable that is not there.
    ///
    /// # Errors
    /// The change would alter other places.
    pub fn add(
        &self,
        name: &str,
        mut entries: Vec<(String, Value)>,
        changes: &mut Changes,
    ) -> Result<(), Refusal> {
        entries.insert(0, ("name".to_owned(), Value::Text(name.to_owned())));
        let doc = self.target.doc;
        let item = Value::Map(entries);
        match doc.get(self.daemon.container, "env") {
            Some(list) => changes.append(doc, list, item),
            None => {
                let path = [("env", Place::Last)];
                self.target.set(changes, self.daemon.container, &path, Value::List(vec![item]))
            }
        }
    }

    /// Adds `key=value` pairs to a variable that lists some; a pair of another value is kept and reported, unless it is to
    /// be replaced.
    ///
    /// # Errors
    /// The change would alter other places.
    pub fn tags(
        &self,
        name: &str,
        wanted: &[(String, String)],
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        if wanted.is_empty() {
            return Ok(());
        }
        let var = self.daemon.env(name);
        let old = var.as_ref().map(|var| var.text.clone()).unwrap_or_default();
        let mut pairs: Vec<String> =
            old.split(',').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
        for (key, value) in wanted {
            let new = format!("{key}={value}");
            let known = pairs.iter_mut().find(|pair| pair.split('=').next().map(str::trim) == Some(key));
            match known {
                Some(pair) if pair.trim() == new => {}
                Some(pair) if self.target.overwrite => *pair = new,
                Some(pair) => {
                    let at = var.as_ref().map_or(self.daemon.container, |var| var.value.unwrap_or(var.item));
                    let reason = format!("`{pair}` in {name} kept, see --overwrite");
                    outcome.skip(self.target.doc.start(at.node), false, reason);
                }
                None => pairs.push(new),
            }
        }
        let new = pairs.join(",");
        if new == old {
            return Ok(());
        }
        self.set(name, &new, When::Always, changes, outcome)
    }
}

/// What is to be said of a list of inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputList {
    /// The list as it is to be.
    pub list: String,
    /// Whether it had blanks at which DataKit would have cut it wrongly.
    pub mended: bool,
    /// The inputs that it switches off though they are wanted.
    pub switched_off: Vec<String>,
}

/// Adds inputs to a list of them. DataKit cuts at commas, but at blanks where there is one anywhere, so that a blank behind
/// a comma spoils every name: a list that has both is written with commas alone.
#[must_use]
pub fn add_inputs(old: &str, wanted: &[String]) -> InputList {
    let blanks = old.contains(char::is_whitespace);
    let mended = blanks && old.contains(',');
    let cut = |c: char| c.is_whitespace() || c == ',';
    let mut names: Vec<&str> = old.split(cut).filter(|name| !name.is_empty()).collect();
    let (mut fresh, mut switched_off) = (false, Vec::new());
    for name in wanted {
        if names.iter().any(|known| *known == "-" || known.strip_prefix('-') == Some(name)) {
            switched_off.push(name.clone());
        } else if !names.contains(&name.as_str()) {
            names.push(name);
            fresh = true;
        }
    }
    if !fresh {
        return InputList { list: old.to_owned(), mended: false, switched_off };
    }
    let separator = if blanks && !mended { " " } else { "," };
    InputList { list: names.join(separator), mended, switched_off }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_inputs_is_added_to_as_a_list() {
        for (old, wanted, list, mended) in [
            ("cpu,mem", vec!["rum"], "cpu,mem,rum", false),
            ("cpu,mem,", vec!["rum"], "cpu,mem,rum", false),
            ("cpu,rum", vec!["rum"], "cpu,rum", false),
            ("cpu, mem", vec!["rum"], "cpu,mem,rum", true),
            ("cpu mem", vec!["rum", "zipkin"], "cpu mem rum zipkin", false),
            ("", vec!["rum"], "rum", false),
            ("cpu,-rum", vec!["rum"], "cpu,-rum", false),
            ("cpu,-mem", vec!["rum"], "cpu,-mem,rum", false),
        ] {
            let wanted: Vec<_> = wanted.into_iter().map(str::to_owned).collect();
            let got = add_inputs(old, &wanted);
            assert_eq!((got.list.as_str(), got.mended), (list, mended), "{old}");
        }
        assert_eq!(add_inputs("-", &["rum".to_owned()]).switched_off, ["rum"]);
    }
}
