//! What a worker remembers of the targets it has served: their tolerances and addresses.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use rustc_hash::FxHashMap;

use crate::catalog::PriceTable;
use crate::catalog::profile::Profile;
use crate::catalog::quirks::House;
use crate::dialect::gemini_generate::count::House as CountHouse;
use crate::dialect::{Ranks, Vectors};
use crate::ir::Dialect;
use crate::provider::url::{self, Wanted, path_for};
use crate::provider::{Base, Operation, Platform, Vendor};
use crate::proxy::departure::envelope::Envelope;
use crate::route::Target;
use crate::route::health::Reach;
use crate::route::pressure::Cap;
use crate::snapshot::{Cloud, Provider, Snapshot};
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};

mod learn;

pub use learn::price_of;
use learn::{facts, learn, prices, printable, sent};

/// A target as one worker speaks to it, worked out once and then shared by its requests.
#[derive(Debug)]
pub struct Known {
    /// The provider's name.
    pub provider: Arc<str>,
    /// The provider's place in the snapshot.
    pub index: usize,
    /// The model's name there.
    pub model: Arc<str>,
    /// The dialect in which it is spoken to.
    pub dialect: Dialect,
    /// Whether it keeps conversations for its clients (Anthropic's `thread`).
    pub threads: bool,
    /// Whether it keeps its answers for its clients (OpenAI's Responses).
    pub keeps: Keeps,
    /// What a cloud wants around a body.
    pub envelope: Envelope,
    /// What it tolerates.
    pub profile: Profile,
    /// Where it is.
    pub base: Base,
    /// The cloud that lends its credentials, if one does.
    pub cloud: Option<Cloud>,
    /// What each body names as whose account pays: members and their values.
    pub account: Vec<(&'static str, String)>,
    /// What it costs, where known.
    pub prices: Option<Arc<PriceTable>>,
    /// Whose prices those are, and which of their versions.
    pub price: Option<Arc<str>>,
    /// The longest answer that its model is known to give, in tokens.
    pub longest: Option<u64>,
    /// Headers that each of its requests and answers has.
    pub heads: Heads,
    /// The paths of the commonest operations that it has.
    pub paths: Paths,
    /// The same target in OpenAI's Responses, where it takes thought beside tools there alone.
    pub bridge: Option<Arc<Self>>,
    /// The same target in chat, where its server may have no Responses although its vendor has.
    pub instead: Option<Instead>,
    /// What tells it from all other targets, whatever their order and after a restart.
    pub id: u64,
    /// Whether its answers are heard to their end although their clients left.
    pub heard_out: bool,
    /// How many requests it has in flight at most, where that is bounded.
    pub cap: Option<Cap>,
    /// How it does; none where a request goes through whatever its target is.
    pub reach: Option<Arc<Reach>>,
    vendor: &'static Vendor,
    api_version: Option<String>,
}

/// A target as it is spoken to where it turns out not to have what it should.
#[derive(Debug)]
pub struct Instead {
    /// That target.
    pub known: Arc<Known>,
    /// Whether it turned out so.
    pub needed: AtomicBool,
}

impl Known {
    /// A provider that a request goes through to as it is; the model may be unknown, and is "" then.
    #[must_use]
    pub fn through(
        world: &Snapshot,
        provider: &Provider,
        index: usize,
        dialect: Dialect,
        base: Base,
        model: &str,
    ) -> Self {
        let facts = facts(world, provider, model);
        let (prices, price) = facts.map(|model| prices(provider, model)).unzip();
        let longest = facts.and_then(|model| model.max_output);
        Self {
            provider: provider.name.as_str().into(),
            index,
            model: model.into(),
            cloud: provider.cloud.clone(),
            account: Vec::new(),
            envelope: Envelope::None,
            dialect,
            threads: false,
            keeps: Keeps::Nothing,
            profile: Profile::of(dialect, &provider.vendor.quirks, model, facts),
            prices,
            price,
            longest,
            heads: Heads { provider: printable(&provider.name), model: printable(model), sent: Vec::new() },
            paths: Paths {
                generate: String::new(),
                stream: String::new(),
                embed: None,
                rank: None,
                count: None,
            },
            bridge: None,
            instead: None,
            id: 0,
            heard_out: provider.heard_out,
            cap: None,
            reach: None,
            base,
            vendor: provider.vendor,
            api_version: None,
        }
    }

    /// The same, with what tells how its host does.
    #[must_use]
    pub fn at_host(self, reach: Arc<Reach>) -> Self {
        Self { reach: Some(reach), ..self }
    }

    /// The same, with what each request to it carries: for a session whose model is named later, or never.
    #[must_use]
    pub fn unnamed(self, provider: &Provider) -> Self {
        let sent = sent(provider, self.dialect, &self.base);
        Self { heads: Heads { sent, ..self.heads }, api_version: provider.api_version.clone(), ..self }
    }

    /// The same provider, once it is known which model answered.
    #[must_use]
    pub fn named(&self, world: &Snapshot, provider: &Provider, model: &str) -> Self {
        Self::through(world, provider, self.index, self.dialect, self.base.clone(), model)
    }

    /// Whose form of Gemini's questions for tokens it takes.
    #[must_use]
    pub const fn count_house(&self) -> CountHouse {
        match self.vendor.platform {
            Platform::Vertex => CountHouse::Vertex,
            Platform::None
            | Platform::Bedrock
            | Platform::SageMaker
            | Platform::Watsonx
            | Platform::Triton
            | Platform::Replicate => CountHouse::Studio,
        }
    }

    /// The address of a realtime session of OpenAI's form, or of what opens one; `None` where the
    /// target has none.
    #[must_use]
    pub fn realtime(&self, wanted: Wanted<'_>) -> Option<String> {
        let version = self.api_version.as_deref();
        let spoken = matches!(
            self.dialect,
            Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::OpenaiCompletions
        );
        spoken.then(|| url::live::openai(self.vendor, &self.base, version, wanted)).flatten()
    }

    /// Whether what it says it charges holds.
    #[must_use]
    pub const fn states_cost(&self) -> bool {
        self.vendor.quirks.states_cost
    }

    /// Whether it is a server of one's own, whose models cost nothing by the token.
    #[must_use]
    pub const fn is_own_server(&self) -> bool {
        !self.vendor.key_required
    }

    /// A body with whose account pays, where that must be named.
    #[must_use]
    pub fn with_account(&self, body: Vec<u8>) -> Bytes {
        let named = self.account.iter();
        let edits: Vec<Edit> =
            named.map(|(key, value)| Edit::Set { key: (*key).into(), value: json::string(value) }).collect();
        match Lens::new(&body) {
            Ok(lens) if !edits.is_empty() => lens.apply(&edits).into(),
            Ok(_) | Err(_) => body.into(),
        }
    }

    /// The path of any operation; `None` where the target has none.
    #[must_use]
    pub fn path(&self, operation: Operation) -> Option<String> {
        let version = self.api_version.as_deref();
        path_for(self.vendor, &self.base, self.dialect, operation, &self.model, version)
    }
}

/// Whether a target keeps its answers for its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// It does not, or is spoken to in a dialect in which nobody does.
    Nothing,
    /// It does, and is the only one, so that all ids are its.
    Alone,
    /// It does, as others do, or for several keys.
    AmongOthers,
}

impl Keeps {
    fn of(world: &Snapshot, provider: &Provider, dialect: Dialect) -> Self {
        if dialect != Dialect::OpenaiResponses || !keeps_responses(provider) {
            return Self::Nothing;
        }
        let keepers = world.providers.iter().filter(|other| keeps_responses(other));
        let accounts: usize = keepers.map(|keeper| keeper.keys.len().max(1)).sum();
        if accounts > 1 { Self::AmongOthers } else { Self::Alone }
    }
}

/// Whether a provider keeps answers for its clients. Many speak OpenAI's Responses, and few keep any.
#[must_use]
pub fn keeps_responses(provider: &Provider) -> bool {
    let vendor = provider.vendor;
    let spoken = Dialect::OpenaiResponses;
    let speaks = vendor.speaks.iter().any(|(dialect, _)| *dialect == spoken)
        && (provider.only.is_empty() || provider.only.contains(&spoken));
    speaks && (vendor.quirks.house == House::Own || vendor.quirks.keeps_responses)
}

/// The paths of a target's commonest operations.
#[derive(Debug)]
pub struct Paths {
    /// A whole reply.
    pub generate: String,
    /// A streamed reply.
    pub stream: String,
    /// Vectors, and how they are asked for.
    pub embed: Option<(Vectors, String)>,
    /// An order of documents, and how it is asked for.
    pub rank: Option<(Ranks, String)>,
    /// The number of tokens of a prompt.
    pub count: Option<String>,
}

/// Headers that are the same for each request to a target, and each answer from it.
#[derive(Debug)]
pub struct Heads {
    /// The provider's name, for the client.
    pub provider: HeaderValue,
    /// The model's name, for the client.
    pub model: HeaderValue,
    /// What each request carries, one head for each of the provider's keys.
    sent: Vec<HeaderMap>,
}

impl Heads {
    /// What a request with this key carries.
    #[must_use]
    pub fn sent(&self, key: usize) -> HeaderMap {
        self.sent.get(key).cloned().unwrap_or_default()
    }
}

/// The targets of one world that a worker has served.
#[derive(Default)]
struct Memory {
    generation: u64,
    known: FxHashMap<(usize, Dialect), FxHashMap<String, Arc<Known>>>,
    hosts: FxHashMap<usize, Arc<Reach>>,
    entries: usize,
}

/// What is remembered of the world that is served, and of the one that is staged.
#[derive(Default)]
struct Memories {
    served: Memory,
    staged: Memory,
}

impl Memories {
    /// What is remembered of this world.
    fn of(&mut self, world: &Snapshot) -> &mut Memory {
        if world.is_staged {
            self.staged.keep_up(world);
            return &mut self.staged;
        }
        if self.served.keep_up(world) {
            self.staged = Memory::default();
        }
        &mut self.served
    }
}

impl Memory {
    /// Forgets what was of another world, or is too much; whether it did.
    fn keep_up(&mut self, world: &Snapshot) -> bool {
        let is_other = self.generation != world.generation || self.entries >= MOST;
        if is_other {
            *self = Self { generation: world.generation, ..Self::default() };
        }
        is_other
    }
}

thread_local! {
    static MEMORY: RefCell<Memories> = RefCell::default();
}

/// A worker remembers this many targets; beyond that it forgets all of them and learns anew.
const MOST: usize = 4096;

/// How a provider's host does, for what goes through to it: that tells nothing of its keys and models, since
/// nobody knows what is asked for.
#[must_use]
pub fn host(world: &Snapshot, provider: &Provider, index: usize) -> Arc<Reach> {
    MEMORY.with_borrow_mut(|memories| {
        let memory = memories.of(world);
        let fresh = || Arc::new(provider.health.reach("", &[]));
        Arc::clone(memory.hosts.entry(index).or_insert_with(fresh))
    })
}

/// What is known of a target for a client of this dialect; `None` when its vendor speaks nothing
/// that could answer.
#[must_use]
pub fn known(world: &Snapshot, target: &Target, client: Dialect) -> Option<Arc<Known>> {
    MEMORY.with_borrow_mut(|memories| {
        let memory = memories.of(world);
        let models = memory.known.entry((target.provider, client)).or_default();
        if let Some(known) = models.get(target.model.as_str()) {
            return Some(Arc::clone(known));
        }
        let fresh = Arc::new(learn(world, target, client)?);
        models.insert(target.model.clone(), Arc::clone(&fresh));
        memory.entries += 1;
        Some(fresh)
    })
}
