//! An upstream's chunks → events.
//!
//! What vendors do to this format is wide: a first chunk without choices (Azure), usage in every
//! chunk or inside a choice, calls whole or in shreds, numbers and ids missing, ends said twice or
//! never, errors in the middle. All of it becomes events in the order of `ir::grammar`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dialect::StreamParser;
use crate::dialect::openai_chat::reasoning::{self, Details, ThinkingBlock};
use crate::dialect::openai_chat::reply::{citation, image_block, logprobs};
use crate::dialect::openai_chat::types::{OWN, filled, parse_finish, service_tier, stop_sequence};
use crate::dialect::openai_chat::{content, error, extras, tools, usage};
use crate::fault::Fault;
use crate::ir::{Block, Content, Delta, Event, Extras, Media, Opening, Reasoning, Signature, Source, Usage};
use crate::refusal::Kind;
use crate::wire::json::{self, Json};

use super::calls::Calls;

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
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Before,
    Running,
    /// A fault was said; only the end is owed.
    Failed,
    Ended,
}

/// Where events go, and how blocks are numbered.
pub(super) struct Out<'e> {
    next: &'e mut u32,
    events: &'e mut Vec<Event>,
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

    fn whole(&mut self, candidate: u32, block: Block) {
        let index = self.open(candidate, Opening::Whole(Box::new(block)));
        self.stop(index);
    }
}

/// The members of a chunk that are read, or that say nothing of the answer.
const CHUNK: [&str; 8] =
    ["id", "object", "created", "model", "choices", "usage", "service_tier", "obfuscation"];

impl StreamParser for Parser {
    fn push(&mut self, event: Option<&str>, data: &[u8], events: &mut Vec<Event>) {
        let data = data.trim_ascii();
        if matches!(self.phase, Phase::Failed | Phase::Ended) || data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            self.end(events);
            return;
        }
        let Ok(chunk) = json::parse(data) else {
            let message = "the provider sent an event that is not valid JSON";
            self.fail(Fault::new(Kind::BadGateway, message), events);
            return;
        };
        if !chunk.is_object() {
            return;
        }
        if let Some(fault) = error::in_stream(event, &chunk) {
            self.usage(&chunk, events);
            self.fail(fault, events);
            return;
        }
        self.chunk(&chunk, events);
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        match self.phase {
            Phase::Ended => return,
            Phase::Failed => {}
            Phase::Before | Phase::Running => {
                self.settle(events);
                if self.choices.iter().any(|choice| choice.finished) {
                    self.end(events);
                    return;
                }
                let message = "the provider's answer ended early";
                self.fail(Fault::new(Kind::BadGateway, message), events);
            }
        }
        self.phase = Phase::Ended;
        events.push(Event::End);
    }
}

impl Parser {
    fn chunk(&mut self, chunk: &Json<'_>, events: &mut Vec<Event>) {
        let choices = chunk.get("choices").map(Json::elements).unwrap_or_default();
        if choices.is_empty() && self.phase == Phase::Before && chunk.field("usage").is_none() {
            // Azure's verdict on the prompt, which comes before the answer has a name.
            extras::keep_compact(chunk, &CHUNK, "", &mut self.early);
            return;
        }
        self.start(Some(chunk), events);
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
        events.push(Event::Start {
            id: text("id"),
            model: text("model"),
            created: created.filter(|seconds| *seconds > 0),
            service_tier: text("service_tier").as_deref().map(service_tier),
            extras,
        });
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
            choice.close(&mut out);
        }
        self.phase = Phase::Ended;
        events.push(Event::End);
    }

    fn fail(&mut self, fault: Fault, events: &mut Vec<Event>) {
        self.phase = Phase::Failed;
        events.push(Event::Fault(fault));
    }
}

/// One answer among several.
#[derive(Debug, Default)]
struct Choice {
    number: u32,
    /// The open block of words, and what they are.
    open: Option<(u32, Speech)>,
    calls: Calls,
    details: Details,
    /// Whether thought came as plain text, which details then only repeat.
    plain: bool,
    audio: Option<Audio>,
    /// An end that came together with content, after which some vendors send more.
    waiting: Option<(String, Option<String>)>,
    finished: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    Text,
    Reasoning,
    Refusal,
}

#[derive(Debug, Default)]
struct Audio {
    data: Vec<u8>,
    transcript: String,
    id: Option<String>,
    expires_at: Option<u64>,
}

fn choice(choices: &mut Vec<Choice>, number: u32) -> &mut Choice {
    let place = choices.iter().position(|choice| choice.number == number);
    let place = place.unwrap_or_else(|| {
        choices.push(Choice { number, ..Choice::default() });
        choices.len() - 1
    });
    // The place was found or made just now.
    #[allow(clippy::indexing_slicing)]
    &mut choices[place]
}

impl Choice {
    fn push(&mut self, value: &Json<'_>, out: &mut Out<'_>) {
        if self.finished {
            return;
        }
        let before = out.events.len();
        if let Some(delta) = value.field("delta").or_else(|| value.field("message")) {
            self.delta(delta, out);
        } else if let Some(text) = filled(value.get("text").and_then(Json::as_str)) {
            self.say(Speech::Text, text, out);
        }
        if let Some(json) = logprobs(value) {
            out.events.push(Event::Logprobs { candidate: self.number, json });
        }
        let grew = out.events.len() > before;
        let word = filled(value.get("finish_reason").and_then(Json::as_str));
        if let Some(word) = word.filter(|word| *word != "null") {
            let stop = stop_sequence(value).map(str::to_owned);
            self.waiting = Some((word.to_owned(), stop));
        }
        if !grew {
            self.settle(out);
        }
    }

    fn delta(&mut self, delta: &Json<'_>, out: &mut Out<'_>) {
        self.think(delta, out);
        match delta.field("content") {
            Some(value) if value.is_array() => self.parts(value, out),
            Some(value) => {
                if let Some(text) = filled(value.as_str()) {
                    self.say(Speech::Text, text, out);
                }
            }
            None => {}
        }
        if let Some(text) = filled(delta.get("refusal").and_then(Json::as_str)) {
            self.say(Speech::Refusal, text, out);
        }
        if let Some(seal) = tools::seal(delta) {
            let block = self.word_block(Speech::Text, out);
            out.delta(block, Delta::Signature(seal));
        }
        for annotation in items(delta, "annotations") {
            let block = self.word_block(Speech::Text, out);
            out.delta(block, Delta::Citation(citation(annotation)));
        }
        for image in items(delta, "images").iter().filter_map(image_block) {
            self.close_words(out);
            out.whole(self.number, image);
        }
        if let Some(audio) = delta.field("audio") {
            self.audio.get_or_insert_default().take(audio);
        }
        for call in items(delta, "tool_calls") {
            self.close_words(out);
            self.calls.push(self.number, call, out);
        }
        if let Some(call) = delta.field("function_call") {
            self.close_words(out);
            self.calls.push(self.number, call, out);
        }
    }

    fn think(&mut self, delta: &Json<'_>, out: &mut Out<'_>) {
        let mut blocks = false;
        for thinking in reasoning::thinking_blocks(delta) {
            blocks = true;
            match thinking {
                ThinkingBlock::Thinking(text, seal) => {
                    if !text.is_empty() {
                        self.say(Speech::Reasoning, text, out);
                    }
                    if let Some(seal) = seal {
                        let block = self.word_block(Speech::Reasoning, out);
                        out.delta(block, Delta::Signature(seal));
                        self.close_words(out);
                    }
                }
                ThinkingBlock::Redacted(seal) => {
                    self.close_words(out);
                    out.whole(self.number, redacted(seal));
                }
            }
        }
        self.plain |= blocks;
        self.details.take(delta);
        if blocks {
            return;
        }
        if let Some(text) = reasoning::text(delta) {
            self.plain = true;
            self.say(Speech::Reasoning, text, out);
        } else if !self.plain {
            let mut fresh = Details::default();
            fresh.take(delta);
            let text = fresh.text();
            if !text.is_empty() {
                self.say(Speech::Reasoning, &text, out);
            }
        }
    }

    /// Mistral's list of parts.
    fn parts(&mut self, list: &Json<'_>, out: &mut Out<'_>) {
        for part in list.elements() {
            let text = part.as_str().or_else(|| part.get("text")?.as_str());
            match part.get("type").and_then(Json::as_str) {
                Some("thinking") => {
                    let text = content::thinking_text(part);
                    if !text.is_empty() {
                        self.say(Speech::Reasoning, &text, out);
                    }
                }
                Some("text" | "output_text") | None => {
                    if let Some(text) = filled(text) {
                        self.say(Speech::Text, text, out);
                    }
                }
                Some("image_url") => {
                    self.close_words(out);
                    if let Some(image) = image_block(part) {
                        out.whole(self.number, image);
                    }
                }
                Some(kind) => {
                    self.close_words(out);
                    out.whole(self.number, content::opaque(kind, part));
                }
            }
        }
    }

    fn say(&mut self, speech: Speech, text: &str, out: &mut Out<'_>) {
        let block = self.word_block(speech, out);
        let text = text.to_owned();
        out.delta(
            block,
            match speech {
                Speech::Text => Delta::Text(text),
                Speech::Reasoning => Delta::Reasoning(text),
                Speech::Refusal => Delta::Refusal(text),
            },
        );
    }

    /// The open block for such words, opened now if it is not.
    fn word_block(&mut self, speech: Speech, out: &mut Out<'_>) -> u32 {
        if let Some((block, open)) = self.open
            && open == speech
        {
            return block;
        }
        self.close_words(out);
        self.calls.close_complete(out);
        let opening = match speech {
            Speech::Text => Opening::Text,
            Speech::Reasoning => Opening::Reasoning,
            Speech::Refusal => Opening::Refusal,
        };
        let block = out.open(self.number, opening);
        self.open = Some((block, speech));
        block
    }

    fn close_words(&mut self, out: &mut Out<'_>) {
        let Some((block, speech)) = self.open.take() else {
            return;
        };
        if speech == Speech::Reasoning
            && let Some(seal) = self.details.seal()
        {
            out.delta(block, Delta::Signature(seal));
        }
        out.stop(block);
    }

    fn close(&mut self, out: &mut Out<'_>) {
        self.close_words(out);
        if let Some(seal) = self.details.seal() {
            let block = out.open(self.number, Opening::Reasoning);
            out.delta(block, Delta::Signature(seal));
            out.stop(block);
        }
        if let Some(audio) = self.audio.take() {
            out.whole(self.number, audio.block());
        }
        self.calls.close_all(self.number, out);
    }

    fn settle(&mut self, out: &mut Out<'_>) {
        let Some((word, stop)) = self.waiting.take() else {
            return;
        };
        self.close(out);
        self.finished = true;
        let finish = parse_finish(&word, !self.calls.is_empty(), stop.as_deref());
        out.events.push(Event::Finish { candidate: self.number, finish });
    }
}

fn items<'j, 'a>(delta: &'j Json<'a>, key: &str) -> &'j [Json<'a>] {
    delta.get(key).map(Json::elements).unwrap_or_default()
}

fn redacted(seal: Signature) -> Block {
    Block::new(Content::Reasoning(Reasoning { text: String::new(), redacted: Some(seal) }))
}

impl Audio {
    /// Each piece is base64 of its own, so the bytes are joined and not the text.
    fn take(&mut self, audio: &Json<'_>) {
        let text = |key: &str| audio.get(key).and_then(Json::as_str);
        if let Some(data) = text("data")
            && let Ok(bytes) = STANDARD.decode(data)
        {
            self.data.extend_from_slice(&bytes);
        }
        self.transcript.push_str(text("transcript").unwrap_or_default());
        if let Some(id) = text("id") {
            self.id = Some(id.to_owned());
        }
        let expires_at = audio.get("expires_at").and_then(Json::as_u64);
        self.expires_at = expires_at.or(self.expires_at);
    }

    fn block(self) -> Block {
        let media = Media::new(Source::Base64(STANDARD.encode(&self.data)), None);
        let mut block = Block::new(Content::Audio(media));
        if let Some(id) = self.id {
            block.extras.push(OWN, "id", &json::string(&id));
        }
        if let Some(time) = self.expires_at {
            block.extras.push(OWN, "expires_at", &time.to_string());
        }
        if !self.transcript.is_empty() {
            let transcript = json::string(&self.transcript);
            block.extras.push(OWN, "transcript", &transcript);
        }
        block
    }
}
