//! All keys, found by what a client shows: by the hash of it, since the gateway keeps no secret.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustc_hash::FxHashMap;

use crate::policy::book::Book;
use crate::policy::guest::{Guest, NoHost};
use crate::policy::key::{Closed, Key};
use crate::policy::rule::{Bound, Node, Rule};

/// The SHA-256 of a key's secret. A secret of 256 random bits cannot be guessed from it, so it
/// needs no salt and no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

/// The text is no hash of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the SHA-256 of the key as 64 hexadecimal digits")]
pub struct NoDigest;

impl Digest {
    /// The hash of a secret.
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().zip(digest(&SHA256, secret).as_ref()) {
            *place = *byte;
        }
        Self(bytes)
    }
}

impl FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let text = text.trim();
        let digits = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        if digits.len() != 64 {
            return Err(NoDigest);
        }
        let mut bytes = [0; 32];
        for (place, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let value =
                |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
            let [high, low] = pair else { return Err(NoDigest) };
            *place = value(high).ok_or(NoDigest)? << 4 | value(low).ok_or(NoDigest)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What one secret opens, and for how long.
#[derive(Debug, Clone)]
pub struct Lock {
    /// The key.
    pub key: Arc<Key>,
    /// When the secret ends that another took the place of, in seconds since 1970.
    pub until: Option<u64>,
}

impl Lock {
    /// Whether the secret is still the key's.
    ///
    /// # Errors
    /// When it was replaced.
    pub fn open(&self, now: u64) -> Result<&Arc<Key>, Closed> {
        match self.until {
            Some(end) if end <= now => Err(Closed::Rotated(end)),
            Some(_) | None => Ok(&self.key),
        }
    }
}

/// A key with what opens it, as it was written or stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The key.
    pub key: Key,
    /// The hashes of its secrets; those that were replaced with the time of their end, in seconds
    /// since 1970.
    pub secrets: Vec<(Digest, Option<u64>)>,
    /// Its own limits and budgets.
    pub bounds: Vec<Bound>,
}

/// The limits and budgets of those to whom many keys belong.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// By path: `org`, `org/team`, `org/team/service`.
    pub owners: BTreeMap<String, Vec<Bound>>,
    /// By label.
    pub labels: BTreeMap<String, Vec<Bound>>,
}

impl Bounds {
    /// All rules that bind a key, the narrowest first.
    ///
    /// Its own are counted under `id`, for `node`.
    fn bind(&self, key: &Key, (id, node): (&str, &Node), own: &[Bound], book: &Book) -> Vec<Rule> {
        let mut rules = Vec::new();
        rules_of(node, id, own, book, &mut rules);
        for label in &key.labels {
            let bounds = self.labels.get(&**label).map_or(&[][..], Vec::as_slice);
            rules_of(&node_of("label", label), label, bounds, book, &mut rules);
        }
        let mut path = &*key.owner;
        while !path.is_empty() {
            let bounds = self.owners.get(path).map_or(&[][..], Vec::as_slice);
            rules_of(&node_of("owner", path), path, bounds, book, &mut rules);
            path = path.rsplit_once('/').map_or("", |(above, _)| above);
        }
        rules
    }
}

fn node_of(kind: &'static str, name: &str) -> Node {
    Node { kind, name: name.into(), host: None }
}

/// Adds the rules of one node.
fn rules_of(node: &Node, id: &str, bounds: &[Bound], book: &Book, rules: &mut Vec<Rule>) {
    for bound in bounds {
        let window = book.window(&format!("{}:{id}", node.kind), bound, node.kind != "key");
        rules.push(Rule { node: node.clone(), bound: bound.clone(), window });
    }
}

/// What is needed to bind somebody who comes in with a token of another issuer.
#[derive(Debug)]
struct Hosts {
    /// The keys' own limits and budgets, by the name of the key. A name may have been that of a key which
    /// is revoked: the one that has it now counts.
    own: FxHashMap<Arc<str>, (Arc<Key>, Vec<Bound>)>,
    bounds: Bounds,
    book: Arc<Book>,
}

/// All keys.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: Vec<Arc<Key>>,
    /// The rules of all owners and labels.
    shared: Vec<Rule>,
    /// What binds those who come in with a token.
    hosts: Option<Arc<Hosts>>,
    locks: FxHashMap<Digest, Lock>,
}

impl Keyring {
    /// The keyring of these keys, bound by their rules with windows of this book. Of two that share a
    /// secret the first has it.
    #[must_use]
    pub fn new(drafts: impl IntoIterator<Item = Draft>, bounds: &Bounds, book: &Arc<Book>) -> Self {
        let mut ring = Self::default();
        let mut hosts = Hosts { own: FxHashMap::default(), bounds: bounds.clone(), book: Arc::clone(book) };
        for Draft { mut key, secrets, bounds: own } in drafts {
            key.rules = bounds.bind(&key, (&key.id, &node_of("key", &key.name)), &own, book);
            let key = Arc::new(key);
            match hosts.own.entry(Arc::clone(&key.name)) {
                Entry::Occupied(mut other) if other.get().0.revoked.is_some() && key.revoked.is_none() => {
                    other.insert((Arc::clone(&key), own));
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(place) => {
                    place.insert((Arc::clone(&key), own));
                }
            }
            for (secret, until) in secrets {
                ring.locks.entry(secret).or_insert_with(|| Lock { key: Arc::clone(&key), until });
            }
            ring.keys.push(key);
        }
        for (kind, nodes) in [("owner", &bounds.owners), ("label", &bounds.labels)] {
            for (name, bounds) in nodes {
                rules_of(&node_of(kind, name), name, bounds, book, &mut ring.shared);
            }
        }
        ring.hosts = Some(Arc::new(hosts));
        ring
    }

    /// What this secret opens.
    #[must_use]
    pub fn find(&self, secret: &[u8]) -> Option<&Lock> {
        if self.locks.is_empty() {
            return None;
        }
        self.locks.get(&Digest::of(secret))
    }

    /// The key of somebody who comes in with a token.
    ///
    /// # Errors
    /// When there is no key of the name that such tokens come in as.
    pub fn welcome(&self, guest: &Guest) -> Result<Key, NoHost> {
        let none = || NoHost(guest.as_key.clone().unwrap_or_default());
        let Some(hosts) = self.hosts.as_deref() else {
            return if guest.as_key.is_some() { Err(none()) } else { Ok(guest.key(None)) };
        };
        let Some(name) = &guest.as_key else {
            let key = guest.key(None);
            let node = node_of("key", &key.name);
            let rules = hosts.bounds.bind(&key, (&key.id, &node), &[], &hosts.book);
            return Ok(Key { rules, ..key });
        };
        let (host, own) = hosts.own.get(name).ok_or_else(none)?;
        let key = guest.key(Some(host));
        let (id, node): (Arc<str>, Node) = match &guest.each {
            Some(each) => {
                let node = node_of("key", &format!("{}: {each}", host.name));
                (format!("{}|{each}", host.id).into(), Node { host: Some(Arc::clone(&host.name)), ..node })
            }
            None => (Arc::clone(&host.id), node_of("key", &host.name)),
        };
        let rules = hosts.bounds.bind(&key, (&id, &node), own, &hosts.book);
        Ok(Key { rules, counted: Some(id), ..key })
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// All rules, each once, with what is used of them now: those of owners and labels, then those of keys.
    /// Where each has a key's rules who comes in as it with a token, it is what one of them has used most.
    pub fn standing(&self, now: u64) -> impl Iterator<Item = (&Rule, u64)> {
        let most = self.hosts.as_ref().map(|hosts| hosts.book.most_of_each(now)).unwrap_or_default();
        let shared = self.shared.iter().map(move |rule| (rule, rule.window.level(now)));
        let own = self.keys.iter().flat_map(|key| {
            let own = key.rules.iter().filter(|rule| rule.node.kind == "key");
            own.map(move |rule| (rule, rule.bound.id(&format!("key:{}", key.id))))
        });
        let own = own
            .map(move |(rule, id)| (rule, rule.window.level(now).max(most.get(&id).copied().unwrap_or(0))));
        shared.chain(own)
    }

    /// The rules of all owners and labels, for whoever looks at them.
    #[must_use]
    pub fn shared_rules(&self) -> &[Rule] {
        &self.shared
    }

    /// All keys.
    #[must_use]
    pub fn keys(&self) -> &[Arc<Key>] {
        &self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::period::{Period, Shape, Span};
    use crate::policy::rule::Measure;
    use crate::policy::window::Moment;

    #[test]
    fn a_hash_is_written_as_it_is_read() {
        let digest = Digest::of(b"abc");
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(text["sha256:".len()..].to_uppercase().parse(), Ok(digest));
        for wrong in ["", "sha256:", "ba78", &"x".repeat(64), &format!("{text}0")] {
            assert_eq!(wrong.parse::<Digest>(), Err(NoDigest), "{wrong}");
        }
    }

    #[test]
    fn a_replaced_secret_opens_until_its_grace_ends() {
        let key = Key { name: "web".into(), enabled: true, ..Key::default() };
        let secrets = vec![(Digest::of(b"new"), None), (Digest::of(b"old"), Some(100))];
        let draft = Draft { key, secrets, bounds: Vec::new() };
        let ring = Keyring::new([draft], &Bounds::default(), &Arc::new(Book::new(1)));
        let name =
            |secret: &[u8], now| ring.find(secret).map(|lock| lock.open(now).map(|key| key.name.clone()));
        assert_eq!(name(b"new", 1000), Some(Ok("web".into())));
        assert_eq!(name(b"old", 99), Some(Ok("web".into())));
        assert_eq!(name(b"old", 100), Some(Err(Closed::Rotated(100))));
        assert_eq!(name(b"other", 0), None);
    }

    #[test]
    fn people_are_told_of_by_the_key_that_they_come_in_as() {
        let span = Span { period: Period::Day, shape: Shape::Calendar };
        let bound = Bound { measure: Measure::Requests, span, limit: 9, soft: None, model: None };
        let key = Key { id: "k1".into(), name: "staff".into(), enabled: true, ..Key::default() };
        let draft = Draft { key, secrets: Vec::new(), bounds: vec![bound] };
        let ring = Keyring::new([draft], &Bounds::default(), &Arc::new(Book::new(1)));
        for (who, requests) in [("ann", 2), ("bob", 5), ("cy|d", 3)] {
            let person = Guest { each: Some(who.to_owned()), ..guest() };
            let rules = ring.welcome(&person).unwrap().rules;
            assert_eq!(
                (&*rules[0].node.name, rules[0].node.public_name()),
                (&*format!("staff: {who}"), "staff")
            );
            let slice = rules[0].window.reserve(Moment { now: 10, shard: 0 }, requests, 9).unwrap();
            rules[0].window.settle(&slice, 0, requests, requests);
        }
        let standing: Vec<_> =
            ring.standing(10).map(|(rule, used)| (rule.node.public_name(), used)).collect();
        assert_eq!(standing, [("staff", 5)]);
    }

    fn guest() -> Guest {
        Guest {
            id: "jwt:corp:ann".to_owned(),
            name: "corp".into(),
            owner: None,
            labels: Vec::new(),
            user: None,
            as_key: Some("staff".into()),
            each: None,
            expires: 100,
        }
    }

    #[test]
    fn tokens_come_in_as_the_key_that_has_the_name_now() {
        let draft = |id: &str, revoked| {
            let key = Key { id: id.into(), name: "staff".into(), enabled: true, revoked, ..Key::default() };
            Draft { key, secrets: Vec::new(), bounds: Vec::new() }
        };
        let host = |drafts: Vec<Draft>| {
            let ring = Keyring::new(drafts, &Bounds::default(), &Arc::new(Book::new(1)));
            let key = ring.welcome(&guest()).unwrap();
            (key.counted.unwrap().to_string(), key.revoked)
        };
        let (old, new, older) = (draft("k1", Some(9)), draft("k2", None), draft("k0", Some(5)));
        assert_eq!(host(vec![older.clone(), old.clone(), new.clone()]), ("k2".to_owned(), None));
        assert_eq!(host(vec![new, old.clone()]), ("k2".to_owned(), None));
        assert_eq!(host(vec![older, old]), ("k0".to_owned(), Some(5)));
    }
}
