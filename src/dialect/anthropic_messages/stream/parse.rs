//! An upstream's stream → events.

use crate::dialect::StreamParser;
use crate::dialect::anthropic_messages::content::read;
use crate::dialect::anthropic_messages::types::{DIALECT, after_calls, parse_finish};
use crate::dialect::anthropic_messages::{error, reply, usage};
use crate::dialect::mould::Mould;
use crate::fault::Fault;
use crate::ir::{Block, Content, Delta, Event, Finish, Opening, ToolKind};
use crate::refusal::Kind;
use crate::wire::json::{self, Json};
use crate::wire::lens::{Edit, Lens};

/// Reads one stream.
#[derive(Debug, Default)]
pub(in super::super) struct Parser {
    phase: Phase,
    /// Whether a tool was called.
    called: bool,
    /// The number of the next block.
    next: u32,
    open: Vec<Open>,
    /// Why it will have ended, said at the start of an answer that came at once.
    foretold: Option<Finish>,
    /// The shape of the last event that did nothing but say words, and the words' block.
    usual: Option<(Mould, u32)>,
}

/// How far the stream has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Before,
    Running,
    /// The answer is complete; only its usage may still come.
    Finished,
    Ended,
}

/// A block that is open.
#[derive(Debug)]
struct Open {
    /// Its number in the upstream's words.
    place: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Text, and the hub's number for it.
    Text(u32),
    /// Thinking.
    Thinking(u32),
    /// A call, and the arguments that came with its start; deltas take their place.
    Call { index: u32, whole: Option<String>, grown: bool },
    /// A block that is kept whole once it is: as it started, and the input that grew.
    Opaque { block: Block, input: String },
    /// Nothing more comes of it.
    Done,
}

impl StreamParser for Parser {
    fn push(&mut self, event: Option<&str>, data: &[u8], events: &mut Vec<Event>) {
        let data = data.trim_ascii();
        if self.phase == Phase::Ended || data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            self.stop(events);
            return;
        }
        if self.is_usual(data, events) {
            return;
        }
        let Ok(json) = json::parse(data) else {
            let message = "the provider sent an event that is not JSON";
            self.fail(Fault::new(Kind::BadGateway, message), events);
            return;
        };
        let word = json.field("type").and_then(Json::as_str).or(event);
        if word != Some("ping") {
            self.usual = None;
        }
        match word {
            Some("message_start") => {
                let message = json.field("message").unwrap_or(&json);
                self.start(message, events);
            }
            Some("content_block_start") => self.block_start(&json, events),
            Some("content_block_delta") => {
                let before = events.len();
                self.block_delta(&json, events);
                self.usual = match events.get(before..) {
                    Some([Event::Delta { index, delta: Delta::Text(_) }]) => mould(data, &json, *index),
                    _ => None,
                };
            }
            Some("content_block_stop") => self.block_stop(place(&json), events),
            Some("message_delta") => self.message_delta(&json, events),
            Some("message_stop") => self.stop(events),
            Some("ping") => events.push(Event::Ping),
            Some("error") => self.fail(error::from_json(200, &json), events),
            // A vendor in front may put its own error in, without a type.
            None if json.field("error").is_some() => {
                self.fail(error::from_json(200, &json), events);
            }
            Some(_) | None => {}
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        match self.phase {
            Phase::Ended => {}
            Phase::Finished => self.stop(events),
            Phase::Before | Phase::Running => {
                let message = "the provider's stream ended early";
                self.fail(Fault::new(Kind::BadGateway, message), events);
            }
        }
    }
}

impl Parser {
    /// Reads an event that is like the one before it but for its words.
    fn is_usual(&self, data: &[u8], events: &mut Vec<Event>) -> bool {
        let Some((mould, index)) = &self.usual else { return false };
        let Some(text) = mould.text(data) else { return false };
        grow(*index, Delta::Text(text), events);
        true
    }

    fn start(&mut self, message: &Json<'_>, events: &mut Vec<Event>) {
        if self.phase != Phase::Before {
            return;
        }
        self.phase = Phase::Running;
        let head = reply::parse_head(message);
        events.push(Event::Start {
            id: head.id,
            model: head.model,
            created: None,
            service_tier: head.service_tier,
            extras: head.extras,
        });
        report_usage(message, events);
        self.foretold = finish_of(message);
        // An answer goes on with the results of tools that ran meanwhile, or comes at once.
        for block in message.field("content").map(Json::elements).unwrap_or_default() {
            self.open_block(AT_ONCE, block, events);
            self.block_stop(AT_ONCE, events);
        }
    }

    /// Starts an answer whose `message_start` never came.
    fn ensure_started(&mut self, events: &mut Vec<Event>) {
        if self.phase == Phase::Before {
            self.phase = Phase::Running;
            events.push(Event::Start {
                id: None,
                model: None,
                created: None,
                service_tier: None,
                extras: crate::ir::Extras::NONE,
            });
        }
    }

    const fn number(&mut self) -> u32 {
        let index = self.next;
        self.next += 1;
        index
    }

    fn begin(&mut self, opening: Opening, events: &mut Vec<Event>) -> u32 {
        let index = self.number();
        events.push(Event::BlockStart { index, candidate: 0, opening });
        index
    }

    fn block_start(&mut self, json: &Json<'_>, events: &mut Vec<Event>) {
        self.ensure_started(events);
        if let Some(start) = json.field("content_block").filter(|_| self.phase == Phase::Running) {
            let place = place(json);
            self.block_stop(place, events);
            self.close_words(events);
            self.open_block(place, start, events);
        }
    }

    /// Closes what a vendor that sends no stops has left open when it goes on to another block.
    fn close_words(&mut self, events: &mut Vec<Event>) {
        self.open.retain(|open| match open.state {
            State::Text(index) | State::Thinking(index) => {
                events.push(Event::BlockStop { index });
                false
            }
            State::Call { .. } | State::Opaque { .. } | State::Done => true,
        });
    }

    fn open_block(&mut self, place: u64, start: &Json<'_>, events: &mut Vec<Event>) {
        let Block { content, cache, signature, extras } = read::block(start);
        let state = match content {
            Content::Text { text, citations } => {
                let index = self.begin(Opening::Text, events);
                grow(index, Delta::Text(text), events);
                for citation in citations {
                    grow(index, Delta::Citation(citation), events);
                }
                State::Text(index)
            }
            Content::Reasoning(thought) if thought.redacted.is_none() => {
                let index = self.begin(Opening::Reasoning, events);
                grow(index, Delta::Reasoning(thought.text), events);
                if let Some(seal) = signature {
                    grow(index, Delta::Signature(seal), events);
                }
                State::Thinking(index)
            }
            Content::ToolCall(call) => {
                self.called = true;
                let opening = Opening::ToolCall { id: call.id, name: call.name, kind: ToolKind::Function };
                let index = self.begin(opening, events);
                if let Some(seal) = signature {
                    grow(index, Delta::Signature(seal), events);
                }
                let whole = Some(call.arguments).filter(|whole| whole != "{}");
                State::Call { index, whole, grown: false }
            }
            content @ Content::Opaque { .. } => {
                let block = Block { content, cache, signature, extras };
                State::Opaque { block, input: String::new() }
            }
            content => {
                let whole = Block { content, cache, signature, extras };
                let index = self.begin(Opening::Whole(Box::new(whole)), events);
                events.push(Event::BlockStop { index });
                State::Done
            }
        };
        self.open.push(Open { place, state });
    }

    fn block_delta(&mut self, json: &Json<'_>, events: &mut Vec<Event>) {
        if self.phase == Phase::Finished {
            return;
        }
        let Some(delta) = json.field("delta") else { return };
        let place = place(json);
        if !self.open.iter().any(|open| open.place == place) {
            self.open_for(place, delta, events);
        }
        let Some(open) = self.open.iter_mut().find(|open| open.place == place) else { return };
        let text = |key: &str| delta.field(key).and_then(Json::as_str).unwrap_or_default();
        let word = delta.field("type").and_then(Json::as_str);
        match (&mut open.state, word) {
            (State::Text(index), Some("text_delta")) => {
                grow(*index, Delta::Text(text("text").to_owned()), events);
            }
            (State::Text(index), Some("citations_delta")) => {
                if let Some(citation) = delta.field("citation") {
                    grow(*index, Delta::Citation(read::citation(citation)), events);
                }
            }
            (State::Thinking(index), Some("thinking_delta")) => {
                grow(*index, Delta::Reasoning(text("thinking").to_owned()), events);
            }
            (State::Thinking(index), Some("signature_delta")) => {
                if let Some(seal) = read::signature(delta) {
                    grow(*index, Delta::Signature(seal), events);
                }
            }
            (State::Call { index, whole, grown }, Some("input_json_delta")) => {
                let piece = text("partial_json");
                if !piece.is_empty() {
                    *whole = None;
                    *grown = true;
                    grow(*index, Delta::Arguments(piece.to_owned()), events);
                }
            }
            (State::Opaque { input, .. }, Some("input_json_delta")) => {
                input.push_str(text("partial_json"));
            }
            (State::Opaque { block, .. }, Some(_)) => merge(block, delta),
            _ => {}
        }
    }

    /// Opens a block whose start never came, by what its delta shows.
    fn open_for(&mut self, place: u64, delta: &Json<'_>, events: &mut Vec<Event>) {
        let word = delta.field("type").and_then(Json::as_str);
        let opening = match word {
            Some("text_delta") => Opening::Text,
            Some("thinking_delta") => Opening::Reasoning,
            _ => return,
        };
        self.ensure_started(events);
        let index = self.begin(opening, events);
        let state = if word == Some("text_delta") { State::Text(index) } else { State::Thinking(index) };
        self.open.push(Open { place, state });
    }

    fn block_stop(&mut self, place: u64, events: &mut Vec<Event>) {
        if let Some(at) = self.open.iter().position(|open| open.place == place) {
            let open = self.open.remove(at);
            self.close(open.state, events);
        }
    }

    fn close(&mut self, state: State, events: &mut Vec<Event>) {
        match state {
            State::Text(index) | State::Thinking(index) => {
                events.push(Event::BlockStop { index });
            }
            State::Call { index, whole, grown } => {
                if !grown {
                    let arguments = whole.unwrap_or_else(|| "{}".to_owned());
                    grow(index, Delta::Arguments(arguments), events);
                }
                events.push(Event::BlockStop { index });
            }
            State::Opaque { mut block, input } => {
                if json::validate(input.as_bytes()).is_ok()
                    && let Content::Opaque { json, .. } = &mut block.content
                {
                    *json = with_input(json, input);
                }
                reword(&mut block);
                let index = self.begin(Opening::Whole(Box::new(block)), events);
                events.push(Event::BlockStop { index });
            }
            State::Done => {}
        }
    }

    fn message_delta(&mut self, json: &Json<'_>, events: &mut Vec<Event>) {
        self.ensure_started(events);
        let delta = json.field("delta").unwrap_or(json);
        if let Some(finish) = finish_of(delta) {
            self.finish_answer(finish, events);
        }
        report_usage(json, events);
    }

    fn finish_answer(&mut self, finish: Finish, events: &mut Vec<Event>) {
        self.close_all(events);
        let finish = if self.called { after_calls(finish) } else { finish };
        if self.phase != Phase::Finished {
            self.phase = Phase::Finished;
            events.push(Event::Finish { candidate: 0, finish });
        }
    }

    fn close_all(&mut self, events: &mut Vec<Event>) {
        for open in std::mem::take(&mut self.open) {
            self.close(open.state, events);
        }
    }

    fn stop(&mut self, events: &mut Vec<Event>) {
        self.ensure_started(events);
        if let Some(finish) = self.foretold.take().filter(|_| self.phase == Phase::Running) {
            self.finish_answer(finish, events);
        }
        self.close_all(events);
        events.push(Event::End);
        self.phase = Phase::Ended;
    }

    fn fail(&mut self, fault: Fault, events: &mut Vec<Event>) {
        events.push(Event::Fault(fault));
        events.push(Event::End);
        self.phase = Phase::Ended;
    }
}

/// The place of a block that came whole inside `message_start`.
const AT_ONCE: u64 = u64::MAX;

/// The upstream's number of a block.
fn place(json: &Json<'_>) -> u64 {
    json.field("index").and_then(Json::as_u64).unwrap_or_default()
}

/// The shape of an event that did nothing but say words.
fn mould(data: &[u8], json: &Json<'_>, index: u32) -> Option<(Mould, u32)> {
    json.field("type")?;
    Some((Mould::of(data, json.at(&["delta", "text"])?, None)?, index))
}

/// Grows a block, unless by nothing: the first delta of every call is empty.
fn grow(index: u32, delta: Delta, events: &mut Vec<Event>) {
    let is_empty = match &delta {
        Delta::Text(text) | Delta::Reasoning(text) | Delta::Refusal(text) | Delta::Arguments(text) => {
            text.is_empty()
        }
        Delta::Signature(_) | Delta::Citation(_) => false,
    };
    if !is_empty {
        events.push(Event::Delta { index, delta });
    }
}

fn finish_of(json: &Json<'_>) -> Option<Finish> {
    let sequence = json.field("stop_sequence").and_then(Json::as_str);
    let word = json.field("stop_reason").and_then(Json::as_str)?;
    Some(parse_finish(word, sequence))
}

fn report_usage(json: &Json<'_>, events: &mut Vec<Event>) {
    if let Some(used) = json.field("usage").filter(|used| used.is_object()) {
        events.push(Event::Usage(usage::parse(used)));
    }
}

/// A block with the input that came piece by piece.
fn with_input(block: &str, input: String) -> String {
    edited(block, &[Edit::Set { key: "input".into(), value: input }])
}

/// Takes over what a delta of a kind unknown here brings (`compaction_delta` …).
fn merge(block: &mut Block, delta: &Json<'_>) {
    let Content::Opaque { json, dialect: DIALECT, .. } = &mut block.content else { return };
    let news = delta.entries().iter().filter(|(key, value)| key != "type" && !value.is_null());
    let edits: Vec<Edit> = news
        .map(|(key, value)| Edit::Set { key: key.to_string().into(), value: value.raw().to_owned() })
        .collect();
    *json = edited(json, &edits);
}

/// Puts a block in words that has all of its own now.
fn reword(block: &mut Block) {
    if let Content::Opaque { json, name, words, .. } = &mut block.content
        && words.is_none()
        && let Ok(json) = json::parse(json.as_bytes())
    {
        *words = read::words_of(name, &json);
    }
}

fn edited(object: &str, edits: &[Edit]) -> String {
    let edited = Lens::new(object.as_bytes()).ok().map(|lens| lens.apply(edits));
    let edited = edited.and_then(|bytes| String::from_utf8(bytes).ok());
    edited.unwrap_or_else(|| object.to_owned())
}
