//! Answers that go through untouched, of which nothing is understood but their usage.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Instant;

use bytes::Bytes;
use memchr::memmem;

use super::LARGEST_EVENT;
use crate::account::{Meter, Metered};
use crate::dialect::{Ranks, Relayed, Vectors, codec};
use crate::ir::{Dialect, Usage};
use crate::proxy::arrival::asked::Asked;
use crate::units::Secret;
use crate::wire::needle::Needle;
use crate::wire::{json, sse};

use super::mask::Mask;

/// Of an answer that is no stream this much of its end is held, where the numbers stand.
const TAIL: usize = 64 << 10;

/// Of any answer this much of its beginning is held, where the model's name stands.
const FIRST: usize = 4 << 10;

/// How the usage is found in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// As a relayed operation tells it.
    Relayed(Relayed),
    /// As this form of embeddings tells it.
    Vectors(Vectors),
    /// As this form of an order tells it.
    Ranks(Ranks),
    /// As completions of this dialect tell it.
    Dialect(Dialect),
    /// As whatever it looks like.
    Any,
    /// As whatever each line looks like: the answers of a batch.
    Batch,
}

impl Find {
    /// As the answer to what is, or would be, asked for tells it.
    #[must_use]
    pub const fn like(asked: Option<&Asked>) -> Self {
        match asked {
            Some(Asked::Chat { dialect, .. }) => Self::Dialect(*dialect),
            Some(Asked::Embed { form, .. }) => Self::Vectors(*form),
            Some(Asked::Rerank(Some(form))) => Self::Ranks(*form),
            Some(Asked::Rerank(None)) => Self::Ranks(Ranks::Jina),
            Some(Asked::Relay(relayed)) => Self::Relayed(*relayed),
            // A count or a list uses nothing, and what is unknown may use anything.
            Some(
                Asked::Count { .. }
                | Asked::Models(_)
                | Asked::Model(..)
                | Asked::Shelved(_)
                | Asked::Machine(_)
                | Asked::Through(_)
                | Asked::Live(_)
                | Asked::Opening(_)
                | Asked::Health,
            )
            | None => Self::Any,
        }
    }

    fn usage(self, json: &[u8]) -> Option<Usage> {
        match self {
            Self::Relayed(relayed) => relayed.find_usage(json),
            Self::Vectors(form) => form.find_usage(json),
            Self::Ranks(form) => form.find_usage(json),
            Self::Dialect(dialect) => codec(dialect).find_usage(json),
            Self::Any | Self::Batch => {
                let told = |dialect: Dialect| codec(dialect).find_usage(json);
                Dialect::ALL.into_iter().filter_map(told).find(|usage| usage.total() > 0)
            }
        }
    }

    /// The usage in an answer's end: what stands last there says it for the whole.
    pub(super) fn usage_at_the_end(self, tail: &[u8]) -> Option<Usage> {
        self.usage(tail).or_else(|| {
            let words: [&[u8]; 2] = [b"\"usage\"", b"\"usageMetadata\""];
            let last = words.iter().filter_map(|word| memmem::rfind(tail, word)).max()?;
            self.usage(tail.get(last..)?)
        })
    }
}

/// An answer that goes through untouched.
#[derive(Debug)]
pub struct Hearing {
    meter: Meter,
    find: Find,
    ear: Ear,
    first: Vec<u8>,
    /// The model that the end of the answer names.
    model: Option<String>,
    mask: Option<Mask>,
}

#[derive(Debug)]
enum Ear {
    Events(sse::Parser),
    /// The last pieces, not much more than [`TAIL`] bytes.
    Tail(VecDeque<Bytes>, usize),
    /// Lines, of which the last is not whole yet, and what all of them used.
    Lines(Vec<u8>, Usage),
}

impl Hearing {
    /// An answer in about this dialect, as events or whole, that hides a secret if given one.
    #[must_use]
    pub fn new(dialect: Dialect, find: Find, event_stream: bool, secret: Option<&Secret>) -> Self {
        let ear = if find == Find::Batch {
            Ear::Lines(Vec::new(), Usage::default())
        } else if event_stream {
            Ear::Events(sse::Parser::new(LARGEST_EVENT))
        } else {
            Ear::Tail(VecDeque::new(), 0)
        };
        let spoken = if let Find::Dialect(spoken) = find { spoken } else { dialect };
        let (meter, mask) = (Meter::new(spoken, event_stream), secret.and_then(Mask::of));
        Self { meter, find, ear, first: Vec::new(), model: None, mask }
    }

    /// How its usage is found.
    #[must_use]
    pub const fn find(&self) -> Find {
        self.find
    }

    /// Listens to a piece of the answer.
    pub fn listen(&mut self, chunk: Option<&Bytes>, end: bool, now: Instant) {
        let Self { meter, find, ear, first, model, .. } = self;
        if let Some(chunk) = chunk {
            meter.touch(now);
            let room = FIRST.saturating_sub(first.len());
            first.extend_from_slice(chunk.get(..chunk.len().min(room)).unwrap_or_default());
        }
        match ear {
            Ear::Events(frames) => {
                // Completions can be counted, should nothing be told.
                let completions = matches!(find, Find::Dialect(_));
                if let Some(chunk) = chunk.filter(|_| completions) {
                    meter.chunk(chunk, now);
                }
                let mut hear = |frame: sse::Frame<'_>| match find.usage(&frame.data) {
                    Some(_) if completions => meter.frame(&frame.data),
                    Some(usage) => meter.told(&usage),
                    None => {}
                };
                // What cannot be framed goes through all the same; only its usage is not seen.
                let _ = chunk.map_or(Ok(()), |chunk| frames.push(chunk, &mut hear));
                if end {
                    let _ = frames.finish(hear);
                }
            }
            Ear::Lines(line, sum) => {
                let mut rest = chunk.map_or(&[][..], |chunk| chunk);
                while let Some(at) = memchr::memchr(b'\n', rest) {
                    line.extend_from_slice(rest.get(..at).unwrap_or_default());
                    hear_line(*find, line, sum);
                    line.clear();
                    rest = rest.get(at + 1..).unwrap_or_default();
                }
                // A line that long is no answer of a model.
                if line.len() + rest.len() <= LARGEST_EVENT {
                    line.extend_from_slice(rest);
                }
                if end {
                    hear_line(*find, line, sum);
                    line.clear();
                }
                if sum.total() > 0 {
                    meter.batched(sum);
                }
            }
            Ear::Tail(pieces, held) => {
                if let Some(chunk) = chunk {
                    *held += chunk.len();
                    pieces.push_back(chunk.clone());
                }
                while pieces.front().is_some_and(|first| *held - first.len() >= TAIL) {
                    *held -= pieces.pop_front().map_or(0, |first| first.len());
                }
                if end {
                    let tail: Vec<u8> = pieces.drain(..).flatten().collect();
                    if let Some(usage) = find.usage_at_the_end(&tail) {
                        meter.told(&usage);
                    }
                    *model = model_in(&tail);
                }
            }
        }
    }

    /// Turns a piece of the answer into what the client gets of it.
    pub fn speak(&mut self, body: &mut Option<Bytes>, end: bool) {
        if let Some(mask) = &mut self.mask {
            mask.pass(body, end);
        }
    }

    /// The model that the answer names.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        model_in(&self.first).or_else(|| self.model.clone())
    }

    /// What the meter saw.
    #[must_use]
    pub fn into_metered(self) -> Metered {
        self.meter.finish()
    }
}

/// Adds what one answer of a batch used; a file of something else has none.
fn hear_line(find: Find, line: &[u8], sum: &mut Usage) {
    static CUSTOM: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"custom_id\""));
    if CUSTOM.is_in(line)
        && let Some(usage) = find.usage_at_the_end(line)
    {
        sum.add(&usage);
    }
}

/// The model that a part of a body names, in whatever dialect.
#[must_use]
pub fn model_in(bytes: &[u8]) -> Option<String> {
    static MODEL: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"model\""));
    static VERSION: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"modelVersion\""));
    const LONGEST: usize = 256;
    let named = |value: &[u8]| {
        let end = value.get(1..)?.iter().position(|byte| *byte == b'"')? + 2;
        let text = std::str::from_utf8(value.get(..end)?).ok()?;
        let named = json::parse(text.as_bytes()).ok()?.as_str().map(str::to_owned);
        named.filter(|name| !name.is_empty() && name.len() <= LONGEST)
    };
    MODEL.values(bytes).chain(VERSION.values(bytes)).find_map(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(find: Find, body: &[u8]) -> Option<Usage> {
        let mut hearing = Hearing::new(Dialect::OpenaiChat, find, false, None);
        let now = crate::clock::now();
        for piece in body.chunks(1000) {
            hearing.listen(Some(&Bytes::copy_from_slice(piece)), false, now);
        }
        hearing.listen(None, true, now);
        hearing.into_metered().usage
    }

    #[test]
    fn usage_is_found_at_the_end_of_whatever_length() {
        let filler = "x".repeat(3 * TAIL);
        let chat = format!(
            r#"{{"model":"m","choices":[{{"text":"{filler}"}}],"usage":{{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}}}"#
        );
        let messages = format!(r#"{{"content":"{filler}","usage":{{"input_tokens":3,"output_tokens":4}}}}"#);
        let gemini = format!(
            r#"[{{"x":"{filler}","usageMetadata":{{"promptTokenCount":1,"totalTokenCount":1}}}},{{"usageMetadata":{{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7}}}}]"#
        );
        for body in [chat, messages, gemini] {
            let usage = heard(Find::Any, body.as_bytes()).unwrap();
            assert_eq!((usage.total_input(), usage.total_output()), (3, 4));
        }
        assert_eq!(heard(Find::Any, b"no JSON at all"), None);
    }

    #[test]
    fn a_model_is_named_by_its_own_key_alone() {
        assert_eq!(
            model_in(br#"{"messages":[{"content":"\"model\":\"x\""}],"model":"gpt-4o"}"#).as_deref(),
            Some("gpt-4o")
        );
        assert_eq!(model_in(br#"{"modelVersion":"gemini-2.5-flash"#), None);
        assert_eq!(model_in(br#"{"a":{"modelVersion":"g"}}"#).as_deref(), Some("g"));
        assert_eq!(model_in(br#"{"model":{"id":"x"}}"#), None);
    }
}
