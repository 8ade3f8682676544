//! An upstream's stream → events.
//!
//! Blocks have no start but those of tools and pictures: what a delta holds opens them. Usage comes
//! last, behind the reason for which the answer ended.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dialect::StreamParser;
use crate::dialect::bedrock_converse::content::read;
use crate::dialect::bedrock_converse::types::{DIALECT, after_calls, parse_finish};
use crate::dialect::bedrock_converse::{error, reply, usage};
use crate::dialect::mould::Mould;
use crate::dialect::tool_names::unmarked;
use crate::fault::Fault;
use crate::ir::{
    Block, Content, Delta, Event, Extras, Finish, Media, Opening, Reasoning, Source, ToolKind, unseal_id,
};
use crate::refusal::Kind;
use crate::wire::json::{self, Json};

/// Reads one stream.
#[derive(Debug, Default)]
pub(in super::super) struct Parser {
    phase: Phase,
    /// Whether a tool of the client's was called.
    called: bool,
    /// The number of the next block.
    next: u32,
    open: Vec<Open>,
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
    /// A call, and whether arguments came.
    Call { index: u32, grown: bool },
    /// A thought that only its issuer can read, as its bytes come.
    Redacted(Vec<u8>),
    /// The call of a tool that the provider runs: its start, and the input that grew.
    ServedCall { start: String, input: String },
    /// What such a tool answered: its start, and the parts that came.
    ServedResult { start: String, parts: Vec<String> },
    /// A picture: its format, and its bytes as they come.
    Image { format: String, bytes: Vec<u8> },
}

impl StreamParser for Parser {
    fn push(&mut self, event: Option<&str>, data: &[u8], events: &mut Vec<Event>) {
        let name = event.unwrap_or_default();
        if self.phase == Phase::Ended || self.is_usual(name, data, events) {
            return;
        }
        self.usual = None;
        if is_exception(name) {
            self.fail(error::read_exception(name, data), events);
            return;
        }
        let Ok(json) = json::parse(data) else {
            let message = "the provider sent an event that is not JSON";
            self.fail(Fault::new(Kind::BadGateway, message), events);
            return;
        };
        match name {
            "messageStart" => self.ensure_started(events),
            "contentBlockStart" => self.block_start(&json, events),
            "contentBlockDelta" => {
                let before = events.len();
                self.block_delta(&json, events);
                self.usual = match events.get(before..) {
                    Some([Event::Delta { index, delta: Delta::Text(_) }]) => mould(data, &json, *index),
                    _ => None,
                };
            }
            "contentBlockStop" => self.block_stop(place(&json), events),
            "messageStop" => self.message_stop(&json, events),
            "metadata" => self.metadata(&json, events),
            _ => {}
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        match self.phase {
            Phase::Ended => {}
            Phase::Finished => self.end(events),
            Phase::Before | Phase::Running => {
                let message = "the provider's stream ended early";
                self.fail(Fault::new(Kind::BadGateway, message), events);
            }
        }
    }
}

/// Whether a message is named after a failure and not after an event.
pub(in super::super) fn is_exception(name: &str) -> bool {
    ["Exception", "Error", "Failure", "Fault"].iter().any(|end| name.ends_with(end))
}

impl Parser {
    /// Reads an event that is like the one before it but for its words and its padding.
    fn is_usual(&self, name: &str, data: &[u8], events: &mut Vec<Event>) -> bool {
        let Some((mould, index)) = &self.usual else { return false };
        if name != "contentBlockDelta" {
            return false;
        }
        let Some(text) = mould.text(data) else { return false };
        grow(*index, Delta::Text(text), events);
        true
    }

    fn ensure_started(&mut self, events: &mut Vec<Event>) {
        if self.phase == Phase::Before {
            self.phase = Phase::Running;
            events.push(Event::Start {
                id: None,
                model: None,
                created: None,
                service_tier: None,
                extras: Extras::NONE,
            });
        }
    }

    fn begin(&mut self, opening: Opening, events: &mut Vec<Event>) -> u32 {
        let index = self.next;
        self.next += 1;
        events.push(Event::BlockStart { index, candidate: 0, opening });
        index
    }

    fn whole(&mut self, content: Content, events: &mut Vec<Event>) {
        let index = self.begin(Opening::Whole(Box::new(Block::new(content))), events);
        events.push(Event::BlockStop { index });
    }

    fn block_start(&mut self, json: &Json<'_>, events: &mut Vec<Event>) {
        self.ensure_started(events);
        let Some(start) = json.field("start").filter(|_| self.phase == Phase::Running) else { return };
        let place = place(json);
        self.block_stop(place, events);
        let text =
            |of: &Json<'_>, key: &str| of.field(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        let state = if let Some(call) = start.field("toolUse") {
            if matches!(call.field("type").and_then(Json::as_str), None | Some("tool_use")) {
                self.called = true;
                let (id, seal) =
                    unseal_id(call.field("toolUseId").and_then(Json::as_str).unwrap_or_default());
                let opening = Opening::ToolCall {
                    id: id.to_owned(),
                    name: unmarked(&text(call, "name")).to_owned(),
                    kind: ToolKind::Function,
                };
                let index = self.begin(opening, events);
                if let Some(seal) = seal {
                    grow(index, Delta::Signature(seal), events);
                }
                State::Call { index, grown: false }
            } else {
                State::ServedCall { start: call.raw().to_owned(), input: String::new() }
            }
        } else if let Some(result) = start.field("toolResult") {
            State::ServedResult { start: result.raw().to_owned(), parts: Vec::new() }
        } else if let Some(image) = start.field("image") {
            State::Image { format: text(image, "format"), bytes: Vec::new() }
        } else if start.field("text").is_some() {
            // Some gateways that speak this dialect start their texts too.
            State::Text(self.begin(Opening::Text, events))
        } else {
            return;
        };
        self.open.push(Open { place, state });
    }

    fn block_delta(&mut self, json: &Json<'_>, events: &mut Vec<Event>) {
        if matches!(self.phase, Phase::Finished | Phase::Ended) {
            return;
        }
        let Some(delta) = json.field("delta") else { return };
        let place = place(json);
        self.ensure_started(events);
        self.make_room(place, delta, events);
        let Some(open) = self.open.iter_mut().find(|open| open.place == place) else { return };
        let text = |path: &[&str]| delta.at(path).and_then(Json::as_str);
        match &mut open.state {
            State::Text(index) => {
                if let Some(text) = text(&["text"]) {
                    grow(*index, Delta::Text(text.to_owned()), events);
                }
                if let Some(citation) = delta.field("citation") {
                    grow(*index, Delta::Citation(read::citation(citation)), events);
                }
            }
            State::Thinking(index) => {
                if let Some(text) = text(&["reasoningContent", "text"]) {
                    grow(*index, Delta::Reasoning(text.to_owned()), events);
                }
                if let Some(seal) = delta.field("reasoningContent").and_then(read::signature) {
                    grow(*index, Delta::Signature(seal), events);
                }
            }
            State::Call { index, grown } => {
                if let Some(piece) = text(&["toolUse", "input"]).filter(|piece| !piece.is_empty()) {
                    *grown = true;
                    grow(*index, Delta::Arguments(piece.to_owned()), events);
                }
            }
            State::Redacted(bytes) => {
                let piece = text(&["reasoningContent", "redactedContent"]);
                bytes.extend(piece.and_then(|piece| STANDARD.decode(piece).ok()).unwrap_or_default());
            }
            State::ServedCall { input, .. } => {
                input.push_str(text(&["toolUse", "input"]).unwrap_or_default());
            }
            State::ServedResult { parts, .. } => {
                let told = delta.field("toolResult").map(Json::elements).unwrap_or_default();
                parts.extend(told.iter().map(|part| part.raw().to_owned()));
            }
            State::Image { bytes, .. } => {
                let piece = text(&["image", "source", "bytes"]);
                bytes.extend(piece.and_then(|piece| STANDARD.decode(piece).ok()).unwrap_or_default());
            }
        }
    }

    /// Opens the block that a delta belongs to, if it is not: by what the delta holds. A block of
    /// another kind that is open in its place ends.
    fn make_room(&mut self, place: u64, delta: &Json<'_>, events: &mut Vec<Event>) {
        let thought = delta.field("reasoningContent");
        let redacted = thought.is_some_and(|thought| thought.field("redactedContent").is_some());
        let says = delta.field("text").is_some() || delta.field("citation").is_some();
        let fits = self.open.iter().find(|open| open.place == place).map(|open| match open.state {
            State::Text(_) => says,
            State::Thinking(_) => thought.is_some() && !redacted,
            State::Redacted(_) => redacted,
            State::Call { .. }
            | State::ServedCall { .. }
            | State::ServedResult { .. }
            | State::Image { .. } => true,
        });
        if fits == Some(true) {
            return;
        }
        if thought.is_none() && !says {
            return;
        }
        self.block_stop(place, events);
        let state = if redacted {
            State::Redacted(Vec::new())
        } else if thought.is_some() {
            State::Thinking(self.begin(Opening::Reasoning, events))
        } else {
            State::Text(self.begin(Opening::Text, events))
        };
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
            State::Text(index) | State::Thinking(index) => events.push(Event::BlockStop { index }),
            State::Call { index, grown } => {
                if !grown {
                    grow(index, Delta::Arguments("{}".to_owned()), events);
                }
                events.push(Event::BlockStop { index });
            }
            State::Redacted(bytes) => {
                let seal = read::redacted(&STANDARD.encode(bytes));
                self.whole(
                    Content::Reasoning(Reasoning { text: String::new(), redacted: Some(seal) }),
                    events,
                );
            }
            State::ServedCall { start, input } => {
                let input = if json::validate(input.as_bytes()).is_ok() { input } else { "{}".to_owned() };
                self.served("toolUse", &start, "input", &input, events);
            }
            State::ServedResult { start, parts } => {
                let parts = format!("[{}]", parts.join(","));
                self.served("toolResult", &start, "content", &parts, events);
            }
            State::Image { format, bytes } => {
                let source = Source::Base64(STANDARD.encode(bytes));
                let media = Media::new(source, Some(format!("image/{format}")));
                self.whole(Content::Image(media), events);
            }
        }
    }

    /// Tells a block of the provider's own tool, whole: its start with what grew.
    fn served(&mut self, name: &str, start: &str, key: &str, value: &str, events: &mut Vec<Event>) {
        let mut whole = Vec::with_capacity(start.len() + value.len() + 32);
        json::object(&mut whole, |o| {
            o.object(name, |o| {
                if let Ok(start) = json::parse(start.as_bytes()) {
                    start.entries().iter().for_each(|(key, value)| o.raw(key, value.raw()));
                }
                o.raw(key, value);
            });
        });
        let json = String::from_utf8(whole).unwrap_or_default();
        self.whole(Content::Opaque { dialect: DIALECT, name: name.to_owned(), json, words: None }, events);
    }

    fn message_stop(&mut self, json: &Json<'_>, events: &mut Vec<Event>) {
        self.ensure_started(events);
        if self.phase != Phase::Running {
            return;
        }
        self.close_all(events);
        let extras = reply::extras(json, &["stopReason"]);
        if !extras.is_empty() {
            events.push(Event::Extras { candidate: None, extras });
        }
        let word = json.field("stopReason").and_then(Json::as_str).unwrap_or_default();
        let finish: Finish = parse_finish(word, reply::met(json));
        let finish = if self.called { after_calls(finish) } else { finish };
        self.phase = Phase::Finished;
        events.push(Event::Finish { candidate: 0, finish });
    }

    fn metadata(&mut self, json: &Json<'_>, events: &mut Vec<Event>) {
        self.ensure_started(events);
        if let Some(used) = json.field("usage").filter(|used| used.is_object()) {
            events.push(Event::Usage(usage::parse(used)));
        }
        // The tier that has served comes when the answer is over, and only this dialect tells it then.
        let extras = reply::extras(json, &["usage"]);
        if !extras.is_empty() {
            events.push(Event::Extras { candidate: None, extras });
        }
        if self.phase == Phase::Finished {
            self.end(events);
        }
    }

    fn close_all(&mut self, events: &mut Vec<Event>) {
        for open in std::mem::take(&mut self.open) {
            self.close(open.state, events);
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        events.push(Event::End);
        self.phase = Phase::Ended;
    }

    fn fail(&mut self, fault: Fault, events: &mut Vec<Event>) {
        events.push(Event::Fault(fault));
        events.push(Event::End);
        self.phase = Phase::Ended;
    }
}

/// The upstream's number of a block.
fn place(json: &Json<'_>) -> u64 {
    json.field("contentBlockIndex").and_then(Json::as_u64).unwrap_or_default()
}

/// The shape of an event that did nothing but say words.
fn mould(data: &[u8], json: &Json<'_>, index: u32) -> Option<(Mould, u32)> {
    Some((Mould::of(data, json.at(&["delta", "text"])?, json.field("p"))?, index))
}

/// Grows a block, unless by nothing.
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
