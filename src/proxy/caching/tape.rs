//! An answer is taken along: for those who wait for the same, and to be kept.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::cache::semantic::{Agreement, agree};
use crate::cache::{Answer, End, Entry, Exact, Flight, Left, Mark, Origin, Reworded, exact};
use crate::clock;
use crate::dialect::{Framing, Restore, codec, transcode};
use crate::ir::{Block, Content, Finish, FinishReason, Reply};
use crate::proxy::caching::asking::Known;
use crate::proxy::caching::behind;
use crate::proxy::caching::look::Query;
use crate::proxy::departure::attempt::Mode;
use crate::proxy::exchange::Call;
use crate::proxy::relay::Relay;
use crate::proxy::threshold::others::Others;
use crate::proxy::threshold::vigil::Vigil;
use crate::refusal::Refusal;
use crate::store::tiers::Tiers;

/// An answer that is taken along. However it ends, those who wait hear of it.
#[derive(Debug)]
pub struct Tape {
    cache: Arc<Exact>,
    tiers: Option<Arc<Tiers>>,
    query: Box<Query>,
    flight: Arc<Flight>,
    mark: Mark,
    /// How often what is kept was let go before this was asked for.
    purges: u64,
    origin: Option<Arc<Origin>>,
    begun: Option<Instant>,
    /// Whether the provider has said all of it.
    whole: bool,
    /// Whether there was no room for it.
    over: bool,
    /// What its client's connection must know: that others may wait for the same.
    vigil: Option<Arc<Vigil>>,
    /// The answer to the same question in other words, to be compared.
    watched: Option<Arc<Entry>>,
}

impl Tape {
    /// Takes along the answer to a question that nobody had; in a flight that others may join, or alone.
    #[must_use]
    pub fn new(
        (cache, tiers): (&Arc<Exact>, Option<&Arc<Tiers>>),
        query: Box<Query>,
        flight: Option<Arc<Flight>>,
        mark: Mark,
    ) -> Self {
        let flight = flight.unwrap_or_else(|| Arc::new(cache.flight()));
        let cache = Arc::clone(cache);
        let (watched, purges) = (query.watched(&cache), cache.purges());
        Self {
            cache,
            tiers: tiers.cloned(),
            query,
            flight,
            mark,
            purges,
            origin: None,
            begun: None,
            whole: false,
            over: false,
            vigil: None,
            watched,
        }
    }

    /// Has the answer go on when its client leaves, as long as others wait or it is to be kept.
    #[must_use]
    pub fn outliving(mut self: Box<Self>, vigil: Option<&Arc<Vigil>>) -> Box<Self> {
        if let Some(vigil) = vigil {
            let finishes = self.query.rules.left == Left::Finish;
            vigil.share(Others::new(Arc::clone(&self.flight), finishes));
            self.vigil = Some(Arc::clone(vigil));
        }
        self
    }

    /// The flight that others may have joined.
    #[must_use]
    pub const fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// What was looked for.
    #[must_use]
    pub const fn query(&self) -> &Query {
        &self.query
    }

    /// The answer begins, in a form in which it can be told once more; of any other nothing is taken along.
    #[must_use]
    pub fn begun(mut self: Box<Self>, call: &Call, streamed: Option<Framing>) -> Option<Box<Self>> {
        let dialect = call.attempt.upstream();
        let framing = match &call.relay {
            Relay::Pass(_) | Relay::Whole(_) if streamed.is_none() => None,
            Relay::Stream(_) | Relay::Transcode(_) if streamed == Some(Framing::of(dialect)) => streamed,
            Relay::Pass(_)
            | Relay::Whole(_)
            | Relay::Stream(_)
            | Relay::Transcode(_)
            | Relay::Waiting
            | Relay::Hear(_)
            | Relay::Tunnel(_)
            | Relay::Error(_) => return None,
        };
        let restore = match &call.attempt.mode {
            Mode::Translate(restore) => restore.clone(),
            Mode::Verbatim { .. }
            | Mode::Rewritten { .. }
            | Mode::Vectors(..)
            | Mode::Ranks(..)
            | Mode::Relay(_)
            | Mode::Count
            | Mode::Through(_) => Restore::NONE,
        };
        let known = &call.attempt.known;
        let (provider, model) = (Arc::clone(&known.provider), Arc::clone(&known.model));
        let losses = call.attempt.losses.clone();
        self.begin(Origin { dialect, framing, restore, provider, model, losses });
        Some(self)
    }

    fn begin(&mut self, origin: Origin) {
        let origin = Arc::new(origin);
        self.origin = Some(Arc::clone(&origin));
        self.flight.begin(origin);
    }

    /// A piece of it came.
    pub fn push(&mut self, piece: Option<&Bytes>, end: bool, now: Instant) {
        let Some(origin) = &self.origin else { return };
        if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
            let begun = *self.begun.get_or_insert(now);
            let largest = self.cache.largest();
            let counted = self.cache.take(piece.len(), exact::place_of(self.query.fingerprint));
            let most = if counted { largest } else { self.flight.bytes() };
            self.over |= self.flight.bytes() + piece.len() > most;
            self.flight.push(now.saturating_duration_since(begun), piece.clone(), counted, most);
        }
        self.whole |= end;
        if end && origin.framing.is_some() {
            // Each listener sees for itself whether a stream came to its proper end.
            self.flight.end(End::Whole);
        }
    }

    /// The answer came to this, which its client is about to hear: keeps one that is `good`, as far as is
    /// known, and tells all who wait. Whether it agrees with what was answered in other words, where that is
    /// watched.
    pub fn told(&mut self, good: bool, refusal: Option<&Refusal>) -> Option<Agreement> {
        let agreement = if good && self.whole && !self.over { self.keep() } else { None };
        let end = match refusal {
            Some(refusal) => End::Failed(refusal.clone()),
            None if self.whole => End::Whole,
            None => return agreement,
        };
        self.cache.land(self.query.fingerprint, &self.flight);
        self.flight.end(end);
        if let Some(vigil) = self.vigil.take() {
            vigil.keep_to_itself();
        }
        // What comes after is no part of it.
        self.over = true;
        agreement
    }

    /// What came was nothing; another attempt is made.
    pub fn begin_anew(&mut self) {
        self.origin = None;
        (self.begun, self.whole, self.over) = (None, false, false);
        self.flight.begin_anew();
    }

    fn keep(&mut self) -> Option<Agreement> {
        let (origin, pieces) = (self.origin.as_ref()?, self.flight.whole()?);
        let mut body = BytesMut::with_capacity(pieces.iter().map(|(_, piece)| piece.len()).sum());
        let mut pace = Vec::with_capacity(if origin.framing.is_some() { pieces.len() } else { 0 });
        for (after, piece) in &pieces {
            body.extend_from_slice(piece);
            if origin.framing.is_some() {
                pace.push((*after, body.len()));
            }
        }
        let body = body.freeze();
        // Where nothing but its worth is asked for, a look may tell it.
        let plain = origin.framing.is_none() && self.watched.is_none() && self.query.known_by().is_empty();
        let reply = if plain && codec(origin.dialect).is_plain(&body) {
            None
        } else {
            Some(reply(origin, &body).filter(is_whole)?)
        };
        let compared = |watched: Arc<Entry>| compare(&watched, reply.as_ref()?);
        let asked = || self.query.asking.as_ref().and_then(|asking| asking.watched());
        let agreement = self.watched.take().or_else(asked).and_then(compared);
        let entry = Entry::Answer(Answer { origin: (**origin).clone(), body, pace, mark: self.mark.clone() });
        let (both, time) = ((&*self.cache, self.tiers.as_deref()), (clock::unix_millis(), self.query.ttl()));
        if behind::keep(both, self.query.fingerprint, entry, time, self.purges)
            && reply.as_ref().is_some_and(is_finished)
        {
            for (at, fingerprint) in self.query.known_by().iter().enumerate() {
                let reworded = Reworded {
                    answered: self.query.fingerprint,
                    provider: Arc::clone(&origin.provider),
                    model: Arc::clone(&origin.model),
                    mark: self.mark.clone(),
                    // One of its forms is enough to be found by.
                    place: self.query.place().filter(|_| at == 0),
                    told: None,
                };
                let asking = self.query.asking.as_deref().filter(|_| at == 0);
                let unplaced = asking.map(|asking| (asking, reworded.clone()));
                behind::keep(both, *fingerprint, Entry::Reworded(reworded), time, self.purges);
                if let Some((asking, reworded)) = unplaced {
                    asking.kept(
                        &self.cache,
                        Known { fingerprint: *fingerprint, reworded, time, purges: self.purges },
                    );
                }
            }
        }
        agreement
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.cache.land(self.query.fingerprint, &self.flight);
        if let Some(vigil) = self.vigil.take() {
            vigil.keep_to_itself();
        }
        // Where nothing was told, there is nothing: who still wants the answer asks.
        self.flight.end(End::Left);
    }
}

/// What an answer says.
fn reply(origin: &Origin, body: &Bytes) -> Option<Reply> {
    match origin.framing {
        Some(_) => transcode::gathered(origin.dialect, origin.restore.clone(), body).ok(),
        None => codec(origin.dialect).parse_reply(body).ok(),
    }
}

/// Whether an answer agrees with the one that was given to the same question in other words.
fn compare(watched: &Entry, fresh: &Reply) -> Option<Agreement> {
    let kept = match watched {
        Entry::Answer(answer) => reply(&answer.origin, &answer.body)?,
        Entry::Vector(_) | Entry::Reworded(_) => return None,
    };
    Some(if agree(&words(&kept), &words(fresh)) { Agreement::Agreed } else { Agreement::Differed })
}

/// The words of a reply.
fn words(reply: &Reply) -> String {
    let blocks = reply.candidates.iter().flat_map(|candidate| &candidate.blocks);
    blocks.filter_map(Block::as_text).collect()
}

/// Whether its model said all that it wanted to say, in words: only then it answers other words, too.
fn is_finished(reply: &Reply) -> bool {
    let said = |finish: &Finish| matches!(finish.reason, FinishReason::Stop | FinishReason::StopSequence);
    reply.candidates.iter().all(|candidate| {
        candidate.finish.as_ref().is_some_and(said)
            && candidate.blocks.iter().any(|block| block.as_text().is_some())
    })
}

/// Whether an answer is one: whole, with something in it that is no refusal, and cut off or blocked by nobody.
fn is_whole(reply: &Reply) -> bool {
    let fine = |reason| match reason {
        // A limit that the client set is met by each answer.
        FinishReason::Stop | FinishReason::StopSequence | FinishReason::Length | FinishReason::ToolCalls => {
            true
        }
        FinishReason::ContentFilter
        | FinishReason::Refusal
        | FinishReason::ContextFull
        | FinishReason::Pause
        | FinishReason::MalformedToolCall
        | FinishReason::Other => false,
    };
    let mut candidates = reply.candidates.iter();
    !reply.candidates.is_empty()
        && candidates.all(|candidate| {
            !candidate.blocks.is_empty()
                && !candidate.blocks.iter().any(|block| matches!(block.content, Content::Refusal(_)))
                && candidate.finish.as_ref().is_some_and(|finish| fine(finish.reason))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Dialect, Losses};

    fn sound(framed: bool, body: &str) -> bool {
        sound_in(Dialect::OpenaiChat, framed, body)
    }

    fn sound_in(dialect: Dialect, framed: bool, body: &str) -> bool {
        let framing = framed.then_some(Framing::Sse);
        let restore = Restore::NONE;
        let origin = Origin {
            dialect,
            framing,
            restore,
            provider: "p".into(),
            model: "m".into(),
            losses: Losses::new(),
        };
        reply(&origin, &Bytes::copy_from_slice(body.as_bytes())).is_some_and(|reply| is_whole(&reply))
    }

    #[test]
    fn only_whole_answers_that_nobody_blocked_are_kept() {
        let whole = |finish: &str| -> &'static str {
            let body = format!(
                r#"{{"id":"a","choices":[{{"index":0,"message":{{"role":"assistant","content":"x"}},"finish_reason":{finish}}}]}}"#
            );
            Box::leak(body.into_boxed_str())
        };
        assert!(sound(false, whole("\"stop\"")) && sound(false, whole("\"length\"")));
        assert!(!sound(false, whole("\"content_filter\"")) && !sound(false, whole("null")));
        assert!(!sound(false, r#"{"id":"a","choices":[]}"#) && !sound(false, "<html>"));
        let stream = "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":null}]}\n\n\
            data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        assert!(sound(true, stream));
        assert!(!sound(true, stream.split_once("\n\n").unwrap().0));
    }

    #[test]
    fn what_a_model_refuses_is_not_kept_whatever_it_says_of_its_end() {
        let refused = r#"{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"No."},"finish_reason":"stop"}]}"#;
        assert!(!sound(false, refused));
        assert!(sound(false, &refused.replace("null", "\"x\"").replace("\"No.\"", "null")));
        let response = r#"{"id":"resp_1","object":"response","status":"completed","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"refusal","refusal":"No."}]}]}"#;
        assert!(!sound_in(Dialect::OpenaiResponses, false, response));
        let said =
            response.replace("refusal\":\"No.\"", "text\":\"No.\"").replace("\"refusal\"", "\"output_text\"");
        assert!(sound_in(Dialect::OpenaiResponses, false, &said), "{said}");
    }
}
