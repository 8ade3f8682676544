//! The one fact a finished request leaves, and how it is made from what was seen.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use crate::account::attribution::Attribution;
use crate::account::count::Calibration;
use crate::account::meter::Metered;
use crate::account::trace::Trace;
use crate::account::{cost, tally};
use crate::cache::Tier;
use crate::cache::semantic::Agreement;
use crate::catalog::PriceTable;
use crate::clock::RequestId;
use crate::dialect::{Head, codec};
use crate::fault::Fault;
use crate::ir::{Dialect, FinishReason, Losses, ServiceTier, Usage, UsageSource};
use crate::policy::guard::Verdict;
use crate::policy::{Key, Reservation, Spent};
use crate::refusal::Kind;
use crate::units::PicoUsd;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The client got its answer.
    Answered,
    /// We or the provider said no, for this reason.
    Refused(Kind),
    /// The client left before the end.
    ClientGone,
    /// The answer broke off in the middle.
    Broken,
}

impl Outcome {
    /// The name in records and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused(kind) => kind.label(),
            Self::ClientGone => "client_gone",
            Self::Broken => "broken",
        }
    }
}

/// How long things took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timings {
    /// From the first byte of the request to the last of the answer.
    pub total: Duration,
    /// The part of it that the gateway itself added before the answer began.
    pub overhead: Duration,
    /// From the request's departure to the provider's first byte.
    pub upstream: Option<Duration>,
    /// From the request's arrival to the first piece of a streamed answer.
    pub first_token: Option<Duration>,
}

/// The client's request, kept so that its tokens can be counted should the provider not tell.
#[derive(Debug, Clone)]
pub struct Source {
    /// What the client speaks.
    pub dialect: Dialect,
    /// The path, which names the model in some dialects.
    pub path: String,
    /// The body.
    pub body: Bytes,
}

/// What was seen of one request, before anything is counted or priced.
#[derive(Debug)]
pub struct Record {
    /// The request's id.
    pub id: RequestId,
    /// When it came, in milliseconds since 1970.
    pub at: u64,
    /// The virtual key that the client showed.
    pub key: Option<Arc<Key>>,
    /// Where the client is, as far as is known.
    pub address: Option<IpAddr>,
    /// On whose behalf it was made.
    pub attribution: Option<Box<Attribution>>,
    /// What was reserved for it, until that is settled.
    pub reserved: Option<Reservation>,
    /// What was asked for: `chat`, `embeddings` …
    pub operation: &'static str,
    /// What the client speaks.
    pub client: Option<Dialect>,
    /// The provider's name, when one was chosen.
    pub provider: Option<Arc<str>>,
    /// The model as the client named it.
    pub asked_model: String,
    /// The model as the provider knows it.
    pub model: Option<Arc<str>>,
    /// The service tier that the client asked for.
    pub asked_tier: Option<ServiceTier>,
    /// Whether the body went through byte for byte.
    pub verbatim: bool,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// The status the client got.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// How many attempts were made.
    pub attempts: u32,
    /// Whether any of them left, so that a provider may have done something for it.
    pub departed: bool,
    /// What upstreams did to us on the way: provider and fault.
    pub faults: Vec<(Arc<str>, Fault)>,
    /// What the translation lost.
    pub losses: Losses,
    /// How long things took.
    pub timings: Timings,
    /// Bytes of body from the client and to it.
    pub bytes: (u64, u64),
    /// What the meter saw.
    pub metered: Metered,
    /// The client's request.
    pub source: Option<Source>,
    /// The target's prices, where known.
    pub prices: Option<Arc<PriceTable>>,
    /// Whose prices those are, and which of their versions: `openai/gpt-4o@5d41402a`.
    pub price: Option<Arc<str>>,
    /// What other models used beside it.
    pub asides: Vec<Aside>,
    /// Whether what the provider says it charges holds, and not those prices.
    pub states_cost: bool,
    /// What part the cache had in it; `None` where it might not have any.
    pub cache: Option<Tier>,
    /// Whether the answer agrees with the one that the cache would have given to the same question in other
    /// words; `None` where it would have given none, or nobody wants to know.
    pub agreement: Option<Agreement>,
    /// What it would have cost without the cache, once settled; `None` where that served nothing, or no
    /// price is known.
    pub saved: Option<PicoUsd>,
    /// Whether it is one of the gateway's own, made in the background.
    pub background: bool,
    /// Whether it saw a staged configuration.
    pub staged: bool,
    /// What guards found.
    pub guards: Vec<Verdict>,
    /// Whether the ledger has an estimate of it only, and is to be told better.
    pub is_estimated: bool,
    /// What it used, where somebody had to know before it was settled.
    pub known: Option<Used>,
    /// What it leaves for whoever follows traces; `None` where nobody does.
    pub trace: Option<Box<Trace>>,
}

/// What another model used beside the one that was asked.
#[derive(Debug)]
pub struct Aside {
    /// Its name.
    pub model: String,
    /// What it used.
    pub usage: Usage,
    /// Its prices, where known.
    pub prices: Option<Arc<PriceTable>>,
}

/// What a request used, and what that cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// What was used, by whomever on its behalf.
    pub usage: Usage,
    /// Where the numbers come from; `None` when nothing was used.
    pub source: Option<UsageSource>,
    /// What it cost; `None` when no price is known.
    pub cost: Option<PicoUsd>,
    /// Whether the provider itself said so.
    pub is_stated: bool,
    /// What it would have cost without the cache; `None` where that served nothing, or no price is known.
    pub saved: Option<PicoUsd>,
}

/// The one fact a finished request leaves.
#[derive(Debug)]
pub struct Settled {
    /// What was seen.
    pub record: Box<Record>,
    /// What was used.
    pub usage: Usage,
    /// Where the numbers of `usage` come from; `None` when nothing was used.
    pub usage_source: Option<UsageSource>,
    /// What it cost; `None` when no price is known.
    pub cost: Option<PicoUsd>,
    /// Whether the provider itself said so.
    pub states_cost: bool,
}

impl Record {
    /// Whether settling may look at the request: where its tokens must be counted, or their report
    /// may teach the calibration.
    #[must_use]
    pub fn needs_source(&self) -> bool {
        !self.metered.is_final || self.metered.usage.is_none() || self.is_lucky()
    }

    /// One answer in so many teaches the calibration, so that learning costs next to nothing.
    const fn is_lucky(&self) -> bool {
        const LEARN_EVERY: u64 = 16;
        self.at.is_multiple_of(LEARN_EVERY)
    }
}

impl Record {
    /// Whether the answer came from the cache, so that nothing was spent.
    #[must_use]
    pub fn is_cached(&self) -> bool {
        self.cache.is_some_and(Tier::is_hit)
    }

    /// On whose behalf it was made. What a token says of that was signed; a client may say anything.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        let signed = self.key.as_ref().and_then(|key| key.user.as_deref());
        signed.or_else(|| self.attribution.as_ref()?.user.as_deref())
    }

    /// Whether the client left a provider that had been asked and had not answered: nobody told what
    /// was used.
    #[must_use]
    pub fn was_left_at_work(&self) -> bool {
        let unanswered = self.status == 499 && self.metered.usage.is_none();
        self.outcome == Outcome::ClientGone && unanswered && self.attempts > 0
    }

    /// What it used, where that is known without counting.
    #[must_use]
    pub fn told(&self) -> Option<Used> {
        let (usage, source) = told(self)?;
        Some(priced(self, usage, source))
    }

    /// What it used, as far as that was told, and the rest by the length of what was said: until
    /// somebody counts it.
    #[must_use]
    pub fn estimated(&self) -> Used {
        let mut usage = self.metered.usage.unwrap_or_default();
        if usage.total_input() == 0 {
            let asked = self.source.as_ref().map_or(self.bytes.0, |source| source.body.len() as u64);
            usage.input = asked / BYTES_A_TOKEN;
        }
        let held: usize = self.metered.held.iter().map(Bytes::len).sum();
        let said = (held + self.metered.forgotten) as u64;
        let each = if self.metered.streamed { BYTES_A_STREAMED_TOKEN } else { BYTES_A_TOKEN };
        let output = said / each;
        if output > usage.total_output() {
            usage.output = output.saturating_sub(usage.reasoning);
        }
        priced(self, usage, Some(UsageSource::Estimated))
    }

    /// The service tier whose rates hold: the one that was served, else the one asked for.
    #[must_use]
    pub fn priced_tier(&self) -> Option<&ServiceTier> {
        self.metered.tier.as_ref().or(self.asked_tier.as_ref())
    }
}

/// About so many bytes of JSON have a token in them.
const BYTES_A_TOKEN: u64 = 4;

/// About so many bytes of a framed stream do.
const BYTES_A_STREAMED_TOKEN: u64 = 40;

impl Used {
    /// What it comes to in limits and budgets: nothing, where the cache had it.
    #[must_use]
    pub fn spent(&self) -> Spent {
        if self.source == Some(UsageSource::Cached) {
            return Spent::default();
        }
        let usd = self.cost.map_or(0, |cost| u64::try_from(cost.0).unwrap_or(u64::MAX));
        Spent { tokens_in: self.usage.total_input(), tokens_out: self.usage.total_output(), usd }
    }
}

impl Settled {
    /// What was used, and what that cost.
    #[must_use]
    pub const fn used(&self) -> Used {
        let Self { usage, usage_source, cost, states_cost, record } = self;
        Used {
            usage: *usage,
            source: *usage_source,
            cost: *cost,
            is_stated: *states_cost,
            saved: record.saved,
        }
    }

    /// The time per output token of a stream after its first piece.
    #[must_use]
    pub fn time_per_token(&self) -> Option<Duration> {
        let tokens =
            u32::try_from(self.usage.total_output()).ok()?.checked_sub(1).filter(|&rest| rest > 0)?;
        self.record.metered.streamed.then(|| self.record.metered.duration() / tokens)
    }

    /// Why the answer ended.
    #[must_use]
    pub const fn finish(&self) -> Option<FinishReason> {
        self.record.metered.finish
    }
}

/// Counts what was not reported, and prices it all.
#[must_use]
pub fn settle(mut record: Box<Record>, calibration: &Calibration) -> Settled {
    let used = match record.known.take().or_else(|| record.told()) {
        Some(told) => {
            learn(&record, calibration);
            told
        }
        None => {
            let (usage, source) = counted(&mut record, calibration);
            priced(&record, usage, source)
        }
    };
    let Used { usage, source, cost, is_stated, saved } = used;
    record.saved = saved;
    Settled { record, usage, usage_source: source, cost, states_cost: is_stated }
}

/// All that was used, whoever else did so on the request's behalf, and what it cost.
fn priced(record: &Record, mut usage: Usage, mut source: Option<UsageSource>) -> Used {
    let stated = usage.charged.filter(|_| record.states_cost);
    let mut cost = match record.prices.as_deref() {
        Some(prices) => Some(cost::cost(&usage, prices, record.priced_tier())),
        // Of a model that did nothing no price is needed.
        None => Some(PicoUsd(0)).filter(|_| usage == Usage::default() && !record.asides.is_empty()),
    };
    for aside in &record.asides {
        let own = aside.prices.as_deref().map(|prices| cost::cost(&aside.usage, prices, None));
        cost = cost.zip(own).map(|(sum, own)| sum + own);
        usage.add(&aside.usage);
        source.get_or_insert(UsageSource::Reported);
    }
    let is_stated = stated.is_some();
    let cost = stated.or(cost).filter(|_| source.is_some());
    if record.is_cached() {
        // It cost nothing, whether or not anybody knows what it would have.
        let source = source.map(|_| UsageSource::Cached);
        return Used { usage, source, cost: source.map(|_| PicoUsd::ZERO), is_stated, saved: cost };
    }
    Used { usage, source, cost, is_stated, saved: None }
}

/// What was used, where nothing need be counted for that.
fn told(record: &Record) -> Option<(Usage, Option<UsageSource>)> {
    let can_be_counted = match record.operation {
        "chat" | "embeddings" => true,
        // Only what was understood was held.
        "passthrough" => !record.metered.held.is_empty(),
        _ => false,
    };
    if !can_be_counted {
        // Lists and counts use no model; they report nothing.
        if let Some(usage) = record.metered.usage {
            return Some((usage, Some(UsageSource::Reported)));
        }
        let assumed = record.metered.assumed;
        let counts = record.status == 200 && assumed != Usage::default();
        let counted = if counts { (assumed, Some(UsageSource::Counted)) } else { (Usage::default(), None) };
        return Some(counted);
    }
    let reported = record.metered.usage;
    let is_told = reported.is_some() && record.metered.is_final;
    let is_dumb = record.metered.dialect.is_none() || record.status != 200;
    (is_told || is_dumb).then(|| (reported.unwrap_or_default(), reported.map(|_| UsageSource::Reported)))
}

/// What was used, as far as it was told, and the rest counted.
fn counted(record: &mut Record, calibration: &Calibration) -> (Usage, Option<UsageSource>) {
    let held = std::mem::take(&mut record.metered.held);
    let reported = record.metered.usage;
    let model = record.model.clone().unwrap_or_else(|| record.asked_model.as_str().into());
    let Some(dialect) = record.metered.dialect else { return (Usage::default(), None) };
    let output = if record.metered.streamed {
        let mut tally = tally::StreamTally::new(dialect);
        tally.push(&model, &held, calibration);
        tally.finish(&model, calibration)
    } else {
        let body = held.concat();
        codec(dialect).parse_reply(&body).map_or_else(
            |_| crate::account::count::Count { tokens: 0, exact: false },
            |reply| tally::reply(&model, &reply, calibration),
        )
    };
    // Of a long answer only the end is held; the rest is known by its length.
    let forgotten = record.metered.forgotten as u64 / BYTES_A_STREAMED_TOKEN;
    let mut usage = reported.unwrap_or_default();
    let mut exact = output.exact && forgotten == 0;
    if usage.total_input() == 0
        && let Some(input) = input(record, &model, calibration)
    {
        usage.input = input.tokens;
        exact &= input.exact;
    }
    let counted = output.tokens + forgotten;
    if counted > usage.total_output() {
        usage.output = counted.saturating_sub(usage.reasoning);
    }
    (usage, Some(if exact { UsageSource::Counted } else { UsageSource::Estimated }))
}

fn parsed(record: &Record) -> Option<crate::ir::Request> {
    let source = record.source.as_ref()?;
    let headers = HeaderMap::new();
    let head = Head { path: &source.path, query: "", headers: &headers };
    codec(source.dialect).parse_request(&head, &source.body).ok()
}

fn input(record: &Record, model: &str, calibration: &Calibration) -> Option<crate::account::count::Count> {
    parsed(record).map(|request| tally::request(model, &request, calibration))
}

/// Sees how far an estimate of the request would have been from what was reported.
fn learn(record: &Record, calibration: &Calibration) {
    use crate::account::count::{Tokenizer, tokenizer_for};
    let small = record.source.as_ref().is_some_and(|source| source.body.len() < 64 << 10);
    let Some(usage) = record.metered.usage.filter(|_| record.metered.is_final && record.is_lucky() && small)
    else {
        return;
    };
    let model = record.model.as_deref().unwrap_or(&record.asked_model);
    if matches!(record.operation, "chat" | "embeddings" | "passthrough")
        && tokenizer_for(model) == Tokenizer::Estimated
        && let Some(request) = parsed(record)
    {
        tally::learn(model, &request, usage.total_input(), calibration);
    }
}
