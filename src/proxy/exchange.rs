//! What one request carries from phase to phase.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pingora::http::ResponseHeader;

use crate::account::{Aside, Metered, Outcome, Record, Timings, Trace};
use crate::cache::Tier;
use crate::cache::semantic::Agreement;
use crate::clock::{self, RequestId};
use crate::dialect::bedrock_invoke::{Unwrap, Wrap};
use crate::dialect::{Framing, Seed};
use crate::fault::Fault;
use crate::ir::{Dialect, Losses, Usage};
use crate::policy::guard::Screen;
use crate::policy::{Full, Key, Reservation};
use crate::proxy::arrival::asked::Asked;
use crate::proxy::bytes_held::Share;
use crate::proxy::caching::Tape;
use crate::proxy::caching::items::VectorTape;
use crate::proxy::departure::attempt::Attempt;
use crate::proxy::departure::judging;
use crate::proxy::departure::onward::Routing;
use crate::proxy::departure::queueing::Slot;
use crate::proxy::departure::targets::Known;
use crate::proxy::departure::upload::Upload;
use crate::proxy::guarding::{self, Guarding};
use crate::proxy::keeping::saving::Saving;
use crate::proxy::minting::Lent;
use crate::proxy::relay::{self, Holding, Relay};
use crate::proxy::threshold::vigil::Vigil;
use crate::proxy::transcript::Transcript;
use crate::refusal::{Kind, Refusal};
use crate::route::Target;
use crate::route::health::Busy;
use crate::route::way::{Patience, Times};
use crate::snapshot::Snapshot;
use crate::store::Owner;
use crate::telemetry::{Telemetry, Tracing};

pub use ask::Ask;
use unwritten::Unwritten;

mod ask;
mod record;
mod unwritten;

/// One request, from its first byte to its record.
#[derive(Debug)]
pub struct Exchange {
    /// The world it sees.
    pub world: Arc<Snapshot>,
    /// Its id.
    pub id: RequestId,
    /// When it came, on the wall's clock, in milliseconds since 1970.
    pub at: u64,
    /// When it came.
    pub started: Instant,
    /// When all its attempts together must be over.
    pub deadline: Instant,
    /// How long its provider is waited for.
    pub patience: Patience,
    /// The virtual key that its client shows; none for the master key, and where the gateway is open.
    pub key: Option<Arc<Key>>,
    /// Where its client is, as far as is known.
    pub address: Option<IpAddr>,
    /// What is reserved for it of the limits and budgets of its key.
    pub reserved: Option<Reservation>,
    /// The rule that had no room for it.
    pub full: Option<Box<Full>>,
    /// What guards know of it; none where nobody has guards.
    pub guarding: Option<Box<Guarding>>,
    /// Its place in a trace, and what is noted for that; none where nobody follows traces.
    pub trace: Option<Box<Trace>>,
    /// What is asked for, once recognised.
    pub asked: Option<Asked>,
    /// What part the cache has in it; `None` where it may not have any.
    pub cache: Option<Tier>,
    /// Whether its answer agrees with one to the same question in other words, where that is watched.
    pub agreement: Option<Agreement>,
    /// How far it got.
    pub stage: Stage,
    /// What the gateway itself has taken of the client's time so far.
    pub overhead: Duration,
    /// How long it has waited for a place at a target.
    pub queued: Duration,
    /// The refusal that ended it, if one did.
    pub refusal: Option<Refusal>,
    /// Whether that is what the provider did, and not what the gateway does not do for this client.
    pub is_upstreams: bool,
    /// What upstreams did to us on the way.
    pub faults: Vec<(Arc<str>, Fault)>,
    /// Whether it is one of the gateway's own, made in the background.
    pub in_background: bool,
    /// Whether it is a question to a judge of the gateway's own.
    pub judges: bool,
    /// Whether the client left.
    pub client_gone: bool,
    /// Whether it failed, and yet its client was answered whole and may ask again.
    pub closed_well: bool,
    /// What is said, where that is logged.
    pub transcript: Option<Box<Transcript>>,
    /// What is waited for on its connection; none over HTTP/2, where no stream is its own.
    pub vigil: Option<Arc<Vigil>>,
    telemetry: Arc<Telemetry>,
    /// Whether its record is left.
    left: bool,
}

/// However it ends, it leaves a record: also when it panics, or is dropped in the middle.
impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.left {
            self.leave_abandoned();
        }
        // Only now it no longer runs, so that whoever waits for that finds the record.
        self.telemetry.metrics.end();
    }
}

impl Exchange {
    fn leave_abandoned(&mut self) {
        let refusal = if std::thread::panicking() {
            Refusal::new(Kind::Internal, "the gateway failed in the middle of the request")
        } else {
            Refusal::new(Kind::Unavailable, "the gateway is shutting down")
        };
        // A client that was sent a part of a stream has seen another status.
        let status = match self.call() {
            Some(call) if call.relay.is_tunnel() => 101,
            Some(call) if call.relay.passes_on() => 200,
            Some(_) | None => refusal.status,
        };
        self.refusal.get_or_insert(refusal);
        self.leave(status, (0, 0));
    }
}

/// How far a request got.
#[derive(Debug)]
pub enum Stage {
    /// It is being read, or was answered without an upstream.
    Here,
    /// It is with an upstream.
    Away(Box<Call>),
}

/// A request that an upstream must answer.
#[derive(Debug)]
pub struct Call {
    /// What the client sent.
    pub ask: Ask,
    /// The targets in the order in which they are tried.
    pub targets: Vec<Target>,
    /// How they are chosen among, where their route says so.
    pub routing: Option<Box<Routing>>,
    /// Which of the targets is being tried.
    pub place: usize,
    /// What this attempt counts for at its model.
    pub busy: Option<Busy>,
    /// Its place at the target, where those are bounded.
    pub slot: Option<Slot>,
    /// The targets that were tried, bit by place.
    pub tried: u64,
    /// The keys of this target that were shown, likewise.
    pub passed: u64,
    /// How many attempts were made, this one included.
    pub attempts: u32,
    /// This attempt.
    pub attempt: Attempt,
    /// What becomes of its answer.
    pub relay: Relay,
    /// Takes Anthropic's events out of a cloud's stream.
    pub unwrap: Option<Box<Unwrap>>,
    /// Puts them into such a stream for a client that asked for one.
    pub wrap: Option<Box<Wrap>>,
    /// Guards that look at its stream.
    pub screen: Option<Box<Screen>>,
    /// Whether guards elsewhere look at it.
    pub windowed: bool,
    /// What a cloud lent for this attempt.
    pub lent: Option<Arc<Lent>>,
    /// What the target refused of that, and will not be shown again.
    pub stale: Option<Arc<Lent>>,
    /// How long to wait before this attempt.
    pub pause: Option<Duration>,
    /// When the attempt left.
    pub sent: Option<Instant>,
    /// When the head of the answer came.
    pub answered: Option<Instant>,
    /// Whether the head of a whole answer waits for the first piece of its body.
    pub awaits: bool,
    /// Whether that head is all of the answer.
    pub alone: bool,
    /// What attempts before this one have used, as far as their providers said so.
    pub spent: Vec<Aside>,
    /// Whether an attempt was made once more without counting.
    pub excused: bool,
    /// Whether this attempt must be made over HTTP/1.1.
    pub plain: bool,
    /// How its body gets to the provider.
    pub upload: Upload,
    /// The beginning of a stream that is held back, and how the stream is framed.
    pub holding: Option<Box<(Holding, Framing)>>,
    /// The head of an answer that is gathered or held back, kept until its body is known.
    pub head: Option<Box<ResponseHeader>>,
    /// What of its stream Pingora was given and may not have written.
    pub unwritten: Unwritten,
    /// The share of the byte budget that the body holds.
    pub share: Share,
    /// The answer as far as it is to be kept.
    pub saving: Option<Box<Saving>>,
    /// The answer as far as it is to be kept, and shared with who asks the same.
    pub tape: Option<Box<Tape>>,
    /// The same of vectors.
    pub vectors: Option<Box<VectorTape>>,
}

impl Call {
    /// A call whose first attempt is prepared.
    #[must_use]
    pub const fn new(ask: Ask, targets: Vec<Target>, place: usize, attempt: Attempt, share: Share) -> Self {
        Self {
            ask,
            targets,
            routing: None,
            place,
            busy: None,
            slot: None,
            tried: 0,
            passed: 0,
            attempts: 1,
            attempt,
            relay: Relay::Waiting,
            unwrap: None,
            wrap: None,
            screen: None,
            windowed: false,
            lent: None,
            stale: None,
            pause: None,
            sent: None,
            answered: None,
            awaits: false,
            alone: false,
            spent: Vec::new(),
            excused: false,
            plain: false,
            upload: Upload::Held,
            holding: None,
            head: None,
            unwritten: Unwritten::new(),
            share,
            saving: None,
            tape: None,
            vectors: None,
        }
    }

    /// An attempt at this target comes to nothing although its provider answered: what it says that it used is
    /// paid for. Where no price is known nobody can say how much, and the answer's own cost is told alone.
    pub(super) fn note_spent(&mut self, known: &Known) {
        let metered = std::mem::replace(&mut self.relay, Relay::Waiting).into_metered();
        let usage = metered.and_then(|metered| metered.usage).filter(|usage| *usage != Usage::default());
        if let (Some(usage), Some(prices)) = (usage, &known.prices) {
            let model = format!("{}/{}", known.provider, known.model);
            self.spent.push(Aside { model, usage, prices: Some(Arc::clone(prices)) });
        }
    }

    /// A piece of a cloud's stream comes: turns it into Anthropic's events.
    pub fn unwrap(&mut self, body: &mut Option<Bytes>) {
        if let (Some(unwrap), Some(piece)) = (&mut self.unwrap, body.as_ref()) {
            let mut events = Vec::with_capacity(piece.len());
            unwrap.push(piece, &mut events);
            *body = (!events.is_empty()).then(|| events.into());
        }
    }

    /// A piece of the stream goes to the client: turns it into what such a client reads.
    pub fn wrap(&mut self, body: &mut Option<Bytes>) {
        if let (Some(wrap), Some(piece)) = (&mut self.wrap, body.as_ref()) {
            let mut messages = Vec::with_capacity(piece.len() * 2);
            wrap.push(piece, &mut messages);
            *body = (!messages.is_empty()).then(|| messages.into());
        }
    }

    /// A piece of the answer was said to the client, of whose body so many bytes are written. It is said again
    /// should Pingora not write it, where something is told behind it then.
    pub fn note_said(&mut self, piece: &Bytes, written: usize) {
        if self.relay.can_break_off() || self.screen.is_some() || self.windowed {
            self.unwritten.say(piece, written);
        }
    }

    /// What went through is looked at once more for its model, which has the prices.
    fn learn_model(&mut self, world: &Snapshot) {
        if self.ask.model.is_empty() {
            let held = self.upload.is_held().then(|| self.attempt.body.clone());
            let asked = relay::model_in(&held.unwrap_or_else(|| self.upload.first()));
            self.ask.model = asked.or_else(|| self.relay.model()).unwrap_or_default();
        }
        if let Some(provider) = world.providers.get(self.attempt.known.index) {
            self.attempt.known = Arc::new(self.attempt.known.named(world, provider, &self.ask.model));
        }
    }
}

impl Exchange {
    /// A request that just came.
    #[must_use]
    pub fn new(world: Arc<Snapshot>, telemetry: Arc<Telemetry>) -> Self {
        telemetry.metrics.begin();
        let (started, at) = (clock::now(), clock::unix_millis());
        Self {
            patience: world.upstream.patience(),
            deadline: started.checked_add(world.upstream.total_timeout).unwrap_or(started),
            closed_well: false,
            transcript: None,
            vigil: None,
            telemetry,
            left: false,
            world,
            id: RequestId::of(at),
            at,
            started,
            key: None,
            address: None,
            reserved: None,
            full: None,
            guarding: None,
            trace: None,
            asked: None,
            cache: None,
            agreement: None,
            stage: Stage::Here,
            overhead: Duration::ZERO,
            queued: Duration::ZERO,
            refusal: None,
            is_upstreams: false,
            faults: Vec::new(),
            in_background: false,
            judges: false,
            client_gone: false,
        }
    }

    /// Waits as long as a route says, and a client at most.
    pub fn wait_for(&mut self, route: Option<&Times>, client: &Times) {
        if route.is_some() || *client != Times::default() {
            let said = route.map_or(self.patience, |route| self.patience.with(route));
            self.patience = said.within(client);
            self.deadline = self.started.checked_add(self.patience.total).unwrap_or(self.started);
        }
    }

    /// Who decides what is traced.
    #[must_use]
    pub fn tracing(&self) -> Option<&Tracing> {
        self.telemetry.tracing.as_deref()
    }

    /// What the client speaks, as far as is known.
    #[must_use]
    pub fn client(&self) -> Dialect {
        self.asked.as_ref().map_or(Dialect::OpenaiChat, Asked::dialect)
    }

    /// Whose what is kept of it is.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner::of(self.key.as_deref())
    }

    /// The upstream's side of the request.
    pub fn call(&mut self) -> Option<&mut Call> {
        match &mut self.stage {
            Stage::Here => None,
            Stage::Away(call) => Some(call),
        }
    }

    /// The answer is all that it will be: what was taken along of it is kept, and shared.
    pub fn conclude_tape(&mut self) {
        let Self { stage: Stage::Away(call), refusal, is_upstreams, agreement, .. } = self else { return };
        if call.tape.is_none() && call.vectors.is_none() {
            return;
        }
        let good = refusal.is_none() && call.relay.broken().is_none();
        if let Some(mut tape) = call.tape.take() {
            // What this client alone is refused is nothing to the others.
            *agreement = tape.told(good, refusal.as_ref().filter(|_| *is_upstreams));
        }
        if let Some(tape) = call.vectors.take().filter(|_| good) {
            tape.keep();
        }
    }

    /// The provider has failed for good.
    pub fn fail(&mut self, refusal: Refusal) {
        (self.refusal, self.is_upstreams) = (Some(refusal), true);
    }

    /// The attempt has left: the first byte of its answer is waited for.
    pub fn sent(&self, now: Instant) {
        self.expect(now, self.patience.first_byte);
    }

    /// A piece of the answer came: the next one is waited for.
    pub fn heard(&self, end: bool, now: Instant) {
        match (&self.vigil, &self.stage) {
            (Some(vigil), _) if end => vigil.relax(),
            (Some(_), Stage::Away(call)) if call.relay.is_tunnel() => self.alive(now),
            (Some(_), Stage::Away(call)) if call.ask.stream => {
                let first = self.patience.first_token.filter(|_| call.holding.is_some());
                let left =
                    first.zip(call.sent).map(|(first, sent)| (sent + first).saturating_duration_since(now));
                let idle = self.patience.idle;
                self.expect(now, left.map_or(idle, |left| idle.min(left)));
            }
            (Some(_), Stage::Away(_)) => self.expect(now, self.patience.first_byte),
            _ => {}
        }
    }

    /// Either side of a realtime session said something.
    pub fn alive(&self, now: Instant) {
        self.expect(now, self.world.upstream.session_idle_timeout);
    }

    fn expect(&self, now: Instant, patience: Duration) {
        if let Some(vigil) = &self.vigil {
            vigil.expect((now + patience).min(self.deadline));
        }
    }

    /// What renderers make up ids from.
    #[must_use]
    pub fn seed(&self, model: &str, input_tokens: u64, asked: Bytes) -> Seed {
        Seed {
            id: self.id.as_str().to_owned(),
            created: self.at / 1000,
            model: model.to_owned(),
            input_tokens,
            asked,
            kept: false,
        }
    }

    /// Where it is told of.
    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// The value of the `server-timing` header: what the gateway itself added, and the upstream.
    #[must_use]
    pub fn server_timing(&self, upstream: Option<Duration>) -> String {
        let mut text = String::with_capacity(64);
        text.push_str("tollgate;dur=");
        push_milliseconds(&mut text, self.overhead);
        if let Some(upstream) = upstream {
            text.push_str(", upstream;dur=");
            push_milliseconds(&mut text, upstream);
        }
        if self.queued >= Duration::from_millis(1) {
            text.push_str(", queue;dur=");
            push_milliseconds(&mut text, self.queued);
        }
        text
    }

    /// Leaves the record of everything that was seen, once; health checks leave none.
    pub fn leave(&mut self, status: u16, bytes: (u64, u64)) {
        if !std::mem::replace(&mut self.left, true) && !matches!(self.asked, Some(Asked::Health)) {
            self.leave_transcript();
            let record = self.take_record(status, bytes);
            self.telemetry.leave(record);
        }
    }

    /// Keeps of an answer that was not told to its end what is to be kept of it.
    fn abandon(&mut self) {
        let Self { stage: Stage::Away(call), guarding, .. } = self else { return };
        let Some(mut saving) = call.saving.take() else { return };
        if saving.keeps_a_part(&call.relay) {
            let fault = Fault::new(Kind::Unavailable, "the client left before its answer was complete");
            saving.abandon(&guarding::break_off(guarding.as_deref_mut(), call, fault).unwrap_or_default());
        }
    }

    fn take_record(&mut self, status: u16, bytes: (u64, u64)) -> Box<Record> {
        self.abandon();
        let operation = self.asked.as_ref().map_or("unknown", Asked::operation);
        let client = self.asked.as_ref().map(Asked::dialect);
        let total = self.started.elapsed();
        // A kilobyte, which goes to another thread: it is made where it stays.
        let mut record = Box::new(Record {
            id: self.id,
            at: self.at,
            key: self.key.take(),
            address: self.address,
            attribution: None,
            reserved: self.reserved.take(),
            operation,
            client,
            provider: None,
            asked_model: String::new(),
            model: None,
            asked_tier: None,
            verbatim: false,
            stream: false,
            status,
            outcome: Outcome::Answered,
            attempts: 0,
            departed: false,
            faults: std::mem::take(&mut self.faults),
            losses: Losses::new(),
            timings: Timings { total, overhead: self.overhead, upstream: None, first_token: None },
            bytes,
            metered: Metered::default(),
            source: None,
            prices: None,
            price: None,
            asides: Vec::new(),
            states_cost: false,
            background: self.in_background,
            cache: self.cache,
            agreement: self.agreement,
            saved: None,
            guards: self.guarding.take().map(|guarding| guarding.memory.verdicts).unwrap_or_default(),
            is_estimated: false,
            known: None,
            trace: self.trace.take(),
        });
        let mut broken = false;
        if let Stage::Away(call) = std::mem::replace(&mut self.stage, Stage::Here) {
            if let Some(fault) = call.relay.broken() {
                broken = true;
                judging::broke_off(&call, &self.world, fault);
                record.faults.push((Arc::clone(&call.attempt.known.provider), fault.clone()));
            }
            record::fill(&mut record, call, &self.world, self.started, operation);
        }
        if let Some(trace) = &mut record.trace {
            trace.end(self.started + total);
        }
        record.outcome = match (&self.refusal, self.client_gone) {
            (_, true) => Outcome::ClientGone,
            (Some(_), _) if matches!(record.status, 101 | 200) => Outcome::Broken,
            (None, _) if broken => Outcome::Broken,
            (Some(refusal), _) => Outcome::Refused(refusal.kind),
            (None, _) if record.status >= 400 => Outcome::Refused(Fault::from_status(record.status).kind),
            (None, _) => Outcome::Answered,
        };
        record
    }
}

/// Adds a time in milliseconds with three places after the point.
fn push_milliseconds(text: &mut String, time: Duration) {
    let micros = time.as_micros();
    let mut digits = itoa::Buffer::new();
    text.push_str(digits.format(micros / 1000));
    // The leading one keeps the zeros behind it.
    let places = digits.format(1000 + micros % 1000);
    text.push('.');
    text.push_str(places.get(1..).unwrap_or_default());
}

#[cfg(test)]
mod tests;
