//! An upstream's chunks → events.
//!
//! What vendors do to this format is wide: a first chunk without choices (Azure), usage in every
//! chunk or inside a choice, calls whole or in shreds, numbers and ids missing, ends said twice or
//! never, errors in the middle. All of it becomes events in the order of `ir::grammar`.

use crate::dialect::StreamParser;
use crate::dialect::mould::Mould;
use crate::dialect::openai_chat::types::{OWN, filled, service_tier};
use crate::dialect::openai_chat::{extras, reply};
use crate::dialect::phase::Phase;
use crate::dialect::{openai_error as error, openai_usage as usage};
use crate::fault::Fault;
use crate::ir::{Block, Delta, Event, Extras, Opening, Usage};
use crate::refusal::Kind;
use crate::wire::json::{self, Json};

use super::choice::{Choice, Speech, choice};

/// Reads one stream.
#[derive(Debug, Default)]
pub(in crate::dialect::openai_chat) struct Parser {
    phase: Phase,
    /// The number of the next block.
    next: u32,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    /// Members of chunks that came before the first choice.
    early: Extras,
    /// The names of unknown members that were told; chunks repeat them.
    told: Vec<String>,
    /// The shape of the last chunk that did nothing but say words, and the block they were for.
    usual: Option<(Mould, u32, Speech)>,
}

/// Where events go, and how blocks are numbered.
pub(super) struct Out<'e> {
    next: &'e mut u32,
    pub(super) events: &'e mut Vec<Event>,
}

impl Out<'_> {
    pub(super) fn open(&mut self, candidate: u32, opening: Opening) -> u32 {
        let index = *self.next;
        *self.next += 1;
        self.events.push(Event::BlockStart { index, candidate, opening });
        index
    }

    pub(super) fn delta(&mut self, index: u32, delta: Delta) {
        self.events.push(Event::Delta { index, delta });
    }

    pub(super) fn stop(&mut self, index: u32) {
        self.events.push(Event::BlockStop { index });
    }

    pub(super) fn whole(&mut self, candidate: u32, block: Block) {
        let index = self.open(candidate, Opening::Whole(Box::new(block)));
        self.stop(index);
    }
}

/// The members of a chunk that are read, or that say nothing of the answer: OpenAI and Mistral pad
/// their events.
const CHUNK: [&str; 9] =
    ["id", "object", "created", "model", "choices", "usage", "service_tier", "obfuscation", "p"];

impl StreamParser for Parser {
    fn push(&mut self, event: Option<&str>, data: &[u8], events: &mut Vec<Event>) {
        let data = data.trim_ascii();
        if self.phase.is_over() || data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            self.end(events);
            return;
        }
        if event.is_none() && self.is_usual(data, events) {
            return;
        }
        let Ok(chunk) = json::parse(data) else {
            let message = "the provider sent an event that is not valid JSON";
            self.phase.fail(Fault::new(Kind::BadGateway, message), events);
            return;
        };
        if !chunk.is_object() {
            return;
        }
        if let Some(fault) = error::in_stream(event, &chunk) {
            self.usage(&chunk, events);
            self.phase.fail(fault, events);
            return;
        }
        let before = events.len();
        self.chunk(&chunk, events);
        self.usual = match events.get(before..) {
            Some([Event::Delta { index, .. }]) => self.mould(data, &chunk, *index),
            _ => None,
        };
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        if !self.phase.is_over() {
            self.settle(events);
            if self.choices.iter().any(|choice| choice.finished) {
                return self.end(events);
            }
        }
        self.phase.finish(events);
    }
}

impl Parser {
    /// Reads a chunk that is like the one before it but for its words.
    fn is_usual(&mut self, data: &[u8], events: &mut Vec<Event>) -> bool {
        let Some((mould, block, speech)) = &self.usual else { return false };
        let Some(text) = mould.text(data).filter(|text| !text.is_empty()) else { return false };
        events.push(Event::Delta { index: *block, delta: speech.delta(text) });
        true
    }

    /// The shape of a chunk that did nothing but say words.
    fn mould(&self, data: &[u8], chunk: &Json<'_>, block: u32) -> Option<(Mould, u32, Speech)> {
        let [value] = chunk.get("choices").map(Json::elements).unwrap_or_default() else { return None };
        let speech = self.choices.iter().find_map(|choice| choice.speaks(block))?;
        let (mut text, members) = (None, value.get("delta")?.entries());
        for (key, value) in members {
            match value.as_str() {
                Some("") | None if value.is_null() || value.is_string() => {}
                Some(_) if key == "role" => {}
                Some(_) if text.is_none() && speech.is_said_by(key) => text = Some(value),
                _ => return None,
            }
        }
        let padding = chunk.get("obfuscation").or_else(|| chunk.get("p"));
        Some((Mould::of(data, text?, padding)?, block, speech))
    }

    fn chunk(&mut self, chunk: &Json<'_>, events: &mut Vec<Event>) {
        let choices = chunk.get("choices").map(Json::elements).unwrap_or_default();
        if choices.is_empty() && self.phase == Phase::Before && chunk.field("usage").is_none() {
            // Azure's verdict on the prompt, which comes before the answer has a name.
            extras::keep_compact(chunk, &CHUNK, "", &mut self.early);
            return;
        }
        if self.phase == Phase::Before {
            self.start(Some(chunk), events);
        } else {
            self.members(chunk, events);
        }
        let mut sources = reply::sources(chunk).peekable();
        if sources.peek().is_some() {
            choice(&mut self.choices, 0).source(sources);
        }
        for (place, value) in choices.iter().enumerate() {
            let number = value.get("index").and_then(Json::as_u64);
            let number = number.and_then(|number| u32::try_from(number).ok());
            let number = number.unwrap_or_else(|| u32::try_from(place).unwrap_or_default());
            let mut out = Out { next: &mut self.next, events };
            choice(&mut self.choices, number).push(value, &mut out);
        }
        if choices.is_empty() {
            self.settle(events);
        }
        self.usage(chunk, events);
    }

    fn start(&mut self, chunk: Option<&Json<'_>>, events: &mut Vec<Event>) {
        if self.phase != Phase::Before {
            return;
        }
        self.phase = Phase::Running;
        let text = |key: &str| filled(chunk?.get(key)?.as_str()).map(str::to_owned);
        let created = chunk.and_then(|chunk| chunk.get("created")?.as_u64());
        let mut extras = std::mem::take(&mut self.early);
        if let Some(chunk) = chunk {
            extras::keep_compact(chunk, &CHUNK, "", &mut extras);
        }
        self.told.extend(extras.all().iter().map(|extra| extra.name.clone()));
        events.push(Event::Start {
            id: text("id"),
            model: text("model"),
            created: created.filter(|seconds| *seconds > 0),
            service_tier: text("service_tier").as_deref().map(service_tier),
            extras,
        });
    }

    /// Tells of unknown members that no chunk before had.
    fn members(&mut self, chunk: &Json<'_>, events: &mut Vec<Event>) {
        let mut extras = Extras::NONE;
        for (key, value) in chunk.entries() {
            if !CHUNK.contains(&&**key) && !value.is_null() && !self.told.iter().any(|told| told == key) {
                extras.push(OWN, key, &extras::compact(value));
                self.told.push(key.to_string());
            }
        }
        if !extras.is_empty() {
            events.push(Event::Extras { candidate: None, extras });
        }
    }

    fn usage(&mut self, chunk: &Json<'_>, events: &mut Vec<Event>) {
        let Some(usage) = usage::of(chunk) else { return };
        if self.usage != Some(usage) {
            self.start(None, events);
            self.usage = Some(usage);
            events.push(Event::Usage(usage));
        }
    }

    /// Says the ends that waited for more.
    fn settle(&mut self, events: &mut Vec<Event>) {
        let mut out = Out { next: &mut self.next, events };
        for choice in &mut self.choices {
            choice.settle(&mut out);
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        self.start(None, events);
        self.settle(events);
        let mut out = Out { next: &mut self.next, events };
        for choice in &mut self.choices {
            choice.end(&mut out);
        }
        self.phase.end(events);
    }
}
