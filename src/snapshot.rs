//! The compiled, immutable world that one request sees from its first byte to its last.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustc_hash::FxHashMap;

use crate::cache::{Embedder, Mode, OtherWords, Otherwise, Rules, Verifier};
use crate::catalog::Catalog;
use crate::ir::Dialect;
use crate::policy::guard::Guard;
use crate::policy::guard::external::External;
use crate::policy::rewrite::Rewrite;
use crate::policy::token::Issuer;
use crate::policy::{Closed, Key, Keyring, Operator, Proxies};
use crate::provider::{Base, Source, Vendor};
use crate::route::health::{self, Board, Health};
use crate::route::pressure::Cap;
use crate::route::way::Patience;
use crate::route::{Names, Table};
use crate::units::{ByteSize, Secret};

pub use staged::Staged;

mod staged;

/// The compiled world. Built whole by `config::compile`, swapped in whole, never changed.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Counts the worlds of this process, from 1.
    pub generation: u64,
    /// Who may come in.
    pub door: Door,
    /// The proxies that are believed when they say where a client is.
    pub proxies: Proxies,
    /// The configured providers, in order of preference.
    pub providers: Vec<Provider>,
    /// The names clients may ask for.
    pub table: Table,
    /// Those besides that its providers were found to have.
    pub discovered: Arc<ArcSwap<Names>>,
    /// Prices and limits, with the configuration's overlays.
    pub catalog: Arc<Catalog>,
    /// What a client may take of our time and memory.
    pub downstream: Downstream,
    /// What an upstream may take of our time.
    pub upstream: Upstream,
    /// When it is not worth asking a target, and what becomes of a request then.
    pub breakers: Breakers,
    /// What becomes of requests that find no place at a target.
    pub pressure: Pressure,
    /// Whether and how pictures behind addresses are got for targets that do not go there.
    pub fetch_images: FetchImages,
    /// What may be kept of answers.
    pub caching: Caching,
    /// Of which requests the bodies are logged.
    pub bodies: Bodies,
    /// What may pass, in requests and in answers.
    pub guards: Vec<Arc<Guard>>,
    /// What is said otherwise in requests.
    pub rewrites: Vec<Arc<Rewrite>>,
    /// The same, asked of services elsewhere.
    pub externals: Vec<Arc<External>>,
    /// Whether a loss refuses any request.
    pub strict: bool,
    /// Whether a request under a budget is served though nobody knows its price.
    pub unpriced: bool,
    /// Whether a share of the clients alone sees it.
    pub is_staged: bool,
    /// The world that such a share sees instead, where one is staged.
    pub staged: Option<Staged>,
}

impl Snapshot {
    /// Looks up how its providers have done so far.
    pub fn look_up_health(&mut self, board: &Board) {
        for provider in &mut self.providers {
            provider.health = board.of(&provider.name, &provider.base.to_string());
        }
    }

    /// The same world with other keys. It counts as the same, for nothing else of it changed.
    #[must_use]
    pub fn with_keys(&self, keyring: Keyring) -> Self {
        let door = Door { keyring: Arc::new(keyring), ..self.door.clone() };
        Self { door, ..self.clone() }
    }
}

/// Who may come in.
#[derive(Debug, Clone, Default)]
pub struct Door {
    /// The hash of the master key.
    pub master: Option<blake3::Hash>,
    /// Whether the master key is for the operator's listener alone.
    pub master_is_for_admin: bool,
    /// The virtual keys.
    pub keyring: Arc<Keyring>,
    /// Those whose tokens open it too.
    pub issuers: Arc<[Issuer]>,
    /// The admin keys, for the operator's listener alone.
    pub operators: Arc<[Operator]>,
}

/// Why somebody may not come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Barred {
    /// No key was shown that is known.
    Unknown,
    /// The master key was, which is not for this.
    Master,
    /// This key was, and does not open.
    Closed(Arc<Key>, Closed),
}

impl Door {
    /// A door that opens to this master key; where there is none, no keys and no issuers, it is open.
    #[must_use]
    pub fn new(master: Option<&Secret>, master_is_for_admin: bool) -> Self {
        let master = master.filter(|key| !key.is_empty());
        let master = master.map(|key| blake3::hash(key.expose().as_bytes()));
        Self {
            master,
            master_is_for_admin,
            keyring: Arc::default(),
            issuers: Arc::default(),
            operators: Arc::default(),
        }
    }

    /// The same door with these admin keys.
    #[must_use]
    pub fn with_operators(self, operators: Vec<Operator>) -> Self {
        Self { operators: operators.into(), ..self }
    }

    /// Whoever has the admin key, or the master key, with this hash. Hashes are compared in constant
    /// time, and all of them are.
    #[must_use]
    pub fn operator(&self, secret: blake3::Hash) -> Option<Operator> {
        let mut found = self.master.filter(|master| *master == secret).map(Operator::master);
        for operator in &*self.operators {
            if operator.secret == secret && found.is_none() {
                found = Some(operator.clone());
            }
        }
        found
    }

    /// Whether anyone may come in.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.master.is_none() && self.keyring.is_empty() && self.issuers.is_empty()
    }

    /// Lets a client in that shows these credentials from this address: the virtual key that it
    /// came with, or none for the master key and where the door is open. Of several credentials
    /// the first that opens counts.
    ///
    /// # Errors
    /// Why none of them opens.
    pub fn admit<'c>(
        &self,
        shown: impl Iterator<Item = Cow<'c, [u8]>>,
        now: u64,
        address: Option<IpAddr>,
    ) -> Result<Option<Arc<Key>>, Barred> {
        if self.is_open() {
            return Ok(None);
        }
        let mut barred = Barred::Unknown;
        for credential in shown {
            // Hashes are compared in constant time.
            if self.master.is_some_and(|master| blake3::hash(&credential) == master) {
                if !self.master_is_for_admin {
                    return Ok(None);
                }
                barred = Barred::Master;
            } else if let Some(lock) = self.keyring.find(&credential) {
                match lock.open(now).and_then(|key| key.admit(now, address)) {
                    Ok(()) => return Ok(Some(Arc::clone(&lock.key))),
                    Err(why) => barred = Barred::Closed(Arc::clone(&lock.key), why),
                }
            }
        }
        Err(barred)
    }
}

/// One configured provider: a vendor's row with an address and credentials.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name in the configuration, in headers, records and metrics.
    pub name: String,
    /// The vendor's row.
    pub vendor: &'static Vendor,
    /// Where it is.
    pub base: Base,
    /// Its keys, used in turn; empty for a provider that needs none.
    pub keys: Vec<Secret>,
    /// The cloud that lends its credentials; none for a provider with keys or without any.
    pub cloud: Option<Cloud>,
    /// Headers that every request to it carries.
    pub headers: BTreeMap<String, String>,
    /// What each body names as whose account pays: members and their values.
    pub account: Vec<(&'static str, String)>,
    /// Azure's `api-version`.
    pub api_version: Option<String>,
    /// Whether it is asked which models it serves; not where the configuration lists them.
    pub discover: bool,
    /// The dialects that it is spoken to in; empty for all of its vendor's.
    pub only: Vec<Dialect>,
    /// How many requests each of its models has in flight at most; nothing where that is any number.
    pub cap: Option<Cap>,
    /// Whether its answers are heard to their end although their clients left.
    pub heard_out: bool,
    /// How it does; the same for all worlds in which it stands at one address.
    pub health: Arc<Health>,
}

/// The cloud that a provider's credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    /// Where they come from.
    pub source: Arc<Source>,
    /// The region that signatures name; "" where nothing is signed.
    pub region: String,
    /// The service that signatures name; "" where nothing is signed.
    pub service: &'static str,
}

impl Cloud {
    /// Whether each request is signed with what it lends, which is made over its body.
    #[must_use]
    pub fn signs(&self) -> bool {
        match *self.source {
            Source::Aws(_) | Source::Oracle(_) => true,
            Source::Google(_) | Source::Entra(_) | Source::Oauth(_) => false,
        }
    }
}

impl Provider {
    /// What tells its keys apart and shows none of them.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<u64> {
        let digits = |key: &Secret| {
            let hash = blake3::hash(key.expose().as_bytes());
            hash.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
        };
        self.keys.iter().map(digits).collect()
    }

    /// Whether it stands somewhere else than its vendor does.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        Base::parse(self.vendor.base_url).is_ok_and(|usual| usual.host != self.base.host)
    }

    /// The dialects it speaks and where, the preferred first.
    #[must_use]
    pub fn spoken(&self) -> Vec<(Dialect, Base)> {
        let usual = Base::parse(self.vendor.base_url).is_ok_and(|usual| usual == self.base);
        let own = (!usual).then(|| self.base.to_string());
        let bases = self.vendor.bases(own.as_deref()).into_iter();
        let bases = bases.filter(|(dialect, _)| self.only.is_empty() || self.only.contains(dialect));
        bases.filter_map(|(dialect, base)| Some((dialect, Base::parse(&base).ok()?))).collect()
    }
}

/// What a client may take of our time and memory.
#[derive(Debug, Clone)]
pub struct Downstream {
    /// The largest request body that is read whole.
    pub body: ByteSize,
    /// The largest request head.
    pub head: ByteSize,
    /// All bodies held at one time.
    pub held: ByteSize,
    /// How long a whole head may take, and one read of a body.
    pub read_timeout: Duration,
    /// How long one write to the client may take.
    pub write_timeout: Duration,
    /// How long an idle connection is kept.
    pub keepalive: Duration,
    /// The longest silence inside a translated stream of Anthropic's.
    pub ping: Duration,
}

/// When it is not worth asking a target, and what becomes of a request then.
#[derive(Debug, Clone)]
pub struct Breakers {
    /// When breakers open; none where they never do.
    pub rules: Option<health::Rules>,
    /// How often a host that is left alone is asked whether it is back; none where clients find that out.
    pub probe: Option<Duration>,
    /// Whether a target whose breaker is open is asked all the same where there is no other.
    pub last_resort: bool,
}

/// What becomes of requests that find no place at a target.
#[derive(Debug, Clone)]
pub struct Pressure {
    /// How many wait before each.
    pub queue: usize,
    /// How long one waits.
    pub wait: Duration,
}

/// Whether and how pictures behind addresses are got for targets that do not go there themselves.
#[derive(Debug, Clone)]
pub struct FetchImages {
    /// Whether they are got at all.
    pub enabled: bool,
    /// Whether also without TLS.
    pub http: bool,
    /// Whether also from addresses of this machine and the networks around it.
    pub private: bool,
    /// The largest one.
    pub size: ByteSize,
    /// How many of one request.
    pub count: u32,
    /// How long one may take, redirects included.
    pub timeout: Duration,
}

/// What may be kept of answers.
#[derive(Debug, Clone)]
pub struct Caching {
    /// The rules that hold unless something else is said.
    pub rules: Rules,
    /// What routes have otherwise.
    pub routes: FxHashMap<String, Otherwise>,
    /// All that is held at one time.
    pub room: ByteSize,
    /// The largest answer.
    pub largest: ByteSize,
    /// What turns questions into vectors, in the mode `custom`.
    pub embedder: Option<Arc<Embedder>>,
    /// What says whether questions are the same, in the mode `verified`.
    pub verifier: Option<Arc<Verifier>>,
}

impl Caching {
    /// Whether models are asked about questions.
    #[must_use]
    pub const fn asks(&self) -> bool {
        self.embedder.is_some() || self.verifier.is_some()
    }

    /// The rules for a model's name and a key with its own; `None` where nothing is kept. Whoever says
    /// `off` has the last word.
    #[must_use]
    pub fn rules_for(&self, model: &str, own: Option<&Otherwise>) -> Option<Rules> {
        let route = if self.routes.is_empty() { None } else { self.routes.get(model) };
        let said: [Option<&Otherwise>; 2] = [route, own];
        let mut rules = self.rules;
        for otherwise in said.into_iter().flatten() {
            if otherwise.mode == Some(Mode::Off) {
                return None;
            }
            rules = rules.with(otherwise);
        }
        (rules.mode != Mode::Off).then_some(rules)
    }

    /// Whether other words are watched for anybody: for all, for a route, or for a key with rules of its own.
    pub fn watches<'o>(&self, mut own: impl Iterator<Item = &'o Otherwise>) -> bool {
        let is_watched = |rules: Rules| rules.other_words() == OtherWords::Watched;
        let with = |otherwise: &Otherwise| is_watched(self.rules.with(otherwise));
        is_watched(self.rules) || self.routes.values().any(with) || own.any(with)
    }

    /// Whether answers are kept for anybody: for all, for a route, or for a key with rules of its own.
    pub fn keeps<'o>(&self, mut own: impl Iterator<Item = &'o Otherwise>) -> bool {
        let is_on = |otherwise: &Otherwise| otherwise.mode.unwrap_or(self.rules.mode) != Mode::Off;
        self.rules.mode != Mode::Off || self.routes.values().any(is_on) || own.any(is_on)
    }
}

/// Of which requests the bodies are logged.
#[derive(Debug, Clone)]
pub struct Bodies {
    /// So many bytes of each.
    pub most: usize,
    /// Of how many hundredths of the requests for a route.
    pub routes: FxHashMap<String, u8>,
}

impl Bodies {
    /// Of how many hundredths of such requests, for a model's name and a key with its own word on it.
    /// Whoever says none has the last word, and the key before its route.
    #[must_use]
    pub fn portion(&self, model: &str, own: Option<u8>) -> u8 {
        let route = if self.routes.is_empty() { None } else { self.routes.get(model).copied() };
        if route == Some(0) { 0 } else { own.or(route).unwrap_or(0) }
    }
}

/// What an upstream may take of our time.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// To connect, TLS included.
    pub connect_timeout: Duration,
    /// Until its first byte.
    pub first_byte_timeout: Duration,
    /// Until a stream has something in it, from when it was asked for.
    pub first_token_timeout: Option<Duration>,
    /// Between two bytes of an answer.
    pub idle_timeout: Duration,
    /// For the whole answer, all attempts together.
    pub total_timeout: Duration,
    /// For a whole realtime session.
    pub session_timeout: Duration,
    /// The longest silence of both sides of one.
    pub session_idle_timeout: Duration,
    /// How many attempts a request may make, the first included.
    pub attempts: u32,
    /// How many further attempts all requests together may make, in percent of the requests.
    pub retries: u32,
}

impl Upstream {
    /// How long a provider is waited for, where nothing else is said.
    #[must_use]
    pub const fn patience(&self) -> Patience {
        Patience {
            connect: self.connect_timeout,
            first_byte: self.first_byte_timeout,
            first_token: self.first_token_timeout,
            idle: self.idle_timeout,
            total: self.total_timeout,
        }
    }
}
