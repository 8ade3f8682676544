//! What one request carries from phase to phase.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::account::Trace;
use crate::cache::Tier;
use crate::cache::semantic::Agreement;
use crate::clock::{self, RequestId};
use crate::dialect::Seed;
use crate::fault::Fault;
use crate::ir::Dialect;
use crate::policy::{Full, Key, Reservation};
use crate::proxy::arrival::asked::Asked;
use crate::proxy::guarding::Guarding;
use crate::proxy::threshold::vigil::Vigil;
use crate::proxy::transcript::Transcript;
use crate::refusal::{Kind, Refusal};
use crate::route::way::{Patience, Times};
use crate::snapshot::Snapshot;
use crate::store::Owner;
use crate::telemetry::{Telemetry, Tracing};

pub use ask::Ask;
pub use call::Call;

mod ask;
mod call;
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

    /// Sees another world than the one it came in, before anything is done in that.
    pub fn see(&mut self, world: Arc<Snapshot>) {
        self.patience = world.upstream.patience();
        self.deadline = self.started.checked_add(world.upstream.total_timeout).unwrap_or(self.started);
        self.world = world;
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
