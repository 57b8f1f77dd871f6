//! Where DataKit uploads to: the address with its token, in the DaemonSet or in a Secret.

use super::super::{NewResource, Outcome, Target};
use super::Datakit;
use super::dataway::{self, State};
use super::env::Env;
use crate::facts::datakit::ENV_DATAWAY;
use crate::mesh::daemon::EnvVar;
use crate::secret::Token;
use crate::survey::{Datakit as Found, Dataway};
use crate::yaml::{Changes, Place, Refusal, Value};

/// The key of the Secret that holds the address.
const SECRET_KEY: &str = "dataway";

impl Datakit {
    /// The address with its token, made of what is there and what was given; nothing where it stays as it is.
    fn address(&self, old: &str) -> Option<String> {
        let bases = (!self.0.dataway.is_empty()).then(|| self.0.dataway.join(","));
        match (bases, &self.0.token) {
            (None, None) => None,
            (Some(bases), Some(token)) => Some(dataway::with_missing_token(&bases, token)),
            (Some(bases), None) => {
                // Another host, the same workspace.
                let token = dataway::token_of(old.split(',').next().unwrap_or(""))
                    .filter(|_| dataway::state(old) == State::Filled);
                match token.and_then(|token| Token::parse(token).ok()) {
                    _ if dataway::state(&bases) == State::Filled => Some(bases),
                    Some(token) => Some(dataway::with_missing_token(&bases, &token)),
                    None => None,
                }
            }
            (None, Some(token)) => Some(match dataway::state(old) {
                State::Empty | State::Broken => dataway::with_token(dataway::DEFAULT, token),
                State::NoToken => dataway::with_missing_token(old, token),
                State::Filled => dataway::with_token(old, token),
            }),
        }
    }

    pub(super) fn dataway(
        &self,
        env: &Env<'_>,
        datakit: &Found,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let doc = env.target.doc;
        let var = env.daemon.env(ENV_DATAWAY);
        let at = var.as_ref().map_or(env.daemon.container, |var| var.value.or(var.from).unwrap_or(var.item));
        let old = var.as_ref().map(|var| var.text.clone()).unwrap_or_default();
        if let Some(from) = var.as_ref().and_then(|var| var.from) {
            let secret = self.0.token_secret.as_ref();
            let name = doc.path(from, &["secretKeyRef", "name"]).and_then(|at| doc.string(at.node));
            if secret.is_some_and(|secret| name.is_some_and(|name| name == secret.as_str())) {
                let url = self.address("").unwrap_or_default();
                self.add_secret(env.target, datakit, &url, outcome);
                return Ok(());
            }
            if self.0.token.is_none() && self.0.dataway.is_empty() && secret.is_none() {
                return Ok(());
            }
        }
        let state = dataway::state(&old);
        let from = var.as_ref().is_some_and(|var| var.from.is_some());
        let Some(new) = self
            .address(&old)
            .or_else(|| (self.0.token_secret.is_some() && state == State::Filled).then(|| old.clone()))
        else {
            if state != State::Filled && !from {
                let reason = "no token for ENV_DATAWAY, so nothing will be uploaded; give one with --token-file or \
                              MESHOBS_TOKEN";
                outcome.skip(doc.start(at.node), true, reason);
            }
            return Ok(());
        };
        if let Some(other) = var.as_ref().and_then(|var| var.doubled) {
            let reason = format!("{ENV_DATAWAY} stands twice; remove one of the two");
            outcome.skip(doc.start(other.node), true, reason);
            return Ok(());
        }
        let overwrite = env.target.overwrite;
        let stays = !from && state == State::Filled && new != old && !overwrite;
        let broken = !from && state == State::Broken && !overwrite;
        if broken {
            let reason = "ENV_DATAWAY is no absolute URL, so DataKit would never open its port; write scheme and host, \
                          or pass --overwrite";
            outcome.skip(doc.start(at.node), true, reason);
            return Ok(());
        }
        if stays {
            let reason = "another address or token in ENV_DATAWAY kept, see --overwrite";
            outcome.skip(doc.start(at.node), false, reason);
            return Ok(());
        }
        match (&self.0.token_secret, &var) {
            (Some(name), var) => self.refer(env, datakit, name, &new, var.as_ref(), changes, outcome),
            (None, Some(_)) if !from && new == old => Ok(()),
            (None, Some(var)) => env.replace(ENV_DATAWAY, var, &new, changes, outcome),
            (None, None) => {
                outcome.patched = true;
                env.add(ENV_DATAWAY, vec![("value".to_owned(), Value::Text(new))], changes)
            }
        }
    }

    /// Lets ENV_DATAWAY refer to a Secret.
    #[allow(clippy::too_many_arguments)]
    fn refer(
        &self,
        env: &Env<'_>,
        datakit: &Found,
        secret: &str,
        url: &str,
        var: Option<&EnvVar>,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let doc = env.target.doc;
        let reference = Value::Map(vec![
            ("name".to_owned(), Value::Text(secret.to_owned())),
            ("key".to_owned(), Value::Text(SECRET_KEY.to_owned())),
        ]);
        let source = Value::Map(vec![("secretKeyRef".to_owned(), reference)]);
        match var.map(|var| (var, var.value, var.from)) {
            None => env.add(ENV_DATAWAY, vec![("valueFrom".to_owned(), source)], changes)?,
            Some((_, _, Some(from))) if !env.target.overwrite => {
                let reason = format!("{ENV_DATAWAY} comes from `valueFrom`, kept, see --overwrite");
                outcome.skip(doc.start(from.node), false, reason);
                return Ok(());
            }
            Some((_, Some(place), _) | (_, None, Some(place))) => {
                changes.swap(doc, place, "valueFrom", source)?;
            }
            Some((var, None, None)) => {
                env.target.set(changes, var.item, &[("valueFrom", Place::After(&["name"]))], source)?;
            }
        }
        outcome.patched = true;
        self.add_secret(env.target, datakit, url, outcome);
        Ok(())
    }

    /// Adds the Secret with the address where the inputs lack it.
    fn add_secret(&self, target: &Target<'_>, datakit: &Found, url: &str, outcome: &mut Outcome) {
        let Some(name) = &self.0.token_secret else { return };
        if url.is_empty() || target.survey.secret_of(datakit, name).is_some() {
            return;
        }
        let data = vec![(SECRET_KEY.to_owned(), Value::Text(url.to_owned()))];
        let mut entries = self.head("Secret", name, datakit);
        entries.push(("type".to_owned(), Value::Text("Opaque".to_owned())));
        entries.push(("stringData".to_owned(), Value::Map(data)));
        outcome.added.push(NewResource { kind: "Secret", api_version: "v1", name: name.clone(), entries });
    }

    pub(super) fn secret(
        &self,
        target: &Target<'_>,
        datakit: &Found,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let doc = target.doc;
        let at = target.resource.at;
        if let Some(encoded) = doc.path(at, &["data", SECRET_KEY]) {
            if self.0.token.is_some() {
                let reason =
                    format!("`{SECRET_KEY}` is in `data` already, kept; remove it there for a new one");
                outcome.skip(doc.start(encoded.node), false, reason);
            }
            return Ok(());
        }
        let there = doc.path(at, &["stringData", SECRET_KEY]);
        let old = there.and_then(|at| doc.string(at.node)).unwrap_or_default();
        let old_in_daemon = match &datakit.dataway {
            Dataway::Text(text) => text.as_str(),
            Dataway::Reference => "",
        };
        let base = if old.is_empty() { old_in_daemon } else { &old };
        let filled = || (dataway::state(base) == State::Filled).then(|| base.to_owned());
        let Some(new) = self.address(base).or_else(filled) else { return Ok(()) };
        if *old == *new {
            return Ok(());
        }
        if dataway::state(&old) == State::Filled && !target.overwrite {
            let at = there.unwrap_or(at);
            outcome.skip(doc.start(at.node), false, "another address or token kept, see --overwrite");
            return Ok(());
        }
        let path = [("stringData", Place::Last), (SECRET_KEY, Place::Last)];
        target.set(changes, at, &path, Value::Text(new))?;
        outcome.patched = true;
        Ok(())
    }
}
