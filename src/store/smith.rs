//! Makes and changes keys for whoever asks: the command, and the admin API. What they want is checked
//! by the same compile as the file's keys, and noted beside the change.

use std::borrow::Cow;

use super::audit::Deed;
use super::keys::{Failure, Kept, Keys};
use crate::clock::{self, RequestId};
use crate::config::{self, Problem, Stored};
use crate::policy::{Closed, Digest, key};
use crate::units::civil::rfc3339;
use crate::units::{Secret, parse_duration};
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};

/// Why a key is not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// The configuration has a key of that name.
    #[error("the configuration has a key \"{0}\" already")]
    Written(String),
    /// Names of this form are ids.
    #[error("expected a name that does not begin with {}: that is how ids begin", key::ID)]
    IsId,
    /// Another key has the name.
    #[error("\"{0}\": there is a key of this name already")]
    Taken(String),
    /// There is no such key in use.
    #[error("\"{0}\": no key has this name or id")]
    Unknown(String),
    /// Its fields make no sense.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Fields(Vec<Problem>),
    /// What is kept of it is broken.
    #[error("what is kept of the key is broken: {0}")]
    Broken(json::Error),
    /// There is no entropy for a secret.
    #[error("the system gives no random numbers")]
    NoChance,
    /// The file could not be read or written.
    #[error(transparent)]
    Failed(Failure),
    /// The file could not be worked on at all.
    #[error("{0}")]
    Stuck(String),
}

/// Who works on keys, and where.
#[derive(Debug)]
pub struct Smith<'a> {
    /// The keys.
    pub store: &'a mut Keys,
    /// Who wants it: an admin key's name, or `cli`.
    pub who: &'a str,
    /// The names of the keys of the configuration.
    pub written: &'a [String],
}

/// What a key is to be, besides its name: edits of its fields.
pub type Fields = Vec<Edit>;

impl Smith<'_> {
    /// The key of this name or id.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, name: &str) -> Result<Kept, Wrong> {
        self.store.find(name).map_err(|failure| told(name, failure))
    }

    /// Makes a key, and its secret, which nobody can ask for again.
    ///
    /// # Errors
    /// When its name is taken, or its fields make no sense.
    pub fn make(&mut self, name: &str, fields: &[Edit]) -> Result<(Kept, Secret), Wrong> {
        let name = self.free(name)?;
        let (secret, digest) = fresh()?;
        let now = clock::unix_seconds();
        let stored = Stored {
            id: format!("{}{}", key::ID, RequestId::fresh()),
            name: name.to_owned(),
            secrets: vec![(digest, None)],
            revoked: None,
            fields: with("{}", fields)?,
        };
        check(&stored)?;
        let kept = Kept { stored, hint: key::hint(&secret), made: now, changed: now };
        let deed = self.deed("key.create", &kept.stored, |detail| detail.raw("fields", &kept.stored.fields));
        self.store.create(&kept, &deed).map_err(|failure| told(name, failure))?;
        Ok((kept, secret))
    }

    /// Gives a key other fields, and perhaps another name.
    ///
    /// # Errors
    /// When there is no such key in use, the name is taken, or the fields make no sense.
    pub fn change(&mut self, name: &str, other: Option<&str>, fields: &[Edit]) -> Result<Kept, Wrong> {
        let before = self.find(name)?;
        let mut stored = before.stored.clone();
        if let Some(other) = other.filter(|other| other.trim() != stored.name) {
            self.free(other)?.clone_into(&mut stored.name);
        }
        stored.fields = with(&stored.fields, fields)?;
        check(&stored)?;
        let deed = self.deed("key.update", &before.stored, |detail| {
            detail.opt_string("renamed", Some(&*stored.name).filter(|name| *name != before.stored.name));
            detail.raw("before", &before.stored.fields);
            detail.raw("fields", &stored.fields);
        });
        let now = clock::unix_seconds();
        self.store
            .update(&stored.id, &stored.name, &stored.fields, now, &deed)
            .map_err(|failure| told(&stored.name, failure))?;
        self.find(&stored.id)
    }

    /// Gives a key another secret; the one it has opens for so many seconds more.
    ///
    /// # Errors
    /// When there is no such key in use.
    pub fn rotate(&mut self, name: &str, grace: u64) -> Result<(Kept, Secret), Wrong> {
        let kept = self.find(name)?;
        let (secret, digest) = fresh()?;
        let now = clock::unix_seconds();
        let until = now.saturating_add(grace);
        let deed = self.deed("key.rotate", &kept.stored, |detail| {
            detail.string("replaced_secret_ends", &rfc3339(until));
        });
        self.store
            .rotate(&kept.stored.id, digest, &key::hint(&secret), until, now, &deed)
            .map_err(|failure| told(name, failure))?;
        Ok((self.find(&kept.stored.id)?, secret))
    }

    /// Takes a key out of use for ever.
    ///
    /// # Errors
    /// When there is no such key in use.
    pub fn revoke(&mut self, name: &str) -> Result<Kept, Wrong> {
        let kept = self.find(name)?;
        let deed = self.deed("key.revoke", &kept.stored, |_| {});
        let now = clock::unix_seconds();
        self.store.revoke(&kept.stored.id, now, &deed).map_err(|failure| told(name, failure))?;
        self.find(&kept.stored.id)
    }

    /// The name, if no key of the configuration has it, and no key of the store could have it as its id.
    fn free<'n>(&self, name: &'n str) -> Result<&'n str, Wrong> {
        let name = name.trim();
        if self.written.iter().any(|written| written.trim() == name) {
            return Err(Wrong::Written(name.to_owned()));
        }
        if name.starts_with(key::ID) {
            return Err(Wrong::IsId);
        }
        Ok(name)
    }

    fn deed(&self, action: &str, key: &Stored, detail: impl FnOnce(&mut json::Object<'_>)) -> Deed {
        let mut out = Vec::new();
        json::object(&mut out, |object| {
            object.string("id", &key.id);
            detail(object);
        });
        Deed {
            at: clock::unix_millis(),
            who: self.who.to_owned(),
            action: action.to_owned(),
            target: Some(key.name.clone()),
            detail: String::from_utf8(out).unwrap_or_default(),
        }
    }
}

/// The edit that says when a key ends: `30d` from now, at a moment, or `never`.
#[must_use]
pub fn expiry(when: &str, now: u64) -> Edit {
    const FIELD: Cow<'static, str> = Cow::Borrowed("expires");
    match when.trim() {
        "never" => Edit::Remove { key: FIELD },
        when => {
            let span = parse_duration(when).ok();
            let moment = span.map(|span| rfc3339(now.saturating_add(span.as_secs())));
            Edit::Set { key: FIELD, value: json::string(moment.as_deref().unwrap_or(when)) }
        }
    }
}

/// In which state a key is: `live`, `revoked`, `disabled`, `expired`, or `broken`.
#[must_use]
pub fn state(stored: &Stored, now: u64) -> &'static str {
    let (drafts, _) = config::stored(std::slice::from_ref(stored));
    match drafts.first().map(|draft| draft.key.admit(now, None)) {
        None => "broken",
        Some(Ok(()) | Err(Closed::Address | Closed::Rotated(_))) => "live",
        Some(Err(Closed::Revoked(_))) => "revoked",
        Some(Err(Closed::Disabled)) => "disabled",
        Some(Err(Closed::Expired(_))) => "expired",
    }
}

fn with(fields: &str, edits: &[Edit]) -> Result<String, Wrong> {
    let lens = Lens::new(fields.as_bytes()).map_err(Wrong::Broken)?;
    Ok(String::from_utf8_lossy(&lens.apply(edits)).into_owned())
}

fn fresh() -> Result<(Secret, Digest), Wrong> {
    let secret = key::secret(clock::secret_bits().ok_or(Wrong::NoChance)?);
    let digest = Digest::of(secret.expose().as_bytes());
    Ok((secret, digest))
}

/// Says what is wrong with a key before it is kept.
fn check(stored: &Stored) -> Result<(), Wrong> {
    let (_, problems) = config::stored(std::slice::from_ref(stored));
    if problems.is_empty() { Ok(()) } else { Err(Wrong::Fields(problems)) }
}

fn told(name: &str, failure: Failure) -> Wrong {
    match failure {
        Failure::Taken => Wrong::Taken(name.to_owned()),
        Failure::Unknown => Wrong::Unknown(name.to_owned()),
        Failure::Failed(_) => Wrong::Failed(failure),
    }
}
