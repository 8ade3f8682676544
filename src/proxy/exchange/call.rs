//! A request that is with an upstream: what of it lasts through all attempts, and what is this one's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pingora::http::ResponseHeader;

use super::Ask;
use super::unwritten::Unwritten;
use crate::account::Aside;
use crate::dialect::Framing;
use crate::dialect::bedrock_invoke::{Unwrap, Wrap};
use crate::ir::Usage;
use crate::policy::guard::Screen;
use crate::proxy::bytes_held::Share;
use crate::proxy::caching::Tape;
use crate::proxy::caching::items::VectorTape;
use crate::proxy::departure::attempt::Attempt;
use crate::proxy::departure::onward::Routing;
use crate::proxy::departure::queueing::Slot;
use crate::proxy::departure::targets::Known;
use crate::proxy::departure::upload::Upload;
use crate::proxy::keeping::saving::Saving;
use crate::proxy::minting::Lent;
use crate::proxy::relay::{self, Holding, Relay};
use crate::route::Target;
use crate::route::health::Busy;
use crate::snapshot::Snapshot;

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
    pub(in crate::proxy) fn note_spent(&mut self, known: &Known) {
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
    pub(super) fn learn_model(&mut self, world: &Snapshot) {
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
