//! Virtual keys: those of the file, and those of the store, which are written in the same words.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::file::{File, Priority as Said, VirtualKey};
use crate::config::problem::{Problem, Problems};
use crate::config::tree::Node;
use crate::config::{read, yaml};
use crate::policy::{Access, Bounds, Digest, Draft, Home, Key, Network};
use crate::route::pressure::Priority;

use super::{Check, cache, rules};

/// A secret shorter than this can be guessed.
const SHORTEST_SECRET: usize = 16;
/// A tree of owners is no deeper than this.
const DEEPEST: usize = 8;
/// Names, labels and parts of an owner's path have no more letters than this.
const LONGEST: usize = 128;
/// No owner has more turns than this for one of another.
const HEAVIEST: u32 = 1000;

/// A key of the store: what `tollgate keys` keeps of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its id, which never changes.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The hashes of its secrets; those that were replaced with the time of their end, in seconds
    /// since 1970.
    pub secrets: Vec<(Digest, Option<u64>)>,
    /// When it was revoked, in seconds since 1970.
    pub revoked: Option<u64>,
    /// What else is known of it: the fields that a key has in the file, as YAML.
    pub fields: String,
}

/// The keys of the file.
pub(super) fn compile(file: &File, check: &mut Check<'_>) -> (Vec<Draft>, Bounds) {
    let mut drafts = Vec::with_capacity(file.keys.len());
    let mut owners: BTreeMap<Digest, &str> = BTreeMap::new();
    for (name, written) in &file.keys {
        let path = ["keys", name.as_str()];
        let mut spot = Spot { tree: check.source.sound, path: &path, problems: check.problems };
        let is_host = file.jwt.values().any(|issuer| issuer.as_key.as_deref() == Some(name));
        let has_none = written.hash.is_none() && written.key.is_none();
        // A key as which tokens come in needs none.
        let secret = if is_host && has_none { None } else { secret(written, &mut spot) };
        if let Some(digest) = secret
            && let Some(other) = owners.insert(digest, name)
        {
            spot.error(&[], format!("\"{name}\" has the same secret as \"{other}\""), None);
        }
        let secrets = secret.map(|digest| (digest, None)).into_iter().collect();
        let bounds = rules::bounds(&written.limits, &written.budgets, &mut spot);
        drafts.push(Draft { key: key(name, name, written, &mut spot), secrets, bounds });
    }
    (drafts, rules::compile(file, check))
}

/// The keys of the store that are whole, and what is wrong with the others, which open nothing.
#[must_use]
pub fn stored(keys: &[Stored]) -> (Vec<Draft>, Vec<Problem>) {
    let mut problems = Problems::default();
    let whole = keys.iter().filter_map(|stored| {
        let mut own = Problems::default();
        let draft = one(stored, &mut own);
        let sound = own.has_no_errors();
        problems.append(own);
        draft.filter(|_| sound)
    });
    (whole.collect(), problems.into_all())
}

fn one(stored: &Stored, problems: &mut Problems) -> Option<Draft> {
    let mut tree = yaml::parse(&format!("key {}", stored.name), &stored.fields, problems)?;
    let whole = tree.clone();
    let written: VirtualKey = read::read(&mut tree, problems);
    let mut spot = Spot { tree: &tree, path: &[], problems };
    for (field, said) in [("hash", written.hash.is_some()), ("key", written.key.is_some())] {
        if said {
            spot.error(&[field], "the store makes the secrets of its keys itself", None);
        }
    }
    let key = Key {
        revoked: stored.revoked,
        home: Home::Store,
        ..key(&stored.id, &stored.name, &written, &mut spot)
    };
    let bounds = rules::bounds(&written.limits, &written.budgets, &mut spot);
    problems.name_fields(&whole);
    Some(Draft { key, secrets: stored.secrets.clone(), bounds })
}

/// Where a key is written, for what is wrong with it.
pub(super) struct Spot<'a> {
    pub(super) tree: &'a Node,
    pub(super) path: &'a [&'a str],
    pub(super) problems: &'a mut Problems,
}

impl Spot<'_> {
    pub(super) fn error(
        &mut self,
        within: &[&str],
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        let path = [self.path, within].concat();
        self.problems.error(&self.tree.place_of(&path), message, hint);
    }

    pub(super) fn warning(
        &mut self,
        within: &[&str],
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        let path = [self.path, within].concat();
        self.problems.warning(&self.tree.place_of(&path), message, hint);
    }
}

/// The hash of the secret of a key in the file.
fn secret(written: &VirtualKey, spot: &mut Spot<'_>) -> Option<Digest> {
    match (&written.hash, &written.key) {
        (Some(_), Some(_)) => {
            spot.error(&["key"], "expected hash or key, not both", None);
            None
        }
        (Some(hash), None) => {
            let digest = hash.parse();
            if digest.is_err() {
                let hint = "`tollgate keys hash` makes one of a secret".to_owned();
                spot.error(&["hash"], "expected sha256: and 64 hexadecimal digits", hint);
            }
            digest.ok()
        }
        (None, Some(secret)) if secret.0.is_empty() => {
            spot.error(&["key"], "expected a secret", None);
            None
        }
        (None, Some(secret)) => {
            if secret.0.expose().len() < SHORTEST_SECRET {
                let message = format!("a secret of less than {SHORTEST_SECRET} letters can be guessed");
                spot.warning(&["key"], message, "`tollgate keys create` makes a good one".to_owned());
            }
            Some(Digest::of(secret.0.expose().as_bytes()))
        }
        (None, None) => {
            let hint = "key: ${file:PATH} takes the secret, hash: sha256:… its hash".to_owned();
            spot.error(&[], "the key has no secret", hint);
            None
        }
    }
}

fn key(id: &str, name: &str, written: &VirtualKey, spot: &mut Spot<'_>) -> Key {
    if !is_name(name) {
        spot.error(&[], "expected a name", None);
    }
    let owner = written.owner.trim().trim_matches('/');
    if !owner.is_empty() && !is_owner(owner) {
        let hint = "parts of letters, digits, - _ . and between them slashes".to_owned();
        spot.error(&["owner"], "expected an owner such as org/team/service", hint);
    }
    for (place, label) in written.labels.iter().enumerate() {
        if !is_name(label) {
            spot.error(&["labels", &place.to_string()], "expected a label", None);
        }
    }
    let mut addresses = Vec::with_capacity(written.addresses.len());
    for (place, address) in written.addresses.iter().enumerate() {
        match address.parse::<Network>() {
            Ok(network) => addresses.push(network),
            Err(wrong) => spot.error(&["addresses", &place.to_string()], wrong.to_string(), None),
        }
    }
    if !(1..=HEAVIEST).contains(&written.weight) {
        spot.error(&["weight"], format!("expected a number from 1 to {HEAVIEST}"), None);
    }
    // One that is written twice binds once.
    let mut labels: Vec<Arc<str>> = Vec::new();
    for label in written.labels.iter().map(|label| label.trim()) {
        if !labels.iter().any(|known| **known == *label) {
            labels.push(label.into());
        }
    }
    Key {
        id: id.into(),
        counted: None,
        home: Home::Configuration,
        name: name.into(),
        owner: owner.into(),
        user: None,
        labels,
        enabled: written.enabled,
        revoked: None,
        expires: written.expires.map(|moment| moment.0),
        access: Access { models: trimmed(&written.models), routes: trimmed(&written.routes), addresses },
        rules: Vec::new(),
        cache: written.cache.as_ref().map(|written| cache::otherwise(written, spot)),
        log_bodies: written.log_bodies.map(|portion| portion.0),
        priority: match written.priority {
            Said::High => Priority::High,
            Said::Normal => Priority::Normal,
            Said::Low => Priority::Low,
        },
        weight: written.weight,
        metadata: written.metadata.clone(),
    }
}

pub(super) fn trimmed(list: &[String]) -> Vec<String> {
    list.iter().map(|name| name.trim().to_owned()).collect()
}

pub(super) fn is_name(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control)
}

pub(super) fn is_owner(path: &str) -> bool {
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    let mut parts = path.split('/');
    path.split('/').count() <= DEEPEST && parts.all(|part| is_name(part) && part.chars().all(fine))
}
