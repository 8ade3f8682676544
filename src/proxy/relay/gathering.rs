//! Answers that are gathered before a word of them is said: whole ones in another dialect, and errors.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use memchr::memmem;

use crate::account::{Meter, Metered};
use crate::dialect::{Ranks, Restore, Seed, StreamShape, Vectors, codec, kept, transcode};
use crate::fault::{Fault, Retry};
use crate::ir::embed::EmbedRequest;
use crate::ir::rerank::RerankRequest;
use crate::ir::{Dialect, Losses, Usage};
use crate::proxy::caching::items::Items;
use crate::refusal::Kind;
use crate::units::Secret;
use crate::wire::{json, lens};

use super::hearing::Find;

/// Of a provider's error this much is read.
const LARGEST_ERROR: usize = 256 << 10;

/// A whole answer that is gathered.
#[derive(Debug)]
pub struct Gathering {
    meter: Meter,
    body: Vec<u8>,
    upstream: Dialect,
    client: Dialect,
    seed: Seed,
    into: Into,
    losses: Losses,
    /// What its head says that it used.
    counted: Option<Usage>,
}

/// What a gathered answer is said as.
#[derive(Debug)]
pub enum Into {
    /// A whole answer.
    Reply(Restore),
    /// The same, for a client of the upstream's dialect that is told once more what was kept.
    Again(Restore),
    /// A stream, for a client that asked for one where the upstream did not stream.
    Stream(Restore, StreamShape),
    /// A whole answer, of an upstream that streamed.
    Folded(Restore),
    /// Vectors: from the target's form to the client's, who asked this.
    Vectors(Vectors, Vectors, Arc<EmbedRequest>),
    /// An order of documents likewise.
    Ranks(Ranks, Ranks, Arc<RerankRequest>),
    /// The same of vectors of which some are there already.
    Items(Vectors, Vectors, Arc<Items>),
    /// The same, with the owner's name behind every id.
    Owned(String),
    /// The same, for guards to look at; how its usage is found, where not as its dialect tells it.
    Same(Option<Find>),
}

/// An error that is gathered.
#[derive(Debug)]
pub struct Failing {
    body: Vec<u8>,
    status: u16,
    headers: HeaderMap,
    upstream: Dialect,
    client: Dialect,
    /// Whether only the body tells if another attempt is worth making.
    undecided: bool,
}

/// What a gathered answer comes to.
#[derive(Debug)]
pub enum Outcome {
    /// An answer, said as the client wants it.
    Said(Vec<u8>),
    /// A failure.
    Failed {
        /// What it amounts to.
        fault: Fault,
        /// Whether another attempt may still be made.
        undecided: bool,
        /// The provider's own status and body, where the client speaks its dialect.
        own: Option<(u16, Vec<u8>)>,
    },
}

impl Gathering {
    /// An answer of this upstream that is to be said as `into` tells.
    #[must_use]
    pub fn new(upstream: Dialect, client: Dialect, seed: Seed, into: Into) -> Self {
        let (meter, body) = (Meter::new(upstream, false), Vec::new());
        Self { meter, body, upstream, client, seed, into, losses: Losses::new(), counted: None }
    }

    /// Listens to a piece of the answer.
    pub fn listen(&mut self, chunk: &Bytes, now: Instant) {
        self.meter.chunk(chunk, now);
    }

    /// The answer is known to have used this.
    pub fn tell(&mut self, usage: &Usage) {
        self.meter.told(usage);
    }

    /// Its head says that it used this; what its body says counts before.
    pub fn count(&mut self, usage: Usage) {
        self.counted = Some(usage);
    }

    /// Adds a piece.
    pub fn gather(&mut self, chunk: &[u8]) {
        self.body.extend_from_slice(chunk);
    }

    /// What saying it lost.
    #[must_use]
    pub const fn losses(&self) -> &Losses {
        &self.losses
    }

    /// What the meter saw.
    #[must_use]
    pub fn into_metered(self) -> Metered {
        self.meter.finish()
    }

    /// What the complete answer comes to.
    #[must_use]
    pub fn conclude(&mut self) -> Outcome {
        let Self { meter, body, upstream, client, seed, into, losses, counted } = self;
        if let Into::Folded(restore) = into {
            return match transcode::gathered(*upstream, restore.clone(), body) {
                Ok(reply) => {
                    meter.reply(&reply);
                    Outcome::Said(codec(*client).render_reply(&reply, seed, losses))
                }
                Err(fault) => Outcome::Failed { fault, undecided: false, own: None },
            };
        }
        let said = match into {
            Into::Again(_) if let Some(said) = codec(*client).retell(body, seed) => {
                meter.whole();
                Ok(said)
            }
            Into::Reply(restore) | Into::Again(restore) => {
                transcode::reply(*upstream, *client, restore, seed, body, losses).map(|(reply, said)| {
                    meter.reply(&reply);
                    said
                })
            }
            Into::Stream(restore, shape) => codec(*upstream).parse_reply(body).map(|mut reply| {
                restore.reply(&mut reply);
                meter.reply(&reply);
                transcode::stream(reply, *client, seed, *shape, losses)
            }),
            Into::Vectors(spoken, form, asked) => spoken.parse_reply(body).map(|mut reply| {
                reply.usage = reply.usage.or(*counted);
                reply.usage.iter().for_each(|usage| meter.told(usage));
                form.render_reply(&reply, asked, seed)
            }),
            // Done above: what it tells of a failure is a fault already.
            Into::Folded(_) => return Outcome::Said(Vec::new()),
            Into::Items(spoken, form, items) => match spoken.parse_reply(body) {
                Ok(mut reply) => {
                    reply.usage = reply.usage.or(*counted);
                    reply.usage.iter().for_each(|usage| meter.told(usage));
                    match items.merge(reply) {
                        Some(all) => Ok(form.render_reply(&all, &items.asked, seed)),
                        None => return Outcome::Failed { fault: too_few(), undecided: true, own: None },
                    }
                }
                Err(malformed) => Err(malformed),
            },
            Into::Owned(owner) => Ok(kept::named(&String::from_utf8_lossy(body), owner).into_bytes()),
            Into::Same(None) => {
                meter.whole();
                Ok(std::mem::take(body))
            }
            Into::Same(Some(find)) => {
                find.usage_at_the_end(body).iter().for_each(|usage| meter.told(usage));
                Ok(std::mem::take(body))
            }
            Into::Ranks(spoken, form, asked) => spoken.parse_reply(body).map(|reply| {
                reply.usage.iter().for_each(|usage| meter.told(usage));
                form.render_reply(&reply, asked, seed)
            }),
        };
        match said {
            Ok(said) => Outcome::Said(said),
            Err(_) => Outcome::Failed { fault: unsaid(*upstream, body), undecided: true, own: None },
        }
    }
}

fn too_few() -> Fault {
    Fault::new(Kind::BadGateway, "the provider gave another number of vectors than it was asked for")
}

/// The fault of an answer that is none. Some vendors say with status 200 what the client did wrong:
/// then that is the status of it.
fn unsaid(upstream: Dialect, body: &[u8]) -> Fault {
    let mut fault = codec(upstream).parse_error(502, &HeaderMap::new(), body);
    if fault.status == 502 && fault.retry() != Retry::Here {
        fault.status = fault.kind.status();
    }
    fault
}

impl Failing {
    /// An error of this upstream; `undecided` if only its body tells if another attempt is worth
    /// making.
    #[must_use]
    pub fn new(upstream: Dialect, client: Dialect, status: u16, headers: HeaderMap, undecided: bool) -> Self {
        Self { body: Vec::new(), status, headers, upstream, client, undecided }
    }

    /// Adds a piece; of what is longer than an error need be, the rest is left out.
    pub fn gather(&mut self, chunk: &[u8]) {
        let room = LARGEST_ERROR.saturating_sub(self.body.len());
        self.body.extend_from_slice(chunk.get(..chunk.len().min(room)).unwrap_or_default());
    }

    /// Whether both sides speak one dialect and the body is what that prescribes.
    fn is_own(&self) -> bool {
        let (member, begins) = error_of(self.client);
        self.upstream == self.client
            && lens::find(&self.body, member)
                .is_some_and(|error| error.starts_with(begins) && self.is_typed(error))
            && json::validate(&self.body).is_ok()
    }

    /// Whether an error is the dialect's own: what a cloud says of Claude is the cloud's, and has no
    /// type.
    fn is_typed(&self, error: &str) -> bool {
        self.client != Dialect::AnthropicMessages || lens::find(error.as_bytes(), "type").is_some()
    }

    /// What the complete error comes to.
    #[must_use]
    pub fn conclude(&mut self) -> Outcome {
        let own = self.is_own().then(|| (self.status, std::mem::take(&mut self.body)));
        let body = own.as_ref().map_or(&self.body, |(_, body)| body);
        let fault = codec(self.upstream).parse_error(self.status, &self.headers, body);
        Outcome::Failed { fault, undecided: self.undecided, own }
    }
}

/// The member that holds an error where it is what its dialect prescribes, and how its value begins.
const fn error_of(dialect: Dialect) -> (&'static str, char) {
    match dialect {
        Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::AnthropicMessages
        | Dialect::GeminiGenerate
        | Dialect::OpenaiCompletions => ("error", '{'),
        Dialect::OllamaChat | Dialect::OllamaGenerate => ("error", '"'),
        // The type of one of Bedrock's stands in a header.
        Dialect::CohereChat | Dialect::BedrockConverse => ("message", '"'),
    }
}

/// Providers quote the key they refuse; ours must not reach a client.
#[must_use]
pub fn mask(mut body: Vec<u8>, secret: &Secret) -> Vec<u8> {
    let key = secret.expose().as_bytes();
    if key.len() < 4 {
        return body;
    }
    while let Some(at) = memmem::find(&body, key) {
        body.splice(at..at + key.len(), b"***".iter().copied());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_did_wrong_has_its_own_status_though_the_answers_is_200() {
        let filtered = br#"{"error":{"message":"filtered","code":"content_filter","param":"prompt"}}"#;
        assert_eq!(unsaid(Dialect::OpenaiChat, filtered).status, 400);
        assert_eq!(unsaid(Dialect::OpenaiChat, b"<html>").status, 502);
        assert_eq!(unsaid(Dialect::OpenaiChat, br#"{"error":{"message":"busy","code":429}}"#).status, 429);
    }
    #[test]
    fn an_error_of_amazons_stays_as_it_came_where_its_client_is_one_of_amazons() {
        let body = br#"{"message": "The provided model identifier is invalid."}"#;
        let own = |client| {
            let mut failing = Failing::new(Dialect::BedrockConverse, client, 400, HeaderMap::new(), true);
            failing.gather(body);
            match failing.conclude() {
                Outcome::Failed { own, .. } => own,
                Outcome::Said(_) => None,
            }
        };
        assert_eq!(own(Dialect::BedrockConverse), Some((400, body.to_vec())));
        assert_eq!(own(Dialect::OpenaiChat), None);
    }
}
