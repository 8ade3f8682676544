//! An upstream's events → the hub's.

use crate::dialect::cohere_chat::types::{OWN, is_broken, parse_finish};
use crate::dialect::cohere_chat::{citation, error, logprobs, usage};
use crate::dialect::phase::Phase;
use crate::dialect::place::filled;
use crate::dialect::{StreamParser, openai_error, unknown};
use crate::fault::Fault;
use crate::ir::{Block, Content, Delta, Event, Extras, Opening, ToolKind, unseal_id};
use crate::refusal::Kind;
use crate::wire::json::{self, Json};

/// Reads one stream.
#[derive(Debug, Default)]
pub(in crate::dialect::cohere_chat) struct Parser {
    phase: Phase,
    /// The number of the next block.
    next: u32,
    /// The open block. Words stay open after their end was told, since what cites them comes later.
    open: Option<(u32, Speech)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    Text,
    Plan,
    Reasoning,
    Call,
}

impl StreamParser for Parser {
    fn push(&mut self, event: Option<&str>, data: &[u8], events: &mut Vec<Event>) {
        let data = data.trim_ascii();
        if self.phase.is_over() || data.is_empty() || data == b"[DONE]" {
            return;
        }
        let Ok(json) = json::parse(data) else {
            let message = "the provider sent an event that is not valid JSON";
            self.phase.fail(Fault::new(Kind::BadGateway, message), events);
            return;
        };
        if !json.is_object() {
            return;
        }
        let name = json.get("type").and_then(Json::as_str).or(event).unwrap_or_default();
        if let Some(fault) = openai_error::in_stream(Some(name), &json) {
            self.phase.fail(fault, events);
            return;
        }
        if name.is_empty() && json.get("message").is_some_and(Json::is_string) {
            self.phase.fail(openai_error::parse(200, &http::HeaderMap::new(), data), events);
            return;
        }
        self.event(name, &json, events);
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        self.phase.finish(events);
    }
}

impl Parser {
    fn event(&mut self, name: &str, json: &Json<'_>, events: &mut Vec<Event>) {
        let delta = json.field("delta").unwrap_or(json);
        let message = delta.field("message");
        let of = |key: &str| message.and_then(|message| message.field(key));
        self.start(name, json, events);
        match name {
            "content-start" | "content-delta" => {
                if let Some(content) = of("content") {
                    self.content(name == "content-start", content, events);
                }
                if let Some(json) = json.field("logprobs").and_then(logprobs::parse) {
                    events.push(Event::Logprobs { candidate: 0, json });
                }
            }
            "tool-plan-delta" => {
                if let Some(text) = filled(of("tool_plan").and_then(Json::as_str)) {
                    self.say(Speech::Plan, Delta::Text(text.to_owned()), events);
                }
            }
            "tool-call-start" => {
                if let Some(call) = of("tool_calls") {
                    self.call(call.elements().first().unwrap_or(call), events);
                }
            }
            "tool-call-delta" => {
                let more = of("tool_calls")
                    .and_then(|call| call.elements().first().unwrap_or(call).at(&["function", "arguments"]));
                if let (Some(text), Some((index, Speech::Call))) =
                    (filled(more.and_then(Json::as_str)), self.open)
                {
                    events.push(Event::Delta { index, delta: Delta::Arguments(text.to_owned()) });
                }
            }
            "tool-call-end" => self.close(events),
            "citation-start" => {
                if let (Some(cited), Some((index, Speech::Text | Speech::Plan))) =
                    (of("citations"), self.open)
                {
                    let cited = citation::parse(cited.elements().first().unwrap_or(cited));
                    events.push(Event::Delta { index, delta: Delta::Citation(cited) });
                }
            }
            "message-end" => self.end(delta, events),
            // What ends a part tells nothing, and what is not known yet may be passed over.
            _ => {}
        }
    }

    fn start(&mut self, name: &str, json: &Json<'_>, events: &mut Vec<Event>) {
        if self.phase != Phase::Before {
            return;
        }
        self.phase = Phase::Running;
        let id = json.get("id").filter(|_| name == "message-start").and_then(Json::as_str);
        events.push(Event::Start {
            id: filled(id).map(str::to_owned),
            model: None,
            created: None,
            service_tier: None,
            extras: Extras::NONE,
        });
    }

    fn content(&mut self, begins: bool, content: &Json<'_>, events: &mut Vec<Event>) {
        let kind = content.get("type").and_then(Json::as_str);
        if begins {
            self.close(events);
            if !matches!(kind, Some("text" | "thinking") | None) {
                self.whole(kind.unwrap_or_default(), content, events);
                return;
            }
            // A part without words is one all the same.
            let speech = if kind == Some("thinking") { Speech::Reasoning } else { Speech::Text };
            self.open(speech, events);
        }
        if let Some(text) = filled(content.get("thinking").and_then(Json::as_str)) {
            self.say(Speech::Reasoning, Delta::Reasoning(text.to_owned()), events);
        }
        if let Some(text) = filled(content.get("text").and_then(Json::as_str)) {
            self.say(Speech::Text, Delta::Text(text.to_owned()), events);
        }
    }

    fn whole(&mut self, kind: &str, content: &Json<'_>, events: &mut Vec<Event>) {
        let block = Block::new(Content::Opaque {
            dialect: OWN,
            name: kind.to_owned(),
            json: unknown::compact(content),
            words: None,
        });
        let index = self.number();
        events.push(Event::BlockStart { index, candidate: 0, opening: Opening::Whole(Box::new(block)) });
        events.push(Event::BlockStop { index });
    }

    fn say(&mut self, speech: Speech, delta: Delta, events: &mut Vec<Event>) {
        let index = match self.open {
            Some((index, open)) if open == speech => index,
            _ => {
                self.close(events);
                self.open(speech, events)
            }
        };
        events.push(Event::Delta { index, delta });
    }

    fn open(&mut self, speech: Speech, events: &mut Vec<Event>) -> u32 {
        let index = self.number();
        let opening = if speech == Speech::Reasoning { Opening::Reasoning } else { Opening::Text };
        events.push(Event::BlockStart { index, candidate: 0, opening });
        self.open = Some((index, speech));
        index
    }

    fn call(&mut self, call: &Json<'_>, events: &mut Vec<Event>) {
        let word = |path: &[&str]| call.at(path).and_then(Json::as_str).unwrap_or_default().to_owned();
        self.close(events);
        let index = self.number();
        let spelt = word(&["id"]);
        let (id, seal) = unseal_id(&spelt);
        let (id, name) = (id.to_owned(), word(&["function", "name"]));
        let opening = Opening::ToolCall { id, name, kind: ToolKind::Function };
        events.push(Event::BlockStart { index, candidate: 0, opening });
        events.extend(seal.map(|seal| Event::Delta { index, delta: Delta::Signature(seal) }));
        let arguments = word(&["function", "arguments"]);
        if !arguments.is_empty() {
            events.push(Event::Delta { index, delta: Delta::Arguments(arguments) });
        }
        self.open = Some((index, Speech::Call));
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn close(&mut self, events: &mut Vec<Event>) {
        events.extend(self.open.take().map(|(index, _)| Event::BlockStop { index }));
    }

    fn end(&mut self, delta: &Json<'_>, events: &mut Vec<Event>) {
        events.extend(delta.field("usage").and_then(usage::parse).map(Event::Usage));
        let word = filled(delta.get("finish_reason").and_then(Json::as_str));
        if let Some(word) = word.filter(|word| is_broken(word)) {
            self.phase.fail(error::broken(delta, word), events);
            return;
        }
        self.close(events);
        events.extend(word.map(|word| Event::Finish { candidate: 0, finish: parse_finish(word) }));
        self.phase.end(events);
    }
}
