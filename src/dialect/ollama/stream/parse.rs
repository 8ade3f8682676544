//! An upstream's lines → events.

use crate::dialect::ollama::reply::{self, ANSWER, Said};
use crate::dialect::ollama::types::{Form, parse_finish};
use crate::dialect::ollama::usage;
use crate::dialect::phase::Phase;
use crate::dialect::place::filled;
use crate::dialect::{StreamParser, openai_error, unknown};
use crate::fault::Fault;
use crate::ir::{Block, Content, Delta, Event, Extras, Opening};
use crate::refusal::Kind;
use crate::wire::json::{self, Json};

/// Reads one stream.
#[derive(Debug)]
pub(in crate::dialect::ollama) struct Parser {
    form: Form,
    phase: Phase,
    /// The number of the next block.
    next: u32,
    /// The open block of words or thought, and which of the two it is.
    open: Option<(u32, Speech)>,
    called: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    Text,
    Reasoning,
}

impl Parser {
    pub(in crate::dialect::ollama) const fn new(form: Form) -> Self {
        Self { form, phase: Phase::Before, next: 0, open: None, called: false }
    }
}

impl StreamParser for Parser {
    fn push(&mut self, event: Option<&str>, data: &[u8], events: &mut Vec<Event>) {
        let data = data.trim_ascii();
        if self.phase.is_over() || data.is_empty() {
            return;
        }
        let Ok(line) = json::parse(data) else {
            let message = "the provider sent a line that is not valid JSON";
            self.phase.fail(Fault::new(Kind::BadGateway, message), events);
            return;
        };
        if !line.is_object() {
            return;
        }
        if let Some(fault) = openai_error::in_stream(event, &line) {
            self.phase.fail(fault, events);
            return;
        }
        self.line(&line, events);
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        self.phase.finish(events);
    }
}

impl Parser {
    fn line(&mut self, line: &Json<'_>, events: &mut Vec<Event>) {
        if self.phase == Phase::Before {
            self.phase = Phase::Running;
            events.push(Event::Start {
                id: None,
                model: reply::model(line),
                created: reply::created(line),
                service_tier: None,
                extras: Extras::NONE,
            });
        }
        if let Some(said) = reply::said(self.form, line) {
            self.say(&said, events);
        }
        if let Some(json) = reply::logprobs(line) {
            events.push(Event::Logprobs { candidate: 0, json });
        }
        if line.get("done").and_then(Json::as_bool) == Some(true) {
            self.end(line, events);
        }
    }

    fn say(&mut self, said: &Said<'_, '_>, events: &mut Vec<Event>) {
        if let Some(thought) = said.thinking {
            let index = self.open(Speech::Reasoning, events);
            events.push(Event::Delta { index, delta: Delta::Reasoning(thought.to_owned()) });
        }
        if let Some(words) = said.words {
            let index = self.open(Speech::Text, events);
            events.push(Event::Delta { index, delta: Delta::Text(words.to_owned()) });
        }
        for picture in said.pictures() {
            self.whole(picture, events);
        }
        for call in said.calls() {
            self.called = true;
            self.call(call, events);
        }
    }

    fn open(&mut self, speech: Speech, events: &mut Vec<Event>) -> u32 {
        if let Some((index, _)) = self.open.filter(|(_, open)| *open == speech) {
            return index;
        }
        self.close(events);
        let index = self.number();
        let opening = match speech {
            Speech::Text => Opening::Text,
            Speech::Reasoning => Opening::Reasoning,
        };
        events.push(Event::BlockStart { index, candidate: 0, opening });
        self.open = Some((index, speech));
        index
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn close(&mut self, events: &mut Vec<Event>) {
        events.extend(self.open.take().map(|(index, _)| Event::BlockStop { index }));
    }

    fn whole(&mut self, block: Block, events: &mut Vec<Event>) {
        self.close(events);
        let index = self.number();
        events.push(Event::BlockStart { index, candidate: 0, opening: Opening::Whole(Box::new(block)) });
        events.push(Event::BlockStop { index });
    }

    /// A call comes whole.
    fn call(&mut self, block: Block, events: &mut Vec<Event>) {
        let Content::ToolCall(call) = block.content else { return };
        self.close(events);
        let index = self.number();
        let opening = Opening::ToolCall { id: call.id, name: call.name, kind: call.kind };
        events.push(Event::BlockStart { index, candidate: 0, opening });
        events.extend(block.signature.map(|seal| Event::Delta { index, delta: Delta::Signature(seal) }));
        events.push(Event::Delta { index, delta: Delta::Arguments(call.arguments) });
        events.push(Event::BlockStop { index });
    }

    fn end(&mut self, line: &Json<'_>, events: &mut Vec<Event>) {
        self.close(events);
        let mut extras = Extras::NONE;
        unknown::keep(self.form.dialect(), line, &ANSWER, &mut extras);
        if !extras.is_empty() {
            events.push(Event::Extras { candidate: None, extras });
        }
        events.extend(usage::parse(line).map(Event::Usage));
        let word = filled(line.get("done_reason").and_then(Json::as_str));
        let finish = parse_finish(self.form, word, self.called);
        events.push(Event::Finish { candidate: 0, finish });
        self.phase.end(events);
    }
}
