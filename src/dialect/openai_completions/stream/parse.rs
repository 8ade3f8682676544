//! An upstream's chunks → events.

use crate::dialect::openai_completions::types::{OWN, parse_finish, stop_sequence};
use crate::dialect::openai_completions::{logprobs, reply};
use crate::dialect::phase::Phase;
use crate::dialect::place::filled;
use crate::dialect::{StreamParser, openai_error, openai_usage, unknown};
use crate::fault::Fault;
use crate::ir::{Delta, Event, Extras, Finish, FinishReason, Opening, Usage};
use crate::refusal::Kind;
use crate::wire::json::{self, Json};

/// Reads one stream.
#[derive(Debug, Default)]
pub(in crate::dialect::openai_completions) struct Parser {
    phase: Phase,
    /// The number of the next block.
    next: u32,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    /// The names of unknown members that were told; chunks repeat them.
    told: Vec<String>,
    /// Whether it is Triton's, which ends without a word.
    plain: bool,
}

/// One answer among several.
#[derive(Debug, Default)]
struct Choice {
    number: u32,
    /// The open block of its text.
    open: Option<u32>,
    extras: Extras,
    finished: bool,
}

/// The members of a chunk that say nothing of the answer: OpenAI pads its events.
const PADDING: [&str; 2] = ["obfuscation", "p"];

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
        let Ok(chunk) = json::parse(data) else {
            let message = "the provider sent an event that is not valid JSON";
            self.phase.fail(Fault::new(Kind::BadGateway, message), events);
            return;
        };
        if !chunk.is_object() {
            return;
        }
        if let Some(fault) = openai_error::in_stream(event, &chunk) {
            self.usage(&chunk, events);
            self.phase.fail(fault, events);
            return;
        }
        match reply::plain(&chunk) {
            Some(text) => self.piece(&chunk, text, events),
            None => self.chunk(&chunk, events),
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        if !self.phase.is_over() && self.plain {
            self.choices
                .iter_mut()
                .for_each(|choice| choice.end(Some(Finish::new(FinishReason::Stop)), events));
            return self.end(events);
        }
        if !self.phase.is_over() && self.choices.iter().any(|choice| choice.finished) {
            return self.end(events);
        }
        self.phase.finish(events);
    }
}

impl Parser {
    /// A piece of Triton's.
    fn piece(&mut self, chunk: &Json<'_>, text: &str, events: &mut Vec<Event>) {
        if self.phase == Phase::Before {
            self.phase = Phase::Running;
            let model = chunk.get("model_name").and_then(Json::as_str).map(str::to_owned);
            let extras = Extras::NONE;
            events.push(Event::Start { id: None, model, created: None, service_tier: None, extras });
        }
        self.plain = true;
        match filled(Some(text)) {
            Some(text) => self.say(0, text, events),
            // It is an answer all the same, whose end will be told.
            None => {
                self.of(0);
            }
        }
    }

    fn chunk(&mut self, chunk: &Json<'_>, events: &mut Vec<Event>) {
        self.start(Some(chunk), events);
        for (place, value) in chunk.get("choices").map(Json::elements).unwrap_or_default().iter().enumerate()
        {
            let number = value.get("index").and_then(Json::as_u64);
            let number = number.and_then(|number| u32::try_from(number).ok());
            self.choice(number.unwrap_or_else(|| u32::try_from(place).unwrap_or_default()), value, events);
        }
        self.usage(chunk, events);
    }

    fn choice(&mut self, number: u32, value: &Json<'_>, events: &mut Vec<Event>) {
        if let Some(text) = filled(reply::words(value)) {
            self.say(number, text, events);
        }
        let Some(choice) = self.of(number) else { return };
        if let Some(json) = logprobs::parse(value) {
            events.push(Event::Logprobs { candidate: number, json });
        }
        unknown::keep(OWN, value, &reply::CHOICE, &mut choice.extras);
        let word = filled(value.get("finish_reason").and_then(Json::as_str));
        if let Some(word) = word.filter(|word| *word != "null") {
            choice.end(Some(parse_finish(word, stop_sequence(value))), events);
        }
    }

    /// The answer of that number, unless it has ended.
    fn of(&mut self, number: u32) -> Option<&mut Choice> {
        let place = self.choices.iter().position(|choice| choice.number == number).unwrap_or_else(|| {
            self.choices.push(Choice { number, ..Choice::default() });
            self.choices.len() - 1
        });
        self.choices.get_mut(place).filter(|choice| !choice.finished)
    }

    fn say(&mut self, number: u32, text: &str, events: &mut Vec<Event>) {
        let next = self.next;
        let Some(choice) = self.of(number) else { return };
        let opened = choice.open.is_none();
        let index = *choice.open.get_or_insert(next);
        if opened {
            self.next += 1;
            events.push(Event::BlockStart { index, candidate: number, opening: Opening::Text });
        }
        events.push(Event::Delta { index, delta: Delta::Text(text.to_owned()) });
    }

    /// Says the start once, then what members no chunk before had.
    fn start(&mut self, chunk: Option<&Json<'_>>, events: &mut Vec<Event>) {
        let mut extras = Extras::NONE;
        let told: Vec<&str> = self.told.iter().map(String::as_str).collect();
        if let Some(chunk) = chunk {
            let known = [&reply::REPLY[..], &PADDING[..], &told[..]].concat();
            unknown::keep(OWN, chunk, &known, &mut extras);
        }
        self.told.extend(extras.all().iter().map(|extra| extra.name.clone()));
        if self.phase != Phase::Before {
            if !extras.is_empty() {
                events.push(Event::Extras { candidate: None, extras });
            }
            return;
        }
        self.phase = Phase::Running;
        let text = |key: &str| filled(chunk?.get(key)?.as_str()).map(str::to_owned);
        let created = chunk.and_then(|chunk| chunk.get("created")?.as_u64());
        events.push(Event::Start {
            id: text("id"),
            model: text("model"),
            created: created.filter(|seconds| *seconds > 0),
            service_tier: None,
            extras,
        });
    }

    fn usage(&mut self, chunk: &Json<'_>, events: &mut Vec<Event>) {
        let Some(usage) = openai_usage::of(chunk) else { return };
        if self.usage != Some(usage) {
            self.start(None, events);
            self.usage = Some(usage);
            events.push(Event::Usage(usage));
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        self.start(None, events);
        for choice in self.choices.iter_mut().filter(|choice| !choice.finished) {
            choice.end(None, events);
        }
        self.phase.end(events);
    }
}

impl Choice {
    fn end(&mut self, finish: Option<Finish>, events: &mut Vec<Event>) {
        self.finished = true;
        let candidate = self.number;
        events.extend(self.open.take().map(|index| Event::BlockStop { index }));
        let extras = std::mem::take(&mut self.extras);
        if !extras.is_empty() {
            events.push(Event::Extras { candidate: Some(candidate), extras });
        }
        events.extend(finish.map(|finish| Event::Finish { candidate, finish }));
    }
}
